/*
 * What every model is: a name, a summary, its parameters as a table, its state's size.
 *
 * A model kind (order, backfill, place, ...) is a struct that begins with `struct model` and adds the
 * kind's functions; a model is one `const` of it in one file, named in models/models.def. The parameter
 * table is the only description of the parameters: it parses and checks the YAML block, prints
 * `headroom models NAME`, and generates docs/scenario.md.
 */
#ifndef HEADROOM_CORE_MODEL_H
#define HEADROOM_CORE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A dimension says which units a value may be written in, and the one unit the program keeps it in. */
enum dim {
    DIM_NONE,         /* a plain number */
    DIM_TIME,         /* kept in ns (int64_t) by PARAM_TIME, in s by PARAM_NUMBERS. ns us ms s min h d w y */
    DIM_POWER,        /* kept in W */
    DIM_ENERGY_PRICE, /* kept in USD/kWh; also USD/MWh, ct/kWh */
    DIM_CARBON,       /* kept in gCO2/kWh; also kgCO2/MWh */
    DIM_MONEY,        /* kept in USD */
    DIM_MONEY_RATE,   /* kept in USD/h; also USD/d, USD/month (1/12 y), USD/y */
    DIM_MEMORY,       /* kept in MiB; also KiB GiB TiB and kB MB GB TB */
    DIM_TEMPERATURE,  /* kept in degrees Celsius: C */
    DIM_RATE,         /* kept in 1/h: /s /min /h /d */
    DIM_ENERGY,       /* kept in J; Wh kWh MWh, J kJ MJ */
    DIM_MASS,         /* kept in g; kg t */
    DIM_CARBON_PRICE, /* kept in USD/kg; USD/t */
    DIM_POWER_PRICE,  /* kept in USD/kW; USD/MW */
    DIM_DATA,         /* kept in GB; MB TB */
    DIM_DATA_PRICE,   /* kept in USD/GB; USD/TB */
    DIM_DATA_RATE,    /* kept in GB/s; MB/s Gbit/s Mbit/s */
    DIM_COUNT_
};

enum param_kind {
    PARAM_NUMBER,  /* double */
    PARAM_INTEGER, /* int64_t */
    PARAM_TIME,    /* int64_t ns */
    PARAM_BOOL,    /* bool */
    PARAM_CHOICE,  /* int: index into choices */
    PARAM_TEXT,    /* const char *, owned by whoever parsed it */
    PARAM_NUMBERS  /* struct numbers: a list of doubles */
};

struct numbers {
    double *at;
    size_t len;
};

struct param {
    const char *key;
    enum param_kind kind;
    enum dim dim;
    size_t offset;          /* of the field in the params struct */
    double fallback;        /* in the kept unit (times: seconds; choice: index; bool: 0/1) */
    double least, most;     /* inclusive, in the kept unit (times: seconds); least > most: unbounded */
    bool required;          /* no fallback: the key must be given */
    const char *const *choices; /* NULL-terminated, for PARAM_CHOICE */
    const char *text;       /* fallback of PARAM_TEXT, may be NULL */
    const char *help;       /* one sentence, with what the value does */
};

struct model {
    const char *name;
    const char *summary;        /* one line, for lists */
    const char *source;         /* paper, table, or "" */
    size_t params_size;         /* sizeof its params struct; 0 when it has none */
    const struct param *params; /* params_count of them */
    size_t params_count;
    size_t state_size;          /* zeroed memory for each run, from the run's arena */
    /* What is wrong between parameters that are each in range ("shortest must be below longest"), NULL when
     * nothing is. May be NULL. */
    const char *(*check)(const void *params);
};

enum kind {
    KIND_ORDER,
    KIND_BACKFILL,
    KIND_PLACE,
    KIND_ROUTE,
    KIND_POWER,     /* busy power from utilisation */
    KIND_ARRIVALS,  /* models/load: when jobs arrive */
    KIND_DURATIONS, /* models/load: how long they run */
    KIND_IMPORT,
    KIND_SHIFT,     /* when a job that could start should */
    KIND_FORECAST,  /* what is known of a signal's future */
    KIND_MARKET,    /* which purchase a job runs on */
    KIND_LIFETIME,  /* models/fail: time to failure, time to repair */
    KIND_SPEED,     /* how fast work goes on given hardware and scale */
    KIND_RESIZE,    /* how many GPUs running jobs hold */
    KIND_COUNT
};

struct registry {
    const struct model *const *models[KIND_COUNT];
    size_t counts[KIND_COUNT];
};
extern const char *const kind_names[KIND_COUNT]; /* "order", "backfill", ... */
/* NULL when there is none of that name. */
const struct model *registry_find(const struct registry *registry, enum kind kind, const char *name);

/* A model with its parsed parameters (params_size bytes, or NULL when it has none). */
struct chosen {
    const struct model *model;
    void *params;
};
/* Fills params with the table's fallbacks (texts are borrowed from the table). */
void model_fallbacks(const struct model *model, void *params);

#endif
