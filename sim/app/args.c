/*
 * Command lines, as tables: see args.h.
 *
 * The parser walks argv once. It is written here and not taken from getopt_long, because that one is no part
 * of POSIX, stops at unknown names without the nearest valid one, and knows nothing of help texts.
 * Every mistake of a command line is printed before the command is left. Cost: arguments x options.
 */
#include "app/args.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 78, NAMES_MOST = 64 };

static const struct args_option help_option = {
    'h', "help", NULL, ARGS_SWITCH, 0, 0, 0, "print this text and leave",
};

struct parse {
    const struct args_spec *spec;
    void *into;
    struct args_texts *operands;
    size_t mistakes;
    bool help, man;
};

/* --- mistakes --- */

static void say_mistake(const char *command, const char *format, va_list list) {
    fprintf(stderr, "headroom %s: ", command);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
}

static void __attribute__((format(printf, 2, 3))) mistake(struct parse *p, const char *format, ...) {
    va_list list;
    va_start(list, format);
    say_mistake(p->spec->command, format, list);
    va_end(list);
    p->mistakes++;
}

static void say_where_help_is(const char *command) {
    fprintf(stderr, "'headroom %s --help' lists the options and shows examples.\n", command);
}

int args_mistake(const char *command, const char *format, ...) {
    va_list list;
    va_start(list, format);
    say_mistake(command, format, list);
    va_end(list);
    say_where_help_is(command);
    return EXIT_BAD_INPUT;
}

/* --- help --- */

/* Prints text in lines of at most WIDTH columns; the first line begins at column `at`, the others at
 * `indent`. */
static void print_wrapped(const char *text, int at, int indent) {
    int column = at;
    while (*text != '\0') {
        int len = (int)strcspn(text, " \n");
        if (column > indent && column + 1 + len > WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", len, text);
        column += len;
        text += len;
        if (text[0] == '\n' && text[1] == '\n') {
            printf("\n\n%*s", indent, "");
            column = indent;
        }
        text += strspn(text, " \n");
    }
    putchar('\n');
}

/* "-o, --output FILE" */
static void name_option(const struct args_option *o, struct text *to) {
    if (o->letter != 0) text_format(to, "-%c, --%s", o->letter, o->name);
    else text_format(to, "    --%s", o->name);
    if (o->value != NULL) text_format(to, " %s", o->value);
}

static void print_option(const struct args_option *o) {
    enum { HELP_AT = 26 };
    struct text name;
    text_init(&name);
    name_option(o, &name);
    printf("  %s", name.at);
    int at = 2 + (int)name.len;
    if (at + 2 > HELP_AT) printf("\n%*s", HELP_AT, "");
    else printf("%*s", HELP_AT - at, "");
    print_wrapped(o->help, HELP_AT, HELP_AT);
    text_free(&name);
}

static void print_help(const struct args_spec *spec) {
    printf("usage: headroom %s%s%s [options]\n\n", spec->command, spec->operands[0] != '\0' ? " " : "",
           spec->operands);
    print_wrapped(spec->purpose, 0, 0);
    printf("\noptions:\n");
    for (size_t i = 0; i < spec->options_len; i++) print_option(&spec->options[i]);
    print_option(&help_option);
    printf("\nexamples:\n");
    for (const char *const *e = spec->examples; *e != NULL; e += 2) {
        printf("  %s\n      ", e[0]);
        print_wrapped(e[1], 6, 6);
    }
}

/* Text as roff has it: a hyphen of a command is a minus, a paragraph is a request, a leading dot is none. */
static void print_roff(const char *text) {
    bool fresh = true;
    for (; *text != '\0'; text++) {
        if (text[0] == '\n' && text[1] == '\n') {
            printf("\n.PP\n");
            text++;
            fresh = true;
            continue;
        }
        if (fresh && (*text == '.' || *text == '\'')) printf("\\&");
        if (*text == '-') printf("\\-");
        else if (*text == '\\') printf("\\e");
        else putchar(*text);
        fresh = *text == '\n';
    }
}

static void print_man_option(const struct args_option *o) {
    printf(".TP\n.B ");
    struct text name;
    text_init(&name);
    name_option(o, &name);
    print_roff(name.at + strspn(name.at, " "));
    putchar('\n');
    print_roff(o->help);
    printf(".\n");
    text_free(&name);
}

static void print_man(const struct args_spec *spec) {
    printf(".SS headroom %s %s\n", spec->command, spec->operands);
    print_roff(spec->purpose);
    putchar('\n');
    for (size_t i = 0; i < spec->options_len; i++) print_man_option(&spec->options[i]);
    printf(".PP\nFor example:\n");
    for (const char *const *e = spec->examples; *e != NULL; e += 2) {
        printf(".TP\n.B ");
        print_roff(e[0]);
        putchar('\n');
        print_roff(e[1]);
        putchar('\n');
    }
}

/* --- parsing --- */

static void take_whole(struct parse *p, const struct args_option *o, const char *value) {
    uint64_t most = o->most != 0 ? o->most : UINT64_MAX, whole;
    if (num_u64(value, strlen(value), &whole) && whole >= o->least && whole <= most)
        *(uint64_t *)((char *)p->into + o->offset) = whole;
    else if (o->most != 0)
        mistake(p, "--%s: '%s' is not a whole number from %" PRIu64 " to %" PRIu64, o->name, value, o->least,
                most);
    else mistake(p, "--%s: '%s' is not a whole number of at least %" PRIu64, o->name, value, o->least);
}

static void take(struct parse *p, const struct args_option *o, const char *value) {
    void *field = (char *)p->into + o->offset;
    if (o == &help_option) {
        p->help = true;
        return;
    }
    switch (o->kind) {
    case ARGS_SWITCH: *(bool *)field = true; break;
    case ARGS_TEXT: *(const char **)field = value; break;
    case ARGS_LIST: *vec_push((struct args_texts *)field) = value; break;
    case ARGS_WHOLE: take_whole(p, o, value); break;
    }
}

static const struct args_option *find_letter(const struct args_spec *spec, char letter) {
    for (size_t i = 0; i < spec->options_len; i++)
        if (spec->options[i].letter == letter && letter != 0) return &spec->options[i];
    return letter == help_option.letter ? &help_option : NULL;
}

static const struct args_option *find_name(const struct args_spec *spec, const char *name, size_t len) {
    for (size_t i = 0; i < spec->options_len; i++) {
        const char *known = spec->options[i].name;
        if (strlen(known) == len && memcmp(known, name, len) == 0) return &spec->options[i];
    }
    bool help = len == strlen(help_option.name) && memcmp(help_option.name, name, len) == 0;
    return help ? &help_option : NULL;
}

static void unknown_name(struct parse *p, const char *name, size_t len) {
    const char *names[NAMES_MOST];
    size_t count = 0;
    require(p->spec->options_len < NAMES_MOST);
    for (size_t i = 0; i < p->spec->options_len; i++) names[count++] = p->spec->options[i].name;
    names[count++] = help_option.name;
    struct text wanted;
    text_init(&wanted);
    text_add(&wanted, name, len);
    const char *nearest = text_nearest(wanted.at != NULL ? wanted.at : "", names, count);
    if (nearest != NULL) mistake(p, "unknown option '--%s'; did you mean '--%s'?", wanted.at, nearest);
    else mistake(p, "unknown option '--%.*s'", (int)len, name);
    text_free(&wanted);
}

/* argument: what follows the two dashes. next: the argument after it, or NULL. Returns whether next was used.
 */
static bool parse_long(struct parse *p, const char *argument, const char *next) {
    size_t len = strcspn(argument, "=");
    const char *value = argument[len] == '=' ? argument + len + 1 : NULL;
    const struct args_option *o = find_name(p->spec, argument, len);
    if (o == NULL) {
        unknown_name(p, argument, len);
    } else if (o == &help_option && value != NULL && strcmp(value, "man") == 0) {
        p->man = true;
    } else if (o->value == NULL && value != NULL) {
        mistake(p, "--%s takes no value", o->name);
    } else if (o->value != NULL && value == NULL && next == NULL) {
        mistake(p, "--%s needs a value: --%s %s", o->name, o->name, o->value);
    } else {
        bool uses_next = o->value != NULL && value == NULL;
        take(p, o, uses_next ? next : value);
        return uses_next;
    }
    return false;
}

/* letters: what follows the one dash; several switches may stand together. */
static bool parse_short(struct parse *p, const char *letters, const char *next) {
    for (; *letters != '\0'; letters++) {
        const struct args_option *o = find_letter(p->spec, *letters);
        if (o == NULL) {
            mistake(p, "unknown option '-%c'", *letters);
            return false;
        }
        if (o->value == NULL) {
            take(p, o, NULL);
        } else if (letters[1] != '\0') {
            take(p, o, letters + 1);
            return false;
        } else if (next != NULL) {
            take(p, o, next);
            return true;
        } else {
            mistake(p, "-%c needs a value: -%c %s", *letters, *letters, o->value);
        }
    }
    return false;
}

static void parse_all(struct parse *p, int argc, char **argv) {
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (only_operands || argument[0] != '-' || argument[1] == '\0') *vec_push(p->operands) = argument;
        else if (strcmp(argument, "--") == 0) only_operands = true;
        else if (argument[1] == '-' ? parse_long(p, argument + 2, next) : parse_short(p, argument + 1, next))
            i++;
    }
}

static void check_operands(struct parse *p) {
    const struct args_spec *spec = p->spec;
    if (p->operands->len < spec->least)
        mistake(p, "%s missing: headroom %s %s",
                p->operands->len == 0 ? "an argument is" : "one more argument is", spec->command,
                spec->operands);
    for (size_t i = spec->most; i < p->operands->len; i++)
        mistake(p, "unexpected argument '%s'", p->operands->at[i]);
}

/* The lists of a command that is not going to run. */
static void drop(struct parse *p) {
    args_free(p->operands);
    for (size_t i = 0; i < p->spec->options_len; i++)
        if (p->spec->options[i].kind == ARGS_LIST)
            args_free((struct args_texts *)(void *)((char *)p->into + p->spec->options[i].offset));
}

bool args_read(const struct args_spec *spec, int argc, char **argv, void *into, struct args_texts *operands,
               int *status) {
    *operands = (struct args_texts){0};
    struct parse p = {.spec = spec, .into = into, .operands = operands};
    parse_all(&p, argc, argv);
    if (p.man) print_man(spec);
    else if (p.help) print_help(spec);
    else check_operands(&p);
    *status = EXIT_OK;
    if (!p.man && !p.help) {
        if (p.mistakes == 0) return true;
        say_where_help_is(spec->command);
        *status = EXIT_BAD_INPUT;
    }
    drop(&p);
    return false;
}

void args_free(struct args_texts *texts) {
    free(texts->at);
    *texts = (struct args_texts){0};
}

static bool plain_word(const char *word) {
    return word[0] != '\0' &&
           word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+%@")] ==
               '\0';
}

char *args_command_text(int argc, char **argv) {
    struct text text;
    text_init(&text);
    text_put(&text, "headroom");
    for (int i = 0; i < argc; i++) {
        text_put(&text, " ");
        if (plain_word(argv[i])) {
            text_put(&text, argv[i]);
            continue;
        }
        text_put(&text, "'");
        for (const char *c = argv[i]; *c != '\0'; c++) {
            if (*c == '\'') text_put(&text, "'\\''");
            else text_add(&text, c, 1);
        }
        text_put(&text, "'");
    }
    return text_take(&text);
}
