/*
 * Synthetic requests to an LLM service. Arrivals are a Poisson process whose rate follows the hour of the
 * day and is higher in bursts that begin and end at random (two states, Markov-modulated: Fischer and
 * Meier-Hellstern 1993); prompts and outputs are lognormal, each rounded and cut to its range.
 *
 * With p = burst share and k = burst ratio, the rate outside bursts is rate / (1 - p + p k), so that the
 * mean over time is the rate asked for. It starts in its stationary state. Common random numbers: sizes
 * come from a stream of their own, so request i is as large at any rate.
 *
 * Invariant: arrivals ascend and lie below until_ns. Cost: largest over mean of `daily` candidates an
 * arrival, since the day's shape is made by thinning.
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/load.h"
#include "core/service.h"

#include <math.h>
#include <stdlib.h>

enum { HOURS = 24 };

struct rows {
    struct request_row *at;
    size_t len, cap;
};

/* The hour's intensity over the day's mean; *most: the largest. */
static void hours_of(const struct numbers *daily, double hours[HOURS], double *most) {
    double sum = 0;
    require(daily->len == 0 || daily->len == HOURS);
    for (size_t i = 0; i < daily->len; i++) sum += daily->at[i];
    *most = 0;
    for (size_t i = 0; i < HOURS; i++) {
        hours[i] = daily->len ? daily->at[i] * HOURS / sum : 1;
        *most = fmax(*most, hours[i]);
    }
}

static size_t hour_of(const struct request_load *load, int64_t t_ns) {
    const int64_t of_day = (load->origin_unix_ns + load->utc_offset_ns + t_ns) % TICK_DAY;
    return (size_t)((of_day < 0 ? of_day + TICK_DAY : of_day) / TICK_HOUR);
}

static void draw_arrivals(const struct request_load *load, struct rng *rng, struct rows *rows) {
    const double share = load->burst_ratio > 1 ? load->burst_share : 0;
    const double calm_per_h = load->rate_per_h / (1 - share + share * load->burst_ratio);
    double hours[HOURS], most;
    hours_of(&load->daily, hours, &most);
    /* Indexed by "in a burst". */
    const double gap_ns[2] = {(double)TICK_HOUR / (calm_per_h * most),
                              (double)TICK_HOUR / (calm_per_h * load->burst_ratio * most)};
    const double stay_ns[2] = {share > 0 ? (double)load->burst_ns * (1 - share) / share : INFINITY,
                               (double)load->burst_ns};
    bool burst = share > 0 && rng_uniform(rng) < share;
    double t = 0, change = share > 0 ? rng_exponential(rng, stay_ns[burst]) : INFINITY;
    for (;;) {
        const double next = t + rng_exponential(rng, gap_ns[burst]);
        if (fmin(next, change) >= (double)load->until_ns) return;
        if (next > change) { /* exponential gaps have no memory: draw anew from the change on */
            t = change;
            burst = !burst;
            change += rng_exponential(rng, stay_ns[burst]);
            continue;
        }
        t = next;
        const int64_t at_ns = (int64_t)t;
        if (rng_uniform(rng) * most >= hours[hour_of(load, at_ns)]) continue;
        if (rows->len >= UINT32_MAX - 1) die("a service asks for more than %u requests", UINT32_MAX - 1);
        *vec_push(rows) = (struct request_row){.arrival_ns = at_ns};
    }
}

static uint32_t draw_tokens(const struct tokens_load *tokens, struct rng *rng) {
    return (uint32_t)fmin(fmax(round(rng_lognormal(rng, log(tokens->median), tokens->sigma)), 1), tokens->most);
}

/* Which class each request is of, by weight. */
static void draw_classes(const struct request_load *load, struct rng *rng, struct rows *rows) {
    double *upto = mem_alloc((load->classes_len + 1) * sizeof *upto), sum = 0;
    for (size_t i = 0; i < load->classes_len; i++) upto[i] = sum += load->classes[i].weight;
    for (size_t i = 0; i < rows->len && load->classes_len; i++) {
        const double at = rng_uniform(rng) * sum;
        size_t class = 0;
        while (class + 1 < load->classes_len && at >= upto[class]) class++;
        rows->at[i].class_id = (uint16_t)(class + 1);
    }
    free(upto);
}

void load_requests(const struct request_load *load, uint64_t seed, uint64_t index, struct requests *requests) {
    struct rows rows = {0};
    struct rng *rng = rng_open(seed, "requests", index);
    draw_arrivals(load, rng, &rows);
    rng_close(rng);
    rng = rng_open(seed, "request classes", index);
    draw_classes(load, rng, &rows);
    rng_close(rng);
    rng = rng_open(seed, "request sizes", index);
    for (size_t i = 0; i < rows.len; i++) {
        const uint16_t class = rows.at[i].class_id;
        rows.at[i].prompt = draw_tokens(class ? &load->classes[class - 1].prompt : &load->prompt, rng);
        rows.at[i].output = draw_tokens(class ? &load->classes[class - 1].output : &load->output, rng);
    }
    rng_close(rng);
    *requests = (struct requests){.at = rows.at, .len = rows.len, .classes_len = load->classes_len + 1};
    requests->classes = mem_alloc(requests->classes_len * sizeof *requests->classes);
    requests->classes[0] = mem_text("");
    for (size_t i = 0; i < load->classes_len; i++) requests->classes[i + 1] = mem_text(load->classes[i].name);
}
