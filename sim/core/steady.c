/*
 * See steady.h. A mean field: with B requests decoding, an iteration makes B tokens, so B / output requests end in it
 * and as many begin, whose prompts are computed in it. That fixes the iteration's work, and core/llm.h its length T(B).
 * By Little's law B = load x output x T(B); T is convex and grows with B, so the least solution is found by bisection.
 *
 * Spread: the number of requests in a batch that never waits is near Poisson's, so the share that must keep the levels
 * is asked of an iteration with B + z sqrt(B) requests (z: normal quantile), which must fit the seats and the cache.
 * A first token takes the rest of the iteration under way, its own prompt in chunks, and, while other prompts are
 * being computed for a share u of the time, 1 / (1 - u) times that (processor sharing).
 *
 * Cost: 60 iterations' arithmetic a load, 40 loads a limit.
 */
#include "core/steady.h"

#include "base/mem.h"
#include "base/stats.h"
#include "core/service.h"

#include <math.h>
#include <stdlib.h>

void steady_mix_of(struct steady_mix *mix, const struct requests *requests, double seconds, double share) {
    const double n = (double)requests->len;
    double *prompts = mem_alloc(requests->len * sizeof *prompts), context = 0;
    *mix = (struct steady_mix){.per_s = n / seconds, .share = share};
    for (size_t i = 0; i < requests->len; i++) {
        const double p = requests->at[i].prompt, o = requests->at[i].output;
        prompts[i] = p;
        mix->prompt += p / n;
        mix->prompt_squared += p * p / n;
        mix->output += o / n;
        context += o * (p + o / 2) / n;
    }
    mix->context = context / mix->output;
    mix->prompt_high = stats_quantile(prompts, requests->len, share);
    free(prompts);
}

/* An iteration with so many decodes and the prompts that keep their number. */
struct work {
    double prefill, attention, decodes, context;
};
static struct work work_of(const struct steady_mix *m, double decodes) {
    const double begun = decodes / m->output;
    return (struct work){begun * m->prompt, begun * m->prompt_squared / 2, decodes, decodes * m->context};
}
static double step_of(const struct llm_cost *cost, const struct work *w) {
    return llm_step_s(cost, w->prefill, w->attention, w->decodes, w->context);
}

/* Requests decoding at once under this load; above `most` where it cannot keep up. */
static double batch_of(const struct llm_cost *cost, const struct steady_mix *m, double per_s, double most) {
    double low = 0, high = most;
    const struct work full = work_of(m, most);
    if (per_s * m->output * step_of(cost, &full) > most) return INFINITY;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        const struct work w = work_of(m, middle);
        if (per_s * m->output * step_of(cost, &w) > middle) low = middle;
        else high = middle;
    }
    return high;
}

static double quantile_above_mean(double share) { return share > 0.5 ? stats_normal_quantile(share) : 0; }

static double own_prefill_s(const struct llm_cost *cost, const struct steady_mix *m, double prompt, double chunk,
                            double decodes) {
    const double chunks = ceil(prompt / chunk), each = prompt / chunks;
    const struct work beside = {0, 0, decodes, decodes * m->context};
    const double attention = prompt * prompt / 2 / chunks;
    return chunks * llm_step_s(cost, each, attention, beside.decodes, beside.context);
}

bool steady_of(const struct llm_cost *cost, const struct steady_mix *m, uint32_t max_seqs, uint32_t chunk_tokens,
               double per_s, struct steady *out) {
    const double most = fmin(max_seqs, cost->kv_tokens / m->context), z = quantile_above_mean(m->share);
    if (most < 1) return false;
    const double batch = batch_of(cost, m, per_s, most), high = batch + z * sqrt(batch);
    if (!(high <= most)) return false;
    const struct work mean = work_of(m, batch), busy = work_of(m, high);
    const double step_s = step_of(cost, &mean), busy_s = step_of(cost, &busy);
    const struct work decodes = {0, 0, mean.decodes, mean.context};
    const double prefills = per_s * (own_prefill_s(cost, m, m->prompt, chunk_tokens, batch) - step_of(cost, &decodes));
    if (!(prefills < 1)) return false;
    const double shared = 1 / (1 - fmax(0, prefills)), chunk = fmax(1, chunk_tokens - high);
    /* Fewer than one request at a time: one for that share of the time. */
    const struct work at_work = work_of(m, fmax(batch, 1));
    const double watts = llm_power_w(cost, at_work.prefill + at_work.decodes, at_work.attention, at_work.context, 1,
                                     step_of(cost, &at_work));
    *out = (struct steady){
        .batch = batch,
        .step_s = step_s,
        .tpot_s = busy_s,
        .ttft_mean_s = cost->first_token_s + step_s / 2 + shared * own_prefill_s(cost, m, m->prompt, chunk, batch),
        .ttft_s = cost->first_token_s + busy_s + shared * own_prefill_s(cost, m, m->prompt_high, chunk, high),
        .watts = llm_idle_w(cost) + fmin(batch, 1) * (watts - llm_idle_w(cost))};
    return true;
}

static bool keeps_levels(const struct llm_cost *cost, const struct steady_mix *m, uint32_t max_seqs,
                         uint32_t chunk_tokens, double per_s) {
    struct steady s;
    if (!steady_of(cost, m, max_seqs, chunk_tokens, per_s, &s)) return false;
    return (m->ttft_s <= 0 || s.ttft_s <= m->ttft_s) && (m->tpot_s <= 0 || s.tpot_s <= m->tpot_s);
}

double steady_most_per_s(const struct llm_cost *cost, const struct steady_mix *m, uint32_t max_seqs,
                         uint32_t chunk_tokens) {
    double low = 0, high = 1e-3;
    while (high < 1e9 && keeps_levels(cost, m, max_seqs, chunk_tokens, high)) {
        low = high;
        high *= 2;
    }
    for (int i = 0; low > 0 && i < 40; i++) {
        const double middle = (low + high) / 2;
        if (keeps_levels(cost, m, max_seqs, chunk_tokens, middle)) low = middle;
        else high = middle;
    }
    return low;
}
