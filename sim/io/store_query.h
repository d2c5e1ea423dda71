/*
 * Statements on the results database. Private to store.c and store_read.c; trouble of any kind ends the program, as
 * store.h says.
 */
#ifndef HEADROOM_IO_STORE_QUERY_H
#define HEADROOM_IO_STORE_QUERY_H

#include <stdbool.h>
#include <stdint.h>

enum { STORE_APPLICATION_ID = 0x48647231 /* "Hdr1" */ };

struct store {
    struct sqlite3 *db;
    char *path;
    int64_t batch;       /* 0 until the first run begins */
    int64_t *metric_ids; /* parallel to result_metrics */
    unsigned open;       /* transactions, one inside the other; the outermost counts */
};

/* Opens the file, whatever it holds. create: where there is none. */
struct store *store_connect(const char *path, bool create);
/* Dies unless the file is ours, of our version. false: it is empty. */
bool store_check_file(struct store *s);
/* Statements without results, separated by semicolons; or a list that ends with NULL. */
void store_sql(struct store *s, const char *sql);
void store_sql_all(struct store *s, const char *const *statements);
/* A transaction to write; inside another it is a part of that one. */
void store_begin(struct store *s);
void store_commit(struct store *s);
/* The first number of the first row; 0 when there is none. */
int64_t store_ask_i64(struct store *s, const char *sql);

/* A prepared statement and the next parameter to bind (from 1) or column to read (from 0). */
struct query {
    struct store *store;
    struct sqlite3_stmt *stmt;
    int at;
};
struct query query_open(struct store *s, const char *sql);
void query_close(struct query *q);

void query_put_i64(struct query *q, int64_t value);
void query_put_f64(struct query *q, double value); /* NAN becomes NULL */
void query_put_null(struct query *q);
void query_put_text(struct query *q, const char *text); /* it must live until the row is written; NULL becomes NULL */
void query_put_hash(struct query *q, uint64_t hash);
/* Seconds; NULL for times that may not have happened. */
void query_put_time(struct query *q, bool known, int64_t ns);
/* Writes the row bound; the statement is ready for the next one. */
void query_write(struct query *q);

/* true: a row stands ready to be read. */
bool query_next(struct query *q);
/* Ready to bind and read anew. */
void query_reset(struct query *q);
int64_t query_get_i64(struct query *q);
double query_get_f64(struct query *q);
const char *query_get_text(struct query *q); /* valid until the next row; "" for NULL */

#endif
