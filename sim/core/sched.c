/*
 * Lines of waiting jobs, starts, stops and preemption. See sched.h for the idea: a pass tries groups of equal
 * requests, and a group that failed is not tried again before something was freed.
 *
 * Attribution of waiting: each group carries the reason its jobs wait for now; whenever the reason or the
 * number of its jobs changes, jobs x time since the last change goes to the old reason. All in integers, so the
 * parts add up to the wait exactly. Only first waits count (after a preemption a job has started already), and
 * only those of jobs submitted inside the measured window.
 *
 * Two shortcuts take the commonest starts past the line's machinery where nobody could tell (start_alone, hand_over):
 * a job that finds nobody waiting, and a head that asks for what a job just left. tests/oracle/shortcuts.c holds
 * them against the long way. Whatever closes nodes to new jobs, or makes a job's rate or run time depend on more
 * than its pool, shape and utilisation, must switch hand_over off (sched.hands_over, set in world.c).
 */
#include "core/sched.h"

#include "core/engine.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/tick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct world *sched_world(const struct sched *s) { return &s->world; }

static const struct shape *group_shape(const struct sched *s, const struct group *g) {
    return &s->world.jobs.shapes.at[g->shape];
}

/* ---- why a job waits ---- */

bool sched_counted(const struct sched *s, uint32_t job) {
    const struct job *j = &s->world.jobs.at[job];
    return !sched_is_replica(s, job) && j->submit_ns >= s->setup->measure_from_ns &&
           j->submit_ns < s->setup->measure_to_ns;
}

static void why_settle(struct sched *s, struct group *g) {
    const int64_t passed = s->world.now_ns - g->why_since_ns;
    if (passed == 0) return;
    g->why_ns[g->why] += (wide)g->fresh * passed;
    g->clock_ns[g->why] += passed;
    g->why_since_ns = s->world.now_ns;
}

static void why_change(struct sched *s, struct group *g, enum why why) {
    if (g->why == why) return;
    why_settle(s, g);
    g->why = why;
}

/* The job's waiting counts with its group's from now on (by 1), or no longer (by -1). */
static void why_count(struct sched *s, struct group *g, uint32_t job, int by) {
    if (s->world.jobs.at[job].start_ns != JOB_NOT_YET) return;
    why_settle(s, g);
    if (sched_counted(s, job)) g->fresh += (uint32_t)by;
    if (s->job_results)
        for (int i = 0; i < WHY_COUNT; i++) s->job_results[job].why_ns[i] -= by * g->clock_ns[i];
}

/* A blocked line's head waits for a reason of its own. */
static void front_settle(struct sched *s, struct line *l) {
    const int64_t passed = s->world.now_ns - l->front_since_ns;
    l->front_since_ns = s->world.now_ns;
    if (s->world.jobs.at[l->front].start_ns != JOB_NOT_YET) return;
    if (sched_counted(s, l->front)) s->groups.at[s->group_of[l->front]].why_ns[l->front_why] += passed;
    if (s->job_results) s->job_results[l->front].why_ns[l->front_why] += passed;
}

static void front_clear(struct sched *s, struct line *l) {
    if (l->front == JOB_NONE) return;
    if (l->front_apart) {
        front_settle(s, l);
        why_count(s, &s->groups.at[s->group_of[l->front]], l->front, 1);
    }
    l->front = JOB_NONE;
    l->front_apart = l->blocked = false;
}

/* ---- groups ---- */

uint64_t sched_key(const struct sched *s, uint32_t job) {
    return s->order->key(s->order_state, &s->world, job);
}

static bool group_is(const struct group *g, uint32_t domain, const struct job *j, uint32_t market) {
    return g->domain == domain && g->shape == j->shape && g->tenant == j->tenant && g->class_id == j->class_id &&
           g->market == market;
}

static uint64_t group_hash(uint32_t domain, uint32_t shape, uint32_t tenant, uint32_t class_id, uint32_t market) {
    return hash_mix(hash_mix((uint64_t)domain << 32 | shape) ^
                    ((uint64_t)market << 32 | (uint64_t)tenant << 16 | class_id));
}

static uint32_t group_find(struct sched *s, uint32_t domain, uint32_t job) {
    const struct job *j = &s->world.jobs.at[job];
    const uint32_t market = s->hold ? hold_market(s, domain, job) : 0;
    if (s->last_group < s->groups.len && group_is(&s->groups.at[s->last_group], domain, j, market))
        return s->last_group;
    const uint64_t hash = group_hash(domain, j->shape, j->tenant, j->class_id, market);
    for (size_t at = hash & (s->group_slots_len - 1);; at = (at + 1) & (s->group_slots_len - 1)) {
        const uint32_t id = s->group_slots[at];
        if (id == SCHED_NONE) {
            if (s->groups.len * 2 >= s->group_slots_len) break;
            s->group_slots[at] = (uint32_t)s->groups.len;
            struct group *g = vec_push(&s->groups);
            *g = (struct group){.domain = domain, .tenant = j->tenant, .class_id = j->class_id, .shape = j->shape,
                                .market = market, .head = JOB_NONE, .tail = JOB_NONE, .root = TREE_NONE,
                                .why = WHY_HEAD,
                                .why_since_ns = s->world.now_ns, .rate_pool = FLEET_NONE};
            evq_init(&g->heap, false);
            *vec_push(&s->lines[domain].groups) = (uint32_t)s->groups.len - 1;
            return s->last_group = (uint32_t)s->groups.len - 1;
        }
        if (group_is(&s->groups.at[id], domain, j, market)) return s->last_group = id;
    }
    /* half full: double and put everyone back */
    s->group_slots_len *= 2;
    s->group_slots = mem_grow(s->group_slots, s->group_slots_len, sizeof *s->group_slots);
    memset(s->group_slots, 0xff, s->group_slots_len * sizeof *s->group_slots);
    for (uint32_t id = 0; id < s->groups.len; id++) {
        const struct group *g = &s->groups.at[id];
        size_t at = group_hash(g->domain, g->shape, g->tenant, g->class_id, g->market) & (s->group_slots_len - 1);
        while (s->group_slots[at] != SCHED_NONE) at = (at + 1) & (s->group_slots_len - 1);
        s->group_slots[at] = id;
    }
    return group_find(s, domain, job);
}

/* The group's first job and its key; JOB_NONE when it is empty. */
static uint32_t group_first(const struct sched *s, const struct group *g, uint64_t *key) {
    if (s->in_trees) {
        const uint32_t job = tree_first(&s->waiting, g->root);
        if (job != TREE_NONE) *key = s->waiting.at[job].key;
        return job == TREE_NONE ? JOB_NONE : job;
    }
    uint32_t job = g->head;
    if (job != JOB_NONE) *key = sched_key(s, job);
    if (!evq_empty(&g->heap)) {
        const evq_key top = evq_top(&g->heap);
        if (job == JOB_NONE || top < evq_pack(*key, job, job)) {
            job = evq_handle(top);
            *key = evq_rank(top);
        }
    }
    return job;
}

/* Brings the group's place in its line up to date. */
static void group_requeue(struct sched *s, uint32_t id) {
    struct group *g = &s->groups.at[id];
    struct line *l = &s->lines[g->domain];
    uint64_t key = 0;
    const uint32_t job = g->aside || g->len == 0 ? JOB_NONE : group_first(s, g, &key);
    if (job == JOB_NONE) evq_cancel(&l->ready, id);
    else evq_move(&l->ready, evq_pack(key, job, id));
}

static void group_push(struct sched *s, uint32_t id, uint32_t job, uint64_t key) {
    struct group *g = &s->groups.at[id];
    struct job *j = &s->world.jobs.at[job];
    if (s->in_trees) {
        tree_insert(&s->waiting, &g->root, key, job, j->estimate_ns);
    } else if (g->head == JOB_NONE || key > g->tail_key || (key == g->tail_key && job > g->tail)) {
        if (g->head == JOB_NONE) g->head = job;
        else s->world.jobs.at[g->tail].next = job;
        g->tail = job;
        g->tail_key = key;
        j->next = JOB_NONE;
    } else {
        evq_push(&g->heap, evq_pack(key, job, job));
    }
    g->len++;
    s->group_of[job] = id;
}

/* Takes a job out: any one from a tree, else it must be the first. */
static void group_take(struct sched *s, uint32_t id, uint32_t job) {
    struct group *g = &s->groups.at[id];
    if (s->in_trees) {
        tree_remove(&s->waiting, &g->root, s->waiting.at[job].key, job);
    } else if (g->head == job) {
        g->head = s->world.jobs.at[job].next;
        if (g->head == JOB_NONE) g->tail = JOB_NONE;
    } else {
        require(!evq_empty(&g->heap) && evq_handle(evq_top(&g->heap)) == job);
        (void)evq_pop(&g->heap);
    }
    g->len--;
}

static void queue_count(struct sched *s, const struct group *g, int by) {
    struct domain *d = &s->world.fleet.domains[g->domain];
    struct region_account *r = &s->ledger.regions[d->region];
    const int64_t milli = by * (int64_t)shape_gpu_milli(group_shape(s, g));
    tide_step(&r->gauge[GAUGE_QUEUED], by, s->world.now_ns);
    tide_step(&r->gauge[GAUGE_QUEUED_GPUS], milli, s->world.now_ns);
    d->queued_milli += (uint64_t)milli;
    s->lines[g->domain].len += (uint32_t)by;
    s->waiting_len += (uint32_t)by;
}

/* ---- lines ---- */

static void line_dirty(struct sched *s, uint32_t domain) {
    if (s->lines[domain].dirty) return;
    s->lines[domain].dirty = true;
    *vec_push(&s->dirty) = domain;
}

static void group_aside(struct sched *s, uint32_t id, enum why why) {
    struct group *g = &s->groups.at[id];
    if (g->aside && g->why == WHY_QUOTA) s->quota_waiting[g->tenant]--;
    if (why == WHY_QUOTA) s->quota_waiting[g->tenant]++;
    why_change(s, g, why);
    if (g->aside) return;
    g->aside = true;
    *vec_push(&s->lines[g->domain].aside) = id;
    evq_cancel(&s->lines[g->domain].ready, id);
}

enum wake { WAKE_FREED, WAKE_ALL, WAKE_QUOTA };

/* Puts groups back in line: those that what was freed may help; all of them; or a tenant's at its quota. */
static void line_wake(struct sched *s, uint32_t domain, enum wake wake, uint32_t tenant) {
    struct line *l = &s->lines[domain];
    const uint64_t free_milli = s->world.fleet.domains[domain].free_milli;
    size_t kept = 0;
    for (size_t i = 0; i < l->aside.len; i++) {
        const uint32_t id = l->aside.at[i];
        struct group *g = &s->groups.at[id];
        bool back = g->why != WHY_QUOTA;
        if (wake == WAKE_QUOTA) back = g->why == WHY_QUOTA && g->tenant == tenant;
        if (wake == WAKE_FREED && back && !s->order->preemptive && g->why == WHY_CAPACITY)
            back = shape_gpu_milli(group_shape(s, g)) <= free_milli;
        if (!back) {
            l->aside.at[kept++] = id;
            continue;
        }
        if (g->why == WHY_QUOTA) s->quota_waiting[g->tenant]--;
        g->aside = false;
        group_requeue(s, id);
    }
    l->aside.len = kept;
    line_dirty(s, domain);
}

static void join_line(struct sched *s, uint32_t id, uint32_t job) {
    struct group *g = &s->groups.at[id];
    struct line *l = &s->lines[g->domain];
    const uint64_t key = sched_key(s, job);
    group_push(s, id, job, key);
    if (g->len == 1 && !g->aside)
        why_change(s, g, s->setup->policy.round_ns && !l->blocked ? WHY_POLICY : WHY_HEAD);
    why_count(s, g, job, 1);
    queue_count(s, g, 1);
    const bool better = l->front != JOB_NONE &&
                        (s->by_tenant || evq_pack(key, job, 0) < evq_pack(l->front_key, l->front, 0));
    if (better) {
        front_clear(s, l);
        line_wake(s, g->domain, WAKE_ALL, 0);
    } else if (g->aside && g->why == WHY_POLICY && s->backfill->needs_search) {
        line_wake(s, g->domain, WAKE_ALL, 0); /* it may be short enough where its fellows are not */
    }
    if (!g->aside && (!evq_has(&l->ready, id) || evq_pack(key, job, id) < evq_of(&l->ready, id)))
        evq_move(&l->ready, evq_pack(key, job, id));
    /* Where nothing could start anyway the pass is for nodes to be woken for the job. */
    if ((!l->blocked && !g->aside) || (s->iron && iron_wakes(s->iron, g->domain))) line_dirty(s, g->domain);
    if (s->backfill->arrived) {
        s->backfill->arrived(s->backfill_state, s, g->domain, job);
        line_dirty(s, g->domain);
    }
}

/* The job is about to start. */
static void leave_line(struct sched *s, uint32_t id, uint32_t job) {
    struct line *l = &s->lines[s->groups.at[id].domain];
    if (l->front == job && l->front_apart) { /* its waiting was attributed apart already */
        front_settle(s, l);
        l->front = JOB_NONE;
        l->front_apart = l->blocked = false;
    } else {
        if (l->front == job) front_clear(s, l);
        why_count(s, &s->groups.at[id], job, -1);
    }
    group_take(s, id, job);
    queue_count(s, &s->groups.at[id], -1);
    group_requeue(s, id);
}

/* ---- what a running job costs ---- */

static uint32_t take_pool(const struct sched *s, const struct take *t) { return s->world.fleet.nodes[t->node].pool; }

/* The take's part of its node goes by GPUs, or by cores on a node without GPUs. level: power cap, as a share of a
 * GPU's peak. */
static struct rate take_rate(const struct sched *s, const struct shape *shape, const struct take *t, float u,
                             double level) {
    const uint32_t pool = take_pool(s, t), milli = take_gpu_milli(shape, t);
    const struct pool_setup *p = &s->setup->pools[pool];
    const struct pool_account *a = &s->ledger.pools[pool];
    const double share = a->share_per_milli * (p->gpus ? milli : take_part(shape->cpu_milli, shape, t));
    struct rate r = {.static_watts = share * a->node_static_w, .usd_per_ns = share * a->node_usd_per_ns,
                     .embodied_g_per_ns = share * p->embodied_g_per_node_h / 3.6e12, .speed = 1};
    r.watts = r.static_watts;
    if (milli) {
        const struct power_model *power = (const struct power_model *)(const void *)p->power.model;
        double busy_w = a->busy_w_per_milli * power->share(p->power.params, (double)u);
        if (level < 1 && busy_w * 1000 + p->gpu_idle_w > level * p->gpu_peak_w) {
            const double capped_w = (level * p->gpu_peak_w - p->gpu_idle_w) / 1000;
            busy_w = capped_w > 0 ? capped_w : 0;
            r.speed = caps_speed(s, level);
        }
        r.watts += milli * busy_w;
    }
    return r;
}

static double cap_level(const struct sched *s, uint32_t domain) {
    return s->caps ? caps_level(s, s->world.fleet.domains[domain].region) : 1;
}

/* Of all takes together; a gang is as slow as its slowest part. */
static struct rate takes_rate(const struct sched *s, const struct shape *shape, uint32_t takes, float u,
                              double level) {
    struct rate sum = take_rate(s, shape, &s->takes.at[takes], u, level);
    for (uint32_t t = s->takes.at[takes].next; t != FLEET_NONE; t = s->takes.at[t].next) {
        const struct rate rate = take_rate(s, shape, &s->takes.at[t], u, level);
        sum.static_watts += rate.static_watts;
        sum.watts += rate.watts;
        sum.usd_per_ns += rate.usd_per_ns;
        sum.embodied_g_per_ns += rate.embodied_g_per_ns;
        if (rate.speed < sum.speed) sum.speed = rate.speed;
    }
    return sum;
}

struct rate sched_rate_at(const struct sched *s, uint32_t id, double level) {
    const struct slot *slot = &s->slots.at[id];
    const struct job *j = &s->world.jobs.at[slot->job];
    return takes_rate(s, world_shape(&s->world, slot->job), slot->takes, j->utilisation, level);
}

/* A span of time for which a running job is charged: flows gone by, length, and the part of it at work. */
struct span {
    struct flow flow;
    double ns, useful_ns, overhead_ns;
};

static struct bill bill_for(const struct rate *r, double milli, double u, const struct span *span) {
    return (struct bill){
        .energy = {r->watts * span->flow.pue_s, r->watts * span->flow.usd, r->watts * span->flow.g},
        .capacity_usd = r->usd_per_ns * span->ns, .used = milli * u * span->ns, .useful = milli * u * span->useful_ns};
}

static void bill_add(struct bill *to, const struct bill *by) {
    to->energy.j += by->energy.j;
    to->energy.usd += by->energy.usd;
    to->energy.g += by->energy.g;
    to->capacity_usd += by->capacity_usd;
    to->used += by->used;
    to->useful += by->useful;
}

static void charge_job(struct job_result *jr, const struct bill *by) {
    jr->energy_j += by->energy.j;
    jr->energy_usd += by->energy.usd;
    jr->co2_g += by->energy.g;
    jr->capacity_usd += by->capacity_usd;
}

/* The parts of a span at work and at overhead, from what the job has done in it. Whole nanoseconds throughout, so
 * that a job without overhead has exactly none. */
static void work_span(struct sched *s, const struct slot *slot, struct span *span) {
    struct work *w = &s->works.at[slot - s->slots.at];
    const int64_t now = s->world.now_ns, done = work_done(w, now);
    const int64_t wall = work_wall(w, now), paused = work_paused(w, now);
    const int64_t worked = wall - w->seen_wall_ns - (paused - w->seen_paused_ns);
    span->useful_ns = (double)(done - w->settled_ns);
    span->overhead_ns = span->ns - (double)worked;
    double checkpoint = (double)(paused - w->seen_paused_ns);
    if (w->restore_ns && now >= slot->work_from_ns) {
        checkpoint += (double)w->restore_ns;
        w->restore_ns = 0;
    }
    if (s->ledger.open) {
        struct account *a = &s->groups.at[slot->group].account;
        a->checkpoint += slot->gpu_milli * checkpoint;
        a->stalled += slot->gpu_milli * (double)worked * w->stall;
    }
    w->settled_ns = done;
    w->seen_wall_ns = wall;
    w->seen_paused_ns = paused;
}

/* What the job was charged since it started, to know the share of work that is lost. */
static void work_charge(struct sched *s, const struct slot *slot, const struct bill *bill, const struct span *span) {
    struct work *w = &s->works.at[slot - s->slots.at];
    w->energy.j += bill->energy.j;
    w->energy.usd += bill->energy.usd;
    w->energy.g += bill->energy.g;
    w->capacity_usd += bill->capacity_usd;
    w->ns += span->ns;
    w->useful_ns += span->useful_ns;
}

/* Charges a running job, and the pools it runs in, for the time since it was charged last. */
static void slot_settle(struct sched *s, struct slot *slot) {
    const int64_t now = s->world.now_ns, from = slot->settled_ns;
    struct region_account *r = &s->ledger.regions[s->world.fleet.domains[slot->domain].region];
    region_advance(r, now);
    const int64_t useful_from = slot->work_from_ns > from ? slot->work_from_ns : from;
    struct span span = {
        .flow = {r->now.pue_s - slot->settled.pue_s, r->now.usd - slot->settled.usd, r->now.g - slot->settled.g},
        .ns = (double)(now - from), .useful_ns = now > useful_from ? (double)(now - useful_from) : 0};
    span.overhead_ns = span.ns - span.useful_ns;
    if (s->working) work_span(s, slot, &span);
    slot->settled = r->now;
    slot->settled_ns = now;
    if (!s->ledger.open || now == from) return;
    const float u = s->world.jobs.at[slot->job].utilisation;
    struct account *a = &s->groups.at[slot->group].account;
    const struct bill bill = bill_for(&slot->rate, slot->gpu_milli, (double)u, &span);
    bill_add(&a->bill, &bill);
    a->held += (wide)slot->gpu_milli * (now - from);
    a->overhead += slot->gpu_milli * span.overhead_ns;
    if (s->working) work_charge(s, slot, &bill, &span);
    if (s->embodies) a->embodied_g += slot->rate.embodied_g_per_ns * span.ns;
    if (s->job_results) charge_job(&s->job_results[slot->job], &bill);
    if (sched_is_replica(s, slot->job)) services_charge(s->services, slot->job, &bill, span.ns);
    if (slot->pool != FLEET_NONE) {
        bill_add(&s->ledger.pools[slot->pool].bill, &bill);
        s->ledger.pools[slot->pool].embodied_g += slot->rate.embodied_g_per_ns * span.ns;
        return;
    }
    const struct shape *shape = group_shape(s, &s->groups.at[slot->group]);
    const double level = cap_level(s, slot->domain);
    for (uint32_t t = slot->takes; t != FLEET_NONE; t = s->takes.at[t].next) {
        const struct take *take = &s->takes.at[t];
        const struct rate rate = take_rate(s, shape, take, u, level);
        const struct bill part = bill_for(&rate, take_gpu_milli(shape, take), (double)u, &span);
        bill_add(&s->ledger.pools[take_pool(s, take)].bill, &part);
        s->ledger.pools[take_pool(s, take)].embodied_g += rate.embodied_g_per_ns * span.ns;
    }
}

void sched_settle_running(struct sched *s) {
    for (uint32_t i = 0; i < s->slots.len; i++)
        if (s->slots.at[i].job != JOB_NONE) slot_settle(s, &s->slots.at[i]);
}

void sched_settle_waiting(struct sched *s) {
    for (uint32_t i = 0; i < s->world.fleet.domains_len; i++)
        if (s->lines[i].front_apart) front_settle(s, &s->lines[i]);
    for (size_t i = 0; i < s->groups.len; i++) why_settle(s, &s->groups.at[i]);
}

void sched_settle_slot(struct sched *s, uint32_t id) { slot_settle(s, &s->slots.at[id]); }

static void pool_count(struct sched *s, uint32_t pool, double static_watts, uint32_t milli, int by) {
    struct pool_account *a = &s->ledger.pools[pool];
    pool_settle(&s->ledger, pool, s->world.now_ns);
    a->idle_w -= by * static_watts;
    tide_step(&a->holds, by * (int64_t)milli, s->world.now_ns);
}

/* Adds (by 1) or takes back (by -1) what a job draws and holds from gauges, pools and its tenant. */
__attribute__((always_inline)) static inline void slot_count(struct sched *s, const struct slot *slot, int by) {
    const struct group *g = &s->groups.at[slot->group];
    const struct shape *shape = group_shape(s, g);
    const float u = s->world.jobs.at[slot->job].utilisation;
    struct region_account *r = &s->ledger.regions[s->world.fleet.domains[slot->domain].region];
    region_settle(r, s->world.now_ns);
    r->it_w += by * (slot->rate.watts - slot->rate.static_watts);
    r->used_milli += by * (double)slot->gpu_milli * (double)u;
    tide_step(&r->gauge[GAUGE_HELD], by * (int64_t)slot->gpu_milli, s->world.now_ns);
    tide_step(&r->gauge[GAUGE_RUNNING], by, s->world.now_ns);
    if (slot->pool != FLEET_NONE) {
        pool_count(s, slot->pool, slot->rate.static_watts, slot->gpu_milli, by);
    } else {
        for (uint32_t t = slot->takes; t != FLEET_NONE; t = s->takes.at[t].next) {
            const struct take *take = &s->takes.at[t];
            const struct rate rate = take_rate(s, shape, take, u, 1); /* static watts know no cap */
            pool_count(s, take_pool(s, take), rate.static_watts, take_gpu_milli(shape, take), by);
        }
    }
    struct holding *h = &s->world.tenants[g->tenant];
    h->gpu_milli += (uint64_t)((int64_t)by * slot->gpu_milli);
    h->cpu_milli += (uint64_t)((int64_t)by * shape->cpu_milli);
    h->mem_mib += (uint64_t)((int64_t)by * shape->mem_mib);
    s->running_len += (uint32_t)by;
}

/* ---- starts and stops ---- */

/* Fewer GPUs are free than it asks for. */
static bool too_large(const struct sched *s, uint32_t domain, const struct shape *shape) {
    return s->world.fleet.domains[domain].free_milli < shape_gpu_milli(shape);
}

static void fragment_note(struct sched *s, uint32_t domain, double before) {
    const struct domain *d = &s->world.fleet.domains[domain];
    if (d->fragmented_milli == before) return;
    struct region_account *r = &s->ledger.regions[d->region];
    region_settle(r, s->world.now_ns);
    r->fragmented_milli += d->fragmented_milli - before;
}

/* The group's markets are tried in their order. */
static uint32_t place_in_markets(struct sched *s, const struct group *g) {
    const uint64_t *models;
    const size_t sets = hold_sets(s, g->market, &models);
    struct shape shape = *group_shape(s, g);
    const uint64_t accepted = shape.models;
    for (size_t i = 0; i < sets; i++) {
        shape.models = accepted & models[i];
        if (shape.models == 0) continue;
        const uint32_t takes =
            place_job(&s->world, &s->takes, s->place, s->place_state, g->domain, &shape, s->setup->policy.scatter);
        if (takes != FLEET_NONE) return takes;
    }
    return FLEET_NONE;
}

static uint32_t place_now(struct sched *s, const struct group *g) {
    const double before = s->world.fleet.domains[g->domain].fragmented_milli;
    const uint32_t takes = s->hold && g->market ? place_in_markets(s, g)
                                   : place_job(&s->world, &s->takes, s->place, s->place_state, g->domain,
                                               group_shape(s, g), s->setup->policy.scatter);
    if (takes != FLEET_NONE) fragment_note(s, g->domain, before);
    return takes;
}

static void takes_release(struct sched *s, uint32_t domain, const struct shape *shape, uint32_t first) {
    const double before = s->world.fleet.domains[domain].fragmented_milli;
    for (uint32_t t = first; t != FLEET_NONE; t = s->takes.at[t].next)
        fleet_release(&s->world.fleet, shape, &s->takes.at[t]);
    fragment_note(s, domain, before);
}

/* All takes of the chain again, or none. */
static bool takes_reclaim(struct sched *s, uint32_t domain, const struct shape *shape, uint32_t first) {
    const double before = s->world.fleet.domains[domain].fragmented_milli;
    uint32_t t = first;
    while (t != FLEET_NONE && fleet_reclaim(&s->world.fleet, shape, &s->takes.at[t])) t = s->takes.at[t].next;
    for (uint32_t undo = first; t != FLEET_NONE && undo != t; undo = s->takes.at[undo].next)
        fleet_release(&s->world.fleet, shape, &s->takes.at[undo]);
    fragment_note(s, domain, before);
    return t == FLEET_NONE;
}

/* What a job that has run before owes before its work goes on. */
static int64_t restart_cost(const struct sched *s, uint32_t job) {
    const struct shape *shape = world_shape(&s->world, job);
    const int owes = s->job_state ? s->job_state[job] & JOB_OWES : JOB_OWES_RESTART;
    if (owes == JOB_OWES_RESUME) return s->setup->policy.resume_ns;
    if (owes == JOB_OWES_RESTORE) return s->setup->policy.checkpoint.restore_ns;
    return s->setup->policy.restart_ns[shape->gpus <= 1 ? 0 : shape->gpus <= 8 ? 1 : 2];
}

/* Enters the slot's next event and its place among the running. */
static void slot_schedule(struct sched *s, uint32_t id) {
    struct slot *slot = &s->slots.at[id];
    int64_t when = s->working ? work_moment(s, id, slot->end_ns) : slot->end_ns;
    if (s->order->preemptive) {
        int64_t changes_ns = TICK_NEVER;
        slot->running_key = s->order->running_key(s->order_state, &s->world, slot->job, &changes_ns);
        tree_insert(&s->running, &s->lines[slot->domain].running, ~slot->running_key, id, slot->gpu_milli);
        /* While it restarts it makes no progress: its key is taken anew when work begins. */
        if (s->order->drift && slot->work_from_ns > s->world.now_ns && slot->work_from_ns < changes_ns)
            changes_ns = slot->work_from_ns;
        if (changes_ns < when) when = changes_ns;
    }
    evq_push(&s->events, evq_pack((uint64_t)when, slot->job, first_slot_event(s) + id));
}

/* Of all it holds together. Without a cap it follows from pool, shape and utilisation alone, and need not be worked
 * out again for a job like the one before. */
static struct rate slot_rate(struct sched *s, const struct slot *slot) {
    struct group *g = &s->groups.at[slot->group];
    const float u = s->world.jobs.at[slot->job].utilisation;
    const bool alike = slot->pool != FLEET_NONE && s->caps == NULL && !s->speeds;
    if (alike && slot->pool == g->rate_pool && u == g->rate_utilisation) return g->rate;
    struct rate rate = takes_rate(s, group_shape(s, g), slot->takes, u, cap_level(s, slot->domain));
    double stall;
    if (s->speeds) rate.speed *= work_pace(s, slot, &stall);
    if (alike) {
        g->rate = rate;
        g->rate_pool = slot->pool;
        g->rate_utilisation = u;
    }
    return rate;
}

/* The slot's job runs from now on; what it holds is counted already. */
static void slot_begin(struct sched *s, uint32_t id) {
    struct slot *slot = &s->slots.at[id];
    struct job *j = &s->world.jobs.at[slot->job];
    const int64_t now = s->world.now_ns;
    const bool again = j->start_ns != JOB_NOT_YET;
    if (!again) j->start_ns = now;
    if (s->job_results) {
        s->job_results[slot->job].held_ns -= now;
        if (!again) s->job_results[slot->job].first_node = s->takes.at[slot->takes].node;
        s->job_results[slot->job].bought = s->setup->pools[take_pool(s, &s->takes.at[slot->takes])].bought;
    }
    slot->work_from_ns = now + s->setup->policy.round_cost_ns;
    if (sched_is_replica(s, slot->job)) slot->work_from_ns = now + services_cold_start_ns(s->services, slot->job);
    else if (again) slot->work_from_ns += restart_cost(s, slot->job);
    slot->end_ns = slot->work_from_ns + j->left_ns;
    slot->expected_ns = slot->work_from_ns + (j->estimate_ns - (j->run_ns - j->left_ns));
    if (s->working) {
        work_begin(s, id);
        if (s->speeds) {
            slot->expected_ns = work_expected(s, id);
            (void)work_pace(s, slot, &s->works.at[id].stall);
        }
        if (again && (s->job_state[slot->job] & JOB_OWES) == JOB_OWES_RESTORE)
            s->works.at[id].restore_ns = s->setup->policy.checkpoint.restore_ns;
        if (s->hold) hold_started(s, id);
    }
    if (s->backfill->needs_ends)
        tree_insert(&s->ends, &s->lines[slot->domain].ends, order_key_i64(slot->expected_ns), id, slot->gpu_milli);
    slot_schedule(s, id);
    s->placements++;
    if (sched_is_replica(s, slot->job)) services_started(s, id);
}

static void job_begin(struct sched *s, uint32_t job, uint32_t takes) {
    const struct shape *shape = world_shape(&s->world, job);
    uint32_t id = s->unused_slot;
    if (id != SCHED_NONE) {
        s->unused_slot = s->slots.at[id].next_unused;
    } else {
        id = (uint32_t)s->slots.len;
        (void)vec_push(&s->slots);
    }
    struct slot *slot = &s->slots.at[id];
    const uint32_t group = s->group_of[job];
    *slot = (struct slot){.job = job, .group = group, .domain = s->groups.at[group].domain, .takes = takes,
                          .gpu_milli = shape_gpu_milli(shape), .settled_ns = s->world.now_ns};
    slot->pool = s->takes.at[takes].next == FLEET_NONE ? take_pool(s, &s->takes.at[takes]) : FLEET_NONE;
    slot->rate = slot_rate(s, slot);
    slot_count(s, slot, 1);
    slot->settled = s->ledger.regions[s->world.fleet.domains[slot->domain].region].now;
    if (s->caps) caps_count(s, id, 1);
    if (s->iron) iron_placed(s, id, takes);
    slot_begin(s, id);
}

/* Brings left_ns up to now. */
static void slot_progress(struct sched *s, struct slot *slot) {
    const int64_t now = s->world.now_ns;
    if (s->working) {
        struct work *w = &s->works.at[slot - s->slots.at];
        const int64_t done = work_done(w, now);
        slot_settle(s, slot);
        work_change(s, (uint32_t)(slot - s->slots.at), w->speed);
        work_rebase(w, done);
        s->world.jobs.at[slot->job].left_ns -= done;
        return;
    }
    if (now <= slot->work_from_ns) return;
    s->world.jobs.at[slot->job].left_ns -= now - slot->work_from_ns;
    slot_settle(s, slot);
    slot->work_from_ns = now;
}

/* The job holds nothing from now on; its devices are freed unless the caller did so already. */
static void job_stop(struct sched *s, uint32_t id, bool release) {
    struct slot *slot = &s->slots.at[id];
    struct line *l = &s->lines[slot->domain];
    const struct shape *shape = world_shape(&s->world, slot->job);
    slot_settle(s, slot);
    if (s->job_results) s->job_results[slot->job].held_ns += s->world.now_ns;
    if (s->iron) iron_released(s, slot->takes);
    if (s->caps) caps_count(s, id, -1);
    slot_count(s, slot, -1);
    if (s->backfill->needs_ends) tree_remove(&s->ends, &l->ends, order_key_i64(slot->expected_ns), id);
    if (s->order->preemptive) tree_remove(&s->running, &l->running, ~slot->running_key, id);
    if (release) takes_release(s, slot->domain, shape, slot->takes);
    takes_drop(&s->takes, slot->takes);
    const struct group *g = &s->groups.at[slot->group];
    if (s->quota_waiting[g->tenant])
        for (uint32_t d = 0; d < s->world.fleet.domains_len; d++) line_wake(s, d, WAKE_QUOTA, g->tenant);
    if (l->len > 0 || !s->skips_line) { /* else a pass would have nothing to do */
        l->freed = true;
        line_dirty(s, slot->domain);
    }
    slot->job = JOB_NONE;
    slot->next_unused = s->unused_slot;
    s->unused_slot = id;
}

/* Stops a job that is not done, gives back what it holds, and remembers what it owes. */
static void job_break(struct sched *s, uint32_t id, int owes) {
    const uint32_t job = s->slots.at[id].job;
    evq_cancel(&s->events, first_slot_event(s) + id);
    job_stop(s, id, true);
    s->job_state[job] = (uint8_t)((s->job_state[job] & ~JOB_OWES) | owes);
}

/* Of what the job was charged since it started, the part that belongs to `lost_ns` of work goes to losses; `saved_ns`
 * of it went into the checkpoint that was written in time. */
static void charge_loss(struct sched *s, const struct slot *slot, int64_t lost_ns, int64_t saved_ns) {
    const struct work *w = &s->works.at[slot - s->slots.at];
    struct account *a = &s->groups.at[slot->group].account;
    const double milli = slot->gpu_milli * (double)s->world.jobs.at[slot->job].utilisation;
    const double lost = fmin((double)lost_ns, w->useful_ns), saved = fmin((double)saved_ns, w->useful_ns - lost);
    if (!s->ledger.open) return;
    if (s->job_results) s->job_results[slot->job].lost_ns += lost_ns;
    a->bill.useful -= milli * (lost + saved);
    a->overhead += slot->gpu_milli * saved;
    a->lost += milli * lost;
    if (slot->pool != FLEET_NONE) {
        s->ledger.pools[slot->pool].bill.useful -= milli * (lost + saved);
    } else {
        const struct shape *shape = world_shape(&s->world, slot->job);
        for (uint32_t t = slot->takes; t != FLEET_NONE; t = s->takes.at[t].next)
            s->ledger.pools[take_pool(s, &s->takes.at[t])].bill.useful -=
                milli / slot->gpu_milli * take_gpu_milli(shape, &s->takes.at[t]) * (lost + saved);
    }
    if (w->ns <= 0) return;
    const double share = lost / w->speed / w->ns;
    a->lost_energy.j += w->energy.j * share;
    a->lost_energy.usd += w->energy.usd * share;
    a->lost_energy.g += w->energy.g * share;
    a->lost_capacity_usd += w->capacity_usd * share;
}

void sched_interrupt(struct sched *s, uint32_t id, enum interrupt cause) {
    struct slot *slot = &s->slots.at[id];
    const int64_t now = s->world.now_ns;
    const uint32_t job = slot->job;
    slot_settle(s, slot);
    const struct work *w = &s->works.at[id];
    const int64_t done = work_done(w, now);
    const bool replica = sched_is_replica(s, job); /* nothing of a service is lost but requests under way */
    const int64_t safe = replica ? done : work_safe(w, now);
    int64_t kept = safe;
    const bool drained = cause == INTERRUPT_DRAIN || cause == INTERRUPT_WARNED;
    if (drained) { /* the last of its time went into a checkpoint */
        const int64_t write = s->setup->policy.checkpoint.write_ns;
        const int64_t at_write = work_done(w, now - write > w->mark_ns ? now - write : w->mark_ns);
        if (at_write > safe) kept = at_write;
    }
    charge_loss(s, slot, drained ? 0 : done - kept, drained ? done - kept : 0);
    struct account *a = &s->groups.at[slot->group].account;
    a->failures += cause == INTERRUPT_FAILURE;
    a->evictions += cause == INTERRUPT_EVICTION || cause == INTERRUPT_WARNED;
    if (s->job_results) s->job_results[job].failures += cause != INTERRUPT_DRAIN;
    s->world.jobs.at[job].left_ns -= kept;
    const uint32_t group = slot->group;
    if (replica) services_stopped(s, id);
    job_break(s, id, JOB_OWES_RESTORE);
    if (replica) sched_join(s, s->groups.at[group].domain, job);
    else if (s->hold) hold_again(s, job, false);
    else join_line(s, group, job);
}

void sched_release(struct sched *s, uint32_t id) {
    s->lines[s->slots.at[id].domain].ended_early = true;
    evq_cancel(&s->events, first_slot_event(s) + id);
    job_stop(s, id, true);
}

/* Shifting stops the job for a better hour. */
static void suspend(struct sched *s, uint32_t id) {
    const uint32_t job = s->slots.at[id].job;
    slot_progress(s, &s->slots.at[id]);
    s->groups.at[s->slots.at[id].group].account.suspensions++;
    if (s->job_results) s->job_results[job].suspensions++;
    job_break(s, id, JOB_OWES_RESUME);
    hold_again(s, job, true);
}

void sched_rerate(struct sched *s, uint32_t id) {
    struct slot *slot = &s->slots.at[id];
    slot_settle(s, slot);
    slot_count(s, slot, -1);
    slot->rate = slot_rate(s, slot);
    slot_count(s, slot, 1);
    if (!s->working) return;
    struct line *l = &s->lines[slot->domain];
    work_change(s, id, slot->rate.speed);
    if (s->backfill->needs_ends) tree_remove(&s->ends, &l->ends, order_key_i64(slot->expected_ns), id);
    slot->expected_ns = work_expected(s, id);
    if (s->backfill->needs_ends)
        tree_insert(&s->ends, &l->ends, order_key_i64(slot->expected_ns), id, slot->gpu_milli);
    if (s->order->preemptive) tree_remove(&s->running, &l->running, ~slot->running_key, id);
    evq_cancel(&s->events, first_slot_event(s) + id);
    slot_schedule(s, id);
}

void sched_pool_price(struct sched *s, uint32_t pool, double usd_per_node_ns) {
    if (s->ledger.pools[pool].node_usd_per_ns == usd_per_node_ns) return;
    for (uint32_t id = 0; id < s->slots.len; id++)
        if (s->slots.at[id].job != JOB_NONE) slot_settle(s, &s->slots.at[id]); /* several pools may hold parts of it */
    s->ledger.pools[pool].node_usd_per_ns = usd_per_node_ns;
    for (size_t g = 0; g < s->groups.len; g++) s->groups.at[g].rate_pool = FLEET_NONE; /* remembered at the old price */
    for (uint32_t id = 0; id < s->slots.len; id++) {
        struct slot *slot = &s->slots.at[id];
        if (slot->job == JOB_NONE || (slot->pool != FLEET_NONE && slot->pool != pool)) continue;
        slot->rate = slot_rate(s, slot);
    }
}

void sched_capacity(struct sched *s, uint32_t domain) {
    s->lines[domain].freed = true;
    line_dirty(s, domain);
}

/* The commonest event of a full fleet: a job ends, and the head of the line asks for the same. The head did not
 * fit, and nothing else was freed: any placement would come to the place just left, so the head takes over the slot
 * with all it holds, and of the many sums only what differs between the two jobs changes. (Not gangs, whose parts
 * may be dealt out in another order; and where devices are shared and others free, not the same device.)
 * `alone`: nothing else happens at this instant, so nobody comes before the head, and nobody sees the fleet
 * between the two jobs. */
static bool hand_over(struct sched *s, uint32_t id, bool alone) {
    struct slot *slot = &s->slots.at[id];
    const struct line *l = &s->lines[slot->domain];
    const uint32_t ended = slot->job, job = l->front;
    if (!alone || !s->hands_over || !l->front_apart || s->group_of[job] != slot->group || slot->pool == FLEET_NONE)
        return false;
    if (s->world.fleet.shares && s->world.fleet.domains[slot->domain].free_milli > 0) return false;
    slot_settle(s, slot);
    if (s->job_results) s->job_results[ended].held_ns += s->world.now_ns;
    leave_line(s, slot->group, job);
    const bool alike = s->world.jobs.at[ended].utilisation == s->world.jobs.at[job].utilisation;
    if (!alike) slot_count(s, slot, -1);
    slot->job = job;
    if (!alike) {
        slot->rate = slot_rate(s, slot);
        slot_count(s, slot, 1);
    }
    slot_begin(s, id);
    /* The next head's turn. Where too little is free for it, what a pass would come to is known. */
    const uint32_t next = evq_empty(&l->ready) ? JOB_NONE : evq_seq(evq_top(&l->ready));
    if (next != JOB_NONE && too_large(s, slot->domain, world_shape(&s->world, next))) {
        sched_block(s, next, WHY_CAPACITY);
        s->passes++;
    } else {
        line_dirty(s, slot->domain);
    }
    return true;
}

/* ---- preemption ---- */

static bool worse_than(const struct sched *s, const struct slot *slot, uint64_t key) {
    const uint64_t now = s->order->drift ? (uint64_t)s->world.now_ns : 0;
    return key < slot->running_key - now;
}

uint64_t sched_free_milli(const struct sched *s, uint32_t domain, uint64_t models) {
    const struct domain *d = &s->world.fleet.domains[domain];
    if ((d->models & models) == d->models) return d->free_milli;
    uint64_t sum = 0;
    for (uint32_t m = 0; m < s->world.fleet.models.len; m++)
        if (models >> m & 1) sum += d->model_free_milli[m];
    return sum;
}

static bool slot_accepted(const struct sched *s, const struct slot *slot, uint64_t models) {
    const struct domain *d = &s->world.fleet.domains[slot->domain];
    if ((d->models & models) == d->models) return true;
    const struct node *n = &s->world.fleet.nodes[s->takes.at[slot->takes].node];
    return (s->world.fleet.type_accept[s->world.fleet.classes.at[n->class_id].type] & models) != 0;
}

/* Stops running jobs with worse keys, worst first, until the job fits; those whose devices it did not need
 * after all go on, best first. FLEET_NONE, and nothing changed, when even that does not help. */
static uint32_t preempt_for(struct sched *s, uint32_t domain, uint32_t job, uint64_t key) {
    struct line *l = &s->lines[domain];
    const struct shape *shape = world_shape(&s->world, job);
    const int64_t need = (int64_t)shape_gpu_milli(shape);
    int64_t have = (int64_t)sched_free_milli(s, domain, shape->models), reached;
    const uint32_t last = need > have ? tree_reach(&s->running, l->running, need - have, &reached)
                                      : tree_first(&s->running, l->running);
    if (last == TREE_NONE || !worse_than(s, &s->slots.at[last], key)) return FLEET_NONE;
    uint32_t takes = FLEET_NONE;
    s->victims.len = 0;
    for (uint32_t id = tree_first(&s->running, l->running); id != TREE_NONE && takes == FLEET_NONE;
         id = tree_after(&s->running, l->running, s->running.at[id].key, id)) {
        const struct slot *slot = &s->slots.at[id];
        if (!worse_than(s, slot, key)) break;
        if (!slot_accepted(s, slot, shape->models)) continue;
        takes_release(s, domain, world_shape(&s->world, slot->job), slot->takes);
        *vec_push(&s->victims) = id;
        have += slot->gpu_milli;
        if (have >= need) takes = place_now(s, &s->groups.at[s->group_of[job]]);
    }
    size_t kept = 0;
    for (size_t i = s->victims.len; i-- > 0;) {
        const struct slot *slot = &s->slots.at[s->victims.at[i]];
        const bool stays = takes_reclaim(s, domain, world_shape(&s->world, slot->job), slot->takes);
        require(stays || takes != FLEET_NONE);
        if (stays) s->victims.at[i] = SCHED_NONE;
    }
    for (size_t i = 0; i < s->victims.len; i++)
        if (s->victims.at[i] != SCHED_NONE) s->victims.at[kept++] = s->victims.at[i];
    s->victims.len = kept;
    return takes;
}

static void suspend_victims(struct sched *s) {
    for (size_t i = 0; i < s->victims.len; i++) {
        const uint32_t id = s->victims.at[i];
        struct slot *slot = &s->slots.at[id];
        const uint32_t job = slot->job, group = slot->group;
        slot_settle(s, slot);
        slot_progress(s, slot);
        s->groups.at[group].account.preemptions++;
        if (s->job_results) s->job_results[job].preemptions++;
        if (sched_is_replica(s, job)) services_stopped(s, id);
        evq_cancel(&s->events, first_slot_event(s) + id);
        job_stop(s, id, false);
        join_line(s, group, job);
    }
    s->victims.len = 0;
}

/* ---- the calls of a pass ---- */

static bool quota_allows(const struct sched *s, const struct group *g) {
    const struct holding *h = &s->world.tenants[g->tenant];
    return h->quota_kind != QUOTA_HARD || h->gpu_milli + shape_gpu_milli(group_shape(s, g)) <= h->quota_milli;
}

/* Across tenants: those inside their entitlement first, then by the order's tenant key, then as usual. */
static uint32_t next_by_tenant(struct sched *s, uint32_t domain) {
    const struct line *l = &s->lines[domain];
    uint32_t best = SCHED_NONE;
    bool best_over = false;
    double best_rank = 0;
    evq_key best_key = 0;
    for (size_t i = 0; i < l->groups.len; i++) {
        const uint32_t id = l->groups.at[i];
        const struct group *g = &s->groups.at[id];
        if (!evq_has(&l->ready, id)) continue;
        const struct holding *h = &s->world.tenants[g->tenant];
        const bool over = h->quota_kind == QUOTA_BORROW &&
                          h->gpu_milli + shape_gpu_milli(group_shape(s, g)) > h->quota_milli;
        const double rank = s->order->tenant_key ? s->order->tenant_key(s->order_state, &s->world, g->tenant) : 0;
        const evq_key key = evq_of(&l->ready, id);
        if (best == SCHED_NONE || over < best_over ||
            (over == best_over && (rank < best_rank || (rank <= best_rank && key < best_key)))) {
            best = id;
            best_over = over;
            best_rank = rank;
            best_key = key;
        }
    }
    return best;
}

uint32_t sched_next(struct sched *s, uint32_t domain) {
    struct line *l = &s->lines[domain];
    while (!evq_empty(&l->ready)) {
        const uint32_t id = s->by_tenant ? next_by_tenant(s, domain) : evq_handle(evq_top(&l->ready));
        const uint32_t job = evq_seq(evq_of(&l->ready, id));
        if (quota_allows(s, &s->groups.at[id])) return job;
        if (l->front == job) front_clear(s, l);
        group_aside(s, id, WHY_QUOTA);
    }
    return JOB_NONE;
}

static enum why explain(struct sched *s, uint32_t domain, const struct shape *shape) {
    const struct domain *d = &s->world.fleet.domains[domain];
    const uint32_t need = shape_gpu_milli(shape);
    if (need > d->free_milli) return WHY_CAPACITY;
    if (need == 0) return d->cpu_free_milli < shape->cpu_milli ? WHY_CAPACITY : WHY_FRAGMENT;
    if (need > sched_free_milli(s, domain, shape->models)) return WHY_MISMATCH;
    if (shape->cpu_milli || shape->mem_mib) {
        struct shape gpus_only = *shape;
        gpus_only.cpu_milli = gpus_only.mem_mib = 0;
        if (place_would_fit(&s->world, s->place, domain, &gpus_only, s->setup->policy.scatter))
            return WHY_MISMATCH;
    }
    return WHY_FRAGMENT;
}

enum why sched_explain(struct sched *s, uint32_t group) {
    const struct group *g = &s->groups.at[group];
    if (!quota_allows(s, g)) return WHY_QUOTA;
    const struct shape *shape = group_shape(s, g);
    if (place_would_fit(&s->world, s->place, g->domain, shape, s->setup->policy.scatter)) return WHY_POLICY;
    return explain(s, g->domain, shape);
}

/* Whether the region has power for the job, wherever in the domain it runs: by the hungriest of its pools. */
static bool power_allows(struct sched *s, uint32_t domain, uint32_t job) {
    const struct domain *d = &s->world.fleet.domains[domain];
    /* A replica's record has no utilisation: it may draw all its GPUs can. */
    const double u = sched_is_replica(s, job) ? 1 : (double)s->world.jobs.at[job].utilisation;
    double most_w = 0;
    for (size_t i = 0; i < s->setup->pools_len; i++) {
        const struct pool_setup *p = &s->setup->pools[i];
        if (p->region != d->region || p->tenant != d->tenant || p->gpus == 0) continue;
        const struct power_model *power = (const struct power_model *)(const void *)p->power.model;
        const double w = s->ledger.pools[i].busy_w_per_milli * power->share(p->power.params, u);
        if (w > most_w) most_w = w;
    }
    return caps_allow(s, d->region, most_w * shape_gpu_milli(world_shape(&s->world, job)));
}

bool sched_start(struct sched *s, uint32_t job, enum why *why) {
    const uint32_t id = s->group_of[job], domain = s->groups.at[id].domain;
    const struct shape *shape = group_shape(s, &s->groups.at[id]);
    if (s->caps && !power_allows(s, domain, job)) {
        *why = WHY_POWER;
        return false;
    }
    if (!s->order->preemptive && too_large(s, domain, shape)) {
        *why = WHY_CAPACITY;
        return false;
    }
    uint32_t takes = place_now(s, &s->groups.at[id]);
    s->victims.len = 0;
    if (takes == FLEET_NONE && s->order->preemptive)
        takes = preempt_for(s, domain, job, sched_key(s, job));
    if (takes == FLEET_NONE) {
        *why = explain(s, domain, shape);
        return false;
    }
    leave_line(s, id, job);
    job_begin(s, job, takes);
    suspend_victims(s);
    return true;
}

void sched_set_aside(struct sched *s, uint32_t job, enum why why) { group_aside(s, s->group_of[job], why); }
void sched_group_set_aside(struct sched *s, uint32_t group, enum why why) { group_aside(s, group, why); }

void sched_block(struct sched *s, uint32_t job, enum why why) {
    struct group *g = &s->groups.at[s->group_of[job]];
    struct line *l = &s->lines[g->domain];
    if (l->front != job) {
        front_clear(s, l);
        why_count(s, g, job, -1);
        l->front = job;
        l->front_key = sched_key(s, job);
        l->front_apart = true;
    } else {
        front_settle(s, l);
    }
    l->front_since_ns = s->world.now_ns;
    l->front_why = why;
    l->blocked = true;
    if (s->setup->policy.round_ns)
        for (size_t i = 0; i < l->groups.len; i++)
            if (!s->groups.at[l->groups.at[i]].aside) why_change(s, &s->groups.at[l->groups.at[i]], WHY_HEAD);
}

void sched_hold(struct sched *s, uint32_t job, enum why why) {
    const uint32_t id = s->group_of[job];
    struct line *l = &s->lines[s->groups.at[id].domain];
    front_clear(s, l);
    l->front = job;
    l->front_key = sched_key(s, job);
    group_aside(s, id, why);
}

void sched_wake(struct sched *s, uint32_t domain, int64_t t_ns) {
    require(t_ns > s->world.now_ns);
    evq_move(&s->events, evq_pack((uint64_t)t_ns, UINT32_MAX, EVENT_LINES + domain));
}

uint32_t sched_held(const struct sched *s, uint32_t domain) { return s->lines[domain].front; }

static uint32_t list_groups(struct sched *s, uint32_t domain, bool all, const uint32_t **groups) {
    const struct line *l = &s->lines[domain];
    s->scratch.len = 0;
    for (size_t i = 0; i < l->groups.len; i++) {
        const struct group *g = &s->groups.at[l->groups.at[i]];
        if (g->len > 0 && (all || !g->aside)) *vec_push(&s->scratch) = l->groups.at[i];
    }
    *groups = s->scratch.at;
    return (uint32_t)s->scratch.len;
}

uint32_t sched_groups(struct sched *s, uint32_t domain, const uint32_t **groups) {
    return list_groups(s, domain, false, groups);
}

uint32_t sched_groups_waiting(struct sched *s, uint32_t domain, const uint32_t **groups) {
    return list_groups(s, domain, true, groups);
}

uint32_t sched_group_of(const struct sched *s, uint32_t job) { return s->group_of[job]; }

const struct shape *sched_group_shape(const struct sched *s, uint32_t group) {
    return group_shape(s, &s->groups.at[group]);
}

uint32_t sched_group_head(const struct sched *s, uint32_t group) {
    uint64_t key;
    return s->groups.at[group].len ? group_first(s, &s->groups.at[group], &key) : JOB_NONE;
}

uint32_t sched_first_within(const struct sched *s, uint32_t group, int64_t limit_ns) {
    const uint32_t job = tree_first_at_most(&s->waiting, s->groups.at[group].root, limit_ns);
    return job == TREE_NONE ? JOB_NONE : job;
}

/* ---- expected ends ---- */

static int64_t expected_end(const struct sched *s, uint32_t slot) {
    const int64_t end = s->slots.at[slot].expected_ns, now = s->world.now_ns;
    return end > now ? end : now; /* a job past its estimate may end at any moment */
}

void sched_ends(struct sched *s, uint32_t domain,
                void (*visit)(void *context, int64_t end_ns, uint32_t gpu_milli), void *context) {
    const uint32_t root = s->lines[domain].ends;
    for (uint32_t id = tree_first(&s->ends, root); id != TREE_NONE;
         id = tree_after(&s->ends, root, s->ends.at[id].key, id))
        visit(context, expected_end(s, id), s->slots.at[id].gpu_milli);
}

void sched_shadow(struct sched *s, uint32_t domain, uint32_t job, int64_t *shadow_ns, int64_t *extra_milli) {
    const struct shape *shape = world_shape(&s->world, job);
    const struct domain *d = &s->world.fleet.domains[domain];
    const uint32_t root = s->lines[domain].ends;
    const int64_t need = (int64_t)shape_gpu_milli(shape);
    int64_t have = (int64_t)sched_free_milli(s, domain, shape->models);
    *shadow_ns = s->world.now_ns;
    uint32_t id = tree_first(&s->ends, root);
    if ((d->models & shape->models) == d->models && have < need) {
        int64_t sum;
        id = tree_reach(&s->ends, root, need - have, &sum);
        if (id != TREE_NONE) {
            *shadow_ns = expected_end(s, id);
            have += sum;
            id = tree_after(&s->ends, root, s->ends.at[id].key, id);
        }
    }
    for (; id != TREE_NONE; id = tree_after(&s->ends, root, s->ends.at[id].key, id)) {
        const int64_t end = expected_end(s, id);
        if (have >= need && end > *shadow_ns) break; /* all that end at the shadow time count */
        if (!slot_accepted(s, &s->slots.at[id], shape->models)) continue;
        have += s->slots.at[id].gpu_milli;
        *shadow_ns = end;
    }
    *extra_milli = have > need ? have - need : 0;
    if (have < need) *shadow_ns = TICK_NEVER;
}

/* ---- what the loop calls ---- */

bool sched_may(struct sched *s, uint32_t job, uint32_t region) {
    const struct job *j = &s->world.jobs.at[job];
    const uint32_t domain = s->world.domain_of[j->tenant * s->setup->regions_len + region];
    const bool *may = s->world.tenants[j->tenant].may;
    return domain != FLEET_NONE && (may == NULL || may[region]) && world_possible(s, domain, j->shape) &&
           (s->hold == NULL || hold_possible(s, domain, job));
}

uint32_t sched_route(struct sched *s, uint32_t job, const bool *may, const struct route_offer *offers) {
    const size_t regions = s->setup->regions_len;
    if (regions == 1) return 0;
    for (uint32_t r = 0; r < regions; r++) {
        region_advance(&s->ledger.regions[r], s->world.now_ns);
        s->world.price[r] = s->ledger.regions[r].price.value;
        s->world.carbon[r] = s->ledger.regions[r].carbon.value;
        s->world.pue[r] = s->ledger.regions[r].pue.value;
    }
    const uint32_t region = offers ? s->route->pair(s->route_state, &s->world, job, may, offers)
                                   : s->route->region(s->route_state, &s->world, job, may);
    require(region < regions && may[region]);
    return region;
}

uint32_t sched_group(struct sched *s, uint32_t domain, uint32_t job) { return group_find(s, domain, job); }

void sched_join(struct sched *s, uint32_t domain, uint32_t job) { join_line(s, group_find(s, domain, job), job); }

void sched_leave(struct sched *s, uint32_t job) { leave_line(s, s->group_of[job], job); }

uint64_t sched_group_models(const struct sched *s, uint32_t group) {
    const struct group *g = &s->groups.at[group];
    const uint64_t accepted = group_shape(s, g)->models, *models;
    if (s->hold == NULL || g->market == 0) return accepted;
    uint64_t all = 0;
    for (size_t i = hold_sets(s, g->market, &models); i-- > 0;) all |= models[i];
    return accepted & all;
}

uint32_t sched_group_jobs(const struct sched *s, uint32_t group) { return s->groups.at[group].len; }

/* A job that finds nobody waiting, and nobody comes with it, need not stand in line to be the next: it starts if
 * it fits. false: it must join the line. */
static bool start_alone(struct sched *s, uint32_t id, uint32_t job) {
    const struct group *g = &s->groups.at[id];
    if (!s->skips_line || s->lines[g->domain].len > 0 || !quota_allows(s, g)) return false;
    const uint32_t takes = place_now(s, g);
    if (takes == FLEET_NONE) return false;
    s->group_of[job] = id;
    job_begin(s, job, takes);
    return true;
}

void sched_arrive(struct sched *s, uint32_t job, bool alone) {
    struct job *j = &s->world.jobs.at[job];
    const size_t regions = s->setup->regions_len;
    bool may[256], any = false;
    for (uint32_t r = 0; r < regions; r++) any |= may[r] = sched_may(s, job, r);
    const struct holding *h = &s->world.tenants[j->tenant];
    if (!any ||
        (h->quota_kind == QUOTA_HARD && shape_gpu_milli(world_shape(&s->world, job)) > h->quota_milli)) {
        j->start_ns = JOB_REFUSED;
        return;
    }
    if (s->hold) {
        hold_arrive(s, job, may);
        return;
    }
    const uint32_t region = sched_route(s, job, may, NULL);
    if (s->job_results) s->job_results[job].region = region;
    const uint32_t group = group_find(s, s->world.domain_of[j->tenant * regions + region], job);
    if (!alone || !start_alone(s, group, job)) join_line(s, group, job);
}

void sched_prefetch(const struct sched *s, evq_key next) {
    const uint32_t handle = evq_handle(next);
    if (handle < first_slot_event(s)) return;
    const char *slot = (const char *)&s->slots.at[handle - first_slot_event(s)];
    __builtin_prefetch(slot, 1);
    __builtin_prefetch(slot + 64, 1);
    /* Slots and takes are handed out and returned in step while jobs sit on one node each. */
    if (handle - first_slot_event(s) < s->takes.len) __builtin_prefetch(&s->takes.at[handle - first_slot_event(s)]);
    __builtin_prefetch(&s->world.jobs.at[evq_seq(next)], 1);
}

static void timer_event(struct sched *s, uint32_t handle) {
    if (handle == EVENT_ROUND) return; /* its only effect is that passes run now */
    if (handle == EVENT_IRON) iron_event(s);
    else if (handle == EVENT_CAPS) caps_event(s);
    else if (handle == EVENT_PHASES) hold_phases(s);
    else if (handle == EVENT_SERVE) services_event(s);
    else if (handle >= first_held_event(s)) hold_event(s, handle - first_held_event(s));
    else line_dirty(s, handle - EVENT_LINES);
}

/* A running job is suspended, or its market is looked at again; false when it is neither's time. */
static bool work_event(struct sched *s, uint32_t id) {
    const struct work *w = &s->works.at[id];
    const int64_t now = s->world.now_ns;
    if (w->stop_ns < TICK_NEVER && w->stop_ns + s->setup->policy.suspend_ns <= now) {
        suspend(s, id);
        return true;
    }
    if (w->look_ns > now) return false;
    if (!hold_looks(s, id)) {
        sched_interrupt(s, id, INTERRUPT_DRAIN);
        return true;
    }
    if (s->order->preemptive)
        tree_remove(&s->running, &s->lines[s->slots.at[id].domain].running, ~s->slots.at[id].running_key, id);
    slot_schedule(s, id);
    return true;
}

void sched_event(struct sched *s, evq_key event, bool alone) {
    const uint32_t handle = evq_handle(event);
    if (handle < first_slot_event(s)) {
        timer_event(s, handle);
        return;
    }
    const uint32_t id = handle - first_slot_event(s);
    struct slot *slot = &s->slots.at[id];
    struct line *l = &s->lines[slot->domain];
    if (slot->end_ns > s->world.now_ns && s->working && work_event(s, id)) return;
    if (slot->end_ns > s->world.now_ns) { /* its key changes: it may lose its place to a waiting job */
        slot_progress(s, slot);
        tree_remove(&s->running, &l->running, ~slot->running_key, id);
        slot_schedule(s, id);
        front_clear(s, l);
        line_wake(s, slot->domain, WAKE_ALL, 0);
        return;
    }
    struct job *j = &s->world.jobs.at[slot->job];
    j->end_ns = s->world.now_ns;
    j->left_ns = 0;
    l->ended_early |= slot->expected_ns > s->world.now_ns;
    if (!hand_over(s, id, alone)) job_stop(s, id, true);
}

static int by_number(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Those that lack capacity now wait for what is on its way. */
static void wait_for_nodes(struct sched *s, uint32_t domain) {
    struct line *l = &s->lines[domain];
    if (l->front != JOB_NONE && l->front_apart) {
        front_settle(s, l);
        l->front_why = WHY_BOOT;
    }
    for (size_t i = 0; i < l->aside.len; i++) {
        struct group *g = &s->groups.at[l->aside.at[i]];
        if (g->why == WHY_CAPACITY || g->why == WHY_FRAGMENT) why_change(s, g, WHY_BOOT);
    }
}

void sched_passes(struct sched *s) {
    const int64_t round = s->setup->policy.round_ns, now = s->world.now_ns;
    if (s->dirty.len == 0) return;
    if (round && now % round) {
        evq_move(&s->events, evq_pack((uint64_t)((now / round + 1) * round), UINT32_MAX, EVENT_ROUND));
        return;
    }
    if (s->dirty.len > 1) qsort(s->dirty.at, s->dirty.len, sizeof *s->dirty.at, by_number);
    for (size_t i = 0; i < s->dirty.len; i++) { /* a pass that preempts may add lines, its own too */
        struct line *l = &s->lines[s->dirty.at[i]];
        l->dirty = false;
        if (l->freed) {
            l->freed = l->blocked = false; /* a blocking head is tried again; its reason goes on until then */
            l->dirty = true; /* it is being passed over already */
            line_wake(s, s->dirty.at[i], WAKE_FREED, 0);
            /* A held head that may fit now is held no longer, and then every group stands in line again: one
             * left aside could otherwise be overtaken by a job that took its place as the head. */
            if (l->front != JOB_NONE && !l->front_apart && !s->groups.at[s->group_of[l->front]].aside) {
                front_clear(s, l);
                line_wake(s, s->dirty.at[i], WAKE_ALL, 0);
            }
            l->dirty = false;
        }
        do {
            s->passes++;
            s->backfill->pass(s->backfill_state, s, s->dirty.at[i]);
        } while (s->hold && hold_let_go(s, s->dirty.at[i]));
        if (s->iron && iron_want(s, s->dirty.at[i])) wait_for_nodes(s, s->dirty.at[i]);
    }
    s->dirty.len = 0;
    if (s->caps) caps_settle(s);
}

void sched_ended(struct sched *s) {
    if (s->backfill->ended_early == NULL) return;
    for (size_t i = 0; i < s->dirty.len; i++) {
        struct line *l = &s->lines[s->dirty.at[i]];
        if (l->ended_early) s->backfill->ended_early(s->backfill_state, s, s->dirty.at[i]);
        l->ended_early = false;
    }
}
