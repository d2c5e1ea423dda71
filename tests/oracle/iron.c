/*
 * What must hold in every run with nodes that sleep, boot, fail, are maintained, rented and taken back:
 * random fleets of all of them at once, under every order, the backfills that do without reservations, and
 * every place.
 *
 *   waiting    the reasons add up to each job's wait, to the nanosecond
 *   jobs       everyone is done in the end, after at least its run time
 *   holding    GPU time held = useful + lost + overhead (utilisation is 1); no pool holds more than it had up
 *   ledger     meter = jobs + idle + sleep + boot; regions and pools add up to the run
 *   events     the same run twice is the same to the last nanosecond and bit
 */
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"
#include "support/param.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum { JOBS = 120, SEEDS = 40 };

struct scene {
    struct setup setup;
    struct jobs jobs;
    struct result result;
    struct maintenance maintenance;
    struct class_setup class;
    char name[96];
};

/* Times are whole seconds, so that much happens at one instant. */
static bool one_in(struct rng *rng, uint64_t n) { return rng_below(rng, n) == 0; }

static int64_t some_s(struct rng *rng, uint64_t below) { return (int64_t)rng_below(rng, below) * TICK_S; }

static struct chosen lifetime(struct setup *setup, struct rng *rng, double mean_s) {
    const struct registry *registry = models_registry();
    const char *name = registry->models[KIND_LIFETIME][rng_below(rng, registry->counts[KIND_LIFETIME])]->name;
    const struct chosen c = testing_model(&setup->arena, KIND_LIFETIME, name);
    testing_param(c, "mean", floor(mean_s * (0.5 + rng_uniform(rng))));
    return c;
}

/* Failures seldom enough that a job of at most 60 s gets through. */
static void draw_faults(struct scene *scene, struct rng *rng, struct pool_setup *pool) {
    struct setup *setup = &scene->setup;
    if (one_in(rng, 2)) pool->faults.node_every = lifetime(setup, rng, 1000);
    if (one_in(rng, 2)) pool->faults.gpu_every = lifetime(setup, rng, 3000);
    pool->faults.repair = lifetime(setup, rng, 30);
    if (one_in(rng, 2)) {
        pool->faults.rack = 1 + (uint32_t)rng_below(rng, 3);
        pool->faults.rack_every = lifetime(setup, rng, 1000);
        pool->faults.rack_lasts = lifetime(setup, rng, 50);
    }
    if (one_in(rng, 3)) {
        pool->maintenance = &scene->maintenance;
        pool->maintenance_len = 1;
    }
}

static struct pool_setup *draw_pool(struct scene *scene, struct rng *rng, const char *name,
                                    enum bought bought, uint32_t gpus) {
    struct pool_setup *pool = testing_pool(&scene->setup, name, 2 + (uint32_t)rng_below(rng, 4), gpus);
    pool->bought = bought;
    pool->region = (uint32_t)rng_below(rng, 2);
    pool->base_w = 100 + 400 * rng_uniform(rng);
    pool->gpu_idle_w = 40;
    pool->gpu_peak_w = 300;
    pool->usd_per_node_h = 10 * rng_uniform(rng);
    pool->cpu_milli = one_in(rng, 2) ? 16000 : 0;
    pool->sleep = (struct sleep_setup){.on = one_in(rng, 2), .after_ns = some_s(rng, 40), .sleep_w = 10,
                                       .boot_ns = some_s(rng, 30), .boot_w = 200,
                                       .boot_exponential = one_in(rng, 2),
                                       .reserve = (uint32_t)rng_below(rng, 2)};
    draw_faults(scene, rng, pool);
    return pool;
}

static void draw_fleet(struct scene *scene, struct rng *rng) {
    static const struct testing_step price[] = {{0, 0.1}, {40, 0.4}, {130, 0.2}};
    static const struct testing_step pue[] = {{0, 1.3}, {77, 1.1}};
    static const struct testing_step nodes[] = {{0, 3}, {60, 1}, {110, 9}, {200, 2}, {230, 5}};
    static const struct testing_step dollars[] = {{0, 1}, {50, 3}, {90, 0.5}};
    struct setup *setup = &scene->setup;
    testing_region(setup, "there");
    for (uint32_t r = 0; r < 2; r++) {
        setup->regions[r].price = setup->regions[r].carbon = testing_steps(setup, price, 3, r ? 300 : 0);
        setup->regions[r].pue = testing_steps(setup, pue, 2, 0);
        if (one_in(rng, 3)) {
            setup->regions[r].outage_every = lifetime(setup, rng, 1500);
            setup->regions[r].outage_lasts = lifetime(setup, rng, 40);
        }
    }
    scene->maintenance = (struct maintenance){.first_ns = TICK_S + some_s(rng, 100), .every_ns = 300 * TICK_S,
                                              .lasts_ns = 20 * TICK_S};
    struct pool_setup *spot = draw_pool(scene, rng, "spot", BOUGHT_SPOT, 4);
    if (one_in(rng, 2)) spot->spot_nodes = testing_steps(setup, nodes, 5, 400);
    if (one_in(rng, 2)) spot->spot_usd_per_node_h = testing_steps(setup, dollars, 3, 150);
    if (one_in(rng, 2)) spot->spot_hazard_per_h = 5;
    spot->spot_notice_ns = some_s(rng, 8);
    spot->billing_ns = some_s(rng, 30);
    for (uint32_t r = 0; r < 2; r++) { /* there is a place for everyone in every region and on every market */
        draw_pool(scene, rng, r ? "steady there" : "steady", BOUGHT_OWNED, 8)->region = r;
        struct pool_setup *p = draw_pool(scene, rng, r ? "rented there" : "rented", BOUGHT_ON_DEMAND, 8);
        p->region = r;
        p->billing_ns = some_s(rng, 3);
        p->billing_least_ns = some_s(rng, 30);
    }
}

static void draw_policy(struct scene *scene, struct rng *rng) {
    struct policy_setup *policy = &scene->setup.policy;
    const struct registry *registry = models_registry();
    policy->scatter = one_in(rng, 4);
    for (int i = 0; i < 3; i++) policy->restart_ns[i] = some_s(rng, 3);
    if (one_in(rng, 4)) policy->round_ns = 7 * TICK_S;
    if (one_in(rng, 2)) policy->checkpoint.kind = one_in(rng, 2) ? CHECKPOINT_DALY : CHECKPOINT_FIXED;
    policy->checkpoint.every_ns = 10 * TICK_S;
    policy->checkpoint.write_ns = some_s(rng, 4);
    policy->checkpoint.restore_ns = some_s(rng, 4);
    policy->migrate = one_in(rng, 2);
    if (one_in(rng, 2)) {
        const size_t market = (size_t)rng_below(rng, registry->counts[KIND_MARKET]);
        policy->market = testing_model(&scene->setup.arena, KIND_MARKET,
                                       registry->models[KIND_MARKET][market]->name);
        scene->class = (struct class_setup){.run_below_ns = TICK_NEVER, .wait_ns = -1,
                                            .markets = 1u << BOUGHT_OWNED | 1u << BOUGHT_ON_DEMAND};
        if (one_in(rng, 2)) scene->class.markets = 1u << BOUGHT_SPOT | 1u << BOUGHT_ON_DEMAND;
        scene->setup.classes = &scene->class;
        scene->setup.classes_len = 1;
    }
    if (one_in(rng, 3)) scene->setup.horizon_ns = 50 * TICK_S + some_s(rng, 400);
    if (one_in(rng, 3)) scene->setup.measure_from_ns = 30 * TICK_S, scene->setup.measure_to_ns = 150 * TICK_S;
}

static void draw_jobs(struct jobs *jobs, struct rng *rng) {
    static const uint32_t sizes[] = {0, 1, 1, 2, 3, 4, 4, 8, 12};
    jobs_init(jobs, JOBS_PRIORITY | JOBS_DEADLINE | JOBS_WORK | JOBS_USER);
    for (int i = 0; i < JOBS; i++) {
        const uint32_t gpus = sizes[rng_below(rng, sizeof sizes / sizeof *sizes)];
        struct shape shape = {.gpus = gpus, .models = JOB_ANY_MODEL};
        if (one_in(rng, 6)) shape.gpus = 0, shape.share_milli = 1 + (uint32_t)rng_below(rng, 999);
        if (shape_gpu_milli(&shape) == 0 || one_in(rng, 3))
            shape.cpu_milli = 1 + (uint32_t)rng_below(rng, 9000);
        const double run_s = 1 + (double)rng_below(rng, 50);
        const uint32_t j = testing_job(jobs, (double)rng_below(rng, 250), run_s, 0);
        testing_shape(jobs, &shape);
        jobs->at[j].utilisation = 1;
        jobs->priority[j] = (int32_t)rng_below(rng, 3);
        jobs->deadline_ns[j] = jobs->at[j].submit_ns + 60 * TICK_S + some_s(rng, 200);
        jobs->work[j] = 1;
        jobs->user[j] = names_put(&jobs->users, "u", 1);
    }
}

/* ---- what must hold ---- */

static void check_near(const struct scene *scene, const char *what, double a, double b) {
    cr_expect(testing_near(a, b, 1e-9), "%s: %s: %.17g, %.17g", scene->name, what, a, b);
}

static void check_job(const struct scene *scene, uint32_t i) {
    const struct job *j = &scene->result.jobs->at[i];
    const struct job_result *r = &scene->result.job_results[i];
    const int64_t end_ns = scene->result.end_ns, until_ns = j->start_ns == JOB_NOT_YET ? end_ns : j->start_ns;
    int64_t sum_ns = 0;
    if (j->submit_ns > end_ns || j->start_ns == JOB_REFUSED) return;
    for (int w = 0; w < WHY_COUNT; w++) {
        cr_expect_geq(r->why_ns[w], 0, "%s: job %u waited %lld for %s", scene->name, i,
                      (long long)r->why_ns[w], why_names[w]);
        sum_ns += r->why_ns[w];
    }
    cr_expect_eq(sum_ns, until_ns - j->submit_ns, "%s: job %u waited %lld, its reasons say %lld", scene->name,
                 i, (long long)(until_ns - j->submit_ns), (long long)sum_ns);
    if (j->end_ns == JOB_NOT_YET) return;
    cr_expect_geq(r->held_ns, j->run_ns, "%s: job %u was done too soon", scene->name, i);
}

static void check_sums(const struct scene *scene, enum part part) {
    const struct tally *run = &scene->result.tallies[0];
    struct tally sum = {0};
    for (size_t i = 0; i < scene->result.tallies_len; i++) {
        const struct tally *t = &scene->result.tallies[i];
        if (t->part != part) continue;
        sum.held_gpu_h += t->held_gpu_h, sum.useful_gpu_h += t->useful_gpu_h, sum.up_gpu_h += t->up_gpu_h;
        sum.energy_j += t->energy_j, sum.energy_usd += t->energy_usd, sum.co2_g += t->co2_g;
        sum.sleep_energy_j += t->sleep_energy_j, sum.boot_energy_j += t->boot_energy_j;
        sum.idle_energy_j += t->idle_energy_j;
        sum.capacity_usd += t->capacity_usd;
        sum.boots += t->boots;
        if (part == PART_POOL)
            cr_expect_leq(t->held_gpu_h, t->up_gpu_h * (1 + 1e-12), "%s: %s holds more than was up",
                          scene->name, t->name);
    }
    check_near(scene, "held", sum.held_gpu_h, run->held_gpu_h);
    check_near(scene, "up", sum.up_gpu_h, run->up_gpu_h);
    check_near(scene, "energy", sum.energy_j, run->energy_j);
    check_near(scene, "energy cost", sum.energy_usd, run->energy_usd);
    check_near(scene, "emissions", sum.co2_g, run->co2_g);
    check_near(scene, "idle", sum.idle_energy_j, run->idle_energy_j);
    check_near(scene, "sleep", sum.sleep_energy_j, run->sleep_energy_j);
    check_near(scene, "boot", sum.boot_energy_j, run->boot_energy_j);
    check_near(scene, "capacity cost", sum.capacity_usd, run->capacity_usd);
    cr_expect_eq(sum.boots, run->boots, "%s", scene->name);
}

static void check_run(const struct scene *scene) {
    const struct tally *run = &scene->result.tallies[0];
    for (uint32_t i = 0; i < JOBS; i++) check_job(scene, i);
    check_near(scene, "meter", run->energy_j,
               run->job_energy_j + run->idle_energy_j + run->sleep_energy_j + run->boot_energy_j);
    check_near(scene, "held", run->held_gpu_h, run->useful_gpu_h + run->lost_gpu_h + run->overhead_gpu_h);
    cr_expect_leq(scene->result.ledger_error, 1e-9, "%s: the ledger is off by %g", scene->name,
                  scene->result.ledger_error);
    if (scene->setup.horizon_ns == TICK_NEVER)
        cr_expect_eq(run->waiting + run->running, 0, "%s: %llu jobs were forgotten", scene->name,
                     (unsigned long long)(run->waiting + run->running));
    check_sums(scene, PART_REGION);
    check_sums(scene, PART_POOL);
}

static void check_again(const struct scene *scene) {
    struct jobs jobs = scene->jobs;
    struct result again = testing_run(&scene->setup, &jobs);
    const struct tally *a = &again.tallies[0], *b = &scene->result.tallies[0];
    for (uint32_t i = 0; i < JOBS; i++)
        cr_expect_eq(again.jobs->at[i].end_ns, scene->result.jobs->at[i].end_ns, "%s: %u", scene->name, i);
    cr_expect_eq(memcmp(&a->energy_usd, &b->energy_usd, sizeof a->energy_usd), 0, "%s", scene->name);
    result_free(&again);
}

/* What happened in all runs together: a test of runs in which nothing happens says nothing. */
static struct tally seen;

static void note(const struct tally *run) {
    seen.finished += run->finished, seen.boots += run->boots, seen.failures += run->failures;
    seen.evictions += run->evictions, seen.preemptions += run->preemptions;
    seen.lost_gpu_h += run->lost_gpu_h, seen.checkpoint_gpu_h += run->checkpoint_gpu_h;
    seen.sleep_energy_j += run->sleep_energy_j, seen.boot_energy_j += run->boot_energy_j;
}

static void try_one(const char *order, const char *backfill, const char *place, uint64_t seed) {
    struct scene scene;
    struct rng *rng = rng_open(seed, "iron", 0);
    snprintf(scene.name, sizeof scene.name, "%s, %s, %s, seed %llu", order, backfill, place,
             (unsigned long long)seed);
    testing_setup(&scene.setup);
    scene.setup.seed = seed;
    testing_policy(&scene.setup, order, backfill, place);
    draw_fleet(&scene, rng);
    draw_policy(&scene, rng);
    draw_jobs(&scene.jobs, rng);
    scene.result = testing_run(&scene.setup, &scene.jobs);
    check_run(&scene);
    note(&scene.result.tallies[0]);
    check_again(&scene);
    result_free(&scene.result);
    jobs_free(&scene.jobs);
    testing_setup_free(&scene.setup);
    rng_close(rng);
}

Test(iron, every_order_and_backfill) {
    const struct registry *registry = models_registry();
    uint64_t seed = 0;
    for (size_t o = 0; o < registry->counts[KIND_ORDER]; o++)
        for (size_t b = 0; b < registry->counts[KIND_BACKFILL]; b++) {
            const struct model *order = registry->models[KIND_ORDER][o];
            const struct model *backfill = registry->models[KIND_BACKFILL][b];
            if (((const struct backfill_model *)(const void *)backfill)->reserves) continue; /* refused */
            for (int i = 0; i < SEEDS; i++) {
                const struct model *place = registry->models[KIND_PLACE][seed % registry->counts[KIND_PLACE]];
                try_one(order->name, backfill->name, place->name, ++seed);
            }
        }    cr_log_info("%llu jobs, %llu boots, %llu failures, %llu evictions, %llu preemptions",
                (unsigned long long)seen.finished, (unsigned long long)seen.boots,
                (unsigned long long)seen.failures, (unsigned long long)seen.evictions,
                (unsigned long long)seen.preemptions);
    cr_expect(seen.boots > 1000 && seen.failures > 100 && seen.evictions > 100 && seen.preemptions > 100);
    cr_expect(seen.lost_gpu_h > 0 && seen.checkpoint_gpu_h > 0);
    cr_expect(seen.sleep_energy_j > 0 && seen.boot_energy_j > 0);
}
