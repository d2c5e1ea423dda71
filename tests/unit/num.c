/* Numbers: correctly rounded against strtod, the forms that are not numbers, exact nanoseconds. */
#include "base/num.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static uint64_t seed;
static uint64_t draw(uint64_t below) { return hash_mix(++seed) % below; }

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* num_f64 must give strtod's very bits, or refuse where strtod overflows. */
static void agrees(const char *text) {
    double got = 12345, wanted = strtod(text, NULL);
    bool read = num_f64(text, strlen(text), &got);
    cr_assert_eq(read, !isinf(wanted), "%s", text);
    if (read) cr_assert_eq(bits_of(got), bits_of(wanted), "%s: %.17g, not %.17g", text, got, wanted);
}

static void random_digits(char *to, size_t *len, size_t count) {
    for (size_t i = 0; i < count; i++) to[(*len)++] = (char)('0' + draw(draw(3) ? 10 : 1));
}

Test(num, random_texts_agree_with_strtod) {
    char text[200];
    for (int i = 0; i < 300000; i++) {
        size_t len = 0, whole = draw(draw(8) ? 10 : 30), fraction = draw(draw(8) ? 10 : 30);
        if (draw(3) == 0) text[len++] = "+-"[draw(2)];
        if (!whole && !fraction) whole = 1;
        random_digits(text, &len, whole);
        if (fraction || draw(2)) text[len++] = '.';
        random_digits(text, &len, fraction);
        text[len] = '\0';
        if (draw(2)) {
            int exponent = draw(4) ? (int)draw(60) - 30 : (int)draw(800) - 400;
            snprintf(text + len, 20, "%c%d", "eE"[draw(2)], exponent);
        }
        agrees(text);
    }
}

Test(num, random_doubles_come_back) {
    char text[64], buffer[32];
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = hash_mix(++seed);
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        snprintf(text, sizeof text, "%.*g", (int)draw(20) + 1, value);
        agrees(text);
        num_shortest(value, buffer);
        cr_assert(num_f64(buffer, strlen(buffer), &back));
        cr_assert_eq(bits_of(back), bits_of(value), "%s", buffer);
    }
}

Test(num, hard_texts_agree_with_strtod) {
    static const char *const texts[] = {
        /* the edge of exact digits and powers */
        "9007199254740992", "9007199254740993", "9007199254740993e0", "9007199254740992e22", "1e22", "1e23",
        "9007199254740991e-22", "1e-22", "1e-23", "123456789012345678", "18446744073709551615",
        "18446744073709551616", "9999999999999999999", "10000000000000000000",
        /* more than 19 digits, most of them zeros or not */
        "0.00000000000000000000000000000000001", "000000000000000000000000000000123.5",
        "0000000000000000000001e-5", "1090544144181609348671888949248",
        /* halfway between two doubles, and just past it */
        "9007199254740993.00000000000000000000000001", "6929495644600919.5", "3.7455744005952583e15",
        /* subnormal, least, greatest */
        "2.2250738585072011e-308", "2.2250738585072014e-308", "4.9406564584124654e-324",
        "2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623157e308",
        "1.7976931348623158e308", "1.7976931348623159e308", "1e308", "1e309", "1e-400",
        "1e99999999999999999999999", "1e-99999999999999999999999",
        /* zeros and plain forms */
        "0e999999999999999999999", "0.0e-99999999999999999999", "-0", "-0.0e5", "5.", ".5", "+.5e1", "8.5",
        "0.1", "0.30000000000000004"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) agrees(texts[i]);
    char longest[3000];
    memset(longest, '3', sizeof longest);
    memcpy(longest + sizeof longest - 7, "e-2900", 7);
    agrees(longest);
    longest[1] = '.';
    agrees(longest);
}

Test(num, what_is_no_number) {
    static const char *const texts[] = {
        "",     " ",     "1 ",   " 1",   "+",    "-",     ".",    "+.",    "e5",   ".e5",   "1e",   "1e+",
        "1e-",  "1e5.0", "1.2.3", "--1", "+-1",  "- 1",   "0x10", "0x1p3", "0o17", "0b101", "1_000", "1,000",
        "nan",  "NaN",   "inf",  "-inf", "Infinity", "1f", "1.0d0", "1e5e5", "12a", "a12",  "\t1",  "1\n",
        "\xd9\xa1", "1e 5", "1. 5", "~", "null", "true", "1:30", "50%", "$5"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double f = 7;
        int64_t n = 7, ns = 7;
        uint64_t u = 7;
        size_t len = strlen(texts[i]);
        cr_assert_not(num_f64(texts[i], len, &f), "'%s'", texts[i]);
        cr_assert_not(num_i64(texts[i], len, &n), "'%s'", texts[i]);
        cr_assert_not(num_u64(texts[i], len, &u), "'%s'", texts[i]);
        cr_assert_not(num_seconds_ns(texts[i], len, &ns), "'%s'", texts[i]);
        cr_assert(f == 7 && n == 7 && u == 7 && ns == 7, "'%s' touched the result", texts[i]);
    }
}

Test(num, a_nul_byte_is_no_number) {
    double f;
    cr_assert_not(num_f64("1\0", 2, &f));
    cr_assert_not(num_f64("1\0002", 3, &f));
}

/* The span is not terminated: nothing past it may be read (exact heap blocks, so a sanitizer sees it). */
Test(num, stays_inside_the_span) {
    static const struct {
        const char *text;
        bool real, whole, time;
    } cases[] = {{"1", true, true, true},    {"1.", true, false, true},  {"1.5", true, false, true},
                 {"1e5", true, false, true}, {"1e", false, false, false}, {"-", false, false, false},
                 {".", false, false, false}, {"1e-", false, false, false},
                 {"12345678901234567890.5", true, false, false}}; /* seconds: out of range */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].text);
        char *span = malloc(len);
        memcpy(span, cases[i].text, len);
        double f;
        int64_t n;
        uint64_t u;
        cr_assert_eq(num_f64(span, len, &f), cases[i].real, "'%s'", cases[i].text);
        cr_assert_eq(num_seconds_ns(span, len, &n), cases[i].time, "'%s'", cases[i].text);
        cr_assert_eq(num_i64(span, len, &n), cases[i].whole);
        cr_assert_eq(num_u64(span, len, &u), cases[i].whole);
        free(span);
    }
    double f;
    cr_assert(num_f64("12345", 3, &f));
    cr_assert_eq(f, 123.0);
}

static bool i64_is(const char *text, int64_t wanted) {
    int64_t got;
    return num_i64(text, strlen(text), &got) && got == wanted;
}
static bool u64_is(const char *text, uint64_t wanted) {
    uint64_t got;
    return num_u64(text, strlen(text), &got) && got == wanted;
}

Test(num, whole_numbers_to_their_limits) {
    cr_assert(i64_is("9223372036854775807", INT64_MAX));
    cr_assert(i64_is("-9223372036854775808", INT64_MIN));
    cr_assert(i64_is("+12", 12));
    cr_assert(i64_is("-0", 0));
    cr_assert(i64_is("0010", 10)); /* never octal */
    cr_assert(u64_is("18446744073709551615", UINT64_MAX));
    cr_assert(u64_is("0000000000000000000000000000000018446744073709551615", UINT64_MAX));
    int64_t n;
    uint64_t u;
    static const char *const not_i64[] = {"9223372036854775808", "-9223372036854775809", "1.0", "1e3",
                                          "99999999999999999999"};
    static const char *const not_u64[] = {"18446744073709551616", "-1", "-0", "1.0", "184467440737095516150"};
    for (size_t i = 0; i < 5; i++) {
        cr_assert_not(num_i64(not_i64[i], strlen(not_i64[i]), &n), "%s", not_i64[i]);
        cr_assert_not(num_u64(not_u64[i], strlen(not_u64[i]), &u), "%s", not_u64[i]);
    }
}

static void seconds_are(const char *text, int64_t wanted) {
    int64_t got = -1;
    cr_assert(num_seconds_ns(text, strlen(text), &got), "%s", text);
    cr_assert_eq(got, wanted, "%s: %lld, not %lld", text, (long long)got, (long long)wanted);
}

Test(num, seconds_are_exact_nanoseconds) {
    seconds_are("66.0", INT64_C(66000000000));
    seconds_are("0", 0);
    seconds_are("-0.0", 0);
    seconds_are("0.1", 100000000);
    seconds_are("1e-9", 1);
    seconds_are("0.0000000004", 0);
    seconds_are("0.0000000005", 1);
    seconds_are("0.00000000049999999999999999999999999", 0);
    seconds_are("-0.0000000005", -1);
    seconds_are("0.9999999995", 1000000000);
    seconds_are("12.5e3", INT64_C(12500000000000));
    seconds_are("1500e-3", 1500000000);
    seconds_are("1506841260.123456789", INT64_C(1506841260123456789)); /* a double would lose digits */
    seconds_are("9223372036.854775807", INT64_MAX);
    seconds_are("-9223372036.854775807", -INT64_MAX);
    seconds_are("9223372036.8547758074", INT64_MAX);
    seconds_are("0000000000000000000000000001.5", 1500000000);
    seconds_are("1234567890123456789012345e-24", 1234567890);
    seconds_are("0e999999999999999999999999", 0);
    seconds_are("5e-999999999999999999999999", 0);
    seconds_are("5.", 5000000000);
    seconds_are(".25", 250000000);
    static const char *const far[] = {"9223372036.8547758075", "9223372036.854775808", "9223372037", "1e10",
                                      "-1e10", "1e99999999999999999999", "99999999999999999999999999"};
    int64_t ns;
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        cr_assert_not(num_seconds_ns(far[i], strlen(far[i]), &ns), "%s", far[i]);
    }
}

Test(num, random_nanoseconds_come_back) {
    char text[64];
    for (int i = 0; i < 100000; i++) {
        int64_t ns = (int64_t)(hash_mix(++seed) >> (1 + draw(60)));
        lldiv_t parts = lldiv(ns, 1000000000);
        snprintf(text, sizeof text, "%lld.%09lld", parts.quot, parts.rem);
        seconds_are(text, ns);
        snprintf(text, sizeof text, "-%llde-9", (long long)ns);
        seconds_are(text, -ns);
    }
}

static void splits(const char *text, double value, const char *unit) {
    double got;
    const char *rest;
    cr_assert(num_with_unit(text, &got, &rest), "%s", text);
    cr_assert_eq(got, value, "%s", text);
    cr_assert_str_eq(rest, unit, "%s", text);
}

Test(num, numbers_with_units) {
    splits("75 W", 75, "W");
    splits("75W", 75, "W");
    splits("0.12 USD/kWh", 0.12, "USD/kWh");
    splits("1e3 s", 1000, "s");
    splits("5 eV", 5, "eV");
    splits("5eV", 5, "eV"); /* an e without digits belongs to the unit */
    splits("5e+V", 5, "e+V");
    splits("30", 30, "");
    splits("-4.5 C", -4.5, "C");
    splits("1_000 W", 1, "_000 W"); /* the unit check will refuse it */
    splits("0x10", 0, "x10");
    double f;
    const char *unit;
    cr_assert_not(num_with_unit("W 75", &f, &unit));
    cr_assert_not(num_with_unit("", &f, &unit));
    cr_assert_not(num_with_unit("inf W", &f, &unit));
    cr_assert_not(num_with_unit("1e999 W", &f, &unit));
    cr_assert_not(num_with_unit(" 75 W", &f, &unit));
}

static void shortest_is(double value, const char *wanted) {
    char buffer[32];
    cr_assert_str_eq(num_shortest(value, buffer), wanted);
}

Test(num, shortest) {
    shortest_is(0.1, "0.1");
    shortest_is(1e22, "1e+22");
    shortest_is(0, "0");
    shortest_is(-0.0, "-0");
    shortest_is(100, "100");
    shortest_is(1.0 / 3, "0.3333333333333333");
    shortest_is(0.1 + 0.2, "0.30000000000000004");
    shortest_is(5e-324, "5e-324");
    shortest_is(1.7976931348623157e308, "1.7976931348623157e+308");
    shortest_is(9007199254740993.0, "9007199254740992");
    shortest_is(INFINITY, "inf");
    shortest_is(-INFINITY, "-inf");
    shortest_is(NAN, "nan");
}

static void human_is(double value, const char *wanted) {
    char buffer[32];
    cr_assert_str_eq(num_human(value, buffer), wanted, "%.17g: '%s', not '%s'", value, buffer, wanted);
}

Test(num, human) {
    human_is(0, "0");
    human_is(-0.0, "0");
    human_is(0.01234, "0.0123");
    human_is(1e-7, "1e-07");
    human_is(0.9996, "1");
    human_is(1.234, "1.23");
    human_is(1.5, "1.5");
    human_is(5, "5");
    human_is(12.34, "12.3");
    human_is(9.999, "10");
    human_is(123.44, "123.4");
    human_is(999.94, "999.9");
    human_is(999.96, "1,000");
    human_is(1005, "1,005");
    human_is(12345.4, "12,345");
    human_is(999999.4, "999,999");
    human_is(999999.6, "1 M");
    human_is(1234000, "1.23 M");
    human_is(999.96e6, "1 G");
    human_is(4.56e9, "4.56 G");
    human_is(7.891e12, "7.89 T");
    human_is(123.4e15, "123.4 P");
    human_is(1.5e18, "1.5e+18");
    human_is(-12345, "-12,345");
    human_is(-0.5, "-0.5");
    human_is(NAN, "nan");
    human_is(-INFINITY, "-inf");
}
