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
/* Sets the job's group aside and remembers the job as the head that others must not delay. A better job that
 * arrives later starts the line anew: every group is tried again and there is no head. */
void sched_hold(struct sched *sched, uint32_t job, enum why why);
uint32_t sched_held(const struct sched *sched, uint32_t domain); /* JOB_NONE: none */
/* Groups of the domain with waiting jobs that are not set aside, in a buffer valid until the next call. */
uint32_t sched_groups(struct sched *sched, uint32_t domain, const uint32_t **groups);
/* Every group of the domain with waiting jobs. */
uint32_t sched_groups_waiting(struct sched *sched, uint32_t domain, const uint32_t **groups);
uint32_t sched_group_of(const struct sched *sched, uint32_t job);
uint32_t sched_group_head(const struct sched *sched, uint32_t group); /* JOB_NONE when empty */
const struct shape *sched_group_shape(const struct sched *sched, uint32_t group);
/* First job in order of a group whose estimate is at most limit_ns (needs_search); JOB_NONE. */
uint32_t sched_first_within(const struct sched *sched, uint32_t group, int64_t limit_ns);
void sched_group_set_aside(struct sched *sched, uint32_t group, enum why why);
/* Why a job of this group could not start now; WHY_POLICY when nothing but the policy is in the way. */
enum why sched_explain(struct sched *sched, uint32_t group);
uint64_t sched_key(const struct sched *sched, uint32_t job);

/* When, by running jobs' estimates, the job's GPUs will have been freed, counting only GPUs of models it
 * accepts (needs_ends): the shadow time of EASY, and the GPUs (thousandths) left over at that time. */
void sched_shadow(struct sched *sched, uint32_t domain, uint32_t job, int64_t *shadow_ns, int64_t *extra_milli);
/* Expected ends of the domain's running jobs, ascending, never before now (needs_ends). */
void sched_ends(struct sched *sched, uint32_t domain,
                void (*visit)(void *context, int64_t end_ns, uint32_t gpu_milli), void *context);
/* Asks for a pass over the domain at t_ns (> now), whatever else happens; a later call replaces an earlier one. */
void sched_wake(struct sched *sched, uint32_t domain, int64_t t_ns);
uint64_t sched_free_milli(const struct sched *sched, uint32_t domain, uint64_t models);

#endif
