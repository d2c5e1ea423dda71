/*
 * FGD and its baselines (Weng et al., ATC 2023) on the Alibaba 2023 trace: GPU share allocated as more and
 * more is asked for of a cluster of 1,213 nodes, six placements, ten seeds.
 *
 * The experiment: the default pods in shuffled order, drawn again until 130 % of the GPUs were asked for;
 * each pod is placed at once or never, none leaves. The figure at x is the mean, over the arrivals at which
 * round(100 x asked / capacity) = x, of the GPU thousandths allocated over capacity. Nodes are numbered anew
 * for each seed, as there: ties go to the lowest number, and in the order of the list gpu_clustering and
 * gpu_packing come out 0.75 points lower, best_fit 0.2 higher. The published seeds shuffle with another
 * generator, so means over seeds are compared, at 100 and 130 %.
 *
 * Known differences: typical requests are counted in the extended list (0.1 points of fgd, measured) and
 * with their memory; there in the original list without memory.
 */
#include "support/published.h"
#include "support/testing.h"

#include "app/demand.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "base/tick.h"
#include "io/csv.h"
#include "io/trace.h"

#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { POLICIES = 6, SEEDS = 10, POINTS = 7, THREADS = 2 };
enum { POOLS_MOST = 32, NODES_MOST = 2000, PERCENTS = 140 };
static const int points[POINTS] = {80, 90, 95, 100, 110, 120, 130};
static const struct { const char *place, *published; } policies[POLICIES] = {
    {"random", "01-Random"},           {"dot_product", "02-DotProd"}, {"gpu_clustering", "03-GpuClustering"},
    {"gpu_packing", "04-GpuPacking"}, {"best_fit", "05-BestFit"},    {"fgd", "06-FGD"}};

struct experiment {
    struct setup setup; /* the fleet; each run has its own seed and placement */
    struct chosen place[POLICIES];
    char trace[64];
    double published[POLICIES][POINTS];
    double share[POLICIES][SEEDS][POINTS]; /* percent */
    size_t pods[SEEDS];
    atomic_int next;
};

/* ---- the data ---- */

static bool add_node(void *context, const struct csv_row *row, struct err *err) {
    (void)err;
    struct setup *s = context; /* sn,cpu_milli,memory_mib,gpu,model */
    if (row->line == 1) return true;
    const uint32_t cpu_milli = (uint32_t)published_number(row, 1), mem_mib = (uint32_t)published_number(row, 2);
    const uint32_t gpus = (uint32_t)published_number(row, 3);
    size_t p = 0;
    for (; p < s->pools_len; p++) {
        const struct pool_setup *like = &s->pools[p];
        if (like->gpus == gpus && like->cpu_milli == cpu_milli && like->mem_mib == mem_mib &&
            strcmp(like->gpu, row->fields[4]) == 0)
            break;
    }
    if (p == s->pools_len) {
        cr_assert_lt(p, POOLS_MOST);
        s->pools[s->pools_len++] = (struct pool_setup){
            .name = "nodes", .tenant = SETUP_SHARED, .gpu = arena_text(&s->arena, row->fields[4]),
            .gpus = gpus, .cpu_milli = cpu_milli, .mem_mib = mem_mib,
            .power = testing_model(&s->arena, KIND_POWER, "linear")};
    }
    cr_assert_lt(s->nodes_len, NODES_MOST);
    s->nodes[s->nodes_len++] = (struct node_run){.pool = (uint32_t)p, .count = 1};
    return true;
}

static bool add_pod(void *context, const struct csv_row *row, struct err *err) {
    (void)err;
    struct jobs *jobs = context; /* name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,... */
    if (row->line == 1) return true;
    const uint32_t gpus = (uint32_t)published_number(row, 3), gpu_milli = (uint32_t)published_number(row, 4);
    cr_assert_eq(row->len[5], 0, "%s:%d: the default pods accept every GPU", row->file, row->line);
    const bool share = gpus == 1 && gpu_milli < 1000;
    testing_job(jobs, (double)jobs->len, 1, 0);
    testing_shape(jobs, &(struct shape){.gpus = share ? 0 : gpus, .share_milli = share ? gpu_milli : 0,
                                        .cpu_milli = (uint32_t)published_number(row, 1),
                                        .mem_mib = (uint32_t)published_number(row, 2), .models = JOB_ANY_MODEL});
    return true;
}

static bool add_published(void *context, const struct csv_row *row, struct err *err) {
    (void)err;
    struct experiment *e = context; /* workload,policy,seeds, then the points */
    for (size_t p = 0; p < POLICIES; p++)
        for (size_t i = 0; i < POINTS && strcmp(row->fields[1], policies[p].published) == 0; i++)
            e->published[p][i] = published_number(row, 3 + i);
    return true;
}

/* false: the data is not here. */
static bool read_file(const char *name, csv_visit *visit, void *context) {
    struct err err;
    err_init(&err);
    const char *path = testing_data(name);
    const bool read = path && csv_read(path, visit, context, NULL, &err);
    err_print(&err, stderr);
    err_free(&err);
    return read;
}

static void write_trace(struct experiment *e, struct jobs *jobs) {
    struct err err;
    err_init(&err);
    (void)snprintf(e->trace, sizeof e->trace, "/tmp/headroom-fgd-%ld.csv", (long)getpid());
    jobs_sort(jobs);
    cr_assert(trace_write(e->trace, jobs, &err));
    err_free(&err);
}

/* ---- the runs ---- */

/* Shares allocated at the points, from what was asked for and what was placed, in order of arrival. */
static void measure(const struct jobs *jobs, double capacity_milli, double share[POINTS]) {
    double sum[PERCENTS] = {0}, count[PERCENTS] = {0}, asked = 0, allocated = 0;
    for (size_t j = 0; j < jobs->len; j++) {
        const double milli = shape_gpu_milli(&jobs->shapes.at[jobs->at[j].shape]);
        asked += milli;
        if (jobs->at[j].start_ns >= 0) allocated += milli;
        const long percent = lround(100 * asked / capacity_milli);
        if (percent >= PERCENTS) break;
        sum[percent] += 100 * allocated / capacity_milli;
        count[percent]++;
    }
    for (size_t i = 0; i < POINTS; i++) share[i] = sum[points[i]] / count[points[i]];
}

/* The nodes of the list in an order of the seed's own. */
static struct node_run *shuffle_nodes(const struct setup *setup) {
    uint32_t order[NODES_MOST];
    struct node_run *nodes = mem_zero(setup->nodes_len, sizeof *nodes);
    for (uint32_t n = 0; n < setup->nodes_len; n++) order[n] = n;
    struct rng *rng = rng_open(setup->seed, "nodes", 0);
    rng_shuffle(rng, order, setup->nodes_len);
    rng_close(rng);
    for (uint32_t n = 0; n < setup->nodes_len; n++) nodes[n] = setup->nodes[order[n]];
    return nodes;
}

static void run_one(struct experiment *e, int policy, int seed) {
    struct setup setup = e->setup;
    setup.seed = 42 + (uint64_t)seed;
    setup.nodes = shuffle_nodes(&setup);
    setup.policy.place = e->place[policy];
    setup.horizon_ns = 10 * TICK_DAY;
    const struct demand demand = {.trace = e->trace, .speed = 1, .shuffle = true, .repeat_until = 1.3,
                                  .every_ns = TICK_S};
    struct jobs jobs;
    struct err err;
    struct result result;
    const struct run_options options = {.job_results = false};
    err_init(&err);
    if (!demand_read(&demand, &setup, &jobs, &err) || !run_simulate(&setup, &jobs, &options, &result, &err)) {
        err_print(&err, stderr);
        die("the run was refused");
    }
    double capacity_milli = 0;
    for (size_t n = 0; n < setup.nodes_len; n++)
        capacity_milli += setup.pools[setup.nodes[n].pool].gpus * 1000.0;
    measure(result.jobs, capacity_milli, e->share[policy][seed]);
    e->pods[seed] = jobs.len;
    result_free(&result);
    jobs_free(&jobs);
    err_free(&err);
    free(setup.nodes);
}

static void *work(void *context) {
    struct experiment *e = context;
    for (int i; (i = atomic_fetch_add(&e->next, 1)) < POLICIES * SEEDS;) run_one(e, i / SEEDS, i % SEEDS);
    return NULL;
}

static double cpu_seconds(void) {
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void compare(const struct experiment *e) {
    fprintf(stderr, "GPU share allocated, percent: mean of %d seeds (published)\n%-15s", SEEDS,
            "asked for, %");
    for (size_t i = 0; i < POINTS; i++) fprintf(stderr, "%17d", points[i]);
    for (size_t p = 0; p < POLICIES; p++) {
        fprintf(stderr, "\n%-15s", policies[p].place);
        for (size_t i = 0; i < POINTS; i++) {
            double mean = 0;
            for (size_t s = 0; s < SEEDS; s++) mean += e->share[p][s][i] / SEEDS;
            fprintf(stderr, "  %6.3f (%6.3f)", mean, e->published[p][i]);
            if (points[i] == 100 || points[i] == 130)
                cr_expect_float_eq(mean, e->published[p][i], 0.5, "%s at %d %%: %.3f, published %.3f",
                                   policies[p].place, points[i], mean, e->published[p][i]);
        }
    }
    fprintf(stderr, "\n");
}

Test(fgd, published_allocation, .timeout = 600) {
    static struct experiment e;
    struct jobs pods;
    testing_setup(&e.setup);
    e.setup.pools = arena_alloc(&e.setup.arena, POOLS_MOST, sizeof *e.setup.pools);
    e.setup.nodes = arena_alloc(&e.setup.arena, NODES_MOST, sizeof *e.setup.nodes);
    testing_policy(&e.setup, "fifo", "skip", "fgd");
    for (size_t p = 0; p < POLICIES; p++)
        e.place[p] = testing_model(&e.setup.arena, KIND_PLACE, policies[p].place);
    jobs_init(&pods, 0);
    if (!read_file("jobs/openb/openb_node_list_gpu_node.csv", add_node, &e.setup) ||
        !read_file("jobs/openb/openb_pod_list_default.csv.gz", add_pod, &pods) ||
        !read_file("jobs/openb/fgd_expected_allocation_default.csv", add_published, &e)) {
        fprintf(stderr, "SKIPPED ALL: the openb data is absent (HEADROOM_DATA)\n");
        cr_skip_test("the openb data is absent");
    }
    cr_assert_eq(e.setup.nodes_len, 1213);
    cr_assert_eq(pods.len, 8152);
    write_trace(&e, &pods);
    jobs_free(&pods);

    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) cr_assert_eq(pthread_create(&threads[i], NULL, work, &e), 0);
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    (void)unlink(e.trace);

    compare(&e);
    const double cpu_s = cpu_seconds();
    fprintf(stderr, "%d runs of about %zu pods: %.1f s of CPU time\n", POLICIES * SEEDS, e.pods[0], cpu_s);
#ifdef NDEBUG /* 20 s on two cores, in a release build */
    cr_expect_leq(cpu_s, 40.0);
#endif
    testing_setup_free(&e.setup);
}
