/*
 * Starts, stops and preemption, and what the loop and the passes ask for. See sched.h for the idea: a pass tries
 * groups of equal requests, and a group that failed is not tried again before something was freed. The lines
 * themselves are in line.c, what a running job costs in slot.c.
 *
 * Two shortcuts take the commonest starts past the line's machinery where nobody could tell (start_alone, hand_over):
 * a job that finds nobody waiting, and a head that asks for what a job just left. tests/oracle/shortcuts.c holds
 * them against the long way. Whatever closes nodes to new jobs, or makes a job's rate or run time depend on more
 * than its pool, shape and utilisation, must switch hand_over off (sched.hands_over, set in world.c).
 */
#include "core/sched.h"

#include "core/engine.h"
#include "core/flow.h"
#include "core/staff.h"

#include "base/err.h"
#include "base/tick.h"

#include <stdlib.h>

const struct world *sched_world(const struct sched *s) { return &s->world; }

/* ---- starts and stops ---- */

/* Fewer GPUs are free than it asks for. */
static bool too_large(const struct sched *s, uint32_t domain, const struct shape *shape) {
    return s->world.fleet.domains[domain].free_milli < shape_gpu_milli(shape);
}

static void fragment_note(struct sched *s, uint32_t domain, double before) {
    const struct domain *d = &s->world.fleet.domains[domain];
    if (d->fragmented_milli == before) return;
    struct region_account *r = &s->ledger.regions[d->region];
    region_settle(r, s->world.now_ns);
    r->fragmented_milli += d->fragmented_milli - before;
}

/* The group's markets are tried in their order. */
static uint32_t place_in_markets(struct sched *s, const struct group *g) {
    const uint64_t *models;
    const size_t sets = hold_sets(s, g->market, &models);
    struct shape shape = *group_shape(s, g);
    const uint64_t accepted = shape.models;
    for (size_t i = 0; i < sets; i++) {
        shape.models = accepted & models[i];
        if (shape.models == 0) continue;
        const uint32_t takes =
            place_job(&s->world, &s->takes, s->place, s->place_state, g->domain, &shape, s->setup->policy.scatter);
        if (takes != FLEET_NONE) return takes;
    }
    return FLEET_NONE;
}

static uint32_t place_now(struct sched *s, const struct group *g) {
    const double before = s->world.fleet.domains[g->domain].fragmented_milli;
    const uint32_t takes = s->hold && g->market ? place_in_markets(s, g)
                                   : place_job(&s->world, &s->takes, s->place, s->place_state, g->domain,
                                               group_shape(s, g), s->setup->policy.scatter);
    if (takes != FLEET_NONE) fragment_note(s, g->domain, before);
    return takes;
}

static void takes_release(struct sched *s, uint32_t domain, const struct shape *shape, uint32_t first) {
    const double before = s->world.fleet.domains[domain].fragmented_milli;
    for (uint32_t t = first; t != FLEET_NONE; t = s->takes.at[t].next)
        fleet_release(&s->world.fleet, shape, &s->takes.at[t]);
    fragment_note(s, domain, before);
}

/* All takes of the chain again, or none. */
static bool takes_reclaim(struct sched *s, uint32_t domain, const struct shape *shape, uint32_t first) {
    const double before = s->world.fleet.domains[domain].fragmented_milli;
    uint32_t t = first;
    while (t != FLEET_NONE && fleet_reclaim(&s->world.fleet, shape, &s->takes.at[t])) t = s->takes.at[t].next;
    for (uint32_t undo = first; t != FLEET_NONE && undo != t; undo = s->takes.at[undo].next)
        fleet_release(&s->world.fleet, shape, &s->takes.at[undo]);
    fragment_note(s, domain, before);
    return t == FLEET_NONE;
}

/* What a job that has run before owes before its work goes on. */
static int64_t restart_cost(const struct sched *s, uint32_t job) {
    const struct shape *shape = world_shape(&s->world, job);
    const int owes = s->job_state ? s->job_state[job] & JOB_OWES : JOB_OWES_RESTART;
    if (owes == JOB_OWES_RESUME) return s->setup->policy.resume_ns;
    if (owes == JOB_OWES_RESTORE) return s->setup->policy.checkpoint.restore_ns;
    return s->setup->policy.restart_ns[shape->gpus <= 1 ? 0 : shape->gpus <= 8 ? 1 : 2];
}

/* Enters the slot's next event and its place among the running. */
static void slot_schedule(struct sched *s, uint32_t id) {
    struct slot *slot = &s->slots.at[id];
    int64_t when = s->working ? work_moment(s, id, slot->end_ns) : slot->end_ns;
    if (s->order->preemptive) {
        int64_t changes_ns = TICK_NEVER;
        slot->running_key = s->order->running_key(s->order_state, &s->world, slot->job, &changes_ns);
        tree_insert(&s->running, &s->lines[slot->domain].running, ~slot->running_key, id, slot->gpu_milli);
        /* While it restarts it makes no progress: its key is taken anew when work begins. */
        if (s->order->drift && slot->work_from_ns > s->world.now_ns && slot->work_from_ns < changes_ns)
            changes_ns = slot->work_from_ns;
        if (changes_ns < when) when = changes_ns;
    }
    evq_push(&s->events, evq_pack((uint64_t)when, slot->job, first_slot_event(s) + id));
}

/* The slot's job runs from now on; what it holds is counted already. */
static void slot_begin(struct sched *s, uint32_t id) {
    struct slot *slot = &s->slots.at[id];
    struct job *j = &s->world.jobs.at[slot->job];
    const int64_t now = s->world.now_ns;
    const bool again = j->start_ns != JOB_NOT_YET;
    if (!again) j->start_ns = now;
    if (s->job_results) {
        s->job_results[slot->job].held_ns -= now;
        if (!again) s->job_results[slot->job].first_node = s->takes.at[slot->takes].node;
        s->job_results[slot->job].bought = s->setup->pools[take_pool(s, &s->takes.at[slot->takes])].bought;
    }
    slot->work_from_ns = now + s->setup->policy.round_cost_ns;
    if (sched_is_replica(s, slot->job)) slot->work_from_ns = now + staff_start_ns(s, slot->job);
    else if (again) slot->work_from_ns += restart_cost(s, slot->job);
    slot->end_ns = sched_is_replica(s, slot->job) ? TICK_NEVER : slot->work_from_ns + j->left_ns;
    slot->expected_ns = slot->work_from_ns + (j->estimate_ns - (j->run_ns - j->left_ns));
    if (s->working) {
        work_begin(s, id);
        if (s->speeds || s->share) slot->expected_ns = work_expected(s, id);
        if (again && (s->job_state[slot->job] & JOB_OWES) == JOB_OWES_RESTORE)
            s->works.at[id].restore_ns = s->setup->policy.checkpoint.restore_ns;
        if (s->hold) hold_started(s, id);
    }
    if (s->backfill->needs_ends)
        tree_insert(&s->ends, &s->lines[slot->domain].ends, order_key_i64(slot->expected_ns), id, slot->gpu_milli);
    if (s->resize) resize_started(s, id);
    slot_schedule(s, id);
    s->placements++;
    if (sched_is_replica(s, slot->job)) staff_started(s, id);
}

static void job_begin(struct sched *s, uint32_t job, uint32_t takes) {
    const struct shape *shape = world_shape(&s->world, job);
    uint32_t id = s->unused_slot;
    if (id != SCHED_NONE) {
        s->unused_slot = s->slots.at[id].next_unused;
    } else {
        id = (uint32_t)s->slots.len;
        (void)vec_push(&s->slots);
    }
    struct slot *slot = &s->slots.at[id];
    const uint32_t group = s->group_of[job];
    *slot = (struct slot){.job = job, .group = group, .domain = s->groups.at[group].domain, .takes = takes,
                          .gpu_milli = shape_gpu_milli(shape), .settled_ns = s->world.now_ns};
    slot->pool = s->takes.at[takes].next == FLEET_NONE ? take_pool(s, &s->takes.at[takes]) : FLEET_NONE;
    if (s->share) share_join(s, id);
    slot->rate = slot_rate(s, slot);
    slot_enter(s, slot);
    slot->settled = s->ledger.regions[s->world.fleet.domains[slot->domain].region].now;
    if (s->caps) caps_count(s, id, 1);
    if (s->iron) iron_placed(s, id, takes);
    slot_begin(s, id);
}

/* Brings left_ns up to now. */
static void slot_progress(struct sched *s, struct slot *slot) {
    const int64_t now = s->world.now_ns;
    if (s->working) {
        struct work *w = &s->works.at[slot - s->slots.at];
        const int64_t done = work_done(w, now);
        slot_settle(s, slot);
        work_change(s, (uint32_t)(slot - s->slots.at), w->speed);
        work_rebase(w, done);
        s->world.jobs.at[slot->job].left_ns -= done;
        return;
    }
    if (now <= slot->work_from_ns) return;
    s->world.jobs.at[slot->job].left_ns -= now - slot->work_from_ns;
    slot_settle(s, slot);
    slot->work_from_ns = now;
}

/* The job holds nothing from now on; its devices are freed unless the caller did so already. */
static void job_stop(struct sched *s, uint32_t id, bool release) {
    struct slot *slot = &s->slots.at[id];
    struct line *l = &s->lines[slot->domain];
    const struct shape *shape = world_shape(&s->world, slot->job);
    slot_settle(s, slot);
    if (s->job_results) s->job_results[slot->job].held_ns += s->world.now_ns;
    if (s->iron) iron_released(s, slot->takes);
    if (s->caps) caps_count(s, id, -1);
    slot_leave(s, slot);
    if (s->share) share_leave(s, id);
    if (s->backfill->needs_ends) tree_remove(&s->ends, &l->ends, order_key_i64(slot->expected_ns), id);
    if (s->order->preemptive) tree_remove(&s->running, &l->running, ~slot->running_key, id);
    if (release) takes_release(s, slot->domain, shape, slot->takes);
    takes_drop(&s->takes, slot->takes);
    const struct group *g = &s->groups.at[slot->group];
    if (s->quota_waiting[g->tenant])
        for (uint32_t d = 0; d < s->world.fleet.domains_len; d++) line_wake(s, d, WAKE_QUOTA, g->tenant);
    if (l->len > 0 || !s->skips_line) { /* else a pass would have nothing to do */
        l->freed = true;
        line_dirty(s, slot->domain);
    }
    if (s->resize) resize_stopped(s, id);
    slot->job = JOB_NONE;
    slot->next_unused = s->unused_slot;
    s->unused_slot = id;
}

/* Stops a job that is not done, gives back what it holds, and remembers what it owes. */
static void job_break(struct sched *s, uint32_t id, int owes) {
    const uint32_t job = s->slots.at[id].job;
    evq_cancel(&s->events, first_slot_event(s) + id);
    job_stop(s, id, true);
    s->job_state[job] = (uint8_t)((s->job_state[job] & ~JOB_OWES) | owes);
}

void sched_interrupt(struct sched *s, uint32_t id, enum interrupt cause) {
    struct slot *slot = &s->slots.at[id];
    const int64_t now = s->world.now_ns;
    const uint32_t job = slot->job;
    slot_settle(s, slot);
    const struct work *w = &s->works.at[id];
    const int64_t done = work_done(w, now);
    const bool replica = sched_is_replica(s, job); /* nothing of a service is lost but requests under way */
    const int64_t safe = replica ? done : work_safe(w, now);
    int64_t kept = safe;
    const bool drained = cause == INTERRUPT_DRAIN || cause == INTERRUPT_WARNED;
    if (drained) { /* the last of its time went into a checkpoint */
        const int64_t write = s->setup->policy.checkpoint.write_ns;
        const int64_t at_write = work_done(w, now - write > w->mark_ns ? now - write : w->mark_ns);
        if (at_write > safe) kept = at_write;
    }
    slot_lose(s, slot, drained ? 0 : done - kept, drained ? done - kept : 0);
    struct account *a = &s->groups.at[slot->group].account;
    a->failures += cause == INTERRUPT_FAILURE;
    a->evictions += cause == INTERRUPT_EVICTION || cause == INTERRUPT_WARNED;
    if (s->job_results) s->job_results[job].failures += cause != INTERRUPT_DRAIN;
    s->world.jobs.at[job].left_ns -= kept;
    const uint32_t group = slot->group;
    if (replica) staff_stopped(s, id);
    job_break(s, id, JOB_OWES_RESTORE);
    if (replica) line_put(s, s->groups.at[group].domain, job);
    else if (s->hold) hold_again(s, job, false);
    else if (s->resize) line_put(s, s->groups.at[group].domain, job); /* it may have been resized */
    else line_join(s, group, job);
}

void sched_release(struct sched *s, uint32_t id) {
    s->lines[s->slots.at[id].domain].ended_early = true;
    evq_cancel(&s->events, first_slot_event(s) + id);
    job_stop(s, id, true);
}

/* Shifting stops the job for a better hour. */
static void suspend(struct sched *s, uint32_t id) {
    const uint32_t job = s->slots.at[id].job;
    slot_progress(s, &s->slots.at[id]);
    s->groups.at[s->slots.at[id].group].account.suspensions++;
    if (s->job_results) s->job_results[job].suspensions++;
    job_break(s, id, JOB_OWES_RESUME);
    hold_again(s, job, true);
}

void sched_rerate(struct sched *s, uint32_t id) {
    struct slot *slot = &s->slots.at[id];
    if (s->order->preemptive) slot_progress(s, slot); /* its key follows from what is left */
    slot_settle(s, slot);
    slot_leave(s, slot);
    slot->rate = slot_rate(s, slot);
    slot_enter(s, slot);
    if (!s->working) return;
    struct line *l = &s->lines[slot->domain];
    work_change(s, id, slot->rate.speed);
    if (s->backfill->needs_ends) tree_remove(&s->ends, &l->ends, order_key_i64(slot->expected_ns), id);
    slot->expected_ns = work_expected(s, id);
    if (s->backfill->needs_ends)
        tree_insert(&s->ends, &l->ends, order_key_i64(slot->expected_ns), id, slot->gpu_milli);
    if (s->order->preemptive) tree_remove(&s->running, &l->running, ~slot->running_key, id);
    evq_cancel(&s->events, first_slot_event(s) + id);
    slot_schedule(s, id);
}

/* It holds other nodes from now on. */
static void slot_move(struct sched *s, uint32_t id, uint32_t takes, uint32_t shape, uint32_t group) {
    struct slot *slot = &s->slots.at[id];
    struct job *j = &s->world.jobs.at[slot->job];
    if (s->iron) iron_released(s, slot->takes);
    if (s->caps) caps_count(s, id, -1);
    slot_leave(s, slot);
    takes_drop(&s->takes, slot->takes);
    j->shape = shape;
    slot->group = group;
    slot->takes = takes;
    slot->gpu_milli = shape_gpu_milli(world_shape(&s->world, slot->job));
    slot->pool = s->takes.at[takes].next == FLEET_NONE ? take_pool(s, &s->takes.at[takes]) : FLEET_NONE;
    slot->rate = slot_rate(s, slot);
    slot_enter(s, slot);
    if (s->caps) caps_count(s, id, 1);
    if (s->iron) iron_placed(s, id, takes);
}

bool sched_resize(struct sched *s, uint32_t id, uint32_t shape, int64_t cost_ns) {
    struct slot *slot = &s->slots.at[id];
    struct job *j = &s->world.jobs.at[slot->job];
    const uint32_t before = j->shape, domain = slot->domain;
    const uint32_t held = slot->gpu_milli;
    takes_release(s, domain, &s->world.jobs.shapes.at[before], slot->takes);
    j->shape = shape;
    const uint32_t group = line_group_beside(s, slot->group, slot->job); /* may be new, and then groups move */
    const uint32_t takes = place_now(s, &s->groups.at[group]);
    j->shape = before;
    if (takes == FLEET_NONE) {
        require(takes_reclaim(s, domain, &s->world.jobs.shapes.at[before], slot->takes));
        return false;
    }
    slot_progress(s, slot);
    slot_move(s, id, takes, shape, group);
    const struct work was = s->works.at[id];
    if (slot->work_from_ns < s->world.now_ns + cost_ns) slot->work_from_ns = s->world.now_ns + cost_ns;
    work_begin(s, id);
    s->works.at[id].stop_ns = was.stop_ns;
    s->works.at[id].look_ns = was.look_ns;
    s->works.at[id].restore_ns = was.restore_ns;
    slot->expected_ns = work_expected(s, id);
    evq_cancel(&s->events, first_slot_event(s) + id);
    slot_schedule(s, id);
    if (slot->gpu_milli >= held) return true;
    const uint32_t tenant = s->groups.at[slot->group].tenant;
    if (s->quota_waiting[tenant])
        for (uint32_t d = 0; d < s->world.fleet.domains_len; d++) line_wake(s, d, WAKE_QUOTA, tenant);
    line_freed(s, domain);
    return true;
}

/* The commonest event of a full fleet: a job ends, and the head of the line asks for the same. The head did not
 * fit, and nothing else was freed: any placement would come to the place just left, so the head takes over the slot
 * with all it holds, and of the many sums only what differs between the two jobs changes. (Not gangs, whose parts
 * may be dealt out in another order; and where devices are shared and others free, not the same device.)
 * `alone`: nothing else happens at this instant, so nobody comes before the head, and nobody sees the fleet
 * between the two jobs. */
static bool hand_over(struct sched *s, uint32_t id, bool alone) {
    struct slot *slot = &s->slots.at[id];
    const struct line *l = &s->lines[slot->domain];
    const uint32_t ended = slot->job, job = l->front;
    if (!alone || !s->hands_over || !l->front_apart || s->group_of[job] != slot->group || slot->pool == FLEET_NONE)
        return false;
    if (s->world.fleet.shares && s->world.fleet.domains[slot->domain].free_milli > 0) return false;
    slot_settle(s, slot);
    if (s->job_results) s->job_results[ended].held_ns += s->world.now_ns;
    line_leave(s, job);
    const bool alike = s->world.jobs.at[ended].utilisation == s->world.jobs.at[job].utilisation;
    if (!alike) slot_leave(s, slot);
    slot->job = job;
    if (!alike) {
        slot->rate = slot_rate(s, slot);
        slot_enter(s, slot);
    }
    slot_begin(s, id);
    /* The next head's turn. Where too little is free for it, what a pass would come to is known. */
    const uint32_t next = evq_empty(&l->ready) ? JOB_NONE : evq_seq(evq_top(&l->ready));
    if (next != JOB_NONE && too_large(s, slot->domain, world_shape(&s->world, next))) {
        sched_block(s, next, WHY_CAPACITY);
        s->passes++;
    } else {
        line_dirty(s, slot->domain);
    }
    return true;
}

/* ---- preemption ---- */

static bool worse_than(const struct sched *s, const struct slot *slot, uint64_t key) {
    const uint64_t now = s->order->drift ? (uint64_t)s->world.now_ns : 0;
    return key < slot->running_key - now;
}

uint64_t sched_free_milli(const struct sched *s, uint32_t domain, uint64_t models) {
    const struct domain *d = &s->world.fleet.domains[domain];
    if ((d->models & models) == d->models) return d->free_milli;
    uint64_t sum = 0;
    for (uint32_t m = 0; m < s->world.fleet.models.len; m++)
        if (models >> m & 1) sum += d->model_free_milli[m];
    return sum;
}

static bool slot_accepted(const struct sched *s, const struct slot *slot, uint64_t models) {
    const struct domain *d = &s->world.fleet.domains[slot->domain];
    if ((d->models & models) == d->models) return true;
    const struct node *n = &s->world.fleet.nodes[s->takes.at[slot->takes].node];
    return (s->world.fleet.type_accept[s->world.fleet.classes.at[n->class_id].type] & models) != 0;
}

/* Stops running jobs with worse keys, worst first, until the job fits; those whose devices it did not need
 * after all go on, best first. FLEET_NONE, and nothing changed, when even that does not help. */
static uint32_t preempt_for(struct sched *s, uint32_t domain, uint32_t job, uint64_t key) {
    struct line *l = &s->lines[domain];
    const struct shape *shape = world_shape(&s->world, job);
    const int64_t need = (int64_t)shape_gpu_milli(shape);
    int64_t have = (int64_t)sched_free_milli(s, domain, shape->models), reached;
    const uint32_t last = need > have ? tree_reach(&s->running, l->running, need - have, &reached)
                                      : tree_first(&s->running, l->running);
    if (last == TREE_NONE || !worse_than(s, &s->slots.at[last], key)) return FLEET_NONE;
    uint32_t takes = FLEET_NONE;
    s->victims.len = 0;
    for (uint32_t id = tree_first(&s->running, l->running); id != TREE_NONE && takes == FLEET_NONE;
         id = tree_after(&s->running, l->running, s->running.at[id].key, id)) {
        const struct slot *slot = &s->slots.at[id];
        if (!worse_than(s, slot, key)) break;
        if (!slot_accepted(s, slot, shape->models)) continue;
        takes_release(s, domain, world_shape(&s->world, slot->job), slot->takes);
        *vec_push(&s->victims) = id;
        have += slot->gpu_milli;
        if (have >= need) takes = place_now(s, &s->groups.at[s->group_of[job]]);
    }
    size_t kept = 0;
    for (size_t i = s->victims.len; i-- > 0;) {
        const struct slot *slot = &s->slots.at[s->victims.at[i]];
        const bool stays = takes_reclaim(s, domain, world_shape(&s->world, slot->job), slot->takes);
        require(stays || takes != FLEET_NONE);
        if (stays) s->victims.at[i] = SCHED_NONE;
    }
    for (size_t i = 0; i < s->victims.len; i++)
        if (s->victims.at[i] != SCHED_NONE) s->victims.at[kept++] = s->victims.at[i];
    s->victims.len = kept;
    return takes;
}

static void suspend_victims(struct sched *s) {
    for (size_t i = 0; i < s->victims.len; i++) {
        const uint32_t id = s->victims.at[i];
        struct slot *slot = &s->slots.at[id];
        const uint32_t job = slot->job, group = slot->group;
        slot_settle(s, slot);
        slot_progress(s, slot);
        s->groups.at[group].account.preemptions++;
        if (s->job_results) s->job_results[job].preemptions++;
        if (sched_is_replica(s, job)) staff_stopped(s, id);
        evq_cancel(&s->events, first_slot_event(s) + id);
        job_stop(s, id, false);
        line_join(s, group, job);
    }
    s->victims.len = 0;
}

/* ---- the calls of a pass ---- */

static bool quota_allows(const struct sched *s, const struct group *g) {
    const struct holding *h = &s->world.tenants[g->tenant];
    return h->quota_kind != QUOTA_HARD || h->gpu_milli + shape_gpu_milli(group_shape(s, g)) <= h->quota_milli;
}

/* Across tenants: those inside their entitlement first, then by the order's tenant key, then as usual. */
static uint32_t next_by_tenant(struct sched *s, uint32_t domain) {
    const struct line *l = &s->lines[domain];
    uint32_t best = SCHED_NONE;
    bool best_over = false;
    double best_rank = 0;
    evq_key best_key = 0;
    for (size_t i = 0; i < l->groups.len; i++) {
        const uint32_t id = l->groups.at[i];
        const struct group *g = &s->groups.at[id];
        if (!evq_has(&l->ready, id)) continue;
        const struct holding *h = &s->world.tenants[g->tenant];
        const bool over = h->quota_kind == QUOTA_BORROW &&
                          h->gpu_milli + shape_gpu_milli(group_shape(s, g)) > h->quota_milli;
        const double rank = s->order->tenant_key ? s->order->tenant_key(s->order_state, &s->world, g->tenant) : 0;
        const evq_key key = evq_of(&l->ready, id);
        if (best == SCHED_NONE || over < best_over ||
            (over == best_over && (rank < best_rank || (rank <= best_rank && key < best_key)))) {
            best = id;
            best_over = over;
            best_rank = rank;
            best_key = key;
        }
    }
    return best;
}

uint32_t sched_next(struct sched *s, uint32_t domain) {
    struct line *l = &s->lines[domain];
    while (!evq_empty(&l->ready)) {
        const uint32_t id = s->by_tenant ? next_by_tenant(s, domain) : evq_handle(evq_top(&l->ready));
        const uint32_t job = evq_seq(evq_of(&l->ready, id));
        if (quota_allows(s, &s->groups.at[id])) return job;
        if (l->front == job) line_clear_front(s, l);
        line_aside(s, id, WHY_QUOTA);
    }
    return JOB_NONE;
}

static enum why explain(struct sched *s, uint32_t domain, const struct shape *shape) {
    const struct domain *d = &s->world.fleet.domains[domain];
    const uint32_t need = shape_gpu_milli(shape);
    if (need > d->free_milli) return WHY_CAPACITY;
    if (need == 0) return d->cpu_free_milli < shape->cpu_milli ? WHY_CAPACITY : WHY_FRAGMENT;
    if (need > sched_free_milli(s, domain, shape->models)) return WHY_MISMATCH;
    if (shape->cpu_milli || shape->mem_mib) {
        struct shape gpus_only = *shape;
        gpus_only.cpu_milli = gpus_only.mem_mib = 0;
        if (place_would_fit(&s->world, s->place, domain, &gpus_only, s->setup->policy.scatter))
            return WHY_MISMATCH;
    }
    return WHY_FRAGMENT;
}

enum why sched_explain(struct sched *s, uint32_t group) {
    const struct group *g = &s->groups.at[group];
    if (!quota_allows(s, g)) return WHY_QUOTA;
    const struct shape *shape = group_shape(s, g);
    if (place_would_fit(&s->world, s->place, g->domain, shape, s->setup->policy.scatter)) return WHY_POLICY;
    return explain(s, g->domain, shape);
}

/* By the hungriest of the domain's pools. */
bool sched_has_power(struct sched *s, uint32_t domain, uint32_t job, uint32_t milli) {
    const struct domain *d = &s->world.fleet.domains[domain];
    double most_w = 0;
    for (size_t i = 0; i < s->setup->pools_len; i++) {
        const struct pool_setup *p = &s->setup->pools[i];
        if (p->region != d->region || p->tenant != d->tenant || p->gpus == 0) continue;
        const double w = slot_most_w(s, (uint32_t)i, job);
        if (w > most_w) most_w = w;
    }
    return caps_allow(s, d->region, most_w * milli);
}

bool sched_start(struct sched *s, uint32_t job, enum why *why) {
    const uint32_t id = s->group_of[job], domain = s->groups.at[id].domain;
    const struct shape *shape = group_shape(s, &s->groups.at[id]);
    if (s->caps && !sched_has_power(s, domain, job, shape_gpu_milli(shape))) {
        *why = WHY_POWER;
        return false;
    }
    if (!s->order->preemptive && too_large(s, domain, shape)) {
        *why = WHY_CAPACITY;
        return false;
    }
    uint32_t takes = place_now(s, &s->groups.at[id]);
    s->victims.len = 0;
    if (takes == FLEET_NONE && s->order->preemptive)
        takes = preempt_for(s, domain, job, sched_key(s, job));
    if (takes == FLEET_NONE) {
        *why = explain(s, domain, shape);
        return false;
    }
    line_leave(s, job);
    job_begin(s, job, takes);
    suspend_victims(s);
    return true;
}

void sched_wake(struct sched *s, uint32_t domain, int64_t t_ns) {
    require(t_ns > s->world.now_ns);
    evq_move(&s->events, evq_pack((uint64_t)t_ns, UINT32_MAX, EVENT_LINES + domain));
}

/* ---- expected ends ---- */

static int64_t expected_end(const struct sched *s, uint32_t slot) {
    const int64_t end = s->slots.at[slot].expected_ns, now = s->world.now_ns;
    return end > now ? end : now; /* a job past its estimate may end at any moment */
}

void sched_ends(struct sched *s, uint32_t domain,
                void (*visit)(void *context, int64_t end_ns, uint32_t gpu_milli), void *context) {
    const uint32_t root = s->lines[domain].ends;
    for (uint32_t id = tree_first(&s->ends, root); id != TREE_NONE;
         id = tree_after(&s->ends, root, s->ends.at[id].key, id))
        visit(context, expected_end(s, id), s->slots.at[id].gpu_milli);
}

void sched_shadow(struct sched *s, uint32_t domain, uint32_t job, int64_t *shadow_ns, int64_t *extra_milli) {
    const struct shape *shape = world_shape(&s->world, job);
    const struct domain *d = &s->world.fleet.domains[domain];
    const uint32_t root = s->lines[domain].ends;
    const int64_t need = (int64_t)shape_gpu_milli(shape);
    int64_t have = (int64_t)sched_free_milli(s, domain, shape->models);
    *shadow_ns = s->world.now_ns;
    uint32_t id = tree_first(&s->ends, root);
    if ((d->models & shape->models) == d->models && have < need) {
        int64_t sum;
        id = tree_reach(&s->ends, root, need - have, &sum);
        if (id != TREE_NONE) {
            *shadow_ns = expected_end(s, id);
            have += sum;
            id = tree_after(&s->ends, root, s->ends.at[id].key, id);
        }
    }
    for (; id != TREE_NONE; id = tree_after(&s->ends, root, s->ends.at[id].key, id)) {
        const int64_t end = expected_end(s, id);
        if (have >= need && end > *shadow_ns) break; /* all that end at the shadow time count */
        if (!slot_accepted(s, &s->slots.at[id], shape->models)) continue;
        have += s->slots.at[id].gpu_milli;
        *shadow_ns = end;
    }
    *extra_milli = have > need ? have - need : 0;
    if (have < need) *shadow_ns = TICK_NEVER;
}

/* ---- what the loop calls ---- */

bool sched_may(struct sched *s, uint32_t job, uint32_t region) {
    const struct job *j = &s->world.jobs.at[job];
    const uint32_t domain = s->world.domain_of[j->tenant * s->setup->regions_len + region];
    const bool *may = s->world.tenants[j->tenant].may;
    return domain != FLEET_NONE && (may == NULL || may[region]) && world_possible(s, domain, j->shape) &&
           (s->hold == NULL || hold_possible(s, domain, job));
}

uint32_t sched_route(struct sched *s, uint32_t job, const bool *may, const struct route_offer *offers) {
    const size_t regions = s->setup->regions_len;
    if (regions == 1) return 0;
    for (uint32_t r = 0; r < regions; r++) {
        region_advance(&s->ledger.regions[r], s->world.now_ns);
        s->world.price[r] = s->ledger.regions[r].price.value;
        s->world.carbon[r] = s->ledger.regions[r].carbon.value;
        s->world.pue[r] = s->ledger.regions[r].pue.value;
    }
    const uint32_t region = offers ? s->route->pair(s->route_state, &s->world, job, may, offers)
                                   : s->route->region(s->route_state, &s->world, job, may);
    require(region < regions && may[region]);
    return region;
}

/* A job that finds nobody waiting, and nobody comes with it, need not stand in line to be the next: it starts if
 * it fits. false: it must join the line. */
static bool start_alone(struct sched *s, uint32_t id, uint32_t job) {
    const struct group *g = &s->groups.at[id];
    if (!s->skips_line || s->lines[g->domain].len > 0 || !quota_allows(s, g)) return false;
    const uint32_t takes = place_now(s, g);
    if (takes == FLEET_NONE) return false;
    s->group_of[job] = id;
    job_begin(s, job, takes);
    return true;
}

void sched_arrive(struct sched *s, uint32_t job, bool alone) {
    struct job *j = &s->world.jobs.at[job];
    const size_t regions = s->setup->regions_len;
    bool may[256], any = false;
    for (uint32_t r = 0; r < regions; r++) any |= may[r] = sched_may(s, job, r);
    const struct holding *h = &s->world.tenants[j->tenant];
    if (!any ||
        (h->quota_kind == QUOTA_HARD && shape_gpu_milli(world_shape(&s->world, job)) > h->quota_milli)) {
        j->start_ns = JOB_REFUSED;
        return;
    }
    if (s->hold) {
        hold_arrive(s, job, may);
        return;
    }
    const uint32_t region = sched_route(s, job, may, NULL);
    if (s->job_results) s->job_results[job].region = region;
    const uint32_t group = line_group(s, s->world.domain_of[j->tenant * regions + region], job);
    if (!alone || !start_alone(s, group, job)) line_join(s, group, job);
}

void sched_prefetch(const struct sched *s, evq_key next) {
    const uint32_t handle = evq_handle(next);
    if (handle < first_slot_event(s)) return;
    const char *slot = (const char *)&s->slots.at[handle - first_slot_event(s)];
    __builtin_prefetch(slot, 1);
    __builtin_prefetch(slot + 64, 1);
    /* Slots and takes are handed out and returned in step while jobs sit on one node each. */
    if (handle - first_slot_event(s) < s->takes.len) __builtin_prefetch(&s->takes.at[handle - first_slot_event(s)]);
    __builtin_prefetch(&s->world.jobs.at[evq_seq(next)], 1);
}

static void timer_event(struct sched *s, uint32_t handle) {
    if (handle == EVENT_ROUND) return; /* its only effect is that passes run now */
    if (handle == EVENT_IRON) iron_event(s);
    else if (handle == EVENT_CAPS) caps_event(s);
    else if (handle == EVENT_PHASES) hold_phases(s);
    else if (handle == EVENT_SERVE) services_event(s);
    else if (handle == EVENT_FLOW) flows_event(s);
    else if (handle >= first_held_event(s)) hold_event(s, handle - first_held_event(s));
    else line_dirty(s, handle - EVENT_LINES);
}

/* A running job is suspended, or its market is looked at again; false when it is neither's time. */
static bool work_event(struct sched *s, uint32_t id) {
    const struct work *w = &s->works.at[id];
    const int64_t now = s->world.now_ns;
    if (w->stop_ns < TICK_NEVER && w->stop_ns + s->setup->policy.suspend_ns <= now) {
        suspend(s, id);
        return true;
    }
    if (w->look_ns > now) return false;
    if (!hold_looks(s, id)) {
        sched_interrupt(s, id, INTERRUPT_DRAIN);
        return true;
    }
    if (s->order->preemptive)
        tree_remove(&s->running, &s->lines[s->slots.at[id].domain].running, ~s->slots.at[id].running_key, id);
    slot_schedule(s, id);
    return true;
}

void sched_event(struct sched *s, evq_key event, bool alone) {
    const uint32_t handle = evq_handle(event);
    if (handle < first_slot_event(s)) {
        timer_event(s, handle);
        return;
    }
    const uint32_t id = handle - first_slot_event(s);
    struct slot *slot = &s->slots.at[id];
    struct line *l = &s->lines[slot->domain];
    if (slot->end_ns > s->world.now_ns && s->working && work_event(s, id)) return;
    if (slot->end_ns > s->world.now_ns) { /* its key changes: it may lose its place to a waiting job */
        slot_progress(s, slot);
        tree_remove(&s->running, &l->running, ~slot->running_key, id);
        slot_schedule(s, id);
        line_clear_front(s, l);
        line_wake(s, slot->domain, WAKE_ALL, 0);
        return;
    }
    struct job *j = &s->world.jobs.at[slot->job];
    j->end_ns = s->world.now_ns;
    j->left_ns = 0;
    l->ended_early |= slot->expected_ns > s->world.now_ns;
    if (!hand_over(s, id, alone)) job_stop(s, id, true);
}

static int by_number(const void *a, const void *b) {
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void sched_passes(struct sched *s) {
    const int64_t round = s->setup->policy.round_ns, now = s->world.now_ns;
    if (s->dirty.len == 0) return;
    if (round && now % round) {
        evq_move(&s->events, evq_pack((uint64_t)((now / round + 1) * round), UINT32_MAX, EVENT_ROUND));
        return;
    }
    if (s->dirty.len > 1) qsort(s->dirty.at, s->dirty.len, sizeof *s->dirty.at, by_number);
    for (size_t i = 0; i < s->dirty.len; i++) { /* a pass that preempts may add lines, its own too */
        struct line *l = &s->lines[s->dirty.at[i]];
        l->dirty = false;
        if (l->freed) {
            l->freed = l->blocked = false; /* a blocking head is tried again; its reason goes on until then */
            l->dirty = true; /* it is being passed over already */
            line_wake(s, s->dirty.at[i], WAKE_FREED, 0);
            /* A held head that may fit now is held no longer, and then every group stands in line again: one
             * left aside could otherwise be overtaken by a job that took its place as the head. */
            if (l->front != JOB_NONE && !l->front_apart && !s->groups.at[s->group_of[l->front]].aside) {
                line_clear_front(s, l);
                line_wake(s, s->dirty.at[i], WAKE_ALL, 0);
            }
            l->dirty = false;
        }
        do {
            s->passes++;
            s->backfill->pass(s->backfill_state, s, s->dirty.at[i]);
        } while (s->hold && hold_let_go(s, s->dirty.at[i]));
        if (s->resize) resize_pass(s, s->dirty.at[i]);
        if (s->iron && iron_want(s, s->dirty.at[i])) line_wait_for_nodes(s, s->dirty.at[i]);
    }
    s->dirty.len = 0;
    if (s->caps) caps_settle(s);
}

void sched_ended(struct sched *s) {
    if (s->backfill->ended_early == NULL) return;
    for (size_t i = 0; i < s->dirty.len; i++) {
        struct line *l = &s->lines[s->dirty.at[i]];
        if (l->ended_early) s->backfill->ended_early(s->backfill_state, s, s->dirty.at[i]);
        l->ended_early = false;
    }
}
