/*
 * Runs of a results file compared by groups: what their means are, how sure that is, and which differences
 * are more than chance.
 *
 * A group holds the runs that are alike in a key (a policy, a run's name, a path of the scenario). Its
 * replications are its runs of different seeds. Where runs of a group differ in more than the seed, a
 * replication is the mean over those settings that all groups have, each once. Differences are between
 * replications of the same seed, which saw the same random draws (common random numbers); without common
 * seeds, between independent means.
 */
#ifndef HEADROOM_IO_COMPARE_H
#define HEADROOM_IO_COMPARE_H

#include "base/err.h"
#include "base/infer.h"
#include "base/mem.h"
#include "core/result.h"
#include "io/store.h"
#include "io/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { COMPARE_PARETO_MOST = 3 };

struct compare_wish {
    /* "run", "policy", one of its models ("order") or a path; NULL: what differs */
    const char *by;
    /* label of a group, or name of a run in it; NULL: the scenario's, else the first */
    const char *baseline;
    const char *const *metrics; /* names; none: the usual ones, where they say something */
    size_t metrics_len;
    const char *pareto;         /* "a,b" or "a,b,c"; NULL: cost, emissions and completion time */
    double level;               /* of intervals, and 1 - that of tests */
};

enum compare_verdict {
    COMPARE_UNKNOWN, /* too few replications to say */
    COMPARE_UNCLEAR, /* the difference may be chance */
    COMPARE_SAME,    /* there is none */
    COMPARE_BETTER,
    COMPARE_WORSE,
    COMPARE_OTHER    /* more than chance, in a metric of which neither more nor less is better */
};
extern const char *const compare_verdicts[];

/* A metric of a group. */
struct compare_cell {
    double *values;         /* by seed, NAN: none; compare.seeds_len of them */
    struct infer_mean own;
    /* Against the baseline; NAN in the baseline itself. */
    bool paired;
    size_t pairs;
    double difference, relative; /* relative: to the size of the baseline's mean */
    struct infer_span t, boot;   /* of the difference; boot: paired ones alone */
    double p, p_wilcoxon, p_holm;
    enum compare_verdict verdict;
};

struct compare_group {
    const char *label;
    size_t replications;
    bool efficient; /* on the Pareto front of the means */
};

struct compare_metric {
    const struct metric *metric;
    size_t lead; /* the group with the best mean; groups_len: none, or neither way is better */
    double p;    /* that the lead is no better than every other group, corrected for choosing it, by Holm too */
    bool won;
};

/* A run that counts. */
struct compare_run {
    int64_t id;
    size_t group, seed;
    uint64_t rest;
};

/* Where runs differ in two paths alone, each with several values: the means by both. Elsewhere len[0] is 0. */
struct compare_grid {
    const char *path[2];
    const char **label[2];
    size_t len[2];
    double *mean; /* [(metric * len[0] + row) * len[1] + column]; NAN: no run */
};

struct compare {
    struct arena arena; /* of everything below */
    const char *title, *by;
    double level;
    struct compare_group *groups; /* the baseline first */
    size_t groups_len;
    struct compare_metric *metrics; /* those shown, then those of the Pareto front alone */
    size_t metrics_len, metrics_all;
    struct compare_cell *cells; /* [metric * groups_len + group] */
    uint64_t *seeds;
    size_t seeds_len;
    size_t settings; /* that every replication is a mean of */
    size_t tests;    /* that Holm's correction is over */
    size_t pareto[COMPARE_PARETO_MOST], pareto_len; /* indices of metrics */
    struct compare_run *runs;
    size_t runs_len;
    const char **notes; /* what the reader must know */
    size_t notes_len;
    struct compare_grid grid;
};

/* The complete runs among ids. false: findings in err, and there is nothing to free. */
bool compare_read(struct compare *compare, struct store *store, const int64_t *ids, size_t count,
                  const struct compare_wish *wish, struct err *err);
void compare_free(struct compare *compare);

/* Whether some group has more than one replication. */
bool compare_replicated(const struct compare *compare);
const struct compare_cell *compare_cell(const struct compare *compare, size_t metric, size_t group);

/* compare_stats.c: fills everything that follows from the cells' values. */
void compare_infer(struct compare *compare);

/* compare_grid.c: the grid of runs by what they have at two paths; values parallel to metrics. */
struct compare_point {
    const char *at[2];
    const double *value; /* parallel to result_metrics */
};
void compare_arrange(struct compare *compare, const char *const path[2], const struct compare_point *points,
                     size_t count);

/* --- pages --- */

/* A metric's numbers: one unit, but a difference has decimals of its own, since it may be far smaller. */
struct compare_scales {
    struct table_scale mean, change;
};
struct compare_scales compare_scales(const struct compare *compare, size_t metric);

enum compare_format {
    COMPARE_TEXT, COMPARE_CSV, COMPARE_MARKDOWN, COMPARE_LATEX, COMPARE_JSON, COMPARE_FORMATS,
    COMPARE_HTML = COMPARE_FORMATS /* a part of the report's page: not for the command line */
};
extern const char *const compare_formats[COMPARE_FORMATS];
void compare_print(const struct compare *compare, enum compare_format format, FILE *to);
void compare_json(const struct compare *compare, FILE *to);
void compare_csv(const struct compare *compare, FILE *to);

/* Bars with intervals, curves of waits, the Pareto front and heat maps into the folder, made when missing;
 * scripts: where the *.gp are. false: *why (free()) says what is wrong. */
bool compare_draw(const struct compare *compare, struct store *store, const char *folder, const char *scripts,
                  char **why);

#endif
