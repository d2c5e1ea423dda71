/* CSV reading: what comes out of records, where things stand in the file, and what is refused. */
#include "io/csv.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

static char path[] = "/tmp/headroom-csv-XXXXXX";

static void make_file(void) { close(mkstemp(path)); }
static void remove_file(void) { unlink(path); }
TestSuite(csv, .init = make_file, .fini = remove_file);

static void write_bytes(const void *bytes, size_t len) {
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, len, file) == len && fclose(file) == 0);
}
static void write_text(const char *text) { write_bytes(text, strlen(text)); }

/* Every row as "line: [field@line:col]..." */
static bool show_row(void *context, const struct csv_row *row, struct err *err) {
    (void)err;
    struct text *out = context;
    text_format(out, "%d:", row->line);
    for (size_t i = 0; i < row->count; i++) {
        struct place_in_file at = csv_place(row, i);
        cr_expect(strlen(row->fields[i]) == row->len[i]);
        text_format(out, " [%s@%d:%d]", row->fields[i], at.line, at.col);
    }
    text_put(out, "\n");
    return true;
}

static void expect_rows(const char *input, const char *rows) {
    write_text(input);
    struct text out;
    text_init(&out);
    struct err err;
    err_init(&err);
    cr_expect(csv_read(path, show_row, &out, NULL, &err), "%s", err.found ? err.lines[0] : "");
    cr_expect_str_eq(out.at ? out.at : "", rows);
    text_free(&out);
    err_free(&err);
}

/* The finding without the file's name. */
static void expect_finding(const char *finding) {
    struct text out;
    text_init(&out);
    struct err err;
    err_init(&err);
    cr_expect_not(csv_read(path, show_row, &out, NULL, &err));
    cr_assert_eq(err.found, 1);
    cr_expect_str_eq(err.lines[0] + strlen(path), finding);
    text_free(&out);
    err_free(&err);
}

Test(csv, plain_records) {
    expect_rows("a,b\n1,22\n", "1: [a@1:1] [b@1:3]\n2: [1@2:1] [22@2:3]\n");
    expect_rows("a,b\n1,22", "1: [a@1:1] [b@1:3]\n2: [1@2:1] [22@2:3]\n");
    expect_rows("", "");
    expect_rows("\n\n", "");
}

Test(csv, empty_lines_are_skipped_but_counted) {
    expect_rows("\na\n\n\nb\n", "2: [a@2:1]\n5: [b@5:1]\n");
}

Test(csv, carriage_returns) { expect_rows("a,b\r\n\r\nc,\r\n", "1: [a@1:1] [b@1:3]\n3: [c@3:1] [@3:3]\n"); }

Test(csv, empty_fields_and_blanks) {
    expect_rows(",\n  a , b c\t,\n", "1: [@1:1] [@1:2]\n2: [a@2:1] [b c@2:6] [@2:12]\n");
}

Test(csv, quotes_span_lines) {
    expect_rows("\"a\n\nb\",c\nd,\"e\"\"f\",g\n",
                "1: [a\n\nb@1:1] [c@3:4]\n4: [d@4:1] [e\"f@4:3] [g@4:10]\n");
}

Test(csv, byte_order_mark) { expect_rows("\xef\xbb\xbf" "a,b\n", "1: [a@1:1] [b@1:3]\n"); }

Test(csv, trouble_has_a_place) {
    write_text("a,b\n1,x\"y\n");
    expect_finding(
        ":2:4: a misplaced quote; a field with quotes is quoted whole, and its quotes are doubled");
    write_text("a,b\n1,\"x\"y\n");
    expect_finding(
        ":2:6: a misplaced quote; a field with quotes is quoted whole, and its quotes are doubled");
    write_text("a,b\n1,2\n1,\"x\ny\n");
    expect_finding(":3:1: a quote is opened in this record and never closed");
    write_bytes("a,b\n1,\0002\n", 9);
    expect_finding(":2:3: a NUL byte; expected text");
    write_text("a,b\r1,2\r");
    expect_finding(":1: a carriage return without a line feed; lines end with LF or CRLF");
}

Test(csv, missing_file) {
    struct err err;
    err_init(&err);
    cr_expect_not(csv_read("/nowhere/x.csv", show_row, NULL, NULL, &err));
    cr_assert_eq(err.found, 1);
    cr_expect_str_eq(err.lines[0], "/nowhere/x.csv: cannot be opened: No such file or directory");
    err_free(&err);
    err_init(&err);
    cr_expect_not(csv_read("/tmp", show_row, NULL, NULL, &err));
    cr_expect_str_eq(err.lines[0], "/tmp:1:1: Is a directory");
    err_free(&err);
}

Test(csv, record_too_long) {
    size_t len = 3 << 20;
    char *bytes = mem_alloc(len);
    memset(bytes, 'x', len);
    memcpy(bytes, "a\n", 2);
    write_bytes(bytes, len);
    expect_finding(":2:1: a record longer than 1 MiB; is a quote missing?");
    bytes[2] = '"';
    for (size_t i = 10; i < len; i += 10) bytes[i] = '\n';
    write_bytes(bytes, len);
    expect_finding(":2:1: a record longer than 1 MiB; is a quote missing?");
    free(bytes);
}

/* --- large files: many batches, a thread --- */

struct expected {
    size_t rows;
    int line;
    bool quoted;
};

static size_t field_len(size_t row) { return row % 97 == 0 ? 3000 : row % 40; }

/* Row r: its number, a run of letters, and, in quoted files, a field with a line feed and a quote. */
static char *large_file(size_t rows, bool quoted, size_t *len) {
    struct text out;
    text_init(&out);
    for (size_t r = 0; r < rows; r++) {
        text_format(&out, "%zu,", r);
        for (size_t i = 0; i < field_len(r); i++) text_add(&out, "z", 1);
        text_put(&out, quoted && r % 3 == 0 ? ",\"x\n\"\"y\"\n" : ",w\n");
    }
    *len = out.len;
    return text_take(&out);
}

static bool check_row(void *context, const struct csv_row *row, struct err *err) {
    struct expected *expected = context;
    size_t r = expected->rows++;
    bool spans = expected->quoted && r % 3 == 0;
    cr_assert_eq(row->count, 3);
    cr_assert_eq(row->line, expected->line);
    cr_assert_eq((size_t)strtoull(row->fields[0], NULL, 10), r);
    cr_assert_eq(row->len[1], field_len(r));
    cr_assert_str_eq(row->fields[2], spans ? "x\n\"y" : "w");
    if (r % 100 == 0) {
        struct place_in_file at = csv_place(row, 2);
        cr_assert_eq(at.line, row->line);
        cr_assert_eq((size_t)at.col, row->len[0] + row->len[1] + 3);
    }
    expected->line += spans ? 2 : 1;
    return r + 1 < 150000 || err_add(err, (struct place_in_file){0}, "enough");
}

static void check_large(size_t rows, bool quoted, bool compressed) {
    size_t len;
    char *bytes = large_file(rows, quoted, &len);
    if (compressed) {
        gzFile file = gzopen(path, "wb1");
        cr_assert_eq(gzwrite(file, bytes, (unsigned)len), (int)len);
        cr_assert_eq(gzclose(file), Z_OK);
    } else {
        write_bytes(bytes, len);
    }
    struct expected expected = {.line = 1, .quoted = quoted};
    struct err err;
    err_init(&err);
    uint64_t hash;
    cr_expect(csv_read(path, check_row, &expected, &hash, &err));
    cr_expect_eq(expected.rows, rows);
    cr_expect(hash == hash_bytes(HASH_START, bytes, len));
    err_free(&err);
    free(bytes);
}

Test(csv, large_files) {
    check_large(100000, false, false);
    check_large(100000, true, false);
    check_large(100000, true, true);
}

Test(csv, stops_when_told) {
    size_t len;
    char *bytes = large_file(200000, false, &len);
    write_bytes(bytes, len);
    free(bytes);
    struct expected expected = {.line = 1};
    struct err err;
    err_init(&err);
    cr_expect_not(csv_read(path, check_row, &expected, NULL, &err));
    cr_expect_eq(expected.rows, 150000);
    cr_expect_eq(err.found, 1);
    err_free(&err);
}

Test(csv, truncated_gzip) {
    size_t len;
    char *bytes = large_file(100000, false, &len);
    gzFile file = gzopen(path, "wb1");
    cr_assert_eq(gzwrite(file, bytes, (unsigned)len), (int)len);
    gzclose(file);
    free(bytes);
    cr_assert_eq(truncate(path, 100000), 0);
    struct expected expected = {.line = 1};
    struct err err;
    err_init(&err);
    cr_expect_not(csv_read(path, check_row, &expected, NULL, &err));
    cr_assert_eq(err.found, 1);
    cr_expect(strstr(err.lines[0], "the compressed data end too early") != NULL, "%s", err.lines[0]);
    err_free(&err);
}
