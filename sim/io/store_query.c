/*
 * Statements on the results database (see store_query.h). The only file that knows SQLite. A statement is prepared
 * once and stepped a row at a time; binding and reading go by position.
 *
 * Cost: about a microsecond a row.
 */
#include "io/store_query.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/tick.h"
#include "io/store.h"

#include <inttypes.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUSY_MS = 60000 };

_Noreturn static void fail(struct store *s) {
    char *said = mem_text(sqlite3_errmsg(s->db));
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    die("results '%s': %s", s->path, said);
}

void store_sql(struct store *s, const char *sql) {
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK) fail(s);
}

void store_sql_all(struct store *s, const char *const *statements) {
    for (; *statements; statements++) store_sql(s, *statements);
}

void store_begin(struct store *s) {
    if (s->open++ == 0) store_sql(s, "BEGIN IMMEDIATE");
}
void store_commit(struct store *s) {
    if (--s->open == 0) store_sql(s, "COMMIT");
}

struct query query_open(struct store *s, const char *sql) {
    struct query q = {s, NULL, 0};
    if (sqlite3_prepare_v2(s->db, sql, -1, &q.stmt, NULL) != SQLITE_OK) fail(s);
    return q;
}
void query_close(struct query *q) { sqlite3_finalize(q->stmt); }

void query_put_i64(struct query *q, int64_t value) { sqlite3_bind_int64(q->stmt, ++q->at, value); }
void query_put_f64(struct query *q, double value) { sqlite3_bind_double(q->stmt, ++q->at, value); }
void query_put_null(struct query *q) { sqlite3_bind_null(q->stmt, ++q->at); }
void query_put_text(struct query *q, const char *text) {
    sqlite3_bind_text(q->stmt, ++q->at, text, -1, SQLITE_STATIC);
}
void query_put_hash(struct query *q, uint64_t hash) {
    char hex[17];
    snprintf(hex, sizeof hex, "%016" PRIx64, hash);
    sqlite3_bind_text(q->stmt, ++q->at, hex, -1, SQLITE_TRANSIENT);
}
void query_put_time(struct query *q, bool known, int64_t ns) { query_put_f64(q, known ? tick_seconds(ns) : NAN); }

void query_reset(struct query *q) {
    sqlite3_reset(q->stmt);
    q->at = 0;
}
void query_write(struct query *q) {
    if (sqlite3_step(q->stmt) != SQLITE_DONE) fail(q->store);
    query_reset(q);
}

bool query_next(struct query *q) {
    const int status = sqlite3_step(q->stmt);
    if (status != SQLITE_ROW && status != SQLITE_DONE) fail(q->store);
    q->at = 0;
    return status == SQLITE_ROW;
}
int64_t query_get_i64(struct query *q) { return sqlite3_column_int64(q->stmt, q->at++); }
double query_get_f64(struct query *q) {
    const int column = q->at++;
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL ? NAN : sqlite3_column_double(q->stmt, column);
}
const char *query_get_text(struct query *q) {
    const char *text = (const char *)sqlite3_column_text(q->stmt, q->at++);
    return text ? text : "";
}

int64_t store_ask_i64(struct store *s, const char *sql) {
    struct query q = query_open(s, sql);
    const int64_t answer = query_next(&q) ? query_get_i64(&q) : 0;
    query_close(&q);
    return answer;
}

/* --- the file --- */

struct store *store_connect(const char *path, bool create) {
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* else a lock at every allocation; refused, harmlessly, once it runs */
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    struct store *s = mem_zero(1, sizeof *s);
    s->path = mem_text(path);
    s->metric_ids = mem_zero(result_metrics_len, sizeof *s->metric_ids);
    if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK) {
        die("cannot open results '%s': %s", path, sqlite3_errmsg(s->db));
    }
    sqlite3_busy_timeout(s->db, BUSY_MS);
    return s;
}

bool store_check_file(struct store *s) {
    struct query q = {s, NULL, 0};
    const char *sql = "SELECT count(*) FROM sqlite_master";
    int status = sqlite3_prepare_v2(s->db, sql, -1, &q.stmt, NULL);
    if (status == SQLITE_OK) status = sqlite3_step(q.stmt);
    if (status == SQLITE_NOTADB) {
        die("'%s' is not a results database, and was left as it is; name another file", s->path);
    }
    if (status != SQLITE_ROW) fail(s);
    const int64_t tables = query_get_i64(&q);
    query_close(&q);
    const int64_t application = store_ask_i64(s, "PRAGMA application_id");
    const int64_t version = store_ask_i64(s, "PRAGMA user_version");
    if (tables == 0 && application == 0 && version == 0) return false;
    if (application != STORE_APPLICATION_ID) {
        die("'%s' is a database of another program, and was left as it is; name another file", s->path);
    }
    if (version != STORE_SCHEMA_VERSION) {
        die("'%s' has results of schema version %" PRId64
            ", and this is headroom %s, which knows version %d; "
            "the file was left as it is: name another, or use the headroom that wrote it",
            s->path, version, HEADROOM_VERSION, STORE_SCHEMA_VERSION);
    }
    return true;
}

void store_close(struct store *s) {
    if (!s) return;
    if (sqlite3_close(s->db) != SQLITE_OK) fail(s);
    free(s->metric_ids);
    free(s->path);
    free(s);
}
