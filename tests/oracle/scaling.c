/*
 * Numbers of replicas that look ahead, and services that sleep: what is held and how long requests wait, by hand to the
 * second; and what forecasts are worth on days that resemble each other, against reacting and against a fixed number.
 */
#include "core/load.h"
#include "core/service.h"
#include "io/requests.h"
#include "support/serving.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

struct scene {
    struct setup setup;
    struct service_setup service;
    struct requests requests;
    struct llm_cost cost;
    struct jobs jobs;
    struct result result;
};

static void scene_open(struct scene *scene, uint32_t most) {
    *scene = (struct scene){0};
    testing_setup(&scene->setup);
    struct pool_setup *pool = testing_pool(&scene->setup, "a", most, 8);
    pool->base_w = 900;
    pool->gpu_idle_w = 75;
    pool->gpu_peak_w = 700;
    scene->cost = serving_cost();
    scene->service = (struct service_setup){
        .name = "chat", .requests = &scene->requests, .speed = 1, .tensor_parallel = 8, .cost = &scene->cost,
        .max_seqs = 256, .chunk_tokens = 8192, .least = 1, .most = most, .begin = 1};
    scene->setup.services = &scene->service;
    scene->setup.services_len = 1;
    jobs_init(&scene->jobs, 0);
}
static void scene_close(struct scene *scene) {
    result_free(&scene->result);
    jobs_free(&scene->jobs);
    testing_setup_free(&scene->setup);
}
static const struct service_result *run(struct scene *scene) {
    result_free(&scene->result);
    scene->result = testing_run(&scene->setup, &scene->jobs);
    cr_expect_leq(scene->result.ledger_error, 1e-9);
    const struct service_result *got = scene->result.services;
    cr_expect_eq(got->arrived, got->finished + got->waiting + got->refused);
    return got;
}

static void add_time(void *context, const struct served *served) {
    *(double *)context += tick_seconds(served->finish_ns - served->arrival_ns);
}
/* What `count` equal requests at once take at one replica, each. */
static double together_s(size_t count, uint32_t prompt, uint32_t output) {
    struct replica_setup setup = serving_replica();
    const struct request request = {.prompt = prompt, .output = output};
    double sum_s = 0;
    setup.done = add_time;
    setup.context = &sum_s;
    struct replica *replica = replica_open(&setup);
    for (size_t i = 0; i < count; i++) replica_add(replica, &request);
    replica_advance(replica, TICK_DAY);
    replica_close(replica);
    return sum_s / (double)count;
}

/* Sixteen requests at once, four a replica, come again after a season of an hour. The first time three replicas are
 * asked for at the next look, and come too late; the second time so that they are up at the look after which they are
 * needed, and are kept while the requests were there the time before. */
Test(scaling, a_forecast_comes_in_time) {
    enum { ONCE = 16 };
    static const int64_t first_ns = 1000500 * (TICK_S / 1000);
    static struct scene scene;
    struct request_row rows[2 * ONCE] = {{0}};
    scene_open(&scene, 4);
    for (int i = 0; i < 2 * ONCE; i++)
        rows[i] = (struct request_row){.arrival_ns = first_ns + i / ONCE * TICK_HOUR, .prompt = 100, .output = 2000};
    scene.requests = (struct requests){.at = rows, .len = 2 * ONCE};
    scene.service.autoscale = SCALE_FORECAST;
    scene.service.season_ns = TICK_HOUR;
    scene.service.every_ns = 5 * TICK_S;
    scene.service.target = 4;
    scene.service.keep_ns = 60 * TICK_S;
    scene.service.cold_start_ns = 60 * TICK_S;
    scene.setup.horizon_ns = 2 * TICK_HOUR;
    const struct service_result *got = run(&scene);
    const double crowded_s = together_s(ONCE, 100, 2000), apart_s = together_s(ONCE / 4, 100, 2000);
    cr_expect_lt(crowded_s, 65, "before the others are up");
    cr_expect(testing_near(got->e2e.sum_s, ONCE * (crowded_s + apart_s), 1e-9), "%.9g, not %.9g s", got->e2e.sum_s,
              ONCE * (crowded_s + apart_s));
    const double end_s = 1000.5 + crowded_s - scene.cost.first_token_s, last_look_s = floor(end_s / 5) * 5;
    const double first_s = last_look_s + 5 + 60 - 1005;
    /* Asked at a look for a look 65 s later; too many from the first look on after the last that had them before. */
    const double second_s = 3600 + last_look_s + 5 + 60 - (4605 - 65);
    const double held_s = 7200 + 3 * (first_s + second_s);
    cr_expect(testing_near(got->replica_h * 3600, held_s, 1e-9), "%g, not %g s", got->replica_h * 3600, held_s);
    cr_expect_eq(got->starts, 7);
    scene_close(&scene);
}

/* What grew since the season before is expected to stay: a season of one request at any time, then five. */
Test(scaling, a_forecast_has_a_trend) {
    static struct scene scene;
    static const uint32_t most[] = {1, 5, 9};
    struct request_row rows[6] = {{0}};
    scene_open(&scene, 9);
    /* One is there in the first hour, five from the second on. When the third begins, the half hour before had four
     * more than the one a season earlier, so 5 + 4 are expected. */
    for (int i = 0; i < 5; i++)
        rows[i] = (struct request_row){.arrival_ns = (i ? TICK_HOUR : 0) + TICK_S, .prompt = 10, .output = 2000000};
    scene.requests = (struct requests){.at = rows, .len = 5};
    scene.cost.kv_tokens = 1e8;
    scene.service.autoscale = SCALE_FORECAST;
    scene.service.season_ns = TICK_HOUR;
    scene.service.every_ns = 60 * TICK_S;
    scene.service.target = 1;
    scene.service.keep_ns = TICK_DAY;
    scene.service.most = 9;
    for (int hours = 1; hours <= 3; hours++) {
        scene.setup.horizon_ns = hours * TICK_HOUR - TICK_S;
        const struct service_result *got = run(&scene);
        cr_expect_eq(got->waiting, hours > 1 ? 5u : 1u);
        cr_expect_eq(got->replicas_most, most[hours - 1], "%u", got->replicas_most);
    }
    scene_close(&scene);
}

/* Nobody is there: the request is a control moment of its own, between looks a minute apart. */
Test(scaling, the_next_request_wakes) {
    static struct scene scene;
    struct request_row rows[2] = {{.arrival_ns = 101300 * (TICK_S / 1000), .prompt = 100, .output = 10},
                                  {.arrival_ns = 3000 * TICK_S, .prompt = 100, .output = 10}};
    for (int forecast = 0; forecast < 2; forecast++) {
        scene_open(&scene, 1);
        scene.requests = (struct requests){.at = rows, .len = 2};
        scene.service.least = scene.service.begin = 0;
        scene.service.autoscale = forecast ? SCALE_FORECAST : SCALE_REACTIVE;
        scene.service.season_ns = TICK_DAY;
        scene.service.every_ns = 60 * TICK_S;
        scene.service.target = 4;
        scene.service.keep_ns = 120 * TICK_S;
        scene.service.cold_start_ns = 42 * TICK_S;
        scene.setup.horizon_ns = TICK_HOUR;
        const struct service_result *got = run(&scene);
        cr_expect(testing_near(got->e2e.sum_s, 2 * (42 + together_s(1, 100, 10)), 1e-9), "%.9g s", got->e2e.sum_s);
        /* Up from the request's time on; no request is there at the next look, nor at the two after it. The second
         * time a look comes with the request. */
        const double held_s = (180 + 120 - 101.3) + (3060 + 120 - 3000);
        cr_expect(testing_near(got->replica_h * 3600, held_s, 1e-9), "%g, not %g s", got->replica_h * 3600, held_s);
        cr_expect_eq(got->starts, 2);
        scene_close(&scene);
    }
}

/* ---- what it is worth ---- */

struct outcome {
    double in_time, replica_h;
};
static struct outcome outcome_of(struct scene *scene, enum autoscale autoscale, double target) {
    scene->service.autoscale = autoscale;
    scene->service.target = target;
    const struct service_result *got = run(scene);
    const struct outcome outcome = {(double)got->met / (double)got->arrived, got->replica_h};
    printf("%-9s for %g requests a replica: %.2f %% in time, %.1f replica-hours a day, TTFT p99 %.2f s\n",
           autoscale_names[autoscale], target, 100 * outcome.in_time,
           outcome.replica_h * 24 / tick_hours(scene->result.measured_ns), times_quantile(&got->ttft, 0.99));
    return outcome;
}

/* Days that rise to ten times the night within three hours; a replica takes five minutes to come up. Forecasts learn
 * in the first day, which is not measured. Against the same target, and against reacting with so much more room that
 * it holds as much as the forecast does. */
Test(scaling, a_forecast_against_reacting) {
    static double daily[24] = {1, 1, 1, 1, 1, 1, 4, 7, 10, 10, 10, 10, 9, 9, 10, 10, 9, 8, 6, 4, 3, 2, 1, 1};
    static struct scene scene;
    const int64_t days = testing_all() ? 8 : 2;
    const struct request_load load = {.rate_per_h = 3600 * 12, .daily = {daily, 24}, .burst_ratio = 1,
                                      .prompt = {1000, 0.9, 16384}, .output = {150, 0.8, 2048},
                                      .until_ns = days * TICK_DAY};
    scene_open(&scene, 12);
    load_requests(&load, 1, 0, &scene.requests);
    struct service_setup *service = &scene.service;
    service->every_ns = 15 * TICK_S;
    service->keep_ns = 10 * TICK_MINUTE;
    service->cold_start_ns = 5 * TICK_MINUTE;
    service->season_ns = TICK_DAY;
    service->slo_ttft_ns = TICK_S;
    service->slo_tpot_ns = 28 * (TICK_S / 1000);
    scene.setup.horizon_ns = days * TICK_DAY;
    scene.setup.measure_from_ns = TICK_DAY;
    const struct outcome reactive = outcome_of(&scene, SCALE_REACTIVE, 30),
                         roomy = outcome_of(&scene, SCALE_REACTIVE, 24),
                         forecast = outcome_of(&scene, SCALE_FORECAST, 30);
    cr_expect_gt(forecast.in_time, reactive.in_time);
    cr_assert(reactive.replica_h < forecast.replica_h && forecast.replica_h < roomy.replica_h);
    const double part = (forecast.replica_h - reactive.replica_h) / (roomy.replica_h - reactive.replica_h);
    const double equal = reactive.in_time + part * (roomy.in_time - reactive.in_time);
    printf("late at equal replica-hours: %.2f %% reacting, %.2f %% by forecast\n", 100 * (1 - equal),
           100 * (1 - forecast.in_time));
    cr_expect_gt(forecast.in_time, equal);
    if (testing_all()) {
        service->least = service->begin = service->most = 7;
        outcome_of(&scene, SCALE_FIXED, 1);
    }
    requests_free(&scene.requests);
    scene_close(&scene);
}
