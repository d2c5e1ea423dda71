/*
 * See agree.h. Spearman (1904): the correlation of ranks; equal values share the mean of their ranks. Kolmogorov and
 * Smirnov's two-sample distance: the largest difference of the two empirical distributions, found by walking both
 * sorted lists side by side, equal values together.
 */
#include "base/agree.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ranked {
    double value;
    size_t of;
};

static int by_value(const void *a, const void *b) {
    const struct ranked *const x = a, *const y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return x->of < y->of ? -1 : x->of > y->of;
}

static struct ranked *sorted(const double *values, size_t count) {
    struct ranked *list = mem_alloc((count + 1) * sizeof *list);
    for (size_t i = 0; i < count; i++) list[i] = (struct ranked){values[i], i};
    qsort(list, count, sizeof *list, by_value);
    return list;
}

/* Ranks from 0; equal values have the mean of theirs. free() */
static double *ranks_of(const struct ranked *list, size_t count) {
    double *ranks = mem_alloc((count + 1) * sizeof *ranks);
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && list[end].value == list[i].value;) end++;
        for (size_t k = i; k < end; k++) ranks[list[k].of] = ((double)i + (double)end - 1) / 2;
    }
    return ranks;
}

static double correlation(const double *x, const double *y, size_t count) {
    const double mean = ((double)count - 1) / 2; /* of any ranks */
    double xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < count; i++) {
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
        xy += (x[i] - mean) * (y[i] - mean);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

static double distance(const struct ranked *x, const struct ranked *y, size_t count) {
    double most = 0;
    for (size_t i = 0, k = 0; i < count && k < count;) {
        const double at = fmin(x[i].value, y[k].value);
        while (i < count && x[i].value == at) i++;
        while (k < count && y[k].value == at) k++;
        most = fmax(most, fabs((double)i - (double)k) / (double)count);
    }
    return most;
}

struct agreement stats_agree(const double *a, const double *b, size_t count) {
    struct agreement out = {.count = count, .correlation = NAN};
    if (count == 0) return out;
    for (size_t i = 0; i < count; i++) {
        out.bias += (b[i] - a[i]) / (double)count;
        out.error += fabs(b[i] - a[i]) / (double)count;
    }
    struct ranked *x = sorted(a, count), *y = sorted(b, count);
    double *x_ranks = ranks_of(x, count), *y_ranks = ranks_of(y, count);
    out.correlation = correlation(x_ranks, y_ranks, count);
    out.distance = distance(x, y, count);
    double *copy = mem_copy(a, count * sizeof *a);
    out.a = stats_summarise(copy, count);
    memcpy(copy, b, count * sizeof *b);
    out.b = stats_summarise(copy, count);
    free(copy);
    free(x_ranks);
    free(y_ranks);
    free(x);
    free(y);
    return out;
}
