/*
 * Errors, of the three kinds the house knows.
 *
 *   a bug               require(cond): prints where and aborts. Always on, also in release.
 *   the user's input    struct err: a growing list of findings, so that all mistakes show at once.
 *                       A function that can find one is `bool f(..., struct err *err)`; false means
 *                       "at least one finding was added".
 *   memory and disk     die("cannot write '%s': %s", ...): prints and exits with status 1.
 *
 * A finding reads `file:line:col: path: what is wrong, what was expected`.
 */
#ifndef HEADROOM_BASE_ERR_H
#define HEADROOM_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_BAD_INPUT = 2 };

/* Findings past this many are counted, not kept: a broken million-row trace must not fill memory. */
enum { ERR_KEPT_MOST = 200 };

struct err {
    char **lines; /* owned, `kept` of them, in order of discovery */
    size_t kept;
    size_t found; /* all findings, kept or not */
};

/* Where in the user's input something stands. line and col count from 1; 0 means unknown and is
 * left out of the message. file and path may be NULL. */
struct place_in_file {
    const char *file;
    int line, col;
    const char *path; /* "pools[0].gpus" */
};

void err_init(struct err *err);
void err_free(struct err *err);
/* Adds one finding. Always returns false, so that `return err_add(...)` reads well. */
bool err_add(struct err *err, struct place_in_file at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Prints every kept finding, a line each, then "... and N more" where some were not kept. */
void err_print(const struct err *err, FILE *to);

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void require_failed(const char *condition, const char *file, int line);
#define require(condition) \
    ((condition) ? (void)0 : require_failed(#condition, __FILE__, __LINE__))

#endif
