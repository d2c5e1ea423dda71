/*
 * The sections of a scenario: their tables, and how each becomes part of a setup. Private to the scenario
 * reader (scenario.c, signals.c, regions.c, meter.c, pools.c, cost.c, uptime.c, transfer.c, tenants.c,
 * load.c, services.c, service_load.c, service_kept.c, policy.c, reference.c).
 */
#ifndef HEADROOM_IO_SECTIONS_H
#define HEADROOM_IO_SECTIONS_H

#include "core/load.h"
#include "core/setup.h"
#include "io/catalog.h"
#include "io/params.h"
#include "io/scenario.h"
#include "io/sizing.h"

/* One run's document on its way into a setup. */
struct document {
    struct reading r;
    struct catalog *catalog;
    struct setup *setup;
    struct demand *demand;
    const char **region_names, **tenant_names; /* parallel to the setup's; NULL where one has no valid name */
    bool dated; /* `start:` was given, so series of dates can be aligned */
    struct recommend_setup *recommend; /* NULL: no such section */
    bool may_misfit; /* a service that fits no pool is no finding */
};

extern const struct block scenario_block, region_block, signal_block, pue_block, battery_block,
    demand_charge_block, power_limit_block, pool_block, cost_block, sleep_block, fault_block,
    maintenance_block, embodied_block, load_block, pipeline_block, tenant_block, class_block, policy_block,
    transfer_block, service_block, requests_block, replicas_block, split_block, slo_block, request_class_block,
    service_region_block, failover_block, recommend_block, training_block, batch_block, served_block, size_block;

/* A signal under its key: a value, a daily shape, or a column of a file. NULL node: nothing. param: what its
 * values may be; its kind is PARAM_NUMBER. */
void signal_read(struct document *d, const char *key, const struct yaml_node *node, const struct param *param,
                 int64_t utc_offset_ns, struct steps *steps);
/* What is paid on top of an energy price. */
struct tariff {
    double adder_usd_per_kwh, tax, escalation;
};
/* Writes the tariff into a price; nothing where there is none. at: the tariff's node, for findings. */
void tariff_apply(struct document *d, const struct yaml_node *at, const struct tariff *tariff,
                  struct steps *price);

/* What a region's table reads for meter.c. */
struct meter_draft {
    const struct yaml_node *solar, *battery;
    double export_usd_per_kwh;
    struct demand_charge_draft {
        double usd_per_kw, ratchet;
        int64_t window_ns;
    } demand;
    struct power_limit_draft {
        double limit_w;
        int then;
    } limit;
};
void meter_read(struct document *d, const struct yaml_node *map, const struct meter_draft *draft,
                 struct region_setup *region);

void regions_read(struct document *d, const struct yaml_node *list);
/* Whether power limits leave room for idle nodes. Pools must have been read, without findings. */
void meter_check(struct document *d, const struct yaml_node *regions);
/* Regions must have been read. */
void tenants_read(struct document *d, const struct yaml_node *list);
/* Regions and tenants must have been read. */
void pools_read(struct document *d, const struct yaml_node *list);
/* One pool of equal nodes, without `nodes_from`. false: nothing could be read. */
bool pool_read_one(struct document *d, const struct yaml_node *map, struct pool_setup *pool, uint32_t *nodes);
/* Local time less UTC where the pool stands. */
int64_t pool_offset_ns(const struct document *d, const struct pool_setup *pool);
/* What a pool's capacity costs. costs: the catalogue's ways to buy this node, or NULL. */
void cost_read(struct document *d, const struct yaml_node *node, const struct yaml_node *costs,
               struct pool_setup *pool);
/* What a pool's table keeps for uptime.c. */
struct uptime_draft {
    const struct yaml_node *sleep, *faults, *maintenance, *embodied;
};
/* nodes: of the pool, 0 when a node table says it. Its power and cost must have been read. */
void uptime_read(struct document *d, const struct uptime_draft *draft, uint64_t nodes,
                 struct pool_setup *pool);
/* Regions must have been read. */
void transfer_read(struct document *d, const struct yaml_node *map);
/* The distinct GPU models of the pools, at most `room` of them; returns how many. */
size_t pool_models(const struct setup *setup, const char **models, size_t room);
/* Pools must have been read: the GPU models a class accepts are theirs. */
void load_read(struct document *d, const struct yaml_node *map);
/* Names of GPU models, under the key "gpu_models"; pools must have been read. */
void gpu_models_read(struct document *d, const struct yaml_node *list, const char *const **models, size_t *len);
/* A list of relative intensities or weights that, if given, has this many entries, not all 0. */
void check_weights(struct reading *r, const struct yaml_node *map, const char *key, const struct numbers *n,
                   size_t expected);
/* Regions, tenants and pools must have been read. fleet: without findings. */
void services_read(struct document *d, const struct yaml_node *list, bool fleet);
/* One service, of a catalogue that was read, fitted to the pools; demand->service must be set. */
struct llm_catalog;
void service_read_one(struct document *d, const struct yaml_node *map, const struct llm_catalog *catalog,
                      struct service_setup *service, struct service_demand *demand);
/* Regions and the policy must have been read. */
struct recommend_setup *recommend_read(struct document *d, const struct yaml_node *map);
/* Its workload; offers must have been read. precisions: those that count, NULL: all. */
void recommend_work_read(struct document *d, const struct yaml_node *map, const char *const *precisions,
                         struct recommend_setup *into);
/* Whether the word is one of those, which end with NULL. */
bool recommend_listed(const char *const *words, const char *word);
/* Parts of a service, into its setup (or, requests, its demand). */
struct slo_draft {
    int64_t ttft_ns, tpot_ns;
};
void requests_section_read(struct document *d, const struct yaml_node *map, struct service_demand *demand);
void replicas_section_read(struct document *d, const struct yaml_node *node, struct service_setup *service);
/* Its numbers must have been read; regions' are instead of them. */
void service_regions_read(struct document *d, const struct yaml_node *list, struct service_setup *service);
void failover_read(struct document *d, const struct yaml_node *node, struct service_setup *service);
/* GPU models that prefill and decode are bound to; NULL: any. */
struct bound_stages {
    const char *gpu[2];
};
void split_section_read(struct document *d, const struct yaml_node *node, struct service_setup *service,
                        struct bound_stages *bound);
/* slo: of classes without levels of their own. */
void request_classes_read(struct document *d, const struct yaml_node *list, const struct slo_draft *slo,
                          struct service_setup *service);
/* Pools and the demand must have been read: the purchases and the names of classes are theirs. */
void classes_read(struct document *d, const struct yaml_node *list);
/* What the policy's table left open, and what must hold between it and the rest, which must have been read.
 * map: the section, or NULL. */
void policy_finish(struct document *d, const struct yaml_node *map);

/* The `size:` block, into the reading's arena. */
struct sizing *sizing_read(struct reading *r, const struct yaml_node *map);

/* Tenants and pools must have been read. */
void pipelines_read(struct document *d, const struct yaml_node *list);

/* Index of the name the node gives among names; UINT32_MAX, and a finding, when there is none. */
uint32_t name_index(struct reading *r, const struct yaml_node *node, const char *what,
                    const char *const *names, size_t names_len);
/* A name for an element of a list that must differ from all before it; a finding otherwise. names: those of
 * the elements before. */
void name_unique(struct reading *r, const struct yaml_node *element, const char *name,
                 const char *const *before, size_t before_len);
/* Findings where a list does not ascend. equal: neighbours may be the same. */
void check_ascending(struct reading *r, const struct yaml_node *map, const char *key, const struct numbers *n,
                     bool equal);
/* The node of a key that is there because the table requires it or a fallback was checked; else the map. */
const struct yaml_node *node_at(const struct yaml_node *map, const char *key);
/* The catalogue's entry of that name; NULL, and a finding with the nearest name, when it has none. */
const struct yaml_node *entry_named(struct document *d, enum catalog_table table,
                                    const struct yaml_node *name, const char *what);

#endif
