/*
 * Leaping over iterations against stepping through each: the same requests at two replicas, one of which steps. Every
 * first-token, finish and leaving time must be the same (asked for: to 1e-9; kept: to the nanosecond), in the same
 * order of completions, and so must everything a router can see at every arrival, and every count of tokens.
 *
 * On both Azure traces: with room and in caches small enough for hundreds of preemptions, with prompts in one piece
 * and in chunks, with prefixes that requests share and without, with classes
 * of requests and without; and on random small cases of every role, block size
 * and priority, with and without aging, with replicas whose requests are taken out and come again, or that are capped
 * and let go.
 */
#include "support/serving.h"
#include "support/testing.h"

#include "base/hash.h"
#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

struct log {
    struct served *at;
    size_t len, cap;
};
static void note(void *context, const struct served *served) {
    struct log *log = context;
    *vec_push(log) = *served;
}

struct pair { /* leaping, stepping */
    struct replica *replica[2];
    struct log log[2];
};
static void pair_open(struct pair *pair, struct replica_setup setup) {
    *pair = (struct pair){0};
    for (int i = 0; i < 2; i++) {
        setup.stepping = i;
        setup.done = note;
        setup.context = &pair->log[i];
        pair->replica[i] = replica_open(&setup);
    }
}
static void pair_close(struct pair *pair) {
    for (int i = 0; i < 2; i++) {
        replica_close(pair->replica[i]);
        free(pair->log[i].at);
    }
}
static void pair_advance(struct pair *pair, int64_t t_ns) {
    for (int i = 0; i < 2; i++) replica_advance(pair->replica[i], t_ns);
}

static void expect_same_view(const struct pair *pair, const struct request *request) {
    const struct replica *a = pair->replica[0], *b = pair->replica[1];
    cr_assert_eq(replica_requests(a), replica_requests(b));
    cr_assert_eq(replica_outstanding(a), replica_outstanding(b), "%g %g", replica_outstanding(a),
                 replica_outstanding(b));
    cr_assert_eq(replica_kv_used(a), replica_kv_used(b), "%g %g", replica_kv_used(a), replica_kv_used(b));
    if (request->blocks)
        cr_assert_eq(replica_cached(a, request->blocks, request->blocks_len),
                     replica_cached(b, request->blocks, request->blocks_len));
}

static void expect_same_log(const struct pair *pair) {
    cr_assert_eq(pair->log[0].len, pair->log[1].len);
    for (size_t i = 0; i < pair->log[0].len; i++) {
        const struct served *a = &pair->log[0].at[i], *b = &pair->log[1].at[i];
        cr_assert_eq(a->id, b->id);
        cr_assert_eq(a->first_ns, b->first_ns, "first token of %u: %.9f, %.9f s", a->id, 1e-9 * (double)a->first_ns,
                     1e-9 * (double)b->first_ns);
        cr_assert_eq(a->finish_ns, b->finish_ns);
        cr_assert_eq(a->left_ns, b->left_ns);
        cr_assert_eq(a->cached, b->cached);
        cr_assert_eq(a->preemptions, b->preemptions);
        cr_assert_eq(a->refused, b->refused);
    }
}

static void expect_same_totals(const struct pair *pair) {
    const struct replica_totals a = replica_read(pair->replica[0]), b = replica_read(pair->replica[1]);
    cr_assert_eq(a.finished, b.finished);
    cr_assert_eq(a.preempted, b.preempted);
    cr_assert_eq(a.iterations, b.iterations);
    cr_assert_eq(a.prompt_tokens, b.prompt_tokens);
    cr_assert_eq(a.output_tokens, b.output_tokens);
    cr_assert_eq(a.cached_tokens, b.cached_tokens);
    cr_assert_eq(a.recomputed_tokens, b.recomputed_tokens);
    cr_assert_eq(a.busy_s, b.busy_s);
    cr_assert_eq(a.kv_most_tokens, b.kv_most_tokens);
    cr_assert(testing_near(a.kv_token_s, b.kv_token_s, 1e-9), "%.17g %.17g", a.kv_token_s, b.kv_token_s);
}

/* ---- Azure ---- */

enum { PREFIX_TOKENS = 64, PREFIX_MOST = 256 };
/* Synthetic prefixes: a request goes on with one of 40 conversations, so far as its prompt reaches; every fifth has
 * nothing in common with any. */
static uint64_t *prefixes(struct serving_trace *trace) {
    uint64_t *hashes = mem_alloc(trace->len * PREFIX_MOST * sizeof *hashes);
    for (size_t i = 0; i < trace->len; i++) {
        struct request *request = &trace->at[i];
        const uint64_t draw = hash_mix(i), conversation = draw % 5 ? draw / 5 % 40 : i + 1000;
        request->blocks = hashes + i * PREFIX_MOST;
        const uint32_t full = request->prompt / PREFIX_TOKENS;
        request->blocks_len = full < PREFIX_MOST ? full : PREFIX_MOST;
        for (uint32_t b = 0; b < request->blocks_len; b++)
            hashes[i * PREFIX_MOST + b] = hash_mix(conversation * 4096 + b);
    }
    return hashes;
}

struct azure_case {
    double kv_tokens, pace; /* pace: arrivals come so many times as fast */
    uint32_t longer;        /* and ask for so many times the output: what Azure's programmers ask for is short */
    uint32_t chunk_tokens, max_seqs;
    bool prefix_cache;
    uint64_t preempted_least; /* that it tests what it is meant to */
    uint16_t classes;         /* priorities by chance, from 0 on; 0: one */
    double aging_s;
};

static void azure(const char *file, struct azure_case c) {
    const char *path = testing_data(file);
    if (!path) cr_skip_test("no %s in the shared data", file);
    struct serving_trace trace = serving_read(path);
    uint64_t *hashes = prefixes(&trace);
    struct replica_setup setup = serving_replica();
    setup.cost.kv_tokens = c.kv_tokens;
    setup.chunk_tokens = c.chunk_tokens;
    setup.max_seqs = c.max_seqs;
    setup.prefix_cache = c.prefix_cache;
    setup.prefix_block_tokens = PREFIX_TOKENS;
    setup.aging_ns = tick_from_seconds(c.aging_s);
    struct pair pair;
    pair_open(&pair, setup);
    for (size_t i = 0; i < trace.len; i++) {
        trace.at[i].arrival_ns = (int64_t)((double)trace.at[i].arrival_ns / c.pace);
        trace.at[i].output *= c.longer;
        if (c.classes) trace.at[i].priority = (uint16_t)(hash_mix(i) % c.classes);
        pair_advance(&pair, trace.at[i].arrival_ns);
        expect_same_view(&pair, &trace.at[i]);
        for (int k = 0; k < 2; k++) replica_add(pair.replica[k], &trace.at[i]);
        if (i % 100 == 0) expect_same_totals(&pair);
    }
    pair_advance(&pair, 100 * TICK_DAY);
    expect_same_log(&pair);
    expect_same_totals(&pair);
    const struct replica_totals totals = replica_read(pair.replica[0]);
    /* Power is that of a stretch's mean intensity, not quite the mean of its iterations' power. */
    cr_expect(testing_near(totals.joules, replica_read(pair.replica[1]).joules, 1e-6));
    cr_expect_eq(pair.log[0].len, trace.len);
    cr_expect_geq(totals.preempted, c.preempted_least, "%lu preempted", totals.preempted);
    cr_expect(!c.prefix_cache || totals.cached_tokens > 1e5, "%g cached", totals.cached_tokens);
    pair_close(&pair);
    free(hashes);
    free(trace.at);
}

#define CONV "llm/AzureLLMInferenceTrace_conv.csv.gz"
#define CODE "llm/AzureLLMInferenceTrace_code.csv.gz"
Test(leap, conv_roomy) { azure(CONV, (struct azure_case){1.2e6, 1, 1, 8192, 256, true, 0, 0, 0}); }
Test(leap, conv_tight) { azure(CONV, (struct azure_case){60000, 3, 1, 512, 256, true, 200, 0, 0}); }
Test(leap, conv_classes) { azure(CONV, (struct azure_case){60000, 3, 1, 512, 256, true, 200, 3, 0}); }
Test(leap, conv_classes_that_age) { azure(CONV, (struct azure_case){60000, 3, 1, 2048, 256, true, 200, 5, 20}); }
Test(leap, conv_tightest) { azure(CONV, (struct azure_case){30000, 2, 1, 2048, 64, true, 500, 0, 0}); }
Test(leap, conv_without_prefixes) { azure(CONV, (struct azure_case){60000, 3, 1, 8192, 256, false, 200, 0, 0}); }
Test(leap, code_roomy) { azure(CODE, (struct azure_case){1.2e6, 1, 1, 8192, 256, true, 0, 0, 0}); }
Test(leap, code_tight) { azure(CODE, (struct azure_case){40000, 2, 16, 512, 256, true, 200, 0, 0}); }
Test(leap, code_classes) { azure(CODE, (struct azure_case){20000, 1, 8, 2048, 64, true, 200, 3, 0}); }
Test(leap, code_classes_that_age) { azure(CODE, (struct azure_case){40000, 2, 16, 512, 256, true, 200, 5, 60}); }
Test(leap, code_tightest) { azure(CODE, (struct azure_case){20000, 1, 8, 2048, 64, true, 200, 0, 0}); }
Test(leap, code_without_prefixes) { azure(CODE, (struct azure_case){30000, 1, 8, 8192, 256, false, 200, 0, 0}); }

/* ---- random small cases ---- */

static struct replica_setup random_setup(struct rng *rng) {
    static const uint32_t blocks[] = {1, 2, 5, 16};
    struct replica_setup setup = serving_replica();
    setup.max_seqs = 1 + (uint32_t)rng_below(rng, 8);
    setup.chunk_tokens = setup.max_seqs + (uint32_t)rng_below(rng, rng_below(rng, 2) ? 10 : 200);
    setup.block_tokens = blocks[rng_below(rng, 4)];
    setup.prefix_block_tokens = setup.block_tokens * (1 + (uint32_t)rng_below(rng, 3));
    setup.prefix_cache = rng_below(rng, 2);
    setup.cost.kv_tokens = setup.block_tokens + (double)rng_below(rng, rng_below(rng, 2) ? 150 : 1000);
    setup.role = rng_below(rng, 2) ? REPLICA_MIXED : rng_below(rng, 2) ? REPLICA_PREFILL : REPLICA_DECODE;
    setup.cost.per_kv_token_s *= rng_below(rng, 3) ? 1 : 1e5; /* iterations that grow quickly */
    setup.cost.first_token_s *= (double)rng_below(rng, 2);
    setup.aging_ns = rng_below(rng, 2) ? 0 : tick_from_seconds(3 * rng_uniform(rng));
    return setup;
}

struct moved {
    struct request at[64];
    size_t len;
};
static void keep(void *context, const struct request *request) {
    struct moved *moved = context;
    moved->at[moved->len++] = *request;
}
/* Both replicas' requests come out equal and go back in. */
static void drain(struct pair *pair) {
    struct moved moved[2] = {0};
    for (int k = 0; k < 2; k++) replica_drain(pair->replica[k], keep, &moved[k]);
    cr_assert_eq(moved[0].len, moved[1].len);
    for (size_t i = 0; i < moved[0].len; i++) {
        const struct request *a = &moved[0].at[i], *b = &moved[1].at[i];
        cr_assert(a->id == b->id && a->made == b->made && a->first_ns == b->first_ns);
        for (int k = 0; k < 2; k++) replica_add(pair->replica[k], &moved[k].at[i]);
    }
}

/* Both replicas are capped from now on, or no more. */
static void cap(struct pair *pair, double level, double stretch) {
    for (int k = 0; k < 2; k++) replica_cap(pair->replica[k], level < 0.3 ? 0 : level, level < 0.3 ? 1 : stretch);
}

static void random_case(uint64_t seed) {
    enum { REQUESTS = 40, HASHES = 40 };
    struct rng *rng = rng_open(seed, "leap", 0);
    const struct replica_setup setup = random_setup(rng);
    const double gap_s = (double[]){0, 0.005, 0.05, 0.3, 2}[rng_below(rng, 5)];
    uint64_t hashes[3][HASHES];
    for (uint64_t i = 0; i < 3 * HASHES; i++) hashes[i / HASHES][i % HASHES] = i % HASHES < 5 ? i % HASHES : i;
    struct pair pair;
    pair_open(&pair, setup);
    double t_s = 0;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        if (gap_s > 0) t_s += rng_exponential(rng, gap_s);
        const struct request request = {
            .arrival_ns = tick_from_seconds(t_s), .id = i, .prompt = 1 + (uint32_t)rng_below(rng, 60),
            .output = 1 + (uint32_t)rng_below(rng, rng_below(rng, 4) ? 10 : 100),
            .priority = (uint16_t)rng_below(rng, 4), .blocks = hashes[rng_below(rng, 3)],
            .blocks_len = (uint32_t)rng_below(rng, HASHES)};
        pair_advance(&pair, request.arrival_ns);
        expect_same_view(&pair, &request);
        expect_same_totals(&pair);
        for (int k = 0; k < 2; k++) replica_add(pair.replica[k], &request);
        if (rng_below(rng, 8) == 0)
            for (int k = 0; k < 2; k++) (void)replica_next_ns(pair.replica[k]);
        if (rng_below(rng, 40) == 0) drain(&pair);
        if (rng_below(rng, 6) == 0) cap(&pair, rng_uniform(rng), 1 + rng_uniform(rng));
    }
    pair_advance(&pair, TICK_DAY);
    expect_same_log(&pair);
    expect_same_totals(&pair);
    cr_assert_eq(replica_requests(pair.replica[0]), 0);
    cr_assert_eq(replica_outstanding(pair.replica[0]), 0);
    cr_assert_eq(replica_kv_used(pair.replica[0]), 0);
    pair_close(&pair);
    rng_close(rng);
}

Test(leap, random_cases) {
    for (uint64_t seed = 0; seed < (testing_all() ? 200000 : 10000); seed++)
        random_case(seed);
}
