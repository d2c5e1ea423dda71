/*
 * The best offer, by weights: every region says when shifting would let the job start there, what it would pay of
 * the signal that shifting goes by (carbon, price or both, x PUE) over its length from then on, how long the queue
 * is, and what moving its data costs in time and money.
 *
 *     score = signal x (believed mean / mean of that over the regions)
 *           + delay x hours until it may start, the queue counted
 *           + transfer x USD for its data
 *
 * With `delay` and `transfer` 0 it is the best pair of region and start inside the job's slack. Ties go to the
 * lowest index.
 * Cost: O(regions).
 */
#include "core/seams.h"

#include <math.h>

struct params {
    double signal, delay_per_h, transfer_per_usd;
};
struct state {
    struct params by;
};

static void open(void *state, const void *params, const struct world *world) {
    (void)world;
    ((struct state *)state)->by = *(const struct params *)params;
}

static uint32_t pair(void *state, const struct world *world, uint32_t job, const bool *may,
                     const struct route_offer *offers) {
    (void)job;
    const struct params *by = &((const struct state *)state)->by;
    const size_t regions = world->setup->regions_len;
    double mean = 0;
    size_t count = 0;
    for (uint32_t r = 0; r < regions; r++) {
        if (!may[r]) continue;
        mean += fabs(offers[r].mean);
        count++;
    }
    mean /= (double)count;
    uint32_t best = UINT32_MAX;
    double least = INFINITY;
    for (uint32_t r = 0; r < regions; r++) {
        if (!may[r]) continue;
        const struct route_offer *o = &offers[r];
        const double hours = ((double)(o->start_ns - world->now_ns) / 1e9 + o->queue_s) / 3600;
        const double score = by->signal * (mean > 0 ? o->mean / mean : 0) + by->delay_per_h * hours +
                             by->transfer_per_usd * o->transfer_usd;
        if (best != UINT32_MAX && !(score < least)) continue;
        least = score;
        best = r;
    }
    return best;
}

#define AT(member) offsetof(struct params, member)
static const struct param params[] = {
    {.key = "signal", .kind = PARAM_NUMBER, .offset = AT(signal), .fallback = 1, .least = 0, .most = 1e6,
     .help = "Weight of what the job would pay of the shifting signal, relative to the mean of all regions."},
    {.key = "delay", .kind = PARAM_NUMBER, .offset = AT(delay_per_h), .fallback = 0.1, .least = 0, .most = 1e6,
     .help = "Weight of each hour until it may start: shifting, queue, data transfer."},
    {.key = "transfer", .kind = PARAM_NUMBER, .offset = AT(transfer_per_usd), .fallback = 0.1, .least = 0,
     .most = 1e6, .help = "Weight of each dollar for moving its data."},
};
#undef AT

const struct route_model route_weighted = {
    .model = {.name = "weighted",
              .summary = "the best weighted offer of signal, delay and data transfer, with its start",
              .source = "",
              .params_size = sizeof(struct params),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .state_size = sizeof(struct state)},
    .open = open,
    .pair = pair,
};
