/*
 * The moving parts of services, shared by service.c (replicas come and go, control moments, power), deal.c (requests:
 * who serves them, what becomes of them) and scale.c (how many replicas there should be). Private to these.
 */
#ifndef HEADROOM_CORE_SERVING_H
#define HEADROOM_CORE_SERVING_H

#include "base/evq.h"
#include "core/ledger.h"
#include "core/service.h"

enum unit_state { UNIT_OFF, UNIT_ASKED, UNIT_STARTING, UNIT_UP, UNIT_LEAVING }; /* from STARTING on it has GPUs */
enum duty { STAGE_FIRST, STAGE_DECODE, STAGES }; /* without a split all is done in the first */

struct service;
struct place;

/* One record of a replica: a job of the engine's, and the replica it stands for. */
struct unit {
    enum unit_state state;
    struct service *service;
    struct place *place;
    enum duty stage;
    uint32_t job, slot, pool;
    int64_t ready_ns;           /* when it is up */
    struct replica *replica;    /* while it is */
    struct replica_totals seen; /* of it, when its work was counted last */
    int64_t seen_ns;
    double charged_w;           /* for its GPUs, by its slot's rate */
    double watts, owed_j;       /* beyond that: in the region's it_w now, and not charged yet */
    double *level_w;            /* watts at each level of the table of caps, as caps.c has counted them; NULL where no
                                   limit caps */
    struct flow settled;        /* its watts are charged to here */
    int64_t settled_ns;
};

/* Requests without a replica. */
struct queue {
    struct request *at;
    size_t len, cap;
};

/* Where a service has replicas. */
struct place {
    struct service_place setup;
    struct unit *units;         /* setup.most; with a split the first ones prefill */
    struct unit **ready[STAGES]; /* up, by record; LEAVING ones are not in it */
    uint32_t ready_len[STAGES], turn[STAGES];
    struct queue waiting[STAGES];
    uint32_t domain;            /* where it asks for replicas */
    uint32_t up, up_most;       /* replicas up, and most at once */
    bool stuck;                 /* nobody has GPUs, though some were asked for at an earlier instant */
    double share_to;            /* of the users: those here and in the places before */
    uint64_t here, home;        /* requests not done: sent here, and of users here */
    int64_t many_since_ns;      /* since then fewer would do; TICK_NEVER: they would not */
    uint32_t many_most;         /* and so many would have sufficed all that time */
    /* Forecast: its load at the last looks, a ring of season and trend; sums over the trend's looks, now and a season
     * ago. */
    float *past;
    size_t past_len, looks;
    double recent, recent_then;
    /* What its replicas were charged, inside the window. */
    double gpu_h, replica_h, energy_j, energy_usd, co2_g, capacity_usd, kv_token_s, kv_room_s;
    uint64_t starts, recomputed;
};

/* A request on its way to another stage or place. */
struct transit {
    struct request request;
    struct place *to;
    uint32_t next_unused;
};

/* Finished requests of one class with users in one place; only what is of requests. */
struct slice {
    struct service_result result;
    double *work_s;             /* per place: llm_request_s of what was done there */
};

struct service {
    const struct service_setup *setup;
    struct services *all;
    bool calibrated, power_fitted;
    struct unit *units;         /* setup->most, by place */
    struct place *places;
    uint32_t places_len;
    uint16_t *class_of;         /* per class of the requests: its number here, classes_len: none of the setup's */
    struct slice *slices;       /* [class * places_len + home] */
    size_t slices_len;
    uint32_t up_most;           /* replicas up at once, in all places */
    int64_t every_ns, look_ns;
    int64_t wake_ns;            /* of the next request, when nobody was asked for; else TICK_NEVER */
    bool over;

    size_t next;                /* arrival, */
    int64_t round_from_ns, round_ns; /* of this time through the stream */
    uint64_t present;           /* arrived and not done */
    struct evq sent, handovers; /* to the first stage of another place, to the decodes of the same: by arrival, then
                                   request; of moving */
    struct { struct transit *at; size_t len, cap; } moving;
    uint32_t unused;
    struct { struct request *at; size_t len, cap; } redone; /* prefilled again: what they had made before */
};

struct services {
    const struct setup *setup;
    struct service *at;
    struct unit *units;
    uint32_t first_job;
};

/* deal.c. Arrivals of the stream: TICK_NEVER when there is none; i-th one's time from the beginning. */
int64_t deal_next_ns(const struct service *v);
int64_t deal_at_ns(const struct service *v, size_t i);
/* Everything that comes up to this moment, this moment included, and what it leads to. */
void deal_advance(struct service *v, int64_t to);
/* Replicas came or went: those who waited for one go there. */
void deal_waiting(struct service *v, int64_t now);
/* A replica of the place lost its GPUs, and this request with them. */
void deal_again(struct service *v, struct unit *u, const struct request *request, int64_t now);
void deal_done(void *unit, const struct served *served); /* a replica's callback */

/* scale.c. Room for what it remembers. */
void scale_open(struct place *p, const struct service *v, struct arena *arena);
/* A look: it remembers the load. */
void scale_look(struct place *p, const struct service *v);
/* How many replicas the place should have now, when it has so many. */
uint32_t scale_wanted(const struct setup *setup, struct place *p, const struct service *v, uint32_t have, int64_t now);

#endif
