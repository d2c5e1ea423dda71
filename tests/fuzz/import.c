/* Public formats of any bytes: the first byte picks the format, the rest is the file. */
#include "fuzz.h"

#include "base/mem.h"
#include "io/import.h"
#include "models/registry.h"

#include <stdlib.h>

static void fuzz_jobs(const struct import_format *format, const struct import_call *call,
                      struct import_report *report, struct err *err) {
    struct jobs jobs;
    const bool ok = import_read(format, call, &jobs, report, err);
    require(ok == (err->found == 0));
    for (size_t i = 1; ok && i < jobs.len; i++) require(jobs.at[i - 1].submit_ns <= jobs.at[i].submit_ns);
    jobs_free(&jobs);
}

static void fuzz_requests(const struct import_format *format, const struct import_call *call,
                          struct import_report *report, struct err *err) {
    struct requests requests;
    const bool ok = import_read_requests(format, call, &requests, report, err);
    require(ok == (err->found == 0));
    for (size_t i = 0; ok && i < requests.len; i++) {
        const struct request_row *r = &requests.at[i];
        require(r->prompt >= 1 && r->output >= 1 && r->class_id < requests.classes_len);
        require(i == 0 || requests.at[i - 1].arrival_ns <= r->arrival_ns);
        require(!requests.blocks || requests.blocks_len[i] <= r->prompt / REQUESTS_BLOCK_TOKENS);
    }
    requests_free(&requests);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (len == 0) return 0;
    const struct registry *registry = models_registry();
    const struct model *model = registry->models[KIND_IMPORT][bytes[0] % registry->counts[KIND_IMPORT]];
    const char *path = fuzz_file(bytes + 1, len - 1, ".txt");
    void *params = mem_zero(1, model->params_size + 1);
    model_fallbacks(model, params);
    struct import_call call = {.files = &path, .files_len = 1, .params = params, .from_unix_ns = INT64_MIN,
                               .to_unix_ns = INT64_MAX};
    const struct import_format *format = (const struct import_format *)(const void *)model;
    struct import_report report;
    struct err err;
    err_init(&err);
    if (format->read_requests) fuzz_requests(format, &call, &report, &err);
    else fuzz_jobs(format, &call, &report, &err);
    import_report_free(&report);
    err_free(&err);
    free(params);
    unlink(path);
    return 0;
}
