/*
 * Batch pipelines: the closed forms, and a simulation of ramps, limits and back-pressure (pipeline.h).
 *
 * A worker takes a batch of its stage from the buffer before it (the last one may be smaller), serves it, and
 * hands it on as far as the next buffer has room; until all of it is handed on, it does nothing else. The
 * first stage takes from the source, which loses nothing: what is offered waits there. Workers of a stage are
 * alike and served in turn, so batches leave a stage in the order they were begun, and each stage needs three
 * rings alone: batches in service, batches waiting to be handed on, workers that are starting. The event
 * queue holds one entry a ring.
 *
 * Scaling adds a worker to the stage that could do the fewest items a second (starting workers counted), as
 * long as it is slower than the source, may have more workers, and the limits on CPUs and GPUs allow; when it
 * may not, adding to others would help nobody, and scaling ends.
 *
 * Invariant: items taken by a stage = handed on + in service + waiting there; a buffer never holds more than
 * fits. Cost: O(log stages) an event and O(1) a batch handed on; memory: three rings of workers_most a stage.
 */
#include "core/pipeline.h"

#include "base/err.h"
#include "base/evq.h"
#include "base/mem.h"
#include "base/tick.h"

#include <math.h>
#include <stdlib.h>

static double capacity(const struct stage *stage, uint32_t workers) {
    return workers ? workers * stage->batch / stage->service_s : 0;
}

double pipeline_rate(const struct stage *stages, size_t count, size_t *bottleneck) {
    double least = INFINITY;
    for (size_t i = 0; i < count; i++) {
        const double rate = capacity(&stages[i], stages[i].workers);
        if (rate >= least) continue;
        least = rate;
        *bottleneck = i;
    }
    return least;
}

double pipeline_gpu_stall(const struct stage *stages, size_t count) {
    double gpus = INFINITY;
    for (size_t i = 0; i < count; i++)
        if (stages[i].gpus > 0) gpus = fmin(gpus, capacity(&stages[i], stages[i].workers));
    size_t bottleneck;
    return isfinite(gpus) && gpus > 0 ? 1 - pipeline_rate(stages, count, &bottleneck) / gpus : 0;
}

/* Whole nodes for so much, of what each has `of`. Sums of fractions that should be whole count as whole. */
static double nodes_for(double amount, double of) {
    return amount > 0 ? ceil(amount / of - 1e-9) : 0;
}

struct packing pipeline_monolithic(double cpus, double gpus, const struct node_shape *node) {
    const double nodes = fmax(nodes_for(cpus, node->cpus), nodes_for(gpus, node->gpus));
    return (struct packing){
        .gpu_nodes = nodes, .gpus_bought = nodes * node->gpus, .gpus_used = gpus,
        .cpus_bought = nodes * node->cpus, .cpus_used = cpus, .usd_per_h = nodes * node->usd_per_h};
}

struct packing pipeline_disaggregated(double cpus, double gpus, const struct node_shape *gpu_node,
                                      const struct node_shape *cpu_node) {
    const double with = nodes_for(gpus, gpu_node->gpus);
    const double without = nodes_for(cpus - with * gpu_node->cpus, cpu_node->cpus);
    return (struct packing){
        .gpu_nodes = with, .cpu_nodes = without, .gpus_bought = with * gpu_node->gpus, .gpus_used = gpus,
        .cpus_bought = with * gpu_node->cpus + without * cpu_node->cpus, .cpus_used = cpus,
        .usd_per_h = with * gpu_node->usd_per_h + without * cpu_node->usd_per_h};
}

double pipeline_supply_rate(const struct data_supply *supply) {
    const double hit = supply->cache_hit, miss = 1 - hit;
    const double byte_s = (miss > 0 ? miss / supply->fetch_bytes_per_s : 0) +
                          (hit > 0 ? hit / supply->memory_bytes_per_s : 0);
    const double fetched = 1 / (supply->item_bytes * byte_s);
    const double prepared = supply->prepare_items_per_s_per_cpu * supply->cpus;
    return fmin(supply->ingest_items_per_s, fmin(prepared, fetched));
}

double pipeline_supply_stall(const struct data_supply *supply) {
    return 1 - pipeline_supply_rate(supply) / supply->ingest_items_per_s;
}

/* ---- the simulation ---- */

enum { STAGES_MOST = 16 };
/* Event handles, in the order of one instant: a stage's next batch ends, its next worker is ready; timers. */
enum { EVENT_READY = STAGES_MOST, EVENT_SOURCE = 2 * STAGES_MOST, EVENT_SCALE };

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
    struct ring serving, waiting, starting;
    uint32_t workers, idle;
    int64_t service_ns, start_ns;
    double taken, stored; /* from before it, ever; in the buffer before it */
};
struct pipeline {
    struct station at[STAGES_MOST];
    size_t count;
    const struct pipeline_run *run;
    struct evq events;
    int64_t now_ns;
    double cpus, gpus;    /* of all workers */
    double added_cpu_s, added_gpu_s; /* before workers were added: what now_ns x cpus counts too much */
    double served_cpu_s, served_gpu_s;
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
    const struct stage *stage = s->stage;
    bool any = false;
    while (s->idle > 0 && s->taken < p->run->items) {
        const double items = fmin(stage->batch, p->run->items - s->taken);
        if (!may_take(p, i, items)) break;
        s->taken += items;
        if (i > 0) s->stored -= items;
        s->idle--;
        p->served_cpu_s += stage->cpus * tick_seconds(s->service_ns);
        p->served_gpu_s += stage->gpus * tick_seconds(s->service_ns);
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
        const double room = next ? next->stage->buffer - next->stored : INFINITY;
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

static void grow(struct pipeline *p, size_t i) {
    struct station *s = &p->at[i];
    s->workers++;
    p->cpus += s->stage->cpus;
    p->gpus += s->stage->gpus;
    p->added_cpu_s += s->stage->cpus * tick_seconds(p->now_ns);
    p->added_gpu_s += s->stage->gpus * tick_seconds(p->now_ns);
    ring_push(&s->starting, (struct lot){.at_ns = p->now_ns + s->start_ns});
    schedule_ring(p, &s->starting, (uint32_t)(EVENT_READY + i));
}

/* Sums of fractions of GPUs, and rates, may miss a round limit by their rounding. */
static bool within(double amount, double most) {
    return amount <= most * (1 + 1e-9);
}

/* One worker more where it helps; then again after the interval, unless no stage can help any more. */
static void scale(struct pipeline *p) {
    size_t slowest = 0;
    double least = INFINITY;
    for (size_t i = 0; i < p->count; i++) {
        const double rate = capacity(p->at[i].stage, p->at[i].workers);
        if (rate < least) least = rate, slowest = i;
    }
    const struct station *s = &p->at[slowest];
    if (within(p->run->source_per_s, least) || s->workers >= s->stage->workers_most ||
        !within(p->cpus + s->stage->cpus, p->run->cpus_most) ||
        !within(p->gpus + s->stage->gpus, p->run->gpus_most))
        return;
    grow(p, slowest);
    schedule(p, p->now_ns + tick_from_seconds(p->run->scale_every_s), EVENT_SCALE);
}

static void handle(struct pipeline *p, uint32_t event) {
    if (event == EVENT_SCALE) {
        scale(p);
    } else if (event == EVENT_SOURCE) {
        settle(p, 0);
    } else if (event >= EVENT_READY) {
        struct station *s = &p->at[event - EVENT_READY];
        ring_pop(&s->starting);
        s->idle++;
        schedule_ring(p, &s->starting, event);
        settle(p, event - EVENT_READY);
    } else {
        struct station *s = &p->at[event];
        ring_push(&s->waiting, ring_pop(&s->serving));
        schedule_ring(p, &s->serving, event);
        settle(p, event);
    }
}

static bool can_run(const struct stage *stages, size_t count, const struct pipeline_run *run) {
    double cpus = 0, gpus = 0;
    if (count == 0 || count > STAGES_MOST || !(run->source_per_s > 0)) return false;
    if (!(run->items >= 1) || run->items != floor(run->items)) return false;
    for (size_t i = 0; i < count; i++) {
        const struct stage *s = &stages[i];
        if (!(s->batch >= 1) || s->batch != floor(s->batch) || !(s->service_s > 0)) return false;
        if (!(s->buffer >= s->batch) || s->buffer != floor(s->buffer)) return false;
        if (s->workers > s->workers_most) return false;
        cpus += s->workers * s->cpus;
        gpus += s->workers * s->gpus;
    }
    return within(cpus, run->cpus_most) && within(gpus, run->gpus_most);
}

static struct ring ring_of(uint32_t cap) {
    return (struct ring){.at = mem_zero(cap, sizeof(struct lot)), .cap = cap};
}

static void begin(struct pipeline *p, const struct stage *stages, size_t count,
                  const struct pipeline_run *run) {
    *p = (struct pipeline){.count = count, .run = run, .half_ns = -1};
    evq_init(&p->events, true);
    for (size_t i = 0; i < count; i++) {
        const struct stage *s = &stages[i];
        const int64_t service_ns = tick_from_seconds(s->service_s);
        p->at[i] = (struct station){
            .stage = s, .serving = ring_of(s->workers_most), .waiting = ring_of(s->workers_most),
            .starting = ring_of(s->workers_most), .workers = s->workers, .idle = s->workers,
            .service_ns = service_ns > 0 ? service_ns : 1, .start_ns = tick_from_seconds(s->start_s)};
        p->cpus += s->workers * s->cpus;
        p->gpus += s->workers * s->gpus;
    }
    settle(p, 0);
    if (run->scale_every_s > 0) schedule(p, tick_from_seconds(run->scale_every_s), EVENT_SCALE);
}

static void end(struct pipeline *p, struct pipeline_result *result) {
    const double seconds = tick_seconds(p->now_ns), second_half_s = tick_seconds(p->now_ns - p->half_ns);
    *result = (struct pipeline_result){
        .seconds = seconds, .rate = p->done / seconds,
        .steady_rate = second_half_s > 0 ? (p->done - p->half_done) / second_half_s : p->done / seconds,
        .gpu_busy_s = p->served_gpu_s, .gpu_held_s = p->gpus * seconds - p->added_gpu_s,
        .cpu_busy_s = p->served_cpu_s, .cpu_held_s = p->cpus * seconds - p->added_cpu_s,
        .events = p->events_done};
    for (size_t i = 0; i < p->count; i++) result->workers[i] = p->at[i].workers;
}

bool pipeline_simulate(const struct stage *stages, size_t count, const struct pipeline_run *run,
                       struct pipeline_result *result) {
    if (!can_run(stages, count, run)) return false;
    struct pipeline p;
    begin(&p, stages, count, run);
    while (p.done < run->items && !evq_empty(&p.events)) {
        const evq_key key = evq_pop(&p.events);
        p.now_ns = (int64_t)evq_rank(key);
        p.events_done++;
        handle(&p, evq_handle(key));
        if (p.half_ns < 0 && 2 * p.done >= run->items) p.half_ns = p.now_ns;
        if (p.half_ns == p.now_ns) p.half_done = p.done;
    }
    const bool all = p.done >= run->items; /* else a stage without a worker can never get one */
    if (all) end(&p, result);
    for (size_t i = 0; i < count; i++) {
        free(p.at[i].serving.at);
        free(p.at[i].waiting.at);
        free(p.at[i].starting.at);
    }
    evq_free(&p.events);
    return all;
}
