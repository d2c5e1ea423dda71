/* Paths in a scenario: relative to the file that names them, else to the working directory. */
#ifndef HEADROOM_IO_PATHS_H
#define HEADROOM_IO_PATHS_H

#include "base/mem.h"

#include <stdbool.h>

bool path_exists(const char *path);
/* `named` as the file `from` means it: beside `from` where it exists, else as it stands where that exists.
 * NULL when neither does. */
const char *path_resolve(struct arena *arena, const char *from, const char *named);
/* "folder/name", in the arena. */
const char *path_join(struct arena *arena, const char *folder, const char *name);

#endif
