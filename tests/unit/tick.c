/* Dates there and back over the whole range, the texts that are no dates, and durations for people. */
#include "base/tick.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "base/hash.h"

Test(tick, seconds_round_to_the_nearest_and_saturate) {
    cr_assert_eq(tick_from_seconds(66.0), 66 * TICK_S);
    cr_assert_eq(tick_from_seconds(0.1), 100000000);
    cr_assert_eq(tick_from_seconds(-2.5e-9), -3); /* away from zero, as C rounds */
    cr_assert_eq(tick_from_seconds(1.4e-9), 1);
    cr_assert_eq(tick_from_seconds(4e9 + 0.5), INT64_C(4000000000500000000));
    cr_assert_eq(tick_from_seconds(1e30), TICK_NEVER);
    cr_assert_eq(tick_from_seconds(INFINITY), TICK_NEVER);
    cr_assert_eq(tick_from_seconds(-1e10), -TICK_NEVER);
    cr_assert_eq(tick_seconds(1500000000), 1.5);
    cr_assert_eq(tick_hours(TICK_DAY), 24.0);
}

Test(tick, no_time_from_nan, .signal = SIGABRT, .init = cr_redirect_stderr) { tick_from_seconds(NAN); }

/* Walking every day from 1600 to 2400 by the calendar's own rule. */
Test(tick, every_day_follows_the_one_before) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t wanted = tick_days_from_civil(1600, 1, 1);
    for (int year = 1600; year < 2400; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (int month = 1; month <= 12; month++) {
            int most = days[month - 1] + (month == 2 && leap);
            for (int day = 1; day <= most; day++, wanted++) {
                cr_assert_eq(tick_days_from_civil(year, month, day), wanted);
            }
        }
    }
    cr_assert_eq(tick_days_from_civil(1970, 1, 1), 0);
    cr_assert_eq(tick_days_from_civil(2017, 10, 1), 17440);
    cr_assert_eq(tick_days_from_civil(0, 3, 1), -719468);
    cr_assert_eq(tick_days_from_civil(0, 1, 1), -719468 - 60);    /* year 0 is a leap year */
    cr_assert_eq(tick_days_from_civil(-1, 3, 1), -719468 - 366);
    cr_assert_eq(tick_days_from_civil(-400, 3, 1), -719468 - 146097);
}

static void date_is(const char *text, int64_t wanted) {
    int64_t got = -1;
    cr_assert(tick_parse_date(text, strlen(text), &got), "%s", text);
    cr_assert_eq(got, wanted, "%s: %lld, not %lld", text, (long long)got, (long long)wanted);
}

Test(tick, dates_are_read) {
    int64_t day = INT64_C(1506816000) * TICK_S; /* date -u -d 2017-10-01 +%s */
    date_is("2017-10-01", day);
    date_is("2017-10-01 07:01", day + 7 * TICK_HOUR + TICK_MINUTE);
    date_is("2017-10-01T07:01:55", day + 7 * TICK_HOUR + TICK_MINUTE + 55 * TICK_S);
    date_is("2017-10-01T07:01:55.25Z", day + 7 * TICK_HOUR + TICK_MINUTE + 55 * TICK_S + TICK_S / 4);
    date_is("2017-10-01T02:00:00+02:00", day);
    date_is("2017-10-01T02:00+02", day);
    date_is("2017-09-30 18:30:00-0530", day);
    date_is("2017-10-01 00:00:00.123456789", day + 123456789);
    date_is("2017-10-01 00:00:00.1234567894", day + 123456789);
    date_is("2017-10-01 00:00:00.12345678959", day + 123456790);
    date_is("1969-12-31T23:59:59.999999999Z", -1);
    date_is("2020-02-29", INT64_C(1582934400) * TICK_S);
    date_is("2262-04-11T23:47:16.854775807Z", INT64_MAX);
}

Test(tick, what_is_no_date) {
    static const char *const texts[] = {
        /* not the whole of one */
        "", "2017", "2017-10", "2017-1-1", "2017-10-1", "17-10-01", "2017-10-01T", "2017-10-01 7:01",
        "2017-10-01 07", "2017-10-01 07:01:", "2017-10-01 07:01:55.", "2017-10-01 07:01+",
        "2017-10-01 07:01+2", "2017-10-01 07:01+02:",
        /* something else, or more */
        "2017/10/01", "2017-10-01 ", " 2017-10-01", "2017-10-01x", "+2017-10-01", "2017-10-01Z",
        "2017-10-01 07:01ZZ", "2017-10-01 07:01 Z", "2017-10-01 07:01:55,5", "1506816000",
        /* no such day or time */
        "2017-13-01", "2017-00-01", "2017-10-00", "2017-10-32", "2017-02-29", "1900-02-29",
        "2017-10-01 24:00", "2017-10-01 07:60", "2017-10-01 07:01:60", "2017-10-01 07:01+02:60",
        "2017-10-01 07:01+24",
        /* outside 64 bits of nanoseconds */
        "9999-01-01", "1000-01-01", "2262-04-11T23:47:16.854775808Z"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t ns;
        cr_assert_not(tick_parse_date(texts[i], strlen(texts[i]), &ns), "'%s'", texts[i]);
    }
}

Test(tick, dates_are_written) {
    char buffer[40];
    cr_assert_str_eq(tick_format_date(0, buffer), "1970-01-01T00:00:00Z");
    cr_assert_str_eq(tick_format_date(INT64_C(1506841315) * TICK_S, buffer), "2017-10-01T07:01:55Z");
    cr_assert_str_eq(tick_format_date(TICK_S / 4, buffer), "1970-01-01T00:00:00.25Z");
    cr_assert_str_eq(tick_format_date(-1, buffer), "1969-12-31T23:59:59.999999999Z");
    cr_assert_str_eq(tick_format_date(INT64_MAX, buffer), "2262-04-11T23:47:16.854775807Z");
    cr_assert_str_eq(tick_format_date(INT64_MIN, buffer), "1677-09-21T00:12:43.145224192Z");
}

Test(tick, random_dates_come_back) {
    char buffer[40];
    for (uint64_t i = 0; i < 100000; i++) {
        int64_t ns = (int64_t)hash_mix(i) / (i % 3 == 0 ? 1 : 1 << 20), back;
        if (i % 2) ns -= ns % TICK_S;
        tick_format_date(ns, buffer);
        cr_assert(tick_parse_date(buffer, strlen(buffer), &back), "%s", buffer);
        cr_assert_eq(back, ns, "%s", buffer);
    }
}

static void human_is(int64_t ns, const char *wanted) {
    char buffer[32];
    cr_assert_str_eq(tick_human(ns, buffer), wanted, "%lld: '%s', not '%s'", (long long)ns, buffer, wanted);
}

Test(tick, durations_for_people) {
    human_is(0, "0 s");
    human_is(17, "17 ns");
    human_is(1500, "1.5 us");
    human_is(250 * 1000000, "250 ms");
    human_is(43 * TICK_S, "43 s");
    human_is(43 * TICK_S + TICK_S / 2, "43.5 s");
    human_is(60 * TICK_S - 1, "1 min");
    human_is(750 * TICK_S, "12.5 min");
    human_is(TICK_HOUR - 1, "1 h");
    human_is(3 * TICK_HOUR + 12 * TICK_MINUTE, "3.2 h");
    human_is(TICK_DAY - 1, "1 d 00 h");
    human_is(4 * TICK_DAY + 3 * TICK_HOUR, "4 d 03 h");
    human_is(4 * TICK_DAY - 1, "4 d 00 h");
    human_is(-90 * TICK_S, "-1.5 min");
    human_is(365 * TICK_DAY, "365 d 00 h");
    human_is(TICK_NEVER, "never");
    human_is(INT64_MIN, "-never");
}

static int64_t day_ns(int year, int month, int day) { return tick_days_from_civil(year, month, day) * TICK_DAY; }

Test(tick, months_begin_on_their_first_day) {
    const int64_t noon = day_ns(2024, 2, 29) + 12 * TICK_HOUR;
    cr_assert_eq(tick_month_start(noon, 0), day_ns(2024, 2, 1));
    cr_assert_eq(tick_month_start(noon, 1), day_ns(2024, 3, 1));
    cr_assert_eq(tick_month_start(noon, 11), day_ns(2025, 1, 1));
    cr_assert_eq(tick_month_start(noon, -2), day_ns(2023, 12, 1));
    cr_assert_eq(tick_month_start(day_ns(2024, 3, 1), 0), day_ns(2024, 3, 1));
    cr_assert_eq(tick_month_start(day_ns(2024, 3, 1) - 1, 0), day_ns(2024, 2, 1));
    cr_assert_eq(tick_month_start(-1, 0), day_ns(1969, 12, 1)); /* before the epoch too */
    cr_assert_eq(tick_month_start(-1, 1), 0);
    cr_assert_eq(tick_month_start(day_ns(1969, 12, 1), -12), day_ns(1968, 12, 1));
}
