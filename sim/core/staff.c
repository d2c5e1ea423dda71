/*
 * Staff: binding services and pipelines to a run's jobs, and who of the two is meant by a record; see staff.h.
 *
 * Cost: O(records) when the world is opened; a comparison where a record is a replica's or a worker's.
 */
#include "core/staff.h"

#include "core/flow.h"

#include "base/tick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t staff_records(const struct setup *setup) { return services_records(setup) + flows_records(setup); }

/* ---- binding ---- */

static size_t crews_of(const struct setup *setup) {
    size_t crews = 0;
    for (size_t i = 0; i < setup->flows_len; i++) crews += flow_crews(&setup->flows[i]);
    return crews;
}

/* A longer copy of a table of names, which are borrowed; the caller frees it. */
static char **names_room(struct names *names, size_t more) {
    char **at = mem_alloc((names->len + more + 1) * sizeof *at);
    memcpy(at, names->at, names->len * sizeof *at);
    names->at = at;
    names->slots = NULL; /* only the trace's own are looked up by text */
    names->slots_len = 0;
    return at;
}

static uint32_t names_bind(struct names *names, const char *name) {
    for (uint32_t i = 0; i < names->len; i++)
        if (strcmp(names->at[i], name) == 0) return i;
    names->at[names->len] = (char *)(uintptr_t)name; /* borrowed, and never written to */
    return (uint32_t)names->len++;
}

/* GPUs of one node, of the chips its model runs on. */
static struct shape service_shape(const struct setup *setup, const struct service_setup *service, unsigned stage) {
    struct shape shape = {.gpus = service_gpus(service, stage)};
    struct names models;
    names_init(&models);
    for (size_t i = 0; i < setup->pools_len; i++) {
        const uint32_t model = fleet_model(&models, &setup->pools[i]);
        if (service_cost(service, stage)[i].gpus > 0 && setup->pools[i].gpus >= shape.gpus)
            shape.models |= UINT64_C(1) << model;
    }
    names_free(&models);
    return shape;
}

static bool accepts(const struct flow_crew *crew, const char *gpu) {
    for (size_t i = 0; i < crew->gpu_models_len; i++)
        if (strcmp(crew->gpu_models[i], gpu) == 0) return true;
    return false;
}

static struct shape crew_shape(const struct setup *setup, const struct flow_crew *crew) {
    struct shape shape = crew->shape;
    if (crew->gpu_models_len == 0 || shape_gpu_milli(&shape) == 0) return shape;
    struct names models;
    names_init(&models);
    shape.models = 0;
    for (size_t i = 0; i < setup->pools_len; i++) {
        const uint32_t model = fleet_model(&models, &setup->pools[i]);
        if (setup->pools[i].gpus > 0 && accepts(crew, setup->pools[i].gpu)) shape.models |= UINT64_C(1) << model;
    }
    names_free(&models);
    return shape;
}

static void bind(struct sched *s, const char *tenant, const char *class_name, struct shape shape,
                 struct bound_staff bound) {
    struct jobs *jobs = &s->world.jobs;
    bound.tenant = tenant ? names_bind(&jobs->tenants, tenant) : 0;
    bound.class_id = names_bind(&jobs->classes, class_name);
    bound.shape = bound.second_shape = (uint32_t)jobs->shapes.len;
    jobs->shapes.at[jobs->shapes.len++] = shape;
    s->bound[s->bound_len++] = bound;
}

void staff_bind(struct sched *s) {
    const struct setup *setup = s->setup;
    struct jobs *jobs = &s->world.jobs;
    const size_t most = setup->services_len + crews_of(setup);
    uint32_t first = (uint32_t)jobs->len;
    s->first_worker = first + (uint32_t)services_records(setup);
    if (most == 0) return;
    s->tenant_names = names_room(&jobs->tenants, most);
    s->class_names = names_room(&jobs->classes, most);
    s->bound = arena_alloc(&s->arena, most, sizeof *s->bound);
    jobs->shapes.at = mem_grow(jobs->shapes.at, jobs->shapes.len + 2 * most, sizeof *jobs->shapes.at);
    for (size_t i = 0; i < setup->services_len; i++) {
        const struct service_setup *from = &setup->services[i];
        bind(s, from->tenant, from->name, service_shape(setup, from, 0),
             (struct bound_staff){.first = first, .most = from->most, .priority = from->priority, .serves = true});
        if (from->split) {
            s->bound[i].second_shape = (uint32_t)jobs->shapes.len;
            jobs->shapes.at[jobs->shapes.len++] = service_shape(setup, from, 1);
        }
        first += from->most;
    }
    for (size_t i = 0; i < setup->flows_len; i++) {
        const struct flow_setup *from = &setup->flows[i];
        for (size_t k = 0; k < flow_crews(from); k++) {
            const struct flow_crew crew = flow_crew(from, k);
            bind(s, from->tenant, crew.class_name, crew_shape(setup, &crew),
                 (struct bound_staff){.first = first, .most = crew.scale.most, .priority = from->priority});
            first += crew.scale.most;
        }
    }
}

/* A longer copy of a column that orders read by job. */
static void *column_room(struct sched *s, const void *column, size_t size, size_t more) {
    const size_t len = s->world.jobs.len;
    char *at = arena_alloc(&s->arena, len + more + 1, size);
    if (column) memcpy(at, column, len * size);
    return at;
}

/* They never end by themselves. */
void staff_add(struct sched *s) {
    enum { STAFF_YEARS = 70 };
    struct jobs *jobs = &s->world.jobs;
    const size_t more = staff_records(s->setup), all = jobs->len + more;
    if (more == 0) return;
    jobs->at = mem_grow(jobs->at, all, sizeof *jobs->at);
    if (s->options->consume) s->options->consume->at = jobs->at;
    jobs->priority = column_room(s, jobs->priority, sizeof *jobs->priority, more);
    if (jobs->deadline_ns) jobs->deadline_ns = column_room(s, jobs->deadline_ns, sizeof *jobs->deadline_ns, more);
    if (jobs->work) jobs->work = column_room(s, jobs->work, sizeof *jobs->work, more);
    if (jobs->user) jobs->user = column_room(s, jobs->user, sizeof *jobs->user, more);
    for (size_t i = 0; i < s->bound_len; i++) {
        const struct bound_staff *b = &s->bound[i];
        for (uint32_t j = b->first; j < b->first + b->most; j++) {
            const int64_t run_ns = STAFF_YEARS * 366 * TICK_DAY;
            const bool second = b->serves && service_stage(&s->setup->services[i], j - b->first);
            jobs->at[j] = (struct job){.submit_ns = TICK_NEVER, .run_ns = run_ns, .estimate_ns = run_ns,
                                       .left_ns = run_ns, .start_ns = JOB_NOT_YET, .end_ns = JOB_NOT_YET,
                                       .shape = second ? b->second_shape : b->shape, .next = JOB_NONE,
                                       .tenant = (uint16_t)b->tenant, .class_id = (uint16_t)b->class_id};
            jobs->priority[j] = b->priority;
            if (jobs->deadline_ns) jobs->deadline_ns[j] = JOB_UNKNOWN;
            if (jobs->work) jobs->work[j] = NAN;
            if (jobs->user) jobs->user[j] = JOB_NONE;
        }
    }
}

/* ---- checks ---- */

static bool has_place_in(struct sched *s, const struct bound_staff *bound, uint32_t region) {
    const struct holding *h = &s->world.tenants[bound->tenant];
    const struct shape *shape = &s->world.jobs.shapes.at[bound->shape];
    if (h->quota_kind == QUOTA_HARD && shape_gpu_milli(shape) > h->quota_milli) return false;
    const uint32_t domain = s->world.domain_of[bound->tenant * s->setup->regions_len + region];
    return domain != FLEET_NONE && (h->may == NULL || h->may[region]) && world_possible(s, domain, bound->shape) &&
           (s->hold == NULL || s->options == NULL || hold_possible(s, domain, bound->first));
}

/* Replicas of all a service's stages, whose records begin at `first`. */
static bool service_has_place(struct sched *s, size_t i, uint32_t first, uint32_t region) {
    const struct service_setup *from = &s->setup->services[i];
    struct bound_staff of_stage = s->bound[i];
    of_stage.first = first;
    if (!has_place_in(s, &of_stage, region)) return false;
    of_stage.shape = of_stage.second_shape;
    of_stage.first += from->prefill_replicas;
    return !from->split || has_place_in(s, &of_stage, region);
}

static void check_places(struct sched *s, size_t i, struct err *err) {
    const struct service_setup *from = &s->setup->services[i];
    const struct place_in_file at = {.path = "services"};
    uint32_t first = s->bound[i].first, regions = 0;
    for (uint32_t r = 0; from->places_len == 0 && r < s->setup->regions_len; r++)
        regions += service_has_place(s, i, first, r);
    if (from->places_len == 0 && regions == 0)
        err_add(err, at, "service '%s': no node that its tenant may use has %u GPUs its model runs on", from->name,
                from->tensor_parallel);
    for (size_t p = 0; p < from->places_len; first += from->places[p++].most)
        if (!service_has_place(s, i, first, from->places[p].region))
            err_add(err, at, "service '%s': in region '%s' no node that its tenant may use has %u GPUs its model runs "
                    "on", from->name, s->setup->regions[from->places[p].region].name, from->tensor_parallel);
}

/* One region where each of `count` finds one. */
static bool has_place(struct sched *s, const struct bound_staff *bound, size_t count) {
    for (uint32_t r = 0; r < s->setup->regions_len; r++) {
        size_t placed = 0;
        while (placed < count && has_place_in(s, &bound[placed], r)) placed++;
        if (placed == count) return true;
    }
    return false;
}

static void check_services(struct sched *s, struct err *err) {
    const struct place_in_file at = {.path = "services"};
    for (size_t i = 0; i < s->setup->services_len; i++) {
        const struct service_setup *from = &s->setup->services[i];
        if (from->repeat && s->setup->horizon_ns == TICK_NEVER)
            err_add(err, at, "service '%s' repeats its requests: the run needs a horizon", from->name);
        if (from->least > from->most || from->most == 0 || from->begin > from->most)
            err_add(err, at, "service '%s': replicas must have least <= most, begin <= most and most >= 1", from->name);
        if (from->split && (from->prefill_replicas == 0 || from->prefill_replicas >= from->most))
            err_add(err, at, "service '%s': of its %u replicas at least one must prefill and one must decode",
                    from->name, from->most);
        else check_places(s, i, err);
    }
}

static void check_flows(struct sched *s, struct err *err) {
    const struct place_in_file at = {.path = "pipelines"};
    const struct bound_staff *bound = s->bound + s->setup->services_len;
    for (size_t i = 0; i < s->setup->flows_len; i++) {
        const struct flow_setup *from = &s->setup->flows[i];
        const size_t crews = flow_crews(from);
        const size_t found = err->found;
        for (size_t k = 0; k < crews; k++)
            if (!has_place(s, &bound[k], 1))
                err_add(err, at, "pipeline '%s': no node that its tenant may use can ever hold a worker of %s",
                        from->name, s->world.jobs.classes.at[bound[k].class_id]);
        if (crews > 1 && err->found == found && !has_place(s, bound, crews))
            err_add(err, at, "pipeline '%s': no region can hold workers of all its stages", from->name);
        if (isinf(from->items) && from->until_ns >= TICK_NEVER && s->setup->horizon_ns == TICK_NEVER)
            err_add(err, at, "pipeline '%s' has no end: it needs \"items\" or \"until\", or the run a horizon",
                    from->name);
        bound += crews;
    }
}

bool staff_check(struct sched *s, struct err *err) {
    const size_t found = err->found;
    check_services(s, err);
    if (s->setup->flows_len > 0) check_flows(s, err);
    return err->found == found;
}

/* ---- whoever it is ---- */

void staff_open(struct sched *s) {
    if (s->setup->services_len) s->services = services_open(s);
    if (s->setup->flows_len) s->flows = flows_open(s);
}

void staff_close(struct sched *s) {
    services_close(s->services);
    flows_close(s->flows);
}

void staff_begin(struct sched *s) {
    if (s->services) services_begin(s);
    if (s->flows) flows_begin(s);
}

void staff_edge(struct sched *s) {
    if (s->services) services_edge(s);
    if (s->flows) flows_edge(s);
}

bool staff_over(const struct sched *s) {
    return (s->services == NULL || services_over(s->services)) && (s->flows == NULL || flows_over(s->flows));
}

static bool is_worker(const struct sched *s, uint32_t job) { return job >= s->first_worker; }

void staff_started(struct sched *s, uint32_t slot) {
    if (is_worker(s, s->slots.at[slot].job)) flows_started(s, slot);
    else services_started(s, slot);
}

void staff_stopped(struct sched *s, uint32_t slot) {
    if (is_worker(s, s->slots.at[slot].job)) flows_stopped(s, slot);
    else services_stopped(s, slot);
}

int64_t staff_start_ns(const struct sched *s, uint32_t job) {
    return is_worker(s, job) ? flows_start_ns(s->flows, job) : services_cold_start_ns(s->services, job);
}

void staff_charge(struct sched *s, uint32_t job, const struct bill *bill, double ns) {
    if (is_worker(s, job)) flows_charge(s->flows, job, bill, ns);
    else services_charge(s->services, job, bill, ns);
}

/* ---- results ---- */

static void add_flow(struct flow_result *to, const struct flow_result *from) {
    to->offered += from->offered;
    to->items += from->items;
    to->left += from->left;
    to->active_s += from->active_s;
    to->worker_h += from->worker_h;
    to->gpu_h += from->gpu_h;
    to->busy_gpu_h += from->busy_gpu_h;
    to->stalled_gpu_h += from->stalled_gpu_h;
    to->energy_j += from->energy_j;
    to->energy_usd += from->energy_usd;
    to->co2_g += from->co2_g;
    to->capacity_usd += from->capacity_usd;
    to->starts += from->starts;
    if (from->end_ns > to->end_ns) to->end_ns = from->end_ns;
}

void staff_tally(struct sched *s, struct result *result, struct tally *run, struct tally *pipelines) {
    const size_t count = s->setup->flows_len;
    if (!s->flows) return;
    result->flows = mem_zero(count + 1, sizeof *result->flows);
    result->flows_len = count;
    flows_results(s, result->flows);
    struct flow_result *all = &result->flows[count];
    all->name = run->name;
    for (size_t i = 0; i < count; i++) {
        const struct flow_result *x = &result->flows[i];
        struct tally *t = &pipelines[i];
        add_flow(all, x);
        t->name = x->name;
        t->flow = x;
        t->held_gpu_h = x->gpu_h;
        t->used_gpu_h = t->useful_gpu_h = x->busy_gpu_h;
        t->stalled_gpu_h = x->stalled_gpu_h;
        t->energy_j = x->energy_j;
        t->energy_usd = x->energy_usd;
        t->co2_g = x->co2_g;
        t->capacity_usd = x->capacity_usd;
    }
    run->flow = all;
}
