/*
 * Sweeps in the results database (see store.h). A sweep's row says what it is of and how many of its runs are there;
 * a run and the count that includes it are written in one transaction. Since runs are written in the order of the
 * sweep, the count alone says where to go on.
 *
 * Invariant: sweep.done = the number of runs of its batch, all of them complete.
 */
#include "io/store.h"

#include "base/err.h"
#include "io/store_query.h"

#include <inttypes.h>
#include <stdlib.h>

void store_hold(struct store *s) { store_begin(s); }
void store_release(struct store *s) { store_commit(s); }

/* The sweep's row, ready to be read: batch_id, done. */
static struct query sweep_find(struct store *s, const struct sweep_info *info) {
    struct query q = query_open(s, "SELECT batch_id, done FROM sweep WHERE scenario_hash = ? AND run_names = ?"
                                   " AND shard = ? AND shards = ? AND bins = ? AND jobs = ?");
    query_put_hash(&q, info->scenario_hash);
    query_put_text(&q, info->run_names);
    query_put_i64(&q, (int64_t)info->shard);
    query_put_i64(&q, (int64_t)info->shards);
    query_put_i64(&q, info->bins);
    query_put_i64(&q, info->jobs);
    return q;
}

uint64_t store_sweep_open(struct store *s, const struct sweep_info *info) {
    struct query q = sweep_find(s, info);
    uint64_t done = 0;
    if (query_next(&q)) {
        s->batch = query_get_i64(&q);
        done = (uint64_t)query_get_i64(&q);
    }
    query_close(&q);
    if (done == 0) return 0;
    q = query_open(s, "SELECT count(*) FROM run WHERE batch_id = ? AND status = 'complete'");
    query_put_i64(&q, s->batch);
    const bool whole = query_next(&q) && (uint64_t)query_get_i64(&q) == done;
    query_close(&q);
    if (!whole)
        die("results '%s': runs of this sweep were taken out of it, so it cannot be gone on with; name another file",
            s->path);
    return done;
}

uint64_t store_sweep_trace(struct store *s) {
    if (!s->batch) return 0;
    struct query q = query_open(s, "SELECT trace_hash FROM run WHERE run_id = ?");
    query_put_i64(&q, s->batch);
    const uint64_t hash = query_next(&q) ? strtoull(query_get_text(&q), NULL, 16) : 0;
    query_close(&q);
    return hash;
}

void store_sweep_last(struct store *s, uint64_t *point, uint64_t *replication) {
    struct query q =
        query_open(s, "SELECT point, replication FROM run WHERE batch_id = ? ORDER BY run_id DESC LIMIT 1");
    query_put_i64(&q, s->batch);
    require(query_next(&q));
    *point = (uint64_t)query_get_i64(&q);
    *replication = (uint64_t)query_get_i64(&q);
    query_close(&q);
}

static void sweep_begin(struct store *s, const struct sweep_info *info, int64_t batch) {
    struct query q = query_open(s, "INSERT INTO sweep VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)");
    query_put_i64(&q, batch);
    query_put_hash(&q, info->scenario_hash);
    query_put_i64(&q, (int64_t)info->points);
    query_put_i64(&q, (int64_t)info->replications);
    query_put_text(&q, info->run_names);
    query_put_i64(&q, (int64_t)info->shard);
    query_put_i64(&q, (int64_t)info->shards);
    query_put_i64(&q, info->bins);
    query_put_i64(&q, info->jobs);
    query_put_i64(&q, (int64_t)info->runs);
    query_write(&q);
    query_close(&q);
}

/* Counts one more run; false: it is not that many runs that were done. */
static bool sweep_count(struct store *s, uint64_t done) {
    struct query q = query_open(s, "UPDATE sweep SET done = done + 1 WHERE batch_id = ? AND done = ?");
    query_put_i64(&q, s->batch);
    query_put_i64(&q, (int64_t)done);
    query_write(&q);
    query_close(&q);
    return store_ask_i64(s, "SELECT changes()") == 1;
}

static bool sweep_is_there(struct store *s, const struct sweep_info *info) {
    struct query q = sweep_find(s, info);
    const bool there = query_next(&q);
    query_close(&q);
    return there;
}

int64_t store_sweep_write(struct store *s, const struct sweep_info *info, uint64_t done, const struct run_info *run,
                          const struct setup *setup, const struct result *result, double wall_s) {
    store_begin(s);
    const bool doubled = done == 0 && sweep_is_there(s, info);
    const int64_t row = doubled ? 0 : store_run_begin(s, run);
    if (done == 0 && !doubled) sweep_begin(s, info, row);
    if (doubled || !sweep_count(s, done)) {
        store_sql(s, "ROLLBACK");
        die("results '%s': another process is at the same sweep; nothing of this run was written", s->path);
    }
    store_run_finish(s, row, setup, result, wall_s);
    store_commit(s);
    return row;
}
