/*
 * Results in SQLite: a documented, versioned schema (docs/results.md). A run is a row from its beginning
 * (status 'running', its own transaction); its results are written in one transaction that also marks it
 * 'complete'. A killed run thus leaves a valid file and a row that says so. Several processes may write.
 */
#ifndef HEADROOM_IO_STORE_H
#define HEADROOM_IO_STORE_H

#include "core/result.h"
#include "core/setup.h"

#include <stdbool.h>
#include <stdint.h>

struct store;
/* Creates or opens and checks the schema version. Trouble with the disk: die. */
struct store *store_open(const char *path);
void store_close(struct store *store);

struct run_info {
    const char *scenario_name, *scenario_file, *scenario_text, *run_name, *overrides, *baseline;
    uint64_t scenario_hash, trace_hash, seed;
    const char *trace;         /* path or "synthetic" */
    const char *order, *backfill, *place, *route;
    const char *version, *command;
    int64_t origin_unix_ns, round_ns;
};
int64_t store_run_begin(struct store *store, const struct run_info *info);
void store_run_finish(struct store *store, int64_t run, const struct setup *setup, const struct result *result,
                      double wall_s);

#endif
