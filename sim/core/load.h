/*
 * Synthetic load as plain numbers: classes of jobs, each with its share of the arrivals and its own draws.
 * io/scenario.c fills it from the `load:` block, models/load/generate.c turns it into a job table.
 */
#ifndef HEADROOM_CORE_LOAD_H
#define HEADROOM_CORE_LOAD_H

#include "core/job.h"
#include "core/model.h"

#include <stdint.h>

struct load_class {
    const char *name;
    double weight;                    /* of the arrivals */
    struct chosen durations;          /* KIND_DURATIONS */
    struct numbers gpus, gpus_weight; /* GPU counts and their weights; values below 1 are shares */
    double cpus_per_gpu, mem_mib_per_gpu;
    const char *const *gpu_models;    /* accepted models; gpu_models_len 0: any */
    size_t gpu_models_len;
    double utilisation_mean, utilisation_sd; /* truncated normal on 0.01..1 */
    double estimate_factor;           /* user estimate = run x factor^|N(0,1)|, >= run; 1: exact */
    int64_t priority;
    double deadline_slack;            /* deadline = submit + run x slack; 0: none */
};
struct load_tenant {
    const char *name;
    double weight;                    /* of the arrivals */
};
struct load_setup {
    uint64_t jobs_most;               /* 0: no limit (then until_ns must be given) */
    int64_t until_ns;                 /* arrivals stop here; TICK_NEVER: no limit */
    struct chosen arrivals;           /* KIND_ARRIVALS */
    struct numbers daily;             /* 24 relative intensities by local hour; len 0: flat */
    struct numbers weekly;            /* 7, Monday first; len 0: flat */
    int64_t utc_offset_ns;            /* of the daily shape */
    int64_t origin_unix_ns;           /* weekday and hour of time 0 */
    struct load_class *classes;
    struct load_tenant *tenants;      /* len 0: one, "default" */
    size_t classes_len, tenants_len;
};

/* Synthetic requests to an LLM service. */
struct request_load {
    double rate_per_h;             /* mean, over bursts and the day */
    struct numbers daily;          /* 24 relative intensities by local hour; len 0: flat */
    double burst_ratio;            /* rate in a burst over the rate outside; 1: no bursts */
    double burst_share;            /* of the time */
    int64_t burst_ns;              /* mean length of a burst */
    struct tokens_load { double median, sigma, most; } prompt, output; /* lognormal, cut to 1..most */
    struct request_load_class {
        const char *name;
        double weight;             /* of the requests */
        struct tokens_load prompt, output;
    } *classes;
    size_t classes_len;            /* 0: one without a name, of the sizes above */
    struct clients_load {          /* who asks; bursts are then theirs, and not those above */
        uint32_t count;            /* 0: nobody in particular */
        double skew;               /* the i-th's rate is proportional to i^-skew */
        enum { GAPS_GAMMA, GAPS_WEIBULL } gaps; /* between a client's conversations */
        double cv;                 /* their coefficient of variation; 1: exponential */
        double spread;             /* sigma of clients' median lengths about those above */
        double turns;              /* mean requests of a conversation, >= 1; its prompts grow */
        int64_t think_ns;          /* mean time between them */
    } clients;
    int64_t until_ns;              /* arrivals stop here */
    int64_t utc_offset_ns, origin_unix_ns; /* of the daily shape */
};

/* Draws requests from streams `requests`, `request sizes` and `request classes` of seed, each at index. requests is
 * initialised here; free it with requests_free. */
struct requests;
void load_requests(const struct request_load *load, uint64_t seed, uint64_t index, struct requests *requests);
/* The same with clients (count > 0), from stream `clients` of seed. Sessions are clients, or, with several turns,
 * conversations, whose prompts then share blocks. */
void load_clients(const struct request_load *load, uint64_t seed, uint64_t index, struct requests *requests);

/* Draws the job table from streams `arrivals`, `durations`, `shapes` of seed; the same demand for every policy.
 * jobs is initialised here (free with jobs_free), sorted, with estimates where a class has a factor above 1. */
void load_generate(const struct load_setup *load, uint64_t seed, struct jobs *jobs);

#endif
