/* Units: what a value of each dimension may be written in, converted once, at the edge. */
#ifndef HEADROOM_IO_UNITS_H
#define HEADROOM_IO_UNITS_H

#include "core/model.h"

#include <stdbool.h>

/* Factor from `unit` to the unit the program keeps (times: seconds). false: no unit of that dimension. */
bool units_find(enum dim dim, const char *unit, double *factor);
/* "W, kW or MW"; "" for a plain number. */
const char *units_accepted(enum dim dim);
/* The kept unit ("W", for times "s"), and a value as an example of how to write one ("75 W"). */
const char *units_kept(enum dim dim);
const char *units_example(enum dim dim);
/* "a time", "a power", ...; "a number" for DIM_NONE. */
const char *units_noun(enum dim dim);

#endif
