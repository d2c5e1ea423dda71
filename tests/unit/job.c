/* The job table: names, shapes, columns, the sort against a plain one, the content hash. */
#include "core/job.h"

#include "base/hash.h"
#include "base/mem.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVERY_COLUMN = JOBS_IDS | JOBS_PRIORITY | JOBS_DEADLINE | JOBS_WORK | JOBS_USER };

Test(job, names_are_numbered_by_first_appearance) {
    struct names names;
    names_init(&names);
    cr_expect_eq(names_find(&names, "a"), UINT32_MAX);
    cr_expect_eq(names_put(&names, "abc", 2), 0);
    cr_expect_eq(names_put(&names, "abc", 3), 1);
    cr_expect_eq(names_put(&names, "ab", 2), 0);
    cr_expect_eq(names_put(&names, "", 0), 2);
    char text[16];
    for (unsigned i = 0; i < 5000; i++) {
        int len = snprintf(text, sizeof text, "n%u", i);
        cr_assert_eq(names_put(&names, text, (size_t)len), i + 3);
    }
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "n%u", i);
        cr_assert_eq(names_find(&names, text), i + 3);
        cr_assert_str_eq(names.at[i + 3], text);
    }
    cr_expect_eq(names_find(&names, "n5000"), UINT32_MAX);
    names_free(&names);
}

Test(job, equal_shapes_are_stored_once) {
    struct jobs jobs;
    jobs_init(&jobs, 0);
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 2000; i++) {
            struct shape shape = {.gpus = i % 20, .cpu_milli = i / 20 % 10 * 1000, .mem_mib = i / 200,
                                  .models = i % 2 ? JOB_ANY_MODEL : 5};
            cr_assert_eq(jobs_shape(&jobs, &shape), i);
        }
    cr_expect_eq(jobs.shapes.len, 2000);
    cr_expect_eq(jobs.shapes.at[203].mem_mib, 1);
    jobs_free(&jobs);
}

Test(job, a_new_job_has_nothing_known) {
    struct jobs jobs;
    jobs_init(&jobs, EVERY_COLUMN);
    uint32_t j = jobs_add(&jobs);
    cr_expect_str_eq(jobs.tenants.at[jobs.at[j].tenant], "default");
    cr_expect_str_eq(jobs.classes.at[jobs.at[j].class_id], "default");
    cr_expect_eq(jobs.at[j].start_ns, JOB_NOT_YET);
    cr_expect_eq(jobs.at[j].end_ns, JOB_NOT_YET);
    cr_expect_float_eq(jobs.at[j].utilisation, 1, 0);
    cr_expect_str_eq(jobs_id(&jobs, j), "");
    cr_expect_eq(jobs.priority[j], 0);
    cr_expect_eq(jobs.deadline_ns[j], JOB_UNKNOWN);
    cr_expect(isnan(jobs.work[j]));
    cr_expect_eq(jobs.user[j], JOB_NONE);
    cr_expect_eq(jobs.origin_unix_ns, JOB_UNKNOWN);
    jobs_free(&jobs);
    jobs_init(&jobs, 0);
    cr_expect_str_eq(jobs_id(&jobs, jobs_add(&jobs)), "");
    cr_expect_null(jobs.priority);
    jobs_free(&jobs);
}

/* n jobs whose every column tells the row they were added in. */
static void fill(struct jobs *jobs, size_t n, unsigned columns, uint64_t seed, unsigned times) {
    jobs_init(jobs, columns);
    jobs_shape(jobs, &(struct shape){.gpus = 1, .models = JOB_ANY_MODEL});
    char id[16];
    for (size_t i = 0; i < n; i++) {
        uint32_t j = jobs_add(jobs);
        jobs->at[j].submit_ns = (int64_t)(hash_mix(seed + i) % times);
        jobs->at[j].run_ns = (int64_t)i;
        if (columns & JOBS_IDS) jobs_set_id(jobs, j, id, (size_t)snprintf(id, sizeof id, "j%zu", i));
        if (columns & JOBS_PRIORITY) jobs->priority[j] = (int32_t)i;
        if (columns & JOBS_DEADLINE) jobs->deadline_ns[j] = (int64_t)i + 1;
        if (columns & JOBS_WORK) jobs->work[j] = (double)i / 2;
        if (columns & JOBS_USER) jobs->user[j] = (uint32_t)i;
    }
}

static void expect_whole_rows(const struct jobs *jobs, unsigned columns) {
    char id[16];
    for (uint32_t j = 0; j < jobs->len; j++) {
        size_t i = (size_t)jobs->at[j].run_ns;
        snprintf(id, sizeof id, "j%zu", i);
        if (columns & JOBS_IDS) cr_assert_str_eq(jobs_id(jobs, j), id);
        if (columns & JOBS_PRIORITY) cr_assert_eq(jobs->priority[j], (int32_t)i);
        if (columns & JOBS_DEADLINE) cr_assert_eq(jobs->deadline_ns[j], (int64_t)i + 1);
        if (columns & JOBS_WORK) cr_assert_float_eq(jobs->work[j], (double)i / 2, 0);
        if (columns & JOBS_USER) cr_assert_eq(jobs->user[j], (uint32_t)i);
    }
}

Test(job, sort_is_stable_and_moves_whole_rows) {
    for (unsigned columns = 0; columns <= EVERY_COLUMN; columns += columns ? 15 : 16) {
        for (size_t n = 0; n < 300; n += 1 + n / 3) {
            struct jobs jobs;
            fill(&jobs, n, columns, n, 1 + (unsigned)n / 2);
            if (columns & JOBS_USER)
                for (size_t i = 0; i < n; i++) {
                    char name[16];
                    names_put(&jobs.users, name, (size_t)snprintf(name, sizeof name, "u%zu", i));
                }
            jobs_sort(&jobs);
            cr_assert_eq(jobs.len, n);
            for (size_t j = 1; j < n; j++) {
                const struct job *a = &jobs.at[j - 1], *b = &jobs.at[j];
                cr_assert(a->submit_ns < b->submit_ns ||
                          (a->submit_ns == b->submit_ns && a->run_ns < b->run_ns));
            }
            expect_whole_rows(&jobs, columns);
            jobs_free(&jobs);
        }
    }
}

Test(job, filter_keeps_order_and_rows) {
    struct jobs jobs;
    fill(&jobs, 100, EVERY_COLUMN, 1, 10);
    bool keep[100];
    for (size_t i = 0; i < 100; i++) keep[i] = i % 3 == 1;
    jobs_filter(&jobs, keep);
    cr_expect_eq(jobs.len, 33);
    for (size_t j = 0; j < jobs.len; j++) cr_assert_eq(jobs.at[j].run_ns, (int64_t)(3 * j + 1));
    expect_whole_rows(&jobs, EVERY_COLUMN);
    jobs_free(&jobs);
}

struct seen {
    uint32_t job[8], first[8];
    size_t len;
};
static void see(void *context, uint32_t job, uint32_t first) {
    struct seen *seen = context;
    seen->job[seen->len] = job;
    seen->first[seen->len++] = first;
}

Test(job, duplicate_ids_name_the_first) {
    struct jobs jobs;
    jobs_init(&jobs, JOBS_IDS);
    const char *const ids[] = {"a", "", "b", "a", "", "a", "B"};
    for (size_t i = 0; i < 7; i++) {
        uint32_t j = jobs_add(&jobs);
        if (ids[i][0]) jobs_set_id(&jobs, j, ids[i], strlen(ids[i]));
    }
    struct seen seen = {0};
    cr_expect_eq(jobs_duplicate_ids(&jobs, see, &seen), 2);
    cr_assert_eq(seen.len, 2);
    cr_expect(seen.job[0] == 3 && seen.first[0] == 0 && seen.job[1] == 5 && seen.first[1] == 0);
    jobs_free(&jobs);
}

/* --- the hash --- */

static void two_jobs(struct jobs *jobs, bool other_numbering) {
    jobs_init(jobs, JOBS_IDS | JOBS_USER | JOBS_WORK);
    if (other_numbering) { /* shapes and names get other numbers */
        names_put(&jobs->tenants, "zzz", 3);
        names_put(&jobs->models, "K80", 3);
        names_put(&jobs->users, "nobody", 6);
        jobs_shape(jobs, &(struct shape){.gpus = 7, .models = JOB_ANY_MODEL});
    }
    uint64_t v100 = UINT64_C(1) << names_put(&jobs->models, "V100", 4);
    for (int i = 0; i < 2; i++) {
        uint32_t j = jobs_add(jobs);
        jobs->at[j].submit_ns = i;
        jobs->at[j].run_ns = 10 + i;
        jobs->at[j].shape = jobs_shape(jobs, &(struct shape){.gpus = 2, .models = i ? v100 : JOB_ANY_MODEL});
        jobs->at[j].tenant = (uint16_t)names_put(&jobs->tenants, i ? "a" : "b", 1);
        jobs->user[j] = names_put(&jobs->users, i ? "u" : "v", 1);
        jobs_set_id(jobs, j, i ? "x" : "y", 1);
    }
}

Test(job, hash_sees_contents_not_numbering) {
    struct jobs a, b;
    two_jobs(&a, false);
    two_jobs(&b, true);
    jobs_sort(&a);
    jobs_sort(&b);
    cr_expect_eq(jobs_hash(&a), jobs_hash(&b));
    jobs_free(&b);
    for (int change = 0; change < 9; change++) {
        two_jobs(&b, true);
        switch (change) {
        case 0: b.at[1].submit_ns++; break;
        case 1: b.at[1].run_ns++; break;
        case 2: b.at[1].estimate_ns++; break;
        case 3: b.at[1].shape = b.at[0].shape; break;
        case 4: b.at[1].tenant = b.at[0].tenant; break;
        case 5: b.at[1].utilisation = 0.5F; break;
        case 6: b.work[1] = 1; break;
        case 7: b.user[1] = b.user[0]; break;
        case 8: b.id_at[1] = b.id_at[0]; break;
        }
        jobs_sort(&b);
        cr_expect_neq(jobs_hash(&a), jobs_hash(&b), "change %d", change);
        jobs_free(&b);
    }
    jobs_free(&a);
}

Test(job, hash_sees_order_of_equal_times) {
    struct jobs a, b;
    fill(&a, 2, 0, 1, 1);
    fill(&b, 2, 0, 1, 1);
    b.at[0].run_ns = 1;
    b.at[1].run_ns = 0;
    jobs_sort(&a);
    jobs_sort(&b);
    cr_expect_neq(jobs_hash(&a), jobs_hash(&b));
    jobs_free(&a);
    jobs_free(&b);
}
