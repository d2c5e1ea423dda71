/*
 * Power that saturates: half a straight line and half an exponential approach,
 * f(u) = (1 + u - e^(-u/alpha)) / 2. The published form reaches only 1 - e^(-1/alpha) / 2 at full load; it is
 * divided by that here, so that a full device draws its peak power (a change of 2e-5 at alpha = 0.1).
 */
#include "core/seams.h"

#include <math.h>

struct exponential {
    double alpha;
};

static const struct param params[] = {
    {.key = "alpha", .kind = PARAM_NUMBER, .offset = offsetof(struct exponential, alpha),
     .fallback = 0.1, .least = 0.01, .most = 10,
     .help = "Utilisation by which the fast half of the power has mostly been reached."},
};

static double share(const void *raw, double utilisation) {
    const struct exponential *p = raw;
    return (1 + utilisation - exp(-utilisation / p->alpha)) / (2 - exp(-1 / p->alpha));
}

const struct power_model power_exponential = {
    .model = {.name = "exponential",
              .summary = "half at once, half in proportion: (1 + u - e^(-u/alpha)) / 2",
              .source = "",
              .params_size = sizeof(struct exponential),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .share = share,
};
