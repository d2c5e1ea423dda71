/*
 * The grid of a comparison (see compare.h): where runs differ in two paths alone, as in a sweep of two
 * factors, every metric's mean for each pair of values. Values stand in the order of numbers, or of their
 * first runs. The path with more values goes across. Cost: runs x values.
 */
#include "io/compare.h"

#include "base/num.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double number_of(const char *text) {
    const char *unit;
    double number;
    return num_with_unit(text, &number, &unit) ? number : NAN;
}

static int by_number(const void *a, const void *b) {
    const double x = number_of(*(const char *const *)a), y = number_of(*(const char *const *)b);
    return (x > y) - (x < y);
}

static size_t place_of(const char **labels, size_t len, const char *label) {
    size_t i = 0;
    while (i < len && strcmp(labels[i], label) != 0) i++;
    return i;
}

static void find_labels(struct compare *c, int side, const struct compare_point *points, size_t count,
                        int k) {
    struct compare_grid *grid = &c->grid;
    bool numbers = true;
    size_t len = 0;
    const char **labels = arena_alloc(&c->arena, count, sizeof *labels);
    for (size_t i = 0; i < count; i++) {
        if (place_of(labels, len, points[i].at[k]) < len) continue;
        labels[len++] = arena_text(&c->arena, points[i].at[k]);
        numbers &= !isnan(number_of(points[i].at[k]));
    }
    if (numbers) qsort(labels, len, sizeof *labels, by_number);
    grid->label[side] = labels;
    grid->len[side] = len;
}

void compare_arrange(struct compare *c, const char *const path[2], const struct compare_point *points,
                     size_t count) {
    struct compare_grid *grid = &c->grid;
    find_labels(c, 0, points, count, 0);
    find_labels(c, 1, points, count, 1);
    const int across = grid->len[0] > grid->len[1] ? 0 : 1, up = 1 - across;
    if (across == 0) {
        find_labels(c, 0, points, count, up);
        find_labels(c, 1, points, count, across);
    }
    grid->path[0] = arena_text(&c->arena, path[up]);
    grid->path[1] = arena_text(&c->arena, path[across]);
    if (grid->len[0] < 2) {
        grid->len[0] = 0;
        return;
    }
    const size_t cells = grid->len[0] * grid->len[1];
    size_t *runs = mem_zero(cells, sizeof *runs);
    grid->mean = arena_alloc(&c->arena, c->metrics_all * cells, sizeof *grid->mean);
    for (size_t i = 0; i < count; i++) {
        const size_t cell = place_of(grid->label[0], grid->len[0], points[i].at[up]) * grid->len[1] +
                            place_of(grid->label[1], grid->len[1], points[i].at[across]);
        runs[cell]++;
        for (size_t m = 0; m < c->metrics_all; m++)
            grid->mean[m * cells + cell] += points[i].value[c->metrics[m].metric - result_metrics];
    }
    for (size_t i = 0; i < c->metrics_all * cells; i++)
        grid->mean[i] = runs[i % cells] ? grid->mean[i] / (double)runs[i % cells] : NAN;
    free(runs);
}
