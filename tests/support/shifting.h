/*
 * A lone job on unlimited capacity, started, suspended and let go on by a shift model as the engine would, with the
 * model's promises checked at every call. A broken promise ends the test.
 */
#ifndef HEADROOM_TESTS_SUPPORT_SHIFTING_H
#define HEADROOM_TESTS_SUPPORT_SHIFTING_H

#include "base/mem.h"
#include "core/seams.h"

struct shifting {
    const struct shift_model *model;
    void *params, *state;
    struct setup setup; /* all a shift model may ask of the world is the calendar time of 0 */
    struct world world;
};
/* The model with its parameters at their fallbacks, or with other ones (which are borrowed). */
void shifting_open(struct shifting *shifting, struct arena *arena, const char *name, int64_t origin_unix_ns);
void shifting_open_chosen(struct shifting *shifting, struct arena *arena, struct chosen chosen,
                          int64_t origin_unix_ns);
void shifting_close(struct shifting *shifting);

struct lone_job {
    int64_t submit_ns, run_ns, wait_ns;
    int64_t estimate_ns; /* what is known of run_ns */
    int64_t late_ns;     /* capacity comes so much later than asked for, each time */
};
/* One stretch without interruption. */
struct lone_piece {
    int64_t from_ns, to_ns;
};
struct lone_run {
    int64_t start_ns, end_ns;
    unsigned pieces;
    double paid;         /* integral of the signal over all pieces, value x s */
};
/* The pieces go to `pieces`, too, as far as there is room; it may be NULL. */
struct lone_run shifting_run(struct shifting *shifting, const struct outlook *outlook, const struct lone_job *job,
                             struct lone_piece *pieces, unsigned pieces_most);

#endif
