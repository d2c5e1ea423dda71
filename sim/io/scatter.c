/*
 * Points with names (see scatter.h). Names are placed here, by the size of their text: beside the point,
 * above or below it, wherever nothing is in the way; one without a place is left out. Efficient points choose
 * first. Cost: points squared.
 */
#include "io/scatter.h"

#include "io/axis.h"
#include "io/report_draw.h"

#include <math.h>

/* The picture in pixels, as scatter.gp has it; a character of a label is about so wide. */
enum { PLOT_LEFT = 86, PLOT_RIGHT = 768, PLOT_TOP = 84, PLOT_BOTTOM = 490 };
enum { CHARACTER = 8, LINE = 17, POINT = 10 };
/* Sides beside the point, above and below it; then its corners, which the crosses of intervals leave free. */
enum { SIDES = 4, CORNERS = SIDES };

static bool overlap(const struct scatter_box *a, const struct scatter_box *b) {
    return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

static struct scatter_box label_box(const struct scatter_point *p, int side) {
    size_t characters = 0;
    for (const char *c = p->name; *c; c++) characters += ((unsigned char)*c & 0xc0) != 0x80;
    const double wide = (double)(CHARACTER * characters);
    double left = side == 0 ? p->x + POINT : side == 1 ? p->x - POINT - wide : p->x - wide / 2;
    double top = side == 2 ? p->y - POINT - LINE : side == 3 ? p->y + POINT : p->y - LINE / 2.0;
    if (side >= CORNERS) {
        left = side & 1 ? p->x - POINT - wide : p->x + POINT;
        top = side < CORNERS + 2 ? p->y - POINT / 2.0 - LINE : p->y + POINT / 2.0;
    }
    return (struct scatter_box){left, left + wide, top, top + LINE};
}

static bool is_free(const struct scatter_box *box, const struct scatter_point *points, size_t count,
                    size_t of) {
    if (box->left < PLOT_LEFT || box->right > PLOT_RIGHT || box->top < PLOT_TOP || box->bottom > PLOT_BOTTOM)
        return false;
    for (size_t i = 0; i < count; i++) {
        const double half = POINT / 2.0, x = points[i].x, y = points[i].y;
        const struct scatter_box dot = {x - half, x + half, y - half, y + half};
        if (i != of && overlap(box, &dot)) return false;
        if (i != of && points[i].side >= 0 && overlap(box, &points[i].label)) return false;
    }
    return true;
}

static void place_labels(struct scatter_point *points, size_t count, const struct axis *across,
                         const struct axis *up, int first_side) {
    for (size_t i = 0; i < count; i++) {
        struct scatter_point *p = &points[i];
        const double right = (p->at[SCATTER_ACROSS] - across->from) / (across->to - across->from),
                     high = (p->at[SCATTER_UP] - up->from) / (up->to - up->from);
        p->x = PLOT_LEFT + right * (PLOT_RIGHT - PLOT_LEFT);
        p->y = PLOT_BOTTOM - high * (PLOT_BOTTOM - PLOT_TOP);
        p->side = -1;
    }
    for (int efficient = 1; efficient >= 0; efficient--) {
        for (size_t i = 0; i < count; i++) {
            if (points[i].efficient != efficient) continue;
            for (int side = first_side; side < first_side + SIDES && points[i].side < 0; side++) {
                points[i].label = label_box(&points[i], side);
                if (is_free(&points[i].label, points, count, i)) points[i].side = side;
            }
        }
    }
}

struct scatter_range scatter_range(const struct scatter_point *points, size_t count, size_t axis) {
    struct scatter_range range = {INFINITY, -INFINITY};
    for (size_t i = 0; i < count; i++) {
        range.least = fmin(range.least, points[i].at[axis]);
        range.most = fmax(range.most, points[i].at[axis]);
    }
    return range;
}

/* Around the points and their intervals, with room for the names. */
static struct axis around(const struct scatter_point *points, size_t count, size_t axis, bool spans) {
    struct scatter_range range = scatter_range(points, count, axis);
    for (size_t i = 0; spans && i < count; i++) { /* fmin and fmax pass over what is unknown */
        range.least = fmin(range.least, points[i].low[axis]);
        range.most = fmax(range.most, points[i].high[axis]);
    }
    const double span = fmax(range.most - range.least, 1e-3 * fabs(range.most));
    return axis_between(range.least - 0.08 * span, range.most + 0.08 * span, 5, "");
}

static void write_points(struct plot *plot, const char *file_name, const struct scatter *s,
                         const struct scatter_point *points, size_t count) {
    FILE *file = plot_data(plot, file_name);
    for (size_t i = 0; i < count; i++) {
        const struct scatter_point *p = &points[i];
        fprintf(file, "%.9g\t%.9g\t%.6g\t%d\t%d\t%s", p->at[SCATTER_ACROSS], p->at[SCATTER_UP],
                s->shade ? p->at[SCATTER_SHADE] : 0, p->efficient, p->side, p->name);
        for (size_t axis = 0; axis < 2 && s->spans; axis++)
            fprintf(file, "\t%.9g\t%.9g", p->low[axis], p->high[axis]);
        fputc('\n', file);
    }
    plot_data_end(file);
}

void scatter_set(struct plot *plot, const struct scatter *s, struct scatter_point *points, size_t count) {
    const struct axis across = around(points, count, SCATTER_ACROSS, s->spans);
    const struct axis up = around(points, count, SCATTER_UP, s->spans);
    const struct axis shade = axis_linear(0, s->shade ? scatter_range(points, count, SCATTER_SHADE).most : 1,
                                          4, "");
    char file_name[64];
    snprintf(file_name, sizeof file_name, "%s.tsv", s->name);
    place_labels(points, count, &across, &up, s->spans ? CORNERS : 0);
    write_points(plot, file_name, s, points, count);
    plot_set(plot, "scatter_data", file_name);
    plot_set(plot, "scatter_title", s->title);
    plot_set(plot, "scatter_across", s->across);
    plot_set(plot, "scatter_up", s->up);
    plot_set(plot, "scatter_shade", s->shade ? s->shade : "");
    plot_set_number(plot, "scatter_spans", s->spans);
    draw_axis(plot, "across", &across);
    draw_axis(plot, "up", &up);
    draw_axis(plot, "shade", &shade);
}
