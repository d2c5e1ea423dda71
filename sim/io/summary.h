/*
 * A run as its readers see it: who it was, and every metric of every part, as numbers. The terminal's table,
 * the JSON, the CSV and the report know nothing else, so a run looks the same fresh from the loop
 * (summary_of) and read back from the database (store_read_summary).
 */
#ifndef HEADROOM_IO_SUMMARY_H
#define HEADROOM_IO_SUMMARY_H

#include "base/mem.h"
#include "core/result.h"
#include "core/setup.h"
#include "io/store.h"

#include <stdbool.h>
#include <stdint.h>

/* info.trace of a run of services or pipelines alone. */
#define SUMMARY_NO_JOBS "no jobs"

struct summary_part {
    enum part part;
    const char *name; /* "all" for PART_RUN */
    double *value;    /* parallel to result_metrics; NAN: undefined for this part */
};

struct summary {
    struct arena arena; /* holds everything below */
    int64_t run, batch; /* ids in the database; 0 when the run was not stored */
    bool complete;      /* false: the run was killed, or is still at it; then there are no parts */
    struct run_info info;
    const char *work_unit;
    const char *started_utc; /* "" when not stored */
    uint64_t jobs, events;
    double measure_from_s, measured_s, wall_s, loop_s;
    struct summary_part *parts; /* PART_RUN first, then by part in the order of the tallies */
    size_t parts_len;
    const char **warnings;
    size_t warnings_len;
};

/* Everything is copied; free with summary_free. */
void summary_of(struct summary *summary, const struct run_info *info, const struct setup *setup,
                const struct result *result, double wall_s);
void summary_free(struct summary *summary);

/* Index into result_metrics of a metric that is known to exist (require). */
size_t metric_index(const char *name);
/* The metric of a part; NAN when it is undefined or the run is not complete. */
double summary_value(const struct summary *summary, const char *metric);
double part_value(const struct summary_part *part, const char *metric);
/* First part of a kind and how many there are (they stand together). */
const struct summary_part *summary_parts(const struct summary *summary, enum part part, size_t *count);
/* The part of that kind and name, or NULL. */
const struct summary_part *summary_part(const struct summary *summary, enum part part, const char *name);
/* What to call the run next to others: its name in the scenario, else the scenario's. */
const char *summary_title(const struct summary *summary);
/* "order fifo, backfill none, ..."; free(). brief: where the run overrides fields of the scenario, these
 * alone. */
char *summary_policy(const struct summary *summary, bool brief);
/* What the reader of these runs must know, each once: that they cannot be compared as they stand (other jobs,
 * another unit of work), then their warnings. The texts are borrowed; free() the list. */
const char **summary_notes(const struct summary *const *runs, size_t count, size_t *notes_len);
/* Before a note: "a, b: " when it is a warning of some of the runs only, "" when it concerns all; free(). */
char *summary_whose(const struct summary *const *runs, size_t count, const char *note);
/* "quickstart: 2 runs side by side"; free(). */
char *summary_heading(const struct summary *const *runs, size_t count);
/* The run the others are compared with first (the one named by their `baseline:`, else the first), the others in their
 * order; free(). */
const struct summary **summary_in_order(const struct summary *runs, size_t count);

#endif
