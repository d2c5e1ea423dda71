/*
 * Services through the engine: requests a second of one core for 16 replicas of eight H100 under each router, on the
 * Azure conversation trace repeated, so fast that replicas are nearly full; and a week of one fleet of 64 nodes where
 * a service that scales takes nodes from 200,000 training jobs when it needs them, and pipelines whose stages scale
 * take what is left: one through which lots stream all week, and one every night for the day's items.
 *
 * Held against a million requests a second, and 1.5 million events a second: of the week, what happens to jobs and
 * at control moments, and two a request (it comes, it is done).
 *
 * `service TRACE`; `service TRACE quick`: a tenth of it. CPU times of the event loop.
 */
#include "base/rng.h"
#include "core/flow.h"
#include "core/service.h"
#include "support/serving.h"
#include "support/testing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void nodes(struct setup *setup, uint32_t count) {
    struct pool_setup *pool = testing_pool(setup, "h100", count, 8);
    pool->base_w = 2000;
    pool->gpu_idle_w = 75;
    pool->gpu_peak_w = 700;
}

static struct service_setup sixteen(const struct requests *requests, const struct llm_cost *cost, double pace) {
    return (struct service_setup){.name = "chat", .requests = requests, .speed = pace, .repeat = true,
                                  .tensor_parallel = 8, .cost = cost, .max_seqs = 256, .chunk_tokens = 8192,
                                  .least = 16, .most = 16, .begin = 16, .slo_ttft_ns = TICK_S,
                                  .slo_tpot_ns = TICK_S / 20};
}

static bool routed(const struct requests *requests, enum router router, double count) {
    static const char *const names[] = {"round robin", "least outstanding", "session", "prefix"};
    const double pace = 30;
    const struct llm_cost cost = serving_cost();
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    nodes(&setup, 16);
    struct service_setup service = sixteen(requests, &cost, pace);
    service.router = router;
    setup.services = &service;
    setup.services_len = 1;
    const double span_ns = (double)requests->at[requests->len - 1].arrival_ns;
    setup.horizon_ns = (int64_t)(count / (double)requests->len / pace * span_ns);
    jobs_init(&jobs, 0);
    struct result result = testing_run(&setup, &jobs);
    const double rate = (double)result.services->finished / result.loop_s;
    printf("| a service of 16 replicas, %s: %.3g M requests | %.3g M requests/s | >= 1 M requests/s | %s |\n",
           names[router], (double)result.services->finished / 1e6, rate / 1e6, rate >= 1e6 ? "pass" : "FAIL");
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    return rate >= 1e6;
}

/* Decoding on cores, embedding on GPUs, writing on cores; all scale. */
static void stages_of(struct flow_stage *stages) {
    static const uint32_t before[] = {0, 1};
    static const struct flow_scale on_cores = {4, 4, 400, 10 * TICK_S, 5 * TICK_MINUTE, TICK_MINUTE, 0},
                                   on_gpus = {1, 1, 32, 10 * TICK_S, 5 * TICK_MINUTE, TICK_MINUTE, 0};
    stages[0] = (struct flow_stage){.work = {.name = "decode", .service_s = 2, .batch = 1, .cpus = 1, .start_s = 1},
                                    .class_name = "clips/decode", .scale = on_cores};
    stages[1] = (struct flow_stage){.work = {.name = "embed", .service_s = 1, .batch = 8, .gpus = 1, .start_s = 40},
                                    .class_name = "clips/embed", .after = &before[0], .after_len = 1,
                                    .scale = on_gpus};
    stages[2] = (struct flow_stage){.work = {.name = "write", .service_s = 0.5, .batch = 4, .cpus = 1, .start_s = 1},
                                    .class_name = "clips/write", .after = &before[1], .after_len = 1,
                                    .scale = on_cores};
    for (int i = 0; i < 3; i++) stages[i].work.workers = stages[i].scale.most;
}

enum { FLOWS = 8 };
static void pipelines(struct flow_setup *flows, struct flow_stage *stages) {
    static double daily[24];
    for (int h = 0; h < 24; h++) daily[h] = h < 7 ? 1 : 3;
    flows[0] = (struct flow_setup){.name = "stream", .stages = stages, .stages_len = 3, .items = INFINITY,
                                   .until_ns = TICK_NEVER, .rate_per_s = 60, .lot = 500, .daily = {daily, 24},
                                   .priority = 5};
    for (int i = 1; i < FLOWS; i++)
        flows[i] = (struct flow_setup){.name = "nightly", .stages = stages, .stages_len = 3, .items = 2e6,
                                       .start_ns = (i - 1) * TICK_DAY + 22 * TICK_HOUR, .until_ns = TICK_NEVER};
}

static bool week(const struct requests *requests, double share) {
    const struct llm_cost cost = serving_cost();
    const size_t count = (size_t)(200000 * share);
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    testing_policy(&setup, "preemptive_priority", "none", "best_fit");
    nodes(&setup, 64);
    struct service_setup service = sixteen(requests, &cost, 10);
    service.least = service.begin = 2;
    service.autoscale = SCALE_REACTIVE;
    service.target = 16;
    service.keep_ns = 2 * TICK_MINUTE;
    service.cold_start_ns = TICK_MINUTE;
    service.priority = 10;
    setup.services = &service;
    setup.services_len = 1;
    struct flow_stage stages[3];
    struct flow_setup flows[FLOWS];
    stages_of(stages);
    pipelines(flows, stages);
    setup.flows = flows;
    setup.flows_len = FLOWS;
    setup.horizon_ns = (int64_t)(7 * share * (double)TICK_DAY);
    jobs_init(&jobs, 0);
    struct rng *rng = rng_open(1, "jobs", 0);
    for (size_t i = 0; i < count; i++) /* 512 GPUs, of them 70 % busy with jobs */
        testing_job(&jobs, rng_uniform(rng) * 7 * 86400 * share, rng_exponential(rng, 481),
                    1 + (uint32_t)rng_below(rng, 4));
    rng_close(rng);
    struct result result = testing_run(&setup, &jobs);
    const double events = (double)result.events + 2 * (double)result.services->finished;
    const double rate = events / result.loop_s;
    const struct flow_result *piped = &result.flows[FLOWS];
    printf("| %.3g days of one fleet: %zu jobs, %.3g M requests, %u to %u replicas, %lu started, %.3g M items, %lu "
           "workers started, %.3g M events | %.3g M events/s | >= 1.5 M events/s | %s |\n", 7 * share, count,
           (double)result.services->finished / 1e6, service.least, result.services->replicas_most,
           (unsigned long)result.services->starts, piped->items / 1e6, (unsigned long)piped->starts, events / 1e6,
           rate / 1e6, rate >= 1.5e6 ? "pass" : "FAIL");
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    return rate >= 1.5e6;
}

int main(int argc, char **argv) {
    const bool quick = argc == 3 && strcmp(argv[2], "quick") == 0;
    if (argc != 2 && !quick) die("usage: service TRACE [quick]");
    struct serving_trace trace = serving_read(argv[1]);
    struct requests requests = serving_requests(&trace);
    for (size_t i = 0; i < requests.len; i++) requests.at[i].session = (uint16_t)(1 + i % 1000);
    bool pass = true;
    for (enum router router = ROUTER_ROUND_ROBIN; router <= ROUTER_PREFIX; router++)
        pass &= routed(&requests, router, quick ? 1e6 : 1e7);
    pass &= week(&requests, quick ? 0.1 : 1);
    free(requests.at);
    free(trace.at);
    return pass ? EXIT_OK : EXIT_FAILED;
}
