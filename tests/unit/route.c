/* Routes: a world of three regions by hand, and where each model sends jobs. */
#include "support/param.h"
#include "support/testing.h"

#include "base/tick.h"
#include "core/seams.h"

#include <criterion/criterion.h>

enum { REGIONS = 3, JOBS = 3000 };

static struct setup setup;
static struct world world;
static struct domain domains[REGIONS];
static struct holding tenants[2];
static uint32_t domain_of[2 * REGIONS] = {0, 1, 2, 0, 1, 2};
static double price[REGIONS] = {0.10, 0.08, 0.08}, carbon[REGIONS] = {100, 400, 50};
static double pue[REGIONS] = {1, 1.5, 1.25};
static const bool all[REGIONS] = {true, true, true};
static const bool last[REGIONS] = {false, false, true};
static const bool ends[REGIONS] = {true, false, true};

/* 40, 10 and 50 GPUs; tenant 0 lives anywhere, tenant 1 in region 1. */
static void open_world(void) {
    testing_setup(&setup);
    testing_region(&setup, "there");
    testing_region(&setup, "elsewhere");
    const uint64_t gpus[REGIONS] = {40, 10, 50};
    for (uint32_t r = 0; r < REGIONS; r++)
        domains[r] = (struct domain){.region = r, .nodes = 10, .capacity_milli = gpus[r] * 1000,
                                     .free_milli = gpus[r] * 1000};
    tenants[0].home = SETUP_ANYWHERE;
    tenants[1].home = 1;
    world = (struct world){.setup = &setup, .domain_of = domain_of, .tenants = tenants,
                           .price = price, .carbon = carbon, .pue = pue,
                           .fleet = {.domains = domains, .domains_len = REGIONS}};
    jobs_init(&world.jobs, 0);
    for (int i = 0; i < JOBS; i++) testing_job(&world.jobs, i, 60, 1);
}
static void close_world(void) {
    jobs_free(&world.jobs);
    testing_setup_free(&setup);
}
TestSuite(route, .init = open_world, .fini = close_world);

static const struct route_model *route;
static void *state;
static void use(const char *name) {
    route = (const struct route_model *)testing_model(&setup.arena, KIND_ROUTE, name).model;
    state = arena_alloc(&setup.arena, 1, route->model.state_size + 1);
    if (route->open) route->open(state, NULL, &world);
}
static uint32_t go(uint32_t job, const bool *may) { return route->region(state, &world, job, may); }

Test(route, home_is_where_the_tenant_lives) {
    use("home");
    for (uint32_t j = 0; j < 10; j++) {
        world.jobs.at[j].tenant = 1;
        cr_expect_eq(go(j, all), 1);
        cr_expect_eq(go(j, last), 2, "its home cannot hold it");
    }
}

Test(route, without_a_home_regions_get_jobs_by_capacity) {
    use("home");
    double count[REGIONS] = {0};
    for (uint32_t j = 0; j < JOBS; j++) {
        count[go(j, all)]++;
        /* The golden-ratio sequence never strays from its shares by more than a few jobs. */
        const double share[REGIONS] = {0.4, 0.1, 0.5};
        for (uint32_t r = 0; r < REGIONS; r++)
            cr_assert_float_eq(count[r], share[r] * (j + 1), 3, "region %u, %u jobs: %g", r, j + 1, count[r]);
    }
    count[0] = count[2] = 0;
    for (uint32_t j = 0; j < 900; j++) count[go(j, ends)]++;
    cr_expect_float_eq(count[0], 400, 6);
    cr_expect_float_eq(count[2], 500, 6);
}

Test(route, cpu_jobs_without_a_home_go_by_nodes) {
    use("home");
    domains[1].capacity_milli = 0; /* a region of CPU nodes */
    domains[1].nodes = 20;
    double count[REGIONS] = {0};
    for (uint32_t j = 0; j < 400; j++) {
        const struct shape cpu = {.cpu_milli = 1000, .models = JOB_ANY_MODEL};
        world.jobs.at[j].shape = jobs_shape(&world.jobs, &cpu);
        count[go(j, all)]++;
    }
    cr_expect_float_eq(count[0], 100, 6);
    cr_expect_float_eq(count[1], 200, 6);
    cr_expect_float_eq(count[2], 100, 6);
}

Test(route, round_robin_takes_turns_and_skips) {
    use("round_robin");
    const uint32_t expected[] = {0, 1, 2, 0};
    for (uint32_t j = 0; j < 4; j++) cr_expect_eq(go(j, all), expected[j]);
    cr_expect_eq(go(4, last), 2);
    cr_expect_eq(go(5, all), 0);
    cr_expect_eq(go(6, ends), 2, "region 1 is skipped");
    cr_expect_eq(go(7, all), 0);
}

Test(route, least_loaded_looks_at_shares_not_counts) {
    use("least_loaded");
    cr_expect_eq(go(0, all), 0, "all free: the lowest index");
    domains[0].free_milli = 20000; /* 1/2 */
    domains[1].free_milli = 6000;  /* 6/10 */
    domains[2].free_milli = 25000; /* 1/2 */
    cr_expect_eq(go(1, all), 1);
    cr_expect_eq(go(2, ends), 0, "equal shares of unequal regions tie");
    domains[0].free_milli = 19999;
    cr_expect_eq(go(3, ends), 2);
    domains[0].free_milli = domains[1].free_milli = domains[2].free_milli = 0;
    cr_expect_eq(go(4, all), 0);
    cr_expect_eq(go(5, last), 2);
}

Test(route, cheapest_and_greenest_weigh_pue) {
    use("cheapest"); /* 0.10, 0.12, 0.10 */
    cr_expect_eq(go(0, all), 0, "ties go to the lowest index");
    cr_expect_eq(go(1, last), 2);
    price[1] = -0.01;
    cr_expect_eq(go(2, all), 1, "negative prices are prices");
    use("greenest"); /* 100, 600, 62.5 */
    cr_expect_eq(go(3, all), 2);
    carbon[0] = 62;
    cr_expect_eq(go(4, all), 0);
}

static uint32_t weighed(const struct route_offer *offers, const bool *may, double signal, double delay,
                        double transfer) {
    const struct chosen chosen = testing_model(&setup.arena, KIND_ROUTE, "weighted");
    testing_param(chosen, "signal", signal);
    testing_param(chosen, "delay", delay);
    testing_param(chosen, "transfer", transfer);
    route = (const struct route_model *)chosen.model;
    state = arena_alloc(&setup.arena, 1, route->model.state_size);
    route->open(state, chosen.params, &world);
    return route->pair(state, &world, 0, may, offers);
}

Test(route, weighted_adds_up_signal_delay_and_transfer) {
    world.now_ns = 5 * TICK_HOUR;
    /* relative to their mean 1.5, 1 and 0.5; 1, 2 and 4 hours */
    struct route_offer offers[REGIONS] = {{.mean = 300, .start_ns = 5 * TICK_HOUR, .queue_s = 3600},
                                          {.mean = 200, .start_ns = 7 * TICK_HOUR, .transfer_usd = 1},
                                          {.mean = 100, .start_ns = 9 * TICK_HOUR, .transfer_usd = 8}};
    cr_expect_eq(weighed(offers, all, 1, 0, 0), 2);
    cr_expect_eq(weighed(offers, all, 0, 0, 0), 0, "ties go to the lowest index");
    cr_expect_eq(weighed(offers, last, 0, 1, 1), 2);
    cr_expect_eq(weighed(offers, all, 2, 0.9, 0), 1, "3.9, 3.8, 4.6");
    cr_expect_eq(weighed(offers, all, 2, 1.1, 0), 0, "4.1, 4.2, 5.4");
    cr_expect_eq(weighed(offers, all, 1, 0, 0.06), 2, "1.5, 1.06, 0.98");
    cr_expect_eq(weighed(offers, all, 1, 0, 0.08), 1, "1.5, 1.08, 1.14");
    offers[1].mean = 1e6;
    cr_expect_eq(weighed(offers, ends, 2, 0.6, 0), 2, "3.6, 3.4: a region it may not go to says nothing");
    offers[0].mean = -100, offers[1].mean = 100, offers[2].mean = -300;
    cr_expect_eq(weighed(offers, all, 1, 0, 0), 2, "negative prices are prices");
}
