/*
 * The lines of a run's bill: every dollar of total_usd and every kilowatt-hour and gram stands on exactly one
 * of them. What jobs were charged is told by region, tenant and class; hardware that was idle, asleep or
 * booting by pool; what belongs to a meter by region. The table `charge` of the database holds them, and the
 * FOCUS export is made of them.
 */
#ifndef HEADROOM_IO_CHARGE_H
#define HEADROOM_IO_CHARGE_H

#include "base/mem.h"
#include "core/result.h"
#include "core/setup.h"

enum charge_kind {
    CHARGE_CAPACITY,
    CHARGE_ENERGY,
    CHARGE_CARBON, /* a price on emissions */
    CHARGE_EGRESS,
    CHARGE_DEMAND,
    CHARGE_SITE, /* what sun, battery and exports changed of the energy lines; most often below 0 */
    CHARGE_KINDS
};
enum charge_use { CHARGE_JOBS, CHARGE_IDLE, CHARGE_SLEEP, CHARGE_BOOT, CHARGE_METER, CHARGE_USES };
extern const char *const charge_kinds[CHARGE_KINDS]; /* "capacity", ... */
extern const char *const charge_uses[CHARGE_USES];   /* "jobs", "idle", "sleep", "boot", "meter" */

struct charge_line {
    enum charge_kind kind;
    enum charge_use use;
    const char *region;
    const char *pool, *tenant, *class_name; /* "" where the line is of all */
    const char *bought;                     /* of capacity: a name of bought_names, or "several"; else "" */
    double quantity;
    const char *unit; /* "GPU-h", "kWh", "kg", "GB", "kW" */
    double usd;
    double energy_kwh;    /* at the meter of the nodes, whoever supplied it */
    double co2_kg;        /* operational, location-based */
    double market_co2_kg; /* the same, market-based: by the supply contract where there is one */
    double embodied_kg;
};

struct charge_lines {
    struct charge_line *at;
    size_t len, cap;
};
/* Lines of nothing are left out. free(at); names are borrowed. */
struct charge_lines charge_lines_of(const struct setup *setup, const struct result *result);

#endif
