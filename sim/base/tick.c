/*
 * Time at the edges: dates and durations (see tick.h).
 *
 * Days and dates convert by Hinnant's algorithms (chrono-Compatible Low-Level Date Algorithms, 2013): years
 * start in March so that the leap day comes last, and 400-year eras make the arithmetic exact before 1970.
 * Everything but tick_from_seconds is integer arithmetic. Cost: O(1), or O(length) where text is read.
 */
#include "base/tick.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"

enum { DAYS_AN_ERA = 146097, DAYS_TO_1970 = 719468 }; /* the second from 0000-03-01 */

int64_t tick_from_seconds(double seconds) {
    require(!isnan(seconds));
    double whole = trunc(seconds);
    if (whole >= (double)(TICK_NEVER / TICK_S)) return TICK_NEVER;
    if (whole <= -(double)(TICK_NEVER / TICK_S)) return -TICK_NEVER;
    /* Whole seconds and the rest apart: the product of the two together would lose digits past 2^53 ns. */
    return (int64_t)whole * TICK_S + llround((seconds - whole) * 1e9);
}

int64_t tick_days_from_civil(int year, int month, int day) {
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_AN_ERA + day_of_era - DAYS_TO_1970;
}

static void civil_from_days(int64_t days, int *year, int *month, int *day) {
    days += DAYS_TO_1970;
    int64_t era = (days >= 0 ? days : days - (DAYS_AN_ERA - 1)) / DAYS_AN_ERA;
    int64_t of_era = days - era * DAYS_AN_ERA;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t from_march = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * from_march + 2) / 5 + 1);
    *month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static int64_t day_of(int64_t unix_ns) { return unix_ns / TICK_DAY - (unix_ns % TICK_DAY < 0); }

int64_t tick_month_start(int64_t unix_ns, int months) {
    int year, month, day;
    civil_from_days(day_of(unix_ns), &year, &month, &day);
    const int count = year * 12 + month - 1 + months; /* since year 0; 64 bits of ns begin in 1677 */
    return tick_days_from_civil(count / 12, count % 12 + 1, 1) * TICK_DAY;
}

static int days_in(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

struct reader {
    const char *at, *end;
};

static bool take(struct reader *r, char wanted) {
    if (r->at == r->end || *r->at != wanted) return false;
    r->at++;
    return true;
}

/* Exactly `width` digits whose value is least..most. */
static bool take_number(struct reader *r, int width, int least, int most, int *out) {
    int value = 0;
    for (int i = 0; i < width; i++, r->at++) {
        if (r->at == r->end || *r->at < '0' || *r->at > '9') return false;
        value = value * 10 + (*r->at - '0');
    }
    *out = value;
    return value >= least && value <= most;
}

/* ".25": digits past the ninth are rounded half up. */
static bool take_fraction(struct reader *r, int64_t *ns) {
    const char *first = r->at;
    int64_t worth = TICK_S / 10;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        int digit = *r->at - '0';
        *ns += digit * worth;
        if (r->at - first == 9) *ns += digit >= 5;
        worth /= 10;
    }
    return r->at > first;
}

/* "07:01", "07:01:55", "07:01:55.25" */
static bool take_clock(struct reader *r, int64_t *seconds, int64_t *ns) {
    int hour, minute, second = 0;
    if (!take_number(r, 2, 0, 23, &hour) || !take(r, ':') || !take_number(r, 2, 0, 59, &minute)) return false;
    if (take(r, ':')) {
        if (!take_number(r, 2, 0, 59, &second)) return false;
        if (take(r, '.') && !take_fraction(r, ns)) return false;
    }
    *seconds += hour * 3600 + minute * 60 + second;
    return true;
}

/* "", "Z", "+02", "+0200", "+02:00" */
static bool take_offset(struct reader *r, int64_t *seconds) {
    if (r->at == r->end || take(r, 'Z')) return true;
    int hour, minute = 0;
    bool east = *r->at == '+';
    if (!take(r, '+') && !take(r, '-')) return false;
    if (!take_number(r, 2, 0, 23, &hour)) return false;
    bool colon = take(r, ':');
    if ((colon || r->at < r->end) && !take_number(r, 2, 0, 59, &minute)) return false;
    *seconds += (east ? -1 : 1) * (hour * 3600 + minute * 60);
    return true;
}

bool tick_parse_date(const char *text, size_t len, int64_t *unix_ns) {
    struct reader r = {text, text + len};
    int year, month, day;
    if (!take_number(&r, 4, 0, 9999, &year) || !take(&r, '-')) return false;
    if (!take_number(&r, 2, 1, 12, &month) || !take(&r, '-')) return false;
    if (!take_number(&r, 2, 1, days_in(year, month), &day)) return false;
    int64_t seconds = tick_days_from_civil(year, month, day) * 86400, ns = 0;
    if (take(&r, 'T') || take(&r, ' ')) {
        if (!take_clock(&r, &seconds, &ns) || !take_offset(&r, &seconds)) return false;
    }
    if (r.at != r.end) return false;
    /* 64 bits of nanoseconds reach from 1677 to 2262. */
    if (__builtin_mul_overflow(seconds, TICK_S, &seconds)) return false;
    return !__builtin_add_overflow(seconds, ns, unix_ns);
}

const char *tick_format_date(int64_t unix_ns, char buffer[40]) {
    int64_t ns = unix_ns % TICK_S, seconds = unix_ns / TICK_S;
    if (ns < 0) ns += TICK_S, seconds--;
    int64_t of_day = seconds % 86400, days = seconds / 86400;
    if (of_day < 0) of_day += 86400, days--;
    int year, month, day;
    civil_from_days(days, &year, &month, &day);
    int clock = (int)of_day;
    int len = snprintf(buffer, 40, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day, clock / 3600,
                       clock / 60 % 60, clock % 60);
    if (ns) {
        len += snprintf(buffer + len, 40 - (size_t)len, ".%09d", (int)ns);
        while (buffer[len - 1] == '0') len--;
    }
    snprintf(buffer + len, 40 - (size_t)len, "Z");
    return buffer;
}

const char *tick_human(int64_t ns, char buffer[32]) {
    static const struct {
        int64_t size;
        int most; /* so many make one of the next unit */
        const char *name;
    } units[] = {{1, 1000, "ns"},   {1000, 1000, "us"},     {1000000, 1000, "ms"},
                 {TICK_S, 60, "s"}, {TICK_MINUTE, 60, "min"}, {TICK_HOUR, 24, "h"}};
    if (ns == 0 || ns >= TICK_NEVER || ns <= -TICK_NEVER) {
        snprintf(buffer, 32, "%s", ns == 0 ? "0 s" : ns > 0 ? "never" : "-never");
        return buffer;
    }
    const char *sign = ns < 0 ? "-" : "";
    if (ns < 0) ns = -ns;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t size = units[i].size;
        if (ns / size >= units[i].most) continue;
        int tenths = (int)(ns / size * 10 + (ns % size * 10 + size / 2) / size);
        if (tenths >= units[i].most * 10) continue; /* 59.96 s is a minute */
        int len = snprintf(buffer, 32, "%s%d", sign, tenths / 10);
        if (tenths % 10) len += snprintf(buffer + len, 32 - (size_t)len, ".%d", tenths % 10);
        snprintf(buffer + len, 32 - (size_t)len, " %s", units[i].name);
        return buffer;
    }
    int64_t hours = (ns + TICK_HOUR / 2) / TICK_HOUR;
    snprintf(buffer, 32, "%s%lld d %02d h", sign, (long long)(hours / 24), (int)(hours % 24));
    return buffer;
}
