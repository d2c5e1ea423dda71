/* Units: every one converts as its definition says, and nothing else is a unit. */
#include "io/units.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static double factor(enum dim dim, const char *unit) {
    double f;
    return units_find(dim, unit, &f) ? f : NAN;
}

Test(units, kept_units_have_factor_one) {
    for (enum dim dim = DIM_NONE; dim < DIM_COUNT_; dim++)
        cr_assert_eq(factor(dim, units_kept(dim)), 1, "dimension %d", dim);
}

Test(units, times) {
    cr_assert_eq(factor(DIM_TIME, "min"), 60);
    cr_assert_eq(factor(DIM_TIME, "h"), 3600);
    cr_assert_eq(factor(DIM_TIME, "d"), 86400);
    cr_assert_eq(factor(DIM_TIME, "w"), 7 * 86400);
    cr_assert_eq(factor(DIM_TIME, "y"), 365.25 * 86400);
    cr_assert_eq(factor(DIM_TIME, "ns"), 1e-9);
}

Test(units, money_and_energy) {
    cr_assert_eq(factor(DIM_ENERGY_PRICE, "USD/MWh"), 1e-3);
    cr_assert_eq(factor(DIM_ENERGY_PRICE, "ct/kWh"), 1e-2);
    cr_assert_eq(factor(DIM_CARBON, "kgCO2/MWh"), 1);
    cr_assert_eq(factor(DIM_CARBON, "kgCO2/kWh"), 1000);
    cr_assert_float_eq(factor(DIM_MONEY_RATE, "USD/month") * 8766 / 12, 1, 1e-15);
    cr_assert_float_eq(factor(DIM_MONEY_RATE, "USD/y") * 8766, 1, 1e-15);
    cr_assert_eq(factor(DIM_RATE, "/s"), 3600);
}

Test(units, memory) {
    cr_assert_eq(factor(DIM_MEMORY, "TiB"), 1048576);
    cr_assert_eq(factor(DIM_MEMORY, "KiB"), 1.0 / 1024);
    cr_assert_float_eq(factor(DIM_MEMORY, "GB") * 1048576, 1e9, 1e-6);
    cr_assert_float_eq(factor(DIM_MEMORY, "kB") * 1048576, 1e3, 1e-9);
}

Test(units, energy_mass_and_what_they_cost) {
    cr_assert_eq(factor(DIM_ENERGY, "Wh"), 3600);
    cr_assert_eq(factor(DIM_ENERGY, "kWh"), 3.6e6);
    cr_assert_eq(factor(DIM_ENERGY, "MWh"), 3.6e9);
    cr_assert_eq(factor(DIM_ENERGY, "MJ"), 1e6);
    cr_assert_eq(factor(DIM_MASS, "t"), 1e6);
    cr_assert_eq(factor(DIM_MASS, "kg"), 1e3);
    cr_assert_eq(factor(DIM_CARBON_PRICE, "USD/t"), 1e-3);
    cr_assert_eq(factor(DIM_POWER_PRICE, "USD/MW"), 1e-3);
    cr_assert(isnan(factor(DIM_ENERGY, "kW")), "power is not energy");
    cr_assert(isnan(factor(DIM_POWER_PRICE, "USD/kWh")));
}

Test(units, data) {
    cr_assert_eq(factor(DIM_DATA, "TB"), 1000);
    cr_assert_eq(factor(DIM_DATA, "PB"), 1e6);
    cr_assert_eq(factor(DIM_DATA, "MB"), 1e-3);
    cr_assert_eq(factor(DIM_DATA_PRICE, "USD/TB"), 1e-3);
    cr_assert_eq(factor(DIM_DATA_RATE, "Gbit/s") * 8, 1);
    cr_assert_eq(factor(DIM_DATA_RATE, "Mbit/s") * 8000, 1);
    cr_assert_eq(factor(DIM_DATA_RATE, "MB/s"), 1e-3);
}

Test(units, anything_else_is_unknown) {
    cr_assert(isnan(factor(DIM_TIME, "W")));
    cr_assert(isnan(factor(DIM_TIME, "")));
    cr_assert(isnan(factor(DIM_POWER, "w")), "units are as they are written");
    cr_assert(isnan(factor(DIM_NONE, "s")));
}

Test(units, texts_name_every_unit) {
    for (enum dim dim = DIM_NONE + 1; dim < DIM_COUNT_; dim++) {
        cr_assert(strstr(units_accepted(dim), units_kept(dim)), "dimension %d", dim);
        cr_assert(*units_noun(dim) && *units_example(dim));
    }
}
