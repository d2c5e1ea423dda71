/*
 * Fleets under trial (see trial.h). Replication r of any fleet has the seed that a sweep's would have. Its setup is a
 * copy of the fleet's with that seed and its own list of services, which point to that seed's requests.
 *
 * A case is applied to what was read: its demand to the rates that drive the arrivals, its price of energy to the
 * regions' prices, a lost region by taking its nodes out.
 *
 * Invariant: what is stored and recorded depends on the order of calls alone, not on the number of threads.
 * Cost: a look at every distinct demand so far a replication.
 */
#include "app/trial.h"

#include "app/batch.h"
#include "app/crew.h"
#include "app/demand.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"
#include "core/flow.h"
#include "core/service.h"
#include "io/requests.h"
#include "io/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- demands --- */

struct trial_demand {
    struct scenario_run *of; /* whose it was first */
    struct setup setup;      /* the same with the demand's seed */
    struct scenario_run run; /* the same with that setup */
    struct jobs jobs;
    struct requests *requests; /* a service each */
    size_t requests_len;
    uint64_t hash;
};

static void demand_free(struct trial_demand *demand) {
    jobs_free(&demand->jobs);
    for (size_t i = 0; i < demand->requests_len; i++) requests_free(&demand->requests[i]);
    free(demand->requests);
}

/* A run that first had a demand is held by it, and by each other that it had first. */
static bool holds_demand(const struct trials *trials, const struct scenario_run *run) {
    for (size_t i = 0; i < trials->demands.len; i++)
        if (trials->demands.at[i]->of == run) return true;
    return false;
}

static void run_free(struct scenario_run *run) {
    scenario_point_close(run);
    free(run);
}

void trials_close(struct trials *trials) {
    while (trials->demands.len > 0) {
        struct trial_demand *last = trials->demands.at[--trials->demands.len];
        if (!holds_demand(trials, last->of)) run_free(last->of);
        demand_free(last);
        free(last);
    }
    free(trials->demands.at);
}

/* The fleet's setup with another seed; its services are copied, since each seed has its own requests. */
static struct setup seeded(const struct scenario_run *run, uint64_t seed, struct service_setup **services) {
    struct setup setup = *run->setup;
    setup.seed = seed;
    *services = mem_copy(setup.services, setup.services_len * sizeof **services);
    setup.services = *services;
    return setup;
}

static bool demand_draw(struct trial_demand *demand, struct err *err) {
    const struct scenario_run *run = &demand->run;
    bool good = demand_read(&run->demand, &demand->setup, &demand->jobs, err);
    if (good) demand->hash = jobs_hash(&demand->jobs);
    demand->requests = mem_zero(run->demand.services_len, sizeof *demand->requests);
    for (size_t i = 0; good && i < run->demand.services_len; i++) {
        const struct service_demand *d = &run->demand.services[i];
        if (d->file != NULL) good = requests_read(d->file, &demand->requests[i], err);
        else load_requests(d->load, demand->setup.seed, i, &demand->requests[i]);
        demand->requests_len = i + 1;
        demand->hash = hash_mix(demand->hash ^ requests_hash(&demand->requests[i]));
    }
    return good;
}

/* Whether both get the same jobs and requests. */
static bool same(const struct scenario_run *a, const struct scenario_run *b) {
    if (!batch_same_demand(a, b) || a->demand.services_len != b->demand.services_len) return false;
    for (size_t i = 0; i < a->demand.services_len; i++)
        if (!batch_same_requests(&a->demand.services[i], a->setup->seed, i, &b->demand.services[i], b->setup->seed, i))
            return false;
    return true;
}

/* The demand of the fleet with that seed, drawn when it is new. NULL: findings in err. */
static struct trial_demand *demand_of(struct trials *trials, struct trial *trial, uint64_t seed, struct err *err) {
    struct trial_demand *drawn = mem_zero(1, sizeof *drawn);
    drawn->of = trial->run;
    drawn->setup = *trial->run->setup;
    drawn->setup.seed = seed;
    drawn->run = *trial->run;
    drawn->run.setup = &drawn->setup;
    for (size_t i = 0; i < trials->demands.len; i++) {
        struct trial_demand *d = trials->demands.at[i];
        if ((d->of != trial->run || d->setup.seed != seed) && !same(&d->run, &drawn->run)) continue;
        free(drawn);
        return d;
    }
    if (demand_draw(drawn, err)) return *vec_push(&trials->demands) = drawn;
    demand_free(drawn);
    free(drawn);
    return NULL;
}

/* --- cases --- */

/* The rate that drives arrivals of any model is its parameter `rate`. */
static void scale_rate(struct chosen arrivals, double factor) {
    for (size_t i = 0; i < arrivals.model->params_count; i++) {
        const struct param *p = &arrivals.model->params[i];
        if (strcmp(p->key, "rate") == 0) *(double *)(void *)((char *)arrivals.params + p->offset) *= factor;
    }
}

static void scale_demand(struct scenario_run *run, double factor) {
    struct demand *demand = &run->demand;
    demand->speed *= demand->trace ? factor : 1;
    if (demand->load) scale_rate(demand->load->arrivals, factor);
    struct setup *setup = run->setup;
    struct flow_setup *flows = arena_alloc(&setup->arena, setup->flows_len, sizeof *flows);
    for (size_t i = 0; i < setup->flows_len; i++) {
        flows[i] = setup->flows[i];
        if (flows[i].rate_per_s > 0) flows[i].rate_per_s *= factor;
        else flows[i].items *= factor;
    }
    setup->flows = flows;
    for (size_t i = 0; i < demand->services_len; i++) {
        struct service_demand *d = &demand->services[i];
        if (d->file != NULL) {
            d->service->speed *= factor;
            continue;
        }
        struct request_load *load = arena_alloc(&run->setup->arena, 1, sizeof *load);
        *load = *d->load;
        load->rate_per_h *= factor;
        d->load = load;
    }
}

static void scale_steps(struct steps *steps, double factor) {
    for (size_t i = 0; i < steps->len; i++) steps->value[i] *= factor;
}

static void lose_region(struct setup *setup, uint32_t region) {
    size_t kept = 0;
    for (size_t i = 0; i < setup->nodes_len; i++)
        if (setup->pools[setup->nodes[i].pool].region != region) setup->nodes[kept++] = setup->nodes[i];
    setup->nodes_len = kept;
}

static bool case_apply(struct scenario_run *run, const struct sizing_case *in, struct err *err) {
    struct setup *setup = run->setup;
    if (in->demand != 1) scale_demand(run, in->demand);
    for (size_t i = 0; i < setup->regions_len && in->energy_price != 1; i++) {
        scale_steps(&setup->regions[i].price, in->energy_price);
        scale_steps(&setup->regions[i].price_forecast, in->energy_price);
    }
    if (in->lost == NULL) return true;
    const char **known = mem_alloc(setup->regions_len * sizeof *known);
    uint32_t region = UINT32_MAX;
    for (uint32_t i = 0; i < setup->regions_len; i++) {
        known[i] = setup->regions[i].name;
        if (strcmp(known[i], in->lost) == 0) region = i;
    }
    const char *near = text_nearest(in->lost, known, setup->regions_len);
    free(known);
    const struct place_in_file at = yaml_place(in->at, "size.cases");
    if (region == UINT32_MAX && near) return err_add(err, at, "no region \"%s\", did you mean \"%s\"?", in->lost, near);
    if (region == UINT32_MAX) return err_add(err, at, "no region \"%s\"", in->lost);
    lose_region(setup, region);
    return setup->nodes_len > 0 || err_add(err, at, "without region \"%s\" there are no nodes", in->lost);
}

/* --- a fleet --- */

bool trial_open(struct trials *trials, struct trial *trial, uint64_t number, const struct sweep_value *values,
                size_t len, const struct sizing_case *in, struct err *err) {
    const size_t in_len = in ? in->set_len : 0;
    struct sweep_value *all = mem_alloc((len + in_len) * sizeof *all);
    struct err found;
    err_init(&found);
    *trial = (struct trial){.in = in, .number = number, .run = mem_zero(1, sizeof *trial->run)};
    for (size_t i = 0; i < len; i++) all[i] = values[i];
    for (size_t i = 0; i < in_len; i++) all[len + i] = in->set[i];
    bool good = scenario_variant_open(trials->scenario, all, len + in_len, trial->run, &found);
    if (good && in) good = case_apply(trial->run, in, &found);
    if (good && in) trial->run->name = in->name;
    if (!good) {
        trial->why = mem_text(found.kept ? found.lines[0] : "");
        for (size_t i = 0; i < found.kept; i++) err_add(err, (struct place_in_file){0}, "%s", found.lines[i]);
        run_free(trial->run);
        trial->run = NULL;
    }
    err_free(&found);
    free(all);
    return good;
}

void trial_close(struct trials *trials, struct trial *trial) {
    if (trial->run && !holds_demand(trials, trial->run)) run_free(trial->run);
    free(trial->why);
    free(trial->targets);
    free(trial->objectives);
    free(trial->energy_usd);
    free(trial->hours);
    *trial = (struct trial){0};
}

uint64_t trial_nodes(const struct trial *trial) {
    uint64_t nodes = 0;
    for (size_t i = 0; i < trial->run->setup->nodes_len; i++) nodes += trial->run->setup->nodes[i].count;
    return nodes;
}

double trial_hours(struct trials *trials, struct trial *trial, size_t count, struct err *err) {
    const struct setup *setup = trial->run->setup;
    int64_t least_ns = TICK_NEVER;
    for (size_t r = 0; r < count; r++) {
        const struct trial_demand *d = demand_of(trials, trial, sweep_seed(setup->seed, r), err);
        if (d == NULL) return 0;
        const struct jobs *jobs = &d->jobs;
        int64_t end_ns = jobs->len ? jobs->at[jobs->len - 1].submit_ns : 0;
        if (setup->horizon_ns < TICK_NEVER) end_ns = setup->horizon_ns;
        if (setup->measure_to_ns < end_ns) end_ns = setup->measure_to_ns;
        if (end_ns - setup->measure_from_ns < least_ns) least_ns = end_ns - setup->measure_from_ns;
    }
    return least_ns > 0 ? tick_hours(least_ns) : 0;
}

/* Whether the part a target asks for will be there. */
static bool part_known(const struct sizing_target *target, const struct setup *setup, const struct jobs *jobs,
                       struct err *err) {
    const char **known = mem_alloc((setup->regions_len + setup->pools_len + setup->services_len + setup->tenants_len +
                                    jobs->tenants.len + jobs->classes.len) * sizeof *known);
    size_t len = 0;
    switch (target->part) {
    case PART_REGION: for (size_t i = 0; i < setup->regions_len; i++) known[len++] = setup->regions[i].name; break;
    case PART_POOL: for (size_t i = 0; i < setup->pools_len; i++) known[len++] = setup->pools[i].name; break;
    case PART_SERVICE: for (size_t i = 0; i < setup->services_len; i++) known[len++] = setup->services[i].name; break;
    case PART_TENANT: for (size_t i = 0; i < jobs->tenants.len; i++) known[len++] = jobs->tenants.at[i]; break;
    case PART_CLASS: for (size_t i = 0; i < jobs->classes.len; i++) known[len++] = jobs->classes.at[i]; break;
    default: known[len++] = target->name;
    }
    bool found = false;
    for (size_t i = 0; i < len && !found; i++) found = strcmp(known[i], target->name) == 0;
    const char *near = found ? NULL : text_nearest(target->name, known, len), *what = part_names[target->part];
    free(known);
    const struct place_in_file at = yaml_place(target->at, "size.targets");
    if (near) return err_add(err, at, "no %s \"%s\", did you mean \"%s\"?", what, target->name, near);
    return found || err_add(err, at, "no %s \"%s\"", what, target->name);
}

bool trial_check(struct trials *trials, struct trial *trial, struct err *err) {
    const struct sizing *sizing = trials->scenario->size;
    const size_t found = err->found;
    struct service_setup *services;
    const struct setup setup = seeded(trial->run, trial->run->setup->seed, &services);
    const struct trial_demand *demand = demand_of(trials, trial, setup.seed, err);
    for (size_t i = 0; demand && i < setup.services_len; i++) services[i].requests = &demand->requests[i];
    for (size_t i = 0; demand && i < sizing->targets_len; i++)
        part_known(&sizing->targets[i], &setup, &demand->jobs, err);
    if (demand) run_check(&setup, &demand->jobs, err);
    free(services);
    return err->found == found;
}

/* --- running it --- */

/* A look: replications from `from` on. */
struct look {
    struct trials *trials;
    struct trial *trial;
    size_t from;
    struct replication {
        struct setup setup;
        struct service_setup *services;
        struct trial_demand *demand;
    } *at;
    struct err *err;
};

static bool prepare(void *context, size_t index, struct crew_task *task) {
    const struct look *look = context;
    task->setup = &look->at[index].setup;
    task->jobs = &look->at[index].demand->jobs;
    return true;
}

static const struct tally *tally_named(const struct result *result, enum part part, const char *name) {
    for (size_t i = 0; i < result->tallies_len; i++) {
        const struct tally *t = &result->tallies[i];
        if (t->part == part && (part == PART_RUN || strcmp(t->name, name) == 0)) return t;
    }
    return NULL;
}

static void record(const struct look *look, size_t replication, const struct result *result) {
    const struct sizing *sizing = look->trials->scenario->size;
    struct trial *trial = look->trial;
    double *targets = &trial->targets[sizing->targets_len * replication];
    double *objectives = &trial->objectives[SIZING_OBJECTIVES * replication];
    for (size_t i = 0; i < sizing->targets_len; i++) {
        const struct tally *t = tally_named(result, sizing->targets[i].part, sizing->targets[i].name);
        targets[i] = t ? result_metrics[sizing->targets[i].metric].value(t, result) : NAN;
    }
    for (size_t o = 0; o < SIZING_NODES; o++)
        objectives[o] = result_metrics[metric_index(sizing_objectives[o])].value(&result->tallies[0], result);
    objectives[SIZING_NODES] = (double)trial_nodes(trial);
    trial->energy_usd[replication] = result->tallies[0].energy_usd;
    trial->hours[replication] = tick_hours(result->measured_ns);
}

static void keep(const struct look *look, size_t index, const struct crew_task *task) {
    const struct trials *trials = look->trials;
    const struct trial *trial = look->trial;
    const struct batch_run run = {
        .run = trial->run, .jobs = &look->at[index].demand->jobs, .jobs_hash = look->at[index].demand->hash};
    struct run_info info = batch_info(trials->scenario, &run, trials->command);
    info.seed = task->setup->seed;
    info.point = trial->number;
    info.replication = look->from + index;
    store_run_finish(trials->store, store_run_begin(trials->store, &info), task->setup, &task->result, task->wall_s);
}

static bool deliver(void *context, size_t index, struct crew_task *task) {
    struct look *look = context;
    if (task->refused) {
        for (size_t i = 0; i < task->err.kept; i++)
            err_add(look->err, (struct place_in_file){.file = look->trials->scenario->file}, "%s", task->err.lines[i]);
        return false;
    }
    record(look, look->from + index, &task->result);
    if (look->trials->store) keep(look, index, task);
    look->trials->runs++;
    look->trial->done++;
    return true;
}

static void make_room(struct trial *trial, size_t targets, size_t wanted) {
    if (trial->cap >= wanted) return;
    trial->cap = wanted;
    trial->targets = mem_grow(trial->targets, targets * wanted, sizeof *trial->targets);
    trial->objectives = mem_grow(trial->objectives, SIZING_OBJECTIVES * wanted, sizeof *trial->objectives);
    trial->energy_usd = mem_grow(trial->energy_usd, wanted, sizeof *trial->energy_usd);
    trial->hours = mem_grow(trial->hours, wanted, sizeof *trial->hours);
}

bool trial_extend(struct trials *trials, struct trial *trial, size_t wanted, struct err *err) {
    if (wanted <= trial->done) return true;
    const size_t count = wanted - trial->done, found = err->found;
    struct look look = {.trials = trials, .trial = trial, .from = trial->done, .err = err,
                        .at = mem_zero(count, sizeof *look.at)};
    make_room(trial, trials->scenario->size->targets_len, wanted);
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        struct replication *r = &look.at[i];
        const uint64_t seed = sweep_seed(trial->run->setup->seed, look.from + i);
        r->setup = seeded(trial->run, seed, &r->services);
        r->demand = demand_of(trials, trial, seed, err);
        good = r->demand != NULL;
        for (size_t k = 0; good && k < r->setup.services_len; k++) r->services[k].requests = &r->demand->requests[k];
    }
    const struct crew crew = {.tasks = count, .threads = crew_threads(trials->threads, count), .prepare = prepare,
                              .deliver = deliver, .context = &look, .progress = trials->progress};
    if (good && trials->store) store_hold(trials->store); /* one transaction a look */
    if (good) crew_run(&crew);
    if (good && trials->store) store_release(trials->store);
    for (size_t i = 0; i < count; i++) free(look.at[i].services);
    free(look.at);
    return err->found == found;
}
