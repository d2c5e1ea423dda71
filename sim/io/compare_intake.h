/*
 * What compare.c and compare_key.c share: the runs of a comparison while it is being read. Private to them.
 */
#ifndef HEADROOM_IO_COMPARE_INTAKE_H
#define HEADROOM_IO_COMPARE_INTAKE_H

#include "io/compare.h"
#include "io/setting.h"

#include <string.h>

/* A run as it was read. */
struct taken {
    int64_t id;
    const char *scenario, *name, *title, *baseline, *work_unit, *version;
    uint64_t seed, trace_hash, rest, factors;
    struct setting own, base;
    const char *label;
    size_t group, seed_at;
    bool counts, older; /* older: it was made again later */
    double *value; /* parallel to result_metrics */
};

struct texts {
    const char **at;
    size_t len, cap;
};

struct intake {
    struct compare *c;
    const struct compare_wish *wish;
    struct err *err;
    struct setting_reader reader;
    struct taken *runs;
    size_t len;
    struct texts varying;      /* paths, sorted, in which runs differ */
    struct texts varying_base; /* the same without what runs set themselves */
    struct texts rest;         /* paths outside the key in which runs differ */
    struct texts notes;
    bool by_run, several_scenarios;
    const char *prefix; /* of the key's paths; of no use by run */
};

static inline bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

/* A finding; false. */
bool intake_refuse(struct intake *in, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "a, b, c and 4 more"; free(). */
char *texts_listed(const struct texts *texts, size_t most);
/* Sorted lists, each text once. */
void texts_insert(struct texts *texts, const char *text);
bool texts_have(const struct texts *texts, const char *wanted);
/* A text's bytes with its end; NULL is a value too. */
uint64_t texts_hash(uint64_t hash, const char *text);

/* compare_key.c: the key and what is left beside it; then the groups, the baseline first, and every run's. */
bool intake_key(struct intake *in);
bool intake_groups(struct intake *in);

#endif
