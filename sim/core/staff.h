/*
 * Staff: what holds part of the fleet without being a job. Replicas of services and workers of pipelines have records
 * at the end of the run's own job table, services' first; they wait, run, are preempted and fail like jobs, and are
 * counted as jobs nowhere. Here is what the engine asks of either, whichever it is. Private to sim/core.
 */
#ifndef HEADROOM_CORE_STAFF_H
#define HEADROOM_CORE_STAFF_H

#include "core/engine.h"

/* How many records they need. */
size_t staff_records(const struct setup *setup);
/* Tenants, classes and shapes of theirs, beside those of the jobs; then their records, after the jobs'. */
void staff_bind(struct sched *s);
void staff_add(struct sched *s);
/* Whether there is a place for each, and their numbers make sense. */
bool staff_check(struct sched *s, struct err *err);
/* Opens what the setup has: s->services, s->flows. */
void staff_open(struct sched *s);
void staff_close(struct sched *s);

void staff_begin(struct sched *s);                      /* at time 0 */
void staff_edge(struct sched *s);                       /* the window opens or closes now */
bool staff_over(const struct sched *s);                 /* nothing more will come of them */
void staff_started(struct sched *s, uint32_t slot);     /* it holds what it asked for */
void staff_stopped(struct sched *s, uint32_t slot);     /* it is about to lose it, and will stand in line again */
int64_t staff_start_ns(const struct sched *s, uint32_t job); /* from then until it works */
/* Of what a slot was charged for so long, inside the window. */
void staff_charge(struct sched *s, uint32_t job, const struct bill *bill, double ns);
/* What each pipeline did, into the result and its tallies, and all of them together, which becomes the run's. */
void staff_tally(struct sched *s, struct result *result, struct tally *run, struct tally *pipelines);

#endif
