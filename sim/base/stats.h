/*
 * Statistics: exact quantiles by selection, moments, intervals, queueing closed forms.
 * Quantile definition: type 7 of Hyndman & Fan 1996 (linear interpolation, as in NumPy and R).
 */
#ifndef HEADROOM_BASE_STATS_H
#define HEADROOM_BASE_STATS_H

#include <stddef.h>
#include <stdint.h>

struct stats_summary {
    uint64_t count;
    double mean, sd, least, p50, p90, p95, p99, most; /* all 0 when count is 0 */
};
/* Reorders values (introselect, expected O(n)). Unit of the result = unit of the values. */
struct stats_summary stats_summarise(double *values, size_t count);
/* q in 0..1; reorders values; 0 for an empty array. */
double stats_quantile(double *values, size_t count, double q);

/* Half width of the two-sided confidence interval of a mean (Student t). level e.g. 0.99. */
double stats_t_half_width(double sd, size_t count, double level);
/* How far the mean of so many values may lie on one side: the one-sided bound of a mean at this level (Student t). */
double stats_t_bound(double sd, size_t count, double level);
/* One-sided Clopper-Pearson bounds of a probability, of `hits` in `count` trials: each holds at this level. */
double stats_binomial_least(size_t hits, size_t count, double level);
double stats_binomial_most(size_t hits, size_t count, double level);
/* The standard normal distribution's value at p in (0, 1). */
double stats_normal_quantile(double p);

/* Mean wait in queue in service-time units of M/M/c: Erlang C. rho = load per server, < 1. */
double stats_mmc_wait(unsigned servers, double rho);
/* Probability that a wait in queue exceeds `wait` (in service-time units): Erlang C x exp(-(servers - load) wait). */
double stats_mmc_wait_exceeds(unsigned servers, double rho, double wait);
/* Mean wait of M/G/1 (Pollaczek-Khinchine). arrival rate, mean and second moment of service. */
double stats_mg1_wait(double rate, double mean, double second_moment);

#endif
