/*
 * No shifting: a job is let go as soon as it arrives and runs through. The yardstick of every other model.
 * Cost: O(1).
 */
#include "core/seams.h"

static int64_t start(void *state, const struct outlook *outlook, const struct shift_job *job,
                     int64_t now_ns) {
    (void)state;
    (void)outlook;
    (void)job;
    return now_ns;
}

const struct shift_model shift_now = {
    .model = {.name = "now", .summary = "at once, as if nothing changed with time", .source = ""},
    .start = start,
};
