/*
 * See steady.h. A mean field. An iteration with B decodes makes B tokens in T_d(B) s (core/llm.h). A prompt is computed
 * in iterations of its own chunk beside the decodes, which it lengthens by D(B) in all: a mean over prompts of
 * different lengths, since a long one is bound by compute where decodes are bound by memory. At r requests a second
 * prompts take the share r D of the time, so a token takes T(B) = T_d / (1 - r D), and by Little's law
 * B = r x output x T(B). T grows with B, so the least solution is found by bisection.
 *
 * Spread: the number of requests in a batch that never waits is near Poisson's, so the share that must keep the levels
 * is asked of B + z sqrt(B) requests (z: normal quantile), which must fit the seats and the cache; beside that,
 * requests differ by the prompts that fall into their decodes. A first token takes the iteration under way and its own
 * prompt, both 1 / (1 - r D) times as long for the prompts of others.
 *
 * Cost: 60 iterations' arithmetic for each of 16 prompts a load, 40 loads a limit.
 */
#include "core/steady.h"

#include "base/mem.h"
#include "base/stats.h"
#include "core/service.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

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
        mix->per_output += 1 / fmax(o, 1) / n;
        context += o * (p + o / 2) / n;
    }
    mix->context = context / mix->output;
    qsort(prompts, requests->len, sizeof *prompts, by_size);
    for (size_t k = 0; k < STEADY_PROMPTS; k++) {
        const size_t from = requests->len * k / STEADY_PROMPTS, to = requests->len * (k + 1) / STEADY_PROMPTS;
        for (size_t i = from; i < to; i++) mix->prompts[k] += prompts[i] / (double)(to - from);
        if (to == from) mix->prompts[k] = prompts[from < requests->len ? from : requests->len - 1];
    }
    mix->prompt_high = stats_quantile(prompts, requests->len, share);
    free(prompts);
}

static double decode_s(const struct llm_cost *cost, const struct steady_mix *m, double decodes) {
    return llm_step_s(cost, 0, 0, decodes, decodes * m->context);
}

/* By how much a prompt of so many tokens lengthens the iterations it is computed in. */
static double longer_s(const struct llm_cost *cost, const struct steady_mix *m, double prompt, double chunk,
                       double decodes) {
    const double chunks = ceil(prompt / chunk);
    const double step_s =
        llm_step_s(cost, prompt / chunks, prompt * prompt / 2 / chunks, decodes, decodes * m->context);
    return chunks * (step_s - decode_s(cost, m, decodes));
}

/* Share of the time that prompts take. */
static double prefilling(const struct llm_cost *cost, const struct steady_mix *m, double chunk_tokens, double per_s,
                         double decodes) {
    const double chunk = fmax(1, chunk_tokens - decodes);
    double mean_s = 0;
    for (size_t k = 0; k < STEADY_PROMPTS; k++)
        mean_s += longer_s(cost, m, m->prompts[k], chunk, decodes) / STEADY_PROMPTS;
    return per_s * mean_s;
}

/* Standard deviation of a request's mean time per token by how many prompts happen to fall into its decodes: those are
 * Poisson's, fewer for short answers, whose means therefore differ most. */
static double scatter_s(const struct llm_cost *cost, const struct steady_mix *m, double chunk_tokens, double per_s,
                        double decodes, double step_s) {
    const double chunk = fmax(1, chunk_tokens - decodes);
    double square = 0;
    for (size_t k = 0; k < STEADY_PROMPTS; k++) {
        const double s = longer_s(cost, m, m->prompts[k], chunk, decodes);
        square += s * s / STEADY_PROMPTS;
    }
    return sqrt(per_s * step_s * square * m->per_output);
}

/* Time of a token; INFINITY where prompts take all of it. */
static double token_s(const struct llm_cost *cost, const struct steady_mix *m, double chunk_tokens, double per_s,
                      double decodes) {
    const double share = prefilling(cost, m, chunk_tokens, per_s, decodes);
    return share < 1 ? decode_s(cost, m, decodes) / (1 - share) : INFINITY;
}

/* Requests decoding at once under this load; INFINITY where it cannot keep up with fewer than `most`. */
static double batch_of(const struct llm_cost *cost, const struct steady_mix *m, double chunk_tokens, double per_s,
                       double most) {
    double low = 0, high = most;
    if (per_s * m->output * token_s(cost, m, chunk_tokens, per_s, most) > most) return INFINITY;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        if (per_s * m->output * token_s(cost, m, chunk_tokens, per_s, middle) > middle) low = middle;
        else high = middle;
    }
    return high;
}

/* IT power of the replica's GPUs. Fewer than one request at a time: one for that share of the time. */
static double watts_of(const struct llm_cost *cost, const struct steady_mix *m, double batch, double step_s) {
    const double decodes = fmax(batch, 1), begun = decodes / m->output;
    const double watts = llm_power_w(cost, begun * m->prompt + decodes, begun * m->prompt_squared / 2,
                                     decodes * m->context, 1, step_s);
    return llm_idle_w(cost) + fmin(batch, 1) * (watts - llm_idle_w(cost));
}

bool steady_of(const struct llm_cost *cost, const struct steady_mix *m, uint32_t max_seqs, uint32_t chunk_tokens,
               double per_s, struct steady *out) {
    const double most = fmin(max_seqs, cost->kv_tokens / m->context);
    const double z = m->share > 0.5 ? stats_normal_quantile(m->share) : 0;
    if (most < 1) return false;
    const double batch = batch_of(cost, m, chunk_tokens, per_s, most), high = batch + z * sqrt(batch);
    if (!(high <= most)) return false;
    const double shared = 1 / (1 - prefilling(cost, m, chunk_tokens, per_s, batch));
    const double step_s = decode_s(cost, m, batch) * shared;
    const double busy_s = token_s(cost, m, chunk_tokens, per_s, high), chunk = fmax(1, chunk_tokens - high);
    const double mean_s = decode_s(cost, m, batch) + longer_s(cost, m, m->prompt, chunk, batch);
    const double long_s = decode_s(cost, m, high) + longer_s(cost, m, m->prompt_high, chunk, high);
    *out = (struct steady){
        .batch = batch,
        .step_s = step_s,
        .tpot_s = step_s + hypot(busy_s - step_s, z * scatter_s(cost, m, chunk_tokens, per_s, batch, step_s)),
        .ttft_mean_s = cost->first_token_s + step_s / 2 + shared * mean_s,
        .ttft_s = cost->first_token_s + busy_s + shared * long_s,
        .watts = watts_of(cost, m, batch, step_s)};
    return busy_s < INFINITY;
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
