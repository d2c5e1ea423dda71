/*
 * Start as soon as the signal is at or below a threshold, else when the waiting limit ends: what a cron job
 * with a look at the grid does. The threshold is a value, or the quantile `share` of the `over` before the
 * arrival (which needs no forecast) or after it (which does), seen in samples `every` apart.
 *
 * Reaching the threshold is observed, not foreseen: the job waits for the signal itself.
 * Invariant: the threshold of a job is that of its arrival, however often it is asked about. Cost: O(steps
 * in `over` and in the wait).
 */
#include "core/seams.h"
#include "core/spans.h"

#include "base/tick.h"

struct threshold_params {
    int of;
    double value, share;
    int64_t over_ns, every_ns;
};
enum { OF_LAST, OF_NEXT, OF_VALUE };
static const char *const of_names[] = {"last", "next", "value", NULL};

struct threshold {
    struct threshold_params params;
    struct spans spans;
};

static const struct param params[] = {
    {.key = "of", .kind = PARAM_CHOICE, .offset = offsetof(struct threshold_params, of), .choices = of_names,
     .help = "What the threshold is: a share of the last or of the next hours, or a value."},
    {.key = "share", .kind = PARAM_NUMBER, .offset = offsetof(struct threshold_params, share),
     .fallback = 0.3, .least = 0, .most = 1,
     .help = "Of last and next: the share of that time that lies at or below the threshold."},
    {.key = "over", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct threshold_params, over_ns),
     .fallback = 86400, .least = 1, .most = 3.15576e7,
     .help = "Of last and next: how much time before or after the arrival is looked at."},
    {.key = "every", .kind = PARAM_TIME, .dim = DIM_TIME,
     .offset = offsetof(struct threshold_params, every_ns), .fallback = 60, .least = 1e-3, .most = 86400,
     .help = "Of last and next: time between the samples of it."},
    {.key = "value", .kind = PARAM_NUMBER, .offset = offsetof(struct threshold_params, value), .least = 1,
     .most = 0, .help = "Of value: the threshold, in the unit of what is shifted on (x PUE)."},
};

static const char *check(const void *raw) {
    const struct threshold_params *p = raw;
    return p->every_ns > p->over_ns ? "every must not be longer than over" : NULL;
}

static void open(void *raw, const void *params_of, const struct world *world) {
    (void)world;
    struct threshold *threshold = raw;
    threshold->params = *(const struct threshold_params *)params_of;
}

static void close(void *raw) {
    struct threshold *threshold = raw;
    spans_free(&threshold->spans);
}

static double level(struct threshold *threshold, const struct outlook *outlook, int64_t submit_ns) {
    const struct threshold_params *p = &threshold->params;
    if (p->of == OF_VALUE) return p->value;
    const int64_t from_ns = p->of == OF_LAST ? submit_ns - p->over_ns : submit_ns;
    spans_gather(&threshold->spans, outlook, submit_ns, from_ns, p->every_ns, p->over_ns / p->every_ns);
    return spans_quantile(&threshold->spans, p->share);
}

static int64_t start(void *state, const struct outlook *outlook, const struct shift_job *job,
                     int64_t now_ns) {
    const int64_t latest_ns = now_ns + job->wait_ns - job->waited_ns;
    if (latest_ns <= now_ns) return now_ns;
    const double most = level(state, outlook, job->submit_ns);
    int64_t t_ns = now_ns;
    while (t_ns < latest_ns && signal_value(outlook->truth, t_ns) > most)
        t_ns = signal_change(outlook->truth, t_ns);
    return t_ns < latest_ns ? t_ns : latest_ns;
}

const struct shift_model shift_threshold = {
    .model = {.name = "threshold",
              .summary = "as soon as the signal is at or below a value or a share of a day",
              .source = "",
              .params_size = sizeof(struct threshold_params),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .state_size = sizeof(struct threshold),
              .check = check},
    .open = open,
    .start = start,
    .close = close,
};
