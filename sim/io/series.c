/*
 * Time series from CSV: one pass over the file, two of its columns.
 *
 * The time column is chosen by content: the first column whose field in the first row below the header is a
 * date, else the first column named `hour` or ending in `_h`, whose numbers are hours from time 0. A file may
 * thus carry both ("hour_of_2022,utc,value": the dates count).
 *
 * Invariant: times ascend strictly. Cost: O(rows), 16 bytes a row.
 */
#include "io/series.h"

#include "base/num.h"
#include "base/text.h"
#include "base/tick.h"
#include "core/job.h"
#include "io/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct point {
    int64_t at_ns;
    double value;
};

struct reading {
    const char *column;
    double factor;
    int64_t origin_unix_ns, utc_offset_ns;
    struct place_in_file named; /* where the scenario names the file */
    size_t columns;             /* of the header; 0: not seen yet */
    size_t time, value;         /* which column is which */
    size_t hours;               /* the column of hours, `columns` when there is none */
    bool dates, chosen;
    struct {
        struct point *at;
        size_t len, cap;
    } points;
};

static bool names_hours(const char *name) {
    size_t len = strlen(name);
    return strcmp(name, "hour") == 0 || (len > 2 && strcmp(name + len - 2, "_h") == 0);
}

static bool read_header(struct reading *r, const struct csv_row *row, struct err *err) {
    r->columns = r->value = r->hours = row->count;
    for (size_t i = 0; i < row->count; i++) {
        if (r->value == row->count && strcmp(row->fields[i], r->column) == 0) r->value = i;
        if (r->hours == row->count && names_hours(row->fields[i])) r->hours = i;
    }
    if (r->value < row->count) return true;
    const char *near = text_nearest(r->column, row->fields, row->count);
    if (near)
        return err_add(err, r->named, "'%s' has no column '%s', did you mean '%s'?", row->file, r->column,
                       near);
    return err_add(err, r->named, "'%s' has no column '%s'", row->file, r->column);
}

/* Which column holds the times, from the first row below the header. */
static bool choose_time(struct reading *r, const struct csv_row *row, struct err *err) {
    int64_t ns;
    r->chosen = true;
    for (r->time = 0; r->time < row->count && !r->dates; r->time++)
        r->dates = r->time != r->value && tick_parse_date(row->fields[r->time], row->len[r->time], &ns);
    if (!r->dates) {
        r->time = r->hours;
        if (r->hours < r->columns && r->hours != r->value) return true;
        return err_add(
            err, csv_place(row, 0),
            "no column of dates (such as 2021-01-01 00:00) and none of hours named 'hour' or '..._h'");
    }
    r->time--;
    if (r->origin_unix_ns != JOB_UNKNOWN) return true;
    return err_add(err, r->named, "'%s' has dates, expected a start date in the scenario to place them by",
                   row->file);
}

static bool read_time(const struct reading *r, const struct csv_row *row, int64_t *at_ns) {
    const char *text = row->fields[r->time];
    size_t len = row->len[r->time];
    if (!r->dates) {
        double hours;
        if (!num_f64(text, len, &hours) || fabs(hours) > tick_hours(TICK_NEVER / 2)) return false;
        *at_ns = tick_from_seconds(hours * 3600);
        return true;
    }
    /* Both dates are within 292 years of 1970; so must be their difference. */
    return tick_parse_date(text, len, at_ns) && !__builtin_sub_overflow(*at_ns, r->origin_unix_ns, at_ns) &&
           !__builtin_sub_overflow(*at_ns, r->utc_offset_ns, at_ns) && llabs(*at_ns) < TICK_NEVER;
}

/* A row that is wrong is left out and the rest read on, so that every mistake is found. */
static bool read_row(void *context, const struct csv_row *row, struct err *err) {
    struct reading *r = context;
    if (!r->columns) return read_header(r, row, err);
    if (row->count != r->columns) {
        err_add(err, csv_place(row, row->count), "%zu fields, expected %zu as in the header", row->count,
                r->columns);
        return true;
    }
    if (!r->chosen && !choose_time(r, row, err)) return false;
    struct point point;
    if (!read_time(r, row, &point.at_ns)) {
        err_add(err, csv_place(row, r->time), "'%s' is wrong, expected %s", row->fields[r->time],
                r->dates ? "a date such as 2021-01-01 00:00" : "a number of hours");
    } else if (r->points.len && point.at_ns <= r->points.at[r->points.len - 1].at_ns) {
        err_add(err, csv_place(row, r->time),
                "'%s' is not later than the row before, expected times to ascend", row->fields[r->time]);
    } else if (!num_f64(row->fields[r->value], row->len[r->value], &point.value)) {
        err_add(err, csv_place(row, r->value), "%s: '%s' is wrong, expected a number", r->column,
                row->fields[r->value]);
    } else {
        point.value *= r->factor;
        *vec_push(&r->points) = point;
    }
    return true;
}

/* "file: column" */
static const char *source_name(struct arena *arena, const char *path, const char *column) {
    struct text name;
    text_init(&name);
    text_format(&name, "%s: %s", path, column);
    const char *copy = arena_text(arena, name.at);
    text_free(&name);
    return copy;
}

static void fill_steps(const struct reading *r, struct arena *arena, struct steps *steps) {
    size_t len = r->points.len;
    *steps = (struct steps){.len = len};
    steps->at_ns = arena_alloc(arena, len, sizeof *steps->at_ns);
    steps->value = arena_alloc(arena, len, sizeof *steps->value);
    for (size_t i = 0; i < len; i++) {
        steps->at_ns[i] = r->points.at[i].at_ns;
        steps->value[i] = r->points.at[i].value;
    }
    if (len > 1) steps->period_ns = 2 * steps->at_ns[len - 1] - steps->at_ns[len - 2] - steps->at_ns[0];
}

bool series_read(const char *path, const char *column, double factor, int64_t origin_unix_ns,
                 int64_t utc_offset_ns, struct arena *arena, struct steps *steps, struct place_in_file at,
                 struct err *err) {
    struct reading r = {.column = column,
                        .factor = factor,
                        .origin_unix_ns = origin_unix_ns,
                        .utc_offset_ns = utc_offset_ns,
                        .named = at};
    size_t found = err->found;
    csv_read(path, read_row, &r, NULL, err);
    if (err->found == found && !r.points.len) err_add(err, at, "'%s' has no rows", path);
    bool good = err->found == found;
    if (good) {
        fill_steps(&r, arena, steps);
        steps->source = source_name(arena, path, column);
    }
    free(r.points.at);
    return good;
}
