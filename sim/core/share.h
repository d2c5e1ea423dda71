/*
 * How fast jobs go beside each other on one GPU, as arithmetic; share.c says what it is founded on, and keeps the
 * engine's lists (engine.h).
 */
#ifndef HEADROOM_CORE_SHARE_H
#define HEADROOM_CORE_SHARE_H

#include "core/setup.h"

#include <stddef.h>
#include <stdint.h>

/* An instance of a MIG device: of seven compute and eight memory slices. */
struct share_slice {
    uint32_t compute, memory;
};
/* What it counts for, in thousandths of a device: instances fit if and only if the sum is at most 1000. */
uint32_t share_slice_milli(const struct share_slice *slice);
/* The smallest on offer (bit g: of g compute slices) that is no less than so many thousandths of the device in compute
 * and in memory; the whole device where none is. */
const struct share_slice *share_slice_for(unsigned offered, uint32_t milli);
/* Pace of a job with this load, of a device to itself, on an instance; at most 1. */
double share_slice_pace(const struct share_slice *slice, const struct load_shares *load);

/* Time slicing among len >= 1 jobs: the share of the device's time each may have; INFINITY where all have what they
 * need. */
double share_turn(const struct load_shares *loads, size_t len, double switching);
/* MPS: by how much more is asked of the device than it has; at least 1. */
double share_crowd(const struct load_shares *loads, size_t len);
/* How much of what a job does is waiting for memory, 0..1. */
double share_memory_part(const struct load_shares *load);

#endif
