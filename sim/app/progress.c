/*
 * The progress line. It is drawn by the main thread a few times a second from what the runs last said, so the
 * event loops never wait for a terminal. One line, rewritten in place, within 79 columns.
 */
#include "app/progress.h"

#include "base/num.h"
#include "base/tick.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 16, COLUMNS = 79 };

double progress_clock_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void progress_begin(struct progress *progress, bool wanted) {
    progress->shown = wanted && isatty(STDERR_FILENO) == 1;
    progress->begun_s = progress_clock_s();
}

static void put_line(const char *line) {
    fprintf(stderr, "\r%.*s\033[K", COLUMNS, line);
    fflush(stderr);
}

void progress_note(struct progress *progress, const char *doing, const char *what) {
    char line[COLUMNS + 1];
    if (!progress->shown) return;
    snprintf(line, sizeof line, "%s %s ...", doing, what);
    put_line(line);
}

void progress_draw(struct progress *progress, const struct progress_state *state) {
    if (!progress->shown) return;
    const double passed_s = progress_clock_s() - progress->begun_s;
    char bar[BAR + 1], line[256], now[32], rate[32], left[32] = "-";
    const int full = (int)(state->done * BAR);
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)(full > BAR ? BAR : full));
    bar[BAR] = '\0';
    tick_human(state->now_ns, now);
    num_human(passed_s > 0 ? round((double)state->events / passed_s) : 0, rate);
    if (state->done > 0.001)
        tick_human(tick_from_seconds(ceil(passed_s * (1 - state->done) / state->done)), left);
    char runs[64] = "";
    if (state->runs > 1) snprintf(runs, sizeof runs, "  %zu/%zu runs", state->runs_done, state->runs);
    snprintf(line, sizeof line, "[%s] %3.0f %%%s  at %s  %s events/s  ETA %s", bar, 100 * state->done, runs,
             now, rate, left);
    put_line(line);
}

void progress_end(struct progress *progress) {
    if (progress->shown) put_line("");
}
