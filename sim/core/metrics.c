/*
 * The metrics: every figure a run is judged by, once. A line of metrics.def names a figure, its unit, the
 * parts it is defined for, which way is better, how it follows from a tally, and what it means in one
 * sentence; the database, the terminal's table, the report and docs/concepts.md all take it from there.
 *
 * Invariant: a figure depends on the tally and the result alone; a ratio to nothing is undefined (NAN), never
 * 0 or infinite. Cost: a few operations a figure.
 */
#include "core/result.h"

#include "base/tick.h"

#include <math.h>
#include <stdlib.h>

const char *const part_names[PART_COUNT] = {"run", "region", "tenant", "class", "pool"};

const char *const why_names[WHY_COUNT] = {"head_of_line",  "quota",    "capacity",
                                          "fragmentation", "mismatch", "policy",
                                          "shift",         "boot",     "power_limit", "transfer"};
const char *const why_texts[WHY_COUNT] = {
    "behind the head of the line",     "tenant at its quota",       "too few GPUs free",
    "enough GPUs free, but scattered", "free GPUs of another kind", "held back by the policy",
    "kept for a better hour",          "nodes on their way",        "the region at its power limit",
    "for its data to arrive",
};

enum {
    ALL = (1 << PART_COUNT) - 1,
    JOBS = ALL & ~(1 << PART_POOL),                           /* parts that submit jobs */
    IRON = 1 << PART_RUN | 1 << PART_REGION | 1 << PART_POOL, /* parts that own nodes, and so idle ones */
    OWNS = IRON | 1 << PART_TENANT,                           /* parts that may own nodes */
    SITE = 1 << PART_RUN | 1 << PART_REGION,                  /* parts with a meter */
    RUN = 1 << PART_RUN
};
enum better { MORE, LESS, NEUTRAL };

static double count(uint64_t things) { return (double)things; }
static double positive(double value) { return value > 0 ? value : NAN; }
static double ratio(double value, double whole) { return whole > 0 ? value / whole : NAN; }
static double known(const struct tally *t, double of_finished) { return t->finished ? of_finished : NAN; }
static double kwh(double energy_j) { return energy_j / 3.6e6; }
static double measured_h(const struct result *r) { return tick_hours(r->measured_ns); }
static double total_usd(const struct tally *t) {
    return t->energy_usd + t->capacity_usd + t->carbon_usd + t->demand_usd + t->egress_usd + t->site_usd;
}
static double usd_per_job(const struct tally *t) { return ratio(total_usd(t), count(t->finished)); }
static double all_why_s(const struct tally *t) {
    double sum = 0;
    for (int why = 0; why < WHY_COUNT; why++) sum += t->why_s[why];
    return sum;
}

#define METRIC(name, unit, parts, better, value, help)                       \
    static double name##_of(const struct tally *t, const struct result *r) { \
        (void)t, (void)r;                                                    \
        return value;                                                        \
    }
#include "core/metrics.def"
#undef METRIC

#define METRIC(name, unit, parts, better, value, help) \
    {#name, unit, help, parts, (better) == LESS, (better) == NEUTRAL, name##_of},
const struct metric result_metrics[] = {
#include "core/metrics.def"
};
#undef METRIC
const size_t result_metrics_len = sizeof result_metrics / sizeof *result_metrics;

/* Of the jobs only records and shapes are the run's own; columns and names are the trace's. */
void result_free(struct result *result) {
    if (result->jobs) {
        free(result->jobs->at);
        free(result->jobs->shapes.at);
        free(result->jobs);
    }
    free(result->tallies);
    free(result->charged);
    free(result->start_hours);
    free(result->series.at);
    free(result->job_results);
    free(result->services);
    free(result->tenants);
    free(result->classes);
    for (size_t i = 0; i < result->warnings_len; i++) free(result->warnings[i]);
    free(result->warnings);
    *result = (struct result){0};
}
