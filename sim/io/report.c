/*
 * The report (see report.h): reads the runs, lays their figures out as small tab-separated files, names what
 * the gnuplot scripts need to know, draws, and writes the two pages (report_page.c).
 *
 * What is drawn is chosen here once: units, axes and labels are made with the house's own number formats, so
 * that the scripts only draw. A picture that would show nothing (no series kept, nobody waited) is left out.
 */
#include "io/report.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/curves.h"
#include "io/report_draw.h"
#include "io/table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { METRICS_DRAWN = 12 };

/* --- names and axes for the scripts --- */

void draw_axis(struct plot *plot, const char *name, const struct axis *axis) {
    char variable[64];
    snprintf(variable, sizeof variable, "%s_tics", name);
    plot_set(plot, variable, axis->tics);
    snprintf(variable, sizeof variable, "%s_bottom", name);
    plot_set_number(plot, variable, axis->from);
    snprintf(variable, sizeof variable, "%s_top", name);
    plot_set_number(plot, variable, axis->to);
}

/* A cut never leaves half a character. */
void draw_short_name(char out[DRAW_NAME_MOST + 4], const char *name) {
    if (!text_copy(out, DRAW_NAME_MOST + 1, name)) {
        size_t len = DRAW_NAME_MOST - 1;
        while (len && ((unsigned char)out[len] & 0xc0) == 0x80) len--;
        memcpy(out + len, "…", sizeof "…");
    }
    for (char *c = out; *c; c++)
        if ((unsigned char)*c < 0x20) *c = ' ';
}

void draw_name(struct plot *plot, const char *kind, size_t i, const char *name) {
    char variable[64], shown[DRAW_NAME_MOST + 4];
    snprintf(variable, sizeof variable, "%s_name_%zu", kind, i + 1);
    draw_short_name(shown, name);
    plot_set(plot, variable, shown);
}

static void set_names(struct drawing *d) {
    size_t widest = 0, regions;
    const struct summary_part *parts = summary_parts(d->order[0], PART_REGION, &regions);
    plot_set_number(d->plot, "runs", (double)d->count);
    plot_set_number(d->plot, "regions", (double)regions);
    for (size_t i = 0; i < d->count; i++) {
        const char *name = summary_title(d->order[i]);
        const size_t wide = strlen(name) < DRAW_NAME_MOST ? strlen(name) : DRAW_NAME_MOST;
        if (wide > widest) widest = wide;
        draw_name(d->plot, "run", i, name);
    }
    for (size_t r = 0; r < regions; r++) draw_name(d->plot, "region", r, parts[r].name);
    plot_set_number(d->plot, "name_columns", (double)widest);
}

FILE *draw_file(struct drawing *d, const char *kind, size_t i) {
    char name[64];
    snprintf(name, sizeof name, "%s-%zu.tsv", kind, i + 1);
    return plot_data(d->plot, name);
}

void draw_picture(struct drawing *d, const char *name, const char *title, const char *caption) {
    struct text stem;
    text_init(&stem);
    text_format(&stem, "%s/%s", d->report->folder, name);
    plot_add(d->plot, name, stem.at);
    text_free(&stem);
    require(d->pictures_len < DRAW_PICTURES_MOST);
    d->pictures[d->pictures_len++] = (struct picture){name, title, caption};
}

/* --- over time --- */

struct peaks {
    double from_s, to_s, held, queue, power_w, price_least, price, carbon;
    bool over;   /* some bin holds more than the GPUs there were on average: capacity came and went */
    bool differ; /* runs meet other prices or carbon intensities */
};

/* GPUs there were, on average; NAN: unknown. */
static double mean_gpus(const struct summary *run) {
    const double hours = run->measured_s / 3600;
    return hours > 0 ? summary_value(run, "capacity_gpu_h") / hours : NAN;
}

static void grow(double *peak, double value) {
    if (value > *peak) *peak = value;
}

static double middle_s(const struct series *series, size_t bin) {
    return tick_seconds(series->start_ns) + tick_seconds(series->width_ns) * ((double)bin + 0.5);
}

/* Pictures over time show the measured window, as all figures do, and no jobs' last hours after it. */
static void find_window(const struct drawing *d, struct peaks *peaks) {
    peaks->from_s = INFINITY;
    for (size_t i = 0; i < d->count; i++) {
        const struct summary *run = d->order[i];
        if (run->measure_from_s < peaks->from_s) peaks->from_s = run->measure_from_s;
        grow(&peaks->to_s, run->measure_from_s + run->measured_s);
    }
}

static void find_peaks(const struct drawing *d, struct peaks *peaks) {
    *peaks = (struct peaks){0};
    find_window(d, peaks);
    for (size_t i = 0; i < d->count; i++) {
        const struct series *series = &d->series[i];
        for (size_t b = 0; b < series->bins; b++) {
            if (middle_s(series, b) < peaks->from_s || middle_s(series, b) > peaks->to_s) continue;
            double held = 0, queue = 0, power_w = 0;
            for (size_t r = 0; r < series->regions; r++) {
                const struct bin *bin = &series->at[r * series->bins + b];
                const struct bin *first = b < d->series[0].bins && r < d->series[0].regions
                                              ? &d->series[0].at[r * d->series[0].bins + b] : bin;
                peaks->differ |= bin->price_usd_per_kwh != first->price_usd_per_kwh ||
                                 bin->carbon_g_per_kwh != first->carbon_g_per_kwh;
                held += bin->held_gpus;
                queue += bin->queued_gpus;
                power_w += bin->power_w;
                grow(&peaks->price, bin->price_usd_per_kwh);
                grow(&peaks->carbon, bin->carbon_g_per_kwh);
                if (bin->price_usd_per_kwh < peaks->price_least) peaks->price_least = bin->price_usd_per_kwh;
            }
            grow(&peaks->held, held);
            grow(&peaks->queue, queue);
            peaks->over |= held > 1.001 * mean_gpus(d->order[i]);
            grow(&peaks->power_w, power_w);
        }
    }
}

/* x, held, used (per cent of all GPUs, or GPUs where `counts`), queued GPUs, power; all regions. Then price and carbon
 * of the first region. */
static void write_run_series(struct drawing *d, size_t i, double watts_per_unit, bool counts) {
    const struct series *series = &d->series[i];
    const double share = counts ? 1 : 100 / mean_gpus(d->order[i]);
    FILE *file = draw_file(d, "run", i);
    for (size_t b = 0; b < series->bins; b++) {
        struct bin sum = {0};
        for (size_t r = 0; r < series->regions; r++) {
            const struct bin *bin = &series->at[r * series->bins + b];
            sum.held_gpus += bin->held_gpus;
            sum.used_gpus += bin->used_gpus;
            sum.queued_gpus += bin->queued_gpus;
            sum.power_w += bin->power_w;
        }
        const struct bin *first = &series->at[b];
        fprintf(file, "%.9g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", middle_s(series, b), share * sum.held_gpus,
                share * sum.used_gpus, sum.queued_gpus, sum.power_w / watts_per_unit, 1000 * first->price_usd_per_kwh,
                first->carbon_g_per_kwh);
    }
    plot_data_end(file);
}

/* x, price, carbon; the baseline's. */
static void write_region_series(struct drawing *d) {
    const struct series *series = &d->series[0];
    for (size_t r = 0; r < series->regions; r++) {
        FILE *file = draw_file(d, "region", r);
        for (size_t b = 0; b < series->bins; b++) {
            const struct bin *bin = &series->at[r * series->bins + b];
            fprintf(file, "%.9g\t%.6g\t%.6g\n", middle_s(series, b), 1000 * bin->price_usd_per_kwh,
                    bin->carbon_g_per_kwh);
        }
        plot_data_end(file);
    }
}

/* x, then the power of the regions up to each. */
static void write_stack(struct drawing *d, size_t i, double watts_per_unit) {
    const struct series *series = &d->series[i];
    FILE *file = draw_file(d, "stack", i);
    for (size_t b = 0; b < series->bins; b++) {
        double sum_w = 0;
        fprintf(file, "%.9g", middle_s(series, b));
        for (size_t r = 0; r < series->regions; r++)
            fprintf(file, "\t%.6g", (sum_w += series->at[r * series->bins + b].power_w) / watts_per_unit);
        fputc('\n', file);
    }
    plot_data_end(file);
}

static void draw_series(struct drawing *d) {
    struct peaks peaks;
    for (size_t i = 0; i < d->count; i++)
        if (!d->series[i].bins) return;
    find_peaks(d, &peaks);
    const bool mega = peaks.power_w >= 1e7;
    const struct axis x = axis_time(peaks.from_s, peaks.to_s, d->order[0]->info.origin_unix_ns);
    const struct axis queue = axis_linear(0, peaks.queue, 5, ""),
                      carbon = axis_linear(0, peaks.carbon, 3, "");
    const bool stacks = d->count > 1 && d->series[0].regions > 1; /* a panel a run, and so lower ones */
    const struct axis power = axis_linear(0, peaks.power_w / (mega ? 1e6 : 1e3), stacks ? 3 : 5, "");
    const struct axis price = axis_linear(1e3 * peaks.price_least, 1e3 * peaks.price, 3, "");
    plot_set(d->plot, "x_tics", x.tics);
    plot_set_number(d->plot, "x_from", x.from);
    plot_set_number(d->plot, "x_to", x.to);
    plot_set(d->plot, "power_unit", mega ? "MW" : "kW");
    const struct axis held = axis_linear(0, peaks.over ? peaks.held : 100, 4, peaks.over ? "" : " %%");
    plot_set(d->plot, "held_text", peaks.over ? "GPUs held by jobs and replicas" : "Held, share of all GPUs");
    draw_axis(d->plot, "held", &held);
    const bool apart = peaks.differ && d->series[0].regions == 1 && d->count > 1;
    char whose[DRAW_NAME_MOST + 16] = "", name[DRAW_NAME_MOST + 4];
    draw_short_name(name, summary_title(d->order[0]));
    if (peaks.differ && !apart) snprintf(whose, sizeof whose, ", of %s", name);
    plot_set(d->plot, "signals_whose", whose);
    plot_set_number(d->plot, "signals_apart", apart);
    draw_axis(d->plot, "queue", &queue);
    draw_axis(d->plot, "power", &power);
    draw_axis(d->plot, "price", &price);
    draw_axis(d->plot, "carbon", &carbon);
    for (size_t i = 0; i < d->count; i++) write_run_series(d, i, mega ? 1e6 : 1e3, peaks.over);
    for (size_t i = 0; i < d->count; i++) write_stack(d, i, mega ? 1e6 : 1e3);
    write_region_series(d);
    draw_picture(d, "timeline", "Utilisation and queue over time",
                 peaks.over
                     ? "Above, the GPUs that jobs and replicas hold, where capacity comes and goes; below, those "
                       "asked for by jobs that wait. Values are averages over a bin of time; clock times are UTC."
                     : "Above, the share of all GPUs that is held; below, the GPUs asked for by jobs that wait. "
                       "Values are averages over a bin of time; clock times are UTC.");
    if (peaks.power_w > 0)
        draw_picture(
            d, "power", "Power, price and carbon",
            "Facility power (IT times PUE), region upon region, above the price and the carbon intensity it "
            "meets: cost and emissions come from where they coincide. Clock times are UTC.");
}

/* --- distributions --- */

static void draw_distributions(struct drawing *d, struct store *store) {
    struct curves curves = CURVES_BEGIN;
    for (size_t i = 0; i < d->count; i++) {
        for (int f = 0; f < CURVES_FIGURES; f++) {
            size_t len;
            struct store_step *steps = store_read_distribution(store, d->order[i]->run, curves_figures[f], &len);
            curves_write(&curves, d->plot, f, i, steps, len);
            free(steps);
        }
    }
    if (!curves_end(&curves, d->plot)) return;
    draw_picture(d, "waits", "Waiting and completion times",
                "The share of finished jobs that started (left) and were done (right) within a time; higher "
                "is better. "
                "A curve begins with the jobs that did not wait a second; the axis begins where it helps to "
                "read them.");
}

/* --- stacked bars --- */

/* One bar: bounds of the parts, their labels where there is room, a label at the end, the run's name. */
static void write_bar(FILE *file, size_t i, const double *parts, size_t len, double top, int decimals,
                      const char *end, const char *name) {
    char number[48], shown[DRAW_NAME_MOST + 4];
    double so_far = 0;
    fprintf(file, "%d\t0", -(int)i);
    for (size_t k = 0; k < len; k++) fprintf(file, "\t%.9g", so_far += parts[k]);
    for (size_t k = 0; k < len; k++) {
        const char *text = table_number(parts[k], decimals, number);
        const bool room = parts[k] / top > 0.012 + 0.0095 * (double)strlen(text);
        fprintf(file, "\t%s", room ? text : " ");
    }
    draw_short_name(shown, name);
    fprintf(file, "\t%s\t%s\n", end, shown);
}

static double sum_of(const double *parts, size_t len) {
    double sum = 0;
    for (size_t k = 0; k < len; k++) sum += parts[k];
    return sum;
}

/* NAME_shown: the numbers of the parts that can be seen in some run's bar. */
static void set_shown(struct drawing *d, const char *name, const double *parts, size_t len) {
    char variable[64];
    struct text shown;
    text_init(&shown);
    for (size_t k = 0; k < len; k++) {
        bool seen = false;
        for (size_t i = 0; i < d->count; i++)
            seen |= parts[i * len + k] > 5e-4 * sum_of(parts + i * len, len);
        if (seen) text_format(&shown, "%s%zu", shown.len ? " " : "", k + 1);
    }
    snprintf(variable, sizeof variable, "%s_shown", name);
    plot_set(d->plot, variable, shown.at);
    text_free(&shown);
}

/* A picture of stacked bars: parts[run * len + k], all in one unit. */
static void write_bars(struct drawing *d, const char *name, const double *parts, size_t len, int decimals,
                       bool totals) {
    char file_name[64], total[48];
    double most = 0;
    for (size_t i = 0; i < d->count; i++) grow(&most, sum_of(parts + i * len, len));
    struct axis axis = axis_linear(0, most, 5, "");
    axis.to = most * 1.0001; /* a tick beyond the longest bar would only shorten it */
    draw_axis(d->plot, name, &axis);
    set_shown(d, name, parts, len);
    snprintf(file_name, sizeof file_name, "%s.tsv", name);
    FILE *file = plot_data(d->plot, file_name);
    for (size_t i = 0; i < d->count; i++) {
        const char *end = totals ? table_number(sum_of(parts + i * len, len), decimals, total) : " ";
        write_bar(file, i, parts + i * len, len, axis.to, decimals, end, summary_title(d->order[i]));
    }
    plot_data_end(file);
}

int draw_decimals(double most) { return most >= 1000 ? 0 : most >= 10 ? 1 : 2; }

struct draw_money draw_money(double most_usd) {
    if (most_usd >= 1e7) return (struct draw_money){1e6, "million USD"};
    if (most_usd >= 2e4) return (struct draw_money){1e3, "thousand USD"};
    return (struct draw_money){1, "USD"};
}

enum { COSTS = 7 };

/* Cost by kind. What sun and battery changed is not a cost of its own: energy is shown as it was paid. */
static void costs_of(const struct summary *run, double parts[COSTS]) {
    const double energy = summary_value(run, "energy_usd"), site = summary_value(run, "site_usd");
    const double paid = energy > 0 ? fmax(1 + site / energy, 0) : 1;
    const double idle = summary_value(run, "idle_energy_usd") + summary_value(run, "sleep_energy_usd") +
                        summary_value(run, "boot_energy_usd");
    const double values[COSTS] = {
        summary_value(run, "job_capacity_usd"), summary_value(run, "idle_capacity_usd"),
        summary_value(run, "job_energy_usd") * paid, idle * paid, summary_value(run, "carbon_usd"),
        summary_value(run, "demand_usd"), summary_value(run, "egress_usd")};
    for (size_t k = 0; k < COSTS; k++) parts[k] = isnan(values[k]) ? 0 : values[k];
}

static void draw_cost(struct drawing *d) {
    double parts[REPORT_RUNS_MOST * COSTS], most = 0;
    for (size_t i = 0; i < d->count; i++) {
        costs_of(d->order[i], parts + i * COSTS);
        grow(&most, summary_value(d->order[i], "total_usd"));
    }
    if (!(most > 0)) return;
    const struct draw_money unit = draw_money(most);
    char text[64];
    for (size_t k = 0; k < d->count * COSTS; k++) parts[k] /= unit.usd;
    snprintf(text, sizeof text, "Cost in the measured window, %s", unit.name);
    plot_set(d->plot, "cost_unit", text);
    write_bars(d, "cost", parts, COSTS, draw_decimals(most / unit.usd), true);
    draw_picture(d, "cost", "Cost",
                 "What capacity and energy cost, split into what jobs are charged and what idle hardware "
                 "cost anyway, and what came on top. Energy is less what sun and battery saved.");
}

static void draw_why(struct drawing *d) {
    double parts[REPORT_RUNS_MOST * WHY_COUNT], most_s = 0;
    for (size_t i = 0; i < d->count; i++) {
        const double jobs = summary_value(d->order[i], "jobs_submitted");
        for (int why = 0; why < WHY_COUNT; why++) {
            char metric[64];
            snprintf(metric, sizeof metric, "wait_%s_h", why_names[why]);
            const double hours = summary_value(d->order[i], metric);
            parts[i * WHY_COUNT + (size_t)why] = jobs > 0 ? 3600 * hours / jobs : 0;
        }
        grow(&most_s, jobs > 0 ? 3600 * summary_value(d->order[i], "wait_all_h") / jobs : 0);
    }
    if (!(most_s > 0)) return;
    static const struct {
        double unit_s;
        const char *text;
    } units[] = {{86400, "Mean waiting time of a job, days"},
                 {3600, "Mean waiting time of a job, hours"},
                 {60, "Mean waiting time of a job, minutes"},
                 {1, "Mean waiting time of a job, seconds"}};
    size_t u = 0;
    while (u < 3 && most_s < 2 * units[u].unit_s) u++;
    for (size_t k = 0; k < d->count * WHY_COUNT; k++) parts[k] /= units[u].unit_s;
    plot_set(d->plot, "why_unit", units[u].text);
    write_bars(d, "why", parts, WHY_COUNT, draw_decimals(most_s / units[u].unit_s), true);
    draw_picture(
        d, "why", "Why jobs wait",
        "Every second of waiting has one reason. Too few GPUs calls for capacity; scattered GPUs for another "
        "placement; the head of the line for backfilling; a quota for another share.");
}

static void draw_capacity(struct drawing *d) {
    double parts[REPORT_RUNS_MOST * 5];
    bool all = true;
    for (size_t i = 0; i < d->count; i++) {
        const struct summary *run = d->order[i];
        const double used = summary_value(run, "used_utilisation"),
                     useful = summary_value(run, "useful_utilisation");
        const double held = summary_value(run, "utilisation"),
                     fragmentation = summary_value(run, "fragmentation");
        const double broken = isnan(fragmentation) ? 0 : fragmentation * (1 - held);
        const double shares[5] = {useful, fmax(used - useful, 0), fmax(held - used, 0),
                                  fmax(1 - held - broken, 0), broken};
        for (size_t k = 0; k < 5; k++) parts[i * 5 + k] = 100 * shares[k];
        all = all && !isnan(held);
    }
    if (!all) return;
    write_bars(d, "capacity", parts, 5, 1, false);
    draw_picture(d, "capacity", "Where the capacity went",
                "GPU-hours offered, from useful work to free GPUs that no typical job could have used.");
}

/* --- efficiency --- */

static const struct drawn {
    const char *metric, *name;
    bool inverse;    /* of what a unit takes: what a dollar buys is one over it */
    bool of_an_hour; /* a larger region does more of it */
} drawn[METRICS_DRAWN] = {
    {"work_per_usd", "Work per dollar", false, false},
    {"work_per_kwh", "Work per kWh", false, false},
    {"work_per_kg", "Work per kg of CO₂", false, false},
    {"work_per_gpu_h", "Work per GPU-hour", false, false},
    {"work_per_h", "Work per hour", false, true},
    {"usd_per_mtok", "Tokens per dollar", true, false},
    {"j_per_token", "Tokens per kWh", true, false},
    {"g_per_mtok", "Tokens per kg of CO₂", true, false},
    {"tokens_per_gpu_s", "Tokens per GPU-hour", false, false},
    {"usd_per_mitem", "Items per dollar", true, false},
    {"kwh_per_mitem", "Items per kWh", true, false},
    {"g_per_mitem", "Items per kg of CO₂", true, false},
};

/* The change of a figure in per cent; not finite where one of them has none. */
static double change_of(const struct drawn *figure, const struct summary_part *part, const struct summary_part *base) {
    const double value = part_value(part, figure->metric), of = part_value(base, figure->metric);
    const double by = 100 * ((figure->inverse ? of / value : value / of) - 1);
    return fabs(by) < 0.05 ? 0 : by;
}

/* The bars of the picture: runs against the baseline, or regions against the run. */
struct bars {
    const struct summary_part *base, *at[REPORT_RUNS_MOST];
    size_t len;
    const struct drawn *figures[METRICS_DRAWN]; /* those in which some bar differs */
    size_t figures_len;
};

static void find_figures(struct bars *bars, bool by_region) {
    for (size_t m = 0; m < METRICS_DRAWN; m++) {
        bool said = false;
        for (size_t i = 0; i < bars->len; i++) {
            const double by = change_of(&drawn[m], bars->at[i], bars->base);
            said |= isfinite(by) && by != 0;
        }
        if (said && !(by_region && drawn[m].of_an_hour)) bars->figures[bars->figures_len++] = &drawn[m];
    }
}

/* y counts the figures down, bars share a slot. */
static void write_efficiency(struct drawing *d, const struct bars *bars, size_t bar, double *least, double *most) {
    FILE *file = draw_file(d, "efficiency", bar);
    for (size_t m = 0; m < bars->figures_len; m++) {
        const double by = change_of(bars->figures[m], bars->at[bar], bars->base);
        char label[32];
        const double y = -(double)m + 0.4 - 0.8 * ((double)bar + 0.5) / (double)bars->len;
        snprintf(label, sizeof label, "%+.1f %%", by);
        fprintf(file, "%.6g\t%.6g\t%s\n", y, isfinite(by) ? by : 0,
                !isfinite(by) ? "none" : by == 0 ? "the same" : label);
        if (!isfinite(by)) continue;
        if (by < *least) *least = by;
        grow(most, by);
    }
    plot_data_end(file);
}

/* Room for the labels at the ends of the bars; and small differences must look small. */
static struct axis efficiency_axis(double least, double most) {
    const double widest = fmax(fmax(-least, most), 2);
    if (widest == 2) return axis_linear(-2, 2, 6, " %%");
    return axis_linear(least < 0 ? least - 0.16 * widest : 0, most > 0 ? most + 0.16 * widest : 0, 6, " %%");
}

static void draw_efficiency(struct drawing *d) {
    double least = 0, most = 0;
    size_t regions;
    const struct summary_part *parts = summary_parts(d->order[0], PART_REGION, &regions);
    const bool by_region = d->count == 1;
    struct bars bars = {.base = &d->order[0]->parts[0], .len = by_region ? regions : d->count - 1};
    if (by_region && (regions < 2 || regions > REPORT_RUNS_MOST - 1)) return;
    for (size_t i = 0; i < bars.len; i++) {
        bars.at[i] = by_region ? &parts[i] : &d->order[i + 1]->parts[0];
        draw_name(d->plot, "bar", i, by_region ? parts[i].name : summary_title(d->order[i + 1]));
    }
    find_figures(&bars, by_region);
    for (size_t i = 0; i < bars.len; i++) write_efficiency(d, &bars, i, &least, &most);
    for (size_t m = 0; m < bars.figures_len; m++) draw_name(d->plot, "metric", m, bars.figures[m]->name);
    if (bars.figures_len == 0) return; /* all the same */
    const struct axis axis = efficiency_axis(least, most);
    char unit[128], name[DRAW_NAME_MOST + 4];
    draw_short_name(name, summary_title(d->order[0]));
    snprintf(unit, sizeof unit,
             by_region ? "Regions against the whole run; right is better" : "Change against %s; right is better", name);
    plot_set(d->plot, "efficiency_title", by_region ? "Efficiency by region" : "Efficiency");
    plot_set(d->plot, "efficiency_unit", unit);
    plot_set_number(d->plot, "bars", (double)bars.len);
    plot_set_number(d->plot, "metrics", (double)bars.figures_len);
    plot_set_number(d->plot, "regions_as_bars", by_region);
    plot_set_number(d->plot, "efficiency_from", axis.from);
    plot_set_number(d->plot, "efficiency_to", axis.to);
    plot_set(d->plot, "efficiency_tics", axis.tics);
    draw_picture(d, "efficiency", "Efficiency",
                 by_region ? "What a dollar, a kilowatt-hour, a kilogram of CO₂ and a GPU-hour buy in each region."
                           : "What a dollar, a kilowatt-hour, a kilogram of CO₂, a GPU-hour and an hour buy.");
}

/* --- the report --- */

static bool read_runs(struct drawing *d, struct store *store, const int64_t *runs, char **why) {
    struct text said;
    text_init(&said);
    for (size_t i = 0; i < d->count; i++) {
        if (!store_read_summary(store, runs[i], ~0u, &d->runs[i])) {
            text_format(&said, "%sthere is no run %lld", said.len ? "; " : "", (long long)runs[i]);
        } else if (!d->runs[i].complete) {
            text_format(&said, "%srun %lld is not complete", said.len ? "; " : "", (long long)runs[i]);
        }
    }
    const bool good = said.len == 0;
    if (!good) *why = text_take(&said);
    text_free(&said);
    return good;
}

static void read_series(struct drawing *d, struct store *store) {
    d->order = summary_in_order(d->runs, d->count);
    for (size_t i = 0; i < d->count; i++) store_read_series(store, d->order[i]->run, &d->series[i]);
}

static bool draw(struct drawing *d, struct store *store, char **why) {
    d->plot = plot_open(d->report->scripts);
    set_names(d);
    draw_efficiency(d);
    draw_cost(d);
    draw_waterfall(d);
    draw_service(d, store);
    draw_pareto(d, store);
    draw_why(d);
    draw_capacity(d);
    draw_series(d);
    draw_starts(d, store);
    draw_distributions(d, store);
    const bool drawn_all = plot_draw(d->plot, why);
    plot_close(d->plot);
    return drawn_all;
}

/* Everything the catalogue may know by name: the scenario, what runs change in it, the pools' GPUs. */
static char *names_used(const struct drawing *d, const struct store_pool *pools, size_t pools_len) {
    struct text names;
    text_init(&names);
    text_put(&names, d->order[0]->info.scenario_text);
    for (size_t i = 0; i < d->count; i++) text_format(&names, "\n%s", d->order[i]->info.overrides);
    for (size_t i = 0; i < pools_len; i++) text_format(&names, "\n%s", pools[i].gpu);
    return text_take(&names);
}

static void write_pages(const struct drawing *d, struct store *store) {
    struct arena arena;
    struct sources sources = {0};
    struct page page = {.folder = d->report->folder, .source = d->report->source, .runs = d->order, .count = d->count,
                        .pictures = d->pictures, .pictures_len = d->pictures_len, .sources = &sources,
                        .compare = d->report->compare, .asked = d->report->asked};
    arena_init(&arena);
    struct store_pool *pools = store_read_pools(store, d->order[0]->run, &arena, &page.pools_len);
    struct word_line *words = report_words(d->order, d->count, page.compare, &page.words_len);
    char *names = names_used(d, pools, page.pools_len);
    sources_find(&sources, names, &arena);
    page.pools = pools;
    page.words = words;
    report_html(&page);
    report_markdown(&page);
    free(names);
    report_words_free(words, page.words_len);
    free(pools);
    free(sources.at);
    arena_free(&arena);
}

bool report_write(const struct report *report, struct store *store, const int64_t *runs, size_t count,
                  char **why) {
    require(count >= 1 && count <= REPORT_RUNS_MOST);
    struct drawing d = {.report = report, .count = count};
    d.runs = mem_zero(count, sizeof *d.runs);
    d.series = mem_zero(count, sizeof *d.series);
    bool good = read_runs(&d, store, runs, why);
    if (good && mkdir(report->folder, 0777) != 0 && errno != EEXIST)
        die("cannot make the folder '%s': %s", report->folder, strerror(errno));
    if (good) {
        read_series(&d, store);
        good = draw(&d, store, why);
    }
    if (good) write_pages(&d, store);
    for (size_t i = 0; i < count; i++) summary_free(&d.runs[i]), free(d.series[i].at);
    free(d.series);
    free(d.order);
    free(d.runs);
    return good;
}
