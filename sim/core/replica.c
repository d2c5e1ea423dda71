/*
 * One replica of an LLM service: continuous batching with chunked prefill, KV blocks, recompute-preemption and a
 * prefix cache after vLLM (Kwon et al., SOSP'23; its scheduler's order: decodes, the prefill under way, the line).
 *
 * A stretch is one iteration, or k of them when all decode and nobody can join: its k-th end is
 * k first + growth k (k - 1) / 2, in integers (`fine`, 2^-32 ns), so a stretch cut in pieces ends at the same
 * instant. Coefficients are llm_step_s rounded to that unit: at most 1e-10 of an iteration.
 *
 * Every decode makes a token in every iteration, so when it ends is known when it joins: decodes are a heap by the
 * number of their last iteration, and of the rest only sums are kept: how many, their contexts, and how many need a
 * new block when the number of the iteration is r modulo the block size (phases). Leaping k iterations is then
 * arithmetic on these sums.
 *
 * Why nobody can join inside a stretch of decodes: seats and blocks only get fewer until one ends, the cache only
 * loses blocks, and nobody overtakes the front of the line. An arrival that comes to the front where a seat is free
 * cuts the stretch at the end of the iteration under way.
 *
 * Invariant: used + idle blocks <= blocks_most when an iteration begins and when it ends; used counts shared blocks
 * once. At most one prefill is under way between iterations. A prompt's blocks are shared from the end of its
 * prefill on.
 *
 * Cost: O(log running + block size) a stretch; a preemption looks at every decode. 104 bytes a request present.
 */
#include "core/replica.h"

#include "base/err.h"
#include "base/evq.h"
#include "base/mem.h"
#include "base/tick.h"
#include "core/prefix.h"

#include <math.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 fine; /* time in 2^-32 ns */

#define SEQ_NONE UINT32_MAX
static const double watermark = 0.01; /* of the blocks stay free when one is admitted beside others */

struct seq { /* a request here */
    int64_t arrival_ns, first_ns;
    const uint64_t *blocks;
    uint64_t turn;              /* of admission: the youngest is preempted first */
    uint32_t prompt, output, id, blocks_len;
    uint32_t made;              /* output tokens; of a decode, when it joined */
    uint32_t ready;             /* context in the cache, while it waits or is prefilled */
    uint32_t known;             /* of the prompt, computed or found once: more of it is recomputed */
    uint32_t cached, preemptions;
    uint32_t held;              /* blocks of the prefix it shares */
    uint32_t phase;
    uint32_t next;              /* in its line */
    uint16_t class_id, priority;
};

struct line {
    uint16_t priority;
    uint32_t head, tail;
};

struct stretch {
    fine begin, first, growth, end; /* growth: of each iteration over the one before */
    uint64_t iterations;            /* 0: nothing runs */
    uint64_t prefill, fresh;        /* tokens; of them, prompt for the first time */
    uint64_t prefill_context;       /* tokens in the cache that belong to those prefilled */
    double attention;
};

struct account {
    uint64_t iterations, prompt, output, cached, recomputed;
    fine busy;
    double joules, uncapped_joules, kv_token_s;
};

struct replica {
    struct replica_setup setup;
    struct llm_cost uncapped;   /* setup.cost without a cap */
    uint32_t block, blocks_most, spare, prefix_blocks; /* spare: the watermark; prefix_blocks: in a block of it */
    fine delay, per_kv;
    fine *decode;               /* [B]: an iteration of B decodes without context */

    int64_t now_ns;
    fine at;                    /* when the next iteration may begin, when one is due */
    bool due;
    struct stretch stretch;

    struct { struct seq *at; size_t len, cap; } seqs;
    struct { struct line *at; size_t len, cap; } lines; /* larger priority first */
    uint32_t unused, waiting, partial; /* partial: whose prefill is under way */
    uint32_t *joining, joining_len; /* whose prefill ends with this iteration */
    struct evq decodes;         /* by last iteration, then turn */
    uint32_t *phases;
    uint64_t iteration, turn, context; /* context: the decodes', with the token they are about to write */
    uint64_t used, shared_tokens; /* blocks; tokens that would take room again if nobody shared */
    struct prefix prefix;

    uint64_t todo;              /* tokens */
    uint64_t arrived, finished, refused, drained, preempted, events, used_most;
    struct account account;
};

/* ---- time ---- */

static fine of_ns(int64_t ns) { return (fine)(uint64_t)ns << 32; }
static int64_t up_to_ns(fine t) { return (int64_t)(uint64_t)((t + UINT32_MAX) >> 32); }
static double in_ns(fine t) { return (double)(uint64_t)(t >> 32) + (double)(uint32_t)t * 0x1p-32; }
static double in_s(fine t) { return in_ns(t) * 1e-9; }
static fine of_s(double s) {
    const double ns = s * 1e9;
    const uint64_t whole = (uint64_t)ns;
    return ((fine)whole << 32) + (fine)(uint64_t)((ns - (double)whole) * 0x1p32 + 0.5);
}

static fine length(const struct stretch *s, uint64_t iterations) {
    return iterations * s->first + s->growth * ((fine)iterations * (iterations - (iterations > 0)) / 2);
}

/* How many iterations of the stretch have ended after so long: the quadratic's root, then its neighbours. */
static uint64_t ended(const struct stretch *s, fine elapsed) {
    const double half = in_ns(s->growth) / 2, slope = in_ns(s->first) - half, goal = in_ns(elapsed);
    uint64_t k = (uint64_t)(2 * goal / (slope + sqrt(slope * slope + 4 * half * goal)));
    if (k > s->iterations) k = s->iterations;
    while (k > 0 && length(s, k) > elapsed) k--;
    while (k < s->iterations && length(s, k + 1) <= elapsed) k++;
    return k;
}

static void set_length(struct stretch *s, uint64_t iterations) {
    s->iterations = iterations;
    s->end = s->begin + length(s, iterations);
}

/* ---- the cache ---- */

static uint32_t blocks_of(const struct replica *r, uint64_t tokens) {
    return (uint32_t)((tokens + r->block - 1) / r->block);
}

/* Blocks the decodes fill in the next k iterations. */
static uint64_t growth(const struct replica *r, uint64_t k) {
    const uint32_t part = (uint32_t)(k % r->block);
    uint32_t phase = (uint32_t)(r->iteration % r->block);
    uint64_t sum = k / r->block * r->decodes.len;
    for (uint32_t i = 0; i < part; i++) {
        sum += r->phases[phase];
        if (++phase == r->block) phase = 0;
    }
    return sum;
}

/* The most iterations for which there are blocks; the decodes must have some to come to. */
static uint64_t until_full(const struct replica *r) {
    const uint64_t left = r->blocks_most - r->used, rounds = left / r->decodes.len;
    uint64_t rest = left % r->decodes.len, k = rounds * r->block;
    for (uint32_t phase = (uint32_t)(r->iteration % r->block); r->phases[phase] <= rest; k++) {
        rest -= r->phases[phase];
        if (++phase == r->block) phase = 0;
    }
    return k;
}

/* Idle blocks make room. */
static void evict_for(struct replica *r, uint64_t used) {
    while (r->prefix.idle && used + (uint64_t)r->prefix.idle * r->prefix_blocks > r->blocks_most)
        prefix_evict(&r->prefix);
}

/* Shares the prompt's blocks after the first `held`, up to `len`; own: they were computed, and take room already. */
static void share(struct replica *r, struct seq *s, uint32_t len, bool own) {
    for (; s->held < len; s->held++) {
        const enum prefix_was was = prefix_hold(&r->prefix, s->blocks[s->held]);
        if (was == PREFIX_HELD) r->shared_tokens += r->setup.prefix_block_tokens;
        if (own && was == PREFIX_HELD) r->used -= r->prefix_blocks;
        if (!own && was == PREFIX_IDLE) r->used += r->prefix_blocks;
    }
}

/* Gives back what a context of so many tokens holds; the end of a prefix becomes idle first. */
static void release(struct replica *r, struct seq *s, uint64_t tokens) {
    r->used -= blocks_of(r, tokens) - s->held * r->prefix_blocks;
    while (s->held) {
        if (prefix_release(&r->prefix, s->blocks[--s->held])) r->used -= r->prefix_blocks;
        else r->shared_tokens -= r->setup.prefix_block_tokens;
    }
    s->ready = 0;
}

/* ---- requests ---- */

static uint32_t take_seq(struct replica *r) {
    uint32_t id = r->unused;
    if (id == SEQ_NONE) {
        id = (uint32_t)r->seqs.len;
        (void)vec_push(&r->seqs);
    } else {
        r->unused = r->seqs.at[id].next;
    }
    return id;
}

static void leave(struct replica *r, uint32_t id) {
    r->seqs.at[id].next = r->unused;
    r->unused = id;
}

static struct line *line_of(struct replica *r, uint16_t priority) {
    size_t i = 0;
    while (i < r->lines.len && r->lines.at[i].priority > priority) i++;
    if (i == r->lines.len || r->lines.at[i].priority != priority) {
        (void)vec_push(&r->lines);
        for (size_t j = r->lines.len - 1; j > i; j--) r->lines.at[j] = r->lines.at[j - 1];
        r->lines.at[i] = (struct line){priority, SEQ_NONE, SEQ_NONE};
    }
    return &r->lines.at[i];
}

static void wait_first(struct replica *r, uint32_t id) {
    struct line *line = line_of(r, r->seqs.at[id].priority);
    r->seqs.at[id].next = line->head;
    if (line->head == SEQ_NONE) line->tail = id;
    line->head = id;
    r->waiting++;
}

static void wait_last(struct replica *r, uint32_t id) {
    struct line *line = line_of(r, r->seqs.at[id].priority);
    r->seqs.at[id].next = SEQ_NONE;
    if (line->head == SEQ_NONE) line->head = id;
    else r->seqs.at[line->tail].next = id;
    line->tail = id;
    r->waiting++;
}

/* With aging: when the head of the line would have come if its class had no priority. Everybody waiting ages alike,
 * so the order of any two never changes, and a stretch need not end for it. */
static int64_t came_ns(const struct replica *r, const struct line *line) {
    return r->seqs.at[line->head].arrival_ns - line->priority * r->setup.aging_ns;
}

/* The line whose head is next; there must be one waiting. */
static struct line *front(const struct replica *r) {
    struct line *line = r->lines.at, *best;
    while (line->head == SEQ_NONE) line++;
    best = line;
    for (; r->setup.aging_ns && line < r->lines.at + r->lines.len; line++)
        if (line->head != SEQ_NONE && came_ns(r, line) < came_ns(r, best)) best = line;
    return best;
}

static uint32_t seats_free(const struct replica *r) {
    return r->setup.max_seqs - r->decodes.len - r->joining_len - (r->partial != SEQ_NONE);
}

/* s has all the tokens it gets here and leaves: its last iteration ended at r->at. */
static void finish(struct replica *r, uint32_t id, uint64_t tokens) {
    struct seq *s = &r->seqs.at[id];
    release(r, s, tokens);
    const struct served served = {.arrival_ns = s->arrival_ns, .first_ns = s->first_ns,
                                  .finish_ns = up_to_ns(r->at + r->delay), .left_ns = up_to_ns(r->at), .id = s->id,
                                  .prompt = s->prompt, .output = s->output, .cached = s->cached,
                                  .preemptions = s->preemptions, .class_id = s->class_id};
    leave(r, id);
    r->finished++;
    if (r->setup.done) r->setup.done(r->setup.context, &served);
}

/* From the next iteration on it decodes. */
static void join(struct replica *r, uint32_t id) {
    struct seq *s = &r->seqs.at[id];
    const uint64_t context = s->prompt + (uint64_t)s->made;
    s->phase = (uint32_t)((r->iteration % r->block + r->block - (context - 1) % r->block) % r->block);
    r->phases[s->phase]++;
    r->context += context;
    evq_push(&r->decodes, evq_pack(r->iteration + (s->output - s->made), (uint32_t)s->turn, id));
}

/* Back to the front of its line, without its KV. */
static void preempt(struct replica *r, uint32_t id) {
    struct seq *s = &r->seqs.at[id];
    if (id == r->partial) {
        r->todo += s->ready;
        release(r, s, s->prompt + (uint64_t)s->made);
        r->partial = SEQ_NONE;
    } else {
        s->made = s->output - (uint32_t)(evq_rank(evq_of(&r->decodes, id)) - r->iteration);
        const uint64_t context = s->prompt + (uint64_t)s->made;
        evq_cancel(&r->decodes, id);
        r->phases[s->phase]--;
        r->context -= context;
        r->todo += context;
        release(r, s, context - 1);
    }
    wait_first(r, id);
}

/* ---- an iteration begins ---- */

/* Of those who run: the youngest of the least priority. */
static uint32_t victim(const struct replica *r) {
    uint32_t worst = r->partial;
    for (uint32_t i = 0; i < r->decodes.len; i++) {
        const uint32_t id = evq_handle(r->decodes.heap[i]);
        const struct seq *s = &r->seqs.at[id], *w = &r->seqs.at[worst == SEQ_NONE ? id : worst];
        if (s->priority < w->priority || (s->priority == w->priority && s->turn >= w->turn)) worst = id;
    }
    return worst;
}

/* Takes as much of a prefill into the iteration as the budget allows. */
static void prefill(struct replica *r, uint32_t id, uint32_t *budget) {
    struct seq *s = &r->seqs.at[id];
    const uint32_t context = s->prompt + s->made, left = context - s->ready, chunk = left < *budget ? left : *budget;
    r->stretch.attention += chunk * (s->ready + 0.5 * chunk);
    r->stretch.prefill += chunk;
    r->stretch.prefill_context += context;
    *budget -= chunk;
    s->ready += chunk;
    const uint32_t known = s->ready < s->prompt ? s->ready : s->prompt;
    if (known > s->known) {
        r->stretch.fresh += known - s->known;
        s->known = known;
    }
    r->partial = s->ready == context ? SEQ_NONE : id;
    if (s->ready == context) r->joining[r->joining_len++] = id;
}

/* Gives the front of the line its blocks, if there is room; its prefix comes from the cache. */
static bool allot(struct replica *r, struct seq *s) {
    const bool brought = s->ready > 0; /* its KV came with it, but for the token it is about to write */
    const uint64_t context = s->prompt + (uint64_t)s->made;
    uint32_t found = 0, held = 0;
    if (r->setup.prefix_cache && !brought) {
        const uint64_t most = (context - 1) / r->setup.prefix_block_tokens; /* one token at least is computed */
        found = prefix_find(&r->prefix, s->blocks, s->blocks_len < most ? s->blocks_len : (uint32_t)most, &held);
    }
    const bool alone = r->decodes.len + r->joining_len == 0 && r->partial == SEQ_NONE;
    const uint64_t need = blocks_of(r, context) - (uint64_t)held * r->prefix_blocks;
    if (r->used + growth(r, 1) + need + (alone ? 0 : r->spare) > r->blocks_most) return false;
    r->used += blocks_of(r, context - brought) - (uint64_t)found * r->prefix_blocks;
    if (!found) return true;
    share(r, s, found, false);
    s->ready = found * r->setup.prefix_block_tokens;
    r->todo -= s->ready;
    if (s->ready > s->known) {
        s->cached += s->ready - s->known;
        r->account.cached += s->ready - s->known;
        s->known = s->ready;
    }
    return true;
}

static void admit(struct replica *r, uint32_t *budget) {
    while (r->waiting && *budget && seats_free(r)) {
        struct line *line = front(r);
        const uint32_t id = line->head;
        struct seq *s = &r->seqs.at[id];
        const bool brought = s->ready > 0;
        if (!allot(r, s)) return;
        line->head = s->next;
        r->waiting--;
        s->turn = r->turn++;
        evict_for(r, r->used);
        if (brought) {
            join(r, id);
            --*budget;
        } else {
            prefill(r, id, budget);
        }
    }
}

/* What runs from r->at on, and for how long. */
static void begin(struct replica *r) {
    bool preempted = false;
    r->due = false;
    while (r->used + growth(r, 1) > r->blocks_most) {
        const uint32_t id = victim(r);
        r->seqs.at[id].preemptions++;
        r->preempted++;
        preempt(r, id);
        preempted = true;
    }
    r->stretch = (struct stretch){.begin = r->at};
    uint32_t budget = r->setup.chunk_tokens - r->decodes.len;
    if (r->partial != SEQ_NONE) prefill(r, r->partial, &budget);
    if (!preempted) admit(r, &budget);
    const uint32_t decodes = r->decodes.len;
    if (r->stretch.prefill) {
        r->stretch.first = of_s(llm_step_s(&r->setup.cost, (double)r->stretch.prefill, r->stretch.attention, decodes,
                                           (double)r->context));
        set_length(&r->stretch, 1);
    } else if (decodes) {
        uint64_t k = evq_rank(evq_top(&r->decodes)) - r->iteration;
        if (preempted || r->setup.stepping) k = 1; /* after a preemption the line may move again at once */
        else if (r->used + (k / r->block + 1) * decodes > r->blocks_most) {
            const uint64_t most = until_full(r);
            if (k > most) k = most;
        }
        r->stretch.first = r->decode[decodes] + r->per_kv * r->context;
        r->stretch.growth = r->per_kv * decodes;
        set_length(&r->stretch, k);
    }
    if (r->setup.prefix_cache) evict_for(r, r->used + growth(r, 1));
}

/* ---- and ends ---- */

/* Adds what the first k iterations of the stretch did, and `elapsed`, no less than their length, took. Power is that of
 * the whole stretch. */
static void charge(const struct replica *r, struct account *to, uint64_t k, fine elapsed) {
    const struct stretch *s = &r->stretch;
    const double decodes = r->decodes.len, context = (double)r->context, all = (double)s->iterations, n = (double)k;
    const double pairs = n * (n - 1) / 2;
    const double whole_s = in_s(s->end - s->begin), elapsed_s = in_s(elapsed);
    to->iterations += k;
    to->output += k * (r->decodes.len + r->joining_len);
    to->prompt += k * s->fresh;
    to->recomputed += k * (s->prefill - s->fresh);
    to->busy += elapsed;
    const double tokens = decodes * all + (double)s->prefill, contexts = context * all + decodes * all * (all - 1) / 2;
    const double joules = elapsed_s * llm_power_w(&r->setup.cost, tokens, s->attention, contexts, all, whole_s);
    to->joules += joules;
    to->uncapped_joules +=
        r->setup.cost.cap > 0 ? elapsed_s * llm_power_w(&r->uncapped, tokens, s->attention, contexts, all, whole_s)
                              : joules;
    /* Iteration j takes first + growth j and holds context + decodes j, beside what stays. */
    const double stay = (double)s->prefill_context - (double)r->shared_tokens;
    const double first_s = in_s(s->first), growth_s = in_s(s->growth);
    const double squares = n * (n - 1) * (2 * n - 1) / 6;
    const double now = context + decodes * n; /* in the iteration under way, if there is one */
    to->kv_token_s += stay * elapsed_s + now * (elapsed_s - in_s(length(s, k))) + context * first_s * n +
                      (context * growth_s + decodes * first_s) * pairs + decodes * growth_s * squares;
}

/* k iterations are done. */
static void pass(struct replica *r, uint64_t k) {
    r->used += growth(r, k);
    if (r->used > r->used_most) r->used_most = r->used;
    require(r->used <= r->blocks_most);
    if (r->setup.prefix_cache) evict_for(r, r->used);
    r->iteration += k;
    r->context += k * r->decodes.len;
    r->todo -= k * r->decodes.len;
}

static void end_decodes(struct replica *r) {
    while (r->decodes.len && evq_rank(evq_top(&r->decodes)) == r->iteration) {
        const uint32_t id = evq_handle(evq_pop(&r->decodes));
        const struct seq *s = &r->seqs.at[id];
        const uint64_t context = s->prompt + (uint64_t)s->output;
        r->phases[s->phase]--;
        r->context -= context;
        finish(r, id, context - 1);
    }
}

static void end_prefills(struct replica *r) {
    for (uint32_t i = 0; i < r->joining_len; i++) {
        const uint32_t id = r->joining[i];
        struct seq *s = &r->seqs.at[id];
        const uint64_t context = s->prompt + (uint64_t)s->made;
        if (r->setup.prefix_cache) share(r, s, s->blocks_len, true);
        s->made++;
        if (!s->first_ns) s->first_ns = up_to_ns(r->at + r->delay);
        if (s->made == s->output || r->setup.role == REPLICA_PREFILL) finish(r, id, context);
        else join(r, id);
    }
    r->joining_len = 0;
}

static void end(struct replica *r) {
    charge(r, &r->account, r->stretch.iterations, r->stretch.end - r->stretch.begin);
    r->at = r->stretch.end;
    pass(r, r->stretch.iterations);
    r->todo -= r->stretch.prefill + r->joining_len;
    r->stretch.iterations = 0;
    r->due = true;
    r->events++;
    end_decodes(r);
    end_prefills(r);
}

/* ---- the interface ---- */

static void time_decodes(struct replica *r) {
    for (uint32_t b = 1; b <= r->setup.max_seqs; b++) r->decode[b] = of_s(llm_step_s(&r->setup.cost, 0, 0, b, 0));
}

struct replica *replica_open(const struct replica_setup *setup) {
    require(setup->max_seqs > 0 && setup->chunk_tokens >= setup->max_seqs && setup->block_tokens > 0);
    require(setup->cost.kv_tokens >= setup->block_tokens && setup->cost.kv_tokens / setup->block_tokens < 0x1p31);
    require(setup->start_ns >= 0);
    struct replica *r = mem_zero(1, sizeof *r);
    r->setup = *setup;
    r->block = setup->block_tokens;
    r->blocks_most = (uint32_t)(setup->cost.kv_tokens / r->block);
    r->spare = (uint32_t)(watermark * r->blocks_most);
    if (setup->prefix_cache) {
        require(setup->prefix_block_tokens > 0 && setup->prefix_block_tokens % r->block == 0);
        r->prefix_blocks = setup->prefix_block_tokens / r->block;
        prefix_init(&r->prefix, r->blocks_most / r->prefix_blocks);
    }
    r->delay = of_s(setup->cost.first_token_s);
    r->per_kv = of_s(setup->cost.per_kv_token_s);
    r->decode = mem_alloc((setup->max_seqs + UINT64_C(1)) * sizeof *r->decode);
    r->uncapped = setup->cost;
    time_decodes(r);
    r->joining = mem_alloc(setup->max_seqs * sizeof *r->joining);
    r->phases = mem_zero(r->block, sizeof *r->phases);
    r->now_ns = setup->start_ns;
    r->unused = r->partial = SEQ_NONE;
    evq_init(&r->decodes, true);
    return r;
}

void replica_close(struct replica *r) {
    if (!r) return;
    evq_free(&r->decodes);
    if (r->setup.prefix_cache) prefix_free(&r->prefix);
    free(r->decode);
    free(r->joining);
    free(r->phases);
    free(r->seqs.at);
    free(r->lines.at);
    free(r);
}

/* A request that never runs here: refused, or with nothing left to do. */
static void pass_by(struct replica *r, const struct seq *s, bool refused) {
    const int64_t then_ns = refused ? r->now_ns : s->first_ns;
    const struct served served = {.arrival_ns = s->arrival_ns, .first_ns = then_ns, .finish_ns = then_ns,
                                  .left_ns = r->now_ns, .id = s->id, .prompt = s->prompt, .output = s->output,
                                  .class_id = s->class_id, .refused = refused};
    if (refused) r->refused++;
    else r->finished++;
    if (r->setup.done) r->setup.done(r->setup.context, &served);
}

/* Who comes to the front of the line, with a seat free, joins after the iteration under way. */
static void cut(struct replica *r) {
    struct stretch *s = &r->stretch;
    const fine elapsed = of_ns(r->now_ns) - s->begin;
    uint64_t k = ended(s, elapsed);
    if (k == 0 || length(s, k) < elapsed) k++;
    set_length(s, k);
}

void replica_add(struct replica *r, const struct request *request) {
    require(request->arrival_ns <= r->now_ns && request->prompt > 0 && request->output > 0);
    require(request->made <= request->output);
    require((uint64_t)request->prompt + request->output < UINT32_MAX);
    struct seq s = {.arrival_ns = request->arrival_ns, .first_ns = request->first_ns, .blocks = request->blocks,
                    .prompt = request->prompt, .output = request->output, .id = request->id, .made = request->made,
                    .class_id = request->class_id, .priority = request->priority};
    if (r->setup.prefix_cache && s.blocks) {
        const uint32_t full = s.prompt / r->setup.prefix_block_tokens;
        s.blocks_len = request->blocks_len < full ? request->blocks_len : full;
    }
    if (r->setup.role == REPLICA_DECODE) { /* the first token, and the KV of all before the last, come with it */
        if (!s.made) s.made = 1;
        if (!s.first_ns) s.first_ns = r->now_ns;
        s.ready = s.prompt + s.made - 1;
        s.known = s.prompt;
    }
    r->arrived++;
    if (s.made >= s.output) {
        pass_by(r, &s, false);
        return;
    }
    const uint32_t last = r->setup.role == REPLICA_PREFILL ? s.made + 1 : s.output;
    if (blocks_of(r, (uint64_t)s.prompt + last - 1) > r->blocks_most) {
        pass_by(r, &s, true);
        return;
    }
    r->todo += last - s.made + (s.ready ? 0 : s.prompt + s.made);
    const uint32_t id = take_seq(r);
    r->seqs.at[id] = s;
    wait_last(r, id);
    if (r->stretch.iterations > 1 && front(r)->head == id && seats_free(r)) cut(r);
    if (!r->stretch.iterations && !r->due) {
        r->due = true;
        r->at = of_ns(r->now_ns);
    }
}

void replica_advance(struct replica *r, int64_t t_ns) {
    require(t_ns >= r->now_ns);
    const fine t = of_ns(t_ns);
    for (;;) {
        if (r->due) {
            if (r->at >= t) break;
            begin(r);
        }
        if (!r->stretch.iterations || r->stretch.end > t) break;
        end(r);
    }
    r->now_ns = t_ns;
    if (r->prefix.idle && r->stretch.iterations > 1) /* replica_cached sees what the iterations so far left */
        evict_for(r, r->used + growth(r, ended(&r->stretch, t - r->stretch.begin) + 1));
}

int64_t replica_next_ns(struct replica *r) {
    if (r->due) begin(r);
    return r->stretch.iterations ? up_to_ns(r->stretch.end) : TICK_NEVER;
}

/* Iterations of the stretch under way that have ended. */
static uint64_t passed(const struct replica *r) {
    const fine now = of_ns(r->now_ns);
    return r->stretch.iterations > 1 && now > r->stretch.begin ? ended(&r->stretch, now - r->stretch.begin) : 0;
}

struct replica_totals replica_read(const struct replica *r) {
    struct account a = r->account;
    if (r->stretch.iterations) charge(r, &a, passed(r), of_ns(r->now_ns) - r->stretch.begin);
    const double busy_s = in_s(a.busy), used = replica_kv_used(r), most = (double)r->used_most * r->block;
    const double idle_j = (tick_seconds(r->now_ns - r->setup.start_ns) - busy_s) * llm_idle_w(&r->setup.cost);
    return (struct replica_totals){
        .arrived = r->arrived, .finished = r->finished, .refused = r->refused, .drained = r->drained,
        .preempted = r->preempted, .iterations = a.iterations, .events = r->events,
        .prompt_tokens = (double)a.prompt, .output_tokens = (double)a.output, .cached_tokens = (double)a.cached,
        .recomputed_tokens = (double)a.recomputed, .busy_s = busy_s,
        .joules = a.joules + idle_j, .uncapped_joules = a.uncapped_joules + idle_j,
        .kv_token_s = a.kv_token_s, .kv_most_tokens = used > most ? used : most,
        .kv_capacity_tokens = (double)r->blocks_most * r->block};
}

/* Of a stretch of decodes, the iterations that have ended are counted as they were, the one under way goes on, and the
 * others are left to begin anew. */
static void split(struct replica *r) {
    struct stretch *s = &r->stretch;
    const uint64_t k = passed(r);
    const fine gone = length(s, k);
    charge(r, &r->account, k, gone);
    pass(r, k);
    s->begin += gone;
    s->first += s->growth * k;
    const bool begun = k == 0 || s->begin < of_ns(r->now_ns);
    set_length(s, begun);
    if (begun) return;
    r->at = s->begin;
    r->due = true;
}

void replica_cap(struct replica *r, double cap, double stretch) {
    if (r->stretch.iterations > 1) split(r);
    r->setup.cost = llm_capped(&r->uncapped, cap, stretch);
    time_decodes(r);
}

double replica_outstanding(const struct replica *r) {
    return (double)(r->todo - passed(r) * r->decodes.len);
}

uint32_t replica_requests(const struct replica *r) {
    return r->waiting + r->decodes.len + r->joining_len + (r->partial != SEQ_NONE);
}

double replica_kv_used(const struct replica *r) {
    const bool running = r->stretch.iterations > 0;
    return (double)(r->used + (running ? growth(r, passed(r) + 1) : 0)) * r->block;
}

uint32_t replica_cached(const struct replica *r, const uint64_t *blocks, uint32_t blocks_len) {
    uint32_t held;
    return r->setup.prefix_cache ? prefix_find(&r->prefix, blocks, blocks_len, &held) * r->setup.prefix_block_tokens
                                 : 0;
}

/* The stretch ends here and now: iterations that ended count, the one under way is lost. */
static void abandon(struct replica *r) {
    const uint64_t k = passed(r);
    charge(r, &r->account, k, of_ns(r->now_ns) - r->stretch.begin);
    pass(r, k);
    r->stretch.iterations = 0;
    if (r->partial != SEQ_NONE) preempt(r, r->partial);
    while (r->joining_len) {
        r->partial = r->joining[--r->joining_len];
        preempt(r, r->partial);
    }
}

void replica_drain(struct replica *r, void (*give)(void *context, const struct request *request), void *context) {
    if (r->stretch.iterations) abandon(r);
    while (r->decodes.len + (r->partial != SEQ_NONE)) preempt(r, victim(r));
    r->due = false;
    r->todo = 0;
    while (r->waiting) {
        struct line *line = front(r);
        const uint32_t id = line->head;
        const struct seq *s = &r->seqs.at[id];
        const struct request request = {.arrival_ns = s->arrival_ns, .first_ns = s->first_ns, .prompt = s->prompt,
                                        .output = s->output, .made = s->made, .id = s->id, .blocks = s->blocks,
                                        .blocks_len = s->blocks_len, .class_id = s->class_id,
                                        .priority = s->priority};
        line->head = s->next;
        r->waiting--;
        leave(r, id);
        r->drained++;
        give(context, &request);
    }
}
