/*
 * The start whose window of the job's length sums to the least: the Lowest-Window of GAIA (Hanafy et al.,
 * ASPLOS 2024), and with every start allowed the best that a job alone can do without being interrupted.
 *
 * Candidates stand `every` apart, counted from the arrival, as far as the waiting limit reaches. With
 * `every: 0 s` they are the moments at which the sum can turn: where a step of the belief begins, where the
 * window's end meets one, and the limit itself; between two of them the sum is linear, so no other start is
 * better.
 *
 * Invariant: the first of equal candidates is taken; integrals of an outlook are exact, so a flat signal
 * never delays a job. Cost: two look-ups a candidate.
 */
#include "core/seams.h"

struct lowest_window {
    int64_t every_ns; /* 0: every start that matters */
};

static const struct param params[] = {
    {.key = "every", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct lowest_window, every_ns),
     .fallback = 3600, .least = 0, .most = 3.15576e7,
     .help = "Time between candidate starts, counted from the arrival; 0 s: all moments that can pay."},
};

static void open(void *state, const void *raw, const struct world *world) {
    (void)world;
    *(struct lowest_window *)state = *(const struct lowest_window *)raw;
}

/* The next start after t at which the sum of a window of this length turns. */
static int64_t next_turn(const struct outlook *outlook, int64_t now_ns, int64_t t_ns, int64_t length_ns) {
    const int64_t begin_ns = outlook_change(outlook, now_ns, t_ns);
    const int64_t end_ns = outlook_change(outlook, now_ns, t_ns + length_ns) - length_ns;
    return begin_ns < end_ns ? begin_ns : end_ns;
}

static int64_t start(void *state, const struct outlook *outlook, const struct shift_job *job,
                     int64_t now_ns) {
    const struct lowest_window *window = state;
    const int64_t latest_ns = now_ns + job->wait_ns - job->waited_ns, length_ns = job->left_ns;
    int64_t best_ns = now_ns;
    double best = outlook_sum(outlook, now_ns, now_ns, now_ns + length_ns);
    for (int64_t t_ns = now_ns; t_ns < latest_ns;) {
        if (window->every_ns > 0) {
            t_ns += window->every_ns;
            if (t_ns > latest_ns) break;
        } else {
            t_ns = next_turn(outlook, now_ns, t_ns, length_ns);
            if (t_ns > latest_ns) t_ns = latest_ns;
        }
        const double sum = outlook_sum(outlook, now_ns, t_ns, t_ns + length_ns);
        if (sum >= best) continue;
        best = sum;
        best_ns = t_ns;
    }
    return best_ns;
}

const struct shift_model shift_lowest_window = {
    .model = {.name = "lowest_window",
              .summary = "when the job's length, run in one piece, sums to the least",
              .source = "GAIA, Hanafy et al., ASPLOS 2024",
              .params_size = sizeof(struct lowest_window),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .state_size = sizeof(struct lowest_window)},
    .open = open,
    .start = start,
};
