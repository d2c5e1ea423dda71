/*
 * A comparison for machines (see compare.h): JSON, and CSV with a row a metric and group. Numbers are exact;
 * what is unknown is null, and empty in the CSV.
 */
#include "io/compare.h"

#include "base/num.h"
#include "io/table.h"

#include <inttypes.h>
#include <math.h>

static const char *better_of(const struct metric *m) {
    return m->neutral ? "neutral" : m->less_is_better ? "less" : "more";
}

/* The numbers of a cell, in the order of the CSV's columns. */
enum { CELL_NUMBERS = 14 };
static const char *const cell_names[CELL_NUMBERS] = {
    "mean",           "sd",
    "low",            "high",
    "boot_low",       "boot_high",
    "difference",     "relative",
    "difference_low", "difference_high",
    "difference_boot_low", "difference_boot_high",
    "p",              "p_wilcoxon",
};
static void cell_numbers(const struct compare_cell *cell, double numbers[CELL_NUMBERS]) {
    const double all[CELL_NUMBERS] = {
        cell->own.mean,     cell->own.sd,
        cell->own.t.low,    cell->own.t.high,
        cell->own.boot.low, cell->own.boot.high,
        cell->difference,   cell->relative,
        cell->t.low,        cell->t.high,
        cell->boot.low,     cell->boot.high,
        cell->p,            cell->p_wilcoxon,
    };
    for (size_t i = 0; i < CELL_NUMBERS; i++) numbers[i] = all[i];
}

/* --- JSON --- */

static void put_key(FILE *to, const char *before, const char *key) {
    fputs(before, to);
    table_json_text(to, key);
    fputs(": ", to);
}

static void put_group(const struct compare *c, size_t m, size_t g, FILE *to) {
    const struct compare_cell *cell = compare_cell(c, m, g);
    double numbers[CELL_NUMBERS];
    cell_numbers(cell, numbers);
    put_key(to, "\n        {", "group");
    table_json_text(to, c->groups[g].label);
    fprintf(to, ", \"replications\": %zu, \"pairs\": %zu", cell->own.count, cell->pairs);
    for (size_t i = 0; i < CELL_NUMBERS; i++) {
        put_key(to, i == 6 ? ",\n         " : ", ", cell_names[i]);
        table_json_number(to, numbers[i]);
    }
    put_key(to, ", ", "p_holm");
    table_json_number(to, cell->p_holm);
    fprintf(to, ", \"verdict\": \"%s\",\n         \"values\": [", compare_verdicts[cell->verdict]);
    for (size_t s = 0; s < c->seeds_len; s++) {
        if (s) fputs(", ", to);
        table_json_number(to, cell->values[s]);
    }
    fputs("]}", to);
}

static void put_metric(const struct compare *c, size_t m, FILE *to) {
    const struct compare_metric *metric = &c->metrics[m];
    fprintf(to, "%s\n    {\"metric\": \"%s\", \"unit\": \"%s\", \"better\": \"%s\",\n     ", m ? "," : "",
            metric->metric->name, metric->metric->unit, better_of(metric->metric));
    put_key(to, "", "lead");
    if (metric->lead < c->groups_len) table_json_text(to, c->groups[metric->lead].label);
    else fputs("null", to);
    put_key(to, ", ", "lead_p");
    table_json_number(to, metric->p);
    fprintf(to, ", \"won\": %s,\n     \"groups\": [", metric->won ? "true" : "false");
    for (size_t g = 0; g < c->groups_len; g++) {
        if (g) fputc(',', to);
        put_group(c, m, g, to);
    }
    fputs("\n     ]}", to);
}

static void put_front(const struct compare *c, FILE *to) {
    size_t found = 0;
    fputs("\n  ],\n  \"pareto\": {\"metrics\": [", to);
    for (size_t i = 0; i < c->pareto_len; i++)
        fprintf(to, "%s\"%s\"", i ? ", " : "", c->metrics[c->pareto[i]].metric->name);
    fputs("], \"front\": [", to);
    for (size_t g = 0; g < c->groups_len; g++) {
        if (!c->groups[g].efficient) continue;
        if (found++) fputs(", ", to);
        table_json_text(to, c->groups[g].label);
    }
    fputs("]},\n  \"notes\": [", to);
}

void compare_json(const struct compare *c, FILE *to) {
    put_key(to, "{\n  ", "scenario"), table_json_text(to, c->title);
    put_key(to, ",\n  ", "by"), table_json_text(to, c->by);
    put_key(to, ",\n  ", "baseline"), table_json_text(to, c->groups[0].label);
    put_key(to, ",\n  ", "confidence"), table_json_number(to, c->level);
    fprintf(to, ",\n  \"tests\": %zu,\n  \"settings\": %zu,\n  \"seeds\": [", c->tests, c->settings);
    for (size_t s = 0; s < c->seeds_len; s++) fprintf(to, "%s%" PRIu64, s ? ", " : "", c->seeds[s]);
    fputs("],\n  \"metrics\": [", to);
    for (size_t m = 0; m < c->metrics_len; m++) put_metric(c, m, to);
    put_front(c, to);
    for (size_t i = 0; i < c->notes_len; i++) {
        fputs(i ? ",\n    " : "\n    ", to);
        table_json_text(to, c->notes[i]);
    }
    fputs(c->notes_len ? "\n  ]\n}\n" : "]\n}\n", to);
}

/* --- CSV --- */

static void put_field(FILE *to, double value) {
    char number[32];
    fprintf(to, ",%s", isfinite(value) ? num_shortest(value, number) : "");
}

void compare_csv(const struct compare *c, FILE *to) {
    fputs("metric,unit,better,group,replications,pairs", to);
    for (size_t i = 0; i < CELL_NUMBERS; i++) fprintf(to, ",%s", cell_names[i]);
    fputs(",p_holm,verdict,lead,won,efficient\r\n", to);
    for (size_t m = 0; m < c->metrics_len; m++) {
        const struct compare_metric *metric = &c->metrics[m];
        for (size_t g = 0; g < c->groups_len; g++) {
            const struct compare_cell *cell = compare_cell(c, m, g);
            double numbers[CELL_NUMBERS];
            cell_numbers(cell, numbers);
            fprintf(to, "%s,%s,%s,", metric->metric->name, metric->metric->unit, better_of(metric->metric));
            table_csv_text(to, c->groups[g].label);
            fprintf(to, ",%zu,%zu", cell->own.count, cell->pairs);
            for (size_t i = 0; i < CELL_NUMBERS; i++) put_field(to, numbers[i]);
            put_field(to, cell->p_holm);
            fprintf(to, ",%s,%d,%d,%d\r\n", compare_verdicts[cell->verdict], metric->lead == g,
                    metric->lead == g && metric->won, c->groups[g].efficient);
        }
    }
}
