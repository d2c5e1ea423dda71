/*
 * Signals: quantities that change with time (price, carbon, temperature, PUE, sunlight, spot prices), as step
 * functions of simulated time. One is written as a value, as 24 values by local hour, with 24 others for
 * weekends if they differ, or as a column of a CSV file. What a tariff adds to a price is written into its
 * steps, so that nobody after this knows of it; a price that rises with the years is unrolled as far as the
 * horizon reaches.
 *
 * Invariant: a signal read without findings has len >= 1 and lies in its range.
 * Cost: O(steps); with escalation O(steps of a period x periods in the horizon).
 */
#include "base/tick.h"
#include "io/paths.h"
#include "io/sections.h"
#include "io/series.h"
#include "io/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct signal_draft {
    const char *file, *column, *unit;
    int clock;
    struct numbers daily, weekend;
};
#define AT(member) offsetof(struct signal_draft, member)
enum { CLOCK_UTC, CLOCK_LOCAL };
static const char *const clocks[] = {"utc", "local", NULL};

static const struct field signal_fields[] = {
    {.param = {.key = "daily", .kind = PARAM_NUMBERS, .offset = AT(daily), .least = -1e9, .most = 1e9,
               .help = "24 values, one a local hour from midnight, the same every day."}},
    {.param = {.key = "weekend", .kind = PARAM_NUMBERS, .offset = AT(weekend), .least = -1e9, .most = 1e9,
               .help = "24 other values for Saturdays and Sundays; those of `daily` when left out."}},
    {.param = {.key = "file", .kind = PARAM_TEXT, .offset = AT(file),
               .help = "CSV file, plain or .gz: times in its first column, a series in each other one."}},
    {.param = {.key = "column", .kind = PARAM_TEXT, .offset = AT(column),
               .help = "Which column of the file."}},
    {.param = {.key = "unit", .kind = PARAM_TEXT, .offset = AT(unit),
               .help = "Unit of the values; none for plain numbers such as a PUE."}},
    {.param = {.key = "clock", .kind = PARAM_CHOICE, .offset = AT(clock), .choices = clocks,
               .help = "Whether the file's dates are UTC or the region's local standard time."}},
};
const struct block signal_block = {.title = "signals", BLOCK_FIELDS(signal_fields),
    .about = "Anything that changes with time, by hour of the day or from a file. A file is looked for "
             "beside the scenario, then in the working directory; its dates are placed by the scenario's "
             "`start`. After its last row it repeats."};
#undef AT

static void steps_alloc(struct document *d, struct steps *steps, size_t len, const char *source) {
    *steps = (struct steps){.at_ns = arena_alloc(d->r.arena, len, sizeof *steps->at_ns),
                            .value = arena_alloc(d->r.arena, len, sizeof *steps->value),
                            .len = len, .source = source};
}

static int64_t floor_mod(int64_t a, int64_t b) {
    int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

/* Hourly steps from the local hour time 0 falls in, around the clock, or around the week where weekends
 * differ. */
static void daily_steps(struct document *d, const struct signal_draft *s, double factor,
                        int64_t utc_offset_ns, struct steps *steps) {
    const int64_t week_ns = 7 * TICK_DAY, monday_ns = 4 * TICK_DAY; /* 1970-01-05, the epoch's first */
    int64_t local_ns = floor_mod(d->setup->origin_unix_ns % week_ns - monday_ns + utc_offset_ns, week_ns);
    int hours = s->weekend.len ? 7 * 24 : 24;
    steps_alloc(d, steps, (size_t)hours, s->weekend.len ? "daily, weekends apart" : "daily");
    steps->period_ns = hours * TICK_HOUR;
    for (int i = 0; i < hours; i++) {
        int64_t hour = (local_ns / TICK_HOUR + i) % (7 * 24);
        const struct numbers *day = s->weekend.len && hour >= 5 * 24 ? &s->weekend : &s->daily;
        steps->at_ns[i] = i * TICK_HOUR - local_ns % TICK_HOUR;
        steps->value[i] = day->at[hour % 24] * factor;
    }
}

static bool signal_factor(struct document *d, const struct yaml_node *map, const char *unit, enum dim dim,
                          double *factor) {
    struct reading *r = &d->r;
    *factor = 1;
    if (dim == DIM_NONE)
        return !unit || reading_add_key(r, map, "unit", "these are plain numbers, expected no \"unit\"");
    if (!unit)
        return reading_add(r, map, "missing key \"unit\", expected %s", units_accepted(dim));
    if (units_find(dim, unit, factor)) return true;
    return reading_add_key(r, map, "unit", "unknown unit %s, expected %s",
                           value_shown(node_at(map, "unit")).text, units_accepted(dim));
}

static void check_steps(struct document *d, const struct yaml_node *node, const struct param *param,
                        const struct steps *steps) {
    for (size_t i = 0; i < steps->len; i++) {
        double value = steps->value[i];
        if (value >= param->least && value <= param->most) continue;
        struct text range;
        text_init(&range);
        param_range(param, &range);
        reading_add(&d->r, node, "%s has the value %g, expected %s", steps->source, value, range.at);
        text_free(&range);
        return;
    }
}

static void file_steps(struct document *d, const struct yaml_node *map, const struct signal_draft *s,
                       double factor, int64_t utc_offset_ns, struct steps *steps) {
    const struct yaml_node *file = node_at(map, "file");
    const char *path = path_resolve(d->r.arena, file->file, s->file);
    size_t mark = reading_enter(&d->r, "file");
    if (!path) reading_add(&d->r, file, "no such file %s", value_shown(file).text);
    else
        series_read(path, s->column, factor, d->dated ? d->setup->origin_unix_ns : JOB_UNKNOWN,
                    s->clock == CLOCK_LOCAL ? utc_offset_ns : 0, d->r.arena, steps,
                    yaml_place(file, d->r.path.at), d->r.err);
    reading_leave(&d->r, mark);
}

static void check_shape(struct reading *r, const struct yaml_node *map, const struct signal_draft *s) {
    if (s->column || yaml_get(map, "clock"))
        reading_add(r, map, "\"column\" and \"clock\" belong to a \"file\"");
    if (s->daily.len != 24)
        reading_add_key(r, map, "daily", "%zu values, expected 24, one a local hour", s->daily.len);
    if (yaml_get(map, "weekend") && s->weekend.len != 24)
        reading_add_key(r, map, "weekend", "%zu values, expected 24, one a local hour", s->weekend.len);
}

static void changing_signal(struct document *d, const struct yaml_node *map, const struct param *param,
                            int64_t utc_offset_ns, struct steps *steps) {
    struct reading *r = &d->r;
    struct signal_draft s = {0};
    size_t before = r->err->found;
    double factor;
    params_read(r, map, &signal_block, &s);
    bool daily = yaml_get(map, "daily"), file = yaml_get(map, "file");
    if (daily == file) {
        reading_add(r, map, "expected one of \"daily\" and \"file\"");
        return;
    }
    if (daily) check_shape(r, map, &s);
    if (file && yaml_get(map, "weekend")) reading_add_key(r, map, "weekend", "belongs to \"daily\"");
    if (file && !s.column) reading_add(r, map, "missing key \"column\"");
    if (!signal_factor(d, map, s.unit, param->dim, &factor) || r->err->found > before) return;
    if (daily) daily_steps(d, &s, factor, utc_offset_ns, steps);
    else file_steps(d, map, &s, factor, utc_offset_ns, steps);
    if (r->err->found == before) check_steps(d, map, param, steps);
}

void signal_read(struct document *d, const char *key, const struct yaml_node *node, const struct param *param,
                 int64_t utc_offset_ns, struct steps *steps) {
    if (!node) return;
    size_t mark = reading_enter(&d->r, key);
    if (node->kind == YAML_MAP) changing_signal(d, node, param, utc_offset_ns, steps);
    else {
        steps_alloc(d, steps, 1, "flat");
        value_read(&d->r, node, param, &steps->value[0]);
    }
    reading_leave(&d->r, mark);
}

/* --- tariffs --- */

static const int64_t year_ns = INT64_C(31557600) * TICK_S;
enum { ESCALATED_MOST = 1 << 23 }; /* 79 years of five minutes */

/* The nth step of the signal and its repetitions; TICK_NEVER where there is none. */
static int64_t step_at(const struct steps *s, size_t n) {
    if (n >= s->len && s->period_ns == 0) return TICK_NEVER;
    int64_t periods = (int64_t)(n / s->len);
    return periods > TICK_NEVER / 2 / (s->period_ns ? s->period_ns : TICK_NEVER)
               ? TICK_NEVER
               : s->at_ns[n % s->len] + periods * s->period_ns;
}

/* Unrolls the signal from time 0 to end_ns, its values x (1 + escalation) to the power of whole years. */
static bool escalate(struct document *d, double escalation, int64_t end_ns, struct steps *steps) {
    struct {
        struct { int64_t at_ns; double value; } *at;
        size_t len, cap;
    } out = {0};
    size_t n = 0;
    while (step_at(steps, n) <= 0) n++;
    int64_t t = 0, years = 0;
    double factor = 1;
    while (t < end_ns && out.len < ESCALATED_MOST) {
        double value = steps->value[n ? (n - 1) % steps->len : 0];
        vec_push(&out);
        out.at[out.len - 1].at_ns = t;
        out.at[out.len - 1].value = value * factor;
        int64_t step = step_at(steps, n), year = (years + 1) * year_ns;
        t = step < year ? step : year;
        if (t == step) n++;
        if (t == year) factor = pow(1 + escalation, (double)++years);
    }
    bool whole = t >= end_ns;
    const char *source = steps->source;
    steps_alloc(d, steps, out.len, source);
    for (size_t i = 0; i < out.len; i++) {
        steps->at_ns[i] = out.at[i].at_ns;
        steps->value[i] = out.at[i].value;
    }
    free(out.at);
    return whole;
}

void tariff_apply(struct document *d, const struct yaml_node *at, const struct tariff *tariff,
                  struct steps *price) {
    if (!price->len) return;
    for (size_t i = 0; i < price->len; i++)
        price->value[i] = (price->value[i] + tariff->adder_usd_per_kwh) * (1 + tariff->tax);
    /* A year more than the run, for those who look ahead. */
    if (tariff->escalation != 0 && d->setup->horizon_ns < TICK_NEVER &&
        !escalate(d, tariff->escalation, d->setup->horizon_ns + year_ns, price))
        reading_add(&d->r, at, "too many steps of %s until the horizon, at most %d", price->source,
                    ESCALATED_MOST);
}
