/*
 * A measured curve: eleven points at 0, 10, ..., 100 % utilisation, straight between them (the form of
 * SPECpower results).
 * Invariant (check): eleven points, from 0 to 1, never falling.
 */
#include "core/seams.h"

enum { POINTS = 11 };

struct table {
    struct numbers points;
};

static const struct param params[] = {
    {.key = "points", .kind = PARAM_NUMBERS, .offset = offsetof(struct table, points),
     .least = 0, .most = 1, .required = true,
     .help = "Share of (peak - idle) power at 0, 10, ..., 100 % utilisation: eleven values from 0 to 1."},
};

static const char *check(const void *raw) {
    const struct table *p = raw;
    if (p->points.len != POINTS) return "points must be eleven values, at 0, 10, ..., 100 % utilisation";
    if (p->points.at[0] != 0 || p->points.at[POINTS - 1] != 1)
        return "points must begin with 0 and end with 1";
    for (size_t i = 1; i < POINTS; i++)
        if (p->points.at[i] < p->points.at[i - 1]) return "points must not fall";
    return NULL;
}

static double share(const void *raw, double utilisation) {
    const struct table *p = raw;
    const double at = utilisation * (POINTS - 1);
    const size_t low = at < POINTS - 1 ? (size_t)at : POINTS - 2;
    const double part = at - (double)low;
    return p->points.at[low] * (1 - part) + p->points.at[low + 1] * part;
}

const struct power_model power_table = {
    .model = {.name = "table",
              .summary = "a measured curve of eleven points, straight between them",
              .source = "",
              .params_size = sizeof(struct table),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .check = check},
    .share = share,
};
