/*
 * The cheapest hours of a window, in as many pieces as they come: a job of length L that may wait W runs in
 * the cheapest L of [arrival, arrival + L + W), suspended in between (Wiesner et al., Let's Wait Awhile,
 * Middleware 2021). With a perfect forecast and free suspension nothing that respects the limit pays less.
 *
 * The plan is made anew at each start and stop from what is left of the length and of the limit, so
 * forecasts that change and capacity that comes late are taken in. Of time at the dearest value taken, the
 * earliest is used.
 * A plan goes by belief alone: were the moment of planning known better than the next nanosecond, a job
 * could start for that moment, stop after it, and never get anywhere. So the outlook is asked as issued
 * just before now.
 * Invariant: a plan covers exactly what is left; when the limit is spent, or the length believed is used
 * up, the job runs to its end. Cost: O(steps in the window).
 */
#include "core/seams.h"
#include "core/spans.h"

#include "base/tick.h"

struct wait_awhile {
    struct spans spans;
};

static void close(void *raw) {
    struct wait_awhile *state = raw;
    spans_free(&state->spans);
}

/* Everything below `value` is run in, and the first equal_ns at it. */
struct plan {
    int64_t issued_ns, end_ns;
    double value;
    int64_t equal_ns;
};

/* false: there is nothing left to plan with. */
static bool make_plan(void *raw, const struct outlook *outlook, const struct shift_job *job, int64_t now_ns,
                      struct plan *plan) {
    struct wait_awhile *state = raw;
    const int64_t spare_ns = job->wait_ns - job->waited_ns, left_ns = job->left_ns;
    int64_t below_ns;
    if (spare_ns <= 0 || left_ns <= 0) return false;
    plan->issued_ns = now_ns - 1;
    plan->end_ns = now_ns + left_ns + spare_ns;
    spans_gather(&state->spans, outlook, plan->issued_ns, now_ns, 1, left_ns + spare_ns);
    plan->value = spans_ranked(&state->spans, left_ns - 1, &below_ns);
    plan->equal_ns = left_ns - below_ns;
    return true;
}

static int64_t start(void *state, const struct outlook *outlook, const struct shift_job *job,
                     int64_t now_ns) {
    struct plan plan;
    if (!make_plan(state, outlook, job, now_ns, &plan)) return now_ns;
    int64_t t_ns = now_ns;
    while (outlook_value(outlook, plan.issued_ns, t_ns) > plan.value)
        t_ns = outlook_change(outlook, plan.issued_ns, t_ns);
    return t_ns;
}

/* A job that starts at a moment the plan leaves out, because capacity came late, keeps the step it starts
 * in. */
static int64_t stop(void *state, const struct outlook *outlook, const struct shift_job *job,
                    int64_t now_ns) {
    struct plan plan;
    if (!make_plan(state, outlook, job, now_ns, &plan)) return TICK_NEVER;
    for (int64_t t_ns = now_ns, change_ns; t_ns < plan.end_ns; t_ns = change_ns) {
        const double value = outlook_value(outlook, plan.issued_ns, t_ns);
        change_ns = outlook_change(outlook, plan.issued_ns, t_ns);
        if (value > plan.value && t_ns > now_ns) return t_ns;
        if (value != plan.value) continue;
        if (plan.equal_ns < change_ns - t_ns) return t_ns + plan.equal_ns;
        plan.equal_ns -= change_ns - t_ns;
    }
    return TICK_NEVER;
}

const struct shift_model shift_wait_awhile = {
    .model = {.name = "wait_awhile",
              .summary = "in the cheapest hours within length + limit, suspended in between",
              .source = "Let's Wait Awhile, Wiesner et al., Middleware 2021",
              .state_size = sizeof(struct wait_awhile)},
    .start = start,
    .stop = stop,
    .close = close,
};
