/*
 * What a shifting decision costs over the length of the series: minutes for a week up to ten years. Decisions come
 * in order of time and are spread over the whole series, as a run makes them (over ten years one in 13 minutes; a
 * year of PAI has one job in 5), so that a longer series is also a colder one. Slope of log(time) over log(length)
 * by least squares; times are CPU times of this thread, medians.
 */
#include "bench/bench.h"
#include "core/outlook.h"

#include <stdio.h>
#include <stdlib.h>

enum { DECISIONS = 400000, ROUNDS = 3, CANDIDATES = 25, SIZES = 4 };
static const size_t sizes[SIZES] = {10000, 100000, 1000000, 5260000};
static const double slope_most = 0.15;

/* What is believed by each forecast that is timed, over one series. */
enum { BELIEF_PERFECT, BELIEF_UNEVEN, BELIEF_PERSISTENCE, BELIEF_NOISY, BELIEFS };
static const char *const forecasts[BELIEFS] = {"perfect", "perfect", "persistence", "noisy"};

/* A day, a year and weather; every other minute a second late where steps are uneven. */
static struct steps minutes(struct arena *arena, size_t len, bool even) {
    struct steps s = {.at_ns = arena_alloc(arena, len, sizeof *s.at_ns),
                      .value = arena_alloc(arena, len, sizeof *s.value), .len = len,
                      .period_ns = (int64_t)len * TICK_MINUTE, .source = "bench"};
    struct rng *rng = rng_open(1, "bench", 0);
    double weather = 0;
    for (size_t i = 0; i < len; i++) {
        const double day = (double)i / 1440;
        weather = 0.999 * weather + rng_normal(rng, 0, 2);
        s.at_ns[i] = (int64_t)i * TICK_MINUTE + (even ? 0 : (int64_t)(i % 2) * TICK_S);
        s.value[i] = 300 + 80 * sin(day * 6.2832) + 40 * sin(day * 0.0172) + weather;
    }
    rng_close(rng);
    return s;
}

static void believe(struct outlook *o, struct arena *arena, int belief, size_t len) {
    const struct chosen chosen = bench_model(KIND_FORECAST, forecasts[belief]);
    const struct forecast_model *model = (const struct forecast_model *)(const void *)chosen.model;
    const struct steps truth = minutes(arena, len, belief != BELIEF_UNEVEN);
    struct rng *rng = rng_open(2, "bench", 0);
    struct forecast forecast;
    model->make(chosen.params, &truth, NULL, truth.period_ns, rng, arena, &forecast);
    outlook_open(o, arena, &truth, &forecast, 0);
    rng_close(rng);
    free(chosen.params);
}

/* A decision; what it returns is added up so that it has to be made. */
static double least_moment(const struct outlook *o, int64_t now_ns) {
    return tick_hours(signal_lowest(o->truth, now_ns, now_ns + TICK_DAY) - now_ns);
}
static double least_believed(const struct outlook *o, int64_t now_ns) {
    return tick_hours(outlook_lowest(o, now_ns, now_ns, now_ns + TICK_DAY) - now_ns);
}
static double least_window(const struct outlook *o, int64_t now_ns) {
    double best = INFINITY;
    int at = 0;
    for (int i = 0; i < CANDIDATES; i++) {
        const int64_t start_ns = now_ns + i * TICK_HOUR;
        const double sum = outlook_sum(o, now_ns, start_ns, start_ns + TICK_DAY);
        if (sum < best) {
            best = sum;
            at = i;
        }
    }
    return at;
}

struct question {
    const char *what;
    int belief;
    double (*decide)(const struct outlook *o, int64_t now_ns);
};
static const struct question questions[] = {
    {"least moment of 24 h", BELIEF_PERFECT, least_moment},
    {"least moment of 24 h, uneven steps", BELIEF_UNEVEN, least_moment},
    {"best of 25 windows of 24 h", BELIEF_PERFECT, least_window},
    {"best of 25 windows of 24 h, persistence", BELIEF_PERSISTENCE, least_window},
    {"best of 25 windows of 24 h, growing error", BELIEF_NOISY, least_window},
    {"least believed moment of 24 h, persistence", BELIEF_PERSISTENCE, least_believed},
    {"least believed moment of 24 h, growing error", BELIEF_NOISY, least_believed},
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

static volatile double kept;

static double decision_ns(const struct question *q, const struct outlook *o, size_t len) {
    double times[ROUNDS];
    const double gap_ns = (double)len * (double)TICK_MINUTE / DECISIONS;
    for (int r = 0; r < ROUNDS; r++) {
        double sum = 0;
        const double begin = bench_cpu_s();
        for (int i = 0; i < DECISIONS; i++) sum += q->decide(o, (int64_t)((i + 0.37 * r / ROUNDS) * gap_ns));
        times[r] = (bench_cpu_s() - begin) * 1e9 / DECISIONS;
        kept = sum;
    }
    return bench_median(times, ROUNDS);
}

static double slope(const double *ns) {
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (int i = 0; i < SIZES; i++) {
        const double x = log10((double)sizes[i]), y = log10(ns[i]);
        sx += x, sy += y, sxx += x * x, sxy += x * y;
    }
    return (SIZES * sxy - sx * sy) / (SIZES * sxx - sx * sx);
}

int main(void) {
    static double ns[QUESTIONS][SIZES];
    for (int i = 0; i < SIZES; i++)
        for (int belief = 0; belief < BELIEFS; belief++) {
            struct arena arena;
            struct outlook o;
            arena_init(&arena);
            believe(&o, &arena, belief, sizes[i]);
            for (int q = 0; q < QUESTIONS; q++)
                if (questions[q].belief == belief) ns[q][i] = decision_ns(&questions[q], &o, sizes[i]);
            arena_free(&arena);
        }
    bool all_pass = true;
    for (int q = 0; q < QUESTIONS; q++) {
        const double grows = slope(ns[q]);
        const bool pass = grows <= slope_most;
        all_pass &= pass;
        printf("| growth over minutes of a series, %s: %.0f, %.0f, %.0f, %.0f ns/decision, slope | %.3g | <= %.3g | "
               "%s |\n",
               questions[q].what, ns[q][0], ns[q][1], ns[q][2], ns[q][3], grows, slope_most, pass ? "pass" : "FAIL");
    }
    return all_pass ? EXIT_OK : EXIT_FAILED;
}
