/*
 * Grow while the time saved is worth its price. A job with T(n) hours left on n GPUs costs V T(n) for its delay and
 * p n T(n) for its GPUs; a step from n to m pays when V (T(n) - T(m)) exceeds p (m T(m) - n T(n)). So the value of a
 * size is what it leaves of the two, below 0; GPUs that save nobody anything stay free. Where time is A / n + B, GPU
 * hours are A + B n and the best number is sqrt(V A / (p B)), whatever is left.
 *
 * Cost: O(1) a value.
 */
#include "core/seams.h"

struct marginal_cost {
    double usd_per_h, usd_per_gpu_h;
};

static const struct param params[] = {
    {.key = "value", .kind = PARAM_NUMBER, .dim = DIM_MONEY_RATE, .offset = offsetof(struct marginal_cost, usd_per_h),
     .least = 0, .most = 1e9, .required = true, .help = "What it is worth that a job ends an hour sooner."},
    {.key = "price", .kind = PARAM_NUMBER, .dim = DIM_MONEY_RATE,
     .offset = offsetof(struct marginal_cost, usd_per_gpu_h), .fallback = -1, .least = 0, .most = 1e9,
     .help = "What a GPU costs; its node's capacity over the GPUs of it when left out."},
};

static double value(const void *raw, const struct resize_job *job, size_t size) {
    const struct marginal_cost *p = raw;
    const double price = p->usd_per_gpu_h >= 0 ? p->usd_per_gpu_h : job->usd_per_gpu_h;
    const double hours = job->left_s / 3600 / job->sizes[size].pace;
    return -hours * (p->usd_per_h + price * job->sizes[size].gpus);
}

const struct resize_model resize_marginal_cost = {
    .model = {.name = "marginal_cost",
              .summary = "another GPU while the time it saves is worth more than it costs",
              .source = "",
              .params_size = sizeof(struct marginal_cost),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .value = value,
};
