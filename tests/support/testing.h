/*
 * What tests share: where the data is, set-ups and job tables written by hand in a few lines, one call that
 * runs them.
 *
 *   struct setup setup;
 *   testing_setup(&setup);                            // one region, fifo, none, first_fit, home
 *   testing_pool(&setup, "a", 4, 8)->base_w = 500;    // 4 nodes of 8 GPUs
 *   struct jobs jobs;
 *   jobs_init(&jobs, 0);
 *   testing_job(&jobs, 0, 3600, 8);                   // submit and run time in seconds, GPUs
 *   struct result result = testing_run(&setup, &jobs);
 *   ...
 *   result_free(&result), jobs_free(&jobs), testing_setup_free(&setup);
 */
#ifndef HEADROOM_TESTS_SUPPORT_TESTING_H
#define HEADROOM_TESTS_SUPPORT_TESTING_H

#include "core/world.h"

#include <stdbool.h>

/* Path of a file of the shared data: under $HEADROOM_DATA, else ../shared/data beside the source tree. NULL
 * when it is absent, so that the test can skip and say so. Valid until the next call. */
const char *testing_data(const char *relative);
/* HEADROOM_ALL is set: run the long parts too. */
bool testing_all(void);

/* The model of that name with its parameters at their fallbacks. An unknown name ends the test. */
struct chosen testing_model(struct arena *arena, enum kind kind, const char *name);

/* A run of one region "here" in UTC without price, carbon or PUE (0, 0, 1), no pools, no tenants, policy
 * fifo, none, first_fit, home; everything measured. Room for 16 regions, pools and tenants, 64 runs of
 * nodes. */
void testing_setup(struct setup *setup);
void testing_setup_free(struct setup *setup);
void testing_policy(struct setup *setup, const char *order, const char *backfill, const char *place);
struct region_setup *testing_region(struct setup *setup, const char *name);
/* Nodes in region 0, shared, of GPU model "gpu", no limit on CPUs and memory, no power, free of charge. */
struct pool_setup *testing_pool(struct setup *setup, const char *name, uint32_t nodes, uint32_t gpus);
struct tenant_setup *testing_tenant(struct setup *setup, const char *name);
/* A step function; it repeats with period_s (0: its last value holds). */
struct testing_step {
    double at_s, value;
};
struct steps testing_steps(struct setup *setup, const struct testing_step *steps, size_t count,
                           double period_s);

/* A job of the default tenant for whole GPUs; its estimate is its run time. Times in seconds. */
uint32_t testing_job(struct jobs *jobs, double submit_s, double run_s, uint32_t gpus);
/* Gives the last job added another shape. */
void testing_shape(struct jobs *jobs, const struct shape *shape);

/* Reads a public trace; mistakes end the test. option: a text parameter of the format and its value, or NULL.
 * Only jobs submitted in the window, ends included, are kept. jobs is initialised here. */
struct testing_window {
    int64_t from_unix_ns, to_unix_ns;
};
#define TESTING_WHOLE ((struct testing_window){INT64_MIN, INT64_MAX})
void testing_import(struct jobs *jobs, const char *format, const char *path, const char *option,
                    const char *value, struct testing_window window);

/* Sorts the jobs, runs them with per-job results; findings end the test. */
struct result testing_run(const struct setup *setup, struct jobs *jobs);
/* The same with a series of about `bins` bins. */
struct result testing_run_bins(const struct setup *setup, struct jobs *jobs, uint32_t bins);
/* The tally of a part by name; ends the test when there is none. */
const struct tally *testing_tally(const struct result *result, enum part part, const char *name);

/* |a - b| <= tolerance x max(|a|, |b|). */
bool testing_near(double a, double b, double tolerance);

#endif
