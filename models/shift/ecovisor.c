/*
 * Run while the signal is below the quantile `share` of the `over` that follows the arrival, be suspended
 * while it is not, and run to the end once the waiting limit is spent: the Ecovisor policy as GAIA (Hanafy
 * et al., ASPLOS 2024) simulates it. The quantile is that of samples `every` apart, interpolated; GAIA's
 * are its ticks of 5 s.
 *
 * Only the threshold is a forecast: crossing it is observed, so the job follows the signal itself. Under a
 * signal that never changes nothing is ever below, and every job spends its limit in vain, as published.
 * Invariant: the threshold of a job is that of its arrival. Cost: O(steps in `over`, and to the next
 * crossing).
 */
#include "core/seams.h"
#include "core/spans.h"

#include "base/tick.h"

struct ecovisor_params {
    double share;
    int64_t over_ns, every_ns;
};
struct ecovisor {
    struct ecovisor_params params;
    struct spans spans;
};
/* A forecast can lie so far above a signal that repeats that it never reaches the threshold: after a year,
 * every season has been seen. */
#define FAR_NS (366 * TICK_DAY)

static const struct param params[] = {
    {.key = "share", .kind = PARAM_NUMBER, .offset = offsetof(struct ecovisor_params, share), .fallback = 0.3,
     .least = 0, .most = 1, .help = "The share of the time ahead that lies below the threshold."},
    {.key = "over", .kind = PARAM_TIME, .dim = DIM_TIME, .offset = offsetof(struct ecovisor_params, over_ns),
     .fallback = 86400, .least = 1, .most = 3.15576e7,
     .help = "How much time after the arrival sets the threshold."},
    {.key = "every", .kind = PARAM_TIME, .dim = DIM_TIME,
     .offset = offsetof(struct ecovisor_params, every_ns), .fallback = 5, .least = 1e-3, .most = 86400,
     .help = "Time between the samples of it."},
};

static const char *check(const void *raw) {
    const struct ecovisor_params *p = raw;
    return p->every_ns > p->over_ns ? "every must not be longer than over" : NULL;
}

static void open(void *raw, const void *params_of, const struct world *world) {
    (void)world;
    struct ecovisor *ecovisor = raw;
    ecovisor->params = *(const struct ecovisor_params *)params_of;
}

static void close(void *raw) {
    struct ecovisor *ecovisor = raw;
    spans_free(&ecovisor->spans);
}

static double level(struct ecovisor *ecovisor, const struct outlook *outlook, int64_t submit_ns) {
    const struct ecovisor_params *p = &ecovisor->params;
    spans_gather(&ecovisor->spans, outlook, submit_ns, submit_ns, p->every_ns, p->over_ns / p->every_ns);
    return spans_quantile(&ecovisor->spans, p->share);
}

static int64_t start(void *state, const struct outlook *outlook, const struct shift_job *job,
                     int64_t now_ns) {
    const int64_t latest_ns = now_ns + job->wait_ns - job->waited_ns;
    if (latest_ns <= now_ns) return now_ns;
    const double above = level(state, outlook, job->submit_ns);
    int64_t t_ns = now_ns;
    while (t_ns < latest_ns && signal_value(outlook->truth, t_ns) >= above)
        t_ns = signal_change(outlook->truth, t_ns);
    return t_ns < latest_ns ? t_ns : latest_ns;
}

/* A job that starts above its threshold, because capacity came late, keeps the step it starts in. */
static int64_t stop(void *state, const struct outlook *outlook, const struct shift_job *job,
                    int64_t now_ns) {
    if (job->waited_ns >= job->wait_ns) return TICK_NEVER;
    const double above = level(state, outlook, job->submit_ns);
    int64_t t_ns = signal_change(outlook->truth, now_ns);
    while (t_ns < now_ns + FAR_NS && signal_value(outlook->truth, t_ns) < above)
        t_ns = signal_change(outlook->truth, t_ns);
    return t_ns < now_ns + FAR_NS ? t_ns : TICK_NEVER;
}

const struct shift_model shift_ecovisor = {
    .model = {.name = "ecovisor",
              .summary = "while the signal is below a share of the day ahead; suspends up to the limit",
              .source = "GAIA, Hanafy et al., ASPLOS 2024; Ecovisor, Souza et al., ASPLOS 2023",
              .params_size = sizeof(struct ecovisor_params),
              .params = params,
              .params_count = sizeof params / sizeof *params,
              .state_size = sizeof(struct ecovisor),
              .check = check},
    .open = open,
    .start = start,
    .stop = stop,
    .close = close,
};
