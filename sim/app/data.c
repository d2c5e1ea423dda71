/*
 * Where the files are that come with the program: the catalogue, the plot scripts, the scenarios.
 * Looked for beside the program first (bin/headroom and share/headroom move together), so that an installed
 * program uses what was installed with it, wherever the package was unpacked; a program in its build tree
 * uses the source tree.
 */
#include "app/app.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *beside_program(char *buffer, size_t size) {
    ssize_t len = readlink("/proc/self/exe", buffer, size);
    if (len <= 0 || (size_t)len >= size) return NULL;
    buffer[len] = '\0';
    char *slash = strrchr(buffer, '/');
    if (slash == NULL) return NULL;
    size_t left = size - (size_t)(slash - buffer);
    if ((size_t)snprintf(slash, left, "/../share/headroom") >= left) return NULL;
    return access(buffer, X_OK) == 0 ? buffer : NULL;
}

const char *app_data_dir(void) {
    static char buffer[2048];
    const char *beside = beside_program(buffer, sizeof buffer);
    if (beside != NULL) return beside;
    return access(HEADROOM_SOURCE_DIR, X_OK) == 0 ? HEADROOM_SOURCE_DIR : HEADROOM_INSTALL_DATA;
}
