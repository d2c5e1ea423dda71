/*
 * What a running job draws, costs and is charged: its rate from the pools, caps and speeds of where it runs, the
 * charges of the time gone by to its group and pools, and what it adds to the gauges of its region and tenant. Power
 * is constant between changes, so a charge is a rate times a difference of flows (ledger.h), whenever it is made.
 *
 * Cost: a few multiply-adds a start, a stop and a change of rate, for each node the job is on.
 */
#include "core/engine.h"
#include "core/staff.h"

#include <math.h>

/* How a job's GPUs work. */
struct labour {
    float u;                  /* their utilisation */
    bool known;               /* what they reach at work is: */
    double compute, memory;   /* shares of the peak FLOP/s and the bandwidth of what it holds */
    double active;            /* share of the time they are at work */
};

/* Without loads in use it is utilisation alone. A part of a GPU works as if the rest of the device did alike. */
static struct labour labour_of(const struct sched *s, const struct slot *slot) {
    struct labour l = {.u = s->world.jobs.at[slot->job].utilisation};
    if (!s->loads) return l;
    l.known = work_load(s, slot->job, take_pool(s, &s->takes.at[slot->takes]), &l.compute, &l.memory);
    if (!l.known) return l;
    struct rate pace = {.speed = 1};
    if (s->speeds) work_pace(s, slot, &pace);
    const double beside = s->share ? share_pace(s, slot) : 1;
    l.compute = fmin(1, l.compute * beside);
    l.memory = fmin(1, l.memory * beside);
    l.active = 1 - pace.stall;
    if (world_shape(&s->world, slot->job)->share_milli == 0) l.active *= (double)l.u;
    return l;
}

/* Watts beyond idle of a thousandth of a GPU; *speed: what a cap at this level of the peak power leaves of its pace. */
static double busy_w(const struct sched *s, uint32_t pool, const struct labour *l, double level, double *speed) {
    const struct pool_setup *p = &s->setup->pools[pool];
    const struct power_model *power = (const struct power_model *)(const void *)p->power.model;
    const double cap_w = level * p->gpu_peak_w;
    if (!l->known || power->load == NULL) {
        const double w = s->ledger.pools[pool].busy_w_per_milli * power->share(p->power.params, (double)l->u);
        const double drawn_w = w * 1000 + p->gpu_idle_w;
        if (level >= 1 || drawn_w <= cap_w) return w;
        *speed = l->known ? caps_pace(s, level, drawn_w / p->gpu_peak_w, l->compute, l->memory) : caps_speed(s, level);
        return cap_w > p->gpu_idle_w ? (cap_w - p->gpu_idle_w) / 1000 : 0;
    }
    const double loaded_w = fmax(p->gpu_loaded_w, p->gpu_idle_w);
    double drawn_w = fmax(loaded_w, p->gpu_peak_w * power->load(p->power.params, l->compute, l->memory));
    if (level < 1 && drawn_w > cap_w) {
        *speed = caps_pace(s, level, drawn_w / p->gpu_peak_w, l->compute, l->memory);
        drawn_w = fmax(loaded_w, cap_w);
    }
    return (l->active * drawn_w + (1 - l->active) * loaded_w - p->gpu_idle_w) / 1000;
}

/* The take's part of its node goes by GPUs, or by cores on a node without GPUs. level: power cap, as a share of a
 * GPU's peak. */
static struct rate take_rate(const struct sched *s, const struct shape *shape, const struct take *t,
                             const struct labour *l, double level) {
    const uint32_t pool = take_pool(s, t), milli = take_gpu_milli(shape, t);
    const struct pool_setup *p = &s->setup->pools[pool];
    const struct pool_account *a = &s->ledger.pools[pool];
    const double share = a->share_per_milli * (p->gpus ? milli : take_part(shape->cpu_milli, shape, t));
    struct rate r = {.static_watts = share * a->node_static_w, .usd_per_ns = share * a->node_usd_per_ns,
                     .embodied_g_per_ns = share * p->embodied_g_per_node_h / 3.6e12, .speed = 1};
    r.watts = r.static_watts;
    if (milli) r.watts += milli * busy_w(s, pool, l, level, &r.speed);
    return r;
}

static double cap_level(const struct sched *s, uint32_t domain) {
    return s->caps ? caps_level(s, s->world.fleet.domains[domain].region) : 1;
}

/* Of all takes together; a gang is as slow as its slowest part. */
static struct rate takes_rate(const struct sched *s, const struct slot *slot, double level) {
    const struct shape *shape = world_shape(&s->world, slot->job);
    const struct labour l = labour_of(s, slot);
    struct rate sum = take_rate(s, shape, &s->takes.at[slot->takes], &l, level);
    for (uint32_t t = s->takes.at[slot->takes].next; t != FLEET_NONE; t = s->takes.at[t].next) {
        const struct rate rate = take_rate(s, shape, &s->takes.at[t], &l, level);
        sum.static_watts += rate.static_watts;
        sum.watts += rate.watts;
        sum.usd_per_ns += rate.usd_per_ns;
        sum.embodied_g_per_ns += rate.embodied_g_per_ns;
        if (rate.speed < sum.speed) sum.speed = rate.speed;
    }
    return sum;
}

struct rate slot_rate_at(const struct sched *s, uint32_t id, double level) {
    return takes_rate(s, &s->slots.at[id], level);
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

/* Work is of the GPUs a job's run time was recorded on: their number over those it holds. */
static double recorded_share(const struct sched *s, const struct slot *slot) {
    if (s->resize == NULL || slot->gpu_milli == 0) return 1;
    return shape_gpu_milli(&s->world.jobs.shapes.at[resize_recorded(s, slot->job)]) / (double)slot->gpu_milli;
}

/* The parts of a span at work and at overhead, from what the job has done in it. Whole nanoseconds throughout, so
 * that a job without overhead has exactly none. */
static void work_span(struct sched *s, const struct slot *slot, struct span *span) {
    struct work *w = &s->works.at[slot - s->slots.at];
    const int64_t now = s->world.now_ns, done = work_done(w, now);
    const int64_t wall = work_wall(w, now), paused = work_paused(w, now);
    const int64_t worked = wall - w->seen_wall_ns - (paused - w->seen_paused_ns);
    span->useful_ns = (double)(done - w->settled_ns) * recorded_share(s, slot);
    span->overhead_ns = span->ns - (double)worked;
    double checkpoint = (double)(paused - w->seen_paused_ns);
    if (w->restore_ns && now >= slot->work_from_ns) {
        checkpoint += (double)w->restore_ns;
        w->restore_ns = 0;
    }
    if (s->ledger.open) {
        struct account *a = &s->groups.at[slot->group].account;
        a->checkpoint += slot->gpu_milli * checkpoint;
        a->stalled += slot->gpu_milli * (double)worked * slot->rate.stall;
        if (s->share) a->crowded += slot->gpu_milli * (double)worked * (1 - share_pace(s, slot));
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

void slot_settle(struct sched *s, struct slot *slot) {
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
    if (sched_is_replica(s, slot->job)) staff_charge(s, slot->job, &bill, span.ns);
    if (slot->pool != FLEET_NONE) {
        bill_add(&s->ledger.pools[slot->pool].bill, &bill);
        s->ledger.pools[slot->pool].embodied_g += slot->rate.embodied_g_per_ns * span.ns;
        return;
    }
    const struct shape *shape = group_shape(s, &s->groups.at[slot->group]);
    const double level = cap_level(s, slot->domain);
    const struct labour l = labour_of(s, slot);
    for (uint32_t t = slot->takes; t != FLEET_NONE; t = s->takes.at[t].next) {
        const struct take *take = &s->takes.at[t];
        const struct rate rate = take_rate(s, shape, take, &l, level);
        const struct bill part = bill_for(&rate, take_gpu_milli(shape, take), (double)u, &span);
        bill_add(&s->ledger.pools[take_pool(s, take)].bill, &part);
        s->ledger.pools[take_pool(s, take)].embodied_g += rate.embodied_g_per_ns * span.ns;
    }
}

void slot_settle_all(struct sched *s) {
    for (uint32_t i = 0; i < s->slots.len; i++)
        if (s->slots.at[i].job != JOB_NONE) slot_settle(s, &s->slots.at[i]);
}

static void pool_count(struct sched *s, uint32_t pool, double static_watts, uint32_t milli, int by) {
    struct pool_account *a = &s->ledger.pools[pool];
    pool_settle(&s->ledger, pool, s->world.now_ns);
    a->idle_w -= by * static_watts;
    tide_step(&a->holds, by * (int64_t)milli, s->world.now_ns);
}

/* Adds (by 1) or takes back (by -1) what a job draws and holds from gauges, pools and its tenant. */
__attribute__((always_inline)) static inline void count(struct sched *s, const struct slot *slot, int by) {
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
            const struct labour l = {.u = u}; /* static watts know neither load nor cap */
            const struct rate rate = take_rate(s, shape, take, &l, 1);
            pool_count(s, take_pool(s, take), rate.static_watts, take_gpu_milli(shape, take), by);
        }
    }
    struct holding *h = &s->world.tenants[g->tenant];
    h->gpu_milli += (uint64_t)((int64_t)by * slot->gpu_milli);
    h->cpu_milli += (uint64_t)((int64_t)by * shape->cpu_milli);
    h->mem_mib += (uint64_t)((int64_t)by * shape->mem_mib);
    s->running_len += (uint32_t)by;
}

void slot_enter(struct sched *s, const struct slot *slot) { count(s, slot, 1); }
void slot_leave(struct sched *s, const struct slot *slot) { count(s, slot, -1); }

/* Of all it holds together. Where nothing else is in use it follows from pool, shape and utilisation alone, and need
 * not be worked out again for a job like the one before. */
struct rate slot_rate(struct sched *s, const struct slot *slot) {
    struct group *g = &s->groups.at[slot->group];
    const float u = s->world.jobs.at[slot->job].utilisation;
    const bool alike = slot->pool != FLEET_NONE && s->caps == NULL && !s->speeds && !s->loads &&
                       s->share == NULL;
    if (alike && slot->pool == g->rate_pool && u == g->rate_utilisation) return g->rate;
    struct rate rate = takes_rate(s, slot, cap_level(s, slot->domain));
    if (s->speeds) work_pace(s, slot, &rate);
    if (s->share) rate.speed *= share_pace(s, slot);
    if (alike) {
        g->rate = rate;
        g->rate_pool = slot->pool;
        g->rate_utilisation = u;
    }
    return rate;
}

double slot_most_w(const struct sched *s, uint32_t pool, uint32_t job) {
    /* A replica's record has no utilisation: it may draw all its GPUs can. */
    struct labour l = {.u = sched_is_replica(s, job) ? 1 : s->world.jobs.at[job].utilisation, .active = 1};
    double speed = 1;
    l.known = s->loads && work_load(s, job, pool, &l.compute, &l.memory);
    return busy_w(s, pool, &l, 1, &speed);
}

void slot_lose(struct sched *s, const struct slot *slot, int64_t lost_ns, int64_t saved_ns) {
    const struct work *w = &s->works.at[slot - s->slots.at];
    struct account *a = &s->groups.at[slot->group].account;
    const double milli = slot->gpu_milli * (double)s->world.jobs.at[slot->job].utilisation;
    const double scale = recorded_share(s, slot); /* 1 but for elastic jobs */
    const double lost = fmin((double)lost_ns * scale, w->useful_ns);
    const double saved = fmin((double)saved_ns * scale, w->useful_ns - lost);
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
    const double share = lost / scale / w->speed / w->ns;
    a->lost_energy.j += w->energy.j * share;
    a->lost_energy.usd += w->energy.usd * share;
    a->lost_energy.g += w->energy.g * share;
    a->lost_capacity_usd += w->capacity_usd * share;
}

void slot_pool_price(struct sched *s, uint32_t pool, double usd_per_node_ns) {
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
