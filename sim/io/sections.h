/*
 * The sections of a scenario: their tables, and how each becomes part of a setup. Private to the scenario
 * reader (scenario.c, signals.c, pools.c, tenants.c, load.c, policy.c, reference.c).
 */
#ifndef HEADROOM_IO_SECTIONS_H
#define HEADROOM_IO_SECTIONS_H

#include "core/load.h"
#include "core/setup.h"
#include "io/catalog.h"
#include "io/params.h"
#include "io/scenario.h"

/* One run's document on its way into a setup. */
struct document {
    struct reading r;
    struct catalog *catalog;
    struct setup *setup;
    struct demand *demand;
    const char **region_names, **tenant_names; /* parallel to the setup's; NULL where one has no valid name */
    bool dated; /* `start:` was given, so series of dates can be aligned */
};

extern const struct block scenario_block, region_block, signal_block, pue_block, pool_block, load_block, tenant_block,
    class_block, policy_block;

void regions_read(struct document *d, const struct yaml_node *list);
/* Regions must have been read. */
void tenants_read(struct document *d, const struct yaml_node *list);
/* Regions and tenants must have been read. */
void pools_read(struct document *d, const struct yaml_node *list);
/* The distinct GPU models of the pools, at most `room` of them; returns how many. */
size_t pool_models(const struct setup *setup, const char **models, size_t room);
/* Pools must have been read: the GPU models a class accepts are theirs. */
void load_read(struct document *d, const struct yaml_node *map);
/* Pools and the demand must have been read: the purchases and the names of classes are theirs. */
void classes_read(struct document *d, const struct yaml_node *list);
/* What the policy's table left open, and what must hold between it and the rest, which must have been read. map:
 * the section, or NULL. */
void policy_finish(struct document *d, const struct yaml_node *map);

/* Index of the name the node gives among names; UINT32_MAX, and a finding, when there is none. */
uint32_t name_index(struct reading *r, const struct yaml_node *node, const char *what,
                    const char *const *names, size_t names_len);
/* A name for an element of a list that must differ from all before it; a finding otherwise. names: those of
 * the elements before. */
void name_unique(struct reading *r, const struct yaml_node *element, const char *name,
                 const char *const *before, size_t before_len);
/* The node of a key that is there because the table requires it or a fallback was checked; else the map. */
const struct yaml_node *node_at(const struct yaml_node *map, const char *key);
/* The catalogue's entry of that name; NULL, and a finding with the nearest name, when it has none. */
const struct yaml_node *entry_named(struct document *d, enum catalog_table table,
                                    const struct yaml_node *name, const char *what);

#endif
