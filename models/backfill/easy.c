/*
 * EASY backfilling (Lifka 1995; Mu'alem & Feitelson 2001): jobs start from the head of the line while they fit.
 * The first that does not holds a reservation at the shadow time, when by the running jobs' estimates enough
 * GPUs will be free. A later job starts now if it fits and either ends by the shadow time or needs no more than
 * the GPUs left over then. Reservations count GPUs of the models the head accepts, not nodes.
 *
 * Candidates are the first qualifying job of each group, taken in queue order; as a pass only ever takes capacity
 * away, a job that did not qualify stays disqualified. Cost: O(groups + started x log waiting) a pass.
 */
#include "core/seams.h"

#include "base/evq.h"

struct easy {
    struct evq candidates; /* handle: group */
    bool opened;
};

/* What the held head leaves to others. */
struct room {
    uint64_t models;      /* the head's */
    int64_t limit_ns;     /* estimates up to this end by the shadow time */
    int64_t extra_milli;
};

static void easy_open(void *state, const void *params, const struct world *world) {
    struct easy *e = state;
    (void)params;
    (void)world;
    evq_init(&e->candidates, true);
    e->opened = true;
}

static void easy_close(void *state) {
    struct easy *e = state;
    if (e->opened) evq_free(&e->candidates);
}

/* Whether any job of the shape may start, however long it is. */
static bool any_length(const struct room *room, const struct shape *shape) {
    return (int64_t)shape_gpu_milli(shape) <= room->extra_milli || (shape->models & room->models) == 0;
}

/* Enters the group's first qualifying job, or sets the group aside. */
static void consider(struct easy *e, struct sched *sched, uint32_t group, const struct room *room) {
    const uint32_t job = any_length(room, sched_group_shape(sched, group))
                             ? sched_group_head(sched, group)
                             : sched_first_within(sched, group, room->limit_ns);
    if (job != JOB_NONE) evq_move(&e->candidates, evq_pack(sched_key(sched, job), job, group));
    else if (sched_group_head(sched, group) != JOB_NONE)
        sched_group_set_aside(sched, group, sched_explain(sched, group));
}

static uint32_t start_heads(struct sched *sched, uint32_t domain) {
    enum why why;
    for (uint32_t job = sched_next(sched, domain); job != JOB_NONE; job = sched_next(sched, domain))
        if (!sched_start(sched, job, &why)) {
            sched_hold(sched, job, why);
            return job;
        }
    return JOB_NONE;
}

static void pass(void *state, struct sched *sched, uint32_t domain) {
    struct easy *e = state;
    const struct world *w = sched_world(sched);
    uint32_t held = sched_held(sched, domain);
    if (held == JOB_NONE) held = start_heads(sched, domain);
    if (held == JOB_NONE) return;
    int64_t shadow_ns;
    struct room room = {.models = world_shape(w, held)->models};
    sched_shadow(sched, domain, held, &shadow_ns, &room.extra_milli);
    room.limit_ns = shadow_ns - w->now_ns;
    const uint32_t *groups;
    const uint32_t count = sched_groups(sched, domain, &groups);
    for (uint32_t i = 0; i < count; i++) consider(e, sched, groups[i], &room);
    while (!evq_empty(&e->candidates)) {
        const evq_key top = evq_pop(&e->candidates);
        const uint32_t job = evq_seq(top), group = evq_handle(top);
        const struct shape *shape = world_shape(w, job);
        const bool in_time = w->jobs.at[job].estimate_ns <= room.limit_ns;
        enum why why;
        if (!in_time && !any_length(&room, shape)) {
            consider(e, sched, group, &room); /* the left-over GPUs were taken since */
        } else if (sched_start(sched, job, &why)) {
            if (!in_time && (shape->models & room.models)) room.extra_milli -= (int64_t)shape_gpu_milli(shape);
            consider(e, sched, group, &room);
        } else {
            sched_group_set_aside(sched, group, why);
        }
    }
}

const struct backfill_model backfill_easy = {
    .model = {.name = "easy",
              .summary = "one reservation, for the head; others must not delay it",
              .source = "Mu'alem & Feitelson, IEEE TPDS 12(6), 2001",
              .state_size = sizeof(struct easy)},
    .open = easy_open,
    .pass = pass,
    .close = easy_close,
    .needs_search = true,
    .needs_ends = true,
    .reserves = true,
};
