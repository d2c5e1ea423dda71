/* Runs on threads: each is made ready once, results arrive whole and in order on the thread that asked, whatever the
 * number of threads; what is taken on is bounded, a refusal reaches its own task alone, and enough is enough. */
#include "app/crew.h"

#include "base/tick.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

enum { TASKS = 200 };

/* Task i: i % 7 + 1 jobs of an hour, one after the other, on one GPU. */
struct ward {
    struct setup setup;
    struct jobs jobs[7];
    pthread_t caller;
    size_t dropped, stop_at, refuse_at;
    _Atomic size_t delivered, prepared, most_ahead;
    _Atomic size_t prepared_of[TASKS];
    uint64_t events;
};

static bool prepare(void *context, size_t index, struct crew_task *task) {
    struct ward *ward = context;
    atomic_fetch_add(&ward->prepared, 1);
    atomic_fetch_add(&ward->prepared_of[index], 1);
    const size_t ahead = index - ward->delivered;
    if (ahead > atomic_load(&ward->most_ahead)) atomic_store(&ward->most_ahead, ahead);
    task->setup = &ward->setup;
    task->jobs = &ward->jobs[index % 7];
    task->own = &ward->jobs[index % 7];
    return index != ward->refuse_at || err_add(&task->err, (struct place_in_file){0}, "task %zu is not wanted", index);
}

static bool deliver(void *context, size_t index, struct crew_task *task) {
    struct ward *ward = context;
    cr_assert(pthread_equal(pthread_self(), ward->caller));
    cr_assert_eq(index, ward->delivered, "tasks arrive in order");
    cr_assert_eq(task->own, &ward->jobs[index % 7]);
    if (index == ward->refuse_at) {
        cr_assert(task->refused);
        cr_assert_str_eq(task->err.lines[0], "task 199 is not wanted");
    } else {
        cr_assert_not(task->refused);
        cr_assert_eq(task->result.jobs->len, index % 7 + 1);
        /* One GPU, jobs of an hour submitted together: the last ends after as many hours as there are jobs. */
        cr_assert_eq(task->result.end_ns, (int64_t)(index % 7 + 1) * 3600 * TICK_S);
        ward->events += task->result.events;
    }
    ward->delivered++;
    return index != ward->stop_at;
}

static void drop(void *context, size_t index, struct crew_task *task) {
    struct ward *ward = context;
    cr_assert_eq(task->own, &ward->jobs[index % 7]);
    ward->dropped++;
}

static size_t work(struct ward *ward, size_t threads, size_t stop_at, size_t refuse_at) {
    *ward = (struct ward){.caller = pthread_self(), .stop_at = stop_at, .refuse_at = refuse_at};
    testing_setup(&ward->setup);
    testing_pool(&ward->setup, "a", 1, 1);
    for (size_t i = 0; i < 7; i++) {
        jobs_init(&ward->jobs[i], 0);
        for (size_t k = 0; k <= i; k++) testing_job(&ward->jobs[i], 0, 3600, 1);
        jobs_sort(&ward->jobs[i]);
    }
    const struct crew crew = {
        .tasks = TASKS, .threads = threads, .prepare = prepare, .deliver = deliver, .drop = drop, .context = ward};
    const size_t delivered = crew_run(&crew);
    for (size_t i = 0; i < 7; i++) jobs_free(&ward->jobs[i]);
    testing_setup_free(&ward->setup);
    return delivered;
}

Test(crew, every_task_arrives_once_and_in_order_on_any_number_of_threads) {
    static struct ward ward;
    uint64_t events = 0;
    static const size_t numbers[] = {1, 2, 4, 7};
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
        const size_t threads = numbers[n];
        cr_assert_eq(work(&ward, threads, SIZE_MAX, SIZE_MAX), TASKS);
        cr_assert_eq(ward.delivered, TASKS);
        cr_assert_eq(ward.dropped, 0);
        for (size_t i = 0; i < TASKS; i++) cr_assert_eq(ward.prepared_of[i], 1);
        cr_assert_lt(ward.most_ahead, 4 * threads, "results that wait are bounded");
        if (events == 0) events = ward.events;
        cr_assert_eq(ward.events, events);
    }
}

Test(crew, a_refused_task_is_told_and_the_others_go_on) {
    static struct ward ward;
    cr_assert_eq(work(&ward, 3, SIZE_MAX, 199), TASKS);
    cr_assert_eq(ward.delivered, TASKS);
}

Test(crew, enough_is_enough) {
    static struct ward ward;
    cr_assert_eq(work(&ward, 3, 20, SIZE_MAX), 21);
    cr_assert_eq(ward.delivered, 21);
    cr_assert_eq(ward.dropped, ward.prepared - 21);
    cr_assert_leq(ward.prepared, 21 + 3 * 4);
}

Test(crew, no_tasks_no_calls) {
    const struct crew crew = {.tasks = 0, .threads = crew_threads(4, 0), .prepare = prepare, .deliver = deliver};
    cr_assert_eq(crew_run(&crew), 0);
}

Test(crew, threads_are_no_more_than_tasks) {
    cr_expect_eq(crew_threads(8, 3), 3);
    cr_expect_eq(crew_threads(2, 30), 2);
    cr_expect_eq(crew_threads(5, 0), 1);
    cr_expect_geq(crew_threads(0, 1000), 1);
}
