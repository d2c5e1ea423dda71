/*
 * The schema of the results database (docs/results.md explains every column). A run owns its rows: deleting
 * it, with foreign keys on, deletes them. Wall time and dates stand in the table `run` alone, so that
 * everything else is the same bytes for the same inputs. Times are seconds from the run's origin. A change of
 * a table's columns is a new STORE_SCHEMA_VERSION; a new metric is not.
 */
#include "io/store_schema.h"

#include <stddef.h>

const char *const store_tables[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",

    "CREATE TABLE metric ("
    " metric_id INTEGER PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " unit TEXT NOT NULL,"
    " better TEXT NOT NULL CHECK (better IN ('more', 'less', 'neutral')),"
    " help TEXT NOT NULL)",

    "CREATE TABLE reason ("
    " reason TEXT PRIMARY KEY,"
    " metric TEXT NOT NULL REFERENCES metric (name),"
    " help TEXT NOT NULL) WITHOUT ROWID",

    "CREATE TABLE scenario ("
    " scenario_hash TEXT PRIMARY KEY,"
    " name TEXT NOT NULL,"
    " text TEXT NOT NULL) WITHOUT ROWID",

    "CREATE TABLE run ("
    " run_id INTEGER PRIMARY KEY,"
    " batch_id INTEGER NOT NULL,"
    " status TEXT NOT NULL CHECK (status IN ('running', 'complete')),"
    " scenario_hash TEXT NOT NULL REFERENCES scenario,"
    " scenario_file TEXT NOT NULL,"
    " run_name TEXT NOT NULL,"
    " baseline TEXT NOT NULL,"
    " overrides TEXT NOT NULL,"
    " point INTEGER,"
    " replication INTEGER NOT NULL DEFAULT 0,"
    " seed INTEGER NOT NULL,"
    " trace TEXT NOT NULL,"
    " trace_hash TEXT NOT NULL,"
    " order_policy TEXT NOT NULL,"
    " backfill_policy TEXT NOT NULL,"
    " place_policy TEXT NOT NULL,"
    " route_policy TEXT NOT NULL,"
    " shift_policy TEXT NOT NULL,"
    " forecast_policy TEXT NOT NULL,"
    " market_policy TEXT NOT NULL,"
    " round_s REAL NOT NULL,"
    " origin_utc TEXT,"
    " version TEXT NOT NULL,"
    " command TEXT NOT NULL,"
    " started_utc TEXT NOT NULL,"
    " wall_s REAL,"
    " loop_s REAL,"
    " work_unit TEXT,"
    " horizon_s REAL,"
    " measure_from_s REAL,"
    " measured_s REAL,"
    " end_s REAL,"
    " jobs INTEGER,"
    " nodes INTEGER,"
    " gpus INTEGER,"
    " events INTEGER,"
    " passes INTEGER,"
    " placements INTEGER,"
    " CHECK ((status = 'complete') = (wall_s IS NOT NULL)))",
    "CREATE INDEX run_batch ON run (batch_id, run_name, point, replication)",

    "CREATE TABLE sweep ("
    " batch_id INTEGER PRIMARY KEY,"
    " scenario_hash TEXT NOT NULL REFERENCES scenario,"
    " points INTEGER NOT NULL,"
    " replications INTEGER NOT NULL,"
    " run_names TEXT NOT NULL,"
    " shard INTEGER NOT NULL,"
    " shards INTEGER NOT NULL,"
    " bins INTEGER NOT NULL,"
    " jobs INTEGER NOT NULL CHECK (jobs IN (0, 1)),"
    " runs INTEGER NOT NULL,"
    " done INTEGER NOT NULL CHECK (done BETWEEN 0 AND runs),"
    " UNIQUE (scenario_hash, run_names, shard, shards, bins, jobs))",

    "CREATE TABLE factor ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " path TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " number REAL,"
    " PRIMARY KEY (run_id, path)) WITHOUT ROWID",

    "CREATE TABLE pool ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " name TEXT NOT NULL,"
    " region TEXT NOT NULL,"
    " tenant TEXT,"
    " nodes INTEGER NOT NULL,"
    " gpu TEXT NOT NULL,"
    " gpus_per_node INTEGER NOT NULL,"
    " cpus_per_node REAL,"
    " mem_mib_per_node INTEGER,"
    " bought TEXT NOT NULL CHECK (bought IN ('free', 'owned', 'rented', 'reserved', 'on_demand', 'spot')),"
    " elastic INTEGER NOT NULL,"
    " sleeps INTEGER NOT NULL,"
    " usd_per_node_h REAL NOT NULL,"
    " embodied_g_per_node_h REAL NOT NULL,"
    " estimated INTEGER NOT NULL,"
    " PRIMARY KEY (run_id, name)) WITHOUT ROWID",

    "CREATE TABLE tally ("
    " tally_id INTEGER PRIMARY KEY,"
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " part TEXT NOT NULL CHECK (part IN ('run', 'region', 'tenant', 'class', 'pool', 'service',"
    " 'request_class', 'request_region', 'pipeline')),"
    " name TEXT NOT NULL,"
    " UNIQUE (run_id, part, name))",

    "CREATE TABLE measure ("
    " tally_id INTEGER NOT NULL REFERENCES tally ON DELETE CASCADE,"
    " metric_id INTEGER NOT NULL REFERENCES metric,"
    " value REAL NOT NULL,"
    " PRIMARY KEY (tally_id, metric_id)) WITHOUT ROWID",

    "CREATE TABLE series ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " region TEXT NOT NULL,"
    " start_s REAL NOT NULL,"
    " width_s REAL NOT NULL,"
    " held_gpus REAL NOT NULL,"
    " used_gpus REAL NOT NULL,"
    " running_jobs REAL NOT NULL,"
    " queued_jobs REAL NOT NULL,"
    " queued_gpus REAL NOT NULL,"
    " power_w REAL NOT NULL,"
    " pue REAL NOT NULL,"
    " price_usd_per_kwh REAL NOT NULL,"
    " carbon_g_per_kwh REAL NOT NULL,"
    " cost_usd_per_h REAL NOT NULL,"
    " PRIMARY KEY (run_id, region, start_s)) WITHOUT ROWID",

    "CREATE TABLE charge ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " kind TEXT NOT NULL CHECK (kind IN ('capacity', 'energy', 'carbon', 'egress', 'demand', 'site')),"
    " use TEXT NOT NULL CHECK (use IN ('jobs', 'idle', 'sleep', 'boot', 'meter')),"
    " region TEXT NOT NULL,"
    " pool TEXT,"
    " tenant TEXT,"
    " class TEXT,"
    " bought TEXT,"
    " quantity REAL NOT NULL,"
    " unit TEXT NOT NULL,"
    " usd REAL NOT NULL,"
    " energy_kwh REAL NOT NULL,"
    " co2_kg REAL NOT NULL,"
    " market_co2_kg REAL NOT NULL,"
    " embodied_kg REAL NOT NULL,"
    " PRIMARY KEY (run_id, position)) WITHOUT ROWID",

    "CREATE TABLE start_hour ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " region TEXT NOT NULL,"
    " weekday INTEGER NOT NULL CHECK (weekday BETWEEN 0 AND 6),"
    " hour INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),"
    " jobs INTEGER NOT NULL,"
    " gpu_h REAL NOT NULL,"
    " PRIMARY KEY (run_id, region, weekday, hour)) WITHOUT ROWID",

    "CREATE TABLE distribution ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " figure TEXT NOT NULL CHECK (figure IN ('wait', 'jct')),"
    " at_most_s REAL NOT NULL,"
    " jobs INTEGER NOT NULL,"
    " PRIMARY KEY (run_id, figure, at_most_s)) WITHOUT ROWID",

    "CREATE TABLE job ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " job INTEGER NOT NULL,"
    " id TEXT,"
    " tenant TEXT NOT NULL,"
    " class TEXT NOT NULL,"
    " user TEXT,"
    " region TEXT,"
    " gpus REAL NOT NULL,"
    " cpus REAL NOT NULL,"
    " mem_mib INTEGER NOT NULL,"
    " status TEXT NOT NULL CHECK (status IN ('finished', 'running', 'waiting', 'refused')),"
    " submit_s REAL NOT NULL,"
    " run_s REAL NOT NULL,"
    " estimate_s REAL NOT NULL,"
    " start_s REAL,"
    " end_s REAL,"
    " wait_s REAL,"
    " deadline_s REAL,"
    " work REAL,"
    " priority INTEGER,"
    " held_s REAL NOT NULL,"
    " preemptions INTEGER NOT NULL,"
    " failures INTEGER NOT NULL,"
    " suspensions INTEGER NOT NULL,"
    " lost_s REAL NOT NULL,"
    " first_node INTEGER,"
    " bought TEXT,"
    " head_of_line_s REAL NOT NULL,"
    " quota_s REAL NOT NULL,"
    " capacity_s REAL NOT NULL,"
    " fragmentation_s REAL NOT NULL,"
    " mismatch_s REAL NOT NULL,"
    " policy_s REAL NOT NULL,"
    " shift_s REAL NOT NULL,"
    " boot_s REAL NOT NULL,"
    " power_limit_s REAL NOT NULL,"
    " transfer_s REAL NOT NULL,"
    " energy_kwh REAL NOT NULL,"
    " energy_usd REAL NOT NULL,"
    " co2_kg REAL NOT NULL,"
    " capacity_usd REAL NOT NULL,"
    " PRIMARY KEY (run_id, job)) WITHOUT ROWID",

    "CREATE TABLE service ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " name TEXT NOT NULL,"
    " tenant TEXT,"
    " tensor_parallel INTEGER NOT NULL,"
    " router TEXT NOT NULL CHECK (router IN ('round_robin', 'least_outstanding', 'session', 'prefix')),"
    " scaling TEXT NOT NULL CHECK (scaling IN ('fixed', 'reactive', 'scheduled', 'forecast')),"
    " replicas_least INTEGER NOT NULL,"
    " replicas_most INTEGER NOT NULL,"
    " prefill_replicas INTEGER,"
    " max_seqs INTEGER NOT NULL,"
    " chunk_tokens INTEGER NOT NULL,"
    " prefix_cache INTEGER NOT NULL,"
    " cold_start_s REAL NOT NULL,"
    " ttft_level_s REAL,"
    " tpot_level_s REAL,"
    " calibrated INTEGER NOT NULL,"
    " PRIMARY KEY (run_id, name)) WITHOUT ROWID",

    "CREATE TABLE service_time ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " service TEXT NOT NULL,"
    " figure TEXT NOT NULL CHECK (figure IN ('ttft', 'tpot', 'e2e')),"
    " at_most_s REAL NOT NULL,"
    " requests INTEGER NOT NULL,"
    " PRIMARY KEY (run_id, service, figure, at_most_s)) WITHOUT ROWID",

    "CREATE TABLE size ("
    " batch_id INTEGER PRIMARY KEY,"
    " objective TEXT NOT NULL,"
    " confidence REAL NOT NULL,"
    " replications_least INTEGER NOT NULL,"
    " replications_most INTEGER NOT NULL,"
    " fleets INTEGER NOT NULL,"
    " runs INTEGER NOT NULL,"
    " note TEXT NOT NULL)",

    "CREATE TABLE size_fleet ("
    " batch_id INTEGER NOT NULL REFERENCES size ON DELETE CASCADE,"
    " point INTEGER NOT NULL,"
    " name TEXT NOT NULL,"
    " verdict TEXT NOT NULL CHECK (verdict IN ('holds', 'fails', 'undecided', 'impossible', 'dearer')),"
    " role TEXT NOT NULL,"
    " replications INTEGER NOT NULL,"
    " nodes REAL,"
    " total_usd REAL,"
    " energy_kwh REAL,"
    " total_co2_kg REAL,"
    " PRIMARY KEY (batch_id, point)) WITHOUT ROWID",

    "CREATE TABLE size_level ("
    " batch_id INTEGER NOT NULL REFERENCES size ON DELETE CASCADE,"
    " point INTEGER NOT NULL,"
    " in_case TEXT NOT NULL,"
    " target TEXT NOT NULL,"
    " mean REAL,"
    " least REAL,"
    " most REAL,"
    " verdict TEXT NOT NULL CHECK (verdict IN ('holds', 'fails', 'undecided')),"
    " PRIMARY KEY (batch_id, point, in_case, target)) WITHOUT ROWID",

    "CREATE TABLE pipeline ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " name TEXT NOT NULL,"
    " tenant TEXT,"
    " way TEXT NOT NULL CHECK (way IN ('disaggregated', 'monolithic')),"
    " rate_per_s REAL,"
    " start_s REAL NOT NULL,"
    " end_s REAL,"
    " PRIMARY KEY (run_id, name)) WITHOUT ROWID",

    "CREATE TABLE pipeline_stage ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " pipeline TEXT NOT NULL,"
    " position INTEGER NOT NULL,"
    " stage TEXT NOT NULL,"
    " service_s REAL NOT NULL,"
    " batch REAL NOT NULL,"
    " cpus REAL NOT NULL,"
    " gpus REAL NOT NULL,"
    " workers_least INTEGER NOT NULL,"
    " workers_most INTEGER NOT NULL,"
    " items REAL NOT NULL,"
    " items_per_s REAL,"
    " workers_ready_most INTEGER NOT NULL,"
    " starts INTEGER NOT NULL,"
    " worker_h REAL NOT NULL,"
    " busy_h REAL NOT NULL,"
    " starved_h REAL NOT NULL,"
    " blocked_h REAL NOT NULL,"
    " gpu_h REAL NOT NULL,"
    " stalled_gpu_h REAL NOT NULL,"
    " energy_kwh REAL,"
    " co2_kg REAL,"
    " usd REAL,"
    " PRIMARY KEY (run_id, pipeline, position)) WITHOUT ROWID",

    "CREATE TABLE size_plan ("
    " batch_id INTEGER NOT NULL,"
    " period INTEGER NOT NULL,"
    " pool TEXT NOT NULL,"
    " demand REAL NOT NULL,"
    " point INTEGER NOT NULL,"
    " bought INTEGER NOT NULL,"
    " standing INTEGER NOT NULL,"
    " used INTEGER NOT NULL,"
    " price_usd REAL,"
    " running_usd REAL NOT NULL,"
    " PRIMARY KEY (batch_id, period, pool)) WITHOUT ROWID",

    "CREATE TABLE warning ("
    " run_id INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,"
    " position INTEGER NOT NULL,"
    " text TEXT NOT NULL,"
    " PRIMARY KEY (run_id, position)) WITHOUT ROWID",
    NULL,
};

/* Further columns of a view over v_metric, which turn its rows into columns. */
#define COLUMN(metric) ", max(value) FILTER (WHERE metric = '" metric "') AS " metric

const char *const store_views[] = {
    "CREATE VIEW v_metric AS"
    " SELECT r.run_id, r.run_name, t.part, t.name, m.name AS metric, v.value, m.unit, m.better"
    " FROM run r JOIN tally t USING (run_id) JOIN measure v USING (tally_id) JOIN metric m USING (metric_id)",

    "CREATE VIEW v_compare AS"
    " SELECT r.run_id, r.run_name, b.run_id AS baseline_id, b.run_name AS baseline, t.part, t.name,"
    "  m.name AS metric, m.unit, v.value, w.value AS baseline_value, v.value - w.value AS difference,"
    "  CASE WHEN w.value <> 0 THEN (v.value - w.value) / abs(w.value) END AS relative,"
    "  CASE WHEN abs(v.value - w.value) <= 1e-9 * abs(w.value) THEN 'same'"
    "   WHEN m.better = 'neutral' THEN NULL"
    "   WHEN (v.value > w.value) = (m.better = 'more') THEN 'better' ELSE 'worse' END AS verdict"
    " FROM run r"
    " JOIN run b ON b.batch_id = r.batch_id AND b.run_name = r.baseline AND b.run_id <> r.run_id"
    "  AND b.point IS r.point AND b.replication = r.replication"
    " JOIN tally t ON t.run_id = r.run_id"
    " JOIN tally u ON u.run_id = b.run_id AND u.part = t.part AND u.name = t.name"
    " JOIN measure v ON v.tally_id = t.tally_id"
    " JOIN measure w ON w.tally_id = u.tally_id AND w.metric_id = v.metric_id"
    " JOIN metric m ON m.metric_id = v.metric_id",

    "CREATE VIEW v_wait_reasons AS"
    " SELECT f.run_id, f.run_name, f.part, f.name, e.reason, f.value AS hours,"
    "  f.value / nullif(a.value, 0) AS share, e.help"
    " FROM v_metric f JOIN reason e ON e.metric = f.metric"
    " JOIN v_metric a ON a.run_id = f.run_id AND a.part = f.part AND a.name = f.name"
    "  AND a.metric = 'wait_all_h'",

    "CREATE VIEW v_cost AS"
    " SELECT run_id, run_name, part, name"
    COLUMN("total_usd") COLUMN("energy_usd") COLUMN("job_energy_usd") COLUMN("idle_energy_usd")
    COLUMN("sleep_energy_usd") COLUMN("boot_energy_usd")
    COLUMN("capacity_usd") COLUMN("job_capacity_usd") COLUMN("idle_capacity_usd")
    COLUMN("carbon_usd") COLUMN("demand_usd") COLUMN("egress_usd") COLUMN("site_usd") COLUMN("lost_usd")
    COLUMN("price_paid_usd_per_kwh") COLUMN("price_mean_usd_per_kwh")
    COLUMN("usd_per_gpu_h") COLUMN("usd_per_work") COLUMN("usd_per_job")
    " FROM v_metric GROUP BY run_id, part, name",

    "CREATE VIEW v_energy AS"
    " SELECT run_id, run_name, part, name"
    COLUMN("energy_kwh") COLUMN("job_energy_kwh") COLUMN("idle_energy_kwh") COLUMN("sleep_energy_kwh")
    COLUMN("boot_energy_kwh") COLUMN("lost_energy_kwh") COLUMN("it_energy_kwh") COLUMN("cooling_energy_kwh")
    COLUMN("grid_kwh") COLUMN("solar_used_kwh") COLUMN("pue") COLUMN("mean_kw") COLUMN("peak_kw")
    COLUMN("co2_kg") COLUMN("site_co2_kg") COLUMN("embodied_kg") COLUMN("total_co2_kg")
    COLUMN("market_co2_kg") COLUMN("carbon_paid_g_per_kwh") COLUMN("carbon_mean_g_per_kwh")
    COLUMN("kwh_per_work") COLUMN("g_per_work")
    " FROM v_metric GROUP BY run_id, part, name",

    "CREATE VIEW v_saving AS"
    " SELECT c.run_id, c.run_name, c.baseline, c.part, c.name, c.metric, c.unit, -c.difference AS saved,"
    "  -c.relative AS share, w.difference AS time_added_s,"
    "  CASE WHEN w.difference > 0 THEN -c.difference / nullif(w.difference / 3600 * j.value, 0) END AS per_job_h"
    " FROM v_compare c"
    " JOIN v_compare w USING (run_id, part, name) JOIN v_compare j USING (run_id, part, name)"
    " WHERE c.metric IN ('total_usd', 'energy_kwh', 'total_co2_kg') AND w.metric = 'jct_mean_s'"
    "  AND j.metric = 'jobs_finished'",

    "CREATE VIEW v_tenant AS"
    " SELECT run_id, run_name, name AS tenant"
    COLUMN("jobs_submitted") COLUMN("jobs_finished") COLUMN("held_gpu_h") COLUMN("held_share")
    COLUMN("wait_mean_s") COLUMN("wait_p90_s") COLUMN("wait_quota_h") COLUMN("jct_mean_s")
    COLUMN("slowdown_mean") COLUMN("energy_kwh") COLUMN("co2_kg") COLUMN("total_usd")
    COLUMN("usd_per_work")
    " FROM v_metric WHERE part = 'tenant' GROUP BY run_id, name",

    "CREATE VIEW v_service AS"
    " SELECT run_id, run_name, name AS service"
    COLUMN("requests") COLUMN("requests_finished") COLUMN("goodput_share")
    COLUMN("ttft_p50_s") COLUMN("ttft_p90_s") COLUMN("ttft_p99_s")
    COLUMN("tpot_p50_ms") COLUMN("tpot_p90_ms") COLUMN("tpot_p99_ms")
    COLUMN("e2e_p50_s") COLUMN("e2e_p90_s") COLUMN("e2e_p99_s")
    COLUMN("requests_per_s") COLUMN("tokens_per_s") COLUMN("tokens_per_gpu_s")
    COLUMN("usd_per_mtok") COLUMN("j_per_token") COLUMN("g_per_mtok")
    COLUMN("kv_used_share") COLUMN("cached_share") COLUMN("replicas_mean") COLUMN("replicas_most")
    COLUMN("held_gpu_h") COLUMN("energy_kwh") COLUMN("co2_kg") COLUMN("total_usd")
    " FROM v_metric WHERE part = 'service' GROUP BY run_id, name",

    "CREATE VIEW v_pipeline AS"
    " SELECT run_id, run_name, name AS pipeline"
    COLUMN("items") COLUMN("items_left") COLUMN("items_per_s") COLUMN("pipeline_active_h")
    COLUMN("workers_mean") COLUMN("worker_starts") COLUMN("held_gpu_h")
    COLUMN("pipeline_busy_share") COLUMN("pipeline_stalled_share") COLUMN("items_per_gpu_h")
    COLUMN("usd_per_mitem") COLUMN("kwh_per_mitem") COLUMN("g_per_mitem")
    COLUMN("energy_kwh") COLUMN("co2_kg") COLUMN("total_usd")
    " FROM v_metric WHERE part = 'pipeline' GROUP BY run_id, name",

    "CREATE VIEW v_stage AS"
    " SELECT s.run_id, r.run_name, s.pipeline, s.stage, s.items, s.items_per_s,"
    "  s.worker_h, s.busy_h / nullif(s.busy_h + s.starved_h + s.blocked_h, 0) AS busy_share,"
    "  s.starved_h / nullif(s.busy_h + s.starved_h + s.blocked_h, 0) AS starved_share,"
    "  s.blocked_h / nullif(s.busy_h + s.starved_h + s.blocked_h, 0) AS blocked_share,"
    "  s.workers_ready_most, s.starts, s.gpu_h, s.stalled_gpu_h, s.usd"
    " FROM pipeline_stage s JOIN run r USING (run_id)",

    "CREATE VIEW v_series AS"
    " SELECT s.run_id, r.run_name, s.region,"
    "  strftime('%Y-%m-%dT%H:%M:%SZ', strftime('%s', r.origin_utc) + s.start_s, 'unixepoch') AS start_utc,"
    "  s.start_s / 3600 AS start_h, s.width_s / 3600 AS width_h, s.held_gpus, s.used_gpus, s.running_jobs,"
    "  s.queued_jobs, s.queued_gpus, s.power_w / 1000 AS power_kw, s.pue, s.price_usd_per_kwh,"
    "  s.carbon_g_per_kwh, s.cost_usd_per_h"
    " FROM series s JOIN run r USING (run_id)",
    NULL,
};
