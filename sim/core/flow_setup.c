/*
 * What a pipeline's setup comes to: its crews and their workers' shapes, buffers, and how many records they need.
 *
 * One container holds an even part of all stages' workers, and there are as many as the cores and GPUs of the most
 * workers need; where stages scale, they do so by the stage that asks for the largest part.
 */
#include "core/flow.h"

#include "base/tick.h"

#include <math.h>
#include <stdlib.h>

bool flow_has_crew(const struct flow_stage *stage) { return stage->work.cpus > 0 || stage->work.gpus > 0; }

size_t flow_crews(const struct flow_setup *f) {
    size_t crews = 0;
    for (size_t i = 0; i < f->stages_len; i++) crews += flow_has_crew(&f->stages[i]);
    return f->monolithic && crews > 0 ? 1 : crews;
}

static struct shape shape_of(double cpus, double gpus, double mem_mib) {
    return (struct shape){.gpus = gpus >= 1 ? (uint32_t)gpus : 0,
                          .share_milli = gpus < 1 ? (uint32_t)lround(gpus * 1000) : 0,
                          .cpu_milli = (uint32_t)lround(cpus * 1000), .mem_mib = (uint32_t)ceil(mem_mib),
                          .models = JOB_ANY_MODEL};
}

/* Whole containers for so much, of what each holds. Sums of fractions that should be whole count as whole. */
static double containers(double amount, double each) { return amount > 0 ? ceil(amount / each - 1e-9) : 0; }

static struct flow_crew container_crew(const struct flow_setup *f) {
    struct flow_crew crew = {.class_name = f->name, .stage = FLOW_ALL,
                             .shape = shape_of(f->container_cpus, f->container_gpus, f->container_mem_mib)};
    double cpus = 0, gpus = 0, least = 0, begin = 0;
    bool scales = false;
    for (size_t i = 0; i < f->stages_len; i++) {
        const struct flow_stage *s = &f->stages[i];
        if (!flow_has_crew(s)) continue;
        cpus += s->scale.most * s->work.cpus;
        gpus += s->scale.most * s->work.gpus;
        least = fmax(least, (double)s->scale.least / s->scale.most);
        begin = fmax(begin, (double)s->scale.begin / s->scale.most);
        if (tick_from_seconds(s->work.start_s) > crew.start_ns) crew.start_ns = tick_from_seconds(s->work.start_s);
        if (s->gpu_models_len > 0) {
            crew.gpu_models = s->gpu_models;
            crew.gpu_models_len = s->gpu_models_len;
        }
        if (scales || s->scale.least == s->scale.most) continue;
        crew.scale = s->scale; /* the first that scales says how often */
        scales = true;
    }
    const double most = fmax(containers(cpus, f->container_cpus), containers(gpus, f->container_gpus));
    crew.scale.most = (uint32_t)most;
    crew.scale.least = (uint32_t)ceil(least * most - 1e-9);
    crew.scale.begin = (uint32_t)ceil(begin * most - 1e-9);
    return crew;
}

struct flow_crew flow_crew(const struct flow_setup *f, size_t crew) {
    if (f->monolithic) return container_crew(f);
    uint32_t stage = 0;
    for (size_t left = crew; !flow_has_crew(&f->stages[stage]) || left-- > 0; stage++) {}
    const struct flow_stage *s = &f->stages[stage];
    return (struct flow_crew){.class_name = s->class_name, .stage = stage, .scale = s->scale,
                              .shape = shape_of(s->work.cpus, s->work.gpus, s->work.memory_mib),
                              .gpu_models = s->gpu_models, .gpu_models_len = s->gpu_models_len,
                              .start_ns = tick_from_seconds(s->work.start_s)};
}

static double round_of(const struct flow_stage *s) { return s->scale.most * s->work.batch; }

double flow_buffer(const struct flow_setup *f, size_t stage) {
    const struct flow_stage *s = &f->stages[stage];
    if (s->buffer > 0) return s->buffer;
    double before = 0;
    for (size_t i = 0; i < s->after_len; i++) before = fmax(before, round_of(&f->stages[s->after[i]]));
    return round_of(s) + before;
}

size_t flows_records(const struct setup *setup) {
    size_t sum = 0;
    for (size_t i = 0; i < setup->flows_len; i++)
        for (size_t k = 0; k < flow_crews(&setup->flows[i]); k++) sum += flow_crew(&setup->flows[i], k).scale.most;
    return sum;
}

void flow_results_free(struct flow_result *results, size_t count) {
    for (size_t i = 0; results && i < count; i++) free(results[i].stages);
    free(results);
}
