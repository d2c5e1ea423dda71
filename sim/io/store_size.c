/*
 * What a search for a fleet found, into the results database: a row for the search, one a fleet that was tried, one a
 * target that was judged; the runs themselves are kept as any others, and carry the fleet's number as their point.
 * One transaction. Cost: a row's.
 */
#include "io/store.h"
#include "io/store_query.h"

#include <math.h>

static void write_search(struct store *s, const struct store_size *size) {
    struct query q = query_open(s, "INSERT INTO size VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    query_put_i64(&q, s->batch);
    query_put_text(&q, size->objective);
    query_put_f64(&q, size->confidence);
    query_put_i64(&q, (int64_t)size->replications_least);
    query_put_i64(&q, (int64_t)size->replications_most);
    query_put_i64(&q, (int64_t)size->points);
    query_put_i64(&q, (int64_t)size->runs);
    query_put_text(&q, size->note);
    query_write(&q);
    query_close(&q);
}

static void write_fleets(struct store *s, const struct store_size *size) {
    struct query q = query_open(s, "INSERT INTO size_fleet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; i < size->fleets_len; i++) {
        const struct store_fleet *fleet = &size->fleets[i];
        query_put_i64(&q, s->batch);
        query_put_i64(&q, (int64_t)fleet->point);
        query_put_text(&q, fleet->name);
        query_put_text(&q, fleet->verdict);
        query_put_text(&q, fleet->role);
        query_put_i64(&q, (int64_t)fleet->replications);
        query_put_f64(&q, fleet->nodes);
        query_put_f64(&q, fleet->usd);
        query_put_f64(&q, fleet->kwh);
        query_put_f64(&q, fleet->co2_kg);
        query_write(&q);
    }
    query_close(&q);
}

static void write_levels(struct store *s, const struct store_size *size) {
    struct query q = query_open(s, "INSERT INTO size_level VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; i < size->levels_len; i++) {
        const struct store_level *level = &size->levels[i];
        query_put_i64(&q, s->batch);
        query_put_i64(&q, (int64_t)level->point);
        query_put_text(&q, level->in);
        query_put_text(&q, level->target);
        query_put_f64(&q, level->mean);
        query_put_f64(&q, level->least);
        query_put_f64(&q, level->most);
        query_put_text(&q, level->verdict);
        query_write(&q);
    }
    query_close(&q);
}

void store_size(struct store *s, const struct store_size *size) {
    if (!s->batch) return; /* nothing was run */
    store_sql(s, "BEGIN IMMEDIATE");
    write_search(s, size);
    write_fleets(s, size);
    write_levels(s, size);
    store_sql(s, "COMMIT");
}

void store_plan(struct store *s, const struct store_purchase *rows, size_t len) {
    if (!s->batch) return;
    store_sql(s, "BEGIN IMMEDIATE");
    struct query q = query_open(s, "INSERT INTO size_plan VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; i < len; i++) {
        query_put_i64(&q, s->batch);
        query_put_i64(&q, (int64_t)rows[i].period);
        query_put_text(&q, rows[i].pool);
        query_put_f64(&q, rows[i].demand);
        query_put_i64(&q, (int64_t)rows[i].point);
        query_put_i64(&q, rows[i].bought);
        query_put_i64(&q, rows[i].standing);
        query_put_i64(&q, rows[i].used);
        query_put_f64(&q, isinf(rows[i].price_usd) ? NAN : rows[i].price_usd);
        query_put_f64(&q, rows[i].running_usd);
        query_write(&q);
    }
    query_close(&q);
    store_sql(s, "COMMIT");
}
