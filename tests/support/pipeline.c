/*
 * See pipeline.h. A worker takes a batch of its stage from the buffer before it (the last one may be smaller), serves
 * it, and hands it on as far as the next buffer has room; until all of it is handed on, it does nothing else. The
 * first stage takes from the source, which loses nothing: what is offered waits there. Workers of a stage are alike
 * and served in turn, so batches leave a stage in the order they were begun, and each stage needs two rings alone:
 * batches in service, and batches waiting to be handed on. The event queue holds one entry a stage that serves.
 *
 * Invariant: items taken by a stage = handed on + in service + waiting there; a buffer never holds more than fits.
 */
#include "support/pipeline.h"

#include "base/err.h"
#include "base/evq.h"
#include "base/mem.h"
#include "base/tick.h"

#include <math.h>
#include <stdlib.h>

/* Event handles, in the order of one instant: a stage's next batch ends, its workers are ready; the source. */
enum { EVENT_READY = PIPELINE_STAGES_MOST, EVENT_SOURCE = 2 * PIPELINE_STAGES_MOST };

struct lot {
    int64_t at_ns; /* when it ends; unused where it waits */
    double items;
};
struct ring {
    struct lot *at;
    uint32_t first, len, cap;
};
struct station {
    const struct stage *stage;
    struct ring serving, waiting;
    uint32_t idle;
    int64_t service_ns;
    double buffer, taken, stored; /* the buffer before it; from there, ever; in it */
    double busy_s;
};
struct pipeline {
    struct station at[PIPELINE_STAGES_MOST];
    size_t count;
    const struct pipeline_run *run;
    struct evq events;
    int64_t now_ns;
    double done;          /* items that left the last stage */
    int64_t half_ns;      /* when half of them had, -1 before; */
    double half_done;     /* and how many those were, at the end of that instant */
    uint64_t events_done;
};

static void ring_push(struct ring *ring, struct lot lot) {
    require(ring->len < ring->cap);
    uint32_t i = ring->first + ring->len++;
    ring->at[i < ring->cap ? i : i - ring->cap] = lot;
}
static struct lot ring_pop(struct ring *ring) {
    const struct lot lot = ring->at[ring->first];
    ring->first = ring->first + 1 < ring->cap ? ring->first + 1 : 0;
    ring->len--;
    return lot;
}

static void schedule(struct pipeline *p, int64_t at_ns, uint32_t handle) {
    evq_move(&p->events, evq_pack((uint64_t)at_ns, handle, handle));
}
static void schedule_ring(struct pipeline *p, const struct ring *ring, uint32_t handle) {
    if (ring->len) schedule(p, ring->at[ring->first].at_ns, handle);
}

/* Whether stage i may take so many items now. Where the source has not offered them yet, the first stage
 * looks again when it has. */
static bool may_take(struct pipeline *p, size_t i, double items) {
    const struct station *s = &p->at[i];
    if (i > 0) return s->stored >= items;
    const double due_ns = ceil((s->taken + items) / p->run->source_per_s * 1e9); /* 0: always there */
    if (due_ns <= (double)p->now_ns) return true;
    if (due_ns < (double)TICK_NEVER) schedule(p, (int64_t)due_ns, EVENT_SOURCE);
    return false;
}

/* Idle workers take what there is; true when one did. */
static bool take(struct pipeline *p, size_t i) {
    struct station *s = &p->at[i];
    bool any = false;
    while (s->idle > 0 && s->taken < p->run->items) {
        const double items = fmin(s->stage->batch, p->run->items - s->taken);
        if (!may_take(p, i, items)) break;
        s->taken += items;
        if (i > 0) s->stored -= items;
        s->idle--;
        s->busy_s += tick_seconds(s->service_ns);
        ring_push(&s->serving, (struct lot){p->now_ns + s->service_ns, items});
        any = true;
    }
    if (any) schedule_ring(p, &s->serving, (uint32_t)i);
    return any;
}

/* Batches that were served are handed on as far as there is room; true when anything was. */
static bool hand_on(struct pipeline *p, size_t i) {
    struct station *s = &p->at[i];
    struct station *next = i + 1 < p->count ? s + 1 : NULL;
    bool any = false;
    while (s->waiting.len > 0) {
        struct lot *lot = &s->waiting.at[s->waiting.first];
        const double room = next ? next->buffer - next->stored : INFINITY;
        const double items = fmin(lot->items, room);
        if (items <= 0) break;
        if (next) next->stored += items;
        else p->done += items;
        lot->items -= items;
        any = true;
        if (lot->items > 0) break;
        ring_pop(&s->waiting);
        s->idle++;
    }
    return any;
}

/* Whatever became possible at stage i happens, there and on both sides of it. */
static void settle(struct pipeline *p, size_t i) {
    for (uint32_t open = 1u << i; open;) {
        const uint32_t at = 31u - (uint32_t)__builtin_clz(open);
        open &= ~(1u << at);
        if (hand_on(p, at) && at + 1 < p->count) open |= 1u << (at + 1);
        if (take(p, at) && at > 0) open |= 1u << (at - 1);
    }
}

static void handle(struct pipeline *p, uint32_t event) {
    if (event == EVENT_SOURCE) {
        settle(p, 0);
    } else if (event >= EVENT_READY) {
        struct station *s = &p->at[event - EVENT_READY];
        s->idle = s->stage->workers;
        settle(p, event - EVENT_READY);
    } else {
        struct station *s = &p->at[event];
        ring_push(&s->waiting, ring_pop(&s->serving));
        schedule_ring(p, &s->serving, event);
        settle(p, event);
    }
}

static struct ring ring_of(uint32_t cap) {
    return (struct ring){.at = mem_zero(cap, sizeof(struct lot)), .cap = cap};
}

static void begin(struct pipeline *p, const struct stage *stages, size_t count, const struct pipeline_run *run) {
    *p = (struct pipeline){.count = count, .run = run, .half_ns = -1};
    require(count > 0 && count <= PIPELINE_STAGES_MOST && run->items >= 1 && run->items == floor(run->items));
    evq_init(&p->events, true);
    for (size_t i = 0; i < count; i++) {
        const struct stage *s = &stages[i];
        const double buffer = run->buffers[i];
        require(s->workers > 0 && s->service_s >= 1e-9 && s->batch >= 1 && s->batch == floor(s->batch));
        require(buffer >= s->batch && buffer == floor(buffer));
        p->at[i] = (struct station){.stage = s, .serving = ring_of(s->workers), .waiting = ring_of(s->workers),
                                    .buffer = buffer, .service_ns = tick_from_seconds(s->service_s)};
        schedule(p, tick_from_seconds(s->start_s), (uint32_t)(EVENT_READY + i));
    }
}

struct pipeline_result pipeline_simulate(const struct stage *stages, size_t count, const struct pipeline_run *run) {
    struct pipeline p;
    begin(&p, stages, count, run);
    while (p.done < run->items) {
        const evq_key key = evq_pop(&p.events);
        p.now_ns = (int64_t)evq_rank(key);
        p.events_done++;
        handle(&p, evq_handle(key));
        if (p.half_ns < 0 && 2 * p.done >= run->items) p.half_ns = p.now_ns;
        if (p.half_ns == p.now_ns) p.half_done = p.done;
    }
    const double seconds = tick_seconds(p.now_ns), second_half_s = tick_seconds(p.now_ns - p.half_ns);
    struct pipeline_result result = {
        .seconds = seconds, .rate = p.done / seconds, .events = p.events_done,
        .steady_rate = second_half_s > 0 ? (p.done - p.half_done) / second_half_s : p.done / seconds};
    for (size_t i = 0; i < count; i++) {
        result.busy_s[i] = p.at[i].busy_s;
        free(p.at[i].serving.at);
        free(p.at[i].waiting.at);
    }
    evq_free(&p.events);
    return result;
}
