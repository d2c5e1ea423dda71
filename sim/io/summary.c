/*
 * A run as its readers see it (see summary.h): the tallies of a result turned into metric values, once, with
 * copies of every text, so that a summary outlives the run, the scenario and the database.
 *
 * Cost: metrics x parts function calls; a look-up by name compares at most every metric's name.
 */
#include "io/summary.h"

#include "base/err.h"
#include "base/text.h"
#include "base/tick.h"

#include <math.h>
#include <string.h>

static const char *own(struct arena *arena, const char *text) { return arena_text(arena, text ? text : ""); }

static struct run_info own_info(struct arena *arena, const struct run_info *from) {
    struct run_info info = *from;
    const char **texts[] = {&info.scenario_name, &info.scenario_file, &info.scenario_text, &info.run_name,
                            &info.overrides,     &info.baseline,      &info.trace,         &info.order,
                            &info.backfill,      &info.place,         &info.route,         &info.shift,
                            &info.forecast,      &info.market,        &info.version,       &info.command};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) *texts[i] = own(arena, *texts[i]);
    struct run_factor *factors = arena_alloc(arena, from->factors_len, sizeof *factors);
    for (size_t i = 0; i < from->factors_len; i++) {
        const struct run_factor *f = &from->factors[i];
        factors[i] = (struct run_factor){own(arena, f->path), own(arena, f->value), f->number};
    }
    info.factors = factors;
    return info;
}

static struct summary_part part_of(struct arena *arena, const struct tally *tally,
                                   const struct result *result) {
    struct summary_part part = {tally->part, own(arena, tally->part == PART_RUN ? "all" : tally->name),
                                arena_alloc(arena, result_metrics_len, sizeof(double))};
    for (size_t m = 0; m < result_metrics_len; m++) {
        const bool defined = result_metrics[m].parts >> tally->part & 1;
        part.value[m] = defined ? result_metrics[m].value(tally, result) : NAN;
    }
    return part;
}

void summary_of(struct summary *summary, const struct run_info *info, const struct setup *setup,
                const struct result *result, double wall_s) {
    *summary = (struct summary){.complete = true, .wall_s = wall_s, .loop_s = result->loop_s};
    struct arena *arena = &summary->arena;
    arena_init(arena);
    summary->info = own_info(arena, info);
    summary->work_unit = own(arena, setup->work_unit);
    summary->started_utc = "";
    summary->jobs = result->jobs ? result->jobs->len : 0;
    summary->events = result->events;
    summary->measure_from_s = tick_seconds(setup->measure_from_ns);
    summary->measured_s = tick_seconds(result->measured_ns);
    summary->parts_len = result->tallies_len;
    summary->parts = arena_alloc(arena, result->tallies_len, sizeof *summary->parts);
    for (size_t i = 0; i < result->tallies_len; i++)
        summary->parts[i] = part_of(arena, &result->tallies[i], result);
    summary->warnings_len = result->warnings_len;
    summary->warnings = arena_alloc(arena, result->warnings_len, sizeof *summary->warnings);
    for (size_t i = 0; i < result->warnings_len; i++) summary->warnings[i] = own(arena, result->warnings[i]);
}

void summary_free(struct summary *summary) { arena_free(&summary->arena); }

size_t metric_index(const char *name) {
    size_t m = 0;
    while (m < result_metrics_len && strcmp(result_metrics[m].name, name) != 0) m++;
    require(m < result_metrics_len);
    return m;
}

double part_value(const struct summary_part *part, const char *metric) {
    return part->value[metric_index(metric)];
}

double summary_value(const struct summary *summary, const char *metric) {
    return summary->parts_len ? part_value(&summary->parts[0], metric) : NAN;
}

const struct summary_part *summary_parts(const struct summary *summary, enum part part, size_t *count) {
    size_t first = 0;
    while (first < summary->parts_len && summary->parts[first].part != part) first++;
    size_t end = first;
    while (end < summary->parts_len && summary->parts[end].part == part) end++;
    *count = end - first;
    return summary->parts + first;
}

const struct summary_part *summary_part(const struct summary *summary, enum part part, const char *name) {
    for (size_t i = 0; i < summary->parts_len; i++)
        if (summary->parts[i].part == part && strcmp(summary->parts[i].name, name) == 0)
            return &summary->parts[i];
    return NULL;
}

const char *summary_title(const struct summary *summary) {
    return *summary->info.run_name ? summary->info.run_name : summary->info.scenario_name;
}

char *summary_policy(const struct summary *summary, bool brief) {
    const struct run_info *info = &summary->info;
    struct text text;
    text_init(&text);
    if (brief && *info->overrides) {
        text_put(&text, info->overrides);
        return text_take(&text);
    }
    text_format(&text, "order %s, backfill %s, place %s, route %s", info->order, info->backfill, info->place,
                info->route);
    if (strcmp(info->shift, "now") != 0)
        text_format(&text, ", shift %s (forecast %s)", info->shift, info->forecast);
    if (strcmp(info->market, "any") != 0) text_format(&text, ", market %s", info->market);
    if (info->round_ns) text_format(&text, ", rounds of %g s", tick_seconds(info->round_ns));
    return text_take(&text);
}

struct notes {
    const char **at;
    size_t len, cap;
};

static void add_note(struct notes *notes, const char *note) {
    for (size_t i = 0; i < notes->len; i++)
        if (strcmp(notes->at[i], note) == 0) return;
    *vec_push(notes) = note;
}

const char **summary_notes(const struct summary *const *runs, size_t count, size_t *notes_len) {
    struct notes notes = {0};
    for (size_t i = 1; i < count; i++) {
        if (runs[i]->info.trace_hash != runs[0]->info.trace_hash)
            add_note(&notes,
                     "these runs did not have the same jobs: differences are not the policies' alone");
        if (strcmp(runs[i]->work_unit, runs[0]->work_unit) != 0)
            add_note(&notes, "these runs count work in different units: their efficiency cannot be compared");
    }
    for (size_t i = 0; i < count; i++)
        for (size_t w = 0; w < runs[i]->warnings_len; w++) add_note(&notes, runs[i]->warnings[w]);
    *notes_len = notes.len;
    return notes.at;
}

static bool warned(const struct summary *run, const char *note) {
    for (size_t w = 0; w < run->warnings_len; w++)
        if (strcmp(run->warnings[w], note) == 0) return true;
    return false;
}

char *summary_whose(const struct summary *const *runs, size_t count, const char *note) {
    struct text text;
    size_t found = 0;
    text_init(&text);
    for (size_t i = 0; i < count; i++)
        if (warned(runs[i], note)) text_format(&text, "%s%s", found++ ? ", " : "", summary_title(runs[i]));
    if (found == count) text.len = 0;
    text_put(&text, text.len ? ": " : "");
    return text_take(&text);
}

char *summary_heading(const struct summary *const *runs, size_t count) {
    struct text text;
    bool same = true;
    text_init(&text);
    for (size_t i = 1; i < count; i++)
        same &= strcmp(runs[i]->info.scenario_name, runs[0]->info.scenario_name) == 0;
    if (same) text_put(&text, runs[0]->info.scenario_name);
    if (count == 1 && *runs[0]->info.run_name) text_format(&text, ": %s", runs[0]->info.run_name);
    if (count > 1) text_format(&text, "%s%zu runs side by side", same ? ": " : "", count);
    return text_take(&text);
}

static size_t baseline_of(const struct summary *runs, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (*runs[i].info.run_name && strcmp(runs[i].info.run_name, runs[i].info.baseline) == 0) return i;
    return 0;
}

const struct summary **summary_in_order(const struct summary *runs, size_t count) {
    const struct summary **order = mem_alloc(count * sizeof *order);
    const size_t baseline = baseline_of(runs, count);
    order[0] = &runs[baseline];
    for (size_t i = 0, at = 1; i < count; i++)
        if (i != baseline) order[at++] = &runs[i];
    return order;
}
