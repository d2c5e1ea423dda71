/*
 * Pictures through gnuplot (see plot.h). Variables and pictures become one command file in a temporary
 * folder, next to the data; a single gnuplot reads it, so its start-up is paid once. What gnuplot says is
 * kept and shown when it fails.
 *
 * Invariant: the folder is gone after plot_close, drawn or not.
 */
#include "io/plot.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct plot {
    char *scripts, *folder;
    struct text commands;
};

static char *path_in(const struct plot *plot, const char *name) {
    struct text path;
    text_init(&path);
    text_format(&path, "%s/%s", plot->folder, name);
    return text_take(&path);
}

struct plot *plot_open(const char *scripts) {
    const char *base = getenv("TMPDIR");
    struct text folder;
    text_init(&folder);
    text_format(&folder, "%s/headroom-XXXXXX", base && *base ? base : "/tmp");
    struct plot *plot = mem_zero(1, sizeof *plot);
    plot->folder = text_take(&folder);
    if (!mkdtemp(plot->folder)) die("cannot make a temporary folder '%s': %s", plot->folder, strerror(errno));
    plot->scripts = mem_text(scripts);
    text_init(&plot->commands);
    plot_set(plot, "scripts", scripts);
    plot_set(plot, "data", plot->folder);
    return plot;
}

static void remove_folder(const struct plot *plot) {
    DIR *folder = opendir(plot->folder);
    if (!folder) return;
    for (const struct dirent *entry; (entry = readdir(folder));) {
        if (*entry->d_name == '.') continue;
        char *path = path_in(plot, entry->d_name);
        unlink(path);
        free(path);
    }
    closedir(folder);
    rmdir(plot->folder);
}

void plot_close(struct plot *plot) {
    if (!plot) return;
    remove_folder(plot);
    text_free(&plot->commands);
    free(plot->folder);
    free(plot->scripts);
    free(plot);
}

FILE *plot_data(struct plot *plot, const char *name) {
    char *path = path_in(plot, name);
    FILE *file = fopen(path, "w");
    if (!file) die("cannot write '%s': %s", path, strerror(errno));
    free(path);
    return file;
}

void plot_data_end(FILE *file) {
    const bool failed = ferror(file);
    if (fclose(file) != 0 || failed) die("cannot write the pictures' data: %s", strerror(errno));
}

/* Double quotes, with everything in octal that gnuplot could take for more than text (a backquote runs a
 * command). */
static void add_quoted(struct text *text, const char *string) {
    text_put(text, "\"");
    for (; *string; string++) {
        const unsigned char c = (unsigned char)*string;
        if (c < 0x20) text_put(text, " ");
        else if (strchr("\"\\`$@%", c)) text_format(text, "\\%03o", c);
        else text_add(text, string, 1);
    }
    text_put(text, "\"");
}

void plot_set(struct plot *plot, const char *name, const char *text) {
    text_format(&plot->commands, "%s = ", name);
    add_quoted(&plot->commands, text);
    text_put(&plot->commands, "\n");
}

void plot_set_number(struct plot *plot, const char *name, double value) {
    text_format(&plot->commands, "%s = %.17g\n", name, value);
}

void plot_add(struct plot *plot, const char *name, const char *stem) {
    static const struct {
        const char *kind, *theme, *ending;
    } forms[] = {{"svg", "light", ".svg"}, {"svg", "dark", "-dark.svg"}, {"png", "light", ".png"}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct text out;
        text_init(&out);
        text_format(&out, "%s%s", stem, forms[i].ending);
        text_put(&plot->commands, "reset\n");
        plot_set(plot, "kind", forms[i].kind);
        plot_set(plot, "theme", forms[i].theme);
        plot_set(plot, "out", out.at);
        text_format(&plot->commands, "load scripts.'/%s.gp'\nunset output\n", name);
        text_free(&out);
    }
}

static char *said_by_gnuplot(const struct plot *plot, const char *log_path) {
    struct text why;
    char line[512];
    text_init(&why);
    text_format(&why, "gnuplot failed (scripts: '%s')", plot->scripts);
    FILE *log = fopen(log_path, "r");
    for (size_t lines = 0; log && lines < 20 && fgets(line, sizeof line, log); lines++)
        text_format(&why, "%s%s", lines ? "  " : ":\n  ", line);
    if (log) fclose(log);
    while (why.len && why.at[why.len - 1] == '\n') why.at[--why.len] = '\0';
    return text_take(&why);
}

/* Runs `gnuplot COMMANDS` with its output in the log. 0, an exit status, or a negative errno. */
static int run_gnuplot(char *commands_path, const char *log_path) {
    char program[] = "gnuplot";
    char *const arguments[] = {program, commands_path, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    const int failed = posix_spawnp(&child, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed) return -failed;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool plot_draw(struct plot *plot, char **why) {
    FILE *file = plot_data(plot, "commands.gp");
    fwrite(plot->commands.at, 1, plot->commands.len, file);
    plot_data_end(file);
    char *commands_path = path_in(plot, "commands.gp"), *log_path = path_in(plot, "log");
    const int status = run_gnuplot(commands_path, log_path);
    *why = NULL;
    if (status == -ENOENT || status == 127) {
        *why = mem_text(
            "gnuplot is not installed, or not on the PATH; the report needs it (Debian: gnuplot-nox)");
    } else if (status != 0) {
        *why = said_by_gnuplot(plot, log_path);
    }
    free(commands_path);
    free(log_path);
    return status == 0;
}
