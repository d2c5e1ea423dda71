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
#include "core/flow.h"
#include "core/service.h"

#include <math.h>
#include <stdlib.h>

const char *const part_names[PART_COUNT] = {"run", "region", "tenant", "class", "pool", "service",
                                             "request_class", "request_region", "pipeline"};

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
    ALL = (1 << PART_SERVICE) - 1,
    JOBS = ALL & ~(1 << PART_POOL),                           /* parts that submit jobs */
    STANDS = 1 << PART_RUN | 1 << PART_SERVICE | 1 << PART_REQUEST_REGION, /* parts that replicas stand for */
    SERVES = STANDS | 1 << PART_REQUEST_CLASS,                /* parts that answer requests */
    PIPES = 1 << PART_RUN | 1 << PART_PIPELINE,               /* parts that items go through */
    HOLDS = ALL | SERVES | PIPES,                             /* parts that hold GPUs, and are charged for them */
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
static double measured_s(const struct result *r) { return tick_seconds(r->measured_ns); }
static double total_usd(const struct tally *t) {
    return t->energy_usd + t->capacity_usd + t->carbon_usd + t->demand_usd + t->egress_usd + t->site_usd;
}
static double worked(const struct tally *t) { return t->serves ? NAN : t->work; }
static double usd_per_job(const struct tally *t) {
    return t->serves ? NAN : ratio(total_usd(t), count(t->finished));
}
static double all_why_s(const struct tally *t) {
    double sum = 0;
    for (int why = 0; why < WHY_COUNT; why++) sum += t->why_s[why];
    return sum;
}

/* Of a service, or of all: NAN where the run has none. */
static double served(const struct tally *t, double (*value)(const struct service_result *)) {
    return t->service ? value(t->service) : NAN;
}
#define SERVED(name, value) \
    static double name(const struct service_result *x) { return value; }
SERVED(requests, count(x->arrived))
SERVED(requests_finished, count(x->finished))
SERVED(requests_waiting, count(x->waiting))
SERVED(requests_recomputed, count(x->preemptions))
SERVED(requests_refused, count(x->refused))
SERVED(requests_away, count(x->away))
SERVED(goodput_share, ratio(count(x->met), count(x->arrived)))
SERVED(output_tokens, x->output_tokens)
SERVED(cached_share, ratio(x->cached_tokens, x->prompt_tokens))
SERVED(replicas_most, x->replicas_most)
SERVED(replica_h, x->replica_h)
SERVED(replica_starts, count(x->starts))
SERVED(kv_used_share, x->kv_used)
SERVED(mtok_usd, ratio(x->energy_usd + x->capacity_usd, x->output_tokens / 1e6))
SERVED(mtok_g, ratio(x->co2_g, x->output_tokens / 1e6))
SERVED(token_j, ratio(x->energy_j, x->output_tokens))
SERVED(gpu_tokens_per_s, ratio(x->output_tokens, x->gpu_h * 3600))
#undef SERVED
static double quantile_s(const struct tally *t, size_t times, double share) {
    if (!t->service) return NAN;
    return times_quantile((const struct times *)(const void *)((const char *)t->service + times), share);
}
/* Of a pipeline, or of all: NAN where the run has none. */
static double piped(const struct tally *t, double (*value)(const struct flow_result *)) {
    return t->flow ? value(t->flow) : NAN;
}
#define PIPED(name, value) \
    static double name(const struct flow_result *x) { return value; }
PIPED(items, x->items)
PIPED(items_offered, x->offered)
PIPED(items_left, x->left)
PIPED(items_per_s, ratio(x->items, x->active_s))
PIPED(pipeline_active_h, x->active_s / 3600)
PIPED(worker_h, x->worker_h)
PIPED(worker_starts, count(x->starts))
PIPED(pipeline_busy_share, ratio(x->busy_gpu_h, x->gpu_h))
PIPED(pipeline_stalled_share, ratio(x->stalled_gpu_h, x->gpu_h))
PIPED(items_per_gpu_h, ratio(x->items, x->gpu_h))
PIPED(mitem_usd, ratio(x->energy_usd + x->capacity_usd, x->items / 1e6))
PIPED(mitem_kwh, ratio(kwh(x->energy_j), x->items / 1e6))
PIPED(mitem_g, ratio(x->co2_g, x->items / 1e6))
#undef PIPED
#define TTFT offsetof(struct service_result, ttft)
#define TPOT offsetof(struct service_result, tpot)
#define E2E offsetof(struct service_result, e2e)

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
    flow_results_free(result->flows, result->flows_len + 1);
    for (size_t i = 0; i < result->service_parts_len; i++) free((char *)(uintptr_t)result->service_parts[i].name);
    free(result->service_parts);
    free(result->tenants);
    free(result->classes);
    for (size_t i = 0; i < result->warnings_len; i++) free(result->warnings[i]);
    free(result->warnings);
    *result = (struct result){0};
}
