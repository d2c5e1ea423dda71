/*
 * Classes of requests with priorities: a service of one seat is a queue with one server, so its waits are those of
 * queueing theory: Cobham's for priorities (1954), Pollaczek and Khinchine's without, Kleinrock's conservation law
 * whatever the order, and an order by hand. And what classes are charged and counted adds up to the service's.
 */
#include "core/service.h"
#include "support/serving.h"
#include "support/testing.h"

#include "base/rng.h"
#include "base/stats.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { CLASSES = 3 };
static const char *class_names[CLASSES + 2] = {"", "low", "middle", "high", "none of them"};

struct scene {
    struct setup setup;
    struct service_setup service;
    struct request_class classes[CLASSES];
    struct requests requests;
    struct llm_cost cost;
    struct jobs jobs;
    struct result result;
};

/* One replica of one seat, whose requests wait for their turn, not for their last token to reach them. */
static void scene_open(struct scene *scene) {
    *scene = (struct scene){0};
    testing_setup(&scene->setup);
    struct pool_setup *pool = testing_pool(&scene->setup, "a", 1, 8);
    pool->base_w = 900;
    pool->gpu_idle_w = 75;
    pool->gpu_peak_w = 700;
    pool->usd_per_node_h = 20;
    scene->cost = serving_cost();
    scene->cost.first_token_s = 0;
    scene->requests.classes = class_names;
    scene->requests.classes_len = CLASSES + 2;
    for (uint16_t i = 0; i < CLASSES; i++)
        scene->classes[i] = (struct request_class){.name = class_names[i + 1], .priority = (uint16_t)(2 * i)};
    scene->service = (struct service_setup){
        .name = "chat", .requests = &scene->requests, .speed = 1, .tensor_parallel = 8, .cost = &scene->cost,
        .max_seqs = 1, .chunk_tokens = 8192, .least = 1, .most = 1, .begin = 1, .classes = scene->classes,
        .classes_len = CLASSES};
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

static void add(struct scene *scene, double at_s, uint32_t prompt, uint32_t output, uint16_t class_id) {
    struct requests *r = &scene->requests;
    if (r->len % 4096 == 0) r->at = mem_grow(r->at, r->len + 4096, sizeof *r->at);
    r->at[r->len++] = (struct request_row){.arrival_ns = tick_from_seconds(at_s), .prompt = prompt, .output = output,
                                           .class_id = class_id};
}

static const struct service_result *run(struct scene *scene) {
    result_free(&scene->result);
    scene->result = testing_run(&scene->setup, &scene->jobs);
    cr_expect_leq(scene->result.ledger_error, 1e-9);
    return scene->result.services;
}

static const struct service_result *of_class(const struct scene *scene, int class) {
    char name[64];
    snprintf(name, sizeof name, "chat/%s", class < CLASSES ? class_names[class + 1] : "(other)");
    return testing_tally(&scene->result, PART_REQUEST_CLASS, name)->service;
}

/* How long the replica works on one of these alone. */
static double alone_s(const struct llm_cost *cost, uint32_t prompt, uint32_t output) {
    return llm_step_s(cost, prompt, 0.5 * prompt * prompt, 0, 0) +
           (output > 1 ? llm_leap_s(cost, 1, prompt + 1, output - 1) : 0);
}

/* Six come while one is served, two of each class: the higher class first, then who came first. With aging of 2 s a
 * step, classes are worth 0, 4 and 8 s: a low one that came 9 s before a high one goes before it. */
static void by_hand(double aging_s, const int order[6]) {
    static const double at_s[6] = {0.01, 9.1, 5, 9.2, 9.1, 9.3};
    static const uint16_t classes[6] = {1, 3, 2, 2, 1, 3};
    static struct scene scene;
    scene_open(&scene);
    scene.service.aging_ns = tick_from_seconds(aging_s);
    const double first_s = alone_s(&scene.cost, 1000, 1000), each_s = alone_s(&scene.cost, 900, 50);
    cr_assert(first_s > 9.3 && first_s < 30, "%g s", first_s);
    add(&scene, 0, 1000, 1000, 0);
    for (int i = 0; i < 6; i++) add(&scene, at_s[i], 900, 50, classes[i]);
    for (int i = 0; i < 6; i++) /* in order of arrival, as a trace's */
        for (int k = 6; k > 1; k--)
            if (scene.requests.at[k].arrival_ns < scene.requests.at[k - 1].arrival_ns) {
                const struct request_row row = scene.requests.at[k];
                scene.requests.at[k] = scene.requests.at[k - 1];
                scene.requests.at[k - 1] = row;
            }
    run(&scene);
    double sum_s[CLASSES] = {0};
    for (int rank = 0; rank < 6; rank++)
        sum_s[classes[order[rank]] - 1] += first_s + (rank + 1) * each_s - at_s[order[rank]];
    for (int class = 0; class < CLASSES; class++)
        cr_expect(testing_near(of_class(&scene, class)->e2e.sum_s, sum_s[class], 1e-7), "%s: %.9f and %.9f s",
                  class_names[class + 1], of_class(&scene, class)->e2e.sum_s, sum_s[class]);
    scene_close(&scene);
}
Test(request_classes, the_higher_class_first) { by_hand(0, (const int[]){1, 5, 2, 3, 0, 4}); }
Test(request_classes, waiting_counts) { by_hand(2, (const int[]){0, 2, 1, 5, 3, 4}); }
Test(request_classes, who_came_first) { by_hand(0.001, (const int[]){0, 2, 1, 4, 3, 5}); }

/* Poisson arrivals of the classes at a load of 0.8, all of one length. */
static double poisson(struct scene *scene, uint64_t seed, size_t count, double *rate) {
    static const double share[CLASSES] = {0.5, 0.3, 0.2};
    struct rng *rng = rng_open(seed, "requests", 0);
    const double each_s = alone_s(&scene->cost, 700, 3);
    double t_s = 0;
    *rate = 0.8 / each_s;
    for (size_t i = 0; i < count; i++) {
        t_s += rng_exponential(rng, 1 / *rate);
        const double at = rng_uniform(rng);
        add(scene, t_s, 700, 3, at < share[0] ? 1 : at < share[0] + share[1] ? 2 : 3);
    }
    rng_close(rng);
    return each_s;
}

static double wait_s(const struct scene *scene, int class, double each_s) {
    const struct service_result *x = of_class(scene, class);
    return x->e2e.sum_s / (double)x->e2e.total - each_s;
}

Test(request_classes, cobham) {
    static struct scene scene;
    double rate, above = 0, all_s = 0;
    scene_open(&scene);
    const double each_s = poisson(&scene, 3, 400000, &rate);
    run(&scene);
    /* Residual time of who is served: rate x E[S^2] / 2. Load 0.8 in shares of 0.2, 0.3, 0.5 from above. */
    const double residual_s = rate * each_s * each_s / 2, load[CLASSES] = {0.4, 0.24, 0.16};
    for (int class = CLASSES; class-- > 0; above += load[class]) {
        const double expected_s = residual_s / ((1 - above) * (1 - above - load[class]));
        const double found_s = wait_s(&scene, class, each_s);
        cr_expect(testing_near(found_s, expected_s, 0.03), "%s: %g, not %g s", class_names[class + 1], found_s,
                  expected_s);
        all_s += load[class] * found_s;
    }
    cr_expect(testing_near(all_s, 0.8 * stats_mg1_wait(rate, each_s, each_s * each_s), 0.03));
    scene_close(&scene);
}

/* Requests of one length: whatever the order, they wait the same in sum, and only who waits changes. */
Test(request_classes, conservation) {
    static struct scene scene;
    double rate, sum_s[4], low_s[4];
    static const double aging_s[4] = {0, 0.02, 0.2, 1e-9};
    scene_open(&scene);
    const double each_s = poisson(&scene, 9, 40000, &rate);
    for (int i = 0; i < 4; i++) {
        scene.service.aging_ns = tick_from_seconds(aging_s[i]);
        sum_s[i] = run(&scene)->e2e.sum_s;
        low_s[i] = wait_s(&scene, 0, each_s);
        cr_expect(testing_near(sum_s[i], sum_s[0], 1e-7), "%.12g and %.12g s", sum_s[i], sum_s[0]);
    }
    /* Aging moves the low class's wait from priority's to first come, first served's. */
    cr_expect(low_s[0] > low_s[2] && low_s[2] > low_s[1] && low_s[1] > low_s[3], "%g %g %g %g", low_s[0], low_s[2],
              low_s[1], low_s[3]);
    scene_close(&scene);
}

/* Lines of classes, "(other)" among them, sum to the service; each by its own levels. */
Test(request_classes, add_up) {
    static struct scene scene;
    struct rng *rng = rng_open(4, "requests", 0);
    double t_s = 0;
    scene_open(&scene);
    scene.service.max_seqs = 64;
    scene.service.slo_ttft_ns = 1; /* nobody of no class is in time */
    scene.classes[2].slo_ttft_ns = TICK_DAY;
    for (int i = 0; i < 5000; i++) {
        t_s += rng_exponential(rng, 0.1);
        add(&scene, t_s, 1 + (uint32_t)rng_lognormal(rng, 6.5, 1), 1 + (uint32_t)rng_lognormal(rng, 4.5, 1),
            (uint16_t)rng_below(rng, CLASSES + 2));
    }
    rng_close(rng);
    const struct service_result *all = run(&scene);
    struct service_result sum = {0};
    for (int class = 0; class <= CLASSES; class++) {
        const struct service_result *x = of_class(&scene, class);
        cr_expect_eq(x->met, class == CLASSES ? 0 : x->finished);
        cr_expect_eq(x->arrived, x->finished);
        sum.arrived += x->arrived;
        sum.finished += x->finished;
        sum.prompt_tokens += x->prompt_tokens;
        sum.output_tokens += x->output_tokens;
        sum.energy_j += x->energy_j;
        sum.energy_usd += x->energy_usd;
        sum.capacity_usd += x->capacity_usd;
        sum.gpu_h += x->gpu_h;
        sum.ttft.total += x->ttft.total;
    }
    cr_expect(sum.arrived == 5000 && all->arrived == 5000);
    cr_expect_eq(sum.finished, all->finished);
    cr_expect_eq(sum.ttft.total, all->ttft.total);
    cr_expect_eq(sum.prompt_tokens, all->prompt_tokens);
    cr_expect_eq(sum.output_tokens, all->output_tokens);
    cr_expect(testing_near(sum.energy_j, all->energy_j, 1e-12) && testing_near(sum.gpu_h, all->gpu_h, 1e-12));
    cr_expect(testing_near(sum.capacity_usd, all->capacity_usd, 1e-12));
    scene_close(&scene);
}

/* The same requests in two classes, half of them twice as long: who asks for more pays more, a token about as much. */
Test(request_classes, longer_answers_cost_more) {
    static struct scene scene;
    scene_open(&scene);
    scene.service.max_seqs = 64;
    for (int i = 0; i < 2000; i++) add(&scene, 0.1 * i, 100, i % 2 ? 200 : 400, (uint16_t)(1 + i % 2));
    run(&scene);
    const struct service_result *twice = of_class(&scene, 0), *once = of_class(&scene, 1);
    const double ratio = twice->energy_j / once->energy_j;
    const struct llm_cost *c = &scene.cost;
    const double expected = llm_request_s(c, 0, 100, 100, 399) / llm_request_s(c, 0, 100, 100, 199);
    cr_expect(testing_near(ratio, expected, 1e-9), "%g and %g", ratio, expected);
    cr_expect(ratio > 1.8 && ratio < 2.2, "%g", ratio);
    scene_close(&scene);
}
