/*
 * Elastic jobs: how many GPUs running jobs hold, changed while they run. A class says between how many its jobs may
 * have, its speed model how fast they go there; a job's work is its recorded run time, done at speed(now) over
 * speed(recorded).
 *
 * A job waits for its least. After each pass over a line (or at multiples of resize_every) the GPUs that its running
 * elastic jobs hold, and what is free, are dealt out anew: first to jobs in line that would fit if running ones
 * shrank, in their order; then by the policy's values, step by step (resize_fill). A deal that takes GPUs from one
 * running job for another must gain resize_gain, a job that was resized rests for resize_hold but from making room for
 * jobs in line, and a job does not grow when what is left of it would not make up for resize_cost.
 *
 * The deal counts GPUs, and nodes may not have them together. What one job finds no nodes for is dealt to others. What
 * was freed for a job in line that then found none is not freed again before a job of the domain has stopped.
 *
 * Sizes are shapes: a job that is resized moves to the group of its new shape, is placed anew as a whole, and goes on
 * after resize_cost from where it was. A job that starts and grows at the same instant pays nothing.
 *
 * Invariants: first <= size <= last for every job; what is dealt out is at most what is free and held; work done is
 * the sum of speed x time over a job's sizes. Cost of a deal: O(running elastic jobs x sizes + GPUs dealt out x log).
 */
#include "core/engine.h"

#include "base/err.h"
#include "base/tick.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Jobs of one class entry that were recorded in one shape. */
struct elastic_kind {
    uint32_t recorded;      /* shape */
    uint32_t least;         /* shape they wait for */
    uint32_t shapes, count; /* first and number of the shapes they may have, by GPUs */
};
/* A kind's sizes in one pool, at some share of its work. */
struct table {
    uint32_t at, len;
    bool made;
};
/* Efficiencies of batches may change with progress: they are looked up at so many points of it. */
enum { PROGRESS_STEPS = 8 };
/* What was dealt to jobs that found no nodes for it is dealt out again so many times. */
enum { ROUNDS = 4 };

struct elastic { /* parallel to the slots */
    uint32_t place;         /* in its line's list; SCHED_NONE: not elastic */
    int64_t begun_ns, resized_ns; /* TICK_NEVER: not yet */
};
struct elastic_line {
    struct { uint32_t *at; size_t len, cap; } running; /* slots */
    int64_t freed_ns;       /* when GPUs were freed for jobs in line, */
    int64_t swapped_ns;     /* and when for other running jobs: not twice at an instant, in case they found no nodes */
    uint64_t stuck_milli;   /* jobs that ask for so many found no nodes for what was freed */
};

struct resize {
    const struct resize_model *model;
    const void *params;
    struct { struct elastic_kind *at; size_t len, cap; } kinds;
    uint32_t *kind_of;      /* per job; SCHED_NONE: not elastic */
    struct table *tables;   /* [(kind * pools + pool) * PROGRESS_STEPS + step] */
    struct { struct resize_size *at; size_t len, cap; } sizes;
    struct { struct elastic *at; size_t len, cap; } slots;
    struct elastic_line *lines;
    size_t lines_len;
    /* Of one deal: */
    struct { struct resize_job *at; size_t len, cap; } jobs;
    struct { struct who { uint32_t slot; bool rests; } *at; size_t len, cap; } who; /* rests: it may only shrink, and
                                                                                       only for jobs in line */
    struct { size_t *at; size_t len, cap; } kept, dealt; /* sizes with the fewest changes; sizes */
    struct { struct waiting { uint32_t group, job; } *at; size_t len, cap; } line;
    struct evq heap;
};

/* ---- dealing out ---- */

struct step {
    size_t to;
    double rate; /* value a GPU; <= 0: none */
};

static struct step best_step(const struct resize_model *m, const void *params, const struct resize_job *job,
                             size_t from, uint64_t left) {
    struct step best = {from, 0};
    const double held = m->value(params, job, from);
    for (size_t to = from + 1; to <= job->last; to++) {
        const uint32_t more = job->sizes[to].gpus - job->sizes[from].gpus;
        if (more > left) break;
        const double rate = (m->value(params, job, to) - held) / more;
        if (rate > best.rate) best = (struct step){to, rate};
    }
    return best;
}

/* Bits of a positive double ascend with it; the heap's first is the largest. */
static void offer(struct evq *heap, uint32_t job, double rate) {
    uint64_t bits;
    memcpy(&bits, &rate, sizeof bits);
    evq_push(heap, evq_pack(~bits, job, job));
}

void resize_fill(const struct resize_model *m, const void *params, const struct resize_job *jobs, size_t len,
                 uint64_t gpus, struct evq *heap, size_t *sizes) {
    uint64_t left = gpus;
    for (size_t i = 0; i < len; i++) {
        sizes[i] = jobs[i].first;
        require(jobs[i].sizes[sizes[i]].gpus <= left);
        left -= jobs[i].sizes[sizes[i]].gpus;
    }
    for (size_t i = 0; i < len; i++) {
        const struct step step = best_step(m, params, &jobs[i], sizes[i], left);
        if (step.rate > 0) offer(heap, (uint32_t)i, step.rate);
    }
    while (!evq_empty(heap)) {
        const evq_key key = evq_pop(heap);
        const uint32_t i = evq_handle(key);
        struct step step = best_step(m, params, &jobs[i], sizes[i], left); /* less may be left since it was offered */
        uint64_t bits;
        memcpy(&bits, &step.rate, sizeof bits);
        if (step.rate > 0 && ~bits == evq_rank(key)) {
            left -= jobs[i].sizes[step.to].gpus - jobs[i].sizes[sizes[i]].gpus;
            sizes[i] = step.to;
            step = best_step(m, params, &jobs[i], sizes[i], left);
        }
        if (step.rate > 0) offer(heap, i, step.rate);
    }
}

static double total_value(const struct resize *r, const size_t *sizes) {
    double sum = 0;
    for (size_t i = 0; i < r->jobs.len; i++) sum += r->model->value(r->params, &r->jobs.at[i], sizes[i]);
    return sum;
}

/* ---- shapes ---- */

/* GPUs of the largest node that the shape accepts, and of all of them. */
static uint32_t node_gpus(const struct setup *setup, const struct shape *shape, uint64_t *all) {
    uint32_t most = 0;
    struct names models;
    *all = 0;
    names_init(&models);
    for (size_t i = 0; i < setup->nodes_len; i++) {
        const struct pool_setup *p = &setup->pools[setup->nodes[i].pool];
        *all += (uint64_t)p->gpus * setup->nodes[i].count;
    }
    for (size_t p = 0; p < setup->pools_len; p++) {
        const bool accepted = shape->models >> fleet_model(&models, &setup->pools[p]) & 1;
        if (accepted && setup->pools[p].gpus > most) most = setup->pools[p].gpus;
    }
    names_free(&models);
    return most;
}

/* Adds the shapes of a kind: CPUs and memory go with the GPUs. */
static uint32_t add_kind(struct sched *s, const struct class_setup *c, uint32_t recorded) {
    struct jobs *jobs = &s->world.jobs;
    const struct shape from = jobs->shapes.at[recorded];
    uint64_t all;
    const uint32_t node = node_gpus(s->setup, &from, &all);
    struct elastic_kind *k = vec_push(&s->resize->kinds);
    *k = (struct elastic_kind){.recorded = recorded, .least = recorded, .shapes = (uint32_t)jobs->shapes.len};
    for (uint32_t n = c->gpus_least; n <= c->gpus_most && n <= all; n++) {
        if (n > node && (node == 0 || n % node)) continue;
        jobs->shapes.at = mem_grow(jobs->shapes.at, jobs->shapes.len + 1, sizeof *jobs->shapes.at);
        struct shape *shape = &jobs->shapes.at[jobs->shapes.len++];
        *shape = from;
        shape->gpus = n;
        shape->cpu_milli = (uint32_t)((uint64_t)from.cpu_milli * n / from.gpus);
        shape->mem_mib = (uint32_t)((uint64_t)from.mem_mib * n / from.gpus);
        k->count++;
    }
    return (uint32_t)s->resize->kinds.len - 1;
}

void resize_bind(struct sched *s) {
    const struct setup *setup = s->setup;
    const struct resize_model *m = (const struct resize_model *)(const void *)setup->policy.resize.model;
    if (m == NULL || m->value == NULL) return;
    struct jobs *jobs = &s->world.jobs;
    const size_t shapes = jobs->shapes.len;
    s->resize = arena_alloc(&s->arena, 1, sizeof *s->resize);
    struct resize *r = s->resize;
    r->model = m;
    r->params = setup->policy.resize.params;
    r->kind_of = mem_alloc((jobs->len + 1) * sizeof *r->kind_of);
    evq_init(&r->heap, false);
    uint32_t *known = mem_alloc((setup->classes_len * shapes + 1) * sizeof *known);
    memset(known, 0xff, (setup->classes_len * shapes + 1) * sizeof *known);
    for (uint32_t i = 0; i < jobs->len; i++) {
        const struct class_setup *c = world_class(&s->world, i);
        r->kind_of[i] = SCHED_NONE;
        if (c == NULL || c->gpus_most == 0 || world_shape(&s->world, i)->gpus == 0) continue;
        uint32_t *kind = &known[(size_t)(c - setup->classes) * shapes + jobs->at[i].shape];
        if (*kind == SCHED_NONE) *kind = add_kind(s, c, jobs->at[i].shape);
        r->kind_of[i] = *kind;
    }
    free(known);
    if (r->kinds.len > 0) return;
    resize_close(r);
    s->resize = NULL;
}

static struct resize_size size_at(const struct sched *s, uint32_t job, uint32_t shape, uint32_t pool, double progress) {
    const uint32_t gpus = s->world.jobs.shapes.at[shape].gpus, node = s->setup->pools[pool].gpus;
    const uint32_t nodes = node ? (gpus + node - 1) / node : 1;
    return (struct resize_size){gpus, shape, work_speed(s, job, pool, gpus, nodes, progress)};
}

static bool goes_somewhere(struct sched *s, uint32_t job, uint32_t shape) {
    const struct fleet *f = &s->world.fleet;
    for (uint32_t d = 0; d < f->domains_len; d++) {
        if (!world_possible(s, d, shape)) continue;
        for (uint32_t p = 0; p < s->setup->pools_len; p++) {
            const struct pool_setup *pool = &s->setup->pools[p];
            const bool here = pool->region == f->domains[d].region && pool->tenant == f->domains[d].tenant;
            if (here && pool->gpus && size_at(s, job, shape, p, 0).pace > 0) return true;
        }
    }
    return false;
}

void resize_open(struct sched *s) {
    struct resize *r = s->resize;
    const struct jobs *jobs = &s->world.jobs;
    s->in_trees = true;
    r->tables = arena_alloc(&s->arena, r->kinds.len * s->setup->pools_len * PROGRESS_STEPS + 1, sizeof *r->tables);
    r->lines_len = s->world.fleet.domains_len;
    r->lines = arena_alloc(&s->arena, r->lines_len + 1, sizeof *r->lines);
    for (uint32_t d = 0; d < s->world.fleet.domains_len; d++)
        r->lines[d] = (struct elastic_line){.freed_ns = -1, .swapped_ns = -1, .stuck_milli = UINT64_MAX};
    for (uint32_t i = 0; i < jobs->len; i++) {
        if (r->kind_of[i] == SCHED_NONE) continue;
        struct elastic_kind *k = &r->kinds.at[r->kind_of[i]];
        for (uint32_t n = 0; n < k->count && k->least == k->recorded; n++)
            if (goes_somewhere(s, i, k->shapes + n)) k->least = k->shapes + n;
        if (k->least == k->recorded) k->count = 0; /* resize_check says so */
        if (s->options) s->world.jobs.at[i].shape = k->least;
    }
}

void resize_close(struct resize *r) {
    if (r == NULL) return;
    for (size_t i = 0; r->lines && i < r->lines_len; i++) free(r->lines[i].running.at);
    free(r->kinds.at);
    free(r->kind_of);
    free(r->sizes.at);
    free(r->slots.at);
    free(r->jobs.at);
    free(r->who.at);
    free(r->kept.at);
    free(r->dealt.at);
    free(r->line.at);
    evq_free(&r->heap);
}

void resize_check(const struct sched *s, struct err *err) {
    const struct resize *r = s->resize;
    bool *said = mem_zero(s->setup->classes_len + 1, sizeof *said);
    for (uint32_t i = 0; r && i < s->world.jobs.len; i++) {
        const struct class_setup *c = world_class(&s->world, i);
        if (r->kind_of[i] == SCHED_NONE || r->kinds.at[r->kind_of[i]].count || said[c - s->setup->classes]) continue;
        said[c - s->setup->classes] = true;
        err_add(err, (struct place_in_file){.path = "classes.gpus_least"},
                "on no number of GPUs from %u to %u do jobs of class '%s' run: no nodes hold them, or '%s' knows no "
                "speed",
                c->gpus_least, c->gpus_most, s->world.jobs.classes.at[s->world.jobs.at[i].class_id],
                c->speed.model->name);
    }
    free(said);
}

static const struct elastic_kind *kind_of(const struct sched *s, uint32_t job) {
    const struct resize *r = s->resize;
    if (r == NULL || sched_is_replica(s, job) || r->kind_of[job] == SCHED_NONE) return NULL;
    return &r->kinds.at[r->kind_of[job]];
}

uint32_t resize_recorded(const struct sched *s, uint32_t job) {
    const struct elastic_kind *k = kind_of(s, job);
    return k ? k->recorded : s->world.jobs.at[job].shape;
}

void resize_settle(struct sched *s) {
    for (uint32_t i = 0; i < s->world.jobs.len; i++) s->world.jobs.at[i].shape = resize_recorded(s, i);
}

/* ---- who runs ---- */

void resize_started(struct sched *s, uint32_t id) {
    struct resize *r = s->resize;
    const struct slot *slot = &s->slots.at[id];
    const struct elastic_kind *k = kind_of(s, slot->job);
    while (r->slots.len <= id) (void)vec_push(&r->slots);
    r->slots.at[id] = (struct elastic){SCHED_NONE, s->world.now_ns, TICK_NEVER};
    if (k == NULL || k->count == 0) return;
    struct elastic_line *l = &r->lines[slot->domain];
    r->slots.at[id].place = (uint32_t)l->running.len;
    *vec_push(&l->running) = id;
}

void resize_stopped(struct sched *s, uint32_t id) {
    struct resize *r = s->resize;
    const struct slot *slot = &s->slots.at[id];
    struct elastic_line *l = &r->lines[slot->domain];
    l->stuck_milli = UINT64_MAX;
    const uint32_t place = r->slots.at[id].place;
    if (place == SCHED_NONE) return;
    const uint32_t last = l->running.at[--l->running.len];
    l->running.at[place] = last;
    r->slots.at[last].place = place;
    s->world.jobs.at[slot->job].shape = kind_of(s, slot->job)->least;
}

/* ---- the jobs of a deal ---- */

static const struct table *table_of(struct sched *s, uint32_t job, uint32_t domain, uint32_t pool, double progress) {
    struct resize *r = s->resize;
    const struct elastic_kind *k = kind_of(s, job);
    const size_t step = r->model->fits_batch && progress > 0 ? (size_t)(progress * (PROGRESS_STEPS - 1e-9)) : 0;
    struct table *t = &r->tables[(r->kind_of[job] * s->setup->pools_len + pool) * PROGRESS_STEPS + step];
    if (t->made) return t;
    *t = (struct table){.at = (uint32_t)r->sizes.len, .made = true};
    for (uint32_t n = 0; n < k->count; n++) {
        const struct resize_size size = size_at(s, job, k->shapes + n, pool, (double)step / PROGRESS_STEPS);
        if (size.pace <= 0 || !world_possible(s, domain, size.shape)) continue;
        *vec_push(&r->sizes) = size;
        t->len++;
    }
    return t;
}

/* Work done, up to now. */
static int64_t done_ns(const struct sched *s, uint32_t id) {
    const struct job *j = &s->world.jobs.at[s->slots.at[id].job];
    return j->run_ns - j->left_ns + work_done(&s->works.at[id], s->world.now_ns);
}

/* When the job has rested: now, if it was resized at this very instant. */
static int64_t rested_ns(const struct sched *s, uint32_t id) {
    const struct elastic *e = &s->resize->slots.at[id];
    if (e->resized_ns == TICK_NEVER || e->resized_ns == s->world.now_ns) return s->world.now_ns;
    return e->resized_ns + s->setup->policy.resize_hold_ns;
}

static bool quota_has(const struct holding *h, uint32_t more_milli) {
    return h->quota_kind != QUOTA_HARD || h->gpu_milli + more_milli <= h->quota_milli;
}

/* A tenant at its quota whose jobs wait gives its running ones the least. */
static size_t quota_last(const struct sched *s, uint32_t tenant, const struct resize_job *job) {
    const struct holding *h = &s->world.tenants[tenant];
    if (h->quota_kind != QUOTA_HARD) return job->len - 1;
    if (s->quota_waiting[tenant]) return 0;
    const uint64_t more = (h->quota_milli - h->gpu_milli) / 1000;
    size_t last = job->len - 1;
    while (last > job->now && job->sizes[last].gpus > job->sizes[job->now].gpus + more) last--;
    return last;
}

static bool gather_job(struct sched *s, uint32_t id, struct resize_job *job) {
    const struct slot *slot = &s->slots.at[id];
    const struct job *j = &s->world.jobs.at[slot->job];
    const uint32_t pool = take_pool(s, &s->takes.at[slot->takes]);
    const int64_t done = done_ns(s, id), left = j->estimate_ns > done ? j->estimate_ns - done : 0;
    const double progress = (double)done / (double)(j->run_ns ? j->run_ns : 1);
    const struct table *t = table_of(s, slot->job, slot->domain, pool, progress);
    const struct resize_size *sizes = &s->resize->sizes.at[t->at];
    *job = (struct resize_job){.len = t->len, .left_s = tick_seconds(left)};
    if (s->works.at[id].stop_ns <= s->world.now_ns) return false; /* it is being suspended */
    while (job->now < t->len && sizes[job->now].shape != j->shape) job->now++;
    if (job->now == t->len) return false; /* of a size that does not go here; it keeps it */
    job->sizes = sizes;
    job->last = quota_last(s, s->groups.at[slot->group].tenant, job);
    job->usd_per_gpu_h = s->setup->pools[pool].gpus
                             ? s->ledger.pools[pool].node_usd_per_ns * 3.6e12 / s->setup->pools[pool].gpus
                             : 0;
    return true;
}

/* The jobs that may be resized; returns the first moment at which another will have rested. */
static int64_t gather(struct sched *s, uint32_t domain) {
    struct resize *r = s->resize;
    const struct elastic_line *l = &r->lines[domain];
    int64_t next = TICK_NEVER;
    r->jobs.len = r->who.len = r->kept.len = r->dealt.len = 0;
    /* Tables that are not made yet move the sizes of others: all of them are looked up first. */
    struct resize_job job;
    for (size_t i = 0; i < l->running.len; i++) (void)gather_job(s, l->running.at[i], &job);
    for (size_t i = 0; i < l->running.len; i++) {
        const uint32_t id = l->running.at[i];
        if (!gather_job(s, id, &job)) continue;
        const int64_t rested = rested_ns(s, id);
        if (rested > s->world.now_ns && rested < next) next = rested;
        *vec_push(&r->jobs) = job;
        *vec_push(&r->who) = (struct who){id, rested > s->world.now_ns};
        (void)vec_push(&r->kept);
        (void)vec_push(&r->dealt);
    }
    return next;
}

/* ---- jobs in line ---- */

static void gather_line(struct sched *s, uint32_t domain) {
    struct resize *r = s->resize;
    const struct line *l = &s->lines[domain];
    r->line.len = 0;
    for (size_t i = 0; i < l->groups.len; i++) {
        const struct group *g = &s->groups.at[l->groups.at[i]];
        const uint32_t milli = shape_gpu_milli(group_shape(s, g));
        if (g->len == 0 || milli == 0 || !quota_has(&s->world.tenants[g->tenant], milli)) continue;
        *vec_push(&r->line) = (struct waiting){l->groups.at[i], tree_first(&s->waiting, g->root)};
    }
}

/* The group whose next job is first in the order; its index. */
static size_t first_in_line(const struct sched *s) {
    const struct resize *r = s->resize;
    size_t first = 0;
    for (size_t i = 1; i < r->line.len; i++) {
        const uint32_t a = r->line.at[i].job, b = r->line.at[first].job;
        const uint64_t x = s->waiting.at[a].key, y = s->waiting.at[b].key;
        if (x < y || (x == y && a < b)) first = i;
    }
    return first;
}

/* GPUs (thousandths) for the jobs in line that would fit if running ones shrank: free_milli, and slack_milli that they
 * could give. */
static uint64_t wanted_milli(struct sched *s, uint32_t domain, uint64_t free_milli, uint64_t slack_milli) {
    struct resize *r = s->resize;
    struct elastic_line *l = &r->lines[domain];
    uint64_t wanted = 0;
    gather_line(s, domain);
    while (r->line.len > 0) {
        const size_t i = first_in_line(s);
        struct waiting *w = &r->line.at[i];
        const struct group *g = &s->groups.at[w->group];
        const uint64_t need = shape_gpu_milli(group_shape(s, g));
        const bool found_none = wanted + need <= free_milli && l->freed_ns == s->world.now_ns;
        if (found_none && need < l->stuck_milli) l->stuck_milli = need;
        if (need >= l->stuck_milli || wanted + need > free_milli + slack_milli) {
            if (s->backfill->head_blocks) break;
            *w = r->line.at[--r->line.len]; /* its fellows ask for the same */
            continue;
        }
        wanted += need;
        w->job = tree_after(&s->waiting, g->root, s->waiting.at[w->job].key, w->job);
        if (w->job == TREE_NONE) *w = r->line.at[--r->line.len];
    }
    return wanted;
}

/* ---- the pass ---- */

/* What is left of the job makes up for the resize. */
static bool pays(const struct sched *s, const struct resize_job *job, size_t to) {
    const double cost_s = tick_seconds(s->setup->policy.resize_cost_ns);
    return job->left_s / job->sizes[job->now].pace - job->left_s / job->sizes[to].pace >= cost_s;
}

static bool change(struct sched *s, uint32_t id, const struct resize_size *size) {
    struct elastic *e = &s->resize->slots.at[id];
    const bool begins = e->begun_ns == s->world.now_ns;
    if (!sched_resize(s, id, size->shape, begins ? 0 : s->setup->policy.resize_cost_ns)) return false;
    if (begins || e->resized_ns == s->world.now_ns) return true; /* one change of an instant is one resize */
    e->resized_ns = s->world.now_ns;
    s->groups.at[s->slots.at[id].group].account.resizes++;
    return true;
}

/* To the size dealt, or the nearest to it that finds nodes. */
static bool shrink(struct sched *s, size_t i) {
    struct resize_job *job = &s->resize->jobs.at[i];
    const size_t from = job->now;
    for (size_t to = s->resize->dealt.at[i]; to < job->now; to++)
        if (change(s, s->resize->who.at[i].slot, &job->sizes[to])) job->now = to;
    return job->now < from;
}

/* To the size dealt, or the nearest to it that is allowed and finds nodes; false where it is not that of the deal. */
static bool grow(struct sched *s, size_t i) {
    struct resize_job *job = &s->resize->jobs.at[i];
    const uint32_t id = s->resize->who.at[i].slot, domain = s->slots.at[id].domain;
    const bool begins = s->resize->slots.at[id].begun_ns == s->world.now_ns;
    const struct holding *h = &s->world.tenants[s->groups.at[s->slots.at[id].group].tenant];
    const size_t dealt = s->resize->dealt.at[i];
    for (size_t to = dealt; to > job->now; to--) {
        const uint32_t more = (job->sizes[to].gpus - job->sizes[job->now].gpus) * 1000;
        if ((!begins && !pays(s, job, to)) || !quota_has(h, more)) continue; /* its fellows may have grown first */
        if (s->caps && !sched_has_power(s, domain, s->slots.at[id].job, more)) continue;
        if (change(s, id, &job->sizes[to])) job->now = to;
    }
    if (job->now < dealt) job->last = job->now;
    return job->now >= dealt;
}

static uint64_t held_gpus(const struct resize *r) {
    uint64_t held = 0;
    for (size_t i = 0; i < r->jobs.len; i++) held += r->jobs.at[i].sizes[r->jobs.at[i].now].gpus;
    return held;
}

/* Each job's bounds, where GPUs are short for what jobs hold, or not: those that rest do not grow, and shrink only
 * where they are short. keep: nobody shrinks where they suffice, and nobody grows where they are short. */
static void bound(struct resize *r, bool shortage, bool keep) {
    for (size_t i = 0; i < r->jobs.len; i++) {
        struct resize_job *job = &r->jobs.at[i];
        const bool rests = r->who.at[i].rests, given = job->now > job->last; /* its tenant's quota asks for less */
        if ((rests || (keep && shortage)) && !given) job->last = job->now;
        if ((rests || keep) && !shortage && !given) job->first = job->now;
    }
}

/* Sizes for the jobs gathered, of `gpus` together: with as few changes as can be, unless a deal from the beginning is
 * worth enough more. */
static void deal(struct sched *s, uint32_t domain, uint64_t gpus) {
    struct resize *r = s->resize;
    const bool again = r->lines[domain].swapped_ns == s->world.now_ns;
    const bool shortage = held_gpus(r) > gpus;
    for (size_t i = 0; i < r->jobs.len; i++) {
        struct resize_job *job = &r->jobs.at[i];
        while (job->even < job->last && job->sizes[job->even + 1].gpus * r->jobs.len <= gpus) job->even++;
    }
    bound(r, shortage, false);
    resize_fill(r->model, r->params, r->jobs.at, r->jobs.len, gpus, &r->heap, r->dealt.at);
    bound(r, shortage, true);
    resize_fill(r->model, r->params, r->jobs.at, r->jobs.len, gpus, &r->heap, r->kept.at);
    const double kept = total_value(r, r->kept.at), dealt = total_value(r, r->dealt.at);
    if (again || dealt - kept <= s->setup->policy.resize_gain * fabs(kept))
        memcpy(r->dealt.at, r->kept.at, r->jobs.len * sizeof *r->dealt.at);
}

/* The largest first, as they need most nodes together. Whether all came to what they were dealt. */
static bool grow_all(struct sched *s) {
    struct resize *r = s->resize;
    bool all = true;
    for (uint32_t i = 0; i < r->jobs.len; i++) {
        const struct resize_job *job = &r->jobs.at[i];
        if (r->dealt.at[i] > job->now)
            evq_push(&r->heap, evq_pack(UINT32_MAX - job->sizes[r->dealt.at[i]].gpus, i, i));
    }
    while (!evq_empty(&r->heap)) all &= grow(s, evq_handle(evq_pop(&r->heap)));
    return all;
}

static void resize_now(struct sched *s, uint32_t domain) {
    struct resize *r = s->resize;
    struct elastic_line *l = &r->lines[domain];
    const uint64_t free_gpus = s->world.fleet.domains[domain].whole_free;
    const uint64_t held = held_gpus(r);
    uint64_t slack = held;
    for (size_t i = 0; i < r->jobs.len; i++) slack -= r->jobs.at[i].sizes[0].gpus;
    const uint64_t wanted =
        s->lines[domain].len ? (wanted_milli(s, domain, 1000 * free_gpus, 1000 * slack) + 999) / 1000 : 0;
    deal(s, domain, free_gpus + held - wanted);
    bool shrunk = false;
    for (size_t i = 0; i < r->jobs.len; i++) shrunk |= shrink(s, i);
    if (shrunk && wanted > 0) { /* the line has its turn first, and then what is left is dealt out */
        l->freed_ns = s->world.now_ns;
        return;
    }
    if (shrunk) l->swapped_ns = s->world.now_ns;
    for (int round = 0; !grow_all(s) && round < ROUNDS; round++) {
        for (size_t i = 0; i < r->jobs.len; i++) r->jobs.at[i].first = r->jobs.at[i].now;
        const uint64_t left = s->world.fleet.domains[domain].whole_free;
        if (left <= wanted) break;
        resize_fill(r->model, r->params, r->jobs.at, r->jobs.len, left - wanted + held_gpus(r), &r->heap, r->dealt.at);
    }
}

void resize_pass(struct sched *s, uint32_t domain) {
    struct resize *r = s->resize;
    const int64_t every = s->setup->policy.resize_every_ns, now = s->world.now_ns;
    if (r->lines[domain].running.len == 0) return;
    int64_t next = TICK_NEVER;
    if (every == 0 || now % every == 0) {
        next = gather(s, domain);
        if (r->jobs.len > 0) resize_now(s, domain);
        if (s->world.fleet.domains[domain].whole_free == 0) next = TICK_NEVER; /* nothing to grow into */
    }
    if (every) next = (now / every + 1) * every;
    if (next < TICK_NEVER) sched_wake(s, domain, next);
}
