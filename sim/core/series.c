/*
 * The decimated series: exact time averages over bins of equal width, a few hundred a run whatever its length.
 * The width starts from the span of the arrivals; when the bins are used up, neighbours are merged and the
 * width doubles. Averages come from differences of the regions' running totals, so a bin costs nothing
 * between its ends.
 */
#include "core/engine.h"

#include "base/mem.h"
#include "base/tick.h"

#include <stdlib.h>

static const int64_t nice_s[] = {1,    2,    5,    10,   30,    60,    120,   300,   600,
                                 900,  1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800};

void series_begin(struct sched *s) {
    const struct jobs *jobs = &s->world.jobs;
    const uint32_t wanted = s->options->bins;
    s->series = (struct series){.regions = s->setup->regions_len, .width_ns = TICK_NEVER};
    if (wanted == 0) return;
    int64_t span = jobs->len ? jobs->at[jobs->len - 1].submit_ns : 0;
    if (s->setup->horizon_ns < TICK_NEVER) span = s->setup->horizon_ns;
    const size_t count = sizeof nice_s / sizeof *nice_s;
    size_t i = 0;
    while (i + 1 < count && nice_s[i] * TICK_S < span / wanted) i++;
    s->series.width_ns = nice_s[i] * TICK_S;
    s->bins_most = 2 * wanted;
    s->series.at = mem_zero(s->series.regions * s->bins_most + 1, sizeof *s->series.at);
    s->bin_marks = mem_zero(s->series.regions + 1, sizeof *s->bin_marks);
    s->bin_elastic_usd = mem_zero(s->series.regions + 1, sizeof *s->bin_elastic_usd);
}

int64_t series_next_ns(const struct sched *s) {
    return s->series.at ? (int64_t)(s->series.bins + 1) * s->series.width_ns : TICK_NEVER;
}

static struct bin average(const struct region_mark *from, const struct region_mark *to, double ns,
                          double capacity_usd_per_h) {
    const double s = ns / 1e9;
    double gauge[GAUGE_COUNT];
    for (int i = 0; i < GAUGE_COUNT; i++) gauge[i] = (double)(to->gauge[i] - from->gauge[i]) / ns;
    return (struct bin){
        .held_gpus = gauge[GAUGE_HELD] / 1000, .used_gpus = (to->used - from->used) / ns / 1000,
        .queued_jobs = gauge[GAUGE_QUEUED], .queued_gpus = gauge[GAUGE_QUEUED_GPUS] / 1000,
        .running_jobs = gauge[GAUGE_RUNNING], .power_w = (to->meter.j - from->meter.j) / s,
        .price_usd_per_kwh = (to->price_s - from->price_s) / s,
        .carbon_g_per_kwh = (to->carbon_s - from->carbon_s) / s, .pue = (to->pue_s - from->pue_s) / s,
        .cost_usd_per_h = (to->meter.usd - from->meter.usd) / s * 3600 + capacity_usd_per_h};
}

static struct bin between(const struct bin *a, const struct bin *b) {
    return (struct bin){(a->held_gpus + b->held_gpus) / 2,       (a->used_gpus + b->used_gpus) / 2,
                        (a->queued_jobs + b->queued_jobs) / 2,   (a->queued_gpus + b->queued_gpus) / 2,
                        (a->running_jobs + b->running_jobs) / 2, (a->power_w + b->power_w) / 2,
                        (a->price_usd_per_kwh + b->price_usd_per_kwh) / 2,
                        (a->carbon_g_per_kwh + b->carbon_g_per_kwh) / 2, (a->pue + b->pue) / 2,
                        (a->cost_usd_per_h + b->cost_usd_per_h) / 2};
}

static double capacity_usd_per_h(const struct sched *s, size_t region) {
    double sum = 0;
    for (size_t i = 0; i < s->setup->nodes_len; i++) {
        const struct pool_setup *p = &s->setup->pools[s->setup->nodes[i].pool];
        if (p->region == region && !bought_elastic(p->bought)) sum += s->setup->nodes[i].count * p->usd_per_node_h;
    }
    return sum;
}

/* What elastic nodes of the region were billed so far (inside the window). */
static double elastic_usd(const struct sched *s, size_t region) {
    double sum = 0;
    for (uint32_t i = 0; s->iron && i < s->setup->pools_len; i++)
        if (s->setup->pools[i].region == region && bought_elastic(s->setup->pools[i].bought))
            sum += iron_read(s->iron, i).paid_usd;
    return sum;
}

static void close_bin(struct sched *s, double ns) {
    for (size_t r = 0; r < s->series.regions; r++) {
        const struct region_mark *now = &s->ledger.regions[r].total;
        const double elastic = elastic_usd(s, r);
        const double usd_per_h = capacity_usd_per_h(s, r) + (elastic - s->bin_elastic_usd[r]) / ns * 3.6e12;
        s->series.at[r * s->bins_most + s->series.bins] = average(&s->bin_marks[r], now, ns, usd_per_h);
        s->bin_elastic_usd[r] = elastic;
        s->bin_marks[r] = *now;
    }
    s->series.bins++;
}

void series_flush(struct sched *s) {
    close_bin(s, (double)s->series.width_ns);
    if (s->series.bins < s->bins_most) return;
    for (size_t r = 0; r < s->series.regions; r++) {
        struct bin *at = &s->series.at[r * s->bins_most];
        for (size_t i = 0; i < s->bins_most / 2; i++) at[i] = between(&at[2 * i], &at[2 * i + 1]);
    }
    s->series.bins = s->bins_most / 2;
    s->series.width_ns *= 2;
}

void series_end(struct sched *s, struct result *result) {
    if (s->series.at == NULL) return;
    const int64_t rest = s->world.now_ns - (int64_t)s->series.bins * s->series.width_ns;
    if (rest > 0 && s->series.bins < s->bins_most) close_bin(s, (double)rest);
    struct series *out = &result->series;
    *out = s->series;
    for (size_t r = 0; r < out->regions; r++) /* close the gaps between regions */
        for (size_t i = 0; i < out->bins; i++) out->at[r * out->bins + i] = out->at[r * s->bins_most + i];
    s->series.at = NULL;
    free(s->bin_marks);
    free(s->bin_elastic_usd);
    s->bin_marks = NULL;
}
