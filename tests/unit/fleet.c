/*
 * Nodes that are withdrawn and return, among claims and releases: what the fleet says of its domains and classes
 * is compared with a walk over all nodes after every step.
 */
#include "core/fleet.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MOST = 32, STEPS = 4000, HELD_MOST = 64 };

static const struct shape shapes[] = {{.gpus = 1, .cpu_milli = 4000, .models = JOB_ANY_MODEL},
                                      {.gpus = 4, .cpu_milli = 1000, .mem_mib = 8192, .models = JOB_ANY_MODEL},
                                      {.gpus = 8, .models = JOB_ANY_MODEL},
                                      {.share_milli = 300, .models = JOB_ANY_MODEL},
                                      {.share_milli = 800, .cpu_milli = 2000, .models = JOB_ANY_MODEL},
                                      {.cpu_milli = 6000, .models = JOB_ANY_MODEL}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

struct opened {
    struct setup setup;
    struct jobs jobs;
    struct fleet fleet;
    struct rng *rng;
    struct { struct take take; const struct shape *shape; } held[HELD_MOST];
    size_t held_len;
};

static void open_fleet(struct opened *o, bool shares, uint64_t seed) {
    *o = (struct opened){.rng = rng_open(seed, "history", 0)};
    testing_setup(&o->setup);
    testing_region(&o->setup, "there");
    testing_pool(&o->setup, "big", 9, 8)->cpu_milli = 64000;
    testing_pool(&o->setup, "small", 7, 4)->mem_mib = 65536;
    testing_pool(&o->setup, "same", 5, 8)->cpu_milli = 64000; /* of the first one's type */
    testing_pool(&o->setup, "there", 3, 8)->region = 1;
    testing_pool(&o->setup, "plain", 4, 0)->cpu_milli = 32000;
    jobs_init(&o->jobs, 0);
    for (size_t i = 0; i < SHAPES; i++) {
        testing_job(&o->jobs, 0, 1, 0);
        if (shares || shapes[i].share_milli == 0) testing_shape(&o->jobs, &shapes[i]);
    }
    fleet_open(&o->fleet, &o->setup, &o->jobs, true);
}

static void close_fleet(struct opened *o) {
    fleet_close(&o->fleet);
    jobs_free(&o->jobs);
    testing_setup_free(&o->setup);
    rng_close(o->rng);
}

/* Sums over nodes of what is free, and the classes they stand in. */
static void check(const struct opened *o) {
    const struct fleet *f = &o->fleet;
    uint64_t milli[2] = {0}, whole[2] = {0}, cpu[2] = {0}, model[2][64] = {{0}};
    double fragmented[2] = {0};
    uint32_t *count = mem_zero(f->classes.len, sizeof *count), *least = mem_zero(f->classes.len, sizeof *least);
    for (uint32_t n = 0; n < f->nodes_len; n++) {
        const struct node *node = &f->nodes[n];
        const struct node_class *c = &f->classes.at[node->class_id];
        const uint32_t d = f->node_domain[n];
        const struct pool_setup *pool = &o->setup.pools[node->pool];
        cr_assert_eq(c->domain, d);
        cr_assert_eq(f->types[c->type].gpus, pool->gpus); /* a withdrawn node's type too */
        if (fleet_withdrawn(f, n)) continue;
        cr_assert_eq(c->whole, bits_count(node->whole));
        cr_assert_eq(c->cpu_free, node->cpu_free);
        if (count[node->class_id]++ == 0) least[node->class_id] = n;
        const uint64_t free_milli = 1000ull * c->whole + node->share_free;
        milli[d] += free_milli;
        model[d][f->types[c->type].gpu_model] += free_milli;
        whole[d] += c->whole;
        if (pool->cpu_milli) cpu[d] += node->cpu_free;
        fragmented[d] += c->fragmented_milli;
    }
    for (uint32_t d = 0; d < f->domains_len; d++) {
        const struct domain *domain = &f->domains[d];
        cr_assert_eq(domain->free_milli, milli[d]);
        cr_assert_eq(domain->whole_free, whole[d]);
        cr_assert_eq(domain->cpu_free_milli, cpu[d]);
        cr_assert(fabs(domain->fragmented_milli - fragmented[d]) < 1e-6);
        for (uint32_t m = 0; m < f->models.len; m++) cr_assert_eq(domain->model_free_milli[m], model[d][m]);
        for (size_t i = 0; i < domain->live.len; i++) {
            const uint32_t id = domain->live.at[i];
            cr_assert_eq(f->classes.at[id].count, count[id]);
            cr_assert_eq(f->classes.at[id].least_node, least[id]);
            cr_assert_gt(count[id], 0);
            count[id] = 0;
        }
    }
    for (size_t i = 0; i < f->classes.len; i++) cr_assert_eq(count[i], 0); /* every one of them is live */
    free(count);
    free(least);
}

static void claim_one(struct opened *o) {
    struct fleet *f = &o->fleet;
    const uint32_t node = (uint32_t)rng_below(o->rng, f->nodes_len);
    const struct shape *s = &shapes[rng_below(o->rng, SHAPES)];
    const struct node_class *c = &f->classes.at[f->nodes[node].class_id];
    if (o->held_len == HELD_MOST || fleet_withdrawn(f, node) || (s->share_milli && !f->shares) ||
        !class_fits(f, c, s))
        return;
    const uint32_t share_of = s->share_milli == 0 ? 0
                              : c->parts && fleet_parts(f, f->nodes[node].class_id)[0] >= s->share_milli
                                  ? fleet_parts(f, f->nodes[node].class_id)[0] : 1000;
    o->held[o->held_len].shape = s;
    o->held[o->held_len++].take = fleet_claim(f, node, s, s->gpus, share_of);
}

/* Some are released and taken again at once, as a preemption that comes to nothing does. */
static void release_one(struct opened *o) {
    if (o->held_len == 0) return;
    const size_t i = (size_t)rng_below(o->rng, o->held_len);
    fleet_release(&o->fleet, o->held[i].shape, &o->held[i].take);
    if (rng_below(o->rng, 4) == 0) {
        cr_assert(fleet_reclaim(&o->fleet, o->held[i].shape, &o->held[i].take));
        return;
    }
    o->held[i] = o->held[--o->held_len];
}

static void withdraw_or_return(struct opened *o) {
    const uint32_t node = (uint32_t)rng_below(o->rng, o->fleet.nodes_len);
    if (fleet_withdrawn(&o->fleet, node)) fleet_return(&o->fleet, node);
    else fleet_withdraw(&o->fleet, node);
}

static void play(bool shares, uint64_t seed) {
    struct opened o;
    open_fleet(&o, shares, seed);
    check(&o);
    for (int step = 0; step < STEPS; step++) {
        const uint64_t what = rng_below(o.rng, 10);
        if (what < 5) claim_one(&o);
        else if (what < 8) release_one(&o);
        else withdraw_or_return(&o);
        check(&o);
    }
    while (o.held_len > 0) release_one(&o);
    for (uint32_t n = 0; n < o.fleet.nodes_len; n++)
        if (fleet_withdrawn(&o.fleet, n)) fleet_return(&o.fleet, n);
    check(&o);
    for (uint32_t d = 0; d < o.fleet.domains_len; d++)
        cr_assert_eq(o.fleet.domains[d].free_milli, o.fleet.domains[d].capacity_milli);
    close_fleet(&o);
}

Test(fleet, sums_and_classes_follow_withdrawn_nodes) {
    play(false, 1);
    play(true, 2);
}

/* Thousands of states come and go, so that ids of classes are reused, while some nodes stay withdrawn. */
Test(fleet, withdrawn_nodes_keep_their_type_when_classes_are_recycled) {
    struct opened o;
    open_fleet(&o, false, 3);
    struct fleet *f = &o.fleet;
    for (uint32_t n = 0; n < f->nodes_len; n += 3) fleet_withdraw(f, n);
    for (uint32_t i = 0; i < 60000; i++) {
        const uint32_t node = 1 + 3 * (i % 3);
        const struct shape s = {.cpu_milli = 1 + i % 64000, .models = JOB_ANY_MODEL};
        const struct take take = fleet_claim(f, node, &s, 0, 0);
        fleet_release(f, &s, &take);
    }
    cr_assert_lt(f->classes.len, 30000); /* ids were reused */
    check(&o);
    for (uint32_t n = 0; n < f->nodes_len; n += 3) fleet_return(f, n);
    check(&o);
    close_fleet(&o);
}

Test(fleet, nothing_is_placed_on_a_withdrawn_node, .signal = SIGABRT, .init = cr_redirect_stderr) {
    struct opened o;
    open_fleet(&o, false, 4);
    fleet_withdraw(&o.fleet, 2);
    (void)fleet_claim(&o.fleet, 2, &shapes[0], 1, 0);
}
