/*
 * Power as a power of utilisation. f(u) = u^exponent: below 1 a device that draws much of its power early,
 * above 1 one that needs full load for it (cube: voltage and frequency scaled together).
 */
#include "core/seams.h"

#include <math.h>

struct power_law {
    double exponent;
};

static const struct param params[] = {
    {.key = "exponent", .kind = PARAM_NUMBER, .offset = offsetof(struct power_law, exponent),
     .fallback = 2, .least = 0.05, .most = 10, .required = true,
     .help = "Exponent: 0.5 square root, 2 square, 3 cube."},
};

static double share(const void *raw, double utilisation) {
    const struct power_law *p = raw;
    return pow(utilisation, p->exponent);
}

const struct power_model power_power_law = {
    .model = {.name = "power_law",
              .summary = "a power of utilisation: u^exponent",
              .source = "",
              .params_size = sizeof(struct power_law),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .share = share,
};
