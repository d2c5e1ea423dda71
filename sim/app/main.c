/*
 * The program `headroom`: finds the command named first on the line and lets it run.
 * What a command returns is the exit status: 0 done, 1 failed, 2 the input was wrong. A full disk or a closed
 * pipe under stdout is a failure too, so output is flushed and checked before the end.
 */
#include "app/app.h"

#include "base/err.h"
#include "base/text.h"
#include "io/scenario.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct command app_commands[] = {
    {"run", "replay a scenario and keep its results", cmd_run},
    {"sweep", "run many variants of a scenario on all cores, and go on after a kill", cmd_sweep},
    {"size", "find the smallest fleet that keeps its service levels", cmd_size},
    {"merge", "join the files of a sweep that was run in parts", cmd_merge},
    {"recommend", "search all ways to do a workload: cheapest, fastest, best value", cmd_recommend},
    {"check", "find every mistake in a scenario, and say what it would run", cmd_check},
    {"validate", "hold simulated waits and use against recorded ones", cmd_validate},
    {"import", "convert a public trace to the trace format", cmd_import},
    {"fit", "fit a synthetic load to a trace", cmd_fit},
    {"models", "list the models a scenario can choose from, and their parameters", cmd_models},
    {"show", "print results that were kept", cmd_show},
    {"report", "draw results as pictures and a page", cmd_report},
    {"compare", "compare groups of runs, with intervals and tests", cmd_compare},
    {"export", "write results as CSV: every figure, or cost lines in FOCUS columns", cmd_export},
    {"help", "explain a command, the scenario file or the metrics", cmd_help},
    {"version", "print the version", cmd_version},
};
const size_t app_commands_len = sizeof app_commands / sizeof *app_commands;

const struct command *app_command(const char *name) {
    const char *names[sizeof app_commands / sizeof *app_commands];
    for (size_t i = 0; i < app_commands_len; i++) {
        if (strcmp(app_commands[i].name, name) == 0) return &app_commands[i];
        names[i] = app_commands[i].name;
    }
    const char *nearest = text_nearest(name, names, app_commands_len);
    fprintf(stderr, "headroom: unknown command '%s'", name);
    if (nearest != NULL) fprintf(stderr, "; did you mean '%s'?", nearest);
    fprintf(stderr, "\n'headroom help' lists the commands.\n");
    return NULL;
}

static void set_catalog(void) {
    static char dir[4096];
    static const char *const dirs[] = {dir};
    snprintf(dir, sizeof dir, "%s/models/catalog", app_data_dir());
    scenario_catalog_dirs(dirs, 1);
}

int main(int argc, char **argv) {
    const char *name = argc < 2 ? "help" : argv[1];
    if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) name = "help";
    if (strcmp(name, "--version") == 0) name = "version";
    const struct command *command = app_command(name);
    if (command == NULL) return EXIT_BAD_INPUT;
    set_catalog();
    char *alone[] = {(char *)name, NULL};
    int status = argc < 2 ? command->run(1, alone) : command->run(argc - 1, argv + 1);
    if (fflush(stdout) != 0 || ferror(stdout)) die("cannot write to standard output: %s", strerror(errno));
    return argc < 2 ? EXIT_BAD_INPUT : status;
}
