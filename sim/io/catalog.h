/*
 * The catalogue: accelerators, node types and regions by name, from CSV files whose every row names its
 * source and which of its figures are estimates. An entry is a YAML mapping of the same keys a scenario would
 * write, so what a scenario says itself simply lies on top of it (yaml_merge).
 */
#ifndef HEADROOM_IO_CATALOG_H
#define HEADROOM_IO_CATALOG_H

#include "base/err.h"
#include "base/mem.h"
#include "io/yaml.h"

enum catalog_table { CATALOG_ACCELERATORS, CATALOG_NODES, CATALOG_REGIONS, CATALOG_TABLES };

struct catalog {
    struct arena *arena;
    struct err *err;
    struct yaml_node *tables[CATALOG_TABLES]; /* name -> entry; NULL until first asked for */
};

/* Tables are read when first asked for; findings about the files themselves go to err. */
void catalog_init(struct catalog *catalog, struct arena *arena, struct err *err);
/* The table as a mapping of entries; empty when no catalogue was found. */
const struct yaml_node *catalog_table(struct catalog *catalog, enum catalog_table table);
/* Path of a file of the catalogue: in $HEADROOM_CATALOG, else in the first of the program's folders that has it;
 * NULL when none does. */
const char *catalog_find(struct arena *arena, const char *name);

#endif
