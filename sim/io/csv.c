/*
 * CSV through libcsv in strict mode, and the only file that knows it.
 *
 * Two parties share the work. The reader takes the file in blocks cut at the end of a record and lets libcsv
 * find the fields; it notes nothing but the length of each field and where rows end. The visitor finds the
 * fields again in the block, where they stand one behind the other with one byte between them, and hands the
 * rows over. Rows where this does not add up (quotes, blanks that libcsv strips) go through libcsv a second
 * time, alone. In a file of more than one block the reader is a thread that runs a few blocks ahead, because
 * what callers do with a row (numbers) costs as much as finding its fields; and lengths, not texts, are
 * handed over, because moving memory from one processor to another is what such a pair otherwise spends its
 * time with. Rows arrive one by one and in order, so nothing depends on timing.
 *
 * libcsv does not say where it is. Columns are worked out again, byte by byte, for the rows someone complains
 * about; lines are counted by the visitor.
 *
 * Invariant: a block holds whole records, and libcsv stands between two records whenever a block begins.
 * Cost: libcsv's own plus a few per cent (docs/performance.md); memory a few blocks, whatever the file.
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
    BLOCK_BYTES = 128 * 1024,
    RECORD_BYTES_MOST = 1024 * 1024,
    BATCHES = 4,
    CACHE_LINES = 128 /* bytes that processors hand to each other at once: two lines */
};

/* Batches lie on cache lines of their own, because one is filled while its neighbour is read. */
struct csv_batch {
    _Alignas(CACHE_LINES) char *raw; /* whole records as in the file; CSV_AHEAD bytes of room behind */
    size_t raw_len, raw_cap;
    uint16_t *lengths; /* of fields; of longer ones, what is left modulo 2^16 */
    uint32_t *rows;    /* index of the first field past each row */
    size_t rows_len, cap; /* lengths and rows have room for what cap bytes can hold */
    bool last;
    /* The finding that ends the file here, if any, and the byte of raw it is about. */
    char *trouble;
    size_t trouble_at;
    /* Of the row being visited. */
    size_t row_at;
};

/* What turns blocks into batches. */
struct reader {
    _Alignas(CACHE_LINES) uint16_t *next; /* where the next length goes */
    uint16_t *row;                        /* where the row being read begins */
    uint32_t *next_row;                   /* where its end goes */
    struct csv_batch *batch;              /* being filled */
    struct gz *gz;
    struct csv_parser parser;
    char *carry;             /* bytes read past the end of the last batch */
    size_t carry_len, carry_cap;
    bool row_ended;          /* the last line feed stood outside quotes */
    bool started, at_end;
};

/* --- the reader: filling a batch --- */

static void batch_free(struct csv_batch *batch) {
    free(batch->raw);
    free(batch->lengths);
    free(batch->rows);
    free(batch->trouble);
}

static void batch_trouble(struct csv_batch *batch, size_t at, const char *message) {
    if (batch->trouble) return;
    batch->trouble = mem_text(message);
    batch->trouble_at = at;
}

static void on_field(void *field, size_t len, void *context) {
    (void)field;
    struct reader *reader = context;
    *reader->next++ = (uint16_t)len;
}

/* Called for every carriage return and line feed outside quotes, of empty lines, too. */
static void on_row(int end, void *context) {
    struct reader *reader = context;
    if (reader->next > reader->row) {
        reader->row = reader->next;
        *reader->next_row++ = (uint32_t)(reader->next - reader->batch->lengths);
    }
    reader->row_ended = end == '\n';
}

/* Appends a block to raw. A damaged file ends the input there. */
static void reader_block(struct reader *reader) {
    struct csv_batch *batch = reader->batch;
    size_t from = batch->raw_len;
    batch->raw = vec_reserve(batch->raw, &batch->raw_cap, from + BLOCK_BYTES + 1 + CSV_AHEAD, 1);
    const char *why;
    long got = gz_read(reader->gz, batch->raw + from, BLOCK_BYTES, &why);
    if (got > 0) batch->raw_len += (size_t)got;
    if (!reader->started && got >= 3 && memcmp(batch->raw, "\xef\xbb\xbf", 3) == 0) {
        batch->raw_len -= 3; /* a byte order mark */
        memmove(batch->raw, batch->raw + 3, batch->raw_len);
    }
    reader->started = true;
    reader->at_end = got <= 0;
    if (got < 0) batch_trouble(batch, batch->raw_len, why);
    /* The last line may lack its line feed; one that was cut short is left out. */
    if (got == 0 && batch->raw_len > 0 && batch->raw[batch->raw_len - 1] != '\n')
        batch->raw[batch->raw_len++] = '\n';
}

static bool reader_parse(struct reader *reader, size_t from, size_t to) {
    struct csv_batch *batch = reader->batch;
    size_t done = csv_parse(&reader->parser, batch->raw + from, to - from, on_field, on_row, reader);
    if (done == to - from) return true;
    batch_trouble(batch, from + done,
                  "a misplaced quote; a field with quotes is quoted whole, and its quotes are doubled");
    return false;
}

/* Forgets what was read of a record that is not whole; it is read again with what follows it. */
static void reader_reset(struct reader *reader) {
    csv_fini(&reader->parser, NULL, NULL, NULL);
    reader->next = reader->row;
}

/* Parses raw line by line; returns where the last whole record ends. */
static size_t reader_lines(struct reader *reader) {
    struct csv_batch *batch = reader->batch;
    size_t whole = 0;
    uint16_t *row = reader->row; /* what was noted of whole records */
    uint32_t *next_row = reader->next_row;
    for (size_t at = 0; at < batch->raw_len;) {
        const char *feed = memchr(batch->raw + at, '\n', batch->raw_len - at);
        if (!feed) break;
        size_t next = (size_t)(feed - batch->raw) + 1;
        reader->row_ended = false;
        if (!reader_parse(reader, at, next)) break;
        at = next;
        if (!reader->row_ended) continue;
        whole = at;
        row = reader->row;
        next_row = reader->next_row;
    }
    reader->row = row;
    reader->next_row = next_row;
    return whole;
}

/* Parses the whole records of raw; returns where they end. The last line feed is parsed apart, to see whether
 * it ends a record or stands inside quotes. */
static size_t reader_records(struct reader *reader) {
    struct csv_batch *batch = reader->batch;
    /* Every field and every row end with a byte of their own. */
    if (batch->cap < batch->raw_cap) {
        batch->cap = batch->raw_cap;
        batch->lengths = mem_grow(batch->lengths, batch->cap, sizeof *batch->lengths);
        batch->rows = mem_grow(batch->rows, batch->cap, sizeof *batch->rows);
    }
    reader->next = reader->row = batch->lengths;
    reader->next_row = batch->rows;
    size_t end = batch->raw_len;
    while (end > 0 && batch->raw[end - 1] != '\n') end--;
    if (end == 0) return 0;
    if (reader_parse(reader, 0, end - 1)) {
        reader->row_ended = false;
        if (reader_parse(reader, end - 1, end) && reader->row_ended) return end;
    }
    reader->next = reader->row = batch->lengths;
    reader->next_row = batch->rows;
    reader_reset(reader);
    end = reader_lines(reader);
    reader_reset(reader);
    return end;
}

/* Whatever ended the file early, a NUL byte there says best what kind of file it is. */
static void explain_end(struct csv_batch *batch, size_t end) {
    const char *nul = memchr(batch->raw + end, '\0', batch->raw_len - end);
    if (!nul) return;
    free(batch->trouble);
    batch->trouble = NULL;
    batch_trouble(batch, (size_t)(nul - batch->raw), "a NUL byte; expected text");
}

/* Fills a batch with at least one record, unless the file ends or is broken. */
static void reader_fill(struct reader *reader, struct csv_batch *batch) {
    reader->batch = batch;
    batch->raw = vec_reserve(batch->raw, &batch->raw_cap, reader->carry_len + 1, 1);
    memcpy(batch->raw, reader->carry, reader->carry_len);
    batch->raw_len = reader->carry_len;
    size_t end;
    do {
        reader_block(reader);
        end = reader_records(reader);
    } while (end == 0 && !reader->at_end && !batch->trouble && batch->raw_len <= RECORD_BYTES_MOST);
    if (reader->at_end && end < batch->raw_len)
        batch_trouble(batch, end, "a quote is opened in this record and never closed");
    else if (end == 0 && batch->raw_len > RECORD_BYTES_MOST)
        batch_trouble(batch, 0, "a record longer than 1 MiB; is a quote missing?");
    if (batch->trouble) explain_end(batch, end);
    batch->last = batch->trouble || reader->at_end;
    batch->rows_len = (size_t)(reader->next_row - batch->rows);
    /* Trouble is told by its byte of raw, so raw is then left as it is. */
    if (batch->last) return;
    reader->carry_len = batch->raw_len - end;
    reader->carry = vec_reserve(reader->carry, &reader->carry_cap, reader->carry_len + 1, 1);
    memcpy(reader->carry, batch->raw + end, reader->carry_len);
    batch->raw_len = end;
}

static void parser_init(struct csv_parser *parser) {
    if (csv_init(parser, CSV_STRICT | CSV_REPALL_NL) != 0) die("libcsv does not start");
}

/* --- the visitor --- */

struct visitor {
    const char *file;
    csv_visit *visit;
    void *context;
    bool terminate; /* fields are copied, to have a NUL behind them */
    struct csv_batch *batch;
    const char *nul; /* the first NUL byte of the batch, or NULL */
    size_t at; /* byte of raw */
    int line;  /* of that byte */
    /* The row being visited. */
    char *text; /* its fields, each with a NUL behind it */
    size_t text_len, text_cap;
    const char **fields;
    size_t *len;
    size_t count, cap;
    /* When the row goes through libcsv a second time. */
    size_t rows; /* seen so far; 2: or more */
    bool closed; /* the last line feed stood outside quotes */
};

static void visitor_room(struct visitor *v, size_t count) {
    if (count <= v->cap) return;
    v->fields = vec_reserve(v->fields, &v->cap, count, sizeof *v->fields);
    v->len = mem_grow(v->len, v->cap, sizeof *v->len);
}

static void add_field(struct visitor *v, const char *field, size_t len) {
    char *to = v->text + v->text_len;
    if (len <= CSV_AHEAD)
        memcpy(to, field, CSV_AHEAD); /* one move, whatever the length */
    else
        memcpy(to, field, len);
    to[len] = '\0';
    v->fields[v->count] = to;
    v->len[v->count++] = len;
    v->text_len += len + 1;
}

/* Takes the fields where they stand, if they do: one behind the other, without quotes and blanks around them.
 * A field that begins with neither holds no comma and no line end, so the byte behind it settles its length. */
static bool plain_row(struct visitor *v, const uint16_t *lengths, size_t count) {
    const char *at = v->batch->raw + v->at;
    for (size_t i = 0; i < count; i++) {
        size_t len = lengths[i];
        if (len > 0 && ((unsigned char)*at <= ' ' || *at == '"')) return false;
        if (i + 1 < count && at[len] != ',') return false;
        v->fields[i] = at;
        v->len[i] = len;
        at += len + 1;
    }
    if (at[-1] == '\r') at++;
    if (at[-1] != '\n') return false;
    v->at = (size_t)(at - v->batch->raw);
    v->line++;
    v->count = count;
    return true;
}

static void terminate_fields(struct visitor *v) {
    size_t count = v->count;
    v->count = 0;
    for (size_t i = 0; i < count; i++) add_field(v, v->fields[i], v->len[i]);
}

static void again_field(void *field, size_t len, void *context) {
    struct visitor *v = context;
    if (v->rows > 0) {
        v->rows = 2; /* something follows a carriage return */
        return;
    }
    visitor_room(v, v->count + 1);
    add_field(v, field, len);
}
static void again_row(int end, void *context) {
    struct visitor *v = context;
    if (v->count > 0 && v->rows == 0) v->rows = 1;
    v->closed = end == '\n';
}

/* Takes the row through libcsv, line by line until it is whole. */
static bool parsed_row(struct visitor *v) {
    struct csv_batch *batch = v->batch;
    struct csv_parser parser;
    parser_init(&parser);
    v->rows = 0;
    do {
        v->closed = false;
        const char *feed = memchr(batch->raw + v->at, '\n', batch->raw_len - v->at);
        require(feed);
        size_t len = (size_t)(feed - batch->raw) + 1 - v->at;
        csv_parse(&parser, batch->raw + v->at, len, again_field, again_row, v);
        v->at += len;
        v->line++;
    } while (v->rows == 0 || !v->closed);
    csv_free(&parser);
    return v->rows == 1;
}

/* Steps over empty lines, and lines of blanks. */
static void skip_empty(struct visitor *v) {
    const char *raw = v->batch->raw;
    for (;;) {
        size_t at = v->at;
        while (raw[at] == ' ' || raw[at] == '\t' || raw[at] == '\r') at++;
        if (raw[at] != '\n') return;
        v->at = at + 1;
        v->line++;
    }
}

/* A finding at a byte of raw from v->at on. */
static bool finding_at(const struct visitor *v, size_t offset, const char *message, struct err *err) {
    struct place_in_file at = {v->file, v->line, 1, NULL};
    for (size_t i = v->at; i < offset; i++) {
        at.col++;
        if (v->batch->raw[i] == '\n') at.line++, at.col = 1;
    }
    return err_add(err, at, "%s", message);
}

static bool nul_finding(const struct visitor *v, struct err *err) {
    return finding_at(v, (size_t)(v->nul - v->batch->raw), "a NUL byte; expected text", err);
}

/* Visits one row of `count` fields; false: stop. */
static bool visit_row(struct visitor *v, const uint16_t *lengths, size_t count, struct err *err) {
    if ((unsigned char)v->batch->raw[v->at] <= ' ') skip_empty(v);
    v->batch->row_at = v->at;
    v->count = v->text_len = 0;
    visitor_room(v, count);
    int line = v->line;
    if (plain_row(v, lengths, count)) {
        if (v->terminate) terminate_fields(v);
    } else if (!parsed_row(v)) {
        return err_add(err, (struct place_in_file){v->file, line, 0, NULL},
                       "a carriage return without a line feed; lines end with LF or CRLF");
    }
    if (v->nul && v->nul < v->batch->raw + v->at) {
        v->at = v->batch->row_at;
        v->line = line;
        return nul_finding(v, err);
    }
    struct csv_row row = {v->file, line, v->count, v->fields, v->len, v->batch};
    return v->visit(v->context, &row, err);
}

/* Visits the rows of a batch; false: stop. */
static bool visit_batch(struct visitor *v, struct csv_batch *batch, struct err *err) {
    v->batch = batch;
    v->at = 0;
    v->text = vec_reserve(v->text, &v->text_cap, batch->raw_len + CSV_AHEAD + 1, 1);
    v->nul = batch->raw_len ? memchr(batch->raw, '\0', batch->raw_len) : NULL;
    uint32_t field = 0;
    for (size_t r = 0; r < batch->rows_len; field = batch->rows[r++])
        if (!visit_row(v, batch->lengths + field, batch->rows[r] - field, err)) return false;
    if (v->nul) return nul_finding(v, err);
    if (batch->trouble) return finding_at(v, batch->trouble_at, batch->trouble, err);
    while (v->at < batch->raw_len) v->line += batch->raw[v->at++] == '\n';
    return true;
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
    struct seeker *seeker = context;
    seeker->ended = seeker->fields > 0; /* else an empty line in front */
}

struct place_in_file csv_place(const struct csv_row *row, size_t field) {
    const struct csv_batch *batch = row->batch;
    struct csv_parser parser;
    parser_init(&parser);
    struct seeker seeker = {0};
    struct place_in_file at = {row->file, row->line, 1, NULL};
    for (size_t i = batch->row_at; seeker.fields < field && !seeker.ended && i < batch->raw_len; i++) {
        csv_parse(&parser, batch->raw + i, 1, seek_field, seek_row, &seeker);
        if (seeker.ended) break;
        at.col++;
        if (batch->raw[i] == '\n') at.line++, at.col = 1;
    }
    csv_free(&parser);
    return at;
}

/* --- reading a file --- */

/* Batches go round: the reader fills number `filled`, the visitor visits number `visited`. */
struct pipe {
    struct csv_batch batches[BATCHES];
    struct reader reader;
    _Alignas(CACHE_LINES) pthread_mutex_t lock;
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
        size_t ready = ++pipe->filled - pipe->visited;
        if (ready == BATCHES / 2 || batch->last) pthread_cond_signal(&pipe->changed);
        while (pipe->filled - pipe->visited == BATCHES && !pipe->stop)
            pthread_cond_wait(&pipe->changed, &pipe->lock);
        go = !pipe->stop && !batch->last;
        pthread_mutex_unlock(&pipe->lock);
    }
    return NULL;
}

/* Visits batches while the thread fills the next ones. */
static bool pipe_visit(struct pipe *pipe, struct visitor *visitor, uint64_t *hash, struct err *err) {
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, pipe_run, pipe);
    if (failed) die("cannot start a thread: %s", strerror(failed));
    bool good = true, last = false;
    while (good && !last) {
        pthread_mutex_lock(&pipe->lock);
        while (pipe->filled == pipe->visited)
            pthread_cond_wait(&pipe->changed, &pipe->lock);
        pthread_mutex_unlock(&pipe->lock);
        struct csv_batch *batch = &pipe->batches[pipe->visited % BATCHES];
        last = batch->last;
        if (hash) *hash = hash_bytes(*hash, batch->raw, batch->raw_len);
        good = visit_batch(visitor, batch, err);
        pthread_mutex_lock(&pipe->lock);
        size_t ready = pipe->filled - ++pipe->visited;
        pipe->stop = !good;
        if (ready == BATCHES / 2 || !good) pthread_cond_signal(&pipe->changed);
        pthread_mutex_unlock(&pipe->lock);
    }
    pthread_join(thread, NULL);
    return good;
}

static bool read_file(struct gz *gz, struct visitor *visitor, uint64_t *hash, struct err *err) {
    struct pipe pipe = {.reader = {.gz = gz}};
    pthread_mutex_init(&pipe.lock, NULL);
    pthread_cond_init(&pipe.changed, NULL);
    parser_init(&pipe.reader.parser);
    pipe.reader.carry = vec_reserve(NULL, &pipe.reader.carry_cap, 1, 1);
    /* A file of one batch is not worth a thread. */
    reader_fill(&pipe.reader, &pipe.batches[0]);
    bool last = pipe.batches[0].last;
    if (hash) *hash = hash_bytes(HASH_START, pipe.batches[0].raw, pipe.batches[0].raw_len);
    bool good = visit_batch(visitor, &pipe.batches[0], err);
    if (good && !last) good = pipe_visit(&pipe, visitor, hash, err);
    for (size_t i = 0; i < BATCHES; i++) batch_free(&pipe.batches[i]);
    csv_free(&pipe.reader.parser);
    free(pipe.reader.carry);
    pthread_cond_destroy(&pipe.changed);
    pthread_mutex_destroy(&pipe.lock);
    return good;
}

static bool read_path(struct visitor *visitor, uint64_t *hash, struct err *err) {
    struct gz *gz = gz_open(visitor->file);
    if (!gz)
        return err_add(err, (struct place_in_file){visitor->file, 0, 0, NULL}, "cannot be opened: %s",
                       strerror(errno));
    bool good = read_file(gz, visitor, hash, err);
    free(visitor->text);
    free(visitor->fields);
    free(visitor->len);
    gz_close(gz);
    return good;
}

bool csv_read(const char *path, csv_visit *visit, void *context, uint64_t *hash, struct err *err) {
    struct visitor visitor = {.file = path, .visit = visit, .context = context, .line = 1, .terminate = true};
    return read_path(&visitor, hash, err);
}

bool csv_read_spans(const char *path, csv_visit *visit, void *context, struct err *err) {
    struct visitor visitor = {.file = path, .visit = visit, .context = context, .line = 1};
    return read_path(&visitor, NULL, err);
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
