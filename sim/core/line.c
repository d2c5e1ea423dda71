/*
 * Waiting lines: groups of equal requests, who is next in each, who stands aside, and why everybody waits.
 *
 * Attribution of waiting: each group carries the reason its jobs wait for now; whenever the reason or the
 * number of its jobs changes, jobs x time since the last change goes to the old reason. All in integers, so the
 * parts add up to the wait exactly. Only first waits count (after a preemption a job has started already), and
 * only those of jobs submitted inside the measured window.
 *
 * Cost: O(log groups) a job that joins, leaves or heads its group, O(log jobs) where lines are kept in trees.
 */
#include "core/sched.h"

#include "core/engine.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/tick.h"

#include <stdlib.h>
#include <string.h>

/* ---- why a job waits ---- */

bool line_counts(const struct sched *s, uint32_t job) {
    const struct job *j = &s->world.jobs.at[job];
    return !sched_is_replica(s, job) && j->submit_ns >= s->setup->measure_from_ns &&
           j->submit_ns < s->setup->measure_to_ns;
}

static void why_settle(struct sched *s, struct group *g) {
    const int64_t passed = s->world.now_ns - g->why_since_ns;
    if (passed == 0) return;
    g->why_ns[g->why] += (wide)g->fresh * passed;
    g->clock_ns[g->why] += passed;
    g->why_since_ns = s->world.now_ns;
}

static void why_change(struct sched *s, struct group *g, enum why why) {
    if (g->why == why) return;
    why_settle(s, g);
    g->why = why;
}

/* The job's waiting counts with its group's from now on (by 1), or no longer (by -1). */
static void why_count(struct sched *s, struct group *g, uint32_t job, int by) {
    if (s->world.jobs.at[job].start_ns != JOB_NOT_YET) return;
    why_settle(s, g);
    if (line_counts(s, job)) g->fresh += (uint32_t)by;
    if (s->job_results)
        for (int i = 0; i < WHY_COUNT; i++) s->job_results[job].why_ns[i] -= by * g->clock_ns[i];
}

/* A blocked line's head waits for a reason of its own. */
static void front_settle(struct sched *s, struct line *l) {
    const int64_t passed = s->world.now_ns - l->front_since_ns;
    l->front_since_ns = s->world.now_ns;
    if (s->world.jobs.at[l->front].start_ns != JOB_NOT_YET) return;
    if (line_counts(s, l->front)) s->groups.at[s->group_of[l->front]].why_ns[l->front_why] += passed;
    if (s->job_results) s->job_results[l->front].why_ns[l->front_why] += passed;
}

void line_clear_front(struct sched *s, struct line *l) {
    if (l->front == JOB_NONE) return;
    if (l->front_apart) {
        front_settle(s, l);
        why_count(s, &s->groups.at[s->group_of[l->front]], l->front, 1);
    }
    l->front = JOB_NONE;
    l->front_apart = l->blocked = false;
}

void line_settle(struct sched *s) {
    for (uint32_t i = 0; i < s->world.fleet.domains_len; i++)
        if (s->lines[i].front_apart) front_settle(s, &s->lines[i]);
    for (size_t i = 0; i < s->groups.len; i++) why_settle(s, &s->groups.at[i]);
}

/* ---- groups ---- */

uint64_t sched_key(const struct sched *s, uint32_t job) {
    return s->order->key(s->order_state, &s->world, job);
}

static bool group_is(const struct group *g, uint32_t domain, const struct job *j, uint32_t market) {
    return g->domain == domain && g->shape == j->shape && g->tenant == j->tenant && g->class_id == j->class_id &&
           g->market == market;
}

static uint64_t group_hash(uint32_t domain, uint32_t shape, uint32_t tenant, uint32_t class_id, uint32_t market) {
    return hash_mix(hash_mix((uint64_t)domain << 32 | shape) ^
                    ((uint64_t)market << 32 | (uint64_t)tenant << 16 | class_id));
}

static uint32_t group_of(struct sched *s, uint32_t domain, uint32_t job, uint32_t market) {
    const struct job *j = &s->world.jobs.at[job];
    if (s->last_group < s->groups.len && group_is(&s->groups.at[s->last_group], domain, j, market))
        return s->last_group;
    const uint64_t hash = group_hash(domain, j->shape, j->tenant, j->class_id, market);
    for (size_t at = hash & (s->group_slots_len - 1);; at = (at + 1) & (s->group_slots_len - 1)) {
        const uint32_t id = s->group_slots[at];
        if (id == SCHED_NONE) {
            if (s->groups.len * 2 >= s->group_slots_len) break;
            s->group_slots[at] = (uint32_t)s->groups.len;
            struct group *g = vec_push(&s->groups);
            *g = (struct group){.domain = domain, .tenant = j->tenant, .class_id = j->class_id, .shape = j->shape,
                                .market = market, .head = JOB_NONE, .tail = JOB_NONE, .root = TREE_NONE,
                                .why = WHY_HEAD,
                                .why_since_ns = s->world.now_ns, .rate_pool = FLEET_NONE};
            evq_init(&g->heap, false);
            *vec_push(&s->lines[domain].groups) = (uint32_t)s->groups.len - 1;
            return s->last_group = (uint32_t)s->groups.len - 1;
        }
        if (group_is(&s->groups.at[id], domain, j, market)) return s->last_group = id;
    }
    /* half full: double and put everyone back */
    s->group_slots_len *= 2;
    s->group_slots = mem_grow(s->group_slots, s->group_slots_len, sizeof *s->group_slots);
    memset(s->group_slots, 0xff, s->group_slots_len * sizeof *s->group_slots);
    for (uint32_t id = 0; id < s->groups.len; id++) {
        const struct group *g = &s->groups.at[id];
        size_t at = group_hash(g->domain, g->shape, g->tenant, g->class_id, g->market) & (s->group_slots_len - 1);
        while (s->group_slots[at] != SCHED_NONE) at = (at + 1) & (s->group_slots_len - 1);
        s->group_slots[at] = id;
    }
    return group_of(s, domain, job, market);
}

uint32_t line_group(struct sched *s, uint32_t domain, uint32_t job) {
    return group_of(s, domain, job, s->hold ? hold_market(s, domain, job) : 0);
}

uint32_t line_group_beside(struct sched *s, uint32_t group, uint32_t job) {
    return group_of(s, s->groups.at[group].domain, job, s->groups.at[group].market);
}

/* The group's first job and its key; JOB_NONE when it is empty. */
static uint32_t group_first(const struct sched *s, const struct group *g, uint64_t *key) {
    if (s->in_trees) {
        const uint32_t job = tree_first(&s->waiting, g->root);
        if (job != TREE_NONE) *key = s->waiting.at[job].key;
        return job == TREE_NONE ? JOB_NONE : job;
    }
    uint32_t job = g->head;
    if (job != JOB_NONE) *key = sched_key(s, job);
    if (!evq_empty(&g->heap)) {
        const evq_key top = evq_top(&g->heap);
        if (job == JOB_NONE || top < evq_pack(*key, job, job)) {
            job = evq_handle(top);
            *key = evq_rank(top);
        }
    }
    return job;
}

/* Brings the group's place in its line up to date. */
static void group_requeue(struct sched *s, uint32_t id) {
    struct group *g = &s->groups.at[id];
    struct line *l = &s->lines[g->domain];
    uint64_t key = 0;
    const uint32_t job = g->aside || g->len == 0 ? JOB_NONE : group_first(s, g, &key);
    if (job == JOB_NONE) evq_cancel(&l->ready, id);
    else evq_move(&l->ready, evq_pack(key, job, id));
}

static void group_push(struct sched *s, uint32_t id, uint32_t job, uint64_t key) {
    struct group *g = &s->groups.at[id];
    struct job *j = &s->world.jobs.at[job];
    if (s->in_trees) {
        tree_insert(&s->waiting, &g->root, key, job, j->estimate_ns);
    } else if (g->head == JOB_NONE || key > g->tail_key || (key == g->tail_key && job > g->tail)) {
        if (g->head == JOB_NONE) g->head = job;
        else s->world.jobs.at[g->tail].next = job;
        g->tail = job;
        g->tail_key = key;
        j->next = JOB_NONE;
    } else {
        evq_push(&g->heap, evq_pack(key, job, job));
    }
    g->len++;
    s->group_of[job] = id;
}

/* Takes a job out: any one from a tree, else it must be the first. */
static void group_take(struct sched *s, uint32_t id, uint32_t job) {
    struct group *g = &s->groups.at[id];
    if (s->in_trees) {
        tree_remove(&s->waiting, &g->root, s->waiting.at[job].key, job);
    } else if (g->head == job) {
        g->head = s->world.jobs.at[job].next;
        if (g->head == JOB_NONE) g->tail = JOB_NONE;
    } else {
        require(!evq_empty(&g->heap) && evq_handle(evq_top(&g->heap)) == job);
        (void)evq_pop(&g->heap);
    }
    g->len--;
}

static void queue_count(struct sched *s, const struct group *g, int by) {
    struct domain *d = &s->world.fleet.domains[g->domain];
    struct region_account *r = &s->ledger.regions[d->region];
    const int64_t milli = by * (int64_t)shape_gpu_milli(group_shape(s, g));
    tide_step(&r->gauge[GAUGE_QUEUED], by, s->world.now_ns);
    tide_step(&r->gauge[GAUGE_QUEUED_GPUS], milli, s->world.now_ns);
    d->queued_milli += (uint64_t)milli;
    s->lines[g->domain].len += (uint32_t)by;
    s->waiting_len += (uint32_t)by;
}

/* ---- lines ---- */

void line_dirty(struct sched *s, uint32_t domain) {
    if (s->lines[domain].dirty) return;
    s->lines[domain].dirty = true;
    *vec_push(&s->dirty) = domain;
}

void line_aside(struct sched *s, uint32_t id, enum why why) {
    struct group *g = &s->groups.at[id];
    if (g->aside && g->why == WHY_QUOTA) s->quota_waiting[g->tenant]--;
    if (why == WHY_QUOTA) s->quota_waiting[g->tenant]++;
    why_change(s, g, why);
    if (g->aside) return;
    g->aside = true;
    *vec_push(&s->lines[g->domain].aside) = id;
    evq_cancel(&s->lines[g->domain].ready, id);
}

void line_wake(struct sched *s, uint32_t domain, enum wake wake, uint32_t tenant) {
    struct line *l = &s->lines[domain];
    const uint64_t free_milli = s->world.fleet.domains[domain].free_milli;
    size_t kept = 0;
    for (size_t i = 0; i < l->aside.len; i++) {
        const uint32_t id = l->aside.at[i];
        struct group *g = &s->groups.at[id];
        bool back = g->why != WHY_QUOTA;
        if (wake == WAKE_QUOTA) back = g->why == WHY_QUOTA && g->tenant == tenant;
        if (wake == WAKE_FREED && back && !s->order->preemptive && g->why == WHY_CAPACITY)
            back = shape_gpu_milli(group_shape(s, g)) <= free_milli;
        if (!back) {
            l->aside.at[kept++] = id;
            continue;
        }
        if (g->why == WHY_QUOTA) s->quota_waiting[g->tenant]--;
        g->aside = false;
        group_requeue(s, id);
    }
    l->aside.len = kept;
    line_dirty(s, domain);
}

void line_join(struct sched *s, uint32_t id, uint32_t job) {
    struct group *g = &s->groups.at[id];
    struct line *l = &s->lines[g->domain];
    const uint64_t key = sched_key(s, job);
    group_push(s, id, job, key);
    if (g->len == 1 && !g->aside)
        why_change(s, g, s->setup->policy.round_ns && !l->blocked ? WHY_POLICY : WHY_HEAD);
    why_count(s, g, job, 1);
    queue_count(s, g, 1);
    const bool better = l->front != JOB_NONE &&
                        (s->by_tenant || evq_pack(key, job, 0) < evq_pack(l->front_key, l->front, 0));
    if (better) {
        line_clear_front(s, l);
        line_wake(s, g->domain, WAKE_ALL, 0);
    } else if (g->aside && g->why == WHY_POLICY && s->backfill->needs_search) {
        line_wake(s, g->domain, WAKE_ALL, 0); /* it may be short enough where its fellows are not */
    }
    if (!g->aside && (!evq_has(&l->ready, id) || evq_pack(key, job, id) < evq_of(&l->ready, id)))
        evq_move(&l->ready, evq_pack(key, job, id));
    /* Where nothing could start anyway the pass is for nodes to be woken for the job. */
    if ((!l->blocked && !g->aside) || (s->iron && iron_wakes(s->iron, g->domain))) line_dirty(s, g->domain);
    if (s->backfill->arrived) {
        s->backfill->arrived(s->backfill_state, s, g->domain, job);
        line_dirty(s, g->domain);
    }
}

void line_leave(struct sched *s, uint32_t job) {
    const uint32_t id = s->group_of[job];
    struct line *l = &s->lines[s->groups.at[id].domain];
    if (l->front == job && l->front_apart) { /* its waiting was attributed apart already */
        front_settle(s, l);
        l->front = JOB_NONE;
        l->front_apart = l->blocked = false;
    } else {
        if (l->front == job) line_clear_front(s, l);
        why_count(s, &s->groups.at[id], job, -1);
    }
    group_take(s, id, job);
    queue_count(s, &s->groups.at[id], -1);
    group_requeue(s, id);
}

void sched_set_aside(struct sched *s, uint32_t job, enum why why) { line_aside(s, s->group_of[job], why); }

void sched_group_set_aside(struct sched *s, uint32_t group, enum why why) { line_aside(s, group, why); }

void sched_block(struct sched *s, uint32_t job, enum why why) {
    struct group *g = &s->groups.at[s->group_of[job]];
    struct line *l = &s->lines[g->domain];
    if (l->front != job) {
        line_clear_front(s, l);
        why_count(s, g, job, -1);
        l->front = job;
        l->front_key = sched_key(s, job);
        l->front_apart = true;
    } else {
        front_settle(s, l);
    }
    l->front_since_ns = s->world.now_ns;
    l->front_why = why;
    l->blocked = true;
    if (s->setup->policy.round_ns)
        for (size_t i = 0; i < l->groups.len; i++)
            if (!s->groups.at[l->groups.at[i]].aside) why_change(s, &s->groups.at[l->groups.at[i]], WHY_HEAD);
}

void sched_hold(struct sched *s, uint32_t job, enum why why) {
    const uint32_t id = s->group_of[job];
    struct line *l = &s->lines[s->groups.at[id].domain];
    line_clear_front(s, l);
    l->front = job;
    l->front_key = sched_key(s, job);
    line_aside(s, id, why);
}

uint32_t sched_held(const struct sched *s, uint32_t domain) { return s->lines[domain].front; }

static uint32_t list_groups(struct sched *s, uint32_t domain, bool all, const uint32_t **groups) {
    const struct line *l = &s->lines[domain];
    s->scratch.len = 0;
    for (size_t i = 0; i < l->groups.len; i++) {
        const struct group *g = &s->groups.at[l->groups.at[i]];
        if (g->len > 0 && (all || !g->aside)) *vec_push(&s->scratch) = l->groups.at[i];
    }
    *groups = s->scratch.at;
    return (uint32_t)s->scratch.len;
}

uint32_t sched_groups(struct sched *s, uint32_t domain, const uint32_t **groups) {
    return list_groups(s, domain, false, groups);
}

uint32_t sched_groups_waiting(struct sched *s, uint32_t domain, const uint32_t **groups) {
    return list_groups(s, domain, true, groups);
}

uint32_t sched_group_of(const struct sched *s, uint32_t job) { return s->group_of[job]; }

const struct shape *sched_group_shape(const struct sched *s, uint32_t group) {
    return group_shape(s, &s->groups.at[group]);
}

uint32_t sched_group_head(const struct sched *s, uint32_t group) {
    uint64_t key;
    return s->groups.at[group].len ? group_first(s, &s->groups.at[group], &key) : JOB_NONE;
}

uint32_t sched_first_within(const struct sched *s, uint32_t group, int64_t limit_ns) {
    const uint32_t job = tree_first_at_most(&s->waiting, s->groups.at[group].root, limit_ns);
    return job == TREE_NONE ? JOB_NONE : job;
}


void line_put(struct sched *s, uint32_t domain, uint32_t job) { line_join(s, line_group(s, domain, job), job); }

uint64_t line_group_models(const struct sched *s, uint32_t group) {
    const struct group *g = &s->groups.at[group];
    const uint64_t accepted = group_shape(s, g)->models, *models;
    if (s->hold == NULL || g->market == 0) return accepted;
    uint64_t all = 0;
    for (size_t i = hold_sets(s, g->market, &models); i-- > 0;) all |= models[i];
    return accepted & all;
}

uint32_t line_group_jobs(const struct sched *s, uint32_t group) { return s->groups.at[group].len; }

void line_freed(struct sched *s, uint32_t domain) {
    s->lines[domain].freed = true;
    line_dirty(s, domain);
}

void line_wait_for_nodes(struct sched *s, uint32_t domain) {
    struct line *l = &s->lines[domain];
    if (l->front != JOB_NONE && l->front_apart) {
        front_settle(s, l);
        l->front_why = WHY_BOOT;
    }
    for (size_t i = 0; i < l->aside.len; i++) {
        struct group *g = &s->groups.at[l->aside.at[i]];
        if (g->why == WHY_CAPACITY || g->why == WHY_FRAGMENT) why_change(s, g, WHY_BOOT);
    }
}
