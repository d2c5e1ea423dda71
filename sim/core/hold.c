/*
 * Jobs that could start and are kept back: until a better hour (shift), until their data has arrived (transfer),
 * and the markets they may run on, which can change while they wait.
 *
 * A job kept back stands in no line: it holds a place in one of its domain's two queues, of jobs whose data is under
 * way and of jobs that could start, by when that ends, behind one handle of the event loop. Its waiting goes to
 * WHY_TRANSFER up to the arrival of its data and to WHY_SHIFT after it.
 *
 * A job's markets are a short list of sets, tried in order. Equal lists are stored once; a group's jobs share one.
 * When a list changes with time (spot_first nearing a deadline) the job leaves its line and joins it again in the
 * group of its new list.
 *
 * Cost: O(regions) look-ups of the outlook a job, O(log kept) a hold and a release.
 */
#include "core/engine.h"

#include "base/err.h"
#include "base/tick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sets {
    unsigned markets[MARKET_TRIES];
    uint64_t models[MARKET_TRIES];
    size_t len;
};

struct hold {
    const struct shift_model *shift;
    const struct market_model *market;
    void *shift_state;
    struct outlook *outlooks;   /* per region */
    struct evq *moving, *kept;  /* per domain: jobs by the time their data is there; then by when they are let go */
    int64_t *release_ns;        /* per job of moving: when it is let go. NULL: no data moves */
    struct evq phases;          /* waiting jobs whose list of sets changes, by time */
    struct { struct sets *at; size_t len, cap; } lists;
    uint64_t market_models[BOUGHT_COUNT]; /* fleet models bought so */
    unsigned paid;              /* markets of capacity that is paid for anyway */
    unsigned *present;          /* per domain: markets of its pools */
    int64_t *provision_ns;      /* per domain: of a fresh on-demand node */
    struct cycle cycle;         /* of checkpoints, in the worst of any pool */
    double mean_run_s;
    bool marketed;
    uint32_t domains;
};

/* ---- opening ---- */

static bool moves_data(const struct setup *setup) {
    for (size_t i = 0; i < setup->classes_len; i++)
        if (setup->classes[i].data_gb > 0) return true;
    return false;
}

static bool limits_markets(const struct setup *setup) {
    for (size_t i = 0; i < setup->classes_len; i++)
        for (size_t p = 0; p < setup->pools_len; p++)
            if (!(setup->classes[i].markets >> setup->pools[p].bought & 1)) return true;
    return setup->policy.market.model && strcmp(setup->policy.market.model->name, "any") != 0;
}

static bool shifts(const struct setup *setup) {
    return setup->policy.shift.model && strcmp(setup->policy.shift.model->name, "now") != 0;
}

/* The signal shifting goes by: carbon or price as it is, or both over their means, times PUE. */
static void open_outlooks(struct sched *s, struct hold *h) {
    const struct policy_setup *p = &s->setup->policy;
    const size_t regions = s->setup->regions_len;
    const bool both = p->shift_carbon > 0 && p->shift_price > 0;
    double carbon = p->shift_carbon > 0 || p->shift_price <= 0, price = p->shift_price > 0;
    if (both) {
        double mean_carbon = 0, mean_price = 0;
        for (size_t r = 0; r < regions; r++) {
            const struct region_setup *at = &s->setup->regions[r];
            mean_carbon += signal_average(signal_open(&s->arena, &at->carbon)) / (double)regions;
            mean_price += signal_average(signal_open(&s->arena, &at->price)) / (double)regions;
        }
        /* A signal that is 0 on average has nothing to be measured against: it counts for nothing. */
        carbon = mean_carbon > 0 ? p->shift_carbon / mean_carbon : 0;
        price = mean_price != 0 ? p->shift_price / fabs(mean_price) : 0;
    }
    const struct jobs *jobs = &s->world.jobs;
    const int64_t until = s->setup->horizon_ns < TICK_NEVER ? s->setup->horizon_ns
                                                            : (jobs->len ? jobs->at[jobs->len - 1].submit_ns : 0);
    h->outlooks = arena_alloc(&s->arena, regions + 1, sizeof *h->outlooks);
    for (size_t r = 0; r < regions; r++) {
        const struct region_setup *at = &s->setup->regions[r];
        bool approximate = false;
        const struct steps mixed = steps_combine(&s->arena, &at->carbon, carbon, &at->price, price, &approximate);
        struct steps *truth = arena_alloc(&s->arena, 1, sizeof *truth);
        *truth = steps_product(&s->arena, &mixed, &at->pue, &approximate);
        struct forecast forecast;
        const struct forecast_model *model = (const struct forecast_model *)(const void *)p->forecast.model;
        if (model && model->make) {
            struct steps given = {0};
            if (at->carbon_forecast.len || at->price_forecast.len) {
                const struct steps *c = at->carbon_forecast.len ? &at->carbon_forecast : &at->carbon;
                const struct steps *e = at->price_forecast.len ? &at->price_forecast : &at->price;
                const struct steps believed = steps_combine(&s->arena, c, carbon, e, price, &approximate);
                given = steps_product(&s->arena, &believed, &at->pue, &approximate);
            }
            struct rng *rng = rng_open(s->setup->seed, "forecasts", (uint32_t)r);
            model->make(p->forecast.params, truth, &given, until, rng, &s->arena, &forecast);
            rng_close(rng);
        }
        outlook_open(&h->outlooks[r], &s->arena, truth, model && model->make ? &forecast : NULL, at->utc_offset_ns);
    }
}

static void open_markets(struct sched *s, struct hold *h) {
    const struct setup *setup = s->setup;
    double failures_per_ns = 0;
    h->present = arena_alloc(&s->arena, s->world.fleet.domains_len + 1, sizeof *h->present);
    h->provision_ns = arena_alloc(&s->arena, s->world.fleet.domains_len + 1, sizeof *h->provision_ns);
    for (size_t i = 0; i < setup->pools_len; i++) {
        const struct pool_setup *p = &setup->pools[i];
        h->market_models[p->bought] |= UINT64_C(1) << fleet_model(&s->world.fleet.models, p); /* known: found */
        if (!bought_elastic(p->bought)) h->paid |= 1u << p->bought;
        failures_per_ns = fmax(failures_per_ns, pool_failures_per_h(p) / 3.6e12);
        for (uint32_t d = 0; d < s->world.fleet.domains_len; d++) {
            const struct domain *at = &s->world.fleet.domains[d];
            if (at->region != p->region || at->tenant != p->tenant) continue;
            h->present[d] |= 1u << p->bought;
            if (p->bought == BOUGHT_ON_DEMAND && p->sleep.boot_ns > h->provision_ns[d])
                h->provision_ns[d] = p->sleep.boot_ns;
        }
    }
    h->cycle = checkpoint_cycle(&setup->policy.checkpoint, failures_per_ns);
    struct sets *any = vec_push(&h->lists);
    *any = (struct sets){.markets = {~0u}, .models = {JOB_ANY_MODEL}, .len = 1};
}

void hold_open(struct sched *s) {
    const struct setup *setup = s->setup;
    const struct policy_setup *p = &setup->policy;
    const struct route_model *route = (const struct route_model *)(const void *)p->route.model;
    const bool marketed = limits_markets(setup);
    if (!shifts(setup) && !moves_data(setup) && !marketed && !p->migrate && route->pair == NULL) return;
    struct hold *h = arena_alloc(&s->arena, 1, sizeof *h);
    s->hold = h;
    h->shift = shifts(setup) ? (const struct shift_model *)(const void *)p->shift.model : NULL;
    h->market = marketed ? (const struct market_model *)(const void *)p->market.model : NULL;
    if (h->shift) {
        h->shift_state = arena_alloc(&s->arena, 1, h->shift->model.state_size ? h->shift->model.state_size : 1);
        if (h->shift->open) h->shift->open(h->shift_state, p->shift.params, &s->world);
    }
    if (h->shift || route->pair) open_outlooks(s, h);
    open_markets(s, h);
    h->domains = s->world.fleet.domains_len;
    h->moving = arena_alloc(&s->arena, h->domains + 1, sizeof *h->moving);
    h->kept = arena_alloc(&s->arena, h->domains + 1, sizeof *h->kept);
    for (uint32_t d = 0; d < h->domains; d++) {
        evq_init(&h->moving[d], false);
        evq_init(&h->kept[d], false);
    }
    evq_init(&h->phases, true);
    h->marketed = marketed;
    const struct jobs *jobs = &s->world.jobs;
    if (moves_data(setup)) h->release_ns = arena_alloc(&s->arena, jobs->len + 1, sizeof *h->release_ns);
    for (size_t i = 0; i < jobs->len; i++) h->mean_run_s += tick_seconds(jobs->at[i].run_ns) / (double)jobs->len;
    s->working |= marketed || (h->shift && h->shift->stop);
    s->in_trees |= marketed;
}

void hold_close(struct hold *h) {
    if (h == NULL) return;
    if (h->shift && h->shift->close) h->shift->close(h->shift_state);
    for (uint32_t d = 0; d < h->domains; d++) {
        evq_free(&h->moving[d]);
        evq_free(&h->kept[d]);
    }
    evq_free(&h->phases);
    free(h->lists.at);
}

/* ---- when ---- */

static int64_t deadline(const struct sched *s, uint32_t job) {
    const int64_t *column = s->world.jobs.deadline_ns;
    return column && column[job] != JOB_UNKNOWN ? column[job] : TICK_NEVER;
}

static struct shift_job shift_job(const struct sched *s, uint32_t job) {
    const struct job *j = &s->world.jobs.at[job];
    const struct class_setup *c = world_class(&s->world, job);
    const int64_t ran = j->run_ns - j->left_ns, due = deadline(s, job);
    struct shift_job out = {.submit_ns = j->submit_ns, .length_ns = j->estimate_ns,
                            .wait_ns = c && c->wait_ns >= 0 ? c->wait_ns : s->setup->policy.wait_ns,
                            .waited_ns = s->world.now_ns - j->submit_ns - ran,
                            .left_ns = j->estimate_ns > ran ? j->estimate_ns - ran : 0};
    if (due < TICK_NEVER) {
        const int64_t slack = due - j->submit_ns - cycle_wall_ns(&s->hold->cycle, out.length_ns);
        if (slack < out.wait_ns) out.wait_ns = slack;
    }
    /* Room for the cost of one more suspension, so that the limit holds after it too. */
    if (s->hold->shift && s->hold->shift->stop)
        out.wait_ns -= s->setup->policy.suspend_ns + s->setup->policy.resume_ns;
    if (out.wait_ns < 0) out.wait_ns = 0;
    return out;
}

/* When the job is let go in a region where it could start at `ready` at the earliest. */
static int64_t release(const struct sched *s, uint32_t region, const struct shift_job *job, int64_t ready) {
    const struct hold *h = s->hold;
    if (h->shift == NULL) return ready;
    struct shift_job then = *job; /* as it will be when its data is there */
    then.waited_ns += ready - s->world.now_ns;
    const int64_t start = h->shift->start(h->shift_state, &h->outlooks[region], &then, ready);
    return start > ready ? start : ready;
}

/* Fleet models bought in any of the markets. */
static uint64_t models_of(const struct hold *h, unsigned markets) {
    uint64_t models = 0;
    for (int b = 0; b < BOUGHT_COUNT; b++)
        if (markets >> b & 1) models |= h->market_models[b];
    return models;
}

/* ---- where ---- */

/* Data is at the tenant's home until the job has moved it; without a home it is wherever the job goes first. */
static uint32_t data_region(const struct sched *s, uint32_t job) {
    const uint32_t group = s->group_of[job];
    return group == SCHED_NONE ? s->world.tenants[s->world.jobs.at[job].tenant].home
                               : s->world.fleet.domains[s->groups.at[group].domain].region;
}

/* Moving the job's data between two regions: how long, and for how much. */
static void transfer(const struct sched *s, uint32_t job, uint32_t from, uint32_t to, double *seconds, double *usd) {
    const struct transfer_setup *t = &s->setup->transfer;
    const struct class_setup *c = world_class(&s->world, job);
    const double gb = c ? c->data_gb : 0;
    *seconds = *usd = 0;
    if (gb <= 0 || from == SETUP_ANYWHERE || from == to) return;
    const size_t at = (size_t)from * s->setup->regions_len + to;
    if (t->usd_per_gb) *usd = gb * t->usd_per_gb[at];
    if (t->gb_per_s && t->gb_per_s[at] > 0) *seconds = gb / t->gb_per_s[at];
    if (t->latency_s) *seconds += t->latency_s[at];
}

/* First waits count, in two parts: for data, then for the hour. */
static void attribute(struct sched *s, uint32_t job) {
    const struct job *j = &s->world.jobs.at[job];
    if (j->start_ns != JOB_NOT_YET) return;
    struct group *g = &s->groups.at[s->group_of[job]];
    const uint32_t region = s->world.fleet.domains[g->domain].region;
    double seconds, usd;
    transfer(s, job, s->world.tenants[j->tenant].home, region, &seconds, &usd);
    const int64_t passed = s->world.now_ns - j->submit_ns, moving = tick_from_seconds(seconds);
    const int64_t data = moving < passed ? moving : passed;
    if (line_counts(s, job)) {
        g->why_ns[WHY_TRANSFER] += data;
        g->why_ns[WHY_SHIFT] += passed - data;
    }
    if (s->job_results) {
        s->job_results[job].why_ns[WHY_TRANSFER] += data;
        s->job_results[job].why_ns[WHY_SHIFT] += passed - data;
    }
}

/* ---- kept back ---- */

static void rearm(struct sched *s, uint32_t domain) {
    const struct evq *moving = &s->hold->moving[domain], *kept = &s->hold->kept[domain];
    const uint32_t handle = first_held_event(s) + domain;
    uint64_t next = UINT64_MAX;
    if (!evq_empty(moving)) next = evq_rank(evq_top(moving));
    if (!evq_empty(kept) && evq_rank(evq_top(kept)) < next) next = evq_rank(evq_top(kept));
    if (next == UINT64_MAX) evq_cancel(&s->events, handle);
    else evq_move(&s->events, evq_pack(next, UINT32_MAX, handle));
}

/* Fits on capacity that is paid for anyway? */
static bool fits_paid(struct sched *s, uint32_t domain, uint32_t job) {
    struct shape shape = *world_shape(&s->world, job);
    shape.models &= models_of(s->hold, s->hold->paid);
    return shape.models && place_would_fit(&s->world, s->place, domain, &shape, s->setup->policy.scatter);
}

static void let_go(struct sched *s, uint32_t domain, uint32_t job) {
    if (s->job_state[job] & JOB_HELD) {
        attribute(s, job);
        s->job_state[job] &= (uint8_t)~JOB_HELD;
        s->waiting_len--;
    }
    line_put(s, domain, job);
}

static void keep(struct sched *s, struct evq *queue, uint32_t job, int64_t until_ns) {
    if (!(s->job_state[job] & JOB_HELD)) s->waiting_len++;
    s->job_state[job] |= JOB_HELD;
    evq_push(queue, evq_pack((uint64_t)until_ns, job, job));
}

/* The job's data is there: it waits for its hour, or goes at once. */
static void wait_or_go(struct sched *s, uint32_t domain, uint32_t job, int64_t until_ns) {
    const bool now = until_ns <= s->world.now_ns || (s->setup->policy.reserved_first && fits_paid(s, domain, job));
    if (now) let_go(s, domain, job);
    else keep(s, &s->hold->kept[domain], job, until_ns);
}

void hold_event(struct sched *s, uint32_t domain) {
    struct hold *h = s->hold;
    struct evq *moving = &h->moving[domain], *kept = &h->kept[domain];
    while (!evq_empty(moving) && (int64_t)evq_rank(evq_top(moving)) <= s->world.now_ns) {
        const uint32_t job = evq_handle(evq_pop(moving));
        wait_or_go(s, domain, job, h->release_ns[job]);
    }
    while (!evq_empty(kept) && (int64_t)evq_rank(evq_top(kept)) <= s->world.now_ns)
        let_go(s, domain, evq_handle(evq_pop(kept)));
    rearm(s, domain);
}

bool hold_let_go(struct sched *s, uint32_t domain) {
    struct evq *kept = &s->hold->kept[domain];
    if (!s->setup->policy.reserved_first || evq_empty(kept)) return false;
    if (!fits_paid(s, domain, evq_handle(evq_top(kept)))) return false;
    let_go(s, domain, evq_handle(evq_pop(kept)));
    rearm(s, domain);
    return true;
}

/* ---- arrivals ---- */

static double queue_s(const struct sched *s, uint32_t domain) {
    const struct domain *d = &s->world.fleet.domains[domain];
    const double asked = (double)(d->queued_milli + d->capacity_milli) - (double)(d->free_milli + d->away_milli);
    return d->capacity_milli ? asked / (double)d->capacity_milli * s->hold->mean_run_s : 0;
}

static struct route_offer offer(const struct sched *s, uint32_t job, uint32_t region, const struct shift_job *sj) {
    struct route_offer o = {0};
    transfer(s, job, data_region(s, job), region, &o.transfer_s, &o.transfer_usd);
    o.start_ns = release(s, region, sj, s->world.now_ns + tick_from_seconds(o.transfer_s));
    return o;
}

/* What only a choice among offers asks for. */
static void weigh(const struct sched *s, uint32_t job, uint32_t region, const struct shift_job *sj,
                  struct route_offer *o) {
    const int64_t length = sj->left_ns > 0 ? sj->left_ns : 1, now = s->world.now_ns;
    o->queue_s = queue_s(s, s->world.domain_of[s->world.jobs.at[job].tenant * s->setup->regions_len + region]);
    o->mean = outlook_sum(&s->hold->outlooks[region], now, o->start_ns, o->start_ns + length) / tick_seconds(length);
}

static void charge_transfer(struct sched *s, uint32_t job, double usd, bool again) {
    const struct class_setup *c = world_class(&s->world, job);
    struct account *a = &s->groups.at[s->group_of[job]].account;
    if (!s->ledger.open) return;
    a->migrations += again;
    a->egress_usd += usd;
    a->egress_gb += c ? c->data_gb : 0;
}

/* Chooses the region, moves the data, and keeps the job back or lets it go. */
static void send(struct sched *s, uint32_t job, const bool *may, bool first, bool shifted) {
    const size_t regions = s->setup->regions_len;
    const struct shift_job sj = shift_job(s, job);
    const uint32_t from = data_region(s, job);
    const bool chosen = first || s->setup->policy.migrate, pair = chosen && s->route->pair;
    struct route_offer offers[256];
    for (uint32_t r = 0; r < regions && pair; r++) {
        if (!may[r]) continue;
        offers[r] = offer(s, job, r, &sj);
        weigh(s, job, r, &sj, &offers[r]);
    }
    const uint32_t region = chosen ? sched_route(s, job, may, pair ? offers : NULL) : from;
    const struct route_offer o = pair ? offers[region] : offer(s, job, region, &sj);
    const uint32_t domain = s->world.domain_of[s->world.jobs.at[job].tenant * regions + region];
    if (s->job_results) s->job_results[job].region = region;
    s->group_of[job] = line_group(s, domain, job);
    if (from != SETUP_ANYWHERE && from != region) charge_transfer(s, job, o.transfer_usd, !first);
    const int64_t ready = s->world.now_ns + tick_from_seconds(o.transfer_s);
    const int64_t start = shifted ? o.start_ns : ready;
    if (ready > s->world.now_ns) {
        s->hold->release_ns[job] = start;
        keep(s, &s->hold->moving[domain], job, ready);
    } else {
        wait_or_go(s, domain, job, start);
    }
    if (s->job_state[job] & JOB_HELD) rearm(s, domain);
}

void hold_arrive(struct sched *s, uint32_t job, bool *may) { send(s, job, may, true, true); }

void hold_again(struct sched *s, uint32_t job, bool suspended) {
    bool may[256];
    for (uint32_t r = 0; r < s->setup->regions_len; r++) may[r] = sched_may(s, job, r);
    send(s, job, may, false, suspended || (s->hold->shift && s->hold->shift->stop));
}

void hold_settle(struct sched *s) {
    for (uint32_t d = 0; d < s->hold->domains; d++)
        for (int i = 0; i < 2; i++) {
            const struct evq *queue = i == 0 ? &s->hold->moving[d] : &s->hold->kept[d];
            for (uint32_t k = 0; k < queue->len; k++) attribute(s, evq_handle(queue->heap[k]));
        }
}

/* ---- on what ---- */

/* left_ns: of its work, from what is safe. */
static struct market_job market_job(const struct sched *s, uint32_t domain, uint32_t job, int64_t left_ns) {
    const struct class_setup *c = world_class(&s->world, job);
    const struct hold *h = s->hold;
    struct market_job m = {.allowed = c ? c->markets : ~0u, .present = h->present[domain],
                           .submit_ns = s->world.jobs.at[job].submit_ns, .deadline_ns = deadline(s, job),
                           .provision_ns = h->provision_ns[domain]};
    m.left_ns = cycle_wall_ns(&h->cycle, left_ns) + s->setup->policy.checkpoint.restore_ns;
    return m;
}

static uint32_t list_put(struct sched *s, const unsigned *markets, size_t len) {
    struct hold *h = s->hold;
    for (uint32_t i = 0; i < h->lists.len; i++)
        if (h->lists.at[i].len == len && memcmp(h->lists.at[i].markets, markets, len * sizeof *markets) == 0)
            return i;
    struct sets *list = vec_push(&h->lists);
    *list = (struct sets){.len = len};
    for (size_t i = 0; i < len; i++) {
        list->markets[i] = markets[i];
        list->models[i] = models_of(h, markets[i]);
    }
    return (uint32_t)h->lists.len - 1;
}

static size_t choose(const struct sched *s, const struct market_job *m, unsigned *sets, int64_t *changes_ns) {
    *changes_ns = TICK_NEVER;
    if (s->hold->market)
        return s->hold->market->choose(s->setup->policy.market.params, m, s->world.now_ns, sets, changes_ns);
    sets[0] = m->allowed & m->present;
    return 1;
}

uint32_t hold_market(struct sched *s, uint32_t domain, uint32_t job) {
    if (!s->hold->marketed) return 0;
    const struct market_job m = market_job(s, domain, job, s->world.jobs.at[job].left_ns);
    unsigned sets[MARKET_TRIES];
    int64_t changes_ns;
    const size_t len = choose(s, &m, sets, &changes_ns);
    if (changes_ns < TICK_NEVER && changes_ns > s->world.now_ns) {
        evq_move(&s->hold->phases, evq_pack((uint64_t)changes_ns, job, job));
        evq_move(&s->events, evq_pack(evq_rank(evq_top(&s->hold->phases)), UINT32_MAX, EVENT_PHASES));
    }
    return list_put(s, sets, len);
}

size_t hold_sets(const struct sched *s, uint32_t market, const uint64_t **models) {
    *models = s->hold->lists.at[market].models;
    return s->hold->lists.at[market].len;
}

bool hold_possible(struct sched *s, uint32_t domain, uint32_t job) {
    const struct class_setup *c = s->hold->marketed ? world_class(&s->world, job) : NULL;
    if (c == NULL) return true;
    struct shape shape = *world_shape(&s->world, job);
    const uint64_t wanted = shape.models & models_of(s->hold, ~0u);
    shape.models &= models_of(s->hold, c->markets);
    if (shape.models == wanted) return true; /* its class rules nothing out */
    return shape.models && place_possible(&s->world, s->place, domain, &shape);
}

void hold_phases(struct sched *s) {
    struct evq *q = &s->hold->phases;
    while (!evq_empty(q) && (int64_t)evq_rank(evq_top(q)) <= s->world.now_ns) {
        const uint32_t job = evq_handle(evq_pop(q));
        const uint32_t group = s->group_of[job];
        if (s->job_state[job] & JOB_HELD) continue; /* its markets are looked at when it is let go */
        const uint32_t domain = s->groups.at[group].domain;
        line_leave(s, job);
        line_put(s, domain, job);
    }
    if (!evq_empty(q)) evq_move(&s->events, evq_pack(evq_rank(evq_top(q)), UINT32_MAX, EVENT_PHASES));
}

/* The running job's market against what it may run on now. */
static bool suits(struct sched *s, uint32_t id, int64_t *changes_ns) {
    const struct slot *slot = &s->slots.at[id];
    const uint32_t pool = s->world.fleet.nodes[s->takes.at[slot->takes].node].pool;
    const int64_t safe = work_safe(&s->works.at[id], s->world.now_ns);
    struct market_job m = market_job(s, slot->domain, slot->job, s->world.jobs.at[slot->job].left_ns - safe);
    unsigned sets[MARKET_TRIES];
    m.running = true;
    m.on = 1u << s->setup->pools[pool].bought;
    const size_t len = choose(s, &m, sets, changes_ns);
    for (size_t i = 0; i < len; i++)
        if (sets[i] & m.on) return true;
    return false;
}

bool hold_looks(struct sched *s, uint32_t id) {
    int64_t changes_ns;
    if (!suits(s, id, &changes_ns)) return false;
    s->works.at[id].look_ns = changes_ns > s->world.now_ns ? changes_ns : TICK_NEVER;
    return true;
}

void hold_started(struct sched *s, uint32_t id) {
    const struct slot *slot = &s->slots.at[id];
    struct hold *h = s->hold;
    if (h->marketed) {
        evq_cancel(&h->phases, slot->job);
        (void)hold_looks(s, id);
    }
    if (h->shift == NULL || h->shift->stop == NULL || sched_is_replica(s, slot->job)) return;
    struct shift_job job = shift_job(s, slot->job);
    const uint32_t region = s->world.fleet.domains[slot->domain].region;
    /* It begins to work when what it owed is done. */
    job.waited_ns += slot->work_from_ns - s->world.now_ns;
    const int64_t stop = h->shift->stop(h->shift_state, &h->outlooks[region], &job, slot->work_from_ns);
    require(stop > slot->work_from_ns);
    /* Stopping costs as long as suspending takes: a job that would be done by then goes on to its end. */
    if (stop < TICK_NEVER && stop + s->setup->policy.suspend_ns < slot->end_ns) s->works.at[id].stop_ns = stop;
}
