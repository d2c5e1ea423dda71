/*
 * The moment of the least value within the waiting limit, the first of equals, whatever comes after it: the
 * Lowest-Slot of GAIA (Hanafy et al., ASPLOS 2024). Needs no run time, and is the better the shorter the
 * job.
 * Invariant: the answer lies in [now, now + what is left of the limit]. Cost: one look-up of a range's
 * minimum.
 */
#include "core/seams.h"

static int64_t start(void *state, const struct outlook *outlook, const struct shift_job *job,
                     int64_t now_ns) {
    (void)state;
    if (job->waited_ns >= job->wait_ns) return now_ns;
    return outlook_lowest(outlook, now_ns, now_ns, now_ns + job->wait_ns - job->waited_ns);
}

const struct shift_model shift_lowest_slot = {
    .model = {.name = "lowest_slot",
              .summary = "at the moment of the least value within the waiting limit",
              .source = "GAIA, Hanafy et al., ASPLOS 2024"},
    .start = start,
};
