/*
 * What stands behind a region's meter besides its nodes: the sun, a battery, and a grid that charges for the
 * month's highest demand as well as for energy.
 *
 * Facility power is constant between events and signals are step functions, so between any two of the loop's
 * moments the site is piecewise linear (exponential where a battery's limits taper); segments end where a
 * signal steps, the battery reaches a bound, or a demand window closes. Everything is integrated in closed
 * form.
 *
 *     facility + charged = sun used + sun stored + from battery + from grid
 *     sun                = used + stored + exported or lost
 *     charged            = from battery + lost in conversion + growth of what is stored
 *
 * The sun serves the site first. What is left charges the battery under every rule, as far as the rule leaves
 * it room (the rules say what else happens); the rest flows back, paid for where export is, else it is lost.
 * The battery never feeds the grid. Where a price or carbon rule's thresholds cross, charging goes first.
 *
 * Demand is the grid's part averaged over windows that count from the first moment of each local calendar
 * month (a last one that does not fit is cut at its end). What the run does not see of a window counts as
 * nothing drawn.
 *
 * The region's ledger goes on as if every joule came from the grid; the site's account is the difference, in
 * lines of their own: what the sun and the battery saved or cost, export, and the demand charge.
 */
#ifndef HEADROOM_CORE_SITE_H
#define HEADROOM_CORE_SITE_H

#include "core/setup.h"

#include <stdbool.h>
#include <stdint.h>

struct site_totals { /* running totals since time 0 */
    double facility_j;
    double grid_j;                       /* drawn */
    double solar_j, solar_used_j, solar_stored_j, export_j, spilled_j;
    double charged_j, discharged_j;      /* at the battery's terminals, site side */
    double battery_loss_j;               /* in conversion: charged = discharged + loss + growth of stored */
    double grid_usd, grid_g;             /* of what was drawn, at price and carbon of the moment */
    double export_usd;
    double demand_usd;                   /* of months closed, and in full of the one under way so far */
    double demand_closed_usd;            /* of months closed alone */
};

struct site;
/* origin_unix_ns places months and windows in local time. NULL when the region needs no site (no sun, battery
 * or demand charge). The setup must outlive it. */
struct site *site_open(const struct region_setup *region, int64_t origin_unix_ns);
void site_close(struct site *site); /* NULL: nothing */
/* Goes on from where it stands to t_ns with this facility power, price (USD/kWh) and carbon (g/kWh): the
 * caller calls it whenever one of them changes. */
void site_advance(struct site *site, int64_t t_ns, double facility_w, double price_usd_per_kwh,
                  double carbon_g_per_kwh);
/* Energy drawn before now that was not in facility_w then: from the grid, in no window of demand. */
void site_lump(struct site *site, double facility_j, double usd, double g);
struct site_totals site_read(const struct site *site); /* totals so far */
double site_stored_j(const struct site *site);
double site_grid_w(const struct site *site); /* drawn at the moment it stands at */
double site_peak_w(const struct site *site); /* highest grid draw averaged over a demand window, so far */

#endif
