/*
 * Results in SQLite: a documented, versioned schema (docs/results.md). A run is a row from its beginning
 * (status 'running', its own transaction); its results are written in one transaction that also marks it
 * 'complete'. A killed run thus leaves a valid file and a row that says so. Several processes may write.
 *
 * Trouble of any kind ends the program (die), with the file as it was: it cannot be opened, is not a
 * database, is another program's, is of another schema version, the disk is full.
 */
#ifndef HEADROOM_IO_STORE_H
#define HEADROOM_IO_STORE_H

#include "base/err.h"
#include "base/mem.h"
#include "core/result.h"
#include "core/setup.h"
#include "io/factor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_SCHEMA_VERSION = 4 };

struct store;
/* Opens to write; creates the file when there is none (or it is empty). */
struct store *store_open(const char *path);
/* Opens to read. A file that does not exist is trouble. */
struct store *store_open_read(const char *path);
void store_close(struct store *store);

struct run_info {
    const char *scenario_name, *scenario_file, *scenario_text, *run_name, *overrides, *baseline;
    uint64_t scenario_hash, trace_hash, seed;
    const char *trace; /* path or "synthetic" */
    const char *order, *backfill, *place, *route, *shift, *forecast, *market;
    const char *version, *command;
    int64_t origin_unix_ns, round_ns;
    uint64_t point, replication; /* of a sweep: from 1, from 0; point 0: no sweep */
    const struct run_factor *factors;
    size_t factors_len;
};
/* The run's id. The runs begun through one store are one batch: what one command ran, compared with each
 * other. */
int64_t store_run_begin(struct store *store, const struct run_info *info);
void store_run_finish(struct store *store, int64_t run, const struct setup *setup,
                      const struct result *result, double wall_s);

/* What 'headroom size' found, beside the runs it made: one search a batch. Texts are borrowed. */
struct store_size {
    const char *objective, *note;
    double confidence;
    size_t replications_least, replications_most, points, runs;
    const struct store_fleet {
        uint64_t point; /* the runs' */
        const char *name, *verdict, *role; /* role: "answer", "cheapest", ...; "": tried only */
        size_t replications;
        double nodes, usd, kwh, co2_kg; /* NAN: it was not run */
    } *fleets;
    const struct store_level {
        uint64_t point;
        const char *in, *target, *verdict; /* in: the case; "" as the scenario has it */
        double mean, least, most;
    } *levels;
    size_t fleets_len, levels_len;
};
void store_size(struct store *store, const struct store_size *size);

/* A plan of purchases, a row a period and pool. */
struct store_purchase {
    uint64_t period; /* from 1 */
    const char *pool;
    double demand;   /* times today's */
    uint64_t point;  /* of the fleet that is used */
    uint32_t bought, standing, used;
    double price_usd, running_usd; /* of a node bought then, INFINITY: not to be had; of the whole fleet */
};
void store_plan(struct store *store, const struct store_purchase *rows, size_t len);

/* Between the two, what is written through this store is one transaction: many short runs cost one. Others who want to
 * write to the file wait meanwhile. */
void store_hold(struct store *store);
void store_release(struct store *store);

/* A sweep is a batch whose runs are written in order, each whole or not at all; so that many of its runs are done, and
 * the next one is known, whenever a program was killed. */
struct sweep_info {
    uint64_t scenario_hash;
    uint64_t points, replications; /* of the whole sweep */
    const char *run_names;         /* a line each */
    uint64_t shard, shards;        /* from 1; 1 of 1: the whole */
    uint32_t bins;
    bool jobs;                     /* a row for every job is kept */
    uint64_t runs;                 /* of this shard */
};
/* How many runs of this sweep (the same shard, with the same options) the file has. The next ones are of its batch. */
uint64_t store_sweep_open(struct store *store, const struct sweep_info *info);
/* Of the runs it has: trace_hash of the first; 0: it has none. Point and replication of the last. */
uint64_t store_sweep_trace(struct store *store);
void store_sweep_last(struct store *store, uint64_t *point, uint64_t *replication);
/* Writes run number `done` (from 0) whole: store_run_begin and store_run_finish in one. Dies when another process is at
 * the same sweep. The run's id. */
int64_t store_sweep_write(struct store *store, const struct sweep_info *info, uint64_t done,
                          const struct run_info *run, const struct setup *setup, const struct result *result,
                          double wall_s);

/* Joins the files of a sweep's shards (and what output already has) into output, which is then what an undivided sweep
 * would have written, apart from clocks and commands. false: findings in err (files that are no sweep, that differ in
 * scenario, options, version or metrics, that disagree about a run; without partial: runs that are in none), and
 * output is as it was. */
struct store_merged {
    uint64_t done, runs; /* there, and of the whole sweep */
    uint64_t missing_point, missing_replication; /* the first that is not there, when done < runs */
};
bool store_merge(const char *output, const char *const *files, size_t len, bool partial, struct store_merged *merged,
                 struct err *err);

/* --- reading --- */

struct summary;
/* Ids of all runs, ascending; free(). */
int64_t *store_runs(struct store *store, size_t *count);
/* Ids of the complete ones; free(). */
int64_t *store_complete(struct store *store, size_t *count);
/* Ids of the complete runs of the newest batch that has any, ascending; free(). */
int64_t *store_latest(struct store *store, size_t *count);
/* Ids of the complete runs of a batch, ascending; free(). */
int64_t *store_batch(struct store *store, int64_t batch, size_t *count);
bool store_is_complete(struct store *store, int64_t run);
/* parts: bit set of enum part, the parts wanted. false: there is no such run. summary_free it either way. */
bool store_read_summary(struct store *store, int64_t run, unsigned parts, struct summary *summary);
/* The series, regions in the order of the summary's PART_REGION; free(series->at). No bins: none were kept.
 */
void store_read_series(struct store *store, int64_t run, struct series *series);

/* Its pools, in the order of their names; free(). Texts go to the arena. */
struct store_pool {
    const char *name, *region, *gpu, *bought; /* gpu "": none */
    uint64_t nodes;
    uint32_t gpus_per_node;
    double usd_per_node_h;
    bool estimated; /* some figure of it is an estimate */
};
struct store_pool *store_read_pools(struct store *store, int64_t run, struct arena *arena, size_t *count);

/* The lines of its bill, in their order; free(). Texts go to the arena. */
struct charge_line;
struct charge_line *store_read_charges(struct store *store, int64_t run, struct arena *arena, size_t *count);

/* Jobs of the measured window by region and the hour of the week they started in, regions in the order of the
 * summary's PART_REGION: [region * WEEK_HOURS + hour]; free(). */
struct start_hour *store_read_start_hours(struct store *store, int64_t run, size_t *regions);

/* A cumulative distribution: `jobs` of the finished jobs had a value of at most `at_most_s`. */
struct store_step {
    double at_most_s;
    uint64_t jobs;
};
/* figure: "wait" or "jct". Ascending; free(). */
struct store_step *store_read_distribution(struct store *store, int64_t run, const char *figure,
                                           size_t *count);

#endif
