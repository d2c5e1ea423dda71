/*
 * Power from what a job does: share of the peak power at work = p0 + (pmax - p0) (1 - exp(-(kc compute + km memory))),
 * compute and memory being the shares of peak FLOP/s and of memory bandwidth reached (core/power.h). They are known of
 * jobs whose class gives `compute` and `memory`, or has a roofline speed model; for the share of time such a job is not
 * at work, its GPU draws what it does with a context open (`gpu_loaded`). Any other job draws in proportion to its
 * utilisation.
 * Invariant (check): 0 <= p0 <= pmax. Cost: one exponential.
 */
#include "core/power.h"
#include "core/seams.h"

#define CONSTANT(name, field, value, high, what) \
    {.key = name, .kind = PARAM_NUMBER, .offset = offsetof(struct power_fit, field), .fallback = value, .least = 0, \
     .most = high, .help = what}
static const struct param params[] = {
    CONSTANT("p0", p0, 0.212, 1, "Share of the peak power drawn at work, however little that is."),
    CONSTANT("kc", kc, 8.65, 100, "How soon computing brings it to its highest."),
    CONSTANT("km", km, 1.46, 100, "The same for reading memory."),
    CONSTANT("pmax", pmax, 0.973, 2, "Its highest share."),
};

static const char *check(const void *raw) {
    const struct power_fit *fit = raw;
    return fit->p0 > fit->pmax ? "p0 must not be above pmax" : NULL;
}

static double share(const void *raw, double utilisation) {
    (void)raw;
    return utilisation;
}

static double load(const void *raw, double compute, double memory) {
    return power_of_load((const struct power_fit *)raw, compute, memory);
}

const struct power_model power_intensity = {
    .model = {.name = "intensity",
              .summary = "from the peak FLOP/s and memory bandwidth a job reaches; utilisation where they are unknown",
              .source = "fitted to ML.ENERGY lm-arena-chat",
              .params_size = sizeof(struct power_fit),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .check = check},
    .share = share,
    .load = load,
};
