/*
 * Services in several regions: where requests go, what it takes them, and that none is lost or counted twice when
 * replicas, nodes and regions come and go. By hand where one request goes one way, else by what must add up.
 */
#include "core/service.h"
#include "support/param.h"
#include "support/serving.h"
#include "support/testing.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { REGIONS = 3 };

struct scene {
    struct setup setup;
    struct service_setup service;
    struct service_place places[REGIONS];
    struct requests requests;
    struct llm_cost cost[REGIONS];
    struct jobs jobs;
    struct result result;
};

/* Regions a, b, ... of `nodes` nodes each, a replica a node; users by shares. */
static void scene_open(struct scene *scene, size_t regions, uint32_t nodes, const double *shares) {
    static const char *const names[REGIONS] = {"a", "b", "c"};
    *scene = (struct scene){0};
    testing_setup(&scene->setup);
    for (uint32_t r = 0; r < regions; r++) {
        struct pool_setup *pool = testing_pool(&scene->setup, names[r], nodes, 8);
        if (r) testing_region(&scene->setup, names[r]);
        pool->region = r;
        pool->base_w = 900;
        pool->gpu_idle_w = 75;
        pool->gpu_peak_w = 700;
        pool->usd_per_node_h = 20 + r;
        scene->cost[r] = serving_cost();
        scene->places[r] = (struct service_place){.region = r, .share = shares[r], .least = nodes, .most = nodes,
                                                  .begin = nodes};
    }
    const uint32_t all = (uint32_t)regions * nodes;
    scene->service = (struct service_setup){
        .name = "chat", .requests = &scene->requests, .speed = 1, .tensor_parallel = 8, .cost = scene->cost,
        .max_seqs = 256, .chunk_tokens = 8192, .least = all, .most = all, .begin = all, .places = scene->places,
        .places_len = regions, .failover = true, .away_ns = TICK_S / 10};
    scene->setup.services = &scene->service;
    scene->setup.services_len = 1;
    jobs_init(&scene->jobs, 0);
}
static void scene_close(struct scene *scene) {
    result_free(&scene->result);
    jobs_free(&scene->jobs);
    free(scene->requests.at);
    testing_setup_free(&scene->setup);
}

static void add(struct scene *scene, double at_s, uint32_t prompt, uint32_t output) {
    struct requests *r = &scene->requests;
    if (r->len % 4096 == 0) r->at = mem_grow(r->at, r->len + 4096, sizeof *r->at);
    r->at[r->len++] = (struct request_row){.arrival_ns = tick_from_seconds(at_s), .prompt = prompt, .output = output};
}
static void add_many(struct scene *scene, uint64_t seed, size_t count, double rate) {
    struct rng *rng = rng_open(seed, "requests", 0);
    double t_s = 0;
    for (size_t i = 0; i < count; i++) {
        t_s += rng_exponential(rng, 1 / rate);
        add(scene, t_s, 1 + (uint32_t)rng_lognormal(rng, 6.5, 1), 1 + (uint32_t)rng_lognormal(rng, 4.5, 1));
        scene->requests.at[scene->requests.len - 1].session = (uint32_t)rng_below(rng, 400);
    }
    rng_close(rng);
}

static const struct service_result *run(struct scene *scene) {
    result_free(&scene->result);
    scene->result = testing_run(&scene->setup, &scene->jobs);
    cr_expect_leq(scene->result.ledger_error, 1e-9, "the ledger is off by %g", scene->result.ledger_error);
    return scene->result.services;
}
static const struct service_result *of_region(const struct scene *scene, const char *region) {
    char name[64];
    snprintf(name, sizeof name, "chat/%s", region);
    return testing_tally(&scene->result, PART_REQUEST_REGION, name)->service;
}

/* Regions' lines add up to the service's. */
static void expect_sum(const struct scene *scene) {
    const struct service_result *all = scene->result.services;
    struct service_result sum = {0};
    for (uint32_t r = 0; r < scene->service.places_len; r++) {
        const struct service_result *x = of_region(scene, r == 0 ? "here" : scene->setup.regions[r].name);
        sum.arrived += x->arrived;
        sum.finished += x->finished;
        sum.waiting += x->waiting;
        sum.away += x->away;
        sum.starts += x->starts;
        sum.output_tokens += x->output_tokens;
        sum.energy_j += x->energy_j;
        sum.capacity_usd += x->capacity_usd;
        sum.replica_h += x->replica_h;
    }
    cr_expect(sum.arrived == all->arrived && sum.finished == all->finished && sum.waiting == all->waiting);
    cr_expect(sum.away == all->away && sum.starts == all->starts && sum.output_tokens == all->output_tokens);
    cr_expect(testing_near(sum.energy_j, all->energy_j, 1e-12), "%.15g %.15g", sum.energy_j, all->energy_j);
    cr_expect(testing_near(sum.capacity_usd, all->capacity_usd, 1e-12));
    cr_expect(testing_near(sum.replica_h, all->replica_h, 1e-12));
    cr_expect_eq(all->arrived, all->finished + all->waiting + all->refused);
}

/* ---- one way ---- */

static void keep(void *context, const struct served *served) { *(struct served *)context = *served; }
static void give_one(void *context, const struct request *request) { *(struct request *)context = *request; }

/* A node of region `here` is away from fails_s on for an hour. */
static void fail_node(struct scene *scene, const int64_t *fails_ns) {
    static const int64_t lasts_ns = TICK_HOUR;
    static const uint32_t node = 0;
    struct fault_setup *faults = &scene->setup.pools[0].faults;
    faults->trace.at_ns = fails_ns;
    faults->trace.lasts_ns = &lasts_ns;
    faults->trace.node = &node;
    faults->trace.len = 1;
}

/* The only replica near its users is lost in the midst of an answer: it is computed again abroad, a round trip later,
 * and goes on. Its first token was in time. The next request meets nobody at home. */
Test(failover, an_answer_goes_on_abroad) {
    static struct scene scene;
    static const int64_t fails_ns = 8 * TICK_S;
    scene_open(&scene, 2, 1, (const double[]){1, 0});
    fail_node(&scene, &fails_ns);
    add(&scene, 1, 3000, 2000);
    add(&scene, 200, 500, 1);
    const struct service_result *got = run(&scene);
    cr_expect(got->finished == 2 && got->away == 2);
    expect_sum(&scene);

    struct served served;
    struct request request = {.arrival_ns = TICK_S, .prompt = 3000, .output = 2000};
    struct replica_setup setup = serving_replica();
    setup.done = keep;
    setup.context = &served;
    for (int abroad = 0; abroad < 2; abroad++) {
        setup.start_ns = abroad ? fails_ns + scene.service.away_ns : request.arrival_ns;
        struct replica *replica = replica_open(&setup);
        replica_add(replica, &request);
        replica_advance(replica, abroad ? TICK_DAY : fails_ns);
        if (!abroad) replica_drain(replica, give_one, &request);
        replica_close(replica);
    }
    cr_expect(request.made > 100 && request.made < 1900, "%u", request.made);
    cr_expect_eq(got->e2e.most_s, tick_seconds(served.finish_ns - TICK_S));
    const double first_s = llm_step_s(scene.cost, 3000, 0.5 * 3000 * 3000, 0, 0) +
                           llm_step_s(scene.cost, 500, 0.5 * 500 * 500, 0, 0) + 2 * scene.cost->first_token_s + 0.1;
    cr_expect(testing_near(got->ttft.sum_s, first_s, 1e-7), "%.9f, not %.9f s", got->ttft.sum_s, first_s);
    scene_close(&scene);
}

/* Nobody may go abroad: the answer waits for the node, and is computed again at home. */
Test(failover, without_it_requests_wait_at_home) {
    static struct scene scene;
    static const int64_t fails_ns = 8 * TICK_S;
    scene_open(&scene, 2, 1, (const double[]){1, 0});
    scene.service.failover = false;
    fail_node(&scene, &fails_ns);
    add(&scene, 1, 3000, 2000);
    add(&scene, 200, 500, 1);
    const struct service_result *got = run(&scene);
    cr_expect(got->finished == 2 && got->away == 0);
    cr_expect(got->e2e.most_s > 3600 && got->e2e.most_s < 3700, "%g", got->e2e.most_s);
    cr_expect(got->ttft.most_s > 3400 && got->ttft.most_s < 3409, "%g", got->ttft.most_s);
    expect_sum(&scene);
    scene_close(&scene);
}

/* Ten at once where four crowd a replica: six go to the other region. Then both are crowded, and all stay. */
Test(failover, a_crowd_overflows) {
    static struct scene scene;
    scene_open(&scene, 2, 1, (const double[]){1, 0});
    scene.service.crowded = 4;
    for (int i = 0; i < 10; i++) add(&scene, 1, 1000, 100);
    for (int i = 0; i < 10; i++) add(&scene, 1.5, 1000, 100);
    const struct service_result *got = run(&scene);
    cr_expect_eq(got->finished, 20);
    cr_expect_eq(got->away, 6);
    expect_sum(&scene);
    cr_expect_eq(of_region(&scene, "here")->arrived, 20);
    cr_expect_eq(of_region(&scene, "b")->arrived, 0);
    scene_close(&scene);
}

/* A region without users has no replica until the other's is lost and somebody waits there: a look, a cold start and a
 * round trip later it answers. */
Test(failover, the_other_region_wakes) {
    static struct scene scene;
    static const int64_t fails_ns = 50 * TICK_S;
    scene_open(&scene, 2, 1, (const double[]){1, 0});
    fail_node(&scene, &fails_ns);
    scene.service.autoscale = SCALE_REACTIVE;
    scene.service.target = 4;
    scene.service.keep_ns = TICK_HOUR;
    scene.service.cold_start_ns = 30 * TICK_S;
    scene.places[1].least = scene.places[1].begin = 0;
    scene.service.least = scene.service.begin = 1;
    add(&scene, 1, 1000, 10);
    add(&scene, 100, 500, 1);
    const struct service_result *got = run(&scene);
    const double alone_s = llm_step_s(scene.cost, 500, 0.5 * 500 * 500, 0, 0) + scene.cost->first_token_s;
    cr_expect(got->finished == 2 && got->away == 1);
    cr_expect(testing_near(got->ttft.most_s, 5 + 30 + 0.1 + alone_s, 1e-7), "%.9f s", got->ttft.most_s);
    expect_sum(&scene);
    scene_close(&scene);
}

/* ---- many ---- */

Test(failover, users_are_where_the_shares_say) {
    static struct scene scene;
    const double shares[] = {0.5, 0.3, 0.2};
    scene_open(&scene, 3, 2, shares);
    for (int i = 0; i < 20000; i++) add(&scene, 0.1 * i, 100, 2);
    run(&scene);
    expect_sum(&scene);
    static const char *const names[] = {"here", "b", "c"};
    for (int r = 0; r < 3; r++) {
        const double n = (double)of_region(&scene, names[r])->arrived, sd = sqrt(20000 * shares[r] * (1 - shares[r]));
        cr_expect_lt(fabs(n - 20000 * shares[r]), 4 * sd, "%g", n);
    }
    cr_expect_eq(scene.result.services->away, 0);
    scene_close(&scene);
}

/* Nodes and whole regions fail for an hour; runs end at many moments. Every run that ends asserts that requests present
 * are those on the way, in lines and at replicas (services_results). */
static void storm(bool split, bool scaled, double crowded) {
    static struct scene scene;
    scene_open(&scene, 3, 3, (const double[]){0.5, 0.3, 0.2});
    for (uint32_t r = 0; r < 3; r++) {
        struct fault_setup *faults = &scene.setup.pools[r].faults;
        faults->node_every = testing_model(&scene.setup.arena, KIND_LIFETIME, "exponential");
        testing_param(faults->node_every, "mean", 2400);
        faults->repair = testing_model(&scene.setup.arena, KIND_LIFETIME, "constant");
        testing_param(faults->repair, "mean", 120);
        struct region_setup *region = &scene.setup.regions[r];
        region->outage_every = testing_model(&scene.setup.arena, KIND_LIFETIME, "exponential");
        testing_param(region->outage_every, "mean", 900);
        region->outage_lasts = testing_model(&scene.setup.arena, KIND_LIFETIME, "constant");
        testing_param(region->outage_lasts, "mean", 200);
    }
    struct service_setup *service = &scene.service;
    service->cold_start_ns = 20 * TICK_S;
    service->router = ROUTER_LEAST_OUTSTANDING;
    service->crowded = crowded;
    service->split = split;
    service->prefill_replicas = 1;
    service->transfer_s = 0.05;
    if (scaled) {
        service->autoscale = SCALE_REACTIVE;
        service->target = 6;
        service->keep_ns = 60 * TICK_S;
        for (int r = 0; r < 3; r++) scene.places[r].least = scene.places[r].begin = 0;
        service->least = service->begin = 0;
    }
    add_many(&scene, 5, 8000, 3);
    for (int64_t end_s = 97; end_s < 2700; end_s += 241) {
        scene.setup.horizon_ns = end_s * TICK_S;
        run(&scene);
        expect_sum(&scene);
    }
    scene.setup.horizon_ns = TICK_NEVER;
    const struct service_result *got = run(&scene);
    expect_sum(&scene);
    cr_expect(got->finished == 8000 && got->waiting == 0);
    double prompt = 0, output = 0;
    for (size_t i = 0; i < scene.requests.len; i++) {
        prompt += scene.requests.at[i].prompt;
        output += scene.requests.at[i].output;
    }
    cr_expect(got->prompt_tokens == prompt && got->output_tokens == output);
    cr_expect(got->away > 400, "%lu", got->away);
    scene_close(&scene);
}
Test(failover, storm) { storm(false, false, 0); }
Test(failover, storm_with_crowds) { storm(false, false, 8); }
Test(failover, storm_with_scaling) { storm(false, true, 0); }
Test(failover, storm_apart) { storm(true, false, 0); }
Test(failover, storm_apart_with_scaling) { storm(true, true, 4); }
