/*
 * LLM services on the fleet: requests, routers, autoscalers, and what replicas draw; see service.h.
 *
 * Between control moments a service is a stream of arrivals merged into its replicas: each arrival is routed at its
 * time, and only the replicas the router must know are brought to it. Replicas are exact however they are advanced
 * (replica.h), so it does not matter when the main loop asks. With a prefill/decode split there are two stages: the
 * first never depends on the second, so it goes first and leaves hand-overs, which then are the second's arrivals.
 * A link serves any number of transfers at once, and a prefill's KV is free when it ends.
 *
 * A service without a ready replica keeps its requests in a line of its own. A replica that is given back takes no
 * more requests and goes when it is empty; one that loses its GPUs hands its requests to the others, which compute
 * them again.
 *
 * Power. A slot charges what idle GPUs draw. The rest, drawn - charged, is owed: at a control moment it becomes
 * power over the time to the next (region.it_w), charged to pool and jobs by the same flows as to the region's
 * meter, so the ledger's identities hold to rounding. What is owed when a replica stops or the window opens or
 * closes is a lump at the signals of that moment.
 *
 * Cost: O(1) a request and replica event with round_robin and session, O(replicas) a request with the others;
 * nothing in the main loop but O(replicas) a control moment. Memory: requests present only.
 */
#include "core/service.h"

#include "core/engine.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/tick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum state { UNIT_OFF, UNIT_ASKED, UNIT_STARTING, UNIT_UP, UNIT_LEAVING }; /* from STARTING on it has GPUs */
enum duty { STAGE_FIRST, STAGE_DECODE, STAGES };

/* One record of a replica: a job of the engine's, and the replica it stands for. */
struct unit {
    enum state state;
    struct service *service;
    enum duty stage;
    uint32_t job, slot, pool;
    int64_t ready_ns;           /* when it is up */
    struct replica *replica;    /* while it is */
    struct replica_totals seen; /* of it, when its work was counted last */
    int64_t seen_ns;
    double charged_w;           /* for its GPUs, by its slot's rate */
    double watts, owed_j;       /* beyond that: in the region's it_w now, and not charged yet */
    struct flow settled;        /* its watts are charged to here */
    int64_t settled_ns;
};

/* Requests without a replica. */
struct queue {
    struct request *at;
    size_t len, cap, head;
};

/* A request on its way from prefill to decode. */
struct handover {
    struct request request;
    uint32_t next_unused;
};

struct service {
    const struct service_setup *setup;
    struct services *all;
    struct service_result result;
    struct unit *units;         /* setup->most */
    struct unit **ready[STAGES]; /* up, by record; LEAVING ones are not in it */
    uint32_t ready_len[STAGES], turn[STAGES];
    uint32_t domain;            /* where it asks for replicas */
    int64_t every_ns, look_ns;
    int64_t many_since_ns;      /* since then fewer would do; TICK_NEVER: they would not */
    uint32_t many_most;         /* and so many would have sufficed all that time */
    bool over;

    size_t next;                /* arrival, */
    int64_t round_from_ns, round_ns; /* of this time through the stream */
    uint64_t present;           /* arrived and not done */
    struct queue waiting[STAGES];
    struct evq handovers;       /* by arrival, then request */
    struct { struct handover *at; size_t len, cap; } moving;
    uint32_t unused;
    struct { struct request *at; size_t len, cap; } redone; /* prefilled again: what they had made before */
    double kv_token_s, kv_room_s;
};

struct services {
    const struct setup *setup;
    struct service *at;
    struct unit *units;
    uint32_t first_job;
};

/* ---- histograms ---- */

enum { BUCKETS = sizeof((struct times *)0)->count / sizeof(uint64_t) };
static const double least_s = 1e-6, step_log = 0.009950330853168083; /* ln 1.01 */

void times_add(struct times *times, double s) {
    const double bucket = s > least_s ? log(s / least_s) / step_log : 0;
    times->count[bucket < BUCKETS - 1 ? (size_t)bucket : BUCKETS - 1]++;
    times->total++;
    times->sum_s += s;
    if (s > times->most_s) times->most_s = s;
}

double times_quantile(const struct times *times, double share) {
    if (times->total == 0) return NAN;
    const double rank = share * (double)(times->total - 1);
    uint64_t below = 0;
    size_t i = 0;
    while (i < BUCKETS - 1 && (double)(below + times->count[i]) <= rank) below += times->count[i++];
    return least_s * exp(((double)i + 0.5) * step_log);
}

/* ---- requests ---- */

static bool counted(const struct service *v, int64_t arrival_ns) {
    return arrival_ns >= v->all->setup->measure_from_ns && arrival_ns < v->all->setup->measure_to_ns;
}

static struct request request_of(const struct service *v, uint32_t id, int64_t arrival_ns) {
    const struct requests *from = v->setup->requests;
    return (struct request){.arrival_ns = arrival_ns, .prompt = from->at[id].prompt, .output = from->at[id].output,
                            .id = id, .class_id = from->at[id].class_id,
                            .blocks = from->blocks ? from->blocks[id] : NULL,
                            .blocks_len = from->blocks ? from->blocks_len[id] : 0};
}

static int64_t at_speed(const struct service *v, size_t i) {
    const int64_t arrival_ns = v->setup->requests->at[i].arrival_ns;
    return v->setup->speed == 1 ? arrival_ns : (int64_t)((double)arrival_ns / v->setup->speed);
}

/* TICK_NEVER: no more. */
static int64_t next_arrival(const struct service *v) {
    if (v->next == v->setup->requests->len) return TICK_NEVER;
    return v->round_from_ns + at_speed(v, v->next);
}

static void arrival_done(struct service *v) {
    if (++v->next < v->setup->requests->len || !v->setup->repeat) return;
    v->next = 0;
    v->round_from_ns += v->round_ns;
}

/* ---- routing ---- */

static uint64_t session_score(uint32_t session, const struct unit *u) {
    return hash_mix((uint64_t)session << 32 | u->job);
}

/* Where a session belongs while the replicas are the same, and most sessions still when one comes or goes
 * (rendezvous hashing). Requests of no session go round. */
static struct unit *by_session(struct service *v, enum duty stage, uint32_t session) {
    struct unit *best = v->ready[stage][0];
    if (session == 0) return v->ready[stage][v->turn[stage]++ % v->ready_len[stage]];
    for (uint32_t i = 1; i < v->ready_len[stage]; i++)
        if (session_score(session, v->ready[stage][i]) > session_score(session, best)) best = v->ready[stage][i];
    return best;
}

/* The fewest tokens still to compute; with `cached`, those of the request counted that are not in its cache. */
static struct unit *by_tokens(struct service *v, enum duty stage, const struct request *q, int64_t now, bool cached) {
    struct unit *best = NULL;
    double least = 0;
    for (uint32_t i = 0; i < v->ready_len[stage]; i++) {
        struct unit *u = v->ready[stage][i];
        replica_advance(u->replica, now);
        double tokens = replica_outstanding(u->replica);
        if (cached && q->blocks) tokens -= replica_cached(u->replica, q->blocks, q->blocks_len);
        if (best && tokens >= least) continue;
        best = u;
        least = tokens;
    }
    return best;
}

static struct unit *choose(struct service *v, enum duty stage, const struct request *q, int64_t now) {
    switch (v->setup->router) {
        case ROUTER_LEAST_OUTSTANDING: return by_tokens(v, stage, q, now, false);
        case ROUTER_PREFIX: return by_tokens(v, stage, q, now, true);
        case ROUTER_SESSION: return by_session(v, stage, v->setup->requests->at[q->id].session);
        case ROUTER_ROUND_ROBIN: break;
    }
    return v->ready[stage][v->turn[stage]++ % v->ready_len[stage]];
}

static void route(struct service *v, enum duty stage, const struct request *q, int64_t now) {
    if (v->ready_len[stage] == 0) {
        *vec_push(&v->waiting[stage]) = *q;
        return;
    }
    struct replica *to = choose(v, stage, q, now)->replica;
    replica_advance(to, now);
    replica_add(to, q);
}

/* Those who waited for a replica. */
static void dispatch(struct service *v, enum duty stage, int64_t now) {
    struct queue *q = &v->waiting[stage];
    if (v->ready_len[stage] == 0) return;
    while (q->head < q->len) {
        const struct request request = q->at[q->head++];
        route(v, stage, &request, now);
    }
    q->head = q->len = 0;
}

/* ---- what becomes of requests ---- */

static void finish(struct service *v, const struct served *served) {
    struct service_result *r = &v->result;
    v->present--;
    if (!counted(v, served->arrival_ns)) return;
    const double ttft_s = tick_seconds(served->first_ns - served->arrival_ns);
    const double decode_s = tick_seconds(served->finish_ns - served->first_ns);
    const double tpot_s = served->output > 1 ? decode_s / (served->output - 1) : 0;
    const struct service_setup *setup = v->setup;
    r->finished++;
    r->met += (setup->slo_ttft_ns == 0 || served->first_ns - served->arrival_ns <= setup->slo_ttft_ns) &&
              (setup->slo_tpot_ns == 0 || tpot_s <= tick_seconds(setup->slo_tpot_ns));
    r->prompt_tokens += served->prompt;
    r->output_tokens += served->output;
    times_add(&r->ttft, ttft_s);
    if (served->output > 1) times_add(&r->tpot, tpot_s);
    times_add(&r->e2e, tick_seconds(served->finish_ns - served->arrival_ns));
}

/* Tokens the request had made before it was prefilled again. */
static uint32_t made_before(struct service *v, const struct served *served) {
    for (size_t i = 0; i < v->redone.len; i++) {
        const struct request was = v->redone.at[i];
        if (was.id != served->id || was.arrival_ns != served->arrival_ns) continue;
        v->redone.at[i] = v->redone.at[--v->redone.len];
        return was.made;
    }
    return 0;
}

static void hand_over(const struct unit *u, const struct served *served, uint32_t made) {
    struct service *v = u->service;
    const struct service_setup *setup = v->setup;
    struct request request = request_of(v, served->id, served->arrival_ns);
    request.made = made;
    request.first_ns = served->first_ns;
    uint32_t id = v->unused;
    if (id == UINT32_MAX) {
        id = (uint32_t)v->moving.len;
        (void)vec_push(&v->moving);
    } else {
        v->unused = v->moving.at[id].next_unused;
    }
    v->moving.at[id].request = request;
    double transfer_s = setup->transfer_s;
    if (setup->transfer_bytes_per_s > 0) {
        const double tokens = (double)request.prompt + made - 1;
        transfer_s += tokens * setup->cost[u->pool].kv_bytes_per_token / setup->transfer_bytes_per_s;
    }
    evq_push(&v->handovers, evq_pack((uint64_t)(served->left_ns + tick_from_seconds(transfer_s)), served->id, id));
}

static void done(void *context, const struct served *served) {
    const struct unit *u = context;
    struct service *v = u->service;
    if (served->refused) {
        v->present--;
        v->result.refused += counted(v, served->arrival_ns);
        (void)made_before(v, served);
        return;
    }
    if (counted(v, served->arrival_ns)) v->result.cached_tokens += served->cached;
    if (v->setup->split && u->stage == STAGE_FIRST) {
        const uint32_t made = made_before(v, served) + 1;
        if (made < served->output) {
            hand_over(u, served, made);
            return;
        }
    }
    finish(v, served);
}

/* ---- time ---- */

static void advance_stage(struct service *v, enum duty stage, int64_t to) {
    for (uint32_t i = 0; i < v->setup->most; i++)
        if (v->units[i].replica && v->units[i].stage == stage) replica_advance(v->units[i].replica, to);
}

/* Everything that comes up to this moment, this moment included, and what it leads to. */
static void advance(struct service *v, int64_t to) {
    for (int64_t t; (t = next_arrival(v)) <= to && t < TICK_NEVER; arrival_done(v)) {
        const struct request request = request_of(v, (uint32_t)v->next, t);
        v->present++;
        v->result.arrived += counted(v, t);
        route(v, STAGE_FIRST, &request, t);
    }
    advance_stage(v, STAGE_FIRST, to);
    if (!v->setup->split) return;
    while (!evq_empty(&v->handovers) && (int64_t)evq_rank(evq_top(&v->handovers)) <= to) {
        const evq_key key = evq_pop(&v->handovers);
        const uint32_t id = evq_handle(key);
        const struct request request = v->moving.at[id].request;
        v->moving.at[id].next_unused = v->unused;
        v->unused = id;
        route(v, STAGE_DECODE, &request, (int64_t)evq_rank(key));
    }
    advance_stage(v, STAGE_DECODE, to);
}

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
    struct service_result *r = &u->service->result;
    r->energy_j += by->j;
    r->energy_usd += by->usd;
    r->co2_g += by->g;
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
    const double used = 1000.0 * v->setup->tensor_parallel * (total.busy_s - seen->busy_s) * 1e9;
    u->owed_j += total.joules - seen->joules - u->charged_w * passed_s;
    region_of(s, u)->total.used += used;
    if (s->ledger.open) {
        struct bill *const to[] = {&s->groups.at[s->slots.at[u->slot].group].account.bill,
                                   &s->ledger.pools[u->pool].bill};
        for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
            to[i]->used += used;
            to[i]->useful += used;
        }
        v->kv_token_s += total.kv_token_s - seen->kv_token_s;
        v->kv_room_s += total.kv_capacity_tokens * passed_s;
    }
    u->seen = total;
    u->seen_ns = s->world.now_ns;
}

static void set_watts(struct sched *s, struct unit *u, double watts) {
    region_of(s, u)->it_w += watts - u->watts; /* settled before */
    u->watts = watts;
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

static void list_ready(struct service *v) {
    v->ready_len[STAGE_FIRST] = v->ready_len[STAGE_DECODE] = 0;
    uint32_t up = 0;
    for (uint32_t i = 0; i < v->setup->most; i++) {
        struct unit *u = &v->units[i];
        up += u->replica != NULL;
        if (u->state == UNIT_UP) v->ready[u->stage][v->ready_len[u->stage]++] = u;
    }
    if (up > v->result.replicas_most) v->result.replicas_most = up;
}

static void open_replica(struct unit *u, int64_t now) {
    const struct service_setup *setup = u->service->setup;
    const bool decodes = u->stage == STAGE_DECODE;
    const struct replica_setup with = {
        .cost = setup->cost[u->pool], .max_seqs = setup->max_seqs, .chunk_tokens = setup->chunk_tokens,
        .block_tokens = 16, .prefix_block_tokens = setup->requests->block_tokens ? setup->requests->block_tokens : 512,
        .prefix_cache = setup->prefix_cache && !decodes, .start_ns = now, .done = done, .context = u,
        .role = !setup->split ? REPLICA_MIXED : decodes ? REPLICA_DECODE : REPLICA_PREFILL};
    u->replica = replica_open(&with);
    u->seen = (struct replica_totals){0};
    u->seen_ns = now;
    u->state = UNIT_UP;
}

static void give(void *context, const struct request *request) { *vec_push((struct queue *)context) = *request; }

/* Its GPUs are about to go: what it owes is paid, and its requests go to the others; their KV is lost. The service
 * stands at now. */
static void close_replica(struct sched *s, struct unit *u) {
    struct service *v = u->service;
    struct queue left = {0};
    pay(s, u);
    set_watts(s, u, 0);
    if (u->replica) {
        v->result.preemptions += replica_read(u->replica).preempted;
        replica_drain(u->replica, give, &left);
        replica_close(u->replica);
        u->replica = NULL;
    }
    u->state = UNIT_OFF;
    u->slot = SCHED_NONE;
    list_ready(v);
    for (size_t i = 0; i < left.len; i++) {
        if (u->stage == STAGE_DECODE) *vec_push(&v->redone) = left.at[i];
        route(v, STAGE_FIRST, &left.at[i], s->world.now_ns);
    }
    free(left.at);
}

static void ask(struct sched *s, struct unit *u) {
    struct job *j = &s->world.jobs.at[u->job];
    j->submit_ns = s->world.now_ns;
    j->start_ns = JOB_NOT_YET;
    j->left_ns = j->run_ns;
    if (s->job_state) s->job_state[u->job] = 0;
    u->state = UNIT_ASKED;
    line_put(s, u->service->domain, u->job);
}

static void release(struct sched *s, struct unit *u) {
    if (u->state == UNIT_ASKED) {
        line_leave(s, u->job);
        line_freed(s, u->service->domain); /* others may have waited behind it */
        u->state = UNIT_OFF;
        return;
    }
    const uint32_t slot = u->slot;
    close_replica(s, u);
    sched_release(s, slot);
}

/* ---- the autoscaler ---- */

static uint32_t hour_of(const struct setup *setup, int64_t now_ns) {
    int64_t local_ns = now_ns;
    if (setup->origin_unix_ns != JOB_UNKNOWN) local_ns += setup->origin_unix_ns + setup->regions[0].utc_offset_ns;
    return (uint32_t)((local_ns / TICK_HOUR % 24 + 24) % 24);
}

/* Reactive: more at once; fewer when fewer would have done for so long. */
static uint32_t reactive(struct service *v, uint32_t have, int64_t now) {
    const double need = ceil((double)v->present / v->setup->target);
    uint32_t want = need < v->setup->most ? (uint32_t)need : v->setup->most;
    if (want < v->setup->least) want = v->setup->least;
    if (want >= have) {
        v->many_since_ns = TICK_NEVER;
        return want;
    }
    if (v->many_since_ns == TICK_NEVER) {
        v->many_since_ns = now;
        v->many_most = want;
    }
    if (want > v->many_most) v->many_most = want;
    if (now - v->many_since_ns < v->setup->keep_ns) return have;
    v->many_since_ns = TICK_NEVER;
    return v->many_most;
}

static uint32_t wanted(const struct sched *s, struct service *v, uint32_t have) {
    const struct service_setup *setup = v->setup;
    if (v->over) return 0;
    uint32_t want = setup->begin;
    if (setup->autoscale == SCALE_REACTIVE) {
        want = reactive(v, have, s->world.now_ns);
    } else if (setup->autoscale == SCALE_SCHEDULED) {
        const double planned = setup->schedule.at[hour_of(s->setup, s->world.now_ns)];
        want = planned < setup->most ? (uint32_t)planned : setup->most;
        if (want < setup->least) want = setup->least;
    }
    if (setup->split && want > 0 && want <= setup->prefill_replicas) want = setup->prefill_replicas + 1;
    return want;
}

static bool stays(const struct unit *u) {
    return u->state == UNIT_ASKED || u->state == UNIT_STARTING || u->state == UNIT_UP;
}

/* The last of those in the state that costs least to lose, but for the first `keep`. */
static struct unit *least_use(struct service *v, uint32_t keep) {
    for (enum state state = UNIT_ASKED; state <= UNIT_UP; state++)
        for (uint32_t i = v->setup->most; i-- > keep;)
            if (v->units[i].state == state) return &v->units[i];
    return NULL;
}

static void scale(struct sched *s, struct service *v) {
    uint32_t have = 0;
    for (uint32_t i = 0; i < v->setup->most; i++) have += stays(&v->units[i]);
    const uint32_t want = wanted(s, v, have);
    for (uint32_t i = 0; i < v->setup->most && have < want; i++) /* who is still there comes back first */
        if (v->units[i].state == UNIT_LEAVING) {
            v->units[i].state = UNIT_UP;
            have++;
        }
    for (uint32_t i = 0; i < v->setup->most && have < want; i++)
        if (v->units[i].state == UNIT_OFF) {
            ask(s, &v->units[i]);
            have++;
        }
    const uint32_t keep = v->setup->split && want > 0 ? v->setup->prefill_replicas : 0;
    for (struct unit *u; have > want && (u = least_use(v, keep)) != NULL; have--) {
        if (u->state == UNIT_UP) u->state = UNIT_LEAVING;
        else release(s, u);
    }
    list_ready(v);
}

/* ---- control moments ---- */

static void look(struct sched *s, struct service *v) {
    const int64_t now = s->world.now_ns;
    if (s->setup->horizon_ns == TICK_NEVER && next_arrival(v) == TICK_NEVER && v->present == 0) v->over = true;
    scale(s, v);
    for (uint32_t i = 0; i < v->setup->most; i++) {
        struct unit *u = &v->units[i];
        if (u->state == UNIT_LEAVING && replica_requests(u->replica) == 0) release(s, u);
        if (u->replica == NULL) continue;
        count(s, u);
        settle(s, u);
        set_watts(s, u, u->owed_j / tick_seconds(v->every_ns));
    }
    v->look_ns = v->over ? TICK_NEVER : now + v->every_ns;
}

static void activate(struct service *v, int64_t now) {
    bool any = false;
    for (uint32_t i = 0; i < v->setup->most; i++) {
        struct unit *u = &v->units[i];
        if (u->state != UNIT_STARTING || u->ready_ns > now) continue;
        open_replica(u, now);
        any = true;
    }
    if (!any) return;
    list_ready(v);
    for (enum duty stage = STAGE_FIRST; stage < STAGES; stage++) dispatch(v, stage, now);
}

/* Sets the next control moment of all services. */
static void arm(struct sched *s) {
    int64_t next_ns = TICK_NEVER;
    for (size_t i = 0; i < s->setup->services_len; i++) {
        const struct service *v = &s->services->at[i];
        if (v->look_ns < next_ns) next_ns = v->look_ns;
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
        advance(v, now);
        activate(v, now);
        if (v->look_ns <= now) look(s, v);
    }
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
    u->charged_w = slot->rate.watts - p->base_w * u->service->setup->tensor_parallel / p->gpus;
    u->ready_ns = now + u->service->setup->cold_start_ns;
    u->settled = slot->settled;
    u->settled_ns = now;
    u->service->result.starts++;
    arm(s);
}

void services_stopped(struct sched *s, uint32_t slot) {
    const uint32_t job = s->slots.at[slot].job;
    struct unit *u = unit_of(s->services, job);
    struct job *j = &s->world.jobs.at[job];
    advance(u->service, s->world.now_ns);
    close_replica(s, u);
    u->state = UNIT_ASKED;
    j->left_ns = j->run_ns;
    arm(s);
}

int64_t services_cold_start_ns(const struct services *services, uint32_t job) {
    return unit_of(services, job)->service->setup->cold_start_ns;
}

void services_charge(struct services *services, uint32_t job, const struct bill *bill, double ns) {
    const struct service *v = unit_of(services, job)->service;
    struct service_result *r = &unit_of(services, job)->service->result;
    r->energy_j += bill->energy.j;
    r->energy_usd += bill->energy.usd;
    r->co2_g += bill->energy.g;
    r->capacity_usd += bill->capacity_usd;
    r->gpu_h += v->setup->tensor_parallel * ns / 3.6e12;
    r->replica_h += ns / 3.6e12;
}

void services_edge(struct sched *s) {
    for (size_t i = 0; i < s->setup->services_len; i++) {
        struct service *v = &s->services->at[i];
        if (v->over) continue;
        advance(v, s->world.now_ns);
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

size_t services_records(const struct setup *setup) {
    size_t sum = 0;
    for (size_t i = 0; i < setup->services_len; i++) sum += setup->services[i].most;
    return sum;
}

/* A stream that starts anew goes on at its mean rate. */
static int64_t round_length(const struct service *v) {
    const size_t len = v->setup->requests->len;
    if (len == 0) return TICK_NEVER;
    const double span_ns = (double)at_speed(v, len - 1);
    const double ns = len > 1 ? span_ns * (double)len / (double)(len - 1) : span_ns;
    return ns > TICK_S ? (int64_t)ns : TICK_S;
}

static void open_service(struct sched *s, struct service *v, struct unit *units, uint32_t first_job) {
    const struct service_setup *setup = v->setup;
    v->units = units;
    v->every_ns = setup->every_ns > 0 ? setup->every_ns : 15 * TICK_S;
    v->many_since_ns = TICK_NEVER;
    v->round_ns = round_length(v);
    v->unused = UINT32_MAX;
    v->result.name = setup->name;
    v->result.calibrated = v->result.power_fitted = true;
    for (size_t i = 0; i < s->setup->pools_len; i++) {
        if (setup->cost[i].gpus == 0) continue;
        v->result.calibrated &= setup->cost[i].calibrated;
        v->result.power_fitted &= setup->cost[i].chip->power_fitted;
    }
    evq_init(&v->handovers, false);
    for (int stage = 0; stage < STAGES; stage++)
        v->ready[stage] = arena_alloc(&s->arena, setup->most, sizeof *v->ready[stage]);
    for (uint32_t i = 0; i < setup->most; i++) {
        const bool decodes = setup->split && i >= setup->prefill_replicas;
        units[i] = (struct unit){.service = v, .job = first_job + i, .slot = SCHED_NONE,
                                 .stage = decodes ? STAGE_DECODE : STAGE_FIRST};
    }
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
        for (int stage = 0; stage < STAGES; stage++) free(v->waiting[stage].at);
        evq_free(&v->handovers);
        free(v->moving.at);
        free(v->redone.at);
    }
}

/* Its tenant's home where that can hold it, else the first region that can. */
static uint32_t domain_for(struct sched *s, const struct service *v) {
    const struct bound_service *b = &s->bound[v - s->services->at];
    const uint32_t home = s->world.tenants[b->tenant].home;
    uint32_t region = home != SETUP_ANYWHERE && sched_may(s, b->first, home) ? home : 0;
    while (!sched_may(s, b->first, region)) region++; /* one can: checked before */
    return s->world.domain_of[b->tenant * s->setup->regions_len + region];
}

void services_begin(struct sched *s) {
    for (size_t i = 0; i < s->setup->services_len; i++)
        s->services->at[i].domain = domain_for(s, &s->services->at[i]);
    arm(s);
}

void services_results(struct sched *s, struct service_result *results) {
    for (size_t i = 0; i < s->setup->services_len; i++) {
        struct service *v = &s->services->at[i];
        v->result.kv_used = v->kv_room_s > 0 ? v->kv_token_s / v->kv_room_s : 0;
        v->result.waiting = v->result.arrived - v->result.finished - v->result.refused;
        for (uint32_t u = 0; u < v->setup->most; u++)
            if (v->units[u].replica) v->result.preemptions += replica_read(v->units[u].replica).preempted;
        results[i] = v->result;
    }
}
