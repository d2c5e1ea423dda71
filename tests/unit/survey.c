/* The survey counts jobs where they could run, and what it calls impossible is what a run refuses. */
#include "core/survey.h"

#include "base/tick.h"
#include "core/result.h"
#include "support/testing.h"

#include <criterion/criterion.h>

Test(survey, demand_against_two_regions) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    testing_pool(&setup, "small", 4, 2); /* 8 GPUs in region 0 */
    testing_region(&setup, "there");
    testing_pool(&setup, "large", 1, 16)->region = 1;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 0, 3600, 1);     /* either */
    testing_job(&jobs, 0, 7200, 12);    /* only there */
    testing_job(&jobs, 1800, 3600, 64); /* nowhere */
    testing_job(&jobs, 3600, 3600, 64);
    testing_job(&jobs, 7200, 3600, 17); /* nowhere: gangs stay in a region */
    jobs_sort(&jobs);

    struct err err;
    struct survey survey;
    err_init(&err);
    cr_assert(run_survey(&setup, &jobs, &survey, &err));
    cr_assert_eq(survey.jobs, 5);
    cr_assert_eq(survey.gpus, 24);
    cr_assert_eq(survey.span_h, 2);
    cr_assert_eq(survey.gpu_h, 1 + 24);
    cr_assert_eq(survey.domains_len, 2);
    const size_t there = survey.domains[0].gpus == 16 ? 0 : 1;
    cr_assert_str_eq(survey.domains[there].region, "there");
    cr_assert_null(survey.domains[there].tenant);
    cr_assert_eq(survey.domains[there].only_jobs, 1);
    cr_assert_eq(survey.domains[there].only_gpu_h, 24);
    cr_assert_eq(survey.domains[there].also_jobs, 1);
    cr_assert_eq(survey.domains[1 - there].only_jobs, 0);
    cr_assert_eq(survey.domains[1 - there].also_gpu_h, 1);
    cr_assert_eq(survey.impossible_jobs, 3);
    cr_assert_eq(survey.impossible_len, 2);
    cr_assert_eq(survey.impossible[0].shape.gpus, 64);
    cr_assert_eq(survey.impossible[0].jobs, 2);
    cr_assert_eq(survey.impossible[0].first, 2);

    struct result result = testing_run(&setup, &jobs);
    cr_assert_eq(testing_tally(&result, PART_RUN, NULL)->refused, survey.impossible_jobs);
    result_free(&result);
    survey_free(&survey);
    err_free(&err);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

Test(survey, residency_quotas_and_markets_count) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    testing_pool(&setup, "owned", 1, 4);
    testing_region(&setup, "there");
    struct pool_setup *spot = testing_pool(&setup, "spot", 1, 8);
    spot->region = 1;
    spot->bought = BOUGHT_SPOT;
    struct class_setup classes[] = {
        {.run_below_ns = 2 * TICK_HOUR, .wait_ns = -1, .markets = 1u << BOUGHT_SPOT},
        {.run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u},
    };
    setup.classes = classes;
    setup.classes_len = 2;
    const bool here_alone[] = {true, false};
    struct tenant_setup *tenant = testing_tenant(&setup, "default");
    tenant->may = here_alone;
    tenant->quota_kind = QUOTA_HARD;
    tenant->quota_gpus = 3;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 0, 7200, 3);  /* here */
    testing_job(&jobs, 0, 7200, 8);  /* its tenant may not go where the room is */
    testing_job(&jobs, 0, 7200, 4);  /* above its quota */
    testing_job(&jobs, 0, 3600, 1);  /* for spot nodes alone, and there are none here */
    jobs_sort(&jobs);

    struct err err;
    struct survey survey;
    err_init(&err);
    cr_assert(run_survey(&setup, &jobs, &survey, &err));
    cr_assert_eq(survey.gpu_h, 6);
    cr_assert_eq(survey.impossible_jobs, 3);
    for (size_t d = 0; d < survey.domains_len; d++) {
        const bool here = survey.domains[d].gpus == 4;
        cr_assert_eq(survey.domains[d].only_jobs, here ? 1 : 0);
        cr_assert_eq(survey.domains[d].also_jobs, 0);
    }
    struct result result = testing_run(&setup, &jobs);
    cr_assert_eq(testing_tally(&result, PART_RUN, NULL)->refused, survey.impossible_jobs);
    result_free(&result);
    survey_free(&survey);
    err_free(&err);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}
