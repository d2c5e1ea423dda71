/* A trace of any bytes is a sorted job table or has findings; written and read again it is the same table. */
#include "fuzz.h"

#include "io/trace.h"

static void check_round_trip(const struct jobs *jobs, const char *path) {
    struct jobs again;
    struct err err;
    err_init(&err);
    require(trace_write(path, jobs, &err));
    require(trace_read(path, 0, &again, &err));
    require(again.len == jobs->len && jobs_hash(&again) == jobs_hash(jobs));
    jobs_free(&again);
    err_free(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    const char *path = fuzz_file(bytes, len, ".csv");
    struct jobs jobs;
    struct err err;
    err_init(&err);
    const bool ok = trace_read(path, 0, &jobs, &err);
    require(ok == (err.found == 0));
    for (size_t i = 1; ok && i < jobs.len; i++) require(jobs.at[i - 1].submit_ns <= jobs.at[i].submit_ns);
    if (ok && jobs.len > 0) check_round_trip(&jobs, path);
    jobs_free(&jobs);
    err_free(&err);
    unlink(path);
    return 0;
}
