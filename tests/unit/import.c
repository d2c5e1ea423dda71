/* The importers on small files written here, and the steps they share. */
#include "io/import.h"

#include "base/mem.h"
#include "base/tick.h"
#include "models/registry.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/headroom-import-XXXXXX", second[64];
static struct arena arena;
static struct jobs jobs;
static struct import_report report;
static struct err err;
static struct import_call call;

static void set_up(void) {
    close(mkstemp(path));
    snprintf(second, sizeof second, "%s.2", path);
    arena_init(&arena);
    err_init(&err);
    jobs_init(&jobs, 0);
    call = (struct import_call){.from_unix_ns = INT64_MIN, .to_unix_ns = INT64_MAX};
}
static void tear_down(void) {
    unlink(path);
    unlink(second);
    arena_free(&arena);
    err_free(&err);
    jobs_free(&jobs);
    import_report_free(&report);
}
TestSuite(import, .init = set_up, .fini = tear_down);

static void write_text(const char *to, const char *text) {
    FILE *file = fopen(to, "wb");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* The format's parameters at their fallbacks, to be changed before import. */
static void *params_of(const char *format) {
    struct chosen chosen = testing_model(&arena, KIND_IMPORT, format);
    call.params = chosen.params;
    return chosen.params;
}
static bool import_file(const char *format, const char *file) {
    const char *files[] = {file};
    call.files = files;
    call.files_len = 1;
    if (!call.params) params_of(format);
    jobs_free(&jobs);
    import_report_free(&report);
    return import_read((const struct import_format *)registry_find(models_registry(), KIND_IMPORT, format),
                       &call, &jobs, &report, &err);
}
static void expect_import(const char *format, const char *text) {
    write_text(path, text);
    cr_assert(import_file(format, path), "%s", err.found ? err.lines[0] : "");
}
static void expect_findings(const char *format, const char *text, const char *findings) {
    write_text(path, text);
    cr_expect_not(import_file(format, path));
    struct text all;
    text_init(&all);
    for (size_t i = 0; i < err.kept; i++) text_format(&all, "%s\n", err.lines[i] + strlen(path));
    cr_expect_str_eq(all.at ? all.at : "", findings);
    text_free(&all);
    err_free(&err);
}
static uint64_t dropped(const char *reason) {
    for (size_t i = 0; i < report.drops.len; i++)
        if (strcmp(report.drops.at[i].reason, reason) == 0) return report.drops.at[i].count;
    return 0;
}
static const struct shape *shape_of(size_t j) { return &jobs.shapes.at[jobs.at[j].shape]; }
static int64_t date(const char *text) {
    int64_t ns;
    cr_assert(tick_parse_date(text, strlen(text), &ns));
    return ns;
}

/* Where the parameter of that key is kept, as the format's table says. */
static void *param_of(const char *format, const char *key) {
    const struct model *model = registry_find(models_registry(), KIND_IMPORT, format);
    char *params = call.params ? (char *)call.params : params_of(format);
    for (size_t i = 0; i < model->params_count; i++)
        if (strcmp(model->params[i].key, key) == 0) return params + model->params[i].offset;
    cr_assert_fail("no parameter %s", key);
    return NULL;
}
static void set_text(const char *format, const char *key, const char *value) {
    *(const char **)param_of(format, key) = value;
}
static void set_choice(const char *format, const char *key, int value) {
    *(int *)param_of(format, key) = value;
}

/* --- philly --- */

static const char philly[] = "timestamp,duration,num_gpus,gpu_time,cluster\n"
                             "2017-10-02 00:00:10,66.9,1,66.0,11cb48\n"
                             "2017-10-01 23:59:50,0.5,8,4,6214e9\n"
                             "2017-10-02 00:00:10,5,2,10,6214e9\n"
                             "2017-10-03 00:00:00,5,2,10,none\n"
                             "2017-10-03 00:00:01,5,0,10,6214e9\n\n";

Test(import, philly_sorts_and_cuts) {
    expect_import("philly", philly);
    cr_assert_eq(jobs.len, 4);
    cr_expect_eq(jobs.origin_unix_ns, date("2017-10-01 23:59:50"));
    cr_expect_eq(jobs.at[0].submit_ns, 0);
    cr_expect_eq(jobs.at[0].run_ns, 0);
    cr_expect_eq(shape_of(0)->gpus, 8);
    cr_expect_str_eq(jobs.tenants.at[jobs.at[0].tenant], "6214e9", "a name, not a number");
    cr_expect_eq(jobs.at[1].submit_ns, 20 * TICK_S);
    cr_expect_eq(jobs.at[1].run_ns, 66 * TICK_S, "ties in file order, fractions cut");
    cr_expect_eq(jobs.at[2].run_ns, 5 * TICK_S);
    cr_expect_eq(report.read, 5);
    cr_expect_eq(report.zero_durations, 1);
    cr_expect_eq(report.out_of_order, 1);
    cr_expect_eq(dropped("no GPUs"), 1);
    cr_assert_eq(report.notes.len, 1);
    cr_expect_str_eq(report.notes.at[0], "2 durations had fractions of a second, which were cut off");
    char first[80];
    snprintf(first, sizeof first, "%s:6", path);
    cr_expect_str_eq(report.drops.at[0].first, first);
}

Test(import, philly_window_and_clusters) {
    write_text(second, "vc,node num\n6214e9,64\n11cb48,16\n");
    set_text("philly", "vcs", second);
    call.from_unix_ns = date("2017-10-02 00:00:10");
    call.to_unix_ns = date("2017-10-02 00:00:10");
    expect_import("philly", philly);
    cr_assert_eq(jobs.len, 2);
    cr_expect_eq(jobs.origin_unix_ns, date("2017-10-02 00:00:10"));
    cr_expect_eq(dropped("a virtual cluster that is not listed"), 1);
    cr_expect_eq(dropped("submitted outside --from and --to"), 1);
}

Test(import, philly_mistakes) {
    expect_findings("philly", "timestamp,duration,gpus,gpu_time,cluster\n",
                    ":1: no column 'num_gpus'\n");
    expect_findings("philly", "timestamp,duration,num_gpus,cluster\nnow,-1,x,\n2017-10-01,1,1\n",
                    ":2:1: timestamp: 'now' is wrong, expected a date such as 2017-10-01 07:01:55\n"
                    ":2:5: duration: '-1' is wrong, expected seconds from 0 to 2,000,000,000 (63 years)\n"
                    ":2:8: num_gpus: 'x' is wrong, expected a whole number from 0 to 1000000\n"
                    ":2:10: cluster: '' is wrong, expected a virtual cluster's name\n"
                    ":3: 3 fields, expected 4 as in the header\n");
    expect_findings("philly", "", ": empty, expected a header line\n");
    call.from_unix_ns = date("2020-01-01");
    expect_findings("philly", philly, ": no job is left of 5\n");
}

/* --- openb --- */

static const char pods[] = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"
                           "deletion_time,scheduled_time\n"
                           "p0,12500,16384,1,1000,,LS,Running,0,100,0\n"
                           "p1,6000,12288,1,460,V100M16|V100M32,BE,Pending,10,110,\n"
                           "p2,1000,1,0,0,,BE,Running,10,10,10\n"
                           "p3,1000,1,4,1000,T4,LS,Running,20,15,10\n"
                           "p4,1000,1,4,1000,T4,LS,Running,20,,10\n"
                           "p1,1000,1,8,1000,T4,LS,Running,20,40,10\n";

Test(import, openb_shares_models_and_drops) {
    expect_import("openb", pods);
    cr_assert_eq(jobs.len, 3);
    cr_expect_eq(shape_of(0)->gpus, 1);
    cr_expect_eq(shape_of(0)->cpu_milli, 12500);
    cr_expect_eq(shape_of(0)->models, JOB_ANY_MODEL);
    cr_expect_eq(shape_of(1)->gpus, 0);
    cr_expect_eq(shape_of(1)->share_milli, 460);
    cr_expect_eq(shape_of(1)->models, 3);
    cr_expect_eq(shape_gpu_milli(shape_of(2)), 0);
    cr_expect_str_eq(jobs.classes.at[jobs.at[1].class_id], "BE");
    cr_expect_str_eq(jobs_id(&jobs, 1), "p1");
    cr_expect_eq(jobs.at[1].run_ns, 100 * TICK_S);
    cr_expect_eq(dropped("deleted before it was created"), 1);
    cr_expect_eq(dropped("never deleted"), 1);
    cr_expect_eq(dropped("the id of an earlier job"), 1);
    cr_expect_eq(report.duplicate_ids, 1);
    cr_expect_eq(report.zero_durations, 1);
    cr_expect_eq(jobs.origin_unix_ns, JOB_UNKNOWN);
}

Test(import, openb_mistakes) {
    expect_findings(
        "openb",
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time\n"
        "a,1,1,2,500,,0,1\nb,1,1,1,0,,0,1\nc,1,1,1,1000,A||B,0,1\n",
        ":2:9: gpu_milli: '500' is wrong, expected 1000, because a share is of one GPU only\n"
        ":3:9: gpu_milli: '0' is wrong, expected a share from 1 to 1000\n"
        ":4:14: gpu_spec: 'A||B' is wrong, expected names of GPU models with | between them, at most 64 in "
        "all\n");
}

Test(import, openb_nodes) {
    char out[80], text[256] = {0};
    snprintf(out, sizeof out, "%s.out", path);
    write_text(second, "sn,cpu_milli,memory_mib,gpu,model\nn0,32500,262144,0,\nn1,64000,1,8,V100M16\n");
    set_text("openb", "nodes", second);
    set_text("openb", "nodes_out", out);
    expect_import("openb", pods);
    FILE *file = fopen(out, "rb");
    cr_assert(file && fread(text, 1, sizeof text - 1, file) > 0 && fclose(file) == 0);
    unlink(out);
    cr_expect_str_eq(text, "name,gpu,gpus,cpus,memory_mib\nn0,,0,32.500,262144\nn1,V100M16,8,64,1\n");
}

/* --- swf --- */

Test(import, swf_fields) {
    expect_import("swf", "; Version: 2\n;   UnixStartTime: 1000000000\n\n"
                         "1 10 -1 100 16 -1 -1 32 200 -1 1 7 3 -1 2 -1 -1 -1 extra {1,2}\n"
                         "2\t5   3 0.5 -1 -1 -1 32 -1 -1 1 -1 -1 -1 -1 -1 -1 -1\r\n"
                         "3 20 -1 -1 16 -1 -1 32 -1 -1 1 -1 -1 -1 -1 -1 -1 -1\n"
                         "4 20 -1 10 -1 -1 -1 -1 -1 -1 1 -1 -1 -1 -1 -1 -1 -1\n"
                         "1 20 -1 10 1 -1 -1 -1 -1 -1 3 -1 -1 -1 -1 -1 -1 -1\n"
                         "6 -1 -1 10 1 -1 -1 -1 -1 -1 1 -1 -1 -1 -1 -1 -1 -1");
    cr_assert_eq(jobs.len, 2);
    cr_expect_eq(report.read, 6);
    cr_expect_eq(jobs.origin_unix_ns, INT64_C(1000000005) * TICK_S);
    cr_expect_str_eq(jobs_id(&jobs, 0), "2");
    cr_expect_eq(shape_of(0)->gpus, 32, "requested, because nothing is known of the allocated");
    cr_expect_eq(jobs.at[0].run_ns, TICK_S / 2);
    cr_expect_eq(jobs.at[0].estimate_ns, TICK_S / 2, "no request: the run time");
    cr_expect_eq(jobs.at[0].tenant, 0);
    cr_expect_eq(jobs.user[0], JOB_NONE);
    cr_expect_eq(jobs.at[1].submit_ns, 5 * TICK_S);
    cr_expect_eq(shape_of(1)->gpus, 16);
    cr_expect_eq(jobs.at[1].estimate_ns, 200 * TICK_S);
    cr_expect_str_eq(jobs.users.at[jobs.user[1]], "7");
    cr_expect_str_eq(jobs.tenants.at[jobs.at[1].tenant], "3");
    cr_expect_str_eq(jobs.classes.at[jobs.at[1].class_id], "2");
    cr_expect(jobs.has_estimates);
    cr_expect_eq(dropped("no run time"), 1);
    cr_expect_eq(dropped("no processors"), 1);
    cr_expect_eq(dropped("no submit time"), 1);
    cr_expect_eq(dropped("part of a job that is recorded whole, too (status 2 to 4)"), 1);
}

Test(import, swf_without_estimates_or_start) {
    expect_import("swf", "1 10 -1 100 16 -1 -1 32 -1 -1 1 -1 -1 -1 -1 -1 -1 -1\n");
    cr_expect_not(jobs.has_estimates);
    cr_expect_eq(jobs.at[0].estimate_ns, 0);
    cr_expect_eq(jobs.at[0].submit_ns, 10 * TICK_S, "nothing says when that was");
    cr_expect_eq(jobs.origin_unix_ns, JOB_UNKNOWN);
    call.to_unix_ns = date("2020-01-01");
    expect_findings("swf", "1 10 -1 100 16 -1 -1 32 -1 -1 1 -1 -1 -1 -1 -1 -1 -1\n",
                    ": its times are not dates, so --from and --to cannot be used\n");
}

Test(import, swf_mistakes) {
    expect_findings("swf", "; c\n1 2 3\n  1 x -1 1e99 16 -1 -1 1.5 -1 -1 1 -1 -1 -1 -1 -1 -1 -1\n",
                    ":2: 3 fields, expected 18 or more\n"
                    ":3:5: submit time: 'x' is wrong, expected seconds, or -1\n"
                    ":3:10: run time: '1e99' is wrong, expected seconds, or -1\n"
                    ":3:24: requested processors: '1.5' is wrong, expected a whole number, or -1\n");
}

/* --- gaia --- */

Test(import, gaia_units_and_ticks) {
    static const char list[] = "arrival_time,length,cpus\n0.0,6302.0,1\n68.25,1000.0,3\n68.3,1,0\n";
    expect_import("gaia", list);
    cr_assert_eq(jobs.len, 2);
    cr_expect_eq(jobs.at[1].submit_ns, 68250000000);
    cr_expect_eq(shape_of(1)->gpus, 3);
    cr_expect_eq(dropped("no resource units"), 1);
    *(int64_t *)param_of("gaia", "tick") = 5 * TICK_S;
    set_choice("gaia", "as", 1);
    expect_import("gaia", list);
    cr_expect_eq(jobs.at[0].run_ns, 6300 * TICK_S);
    cr_expect_eq(jobs.at[1].submit_ns, 65 * TICK_S);
    cr_expect_eq(shape_of(1)->gpus, 0);
    cr_expect_eq(shape_of(1)->cpu_milli, 3000);
    set_choice("gaia", "unit", 1);
    expect_import("gaia", "arrival_time,length,cpus\n0.5769444444444503,25.408055555555556,1\n");
    cr_expect_eq(jobs.at[0].submit_ns, 2075 * TICK_S);
    cr_expect_eq(jobs.at[0].run_ns, 91465 * TICK_S);
    expect_findings("gaia", "arrival_time,length,cpus\n-1,600000,1\n",
                    ":2:1: arrival_time: '-1' is wrong, expected hours from 0 to 555,555 (63 years)\n"
                    ":2:4: length: '600000' is wrong, expected hours from 0 to 555,555 (63 years)\n");
}

/* --- lines --- */

static void count_line(void *context, const char *file, int number, const char *line, size_t len,
                       struct err *e) {
    (void)file, (void)e;
    struct text *all = context;
    cr_expect_eq(strlen(line), len);
    text_format(all, "%d:%s|", number, line);
}

Test(import, lines) {
    struct text all;
    text_init(&all);
    write_text(path, "a\r\n\nb c\nlast");
    cr_expect(import_lines(path, count_line, &all, &err));
    cr_expect_str_eq(all.at, "1:a|2:|3:b c|4:last|");
    text_free(&all);
    cr_expect_not(import_lines("/nowhere/x", count_line, NULL, &err));
    cr_expect_str_eq(err.lines[0], "/nowhere/x: cannot be opened: No such file or directory");
}

Test(import, long_lines) {
    struct text line, all;
    text_init(&line);
    text_init(&all);
    for (int i = 0; i < 200000; i++) text_put(&line, "x");
    text_put(&line, "\nshort\n");
    write_text(path, line.at);
    cr_expect(import_lines(path, count_line, &all, &err));
    cr_expect_str_eq(all.at + all.len - 8, "2:short|");
    for (int i = 0; i < 1200000; i++) text_put(&line, "x");
    write_text(path, line.at);
    cr_expect_not(import_lines(path, count_line, &all, &err));
    cr_expect_str_eq(err.lines[0] + strlen(path), ":3: a line longer than 1 MiB");
    text_free(&line);
    text_free(&all);
}
