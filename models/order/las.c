/*
 * Least attained service in two queues, preemptive: the discretised two-dimensional LAS of Tiresias (Gu et
 * al., NSDI 2019), which needs no estimate of run times.
 *
 * Attained service is GPUs x time worked. Jobs below `threshold` form the first queue, all others the
 * second; the first goes before the second. Inside a queue jobs stand by first start, those never started
 * after them, by submit time, so jobs of one queue do not preempt each other back and forth. A running job
 * that crosses the threshold is demoted at that very moment. The default threshold is the first limit of
 * the authors' own simulator (jobs.py); their optional promotion of jobs that waited long is left out.
 * Invariant: a key only ever grows at a crossing; between crossings waiting and running keys stand still.
 * Cost: O(1) a key, one event a job that crosses.
 */
#include "core/seams.h"

#include "base/tick.h"

#include <math.h>

struct las {
    int64_t threshold_ns; /* of GPU time */
};

static const struct param params[] = {
    {.key = "threshold", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct las, threshold_ns),
     .fallback = 3250, .least = 1, .most = 1e9,
     .help = "GPU time (GPUs x time) after which a job moves to the second queue; 1 h: one GPU for 1 h."},
};

static void open(void *state, const void *raw, const struct world *world) {
    (void)world;
    *(struct las *)state = *(const struct las *)raw;
}

/* Bit 63: second queue. Bit 62: never started, by submit time instead of first start. Below: that time. */
static uint64_t key(const void *state, const struct world *world, uint32_t job) {
    const struct las *las = state;
    const struct job *j = &world->jobs.at[job];
    const bool second = world_attained_gpu_ns(world, job) >= (double)las->threshold_ns;
    const bool fresh = j->start_ns == JOB_NOT_YET;
    const int64_t since = fresh ? j->submit_ns : j->start_ns;
    return (uint64_t)second << 63 | (uint64_t)fresh << 62 | (uint64_t)since;
}

static uint64_t running_key(const void *state, const struct world *world, uint32_t job, int64_t *changes_ns) {
    const struct las *las = state;
    const uint32_t gpu_milli = shape_gpu_milli(world_shape(world, job));
    const double left = (double)las->threshold_ns - world_attained_gpu_ns(world, job);
    *changes_ns = TICK_NEVER;
    if (left > 0 && gpu_milli > 0) *changes_ns = world->now_ns + (int64_t)ceil(left * 1000 / gpu_milli);
    return key(state, world, job);
}

const struct order_model order_las = {
    .model = {.name = "las",
              .summary = "least attained GPU service first, in two queues; preempts running jobs",
              .source = "Tiresias, Gu et al., NSDI 2019",
              .params_size = sizeof(struct las),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .state_size = sizeof(struct las)},
    .open = open,
    .key = key,
    .preemptive = true,
    .running_key = running_key,
};
