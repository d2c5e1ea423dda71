/*
 * Services of scenarios in plain numbers: classes, regions and failover, stages of a split on GPUs of their own,
 * scaling by forecast, clients. What broken ones say is tests/golden/bad-scenarios.
 */
#include "base/tick.h"
#include "core/service.h"
#include "io/scenario.h"
#include "models/registry.h"
#include "support/sample.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char file[] = "/tmp/headroom-services-XXXXXX";
static struct scenario scenario;
static struct err err;

static void start(void) {
    err_init(&err);
    cr_assert_eq(setenv("HEADROOM_CATALOG", sample_source("models/catalog"), 1), 0);
    const int fd = mkstemp(file);
    cr_assert_geq(fd, 0);
    FILE *to = fdopen(fd, "w");
    cr_assert(to);
    fclose(to);
}
static void stop(void) {
    scenario_close(&scenario);
    err_free(&err);
    remove(file);
}
TestSuite(services, .init = start, .fini = stop);

/* A service of the lines given, in two regions with H100 in both and A100 in the second. */
static const struct service_setup *service_of(const char *lines) {
    FILE *to = fopen(file, "w");
    cr_assert(to);
    fprintf(to, "version: 1\nhorizon: 1 d\n"
                "regions:\n  - {name: east, price: 0.1 USD/kWh, carbon: 300 gCO2/kWh, pue: 1.2}\n"
                "  - {name: west, price: 0.1 USD/kWh, carbon: 300 gCO2/kWh, pue: 1.2}\n"
                "pools:\n  - {name: a, region: east, node: dgx-h100, nodes: 8}\n"
                "  - {name: b, region: west, node: dgx-h100, nodes: 8}\n"
                "  - {name: c, region: west, node: dgx-a100, nodes: 8}\n"
                "services:\n  - name: chat\n    model: Llama-2-70B\n    engine: vllm-2023\n    tensor_parallel: 8\n%s",
            lines);
    fclose(to);
    const bool right = scenario_open(&scenario, file, models_registry(), NULL, 0, &err);
    if (!right) err_print(&err, stderr);
    cr_assert(right);
    return scenario.runs[0].setup->services;
}
#define REQUESTS "    requests: {rate: 1 /s, prompt: {median: 100}, output: {median: 10}}\n"

Test(services, classes_have_levels_of_their_own_or_the_services) {
    const struct service_setup *s =
        service_of(REQUESTS "    replicas: 2\n    slo: {ttft: 2 s, tpot: 50 ms}\n    aging: 20 s\n"
                            "    classes: [{name: a, priority: 3, slo: {ttft: 500 ms}}, {name: b}]\n");
    cr_assert_eq(s->classes_len, 2);
    cr_expect(s->classes[0].priority == 3 && s->classes[0].slo_ttft_ns == TICK_S / 2);
    cr_expect_eq(s->classes[0].slo_tpot_ns, 0);
    cr_expect(s->classes[1].priority == 0 && s->classes[1].slo_ttft_ns == 2 * TICK_S);
    cr_expect_eq(s->classes[1].slo_tpot_ns, TICK_S / 20);
    cr_expect_eq(s->aging_ns, 20 * TICK_S);
    cr_expect(s->places_len == 0 && !s->failover && s->autoscale == SCALE_FIXED && s->most == 2);
}

Test(services, regions_have_shares_and_numbers) {
    const struct service_setup *s =
        service_of(REQUESTS "    replicas: {least: 1, most: 4, begin: 2, scale: forecast, season: 7 d, target: 5}\n"
                            "    regions: [{name: west, share: 3}, {name: east, replicas: {least: 0, most: 2}}]\n"
                            "    failover: {latency: 70 ms, crowded: 9}\n");
    cr_assert_eq(s->places_len, 2);
    cr_expect(s->places[0].region == 1 && s->places[0].share == 0.75 && s->places[0].least == 1);
    cr_expect(s->places[0].most == 4 && s->places[0].begin == 2);
    cr_expect(s->places[1].region == 0 && s->places[1].share == 0.25 && s->places[1].least == 0);
    cr_expect(s->places[1].most == 2 && s->places[1].begin == 0);
    cr_expect(s->least == 1 && s->most == 6 && s->begin == 2);
    cr_expect(s->failover && s->away_ns == 70 * (TICK_S / 1000) && s->crowded == 9);
    cr_expect(s->autoscale == SCALE_FORECAST && s->season_ns == 7 * TICK_DAY && s->target == 5);
}

/* Prefill only on H100, eight of them; decode on four A100. */
Test(services, stages_on_gpus_of_their_own) {
    const struct service_setup *s =
        service_of(REQUESTS "    replicas: 6\n"
                            "    split: {prefill: {replicas: 2, gpu: H100-SXM5-80}, decode: {gpu: A100-SXM4-80, "
                            "tensor_parallel: 4}, transfer: 25 GB/s, latency: 50 us}\n");
    cr_expect(s->split && s->prefill_replicas == 2 && s->transfer_bytes_per_s == 25e9 && s->transfer_s == 50e-6);
    cr_expect(service_gpus(s, 0) == 8 && service_gpus(s, 1) == 4);
    const uint32_t first[] = {8, 8, 0}, second[] = {0, 0, 4};
    for (int pool = 0; pool < 3; pool++) {
        cr_expect_eq(service_cost(s, 0)[pool].gpus, first[pool]);
        cr_expect_eq(service_cost(s, 1)[pool].gpus, second[pool]);
    }
    for (uint32_t i = 0; i < 6; i++) cr_expect_eq(service_stage(s, i), i < 2 ? 0u : 1u);
}

Test(services, stages_alike_are_one) {
    const struct service_setup *s =
        service_of(REQUESTS "    replicas: 6\n    split: {prefill: 2, transfer: 25 GB/s}\n");
    cr_expect(s->decode_cost == NULL && service_cost(s, 1) == s->cost && service_gpus(s, 1) == 8);
}

Test(services, clients) {
    service_of("    replicas: 1\n    requests:\n      rate: 2 /s\n      prompt: {median: 100, sigma: 1}\n"
               "      output: {median: 10}\n      clients: {count: 50, gaps: weibull, cv: 3, turns: 4, think: 1 min}\n"
               "      classes: [{name: a, weight: 2, output: {median: 7}}, {name: b}]\n");
    const struct request_load *load = scenario.runs[0].demand.services[0].load;
    cr_assert(load);
    const struct clients_load *c = &load->clients;
    cr_expect(c->count == 50 && c->gaps == GAPS_WEIBULL && c->cv == 3 && c->turns == 4);
    cr_expect(c->think_ns == TICK_MINUTE && c->skew == 1.2 && c->spread == 0.5);
    cr_assert_eq(load->classes_len, 2);
    cr_expect(load->classes[0].weight == 2 && load->classes[0].output.median == 7);
    cr_expect_eq(load->classes[0].prompt.sigma, 1);
    cr_expect(load->classes[1].weight == 1 && load->classes[1].output.median == 10);
}
