/*
 * Curves of waiting and completion times (see curves.h). They begin at a second, on a logarithmic axis, and
 * the axis of shares where it helps to read them. Cost: the steps.
 */
#include "io/curves.h"

#include "base/text.h"
#include "io/report_draw.h"
#include "io/table.h"

#include <math.h>

const char *const curves_figures[CURVES_FIGURES] = {"wait", "jct"};

/* Seconds and share of jobs in per cent, from one second on. */
void curves_write(struct curves *c, struct plot *plot, int figure, size_t i, const struct store_step *steps,
                  size_t len) {
    const double all = len ? (double)steps[len - 1].jobs : 1;
    uint64_t before = 0;
    char name[64];
    snprintf(name, sizeof name, "%s-%zu.tsv", curves_figures[figure], i + 1);
    FILE *file = plot_data(plot, name);
    for (size_t k = 0; k < len && steps[k].at_most_s < 1; k++) before = steps[k].jobs;
    fprintf(file, "1\t%.6g\n", 100 * (double)before / all);
    if (len) {
        c->span[figure].most_s = fmax(c->span[figure].most_s, steps[len - 1].at_most_s);
        c->span[figure].least_percent = fmin(c->span[figure].least_percent, 100 * (double)before / all);
    }
    for (size_t k = 0; k < len; k++)
        if (steps[k].at_most_s >= 1)
            fprintf(file, "%.9g\t%.6g\n", steps[k].at_most_s, 100 * (double)steps[k].jobs / all);
    /* The curve stays where it is up to the right edge. */
    if (len) fprintf(file, "1e12\t100\n");
    plot_data_end(file);
}

/* The axis of a figure's shares: from 0, or nearer to 100 % where all curves begin high, so that they fill
 * it. */
static void set_share_axis(struct plot *plot, const char *name, double least_percent) {
    static const struct {
        double from, step;
        int decimals;
    } ranges[] = {{99, 0.2, 1}, {98, 0.5, 1}, {95, 1, 0}, {90, 2, 0}, {75, 5, 0}, {50, 10, 0}, {0, 25, 0}};
    size_t i = 0;
    while (ranges[i].from > least_percent) i++;
    struct axis axis = {ranges[i].from, 100, ""};
    struct text tics;
    text_init(&tics);
    for (double at = axis.from; at < 100 + ranges[i].step / 2; at += ranges[i].step) {
        char number[48];
        text_format(&tics, "%s'%s %%%%' %.6g", tics.len ? ", " : "",
                    table_number(at, ranges[i].decimals, number), at);
    }
    text_copy(axis.tics, sizeof axis.tics, tics.at);
    draw_axis(plot, name, &axis);
    text_free(&tics);
}

bool curves_end(const struct curves *c, struct plot *plot) {
    if (c->span[1].most_s <= 0) return false;
    for (int f = 0; f < CURVES_FIGURES; f++)
        set_share_axis(plot, curves_figures[f], c->span[f].least_percent);
    plot_set_number(plot, "time_to", fmax(fmax(c->span[0].most_s, c->span[1].most_s), 10));
    return true;
}
