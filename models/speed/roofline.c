/*
 * Training of a transformer from first principles: 6 FLOPs a parameter and token (Kaplan et al. 2020), at the
 * share of the peak that trainings reach (MFU), never below the time it takes to read the weights and update
 * the optimizer's state, and not at all where that state does not fit the GPUs' memory.
 *
 * n GPUs make d = n / (tensor x stages) replicas; a step of B sequences is m = B / (d x micro_batch) passes
 * of each. Of a GPU:
 *
 *   compute = m x 6 active tokens / (tensor x stages) / (peak16 x mfu x gain of the precision)
 *   memory  = (m x weights, forwards and backwards, + optimizer, read and written) / 0.8 bandwidth
 *   step    = max(compute, memory) x (1 + (stages - 1) / (interleave x m))
 *
 * The last factor is the pipeline's bubble. Gains of precisions over 16 bits are measured ones, not ratios of
 * peaks: FP8 1.3 (Llama 2 7B on H100 1.34; Llama 3 70B on 1,856 B200 1.22 to 1.28), FP4 1.6 (1.26 over FP8:
 * Llama 3.1 405B on 512 GB200 in MLPerf v5.1 against v5.0, newer software included), FP32 a third (mixed
 * precision gains a little over three times, says TensorFlow's guide).
 *
 * Invariant (asserted, always): no step is faster than FLOPs / peak or bytes / bandwidth. Cost: O(1).
 */
#include "base/err.h"
#include "core/seams.h"

#include <math.h>

enum precision { BF16, FP8, FP4, FP32, PRECISIONS };
enum sharding { SHARD_NONE, SHARD_OPTIMIZER, SHARD_GRADIENTS, SHARD_WEIGHTS };

struct roofline {
    double parameters, active, sequence, batch, micro_batch;
    int64_t tensor, stages, interleave;
    int precision, sharding;
    double mfu, mfu_gpus, mfu_loss, gain;
    double weight_bytes, gradient_bytes, optimizer_bytes, activations_mib, memory_share;
    const char *chips;
    struct numbers tflops, tflops_fp8, tflops_fp4, tflops_fp32, memory_mib, bandwidth_gb_per_s;
    double error;
};

static const char *const precisions[] = {"bf16", "fp8", "fp4", "fp32", NULL};
static const char *const shardings[] = {"none", "optimizer", "gradients", "weights", NULL};
static const double gains[PRECISIONS] = {[BF16] = 1, [FP8] = 1.3, [FP4] = 1.6, [FP32] = 1.0 / 3};
static const double memory_efficiency = 0.8;

#define NUMBER(name, field, value, low, high, what) \
    {.key = name, .kind = PARAM_NUMBER, .offset = offsetof(struct roofline, field), .fallback = value, \
     .least = low, .most = high, .help = what}
#define COUNT(name, field, what) \
    {.key = name, .kind = PARAM_INTEGER, .offset = offsetof(struct roofline, field), .fallback = 1, \
     .least = 1, .most = 65536, .help = what}
#define CHOICE(name, field, names, what) \
    {.key = name, .kind = PARAM_CHOICE, .offset = offsetof(struct roofline, field), .choices = names, \
     .least = 1, .most = 0, .help = what}
#define LIST(name, unit, field, what) \
    {.key = name, .kind = PARAM_NUMBERS, .dim = unit, .offset = offsetof(struct roofline, field), \
     .least = 0, .most = 1e12, .help = what}

static const struct param params[] = {
    {.key = "parameters", .kind = PARAM_NUMBER, .offset = offsetof(struct roofline, parameters),
     .least = 1, .most = 1e18, .required = true, .help = "Parameters of the model, such as 70e9."},
    NUMBER("active", active, 0, 0, 1e18, "Parameters a token passes through (mixture of experts); 0: all."),
    NUMBER("sequence", sequence, 4096, 1, 1e9, "Tokens of a sequence."),
    NUMBER("batch", batch, 512, 1, 1e9, "Sequences of a step of the whole job, where nothing sets others."),
    NUMBER("micro_batch", micro_batch, 1, 1, 1e6, "Sequences of a pass of one replica."),
    COUNT("tensor", tensor, "GPUs that share each layer."),
    COUNT("stages", stages, "Pipeline stages the layers are divided into."),
    COUNT("interleave", interleave, "Parts of a stage that take turns: they shorten the pipeline's bubble."),
    CHOICE("precision", precision, precisions, "Of the products; gains over 16 bits are measured ones."),
    CHOICE("sharding", sharding, shardings, "What replicas divide among them: ZeRO stages 0 to 3."),
    NUMBER("mfu", mfu, 0.4, 1e-3, 1, "Share of the 16-bit peak reached at 16 bits, bubble left out."),
    NUMBER("mfu_gpus", mfu_gpus, 1, 1, 1e9, "GPUs up to which mfu holds."),
    NUMBER("mfu_loss", mfu_loss, 0, 0, 0.5,
           "Part of mfu lost with each doubling beyond mfu_gpus; 0.02 for GPT-3 from 96 to 4,608 H100."),
    NUMBER("precision_gain", gain, 0, 0, 16, "Speed over 16 bits; 0: FP8 1.3, FP4 1.6, FP32 1/3."),
    NUMBER("weight_bytes", weight_bytes, 2, 0, 64, "Bytes a parameter of weights."),
    NUMBER("gradient_bytes", gradient_bytes, 4, 0, 64, "Bytes a parameter of gradients."),
    NUMBER("optimizer_bytes", optimizer_bytes, 12, 0, 64, "Bytes a parameter of optimizer state."),
    {.key = "activations", .kind = PARAM_NUMBER, .dim = DIM_MEMORY,
     .offset = offsetof(struct roofline, activations_mib), .fallback = 8192, .least = 0, .most = 1e9,
     .help = "Memory of a GPU for activations and buffers."},
    NUMBER("memory_share", memory_share, 0.94, 0.01, 1, "Share of a GPU's memory that can be used."),
    {.key = "chips", .kind = PARAM_TEXT, .offset = offsetof(struct roofline, chips),
     .help = "GPU models, separated by semicolons: a value each in the lists. Without it, the catalogue's."},
    LIST("tflops", DIM_NONE, tflops, "Dense 16-bit peaks, TFLOP/s."),
    LIST("tflops_fp8", DIM_NONE, tflops_fp8, "Dense FP8 peaks, TFLOP/s; 0: not supported."),
    LIST("tflops_fp4", DIM_NONE, tflops_fp4, "Dense FP4 peaks, TFLOP/s; 0: not supported."),
    LIST("tflops_fp32", DIM_NONE, tflops_fp32, "FP32 peaks (TF32 where there is one), TFLOP/s."),
    LIST("memory", DIM_MEMORY, memory_mib, "Memory of a GPU."),
    LIST("bandwidth", DIM_DATA_RATE, bandwidth_gb_per_s, "Of that memory."),
    {.key = "error", .kind = PARAM_NUMBER, .offset = offsetof(struct roofline, error),
     .fallback = -1, .least = 0, .most = 10,
     .help = "Relative error to expect, where mfu was measured; unknown when not given."},
};

static const struct numbers *peaks_of(const struct roofline *p) {
    const struct numbers *const peaks[PRECISIONS] = {
        [BF16] = &p->tflops, [FP8] = &p->tflops_fp8, [FP4] = &p->tflops_fp4, [FP32] = &p->tflops_fp32};
    return peaks[p->precision];
}

static const char *check(const void *raw) {
    const struct roofline *p = raw;
    const size_t chips = speed_chips(p->chips);
    if (p->tflops.len != chips || p->memory_mib.len != chips || p->bandwidth_gb_per_s.len != chips)
        return "tflops, memory and bandwidth must have one value for each of the chips";
    if (peaks_of(p)->len != chips)
        return "the precision's peaks must have one value for each of the chips";
    if (p->active > p->parameters) return "active must not be above parameters";
    return NULL;
}

/* How the job lies on its GPUs: model_gpus hold one copy of it. */
struct layout {
    size_t chip;
    double model_gpus, replicas, passes, batch;
    double optimizer_copies, gradient_copies, weight_copies; /* of its state: 1, or a part */
};

static bool lay_out(const struct roofline *p, const struct scale *scale, struct layout *at) {
    at->chip = speed_chip(p->chips, scale->chip);
    at->model_gpus = (double)(p->tensor * p->stages);
    if (at->chip == SIZE_MAX || scale->gpus < at->model_gpus || peaks_of(p)->at[at->chip] == 0) return false;
    at->replicas = floor(scale->gpus / at->model_gpus);
    at->batch = scale->batch > 0 ? scale->batch : p->batch;
    at->passes = fmax(1, ceil(at->batch / (at->replicas * p->micro_batch) - 1e-9));
    at->optimizer_copies = p->sharding >= SHARD_OPTIMIZER ? 1 / at->replicas : 1;
    at->gradient_copies = p->sharding >= SHARD_GRADIENTS ? 1 / at->replicas : 1;
    at->weight_copies = p->sharding >= SHARD_WEIGHTS ? 1 / at->replicas : 1;
    const double bytes = p->weight_bytes * at->weight_copies + p->gradient_bytes * at->gradient_copies +
                         p->optimizer_bytes * at->optimizer_copies;
    const double needed_mib = p->parameters / at->model_gpus * bytes / 1048576 + p->activations_mib;
    return needed_mib <= p->memory_mib.at[at->chip] * p->memory_share * scale->share;
}

/* FLOP/s a GPU reaches at its precision. */
static double reached(const struct roofline *p, const struct scale *scale, size_t chip) {
    const double doublings = fmax(0, log2(scale->gpus / p->mfu_gpus));
    const double gain = p->gain > 0 ? p->gain : gains[p->precision];
    const double flops = p->tflops.at[chip] * 1e12 * p->mfu * pow(1 - p->mfu_loss, doublings) * gain;
    return fmin(flops, peaks_of(p)->at[chip] * 1e12) * scale->share;
}

/* A step of one GPU, and the least its FLOPs and its bytes could take. */
struct step {
    double s, compute_s, memory_s;
};

static struct step step_of(const struct roofline *p, const struct scale *scale, const struct layout *at) {
    const double active = p->active > 0 ? p->active : p->parameters;
    const double flops = at->passes * 6 * active * p->micro_batch * p->sequence / at->model_gpus;
    const double updated = p->gradient_bytes + p->optimizer_bytes;
    const double bytes = p->parameters / at->model_gpus *
                         (at->passes * 2 * p->weight_bytes + 2 * updated * at->optimizer_copies);
    const double peak = peaks_of(p)->at[at->chip] * 1e12 * scale->share;
    const double bandwidth = p->bandwidth_gb_per_s.at[at->chip] * 1e9 * scale->share;

    const double busy_s = fmax(flops / reached(p, scale, at->chip), bytes / (bandwidth * memory_efficiency));
    const double step_s = busy_s * (1 + (double)(p->stages - 1) / ((double)p->interleave * at->passes));
    require(step_s >= flops / peak * (1 - 1e-12) && step_s >= bytes / bandwidth);
    return (struct step){.s = step_s, .compute_s = flops / peak, .memory_s = bytes / bandwidth};
}

static double per_s(const void *raw, const struct scale *scale) {
    const struct roofline *p = raw;
    struct layout at;
    return lay_out(p, scale, &at) ? at.batch * p->sequence / step_of(p, scale, &at).s : 0;
}

static bool load(const void *raw, const struct scale *scale, double *compute, double *memory) {
    const struct roofline *p = raw;
    struct layout at;
    if (!lay_out(p, scale, &at)) return false;
    const struct step step = step_of(p, scale, &at);
    *compute = step.compute_s / step.s;
    *memory = step.memory_s / step.s;
    return true;
}

static double error(const void *raw, const struct scale *scale) {
    const struct roofline *p = raw;
    struct layout at;
    return p->error >= 0 && lay_out(p, scale, &at) ? p->error : NAN;
}

const struct speed_model speed_roofline = {
    .model = {.name = "roofline",
              .summary = "training tokens from 6 FLOPs a parameter, MFU, memory and the pipeline's bubble",
              .source = "Kaplan et al. 2020; Narayanan et al., SC 2021; Rajbhandari et al. (ZeRO), SC 2020",
              .params_size = sizeof(struct roofline),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .check = check},
    .per_s = per_s,
    .error = error,
    .load = load,
};
