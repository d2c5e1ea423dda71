/* The report: every picture in every form and both pages are there, names are text and nothing more, the
 * temporary folder is gone afterwards, and trouble is said. Axes stand on round numbers and calendar days. */
#include "io/report.h"

#include "base/mem.h"
#include "base/tick.h"
#include "io/axis.h"
#include "io/plot.h"
#include "io/report_draw.h"
#include "io/sources.h"
#include "support/sample.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *folder, *temporary, database[256], out[256];

static void open_folders(void) {
    folder = sample_folder();
    temporary = sample_folder();
    snprintf(database, sizeof database, "%s/results.db", folder);
    snprintf(out, sizeof out, "%s/report", temporary); /* inside, so that the test cleans it, too */
    setenv("TMPDIR", folder, 1);
}
static void close_folders(void) {
    DIR *entries = opendir(out);
    for (const struct dirent *entry; entries && (entry = readdir(entries));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", out, entry->d_name);
        if (*entry->d_name != '.') unlink(path);
    }
    if (entries) closedir(entries);
    rmdir(out);
    sample_remove(folder);
    sample_remove(temporary);
}
TestSuite(report, .init = open_folders, .fini = close_folders, .timeout = 60);

static bool have_gnuplot(void) {
    if (system("command -v gnuplot >/dev/null 2>&1") == 0) return true;
    cr_skip_test("gnuplot is not installed");
    return false;
}

static void make_runs(unsigned count, const char *name_of_last) {
    struct store *store = store_open(database);
    for (unsigned i = 0; i < count; i++) {
        struct sample sample;
        sample_open(&sample, i);
        if (i + 1 == count && name_of_last) sample.info.run_name = name_of_last;
        sample.result.tallies[0].capacity_usd *= 1 + 0.05 * i; /* enough to see */
        sample_store(store, &sample);
        sample_close(&sample);
    }
    store_close(store);
}

/* false: *why is what the report said. */
static bool write_report(const int64_t *runs, size_t count, char **why) {
    char *scripts = mem_text(sample_source("scripts"));
    struct store *store = store_open_read(database);
    const struct report report = {.folder = out, .scripts = scripts, .source = database};
    const bool good = report_write(&report, store, runs, count, why);
    store_close(store);
    free(scripts);
    return good;
}

static char *contents(const char *name, size_t *len) {
    static char bytes[8 << 20];
    char path[512];
    snprintf(path, sizeof path, "%s/%s", out, name);
    FILE *file = fopen(path, "rb");
    cr_assert(file, "no %s", path);
    *len = fread(bytes, 1, sizeof bytes - 1, file);
    bytes[*len] = '\0';
    fclose(file);
    return bytes;
}

static void expect_pictures(const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char file[128];
        size_t len;
        snprintf(file, sizeof file, "%s.png", names[i]);
        cr_expect(memcmp(contents(file, &len), "\x89PNG", 4) == 0 && len > 4000, "%s", file);
        snprintf(file, sizeof file, "%s.svg", names[i]);
        cr_expect(strstr(contents(file, &len), "</svg>"), "%s", file);
        snprintf(file, sizeof file, "%s-dark.svg", names[i]);
        cr_expect(strstr(contents(file, &len), "</svg>"), "%s", file);
    }
}

/* Only the database is left of what stands in the folder for temporary files. */
static void expect_clean(void) {
    DIR *entries = opendir(folder);
    for (const struct dirent *entry; (entry = readdir(entries));)
        cr_expect(*entry->d_name == '.' || strcmp(entry->d_name, "results.db") == 0, "left over: %s",
                  entry->d_name);
    closedir(entries);
}

/* The first of them also for one run alone. */
static const char *const pictures[] = {"efficiency", "cost",   "why",   "capacity",  "timeline",
                                       "power",      "starts", "waits", "waterfall", "pareto"};
enum { ALONE = 8, ALL = 10 };

Test(report, runs_side_by_side) {
    if (!have_gnuplot()) return;
    size_t len;
    char *why = NULL;
    make_runs(3, NULL);
    cr_assert(write_report((int64_t[]){3, 1, 2}, 3, &why), "%s", why);
    expect_pictures(pictures, ALL);
    const char *html = contents("index.html", &len);
    cr_expect(strstr(html, "</html>"));
    cr_expect_null(strstr(html, "src="), "the page needs nothing from elsewhere");
    cr_expect_null(strstr(html, "href=\"http"));
    cr_expect_null(strstr(html, "url(http"));
    cr_expect_null(strstr(html, "Gnuplot"), "pictures have their own titles");
    cr_expect(strstr(html, "<dt>Cost</dt><dd>“"), "words first");
    cr_expect(strstr(html, "<strong>fifo</strong> (baseline)"));
    cr_expect(strstr(html, "<td class=\"good\">-47.4 %</td>"));
    const char *page = contents("report.md", &len);
    cr_expect(strstr(page, "![Cost](cost.png)"));
    cr_expect(strstr(page, "| | unit | fifo | srtf | change | sjf | change |"));
    cr_expect(strstr(page, "Note: pool 'a100'"));
    expect_clean();
}

Test(report, one_run) {
    if (!have_gnuplot()) return;
    char *why = NULL;
    make_runs(1, NULL);
    cr_assert(write_report((int64_t[]){1}, 1, &why), "%s", why);
    expect_pictures(pictures, ALONE);
    size_t len;
    const char *page = contents("report.md", &len);
    cr_expect_null(strstr(page, "waterfall.png"));
    cr_expect_null(strstr(page, "pareto.png"));
    expect_clean();
}

/* Runs with energy, markets and faults; the scatter shows the whole batch, also runs beyond those drawn. */
Test(report, a_batch_with_everything) {
    if (!have_gnuplot()) return;
    enum { RUNS = 10 };
    size_t len;
    char *why = NULL, names[RUNS][16];
    struct store *store = store_open(database);
    for (unsigned i = 0; i < RUNS; i++) {
        struct sample sample;
        sample_open(&sample, 0);
        sample_enrich(&sample, i % 6);
        snprintf(names[i], sizeof names[i], "choice-%u", i);
        sample.info.run_name = i ? names[i] : "fifo";
        if (i >= 6) sample.result.tallies[0].capacity_usd *= 1.05;
        sample_store(store, &sample);
        sample_close(&sample);
    }
    store_close(store);
    cr_assert(write_report((int64_t[]){1, 2, 3}, 3, &why), "%s", why);
    expect_pictures(pictures, ALL);
    const char *scatter = contents("pareto.svg", &len);
    cr_expect(strstr(scatter, ">choice-4<") && strstr(scatter, ">choice-9<"), "all runs of the batch");
    const char *steps = contents("waterfall.svg", &len);
    cr_expect(strstr(steps, "Carbon price") && strstr(steps, "Moving data"));
    cr_expect_null(strstr(steps, "Demand charge"), "it is the same in all runs");
    const char *power = contents("power.svg", &len);
    cr_expect(strstr(power, "choice-2: facility power, kW"), "a panel a run");
    expect_clean();
}

/* The sentences of a page: which run is best at what, in words that follow from its figures. */
Test(report, words_say_which_run_is_best) {
    if (!have_gnuplot()) return;
    size_t len;
    char *why = NULL;
    struct store *store = store_open(database);
    static const char *const names[] = {"fifo", "dear", "dirty"};
    for (unsigned i = 0; i < 3; i++) {
        struct sample sample;
        sample_open(&sample, 0);
        sample.info.run_name = names[i];
        if (i == 1) sample.result.tallies[0].capacity_usd *= 2;
        if (i == 2) sample.result.tallies[0].co2_g *= 3, sample.result.tallies[0].capacity_usd *= 0.5;
        sample_store(store, &sample);
        sample_close(&sample);
    }
    store_close(store);
    cr_assert(write_report((int64_t[]){1, 2, 3}, 3, &why), "%s", why);
    const char *page = contents("report.md", &len);
    cr_expect(strstr(page, "- **Cost.** “dirty” costs least: "), "%.2000s", page);
    cr_expect(strstr(page, "- **Emissions.** “fifo” emits least: "));
    cr_expect(strstr(page, "; the others are 0.0 % to 200.0 % above it."));
    cr_expect(strstr(page, "- **Energy.** All runs are the same: "));
    cr_expect(strstr(page, "“fifo” is best at emissions; “dirty” is best at cost: the goals conflict"));
}

Test(report, sources_are_those_of_what_is_named) {
    struct arena arena;
    struct sources sources = {0};
    char *catalog = mem_text(sample_source("models/catalog"));
    setenv("HEADROOM_CATALOG", catalog, 1);
    arena_init(&arena);
    sources_find(&sources, "pools:\n  - {node: dgx-a100, count: 4}\nregions: {catalog: us-californian}\n", &arena);
    cr_assert_eq(sources.len, 1, "%zu", sources.len);
    cr_expect_str_eq(sources.at[0].kind, "node type");
    cr_expect_str_eq(sources.at[0].name, "dgx-a100");
    cr_expect(strstr(sources.at[0].source, "ISCA'24"));
    cr_expect(strstr(sources.at[0].estimates, "base_w"));
    free(sources.at);
    arena_free(&arena);
    free(catalog);
}

/* Against trying every pair, on a small grid with many ties. */
Test(report, efficient_runs_are_those_no_other_beats) {
    enum { POINTS = 40 };
    double points[POINTS][3];
    bool efficient[POINTS];
    uint32_t state = 7;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < POINTS; i++)
            for (size_t k = 0; k < 3; k++) {
                state = state * 1664525 + 1013904223;
                points[i][k] = (double)(state >> 29);
            }
        draw_efficient((const double(*)[3])points, POINTS, efficient);
        for (size_t i = 0; i < POINTS; i++) {
            bool beaten = false;
            for (size_t j = 0; j < POINTS; j++) {
                int better = 0, worse = 0;
                for (size_t k = 0; k < 3; k++) {
                    better += points[j][k] < points[i][k];
                    worse += points[j][k] > points[i][k];
                }
                beaten |= better > 0 && worse == 0;
            }
            cr_assert_eq(efficient[i], !beaten);
        }
    }
}

/* Without a series, a price, a wait or a finished job there is less to draw, and no failure. */
Test(report, a_run_with_little_to_show) {
    if (!have_gnuplot()) return;
    struct sample sample;
    char *why = NULL;
    sample_open(&sample, 0);
    for (size_t i = 0; i < SAMPLE_JOBS; i++) sample.result.jobs->at[i].end_ns = JOB_NOT_YET;
    sample.result.tallies[0] = (struct tally){.part = PART_RUN, .name = "run"};
    sample.result.tallies_len = 1;
    sample.result.series.bins = 0;
    struct store *store = store_open(database);
    sample_store(store, &sample);
    store_close(store);
    sample_close(&sample);
    cr_assert(write_report((int64_t[]){1}, 1, &why), "%s", why);
    size_t len;
    cr_expect(strstr(contents("index.html", &len), "</html>"));
    cr_expect_null(strstr(contents("report.md", &len), "!["));
    expect_clean();
}

/* Eight runs, one with a name that would be a command in a shell, a script in a page and markup in gnuplot.
 */
Test(report, names_are_only_text) {
    if (!have_gnuplot()) return;
    char *why = NULL;
    cr_assert_eq(chdir(folder), 0);
    make_runs(8, "`touch oops`'\"\\%s{/=90 $x}_@a<b>&|größer\ttab");
    cr_assert(write_report((int64_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8, &why), "%s", why);
    expect_pictures(pictures, ALL);
    size_t len;
    cr_expect(strstr(contents("index.html", &len), "@a&lt;b&gt;&amp;|größer"));
    expect_clean(); /* no "oops" */
}

Test(report, missing_gnuplot_is_said) {
    char *why = NULL;
    make_runs(1, NULL);
    setenv("PATH", "/nowhere", 1);
    cr_expect_not(write_report((int64_t[]){1}, 1, &why));
    cr_expect(why && strstr(why, "gnuplot is not installed"), "%s", why);
    free(why);
    expect_clean();
}

Test(report, failing_scripts_are_quoted) {
    if (!have_gnuplot()) return;
    char path[512], *why;
    snprintf(path, sizeof path, "%s/bad.gp", temporary);
    FILE *script = fopen(path, "w");
    fputs("plot nonsense(\n", script);
    fclose(script);
    struct plot *plot = plot_open(temporary);
    snprintf(path, sizeof path, "%s/picture", temporary);
    plot_add(plot, "bad", path);
    cr_expect_not(plot_draw(plot, &why));
    cr_expect(why && strstr(why, "bad.gp"), "%s", why);
    free(why);
    plot_close(plot);
    expect_clean();
}

Test(report, runs_that_cannot_be_drawn_are_named) {
    struct sample sample;
    char *why = NULL;
    sample_open(&sample, 0);
    struct store *store = store_open(database);
    store_run_begin(store, &sample.info);
    store_close(store);
    sample_close(&sample);
    cr_expect_not(write_report((int64_t[]){1, 7}, 2, &why));
    cr_expect_str_eq(why, "run 1 is not complete; there is no run 7");
    free(why);
    cr_expect_neq(access(out, F_OK), 0, "nothing was made");
}

/* --- axes --- */

static void expect_axis(struct axis axis, double from, double to, const char *tics) {
    cr_expect_float_eq(axis.from, from, 1e-9 * fabs(from) + 1e-12, "from %g", axis.from);
    cr_expect_float_eq(axis.to, to, 1e-9 * fabs(to) + 1e-12, "to %g", axis.to);
    cr_expect_str_eq(axis.tics, tics, "%s", axis.tics);
}

Test(axis, round_numbers) {
    expect_axis(axis_linear(0, 9700, 5, ""), 0, 10000,
                "'0' 0, '2,000' 2000, '4,000' 4000, '6,000' 6000, '8,000' 8000,"
                " '10,000' 10000");
    expect_axis(axis_linear(12, 100, 4, " kW"), 0, 100,
                "'0 kW' 0, '25 kW' 25, '50 kW' 50, '75 kW' 75, '100 kW' 100");
    expect_axis(axis_linear(-3, 7, 5, ""), -4, 8, "'-4' -4, '-2' -2, '0' 0, '2' 2, '4' 4, '6' 6, '8' 8");
    expect_axis(axis_linear(0, 0.09, 3, ""), 0, 0.1, "'0.00' 0, '0.05' 0.05, '0.10' 0.1");
    expect_axis(axis_linear(0, 0, 2, ""), 0, 1, "'0.0' 0, '0.5' 0.5, '1.0' 1");
    expect_axis(axis_linear(-5, -1, 2, ""), -5, 0, "'-5.0' -5, '-2.5' -2.5, '0.0' 0");
}

Test(axis, round_numbers_away_from_zero) {
    expect_axis(axis_between(511.2, 513.1, 4, ""), 511, 513.5,
                "'511.0' 511, '511.5' 511.5, '512.0' 512, '512.5' 512.5, '513.0' 513, '513.5' 513.5");
    expect_axis(axis_between(50, 50, 4, ""), 50, 56, "'50' 50, '52' 52, '54' 54, '56' 56");
}

Test(axis, calendar) {
    int64_t origin_ns;
    cr_assert(tick_parse_date("2023-12-28T12:00", 16, &origin_ns));
    expect_axis(
        axis_time(0, 4 * 86400.0, origin_ns), 0, 4 * 86400.0,
        "'12:00' 0, '29 Dec 2023' 43200, '12:00' 86400, '30 Dec' 129600, '12:00' 172800, '31 Dec' 216000,"
        " '12:00' 259200, '1 Jan 2024' 302400, '12:00' 345600");
    /* Weeks begin on Monday: 1 January 2024 was one. */
    expect_axis(axis_time(0, 50 * 86400.0, origin_ns), 0, 50 * 86400.0,
                "'1 Jan 2024' 302400, '8 Jan' 907200, '15 Jan' 1512000, '22 Jan' 2116800, '29 Jan' 2721600,"
                " '5 Feb' 3326400, '12 Feb' 3931200");
    cr_assert(tick_parse_date("2023-11-01", 10, &origin_ns));
    expect_axis(
        axis_time(0, 270 * 86400.0, origin_ns), 0, 270 * 86400.0,
        "'Nov 2023' 0, 'Dec' 2592000, 'Jan 2024' 5270400, 'Feb' 7948800, 'Mar' 10454400, 'Apr' 13132800,"
        " 'May' 15724800, 'Jun' 18403200, 'Jul' 20995200");
    expect_axis(axis_time(0, 8 * 365.25 * 86400, origin_ns), 0, 8 * 365.25 * 86400,
                "'Jan 2024' 5270400, 'Jan 2025' 36892800, 'Jan 2026' 68428800, 'Jan 2027' 99964800,"
                " 'Jan 2028' 131500800, 'Jan 2029' 163123200, 'Jan 2030' 194659200, 'Jan 2031' 226195200");
}

Test(axis, days_from_an_unknown_origin) {
    expect_axis(axis_time(0, 45 * 86400.0, JOB_UNKNOWN), 0, 45 * 86400.0,
                "'0 d' 0, '5 d' 432000, '10 d' 864000, '15 d' 1296000, '20 d' 1728000, '25 d' 2160000, '30 "
                "d' 2592000,"
                " '35 d' 3024000, '40 d' 3456000, '45 d' 3888000");
    expect_axis(
        axis_time(3600, 18000, JOB_UNKNOWN), 3600, 18000,
        "'1.0 h' 3600, '1.5 h' 5400, '2.0 h' 7200, '2.5 h' 9000, '3.0 h' 10800, '3.5 h' 12600, '4.0 h' 14400,"
        " '4.5 h' 16200, '5.0 h' 18000");
}
