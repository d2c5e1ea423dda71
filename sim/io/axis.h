/*
 * Axes for people: where the ticks stand and what they say, as gnuplot's list 'text' position, ...
 */
#ifndef HEADROOM_IO_AXIS_H
#define HEADROOM_IO_AXIS_H

#include <stdint.h>

struct axis {
    double from, to; /* both on a tick */
    char tics[2048]; /* "'0' 0, '5,000' 5000" */
};
/* From least (or 0, when it is above) to most, about `wanted` steps of 1, 2, 2.5 or 5 times a power of ten;
 * `unit` follows each number (gnuplot formats the text: a per cent sign is doubled). */
struct axis axis_linear(double least, double most, int wanted, const char *unit);
/* The same between least and most alone, wherever 0 is. */
struct axis axis_between(double least, double most, int wanted, const char *unit);
/* Time in seconds from an origin: calendar hours, days or months (UTC) when the origin is known, else hours
 * or days from it. from and to stay as given. */
struct axis axis_time(double from_s, double to_s, int64_t origin_unix_ns);

#endif
