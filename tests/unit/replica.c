/* One replica against timelines worked out by hand from llm_step_s and llm_leap_s. */
#include "support/serving.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

struct log {
    struct served at[16]; /* by id */
    uint32_t order[16], len;
};
static void note(void *context, const struct served *served) {
    struct log *log = context;
    log->at[served->id] = *served;
    log->order[log->len++] = served->id;
}

static struct replica_setup noted(struct log *log) {
    struct replica_setup setup = serving_replica();
    *log = (struct log){0};
    setup.done = note;
    setup.context = log;
    return setup;
}
static void add(struct replica *replica, uint32_t id, double at_s, uint32_t prompt, uint32_t output) {
    const int64_t at_ns = tick_from_seconds(at_s);
    replica_advance(replica, at_ns);
    replica_add(replica, &(struct request){.arrival_ns = at_ns, .id = id, .prompt = prompt, .output = output});
}
/* Reported times are rounded up to whole ns. */
static void expect_s(int64_t measured_ns, double expected_s, const char *what) {
    const double excess_ns = (double)measured_ns - expected_s * 1e9;
    cr_expect(excess_ns > -0.1 && excess_ns < 1.1 + 1e-9 * expected_s * 1e9, "%s: %.9f s, not %.9f", what,
              tick_seconds(measured_ns), expected_s);
}
static double whole_prompt_s(const struct llm_cost *cost, double prompt, double decodes, double context) {
    return llm_step_s(cost, prompt, prompt * prompt / 2, decodes, context);
}

Test(replica, alone) {
    struct log log;
    const struct replica_setup setup = noted(&log);
    struct replica *r = replica_open(&setup);
    cr_expect_eq(replica_next_ns(r), TICK_NEVER);
    add(r, 0, 10, 1000, 200);
    cr_expect_eq(replica_requests(r), 1);
    cr_expect_eq(replica_outstanding(r), 1200);
    const double first_s = 10 + whole_prompt_s(&setup.cost, 1000, 0, 0);
    const double finish_s = first_s + llm_leap_s(&setup.cost, 1, 1001, 199);
    expect_s(replica_next_ns(r), first_s, "end of the prefill");
    replica_advance(r, replica_next_ns(r));
    cr_expect_eq(replica_outstanding(r), 199);
    expect_s(replica_next_ns(r), finish_s, "end of the decode");
    replica_advance(r, 100 * TICK_S);
    expect_s(log.at[0].first_ns, first_s + setup.cost.first_token_s, "first token");
    expect_s(log.at[0].finish_ns, finish_s + setup.cost.first_token_s, "finish");
    expect_s(log.at[0].left_ns, finish_s, "left");
    const struct replica_totals t = replica_read(r);
    cr_expect(t.arrived == 1 && t.finished == 1 && t.iterations == 200 && t.events == 2);
    cr_expect(t.prompt_tokens == 1000 && t.output_tokens == 200 && t.cached_tokens == 0 && t.recomputed_tokens == 0);
    cr_expect(testing_near(t.busy_s, finish_s - 10, 1e-9));
    cr_expect_eq(t.kv_most_tokens, 1200); /* 1199 tokens in blocks of 16 */
    cr_expect_eq(replica_kv_used(r), 0);
    const double idle_j = (100 - t.busy_s) * llm_idle_w(&setup.cost);
    const double prefill_j = (first_s - 10) * llm_power_w(&setup.cost, 1000, 5e5, 0, 1, first_s - 10);
    const double decode_s = finish_s - first_s, contexts = 199 * 1001 + 199 * 198 / 2.;
    const double decode_j = decode_s * llm_power_w(&setup.cost, 199, 0, contexts, 199, decode_s);
    cr_expect(testing_near(t.joules, idle_j + prefill_j + decode_j, 1e-9));
    replica_close(r);
}

Test(replica, only_one_token) {
    struct log log;
    const struct replica_setup setup = noted(&log);
    struct replica *r = replica_open(&setup);
    add(r, 0, 0, 1, 1);
    replica_advance(r, TICK_S);
    expect_s(log.at[0].first_ns, llm_step_s(&setup.cost, 1, 0.5, 0, 0) + setup.cost.first_token_s, "first token");
    cr_expect_eq(log.at[0].finish_ns, log.at[0].first_ns);
    replica_close(r);
}

Test(replica, chunks_after_decodes) {
    struct log log;
    struct replica_setup setup = noted(&log);
    setup.chunk_tokens = 256;
    struct replica *r = replica_open(&setup);
    add(r, 0, 0, 100, 50);
    const double begin_s = whole_prompt_s(&setup.cost, 100, 0, 0) + llm_step_s(&setup.cost, 0, 0, 1, 101);
    add(r, 1, begin_s - 1e-4, 600, 2); /* inside the second iteration, a decode */
    const double first = llm_step_s(&setup.cost, 255, 255 * 127.5, 1, 102);
    const double second = llm_step_s(&setup.cost, 255, 255 * (255 + 127.5), 1, 103);
    const double third = llm_step_s(&setup.cost, 90, 90 * (510 + 45), 1, 104);
    const double fourth = llm_step_s(&setup.cost, 0, 0, 2, 105 + 601);
    replica_advance(r, 100 * TICK_S);
    const double made_s = begin_s + first + second + third;
    expect_s(log.at[1].first_ns, made_s + setup.cost.first_token_s, "first token");
    expect_s(log.at[1].left_ns, made_s + fourth, "left");
    expect_s(log.at[0].left_ns, made_s + fourth + llm_leap_s(&setup.cost, 1, 106, 44), "the other");
    cr_expect(replica_read(r).events <= 8);
    replica_close(r);
}

Test(replica, one_instant_one_batch) {
    struct log log;
    const struct replica_setup setup = noted(&log);
    struct replica *r = replica_open(&setup);
    add(r, 0, 1, 500, 1);
    add(r, 1, 1, 700, 1);
    expect_s(replica_next_ns(r), 1 + llm_step_s(&setup.cost, 1200, 500 * 250 + 700 * 350, 0, 0), "both");
    add(r, 2, 1, 10, 1); /* after the question: the next iteration */
    replica_advance(r, 10 * TICK_S);
    cr_expect_eq(log.at[0].left_ns, log.at[1].left_ns);
    cr_expect_gt(log.at[2].left_ns, log.at[1].left_ns);
    replica_close(r);
}

Test(replica, seats_and_priority) {
    struct log log;
    struct replica_setup setup = noted(&log);
    setup.max_seqs = 1;
    struct replica *r = replica_open(&setup);
    add(r, 0, 0, 10, 10);
    replica_advance(r, TICK_S / 1000);
    for (uint32_t i = 1; i < 6; i++)
        replica_add(r, &(struct request){.id = i, .prompt = 10, .output = 3, .priority = (uint16_t)(i % 3)});
    replica_advance(r, 10 * TICK_S);
    const uint32_t expected[] = {0, 2, 5, 1, 4, 3};
    cr_expect_eq(log.len, 6);
    for (int i = 0; i < 6; i++) cr_expect_eq(log.order[i], expected[i], "place %d: %u", i, log.order[i]);
    replica_close(r);
}

/* 20 blocks of 16: both prompts of 144 take 9 each, both grow by 16 tokens into the last two blocks, and have no
 * more at the next. */
Test(replica, preempts_the_youngest) {
    struct log log;
    struct replica_setup setup = noted(&log);
    setup.cost.kv_tokens = 335; /* not a whole block more than 320 */
    struct replica *r = replica_open(&setup);
    add(r, 0, 0, 144, 30);
    add(r, 1, 0, 144, 30);
    const double both_s = llm_step_s(&setup.cost, 288, 144 * 144, 0, 0) + llm_leap_s(&setup.cost, 2, 290, 16);
    const double alone_s = both_s + llm_leap_s(&setup.cost, 1, 161, 13);
    replica_advance(r, TICK_S * 100);
    cr_expect_eq(log.order[0], 0);
    expect_s(log.at[0].left_ns, alone_s, "the older");
    const double again_s = alone_s + whole_prompt_s(&setup.cost, 144 + 17, 0, 0);
    expect_s(log.at[1].left_ns, again_s + llm_leap_s(&setup.cost, 1, 162, 12), "the younger");
    cr_expect_eq(log.at[1].first_ns, log.at[0].first_ns);
    cr_expect(log.at[0].preemptions == 0 && log.at[1].preemptions == 1);
    const struct replica_totals t = replica_read(r);
    cr_expect(t.preempted == 1 && t.recomputed_tokens == 161 && t.prompt_tokens == 288 && t.output_tokens == 60);
    cr_expect_eq(t.kv_most_tokens, 320);
    cr_expect_eq(t.kv_capacity_tokens, 320);
    replica_close(r);
}

Test(replica, priority_outlives_age) {
    struct log log;
    struct replica_setup setup = noted(&log);
    setup.cost.kv_tokens = 320;
    struct replica *r = replica_open(&setup);
    replica_add(r, &(struct request){.id = 0, .prompt = 144, .output = 30, .priority = 0});
    replica_advance(r, 1);
    replica_add(r, &(struct request){.id = 1, .prompt = 144, .output = 30, .priority = 1});
    replica_advance(r, TICK_S * 100);
    cr_expect(log.at[0].preemptions == 1 && log.at[1].preemptions == 0);
    replica_close(r);
}

Test(replica, refuses_what_never_fits) {
    struct log log;
    struct replica_setup setup = noted(&log);
    setup.cost.kv_tokens = 160;
    struct replica *r = replica_open(&setup);
    add(r, 0, 1, 100, 61); /* the last token is made, not kept */
    add(r, 1, 2, 100, 62);
    cr_expect(log.len == 2 && log.at[1].refused && !log.at[0].refused);
    cr_expect_eq(log.at[1].left_ns, 2 * TICK_S);
    const struct replica_totals t = replica_read(r);
    cr_expect(t.arrived == 2 && t.refused == 1 && t.finished == 1);
    replica_close(r);
}

/* Blocks of 32 tokens: a prompt of 100 has three. */
Test(replica, prefix_cache) {
    struct log log;
    struct replica_setup setup = noted(&log);
    const uint64_t one[] = {11, 12, 13}, other[] = {11, 12, 23};
    setup.prefix_cache = true;
    setup.prefix_block_tokens = 32;
    struct replica *r = replica_open(&setup);
    replica_add(r, &(struct request){.id = 0, .prompt = 100, .output = 2, .blocks = one, .blocks_len = 3});
    cr_expect_eq(replica_cached(r, one, 3), 0);
    replica_advance(r, TICK_S);
    cr_expect_eq(replica_cached(r, one, 3), 96);
    cr_expect_eq(replica_cached(r, other, 3), 64);
    cr_expect_eq(replica_kv_used(r), 0);
    replica_add(r, &(struct request){.id = 1, .prompt = 100, .output = 2, .blocks = other, .blocks_len = 3});
    replica_add(r, &(struct request){.id = 2, .prompt = 96, .output = 2, .blocks = one, .blocks_len = 3});
    const double both_s = llm_step_s(&setup.cost, 36 + 32, 36 * (64 + 18) + 32 * (64 + 16), 0, 0);
    expect_s(replica_next_ns(r), 1 + both_s, "what is not cached"); /* the last token is always computed */
    cr_expect_eq(replica_kv_used(r), (7 + 6 - 4) * 16); /* two blocks are shared */
    replica_advance(r, 2 * TICK_S);
    cr_expect(log.at[0].cached == 0 && log.at[1].cached == 64 && log.at[2].cached == 64);
    const struct replica_totals t = replica_read(r);
    cr_expect(t.cached_tokens == 128 && t.prompt_tokens == 100 + 36 + 32);
    replica_close(r);
}

/* 20 blocks. The prompts' 10 and 6 prefix blocks fit beside each other; a long stranger drives out the older. */
Test(replica, least_recently_used_goes) {
    struct log log;
    struct replica_setup setup = noted(&log);
    uint64_t one[10], other[6];
    for (uint64_t i = 0; i < 10; i++) one[i] = 100 + i;
    for (uint64_t i = 0; i < 6; i++) other[i] = 200 + i;
    setup.prefix_cache = true;
    setup.prefix_block_tokens = 16;
    setup.cost.kv_tokens = 320;
    struct replica *r = replica_open(&setup);
    replica_add(r, &(struct request){.id = 0, .prompt = 160, .output = 1, .blocks = one, .blocks_len = 10});
    replica_advance(r, TICK_S);
    replica_add(r, &(struct request){.id = 1, .prompt = 96, .output = 1, .blocks = other, .blocks_len = 6});
    replica_advance(r, 2 * TICK_S);
    cr_expect(replica_cached(r, one, 10) == 160 && replica_cached(r, other, 6) == 96);
    add(r, 2, 2, 128, 1); /* 8 blocks, 4 of them free: the prefix loses its end first */
    replica_advance(r, 3 * TICK_S);
    cr_expect(replica_cached(r, one, 10) == 96 && replica_cached(r, other, 6) == 96);
    replica_close(r);
}

Test(replica, prefill_then_decode) {
    struct log log, log_of_decode;
    struct replica_setup setup = noted(&log), decode = noted(&log_of_decode);
    setup.role = REPLICA_PREFILL;
    decode.role = REPLICA_DECODE;
    struct replica *p = replica_open(&setup), *d = replica_open(&decode);
    add(p, 0, 0, 1000, 50);
    cr_expect_eq(replica_outstanding(p), 1001);
    replica_advance(p, TICK_S);
    const double made_s = whole_prompt_s(&setup.cost, 1000, 0, 0);
    expect_s(log.at[0].left_ns, made_s, "left");
    expect_s(log.at[0].first_ns, made_s + setup.cost.first_token_s, "first token");
    replica_advance(d, TICK_S);
    replica_add(d, &(struct request){.arrival_ns = 0, .id = 0, .prompt = 1000, .output = 50, .made = 1,
                                     .first_ns = log.at[0].first_ns});
    cr_expect_eq(replica_outstanding(d), 49);
    replica_advance(d, 100 * TICK_S);
    cr_expect_eq(log_of_decode.at[0].first_ns, log.at[0].first_ns);
    expect_s(log_of_decode.at[0].left_ns, 1 + llm_leap_s(&setup.cost, 1, 1001, 49), "decoded");
    const struct replica_totals t = replica_read(d);
    cr_expect(t.prompt_tokens == 0 && t.output_tokens == 49 && t.iterations == 49);
    replica_close(p);
    replica_close(d);
}

static void hand_over(void *context, const struct request *request) { replica_add(context, request); }

Test(replica, drained_into_another) {
    struct log log, log_of_other;
    struct replica_setup setup = noted(&log), other = noted(&log_of_other);
    struct replica *a = replica_open(&setup), *b = replica_open(&other);
    add(a, 0, 0, 1000, 100);
    const double first_s = whole_prompt_s(&setup.cost, 1000, 0, 0);
    const double ten_s = first_s + llm_leap_s(&setup.cost, 1, 1001, 10);
    const int64_t then_ns = tick_from_seconds(ten_s + 1e-4); /* the twelfth token is under way */
    replica_advance(a, then_ns);
    cr_expect_eq(replica_outstanding(a), 89);
    replica_advance(b, then_ns);
    replica_drain(a, hand_over, b);
    cr_expect(replica_requests(a) == 0 && replica_kv_used(a) == 0 && replica_read(a).drained == 1);
    cr_expect(testing_near(replica_read(a).busy_s, tick_seconds(then_ns), 1e-9));
    replica_advance(b, 100 * TICK_S);
    cr_expect_eq(log.len, 0);
    expect_s(log_of_other.at[0].first_ns, first_s + setup.cost.first_token_s, "first token");
    const double again_s = tick_seconds(then_ns) + whole_prompt_s(&setup.cost, 1011, 0, 0);
    expect_s(log_of_other.at[0].left_ns, again_s + llm_leap_s(&setup.cost, 1, 1012, 88), "left");
    cr_expect_eq(replica_read(a).output_tokens + replica_read(b).output_tokens, 100);
    replica_close(a);
    replica_close(b);
}

/* Totals read in the middle of anything: what is read every millisecond grows steadily to what is read at the end, and
 * the integral of the cache's use is that of its use as seen. */
Test(replica, read_at_any_time) {
    struct log log;
    struct replica_setup setup = noted(&log);
    setup.chunk_tokens = 512;
    setup.block_tokens = 1; /* so that what is seen is whole tokens */
    struct replica *often = replica_open(&setup), *once = replica_open(&setup);
    double integral = 0, joules = 0;
    for (int i = 0; i < 8000; i++) {
        const double t_s = i * 1e-3;
        if (i == 5 || i == 700 || i == 1200) {
            add(often, (uint32_t)i % 7, t_s, 3000, 150);
            add(once, (uint32_t)i % 7, t_s, 3000, 150);
        }
        replica_advance(often, tick_from_seconds(t_s));
        (void)replica_next_ns(often);
        integral += replica_kv_used(often) * 1e-3;
        const struct replica_totals t = replica_read(often);
        const double grown = t.joules - joules;
        cr_assert(i == 0 || (grown > 0.9e-3 * llm_idle_w(&setup.cost) && grown < 1.1e-3 * 8 * 700), "%d: %g", i, grown);
        joules = t.joules;
    }
    replica_advance(once, tick_from_seconds(7.999));
    const struct replica_totals a = replica_read(often), b = replica_read(once);
    cr_expect(a.joules == b.joules && a.kv_token_s == b.kv_token_s && a.busy_s == b.busy_s);
    cr_expect(testing_near(a.kv_token_s, integral, 2e-3), "%g %g", a.kv_token_s, integral);
    replica_close(often);
    replica_close(once);
}
