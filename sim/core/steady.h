/*
 * An LLM replica in its steady state, without simulating it: how many requests are in its batch at a given load, how
 * long its iterations are, and up to which load it keeps its service levels. For searching millions of configurations;
 * what is chosen is then simulated (replica.h).
 */
#ifndef HEADROOM_CORE_STEADY_H
#define HEADROOM_CORE_STEADY_H

#include "core/llm.h"

#include <stdbool.h>

struct requests;
enum { STEADY_PROMPTS = 16 };

/* Requests, reduced to what the mean field needs. */
struct steady_mix {
    double per_s;              /* of the whole service */
    double prompt, output;     /* mean tokens */
    double prompts[STEADY_PROMPTS]; /* means of equal parts of the prompts, by length */
    double prompt_squared;     /* mean of the square */
    double per_output;         /* mean of 1 / output */
    double context;            /* of a decode, in the mean over output tokens: prompt + half of the output */
    double prompt_high;        /* so many tokens have only `share` of the requests or fewer */
    double share;              /* of the requests that must keep the service levels */
    double ttft_s, tpot_s;     /* these; 0: none */
};
/* From requests that come within so many seconds (there must be some). */
void steady_mix_of(struct steady_mix *mix, const struct requests *requests, double seconds, double share);

struct steady {
    double batch;              /* requests decoding at once, mean */
    double step_s;             /* an iteration = time per output token, mean */
    double tpot_s, ttft_s;     /* that `share` of the requests keep below */
    double ttft_mean_s;
    double watts;              /* of the replica's GPUs, IT */
};
/* false: it cannot keep up with so many requests a second (batch, cache or time run out). */
bool steady_of(const struct llm_cost *cost, const struct steady_mix *mix, uint32_t max_seqs, uint32_t chunk_tokens,
               double per_s, struct steady *steady);
/* The most requests a second that one replica answers within the service levels; 0: not even one at a time. */
double steady_most_per_s(const struct llm_cost *cost, const struct steady_mix *mix, uint32_t max_seqs,
                         uint32_t chunk_tokens);

#endif
