/*
 * The points of a sweep that are at work, and the demands they share. A demand (a trace, or jobs and requests drawn at
 * random) is read once and lent, read only, to every run that asks for the same, on whatever thread; what nobody has
 * just now is kept while there is room.
 */
#ifndef HEADROOM_APP_SHELF_H
#define HEADROOM_APP_SHELF_H

#include "app/batch.h"

struct shelf;
struct shelf *shelf_open(const struct scenario *scenario);
void shelf_close(struct shelf *shelf);

/* A run at a point, ready to be simulated: batch.run, .jobs and .jobs_hash are set, its services have their
 * requests. NULL: findings in err. Any number of threads may ask. */
struct shelf_run {
    struct batch_run batch;
};
struct shelf_run *shelf_take(struct shelf *shelf, size_t run, uint64_t point, uint64_t replication, struct err *err);
void shelf_return(struct shelf *shelf, struct shelf_run *run);

/* How often a demand was read or drawn so far. */
uint64_t shelf_readings(const struct shelf *shelf);

#endif
