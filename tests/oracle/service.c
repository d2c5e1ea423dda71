/*
 * Services through the engine against replicas driven by hand, closed forms of what they hold, draw and pay, and the
 * conservation of requests whatever happens to replicas.
 *
 * A replica's times do not depend on how often the engine looks at it, so what a service reports must be the very
 * histograms that the same requests give on replicas without an engine.
 */
#include "core/service.h"
#include "support/param.h"
#include "support/serving.h"
#include "support/testing.h"

#include "base/hash.h"
#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

/* ---- a service by hand ---- */

struct scene {
    struct setup setup;
    struct service_setup service[2];
    struct requests requests;
    struct llm_cost cost[4];
    struct jobs jobs;
    struct result result;
};

/* One pool of `nodes` nodes of eight GPUs, and one service of `replicas` of eight. */
static void scene_open(struct scene *scene, uint32_t nodes, uint32_t replicas) {
    *scene = (struct scene){0};
    testing_setup(&scene->setup);
    struct pool_setup *pool = testing_pool(&scene->setup, "a", nodes, 8);
    pool->base_w = 900;
    pool->gpu_idle_w = 75;
    pool->gpu_peak_w = 700;
    pool->usd_per_node_h = 20;
    for (size_t i = 0; i < 4; i++) scene->cost[i] = serving_cost();
    scene->service[0] = (struct service_setup){
        .name = "chat", .requests = &scene->requests, .speed = 1, .tensor_parallel = 8, .cost = scene->cost,
        .max_seqs = 256, .chunk_tokens = 8192, .least = replicas, .most = replicas, .begin = replicas};
    scene->setup.services = scene->service;
    scene->setup.services_len = 1;
    jobs_init(&scene->jobs, 0);
}

static void scene_close(struct scene *scene) {
    result_free(&scene->result);
    jobs_free(&scene->jobs);
    free(scene->requests.at);
    testing_setup_free(&scene->setup);
}

/* Requests at a rate from a moment on, of random lengths. */
static void add_requests(struct scene *scene, uint64_t seed, size_t count, double from_s, double rate) {
    struct rng *rng = rng_open(seed, "requests", 0);
    struct requests *r = &scene->requests;
    r->at = mem_grow(r->at, r->len + count, sizeof *r->at);
    double t_s = from_s;
    for (size_t i = 0; i < count; i++) {
        t_s += rng_exponential(rng, 1 / rate);
        r->at[r->len].arrival_ns = tick_from_seconds(t_s);
        r->at[r->len].prompt = 1 + (uint32_t)rng_lognormal(rng, 6.5, 1);
        r->at[r->len].output = 1 + (uint32_t)rng_lognormal(rng, 4.5, 1);
        r->at[r->len].class_id = 0;
        r->at[r->len].session = (uint16_t)(1 + rng_below(rng, 50));
        r->len++;
    }
    rng_close(rng);
}

static const struct service_result *run(struct scene *scene) {
    result_free(&scene->result);
    scene->result = testing_run(&scene->setup, &scene->jobs);
    cr_assert_eq(scene->result.services_len, scene->setup.services_len);
    cr_expect_leq(scene->result.ledger_error, 1e-9, "the ledger is off by %g", scene->result.ledger_error);
    return scene->result.services;
}

/* Everything that came was served, token for token. */
static void expect_conserved(const struct scene *scene, const struct service_result *got) {
    double prompt = 0, output = 0;
    for (size_t i = 0; i < scene->requests.len; i++) {
        prompt += scene->requests.at[i].prompt;
        output += scene->requests.at[i].output;
    }
    cr_expect_eq(got->arrived, scene->requests.len);
    cr_expect_eq(got->finished, got->arrived);
    cr_expect(got->waiting == 0 && got->refused == 0);
    cr_expect_eq(got->prompt_tokens, prompt);
    cr_expect_eq(got->output_tokens, output);
    cr_expect_eq(got->ttft.total, got->finished);
}

/* ---- replicas without an engine ---- */

struct hand {
    struct times ttft, tpot, e2e;
    struct served *left; /* in order of leaving, when asked for */
    size_t len, cap;
};
static void note(void *context, const struct served *served) {
    struct hand *hand = context;
    const double decode_s = tick_seconds(served->finish_ns - served->first_ns);
    times_add(&hand->ttft, tick_seconds(served->first_ns - served->arrival_ns));
    if (served->output > 1) times_add(&hand->tpot, decode_s / (served->output - 1));
    times_add(&hand->e2e, tick_seconds(served->finish_ns - served->arrival_ns));
}

static void keep(void *context, const struct served *served) {
    struct hand *hand = context;
    if (hand->len == hand->cap) hand->left = vec_reserve(hand->left, &hand->cap, hand->len + 1, sizeof *hand->left);
    hand->left[hand->len++] = *served;
}

static struct request request_at(const struct scene *scene, size_t i) {
    return (struct request){.arrival_ns = scene->requests.at[i].arrival_ns, .prompt = scene->requests.at[i].prompt,
                            .output = scene->requests.at[i].output, .id = (uint32_t)i};
}

static struct llm_cost capped; /* of replicas by hand, where there are GPUs */

/* Each n-th request at each of n replicas that are up from start_ns to end_ns; returns what they drew. */
static double by_hand(const struct scene *scene, unsigned n, int64_t start_ns, int64_t end_ns, struct hand *hand) {
    double joules = 0;
    *hand = (struct hand){0};
    for (unsigned k = 0; k < n; k++) {
        struct replica_setup setup = serving_replica();
        setup.start_ns = start_ns;
        setup.done = note;
        setup.context = hand;
        if (capped.gpus) setup.cost = capped;
        struct replica *replica = replica_open(&setup);
        for (size_t i = k; i < scene->requests.len; i += n) {
            const struct request request = request_at(scene, i);
            if (request.arrival_ns > end_ns) break;
            replica_advance(replica, request.arrival_ns > start_ns ? request.arrival_ns : start_ns);
            replica_add(replica, &request);
        }
        replica_advance(replica, end_ns);
        joules += replica_read(replica).joules;
        replica_close(replica);
    }
    return joules;
}

static void expect_times(const struct times *a, const struct times *b) {
    cr_expect_eq(a->total, b->total, "%lu and %lu", a->total, b->total);
    cr_expect(memcmp(a->count, b->count, sizeof a->count) == 0);
    cr_expect(testing_near(a->sum_s, b->sum_s, 1e-12), "%.15g, %.15g", a->sum_s, b->sum_s);
    cr_expect_eq(a->most_s, b->most_s);
}
static void expect_hand(const struct service_result *got, const struct hand *hand) {
    expect_times(&got->ttft, &hand->ttft);
    expect_times(&got->tpot, &hand->tpot);
    expect_times(&got->e2e, &hand->e2e);
}

static void same_as_hand(unsigned replicas, double cold_s, double every_s) {
    static struct scene scene;
    struct hand hand;
    scene_open(&scene, replicas, replicas);
    add_requests(&scene, 7, 3000, 0, 4.0 * replicas);
    scene.service[0].cold_start_ns = tick_from_seconds(cold_s);
    scene.service[0].every_ns = tick_from_seconds(every_s);
    const struct service_result *got = run(&scene);
    by_hand(&scene, replicas, tick_from_seconds(cold_s), TICK_DAY, &hand);
    expect_hand(got, &hand);
    expect_conserved(&scene, got);
    cr_expect_eq(got->replicas_most, replicas);
    cr_expect_eq(got->starts, replicas);
    scene_close(&scene);
}
Test(service, one_replica) { same_as_hand(1, 0, 15); }
Test(service, one_replica_cold) { same_as_hand(1, 47, 15); }
Test(service, one_replica_looked_at_often) { same_as_hand(1, 0, 0.377); }
Test(service, in_turn) { same_as_hand(5, 0, 15); }
Test(service, in_turn_cold) { same_as_hand(3, 60, 7); }

/* ---- power caps ---- */

/* Under a cap all the time a service is replicas whose computing takes longer, and which draw no more. */
Test(service, a_cap_slows_prefill_and_saves) {
    static struct scene scene;
    struct hand hand, free_hand;
    scene_open(&scene, 2, 2);
    add_requests(&scene, 7, 2000, 0, 6);
    const struct service_result *got = run(&scene);
    const double free_j = got->energy_j, free_ttft_s = got->ttft.sum_s, free_tpot_s = times_quantile(&got->tpot, 0.5);
    by_hand(&scene, 2, 0, TICK_DAY, &free_hand);
    scene.setup.policy.cap = (struct cap_setup){.when = CAP_ALWAYS, .level = 0.5};
    got = run(&scene);
    expect_conserved(&scene, got);
    /* An H100 that computes draws 0.933 of its peak, and feels 0.5 as others 0.4287: speed 0.7617. */
    const double speed = 0.725 + (0.5 * 0.8 / 0.933 - 0.4) / 0.1 * (0.853 - 0.725);
    capped = llm_capped(&scene.cost[0], 0.5, 1 / speed);
    by_hand(&scene, 2, 0, TICK_DAY, &hand);
    capped = (struct llm_cost){0};
    expect_hand(got, &hand);
    cr_expect(got->ttft.sum_s > 1.1 * free_ttft_s, "%g, %g", got->ttft.sum_s, free_ttft_s);
    cr_expect(times_quantile(&got->tpot, 0.5) < 1.1 * free_tpot_s);
    cr_expect(got->energy_j < 0.9 * free_j);
    scene_close(&scene);
}

/* A region's limit caps replicas as deep as it must, and no deeper: late by one control moment. */
Test(service, a_limit_caps_replicas) {
    static struct scene scene;
    scene_open(&scene, 2, 2);
    add_requests(&scene, 7, 6000, 0, 10);
    scene.service[0].every_ns = 5 * TICK_S;
    run(&scene);
    const double free_w = scene.result.tallies[0].peak_w;
    const double mean_w = scene.result.tallies[0].energy_j / tick_seconds(scene.result.measured_ns);
    result_free(&scene.result);
    scene.setup.regions[0].limit_w = 0.8 * mean_w;
    scene.setup.regions[0].limit_then = LIMIT_CAP;
    scene.result = testing_run_bins(&scene.setup, &scene.jobs, 60);
    cr_expect_leq(scene.result.ledger_error, 1e-9);
    const struct series *series = &scene.result.series;
    double most_w = 0, sum_w = 0;
    for (size_t i = 2; i + 4 < series->bins; i++) {
        most_w = fmax(most_w, series->at[i].power_w);
        sum_w += series->at[i].power_w / (double)(series->bins - 6);
    }
    cr_expect(free_w > 1.1 * scene.setup.regions[0].limit_w, "%g W without a limit of %g W", free_w,
              scene.setup.regions[0].limit_w);
    cr_expect(most_w < 1.03 * scene.setup.regions[0].limit_w, "%g W, limit %g W", most_w,
              scene.setup.regions[0].limit_w);
    /* At 0.4 of their peak, hosts and GPUs draw 1,800 + 16 x 280 W; at 0.5 7,400 W, which is too much. */
    cr_expect(fabs(sum_w - 6280) < 60, "%g W", sum_w);
    scene_close(&scene);
}

/* ---- histograms ---- */

Test(service, quantiles_are_within_half_a_bucket) {
    static struct times times;
    static double values[20000];
    struct rng *rng = rng_open(3, "times", 0);
    for (size_t i = 0; i < 20000; i++) times_add(&times, values[i] = rng_lognormal(rng, -2, 2));
    rng_close(rng);
    for (double q = 0.05; q < 1; q += 0.09) {
        const double exact = stats_quantile(values, 20000, q);
        cr_expect_leq(fabs(log(times_quantile(&times, q) / exact)), 0.006, "%g: %g, %g", q, times_quantile(&times, q),
                      exact);
    }
    static struct times none;
    cr_expect(isnan(times_quantile(&none, 0.5)));
    times_add(&none, 0);
    times_add(&none, 1e9);
    cr_expect(none.count[0] == 1 && none.total == 2);
}

/* ---- laws ---- */

/* Little: runs that end at many horizons show how many are there; their mean is rate x time. A request leaves with its
 * last iteration: the time its answer takes to its user is left out. */
Test(service, little) {
    static struct scene scene;
    scene_open(&scene, 2, 2);
    for (size_t i = 0; i < 4; i++) scene.cost[i].first_token_s = 0;
    add_requests(&scene, 11, 150, 0, 4);
    scene.service[0].router = ROUTER_LEAST_OUTSTANDING;
    const double all_s = run(&scene)->e2e.sum_s;
    const int64_t step_ns = TICK_S / 4;
    double integral_s = 0;
    for (int64_t t_ns = step_ns / 2; t_ns < scene.requests.at[149].arrival_ns + 120 * TICK_S; t_ns += step_ns) {
        scene.setup.horizon_ns = t_ns;
        const struct service_result *got = run(&scene);
        cr_expect_eq(got->arrived, got->finished + got->waiting);
        integral_s += (double)got->waiting * tick_seconds(step_ns);
    }
    cr_expect(testing_near(integral_s, all_s, 0.01), "%g and %g request-seconds", integral_s, all_s);
    scene_close(&scene);
}

/* Whatever the router, nothing is lost; under load those that look at the queues do not do worse than in turn. */
Test(service, routers) {
    static struct scene scene;
    double mean_s[4];
    for (enum router router = ROUTER_ROUND_ROBIN; router <= ROUTER_PREFIX; router++) {
        scene_open(&scene, 4, 4);
        add_requests(&scene, 5, 4000, 0, 60);
        scene.service[0].router = router;
        const struct service_result *got = run(&scene);
        expect_conserved(&scene, got);
        mean_s[router] = got->e2e.sum_s / (double)got->e2e.total;
        scene_close(&scene);
    }
    cr_expect_leq(mean_s[ROUTER_LEAST_OUTSTANDING], mean_s[ROUTER_ROUND_ROBIN]);
    cr_expect_eq(mean_s[ROUTER_LEAST_OUTSTANDING], mean_s[ROUTER_PREFIX]); /* no prefixes: the same question */
}

/* Conversations that go on find their prefix where they were; in turn they seldom do. */
Test(service, prefixes_stay_where_they_are) {
    enum { TALKS = 21, TURNS = 8, BLOCK = 64 };
    static struct scene scene;
    static uint64_t hashes[TALKS][TURNS * 4];
    static uint64_t *blocks[TALKS * TURNS];
    static uint32_t blocks_len[TALKS * TURNS];
    double found[4];
    for (int talk = 0; talk < TALKS; talk++)
        for (int i = 0; i < TURNS * 4; i++) hashes[talk][i] = hash_mix((uint64_t)(talk * 1000 + i));
    for (enum router router = ROUTER_ROUND_ROBIN; router <= ROUTER_PREFIX; router++) {
        scene_open(&scene, 4, 4);
        struct requests *r = &scene.requests;
        r->at = mem_zero(TALKS * TURNS, sizeof *r->at);
        for (uint32_t i = 0; i < TALKS * TURNS; i++) {
            const uint32_t talk = i % TALKS, turn = i / TALKS;
            r->at[i].arrival_ns = i * TICK_S;
            r->at[i].prompt = BLOCK * 4 * (turn + 1) + 10;
            r->at[i].output = 20;
            r->at[i].session = (uint16_t)(talk + 1);
            blocks[i] = hashes[talk];
            blocks_len[i] = 4 * (turn + 1);
        }
        r->len = TALKS * TURNS;
        r->blocks = blocks;
        r->blocks_len = blocks_len;
        r->block_tokens = BLOCK;
        scene.service[0].router = router;
        scene.service[0].prefix_cache = true;
        const struct service_result *got = run(&scene);
        expect_conserved(&scene, got);
        found[router] = got->cached_tokens;
        scene_close(&scene);
    }
    double all = 0; /* every turn finds the turns before */
    for (int turn = 1; turn < TURNS; turn++) all += TALKS * BLOCK * 4.0 * turn;
    cr_expect_eq(found[ROUTER_SESSION], all, "%g of %g", found[ROUTER_SESSION], all);
    cr_expect_eq(found[ROUTER_PREFIX], all, "%g of %g", found[ROUTER_PREFIX], all);
    cr_expect_lt(found[ROUTER_ROUND_ROBIN], 0.9 * all);
}

Test(service, too_long_is_refused) {
    static struct scene scene;
    scene_open(&scene, 1, 1);
    add_requests(&scene, 5, 10, 0, 1);
    for (size_t i = 0; i < 4; i++) scene.cost[i].kv_tokens = 4000;
    for (size_t i = 0; i < 10; i++) scene.requests.at[i].prompt = i == 3 ? 5000 : 100;
    const struct service_result *got = run(&scene);
    cr_expect(got->arrived == 10 && got->finished == 9 && got->refused == 1 && got->waiting == 0);
    cr_expect_geq(scene.result.warnings_len, 1);
    scene_close(&scene);
}

/* ---- prefill apart from decode ---- */

static int by_arrival(const void *a, const void *b) {
    const struct request *const x = a, *const y = b;
    if (x->arrival_ns != y->arrival_ns) return x->arrival_ns < y->arrival_ns ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

Test(service, split_is_two_replicas_in_a_row) {
    static struct scene scene;
    static struct hand hand, first;
    scene_open(&scene, 2, 2);
    add_requests(&scene, 9, 2000, 0, 4);
    for (size_t i = 0; i < 2000; i += 50) scene.requests.at[i].output = 1;
    struct service_setup *service = &scene.service[0];
    service->split = true;
    service->prefill_replicas = 1;
    service->transfer_bytes_per_s = 25e9;
    service->transfer_s = 50e-6;
    const struct service_result *got = run(&scene);
    expect_conserved(&scene, got);

    struct replica_setup setup = serving_replica();
    setup.role = REPLICA_PREFILL;
    setup.done = keep;
    setup.context = &first;
    struct replica *replica = replica_open(&setup);
    for (size_t i = 0; i < 2000; i++) {
        const struct request request = request_at(&scene, i);
        replica_advance(replica, request.arrival_ns);
        replica_add(replica, &request);
    }
    replica_advance(replica, TICK_DAY);
    replica_close(replica);
    struct request *moved = mem_zero(first.len, sizeof *moved);
    size_t len = 0;
    hand = (struct hand){0};
    for (size_t i = 0; i < first.len; i++) {
        const struct served *s = &first.left[i];
        if (s->output == 1) {
            note(&hand, s);
            continue;
        }
        moved[len] = request_at(&scene, s->id);
        moved[len].made = 1;
        moved[len].first_ns = s->first_ns;
        const double s_on_the_way = 50e-6 + s->prompt * scene.cost[0].kv_bytes_per_token / 25e9;
        moved[len++].arrival_ns = s->left_ns + tick_from_seconds(s_on_the_way);
    }
    qsort(moved, len, sizeof *moved, by_arrival);
    setup.role = REPLICA_DECODE;
    setup.done = note;
    setup.context = &hand;
    replica = replica_open(&setup);
    for (size_t i = 0; i < len; i++) {
        struct request request = moved[i];
        replica_advance(replica, request.arrival_ns);
        request.arrival_ns = scene.requests.at[request.id].arrival_ns;
        replica_add(replica, &request);
    }
    replica_advance(replica, TICK_DAY);
    replica_close(replica);
    expect_hand(got, &hand);
    free(moved);
    free(first.left);
    scene_close(&scene);
}

/* ---- energy and money ---- */

/* Two replicas that stand from the beginning to the end: what they drew by hand, at prices and PUE that step. */
static void energy(bool site, int64_t from_ns, int64_t to_ns) {
    static struct scene scene;
    struct hand hand;
    scene_open(&scene, 3, 2);
    add_requests(&scene, 13, 20000, 0, 5);
    struct region_setup *region = &scene.setup.regions[0];
    region->price = testing_steps(&scene.setup, (struct testing_step[]){{0, 0.1}, {1777, 0.3}, {2500, 0.05}}, 3, 4000);
    region->carbon = testing_steps(&scene.setup, (struct testing_step[]){{0, 300}, {1234, 100}}, 2, 3000);
    region->pue = testing_steps(&scene.setup, &(struct testing_step){0, 1.25}, 1, 0);
    if (site) {
        region->site.solar_w = testing_steps(&scene.setup, (struct testing_step[]){{0, 0}, {600, 9000}}, 2, 1200);
        region->site.battery_j = 3e6;
        region->site.charge_w = region->site.discharge_w = 2000;
        region->site.efficiency_in = region->site.efficiency_out = 0.95;
    }
    scene.setup.horizon_ns = tick_from_seconds(3600);
    scene.setup.measure_from_ns = from_ns;
    scene.setup.measure_to_ns = to_ns;
    const struct service_result *got = run(&scene);
    if (to_ns > scene.setup.horizon_ns) to_ns = scene.setup.horizon_ns;
    double drawn_j = by_hand(&scene, 2, 0, to_ns, &hand);
    if (from_ns > 0) drawn_j -= by_hand(&scene, 2, 0, from_ns, &hand);
    const double s = tick_seconds(to_ns - from_ns);
    cr_expect(testing_near(got->energy_j, 1.25 * (drawn_j + 2 * 900 * s), 1e-5), "%.12g and %.12g J", got->energy_j,
              1.25 * (drawn_j + 2 * 900 * s));
    cr_expect(testing_near(got->capacity_usd, 2 * 20 * s / 3600, 1e-12));
    cr_expect(testing_near(got->replica_h, 2 * s / 3600, 1e-12));
    cr_expect(testing_near(got->gpu_h, 16 * s / 3600, 1e-12));
    const struct tally *all = testing_tally(&scene.result, PART_RUN, NULL);
    cr_expect(testing_near(all->job_energy_j, got->energy_j, 1e-9));
    cr_expect(testing_near(all->job_co2_g, got->co2_g, 1e-9));
    cr_expect(testing_near(all->job_energy_usd, got->energy_usd, 1e-9));
    cr_expect(testing_near(all->energy_j, got->energy_j + 1.25 * (900 + 8 * 75) * s, 1e-9));
    cr_expect_eq(testing_tally(&scene.result, PART_CLASS, "chat")->job_energy_j, all->job_energy_j);
    cr_expect_gt(all->peak_w, 1.25 * (3 * 900 + 8 * 75 + 2 * 8 * 250));
    cr_expect(all->submitted == 0 && all->finished == 0);
    scene_close(&scene);
}
Test(service, energy_of_a_static_fleet) { energy(false, 0, TICK_NEVER); }
Test(service, energy_in_a_window) { energy(false, tick_from_seconds(777.7), tick_from_seconds(3000)); }
Test(service, energy_behind_a_site) { energy(true, 0, TICK_NEVER); }

/* ---- the autoscaler ---- */

Test(service, scheduled_replicas_are_held_by_the_hour) {
    static struct scene scene;
    double schedule[24] = {1, 3, 0, 2, 4, 1};
    scene_open(&scene, 4, 4);
    add_requests(&scene, 17, 3000, 0, 0.2);
    struct service_setup *service = &scene.service[0];
    service->least = 1;
    service->begin = 1;
    service->autoscale = SCALE_SCHEDULED;
    service->every_ns = 15 * TICK_S;
    service->cold_start_ns = 60 * TICK_S;
    service->schedule = (struct numbers){.at = schedule, .len = 24};
    scene.setup.horizon_ns = 6 * TICK_HOUR;
    const struct service_result *got = run(&scene);
    /* Those that leave finish what they have: some requests of seconds each time. */
    cr_expect(got->replica_h >= 12 && got->replica_h < 12.1, "%g", got->replica_h);
    cr_expect_eq(got->replicas_most, 4);
    cr_expect_eq(got->starts, 1 + 2 + 1 + 2);
    cr_expect_eq(got->arrived, got->finished + got->waiting);
    const struct tally *all = testing_tally(&scene.result, PART_RUN, NULL);
    cr_expect(testing_near(all->overhead_gpu_h, 6 * 8 / 60.0, 1e-9), "%g", all->overhead_gpu_h);
    scene_close(&scene);
}

/* Sixteen long requests at once, four a replica: three more replicas at the next look, given back when they have been
 * too many for so long. */
Test(service, reactive_reaches_its_target_and_gives_back) {
    static struct scene scene;
    scene_open(&scene, 4, 4);
    struct requests *r = &scene.requests;
    r->at = mem_zero(17, sizeof *r->at);
    r->len = 17;
    for (size_t i = 0; i < 17; i++) {
        r->at[i].arrival_ns = i < 16 ? 101 * TICK_S : 1000 * TICK_S;
        r->at[i].prompt = 100;
        r->at[i].output = 2000;
    }
    struct service_setup *service = &scene.service[0];
    *service = (struct service_setup){
        .name = "chat", .requests = r, .speed = 1, .tensor_parallel = 8, .cost = scene.cost, .max_seqs = 256,
        .chunk_tokens = 8192, .least = 1, .most = 4, .begin = 1, .autoscale = SCALE_REACTIVE, .every_ns = 5 * TICK_S,
        .target = 4, .keep_ns = 60 * TICK_S, .cold_start_ns = 10 * TICK_S};
    scene.setup.horizon_ns = 2000 * TICK_S;
    const struct service_result *got = run(&scene);
    expect_conserved(&scene, got);
    cr_expect_eq(got->starts, 4);
    cr_expect_eq(got->replicas_most, 4);
    /* All sixteen end in one iteration of the first replica, up for all the time; the others are asked for at 105 s and
     * given back at the first look so long after they were too many: the first after the end. */
    const double end_s = 101 + got->e2e.most_s - scene.cost[0].first_token_s;
    const double until_s = ceil(end_s / 5) * 5 + 60;
    cr_expect(testing_near(got->replica_h * 3600, 2000 + 3 * (until_s - 105), 1e-9), "%g s, not %g",
              got->replica_h * 3600, 2000 + 3 * (until_s - 105));
    scene_close(&scene);
}

/* Four of the sixteen end earlier, so three would do, and soon after one: the first is given back when three have done
 * for so long, the others when one has, counted anew. */
Test(service, reactive_gives_back_by_steps) {
    static struct scene scene;
    static struct hand hand;
    scene_open(&scene, 4, 4);
    struct requests *r = &scene.requests;
    r->at = mem_zero(16, sizeof *r->at);
    r->len = 16;
    struct replica_setup setup = serving_replica();
    setup.done = keep;
    setup.context = &hand;
    struct replica *replica = replica_open(&setup);
    for (size_t i = 0; i < 16; i++) {
        r->at[i].arrival_ns = 101 * TICK_S;
        r->at[i].prompt = 100;
        r->at[i].output = i < 4 ? 1000 : 2500;
        const struct request request = request_at(&scene, i);
        replica_advance(replica, request.arrival_ns);
        replica_add(replica, &request);
    }
    replica_advance(replica, TICK_DAY);
    replica_close(replica);
    struct service_setup *service = &scene.service[0];
    service->least = service->begin = 1;
    service->autoscale = SCALE_REACTIVE;
    service->every_ns = 5 * TICK_S;
    service->target = 4;
    service->keep_ns = 60 * TICK_S;
    scene.setup.horizon_ns = 2000 * TICK_S;
    const struct service_result *got = run(&scene);
    expect_conserved(&scene, got);
    const double three_s = ceil(tick_seconds(hand.left[0].left_ns) / 5) * 5;
    const double one_s = ceil(tick_seconds(hand.left[15].left_ns) / 5) * 5;
    cr_assert(three_s < one_s && one_s < three_s + 60, "%g %g", three_s, one_s);
    const double held_s = 2000 + (three_s + 60 - 105) + 2 * (three_s + 125 - 105);
    cr_expect(testing_near(got->replica_h * 3600, held_s, 1e-9), "%g, not %g", got->replica_h * 3600, held_s);
    free(hand.left);
    scene_close(&scene);
}

/* Nothing stands idle: the first request waits for a cold start, the last gives everything back. */
Test(service, idle_shutdown) {
    static struct scene scene;
    scene_open(&scene, 1, 1);
    add_requests(&scene, 1, 1, 0, 1e-3);
    scene.requests.at[0].arrival_ns = 100 * TICK_S;
    struct service_setup *service = &scene.service[0];
    service->least = service->begin = 0;
    service->autoscale = SCALE_REACTIVE;
    service->target = 4;
    service->every_ns = 5 * TICK_S;
    service->cold_start_ns = 42 * TICK_S;
    scene.setup.horizon_ns = TICK_HOUR;
    const struct service_result *got = run(&scene);
    expect_conserved(&scene, got);
    const double alone_s = got->ttft.most_s - 42; /* asked for at 100 s: a look comes after what arrives there */
    cr_expect(alone_s > 0 && alone_s < 1, "%g s", got->ttft.most_s);
    cr_expect_lt(got->replica_h, 0.05);
    scene_close(&scene);
}

Test(service, repeats_at_its_rate) {
    static struct scene scene;
    scene_open(&scene, 1, 1);
    add_requests(&scene, 3, 100, 0, 2);
    scene.service[0].repeat = true;
    scene.service[0].speed = 2;
    scene.setup.horizon_ns = TICK_HOUR;
    const struct service_result *got = run(&scene);
    const double rate = 2 * 99 / tick_seconds(scene.requests.at[99].arrival_ns);
    cr_expect(testing_near((double)got->arrived, rate * 3600, 0.01), "%lu", got->arrived);
    cr_expect_eq(got->arrived, got->finished + got->waiting);
    scene_close(&scene);
}

/* ---- one fleet ---- */

/* Two training jobs fill two nodes for ten hours. The service wants a node from the beginning and another in the third
 * hour: jobs give way, wait that long, and lose nothing. */
Test(service, training_gives_way) {
    static struct scene scene;
    double schedule[24] = {0, 1, 2, 1, 0};
    scene_open(&scene, 2, 2);
    testing_policy(&scene.setup, "preemptive_priority", "none", "first_fit");
    for (int i = 0; i < 2; i++) testing_job(&scene.jobs, 0, 36000, 8);
    add_requests(&scene, 21, 10000, 4000, 1);
    struct service_setup *service = &scene.service[0];
    service->priority = 10;
    service->least = service->begin = 0;
    service->autoscale = SCALE_SCHEDULED;
    service->schedule = (struct numbers){.at = schedule, .len = 24};
    service->every_ns = 10 * TICK_S;
    scene.setup.horizon_ns = 20 * TICK_HOUR;
    const struct service_result *got = run(&scene);
    const struct tally *all = testing_tally(&scene.result, PART_RUN, NULL);
    cr_expect_eq(all->preemptions, 2);
    cr_expect_eq(all->finished, 2);
    cr_expect_eq(got->starts, 2);
    cr_expect_eq(got->arrived, 10000);
    /* What they hold is the jobs' twenty node-hours and the replicas' four and seconds of leaving. */
    cr_expect(got->replica_h >= 4 && got->replica_h < 4.05, "%g", got->replica_h);
    cr_expect(testing_near(all->held_gpu_h, 8 * (20 + got->replica_h), 1e-9));
    const double ended_h = tick_hours(scene.result.jobs->at[0].end_ns) + tick_hours(scene.result.jobs->at[1].end_ns);
    cr_expect(testing_near(ended_h, 20 + got->replica_h, 1e-9), "%g", ended_h);
    scene_close(&scene);
}

/* The other way round: a job of more importance takes a replica's node for an hour; its requests go to the other. */
Test(service, replicas_give_way) {
    static struct scene scene;
    scene_open(&scene, 2, 2);
    jobs_free(&scene.jobs);
    jobs_init(&scene.jobs, JOBS_PRIORITY);
    testing_policy(&scene.setup, "preemptive_priority", "none", "first_fit");
    const uint32_t job = testing_job(&scene.jobs, 1000, 3600, 8);
    scene.jobs.priority[job] = 99;
    add_requests(&scene, 21, 20000, 0, 4);
    scene.service[0].priority = 10;
    scene.service[0].cold_start_ns = 60 * TICK_S;
    const struct service_result *got = run(&scene);
    expect_conserved(&scene, got);
    cr_expect_eq(got->starts, 3);
    cr_expect_eq(scene.result.jobs->at[job].end_ns, 4600 * TICK_S);
    cr_expect(scene.result.jobs->priority == scene.jobs.priority);
    cr_expect_eq(testing_tally(&scene.result, PART_RUN, NULL)->submitted, 1);
    scene_close(&scene);
}

/* Nodes that fail: replicas come again, and every request is served in the end; prefill and decode apart, too. */
static void failing(bool split) {
    static struct scene scene;
    scene_open(&scene, 4, 4);
    struct fault_setup *faults = &scene.setup.pools[0].faults;
    faults->node_every = testing_model(&scene.setup.arena, KIND_LIFETIME, "exponential");
    testing_param(faults->node_every, "mean", 1800);
    faults->repair = testing_model(&scene.setup.arena, KIND_LIFETIME, "constant");
    testing_param(faults->repair, "mean", 120);
    add_requests(&scene, 21, 40000, 0, 4);
    scene.service[0].cold_start_ns = 30 * TICK_S;
    scene.service[0].router = ROUTER_LEAST_OUTSTANDING;
    scene.service[0].split = split;
    scene.service[0].prefill_replicas = 2;
    scene.service[0].transfer_s = 1e-3;
    const struct service_result *got = run(&scene);
    expect_conserved(&scene, got);
    cr_expect_gt(got->starts, 10);
    cr_expect_gt(testing_tally(&scene.result, PART_RUN, NULL)->failures, 6);
    cr_expect_eq(testing_tally(&scene.result, PART_RUN, NULL)->lost_gpu_h, 0);
    scene_close(&scene);
}
Test(service, nodes_fail) { failing(false); }
Test(service, nodes_fail_under_a_split) { failing(true); }

/* A decode replica's node fails under its one request: it is prefilled again with what it had made, and goes on at the
 * other. By hand: two prefills, and two decodes of which the first is cut. */
static void give_one(void *context, const struct request *request) { *(struct request *)context = *request; }
Test(service, a_decode_goes_on_elsewhere) {
    static struct scene scene;
    static struct hand hand;
    const int64_t fails_ns = 8 * TICK_S;
    scene_open(&scene, 3, 3);
    add_requests(&scene, 1, 1, 0, 1);
    scene.requests.at[0].arrival_ns = TICK_S;
    scene.requests.at[0].prompt = 3000;
    scene.requests.at[0].output = 2000;
    const int64_t lasts_ns = TICK_HOUR;
    const uint32_t node = 1;
    struct fault_setup *faults = &scene.setup.pools[0].faults;
    faults->trace.at_ns = &fails_ns;
    faults->trace.lasts_ns = &lasts_ns;
    faults->trace.node = &node;
    faults->trace.len = 1;
    scene.service[0].split = true;
    scene.service[0].prefill_replicas = 1;
    const struct service_result *got = run(&scene);
    expect_conserved(&scene, got);

    struct request request = request_at(&scene, 0);
    struct replica_setup setup = serving_replica();
    setup.done = keep;
    setup.context = &hand;
    for (int time = 0; time < 2; time++) {
        setup.role = REPLICA_PREFILL;
        setup.start_ns = time ? fails_ns : request.arrival_ns;
        struct replica *replica = replica_open(&setup);
        replica_add(replica, &request);
        replica_advance(replica, TICK_DAY);
        replica_close(replica);
        request.made++;
        request.first_ns = hand.left[hand.len - 1].first_ns;
        setup.role = REPLICA_DECODE;
        setup.start_ns = hand.left[hand.len - 1].left_ns;
        replica = replica_open(&setup);
        replica_add(replica, &request);
        replica_advance(replica, time ? TICK_DAY : fails_ns);
        replica_drain(replica, give_one, &request);
        replica_close(replica);
    }
    cr_assert_eq(hand.len, 3);
    cr_expect(request.made > 100 && request.made < 1900, "%u", request.made);
    cr_expect_eq(got->e2e.most_s, tick_seconds(hand.left[2].finish_ns - TICK_S), "%.9f", got->e2e.most_s);
    cr_expect_eq(got->ttft.most_s, tick_seconds(hand.left[0].first_ns - TICK_S));
    free(hand.left);
    scene_close(&scene);
}

/* Two services and jobs share a fleet under quotas and backfilling; what each says adds up to what the fleet says. */
Test(service, two_and_jobs) {
    static struct scene scene;
    scene_open(&scene, 3, 2);
    testing_policy(&scene.setup, "fifo", "skip", "best_fit");
    for (int i = 0; i < 40; i++) testing_job(&scene.jobs, 100 * i, 300 + 37 * i, 1 + (uint32_t)i % 8);
    add_requests(&scene, 2, 6000, 0, 3);
    scene.service[1] = scene.service[0];
    scene.service[1].name = "code";
    scene.service[1].tenant = "coders";
    scene.service[1].most = scene.service[1].least = scene.service[1].begin = 1;
    testing_tenant(&scene.setup, "coders");
    scene.service[0].autoscale = SCALE_REACTIVE;
    scene.service[0].target = 10;
    scene.service[0].least = 1;
    scene.service[0].keep_ns = 30 * TICK_S;
    scene.setup.services_len = 2;
    const struct service_result *got = run(&scene);
    expect_conserved(&scene, &got[0]);
    expect_conserved(&scene, &got[1]);
    const struct tally *all = testing_tally(&scene.result, PART_RUN, NULL);
    cr_expect_eq(all->finished, 40);
    cr_expect_eq(testing_tally(&scene.result, PART_TENANT, "coders")->job_energy_j, got[1].energy_j);
    double jobs_gpu_h = 0;
    for (int i = 0; i < 40; i++) jobs_gpu_h += (300 + 37 * i) / 3600.0 * (1 + i % 8);
    cr_expect(testing_near(all->held_gpu_h, jobs_gpu_h + got[0].gpu_h + got[1].gpu_h, 1e-9));
    scene_close(&scene);
}

/* A fixed service keeps two of four nodes from the beginning; backfilling plans with the others as if they were all
 * there is. */
Test(service, a_static_partition_leaves_jobs_alone) {
    static struct scene scene;
    int64_t starts_ns[60];
    for (int with = 0; with < 2; with++) {
        scene_open(&scene, with ? 4 : 2, 2);
        testing_policy(&scene.setup, "fifo", "easy", "first_fit");
        if (!with) scene.setup.services_len = 0;
        for (int i = 0; i < 60; i++)
            testing_job(&scene.jobs, 1 + 50 * i, 100 + 61 * (i * 7 % 13), 1 + (uint32_t)(i * 5) % 8);
        add_requests(&scene, 2, 40000, 0, 4);
        if (with) expect_conserved(&scene, run(&scene));
        else scene.result = testing_run(&scene.setup, &scene.jobs);
        for (int i = 0; i < 60; i++) {
            if (with) cr_expect_eq(scene.result.jobs->at[i].start_ns, starts_ns[i], "job %d", i);
            else starts_ns[i] = scene.result.jobs->at[i].start_ns;
        }
        scene_close(&scene);
    }
}

/* Nodes rented while replicas want them: the first request waits for the rent and the cold start. */
Test(service, on_rented_nodes) {
    static struct scene scene;
    scene_open(&scene, 3, 3);
    struct pool_setup *pool = &scene.setup.pools[0];
    pool->bought = BOUGHT_ON_DEMAND;
    pool->sleep = (struct sleep_setup){.on = true, .after_ns = 5 * TICK_MINUTE, .boot_ns = 120 * TICK_S};
    struct service_setup *service = &scene.service[0];
    add_requests(&scene, 4, 5000, 0, 3);
    service->least = service->begin = 1;
    service->autoscale = SCALE_REACTIVE;
    service->target = 5;
    service->keep_ns = 60 * TICK_S;
    service->cold_start_ns = 30 * TICK_S;
    scene.setup.horizon_ns = 2 * TICK_HOUR;
    const struct service_result *got = run(&scene);
    expect_conserved(&scene, got);
    cr_expect_eq(got->replicas_most, 3);
    cr_expect(got->ttft.most_s > 140 && got->ttft.most_s < 170, "%g", got->ttft.most_s);
    const struct tally *all = testing_tally(&scene.result, PART_RUN, NULL);
    cr_expect(all->capacity_usd > got->capacity_usd && all->capacity_usd < 3 * 2 * 20);
    scene_close(&scene);
}

/* The run takes over the jobs themselves. */
Test(service, consumes_the_trace) {
    static struct scene scene;
    scene_open(&scene, 2, 1);
    add_requests(&scene, 4, 100, 0, 3);
    for (int i = 0; i < 10; i++) testing_job(&scene.jobs, 5 * i, 10, 4);
    jobs_sort(&scene.jobs);
    struct err err;
    err_init(&err);
    const struct run_options options = {.consume = &scene.jobs};
    cr_assert(run_simulate(&scene.setup, &scene.jobs, &options, &scene.result, &err));
    expect_conserved(&scene, scene.result.services);
    cr_expect(scene.jobs.at == NULL);
    cr_expect_eq(testing_tally(&scene.result, PART_RUN, NULL)->finished, 10);
    cr_expect_eq(scene.result.jobs->at[9].end_ns - scene.result.jobs->at[9].start_ns, 10 * TICK_S);
    err_free(&err);
    scene_close(&scene);
}

/* ---- what cannot work is refused ---- */

static void expect_refused(struct scene *scene, const char *needle) {
    struct err err;
    err_init(&err);
    const struct run_options options = {0};
    struct result result;
    cr_expect_not(run_simulate(&scene->setup, &scene->jobs, &options, &result, &err));
    cr_expect_not(run_check(&scene->setup, &scene->jobs, &err));
    cr_assert_eq(err.found, 2);
    for (size_t i = 0; i < 2; i++) cr_expect(strstr(err.lines[i], needle), "%s", err.lines[i]);
    err_free(&err);
    scene_close(scene);
}

Test(service, no_node_is_large_enough) {
    static struct scene scene;
    scene_open(&scene, 1, 1);
    scene.service[0].tensor_parallel = 16;
    expect_refused(&scene, "16 GPUs");
}
Test(service, its_model_runs_nowhere) {
    static struct scene scene;
    scene_open(&scene, 1, 1);
    for (size_t i = 0; i < 4; i++) scene.cost[i].gpus = 0;
    expect_refused(&scene, "8 GPUs");
}
Test(service, endless) {
    static struct scene scene;
    scene_open(&scene, 1, 1);
    add_requests(&scene, 1, 1, 0, 1);
    scene.service[0].repeat = true;
    expect_refused(&scene, "horizon");
}
