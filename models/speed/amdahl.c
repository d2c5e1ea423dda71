/*
 * Strong scaling after Amdahl, in time: a unit of work takes T(n) = A / n + B on n GPUs. A is what the GPUs
 * share, B what more of them do not shorten (communication, start, the tail of convergence at ever larger
 * batches). Two numbers a chip, fitted to measured times: the catalogue holds curves of MLPerf benchmarks
 * (models/catalog/speeds.csv), which the scenario takes by name; own measurements are written as lists.
 * Invariant (check): every list has a value for every chip. Cost: a look-up of the chip.
 */
#include "core/seams.h"

#include <math.h>

struct amdahl {
    const char *curve, *chips;
    struct numbers shared_s, fixed_s, least, most, error;
    double units;
};

static const struct param params[] = {
    {.key = "curve", .kind = PARAM_TEXT, .offset = offsetof(struct amdahl, curve),
     .help = "A fitted curve of the catalogue, such as gpt3-v3.1; brings chips and all lists."},
    {.key = "chips", .kind = PARAM_TEXT, .offset = offsetof(struct amdahl, chips),
     .help = "GPU models, separated by semicolons: a value each in the lists. Without it, any GPU."},
    {.key = "shared", .kind = PARAM_NUMBERS, .dim = DIM_TIME, .offset = offsetof(struct amdahl, shared_s),
     .least = 1e-9, .most = 1e15,
     .help = "A: time of the work on one GPU that further GPUs share; one a chip."},
    {.key = "fixed", .kind = PARAM_NUMBERS, .dim = DIM_TIME, .offset = offsetof(struct amdahl, fixed_s),
     .least = 0, .most = 1e15, .help = "B: time that no number of GPUs shortens; one a chip."},
    {.key = "gpus_least", .kind = PARAM_NUMBERS, .offset = offsetof(struct amdahl, least),
     .least = 0, .most = 1e9,
     .help = "Fewest GPUs it was measured on; one a chip. Outside, the error is unknown."},
    {.key = "gpus_most", .kind = PARAM_NUMBERS, .offset = offsetof(struct amdahl, most),
     .least = 0, .most = 1e9,
     .help = "Most GPUs it was measured on; one a chip."},
    {.key = "error", .kind = PARAM_NUMBERS, .offset = offsetof(struct amdahl, error), .least = 0, .most = 10,
     .help = "Mean relative error of the fit; one a chip."},
    {.key = "units", .kind = PARAM_NUMBER, .offset = offsetof(struct amdahl, units),
     .fallback = 1, .least = 1e-9, .most = 1e18,
     .help = "Units of work that A and B are the time of: 1 for a whole training."},
};

static const char *check(const void *raw) {
    const struct amdahl *p = raw;
    if (p->shared_s.len == 0) /* a curve that is not in the catalogue was found out when it was looked for */
        return p->curve ? NULL : "expected a curve of the catalogue, or shared and fixed";
    const size_t chips = speed_chips(p->chips);
    if (p->shared_s.len != chips || p->fixed_s.len != chips)
        return "shared and fixed must have one value for each of the chips";
    if ((p->least.len && p->least.len != chips) || (p->most.len && p->most.len != chips) ||
        (p->error.len && p->error.len != chips))
        return "gpus_least, gpus_most and error must have one value for each of the chips, or none";
    return NULL;
}

static double per_s(const void *raw, const struct scale *scale) {
    const struct amdahl *p = raw;
    const size_t chip = speed_chip(p->chips, scale->chip);
    if (chip >= p->shared_s.len) return 0;
    return p->units / (p->shared_s.at[chip] / scale_gpus(scale) + p->fixed_s.at[chip]);
}

static double error(const void *raw, const struct scale *scale) {
    const struct amdahl *p = raw;
    const size_t chip = speed_chip(p->chips, scale->chip);
    const double gpus = scale_gpus(scale);
    if (chip == SIZE_MAX || !p->error.len) return NAN;
    if ((p->least.len && gpus < p->least.at[chip]) || (p->most.len && gpus > p->most.at[chip])) return NAN;
    return p->error.at[chip];
}

const struct speed_model speed_amdahl = {
    .model = {.name = "amdahl",
              .summary = "strong scaling, A / GPUs + B: fitted MLPerf curves by name, or your own",
              .source = "MLPerf Training result logs, v2.1 to v5.1 (models/catalog/speeds.csv)",
              .params_size = sizeof(struct amdahl),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .check = check},
    .per_s = per_s,
    .error = error,
};
