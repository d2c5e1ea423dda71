/* LLM serving for tests and benches: a replica of eight H100 that serves a 70B model, and the Azure traces. */
#ifndef HEADROOM_TESTS_SUPPORT_SERVING_H
#define HEADROOM_TESTS_SUPPORT_SERVING_H

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/tick.h"
#include "core/replica.h"
#include "core/service.h"
#include "io/csv.h"

#include <stdlib.h>

/* Llama-3.1-70B in 16 bits on eight H100-80, as vLLM of 2025 runs it. The numbers stand here so that a change of the
 * catalogue does not change what is tested. */
static inline struct llm_cost serving_cost(void) {
    static const struct llm_chip h100 = {.name = "H100", .flops_bf16 = 989e12, .flops_fp8 = 1979e12, .mem_bytes = 80e9,
                                         .mem_bytes_per_s = 3.35e12, .link_bytes_per_s = 450e9, .tdp_w = 700,
                                         .idle_w = 75, .loaded_idle_w = 120, .power_fitted = true,
                                         .power = {.p0 = 0.347, .kc = 9.51, .km = 0.73, .pmax = 0.933}};
    const struct llm_model llama = {.name = "70B", .layers = 80, .hidden = 8192, .heads = 64, .kv_heads = 8,
                                    .head_dim = 128, .ffn = 28672, .vocab = 128256};
    const struct llm_engine vllm = {.name = "vllm", .ec = 0.75, .em = 0.88, .ekv = 0.56, .ea = 0.24,
                                    .all_reduce_s = 1.2e-6, .link_efficiency = 0.66, .step_s = 0.36e-3,
                                    .layer_s = 59e-6, .seq_s = 64e-6, .first_token_s = 56e-3, .kv_share = 0.9,
                                    .reserve_bytes = 2.5e9, .max_seqs = 256, .chunk_tokens = 8192};
    struct llm_cost cost;
    const char *why;
    if (!llm_cost_of(&llama, &h100, &vllm, LLM_BF16, 8, &cost, &why)) die("%s", why);
    return cost;
}
/* A mixed replica of it, without a prefix cache. */
static inline struct replica_setup serving_replica(void) {
    return (struct replica_setup){.cost = serving_cost(), .max_seqs = 256, .chunk_tokens = 8192, .block_tokens = 16,
                                  .prefix_block_tokens = 16, .role = REPLICA_MIXED};
}

struct serving_trace { /* free(at) */
    struct request *at;
    size_t len, cap;
    int64_t first_unix_ns;
};

static inline bool serving_row(void *context, const struct csv_row *row, struct err *err) {
    struct serving_trace *trace = context;
    int64_t unix_ns, prompt, output;
    if (row->line == 1) return true;
    if (row->count != 3 || !tick_parse_date(row->fields[0], row->len[0], &unix_ns) ||
        !num_i64(row->fields[1], row->len[1], &prompt) || !num_i64(row->fields[2], row->len[2], &output))
        return err_add(err, csv_place(row, 0), "not a request");
    if (!trace->len) trace->first_unix_ns = unix_ns;
    struct request *request = vec_push(trace);
    *request = (struct request){.arrival_ns = unix_ns - trace->first_unix_ns, .prompt = (uint32_t)prompt,
                                .output = (uint32_t)output, .id = (uint32_t)(trace->len - 1)};
    return true;
}

/* An Azure LLM trace of 2023; its first request comes at 0. */
static inline struct serving_trace serving_read(const char *path) {
    struct serving_trace trace = {0};
    struct err err;
    err_init(&err);
    if (!csv_read(path, serving_row, &trace, NULL, &err)) {
        err_print(&err, stderr);
        die("cannot read '%s'", path);
    }
    err_free(&err);
    return trace;
}

/* The same for a service; free(at). */
static inline struct requests serving_requests(const struct serving_trace *trace) {
    struct requests requests = {.len = trace->len};
    requests.at = mem_zero(trace->len, sizeof *requests.at);
    for (size_t i = 0; i < trace->len; i++) {
        requests.at[i].arrival_ns = trace->at[i].arrival_ns;
        requests.at[i].prompt = trace->at[i].prompt;
        requests.at[i].output = trace->at[i].output;
    }
    return requests;
}

#endif
