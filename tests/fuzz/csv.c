/* CSV of any bytes: what csv_read hands over is what libcsv alone finds in the same bytes, field by field, and
 * every field is where csv_place says it is. csv_read takes shortcuts; here nothing does. */
#include "fuzz.h"

#include "base/text.h"
#include "io/csv.h"

#include <csv.h>
#include <string.h>

/* Fields with a separator behind each, rows with another: both are bytes that no text here contains. */
static void put_field(void *field, size_t len, void *to) {
    text_add(to, field, len);
    text_add(to, "\x1f", 1);
}
static void put_row(int end, void *to) {
    struct text *text = to;
    (void)end;
    if (text->len > 0 && text->at[text->len - 1] == '\x1f') text_add(text, "\x1e", 1);
}

static bool visit(void *context, const struct csv_row *row, struct err *err) {
    (void)err;
    struct text *to = context;
    struct place_in_file before = {.line = row->line};
    for (size_t i = 0; i < row->count; i++) {
        require(strlen(row->fields[i]) == row->len[i]);
        put_field((void *)row->fields[i], row->len[i], to);
        const struct place_in_file at = csv_place(row, i);
        require(at.line > before.line || (at.line == before.line && at.col > before.col));
        before = at;
    }
    put_row('\n', to);
    return true;
}

static bool visit_span(void *context, const struct csv_row *row, struct err *err) {
    (void)err;
    for (size_t i = 0; i < row->count; i++) put_field((void *)row->fields[i], row->len[i], context);
    put_row('\n', context);
    return true;
}

/* libcsv in one piece. false: it is no CSV, by the rules of csv_read. */
static bool parse_alone(const uint8_t *bytes, size_t len, struct text *to) {
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) die("libcsv does not start");
    bool good = memchr(bytes, 0, len) == NULL;
    for (size_t i = 0; i < len && good; i++)
        good = bytes[i] != '\r' || (i + 1 < len && bytes[i + 1] == '\n'); /* a stricter rule than csv_read's */
    good = good && csv_parse(&parser, bytes, len, put_field, put_row, to) == len;
    good = csv_fini(&parser, put_field, put_row, to) == 0 && good;
    csv_free(&parser);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (memchr(bytes, 0x1f, len) || memchr(bytes, 0x1e, len)) return 0;
    if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) return 0;
    const char *path = fuzz_file(bytes, len, ".csv");
    struct text copied, spans, alone;
    text_init(&copied), text_init(&spans), text_init(&alone);
    struct err err;
    err_init(&err);
    const bool ok = csv_read(path, visit, &copied, NULL, &err);
    require(ok == (err.found == 0));
    require(csv_read_spans(path, visit_span, &spans, &err) == ok);
    require(copied.len == spans.len && (copied.len == 0 || memcmp(copied.at, spans.at, copied.len) == 0));
    if (parse_alone(bytes, len, &alone)) {
        require(ok && copied.len == alone.len);
        require(alone.len == 0 || memcmp(copied.at, alone.at, alone.len) == 0);
    }
    text_free(&copied), text_free(&spans), text_free(&alone);
    err_free(&err);
    unlink(path);
    return 0;
}
