/* What fuzzers share: the input as a file of this process. */
#ifndef HEADROOM_TESTS_FUZZ_H
#define HEADROOM_TESTS_FUZZ_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Writes the bytes to a file with this ending; unlink it afterwards. */
static inline const char *fuzz_file(const uint8_t *bytes, size_t len, const char *ending) {
    static char path[64];
    snprintf(path, sizeof path, "fuzz-%ld%s", (long)getpid(), ending);
    FILE *to = fopen(path, "wb");
    if (to == NULL || fwrite(bytes, 1, len, to) != len || fclose(to) != 0) die("cannot write '%s'", path);
    return path;
}

#endif
