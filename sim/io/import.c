/*
 * What all trace formats share (see import.h): the window, duplicate ids, the run's clock, and the
 * bookkeeping of what was left out. Cost: O(n), and the sort.
 */
#include "io/import.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/tick.h"
#include "io/gz.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_BLOCK = 64 * 1024, LINE_MOST = 1024 * 1024 };

void import_report_free(struct import_report *report) {
    for (size_t i = 0; i < report->drops.len; i++) free(report->drops.at[i].first);
    for (size_t i = 0; i < report->notes.len; i++) free(report->notes.at[i]);
    free(report->drops.at);
    free(report->notes.at);
    *report = (struct import_report){0};
}

/* The entry of a reason; new ones begin at 0. */
static struct import_drop *drop_entry(struct import_report *report, const char *reason) {
    for (size_t i = 0; i < report->drops.len; i++)
        if (strcmp(report->drops.at[i].reason, reason) == 0) return &report->drops.at[i];
    struct import_drop *entry = vec_push(&report->drops);
    *entry = (struct import_drop){.reason = reason};
    return entry;
}

void import_drop(struct import_report *report, const char *reason, const char *file, int line) {
    struct import_drop *entry = drop_entry(report, reason);
    if (entry->count++) return;
    struct text first;
    text_init(&first);
    text_format(&first, "%s:%d", file, line);
    entry->first = text_take(&first);
}

void import_note(struct import_report *report, const char *format, ...) {
    struct text note;
    text_init(&note);
    va_list args;
    va_start(args, format);
    text_format_list(&note, format, args);
    va_end(args);
    *vec_push(&report->notes) = text_take(&note);
}

/* --- what is done to every import --- */

/* Leaves out jobs for a reason; the first is named by `first`, which is taken over. */
static void drop_count(struct import_report *report, const char *reason, uint64_t count, char *first) {
    struct import_drop *entry = drop_entry(report, reason);
    entry->count += count;
    entry->first = first;
}

static bool keep_window(const struct import_call *call, struct jobs *jobs, struct import_report *report,
                        struct err *err) {
    if (call->from_unix_ns == INT64_MIN && call->to_unix_ns == INT64_MAX) return true;
    if (jobs->origin_unix_ns == JOB_UNKNOWN)
        return err_add(err, (struct place_in_file){call->files[0], 0, 0, NULL},
                       "its times are not dates, so --from and --to cannot be used");
    bool *keep = mem_alloc(jobs->len * sizeof *keep);
    uint64_t dropped = 0;
    char *first = NULL, date[40];
    for (size_t j = 0; j < jobs->len; j++) {
        int64_t submit = jobs->origin_unix_ns + jobs->at[j].submit_ns;
        keep[j] = submit >= call->from_unix_ns && submit <= call->to_unix_ns;
        if (keep[j]) continue;
        if (dropped++ == 0) first = mem_text(tick_format_date(submit, date));
    }
    if (dropped) drop_count(report, "submitted outside --from and --to", dropped, first);
    jobs_filter(jobs, keep);
    free(keep);
    return true;
}

struct duplicates {
    bool *keep;
    const struct jobs *jobs;
    char *first;
};
static void visit_duplicate(void *context, uint32_t job, uint32_t first) {
    (void)first;
    struct duplicates *d = context;
    d->keep[job] = false;
    if (d->first) return;
    struct text text;
    text_init(&text);
    text_format(&text, "id '%s'", jobs_id(d->jobs, job));
    d->first = text_take(&text);
}

/* A trace with two jobs of one id could not be read again. */
static void drop_duplicates(struct jobs *jobs, struct import_report *report) {
    struct duplicates d = {.keep = mem_alloc(jobs->len * sizeof *d.keep), .jobs = jobs};
    memset(d.keep, true, jobs->len * sizeof *d.keep);
    report->duplicate_ids = jobs_duplicate_ids(jobs, visit_duplicate, &d);
    if (report->duplicate_ids) {
        drop_count(report, "the id of an earlier job", report->duplicate_ids, d.first);
        jobs_filter(jobs, d.keep);
    }
    free(d.keep);
}

/* Calendar times to times since the first job. */
static bool set_clock(struct jobs *jobs, const char *file, struct err *err) {
    if (jobs->origin_unix_ns == JOB_UNKNOWN) return true;
    int64_t first = INT64_MAX, last = INT64_MIN;
    for (size_t j = 0; j < jobs->len; j++) {
        int64_t submit = jobs->at[j].submit_ns;
        if (submit < first) first = submit;
        if (submit > last) last = submit;
    }
    if ((double)last - (double)first > (double)IMPORT_TIME_MOST)
        return err_add(err, (struct place_in_file){file, 0, 0, NULL},
                       "the submit times span more than 63 years");
    for (size_t j = 0; j < jobs->len; j++) {
        jobs->at[j].submit_ns -= first;
        if (jobs->deadline_ns && jobs->deadline_ns[j] != JOB_UNKNOWN) jobs->deadline_ns[j] -= first;
    }
    jobs->origin_unix_ns += first;
    return true;
}

bool import_finish(const struct import_call *call, struct jobs *jobs, struct import_report *report,
                   struct err *err) {
    if (!keep_window(call, jobs, report, err)) return false;
    drop_duplicates(jobs, report);
    if (!jobs->len)
        return err_add(err, (struct place_in_file){call->files[0], 0, 0, NULL}, "no job is left of %llu",
                       (unsigned long long)report->read);
    for (size_t j = 0; j < jobs->len; j++) {
        report->out_of_order += j > 0 && jobs->at[j].submit_ns < jobs->at[j - 1].submit_ns;
        report->zero_durations += jobs->at[j].run_ns == 0;
    }
    if (!set_clock(jobs, call->files[0], err)) return false;
    jobs_sort(jobs);
    return true;
}

bool import_read(const struct import_format *format, const struct import_call *call, struct jobs *jobs,
                 struct import_report *report, struct err *err) {
    jobs_init(jobs, format->columns);
    *report = (struct import_report){0};
    return format->read(call, jobs, report, err) && import_finish(call, jobs, report, err);
}

/* --- requests --- */

/* Leaves out what came outside the window, and lets the first that is kept come at 0. */
static bool finish_requests(const struct import_call *call, struct requests *requests, bool dated,
                            struct import_report *report, struct err *err) {
    const struct place_in_file at = {.file = call->files[0]};
    const bool windowed = call->from_unix_ns != INT64_MIN || call->to_unix_ns != INT64_MAX;
    if (windowed && !dated) return err_add(err, at, "its times are not dates, so --from and --to cannot be used");
    size_t from = 0, to = requests->len;
    while (from < to && requests->at[from].arrival_ns < call->from_unix_ns) from++;
    while (to > from && requests->at[to - 1].arrival_ns > call->to_unix_ns) to--;
    if (from > 0 || to < requests->len) {
        char date[40];
        const struct request_row *first = &requests->at[from > 0 ? 0 : to];
        drop_count(report, "came outside --from and --to", requests->len - (to - from),
                   mem_text(tick_format_date(first->arrival_ns, date)));
    }
    if (to == from)
        return err_add(err, at, "no request is left of %llu", (unsigned long long)report->read);
    const int64_t zero_ns = dated ? requests->at[from].arrival_ns : 0;
    if ((double)requests->at[to - 1].arrival_ns - (double)zero_ns > (double)IMPORT_TIME_MOST)
        return err_add(err, at, "the arrivals span more than 63 years");
    for (size_t i = from; i < to; i++) {
        requests->at[i - from] = requests->at[i];
        requests->at[i - from].arrival_ns -= zero_ns;
        if (!requests->blocks) continue;
        requests->blocks[i - from] = requests->blocks[i];
        requests->blocks_len[i - from] = requests->blocks_len[i];
    }
    requests->len = to - from;
    return true;
}

bool import_read_requests(const struct import_format *format, const struct import_call *call,
                          struct requests *requests, struct import_report *report, struct err *err) {
    struct request_list list;
    bool dated = false;
    request_list_init(&list);
    *report = (struct import_report){0};
    const bool good = format->read_requests(call, &list, &dated, report, err);
    for (size_t i = 1; i < list.rows.len; i++)
        report->out_of_order += list.rows.at[i].arrival_ns < list.rows.at[i - 1].arrival_ns;
    request_list_take(&list, requests);
    return good && finish_requests(call, requests, dated, report, err);
}

/* --- for formats --- */

struct table_reading {
    const struct import_table *table;
    struct import_row row;
    void *context;
    size_t columns; /* of the header; 0: not seen yet */
};

static bool find_columns(struct table_reading *r, const struct csv_row *header, struct err *err) {
    bool good = true;
    r->columns = header->count;
    for (size_t i = 0; i < r->table->count; i++) {
        const char *name = r->table->names[i];
        size_t k = 0;
        while (k < header->count && strcmp(header->fields[k], name) != 0) k++;
        r->row.column[i] = k < header->count ? k : SIZE_MAX;
        if (k < header->count || i >= r->table->required) continue;
        const char *near = text_nearest(name, header->fields, header->count);
        struct place_in_file at = {header->file, header->line, 0, NULL};
        good = near ? err_add(err, at, "no column '%s', is it '%s'?", name, near)
                    : err_add(err, at, "no column '%s'", name);
    }
    return good;
}

static bool table_row(void *context, const struct csv_row *csv, struct err *err) {
    struct table_reading *r = context;
    if (!r->columns) return find_columns(r, csv, err);
    r->row.csv = csv;
    r->row.wrong = false;
    if (csv->count != r->columns)
        err_add(err, (struct place_in_file){csv->file, csv->line, 0, NULL},
                "%zu fields, expected %zu as in the header", csv->count, r->columns);
    else
        r->table->row(r->context, &r->row);
    return true;
}

bool import_csv(const char *path, const struct import_table *table, void *context, struct err *err) {
    require(table->count <= IMPORT_COLUMNS_MOST);
    struct table_reading r = {.table = table, .context = context, .row = {.names = table->names, .err = err}};
    size_t found = err->found;
    csv_read(path, table_row, &r, NULL, err);
    if (err->found == found && !r.columns)
        err_add(err, (struct place_in_file){path, 0, 0, NULL}, "empty, expected a header line");
    return err->found == found;
}

const char *import_text(const struct import_row *row, size_t i) {
    return row->column[i] == SIZE_MAX ? "" : row->csv->fields[row->column[i]];
}

void import_wrong(struct import_row *row, size_t i, const char *expected) {
    struct place_in_file at = {row->csv->file, row->csv->line, 0, NULL};
    /* Past the findings that are shown, their places are not worth the search. */
    if (row->err->found < ERR_KEPT_MOST) at = csv_place(row->csv, row->column[i]);
    at.path = row->names[i];
    err_add(row->err, at, "'%.48s' is wrong, expected %s", import_text(row, i), expected);
    row->wrong = true;
}

int64_t import_date(struct import_row *row, size_t i) {
    const char *text = import_text(row, i);
    int64_t ns = 0;
    if (!tick_parse_date(text, strlen(text), &ns)) import_wrong(row, i, "a date such as 2017-10-01 07:01:55");
    return ns;
}

int64_t import_seconds(struct import_row *row, size_t i) {
    const char *text = import_text(row, i);
    int64_t ns = 0;
    if (num_seconds_ns(text, strlen(text), &ns) && ns >= 0 && ns <= IMPORT_TIME_MOST) return ns;
    import_wrong(row, i, "seconds from 0 to 2,000,000,000 (63 years)");
    return 0;
}

uint64_t import_whole(struct import_row *row, size_t i, uint64_t most) {
    const char *text = import_text(row, i);
    uint64_t value = 0;
    if (num_u64(text, strlen(text), &value) && value <= most) return value;
    char expected[64];
    snprintf(expected, sizeof expected, "a whole number from 0 to %llu", (unsigned long long)most);
    import_wrong(row, i, expected);
    return 0;
}

uint16_t import_label(struct names *names, const char *text) {
    uint32_t index = text[0] ? names_put(names, text, strlen(text)) : 0;
    if (index > UINT16_MAX) die("more than 65,535 different tenants or classes in a trace");
    return (uint16_t)index;
}

/* Visits the whole lines of text and keeps what follows them. */
static void visit_lines(struct text *text, struct place_in_file *at, import_line *visit, void *context,
                        struct err *err) {
    size_t begin = 0;
    for (char *end; (end = memchr(text->at + begin, '\n', text->len - begin)); at->line++) {
        size_t len = (size_t)(end - text->at) - begin;
        if (len && end[-1] == '\r') len--;
        text->at[begin + len] = '\0';
        visit(context, at->file, at->line, text->at + begin, len, err);
        begin = (size_t)(end - text->at) + 1;
    }
    text->len -= begin;
    memmove(text->at, text->at + begin, text->len);
}

bool import_lines(const char *path, import_line *visit, void *context, struct err *err) {
    struct place_in_file at = {path, 1, 0, NULL};
    struct gz *gz = gz_open(path);
    if (!gz)
        return err_add(err, (struct place_in_file){path, 0, 0, NULL}, "cannot be opened: %s",
                       strerror(errno));
    size_t found = err->found;
    struct text text;
    text_init(&text);
    char block[LINES_BLOCK];
    const char *why = NULL;
    bool good = true;
    for (long got = 1; good && got > 0;) {
        got = gz_read(gz, block, sizeof block, &why);
        if (got > 0 && memchr(block, '\0', (size_t)got)) {
            good = err_add(err, at, "a NUL byte in this line or soon after, expected text");
        } else if (got < 0) {
            good = err_add(err, at, "%s", why);
        } else {
            text_add(&text, got ? block : "\n", got ? (size_t)got : text.len > 0);
            visit_lines(&text, &at, visit, context, err);
            if (text.len > LINE_MOST) good = err_add(err, at, "a line longer than 1 MiB");
        }
    }
    text_free(&text);
    gz_close(gz);
    return err->found == found;
}

bool import_write(const char *path, const struct text *text, struct err *err) {
    struct gz *gz = gz_create(path);
    if (!gz)
        return err_add(err, (struct place_in_file){path, 0, 0, NULL}, "cannot be written: %s",
                       strerror(errno));
    gz_write(gz, text->at, text->len);
    gz_commit(gz);
    return true;
}
