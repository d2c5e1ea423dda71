/*
 * CSV through libcsv in strict mode, and the only file that knows it.
 *
 * The file is read in blocks cut at the end of a record. libcsv turns a block into a batch: the texts of its
 * fields, one after the other, and where fields and rows end. A file of more than one block is parsed by a
 * thread of its own that runs a few batches ahead of the caller, because the caller's part (numbers) costs
 * about as much as libcsv's; rows still arrive one by one and in order, so nothing depends on timing.
 *
 * libcsv does not say where it is. A block without quotes is handed over whole, and its lines are counted by
 * the line feeds that libcsv reports; a block with quotes is handed over line by line, because a record may
 * then span lines. Columns are worked out again, byte by byte, for the few rows that someone complains about.
 *
 * Invariant: a batch holds whole records, and libcsv stands between two records whenever a batch begins.
 * Cost: libcsv's own plus some 3 % (measured in docs/performance.md); memory a few blocks, whatever the file.
 */
#include "io/csv.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/gz.h"

#include <csv.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_BYTES = 64 * 1024,
    RECORD_BYTES_MOST = 1024 * 1024,
    BATCHES = 4
};

struct batch_row {
    uint32_t fields_end; /* index of the first field past the row */
    int line;
};

struct csv_batch {
    char *raw; /* whole records as they stand in the file */
    size_t raw_len, raw_cap;
    char *text; /* the fields, each with a NUL behind it */
    uint32_t *ends; /* where in text the next field begins */
    struct batch_row *rows;
    size_t parsed_cap; /* of text, ends, rows: bytes of raw they suffice for */
    uint32_t text_len, fields, rows_len;
    int first_line;
    bool last;
    /* The finding that ended the file early, if any. */
    char *trouble;
    int trouble_line, trouble_col;
    /* How far csv_place has looked: lines before cursor_at begin with first_line. */
    size_t cursor_at;
    int cursor_line;
};

/* What turns blocks into batches; owned by one thread at a time. */
struct reader {
    struct gz *gz;
    struct csv_parser parser;
    struct csv_batch *batch; /* being filled */
    char *carry;             /* bytes read past the end of the last batch */
    size_t carry_len, carry_cap;
    int line;                /* where the next record begins */
    uint32_t row_fields;     /* fields before the row being read */
    bool row_ended;          /* the last line feed ended a row (or stood alone) */
    bool after_return;       /* a carriage return ended the last row */
    bool started, at_end;
};

/* --- one batch --- */

static void batch_trouble(struct csv_batch *batch, int line, int col, const char *message) {
    if (batch->trouble) return;
    batch->trouble = mem_text(message);
    batch->trouble_line = line;
    batch->trouble_col = col;
    batch->last = true;
}

/* Trouble at a byte of raw. */
static void batch_trouble_at(struct csv_batch *batch, size_t offset, const char *message) {
    int line = batch->first_line;
    size_t begin = 0;
    for (size_t i = 0; i < offset; i++)
        if (batch->raw[i] == '\n') {
            line++;
            begin = i + 1;
        }
    batch_trouble(batch, line, (int)(offset - begin) + 1, message);
}

static void batch_free(struct csv_batch *batch) {
    free(batch->raw);
    free(batch->text);
    free(batch->ends);
    free(batch->rows);
    free(batch->trouble);
}

static void on_field(void *field, size_t len, void *context) {
    struct csv_batch *batch = ((struct reader *)context)->batch;
    char *to = batch->text + batch->text_len;
    if (len <= CSV_AHEAD)
        memcpy(to, field, CSV_AHEAD); /* one move, whatever the length; libcsv's buffer has 128 bytes or more */
    else
        memcpy(to, field, len);
    to[len] = '\0';
    batch->text_len += (uint32_t)len + 1;
    batch->ends[batch->fields++] = batch->text_len;
}

/* Called for every carriage return and line feed outside quotes. */
static void on_row(int end, void *context) {
    struct reader *reader = context;
    struct csv_batch *batch = reader->batch;
    if (batch->fields > reader->row_fields && !batch->trouble) {
        if (reader->after_return) {
            batch_trouble(batch, reader->line, 0,
                          "a carriage return without a line feed; lines end with LF or CRLF");
            return;
        }
        batch->rows[batch->rows_len++] = (struct batch_row){batch->fields, reader->line};
        reader->row_fields = batch->fields;
    }
    reader->after_return = end == '\r';
    if (end == '\n') {
        reader->line++;
        reader->row_ended = true;
    }
}

/* --- filling a batch --- */

/* Room for what raw_len bytes can hold at most: every field and every row ends with a byte of its own. */
static void batch_room(struct csv_batch *batch) {
    if (batch->raw_len <= batch->parsed_cap) return;
    batch->parsed_cap = batch->raw_cap;
    batch->text = mem_grow(batch->text, batch->parsed_cap + CSV_AHEAD, 1);
    batch->ends = mem_grow(batch->ends, batch->parsed_cap, sizeof *batch->ends);
    batch->rows = mem_grow(batch->rows, batch->parsed_cap, sizeof *batch->rows);
}

/* Appends a block to raw. A NUL byte or a damaged file ends the input there. */
static void reader_block(struct reader *reader) {
    struct csv_batch *batch = reader->batch;
    size_t from = batch->raw_len;
    batch->raw = vec_reserve(batch->raw, &batch->raw_cap, from + BLOCK_BYTES + 1, 1);
    const char *why;
    long got = gz_read(reader->gz, batch->raw + from, BLOCK_BYTES, &why);
    if (got > 0) batch->raw_len += (size_t)got;
    if (!reader->started && got >= 3 && memcmp(batch->raw, "\xef\xbb\xbf", 3) == 0) {
        got -= 3; /* a byte order mark */
        batch->raw_len -= 3;
        memmove(batch->raw, batch->raw + 3, batch->raw_len);
    }
    reader->started = true;
    const char *nul = got > 0 ? memchr(batch->raw + from, '\0', (size_t)got) : NULL;
    if (nul) {
        batch->raw_len = (size_t)(nul - batch->raw);
        batch_trouble_at(batch, batch->raw_len, "a NUL byte; expected text");
    } else if (got < 0) {
        batch_trouble_at(batch, batch->raw_len, why);
    }
    reader->at_end = got <= 0 || nul;
    /* The last line may lack its line feed; a line cut short by trouble is left out. */
    if (reader->at_end && batch->raw_len > 0 && batch->raw[batch->raw_len - 1] != '\n' && !batch->trouble)
        batch->raw[batch->raw_len++] = '\n';
}

static size_t reader_parse(struct reader *reader, size_t from, size_t to) {
    size_t done = csv_parse(&reader->parser, reader->batch->raw + from, to - from, on_field, on_row, reader);
    if (done < to - from)
        batch_trouble_at(reader->batch, from + done,
                         "a misplaced quote; a field with quotes is quoted whole, and its quotes are doubled");
    return from + done;
}

/* Parses line by line from `from`; returns where the last whole record ends. */
static size_t reader_lines(struct reader *reader, size_t from) {
    struct csv_batch *batch = reader->batch;
    size_t closed = from;
    int line = reader->line;
    for (size_t at = from; at < batch->raw_len && !batch->trouble;) {
        const char *feed = memchr(batch->raw + at, '\n', batch->raw_len - at);
        if (!feed) break;
        size_t next = (size_t)(feed - batch->raw) + 1;
        reader->row_ended = false;
        at = reader_parse(reader, at, next);
        line++;
        if (reader->row_ended) {
            closed = at;
            reader->line = line;
        }
    }
    /* What follows the last whole record is read again with the next batch. */
    csv_fini(&reader->parser, NULL, NULL, NULL);
    batch->fields = reader->row_fields;
    batch->text_len = batch->fields ? batch->ends[batch->fields - 1] : 0;
    return closed;
}

/* Parses the whole records of raw; returns where they end. */
static size_t reader_records(struct reader *reader) {
    struct csv_batch *batch = reader->batch;
    batch_room(batch);
    if (memchr(batch->raw, '"', batch->raw_len)) return reader_lines(reader, 0);
    size_t end = batch->raw_len;
    while (end > 0 && batch->raw[end - 1] != '\n') end--;
    return end > 0 ? reader_parse(reader, 0, end) : 0;
}

/* Fills a batch with at least one record, unless the file ends or is broken. */
static void reader_fill(struct reader *reader, struct csv_batch *batch) {
    reader->batch = batch;
    batch->raw_len = batch->cursor_at = 0;
    batch->text_len = batch->fields = batch->rows_len = reader->row_fields = 0;
    batch->first_line = batch->cursor_line = reader->line;
    batch->raw = vec_reserve(batch->raw, &batch->raw_cap, reader->carry_len + 1, 1);
    memcpy(batch->raw, reader->carry, reader->carry_len);
    batch->raw_len = reader->carry_len;
    size_t end;
    do {
        reader_block(reader);
        end = reader_records(reader);
    } while (end == 0 && !reader->at_end && !batch->trouble && batch->raw_len <= RECORD_BYTES_MOST);
    if (reader->at_end && end < batch->raw_len)
        batch_trouble_at(batch, end, "a quote is opened in this record and never closed");
    else if (end == 0 && batch->raw_len > RECORD_BYTES_MOST)
        batch_trouble_at(batch, 0, "a record longer than 1 MiB; is a quote missing?");
    batch->last = batch->trouble || reader->at_end;
    reader->carry_len = batch->raw_len - end;
    reader->carry = vec_reserve(reader->carry, &reader->carry_cap, reader->carry_len + 1, 1);
    memcpy(reader->carry, batch->raw + end, reader->carry_len);
    batch->raw_len = end;
}

static void reader_init(struct reader *reader, struct gz *gz) {
    *reader = (struct reader){.gz = gz, .line = 1};
    reader->carry = vec_reserve(NULL, &reader->carry_cap, 1, 1);
    /* Every line feed is reported, also of empty lines, so that lines can be counted. */
    if (csv_init(&reader->parser, CSV_STRICT | CSV_REPALL_NL) != 0) die("libcsv does not start");
}

static void reader_free(struct reader *reader) {
    csv_free(&reader->parser);
    free(reader->carry);
}

/* --- positions --- */

struct seeker {
    size_t fields;
    bool ended;
};
static void seek_field(void *field, size_t len, void *context) {
    (void)field, (void)len;
    ((struct seeker *)context)->fields++;
}
static void seek_row(int end, void *context) {
    (void)end;
    ((struct seeker *)context)->ended = true;
}

struct place_in_file csv_place(const struct csv_row *row, size_t field) {
    struct csv_batch *batch = row->batch;
    if (row->line < batch->cursor_line) {
        batch->cursor_line = batch->first_line;
        batch->cursor_at = 0;
    }
    for (; batch->cursor_line < row->line; batch->cursor_line++) {
        const char *feed = memchr(batch->raw + batch->cursor_at, '\n', batch->raw_len - batch->cursor_at);
        require(feed);
        batch->cursor_at = (size_t)(feed - batch->raw) + 1;
    }
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT) != 0) die("libcsv does not start");
    struct seeker seeker = {0};
    struct place_in_file at = {row->file, row->line, 1, NULL};
    for (size_t i = batch->cursor_at; seeker.fields < field && !seeker.ended && i < batch->raw_len; i++) {
        csv_parse(&parser, batch->raw + i, 1, seek_field, seek_row, &seeker);
        if (seeker.ended) break;
        at.col++;
        if (batch->raw[i] == '\n') at.line++, at.col = 1;
    }
    csv_free(&parser);
    return at;
}

/* --- handing rows over --- */

struct hand {
    const char *file;
    csv_visit *visit;
    void *context;
    uint64_t *hash;
    const char **fields; /* of one row; grown */
    size_t *len, cap;
};

/* false: stop reading. */
static bool batch_visit(struct csv_batch *batch, struct hand *hand, struct err *err) {
    if (hand->hash) *hand->hash = hash_bytes(*hand->hash, batch->raw, batch->raw_len);
    uint32_t begin = 0, field = 0;
    for (uint32_t r = 0; r < batch->rows_len; r++) {
        size_t count = batch->rows[r].fields_end - field;
        if (count > hand->cap) {
            hand->fields = vec_reserve(hand->fields, &hand->cap, count, sizeof *hand->fields);
            hand->len = mem_grow(hand->len, hand->cap, sizeof *hand->len);
        }
        for (size_t i = 0; i < count; i++, field++) {
            hand->fields[i] = batch->text + begin;
            hand->len[i] = batch->ends[field] - begin - 1;
            begin = batch->ends[field];
        }
        struct csv_row row = {hand->file, batch->rows[r].line, count, hand->fields, hand->len, batch};
        if (!hand->visit(hand->context, &row, err)) return false;
    }
    if (!batch->trouble) return true;
    struct place_in_file at = {hand->file, batch->trouble_line, batch->trouble_col, NULL};
    return err_add(err, at, "%s", batch->trouble);
}

/* Batches go round: the thread fills number `filled`, the caller visits number `visited`. */
struct pipe {
    struct reader reader;
    struct csv_batch batches[BATCHES];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t filled, visited;
    bool stop;
};

static void *pipe_run(void *context) {
    struct pipe *pipe = context;
    bool go = true;
    while (go) {
        struct csv_batch *batch = &pipe->batches[pipe->filled % BATCHES];
        reader_fill(&pipe->reader, batch);
        pthread_mutex_lock(&pipe->lock);
        pipe->filled++;
        pthread_cond_signal(&pipe->changed);
        while (pipe->filled - pipe->visited == BATCHES && !pipe->stop)
            pthread_cond_wait(&pipe->changed, &pipe->lock);
        go = !pipe->stop && !batch->last;
        pthread_mutex_unlock(&pipe->lock);
    }
    return NULL;
}

/* Visits batches while the thread fills the next ones. */
static bool pipe_visit(struct pipe *pipe, struct hand *hand, struct err *err) {
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, pipe_run, pipe);
    if (failed) die("cannot start a thread: %s", strerror(failed));
    bool good = true, last = false;
    while (good && !last) {
        pthread_mutex_lock(&pipe->lock);
        while (pipe->filled == pipe->visited) pthread_cond_wait(&pipe->changed, &pipe->lock);
        pthread_mutex_unlock(&pipe->lock);
        struct csv_batch *batch = &pipe->batches[pipe->visited % BATCHES];
        last = batch->last;
        good = batch_visit(batch, hand, err);
        pthread_mutex_lock(&pipe->lock);
        pipe->visited++;
        pipe->stop = !good;
        pthread_cond_signal(&pipe->changed);
        pthread_mutex_unlock(&pipe->lock);
    }
    pthread_join(thread, NULL);
    return good;
}

bool csv_read(const char *path, csv_visit *visit, void *context, uint64_t *hash, struct err *err) {
    struct place_in_file at = {path, 0, 0, NULL};
    struct gz *gz = gz_open(path);
    if (!gz) return err_add(err, at, "cannot be opened: %s", strerror(errno));
    if (hash) *hash = HASH_START;
    struct hand hand = {.file = path, .visit = visit, .context = context, .hash = hash};
    struct pipe pipe = {0};
    pthread_mutex_init(&pipe.lock, NULL);
    pthread_cond_init(&pipe.changed, NULL);
    reader_init(&pipe.reader, gz);
    /* A file of one batch is not worth a thread. */
    reader_fill(&pipe.reader, &pipe.batches[0]);
    bool last = pipe.batches[0].last;
    bool good = batch_visit(&pipe.batches[0], &hand, err);
    if (good && !last) good = pipe_visit(&pipe, &hand, err);
    reader_free(&pipe.reader);
    for (size_t i = 0; i < BATCHES; i++) batch_free(&pipe.batches[i]);
    pthread_cond_destroy(&pipe.changed);
    pthread_mutex_destroy(&pipe.lock);
    free(hand.fields);
    free(hand.len);
    gz_close(gz);
    return good;
}

void csv_put(struct text *line, const char *field) {
    size_t len = strlen(field);
    bool blank_ends = len && (strchr(" \t", field[0]) || strchr(" \t", field[len - 1]));
    if (!blank_ends && !strpbrk(field, ",\"\r\n")) {
        text_put(line, field);
        return;
    }
    text_put(line, "\"");
    for (const char *c = field; *c; c++) text_add(line, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    text_put(line, "\"");
}
