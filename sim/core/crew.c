/*
 * Crews of pipelines; see crew.h. Workers are alike, so a crew draws, does and waits by numbers a pool, and a change of
 * its rates costs O(pools), however many workers it has.
 *
 * Power. A slot charges what idle GPUs draw (its record has no utilisation). What busy ones draw beyond it is power of
 * the region from the moment it changes, charged to pool and group by the same flows as to the region's meter, so the
 * ledger's identities hold to rounding.
 */
#include "core/crew.h"

#include "base/err.h"
#include "base/tick.h"

#include <math.h>

static void ask(struct sched *s, struct crew *c, uint32_t worker) {
    const uint32_t job = c->first_job + worker;
    struct job *j = &s->world.jobs.at[job];
    j->submit_ns = s->world.now_ns;
    j->start_ns = JOB_NOT_YET;
    j->left_ns = j->run_ns;
    if (s->job_state) s->job_state[job] = 0;
    c->workers[worker].state = WORKER_ASKED;
    c->have++;
    line_put(s, c->domain, job);
}

static void give_back(struct sched *s, struct crew *c, uint32_t worker) {
    struct worker *w = &c->workers[worker];
    const uint32_t slot = w->slot;
    if (w->state == WORKER_ASKED) {
        line_leave(s, c->first_job + worker);
        line_freed(s, c->domain); /* others may have waited behind it */
    } else {
        crew_lost(c, worker);
        sched_release(s, slot);
    }
    w->state = WORKER_OFF;
    c->have--;
}

bool crew_resize(struct sched *s, struct crew *c, uint32_t want, struct evq *due, uint32_t first_handle) {
    const uint32_t most = c->setup.scale.most;
    const bool changes = want != c->have;
    for (uint32_t i = 0; i < most && c->have < want; i++)
        if (c->workers[i].state == WORKER_OFF) ask(s, c, i);
    for (enum worker_state state = WORKER_ASKED; state <= WORKER_READY && c->have > want; state++)
        for (uint32_t i = most; i-- > 0 && c->have > want;)
            if (c->workers[i].state == state) {
                if (state == WORKER_STARTING) evq_cancel(due, first_handle + i);
                give_back(s, c, i);
            }
    return changes;
}

void crew_ready(struct sched *s, struct crew *c, uint32_t worker) {
    struct worker *w = &c->workers[worker];
    struct crew_part *part = &c->parts[w->pool];
    w->state = WORKER_READY;
    part->group = s->slots.at[w->slot].group;
    part->ready++;
    c->ready++;
    if (c->ready > c->ready_most) c->ready_most = c->ready;
}

void crew_lost(struct crew *c, uint32_t worker) {
    struct worker *w = &c->workers[worker];
    if (w->state == WORKER_READY) {
        c->parts[w->pool].ready--;
        c->ready--;
    }
    w->state = WORKER_ASKED;
    w->slot = SCHED_NONE;
}

/* ---- what they draw and do ---- */

static void charge(struct sched *s, struct crew *c, uint32_t pool, const struct charge *by, double ns) {
    const struct crew_part *part = &c->parts[pool];
    struct account *a = &s->groups.at[part->group].account;
    struct bill *const bills[] = {&a->bill, &s->ledger.pools[pool].bill};
    for (size_t i = 0; i < sizeof bills / sizeof *bills; i++) {
        bills[i]->energy.j += by->j;
        bills[i]->energy.usd += by->usd;
        bills[i]->energy.g += by->g;
        bills[i]->used += part->used * ns;
        bills[i]->useful += part->used * ns;
    }
    a->stalled += part->stalled * ns;
    c->energy.j += by->j;
    c->energy.usd += by->usd;
    c->energy.g += by->g;
    c->used_milli_ns += part->used * ns;
    c->stalled_milli_ns += part->stalled * ns;
}

static void settle_part(struct sched *s, struct crew *c, uint32_t pool) {
    struct crew_part *part = &c->parts[pool];
    struct region_account *r = &s->ledger.regions[s->setup->pools[pool].region];
    const int64_t now = s->world.now_ns;
    region_advance(r, now);
    const bool does = part->watts != 0 || part->used > 0 || part->stalled > 0;
    if (does && s->ledger.open && now > part->settled_ns) {
        const struct charge by = {part->watts * (r->now.pue_s - part->settled.pue_s),
                                  part->watts * (r->now.usd - part->settled.usd),
                                  part->watts * (r->now.g - part->settled.g)};
        charge(s, c, pool, &by, (double)(now - part->settled_ns));
    }
    part->settled = r->now;
    part->settled_ns = now;
}

void crew_settle(struct sched *s, struct crew *c) {
    for (uint32_t pool = 0; pool < s->setup->pools_len; pool++) settle_part(s, c, pool);
}

void crew_works(struct sched *s, struct crew *c, double busy) {
    c->busy = busy;
    for (uint32_t pool = 0; pool < s->setup->pools_len; pool++) {
        struct crew_part *part = &c->parts[pool];
        const struct pool_setup *p = &s->setup->pools[pool];
        const double milli = part->ready * c->work_milli, used = milli * busy;
        if (used == part->used && milli - used == part->stalled) continue;
        const struct power_model *power = (const struct power_model *)(const void *)p->power.model;
        const double watts = used * s->ledger.pools[pool].busy_w_per_milli * power->share(p->power.params, 1);
        struct region_account *r = &s->ledger.regions[p->region];
        settle_part(s, c, pool);
        region_settle(r, s->world.now_ns);
        r->it_w += watts - part->watts;
        r->used_milli += used - part->used;
        part->watts = watts;
        part->used = used;
        part->stalled = milli - used;
    }
}

/* ---- how many there should be ---- */

uint32_t crew_wanted(struct crew *c, double need, int64_t now_ns) {
    const struct flow_scale *scale = &c->setup.scale;
    const double whole = ceil(need - 1e-9 * fmax(1, need));
    uint32_t want = whole < scale->most ? (uint32_t)fmax(whole, 0) : scale->most;
    if (want < scale->least) want = scale->least;
    if (want >= c->have) {
        c->many_since_ns = TICK_NEVER;
        return scale->step > 0 && want > c->have + scale->step ? c->have + scale->step : want;
    }
    if (c->many_since_ns == TICK_NEVER) {
        c->many_since_ns = now_ns;
        c->many_most = want;
    }
    if (want > c->many_most) c->many_most = want;
    if (now_ns - c->many_since_ns < scale->keep_ns) return c->have;
    c->many_since_ns = TICK_NEVER;
    return c->many_most;
}
