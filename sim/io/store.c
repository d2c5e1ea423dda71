/*
 * Results in SQLite (see store.h; the schema is store_schema.c). The only file that knows SQLite.
 *
 * Writing. A rollback journal with synchronous = NORMAL: a run costs two small transactions. Every insert is
 * a statement prepared once per run and stepped a row at a time; binding is by position, in the schema's
 * order. Several processes may write: a transaction begins IMMEDIATE and waits for the others.
 *
 * Invariant: a run is 'complete' iff all its rows are there. What is written depends on the run's inputs
 * alone, except run.started_utc, wall_s and loop_s. Cost: about a microsecond a row; the cumulative
 * distributions take one binary search a job.
 */
#include "io/store.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"
#include "core/service.h"
#include "io/charge.h"
#include "io/store_schema.h"
#include "io/summary.h"

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x48647231 /* "Hdr1" */, BUSY_MS = 60000 };

struct store {
    sqlite3 *db;
    char *path;
    int64_t batch;       /* 0 until the first run begins */
    int64_t *metric_ids; /* parallel to result_metrics */
};

/* --- statements --- */

_Noreturn static void fail(struct store *s) {
    char *said = mem_text(sqlite3_errmsg(s->db));
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    die("results '%s': %s", s->path, said);
}

static void run_sql(struct store *s, const char *sql) {
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK) fail(s);
}

static void run_all_sql(struct store *s, const char *const *statements) {
    for (; *statements; statements++) run_sql(s, *statements);
}

/* A prepared statement and the next parameter to bind (from 1) or column to read (from 0). */
struct query {
    struct store *store;
    sqlite3_stmt *stmt;
    int at;
};

static struct query query_open(struct store *s, const char *sql) {
    struct query q = {s, NULL, 0};
    if (sqlite3_prepare_v2(s->db, sql, -1, &q.stmt, NULL) != SQLITE_OK) fail(s);
    return q;
}
static void query_close(struct query *q) { sqlite3_finalize(q->stmt); }

static void put_i64(struct query *q, int64_t value) { sqlite3_bind_int64(q->stmt, ++q->at, value); }
/* NAN becomes NULL. */
static void put_f64(struct query *q, double value) { sqlite3_bind_double(q->stmt, ++q->at, value); }
static void put_null(struct query *q) { sqlite3_bind_null(q->stmt, ++q->at); }
/* The text must live until the row is written. */
static void put_text(struct query *q, const char *text) {
    sqlite3_bind_text(q->stmt, ++q->at, text, -1, SQLITE_STATIC);
}
static void put_hash(struct query *q, uint64_t hash) {
    char hex[17];
    snprintf(hex, sizeof hex, "%016" PRIx64, hash);
    sqlite3_bind_text(q->stmt, ++q->at, hex, -1, SQLITE_TRANSIENT);
}
/* Times that may not have happened: NULL. */
static void put_time(struct query *q, bool known, int64_t ns) { put_f64(q, known ? tick_seconds(ns) : NAN); }

/* Writes the row bound; the statement is ready for the next one. */
static void query_write(struct query *q) {
    if (sqlite3_step(q->stmt) != SQLITE_DONE) fail(q->store);
    sqlite3_reset(q->stmt);
    q->at = 0;
}
/* true: a row stands ready to be read. */
static bool query_next(struct query *q) {
    const int status = sqlite3_step(q->stmt);
    if (status != SQLITE_ROW && status != SQLITE_DONE) fail(q->store);
    q->at = 0;
    return status == SQLITE_ROW;
}
static int64_t get_i64(struct query *q) { return sqlite3_column_int64(q->stmt, q->at++); }
static double get_f64(struct query *q) {
    const int column = q->at++;
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL ? NAN : sqlite3_column_double(q->stmt, column);
}
/* Valid until the next row; "" for NULL. */
static const char *get_text(struct query *q) {
    const char *text = (const char *)sqlite3_column_text(q->stmt, q->at++);
    return text ? text : "";
}
static uint64_t get_hash(struct query *q) { return strtoull(get_text(q), NULL, 16); }

static int64_t ask_i64(struct store *s, const char *sql) {
    struct query q = query_open(s, sql);
    const int64_t answer = query_next(&q) ? get_i64(&q) : 0;
    query_close(&q);
    return answer;
}

/* --- opening --- */

/* Dies unless the file is ours, of our version. false: it is empty. */
static bool check_file(struct store *s) {
    struct query q = {s, NULL, 0};
    const char *sql = "SELECT count(*) FROM sqlite_master";
    int status = sqlite3_prepare_v2(s->db, sql, -1, &q.stmt, NULL);
    if (status == SQLITE_OK) status = sqlite3_step(q.stmt);
    if (status == SQLITE_NOTADB) {
        die("'%s' is not a results database, and was left as it is; name another file", s->path);
    }
    if (status != SQLITE_ROW) fail(s);
    const int64_t tables = get_i64(&q);
    query_close(&q);
    const int64_t application = ask_i64(s, "PRAGMA application_id");
    const int64_t version = ask_i64(s, "PRAGMA user_version");
    if (tables == 0 && application == 0 && version == 0) return false;
    if (application != APPLICATION_ID) {
        die("'%s' is a database of another program, and was left as it is; name another file", s->path);
    }
    if (version != STORE_SCHEMA_VERSION) {
        die("'%s' has results of schema version %" PRId64
            ", and this is headroom %s, which knows version %d; "
            "the file was left as it is: name another, or use the headroom that wrote it",
            s->path, version, HEADROOM_VERSION, STORE_SCHEMA_VERSION);
    }
    return true;
}

/* Fills metric_ids; false: the database lacks some of our metrics. */
static bool know_metrics(struct store *s) {
    size_t known = 0;
    struct query q = query_open(s, "SELECT metric_id, name FROM metric ORDER BY metric_id");
    for (size_t m = 0; m < result_metrics_len; m++) s->metric_ids[m] = 0;
    /* Both lists usually stand in the same order: the search begins where the last one ended. */
    for (size_t m = 0; query_next(&q);) {
        const int64_t id = get_i64(&q);
        const char *name = get_text(&q);
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
        put_text(&q, metric->name);
        put_text(&q, metric->unit);
        put_text(&q, metric->neutral ? "neutral" : metric->less_is_better ? "less" : "more");
        put_text(&q, metric->help);
        query_write(&q);
    }
    query_close(&q);
    q = query_open(
        s, "INSERT OR IGNORE INTO reason (reason, metric, help) VALUES (?, 'wait_' || ?1 || '_h', ?)");
    for (int why = 0; why < WHY_COUNT; why++) {
        put_text(&q, why_names[why]);
        put_text(&q, why_texts[why]);
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
             " r.market_policy, r.seed, r.work_unit, r.measured_s");
    struct query q = query_open(s, "SELECT metric_id, name FROM metric ORDER BY metric_id");
    while (query_next(&q)) {
        const int64_t id = get_i64(&q);
        text_format(&sql,
                    ", (SELECT value FROM measure m WHERE m.tally_id = t.tally_id AND m.metric_id = %" PRId64
                    ") AS %s",
                    id, get_text(&q));
    }
    query_close(&q);
    text_put(&sql, " FROM run r LEFT JOIN tally t ON t.run_id = r.run_id AND t.part = 'run'");
    run_sql(s, sql.at);
    text_free(&sql);
}

static void drop_views(struct store *s) {
    struct text sql;
    text_init(&sql);
    struct query q =
        query_open(s, "SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'v\\_%' ESCAPE '\\'");
    while (query_next(&q)) text_format(&sql, "DROP VIEW \"%s\";", get_text(&q));
    query_close(&q);
    if (sql.len) run_sql(s, sql.at);
    text_free(&sql);
}

/* In one transaction, looking again once it holds the lock: another process may have been first. */
static void bring_up_to_date(struct store *s) {
    run_sql(s, "BEGIN IMMEDIATE");
    if (!check_file(s)) {
        run_all_sql(s, store_tables);
        run_sql(s,
                "INSERT INTO meta VALUES ('program', 'headroom'), ('about', 'results; see docs/results.md')");
        char pragmas[96];
        snprintf(pragmas, sizeof pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                 APPLICATION_ID, STORE_SCHEMA_VERSION);
        run_sql(s, pragmas);
    }
    if (!know_metrics(s)) {
        write_metrics(s);
        drop_views(s);
        run_all_sql(s, store_views);
        make_run_summary(s);
        require(know_metrics(s));
    }
    run_sql(s, "COMMIT");
}

static struct store *open_with(const char *path, int flags) {
    struct store *s = mem_zero(1, sizeof *s);
    s->path = mem_text(path);
    s->metric_ids = mem_zero(result_metrics_len, sizeof *s->metric_ids);
    if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK) {
        die("cannot open results '%s': %s", path, sqlite3_errmsg(s->db));
    }
    sqlite3_busy_timeout(s->db, BUSY_MS);
    return s;
}

struct store *store_open(const char *path) {
    struct store *s = open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX);
    const bool ours = check_file(s);
    run_sql(s, "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL");
    if (!ours || !know_metrics(s)) bring_up_to_date(s);
    return s;
}

struct store *store_open_read(const char *path) {
    if (access(path, F_OK) != 0) die("there is no results file '%s'; 'headroom run' writes one", path);
    /* Readers, too, may have to undo what a killed writer began; SQLite itself falls back to reading alone
     * where it may not write. */
    struct store *s = open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX);
    if (!check_file(s)) die("'%s' is empty: no run was written to it", path);
    know_metrics(s);
    return s;
}

void store_close(struct store *s) {
    if (!s) return;
    if (sqlite3_close(s->db) != SQLITE_OK) fail(s);
    free(s->metric_ids);
    free(s->path);
    free(s);
}

/* --- a run begins --- */

static void write_scenario(struct store *s, const struct run_info *info) {
    struct query q = query_open(s, "INSERT OR IGNORE INTO scenario VALUES (?, ?, ?)");
    put_hash(&q, info->scenario_hash);
    put_text(&q, info->scenario_name);
    put_text(&q, info->scenario_text);
    query_write(&q);
    query_close(&q);
}

int64_t store_run_begin(struct store *s, const struct run_info *info) {
    char origin[40], started[40];
    run_sql(s, "BEGIN IMMEDIATE");
    write_scenario(s, info);
    const int64_t run = ask_i64(s, "SELECT max(run_id) FROM run") + 1;
    if (!s->batch) s->batch = run;
    struct query q =
        query_open(s, "INSERT INTO run (run_id, batch_id, status, scenario_hash, scenario_file, run_name, "
                      "baseline, overrides,"
                      " seed, trace, trace_hash, order_policy, backfill_policy, place_policy, route_policy,"
                      " shift_policy, forecast_policy, market_policy, round_s, origin_utc,"
                      " version, command, started_utc)"
                      " VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
                      " ?)");
    put_i64(&q, run);
    put_i64(&q, s->batch);
    put_hash(&q, info->scenario_hash);
    put_text(&q, info->scenario_file);
    put_text(&q, info->run_name);
    put_text(&q, info->baseline);
    put_text(&q, info->overrides);
    put_i64(&q, (int64_t)info->seed);
    put_text(&q, info->trace);
    put_hash(&q, info->trace_hash);
    put_text(&q, info->order);
    put_text(&q, info->backfill);
    put_text(&q, info->place);
    put_text(&q, info->route);
    put_text(&q, info->shift);
    put_text(&q, info->forecast);
    put_text(&q, info->market);
    put_f64(&q, tick_seconds(info->round_ns));
    if (info->origin_unix_ns == JOB_UNKNOWN) put_null(&q);
    else put_text(&q, tick_format_date(info->origin_unix_ns, origin));
    put_text(&q, info->version);
    put_text(&q, info->command);
    put_text(&q, tick_format_date((int64_t)time(NULL) * TICK_S, started));
    query_write(&q);
    query_close(&q);
    run_sql(s, "COMMIT");
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
        put_i64(&q, run);
        put_text(&q, pool->name);
        put_text(&q, setup->regions[pool->region].name);
        if (pool->tenant == SETUP_SHARED) put_null(&q);
        else put_text(&q, setup->tenants[pool->tenant].name);
        put_i64(&q, (int64_t)nodes_of_pool(setup, i));
        put_text(&q, pool->gpu);
        put_i64(&q, pool->gpus);
        put_f64(&q, pool->cpu_milli ? pool->cpu_milli / 1e3 : NAN);
        put_f64(&q, pool->mem_mib ? (double)pool->mem_mib : NAN);
        put_text(&q, bought_names[pool->bought]);
        put_i64(&q, bought_elastic(pool->bought));
        put_i64(&q, pool->sleep.on && !bought_elastic(pool->bought));
        put_f64(&q, pool->usd_per_node_h);
        put_f64(&q, pool->embodied_g_per_node_h);
        put_i64(&q, pool->estimated);
        query_write(&q);
    }
    query_close(&q);
}

static void write_tallies(struct store *s, int64_t run, const struct result *result) {
    struct query tally = query_open(s, "INSERT INTO tally VALUES (?, ?, ?, ?)");
    struct query measure = query_open(s, "INSERT INTO measure VALUES (?, ?, ?)");
    int64_t id = ask_i64(s, "SELECT max(tally_id) FROM tally");
    for (size_t i = 0; i < result->tallies_len; i++) {
        const struct tally *t = &result->tallies[i];
        put_i64(&tally, ++id);
        put_i64(&tally, run);
        put_text(&tally, part_names[t->part]);
        put_text(&tally, t->part == PART_RUN ? "all" : t->name);
        query_write(&tally);
        for (size_t m = 0; m < result_metrics_len; m++) {
            if (!(result_metrics[m].parts >> t->part & 1)) continue;
            const double value = result_metrics[m].value(t, result);
            if (isnan(value)) continue;
            put_i64(&measure, id);
            put_i64(&measure, s->metric_ids[m]);
            put_f64(&measure, value);
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
            put_i64(&q, run);
            put_text(&q, setup->regions[r].name);
            put_f64(&q, tick_seconds(series->start_ns + (int64_t)i * series->width_ns));
            put_f64(&q, tick_seconds(series->width_ns));
            put_f64(&q, bin->held_gpus);
            put_f64(&q, bin->used_gpus);
            put_f64(&q, bin->running_jobs);
            put_f64(&q, bin->queued_jobs);
            put_f64(&q, bin->queued_gpus);
            put_f64(&q, bin->power_w);
            put_f64(&q, bin->pue);
            put_f64(&q, bin->price_usd_per_kwh);
            put_f64(&q, bin->carbon_g_per_kwh);
            put_f64(&q, bin->cost_usd_per_h);
            query_write(&q);
        }
    }
    query_close(&q);
}

/* "" becomes NULL. */
static void put_known(struct query *q, const char *text) {
    if (*text) put_text(q, text);
    else put_null(q);
}

static void write_charges(struct store *s, int64_t run, const struct setup *setup,
                          const struct result *result) {
    struct charge_lines lines = charge_lines_of(setup, result);
    struct query q =
        query_open(s, "INSERT INTO charge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; i < lines.len; i++) {
        const struct charge_line *line = &lines.at[i];
        put_i64(&q, run);
        put_i64(&q, (int64_t)i);
        put_text(&q, charge_kinds[line->kind]);
        put_text(&q, charge_uses[line->use]);
        put_text(&q, line->region);
        put_known(&q, line->pool);
        put_known(&q, line->tenant);
        put_known(&q, line->class_name);
        put_known(&q, line->bought);
        put_f64(&q, line->quantity);
        put_text(&q, line->unit);
        put_f64(&q, line->usd);
        put_f64(&q, line->energy_kwh);
        put_f64(&q, line->co2_kg);
        put_f64(&q, line->market_co2_kg);
        put_f64(&q, line->embodied_kg);
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
        put_i64(&q, run);
        put_text(&q, setup->regions[i / WEEK_HOURS].name);
        put_i64(&q, (int64_t)(i % WEEK_HOURS / 24));
        put_i64(&q, (int64_t)(i % 24));
        put_i64(&q, (int64_t)h->jobs);
        put_f64(&q, h->gpu_h);
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
        put_i64(&q, run);
        put_text(&q, figure);
        put_f64(&q, tick_seconds(so_far < all ? grid[i] : most_ns));
        put_i64(&q, (int64_t)so_far);
        query_write(&q);
    }
    query_close(&q);
}

/* Of the jobs submitted inside the measured window that finished, as the tallies count them. */
/* The steps of a service's histogram that somebody falls into, ten of its buckets each. */
static void write_times(struct query *q, int64_t run, const char *service, const char *figure,
                        const struct times *times) {
    enum { BUCKETS = sizeof times->count / sizeof *times->count, A_STEP = 10 };
    uint64_t so_far = 0;
    for (int i = 0; i < BUCKETS; i += A_STEP) {
        const uint64_t before = so_far;
        for (int k = i; k < i + A_STEP && k < BUCKETS; k++) so_far += times->count[k];
        if (so_far == before) continue;
        put_i64(q, run);
        put_text(q, service);
        put_text(q, figure);
        put_f64(q, so_far < times->total ? 1e-6 * pow(1.01, i + A_STEP) : times->most_s);
        put_i64(q, (int64_t)so_far);
        query_write(q);
    }
}

static void write_services(struct store *s, int64_t run, const struct setup *setup, const struct result *result) {
    struct query q = query_open(s, "INSERT INTO service VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    struct query times = query_open(s, "INSERT INTO service_time VALUES (?, ?, ?, ?, ?)");
    for (size_t i = 0; i < result->services_len; i++) {
        const struct service_setup *service = &setup->services[i];
        const struct service_result *x = &result->services[i];
        put_i64(&q, run);
        put_text(&q, service->name);
        if (service->tenant) put_text(&q, service->tenant);
        else put_null(&q);
        put_i64(&q, service->tensor_parallel);
        put_text(&q, router_names[service->router]);
        put_text(&q, autoscale_names[service->autoscale]);
        put_i64(&q, service->least);
        put_i64(&q, service->most);
        if (service->split) put_i64(&q, service->prefill_replicas);
        else put_null(&q);
        put_i64(&q, service->max_seqs);
        put_i64(&q, service->chunk_tokens);
        put_i64(&q, service->prefix_cache);
        put_f64(&q, tick_seconds(service->cold_start_ns));
        put_time(&q, service->slo_ttft_ns > 0, service->slo_ttft_ns);
        put_time(&q, service->slo_tpot_ns > 0, service->slo_tpot_ns);
        put_i64(&q, x->calibrated);
        query_write(&q);
        write_times(&times, run, service->name, "ttft", &x->ttft);
        write_times(&times, run, service->name, "tpot", &x->tpot);
        write_times(&times, run, service->name, "e2e", &x->e2e);
    }
    query_close(&q);
    query_close(&times);
}

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

static void put_name(struct query *q, const struct names *names, uint32_t i) {
    if (i < names->len) put_text(q, names->at[i]);
    else put_null(q);
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
    put_f64(q, shape_gpu_milli(shape) / 1e3);
    put_f64(q, shape->cpu_milli / 1e3);
    put_i64(q, shape->mem_mib);
    put_text(q, job_status(j));
    put_f64(q, tick_seconds(j->submit_ns));
    put_f64(q, tick_seconds(j->run_ns));
    put_f64(q, tick_seconds(j->estimate_ns));
    put_time(q, started, j->start_ns);
    put_time(q, j->end_ns != JOB_NOT_YET, j->end_ns);
    put_time(q, started, started ? j->start_ns - j->submit_ns : 0);
    put_time(q, jobs->deadline_ns && jobs->deadline_ns[i] != JOB_UNKNOWN,
             jobs->deadline_ns ? jobs->deadline_ns[i] : 0);
    put_f64(q, jobs->work ? jobs->work[i] : NAN);
    put_f64(q, jobs->priority ? (double)jobs->priority[i] : NAN);
}

static void put_job_result(struct query *q, const struct job_result *r, bool started) {
    put_f64(q, tick_seconds(r->held_ns));
    put_i64(q, r->preemptions);
    put_i64(q, r->failures);
    put_i64(q, r->suspensions);
    put_f64(q, tick_seconds(r->lost_ns));
    put_f64(q, started ? (double)r->first_node : NAN);
    if (started) put_text(q, bought_names[r->bought]);
    else put_null(q);
    for (int why = 0; why < WHY_COUNT; why++) put_f64(q, tick_seconds(r->why_ns[why]));
    put_f64(q, r->energy_j / 3.6e6);
    put_f64(q, r->energy_usd);
    put_f64(q, r->co2_g / 1e3);
    put_f64(q, r->capacity_usd);
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
        put_i64(&q, run);
        put_i64(&q, i);
        put_text(&q, jobs->id_at ? jobs_id(jobs, i) : NULL);
        put_name(&q, &jobs->tenants, jobs->at[i].tenant);
        put_name(&q, &jobs->classes, jobs->at[i].class_id);
        put_name(&q, &jobs->users, jobs->user ? jobs->user[i] : JOB_NONE);
        put_text(&q, job_routed(&jobs->at[i], result) ? setup->regions[r->region].name : NULL);
        put_job(&q, jobs, i);
        put_job_result(&q, r, job_started(&jobs->at[i]));
        query_write(&q);
    }
    query_close(&q);
}

static void write_warnings(struct store *s, int64_t run, const struct result *result) {
    struct query q = query_open(s, "INSERT INTO warning VALUES (?, ?, ?)");
    for (size_t i = 0; i < result->warnings_len; i++) {
        put_i64(&q, run);
        put_i64(&q, (int64_t)i);
        put_text(&q, result->warnings[i]);
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
    put_f64(&q, wall_s);
    put_f64(&q, result->loop_s);
    put_text(&q, setup->work_unit);
    put_time(&q, setup->horizon_ns != TICK_NEVER, setup->horizon_ns);
    put_f64(&q, tick_seconds(setup->measure_from_ns));
    put_f64(&q, tick_seconds(result->measured_ns));
    put_f64(&q, tick_seconds(result->end_ns));
    put_i64(&q, (int64_t)result->jobs->len);
    put_i64(&q, (int64_t)nodes);
    put_i64(&q, (int64_t)gpus);
    put_i64(&q, (int64_t)result->events);
    put_i64(&q, (int64_t)result->passes);
    put_i64(&q, (int64_t)result->placements);
    put_i64(&q, run);
    query_write(&q);
    query_close(&q);
    require(sqlite3_changes(s->db) == 1);
}

void store_run_finish(struct store *s, int64_t run, const struct setup *setup, const struct result *result,
                      double wall_s) {
    run_sql(s, "BEGIN IMMEDIATE");
    complete_run(s, run, setup, result, wall_s);
    write_pools(s, run, setup);
    write_tallies(s, run, result);
    write_series(s, run, setup, &result->series);
    write_charges(s, run, setup, result);
    write_start_hours(s, run, setup, result);
    write_distributions(s, run, setup, result->jobs);
    write_services(s, run, setup, result);
    if (result->job_results) write_jobs(s, run, setup, result);
    write_warnings(s, run, result);
    run_sql(s, "COMMIT");
}

/* --- reading --- */

static int64_t *read_ids(struct store *s, const char *sql, size_t *count) {
    struct {
        int64_t *at;
        size_t len, cap;
    } ids = {0};
    struct query q = query_open(s, sql);
    while (query_next(&q)) *vec_push(&ids) = get_i64(&q);
    query_close(&q);
    *count = ids.len;
    return ids.at;
}

int64_t *store_runs(struct store *s, size_t *count) {
    return read_ids(s, "SELECT run_id FROM run ORDER BY run_id", count);
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
    put_i64(&q, run);
    const bool complete = query_next(&q) && get_i64(&q) == 1;
    query_close(&q);
    return complete;
}

static bool read_run(struct store *s, int64_t run, struct summary *summary) {
    struct arena *arena = &summary->arena;
    struct query q = query_open(
        s, "SELECT run_id, batch_id, status = 'complete', c.name, scenario_file, c.text, run_name, "
           "overrides, baseline,"
           " scenario_hash, trace_hash, seed, trace, order_policy, backfill_policy, place_policy, "
           "route_policy, shift_policy, forecast_policy, market_policy, version,"
           " command, origin_utc, round_s, started_utc, work_unit, jobs, events, measure_from_s, measured_s, "
           "wall_s, loop_s"
           " FROM run JOIN scenario c USING (scenario_hash) WHERE run_id = ?");
    put_i64(&q, run);
    const bool found = query_next(&q);
    if (found) {
        struct run_info *info = &summary->info;
        summary->run = get_i64(&q);
        summary->batch = get_i64(&q);
        summary->complete = get_i64(&q);
        const char **const texts[] = {&info->scenario_name, &info->scenario_file, &info->scenario_text,
                                      &info->run_name,      &info->overrides,     &info->baseline};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = arena_text(arena, get_text(&q));
        info->scenario_hash = get_hash(&q);
        info->trace_hash = get_hash(&q);
        info->seed = (uint64_t)get_i64(&q);
        const char **const more[] = {&info->trace, &info->order,    &info->backfill, &info->place,
                                     &info->route, &info->shift,    &info->forecast, &info->market,
                                     &info->version, &info->command};
        for (size_t i = 0; i < sizeof more / sizeof *more; i++) *more[i] = arena_text(arena, get_text(&q));
        const char *origin = get_text(&q);
        if (!tick_parse_date(origin, strlen(origin), &info->origin_unix_ns))
            info->origin_unix_ns = JOB_UNKNOWN;
        info->round_ns = tick_from_seconds(get_f64(&q));
        summary->started_utc = arena_text(arena, get_text(&q));
        summary->work_unit = arena_text(arena, get_text(&q));
        summary->jobs = (uint64_t)get_i64(&q);
        summary->events = (uint64_t)get_i64(&q);
        summary->measure_from_s = get_f64(&q);
        summary->measured_s = get_f64(&q);
        summary->wall_s = get_f64(&q);
        summary->loop_s = get_f64(&q);
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
    sqlite3_reset(q->stmt);
    q->at = 0;
    put_i64(q, tally);
    /* Ids ascend with the metrics except where a later version added some: the search goes on from the last.
     */
    for (size_t m = 0; query_next(q);) {
        const int64_t id = get_i64(q);
        const double read = get_f64(q);
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
    put_i64(&q, run);
    while (query_next(&q)) {
        const int64_t tally = get_i64(&q);
        const enum part part = (enum part)named(part_names, PART_COUNT, get_text(&q));
        if (!(parts >> part & 1)) continue;
        struct summary_part *new = vec_push(&found);
        *new = (struct summary_part){part, arena_text(&summary->arena, get_text(&q)),
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
    put_i64(&q, run);
    while (query_next(&q)) *vec_push(&found) = arena_text(&summary->arena, get_text(&q));
    query_close(&q);
    summary->warnings_len = found.len;
    summary->warnings = arena_alloc(&summary->arena, found.len, sizeof *summary->warnings);
    if (found.len) memcpy(summary->warnings, found.at, found.len * sizeof *found.at);
    free(found.at);
}

bool store_read_summary(struct store *s, int64_t run, unsigned parts, struct summary *summary) {
    *summary = (struct summary){0};
    arena_init(&summary->arena);
    if (!read_run(s, run, summary)) return false;
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
    put_i64(&q, run);
    for (int64_t before = 0; query_next(&q);) {
        const int64_t region = get_i64(&q);
        const double start_s = get_f64(&q), width_s = get_f64(&q);
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
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) *fields[i] = get_f64(&q);
    }
    query_close(&q);
    series->bins = series->regions ? bins.len / series->regions : 0;
    series->at = bins.at;
}

struct charge_line *store_read_charges(struct store *s, int64_t run, struct arena *arena, size_t *count) {
    struct charge_lines lines = {0};
    struct query q =
        query_open(s, "SELECT kind, use, region, pool, tenant, class, bought, unit, quantity, usd, energy_kwh,"
                      " co2_kg, market_co2_kg, embodied_kg FROM charge WHERE run_id = ? ORDER BY position");
    put_i64(&q, run);
    while (query_next(&q)) {
        struct charge_line *line = vec_push(&lines);
        line->kind = (enum charge_kind)named(charge_kinds, CHARGE_KINDS, get_text(&q));
        line->use = (enum charge_use)named(charge_uses, CHARGE_USES, get_text(&q));
        const char **const texts[] = {&line->region,     &line->pool,   &line->tenant,
                                      &line->class_name, &line->bought, &line->unit};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = arena_text(arena, get_text(&q));
        double *const fields[] = {&line->quantity, &line->usd,           &line->energy_kwh,
                                  &line->co2_kg,   &line->market_co2_kg, &line->embodied_kg};
        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) *fields[i] = get_f64(&q);
    }
    query_close(&q);
    *count = lines.len;
    return lines.at;
}

struct start_hour *store_read_start_hours(struct store *s, int64_t run, size_t *regions) {
    struct query count =
        query_open(s, "SELECT count(*) FROM tally WHERE run_id = ? AND part = 'region'");
    put_i64(&count, run);
    *regions = query_next(&count) ? (size_t)get_i64(&count) : 0;
    query_close(&count);
    struct start_hour *hours = mem_zero(*regions * WEEK_HOURS + 1, sizeof *hours);
    struct query q =
        query_open(s, "SELECT (SELECT count(*) FROM tally u WHERE u.run_id = t.run_id AND u.part = 'region'"
                      " AND u.tally_id < t.tally_id), weekday, hour, jobs, gpu_h FROM start_hour h"
                      " JOIN tally t ON t.run_id = h.run_id AND t.part = 'region' AND t.name = h.region"
                      " WHERE h.run_id = ?");
    put_i64(&q, run);
    while (query_next(&q)) {
        const size_t region = (size_t)get_i64(&q), weekday = (size_t)get_i64(&q), hour = (size_t)get_i64(&q);
        struct start_hour *h = &hours[region * WEEK_HOURS + weekday * 24 + hour];
        h->jobs = (uint64_t)get_i64(&q);
        h->gpu_h = get_f64(&q);
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
    put_i64(&q, run);
    put_text(&q, figure);
    while (query_next(&q)) {
        const double at_most_s = get_f64(&q);
        *vec_push(&steps) = (struct store_step){at_most_s, (uint64_t)get_i64(&q)};
    }
    query_close(&q);
    *count = steps.len;
    return steps.at;
}
