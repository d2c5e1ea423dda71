/* One line on the terminal that says how far the work is; nothing at all when stderr is not a terminal. */
#ifndef HEADROOM_APP_PROGRESS_H
#define HEADROOM_APP_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    bool shown; /* whether there is anyone to show it to */
    double begun_s;
};
struct progress_state {
    size_t runs, runs_done;
    int64_t now_ns;  /* simulated time of the earliest run at work */
    uint64_t events; /* of all runs so far */
    double done;     /* share of all the work, 0..1 */
};

/* Wall-clock seconds from an arbitrary origin; never steps back. */
double progress_clock_s(void);

/* wanted: false keeps it silent on a terminal too. */
void progress_begin(struct progress *progress, bool wanted);
/* A step that takes a moment and has no measure: "reading trace.csv.gz". */
void progress_note(struct progress *progress, const char *doing, const char *what);
void progress_draw(struct progress *progress, const struct progress_state *state);
/* Wipes the line. */
void progress_end(struct progress *progress);

#endif
