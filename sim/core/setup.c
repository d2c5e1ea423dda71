/*
 * The price of an owned node as a rate: a level annuity that repays the purchase over its life at the cost of
 * capital. It is paid whether the node works or not. expm1 and log1p keep the small rates exact, so that the
 * limit of no interest is approached without cancellation.
 */
#include "core/setup.h"

#include "base/err.h"
#include "core/service.h"

#include <math.h>
#include <string.h>

const char *const bought_names[BOUGHT_COUNT] = {"free", "owned", "rented", "reserved", "on_demand", "spot"};
const char *const router_names[] = {"round_robin", "least_outstanding", "session", "prefix", NULL};
const char *const autoscale_names[] = {"fixed", "reactive", "scheduled", "forecast", NULL};

const double cap_levels[CAP_LEVELS] = {0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
const double cap_speeds[CAP_LEVELS] = {0.725, 0.853, 0.899, 0.941, 0.965, 0.987, 1};

const struct class_setup *setup_class(const struct setup *setup, const char *class_name, int64_t run_ns) {
    for (size_t i = 0; i < setup->classes_len; i++) {
        const struct class_setup *c = &setup->classes[i];
        if ((c->name == NULL || strcmp(c->name, class_name) == 0) && run_ns < c->run_below_ns) return c;
    }
    return NULL;
}

static const double hours_per_year = 8766; /* of 365.25 days */

double cost_owned_usd_per_h(double price_usd, double life_years, double cost_of_capital) {
    require(life_years > 0 && cost_of_capital >= 0);
    if (cost_of_capital == 0) return price_usd / life_years / hours_per_year;
    double repaid = -expm1(-life_years * log1p(cost_of_capital)); /* 1 - (1+r)^-life */
    return price_usd * cost_of_capital / repaid / hours_per_year;
}
