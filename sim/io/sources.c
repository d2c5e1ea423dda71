/*
 * See sources.h. A catalogue file is a table with a column of names (`name` or `curve`), `source` and `estimates`;
 * other columns are not looked at. A row counts as used when its name stands in the text as a word of its own: names
 * of the catalogue are made of letters, digits, points, dashes and underscores, and unlike other words.
 *
 * Cost: one reading of the catalogue, and a search of the text for each of its rows.
 */
#include "io/sources.h"

#include "base/err.h"
#include "io/catalog.h"
#include "io/csv.h"

#include <ctype.h>
#include <string.h>

static const struct {
    const char *file, *kind;
} files[] = {{"regions.csv", "region"},          {"nodes.csv", "node type"},     {"accelerators.csv", "GPU"},
             {"llm_models.csv", "language model"}, {"llm_engines.csv", "engine"}, {"speeds.csv", "speed curve"}};

struct search {
    struct arena *arena;
    struct sources *found;
    const char *text, *kind;
    size_t name, source, estimates; /* columns; SIZE_MAX: there is none */
    bool headed;
};

static bool part_of_name(char c) { return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.'; }

static bool is_word_in(const char *text, const char *word) {
    const size_t len = strlen(word);
    for (const char *at = text; len && (at = strstr(at, word)); at++)
        if ((at == text || !part_of_name(at[-1])) && !part_of_name(at[len])) return true;
    return false;
}

static bool read_header(struct search *s, const struct csv_row *row) {
    s->name = s->source = s->estimates = SIZE_MAX;
    for (size_t i = 0; i < row->count; i++) {
        if (strcmp(row->fields[i], "name") == 0 || strcmp(row->fields[i], "curve") == 0) s->name = i;
        if (strcmp(row->fields[i], "source") == 0) s->source = i;
        if (strcmp(row->fields[i], "estimates") == 0) s->estimates = i;
    }
    s->headed = true;
    return s->name != SIZE_MAX && s->source != SIZE_MAX;
}

static bool same_as_last(const struct search *s, const char *name, const char *source) {
    if (!s->found->len) return false;
    const struct source *last = &s->found->at[s->found->len - 1];
    return strcmp(last->name, name) == 0 && strcmp(last->source, source) == 0;
}

static bool read_row(void *context, const struct csv_row *row, struct err *err) {
    (void)err;
    struct search *s = context;
    if (!s->headed) return read_header(s, row);
    if (row->count <= s->name || row->count <= s->source) return true;
    const char *name = row->fields[s->name], *source = row->fields[s->source];
    if (!is_word_in(s->text, name) || same_as_last(s, name, source)) return true;
    const bool estimates = s->estimates < row->count;
    *vec_push(s->found) = (struct source){s->kind, arena_text(s->arena, name), arena_text(s->arena, source),
                                          arena_text(s->arena, estimates ? row->fields[s->estimates] : "")};
    return true;
}

void sources_find(struct sources *found, const char *text, struct arena *arena) {
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *path = catalog_find(arena, files[i].file);
        struct search search = {.arena = arena, .found = found, .text = text, .kind = files[i].kind};
        struct err ignored; /* a catalogue with mistakes is told of where it is used */
        if (!path) continue;
        err_init(&ignored);
        csv_read(path, read_row, &search, NULL, &ignored);
        err_free(&ignored);
    }
}
