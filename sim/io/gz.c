/*
 * zlib's file interface, and the only file that knows it. Reading relies on gzread's transparent mode: a file
 * without a gzip header is passed through unchanged. Writing goes to "PATH.PID.part", which is renamed over
 * PATH only when all of it is on disk, so that no reader ever sees half a file.
 */
#include "io/gz.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* Less than half of what callers ask for at once: zlib then reads plain files straight into their memory. */
enum { BUFFER_BYTES = 32 * 1024 };

struct gz {
    gzFile file;
    char *path;      /* where a written file ends up; NULL when reading */
    char *temporary;
};

static struct gz *gz_new(gzFile file) {
    struct gz *gz = mem_zero(1, sizeof *gz);
    gz->file = file;
    gzbuffer(file, BUFFER_BYTES);
    return gz;
}

struct gz *gz_open(const char *path) {
    errno = 0;
    gzFile file = gzopen(path, "rb");
    return file ? gz_new(file) : NULL;
}

long gz_read(struct gz *gz, void *to, size_t size, const char **why) {
    int got = gzread(gz->file, to, size > INT_MAX ? INT_MAX : (unsigned)size);
    if (got > 0) return got;
    int code;
    const char *message = gzerror(gz->file, &code);
    if (got == 0 && code == Z_OK) return 0;
    /* A stream that stops early reads as an end of file with a buffer error. */
    if (code == Z_BUF_ERROR) message = "the compressed data end too early";
    if (code == Z_ERRNO) message = strerror(errno);
    /* zlib puts the path in front, which our findings do already. */
    for (const char *colon; (colon = strstr(message, ": "));) message = colon + 2;
    *why = message;
    return -1;
}

void gz_close(struct gz *gz) {
    gzclose(gz->file);
    free(gz->path);
    free(gz->temporary);
    free(gz);
}

struct gz *gz_create(const char *path) {
    size_t len = strlen(path);
    bool compress = len > 3 && strcmp(path + len - 3, ".gz") == 0;
    struct text temporary;
    text_init(&temporary);
    text_format(&temporary, "%s.%ld.part", path, (long)getpid());
    errno = 0;
    gzFile file = gzopen(temporary.at, compress ? "wb6" : "wbT");
    if (!file) {
        text_free(&temporary);
        return NULL;
    }
    struct gz *gz = gz_new(file);
    gz->path = mem_text(path);
    gz->temporary = text_take(&temporary);
    return gz;
}

static _Noreturn void write_failed(struct gz *gz) {
    const char *why = strerror(errno);
    unlink(gz->temporary);
    die("cannot write '%s': %s", gz->path, why);
}

void gz_write(struct gz *gz, const void *bytes, size_t len) {
    const char *at = bytes;
    while (len > 0) {
        unsigned part = len > INT_MAX ? INT_MAX : (unsigned)len;
        if (gzwrite(gz->file, at, part) != (int)part) write_failed(gz);
        at += part;
        len -= part;
    }
}

void gz_commit(struct gz *gz) {
    if (gzclose(gz->file) != Z_OK || rename(gz->temporary, gz->path) != 0) write_failed(gz);
    free(gz->path);
    free(gz->temporary);
    free(gz);
}
