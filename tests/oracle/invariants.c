/*
 * What must hold in every run, whatever the policy: over random scenarios, every order with every backfill
 * and every place that compose, in two regions, with shares, cores, memory, GPU models, quotas, nodes of a
 * tenant's own, rounds, preemption, warm-up and horizons.
 *
 *   capacity   no node, region or tenant ever holds more than it has or may, rebuilt from the jobs' times
 *   waiting    the reasons add up to each job's wait, to the nanosecond, and in the sum
 *   holding    GPU time held by jobs = GPU time charged; a job holds for its run time, longer if preempted;
 *              the run ends with its last job
 *   ledger     meter = jobs + idle; tenants, classes, regions and pools each add up to the run
 *
 * (Little's law has a file of its own, little.c.) A job that was preempted has gaps this test cannot see, so
 * it is left out of the capacity check: what remains is a lower bound, and the truth where nothing preempts.
 */
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 60, SEEDS = 2, TENANTS = 3, NODES_MOST = 32 };

static const struct order_model *order_at(size_t i) {
    return (const struct order_model *)(const void *)models_registry()->models[KIND_ORDER][i];
}
static const struct backfill_model *backfill_at(size_t i) {
    return (const struct backfill_model *)(const void *)models_registry()->models[KIND_BACKFILL][i];
}

/* --- a random scenario --- */

struct scene {
    struct setup setup;
    struct jobs jobs;
    struct result result;
    char name[96];
};

static bool one_in(struct rng *rng, uint64_t n) { return rng_below(rng, n) == 0; }

static void draw_pool(struct setup *setup, struct rng *rng, const char *name, uint32_t region, uint32_t gpus,
                      const char *model) {
    struct pool_setup *pool = testing_pool(setup, name, 1 + (uint32_t)rng_below(rng, 4), gpus);
    pool->region = region;
    pool->gpu = model;
    pool->base_w = 100 + 400 * rng_uniform(rng);
    pool->gpu_idle_w = 30 + 20 * rng_uniform(rng);
    pool->gpu_peak_w = 200 + 500 * rng_uniform(rng);
    pool->usd_per_node_h = 10 * rng_uniform(rng);
    pool->cpu_milli = gpus == 0 || one_in(rng, 2) ? 16000 : 0;
    pool->mem_mib = one_in(rng, 2) ? 64 : 0;
}

static void draw_fleet(struct setup *setup, struct rng *rng) {
    static const struct testing_step price[] = {{0, 0.1}, {40, 0.4}, {130, 0.2}};
    static const struct testing_step pue[] = {{0, 1.3}, {77, 1.1}};
    testing_region(setup, "there");
    for (uint32_t r = 0; r < 2; r++) {
        setup->regions[r].price = testing_steps(setup, price, 3, r ? 300 : 0);
        setup->regions[r].carbon = testing_steps(setup, price, 3, 200);
        setup->regions[r].pue = testing_steps(setup, pue, 2, 0);
    }
    draw_pool(setup, rng, "a", 0, 4, "x");
    draw_pool(setup, rng, "b", 0, 8, "y");
    draw_pool(setup, rng, "c", 1, 4, "x");
    draw_pool(setup, rng, "cores", 1, 0, "");
    testing_tenant(setup, "red");
    testing_tenant(setup, "own");
    draw_pool(setup, rng, "owned", 1, 4, "y");
    setup->pools[setup->pools_len - 1].tenant = 1;
}

static void draw_policy(struct setup *setup, struct rng *rng, const struct backfill_model *backfill) {
    struct policy_setup *policy = &setup->policy;
    const struct registry *registry = models_registry();
    const char *route = registry->models[KIND_ROUTE][rng_below(rng, registry->counts[KIND_ROUTE])]->name;
    policy->route = testing_model(&setup->arena, KIND_ROUTE, route);
    policy->scatter = one_in(rng, 4);
    policy->estimate = one_in(rng, 2) ? ESTIMATE_NOISY : ESTIMATE_EXACT;
    policy->estimate_error = 1;
    policy->overrun = one_in(rng, 2) ? OVERRUN_ALLOW : OVERRUN_RAISE;
    for (int i = 0; i < 3; i++) policy->restart_ns[i] = one_in(rng, 2) ? 0 : (i + 1) * TICK_S;
    if (one_in(rng, 4)) policy->round_ns = 7 * TICK_S, policy->round_cost_ns = TICK_S;
    if (!backfill->reserves && one_in(rng, 2)) {
        setup->tenants[0].quota_kind = one_in(rng, 2) ? QUOTA_HARD : QUOTA_BORROW;
        setup->tenants[0].quota_gpus = 4;
    }
    if (one_in(rng, 3)) setup->horizon_ns = (int64_t)(50 + rng_below(rng, 400)) * TICK_S;
    if (one_in(rng, 3)) setup->measure_from_ns = 30 * TICK_S, setup->measure_to_ns = 150 * TICK_S;
}

/* Every third time GPUs are shared, in one way everywhere: parts of a GPU are the same wherever they may run. */
static void draw_sharing(struct setup *setup, struct rng *rng) {
    if (!one_in(rng, 3)) return;
    const enum sharing_mode mode = SHARING_NONE + (enum sharing_mode)rng_below(rng, 4);
    for (size_t i = 0; i < setup->pools_len; i++)
        setup->pools[i].sharing = (struct sharing_setup){.mode = mode, .switching = 0.2 * rng_uniform(rng),
                                                         .interference = rng_uniform(rng), .slices = 0x9e};
    setup->classes = arena_alloc(&setup->arena, 1, sizeof *setup->classes);
    setup->classes_len = 1;
    setup->classes[0] = (struct class_setup){.name = "batch", .run_below_ns = TICK_NEVER, .wait_ns = -1,
                                             .markets = ~0u};
    setup->classes[0].load = (struct load_shares){.compute = rng_uniform(rng), .memory = rng_uniform(rng), .busy = 0.9};
}

static void draw_jobs(struct jobs *jobs, struct rng *rng, const struct backfill_model *backfill) {
    static const char *const tenants[TENANTS] = {"default", "red", "own"};
    static const uint32_t sizes[] = {0, 1, 1, 2, 3, 4, 4, 8, 12};
    jobs_init(jobs, JOBS_PRIORITY | JOBS_DEADLINE | JOBS_WORK | JOBS_USER);
    const uint64_t x = UINT64_C(1) << names_put(&jobs->models, "x", 1);
    const uint64_t y = UINT64_C(1) << names_put(&jobs->models, "y", 1);
    for (int i = 0; i < JOBS; i++) {
        const uint32_t gpus = sizes[rng_below(rng, sizeof sizes / sizeof *sizes)];
        struct shape shape = {.gpus = gpus, .models = JOB_ANY_MODEL};
        if (one_in(rng, 5)) shape.gpus = 0, shape.share_milli = 1 + (uint32_t)rng_below(rng, 999);
        if (shape_gpu_milli(&shape) == 0 || one_in(rng, 3))
            shape.cpu_milli = 1 + (uint32_t)rng_below(rng, 9000);
        if (one_in(rng, 3)) shape.mem_mib = 1 + (uint32_t)rng_below(rng, 48);
        if (!backfill->whole_domain && one_in(rng, 4)) shape.models = one_in(rng, 2) ? x : y;
        const double submit_s = (double)rng_below(rng, 200);
        const double run_s = one_in(rng, 10) ? 0 : 50 * rng_uniform(rng);
        const uint32_t j = testing_job(jobs, submit_s, run_s, 0);
        testing_shape(jobs, &shape);
        const char *tenant = tenants[rng_below(rng, TENANTS)];
        jobs->at[j].tenant = (uint16_t)names_put(&jobs->tenants, tenant, strlen(tenant));
        if (one_in(rng, 3)) jobs->at[j].class_id = (uint16_t)names_put(&jobs->classes, "batch", 5);
        jobs->at[j].utilisation = (float)rng_uniform(rng);
        jobs->priority[j] = (int32_t)rng_below(rng, 3);
        jobs->deadline_ns[j] = jobs->at[j].submit_ns + (int64_t)rng_below(rng, 100) * TICK_S;
        jobs->work[j] = rng_uniform(rng);
        jobs->user[j] = names_put(&jobs->users, "u", 1);
    }
}

/* --- capacity --- */

/* What is held of something, and of how much. */
struct held {
    uint64_t gpu_milli, cpu_milli, mem_mib;
};
struct books {
    struct held nodes[NODES_MOST], node_limits[NODES_MOST];
    struct held domains[2][2], domain_limits[2][2]; /* by region; shared, or the tenant's own */
    uint64_t tenants_milli[TENANTS];
};

static void held_add(struct held *held, const struct shape *shape, int by) {
    held->gpu_milli += (uint64_t)(by * (int64_t)shape_gpu_milli(shape));
    held->cpu_milli += (uint64_t)(by * (int64_t)shape->cpu_milli);
    held->mem_mib += (uint64_t)(by * (int64_t)shape->mem_mib);
}

static bool within(const struct held *held, const struct held *limit) {
    return held->gpu_milli <= limit->gpu_milli && held->cpu_milli <= limit->cpu_milli &&
           held->mem_mib <= limit->mem_mib;
}

static const struct pool_setup *pool_of(const struct setup *setup, uint32_t node) {
    for (size_t i = 0; i < setup->nodes_len; node -= setup->nodes[i++].count)
        if (node < setup->nodes[i].count) return &setup->pools[setup->nodes[i].pool];
    return NULL;
}

static void open_books(struct books *books, const struct setup *setup) {
    *books = (struct books){0};
    for (uint32_t n = 0; n < NODES_MOST; n++) {
        const struct pool_setup *pool = pool_of(setup, n);
        if (!pool) continue;
        struct held *node = &books->node_limits[n];
        struct held *domain = &books->domain_limits[pool->region][pool->tenant != SETUP_SHARED];
        const uint64_t no_limit = UINT64_C(1) << 40; /* not modelled */
        *node = (struct held){pool->gpus * UINT64_C(1000), pool->cpu_milli ? pool->cpu_milli : no_limit,
                              pool->mem_mib ? pool->mem_mib : no_limit};
        domain->gpu_milli += node->gpu_milli;
        domain->cpu_milli += node->cpu_milli;
        domain->mem_mib += node->mem_mib;
    }
}

static bool accepts(const struct jobs *jobs, const struct shape *shape, const struct pool_setup *pool) {
    for (uint32_t m = 0; m < jobs->models.len; m++)
        if (shape->models >> m & 1 && strcmp(jobs->models.at[m], pool->gpu) == 0) return true;
    return shape->models == JOB_ANY_MODEL || shape_gpu_milli(shape) == 0;
}

/* Whether a job stands on one node: some node of its domain could hold it whole. (Scattered: who knows.) */
static bool on_one_node(const struct scene *scene, const struct shape *shape, uint32_t region, bool owned) {
    const struct setup *setup = &scene->setup;
    if (setup->policy.scatter) return false;
    for (size_t i = 0; i < setup->pools_len; i++) {
        const struct pool_setup *p = &setup->pools[i];
        if (p->region != region || (p->tenant != SETUP_SHARED) != owned) continue;
        if (shape_gpu_milli(shape) <= p->gpus * 1000 && (!p->cpu_milli || shape->cpu_milli <= p->cpu_milli) &&
            (!p->mem_mib || shape->mem_mib <= p->mem_mib) && accepts(&scene->jobs, shape, p))
            return true;
    }
    return false;
}

/* What a job held: of GPUs what the run made of it, models by the trace. */
static struct shape shape_held(const struct scene *scene, uint32_t job) {
    const struct jobs *ran = scene->result.jobs;
    struct shape shape = ran->shapes.at[ran->at[job].shape];
    shape.models = scene->jobs.shapes.at[scene->jobs.at[job].shape].models;
    return shape;
}

/* Enters a job into the books (by 1) or takes it out (by -1); false: something is held beyond its limit. */
static bool enter(const struct scene *scene, struct books *books, uint32_t job, int by) {
    const struct setup *setup = &scene->setup;
    const struct job *j = &scene->result.jobs->at[job];
    const struct job_result *r = &scene->result.job_results[job];
    const struct shape held = shape_held(scene, job), *shape = &held;
    const struct pool_setup *pool = pool_of(setup, r->first_node);
    const bool owned = strcmp(scene->jobs.tenants.at[j->tenant], "own") == 0;
    cr_assert_not_null(pool);
    if (pool->region != r->region || (pool->tenant != SETUP_SHARED) != owned) return false;
    if (!accepts(&scene->jobs, shape, pool)) return false;
    struct held *domain = &books->domains[r->region][owned], *node = &books->nodes[r->first_node];
    held_add(domain, shape, by);
    bool good = within(domain, &books->domain_limits[r->region][owned]);
    if (on_one_node(scene, shape, r->region, owned)) {
        held_add(node, shape, by);
        good = good && within(node, &books->node_limits[r->first_node]);
    }
    books->tenants_milli[j->tenant] += (uint64_t)(by * (int64_t)shape_gpu_milli(shape));
    if (setup->tenants[0].quota_kind == QUOTA_HARD && strcmp(scene->jobs.tenants.at[j->tenant], "red") == 0)
        good = good && (double)books->tenants_milli[j->tenant] <= setup->tenants[0].quota_gpus * 1000;
    return good;
}

struct moment {
    int64_t t_ns;
    int by;
    uint32_t job;
};

/* In time; what ends at an instant goes before what starts. */
static int by_time(const void *a, const void *b) {
    const struct moment *x = a, *y = b;
    if (x->t_ns != y->t_ns) return x->t_ns < y->t_ns ? -1 : 1;
    return x->by - y->by;
}

/* Returns how many jobs were entered. */
static size_t check_capacity(const struct scene *scene) {
    struct moment moments[2 * JOBS];
    struct books books;
    size_t count = 0;
    for (uint32_t i = 0; i < scene->result.jobs->len; i++) {
        const struct job *j = &scene->result.jobs->at[i];
        const int64_t end_ns = j->end_ns == JOB_NOT_YET ? TICK_NEVER : j->end_ns;
        const bool preempted = scene->result.job_results[i].preemptions > 0;
        if (j->start_ns < 0 || preempted || end_ns == j->start_ns) continue;
        moments[count++] = (struct moment){j->start_ns, 1, i};
        moments[count++] = (struct moment){end_ns, -1, i};
    }
    qsort(moments, count, sizeof *moments, by_time);
    open_books(&books, &scene->setup);
    for (size_t i = 0; i < count; i++)
        cr_expect(enter(scene, &books, moments[i].job, moments[i].by),
                  "%s: job %u holds more than there is at %lld", scene->name, moments[i].job,
                  (long long)moments[i].t_ns);
    return count / 2;
}

/* --- jobs --- */

static void check_wait(const struct scene *scene, uint32_t i, double *waited_s) {
    const struct job *j = &scene->result.jobs->at[i];
    const struct job_result *r = &scene->result.job_results[i];
    const bool came = j->start_ns != JOB_REFUSED && j->submit_ns <= scene->result.end_ns;
    const int64_t until_ns = j->start_ns == JOB_NOT_YET ? scene->result.end_ns : j->start_ns;
    const int64_t wait_ns = came ? until_ns - j->submit_ns : 0;
    int64_t sum_ns = 0;
    for (int w = 0; w < WHY_COUNT; w++) {
        cr_expect_geq(r->why_ns[w], 0, "%s: job %u waited %lld for %s", scene->name, i,
                      (long long)r->why_ns[w], why_names[w]);
        sum_ns += r->why_ns[w];
    }
    cr_expect_eq(sum_ns, wait_ns, "%s: job %u waited %lld, its reasons say %lld", scene->name, i,
                 (long long)wait_ns, (long long)sum_ns);
    if (j->submit_ns >= scene->setup.measure_from_ns && j->submit_ns < scene->setup.measure_to_ns)
        *waited_s += tick_seconds(wait_ns);
}

static void check_held(const struct scene *scene, uint32_t i) {
    const struct job *j = &scene->result.jobs->at[i];
    const struct job_result *r = &scene->result.job_results[i];
    if (j->end_ns == JOB_NOT_YET) return;
    const int64_t least_ns = j->run_ns + scene->setup.policy.round_cost_ns, held_ns = j->end_ns - j->start_ns;
    cr_expect_geq(j->start_ns, j->submit_ns, "%s: job %u starts before it comes", scene->name, i);
    cr_expect_leq(j->end_ns, scene->result.end_ns, "%s: job %u ends after the run", scene->name, i);
    const bool slowed = scene->setup.pools[0].sharing.mode > SHARING_NONE;
    if (slowed) {
        cr_expect(r->held_ns >= least_ns && r->held_ns <= held_ns, "%s: job %u held for %lld", scene->name, i,
                  (long long)r->held_ns);
    } else if (r->preemptions == 0) {
        cr_expect_eq(held_ns, least_ns, "%s: job %u held for %lld of %lld", scene->name, i,
                     (long long)held_ns, (long long)least_ns);
        cr_expect_eq(r->held_ns, held_ns, "%s: job %u", scene->name, i);
    } else {
        cr_expect(r->held_ns >= least_ns && r->held_ns <= held_ns, "%s: job %u held for %lld", scene->name, i,
                  (long long)r->held_ns);
    }
}

/* Without a horizon a run ends with its last job, not with a timer that nobody waits for any more: what is
 * measured would include that time. */
static void check_end(const struct scene *scene) {
    int64_t last_ns = 0;
    if (scene->setup.horizon_ns != TICK_NEVER) return;
    for (size_t i = 0; i < scene->result.jobs->len; i++) {
        const struct job *j = &scene->result.jobs->at[i];
        if (j->submit_ns > last_ns) last_ns = j->submit_ns;
        if (j->end_ns > last_ns) last_ns = j->end_ns;
    }
    cr_expect_eq(scene->result.end_ns, last_ns, "%s: the last job ends at %lld, the run at %lld", scene->name,
                 (long long)last_ns, (long long)scene->result.end_ns);
}

/* --- sums --- */

static void check_near(const struct scene *scene, const char *what, double a, double b) {
    cr_expect(testing_near(a, b, 1e-9), "%s: %s: %.17g, %.17g", scene->name, what, a, b);
}

static void check_part(const struct scene *scene, enum part part) {
    const struct tally *run = &scene->result.tallies[0];
    struct tally sum = {0};
    for (size_t i = 0; i < scene->result.tallies_len; i++) {
        const struct tally *t = &scene->result.tallies[i];
        if (t->part != part) continue;
        sum.submitted += t->submitted, sum.finished += t->finished;
        sum.held_gpu_h += t->held_gpu_h, sum.used_gpu_h += t->used_gpu_h, sum.useful_gpu_h += t->useful_gpu_h;
        sum.capacity_gpu_h += t->capacity_gpu_h;
        sum.energy_j += t->energy_j, sum.energy_usd += t->energy_usd, sum.co2_g += t->co2_g;
        sum.capacity_usd += t->capacity_usd;
        sum.job_energy_j += t->job_energy_j, sum.job_energy_usd += t->job_energy_usd;
        sum.job_co2_g += t->job_co2_g;
        sum.job_capacity_usd += t->job_capacity_usd;
    }
    const bool iron = part == PART_REGION || part == PART_POOL;
    check_near(scene, "held", sum.held_gpu_h, run->held_gpu_h);
    check_near(scene, "used", sum.used_gpu_h, run->used_gpu_h);
    check_near(scene, "useful", sum.useful_gpu_h, run->useful_gpu_h);
    check_near(scene, "job energy", sum.job_energy_j, run->job_energy_j);
    check_near(scene, "job energy cost", sum.job_energy_usd, run->job_energy_usd);
    check_near(scene, "job emissions", sum.job_co2_g, run->job_co2_g);
    check_near(scene, "job capacity cost", sum.job_capacity_usd, run->job_capacity_usd);
    check_near(scene, "energy", sum.energy_j, iron ? run->energy_j : run->job_energy_j);
    check_near(scene, "energy cost", sum.energy_usd, iron ? run->energy_usd : run->job_energy_usd);
    check_near(scene, "emissions", sum.co2_g, iron ? run->co2_g : run->job_co2_g);
    check_near(scene, "capacity cost", sum.capacity_usd, iron ? run->capacity_usd : run->job_capacity_usd);
    if (iron) check_near(scene, "capacity", sum.capacity_gpu_h, run->capacity_gpu_h);
    if (part == PART_TENANT || part == PART_CLASS) {
        cr_expect_eq(sum.submitted, run->submitted, "%s", scene->name);
        cr_expect_eq(sum.finished, run->finished, "%s", scene->name);
    }
}

static void check_run(const struct scene *scene) {
    const struct tally *run = &scene->result.tallies[0];
    double waited_s = 0, reasons_s = 0, held_gpu_h = 0, energy_j = 0, capacity_usd = 0;
    for (uint32_t i = 0; i < scene->result.jobs->len; i++) {
        const struct job_result *r = &scene->result.job_results[i];
        check_wait(scene, i, &waited_s);
        check_held(scene, i);
        const struct shape shape = shape_held(scene, i);
        held_gpu_h += tick_hours(r->held_ns) * shape_gpu_milli(&shape) / 1000;
        energy_j += r->energy_j;
        capacity_usd += r->capacity_usd;
    }
    check_end(scene);
    for (int w = 0; w < WHY_COUNT; w++) reasons_s += run->why_s[w];
    check_near(scene, "wait", reasons_s, waited_s);
    check_near(scene, "jobs' energy", energy_j, run->job_energy_j);
    check_near(scene, "jobs' capacity", capacity_usd, run->job_capacity_usd);
    if (scene->setup.measure_to_ns == TICK_NEVER)
        check_near(scene, "GPU time held", held_gpu_h, run->held_gpu_h);
    check_near(scene, "meter", run->energy_j, run->job_energy_j + run->idle_energy_j);
    check_near(scene, "bill", run->energy_usd, run->job_energy_usd + run->idle_energy_usd);
    check_near(scene, "emissions", run->co2_g, run->job_co2_g + run->idle_co2_g);
    cr_expect_leq(scene->result.ledger_error, 1e-9, "%s: the ledger is off by %g", scene->name,
                  scene->result.ledger_error);
    cr_expect_eq(run->submitted, run->finished + run->running + run->waiting + run->refused, "%s",
                 scene->name);
    cr_expect_leq(run->held_gpu_h, run->capacity_gpu_h * (1 + 1e-12), "%s", scene->name);
    cr_expect_leq(run->fragmented_gpu_h, run->free_gpu_h + 1e-9 * run->capacity_gpu_h, "%s", scene->name);
    cr_expect_leq(run->useful_gpu_h, run->used_gpu_h * (1 + 1e-12), "%s", scene->name);
    if (scene->setup.horizon_ns == TICK_NEVER)
        cr_expect_eq(run->waiting + run->running, 0, "%s: %llu jobs were forgotten", scene->name,
                     (unsigned long long)(run->waiting + run->running));
    for (enum part part = PART_REGION; part <= PART_POOL; part++) check_part(scene, part);
}

/* --- every combination --- */

static size_t try_one(const struct order_model *order, const struct backfill_model *backfill,
                      const char *place, uint64_t seed) {
    struct scene scene;
    struct rng *rng = rng_open(seed, "invariants", 0);
    snprintf(scene.name, sizeof scene.name, "%s, %s, %s, seed %llu", order->model.name, backfill->model.name,
             place, (unsigned long long)seed);
    testing_setup(&scene.setup);
    testing_policy(&scene.setup, order->model.name, backfill->model.name, place);
    draw_fleet(&scene.setup, rng);
    draw_policy(&scene.setup, rng, backfill);
    draw_jobs(&scene.jobs, rng, backfill);
    draw_sharing(&scene.setup, rng);
    scene.result = testing_run(&scene.setup, &scene.jobs);
    size_t entered = check_capacity(&scene);
    check_run(&scene);
    result_free(&scene.result);
    jobs_free(&scene.jobs);
    testing_setup_free(&scene.setup);
    rng_close(rng);
    return entered;
}

Test(invariants, every_combination) {
    const struct registry *registry = models_registry();
    size_t runs = 0, entered = 0;
    for (size_t o = 0; o < registry->counts[KIND_ORDER]; o++)
        for (size_t b = 0; b < registry->counts[KIND_BACKFILL]; b++) {
            const struct order_model *order = order_at(o);
            const struct backfill_model *backfill = backfill_at(b);
            if (backfill->reserves && (order->preemptive || order->tenant_key)) continue;
            for (size_t p = 0; p < registry->counts[KIND_PLACE]; p++)
                for (int i = 0; i < SEEDS; i++, runs++)
                    entered += try_one(order, backfill, registry->models[KIND_PLACE][p]->name, runs);
        }
    cr_expect_gt(runs, 300);
    cr_expect_gt(entered, runs * JOBS / 3); /* the capacity check saw most jobs */
}
