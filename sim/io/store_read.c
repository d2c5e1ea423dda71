/*
 * Results in SQLite, read back (see store.h).
 */
#include "io/store.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/tick.h"
#include "io/charge.h"
#include "io/store_query.h"
#include "io/summary.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t *read_ids(struct store *s, const char *sql, size_t *count) {
    struct {
        int64_t *at;
        size_t len, cap;
    } ids = {0};
    struct query q = query_open(s, sql);
    while (query_next(&q)) *vec_push(&ids) = query_get_i64(&q);
    query_close(&q);
    *count = ids.len;
    return ids.at;
}

int64_t *store_runs(struct store *s, size_t *count) {
    return read_ids(s, "SELECT run_id FROM run ORDER BY run_id", count);
}

int64_t *store_complete(struct store *s, size_t *count) {
    return read_ids(s, "SELECT run_id FROM run WHERE status = 'complete' ORDER BY run_id", count);
}

int64_t *store_latest(struct store *s, size_t *count) {
    return read_ids(s,
                    "SELECT run_id FROM run WHERE status = 'complete' AND batch_id ="
                    " (SELECT max(batch_id) FROM run WHERE status = 'complete') ORDER BY run_id",
                    count);
}

int64_t *store_batch(struct store *s, int64_t batch, size_t *count) {
    char sql[128];
    snprintf(sql, sizeof sql,
             "SELECT run_id FROM run WHERE status = 'complete' AND batch_id = %" PRId64 " ORDER BY run_id", batch);
    return read_ids(s, sql, count);
}

bool store_is_complete(struct store *s, int64_t run) {
    struct query q = query_open(s, "SELECT count(*) FROM run WHERE run_id = ? AND status = 'complete'");
    query_put_i64(&q, run);
    const bool complete = query_next(&q) && query_get_i64(&q) == 1;
    query_close(&q);
    return complete;
}

static uint64_t read_hash(struct query *q) { return strtoull(query_get_text(q), NULL, 16); }

static bool read_run(struct store *s, int64_t run, struct summary *summary) {
    struct arena *arena = &summary->arena;
    struct query q = query_open(
        s, "SELECT run_id, batch_id, status = 'complete', c.name, scenario_file, c.text, run_name, "
           "overrides, baseline,"
           " point, replication, scenario_hash, trace_hash, seed, trace, order_policy, backfill_policy, place_policy, "
           "route_policy, shift_policy, forecast_policy, market_policy, version,"
           " command, origin_utc, round_s, started_utc, work_unit, jobs, events, measure_from_s, measured_s, "
           "wall_s, loop_s"
           " FROM run JOIN scenario c USING (scenario_hash) WHERE run_id = ?");
    query_put_i64(&q, run);
    const bool found = query_next(&q);
    if (found) {
        struct run_info *info = &summary->info;
        summary->run = query_get_i64(&q);
        summary->batch = query_get_i64(&q);
        summary->complete = query_get_i64(&q);
        const char **const texts[] = {&info->scenario_name, &info->scenario_file, &info->scenario_text,
                                      &info->run_name,      &info->overrides,     &info->baseline};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = arena_text(arena, query_get_text(&q));
        info->point = (uint64_t)query_get_i64(&q);
        info->replication = (uint64_t)query_get_i64(&q);
        info->scenario_hash = read_hash(&q);
        info->trace_hash = read_hash(&q);
        info->seed = (uint64_t)query_get_i64(&q);
        const char **const more[] = {&info->trace, &info->order,    &info->backfill, &info->place,
                                     &info->route, &info->shift,    &info->forecast, &info->market,
                                     &info->version, &info->command};
        for (size_t i = 0; i < sizeof more / sizeof *more; i++) *more[i] = arena_text(arena, query_get_text(&q));
        const char *origin = query_get_text(&q);
        if (!tick_parse_date(origin, strlen(origin), &info->origin_unix_ns))
            info->origin_unix_ns = JOB_UNKNOWN;
        info->round_ns = tick_from_seconds(query_get_f64(&q));
        summary->started_utc = arena_text(arena, query_get_text(&q));
        summary->work_unit = arena_text(arena, query_get_text(&q));
        summary->jobs = (uint64_t)query_get_i64(&q);
        summary->events = (uint64_t)query_get_i64(&q);
        summary->measure_from_s = query_get_f64(&q);
        summary->measured_s = query_get_f64(&q);
        summary->wall_s = query_get_f64(&q);
        summary->loop_s = query_get_f64(&q);
    }
    query_close(&q);
    return found;
}

/* Where a name stands in a list that has it. */
static int named(const char *const *names, int count, const char *name) {
    int i = 0;
    while (i < count && strcmp(names[i], name) != 0) i++;
    require(i < count);
    return i;
}

static void read_values(struct query *q, struct store *s, int64_t tally, double *value) {
    for (size_t m = 0; m < result_metrics_len; m++) value[m] = NAN;
    query_reset(q);
    query_put_i64(q, tally);
    /* Ids ascend with the metrics except where a later version added some: the search goes on from the last.
     */
    for (size_t m = 0; query_next(q);) {
        const int64_t id = query_get_i64(q);
        const double read = query_get_f64(q);
        for (size_t tried = 0; tried < result_metrics_len; tried++, m = (m + 1) % result_metrics_len) {
            if (s->metric_ids[m] != id) continue;
            value[m] = read;
            break;
        }
    }
}

static void read_parts(struct store *s, int64_t run, unsigned parts, struct summary *summary) {
    struct {
        struct summary_part *at;
        size_t len, cap;
    } found = {0};
    struct query q =
        query_open(s, "SELECT tally_id, part, name FROM tally WHERE run_id = ? ORDER BY tally_id");
    struct query values =
        query_open(s, "SELECT metric_id, value FROM measure WHERE tally_id = ? ORDER BY metric_id");
    query_put_i64(&q, run);
    while (query_next(&q)) {
        const int64_t tally = query_get_i64(&q);
        const enum part part = (enum part)named(part_names, PART_COUNT, query_get_text(&q));
        if (!(parts >> part & 1)) continue;
        struct summary_part *new = vec_push(&found);
        *new = (struct summary_part){part, arena_text(&summary->arena, query_get_text(&q)),
                                     arena_alloc(&summary->arena, result_metrics_len, sizeof(double))};
        read_values(&values, s, tally, new->value);
    }
    query_close(&values);
    query_close(&q);
    summary->parts_len = found.len;
    summary->parts = arena_alloc(&summary->arena, found.len, sizeof *summary->parts);
    if (found.len) memcpy(summary->parts, found.at, found.len * sizeof *found.at);
    free(found.at);
}

static void read_warnings(struct store *s, int64_t run, struct summary *summary) {
    struct {
        const char **at;
        size_t len, cap;
    } found = {0};
    struct query q = query_open(s, "SELECT text FROM warning WHERE run_id = ? ORDER BY position");
    query_put_i64(&q, run);
    while (query_next(&q)) *vec_push(&found) = arena_text(&summary->arena, query_get_text(&q));
    query_close(&q);
    summary->warnings_len = found.len;
    summary->warnings = arena_alloc(&summary->arena, found.len, sizeof *summary->warnings);
    if (found.len) memcpy(summary->warnings, found.at, found.len * sizeof *found.at);
    free(found.at);
}

static void read_factors(struct store *s, int64_t run, struct summary *summary) {
    struct {
        struct run_factor *at;
        size_t len, cap;
    } found = {0};
    struct query q = query_open(s, "SELECT path, value, number FROM factor WHERE run_id = ? ORDER BY path");
    query_put_i64(&q, run);
    while (query_next(&q)) {
        struct run_factor *factor = vec_push(&found);
        factor->path = arena_text(&summary->arena, query_get_text(&q));
        factor->value = arena_text(&summary->arena, query_get_text(&q));
        factor->number = query_get_f64(&q);
    }
    query_close(&q);
    struct run_factor *factors = arena_alloc(&summary->arena, found.len, sizeof *factors);
    if (found.len) memcpy(factors, found.at, found.len * sizeof *factors);
    summary->info.factors = factors;
    summary->info.factors_len = found.len;
    free(found.at);
}

bool store_read_summary(struct store *s, int64_t run, unsigned parts, struct summary *summary) {
    *summary = (struct summary){0};
    arena_init(&summary->arena);
    if (!read_run(s, run, summary)) return false;
    read_factors(s, run, summary);
    read_parts(s, run, parts, summary);
    read_warnings(s, run, summary);
    return true;
}

void store_read_series(struct store *s, int64_t run, struct series *series) {
    *series = (struct series){0};
    struct {
        struct bin *at;
        size_t len, cap;
    } bins = {0};
    struct query q =
        query_open(s, "SELECT t.tally_id, b.start_s, b.width_s, held_gpus, used_gpus, queued_jobs, "
                      "queued_gpus, running_jobs,"
                      " power_w, price_usd_per_kwh, carbon_g_per_kwh, pue, cost_usd_per_h FROM series b"
                      " JOIN tally t ON t.run_id = b.run_id AND t.part = 'region' AND t.name = b.region"
                      " WHERE b.run_id = ? ORDER BY t.tally_id, b.start_s");
    query_put_i64(&q, run);
    for (int64_t before = 0; query_next(&q);) {
        const int64_t region = query_get_i64(&q);
        const double start_s = query_get_f64(&q), width_s = query_get_f64(&q);
        if (bins.len == 0) {
            series->start_ns = tick_from_seconds(start_s);
            series->width_ns = tick_from_seconds(width_s);
        }
        if (region != before) series->regions++;
        before = region;
        struct bin *b = vec_push(&bins);
        double *const fields[] = {
            &b->held_gpus, &b->used_gpus,         &b->queued_jobs,      &b->queued_gpus, &b->running_jobs,
            &b->power_w,   &b->price_usd_per_kwh, &b->carbon_g_per_kwh, &b->pue,         &b->cost_usd_per_h};
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) *fields[i] = query_get_f64(&q);
    }
    query_close(&q);
    series->bins = series->regions ? bins.len / series->regions : 0;
    series->at = bins.at;
}

struct store_pool *store_read_pools(struct store *s, int64_t run, struct arena *arena, size_t *count) {
    struct {
        struct store_pool *at;
        size_t len, cap;
    } pools = {0};
    struct query q = query_open(s, "SELECT name, region, gpu, bought, nodes, gpus_per_node, usd_per_node_h, estimated"
                                   " FROM pool WHERE run_id = ? ORDER BY name");
    query_put_i64(&q, run);
    while (query_next(&q)) {
        struct store_pool *p = vec_push(&pools);
        const char **const texts[] = {&p->name, &p->region, &p->gpu, &p->bought};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = arena_text(arena, query_get_text(&q));
        p->nodes = (uint64_t)query_get_i64(&q);
        p->gpus_per_node = (uint32_t)query_get_i64(&q);
        p->usd_per_node_h = query_get_f64(&q);
        p->estimated = query_get_i64(&q) != 0;
    }
    query_close(&q);
    *count = pools.len;
    return pools.at;
}

struct charge_line *store_read_charges(struct store *s, int64_t run, struct arena *arena, size_t *count) {
    struct charge_lines lines = {0};
    struct query q =
        query_open(s, "SELECT kind, use, region, pool, tenant, class, bought, unit, quantity, usd, energy_kwh,"
                      " co2_kg, market_co2_kg, embodied_kg FROM charge WHERE run_id = ? ORDER BY position");
    query_put_i64(&q, run);
    while (query_next(&q)) {
        struct charge_line *line = vec_push(&lines);
        line->kind = (enum charge_kind)named(charge_kinds, CHARGE_KINDS, query_get_text(&q));
        line->use = (enum charge_use)named(charge_uses, CHARGE_USES, query_get_text(&q));
        const char **const texts[] = {&line->region,     &line->pool,   &line->tenant,
                                      &line->class_name, &line->bought, &line->unit};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = arena_text(arena, query_get_text(&q));
        double *const fields[] = {&line->quantity, &line->usd,           &line->energy_kwh,
                                  &line->co2_kg,   &line->market_co2_kg, &line->embodied_kg};
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) *fields[i] = query_get_f64(&q);
    }
    query_close(&q);
    *count = lines.len;
    return lines.at;
}

struct start_hour *store_read_start_hours(struct store *s, int64_t run, size_t *regions) {
    struct query count =
        query_open(s, "SELECT count(*) FROM tally WHERE run_id = ? AND part = 'region'");
    query_put_i64(&count, run);
    *regions = query_next(&count) ? (size_t)query_get_i64(&count) : 0;
    query_close(&count);
    struct start_hour *hours = mem_zero(*regions * WEEK_HOURS + 1, sizeof *hours);
    struct query q =
        query_open(s, "SELECT (SELECT count(*) FROM tally u WHERE u.run_id = t.run_id AND u.part = 'region'"
                      " AND u.tally_id < t.tally_id), weekday, hour, jobs, gpu_h FROM start_hour h"
                      " JOIN tally t ON t.run_id = h.run_id AND t.part = 'region' AND t.name = h.region"
                      " WHERE h.run_id = ?");
    query_put_i64(&q, run);
    while (query_next(&q)) {
        const size_t region = (size_t)query_get_i64(&q), weekday = (size_t)query_get_i64(&q);
        struct start_hour *h = &hours[region * WEEK_HOURS + weekday * 24 + (size_t)query_get_i64(&q)];
        h->jobs = (uint64_t)query_get_i64(&q);
        h->gpu_h = query_get_f64(&q);
    }
    query_close(&q);
    return hours;
}

struct store_step *store_read_distribution(struct store *s, int64_t run, const char *figure, size_t *count) {
    struct {
        struct store_step *at;
        size_t len, cap;
    } steps = {0};
    struct query q = query_open(s, "SELECT at_most_s, jobs FROM distribution WHERE run_id = ? AND figure = ?"
                                   " ORDER BY at_most_s");
    query_put_i64(&q, run);
    query_put_text(&q, figure);
    while (query_next(&q)) {
        const double at_most_s = query_get_f64(&q);
        *vec_push(&steps) = (struct store_step){at_most_s, (uint64_t)query_get_i64(&q)};
    }
    query_close(&q);
    *count = steps.len;
    return steps.at;
}
