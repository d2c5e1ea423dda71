/*
 * Which runs a command is about (see chosen.h). Cost: one look at the list of runs a name.
 */
#include "app/chosen.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct ids {
    int64_t *at;
    size_t len, cap;
};

static void add(struct ids *ids, int64_t id) {
    for (size_t i = 0; i < ids->len; i++)
        if (ids->at[i] == id) return;
    *vec_push(ids) = id;
}

/* "7" or "4-7". */
static bool read_span(const char *text, int64_t *first, int64_t *last) {
    const size_t len = strcspn(text, "-");
    if (!num_i64(text, len, first)) return false;
    *last = *first;
    return text[len] == '\0' || num_i64(text + len + 1, strlen(text + len + 1), last);
}

/* false: the mistake was printed. */
static bool add_named(struct ids *ids, struct store *store, const char *command, const char *text) {
    int64_t first, last;
    if (strcmp(text, "latest") == 0) {
        size_t count;
        int64_t *latest = store_latest(store, &count);
        for (size_t i = 0; i < count; i++) add(ids, latest[i]);
        free(latest);
        if (count == 0) args_mistake(command, "the file holds no complete run");
        return count > 0;
    }
    if (!read_span(text, &first, &last) || last < first) {
        args_mistake(command, "a run is named by its number, a span such as 4-7, or 'latest', not '%s'", text);
        return false;
    }
    size_t found = 0, added = 0, runs_len;
    int64_t *runs = store_runs(store, &runs_len);
    for (size_t i = 0; i < runs_len; i++) {
        if (runs[i] < first || runs[i] > last) continue;
        found++;
        if (!store_is_complete(store, runs[i])) continue;
        add(ids, runs[i]);
        added++;
    }
    free(runs);
    if (!found) args_mistake(command, "there is no run %s; 'headroom show' lists the runs of a file", text);
    else if (!added)
        args_mistake(command, "run %s is not complete: it is still running, or was killed", text);
    return added > 0;
}

int64_t *chosen_runs(struct store *store, const char *command, const struct args_texts *named, size_t *count,
                     int *status) {
    struct ids ids = {0};
    bool good = true;
    if (named->len == 0) good = add_named(&ids, store, command, "latest");
    for (size_t i = 0; i < named->len; i++) good = add_named(&ids, store, command, named->at[i]) && good;
    *count = ids.len;
    if (good) return ids.at;
    *status = EXIT_BAD_INPUT;
    free(ids.at);
    return NULL;
}
