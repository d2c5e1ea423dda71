/*
 * Time. Simulated time is int64_t nanoseconds from the run's origin; seconds exist at the edges only.
 * Calendar time is UTC, proleptic Gregorian, without leap seconds (days-from-civil after Hinnant).
 */
#ifndef HEADROOM_BASE_TICK_H
#define HEADROOM_BASE_TICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICK_S INT64_C(1000000000)
#define TICK_MINUTE (60 * TICK_S)
#define TICK_HOUR (3600 * TICK_S)
#define TICK_DAY (86400 * TICK_S)
/* "Never": later than any event, and still safe to add a few years to. */
#define TICK_NEVER (INT64_MAX / 2)

static inline double tick_seconds(int64_t ns) { return (double)ns / 1e9; }
static inline double tick_hours(int64_t ns) { return (double)ns / 3.6e12; }
/* Nearest nanosecond; saturates at +-TICK_NEVER. */
int64_t tick_from_seconds(double seconds);

/* Days since 1970-01-01 of a civil date. month 1..12, day 1..31. */
int64_t tick_days_from_civil(int year, int month, int day);
/* Nanoseconds since the Unix epoch at which the calendar month of unix_ns begins, or the one `months` after it
 * (below 0: before it). */
int64_t tick_month_start(int64_t unix_ns, int months);
/* "2017-10-01", "2017-10-01 07:01", "2017-10-01T07:01:55.25Z", "+02:00" offsets; nanoseconds since the
 * Unix epoch. Text without an offset is UTC. false when it is not such a date. */
bool tick_parse_date(const char *text, size_t len, int64_t *unix_ns);
/* "2017-10-01T07:01:55Z"; buffer of 40 bytes. */
const char *tick_format_date(int64_t unix_ns, char buffer[40]);
/* For people: "43 s", "12.5 min", "3.2 h", "4 d 03 h"; buffer of 32 bytes. */
const char *tick_human(int64_t ns, char buffer[32]);

#endif
