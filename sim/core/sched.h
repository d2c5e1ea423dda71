/*
 * The waiting lines, as backfilling sees them.
 *
 * Waiting jobs of one domain, tenant and shape form a group; a pass tries groups, not jobs: when a job does
 * not fit, no job of its group does. Inside a group jobs stand in the order model's key. A group that was
 * set aside stays so until capacity of its domain is freed (or a better job arrives in it, where the order
 * decides), so a pass costs what has changed, not the length of the queue.
 *
 * Every call that sets aside or leaves a job waiting says why; that is how waiting time gets its reason.
 */
#ifndef HEADROOM_CORE_SCHED_H
#define HEADROOM_CORE_SCHED_H

#include "core/result.h"
#include "core/world.h"

struct sched;
#define SCHED_NONE UINT32_MAX

const struct world *sched_world(const struct sched *sched);

/* The job that goes next among the domain's groups not set aside; SCHED_NONE when none is left.
 * Jobs of tenants at a hard quota are set aside (WHY_QUOTA) on the way. */
uint32_t sched_next(struct sched *sched, uint32_t domain);
/* Places and starts a waiting job. false: it does not fit now; *why says what is missing. Nothing changed. */
bool sched_start(struct sched *sched, uint32_t job, enum why *why);
/* Sets the job's group aside until the domain frees capacity. */
void sched_set_aside(struct sched *sched, uint32_t job, enum why why);
/* The job is the head of the line and blocks it: the pass is over; everyone else in the line waits for
 * WHY_HEAD until a later pass says otherwise. */
void sched_block(struct sched *sched, uint32_t job, enum why why);

/* --- for planning backfills --- */
/* Waiting jobs of the domain in order, all groups. JOB_NONE at the end. O(groups + log n) a step. */
/* Groups of the domain that are not set aside: iterate 0..count-1 before changing anything. */
uint32_t sched_groups(struct sched *sched, uint32_t domain, const uint32_t **groups);
/* First job in order of a group whose estimate is at most limit_ns (needs_search). */
uint32_t sched_first_within(struct sched *sched, uint32_t group, int64_t limit_ns);
uint32_t sched_group_head(struct sched *sched, uint32_t group);
uint32_t sched_group_of(const struct sched *sched, uint32_t job);
uint64_t sched_key(const struct sched *sched, uint32_t job);
void sched_group_set_aside(struct sched *sched, uint32_t group, enum why why);

/* When, by running jobs' estimates, the job's GPUs will have been freed, counting only nodes of models it
 * accepts (needs_ends): the shadow time of EASY, and the GPUs (thousandths) left over at that time. */
void sched_shadow(struct sched *sched, uint32_t domain, uint32_t job, int64_t *shadow_ns, int64_t *extra_milli);
/* Expected ends of the domain's running jobs, ascending (needs_ends): calls visit with end (never before
 * now) and GPUs (thousandths) of each. */
void sched_ends(struct sched *sched, uint32_t domain, void (*visit)(void *context, int64_t end_ns, uint32_t gpu_milli),
                void *context);
/* Asks for another pass over the domain at t_ns (> now), whatever else happens. */
void sched_wake(struct sched *sched, uint32_t domain, int64_t t_ns);

#endif
