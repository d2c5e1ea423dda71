/*
 * Only in windows of the local day: `from` to `to`, one pair or several, over midnight where `to` comes
 * first, and all of Saturday and Sunday with `weekend`. A job that arrives outside starts when the next
 * window opens; with `suspend` it is interrupted at the window's end and goes on in the next one. It looks
 * at the clock alone, never at a signal: what time-of-use tariffs ask for.
 *
 * A job whose waiting limit does not reach the next window neither waits nor is suspended, since it would
 * only start later at the same tariff. Local time is standard time, without daylight saving.
 * Invariant: a start lies in a window, or is now. Cost: O(windows of a week).
 */
#include "core/seams.h"

#include "base/tick.h"

struct off_peak_params {
    struct numbers from_s, to_s;
    bool weekend, suspend;
};
struct off_peak {
    const struct off_peak_params *params;
    int64_t origin_ns; /* UTC since 1970 of the run's 0 */
};
enum { DAY_S = 86400 };

static const struct param params[] = {
    {.key = "from", .kind = PARAM_NUMBERS, .dim = DIM_TIME,
     .offset = offsetof(struct off_peak_params, from_s), .least = 0, .most = DAY_S,
     .help = "When each window opens, in local time after midnight; without any: 22 h."},
    {.key = "to", .kind = PARAM_NUMBERS, .dim = DIM_TIME, .offset = offsetof(struct off_peak_params, to_s),
     .least = 0, .most = DAY_S,
     .help = "When each window closes; before it opens: on the next day; without any: 6 h."},
    {.key = "weekend", .kind = PARAM_BOOL, .offset = offsetof(struct off_peak_params, weekend),
     .help = "Saturdays and Sundays are off-peak from midnight to midnight."},
    {.key = "suspend", .kind = PARAM_BOOL, .offset = offsetof(struct off_peak_params, suspend),
     .help = "Jobs are suspended when a window closes, where their limit reaches the next one."},
};

static double night_from_s[] = {22 * 3600}, night_to_s[] = {6 * 3600};
static const struct numbers night_from = {night_from_s, 1}, night_to = {night_to_s, 1};

/* A pair's half that was not given is the night's. */
static const struct numbers *begins(const struct off_peak_params *p) {
    return p->from_s.len ? &p->from_s : &night_from;
}
static const struct numbers *ends(const struct off_peak_params *p) {
    return p->to_s.len ? &p->to_s : &night_to;
}

static const char *check(const void *raw) {
    const struct off_peak_params *p = raw;
    const struct numbers *from = begins(p), *to = ends(p);
    if (from->len != to->len) return "from and to must have the same length";
    for (size_t i = 0; i < from->len; i++)
        if (from->at[i] == to->at[i]) return "a window must not close when it opens";
    return NULL;
}

static void open(void *raw, const void *params_of, const struct world *world) {
    struct off_peak *state = raw;
    state->params = params_of;
    state->origin_ns = world->setup->origin_unix_ns;
}

/* Of local time since 1970: the day, counted from then (a Thursday), and the time of day. */
static int64_t day_of(int64_t local_ns, int64_t *into_ns) {
    int64_t day = local_ns / TICK_DAY;
    if (local_ns % TICK_DAY < 0) day--;
    *into_ns = local_ns - day * TICK_DAY;
    return day;
}

static bool inside(const struct off_peak_params *p, int64_t local_ns) {
    const struct numbers *from = begins(p), *to = ends(p);
    int64_t into_ns;
    const int64_t weekday = ((day_of(local_ns, &into_ns) + 4) % 7 + 7) % 7; /* 0: Sunday */
    if (p->weekend && (weekday == 0 || weekday == 6)) return true;
    for (size_t i = 0; i < from->len; i++) {
        const int64_t from_ns = tick_from_seconds(from->at[i]), to_ns = tick_from_seconds(to->at[i]);
        const bool opened = into_ns >= from_ns, open_still = into_ns < to_ns;
        if (from_ns < to_ns ? opened && open_still : opened || open_still) return true;
    }
    return false;
}

/* The next moment at which a window may open or close: one of theirs, or midnight. */
static int64_t next_edge(const struct off_peak_params *p, int64_t local_ns) {
    int64_t into_ns, edge_ns = TICK_DAY;
    const int64_t day = day_of(local_ns, &into_ns);
    for (size_t i = 0; i < 2 * begins(p)->len; i++) {
        const int64_t at_ns = tick_from_seconds(i % 2 ? ends(p)->at[i / 2] : begins(p)->at[i / 2]);
        if (at_ns > into_ns && at_ns < edge_ns) edge_ns = at_ns;
    }
    return day * TICK_DAY + edge_ns;
}

/* The first moment from now on that is in a window, or out of one; TICK_NEVER when there is none, for all
 * weeks are alike. */
static int64_t next_inside(const struct off_peak *state, const struct outlook *outlook, int64_t now_ns,
                           bool in) {
    const int64_t shift_ns = state->origin_ns + outlook->utc_offset_ns;
    for (int64_t local_ns = now_ns + shift_ns; local_ns <= now_ns + shift_ns + 8 * TICK_DAY;
         local_ns = next_edge(state->params, local_ns))
        if (inside(state->params, local_ns) == in) return local_ns - shift_ns;
    return TICK_NEVER;
}

static int64_t start(void *state, const struct outlook *outlook, const struct shift_job *job,
                     int64_t now_ns) {
    const int64_t latest_ns = now_ns + job->wait_ns - job->waited_ns;
    const int64_t t_ns = next_inside(state, outlook, now_ns, true);
    return t_ns <= latest_ns ? t_ns : now_ns;
}

static int64_t stop(void *state, const struct outlook *outlook, const struct shift_job *job,
                    int64_t now_ns) {
    const struct off_peak *off_peak = state;
    if (!off_peak->params->suspend || next_inside(state, outlook, now_ns, true) > now_ns) return TICK_NEVER;
    const int64_t close_ns = next_inside(state, outlook, now_ns, false);
    if (close_ns == TICK_NEVER) return TICK_NEVER;
    const int64_t away_ns = next_inside(state, outlook, close_ns, true) - close_ns;
    return away_ns <= job->wait_ns - job->waited_ns ? close_ns : TICK_NEVER;
}

const struct shift_model shift_off_peak = {
    .model = {.name = "off_peak",
              .summary = "only in windows of the local day, such as nights and weekends",
              .source = "",
              .params_size = sizeof(struct off_peak_params),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .state_size = sizeof(struct off_peak),
              .check = check},
    .open = open,
    .start = start,
    .stop = stop,
};
