/*
 * Pollux (Qiao et al., OSDI 2021): goodput is throughput times statistical efficiency, at the batch that makes the most
 * of a size; the core chooses that batch (fits_batch), so here it is a size's pace. A job's speed-up is its goodput
 * over that on an even share of the GPUs, and the cluster's fitness the power mean of speed-ups with exponent p. Below
 * 1 it is the fairer the smaller p: -1 (the paper's choice) keeps slow jobs from starving; 1 is their plain sum.
 *
 * The power mean ascends with sum s^p for p > 0, with sum ln s for p = 0 and with -sum s^p for p < 0: a sum of values,
 * each concave in a concave speed-up, so that dealing out greedily is exact there (the authors search with a genetic
 * algorithm). What a restart costs is weighed by the core.
 * Cost: a power a value.
 */
#include "core/seams.h"

#include <math.h>

struct goodput {
    double power;
};

static const struct param params[] = {
    {.key = "power", .kind = PARAM_NUMBER, .offset = offsetof(struct goodput, power), .fallback = -1, .least = -10,
     .most = 1, .help = "Exponent of the mean of speed-ups: 1 for the most work in all, below it fairer."},
};

static double value(const void *raw, const struct resize_job *job, size_t size) {
    const struct goodput *p = raw;
    const double speedup = job->sizes[size].pace / job->sizes[job->even].pace;
    if (p->power == -1) return -1 / speedup; /* the usual one, without a power */
    if (p->power == 0) return log(speedup);
    return p->power > 0 ? pow(speedup, p->power) : -pow(speedup, p->power);
}

const struct resize_model resize_goodput = {
    .model = {.name = "goodput",
              .summary = "throughput x statistical efficiency at the best batch, shared fairly",
              .source = "Qiao et al., Pollux: co-adaptive cluster scheduling, OSDI 2021",
              .params_size = sizeof(struct goodput),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .value = value,
    .fits_batch = true,
};
