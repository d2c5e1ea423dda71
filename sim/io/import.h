/*
 * The seam of trace formats: a format reads public files and fills a job table, or a list of requests; what
 * is common to all (window, duplicate ids, order, the run's clock) is done once, by import_read. A format
 * neither opens files nor prints: it reads through csv_read and import_lines, and says what it left out
 * with import_drop.
 */
#ifndef HEADROOM_IO_IMPORT_H
#define HEADROOM_IO_IMPORT_H

#include "base/err.h"
#include "base/text.h"
#include "core/job.h"
#include "core/model.h"
#include "io/csv.h"
#include "io/requests.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct import_call {
    const char *const *files;
    size_t files_len;
    const void *params; /* of the format, parsed */
    /* Keep the jobs submitted in this window, ends included; INT64_MIN, INT64_MAX: open. */
    int64_t from_unix_ns, to_unix_ns;
};

/* Jobs left out for one reason. */
struct import_drop {
    const char *reason;
    uint64_t count;
    char *first; /* where the first of them stands: "jobs.csv:17" */
};
struct import_report {
    uint64_t read; /* records of jobs, or requests, in the files */
    struct {
        struct import_drop *at;
        size_t len, cap;
    } drops; /* in order of their first appearance */
    struct {
        char **at;
        size_t len, cap;
    } notes;       /* what the reader must know: truncated fractions, guesses */
    uint64_t duplicate_ids; /* dropped, too */
    uint64_t zero_durations, out_of_order; /* kept */
};

struct import_format {
    struct model model; /* its parameters are options of the command: key `nodes_out` is --nodes-out */
    unsigned columns;   /* JOBS_* it fills */
    /* Adds jobs in the order of the file. With calendar times, submit_ns is in Unix time and origin_unix_ns
     * 0; else origin_unix_ns stays unknown. Mistakes in the files are findings; false when there were any. */
    bool (*read)(const struct import_call *call, struct jobs *jobs, struct import_report *report,
                 struct err *err);
    /* In place of `read`, for a format that yields requests to LLMs. *dated: with calendar times; arrival_ns is then
     * in Unix time. */
    bool (*read_requests)(const struct import_call *call, struct request_list *requests, bool *dated,
                          struct import_report *report, struct err *err);
};

/* Reads files in a format. jobs and report are initialised here; free them either way. Afterwards jobs are
 * sorted; those with calendar times begin at 0 = origin_unix_ns. The format yields jobs. */
bool import_read(const struct import_format *format, const struct import_call *call, struct jobs *jobs,
                 struct import_report *report, struct err *err);
/* The common part alone, for jobs read otherwise: window, duplicates, clock, order. */
bool import_finish(const struct import_call *call, struct jobs *jobs, struct import_report *report,
                   struct err *err);
/* The same for a format that yields requests; those with calendar times begin at 0. */
bool import_read_requests(const struct import_format *format, const struct import_call *call,
                          struct requests *requests, struct import_report *report, struct err *err);
void import_report_free(struct import_report *report);

/* --- for formats --- */

/* reason: a constant, one for all jobs left out for it ("no run time"). */
void import_drop(struct import_report *report, const char *reason, const char *file, int line);
void import_note(struct import_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Times and durations a format may pass on: 63 years; their sum is below TICK_NEVER. */
#define IMPORT_TIME_MOST INT64_C(2000000000000000000)
enum { IMPORT_GPUS_MOST = 1000000, IMPORT_COLUMNS_MOST = 16 };

/* A CSV file with a header line: which columns are wanted and who takes a row. Rows with another number of
 * fields than the header are findings and are not visited. */
struct import_row {
    const struct csv_row *csv;
    const char *const *names;                /* of the wanted columns */
    size_t column[IMPORT_COLUMNS_MOST];      /* where they stand; SIZE_MAX: not in this file */
    struct err *err;
    bool wrong;                              /* a field was: the row cannot be used */
};
struct import_table {
    const char *const *names;
    size_t count, required; /* the first `required` must be there */
    void (*row)(void *context, struct import_row *row);
};
bool import_csv(const char *path, const struct import_table *table, void *context, struct err *err);
/* A field of the row by its place in names, checked; what is wrong becomes a finding and 0. */
int64_t import_date(struct import_row *row, size_t i);
int64_t import_seconds(struct import_row *row, size_t i); /* ns, from 0 to IMPORT_TIME_MOST */
uint64_t import_whole(struct import_row *row, size_t i, uint64_t most);
/* "" when the file has no such column. */
const char *import_text(const struct import_row *row, size_t i);
/* A finding about a field. */
void import_wrong(struct import_row *row, size_t i, const char *expected);
/* The index of a tenant or class; "" is the default. */
uint16_t import_label(struct names *names, const char *text);

/* Calls visit for every line of a text file, plain or .gz, without its line end (line[len] is '\0'). */
typedef void import_line(void *context, const char *file, int number, const char *line, size_t len,
                         struct err *err);
bool import_lines(const char *path, import_line *visit, void *context, struct err *err);
/* Writes a whole text file, atomically, .gz by its name. */
bool import_write(const char *path, const struct text *text, struct err *err);

#endif
