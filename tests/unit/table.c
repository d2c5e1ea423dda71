/* Text for people: columns stand straight, numbers read well and alike in a row, the page fits a terminal,
 * says what is better, and folds what is too long; JSON and CSV are sound. */
#include "io/table.h"

#include "base/mem.h"
#include "support/sample.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct metric *metric(const char *name) { return &result_metrics[metric_index(name)]; }

static char *printed;
static size_t printed_len;
static FILE *open_text(void) { return open_memstream(&printed, &printed_len); }
static const char *close_text(FILE *to) {
    fclose(to);
    return printed;
}
static void expect_in(const char *text, const char *wanted) {
    cr_expect(strstr(text, wanted), "no '%s' in\n%s", wanted, text);
}

static void open_runs(struct summary *runs, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct sample sample;
        sample_open(&sample, i);
        summary_of(&runs[i], &sample.info, &sample.setup, &sample.result, 0.05);
        sample_close(&sample);
    }
}
static void close_runs(struct summary *runs, unsigned count) {
    for (unsigned i = 0; i < count; i++) summary_free(&runs[i]);
}

Test(table, columns_stand_straight) {
    struct table *table = table_open("lrl");
    static const char *const cells[] = {"name", "GPUs", "note", "a", "1,024", "CO₂", "größer", "8", ""};
    for (size_t i = 0; i < 9; i++) table_cell(table, "%s", cells[i]);
    table_cell(table, "z");
    table_end_row(table);
    FILE *to = open_text();
    table_print(table, to, 1, 2);
    table_close(table);
    cr_expect_str_eq(close_text(to), "  name     GPUs  note\n"
                                     "  ───────────────────\n"
                                     "  a       1,024  CO₂\n"
                                     "  größer      8\n"
                                     "  z\n");
    free(printed);
}

Test(table, numbers_mark_thousands) {
    char buffer[48];
    const struct {
        double value;
        int decimals;
        const char *wanted;
    } cases[] = {{0, 0, "0"},
                 {999, 0, "999"},
                 {1000, 0, "1,000"},
                 {-1234567.5, 1, "-1,234,567.5"},
                 {-0.0001, 2, "0.00"},
                 {0.05, 3, "0.050"},
                 {999999.96, 1, "1,000,000.0"},
                 {NAN, 2, "-"},
                 {1e18, 0, "1e+18"},
                 {123456789012.0, 0, "123,456,789,012"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_str_eq(table_number(cases[i].value, cases[i].decimals, buffer), cases[i].wanted);
}

static void expect_scale(const char *name, double a, double b, const char *unit, const char *shown) {
    const double values[2] = {a, b};
    const struct table_scale scale = table_scale(metric(name), values, 2);
    char buffer[48];
    cr_expect_str_eq(scale.unit, unit, "%s of %g and %g: %s", name, a, b, scale.unit);
    cr_expect_str_eq(table_number(a * scale.factor, scale.decimals, buffer), shown, "%s of %g and %g: %s",
                     name, a, b, buffer);
}

Test(table, a_row_has_one_unit) {
    expect_scale("wait_mean_s", 90, 5000, "s", "90.0");
    expect_scale("wait_mean_s", 5000, 90000, "min", "83.3");
    expect_scale("wait_mean_s", 9000, NAN, "h", "2.500");
    expect_scale("wait_mean_s", 864000, 500000, "d", "10.00");
    expect_scale("wait_mean_s", 0, 0, "s", "0");
    expect_scale("jobs_finished", 12345, 3, "jobs", "12,345");
    expect_scale("utilisation", 0.5, 0.001, "%", "50.0");
    expect_scale("energy_kwh", 2.5e7, 3e7, "GWh", "25.00");
    expect_scale("energy_usd", 505180, 123, "USD", "505,180");
    expect_scale("usd_per_work", 0.00012345, 0.00012, "USD/work", "0.0001234");
    expect_scale("price_paid_usd_per_kwh", -0.01, 0.2, "USD/kWh", "-0.0100");
}

Test(table, one_run_fills_a_page) {
    struct summary run;
    open_runs(&run, 1);
    FILE *to = open_text();
    table_summary(to, &run, 1);
    const char *page = close_text(to);
    expect_in(page, "sample month: fifo\n4,000 synthetic jobs, seed 1, 30 d 00 h measured\n");
    expect_in(page, "policy: order fifo, backfill none, place consolidate, route home\n");
    expect_in(page, "  Wait, mean                     h               2.611\n");
    expect_in(page, "    too few GPUs free            h               5,200  48.7 %\n");
    expect_in(page, "  Utilisation: held              %                76.0\n");
    expect_in(page, "  Work completed                 useful GPU-h  153,216\n");
    expect_in(page, "note: pool 'a100': its power is an estimate of the catalogue\n");
    cr_expect_null(strstr(page, "Preemptions"), "a row that says nothing is left out");
    cr_expect_null(strstr(page, " nan"));
    for (const char *line = page, *end; (end = strchr(line, '\n')); line = end + 1)
        cr_expect(end == line || end[-1] != ' ', "a line ends in a blank");
    free(printed);
    summary_free(&run);
}

Test(table, what_some_runs_warn_of_is_theirs) {
    struct summary runs[3];
    const struct summary *const of[] = {&runs[0], &runs[1], &runs[2]};
    open_runs(runs, 3); /* fifo, sjf, srtf */
    runs[0].warnings[0] = runs[2].warnings[0] = "a guess";
    char *some = summary_whose(of, 3, "a guess"), *all = summary_whose(of, 1, "a guess");
    char *none = summary_whose(of, 3, "another");
    cr_expect_str_eq(some, "fifo, srtf: ");
    cr_expect_str_eq(all, "");
    cr_expect_str_eq(none, "");
    FILE *to = open_text();
    table_summary(to, runs, 3);
    const char *page = close_text(to);
    expect_in(page, "note: fifo, srtf: a guess\n");
    expect_in(page, "note: sjf: pool 'a100': its power is an estimate of the catalogue\n");
    free(some), free(all), free(none);
    free(printed);
    close_runs(runs, 3);
}

/* A heading is cut between characters, never within one. */
Test(table, long_names_are_cut) {
    struct summary runs[2];
    open_runs(runs, 2);
    runs[0].info.run_name = "seventeen-letters-and-more";
    runs[1].info.run_name = "fourteen-bytesüber";
    FILE *to = open_text();
    table_summary(to, runs, 2);
    const char *page = close_text(to);
    expect_in(page, "  seventeen-lette...  fourteen-bytes...  ");
    free(printed);
    for (size_t i = 0; i < 2; i++) summary_free(&runs[i]);
}

/* Whichever way the runs stand, the baseline is compared with; four runs take two blocks. */
Test(table, runs_stand_side_by_side) {
    struct summary runs[4];
    open_runs(runs, 4);
    const struct summary first = runs[0];
    runs[0] = runs[2], runs[2] = first; /* srtf, sjf, fifo, las */
    FILE *to = open_text();
    table_summary(to, runs, 4);
    const char *page = close_text(to);
    expect_in(page, "fifo     srtf    change      sjf   change\n");
    expect_in(page, "fifo      las    change\n");
    expect_in(
        page,
        "  Wait, mean                     min             156.7     56.0   -64.3 %     82.5  -47.4 %\n");
    expect_in(
        page,
        "  Deadlines met                  %                75.0     87.0  +12.0 pt     84.0  +9.0 pt\n");
    expect_in(
        page,
        "  Capacity                       GPU-h         288,000  288,000         =  288,000        =\n");
    const char *note = strstr(page, "note: ");
    cr_assert(note);
    cr_expect_null(strstr(note + 1, "note: "), "what all runs warn of is said once");
    size_t widest = 0;
    for (const char *line = page, *end; (end = strchr(line, '\n')); line = end + 1) {
        size_t wide = 0;
        for (const char *c = line; c < end; c++) wide += ((unsigned char)*c & 0xc0) != 0x80;
        if (wide > widest) widest = wide;
    }
    cr_expect_leq(widest, 100);
    free(printed);
    close_runs(runs, 4);
}

/* Runs of blanks become one, in place: what a row says, however wide its neighbours are. */
static char *squeezed(char *text) {
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != ' ' || to == text || to[-1] != ' ') *to++ = *from;
    *to = '\0';
    return text;
}

/* The month with energy, markets and faults, and runs of it that wait for better hours. */
static void open_enriched(struct summary *runs, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct sample sample;
        sample_open(&sample, 0);
        sample_enrich(&sample, i);
        sample.info.run_name = i ? "later" : "fifo";
        summary_of(&runs[i], &sample.info, &sample.setup, &sample.result, 0.05);
        sample_close(&sample);
    }
}

/* Blocks and rows for what only some runs have. */
Test(table, the_page_shows_what_there_is) {
    static const char *const only_then[] = {
        "\nEnergy by use\n",         "\n    for work that was lost",      "\n  Asleep ",
        "\n  Booting ",              "\nFaults\n",                       "\n  Work lost ",
        "\n    kept for a better hour", "\n    held, of what was up",         "\n  From the grid ",
        "\n  Sun used ",             "\n    and of making the hardware ",      "\n  Demand charge ",
        "\n  Carbon price ",         "\n  Changed by sun and battery ",    "\n    on average over time "};
    struct summary plain, rich[2];
    open_runs(&plain, 1);
    open_enriched(rich, 2);
    for (int is_rich = 0; is_rich < 2; is_rich++) {
        FILE *to = open_text();
        table_summary(to, is_rich ? &rich[1] : &plain, 1);
        const char *page = close_text(to);
        for (size_t i = 0; i < sizeof only_then / sizeof *only_then; i++)
            cr_expect_eq(strstr(page, only_then[i]) != NULL, is_rich, "%s%s", only_then[i], page);
        cr_expect_eq(strstr(page, "drawn by idle hardware") != NULL, !is_rich, "said once");
        cr_expect_null(strstr(page, "Saved against"));
        if (is_rich) {
            squeezed(printed);
            expect_in(page, "\n Idle MWh 20.52 10.8 %\n");
            expect_in(page, "\n Asleep MWh 10.26 5.4 %\n");
        }
        free(printed);
    }
    summary_free(&plain);
    close_runs(rich, 2);
}

/* 100 jobs completed 0.1 h later each: ten hours for 50 of 1,000 dollars and 20 of 400 kg. */
Test(table, savings_and_their_price_in_time) {
    struct summary runs[2];
    open_enriched(runs, 2);
    static const struct {
        const char *metric;
        double base, other;
    } values[] = {{"total_usd", 1000, 950}, {"energy_kwh", 2000, 2000}, {"total_co2_kg", 400, 380},
                  {"jct_mean_s", 600, 960}, {"jobs_finished", 100, 100}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        runs[0].parts[0].value[metric_index(values[i].metric)] = values[i].base;
        runs[1].parts[0].value[metric_index(values[i].metric)] = values[i].other;
    }
    FILE *to = open_text();
    table_summary(to, runs, 2);
    close_text(to);
    const char *page = strstr(squeezed(printed), "Saved against fifo\n");
    cr_assert(page);
    expect_in(page, "\n Cost USD 50.00 +5.0 %\n");
    expect_in(page, "\n Emissions, CO2 kg 20.00 +5.0 %\n");
    expect_in(page, "\n Completion time added min 6.000\n");
    expect_in(page, "\n Per hour of it: cost USD/job-h 5.000\n");
    expect_in(page, "\n CO2 kg/job-h 2.000\n");
    cr_expect_null(strstr(page, "\n Energy "), "nothing was saved of it");
    free(printed);
    runs[1].info.baseline = "another"; /* not what it is to be compared with */
    to = open_text();
    table_summary(to, runs, 2);
    cr_expect_null(strstr(close_text(to), "Saved against"));
    free(printed);
    close_runs(runs, 2);
}

Test(table, runs_that_are_no_match_are_said_to_be) {
    struct summary runs[2];
    open_runs(runs, 2);
    runs[1].info.trace_hash++;
    runs[1].info.scenario_name = "another";
    FILE *to = open_text();
    table_summary(to, runs, 2);
    const char *page = close_text(to);
    cr_expect_eq(strncmp(page, "2 runs side by side\n", 20), 0);
    expect_in(page, "note: these runs did not have the same jobs");
    free(printed);
    close_runs(runs, 2);
}

static void expect_verdict(void *context, const struct table_line *line) {
    size_t *seen = context;
    const enum table_verdict verdict = line->cells[1].verdict;
    cr_expect_eq(line->cells[0].verdict, TABLE_SAME);
    const struct {
        const char *metric;
        enum table_verdict wanted;
    } cases[] = {{"wait_mean_s", TABLE_WORSE},
                 {"utilisation", TABLE_BETTER},
                 {"total_usd", TABLE_BETTER},
                 {"capacity_gpu_h", TABLE_SAME /* neutral */},
                 {"energy_kwh", TABLE_SAME}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (line->metric != metric(cases[i].metric)) continue;
        cr_expect_eq(verdict, cases[i].wanted, "%s", cases[i].metric);
        ++*seen;
    }
}

Test(table, verdicts_know_which_way_is_better) {
    struct summary runs[2];
    open_runs(runs, 2);
    runs[1].parts[0].value[metric_index("wait_mean_s")] = 1e9;
    runs[1].parts[0].value[metric_index("total_usd")] = 1;
    runs[1].parts[0].value[metric_index("capacity_gpu_h")] = 1;
    size_t seen = 0;
    table_lines((const struct summary *[]){&runs[0], &runs[1]}, 2, expect_verdict, &seen);
    cr_expect_eq(seen, 5);
    close_runs(runs, 2);
}

/* Twenty tenants: the twelve largest, and one line that makes the sums come out. */
Test(table, small_tenants_are_folded) {
    struct sample sample;
    struct summary run;
    static char names[20][8];
    sample_open(&sample, 0);
    struct tally *tallies = mem_zero(21, sizeof *tallies);
    tallies[0] = sample.result.tallies[0];
    for (size_t t = 0; t < 20; t++) {
        struct tally *tally = &tallies[t + 1];
        snprintf(names[t], sizeof names[t], "t%02zu", t);
        *tally = (struct tally){
            .part = PART_TENANT, .name = names[t], .finished = 10, .held_gpu_h = (double)(t + 1)};
        tally->wait_s.mean = 60 * (double)(t + 1);
    }
    free(sample.result.tallies);
    sample.result.tallies = tallies;
    sample.result.tallies_len = 21;
    summary_of(&run, &sample.info, &sample.setup, &sample.result, 1);
    FILE *to = open_text();
    table_parts(to, &run, 1, PART_TENANT, TABLE_TEXT);
    const char *page = close_text(to);
    cr_expect_lt(strstr(page, "t19"), strstr(page, "t18"));
    expect_in(page, "t08 ");
    cr_expect_null(strstr(page, "t07 "));
    expect_in(page, "8 others    80   4.50  36.00"); /* jobs, their mean wait in minutes, 1 + ... + 8 */
    free(printed);
    summary_free(&run);
    sample_close(&sample);
}

Test(table, services_have_a_block_and_a_line_each) {
    struct sample sample;
    struct summary run;
    sample_open(&sample, 0);
    sample_serve(&sample);
    summary_of(&run, &sample.info, &sample.setup, &sample.result, 1);
    FILE *to = open_text();
    table_summary(to, &run, 1);
    const char *page = close_text(to);
    expect_in(page, "4,000 synthetic jobs and 46,000 requests, seed 1");
    expect_in(page, "\nServices\n  Requests ");
    expect_in(page, "Time to first token, median");
    expect_in(page, "Cost per million output tokens");
    expect_in(page, "service  requests  goodput");
    expect_in(page, "\nchat       40,000     99.8");
    expect_in(page, "\ncode        6,000     98.3");
    cr_expect_lt(strstr(page, "\nServices\n"), strstr(page, "\nUse of hardware\n"));
    free(printed);
    to = open_text();
    table_json(to, &run, 1);
    page = close_text(to);
    expect_in(page, "\"service\": {\n        \"chat\": {");
    expect_in(page, "\"requests_finished\": 39995,");
    free(printed);
    run.info.trace = SUMMARY_NO_JOBS;
    char *demand = table_demand(&run);
    cr_expect_str_eq(demand, "46,000 requests");
    free(demand);
    summary_free(&run);
    sample_close(&sample);
}

Test(table, json_is_sound) {
    struct summary runs[2];
    open_runs(runs, 2);
    runs[0].warnings[0] = "quote \" backslash \\ newline \n tab \t";
    FILE *to = open_text();
    table_json(to, runs, 2);
    const char *json = close_text(to);
    expect_in(json, "\"quote \\\" backslash \\\\ newline \\u000a tab \\u0009\"");
    expect_in(json, "\"wait_mean_s\": 9400,");
    expect_in(json, "\"region\": {\n        \"us-east\": {");
    cr_expect_null(strstr(json, ": nan"));
    long depth = 0, quotes = 0;
    for (const char *c = json; *c; c++) {
        if (*c == '"' && c[-1] != '\\') quotes++;
        if (quotes % 2) continue;
        depth += (*c == '{' || *c == '[') - (*c == '}' || *c == ']');
        cr_assert_geq(depth, 0);
        cr_assert(!(*c == ',' && strspn(c + 1, " \n") + 1 == strcspn(c + 1, "}]") + 1),
                  "a comma before the end");
    }
    cr_expect_eq(depth, 0);
    cr_expect_eq(quotes % 2, 0);
    free(printed);
    close_runs(runs, 2);
}

Test(table, csv_has_a_field_a_metric) {
    struct summary run;
    open_runs(&run, 1);
    run.info.run_name = "a, \"b\"";
    FILE *to = open_text();
    table_csv(to, &run, 1, 1u << PART_RUN | 1u << PART_REGION);
    const char *csv = close_text(to);
    expect_in(csv, "\r\n0,\"a, \"\"b\"\"\",run,all,4000,3997,");
    size_t lines = 0;
    for (const char *line = csv, *end; (end = strstr(line, "\r\n")); line = end + 2, lines++) {
        size_t commas = 0;
        for (const char *c = line; c < end; c++) commas += *c == ',';
        cr_expect_eq(commas, 3 + result_metrics_len + (lines > 0), "line %zu",
                     lines); /* one stands in the name */
    }
    cr_expect_eq(lines, 4);
    free(printed);
    summary_free(&run);
}

Test(table, lists_runs_also_unfinished_ones) {
    struct summary runs[2];
    open_runs(runs, 2);
    runs[0].run = 1, runs[1].run = 12;
    runs[1].complete = false;
    runs[1].parts_len = 0;
    FILE *to = open_text();
    table_runs(to, runs, 2);
    const char *list = close_text(to);
    expect_in(list, "  1  sample month  fifo");
    expect_in(list, "complete  4,000      2.6 h    76.0 %  504,800\n");
    expect_in(list, " 12  sample month  sjf                running       -          -         -        -\n");
    free(printed);
    close_runs(runs, 2);
}

/* The probes of a search are one command's: they stand together, however many, and hide nobody else. */
Test(table, lists_many_runs_of_one_command_as_one) {
    enum { RUNS = 40 };
    struct summary one, runs[RUNS];
    open_runs(&one, 1);
    for (int i = 0; i < RUNS; i++) {
        runs[i] = one;
        runs[i].run = i + 1;
        runs[i].batch = i < 3 ? 1 : i < 27 ? 2 : 3; /* 3, 24 and 13 runs */
    }
    FILE *to = open_text();
    table_runs(to, runs, RUNS);
    const char *list = close_text(to);
    cr_expect_null(strstr(list, " runs "), "24 are not many");
    free(printed);
    for (int i = 0; i < RUNS; i++) runs[i].batch = i < 3 ? 1 : i < 39 ? 2 : 3;
    runs[7].complete = false;
    to = open_text();
    table_runs(to, runs, RUNS);
    list = close_text(to);
    expect_in(list, "4-39  sample month  36 runs");
    expect_in(list, "35 complete\n");
    expect_in(list, "\n   3  sample month  fifo");
    expect_in(list, "\n  40  sample month  fifo");
    cr_expect_null(strstr(list, "\n  10  "));
    free(printed);
    close_runs(&one, 1);
}
