/* The program's commands, and what they share. */
#ifndef HEADROOM_APP_APP_H
#define HEADROOM_APP_APP_H

#include <stddef.h>

/* argv[0] is the command's name; the exit status is returned (EXIT_OK, EXIT_FAILED, EXIT_BAD_INPUT). */
int cmd_run(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_size(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_validate(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_fit(int argc, char **argv);
int cmd_models(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_recommend(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_version(int argc, char **argv);

struct command {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
};
extern const struct command app_commands[];
extern const size_t app_commands_len;
/* NULL, and a suggestion on stderr, when there is none of that name. */
const struct command *app_command(const char *name);

/* The results file when none is named: what `run` writes, `show` and `report` read. */
#define APP_RESULTS "results.db"

/* The folder that holds models/catalog, scripts and scenarios: the installed share/headroom beside the
 * program, else the source tree it was built from. */
const char *app_data_dir(void);
/* Where the *.gp are: $HEADROOM_SCRIPTS, else the data folder's scripts; free(). */
char *app_scripts_dir(void);

#endif
