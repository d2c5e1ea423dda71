/*
 * The search of configurations against brute force, and its arithmetic against hand calculation and the simulator.
 *
 * Random spaces of about 20,000 configurations: several machines, offers with and without failures, flat and daily
 * prices (negative ones among them), caps, checkpoints, waits, trainings and batches. Every configuration is worked out
 * by itself and the best picked by a plain comparison; the search with bounds must find the same, ties included,
 * whatever the pieces it is cut into, and no bound may lie above what it bounds.
 */
#include "support/testing.h"

#include "app/space.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/stats.h"
#include "base/tick.h"
#include "core/choice.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- random spaces ---- */

struct random_space {
    struct choice_space space;
    struct arena arena;
    uint64_t len;
};

static double between(struct rng *rng, double low, double high) { return low + (high - low) * rng_uniform(rng); }
static bool chance(struct rng *rng, double share) { return rng_uniform(rng) < share; }

/* A day of hourly steps about the mean, or flat. */
static struct choice_signal random_signal(struct rng *rng, struct arena *arena, double low, double high) {
    if (chance(rng, 0.4)) return (struct choice_signal){.least = between(rng, low, high)};
    struct steps steps = {.at_ns = arena_alloc(arena, 24, sizeof(int64_t)),
                          .value = arena_alloc(arena, 24, sizeof(double)), .len = 24, .period_ns = TICK_DAY};
    double least = INFINITY;
    for (size_t i = 0; i < 24; i++) {
        steps.at_ns[i] = (int64_t)i * TICK_HOUR;
        steps.value[i] = between(rng, low, high);
        least = fmin(least, steps.value[i]);
    }
    return (struct choice_signal){signal_open(arena, &steps), least};
}

static struct choice_offer random_offer(struct rng *rng, struct arena *arena, uint32_t machine, bool negative) {
    struct choice_offer o = {.machine = machine, .usd_per_node_h = between(rng, 1, 40), .elastic = chance(rng, 0.7),
                             .pue = {.least = between(rng, 1, 1.5)}, .up_share = 1,
                             .nodes_most = 1 + (uint32_t)rng_below(rng, 30)};
    o.usd_per_kwh = random_signal(rng, arena, negative ? -0.5 : 0.01, 0.3);
    o.g_per_kwh = random_signal(rng, arena, 10, 700);
    if (chance(rng, 0.3)) o.rent = random_signal(rng, arena, 1, 40);
    if (chance(rng, 0.5)) {
        o.failures_per_h = between(rng, 0.0005, 0.05);
        o.warned_per_h = chance(rng, 0.5) ? 0.7 * o.failures_per_h : 0;
        o.away_s = between(rng, 0, 900);
    }
    if (o.elastic) {
        o.boot_s = between(rng, 0, 600);
        o.billing_s = chance(rng, 0.5) ? 3600 : 1;
        o.least_s = 60;
    }
    o.shift_price = o.usd_per_kwh.signal;
    o.shift_carbon = o.g_per_kwh.signal;
    return o;
}

static void random_machines(struct rng *rng, struct random_space *r) {
    struct choice_space *s = &r->space;
    const bool negative = chance(rng, 0.2);
    s->machines_len = 1 + rng_below(rng, 4);
    s->machines = arena_alloc(&r->arena, s->machines_len, sizeof *s->machines);
    s->offers = arena_alloc(&r->arena, 40, sizeof *s->offers);
    s->rows = arena_alloc(&r->arena, 4000, sizeof *s->rows);
    for (uint32_t m = 0; m < s->machines_len; m++) {
        struct choice_machine *machine = &s->machines[m];
        *machine = (struct choice_machine){.idle_w = between(rng, 500, 3000), .first_offer = s->offers_len,
                                           .offers_len = 1 + rng_below(rng, 8), .first_row = s->rows_len,
                                           .rows_len = 50 + rng_below(rng, 250)};
        for (size_t c = 0; c < s->caps_len; c++) {
            machine->beyond_w[c] = 600.0 * (double)(s->caps_len - c) / (double)s->caps_len;
            machine->cap_speed[c] = 1 - 0.1 * (double)c;
        }
        for (size_t i = 0; i < machine->offers_len; i++)
            s->offers[s->offers_len++] = random_offer(rng, &r->arena, m, negative);
        for (size_t i = 0; i < machine->rows_len; i++) {
            const uint32_t nodes = 1 + (uint32_t)rng_below(rng, 30);
            /* Times from a short list, so that ties are common. */
            s->rows[s->rows_len++] = (struct choice_row){
                .machine = (uint16_t)m, .variant = (uint16_t)rng_below(rng, 3), .nodes = nodes,
                .piece_s = 3600.0 * (double)(1 + rng_below(rng, 20)) / (s->gang ? nodes : 1),
                .pieces = s->gang ? 1 : ceil(100.0 / nodes), .busy_gpus = 8.0 * nodes, .beyond_w = -1};
        }
    }
}

static void random_open(struct random_space *r, uint64_t seed) {
    static struct choice_checkpoint checkpoints[] = {
        {CHECKPOINT_NONE, 0}, {CHECKPOINT_DALY, 0}, {CHECKPOINT_FIXED, 1800}, {CHECKPOINT_YOUNG, 0}};
    static struct choice_wait waits[] = {{0, false}, {6 * 3600, false}, {24 * 3600, true}};
    struct rng *rng = rng_open(seed, "choice", 0);
    *r = (struct random_space){0};
    arena_init(&r->arena);
    r->space = (struct choice_space){.caps_len = 1 + rng_below(rng, 3), .checkpoints = checkpoints,
                                     .checkpoints_len = 1 + rng_below(rng, 4), .waits = waits,
                                     .waits_len = 1 + rng_below(rng, 3), .write_s = 60, .restore_s = 120,
                                     .gang = chance(rng, 0.6), .value_exponent = chance(rng, 0.7) ? 1 : 1.7,
                                     .weight_usd = 1, .weight_j = between(rng, 0, 2), .weight_g = between(rng, 0, 2),
                                     .scale_usd = 500, .scale_j = 1e9, .scale_g = 1e5};
    random_machines(rng, r);
    r->len = choice_number(&r->space);
    rng_close(rng);
}

/* Limits that some keep: those of a configuration in the middle. */
static void random_goals(const struct random_space *r, uint64_t seed, struct choice_goal goals[6]) {
    struct choice_outcome middle = {.time_s = 1e5, .usd = 1e4};
    const struct choice_config config = choice_config_of(&r->space, r->len / 2);
    choice_outcome(&r->space, &config, &middle);
    for (int i = 0; i < 6; i++) {
        const bool limited = seed % 3 != 0;
        goals[i] = (struct choice_goal){(enum choice_measure)i, limited ? middle.time_s * 2 : INFINITY,
                                        limited ? fabs(middle.usd) * 2 : INFINITY};
    }
}

/* ---- brute force ---- */

static struct choice_kept brute_force(const struct random_space *r, const struct choice_goal *goal) {
    struct choice_kept best = {.value = INFINITY, .config = {.id = UINT64_MAX}};
    for (uint64_t id = 0; id < r->len; id++) {
        const struct choice_config config = choice_config_of(&r->space, id);
        struct choice_outcome o;
        cr_assert_eq(config.id, id);
        if (!choice_outcome(&r->space, &config, &o)) continue;
        if (o.time_s > goal->time_most_s || o.usd > goal->usd_most) continue;
        const double value = choice_measured(&r->space, goal->measure, &o);
        const bool less = value < best.value ||
                          (value == best.value && (o.usd < best.usd || (o.usd == best.usd && o.time_s < best.time_s)));
        if (less) best = (struct choice_kept){value, o.usd, o.time_s, config};
    }
    return best;
}

static void expect_best(uint64_t seed, int goal, const struct choice_kept *wanted, const struct choice_best *found) {
    const bool none = wanted->config.id == UINT64_MAX;
    cr_assert_eq(found->len == 0, none, "seed %llu goal %d: found %zu", (unsigned long long)seed, goal, found->len);
    if (none) return;
    cr_assert_eq(found->at[0].config.id, wanted->config.id, "seed %llu goal %d: %.17g instead of %.17g",
                 (unsigned long long)seed, goal, found->at[0].value, wanted->value);
    cr_assert_eq(found->at[0].value, wanted->value);
}

Test(choice, the_search_with_bounds_finds_what_brute_force_finds) {
    double configurations = 0, ruled_out = 0, all = 0;
    enum { SPACES = 30 };
    for (uint64_t seed = 1; seed <= SPACES; seed++) {
        struct random_space r;
        struct choice_goal goals[6];
        random_open(&r, seed);
        random_goals(&r, seed, goals);
        struct choice_best found[6], dealt[6];
        struct choice_counts counts = {0}, ignored = {0};
        for (int g = 0; g < 6; g++) found[g] = dealt[g] = (struct choice_best){.most = 1 + seed % 4};
        choice_scan(&r.space, goals, 6, 0, r.space.rows_len, true, found, &counts);
        space_search(&r.space, goals, 6, 1 + seed % 5, dealt, &ignored);
        for (int g = 0; g < 6; g++) {
            const struct choice_kept wanted = brute_force(&r, &goals[g]);
            expect_best(seed, g, &wanted, &found[g]);
            expect_best(seed, g, &wanted, &dealt[g]);
        }
        cr_assert_eq(counts.ruled_out + counts.looked_at, r.len);
        configurations += (double)r.len / SPACES;
        ruled_out += (double)counts.ruled_out;
        all += (double)r.len;
        arena_free(&r.arena);
    }
    cr_log_info("%.0f configurations a space, %.0f %% ruled out", configurations, 100 * ruled_out / all);
    cr_assert_gt(configurations, 15000, "the spaces are too small to say anything");
    cr_assert_gt(ruled_out, 0.2 * all, "the bounds rule out nothing");
}

Test(choice, kept_ones_are_the_best_of_the_best_rows) {
    for (uint64_t seed = 100; seed < 110; seed++) {
        struct random_space r;
        random_open(&r, seed);
        const struct choice_goal goal = {CHOICE_USD, INFINITY, INFINITY};
        struct choice_best found = {.most = 5}, all = {.most = 5};
        struct choice_counts counts = {0};
        choice_scan(&r.space, &goal, 1, 0, r.space.rows_len, true, &found, &counts);
        choice_scan(&r.space, &goal, 1, 0, r.space.rows_len, false, &all, &counts);
        cr_assert_eq(found.len, all.len);
        for (size_t i = 0; i < found.len; i++) {
            cr_assert_eq(found.at[i].config.id, all.at[i].config.id);
            for (size_t k = 0; k < i; k++) cr_assert_neq(found.at[i].config.row, found.at[k].config.row);
        }
        arena_free(&r.arena);
    }
}

Test(choice, no_bound_lies_above_what_it_bounds) {
    for (uint64_t seed = 200; seed < 230; seed++) {
        struct random_space r;
        random_open(&r, seed);
        for (uint64_t id = seed % 23; id < r.len; id += 23) {
            const struct choice_config c = choice_config_of(&r.space, id);
            struct choice_outcome o;
            if (!choice_outcome(&r.space, &c, &o)) continue;
            for (int m = 0; m < 6; m++) {
                double time_s, usd;
                const double value = choice_measured(&r.space, (enum choice_measure)m, &o);
                cr_assert_leq(choice_bound(&r.space, c.row, c.offer, (enum choice_measure)m, &time_s, &usd), value);
                cr_assert_leq(time_s, o.time_s);
                cr_assert_leq(usd, o.usd);
                cr_assert_leq(choice_bound(&r.space, c.row, SIZE_MAX, (enum choice_measure)m, &time_s, &usd), value);
                cr_assert_leq(time_s, o.time_s);
                cr_assert_leq(usd, o.usd);
            }
        }
        arena_free(&r.arena);
    }
}

/* What it finds, and how much it rules out, are the same for any number of threads. */
Test(choice, threads_change_nothing) {
    struct random_space r;
    struct choice_goal goals[6];
    random_open(&r, 7);
    random_goals(&r, 7, goals);
    struct choice_best one[6], many[6];
    struct choice_counts of_one = {0};
    for (int g = 0; g < 6; g++) one[g] = (struct choice_best){.most = 3};
    space_search(&r.space, goals, 6, 1, one, &of_one);
    for (size_t threads = 2; threads <= 9; threads += 3) {
        struct choice_counts of_many = {0};
        for (int g = 0; g < 6; g++) many[g] = (struct choice_best){.most = 3};
        space_search(&r.space, goals, 6, threads, many, &of_many);
        cr_assert_eq(of_many.ruled_out, of_one.ruled_out);
        for (int g = 0; g < 6; g++)
            for (size_t i = 0; i < one[g].len; i++) cr_assert_eq(one[g].at[i].config.id, many[g].at[i].config.id);
    }
    arena_free(&r.arena);
}

Test(choice, the_survey_counts_what_is_near) {
    for (uint64_t seed = 300; seed < 306; seed++) {
        struct random_space r;
        random_open(&r, seed);
        const struct choice_goal goal = {CHOICE_USD, INFINITY, INFINITY};
        const struct choice_kept best = brute_force(&r, &goal);
        uint64_t near[CHOICE_NEAR] = {0};
        double variants[3] = {INFINITY, INFINITY, INFINITY};
        for (uint64_t id = 0; id < r.len; id++) {
            const struct choice_config c = choice_config_of(&r.space, id);
            struct choice_outcome o;
            if (!choice_outcome(&r.space, &c, &o)) continue;
            double *variant = &variants[r.space.rows[c.row].variant];
            *variant = fmin(*variant, o.usd);
            for (size_t i = 0; i < CHOICE_NEAR; i++) near[i] += o.usd <= best.value * (1 + choice_near[i]);
        }
        struct choice_survey survey;
        space_survey(&r.space, &goal, best.value, 3, 2, &survey);
        for (size_t i = 0; i < CHOICE_NEAR; i++)
            cr_assert_eq(survey.near[i], near[i], "seed %llu", (unsigned long long)seed);
        for (size_t i = 0; i < 3; i++) cr_assert_eq(survey.variant_usd[i], variants[i]);
        free(survey.offer_usd);
        free(survey.variant_usd);
        arena_free(&r.arena);
    }
}

/* ---- the arithmetic ---- */

/* One machine, one offer, one row; its fields are set by the tests. */
struct single {
    struct choice_space space;
    struct choice_machine machine;
    struct choice_offer offer;
    struct choice_row row;
    struct choice_checkpoint checkpoint;
    struct choice_wait wait;
};

static void single_open(struct single *s) {
    *s = (struct single){0};
    s->machine = (struct choice_machine){.idle_w = 1000, .beyond_w = {500}, .cap_speed = {1}, .offers_len = 1,
                                         .rows_len = 1};
    s->offer = (struct choice_offer){.usd_per_node_h = 10, .usd_per_kwh = {.least = 0.1}, .g_per_kwh = {.least = 300},
                                     .pue = {.least = 1.2}, .up_share = 1, .nodes_most = 100};
    s->row = (struct choice_row){.nodes = 4, .piece_s = 7200, .pieces = 1, .busy_gpus = 32, .beyond_w = -1};
    s->space = (struct choice_space){.machines = &s->machine, .offers = &s->offer, .rows = &s->row, .machines_len = 1,
                                     .offers_len = 1, .rows_len = 1, .checkpoints = &s->checkpoint, .waits = &s->wait,
                                     .caps_len = 1, .checkpoints_len = 1, .waits_len = 1, .gang = true,
                                     .value_exponent = 1};
    choice_number(&s->space);
}

static struct choice_outcome single_outcome(const struct single *s) {
    struct choice_outcome o;
    const struct choice_config config = {0};
    cr_assert(choice_outcome(&s->space, &config, &o));
    return o;
}

Test(choice, undisturbed_work_by_hand) {
    struct single s;
    single_open(&s);
    const struct choice_outcome o = single_outcome(&s);
    /* 4 nodes of 1 kW idle and 8 x 500 W: 20 kW for 2 h at 0.1 USD/kWh and 300 g/kWh (PUE in both); 80 node-dollars. */
    cr_assert_float_eq(o.usd, 4 * 10 * 2 + 40 * 0.1, 1e-9);
    cr_assert_float_eq(o.energy_j, 40 * 1.2 * 3.6e6, 1e-3);
    cr_assert_float_eq(o.co2_g, 40 * 300, 1e-6);
    cr_assert_eq(o.time_s, 7200);
}

Test(choice, billing_and_boots_by_hand) {
    struct single s;
    single_open(&s);
    s.offer.elastic = true;
    s.offer.billing_s = 3600;
    s.offer.boot_s = 300;
    s.row.piece_s = 7300; /* three hours are paid */
    const struct choice_outcome o = single_outcome(&s);
    cr_assert_float_eq(o.usd, 4 * 10 * 3 + 20 * 7300 / 3600.0 * 0.1, 1e-9);
    cr_assert_float_eq(o.time_s, 7600, 1e-9);
}

Test(choice, waiting_goes_to_the_cheapest_hours) {
    struct setup setup;
    struct single s;
    testing_setup(&setup);
    single_open(&s);
    const struct testing_step day[] = {{0, 0.3}, {6 * 3600, 0.05}, {9 * 3600, 0.3}};
    const struct steps steps = testing_steps(&setup, day, 3, 86400);
    const struct signal *signal = signal_open(&setup.arena, &steps);
    s.offer.usd_per_kwh = (struct choice_signal){signal, 0.05};
    s.offer.shift_price = signal;
    s.wait = (struct choice_wait){12 * 3600, false};
    struct choice_outcome o = single_outcome(&s);
    cr_assert_eq(o.start_s, 6 * 3600);
    cr_assert_float_eq(o.usd, 80 + 40 * 0.05, 1e-9);
    s.wait.s = 5 * 3600; /* one of the two hours */
    o = single_outcome(&s);
    cr_assert_eq(o.start_s, 5 * 3600);
    cr_assert_float_eq(o.usd, 80 + 20 * 0.05 + 20 * 0.3, 1e-9);
    testing_setup_free(&setup);
}

/* A failing node in the simulator, many times, against the arithmetic of the mean. */
static void against_simulator(double hazard_per_h, double notice_s, struct checkpoint_setup checkpoint, bool elastic) {
    enum { SEEDS = 400 };
    static double usd[SEEDS], hours[SEEDS], kwh[SEEDS];
    struct single s;
    const double write_s = 60, restore_s = 120, boot_s = 300;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct setup setup;
        struct jobs jobs;
        testing_setup(&setup);
        setup.seed = seed + 1;
        setup.regions[0].price.value[0] = 0.1;
        struct pool_setup *pool = testing_pool(&setup, "p", 4, 8);
        pool->bought = elastic ? BOUGHT_SPOT : BOUGHT_RENTED;
        pool->usd_per_node_h = 10;
        pool->base_w = 1000;
        pool->gpu_peak_w = 500;
        pool->spot_hazard_per_h = hazard_per_h;
        pool->spot_notice_ns = tick_from_seconds(notice_s);
        pool->sleep = (struct sleep_setup){.on = elastic, .boot_ns = tick_from_seconds(boot_s)};
        setup.policy.checkpoint = checkpoint;
        setup.policy.checkpoint.write_ns = tick_from_seconds(write_s);
        setup.policy.checkpoint.restore_ns = tick_from_seconds(restore_s);
        jobs_init(&jobs, 0);
        testing_job(&jobs, 0, 36000, 32);
        struct result result = testing_run(&setup, &jobs);
        const struct tally *run = testing_tally(&result, PART_RUN, NULL);
        cr_assert_eq(run->finished, 1);
        usd[seed] = run->capacity_usd + run->energy_usd;
        kwh[seed] = run->energy_j / 3.6e6;
        hours[seed] = tick_hours(result.jobs->at[0].end_ns);
        result_free(&result);
        jobs_free(&jobs);
        testing_setup_free(&setup);
    }
    single_open(&s);
    s.space.write_s = write_s;
    s.space.restore_s = restore_s;
    s.checkpoint = (struct choice_checkpoint){(int)checkpoint.kind, tick_seconds(checkpoint.every_ns)};
    s.offer.usd_per_kwh.least = 0.1;
    s.offer.pue.least = 1;
    s.offer.elastic = elastic;
    s.offer.failures_per_h = hazard_per_h;
    s.offer.warned_per_h = notice_s >= write_s ? hazard_per_h : 0;
    s.offer.boot_s = s.offer.away_s = boot_s;
    s.row.piece_s = 36000;
    const struct choice_outcome o = single_outcome(&s);
    const struct { const char *what; double *values, expected; } figures[] = {
        {"USD", usd, o.usd}, {"h", hours, o.time_s / 3600}, {"kWh", kwh, o.energy_j / 3.6e6}};
    for (size_t i = 0; i < 3; i++) {
        const struct stats_summary sum = stats_summarise(figures[i].values, SEEDS);
        const double half = stats_t_half_width(sum.sd, SEEDS, 0.999);
        cr_log_info("hazard %g /h, notice %g s: %s %.5g +- %.2g, arithmetic %.5g", hazard_per_h, notice_s,
                    figures[i].what, sum.mean, half, figures[i].expected);
        cr_expect(fabs(sum.mean - figures[i].expected) <= half, "hazard %g /h, notice %g s: %s %g +- %g, arithmetic %g",
                  hazard_per_h, notice_s, figures[i].what, sum.mean, half, figures[i].expected);
    }
}

Test(choice, failures_cost_what_they_cost_the_simulator) {
    against_simulator(0.05, 0, (struct checkpoint_setup){.kind = CHECKPOINT_DALY}, true);
    against_simulator(0.02, 0, (struct checkpoint_setup){.kind = CHECKPOINT_FIXED, .every_ns = 3600 * TICK_S}, true);
    against_simulator(0.02, 0, (struct checkpoint_setup){.kind = CHECKPOINT_NONE}, true);
    against_simulator(0.05, 120, (struct checkpoint_setup){.kind = CHECKPOINT_DALY}, true);
}
