/*
 * One run time for every job. It draws nothing, so that a class of constant jobs leaves its stream untouched.
 * Cost: a store a job.
 */
#include "core/seams.h"

struct constant {
    int64_t length_ns;
};

static const struct param params[] = {
    {.key = "length", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct constant, length_ns),
     .fallback = 3600, .least = 0, .most = 3.15576e8, .required = true,
     .help = "Run time of every job."},
};

static void draw(const void *raw, struct rng *rng, size_t count, int64_t *run_ns) {
    (void)rng;
    const struct constant *p = raw;
    for (size_t i = 0; i < count; i++) run_ns[i] = p->length_ns;
}

const struct durations_model durations_constant = {
    .model = {.name = "constant",
              .summary = "every job runs for the same time",
              .source = "",
              .params_size = sizeof(struct constant),
              .params = params,
              .params_count = sizeof params / sizeof *params},
    .draw = draw,
};
