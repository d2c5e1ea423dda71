/*
 * Nodes that come and go, see iron.h.
 *
 * Each node is a small state machine with two timers: its next change (the idle clock runs out, it has
 * booted, it is repaired, its notice ends) and its end (it fails, or the spot market takes it back). What
 * hits many nodes at once or steps by itself (racks, regions, maintenance, recorded faults, spot capacity
 * and prices, forecasts) is a clock. Timers and clocks share one indexed queue, and its least moment stands
 * in the loop's queue as EVENT_IRON.
 *
 * Jobs on a node are a doubly linked list over their takes, so a failure costs its jobs alone.
 *
 * Nodes are woken by counting (supply.h): jobs in line are taken from what is free, then from what is
 * booting, then from what is off; the last part is woken, lowest nodes first. Booting is never called off
 * for want of work, and a node that waiting jobs could use does not go off, else a gang might wait for ever
 * for all its nodes at once.
 *
 * Invariants: a node stands in the fleet iff it is up and not leaving; counts of a pool equal those over
 * its nodes; the ledger's static watts are those of nodes that are up. Cost: O(log nodes) an event and node
 * it concerns; a count for waiting jobs is O(groups x classes), made only while a node is booting or could
 * be woken.
 */
#include "core/iron.h"

#include "base/bits.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/tick.h"
#include "core/engine.h"
#include "core/supply.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum state { UP, BOOTING, OFF, DOWN, STATES };

struct iron_node {
    int64_t up_ns;       /* came up last */
    int64_t life_ns;     /* time up left until it fails, from up_ns on; 0: to be drawn, TICK_NEVER: never */
    int64_t taken_ns;    /* the spot market takes it back; TICK_NEVER */
    int64_t until_ns;    /* down until then */
    double up_usd;       /* elastic: its pool's price integral at up_ns */
    uint32_t first;      /* of the takes on it */
    uint32_t lives, boots, repairs; /* so many were drawn */
    enum state state;
    bool leaving;        /* up, its notice runs: nothing is placed on it */
    bool busy;           /* up and not leaving, with takes */
};

/* Parallel to the takes: who holds it, and its neighbours on the same node. */
struct hold_of {
    uint32_t slot, next, before;
};

enum { HOURS_KEPT = 32 }; /* a power of two above 24 */

struct iron_pool {
    const struct pool_setup *setup;
    double failures_per_h;         /* of one node: its own, its GPUs', its rack's and the spot market's; */
    double rack_per_h;             /* of them, its rack's, */
    double region_per_h;           /* and besides, its region's */
    uint32_t domain, type;
    uint32_t *nodes, len;
    bool sleeps;                   /* its nodes go off when they are idle */
    uint32_t count[STATES], leaving, busy;
    uint64_t *off;                 /* bits over positions in nodes */
    struct bits_plan plan;
    bool kept;                     /* idle nodes stay up past their time for jobs in line */
    uint32_t offered;              /* by the spot market now; else all */
    struct cursor available, price;
    double usd, usd_per_ns;        /* elastic: price integral of a node at price_ns; its growth */
    int64_t price_ns;
    size_t recorded;               /* faults of the trace that have happened */
    int64_t hour;                  /* of the ring's newest entry */
    uint32_t most_busy[HOURS_KEPT];
    struct iron_totals totals;
    struct flow settled;
    int64_t settled_ns;
};

enum clock_kind {
    CLOCK_RACK, CLOCK_REGION, CLOCK_MAINTENANCE, CLOCK_RECORD, CLOCK_OFFER, CLOCK_PRICE, CLOCK_HOUR
};

struct clock {
    enum clock_kind kind;
    uint32_t of;                   /* pool, or region */
    uint32_t entry;                /* rack of the pool, or maintenance */
    uint32_t times;
};

struct iron {
    struct iron_node *nodes;
    uint32_t nodes_len;
    uint32_t *position;            /* per node, in its pool */
    struct iron_pool *pools;
    size_t pools_len;
    uint32_t *pool_nodes;
    bool *wakes;                   /* per domain: some of its pools sleep */
    struct { struct hold_of *at; size_t len, cap; } holds;
    struct { struct clock *at; size_t len, cap; } clocks;
    struct { struct supply *at; size_t len, cap; } supplies;
    struct evq due;                /* 2 x node: its change; 2 x node + 1: its end; then clocks */
    int64_t armed_ns;              /* EVENT_IRON stands there; TICK_NEVER: nowhere */
    bool acting, open;
    uint64_t seed;
};

/* ---- draws ---- */

enum stream { DRAW_NODE = 1, DRAW_GPU, DRAW_REPAIR, DRAW_BOOT, DRAW_TAKEN, DRAW_RACK, DRAW_RACK_LASTS,
              DRAW_REGION, DRAW_REGION_LASTS };

/* In (0, 1), by what it is for. */
static double draw(const struct iron *iron, enum stream stream, uint32_t which, uint32_t times) {
    const uint64_t h = hash_mix(hash_mix(hash_mix(iron->seed) ^ (uint64_t)stream << 32 ^ which) ^ times);
    return ((double)(h >> 12) + 0.5) * 0x1p-52;
}

/* At least a nanosecond, so that nothing happens for ever at one instant. */
static int64_t positive_ns(double s) {
    const int64_t ns = tick_from_seconds(s);
    return ns < 1 ? 1 : ns < TICK_NEVER ? ns : TICK_NEVER;
}

static const struct lifetime_model *lifetime(const struct chosen *chosen) {
    return (const struct lifetime_model *)(const void *)chosen->model;
}

static int64_t lifetime_ns(const struct chosen *chosen, double u) {
    return chosen->model ? positive_ns(lifetime(chosen)->draw_s(chosen->params, u)) : TICK_NEVER;
}

static double per_h(const struct chosen *chosen) {
    return chosen->model ? 3600 / lifetime(chosen)->mean_s(chosen->params) : 0;
}

static int64_t exponential_ns(double mean_ns, double u) { return positive_ns(-mean_ns / 1e9 * log1p(-u)); }

static int64_t later(int64_t now_ns, int64_t by_ns) {
    return by_ns >= TICK_NEVER ? TICK_NEVER : now_ns + by_ns;
}

/* The first of the node itself and its GPUs to fail: the least of n draws is a draw at 1 - (1 - u)^(1/n). */
static int64_t life_ns(const struct iron *iron, const struct pool_setup *p, uint32_t node, uint32_t times) {
    const int64_t own = lifetime_ns(&p->faults.node_every, draw(iron, DRAW_NODE, node, times));
    if (p->gpus == 0 || p->faults.gpu_every.model == NULL) return own;
    const double u = -expm1(log1p(-draw(iron, DRAW_GPU, node, times)) / p->gpus);
    const int64_t gpus = lifetime_ns(&p->faults.gpu_every, u);
    return gpus < own ? gpus : own;
}

/* ---- time ---- */

static struct iron_pool *pool_of(const struct sched *s, uint32_t node) {
    return &s->iron->pools[s->world.fleet.nodes[node].pool];
}

/* The queue's least moment is the loop's event. */
static void arm(struct sched *s) {
    struct iron *iron = s->iron;
    if (iron->acting) return;
    const int64_t next = evq_empty(&iron->due) ? TICK_NEVER : (int64_t)evq_rank(evq_top(&iron->due));
    if (next == iron->armed_ns) return;
    iron->armed_ns = next;
    if (next == TICK_NEVER) evq_cancel(&s->events, EVENT_IRON);
    else evq_move(&s->events, evq_pack((uint64_t)next, UINT32_MAX, EVENT_IRON));
}

/* At one instant clocks come before nodes: what holds from a moment on holds for what happens at it. */
static void set_timer(struct iron *iron, uint32_t handle, int64_t when_ns) {
    if (when_ns >= TICK_NEVER) evq_cancel(&iron->due, handle);
    else evq_move(&iron->due, evq_pack((uint64_t)when_ns, handle < 2 * iron->nodes_len, handle));
}
static void set_change(struct iron *iron, uint32_t node, int64_t when_ns) {
    set_timer(iron, 2 * node, when_ns);
}
static void set_end(struct iron *iron, uint32_t node, int64_t when_ns) {
    set_timer(iron, 2 * node + 1, when_ns);
}
static void set_clock(struct iron *iron, size_t clock, int64_t when_ns) {
    set_timer(iron, 2 * iron->nodes_len + (uint32_t)clock, when_ns);
}

/* ---- accounts ---- */

static void charge_watts(struct charge *to, double watts, const struct flow *from, const struct flow *until) {
    to->j += watts * (until->pue_s - from->pue_s);
    to->usd += watts * (until->usd - from->usd);
    to->g += watts * (until->g - from->g);
}

static bool elastic(const struct iron_pool *p) { return bought_elastic(p->setup->bought); }

/* What a rented node draws while it is not up is not ours. */
static double sleep_w(const struct iron_pool *p) { return elastic(p) ? 0 : p->setup->sleep.sleep_w; }
static double boot_w(const struct iron_pool *p) { return elastic(p) ? 0 : p->setup->sleep.boot_w; }

/* Integrates the pool's counts and draws up to now: call before any of them changes. */
static void settle(struct sched *s, struct iron_pool *p) {
    const int64_t now = s->world.now_ns;
    struct region_account *r = &s->ledger.regions[p->setup->region];
    if (now == p->settled_ns) return;
    region_advance(r, now);
    if (s->iron->open) {
        struct iron_totals *t = &p->totals;
        const double ns = (double)(now - p->settled_ns);
        charge_watts(&t->sleep, sleep_w(p) * p->count[OFF], &p->settled, &r->now);
        charge_watts(&t->boot, boot_w(p) * p->count[BOOTING], &p->settled, &r->now);
        t->up_node_ns += ns * p->count[UP];
    }
    p->settled = r->now;
    p->settled_ns = now;
}

/* Price integral of one node of the pool up to now. */
static double usd_now(const struct sched *s, const struct iron_pool *p) {
    return p->usd + p->usd_per_ns * (double)(s->world.now_ns - p->price_ns);
}

/* What the node's time up would be billed if it ended now: what granularity and minimum add is paid at the
 * price in force. */
static double bill_usd(const struct sched *s, const struct iron_pool *p, const struct iron_node *n) {
    const int64_t used = s->world.now_ns - n->up_ns, step = p->setup->billing_ns;
    int64_t billed = step > 0 ? (used + step - 1) / step * step : used;
    if (billed < p->setup->billing_least_ns) billed = p->setup->billing_least_ns;
    return usd_now(s, p) - n->up_usd + p->usd_per_ns * (double)(billed - used);
}

/* The bills of all nodes that have been up until now. */
static double bills_usd(const struct sched *s, const struct iron_pool *p) {
    double sum = 0;
    for (uint32_t i = 0; i < p->len && elastic(p); i++) {
        const struct iron_node *n = &s->iron->nodes[p->nodes[i]];
        if (n->state == UP && n->up_ns < s->world.now_ns) sum += bill_usd(s, p, n);
    }
    return sum;
}

static double state_w(const struct sched *s, uint32_t pool, enum state state) {
    const struct iron_pool *p = &s->iron->pools[pool];
    const double up_w = s->ledger.pools[pool].node_static_w;
    return state == UP ? up_w : state == BOOTING ? boot_w(p) : state == OFF ? sleep_w(p) : 0;
}

static void set_state(struct sched *s, uint32_t node, enum state to) {
    const uint32_t pool = s->world.fleet.nodes[node].pool;
    struct iron_node *n = &s->iron->nodes[node];
    struct iron_pool *p = &s->iron->pools[pool];
    struct region_account *r = &s->ledger.regions[p->setup->region];
    settle(s, p);
    region_settle(r, s->world.now_ns);
    pool_settle(&s->ledger, pool, s->world.now_ns);
    r->it_w += state_w(s, pool, to) - state_w(s, pool, n->state);
    s->ledger.pools[pool].idle_w += ((to == UP) - (n->state == UP)) * s->ledger.pools[pool].node_static_w;
    p->count[n->state]--;
    p->count[to]++;
    if (n->state == OFF) bits_clear(&p->plan, p->off, s->iron->position[node]);
    if (to == OFF) bits_set(&p->plan, p->off, s->iron->position[node]);
    n->state = to;
}

/* Puts the node into the fleet, or takes it out. */
static void stand(struct sched *s, uint32_t node, bool in) {
    const struct domain *d = &s->world.fleet.domains[s->world.fleet.node_domain[node]];
    struct region_account *r = &s->ledger.regions[d->region];
    const double before = d->fragmented_milli;
    if (in) fleet_return(&s->world.fleet, node);
    else fleet_withdraw(&s->world.fleet, node);
    region_settle(r, s->world.now_ns);
    r->fragmented_milli += d->fragmented_milli - before;
}

/* ---- how many ---- */

static uint32_t idle_nodes(const struct iron_pool *p) { return p->count[UP] - p->leaving - p->busy; }
static uint32_t coming_nodes(const struct iron_pool *p) { /* up for good, or soon */
    return p->count[UP] - p->leaving + p->count[BOOTING];
}

static uint32_t wakeable(const struct iron_pool *p) {
    if (!p->sleeps) return 0;
    const uint32_t coming = coming_nodes(p), room = p->offered > coming ? p->offered - coming : 0;
    return p->count[OFF] < room ? p->count[OFF] : room;
}

/* Brings the ring of the busiest moment of each hour up to now. */
static void ring_turn(struct iron_pool *p, int64_t now_ns) {
    while (p->hour < now_ns / TICK_HOUR) p->most_busy[++p->hour % HOURS_KEPT] = p->busy;
}

static void count_busy(struct iron_pool *p, int by, int64_t now_ns) {
    if (p->setup->sleep.ahead_ns > 0) ring_turn(p, now_ns);
    p->busy += (uint32_t)by;
    uint32_t *most = &p->most_busy[p->hour % HOURS_KEPT];
    if (p->busy > *most) *most = p->busy;
}

/* Most nodes busy at once yesterday, from this hour to `ahead` later. */
static uint32_t foreseen(struct iron_pool *p, int64_t now_ns) {
    if (p->setup->sleep.ahead_ns <= 0) return 0;
    ring_turn(p, now_ns);
    int64_t until = (now_ns + p->setup->sleep.ahead_ns) / TICK_HOUR - 24;
    if (until > p->hour) until = p->hour;
    uint32_t most = 0;
    for (int64_t h = p->hour < 24 ? 0 : p->hour - 24; h <= until; h++)
        if (p->most_busy[h % HOURS_KEPT] > most) most = p->most_busy[h % HOURS_KEPT];
    return most;
}

/* ---- nodes ---- */

static void wake(struct sched *s, struct iron_pool *p, uint32_t count) {
    struct iron *iron = s->iron;
    const double more_w = p->setup->base_w + p->setup->gpus * p->setup->gpu_idle_w - p->setup->sleep.sleep_w;
    for (; count > 0; count--) {
        if (s->caps && !caps_allow(s, p->setup->region, fmax(more_w, p->setup->sleep.boot_w))) return;
        const uint32_t node = p->nodes[bits_first(&p->plan, p->off)];
        const struct sleep_setup *sleep = &p->setup->sleep;
        int64_t takes = sleep->boot_ns;
        if (sleep->boot_exponential)
            takes = exponential_ns((double)takes, draw(iron, DRAW_BOOT, node, iron->nodes[node].boots));
        iron->nodes[node].boots++;
        set_state(s, node, BOOTING);
        set_change(iron, node, later(s->world.now_ns, takes));
        p->totals.boots += iron->open;
    }
}

/* A node that is up with nothing on it goes off after a while. Not in this instant even where that is none:
 * the pass that may use it comes at the instant's end. */
static void start_idle(struct sched *s, uint32_t node) {
    const struct iron_pool *p = pool_of(s, node);
    if (!p->sleeps) return;
    const int64_t after = p->setup->sleep.after_ns;
    set_change(s->iron, node, later(s->world.now_ns, after > 0 ? after : 1));
}

static void set_next_end(struct iron *iron, uint32_t node) {
    const struct iron_node *n = &iron->nodes[node];
    const int64_t fails = later(n->up_ns, n->life_ns);
    set_end(iron, node, fails <= n->taken_ns || n->leaving ? fails : n->taken_ns);
}

/* Up from now on, in the fleet already. */
static void begin_up(struct sched *s, uint32_t node) {
    struct iron *iron = s->iron;
    struct iron_node *n = &iron->nodes[node];
    const struct iron_pool *p = pool_of(s, node);
    n->up_ns = s->world.now_ns;
    n->up_usd = usd_now(s, p);
    if (n->life_ns == 0) n->life_ns = life_ns(iron, p->setup, node, n->lives++);
    n->taken_ns = TICK_NEVER;
    if (p->setup->bought == BOUGHT_SPOT && p->setup->spot_hazard_per_h > 0)
        n->taken_ns = later(n->up_ns, exponential_ns(3.6e12 / p->setup->spot_hazard_per_h,
                                                     draw(iron, DRAW_TAKEN, node, n->boots)));
    set_next_end(iron, node);
    start_idle(s, node);
}

static void come_up(struct sched *s, uint32_t node) {
    set_state(s, node, UP);
    stand(s, node, true);
    begin_up(s, node);
    line_freed(s, s->world.fleet.node_domain[node]);
}

/* Nothing is placed on the node any more; its jobs go on. */
static void start_leaving(struct sched *s, uint32_t node) {
    struct iron_node *n = &s->iron->nodes[node];
    struct iron_pool *p = pool_of(s, node);
    stand(s, node, false);
    if (n->busy) count_busy(p, -1, s->world.now_ns);
    n->busy = false;
    n->leaving = true;
    p->leaving++;
}

/* The node stops being up: its jobs lose it. */
static void go_down(struct sched *s, uint32_t node, enum state to, enum interrupt cause) {
    struct iron *iron = s->iron;
    struct iron_node *n = &iron->nodes[node];
    struct iron_pool *p = pool_of(s, node);
    if (!n->leaving) start_leaving(s, node);
    while (n->first != FLEET_NONE) sched_interrupt(s, iron->holds.at[n->first].slot, cause);
    if (iron->open && elastic(p)) p->totals.paid_usd += bill_usd(s, p, n);
    if (n->life_ns < TICK_NEVER) n->life_ns -= s->world.now_ns - n->up_ns;
    set_state(s, node, to);
    n->leaving = false;
    p->leaving--;
    set_change(iron, node, TICK_NEVER);
    set_end(iron, node, TICK_NEVER);
}

/* The node is of no use until then; a job on it is stopped. */
static void take_down(struct sched *s, uint32_t node, int64_t until_ns, enum interrupt cause) {
    struct iron_node *n = &s->iron->nodes[node];
    if (n->state == UP) {
        go_down(s, node, DOWN, cause);
    } else if (n->state != DOWN) {
        set_state(s, node, DOWN);
    } else if (until_ns <= n->until_ns) {
        return;
    }
    n->until_ns = until_ns;
    set_change(s->iron, node, until_ns);
}

/* Sleeping and elastic nodes are woken when they are wanted; the pass asks for them. */
static void repaired(struct sched *s, uint32_t node) {
    if (!pool_of(s, node)->sleeps) {
        come_up(s, node);
        return;
    }
    set_state(s, node, OFF);
    line_freed(s, s->world.fleet.node_domain[node]);
}

static void fail(struct sched *s, uint32_t node) {
    struct iron *iron = s->iron;
    struct iron_node *n = &iron->nodes[node];
    const double u = draw(iron, DRAW_REPAIR, node, n->repairs++);
    const int64_t lasts = lifetime_ns(&pool_of(s, node)->setup->faults.repair, u);
    take_down(s, node, later(s->world.now_ns, lasts), INTERRUPT_FAILURE);
    n->life_ns = 0; /* as new after the repair */
}

/* ---- the spot market ---- */

/* Work is saved where a checkpoint can be written in the notice. */
static bool notice_saves(const struct sched *s, const struct iron_pool *p) {
    const struct checkpoint_setup *c = &s->setup->policy.checkpoint;
    return c->kind != CHECKPOINT_NONE && c->write_ns <= p->setup->spot_notice_ns;
}

static void taken_back(struct sched *s, uint32_t node) {
    go_down(s, node, OFF, notice_saves(s, pool_of(s, node)) ? INTERRUPT_WARNED : INTERRUPT_EVICTION);
    line_freed(s, s->world.fleet.node_domain[node]); /* another may be had instead */
}

static void give_notice(struct sched *s, uint32_t node) {
    struct iron_pool *p = pool_of(s, node);
    start_leaving(s, node);
    if (p->setup->spot_notice_ns == 0) {
        taken_back(s, node);
        return;
    }
    set_change(s->iron, node, later(s->world.now_ns, p->setup->spot_notice_ns));
    set_next_end(s->iron, node);
}

/* Gives up what the market no longer offers: what is booting before what is up, the highest nodes first. */
static void shrink(struct sched *s, struct iron_pool *p) {
    struct iron *iron = s->iron;
    static const enum state first[] = {BOOTING, UP};
    for (size_t k = 0; k < 2; k++)
        for (uint32_t i = p->len; i-- > 0 && coming_nodes(p) > p->offered;) {
            const uint32_t node = p->nodes[i];
            if (iron->nodes[node].state != first[k] || iron->nodes[node].leaving) continue;
            if (first[k] == UP) {
                give_notice(s, node);
                continue;
            }
            set_state(s, node, OFF);
            set_change(iron, node, TICK_NEVER);
        }
}

static void read_offer(struct iron_pool *p) {
    p->offered = p->len;
    if (p->setup->bought == BOUGHT_SPOT && p->setup->spot_nodes.len > 0) {
        const double nodes = floor(p->available.value);
        if (nodes < p->len) p->offered = nodes > 0 ? (uint32_t)nodes : 0;
    }
}

static void change_offer(struct sched *s, struct iron_pool *p) {
    cursor_step(&p->available);
    const uint32_t before = p->offered;
    read_offer(p);
    if (p->offered > before) line_freed(s, p->domain);
    shrink(s, p);
}

static void change_price(struct sched *s, uint32_t pool) {
    struct iron_pool *p = &s->iron->pools[pool];
    p->usd = usd_now(s, p);
    p->price_ns = s->world.now_ns;
    cursor_step(&p->price);
    p->usd_per_ns = p->price.value / 3.6e12;
    slot_pool_price(s, pool, p->usd_per_ns);
}

/* ---- what is wanted ---- */

/* More nodes would not help a job that its region has no power for. */
static bool waits_for_power(const struct sched *s, uint32_t id) {
    const struct group *g = &s->groups.at[id];
    const struct line *l = &s->lines[g->domain];
    if (l->front != JOB_NONE && l->front_apart && s->group_of[l->front] == id) return l->front_why == WHY_POWER;
    return g->aside && g->why == WHY_POWER;
}

/* Jobs of a group that might start, and what one of them asks for on the models it may use now. Jobs beyond a
 * hard quota could not start on any number of nodes. */
static uint32_t group_wants(const struct sched *s, uint32_t id, struct shape *shape) {
    const struct group *g = &s->groups.at[id];
    const struct holding *h = &s->world.tenants[g->tenant];
    uint32_t jobs = waits_for_power(s, id) ? 0 : line_group_jobs(s, id);
    *shape = *sched_group_shape(s, id);
    shape->models &= line_group_models(s, id);
    const uint32_t milli = shape_gpu_milli(shape);
    if (h->quota_kind == QUOTA_HARD && milli > 0) {
        const uint64_t left = h->quota_milli > h->gpu_milli ? (h->quota_milli - h->gpu_milli) / milli : 0;
        if (left < jobs) jobs = (uint32_t)left;
    }
    return jobs;
}

/* Whether a waiting job could use a node of the pool. */
static bool wanted(struct sched *s, const struct iron_pool *p) {
    const struct fleet *f = &s->world.fleet;
    const uint32_t *groups;
    if (s->lines[p->domain].len == 0) return false;
    const uint32_t len = sched_groups_waiting(s, p->domain, &groups);
    for (uint32_t i = 0; i < len; i++) {
        struct shape shape;
        if (group_wants(s, groups[i], &shape) > 0 &&
            supply_serves(f, p->type, &shape, place_is_gang(f, p->domain, &shape)))
            return true;
    }
    return false;
}

/* The idle node's time is over. */
static void doze(struct sched *s, uint32_t node) {
    struct iron_pool *p = pool_of(s, node);
    if (idle_nodes(p) <= p->setup->sleep.reserve || coming_nodes(p) <= foreseen(p, s->world.now_ns)) return;
    if (wanted(s, p)) p->kept = true;
    else go_down(s, node, OFF, INTERRUPT_DRAIN);
}

/* Idle nodes that stayed up past their time are judged again. */
static void doze_all(struct sched *s, struct iron_pool *p) {
    p->kept = false;
    for (uint32_t i = 0; i < p->len && !p->kept; i++) {
        const uint32_t node = p->nodes[i];
        const struct iron_node *n = &s->iron->nodes[node];
        if (n->state == UP && !n->busy && !n->leaving && !evq_has(&s->iron->due, 2 * node)) doze(s, node);
    }
}

static void add_supply(struct iron *iron, const struct node_class *state, uint32_t class_id, uint32_t pool,
                       uint32_t nodes) {
    if (nodes == 0) return;
    *vec_push(&iron->supplies) =
        (struct supply){.state = *state, .class_id = class_id, .pool = pool, .nodes = nodes, .had = nodes};
}

/* What the domain has, in the order it is used up: free, booting, off. Returns where those that are off
 * begin; *up where those that are booting do. */
static size_t list_supplies(struct sched *s, uint32_t domain, size_t *up) {
    struct iron *iron = s->iron;
    const struct fleet *f = &s->world.fleet;
    const struct domain *d = &f->domains[domain];
    iron->supplies.len = 0;
    for (size_t i = 0; i < d->live.len; i++) {
        const struct node_class *c = &f->classes.at[d->live.at[i]];
        add_supply(iron, c, d->live.at[i], FLEET_NONE, c->count);
    }
    *up = iron->supplies.len;
    size_t off = 0;
    for (int pass = 0; pass < 2; pass++) {
        off = pass == 0 ? off : iron->supplies.len;
        for (uint32_t p = 0; p < iron->pools_len; p++) {
            const struct iron_pool *pool = &iron->pools[p];
            const struct node_class empty = type_empty(f, pool->type);
            if (pool->domain != domain || !pool->sleeps) continue;
            add_supply(iron, &empty, FLEET_NONE, p, pass == 0 ? pool->count[BOOTING] : wakeable(pool));
        }
    }
    return off;
}

/* Takes what waits in the domain from the supplies, the head of the line first. */
static void take_supplies(struct sched *s, uint32_t domain) {
    struct iron *iron = s->iron;
    const struct fleet *f = &s->world.fleet;
    const uint32_t *groups, front = s->lines[domain].front;
    const uint32_t len = sched_groups_waiting(s, domain, &groups);
    const uint32_t head = front == JOB_NONE ? SCHED_NONE : s->group_of[front];
    for (uint32_t i = 0; i <= len; i++) {
        struct shape shape;
        const uint32_t id = i == 0 ? head : groups[i - 1];
        if (id == SCHED_NONE || (i > 0 && id == head)) continue;
        const uint32_t jobs = group_wants(s, id, &shape);
        if (jobs == 0) continue;
        (void)supply_take(f, iron->supplies.at, iron->supplies.len, &shape, place_is_gang(f, domain, &shape),
                          s->place->gang, jobs);
    }
}

/* Nodes of the pool to wake beside those that jobs in line will have, so that `reserve` others are idle and
 * as many are up as yesterday needed. */
static uint32_t spare_wanted(struct sched *s, struct iron_pool *p, uint32_t booting_used, uint32_t waking) {
    const uint32_t idle = idle_nodes(p) + p->count[BOOTING] - booting_used, coming = coming_nodes(p) + waking;
    const uint32_t reserve = p->setup->sleep.reserve, most = foreseen(p, s->world.now_ns);
    const uint32_t left = wakeable(p) - waking;
    uint32_t more = reserve > idle ? reserve - idle : 0;
    if (most > coming + more) more = most - coming;
    return more < left ? more : left;
}

bool iron_wakes(const struct iron *iron, uint32_t domain) { return iron->wakes[domain]; }

bool iron_want(struct sched *s, uint32_t domain) {
    struct iron *iron = s->iron;
    if (!iron->wakes[domain]) return false;
    bool possible = false, on_its_way = false;
    for (size_t p = 0; p < iron->pools_len; p++) {
        struct iron_pool *pool = &iron->pools[p];
        if (pool->domain != domain || !pool->sleeps) continue;
        if (pool->kept && !wanted(s, pool)) doze_all(s, pool);
        possible |= pool->count[BOOTING] + wakeable(pool) > 0;
    }
    if (possible) {
        size_t up;
        const size_t off = list_supplies(s, domain, &up);
        if (s->lines[domain].len > 0) take_supplies(s, domain);
        size_t at = off, booting = up;
        for (uint32_t p = 0; p < iron->pools_len; p++) {
            struct iron_pool *pool = &iron->pools[p];
            if (pool->domain != domain || !pool->sleeps) continue;
            const struct supply *supplies = iron->supplies.at;
            uint32_t used = 0, waking = 0;
            if (booting < off && supplies[booting].pool == p) used = supply_taken(&supplies[booting++]);
            if (at < iron->supplies.len && supplies[at].pool == p) waking = supply_taken(&supplies[at++]);
            on_its_way |= used + waking > 0;
            wake(s, pool, waking + spare_wanted(s, pool, used, waking));
        }
    }
    arm(s);
    return on_its_way;
}

/* ---- clocks ---- */

static uint32_t rack_end(const struct iron_pool *p, uint32_t rack) {
    const uint32_t end = (rack + 1) * p->setup->faults.rack;
    return end < p->len ? end : p->len;
}

/* A rack, or a region, goes dark; it comes back and lives on. */
static int64_t blackout(struct sched *s, struct clock *c) {
    const struct iron *iron = s->iron;
    const bool rack = c->kind == CLOCK_RACK;
    const struct region_setup *region = rack ? NULL : &s->setup->regions[c->of];
    const struct fault_setup *faults = rack ? &iron->pools[c->of].setup->faults : NULL;
    const uint32_t which = rack ? iron->pools[c->of].nodes[c->entry * faults->rack] : c->of;
    const struct chosen *lasts = rack ? &faults->rack_lasts : &region->outage_lasts;
    const struct chosen *every = rack ? &faults->rack_every : &region->outage_every;
    const double u = draw(iron, rack ? DRAW_RACK_LASTS : DRAW_REGION_LASTS, which, c->times);
    const int64_t until = later(s->world.now_ns, lifetime_ns(lasts, u));
    for (uint32_t p = 0; p < iron->pools_len; p++) {
        const struct iron_pool *pool = &iron->pools[p];
        if (rack ? p != c->of : pool->setup->region != c->of) continue;
        const uint32_t end = rack ? rack_end(pool, c->entry) : pool->len;
        for (uint32_t i = rack ? c->entry * faults->rack : 0; i < end; i++)
            take_down(s, pool->nodes[i], until, INTERRUPT_FAILURE);
    }
    return later(until, lifetime_ns(every, draw(iron, rack ? DRAW_RACK : DRAW_REGION, which, ++c->times)));
}

static int64_t maintain(struct sched *s, const struct clock *c) {
    const struct iron_pool *p = &s->iron->pools[c->of];
    const struct maintenance *m = &p->setup->maintenance[c->entry];
    const int64_t now = s->world.now_ns;
    for (uint32_t i = 0; i < p->len; i++) take_down(s, p->nodes[i], now + m->lasts_ns, INTERRUPT_DRAIN);
    return m->every_ns > 0 ? now + m->every_ns : TICK_NEVER;
}

static int64_t replay_fault(struct sched *s, struct iron_pool *p) {
    const struct fault_setup *f = &p->setup->faults;
    const uint32_t node = f->trace.node[p->recorded];
    const int64_t until = later(s->world.now_ns, f->trace.lasts_ns[p->recorded]);
    if (node < p->len) take_down(s, p->nodes[node], until, INTERRUPT_FAILURE);
    return ++p->recorded < f->trace.len ? f->trace.at_ns[p->recorded] : TICK_NEVER;
}

/* The hour of yesterday that is looked at changes at whole hours, and `ahead` before them. */
static int64_t next_look(const struct iron_pool *p, int64_t now_ns) {
    const int64_t ahead = p->setup->sleep.ahead_ns;
    const int64_t hour = (now_ns / TICK_HOUR + 1) * TICK_HOUR;
    const int64_t early = ((now_ns + ahead) / TICK_HOUR + 1) * TICK_HOUR - ahead;
    return hour < early ? hour : early;
}

static void ring_clock(struct sched *s, size_t id) {
    struct iron *iron = s->iron;
    struct clock *c = &iron->clocks.at[id];
    struct iron_pool *p = c->kind == CLOCK_REGION ? NULL : &iron->pools[c->of];
    int64_t next = TICK_NEVER;
    switch (c->kind) {
    case CLOCK_RACK:
    case CLOCK_REGION: next = blackout(s, c); break;
    case CLOCK_MAINTENANCE: next = maintain(s, c); break;
    case CLOCK_RECORD: next = replay_fault(s, p); break;
    case CLOCK_OFFER:
        change_offer(s, p);
        next = p->available.next_ns;
        break;
    case CLOCK_PRICE:
        change_price(s, c->of);
        next = p->price.next_ns;
        break;
    case CLOCK_HOUR:
        doze_all(s, p);
        (void)iron_want(s, p->domain);
        next = next_look(p, s->world.now_ns);
        break;
    }
    set_clock(iron, id, next);
}

static void node_changes(struct sched *s, uint32_t node) {
    const struct iron_node *n = &s->iron->nodes[node];
    if (n->state == BOOTING) come_up(s, node);
    else if (n->state == DOWN) repaired(s, node);
    else if (n->leaving) taken_back(s, node);
    else doze(s, node);
}

static void node_ends(struct sched *s, uint32_t node) {
    const struct iron_node *n = &s->iron->nodes[node];
    if (later(n->up_ns, n->life_ns) <= s->world.now_ns) fail(s, node);
    else give_notice(s, node);
}

void iron_event(struct sched *s) {
    struct iron *iron = s->iron;
    iron->armed_ns = TICK_NEVER;
    iron->acting = true;
    while (!evq_empty(&iron->due) && (int64_t)evq_rank(evq_top(&iron->due)) <= s->world.now_ns) {
        const uint32_t handle = evq_handle(evq_pop(&iron->due));
        if (handle >= 2 * iron->nodes_len) ring_clock(s, handle - 2 * iron->nodes_len);
        else if (handle % 2 == 0) node_changes(s, handle / 2);
        else node_ends(s, handle / 2);
    }
    iron->acting = false;
    arm(s);
}

/* ---- jobs ---- */

void iron_placed(struct sched *s, uint32_t slot, uint32_t takes) {
    struct iron *iron = s->iron;
    while (iron->holds.len < s->takes.len) (void)vec_push(&iron->holds);
    for (uint32_t t = takes; t != FLEET_NONE; t = s->takes.at[t].next) {
        const uint32_t node = s->takes.at[t].node;
        struct iron_node *n = &iron->nodes[node];
        iron->holds.at[t] = (struct hold_of){.slot = slot, .next = n->first, .before = FLEET_NONE};
        if (n->first != FLEET_NONE) iron->holds.at[n->first].before = t;
        n->first = t;
        if (n->busy || n->leaving) continue;
        n->busy = true;
        count_busy(pool_of(s, node), 1, s->world.now_ns);
        set_change(iron, node, TICK_NEVER);
    }
    arm(s);
}

static void unlink_take(struct iron *iron, uint32_t node, uint32_t take) {
    const struct hold_of *h = &iron->holds.at[take];
    if (h->next != FLEET_NONE) iron->holds.at[h->next].before = h->before;
    if (h->before != FLEET_NONE) iron->holds.at[h->before].next = h->next;
    else iron->nodes[node].first = h->next;
}

void iron_released(struct sched *s, uint32_t takes) {
    struct iron *iron = s->iron;
    for (uint32_t t = takes; t != FLEET_NONE; t = s->takes.at[t].next) {
        const uint32_t node = s->takes.at[t].node;
        struct iron_node *n = &iron->nodes[node];
        unlink_take(iron, node, t);
        if (!n->busy || n->first != FLEET_NONE) continue;
        n->busy = false;
        count_busy(pool_of(s, node), -1, s->world.now_ns);
        start_idle(s, node);
    }
    arm(s);
}

double pool_failures_per_h(const struct pool_setup *p) {
    const double rack = p->faults.rack ? per_h(&p->faults.rack_every) : 0;
    return per_h(&p->faults.node_every) + p->gpus * per_h(&p->faults.gpu_every) + rack + p->spot_hazard_per_h;
}

double iron_failures_per_h(const struct sched *s, uint32_t takes) {
    double sum = pool_of(s, s->takes.at[takes].node)->region_per_h; /* one for all of them */
    const struct iron_pool *rack_pool = NULL;
    uint32_t rack = FLEET_NONE;
    for (uint32_t t = takes; t != FLEET_NONE; t = s->takes.at[t].next) {
        const uint32_t node = s->takes.at[t].node;
        const struct iron_pool *pool = pool_of(s, node);
        sum += pool->failures_per_h;
        if (pool->rack_per_h == 0) continue;
        const uint32_t here = s->iron->position[node] / pool->setup->faults.rack;
        if (pool == rack_pool && here == rack) sum -= pool->rack_per_h; /* counted already */
        rack_pool = pool;
        rack = here;
    }
    return sum;
}

/* ---- opening ---- */

static bool pool_needs(const struct setup *setup, const struct pool_setup *p) {
    const struct fault_setup *f = &p->faults;
    return p->sleep.on || bought_elastic(p->bought) || f->node_every.model || f->gpu_every.model ||
           (f->rack && f->rack_every.model) || f->trace.len || p->maintenance_len ||
           setup->regions[p->region].outage_every.model;
}

static void open_pool(struct sched *s, uint32_t pool) {
    struct iron *iron = s->iron;
    struct iron_pool *p = &iron->pools[pool];
    const struct fleet *f = &s->world.fleet;
    p->setup = &s->setup->pools[pool];
    p->failures_per_h = pool_failures_per_h(p->setup);
    p->rack_per_h = p->setup->faults.rack ? per_h(&p->setup->faults.rack_every) : 0;
    p->region_per_h = per_h(&s->setup->regions[p->setup->region].outage_every);
    p->sleeps = p->setup->sleep.on || elastic(p);
    p->count[UP] = p->len;
    p->plan = bits_plan(p->len ? p->len : 1);
    p->off = mem_zero(p->plan.words, sizeof *p->off);
    p->domain = FLEET_NONE;
    if (p->len > 0) {
        p->domain = f->node_domain[p->nodes[0]];
        p->type = f->classes.at[f->nodes[p->nodes[0]].class_id].type;
        iron->wakes[p->domain] |= p->sleeps;
    }
    p->usd_per_ns = p->setup->usd_per_node_h / 3.6e12;
    if (p->setup->spot_usd_per_node_h.len > 0) cursor_open(&p->price, &p->setup->spot_usd_per_node_h);
    if (p->setup->spot_nodes.len > 0) cursor_open(&p->available, &p->setup->spot_nodes);
    read_offer(p);
}

static void deal_nodes(struct sched *s) {
    struct iron *iron = s->iron;
    const struct fleet *f = &s->world.fleet;
    uint32_t at = 0;
    for (uint32_t n = 0; n < f->nodes_len; n++) iron->pools[f->nodes[n].pool].len++;
    for (size_t p = 0; p < iron->pools_len; p++) {
        iron->pools[p].nodes = iron->pool_nodes + at;
        at += iron->pools[p].len;
        iron->pools[p].len = 0;
    }
    for (uint32_t n = 0; n < f->nodes_len; n++) {
        struct iron_pool *p = &iron->pools[f->nodes[n].pool];
        iron->position[n] = p->len;
        p->nodes[p->len++] = n;
        iron->nodes[n] = (struct iron_node){.first = FLEET_NONE, .taken_ns = TICK_NEVER};
    }
}

struct iron *iron_open(struct sched *s) {
    bool needed = false;
    for (size_t p = 0; p < s->setup->pools_len; p++) needed |= pool_needs(s->setup, &s->setup->pools[p]);
    if (!needed) return NULL;
    struct iron *iron = mem_zero(1, sizeof *iron);
    const uint32_t nodes = s->world.fleet.nodes_len;
    iron->nodes_len = nodes;
    iron->pools_len = s->setup->pools_len;
    iron->nodes = mem_zero(nodes + 1, sizeof *iron->nodes);
    iron->position = mem_zero(nodes + 1, sizeof *iron->position);
    iron->pool_nodes = mem_zero(nodes + 1, sizeof *iron->pool_nodes);
    iron->pools = mem_zero(iron->pools_len + 1, sizeof *iron->pools);
    iron->wakes = mem_zero(s->world.fleet.domains_len + 1, sizeof *iron->wakes);
    iron->armed_ns = TICK_NEVER;
    iron->seed = hash_mix(s->setup->seed ^ hash_bytes(HASH_START, "iron", 4));
    evq_init(&iron->due, true);
    s->iron = iron;
    deal_nodes(s);
    for (uint32_t p = 0; p < iron->pools_len; p++) open_pool(s, p);
    return iron;
}

void iron_close(struct iron *iron) {
    if (iron == NULL) return;
    for (size_t p = 0; p < iron->pools_len; p++) free(iron->pools[p].off);
    evq_free(&iron->due);
    free(iron->nodes);
    free(iron->position);
    free(iron->pool_nodes);
    free(iron->pools);
    free(iron->wakes);
    free(iron->holds.at);
    free(iron->clocks.at);
    free(iron->supplies.at);
    free(iron);
}

/* ---- time 0 ---- */

static void add_clock(struct iron *iron, struct clock clock, int64_t first_ns) {
    *vec_push(&iron->clocks) = clock;
    set_clock(iron, iron->clocks.len - 1, first_ns);
}

static void begin_clocks(struct sched *s, uint32_t pool) {
    struct iron *iron = s->iron;
    struct iron_pool *p = &iron->pools[pool];
    const struct fault_setup *f = &p->setup->faults;
    if (f->rack && f->rack_every.model)
        for (uint32_t r = 0; r * f->rack < p->len; r++)
            add_clock(iron, (struct clock){.kind = CLOCK_RACK, .of = pool, .entry = r},
                      lifetime_ns(&f->rack_every, draw(iron, DRAW_RACK, p->nodes[r * f->rack], 0)));
    for (uint32_t m = 0; m < p->setup->maintenance_len; m++)
        add_clock(iron, (struct clock){.kind = CLOCK_MAINTENANCE, .of = pool, .entry = m},
                  p->setup->maintenance[m].first_ns);
    if (f->trace.len) add_clock(iron, (struct clock){.kind = CLOCK_RECORD, .of = pool}, f->trace.at_ns[0]);
    if (p->setup->spot_nodes.len)
        add_clock(iron, (struct clock){.kind = CLOCK_OFFER, .of = pool}, p->available.next_ns);
    if (p->sleeps && p->setup->sleep.ahead_ns > 0)
        add_clock(iron, (struct clock){.kind = CLOCK_HOUR, .of = pool}, next_look(p, 0));
    if (p->setup->spot_usd_per_node_h.len == 0) return;
    p->usd_per_ns = p->price.value / 3.6e12;
    slot_pool_price(s, pool, p->usd_per_ns);
    add_clock(iron, (struct clock){.kind = CLOCK_PRICE, .of = pool}, p->price.next_ns);
}

/* Sleeping and elastic nodes are off but for the reserve. */
static void begin_nodes(struct sched *s, struct iron_pool *p) {
    uint32_t stay = p->len;
    if (p->sleeps) stay = p->setup->sleep.reserve < p->offered ? p->setup->sleep.reserve : p->offered;
    for (uint32_t i = 0; i < p->len; i++) {
        if (i < stay) {
            begin_up(s, p->nodes[i]);
            continue;
        }
        stand(s, p->nodes[i], false);
        set_state(s, p->nodes[i], OFF);
    }
}

void iron_begin(struct sched *s) {
    struct iron *iron = s->iron;
    for (uint32_t p = 0; p < iron->pools_len; p++) {
        begin_clocks(s, p);
        begin_nodes(s, &iron->pools[p]);
    }
    for (uint32_t r = 0; r < s->setup->regions_len; r++)
        if (s->setup->regions[r].outage_every.model)
            add_clock(iron, (struct clock){.kind = CLOCK_REGION, .of = r},
                      lifetime_ns(&s->setup->regions[r].outage_every, draw(iron, DRAW_REGION, r, 0)));
    arm(s);
}

/* ---- the measured window ---- */

void iron_open_window(struct sched *s) {
    for (size_t p = 0; p < s->iron->pools_len; p++) {
        struct iron_pool *pool = &s->iron->pools[p];
        settle(s, pool);
        pool->totals = (struct iron_totals){.paid_usd = -bills_usd(s, pool)};
    }
    s->iron->open = true;
}

void iron_close_window(struct sched *s) {
    if (!s->iron->open) return;
    for (size_t p = 0; p < s->iron->pools_len; p++) {
        settle(s, &s->iron->pools[p]);
        s->iron->pools[p].totals.paid_usd += bills_usd(s, &s->iron->pools[p]);
    }
    s->iron->open = false;
}

struct iron_totals iron_read(const struct iron *iron, uint32_t pool) { return iron->pools[pool].totals; }
