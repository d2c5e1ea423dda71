/*
 * LLM services on the fleet: replicas that come and go, control moments, and what replicas draw; see service.h. What
 * happens to requests is in deal.c, how many replicas there should be in scale.c.
 *
 * A replica that is given back takes no more requests and goes when it is empty; one that loses its GPUs hands its
 * requests to the others, which compute them again.
 *
 * Power. A slot charges what idle GPUs draw. The rest, drawn - charged, is owed: at a control moment it becomes
 * power over the time to the next (region.it_w), charged to pool and jobs by the same flows as to the region's
 * meter, so the ledger's identities hold to rounding. What is owed when a replica stops or the window opens or
 * closes is a lump at the signals of that moment.
 *
 * Cost: nothing in the main loop but O(replicas) a control moment; results of classes and regions: 58 KB each of
 * their pairs.
 */
#include "core/serving.h"

#include "core/engine.h"

#include "base/err.h"
#include "base/text.h"
#include "base/tick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- power ---- */

static struct region_account *region_of(struct sched *s, const struct unit *u) {
    return &s->ledger.regions[s->setup->pools[u->pool].region];
}

static void charge(struct sched *s, const struct unit *u, const struct charge *by) {
    if (!s->ledger.open) return;
    struct charge *const to[] = {&s->groups.at[s->slots.at[u->slot].group].account.bill.energy,
                                 &s->ledger.pools[u->pool].bill.energy};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        to[i]->j += by->j;
        to[i]->usd += by->usd;
        to[i]->g += by->g;
    }
    struct place *p = u->place;
    p->energy_j += by->j;
    p->energy_usd += by->usd;
    p->co2_g += by->g;
}

/* Charges its watts up to now. */
static void settle(struct sched *s, struct unit *u) {
    struct region_account *r = region_of(s, u);
    const int64_t now = s->world.now_ns;
    region_settle(r, now);
    const struct flow *from = &u->settled;
    const struct charge by = {u->watts * (r->now.pue_s - from->pue_s), u->watts * (r->now.usd - from->usd),
                              u->watts * (r->now.g - from->g)};
    charge(s, u, &by);
    u->owed_j -= u->watts * tick_seconds(now - u->settled_ns);
    u->settled = r->now;
    u->settled_ns = now;
}

/* What the replica has drawn and done since it was counted last; it stands at now. */
static void count(struct sched *s, struct unit *u) {
    if (u->replica == NULL) return;
    struct service *v = u->service;
    const struct replica_totals total = replica_read(u->replica), *seen = &u->seen;
    const double passed_s = tick_seconds(s->world.now_ns - u->seen_ns);
    const double used = 1000.0 * service_gpus(v->setup, u->stage) * (total.busy_s - seen->busy_s) * 1e9;
    u->owed_j += total.joules - seen->joules - u->charged_w * passed_s;
    region_of(s, u)->total.used += used;
    if (s->ledger.open) {
        struct bill *const to[] = {&s->groups.at[s->slots.at[u->slot].group].account.bill,
                                   &s->ledger.pools[u->pool].bill};
        for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
            to[i]->used += used;
            to[i]->useful += used;
        }
        u->place->kv_token_s += total.kv_token_s - seen->kv_token_s;
        u->place->kv_room_s += total.kv_capacity_tokens * passed_s;
    }
    u->seen = total;
    u->seen_ns = s->world.now_ns;
}

static void set_watts(struct sched *s, struct unit *u, double watts) {
    region_of(s, u)->it_w += watts - u->watts; /* settled before */
    u->watts = watts;
}

static uint32_t region_at(const struct sched *s, const struct unit *u) { return s->setup->pools[u->pool].region; }

/* ---- caps ---- */

/* Computing slows under the region's cap, as of a job that does nothing else. */
static void cap(const struct sched *s, struct unit *u) {
    const double level = caps_level(s, region_at(s, u));
    const double most = service_cost(u->service->setup, u->stage)[u->pool].chip->power.pmax;
    if (level >= most) replica_cap(u->replica, 0, 1);
    else replica_cap(u->replica, level, 1 / caps_pace(s, level, most, 1, 0));
}

/* Where a limit caps: `watts` now, and what it would be at other levels, if the replica went on as since `from`, so
 * long ago: at work what it drew without a cap, or the cap; idle as ever. */
static void set_levels(struct sched *s, struct unit *u, const struct replica_totals *from, double passed_s,
                       double watts) {
    if (u->level_w == NULL || passed_s <= 0) return;
    const struct llm_cost *cost = &service_cost(u->service->setup, u->stage)[u->pool];
    const double idle_w = llm_idle_w(cost), busy_s = u->seen.busy_s - from->busy_s;
    const double busy_j = u->seen.uncapped_joules - from->uncapped_joules - idle_w * (passed_s - busy_s);
    const uint32_t region = region_at(s, u);
    caps_add(s, region, u->level_w, -1);
    for (size_t i = 0; i < caps_levels(s); i++) {
        const double most_w = fmax(caps_table(s, i) * cost->chip->tdp_w * cost->gpus, idle_w);
        u->level_w[i] = fmin(busy_j, most_w * busy_s) / passed_s;
    }
    const double rest_w = watts - u->level_w[caps_at(s, region)];
    for (size_t i = 0; i < caps_levels(s); i++) u->level_w[i] += rest_w;
    caps_add(s, region, u->level_w, 1);
}

static void clear_levels(struct sched *s, struct unit *u) {
    if (u->level_w == NULL) return;
    caps_add(s, region_at(s, u), u->level_w, -1);
    for (size_t i = 0; i < caps_levels(s); i++) u->level_w[i] = 0;
}

void services_cap(struct sched *s, uint32_t region) {
    for (size_t i = 0; i < s->setup->services_len; i++) {
        struct service *v = &s->services->at[i];
        if (v->over) continue;
        deal_advance(v, s->world.now_ns);
        for (uint32_t k = 0; k < v->setup->most; k++) {
            struct unit *u = &v->units[k];
            if (u->replica == NULL || region_at(s, u) != region) continue;
            count(s, u);
            cap(s, u);
            if (u->level_w == NULL) continue;
            settle(s, u);
            set_watts(s, u, u->level_w[caps_at(s, region)]);
        }
    }
}

/* What is owed is charged now. */
static void pay(struct sched *s, struct unit *u) {
    count(s, u);
    settle(s, u);
    if (u->owed_j == 0) return; /* also in the cold start */
    const struct charge by = region_lump(region_of(s, u), s->world.now_ns, u->owed_j);
    charge(s, u, &by);
    u->owed_j = 0;
}

/* ---- replicas come and go ---- */

static void list_ready(struct service *v, struct place *p) {
    uint32_t up = 0, all = 0;
    p->ready_len[STAGE_FIRST] = p->ready_len[STAGE_DECODE] = 0;
    for (uint32_t i = 0; i < p->setup.most; i++) {
        struct unit *u = &p->units[i];
        up += u->replica != NULL;
        if (u->state == UNIT_UP) p->ready[u->stage][p->ready_len[u->stage]++] = u;
    }
    p->up = up;
    if (up > p->up_most) p->up_most = up;
    for (uint32_t i = 0; i < v->places_len; i++) all += v->places[i].up;
    if (all > v->up_most) v->up_most = all;
}

static void open_replica(const struct sched *s, struct unit *u) {
    const int64_t now = s->world.now_ns;
    const struct service_setup *setup = u->service->setup;
    const bool decodes = u->stage == STAGE_DECODE;
    const struct replica_setup with = {
        .cost = service_cost(setup, u->stage)[u->pool], .max_seqs = setup->max_seqs,
        .chunk_tokens = setup->chunk_tokens, .block_tokens = 16,
        .prefix_block_tokens = setup->requests->block_tokens ? setup->requests->block_tokens : 512,
        .prefix_cache = setup->prefix_cache && !decodes, .aging_ns = setup->aging_ns, .start_ns = now,
        .done = deal_done, .context = u,
        .role = !setup->split ? REPLICA_MIXED : decodes ? REPLICA_DECODE : REPLICA_PREFILL};
    u->replica = replica_open(&with);
    u->seen = (struct replica_totals){0};
    u->seen_ns = now;
    u->state = UNIT_UP;
    if (s->caps) cap(s, u);
}

static void give(void *left, const struct request *request) { *vec_push((struct queue *)left) = *request; }

/* Its GPUs are about to go: what it owes is paid, and its requests go to the others; their KV is lost. The service
 * stands at now. */
static void close_replica(struct sched *s, struct unit *u) {
    struct service *v = u->service;
    struct queue left = {0};
    pay(s, u);
    set_watts(s, u, 0);
    clear_levels(s, u);
    if (u->replica) {
        u->place->recomputed += replica_read(u->replica).preempted;
        replica_drain(u->replica, give, &left);
        replica_close(u->replica);
        u->replica = NULL;
    }
    u->state = UNIT_OFF;
    u->slot = SCHED_NONE;
    list_ready(v, u->place);
    for (size_t i = 0; i < left.len; i++) deal_again(v, u, &left.at[i], s->world.now_ns);
    free(left.at);
}

static void ask(struct sched *s, struct unit *u) {
    struct job *j = &s->world.jobs.at[u->job];
    j->submit_ns = s->world.now_ns;
    j->start_ns = JOB_NOT_YET;
    j->left_ns = j->run_ns;
    if (s->job_state) s->job_state[u->job] = 0;
    u->state = UNIT_ASKED;
    line_put(s, u->place->domain, u->job);
}

static void release(struct sched *s, struct unit *u) {
    if (u->state == UNIT_ASKED) {
        line_leave(s, u->job);
        line_freed(s, u->place->domain); /* others may have waited behind it */
        u->state = UNIT_OFF;
        return;
    }
    const uint32_t slot = u->slot;
    close_replica(s, u);
    sched_release(s, slot);
}

/* ---- as many as there should be ---- */

static bool stays(const struct unit *u) {
    return u->state == UNIT_ASKED || u->state == UNIT_STARTING || u->state == UNIT_UP;
}

/* The last of those in the state that costs least to lose, but for the first `keep`. */
static struct unit *least_use(struct place *p, uint32_t keep) {
    for (enum unit_state state = UNIT_ASKED; state <= UNIT_UP; state++)
        for (uint32_t i = p->setup.most; i-- > keep;)
            if (p->units[i].state == state) return &p->units[i];
    return NULL;
}

/* Whose requests must be served elsewhere, however many replicas it wants. */
static bool is_stuck(const struct sched *s, const struct place *p) {
    bool asked = false;
    for (uint32_t i = 0; i < p->setup.most; i++) {
        const struct unit *u = &p->units[i];
        if (u->state >= UNIT_STARTING) return false;
        asked |= u->state == UNIT_ASKED && s->world.jobs.at[u->job].submit_ns < s->world.now_ns;
    }
    return asked;
}

static void scale(struct sched *s, struct service *v, struct place *p) {
    uint32_t have = 0;
    for (uint32_t i = 0; i < p->setup.most; i++) have += stays(&p->units[i]);
    const uint32_t want = scale_wanted(s->setup, p, v, have, s->world.now_ns);
    for (uint32_t i = 0; i < p->setup.most && have < want; i++) /* who is still there comes back first */
        if (p->units[i].state == UNIT_LEAVING) {
            p->units[i].state = UNIT_UP;
            have++;
        }
    for (uint32_t i = 0; i < p->setup.most && have < want; i++)
        if (p->units[i].state == UNIT_OFF) {
            ask(s, &p->units[i]);
            have++;
        }
    const uint32_t keep = v->setup->split && want > 0 ? v->setup->prefill_replicas : 0;
    for (struct unit *u; have > want && (u = least_use(p, keep)) != NULL; have--) {
        if (u->state == UNIT_UP) u->state = UNIT_LEAVING;
        else release(s, u);
    }
    list_ready(v, p);
}

/* ---- control moments ---- */

static void look(struct sched *s, struct service *v) {
    const int64_t now = s->world.now_ns;
    if (s->setup->horizon_ns == TICK_NEVER && deal_next_ns(v) == TICK_NEVER && v->present == 0) v->over = true;
    for (uint32_t i = 0; i < v->places_len; i++) v->places[i].stuck = is_stuck(s, &v->places[i]);
    for (uint32_t i = 0; i < v->places_len; i++) {
        scale_look(&v->places[i], v);
        scale(s, v, &v->places[i]);
    }
    for (uint32_t i = 0; i < v->setup->most; i++) {
        struct unit *u = &v->units[i];
        if (u->state == UNIT_LEAVING && replica_requests(u->replica) == 0) release(s, u);
        if (u->replica == NULL) continue;
        const struct replica_totals from = u->seen;
        const double passed_s = tick_seconds(now - u->seen_ns);
        count(s, u);
        settle(s, u);
        set_watts(s, u, u->owed_j / tick_seconds(v->every_ns));
        set_levels(s, u, &from, passed_s, u->watts);
    }
    deal_waiting(v, now);
    v->look_ns = v->over ? TICK_NEVER : now + v->every_ns;
}

/* The next request wakes a service that has nothing, nor asked for anything. */
static void sleep_until_asked(struct service *v) {
    bool any = v->setup->autoscale != SCALE_REACTIVE && v->setup->autoscale != SCALE_FORECAST;
    for (uint32_t i = 0; i < v->setup->most; i++) any |= stays(&v->units[i]);
    v->wake_ns = any || v->over ? TICK_NEVER : deal_next_ns(v);
}

static void wake(struct sched *s, struct service *v) {
    for (uint32_t i = 0; i < v->places_len; i++) scale(s, v, &v->places[i]);
}

static void activate(const struct sched *s, struct service *v) {
    const int64_t now = s->world.now_ns;
    bool any = false;
    for (uint32_t i = 0; i < v->setup->most; i++) {
        struct unit *u = &v->units[i];
        if (u->state != UNIT_STARTING || u->ready_ns > now) continue;
        open_replica(s, u);
        any = true;
    }
    if (!any) return;
    for (uint32_t i = 0; i < v->places_len; i++) list_ready(v, &v->places[i]);
    deal_waiting(v, now);
}

/* Sets the next control moment of all services. */
static void arm(struct sched *s) {
    int64_t next_ns = TICK_NEVER;
    for (size_t i = 0; i < s->setup->services_len; i++) {
        const struct service *v = &s->services->at[i];
        if (v->look_ns < next_ns) next_ns = v->look_ns;
        if (v->wake_ns < next_ns) next_ns = v->wake_ns;
        for (uint32_t u = 0; u < v->setup->most; u++)
            if (v->units[u].state == UNIT_STARTING && v->units[u].ready_ns < next_ns) next_ns = v->units[u].ready_ns;
    }
    if (next_ns == TICK_NEVER) evq_cancel(&s->events, EVENT_SERVE);
    else evq_move(&s->events, evq_pack((uint64_t)next_ns, UINT32_MAX, EVENT_SERVE));
}

void services_event(struct sched *s) {
    const int64_t now = s->world.now_ns;
    for (size_t i = 0; i < s->setup->services_len; i++) {
        struct service *v = &s->services->at[i];
        if (v->over) continue;
        deal_advance(v, now);
        activate(s, v);
        if (v->look_ns <= now) look(s, v);
        else if (v->wake_ns <= now) wake(s, v);
        sleep_until_asked(v);
    }
    if (s->caps) caps_settle(s); /* replicas draw otherwise now, whoever starts or stops */
    arm(s);
}

static struct unit *unit_of(const struct services *services, uint32_t job) {
    return &services->units[job - services->first_job];
}

void services_started(struct sched *s, uint32_t id) {
    const struct slot *slot = &s->slots.at[id];
    struct unit *u = unit_of(s->services, slot->job);
    const int64_t now = s->world.now_ns;
    require(u->state == UNIT_ASKED);
    u->state = UNIT_STARTING;
    u->slot = id;
    u->pool = s->world.fleet.nodes[s->takes.at[slot->takes].node].pool;
    const struct pool_setup *p = &s->setup->pools[u->pool];
    u->charged_w = slot->rate.watts - p->base_w * service_gpus(u->service->setup, u->stage) / p->gpus;
    u->ready_ns = now + u->service->setup->cold_start_ns;
    u->settled = slot->settled;
    u->settled_ns = now;
    u->place->starts++;
    arm(s);
}

void services_stopped(struct sched *s, uint32_t slot) {
    const uint32_t job = s->slots.at[slot].job;
    struct unit *u = unit_of(s->services, job);
    struct job *j = &s->world.jobs.at[job];
    deal_advance(u->service, s->world.now_ns);
    close_replica(s, u);
    u->state = UNIT_ASKED;
    j->left_ns = j->run_ns;
    arm(s);
}

int64_t services_cold_start_ns(const struct services *services, uint32_t job) {
    return unit_of(services, job)->service->setup->cold_start_ns;
}

void services_charge(struct services *services, uint32_t job, const struct bill *bill, double ns) {
    const struct unit *u = unit_of(services, job);
    struct place *p = u->place;
    p->energy_j += bill->energy.j;
    p->energy_usd += bill->energy.usd;
    p->co2_g += bill->energy.g;
    p->capacity_usd += bill->capacity_usd;
    p->gpu_h += service_gpus(u->service->setup, u->stage) * ns / 3.6e12;
    p->replica_h += ns / 3.6e12;
}

void services_edge(struct sched *s) {
    for (size_t i = 0; i < s->setup->services_len; i++) {
        struct service *v = &s->services->at[i];
        if (v->over) continue;
        deal_advance(v, s->world.now_ns);
        for (uint32_t u = 0; u < v->setup->most; u++)
            if (v->units[u].state >= UNIT_STARTING) pay(s, &v->units[u]);
    }
}

bool services_over(const struct services *services) {
    for (size_t i = 0; i < services->setup->services_len; i++)
        if (!services->at[i].over) return false;
    return true;
}

/* ---- opening and closing ---- */

unsigned service_stage(const struct service_setup *service, uint32_t i) {
    if (!service->split) return STAGE_FIRST;
    for (size_t p = 0; p < service->places_len && i >= service->places[p].most; p++) i -= service->places[p].most;
    return i < service->prefill_replicas ? STAGE_FIRST : STAGE_DECODE;
}

size_t services_records(const struct setup *setup) {
    size_t sum = 0;
    for (size_t i = 0; i < setup->services_len; i++) sum += setup->services[i].most;
    return sum;
}

/* A stream that starts anew goes on at its mean rate. */
static int64_t round_length(const struct service *v) {
    const size_t len = v->setup->requests->len;
    if (len == 0) return TICK_NEVER;
    const double span_ns = (double)deal_at_ns(v, len - 1);
    const double ns = len > 1 ? span_ns * (double)len / (double)(len - 1) : span_ns;
    return ns > TICK_S ? (int64_t)ns : TICK_S;
}

static void open_places(struct sched *s, struct service *v, uint32_t first_job) {
    const struct service_setup *setup = v->setup;
    const struct service_place only = {.region = SETUP_ANYWHERE, .share = 1, .least = setup->least,
                                       .most = setup->most, .begin = setup->begin};
    struct unit *units = v->units;
    const size_t levels = caps_levels(s);
    double share = 0;
    v->places_len = setup->places_len ? (uint32_t)setup->places_len : 1;
    v->places = arena_alloc(&s->arena, v->places_len, sizeof *v->places);
    for (uint32_t i = 0; i < v->places_len; i++) {
        struct place *p = &v->places[i];
        p->setup = setup->places_len ? setup->places[i] : only;
        p->share_to = share += p->setup.share;
        p->units = units;
        p->many_since_ns = TICK_NEVER;
        for (enum duty stage = STAGE_FIRST; stage < STAGES; stage++)
            p->ready[stage] = arena_alloc(&s->arena, p->setup.most + 1, sizeof *p->ready[stage]);
        for (uint32_t k = 0; k < p->setup.most; k++, units++, first_job++) {
            *units = (struct unit){.service = v, .place = p, .job = first_job, .slot = SCHED_NONE,
                                   .stage = (enum duty)service_stage(setup, (uint32_t)(units - v->units))};
            if (levels) units->level_w = arena_alloc(&s->arena, levels, sizeof *units->level_w);
        }
    }
}

/* Which class of the setup each class of the requests is. */
static void open_classes(struct sched *s, struct service *v) {
    const struct service_setup *setup = v->setup;
    const size_t len = setup->requests->classes_len;
    v->class_of = arena_alloc(&s->arena, len + 1, sizeof *v->class_of);
    for (size_t i = 0; i <= len; i++) {
        size_t class = 0;
        while (class < setup->classes_len &&
               (i == len || strcmp(setup->classes[class].name, setup->requests->classes[i]) != 0))
            class++;
        v->class_of[i] = (uint16_t)class;
    }
    v->slices_len = (setup->classes_len + 1) * v->places_len;
    v->slices = arena_alloc(&s->arena, v->slices_len, sizeof *v->slices);
    for (size_t i = 0; i < v->slices_len; i++)
        v->slices[i].work_s = arena_alloc(&s->arena, v->places_len, sizeof(double));
}

static void open_service(struct sched *s, struct service *v, struct unit *units, uint32_t first_job) {
    const struct service_setup *setup = v->setup;
    v->units = units;
    v->every_ns = setup->every_ns > 0 ? setup->every_ns : 15 * TICK_S;
    v->round_ns = round_length(v);
    v->unused = UINT32_MAX;
    v->calibrated = v->power_fitted = true;
    for (size_t i = 0; i < s->setup->pools_len; i++)
        for (enum duty stage = STAGE_FIRST; stage < STAGES; stage++) {
            const struct llm_cost *cost = &service_cost(setup, stage)[i];
            if (cost->gpus == 0) continue;
            v->calibrated &= cost->calibrated;
            v->power_fitted &= cost->chip->power_fitted;
        }
    evq_init(&v->handovers, false);
    evq_init(&v->sent, false);
    v->wake_ns = TICK_NEVER;
    open_places(s, v, first_job);
    for (uint32_t i = 0; i < v->places_len; i++) scale_open(&v->places[i], v, &s->arena);
    open_classes(s, v);
}

struct services *services_open(struct sched *s) {
    struct services *all = arena_alloc(&s->arena, 1, sizeof *all);
    all->setup = s->setup;
    all->first_job = (uint32_t)s->world.jobs.len;
    all->at = arena_alloc(&s->arena, s->setup->services_len, sizeof *all->at);
    all->units = arena_alloc(&s->arena, services_records(s->setup) + 1, sizeof *all->units);
    for (size_t i = 0; i < s->setup->services_len; i++) {
        all->at[i].setup = &s->setup->services[i];
        all->at[i].all = all;
        open_service(s, &all->at[i], &all->units[s->bound[i].first - all->first_job], s->bound[i].first);
    }
    return all;
}

void services_close(struct services *all) {
    for (size_t i = 0; all && i < all->setup->services_len; i++) {
        struct service *v = &all->at[i];
        for (uint32_t u = 0; u < v->setup->most; u++) replica_close(v->units[u].replica);
        for (uint32_t p = 0; p < v->places_len; p++)
            for (enum duty stage = STAGE_FIRST; stage < STAGES; stage++) free(v->places[p].waiting[stage].at);
        evq_free(&v->handovers);
        evq_free(&v->sent);
        free(v->moving.at);
        free(v->redone.at);
    }
}

/* Replicas of all its stages. */
static bool may_stand(struct sched *s, const struct service *v, uint32_t first_job, uint32_t region) {
    return sched_may(s, first_job, region) &&
           (!v->setup->split || sched_may(s, first_job + v->setup->prefill_replicas, region));
}

/* Without a region: its tenant's home where that can hold it, else the first region that can. */
static uint32_t domain_for(struct sched *s, const struct service *v, const struct place *p) {
    const struct bound_staff *b = &s->bound[v - s->services->at];
    const uint32_t home = s->world.tenants[b->tenant].home;
    uint32_t region = p->setup.region;
    if (region == SETUP_ANYWHERE) {
        region = home != SETUP_ANYWHERE && may_stand(s, v, b->first, home) ? home : 0;
        while (!may_stand(s, v, b->first, region)) region++; /* one can: checked before */
    }
    return s->world.domain_of[b->tenant * s->setup->regions_len + region];
}

void services_begin(struct sched *s) {
    for (size_t i = 0; i < s->setup->services_len; i++) {
        struct service *v = &s->services->at[i];
        for (uint32_t p = 0; p < v->places_len; p++) v->places[p].domain = domain_for(s, v, &v->places[p]);
    }
    arm(s);
}

/* ---- results ---- */

/* What is of requests. */
static void add_slice(struct service_result *to, const struct service_result *from) {
    to->arrived += from->arrived;
    to->finished += from->finished;
    to->met += from->met;
    to->refused += from->refused;
    to->away += from->away;
    to->preemptions += from->preemptions;
    to->prompt_tokens += from->prompt_tokens;
    to->output_tokens += from->output_tokens;
    to->cached_tokens += from->cached_tokens;
    times_merge(&to->ttft, &from->ttft);
    times_merge(&to->tpot, &from->tpot);
    times_merge(&to->e2e, &from->e2e);
    to->waiting = to->arrived - to->finished - to->refused;
}

/* A share of what the place's replicas were charged. */
static void add_place(struct service_result *to, const struct place *p, double share) {
    to->gpu_h += share * p->gpu_h;
    to->replica_h += share * p->replica_h;
    to->energy_j += share * p->energy_j;
    to->energy_usd += share * p->energy_usd;
    to->co2_g += share * p->co2_g;
    to->capacity_usd += share * p->capacity_usd;
}

static uint64_t recomputed(const struct place *p) {
    uint64_t sum = p->recomputed;
    for (uint32_t i = 0; i < p->setup.most; i++)
        if (p->units[i].replica) sum += replica_read(p->units[i].replica).preempted;
    return sum;
}

/* Nobody is lost, and nobody is in two places. */
static void check_present(const struct service *v) {
    uint64_t here = 0, home = 0, seen = v->moving.len;
    for (uint32_t id = v->unused; id != UINT32_MAX; id = v->moving.at[id].next_unused) seen--;
    for (uint32_t i = 0; i < v->places_len; i++) {
        const struct place *p = &v->places[i];
        here += p->here;
        home += p->home;
        for (enum duty stage = STAGE_FIRST; stage < STAGES; stage++) seen += p->waiting[stage].len;
    }
    for (uint32_t i = 0; i < v->setup->most; i++)
        if (v->units[i].replica) seen += replica_requests(v->units[i].replica);
    require(here == v->present && home == v->present && seen == v->present);
}

void services_results(struct sched *s, struct service_result *results) {
    for (size_t i = 0; i < s->setup->services_len; i++) {
        struct service *v = &s->services->at[i];
        struct service_result *r = &results[i];
        double token_s = 0, room_s = 0;
        check_present(v);
        r->name = v->setup->name;
        r->calibrated = v->calibrated;
        r->power_fitted = v->power_fitted;
        for (size_t k = 0; k < v->slices_len; k++) add_slice(r, &v->slices[k].result);
        r->preemptions = 0;
        for (uint32_t k = 0; k < v->places_len; k++) {
            const struct place *p = &v->places[k];
            add_place(r, p, 1);
            r->starts += p->starts;
            r->preemptions += recomputed(p);
            token_s += p->kv_token_s;
            room_s += p->kv_room_s;
        }
        r->replicas_most = v->up_most;
        r->kv_used = room_s > 0 ? token_s / room_s : 0;
    }
}

/* The slice's share of the work done in a place; where none was done there, in all of them. */
static double share_of(const struct service *v, const struct slice *slice, uint32_t place) {
    double here = 0, own = 0, all = 0;
    for (size_t k = 0; k < v->slices_len; k++) here += v->slices[k].work_s[place];
    if (here > 0) return slice->work_s[place] / here;
    for (uint32_t p = 0; p < v->places_len; p++) {
        own += slice->work_s[p];
        for (size_t k = 0; k < v->slices_len; k++) all += v->slices[k].work_s[p];
    }
    return all > 0 ? own / all : 0;
}

static void add_whole_slice(const struct service *v, struct service_result *to, size_t k) {
    add_slice(to, &v->slices[k].result);
    for (uint32_t p = 0; p < v->places_len; p++)
        add_place(to, &v->places[p], share_of(v, &v->slices[k], p));
}

static const char *part_name(const struct service *v, const char *part) {
    struct text text;
    text_init(&text);
    text_format(&text, "%s/%s", v->setup->name, part);
    return text.at;
}

/* A line a class of the setup, and one for all others where there are any. */
static size_t class_results(const struct service *v, struct service_result *results) {
    const size_t classes = v->setup->classes_len;
    size_t len = 0;
    for (size_t class = 0; class <= classes && classes > 0; class++) {
        uint64_t arrived = 0;
        for (uint32_t p = 0; p < v->places_len; p++) arrived += v->slices[class * v->places_len + p].result.arrived;
        if (class == classes && arrived == 0) continue;
        if (results) {
            results[len] = (struct service_result){.calibrated = v->calibrated, .power_fitted = v->power_fitted};
            results[len].name = part_name(v, class < classes ? v->setup->classes[class].name : "(other)");
            for (uint32_t p = 0; p < v->places_len; p++)
                add_whole_slice(v, &results[len], class * v->places_len + p);
        }
        len++;
    }
    return len;
}

/* A line a place: its users' requests, and its replicas. */
static size_t place_results(const struct sched *s, const struct service *v, struct service_result *results) {
    if (v->places_len == 1) return 0;
    for (uint32_t i = 0; i < v->places_len && results; i++) {
        const struct place *p = &v->places[i];
        struct service_result *r = &results[i];
        *r = (struct service_result){.calibrated = v->calibrated, .power_fitted = v->power_fitted};
        r->name = part_name(v, s->setup->regions[p->setup.region].name);
        for (size_t k = i; k < v->slices_len; k += v->places_len) add_whole_slice(v, r, k);
        r->replica_h = p->replica_h;
        r->replicas_most = p->up_most;
        r->starts = p->starts;
        r->kv_used = p->kv_room_s > 0 ? p->kv_token_s / p->kv_room_s : 0;
    }
    return v->places_len;
}

size_t services_parts(struct sched *s, enum part part, struct service_result *results) {
    size_t len = 0;
    for (size_t i = 0; i < s->setup->services_len; i++) {
        const struct service *v = &s->services->at[i];
        struct service_result *to = results ? results + len : NULL;
        len += part == PART_REQUEST_CLASS ? class_results(v, to) : place_results(s, v, to);
    }
    return len;
}
