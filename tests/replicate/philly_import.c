/* Importing Philly must give exactly the 68,503 jobs that the published replay kept: the same virtual
 * clusters, GPUs, submit times and durations. The reference lists jobs of one second in the order they ended;
 * both lists are put in one order before they are compared, and our own order, ties in file order, is checked
 * apart. */
#include "base/mem.h"
#include "base/num.h"
#include "base/tick.h"
#include "io/import.h"
#include "models/registry.h"
#include "support/published.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct row {
    char vc[8];
    uint64_t gpus;
    int64_t submit_ns, run_ns;
};
struct rows {
    struct row *at;
    size_t len, cap;
};

static int compare_rows(const void *left, const void *right) {
    const struct row *a = left, *b = right;
    if (a->submit_ns != b->submit_ns) return a->submit_ns < b->submit_ns ? -1 : 1;
    if (a->run_ns != b->run_ns) return a->run_ns < b->run_ns ? -1 : 1;
    if (a->gpus != b->gpus) return a->gpus < b->gpus ? -1 : 1;
    return strcmp(a->vc, b->vc);
}

static bool reference_row(void *context, const struct csv_row *row, struct err *err) {
    (void)err;
    if (row->line == 1) return true;
    struct row *to = vec_push((struct rows *)context);
    cr_assert(text_copy(to->vc, sizeof to->vc, row->fields[0]));
    cr_assert(num_u64(row->fields[1], row->len[1], &to->gpus));
    cr_assert(num_seconds_ns(row->fields[2], row->len[2], &to->submit_ns));
    cr_assert(num_seconds_ns(row->fields[3], row->len[3], &to->run_ns));
    return true;
}

static void import_philly_jobs(struct jobs *jobs, struct import_report *report, struct err *err) {
    struct arena arena;
    arena_init(&arena);
    struct chosen chosen = testing_model(&arena, KIND_IMPORT, "philly");
    cr_assert_str_eq(chosen.model->params[0].key, "vcs");
    *(const char **)((char *)chosen.params + chosen.model->params[0].offset) =
        arena_text(&arena, testing_data("jobs/philly/philly_vc.csv"));
    const char *file = arena_text(&arena, testing_data("jobs/philly/philly.csv.gz"));
    struct import_call call = {.files = &file, .files_len = 1, .params = chosen.params};
    cr_assert(tick_parse_date("2017-10-01", 10, &call.from_unix_ns));
    cr_assert(tick_parse_date("2017-11-30 23:59:00", 19, &call.to_unix_ns));
    cr_assert(import_read((const struct import_format *)chosen.model, &call, jobs, report, err), "%s",
              err->found ? err->lines[0] : "");
    arena_free(&arena);
}

Test(philly_import, the_jobs_of_the_reference) {
    const char *reference = published_path("jobs/philly/reference_fifo_consolidate.csv.gz");
    struct rows wanted = {0};
    struct err err;
    err_init(&err);
    cr_assert(csv_read(reference, reference_row, &wanted, NULL, &err));
    struct jobs jobs;
    struct import_report report;
    import_philly_jobs(&jobs, &report, &err);
    cr_assert_eq(wanted.len, 68503);
    cr_assert_eq(jobs.len, wanted.len);
    struct row *got = mem_alloc(jobs.len * sizeof *got);
    for (size_t j = 0; j < jobs.len; j++) {
        got[j] = (struct row){.gpus = jobs.shapes.at[jobs.at[j].shape].gpus,
                              .submit_ns = jobs.at[j].submit_ns,
                              .run_ns = jobs.at[j].run_ns};
        cr_assert(text_copy(got[j].vc, sizeof got[j].vc, jobs.tenants.at[jobs.at[j].tenant]));
        cr_assert_eq(got[j].submit_ns, wanted.at[j].submit_ns, "row %zu", j);
    }
    qsort(got, jobs.len, sizeof *got, compare_rows);
    qsort(wanted.at, wanted.len, sizeof *wanted.at, compare_rows);
    for (size_t j = 0; j < jobs.len; j++)
        cr_assert(compare_rows(&got[j], &wanted.at[j]) == 0, "row %zu", j);
    cr_expect_eq(report.read, 82247);
    cr_expect_eq(report.zero_durations, 0);
    free(got);
    free(wanted.at);
    jobs_free(&jobs);
    import_report_free(&report);
    err_free(&err);
}

/* The first second with two jobs of one virtual cluster: 00:23:08, 534 s stands before 219 s in the file. */
Test(philly_import, ties_stay_in_file_order) {
    (void)published_path("jobs/philly/philly.csv.gz");
    struct jobs jobs;
    struct import_report report;
    struct err err;
    err_init(&err);
    import_philly_jobs(&jobs, &report, &err);
    cr_expect_eq(jobs.at[37].submit_ns, 1343 * TICK_S);
    cr_expect_eq(jobs.at[38].submit_ns, 1343 * TICK_S);
    cr_expect_eq(jobs.at[37].run_ns, 534 * TICK_S);
    cr_expect_eq(jobs.at[38].run_ns, 219 * TICK_S);
    jobs_free(&jobs);
    import_report_free(&report);
    err_free(&err);
}
