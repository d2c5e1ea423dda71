/*
 * The `recommend:` section of a scenario: one workload, what it may run on, and what is asked of the answer. Read into
 * plain values here; `headroom recommend` makes a space of configurations of it and searches that (app/space.h).
 */
#ifndef HEADROOM_IO_RECOMMEND_H
#define HEADROOM_IO_RECOMMEND_H

#include "core/choice.h"
#include "core/service.h"
#include "core/setup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct service_demand; /* io/scenario.h */

enum recommend_kind { RECOMMEND_TRAINING, RECOMMEND_BATCH, RECOMMEND_SERVICE };

/* One combination of what may vary within the workload: precision, parallelism, batch. */
struct recommend_variant {
    const char *label;              /* "tensor 4, precision fp8"; "" when nothing varies */
    struct chosen speed;            /* KIND_SPEED; not of a service */
    const struct service_setup *service; /* of a service: costs by offer (gpus 0: it does not fit there) */
};
/* A pool for each machine, region and way to pay; machine by machine. */
struct recommend_offer {
    struct pool_setup pool;         /* owned, rented and reserved capacity is priced by the hour at work */
    uint32_t machine, nodes;        /* nodes: at most */
};
struct recommend_limits {
    double time_s, share;           /* floor: time of a result (0: not given); or share of the best performance */
    double usd, factor;             /* guardrail: of the work, or a day (0: not given); or times the least */
};
struct recommend_setup {
    const char *preset;
    enum recommend_kind kind;
    double work;                    /* units of it, in all; of a batch: of an item */
    double items;                   /* batch */
    uint32_t item_gpus;
    double utilisation;             /* of GPUs at work, for their power; not of a service */
    double flops;                   /* of a unit of work: nothing is faster than its peak; 0: not known */
    const char *unit;               /* what figures are shown per: */
    double unit_size;               /* so many units of work; not of a service */
    double share;                   /* service: of the requests that must keep its levels */
    struct recommend_variant *variants;
    size_t variants_len, left_out;  /* left_out: variants in a precision that is not wanted */
    struct recommend_offer *offers;
    const char **machines;          /* names */
    size_t offers_len, machines_len;
    struct numbers node_counts;     /* len 0: all */
    struct service_demand *demand;  /* service: where its requests come from */

    struct numbers caps;
    struct choice_checkpoint *checkpoints;
    struct choice_wait *waits;
    size_t checkpoints_len, waits_len;
    double write_s, restore_s;

    struct recommend_limits limits;
    double weight_usd, weight_energy, weight_carbon, value_exponent;
    uint32_t kept;                  /* candidates of each answer that are simulated */
};

#endif
