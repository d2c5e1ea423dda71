/* The trace format: every column read and written, number by number; what is refused and where. */
#include "io/trace.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/text.h"
#include "base/tick.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/headroom-trace-XXXXXX", other[64];
static struct jobs jobs;
static struct err err;

static void set_up(void) {
    close(mkstemp(path));
    snprintf(other, sizeof other, "%s.gz", path);
    jobs_init(&jobs, 0);
    err_init(&err);
}
static void tear_down(void) {
    unlink(path);
    unlink(other);
    jobs_free(&jobs);
    err_free(&err);
}
TestSuite(trace, .init = set_up, .fini = tear_down);

static bool read_text(const char *text) {
    FILE *file = fopen(path, "wb");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
    jobs_free(&jobs);
    err_free(&err);
    return trace_read(path, 0, &jobs, &err);
}
static void expect_good(const char *text) {
    cr_assert(read_text(text), "%s", err.found ? err.lines[0] : "");
}
/* All findings, without the file's name. */
static void expect_findings(const char *text, const char *findings) {
    cr_expect_not(read_text(text));
    struct text all;
    text_init(&all);
    for (size_t i = 0; i < err.kept; i++) text_format(&all, "%s\n", err.lines[i] + strlen(path));
    cr_expect_str_eq(all.at, findings);
    text_free(&all);
}
static const struct shape *shape_of(size_t j) { return &jobs.shapes.at[jobs.at[j].shape]; }

Test(trace, three_columns_are_enough) {
    expect_good("gpus,submit_s,duration_s\n4,10.5,3600\n0.25,2,0\n0,3,1e2\n8.0,4,0.000000001\n");
    cr_assert_eq(jobs.len, 4);
    cr_expect_eq(jobs.at[0].submit_ns, 2 * TICK_S);
    cr_expect_eq(jobs.at[0].run_ns, 0);
    cr_expect_eq(shape_of(0)->gpus, 0);
    cr_expect_eq(shape_of(0)->share_milli, 250);
    cr_expect_eq(shape_of(1)->gpus, 0);
    cr_expect_eq(shape_of(1)->share_milli, 0);
    cr_expect_eq(jobs.at[1].run_ns, 100 * TICK_S);
    cr_expect_eq(shape_of(2)->gpus, 8);
    cr_expect_eq(jobs.at[2].run_ns, 1);
    cr_expect_eq(jobs.at[3].submit_ns, 10500000000);
    cr_expect_eq(shape_of(3)->models, JOB_ANY_MODEL);
    cr_expect_null(jobs.id_at);
    cr_expect_not(jobs.has_estimates);
    cr_expect_eq(jobs.origin_unix_ns, JOB_UNKNOWN);
}

static const char every_column[] = "submit_s,duration_s,gpus,gpu_share,cpus,memory_mib,gpu_models,job_id,"
                                   "tenant,user,class,priority,deadline_s,"
                                   "estimate_s,utilisation,work\n"
                                   "0,60,2,,8.5,1024,V100|A100,6214e9,red,ann,prod,-3,100,90,0.75,1000\n"
                                   "1,61,1,0.5,0.001,0.5,A100,007,\"a, b\",bob,,2147483647,,,1,0.1\n"
                                   "2,62,0,,,,,,,,,,,,,\n";

Test(trace, every_column) {
    expect_good(every_column);
    cr_expect_eq(shape_of(0)->gpus, 2);
    cr_expect_eq(shape_of(0)->cpu_milli, 8500);
    cr_expect_eq(shape_of(0)->mem_mib, 1024);
    cr_expect_eq(shape_of(0)->models, 3);
    cr_expect_str_eq(jobs.models.at[0], "V100");
    cr_expect_str_eq(jobs_id(&jobs, 0), "6214e9");
    cr_expect_str_eq(jobs.tenants.at[jobs.at[0].tenant], "red");
    cr_expect_str_eq(jobs.users.at[jobs.user[0]], "ann");
    cr_expect_str_eq(jobs.classes.at[jobs.at[0].class_id], "prod");
    cr_expect_eq(jobs.priority[0], -3);
    cr_expect_eq(jobs.deadline_ns[0], 100 * TICK_S);
    cr_expect_eq(jobs.at[0].estimate_ns, 90 * TICK_S);
    cr_expect_float_eq(jobs.at[0].utilisation, 0.75, 0);
    cr_expect_float_eq(jobs.work[0], 1000, 0);
    cr_expect_eq(shape_of(1)->gpus, 0);
    cr_expect_eq(shape_of(1)->share_milli, 500);
    cr_expect_eq(shape_of(1)->cpu_milli, 1);
    cr_expect_eq(shape_of(1)->mem_mib, 1, "memory is rounded up");
    cr_expect_eq(shape_of(1)->models, 2);
    cr_expect_str_eq(jobs_id(&jobs, 1), "007", "ids are text");
    cr_expect_str_eq(jobs.tenants.at[jobs.at[1].tenant], "a, b");
    cr_expect_eq(jobs.priority[1], INT32_MAX);
    cr_expect_eq(jobs.at[1].estimate_ns, 61 * TICK_S, "no estimate: the duration");
    cr_expect_eq(jobs.at[2].tenant, 0);
    cr_expect_eq(jobs.user[2], JOB_NONE);
    cr_expect_eq(jobs.deadline_ns[2], JOB_UNKNOWN);
    cr_expect(isnan(jobs.work[2]));
    cr_expect_float_eq(jobs.at[2].utilisation, 1, 0);
    cr_expect_eq(shape_of(2)->models, JOB_ANY_MODEL);
}

Test(trace, dates_count_from_the_first) {
    expect_good("submit_utc,duration_s,gpus\n2017-10-01 00:01:00,1,1\n2017-10-01T00:00:30.5Z,2,1\n");
    cr_expect_eq(jobs.at[0].submit_ns, 0);
    cr_expect_eq(jobs.at[1].submit_ns, 29500000000);
    char date[40];
    cr_expect_str_eq(tick_format_date(jobs.origin_unix_ns, date), "2017-10-01T00:00:30.5Z");
}

Test(trace, share_column_works_on_either_side) {
    expect_good("gpu_share,submit_s,duration_s,gpus\n0.3,0,1,1\n0.3,1,1,0\n1,2,1,4\n0,3,1,2\n,4,1,3\n");
    cr_expect_eq(shape_of(0)->share_milli, 300);
    cr_expect_eq(shape_of(0)->gpus, 0);
    cr_expect_eq(jobs.at[0].shape, jobs.at[1].shape);
    cr_expect_eq(shape_of(2)->gpus, 4);
    cr_expect_eq(shape_of(3)->gpus, 2);
    cr_expect_eq(shape_of(4)->gpus, 3);
}

Test(trace, columns_asked_for_are_there) {
    expect_good("submit_s,duration_s,gpus\n0,1,1\n");
    cr_expect_null(jobs.priority);
    jobs_free(&jobs);
    cr_assert(trace_read(path, JOBS_PRIORITY | JOBS_WORK, &jobs, &err));
    cr_expect_eq(jobs.priority[0], 0);
    cr_expect(isnan(jobs.work[0]));
}

/* --- what is refused --- */

Test(trace, headers) {
    expect_findings("submit_s,duraton_s,gpus\n0,1,1\n",
                    ":1:10: unknown column 'duraton_s', did you mean 'duration_s'?\n");
    expect_findings("submit_s,gpus\n0,1\n", ":1: no column 'duration_s'\n");
    expect_findings("duration_s\n1\n", ":1: no column 'submit_s' (or 'submit_utc')\n:1: no column 'gpus'\n");
    expect_findings("submit_s,duration_s,gpus,gpus\n0,1,1,1\n",
                    ":1:26: column 'gpus' stands here a second time\n");
    expect_findings("submit_s,submit_utc,duration_s,gpus\n0,2020-01-01,1,1\n",
                    ":1:1: columns 'submit_s' and 'submit_utc' exclude each other\n");
    expect_findings("submit_s;duration_s;gpus\n0;1;1\n",
                    ":1:1: unknown column 'submit_s;duration_s;gpus'; columns are separated by commas\n");
    expect_findings("", ": empty, expected a header line with the names of the columns\n");
    expect_findings("submit_s,duration_s,gpus\n", ": no jobs behind the header line\n");
}

Test(trace, every_mistake_has_its_place) {
    expect_findings("submit_s,duration_s,gpus,cpus\n"
                    "-1,2,3,4\n"
                    "1,nan,1.5,4\n"
                    "1,,1,-4\n"
                    "\n"
                    "1,0x10,inf,4 \n"
                    "1,2,3\n"
                    "1e300,\"2\",9999999,1\n",
                    ":2:1: submit_s: '-1' is wrong, expected seconds from 0 to 2,000,000,000 (63 years), "
                    "such as 3600 or 12.5\n"
                    ":3:3: duration_s: 'nan' is wrong, expected seconds from 0 to 2,000,000,000 (63 years), "
                    "such as 3600 or 12.5\n"
                    ":3:7: gpus: '1.5' is wrong, expected a whole number of GPUs up to 1,000,000, or a share "
                    "of one from 0.001 to "
                    "0.999\n"
                    ":4:3: duration_s: empty, expected a value in every row\n"
                    ":4:6: cpus: '-4' is wrong, expected a number of CPU cores from 0 to 4,000,000\n"
                    ":6:3: duration_s: '0x10' is wrong, expected seconds from 0 to 2,000,000,000 (63 years), "
                    "such as 3600 or 12.5\n"
                    ":6:8: gpus: 'inf' is wrong, expected a whole number of GPUs up to 1,000,000, or a share "
                    "of one from 0.001 to "
                    "0.999\n"
                    ":7: 3 fields, expected 4 as in the header\n"
                    ":8:1: submit_s: '1e300' is wrong, expected seconds from 0 to 2,000,000,000 (63 years), "
                    "such as 3600 or 12.5\n"
                    ":8:11: gpus: '9999999' is wrong, expected a whole number of GPUs up to 1,000,000, or a "
                    "share of one from "
                    "0.001 to 0.999\n");
}

Test(trace, shares_that_contradict) {
    expect_findings(
        "submit_s,duration_s,gpus,gpu_share\n0,1,2,0.5\n0,1,0.5,0.5\n0,1,1,1.5\n0,1,0.0001,\n",
        ":2:7: gpu_share: '0.5' is wrong, expected none, because gpus is more than 1\n"
        ":3:9: gpu_share: '0.5' is wrong, expected none, because gpus is a share already\n"
        ":4:7: gpu_share: '1.5' is wrong, expected a share of one GPU from 0 to 1\n"
        ":5:5: gpus: '0.0001' is wrong, expected a whole number of GPUs up to 1,000,000, or a share of one "
        "from 0.001 to 0.999\n");
}

Test(trace, duplicate_ids) {
    expect_findings("submit_s,duration_s,gpus,job_id\n0,1,1,a\n\n0,1,1,b\n0,1,1,\n0,1,1,a\n0,1,1,\n",
                    ":6: job_id: 'a' stands on line 2 already, expected ids that differ\n");
}

Test(trace, other_columns) {
    expect_findings(
        "submit_utc,duration_s,gpus,gpu_models,priority,utilisation,work,memory_mib,deadline_s\n"
        "2020-01-01,1,1,A||B,1.5,1.1,-1,-2,-3\n"
        "yesterday,1,1,,,,,,\n"
        "1969-01-01,1,1,,,,,,\n",
        ":2:16: gpu_models: 'A||B' is wrong, expected names of GPU models with | between them\n"
        ":2:21: priority: '1.5' is wrong, expected a whole number (larger goes first)\n"
        ":2:25: utilisation: '1.1' is wrong, expected a share from 0 to 1\n"
        ":2:29: work: '-1' is wrong, expected units of work, 0 or more\n"
        ":2:32: memory_mib: '-2' is wrong, expected MiB of memory from 0 to 4,294,967,294\n"
        ":2:35: deadline_s: '-3' is wrong, expected seconds from 0 to 2,000,000,000 (63 years), such as "
        "3600 or 12.5\n"
        ":3:1: submit_utc: 'yesterday' is wrong, expected a date from 1970 to 2099, such as "
        "2017-10-01T07:01:55Z\n"
        ":4:1: submit_utc: '1969-01-01' is wrong, expected a date from 1970 to 2099, such as "
        "2017-10-01T07:01:55Z\n");
    expect_findings("submit_utc,duration_s,gpus\n1970-01-01,1,1\n2090-01-01,1,1\n",
                    ": submit_utc: the dates span more than 63 years\n");
}

Test(trace, findings_past_the_most_are_counted) {
    struct text text;
    text_init(&text);
    text_put(&text, "submit_s,duration_s,gpus\n");
    for (int i = 0; i < 1000; i++) text_put(&text, "x,1,1\n");
    cr_expect_not(read_text(text.at));
    cr_expect_eq(err.kept, ERR_KEPT_MOST);
    cr_expect_eq(err.found, 1000);
    cr_expect(strncmp(err.lines[199] + strlen(path), ":201:1: submit_s: ", 18) == 0);
    text_free(&text);
}

/* --- numbers, in the short way and the long --- */

/* A random decimal: digits with perhaps a point, sometimes a sign, an exponent or something odd. */
static size_t random_number(uint64_t random, char *text) {
    static const char *const odd[] = {"", "", "", "", "", "", "e2", "e-3", ".", "-", " 1", "x"};
    size_t whole = random % 12, fraction = random / 12 % 13, len = 0;
    if (random / 156 % 16 == 0) text[len++] = '+';
    for (size_t i = 0; i < whole; i++) text[len++] = (char)('0' + hash_mix(random + i) % 10);
    if (random / 2496 % 2) {
        text[len++] = '.';
        for (size_t i = 0; i < fraction; i++) text[len++] = (char)('0' + hash_mix(random - i) % 10);
    }
    const char *tail = odd[random / 4992 % 12];
    memcpy(text + len, tail, strlen(tail) + 1);
    return len + strlen(tail);
}

/* The reader's own way with short numbers must agree with base/num.h on every field. */
Test(trace, numbers_agree_with_base) {
    for (uint64_t i = 0; i < 3000; i++) {
        char number[48], text[128];
        size_t len = random_number(hash_mix(i), number);
        if (len == 0 || strchr(number, ' ')) continue;
        int64_t ns;
        bool good = num_seconds_ns(number, len, &ns) && ns >= 0 && ns <= INT64_C(2000000000) * TICK_S;
        snprintf(text, sizeof text, "submit_s,duration_s,gpus\n0,%s,1\n", number);
        cr_assert_eq(read_text(text), good, "%s", number);
        if (good) cr_assert_eq(jobs.at[0].run_ns, ns, "%s", number);
        double value;
        good = num_f64(number, len, &value) && value >= 0 && value <= 4e6;
        snprintf(text, sizeof text, "submit_s,duration_s,gpus,cpus\n0,1,1,%s\n", number);
        cr_assert_eq(read_text(text), good, "%s", number);
        if (good) cr_assert_eq(shape_of(0)->cpu_milli, (uint32_t)lround(value * 1000), "%s", number);
    }
}

Test(trace, names_of_any_length) {
    struct text text;
    text_init(&text);
    text_put(&text, "submit_s,duration_s,gpus,tenant\n");
    for (int i = 0; i < 3000; i++)
        text_format(&text, "%d,1,1,%.*s%d\n", i, i % 30, "abcdefghijklmnopqrstuvwxyz0123", i % 700);
    expect_good(text.at);
    for (int i = 0; i < 3000; i++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s%d", i % 30, "abcdefghijklmnopqrstuvwxyz0123", i % 700);
        cr_assert_str_eq(jobs.tenants.at[jobs.at[i].tenant], name);
    }
    text_free(&text);
}

/* --- writing --- */

static void expect_same_again(const char *to) {
    struct jobs again;
    cr_assert(trace_write(to, &jobs, &err));
    cr_assert(trace_read(to, 0, &again, &err), "%s", err.found ? err.lines[0] : "");
    cr_expect_eq(again.len, jobs.len);
    cr_expect_eq(jobs_hash(&again), jobs_hash(&jobs));
    cr_expect_eq(again.origin_unix_ns, jobs.origin_unix_ns);
    jobs_free(&again);
}

Test(trace, what_is_written_reads_the_same) {
    expect_good(every_column);
    expect_same_again(path);
    expect_same_again(other);
    expect_good("submit_utc,duration_s,gpus,deadline_s,utilisation\n"
                "2017-10-01 00:01:00.000000001,1.25,0.125,5,0.1\n2017-10-01,2,1,,0.3333333\n");
    expect_same_again(path);
}

Test(trace, written_text) {
    expect_good("gpus,duration_s,submit_s,tenant,utilisation,user,priority\n"
                "0.46,1.50,20,\"a \"\"b\"\"\",0.1,,0\n1,2,3,,1,,0\n");
    cr_assert(trace_write(path, &jobs, &err));
    char text[256] = {0};
    FILE *file = fopen(path, "rb");
    cr_assert(file && fread(text, 1, sizeof text - 1, file) > 0 && fclose(file) == 0);
    cr_expect_str_eq(text, "submit_s,duration_s,gpus,tenant,utilisation\n"
                           "3,2,1,default,1\n"
                           "20,1.5,0.46,\"a \"\"b\"\"\",0.1\n");
}

Test(trace, a_folder_that_is_not_there) {
    expect_good("submit_s,duration_s,gpus\n0,1,1\n");
    cr_expect_not(trace_write("/nowhere/x.csv", &jobs, &err));
    cr_expect_str_eq(err.lines[0], "/nowhere/x.csv: cannot be written: No such file or directory");
}
