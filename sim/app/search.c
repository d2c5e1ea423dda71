/*
 * The search for a fleet (see search.h): base/lattice.c says which fleet to try next, a trial runs it, and the verdict
 * of its replications says whether it holds: in the scenario as it is, then in every case that is required, the next
 * only when the one before held. A fleet that is not decided after the most replications does not hold, and neither
 * does one that cannot be built (no node at all, no room for a service's replicas).
 *
 * Fleets are compared by their mean over the first replications, of which all have the same number with the same
 * seeds: differences are paired. What is known of a fleet serves all objectives.
 *
 * Cost: simulations; a test of the lattice beside each is nothing.
 */
#include "app/search.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/stats.h"
#include "base/text.h"
#include "core/floor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const tested_names[] = {"holds", "fails", "undecided", "impossible", "dearer"};

/* --- names --- */

/* The part between a prefix and a suffix of a path; NULL when it has another form. */
static char *middle(const char *path, const char *prefix, const char *suffix) {
    const size_t len = strlen(path), before = strlen(prefix), after = strlen(suffix);
    if (len <= before + after || strncmp(path, prefix, before) != 0 || strcmp(path + len - after, suffix) != 0)
        return NULL;
    char *name = mem_text(path + before);
    name[len - before - after] = '\0';
    return name;
}

char *search_label(const struct sizing_axis *axis) {
    char *name = middle(axis->path, "pools.", ".nodes");
    if (name == NULL) name = middle(axis->path, "services.", ".replicas");
    return name ? name : mem_text(axis->path);
}

static const char *text_at(const struct search *search, size_t point, size_t axis) {
    return search->sizing->axes[axis].texts[lattice_at(&search->lattice, point, axis)];
}

char *search_name(const struct search *search, size_t point) {
    struct text text;
    text_init(&text);
    for (size_t a = 0; a < search->sizing->axes_len; a++) {
        char *label = search_label(&search->sizing->axes[a]);
        text_format(&text, "%s%s %s", a ? ", " : "", label, text_at(search, point, a));
        free(label);
    }
    return text_take(&text);
}

/* --- the lattice --- */

/* The pool whose nodes an axis counts; UINT32_MAX: none. */
static uint32_t pool_of(const struct sizing_axis *axis, const struct setup *setup) {
    char *name = middle(axis->path, "pools.", ".nodes");
    uint32_t pool = 0;
    while (name && pool < setup->pools_len && strcmp(setup->pools[pool].name, name) != 0) pool++;
    const bool found = name && pool < setup->pools_len;
    free(name);
    return found ? pool : UINT32_MAX;
}

static double usd_per_gpu_h(const struct pool_setup *pool) {
    const double usd = pool->spot_usd_per_node_h.len ? pool->spot_usd_per_node_h.value[0] : pool->usd_per_node_h;
    return usd / (pool->gpus ? pool->gpus : 1);
}

/* Whether more of the axis costs no less, where the scenario does not say. */
static bool grows(const struct sizing_axis *axis, const struct setup *setup, enum sizing_objective by) {
    if (!axis->counts) return false;
    if (by == SIZING_NODES) return true;
    if (axis->grows != SIZING_GROWS_AUTO) return axis->grows == SIZING_GROWS;
    const uint32_t own = pool_of(axis, setup);
    if (own == UINT32_MAX) return true;
    const struct pool_setup *pool = &setup->pools[own];
    for (uint32_t i = 0; i < setup->pools_len; i++) {
        const struct pool_setup *other = &setup->pools[i];
        if (by != SIZING_USD && i != own &&
            (other->gpu_peak_w != pool->gpu_peak_w || other->gpu_idle_w != pool->gpu_idle_w ||
             other->base_w != pool->base_w || other->region != pool->region))
            return false; /* work may move to where it takes less */
        if (by == SIZING_USD && i != own && bought_elastic(other->bought) &&
            (!bought_elastic(pool->bought) || usd_per_gpu_h(other) > usd_per_gpu_h(pool)))
            return false; /* it may replace what is dearer */
    }
    return by == SIZING_USD || !pool->sleep.on;
}

/* What a fleet has of an objective at least: something fixed, and so much a count of each axis. */
struct rates {
    double of_axis[LATTICE_AXES_MOST], fixed;
    bool known;
};

static double floor_part(struct floor f, enum sizing_objective by) {
    return by == SIZING_USD ? f.usd : by == SIZING_KWH ? f.kwh : by == SIZING_CO2 ? f.co2_kg : 1;
}

static uint64_t nodes_of(const struct setup *setup, uint32_t pool) {
    uint64_t nodes = 0;
    for (size_t i = 0; i < setup->nodes_len; i++)
        if (setup->nodes[i].pool == pool) nodes += setup->nodes[i].count;
    return nodes;
}

static struct rates rates_of(const struct search *search, const struct setup *setup, double hours,
                             enum sizing_objective by) {
    struct rates rates = {.known = true};
    for (uint32_t p = 0; p < setup->pools_len; p++) {
        const struct floor f = floor_of_node(setup, p, hours);
        const double part = floor_part(f, by);
        size_t axis = 0;
        while (axis < search->sizing->axes_len && pool_of(&search->sizing->axes[axis], setup) != p) axis++;
        if (axis < search->sizing->axes_len) rates.of_axis[axis] = part;
        else rates.fixed += part * (double)nodes_of(setup, p);
        if (by == SIZING_USD && !f.usd_known) rates.known = false;
    }
    return rates;
}

/* The point with the same alternatives and the highest counts. */
static size_t top_of(const struct search *search, size_t point) {
    uint32_t at[LATTICE_AXES_MOST];
    for (size_t a = 0; a < search->sizing->axes_len; a++)
        at[a] = search->sizing->axes[a].counts ? search->lattice.len[a] - 1 : lattice_at(&search->lattice, point, a);
    return lattice_index(&search->lattice, at);
}

static double least_at(const struct search *search, const struct rates *rates, size_t point) {
    double least = rates->fixed;
    for (size_t a = 0; a < search->sizing->axes_len; a++) {
        const char *text = text_at(search, point, a);
        double count = 0;
        if (rates->of_axis[a] > 0 && num_f64(text, strlen(text), &count)) least += rates->of_axis[a] * count;
    }
    return rates->known ? least : -INFINITY;
}

/* Opens the fleet with the values of a point, in a case. */
static bool fleet_open(struct search *search, size_t point, uint64_t number, const struct sizing_case *in,
                       struct trial *trial, struct err *err) {
    struct sweep_value values[LATTICE_AXES_MOST];
    for (size_t a = 0; a < search->sizing->axes_len; a++)
        values[a] = search->sizing->axes[a].values[lattice_at(&search->lattice, point, a)];
    return trial_open(search->trials, trial, number, values, search->sizing->axes_len, in, err);
}

/* Pools differ between alternatives, so the largest fleet of each combination of them is read once. */
static bool floors_fill(struct search *search, enum sizing_objective by, struct err *err) {
    struct lattice *lattice = &search->lattice;
    const struct sizing *sizing = search->sizing;
    const size_t found = err->found;
    for (size_t top = 0; top < lattice->points && err->found == found; top++) {
        if (top_of(search, top) != top) continue;
        struct trial trial;
        if (fleet_open(search, top, 0, sizing->base, &trial, err)) {
            const double hours = trial_hours(search->trials, &trial, sizing->rule.least, err);
            const struct rates rates = rates_of(search, trial.run->setup, hours, by);
            for (size_t p = 0; p < lattice->points; p++)
                if (top_of(search, p) == top) lattice->floor[p] = least_at(search, &rates, p);
            for (size_t a = 0; a < sizing->axes_len; a++)
                lattice->grows[a] = lattice->grows[a] && grows(&sizing->axes[a], trial.run->setup, by);
        }
        trial_close(search->trials, &trial);
    }
    return err->found == found;
}

static void tell(struct search *search, const struct fleet_test *test, enum sizing_objective by) {
    if (test->tested == TESTED_DEARER) lattice_raise(&search->lattice, test->point, test->objective[by]);
    else lattice_tell(&search->lattice, test->point, test->tested == TESTED_HOLDS, test->objective[by]);
}

/* A lattice for an objective, which knows what was tried so far. */
static bool lattice_for(struct search *search, enum sizing_objective by, struct err *err) {
    const struct sizing *sizing = search->sizing;
    if (search->lattice.points) lattice_close(&search->lattice);
    search->lattice = (struct lattice){.axes = sizing->axes_len};
    for (size_t a = 0; a < sizing->axes_len; a++) {
        search->lattice.len[a] = (uint32_t)sizing->axes[a].len;
        search->lattice.helps[a] = search->lattice.grows[a] = sizing->axes[a].counts && !sizing->enumerate;
    }
    lattice_open(&search->lattice);
    if (!sizing->enumerate && !floors_fill(search, by, err)) return false;
    for (size_t i = 0; i < search->tests.len; i++) {
        const struct fleet_test *t = search->tests.at[i];
        tell(search, t, by);
    }
    return true;
}

/* --- one fleet --- */

/* All targets of a trial: FAILS when one does, HOLDS when all do. */
static enum verdict verdict_all(const struct sizing *sizing, const struct trial *trial, struct verdict_of *verdicts) {
    enum verdict all = VERDICT_HOLDS;
    double *values = mem_alloc(trial->done * sizeof *values);
    for (size_t t = 0; t < sizing->targets_len; t++) {
        for (size_t r = 0; r < trial->done; r++) values[r] = trial->targets[sizing->targets_len * r + t];
        verdicts[t] = verdict_of(&sizing->rule, &sizing->targets[t].rule, values, trial->done);
        if (verdicts[t].verdict == VERDICT_FAILS || all == VERDICT_FAILS) all = VERDICT_FAILS;
        else if (verdicts[t].verdict == VERDICT_OPEN) all = VERDICT_OPEN;
    }
    free(values);
    return all;
}

/* Runs a trial until its targets are decided, or it has had the most replications. */
static bool decide(struct search *search, struct trial *trial, struct verdict_of *verdicts, enum tested *tested,
                   struct err *err) {
    enum verdict verdict = trial->done ? verdict_all(search->sizing, trial, verdicts) : VERDICT_OPEN;
    for (size_t next; verdict == VERDICT_OPEN && (next = verdict_next(&search->sizing->rule, trial->done)) > 0;) {
        if (!trial_extend(search->trials, trial, next, err)) return false;
        verdict = verdict_all(search->sizing, trial, verdicts);
    }
    *tested = verdict == VERDICT_HOLDS ? TESTED_HOLDS : verdict == VERDICT_FAILS ? TESTED_FAILS : TESTED_UNDECIDED;
    return true;
}

static void weigh(struct fleet_test *test, size_t count) {
    const struct trial *trial = &test->base;
    for (size_t o = 0; o < SIZING_OBJECTIVES; o++) {
        double sum = 0, squares = 0;
        for (size_t r = 0; r < count; r++) sum += trial->objectives[SIZING_OBJECTIVES * r + o];
        test->objective[o] = sum / (double)count;
        for (size_t r = 0; r < count; r++) {
            const double off = trial->objectives[SIZING_OBJECTIVES * r + o] - test->objective[o];
            squares += off * off;
        }
        test->half[o] = count > 1 ? stats_t_half_width(sqrt(squares / (double)(count - 1)), count, 0.95) : 0;
    }
    test->energy_usd = test->hours = 0;
    for (size_t r = 0; r < count; r++) {
        test->energy_usd += trial->energy_usd[r] / (double)count;
        test->hours += trial->hours[r] / (double)count;
    }
}

/* A case of a fleet; one that cannot be built does not hold. */
static bool try_case(struct search *search, struct fleet_test *test, size_t c, enum tested *tested, struct err *err) {
    struct err why;
    err_init(&why);
    struct trial *trial = &test->cases[c];
    const bool built =
        trial->run || fleet_open(search, test->point, test->base.number, &search->sizing->cases[c], trial, &why);
    err_free(&why);
    *tested = TESTED_IMPOSSIBLE;
    return !built || decide(search, trial, &test->case_verdicts[c * search->sizing->targets_len], tested, err);
}

/* What the best costs so far; a fleet that costs as much need not be decided. */
static double budget(const struct search *search) {
    const struct lattice *l = &search->lattice;
    return l->minima || search->sizing->enumerate || l->best == LATTICE_NONE ? INFINITY : l->cost[l->best];
}

static bool try_fleet(struct search *search, struct fleet_test *test, enum sizing_objective by, struct err *err) {
    const struct sizing *sizing = search->sizing;
    struct err why;
    err_init(&why);
    const bool built = test->base.run || fleet_open(search, test->point, ++search->trials->fleets, sizing->base,
                                                    &test->base, &why);
    err_free(&why);
    test->tested = TESTED_IMPOSSIBLE;
    if (!built) return true;
    if (!trial_extend(search->trials, &test->base, sizing->rule.least, err)) return false;
    weigh(test, sizing->rule.least);
    test->tested = TESTED_DEARER;
    const enum verdict first = verdict_all(sizing, &test->base, test->verdicts);
    if (first == VERDICT_OPEN && test->objective[by] >= budget(search)) return true;
    if (!decide(search, &test->base, test->verdicts, &test->tested, err)) return false;
    for (size_t c = 0; c < sizing->cases_len && test->tested == TESTED_HOLDS; c++) {
        if (!sizing->cases[c].required) continue;
        if (!try_case(search, test, c, &test->tested, err)) return false;
    }
    return true;
}

const struct fleet_test *search_test(const struct search *search, size_t point) {
    for (size_t i = 0; i < search->tests.len; i++)
        if (search->tests.at[i]->point == point) return search->tests.at[i];
    return NULL;
}

static struct fleet_test *test_begin(const struct sizing *sizing, size_t point) {
    struct fleet_test *test = mem_zero(1, sizeof *test);
    test->point = point;
    test->verdicts = mem_zero(sizing->targets_len, sizeof *test->verdicts);
    test->cases = mem_zero(sizing->cases_len, sizeof *test->cases);
    test->case_verdicts = mem_zero(sizing->cases_len * sizing->targets_len, sizeof *test->case_verdicts);
    return test;
}

/* Tries a fleet and tells the lattice. */
static bool try_point(struct search *search, size_t point, enum sizing_objective by, struct err *err) {
    struct fleet_test *test = NULL;
    for (size_t i = 0; i < search->tests.len && !test; i++)
        if (search->tests.at[i]->point == point) test = search->tests.at[i]; /* was dearer by another objective */
    if (!test) *vec_push(&search->tests) = test = test_begin(search->sizing, point);
    if (!try_fleet(search, test, by, err)) return false;
    tell(search, test, by);
    return true;
}

/* --- the search --- */

static bool search_by(struct search *search, enum sizing_objective by, struct err *err) {
    if (!lattice_for(search, by, err)) return false;
    for (size_t point; lattice_next(&search->lattice, &point);)
        if (!try_point(search, point, by, err)) return false;
    if (search->lattice.best != LATTICE_NONE) search->best[by] = search_test(search, search->lattice.best);
    return true;
}

/* One step more along every axis of counts: the answer's neighbours above must hold. */
static bool try_above(struct search *search, size_t point, struct err *err) {
    for (size_t a = 0; a < search->sizing->axes_len; a++) {
        if (!search->lattice.helps[a] || lattice_at(&search->lattice, point, a) + 1 == search->lattice.len[a]) continue;
        const size_t above = point + search->lattice.stride[a];
        const struct fleet_test *known = search_test(search, above);
        if (known && known->tested != TESTED_DEARER) continue;
        if (!try_point(search, above, search->sizing->least, err)) return false;
    }
    return true;
}

/* A pair of fleets that held, the larger of which cost less than the smaller, where more was taken to cost no less. */
static bool cheaper_above(const struct search *search, enum sizing_objective by) {
    for (size_t i = 0; i < search->tests.len; i++)
        for (size_t k = 0; k < search->tests.len; k++) {
            const struct fleet_test *a = search->tests.at[i], *b = search->tests.at[k];
            bool above = a != b && a->tested == TESTED_HOLDS && b->tested == TESTED_HOLDS;
            for (size_t x = 0; x < search->lattice.axes && above; x++) {
                const uint32_t low = lattice_at(&search->lattice, a->point, x);
                const uint32_t high = lattice_at(&search->lattice, b->point, x);
                above = search->lattice.grows[x] ? high >= low : high == low;
            }
            if (above && b->objective[by] < a->objective[by] * (1 - 1e-9)) return true;
        }
    return false;
}

/* Whether b's figure is surely worse than a's, by the differences between their runs with the same seed. The level is
 * high, since many pairs are compared. */
static bool worse(const struct search *search, size_t target, const struct trial *a, const struct trial *b) {
    const size_t targets = search->sizing->targets_len, count = a->done < b->done ? a->done : b->done;
    const double sign = search->sizing->targets[target].rule.at_most ? 1 : -1;
    double sum = 0, squares = 0;
    for (size_t r = 0; r < count; r++)
        sum += sign * (b->targets[targets * r + target] - a->targets[targets * r + target]);
    const double mean = sum / (double)count;
    for (size_t r = 0; r < count; r++) {
        const double off = sign * (b->targets[targets * r + target] - a->targets[targets * r + target]) - mean;
        squares += off * off;
    }
    return count > 2 && mean > stats_t_bound(sqrt(squares / (double)(count - 1)), count, 0.9999);
}

/* A target that gets worse with more, where more is taken to help, whatever its limit. */
static void find_worse(struct search *search) {
    for (size_t i = 0; i < search->tests.len; i++)
        for (size_t k = 0; k < search->tests.len && !search->worse; k++) {
            const struct fleet_test *a = search->tests.at[i], *b = search->tests.at[k];
            if (a == b || !a->base.done || !b->base.done || !lattice_covers(&search->lattice, b->point, a->point))
                continue;
            for (size_t t = 0; t < search->sizing->targets_len; t++)
                if (worse(search, t, &a->base, &b->base)) search->worse = &search->sizing->targets[t];
        }
}

static void find_contradiction(struct search *search) {
    size_t passed, failed;
    search->contradicted = lattice_contradiction(&search->lattice, &passed, &failed);
    if (!search->contradicted) return;
    search->smaller = search_test(search, passed);
    search->larger = search_test(search, failed);
}

static const struct fleet_test *least_of(const struct search *search, enum sizing_objective by) {
    size_t len;
    const struct fleet_test **holding = search_holding(search, by, &len), *least = len ? holding[0] : NULL;
    free(holding);
    return least;
}

bool search_run(struct search *search, struct err *err) {
    const struct sizing *sizing = search->sizing;
    if (!search_by(search, sizing->least, err)) return false;
    const struct fleet_test *answer = search->best[sizing->least];
    if (answer == NULL) {
        if (!sizing->enumerate) find_worse(search);
        return true;
    }
    if (!sizing->enumerate && !try_above(search, answer->point, err)) return false;
    search->best[sizing->least] = search_test(search, search->lattice.best);
    find_contradiction(search);
    if (!sizing->enumerate) find_worse(search);
    search->cheaper_above = !sizing->enumerate && cheaper_above(search, sizing->least);
    struct fleet_test *chosen = (struct fleet_test *)(void *)search->tests.at[0];
    for (size_t i = 0; i < search->tests.len; i++)
        if (search->tests.at[i] == search->best[sizing->least]) chosen = search->tests.at[i];
    for (size_t c = 0; c < sizing->cases_len; c++) {
        enum tested tested;
        if (!sizing->cases[c].required && !try_case(search, chosen, c, &tested, err)) return false;
    }
    for (enum sizing_objective o = 0; o < SIZING_NODES && sizing->side_by_side; o++) {
        if (o == sizing->least || !(answer->objective[o] > 0)) continue; /* nothing of it anywhere */
        if (sizing->enumerate) search->best[o] = least_of(search, o);
        else if (!search_by(search, o, err)) return false;
    }
    return true;
}

bool search_minima_begin(struct search *search, struct err *err) {
    if (!lattice_for(search, search->sizing->least, err)) return false;
    search->lattice.minima = true;
    return true;
}

bool search_minima(struct search *search, struct err *err) {
    struct lattice *lattice = &search->lattice;
    for (size_t point; lattice_next(lattice, &point);)
        if (!try_point(search, point, search->sizing->least, err)) return false;
    return true;
}

bool search_open(struct search *search, struct trials *trials, const struct sizing *sizing, struct err *err) {
    const size_t found = err->found;
    *search = (struct search){.sizing = sizing, .trials = trials, .lattice = {.axes = sizing->axes_len}};
    for (size_t a = 0; a < sizing->axes_len; a++) search->lattice.len[a] = (uint32_t)sizing->axes[a].len;
    lattice_open(&search->lattice);
    for (size_t top = 0; top < search->lattice.points && err->found == found; top++) {
        if (top_of(search, top) != top) continue;
        struct trial trial;
        if (fleet_open(search, top, 0, sizing->base, &trial, err)) trial_check(trials, &trial, err);
        trial_close(trials, &trial);
        for (size_t c = 0; c < sizing->cases_len && err->found == found; c++) {
            fleet_open(search, top, 0, &sizing->cases[c], &trial, err);
            trial_close(trials, &trial);
        }
    }
    return err->found == found;
}

void search_close(struct search *search) {
    for (size_t i = 0; i < search->tests.len; i++) {
        struct fleet_test *test = search->tests.at[i];
        for (size_t c = 0; c < search->sizing->cases_len; c++) trial_close(search->trials, &test->cases[c]);
        trial_close(search->trials, &test->base);
        free(test->verdicts);
        free(test->case_verdicts);
        free(test->cases);
        free(test);
    }
    free(search->tests.at);
    if (search->lattice.points) lattice_close(&search->lattice);
}

/* --- what it found --- */

const struct fleet_test **search_holding(const struct search *search, enum sizing_objective by, size_t *len) {
    const struct fleet_test **list = mem_alloc(search->tests.len * sizeof *list);
    *len = 0;
    for (size_t i = 0; i < search->tests.len; i++) {
        const struct fleet_test *test = search->tests.at[i];
        if (test->tested != TESTED_HOLDS) continue;
        size_t at = (*len)++;
        for (; at > 0 && list[at - 1]->objective[by] > test->objective[by]; at--) list[at] = list[at - 1];
        list[at] = test;
    }
    return list;
}

const struct fleet_test *search_below(const struct search *search, size_t point, size_t axis) {
    if (!search->sizing->axes[axis].counts || lattice_at(&search->lattice, point, axis) == 0) return NULL;
    const size_t below = point - search->lattice.stride[axis];
    for (size_t i = 0; i < search->tests.len; i++) {
        const struct fleet_test *test = search->tests.at[i];
        if (test->tested == TESTED_HOLDS || test->tested == TESTED_DEARER) continue;
        if (lattice_covers(&search->lattice, test->point, below)) return test;
    }
    return NULL;
}
