/*
 * The fleet: nodes with whole and shared GPUs, CPU cores and memory, and what of them is free.
 *
 * Scale. A pass must not walk the nodes: nodes of one domain in the same free state (type, whole free GPUs,
 * free shares, CPUs, memory) form one class; placement looks at live classes, of which there are few, and
 * takes the lowest node of the chosen class from a hierarchical bit set.
 *
 * A domain is a set of nodes with one waiting line: a region's shared nodes, or a tenant's own nodes there.
 *
 * A node may be withdrawn (it is off, down or draining): it keeps what its jobs hold until they release it,
 * but stands in no live class, and what is free on it is nobody's until it returns.
 *
 * Invariants: a class is live iff count > 0, and nodes that are not withdrawn stand in live ones;
 * free_milli of a domain = sum over its nodes, but the withdrawn, of free GPU thousandths; no resource is
 * ever negative (require). Cost: claim and release O(log64 nodes) plus one hash look-up a node touched.
 */
#ifndef HEADROOM_CORE_FLEET_H
#define HEADROOM_CORE_FLEET_H

#include "base/bits.h"
#include "core/job.h"
#include "core/setup.h"

#include <stdbool.h>
#include <stdint.h>

enum { FLEET_GPUS_MOST = 64 };
#define FLEET_NONE UINT32_MAX

/* What distinguishes nodes for placement, when empty. Pools of equal nodes bought the same way share a type. */
struct node_type {
    uint32_t gpu_model; /* index into fleet->models: a GPU model (or none) bought in one way */
    uint32_t gpus, cpu_milli, mem_mib; /* cpu_milli, mem_mib: UINT32_MAX when not modelled */
};

struct node {
    uint64_t whole;      /* bit d: device d is wholly free */
    uint32_t cpu_free, mem_free;
    uint32_t class_id;
    uint32_t pool;
    uint32_t share_free; /* sum of free thousandths on partly used devices */
    uint32_t kinds;      /* request kinds it holds, a bit each (SHAPE_KIND_*); 0 unless tracked */
};

/* Request kinds, as GpuClustering tells them apart. */
enum { SHAPE_KIND_SHARE, SHAPE_KIND_1, SHAPE_KIND_2, SHAPE_KIND_4, SHAPE_KIND_8, SHAPE_KIND_CPU, SHAPE_KINDS };
uint32_t shape_kind(const struct shape *shape);

struct node_class {
    uint32_t domain, type;
    uint32_t count;            /* nodes in it; 0: not live */
    uint32_t whole;            /* wholly free devices */
    uint32_t parts;            /* partly used devices that still have something free */
    uint32_t share_free;       /* their free thousandths in all */
    uint32_t cpu_free, mem_free;
    uint32_t kinds;
    uint32_t least_node;       /* lowest node id in it */
    uint64_t serial;           /* changes when the id is reused: caches compare it */
    double fragmented_milli;   /* free GPU thousandths no typical job can use here (fleet_fragmentation) */
};

struct domain {
    uint32_t region, tenant;   /* tenant: SETUP_SHARED or whose nodes these are */
    uint32_t nodes;
    uint64_t capacity_milli, free_milli;  /* GPUs, in thousandths */
    uint64_t away_milli;                  /* free ones of nodes that are withdrawn: asleep, unrented, down */
    uint64_t queued_milli;                /* asked for by jobs waiting in its line */
    uint64_t whole_free;                  /* wholly free devices */
    uint64_t cpu_free_milli;              /* of nodes that model CPUs */
    double fragmented_milli;              /* sum over nodes; jobs of the trace are the typical ones */
    uint64_t *model_free_milli;           /* per GPU model */
    uint64_t models;                      /* bit set of the models present, */
    struct { uint32_t *at; size_t len, cap; } types; /* and the types; of withdrawn nodes too */
    struct { uint32_t *at; size_t len, cap; } live; /* live classes, order arbitrary but deterministic */
};

/* A typical request and its frequency, for fragmentation (FGD, ATC'23 section 3). */
struct typical {
    struct shape shape;
    double frequency; /* they sum to 1 */
};

struct fleet {
    struct node *nodes;
    uint32_t nodes_len;
    struct node_type *types;
    uint32_t types_len;
    struct names models;       /* "GPU model|way it is bought"; shapes are translated to bits of these ids */
    uint64_t *type_accept;     /* per type: bit of its model */
    struct domain *domains;
    uint32_t domains_len;
    uint32_t *node_domain;
    struct { struct node_class *at; size_t len, cap; } classes;
    const struct typical *typical;
    uint32_t typical_len;
    bool shares;               /* some job asks for a share: devices are tracked one by one */
    bool track_kinds;
    uint32_t gpus_most;        /* of any node */
    uint32_t cpu_most;         /* of any node that models CPUs; 0: none does */
    struct fleet_private *own; /* hash of states, sets, device shares */
};

/* Free thousandths of the partly used devices of a class, descending, `parts` of them; valid until the next
 * claim or release. */
const uint16_t *fleet_parts(const struct fleet *fleet, uint32_t class_id);

/* Whether one node in this state can hold the whole request now. */
bool class_fits(const struct fleet *fleet, const struct node_class *c, const struct shape *shape);
/* The same for an empty node of a type, i.e. ever. */
bool type_fits(const struct fleet *fleet, uint32_t type, const struct shape *shape);
/* k-th lowest node (from 0) of a class. */
uint32_t class_node(const struct fleet *fleet, uint32_t class_id, uint32_t k);

/* Expected free GPU thousandths that a typical request cannot use on a node in the given state
 * (reference: FGD ATC'23, equations 1-3): whole free devices, parts[parts_len] thousandths on partly used
 * ones, cpu and memory free. */
double fleet_fragmentation(const struct fleet *fleet, uint32_t type, uint32_t whole, const uint16_t *parts,
                           uint32_t parts_len, uint32_t cpu_free, uint32_t mem_free);

/* What a job holds: a chain of takes, one a node. */
struct take {
    uint64_t devices;   /* bits; for a share: the one device */
    uint32_t node;
    uint32_t next;      /* index into the pool of takes, FLEET_NONE at the end */
};

/* Where a placement model wants a one-node request. share_of: for a share, the free thousandths of the device
 * to use (1000: a wholly free one); the lowest such device is taken. */
struct spot {
    uint32_t node;
    uint32_t share_of;
};

/* --- for core only --- */
/* The id of a pool's GPU model among `models`, where pools are put in their order. */
uint32_t fleet_model(struct names *models, const struct pool_setup *pool);
/* jobs' shapes must already name the fleet's models (world_open translates them). */
void fleet_open(struct fleet *fleet, const struct setup *setup, const struct jobs *jobs, bool track_kinds);
void fleet_close(struct fleet *fleet);
/* Takes `gpus` wholly free devices (lowest first), or a share of the lowest device with share_of thousandths
 * free, and CPUs and memory, on one node. Requires that they are free. */
struct take fleet_claim(struct fleet *fleet, uint32_t node, const struct shape *shape, uint32_t gpus,
                        uint32_t share_of);
/* The exact devices of an earlier take; false (nothing changed) when they are not free. */
bool fleet_reclaim(struct fleet *fleet, const struct shape *shape, const struct take *take);
void fleet_release(struct fleet *fleet, const struct shape *shape, const struct take *take);
/* Nothing is placed on the node from now on, whatever is free there; and it is as before again. A node that
 * is withdrawn has a class that FLEET_WITHDRAWN marks, whose type is its own. */
void fleet_withdraw(struct fleet *fleet, uint32_t node);
void fleet_return(struct fleet *fleet, uint32_t node);
#define FLEET_WITHDRAWN UINT32_MAX /* node_class.whole */
static inline bool fleet_withdrawn(const struct fleet *fleet, uint32_t node) {
    return fleet->classes.at[fleet->nodes[node].class_id].whole == FLEET_WITHDRAWN;
}
/* The state of an empty node of a type, as class_offer and class_fits read it. */
static inline struct node_class type_empty(const struct fleet *fleet, uint32_t type) {
    const struct node_type *t = &fleet->types[type];
    return (struct node_class){
        .type = type, .whole = t->gpus, .cpu_free = t->cpu_milli, .mem_free = t->mem_mib};
}
/* Whole GPUs that one node in this state could give to a gang of this shape. */
uint32_t class_offer(const struct fleet *fleet, const struct node_class *c, const struct shape *shape);
static inline uint32_t take_gpu_milli(const struct shape *shape, const struct take *take) {
    return shape->share_milli ? shape->share_milli : bits_count(take->devices) * 1000;
}
/* A gang's part of its CPUs or memory on a node where it holds some of its GPUs. */
static inline uint32_t take_part(uint32_t whole_job, const struct shape *shape, const struct take *take) {
    if (shape->gpus == 0) return whole_job;
    uint32_t held = bits_count(take->devices);
    return held == shape->gpus ? whole_job : (uint32_t)((uint64_t)whole_job * held / shape->gpus);
}

#endif
