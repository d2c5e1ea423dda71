/* Findings: wording, order, the cap on what is kept; the two ways to stop. */
#include "base/err.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <signal.h>
#include <stdlib.h>

static char *printed(const struct err *err) {
    char *bytes = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&bytes, &len);
    err_print(err, to);
    fclose(to);
    return bytes;
}

Test(err, says_where_as_far_as_known) {
    struct err err;
    err_init(&err);
    struct place_in_file gpus = {"a.yaml", 3, 7, "pools[0].gpus"};
    cr_assert_not(err_add(&err, gpus, "%d is less than %d", 0, 1));
    err_add(&err, (struct place_in_file){"a.yaml", 3, 0, NULL}, "no column");
    err_add(&err, (struct place_in_file){"a.yaml", 0, 0, NULL}, "no line");
    err_add(&err, (struct place_in_file){NULL, 0, 0, "--set"}, "no file");
    err_add(&err, (struct place_in_file){NULL, 4, 2, NULL}, "a line of something nameless");
    err_add(&err, (struct place_in_file){0}, "nowhere");
    char *text = printed(&err);
    cr_assert_str_eq(text, "a.yaml:3:7: pools[0].gpus: 0 is less than 1\n"
                           "a.yaml:3: no column\n"
                           "a.yaml: no line\n"
                           "--set: no file\n"
                           "line 4: a line of something nameless\n"
                           "nowhere\n");
    free(text);
    err_free(&err);
    cr_assert_eq(err.found, 0u);
}

Test(err, counts_what_it_does_not_keep) {
    struct err err;
    err_init(&err);
    for (int i = 0; i < ERR_KEPT_MOST + 41; i++) {
        err_add(&err, (struct place_in_file){.file = "t.csv", .line = i + 1}, "bad");
    }
    cr_assert_eq(err.kept, (size_t)ERR_KEPT_MOST);
    cr_assert_eq(err.found, (size_t)ERR_KEPT_MOST + 41);
    char *text = printed(&err);
    cr_assert_not_null(strstr(text, "t.csv:200: bad\n... and 41 more\n"));
    cr_assert_null(strstr(text, "t.csv:201:"));
    free(text);
    err_free(&err);
}

Test(err, long_findings_are_whole) {
    struct err err;
    err_init(&err);
    char name[5001];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    err_add(&err, (struct place_in_file){0}, "%s", name);
    cr_assert_str_eq(err.lines[0], name);
    err_free(&err);
}

Test(err, die_exits_with_one, .exit_code = EXIT_FAILED, .init = cr_redirect_stderr) {
    die("cannot write '%s': %s", "out.db", "no space");
}

static void must_hold(int a, int b) { require(a < b); }

Test(err, require_passes) { must_hold(1, 2); }
Test(err, require_aborts, .signal = SIGABRT, .init = cr_redirect_stderr) { must_hold(2, 1); }
