/*
 * Where the files are that come with the program: the catalogue, the plot scripts, the scenarios.
 * Looked for beside the program first (bin/headroom and share/headroom move together), so that an installed
 * program uses what was installed with it, wherever the package was unpacked; a program in its build tree
 * uses the source tree.
 */
#include "app/app.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Cuts the last part off a path. */
static bool cut(char *path) {
    char *slash = strrchr(path, '/');
    if (slash == NULL) return false;
    *slash = '\0';
    return true;
}

/* From prefix/bin/headroom to prefix/share/headroom. */
static const char *beside_program(char *buffer, size_t size) {
    static const char share[] = "/share/headroom";
    struct stat found;
    ssize_t len = readlink("/proc/self/exe", buffer, size);
    if (len <= 0 || (size_t)len >= size - sizeof share) return NULL;
    buffer[len] = '\0';
    if (!cut(buffer) || !cut(buffer)) return NULL;
    memcpy(buffer + strlen(buffer), share, sizeof share);
    return stat(buffer, &found) == 0 && S_ISDIR(found.st_mode) ? buffer : NULL; /* a program could be called so, too */
}

const char *app_data_dir(void) {
    static char buffer[2048];
    const char *beside = beside_program(buffer, sizeof buffer);
    if (beside != NULL) return beside;
    return access(HEADROOM_SOURCE_DIR, X_OK) == 0 ? HEADROOM_SOURCE_DIR : HEADROOM_INSTALL_DATA;
}

char *app_scripts_dir(void) {
    struct text dir;
    const char *wanted = getenv("HEADROOM_SCRIPTS");
    text_init(&dir);
    if (wanted && *wanted) text_put(&dir, wanted);
    else text_format(&dir, "%s/scripts", app_data_dir());
    return text_take(&dir);
}
