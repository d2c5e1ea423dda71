/*
 * The report's pictures for a choice between runs (see report_draw.h): how each gets from the baseline's cost
 * to its own, where all runs of the batch stand in cost, emissions and waiting, and when work starts.
 *
 * A run is efficient when no other is at least as good in all three and better in one (Pareto). Cost: points squared.
 */
#include "io/report_draw.h"

#include "base/mem.h"
#include "base/text.h"
#include "io/scatter.h"
#include "io/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- from the baseline's cost to a run's, by kind --- */

enum { KINDS = 7 };
static const char *const cost_names[KINDS] = {"Capacity",      "Energy of jobs", "Energy of idle nodes",
                                              "Carbon price",  "Demand charge",  "Moving data",
                                              "Sun and battery"};

static void kinds_of(const struct summary *run, double values[KINDS]) {
    static const char *const metrics[KINDS] = {"capacity_usd", "job_energy_usd", "idle_energy_usd",
                                               "carbon_usd",   "demand_usd",     "egress_usd",
                                               "site_usd"};
    for (size_t k = 0; k < KINDS; k++) values[k] = summary_value(run, metrics[k]);
    values[2] += summary_value(run, "sleep_energy_usd") + summary_value(run, "boot_energy_usd");
    for (size_t k = 0; k < KINDS; k++)
        if (isnan(values[k])) values[k] = 0;
}

struct waterfall {
    double changes[REPORT_RUNS_MOST][KINDS]; /* from the baseline; row 0 is not used */
    bool shown[KINDS];                       /* changes in some run by a hundredth of the largest change */
    double least, most, largest;             /* of the sums on the way, of the changes */
};

static void find_changes(const struct drawing *d, struct waterfall *w) {
    double base[KINDS];
    *w = (struct waterfall){.least = INFINITY, .most = -INFINITY};
    kinds_of(d->order[0], base);
    for (size_t i = 1; i < d->count; i++) {
        kinds_of(d->order[i], w->changes[i]);
        for (size_t k = 0; k < KINDS; k++) {
            w->changes[i][k] -= base[k];
            w->largest = fmax(w->largest, fabs(w->changes[i][k]));
        }
    }
    for (size_t i = 1; i < d->count; i++) {
        double sum = summary_value(d->order[0], "total_usd");
        for (size_t k = 0; k <= KINDS; k++) {
            w->least = fmin(w->least, sum);
            w->most = fmax(w->most, sum);
            if (k == KINDS) break;
            sum += w->changes[i][k];
            w->shown[k] |= fabs(w->changes[i][k]) >= 0.01 * w->largest;
        }
    }
}

/* A row: y, from, to, 0 (a sum) or the sign of the change, the text at its end, its name. */
static void write_step(FILE *file, int y, double from, double to, int sign, const char *text,
                       const char *name) {
    char shown[DRAW_NAME_MOST + 4];
    draw_short_name(shown, name);
    fprintf(file, "%d\t%.9g\t%.9g\t%d\t%s\t%s\n", y, from, to, sign, text, shown);
}

/* The rows of one run, from y downwards; where the next one's begin. */
static int write_steps(FILE *file, const struct drawing *d, const struct waterfall *w, size_t i, int y,
                       double usd, int decimals) {
    char number[48], text[64];
    double sum = summary_value(d->order[0], "total_usd") / usd;
    write_step(file, y--, sum, sum, 0, table_number(sum, decimals, number), summary_title(d->order[0]));
    for (size_t k = 0; k < KINDS; k++) {
        const double change = w->changes[i][k] / usd;
        if (w->shown[k]) {
            table_number(change, decimals, number);
            snprintf(text, sizeof text, "%s%s", change > 0 ? "+" : "", number);
            write_step(file, y--, sum, sum + change, change > 0 ? 1 : -1, text, cost_names[k]);
        }
        sum += change;
    }
    write_step(file, y--, sum, sum, 0, table_number(sum, decimals, number), summary_title(d->order[i]));
    return y - 1;
}

void draw_waterfall(struct drawing *d) {
    struct waterfall w;
    if (d->count < 2) return;
    find_changes(d, &w);
    /* Magnified, a change below a thousandth would look like one. */
    if (!(w.largest > 1e-3 * fabs(summary_value(d->order[0], "total_usd")))) return;
    const struct draw_money unit = draw_money(w.largest);
    const double span = fmax(w.most - w.least, w.largest) / unit.usd, from = w.least / unit.usd - 0.04 * span;
    struct axis axis = axis_between(from, w.most / unit.usd + 0.12 * span, 5, "");
    /* Up to the next tick the bars would only shrink. */
    axis.from = from, axis.to = w.most / unit.usd + 0.12 * span;
    char text[128];
    int y = 0;
    FILE *file = plot_data(d->plot, "waterfall.tsv");
    for (size_t i = 1; i < d->count; i++)
        y = write_steps(file, d, &w, i, y, unit.usd, draw_decimals(w.largest / unit.usd));
    plot_data_end(file);
    snprintf(text, sizeof text,
             "Cost in the measured window, %s; green: saved, orange: more than the baseline", unit.name);
    plot_set(d->plot, "waterfall_unit", text);
    plot_set_number(d->plot, "waterfall_rows", -y - 1);
    draw_axis(d->plot, "waterfall", &axis);
    draw_picture(d, "waterfall", "What changed the cost",
                 "From the baseline's cost to each run's, kind by kind. The axis does not begin at 0.");
}

/* --- cost, emissions and waiting of every run --- */

enum { ACROSS = SCATTER_ACROSS, UP = SCATTER_UP, SHADE = SCATTER_SHADE };

static bool no_worse(const double a[3], const double b[3]) {
    return a[0] <= b[0] && a[1] <= b[1] && a[2] <= b[2];
}

void draw_efficient(const double (*points)[3], size_t count, bool *efficient) {
    for (size_t i = 0; i < count; i++) {
        efficient[i] = true;
        for (size_t k = 0; k < count; k++)
            if (no_worse(points[k], points[i]) && !no_worse(points[i], points[k])) efficient[i] = false;
    }
}

static void find_efficient(struct scatter_point *points, size_t count) {
    double(*at)[3] = mem_alloc((count + 1) * sizeof *at);
    bool *efficient = mem_zero(count + 1, sizeof *efficient);
    for (size_t i = 0; i < count; i++) memcpy(at[i], points[i].at, sizeof at[i]);
    draw_efficient((const double(*)[3])at, count, efficient);
    for (size_t i = 0; i < count; i++) points[i].efficient = efficient[i];
    free(efficient);
    free(at);
}

static bool is_point(const struct scatter_point *p) {
    return isfinite(p->at[ACROSS]) && isfinite(p->at[UP]) && isfinite(p->at[SHADE]);
}

/* More than a thousandth apart: else a picture would magnify nothing. */
static bool spread(struct scatter_range range) {
    return range.most - range.least > 1e-3 * fmax(fabs(range.least), fabs(range.most));
}

static void scale(struct scatter_point *points, size_t count, size_t axis, double by) {
    for (size_t i = 0; i < count; i++) points[i].at[axis] *= by;
}

static void draw_scatter(struct drawing *d, const struct scatter *s, const char *caption,
                         struct scatter_point *points, size_t count) {
    scatter_set(d->plot, s, points, count);
    draw_picture(d, s->name, s->title, caption);
}

static void draw_goals(struct drawing *d, struct scatter_point *points, size_t count) {
    static const struct {
        double unit_s;
        const char *text;
    } times[] = {{86400, "Mean wait, days"},
                 {3600, "Mean wait, hours"},
                 {60, "Mean wait, min"},
                 {1, "Mean wait, s"}};
    const struct draw_money money = draw_money(scatter_range(points, count, ACROSS).most);
    const bool tonnes = scatter_range(points, count, UP).most >= 1e4;
    const double most_s = scatter_range(points, count, SHADE).most;
    char text[64];
    size_t t = 0;
    while (t < 3 && most_s < 2 * times[t].unit_s) t++;
    scale(points, count, ACROSS, 1 / money.usd);
    scale(points, count, UP, tonnes ? 1e-3 : 1);
    scale(points, count, SHADE, 1 / times[t].unit_s);
    find_efficient(points, count);
    snprintf(text, sizeof text, "Total cost, %s", money.name);
    const struct scatter scatter = {"pareto", "Cost, emissions and waiting", text,
                                    tonnes ? "Emissions, t CO₂" : "Emissions, kg CO₂", times[t].text, false};
    draw_scatter(d, &scatter,
                 "Every run of the batch; further left is cheaper, further down cleaner, lighter waits less. "
                 "A ringed run is efficient: no other is at least as good in all three and better in one.",
                 points, count);
}

/* The runs of the batch, also those that are not drawn elsewhere, by three of their figures; those without one of them
 * are left out. points: free(). Returns how many. */
struct summaries {
    struct summary *at;
    size_t len;
};
static size_t points_of(struct drawing *d, struct store *store, const char *const metrics[3],
                        struct summaries *runs, struct scatter_point **points) {
    size_t count, len = 0;
    int64_t *ids = store_batch(store, d->order[0]->batch, &count);
    runs->at = mem_zero(count + 1, sizeof *runs->at);
    runs->len = count;
    *points = mem_zero(count + 1, sizeof **points);
    for (size_t i = 0; i < count; i++) {
        if (!store_read_summary(store, ids[i], 1u << PART_RUN, &runs->at[i])) continue;
        struct scatter_point *p = *points + len;
        draw_short_name(p->name, summary_title(&runs->at[i]));
        for (size_t k = 0; k < 3; k++) p->at[k] = summary_value(&runs->at[i], metrics[k]);
        len += is_point(p);
    }
    free(ids);
    return len;
}

static void free_points(struct summaries *runs, struct scatter_point *points) {
    for (size_t i = 0; i < runs->len; i++) summary_free(&runs->at[i]);
    free(runs->at);
    free(points);
}

void draw_pareto(struct drawing *d, struct store *store) {
    static const char *const metrics[3] = {"total_usd", "total_co2_kg", "wait_mean_s"};
    struct summaries runs;
    struct scatter_point *points;
    const size_t count = points_of(d, store, metrics, &runs, &points);
    const bool said = scatter_range(points, count, ACROSS).most > 0 && scatter_range(points, count, UP).most > 0;
    if (count >= 2 && said) draw_goals(d, points, count);
    free_points(&runs, points);
}

/* What a service's runs answer in time, against what a token costs. */
void draw_service(struct drawing *d, struct store *store) {
    static const char *const metrics[3] = {"usd_per_mtok", "goodput_share", "ttft_p90_s"};
    struct summaries runs;
    struct scatter_point *points;
    const size_t count = points_of(d, store, metrics, &runs, &points);
    if (count >= 2 && (spread(scatter_range(points, count, ACROSS)) || spread(scatter_range(points, count, UP)))) {
        const struct scatter scatter = {"service", "Requests in time, and what a token costs",
                                        "USD per million output tokens", "Requests within their limits, %",
                                        "TTFT 90 %, s", false};
        double(*at)[3] = mem_zero(count, sizeof *at);
        bool *efficient = mem_zero(count, sizeof *efficient);
        for (size_t i = 0; i < count; i++) at[i][0] = points[i].at[ACROSS], at[i][1] = -points[i].at[UP];
        draw_efficient((const double(*)[3])at, count, efficient);
        for (size_t i = 0; i < count; i++) points[i].efficient = efficient[i];
        free(efficient);
        free(at);
        scale(points, count, UP, 100);
        draw_scatter(d, &scatter,
                     "Every run of the batch; further left is cheaper, further up more requests keep their "
                     "limits, lighter begins to answer sooner (nine in ten requests). A ringed run is "
                     "efficient: no other is at least as good in both and better in one.",
                     points, count);
    }
    free_points(&runs, points);
}

/* --- when work starts --- */

/* hour, day (0 Monday), GPU-hours of work that start in that hour of an average week. The largest. */
static double write_starts(struct drawing *d, struct store *store, size_t i) {
    size_t regions;
    struct start_hour *hours = store_read_start_hours(store, d->order[i]->run, &regions);
    const double weeks = fmax(d->order[i]->measured_s / (WEEK_HOURS * 3600.0), 1);
    double most = 0;
    FILE *file = draw_file(d, "starts", i);
    for (size_t h = 0; h < WEEK_HOURS; h++) {
        double gpu_h = 0;
        for (size_t r = 0; r < regions; r++) gpu_h += hours[r * WEEK_HOURS + h].gpu_h / weeks;
        fprintf(file, "%zu\t%zu\t%.6g\n", h % 24, h / 24, gpu_h);
        most = fmax(most, gpu_h);
    }
    plot_data_end(file);
    free(hours);
    return most;
}

void draw_starts(struct drawing *d, struct store *store) {
    double most = 0;
    for (size_t i = 0; i < d->count; i++) {
        most = fmax(most, write_starts(d, store, i));
        if (d->order[i]->measured_s < 2 * 86400) return; /* less than two days show no rhythm */
    }
    if (!(most > 0)) return;
    const struct axis axis = axis_linear(0, most, 4, "");
    draw_axis(d->plot, "starts", &axis);
    draw_picture(d, "starts", "When work starts",
                 "GPU-hours of the jobs that start in each hour of an average week, in the local time of "
                 "their region. Work that is kept for better hours gathers there.");
}
