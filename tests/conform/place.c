/*
 * Laws of every placement, and for each the choices it is known for.
 *
 * The laws, over random claims and releases on a mixed fleet of two domains: a choice is made exactly when
 * some node of the domain has room; the chosen node has room and belongs to the domain, and for a share has a
 * device with exactly the named amount free; choosing changes nothing; the same history gives the same
 * choices. In whole runs, a gang gets all its GPUs or none, and everyone gets to run.
 */
#include "support/testing.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 3000, SHAPES_MOST = 16 };

static const struct place_model *place_at(size_t m) {
    return (const struct place_model *)(const void *)models_registry()->models[KIND_PLACE][m];
}
static size_t places(void) { return models_registry()->counts[KIND_PLACE]; }

/* A fleet with a placement opened over it, without a run around. */
struct opened {
    const struct place_model *place;
    struct setup setup;
    struct jobs jobs;
    struct world world;
    void *state;
};

static void begin(struct opened *o) {
    *o = (struct opened){0};
    testing_setup(&o->setup);
    jobs_init(&o->jobs, 0);
}

/* The table's shapes say what is typical. */
static void open_place(struct opened *o, const char *name) {
    const struct chosen chosen = testing_model(&o->setup.arena, KIND_PLACE, name);
    o->place = (const struct place_model *)(const void *)chosen.model;
    o->world = (struct world){.setup = &o->setup, .jobs = o->jobs};
    fleet_open(&o->world.fleet, &o->setup, &o->jobs, o->place->wants_kinds);
    o->state = mem_zero(1, o->place->model.state_size + 1);
    if (o->place->open) o->place->open(o->state, chosen.params, &o->world);
}

static void close_place(struct opened *o) {
    if (o->place->close) o->place->close(o->state);
    free(o->state);
    fleet_close(&o->world.fleet);
    jobs_free(&o->jobs);
    testing_setup_free(&o->setup);
}

/* ---- the laws ---- */

static void mixed_fleet(struct opened *o) {
    static const struct {
        const char *gpu;
        uint32_t nodes, gpus, cores, gib;
    } pools[] = {{"a", 6, 8, 96, 512}, {"b", 5, 4, 32, 128}, {"a", 4, 2, 0, 0},
                 {"", 3, 0, 64, 256}, {"b", 2, 1, 8, 32}};
    testing_region(&o->setup, "there");
    for (size_t i = 0; i < 2 * sizeof pools / sizeof *pools; i++) {
        const size_t p = i / 2;
        struct pool_setup *pool = testing_pool(&o->setup, "nodes", pools[p].nodes, pools[p].gpus);
        pool->gpu = pools[p].gpu;
        pool->cpu_milli = pools[p].cores * 1000;
        pool->mem_mib = pools[p].gib * 1024;
        pool->region = i % 2;
    }
}

static void mixed_shapes(struct opened *o) {
    static const struct shape shapes[] = {
        {.gpus = 1, .models = JOB_ANY_MODEL},
        {.gpus = 1, .cpu_milli = 8000, .mem_mib = 16384, .models = JOB_ANY_MODEL},
        {.gpus = 2, .cpu_milli = 16000, .models = 1},
        {.gpus = 4, .cpu_milli = 9000, .mem_mib = 65536, .models = 2},
        {.gpus = 8, .cpu_milli = 90000, .models = JOB_ANY_MODEL},
        {.share_milli = 500, .cpu_milli = 2000, .models = JOB_ANY_MODEL},
        {.share_milli = 300, .models = 2},
        {.share_milli = 810, .cpu_milli = 4000, .mem_mib = 8192, .models = JOB_ANY_MODEL},
        {.cpu_milli = 10000, .mem_mib = 4096, .models = JOB_ANY_MODEL}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        testing_job(&o->jobs, 0, 1, 0);
        testing_shape(&o->jobs, &shapes[i]);
    }
}

static bool node_fits(const struct fleet *f, uint32_t node, const struct shape *s) {
    return class_fits(f, &f->classes.at[f->nodes[node].class_id], s);
}

static bool has_device(const struct fleet *f, uint32_t node, uint32_t share_of) {
    const uint32_t id = f->nodes[node].class_id;
    const struct node_class *c = &f->classes.at[id];
    bool found = share_of == 1000 && c->whole > 0;
    for (uint32_t p = 0; p < c->parts; p++) found |= fleet_parts(f, id)[p] == share_of;
    return found;
}

static void check_choice(const struct opened *o, uint32_t domain, const struct shape *s, bool chosen,
                         const struct spot *spot) {
    const struct fleet *f = &o->world.fleet;
    const char *name = o->place->model.name;
    bool possible = false;
    for (uint32_t n = 0; n < f->nodes_len; n++) possible |= f->node_domain[n] == domain && node_fits(f, n, s);
    cr_assert_eq(chosen, possible, "%s: %s", name, chosen ? "chose where there is no room" : "missed a node");
    if (!chosen) return;
    cr_assert_lt(spot->node, f->nodes_len, "%s", name);
    cr_assert_eq(f->node_domain[spot->node], domain, "%s: a node of another domain", name);
    cr_assert(node_fits(f, spot->node, s), "%s: a node without room", name);
    if (s->share_milli == 0) return;
    cr_assert_geq(spot->share_of, s->share_milli, "%s: a device without room", name);
    cr_assert(has_device(f, spot->node, spot->share_of), "%s: no device has %u free", name, spot->share_of);
}

/* One random history; returns a hash of all choices. */
static uint64_t random_history(const char *name, uint64_t seed) {
    struct opened o;
    struct { struct take take; struct shape shape; } held[STEPS];
    size_t held_len = 0;
    uint64_t hash = HASH_START;
    begin(&o);
    mixed_fleet(&o);
    mixed_shapes(&o);
    open_place(&o, name);
    struct rng *rng = rng_open(seed, "history", 0);
    struct fleet *f = &o.world.fleet;
    cr_assert_eq(f->domains_len, 2);
    for (int step = 0; step < STEPS; step++) {
        if (held_len > 0 && rng_below(rng, 20) < (step / 500 % 2 ? 12 : 6)) {
            const size_t k = rng_below(rng, held_len);
            fleet_release(f, &held[k].shape, &held[k].take);
            held[k] = held[--held_len];
            continue;
        }
        const struct shape shape = o.jobs.shapes.at[o.jobs.at[rng_below(rng, o.jobs.len)].shape];
        const uint32_t domain = (uint32_t)rng_below(rng, 2);
        const uint64_t before = f->domains[domain].free_milli;
        const size_t live = f->domains[domain].live.len;
        struct spot spot = {.node = FLEET_NONE};
        const bool chosen = o.place->choose(o.state, &o.world, domain, &shape, &spot);
        check_choice(&o, domain, &shape, chosen, &spot);
        cr_assert(f->domains[domain].free_milli == before && f->domains[domain].live.len == live,
                  "%s: choosing changed the fleet", name);
        hash = hash_bytes(hash, &chosen, sizeof chosen);
        if (!chosen) continue;
        hash = hash_bytes(hash, &spot.node, sizeof spot.node);
        held[held_len].shape = shape;
        held[held_len++].take = fleet_claim(f, spot.node, &shape, shape.gpus, spot.share_of);
    }
    rng_close(rng);
    close_place(&o);
    return hash;
}

Test(place, choices_fit_and_repeat, .timeout = 120) {
    for (size_t m = 0; m < places(); m++) {
        const char *name = place_at(m)->model.name;
        const uint64_t first = random_history(name, 1);
        cr_expect_eq(random_history(name, 1), first, "%s: the same history, other choices", name);
        cr_expect_neq(random_history(name, 2), first, "%s", name);
    }
}

/* Jobs up to three nodes large: all of their GPUs or none, and none is forgotten. */
Test(place, gangs_get_everything_and_everyone_runs) {
    for (size_t m = 0; m < places(); m++) {
        const char *name = place_at(m)->model.name;
        struct setup setup;
        struct jobs jobs;
        testing_setup(&setup);
        testing_pool(&setup, "a", 4, 8);
        testing_policy(&setup, "fifo", "skip", name);
        jobs_init(&jobs, 0);
        struct rng *rng = rng_open(m, "gangs", 0);
        for (int i = 0; i < 300; i++)
            testing_job(&jobs, i, 1 + (double)rng_below(rng, 50),
                        (uint32_t)(1 + rng_below(rng, i % 4 ? 8 : 24)));
        rng_close(rng);
        struct result result = testing_run(&setup, &jobs);
        double gpu_h = 0;
        for (size_t j = 0; j < jobs.len; j++) {
            const struct job *job = &result.jobs->at[j];
            gpu_h += tick_hours(job->run_ns) * result.jobs->shapes.at[job->shape].gpus;
            cr_expect_eq(job->end_ns, job->start_ns + job->run_ns, "%s: job %zu", name, j);
        }
        const struct tally *all = testing_tally(&result, PART_RUN, NULL);
        cr_expect_eq(all->finished, jobs.len, "%s", name);
        cr_expect(testing_near(all->held_gpu_h, gpu_h, 1e-9), "%s: %g GPU-h held, not %g", name,
                  all->held_gpu_h, gpu_h);
        result_free(&result);
        jobs_free(&jobs);
        testing_setup_free(&setup);
    }
}

/* ---- what each is known for ---- */

static void hold(struct opened *o, uint32_t node, struct shape shape, uint32_t share_of) {
    (void)fleet_claim(&o->world.fleet, node, &shape, shape.gpus, share_of);
}
static struct shape whole(uint32_t gpus) { return (struct shape){.gpus = gpus, .models = JOB_ANY_MODEL}; }
static struct shape share(uint32_t milli) {
    return (struct shape){.share_milli = milli, .models = JOB_ANY_MODEL};
}
static struct shape cpus(uint32_t cores) {
    return (struct shape){.cpu_milli = cores * 1000, .models = JOB_ANY_MODEL};
}
static void asks(struct jobs *jobs, struct shape shape) {
    testing_job(jobs, 0, 1, 0);
    testing_shape(jobs, &shape);
}
/* The choice for a shape in domain 0, which must have room. */
static struct spot choose(struct opened *o, struct shape shape) {
    struct spot spot = {.node = FLEET_NONE};
    cr_assert(o->place->choose(o->state, &o->world, 0, &shape, &spot));
    return spot;
}

/* Node 0: 8 free of 8. Node 1: 3 free of 8, one of them in part. Node 2: 2 free of 4. Node 3: 6 free of 8.
 * Without limits on CPUs; shares are in the trace. */
static void open_four(struct opened *o, const char *name) {
    begin(o);
    testing_pool(&o->setup, "large", 2, 8);
    testing_pool(&o->setup, "small", 1, 4);
    o->setup.nodes[o->setup.nodes_len++] = (struct node_run){.pool = 0, .count = 1};
    asks(&o->jobs, share(400));
    open_place(o, name);
    hold(o, 1, whole(5), 0);
    hold(o, 1, share(400), 1000);
    hold(o, 2, whole(2), 0);
    hold(o, 3, whole(2), 0);
}

static void expect_spot(const char *name, struct shape shape, uint32_t node, uint32_t share_of) {
    struct opened o;
    open_four(&o, name);
    const struct spot spot = choose(&o, shape);
    cr_expect_eq(spot.node, node, "%s: node %u, expected %u", name, spot.node, node);
    if (shape.share_milli) cr_expect_eq(spot.share_of, share_of, "%s: device with %u", name, spot.share_of);
    close_place(&o);
}

Test(place, four_nodes_by_hand) {
    /*          one GPU  two GPUs   a share of 0.5 and the device, a share of 0.7 */
    static const struct { const char *place; uint32_t one, two, half, half_of, most, most_of; } cases[] = {
        {"first_fit", 0, 0, 0, 1000, 0, 1000},     /* the lowest */
        {"best_fit", 2, 2, 2, 1000, 2, 1000},      /* 2 GPUs free */
        {"worst_fit", 0, 0, 0, 1000, 0, 1000},     /* 8 GPUs free */
        {"pack", 1, 2, 1, 600, 1, 1000},           /* 2.6 of 8 are left, or 2 of 4 */
        {"spread", 0, 0, 0, 1000, 0, 1000},        /* all of 8 free */
        {"consolidate", 2, 2, 2, 1000, 2, 1000},   /* 2 GPUs free */
        {"dot_product", 2, 2, 2, 1000, 1, 1000},   /* 2 free of 4; for 0.7 both score 98 */
        {"gpu_packing", 1, 1, 1, 600, 1, 1000}};   /* a shared device, or the lowest node in use */
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        expect_spot(cases[c].place, whole(1), cases[c].one, 0);
        expect_spot(cases[c].place, whole(2), cases[c].two, 0);
        expect_spot(cases[c].place, share(500), cases[c].half, cases[c].half_of);
        expect_spot(cases[c].place, share(700), cases[c].most, cases[c].most_of);
    }
}

/* CPUs decide among nodes with the same GPUs free; jobs without GPUs follow the GPUs' scarcity. */
Test(place, cpus_count_for_fit_and_balance) {
    static const struct { const char *place; uint32_t gpu, cpu; } cases[] = {
        {"best_fit", 1, 1}, {"worst_fit", 0, 0}, {"pack", 1, 1}, {"spread", 0, 0}, {"consolidate", 0, 0},
        {"dot_product", 1, 1}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct opened o;
        struct spot spot;
        begin(&o);
        testing_pool(&o.setup, "a", 2, 8)->cpu_milli = 64000;
        asks(&o.jobs, whole(1));
        open_place(&o, cases[c].place);
        hold(&o, 1, cpus(40), 0);
        spot = choose(&o, (struct shape){.gpus = 1, .cpu_milli = 2000, .models = JOB_ANY_MODEL});
        cr_expect_eq(spot.node, cases[c].gpu, "%s: node %u for a GPU", cases[c].place, spot.node);
        spot = choose(&o, cpus(16));
        cr_expect_eq(spot.node, cases[c].cpu, "%s: node %u for CPUs", cases[c].place, spot.node);
        close_place(&o);
    }
}

Test(place, gpu_clustering_keeps_kinds_together) {
    struct opened o;
    struct spot spot;
    begin(&o);
    testing_pool(&o.setup, "a", 5, 8);
    asks(&o.jobs, share(400));
    open_place(&o, "gpu_clustering");
    hold(&o, 0, whole(4), 0);                          /* another kind */
    hold(&o, 2, whole(1), 0), hold(&o, 2, whole(2), 0); /* both kinds */
    hold(&o, 3, whole(1), 0);                          /* its kind only */
    hold(&o, 4, whole(1), 0), hold(&o, 4, whole(1), 0); /* its kind only, fuller */
    const uint32_t ones[] = {4, 4, 4, 4, 4, 4, 3};
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
        spot = choose(&o, whole(1));
        cr_expect_eq(spot.node, ones[i], "GPU %zu on node %u", i, spot.node);
        hold(&o, spot.node, whole(1), 0);
    }
    spot = choose(&o, whole(2));
    cr_expect_eq(spot.node, 2, "among others before alone");
    spot = choose(&o, share(300));
    cr_expect_eq(spot.node, 1, "an empty node before other kinds");
    close_place(&o);
}

Test(place, gpu_packing_spares_idle_nodes) {
    struct opened o;
    struct spot spot;
    begin(&o);
    testing_pool(&o.setup, "large", 1, 8);
    testing_pool(&o.setup, "small", 2, 4);
    asks(&o.jobs, share(400));
    open_place(&o, "gpu_packing");
    spot = choose(&o, whole(1));
    cr_expect_eq(spot.node, 1, "all idle: the one with the fewest devices");
    hold(&o, 2, share(400), 1000);
    spot = choose(&o, whole(1));
    cr_expect_eq(spot.node, 2, "a node in use before an idle one");
    hold(&o, 1, share(700), 1000);
    spot = choose(&o, share(200));
    cr_expect(spot.node == 1 && spot.share_of == 300, "the fullest device that suffices");
    close_place(&o);
}

/* Every fitting node, and every fitting device of it, equally often: chi-square, 99.9 % limits. */
Test(place, random_is_uniform) {
    enum { DRAWS = 6000 };
    struct opened o;
    struct spot spot;
    open_four(&o, "random");
    unsigned nodes[4] = {0}, partly = 0, on_1 = 0;
    for (int i = 0; i < DRAWS; i++) {
        spot = choose(&o, share(500));
        nodes[spot.node]++;
        on_1 += spot.node == 1;
        partly += spot.node == 1 && spot.share_of == 600;
    }
    double chi = 0;
    for (int n = 0; n < 4; n++) chi += (nodes[n] - DRAWS / 4.0) * (nodes[n] - DRAWS / 4.0) / (DRAWS / 4.0);
    cr_expect_lt(chi, 16.27, "nodes: chi-square %.1f with 3 degrees of freedom", chi);
    const double expected = on_1 / 3.0, variance = on_1 * 2.0 / 9;
    cr_expect_lt((partly - expected) * (partly - expected) / variance, 10.83, "devices: %u of %u", partly,
                 on_1);
    close_place(&o);
}

/* ---- fgd, by the definition ---- */

/* A trace of 0.5 shares (three in five) and 4-GPU jobs (two in five), on two nodes of 4 GPUs: a share goes
 * where it spoils nothing for four, and beside another share rather than onto a free device. */
Test(place, fgd_keeps_free_nodes_whole) {
    struct opened o;
    struct spot spot;
    begin(&o);
    testing_pool(&o.setup, "a", 2, 4);
    for (int i = 0; i < 5; i++) asks(&o.jobs, i < 3 ? share(500) : whole(4));
    open_place(&o, "fgd");
    hold(&o, 1, whole(1), 0);
    spot = choose(&o, share(500));
    cr_expect_eq(spot.node, 1, "four in a row are spared");
    hold(&o, 1, share(500), 1000);
    spot = choose(&o, share(500));
    cr_expect(spot.node == 1 && spot.share_of == 500, "the other half of a device, not a free one");
    close_place(&o);
}

/* The increase of fragmentation for every node and device, worked out from fleet_fragmentation alone without
 * any memory of earlier scores, over a random history: fgd's choice scores as well as the best. */
static int points_of(double decrease) { return (int)(100 / (1 + exp(-decrease / 1000))); }

static int score_at(const struct fleet *f, uint32_t node, const struct shape *s, uint32_t from) {
    const uint32_t id = f->nodes[node].class_id;
    const struct node_class *c = &f->classes.at[id];
    uint16_t after[FLEET_GPUS_MOST + 1];
    uint32_t len = 0, whole_after = c->whole - s->gpus;
    bool taken = false;
    for (uint32_t p = 0; p < c->parts; p++) {
        const uint16_t part = fleet_parts(f, id)[p];
        if (s->share_milli && from == part && !taken) taken = true;
        else after[len++] = part;
    }
    if (s->share_milli) {
        if (!taken) whole_after--;
        if (from > s->share_milli) after[len++] = (uint16_t)(from - s->share_milli);
        for (uint32_t i = len; i > 1 && after[i - 1] > after[i - 2]; i--) {
            const uint16_t swap = after[i - 1];
            after[i - 1] = after[i - 2];
            after[i - 2] = swap;
        }
    }
    const uint32_t cpu = c->cpu_free == UINT32_MAX ? UINT32_MAX : c->cpu_free - s->cpu_milli;
    const uint32_t mem = c->mem_free == UINT32_MAX ? UINT32_MAX : c->mem_free - s->mem_mib;
    return points_of(c->fragmented_milli -
                     fleet_fragmentation(f, c->type, whole_after, after, len, cpu, mem));
}

static int best_score(const struct fleet *f, uint32_t domain, const struct shape *s) {
    int best = -1;
    for (uint32_t n = 0; n < f->nodes_len; n++) {
        if (f->node_domain[n] != domain || !node_fits(f, n, s)) continue;
        for (uint32_t from = s->share_milli ? s->share_milli : 1000; from <= 1000; from++) {
            if (s->share_milli && !has_device(f, n, from)) continue;
            const int score = score_at(f, n, s, from);
            if (score > best) best = score;
        }
    }
    return best;
}

Test(place, fgd_is_the_steepest_descent) {
    struct opened o;
    begin(&o);
    mixed_fleet(&o);
    mixed_shapes(&o);
    open_place(&o, "fgd");
    struct fleet *f = &o.world.fleet;
    struct rng *rng = rng_open(3, "history", 0);
    struct { struct take take; struct shape shape; } held[600];
    size_t held_len = 0;
    for (int step = 0; step < 600; step++) {
        if (held_len > 0 && rng_below(rng, 3) == 0) {
            const size_t k = rng_below(rng, held_len);
            fleet_release(f, &held[k].shape, &held[k].take);
            held[k] = held[--held_len];
            continue;
        }
        const struct shape s = o.jobs.shapes.at[o.jobs.at[rng_below(rng, o.jobs.len)].shape];
        struct spot spot;
        if (!o.place->choose(o.state, &o.world, 0, &s, &spot)) continue;
        const int got = score_at(f, spot.node, &s, s.share_milli ? spot.share_of : 1000);
        const int best = best_score(f, 0, &s);
        cr_assert_eq(got, best, "step %d: %d points on node %u, %d to be had", step, got, spot.node, best);
        held[held_len].shape = s;
        held[held_len++].take = fleet_claim(f, spot.node, &s, s.gpus, spot.share_of);
    }
    rng_close(rng);
    close_place(&o);
}
