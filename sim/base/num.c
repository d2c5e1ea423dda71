/*
 * Numbers from text and back (see num.h).
 *
 * One scan reads the longest prefix of the form [+-] digits [. digits] [e [+-] digits], with digits before
 * or after the point, into at most 19 significant digits and a power of ten. A double is then one exact
 * multiplication or division when the digits are at most 2^53 and the power at most 10^22 in size, because
 * both operands are exact and IEEE rounds the one operation correctly (Clinger, PLDI 1990). Everything else
 * is rewritten as digits and an exponent, without a decimal point so that no locale can matter, for strtod.
 * Cost: O(length); no allocation for texts below COPY_ON_STACK bytes.
 */
#include "base/num.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { DIGITS_KEPT = 19, COPY_ON_STACK = 128 };

/* Past this the value is 0 or out of range whatever the digits (a text is far shorter than this). */
#define EXPONENT_MOST INT64_C(1000000000000000)

struct decimal {
    const char *whole, *point, *end; /* digits from whole, with one byte to skip at point (or NULL) */
    const char *after;               /* the first byte that is not of the number */
    uint64_t digits;                 /* all digits as one integer; meaningful when exact */
    int64_t exponent;                /* value = digits * 10^exponent */
    bool negative, exact;
};

static inline bool is_digit(char c) { return (unsigned char)(c - '0') < 10; }

/* Reads what follows the mantissa when it is an exponent; otherwise reads nothing ("5 eV", "3e"). */
static const char *scan_exponent(const char *at, const char *end, int64_t *exponent) {
    const char *e = at;
    if (e == end || (*e != 'e' && *e != 'E')) return at;
    e++;
    bool negative = e < end && *e == '-';
    if (e < end && (*e == '-' || *e == '+')) e++;
    if (e == end || !is_digit(*e)) return at;
    int64_t value = 0;
    for (; e < end && is_digit(*e); e++) {
        if (value < EXPONENT_MOST) value = value * 10 + (*e - '0');
    }
    *exponent += negative ? -value : value;
    return e;
}

/* More than 19 digits still fit when the surplus is leading zeros. */
static bool fits(const struct decimal *d, size_t count) {
    for (const char *c = d->whole; c < d->end && (*c == '0' || c == d->point); c++) {
        if (*c == '0') count--;
    }
    return count <= DIGITS_KEPT;
}

static inline bool scan(const char *text, size_t len, struct decimal *d) {
    const char *at = text, *end = text + len;
    *d = (struct decimal){0};
    if (at < end && (*at == '-' || *at == '+')) d->negative = *at++ == '-';
    d->whole = at;
    uint64_t digits = 0;
    while (at < end && is_digit(*at)) digits = digits * 10 + (uint64_t)(*at++ - '0');
    size_t count = (size_t)(at - d->whole);
    if (at < end && *at == '.' && (count || (at + 1 < end && is_digit(at[1])))) {
        d->point = at++;
        while (at < end && is_digit(*at)) digits = digits * 10 + (uint64_t)(*at++ - '0');
        size_t fraction = (size_t)(at - d->point - 1);
        count += fraction;
        d->exponent = -(int64_t)fraction;
    }
    if (!count) return false;
    d->end = at;
    d->digits = digits;
    d->exact = count <= DIGITS_KEPT || fits(d, count);
    d->after = scan_exponent(at, end, &d->exponent);
    return true;
}

/* strtod on "digits e exponent". */
static double slow_f64(const struct decimal *d) {
    size_t room = (size_t)(d->end - d->whole) + 32;
    char stack[COPY_ON_STACK];
    char *copy = room <= sizeof stack ? stack : mem_alloc(room);
    size_t len = 0;
    for (const char *c = d->whole; c < d->end; c++) {
        if (c != d->point) copy[len++] = *c;
    }
    snprintf(copy + len, room - len, "e%lld", (long long)d->exponent);
    double value = strtod(copy, NULL);
    if (copy != stack) free(copy);
    return value;
}

static inline bool to_f64(const struct decimal *d, double *out) {
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double value;
    if (d->exact && d->digits <= UINT64_C(1) << DBL_MANT_DIG && d->exponent >= -22 && d->exponent <= 22) {
        value = (double)d->digits;
        value = d->exponent < 0 ? value / power[-d->exponent] : value * power[d->exponent];
    } else {
        value = slow_f64(d);
        if (isinf(value)) return false;
    }
    *out = d->negative ? -value : value;
    return true;
}

bool num_f64(const char *text, size_t len, double *out) {
    struct decimal d;
    return scan(text, len, &d) && d.after == text + len && to_f64(&d, out);
}

/* An unsigned whole number of digits only. */
static bool whole_u64(const char *text, size_t len, uint64_t *out) {
    uint64_t value = 0;
    if (!len) return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i])) return false;
        if (__builtin_mul_overflow(value, UINT64_C(10), &value)) return false;
        if (__builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value)) return false;
    }
    *out = value;
    return true;
}

bool num_u64(const char *text, size_t len, uint64_t *out) {
    size_t sign = len && text[0] == '+';
    return whole_u64(text + sign, len - sign, out);
}

bool num_i64(const char *text, size_t len, int64_t *out) {
    bool negative = len && text[0] == '-';
    size_t sign = len && (text[0] == '-' || text[0] == '+');
    uint64_t size;
    if (!whole_u64(text + sign, len - sign, &size)) return false;
    if (size > (uint64_t)INT64_MAX + negative) return false;
    *out = negative ? (int64_t)-size : (int64_t)size;
    return true;
}

bool num_seconds_ns(const char *text, size_t len, int64_t *out) {
    struct decimal d;
    if (!scan(text, len, &d) || d.after != text + len) return false;
    /* The digits of the text, without its point, make an integer; `keep` of them stand before the point
     * once it has moved to nanoseconds. */
    int64_t keep = (d.end - d.whole) - (d.point != NULL) + d.exponent + 9;
    int64_t ns = 0;
    for (const char *c = d.whole; c < d.end && keep >= 0; c++) {
        if (c == d.point) continue;
        int digit = *c - '0';
        if (keep-- == 0) {
            if (digit >= 5 && __builtin_add_overflow(ns, 1, &ns)) return false;
            break;
        }
        if (__builtin_mul_overflow(ns, 10, &ns) || __builtin_add_overflow(ns, digit, &ns)) return false;
    }
    for (; ns && keep > 0; keep--) {
        if (__builtin_mul_overflow(ns, 10, &ns)) return false;
    }
    *out = d.negative ? -ns : ns;
    return true;
}

bool num_with_unit(const char *text, double *value, const char **unit) {
    struct decimal d;
    if (!scan(text, strlen(text), &d) || !to_f64(&d, value)) return false;
    *unit = d.after + strspn(d.after, " \t");
    return true;
}

/* printf writes the locale's decimal point; the house writes '.'. */
static void own_point(char *text) {
    size_t point = strspn(text, "+-0123456789");
    size_t rest = point + strcspn(text + point, "0123456789e");
    if (text[point] == '\0' || text[point] == 'e') return;
    text[point] = '.';
    memmove(text + point + 1, text + rest, strlen(text + rest) + 1);
}

/* 15 digits always come back unchanged and 17 always suffice; subnormals have fewer to tell apart. Only at
 * exact powers of two, where the gap below is half the gap above, may the result be one digit too long. */
const char *num_shortest(double value, char buffer[32]) {
    if (!isfinite(value)) {
        snprintf(buffer, 32, "%s", isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return buffer;
    }
    for (int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(buffer, 32, "%.*g", digits, value);
        own_point(buffer);
        double back;
        if (num_f64(buffer, strlen(buffer), &back) && back == value) break;
    }
    return buffer;
}

/* "12.30" -> "12.3", "12.00" -> "12". */
static void drop_zeros(char *text) {
    if (!strchr(text, '.')) return;
    size_t len = strlen(text);
    while (text[len - 1] == '0') len--;
    if (text[len - 1] == '.') len--;
    text[len] = '\0';
}

/* 1.23, 12.3, 123.4: two digits after the point below 10, one from there on. */
static void put_scaled(char *text, size_t room, double size, const char *scale) {
    snprintf(text, room, "%.*f", size < 9.995 ? 2 : 1, size);
    own_point(text);
    drop_zeros(text);
    size_t len = strlen(text);
    snprintf(text + len, room - len, "%s", scale);
}

const char *num_human(double value, char buffer[32]) {
    static const char *const scales[] = {" M", " G", " T", " P"};
    double size = fabs(value);
    if (!isfinite(value) || size == 0) return num_shortest(size == 0 ? 0 : value, buffer);
    char *to = buffer;
    if (value < 0) *to++ = '-';
    size_t room = 32 - (size_t)(to - buffer);
    if (size < 0.9995) {
        snprintf(to, room, "%.3g", size);
        own_point(to);
    } else if (size < 999.95) {
        put_scaled(to, room, size, "");
    } else if (size < 999999.5) {
        long whole = lround(size);
        snprintf(to, room, "%ld,%03ld", whole / 1000, whole % 1000);
    } else {
        size_t scale = 0;
        for (size /= 1e6; size >= 999.95 && scale < 3; scale++) size /= 1e3;
        if (size >= 999.95) {
            snprintf(to, room, "%.3g", fabs(value));
            own_point(to);
        } else {
            put_scaled(to, room, size, scales[scale]);
        }
    }
    return buffer;
}
