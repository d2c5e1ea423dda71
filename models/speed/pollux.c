/*
 * Data-parallel training after Pollux (Qiao et al., OSDI 2021). With K GPUs, m samples a GPU and pass, and s
 * passes whose gradients are only added up before the one that is synchronised:
 *
 *   T_grad = compute_fixed + compute_sample m
 *   T_sync = 0 on one GPU, local + local_more (K - 2) on one node, network + network_more (K - 2) on several
 *   T_step = s T_grad + (T_grad^gamma + T_sync^gamma)^(1 / gamma)
 *   rate   = K m (s + 1) / T_step samples/s
 *
 * gamma says how much of the synchronisation hides behind the computation: 1 nothing, 10 nearly all of the
 * shorter. Larger batches need more samples: samples(B) grows as 1 + B / critical (McCandlish et al. 2018),
 * so against the batch the job was set up for, efficiency(B) = (critical + base) / (critical + B): Pollux's
 * form, with critical / base the noise-to-signal ratio of its gradients. Smaller batches are not credited:
 * the learning rate was tuned for base. Cost: two powers.
 */
#include "core/seams.h"

#include <math.h>

struct pollux {
    const char *curve, *chips;
    double compute_fixed_s, compute_sample_s, network_s, network_more_s, local_s, local_more_s, gamma;
    double batch, gpu_batch_most, base_batch;
    struct numbers critical;
    double gpus_most, error;
};

#define SECONDS(name, field, what) \
    {.key = name, .kind = PARAM_NUMBER, .dim = DIM_TIME, .offset = offsetof(struct pollux, field), \
     .fallback = 0, .least = 0, .most = 1e9, .help = what}

static const struct param params[] = {
    {.key = "curve", .kind = PARAM_TEXT, .offset = offsetof(struct pollux, curve),
     .help = "A fit of the catalogue, such as imagenet-t4; brings the seven parameters and the chip."},
    {.key = "chips", .kind = PARAM_TEXT, .offset = offsetof(struct pollux, chips),
     .help = "GPU models the parameters hold for, separated by semicolons. Without it, any."},
    SECONDS("compute_fixed", compute_fixed_s, "Time of a pass whatever its samples."),
    SECONDS("compute_sample", compute_sample_s, "Time more for each sample of a GPU."),
    SECONDS("network", network_s, "Time to synchronise two GPUs on different nodes."),
    SECONDS("network_more", network_more_s, "Time more for each further GPU, on several nodes."),
    SECONDS("local", local_s, "Time to synchronise two GPUs on one node."),
    SECONDS("local_more", local_more_s, "Time more for each further GPU, on one node."),
    {.key = "gamma", .kind = PARAM_NUMBER, .offset = offsetof(struct pollux, gamma),
     .fallback = 1, .least = 1, .most = 10,
     .help = "Overlap of computing and synchronising: 1 none, 10 nearly all of the shorter."},
    {.key = "batch", .kind = PARAM_NUMBER, .offset = offsetof(struct pollux, batch),
     .fallback = 256, .least = 1, .most = 1e12,
     .help = "Samples of a step of the whole job, where nothing sets others."},
    {.key = "gpu_batch_most", .kind = PARAM_NUMBER, .offset = offsetof(struct pollux, gpu_batch_most),
     .fallback = 1e12, .least = 1, .most = 1e12,
     .help = "Samples of a pass that fit a GPU's memory; more are done in several passes."},
    {.key = "base_batch", .kind = PARAM_NUMBER, .offset = offsetof(struct pollux, base_batch),
     .fallback = 0, .least = 0, .most = 1e12,
     .help = "Batch the job was set up for, whose samples count in full; 0: batch."},
    {.key = "critical_batch", .kind = PARAM_NUMBERS, .offset = offsetof(struct pollux, critical),
     .least = 1e-3, .most = 1e15,
     .help = "Batch at which twice the samples are needed: one value, or several evenly from the first step "
             "to the last. Without it every sample counts in full."},
    {.key = "gpus_most", .kind = PARAM_NUMBER, .offset = offsetof(struct pollux, gpus_most),
     .fallback = 1e9, .least = 1, .most = 1e9,
     .help = "Most GPUs it was measured on; beyond, the error is unknown."},
    {.key = "error", .kind = PARAM_NUMBER, .offset = offsetof(struct pollux, error),
     .fallback = -1, .least = 0, .most = 10,
     .help = "Mean relative error of the fit; unknown when not given."},
};

static const char *check(const void *raw) {
    const struct pollux *p = raw;
    /* A curve that the catalogue does not have was found out when it was looked for. */
    if (p->curve || p->compute_fixed_s + p->compute_sample_s > 0) return NULL;
    return "expected a curve of the catalogue, or compute_fixed or compute_sample above 0";
}

static double batch_of(const struct pollux *p, const struct scale *scale) {
    return scale->batch > 0 ? scale->batch : p->batch;
}

static double sync_s(const struct pollux *p, const struct scale *scale) {
    if (scale->gpus < 2) return 0;
    const double more = scale->gpus - 2.0;
    return scale->nodes > 1 ? p->network_s + p->network_more_s * more : p->local_s + p->local_more_s * more;
}

/* (a^g + b^g)^(1/g), scaled by the larger so that no power leaves the range of doubles. */
static double overlapped(double a, double b, double gamma) {
    const double more = fmax(a, b), less = fmin(a, b);
    return more == 0 ? 0 : more * pow(1 + pow(less / more, gamma), 1 / gamma);
}

static double per_s(const void *raw, const struct scale *scale) {
    const struct pollux *p = raw;
    const double batch = batch_of(p, scale), each = batch / scale->gpus;
    if (speed_chip(p->chips, scale->chip) == SIZE_MAX) return 0;
    if (each < 1 || p->compute_fixed_s + p->compute_sample_s == 0) return 0; /* a GPU without a sample */
    const double passes = fmax(1, ceil(each / p->gpu_batch_most - 1e-9)); /* but for rounding */
    const double grad_s = (p->compute_fixed_s + p->compute_sample_s * each / passes) / scale->share;
    return batch / ((passes - 1) * grad_s + overlapped(grad_s, sync_s(p, scale), p->gamma));
}

static double error(const void *raw, const struct scale *scale) {
    const struct pollux *p = raw;
    const bool measured = scale->gpus <= p->gpus_most && scale->share == 1 && per_s(raw, scale) > 0;
    return measured && p->error >= 0 ? p->error : NAN;
}

static double critical_at(const struct pollux *p, double progress) {
    const double at = fmin(fmax(progress, 0), 1) * (double)(p->critical.len - 1);
    const size_t low = (size_t)at, high = low + 1 < p->critical.len ? low + 1 : low;
    return p->critical.at[low] + (p->critical.at[high] - p->critical.at[low]) * (at - (double)low);
}

static double efficiency(const void *raw, const struct scale *scale, double progress) {
    const struct pollux *p = raw;
    const double base = p->base_batch > 0 ? p->base_batch : p->batch, batch = batch_of(p, scale);
    if (p->critical.len == 0 || batch <= base) return 1;
    const double critical = critical_at(p, progress);
    return (critical + base) / (critical + batch);
}

const struct speed_model speed_pollux = {
    .model = {.name = "pollux",
              .summary = "data-parallel steps by batch and placement, and what large batches are worth",
              .source = "Qiao et al., Pollux: co-adaptive cluster scheduling, OSDI 2021",
              .params_size = sizeof(struct pollux),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .check = check},
    .per_s = per_s,
    .error = error,
    .efficiency = efficiency,
};
