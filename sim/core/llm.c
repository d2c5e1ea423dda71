/*
 * See llm.h. The roofline of an iteration, reduced to one coefficient a term.
 *
 * Per layer and token, a transformer multiplies with 2 d nq dh + 2 d nkv dh attention weights and 3 d dff of the
 * gated FFN; an MoE reads E (1 - (1 - a/E)^n) of its E experts when n tokens choose a each at random. The output
 * head (V d, always 16 bits) is read once and multiplied for decodes. Efficiencies and overheads are an engine's,
 * fitted to measured serving points.
 *
 * Invariant, asserted in every iteration: T >= FLOPs / peak and T >= bytes / bandwidth. It holds by construction
 * while efficiencies are at most 1 (llm_cost_of refuses others); the assertion is for whoever changes a term.
 *
 * Cost: a dozen multiply-adds an iteration; an exponential more for MoE.
 */
#include "core/llm.h"

#include "base/err.h"

#include <math.h>

static double attention_weights(const struct llm_model *m) {
    return m->layers * 2 * m->hidden * m->head_dim * (m->heads + m->kv_heads);
}
static double ffn_weights(const struct llm_model *m) { /* those every token passes */
    return m->layers * 3 * m->hidden * (m->experts > 0 ? m->shared_ffn : m->ffn);
}
static double expert_weights(const struct llm_model *m) { /* of one expert, all layers */
    return m->experts > 0 ? m->layers * 3 * m->hidden * m->expert_ffn : 0;
}

double llm_parameters(const struct llm_model *m) {
    return attention_weights(m) + ffn_weights(m) + m->experts * expert_weights(m) + m->vocab * m->hidden;
}

/* FP4 comes in blocks of 16 that share an 8-bit scale (NVFP4). */
static double bytes_per_weight(enum llm_precision precision) {
    return precision == LLM_BF16 ? 2 : precision == LLM_FP8 ? 1 : 0.5 + 1.0 / 16;
}
static double peak(const struct llm_chip *chip, enum llm_precision precision) {
    return precision == LLM_BF16 ? chip->flops_bf16 : precision == LLM_FP8 ? chip->flops_fp8 : chip->flops_fp4;
}

static bool efficient(double share) { return share > 0 && share <= 1; }
static const char *impossible(const struct llm_model *m, const struct llm_chip *chip, const struct llm_engine *e,
                              enum llm_precision precision, uint32_t gpus) {
    if (gpus == 0 || fmod(m->heads, gpus) != 0) return "the GPUs of a replica must divide the model's attention heads";
    if (peak(chip, precision) <= 0) return "the chip does not compute in this precision";
    if (chip->flops_bf16 <= 0) return "the chip has no 16-bit peak, which attention needs";
    if (chip->mem_bytes <= 0 || chip->mem_bytes_per_s <= 0) return "the chip's memory is not known";
    if (gpus > 1 && chip->link_bytes_per_s <= 0) return "the chip has no link to share a model over";
    if (!efficient(e->ec) || !efficient(e->em) || !efficient(e->ekv) || !efficient(e->ea) ||
        !efficient(e->link_efficiency))
        return "the engine's efficiencies must be above 0 and at most 1: nothing is faster than its hardware";
    if (e->all_reduce_s < 0 || e->step_s < 0 || e->layer_s < 0 || e->seq_s < 0 || e->host_s < 0)
        return "the engine's overheads must not be negative";
    return NULL;
}

/* The measured points are of dense models between two sizes; what is near them counts as within. */
static bool compared(const struct llm_model *m, const struct llm_engine *e) {
    double n = llm_parameters(m);
    return !isnan(e->error_tpot) && m->experts == 0 && n >= 0.8 * e->parameters_least && n <= 1.25 * e->parameters_most;
}

static void count_work(const struct llm_model *m, const struct llm_chip *chip, enum llm_precision precision,
                       double gpus, struct llm_cost *cost) {
    double stored = bytes_per_weight(precision), always = attention_weights(m) + ffn_weights(m);
    double head = m->vocab * m->hidden;
    cost->flops_per_token = 2 * (always + m->experts_active * expert_weights(m)) / gpus;
    cost->flops_per_decode = 2 * head / gpus;
    cost->attention_flops = 4 * m->layers * m->heads * m->head_dim / gpus;
    cost->bytes_weights = (always * stored + 2 * head) / gpus;
    cost->bytes_experts = m->experts * expert_weights(m) * stored / gpus;
    cost->weight_bytes = (cost->bytes_weights + cost->bytes_experts) * gpus;
    /* K and V in 16 bits. More GPUs than KV heads keep copies. */
    cost->kv_bytes_per_token = 2 * m->layers * m->kv_heads * m->head_dim * 2;
    cost->bytes_per_kv_token = cost->kv_bytes_per_token / fmin(gpus, m->kv_heads);
    cost->peak_flops = peak(chip, precision);
    cost->peak_attention_flops = chip->flops_bf16;
    cost->peak_bytes_per_s = chip->mem_bytes_per_s;
}

bool llm_cost_of(const struct llm_model *m, const struct llm_chip *chip, const struct llm_engine *e,
                 enum llm_precision precision, uint32_t tensor_parallel, struct llm_cost *cost, const char **why) {
    double gpus = tensor_parallel;
    *why = impossible(m, chip, e, precision, tensor_parallel);
    if (*why) return false;
    *cost = (struct llm_cost){.chip = chip, .gpus = tensor_parallel, .calibrated = compared(m, e),
                              .error = compared(m, e) ? e->error_tpot : NAN};
    count_work(m, chip, precision, gpus, cost);
    cost->per_token_s = cost->flops_per_token / (cost->peak_flops * e->ec);
    cost->per_decode_s = cost->flops_per_decode / (cost->peak_flops * e->ec);
    cost->weights_s = cost->bytes_weights / (cost->peak_bytes_per_s * e->em);
    cost->experts_s = cost->bytes_experts / (cost->peak_bytes_per_s * e->em);
    cost->expert_miss_log = m->experts > 0 ? log1p(-fmin(m->experts_active / m->experts, 1)) : 0;
    cost->host_s = e->host_s;
    cost->per_kv_token_s = fmax(cost->bytes_per_kv_token / (cost->peak_bytes_per_s * e->ekv),
                                cost->attention_flops / cost->peak_attention_flops);
    cost->per_attention_s = cost->attention_flops / (cost->peak_attention_flops * e->ea);
    cost->base_s = e->step_s + m->layers * e->layer_s;
    cost->per_seq_s = e->seq_s;
    cost->first_token_s = e->first_token_s;
    if (tensor_parallel > 1) { /* two all-reduces a layer of 16-bit activations, in a ring */
        cost->base_s += 2 * m->layers * e->all_reduce_s;
        cost->per_reduced_token_s =
            2 * m->layers * 4 * m->hidden * (gpus - 1) / gpus / (chip->link_bytes_per_s * e->link_efficiency);
    }
    cost->kv_tokens = floor((chip->mem_bytes * e->kv_share - cost->weight_bytes / gpus - e->reserve_bytes) /
                            cost->bytes_per_kv_token);
    if (cost->kv_tokens < 1) *why = "the weights leave no memory for a KV cache";
    return *why == NULL;
}

struct llm_cost llm_capped(const struct llm_cost *cost, double cap, double stretch) {
    struct llm_cost capped = *cost;
    capped.cap = cap;
    capped.per_token_s *= stretch;
    capped.per_decode_s *= stretch;
    capped.per_attention_s *= stretch;
    return capped;
}

/* Share of the routed experts that so many tokens reach. */
static double experts_reached(const struct llm_cost *cost, double tokens) {
    return cost->expert_miss_log < 0 ? -expm1(tokens * cost->expert_miss_log) : 0;
}

static void guard(const struct llm_cost *cost, double tokens, double attention, double decodes, double context,
                  double reached, double step_s) {
    double compute_s = (cost->flops_per_token * tokens + cost->flops_per_decode * decodes) / cost->peak_flops +
                       cost->attention_flops * (attention + context) / cost->peak_attention_flops;
    double memory_s = (cost->bytes_weights + cost->bytes_experts * reached + cost->bytes_per_kv_token * context) /
                      cost->peak_bytes_per_s;
    require(step_s * (1 + 1e-12) >= compute_s);
    require(step_s * (1 + 1e-12) >= memory_s);
}

double llm_step_s(const struct llm_cost *cost, double prefill, double attention, double decodes, double context) {
    double tokens = prefill + decodes, reached = experts_reached(cost, tokens);
    double compute = cost->per_token_s * tokens + cost->per_decode_s * decodes;
    double weights = cost->weights_s + cost->experts_s * reached;
    double longest = compute > weights ? compute : weights;
    if (longest < cost->host_s) longest = cost->host_s;
    double step_s = longest + cost->per_kv_token_s * context + cost->per_attention_s * attention +
                    cost->per_reduced_token_s * tokens + cost->base_s + cost->per_seq_s * decodes;
    guard(cost, tokens, attention, decodes, context, reached, step_s);
    return step_s;
}

/* The guard sees the first iteration only, which is enough: per token of context, T grows by at least what the
 * limits grow by. */
double llm_leap_s(const struct llm_cost *cost, double decodes, double context, double k) {
    double growth = decodes * cost->per_kv_token_s;
    return k * llm_step_s(cost, 0, 0, decodes, context) + growth * (k * (k - 1) / 2);
}

double llm_iterations(const struct llm_cost *cost, double decodes, double context, double s) {
    double first = llm_step_s(cost, 0, 0, decodes, context);
    if (!(s >= first)) return 0;
    /* growth/2 k^2 + (first - growth/2) k = s, in the form that does not cancel. */
    double half = decodes * cost->per_kv_token_s / 2, linear = first - half;
    double k = floor(2 * s / (linear + sqrt(linear * linear + 4 * half * s)));
    while (k > 0 && llm_leap_s(cost, decodes, context, k) > s) k--;
    while (llm_leap_s(cost, decodes, context, k + 1) <= s) k++;
    return k;
}

double llm_request_s(const struct llm_cost *cost, double before, double prompt, double context, double decodes) {
    const double attention = prompt * (before + prompt / 2), contexts = decodes * (context + decodes / 2);
    return (prompt + decodes) * (cost->per_token_s + cost->per_reduced_token_s) + attention * cost->per_attention_s +
           decodes * (cost->per_decode_s + cost->per_seq_s) + contexts * cost->per_kv_token_s;
}

double llm_power_w(const struct llm_cost *cost, double tokens, double attention, double context, double iterations,
                   double seconds) {
    const struct llm_chip *chip = cost->chip;
    if (seconds <= 0 || iterations <= 0) return llm_idle_w(cost);
    double reached = experts_reached(cost, tokens / iterations);
    double compute = (cost->flops_per_token * tokens + cost->attention_flops * (attention + context)) /
                     (cost->peak_flops * seconds);
    double memory = ((cost->bytes_weights + cost->bytes_experts * reached) * iterations +
                     cost->bytes_per_kv_token * context) / (cost->peak_bytes_per_s * seconds);
    const double watts = chip->tdp_w * power_of_load(&chip->power, compute, memory);
    const double most = cost->cap > 0 ? fmax(cost->cap * chip->tdp_w, chip->loaded_idle_w) : watts;
    return cost->gpus * fmin(watts, most);
}

double llm_idle_w(const struct llm_cost *cost) { return cost->gpus * cost->chip->loaded_idle_w; }
