/* Public formats of any bytes: the first byte picks the format, the rest is the file. */
#include "fuzz.h"

#include "base/mem.h"
#include "io/import.h"
#include "models/registry.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (len == 0) return 0;
    const struct registry *registry = models_registry();
    const struct model *model = registry->models[KIND_IMPORT][bytes[0] % registry->counts[KIND_IMPORT]];
    const char *path = fuzz_file(bytes + 1, len - 1, ".txt");
    void *params = mem_zero(1, model->params_size + 1);
    model_fallbacks(model, params);
    struct import_call call = {.files = &path, .files_len = 1, .params = params, .from_unix_ns = INT64_MIN,
                               .to_unix_ns = INT64_MAX};
    struct import_report report;
    struct jobs jobs;
    struct err err;
    err_init(&err);
    const bool ok = import_read((const struct import_format *)(const void *)model, &call, &jobs, &report, &err);
    require(ok == (err.found == 0));
    for (size_t i = 1; ok && i < jobs.len; i++) require(jobs.at[i - 1].submit_ns <= jobs.at[i].submit_ns);
    import_report_free(&report);
    jobs_free(&jobs);
    err_free(&err);
    free(params);
    unlink(path);
    return 0;
}
