/* Files that may be compressed, streamed through zlib: reading takes .gz and plain alike (by content),
 * writing goes by the name's ending. */
#ifndef HEADROOM_IO_GZ_H
#define HEADROOM_IO_GZ_H

#include <stddef.h>

struct gz;
/* NULL, and errno says why, when the file cannot be opened. */
struct gz *gz_open(const char *path);
/* Up to size bytes; 0 at the end, -1 when the file cannot be read or is damaged: *why then says so (valid
 * until gz_close). */
long gz_read(struct gz *gz, void *to, size_t size, const char **why);
void gz_close(struct gz *gz);

/* Writes a whole file under a temporary name in the same folder; gz_commit renames it to path. NULL, and
 * errno says why, when it cannot be created; a disk that refuses later ends the program. */
struct gz *gz_create(const char *path);
void gz_write(struct gz *gz, const void *bytes, size_t len);
void gz_commit(struct gz *gz);

#endif
