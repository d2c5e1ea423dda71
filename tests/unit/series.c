/* Series from CSV: which column holds the times, how they are placed, what is refused. */
#include "io/series.h"

#include "base/tick.h"
#include "core/job.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/headroom-series-XXXXXX";
static struct arena arena;
static struct err err;
static struct steps steps;
static const struct place_in_file named = {"s.yaml", 3, 4, "price.file"};

static void set_up(void) {
    close(mkstemp(path));
    arena_init(&arena);
    err_init(&err);
}
static void tear_down(void) {
    unlink(path);
    arena_free(&arena);
    err_free(&err);
}
TestSuite(series, .init = set_up, .fini = tear_down);

static void write_text(const char *text) {
    FILE *file = fopen(path, "wb");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}
static int64_t date(const char *text) {
    int64_t ns;
    cr_assert(tick_parse_date(text, strlen(text), &ns));
    return ns;
}

/* The finding without the file's name, "" when reading went well. */
static const char *finding(const char *text, const char *column, int64_t origin_unix_ns) {
    write_text(text);
    err_free(&err);
    if (series_read(path, column, 1, origin_unix_ns, 0, &arena, &steps, named, &err)) return "";
    const char *line = err.lines[0];
    return strncmp(line, path, strlen(path)) == 0 ? line + strlen(path) : line;
}

Test(series, dates_are_placed_by_the_origin) {
    write_text("utc,DE,FR\n2021-01-01 00:00,10,1\n2021-01-01 01:00,20,2\n2021-01-01 03:00,-30,3\n");
    cr_assert(series_read(path, "DE", 0.001, date("2021-01-01 01:00"), 0, &arena, &steps, named, &err));
    cr_assert_eq(steps.len, 3);
    cr_expect_eq(steps.at_ns[0], -TICK_HOUR);
    cr_expect_eq(steps.at_ns[1], 0);
    cr_expect_eq(steps.at_ns[2], 2 * TICK_HOUR);
    cr_expect_float_eq(steps.value[2], -0.03, 1e-15);
    /* The last row lasts as long as the one before it: 3 h + 2 h. */
    cr_expect_eq(steps.period_ns, 5 * TICK_HOUR);
    char source[80];
    snprintf(source, sizeof source, "%s: DE", path);
    cr_expect_str_eq(steps.source, source);
}

Test(series, local_dates_are_moved_to_utc) {
    write_text("local_time,t\n2021-01-01T10:00,5\n2021-01-01T11:00,6\n");
    cr_assert(series_read(path, "t", 1, date("2021-01-01"), 10 * TICK_HOUR, &arena, &steps, named, &err));
    cr_expect_eq(steps.at_ns[0], 0);
}

Test(series, dates_come_before_hours) {
    write_text("hour_of_2022,utc,carbon\n7000,2022-10-19 16:00,96.14\n7001,2022-10-19 17:00,99.13\n");
    cr_assert(series_read(path, "carbon", 1, date("2022-10-19 17:00"), 0, &arena, &steps, named, &err));
    cr_expect_eq(steps.at_ns[0], -TICK_HOUR);
    cr_expect_float_eq(steps.value[1], 99.13, 0);
}

Test(series, hours_need_no_origin) {
    write_text("zone_a,elapsed_h\n1,0\n2,0.5\n");
    cr_assert(series_read(path, "zone_a", 1, JOB_UNKNOWN, 0, &arena, &steps, named, &err));
    cr_expect_eq(steps.at_ns[1], TICK_HOUR / 2);
    cr_expect_eq(steps.period_ns, TICK_HOUR);
    write_text("hour,x\n0,7\n");
    cr_assert(series_read(path, "x", 1, JOB_UNKNOWN, 0, &arena, &steps, named, &err));
    cr_expect_eq(steps.len, 1);
    cr_expect_eq(steps.period_ns, 0);
}

Test(series, what_is_wrong_is_said) {
    char expected[200];
    snprintf(expected, sizeof expected,
             "s.yaml:3:4: price.file: '%s' has no column 'DE_LU', did you mean 'DE-LU'?", path);
    cr_expect_str_eq(finding("utc,DE-LU\n2021-01-01,1\n", "DE_LU", 0), expected);
    snprintf(expected, sizeof expected, "s.yaml:3:4: price.file: '%s' has no rows", path);
    cr_expect_str_eq(finding("utc,x\n", "x", 0), expected);
    snprintf(expected, sizeof expected,
             "s.yaml:3:4: price.file: '%s' has dates, expected a start date in the scenario to place them by",
             path);
    cr_expect_str_eq(finding("utc,x\n2021-01-01,1\n", "x", JOB_UNKNOWN), expected);
    cr_expect_str_eq(
        finding("when,x\nsoon,1\n", "x", 0),
        ":2:1: no column of dates (such as 2021-01-01 00:00) and none of hours named 'hour' or '..._h'");
    cr_expect_str_eq(finding("utc,x\n2021-01-01,1\n2021-02-30,1\n", "x", 0),
                     ":3:1: '2021-02-30' is wrong, expected a date such as 2021-01-01 00:00");
    cr_expect_str_eq(finding("utc,x\n2021-01-02,1\n2021-01-01,1\n", "x", 0),
                     ":3:1: '2021-01-01' is not later than the row before, expected times to ascend");
    cr_expect_str_eq(finding("utc,x\n2021-01-01,\n", "x", 0), ":2:12: x: '' is wrong, expected a number");
    cr_expect_str_eq(finding("utc,x\n2021-01-01\n", "x", 0), ":2:11: 1 fields, expected 2 as in the header");
}

Test(series, every_mistake_is_found) {
    finding("utc,x\n2021-01-01,a\n2021-01-02,1\n2021-01-02,1\n2021-01-03,b\n", "x", 0);
    cr_expect_eq(err.found, 3);
}
