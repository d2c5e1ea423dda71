/* What the files that draw the report share: the runs in order, and how a picture is named to gnuplot. */
#ifndef HEADROOM_IO_REPORT_DRAW_H
#define HEADROOM_IO_REPORT_DRAW_H

#include "io/axis.h"
#include "io/plot.h"
#include "io/report.h"
#include "io/report_page.h"
#include "io/summary.h"

enum { DRAW_NAME_MOST = 20, DRAW_PICTURES_MOST = 11 };

struct drawing {
    const struct report *report;
    struct plot *plot;
    struct summary *runs;         /* as read */
    const struct summary **order; /* the baseline first */
    struct series *series;        /* parallel to order */
    size_t count;
    struct picture pictures[DRAW_PICTURES_MOST];
    size_t pictures_len;
};

/* NAME_tics, NAME_bottom, NAME_top */
void draw_axis(struct plot *plot, const char *name, const struct axis *axis);
/* Names longer than a legend can hold end in an ellipsis; control characters become blanks. */
void draw_short_name(char out[DRAW_NAME_MOST + 4], const char *name);
/* KIND_name_I, i from 0 */
void draw_name(struct plot *plot, const char *kind, size_t i, const char *name);
/* The file KIND-I.tsv, i from 0. */
FILE *draw_file(struct drawing *d, const char *kind, size_t i);
void draw_picture(struct drawing *d, const char *name, const char *title, const char *caption);
/* Money in one unit for a whole picture. */
struct draw_money {
    double usd;       /* a unit's worth */
    const char *name; /* "USD", "thousand USD", "million USD" */
};
struct draw_money draw_money(double most_usd);
/* Digits after the point for numbers of up to `most`, three to four in all. */
int draw_decimals(double most);

/* report_choice.c: pictures that weigh runs against each other. */
void draw_waterfall(struct drawing *d);
void draw_pareto(struct drawing *d, struct store *store);
void draw_service(struct drawing *d, struct store *store);
void draw_starts(struct drawing *d, struct store *store);
/* efficient[i]: no other point is at least as low in all three and lower in one. */
void draw_efficient(const double (*points)[3], size_t count, bool *efficient);

#endif
