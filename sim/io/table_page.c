/*
 * The page `headroom run` ends with (see table.h): a list of rows, each a metric with its words. A row shows all runs
 * in one unit, and is left out where no run has anything to say (no preemptions, no deadlines). Against a baseline
 * named in the scenario, what was saved and what it cost in time stands at its end.
 */
#include "io/table.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OTHERS_A_BLOCK = 2, NAME_COLUMNS = 18 };

static bool same_text(const char *a, const char *b) { return strcmp(a, b) == 0; }

/* --- the page --- */

/* When a row is shown. */
enum when {
    ALWAYS,    /* where it is defined */
    OF_JOBS,   /* the same, where jobs came */
    SAID,      /* where some run has more to say than zero */
    UNLIKE,    /* the same, and where it differs from another figure */
    MANY_USES, /* as SAID, where energy has more uses than jobs and idle hardware */
    FEW_USES   /* as SAID, where it has not */
};

static const struct row {
    const char *section; /* opens one, when not NULL */
    const char *label, *metric;
    enum when when;
    const char *other; /* what it is a part of, when that is to be shown; UNLIKE: what it must differ from */
} page[] = {
    {"Work", "Jobs submitted", "jobs_submitted", OF_JOBS, NULL},
    {NULL, "Jobs finished", "jobs_finished", OF_JOBS, NULL},
    {NULL, "still running at the end", "jobs_running", SAID, NULL},
    {NULL, "still waiting at the end", "jobs_waiting", SAID, NULL},
    {NULL, "refused: fit no node", "jobs_refused", SAID, NULL},
    {NULL, "Preemptions", "preemptions", SAID, NULL},
    {NULL, "Resizes", "resizes", SAID, NULL},
    {NULL, "Suspensions", "suspensions", SAID, NULL},
    {NULL, "Moves to another region", "migrations", SAID, NULL},
    {NULL, "Nodes woken or rented", "boots", SAID, NULL},
    {NULL, "Deadlines met", "deadlines_met_share", ALWAYS, NULL},
    {NULL, "Work completed", "work", ALWAYS, NULL},
    {NULL, "Throughput", "work_per_h", ALWAYS, NULL},
    {NULL, "Makespan", "makespan_h", OF_JOBS, NULL},
    {"Waiting", "Wait, mean", "wait_mean_s", ALWAYS, NULL},
    {NULL, "median", "wait_p50_s", ALWAYS, NULL},
    {NULL, "90th percentile", "wait_p90_s", ALWAYS, NULL},
    {NULL, "99th percentile", "wait_p99_s", ALWAYS, NULL},
    {NULL, "Completion time, mean", "jct_mean_s", ALWAYS, NULL},
    {NULL, "median", "jct_p50_s", ALWAYS, NULL},
    {NULL, "90th percentile", "jct_p90_s", ALWAYS, NULL},
    {NULL, "99th percentile", "jct_p99_s", ALWAYS, NULL},
    {NULL, "Bounded slowdown, mean", "slowdown_mean", ALWAYS, NULL},
    {NULL, "90th percentile", "slowdown_p90", ALWAYS, NULL},
    {"Why jobs waited", "All waiting", "wait_all_h", OF_JOBS, NULL},
    {NULL, "behind the head of the line", "wait_head_of_line_h", SAID, "wait_all_h"},
    {NULL, "tenant at its quota", "wait_quota_h", SAID, "wait_all_h"},
    {NULL, "too few GPUs free", "wait_capacity_h", SAID, "wait_all_h"},
    {NULL, "free GPUs scattered", "wait_fragmentation_h", SAID, "wait_all_h"},
    {NULL, "free GPUs of another kind", "wait_mismatch_h", SAID, "wait_all_h"},
    {NULL, "held back by the policy", "wait_policy_h", SAID, "wait_all_h"},
    {NULL, "kept for a better hour", "wait_shift_h", SAID, "wait_all_h"},
    {NULL, "nodes on their way", "wait_boot_h", SAID, "wait_all_h"},
    {NULL, "region at its power limit", "wait_power_limit_h", SAID, "wait_all_h"},
    {NULL, "data on their way", "wait_transfer_h", SAID, "wait_all_h"},
    {"Services", "Requests", "requests", SAID, NULL},
    {NULL, "answered", "requests_finished", UNLIKE, "requests"},
    {NULL, "refused: longer than a KV cache", "requests_refused", SAID, "requests"},
    {NULL, "answered in another region", "requests_away", SAID, "requests"},
    {NULL, "Goodput: both service levels met", "goodput_share", ALWAYS, NULL},
    {NULL, "Time to first token, median", "ttft_p50_s", ALWAYS, NULL},
    {NULL, "90th percentile", "ttft_p90_s", ALWAYS, NULL},
    {NULL, "99th percentile", "ttft_p99_s", ALWAYS, NULL},
    {NULL, "Time per output token, median", "tpot_p50_ms", ALWAYS, NULL},
    {NULL, "90th percentile", "tpot_p90_ms", ALWAYS, NULL},
    {NULL, "99th percentile", "tpot_p99_ms", ALWAYS, NULL},
    {NULL, "To the last token, median", "e2e_p50_s", ALWAYS, NULL},
    {NULL, "99th percentile", "e2e_p99_s", ALWAYS, NULL},
    {NULL, "Output tokens", "tokens_per_s", ALWAYS, NULL},
    {NULL, "for each GPU held", "tokens_per_gpu_s", ALWAYS, NULL},
    {NULL, "Cost per million output tokens", "usd_per_mtok", SAID, NULL},
    {NULL, "Energy per output token", "j_per_token", SAID, NULL},
    {NULL, "CO2 per million output tokens", "g_per_mtok", SAID, NULL},
    {NULL, "Replicas, mean", "replicas_mean", ALWAYS, NULL},
    {NULL, "most at once", "replicas_most", ALWAYS, NULL},
    {NULL, "KV cache in use", "kv_used_share", SAID, NULL},
    {NULL, "Prompt tokens found in a prefix cache", "cached_share", SAID, NULL},
    {NULL, "Requests computed again", "requests_recomputed", SAID, NULL},
    {"Pipelines", "Items through", "items", SAID, NULL},
    {NULL, "left at the end", "items_left", SAID, "items"},
    {NULL, "Rate while under way", "items_per_s", ALWAYS, NULL},
    {NULL, "Under way", "pipeline_active_h", ALWAYS, NULL},
    {NULL, "Workers, mean", "workers_mean", ALWAYS, NULL},
    {NULL, "started", "worker_starts", ALWAYS, NULL},
    {NULL, "Their GPUs at work", "pipeline_busy_share", SAID, NULL},
    {NULL, "stalled: ready, and waiting", "pipeline_stalled_share", SAID, NULL},
    {NULL, "Cost per million items", "usd_per_mitem", SAID, NULL},
    {NULL, "Energy per million items", "kwh_per_mitem", SAID, NULL},
    {NULL, "CO2 per million items", "g_per_mitem", SAID, NULL},
    {"Use of hardware", "Capacity", "capacity_gpu_h", ALWAYS, NULL},
    {NULL, "Utilisation: held", "utilisation", ALWAYS, NULL},
    {NULL, "used", "used_utilisation", ALWAYS, NULL},
    {NULL, "useful", "useful_utilisation", ALWAYS, NULL},
    {NULL, "held, of what was up", "up_utilisation", UNLIKE, "utilisation"},
    {NULL, "Start and restart overhead", "overhead_gpu_h", SAID, NULL},
    {NULL, "GPUs at work waiting for data", "stalled_gpu_h", SAID, "held_gpu_h"},
    {NULL, "GPUs shared: lost to the others", "interference_gpu_h", SAID, "held_gpu_h"},
    {NULL, "GPUs held beyond the part asked for", "rounded_gpu_h", SAID, "held_gpu_h"},
    {NULL, "Fragmentation of free GPUs", "fragmentation", ALWAYS, NULL},
    {"Energy and carbon", "Energy", "energy_kwh", ALWAYS, NULL},
    {NULL, "drawn by idle hardware", "idle_energy_kwh", FEW_USES, "energy_kwh"},
    {NULL, "Mean power", "mean_kw", SAID, NULL},
    {NULL, "Peak power", "peak_kw", SAID, NULL},
    {NULL, "PUE", "pue", ALWAYS, NULL},
    {NULL, "From the grid", "grid_kwh", UNLIKE, "energy_kwh"},
    {NULL, "Sun used", "solar_used_kwh", SAID, "solar_kwh"},
    {NULL, "Fed into the grid", "export_kwh", SAID, NULL},
    {NULL, "Lost in the battery", "battery_loss_kwh", SAID, NULL},
    {NULL, "Water", "water_l", SAID, NULL},
    {NULL, "Emissions, CO2", "co2_kg", SAID, NULL},
    {NULL, "changed by sun and battery", "site_co2_kg", SAID, NULL},
    {NULL, "and of making the hardware", "embodied_kg", SAID, NULL},
    {NULL, "all together", "total_co2_kg", UNLIKE, "co2_kg"},
    {NULL, "by supply contract, not by grid", "market_co2_kg", UNLIKE, "co2_kg"},
    {NULL, "Carbon intensity paid", "carbon_paid_g_per_kwh", SAID, NULL},
    {NULL, "on average over time", "carbon_mean_g_per_kwh", UNLIKE, "carbon_paid_g_per_kwh"},
    {"Energy by use", "Jobs", "job_energy_kwh", MANY_USES, "energy_kwh"},
    {NULL, "for work that was lost", "lost_energy_kwh", MANY_USES, "energy_kwh"},
    {NULL, "Idle", "idle_energy_kwh", MANY_USES, "energy_kwh"},
    {NULL, "Asleep", "sleep_energy_kwh", MANY_USES, "energy_kwh"},
    {NULL, "Booting", "boot_energy_kwh", MANY_USES, "energy_kwh"},
    {NULL, "Cooling, part of each", "cooling_energy_kwh", MANY_USES, "energy_kwh"},
    {"Money", "Total cost", "total_usd", SAID, NULL},
    {NULL, "Capacity cost", "capacity_usd", SAID, "total_usd"},
    {NULL, "of idle hardware", "idle_capacity_usd", SAID, "capacity_usd"},
    {NULL, "Energy cost", "energy_usd", SAID, "total_usd"},
    {NULL, "of idle hardware", "idle_energy_usd", SAID, "energy_usd"},
    {NULL, "Carbon price", "carbon_usd", SAID, "total_usd"},
    {NULL, "Demand charge", "demand_usd", SAID, "total_usd"},
    {NULL, "Moving data", "egress_usd", SAID, "total_usd"},
    {NULL, "Changed by sun and battery", "site_usd", SAID, "total_usd"},
    {NULL, "Energy price paid", "price_paid_usd_per_kwh", SAID, NULL},
    {NULL, "on average over time", "price_mean_usd_per_kwh", UNLIKE, "price_paid_usd_per_kwh"},
    {"Faults", "Failures of running jobs", "failures", SAID, NULL},
    {NULL, "Spot capacity taken back", "evictions", SAID, NULL},
    {NULL, "Work lost", "lost_gpu_h", SAID, "used_gpu_h"},
    {NULL, "and paid for", "lost_usd", SAID, "total_usd"},
    {NULL, "Writing and reading checkpoints", "checkpoint_gpu_h", SAID, "held_gpu_h"},
    {"Efficiency", "Cost per unit of work", "usd_per_work", SAID, NULL},
    {NULL, "Work per dollar", "work_per_usd", ALWAYS, NULL},
    {NULL, "Energy per unit of work", "kwh_per_work", SAID, NULL},
    {NULL, "Work per kWh", "work_per_kwh", ALWAYS, NULL},
    {NULL, "CO2 per unit of work", "g_per_work", SAID, NULL},
    {NULL, "Work per kg of CO2", "work_per_kg", ALWAYS, NULL},
    {NULL, "Work per GPU-hour held", "work_per_gpu_h", ALWAYS, NULL},
    {NULL, "Cost per useful GPU-hour", "usd_per_gpu_h", SAID, NULL},
    {NULL, "Cost per job", "usd_per_job", SAID, NULL},
    {NULL, "Completion time per dollar", "jct_per_usd", SAID, NULL},
    {NULL, "Cost-delay product", "jct_usd", SAID, NULL},
};

/* Against the baseline: points of a share, else per cent; "" where that means nothing. */
static const char *change(const struct metric *metric, double value, double base, char buffer[48]) {
    if (isnan(value) || isnan(base)) return "";
    const bool share = strcmp(metric->unit, "share") == 0;
    const double by = share ? 100 * (value - base) : value == base ? 0 : 100 * (value - base) / fabs(base);
    if (!isfinite(by)) return "";
    if (fabs(by) < 0.05) return "=";
    if (fabs(by) >= 1000) snprintf(buffer, 48, "x %.3g", value / base);
    else snprintf(buffer, 48, "%+.1f %s", by, share ? "pt" : "%");
    return buffer;
}

static enum table_verdict verdict(const struct metric *metric, double value, double base) {
    if (metric->neutral || isnan(value) || isnan(base) || fabs(value - base) <= 5e-4 * fabs(base))
        return TABLE_SAME;
    return (value < base) == metric->less_is_better ? TABLE_BETTER : TABLE_WORSE;
}

/* Whether energy went into more than jobs and idle hardware, in some run. */
static bool many_uses(const struct summary *const *runs, size_t count) {
    static const char *const uses[] = {"sleep_energy_kwh", "boot_energy_kwh", "lost_energy_kwh"};
    for (size_t i = 0; i < count; i++)
        for (size_t u = 0; u < sizeof uses / sizeof *uses; u++)
            if (summary_value(runs[i], uses[u]) > 0) return true;
    return false;
}

static bool differ(double a, double b) { return fabs(a - b) > 1e-9 * fabs(b); }

/* Any, or they were all that could come. */
static bool jobs_came(const struct summary *const *runs, size_t count) {
    bool others = false;
    for (size_t i = 0; i < count; i++) {
        if (summary_value(runs[i], "jobs_submitted") > 0) return true;
        others |= summary_value(runs[i], "requests") > 0 || summary_value(runs[i], "items") > 0;
    }
    return !others;
}

/* false: the row is not shown, because no run has anything to say. */
static bool row_values(const struct row *row, const struct summary *const *runs, size_t count,
                       double *values) {
    const size_t m = metric_index(row->metric);
    const enum when when = row->when;
    bool said = false;
    for (size_t i = 0; i < count; i++) {
        values[i] = runs[i]->parts[0].value[m];
        if (isnan(values[i]) || (when != ALWAYS && when != OF_JOBS && values[i] == 0)) continue;
        said |= when != UNLIKE || differ(values[i], summary_value(runs[i], row->other));
    }
    if (when == OF_JOBS) said &= jobs_came(runs, count);
    if (when == MANY_USES || when == FEW_USES) said &= many_uses(runs, count) == (when == MANY_USES);
    return said;
}

/* --- what was saved against the baseline, and what it cost in time --- */

enum { SAVINGS = 3 };
static const struct saving {
    const char *label, *word, *metric; /* less of it is better */
    struct metric saved, per_h;        /* rows of the page alone: the database has the view v_saving */
} savings[SAVINGS] = {
    {"Cost", "cost", "total_usd", {.name = "saved_usd", .unit = "USD"},
     {.name = "saved_usd_per_job_h", .unit = "USD/job-h"}},
    {"Energy", "energy", "energy_kwh", {.name = "saved_kwh", .unit = "kWh"},
     {.name = "saved_kwh_per_job_h", .unit = "kWh/job-h"}},
    {"Emissions, CO2", "CO2", "total_co2_kg", {.name = "saved_kg", .unit = "kg"},
     {.name = "saved_kg_per_job_h", .unit = "kg/job-h"}},
};
static const struct metric time_added = {.name = "time_added_s", .unit = "s", .less_is_better = true};

/* A row of values that are differences already; NAN leaves a cell empty. */
static void visit_saved(struct table_line *line, const struct metric *metric, const char *label, bool sub,
                        const double *values, table_visit *visit, void *context) {
    const struct table_scale scale = table_scale(metric, values, line->count);
    char text[48];
    line->metric = metric;
    line->label = label;
    line->unit = scale.unit;
    line->sub = sub;
    *line->share = '\0';
    for (size_t i = 0; i < line->count; i++) {
        const bool nothing = i == 0 || isnan(values[i]);
        text_copy(line->cells[i].value, 48, nothing ? "" : table_scaled(values[i], scale, text));
        line->cells[i].verdict = nothing || values[i] == 0 ? TABLE_SAME
                                 : (values[i] < 0) == metric->less_is_better ? TABLE_BETTER : TABLE_WORSE;
    }
    visit(context, line);
    line->section = NULL;
}

/* What each run has less than the baseline; false where none saves so much as it is rounded to. */
static bool saved_values(const struct saving *saving, const struct summary *const *runs, size_t count,
                         double *values) {
    const double base = summary_value(runs[0], saving->metric);
    bool said = false;
    for (size_t i = 0; i < count; i++) {
        values[i] = base - summary_value(runs[i], saving->metric);
        said |= values[i] >= 5e-4 * fabs(base) && values[i] > 0;
    }
    return said;
}

/* Hours by which a run's finished jobs completed later than the baseline's, together; NAN where they did not. Also a
 * job that is suspended, or slowed by a power cap, makes its user wait. */
static double hours_added(const struct summary *run, const struct summary *base) {
    const double hours = (summary_value(run, "jct_mean_s") - summary_value(base, "jct_mean_s")) / 3600;
    return hours > 0 ? hours * summary_value(run, "jobs_finished") : NAN;
}

/* The time added, and for each saving that is shown what an hour of it bought, where it bought anything. */
static void added_lines(const struct summary *const *runs, size_t count, const bool *shown,
                         struct table_line *line, table_visit *visit, void *context) {
    double *values = mem_alloc(count * sizeof *values);
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        values[i] = summary_value(runs[i], "jct_mean_s") - summary_value(runs[0], "jct_mean_s");
        *line->cells[i].change = '\0';
    }
    bool added = false;
    for (size_t i = 0; i < count; i++) added |= values[i] > 0;
    if (added) visit_saved(line, &time_added, "Completion time added", false, values, visit, context);
    for (size_t k = 0; k < SAVINGS; k++) {
        const double base = summary_value(runs[0], savings[k].metric);
        bool paid = false;
        for (size_t i = 0; i < count; i++) {
            const double saved = base - summary_value(runs[i], savings[k].metric);
            values[i] = saved > 0 ? saved / hours_added(runs[i], runs[0]) : NAN;
            paid |= !isnan(values[i]);
        }
        if (!shown[k] || !paid) continue;
        char label[48];
        snprintf(label, sizeof label, first ? "Per hour of it: %s" : "%s", savings[k].word);
        visit_saved(line, &savings[k].per_h, label, !first, values, visit, context);
        first = false;
    }
    free(values);
}

static void saved_lines(const struct summary *const *runs, size_t count, struct table_line *line,
                        table_visit *visit, void *context) {
    double *values = mem_alloc(count * sizeof *values);
    bool shown[SAVINGS], any = false;
    char section[64];
    snprintf(section, sizeof section, "Saved against %s", summary_title(runs[0]));
    line->section = section;
    for (size_t k = 0; k < SAVINGS; k++) {
        const double base = fabs(summary_value(runs[0], savings[k].metric));
        shown[k] = saved_values(&savings[k], runs, count, values);
        if (!shown[k]) continue;
        for (size_t i = 0; i < count; i++) {
            *line->cells[i].change = '\0';
            if (i && base > 0) snprintf(line->cells[i].change, 48, "%+.1f %%", 100 * values[i] / base);
        }
        visit_saved(line, &savings[k].saved, savings[k].label, false, values, visit, context);
        any = true;
    }
    if (any) added_lines(runs, count, shown, line, visit, context);
    free(values);
}

void table_lines(const struct summary *const *runs, size_t count, table_visit *visit, void *context) {
    double *values = mem_alloc(count * sizeof *values);
    struct table_line line = {.count = count};
    const char *section = NULL; /* opened by the first of its rows that is shown */
    line.cells = mem_zero(count, sizeof *line.cells);
    for (size_t r = 0; r < sizeof page / sizeof *page; r++) {
        const struct row *row = &page[r];
        const struct metric *metric = &result_metrics[metric_index(row->metric)];
        char buffer[48];
        if (row->section) section = row->section;
        if (!row_values(row, runs, count, values)) continue;
        const struct table_scale scale = table_scale(metric, values, count);
        line.metric = metric;
        line.section = section, section = NULL;
        line.label = row->label;
        line.sub = *row->label < 'A' || *row->label > 'Z';
        line.unit = same_text(row->metric, "work") ? runs[0]->work_unit : table_unit(scale.unit, buffer);
        for (size_t i = 0; i < count; i++) {
            char text[48];
            text_copy(line.cells[i].value, 48, table_scaled(values[i], scale, text));
            text_copy(line.cells[i].change, 48, i ? change(metric, values[i], values[0], text) : "");
            line.cells[i].verdict = verdict(metric, values[i], values[0]);
        }
        *line.share = '\0';
        if (row->other && row->when != UNLIKE && values[0] > 0)
            snprintf(line.share, sizeof line.share, "%.1f %%",
                     100 * values[0] / summary_value(runs[0], row->other));
        visit(context, &line);
    }
    const bool against = count > 1 && *runs[0]->info.run_name &&
                         same_text(runs[0]->info.run_name, runs[1]->info.baseline);
    if (against) saved_lines(runs, count, &line, visit, context);
    free(line.cells);
    free(values);
}

struct block {
    struct table *table;
    bool begun; /* a section stands there */
};
static void add_line_to(void *context, const struct table_line *line) {
    struct block *block = context;
    struct table *table = block->table;
    if (line->section) {
        if (block->begun) table_cell(table, "%s", ""), table_end_row(table);
        block->begun = true;
        table_cell(table, "%s", line->section);
        table_end_row(table);
    }
    table_cell(table, "  %s%s", line->sub ? "  " : "", line->label);
    table_cell(table, "%s", line->unit);
    for (size_t i = 0; i < line->count; i++) {
        table_cell(table, "%s", line->cells[i].value);
        if (i) table_cell(table, "%s", line->cells[i].change);
    }
    if (line->count == 1) table_cell(table, "%s", line->share);
    table_end_row(table);
}

static void print_block(FILE *to, const struct summary *const *runs, size_t count) {
    char align[5 + 2 * OTHERS_A_BLOCK] = "llrr";
    for (size_t i = 1; i < count; i++) memcpy(align + 1 + 2 * i, "rr", 3);
    struct table *table = table_open(align);
    if (count > 1) table_cell(table, "%s", ""), table_cell(table, "%s", "");
    for (size_t i = 0; i < count && count > 1; i++) {
        char name[NAME_COLUMNS + 1];
        if (!text_copy(name, sizeof name, summary_title(runs[i]))) {
            size_t end = NAME_COLUMNS - 3;
            while (end && ((unsigned char)name[end] & 0xc0) == 0x80) end--; /* never half a character */
            memcpy(name + end, "...", 4);
        }
        table_cell(table, "%s", name);
        if (i) table_cell(table, "%s", "change");
    }
    struct block block = {.table = table};
    table_lines(runs, count, add_line_to, &block);
    table_print(table, to, count > 1 ? 1 : 0, 0);
    table_close(table);
}

char *table_demand(const struct summary *summary) {
    const char *trace = summary->info.trace;
    const double requests = summary_value(summary, "requests");
    const double items = summary_value(summary, "items_offered");
    const bool some = requests > 0 || items > 0, none = same_text(trace, SUMMARY_NO_JOBS);
    struct text text;
    char number[48];
    text_init(&text);
    if (!none || !some) {
        text_put(&text, table_number((double)summary->jobs, 0, number));
        if (same_text(trace, "synthetic")) text_put(&text, " synthetic jobs");
        else if (none) text_put(&text, " jobs");
        else text_format(&text, " jobs of %s", trace);
    }
    if (requests > 0) text_format(&text, "%s%s requests", text.len ? " and " : "", table_number(requests, 0, number));
    if (items > 0) text_format(&text, "%s%s items", text.len ? " and " : "", table_number(items, 0, number));
    return text_take(&text);
}

static void print_heading(FILE *to, const struct summary *const *runs, size_t count) {
    const struct summary *first = runs[0];
    char span[32], *heading = summary_heading(runs, count), *demand = table_demand(first);
    fprintf(to, "%s\n%s, seed %" PRIu64 ", %s measured\n", heading, demand, first->info.seed,
            tick_human(tick_from_seconds(first->measured_s), span));
    free(heading);
    free(demand);
    for (size_t i = 0; i < count; i++) {
        char *policy = summary_policy(runs[i], i > 0);
        fprintf(to, "%s: %s\n", count > 1 ? summary_title(runs[i]) : "policy", policy);
        free(policy);
    }
    fprintf(to, "unit of work: %s\n\n", first->work_unit);
}

static void print_foot(FILE *to, const struct summary *const *runs, size_t count) {
    size_t notes_len;
    const char **notes = summary_notes(runs, count, &notes_len);
    double worst = 0;
    for (size_t i = 0; i < notes_len; i++) {
        char *whose = summary_whose(runs, count, notes[i]);
        fprintf(to, "note: %s%s\n", whose, notes[i]);
        free(whose);
    }
    for (size_t i = 0; i < count; i++) {
        const double gap = summary_value(runs[i], "ledger_error");
        if (gap > worst) worst = gap;
    }
    fprintf(to, "The ledger closes to %.1g of what was metered.\n", worst);
    free(notes);
}

void table_summary(FILE *to, const struct summary *runs, size_t count) {
    const struct summary **order = summary_in_order(runs, count);
    print_heading(to, order, count);
    for (size_t from = 1; from < count || from == 1; from += OTHERS_A_BLOCK) {
        const struct summary *block[1 + OTHERS_A_BLOCK] = {order[0]};
        size_t n = 1;
        while (n <= OTHERS_A_BLOCK && from + n - 1 < count) block[n] = order[from + n - 1], n++;
        print_block(to, block, n);
        fputc('\n', to);
    }
    static const enum part shown[] = {PART_REGION, PART_TENANT, PART_SERVICE, PART_REQUEST_CLASS, PART_REQUEST_REGION,
                                      PART_PIPELINE};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const enum part part = shown[i];
        size_t parts;
        summary_parts(order[0], part, &parts);
        if (parts > 1) table_parts(to, runs, count, part, TABLE_TEXT), fputc('\n', to);
    }
    print_foot(to, order, count);
    free(order);
}
