/* The jobs of a run: trace or synthetic load, treated as the scenario says. */
#ifndef HEADROOM_IO_DEMAND_H
#define HEADROOM_IO_DEMAND_H

#include "io/scenario.h"

/* jobs is initialised here; free it either way. capacity_gpus: of the fleet, for repeat_until. */
bool demand_read(const struct demand *demand, const struct setup *setup, struct jobs *jobs, struct err *err);

#endif
