/*
 * Shifting in time after "On the Limitations of Carbon-Aware Temporal and Spatial Workload Shifting in the
 * Cloud" (Sukprasert et al., EuroSys 2024): a job of 1 kW and J hours that may be delayed by S, at every
 * start hour of 2022 in twelve zones. `slack_0` is `now`, `non_interrupt` is `lowest_window`, `interrupt`
 * is `wait_awhile`.
 *
 * Rules. Windows end with the year: near its end a job has less slack than S. The data here lacks the
 * year's last hour, so each start of the published files is compared up to 8,759 - J - S, where it plays no
 * part. The published means need it: it is what the mean of one-hour jobs over all 8,760 hours says it must
 * be, to the two decimals of the data, and all other means are then reproduced with it.
 *
 * Means of jobs and slacks of up to a day are always compared; HEADROOM_ALL compares all of them (many minutes
 * of a release build).
 */
#include "support/shifting.h"
#include "support/published.h"
#include "support/testing.h"

#include "base/num.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/csv.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZONES = 12, YEAR = 8760, ROWS_MOST = 500, THREADS = 2 };
enum { WAYS = 3 };
static const char *const ways[WAYS] = {"now", "lowest_window", "wait_awhile"};

struct year {
    char name[ZONES][16];
    double carbon[ZONES][YEAR];
    size_t zones, hours;
};
struct mean {
    size_t zone;
    int64_t length, slack, starts;
    double of[WAYS];
};
struct means {
    const struct year *year;
    struct mean at[ROWS_MOST];
    size_t len;
    atomic_size_t next;
    atomic_size_t compared;
};

/* ---- the data ---- */

static bool add_hour(void *context, const struct csv_row *row, struct err *err) {
    struct year *y = context; /* utc, then the zones */
    (void)err;
    if (row->line == 1) {
        y->zones = row->count - 1;
        cr_assert_eq(y->zones, ZONES);
        for (size_t z = 0; z < ZONES; z++)
            (void)snprintf(y->name[z], sizeof y->name[z], "%s", row->fields[z + 1]);
        return true;
    }
    cr_assert_lt(y->hours, YEAR);
    for (size_t z = 0; z < ZONES; z++) y->carbon[z][y->hours] = published_number(row, z + 1);
    y->hours++;
    return true;
}

static size_t zone_of(const struct year *year, const char *name) {
    for (size_t z = 0; z < ZONES; z++)
        if (strcmp(year->name[z], name) == 0) return z;
    cr_assert_fail("unknown zone %s", name);
    return 0;
}

static bool add_mean(void *context, const struct csv_row *row, struct err *err) {
    struct means *m = context; /* region,job_hours,slack_hours,n_starts and the three means */
    (void)err;
    if (row->line == 1) return true;
    cr_assert_lt(m->len, ROWS_MOST);
    m->at[m->len++] = (struct mean){.zone = zone_of(m->year, row->fields[0]),
                                    .length = (int64_t)published_number(row, 1),
                                    .slack = (int64_t)published_number(row, 2),
                                    .starts = (int64_t)published_number(row, 3),
                                    .of = {published_number(row, 4), published_number(row, 5),
                                           published_number(row, 6)}};
    return true;
}

static void read_year(struct year *year) {
    published_read("energy/carbon_intensity_gCO2_per_kWh_2022_utc.csv.gz", add_hour, year);
    cr_assert_eq(year->hours, YEAR - 1);
}

/* ---- the jobs ---- */

struct shifts {
    struct arena arena;
    struct outlook outlook;
    struct shifting way[WAYS];
    int64_t at_ns[YEAR];
    double carbon[YEAR];
};

static void shifts_open(struct shifts *s, const struct year *year, size_t zone) {
    arena_init(&s->arena);
    for (size_t h = 0; h < YEAR; h++) s->at_ns[h] = (int64_t)h * TICK_HOUR;
    memcpy(s->carbon, year->carbon[zone], sizeof s->carbon);
    const struct steps steps = {.at_ns = s->at_ns, .value = s->carbon, .len = year->hours};
    outlook_open(&s->outlook, &s->arena, &steps, NULL, 0);
    for (size_t w = 0; w < WAYS; w++) shifting_open(&s->way[w], &s->arena, ways[w], 0);
}

static void shifts_close(struct shifts *s) {
    for (size_t w = 0; w < WAYS; w++) shifting_close(&s->way[w]);
    arena_free(&s->arena);
}

/* g of a 1 kW job, by each way. */
static void shift_one(struct shifts *s, int64_t start, int64_t length, int64_t slack, double paid_g[WAYS]) {
    const int64_t room = YEAR - start - length;
    const struct lone_job job = {.submit_ns = start * TICK_HOUR, .run_ns = length * TICK_HOUR,
                                 .wait_ns = (slack < room ? slack : room) * TICK_HOUR,
                                 .estimate_ns = length * TICK_HOUR};
    for (size_t w = 0; w < WAYS; w++)
        paid_g[w] = shifting_run(&s->way[w], &s->outlook, &job, NULL, 0).paid / 3600;
}

/* ---- every start hour ---- */

struct starts {
    struct shifts shifts;
    int64_t length, slack, compared;
    const char *file;
};

static bool compare_start(void *context, const struct csv_row *row, struct err *err) {
    struct starts *s = context; /* slack_0,non_interrupt,interrupt */
    (void)err;
    const int64_t start = row->line - 2;
    if (start < 0 || start > YEAR - 1 - s->length - s->slack) return true;
    double paid_g[WAYS];
    shift_one(&s->shifts, start, s->length, s->slack, paid_g);
    for (size_t w = 0; w < WAYS; w++)
        cr_assert_float_eq(paid_g[w], published_number(row, w), 1e-6, "%s: start %lld, %s: %.9f, published %.9f",
                           s->file, (long long)start, ways[w], paid_g[w], published_number(row, w));
    s->compared++;
    return true;
}

Test(shifting, every_start_hour, .timeout = 600) {
    static const struct { int64_t length, slack; const char *zone; } files[] = {
        {6, 24, "DE"},   {6, 24, "US-CAL-CISO"},   {24, 24, "DE"},
        {24, 24, "US-CAL-CISO"}, {24, 168, "DE"}, {24, 168, "US-CAL-CISO"}};
    static struct year year;
    static struct starts starts;
    struct text name;
    text_init(&name);
    read_year(&year);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        text_clear(&name);
        text_format(&name, "energy/temporal_shifting_expected/job_%lld_slack_%lld_%s.csv.gz",
                    (long long)files[i].length, (long long)files[i].slack, files[i].zone);
        shifts_open(&starts.shifts, &year, zone_of(&year, files[i].zone));
        starts.length = files[i].length;
        starts.slack = files[i].slack;
        starts.compared = 0;
        starts.file = name.at;
        published_read(name.at, compare_start, &starts);
        cr_expect_eq(starts.compared, YEAR - files[i].length - files[i].slack);
        shifts_close(&starts.shifts);
    }
    text_free(&name);
}

/* ---- means ---- */

/* The hour the data lacks: one-hour jobs started at each hour of the year emit, on average, what the year
 * does. */
static void complete_year(struct year *year, const struct means *means) {
    for (size_t i = 0; i < means->len; i++) {
        const struct mean *m = &means->at[i];
        if (m->length != 1 || m->starts != YEAR) continue;
        double sum = 0;
        for (size_t h = 0; h < YEAR - 1; h++) sum += year->carbon[m->zone][h];
        year->carbon[m->zone][YEAR - 1] = round((m->of[0] * YEAR - sum) * 100) / 100;
    }
    year->hours = YEAR;
}

static void compare_mean(struct means *all, const struct mean *m) {
    struct shifts *s = mem_zero(1, sizeof *s);
    double mean_g[WAYS] = {0}, paid_g[WAYS];
    shifts_open(s, all->year, m->zone);
    for (int64_t start = 0; start < m->starts; start++) {
        shift_one(s, start, m->length, m->slack, paid_g);
        for (size_t w = 0; w < WAYS; w++) mean_g[w] += paid_g[w] / (double)m->starts;
    }
    for (size_t w = 0; w < WAYS; w++)
        cr_expect_float_eq(mean_g[w], m->of[w], 1e-6, "%s, %lld h, slack %lld h, %s: %.9f, published %.6f",
                           all->year->name[m->zone], (long long)m->length, (long long)m->slack, ways[w],
                           mean_g[w], m->of[w]);
    atomic_fetch_add(&all->compared, 1);
    shifts_close(s);
    free(s);
}

static void *work(void *context) {
    struct means *m = context;
    for (size_t i; (i = atomic_fetch_add(&m->next, 1)) < m->len;)
        if (testing_all() || m->at[i].slack + m->at[i].length <= 48) compare_mean(m, &m->at[i]);
    return NULL;
}

Test(shifting, means_over_the_year, .timeout = 7200) {
    static struct year year;
    static struct means means = {.year = &year};
    pthread_t threads[THREADS];
    read_year(&year);
    published_read("energy/temporal_shifting_expected_means.csv", add_mean, &means);
    cr_assert_eq(means.len, 419); /* twelve zones, seven lengths, five slacks, but for one */
    complete_year(&year, &means);
    for (size_t i = 0; i < THREADS; i++) cr_assert_eq(pthread_create(&threads[i], NULL, work, &means), 0);
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    fprintf(stderr, "%zu of %zu means compared\n", atomic_load(&means.compared), means.len);
}
