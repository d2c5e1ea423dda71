/*
 * Bounded Pareto run times: a power law between the shortest and the longest job, where a few jobs hold most
 * of the GPU time and yet every moment exists.
 * With L = shortest, H = longest, a = alpha: the n-th moment is
 * a L^a (H^(n-a) - L^(n-a)) / ((n - a) (1 - (L/H)^a)) for n != a (Harchol-Balter 2002).
 * Cost: one draw a job.
 */
#include "base/tick.h"
#include "core/seams.h"

struct bounded_pareto {
    int64_t shortest_ns, longest_ns;
    double alpha;
};

static const struct param params[] = {
    {.key = "shortest", .kind = PARAM_TIME, .dim = DIM_TIME,
     .offset = offsetof(struct bounded_pareto, shortest_ns),
     .fallback = 60, .least = 1e-3, .most = 3.15576e8, .required = true,
     .help = "No job runs shorter than this."},
    {.key = "longest", .kind = PARAM_TIME, .dim = DIM_TIME,
     .offset = offsetof(struct bounded_pareto, longest_ns),
     .fallback = 864000, .least = 1e-3, .most = 3.15576e8, .required = true,
     .help = "No job runs longer than this; above `shortest`."},
    {.key = "alpha", .kind = PARAM_NUMBER, .offset = offsetof(struct bounded_pareto, alpha),
     .fallback = 1.1, .least = 0.05, .most = 50,
     .help = "Tail exponent: the smaller, the more of the GPU time belongs to the longest jobs."},
};

static const char *check(const void *raw) {
    const struct bounded_pareto *p = raw;
    return p->shortest_ns < p->longest_ns ? NULL : "shortest must be below longest";
}

static void draw(const void *raw, struct rng *rng, size_t count, int64_t *run_ns) {
    const struct bounded_pareto *p = raw;
    const double low_s = tick_seconds(p->shortest_ns), high_s = tick_seconds(p->longest_ns);
    for (size_t i = 0; i < count; i++)
        run_ns[i] = tick_from_seconds(rng_bounded_pareto(rng, p->alpha, low_s, high_s));
}

const struct durations_model durations_bounded_pareto = {
    .model = {.name = "bounded_pareto",
              .summary = "a power law between a shortest and a longest run time",
              .source = "Harchol-Balter 2002",
              .params_size = sizeof(struct bounded_pareto),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .check = check},
    .draw = draw,
};
