/*
 * The Azure LLM traces of 2023 on services of 1 to 40 replicas of eight H100 that serve a 70B model in 16 bits: what
 * share of requests has its first token within 1 s and every further one within 50 ms, on average over its answer.
 *
 * More replicas serve no fewer in time, within noise: under round_robin one more replica deals the same requests out
 * in another way, and some may meet longer neighbours. Nothing is lost, and the ledger is exact, in every run.
 */
#include "core/service.h"
#include "support/serving.h"
#include "support/published.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define CONV "llm/AzureLLMInferenceTrace_conv.csv.gz"
#define CODE "llm/AzureLLMInferenceTrace_code.csv.gz"

/* Share of requests in time. */
static double attained(const struct requests *requests, double speed, enum router router, uint32_t replicas) {
    struct setup setup;
    struct jobs jobs;
    const struct llm_cost cost = serving_cost();
    testing_setup(&setup);
    struct pool_setup *pool = testing_pool(&setup, "h100", replicas, 8);
    pool->base_w = 2000;
    pool->gpu_idle_w = 75;
    pool->gpu_peak_w = 700;
    const struct service_setup service = {
        .name = "chat", .requests = requests, .speed = speed, .tensor_parallel = 8, .cost = &cost, .max_seqs = 256,
        .chunk_tokens = 8192, .router = router, .least = replicas, .most = replicas, .begin = replicas,
        .slo_ttft_ns = TICK_S, .slo_tpot_ns = TICK_S / 20};
    setup.services = &service;
    setup.services_len = 1;
    jobs_init(&jobs, 0);
    struct result result = testing_run(&setup, &jobs);
    const struct service_result *got = result.services;
    cr_expect_eq(got->arrived, requests->len);
    cr_expect_eq(got->finished, requests->len);
    cr_expect_leq(result.ledger_error, 1e-9);
    const double share = (double)got->met / (double)got->arrived;
    printf("%2u replicas: %6.2f %% in time; TTFT p99 %8.3f s, TPOT p99 %6.2f ms, %5.1f %% of the cache, %6.1f J a "
           "token\n",
           replicas, 100 * share, times_quantile(&got->ttft, 0.99), 1e3 * times_quantile(&got->tpot, 0.99),
           100 * got->kv_used, got->energy_j / got->output_tokens);
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    return share;
}

/* noise: what one more replica may cost. */
static void sweep(const char *file, double speed, enum router router, double noise) {
    const char *path = published_path(file);
    struct serving_trace trace = serving_read(path);
    struct requests requests = serving_requests(&trace);
    double most = 0;
    for (uint32_t replicas = 1; replicas <= 40; replicas += testing_all() || replicas < 4 ? 1 : 4) {
        const double share = attained(&requests, speed, router, replicas);
        cr_expect_geq(share, most - noise, "%u replicas: %g after %g", replicas, share, most);
        if (share > most) most = share;
    }
    cr_expect_geq(most, 0.999);
    free(requests.at);
    free(trace.at);
}

Test(azure_slo, conversations) { sweep(CONV, 1, ROUTER_ROUND_ROBIN, 0.002); }
Test(azure_slo, conversations_of_twenty) { sweep(CONV, 20, ROUTER_LEAST_OUTSTANDING, 0.002); }
Test(azure_slo, code) { sweep(CODE, 1, ROUTER_ROUND_ROBIN, 0.002); }
Test(azure_slo, code_by_outstanding_tokens) { sweep(CODE, 1, ROUTER_LEAST_OUTSTANDING, 0.002); }
