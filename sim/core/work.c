/*
 * What a running job has done, where that is more than the time gone by: it writes checkpoints, a power cap slows
 * it, a suspension ends its work before its GPUs are free.
 *
 * Work is piecewise linear in wall time: cycles of `every` work and `write` pause, at a speed that changes at
 * marks. Everything follows in closed form from the last mark, so a checkpoint costs no event and no memory.
 * Invariant: at speed 1 all of it is exact in whole nanoseconds.
 */
#include "core/engine.h"

#include "base/tick.h"

#include <math.h>

int64_t work_wall(const struct work *w, int64_t now) {
    const int64_t until = now < w->stop_ns ? now : w->stop_ns;
    return w->wall_ns + (until > w->mark_ns ? until - w->mark_ns : 0);
}

static int64_t at_speed(int64_t ns, double speed) { return speed == 1 ? ns : (int64_t)floor((double)ns * speed); }

int64_t work_done(const struct work *w, int64_t now) {
    return w->done_ns +
           at_speed(cycle_done_ns(&w->cycle, work_wall(w, now)) - cycle_done_ns(&w->cycle, w->wall_ns), w->speed);
}

int64_t work_safe(const struct work *w, int64_t now) {
    const int64_t written = cycle_safe_ns(&w->cycle, work_wall(w, now));
    const int64_t before = cycle_done_ns(&w->cycle, w->wall_ns);
    return written >= before && written > cycle_safe_ns(&w->cycle, w->wall_ns)
               ? w->done_ns + at_speed(written - before, w->speed)
               : w->safe_ns;
}

int64_t work_paused(const struct work *w, int64_t now) {
    const int64_t wall = work_wall(w, now);
    return wall - cycle_done_ns(&w->cycle, wall);
}

void work_rebase(struct work *w, int64_t done_ns) {
    w->done_ns -= done_ns;
    w->safe_ns -= done_ns;
    w->settled_ns -= done_ns;
}

/* When the job will end, by its work left and its present speed. */
static void set_end(struct sched *s, uint32_t id) {
    struct slot *slot = &s->slots.at[id];
    const struct work *w = &s->works.at[id];
    const int64_t left = s->world.jobs.at[slot->job].left_ns - w->done_ns;
    const int64_t productive = w->speed == 1 ? left : (int64_t)ceil((double)left / w->speed);
    const int64_t until = cycle_done_ns(&w->cycle, w->wall_ns) + productive;
    slot->end_ns = w->mark_ns + cycle_wall_ns(&w->cycle, until) - w->wall_ns;
}

void work_begin(struct sched *s, uint32_t id) {
    const struct slot *slot = &s->slots.at[id];
    while (s->works.len <= id) (void)vec_push(&s->works);
    const double rate_per_ns = s->iron ? iron_failures_per_h(s, slot->takes) / 3.6e12 : 0;
    s->works.at[id] = (struct work){.cycle = checkpoint_cycle(&s->setup->policy.checkpoint, rate_per_ns),
                                    .speed = slot->rate.speed, .mark_ns = slot->work_from_ns,
                                    .stop_ns = TICK_NEVER, .look_ns = TICK_NEVER};
    set_end(s, id);
}

void work_change(struct sched *s, uint32_t id, double speed) {
    struct work *w = &s->works.at[id];
    const int64_t now = s->world.now_ns;
    if (now > w->mark_ns) {
        const int64_t done = work_done(w, now), safe = work_safe(w, now);
        w->wall_ns = work_wall(w, now);
        w->mark_ns = now;
        w->done_ns = done;
        w->safe_ns = safe;
    }
    w->speed = speed;
    set_end(s, id);
}

int64_t work_moment(const struct sched *s, uint32_t id, int64_t when) {
    const struct work *w = &s->works.at[id];
    const int64_t gone = w->stop_ns < TICK_NEVER ? w->stop_ns + s->setup->policy.suspend_ns : TICK_NEVER;
    if (gone < when) when = gone;
    return w->look_ns < when ? w->look_ns : when;
}

static double per_h(const struct chosen *lifetime) {
    if (lifetime->model == NULL) return 0;
    const struct lifetime_model *m = (const struct lifetime_model *)(const void *)lifetime->model;
    return 3600 / m->mean_s(lifetime->params);
}

double pool_failures_per_h(const struct pool_setup *p) {
    const double rack = p->faults.rack ? per_h(&p->faults.rack_every) : 0;
    return per_h(&p->faults.node_every) + p->gpus * per_h(&p->faults.gpu_every) + rack + p->spot_hazard_per_h;
}
