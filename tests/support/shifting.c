#include "support/shifting.h"

#include "base/err.h"
#include "base/tick.h"
#include "support/testing.h"

#include <string.h>

/* More interruptions than any signal of the tests can be worth. */
enum { PIECES_MOST = 1000000 };

void shifting_open_chosen(struct shifting *s, struct arena *arena, struct chosen chosen, int64_t origin_unix_ns) {
    memset(s, 0, sizeof *s);
    s->model = (const struct shift_model *)(const void *)chosen.model;
    s->params = chosen.params;
    s->state = arena_alloc(arena, 1, s->model->model.state_size + 1);
    s->setup.origin_unix_ns = origin_unix_ns;
    s->world.setup = &s->setup;
    if (s->model->open) s->model->open(s->state, s->params, &s->world);
}

void shifting_open(struct shifting *s, struct arena *arena, const char *name, int64_t origin_unix_ns) {
    shifting_open_chosen(s, arena, testing_model(arena, KIND_SHIFT, name), origin_unix_ns);
}

void shifting_close(struct shifting *s) {
    if (s->model->close) s->model->close(s->state);
}

static void promise(const struct shifting *s, bool kept, const char *what, int64_t now_ns, int64_t answer_ns) {
    if (!kept) die("%s: %s: at %.9f s it says %.9f s", s->model->model.name, what, tick_seconds(now_ns),
                   tick_seconds(answer_ns));
}

/* What is known of the job when so much of it has run. */
static struct shift_job view(const struct lone_job *job, int64_t now_ns, int64_t ran_ns) {
    return (struct shift_job){
        .submit_ns = job->submit_ns, .wait_ns = job->wait_ns, .waited_ns = now_ns - job->submit_ns - ran_ns,
        .length_ns = job->estimate_ns, .left_ns = job->estimate_ns > ran_ns ? job->estimate_ns - ran_ns : 0};
}

static int64_t ask_start(struct shifting *s, const struct outlook *outlook, const struct shift_job *job,
                         int64_t now_ns) {
    const int64_t spare_ns = job->wait_ns > job->waited_ns ? job->wait_ns - job->waited_ns : 0;
    const int64_t start_ns = s->model->start(s->state, outlook, job, now_ns);
    promise(s, start_ns >= now_ns, "a start in the past", now_ns, start_ns);
    promise(s, start_ns - now_ns <= spare_ns, "a start beyond the limit", now_ns, start_ns);
    return start_ns;
}

static int64_t ask_stop(struct shifting *s, const struct outlook *outlook, const struct shift_job *job,
                        int64_t now_ns) {
    if (s->model->stop == NULL) return TICK_NEVER;
    const int64_t stop_ns = s->model->stop(s->state, outlook, job, now_ns);
    promise(s, stop_ns > now_ns, "a stop that is not ahead", now_ns, stop_ns);
    promise(s, job->waited_ns < job->wait_ns || stop_ns == TICK_NEVER, "a stop though the limit is spent", now_ns,
            stop_ns);
    return stop_ns;
}

struct lone_run shifting_run(struct shifting *s, const struct outlook *outlook, const struct lone_job *job,
                             struct lone_piece *pieces, unsigned pieces_most) {
    struct lone_run run = {.end_ns = job->submit_ns};
    for (int64_t ran_ns = 0, now_ns = job->submit_ns; ran_ns < job->run_ns; now_ns = run.end_ns) {
        promise(s, run.pieces < PIECES_MOST, "a job that gets nowhere", now_ns, now_ns);
        const struct shift_job held = view(job, now_ns, ran_ns);
        now_ns = ask_start(s, outlook, &held, now_ns) + job->late_ns;
        if (run.pieces == 0) run.start_ns = now_ns;
        const struct shift_job begun = view(job, now_ns, ran_ns);
        const int64_t stop_ns = ask_stop(s, outlook, &begun, now_ns), through_ns = now_ns + job->run_ns - ran_ns;
        run.end_ns = stop_ns < through_ns ? stop_ns : through_ns;
        run.paid += signal_sum(outlook->truth, now_ns, run.end_ns);
        if (pieces && run.pieces < pieces_most) pieces[run.pieces] = (struct lone_piece){now_ns, run.end_ns};
        run.pieces++;
        ran_ns += run.end_ns - now_ns;
    }
    return run;
}
