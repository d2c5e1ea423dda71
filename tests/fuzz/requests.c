/* Request traces of any bytes: what is read without findings is sound, and written reads back the same. */
#include "fuzz.h"

#include "io/requests.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    const char *path = fuzz_file(bytes, len, ".csv");
    struct requests requests, again;
    struct err err;
    err_init(&err);
    const bool ok = requests_read(path, &requests, &err);
    require(ok == (err.found == 0));
    for (size_t i = 0; ok && i < requests.len; i++) {
        require(requests.at[i].prompt >= 1 && requests.at[i].output >= 1);
        require(i == 0 || requests.at[i - 1].arrival_ns <= requests.at[i].arrival_ns);
    }
    if (ok) {
        require(requests_write(path, &requests, &err) && requests_read(path, &again, &err));
        require(again.len == requests.len && (again.blocks == NULL) == (requests.blocks == NULL));
        for (size_t i = 0; i < again.len; i++)
            require(again.at[i].arrival_ns == requests.at[i].arrival_ns && again.at[i].prompt == requests.at[i].prompt);
        requests_free(&again);
    }
    requests_free(&requests);
    err_free(&err);
    unlink(path);
    return 0;
}
