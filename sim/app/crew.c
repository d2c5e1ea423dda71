/*
 * See crew.h. Tasks pass through a ring of slots, four a thread: a thread takes the next index when its slot is
 * free, and the calling thread empties the slots in order. A thread that is far ahead therefore waits, which bounds
 * the results held in memory whatever the number of tasks.
 *
 * Invariant, under the lock: delivered <= next <= delivered + slots, and slot i % slots belongs to task i from
 * the moment it is taken until it is delivered. Cost: two passages of one lock a task.
 */
#include "app/crew.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS_A_THREAD = 4 };

struct slot {
    struct crew_task task;
    bool ended;             /* under the lock */
    _Atomic int64_t now_ns; /* these three are for the progress line only */
    _Atomic uint64_t events;
    _Atomic double done;
};

struct work {
    const struct crew *crew;
    struct slot *slots;
    size_t slots_len, next, delivered;
    uint64_t events; /* of delivered tasks */
    bool enough;     /* no more are to be taken */
    pthread_mutex_t lock;
    pthread_cond_t moved; /* a task ended, or was delivered */
};

static struct slot *slot_of(const struct work *work, size_t index) {
    return &work->slots[index % work->slots_len];
}

/* --- threads --- */

static void say_progress(void *context, int64_t now_ns, uint64_t events, double done) {
    struct slot *slot = context;
    atomic_store_explicit(&slot->now_ns, now_ns, memory_order_relaxed);
    atomic_store_explicit(&slot->events, events, memory_order_relaxed);
    atomic_store_explicit(&slot->done, done, memory_order_relaxed);
}

static void simulate(const struct crew *crew, struct slot *slot) {
    struct crew_task *task = &slot->task;
    const struct run_options options = {.job_results = crew->job_results,
                                        .bins = crew->bins,
                                        .consume = task->alone ? task->jobs : NULL,
                                        .progress = say_progress,
                                        .context = slot};
    const double begun_s = progress_clock_s();
    task->refused = !run_simulate(task->setup, task->jobs, &options, &task->result, &task->err);
    task->wall_s = progress_clock_s() - begun_s;
}

static void *worker(void *context) {
    struct work *work = context;
    const struct crew *crew = work->crew;
    pthread_mutex_lock(&work->lock);
    for (;;) {
        while (!work->enough && work->next < crew->tasks && work->next == work->delivered + work->slots_len)
            pthread_cond_wait(&work->moved, &work->lock);
        if (work->enough || work->next == crew->tasks) break;
        const size_t index = work->next++;
        struct slot *slot = slot_of(work, index);
        pthread_mutex_unlock(&work->lock);
        err_init(&slot->task.err);
        slot->task.refused = !crew->prepare(crew->context, index, &slot->task);
        if (!slot->task.refused) simulate(crew, slot);
        pthread_mutex_lock(&work->lock);
        slot->ended = true;
        pthread_cond_broadcast(&work->moved);
    }
    pthread_mutex_unlock(&work->lock);
    return NULL;
}

static pthread_t *start_workers(struct work *work, size_t count) {
    pthread_t *threads = mem_alloc(count * sizeof *threads);
    for (size_t i = 0; i < count; i++) {
        const int error = pthread_create(&threads[i], NULL, worker, work);
        if (error != 0) die("cannot start a thread: %s", strerror(error));
    }
    return threads;
}

/* --- the calling thread --- */

static void draw(const struct work *work) {
    const size_t tasks = work->crew->tasks;
    struct progress_state state = {.runs = tasks, .runs_done = work->delivered, .events = work->events,
                                   .done = (double)work->delivered / (double)tasks};
    bool earliest = true;
    for (size_t i = work->delivered; i < work->next; i++) {
        const struct slot *slot = slot_of(work, i);
        const double done = atomic_load_explicit(&slot->done, memory_order_relaxed);
        state.events += atomic_load_explicit(&slot->events, memory_order_relaxed);
        state.done += (slot->ended ? 1 : done) / (double)tasks;
        if (earliest && !slot->ended) {
            state.now_ns = atomic_load_explicit(&slot->now_ns, memory_order_relaxed);
            earliest = false;
        }
    }
    progress_draw(work->crew->progress, &state);
}

static bool has_ended(const struct work *work, size_t index) {
    return index < work->next && slot_of(work, index)->ended;
}

/* Waits until the task has ended, redrawing meanwhile when there is someone to see it. Under the lock. */
static void await(struct work *work, size_t index) {
    const struct crew *crew = work->crew;
    const struct progress *progress = crew->progress;
    if (!has_ended(work, index) && crew->idle != NULL) {
        pthread_mutex_unlock(&work->lock);
        crew->idle(crew->context);
        pthread_mutex_lock(&work->lock);
    }
    while (!has_ended(work, index)) {
        if (progress == NULL || !progress->shown) {
            pthread_cond_wait(&work->moved, &work->lock);
            continue;
        }
        draw(work);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000;
        }
        pthread_cond_timedwait(&work->moved, &work->lock, &until);
    }
}

/* Empties the slot for the next task. Under the lock. */
static void empty(struct work *work, struct slot *slot) {
    work->events += atomic_load_explicit(&slot->events, memory_order_relaxed);
    result_free(&slot->task.result);
    err_free(&slot->task.err);
    memset(slot, 0, sizeof *slot);
}

static void deliver_all(struct work *work) {
    const struct crew *crew = work->crew;
    pthread_mutex_lock(&work->lock);
    while (work->delivered < crew->tasks && !work->enough) {
        const size_t index = work->delivered;
        struct slot *slot = slot_of(work, index);
        await(work, index);
        pthread_mutex_unlock(&work->lock);
        const bool more = crew->deliver(crew->context, index, &slot->task);
        pthread_mutex_lock(&work->lock);
        empty(work, slot);
        work->delivered++;
        if (!more) work->enough = true;
        pthread_cond_broadcast(&work->moved);
    }
    pthread_mutex_unlock(&work->lock);
}

size_t crew_threads(uint64_t wanted, size_t tasks) {
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t most = wanted > 0 ? (size_t)wanted : processors > 0 ? (size_t)processors : 1;
    return most < tasks ? most : tasks > 0 ? tasks : 1;
}

size_t crew_run(const struct crew *crew) {
    struct work work = {.crew = crew, .slots_len = crew->threads * SLOTS_A_THREAD};
    work.slots = mem_zero(work.slots_len, sizeof *work.slots);
    pthread_mutex_init(&work.lock, NULL);
    pthread_cond_init(&work.moved, NULL);
    pthread_t *workers = start_workers(&work, crew->threads);
    deliver_all(&work);
    for (size_t i = 0; i < crew->threads; i++) pthread_join(workers[i], NULL);
    for (size_t i = work.delivered; i < work.next; i++) {
        struct slot *slot = slot_of(&work, i);
        if (crew->drop != NULL) crew->drop(crew->context, i, &slot->task);
        empty(&work, slot);
    }
    pthread_cond_destroy(&work.moved);
    pthread_mutex_destroy(&work.lock);
    free(workers);
    free(work.slots);
    return work.delivered;
}
