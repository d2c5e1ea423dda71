/*
 * Runs compared by groups (see compare.h): which runs belong together, and each group's values by seed. What
 * is inferred from them is compare_stats.c's.
 *
 * A run is a point in the space of settings (io/setting.h); only paths in which some runs differ matter. The
 * key takes the paths at and below it away; what is left, `rest`, must be the same for two runs to be
 * compared. That is compare_key.c. Runs made twice count once: the newest.
 *
 * Cost: runs x settings, and a sort of the runs.
 */
#include "io/compare_intake.h"

#include "base/hash.h"
#include "base/text.h"
#include "io/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is compared when nothing is said, where it says something. */
static const char *const usual_metrics[] = {"wait_mean_s", "jct_mean_s",   "goodput_share",
                                            "ttft_p99_s",  "utilisation",  "energy_kwh",
                                            "total_co2_kg", "total_usd",   "usd_per_work"};
enum { USUAL = sizeof usual_metrics / sizeof *usual_metrics };

bool intake_refuse(struct intake *in, const char *format, ...) {
    struct text text;
    va_list args;
    text_init(&text);
    va_start(args, format);
    text_format_list(&text, format, args);
    va_end(args);
    err_add(in->err, (struct place_in_file){0}, "%s", text.at);
    text_free(&text);
    return false;
}

static void note(struct intake *in, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct intake *in, const char *format, ...) {
    struct text text;
    va_list args;
    text_init(&text);
    va_start(args, format);
    text_format_list(&text, format, args);
    va_end(args);
    *vec_push(&in->notes) = arena_text(&in->c->arena, text.at);
    text_free(&text);
}

char *texts_listed(const struct texts *texts, size_t most) {
    struct text text;
    text_init(&text);
    for (size_t i = 0; i < texts->len && i < most; i++)
        text_format(&text, "%s%s", i ? ", " : "", texts->at[i]);
    if (texts->len > most) text_format(&text, " and %zu more", texts->len - most);
    return text_take(&text);
}

/* Where a sorted list has the text, or where it would stand. */
static size_t place_of(const struct texts *texts, const char *wanted) {
    size_t from = 0, end = texts->len;
    while (from < end) {
        const size_t middle = from + (end - from) / 2;
        if (strcmp(texts->at[middle], wanted) < 0) from = middle + 1;
        else end = middle;
    }
    return from;
}

void texts_insert(struct texts *texts, const char *text) {
    const size_t at = place_of(texts, text);
    if (at < texts->len && same(texts->at[at], text)) return;
    vec_push(texts);
    memmove(texts->at + at + 1, texts->at + at, (texts->len - 1 - at) * sizeof *texts->at);
    texts->at[at] = text;
}

bool texts_have(const struct texts *texts, const char *wanted) {
    const size_t at = place_of(texts, wanted);
    return at < texts->len && same(texts->at[at], wanted);
}

uint64_t texts_hash(uint64_t hash, const char *text) {
    return text ? hash_bytes(hash, text, strlen(text) + 1) : hash_bytes(hash, "\1", 1);
}

/* --- runs and what they differ in --- */

static void take_run(struct intake *in, struct store *store, int64_t id) {
    struct arena *arena = &in->c->arena;
    struct summary summary;
    if (store_read_summary(store, id, 1u << PART_RUN, &summary) && summary.complete) {
        const struct run_info *info = &summary.info;
        struct taken *run = &in->runs[in->len++];
        *run = (struct taken){.id = id, .seed = info->seed, .trace_hash = info->trace_hash};
        run->factors = HASH_START;
        run->scenario = arena_text(arena, info->scenario_name);
        run->name = arena_text(arena, info->run_name);
        run->title = arena_text(arena, summary_title(&summary));
        run->baseline = arena_text(arena, info->baseline);
        run->work_unit = arena_text(arena, summary.work_unit);
        run->version = arena_text(arena, info->version);
        run->own = setting_read(&in->reader, info, true);
        run->base = setting_read(&in->reader, info, false);
        for (size_t i = 0; i < info->factors_len; i++)
            run->factors = texts_hash(texts_hash(run->factors, info->factors[i].path), info->factors[i].value);
        run->value = arena_alloc(arena, result_metrics_len, sizeof *run->value);
        memcpy(run->value, summary.parts[0].value, result_metrics_len * sizeof *run->value);
    }
    summary_free(&summary);
}

/* Adds the paths in which two settings differ: both are sorted. */
static void add_differences(struct texts *varying, const struct setting *a, const struct setting *b) {
    size_t i = 0, k = 0;
    while (i < a->len || k < b->len) {
        const int order = i == a->len ? 1 : k == b->len ? -1 : strcmp(a->at[i].path, b->at[k].path);
        if (order < 0) texts_insert(varying, a->at[i].path);
        else if (order > 0) texts_insert(varying, b->at[k].path);
        else if (!same(a->at[i].value, b->at[k].value)) texts_insert(varying, a->at[i].path);
        i += order <= 0;
        k += order >= 0;
    }
}

static void find_differences(struct intake *in) {
    for (size_t r = 1; r < in->len; r++) {
        add_differences(&in->varying, &in->runs[0].own, &in->runs[r].own);
        add_differences(&in->varying_base, &in->runs[0].base, &in->runs[r].base);
        in->several_scenarios |= !same(in->runs[r].scenario, in->runs[0].scenario);
    }
}

/* --- values --- */

static int by_place(const void *a, const void *b) {
    const struct taken *x = a, *y = b;
    if (x->rest != y->rest) return x->rest < y->rest ? -1 : 1;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    if (x->seed != y->seed) return x->seed < y->seed ? -1 : 1;
    return x->id > y->id ? -1 : x->id < y->id;
}

/* Sorts the runs, leaves out what was made again later, and what stands in a setting that not every group
 * has. */
static bool choose_runs(struct intake *in) {
    struct compare *c = in->c;
    size_t older = 0, left_out = 0;
    qsort(in->runs, in->len, sizeof *in->runs, by_place);
    for (size_t r = 0, end; r < in->len; r = end) {
        size_t groups = 0;
        for (end = r; end < in->len && in->runs[end].rest == in->runs[r].rest; end++) {
            struct taken *run = &in->runs[end];
            const bool other_group = end == r || run->group != run[-1].group;
            groups += other_group;
            run->older = !other_group && run->seed == run[-1].seed;
            older += run->older;
        }
        left_out += groups < c->groups_len;
        c->settings += groups == c->groups_len;
        for (size_t i = r; i < end; i++) in->runs[i].counts = groups == c->groups_len && !in->runs[i].older;
    }
    char *paths = texts_listed(&in->rest, 6);
    if (!c->settings) {
        intake_refuse(in,
                "by %s, no two groups can be compared: there is nothing else that all have in common, they "
                "differ in %s too; take a wider --by (policy, run), or leave runs out with --run",
                c->by, *paths ? paths : "their factors");
    } else {
        if (c->settings > 1)
            note(in, "every replication is the mean over %zu settings of %s", c->settings, paths);
        if (left_out) note(in, "runs of %zu setting%s that not every group has are left out", left_out,
                           left_out > 1 ? "s" : "");
        if (older)
            note(in, "%zu run%s made again later, alike in all and with the same seed: the newest counts",
                 older, older > 1 ? "s were" : " was");
    }
    free(paths);
    return c->settings > 0;
}

static int by_seed(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void find_seeds(struct intake *in) {
    struct compare *c = in->c;
    c->seeds = arena_alloc(&c->arena, in->len, sizeof *c->seeds);
    for (size_t r = 0; r < in->len; r++)
        if (in->runs[r].counts) c->seeds[c->seeds_len++] = in->runs[r].seed;
    qsort(c->seeds, c->seeds_len, sizeof *c->seeds, by_seed);
    size_t kept = 0;
    for (size_t s = 0; s < c->seeds_len; s++)
        if (s == 0 || c->seeds[s] != c->seeds[kept - 1]) c->seeds[kept++] = c->seeds[s];
    c->seeds_len = kept;
    c->runs = arena_alloc(&c->arena, in->len, sizeof *c->runs);
    for (size_t r = 0; r < in->len; r++) {
        struct taken *run = &in->runs[r];
        if (!run->counts) continue;
        const uint64_t *at = bsearch(&run->seed, c->seeds, c->seeds_len, sizeof *c->seeds, by_seed);
        run->seed_at = (size_t)(at - c->seeds);
        c->runs[c->runs_len++] = (struct compare_run){run->id, run->group, run->seed_at, run->rest};
    }
}

/* Sums over settings become means; a seed that lacks one has no value. */
static void fill_cells(struct intake *in) {
    struct compare *c = in->c;
    const size_t slots = c->groups_len * c->seeds_len;
    size_t *settings = mem_zero(slots + 1, sizeof *settings), lacking = 0;
    for (size_t r = 0; r < in->len; r++)
        if (in->runs[r].counts) settings[in->runs[r].group * c->seeds_len + in->runs[r].seed_at]++;
    for (size_t i = 0; i < slots; i++) {
        lacking += settings[i] > 0 && settings[i] < c->settings;
        c->groups[i / c->seeds_len].replications += settings[i] == c->settings;
    }
    if (lacking) note(in, "%zu replication%s runs of some settings, and %s left out", lacking,
                      lacking > 1 ? "s lack" : " lacks", lacking > 1 ? "are" : "is");
    c->cells = arena_alloc(&c->arena, c->metrics_all * c->groups_len, sizeof *c->cells);
    for (size_t m = 0; m < c->metrics_all; m++) {
        for (size_t g = 0; g < c->groups_len; g++) {
            struct compare_cell *cell = &c->cells[m * c->groups_len + g];
            cell->values = arena_alloc(&c->arena, c->seeds_len, sizeof *cell->values);
            for (size_t s = 0; s < c->seeds_len; s++)
                cell->values[s] = settings[g * c->seeds_len + s] == c->settings ? 0 : NAN;
        }
        for (size_t r = 0; r < in->len; r++) {
            const struct taken *run = &in->runs[r];
            if (!run->counts) continue;
            c->cells[m * c->groups_len + run->group].values[run->seed_at] +=
                run->value[c->metrics[m].metric - result_metrics] / (double)c->settings;
        }
    }
    free(settings);
}

/* --- metrics --- */

static const struct metric *metric_named(struct intake *in, const char *option, const char *name,
                                         size_t len) {
    struct texts names = {0};
    const struct metric *found = NULL;
    for (size_t m = 0; m < result_metrics_len; m++) {
        const struct metric *metric = &result_metrics[m];
        if (!(metric->parts >> PART_RUN & 1)) continue;
        *vec_push(&names) = metric->name;
        if (strlen(metric->name) == len && memcmp(metric->name, name, len) == 0) found = metric;
    }
    if (!found) {
        char *wanted = arena_text(&in->c->arena, name);
        wanted[len] = '\0';
        const char *nearest = text_nearest(wanted, names.at, names.len);
        intake_refuse(in, "--%s: there is no metric '%s' of a run%s%s%s", option,
                wanted, nearest ? "; did you mean '" : "; 'headroom help metrics' lists them",
                nearest ? nearest : "",
                nearest ? "'?" : "");
    }
    free(names.at);
    return found;
}

/* Whether the metric is defined in some run and not 0 in all. */
static bool says_something(const struct intake *in, const char *name) {
    const size_t m = metric_index(name);
    for (size_t r = 0; r < in->len; r++)
        if (!isnan(in->runs[r].value[m]) && in->runs[r].value[m] != 0) return true;
    return false;
}

static size_t add_metric(struct compare *c, const struct metric *metric) {
    for (size_t m = 0; m < c->metrics_all; m++)
        if (c->metrics[m].metric == metric) return m;
    c->metrics[c->metrics_all] = (struct compare_metric){.metric = metric, .lead = c->groups_len, .p = NAN};
    return c->metrics_all++;
}

static bool find_metrics(struct intake *in) {
    struct compare *c = in->c;
    const size_t found = in->err->found;
    c->metrics = arena_alloc(&c->arena, in->wish->metrics_len + USUAL + COMPARE_PARETO_MOST,
                             sizeof *c->metrics);
    for (size_t i = 0; i < in->wish->metrics_len; i++) {
        const struct metric *m = metric_named(in, "metric", in->wish->metrics[i],
                                              strlen(in->wish->metrics[i]));
        if (m) add_metric(c, m);
    }
    for (size_t i = 0; i < USUAL && !in->wish->metrics_len; i++)
        if (says_something(in, usual_metrics[i]))
            add_metric(c, &result_metrics[metric_index(usual_metrics[i])]);
    c->metrics_len = c->metrics_all;
    return in->err->found == found;
}

static const char few_pareto[] = "--pareto takes two or three metrics";

static bool find_pareto_metrics(struct intake *in) {
    struct compare *c = in->c;
    const char *wish = in->wish->pareto;
    if (!wish) {
        const char *const usual[] = {"total_usd",
                                     says_something(in, "total_co2_kg") ? "total_co2_kg" : "energy_kwh",
                                     says_something(in, "jct_mean_s") ? "jct_mean_s" : "goodput_share"};
        for (size_t i = 0; i < COMPARE_PARETO_MOST; i++)
            if (says_something(in, usual[i]))
                c->pareto[c->pareto_len++] = add_metric(c, &result_metrics[metric_index(usual[i])]);
        return true;
    }
    const size_t found = in->err->found;
    for (size_t len; *wish; wish += len + (wish[len] == ',')) {
        len = strcspn(wish, ",");
        const struct metric *m = metric_named(in, "pareto", wish, len);
        if (m && m->neutral) intake_refuse(in,
                                     "--pareto: of %s neither more nor less is better", m->name);
        else if (m && c->pareto_len == COMPARE_PARETO_MOST) return intake_refuse(in, "%s", few_pareto);
        else if (m) c->pareto[c->pareto_len++] = add_metric(c, m);
    }
    if (in->err->found == found && c->pareto_len < 2) return intake_refuse(in, "%s", few_pareto);
    return in->err->found == found;
}

/* --- what the reader must know --- */

static int by_demand(const void *a, const void *b) {
    const struct taken *x = a, *y = b;
    if (x->rest != y->rest) return x->rest < y->rest ? -1 : 1;
    return x->seed < y->seed ? -1 : x->seed > y->seed;
}

/* Sorts the runs. */
static void note_demand(struct intake *in) {
    bool other = false, one_demand = true;
    qsort(in->runs, in->len, sizeof *in->runs, by_demand);
    for (size_t r = 1; r < in->len; r++) {
        const struct taken *a = &in->runs[r - 1], *b = &in->runs[r];
        other |= a->rest == b->rest && a->seed == b->seed && a->trace_hash != b->trace_hash;
        one_demand &= a->trace_hash == b->trace_hash;
    }
    if (other) note(in, "runs of one seed did not have the same jobs: differences are not the groups' alone");
    if (one_demand && in->c->seeds_len > 1)
        note(in, "all replications had the same jobs: intervals speak of the other random draws alone");
}

static void note_all(struct intake *in) {
    struct compare *c = in->c;
    size_t most = 0, least = SIZE_MAX;
    bool units = false, versions = false;
    for (size_t g = 0; g < c->groups_len; g++) {
        most = c->groups[g].replications > most ? c->groups[g].replications : most;
        least = c->groups[g].replications < least ? c->groups[g].replications : least;
    }
    for (size_t r = 1; r < in->len; r++) {
        units |= !same(in->runs[r].work_unit, in->runs[0].work_unit);
        versions |= !same(in->runs[r].version, in->runs[0].version);
    }
    if (most <= 1) {
        note(in, "one replication each: there is no interval, and no difference can be told from chance; "
                 "run the scenario with more seeds (headroom run --seed N)");
    } else if (least <= 1) {
        note(in, "groups of one replication have no interval");
    }
    note_demand(in);
    if (units) note(in, "these runs count work in different units: their efficiency cannot be compared");
    if (versions) note(in, "these runs were made by different versions of headroom");
}

static const char *title_of(struct intake *in) {
    struct texts names = {0};
    for (size_t r = 0; r < in->len; r++) texts_insert(&names, in->runs[r].scenario);
    char *all = texts_listed(&names, 3);
    const char *kept = arena_text(&in->c->arena, all);
    free(all);
    free(names.at);
    return kept;
}

/* --- all together --- */

static int by_id(const void *a, const void *b) {
    const struct taken *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Sorts the runs: values stand in the order of their first ones. */
static void arrange(struct intake *in) {
    if (in->varying.len != 2 || in->by_run) return;
    qsort(in->runs, in->len, sizeof *in->runs, by_id);
    const char *const *path = in->varying.at;
    struct compare_point *points = mem_alloc((in->len + 1) * sizeof *points);
    size_t count = 0;
    for (size_t r = 0; r < in->len; r++) {
        const struct taken *run = &in->runs[r];
        if (run->older) continue;
        struct compare_point *p = &points[count++];
        *p = (struct compare_point){.value = run->value};
        for (int k = 0; k < 2; k++) {
            const char *value = setting_get(&run->own, path[k]);
            p->at[k] = value ? value : "default";
        }
    }
    compare_arrange(in->c, path, points, count);
    free(points);
}

static bool take(struct intake *in) {
    struct compare *c = in->c;
    if (in->len < 2) return intake_refuse(in, "there are fewer than two complete runs to compare");
    find_differences(in);
    c->title = title_of(in);
    bool good = find_metrics(in);
    good = find_pareto_metrics(in) && good;
    if (!intake_key(in)) return false;
    good = intake_groups(in) && good;
    if (c->groups_len < 2)
        return intake_refuse(in, "by %s, all runs are in one group: %s", c->by,
                       c->groups[0].label);
    if (!good || !choose_runs(in)) return false;
    find_seeds(in);
    fill_cells(in);
    arrange(in);
    note_all(in);
    return true;
}

bool compare_read(struct compare *c, struct store *store, const int64_t *ids, size_t count,
                  const struct compare_wish *wish, struct err *err) {
    struct intake in = {.c = c, .wish = wish, .err = err, .runs = mem_zero(count + 1, sizeof *in.runs)};
    *c = (struct compare){.level = wish->level};
    arena_init(&c->arena);
    setting_reader_init(&in.reader);
    for (size_t i = 0; i < count; i++) take_run(&in, store, ids[i]);
    const bool good = take(&in);
    if (good) {
        c->notes = arena_alloc(&c->arena, in.notes.len, sizeof *c->notes);
        if (in.notes.len) memcpy(c->notes, in.notes.at, in.notes.len * sizeof *c->notes);
        c->notes_len = in.notes.len;
        compare_infer(c);
    } else {
        compare_free(c);
    }
    setting_reader_free(&in.reader);
    free(in.varying.at), free(in.varying_base.at), free(in.rest.at), free(in.notes.at);
    free(in.runs);
    return good;
}

void compare_free(struct compare *c) {
    arena_free(&c->arena);
    *c = (struct compare){0};
}
