/*
 * How many replicas a service should have in a place: what the autoscaler thinks at each control moment.
 *
 * Reactive: so many that each has its target of requests; fewer only when fewer would have done for so long. By
 * schedule: the hour's number. Forecast: as reactive, but for the most it expects until a replica that is asked for at
 * the next look would be up: a seasonal naive forecast with drift (Hyndman and Athanasopoulos, Forecasting, 5.2): what
 * was there a season ago, and the change of the last half hour's mean since then. In its first season it reacts.
 *
 * Invariant: from least to most, and 0 when the service is over. Cost: O(1) a look; forecast: O(cold start / every),
 * and 4 bytes a look of a season.
 */
#include "core/serving.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/tick.h"

#include <math.h>

static uint32_t hour_of(const struct setup *setup, int64_t now_ns) {
    int64_t local_ns = now_ns;
    if (setup->origin_unix_ns != JOB_UNKNOWN) local_ns += setup->origin_unix_ns + setup->regions[0].utc_offset_ns;
    return (uint32_t)((local_ns / TICK_HOUR % 24 + 24) % 24);
}

static uint32_t within(const struct place *p, double replicas) {
    const uint32_t want = replicas < p->setup.most ? (uint32_t)replicas : p->setup.most;
    return want > p->setup.least ? want : p->setup.least;
}

/* More at once; fewer when fewer would have done for so long. */
static uint32_t gently(struct place *p, uint32_t want, uint32_t have, int64_t keep_ns, int64_t now) {
    if (want >= have) {
        p->many_since_ns = TICK_NEVER;
        return want;
    }
    if (p->many_since_ns == TICK_NEVER) {
        p->many_since_ns = now;
        p->many_most = want;
    }
    if (want > p->many_most) p->many_most = want;
    if (now - p->many_since_ns < keep_ns) return have;
    p->many_since_ns = TICK_NEVER;
    return p->many_most;
}

/* Requests it should be ready for: those that are here, or those of its users, who would rather be; and those who wait
 * where no replica comes. */
static double load_of(const struct place *p, const struct service *v) {
    uint64_t load = p->here > p->home ? p->here : p->home;
    for (uint32_t i = 0; i < v->places_len && v->setup->failover; i++)
        if (&v->places[i] != p && v->places[i].stuck) load += v->places[i].waiting[STAGE_FIRST].len;
    return (double)load;
}

/* ---- what comes next ---- */

static const int64_t trend_ns = 30 * TICK_MINUTE;

static size_t season_looks(const struct service *v) { return (size_t)(v->setup->season_ns / v->every_ns); }
static size_t trend_looks(const struct service *v) {
    const size_t looks = (size_t)(trend_ns / v->every_ns);
    return looks > 0 ? looks : 1;
}
static double look_at(const struct place *p, size_t look) { return (double)p->past[look % p->past_len]; }

void scale_open(struct place *p, const struct service *v, struct arena *arena) {
    if (v->setup->autoscale != SCALE_FORECAST) return;
    require(season_looks(v) > 0);
    p->past_len = season_looks(v) + trend_looks(v) + 1;
    p->past = arena_alloc(arena, p->past_len, sizeof *p->past);
}

void scale_look(struct place *p, const struct service *v) {
    if (v->setup->autoscale != SCALE_FORECAST) return;
    const size_t season = season_looks(v), trend = trend_looks(v), look = p->looks++;
    p->past[look % p->past_len] = (float)load_of(p, v);
    p->recent += look_at(p, look);
    if (look >= trend) p->recent -= look_at(p, look - trend);
    if (look >= season) p->recent_then += look_at(p, look - season);
    if (look >= season + trend) p->recent_then -= look_at(p, look - season - trend);
}

/* The most requests until a replica asked for at the next look is up; 0 in the first season. */
static double expected(const struct place *p, const struct service *v) {
    const size_t season = season_looks(v), trend = trend_looks(v);
    if (p->looks <= season) return 0;
    const size_t then = p->looks - 1 - season;
    const size_t ahead = (size_t)((v->setup->cold_start_ns + v->every_ns - 1) / v->every_ns) + 1;
    double most = 0;
    for (size_t i = 0; i <= ahead && i < season; i++) most = fmax(most, look_at(p, then + i));
    const double change = then + 1 >= trend ? (p->recent - p->recent_then) / (double)trend : 0;
    return fmax(most + change, 0);
}

uint32_t scale_wanted(const struct setup *all, struct place *p, const struct service *v, uint32_t have, int64_t now) {
    const struct service_setup *setup = v->setup;
    if (v->over) return 0;
    uint32_t want = p->setup.begin;
    if (setup->autoscale == SCALE_REACTIVE || setup->autoscale == SCALE_FORECAST) {
        double load = load_of(p, v);
        if (setup->autoscale == SCALE_FORECAST) load = fmax(load, expected(p, v));
        want = gently(p, within(p, ceil(load / setup->target)), have, setup->keep_ns, now);
    }
    if (setup->autoscale == SCALE_SCHEDULED)
        want = within(p, setup->schedule.at[hour_of(all, now)]);
    if (setup->split && want > 0 && want <= setup->prefill_replicas) want = setup->prefill_replicas + 1;
    return want;
}
