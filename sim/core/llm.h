/*
 * How long one iteration of an LLM engine takes, what it draws, and how much context fits: a roofline with fitted
 * efficiencies (docs/validation.md has the errors). Everything of a (model, chip, engine, parallelism) is reduced
 * once to a few coefficients, so that an iteration costs a handful of multiply-adds.
 *
 * Per iteration with P prefill tokens in chunks, B decodes, A = sum over chunks of chunk x (before + chunk / 2),
 * C = sum of the decodes' contexts (tokens):
 *
 *   T = max(compute, weights, host) + attention over the KV cache + attention of the prefill + all-reduce + overheads
 *
 * host is what the CPU needs to launch an iteration, where the engine does not run ahead of the GPU. Between changes
 * of the batch only C grows, by B an iteration: T is linear in C, so the sum of k iterations is closed (llm_leap_s).
 */
#ifndef HEADROOM_CORE_LLM_H
#define HEADROOM_CORE_LLM_H

#include "core/power.h"

#include <stdbool.h>
#include <stdint.h>

struct llm_model { /* architecture (config.json) */
    const char *name;
    double layers, hidden, heads, kv_heads, head_dim, ffn, vocab; /* ffn: of three matrices; 0 in an MoE */
    double experts, experts_active, expert_ffn, shared_ffn; /* MoE; experts 0: dense */
};
/* Weights, without the input embedding. */
double llm_parameters(const struct llm_model *model);
struct llm_chip { /* one GPU */
    const char *name;
    double flops_bf16, flops_fp8, flops_fp4; /* dense peaks, FLOP/s; 0: not supported */
    double mem_bytes, mem_bytes_per_s, link_bytes_per_s; /* link: one direction; 0: none, one GPU a replica */
    double tdp_w, idle_w, loaded_idle_w;
    struct power_fit power;
    bool power_fitted;                        /* its own fit, not the joint one */
};
enum llm_precision { LLM_BF16, LLM_FP8, LLM_FP4, LLM_PRECISIONS };
struct llm_engine { /* an engine's profile: efficiencies and overheads */
    const char *name;
    double ec, em, ekv, ea;                   /* of peak compute, weight reads, KV reads, attention compute */
    double all_reduce_s, link_efficiency, step_s, layer_s, seq_s, first_token_s;
    double host_s;                            /* the CPU's share of an iteration that the GPU can hide */
    double kv_share;                          /* of memory the engine may use */
    double reserve_bytes;                     /* of that, a GPU: activations, graphs, embedding */
    uint32_t max_seqs, chunk_tokens;
    double error_tpot, error_ttft;            /* expected relative error where calibrated; NAN: never compared */
    double parameters_least, parameters_most; /* the dense models it was compared on */
};

/* One replica's arithmetic. All times in s. */
struct llm_cost {
    double per_token_s, per_decode_s;         /* compute: (P + B) and B */
    double weights_s;                         /* of a full read of the weights (MoE: without the routed experts) */
    double experts_s, expert_miss_log;        /* MoE: of a read of all experts; ln(share one token leaves unread) */
    double host_s;                            /* an iteration is at least so long, before attention */
    double per_kv_token_s;                    /* x C */
    double per_attention_s;                   /* x A */
    double per_reduced_token_s;               /* x (P + B) */
    double base_s, per_seq_s;                 /* fixed, and x B */
    double first_token_s;
    double kv_tokens;                         /* capacity; <= 0: the model does not fit */
    double kv_bytes_per_token, weight_bytes;
    /* For the guard and power, per GPU. attention_flops: x A and x C. bytes_experts: of all routed experts. */
    double flops_per_token, flops_per_decode, attention_flops, bytes_weights, bytes_experts, bytes_per_kv_token;
    double peak_flops, peak_attention_flops, peak_bytes_per_s;
    double cap;                               /* its GPUs draw at most this share of their peak; 0: no cap */
    const struct llm_chip *chip;
    uint32_t gpus;
    bool calibrated;                          /* (engine, chip, precision) has measured points behind it, */
    double error;                             /* from which times per token differ by this; NAN: it has none */
};
/* The engine's profile must be the one for this chip and precision (io/llm_catalog.h). *why (static text) when it
 * cannot work: precision not supported, weights do not fit, efficiencies above 1. kv_tokens may be set to what a
 * real engine reports. */
bool llm_cost_of(const struct llm_model *model, const struct llm_chip *chip, const struct llm_engine *engine,
                 enum llm_precision precision, uint32_t tensor_parallel, struct llm_cost *cost, const char **why);
/* The same under a power cap, a share of the peak: computing takes `stretch` times as long, reading memory and what the
 * host does as long as ever. */
struct llm_cost llm_capped(const struct llm_cost *cost, double cap, double stretch);
/* One iteration. Never faster than FLOPs / peak and bytes / bandwidth (asserted, always). */
double llm_step_s(const struct llm_cost *cost, double prefill, double attention, double decodes, double context);
/* k pure decode iterations from context C on: k T(C) + B per_kv k (k - 1) / 2, exactly. */
double llm_leap_s(const struct llm_cost *cost, double decodes, double context, double k);
/* The largest k >= 0 with llm_leap_s(k) <= s (solves the quadratic, then settles rounding by trying its neighbours). */
double llm_iterations(const struct llm_cost *cost, double decodes, double context, double s);
/* What one request adds to the iterations it is in, s: its own tokens' terms, compute not hidden behind weights. Shares
 * of a replica's time, not times: weights and overheads are everybody's. prompt: tokens computed, after `before`
 * that were in the cache; decodes from a context of `context` on. */
double llm_request_s(const struct llm_cost *cost, double before, double prompt, double context, double decodes);
/* IT power of the replica's GPUs, averaged over iterations of such work in so much time; W. tokens, attention and
 * context are sums over the iterations (P + B, A, C). The output head's share of compute is left out. */
double llm_power_w(const struct llm_cost *cost, double tokens, double attention, double context, double iterations,
                   double seconds);
double llm_idle_w(const struct llm_cost *cost); /* loaded, no work */

#endif
