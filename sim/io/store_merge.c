/*
 * Files of a sweep's shards joined into one (see store.h). Every run of every file is listed with its place in the
 * sweep (replication, point, number within the point), the list is sorted, and the rows are copied under new numbers,
 * which are those an undivided sweep would have given. Which tables belong to a run is read from the schema: all that
 * have a column `run_id`, and those of a tally, `tally_id`.
 *
 * The new file is made beside the old one and takes its place when it is whole, so that a kill leaves what was there.
 * Invariant: a place is copied once; files that both have it must agree about what happened there. Cost: the rows, and
 * 64 bytes a run.
 */
#include "io/store.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/store_query.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What must be the same in all files. The texts are in the order of `differs`. */
enum { SAME_HASH, SAME_POINTS, SAME_REPLICATIONS, SAME_NAMES, SAME_BINS, SAME_JOBS, SAME_VERSION, SAME_METRICS, SAMES };
static const char *const differs[SAMES] = {
    "another scenario", "another number of points", "another number of replications", "other runs",
    "another number of bins", "jobs where the others have none, or the other way round",
    "another version of the program", "other metrics",
};

struct shard {
    const char *file;
    struct store *store;
    char *same[SAMES];
    uint64_t runs_a_point;
};

/* A run in a file, and its place in the sweep. */
struct place {
    uint64_t replication, point, within;
    size_t shard;
    int64_t run, tally, tallies;   /* its first tally, and how many */
    int64_t new_run, new_tally;
    uint64_t digest;               /* of what happened, to tell whether two files agree */
};
struct places {
    struct place *at;
    size_t len, cap;
};

/* --- reading the shards --- */

static char *ask_text(struct store *s, const char *sql) {
    struct query q = query_open(s, sql);
    char *answer = mem_text(query_next(&q) ? query_get_text(&q) : "");
    query_close(&q);
    return answer;
}

static struct place_in_file in_file(const char *file) { return (struct place_in_file){.file = file}; }

/* false: the file holds something else than one sweep. */
static bool shard_open(struct shard *shard, const char *file, struct err *err) {
    *shard = (struct shard){.file = file, .store = store_open_read(file)};
    struct store *s = shard->store;
    if (store_ask_i64(s, "SELECT count(*) FROM sweep") != 1)
        return err_add(err, in_file(file), "%" PRId64 " sweeps, expected one",
                       store_ask_i64(s, "SELECT count(*) FROM sweep"));
    if (store_ask_i64(s, "SELECT count(*) FROM run") !=
        store_ask_i64(s, "SELECT count(*) FROM sweep JOIN run USING (batch_id) WHERE status = 'complete'"))
        return err_add(err, in_file(file), "runs that are not of its sweep, expected a sweep alone");
    static const char *const questions[SAMES] = {
        "SELECT scenario_hash FROM sweep", "SELECT points FROM sweep", "SELECT replications FROM sweep",
        "SELECT run_names FROM sweep", "SELECT bins FROM sweep", "SELECT jobs FROM sweep",
        "SELECT group_concat(version) FROM (SELECT DISTINCT version FROM run ORDER BY 1)",
        "SELECT group_concat(metric_id || ' ' || name) FROM (SELECT metric_id, name FROM metric ORDER BY 1)",
    };
    for (int i = 0; i < SAMES; i++) shard->same[i] = ask_text(s, questions[i]);
    shard->runs_a_point = 1;
    for (const char *c = shard->same[SAME_NAMES]; *c; c++) shard->runs_a_point += *c == '\n';
    return true;
}

static void shard_close(struct shard *shard) {
    for (int i = 0; i < SAMES; i++) free(shard->same[i]);
    store_close(shard->store);
}

static bool parts_agree(const struct shard *shards, size_t len, struct err *err) {
    const size_t found = err->found;
    for (size_t i = 1; i < len; i++)
        for (int k = 0; k < SAMES; k++)
            if (strcmp(shards[i].same[k], shards[0].same[k]) != 0) {
                err_add(err, in_file(shards[i].file), "it has %s, compared with '%s'", differs[k], shards[0].file);
                break;
            }
    return err->found == found;
}

/* Runs stand in the order of the sweep, those of a point together. */
static void list_places(struct places *places, const struct shard *shard, size_t index) {
    struct query q = query_open(shard->store,
        "SELECT r.run_id, replication, point, min(tally_id), count(tally_id), trace_hash, events, placements, passes"
        " FROM run r LEFT JOIN tally USING (run_id) GROUP BY r.run_id ORDER BY r.run_id");
    for (struct place before = {0}; query_next(&q);) {
        struct place place = {.shard = index, .run = query_get_i64(&q)};
        place.replication = (uint64_t)query_get_i64(&q);
        place.point = (uint64_t)query_get_i64(&q);
        if (before.point == place.point && before.replication == place.replication) place.within = before.within + 1;
        place.tally = query_get_i64(&q);
        place.tallies = query_get_i64(&q);
        place.digest = strtoull(query_get_text(&q), NULL, 16);
        for (int i = 0; i < 3; i++) place.digest = hash_mix(place.digest ^ (uint64_t)query_get_i64(&q));
        *vec_push(places) = place;
        before = place;
    }
    query_close(&q);
}

static int by_place(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->replication != y->replication) return x->replication < y->replication ? -1 : 1;
    if (x->point != y->point) return x->point < y->point ? -1 : 1;
    if (x->within != y->within) return x->within < y->within ? -1 : 1;
    return x->shard < y->shard ? -1 : x->shard > y->shard;
}

static bool same_place(const struct place *a, const struct place *b) {
    return a->replication == b->replication && a->point == b->point && a->within == b->within;
}

/* Each place once, in order, with its new numbers. */
static bool number_places(struct places *places, const struct shard *shards, struct err *err) {
    const size_t found = err->found;
    size_t kept = 0;
    int64_t tally = 1;
    if (places->len) qsort(places->at, places->len, sizeof *places->at, by_place);
    for (size_t i = 0; i < places->len; i++) {
        struct place place = places->at[i];
        const struct place *before = kept ? &places->at[kept - 1] : NULL;
        if (before && same_place(before, &place)) {
            if (before->digest != place.digest)
                err_add(err, in_file(shards[place.shard].file),
                        "point %" PRIu64 ", replication %" PRIu64 " did not go as in '%s'", place.point,
                        place.replication, shards[before->shard].file);
            continue;
        }
        place.new_run = (int64_t)kept + 1;
        place.new_tally = tally;
        tally += place.tallies;
        places->at[kept++] = place;
    }
    places->len = kept;
    return err->found == found;
}

/* --- writing the whole --- */

/* The columns of a table, the first `instead` of them replaced by `by`. */
static void put_columns(struct store *s, const char *table, int instead, const char *by, struct text *sql) {
    struct query q = query_open(s, "SELECT cid, name FROM pragma_table_info(?)");
    query_put_text(&q, table);
    text_put(sql, by);
    while (query_next(&q))
        if (query_get_i64(&q) >= instead) text_format(sql, ", %s", query_get_text(&q));
    query_close(&q);
}

/* Statements that copy one place: ?1 its run, ?2 the new run, ?3 its first tally, ?4 its last, ?5 what is added to a
 * tally's number. */
struct copying {
    struct query *at;
    size_t len, cap;
};

static void copy_table(struct copying *copying, struct store *s, const char *table, int instead, const char *by,
                       const char *where) {
    struct text sql;
    text_init(&sql);
    text_format(&sql, "INSERT INTO main.%s SELECT ", table);
    put_columns(s, table, instead, by, &sql);
    text_format(&sql, " FROM shard.%s WHERE %s", table, where);
    *vec_push(copying) = query_open(s, sql.at);
    text_free(&sql);
}

static void copying_open(struct copying *copying, struct store *s) {
    copy_table(copying, s, "run", 2, "?2, 1", "run_id = ?1");
    copy_table(copying, s, "tally", 2, "tally_id + ?5, ?2", "tally_id BETWEEN ?3 AND ?4");
    struct query q = query_open(s, "SELECT m.name, max(c.name = 'tally_id') FROM main.sqlite_master m,"
                                   " pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT IN"
                                   " ('run', 'tally') AND c.name IN ('run_id', 'tally_id') AND c.cid = 0 GROUP BY 1");
    while (query_next(&q)) {
        char *table = mem_text(query_get_text(&q));
        if (query_get_i64(&q))
            copy_table(copying, s, table, 1, "tally_id + ?5", "tally_id BETWEEN ?3 AND ?4");
        else copy_table(copying, s, table, 1, "?2", "run_id = ?1");
        free(table);
    }
    query_close(&q);
}

static void copy_place(struct copying *copying, const struct place *place) {
    const int64_t values[] = {place->run, place->new_run, place->tally, place->tally + place->tallies - 1,
                              place->new_tally - place->tally};
    for (size_t i = 0; i < copying->len; i++) {
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) query_put_i64(&copying->at[i], values[k]);
        query_write(&copying->at[i]);
    }
}

static void copy_shard(struct store *s, const struct shard *shard, size_t index, const struct places *places) {
    struct query q = query_open(s, "ATTACH ? AS shard");
    query_put_text(&q, shard->file);
    query_write(&q);
    query_close(&q);
    struct copying copying = {0};
    store_begin(s);
    store_sql(s, "INSERT OR IGNORE INTO main.scenario SELECT * FROM shard.scenario");
    copying_open(&copying, s);
    for (size_t i = 0; i < places->len; i++)
        if (places->at[i].shard == index) copy_place(&copying, &places->at[i]);
    for (size_t i = 0; i < copying.len; i++) query_close(&copying.at[i]);
    free(copying.at);
    store_commit(s);
    store_sql(s, "DETACH shard");
}

static void write_sweep(struct store *s, const struct shard *shard, const struct store_merged *merged) {
    struct query q = query_open(s, "INSERT INTO sweep VALUES (1, ?, ?, ?, ?, 1, 1, ?, ?, ?, ?)");
    query_put_text(&q, shard->same[SAME_HASH]);
    query_put_text(&q, shard->same[SAME_POINTS]); /* the columns make numbers of them */
    query_put_text(&q, shard->same[SAME_REPLICATIONS]);
    query_put_text(&q, shard->same[SAME_NAMES]);
    query_put_text(&q, shard->same[SAME_BINS]);
    query_put_text(&q, shard->same[SAME_JOBS]);
    query_put_i64(&q, (int64_t)merged->runs);
    query_put_i64(&q, (int64_t)merged->done);
    query_write(&q);
    query_close(&q);
}

/* Moves the finished file to its place. */
static void put_in_place(const char *made, const char *output) {
    const int file = open(made, O_RDONLY);
    if (file < 0 || fsync(file) != 0) die("cannot write '%s': %s", made, strerror(errno));
    close(file);
    if (rename(made, output) != 0) die("cannot write '%s': %s", output, strerror(errno));
}

static void write_whole(const char *output, const struct shard *shards, size_t len, const struct places *places,
                        const struct store_merged *merged) {
    struct text made, journal;
    text_init(&made);
    text_init(&journal);
    text_format(&made, "%s.merging", output);
    text_format(&journal, "%s-journal", made.at);
    unlink(made.at); /* of a merge that was killed */
    unlink(journal.at);
    struct store *s = store_open(made.at);
    store_sql(s, "PRAGMA synchronous = OFF"); /* nobody needs it before it is whole */
    for (size_t i = 0; i < len; i++) copy_shard(s, &shards[i], i, places);
    write_sweep(s, &shards[0], merged);
    store_close(s);
    put_in_place(made.at, output);
    text_free(&made);
    text_free(&journal);
}

/* --- */

static bool same_file(const char *a, const char *b) {
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* What there is and what there should be. */
static void count(const struct shard *shard, const struct places *places, struct store_merged *merged) {
    const uint64_t points = strtoull(shard->same[SAME_POINTS], NULL, 10),
                   replications = strtoull(shard->same[SAME_REPLICATIONS], NULL, 10);
    merged->runs = points * replications * shard->runs_a_point;
    merged->done = places->len;
    size_t i = 0;
    while (i < places->len &&
           places->at[i].replication * points + places->at[i].point - 1 == i / shard->runs_a_point)
        i++;
    merged->missing_point = i / shard->runs_a_point % points + 1;
    merged->missing_replication = i / shard->runs_a_point / points;
}

bool store_merge(const char *output, const char *const *files, size_t len, bool partial, struct store_merged *merged,
                 struct err *err) {
    const size_t found = err->found;
    struct shard *shards = mem_zero(len + 1, sizeof *shards);
    struct places places = {0};
    struct stat there;
    size_t shards_len = 0;
    *merged = (struct store_merged){0};
    if (stat(output, &there) == 0 && there.st_size > 0) shard_open(&shards[shards_len++], output, err);
    for (size_t i = 0; i < len; i++)
        if (!same_file(files[i], output)) shard_open(&shards[shards_len++], files[i], err);
    if (err->found == found && parts_agree(shards, shards_len, err)) {
        for (size_t i = 0; i < shards_len; i++) list_places(&places, &shards[i], i);
        if (number_places(&places, shards, err)) {
            count(&shards[0], &places, merged);
            if (merged->done < merged->runs && !partial)
                err_add(err, in_file(output),
                        "%" PRIu64 " of %" PRIu64 " runs are in none of the files, the first at point %" PRIu64
                        ", replication %" PRIu64 "; nothing was written (--partial writes what there is)",
                        merged->runs - merged->done, merged->runs, merged->missing_point,
                        merged->missing_replication);
            else write_whole(output, shards, shards_len, &places, merged);
        }
    }
    for (size_t i = 0; i < shards_len; i++) shard_close(&shards[i]);
    free(places.at);
    free(shards);
    return err->found == found;
}
