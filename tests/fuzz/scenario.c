/* A scenario of any bytes is a scenario or has findings; it never crashes, leaks or hangs. */
#include "fuzz.h"

#include "io/scenario.h"
#include "models/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    const char *path = fuzz_file(bytes, len, ".yaml");
    struct scenario scenario;
    struct err err;
    err_init(&err);
    const bool ok = scenario_open(&scenario, path, models_registry(), NULL, 0, &err);
    require(ok == (err.found == 0));
    scenario_close(&scenario);
    err_free(&err);
    unlink(path);
    return 0;
}
