/*
 * From the end state of a run to its result: sums by region, tenant, class and pool, exact quantiles of wait, JCT
 * and bounded slowdown, and the ledger's identities.
 *
 * Jobs are dealt to their part by counting sort, one figure at a time, so that memory stays at eight bytes a job.
 */
#include "core/engine.h"

#include "base/err.h"
#include "base/text.h"
#include "base/tick.h"
#include "core/flow.h"
#include "core/service.h"
#include "core/staff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bounded slowdown takes runs below ten seconds for ten (Feitelson & Rudolph 1998). */
#define SLOWDOWN_BOUND_S 10.0

static uint32_t part_of(const struct sched *s, enum part part, uint32_t job) {
    const struct job *j = &s->world.jobs.at[job];
    if (part == PART_TENANT) return j->tenant;
    if (part == PART_CLASS) return j->class_id;
    if (part == PART_RUN) return 0;
    const uint32_t group = s->group_of[job];
    return group == SCHED_NONE ? UINT32_MAX : s->world.fleet.domains[s->groups.at[group].domain].region;
}

static double wait_s(const struct job *j) { return tick_seconds(j->start_ns - j->submit_ns); }
static double jct_s(const struct job *j) { return tick_seconds(j->end_ns - j->submit_ns); }
static double slowdown(const struct job *j) {
    const double run = tick_seconds(j->run_ns), bound = run > SLOWDOWN_BOUND_S ? run : SLOWDOWN_BOUND_S;
    const double ratio = jct_s(j) / bound;
    return ratio > 1 ? ratio : 1;
}

static bool finished(const struct job *j) { return j->end_ns != JOB_NOT_YET; }

/* Summaries of one figure for `count` parts at once, into the field at `offset` of each tally. */
static void summarise(const struct sched *s, enum part part, size_t count, struct tally *tallies, size_t offset,
                      double (*figure)(const struct job *), double *values) {
    size_t *start = mem_zero(count + 1, sizeof *start);
    const struct jobs *jobs = &s->world.jobs;
    for (uint32_t i = 0; i < jobs->len; i++)
        if (finished(&jobs->at[i]) && line_counts(s, i)) start[part_of(s, part, i) + 1]++;
    for (size_t p = 0; p < count; p++) start[p + 1] += start[p];
    for (uint32_t i = 0; i < jobs->len; i++)
        if (finished(&jobs->at[i]) && line_counts(s, i))
            values[start[part_of(s, part, i)]++] = figure(&jobs->at[i]);
    size_t from = 0;
    for (size_t p = 0; p < count; p++) {
        struct stats_summary *to = (struct stats_summary *)(void *)((char *)&tallies[p] + offset);
        *to = stats_summarise(values + from, start[p] - from);
        from = start[p];
    }
    free(start);
}

static void count_jobs(const struct sched *s, enum part part, struct tally *tallies) {
    const struct jobs *jobs = &s->world.jobs;
    for (uint32_t i = 0; i < jobs->len; i++) {
        const struct job *j = &jobs->at[i];
        const uint32_t p = part_of(s, part, i);
        if (!line_counts(s, i) || p == UINT32_MAX) continue;
        struct tally *t = &tallies[p];
        t->submitted++;
        if (finished(j)) t->finished++;
        else if (j->start_ns == JOB_REFUSED) t->refused++;
        else if (j->submit_ns > s->world.now_ns) t->submitted--; /* after the horizon */
        else if (j->start_ns == JOB_NOT_YET) t->waiting++;
        else t->running++;
        if (finished(j) && jobs->work) t->work += jobs->work[i];
        if (jobs->deadline_ns && jobs->deadline_ns[i] != JOB_UNKNOWN && j->start_ns != JOB_REFUSED) {
            const int64_t by = jobs->deadline_ns[i];
            const bool met = finished(j) && j->end_ns <= by;
            t->deadlines += finished(j) || s->world.now_ns > by;
            t->deadlines_met += met;
        }
    }
}

static void job_part(const struct sched *s, enum part part, size_t count, struct tally *tallies,
                     const struct tally *run, double *values) {
    count_jobs(s, part, tallies);
    if (run && count == 1 && tallies[0].finished == run->finished) { /* one part: the run's own figures */
        tallies[0].wait_s = run->wait_s;
        tallies[0].jct_s = run->jct_s;
        tallies[0].slowdown = run->slowdown;
        return;
    }
    summarise(s, part, count, tallies, offsetof(struct tally, wait_s), wait_s, values);
    summarise(s, part, count, tallies, offsetof(struct tally, jct_s), jct_s, values);
    summarise(s, part, count, tallies, offsetof(struct tally, slowdown), slowdown, values);
}

/* Thousandths of a GPU x ns to GPU-hours. */
static double gpu_h(double milli_ns) { return milli_ns / 3.6e15; }

/* Emissions by the market-based method: what the supply contract says, where there is one. */
static double market_g(const struct region_setup *r, double energy_j, double co2_g) {
    return r->has_market ? energy_j / 3.6e6 * r->market_g_per_kwh : co2_g;
}

/* Whose records its jobs are, where they are staff's. */
static const struct bound_staff *group_staff(const struct sched *s, const struct group *g) {
    for (size_t i = 0; i < s->bound_len; i++)
        if (s->bound[i].class_id == g->class_id && s->bound[i].tenant == g->tenant &&
            (s->bound[i].shape == g->shape || s->bound[i].second_shape == g->shape))
            return &s->bound[i];
    return NULL;
}

/* Requests and items are no units of the jobs' work: who answers or moves them does none. */
static bool group_serves(const struct sched *s, const struct group *g) { return group_staff(s, g) != NULL; }

static void add_group(const struct sched *s, struct tally *t, const struct group *g) {
    const struct account *a = &g->account;
    const struct region_setup *r = &s->setup->regions[s->world.fleet.domains[g->domain].region];
    for (int i = 0; i < WHY_COUNT; i++) t->why_s[i] += (double)g->why_ns[i] / 1e9;
    t->held_gpu_h += gpu_h((double)a->held);
    t->used_gpu_h += gpu_h(a->bill.used);
    t->useful_gpu_h += gpu_h(a->bill.useful);
    const bool serves = group_serves(s, g);
    t->serves |= serves && a->held > 0;
    if (!serves && s->trace->work == NULL) t->work += gpu_h(a->bill.useful); /* the default unit of work */
    t->overhead_gpu_h += gpu_h(a->overhead);
    t->job_energy_j += a->bill.energy.j;
    t->job_energy_usd += a->bill.energy.usd;
    t->job_co2_g += a->bill.energy.g;
    t->job_capacity_usd += a->bill.capacity_usd;
    t->preemptions += a->preemptions;
    t->failures += a->failures;
    t->evictions += a->evictions;
    t->suspensions += a->suspensions;
    t->migrations += a->migrations;
    t->resizes += a->resizes;
    t->checkpoint_gpu_h += gpu_h(a->checkpoint);
    t->stalled_gpu_h += gpu_h(a->stalled);
    t->interference_gpu_h += gpu_h(a->crowded);
    if (s->asked_milli && s->asked_milli[g->shape]) {
        const double milli = shape_gpu_milli(group_shape(s, g));
        t->rounded_gpu_h += gpu_h((double)a->held) * (1 - s->asked_milli[g->shape] / milli);
    }
    t->lost_gpu_h += gpu_h(a->lost);
    t->lost_energy_j += a->lost_energy.j;
    t->lost_usd += a->lost_energy.usd + a->lost_capacity_usd;
    t->lost_co2_g += a->lost_energy.g;
    t->job_embodied_g += a->embodied_g;
    t->egress_usd += a->egress_usd;
    t->egress_gb += a->egress_gb;
    t->carbon_usd += a->bill.energy.g / 1e3 * r->carbon_usd_per_kg;
    t->market_co2_g += market_g(r, a->bill.energy.j, a->bill.energy.g);
}

/* A tenant or a class answers for what its jobs were charged; idle is nobody's. */
static void close_job_part(struct tally *t) {
    t->energy_j = t->job_energy_j;
    t->energy_usd = t->job_energy_usd;
    t->co2_g = t->job_co2_g;
    t->capacity_usd = t->job_capacity_usd;
    t->embodied_g = t->job_embodied_g;
}

static void fill_pool(const struct sched *s, uint32_t pool, struct tally *t, double hours) {
    const struct pool_account *a = &s->ledger.pools[pool];
    const struct pool_setup *p = &s->setup->pools[pool];
    uint64_t nodes = 0;
    for (size_t i = 0; i < s->setup->nodes_len; i++)
        if (s->setup->nodes[i].pool == pool) nodes += s->setup->nodes[i].count;
    t->capacity_gpu_h = (double)(nodes * p->gpus) * hours;
    t->held_gpu_h = gpu_h((double)a->held);
    t->used_gpu_h = gpu_h(a->bill.used);
    t->useful_gpu_h = gpu_h(a->bill.useful);
    t->free_gpu_h = t->capacity_gpu_h - t->held_gpu_h;
    t->job_energy_j = a->bill.energy.j;
    t->job_energy_usd = a->bill.energy.usd;
    t->job_co2_g = a->bill.energy.g;
    t->idle_energy_j = a->idle.j;
    t->idle_energy_usd = a->idle.usd;
    t->idle_co2_g = a->idle.g;
    t->capacity_usd = (double)nodes * p->usd_per_node_h * hours;
    double up_node_h = (double)nodes * hours;
    if (s->iron) {
        const struct iron_totals iron = iron_read(s->iron, pool);
        up_node_h = iron.up_node_ns / 3.6e12;
        t->sleep_energy_j = iron.sleep.j;
        t->sleep_energy_usd = iron.sleep.usd;
        t->sleep_co2_g = iron.sleep.g;
        t->boot_energy_j = iron.boot.j;
        t->boot_energy_usd = iron.boot.usd;
        t->boot_co2_g = iron.boot.g;
        t->boots = iron.boots;
        if (bought_elastic(p->bought)) {
            t->capacity_usd = iron.paid_usd;
            t->capacity_gpu_h = up_node_h * p->gpus;
            t->free_gpu_h = t->capacity_gpu_h - t->held_gpu_h;
        }
    }
    t->up_gpu_h = up_node_h * p->gpus;
    t->energy_j = a->bill.energy.j + a->idle.j + t->sleep_energy_j + t->boot_energy_j;
    t->energy_usd = a->bill.energy.usd + a->idle.usd + t->sleep_energy_usd + t->boot_energy_usd;
    t->co2_g = a->bill.energy.g + a->idle.g + t->sleep_co2_g + t->boot_co2_g;
    t->job_capacity_usd = a->bill.capacity_usd;
    t->idle_capacity_usd = t->capacity_usd - t->job_capacity_usd;
    /* Two long sums of the same prices: what is left of equal ones is their rounding. */
    if (fabs(t->idle_capacity_usd) < 1e-9 * t->capacity_usd) t->idle_capacity_usd = 0;
    t->job_embodied_g = a->embodied_g;
    /* A rented node's manufacture is on its hirer only while it is hired. */
    t->embodied_g = (bought_elastic(p->bought) ? up_node_h : (double)nodes * hours) * p->embodied_g_per_node_h;
    t->carbon_usd = t->co2_g / 1e3 * s->setup->regions[p->region].carbon_usd_per_kg;
    t->market_co2_g = market_g(&s->setup->regions[p->region], t->energy_j, t->co2_g);
}

/* Sums by name. What a region's nodes add up to, it and the run have from their pools; the rest of the run's is from
 * its regions. */
#define FIELD(name) offsetof(struct tally, name)
static const size_t iron_sums[] = {
    FIELD(capacity_gpu_h), FIELD(up_gpu_h), FIELD(capacity_usd), FIELD(idle_capacity_usd), FIELD(embodied_g),
    FIELD(idle_energy_j), FIELD(idle_energy_usd), FIELD(idle_co2_g),
    FIELD(sleep_energy_j), FIELD(sleep_energy_usd), FIELD(sleep_co2_g),
    FIELD(boot_energy_j), FIELD(boot_energy_usd), FIELD(boot_co2_g),
};
static const size_t region_sums[] = {
    FIELD(energy_j), FIELD(energy_usd), FIELD(co2_g), FIELD(it_energy_j), FIELD(fragmented_gpu_h), FIELD(peak_w),
    FIELD(carbon_usd), FIELD(market_co2_g), FIELD(water_l), FIELD(demand_usd), FIELD(grid_j), FIELD(solar_j),
    FIELD(solar_used_j), FIELD(export_j), FIELD(battery_loss_j), FIELD(site_usd), FIELD(site_co2_g),
};
#undef FIELD

static void add_fields(struct tally *to, const struct tally *from, const size_t *fields, size_t len) {
    for (size_t i = 0; i < len; i++)
        *(double *)(void *)((char *)to + fields[i]) += *(const double *)(const void *)((const char *)from + fields[i]);
}

static void add_iron(struct tally *to, const struct tally *from) {
    add_fields(to, from, iron_sums, sizeof iron_sums / sizeof *iron_sums);
    to->boots += from->boots;
}

/* What a region's meter and its pools say; job figures come from the groups. */
static void fill_region(const struct sched *s, uint32_t region, struct tally *t, const struct tally *pools) {
    const struct region_account *r = &s->ledger.regions[region];
    const struct region_mark *a = &r->opened, *b = &r->closed;
    t->energy_j = b->meter.j - a->meter.j;
    t->energy_usd = b->meter.usd - a->meter.usd;
    t->co2_g = b->meter.g - a->meter.g;
    t->it_energy_j = b->it_j - a->it_j;
    t->fragmented_gpu_h = gpu_h(b->fragmented - a->fragmented);
    t->peak_w = r->window_peak_w;
    for (uint32_t p = 0; p < s->setup->pools_len; p++) {
        if (s->setup->pools[p].region != region) continue;
        add_iron(t, &pools[p]);
    }
    t->free_gpu_h = t->capacity_gpu_h - t->held_gpu_h;
    const double s_measured = tick_seconds(s->ledger.closed_ns - s->ledger.opened_ns);
    if (s_measured > 0) {
        t->price_mean = (b->price_s - a->price_s) / s_measured;
        t->carbon_mean = (b->carbon_s - a->carbon_s) / s_measured;
    }
    t->grid_j = t->energy_j;
    if (r->site) {
        const struct site_totals *x = &a->site, *y = &b->site;
        t->grid_j = y->grid_j - x->grid_j;
        t->solar_j = y->solar_j - x->solar_j;
        t->solar_used_j = y->solar_used_j - x->solar_used_j;
        t->export_j = y->export_j - x->export_j;
        t->battery_loss_j = y->battery_loss_j - x->battery_loss_j;
        t->site_usd = y->grid_usd - x->grid_usd - (y->export_usd - x->export_usd) - t->energy_usd;
        t->site_co2_g = y->grid_g - x->grid_g - t->co2_g;
        t->demand_usd = y->demand_usd - x->demand_closed_usd; /* months the window touches, each in full */
    }
    t->carbon_usd = (t->co2_g + t->site_co2_g) / 1e3 * r->setup->carbon_usd_per_kg;
    t->market_co2_g = market_g(r->setup, t->energy_j, t->co2_g);
    t->water_l = t->it_energy_j / 3.6e6 * r->setup->water_l_per_kwh;
}

/* The run's hardware, energy and money are the sum of its regions'. Peaks of regions need not coincide: their
 * sum is what their connections must carry together. */
static void sum_regions(struct tally *run, const struct tally *regions, size_t count) {
    run->carbon_usd = run->market_co2_g = 0; /* the groups' part is in the regions' */
    for (size_t i = 0; i < count; i++) {
        const struct tally *r = &regions[i];
        add_iron(run, r);
        add_fields(run, r, region_sums, sizeof region_sums / sizeof *region_sums);
        run->price_mean += r->price_mean * r->energy_j;
        run->carbon_mean += r->carbon_mean * r->energy_j;
    }
    if (run->energy_j > 0) {
        run->price_mean /= run->energy_j;
        run->carbon_mean /= run->energy_j;
    }
    run->free_gpu_h = run->capacity_gpu_h - run->held_gpu_h;
}

static double gap(double a, double b) {
    const double size = fmax(fabs(a), fabs(b));
    return size > 0 ? fabs(a - b) / size : 0;
}

/* The identities: meter = jobs + idle + asleep + booting for energy, its cost and its emissions; GPU time held = GPU
 * time charged; capacity paid = used + idle; lost within held; embodied charged within embodied; carbon price and
 * market-based emissions by region = by pool; of a site, drawn + charged = grid + sun + discharged. Returns the
 * largest relative gap. */
static double ledger_gap(const struct sched *s, const struct tally *run, const struct tally *pools) {
    const double iron_j = run->idle_energy_j + run->sleep_energy_j + run->boot_energy_j;
    double worst = gap(run->energy_j, run->job_energy_j + iron_j);
    worst = fmax(worst, gap(run->co2_g, run->job_co2_g + run->idle_co2_g + run->sleep_co2_g + run->boot_co2_g));
    /* prices may be negative: compare the cost against the money that moved, not against the net */
    const double moved = fmax(fabs(run->energy_usd), fmax(fabs(run->job_energy_usd), fabs(run->idle_energy_usd)));
    const double iron_usd = run->idle_energy_usd + run->sleep_energy_usd + run->boot_energy_usd;
    if (moved > 0) worst = fmax(worst, fabs(run->energy_usd - run->job_energy_usd - iron_usd) / moved);
    worst = fmax(worst, gap(run->capacity_usd, run->job_capacity_usd + run->idle_capacity_usd));
    wide by_groups = 0, by_pools = 0;
    double pool_jobs_j = 0, pool_jobs_g = 0;
    for (size_t i = 0; i < s->groups.len; i++) by_groups += s->groups.at[i].account.held;
    for (size_t i = 0; i < s->setup->pools_len; i++) {
        by_pools += s->ledger.pools[i].held;
        pool_jobs_j += pools[i].job_energy_j;
        pool_jobs_g += pools[i].job_embodied_g;
    }
    worst = fmax(worst, gap(run->job_energy_j, pool_jobs_j));
    worst = fmax(worst, gap(run->job_embodied_g, pool_jobs_g));
    double pools_usd = 0, pools_g = 0, groups_usd = 0;
    for (size_t i = 0; i < s->setup->pools_len; i++) {
        pools_usd += pools[i].carbon_usd;
        pools_g += pools[i].market_co2_g;
    }
    for (size_t i = 0; i < s->groups.len; i++) groups_usd += s->groups.at[i].account.egress_usd;
    for (size_t i = 0; i < s->setup->regions_len; i++) {
        const struct region_account *r = &s->ledger.regions[i];
        if (r->site == NULL) continue;
        /* The site: what the nodes drew and the battery took = what sun, battery and grid gave. */
        const struct site_totals *x = &r->opened.site, *y = &r->closed.site;
        const double taken = y->facility_j - x->facility_j + y->charged_j - x->charged_j;
        const double given = y->grid_j - x->grid_j + y->solar_used_j - x->solar_used_j + y->solar_stored_j -
                             x->solar_stored_j + y->discharged_j - x->discharged_j;
        worst = fmax(worst, gap(taken, given));
        worst = fmax(worst, gap(y->facility_j - x->facility_j, r->closed.meter.j - r->opened.meter.j));
        pools_usd += (y->grid_g - x->grid_g - (r->closed.meter.g - r->opened.meter.g)) / 1e3 *
                     r->setup->carbon_usd_per_kg;
    }
    worst = fmax(worst, gap(run->carbon_usd, pools_usd));
    worst = fmax(worst, gap(run->market_co2_g, pools_g));
    worst = fmax(worst, gap(run->egress_usd, groups_usd));
    if (run->lost_gpu_h > run->held_gpu_h || run->job_embodied_g > run->embodied_g * (1 + 1e-9)) worst = 1;
    return by_groups == by_pools ? worst : 1;
}

/* ---- warnings ---- */

static void warn(struct result *result, struct text *text) {
    result->warnings = mem_grow(result->warnings, result->warnings_len + 1, sizeof *result->warnings);
    result->warnings[result->warnings_len++] = text_take(text);
}

static void warn_series(const struct sched *s, struct result *result, const char *region, const char *what,
                        const struct steps *steps) {
    /* A shape by the hour of the day or week is meant to repeat; what was recorded is not. */
    if (steps->len < 2 || steps->period_ns <= TICK_DAY || strncmp(steps->source, "daily", 5) == 0) return;
    struct text text;
    char span[32];
    text_init(&text);
    const int64_t covered = steps->at_ns[0] + steps->period_ns;
    if (steps->at_ns[0] > 0)
        text_format(&text, "region '%s': the %s series begins %s after the run does; its first value was held", region,
                    what, tick_human(steps->at_ns[0], span));
    else if (covered < s->world.now_ns)
        text_format(&text, "region '%s': the %s series ends %s before the run does and was repeated from its beginning",
                    region, what, tick_human(s->world.now_ns - covered, span));
    if (text.len) warn(result, &text);
    text_free(&text);
}

/* Of chips whose power under load was never fitted. */
static void warn_power(struct result *result, const char *what, const char *name) {
    struct text text;
    text_init(&text);
    text_format(&text, "%s '%s': watts under load were never measured on its chips; they follow the joint fit of "
                "H100 and B200, which is 9 %% off on those", what, name);
    warn(result, &text);
    text_free(&text);
}

static void warn_service(struct result *result, const struct service_result *service) {
    struct text text;
    text_init(&text);
    if (!service->calibrated) {
        text_format(&text, "service '%s': its engine was never measured on these chips in this precision; times and "
                    "power are the model's alone, and may be tens of per cent off", service->name);
        warn(result, &text);
    }
    if (service->calibrated && !service->power_fitted) warn_power(result, "service", service->name);
    if (service->refused) {
        text_format(&text, "service '%s': %llu of %llu requests are longer than a replica's KV cache and were refused",
                    service->name, (unsigned long long)service->refused, (unsigned long long)service->arrived);
        warn(result, &text);
    }
    if (service->waiting) {
        text_format(&text, "service '%s': %llu of %llu requests were waiting or running at the end; its times cover "
                    "finished ones only", service->name, (unsigned long long)service->waiting,
                    (unsigned long long)service->arrived);
        warn(result, &text);
    }
    text_free(&text);
}

static void warn_flow(struct result *result, const struct flow_result *flow) {
    struct text text;
    text_init(&text);
    if (flow->left > 0) {
        text_format(&text, "pipeline '%s': %.6g items had come and were not through at the end", flow->name,
                    flow->left);
        warn(result, &text);
    }
    text_free(&text);
}

static void add_warnings(const struct sched *s, struct result *result, const struct tally *run) {
    struct text text;
    text_init(&text);
    if (!s->ledger.was_open) {
        text_put(&text, "the run ended before its measured window began: nothing was measured");
        warn(result, &text);
    }
    if (run->refused) {
        text_format(&text, "%llu of %llu jobs could never run on this fleet and were refused",
                    (unsigned long long)run->refused, (unsigned long long)run->submitted);
        warn(result, &text);
    }
    if (run->waiting + run->running) {
        text_format(&text, "%llu jobs were still running and %llu still waiting at the end; wait and JCT figures "
                    "cover finished jobs only", (unsigned long long)run->running, (unsigned long long)run->waiting);
        warn(result, &text);
    }
    for (size_t i = 0; i < result->services_len; i++) warn_service(result, &result->services[i]);
    for (size_t i = 0; i < result->flows_len; i++) warn_flow(result, &result->flows[i]);
    for (size_t i = 0; i < s->setup->regions_len; i++) {
        const struct region_setup *r = &s->setup->regions[i];
        warn_series(s, result, r->name, "price", &r->price);
        warn_series(s, result, r->name, "carbon", &r->carbon);
        warn_series(s, result, r->name, "PUE", &r->pue);
    }
    for (size_t i = 0; i < s->setup->pools_len; i++) {
        if (s->loads && s->setup->pools[i].power_joint) warn_power(result, "pool", s->setup->pools[i].name);
        if (!s->setup->pools[i].estimated) continue;
        text_format(&text, "pool '%s' rests on catalogue figures that are estimates", s->setup->pools[i].name);
        warn(result, &text);
    }
    if (result->ledger_error > 1e-9) {
        text_format(&text, "the ledger's accounts differ by %.2g of their size", result->ledger_error);
        warn(result, &text);
    }
    text_free(&text);
}

/* ---- all together ---- */

static struct tally *begin_part(struct tally **next, enum part part, size_t count) {
    struct tally *at = *next;
    for (size_t i = 0; i < count; i++) at[i] = (struct tally){.part = part};
    *next += count;
    return at;
}

/* ---- what was charged to whom, where ---- */

struct whose_group {
    uint32_t region, tenant, class_id, bought, group;
};

static int by_whose(const void *a, const void *b) {
    const struct whose_group *const x = a, *const y = b;
    if (x->region != y->region) return x->region < y->region ? -1 : 1;
    if (x->tenant != y->tenant) return x->tenant < y->tenant ? -1 : 1;
    if (x->class_id != y->class_id) return x->class_id < y->class_id ? -1 : 1;
    if (x->bought != y->bought) return x->bought < y->bought ? -1 : 1;
    return x->group < y->group ? -1 : x->group > y->group;
}

static bool same_whose(const struct whose_group *a, const struct whose_group *b) {
    return a->region == b->region && a->tenant == b->tenant && a->class_id == b->class_id && a->bought == b->bought;
}

/* How the capacity a group may use in its domain is bought; BOUGHT_COUNT: in several ways. models: of the
 * pools, as bits. */
static uint32_t bought_for(const struct sched *s, const struct group *g, const uint64_t *models) {
    const struct domain *d = &s->world.fleet.domains[g->domain];
    const struct shape *shape = &s->world.jobs.shapes.at[g->shape];
    uint32_t found = BOUGHT_COUNT;
    for (size_t i = 0; i < s->setup->pools_len; i++) {
        const struct pool_setup *p = &s->setup->pools[i];
        const bool here = p->region == d->region && p->tenant == d->tenant;
        if (!here || (p->gpus && !(models[i] & shape->models))) continue;
        if (found != BOUGHT_COUNT && found != p->bought) return BOUGHT_COUNT;
        found = p->bought;
    }
    return found;
}

static void close_charged(const struct sched *s, struct result *result, const struct whose_group *lines,
                          size_t lines_len) {
    struct charged *to = NULL;
    size_t different = 0;
    for (size_t i = 0; i < lines_len; i++) different += i == 0 || !same_whose(&lines[i], &lines[i - 1]);
    result->charged = mem_zero(different + 1, sizeof *result->charged);
    for (size_t i = 0; i < lines_len; i++) {
        const struct whose_group *l = &lines[i];
        if (i == 0 || !same_whose(l, l - 1)) {
            to = &result->charged[result->charged_len++];
            *to = (struct charged){.region = l->region, .tenant = l->tenant, .class_id = l->class_id,
                                   .bought = l->bought, .tally = {.part = PART_CLASS}};
        }
        add_group(s, &to->tally, &s->groups.at[l->group]);
    }
    for (size_t i = 0; i < result->charged_len; i++) close_job_part(&result->charged[i].tally);
}

static void fill_charged(struct sched *s, struct result *result) {
    const size_t pools = s->setup->pools_len;
    uint64_t *models = mem_zero(pools + 1, sizeof *models);
    struct whose_group *lines = mem_zero(s->groups.len + 1, sizeof *lines);
    for (size_t i = 0; i < pools; i++)
        models[i] = UINT64_C(1) << fleet_model(&s->world.fleet.models, &s->setup->pools[i]); /* known: found */
    for (uint32_t i = 0; i < s->groups.len; i++) {
        const struct group *g = &s->groups.at[i];
        lines[i] = (struct whose_group){s->world.fleet.domains[g->domain].region, g->tenant, g->class_id,
                                        bought_for(s, g, models), i};
    }
    qsort(lines, s->groups.len, sizeof *lines, by_whose);
    close_charged(s, result, lines, s->groups.len);
    free(lines);
    free(models);
}

/* ---- start hours ---- */

/* Hour of the week, local time; the first of January 1970 was a Thursday. */
static size_t hour_of_week(const struct setup *setup, uint32_t region, int64_t t_ns) {
    int64_t from_monday_ns = t_ns;
    if (setup->origin_unix_ns != JOB_UNKNOWN)
        from_monday_ns += setup->origin_unix_ns + setup->regions[region].utc_offset_ns + 3 * TICK_DAY;
    const int64_t hour = from_monday_ns / TICK_HOUR - (from_monday_ns % TICK_HOUR < 0);
    return (size_t)((hour % WEEK_HOURS + WEEK_HOURS) % WEEK_HOURS);
}

static void fill_start_hours(const struct sched *s, struct result *result) {
    const struct jobs *jobs = &s->world.jobs;
    result->start_hours = mem_zero(s->setup->regions_len * WEEK_HOURS + 1, sizeof *result->start_hours);
    for (uint32_t i = 0; i < jobs->len; i++) {
        const struct job *j = &jobs->at[i];
        const uint32_t region = part_of(s, PART_REGION, i);
        if (!line_counts(s, i) || j->start_ns == JOB_NOT_YET || j->start_ns == JOB_REFUSED || region == UINT32_MAX)
            continue;
        struct start_hour *h =
            &result->start_hours[region * WEEK_HOURS + hour_of_week(s->setup, region, j->start_ns)];
        h->jobs++;
        h->gpu_h += shape_gpu_milli(&jobs->shapes.at[j->shape]) / 1e3 * tick_hours(j->run_ns);
    }
}

/* Tenants and classes without a job (the unnamed ones of a trace that names all) say nothing. */
static void drop_empty(struct result *result) {
    size_t kept = 0;
    for (size_t i = 0; i < result->tallies_len; i++) {
        const struct tally *t = &result->tallies[i];
        const bool empty = t->submitted == 0 && t->held_gpu_h <= 0;
        if (empty && (t->part == PART_TENANT || t->part == PART_CLASS)) continue;
        result->tallies[kept++] = *t;
    }
    result->tallies_len = kept;
}

static void finish_job_results(const struct sched *s) {
    for (uint32_t i = 0; i < s->world.jobs.len; i++) {
        struct job_result *r = &s->job_results[i];
        const struct job *j = &s->world.jobs.at[i];
        if (j->start_ns != JOB_NOT_YET || s->group_of[i] == SCHED_NONE) continue;
        const struct group *g = &s->groups.at[s->group_of[i]];
        const struct line *l = &s->lines[g->domain];
        if (l->front == i && l->front_apart) continue; /* attributed apart, up to now */
        if (s->job_state && s->job_state[i] & JOB_HELD) continue;
        for (int w = 0; w < WHY_COUNT; w++) r->why_ns[w] += g->clock_ns[w];
    }
    for (size_t i = 0; i < s->slots.len; i++)
        if (s->slots.at[i].job != JOB_NONE) s->job_results[s->slots.at[i].job].held_ns += s->world.now_ns;
}

static void tally_spans(const struct sched *s, struct result *result) {
    const struct jobs *jobs = &s->world.jobs;
    int64_t last = JOB_NOT_YET;
    for (size_t i = 0; i < jobs->len; i++)
        if (jobs->at[i].end_ns > last) last = jobs->at[i].end_ns;
    result->end_ns = s->world.now_ns;
    result->makespan_ns = last > JOB_NOT_YET && jobs->len ? last - jobs->at[0].submit_ns : 0;
    result->measured_ns = s->ledger.was_open ? s->ledger.closed_ns - s->ledger.opened_ns : 0;
    result->events = s->events_done;
    result->passes = s->passes;
    result->placements = s->placements;
}

/* The records and shapes go to the result; a consumed trace is left empty. */
static void hand_over_jobs(struct sched *s, struct result *result) {
    result->jobs = mem_copy(&s->world.jobs, sizeof s->world.jobs);
    result->job_results = s->job_results;
    result->jobs->priority = s->trace->priority;
    result->jobs->deadline_ns = s->trace->deadline_ns;
    result->jobs->work = s->trace->work;
    result->jobs->user = s->trace->user;
    result->jobs->wait_ns = s->trace->wait_ns;
    result->tenants = s->tenant_names;
    result->classes = s->class_names;
    s->tenant_names = s->class_names = NULL;
    if (s->options->consume) {
        s->options->consume->at = NULL;
        s->options->consume->len = s->options->consume->cap = 0;
    }
}

/* --- services --- */

static void add_service(struct service_result *to, const struct service_result *from) {
    to->arrived += from->arrived;
    to->finished += from->finished;
    to->met += from->met;
    to->refused += from->refused;
    to->waiting += from->waiting;
    to->prompt_tokens += from->prompt_tokens;
    to->output_tokens += from->output_tokens;
    to->cached_tokens += from->cached_tokens;
    to->away += from->away;
    times_merge(&to->ttft, &from->ttft);
    times_merge(&to->tpot, &from->tpot);
    times_merge(&to->e2e, &from->e2e);
    to->kv_used += from->kv_used * from->replica_h; /* the mean over replica-hours, once divided by them */
    to->gpu_h += from->gpu_h;
    to->replica_h += from->replica_h;
    to->energy_j += from->energy_j;
    to->energy_usd += from->energy_usd;
    to->co2_g += from->co2_g;
    to->capacity_usd += from->capacity_usd;
    to->replicas_most += from->replicas_most;
    to->starts += from->starts;
    to->preemptions += from->preemptions;
    to->calibrated &= from->calibrated;
    to->power_fitted &= from->power_fitted;
}

static void fill_service(struct tally *t, const struct service_result *x) {
    t->name = x->name;
    t->service = x;
    t->held_gpu_h = x->gpu_h;
    t->energy_j = x->energy_j;
    t->energy_usd = x->energy_usd;
    t->co2_g = x->co2_g;
    t->capacity_usd = x->capacity_usd;
}

/* What each service did, and all of them together, which becomes the run's. */
static void fill_services(struct sched *s, struct result *result, struct tally *run, struct tally *services) {
    const size_t count = s->setup->services_len;
    if (!s->services) return;
    result->services = mem_zero(count + 1, sizeof *result->services);
    result->services_len = count;
    services_results(s, result->services);
    struct service_result *all = &result->services[count];
    all->name = run->name;
    all->calibrated = all->power_fitted = true;
    for (size_t i = 0; i < count; i++) {
        add_service(all, &result->services[i]);
        fill_service(&services[i], &result->services[i]);
    }
    if (all->replica_h > 0) all->kv_used /= all->replica_h;
    run->service = all;
}

static void fill_service_parts(struct sched *s, struct result *result, struct tally *classes, size_t classes_len,
                               struct tally *regions) {
    struct service_result *parts = result->service_parts;
    if (!s->services) return;
    services_parts(s, PART_REQUEST_CLASS, parts);
    services_parts(s, PART_REQUEST_REGION, parts + classes_len);
    for (size_t i = 0; i < result->service_parts_len; i++)
        fill_service(i < classes_len ? &classes[i] : &regions[i - classes_len], &parts[i]);
}

void tally_results(struct sched *s, struct result *result) {
    const struct setup *setup = s->setup;
    const struct jobs *jobs = &s->world.jobs;
    const size_t regions_len = setup->regions_len, tenants_len = jobs->tenants.len, classes_len = jobs->classes.len;
    const size_t services_len = s->services ? setup->services_len : 0, flows_len = s->flows ? setup->flows_len : 0;
    const size_t parts_len[] = {s->services ? services_parts(s, PART_REQUEST_CLASS, NULL) : 0,
                                s->services ? services_parts(s, PART_REQUEST_REGION, NULL) : 0};
    result->service_parts_len = parts_len[0] + parts_len[1];
    result->service_parts = mem_zero(result->service_parts_len + 1, sizeof *result->service_parts);
    result->tallies_len = 1 + regions_len + tenants_len + classes_len + setup->pools_len + services_len +
                          result->service_parts_len + flows_len;
    result->tallies = mem_zero(result->tallies_len, sizeof *result->tallies);
    struct tally *next = result->tallies;
    struct tally *run = begin_part(&next, PART_RUN, 1), *regions = begin_part(&next, PART_REGION, regions_len);
    struct tally *tenants = begin_part(&next, PART_TENANT, tenants_len);
    struct tally *classes = begin_part(&next, PART_CLASS, classes_len);
    struct tally *pools = begin_part(&next, PART_POOL, setup->pools_len);
    struct tally *services = begin_part(&next, PART_SERVICE, services_len);
    struct tally *request_classes = begin_part(&next, PART_REQUEST_CLASS, parts_len[0]);
    struct tally *request_regions = begin_part(&next, PART_REQUEST_REGION, parts_len[1]);
    struct tally *pipelines = begin_part(&next, PART_PIPELINE, flows_len);
    run->name = setup->name;
    for (size_t i = 0; i < regions_len; i++) regions[i].name = setup->regions[i].name;
    for (size_t i = 0; i < tenants_len; i++) tenants[i].name = jobs->tenants.at[i];
    for (size_t i = 0; i < classes_len; i++) classes[i].name = jobs->classes.at[i];
    for (size_t i = 0; i < setup->pools_len; i++) pools[i].name = setup->pools[i].name;

    tally_spans(s, result);
    series_end(s, result);
    double *values = mem_alloc((jobs->len + 1) * sizeof *values);
    job_part(s, PART_RUN, 1, run, NULL, values);
    job_part(s, PART_REGION, regions_len, regions, run, values);
    job_part(s, PART_TENANT, tenants_len, tenants, run, values);
    job_part(s, PART_CLASS, classes_len, classes, run, values);
    free(values);
    for (size_t i = 0; i < s->groups.len; i++) {
        const struct group *g = &s->groups.at[i];
        add_group(s, run, g);
        add_group(s, &regions[s->world.fleet.domains[g->domain].region], g);
        add_group(s, &tenants[g->tenant], g);
        add_group(s, &classes[g->class_id], g);
    }
    for (uint32_t i = 0; i < setup->pools_len; i++) fill_pool(s, i, &pools[i], tick_hours(result->measured_ns));
    for (uint32_t i = 0; i < regions_len; i++) fill_region(s, i, &regions[i], pools);
    for (size_t i = 0; i < tenants_len; i++) close_job_part(&tenants[i]);
    for (size_t i = 0; i < classes_len; i++) close_job_part(&classes[i]);
    fill_charged(s, result);
    fill_start_hours(s, result);
    sum_regions(run, regions, regions_len);
    result->ledger_error = ledger_gap(s, run, pools);
    fill_services(s, result, run, services);
    fill_service_parts(s, result, request_classes, parts_len[0], request_regions);
    staff_tally(s, result, run, pipelines);
    add_warnings(s, result, run);
    drop_empty(result);
    if (s->job_results) finish_job_results(s);
    hand_over_jobs(s, result);
}
