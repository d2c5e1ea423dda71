/* What a sweep set in one of its runs: read by the scenario, kept by the store. */
#ifndef HEADROOM_IO_FACTOR_H
#define HEADROOM_IO_FACTOR_H

struct run_factor {
    const char *path, *value;
    double number; /* the value's, in the unit it is written with; NAN: it has none */
};

#endif
