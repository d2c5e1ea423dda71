/*
 * Statistics (see stats.h).
 *
 * Quantiles by introselect (Musser 1997): quickselect with a median-of-three pivot and a three-way
 * partition, because waits are often mostly zeros; when it has cut badly too often, the rest is sorted.
 * Sums are compensated (Neumaier 1974): a mean of a hundred million waits keeps its digits.
 * Erlang C comes from Erlang B's recurrence, which only adds and divides positive numbers below 1 and so
 * neither overflows nor cancels at any number of servers (Jagerman 1974).
 * Cost: expected O(n), worst O(n log n); Erlang C O(servers).
 */
#include "base/stats.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"

static void swap(double *a, double *b) {
    double kept = *a;
    *a = *b;
    *b = kept;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median3(double a, double b, double c) {
    double least = a < b ? a : b, most = a < b ? b : a;
    return c < least ? least : c > most ? most : c;
}

/* Reorders values[from..end) so that values[k] is the one that sorting would put there, nothing greater
 * before it and nothing less after it. */
static void select_nth(double *values, size_t from, size_t end, size_t k) {
    int cuts = 0;
    for (size_t n = end - from; n > 1; n >>= 1) cuts += 2;
    while (end - from > 1) {
        if (cuts-- == 0) {
            qsort(values + from, end - from, sizeof *values, ascending);
            return;
        }
        double pivot = median3(values[from], values[from + (end - from) / 2], values[end - 1]);
        size_t less = from, at = from, more = end; /* [from,less) < pivot, [less,at) ==, [more,end) > */
        while (at < more) {
            if (values[at] < pivot) {
                swap(&values[at++], &values[less++]);
            } else if (values[at] > pivot) {
                swap(&values[at], &values[--more]);
            } else {
                at++;
            }
        }
        if (k < less) {
            end = less;
        } else if (k >= more) {
            from = more;
        } else {
            return;
        }
    }
}

/* The quantile q of all values, given that those before `from` are the least in any order. *from moves up
 * so that a greater quantile need not look at what this one has put aside. */
static double quantile_from(double *values, size_t count, double q, size_t *from) {
    double place = q * (double)(count - 1);
    size_t below = (size_t)place;
    if (below > count - 1) below = count - 1;
    select_nth(values, *from, count, below);
    *from = below;
    double part = place - (double)below;
    if (!(part > 0)) return values[below];
    double above = values[below + 1];
    for (size_t i = below + 2; i < count; i++) above = values[i] < above ? values[i] : above;
    return values[below] + part * (above - values[below]);
}

double stats_quantile(double *values, size_t count, double q) {
    require(q >= 0 && q <= 1);
    size_t from = 0;
    return count ? quantile_from(values, count, q, &from) : 0;
}

struct total {
    double sum, lost;
};

static void total_add(struct total *total, double value) {
    double sum = total->sum + value;
    bool larger = fabs(total->sum) >= fabs(value);
    total->lost += larger ? (total->sum - sum) + value : (value - sum) + total->sum;
    total->sum = sum;
}

static double total_of(struct total total) { return total.sum + total.lost; }

struct stats_summary stats_summarise(double *values, size_t count) {
    struct stats_summary s = {.count = count};
    if (!count) return s;
    struct total sum = {0}, squares = {0};
    s.least = s.most = values[0];
    for (size_t i = 0; i < count; i++) {
        require(!isnan(values[i]));
        total_add(&sum, values[i]);
        if (values[i] < s.least) s.least = values[i];
        if (values[i] > s.most) s.most = values[i];
    }
    s.mean = total_of(sum) / (double)count;
    for (size_t i = 0; i < count; i++) total_add(&squares, (values[i] - s.mean) * (values[i] - s.mean));
    if (count > 1) s.sd = sqrt(total_of(squares) / (double)(count - 1));
    size_t from = 0;
    s.p50 = quantile_from(values, count, 0.5, &from);
    s.p90 = quantile_from(values, count, 0.9, &from);
    s.p95 = quantile_from(values, count, 0.95, &from);
    s.p99 = quantile_from(values, count, 0.99, &from);
    return s;
}

double stats_t_bound(double sd, size_t count, double level) {
    require(level > 0 && level < 1);
    if (count < 2) return INFINITY; /* one value says nothing about its error */
    return gsl_cdf_tdist_Pinv(level, (double)(count - 1)) * sd / sqrt((double)count);
}

double stats_t_half_width(double sd, size_t count, double level) {
    require(level > 0 && level < 1);
    return stats_t_bound(sd, count, 0.5 + level / 2);
}

/* Clopper & Pearson 1934, by the beta distribution. */
double stats_binomial_least(size_t hits, size_t count, double level) {
    require(hits <= count && level > 0 && level < 1);
    return hits == 0 ? 0 : gsl_cdf_beta_Pinv(1 - level, (double)hits, (double)(count - hits) + 1);
}

double stats_binomial_most(size_t hits, size_t count, double level) {
    require(hits <= count && level > 0 && level < 1);
    return hits == count ? 1 : gsl_cdf_beta_Pinv(level, (double)hits + 1, (double)(count - hits));
}

double stats_normal_quantile(double p) {
    require(p > 0 && p < 1);
    return gsl_cdf_ugaussian_Pinv(p);
}

/* The probability that a job has to wait. */
static double erlang_c(unsigned servers, double rho) {
    require(servers >= 1 && rho >= 0 && rho < 1);
    double load = rho * servers, blocked = 1;
    for (unsigned k = 1; k <= servers; k++) blocked = load * blocked / (k + load * blocked);
    return blocked / (1 - rho * (1 - blocked));
}

double stats_mmc_wait(unsigned servers, double rho) { return erlang_c(servers, rho) / (servers * (1 - rho)); }

double stats_mmc_wait_exceeds(unsigned servers, double rho, double wait) {
    require(wait >= 0);
    return erlang_c(servers, rho) * exp(-servers * (1 - rho) * wait);
}

double stats_mg1_wait(double rate, double mean, double second_moment) {
    double rho = rate * mean;
    require(rho >= 0 && rho < 1);
    return rate * second_moment / (2 * (1 - rho));
}
