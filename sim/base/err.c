/*
 * The three kinds of error (see err.h). Findings are formatted once, when they are found, into owned lines;
 * printing is then a loop. Nothing here is shared between threads: each reader has its own struct err.
 * Invariant: kept <= ERR_KEPT_MOST, kept <= found. Cost: O(length of the message) a finding.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

void err_init(struct err *err) { *err = (struct err){0}; }

void err_free(struct err *err) {
    for (size_t i = 0; i < err->kept; i++) free(err->lines[i]);
    free(err->lines);
    err_init(err);
}

/* "file:line:col: path: ", without the parts that are not known. */
static void put_place(struct text *line, struct place_in_file at) {
    if (at.file) {
        text_put(line, at.file);
        if (at.line > 0) text_format(line, ":%d", at.line);
        if (at.line > 0 && at.col > 0) text_format(line, ":%d", at.col);
        text_put(line, ": ");
    } else if (at.line > 0) {
        text_format(line, "line %d: ", at.line);
    }
    if (at.path && at.path[0]) text_format(line, "%s: ", at.path);
}

bool err_add(struct err *err, struct place_in_file at, const char *format, ...) {
    err->found++;
    if (err->kept == ERR_KEPT_MOST) return false;
    /* All room at once: 1.6 kB, and only for input that is wrong. */
    if (!err->lines) err->lines = mem_alloc(ERR_KEPT_MOST * sizeof *err->lines);
    struct text line;
    text_init(&line);
    put_place(&line, at);
    va_list args;
    va_start(args, format);
    text_format_list(&line, format, args);
    va_end(args);
    err->lines[err->kept++] = text_take(&line);
    return false;
}

void err_print(const struct err *err, FILE *to) {
    for (size_t i = 0; i < err->kept; i++) fprintf(to, "%s\n", err->lines[i]);
    if (err->found > err->kept) fprintf(to, "... and %zu more\n", err->found - err->kept);
}

_Noreturn void die(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fflush(stdout); /* what was already said comes before the reason for stopping */
    fputs("headroom: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_FAILED);
}

_Noreturn void require_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "headroom: bug: %s:%d: '%s' does not hold\n", file, line, condition);
    abort();
}
