/*
 * Request traces, read and written (see requests.h). The header says which column stands where; each column is a
 * function that reads its field into the list's last request and otherwise says what it expected. Hashes of all
 * requests stand in one array, so that a request costs 24 bytes and 8 a block.
 *
 * Invariant: a row with a mistake adds a finding and is kept, so that all mistakes are found. Cost: O(n), and a
 * sort where rows are not in order.
 */
#include "io/requests.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/csv.h"
#include "io/gz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MOST INT64_C(2000000000)
enum { LINES_BYTES = 64 * 1024 };

/* --- lists --- */

void request_list_init(struct request_list *list) {
    *list = (struct request_list){0};
    names_init(&list->classes);
    names_init(&list->sessions);
    names_put(&list->classes, "", 0);
    names_put(&list->sessions, "", 0);
}

void request_list_free(struct request_list *list) {
    free(list->rows.at);
    free(list->hashes.at);
    free(list->starts.at);
    names_free(&list->classes);
    names_free(&list->sessions);
    *list = (struct request_list){0};
}

struct request_row *request_list_add(struct request_list *list, int64_t arrival_ns, uint32_t prompt,
                                     uint32_t output) {
    if (list->rows.len >= UINT32_MAX) die("more than %u requests in a trace", UINT32_MAX - 1);
    struct request_row *row = vec_push(&list->rows);
    *row = (struct request_row){.arrival_ns = arrival_ns, .prompt = prompt, .output = output};
    *vec_push(&list->starts) = list->hashes.len;
    return row;
}

void request_list_hash(struct request_list *list, uint64_t hash) { *vec_push(&list->hashes) = hash; }

void request_list_class(struct request_list *list, const char *name, size_t len) {
    const uint32_t id = names_put(&list->classes, name, len);
    if (id > UINT16_MAX) die("more than %d different classes of requests in a trace", UINT16_MAX);
    list->rows.at[list->rows.len - 1].class_id = (uint16_t)id;
}

void request_list_session(struct request_list *list, const char *name, size_t len) {
    list->rows.at[list->rows.len - 1].session = names_put(&list->sessions, name, len);
}

struct arrival {
    int64_t ns;
    size_t row;
};
static int by_arrival(const void *a, const void *b) {
    const struct arrival *const x = a, *const y = b;
    if (x->ns != y->ns) return x->ns < y->ns ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

/* Which row comes at each place; NULL: they stand in order. */
static struct arrival *in_order(const struct request_list *list) {
    bool sorted = true;
    for (size_t i = 1; i < list->rows.len; i++)
        sorted &= list->rows.at[i].arrival_ns >= list->rows.at[i - 1].arrival_ns;
    if (sorted) return NULL;
    struct arrival *order = mem_alloc(list->rows.len * sizeof *order);
    for (size_t i = 0; i < list->rows.len; i++) order[i] = (struct arrival){list->rows.at[i].arrival_ns, i};
    qsort(order, list->rows.len, sizeof *order, by_arrival);
    return order;
}

/* The hashes of the request at each place, in one array that is taken over. */
static void take_blocks(struct request_list *list, const struct arrival *order, struct requests *requests) {
    const size_t len = list->rows.len;
    requests->hashes = list->hashes.at;
    requests->blocks = mem_alloc(len * sizeof *requests->blocks);
    requests->blocks_len = mem_alloc(len * sizeof *requests->blocks_len);
    for (size_t i = 0; i < len; i++) {
        const size_t row = order ? order[i].row : i, from = list->starts.at[row];
        const size_t to = row + 1 < len ? list->starts.at[row + 1] : list->hashes.len;
        requests->blocks[i] = requests->hashes + from;
        requests->blocks_len[i] = (uint32_t)(to - from);
    }
    list->hashes.at = NULL;
}

void request_list_take(struct request_list *list, struct requests *requests) {
    struct arrival *order = in_order(list);
    *requests = (struct requests){.at = list->rows.at, .len = list->rows.len, .classes_len = list->classes.len};
    if (list->hashes.len) take_blocks(list, order, requests);
    if (order) {
        requests->at = mem_alloc(requests->len * sizeof *requests->at);
        for (size_t i = 0; i < requests->len; i++) requests->at[i] = list->rows.at[order[i].row];
        free(list->rows.at);
    }
    list->rows.at = NULL;
    requests->classes = mem_alloc(list->classes.len * sizeof *requests->classes);
    for (size_t i = 0; i < list->classes.len; i++) requests->classes[i] = mem_text(list->classes.at[i]);
    free(order);
    request_list_free(list);
}

void requests_free(struct requests *requests) {
    for (size_t i = 0; i < requests->classes_len; i++) free((char *)requests->classes[i]);
    free(requests->classes);
    free(requests->at);
    free(requests->blocks);
    free(requests->blocks_len);
    free(requests->hashes);
    *requests = (struct requests){0};
}

uint64_t requests_hash(const struct requests *requests) {
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < requests->len; i++) {
        const struct request_row *r = &requests->at[i];
        const uint64_t parts[] = {(uint64_t)r->arrival_ns, (uint64_t)r->prompt << 32 | r->output,
                                  (uint64_t)r->session << 16 | r->class_id};
        hash = hash_bytes(hash, parts, sizeof parts);
        if (requests->blocks)
            hash = hash_bytes(hash, requests->blocks[i], requests->blocks_len[i] * sizeof **requests->blocks);
    }
    return hash;
}

/* --- reading --- */

/* Reads a field into the last request; NULL, or what was expected instead. */
typedef const char *column_read(struct request_list *list, const char *text, size_t len);

static struct request_row *last(struct request_list *list) { return &list->rows.at[list->rows.len - 1]; }

static const char *read_arrival(struct request_list *list, const char *text, size_t len) {
    int64_t ns;
    if (!num_seconds_ns(text, len, &ns) || ns < 0 || ns > SECONDS_MOST * TICK_S)
        return "seconds from 0 to 2,000,000,000 (63 years), such as 3600 or 12.5";
    last(list)->arrival_ns = ns;
    return NULL;
}

static const char *read_tokens(const char *text, size_t len, uint32_t *to) {
    uint64_t tokens;
    if (!num_u64(text, len, &tokens) || tokens < 1 || tokens > REQUESTS_TOKENS_MOST)
        return "a whole number of tokens from 1 to 100,000,000";
    *to = (uint32_t)tokens;
    return NULL;
}
static const char *read_prompt(struct request_list *list, const char *text, size_t len) {
    return read_tokens(text, len, &last(list)->prompt);
}
static const char *read_output(struct request_list *list, const char *text, size_t len) {
    return read_tokens(text, len, &last(list)->output);
}

static const char *read_class(struct request_list *list, const char *text, size_t len) {
    request_list_class(list, text, len);
    return NULL;
}
static const char *read_session(struct request_list *list, const char *text, size_t len) {
    request_list_session(list, text, len);
    return NULL;
}

static const char *read_blocks(struct request_list *list, const char *text, size_t len) {
    for (size_t from = 0; from <= len;) {
        size_t to = from;
        while (to < len && text[to] != '|') to++;
        uint64_t hash;
        if (!num_u64(text + from, to - from, &hash)) return "whole numbers with | between them";
        request_list_hash(list, hash);
        from = to + 1;
    }
    return NULL;
}

static const struct column {
    const char *name;
    column_read *read;
    bool required;
} columns[] = {{"arrival_s", read_arrival, true},     {"prompt_tokens", read_prompt, true},
               {"output_tokens", read_output, true},  {"class", read_class, false},
               {"session", read_session, false},      {"blocks", read_blocks, false}};
enum { COLUMNS = sizeof columns / sizeof *columns };

struct reading {
    struct request_list list;
    const struct column *header[COLUMNS];
    size_t header_len; /* 0: not seen yet */
};

static bool read_header(struct reading *r, const struct csv_row *row, struct err *err) {
    const char *names[COLUMNS];
    const size_t found = err->found;
    bool seen[COLUMNS] = {false};
    for (size_t c = 0; c < COLUMNS; c++) names[c] = columns[c].name;
    for (size_t i = 0; i < row->count; i++) {
        size_t c = 0;
        while (c < COLUMNS && strcmp(names[c], row->fields[i]) != 0) c++;
        const char *near = c < COLUMNS ? NULL : text_nearest(row->fields[i], names, COLUMNS);
        if (c < COLUMNS && !seen[c]) seen[c] = true, r->header[r->header_len++] = &columns[c];
        else if (c < COLUMNS) err_add(err, csv_place(row, i), "column \"%s\" stands there twice", names[c]);
        else if (near) err_add(err, csv_place(row, i), "unknown column \"%.60s\", did you mean \"%s\"?",
                               row->fields[i], near);
        else err_add(err, csv_place(row, i), "unknown column \"%.60s\", expected arrival_s, prompt_tokens, "
                     "output_tokens, class, session or blocks", row->fields[i]);
    }
    for (size_t c = 0; c < COLUMNS; c++)
        if (columns[c].required && !seen[c])
            err_add(err, (struct place_in_file){row->file, row->line, 0, NULL}, "missing column \"%s\"", names[c]);
    return err->found == found;
}

static bool read_row(void *context, const struct csv_row *row, struct err *err) {
    struct reading *r = context;
    if (!r->header_len) return read_header(r, row, err);
    if (row->count != r->header_len) {
        err_add(err, (struct place_in_file){row->file, row->line, 0, NULL}, "%zu fields, expected %zu as in the header",
                row->count, r->header_len);
        return true;
    }
    request_list_add(&r->list, 0, 1, 1);
    for (size_t i = 0; i < row->count; i++) {
        const struct column *c = r->header[i];
        const char *expected = NULL;
        if (row->len[i] || c->required) expected = c->read(&r->list, row->fields[i], row->len[i]);
        if (!expected) continue;
        struct place_in_file at = csv_place(row, i);
        at.path = c->name;
        err_add(err, at, "'%.48s' is wrong, expected %s", row->fields[i], expected);
    }
    return true;
}

/* Hashes are of full blocks, so a prompt has room for only so many. */
static void check_blocks(const struct requests *requests, const char *path, struct err *err) {
    size_t wrong = 0, first = 0;
    for (size_t i = 0; requests->blocks && i < requests->len; i++)
        if (requests->blocks_len[i] > requests->at[i].prompt / REQUESTS_BLOCK_TOKENS && wrong++ == 0) first = i;
    if (wrong)
        err_add(err, (struct place_in_file){.file = path, .path = "blocks"},
                "%zu requests have more blocks than full ones of %d tokens in their prompt, the first at %g s", wrong,
                REQUESTS_BLOCK_TOKENS, tick_seconds(requests->at[first].arrival_ns));
}

bool requests_read(const char *path, struct requests *requests, struct err *err) {
    struct reading r = {.header_len = 0};
    const size_t found = err->found;
    request_list_init(&r.list);
    csv_read(path, read_row, &r, NULL, err);
    const struct place_in_file at = {.file = path};
    if (err->found == found && !r.header_len) err_add(err, at, "empty, expected a header line");
    else if (err->found == found && !r.list.rows.len) err_add(err, at, "no requests");
    request_list_take(&r.list, requests);
    if (err->found == found) check_blocks(requests, path, err);
    return err->found == found;
}

/* --- writing --- */

static void put_seconds(struct text *line, int64_t ns) {
    text_format(line, "%lld", (long long)(ns / TICK_S));
    if (ns % TICK_S == 0) return;
    text_format(line, ".%09lld", (long long)(ns % TICK_S));
    while (line->at[line->len - 1] == '0') line->at[--line->len] = '\0';
}

static void put_row(struct text *line, const struct requests *requests, bool sessions, size_t i) {
    const struct request_row *r = &requests->at[i];
    put_seconds(line, r->arrival_ns);
    text_format(line, ",%u,%u", r->prompt, r->output);
    if (requests->classes_len > 1) {
        text_put(line, ",");
        csv_put(line, requests->classes[r->class_id]);
    }
    if (sessions) text_put(line, ",");
    if (r->session) text_format(line, "%u", r->session);
    if (requests->blocks) text_put(line, ",");
    for (size_t b = 0; requests->blocks && b < requests->blocks_len[i]; b++)
        text_format(line, "%s%llu", b ? "|" : "", (unsigned long long)requests->blocks[i][b]);
    text_put(line, "\n");
}

bool requests_write(const char *path, const struct requests *requests, struct err *err) {
    struct gz *gz = gz_create(path);
    if (!gz) return err_add(err, (struct place_in_file){.file = path}, "cannot be written: %s", strerror(errno));
    struct text lines;
    bool sessions = false;
    for (size_t i = 0; i < requests->len; i++) sessions |= requests->at[i].session != 0;
    text_init(&lines);
    text_format(&lines, "arrival_s,prompt_tokens,output_tokens%s%s%s\n", requests->classes_len > 1 ? ",class" : "",
                sessions ? ",session" : "", requests->blocks ? ",blocks" : "");
    for (size_t i = 0; i < requests->len; i++) {
        put_row(&lines, requests, sessions, i);
        if (lines.len < LINES_BYTES) continue;
        gz_write(gz, lines.at, lines.len);
        text_clear(&lines);
    }
    if (lines.len) gz_write(gz, lines.at, lines.len);
    gz_commit(gz);
    text_free(&lines);
    return true;
}
