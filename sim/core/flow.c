/*
 * Pipelines on the fleet: how items come, what a pipeline's crews can do, its fluid, its autoscaler; see flow.h.
 *
 * One queue for all pipelines has the next moment of each (items come at another rate, a buffer fills or empties, the
 * autoscaler looks) and the moment each starting worker is ready; its top is one timer of the main loop. Whatever
 * happens to a pipeline at an instant, its rates are solved once, after it.
 *
 * A run without a horizon ends with its last event, so an autoscaler that waits for workers nobody can give it stops
 * looking when nothing moves and nothing was changed, and goes on when a worker is there.
 *
 * Cost: O(stages x edges + crews x pools) a moment, O(log workers) a worker's start or loss.
 */
#include "core/crew.h"
#include "core/flow.h"
#include "core/fluid.h"

#include "core/engine.h"

#include "base/err.h"
#include "base/rng.h"
#include "base/tick.h"

#include <math.h>
#include <stdlib.h>

/* What a stage did inside the window, in worker-ns. */
struct stage_sums {
    double opened;              /* items through it when the window opened */
    double items;               /* and inside it */
    double busy_ns, starved_ns, blocked_ns;
    double ready_most;
};
struct pipe {
    const struct flow_setup *setup;
    struct fluid fluid;
    struct stage_sums *sums;    /* per stage */
    struct crew **crew;         /* per stage; NULL: always there */
    double *per_worker;         /* per stage: items/s of one worker of its crew; all there is without a crew */
    double *workers_each;       /* per stage: its own workers in one of its crew's */
    double *before;             /* scratch, per stage */
    struct crew *crews;
    size_t crews_len;
    double *seen;               /* [crew * (stages + 1) + stage]: items through it at the crew's last look; last:
                                   offered */
    int64_t at_ns, next_ns;     /* the fluid stands here; its next moment */
    int64_t lot_ns, shape_ns;   /* the next lot comes, the hour's intensity changes; TICK_NEVER */
    struct rng *rng;
    double offered_opened, offered_window, active_ns;
    int64_t end_ns;
    bool begun, over, touched;
};
struct flows {
    const struct setup *setup;
    struct pipe *at;
    size_t len;
    struct crew *crews;
    struct worker *workers;
    uint32_t *crew_of;          /* per worker */
    uint32_t first_job, first_handle;
    struct evq due;             /* handles: pipes, then workers */
    struct { uint32_t *at; size_t len, cap; } touched;
};

/* ---- time ---- */

static void arm(struct sched *s) {
    const struct evq *due = &s->flows->due;
    if (evq_empty(due)) evq_cancel(&s->events, EVENT_FLOW);
    else evq_move(&s->events, evq_pack(evq_rank(evq_top(due)), UINT32_MAX, EVENT_FLOW));
}

static void schedule(struct flows *all, uint32_t handle, int64_t at_ns) {
    if (at_ns >= TICK_NEVER) evq_cancel(&all->due, handle);
    else evq_move(&all->due, evq_pack((uint64_t)at_ns, handle, handle));
}

/* Ready ones; those of a stage that needs nothing always are. */
static double workers_of(const struct pipe *p, size_t stage) {
    return p->crew[stage] ? p->crew[stage]->ready * p->workers_each[stage] : p->setup->stages[stage].scale.most;
}

/* So many of its items went by in so long: they are what its workers were at work for. */
static void count_stage(const struct pipe *p, size_t stage, double items, double ns) {
    const struct stage *work = &p->setup->stages[stage].work;
    struct stage_sums *sums = &p->sums[stage];
    const double busy_ns = items * work->service_s / work->batch * 1e9;
    const double idle_ns = fmax(0, workers_of(p, stage) * ns - busy_ns);
    sums->busy_ns += busy_ns;
    if (p->fluid.stages[stage].wait == FLUID_BLOCKED) sums->blocked_ns += idle_ns;
    else sums->starved_ns += idle_ns; /* next to nothing at full speed: moments are whole ticks */
}

/* Brings items up to now. */
static void advance(struct sched *s, struct pipe *p) {
    const int64_t now = s->world.now_ns;
    if (!p->begun || now == p->at_ns) return;
    const double ns = (double)(now - p->at_ns);
    p->at_ns = now;
    if (p->over) return;
    for (size_t i = 0; i < p->setup->stages_len; i++) p->before[i] = p->fluid.stages[i].done;
    fluid_advance(&p->fluid, ns / 1e9);
    if (!s->ledger.open) return;
    p->active_ns += ns;
    for (size_t i = 0; i < p->setup->stages_len; i++)
        count_stage(p, i, p->fluid.stages[i].done - p->before[i], ns);
}

/* Something about the pipeline changed at this instant: its rates are solved at its end. */
static void touch(struct sched *s, struct pipe *p) {
    schedule(s->flows, (uint32_t)(p - s->flows->at), s->world.now_ns);
    arm(s);
}

/* ---- what comes ---- */

static int64_t local_ns(const struct setup *setup, int64_t now_ns) {
    const int64_t origin = setup->origin_unix_ns == JOB_UNKNOWN ? 0 : setup->origin_unix_ns;
    return now_ns + origin + setup->regions[0].utc_offset_ns;
}

/* The hour's intensity against the mean. */
static double intensity(const struct setup *setup, const struct numbers *daily, int64_t now_ns) {
    if (daily->len == 0) return 1;
    double sum = 0;
    for (size_t i = 0; i < daily->len; i++) sum += daily->at[i];
    const int64_t hour = (local_ns(setup, now_ns) / TICK_HOUR % 24 + 24) % 24;
    return daily->at[hour] * (double)daily->len / sum;
}

static int64_t next_hour(const struct setup *setup, int64_t now_ns) {
    return now_ns + TICK_HOUR - (local_ns(setup, now_ns) % TICK_HOUR + TICK_HOUR) % TICK_HOUR;
}

/* When the next lot comes: unit exponential time, stretched by the rate of each hour. */
static void draw_lot(struct sched *s, struct pipe *p, int64_t now_ns) {
    const struct flow_setup *f = p->setup;
    double left_s = rng_exponential(p->rng, 1) * f->lot / f->rate_per_s;
    int64_t at_ns = now_ns;
    while (at_ns < f->until_ns) {
        const double pace = intensity(s->setup, &f->daily, at_ns);
        const int64_t end_ns = f->daily.len > 0 ? next_hour(s->setup, at_ns) : TICK_NEVER;
        const double room_s = tick_seconds(end_ns - at_ns) * pace;
        if (left_s < room_s) {
            at_ns += tick_from_seconds(left_s / pace);
            break;
        }
        left_s -= room_s;
        at_ns = end_ns;
    }
    p->lot_ns = at_ns < f->until_ns ? at_ns : TICK_NEVER;
}

static void stop_coming(struct pipe *p) {
    p->fluid.offer_rate = 0;
    p->lot_ns = p->shape_ns = TICK_NEVER;
}

static bool comes(const struct pipe *p) {
    return p->fluid.offer_rate > 0 || p->lot_ns < TICK_NEVER || p->shape_ns < TICK_NEVER;
}

/* The source at this instant: what comes now, at which rate from now on, and until when that holds. */
static void offer(struct sched *s, struct pipe *p) {
    const struct flow_setup *f = p->setup;
    const int64_t now = s->world.now_ns;
    while (p->lot_ns <= now) {
        p->fluid.offered += f->lot;
        draw_lot(s, p, p->lot_ns);
    }
    if (p->shape_ns <= now) {
        p->fluid.offer_rate = f->rate_per_s * intensity(s->setup, &f->daily, now);
        p->shape_ns = f->daily.len > 0 ? next_hour(s->setup, now) : TICK_NEVER;
    }
    const double missing = f->items - p->fluid.offered; /* INFINITY: no end to them */
    if (missing <= 1e-9 * fmin(f->items, 1) + 1e-14 * p->fluid.offered || now >= f->until_ns) {
        if (now < f->until_ns) p->fluid.offered = f->items;
        stop_coming(p);
    }
}

static int64_t offer_moment(const struct pipe *p, int64_t now) {
    int64_t next_ns = p->lot_ns < p->shape_ns ? p->lot_ns : p->shape_ns;
    if (p->fluid.offer_rate <= 0) return next_ns;
    const double s = (p->setup->items - p->fluid.offered) / p->fluid.offer_rate; /* all have come */
    if (s < tick_seconds(next_ns - now)) next_ns = now + (int64_t)fmax(1, ceil(s * 1e9));
    return p->setup->until_ns < next_ns ? p->setup->until_ns : next_ns;
}

/* ---- the autoscaler ---- */

static double went_by(const struct pipe *p, const double *seen, uint32_t stage, double s) {
    return s > 0 ? (p->fluid.stages[stage].done - seen[stage]) / s : 0;
}

/* Workers for what comes from one side and goes to the other; see flow.h. */
static double needed(const struct pipe *p, const struct crew *c, const double *seen, double s) {
    const struct fluid *f = &p->fluid;
    const double clear_s = tick_seconds(c->setup.scale.clear_ns);
    const double came = s > 0 ? (f->offered - seen[f->stages_len]) / s : 0;
    if (c->setup.stage == FLOW_ALL) { /* the slowest of its stages is as fast as a container */
        double each = INFINITY, backlog = 0;
        for (uint32_t i = 0; i < f->stages_len; i++) {
            if (p->crew[i]) each = fmin(each, p->per_worker[i]);
            if (f->stages[i].first) backlog = fmax(backlog, fluid_backlog(f, i));
        }
        return (came + backlog / clear_s) / each;
    }
    const uint32_t stage = c->setup.stage;
    double supply = f->stages[stage].first ? came + fluid_backlog(f, stage) / clear_s : INFINITY, pull = INFINITY;
    for (size_t i = 0; i < f->edges_len; i++) {
        const struct fluid_edge *e = &f->edges[i];
        const double level = f->stages[e->from].done - f->stages[e->to].done;
        if (e->to == stage) supply = fmin(supply, went_by(p, seen, e->from, s) + level / clear_s);
        if (e->from == stage) pull = fmin(pull, went_by(p, seen, e->to, s) + (e->room - level) / clear_s);
    }
    return fmin(supply, pull) / p->per_worker[stage];
}

static bool through(const struct pipe *p, const struct crew *c) {
    if (comes(p)) return false;
    for (uint32_t i = 0; i < p->setup->stages_len; i++)
        if ((c->setup.stage == FLOW_ALL || c->setup.stage == i) && !fluid_through(&p->fluid, i)) return false;
    return true;
}

static bool resize(struct sched *s, struct crew *c, uint32_t want) {
    struct flows *all = s->flows;
    return crew_resize(s, c, want, &all->due, all->first_handle + c->first_job - all->first_job);
}

/* true: it changed something, or may yet. */
static bool look(struct sched *s, struct pipe *p, size_t crew) {
    struct crew *c = &p->crews[crew];
    const int64_t now = s->world.now_ns;
    const size_t stages = p->setup->stages_len;
    double *seen = &p->seen[crew * (stages + 1)];
    const uint32_t want = crew_wanted(c, needed(p, c, seen, tick_seconds(c->setup.scale.every_ns)), now);
    for (size_t i = 0; i < stages; i++) seen[i] = p->fluid.stages[i].done;
    seen[stages] = p->fluid.offered;
    c->look_ns = now + c->setup.scale.every_ns;
    return resize(s, c, want) || c->many_since_ns < TICK_NEVER;
}

static bool moves(const struct pipe *p) {
    if (comes(p)) return true;
    for (size_t i = 0; i < p->setup->stages_len; i++)
        if (p->fluid.stages[i].rate > 0) return true;
    for (size_t i = 0; i < p->crews_len; i++)
        for (uint32_t w = 0; w < p->crews[i].setup.scale.most; w++)
            if (p->crews[i].workers[w].state == WORKER_STARTING) return true;
    return false;
}

/* Crews whose work is done go; those that are due are looked at. true: that changed nothing, nor will it alone. */
static bool staff_crews(struct sched *s, struct pipe *p) {
    bool changed = false, looked = false;
    for (size_t i = 0; i < p->crews_len; i++) {
        struct crew *c = &p->crews[i];
        if (through(p, c)) {
            changed |= resize(s, c, 0);
            c->look_ns = TICK_NEVER;
        } else if (c->look_ns <= s->world.now_ns) {
            looked = true;
            changed |= look(s, p, i);
        }
    }
    return looked && !changed;
}

static void stop_looking(struct pipe *p) {
    for (size_t i = 0; i < p->crews_len; i++) p->crews[i].look_ns = TICK_NEVER;
}

static bool scales(const struct crew *c) { return c->setup.scale.least < c->setup.scale.most; }

/* ---- moments ---- */

static void solve(struct sched *s, struct pipe *p) {
    for (size_t i = 0; i < p->setup->stages_len; i++) {
        struct fluid_stage *f = &p->fluid.stages[i];
        f->capacity = p->crew[i] ? p->crew[i]->ready * p->per_worker[i] : p->per_worker[i];
        p->sums[i].ready_most = fmax(p->sums[i].ready_most, workers_of(p, i));
    }
    fluid_solve(&p->fluid);
    for (size_t k = 0; k < p->crews_len; k++) {
        double milli = 0;
        for (size_t i = 0; i < p->setup->stages_len; i++) {
            const struct fluid_stage *f = &p->fluid.stages[i];
            if (p->crew[i] != &p->crews[k] || f->capacity <= 0) continue;
            milli += p->workers_each[i] * p->setup->stages[i].work.gpus * 1000 * (f->rate / f->capacity);
        }
        crew_works(s, &p->crews[k], p->crews[k].work_milli > 0 ? milli / p->crews[k].work_milli : 0);
    }
}

static int64_t next_moment(const struct pipe *p, int64_t now) {
    int64_t next_ns = offer_moment(p, now);
    for (size_t i = 0; i < p->crews_len; i++)
        if (p->crews[i].look_ns < next_ns) next_ns = p->crews[i].look_ns;
    const double fluid_ns = ceil(fluid_next_s(&p->fluid) * 1e9);
    if (fluid_ns < (double)(next_ns - now)) next_ns = now + (fluid_ns > 1 ? (int64_t)fluid_ns : 1);
    return next_ns;
}

static void begin(struct sched *s, struct pipe *p) {
    const struct flow_setup *f = p->setup;
    const int64_t now = s->world.now_ns;
    p->begun = true;
    p->at_ns = now;
    if (f->rate_per_s <= 0) p->fluid.offered = f->items;
    else if (f->lot > 0) draw_lot(s, p, now);
    else p->shape_ns = now;
    for (size_t i = 0; i < p->crews_len; i++) {
        struct crew *c = &p->crews[i];
        resize(s, c, c->setup.scale.begin);
        if (scales(c)) c->look_ns = now + c->setup.scale.every_ns;
    }
}

static void end(struct sched *s, struct pipe *p) {
    p->over = true;
    p->end_ns = s->world.now_ns;
    for (size_t i = 0; i < p->setup->stages_len; i++) p->fluid.stages[i].done = p->fluid.offered; /* to the digit */
    for (size_t i = 0; i < p->crews_len; i++) {
        resize(s, &p->crews[i], 0);
        crew_works(s, &p->crews[i], 0);
    }
    schedule(s->flows, (uint32_t)(p - s->flows->at), TICK_NEVER);
}

/* Everything about the pipeline that happens at this instant has; what follows from it. */
static void step(struct sched *s, struct pipe *p) {
    const int64_t now = s->world.now_ns;
    if (p->over) return;
    advance(s, p);
    if (!p->begun) begin(s, p);
    offer(s, p);
    bool done = !comes(p);
    for (uint32_t i = 0; i < p->setup->stages_len && done; i++) done = fluid_through(&p->fluid, i);
    if (done) {
        end(s, p);
        return;
    }
    const bool idle = staff_crews(s, p);
    solve(s, p);
    if (idle && s->setup->horizon_ns == TICK_NEVER && !moves(p)) stop_looking(p);
    schedule(s->flows, (uint32_t)(p - s->flows->at), next_moment(p, now));
}

static void worker_ready(struct sched *s, uint32_t worker) {
    struct flows *all = s->flows;
    struct crew *c = &all->crews[all->crew_of[worker]];
    advance(s, &all->at[c->pipe]);
    crew_ready(s, c, all->first_job + worker - c->first_job);
    for (size_t i = 0; i < all->at[c->pipe].crews_len; i++) { /* looks that had stopped go on */
        struct crew *other = &all->at[c->pipe].crews[i];
        if (scales(other) && other->look_ns == TICK_NEVER && !through(&all->at[c->pipe], other))
            other->look_ns = s->world.now_ns + other->setup.scale.every_ns;
    }
}

void flows_event(struct sched *s) {
    struct flows *all = s->flows;
    all->touched.len = 0;
    while (!evq_empty(&all->due) && (int64_t)evq_rank(evq_top(&all->due)) <= s->world.now_ns) {
        const uint32_t handle = evq_handle(evq_pop(&all->due));
        uint32_t pipe = handle;
        if (handle >= all->first_handle) {
            const uint32_t worker = handle - all->first_handle;
            worker_ready(s, worker);
            pipe = all->crews[all->crew_of[worker]].pipe;
        }
        if (all->at[pipe].touched) continue;
        all->at[pipe].touched = true;
        *vec_push(&all->touched) = pipe;
    }
    for (size_t i = 0; i < all->touched.len; i++) {
        struct pipe *p = &all->at[all->touched.at[i]];
        p->touched = false;
        step(s, p);
    }
    arm(s);
}

/* ---- what the engine says of workers ---- */

void flows_started(struct sched *s, uint32_t id) {
    struct flows *all = s->flows;
    const struct slot *slot = &s->slots.at[id];
    const uint32_t worker = slot->job - all->first_job;
    struct crew *c = &all->crews[all->crew_of[worker]];
    struct worker *w = &all->workers[worker];
    require(w->state == WORKER_ASKED);
    w->state = WORKER_STARTING;
    w->slot = id;
    w->pool = take_pool(s, &s->takes.at[slot->takes]);
    c->starts++;
    schedule(all, all->first_handle + worker, s->world.now_ns + c->setup.start_ns);
    arm(s);
}

void flows_stopped(struct sched *s, uint32_t id) {
    struct flows *all = s->flows;
    const uint32_t worker = s->slots.at[id].job - all->first_job;
    struct crew *c = &all->crews[all->crew_of[worker]];
    struct job *j = &s->world.jobs.at[s->slots.at[id].job];
    advance(s, &all->at[c->pipe]);
    evq_cancel(&all->due, all->first_handle + worker); /* it may have been starting */
    crew_lost(c, all->first_job + worker - c->first_job);
    j->left_ns = j->run_ns;
    touch(s, &all->at[c->pipe]);
}

int64_t flows_start_ns(const struct flows *all, uint32_t job) {
    return all->crews[all->crew_of[job - all->first_job]].setup.start_ns;
}

void flows_charge(struct flows *all, uint32_t job, const struct bill *bill, double ns) {
    struct crew *c = &all->crews[all->crew_of[job - all->first_job]];
    c->energy.j += bill->energy.j;
    c->energy.usd += bill->energy.usd;
    c->energy.g += bill->energy.g;
    c->capacity_usd += bill->capacity_usd;
    c->worker_ns += ns;
    c->gpu_h += c->held_milli * ns / 3.6e15;
}

void flows_edge(struct sched *s) {
    for (size_t i = 0; i < s->flows->len; i++) {
        struct pipe *p = &s->flows->at[i];
        advance(s, p);
        for (size_t k = 0; k < p->crews_len; k++) crew_settle(s, &p->crews[k]);
        for (size_t k = 0; k < p->setup->stages_len; k++) {
            if (!s->ledger.was_open) p->sums[k].opened = p->fluid.stages[k].done;
            else if (s->ledger.open) p->sums[k].items = p->fluid.stages[k].done - p->sums[k].opened;
        }
        if (!s->ledger.was_open) p->offered_opened = p->fluid.offered;
        else if (s->ledger.open) p->offered_window = p->fluid.offered - p->offered_opened;
    }
}

bool flows_over(const struct flows *all) {
    for (size_t i = 0; i < all->len; i++)
        if (!all->at[i].over) return false;
    return true;
}

/* ---- opening and closing ---- */

static void open_stages(struct sched *s, struct pipe *p) {
    const struct flow_setup *f = p->setup;
    size_t edges = 0;
    for (size_t i = 0; i < f->stages_len; i++) edges += f->stages[i].after_len;
    p->fluid = (struct fluid){.stages = arena_alloc(&s->arena, f->stages_len, sizeof *p->fluid.stages),
                              .edges = arena_alloc(&s->arena, edges + 1, sizeof *p->fluid.edges),
                              .stages_len = f->stages_len};
    p->sums = arena_alloc(&s->arena, f->stages_len, sizeof *p->sums);
    p->crew = arena_alloc(&s->arena, f->stages_len, sizeof *p->crew);
    p->per_worker = arena_alloc(&s->arena, f->stages_len, sizeof *p->per_worker);
    p->workers_each = arena_alloc(&s->arena, f->stages_len, sizeof *p->workers_each);
    p->before = arena_alloc(&s->arena, f->stages_len, sizeof *p->before);
    for (uint32_t i = 0; i < f->stages_len; i++) {
        const struct flow_stage *from = &f->stages[i];
        p->fluid.stages[i].first = from->after_len == 0;
        for (size_t k = 0; k < from->after_len; k++)
            p->fluid.edges[p->fluid.edges_len++] = (struct fluid_edge){from->after[k], i, flow_buffer(f, i)};
        p->workers_each[i] = 1;
        p->per_worker[i] = from->work.batch / from->work.service_s;
        if (!flow_has_crew(from)) p->per_worker[i] *= from->scale.most;
    }
}

static void open_crew(struct sched *s, struct pipe *p, struct crew *c, uint32_t first_job) {
    const struct flow_setup *f = p->setup;
    struct flows *all = s->flows;
    c->first_job = first_job;
    c->workers = &all->workers[first_job - all->first_job];
    c->parts = arena_alloc(&s->arena, s->setup->pools_len, sizeof *c->parts);
    c->look_ns = c->many_since_ns = TICK_NEVER;
    c->held_milli = shape_gpu_milli(world_shape(&s->world, first_job));
    for (uint32_t w = 0; w < c->setup.scale.most; w++)
        all->crew_of[first_job - all->first_job + w] = (uint32_t)(c - all->crews);
    for (uint32_t i = 0; i < f->stages_len; i++) {
        if (!flow_has_crew(&f->stages[i]) || (c->setup.stage != FLOW_ALL && c->setup.stage != i)) continue;
        p->crew[i] = c;
        if (c->setup.stage == FLOW_ALL) {
            p->workers_each[i] = (double)f->stages[i].scale.most / c->setup.scale.most;
            p->per_worker[i] *= p->workers_each[i];
        }
        c->work_milli += p->workers_each[i] * f->stages[i].work.gpus * 1000;
    }
}

struct flows *flows_open(struct sched *s) {
    const struct setup *setup = s->setup;
    struct flows *all = s->flows = arena_alloc(&s->arena, 1, sizeof *all);
    const size_t records = flows_records(setup);
    size_t crews = 0;
    all->setup = setup;
    all->len = setup->flows_len;
    all->at = arena_alloc(&s->arena, all->len, sizeof *all->at);
    all->first_job = s->first_worker;
    all->first_handle = (uint32_t)all->len;
    all->workers = arena_alloc(&s->arena, records + 1, sizeof *all->workers);
    all->crew_of = arena_alloc(&s->arena, records + 1, sizeof *all->crew_of);
    for (size_t i = 0; i < all->len; i++) crews += flow_crews(&setup->flows[i]);
    all->crews = arena_alloc(&s->arena, crews + 1, sizeof *all->crews);
    evq_init(&all->due, true);
    uint32_t first_job = all->first_job;
    struct crew *next = all->crews;
    for (uint32_t i = 0; i < all->len; i++) {
        struct pipe *p = &all->at[i];
        p->setup = &setup->flows[i];
        p->crews = next;
        p->crews_len = flow_crews(p->setup);
        p->lot_ns = p->shape_ns = p->end_ns = TICK_NEVER;
        if (p->setup->lot > 0) p->rng = rng_open(setup->seed, "pipelines", i);
        p->seen = arena_alloc(&s->arena, p->crews_len * (p->setup->stages_len + 1) + 1, sizeof *p->seen);
        open_stages(s, p);
        for (size_t k = 0; k < p->crews_len; k++, next++) {
            next->setup = flow_crew(p->setup, k);
            next->pipe = i;
            open_crew(s, p, next, first_job);
            first_job += next->setup.scale.most;
        }
    }
    return all;
}

void flows_close(struct flows *all) {
    if (all == NULL) return;
    for (size_t i = 0; i < all->len; i++)
        if (all->at[i].rng) rng_close(all->at[i].rng);
    evq_free(&all->due);
    free(all->touched.at);
}

static bool all_may(struct sched *s, const struct pipe *p, uint32_t region) {
    for (size_t i = 0; i < p->crews_len; i++)
        if (!sched_may(s, p->crews[i].first_job, region)) return false;
    return true;
}

/* Its tenant's home where that can hold all of its crews, else the first region that can. */
static void settle_down(struct sched *s, struct pipe *p) {
    if (p->crews_len == 0) return;
    const uint32_t tenant = s->world.jobs.at[p->crews[0].first_job].tenant, home = s->world.tenants[tenant].home;
    uint32_t region = home != SETUP_ANYWHERE && all_may(s, p, home) ? home : 0;
    while (!all_may(s, p, region)) region++; /* one can: checked before */
    for (size_t i = 0; i < p->crews_len; i++)
        p->crews[i].domain = s->world.domain_of[tenant * s->setup->regions_len + region];
}

void flows_begin(struct sched *s) {
    for (size_t i = 0; i < s->flows->len; i++) {
        settle_down(s, &s->flows->at[i]);
        schedule(s->flows, (uint32_t)i, s->setup->flows[i].start_ns);
    }
    arm(s);
}

/* ---- results ---- */

static void stage_result(const struct pipe *p, size_t stage, struct flow_stage_result *r) {
    const struct stage_sums *sums = &p->sums[stage];
    const struct crew *c = p->crew[stage];
    const double gpus = p->setup->stages[stage].work.gpus;
    *r = (struct flow_stage_result){.name = p->setup->stages[stage].work.name, .items = sums->items,
                                    .busy_h = sums->busy_ns / 3.6e12, .starved_h = sums->starved_ns / 3.6e12,
                                    .blocked_h = sums->blocked_ns / 3.6e12,
                                    .workers_most = (uint32_t)llround(sums->ready_most)};
    if (c == NULL) return;
    r->worker_h = c->worker_ns / 3.6e12 * p->workers_each[stage];
    r->gpu_h = c->setup.stage == FLOW_ALL ? r->worker_h * gpus : c->gpu_h;
    r->stalled_gpu_h = (r->starved_h + r->blocked_h) * gpus;
    r->starts = (uint64_t)llround((double)c->starts * p->workers_each[stage]);
    if (c->setup.stage == FLOW_ALL) return;
    r->energy_j = c->energy.j;
    r->energy_usd = c->energy.usd;
    r->co2_g = c->energy.g;
    r->capacity_usd = c->capacity_usd;
}

static void add_crew(struct flow_result *r, const struct crew *c) {
    r->worker_h += c->worker_ns / 3.6e12;
    r->gpu_h += c->gpu_h;
    r->busy_gpu_h += c->used_milli_ns / 3.6e15;
    r->stalled_gpu_h += c->stalled_milli_ns / 3.6e15;
    r->energy_j += c->energy.j;
    r->energy_usd += c->energy.usd;
    r->co2_g += c->energy.g;
    r->capacity_usd += c->capacity_usd;
    r->starts += c->starts;
}

void flows_results(struct sched *s, struct flow_result *results) {
    for (size_t i = 0; i < s->flows->len; i++) {
        const struct pipe *p = &s->flows->at[i];
        struct flow_result *r = &results[i];
        double least = INFINITY, least_window = INFINITY;
        *r = (struct flow_result){.name = p->setup->name, .monolithic = p->setup->monolithic,
                                  .offered = p->offered_window, .active_s = p->active_ns / 1e9, .end_ns = p->end_ns,
                                  .stages = mem_zero(p->setup->stages_len, sizeof *r->stages),
                                  .stages_len = p->setup->stages_len};
        for (size_t k = 0; k < r->stages_len; k++) {
            stage_result(p, k, &r->stages[k]);
            least = fmin(least, p->fluid.stages[k].done);
            least_window = fmin(least_window, p->sums[k].items);
        }
        r->items = least_window;
        r->left = p->over ? 0 : p->fluid.offered - least;
        for (size_t k = 0; k < p->crews_len; k++) add_crew(r, &p->crews[k]);
    }
}
