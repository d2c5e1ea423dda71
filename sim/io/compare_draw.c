/*
 * Pictures of a comparison (see compare.h): every metric's means with their intervals as bars, how long jobs
 * waited and took in each group, the Pareto front, and heat maps of a sweep of two factors. The scripts are
 * the report's where it draws the same. Cost: gnuplot's.
 */
#include "io/compare.h"

#include "base/text.h"
#include "io/axis.h"
#include "io/curves.h"
#include "io/plot.h"
#include "io/report_draw.h"
#include "io/scatter.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CURVES_MOST = 8, NAME_MOST = 34, GRID_LABELS_MOST = 24 };
/* Of heatmap.gp, in pixels; a character is about so wide. */
enum { GRID_WIDE = 708, CHARACTER = 8 };

struct pictures {
    const struct compare *c;
    struct plot *plot;
    const char *folder;
};

static void add_picture(const struct pictures *p, const char *script, const char *name) {
    struct text stem;
    text_init(&stem);
    text_format(&stem, "%s/%s", p->folder, name);
    plot_add(p->plot, script, stem.at);
    text_free(&stem);
}

static size_t columns_of(const char *text) {
    size_t columns = 0;
    for (; *text; text++) columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

/* As draw_short_name, of up to most columns; out: at least 4 x most + 4 bytes. */
static void shorten(char *out, size_t most, const char *name) {
    size_t len = 0;
    if (columns_of(name) <= most) {
        len = strlen(name);
    } else {
        for (size_t columns = 0; name[len]; len++) {
            columns += ((unsigned char)name[len] & 0xc0) != 0x80;
            if (columns == most) break;
        }
    }
    for (size_t i = 0; i < len; i++) out[i] = (unsigned char)name[i] < 0x20 ? ' ' : name[i];
    memcpy(out + len, name[len] ? "…" : "", name[len] ? sizeof "…" : 1);
}

static void set_text(struct plot *plot, const char *kind, size_t i, const char *text) {
    char variable[64], shown[4 * NAME_MOST + 4];
    snprintf(variable, sizeof variable, "%s_%zu", kind, i + 1);
    shorten(shown, NAME_MOST, text);
    plot_set(plot, variable, shown);
}

/* --- bars --- */

enum bar_class { BAR_BASELINE = 1, BAR_BETTER, BAR_WORSE, BAR_UNCLEAR };

static enum bar_class class_of(const struct compare_cell *cell, size_t group) {
    if (group == 0) return BAR_BASELINE;
    return cell->verdict == COMPARE_BETTER ? BAR_BETTER : cell->verdict == COMPARE_WORSE ? BAR_WORSE :
        BAR_UNCLEAR;
}

static void write_bars(const struct pictures *p, size_t metric) {
    const struct compare *c = p->c;
    const struct table_scale scale = compare_scales(c, metric).mean;
    double least = 0, most = 0;
    char name[64], number[48], unit[48];
    snprintf(name, sizeof name, "bars-%zu.tsv", metric + 1);
    FILE *file = plot_data(p->plot, name);
    for (size_t g = 0; g < c->groups_len; g++) {
        const struct compare_cell *cell = compare_cell(c, metric, g);
        if (isnan(cell->own.mean)) continue;
        const double mean = cell->own.mean * scale.factor;
        const bool spans = !isnan(cell->own.t.low);
        const double low = spans ? cell->own.t.low * scale.factor : mean;
        const double high = spans ? cell->own.t.high * scale.factor : mean;
        least = fmin(least, fmin(low, mean)), most = fmax(most, fmax(high, mean));
        fprintf(file, "%zu\t%.9g\t%.9g\t%.9g\t%d\t%s\n", g, mean, low, high, (int)class_of(cell, g),
                table_scaled(cell->own.mean, scale, number));
    }
    plot_data_end(file);
    const struct axis axis = axis_linear(least, most > 0 ? most : 1, 3, "");
    snprintf(name, sizeof name, "bars_%zu", metric + 1);
    draw_axis(p->plot, name, &axis);
    struct text title;
    text_init(&title);
    text_format(&title, "%s, %s", c->metrics[metric].metric->name, table_unit(scale.unit, unit));
    set_text(p->plot, "bars_title", metric, title.at);
    text_free(&title);
}

static void draw_bars(const struct pictures *p) {
    const struct compare *c = p->c;
    size_t widest = 0;
    char subtitle[160];
    for (size_t g = 0; g < c->groups_len; g++) {
        const size_t wide = columns_of(c->groups[g].label);
        set_text(p->plot, "group_name", g, c->groups[g].label);
        widest = wide > widest ? wide : widest;
    }
    for (size_t m = 0; m < c->metrics_len; m++) write_bars(p, m);
    if (c->tests) snprintf(subtitle, sizeof subtitle, "Means with %.4g %% intervals (Student's t)",
                           100 * c->level);
    else snprintf(subtitle, sizeof subtitle, "One replication each: there are no intervals");
    plot_set(p->plot, "bars_subtitle", subtitle);
    plot_set_number(p->plot, "bars_tested", c->tests > 0);
    plot_set_number(p->plot, "groups", (double)c->groups_len);
    plot_set_number(p->plot, "metrics", (double)c->metrics_len);
    plot_set_number(p->plot, "name_columns", (double)(widest < NAME_MOST ? widest : NAME_MOST));
    add_picture(p, "compare-bars", "bars");
}

/* --- curves --- */

struct pooled {
    struct store_step *at;
    size_t len, cap;
};

static int by_time(const void *a, const void *b) {
    const double x = ((const struct store_step *)a)->at_most_s, y = ((const struct store_step *)b)->at_most_s;
    return (x > y) - (x < y);
}

/* All runs of the group together: counts, not yet sums. */
static void pool(const struct compare *c, struct store *store, size_t group, const char *figure,
                 struct pooled *steps) {
    for (size_t r = 0; r < c->runs_len; r++) {
        if (c->runs[r].group != group) continue;
        size_t len;
        struct store_step *of_run = store_read_distribution(store, c->runs[r].id, figure, &len);
        for (size_t i = 0; i < len; i++) {
            const uint64_t before = i ? of_run[i - 1].jobs : 0;
            *vec_push(steps) = (struct store_step){of_run[i].at_most_s, of_run[i].jobs - before};
        }
        free(of_run);
    }
    if (steps->len) qsort(steps->at, steps->len, sizeof *steps->at, by_time);
    size_t kept = 0;
    for (size_t i = 0; i < steps->len; i++) {
        const struct store_step step = steps->at[i];
        if (kept && steps->at[kept - 1].at_most_s == step.at_most_s) steps->at[kept - 1].jobs += step.jobs;
        else steps->at[kept++] = step;
    }
    steps->len = kept;
    for (size_t i = 1; i < steps->len; i++) steps->at[i].jobs += steps->at[i - 1].jobs;
}

static void draw_curves(const struct pictures *p, struct store *store) {
    const struct compare *c = p->c;
    const size_t count = c->groups_len < CURVES_MOST ? c->groups_len : CURVES_MOST;
    struct curves curves = CURVES_BEGIN;
    for (size_t g = 0; g < count; g++) {
        draw_name(p->plot, "run", g, c->groups[g].label);
        for (int f = 0; f < CURVES_FIGURES; f++) {
            struct pooled steps = {0};
            pool(c, store, g, curves_figures[f], &steps);
            curves_write(&curves, p->plot, f, g, steps.at, steps.len);
            free(steps.at);
        }
    }
    plot_set_number(p->plot, "runs", (double)count);
    if (curves_end(&curves, p->plot)) add_picture(p, "waits", "cdf");
}

/* --- the Pareto front --- */

static void axis_title(const struct compare *c, size_t metric, char title[96]) {
    char unit[48];
    const struct compare_scales scales = compare_scales(c, metric);
    snprintf(title, 96, "%s, %s", c->metrics[metric].metric->name, table_unit(scales.mean.unit, unit));
}

static void draw_front(const struct pictures *p) {
    const struct compare *c = p->c;
    char titles[COMPARE_PARETO_MOST][96];
    size_t len = 0;
    if (c->pareto_len < 2) return;
    struct scatter_point *points = mem_zero(c->groups_len, sizeof *points);
    for (size_t g = 0; g < c->groups_len; g++) {
        struct scatter_point *point = &points[len];
        bool known = true;
        *point = (struct scatter_point){.efficient = c->groups[g].efficient};
        shorten(point->name, DRAW_NAME_MOST, c->groups[g].label);
        for (size_t k = 0; k < c->pareto_len; k++) {
            const struct infer_mean *own = &compare_cell(c, c->pareto[k], g)->own;
            const double factor = compare_scales(c, c->pareto[k]).mean.factor;
            known &= !isnan(own->mean);
            point->at[k] = own->mean * factor;
            if (k < 2) point->low[k] = own->t.low * factor, point->high[k] = own->t.high * factor;
        }
        len += known;
    }
    for (size_t k = 0; k < c->pareto_len; k++) axis_title(c, c->pareto[k], titles[k]);
    const struct scatter scatter = {"front", "Where the groups stand", titles[0], titles[1],
                                    c->pareto_len > 2 ? titles[2] : NULL, c->tests > 0};
    if (len > 1) {
        scatter_set(p->plot, &scatter, points, len);
        add_picture(p, "scatter", "pareto");
    }
    free(points);
}

/* --- heat maps --- */

/* Labels so far apart that they fit. */
static void set_grid_tics(struct plot *plot, const char *name, const char *const *labels, size_t len,
                          double sign) {
    const size_t step = (len + GRID_LABELS_MOST - 1) / GRID_LABELS_MOST;
    struct text tics;
    text_init(&tics);
    for (size_t i = 0; i < len; i += step) {
        char shown[4 * 12 + 4];
        shorten(shown, 12, labels[i]);
        for (char *s = shown; *s; s++)
            if (*s == '\'' || *s == '%') *s = ' ';
        text_format(&tics, "%s'%s' %g", i ? ", " : "", shown, sign * (double)i);
    }
    plot_set(plot, name, tics.at);
    text_free(&tics);
}

static void draw_heat(const struct pictures *p, size_t metric) {
    const struct compare *c = p->c;
    const struct compare_grid *grid = &c->grid;
    const size_t cells = grid->len[0] * grid->len[1];
    const double *mean = grid->mean + metric * cells;
    double least = INFINITY, most = -INFINITY;
    char name[96], number[48], title[96];
    const struct table_scale scale = table_scale(c->metrics[metric].metric, mean, cells);
    size_t widest = 0;
    for (size_t i = 0; i < cells; i++) {
        least = fmin(least, mean[i]), most = fmax(most, mean[i]);
        const size_t wide = columns_of(table_scaled(mean[i], scale, number));
        widest = wide > widest ? wide : widest;
    }
    if (!(most > least)) return;
    const bool texts = (widest + 1) * CHARACTER * grid->len[1] <= GRID_WIDE;
    snprintf(name, sizeof name, "heat-%zu.tsv", metric + 1);
    FILE *file = plot_data(p->plot, name);
    for (size_t i = 0; i < cells; i++) {
        if (isnan(mean[i])) continue;
        fprintf(file, "%zu\t%zu\t%.9g\t%d\t%s\n", i % grid->len[1], i / grid->len[1], mean[i] * scale.factor,
                mean[i] - least > 0.5 * (most - least),
                texts ? table_scaled(mean[i], scale, number) : "");
    }
    plot_data_end(file);
    plot_set(p->plot, "heat_data", name);
    char unit[48];
    snprintf(title, sizeof title, "%s, %s", c->metrics[metric].metric->name, table_unit(scale.unit, unit));
    plot_set(p->plot, "heat_title", title);
    plot_set(p->plot, "heat_across", grid->path[1]);
    plot_set(p->plot, "heat_up", grid->path[0]);
    plot_set_number(p->plot, "heat_columns", (double)grid->len[1]);
    plot_set_number(p->plot, "heat_rows", (double)grid->len[0]);
    plot_set_number(p->plot, "heat_least", least * scale.factor);
    plot_set_number(p->plot, "heat_most", most * scale.factor);
    const struct axis axis = axis_between(least * scale.factor, most * scale.factor, 4, "");
    plot_set(p->plot, "heat_tics", axis.tics);
    set_grid_tics(p->plot, "heat_column_tics", grid->label[1], grid->len[1], 1);
    set_grid_tics(p->plot, "heat_row_tics", grid->label[0], grid->len[0], -1);
    snprintf(name, sizeof name, "heatmap-%s", c->metrics[metric].metric->name);
    add_picture(p, "heatmap", name);
}

bool compare_draw(const struct compare *c, struct store *store, const char *folder, const char *scripts,
                  char **why) {
    const struct pictures pictures = {c, plot_open(scripts), folder};
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        die("cannot make the folder '%s': %s", folder, strerror(errno));
    draw_bars(&pictures);
    draw_curves(&pictures, store);
    draw_front(&pictures);
    for (size_t m = 0; m < c->metrics_len && c->grid.len[0]; m++) draw_heat(&pictures, m);
    const bool drawn = plot_draw(pictures.plot, why);
    plot_close(pictures.plot);
    return drawn;
}
