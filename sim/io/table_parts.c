/*
 * Lists of the parts of runs, and of the runs of a database, a line each (see table.h). Figures that no line says
 * anything of have no column.
 */
#include "io/table.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_SHOWN = 12, BATCH_SHOWN = 24 };

static bool same_text(const char *a, const char *b) { return strcmp(a, b) == 0; }

/* --- parts --- */

/* How the parts that are not shown become one line. */
enum fold { FOLD_SUM, FOLD_JOBS /* mean, weighted by finished jobs */, FOLD_NOT };
static const struct part_column {
    const char *title, *metric;
    enum fold fold;
} part_columns[] = {
    {"jobs", "jobs_finished", FOLD_SUM},      {"wait", "wait_mean_s", FOLD_JOBS},
    {"slowdown", "slowdown_mean", FOLD_JOBS}, {"requests", "requests", FOLD_SUM},
    {"away", "requests_away", FOLD_SUM},      {"goodput", "goodput_share", FOLD_NOT},
    {"TTFT 90 %", "ttft_p90_s", FOLD_NOT},
    {"TPOT 90 %", "tpot_p90_ms", FOLD_NOT},   {"tokens", "tokens_per_s", FOLD_SUM},
    {"per GPU", "tokens_per_gpu_s", FOLD_NOT}, {"replicas", "replicas_mean", FOLD_SUM},
    {"items", "items", FOLD_SUM},             {"rate", "items_per_s", FOLD_NOT},
    {"workers", "workers_mean", FOLD_SUM},    {"at work", "pipeline_busy_share", FOLD_NOT},
    {"held", "held_gpu_h", FOLD_SUM},
    {"of all", "held_share", FOLD_SUM},       {"utilised", "utilisation", FOLD_NOT},
    {"energy", "energy_kwh", FOLD_SUM},       {"CO2", "co2_kg", FOLD_SUM},
    {"cost", "total_usd", FOLD_SUM},          {"per unit", "usd_per_work", FOLD_NOT},
    {"per token", "usd_per_mtok", FOLD_NOT},  {"per Mitem", "usd_per_mitem", FOLD_NOT},
};
enum { PART_COLUMNS = sizeof part_columns / sizeof *part_columns };

/* The lines to be: a matrix of part_columns by line. */
struct part_lines {
    struct part_line {
        char part[64];
        const char *run;
        double value[PART_COLUMNS];
    } * at;
    size_t len, cap;
};

static int by_held(const void *a, const void *b) {
    const struct summary_part *const x = a, *const y = b;
    const double x_h = part_value(x, "held_gpu_h"), y_h = part_value(y, "held_gpu_h");
    return x_h < y_h ? 1 : x_h > y_h ? -1 : strcmp(x->name, y->name);
}

static void add_line(struct part_lines *lines, const char *run, const struct summary_part *part) {
    struct part_line *line = vec_push(lines);
    text_copy(line->part, sizeof line->part, part->name);
    line->run = run;
    for (size_t c = 0; c < PART_COLUMNS; c++) line->value[c] = part_value(part, part_columns[c].metric);
}

/* One line for the parts of a run that are not among the shown ones. */
static void add_folded(struct part_lines *lines, const struct summary *run, const struct summary_part *shown,
                       enum part part) {
    size_t count, folded = 0;
    const struct summary_part *parts = summary_parts(run, part, &count);
    struct part_line line = {.run = summary_title(run)};
    double jobs = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_shown = false;
        for (size_t k = 0; k < PARTS_SHOWN; k++) is_shown |= same_text(shown[k].name, parts[i].name);
        if (is_shown) continue;
        const double finished = part_value(&parts[i], "jobs_finished");
        folded++;
        jobs += isnan(finished) ? 0 : finished;
        for (size_t c = 0; c < PART_COLUMNS; c++) {
            const double value = part_value(&parts[i], part_columns[c].metric);
            if (!isnan(value)) line.value[c] += part_columns[c].fold == FOLD_JOBS ? value * finished : value;
        }
    }
    for (size_t c = 0; c < PART_COLUMNS; c++) {
        if (part_columns[c].fold == FOLD_NOT) line.value[c] = NAN;
        if (part_columns[c].fold == FOLD_JOBS) line.value[c] = jobs > 0 ? line.value[c] / jobs : NAN;
    }
    snprintf(line.part, sizeof line.part, "%zu others", folded);
    *vec_push(lines) = line;
}

static struct part_lines lines_of(const struct summary **runs, size_t count, enum part part) {
    struct part_lines lines = {0};
    size_t parts_len;
    const struct summary_part *parts = summary_parts(runs[0], part, &parts_len);
    struct summary_part *sorted = mem_copy(parts, parts_len * sizeof *parts);
    if (parts_len) qsort(sorted, parts_len, sizeof *sorted, by_held);
    const size_t shown = parts_len > PARTS_SHOWN + 1 ? PARTS_SHOWN : parts_len;
    for (size_t i = 0; i < shown; i++) {
        for (size_t r = 0; r < count; r++) {
            const struct summary_part *of_run = summary_part(runs[r], part, sorted[i].name);
            if (of_run) add_line(&lines, summary_title(runs[r]), of_run);
        }
    }
    for (size_t r = 0; r < count && shown < parts_len; r++) add_folded(&lines, runs[r], sorted, part);
    free(sorted);
    return lines;
}

/* Column c of the lines: title and unit above, all in one unit. Returns false where it says nothing. */
static bool column_scale(const struct part_lines *lines, size_t c, struct table_scale *scale) {
    double *values = mem_alloc((lines->len + 1) * sizeof *values);
    bool said = false;
    for (size_t i = 0; i < lines->len; i++) {
        values[i] = lines->at[i].value[c];
        said |= !isnan(values[i]) && values[i] != 0;
    }
    *scale = table_scale(&result_metrics[metric_index(part_columns[c].metric)], values, lines->len);
    free(values);
    return said;
}

static void add_part_headings(struct table *table, const struct table_scale *scales, const bool *said,
                              enum part part, bool several) {
    char unit[48];
    table_cell(table, "%s", part_names[part]);
    if (several) table_cell(table, "run");
    for (size_t c = 0; c < PART_COLUMNS; c++)
        if (said[c]) table_cell(table, "%s", part_columns[c].title);
    table_end_row(table);
    table_cell(table, "%s", "");
    if (several) table_cell(table, "%s", "");
    for (size_t c = 0; c < PART_COLUMNS; c++)
        if (said[c]) table_cell(table, "%s", table_unit(scales[c].unit, unit));
    table_end_row(table);
}

static void print_lines(FILE *to, const struct part_lines *lines, enum part part, bool several,
                        enum table_form form) {
    struct table_scale scales[PART_COLUMNS];
    bool said[PART_COLUMNS];
    char align[2 + PART_COLUMNS + 1] = "l", number[48];
    size_t columns = 1;
    if (several) align[columns++] = 'l';
    for (size_t c = 0; c < PART_COLUMNS; c++)
        if ((said[c] = column_scale(lines, c, &scales[c]))) align[columns++] = 'r';
    align[columns] = '\0';
    struct table *table = table_open(align);
    add_part_headings(table, scales, said, part, several);
    for (size_t i = 0; i < lines->len; i++) {
        const struct part_line *line = &lines->at[i];
        /* A name stands once above its runs; lines that may be sorted keep theirs. */
        const bool again = form == TABLE_TEXT && i && same_text(line->part, line[-1].part);
        table_cell(table, "%s", again ? "" : line->part);
        if (several) table_cell(table, "%s", line->run);
        for (size_t c = 0; c < PART_COLUMNS; c++)
            if (said[c]) table_cell(table, "%s", table_scaled(line->value[c], scales[c], number));
    }
    if (form == TABLE_TEXT) table_print(table, to, 2, 0);
    else table_print_html(table, to, 2);
    table_close(table);
}

void table_parts(FILE *to, const struct summary *runs, size_t count, enum part part, enum table_form form) {
    const struct summary **order = summary_in_order(runs, count);
    struct part_lines lines = lines_of(order, count, part);
    if (lines.len) print_lines(to, &lines, part, count > 1, form);
    else fprintf(to, "The run has no figures by %s.\n", part_names[part]);
    free(lines.at);
    free(order);
}

/* --- lists of runs --- */

/* A row a run. */
static void add_run(struct table *table, const struct summary *run) {
    char a[48], b[48], c[48], d[48];
    table_cell(table, "%" PRId64, run->run);
    table_cell(table, "%s", run->info.scenario_name);
    table_cell(table, "%s", run->info.run_name);
    table_cell(table, "%s", run->started_utc);
    table_cell(table, "%s", run->complete ? "complete" : "running");
    const double wait_s = summary_value(run, "wait_mean_s");
    table_cell(table, "%s", run->complete ? table_number((double)run->jobs, 0, a) : "-");
    table_cell(table, "%s", isnan(wait_s) ? "-" : tick_human(tick_from_seconds(wait_s), b));
    table_cell(table, "%s%s", table_number(100 * summary_value(run, "utilisation"), 1, c), run->complete ? " %" : "");
    table_cell(table, "%s", table_number(summary_value(run, "total_usd"), 0, d));
}

/* A row for the many runs of one command: a sweep, the probes of a search. */
static void add_batch(struct table *table, const struct summary *runs, size_t count) {
    char number[48];
    size_t complete = 0;
    for (size_t i = 0; i < count; i++) complete += runs[i].complete;
    table_cell(table, "%" PRId64 "-%" PRId64, runs[0].run, runs[count - 1].run);
    table_cell(table, "%s", runs[0].info.scenario_name);
    table_cell(table, "%s runs", table_number((double)count, 0, number));
    table_cell(table, "%s", runs[0].started_utc);
    if (complete == count) table_cell(table, "complete");
    else table_cell(table, "%s complete", table_number((double)complete, 0, number));
    table_end_row(table);
}

void table_runs(FILE *to, const struct summary *runs, size_t count) {
    struct table *table = table_open("rllllrrrr");
    static const char *const titles[] = {"run",  "scenario",  "name",     "begun (UTC)", "status",
                                         "jobs", "mean wait", "utilised", "USD"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_cell(table, "%s", titles[i]);
    for (size_t i = 0, len; i < count; i += len) {
        for (len = 1; i + len < count && runs[i + len].batch == runs[i].batch;) len++;
        if (len > BATCH_SHOWN) add_batch(table, &runs[i], len);
        else for (size_t k = i; k < i + len; k++) add_run(table, &runs[k]);
    }
    table_print(table, to, 1, 0);
    table_close(table);
}
