/*
 * Measured throughput by chip and GPU count, as Gavel uses it (Narayanan et al., OSDI 2020): a row a chip, a
 * column a GPU count, and a second table for jobs whose GPUs stand on more nodes than they need. A measured
 * count gives the measured number, to the bit; between two, a straight line; past the last, and where the
 * table holds 0, it cannot run. Invariant (check): GPU counts ascend, tables are chips x counts. Cost: a
 * look-up of the chip and of the count.
 */
#include "core/seams.h"

#include <math.h>

struct table {
    const char *chips;
    struct numbers gpus, rates, apart;
    double node_gpus, error;
};

static const struct param params[] = {
    {.key = "chips", .kind = PARAM_TEXT, .offset = offsetof(struct table, chips),
     .help = "GPU models, separated by semicolons: a row of the table each. Without it, any GPU is alike."},
    {.key = "gpus", .kind = PARAM_NUMBERS, .offset = offsetof(struct table, gpus), .least = 1e-3, .most = 1e9,
     .required = true, .help = "GPU counts that were measured, ascending: a column each."},
    {.key = "rates", .kind = PARAM_NUMBERS, .offset = offsetof(struct table, rates), .least = 0, .most = 1e18,
     .required = true, .help = "Units of work a second, row after row; 0 where it does not run."},
    {.key = "rates_apart", .kind = PARAM_NUMBERS, .offset = offsetof(struct table, apart),
     .least = 0, .most = 1e18,
     .help = "The same for GPUs on more nodes than they need; without it, that makes no difference."},
    {.key = "node_gpus", .kind = PARAM_NUMBER, .offset = offsetof(struct table, node_gpus),
     .fallback = 8, .least = 1, .most = 1e6, .help = "GPUs of a node, which says how many nodes are needed."},
    {.key = "error", .kind = PARAM_NUMBER, .offset = offsetof(struct table, error),
     .fallback = 0, .least = 0, .most = 10, .help = "Relative error of the measurements."},
};

static const char *check(const void *raw) {
    const struct table *p = raw;
    if (p->gpus.len == 0) return "gpus must name at least one GPU count";
    for (size_t i = 1; i < p->gpus.len; i++)
        if (p->gpus.at[i] <= p->gpus.at[i - 1]) return "gpus must ascend";
    const size_t cells = speed_chips(p->chips) * p->gpus.len;
    if (p->rates.len != cells)
        return "rates must have a value for each of the chips at each of the GPU counts";
    if (p->apart.len && p->apart.len != cells)
        return "rates_apart must have a value for each of the chips at each of the GPU counts, or none";
    return NULL;
}

/* The table that holds for this placement. */
static const double *rates_of(const struct table *p, const struct scale *scale) {
    const bool apart = p->apart.len && scale->nodes > ceil(scale->gpus / p->node_gpus);
    return apart ? p->apart.at : p->rates.at;
}

/* Column of the largest measured count that is at most so many GPUs; SIZE_MAX: outside what was measured. */
static size_t column_of(const struct table *p, double gpus) {
    size_t i = p->gpus.len;
    if (gpus > p->gpus.at[i - 1]) return SIZE_MAX;
    while (i > 0 && p->gpus.at[i - 1] > gpus) i--;
    return i ? i - 1 : SIZE_MAX;
}

static double per_s(const void *raw, const struct scale *scale) {
    const struct table *p = raw;
    const size_t chip = speed_chip(p->chips, scale->chip);
    const double gpus = scale_gpus(scale);
    if (chip == SIZE_MAX || gpus > p->gpus.at[p->gpus.len - 1]) return 0;
    const double *rates = rates_of(p, scale) + chip * p->gpus.len;
    const size_t i = column_of(p, gpus);
    if (i == SIZE_MAX) return rates[0] * gpus / p->gpus.at[0]; /* less than the least: its share of that */
    if (gpus == p->gpus.at[i]) return rates[i];
    if (rates[i] == 0 || rates[i + 1] == 0) return 0;
    const double part = (gpus - p->gpus.at[i]) / (p->gpus.at[i + 1] - p->gpus.at[i]);
    return rates[i] * (1 - part) + rates[i + 1] * part;
}

static double error(const void *raw, const struct scale *scale) {
    const struct table *p = raw;
    const size_t i = column_of(p, scale_gpus(scale));
    const bool measured = i != SIZE_MAX && p->gpus.at[i] == scale_gpus(scale) && per_s(raw, scale) > 0;
    return measured ? p->error : NAN;
}

const struct speed_model speed_table = {
    .model = {.name = "table",
              .summary = "measured throughput by chip and GPU count, on few nodes or spread",
              .source = "Narayanan et al., Heterogeneity-aware cluster scheduling (Gavel), OSDI 2020",
              .params_size = sizeof(struct table),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .check = check},
    .per_s = per_s,
    .error = error,
};
