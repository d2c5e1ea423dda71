/*
 * What a GPU draws, and how much a power cap slows it, by how it works: the shares of its peak FLOP/s (compute) and of
 * its memory bandwidth (memory) that it reaches. The share of time with something running, which tools call
 * utilisation, says little: one H100 that decodes an 8-billion model draws 486 W of 700 at 2 % of its peak FLOP/s.
 */
#ifndef HEADROOM_CORE_POWER_H
#define HEADROOM_CORE_POWER_H

#include <math.h>

/* Share of the peak power (TDP) at work = p0 + (pmax - p0) (1 - exp(-(kc compute + km memory))), fitted to
 * measurements of LLM serving (ML.ENERGY lm-arena-chat; models/catalog/accelerators.csv has those of each chip). */
struct power_fit {
    double p0, kc, km, pmax;
};
/* Of all 146 points on H100 and B200 together, mean error 8.6 %: for chips that have no fit of their own. */
static const struct power_fit power_joint = {.p0 = 0.212, .kc = 8.65, .km = 1.46, .pmax = 0.973};

static inline double power_of_load(const struct power_fit *fit, double compute, double memory) {
    return fit->p0 + (fit->pmax - fit->p0) * -expm1(-(fit->kc * compute + fit->km * memory));
}

/* The table of speeds under a cap (cap_speeds) is the median of jobs of many kinds. A job that draws the share p of
 * its peak power without a cap feels the cap c as those feel power_cap_typical c / p: a cap bites by how far it lies
 * below what a job would draw. 0.8 fits 68 trainings on a V100 (mean error 4.6 %; without it 5.6 %) and prefill on an
 * H100 at half its power (x 1.31; measured 1.30, Splitwise, ISCA'24). */
static const double power_cap_typical = 0.8;

/* Only computing is slowed by lower clocks. Pace of a job, speed being that of one that only computes: one that waits
 * for memory has computing to spare as far as memory is above compute. */
static inline double power_capped_pace(double speed, double compute, double memory) {
    const double bound = memory > compute ? compute / memory : 1;
    return 1 / (1 + bound * (1 / speed - 1));
}

#endif
