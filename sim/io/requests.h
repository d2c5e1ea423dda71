/*
 * Request traces: what came to an LLM service, as CSV (docs/trace.md). Columns arrival_s, prompt_tokens and
 * output_tokens are required; class, session and blocks (hashes of the prompt's full blocks of
 * REQUESTS_BLOCK_TOKENS tokens, `|` between them) may follow. Rows may stand in any order; requests are sorted by
 * arrival, ties by row.
 */
#ifndef HEADROOM_IO_REQUESTS_H
#define HEADROOM_IO_REQUESTS_H

#include "base/err.h"
#include "core/job.h"
#include "core/service.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REQUESTS_BLOCK_TOKENS = 512, REQUESTS_TOKENS_MOST = 100000000 };

/* Requests in the order in which they are read. */
struct request_list {
    struct {
        struct request_row *at;
        size_t len, cap;
    } rows;
    struct names classes, sessions; /* 0: without one */
    struct {
        uint64_t *at;
        size_t len, cap;
    } hashes; /* of all requests, one after the other */
    struct {
        size_t *at;
        size_t len, cap;
    } starts; /* of each row: where its hashes begin; ends with the next one's */
};
void request_list_init(struct request_list *list);
void request_list_free(struct request_list *list);
/* A request of class 0, without a session or hashes; valid until the next one. */
struct request_row *request_list_add(struct request_list *list, int64_t arrival_ns, uint32_t prompt, uint32_t output);
/* One more block of the last request. */
void request_list_hash(struct request_list *list, uint64_t hash);
/* Says of the last request which class it is of, and who asks. */
void request_list_class(struct request_list *list, const char *name, size_t len);
void request_list_session(struct request_list *list, const char *name, size_t len);
/* Sorted by arrival; the list is left empty. Free with requests_free. */
void request_list_take(struct request_list *list, struct requests *requests);

/* requests is initialised here, also when false is returned (free it either way). All mistakes of the file are
 * found, up to ERR_KEPT_MOST shown. */
bool requests_read(const char *path, struct requests *requests, struct err *err);
/* Writes them in the same format (".gz" by the name's ending), atomically. Sessions are numbered. */
bool requests_write(const char *path, const struct requests *requests, struct err *err);
void requests_free(struct requests *requests);
/* Of all that requests are: equal for equal requests. */
uint64_t requests_hash(const struct requests *requests);

#endif
