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
#include <stdlib.h>
#include <string.h>

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
    if (sched_is_replica(s, slot->job)) return; /* never by itself */
    const int64_t left = s->world.jobs.at[slot->job].left_ns - w->done_ns;
    const int64_t productive = w->speed == 1 ? left : (int64_t)ceil((double)left / w->speed);
    const int64_t until = cycle_done_ns(&w->cycle, w->wall_ns) + productive;
    slot->end_ns = w->mark_ns + cycle_wall_ns(&w->cycle, until) - w->wall_ns;
}

void work_begin(struct sched *s, uint32_t id) {
    const struct slot *slot = &s->slots.at[id];
    while (s->works.len <= id) (void)vec_push(&s->works);
    const double rate_per_ns = s->iron ? iron_failures_per_h(s, slot->takes) / 3.6e12 : 0;
    static const struct checkpoint_setup never = {.kind = CHECKPOINT_NONE}; /* a service has nothing to save */
    const struct checkpoint_setup *writes = sched_is_replica(s, slot->job) ? &never : &s->setup->policy.checkpoint;
    s->works.at[id] = (struct work){.cycle = checkpoint_cycle(writes, rate_per_ns),
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

int64_t work_expected(const struct sched *s, uint32_t id) {
    const struct slot *slot = &s->slots.at[id];
    const struct job *j = &s->world.jobs.at[slot->job];
    return slot->end_ns + (int64_t)((double)(j->estimate_ns - j->run_ns) / s->works.at[id].speed);
}

int64_t work_moment(const struct sched *s, uint32_t id, int64_t when) {
    const struct work *w = &s->works.at[id];
    const int64_t gone = w->stop_ns < TICK_NEVER ? w->stop_ns + s->setup->policy.suspend_ns : TICK_NEVER;
    if (gone < when) when = gone;
    return w->look_ns < when ? w->look_ns : when;
}

/* ---- pace ---- */

/* Where the run times of a class were recorded: on whole nodes of eight, as few as hold the job. */
enum { RECORDED_NODE_GPUS = 8 };

/* Batches that are tried for a size: so many steps of the same ratio from the class's own to the largest. */
enum { BATCH_STEPS = 32 };

/* Work that counts a second, at the best batch of those the class allows. */
static double best_batch_per_s(const struct class_setup *c, struct scale scale, double progress) {
    const struct speed_model *m = (const struct speed_model *)(const void *)c->speed.model;
    double best = 0;
    for (int i = 0; i <= BATCH_STEPS; i++) {
        if (i > 0) scale.batch = c->speed_batch * pow(c->batch_most / c->speed_batch, i / (double)BATCH_STEPS);
        best = fmax(best, m->per_s(c->speed.params, &scale) * m->efficiency(c->speed.params, &scale, progress));
    }
    return best;
}

double work_speed(const struct sched *s, uint32_t job, uint32_t pool, uint32_t gpus, uint32_t nodes, double progress) {
    const struct class_setup *c = world_class(&s->world, job);
    const struct speed_model *m = (const struct speed_model *)(const void *)c->speed.model;
    const struct resize_model *policy = (const struct resize_model *)(const void *)s->setup->policy.resize.model;
    const struct shape *recorded = &s->world.jobs.shapes.at[resize_recorded(s, job)];
    const double share = recorded->share_milli ? recorded->share_milli / 1000.0 : 1;
    const struct scale here = {.chip = s->setup->pools[pool].gpu, .gpus = gpus ? gpus : 1, .nodes = nodes,
                               .share = share, .batch = c->speed_batch};
    struct scale there = {.chip = c->speed_gpu, .gpus = recorded->gpus ? recorded->gpus : 1, .share = share,
                          .batch = c->speed_batch};
    there.nodes = (there.gpus + RECORDED_NODE_GPUS - 1) / RECORDED_NODE_GPUS;
    const bool fits_batch = policy && policy->fits_batch && m->efficiency && c->batch_most > c->speed_batch;
    double now, then = m->per_s(c->speed.params, &there);
    if (fits_batch && c->gpus_most > 0) {
        now = best_batch_per_s(c, here, progress);
        then *= m->efficiency(c->speed.params, &there, progress);
    } else {
        now = m->per_s(c->speed.params, &here);
    }
    return now > 0 && then > 0 ? now / then : 0;
}

/* As it is placed; as recorded where its class's speed model does not know. */
static double placed_speed(const struct sched *s, const struct slot *slot) {
    const struct job *j = &s->world.jobs.at[slot->job];
    uint32_t nodes = 0;
    for (uint32_t t = slot->takes; t != FLEET_NONE; t = s->takes.at[t].next) nodes++;
    const double progress = 1 - (double)j->left_ns / (double)(j->run_ns ? j->run_ns : 1);
    const double speed = work_speed(s, slot->job, take_pool(s, &s->takes.at[slot->takes]),
                                    world_shape(&s->world, slot->job)->gpus, nodes, progress);
    return speed > 0 ? speed : 1;
}

void work_pace(const struct sched *s, const struct slot *slot, struct rate *rate) {
    if (sched_is_replica(s, slot->job)) return;
    const struct shape *shape = world_shape(&s->world, slot->job);
    const struct class_setup *c = world_class(&s->world, slot->job);
    if (c == NULL || shape_gpu_milli(shape) == 0) return;
    const double pace = c->speed.model ? placed_speed(s, slot) : 1;
    rate->speed *= pace;
    if (c->supply.item_bytes <= 0) return;
    struct data_supply supply = c->supply;
    supply.ingest_items_per_s *=
        pace * shape_gpu_milli(&s->world.jobs.shapes.at[resize_recorded(s, slot->job)]) / 1000.0;
    supply.cpus = shape->cpu_milli / 1000.0;
    rate->stall = pipeline_supply_stall(&supply);
    rate->speed *= 1 - rate->stall;
}

bool work_load(const struct sched *s, uint32_t job, uint32_t pool, double *compute, double *memory) {
    const struct class_setup *c = world_class(&s->world, job);
    const struct shape *shape = world_shape(&s->world, job);
    if (c == NULL || shape_gpu_milli(shape) == 0 || sched_is_replica(s, job)) return false;
    const double part = shape->share_milli ? shape->share_milli / 1000.0 : 1;
    if (c->load.compute + c->load.memory > 0) {
        *compute = c->load.compute / part;
        *memory = c->load.memory / part;
        return true;
    }
    const struct speed_model *m = (const struct speed_model *)(const void *)c->speed.model;
    const struct scale here = {.chip = s->setup->pools[pool].gpu, .gpus = shape->gpus ? shape->gpus : 1, .share = part,
                               .nodes = (shape->gpus + RECORDED_NODE_GPUS - 1) / RECORDED_NODE_GPUS,
                               .batch = c->speed_batch};
    return m && m->load && m->load(c->speed.params, &here, compute, memory);
}

static bool runs(const struct class_setup *c, const char *chip, uint32_t gpus) {
    const struct speed_model *m = (const struct speed_model *)(const void *)c->speed.model;
    const uint32_t nodes = (gpus + RECORDED_NODE_GPUS - 1) / RECORDED_NODE_GPUS;
    return m->per_s(c->speed.params, &(struct scale){chip, gpus, nodes, 1, c->speed_batch}) > 0;
}

/* Where jobs of the class and shape could be put and their speed is not known. */
static void check_shape(const struct sched *s, const struct class_setup *c, const struct shape *shape,
                        struct err *err) {
    const struct place_in_file at = {.path = "classes.speed"};
    if (!runs(c, c->speed_gpu, shape->gpus))
        err_add(err, at, "'%s' knows no speed on %u GPUs of %s, where run times were recorded", c->speed.model->name,
                shape->gpus, c->speed_gpu);
    struct names models;
    names_init(&models);
    for (size_t p = 0; p < s->setup->pools_len; p++) {
        const struct pool_setup *pool = &s->setup->pools[p];
        const bool accepted = shape->models >> fleet_model(&models, pool) & 1;
        if (accepted && pool->gpus && strcmp(pool->gpu, c->speed_gpu) != 0 && !runs(c, pool->gpu, shape->gpus))
            err_add(err, at, "'%s' knows no speed on %u GPUs of %s (pool '%s'); say which GPU models the jobs accept",
                    c->speed.model->name, shape->gpus, pool->gpu, pool->name);
    }
    names_free(&models);
}

bool work_check(const struct sched *s, struct err *err) {
    const struct jobs *jobs = &s->world.jobs;
    const size_t found = err->found, shapes = jobs->shapes.len;
    bool *seen = mem_zero(shapes * s->setup->classes_len + 1, sizeof *seen);
    for (uint32_t i = 0; s->speeds && i < jobs->len; i++) {
        const struct class_setup *c = world_class(&s->world, i);
        if (c == NULL || c->speed.model == NULL || world_shape(&s->world, i)->gpus == 0) continue;
        const uint32_t recorded = resize_recorded(s, i);
        bool *once = &seen[(size_t)(c - s->setup->classes) * shapes + recorded];
        if (!*once) check_shape(s, c, &jobs->shapes.at[recorded], err);
        *once = true;
    }
    free(seen);
    return err->found == found;
}
