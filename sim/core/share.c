/*
 * Parts of a GPU: what jobs that ask for a share of one hold, and how fast they go beside each other.
 *
 * A job's load (struct load_shares) says what it would use of a device it had to itself. Its pace there is 1; beside
 * others it is
 *   time slicing  got / busy, where a device's time, less what switching takes as soon as there are two, is dealt out
 *                 equally, and what one does not need goes to the others (max-min fair);
 *   MPS           1 / (max(1, sum compute, sum memory, sum sms) x (1 + interference x m)), m = memory / (compute +
 *                 memory) of the job itself: those that wait for memory feel the others even where all fits, those
 *                 that compute do not (two vLLM on one A100: time a token +19.5 %, time to first token +1.4 %);
 *   MIG           1 / max(1, compute / c, sms / c, memory / b) on an instance with the shares c and b of the device,
 *                 whatever runs beside it.
 *
 * MIG instances have g of seven compute slices and m of eight memory slices. Devices are dealt out in thousandths, and
 * an instance counts for 118 m + 8 g of them: as no instance has more compute than memory slices, instances fit by
 * that sum exactly when their compute slices are at most seven and their memory slices at most eight. (Where on the
 * device an instance may begin is left out: instances are made when the device holds no others in the way.)
 *
 * Invariant: of a device that is shared with interference, every slot with a part is in its list, and goes at the
 * pace that the list gives. Cost: O(slots on the device) a start or stop there; nothing anywhere else.
 */
#include "core/share.h"

#include "core/engine.h"

#include <math.h>
#include <stdlib.h>

/* ---- paces ---- */

static const struct share_slice slices[] = {{1, 1}, {2, 2}, {3, 4}, {4, 4}, {7, 8}};
enum { SLICES = sizeof slices / sizeof *slices };

uint32_t share_slice_milli(const struct share_slice *slice) { return 118 * slice->memory + 8 * slice->compute; }

const struct share_slice *share_slice_for(unsigned offered, uint32_t milli) {
    for (size_t i = 0; i < SLICES; i++)
        if (offered >> slices[i].compute & 1 && slices[i].compute * 1000 >= milli * 7 &&
            slices[i].memory * 1000 >= milli * 8)
            return &slices[i];
    return &slices[SLICES - 1]; /* the whole device */
}

static const struct share_slice *slice_of(uint32_t held_milli) {
    for (size_t i = 0; i < SLICES; i++)
        if (share_slice_milli(&slices[i]) == held_milli) return &slices[i];
    return &slices[SLICES - 1];
}

double share_slice_pace(const struct share_slice *slice, const struct load_shares *load) {
    const double compute = fmax(load->compute, load->sms) * 7 / slice->compute;
    return 1 / fmax(1, fmax(compute, load->memory * 8 / slice->memory));
}

double share_turn(const struct load_shares *loads, size_t len, double switching) {
    const double all = len > 1 ? 1 - switching : 1;
    double level = all / (double)len;
    for (;;) { /* whoever needs no more than the level has all it needs; the rest is dealt out among the others */
        double left = all;
        size_t more = 0;
        for (size_t i = 0; i < len; i++) {
            if (loads[i].busy > level) more++;
            else left -= loads[i].busy;
        }
        if (more == 0) return INFINITY;
        const double part = left / (double)more;
        if (part <= level) return level;
        level = part;
    }
}

double share_crowd(const struct load_shares *loads, size_t len) {
    double compute = 0, memory = 0, sms = 0;
    for (size_t i = 0; i < len; i++) {
        compute += loads[i].compute;
        memory += loads[i].memory;
        sms += loads[i].sms;
    }
    return fmax(1, fmax(compute, fmax(memory, sms)));
}

double share_memory_part(const struct load_shares *load) {
    const double both = load->compute + load->memory;
    return both > 0 ? load->memory / both : 0;
}

/* ---- rounding ---- */

/* What a part of a GPU becomes in a pool, in thousandths. */
static uint32_t rounded(const struct pool_setup *pool, uint32_t milli) {
    if (pool->sharing.mode == SHARING_NONE) return 1000;
    if (pool->sharing.mode == SHARING_MIG) return share_slice_milli(share_slice_for(pool->sharing.slices, milli));
    return milli;
}

/* What the shape holds wherever it may run; 0, and a finding, where that differs. */
static uint32_t round_shape(const struct sched *s, const struct shape *shape, struct err *err) {
    const struct pool_setup *first = NULL;
    struct names models;
    uint32_t milli = shape->share_milli;
    names_init(&models);
    for (size_t i = 0; i < s->setup->pools_len; i++) {
        const struct pool_setup *pool = &s->setup->pools[i];
        const uint32_t model = fleet_model(&models, pool);
        if (pool->gpus == 0 || !(shape->models >> model & 1)) continue;
        const uint32_t here = rounded(pool, shape->share_milli);
        if (first && here != milli) {
            err_add(err, (struct place_in_file){.path = "pools"},
                    "jobs that ask for %g of a GPU would hold %g of one in pool '%s' and %g in '%s': give jobs GPU "
                    "models, so that they accept pools of one kind", shape->share_milli / 1e3, milli / 1e3,
                    first->name, here / 1e3, pool->name);
            milli = 0;
            break;
        }
        first = pool;
        milli = here;
    }
    names_free(&models);
    return milli;
}

static bool rounds(const struct setup *setup) {
    for (size_t i = 0; i < setup->pools_len; i++) {
        const enum sharing_mode mode = setup->pools[i].sharing.mode;
        if (mode == SHARING_NONE || mode == SHARING_MIG) return true;
    }
    return false;
}

/* What a job does not ask for of what it holds stands idle: its utilisation is of what it holds. */
void share_bind(struct sched *s, bool run, struct err *err) {
    struct jobs *jobs = &s->world.jobs;
    if (!rounds(s->setup)) return;
    s->asked_milli = arena_alloc(&s->arena, jobs->shapes.len + 1, sizeof *s->asked_milli);
    for (size_t i = 0; i < jobs->shapes.len; i++) {
        struct shape *shape = &jobs->shapes.at[i];
        const uint32_t asked = shape->share_milli, milli = asked ? round_shape(s, shape, err) : 0;
        if (milli == asked || milli == 0) continue;
        s->asked_milli[i] = asked;
        shape->gpus = milli / 1000;
        shape->share_milli = milli % 1000;
    }
    for (size_t i = 0; run && i < jobs->len; i++) {
        struct job *j = &jobs->at[i];
        const uint32_t asked = s->asked_milli[j->shape];
        if (asked) j->utilisation *= (float)asked / (float)shape_gpu_milli(&jobs->shapes.at[j->shape]);
    }
}

/* ---- who is beside whom ---- */

struct device {
    uint32_t first;             /* slot, SCHED_NONE */
    double level, crowd;        /* what each may have of its time; how much too much is asked of it */
};
struct share {
    struct device *at;          /* per device of every node */
    uint32_t gpus_most;
    struct { uint32_t *at; size_t len, cap; } next;         /* per slot */
    struct { struct load_shares *at; size_t len, cap; } loads; /* scratch */
};

static const struct sharing_setup *sharing_of(const struct sched *s, const struct slot *slot) {
    return slot->pool == FLEET_NONE ? NULL : &s->setup->pools[slot->pool].sharing;
}

static struct device *device_of(const struct sched *s, const struct slot *slot) {
    const struct take *t = &s->takes.at[slot->takes];
    return &s->share->at[(size_t)t->node * s->share->gpus_most + (uint32_t)__builtin_ctzll(t->devices)];
}

/* Whether those beside it matter. */
static bool crowds(const struct sched *s, const struct slot *slot) {
    const struct sharing_setup *with = sharing_of(s, slot);
    return with && world_shape(&s->world, slot->job)->share_milli &&
           (with->mode == SHARING_TIME_SLICE || with->mode == SHARING_MPS);
}

/* By its class; where that says nothing, a job uses what it asks for. */
static struct load_shares load_of(const struct sched *s, const struct slot *slot) {
    const struct class_setup *c = world_class(&s->world, slot->job);
    const double asked = slot->gpu_milli / 1e3 * (double)s->world.jobs.at[slot->job].utilisation;
    struct load_shares load = c ? c->load : (struct load_shares){0};
    if (load.compute + load.memory <= 0) load.compute = load.memory = asked;
    if (load.sms <= 0) load.sms = load.compute;
    if (load.busy <= 0) load.busy = fmax(load.compute, load.memory);
    return load;
}

void share_open(struct sched *s) {
    const struct fleet *f = &s->world.fleet;
    bool any = false;
    for (size_t i = 0; i < s->setup->pools_len; i++) any |= s->setup->pools[i].sharing.mode > SHARING_NONE;
    if (!any || !f->shares) return;
    s->share = arena_alloc(&s->arena, 1, sizeof *s->share);
    s->share->gpus_most = f->gpus_most;
    const size_t devices = (size_t)f->nodes_len * f->gpus_most;
    s->share->at = mem_alloc((devices + 1) * sizeof *s->share->at);
    for (size_t i = 0; i < devices; i++) s->share->at[i] = (struct device){.first = SCHED_NONE};
}

void share_close(struct share *share) {
    if (share == NULL) return;
    free(share->at);
    free(share->next.at);
    free(share->loads.at);
}

/* What those in the list draw under a cap follows from their pace: they are counted out before it changes, and in
 * again. */
static void recount(struct sched *s, const struct device *d, uint32_t but, int by) {
    for (uint32_t id = d->first; s->caps && s->loads && id != SCHED_NONE; id = s->share->next.at[id])
        if (id != but) caps_recount(s, id, by);
}

/* The list is about to change: all but `but` are charged at the pace they had. */
static void before(struct sched *s, const struct device *d, uint32_t but) {
    for (uint32_t id = d->first; id != SCHED_NONE; id = s->share->next.at[id])
        if (id != but) slot_settle(s, &s->slots.at[id]);
    recount(s, d, but, -1);
}

/* Who is in the list has changed: all but `but` go on at another pace. */
static void changed(struct sched *s, struct device *d, const struct sharing_setup *with, uint32_t but) {
    struct share *share = s->share;
    share->loads.len = 0;
    for (uint32_t id = d->first; id != SCHED_NONE; id = share->next.at[id])
        *vec_push(&share->loads) = load_of(s, &s->slots.at[id]);
    if (share->loads.len == 0) return;
    d->level = share_turn(share->loads.at, share->loads.len, with->switching);
    d->crowd = share_crowd(share->loads.at, share->loads.len);
    recount(s, d, but, 1);
    for (uint32_t id = d->first; id != SCHED_NONE; id = share->next.at[id])
        if (id != but) sched_rerate(s, id);
}

void share_join(struct sched *s, uint32_t id) {
    const struct slot *slot = &s->slots.at[id];
    struct share *share = s->share;
    while (share->next.len <= id) *vec_push(&share->next) = SCHED_NONE;
    if (!crowds(s, slot)) return;
    struct device *d = device_of(s, slot);
    before(s, d, SCHED_NONE);
    share->next.at[id] = d->first;
    d->first = id;
    changed(s, d, sharing_of(s, slot), id);
}

void share_leave(struct sched *s, uint32_t id) {
    const struct slot *slot = &s->slots.at[id];
    if (!crowds(s, slot)) return;
    struct device *d = device_of(s, slot);
    before(s, d, id);
    uint32_t *at = &d->first;
    while (*at != id) at = &s->share->next.at[*at];
    *at = s->share->next.at[id];
    changed(s, d, sharing_of(s, slot), SCHED_NONE);
}

double share_pace(const struct sched *s, const struct slot *slot) {
    const struct sharing_setup *with = sharing_of(s, slot);
    if (with == NULL || world_shape(&s->world, slot->job)->share_milli == 0) return 1;
    const struct load_shares load = load_of(s, slot);
    if (with->mode == SHARING_MIG) return share_slice_pace(slice_of(slot->gpu_milli), &load);
    if (!crowds(s, slot)) return 1;
    const struct device *d = device_of(s, slot);
    if (with->mode == SHARING_TIME_SLICE) return load.busy > d->level ? d->level / load.busy : 1;
    const bool alone = d->first != SCHED_NONE && s->share->next.at[d->first] == SCHED_NONE;
    return 1 / (d->crowd * (alone ? 1 : 1 + with->interference * share_memory_part(&load)));
}
