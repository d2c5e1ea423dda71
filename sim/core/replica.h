/*
 * One replica of an LLM service: continuous batching as vLLM does it, and the decode leap.
 *
 * Requests queue first come, first served (by priority class, larger first; or, with aging, by arrival less
 * priority x aging: a request of a lower class then waits for those of a higher one that come within so long). An
 * iteration runs every decode of the batch and fills what is left of the token budget with prefill chunks; the request
 * in front is admitted while a seat is free and the cache has room for its whole context and 1 % more (as vLLM's
 * watermark; nobody overtakes); when the cache runs out the youngest request of the least priority is preempted, its
 * KV dropped, and its prompt and the tokens it made are computed again later. With a prefix cache, full blocks of
 * prompts outlive their request (LRU over block hashes) and need no prefill; equal blocks are held once.
 *
 * Between changes nothing but the context grows, so k iterations up to the next finish, the next arrival, or the
 * end of the cache are one event: about two a request instead of one a token. `stepping` runs every iteration on its
 * own, for tests: every first-token and finish time comes out the same, to the nanosecond.
 *
 * Time inside is in whole units of 2^-32 ns (128 bits): sums of iterations are exact, so it makes no difference in
 * how many pieces they are taken. At one instant: what ends, then what arrives, then the next iteration begins.
 *
 * Memory: requests waiting and running only; each goes to the callback when it is done.
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
    const uint64_t *blocks;        /* hashes of the prompt's full blocks, blocks_len of them; NULL: no prefix known.
                                      Borrowed until it is done or drained */
    uint32_t blocks_len;
    /* Of a request that comes from another replica: output tokens made there, and when the first was; 0: none. */
    uint32_t made;
    int64_t first_ns;
};
struct served { /* what became of a request */
    int64_t arrival_ns, first_ns, finish_ns; /* as its user sees them: the cost's first_token_s after the iteration */
    int64_t left_ns;               /* when it left the replica: the end of its last iteration here */
    uint32_t id, prompt, output, cached; /* cached: prompt tokens that came from the prefix cache */
    uint32_t preemptions;
    uint16_t class_id;
    bool refused;                  /* never runs: its context is longer than the cache; all times are its coming */
};
struct replica_setup {
    struct llm_cost cost;
    uint32_t max_seqs, chunk_tokens; /* chunk_tokens: of an iteration, decodes included; >= max_seqs */
    uint32_t block_tokens;         /* of the KV cache; 16 */
    uint32_t prefix_block_tokens;  /* of the hashes, a multiple of block_tokens; 512 in Mooncake traces */
    bool prefix_cache;
    enum { REPLICA_MIXED, REPLICA_PREFILL, REPLICA_DECODE } role; /* prefill: done at the first token; decode: the
                                                                     prompt's KV arrives with the request, whose
                                                                     first token is made */
    int64_t aging_ns;              /* a step of priority counts as having come so much earlier; 0: priority alone */
    bool stepping;
    int64_t start_ns;              /* when it begins to stand there, and to idle */
    void (*done)(void *context, const struct served *served); /* must not call the replica; may be NULL */
    void *context;
};
struct replica_totals { /* up to where it stands */
    uint64_t arrived, finished, refused, drained, preempted, iterations, events;
    /* Of a request, prompt + cached = its prompt. prompt: computed for the first time; cached: found instead;
     * recomputed: prompt and output again after a preemption. Prefill counts when its iteration ends. */
    double prompt_tokens, output_tokens, cached_tokens, recomputed_tokens;
    double busy_s, joules;         /* of its GPUs, loaded idle counted */
    double uncapped_joules;        /* what the same iterations in the same time would have drawn without a cap */
    double kv_token_s;             /* tokens of context in the cache (shared ones once), integral */
    double kv_most_tokens;         /* most ever in use, whole blocks; never above kv_capacity_tokens */
    double kv_capacity_tokens;
};

struct replica;
struct replica *replica_open(const struct replica_setup *setup);
void replica_close(struct replica *replica);
/* A request comes now: the replica stands there, at its arrival or (from another replica) after it. */
void replica_add(struct replica *replica, const struct request *request);
/* From now on its GPUs are held to the share `cap` of their peak power, and compute `stretch` times as long
 * (llm_capped); the iteration under way takes what it takes. cap 0: no more. */
void replica_cap(struct replica *replica, double cap, double stretch);
/* Goes on to t_ns, and does what ends up to then. An iteration that may begin at t_ns itself waits for who else
 * comes at that instant: it begins with the next call that goes further, or asks when something happens next. */
void replica_advance(struct replica *replica, int64_t t_ns);
/* When something happens next if nothing arrives; TICK_NEVER when it is empty. Whoever comes after this call waits
 * for the iteration after. */
int64_t replica_next_ns(struct replica *replica);
struct replica_totals replica_read(const struct replica *replica);
/* For routers: tokens still to be computed, requests here, KV tokens in use (of kv_capacity_tokens), prompt tokens
 * cached for these blocks. */
double replica_outstanding(const struct replica *replica);
uint32_t replica_requests(const struct replica *replica);
double replica_kv_used(const struct replica *replica);
uint32_t replica_cached(const struct replica *replica, const uint64_t *blocks, uint32_t blocks_len);
/* Takes every request out (its replica goes away): by priority, then in order, running ones first. give's request
 * has what it made so far; its KV is lost, and so is the iteration under way. */
void replica_drain(struct replica *replica, void (*give)(void *context, const struct request *request), void *context);

#endif
