/*
 * Points with names, by two figures and a shade, for scripts/scatter.gp.
 */
#ifndef HEADROOM_IO_SCATTER_H
#define HEADROOM_IO_SCATTER_H

#include "io/plot.h"

#include <stdbool.h>
#include <stddef.h>

enum { SCATTER_ACROSS, SCATTER_UP, SCATTER_SHADE };
struct scatter_box {
    double left, right, top, bottom; /* pixels from the top left */
};
struct scatter_point {
    double at[3];           /* in the picture's units */
    double low[2], high[2]; /* intervals, where the scatter shows spans */
    bool efficient;
    char name[32]; /* as shown */
    /* scatter_set's: */
    double x, y; /* pixels */
    int side;    /* of the name: 0 right, 1 left, 2 above, 3 below, 4 and 5 right and left above,
        6 and 7 right and left
                  * below; -1: there is no room for it */
    struct scatter_box label;
};

/* What stands across, up and in the shade, with units. */
struct scatter {
    const char *name, *title;        /* the data file's name; the picture's title */
    const char *across, *up, *shade; /* shade: NULL: none */
    bool spans;                      /* crosses of intervals behind the points */
};
/* Writes the data and sets what the script needs. */
void scatter_set(struct plot *plot, const struct scatter *scatter, struct scatter_point *points,
                 size_t count);

struct scatter_range {
    double least, most;
};
struct scatter_range scatter_range(const struct scatter_point *points, size_t count, size_t axis);

#endif
