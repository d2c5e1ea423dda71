/*
 * Random numbers: named streams over GSL, so that two policies see the same demand (common random
 * numbers). A stream's seed is mixed from the run's seed, the stream's name and an index; streams are
 * independent of the order in which they are opened. The generator is GSL's mt19937 seeded through
 * splitmix64; distributions are GSL's. All draws happen before the event loop, except for a model that
 * owns a stream of its own (random placement).
 */
#ifndef HEADROOM_BASE_RNG_H
#define HEADROOM_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng;
struct rng *rng_open(uint64_t seed, const char *stream, uint64_t index);
void rng_close(struct rng *rng);

double rng_uniform(struct rng *rng);                                /* [0, 1) */
uint64_t rng_below(struct rng *rng, uint64_t n);                    /* 0..n-1, unbiased; n >= 1 */
double rng_exponential(struct rng *rng, double mean);
double rng_normal(struct rng *rng, double mean, double sd);
double rng_lognormal(struct rng *rng, double mu, double sigma);     /* of the logarithm */
double rng_weibull(struct rng *rng, double scale, double shape);
double rng_gamma(struct rng *rng, double shape, double scale);
/* Bounded Pareto on [low, high] by inversion; alpha > 0. */
double rng_bounded_pareto(struct rng *rng, double alpha, double low, double high);
/* Fisher-Yates on an array of uint32_t. */
void rng_shuffle(struct rng *rng, uint32_t *at, size_t count);

/* The first `points` points of the Sobol sequence in `dims` dimensions (at most 40), each coordinate in (0, 1):
 * at[i * dims + d]. The origin, which the sequence begins with, is left out. */
void rng_sobol(double *at, size_t points, size_t dims);

/* Alias table for drawing from fixed weights in O(1). weights: count of them, >= 0, not all 0. */
struct rng_choice;
struct rng_choice *rng_choice_open(const double *weights, size_t count);
void rng_choice_close(struct rng_choice *choice);
size_t rng_choose(struct rng *rng, const struct rng_choice *choice);

#endif
