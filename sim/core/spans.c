/*
 * Windows of a belief as spans of equal value. Ranks are found by selection (Hoare's quickselect with
 * weights, three-way partition, median of three as the pivot), so nothing is sorted; quantiles interpolate
 * linearly between neighbouring order statistics of equally spaced samples, the rule of GAIA's artefact.
 *
 * Invariant: units of all spans >= 1 and their sum is what was gathered. Cost: O(steps of the belief in the
 * window) to gather, expected the same to select; memory is kept from window to window.
 */
#include "core/spans.h"

#include "base/mem.h"

#include <stdlib.h>

void spans_free(struct spans *spans) {
    free(spans->at);
}

void spans_gather(struct spans *spans, const struct outlook *outlook, int64_t issued_ns, int64_t from_ns,
                  int64_t every_ns, int64_t units) {
    spans->len = 0;
    for (int64_t i = 0, next; i < units; i = next) {
        const int64_t t_ns = from_ns + i * every_ns;
        const double value = outlook_value(outlook, issued_ns, t_ns);
        const int64_t change_ns = outlook_change(outlook, issued_ns, t_ns);
        next = units;
        if (change_ns - from_ns < units * every_ns) next = (change_ns - from_ns + every_ns - 1) / every_ns;
        struct span *last = spans->len > 0 ? &spans->at[spans->len - 1] : NULL;
        if (last && last->value == value) last->units += next - i;
        else *vec_push(spans) = (struct span){value, next - i};
    }
}

static double middle(double a, double b, double c) {
    if (a > b) return b > c ? b : a < c ? a : c;
    return a > c ? a : b < c ? b : c;
}

double spans_ranked(struct spans *spans, int64_t rank, int64_t *below) {
    size_t low = 0, high = spans->len; /* the answer lies in [low, high) */
    int64_t before = 0;                /* units of values less than any there */
    for (;;) {
        const struct span *at = spans->at;
        const double pivot = middle(at[low].value, at[low + (high - low) / 2].value, at[high - 1].value);
        size_t less = low, more = high; /* [low, less): below the pivot, [more, high): above it */
        int64_t less_units = 0, equal_units = 0;
        for (size_t i = low; i < more;) {
            const struct span span = at[i];
            if (span.value < pivot) {
                spans->at[i++] = at[less];
                spans->at[less++] = span;
                less_units += span.units;
            } else if (span.value > pivot) {
                spans->at[i] = at[--more];
                spans->at[more] = span;
            } else {
                equal_units += span.units;
                i++;
            }
        }
        if (rank < before + less_units) {
            high = less;
        } else if (rank < before + less_units + equal_units) {
            *below = before + less_units;
            return pivot;
        } else {
            before += less_units + equal_units;
            low = more;
        }
    }
}

double spans_quantile(struct spans *spans, double share) {
    int64_t units = 0, below;
    for (size_t i = 0; i < spans->len; i++) units += spans->at[i].units;
    const double at = share * (double)(units - 1);
    const int64_t rank = (int64_t)at;
    const double value = spans_ranked(spans, rank, &below);
    if (rank + 1 >= units) return value;
    return value + (at - (double)rank) * (spans_ranked(spans, rank + 1, &below) - value);
}
