/*
 * A pipeline as jobs. In steady state every stage works at the rate of the bottleneck (pipeline_rate), so a worker of
 * stage i is at work for rate / (its own rate with nobody in its way) of the time, and all of them hold what they hold
 * until the items are through. The ramp is the longest start of a worker: until then nothing comes out at the end.
 *
 * Cost: a job a worker or container.
 */
#include "base/tick.h"
#include "core/load.h"

#include <math.h>
#include <string.h>

/* Whole containers for so much, of what each holds. Sums of fractions that should be whole count as whole. */
static double containers(double amount, double each) { return ceil(amount / each - 1e-9); }

static void add_job(const struct pipeline_load *p, const char *stage, double cpus, double gpus, double mem_mib,
                    double utilisation, int64_t run_ns, struct jobs *jobs) {
    char name[128];
    size_t len = strlen(p->name) < 60 ? strlen(p->name) : 60;
    memcpy(name, p->name, len);
    if (stage) {
        const size_t more = strlen(stage) < 60 ? strlen(stage) : 60;
        name[len++] = '/';
        memcpy(name + len, stage, more);
        len += more;
    }
    const struct shape shape = {.gpus = gpus >= 1 ? (uint32_t)gpus : 0,
                                .share_milli = gpus < 1 ? (uint32_t)lround(gpus * 1000) : 0,
                                .cpu_milli = (uint32_t)lround(cpus * 1000), .mem_mib = (uint32_t)ceil(mem_mib),
                                .models = JOB_ANY_MODEL};
    const uint32_t interned = jobs_shape(jobs, &shape);
    const uint32_t added = jobs_add(jobs);
    struct job *j = &jobs->at[added];
    j->submit_ns = p->start_ns;
    j->run_ns = run_ns;
    j->estimate_ns = jobs->has_estimates ? run_ns : 0;
    j->shape = interned;
    j->class_id = (uint16_t)names_put(&jobs->classes, name, len);
    if (p->tenant) j->tenant = (uint16_t)names_put(&jobs->tenants, p->tenant, strlen(p->tenant));
    j->utilisation = (float)fmin(1, utilisation);
}

void pipeline_generate(const struct pipeline_load *p, struct jobs *jobs) {
    const double rate = pipeline_rate(p->stages, p->stages_len);
    double start_s = 0, cpus = 0, gpus = 0, working_gpus = 0;
    for (size_t i = 0; i < p->stages_len; i++) {
        const struct stage *s = &p->stages[i];
        start_s = fmax(start_s, s->start_s);
        cpus += s->workers * s->cpus;
        gpus += s->workers * s->gpus;
        working_gpus += s->workers * s->gpus * rate / stage_rate(s);
    }
    const int64_t run_ns = tick_from_seconds(start_s + p->items / rate);
    if (p->monolithic) {
        const double count = fmax(containers(cpus, p->container_cpus), containers(gpus, p->container_gpus));
        const double utilisation = working_gpus / (count * p->container_gpus);
        for (double k = 0; k < count; k++)
            add_job(p, NULL, p->container_cpus, p->container_gpus, 0, utilisation, run_ns, jobs);
        return;
    }
    for (size_t i = 0; i < p->stages_len; i++)
        for (uint32_t k = 0; k < p->stages[i].workers; k++)
            add_job(p, p->stages[i].name, p->stages[i].cpus, p->stages[i].gpus, p->stages[i].memory_mib,
                    rate / stage_rate(&p->stages[i]), run_ns, jobs);
}
