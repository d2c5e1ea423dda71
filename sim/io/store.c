/*
 * Results in SQLite, written (see store.h; the schema is store_schema.c; reading store_read.c).
 *
 * A rollback journal with synchronous = NORMAL: a run costs two small transactions, or a part of one (store_hold).
 * Binding is by position, in the
 * schema's order. Several processes may write: a transaction begins IMMEDIATE and waits for the others.
 *
 * Invariant: a run is 'complete' iff all its rows are there. What is written depends on the run's inputs
 * alone, except run.started_utc, wall_s and loop_s. Cost: a row's (store_query.c); the cumulative distributions take
 * one binary search a job.
 */
#include "io/store.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"
#include "core/flow.h"
#include "core/service.h"
#include "io/charge.h"
#include "io/store_query.h"
#include "io/store_schema.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- opening --- */

/* Fills metric_ids; false: the database lacks some of our metrics. */
static bool know_metrics(struct store *s) {
    size_t known = 0;
    struct query q = query_open(s, "SELECT metric_id, name FROM metric ORDER BY metric_id");
    for (size_t m = 0; m < result_metrics_len; m++) s->metric_ids[m] = 0;
    /* Both lists usually stand in the same order: the search begins where the last one ended. */
    for (size_t m = 0; query_next(&q);) {
        const int64_t id = query_get_i64(&q);
        const char *name = query_get_text(&q);
        for (size_t tried = 0; tried < result_metrics_len; tried++, m = (m + 1) % result_metrics_len) {
            if (strcmp(result_metrics[m].name, name) != 0) continue;
            s->metric_ids[m] = id;
            known++;
            break;
        }
    }
    query_close(&q);
    return known == result_metrics_len;
}

static void write_metrics(struct store *s) {
    struct query q =
        query_open(s, "INSERT OR IGNORE INTO metric (name, unit, better, help) VALUES (?, ?, ?, ?)");
    for (size_t m = 0; m < result_metrics_len; m++) {
        const struct metric *metric = &result_metrics[m];
        query_put_text(&q, metric->name);
        query_put_text(&q, metric->unit);
        query_put_text(&q, metric->neutral ? "neutral" : metric->less_is_better ? "less" : "more");
        query_put_text(&q, metric->help);
        query_write(&q);
    }
    query_close(&q);
    q = query_open(
        s, "INSERT OR IGNORE INTO reason (reason, metric, help) VALUES (?, 'wait_' || ?1 || '_h', ?)");
    for (int why = 0; why < WHY_COUNT; why++) {
        query_put_text(&q, why_names[why]);
        query_put_text(&q, why_texts[why]);
        query_write(&q);
    }
    query_close(&q);
}

/* Every metric the database knows as a column; each costs a look-up by key, and only when it is selected. */
static void make_run_summary(struct store *s) {
    struct text sql;
    text_init(&sql);
    text_put(&sql,
             "CREATE VIEW v_run_summary AS SELECT r.run_id, r.batch_id, r.run_name, r.status, r.order_policy,"
             " r.backfill_policy, r.place_policy, r.route_policy, r.shift_policy, r.forecast_policy,"
             " r.market_policy, r.point, r.replication, r.seed, r.work_unit, r.measured_s");
    struct query q = query_open(s, "SELECT metric_id, name FROM metric ORDER BY metric_id");
    while (query_next(&q)) {
        const int64_t id = query_get_i64(&q);
        text_format(&sql,
                    ", (SELECT value FROM measure m WHERE m.tally_id = t.tally_id AND m.metric_id = %" PRId64
                    ") AS %s",
                    id, query_get_text(&q));
    }
    query_close(&q);
    text_put(&sql, " FROM run r LEFT JOIN tally t ON t.run_id = r.run_id AND t.part = 'run'");
    store_sql(s, sql.at);
    text_free(&sql);
}

static void drop_views(struct store *s) {
    struct text sql;
    text_init(&sql);
    struct query q =
        query_open(s, "SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'v\\_%' ESCAPE '\\'");
    while (query_next(&q)) text_format(&sql, "DROP VIEW \"%s\";", query_get_text(&q));
    query_close(&q);
    if (sql.len) store_sql(s, sql.at);
    text_free(&sql);
}

/* In one transaction, looking again once it holds the lock: another process may have been first. */
static void bring_up_to_date(struct store *s) {
    store_begin(s);
    if (!store_check_file(s)) {
        store_sql_all(s, store_tables);
        store_sql(s,
                "INSERT INTO meta VALUES ('program', 'headroom'), ('about', 'results; see docs/results.md')");
        char pragmas[96];
        snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 STORE_APPLICATION_ID, STORE_SCHEMA_VERSION);
        store_sql(s, pragmas);
    }
    if (!know_metrics(s)) {
        write_metrics(s);
        drop_views(s);
        store_sql_all(s, store_views);
        make_run_summary(s);
        require(know_metrics(s));
    }
    store_commit(s);
}

struct store *store_open(const char *path) {
    struct store *s = store_connect(path, true);
    const bool ours = store_check_file(s);
    store_sql(s, "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL");
    if (!ours || !know_metrics(s)) bring_up_to_date(s);
    return s;
}

struct store *store_open_read(const char *path) {
    if (access(path, F_OK) != 0) die("there is no results file '%s'; 'headroom run' writes one", path);
    /* Readers, too, may have to undo what a killed writer began; SQLite itself falls back to reading alone
     * where it may not write. */
    struct store *s = store_connect(path, false);
    if (!store_check_file(s)) die("'%s' is empty: no run was written to it", path);
    know_metrics(s);
    return s;
}

/* --- a run begins --- */

static void write_scenario(struct store *s, const struct run_info *info) {
    struct query q = query_open(s, "INSERT OR IGNORE INTO scenario VALUES (?, ?, ?)");
    query_put_hash(&q, info->scenario_hash);
    query_put_text(&q, info->scenario_name);
    query_put_text(&q, info->scenario_text);
    query_write(&q);
    query_close(&q);
}

static void write_factors(struct store *s, int64_t run, const struct run_info *info) {
    struct query q = query_open(s, "INSERT INTO factor VALUES (?, ?, ?, ?)");
    for (size_t i = 0; i < info->factors_len; i++) {
        query_put_i64(&q, run);
        query_put_text(&q, info->factors[i].path);
        query_put_text(&q, info->factors[i].value);
        query_put_f64(&q, info->factors[i].number);
        query_write(&q);
    }
    query_close(&q);
}

int64_t store_run_begin(struct store *s, const struct run_info *info) {
    char origin[40], started[40];
    store_begin(s);
    write_scenario(s, info);
    const int64_t run = store_ask_i64(s, "SELECT max(run_id) FROM run") + 1;
    if (!s->batch) s->batch = run;
    struct query q =
        query_open(s, "INSERT INTO run (run_id, batch_id, status, scenario_hash, scenario_file, run_name,"
                      " baseline, overrides, point, replication,"
                      " seed, trace, trace_hash, order_policy, backfill_policy, place_policy, route_policy,"
                      " shift_policy, forecast_policy, market_policy, round_s, origin_utc,"
                      " version, command, started_utc)"
                      " VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                      " ?, ?, ?)");
    query_put_i64(&q, run);
    query_put_i64(&q, s->batch);
    query_put_hash(&q, info->scenario_hash);
    query_put_text(&q, info->scenario_file);
    query_put_text(&q, info->run_name);
    query_put_text(&q, info->baseline);
    query_put_text(&q, info->overrides);
    if (info->point == 0) query_put_null(&q);
    else query_put_i64(&q, (int64_t)info->point);
    query_put_i64(&q, (int64_t)info->replication);
    query_put_i64(&q, (int64_t)info->seed);
    query_put_text(&q, info->trace);
    query_put_hash(&q, info->trace_hash);
    query_put_text(&q, info->order);
    query_put_text(&q, info->backfill);
    query_put_text(&q, info->place);
    query_put_text(&q, info->route);
    query_put_text(&q, info->shift);
    query_put_text(&q, info->forecast);
    query_put_text(&q, info->market);
    query_put_f64(&q, tick_seconds(info->round_ns));
    if (info->origin_unix_ns == JOB_UNKNOWN) query_put_null(&q);
    else query_put_text(&q, tick_format_date(info->origin_unix_ns, origin));
    query_put_text(&q, info->version);
    query_put_text(&q, info->command);
    query_put_text(&q, tick_format_date((int64_t)time(NULL) * TICK_S, started));
    query_write(&q);
    query_close(&q);
    write_factors(s, run, info);
    store_commit(s);
    return run;
}

/* --- a run ends --- */

static uint64_t nodes_of_pool(const struct setup *setup, size_t pool) {
    uint64_t nodes = 0;
    for (size_t i = 0; i < setup->nodes_len; i++)
        if (setup->nodes[i].pool == pool) nodes += setup->nodes[i].count;
    return nodes;
}

static void write_pools(struct store *s, int64_t run, const struct setup *setup) {
    struct query q = query_open(s, "INSERT INTO pool VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; i < setup->pools_len; i++) {
        const struct pool_setup *pool = &setup->pools[i];
        query_put_i64(&q, run);
        query_put_text(&q, pool->name);
        query_put_text(&q, setup->regions[pool->region].name);
        if (pool->tenant == SETUP_SHARED) query_put_null(&q);
        else query_put_text(&q, setup->tenants[pool->tenant].name);
        query_put_i64(&q, (int64_t)nodes_of_pool(setup, i));
        query_put_text(&q, pool->gpu);
        query_put_i64(&q, pool->gpus);
        query_put_f64(&q, pool->cpu_milli ? pool->cpu_milli / 1e3 : NAN);
        query_put_f64(&q, pool->mem_mib ? (double)pool->mem_mib : NAN);
        query_put_text(&q, bought_names[pool->bought]);
        query_put_i64(&q, bought_elastic(pool->bought));
        query_put_i64(&q, pool->sleep.on && !bought_elastic(pool->bought));
        query_put_f64(&q, pool->usd_per_node_h);
        query_put_f64(&q, pool->embodied_g_per_node_h);
        query_put_i64(&q, pool->estimated);
        query_write(&q);
    }
    query_close(&q);
}

static void write_tallies(struct store *s, int64_t run, const struct result *result) {
    struct query tally = query_open(s, "INSERT INTO tally VALUES (?, ?, ?, ?)");
    struct query measure = query_open(s, "INSERT INTO measure VALUES (?, ?, ?)");
    int64_t id = store_ask_i64(s, "SELECT max(tally_id) FROM tally");
    for (size_t i = 0; i < result->tallies_len; i++) {
        const struct tally *t = &result->tallies[i];
        query_put_i64(&tally, ++id);
        query_put_i64(&tally, run);
        query_put_text(&tally, part_names[t->part]);
        query_put_text(&tally, t->part == PART_RUN ? "all" : t->name);
        query_write(&tally);
        for (size_t m = 0; m < result_metrics_len; m++) {
            if (!(result_metrics[m].parts >> t->part & 1)) continue;
            const double value = result_metrics[m].value(t, result);
            if (isnan(value)) continue;
            query_put_i64(&measure, id);
            query_put_i64(&measure, s->metric_ids[m]);
            query_put_f64(&measure, value);
            query_write(&measure);
        }
    }
    query_close(&tally);
    query_close(&measure);
}

static void write_series(struct store *s, int64_t run, const struct setup *setup,
                         const struct series *series) {
    struct query q = query_open(s, "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t r = 0; r < series->regions; r++) {
        for (size_t i = 0; i < series->bins; i++) {
            const struct bin *bin = &series->at[r * series->bins + i];
            query_put_i64(&q, run);
            query_put_text(&q, setup->regions[r].name);
            query_put_f64(&q, tick_seconds(series->start_ns + (int64_t)i * series->width_ns));
            query_put_f64(&q, tick_seconds(series->width_ns));
            query_put_f64(&q, bin->held_gpus);
            query_put_f64(&q, bin->used_gpus);
            query_put_f64(&q, bin->running_jobs);
            query_put_f64(&q, bin->queued_jobs);
            query_put_f64(&q, bin->queued_gpus);
            query_put_f64(&q, bin->power_w);
            query_put_f64(&q, bin->pue);
            query_put_f64(&q, bin->price_usd_per_kwh);
            query_put_f64(&q, bin->carbon_g_per_kwh);
            query_put_f64(&q, bin->cost_usd_per_h);
            query_write(&q);
        }
    }
    query_close(&q);
}

/* "" becomes NULL. */
static void put_known(struct query *q, const char *text) {
    if (*text) query_put_text(q, text);
    else query_put_null(q);
}

static void write_charges(struct store *s, int64_t run, const struct setup *setup,
                          const struct result *result) {
    struct charge_lines lines = charge_lines_of(setup, result);
    struct query q =
        query_open(s, "INSERT INTO charge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; i < lines.len; i++) {
        const struct charge_line *line = &lines.at[i];
        query_put_i64(&q, run);
        query_put_i64(&q, (int64_t)i);
        query_put_text(&q, charge_kinds[line->kind]);
        query_put_text(&q, charge_uses[line->use]);
        query_put_text(&q, line->region);
        put_known(&q, line->pool);
        put_known(&q, line->tenant);
        put_known(&q, line->class_name);
        put_known(&q, line->bought);
        query_put_f64(&q, line->quantity);
        query_put_text(&q, line->unit);
        query_put_f64(&q, line->usd);
        query_put_f64(&q, line->energy_kwh);
        query_put_f64(&q, line->co2_kg);
        query_put_f64(&q, line->market_co2_kg);
        query_put_f64(&q, line->embodied_kg);
        query_write(&q);
    }
    query_close(&q);
    free(lines.at);
}

static void write_start_hours(struct store *s, int64_t run, const struct setup *setup,
                              const struct result *result) {
    if (!result->start_hours) return;
    struct query q = query_open(s, "INSERT INTO start_hour VALUES (?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; i < setup->regions_len * WEEK_HOURS; i++) {
        const struct start_hour *h = &result->start_hours[i];
        if (h->jobs == 0) continue;
        query_put_i64(&q, run);
        query_put_text(&q, setup->regions[i / WEEK_HOURS].name);
        query_put_i64(&q, (int64_t)(i % WEEK_HOURS / 24));
        query_put_i64(&q, (int64_t)(i % 24));
        query_put_i64(&q, (int64_t)h->jobs);
        query_put_f64(&q, h->gpu_h);
        query_write(&q);
    }
    query_close(&q);
}

/* Distributions stand on one grid for all runs, 20 steps a decade from 0.1 s to 1e9 s (and 0), so that runs
 * are compared by a join. The steps are whole nanoseconds: no function of the C library decides a bit of
 * them. */
enum { STEPS_A_DECADE = 20, DECADES = 10, STEPS = STEPS_A_DECADE * DECADES + 2 };

static void fill_grid(int64_t grid[STEPS]) {
    static const int64_t thousandths[STEPS_A_DECADE] = {1000, 1122, 1259, 1413, 1585, 1778, 1995,
                                                        2239, 2512, 2818, 3162, 3548, 3981, 4467,
                                                        5012, 5623, 6310, 7079, 7943, 8913};
    int64_t scale_ns = TICK_S / 10 / 1000;
    grid[0] = 0;
    for (int i = 1; i < STEPS; i++) {
        grid[i] = thousandths[(i - 1) % STEPS_A_DECADE] * scale_ns;
        if (i % STEPS_A_DECADE == 0) scale_ns *= 10;
    }
}

/* The first step that is at least the value, STEPS when none is. */
static int step_of(const int64_t grid[STEPS], int64_t value_ns) {
    int low = 0, high = STEPS;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (grid[middle] < value_ns) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Cumulative; steps without jobs are left out, and the last one stands at the largest value itself. */
static void write_distribution(struct store *s, int64_t run, const char *figure, const int64_t grid[STEPS],
                               const uint64_t counts[STEPS + 1], int64_t most_ns) {
    struct query q = query_open(s, "INSERT INTO distribution VALUES (?, ?, ?, ?)");
    uint64_t so_far = 0, all = 0;
    for (int i = 0; i <= STEPS; i++) all += counts[i];
    for (int i = 0; so_far < all; i++) {
        so_far += counts[i];
        if (counts[i] == 0) continue;
        query_put_i64(&q, run);
        query_put_text(&q, figure);
        query_put_f64(&q, tick_seconds(so_far < all ? grid[i] : most_ns));
        query_put_i64(&q, (int64_t)so_far);
        query_write(&q);
    }
    query_close(&q);
}

/* Of the jobs submitted inside the measured window that finished, as the tallies count them. */
static void write_distributions(struct store *s, int64_t run, const struct setup *setup,
                                const struct jobs *jobs) {
    int64_t grid[STEPS], wait_most_ns = 0, jct_most_ns = 0;
    uint64_t wait[STEPS + 1] = {0}, jct[STEPS + 1] = {0};
    fill_grid(grid);
    for (size_t i = 0; i < jobs->len; i++) {
        const struct job *j = &jobs->at[i];
        if (j->end_ns == JOB_NOT_YET || j->submit_ns < setup->measure_from_ns ||
            j->submit_ns >= setup->measure_to_ns)
            continue;
        const int64_t wait_ns = j->start_ns - j->submit_ns, jct_ns = j->end_ns - j->submit_ns;
        wait[step_of(grid, wait_ns)]++;
        jct[step_of(grid, jct_ns)]++;
        if (wait_ns > wait_most_ns) wait_most_ns = wait_ns;
        if (jct_ns > jct_most_ns) jct_most_ns = jct_ns;
    }
    write_distribution(s, run, "wait", grid, wait, wait_most_ns);
    write_distribution(s, run, "jct", grid, jct, jct_most_ns);
}

/* The steps of a service's histogram that somebody falls into, ten of its buckets each. */
static void write_times(struct query *q, int64_t run, const char *service, const char *figure,
                        const struct times *times) {
    enum { BUCKETS = sizeof times->count / sizeof *times->count, A_STEP = 10 };
    uint64_t so_far = 0;
    for (int i = 0; i < BUCKETS; i += A_STEP) {
        const uint64_t before = so_far;
        for (int k = i; k < i + A_STEP && k < BUCKETS; k++) so_far += times->count[k];
        if (so_far == before) continue;
        query_put_i64(q, run);
        query_put_text(q, service);
        query_put_text(q, figure);
        query_put_f64(q, so_far < times->total ? 1e-6 * pow(1.01, i + A_STEP) : times->most_s);
        query_put_i64(q, (int64_t)so_far);
        query_write(q);
    }
}

static void write_services(struct store *s, int64_t run, const struct setup *setup, const struct result *result) {
    struct query q = query_open(s, "INSERT INTO service VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    struct query times = query_open(s, "INSERT INTO service_time VALUES (?, ?, ?, ?, ?)");
    for (size_t i = 0; i < result->services_len; i++) {
        const struct service_setup *service = &setup->services[i];
        const struct service_result *x = &result->services[i];
        query_put_i64(&q, run);
        query_put_text(&q, service->name);
        query_put_text(&q, service->tenant);
        query_put_i64(&q, service->tensor_parallel);
        query_put_text(&q, router_names[service->router]);
        query_put_text(&q, autoscale_names[service->autoscale]);
        query_put_i64(&q, service->least);
        query_put_i64(&q, service->most);
        if (service->split) query_put_i64(&q, service->prefill_replicas);
        else query_put_null(&q);
        query_put_i64(&q, service->max_seqs);
        query_put_i64(&q, service->chunk_tokens);
        query_put_i64(&q, service->prefix_cache);
        query_put_f64(&q, tick_seconds(service->cold_start_ns));
        query_put_time(&q, service->slo_ttft_ns > 0, service->slo_ttft_ns);
        query_put_time(&q, service->slo_tpot_ns > 0, service->slo_tpot_ns);
        query_put_i64(&q, x->calibrated);
        query_write(&q);
        write_times(&times, run, service->name, "ttft", &x->ttft);
        write_times(&times, run, service->name, "tpot", &x->tpot);
        write_times(&times, run, service->name, "e2e", &x->e2e);
    }
    query_close(&q);
    query_close(&times);
}

static void write_stage(struct query *q, int64_t run, const struct flow_result *flow, size_t i,
                        const struct flow_stage *stage) {
    const struct flow_stage_result *x = &flow->stages[i];
    query_put_i64(q, run);
    query_put_text(q, flow->name);
    query_put_i64(q, (int64_t)i);
    query_put_text(q, x->name);
    query_put_f64(q, stage->work.service_s);
    query_put_f64(q, stage->work.batch);
    query_put_f64(q, stage->work.cpus);
    query_put_f64(q, stage->work.gpus);
    query_put_i64(q, stage->scale.least);
    query_put_i64(q, stage->scale.most);
    query_put_f64(q, x->items);
    query_put_f64(q, flow->active_s > 0 ? x->items / flow->active_s : NAN);
    query_put_i64(q, x->workers_most);
    query_put_i64(q, (int64_t)x->starts);
    query_put_f64(q, x->worker_h);
    query_put_f64(q, x->busy_h);
    query_put_f64(q, x->starved_h);
    query_put_f64(q, x->blocked_h);
    query_put_f64(q, x->gpu_h);
    query_put_f64(q, x->stalled_gpu_h);
    /* A stage of a monolithic pipeline has no bill of its own. */
    query_put_f64(q, flow->monolithic ? NAN : x->energy_j / 3.6e6);
    query_put_f64(q, flow->monolithic ? NAN : x->co2_g / 1e3);
    query_put_f64(q, flow->monolithic ? NAN : x->energy_usd + x->capacity_usd);
    query_write(q);
}

static void write_pipelines(struct store *s, int64_t run, const struct setup *setup, const struct result *result) {
    struct query q = query_open(s, "INSERT INTO pipeline VALUES (?, ?, ?, ?, ?, ?, ?)");
    struct query stages = query_open(s, "INSERT INTO pipeline_stage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                                        " ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; i < result->flows_len; i++) {
        const struct flow_setup *flow = &setup->flows[i];
        const struct flow_result *x = &result->flows[i];
        query_put_i64(&q, run);
        query_put_text(&q, flow->name);
        query_put_text(&q, flow->tenant);
        query_put_text(&q, flow->monolithic ? "monolithic" : "disaggregated");
        query_put_f64(&q, flow->rate_per_s > 0 ? flow->rate_per_s : NAN);
        query_put_f64(&q, tick_seconds(flow->start_ns));
        query_put_time(&q, x->end_ns < TICK_NEVER, x->end_ns);
        query_write(&q);
        for (size_t k = 0; k < x->stages_len; k++) write_stage(&stages, run, x, k, &flow->stages[k]);
    }
    query_close(&q);
    query_close(&stages);
}

static void put_name(struct query *q, const struct names *names, uint32_t i) {
    if (i < names->len) query_put_text(q, names->at[i]);
    else query_put_null(q);
}

static const char *job_status(const struct job *j) {
    if (j->start_ns == JOB_REFUSED) return "refused";
    if (j->start_ns == JOB_NOT_YET) return "waiting";
    return j->end_ns == JOB_NOT_YET ? "running" : "finished";
}

static bool job_started(const struct job *j) {
    return j->start_ns != JOB_REFUSED && j->start_ns != JOB_NOT_YET;
}

static void put_job(struct query *q, const struct jobs *jobs, uint32_t i) {
    const struct job *j = &jobs->at[i];
    const struct shape *shape = &jobs->shapes.at[j->shape];
    const bool started = job_started(j);
    query_put_f64(q, shape_gpu_milli(shape) / 1e3);
    query_put_f64(q, shape->cpu_milli / 1e3);
    query_put_i64(q, shape->mem_mib);
    query_put_text(q, job_status(j));
    query_put_f64(q, tick_seconds(j->submit_ns));
    query_put_f64(q, tick_seconds(j->run_ns));
    query_put_f64(q, tick_seconds(j->estimate_ns));
    query_put_time(q, started, j->start_ns);
    query_put_time(q, j->end_ns != JOB_NOT_YET, j->end_ns);
    query_put_time(q, started, started ? j->start_ns - j->submit_ns : 0);
    query_put_time(q, jobs->deadline_ns && jobs->deadline_ns[i] != JOB_UNKNOWN,
             jobs->deadline_ns ? jobs->deadline_ns[i] : 0);
    query_put_f64(q, jobs->work ? jobs->work[i] : NAN);
    query_put_f64(q, jobs->priority ? (double)jobs->priority[i] : NAN);
}

static void put_job_result(struct query *q, const struct job_result *r, bool started) {
    query_put_f64(q, tick_seconds(r->held_ns));
    query_put_i64(q, r->preemptions);
    query_put_i64(q, r->failures);
    query_put_i64(q, r->suspensions);
    query_put_f64(q, tick_seconds(r->lost_ns));
    query_put_f64(q, started ? (double)r->first_node : NAN);
    if (started) query_put_text(q, bought_names[r->bought]);
    else query_put_null(q);
    for (int why = 0; why < WHY_COUNT; why++) query_put_f64(q, tick_seconds(r->why_ns[why]));
    query_put_f64(q, r->energy_j / 3.6e6);
    query_put_f64(q, r->energy_usd);
    query_put_f64(q, r->co2_g / 1e3);
    query_put_f64(q, r->capacity_usd);
}

/* Refused jobs and those the run did not reach were sent to no region. */
static bool job_routed(const struct job *j, const struct result *result) {
    return j->start_ns != JOB_REFUSED && j->submit_ns <= result->end_ns;
}

static void write_jobs(struct store *s, int64_t run, const struct setup *setup, const struct result *result) {
    const struct jobs *jobs = result->jobs;
    struct query q =
        query_open(s, "INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                      " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (uint32_t i = 0; i < jobs->len; i++) {
        const struct job_result *r = &result->job_results[i];
        query_put_i64(&q, run);
        query_put_i64(&q, i);
        query_put_text(&q, jobs->id_at ? jobs_id(jobs, i) : NULL);
        put_name(&q, &jobs->tenants, jobs->at[i].tenant);
        put_name(&q, &jobs->classes, jobs->at[i].class_id);
        put_name(&q, &jobs->users, jobs->user ? jobs->user[i] : JOB_NONE);
        query_put_text(&q, job_routed(&jobs->at[i], result) ? setup->regions[r->region].name : NULL);
        put_job(&q, jobs, i);
        put_job_result(&q, r, job_started(&jobs->at[i]));
        query_write(&q);
    }
    query_close(&q);
}

static void write_warnings(struct store *s, int64_t run, const struct result *result) {
    struct query q = query_open(s, "INSERT INTO warning VALUES (?, ?, ?)");
    for (size_t i = 0; i < result->warnings_len; i++) {
        query_put_i64(&q, run);
        query_put_i64(&q, (int64_t)i);
        query_put_text(&q, result->warnings[i]);
        query_write(&q);
    }
    query_close(&q);
}

static void complete_run(struct store *s, int64_t run, const struct setup *setup, const struct result *result,
                         double wall_s) {
    uint64_t nodes = 0, gpus = 0;
    for (size_t i = 0; i < setup->nodes_len; i++) {
        nodes += setup->nodes[i].count;
        gpus += (uint64_t)setup->nodes[i].count * setup->pools[setup->nodes[i].pool].gpus;
    }
    struct query q = query_open(
        s, "UPDATE run SET status = 'complete', wall_s = ?, loop_s = ?, work_unit = ?, horizon_s = ?,"
           " measure_from_s = ?, measured_s = ?, end_s = ?, jobs = ?, nodes = ?, gpus = ?, events = ?, "
           "passes = ?,"
           " placements = ? WHERE run_id = ? AND status = 'running'");
    query_put_f64(&q, wall_s);
    query_put_f64(&q, result->loop_s);
    query_put_text(&q, setup->work_unit);
    query_put_time(&q, setup->horizon_ns != TICK_NEVER, setup->horizon_ns);
    query_put_f64(&q, tick_seconds(setup->measure_from_ns));
    query_put_f64(&q, tick_seconds(result->measured_ns));
    query_put_f64(&q, tick_seconds(result->end_ns));
    query_put_i64(&q, (int64_t)result->jobs->len);
    query_put_i64(&q, (int64_t)nodes);
    query_put_i64(&q, (int64_t)gpus);
    query_put_i64(&q, (int64_t)result->events);
    query_put_i64(&q, (int64_t)result->passes);
    query_put_i64(&q, (int64_t)result->placements);
    query_put_i64(&q, run);
    query_write(&q);
    query_close(&q);
    require(store_ask_i64(s, "SELECT changes()") == 1);
}

void store_run_finish(struct store *s, int64_t run, const struct setup *setup, const struct result *result,
                      double wall_s) {
    store_begin(s);
    complete_run(s, run, setup, result, wall_s);
    write_pools(s, run, setup);
    write_tallies(s, run, result);
    write_series(s, run, setup, &result->series);
    write_charges(s, run, setup, result);
    write_start_hours(s, run, setup, result);
    write_distributions(s, run, setup, result->jobs);
    write_services(s, run, setup, result);
    write_pipelines(s, run, setup, result);
    if (result->job_results) write_jobs(s, run, setup, result);
    write_warnings(s, run, result);
    store_commit(s);
}
