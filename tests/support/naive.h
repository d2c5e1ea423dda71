/* A second scheduler, deliberately naive, to hold the first one against: see naive.c. */
#ifndef HEADROOM_TESTS_SUPPORT_NAIVE_H
#define HEADROOM_TESTS_SUPPORT_NAIVE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum naive_order { NAIVE_FIFO, NAIVE_SJF };
enum naive_backfill { NAIVE_NONE, NAIVE_EASY, NAIVE_CONSERVATIVE };

struct naive_job {
    int64_t submit_ns, run_ns, estimate_ns; /* an estimate below the run time counts as the run time */
    uint32_t size;                          /* processors, at most the machine's */
    int64_t start_ns;                       /* the answer */
};

/* jobs ascend by submit_ns; their index is their row. */
void naive_schedule(struct naive_job *jobs, size_t count, uint32_t processors, enum naive_order order,
                    enum naive_backfill backfill);
/* The case as text, a line a job, for a failure's message. */
void naive_print(FILE *to, const struct naive_job *jobs, size_t count, uint32_t processors);

#endif
