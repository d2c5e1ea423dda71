/* Command lines: forms of options, operands, every mistake told, help and man page from the same table. */
#include "app/args.h"

#include "base/err.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdint.h>
#include <string.h>

struct into {
    bool loud;
    const char *output;
    struct args_texts sets;
    uint64_t count;
};
static const struct args_option options[] = {
    {'l', "loud", NULL, ARGS_SWITCH, offsetof(struct into, loud), 0, 0, "be loud"},
    {'o', "output", "FILE", ARGS_TEXT, offsetof(struct into, output), 0, 0, "write to FILE"},
    {'s', "set", "PATH=VALUE", ARGS_LIST, offsetof(struct into, sets), 0, 0, "override a field"},
    {0, "count", "N", ARGS_WHOLE, offsetof(struct into, count), 1, 9, "how many"},
};
static const char *const examples[] = {"headroom try a -l", "tries it", NULL};
static const struct args_spec spec = {"try", "WHAT...", 1, 2, "Tries.\n\nTwice.", options, 4, examples};

/* Parses up to 11 words after the command's name. */
static bool parse(const char *const *words, struct into *into, struct args_texts *operands, int *status) {
    char *argv[12] = {(char *)"try"};
    int argc = 1;
    while (*words) argv[argc++] = (char *)*words++;
    return args_read(&spec, argc, argv, into, operands, status);
}
#define PARSE(into, ...) parse((const char *const[]){__VA_ARGS__, NULL}, into, &operands, &status)

static struct args_texts operands;
static int status;

static void let_go(struct into *into) {
    args_free(&operands);
    args_free(&into->sets);
}

Test(args, every_form_of_a_value) {
    const char *const forms[][3] = {{"--output=x", "a"}, {"--output", "x", "a"}, {"-o", "x", "a"}, {"-ox", "a"}};
    for (size_t i = 0; i < 4; i++) {
        struct into into = {0};
        const char *words[] = {forms[i][0], forms[i][1], forms[i][2], NULL};
        cr_assert(parse(words, &into, &operands, &status));
        cr_assert_str_eq(into.output, "x");
        cr_assert_eq(operands.len, 1);
        cr_assert_str_eq(operands.at[0], "a");
        let_go(&into);
    }
}

Test(args, options_and_operands_mix) {
    struct into into = {.count = 5};
    cr_assert(PARSE(&into, "a", "-ls", "x=1", "--set=y=2", "--", "--loud"));
    cr_assert(into.loud);
    cr_assert_eq(into.count, 5, "what is not given keeps what the command preset");
    cr_assert_eq(into.sets.len, 2);
    cr_assert_str_eq(into.sets.at[0], "x=1");
    cr_assert_str_eq(into.sets.at[1], "y=2");
    cr_assert_eq(operands.len, 2);
    cr_assert_str_eq(operands.at[1], "--loud");
    let_go(&into);
}

Test(args, a_dash_and_an_empty_word_are_operands) {
    struct into into = {0};
    cr_assert(PARSE(&into, "-", ""));
    cr_assert_str_eq(operands.at[0], "-");
    cr_assert_str_eq(operands.at[1], "");
    let_go(&into);
}

Test(args, whole_numbers_have_limits) {
    struct into into = {0};
    cr_assert(PARSE(&into, "a", "--count", "9"));
    cr_assert_eq(into.count, 9);
    let_go(&into);
    const char *const bad[] = {"0", "10", "-1", "2.5", "x", "", "0x3", "18446744073709551616"};
    cr_redirect_stderr();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        into = (struct into){.count = 3};
        cr_assert_not(PARSE(&into, "a", "--count", bad[i]), "'%s'", bad[i]);
        cr_assert_eq(status, EXIT_BAD_INPUT);
        cr_assert_eq(into.count, 3);
    }
}

Test(args, every_mistake_is_told) {
    cr_redirect_stderr();
    struct into into = {0};
    cr_assert_not(PARSE(&into, "--ouput=x", "-z", "--loud=yes", "--count=0", "a", "b", "c", "--set"));
    cr_assert_eq(status, EXIT_BAD_INPUT);
    fflush(stderr);
    cr_assert_stderr_eq_str("headroom try: unknown option '--ouput'; did you mean '--output'?\n"
                            "headroom try: unknown option '-z'\n"
                            "headroom try: --loud takes no value\n"
                            "headroom try: --count: '0' is not a whole number from 1 to 9\n"
                            "headroom try: --set needs a value: --set PATH=VALUE\n"
                            "headroom try: unexpected argument 'c'\n"
                            "'headroom try --help' lists the options and shows examples.\n");
}

Test(args, too_few_operands) {
    cr_redirect_stderr();
    struct into into = {0};
    cr_assert_not(PARSE(&into, "-l"));
    cr_assert_eq(status, EXIT_BAD_INPUT);
    fflush(stderr);
    cr_assert_stderr_eq_str("headroom try: an argument is missing: headroom try WHAT...\n"
                            "'headroom try --help' lists the options and shows examples.\n");
}

Test(args, help_wins_over_mistakes) {
    cr_redirect_stdout();
    struct into into = {0};
    cr_assert_not(PARSE(&into, "--set", "x", "-h"));
    cr_assert_eq(status, EXIT_OK);
    fflush(stdout);
    cr_assert_stdout_eq_str("usage: headroom try WHAT... [options]\n\n"
                            "Tries.\n\nTwice.\n\n"
                            "options:\n"
                            "  -l, --loud              be loud\n"
                            "  -o, --output FILE       write to FILE\n"
                            "  -s, --set PATH=VALUE    override a field\n"
                            "      --count N           how many\n"
                            "  -h, --help              print this text and leave\n\n"
                            "examples:\n"
                            "  headroom try a -l\n"
                            "      tries it\n");
}

Test(args, a_section_of_the_man_page) {
    cr_redirect_stdout();
    struct into into = {0};
    cr_assert_not(PARSE(&into, "--help=man"));
    cr_assert_eq(status, EXIT_OK);
    fflush(stdout);
    cr_assert_stdout_eq_str(".SS headroom try WHAT...\n"
                            "Tries.\n.PP\nTwice.\n"
                            ".TP\n.B \\-l, \\-\\-loud\nbe loud.\n"
                            ".TP\n.B \\-o, \\-\\-output FILE\nwrite to FILE.\n"
                            ".TP\n.B \\-s, \\-\\-set PATH=VALUE\noverride a field.\n"
                            ".TP\n.B \\-\\-count N\nhow many.\n"
                            ".PP\nFor example:\n"
                            ".TP\n.B headroom try a \\-l\ntries it\n");
}
