/*
 * Random streams over GSL (see rng.h). A stream's seed is the splitmix64 chain over the run's seed, the
 * FNV-1a hash of the stream's name and the index: it depends on nothing else, in particular not on which
 * streams were opened before. GSL's mt19937 gives 32 bits a draw; where the resolution matters to us
 * (uniform, bounded Pareto) two draws make 53 bits. Cost: 10 ns a raw draw; 5 kB a stream.
 */
#include "base/rng.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_qrng.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

struct rng {
    gsl_rng *gsl;
};

struct rng_choice {
    gsl_ran_discrete_t *gsl;
};

/* By default GSL prints and aborts on errors that we check for ourselves. */
static void quiet_gsl(void) { gsl_set_error_handler_off(); }

static pthread_once_t quiet = PTHREAD_ONCE_INIT;

struct rng *rng_open(uint64_t seed, const char *stream, uint64_t index) {
    pthread_once(&quiet, quiet_gsl);
    uint64_t mixed = hash_mix(seed);
    mixed = hash_mix(mixed ^ hash_bytes(HASH_START, stream, strlen(stream)));
    mixed = hash_mix(mixed ^ index);
    struct rng *rng = mem_alloc(sizeof *rng);
    rng->gsl = gsl_rng_alloc(gsl_rng_mt19937);
    if (!rng->gsl) die("out of memory: cannot open the random stream '%s'", stream);
    gsl_rng_set(rng->gsl, (unsigned long)mixed);
    return rng;
}

void rng_close(struct rng *rng) {
    if (!rng) return;
    gsl_rng_free(rng->gsl);
    free(rng);
}

static uint64_t bits64(struct rng *rng) {
    uint64_t high = gsl_rng_get(rng->gsl);
    return high << 32 | gsl_rng_get(rng->gsl);
}

double rng_uniform(struct rng *rng) { return (double)(bits64(rng) >> 11) * 0x1p-53; }

uint64_t rng_below(struct rng *rng, uint64_t n) {
    require(n >= 1);
    uint64_t surplus = -n % n; /* 2^64 mod n: so many values would come up once too often */
    uint64_t bits = bits64(rng);
    while (bits < surplus) bits = bits64(rng);
    return bits % n;
}

double rng_exponential(struct rng *rng, double mean) { return gsl_ran_exponential(rng->gsl, mean); }

double rng_normal(struct rng *rng, double mean, double sd) {
    return mean + gsl_ran_gaussian_ziggurat(rng->gsl, sd);
}

double rng_lognormal(struct rng *rng, double mu, double sigma) {
    return gsl_ran_lognormal(rng->gsl, mu, sigma);
}

double rng_weibull(struct rng *rng, double scale, double shape) {
    return gsl_ran_weibull(rng->gsl, scale, shape);
}

double rng_gamma(struct rng *rng, double shape, double scale) {
    return gsl_ran_gamma(rng->gsl, shape, scale);
}

double rng_bounded_pareto(struct rng *rng, double alpha, double low, double high) {
    require(alpha > 0 && low > 0 && low <= high);
    double reach = 1 - pow(low / high, alpha);
    double x = low * pow(1 - rng_uniform(rng) * reach, -1 / alpha);
    return x < high ? x : high; /* the powers may round past the end */
}

void rng_shuffle(struct rng *rng, uint32_t *at, size_t count) {
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)rng_below(rng, i);
        uint32_t swapped = at[i - 1];
        at[i - 1] = at[j];
        at[j] = swapped;
    }
}

struct rng_choice *rng_choice_open(const double *weights, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        require(weights[i] >= 0);
        sum += weights[i];
    }
    require(sum > 0 && isfinite(sum));
    struct rng_choice *choice = mem_alloc(sizeof *choice);
    choice->gsl = gsl_ran_discrete_preproc(count, weights);
    if (!choice->gsl) die("out of memory: cannot prepare a choice among %zu", count);
    return choice;
}

void rng_choice_close(struct rng_choice *choice) {
    if (!choice) return;
    gsl_ran_discrete_free(choice->gsl);
    free(choice);
}

size_t rng_choose(struct rng *rng, const struct rng_choice *choice) {
    return gsl_ran_discrete(rng->gsl, choice->gsl);
}

void rng_sobol(double *at, size_t points, size_t dims) {
    require(dims >= 1 && dims <= 40);
    gsl_qrng *sobol = gsl_qrng_alloc(gsl_qrng_sobol, (unsigned)dims);
    if (!sobol) die("out of memory: cannot make a Sobol sequence");
    for (size_t i = 0; i < points; i++) gsl_qrng_get(sobol, at + i * dims);
    gsl_qrng_free(sobol);
}
