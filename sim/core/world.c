/*
 * Binding: setup and job table become a world. Names are resolved (tenants, GPU models), estimates drawn,
 * domains found; whatever cannot work together is refused here, before the first event.
 */
#include "core/world.h"

#include "core/engine.h"
#include "core/staff.h"

#include "base/tick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double world_attained_gpu_ns(const struct world *w, uint32_t job) {
    const struct job *j = &w->jobs.at[job];
    return (double)(j->run_ns - j->left_ns) * shape_gpu_milli(world_shape(w, job)) / 1000.0;
}

static const struct { unsigned column; const char *name; } columns[] = {
    {JOBS_PRIORITY, "priority"}, {JOBS_DEADLINE, "deadline_s"}, {JOBS_WORK, "work"}, {JOBS_USER, "user"}};

static unsigned jobs_columns(const struct jobs *jobs) {
    return (jobs->priority ? JOBS_PRIORITY : 0u) | (jobs->deadline_ns ? JOBS_DEADLINE : 0u) |
           (jobs->work ? JOBS_WORK : 0u) | (jobs->user ? JOBS_USER : 0u);
}

/* Reservations are counts of GPUs at times to come: whatever else makes GPUs come and go breaks them. */
static void check_moving_capacity(const struct setup *setup, const struct backfill_model *backfill,
                                  struct place_in_file at, struct err *err) {
    if (!backfill->reserves) return;
    const char *moves = NULL;
    for (size_t i = 0; i < setup->pools_len; i++) {
        const struct pool_setup *p = &setup->pools[i];
        if (bought_elastic(p->bought)) moves = "nodes rented on demand";
        else if (p->sleep.on) moves = "sleeping nodes";
        else if (p->maintenance_len) moves = "maintenance";
    }
    for (size_t r = 0; r < setup->regions_len; r++)
        if (setup->regions[r].limit_w > 0) moves = "a power limit";
    if (setup->policy.market.model && strcmp(setup->policy.market.model->name, "any") != 0) moves = "a market policy";
    for (size_t i = 0; i < setup->services_len; i++)
        if (setup->services[i].autoscale != SCALE_FIXED) moves = "services that scale";
    if (setup->flows_len > 0) moves = "pipelines, whose workers come and go";
    if (moves)
        err_add(err, at, "backfill '%s' does not go with %s: a reservation counts GPUs that are there; use backfill "
                "'skip' or 'none'", backfill->model.name, moves);
}

/* Whether the policy resizes jobs of some class. */
static bool resizes(const struct setup *setup) {
    const struct resize_model *m = (const struct resize_model *)(const void *)setup->policy.resize.model;
    bool elastic = false;
    for (size_t i = 0; i < setup->classes_len; i++) elastic |= setup->classes[i].gpus_most > 0;
    return m && m->value && elastic;
}

static void check_resize(const struct setup *setup, struct place_in_file at, struct err *err) {
    const struct policy_setup *p = &setup->policy;
    const struct order_model *order = (const struct order_model *)(const void *)p->order.model;
    const struct backfill_model *backfill = (const struct backfill_model *)(const void *)p->backfill.model;
    if (!resizes(setup)) return;
    if (backfill->reserves)
        err_add(err, at, "backfill '%s' does not go with resize '%s': jobs that hold more GPUs or fewer end at other "
                "times than a reservation counts on; use backfill 'skip' or 'none'", backfill->model.name,
                p->resize.model->name);
    if (order->preemptive)
        err_add(err, at, "order '%s' does not go with resize '%s': both take GPUs from running jobs; use an order that "
                "leaves them running", order->model.name, p->resize.model->name);
}

static bool check_policy(const struct setup *setup, const struct jobs *trace, struct err *err) {
    const struct policy_setup *p = &setup->policy;
    const struct order_model *order = (const struct order_model *)(const void *)p->order.model;
    const struct backfill_model *backfill = (const struct backfill_model *)(const void *)p->backfill.model;
    const struct place_in_file at = {.path = "policy"};
    const size_t found = err->found;
    /* Staff has a priority, so jobs without one have 0. */
    const unsigned given = jobs_columns(trace) | (staff_records(setup) ? JOBS_PRIORITY : 0u);
    const unsigned missing = order->needs & ~given;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (missing & columns[i].column)
            err_add(err, at, "order '%s' needs the column '%s', and the jobs have none", order->model.name,
                    columns[i].name);
    if (backfill->reserves && order->preemptive)
        err_add(err, at, "backfill '%s' does not go with order '%s': a reservation means nothing where running jobs "
                "can be preempted; use backfill 'skip' or 'none'", backfill->model.name, order->model.name);
    if (backfill->reserves && order->tenant_key)
        err_add(err, at, "backfill '%s' does not go with order '%s': its order changes with what tenants hold, so a "
                "reservation cannot be kept; use backfill 'skip' or 'none'", backfill->model.name,
                order->model.name);
    for (size_t i = 0; i < setup->tenants_len && backfill->reserves; i++)
        if (setup->tenants[i].quota_kind != QUOTA_NONE) {
            err_add(err, at, "backfill '%s' does not go with quotas (tenant '%s'): reservations count GPUs, not "
                    "quotas; give the tenant pools of its own, or use backfill 'skip' or 'none'",
                    backfill->model.name, setup->tenants[i].name);
            break;
        }
    check_moving_capacity(setup, backfill, at, err);
    check_resize(setup, at, err);
    if (p->estimate == ESTIMATE_USER && !trace->has_estimates)
        err_add(err, at, "estimate 'user' needs the column 'estimate_s', and the jobs have none");
    if (setup->regions_len > 255) err_add(err, at, "%zu regions; at most 255", setup->regions_len);
    return err->found == found;
}

/* The run's own shapes, with accepted models as the fleet numbers them: every way to buy them. */
static void bind_shapes(struct jobs *jobs, const struct jobs *trace, const struct setup *setup) {
    struct names models;
    uint64_t bits[JOB_MODELS_MOST] = {0}; /* of the fleet's models, per model of the trace */
    names_init(&models);
    for (size_t i = 0; i < setup->pools_len; i++) {
        const uint32_t model = fleet_model(&models, &setup->pools[i]);
        const uint32_t named = setup->pools[i].gpus ? names_find(&trace->models, setup->pools[i].gpu) : UINT32_MAX;
        if (named < JOB_MODELS_MOST) bits[named] |= UINT64_C(1) << model;
    }
    names_free(&models);
    jobs->shapes.at = mem_copy(trace->shapes.at, trace->shapes.len * sizeof *trace->shapes.at);
    for (size_t i = 0; i < jobs->shapes.len; i++) {
        struct shape *s = &jobs->shapes.at[i];
        const uint64_t named = s->models;
        if (named == JOB_ANY_MODEL || shape_gpu_milli(s) == 0) {
            s->models = JOB_ANY_MODEL;
            continue;
        }
        s->models = 0;
        for (uint32_t m = 0; m < trace->models.len; m++)
            if (named >> m & 1) s->models |= bits[m];
    }
}

/* ---- estimates ---- */

/* Which jobs share a mean: those of the same class entry, or of the same class where no entry matches. */
static size_t mean_of(const struct jobs *jobs, const struct setup *setup, const struct job *j) {
    const struct class_setup *c = setup_class(setup, jobs->classes.at[j->class_id], j->run_ns);
    return c ? (size_t)(c - setup->classes) : setup->classes_len + j->class_id;
}

static void take_class_means(struct jobs *jobs, const struct setup *setup) {
    const size_t len = setup->classes_len + jobs->classes.len;
    wide *sum = mem_zero(len + 1, sizeof *sum);
    int64_t *count = mem_zero(len + 1, sizeof *count);
    for (size_t i = 0; i < jobs->len; i++) {
        const size_t m = mean_of(jobs, setup, &jobs->at[i]);
        sum[m] += jobs->at[i].run_ns;
        count[m]++;
    }
    const int64_t tick = setup->policy.estimate_tick_ns > 0 ? setup->policy.estimate_tick_ns : 1;
    for (size_t i = 0; i < jobs->len; i++) {
        const size_t m = mean_of(jobs, setup, &jobs->at[i]);
        jobs->at[i].estimate_ns = (int64_t)(sum[m] / count[m]) / tick * tick;
    }
    free(sum);
    free(count);
}

static void draw_estimates(struct jobs *jobs, const struct setup *setup) {
    const struct policy_setup *p = &setup->policy;
    if (p->estimate == ESTIMATE_CLASS_MEAN) take_class_means(jobs, setup);
    struct rng *rng = p->estimate == ESTIMATE_NOISY ? rng_open(setup->seed, "estimates", 0) : NULL;
    for (size_t i = 0; i < jobs->len; i++) {
        struct job *j = &jobs->at[i];
        if (p->estimate == ESTIMATE_EXACT) j->estimate_ns = j->run_ns;
        if (rng) {
            const double guess = (double)j->run_ns * rng_lognormal(rng, 0, p->estimate_error);
            j->estimate_ns = guess < (double)TICK_NEVER ? (int64_t)guess : TICK_NEVER;
        }
        const bool raise = p->overrun == OVERRUN_RAISE && p->estimate != ESTIMATE_CLASS_MEAN;
        if (raise && j->estimate_ns < j->run_ns) j->estimate_ns = j->run_ns;
        j->start_ns = j->end_ns = JOB_NOT_YET;
        j->left_ns = j->run_ns;
        j->next = JOB_NONE;
    }
    if (rng) rng_close(rng);
}

static uint32_t setup_tenant(const struct setup *setup, const char *name) {
    for (uint32_t i = 0; i < setup->tenants_len; i++)
        if (strcmp(setup->tenants[i].name, name) == 0) return i;
    return SETUP_SHARED;
}

static uint32_t find_domain(const struct fleet *f, uint32_t region, uint32_t tenant) {
    for (uint32_t d = 0; d < f->domains_len; d++)
        if (f->domains[d].region == region && f->domains[d].tenant == tenant) return d;
    return FLEET_NONE;
}

static void bind_tenants(struct sched *s) {
    const struct setup *setup = s->setup;
    struct world *w = &s->world;
    const size_t regions = setup->regions_len, tenants = w->jobs.tenants.len;
    w->tenants = arena_alloc(&s->arena, tenants + 1, sizeof *w->tenants);
    w->domain_of = arena_alloc(&s->arena, tenants * regions + 1, sizeof *w->domain_of);
    s->quota_waiting = arena_alloc(&s->arena, tenants + 1, sizeof *s->quota_waiting);
    for (size_t t = 0; t < tenants; t++) {
        const uint32_t known = setup_tenant(setup, w->jobs.tenants.at[t]);
        const struct tenant_setup *from = known == SETUP_SHARED ? NULL : &setup->tenants[known];
        w->tenants[t] = (struct holding){.quota_milli = UINT64_MAX, .weight = 1, .home = SETUP_ANYWHERE};
        if (from) {
            w->tenants[t].quota_kind = from->quota_kind;
            if (from->quota_kind != QUOTA_NONE) w->tenants[t].quota_milli = (uint64_t)llround(from->quota_gpus * 1000);
            w->tenants[t].weight = from->weight;
            w->tenants[t].home = from->home;
            w->tenants[t].may = from->may;
            s->by_tenant |= from->quota_kind == QUOTA_BORROW;
        }
        uint32_t owner = SETUP_SHARED;
        for (uint32_t r = 0; r < regions && known != SETUP_SHARED; r++)
            if (find_domain(&w->fleet, r, known) != FLEET_NONE) owner = known;
        for (uint32_t r = 0; r < regions; r++) w->domain_of[t * regions + r] = find_domain(&w->fleet, r, owner);
    }
}

static void *open_state(struct sched *s, const struct model *model) {
    return arena_alloc(&s->arena, 1, model->state_size ? model->state_size : 1);
}

static void open_models(struct sched *s) {
    const struct policy_setup *p = &s->setup->policy;
    s->order_state = open_state(s, p->order.model);
    s->backfill_state = open_state(s, p->backfill.model);
    s->place_state = open_state(s, p->place.model);
    s->route_state = open_state(s, p->route.model);
    if (s->order->open) s->order->open(s->order_state, p->order.params, &s->world);
    if (s->backfill->open) s->backfill->open(s->backfill_state, p->backfill.params, &s->world);
    if (s->place->open) s->place->open(s->place_state, p->place.params, &s->world);
    if (s->route->open) s->route->open(s->route_state, p->route.params, &s->world);
}

bool world_possible(struct sched *s, uint32_t domain, uint32_t shape) {
    uint8_t *known = &s->possible[(size_t)domain * s->world.jobs.shapes.len + shape];
    if (*known == 0)
        *known = place_possible(&s->world, s->place, domain, &s->world.jobs.shapes.at[shape]) ? 1 : 2;
    return *known == 1;
}

/* Reservations count GPUs of a whole domain: jobs must accept every model there. */
static bool check_accepts(const struct sched *s, struct err *err) {
    if (!s->backfill->whole_domain) return true;
    const struct world *w = &s->world;
    for (size_t i = 0; i < w->jobs.shapes.len; i++)
        for (uint32_t d = 0; d < w->fleet.domains_len; d++) {
            const uint64_t here = w->fleet.domains[d].models, both = here & w->jobs.shapes.at[i].models;
            if (both != 0 && both != here)
                return err_add(err, (struct place_in_file){.path = "policy.backfill"},
                               "'%s' plans on GPU counts: every job must accept every GPU model of its region, and "
                               "some accept only a part of them; use 'easy' or one model a region",
                               s->backfill->model.name);
        }
    return true;
}

static bool has_quota(const struct setup *setup) {
    for (size_t i = 0; i < setup->tenants_len; i++)
        if (setup->tenants[i].quota_kind != QUOTA_NONE) return true;
    return false;
}

/* Whether it is known of some class what its jobs reach of their GPUs. */
static bool knows_loads(const struct setup *setup) {
    for (size_t i = 0; i < setup->classes_len; i++) {
        const struct class_setup *c = &setup->classes[i];
        const struct speed_model *speed = (const struct speed_model *)(const void *)c->speed.model;
        if (c->load.compute + c->load.memory > 0 || (speed && speed->load)) return true;
    }
    return false;
}

static bool power_by_load(const struct setup *setup) {
    for (size_t i = 0; i < setup->pools_len; i++)
        if (((const struct power_model *)(const void *)setup->pools[i].power.model)->load) return true;
    return false;
}

/* What only some setups need; see engine.h. */
static void open_rest(struct sched *s) {
    const struct setup *setup = s->setup;
    s->in_trees = s->backfill->needs_search || staff_records(setup) > 0; /* staff leaves its lines */
    s->working = setup->policy.checkpoint.kind != CHECKPOINT_NONE;
    for (size_t i = 0; i < setup->classes_len; i++) {
        const struct class_setup *c = &setup->classes[i];
        s->speeds |= c->speed.model != NULL || c->supply.item_bytes > 0;
    }
    for (size_t i = 0; i < setup->pools_len; i++) s->embodies |= setup->pools[i].embodied_g_per_node_h > 0;
    hold_open(s);
    s->iron = iron_open(s);
    caps_open(s);
    share_open(s);
    s->loads = knows_loads(setup) && (s->caps || power_by_load(setup));
    s->working |= s->iron != NULL || s->speeds || s->share != NULL;
    const size_t records = s->world.jobs.len + staff_records(setup);
    if (s->hold || s->working) s->job_state = arena_alloc(&s->arena, records + 1, sizeof *s->job_state);
    if (s->resize) resize_open(s);
    if (s->options) staff_open(s);
    const bool plain = s->hold == NULL && s->iron == NULL && s->caps == NULL && !s->speeds && !s->loads &&
                       s->share == NULL;
    s->recalls = !plain;
    s->hands_over &= plain;
    s->skips_line &= plain;
}

bool world_open(struct sched *s, const struct setup *setup, const struct jobs *trace,
                const struct run_options *options, struct err *err) {
    *s = (struct sched){.setup = setup, .options = options, .trace = trace, .unused_slot = SCHED_NONE,
                        .takes.unused = FLEET_NONE, .group_slots_len = 1024};
    const size_t found = err->found;
    if (!check_policy(setup, trace, err)) return false;
    const struct policy_setup *p = &setup->policy;
    s->order = (const struct order_model *)(const void *)p->order.model;
    s->backfill = (const struct backfill_model *)(const void *)p->backfill.model;
    s->place = (const struct place_model *)(const void *)p->place.model;
    s->route = (const struct route_model *)(const void *)p->route.model;
    arena_init(&s->arena);
    struct world *w = &s->world;
    w->setup = setup;
    w->jobs = *trace; /* columns and names are borrowed, records and shapes are our own */
    if (options && !options->consume) w->jobs.at = mem_copy(trace->at, trace->len * sizeof *trace->at);
    bind_shapes(&w->jobs, trace, setup);
    staff_bind(s);
    resize_bind(s);
    if (options) draw_estimates(&w->jobs, setup); /* else the records are the trace's: only looked at */
    if (options) staff_add(s);
    share_bind(s, options != NULL, err);
    fleet_open(&w->fleet, setup, &w->jobs, s->place->wants_kinds);
    ledger_open(&s->ledger, setup);
    w->price = arena_alloc(&s->arena, setup->regions_len, sizeof *w->price);
    w->carbon = arena_alloc(&s->arena, setup->regions_len, sizeof *w->carbon);
    w->pue = arena_alloc(&s->arena, setup->regions_len, sizeof *w->pue);
    for (uint32_t n = 0; n < w->fleet.nodes_len; n++) {
        const struct pool_setup *pool = &setup->pools[w->fleet.nodes[n].pool];
        w->capacity_milli += 1000ull * pool->gpus;
        w->capacity_cpu_milli += pool->cpu_milli;
        w->capacity_mem_mib += pool->mem_mib;
    }
    bind_tenants(s);
    s->by_tenant |= s->order->tenant_key != NULL;
    s->skips_line = !s->backfill->arrived && !s->backfill->ended_early && setup->policy.round_ns == 0;
    s->hands_over = s->backfill->head_blocks && !s->order->preemptive && !s->by_tenant && !s->place->draws &&
                    setup->policy.round_ns == 0 && !has_quota(setup);
    s->possible = arena_alloc(&s->arena, w->fleet.domains_len * w->jobs.shapes.len + 1, 1);
    s->lines = arena_alloc(&s->arena, w->fleet.domains_len + 1, sizeof *s->lines);
    for (uint32_t d = 0; d < w->fleet.domains_len; d++) {
        evq_init(&s->lines[d].ready, true);
        s->lines[d].front = JOB_NONE;
        s->lines[d].ends = s->lines[d].running = TREE_NONE;
        s->ledger.regions[w->fleet.domains[d].region].fragmented_milli += w->fleet.domains[d].fragmented_milli;
    }
    s->group_slots = mem_alloc(s->group_slots_len * sizeof *s->group_slots);
    memset(s->group_slots, 0xff, s->group_slots_len * sizeof *s->group_slots);
    const size_t records = w->jobs.len + staff_records(setup);
    s->group_of = mem_alloc((records + 1) * sizeof *s->group_of);
    memset(s->group_of, 0xff, (records + 1) * sizeof *s->group_of);
    if (options && options->job_results) s->job_results = mem_zero(records + 1, sizeof *s->job_results);
    evq_init(&s->events, true);
    forest_init(&s->waiting);
    forest_init(&s->ends);
    forest_init(&s->running);
    open_models(s);
    open_rest(s);
    arena_seal(&s->arena);
    check_accepts(s, err);
    work_check(s, err);
    resize_check(s, err);
    staff_check(s, err);
    return err->found == found;
}

void world_close(struct sched *s) {
    if (s->group_of == NULL) return; /* refused before anything was opened */
    hold_close(s->hold);
    iron_close(s->iron);
    resize_close(s->resize);
    staff_close(s);
    share_close(s->share);
    free(s->tenant_names);
    free(s->class_names);
    free(s->works.at);
    if (s->backfill->close) s->backfill->close(s->backfill_state);
    if (s->place->close) s->place->close(s->place_state);
    for (uint32_t d = 0; d < s->world.fleet.domains_len; d++) {
        evq_free(&s->lines[d].ready);
        free(s->lines[d].groups.at);
        free(s->lines[d].aside.at);
    }
    for (size_t i = 0; i < s->groups.len; i++) evq_free(&s->groups.at[i].heap);
    evq_free(&s->events);
    forest_free(&s->waiting);
    forest_free(&s->ends);
    forest_free(&s->running);
    free(s->slots.at);
    free(s->takes.at);
    free(s->groups.at);
    free(s->group_slots);
    free(s->group_of);
    free(s->dirty.at);
    free(s->scratch.at);
    free(s->victims.at);
    fleet_close(&s->world.fleet);
    ledger_close(&s->ledger);
    arena_free(&s->arena);
}
