/*
 * The requests of a service: whose users they are of, which place and replica serves them, and what becomes of them.
 *
 * Between control moments a service is a stream of arrivals merged into its replicas: each arrival is routed at its
 * time, and only the replicas the router must know are brought to it. Replicas are exact however they are advanced
 * (replica.h), so it does not matter when the main loop asks. With a prefill/decode split there are two stages: the
 * first never depends on the second, so it goes first and leaves hand-overs, which then are the second's arrivals.
 * A link serves any number of transfers at once, and a prefill's KV is free when it ends.
 *
 * A place without a ready replica keeps its requests in a line of its own, or sends them where there is one, if they
 * may go there. What loses its replica is routed anew, and computed again. A request that waits for its decodes, its
 * KV at the prefill's, gives that up when another place has both stages.
 *
 * Invariant: arrived = finished + refused + present, in every slice; present = here of all places.
 * Cost: O(1) a request with round_robin and session (a place: O(places)), O(replicas) with the others, or where a place
 * may be crowded. Memory: requests present only.
 */
#include "core/serving.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/tick.h"

#include <stdlib.h>

/* ---- requests ---- */

static bool counted(const struct service *v, int64_t arrival_ns) {
    return arrival_ns >= v->all->setup->measure_from_ns && arrival_ns < v->all->setup->measure_to_ns;
}

/* Which place its users are nearest to: a session's always the same. */
static struct place *home_of(const struct service *v, uint32_t id) {
    if (v->places_len == 1) return v->places;
    const uint32_t session = v->setup->requests->at[id].session;
    const uint64_t who = session ? session : (uint64_t)id << 32;
    const double at = (double)(hash_mix(hash_mix(who)) >> 11) * 0x1p-53;
    uint32_t i = 0;
    while (i + 1 < v->places_len && at >= v->places[i].share_to) i++;
    return &v->places[i];
}

static struct slice *slice_of(const struct service *v, uint32_t id) {
    if (v->slices_len == 1) return v->slices;
    const size_t class = v->class_of[v->setup->requests->at[id].class_id];
    return &v->slices[class * v->places_len + (size_t)(home_of(v, id) - v->places)];
}

static const struct request_class *class_at(const struct service *v, uint16_t class_id) {
    if (v->setup->classes_len == 0) return NULL;
    const uint16_t class = v->class_of[class_id];
    return class < v->setup->classes_len ? &v->setup->classes[class] : NULL;
}

static struct request request_of(const struct service *v, uint32_t id, int64_t arrival_ns) {
    const struct requests *from = v->setup->requests;
    const struct request_class *class = class_at(v, from->at[id].class_id);
    return (struct request){.arrival_ns = arrival_ns, .prompt = from->at[id].prompt, .output = from->at[id].output,
                            .id = id, .class_id = from->at[id].class_id, .priority = class ? class->priority : 0,
                            .blocks = from->blocks ? from->blocks[id] : NULL,
                            .blocks_len = from->blocks ? from->blocks_len[id] : 0};
}

int64_t deal_at_ns(const struct service *v, size_t i) {
    const int64_t arrival_ns = v->setup->requests->at[i].arrival_ns;
    return v->setup->speed == 1 ? arrival_ns : (int64_t)((double)arrival_ns / v->setup->speed);
}

int64_t deal_next_ns(const struct service *v) {
    if (v->next == v->setup->requests->len) return TICK_NEVER;
    return v->round_from_ns + deal_at_ns(v, v->next);
}

static void arrival_done(struct service *v) {
    if (++v->next < v->setup->requests->len || !v->setup->repeat) return;
    v->next = 0;
    v->round_from_ns += v->round_ns;
}

/* ---- on the way ---- */

static void send(struct service *v, struct evq *by, const struct request *request, struct place *to, int64_t at_ns) {
    uint32_t id = v->unused;
    if (id == UINT32_MAX) {
        id = (uint32_t)v->moving.len;
        (void)vec_push(&v->moving);
    } else {
        v->unused = v->moving.at[id].next_unused;
    }
    v->moving.at[id].request = *request;
    v->moving.at[id].to = to;
    evq_push(by, evq_pack((uint64_t)at_ns, request->id, id));
}

static struct transit receive(struct service *v, struct evq *by) {
    const uint32_t id = evq_handle(evq_pop(by));
    v->moving.at[id].next_unused = v->unused;
    v->unused = id;
    return v->moving.at[id];
}

static int64_t next_ns(const struct evq *by) { return evq_empty(by) ? TICK_NEVER : (int64_t)evq_rank(evq_top(by)); }

/* ---- which replica ---- */

static uint64_t session_score(uint32_t session, const struct unit *u) {
    return hash_mix((uint64_t)session << 32 | u->job);
}

/* Where a session belongs while the replicas are the same, and most sessions still when one comes or goes
 * (rendezvous hashing). Requests of no session go round. */
static struct unit *by_session(struct place *p, enum duty stage, uint32_t session) {
    struct unit *best = p->ready[stage][0];
    if (session == 0) return p->ready[stage][p->turn[stage]++ % p->ready_len[stage]];
    for (uint32_t i = 1; i < p->ready_len[stage]; i++)
        if (session_score(session, p->ready[stage][i]) > session_score(session, best)) best = p->ready[stage][i];
    return best;
}

/* The fewest tokens still to compute; with `cached`, those of the request counted that are not in its cache. */
static struct unit *by_tokens(struct place *p, enum duty stage, const struct request *q, int64_t now, bool cached) {
    struct unit *best = NULL;
    double least = 0;
    for (uint32_t i = 0; i < p->ready_len[stage]; i++) {
        struct unit *u = p->ready[stage][i];
        replica_advance(u->replica, now);
        double tokens = replica_outstanding(u->replica);
        if (cached && q->blocks) tokens -= replica_cached(u->replica, q->blocks, q->blocks_len);
        if (best && tokens >= least) continue;
        best = u;
        least = tokens;
    }
    return best;
}

static struct unit *choose(struct service *v, struct place *p, enum duty stage, const struct request *q,
                           int64_t now) {
    switch (v->setup->router) {
        case ROUTER_LEAST_OUTSTANDING: return by_tokens(p, stage, q, now, false);
        case ROUTER_PREFIX: return by_tokens(p, stage, q, now, true);
        case ROUTER_SESSION: return by_session(p, stage, v->setup->requests->at[q->id].session);
        case ROUTER_ROUND_ROBIN: break;
    }
    return p->ready[stage][p->turn[stage]++ % p->ready_len[stage]];
}

static void route(struct service *v, struct place *p, enum duty stage, const struct request *q, int64_t now) {
    if (p->ready_len[stage] == 0) {
        *vec_push(&p->waiting[stage]) = *q;
        return;
    }
    struct replica *to = choose(v, p, stage, q, now)->replica;
    replica_advance(to, now);
    replica_add(to, q);
}

/* ---- which place ---- */

static bool is_up(const struct service *v, const struct place *p) {
    return p->ready_len[STAGE_FIRST] > 0 && (!v->setup->split || p->ready_len[STAGE_DECODE] > 0);
}

/* Requests a replica of its first stage. */
static double crowd(const struct place *p, int64_t now) {
    double requests = 0;
    for (uint32_t i = 0; i < p->ready_len[STAGE_FIRST]; i++) {
        replica_advance(p->ready[STAGE_FIRST][i]->replica, now);
        requests += replica_requests(p->ready[STAGE_FIRST][i]->replica);
    }
    return requests / p->ready_len[STAGE_FIRST];
}

/* The least crowded of the other places that are up, and less crowded than `most`; NULL: none. */
static struct place *elsewhere(struct service *v, const struct place *home, double most, int64_t now) {
    struct place *best = NULL;
    for (uint32_t i = 0; i < v->places_len; i++) {
        struct place *p = &v->places[i];
        if (p == home || !is_up(v, p)) continue;
        const double requests = crowd(p, now);
        if (requests >= most) continue;
        best = p;
        most = requests;
    }
    return best;
}

/* Where a request of these users goes now. */
static struct place *place_for(struct service *v, struct place *home, int64_t now) {
    struct place *to = NULL;
    if (!v->setup->failover) return home;
    if (!is_up(v, home)) to = elsewhere(v, home, 1e300, now);
    else if (v->setup->crowded > 0 && crowd(home, now) >= v->setup->crowded)
        to = elsewhere(v, home, v->setup->crowded, now);
    return to ? to : home;
}

static void deal(struct service *v, const struct request *request, int64_t now) {
    struct place *home = home_of(v, request->id), *to = place_for(v, home, now);
    to->here++;
    if (to == home || v->setup->away_ns == 0) route(v, to, STAGE_FIRST, request, now);
    else send(v, &v->sent, request, to, now + v->setup->away_ns);
}

/* Its replica is gone, or its KV is to be given up; u: where it was in the decodes. */
void deal_again(struct service *v, struct unit *u, const struct request *request, int64_t now) {
    u->place->here--;
    if (u->stage == STAGE_DECODE) *vec_push(&v->redone) = *request;
    deal(v, request, now);
}

static void redeal(struct service *v, struct place *p, enum duty stage, int64_t now) {
    struct queue *line = &p->waiting[stage], left = *line;
    if (left.len == 0) return;
    const bool here = p->ready_len[stage] > 0;
    if (!here && (!v->setup->failover || !elsewhere(v, p, 1e300, now))) return;
    *line = (struct queue){0};
    for (size_t i = 0; i < left.len; i++) {
        if (here) {
            route(v, p, stage, &left.at[i], now);
            continue;
        }
        p->here--;
        if (stage == STAGE_DECODE) *vec_push(&v->redone) = left.at[i];
        deal(v, &left.at[i], now);
    }
    free(left.at);
}

void deal_waiting(struct service *v, int64_t now) {
    for (uint32_t i = 0; i < v->places_len; i++)
        for (enum duty stage = STAGE_FIRST; stage < STAGES; stage++) redeal(v, &v->places[i], stage, now);
}

/* ---- what becomes of requests ---- */

static void leave(struct service *v, struct place *p, uint32_t id) {
    v->present--;
    p->here--;
    home_of(v, id)->home--;
}

/* Levels hold for the request's class. */
static bool in_time(const struct service *v, const struct served *served, double tpot_s) {
    const struct request_class *class = class_at(v, served->class_id);
    const int64_t ttft_ns = class ? class->slo_ttft_ns : v->setup->slo_ttft_ns;
    const int64_t tpot_ns = class ? class->slo_tpot_ns : v->setup->slo_tpot_ns;
    return (ttft_ns == 0 || served->first_ns - served->arrival_ns <= ttft_ns) &&
           (tpot_ns == 0 || tpot_s <= tick_seconds(tpot_ns));
}

static void finish(struct service *v, const struct unit *u, const struct served *served, struct service_result *r) {
    leave(v, u->place, served->id);
    if (!counted(v, served->arrival_ns)) return;
    const double ttft_s = tick_seconds(served->first_ns - served->arrival_ns);
    const double decode_s = tick_seconds(served->finish_ns - served->first_ns);
    const double tpot_s = served->output > 1 ? decode_s / (served->output - 1) : 0;
    r->finished++;
    r->met += in_time(v, served, tpot_s);
    r->away += u->place != home_of(v, served->id);
    r->preemptions += served->preemptions;
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
    double transfer_s = setup->transfer_s;
    if (setup->transfer_bytes_per_s > 0) {
        const double tokens = (double)request.prompt + made - 1;
        transfer_s += tokens * service_cost(setup, u->stage)[u->pool].kv_bytes_per_token / setup->transfer_bytes_per_s;
    }
    send(v, &v->handovers, &request, u->place, served->left_ns + tick_from_seconds(transfer_s));
}

/* What its tokens took of the replica, for the shares of classes and regions. */
static void note_work(const struct unit *u, const struct served *served, struct slice *slice) {
    const struct service *v = u->service;
    const bool prefills = u->stage == STAGE_FIRST, decodes = !v->setup->split || !prefills;
    if (v->slices_len == 1) return;
    const double computed = prefills ? (double)served->prompt - served->cached : 0;
    slice->work_s[u->place - v->places] +=
        llm_request_s(&service_cost(v->setup, u->stage)[u->pool], served->cached, computed, served->prompt,
                      decodes ? (double)served->output - 1 : 0);
}

void deal_done(void *unit, const struct served *served) {
    const struct unit *u = unit;
    struct service *v = u->service;
    struct slice *slice = slice_of(v, served->id);
    if (served->refused) {
        slice->result.refused += counted(v, served->arrival_ns);
        leave(v, u->place, served->id);
        (void)made_before(v, served);
        return;
    }
    if (counted(v, served->arrival_ns)) {
        note_work(u, served, slice);
        slice->result.cached_tokens += served->cached;
    }
    if (v->setup->split && u->stage == STAGE_FIRST) {
        const uint32_t made = made_before(v, served) + 1;
        if (made < served->output) {
            hand_over(u, served, made);
            return;
        }
    }
    finish(v, u, served, &slice->result);
}

/* ---- time ---- */

static void advance_stage(struct service *v, enum duty stage, int64_t to) {
    for (uint32_t i = 0; i < v->setup->most; i++)
        if (v->units[i].replica && v->units[i].stage == stage) replica_advance(v->units[i].replica, to);
}

static void arrive(struct service *v, int64_t now) {
    const struct request request = request_of(v, (uint32_t)v->next, now);
    v->present++;
    slice_of(v, request.id)->result.arrived += counted(v, now);
    home_of(v, request.id)->home++;
    deal(v, &request, now);
    arrival_done(v);
}

/* A request comes where it was sent; it goes on when nobody is there any more. */
static void come(struct service *v, const struct transit *transit, int64_t now) {
    if (is_up(v, transit->to)) {
        route(v, transit->to, STAGE_FIRST, &transit->request, now);
        return;
    }
    transit->to->here--;
    deal(v, &transit->request, now);
}

void deal_advance(struct service *v, int64_t to) {
    for (;;) {
        const int64_t arrival = deal_next_ns(v), sent = next_ns(&v->sent);
        if ((arrival < sent ? arrival : sent) > to || (arrival == TICK_NEVER && sent == TICK_NEVER)) break;
        if (arrival < sent) {
            arrive(v, arrival);
        } else {
            const struct transit transit = receive(v, &v->sent);
            come(v, &transit, sent);
        }
    }
    advance_stage(v, STAGE_FIRST, to);
    if (!v->setup->split) return;
    for (int64_t t; (t = next_ns(&v->handovers)) <= to && t < TICK_NEVER;) {
        const struct transit transit = receive(v, &v->handovers);
        route(v, transit.to, STAGE_DECODE, &transit.request, t);
    }
    advance_stage(v, STAGE_DECODE, to);
}
