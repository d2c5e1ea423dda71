/*
 * What follows from replications (see compare.h): means and differences with their intervals, tests with
 * Holm's correction over all that are shown, winners, and the Pareto front.
 *
 * A winner must beat every other group, each in a test of its own, so that no further correction is owed for
 * their number (an intersection-union test, Berger 1982); but any of the groups could have come out first by
 * chance, so the largest p counts as often as there are others (Bonferroni), and Holm corrects over the
 * metrics. With two groups that is the test against the baseline.
 *
 * Cost: metrics x groups intervals, a bootstrap each.
 */
#include "io/compare.h"

#include <math.h>
#include <stdlib.h>

const char *const compare_verdicts[] = {"", "unclear", "same", "better", "worse", "different"};

const struct compare_cell *compare_cell(const struct compare *c, size_t metric, size_t group) {
    return &c->cells[metric * c->groups_len + group];
}

static struct compare_cell *cell_at(struct compare *c, size_t metric, size_t group) {
    return &c->cells[metric * c->groups_len + group];
}

/* Sums of the same terms in another order differ by rounding, which is no difference. */
static const double rounding = 1e-9;

static double less(double value, double base) {
    return fabs(value - base) <= rounding * fabs(base) ? 0 : value - base;
}

/* The values that are known; or, with another cell, the differences to it where both are. */
static size_t known(const struct compare *c, const struct compare_cell *cell, const struct compare_cell *from,
                    double *values) {
    size_t len = 0;
    for (size_t s = 0; s < c->seeds_len; s++) {
        const double value = from ? less(cell->values[s], from->values[s]) : cell->values[s];
        if (!isnan(value)) values[len++] = value;
    }
    return len;
}

static double size_of_paired(const struct compare *c, const struct compare_cell *cell,
                             const struct compare_cell *base) {
    double sum = 0;
    size_t count = 0;
    for (size_t s = 0; s < c->seeds_len; s++) {
        if (isnan(cell->values[s] - base->values[s])) continue;
        sum += base->values[s];
        count++;
    }
    return fabs(sum / (double)count);
}

static double over(double value, double whole) { return whole > 0 ? value / whole : NAN; }

static void contrast(const struct compare *c, struct compare_cell *cell, const struct compare_cell *base,
                     double *scratch) {
    const size_t pairs = known(c, cell, base, scratch);
    cell->paired = pairs > 0 && (pairs > 1 || cell->own.count < 2 || base->own.count < 2);
    if (cell->paired) {
        const struct infer_mean d = infer_mean(scratch, pairs, c->level);
        cell->pairs = pairs;
        cell->difference = d.mean;
        cell->relative = over(d.mean, size_of_paired(c, cell, base));
        cell->t = d.t;
        cell->boot = d.boot;
        cell->p = infer_t_p(d.mean, d.sd, d.count);
        cell->p_wilcoxon = pairs > 1 ? infer_wilcoxon_p(scratch, pairs) : NAN;
        return;
    }
    const struct infer_welch w = infer_welch(&base->own, &cell->own, c->level);
    cell->difference = w.difference;
    cell->relative = over(w.difference, fabs(base->own.mean));
    cell->t = w.t;
    cell->p = w.p;
}

static void infer_cells(struct compare *c, double *scratch) {
    for (size_t m = 0; m < c->metrics_all; m++) {
        const struct compare_cell *base = cell_at(c, m, 0);
        for (size_t g = 0; g < c->groups_len; g++) {
            struct compare_cell *cell = cell_at(c, m, g);
            cell->own = infer_mean(scratch, known(c, cell, NULL, scratch), c->level);
            cell->difference = cell->relative = cell->p = cell->p_wilcoxon = cell->p_holm = NAN;
            cell->t = cell->boot = (struct infer_span){NAN, NAN};
            if (g > 0) contrast(c, cell, base, scratch);
        }
    }
}

static enum compare_verdict verdict_of(const struct compare *c, const struct compare_metric *m,
                                       const struct compare_cell *cell) {
    if (isnan(cell->p_holm)) return COMPARE_UNKNOWN;
    if (cell->difference == 0 && cell->p == 1) return COMPARE_SAME;
    if (cell->p_holm > 1 - c->level) return COMPARE_UNCLEAR;
    if (m->metric->neutral) return COMPARE_OTHER;
    return (cell->difference < 0) == m->metric->less_is_better ? COMPARE_BETTER : COMPARE_WORSE;
}

static void correct(struct compare *c) {
    const size_t cells = c->metrics_len * c->groups_len;
    double *p = mem_alloc((cells + 1) * sizeof *p);
    for (size_t i = 0; i < cells; i++) {
        p[i] = c->cells[i].p;
        c->tests += !isnan(p[i]);
    }
    infer_holm(p, cells, p);
    for (size_t i = 0; i < cells; i++) {
        c->cells[i].p_holm = p[i];
        if (i % c->groups_len)
            c->cells[i].verdict = verdict_of(c, &c->metrics[i / c->groups_len], &c->cells[i]);
    }
    free(p);
}

/* --- winners --- */

static double chance_of_difference(const struct compare *c, const struct compare_cell *a,
                                   const struct compare_cell *b, double *scratch) {
    const size_t pairs = known(c, a, b, scratch);
    if (pairs > 1) {
        double sum = 0, squares = 0;
        bool same = true;
        for (size_t i = 0; i < pairs; i++) {
            sum += scratch[i];
            same &= scratch[i] == scratch[0];
        }
        const double mean = sum / (double)pairs;
        for (size_t i = 0; i < pairs; i++) squares += (scratch[i] - mean) * (scratch[i] - mean);
        return infer_t_p(mean, same ? 0 : sqrt(squares / (double)(pairs - 1)), pairs);
    }
    return infer_welch(&a->own, &b->own, c->level).p;
}

static size_t lead_of(const struct compare *c, size_t metric) {
    const struct metric *m = c->metrics[metric].metric;
    size_t lead = c->groups_len;
    for (size_t g = 0; g < c->groups_len && !m->neutral; g++) {
        const double mean = compare_cell(c, metric, g)->own.mean;
        if (isnan(mean)) continue;
        const double best = lead < c->groups_len ? compare_cell(c, metric, lead)->own.mean : NAN;
        const double more = isnan(best) ? NAN : less(mean, best);
        if (isnan(best) || (m->less_is_better ? more < 0 : more > 0)) lead = g;
    }
    return lead;
}

static void find_winners(struct compare *c, double *scratch) {
    double *p = mem_alloc((c->metrics_len + 1) * sizeof *p);
    for (size_t m = 0; m < c->metrics_len; m++) {
        c->metrics[m].lead = lead_of(c, m);
        double most = c->metrics[m].lead < c->groups_len ? 0 : NAN;
        for (size_t g = 0; g < c->groups_len && !isnan(most); g++) {
            if (g == c->metrics[m].lead) continue;
            const double chance = chance_of_difference(c, compare_cell(c, m, c->metrics[m].lead),
                                                       compare_cell(c, m, g), scratch);
            most = isnan(chance) ? NAN : fmax(most, chance);
        }
        p[m] = fmin(1, most * (double)(c->groups_len - 1));
        if (isnan(most)) p[m] = NAN; /* fmin would take the 1 */
    }
    infer_holm(p, c->metrics_len, p);
    for (size_t m = 0; m < c->metrics_len; m++) {
        c->metrics[m].p = p[m];
        c->metrics[m].won = p[m] <= 1 - c->level;
    }
    free(p);
}

/* --- the Pareto front --- */

/* Whether b is at least as good as a everywhere, and better somewhere. */
static bool dominated(const struct compare *c, size_t a, size_t b) {
    bool better = false;
    for (size_t i = 0; i < c->pareto_len; i++) {
        const size_t m = c->pareto[i];
        const double sign = c->metrics[m].metric->less_is_better ? 1 : -1;
        const double worse_by = sign * less(compare_cell(c, m, b)->own.mean, compare_cell(c, m, a)->own.mean);
        if (!(worse_by <= 0)) return false;
        better |= worse_by < 0;
    }
    return better;
}

static void find_front(struct compare *c) {
    for (size_t g = 0; g < c->groups_len; g++) {
        c->groups[g].efficient = c->pareto_len > 1;
        for (size_t i = 0; i < c->pareto_len; i++)
            if (isnan(compare_cell(c, c->pareto[i], g)->own.mean)) c->groups[g].efficient = false;
        for (size_t k = 0; k < c->groups_len && c->groups[g].efficient; k++)
            if (dominated(c, g, k)) c->groups[g].efficient = false;
    }
}

void compare_infer(struct compare *c) {
    double *scratch = mem_alloc((c->seeds_len + 1) * sizeof *scratch);
    infer_cells(c, scratch);
    correct(c);
    find_winners(c, scratch);
    find_front(c);
    free(scratch);
}

bool compare_replicated(const struct compare *c) {
    for (size_t g = 0; g < c->groups_len; g++)
        if (c->groups[g].replications > 1) return true;
    return false;
}
