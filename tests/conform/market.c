/*
 * Laws of every market model: what it offers is allowed and there, something is offered wherever something
 * may be used, no market is offered twice, its answer holds until the moment it names, and it asks nobody but
 * the job. Then what each is known for; and for spot_first its promise: whatever the spot market does, a
 * deadline that could be kept on demand is kept.
 */
#include "support/testing.h"

#include "base/rng.h"
#include "base/tick.h"
#include "core/seams.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <string.h>

enum {
    CASES = 20000,
    PAID = 1 << BOUGHT_FREE | 1 << BOUGHT_OWNED | 1 << BOUGHT_RENTED | 1 << BOUGHT_RESERVED
};
static const unsigned on_demand = 1U << BOUGHT_ON_DEMAND, spot = 1U << BOUGHT_SPOT;

struct spot_params { /* as models/market/spot_first.c has them */
    int64_t margin_ns, patience_ns;
};

static struct arena arena;
static struct rng *rng;
static void start(void) {
    arena_init(&arena);
    rng = rng_open(7, "market", 0);
}
static void stop(void) {
    rng_close(rng);
    arena_free(&arena);
}
TestSuite(market, .init = start, .fini = stop);

static const struct market_model *market_at(size_t m) {
    return (const struct market_model *)(const void *)models_registry()->models[KIND_MARKET][m];
}
static const struct market_model *market_named(const char *name, struct chosen *chosen) {
    *chosen = testing_model(&arena, KIND_MARKET, name);
    return (const struct market_model *)(const void *)chosen->model;
}

struct answer {
    unsigned sets[MARKET_TRIES];
    size_t len;
    int64_t changes_ns;
};
static struct answer ask(const struct market_model *market, const void *params, const struct market_job *job,
                         int64_t now_ns) {
    struct answer a = {.changes_ns = -1};
    a.len = market->choose(params, job, now_ns, a.sets, &a.changes_ns);
    return a;
}
static bool same(const struct answer *a, const struct answer *b) {
    return a->len == b->len && memcmp(a->sets, b->sets, a->len * sizeof *a->sets) == 0;
}
static unsigned all_of(const struct answer *a) {
    unsigned all = 0;
    for (size_t i = 0; i < a->len; i++) all |= a->sets[i];
    return all;
}

static int64_t below(int64_t most) { return (int64_t)rng_below(rng, (uint64_t)most); }

static struct market_job random_job(void) {
    struct market_job job = {.allowed = (unsigned)below(1 << BOUGHT_COUNT),
                             .present = (unsigned)below(1 << BOUGHT_COUNT),
                             .submit_ns = below(100 * TICK_HOUR),
                             .left_ns = 1 + below(50 * TICK_HOUR),
                             .provision_ns = below(TICK_HOUR),
                             .deadline_ns = TICK_NEVER};
    if (below(3)) job.deadline_ns = job.submit_ns + below(100 * TICK_HOUR);
    const unsigned usable = job.allowed & job.present;
    for (unsigned b = 0; b < BOUGHT_COUNT && below(2); b++) /* sometimes it runs, on something it may use */
        if (usable >> b & 1) {
            job.running = true;
            job.on = 1U << b;
        }
    return job;
}

Test(market, every_answer_is_a_list_of_what_may_be_used) {
    for (size_t m = 0; m < models_registry()->counts[KIND_MARKET]; m++) {
        struct chosen chosen;
        const struct market_model *market = market_named(market_at(m)->model.name, &chosen);
        for (int i = 0; i < CASES; i++) {
            const struct market_job job = random_job();
            const int64_t now_ns = job.submit_ns + below(120 * TICK_HOUR);
            const unsigned usable = job.allowed & job.present;
            const struct answer a = ask(market, chosen.params, &job, now_ns);
            const struct answer again = ask(market, chosen.params, &job, now_ns);
            unsigned seen = 0;
            cr_assert_leq(a.len, MARKET_TRIES);
            for (size_t k = 0; k < a.len; k++) {
                cr_assert(a.sets[k] != 0 && (a.sets[k] & ~usable) == 0 && (a.sets[k] & seen) == 0, "%s",
                          market->model.name);
                seen |= a.sets[k];
            }
            cr_assert_eq(a.len == 0, usable == 0, "%s: something is offered where something is usable",
                         market->model.name);
            cr_assert(same(&a, &again) && a.changes_ns == again.changes_ns, "%s", market->model.name);
        }
    }
}

Test(market, an_answer_holds_until_it_changes) {
    for (size_t m = 0; m < models_registry()->counts[KIND_MARKET]; m++) {
        struct chosen chosen;
        const struct market_model *market = market_named(market_at(m)->model.name, &chosen);
        struct spot_params *spot_first = chosen.params; /* patience is off by default */
        for (int i = 0; i < CASES; i++) {
            const struct market_job job = random_job();
            const int64_t now_ns = job.submit_ns + below(120 * TICK_HOUR);
            const bool patient = strcmp(market->model.name, "spot_first") == 0 && i % 2;
            if (patient) spot_first->patience_ns = below(50 * TICK_HOUR);
            const struct answer a = ask(market, chosen.params, &job, now_ns);
            cr_assert_gt(a.changes_ns, now_ns, "%s", market->model.name);
            const int64_t until_ns = a.changes_ns < TICK_NEVER ? a.changes_ns : now_ns + 1000 * TICK_HOUR;
            const int64_t times_ns[] = {now_ns + below(until_ns - now_ns), until_ns - 1};
            for (size_t k = 0; k < 2; k++) {
                const struct answer later = ask(market, chosen.params, &job, times_ns[k]);
                cr_assert(same(&a, &later), "%s", market->model.name);
                cr_assert_eq(later.changes_ns, a.changes_ns, "%s", market->model.name);
            }
            if (a.changes_ns == TICK_NEVER || job.running) continue;
            const struct answer then = ask(market, chosen.params, &job, a.changes_ns);
            cr_assert_not(same(&a, &then), "%s: nothing changed for a waiting job", market->model.name);
        }
    }
}

/* Only a deadline moves a job that runs, and only away from spot nodes. */
Test(market, a_running_job_stays_where_it_is) {
    for (size_t m = 0; m < models_registry()->counts[KIND_MARKET]; m++) {
        struct chosen chosen;
        const struct market_model *market = market_named(market_at(m)->model.name, &chosen);
        for (int i = 0; i < CASES; i++) {
            const struct market_job job = random_job();
            const struct answer a = ask(market, chosen.params, &job, job.submit_ns + below(120 * TICK_HOUR));
            if (!job.running || (job.on == spot && job.deadline_ns < TICK_NEVER)) continue;
            cr_assert(all_of(&a) & job.on, "%s moves a job for nothing", market->model.name);
        }
    }
}

Test(market, the_order_each_is_known_for) {
    struct chosen any, reserved, spotted;
    const struct market_model *market_any = market_named("any", &any);
    const struct market_model *reserved_first = market_named("reserved_first", &reserved);
    const struct market_model *spot_first = market_named("spot_first", &spotted);
    struct market_job job = {.allowed = ~0U, .present = PAID | on_demand | spot, .deadline_ns = TICK_NEVER,
                             .left_ns = TICK_HOUR};
    struct answer a = ask(market_any, any.params, &job, 0);
    cr_assert(a.len == 1 && a.sets[0] == (PAID | on_demand | spot) && a.changes_ns == TICK_NEVER);
    a = ask(reserved_first, reserved.params, &job, 0);
    cr_assert(a.len == 3 && a.sets[0] == PAID && a.sets[1] == on_demand && a.sets[2] == spot);
    cr_assert_eq(a.changes_ns, TICK_NEVER);
    a = ask(spot_first, spotted.params, &job, 1000 * TICK_HOUR);
    cr_assert(a.len == 2 && a.sets[0] == PAID && a.sets[1] == spot && a.changes_ns == TICK_NEVER,
              "without a deadline it waits for spot nodes");
    job.allowed = on_demand | spot;
    job.present = PAID | on_demand;
    a = ask(spot_first, spotted.params, &job, 0);
    cr_assert(a.len == 1 && a.sets[0] == on_demand, "nothing cheaper is there to wait for");
}

Test(market, spot_first_goes_on_demand_in_time) {
    struct chosen chosen;
    const struct market_model *market = market_named("spot_first", &chosen);
    struct spot_params *params = chosen.params;
    cr_assert(params->margin_ns == 600 * TICK_S && params->patience_ns == TICK_NEVER);
    struct market_job job = {.allowed = ~0U, .present = PAID | on_demand | spot, .left_ns = 3 * TICK_HOUR,
                             .provision_ns = 3 * TICK_MINUTE, .deadline_ns = 10 * TICK_HOUR};
    const int64_t joins = 7 * TICK_HOUR - 13 * TICK_MINUTE;
    struct answer a = ask(market, params, &job, joins - 1);
    cr_assert(a.len == 2 && a.sets[1] == spot && a.changes_ns == joins);
    a = ask(market, params, &job, joins);
    cr_assert(a.len == 2 && a.sets[0] == PAID && a.sets[1] == on_demand, "spot nodes are dropped");
    job.running = true;
    job.on = spot;
    cr_assert_not(all_of(&a) & spot);
    job.on = on_demand; /* a checkpoint was written, so there is time again: it stays all the same */
    job.left_ns = TICK_HOUR;
    a = ask(market, params, &job, joins);
    cr_assert(all_of(&a) & on_demand);
    job = (struct market_job){.allowed = ~0U, .present = on_demand | spot, .submit_ns = TICK_HOUR,
                              .left_ns = TICK_HOUR, .deadline_ns = TICK_NEVER};
    params->patience_ns = 2 * TICK_HOUR;
    a = ask(market, params, &job, 2 * TICK_HOUR);
    cr_assert(a.len == 1 && a.sets[0] == spot && a.changes_ns == 3 * TICK_HOUR);
    a = ask(market, params, &job, 3 * TICK_HOUR);
    cr_assert(a.len == 2 && a.sets[0] == spot && a.sets[1] == on_demand && a.changes_ns == TICK_NEVER);
}

/* One job against a spot market that gives and takes nodes at random; checkpoints save some of its work or
 * none of it. Nodes on demand are always to be had after their provisioning. Returns when it ends. */
static int64_t live_through(const struct market_model *market, const void *params, struct market_job job,
                            bool saves, int *moved) {
    int64_t now_ns = job.submit_ns;
    for (;;) {
        const bool runs = below(2); /* spot nodes are there now, until they are not */
        const int64_t lasts_ns = 1 + below(5 * TICK_HOUR);
        job.running = runs;
        job.on = runs ? spot : 0;
        const struct answer a = ask(market, params, &job, now_ns);
        if (all_of(&a) & on_demand) return now_ns + job.provision_ns + job.left_ns;
        const int64_t done_ns = now_ns + job.left_ns;
        if (runs && job.left_ns <= lasts_ns && done_ns <= a.changes_ns) return done_ns;
        const int64_t until_ns = now_ns + lasts_ns < a.changes_ns ? now_ns + lasts_ns : a.changes_ns;
        *moved += until_ns == a.changes_ns;
        if (runs && saves) job.left_ns -= below(until_ns < done_ns ? until_ns - now_ns : job.left_ns);
        now_ns = until_ns;
    }
}

Test(market, spot_first_keeps_every_deadline_that_on_demand_could_keep) {
    struct chosen chosen;
    const struct market_model *market = market_named("spot_first", &chosen);
    struct spot_params *params = chosen.params;
    int moved = 0, tight = 0;
    for (int i = 0; i < CASES; i++) {
        params->margin_ns = below(3) ? below(TICK_HOUR) : 0;
        struct market_job job = {.allowed = ~0U, .present = on_demand | spot,
                                 .submit_ns = below(100 * TICK_HOUR),
                                 .left_ns = 1 + below(10 * TICK_HOUR), .provision_ns = below(TICK_HOUR)};
        job.deadline_ns = job.submit_ns + job.provision_ns + job.left_ns + below(3) * below(20 * TICK_HOUR);
        tight += job.deadline_ns == job.submit_ns + job.provision_ns + job.left_ns;
        cr_assert_leq(live_through(market, params, job, i % 2, &moved), job.deadline_ns, "case %d", i);
    }
    cr_assert(moved > CASES / 10 && tight > CASES / 10, "%d moved, %d tight", moved, tight);
}
