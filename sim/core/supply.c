/*
 * Counting what nodes can hold, see supply.h. A job that fits a node k times takes 1/k of one, whatever
 * else is there: exact for jobs of one shape, near for a mix (placement then leaves a job waiting, which
 * asks again). Cost: one look at each supply a call.
 */
#include "core/supply.h"

#include <math.h>

/* Nodes without a limit on what is asked for hold "many" jobs. SLACK: thirds of nodes add up again. */
enum { MANY = 1 << 20 };
#define SLACK 1e-6

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

static bool accepted(const struct fleet *f, uint32_t type, const struct shape *s) {
    return (f->type_accept[type] & s->models) != 0;
}

/* Jobs of the shape that one node in this state could hold. */
static uint32_t node_jobs(const struct fleet *f, const struct node_class *c, uint32_t class_id,
                          const struct shape *s) {
    uint32_t jobs = MANY;
    if (s->gpus) jobs = c->whole / s->gpus;
    if (s->share_milli) {
        jobs = c->whole * (1000 / s->share_milli);
        for (uint32_t p = 0; class_id != FLEET_NONE && p < c->parts; p++)
            jobs += fleet_parts(f, class_id)[p] / s->share_milli;
    }
    if (s->cpu_milli) jobs = least(jobs, c->cpu_free / s->cpu_milli);
    if (s->mem_mib) jobs = least(jobs, c->mem_free / s->mem_mib);
    return jobs;
}

static uint32_t take_jobs(const struct fleet *f, struct supply *at, size_t len, const struct shape *s,
                          uint32_t jobs) {
    uint32_t left = jobs;
    for (size_t i = 0; i < len && left > 0; i++) {
        if (at[i].nodes < SLACK || !accepted(f, at[i].state.type, s)) continue;
        const uint32_t each = node_jobs(f, &at[i].state, at[i].class_id, s);
        if (each == 0) continue;
        const double room = floor(each * at[i].nodes + SLACK);
        const uint32_t taken = room < left ? (uint32_t)room : left;
        at[i].nodes -= (double)taken / each;
        left -= taken;
    }
    return jobs - left;
}

/* GPUs a gang could have of one node; only of empty ones of one type where it is consolidated. */
static uint32_t gang_gpus(const struct fleet *f, const struct supply *at, const struct shape *s,
                          bool whole_nodes) {
    if (!accepted(f, at->state.type, s)) return 0;
    const uint32_t gpus = f->types[at->state.type].gpus;
    const uint32_t offer = class_offer(f, &at->state, s);
    if (!whole_nodes) return offer;
    return at->state.whole == gpus && offer == least(gpus, s->gpus) ? gpus : 0;
}

/* Gangs served by the supplies of one type, or of all (FLEET_NONE). */
static uint32_t take_gangs(const struct fleet *f, struct supply *at, size_t len, const struct shape *s,
                           uint32_t type, uint32_t gangs) {
    const bool whole = type != FLEET_NONE;
    double have = 0, each = s->gpus;
    if (whole) each = ceil((double)s->gpus / f->types[type].gpus) * f->types[type].gpus;
    for (size_t i = 0; i < len; i++)
        if (!whole || at[i].state.type == type)
            have += floor(at[i].nodes + SLACK) * gang_gpus(f, &at[i], s, whole);
    if (each * gangs > have) gangs = (uint32_t)(have / each);
    double need = each * gangs;
    for (size_t i = 0; i < len && need > 0; i++) {
        const uint32_t offer = whole && at[i].state.type != type ? 0 : gang_gpus(f, &at[i], s, whole);
        if (offer == 0) continue;
        const double nodes = fmin(floor(at[i].nodes + SLACK), ceil(need / offer));
        at[i].nodes -= nodes;
        need -= nodes * offer;
    }
    return gangs;
}

uint32_t supply_take(const struct fleet *f, struct supply *at, size_t len, const struct shape *s,
                     bool is_gang, enum gang gang, uint32_t jobs) {
    if (!is_gang) return take_jobs(f, at, len, s, jobs);
    if (gang != GANG_WHOLE_NODES) return take_gangs(f, at, len, s, FLEET_NONE, jobs);
    uint32_t left = jobs;
    for (uint32_t t = 0; t < f->types_len && left > 0; t++)
        if (f->types[t].gpus > 0) left -= take_gangs(f, at, len, s, t, left);
    return jobs - left;
}

bool supply_serves(const struct fleet *f, uint32_t type, const struct shape *s, bool is_gang) {
    const struct node_class empty = type_empty(f, type);
    if (!accepted(f, type, s)) return false;
    return is_gang ? class_offer(f, &empty, s) > 0 : node_jobs(f, &empty, FLEET_NONE, s) > 0;
}

uint32_t supply_taken(const struct supply *s) { return (uint32_t)ceil(s->had - s->nodes - SLACK); }
