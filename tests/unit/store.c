/* The results database: what is written is read back, a killed run leaves a row that says so, writers share a
 * file, the same inputs give the same rows, and a file that is not ours is refused and left alone. */
#include "io/store.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/charge.h"
#include "io/summary.h"
#include "support/sample.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder, path[256];

static void open_folder(void) {
    folder = sample_folder();
    snprintf(path, sizeof path, "%s/results.db", folder);
}
static void close_folder(void) { sample_remove(folder); }
TestSuite(store, .init = open_folder, .fini = close_folder);

/* Every row of an answer as text, fields parted by '|'; free(). */
static char *ask(const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    struct text answer;
    text_init(&answer);
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    int status;
    while ((status = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *field = (const char *)sqlite3_column_text(stmt, i);
            text_format(&answer, "%s%s", i ? "|" : "", field ? field : "NULL");
        }
        text_put(&answer, "\n");
    }
    cr_assert_eq(status, SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return text_take(&answer);
}

static void expect_answer(const char *sql, const char *wanted) {
    char *got = ask(sql);
    cr_expect_str_eq(got, wanted, "%s\ngave\n%s", sql, got);
    free(got);
}

static double ask_number(const char *sql) {
    char *got = ask(sql);
    const double number = strtod(got, NULL);
    free(got);
    return number;
}

/* Writes variants 0..count-1 as one batch. */
static void write_runs(unsigned count) {
    struct store *store = store_open(path);
    for (unsigned i = 0; i < count; i++) {
        struct sample sample;
        sample_open(&sample, i);
        sample_store(store, &sample);
        sample_close(&sample);
    }
    store_close(store);
}

static void write_services(void) {
    struct store *store = store_open(path);
    struct sample sample;
    sample_open(&sample, 0);
    sample_serve(&sample);
    sample_pipe(&sample);
    sample_store(store, &sample);
    sample_close(&sample);
    store_close(store);
}

Test(store, pipelines_are_kept_with_their_stages) {
    write_services();
    expect_answer("SELECT name, tenant, way, rate_per_s, start_s, end_s FROM pipeline",
                  "clips|speech|disaggregated|NULL|3600.0|NULL\n");
    expect_answer("SELECT stage, service_s, batch, cpus, gpus, workers_least, workers_most, items, items_per_s, starts,"
                  " energy_kwh * 36, usd FROM pipeline_stage ORDER BY position",
                  "decode|2.0|1.0|1.0|0.0|4|64|910000.0|25.2777777777778|66|400.0|0.0\n"
                  "embed|1.0|8.0|0.0|1.0|4|4|900000.0|25.0|4|600.0|120.0\n");
    expect_answer("SELECT pipeline, items, items_left, items_per_s, pipeline_stalled_share, worker_starts,"
                  " round(usd_per_mitem, 6) FROM v_pipeline", "clips|900000.0|100000.0|25.0|0.2|70.0|136.666667\n");
    expect_answer("SELECT stage, busy_share, starved_share, blocked_share FROM v_stage WHERE stage = 'decode'",
                  "decode|0.848739495798319|0.0|0.151260504201681\n");
}

Test(store, services_are_kept_with_their_times) {
    write_services();
    expect_answer("SELECT name, tenant, tensor_parallel, router, scaling, replicas_least, replicas_most,"
                  " prefill_replicas, prefix_cache, cold_start_s, ttft_level_s, tpot_level_s, calibrated FROM service",
                  "chat|NULL|8|least_outstanding|reactive|2|12|NULL|0|60.0|1.0|NULL|1\n"
                  "code|speech|4|prefix|fixed|4|4|1|1|0.0|NULL|0.05|0\n");
    expect_answer("SELECT service, requests, requests_finished, replicas_most FROM v_service",
                  "chat|40000.0|39995.0|12.0\ncode|6000.0|5995.0|12.0\n");
    expect_answer("SELECT requests, requests_refused FROM v_run_summary", "46000.0|2.0\n");
    /* Cumulative counts end with all that finished, at the largest time; half of them lie at the median. */
    expect_answer("SELECT service, figure, max(requests) FROM service_time GROUP BY service, figure",
                  "chat|e2e|39995\nchat|tpot|39995\nchat|ttft|39995\n"
                  "code|e2e|5995\ncode|tpot|5995\ncode|ttft|5995\n");
    expect_answer("SELECT round(max(at_most_s), 6) FROM service_time WHERE service = 'chat' AND figure = 'ttft'",
                  "0.595\n");
    cr_expect_float_eq(ask_number("SELECT min(at_most_s) FROM service_time WHERE service = 'chat' AND figure = 'ttft'"
                                  " AND requests >= 39995 / 2"), 0.35, 0.05);
    expect_answer("SELECT count(*) FROM (SELECT requests - lag(requests) OVER (PARTITION BY service, figure"
                  " ORDER BY at_most_s) AS more FROM service_time) WHERE more <= 0", "0\n");
}

static bool same_number(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

Test(store, a_summary_reads_back_as_it_was) {
    struct sample sample;
    struct summary fresh, read;
    sample_open(&sample, 1);
    struct store *store = store_open(path);
    const int64_t run = sample_store(store, &sample);
    summary_of(&fresh, &sample.info, &sample.setup, &sample.result, 0.05);
    store_close(store);
    store = store_open_read(path);
    cr_assert(store_read_summary(store, run, ~0u, &read));
    store_close(store);

    cr_assert(read.complete);
    cr_assert_eq(read.run, run);
    cr_assert_eq(read.batch, run);
    cr_assert_eq(read.parts_len, fresh.parts_len);
    for (size_t p = 0; p < fresh.parts_len; p++) {
        cr_assert_eq(read.parts[p].part, fresh.parts[p].part);
        cr_assert_str_eq(read.parts[p].name, fresh.parts[p].name);
        for (size_t m = 0; m < result_metrics_len; m++)
            cr_expect(same_number(read.parts[p].value[m], fresh.parts[p].value[m]), "%s of %s",
                      result_metrics[m].name, fresh.parts[p].name);
    }
    cr_expect_str_eq(read.info.scenario_text, sample.info.scenario_text);
    cr_expect_str_eq(read.info.run_name, "sjf");
    cr_expect_eq(read.info.scenario_hash, sample.info.scenario_hash);
    cr_expect_eq(read.info.origin_unix_ns, sample.info.origin_unix_ns);
    cr_expect_str_eq(read.work_unit, "useful GPU-h");
    cr_expect_eq(read.jobs, SAMPLE_JOBS);
    cr_expect_eq(read.measured_s, 86400.0 * SAMPLE_DAYS);
    cr_expect_eq(read.wall_s, 0.05);
    cr_assert_eq(read.warnings_len, 1);
    cr_expect_str_eq(read.warnings[0], sample.result.warnings[0]);
    summary_free(&read);
    summary_free(&fresh);
    sample_close(&sample);
}

Test(store, what_a_sweep_set_is_kept_with_its_run) {
    static const struct run_factor factors[] = {{"policy.order", "sjf", NAN}, {"pools[0].nodes", "20", 20}};
    struct sample sample;
    struct summary read;
    sample_open(&sample, 1);
    struct store *store = store_open(path);
    sample_store(store, &sample);
    sample.info.point = 17;
    sample.info.replication = 3;
    sample.info.factors = factors;
    sample.info.factors_len = 2;
    const int64_t run = sample_store(store, &sample);
    cr_assert(store_read_summary(store, run, 0, &read));
    store_close(store);
    cr_expect_eq(read.info.point, 17);
    cr_expect_eq(read.info.replication, 3);
    cr_assert_eq(read.info.factors_len, 2);
    cr_expect_str_eq(read.info.factors[0].path, "policy.order");
    cr_expect_str_eq(read.info.factors[0].value, "sjf");
    cr_expect(isnan(read.info.factors[0].number));
    cr_expect_eq(read.info.factors[1].number, 20);
    summary_free(&read);
    sample_close(&sample);
    expect_answer("SELECT point, replication FROM run", "NULL|0\n17|3\n");
    expect_answer("SELECT run_id, path, value, number FROM factor",
                  "2|policy.order|sjf|NULL\n2|pools[0].nodes|20|20.0\n");
}

Test(store, series_read_back_by_region) {
    struct sample sample;
    struct series read;
    sample_open(&sample, 0);
    struct store *store = store_open(path);
    const int64_t run = sample_store(store, &sample);
    store_read_series(store, run, &read);
    store_close(store);
    const struct series *wanted = &sample.result.series;
    cr_assert_eq(read.bins, wanted->bins);
    cr_assert_eq(read.regions, wanted->regions);
    cr_expect_eq(read.width_ns, wanted->width_ns);
    cr_expect_eq(read.start_ns, wanted->start_ns);
    cr_expect_arr_eq(read.at, wanted->at, read.bins * read.regions * sizeof *read.at);
    free(read.at);
    sample_close(&sample);
}

/* Against counting all jobs for every step. */
Test(store, distributions_count_finished_jobs_of_the_window) {
    struct sample sample;
    size_t steps_len;
    sample_open(&sample, 0);
    sample.setup.measure_from_ns = 2 * TICK_DAY;
    sample.setup.measure_to_ns = 20 * TICK_DAY;
    struct store *store = store_open(path);
    struct store_step *steps =
        store_read_distribution(store, sample_store(store, &sample), "jct", &steps_len);
    store_close(store);
    cr_assert_gt(steps_len, 50);
    const struct jobs *jobs = sample.result.jobs;
    for (size_t i = 0; i < steps_len; i++) {
        uint64_t wanted = 0;
        for (size_t j = 0; j < jobs->len; j++) {
            const struct job *job = &jobs->at[j];
            wanted += job->end_ns != JOB_NOT_YET && job->submit_ns >= 2 * TICK_DAY &&
                      job->submit_ns < 20 * TICK_DAY &&
                      job->end_ns - job->submit_ns <= tick_from_seconds(steps[i].at_most_s);
        }
        cr_expect_eq(steps[i].jobs, wanted, "at most %g s", steps[i].at_most_s);
        cr_expect(i == 0 || steps[i].at_most_s > steps[i - 1].at_most_s);
    }
    free(steps);
    sample_close(&sample);
}

static bool same_text(const char *a, const char *b) { return strcmp(a, b) == 0; }

Test(store, the_bill_reads_back_line_by_line) {
    struct sample sample;
    size_t count;
    sample_open(&sample, 1);
    sample_enrich(&sample, 1);
    struct store *store = store_open(path);
    struct arena arena;
    arena_init(&arena);
    struct charge_line *read = store_read_charges(store, sample_store(store, &sample), &arena, &count);
    store_close(store);
    const struct charge_lines wanted = charge_lines_of(&sample.setup, &sample.result);
    cr_assert_eq(count, wanted.len);
    for (size_t i = 0; i < count; i++) {
        const struct charge_line *a = &read[i], *b = &wanted.at[i];
        cr_expect(a->kind == b->kind && a->use == b->use && a->quantity == b->quantity && a->usd == b->usd);
        cr_expect(a->energy_kwh == b->energy_kwh && a->co2_kg == b->co2_kg &&
                  a->market_co2_kg == b->market_co2_kg && a->embodied_kg == b->embodied_kg);
        cr_expect(same_text(a->region, b->region) && same_text(a->pool, b->pool) &&
                  same_text(a->tenant, b->tenant) && same_text(a->class_name, b->class_name) &&
                  same_text(a->bought, b->bought) && same_text(a->unit, b->unit));
    }
    free(read);
    free(wanted.at);
    arena_free(&arena);
    expect_answer("SELECT count(*) FROM (SELECT sum(usd) AS usd, sum(energy_kwh) AS kwh,"
                  " sum(co2_kg + embodied_kg) AS kg FROM charge) JOIN v_run_summary"
                  " WHERE abs(usd - total_usd) < 1e-9 * total_usd"
                  " AND abs(kwh - energy_kwh) < 1e-9 * kwh AND abs(kg - total_co2_kg) < 1e-9 * kg", "1\n");
    expect_answer("SELECT DISTINCT kind FROM charge ORDER BY kind",
                  "capacity\ncarbon\ndemand\negress\nenergy\nsite\n");
    expect_answer("SELECT DISTINCT use FROM charge WHERE pool = 'h100' ORDER BY use", "boot\nidle\nsleep\n");
    sample_close(&sample);
}

Test(store, start_hours_read_back_by_region) {
    struct sample sample;
    size_t regions;
    sample_open(&sample, 1);
    sample.result.start_hours[WEEK_HOURS + 30].jobs = 0; /* a row less */
    sample.result.start_hours[WEEK_HOURS + 30].gpu_h = 0;
    struct store *store = store_open(path);
    struct start_hour *read = store_read_start_hours(store, sample_store(store, &sample), &regions);
    store_close(store);
    cr_assert_eq(regions, 2);
    for (size_t i = 0; i < regions * WEEK_HOURS; i++) {
        cr_expect_eq(read[i].jobs, sample.result.start_hours[i].jobs);
        cr_expect_eq(read[i].gpu_h, sample.result.start_hours[i].gpu_h);
    }
    free(read);
    expect_answer("SELECT count(*) FROM start_hour", "335\n");
    expect_answer("SELECT jobs > 15 FROM start_hour WHERE region = 'us-east' AND weekday = 4 AND hour = 19",
                  "1\n");
    sample_close(&sample);
}

Test(store, savings_and_what_they_cost_in_waiting) {
    struct store *store = store_open(path);
    for (unsigned variant = 0; variant < 2; variant++) {
        struct sample sample;
        sample_open(&sample, 0);
        sample_enrich(&sample, variant);
        sample.info.run_name = variant ? "greener" : "fifo";
        sample_store(store, &sample);
        sample_close(&sample);
    }
    store_close(store);
    expect_answer("SELECT run_name, baseline, metric, time_added_s, saved > 0, abs(per_job_h - saved /"
                  " (4700 / 3600.0 * 3997)) < 1e-9 FROM v_saving WHERE part = 'run' ORDER BY metric",
                  "greener|fifo|energy_kwh|4700.0|0|1\ngreener|fifo|total_co2_kg|4700.0|1|1\n"
                  "greener|fifo|total_usd|4700.0|1|1\n");
}

Test(store, a_killed_run_leaves_its_row_and_nothing_else) {
    const pid_t child = fork();
    if (child == 0) {
        struct sample sample;
        sample_open(&sample, 0);
        store_run_begin(store_open(path), &sample.info);
        raise(SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status));
    expect_answer("SELECT run_id, status, run_name, wall_s FROM run", "1|running|fifo|NULL\n");
    expect_answer(
        "SELECT (SELECT count(*) FROM tally) + (SELECT count(*) FROM series) + (SELECT count(*) FROM job)",
        "0\n");
    write_runs(1); /* the file is sound: the next one goes on */
    struct summary killed;
    struct store *store = store_open_read(path);
    cr_expect(store_read_summary(store, 1, ~0u, &killed));
    cr_expect_not(killed.complete);
    cr_expect_not(store_is_complete(store, 1));
    cr_expect(store_is_complete(store, 2));
    cr_expect_eq(killed.parts_len, 0);
    summary_free(&killed);
    cr_expect_not(store_read_summary(store, 3, ~0u, &killed));
    summary_free(&killed);
    size_t count;
    int64_t *latest = store_latest(store, &count);
    cr_assert_eq(count, 1);
    cr_expect_eq(latest[0], 2);
    free(latest);
    store_close(store);
}

/* Killed with half a transaction on disk: whoever opens the file next, even to read, undoes it. */
Test(store, a_transaction_cut_short_is_undone) {
    write_runs(1);
    const pid_t child = fork();
    if (child == 0) {
        sqlite3 *db;
        sqlite3_open(path, &db);
        sqlite3_exec(
            db,
            "PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE run SET status = 'running', wall_s = NULL;"
            " UPDATE job SET tenant = tenant || 'x'",
            NULL, NULL, NULL);
        raise(SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status));
    char journal[300];
    snprintf(journal, sizeof journal, "%s-journal", path);
    cr_assert_eq(access(journal, F_OK), 0, "the test left no half-written transaction");
    struct store *store = store_open_read(path);
    cr_expect(store_is_complete(store, 1));
    store_close(store);
    expect_answer("SELECT count(*) FROM job WHERE tenant LIKE '%x'", "0\n");
    expect_answer("PRAGMA integrity_check", "ok\n");
}

Test(store, job_rows_only_when_asked_for) {
    struct sample sample;
    struct store *store = store_open(path);
    sample_open(&sample, 0);
    sample.result.job_results[7] = (struct job_result){.why_ns = {[WHY_QUOTA] = 5 * TICK_S},
                                                       .energy_j = 3.6e6,
                                                       .region = 1,
                                                       .first_node = 31,
                                                       .preemptions = 2,
                                                       .failures = 3,
                                                       .suspensions = 4,
                                                       .lost_ns = 6 * TICK_S,
                                                       .bought = BOUGHT_SPOT};
    sample.result.job_results[7].why_ns[WHY_TRANSFER] = 8 * TICK_S;
    sample_store(store, &sample);
    free(sample.result.job_results);
    sample.result.job_results = NULL;
    sample_store(store, &sample);
    sample_close(&sample);
    store_close(store);
    expect_answer("SELECT run_id, count(*) FROM job GROUP BY run_id", "1|4000\n");
    expect_answer(
        "SELECT id, tenant, region, gpus, quota_s, energy_kwh, preemptions, first_node, status FROM job"
        " WHERE job = 7",
        "job-7|language|eu-north|8.0|5.0|1.0|2|31|finished\n");
    expect_answer("SELECT failures, suspensions, lost_s, bought, transfer_s FROM job WHERE job = 7",
                  "3|4|6.0|spot|8.0\n");
    expect_answer("SELECT status, start_s, end_s, wait_s, region, first_node, bought FROM job"
                  " WHERE job = 3997",
                  "refused|NULL|NULL|NULL|NULL|NULL|NULL\n");
    expect_answer("SELECT status, start_s, wait_s FROM job WHERE job = 3998", "waiting|NULL|NULL\n");
    expect_answer("SELECT status, start_s IS NULL, end_s FROM job WHERE job = 3999", "running|0|NULL\n");
    expect_answer("SELECT count(*) FROM job WHERE abs(wait_s - (start_s - submit_s)) > 1e-6", "0\n");
}

Test(store, views_compare_with_the_batch_s_baseline) {
    write_runs(3);
    write_runs(2);
    expect_answer("SELECT DISTINCT run_id, run_name, baseline_id, baseline FROM v_compare",
                  "2|sjf|1|fifo\n3|srtf|1|fifo\n5|sjf|4|fifo\n");
    expect_answer(
        "SELECT round(value / baseline_value, 6) = round(1 + relative, 6), verdict FROM v_compare"
        " WHERE run_id = 2 AND part = 'run' AND metric IN ('wait_mean_s', 'work_per_usd', 'fragmentation')",
        "1|better\n1|better\n1|better\n");
    expect_answer("SELECT verdict FROM v_compare WHERE run_id = 2 AND part = 'run' AND metric = 'energy_kwh'",
                  "same\n");
    expect_answer("SELECT verdict FROM v_compare WHERE run_id = 2 AND part = 'run' AND metric = 'held_gpu_h'",
                  "NULL\n");
    expect_answer(
        "SELECT run_id, status, round(utilisation, 4), jobs_finished FROM v_run_summary WHERE batch_id = 4",
        "4|complete|0.76|3997.0\n5|complete|0.7789|3997.0\n");
}

Test(store, views_answer_the_usual_questions) {
    write_runs(1);
    cr_expect_float_eq(ask_number("SELECT sum(share) FROM v_wait_reasons WHERE part = 'run'"), 1, 1e-12);
    expect_answer("SELECT reason FROM v_wait_reasons WHERE part = 'run' ORDER BY hours DESC LIMIT 1",
                  "capacity\n");
    expect_answer("SELECT tenant FROM v_tenant ORDER BY held_gpu_h DESC", "vision\nlanguage\nads\n");
    expect_answer("SELECT name FROM v_energy WHERE part = 'region' ORDER BY carbon_paid_g_per_kwh",
                  "eu-north\nus-east\n");
    expect_answer("SELECT count(*) FROM v_cost WHERE abs(total_usd - energy_usd - capacity_usd) > 1e-6",
                  "0\n");
    expect_answer("SELECT start_utc FROM v_series WHERE region = 'us-east' ORDER BY start_h LIMIT 2",
                  "2023-03-01T00:00:00Z\n2023-03-01T03:00:00Z\n");
    expect_answer("SELECT DISTINCT shift_policy, forecast_policy, market_policy FROM v_run_summary",
                  "now|perfect|any\n");
    expect_answer("SELECT name, nodes, gpus_per_node, bought, estimated FROM pool ORDER BY name",
                  "a100|20|8|owned|1\nh100|30|8|owned|0\n");
    expect_answer("SELECT count(*) FROM (SELECT * FROM v_run_summary UNION ALL SELECT * FROM v_run_summary)",
                  "2\n");
}

Test(store, a_deleted_run_takes_its_rows_along) {
    write_runs(2);
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(
        sqlite3_exec(db, "PRAGMA foreign_keys = ON; DELETE FROM run WHERE run_id = 1", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    expect_answer(
        "SELECT DISTINCT run_id FROM (SELECT run_id FROM tally UNION SELECT run_id FROM series UNION"
        " SELECT run_id FROM job UNION SELECT run_id FROM distribution UNION SELECT run_id FROM warning UNION"
        " SELECT run_id FROM pool UNION SELECT run_id FROM charge UNION SELECT run_id FROM start_hour)",
        "2\n");
    expect_answer("SELECT count(*) FROM measure WHERE tally_id NOT IN (SELECT tally_id FROM tally)", "0\n");
    expect_answer("PRAGMA foreign_key_check", "");
}

/* All tables, and of run all columns but the three of wall time. */
static char *everything(void) {
    struct text all;
    text_init(&all);
    char *tables = ask("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'run' ORDER BY name");
    for (char *name = tables, *end; (end = strchr(name, '\n')); name = end + 1) {
        char sql[128];
        *end = '\0';
        snprintf(sql, sizeof sql, "SELECT '%s', * FROM %s", name, name);
        char *rows = ask(sql);
        text_put(&all, rows);
        free(rows);
    }
    free(tables);
    char *columns = ask("SELECT group_concat(name) FROM pragma_table_info('run') WHERE name NOT IN"
                        " ('started_utc', 'wall_s', 'loop_s')");
    struct text sql;
    text_init(&sql);
    text_format(&sql, "SELECT %.*s FROM run", (int)strcspn(columns, "\n"), columns);
    char *runs = ask(sql.at);
    text_put(&all, runs);
    free(runs);
    free(columns);
    text_free(&sql);
    return text_take(&all);
}

Test(store, the_same_inputs_give_the_same_rows) {
    write_runs(2);
    char *first = everything();
    cr_assert_eq(remove(path), 0);
    struct store *store = store_open(path);
    for (unsigned i = 0; i < 2; i++) {
        struct sample sample;
        sample_open(&sample, i);
        sample.result.loop_s = 99;
        store_run_finish(store, store_run_begin(store, &sample.info), &sample.setup, &sample.result, 77);
        sample_close(&sample);
    }
    store_close(store);
    char *second = everything();
    cr_assert_gt(strlen(first), 100000);
    cr_assert(strcmp(first, second) == 0, "rows differ");
    free(first);
    free(second);
}

Test(store, several_processes_write_one_file, .timeout = 60) {
    enum { WRITERS = 4, RUNS = 3 };
    pid_t children[WRITERS];
    fflush(NULL);
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            write_runs(RUNS);
            _exit(0);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        waitpid(children[i], &status, 0);
        cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    expect_answer("SELECT count(*), count(DISTINCT batch_id) FROM run WHERE status = 'complete'", "12|4\n");
    expect_answer("SELECT batch_id, count(*) FROM run GROUP BY batch_id HAVING count(*) <> 3", "");
    expect_answer("PRAGMA integrity_check", "ok\n");
}

/* A database written before a metric existed: it gains the metric and a column in the view; old runs have
 * none. */
Test(store, new_metrics_join_an_old_file) {
    write_runs(1);
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(
        sqlite3_exec(db,
                     "DELETE FROM measure WHERE metric_id = (SELECT metric_id FROM metric WHERE name ="
                     " 'pue'); DELETE FROM metric WHERE name = 'pue'; DROP VIEW v_run_summary; CREATE VIEW"
                     " v_run_summary AS SELECT 1 AS old",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    struct store *store = store_open_read(path);
    struct summary old;
    cr_assert(store_read_summary(store, 1, ~0u, &old));
    cr_expect(isnan(summary_value(&old, "pue")));
    cr_expect_float_eq(summary_value(&old, "co2_kg"), 51300, 1e-6);
    summary_free(&old);
    store_close(store);
    write_runs(1);
    expect_answer("SELECT run_id, round(pue, 6), round(co2_kg, 6) FROM v_run_summary",
                  "1|NULL|51300.0\n2|1.2|51300.0\n");
}

/* --- the page that documents it --- */

static char *results_page(void) {
    static char text[100000];
    FILE *page = fopen(sample_source("docs/results.md"), "r");
    cr_assert(page, "docs/results.md is missing");
    text[fread(text, 1, sizeof text - 1, page)] = '\0';
    fclose(page);
    return text;
}

Test(store, every_example_of_the_page_answers) {
    write_runs(2);
    write_services();
    char *sql = strstr(results_page(), "```sql\n") + 7;
    *strstr(sql, "```") = '\0';
    size_t questions = 0;
    for (char *end; (end = strchr(sql, ';')); sql = end + 1, questions++) {
        *end = '\0';
        char *answer = ask(sql);
        cr_expect(*answer, "no rows from%s", sql);
        free(answer);
    }
    cr_expect_geq(questions, 8);
}

Test(store, the_page_names_every_table_view_and_column) {
    store_close(store_open(path));
    const char *page = results_page();
    char *names =
        ask("SELECT m.type, m.name, '`' || c.name || '`' FROM sqlite_master m, pragma_table_info(m.name) c"
            " WHERE m.name <> 'v_run_summary' AND m.type IN ('table', 'view')");
    for (char *row = names, *end; (end = strchr(row, '\n')); row = end + 1) {
        *end = '\0';
        char *name = strchr(row, '|') + 1, *column = strchr(name, '|'), title[64];
        *column++ = '\0';
        snprintf(title, sizeof title, *row == 't' ? "**%s**" : "| `%s` |", name);
        cr_expect(strstr(page, title), "docs/results.md lacks %s", title);
        cr_expect(strstr(page, column), "docs/results.md lacks %s of %s", column, name);
    }
    free(names);
}

/* --- files that are not ours --- */

/* Exit status of opening the file in a child; what it said is appended to `said`. */
static int open_in_child(bool to_read, char said[1024]) {
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        store_close(to_read ? store_open_read(path) : store_open(path));
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    for (ssize_t got; (got = read(ends[0], said + len, 1023 - len)) > 0;) len += (size_t)got;
    said[len] = '\0';
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static char *bytes_of_file(size_t *len) {
    static char bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    cr_assert(file);
    *len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return mem_copy(bytes, *len);
}

static void expect_refused(const char *because) {
    size_t before_len, after_len;
    char said[1024], *before = bytes_of_file(&before_len);
    for (int to_read = 0; to_read < 2; to_read++) {
        cr_expect_eq(open_in_child(to_read, said), EXIT_FAILED, "%s", said);
        cr_expect(strstr(said, because) && strstr(said, path), "%s", said);
    }
    char *after = bytes_of_file(&after_len);
    cr_expect(before_len == after_len && memcmp(before, after, before_len) == 0, "the file was changed");
    free(before);
    free(after);
}

static void write_file(const char *bytes, size_t len) {
    FILE *file = fopen(path, "wb");
    cr_assert_eq(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

Test(store, text_is_refused) {
    char text[4096];
    memset(text, 'x', sizeof text);
    write_file(text, sizeof text);
    expect_refused("is not a results database");
}

Test(store, a_short_text_is_refused) {
    write_file("version: 1\n", 11);
    expect_refused("is not a results database");
}

Test(store, another_program_s_database_is_refused) {
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "CREATE TABLE t (a)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    expect_refused("is a database of another program");
}

Test(store, another_version_is_refused) {
    store_close(store_open(path));
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    expect_refused("schema version 99");
}

/* What the version before this one wrote. */
Test(store, an_older_version_is_refused) {
    store_close(store_open(path));
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "PRAGMA user_version = 1", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    expect_refused("has results of schema version 1, and this is headroom");
}

Test(store, a_missing_file_is_made_to_write_but_not_to_read) {
    char said[1024];
    cr_expect_eq(open_in_child(true, said), EXIT_FAILED);
    cr_expect(strstr(said, "there is no results file"), "%s", said);
    cr_expect_neq(access(path, F_OK), 0);
    write_file("", 0);
    cr_expect_eq(open_in_child(true, said), EXIT_FAILED);
    cr_expect_eq(open_in_child(false, said), 0, "%s", said);
    expect_answer("SELECT count(*) FROM run", "0\n");
    snprintf(path, sizeof path, "%s/no/such/folder.db", folder);
    cr_expect_eq(open_in_child(false, said), EXIT_FAILED);
    cr_expect(strstr(said, "cannot open results"), "%s", said);
}
