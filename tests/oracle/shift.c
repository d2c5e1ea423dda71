/*
 * Shift models against brute force, on thousands of random cases whose steps, jobs and limits are whole
 * minutes: every candidate tried, every minute sorted, every minute walked. Values are whole numbers, so
 * sums are exact and the decision itself is compared, ties included, not only what it costs.
 */
#include "support/shifting.h"
#include "support/testing.h"

#include "base/err.h"
#include "base/rng.h"
#include "base/tick.h"
#include "support/param.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CASES = 2000, STEPS = 200, PIECES = 4000, DAY = 1440, MINUTES = 6 * DAY };

/* A job in minutes, and the signal minute by minute: now[0] is that of its arrival, now[-DAY] a day before.
 */
struct minutes {
    struct arena arena;
    struct rng *rng;
    struct outlook outlook;
    int submit, run, wait;
    double values[DAY + MINUTES];
    const double *now;
    bool runs[MINUTES]; /* in which it runs: brute force's answer */
};

static void draw_case(struct minutes *m) {
    arena_init(&m->arena);
    const struct steps truth = shifting_signal(&m->arena, m->rng, STEPS);
    outlook_open(&m->outlook, &m->arena, &truth, NULL, 0);
    m->submit = (int)rng_below(m->rng, 8 * DAY);
    m->run = 1 + (int)rng_below(m->rng, DAY);
    m->wait = (int)rng_below(m->rng, 2 * DAY);
    for (int i = 0; i < DAY + MINUTES; i++)
        m->values[i] = signal_value(m->outlook.truth, (m->submit - DAY + i) * TICK_MINUTE);
    m->now = m->values + DAY;
    memset(m->runs, 0, sizeof m->runs);
}

static void runs_through(struct minutes *m, int start) {
    for (int i = 0; i < m->run; i++) m->runs[start + i] = true;
}

/* Compares the model's pieces with brute force's minutes. */
static void compare(struct minutes *m, struct chosen chosen, int64_t origin_unix_ns) {
    static struct lone_piece pieces[PIECES];
    bool runs[MINUTES] = {0};
    struct shifting shifting;
    const struct lone_job job = {.submit_ns = m->submit * TICK_MINUTE, .run_ns = m->run * TICK_MINUTE,
                                 .wait_ns = m->wait * TICK_MINUTE, .estimate_ns = m->run * TICK_MINUTE};
    shifting_open_chosen(&shifting, &m->arena, chosen, origin_unix_ns);
    const struct lone_run run = shifting_run(&shifting, &m->outlook, &job, pieces, PIECES);
    cr_assert_leq(run.pieces, PIECES);
    for (unsigned p = 0; p < run.pieces; p++) {
        const int64_t from_ns = pieces[p].from_ns - job.submit_ns, to_ns = pieces[p].to_ns - job.submit_ns;
        cr_assert(from_ns % TICK_MINUTE == 0 && to_ns % TICK_MINUTE == 0, "%s: not whole minutes",
                  chosen.model->name);
        for (int64_t i = from_ns / TICK_MINUTE; i < to_ns / TICK_MINUTE; i++) runs[i] = true;
    }
    for (int i = 0; i < MINUTES; i++)
        cr_assert(runs[i] == m->runs[i], "%s: submit %d, run %d, wait %d min: minute %d should %s",
                  chosen.model->name, m->submit, m->run, m->wait, i, m->runs[i] ? "run" : "not run");
    shifting_close(&shifting);
}

static double window(const struct minutes *m, int start) {
    double sum = 0;
    for (int i = 0; i < m->run; i++) sum += m->now[start + i];
    return sum;
}

/* ---- in one piece ---- */

static void lowest_slot(struct minutes *m) {
    int best = 0;
    for (int i = 1; i <= m->wait; i++)
        if (m->now[i] < m->now[best]) best = i;
    runs_through(m, best);
    compare(m, testing_model(&m->arena, KIND_SHIFT, "lowest_slot"), 0);
}

static int best_window(const struct minutes *m, int every) {
    int best = 0;
    for (int i = every; i <= m->wait; i += every)
        if (window(m, i) < window(m, best)) best = i;
    return best;
}

static void lowest_window(struct minutes *m) {
    const int every = 1 + (int)rng_below(m->rng, 120);
    struct chosen chosen = testing_model(&m->arena, KIND_SHIFT, "lowest_window");
    testing_param(chosen, "every", 60 * every);
    runs_through(m, best_window(m, every));
    compare(m, chosen, 0);
}

/* Every start allowed: the sum turns at whole minutes alone. */
static void lowest_window_of_all(struct minutes *m) {
    struct chosen chosen = testing_model(&m->arena, KIND_SHIFT, "lowest_window");
    testing_param(chosen, "every", 0);
    runs_through(m, best_window(m, 1));
    compare(m, chosen, 0);
}

static void carbon_time(struct minutes *m) {
    const int every = 1 + (int)rng_below(m->rng, 120);
    struct chosen chosen = testing_model(&m->arena, KIND_SHIFT, "carbon_time");
    testing_param(chosen, "every", 60 * every);
    int best = 0;
    double most = 0;
    for (int i = every; i <= m->wait; i += every) {
        const double ratio = 60 * (window(m, 0) - window(m, i)) / (60.0 * (i + m->run));
        if (ratio <= most) continue;
        most = ratio;
        best = i;
    }
    runs_through(m, best);
    compare(m, chosen, 0);
}

/* ---- thresholds ---- */

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The quantile of `count` minutes, as statistics packages interpolate it. */
static double quantile(const double *values, int count, double share) {
    double sorted[DAY];
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    const double at = share * (count - 1);
    const int below = (int)at, above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

static void threshold(struct minutes *m) {
    const char *const of[] = {"last", "next", "value"};
    const size_t kind = rng_below(m->rng, 3);
    const int over = 1 + (int)rng_below(m->rng, DAY);
    const double share = rng_uniform(m->rng);
    struct chosen chosen = testing_model(&m->arena, KIND_SHIFT, "threshold");
    for (size_t i = 0; i < chosen.model->params_count; i++)
        if (strcmp(chosen.model->params[i].key, "of") == 0) {
            int *field = (int *)(void *)((char *)chosen.params + chosen.model->params[i].offset);
            for (*field = 0; strcmp(chosen.model->params[i].choices[*field], of[kind]) != 0;) ++*field;
        }
    testing_param(chosen, "every", 60);
    testing_param(chosen, "over", 60 * over);
    testing_param(chosen, "share", share);
    testing_param(chosen, "value", 2);
    const double most = kind == 2 ? 2 : quantile(kind == 0 ? m->now - over : m->now, over, share);
    int start = 0;
    while (start < m->wait && m->now[start] > most) start++;
    runs_through(m, start);
    compare(m, chosen, 0);
}

static void ecovisor(struct minutes *m) {
    const int over = 1 + (int)rng_below(m->rng, DAY);
    const double share = rng_uniform(m->rng);
    struct chosen chosen = testing_model(&m->arena, KIND_SHIFT, "ecovisor");
    testing_param(chosen, "every", 60);
    testing_param(chosen, "over", 60 * over);
    testing_param(chosen, "share", share);
    const double above = quantile(m->now, over, share);
    for (int i = 0, left = m->run, wait = m->wait; left > 0; i++) {
        if (wait > 0 && m->now[i] >= above) {
            wait--;
        } else {
            m->runs[i] = true;
            left--;
        }
    }
    compare(m, chosen, 0);
}

/* ---- in pieces ---- */

static const double *sorted_by;
static int cheaper(const void *a, const void *b) {
    const int x = *(const int *)a, y = *(const int *)b;
    const double left = sorted_by[x], right = sorted_by[y];
    return left != right ? (left > right) - (left < right) : (x > y) - (x < y);
}

static void wait_awhile(struct minutes *m) {
    static int order[MINUTES];
    const int count = m->run + m->wait;
    for (int i = 0; i < count; i++) order[i] = i;
    sorted_by = m->now;
    qsort(order, (size_t)count, sizeof *order, cheaper);
    for (int i = 0; i < m->run; i++) m->runs[order[i]] = true;
    compare(m, testing_model(&m->arena, KIND_SHIFT, "wait_awhile"), 0);
}

/* ---- by the clock ---- */

/* One or two windows, weekends, and a run that begins at any minute of the calendar. */
struct clock {
    double from_s[2], to_s[2];
    size_t windows;
    bool weekend, suspend;
    int64_t origin_minute;
};

static bool off_peak_at(const struct clock *c, int64_t minute) {
    const int64_t of_day = (minute % DAY + DAY) % DAY, day = (minute - of_day) / DAY;
    const int64_t since_saturday = ((day - 2) % 7 + 7) % 7; /* 1970-01-03 was one */
    if (c->weekend && since_saturday < 2) return true;
    for (size_t i = 0; i < c->windows; i++) {
        const double from = c->from_s[i] / 60, to = c->to_s[i] / 60;
        const int64_t length = (int64_t)(to > from ? to - from : to - from + DAY);
        if ((of_day - (int64_t)from + DAY) % DAY < length) return true;
    }
    return false;
}

/* Minutes from minute i on until the next off-peak one; more than any limit when there is none. */
static int until_off_peak(const struct clock *c, int64_t first, int i) {
    int ahead = 0;
    while (ahead < 8 * DAY && !off_peak_at(c, first + i + ahead)) ahead++;
    return ahead;
}

static void by_clock(struct minutes *m, const struct clock *c, int64_t first) {
    int wait = m->wait, i = 0;
    for (int left = m->run; left > 0; left--) {
        const bool begins = left == m->run, closes = !begins && c->suspend && off_peak_at(c, first + i - 1);
        const int ahead = begins || closes ? until_off_peak(c, first, i) : 0;
        if (ahead <= wait) {
            wait -= ahead;
            i += ahead;
        }
        m->runs[i++] = true;
    }
}

static void off_peak(struct minutes *m) {
    struct clock c = {.windows = 1 + rng_below(m->rng, 2),
                      .weekend = rng_below(m->rng, 2),
                      .suspend = rng_below(m->rng, 2),
                      .origin_minute = (int64_t)rng_below(m->rng, 60 * 365 * DAY)};
    for (size_t i = 0; i < c.windows; i++) {
        c.from_s[i] = 60 * (double)rng_below(m->rng, DAY);
        do c.to_s[i] = 60 * (double)rng_below(m->rng, DAY);
        while (c.to_s[i] == c.from_s[i]);
    }
    struct chosen chosen = testing_model(&m->arena, KIND_SHIFT, "off_peak");
    for (size_t i = 0; i < chosen.model->params_count; i++) {
        const struct param *p = &chosen.model->params[i];
        void *field = (char *)chosen.params + p->offset;
        if (strcmp(p->key, "from") == 0) *(struct numbers *)field = (struct numbers){c.from_s, c.windows};
        if (strcmp(p->key, "to") == 0) *(struct numbers *)field = (struct numbers){c.to_s, c.windows};
        if (strcmp(p->key, "weekend") == 0) *(bool *)field = c.weekend;
        if (strcmp(p->key, "suspend") == 0) *(bool *)field = c.suspend;
    }
    const int64_t offset_minutes = (int64_t)rng_below(m->rng, 24) * 60 - 11 * 60;
    m->outlook.utc_offset_ns = offset_minutes * TICK_MINUTE;
    by_clock(m, &c, c.origin_minute + offset_minutes + m->submit);
    compare(m, chosen, c.origin_minute * TICK_MINUTE);
}

/* ---- */

static void against_brute_force(void (*one)(struct minutes *m), int cases) {
    static struct minutes m;
    m.rng = rng_open(7, "cases", 0);
    for (int i = 0; i < cases; i++) {
        draw_case(&m);
        one(&m);
        arena_free(&m.arena);
    }
    rng_close(m.rng);
}

Test(shift, lowest_slot) { against_brute_force(lowest_slot, CASES); }
Test(shift, lowest_window) { against_brute_force(lowest_window, CASES); }
Test(shift, lowest_window_of_all) { against_brute_force(lowest_window_of_all, CASES / 10); }
Test(shift, carbon_time) { against_brute_force(carbon_time, CASES); }
Test(shift, threshold) { against_brute_force(threshold, CASES); }
Test(shift, ecovisor) { against_brute_force(ecovisor, CASES); }
Test(shift, wait_awhile) { against_brute_force(wait_awhile, CASES); }
Test(shift, off_peak) { against_brute_force(off_peak, CASES); }
