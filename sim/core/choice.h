/*
 * Every way to run one workload, as arithmetic: what each would cost, take, draw and emit in the mean, and the best
 * of millions of them by several measures at once.
 *
 * A configuration is a row (what a variant of the workload does on so many nodes of one machine: precision,
 * parallelism and batch are in it), on an offer of that machine (a region and a way to pay), under a knob (power cap,
 * checkpoint interval, how long to wait for a better hour). Configurations are numbered row by row, in a row offer by
 * offer, in an offer knob by knob; of equals the lowest number is the better one, so that an answer depends neither on
 * threads nor on what was left out.
 *
 * Work is done in pieces one after the other, which failures interrupt; what is lost follows Daly's renewal form
 * (checkpoint.h has his intervals). Power is a machine's at work, price and carbon are means over the very hours of
 * the run. So the mean of the simulator's own runs is what is estimated; PUE that moves with the load, demand charges
 * and what stands behind a site's meter are what it leaves out.
 *
 * Bounds: of a row on an offer, and of a row on all offers of its machine, no knob does better than no failure, no
 * write, the fastest cap, and each hour at the least price. A bound that lies above the worst answer kept, or outside
 * a limit, rules the whole block out.
 */
#ifndef HEADROOM_CORE_CHOICE_H
#define HEADROOM_CORE_CHOICE_H

#include "core/outlook.h"
#include "core/setup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHOICE_CAPS_MOST = 16, CHOICE_KEPT_MOST = 32, CHOICE_GOALS_MOST = 8 };

/* A value over time as runs see it. signal NULL: flat, always `least`. */
struct choice_signal {
    const struct signal *signal;
    double least;              /* it is never below this */
};

/* A node type: what all offers of it have in common. */
struct choice_machine {
    double idle_w;             /* IT power of a node at no load, GPUs included */
    double beyond_w[CHOICE_CAPS_MOST]; /* what a GPU at work adds, by cap */
    double cap_speed[CHOICE_CAPS_MOST]; /* and how fast it is then, of its full speed */
    size_t first_offer, offers_len, first_row, rows_len;
    uint64_t first_id;         /* of its configurations */
};
/* A machine somewhere, paid for in one way. */
struct choice_offer {
    uint32_t machine;
    double usd_per_node_h;
    struct choice_signal rent; /* USD a node and hour where that varies; signal NULL: usd_per_node_h */
    struct choice_signal usd_per_kwh, g_per_kwh; /* x PUE, carbon price included */
    struct choice_signal pue;
    bool elastic;              /* paid for while it is up only, in whole multiples of billing_s, at least least_s */
    double billing_s, least_s;
    double boot_s;             /* until nodes are there */
    double failures_per_h;     /* of a node, without */
    double warned_per_h;       /* those that leave time to write a checkpoint */
    double away_s;             /* from a failure until another node is there */
    double up_share;           /* of the time that a node is there: services go by it */
    uint32_t nodes_most;
    /* Steps of an hour: the best start within each wait, by the mean of a window (choice_space.waits). */
    const struct signal *shift_price, *shift_carbon; /* x PUE; NULL: flat */
};
/* A variant of the workload on so many nodes: 64 bytes, one cache line. */
struct choice_row {
    uint16_t machine, variant;
    uint32_t nodes;
    double piece_s;            /* undisturbed, at full speed */
    double pieces;             /* one after the other */
    double busy_gpus;          /* GPUs at work while the nodes are held, in the mean */
    double beyond_w;           /* of each of them; below 0: the machine's at the cap */
    double latency_s;          /* time of a result where that is not the run's length; 0: it is */
    double needs_up;           /* an offer must be up for this share of the time */
    float error;               /* expected relative error of its speed; NAN: outside what was measured */
    uint32_t replicas;         /* of a service; workers of a batch; 0 */
};
_Static_assert(sizeof(struct choice_row) == 64, "a row is one cache line");

struct choice_checkpoint {
    int kind;                  /* of struct checkpoint_setup */
    double every_s;            /* fixed */
};
struct choice_wait {
    double s;                  /* 0: starts at once */
    bool on_carbon;            /* else on the price */
};
struct choice_space {
    struct choice_machine *machines;
    struct choice_offer *offers;   /* by machine */
    struct choice_row *rows;       /* by machine */
    size_t machines_len, offers_len, rows_len;
    struct choice_checkpoint *checkpoints;
    struct choice_wait *waits;
    size_t caps_len, checkpoints_len, waits_len; /* each >= 1 */
    double write_s, restore_s;
    bool gang;                 /* a failure of any node stops a piece; else only of its own */
    double value_exponent;     /* of time in USD x time^exponent */
    double weight_usd, weight_j, weight_g; /* CHOICE_WEIGHTED: each over the best of its kind below */
    double scale_usd, scale_j, scale_g;
};
/* Sets the numbers of machines' configurations; returns how many there are. Machines' ranges must be set. */
uint64_t choice_number(struct choice_space *space);
static inline size_t choice_knobs(const struct choice_space *s) {
    return s->caps_len * s->checkpoints_len * s->waits_len;
}

/* One configuration, and what it comes to; of all the work. */
struct choice_config {
    uint64_t id;
    uint32_t row, offer, cap, checkpoint, wait;
};
struct choice_outcome {
    double usd, time_s, energy_j, co2_g;
    double start_s;            /* kept back so long */
    double held_s;             /* nodes are held, in the mean */
    double failures;           /* expected, of all nodes */
    double watts;              /* IT, at work */
};
/* false: it cannot be (the offer has too few nodes, it would never end). */
bool choice_outcome(const struct choice_space *space, const struct choice_config *config, struct choice_outcome *out);
struct choice_config choice_config_of(const struct choice_space *space, uint64_t id);

enum choice_measure { CHOICE_USD, CHOICE_TIME, CHOICE_VALUE, CHOICE_ENERGY, CHOICE_CARBON, CHOICE_WEIGHTED };
/* The least of a measure among configurations within limits. */
struct choice_goal {
    enum choice_measure measure;
    double time_most_s, usd_most; /* INFINITY: none */
};
double choice_measured(const struct choice_space *space, enum choice_measure measure,
                       const struct choice_outcome *outcome);
/* No configuration of the row on the offer (offer SIZE_MAX: on any of its machine's) comes to less by the measure,
 * and none takes or costs less than *time_s and *usd. -INFINITY where nothing can be said. */
double choice_bound(const struct choice_space *space, size_t row, size_t offer, enum choice_measure measure,
                    double *time_s, double *usd);

/* The best of a goal, ascending, each of another row. */
struct choice_kept {
    double value, usd, time_s;
    struct choice_config config;
};
struct choice_best {
    struct choice_kept at[CHOICE_KEPT_MOST];
    size_t len, most;
};
struct choice_counts {
    uint64_t ruled_out, looked_at;
};
/* Adds the best of rows [from, to) to best (one a goal, `most` set, may hold answers from elsewhere). prune false:
 * every configuration is looked at. Pure: the same for the same arguments. */
void choice_scan(const struct choice_space *space, const struct choice_goal *goals, size_t goals_len, size_t from,
                 size_t to, bool prune, struct choice_best *best, struct choice_counts *counts);
void choice_merge(struct choice_best *into, const struct choice_best *from);

/* How flat cost is: the least within a goal's limits by group, and how many configurations come near the best. */
enum { CHOICE_NEAR = 4 };
extern const double choice_near[CHOICE_NEAR]; /* within so much of the best: 0.01, 0.05, 0.1, 0.25 */
struct choice_survey {
    double *offer_usd;         /* least on each offer; INFINITY: none */
    double *variant_usd;       /* and of each variant */
    uint64_t near[CHOICE_NEAR];
};
/* best_usd: the least within the limits. The arrays are the caller's, as are their beginnings; counts are added. */
void choice_look_around(const struct choice_space *space, const struct choice_goal *limits, double best_usd,
                        size_t from, size_t to, struct choice_survey *survey);

#endif
