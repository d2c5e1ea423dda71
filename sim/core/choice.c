/*
 * See choice.h. One pass over the rows; of each row the offers, of each offer the knobs, with what does not change in
 * an inner loop worked out before it: the starts that waiting allows (by row and region), held time and failures (by
 * cap and checkpoint), then money, energy and carbon of the hours in question.
 *
 * Held time (Daly, FGCS 22, 2006, with restarts that may fail): a segment of length x on nodes that fail at rate r,
 * each failure followed by reading a checkpoint of length R, holds them e^(r R) (e^(r x) - 1) / r in the mean, and
 * fails r times that. A piece of work W is ceil(W / every) - 1 segments that end with a write, and one that does not.
 * Warned failures (rate q) lose no work, but begin the interval anew, which leaves q x / (e^(q x) - 1) of the writes;
 * held time is divided by 1 - q (write + restore). After each failure the job waits until a replacement's time a has
 * passed without another failure of its other nodes (rate p): (e^(p a) - 1) / p.
 *
 * Invariant: bounds leave out terms that only add, and are lowered by 1e-9 of themselves, far more than rounding can
 * be: an optimum, ties included, is never ruled out (tests/oracle/choice.c).
 * Cost: about 50 ns a configuration without failures and flat prices, 200 ns with both.
 */
#include "core/choice.h"

#include "base/tick.h"
#include "core/checkpoint.h"

#include <math.h>
#include <string.h>

const double choice_near[CHOICE_NEAR] = {0.01, 0.05, 0.1, 0.25};

/* Longer runs than a century are none; it keeps times within ticks. */
#define LONGEST_S 3.15576e9
static const double j_per_kwh = 3.6e6;

uint64_t choice_number(struct choice_space *s) {
    uint64_t id = 0;
    for (size_t m = 0; m < s->machines_len; m++) {
        s->machines[m].first_id = id;
        id += (uint64_t)s->machines[m].rows_len * s->machines[m].offers_len * choice_knobs(s);
    }
    return id;
}

static struct choice_config config_at(const struct choice_space *s, size_t row, size_t offer, size_t knob) {
    const struct choice_machine *m = &s->machines[s->rows[row].machine];
    const size_t knobs = choice_knobs(s);
    return (struct choice_config){
        .id = m->first_id + ((uint64_t)(row - m->first_row) * m->offers_len + (offer - m->first_offer)) * knobs + knob,
        .row = (uint32_t)row, .offer = (uint32_t)offer, .cap = (uint32_t)(knob / (s->checkpoints_len * s->waits_len)),
        .checkpoint = (uint32_t)(knob / s->waits_len % s->checkpoints_len), .wait = (uint32_t)(knob % s->waits_len)};
}

struct choice_config choice_config_of(const struct choice_space *s, uint64_t id) {
    size_t m = s->machines_len - 1;
    while (m > 0 && s->machines[m].first_id > id) m--;
    const struct choice_machine *at = &s->machines[m];
    const uint64_t inside = id - at->first_id, knobs = choice_knobs(s);
    return config_at(s, at->first_row + (size_t)(inside / knobs / at->offers_len),
                     at->first_offer + (size_t)(inside / knobs % at->offers_len), (size_t)(inside % knobs));
}

/* ---- one configuration ---- */

static double mean_of(const struct choice_signal *s, double from_s, double to_s) {
    if (!s->signal) return s->least;
    const int64_t from_ns = tick_from_seconds(from_s), to_ns = tick_from_seconds(to_s);
    if (to_ns <= from_ns) return signal_value(s->signal, from_ns);
    return signal_sum(s->signal, from_ns, to_ns) / tick_seconds(to_ns - from_ns);
}

/* The first of the hourly starts within the wait whose window of this length sums to the least. */
static double best_start_s(const struct signal *signal, double wait_s, double length_s) {
    if (!signal || !(wait_s > 0) || !(length_s < LONGEST_S)) return 0;
    const int64_t length_ns = tick_from_seconds(length_s), wait_ns = tick_from_seconds(wait_s);
    int64_t best_ns = 0;
    double best = signal_sum(signal, 0, length_ns);
    for (int64_t t_ns = 3600 * TICK_S; t_ns <= wait_ns; t_ns += 3600 * TICK_S) {
        const double sum = signal_sum(signal, t_ns, t_ns + length_ns);
        if (sum >= best) continue;
        best = sum;
        best_ns = t_ns;
    }
    return tick_seconds(best_ns);
}

static double start_of(const struct choice_space *s, const struct choice_row *row, const struct choice_offer *o,
                       size_t wait) {
    const struct choice_wait *w = &s->waits[wait];
    return best_start_s(w->on_carbon ? o->shift_carbon : o->shift_price, w->s, row->piece_s * row->pieces);
}

struct held {
    double s, failures, warned;
    double away_s; /* from each of them until work can go on */
};

/* Nodes held for one piece of so much undisturbed time; rates a second. */
static struct held hold_piece(const struct choice_space *s, const struct choice_checkpoint *c, double work_s,
                              double lost_per_s, double warned_per_s) {
    const struct checkpoint_setup setup = {.kind = (unsigned)c->kind, .every_ns = tick_from_seconds(c->every_s),
                                           .write_ns = tick_from_seconds(s->write_s)};
    const struct cycle cycle = checkpoint_cycle(&setup, (lost_per_s + warned_per_s) * 1e-9);
    const double every_s = cycle.every_ns < TICK_NEVER ? tick_seconds(cycle.every_ns) : INFINITY;
    const double full = work_s > every_s ? ceil(work_s / every_s) - 1 : 0;
    const double last_s = full > 0 ? work_s - full * every_s : work_s;
    const double length_s = every_s + s->write_s;
    const double written = warned_per_s > 0 && full > 0 ? warned_per_s * length_s / expm1(warned_per_s * length_s) : 1;
    struct held held = {.s = work_s + full * written * s->write_s};
    if (lost_per_s > 0) {
        const double restart = exp(lost_per_s * s->restore_s);
        const double segment = full > 0 ? full * expm1(lost_per_s * length_s) : 0;
        held.s = restart * (segment + expm1(lost_per_s * last_s)) / lost_per_s;
    }
    if (warned_per_s > 0) {
        const double spent = warned_per_s * (s->write_s + s->restore_s);
        held.s = spent < 1 ? held.s / (1 - spent) : INFINITY;
    }
    held.failures = lost_per_s * held.s;
    held.warned = warned_per_s * held.s;
    return held;
}

/* From a failure until all nodes are there: until so long passed without another one. */
static double away_s(const struct choice_space *s, const struct choice_row *row, const struct choice_offer *o) {
    const double others_per_s = s->gang ? (row->nodes - 1) * o->failures_per_h / 3600 : 0;
    return others_per_s * o->away_s > 0 ? expm1(others_per_s * o->away_s) / others_per_s : o->away_s;
}

static struct held hold(const struct choice_space *s, const struct choice_row *row, const struct choice_offer *o,
                        double cap_speed, const struct choice_checkpoint *c) {
    const double nodes = s->gang ? row->nodes : 1;
    const double lost_per_s = nodes * (o->failures_per_h - o->warned_per_h) / 3600;
    struct held held = hold_piece(s, c, row->piece_s / cap_speed, lost_per_s, nodes * o->warned_per_h / 3600);
    held.s *= row->pieces;
    held.failures *= row->pieces;
    held.warned *= row->pieces;
    held.away_s = away_s(s, row, o);
    return held;
}

static double node_watts(const struct choice_space *s, const struct choice_row *row, size_t cap) {
    const struct choice_machine *m = &s->machines[row->machine];
    return row->nodes * m->idle_w + row->busy_gpus * (row->beyond_w >= 0 ? row->beyond_w : m->beyond_w[cap]);
}

/* Time that nodes stand by until another has taken the place of one that failed, of each in the mean. Items on other
 * nodes go on meanwhile. */
static double standby_s(const struct choice_space *s, const struct choice_row *row, const struct held *held) {
    return s->gang ? (held->failures + held->warned) * held->away_s * (1 - 1.0 / row->nodes) : 0;
}

/* Time that a node is paid for: while it is held or stands by, and what billing adds; where it is paid for always,
 * while it is repaired too. */
static double paid_s(const struct choice_space *s, const struct choice_row *row, const struct choice_offer *o,
                     const struct held *held) {
    const double stops = held->failures + held->warned;
    if (!o->elastic) return held->s + stops * held->away_s;
    const double rentals = 1 + (s->gang ? stops / row->nodes : stops);
    const double each = (held->s + standby_s(s, row, held)) / rentals;
    const double billed = o->billing_s > 0 ? ceil(each / o->billing_s * (1 - 1e-12)) * o->billing_s : each;
    return rentals * fmax(fmax(billed, each), o->least_s);
}

/* From the begin to the end. Of items, failures put the nodes out of step, and the last to begin its last item ends up
 * to an item after the mean: by how likely a failure is at all. */
static double wall_s(const struct choice_space *s, const struct choice_row *row, const struct held *held) {
    const double stops = held->failures + held->warned, mean_s = held->s + stops * held->away_s;
    return s->gang ? mean_s : mean_s - expm1(-stops * row->nodes) * held->s / row->pieces;
}

static bool evaluate(const struct choice_space *s, const struct choice_row *row, const struct choice_offer *o,
                     const struct held *held, double start_s, double watts, struct choice_outcome *out) {
    const double begin_s = start_s + o->boot_s, end_s = begin_s + wall_s(s, row, held);
    if (!(end_s < LONGEST_S)) return false;
    const double idle_w = row->nodes * s->machines[row->machine].idle_w;
    const double it_j = watts * held->s + idle_w * standby_s(s, row, held), kwh = it_j / j_per_kwh;
    const double rent = o->rent.signal ? mean_of(&o->rent, begin_s, end_s) : o->usd_per_node_h;
    *out = (struct choice_outcome){
        .usd = row->nodes * rent * paid_s(s, row, o, held) / 3600 + kwh * mean_of(&o->usd_per_kwh, begin_s, end_s),
        .time_s = row->latency_s > 0 ? row->latency_s : end_s,
        .energy_j = it_j * mean_of(&o->pue, begin_s, end_s),
        .co2_g = kwh * mean_of(&o->g_per_kwh, begin_s, end_s),
        .start_s = start_s,
        .held_s = held->s,
        .failures = (held->failures + held->warned) * (s->gang ? 1 : row->nodes),
        .watts = watts};
    return true;
}

static bool offered(const struct choice_row *row, const struct choice_offer *o) {
    return row->nodes <= o->nodes_most && row->needs_up <= o->up_share;
}

bool choice_outcome(const struct choice_space *s, const struct choice_config *c, struct choice_outcome *out) {
    const struct choice_row *row = &s->rows[c->row];
    const struct choice_offer *o = &s->offers[c->offer];
    if (!offered(row, o)) return false;
    const double speed = s->machines[row->machine].cap_speed[c->cap];
    const struct held held = hold(s, row, o, speed, &s->checkpoints[c->checkpoint]);
    return evaluate(s, row, o, &held, start_of(s, row, o, c->wait), node_watts(s, row, c->cap), out);
}

double choice_measured(const struct choice_space *s, enum choice_measure measure, const struct choice_outcome *o) {
    switch (measure) {
    case CHOICE_USD: return o->usd;
    case CHOICE_TIME: return o->time_s;
    case CHOICE_VALUE:
        return s->value_exponent == 1 ? o->usd * o->time_s : o->usd * pow(o->time_s, s->value_exponent);
    case CHOICE_ENERGY: return o->energy_j;
    case CHOICE_CARBON: return o->co2_g;
    case CHOICE_WEIGHTED:
        return s->weight_usd * o->usd / s->scale_usd + s->weight_j * o->energy_j / s->scale_j +
               s->weight_g * o->co2_g / s->scale_g;
    }
    return INFINITY;
}

/* ---- bounds ---- */

/* The least that an offer, or all offers of a machine, can ask for. */
struct least {
    double boot_s, rent, usd_per_kwh, g_per_kwh, pue;
};

static struct least least_of(const struct choice_offer *o) {
    return (struct least){o->boot_s, o->rent.signal ? o->rent.least : o->usd_per_node_h, o->usd_per_kwh.least,
                          o->g_per_kwh.least, o->pue.least};
}

static struct least least_of_machine(const struct choice_space *s, const struct choice_machine *m) {
    struct least least = least_of(&s->offers[m->first_offer]);
    for (size_t i = 1; i < m->offers_len; i++) {
        const struct least one = least_of(&s->offers[m->first_offer + i]);
        least.boot_s = fmin(least.boot_s, one.boot_s);
        least.rent = fmin(least.rent, one.rent);
        least.usd_per_kwh = fmin(least.usd_per_kwh, one.usd_per_kwh);
        least.g_per_kwh = fmin(least.g_per_kwh, one.g_per_kwh);
        least.pue = fmin(least.pue, one.pue);
    }
    return least;
}

static double lowered(double bound) { return bound - 1e-9 * fabs(bound); }

/* A lower bound of every figure. */
static struct choice_outcome least_outcome(const struct choice_space *s, const struct choice_row *row,
                                           const struct least *least) {
    struct choice_outcome low = {INFINITY, INFINITY, INFINITY, INFINITY, .start_s = 0};
    for (size_t cap = 0; cap < s->caps_len; cap++) {
        const double held_s = row->piece_s * row->pieces / s->machines[row->machine].cap_speed[cap];
        const double watts = node_watts(s, row, cap);
        const double usd_per_h = row->nodes * least->rent + watts / 1000 * least->usd_per_kwh;
        low.time_s = fmin(low.time_s, least->boot_s + held_s);
        low.usd = fmin(low.usd, usd_per_h >= 0 ? usd_per_h * held_s / 3600 : -INFINITY);
        low.energy_j = fmin(low.energy_j, watts * held_s * least->pue);
        low.co2_g = fmin(low.co2_g, least->g_per_kwh >= 0 ? watts * held_s / j_per_kwh * least->g_per_kwh : -INFINITY);
    }
    if (row->latency_s > 0) low.time_s = row->latency_s;
    low.time_s = lowered(low.time_s);
    low.usd = lowered(low.usd);
    low.energy_j = lowered(low.energy_j);
    low.co2_g = lowered(low.co2_g);
    return low;
}

static double bound_measured(const struct choice_space *s, enum choice_measure measure,
                             const struct choice_outcome *low) {
    if (measure == CHOICE_VALUE && low->usd < 0) return -INFINITY;
    if (measure == CHOICE_WEIGHTED && !(low->usd > -INFINITY && low->co2_g > -INFINITY)) return -INFINITY;
    const double bound = choice_measured(s, measure, low);
    return measure == CHOICE_VALUE || measure == CHOICE_WEIGHTED ? lowered(bound) : bound;
}

double choice_bound(const struct choice_space *s, size_t row, size_t offer, enum choice_measure measure,
                    double *time_s, double *usd) {
    const struct choice_row *r = &s->rows[row];
    const struct least least = offer == SIZE_MAX ? least_of_machine(s, &s->machines[r->machine])
                                                 : least_of(&s->offers[offer]);
    const struct choice_outcome low = least_outcome(s, r, &least);
    *time_s = low.time_s;
    *usd = low.usd;
    return bound_measured(s, measure, &low);
}

/* ---- the search ---- */

static bool better(const struct choice_kept *a, const struct choice_kept *b) {
    if (a->value != b->value) return a->value < b->value;
    if (a->usd != b->usd) return a->usd < b->usd;
    if (a->time_s != b->time_s) return a->time_s < b->time_s;
    return a->config.id < b->config.id;
}

static void keep(struct choice_best *best, const struct choice_kept *new) {
    if (best->len == best->most && !better(new, &best->at[best->len - 1])) return;
    size_t same = 0;
    while (same < best->len && best->at[same].config.row != new->config.row) same++;
    if (same < best->len) {
        if (!better(new, &best->at[same])) return;
    } else if (best->len < best->most) same = best->len++;
    else same = best->len - 1; /* the worst goes */
    for (; same > 0 && better(new, &best->at[same - 1]); same--) best->at[same] = best->at[same - 1];
    best->at[same] = *new;
}

void choice_merge(struct choice_best *into, const struct choice_best *from) {
    for (size_t i = 0; i < from->len; i++) keep(into, &from->at[i]);
}

/* What the search carries along. */
struct scan {
    const struct choice_space *space;
    const struct choice_goal *goals;
    size_t goals_len;
    struct choice_best *best;
    struct choice_survey *survey; /* NULL: best is looked for */
    double survey_usd;            /* the best, for the survey */
    bool prune;
    struct choice_counts counts;
};

static bool within(const struct choice_goal *goal, double time_s, double usd) {
    return time_s <= goal->time_most_s && usd <= goal->usd_most;
}

/* Whether some configuration with these lower bounds could matter. */
static bool promising(const struct scan *scan, const struct choice_outcome *low) {
    if (!scan->prune) return true;
    for (size_t g = 0; g < scan->goals_len; g++) {
        const struct choice_goal *goal = &scan->goals[g];
        const struct choice_best *best = &scan->best[g];
        if (!within(goal, low->time_s, low->usd)) continue;
        if (best->len < best->most) return true;
        if (bound_measured(scan->space, goal->measure, low) <= best->at[best->len - 1].value) return true;
    }
    return false;
}

static bool surveys(const struct scan *scan, const struct choice_row *row, size_t offer,
                    const struct choice_outcome *low) {
    const double near_usd = scan->survey_usd * (1 + choice_near[CHOICE_NEAR - 1]);
    if (!within(scan->goals, low->time_s, low->usd)) return false;
    if (low->usd <= near_usd || low->usd < scan->survey->variant_usd[row->variant]) return true;
    return offer != SIZE_MAX && low->usd < scan->survey->offer_usd[offer];
}

static void note(struct scan *scan, const struct choice_config *config, const struct choice_outcome *out) {
    if (scan->survey) {
        struct choice_survey *survey = scan->survey;
        if (!within(scan->goals, out->time_s, out->usd)) return;
        survey->offer_usd[config->offer] = fmin(survey->offer_usd[config->offer], out->usd);
        double *variant_usd = &survey->variant_usd[scan->space->rows[config->row].variant];
        *variant_usd = fmin(*variant_usd, out->usd);
        for (size_t i = 0; i < CHOICE_NEAR; i++)
            survey->near[i] += out->usd <= scan->survey_usd * (1 + choice_near[i]);
        return;
    }
    for (size_t g = 0; g < scan->goals_len; g++) {
        if (!within(&scan->goals[g], out->time_s, out->usd)) continue;
        const double value = choice_measured(scan->space, scan->goals[g].measure, out);
        const struct choice_kept new = {value, out->usd, out->time_s, *config};
        keep(&scan->best[g], &new);
    }
}

enum { WAITS_MOST = 64 };
static void scan_offer(struct scan *scan, size_t row, size_t offer) {
    const struct choice_space *s = scan->space;
    const struct choice_row *r = &s->rows[row];
    const struct choice_offer *o = &s->offers[offer];
    double start_s[WAITS_MOST];
    for (size_t w = 0; w < s->waits_len; w++) start_s[w] = start_of(s, r, o, w);
    size_t knob = 0;
    for (size_t cap = 0; cap < s->caps_len; cap++) {
        const double watts = node_watts(s, r, cap);
        for (size_t c = 0; c < s->checkpoints_len; c++) {
            const struct held held = hold(s, r, o, s->machines[r->machine].cap_speed[cap], &s->checkpoints[c]);
            for (size_t w = 0; w < s->waits_len; w++, knob++) {
                struct choice_outcome out;
                const struct choice_config config = config_at(s, row, offer, knob);
                if (evaluate(s, r, o, &held, start_s[w], watts, &out)) note(scan, &config, &out);
            }
        }
    }
    scan->counts.looked_at += knob;
}

static void scan_row(struct scan *scan, size_t row, const struct least *machine_least) {
    const struct choice_space *s = scan->space;
    const struct choice_row *r = &s->rows[row];
    const struct choice_machine *m = &s->machines[r->machine];
    const size_t knobs = choice_knobs(s);
    const struct choice_outcome low = least_outcome(s, r, machine_least);
    const bool worth = scan->survey ? true : promising(scan, &low);
    for (size_t i = 0; i < m->offers_len; i++) {
        const size_t offer = m->first_offer + i;
        bool look = worth && offered(r, &s->offers[offer]);
        if (look) {
            const struct least least = least_of(&s->offers[offer]);
            const struct choice_outcome here = least_outcome(s, r, &least);
            look = scan->survey ? surveys(scan, r, offer, &here) : promising(scan, &here);
        }
        if (look) scan_offer(scan, row, offer);
        else scan->counts.ruled_out += knobs;
    }
}

static void scan_rows(struct scan *scan, size_t from, size_t to) {
    const struct choice_space *s = scan->space;
    struct least least = {0};
    size_t machine = SIZE_MAX;
    for (size_t row = from; row < to; row++) {
        if (s->rows[row].machine != machine) {
            machine = s->rows[row].machine;
            least = least_of_machine(s, &s->machines[machine]);
        }
        scan_row(scan, row, &least);
    }
}

void choice_scan(const struct choice_space *s, const struct choice_goal *goals, size_t goals_len, size_t from,
                 size_t to, bool prune, struct choice_best *best, struct choice_counts *counts) {
    struct scan scan = {.space = s, .goals = goals, .goals_len = goals_len, .best = best, .prune = prune};
    scan_rows(&scan, from, to);
    counts->ruled_out += scan.counts.ruled_out;
    counts->looked_at += scan.counts.looked_at;
}

void choice_look_around(const struct choice_space *s, const struct choice_goal *limits, double best_usd, size_t from,
                        size_t to, struct choice_survey *survey) {
    struct scan scan = {.space = s, .goals = limits, .goals_len = 1, .survey = survey, .survey_usd = best_usd};
    scan_rows(&scan, from, to);
}
