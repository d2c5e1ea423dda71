/*
 * The units of each dimension, as one table a dimension: name and factor to the kept unit. A year is 365.25
 * days and a month a twelfth of it, as everywhere in the program; 1 kB is 1000 bytes and 1 KiB 1024.
 */
#include "io/units.h"

#include <string.h>

struct unit {
    const char *name;
    double factor;
};

#define MIB 1048576.0

struct dimension {
    const char *noun, *accepted, *example;
    struct unit units[10]; /* the kept one has factor 1 and stands first; ends with a NULL name */
};

static const struct dimension dimensions[DIM_COUNT_] = {
    [DIM_NONE] = {"a number", "", "1", {{"", 1}}},
    [DIM_TIME] = {"a time", "ns, us, ms, s, min, h, d, w or y", "30 d",
                  {{"s", 1}, {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"min", 60}, {"h", 3600}, {"d", 86400},
                   {"w", 604800}, {"y", 31557600}}},
    [DIM_POWER] = {"a power", "W, kW or MW", "75 W", {{"W", 1}, {"kW", 1e3}, {"MW", 1e6}}},
    [DIM_ENERGY_PRICE] = {"an energy price", "USD/kWh, USD/MWh or ct/kWh", "0.12 USD/kWh",
                          {{"USD/kWh", 1}, {"USD/MWh", 1e-3}, {"ct/kWh", 1e-2}}},
    [DIM_CARBON] = {"a carbon intensity", "gCO2/kWh, kgCO2/kWh or kgCO2/MWh", "350 gCO2/kWh",
                    {{"gCO2/kWh", 1}, {"kgCO2/kWh", 1e3}, {"kgCO2/MWh", 1}}},
    [DIM_MONEY] = {"an amount of money", "USD, kUSD or MUSD", "200000 USD",
                   {{"USD", 1}, {"kUSD", 1e3}, {"MUSD", 1e6}}},
    [DIM_MONEY_RATE] = {"a cost rate", "USD/h, USD/d, USD/month or USD/y", "2.9 USD/h",
                        {{"USD/h", 1}, {"USD/d", 1 / 24.}, {"USD/month", 12 / 8766.}, {"USD/y", 1 / 8766.}}},
    [DIM_MEMORY] = {"a memory size", "KiB, MiB, GiB, TiB, kB, MB, GB or TB", "512 GiB",
                    {{"MiB", 1}, {"KiB", 1 / 1024.0}, {"GiB", 1024}, {"TiB", 1048576}, {"kB", 1e3 / MIB},
                     {"MB", 1e6 / MIB}, {"GB", 1e9 / MIB}, {"TB", 1e12 / MIB}}},
    [DIM_TEMPERATURE] = {"a temperature", "C", "18 C", {{"C", 1}}},
    [DIM_RATE] = {"a rate", "/s, /min, /h or /d", "120 /h",
                  {{"/h", 1}, {"/s", 3600}, {"/min", 60}, {"/d", 1.0 / 24}}},
    [DIM_ENERGY] = {"an energy", "J, kJ, MJ, Wh, kWh or MWh", "500 kWh",
                    {{"J", 1}, {"kJ", 1e3}, {"MJ", 1e6}, {"Wh", 3600}, {"kWh", 3.6e6}, {"MWh", 3.6e9}}},
    [DIM_MASS] = {"a mass", "g, kg or t", "1300 kg", {{"g", 1}, {"kg", 1e3}, {"t", 1e6}}},
    [DIM_CARBON_PRICE] = {"a carbon price", "USD/kg or USD/t", "80 USD/t", {{"USD/kg", 1}, {"USD/t", 1e-3}}},
    [DIM_POWER_PRICE] = {"a price of power", "USD/kW or USD/MW", "12 USD/kW", {{"USD/kW", 1}, {"USD/MW", 1e-3}}},
    [DIM_DATA] = {"an amount of data", "kB, MB, GB, TB or PB", "200 GB",
                  {{"GB", 1}, {"kB", 1e-6}, {"MB", 1e-3}, {"TB", 1e3}, {"PB", 1e6}}},
    [DIM_DATA_PRICE] = {"a price of data", "USD/GB or USD/TB", "0.02 USD/GB", {{"USD/GB", 1}, {"USD/TB", 1e-3}}},
    [DIM_DATA_RATE] = {"a data rate", "GB/s, MB/s, Gbit/s or Mbit/s", "10 Gbit/s",
                       {{"GB/s", 1}, {"MB/s", 1e-3}, {"Gbit/s", 0.125}, {"Mbit/s", 0.000125}}},
};

bool units_find(enum dim dim, const char *unit, double *factor) {
    for (const struct unit *u = dimensions[dim].units; u->name; u++)
        if (strcmp(u->name, unit) == 0) {
            *factor = u->factor;
            return true;
        }
    return false;
}

const char *units_accepted(enum dim dim) {
    return dimensions[dim].accepted;
}

const char *units_kept(enum dim dim) {
    return dimensions[dim].units[0].name;
}

const char *units_example(enum dim dim) {
    return dimensions[dim].example;
}

const char *units_noun(enum dim dim) {
    return dimensions[dim].noun;
}
