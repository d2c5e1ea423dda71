/*
 * Numbers from text and back, by the house's own rules: decimal only (no hex, octal, nan, inf,
 * 1_000, leading or trailing blanks), the whole span must be the number, overflow is an error.
 * Independent of the locale. Correctly rounded: the fast path covers up to 19 digits and powers of
 * ten to 22 exactly (Clinger 1990), everything else goes through strtod on a copy.
 */
#ifndef HEADROOM_BASE_NUM_H
#define HEADROOM_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* false: not a number by these rules, or out of range; *out is then untouched. */
bool num_f64(const char *text, size_t len, double *out);
bool num_i64(const char *text, size_t len, int64_t *out);
bool num_u64(const char *text, size_t len, uint64_t *out);
/* Decimal seconds to whole nanoseconds, exactly (digits past the ninth are rounded half up):
 * "66.0" -> 66000000000. No double in between. Accepts a sign and an exponent. */
bool num_seconds_ns(const char *text, size_t len, int64_t *out);

/* Splits "75 W" or "75W" into the number and its unit (trimmed). false when no number leads. The
 * unit may be empty; *unit points into text. */
bool num_with_unit(const char *text, double *value, const char **unit);

/* Shortest decimal that reads back as the same double ("0.1", "1e+22"); buffer of 32 bytes. */
const char *num_shortest(double value, char buffer[32]);
/* For people: 3 to 4 significant digits with thousands marked and an SI-like scale for large values:
 * 12,345.7 | 1.234 M. buffer of 32 bytes. */
const char *num_human(double value, char buffer[32]);

#endif
