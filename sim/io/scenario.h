/*
 * A scenario file: YAML read through libyaml against parameter tables, every mistake found at
 * once, each with file, line, column and path. The result is one or more runs of plain numbers.
 */
#ifndef HEADROOM_IO_SCENARIO_H
#define HEADROOM_IO_SCENARIO_H

#include "base/err.h"
#include "core/load.h"
#include "core/model.h"
#include "core/setup.h"
#include "io/factor.h"

/* Where the requests to a service come from: a trace, or a synthetic load. */
struct service_demand {
    struct service_setup *service;   /* of the setup; its requests are to be filled in */
    const char *file;                /* path as found, or NULL: synthetic */
    const struct request_load *load; /* when file is NULL */
};

/* Where the jobs come from: a trace, or a synthetic load; neither where pipelines or services are all there is. */
struct demand {
    const char *trace;        /* path as found (relative to the scenario file), or NULL: synthetic */
    struct load_setup *load;  /* when trace is NULL */
    struct service_demand *services; /* parallel to the setup's */
    size_t services_len;
    /* Treatment of a trace, in this order (app/demand.c). */
    double speed;             /* submit times divided by it; 1 */
    bool shuffle;             /* order of the jobs, from stream `shuffle` of the seed */
    double repeat_until;      /* draw jobs again until this share of the fleet's GPUs was asked for; 0: off */
    bool depart;              /* false: jobs hold their GPUs forever */
    int64_t every_ns;         /* > 0: submit times are replaced by 0, every, 2 every, ... */
};

struct recommend_setup; /* io/recommend.h */

struct scenario_run {
    const char *name;         /* "" when the scenario has no `runs:` */
    struct setup *setup;
    struct demand demand;
    struct recommend_setup *recommend; /* NULL: the section is not there */
    const char *overrides;    /* "policy.order=sjf, ..." of this run, for people; "" when none */
    const struct run_factor *factors; /* what a sweep set */
    size_t factors_len;
};
struct sweep;   /* io/sweep.h */
struct sweep_value;
struct sizing;  /* io/sizing.h */
struct opening; /* what points are read from */
struct scenario {
    struct arena arena;
    const char *file, *name, *about; /* `about:` the question it answers */
    const char *text;         /* the file, includes resolved and --set applied, as YAML, for the database */
    uint64_t hash;            /* of text */
    const char *baseline;     /* name of the run the others are compared with; "" */
    struct scenario_run *runs;
    size_t runs_len;
    const struct sweep *sweep; /* NULL: it has none */
    const struct sizing *size; /* NULL: it has none */
    struct opening *opening;
};

/* sets: "path=value" texts from the command line, applied after the file and after each run's own `set:`.
 * false: findings in err; scenario may then only be closed. */
bool scenario_open(struct scenario *scenario, const char *file, const struct registry *registry,
                   const char *const *sets, size_t sets_len, struct err *err);
void scenario_close(struct scenario *scenario);

/* One run (an index of runs) at one point (from 0) of the scenario's sweep, in one replication (from 0). Any number of
 * threads may ask. false: findings in err. Close it either way. */
bool scenario_point_open(const struct scenario *scenario, size_t run, uint64_t point, uint64_t replication,
                         struct scenario_run *into, struct err *err);
/* The scenario without its runs but with these values. One thread at a time. Closed like a point. */
bool scenario_variant_open(const struct scenario *scenario, const struct sweep_value *values, size_t len,
                           struct scenario_run *into, struct err *err);
void scenario_point_close(struct scenario_run *run);
/* Adds the findings that err does not have yet: a mistake that many points share is told once. */
void scenario_merge_findings(struct err *err, const struct err *more);

/* Where catalogue files are looked for, in order: $HEADROOM_CATALOG, then these. Set once by main. */
void scenario_catalog_dirs(const char *const *dirs, size_t count);

/* The scenario reference (Markdown), generated from the same tables: docs/scenario.md. */
void scenario_reference(FILE *to, const struct registry *registry);
/* One model's parameters as text, for `headroom models NAME`. */
void scenario_describe_model(FILE *to, enum kind kind, const struct model *model);

#endif
