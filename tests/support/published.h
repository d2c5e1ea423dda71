/* Published data that a whole file of tests rests on. */
#ifndef HEADROOM_TESTS_SUPPORT_PUBLISHED_H
#define HEADROOM_TESTS_SUPPORT_PUBLISHED_H

#include "base/err.h"
#include "base/num.h"
#include "io/csv.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <stdio.h>

/* Path of a file that every test of the executable needs: without it they are skipped, and ctest says so. */
static inline const char *published_path(const char *name) {
    const char *path = testing_data(name);
    if (path == NULL) {
        fprintf(stderr, "SKIPPED ALL: %s is absent (HEADROOM_DATA)\n", name);
        cr_skip_test("%s is absent", name);
    }
    return path;
}

static inline void published_read(const char *name, csv_visit *visit, void *context) {
    struct err err;
    err_init(&err);
    cr_assert(csv_read(published_path(name), visit, context, NULL, &err), "%s", err.found ? err.lines[0] : name);
    err_free(&err);
}

static inline double published_number(const struct csv_row *row, size_t field) {
    double value = 0;
    cr_assert(num_f64(row->fields[field], row->len[field], &value), "%s:%d: not a number: '%s'", row->file, row->line,
              row->fields[field]);
    return value;
}

#endif
