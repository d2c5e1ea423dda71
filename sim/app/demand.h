/* The jobs of a run: trace or synthetic load, treated as the scenario says. */
#ifndef HEADROOM_APP_DEMAND_H
#define HEADROOM_APP_DEMAND_H

#include "io/scenario.h"

/* jobs is initialised here; free it either way. The fleet's GPUs, for repeat_until, come from setup. */
bool demand_read(const struct demand *demand, const struct setup *setup, struct jobs *jobs, struct err *err);

#endif
