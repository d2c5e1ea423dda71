/*
 * Power in proportion to utilisation: the first guess, and right for a device that is simply on or off.
 * f(u) = u.
 */
#include "core/seams.h"

static double share(const void *params, double utilisation) {
    (void)params;
    return utilisation;
}

const struct power_model power_linear = {
    .model = {.name = "linear",
              .summary = "busy power in proportion to utilisation: u",
              .source = ""},
    .share = share,
};
