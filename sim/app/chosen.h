/* Which runs of a results file a command is about: those of --run, else those of the newest command. */
#ifndef HEADROOM_APP_CHOSEN_H
#define HEADROOM_APP_CHOSEN_H

#include "app/args.h"
#include "io/store.h"

/* named: the values of --run: run numbers, spans of them ("4-7"), or "latest"; none means "latest". The ids
 * in the order named, each once, all of them of complete runs; free(). NULL: mistakes were printed, leave
 * with *status. */
int64_t *chosen_runs(struct store *store, const char *command, const struct args_texts *named, size_t *count,
                     int *status);

#endif
