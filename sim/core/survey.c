/*
 * The survey asks the world the questions the event loop asks at each arrival (where could this job ever run,
 * and does its tenant's quota hold it?), for every job, without running anything. Its answer is therefore the
 * run's: a job counted impossible here is refused there.
 *
 * Cost: what opening a world costs, plus jobs x regions look-ups (a shape is judged once a domain).
 */
#include "core/survey.h"

#include "base/mem.h"
#include "base/tick.h"
#include "core/engine.h"

#include <stdlib.h>

static void add_domains(struct survey *survey, const struct world *w) {
    const struct fleet *f = &w->fleet;
    survey->domains_len = f->domains_len;
    survey->domains = mem_zero(f->domains_len + 1, sizeof *survey->domains);
    for (uint32_t d = 0; d < f->domains_len; d++) {
        const struct domain *from = &f->domains[d];
        const bool shared = from->tenant == SETUP_SHARED;
        survey->domains[d] = (struct survey_domain){
            .region = w->setup->regions[from->region].name,
            .tenant = shared ? NULL : w->setup->tenants[from->tenant].name,
            .nodes = from->nodes,
            .gpus = (double)from->capacity_milli / 1000,
        };
        survey->gpus += survey->domains[d].gpus;
    }
}

/* shape_slot: per shape, its row among the impossible, or FLEET_NONE. */
static void add_impossible(struct survey *survey, const struct jobs *trace, uint32_t job,
                           uint32_t *shape_slot) {
    const uint32_t shape = trace->at[job].shape;
    survey->impossible_jobs++;
    if (shape_slot[shape] == FLEET_NONE) {
        shape_slot[shape] = (uint32_t)survey->impossible_len;
        survey->impossible[survey->impossible_len++] =
            (struct survey_impossible){.shape = trace->shapes.at[shape], .first = job};
    }
    survey->impossible[shape_slot[shape]].jobs++;
}

/* Counts the job where it could run; false when that is nowhere. */
static bool add_job(struct survey *survey, struct sched *s, uint32_t job, uint32_t *found) {
    const struct world *w = &s->world;
    const struct job *j = &w->jobs.at[job];
    const struct holding *h = &w->tenants[j->tenant];
    const size_t regions = w->setup->regions_len;
    const uint32_t gpu_milli = shape_gpu_milli(world_shape(w, job));
    size_t count = 0;
    for (uint32_t r = 0; r < regions; r++)
        if (sched_may(s, job, r)) found[count++] = w->domain_of[j->tenant * regions + r];
    if (count == 0 || (h->quota_kind == QUOTA_HARD && gpu_milli > h->quota_milli)) return false;
    const bool endless = j->run_ns >= TICK_NEVER;
    const double gpu_h = endless ? 0 : tick_hours(j->run_ns) * gpu_milli / 1000;
    survey->endless += endless;
    survey->gpu_h += gpu_h;
    for (size_t i = 0; i < count; i++) {
        struct survey_domain *to = &survey->domains[found[i]];
        *(count == 1 ? &to->only_jobs : &to->also_jobs) += 1;
        *(count == 1 ? &to->only_gpu_h : &to->also_gpu_h) += gpu_h;
    }
    return true;
}

static int more_jobs(const void *a, const void *b) {
    const struct survey_impossible *x = a, *y = b;
    if (x->jobs != y->jobs) return x->jobs > y->jobs ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static void survey_jobs(struct survey *survey, struct sched *s, const struct jobs *trace) {
    const size_t shapes = trace->shapes.len;
    uint32_t *shape_slot = mem_alloc((shapes + 1) * sizeof *shape_slot);
    uint32_t *found = mem_alloc((s->setup->regions_len + 1) * sizeof *found);
    for (size_t i = 0; i < shapes; i++) shape_slot[i] = FLEET_NONE;
    survey->impossible = mem_zero(shapes + 1, sizeof *survey->impossible);
    survey->jobs = trace->len;
    for (uint32_t j = 0; j < trace->len; j++)
        if (!add_job(survey, s, j, found)) add_impossible(survey, trace, j, shape_slot);
    if (trace->len > 0)
        survey->span_h = tick_hours(trace->at[trace->len - 1].submit_ns - trace->at[0].submit_ns);
    qsort(survey->impossible, survey->impossible_len, sizeof *survey->impossible, more_jobs);
    free(found);
    free(shape_slot);
}

bool run_survey(const struct setup *setup, const struct jobs *trace, struct survey *survey, struct err *err) {
    struct sched s;
    *survey = (struct survey){0};
    const bool ready = world_open(&s, setup, trace, NULL, err);
    if (ready) {
        add_domains(survey, &s.world);
        survey_jobs(survey, &s, trace);
    }
    if (s.group_of) free(s.world.jobs.shapes.at); /* the records are the trace's */
    world_close(&s);
    return ready;
}

void survey_free(struct survey *survey) {
    free(survey->domains);
    free(survey->impossible);
    *survey = (struct survey){0};
}
