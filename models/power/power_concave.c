/*
 * The curve Fan, Weber and Barroso fitted to thousands of servers (ISCA 2007): f(u) = 2u - u^r, with r = 1.4
 * there. It rises steeply at first and flattens; r is kept at most 2, above which it would fall before u = 1.
 */
#include "core/seams.h"

#include <math.h>

struct concave {
    double r;
};

static const struct param params[] = {
    {.key = "r", .kind = PARAM_NUMBER, .offset = offsetof(struct concave, r),
     .fallback = 1.4, .least = 1, .most = 2,
     .help = "Bend: 1 is a straight line, 2 the strongest; 1.4 was fitted to servers."},
};

static double share(const void *raw, double utilisation) {
    const struct concave *p = raw;
    return 2 * utilisation - pow(utilisation, p->r);
}

const struct power_model power_concave = {
    .model = {.name = "concave",
              .summary = "steep at first, then flatter: 2u - u^r",
              .source = "Fan, Weber, Barroso, ISCA 2007",
              .params_size = sizeof(struct concave),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .share = share,
};
