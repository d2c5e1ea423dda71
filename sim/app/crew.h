/*
 * A crew simulates runs on threads and hands the results back in order. Whoever has runs to make (a scenario's
 * runs, a sweep, a search) says how many there are, how each is made ready, and what becomes of its result:
 *
 *   static bool prepare(void *context, size_t index, struct crew_task *task) {
 *       task->setup = ...; task->jobs = ...;
 *       return true;
 *   }
 *   static bool deliver(void *context, size_t index, struct crew_task *task) {
 *       if (task->refused) ... task->err ... else ... task->result ...
 *       return true;
 *   }
 *   struct crew crew = {.tasks = n, .threads = crew_threads(wanted, n), .prepare = prepare, .deliver = deliver,
 *                       .context = &own};
 *   crew_run(&crew);
 *
 * deliver is called on the calling thread alone, for task 0, 1, 2, ..., whatever the number of threads: what it does
 * does not depend on it. prepare is called on the threads, several at once, each index once, begun in order.
 */
#ifndef HEADROOM_APP_CREW_H
#define HEADROOM_APP_CREW_H

#include "app/progress.h"
#include "base/err.h"
#include "core/world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crew_task {
    /* By prepare. They must live until deliver has returned. */
    const struct setup *setup;
    struct jobs *jobs; /* read only, unless alone */
    bool alone;        /* no other run needs the jobs: this one uses them up (world.h, consume) */
    void *own;         /* for deliver */
    /* By the crew. prepare, too, may add findings to err; it then returns false. */
    bool refused;         /* err says why; there is no result */
    struct err err;       /* freed after deliver */
    struct result result; /* freed after deliver */
    double wall_s;        /* of the simulation alone */
};

struct crew {
    size_t tasks, threads;
    bool job_results;
    uint32_t bins;
    bool (*prepare)(void *context, size_t index, struct crew_task *task);
    bool (*deliver)(void *context, size_t index, struct crew_task *task); /* false: that is enough, stop */
    void (*drop)(void *context, size_t index, struct crew_task *task); /* made ready, not delivered; may be NULL */
    void (*idle)(void *context); /* on the calling thread, when there is nothing to deliver yet; may be NULL */
    void *context;
    struct progress *progress; /* drawn meanwhile; NULL: none */
};

/* How many threads for so many tasks; wanted 0: one a processor. At least 1. */
size_t crew_threads(uint64_t wanted, size_t tasks);

/* Returns once every task was delivered, or deliver had enough: tasks still at work are then let end and dropped.
 * How many were delivered. */
size_t crew_run(const struct crew *crew);

#endif
