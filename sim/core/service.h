/*
 * LLM services on the simulated fleet. A service is a stream of requests, a router, and replicas; a replica holds
 * GPUs like a job does (a gang of `tensor_parallel` GPUs of one model), competes for them in the same lines, is
 * charged by the same ledger, and may be preempted, fail or wait for a node like any job.
 *
 * With no replica asked for, and a scaler that minds requests, the next request is a control moment of its own: it
 * waits for GPUs and a cold start, and not for the next look.
 *
 * Between control moments a service runs on its own: requests arrive, are routed and served by replica.h, up to the
 * moment the main loop has reached. Control moments (every `every_ns`, and whenever a replica comes or goes) are events
 * of the main loop; there the autoscaler looks, and what the replicas' GPUs drew beyond idle since the last one
 * becomes power of the time up to the next: late by one period, but to the joule, and seen by peaks, limits and
 * sites. What is left when a replica stops, or the measured window opens or closes, is charged at once.
 *
 * A replica is on one node. A service's replicas are in one region, or in several places, each with a number of its own
 * and with users whose requests come there first; they go to another place when theirs has no replica up, or is
 * crowded. A power cap slows their prefill (llm_capped), and holds what they draw.
 *
 * Records of replicas are jobs at the end of the run's own job table, `most` a service, submitted when the autoscaler
 * asks; they count as jobs nowhere in the results but in what was held, drawn and paid.
 */
#ifndef HEADROOM_CORE_SERVICE_H
#define HEADROOM_CORE_SERVICE_H

#include "core/llm.h"
#include "core/replica.h"
#include "core/result.h"
#include "core/setup.h"
#include "core/times.h"

#include <stdbool.h>
#include <stdint.h>

/* A stream of requests, sorted by arrival; read-only, shared by runs. session: who asks; 0: nobody is known to. */
struct requests {
    struct request_row { int64_t arrival_ns; uint32_t prompt, output; uint32_t session; uint16_t class_id; } *at;
    size_t len;
    uint64_t **blocks;      /* per request its prefix hashes, blocks_len[i] of them; NULL: none in the trace */
    uint32_t *blocks_len;
    uint64_t *hashes;       /* what blocks point into; NULL with them */
    uint32_t block_tokens;  /* prompt tokens a hash stands for, a multiple of 16; 0: 512 */
    const char **classes;   /* names of class_id; "" those without one */
    size_t classes_len;
};

enum router { ROUTER_ROUND_ROBIN, ROUTER_LEAST_OUTSTANDING, ROUTER_SESSION, ROUTER_PREFIX };
enum autoscale { SCALE_FIXED, SCALE_REACTIVE, SCALE_SCHEDULED, SCALE_FORECAST };
extern const char *const router_names[], *const autoscale_names[]; /* end with NULL */

/* What holds for requests of one class. */
struct request_class {
    const char *name;
    uint16_t priority;             /* larger goes first */
    int64_t slo_ttft_ns, slo_tpot_ns; /* 0: none */
};

/* Replicas of a service in one region. */
struct service_place {
    uint32_t region;
    double share;                  /* of the requests, whose users are there; the shares' sum is 1 */
    uint32_t least, most, begin;
};

struct service_setup {
    const char *name;
    const char *tenant;            /* whose quota its replicas use; NULL: default */
    const struct requests *requests;
    double speed;                  /* arrival times are divided by it */
    bool repeat;                   /* starts anew when it ends, at the same mean rate, until the horizon */
    int32_t priority;              /* of its replicas, for orders that go by it; jobs without the column have 0 */
    uint32_t tensor_parallel;
    const struct llm_cost *cost;   /* per pool of the setup; gpus 0: it cannot run there */
    uint32_t max_seqs, chunk_tokens;
    bool prefix_cache;
    enum router router;
    enum autoscale autoscale;
    uint32_t least, most, begin;   /* replicas */
    int64_t every_ns;              /* between control moments: looks of the autoscaler; 0: 15 s */
    double target;                 /* reactive, forecast: requests per replica (waiting and running) it aims at */
    int64_t keep_ns;               /* and a replica is given back when so long too many */
    int64_t season_ns;             /* forecast: what comes next is what came so long ago, and what has changed */
    struct numbers schedule;       /* scheduled: 24 numbers of replicas by local hour of region 0 */
    int64_t cold_start_ns;         /* from its GPUs to its first request: weights loaded, engine up */
    int64_t slo_ttft_ns, slo_tpot_ns; /* 0: none; of requests of no class of these: */
    const struct request_class *classes;
    size_t classes_len;
    int64_t aging_ns;              /* a step of priority counts as having come so much earlier; 0: priority alone */
    const struct service_place *places; /* with several: least, most and begin above are their sums */
    size_t places_len;             /* 0: one, in its tenant's home where that can hold it, else the first that can */
    bool failover;                 /* requests may go to another place than their users': */
    double crowded;                /*   from so many a replica on, waiting and running, in the first stage; 0: only
                                        where no replica is up */
    int64_t away_ns;               /*   the network's round trip there, part of the time to first token */
    bool split;                    /* prefill/decode disaggregation: */
    uint32_t prefill_replicas;     /*   so many of each place only prefill, the others only decode */
    double transfer_bytes_per_s, transfer_s; /* KV transfer between them: rate (0: no time) and latency */
    uint32_t decode_tensor_parallel; /* of those that decode; 0: as above */
    const struct llm_cost *decode_cost; /* likewise; NULL: as above */
};
/* What replicas of a stage (0: all, or those that prefill; 1: those that decode) are made of. */
static inline const struct llm_cost *service_cost(const struct service_setup *service, unsigned stage) {
    return stage && service->decode_cost ? service->decode_cost : service->cost;
}
static inline uint32_t service_gpus(const struct service_setup *service, unsigned stage) {
    return stage && service->decode_tensor_parallel ? service->decode_tensor_parallel : service->tensor_parallel;
}
/* The stage of its i-th record: in each place, those that prefill come first. */
unsigned service_stage(const struct service_setup *service, uint32_t i);

/* Requests are those that came inside the measured window; arrived = finished + refused + waiting.
 *
 * Of a class, or of a region's users (enum part), what was held, drawn and paid is its share of that of the replicas
 * that served it, by the time its tokens add to iterations (llm_request_s); replicas of a region are those that stand
 * there, and a class has none of its own. */
struct service_result {
    const char *name;
    uint64_t arrived, finished, met; /* met: both service levels (goodput) */
    uint64_t refused;              /* longer than a replica's cache */
    uint64_t waiting;              /* at the end, or running */
    uint64_t away;                 /* of finished ones: in another place than their users' */
    double prompt_tokens, output_tokens, cached_tokens; /* of finished ones; cached: of those whose prefill ended */
    struct times ttft, tpot, e2e;  /* tpot: of those with more than one output token */
    double gpu_h, replica_h;       /* held, inside the window */
    double energy_j, energy_usd, co2_g, capacity_usd; /* facility; of its replicas */
    double kv_used;                /* mean share of the KV cache in use */
    uint32_t replicas_most;        /* ready at once */
    uint64_t starts, preemptions;  /* of replicas; of requests (recomputed): of the whole run; of a class or region: of
                                      its finished requests */
    bool calibrated, power_fitted;
};

struct sched;
struct services;
struct bill;
/* Private to the engine. */
/* How many records its replicas need at the end of the job table. */
size_t services_records(const struct setup *setup);
struct services *services_open(struct sched *s); /* records from jobs.len on are its replicas' */
void services_close(struct services *services);
void services_begin(struct sched *s);                       /* at time 0 */
void services_cap(struct sched *s, uint32_t region);        /* another cap is in force there */
void services_event(struct sched *s);                       /* EVENT_SERVE: a control moment */
void services_started(struct sched *s, uint32_t slot);      /* a replica has its GPUs */
/* It is about to lose them (preempted, failed), and will stand in line again: its requests move on. */
void services_stopped(struct sched *s, uint32_t slot);
int64_t services_cold_start_ns(const struct services *services, uint32_t job);
/* Of what a replica's slot was charged for so long, inside the window. */
void services_charge(struct services *services, uint32_t job, const struct bill *bill, double ns);
/* The window opens or closes now: everything drawn so far is charged. */
void services_edge(struct sched *s);
bool services_over(const struct services *services);        /* nothing more will come of them */
/* The run ended: results, `services_len` of the setup. */
void services_results(struct sched *s, struct service_result *results);
/* PART_REQUEST_CLASS or PART_REQUEST_REGION: the parts of all services that have several. Returns how many; results
 * NULL: nothing else. Their names are the caller's to free. */
size_t services_parts(struct sched *s, enum part part, struct service_result *results);

#endif
