/*
 * Speed models and the catalogue: fitted curves by name (speeds.csv), and what a roofline needs to know of
 * every accelerator (accelerators.csv). Both become keys of the model's mapping, under what the scenario says
 * itself.
 */
#ifndef HEADROOM_IO_SPEEDS_H
#define HEADROOM_IO_SPEEDS_H

#include "io/catalog.h"
#include "io/params.h"

/* The mapping of a speed model with the catalogue's keys laid under it, to be read by read_model in its
 * place: those of `curve` for a model that has curves, those of all accelerators for a roofline without
 * chips. Anything else, the name alone included, comes back as it is. A curve that is not there for that
 * model is a finding. */
const struct yaml_node *speeds_with_catalog(struct catalog *catalog, struct reading *r,
                                            const struct yaml_node *given);

#endif
