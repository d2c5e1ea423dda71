/* See paths.h. A file is there when it can be opened for reading: nothing is promised about later. */
#include "io/paths.h"

#include <stdio.h>
#include <string.h>

bool path_exists(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file) fclose(file);
    return file != NULL;
}

static const char *join(struct arena *arena, const char *folder, size_t folder_len, const char *name) {
    size_t name_len = strlen(name);
    char *path = arena_alloc(arena, folder_len + name_len + 2, 1);
    memcpy(path, folder, folder_len);
    path[folder_len] = '/';
    memcpy(path + folder_len + 1, name, name_len);
    return path;
}

const char *path_join(struct arena *arena, const char *folder, const char *name) {
    return join(arena, folder, strlen(folder), name);
}

const char *path_resolve(struct arena *arena, const char *from, const char *named) {
    const char *slash = strrchr(from, '/');
    if (named[0] != '/' && slash) {
        const char *beside = join(arena, from, (size_t)(slash - from), named);
        if (path_exists(beside)) return beside;
    }
    return path_exists(named) ? named : NULL;
}
