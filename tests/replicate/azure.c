/*
 * The Azure LLM traces of 2023 on 1 to 40 replicas of eight H100 that serve a 70B model in 16 bits, dealt out in
 * turn: conservation in every run, and what share of requests has its first token within 1 s and every further one
 * within 50 ms.
 *
 * Conserved, exactly: each request comes out once, with the tokens it came with (prompts are computed or found in
 * the cache once, whatever is preempted; outputs are made once); the cache is never fuller than it is; and Little's
 * law: the integral of the number of requests, counted from outside at every event, is the sum of their times.
 */
#include "support/serving.h"
#include "support/published.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#define CONV "llm/AzureLLMInferenceTrace_conv.csv.gz"
#define CODE "llm/AzureLLMInferenceTrace_code.csv.gz"

struct seen {
    uint64_t served, met;
    double prompt, output, cached;
    int64_t spent_ns; /* between arrival and leaving */
};
static void note(void *context, const struct served *served) {
    struct seen *seen = context;
    const double ttft_s = tick_seconds(served->first_ns - served->arrival_ns);
    const double further_s = tick_seconds(served->finish_ns - served->first_ns);
    cr_assert(served->arrival_ns < served->first_ns && served->first_ns <= served->finish_ns && !served->refused);
    seen->served++;
    seen->prompt += served->prompt;
    seen->output += served->output;
    seen->cached += served->cached;
    seen->spent_ns += served->left_ns - served->arrival_ns;
    seen->met += ttft_s <= 1 && further_s <= 0.05 * (served->output - 1);
}

struct counted { /* a replica, and how many requests it had over time */
    struct replica *replica;
    int64_t since_ns, integral_ns;
};
static void go_to(struct counted *c, int64_t t_ns) {
    c->integral_ns += replica_requests(c->replica) * (t_ns - c->since_ns);
    c->since_ns = t_ns;
    replica_advance(c->replica, t_ns);
    const struct replica_totals totals = replica_read(c->replica);
    cr_assert_leq(replica_kv_used(c->replica), totals.kv_capacity_tokens);
}
static void go_through(struct counted *c, int64_t t_ns) {
    for (int64_t next_ns; (next_ns = replica_next_ns(c->replica)) <= t_ns;) go_to(c, next_ns);
    if (t_ns < TICK_NEVER) go_to(c, t_ns);
}

/* Replays the trace and returns the share of requests served in time. */
static double replay(const struct serving_trace *trace, struct replica_setup setup, unsigned replicas) {
    struct seen seen = {0};
    struct counted *at = mem_zero(replicas, sizeof *at);
    setup.done = note;
    setup.context = &seen;
    for (unsigned k = 0; k < replicas; k++) at[k].replica = replica_open(&setup);
    double prompt = 0, output = 0;
    for (size_t i = 0; i < trace->len; i++) {
        struct counted *c = &at[i % replicas];
        prompt += trace->at[i].prompt;
        output += trace->at[i].output;
        go_through(c, trace->at[i].arrival_ns);
        replica_add(c->replica, &trace->at[i]);
    }
    struct replica_totals sum = {0};
    int64_t integral_ns = 0;
    for (unsigned k = 0; k < replicas; k++) {
        go_through(&at[k], TICK_NEVER - 1);
        const struct replica_totals t = replica_read(at[k].replica);
        cr_expect_eq(t.arrived, t.finished);
        cr_expect_leq(t.kv_most_tokens, t.kv_capacity_tokens);
        cr_expect_eq(replica_kv_used(at[k].replica), 0);
        cr_expect_eq(replica_outstanding(at[k].replica), 0);
        sum.prompt_tokens += t.prompt_tokens;
        sum.cached_tokens += t.cached_tokens;
        sum.output_tokens += t.output_tokens;
        sum.preempted += t.preempted;
        sum.events += t.events;
        sum.busy_s += t.busy_s;
        integral_ns += at[k].integral_ns;
        replica_close(at[k].replica);
    }
    free(at);
    cr_expect_eq(seen.served, trace->len);
    cr_expect(seen.prompt == prompt && seen.output == output);
    cr_expect_eq(sum.prompt_tokens + sum.cached_tokens, prompt);
    cr_expect_eq(sum.cached_tokens, seen.cached);
    cr_expect_eq(sum.output_tokens, output);
    cr_expect_eq(integral_ns, seen.spent_ns);
    const double met = (double)seen.met / (double)trace->len;
    printf("%2u replicas: %6.2f %% in time, %6.2f s a request, %4.1f %% busy, %5lu preempted, %.2f events a request\n",
           replicas, 100 * met, tick_seconds(seen.spent_ns) / (double)trace->len,
           100 * sum.busy_s / replicas / tick_seconds(trace->at[trace->len - 1].arrival_ns),
           (unsigned long)sum.preempted, (double)sum.events / (double)trace->len);
    return met;
}

/* More replicas never serve fewer in time, one cannot serve all, and enough serve nearly all. pace: arrivals come so
 * many times as fast. */
static void sweep(const char *file, double pace, double least_of_one, double most_of_one) {
    static const unsigned replicas[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40};
    const char *path = published_path(file);
    struct serving_trace trace = serving_read(path);
    double before = 0;
    for (size_t i = 0; i < trace.len; i++)
        trace.at[i].arrival_ns = (int64_t)((double)trace.at[i].arrival_ns / pace);
    for (size_t i = 0; i < sizeof replicas / sizeof *replicas; i++) {
        const double met = replay(&trace, serving_replica(), replicas[i]);
        cr_expect_geq(met, before, "%u replicas: %g after %g", replicas[i], met, before);
        if (i == 0) cr_expect(met >= least_of_one && met <= most_of_one, "one replica: %g", met);
        before = met;
    }
    cr_expect_geq(before, 0.999);
    free(trace.at);
}

Test(azure, conversations) { sweep(CONV, 1, 0.99, 0.999); }
Test(azure, conversations_of_twenty) { sweep(CONV, 20, 0, 0.05); }
Test(azure, code) { sweep(CODE, 1, 0.25, 0.35); }

Test(azure, little_memory) {
    const char *path = published_path(CONV);
    struct serving_trace trace = serving_read(path);
    struct replica_setup setup = serving_replica();
    setup.cost.kv_tokens = 20000;
    replay(&trace, setup, 1);
    setup.chunk_tokens = 512;
    replay(&trace, setup, 3);
    free(trace.at);
}

/* The sums of reference/ai-performance.md, 4.1. */
Test(azure, the_traces_themselves) {
    static const struct {
        const char *file;
        size_t requests;
        double prompt, output;
    } known[] = {{CONV, 19366, 22361870, 4088665}, {CODE, 8819, 18059974, 245896}};
    for (size_t i = 0; i < 2; i++) {
        const char *path = published_path(known[i].file);
        struct serving_trace trace = serving_read(path);
        double prompt = 0, output = 0;
        for (size_t k = 0; k < trace.len; k++) {
            prompt += trace.at[k].prompt;
            output += trace.at[k].output;
        }
        cr_expect(trace.len == known[i].requests && prompt == known[i].prompt && output == known[i].output);
        free(trace.at);
    }
}
