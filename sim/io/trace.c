/*
 * The trace format, read and written: docs/trace.md describes it column by column.
 *
 * The header line says which column stands where; each column is one function that reads its field into the
 * job at hand and otherwise says what it expected. A row that is wrong is still counted, so that every
 * mistake of the file is found. The table is then brought to the run's clock (dates become times since the
 * first submit), ids are compared, and jobs_sort puts the jobs in order.
 *
 * Invariant: row r of the file, counted from 0 behind the header, is job r until the sort. Cost: a few
 * nanoseconds a field, in the caller's thread, while libcsv works in its own (io/csv.c).
 */
#include "io/trace.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/csv.h"
#include "io/gz.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 63 years: a submit and a duration of it add up to less than TICK_NEVER. */
#define SECONDS_MOST INT64_C(2000000000)
#define TEXT_GPUS "a whole number of GPUs up to 1,000,000, or a share of one from 0.001 to 0.999"
#define DATE_MOST_S INT64_C(4102444800)
#define TEXT_SECONDS "seconds from 0 to 2,000,000,000 (63 years), such as 3600 or 12.5"
enum { JOBS_ALL = JOBS_IDS | JOBS_PRIORITY | JOBS_DEADLINE | JOBS_WORK | JOBS_USER | JOBS_WAIT };
enum { LINES_BYTES = 64 * 1024 };
enum { GPUS_MOST = 1000000, CPUS_MOST = 4000000, NAMES_MOST = UINT16_MAX };

__extension__ typedef unsigned __int128 byte16;

/* Names seen lately, by their bytes: most rows name a tenant without a search in the table. */
enum { MEMO = 256 };
struct memo {
    byte16 bytes[MEMO];
    uint32_t index[MEMO];
};

/* Job `job` stands on line `line`, and those after it on the lines after it, up to the next of these. */
struct line_jump {
    uint32_t job;
    int line;
};

struct reading {
    struct jobs *jobs;
    struct err *err;
    unsigned columns;       /* JOBS_* the caller wants */
    const struct column **header; /* the file's columns; NULL where unknown */
    size_t header_len;
    bool seen_header, submit_is_date;
    struct {
        struct line_jump *at;
        size_t len, cap;
    } jumps;
    int next_line;
    const char *file;
    /* The row at hand. */
    struct job *job;
    uint32_t j;
    struct shape shape;
    uint32_t share_milli; /* of the gpu_share column; 0 when not given */
    bool estimated;
    struct memo tenants, classes, users;
    /* The shape before, because equal ones come in runs. */
    struct shape last_shape;
    uint32_t last_shape_id;
};

/* Reads a field that is not empty; NULL, or what was expected instead. */
typedef const char *column_read(struct reading *r, const char *text, size_t len);
/* Appends the field of job j. */
typedef void column_put(struct text *line, const struct jobs *jobs, size_t j);

/* What a table may have to say besides its JOBS_* columns; a column is written when there is something to
 * say. */
enum {
    SAYS_ALWAYS = 1 << 8,
    SAYS_SECONDS = 1 << 9,
    SAYS_DATES = 1 << 10,
    SAYS_CPUS = 1 << 11,
    SAYS_MEMORY = 1 << 12,
    SAYS_MODELS = 1 << 13,
    SAYS_TENANTS = 1 << 14,
    SAYS_CLASSES = 1 << 15,
    SAYS_ESTIMATES = 1 << 16,
    SAYS_UTILISATION = 1 << 17,
    SAYS_NEVER = 0
};

struct column {
    const char *name;
    column_read *read;
    column_put *put;
    unsigned says; /* a JOBS_* column it fills, or a SAYS_* */
    bool required; /* in every row, where the file has the column */
};

/* --- numbers --- */

/* Eight ASCII digits, the first in the lowest byte, to their value, two and two and four and four together. */
static inline uint64_t eight_digits(uint64_t bytes) {
    bytes -= UINT64_C(0x3030303030303030);
    bytes = bytes * 10 + (bytes >> 8);
    const uint64_t pairs = UINT64_C(0x000000ff000000ff);
    return ((bytes & pairs) * (100 + (UINT64_C(1000000) << 32)) +
            (bytes >> 16 & pairs) * (1 + (UINT64_C(10000) << 32))) >> 32;
}
static inline bool all_digits(uint64_t bytes) {
    uint64_t above = bytes + UINT64_C(0x4646464646464646), below = bytes - UINT64_C(0x3030303030303030);
    return ((above | below) & UINT64_C(0x8080808080808080)) == 0;
}
/* Index of the first byte that is a point, 8 when none is. */
static inline unsigned point_in(uint64_t bytes) {
    uint64_t other = bytes ^ UINT64_C(0x2e2e2e2e2e2e2e2e);
    uint64_t zero = (other - UINT64_C(0x0101010101010101)) & ~other & UINT64_C(0x8080808080808080);
    return zero ? (unsigned)__builtin_ctzll(zero) / 8 : 8;
}

/* The word without its byte at `point`: the bytes before it move up. */
static inline uint64_t cut_byte(uint64_t bytes, unsigned point) {
    uint64_t before = (UINT64_C(1) << 8 * point) - 1;
    return (bytes & before) << 8 | (bytes & ~(before << 8 | 0xff));
}
/* Digits '0' in the lowest `bits` bits. */
static inline uint64_t zeros(unsigned bits) {
    return UINT64_C(0x3030303030303030) & (bits < 64 ? (UINT64_C(1) << bits) - 1 : UINT64_MAX);
}

/* Nearly every number of a trace: digits, at most one point, at most 16 bytes in all. Their value without the
 * point, and how many digits stand behind it. A word or two at a time instead of byte by byte, because then
 * no branch depends on where a number ends; false leaves the field to base/num.h. */
static inline bool short_decimal(const char *text, size_t len, uint64_t *digits, unsigned *fraction) {
    if (len > CSV_AHEAD) return false;
    uint64_t low, high; /* of the number: its bytes pushed against the end of two words */
    memcpy(&low, text, sizeof low); /* the reader lets us look past the field */
    *fraction = 0;
    if (len <= 8) {
        unsigned blank = 8 * (8 - (unsigned)len);
        low <<= blank;
        unsigned point = point_in(low);
        if (point < 8) {
            low = cut_byte(low, point);
            *fraction = 7 - point;
            blank += 8;
        }
        low |= zeros(blank);
        *digits = eight_digits(low);
        return all_digits(low) && blank < 64;
    }
    memcpy(&high, text + len - 8, sizeof high);
    unsigned blank = 8 * (16 - (unsigned)len), point = point_in(high);
    low <<= blank;
    if (point < 8) {
        high = cut_byte(high, point) | low >> 56;
        low <<= 8;
        *fraction = 7 - point;
        blank += 8;
    } else if ((point = point_in(low)) < 8) {
        low = cut_byte(low, point);
        *fraction = 15 - point;
        blank += 8;
    }
    low |= zeros(blank);
    *digits = eight_digits(low) * UINT64_C(100000000) + eight_digits(high);
    return all_digits(low) && all_digits(high);
}

static const uint64_t power10[] = {1,      10,      100,      1000,      10000,
                                   100000, 1000000, 10000000, 100000000, 1000000000};

static bool seconds(const char *text, size_t len, int64_t *ns) {
    uint64_t digits, value;
    unsigned fraction;
    if (short_decimal(text, len, &digits, &fraction) && fraction <= 9 &&
        !__builtin_mul_overflow(digits, power10[9 - fraction], &value) && value <= SECONDS_MOST * TICK_S) {
        *ns = (int64_t)value;
        return true;
    }
    int64_t any;
    if (!num_seconds_ns(text, len, &any) || any < 0 || any > SECONDS_MOST * TICK_S) return false;
    *ns = any;
    return true;
}

/* A number from 0 to most in thousandths, rounded. */
static bool thousandths(const char *text, size_t len, uint32_t most, uint32_t *milli) {
    uint64_t digits;
    unsigned fraction;
    if (short_decimal(text, len, &digits, &fraction) && fraction <= 3 &&
        digits <= (uint64_t)most * power10[fraction]) {
        *milli = (uint32_t)(digits * power10[3 - fraction]);
        return true;
    }
    double value;
    if (!num_f64(text, len, &value) || value < 0 || value > most) return false;
    *milli = (uint32_t)lround(value * 1000);
    return true;
}

/* --- reading fields --- */

static const char *read_submit_s(struct reading *r, const char *text, size_t len) {
    return seconds(text, len, &r->job->submit_ns) ? NULL : TEXT_SECONDS;
}
static const char *read_submit_utc(struct reading *r, const char *text, size_t len) {
    int64_t *ns = &r->job->submit_ns;
    if (tick_parse_date(text, len, ns) && *ns >= 0 && *ns <= DATE_MOST_S * TICK_S) return NULL;
    return "a date from 1970 to 2099, such as 2017-10-01T07:01:55Z";
}
static const char *read_duration(struct reading *r, const char *text, size_t len) {
    return seconds(text, len, &r->job->run_ns) ? NULL : TEXT_SECONDS;
}
static const char *read_deadline(struct reading *r, const char *text, size_t len) {
    return seconds(text, len, &r->jobs->deadline_ns[r->j]) ? NULL : TEXT_SECONDS;
}
static const char *read_wait(struct reading *r, const char *text, size_t len) {
    return seconds(text, len, &r->jobs->wait_ns[r->j]) ? NULL : TEXT_SECONDS;
}
static const char *read_estimate(struct reading *r, const char *text, size_t len) {
    r->estimated = true;
    return seconds(text, len, &r->job->estimate_ns) ? NULL : TEXT_SECONDS;
}

static const char *read_gpus(struct reading *r, const char *text, size_t len) {
    uint64_t digits;
    unsigned fraction;
    double value;
    if (short_decimal(text, len, &digits, &fraction) && fraction == 0 && digits <= GPUS_MOST) {
        r->shape.gpus = (uint32_t)digits;
    } else if (!num_f64(text, len, &value) || value < 0 || value > GPUS_MOST) {
        return TEXT_GPUS;
    } else if (value == floor(value)) { /* "8.0", as some tools write it */
        r->shape.gpus = (uint32_t)value;
    } else {
        long milli = lround(value * 1000);
        if (milli < 1 || milli > 999) return TEXT_GPUS;
        r->shape.share_milli = (uint32_t)milli;
    }
    return NULL;
}
static const char *read_gpu_share(struct reading *r, const char *text, size_t len) {
    uint32_t milli;
    if (!thousandths(text, len, 1, &milli)) return "a share of one GPU from 0 to 1";
    r->share_milli = milli % 1000; /* a whole device is what gpus says */
    return NULL;
}

static const char *read_cpus(struct reading *r, const char *text, size_t len) {
    if (thousandths(text, len, CPUS_MOST, &r->shape.cpu_milli)) return NULL;
    return "a number of CPU cores from 0 to 4,000,000";
}
static const char *read_memory(struct reading *r, const char *text, size_t len) {
    uint64_t digits;
    unsigned fraction;
    double value;
    if (short_decimal(text, len, &digits, &fraction) && fraction == 0 && digits < UINT32_MAX)
        r->shape.mem_mib = (uint32_t)digits;
    else if (num_f64(text, len, &value) && value >= 0 && value < UINT32_MAX - 1)
        r->shape.mem_mib = (uint32_t)ceil(value);
    else
        return "MiB of memory from 0 to 4,294,967,294";
    return NULL;
}

static const char *read_models(struct reading *r, const char *text, size_t len) {
    struct names *models = &r->jobs->models;
    uint64_t set = 0;
    for (const char *at = text, *end = text + len; at <= end;) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        size_t size = (size_t)((bar ? bar : end) - at);
        if (size == 0) return "names of GPU models with | between them";
        uint32_t index = names_put(models, at, size);
        if (index >= JOB_MODELS_MOST) return "at most 64 different GPU models in a trace";
        set |= UINT64_C(1) << index;
        at += size + 1;
    }
    r->shape.models = set;
    return NULL;
}

/* names_put by way of the memo. A name has no NUL bytes, so its bytes tell its length, too. */
static uint32_t name_index(struct memo *memo, struct names *names, const char *text, size_t len) {
    if (len > CSV_AHEAD) return names_put(names, text, len);
    byte16 bytes;
    memcpy(&bytes, text, sizeof bytes);
    unsigned blank = 8 * (CSV_AHEAD - (unsigned)len);
    bytes = bytes << blank >> blank;
    uint64_t mixed = ((uint64_t)bytes ^ (uint64_t)(bytes >> 64) * 31) * UINT64_C(0x9e3779b97f4a7c15);
    size_t slot = mixed >> 56;
    if (memo->bytes[slot] != bytes) {
        memo->index[slot] = names_put(names, text, len);
        memo->bytes[slot] = bytes;
    }
    return memo->index[slot];
}

static const char *read_id(struct reading *r, const char *text, size_t len) {
    jobs_set_id(r->jobs, r->j, text, len);
    return NULL;
}
static const char *read_tenant(struct reading *r, const char *text, size_t len) {
    uint32_t index = name_index(&r->tenants, &r->jobs->tenants, text, len);
    if (index > NAMES_MOST) return "at most 65,535 different tenants in a trace";
    r->job->tenant = (uint16_t)index;
    return NULL;
}
static const char *read_class(struct reading *r, const char *text, size_t len) {
    uint32_t index = name_index(&r->classes, &r->jobs->classes, text, len);
    if (index > NAMES_MOST) return "at most 65,535 different classes in a trace";
    r->job->class_id = (uint16_t)index;
    return NULL;
}
static const char *read_user(struct reading *r, const char *text, size_t len) {
    r->jobs->user[r->j] = name_index(&r->users, &r->jobs->users, text, len);
    return NULL;
}
static const char *read_priority(struct reading *r, const char *text, size_t len) {
    int64_t value;
    if (!num_i64(text, len, &value) || value < INT32_MIN || value > INT32_MAX)
        return "a whole number (larger goes first)";
    r->jobs->priority[r->j] = (int32_t)value;
    return NULL;
}
static const char *read_utilisation(struct reading *r, const char *text, size_t len) {
    double value;
    if (!num_f64(text, len, &value) || value < 0 || value > 1) return "a share from 0 to 1";
    r->job->utilisation = (float)value;
    return NULL;
}
static const char *read_work(struct reading *r, const char *text, size_t len) {
    double value;
    if (!num_f64(text, len, &value) || value < 0) return "units of work, 0 or more";
    r->jobs->work[r->j] = value;
    return NULL;
}

/* --- writing fields --- */

/* Exact seconds: "12", "12.5". */
static void put_seconds(struct text *line, int64_t ns) {
    text_format(line, "%lld", (long long)(ns / TICK_S));
    int64_t rest = ns % TICK_S;
    if (!rest) return;
    text_format(line, ".%09lld", (long long)rest);
    while (line->at[line->len - 1] == '0') line->at[--line->len] = '\0';
}

/* Thousandths as a decimal: "4", "0.5". */
static void put_milli(struct text *line, uint32_t milli) {
    put_seconds(line, (int64_t)milli * (TICK_S / 1000));
}

static void put_submit_s(struct text *line, const struct jobs *jobs, size_t j) {
    put_seconds(line, jobs->at[j].submit_ns);
}
static void put_submit_utc(struct text *line, const struct jobs *jobs, size_t j) {
    char buffer[40];
    text_put(line, tick_format_date(jobs->origin_unix_ns + jobs->at[j].submit_ns, buffer));
}
static void put_duration(struct text *line, const struct jobs *jobs, size_t j) {
    put_seconds(line, jobs->at[j].run_ns);
}
static void put_gpus(struct text *line, const struct jobs *jobs, size_t j) {
    const struct shape *shape = &jobs->shapes.at[jobs->at[j].shape];
    if (shape->share_milli)
        put_milli(line, shape->share_milli);
    else
        text_format(line, "%u", shape->gpus);
}
static void put_cpus(struct text *line, const struct jobs *jobs, size_t j) {
    put_milli(line, jobs->shapes.at[jobs->at[j].shape].cpu_milli);
}
static void put_memory(struct text *line, const struct jobs *jobs, size_t j) {
    text_format(line, "%u", jobs->shapes.at[jobs->at[j].shape].mem_mib);
}
static void put_models(struct text *line, const struct jobs *jobs, size_t j) {
    uint64_t set = jobs->shapes.at[jobs->at[j].shape].models;
    if (set == JOB_ANY_MODEL) return;
    struct text names;
    text_init(&names);
    for (size_t m = 0; set; m++, set >>= 1)
        if (set & 1) text_format(&names, "%s%s", names.len ? "|" : "", jobs->models.at[m]);
    if (names.len) csv_put(line, names.at);
    text_free(&names);
}
static void put_id(struct text *line, const struct jobs *jobs, size_t j) {
    csv_put(line, jobs_id(jobs, (uint32_t)j));
}
static void put_tenant(struct text *line, const struct jobs *jobs, size_t j) {
    csv_put(line, jobs->tenants.at[jobs->at[j].tenant]);
}
static void put_class(struct text *line, const struct jobs *jobs, size_t j) {
    csv_put(line, jobs->classes.at[jobs->at[j].class_id]);
}
static void put_user(struct text *line, const struct jobs *jobs, size_t j) {
    if (jobs->user[j] != JOB_NONE) csv_put(line, jobs->users.at[jobs->user[j]]);
}
static void put_priority(struct text *line, const struct jobs *jobs, size_t j) {
    text_format(line, "%d", jobs->priority[j]);
}
static void put_deadline(struct text *line, const struct jobs *jobs, size_t j) {
    if (jobs->deadline_ns[j] == JOB_UNKNOWN) return;
    /* With dates, the clock of the file begins at the first submit. */
    int64_t start = jobs->origin_unix_ns == JOB_UNKNOWN ? 0 : jobs->at[0].submit_ns;
    put_seconds(line, jobs->deadline_ns[j] - start);
}
static void put_wait(struct text *line, const struct jobs *jobs, size_t j) {
    if (jobs->wait_ns[j] != JOB_UNKNOWN) put_seconds(line, jobs->wait_ns[j]);
}
static void put_estimate(struct text *line, const struct jobs *jobs, size_t j) {
    put_seconds(line, jobs->at[j].estimate_ns);
}
/* The shortest decimal that reads back as the same float. */
static void put_utilisation(struct text *line, const struct jobs *jobs, size_t j) {
    char buffer[32];
    for (double scale = 10; scale < 1e9; scale *= 10) {
        double rounded = round((double)jobs->at[j].utilisation * scale) / scale;
        if ((float)rounded != jobs->at[j].utilisation) continue;
        text_put(line, num_shortest(rounded, buffer));
        return;
    }
    text_put(line, num_shortest((double)jobs->at[j].utilisation, buffer));
}
static void put_work(struct text *line, const struct jobs *jobs, size_t j) {
    char buffer[32];
    if (!isnan(jobs->work[j])) text_put(line, num_shortest(jobs->work[j], buffer));
}

/* --- the columns --- */

static const struct column columns[] = {
    {"submit_s", read_submit_s, put_submit_s, SAYS_SECONDS, true},
    {"submit_utc", read_submit_utc, put_submit_utc, SAYS_DATES, true},
    {"duration_s", read_duration, put_duration, SAYS_ALWAYS, true},
    {"gpus", read_gpus, put_gpus, SAYS_ALWAYS, true},
    {"gpu_share", read_gpu_share, NULL, SAYS_NEVER, false}, /* written as a share in gpus */
    {"cpus", read_cpus, put_cpus, SAYS_CPUS, false},
    {"memory_mib", read_memory, put_memory, SAYS_MEMORY, false},
    {"gpu_models", read_models, put_models, SAYS_MODELS, false},
    {"job_id", read_id, put_id, JOBS_IDS, false},
    {"tenant", read_tenant, put_tenant, SAYS_TENANTS, false},
    {"user", read_user, put_user, JOBS_USER, false},
    {"class", read_class, put_class, SAYS_CLASSES, false},
    {"priority", read_priority, put_priority, JOBS_PRIORITY, false},
    {"deadline_s", read_deadline, put_deadline, JOBS_DEADLINE, false},
    {"estimate_s", read_estimate, put_estimate, SAYS_ESTIMATES, false},
    {"utilisation", read_utilisation, put_utilisation, SAYS_UTILISATION, false},
    {"work", read_work, put_work, JOBS_WORK, false},
    {"wait_s", read_wait, put_wait, JOBS_WAIT, false},
};
enum { COLUMNS = sizeof columns / sizeof columns[0] };

/* --- the header --- */

static const struct column *column_find(const char *name, size_t len) {
    for (size_t i = 0; i < COLUMNS; i++)
        if (strlen(columns[i].name) == len && memcmp(columns[i].name, name, len) == 0) return &columns[i];
    return NULL;
}

static bool header_has(const struct reading *r, column_read *read) {
    for (size_t i = 0; i < r->header_len; i++)
        if (r->header[i] && r->header[i]->read == read) return true;
    return false;
}

enum { SHOWN = 48 };
/* A text as a message shows it: not too long, and nothing that could upset a terminal. */
static const char *shown(const char *text, size_t len, char buffer[SHOWN]) {
    bool whole = len < SHOWN;
    if (!whole) len = SHOWN - 4;
    for (size_t i = 0; i < len; i++)
        buffer[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
    memcpy(buffer + len, whole ? "" : "...", whole ? 1 : 4);
    return buffer;
}

static void unknown_column(struct reading *r, const struct csv_row *row, size_t i) {
    const char *names[COLUMNS];
    for (size_t k = 0; k < COLUMNS; k++) names[k] = columns[k].name;
    char name[SHOWN];
    shown(row->fields[i], row->len[i], name);
    const char *near = text_nearest(name, names, COLUMNS);
    bool separated = memchr(row->fields[i], ';', row->len[i]) || memchr(row->fields[i], '\t', row->len[i]);
    if (near)
        err_add(r->err, csv_place(row, i), "unknown column '%s', did you mean '%s'?", name, near);
    else if (row->count == 1 && separated)
        err_add(r->err, csv_place(row, i), "unknown column '%s'; columns are separated by commas", name);
    else
        err_add(r->err, csv_place(row, i), "unknown column '%s'; docs/trace.md lists the columns", name);
}

static void need_column(struct reading *r, const struct csv_row *row, bool there, const char *what) {
    if (!there) err_add(r->err, (struct place_in_file){row->file, row->line, 0, NULL}, "no column %s", what);
}

static void read_header(struct reading *r, const struct csv_row *row) {
    size_t found = r->err->found;
    r->header = mem_zero(row->count, sizeof *r->header);
    unsigned keep = r->columns;
    for (size_t i = 0; i < row->count; i++, r->header_len = i) {
        const struct column *column = column_find(row->fields[i], row->len[i]);
        if (!column) {
            unknown_column(r, row, i);
        } else if (header_has(r, column->read)) {
            err_add(r->err, csv_place(row, i), "column '%s' stands here a second time", column->name);
        } else {
            r->header[i] = column;
            keep |= column->says & JOBS_ALL;
        }
    }
    bool by_second = header_has(r, read_submit_s);
    r->submit_is_date = header_has(r, read_submit_utc);
    if (by_second && r->submit_is_date)
        err_add(r->err, csv_place(row, 0), "columns 'submit_s' and 'submit_utc' exclude each other");
    /* A mistyped required column has been named already. */
    if (r->err->found == found) {
        need_column(r, row, by_second || r->submit_is_date, "'submit_s' (or 'submit_utc')");
        need_column(r, row, header_has(r, read_duration), "'duration_s'");
        need_column(r, row, header_has(r, read_gpus), "'gpus'");
    }
    jobs_free(r->jobs);
    jobs_init(r->jobs, keep);
    r->jobs->has_estimates = header_has(r, read_estimate);
}

/* --- a row --- */

/* A finding about a field. Past those that are shown, its place is not worth the search. */
static void field_wrong(struct reading *r, const struct csv_row *row, size_t i, const char *expected) {
    struct place_in_file at = {row->file, row->line, 0, NULL};
    if (r->err->found < ERR_KEPT_MOST) at = csv_place(row, i);
    at.path = r->header[i]->name;
    char buffer[SHOWN];
    if (row->len[i] == 0)
        err_add(r->err, at, "empty, expected %s", expected);
    else
        err_add(r->err, at, "'%s' is wrong, expected %s", shown(row->fields[i], row->len[i], buffer),
                expected);
}

static void share_wrong(struct reading *r, const struct csv_row *row) {
    size_t i = 0;
    while (!r->header[i] || r->header[i]->read != read_gpu_share) i++;
    field_wrong(r, row, i,
                r->shape.share_milli ? "none, because gpus is a share already"
                                     : "none, because gpus is more than 1");
}

static void end_row(struct reading *r, const struct csv_row *row) {
    if (r->share_milli) {
        if (r->shape.share_milli || r->shape.gpus > 1) share_wrong(r, row);
        r->shape.gpus = 0;
        r->shape.share_milli = r->share_milli;
    }
    if (r->jobs->has_estimates && !r->estimated) r->job->estimate_ns = r->job->run_ns;
    if (r->j == 0 || memcmp(&r->shape, &r->last_shape, sizeof r->shape) != 0) {
        r->last_shape = r->shape;
        r->last_shape_id = jobs_shape(r->jobs, &r->shape);
    }
    r->job->shape = r->last_shape_id;
}

static bool read_row(void *context, const struct csv_row *row, struct err *err) {
    struct reading *r = context;
    if (!r->header) {
        read_header(r, row);
        return true;
    }
    if (row->line != r->next_line)
        *vec_push(&r->jumps) = (struct line_jump){(uint32_t)r->jobs->len, row->line};
    r->next_line = row->line + 1;
    r->j = jobs_add(r->jobs);
    r->job = &r->jobs->at[r->j];
    r->shape = (struct shape){.models = JOB_ANY_MODEL};
    r->share_milli = 0;
    r->estimated = false;
    size_t count = row->count < r->header_len ? row->count : r->header_len;
    for (size_t i = 0; i < count; i++) {
        const struct column *column = r->header[i];
        if (!column) continue;
        const char *expected = NULL;
        if (row->len[i] > 0)
            expected = column->read(r, row->fields[i], row->len[i]);
        else if (column->required)
            expected = "a value in every row";
        if (expected) field_wrong(r, row, i, expected);
    }
    end_row(r, row);
    if (row->count != r->header_len)
        err_add(err, (struct place_in_file){row->file, row->line, 0, NULL},
                "%zu fields, expected %zu as in the header", row->count, r->header_len);
    return true;
}

/* --- the table --- */

static int job_line(const struct reading *r, uint32_t job) {
    size_t i = r->jumps.len;
    while (r->jumps.at[i - 1].job > job) i--;
    return r->jumps.at[i - 1].line + (int)(job - r->jumps.at[i - 1].job);
}

static void duplicate_id(void *context, uint32_t job, uint32_t first) {
    struct reading *r = context;
    struct place_in_file at = {r->file, job_line(r, job), 0, "job_id"};
    char buffer[SHOWN];
    err_add(r->err, at, "'%s' stands on line %d already, expected ids that differ",
            shown(jobs_id(r->jobs, job), strlen(jobs_id(r->jobs, job)), buffer), job_line(r, first));
}

/* Dates to times since the first submit. */
static bool rebase(struct jobs *jobs, const char *file, struct err *err) {
    int64_t first = INT64_MAX, last = 0;
    for (size_t j = 0; j < jobs->len; j++) {
        if (jobs->at[j].submit_ns < first) first = jobs->at[j].submit_ns;
        if (jobs->at[j].submit_ns > last) last = jobs->at[j].submit_ns;
    }
    if (last - first > SECONDS_MOST * TICK_S)
        return err_add(err, (struct place_in_file){file, 0, 0, "submit_utc"},
                       "the dates span more than 63 years");
    for (size_t j = 0; j < jobs->len; j++) jobs->at[j].submit_ns -= first;
    jobs->origin_unix_ns = first;
    return true;
}

bool trace_read(const char *path, unsigned keep, struct jobs *jobs, struct err *err) {
    struct reading r = {.jobs = jobs, .err = err, .columns = keep, .file = path};
    size_t found = err->found;
    jobs_init(jobs, keep);
    bool read = csv_read_spans(path, read_row, &r, err);
    struct place_in_file at = {path, 0, 0, NULL};
    if (read && !r.header) err_add(err, at, "empty, expected a header line with the names of the columns");
    if (read && r.header && err->found == found && jobs->len == 0)
        err_add(err, at, "no jobs behind the header line");
    jobs_duplicate_ids(jobs, duplicate_id, &r);
    if (err->found == found && r.submit_is_date) rebase(jobs, path, err);
    if (err->found == found) jobs_sort(jobs);
    free(r.header);
    free(r.jumps.at);
    return err->found == found;
}

/* --- writing --- */

static unsigned table_says(const struct jobs *jobs) {
    unsigned says = SAYS_ALWAYS | (jobs->origin_unix_ns == JOB_UNKNOWN ? SAYS_SECONDS : SAYS_DATES);
    if (jobs->has_estimates) says |= SAYS_ESTIMATES;
    for (size_t j = 0; j < jobs->len; j++) {
        const struct job *job = &jobs->at[j];
        const struct shape *shape = &jobs->shapes.at[job->shape];
        if (jobs_id(jobs, (uint32_t)j)[0]) says |= JOBS_IDS;
        if (jobs->user && jobs->user[j] != JOB_NONE) says |= JOBS_USER;
        if (jobs->priority && jobs->priority[j]) says |= JOBS_PRIORITY;
        if (jobs->deadline_ns && jobs->deadline_ns[j] != JOB_UNKNOWN) says |= JOBS_DEADLINE;
        if (jobs->work && !isnan(jobs->work[j])) says |= JOBS_WORK;
        if (jobs->wait_ns && jobs->wait_ns[j] != JOB_UNKNOWN) says |= JOBS_WAIT;
        if (shape->cpu_milli) says |= SAYS_CPUS;
        if (shape->mem_mib) says |= SAYS_MEMORY;
        if (shape->models != JOB_ANY_MODEL) says |= SAYS_MODELS;
        if (job->tenant) says |= SAYS_TENANTS;
        if (job->class_id) says |= SAYS_CLASSES;
        if (job->utilisation < 1) says |= SAYS_UTILISATION;
    }
    return says;
}

bool trace_write(const char *path, const struct jobs *jobs, struct err *err) {
    struct gz *gz = gz_create(path);
    if (!gz)
        return err_add(err, (struct place_in_file){path, 0, 0, NULL}, "cannot be written: %s",
                       strerror(errno));
    unsigned says = table_says(jobs);
    struct text line;
    text_init(&line);
    const struct column *written[COLUMNS];
    size_t count = 0;
    for (size_t i = 0; i < COLUMNS; i++)
        if (columns[i].says & says) written[count++] = &columns[i];
    for (size_t i = 0; i < count; i++) text_format(&line, "%s%s", i ? "," : "", written[i]->name);
    text_put(&line, "\n");
    for (size_t j = 0; j < jobs->len; j++) {
        for (size_t i = 0; i < count; i++) {
            if (i) text_put(&line, ",");
            written[i]->put(&line, jobs, j);
        }
        text_put(&line, "\n");
        if (line.len < LINES_BYTES) continue;
        gz_write(gz, line.at, line.len);
        text_clear(&line);
    }
    gz_write(gz, line.at, line.len);
    gz_commit(gz);
    text_free(&line);
    return true;
}
