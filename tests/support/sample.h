/*
 * A month of two regions by hand: set-up, jobs and result as a run would leave them, without running
 * anything, for the tests of what writes and shows results. Variants differ the way policies do: the same
 * demand, other waits.
 */
#ifndef HEADROOM_TESTS_SUPPORT_SAMPLE_H
#define HEADROOM_TESTS_SUPPORT_SAMPLE_H

#include "core/result.h"
#include "core/setup.h"
#include "io/store.h"

struct sample {
    struct setup setup;
    struct jobs trace;
    struct run_info info;
    struct result result;
    char name[24];
};
enum { SAMPLE_DAYS = 30, SAMPLE_JOBS = 4000 };

/* variant 0 is the baseline, "fifo"; larger ones wait less and draw a little more. With job results. */
void sample_open(struct sample *sample, unsigned variant);
/* Then: gives the month what energy, markets and faults add: sleeping and booting nodes, sun and a battery, a
 * carbon price, demand charges, egress, embodied emissions, failures. Larger variants draw at cheaper and cleaner
 * hours and wait longer for them. */
void sample_enrich(struct sample *sample, unsigned variant);
/* Adds two LLM services, chat and code, on half and a tenth of the GPUs held. */
void sample_serve(struct sample *sample);
/* Adds a pipeline, clips, that is not done at the end. */
void sample_pipe(struct sample *sample);
void sample_close(struct sample *sample);
/* Begins and finishes the run; its id. */
int64_t sample_store(struct store *store, const struct sample *sample);

/* Path of a file of the source tree; valid until the next call. */
const char *sample_source(const char *relative);
/* A new empty folder under the system's temporary one; free(). */
char *sample_folder(void);
void sample_remove(char *folder); /* with the files in it; frees the name */

#endif
