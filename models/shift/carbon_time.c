/*
 * The start that saves most for each hour until the job is done: the Carbon-Time of GAIA (Hanafy et al.,
 * ASPLOS 2024). A start s later than now saves sum(0) - sum(s) of what is shifted on and is paid for with s
 * + length of completion time; the candidate with the greatest ratio wins, so a small gain far away is left
 * alone.
 *
 * Candidates stand `every` apart, counted from the arrival, as far as the waiting limit reaches.
 * Invariant: starting at once has ratio 0, so a job waits for a gain alone; the first of equal candidates
 * is taken.
 * Cost: two look-ups a candidate.
 */
#include "core/seams.h"

#include "base/tick.h"

struct carbon_time {
    int64_t every_ns;
};

static const struct param params[] = {
    {.key = "every", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct carbon_time, every_ns),
     .fallback = 3600, .least = 1, .most = 3.15576e7,
     .help = "Time between candidate starts, counted from the arrival."},
};

static void open(void *state, const void *raw, const struct world *world) {
    (void)world;
    *(struct carbon_time *)state = *(const struct carbon_time *)raw;
}

static int64_t start(void *state, const struct outlook *outlook, const struct shift_job *job,
                     int64_t now_ns) {
    const struct carbon_time *model = state;
    const int64_t latest_ns = now_ns + job->wait_ns - job->waited_ns, length_ns = job->left_ns;
    const double at_once = outlook_sum(outlook, now_ns, now_ns, now_ns + length_ns);
    int64_t best_ns = now_ns;
    double best = 0;
    for (int64_t t_ns = now_ns + model->every_ns; t_ns <= latest_ns; t_ns += model->every_ns) {
        const double sum = outlook_sum(outlook, now_ns, t_ns, t_ns + length_ns);
        const double ratio = (at_once - sum) / tick_seconds(t_ns - now_ns + length_ns);
        if (ratio <= best) continue;
        best = ratio;
        best_ns = t_ns;
    }
    return best_ns;
}

const struct shift_model shift_carbon_time = {
    .model = {.name = "carbon_time",
              .summary = "when most is saved for each hour until the job is done",
              .source = "GAIA, Hanafy et al., ASPLOS 2024",
              .params_size = sizeof(struct carbon_time),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .state_size = sizeof(struct carbon_time)},
    .open = open,
    .start = start,
};
