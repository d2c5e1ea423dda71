/*
 * One replica of an LLM service: continuous batching as vLLM does it, and the decode leap.
 *
 * Requests queue first come, first served (or by priority class). An iteration runs every decode of the batch and
 * fills what is left of the token budget with prefill chunks; requests are admitted while sequences and KV blocks
 * are free; when the cache runs out the youngest request is preempted, its KV dropped, and computed again later.
 * With a prefix cache, full blocks that a former request left behind need no prefill (LRU over block hashes).
 *
 * Between changes nothing but the context grows, so k iterations up to the next finish, the next arrival, or the
 * end of the cache are one event (llm_leap_s): about one event a request instead of one a token. `stepping` runs
 * every iteration on its own, for tests: every first-token and finish time must come out the same.
 *
 * Memory: requests waiting and running only; results go to histograms (log buckets of 1 %), or to a callback.
 */
#ifndef HEADROOM_CORE_REPLICA_H
#define HEADROOM_CORE_REPLICA_H

#include "core/llm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request {
    int64_t arrival_ns;
    uint32_t prompt, output;       /* tokens, >= 1 */
    uint32_t id;                   /* for whoever asks for each */
    uint16_t class_id, priority;   /* larger priority goes first */
    const uint64_t *blocks;        /* hashes of the prompt's full blocks, blocks_len of them; NULL: no prefix known */
    uint32_t blocks_len;
};
struct served { /* what became of a request */
    int64_t arrival_ns, first_ns, finish_ns;
    uint32_t id, prompt, output, cached; /* cached: prompt tokens that came from the prefix cache */
    uint32_t preemptions;
    uint16_t class_id;
};
struct replica_setup {
    struct llm_cost cost;
    uint32_t max_seqs, chunk_tokens;
    uint32_t block_tokens;         /* of the KV cache; 16 */
    uint32_t prefix_block_tokens;  /* of the hashes; 512 in Mooncake traces */
    bool prefix_cache;
    enum { REPLICA_MIXED, REPLICA_PREFILL, REPLICA_DECODE } role; /* prefill: done at the first token; decode: the
                                                                     prompt's KV arrives with the request */
    bool stepping;
    void (*done)(void *context, const struct served *served);
    void *context;
};
struct replica_totals {
    uint64_t arrived, finished, preempted, iterations, events;
    double prompt_tokens, output_tokens, cached_tokens, recomputed_tokens;
    double busy_s, joules;         /* of its GPUs, loaded idle counted */
    double kv_token_s;             /* occupied, integral */
};

struct replica;
struct replica *replica_open(const struct replica_setup *setup);
void replica_close(struct replica *replica);
/* A request arrives now; the replica must stand at its arrival. */
void replica_add(struct replica *replica, const struct request *request);
/* Goes on to t_ns. */
void replica_advance(struct replica *replica, int64_t t_ns);
/* When something happens next if nothing arrives (an upper bound of how far it may be advanced in one go); TICK_NEVER
 * when it is empty. */
int64_t replica_next_ns(const struct replica *replica);
struct replica_totals replica_read(const struct replica *replica);
/* For routers: tokens still to be computed, requests here, KV tokens in use and free, prompt tokens cached for these
 * blocks. */
double replica_outstanding(const struct replica *replica);
uint32_t replica_requests(const struct replica *replica);
double replica_kv_used(const struct replica *replica);
uint32_t replica_cached(const struct replica *replica, const uint64_t *blocks, uint32_t blocks_len);
/* Takes every request out (its replica goes away); calls give for each, with what is left to do. */
void replica_drain(struct replica *replica, void (*give)(void *context, const struct request *request), void *context);

#endif
