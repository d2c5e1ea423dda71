/*
 * See include.h. Files are read depth first; a file inside itself is known by its device and inode. An included file
 * that is bad adds findings and is left out.
 *
 * Cost: the size of all files; depth and number are bounded.
 */
#include "io/include.h"

#include "io/params.h"
#include "io/paths.h"

#include <sys/stat.h>

enum { INCLUDE_DEPTH_MOST = 16, INCLUDE_FILES_MOST = 100 };
struct including {
    struct arena *arena;
    struct err *err;
    struct stat stack[INCLUDE_DEPTH_MOST];
    size_t depth, files;
};

static struct yaml_node *file_read(struct including *in, const char *file, const struct yaml_node *from);

static void include_one(struct including *in, struct yaml_node *root, const struct yaml_node *named) {
    const char *path = named->kind == YAML_SCALAR ? path_resolve(in->arena, named->file, named->text) : NULL;
    struct place_in_file at = yaml_place(named, "include");
    if (named->kind != YAML_SCALAR) {
        err_add(in->err, at, "expected a path, found %s", value_shown(named).text);
        return;
    }
    if (!path) {
        err_add(in->err, at, "no such file %s", value_shown(named).text);
        return;
    }
    const struct yaml_node *included = file_read(in, path, named);
    if (included) yaml_merge(in->arena, root, included);
}

/* Merges the files under the root; of two, the later wins, so the last is merged first. */
static void include_all(struct including *in, struct yaml_node *root) {
    struct yaml_node *include = yaml_get(root, "include");
    if (!include || yaml_is_null(include)) return;
    if (include->kind == YAML_LIST)
        for (size_t i = include->len; i-- > 0;) include_one(in, root, include->items[i].value);
    else include_one(in, root, include);
}

/* Whether this file may be read now: not inside itself, not too deep. from: who includes it, or NULL. */
static bool may_include(struct including *in, const char *file, const struct yaml_node *from) {
    struct stat now;
    if (stat(file, &now) != 0) return true; /* yaml_read will say why */
    for (size_t i = 0; i < in->depth; i++)
        if (in->stack[i].st_dev == now.st_dev && in->stack[i].st_ino == now.st_ino)
            return err_add(in->err, yaml_place(from, "include"), "\"%s\" includes itself", file);
    if (in->depth == INCLUDE_DEPTH_MOST || ++in->files > INCLUDE_FILES_MOST)
        return err_add(in->err, yaml_place(from, "include"), "too many includes, at most %d files, %d deep",
                       INCLUDE_FILES_MOST, INCLUDE_DEPTH_MOST);
    in->stack[in->depth] = now;
    return true;
}

static struct yaml_node *file_read(struct including *in, const char *file, const struct yaml_node *from) {
    if (!may_include(in, file, from)) return NULL;
    struct yaml_node *root = yaml_read(file, in->arena, in->err);
    if (!root) return NULL;
    if (root->kind != YAML_MAP) {
        err_add(in->err, yaml_place(root, NULL), "expected a mapping, found %s", value_shown(root).text);
        return NULL;
    }
    in->depth++;
    include_all(in, root);
    in->depth--;
    return root;
}

struct yaml_node *include_read(const char *file, struct arena *arena, struct err *err) {
    struct including in = {.arena = arena, .err = err};
    return file_read(&in, file, NULL);
}
