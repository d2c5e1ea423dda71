/*
 * Command lines, as tables. A command describes its options once; the table parses them, prints `--help` and
 * is the command's section of the man page, so that the three cannot disagree.
 *
 *   struct run_args { const char *output; bool quiet; };
 *   static const struct args_option options[] = {
 *       {'o', "output", "FILE", ARGS_TEXT, offsetof(struct run_args, output), .help = "write results to
 * FILE"},
 *       {'q', "quiet", NULL, ARGS_SWITCH, offsetof(struct run_args, quiet), .help = "print nothing"},
 *   };
 *   static const struct args_spec spec = {"run", "SCENARIO", 1, 1, "Runs a scenario.", options, 2, examples};
 *   int cmd_run(int argc, char **argv) {
 *       struct run_args args = {.output = "results.db"};
 *       struct args_texts operands;
 *       int status;
 *       if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
 *
 * Options and operands may be mixed; `--name=value`, `--name value`, `-n value` and `-nvalue` are the same;
 * `--` ends the options; `-` is an operand. `--help` (`-h`) is understood by every command; `--help=man`
 * prints the same as a section of the man page.
 */
#ifndef HEADROOM_APP_ARGS_H
#define HEADROOM_APP_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum args_kind {
    ARGS_SWITCH, /* bool: set when given */
    ARGS_TEXT,   /* const char *: the last one given */
    ARGS_LIST,   /* struct args_texts: every one given, in order */
    ARGS_WHOLE   /* uint64_t: a whole number, least..most */
};

struct args_texts {
    const char **at; /* of args_free; the texts are argv's */
    size_t len, cap;
};

struct args_option {
    char letter;       /* 'o' for -o; 0: has none */
    const char *name;  /* "output" for --output */
    const char *value; /* what to call the value in the help, "FILE"; NULL for a switch */
    enum args_kind kind;
    size_t offset;        /* of the field in the command's struct */
    uint64_t least, most; /* ARGS_WHOLE; most 0: no limit */
    const char *help;     /* a phrase without a full stop */
};

struct args_spec {
    const char *command;
    const char *operands; /* "SCENARIO", "FORMAT FILE...", "" */
    size_t least, most;   /* how many operands; SIZE_MAX: any number */
    const char *purpose;  /* a sentence or a few; paragraphs are parted by an empty line */
    const struct args_option *options;
    size_t options_len;
    const char *const *examples; /* pairs: a command line, what it does; then NULL */
};

/* Fills the command's struct (zeroed or preset by the caller) and the operands, initialised here.
 * false: leave with *status; help went to stdout, or every mistake to stderr, and nothing is to be freed. */
bool args_read(const struct args_spec *spec, int argc, char **argv, void *into, struct args_texts *operands,
               int *status);
void args_free(struct args_texts *texts);

/* The command as one would type it again: "headroom run 'my file.yaml'"; free(). argv[0]: the command's name. */
char *args_command_text(int argc, char **argv);

/* A mistake found after parsing, in the same form: "headroom run: ...", and where to read on. Returns
 * EXIT_BAD_INPUT. */
int args_mistake(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
