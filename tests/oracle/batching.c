/*
 * A replica against a second one, deliberately plain: every iteration on its own, every request looked at in each,
 * time in doubles, no sums kept from one iteration to the next. Both must serve random requests at the same times,
 * with as many preemptions: chunked prefill, seats, KV blocks with their watermark, preemption by priority and age,
 * and the line by priority or by priority and time waited.
 * (The prefix cache is not in it.)
 */
#include "support/serving.h"
#include "support/testing.h"

#include "base/rng.h"

#include <criterion/criterion.h>
#include <math.h>

enum { REQUESTS = 60, PRIORITIES = 3 };
enum state { TO_COME, WAITING, PREFILL, DECODE, DONE };
struct plain {
    double arrival_s, first_s, left_s;
    uint32_t prompt, output, made, ready, preemptions;
    int priority, rank, turn; /* rank: in its line */
    enum state state;
};
struct engine {
    const struct replica_setup *setup;
    struct plain at[REQUESTS];
    double t_s;
    int last, front, turn;
};

static double blocks(const struct engine *e, double tokens) { return ceil(tokens / e->setup->block_tokens); }
static double capacity(const struct engine *e) { return floor(e->setup->cost.kv_tokens / e->setup->block_tokens); }
/* With the token that a decode is about to write. */
static double in_use(const struct engine *e) {
    double sum = 0;
    for (int i = 0; i < REQUESTS; i++)
        if (e->at[i].state == PREFILL || e->at[i].state == DECODE) sum += blocks(e, e->at[i].prompt + e->at[i].made);
    return sum;
}
static int running(const struct engine *e) {
    int n = 0;
    for (int i = 0; i < REQUESTS; i++) n += e->at[i].state == PREFILL || e->at[i].state == DECODE;
    return n;
}

static bool make_room(struct engine *e) {
    bool preempted = false;
    while (in_use(e) > capacity(e)) {
        struct plain *worst = NULL;
        for (struct plain *p = e->at; p < e->at + REQUESTS; p++) {
            if (p->state != PREFILL && p->state != DECODE) continue;
            if (!worst || p->priority < worst->priority || (p->priority == worst->priority && p->turn > worst->turn))
                worst = p;
        }
        worst->state = WAITING;
        worst->ready = 0;
        worst->rank = --e->front;
        worst->preemptions++;
        preempted = true;
    }
    return preempted;
}

/* How much sooner a goes than b, both the first of their class: by class, or by what they have waited and their class,
 * now as ever. */
static double sooner(const struct engine *e, const struct plain *a, const struct plain *b) {
    const double aging_s = tick_seconds(e->setup->aging_ns);
    if (aging_s == 0) return a->priority - b->priority;
    return e->t_s - a->arrival_s + a->priority * aging_s - (e->t_s - b->arrival_s + b->priority * aging_s);
}

static struct plain *next_in_line(struct engine *e) {
    struct plain *best = NULL;
    for (int priority = PRIORITIES; priority-- > 0;) {
        struct plain *first = NULL;
        for (struct plain *p = e->at; p < e->at + REQUESTS; p++)
            if (p->state == WAITING && p->priority == priority && (!first || p->rank < first->rank)) first = p;
        if (first && (!best || sooner(e, first, best) > 0)) best = first;
    }
    return best;
}

struct batch {
    double prefill, attention, decodes, context, budget;
};
static void take_chunk(struct batch *b, struct plain *p, double *chunk) {
    *chunk = fmin(b->budget, p->prompt + p->made - p->ready);
    b->prefill += *chunk;
    b->attention += *chunk * (p->ready + *chunk / 2);
    b->budget -= *chunk;
}

static void iterate(struct engine *e) {
    double chunk[REQUESTS] = {0};
    bool decodes[REQUESTS] = {false};
    const bool preempted = make_room(e);
    struct batch b = {.budget = e->setup->chunk_tokens};
    for (int i = 0; i < REQUESTS; i++) {
        if (e->at[i].state != DECODE) continue;
        decodes[i] = true;
        b.decodes++;
        b.budget--;
        b.context += e->at[i].prompt + e->at[i].made;
    }
    for (int i = 0; i < REQUESTS; i++)
        if (e->at[i].state == PREFILL) take_chunk(&b, &e->at[i], &chunk[i]);
    for (struct plain *p; !preempted && b.budget > 0 && (p = next_in_line(e));) {
        const double spare = running(e) ? floor(0.01 * capacity(e)) : 0;
        if (running(e) == (int)e->setup->max_seqs) break;
        if (in_use(e) + blocks(e, p->prompt + p->made) + spare > capacity(e)) break;
        p->state = PREFILL;
        p->turn = e->turn++;
        take_chunk(&b, p, &chunk[p - e->at]);
    }
    e->t_s += llm_step_s(&e->setup->cost, b.prefill, b.attention, b.decodes, b.context);
    for (int i = 0; i < REQUESTS; i++) {
        struct plain *p = &e->at[i];
        p->ready += (uint32_t)chunk[i];
        if (!decodes[i] && (chunk[i] == 0 || p->ready < p->prompt + p->made)) continue;
        p->state = DECODE;
        if (p->made++ == 0) p->first_s = e->t_s;
        if (p->made < p->output) continue;
        p->state = DONE;
        p->left_s = e->t_s;
    }
}

static void serve(struct engine *e) {
    for (int done = 0; done < REQUESTS;) {
        double next_s = INFINITY;
        bool idle = true;
        done = 0;
        for (int i = 0; i < REQUESTS; i++) {
            struct plain *p = &e->at[i];
            if (p->state == TO_COME && p->arrival_s <= e->t_s) p->state = WAITING, p->rank = ++e->last;
            if (p->state == TO_COME) next_s = fmin(next_s, p->arrival_s);
            idle &= p->state == TO_COME || p->state == DONE;
            done += p->state == DONE;
        }
        if (!idle) iterate(e);
        else e->t_s = next_s;
    }
}

static void note(void *context, const struct served *served) { ((struct served *)context)[served->id] = *served; }

static struct replica_setup random_setup(struct rng *rng) {
    static const uint32_t block[] = {1, 3, 16};
    struct replica_setup setup = serving_replica();
    setup.max_seqs = 1 + (uint32_t)rng_below(rng, 12);
    setup.chunk_tokens = setup.max_seqs + (uint32_t)rng_below(rng, 300);
    setup.block_tokens = block[rng_below(rng, 3)];
    setup.cost.kv_tokens = 200 + (double)rng_below(rng, 1500);
    setup.cost.first_token_s = 0;
    setup.aging_ns = rng_below(rng, 2) ? 0 : tick_from_seconds(0.02 + 0.7 * rng_uniform(rng));
    return setup;
}

/* Returns how many preemptions there were. */
static unsigned random_case(uint64_t seed) {
    struct rng *rng = rng_open(seed, "batching", 0);
    struct replica_setup setup = random_setup(rng);
    struct served served[REQUESTS] = {0};
    struct engine e = {.setup = &setup};
    setup.done = note;
    setup.context = served;
    struct replica *r = replica_open(&setup);
    const double gap_s = (double[]){0.01, 0.1, 0.5}[rng_below(rng, 3)];
    int64_t t_ns = 0;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        t_ns += 1 + tick_from_seconds(rng_exponential(rng, gap_s));
        const struct request request = {.arrival_ns = t_ns, .id = i, .prompt = 1 + (uint32_t)rng_below(rng, 100),
                                        .output = 1 + (uint32_t)rng_below(rng, 90),
                                        .priority = (uint16_t)rng_below(rng, PRIORITIES)};
        e.at[i] = (struct plain){.arrival_s = tick_seconds(t_ns), .prompt = request.prompt, .output = request.output,
                                 .priority = request.priority};
        replica_advance(r, t_ns);
        replica_add(r, &request);
    }
    replica_advance(r, TICK_DAY);
    serve(&e);
    unsigned preemptions = 0;
    for (int i = 0; i < REQUESTS; i++) {
        const struct plain *p = &e.at[i];
        cr_assert_float_eq(tick_seconds(served[i].first_ns), p->first_s, 2e-9 + 1e-9 * p->first_s,
                           "%d of case %lu: first token at %.9f, not %.9f", i, (unsigned long)seed,
                           tick_seconds(served[i].first_ns), p->first_s);
        cr_assert_float_eq(tick_seconds(served[i].left_ns), p->left_s, 2e-9 + 1e-9 * p->left_s);
        cr_assert_eq(served[i].preemptions, p->preemptions);
        preemptions += p->preemptions;
    }
    replica_close(r);
    rng_close(rng);
    return preemptions;
}

Test(batching, against_a_plain_engine) {
    unsigned preemptions = 0;
    for (uint64_t seed = 0; seed < (testing_all() ? 20000 : 1000); seed++) preemptions += random_case(seed);
    cr_expect_gt(preemptions, 1000);
}
