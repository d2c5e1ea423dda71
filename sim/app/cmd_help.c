/*
 * `headroom help`: the overview, a command's own help, the scenario reference, the metrics, the man page.
 * Everything is printed from the tables the program itself works by; docs/scenario.md and docs/headroom.1 are
 * this command's output, and a test compares them.
 */
#include "app/app.h"
#include "app/args.h"
#include "base/err.h"
#include "base/text.h"
#include "core/result.h"
#include "io/scenario.h"
#include "models/registry.h"

#include <stdio.h>
#include <string.h>

static const char *const examples[] = {
    "headroom help run",
    "the same as 'headroom run --help'",
    "headroom help scenario | less",
    "every key of a scenario file, and every parameter of every model",
    "headroom help metrics",
    "what each figure of a summary means",
    NULL,
};
static const struct args_spec spec = {
    "help",
    "[COMMAND|TOPIC]",
    0,
    1,
    "Explains a command, or a topic: 'scenario' is the reference of scenario files (Markdown), 'metrics' the "
    "meaning of every figure, 'man' the man page as roff. Without an argument: an overview.",
    NULL,
    0,
    examples,
};

static void print_overview(void) {
    printf("headroom %s: how much GPU capacity is enough, and what it costs\n\n"
           "usage: headroom COMMAND [arguments]\n\ncommands:\n",
           HEADROOM_VERSION);
    for (size_t i = 0; i < app_commands_len; i++)
        printf("  %-9s %s\n", app_commands[i].name, app_commands[i].summary);
    printf("\ntopics of 'headroom help':\n"
           "  scenario  every key of a scenario file, and every parameter of every model\n"
           "  metrics   what each figure of a summary means\n"
           "\n'headroom COMMAND --help' prints a command's options and examples.\n"
           "Begin with: headroom run %s/scenarios/quickstart.yaml\n",
           app_data_dir());
}

static void print_metrics(void) {
    printf(
        "Metrics, as they are named in results files. Those of a part are kept for each of its members.\n");
    for (size_t i = 0; i < result_metrics_len; i++) {
        const struct metric *m = &result_metrics[i];
        printf("\n%s%s%s%s\n    %s\n    for each", m->name, m->unit[0] != '\0' ? " (" : "", m->unit,
               m->unit[0] != '\0' ? ")" : "", m->help);
        const char *between = " ";
        for (int part = 0; part < PART_COUNT; part++) {
            if ((m->parts >> part & 1) == 0) continue;
            printf("%s%s", between, part_names[part]);
            between = ", ";
        }
        printf("%s\n", m->neutral ? "" : m->less_is_better ? "; less is better" : "; more is better");
    }
}

static int print_man(void) {
    printf(".TH HEADROOM 1 \"\" \"headroom %s\" \"User Commands\"\n"
           ".SH NAME\nheadroom \\- discrete\\-event simulator for GPU capacity planning\n"
           ".SH SYNOPSIS\n.B headroom\n.I COMMAND\n.RI [ arguments ]\n"
           ".SH DESCRIPTION\n"
           "Headroom replays a workload, recorded or synthetic, against a modelled fleet of GPU nodes in\n"
           "regions with energy prices and carbon intensities, under a chosen scheduling policy.\n"
           "It reports waiting, utilisation, energy, cost and emissions, and keeps every run in an SQLite\n"
           "file, where runs can be compared.\n"
           ".SH COMMANDS\nEvery command understands\n.BR \\-\\-help .\n",
           HEADROOM_VERSION);
    for (size_t i = 0; i < app_commands_len; i++) {
        char *argv[] = {(char *)app_commands[i].name, "--help=man", NULL};
        app_commands[i].run(2, argv);
    }
    printf(".SH EXIT STATUS\n"
           ".TP\n.B 0\nDone.\n.TP\n.B 1\nFailed: memory, the disk, or another program.\n"
           ".TP\n.B 2\nThe input or the command line was wrong.\n"
           "Every mistake is printed to standard error as file:line:column: path: what is wrong, what was\n"
           "expected; nothing was written.\n"
           ".SH ENVIRONMENT\n.TP\n.B HEADROOM_CATALOG\n"
           "A folder with catalogue files (accelerators, nodes, regions), searched before the one that comes\n"
           "with the program.\n"
           ".TP\n.B HEADROOM_SCRIPTS\n"
           "The folder with the gnuplot scripts of headroom report, in place of the one that comes with it.\n"
           ".SH SEE ALSO\n.BR gnuplot (1),\n.BR sqlite3 (1)\n");
    return EXIT_OK;
}

static int print_topic(const char *topic) {
    if (strcmp(topic, "scenario") == 0) {
        scenario_reference(stdout, models_registry());
    } else if (strcmp(topic, "metrics") == 0) {
        print_metrics();
    } else if (strcmp(topic, "man") == 0) {
        return print_man();
    } else {
        const struct command *command = app_command(topic);
        if (command == NULL) return EXIT_BAD_INPUT;
        char *argv[] = {(char *)command->name, "--help", NULL};
        return command->run(2, argv);
    }
    return EXIT_OK;
}

int cmd_help(int argc, char **argv) {
    struct args_texts operands;
    int status = EXIT_OK;
    if (!args_read(&spec, argc, argv, NULL, &operands, &status)) return status;
    if (operands.len == 0) print_overview();
    else status = print_topic(operands.at[0]);
    args_free(&operands);
    return status;
}
