/*
 * Axes for people (see axis.h). Calendar ticks stand on whole hours, midnights, Mondays or firsts of the
 * month; the year is said where it begins. Cost: a few ticks.
 */
#include "io/axis.h"

#include "base/tick.h"
#include "core/job.h"
#include "io/table.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void add_tic(struct axis *axis, const char *text, double at) {
    const size_t used = strlen(axis->tics);
    snprintf(axis->tics + used, sizeof axis->tics - used, "%s'%s' %.12g", used ? ", " : "", text, at);
}

/* 1, 2, 2.5 or 5 times a power of ten, at least span / wanted; *decimals: what its multiples need. */
static double nice_step(double span, int wanted, int *decimals) {
    static const double nice[] = {1, 2, 2.5, 5, 10};
    const double rough = span / wanted, scale = pow(10, floor(log10(rough)));
    size_t n = 0;
    while (n < 4 && nice[n] * scale < rough * (1 - 1e-9)) n++;
    *decimals = (n == 2) - (int)floor(log10(nice[n] * scale) + 1e-9);
    if (*decimals < 0) *decimals = 0;
    return nice[n] * scale;
}

struct axis axis_linear(double least, double most, int wanted, const char *unit) {
    return axis_between(fmin(least, 0), fmax(most, 0), wanted, unit);
}

struct axis axis_between(double least, double most, int wanted, const char *unit) {
    if (!(most > least)) most = least + (least != 0 ? fabs(least) / 10 : 1);
    int decimals;
    const double step = nice_step(most - least, wanted, &decimals);
    const long first = (long)floor(least / step + 1e-9), last = (long)ceil(most / step - 1e-9);
    struct axis axis = {(double)first * step, (double)last * step, ""};
    for (long i = first; i <= last; i++) {
        char number[48], text[96];
        snprintf(text, sizeof text, "%s%s", table_number((double)i * step, decimals, number), unit);
        add_tic(&axis, text, (double)i * step);
    }
    return axis;
}

enum { HOUR = 3600, DAY = 86400, TICS_MOST = 9 };
static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct date {
    int year, month, day, hour, minute; /* month from 1 */
};
static struct date date_of(int64_t unix_s) {
    char text[40];
    struct date d = {0};
    tick_format_date(unix_s * TICK_S, text);
    sscanf(text, "%d-%d-%dT%d:%d", &d.year, &d.month, &d.day, &d.hour, &d.minute);
    return d;
}

/* Steps of whole seconds up to 14 days: weeks begin on Monday, 2 and 5 days are counted from the first
 * midnight. */
static void calendar_days(struct axis *axis, int64_t origin_s, int64_t step_s) {
    const int64_t from = origin_s + (int64_t)ceil(axis->from), midnight = (from + DAY - 1) / DAY * DAY;
    const int64_t base = step_s % (7 * DAY) == 0 ? 4 * DAY /* Monday 1970-01-05 */
                         : step_s > DAY          ? midnight
                                                 : 0;
    int64_t at = base + (from - base) / step_s * step_s;
    int year = 0;
    for (; (double)(at - origin_s) <= axis->to; at += step_s) {
        if ((double)(at - origin_s) < axis->from) continue;
        const struct date d = date_of(at);
        char text[32];
        if (d.hour || d.minute) snprintf(text, sizeof text, "%02d:%02d", d.hour, d.minute);
        else if (d.year != year) snprintf(text, sizeof text, "%d %s %d", d.day, months[d.month - 1], d.year);
        else snprintf(text, sizeof text, "%d %s", d.day, months[d.month - 1]);
        if (!d.hour && !d.minute) year = d.year;
        add_tic(axis, text, (double)(at - origin_s));
    }
}

static void calendar_months(struct axis *axis, int64_t origin_s, int step) {
    const struct date first = date_of(origin_s + (int64_t)axis->from);
    int year = 0;
    for (int m = first.year * 12 + (first.month - 1) / step * step;; m += step) {
        const double at = (double)(tick_days_from_civil(m / 12, m % 12 + 1, 1) * DAY - origin_s);
        if (at > axis->to) break;
        if (at < axis->from) continue;
        char text[32];
        if (m / 12 != year) snprintf(text, sizeof text, "%s %d", months[m % 12], m / 12);
        else snprintf(text, sizeof text, "%s", months[m % 12]);
        year = m / 12;
        add_tic(axis, text, at);
    }
}

/* Hours or days since the origin. */
static void elapsed(struct axis *axis) {
    const bool days = axis->to - axis->from > 3 * DAY;
    const double unit_s = days ? DAY : HOUR;
    int decimals;
    const double step = nice_step((axis->to - axis->from) / unit_s, TICS_MOST, &decimals);
    for (double at = ceil(axis->from / unit_s / step) * step; at * unit_s <= axis->to; at += step) {
        char number[48], text[64];
        snprintf(text, sizeof text, "%s %s", table_number(at, decimals, number), days ? "d" : "h");
        add_tic(axis, text, at * unit_s);
    }
}

struct axis axis_time(double from_s, double to_s, int64_t origin_unix_ns) {
    static const int64_t steps_s[] = {HOUR / 4, HOUR,    2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
                                      DAY,      2 * DAY, 5 * DAY,  7 * DAY,  14 * DAY};
    enum { STEPS = sizeof steps_s / sizeof *steps_s };
    struct axis axis = {from_s, to_s > from_s ? to_s : from_s + 1, ""};
    const double span_s = axis.to - axis.from;
    const int64_t origin_s = origin_unix_ns / TICK_S;
    size_t n = 0;
    while (n < STEPS && span_s / (double)steps_s[n] > TICS_MOST) n++;
    int months_step = 1; /* 1, 2, 3, 6, 12, 24, ... */
    while (span_s / (months_step * 30.44 * DAY) > TICS_MOST)
        months_step = months_step == 2 ? 3 : months_step * 2;
    if (origin_unix_ns == JOB_UNKNOWN) elapsed(&axis);
    else if (n < STEPS) calendar_days(&axis, origin_s, steps_s[n]);
    else calendar_months(&axis, origin_s, months_step);
    return axis;
}
