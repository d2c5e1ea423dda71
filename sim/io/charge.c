/*
 * The lines of a run's bill (see charge.h), from its tallies and what was charged to whom.
 *
 * Invariant: the lines add up to the run: their dollars to total_usd, their energy to the meter's, their
 * emissions to operational ones with the site's part and to embodied ones. Where a region knows a sum of its
 * own (carbon price, market-based emissions), its last line takes what the others leave, so that no rounding
 * of a split is lost. Cost: a few lines a tenant and class, a pool and a region.
 */
#include "io/charge.h"

#include <math.h>

const char *const charge_kinds[CHARGE_KINDS] = {"capacity", "energy", "carbon", "egress", "demand", "site"};
const char *const charge_uses[CHARGE_USES] = {"jobs", "idle", "sleep", "boot", "meter"};

static void add(struct charge_lines *lines, struct charge_line line) {
    if (line.usd == 0 && line.energy_kwh == 0 && line.co2_kg == 0 && line.market_co2_kg == 0 &&
        line.embodied_kg == 0)
        return;
    const char **texts[] = {&line.pool, &line.tenant, &line.class_name, &line.bought};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!*texts[i]) *texts[i] = "";
    *vec_push(lines) = line;
}

/* Energy at the nodes' meter, with what it cost and emitted. */
static void add_energy(struct charge_lines *lines, const struct region_setup *region, struct charge_line line,
                       double energy_j, double usd, double co2_g) {
    line.kind = CHARGE_ENERGY;
    line.quantity = line.energy_kwh = energy_j / 3.6e6;
    line.unit = "kWh";
    line.usd = usd;
    line.co2_kg = co2_g / 1e3;
    line.market_co2_kg = region->has_market ? line.energy_kwh * region->market_g_per_kwh / 1e3 : line.co2_kg;
    add(lines, line);
}

static void add_charged(struct charge_lines *lines, const struct setup *setup, const struct jobs *jobs,
                     const struct charged *charged) {
    const struct region_setup *region = &setup->regions[charged->region];
    const struct tally *t = &charged->tally;
    const struct charge_line whose = {.use = CHARGE_JOBS, .region = region->name,
                                      .tenant = jobs->tenants.at[charged->tenant],
                                      .class_name = jobs->classes.at[charged->class_id]};
    struct charge_line line = whose;
    line.kind = CHARGE_CAPACITY;
    line.bought = charged->bought < BOUGHT_COUNT ? bought_names[charged->bought] : "several";
    line.quantity = t->held_gpu_h, line.unit = "GPU-h";
    line.usd = t->job_capacity_usd;
    line.embodied_kg = t->job_embodied_g / 1e3;
    add(lines, line);
    add_energy(lines, region, whose, t->job_energy_j, t->job_energy_usd, t->job_co2_g);
    line = whose;
    line.kind = CHARGE_CARBON;
    line.usd = t->carbon_usd, line.unit = "kg";
    if (region->carbon_usd_per_kg > 0) line.quantity = line.usd / region->carbon_usd_per_kg;
    add(lines, line);
    line = whose;
    line.kind = CHARGE_EGRESS;
    line.quantity = t->egress_gb, line.unit = "GB";
    line.usd = t->egress_usd;
    add(lines, line);
}

static void add_pool(struct charge_lines *lines, const struct setup *setup, const struct pool_setup *pool,
                     const struct tally *t) {
    const struct region_setup *region = &setup->regions[pool->region];
    const struct charge_line whose = {.region = region->name, .pool = pool->name};
    struct charge_line line = whose;
    line.kind = CHARGE_CAPACITY, line.use = CHARGE_IDLE;
    line.bought = bought_names[pool->bought];
    line.quantity = t->free_gpu_h, line.unit = "GPU-h";
    line.usd = t->capacity_usd - t->job_capacity_usd;
    line.embodied_kg = (t->embodied_g - t->job_embodied_g) / 1e3;
    add(lines, line);
    const struct {
        enum charge_use use;
        double j, usd, g;
    } uses[] = {{CHARGE_IDLE, t->idle_energy_j, t->idle_energy_usd, t->idle_co2_g},
                {CHARGE_SLEEP, t->sleep_energy_j, t->sleep_energy_usd, t->sleep_co2_g},
                {CHARGE_BOOT, t->boot_energy_j, t->boot_energy_usd, t->boot_co2_g}};
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        line = whose;
        line.use = uses[i].use;
        add_energy(lines, region, line, uses[i].j, uses[i].usd, uses[i].g);
    }
}

/* What of a sum the lines so far leave; nothing where only rounding is left. */
static double left_of(double sum, double so_far) {
    const double left = sum - so_far;
    return fabs(left) > 1e-12 * fmax(fabs(sum), fabs(so_far)) ? left : 0;
}

static void add_region(struct charge_lines *lines, const struct region_setup *region, const struct tally *t) {
    const struct charge_line whose = {.region = region->name};
    double carbon_usd = 0, market_co2_kg = 0;
    for (size_t i = 0; i < lines->len; i++) {
        if (lines->at[i].region != region->name) continue;
        market_co2_kg += lines->at[i].market_co2_kg;
        if (lines->at[i].kind == CHARGE_CARBON) carbon_usd += lines->at[i].usd;
    }
    struct charge_line line = whose;
    line.kind = CHARGE_CARBON, line.use = CHARGE_IDLE;
    line.usd = left_of(t->carbon_usd, carbon_usd), line.unit = "kg";
    if (region->carbon_usd_per_kg > 0) line.quantity = line.usd / region->carbon_usd_per_kg;
    add(lines, line);
    line = whose;
    line.kind = CHARGE_DEMAND, line.use = CHARGE_METER;
    line.usd = t->demand_usd, line.unit = "kW";
    if (region->site.demand_usd_per_kw > 0) line.quantity = line.usd / region->site.demand_usd_per_kw;
    add(lines, line);
    line = whose;
    line.kind = CHARGE_SITE, line.use = CHARGE_METER;
    line.quantity = t->solar_used_j / 3.6e6, line.unit = "kWh";
    line.usd = t->site_usd;
    line.co2_kg = t->site_co2_g / 1e3;
    line.market_co2_kg = left_of(t->market_co2_g / 1e3, market_co2_kg);
    add(lines, line);
}

struct charge_lines charge_lines_of(const struct setup *setup, const struct result *result) {
    struct charge_lines lines = {0};
    for (size_t i = 0; i < result->charged_len; i++)
        add_charged(&lines, setup, result->jobs, &result->charged[i]);
    const struct tally *regions = result->tallies, *pools = result->tallies;
    const struct tally *end = result->tallies + result->tallies_len;
    while (pools < end && pools->part != PART_POOL) pools++;
    for (size_t i = 0; i < setup->pools_len && pools + i < end; i++)
        add_pool(&lines, setup, &setup->pools[i], &pools[i]);
    while (regions < end && regions->part != PART_REGION) regions++;
    for (size_t i = 0; i < setup->regions_len && regions + i < end; i++)
        add_region(&lines, &setup->regions[i], &regions[i]);
    return lines;
}
