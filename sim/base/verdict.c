/*
 * Targets against replications (see verdict.h). A mean is bounded by Student's t, a share of replications by Clopper
 * and Pearson's binomial bound. Where all replications agree to the digit there is no spread to bound a mean with:
 * then it is taken as it is, which is right for what is not random and for counts that are always 0.
 *
 * Cost: O(count).
 */
#include "base/verdict.h"

#include "base/err.h"
#include "base/stats.h"

#include <math.h>

size_t verdict_next(const struct verdict_rule *rule, size_t done) {
    require(rule->least >= 1 && rule->least <= rule->most);
    if (done >= rule->most) return 0;
    const size_t next = done < rule->least ? rule->least : done + (done + 1) / 2;
    return next < rule->most ? next : rule->most;
}

size_t verdict_looks(const struct verdict_rule *rule) {
    size_t looks = 0;
    for (size_t done = 0; (done = verdict_next(rule, done)) > 0;) looks++;
    return looks;
}

static bool keeps(const struct verdict_target *target, double value) {
    return target->at_most ? value <= target->limit : value >= target->limit; /* false for NAN */
}

static enum verdict decided(bool sure_good, bool sure_bad) {
    return sure_good ? VERDICT_HOLDS : sure_bad ? VERDICT_FAILS : VERDICT_OPEN;
}

static double mean_of(const double *values, size_t count, double *sd) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) sum += values[i];
    const double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) squares += (values[i] - mean) * (values[i] - mean);
    *sd = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
    return mean;
}

struct verdict_of verdict_of(const struct verdict_rule *rule, const struct verdict_target *target,
                             const double *values, size_t count) {
    require(count >= 1 && rule->confidence > 0 && rule->confidence < 1);
    const double level = 1 - (1 - rule->confidence) / (double)verdict_looks(rule);
    size_t hits = 0;
    bool same = true;
    for (size_t i = 0; i < count; i++) {
        hits += keeps(target, values[i]);
        same = same && values[i] == values[0];
    }
    double sd;
    struct verdict_of of = {.mean = mean_of(values, count, &sd)};
    if (target->share > 0 && rule->most > 1) {
        of.least = stats_binomial_least(hits, count, level);
        of.most = stats_binomial_most(hits, count, level);
        of.verdict = decided(of.least >= target->share, of.most < target->share);
        return of;
    }
    const double bound = same || rule->most == 1 ? 0 : stats_t_bound(sd, count, level);
    of.least = of.mean - bound;
    of.most = of.mean + bound;
    if (isnan(of.mean)) of.verdict = VERDICT_FAILS;
    else
        of.verdict = decided(keeps(target, target->at_most ? of.most : of.least),
                             !keeps(target, target->at_most ? of.least : of.most));
    return of;
}
