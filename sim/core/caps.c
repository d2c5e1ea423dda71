/*
 * Power caps and limits of a region. A cap holds each of its GPUs to a share of its peak power and slows those that
 * would draw more, by a measured table (cap -> speed). It applies always, while the price or the carbon intensity is
 * above a threshold, or as deep as a region's limit on facility power asks for. A region may instead let starts
 * wait for power.
 *
 * The deepest-needed level under a limit comes from sums of what the region's jobs would draw at each level of the
 * table, kept up to date at starts and stops, so choosing costs O(levels). Only when the level changes are the
 * region's running jobs visited, to be charged and to work at the new rate.
 */
#include "core/engine.h"

#include "base/err.h"
#include "base/tick.h"
#include "core/power.h"

#include <math.h>

struct region_cap {
    double level;               /* in force */
    double *watts;              /* what running jobs draw beyond idle, at each level of the table */
    double judged_w;            /* IT power when it was last judged */
};

struct caps {
    struct region_cap *at;
    const double *caps, *speeds; /* the table: `levels` of each */
    size_t levels;
    bool limits;                /* some region has a limit its jobs are capped to */
};

static bool limited(const struct region_setup *r) { return r->limit_w > 0 && r->limit_then == LIMIT_CAP; }
static bool waits(const struct region_setup *r) { return r->limit_w > 0 && r->limit_then == LIMIT_WAIT; }

void caps_open(struct sched *s) {
    const struct cap_setup *cap = &s->setup->policy.cap;
    bool limits = false, any = cap->when != CAP_NEVER;
    for (size_t r = 0; r < s->setup->regions_len; r++) {
        limits |= limited(&s->setup->regions[r]);
        any |= s->setup->regions[r].limit_w > 0;
    }
    if (!any) return;
    struct caps *c = arena_alloc(&s->arena, 1, sizeof *c);
    s->caps = c;
    c->limits = limits;
    c->levels = cap->caps.len ? cap->caps.len : CAP_LEVELS;
    c->caps = cap->caps.len ? cap->caps.at : cap_levels;
    c->speeds = cap->caps.len ? cap->speeds.at : cap_speeds;
    c->at = arena_alloc(&s->arena, s->setup->regions_len + 1, sizeof *c->at);
    for (size_t r = 0; r < s->setup->regions_len; r++)
        c->at[r] = (struct region_cap){.level = 1,
                                       .watts = arena_alloc(&s->arena, c->levels, sizeof *c->at[r].watts)};
    s->working |= cap->when != CAP_NEVER || limits;
}

double caps_level(const struct sched *s, uint32_t region) { return s->caps->at[region].level; }

static double speed_at(const double *caps, const double *speeds, size_t levels, double level) {
    if (level >= 1) return 1;
    if (level <= caps[0]) return speeds[0] * level / caps[0];
    size_t i = 1;
    while (i + 1 < levels && caps[i] < level) i++;
    const double part = (level - caps[i - 1]) / (caps[i] - caps[i - 1]);
    return speeds[i - 1] + part * (speeds[i] - speeds[i - 1]);
}

double caps_speed(const struct sched *s, double level) {
    return speed_at(s->caps->caps, s->caps->speeds, s->caps->levels, level);
}

double cap_speed(const struct cap_setup *cap, double level) {
    return cap->caps.len ? speed_at(cap->caps.at, cap->speeds.at, cap->caps.len, level)
                         : speed_at(cap_levels, cap_speeds, CAP_LEVELS, level);
}

double caps_pace(const struct sched *s, double level, double drawn, double compute, double memory) {
    const bool typical = s->setup->policy.cap.caps.len == 0; /* a table of one's own is of one's own jobs */
    const double felt = typical ? level * power_cap_typical / drawn : level;
    return power_capped_pace(caps_speed(s, felt), compute, memory);
}

/* ---- what others draw at each level ---- */

size_t caps_levels(const struct sched *s) { return s->caps && s->caps->limits ? s->caps->levels : 0; }

double caps_table(const struct sched *s, size_t i) { return s->caps->caps[i]; }

size_t caps_at(const struct sched *s, uint32_t region) {
    size_t i = 0;
    while (i + 1 < s->caps->levels && s->caps->caps[i] < s->caps->at[region].level) i++;
    return i;
}

void caps_add(struct sched *s, uint32_t region, const double *watts, int by) {
    for (size_t i = 0; i < s->caps->levels; i++) s->caps->at[region].watts[i] += by * watts[i];
}

/* ---- which level ---- */

/* The policy's own cap, by the signals now. */
static double asked(const struct sched *s, uint32_t region) {
    const struct cap_setup *cap = &s->setup->policy.cap;
    const struct region_account *r = &s->ledger.regions[region];
    switch (cap->when) {
    case CAP_NEVER: return 1;
    case CAP_ALWAYS: return cap->level;
    case CAP_PRICE: return r->price.value > cap->above ? cap->level : 1;
    case CAP_CARBON: return r->carbon.value > cap->above ? cap->level : 1;
    }
    return 1;
}

static double facility_w(const struct sched *s, uint32_t region, double it_w) {
    return ledger_facility_w(&s->ledger.regions[region], it_w);
}

/* The highest level of the table, at most `most`, at which the region keeps to its limit; the lowest if none. */
static double within_limit(const struct sched *s, uint32_t region, double most) {
    const struct caps *c = s->caps;
    const struct region_cap *at = &c->at[region];
    const struct region_account *r = &s->ledger.regions[region];
    const double rest_w = r->it_w - at->watts[caps_at(s, region)]; /* idle and base power, whatever the level */
    for (size_t i = c->levels; i-- > 0;)
        if (c->caps[i] <= most && facility_w(s, region, rest_w + at->watts[i]) <= s->setup->regions[region].limit_w)
            return c->caps[i];
    return c->caps[0] < most ? c->caps[0] : most;
}

static void set_level(struct sched *s, uint32_t region, double level) {
    if (s->caps->at[region].level == level) return;
    for (uint32_t id = 0; id < s->slots.len; id++) {
        struct slot *slot = &s->slots.at[id];
        if (slot->job != JOB_NONE && s->world.fleet.domains[slot->domain].region == region) slot_settle(s, slot);
    }
    s->caps->at[region].level = level;
    for (uint32_t id = 0; id < s->slots.len; id++) {
        const struct slot *slot = &s->slots.at[id];
        if (slot->job != JOB_NONE && s->world.fleet.domains[slot->domain].region == region) sched_rerate(s, id);
    }
    if (s->services) services_cap(s, region);
}

static void judge(struct sched *s, uint32_t region) {
    region_advance(&s->ledger.regions[region], s->world.now_ns);
    double level = asked(s, region);
    if (limited(&s->setup->regions[region])) level = within_limit(s, region, level);
    set_level(s, region, level);
    s->caps->at[region].judged_w = s->ledger.regions[region].it_w;
}

/* ---- when ---- */

static void rearm(struct sched *s) {
    int64_t next = TICK_NEVER;
    for (size_t r = 0; r < s->setup->regions_len; r++)
        if (s->ledger.regions[r].next_ns < next) next = s->ledger.regions[r].next_ns;
    if (next < TICK_NEVER) evq_move(&s->events, evq_pack((uint64_t)next, UINT32_MAX, EVENT_CAPS));
}

void caps_begin(struct sched *s) {
    for (uint32_t r = 0; r < s->setup->regions_len; r++) judge(s, r);
    rearm(s);
}

/* There may be power: whoever waits in any line of the region is tried again. */
static void retry(struct sched *s, uint32_t region) {
    for (uint32_t d = 0; d < s->world.fleet.domains_len; d++)
        if (s->world.fleet.domains[d].region == region && s->lines[d].len) line_freed(s, d);
}

void caps_event(struct sched *s) {
    for (uint32_t r = 0; r < s->setup->regions_len; r++) {
        judge(s, r);
        if (waits(&s->setup->regions[r])) retry(s, r); /* PUE may have fallen */
    }
    rearm(s);
}

bool caps_allow(struct sched *s, uint32_t region, double more_w) {
    const struct region_setup *r = &s->setup->regions[region];
    if (!waits(r)) return true;
    region_advance(&s->ledger.regions[region], s->world.now_ns);
    return facility_w(s, region, s->ledger.regions[region].it_w + more_w) <= r->limit_w;
}

void caps_count(struct sched *s, uint32_t id, int by) {
    const uint32_t region = s->world.fleet.domains[s->slots.at[id].domain].region;
    if (waits(&s->setup->regions[region]) && by < 0) retry(s, region);
    caps_recount(s, id, by);
}

void caps_recount(struct sched *s, uint32_t id, int by) {
    const uint32_t region = s->world.fleet.domains[s->slots.at[id].domain].region;
    if (!limited(&s->setup->regions[region])) return;
    for (size_t i = 0; i < s->caps->levels; i++) {
        const struct rate r = slot_rate_at(s, id, s->caps->caps[i]);
        s->caps->at[region].watts[i] += by * (r.watts - r.static_watts);
    }
}

void caps_settle(struct sched *s) {
    if (!s->caps->limits) return;
    for (uint32_t r = 0; r < s->setup->regions_len; r++)
        if (limited(&s->setup->regions[r]) && s->caps->at[r].judged_w != s->ledger.regions[r].it_w) judge(s, r);
}
