/*
 * Synthetic demand: a job table drawn from a load's classes. Arrival times come from the arrivals model under
 * the daily and weekly shape; each arrival then draws its class, tenant, GPUs, utilisation and estimate, and
 * its run time from its class's durations model.
 *
 * Common random numbers: everything is drawn before the run, arrivals from stream `arrivals`, shapes from
 * `shapes`, run times from `durations` with one stream a class, so that a change of one class's durations
 * leaves every other draw as it was.
 *
 * Cost: O(jobs); without a limit on jobs the arrivals are drawn again into twice the room until they all fit.
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/load.h"
#include "core/seams.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HOURS = 24, WEEKDAYS = 7 };

/* Demand shape: product of the hour's and the weekday's share, each relative to its mean. */
struct shape_of_week {
    double hour[HOURS], weekday[WEEKDAYS];
    int64_t local_origin_ns; /* local clock at time 0 of the run */
};

static void relative_to_mean(const struct numbers *given, double *to, size_t count) {
    double sum = 0;
    require(given->len == 0 || given->len == count);
    for (size_t i = 0; i < given->len; i++) sum += given->at[i];
    for (size_t i = 0; i < count; i++) to[i] = given->len ? given->at[i] * (double)count / sum : 1;
}

static double most_of(const double *at, size_t count) {
    double most = at[0];
    for (size_t i = 1; i < count; i++) most = fmax(most, at[i]);
    return most;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static double intensity(void *context, int64_t t_ns) {
    const struct shape_of_week *week = context;
    const int64_t hours = floor_div(week->local_origin_ns + t_ns, TICK_HOUR);
    const int64_t days = floor_div(hours, HOURS);
    /* Day 0 of the Unix calendar was a Thursday; weekdays count from Monday. */
    const int64_t weekday = ((days + 3) % WEEKDAYS + WEEKDAYS) % WEEKDAYS;
    return week->hour[hours - days * HOURS] * week->weekday[weekday];
}

static size_t draw_arrivals(const struct load_setup *load, uint64_t seed, int64_t **times_ns) {
    const struct arrivals_model *model = (const struct arrivals_model *)load->arrivals.model;
    struct shape_of_week week = {.local_origin_ns = load->origin_unix_ns + load->utc_offset_ns};
    relative_to_mean(&load->daily, week.hour, HOURS);
    relative_to_mean(&load->weekly, week.weekday, WEEKDAYS);
    const double most = most_of(week.hour, HOURS) * most_of(week.weekday, WEEKDAYS);

    require(load->jobs_most || load->until_ns < TICK_NEVER);
    size_t room = load->jobs_most ? load->jobs_most : 1 << 16;
    for (;;) {
        *times_ns = mem_alloc(room * sizeof **times_ns);
        struct rng *rng = rng_open(seed, "arrivals", 0);
        const size_t count =
            model->draw(load->arrivals.params, rng, intensity, &week, most, load->until_ns, room, *times_ns);
        rng_close(rng);
        if (count < room || load->jobs_most) return count;
        free(*times_ns);
        room *= 2;
        if (room >= JOB_NONE) die("the load asks for more than %u jobs", JOB_NONE - 1);
    }
}

/* What a class's jobs have in common, looked up once. */
struct class_draws {
    const struct load_class *load;
    struct rng_choice *gpus;
    uint64_t models;
    uint16_t class_id;
    uint32_t jobs; /* drawn so far */
};

static struct class_draws *open_classes(const struct load_setup *load, struct jobs *jobs) {
    struct class_draws *classes = mem_zero(load->classes_len, sizeof *classes);
    for (size_t i = 0; i < load->classes_len; i++) {
        const struct load_class *from = &load->classes[i];
        classes[i] = (struct class_draws){.load = from, .models = from->gpu_models_len ? 0 : JOB_ANY_MODEL};
        classes[i].gpus = rng_choice_open(from->gpus_weight.at, from->gpus.len);
        classes[i].class_id = (uint16_t)names_put(&jobs->classes, from->name, strlen(from->name));
        for (size_t m = 0; m < from->gpu_models_len; m++) {
            const char *name = from->gpu_models[m];
            const uint32_t id = names_put(&jobs->models, name, strlen(name));
            require(id < JOB_MODELS_MOST);
            classes[i].models |= UINT64_C(1) << id;
        }
    }
    return classes;
}

static void close_classes(struct class_draws *classes, size_t count) {
    for (size_t i = 0; i < count; i++) rng_choice_close(classes[i].gpus);
    free(classes);
}

/* The normal law cut to 0.01..1, by drawing again; a mean many deviations outside gives the nearer end. */
static float draw_utilisation(const struct load_class *c, struct rng *rng) {
    enum { TRIES = 100 };
    double u = c->utilisation_mean;
    for (int i = 0; c->utilisation_sd > 0 && i < TRIES; i++) {
        u = rng_normal(rng, c->utilisation_mean, c->utilisation_sd);
        if (u >= 0.01 && u <= 1) break;
    }
    return (float)fmin(fmax(u, 0.01), 1);
}

/* Requests past what a field holds are beyond every node and stay so when cut. */
static uint32_t whole_amount(double amount) { return (uint32_t)llround(fmin(amount, UINT32_MAX)); }

/* CPUs and memory are asked for per GPU; a job without GPUs asks for those of one. */
static struct shape draw_shape(const struct class_draws *c, struct rng *rng) {
    const double gpus = c->load->gpus.at[rng_choose(rng, c->gpus)];
    const uint32_t gpu_milli = (uint32_t)llround(gpus * 1000);
    const double per = gpu_milli ? gpus : 1;
    return (struct shape){.gpus = gpu_milli / 1000,
                          .share_milli = gpu_milli < 1000 ? gpu_milli : 0,
                          .cpu_milli = whole_amount(per * c->load->cpus_per_gpu * 1000),
                          .mem_mib = whole_amount(per * c->load->mem_mib_per_gpu),
                          .models = gpu_milli ? c->models : JOB_ANY_MODEL};
}

/* Everything about the jobs but their run times; class_of[j] remembers whose durations job j draws. */
static void draw_shapes(const struct load_setup *load, uint64_t seed, struct class_draws *classes,
                        const int64_t *times_ns, size_t count, struct jobs *jobs, uint32_t *class_of) {
    double *weights = mem_alloc((load->classes_len + load->tenants_len) * sizeof *weights);
    for (size_t i = 0; i < load->classes_len; i++) weights[i] = load->classes[i].weight;
    struct rng_choice *which_class = rng_choice_open(weights, load->classes_len);
    struct rng_choice *which_tenant = NULL;
    uint16_t *tenant_ids = mem_alloc(load->tenants_len * sizeof *tenant_ids);
    for (size_t i = 0; i < load->tenants_len; i++) {
        const char *name = load->tenants[i].name;
        weights[i] = load->tenants[i].weight;
        tenant_ids[i] = (uint16_t)names_put(&jobs->tenants, name, strlen(name));
    }
    if (load->tenants_len) which_tenant = rng_choice_open(weights, load->tenants_len);

    struct rng *rng = rng_open(seed, "shapes", 0);
    for (size_t i = 0; i < count; i++) {
        class_of[i] = (uint32_t)rng_choose(rng, which_class);
        struct class_draws *c = &classes[class_of[i]];
        const uint16_t tenant = which_tenant ? tenant_ids[rng_choose(rng, which_tenant)] : 0;
        const struct shape shape = draw_shape(c, rng);
        const uint32_t shape_id = jobs_shape(jobs, &shape);
        const uint32_t j = jobs_add(jobs);
        struct job *job = &jobs->at[j];
        job->submit_ns = times_ns[i];
        job->shape = shape_id;
        job->tenant = tenant;
        job->class_id = c->class_id;
        job->utilisation = draw_utilisation(c->load, rng);
        if (jobs->priority) jobs->priority[j] = (int32_t)c->load->priority;
        c->jobs++;
    }
    rng_close(rng);
    rng_choice_close(which_class);
    if (which_tenant) rng_choice_close(which_tenant);
    free(tenant_ids);
    free(weights);
}

/* Run times, one stream a class, and what follows from them: the user's estimate and the deadline. */
static void draw_durations(const struct load_setup *load, uint64_t seed, const struct class_draws *classes,
                           const uint32_t *class_of, struct jobs *jobs) {
    for (size_t c = 0; c < load->classes_len; c++) {
        const struct load_class *from = &load->classes[c];
        const struct durations_model *model = (const struct durations_model *)from->durations.model;
        int64_t *run_ns = mem_alloc(classes[c].jobs * sizeof *run_ns);
        struct rng *rng = rng_open(seed, "durations", c);
        model->draw(from->durations.params, rng, classes[c].jobs, run_ns);
        const double log_factor = log(from->estimate_factor);
        size_t next = 0;
        for (size_t j = 0; j < jobs->len; j++) {
            if (class_of[j] != c) continue;
            struct job *job = &jobs->at[j];
            job->run_ns = run_ns[next++];
            if (jobs->has_estimates) {
                const double over = log_factor > 0 ? exp(log_factor * fabs(rng_normal(rng, 0, 1))) : 1;
                const int64_t estimate_ns = tick_from_seconds(tick_seconds(job->run_ns) * over);
                job->estimate_ns = estimate_ns > job->run_ns ? estimate_ns : job->run_ns;
            }
            if (from->deadline_slack > 0)
                jobs->deadline_ns[j] =
                    job->submit_ns + tick_from_seconds(tick_seconds(job->run_ns) * from->deadline_slack);
        }
        rng_close(rng);
        free(run_ns);
    }
}

void load_generate(const struct load_setup *load, uint64_t seed, struct jobs *jobs) {
    unsigned columns = 0;
    bool estimates = false;
    for (size_t i = 0; i < load->classes_len; i++) {
        if (load->classes[i].priority != 0) columns |= JOBS_PRIORITY;
        if (load->classes[i].deadline_slack > 0) columns |= JOBS_DEADLINE;
        if (load->classes[i].estimate_factor > 1) estimates = true;
    }
    jobs_init(jobs, columns);
    jobs->origin_unix_ns = load->origin_unix_ns;
    jobs->has_estimates = estimates;

    int64_t *times_ns;
    const size_t count = draw_arrivals(load, seed, &times_ns);
    uint32_t *class_of = mem_alloc(count * sizeof *class_of);
    struct class_draws *classes = open_classes(load, jobs);
    draw_shapes(load, seed, classes, times_ns, count, jobs, class_of);
    draw_durations(load, seed, classes, class_of, jobs);
    close_classes(classes, load->classes_len);
    free(class_of);
    free(times_ns);
    jobs_sort(jobs);
}
