/*
 * The demand: jobs, as a table of cache-line records sorted by submit time, plus columns that only some
 * traces have.
 *
 * A job asks for a shape: whole GPUs, or a share of one device, or none; CPU cores and memory for the
 * whole job (a job on several nodes splits them in proportion to the GPUs taken on each); and the GPU
 * models it accepts. Equal shapes are stored once.
 *
 * Invariants after jobs_sort: submit_ns ascending, ties in the order they were added; every index below
 * its table's length; run_ns >= 0; estimate_ns >= 0.
 */
#ifndef HEADROOM_CORE_JOB_H
#define HEADROOM_CORE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOB_NONE UINT32_MAX
enum { JOB_MODELS_MOST = 64 };        /* GPU models named in one trace, or in one scenario */
#define JOB_ANY_MODEL UINT64_MAX
#define JOB_NOT_YET INT64_MIN          /* start_ns, end_ns: has not happened */
#define JOB_REFUSED (INT64_MIN + 1)    /* start_ns: no node of the fleet could ever hold it */
#define JOB_UNKNOWN INT64_MIN          /* deadline_ns, origin: not given */

struct job {
    int64_t submit_ns;   /* from the run's origin */
    int64_t run_ns;      /* time it holds its GPUs when undisturbed */
    int64_t estimate_ns; /* what the scheduler believes run_ns to be; 0 in a trace without estimates */
    int64_t start_ns;    /* first start, or JOB_NOT_YET, JOB_REFUSED */
    int64_t end_ns;      /* completion, or JOB_NOT_YET */
    int64_t left_ns;     /* still to run, restart cost not counted; brought up to date when it stops */
    uint32_t shape;
    uint32_t next;       /* link of the waiting list it is in */
    uint16_t tenant;
    uint16_t class_id;
    float utilisation;   /* of the GPUs it holds, 0..1; power and used GPU-hours follow it */
};
_Static_assert(sizeof(struct job) == 64, "a job is one cache line");

struct shape {
    uint32_t gpus;        /* whole devices; 0 with share_milli == 0: a CPU-only job */
    uint32_t share_milli; /* 1..999: a share of one device (then gpus == 0); else 0 */
    uint32_t cpu_milli;   /* thousandths of a core, whole job */
    uint32_t mem_mib;     /* whole job */
    uint64_t models;      /* bit i: accepts model i; JOB_ANY_MODEL: any */
};
static inline uint32_t shape_gpu_milli(const struct shape *s) { return s->gpus * 1000 + s->share_milli; }

/* A table of distinct texts: index <-> name, index by first appearance. */
struct names {
    char **at;
    size_t len, cap;
    uint32_t *slots; /* open addressing over at; size a power of two */
    size_t slots_len;
};
void names_init(struct names *names);
void names_free(struct names *names);
uint32_t names_put(struct names *names, const char *text, size_t len); /* finds or adds */
uint32_t names_find(const struct names *names, const char *text);      /* UINT32_MAX: absent */

struct jobs {
    struct job *at;
    size_t len, cap;
    struct {
        struct shape *at;
        size_t len, cap;
    } shapes;
    uint32_t *shape_slots; /* hash of shapes */
    size_t shape_slots_len;
    struct names tenants, classes, users, models;

    /* Columns parallel to `at`; NULL when the trace has none. */
    uint32_t *id_at;      /* offset of the job's id in ids; ids stay text */
    int32_t *priority;    /* larger goes first */
    int64_t *deadline_ns; /* absolute, JOB_UNKNOWN where a job has none */
    double *work;         /* units of work; NAN where not given */
    uint32_t *user;       /* index into users; JOB_NONE where not given */
    int64_t *wait_ns;     /* how long it waited where it was recorded, to compare with; JOB_UNKNOWN */
    char *ids;            /* NUL-separated */
    size_t ids_len, ids_cap;

    bool has_estimates;   /* estimate_ns was given */
    int64_t origin_unix_ns; /* calendar time of submit 0, or JOB_UNKNOWN */
};
enum { JOBS_IDS = 1, JOBS_PRIORITY = 2, JOBS_DEADLINE = 4, JOBS_WORK = 8, JOBS_USER = 16, JOBS_WAIT = 32 };

/* columns: which of the optional ones to keep. Tenant 0 and class 0 are named "default". */
void jobs_init(struct jobs *jobs, unsigned columns);
void jobs_free(struct jobs *jobs);
uint32_t jobs_shape(struct jobs *jobs, const struct shape *shape);
/* Adds a job with everything zero (utilisation 1, optional columns at their "unknown"); returns its index. */
uint32_t jobs_add(struct jobs *jobs);
/* Copies `len` bytes as the id of job j; only with JOBS_IDS. */
void jobs_set_id(struct jobs *jobs, uint32_t j, const char *id, size_t len);
const char *jobs_id(const struct jobs *jobs, uint32_t j); /* "" when the trace has none */
/* Calls visit (may be NULL) with every job whose id an earlier row has, and the first such row; returns how
 * many there are. Jobs without an id do not count. */
size_t jobs_duplicate_ids(const struct jobs *jobs, void (*visit)(void *context, uint32_t job, uint32_t first),
                          void *context);
/* Stable sort by submit_ns of the table and all its columns. O(n) when sorted. */
void jobs_sort(struct jobs *jobs);
/* Hash of what the jobs are, in order, whatever the numbering of shapes and names. O(n). */
uint64_t jobs_hash(const struct jobs *jobs);
/* Removes the jobs for which keep[j] is false; order stays. */
void jobs_filter(struct jobs *jobs, const bool *keep);

#endif
