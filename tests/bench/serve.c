/*
 * Serving: requests a second of one core for 16 replicas of eight H100 that serve a 70B model, dealt out in turn, on
 * the Azure conversation trace repeated to ten million requests. Twice: as it came (a replica has one request at a
 * time or two), and so much faster that replicas are nearly full (batches of a hundred). Each request's first-token
 * and inter-token time goes to a histogram.
 *
 * What it is held against: a million requests a second, and memory that does not grow with the number of requests.
 * Beside it a floor: the same replicas' least work, a heap of completions and one llm_step_s, llm_power_w and
 * llm_leap_s a request.
 *
 * `serve TRACE`; `serve TRACE quick`: a million requests. Times are CPU times of this thread, medians of three.
 */
#include "base/evq.h"
#include "bench/bench.h"
#include "support/serving.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { REPLICAS = 16, ROUNDS = 3, BUCKETS = 4096 };

static double peak_mib(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

struct histogram { /* of times, eight buckets a doubling */
    uint64_t ttft[BUCKETS], itl[BUCKETS];
    uint64_t served;
};
static uint32_t bucket(int64_t ns) {
    double x = (double)ns;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint32_t)(bits >> 46) & (BUCKETS - 1); /* six bits of the mantissa: steps of at most 1.6 % */
}
static void note(void *context, const struct served *served) {
    struct histogram *h = context;
    h->served++;
    h->ttft[bucket(served->first_ns - served->arrival_ns)]++;
    if (served->output > 1) h->itl[bucket((served->finish_ns - served->first_ns) / (served->output - 1))]++;
}

struct load {
    const struct serving_trace *trace;
    uint64_t requests;
    double pace; /* arrivals come so many times as fast */
};
/* The i-th request: the trace over and over. */
static struct request next_request(const struct load *load, uint64_t round, size_t i) {
    const struct serving_trace *trace = load->trace;
    const int64_t span_ns = trace->at[trace->len - 1].arrival_ns + TICK_S / 5;
    struct request request = trace->at[i];
    request.arrival_ns = (int64_t)((double)(request.arrival_ns + (int64_t)round * span_ns) / load->pace);
    return request;
}

struct run {
    double s;
    uint64_t events, iterations;
    double batch; /* mean of decodes, while busy */
};

static struct run serve(const struct load *load) {
    struct replica *replicas[REPLICAS];
    struct histogram *histogram = mem_zero(1, sizeof *histogram);
    struct replica_setup setup = serving_replica();
    setup.done = note;
    setup.context = histogram;
    for (int k = 0; k < REPLICAS; k++) replicas[k] = replica_open(&setup);
    const double begun_s = bench_cpu_s();
    size_t i = 0;
    uint64_t round = 0;
    for (uint64_t n = 0; n < load->requests; n++) {
        const struct request request = next_request(load, round, i);
        struct replica *replica = replicas[n % REPLICAS];
        replica_advance(replica, request.arrival_ns);
        replica_add(replica, &request);
        if (++i == load->trace->len) i = 0, round++;
    }
    struct run run = {0};
    double output = 0;
    for (int k = 0; k < REPLICAS; k++) {
        for (int64_t t; (t = replica_next_ns(replicas[k])) != TICK_NEVER;) replica_advance(replicas[k], t);
        const struct replica_totals totals = replica_read(replicas[k]);
        run.events += totals.events;
        run.iterations += totals.iterations;
        output += totals.output_tokens;
        replica_close(replicas[k]);
    }
    run.s = bench_cpu_s() - begun_s;
    run.batch = output / (double)run.iterations;
    if (histogram->served != load->requests) die("requests were lost");
    free(histogram);
    return run;
}

/* No line, no batch, no cache: each request prefilled and decoded by itself, its end in a heap. */
static double floor_s(const struct load *load) {
    const struct llm_cost cost = serving_cost();
    struct histogram *histogram = mem_zero(1, sizeof *histogram);
    struct evq ends;
    evq_init(&ends, false);
    double joules = 0;
    const double begun_s = bench_cpu_s();
    size_t i = 0;
    uint64_t round = 0;
    for (uint64_t n = 0; n < load->requests; n++) {
        const struct request request = next_request(load, round, i);
        while (!evq_empty(&ends) && evq_rank(evq_top(&ends)) <= (uint64_t)request.arrival_ns) evq_pop(&ends);
        const double prompt = request.prompt, output = request.output;
        const double first_s = llm_step_s(&cost, prompt, prompt * prompt / 2, 0, 0);
        const double rest_s = llm_leap_s(&cost, 1, prompt + 1, output - 1);
        joules += first_s * llm_power_w(&cost, prompt, prompt * prompt / 2, 0, 1, first_s);
        const struct served served = {.arrival_ns = request.arrival_ns, .output = request.output,
                                      .first_ns = request.arrival_ns + tick_from_seconds(first_s),
                                      .finish_ns = request.arrival_ns + tick_from_seconds(first_s + rest_s)};
        note(histogram, &served);
        evq_push(&ends, evq_pack((uint64_t)served.finish_ns, (uint32_t)n, 0));
        if (++i == load->trace->len) i = 0, round++;
    }
    const double s = bench_cpu_s() - begun_s;
    if (!(joules > 0)) die("the floor did nothing");
    evq_free(&ends);
    free(histogram);
    return s;
}

static bool row(const struct serving_trace *trace, uint64_t requests, double pace) {
    const struct load load = {trace, requests, pace};
    double s[ROUNDS], bare_s[ROUNDS];
    struct run run = {0};
    for (int i = 0; i < ROUNDS; i++) {
        bare_s[i] = floor_s(&load);
        run = serve(&load);
        s[i] = run.s;
    }
    const double n = (double)requests, rate = n / bench_median(s, ROUNDS);
    printf("| serving %.0f M requests on 16 replicas at pace %g, mean batch %.1f: %.0f ns/request (floor %.0f), "
           "%.3g events and %.3g iterations a request | %.3g M requests/s | >= 1 M requests/s | %s |\n", n / 1e6, pace,
           run.batch, 1e9 / rate, 1e9 * bench_median(bare_s, ROUNDS) / n, (double)run.events / n,
           (double)run.iterations / n, rate / 1e6, rate >= 1e6 ? "pass" : "FAIL");
    return rate >= 1e6;
}

int main(int argc, char **argv) {
    const bool quick = argc == 3 && strcmp(argv[2], "quick") == 0;
    if (argc != 2 && !quick) die("usage: serve TRACE [quick]");
    struct serving_trace trace = serving_read(argv[1]);
    const uint64_t requests = quick ? 1000000 : 10000000;
    bool pass = row(&trace, requests / 10, 1);
    const double before_mib = peak_mib();
    pass &= row(&trace, requests, 1);
    const double grown_mib = peak_mib() - before_mib;
    pass &= grown_mib <= 1;
    printf("| serving ten times as many requests: peak memory %.1f MiB, of it more | %.2f MiB | <= 1 MiB | %s |\n",
           peak_mib(), grown_mib, grown_mib <= 1 ? "pass" : "FAIL");
    pass &= row(&trace, requests, 33);
    free(trace.at);
    return pass ? EXIT_OK : EXIT_FAILED;
}
