/*
 * The fleet's state and its classes.
 *
 * Every change of a node moves it from one class to another: the class of a state is found in a hash of
 * states (chained; a class that has lost its last node stays in it, because states recur, until dead classes
 * outnumber live ones four to one). A class keeps its nodes as a few ids in place, or, once there are more
 * than FEW, as a hierarchical bit set, so that the lowest node is always at hand.
 *
 * Invariant: each node is in exactly the class that names its state; domain sums equal the sums over nodes.
 * Cost of a claim or release: one hash look-up, a few word operations; no allocation in steady state.
 */
#include "core/fleet.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 6, HINTS = 8, DEAD_SLACK = 1024, TYPICAL_MOST = 256 };

struct class_own {
    uint64_t hash;
    uint64_t *bits;    /* NULL: the nodes are in few[0..count-1] */
    uint32_t chain;    /* next class in its bucket, or in the list of unused ids */
    uint32_t live_at;  /* position in its domain's list */
    uint32_t hint[2 * HINTS + 1]; /* class a node went to from here last, by the whole devices it gained */
    uint32_t few[FEW];
    bool named;        /* the hash has it: the id stands for its state */
};

struct fleet_private {
    struct bits_plan plan;
    struct class_own *own; /* parallel to fleet->classes */
    size_t own_cap;
    uint32_t *buckets;
    size_t buckets_len;
    uint32_t unused;       /* list of reusable class ids */
    uint32_t live, dead;
    uint16_t *parts;       /* gpus_most a class; only with shares */
    size_t parts_cap;
    uint16_t *device_free; /* gpus_most a node; only with shares */
    uint16_t *kind_count;  /* SHAPE_KINDS a node; only with track_kinds */
    uint32_t *withdrawn;   /* per pool: the class its withdrawn nodes have, FLEET_NONE as long as none was */
    struct { uint64_t **at; size_t len, cap; } spare; /* bit sets to reuse, all zero */
    uint64_t serial;
};

uint32_t shape_kind(const struct shape *s) {
    if (s->share_milli) return SHAPE_KIND_SHARE;
    if (s->gpus == 0) return SHAPE_KIND_CPU;
    if (s->gpus == 1) return SHAPE_KIND_1;
    if (s->gpus == 2) return SHAPE_KIND_2;
    return s->gpus <= 4 ? SHAPE_KIND_4 : SHAPE_KIND_8;
}

const uint16_t *fleet_parts(const struct fleet *f, uint32_t class_id) {
    return f->own->parts + (size_t)class_id * f->gpus_most;
}

/* ---- fit ---- */

static bool type_accepts(const struct fleet *f, uint32_t type, const struct shape *s) {
    return (f->type_accept[type] & s->models) != 0;
}

bool class_fits(const struct fleet *f, const struct node_class *c, const struct shape *s) {
    if (c->whole < s->gpus || c->cpu_free < s->cpu_milli || c->mem_free < s->mem_mib) return false;
    if (!type_accepts(f, c->type, s)) return false;
    if (s->share_milli == 0 || c->whole > 0) return true;
    return c->parts > 0 && fleet_parts(f, (uint32_t)(c - f->classes.at))[0] >= s->share_milli;
}

bool type_fits(const struct fleet *f, uint32_t type, const struct shape *s) {
    const struct node_type *t = &f->types[type];
    if (!type_accepts(f, type, s) || t->cpu_milli < s->cpu_milli || t->mem_mib < s->mem_mib) return false;
    return s->share_milli ? t->gpus > 0 : t->gpus >= s->gpus;
}

uint32_t class_offer(const struct fleet *f, const struct node_class *c, const struct shape *s) {
    if (s->gpus == 0 || c->whole == 0 || !type_accepts(f, c->type, s)) return 0;
    uint32_t offer = c->whole < s->gpus ? c->whole : s->gpus;
    while (offer > 0 && ((uint64_t)s->cpu_milli * offer / s->gpus > c->cpu_free ||
                         (uint64_t)s->mem_mib * offer / s->gpus > c->mem_free))
        offer--;
    return offer;
}

double fleet_fragmentation(const struct fleet *f, uint32_t type, uint32_t whole, const uint16_t *parts,
                           uint32_t parts_len, uint32_t cpu_free, uint32_t mem_free) {
    const struct node_type *t = &f->types[type];
    uint32_t partly = 0;
    for (uint32_t i = 0; i < parts_len; i++) partly += parts[i];
    const double all = whole * 1000.0 + partly;
    if (all == 0) return 0;
    double sum = 0;
    for (uint32_t i = 0; i < f->typical_len; i++) {
        const struct shape *s = &f->typical[i].shape;
        const double frequency = f->typical[i].frequency;
        /* A gang needs at most a whole node here; its other nodes are elsewhere. */
        const uint32_t gpus = s->gpus < t->gpus ? s->gpus : t->gpus;
        const bool none = s->gpus == 0 && s->share_milli == 0;
        if (none || !(f->type_accept[type] & s->models) || cpu_free < s->cpu_milli || mem_free < s->mem_mib ||
            whole < gpus || (s->share_milli && whole == 0 && (parts_len == 0 || parts[0] < s->share_milli))) {
            sum += frequency * all;
        } else if (s->share_milli) {
            double lost = 0;
            for (uint32_t p = parts_len; p > 0 && parts[p - 1] < s->share_milli; p--) lost += parts[p - 1];
            sum += frequency * lost;
        } else {
            sum += frequency * partly;
        }
    }
    return sum;
}

/* ---- classes ---- */

static uint64_t *spare_bits(struct fleet_private *o) {
    if (o->spare.len > 0) return o->spare.at[--o->spare.len];
    return mem_zero(o->plan.words, sizeof(uint64_t));
}

static void class_add(struct fleet *f, uint32_t id, uint32_t node) {
    struct fleet_private *o = f->own;
    struct node_class *c = &f->classes.at[id];
    struct class_own *own = &o->own[id];
    if (own->bits == NULL && c->count == FEW) {
        own->bits = spare_bits(o);
        for (uint32_t i = 0; i < FEW; i++) bits_set(&o->plan, own->bits, own->few[i]);
    }
    if (own->bits) bits_set(&o->plan, own->bits, node);
    else own->few[c->count] = node;
    if (c->count++ == 0) {
        struct domain *d = &f->domains[c->domain];
        own->live_at = (uint32_t)d->live.len;
        *vec_push(&d->live) = id;
        c->least_node = node;
        o->live++;
        o->dead--;
    } else if (node < c->least_node) {
        c->least_node = node;
    }
}

static void class_drop(struct fleet *f, uint32_t id, uint32_t node) {
    struct fleet_private *o = f->own;
    struct node_class *c = &f->classes.at[id];
    struct class_own *own = &o->own[id];
    c->count--;
    if (own->bits) {
        bits_clear(&o->plan, own->bits, node);
        if (c->count <= FEW / 2) { /* back to a few; the gap to FEW keeps it from flapping */
            uint32_t at = bits_first(&o->plan, own->bits);
            for (uint32_t i = 0; i < c->count; i++) {
                own->few[i] = at;
                bits_clear(&o->plan, own->bits, at);
                at = bits_first(&o->plan, own->bits);
            }
            *vec_push(&o->spare) = own->bits;
            own->bits = NULL;
            c->least_node = own->few[0];
        } else if (node == c->least_node) {
            c->least_node = bits_next(&o->plan, own->bits, node);
        }
    } else {
        uint32_t least = FLEET_NONE, i = 0;
        while (own->few[i] != node) i++;
        own->few[i] = own->few[c->count];
        for (i = 0; i < c->count; i++)
            if (own->few[i] < least) least = own->few[i];
        c->least_node = least;
    }
    if (c->count == 0) {
        struct domain *d = &f->domains[c->domain];
        uint32_t last = d->live.at[--d->live.len];
        d->live.at[own->live_at] = last;
        o->own[last].live_at = own->live_at;
        o->live--;
        o->dead++;
    }
}

uint32_t class_node(const struct fleet *f, uint32_t id, uint32_t k) {
    const struct node_class *c = &f->classes.at[id];
    const struct class_own *own = &f->own->own[id];
    require(k < c->count);
    if (own->bits) {
        uint32_t word = 0, left = k;
        for (;; word++) {
            uint32_t here = (uint32_t)__builtin_popcountll(own->bits[word]);
            if (left < here) break;
            left -= here;
        }
        uint64_t bits = own->bits[word];
        while (left-- > 0) bits &= bits - 1;
        return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    uint32_t best = FLEET_NONE; /* k-th smallest of at most FEW */
    for (uint32_t i = 0; i < c->count; i++) {
        uint32_t below = 0;
        for (uint32_t j = 0; j < c->count; j++) below += own->few[j] < own->few[i];
        if (below == k) best = own->few[i];
    }
    return best;
}

/* Free thousandths of a node's partly used devices, descending. */
static uint32_t node_parts(const struct fleet *f, uint32_t node, uint16_t *parts) {
    if (!f->shares) return 0;
    const uint16_t *device = f->own->device_free + (size_t)node * f->gpus_most;
    const uint32_t gpus = f->types[f->classes.at[f->nodes[node].class_id].type].gpus;
    uint32_t len = 0;
    for (uint32_t d = 0; d < gpus; d++) {
        if (device[d] == 0 || device[d] == 1000) continue;
        uint32_t at = len++;
        for (; at > 0 && parts[at - 1] < device[d]; at--) parts[at] = parts[at - 1];
        parts[at] = device[d];
    }
    return len;
}

static uint64_t state_hash(const struct node_class *s, const uint16_t *parts) {
    uint64_t h = hash_mix((uint64_t)s->domain << 32 | s->type);
    h = hash_mix(h ^ ((uint64_t)s->whole << 48 | (uint64_t)s->kinds << 40 | s->parts));
    h = hash_mix(h ^ ((uint64_t)s->cpu_free << 32 | s->mem_free));
    for (uint32_t i = 0; i < s->parts; i++) h = (h ^ parts[i]) * UINT64_C(0x100000001b3);
    return h;
}

static bool same_state(const struct fleet *f, uint32_t id, const struct node_class *s, const uint16_t *parts) {
    const struct node_class *c = &f->classes.at[id];
    return c->domain == s->domain && c->type == s->type && c->whole == s->whole && c->parts == s->parts &&
           c->cpu_free == s->cpu_free && c->mem_free == s->mem_free && c->kinds == s->kinds &&
           (s->parts == 0 || memcmp(fleet_parts(f, id), parts, s->parts * sizeof *parts) == 0);
}

static void buckets_rebuild(struct fleet *f, size_t len) {
    struct fleet_private *o = f->own;
    free(o->buckets);
    o->buckets_len = len;
    o->buckets = mem_alloc(len * sizeof *o->buckets);
    memset(o->buckets, 0xff, len * sizeof *o->buckets);
    o->unused = FLEET_NONE;
    for (uint32_t id = (uint32_t)f->classes.len; id-- > 0;) {
        struct class_own *own = &o->own[id];
        own->named = f->classes.at[id].count > 0;
        uint32_t *list = own->named ? &o->buckets[own->hash & (len - 1)] : &o->unused;
        own->chain = *list;
        *list = id;
    }
    o->dead = 0;
}

static uint32_t class_new(struct fleet *f) {
    struct fleet_private *o = f->own;
    if (o->dead > DEAD_SLACK + 4 * o->live) buckets_rebuild(f, o->buckets_len);
    if (o->unused != FLEET_NONE) {
        uint32_t id = o->unused;
        o->unused = o->own[id].chain;
        return id;
    }
    uint32_t id = (uint32_t)f->classes.len;
    (void)vec_push(&f->classes);
    o->own = vec_reserve(o->own, &o->own_cap, f->classes.len, sizeof *o->own);
    if (f->shares)
        o->parts = vec_reserve(o->parts, &o->parts_cap, f->classes.len * f->gpus_most, sizeof *o->parts);
    return id;
}

/* The class of a state, made when there is none yet. */
static uint32_t class_of(struct fleet *f, const struct node_class *state, const uint16_t *parts, uint32_t hint) {
    struct fleet_private *o = f->own;
    if (hint < f->classes.len && o->own[hint].named && same_state(f, hint, state, parts)) return hint;
    const uint64_t hash = state_hash(state, parts);
    for (uint32_t id = o->buckets[hash & (o->buckets_len - 1)]; id != FLEET_NONE; id = o->own[id].chain)
        if (o->own[id].hash == hash && same_state(f, id, state, parts)) return id;
    if (f->classes.len >= o->buckets_len) buckets_rebuild(f, o->buckets_len * 2);
    uint32_t id = class_new(f);
    struct node_class *c = &f->classes.at[id];
    *c = *state;
    c->count = 0;
    c->serial = ++o->serial;
    if (state->parts) memcpy(o->parts + (size_t)id * f->gpus_most, parts, state->parts * sizeof *parts);
    c->fragmented_milli = fleet_fragmentation(f, c->type, c->whole, parts, c->parts, c->cpu_free, c->mem_free);
    uint32_t *bucket = &o->buckets[hash & (o->buckets_len - 1)];
    o->own[id] = (struct class_own){.hash = hash, .chain = *bucket, .named = true};
    *bucket = id;
    o->dead++;
    return id;
}

/* Whether a class is the state of a node that differs from `was` by its wholly free devices alone. */
static bool only_whole_differs(const struct fleet *f, uint32_t id, const struct node_class *was, uint32_t whole) {
    if (id >= f->classes.len || !f->own->own[id].named) return false;
    const struct node_class *c = &f->classes.at[id];
    return c->whole == whole && c->domain == was->domain && c->type == was->type && c->kinds == was->kinds &&
           c->cpu_free == was->cpu_free && c->mem_free == was->mem_free && (c->parts | was->parts) == 0;
}

/* The class of a node's present state, with `whole` wholly free devices. */
static uint32_t node_class_now(struct fleet *f, uint32_t node, uint32_t whole, uint32_t hint) {
    const struct node *n = &f->nodes[node];
    const struct node_class *was = &f->classes.at[n->class_id];
    const bool plain = !f->shares && n->cpu_free == was->cpu_free && n->mem_free == was->mem_free &&
                       n->kinds == was->kinds;
    if (plain && only_whole_differs(f, hint, was, whole)) return hint;
    uint16_t parts[FLEET_GPUS_MOST];
    const struct node_class state = {
        .domain = was->domain, .type = was->type, .whole = whole, .share_free = n->share_free,
        .cpu_free = n->cpu_free, .mem_free = n->mem_free, .kinds = n->kinds, .parts = node_parts(f, node, parts)};
    return class_of(f, &state, parts, hint);
}

/* Moves a node to the class of its present state, with `whole` wholly free devices more than before. */
static void node_settle(struct fleet *f, uint32_t node, int whole) {
    struct node *n = &f->nodes[node];
    const uint32_t from = n->class_id;
    const int gained = whole < -HINTS ? -HINTS : whole > HINTS ? HINTS : whole;
    const uint32_t hint = f->own->own[from].hint[HINTS + gained];
    const uint32_t to = node_class_now(f, node, f->classes.at[from].whole + (uint32_t)whole, hint);
    f->own->own[from].hint[HINTS + gained] = to;
    if (to == from) return;
    struct domain *d = &f->domains[f->classes.at[to].domain];
    d->fragmented_milli += f->classes.at[to].fragmented_milli - f->classes.at[from].fragmented_milli;
    class_drop(f, from, node);
    class_add(f, to, node);
    n->class_id = to;
}

/* ---- claim and release ---- */

static void count_free(struct fleet *f, const struct node *n, int64_t gpu_milli, int whole, int64_t cpu) {
    const struct node_class *c = &f->classes.at[n->class_id];
    struct domain *d = &f->domains[c->domain];
    d->free_milli += (uint64_t)gpu_milli;
    d->whole_free += (uint64_t)(int64_t)whole;
    if (gpu_milli) d->model_free_milli[f->types[c->type].gpu_model] += (uint64_t)gpu_milli;
    if (n->cpu_free != UINT32_MAX) d->cpu_free_milli += (uint64_t)cpu;
}

static void kinds_change(struct fleet *f, uint32_t node, const struct shape *s, int by) {
    if (!f->track_kinds) return;
    uint32_t kind = shape_kind(s);
    uint16_t *count = &f->own->kind_count[(size_t)node * SHAPE_KINDS + kind];
    *count = (uint16_t)(*count + by);
    if (*count) f->nodes[node].kinds |= 1u << kind;
    else f->nodes[node].kinds &= ~(1u << kind);
}

/* The node's domain and class follow what a job took there, or gave back. A withdrawn node has neither. */
static void node_changed(struct fleet *f, uint32_t node, int64_t gpu_milli, int whole, int64_t cpu) {
    if (fleet_withdrawn(f, node)) {
        f->domains[f->node_domain[node]].away_milli += (uint64_t)gpu_milli;
        return;
    }
    count_free(f, &f->nodes[node], gpu_milli, whole, cpu);
    node_settle(f, node, whole);
}

/* Applies a take with known devices; whether it fits was checked. */
static void take_apply(struct fleet *f, const struct shape *s, const struct take *t) {
    struct node *n = &f->nodes[t->node];
    const uint32_t cpu = take_part(s->cpu_milli, s, t), mem = take_part(s->mem_mib, s, t);
    int whole = 0;
    if (s->share_milli) {
        uint32_t d = (uint32_t)__builtin_ctzll(t->devices);
        uint16_t *device = &f->own->device_free[(size_t)t->node * f->gpus_most + d];
        if (n->whole >> d & 1) {
            n->whole &= ~t->devices;
            n->share_free += 1000;
            whole = -1;
        }
        *device = (uint16_t)(*device - s->share_milli);
        n->share_free -= s->share_milli;
    } else if (t->devices) {
        n->whole &= ~t->devices;
        whole = -(int)bits_count(t->devices);
        if (f->shares)
            for (uint64_t left = t->devices; left; left &= left - 1)
                f->own->device_free[(size_t)t->node * f->gpus_most + (uint32_t)__builtin_ctzll(left)] = 0;
    }
    if (n->cpu_free != UINT32_MAX) n->cpu_free -= cpu;
    if (n->mem_free != UINT32_MAX) n->mem_free -= mem;
    kinds_change(f, t->node, s, 1);
    node_changed(f, t->node, -(int64_t)take_gpu_milli(s, t), whole, -(int64_t)cpu);
}

struct take fleet_claim(struct fleet *f, uint32_t node, const struct shape *s, uint32_t gpus, uint32_t share_of) {
    struct node *n = &f->nodes[node];
    struct take t = {.node = node, .next = FLEET_NONE};
    if (s->share_milli) {
        const uint16_t *device = f->own->device_free + (size_t)node * f->gpus_most;
        uint32_t d = 0;
        while (d < f->gpus_most && device[d] != share_of) d++;
        require(d < f->gpus_most && share_of >= s->share_milli);
        t.devices = UINT64_C(1) << d;
    } else {
        uint64_t left = n->whole;
        for (uint32_t i = 0; i < gpus; i++) {
            require(left != 0);
            t.devices |= left & -left;
            left &= left - 1;
        }
    }
    require(n->cpu_free >= take_part(s->cpu_milli, s, &t) && n->mem_free >= take_part(s->mem_mib, s, &t));
    require(!fleet_withdrawn(f, node));
    take_apply(f, s, &t);
    return t;
}

bool fleet_reclaim(struct fleet *f, const struct shape *s, const struct take *t) {
    const struct node *n = &f->nodes[t->node];
    if (n->cpu_free < take_part(s->cpu_milli, s, t) || n->mem_free < take_part(s->mem_mib, s, t)) return false;
    if (s->share_milli) {
        uint32_t d = (uint32_t)__builtin_ctzll(t->devices);
        if (f->own->device_free[(size_t)t->node * f->gpus_most + d] < s->share_milli) return false;
    } else if ((n->whole & t->devices) != t->devices) {
        return false;
    }
    take_apply(f, s, t);
    return true;
}

void fleet_release(struct fleet *f, const struct shape *s, const struct take *t) {
    struct node *n = &f->nodes[t->node];
    const uint32_t cpu = take_part(s->cpu_milli, s, t), mem = take_part(s->mem_mib, s, t);
    int whole = 0;
    if (s->share_milli) {
        uint32_t d = (uint32_t)__builtin_ctzll(t->devices);
        uint16_t *device = &f->own->device_free[(size_t)t->node * f->gpus_most + d];
        *device = (uint16_t)(*device + s->share_milli);
        n->share_free += s->share_milli;
        require(*device <= 1000);
        if (*device == 1000) {
            n->whole |= t->devices;
            n->share_free -= 1000;
            whole = 1;
        }
    } else if (t->devices) {
        require((n->whole & t->devices) == 0);
        n->whole |= t->devices;
        whole = (int)bits_count(t->devices);
        if (f->shares)
            for (uint64_t left = t->devices; left; left &= left - 1)
                f->own->device_free[(size_t)t->node * f->gpus_most + (uint32_t)__builtin_ctzll(left)] = 1000;
    }
    if (n->cpu_free != UINT32_MAX) n->cpu_free += cpu;
    if (n->mem_free != UINT32_MAX) n->mem_free += mem;
    kinds_change(f, t->node, s, -1);
    node_changed(f, t->node, take_gpu_milli(s, t), whole, cpu);
}

/* ---- withdrawing ---- */

/* Counts what is free on the node in (by 1) or out (by -1) of what its domain can give now. */
static void count_node(struct fleet *f, uint32_t node, int by) {
    const struct node *n = &f->nodes[node];
    const struct node_class *c = &f->classes.at[n->class_id];
    f->domains[c->domain].fragmented_milli += by * c->fragmented_milli;
    const int64_t milli = by * (int64_t)(1000ull * c->whole + c->share_free);
    f->domains[c->domain].away_milli -= (uint64_t)milli;
    count_free(f, n, milli, by * (int)c->whole,
               by * (int64_t)n->cpu_free);
}

/* No state has this class's number of free devices, so no look-up finds it; its count, of one node that is nowhere,
 * keeps its id from being used again. */
static uint32_t withdrawn_class(struct fleet *f, uint32_t node) {
    struct fleet_private *o = f->own;
    const struct node *n = &f->nodes[node];
    if (o->withdrawn[n->pool] != FLEET_NONE) return o->withdrawn[n->pool];
    const uint32_t id = class_new(f);
    const struct node_class *was = &f->classes.at[n->class_id];
    f->classes.at[id] = (struct node_class){.domain = was->domain, .type = was->type, .count = 1,
                                            .whole = FLEET_WITHDRAWN, .serial = ++o->serial};
    o->own[id] = (struct class_own){.hint = {FLEET_NONE, FLEET_NONE}};
    return o->withdrawn[n->pool] = id;
}

void fleet_withdraw(struct fleet *f, uint32_t node) {
    struct node *n = &f->nodes[node];
    require(!fleet_withdrawn(f, node));
    const uint32_t to = withdrawn_class(f, node);
    count_node(f, node, -1);
    class_drop(f, n->class_id, node);
    n->class_id = to;
}

void fleet_return(struct fleet *f, uint32_t node) {
    struct node *n = &f->nodes[node];
    require(fleet_withdrawn(f, node));
    const struct node_class *was = &f->classes.at[n->class_id];
    uint16_t parts[FLEET_GPUS_MOST];
    const struct node_class state = {
        .domain = was->domain, .type = was->type, .whole = bits_count(n->whole), .share_free = n->share_free,
        .cpu_free = n->cpu_free, .mem_free = n->mem_free, .kinds = n->kinds, .parts = node_parts(f, node, parts)};
    n->class_id = class_of(f, &state, parts, FLEET_NONE);
    class_add(f, n->class_id, node);
    count_node(f, node, 1);
}

/* ---- opening ---- */

static uint32_t type_put(struct fleet *f, struct node_type type) {
    for (uint32_t i = 0; i < f->types_len; i++)
        if (memcmp(&f->types[i], &type, sizeof type) == 0) return i;
    f->types[f->types_len] = type;
    f->type_accept[f->types_len] = UINT64_C(1) << type.gpu_model;
    return f->types_len++;
}

static uint32_t domain_put(struct fleet *f, uint32_t region, uint32_t tenant) {
    for (uint32_t i = 0; i < f->domains_len; i++)
        if (f->domains[i].region == region && f->domains[i].tenant == tenant) return i;
    f->domains[f->domains_len] = (struct domain){.region = region, .tenant = tenant};
    return f->domains_len++;
}

static void domain_type(struct domain *d, uint32_t type) {
    for (size_t i = 0; i < d->types.len; i++)
        if (d->types.at[i] == type) return;
    *vec_push(&d->types) = type;
}

static int by_count(const void *a, const void *b) {
    const uint64_t *x = a, *y = b; /* count << 32 | ~shape: larger first */
    return *x < *y ? 1 : *x > *y ? -1 : 0;
}

/* The most frequent shapes that together make 95 % of the jobs, frequencies renormalised (FGD, section 6.1). */
static void find_typical(struct fleet *f, const struct jobs *jobs) {
    const size_t shapes = jobs->shapes.len;
    uint64_t *count = mem_zero(shapes + 1, sizeof *count);
    for (size_t j = 0; j < jobs->len; j++) count[jobs->at[j].shape]++;
    for (size_t i = 0; i < shapes; i++) count[i] = count[i] << 32 | (UINT32_MAX - (uint32_t)i);
    qsort(count, shapes, sizeof *count, by_count);
    struct typical *typical = mem_zero(TYPICAL_MOST, sizeof *typical);
    uint64_t sum = 0;
    uint32_t len = 0;
    while (len < TYPICAL_MOST && len < shapes && count[len] >> 32 && (double)sum < 0.95 * (double)jobs->len) {
        typical[len].shape = jobs->shapes.at[UINT32_MAX - (uint32_t)count[len]];
        typical[len].frequency = (double)(count[len] >> 32);
        sum += count[len++] >> 32;
    }
    for (uint32_t i = 0; i < len; i++) typical[i].frequency /= (double)sum;
    free(count);
    f->typical = typical;
    f->typical_len = len;
}

uint32_t fleet_model(struct names *models, const struct pool_setup *pool) {
    struct text key;
    text_init(&key);
    text_format(&key, "%s|%s", pool->gpus ? pool->gpu : "", bought_names[pool->bought]);
    const uint32_t model = names_put(models, key.at, key.len);
    text_free(&key);
    return model;
}

void fleet_open(struct fleet *f, const struct setup *setup, const struct jobs *jobs, bool track_kinds) {
    struct fleet_private *o = mem_zero(1, sizeof *o);
    *f = (struct fleet){.own = o, .track_kinds = track_kinds};
    names_init(&f->models);
    for (size_t i = 0; i < setup->nodes_len; i++) f->nodes_len += setup->nodes[i].count;
    f->nodes = mem_zero(f->nodes_len + 1, sizeof *f->nodes);
    f->node_domain = mem_zero(f->nodes_len + 1, sizeof *f->node_domain);
    f->types = mem_zero(setup->pools_len + 1, sizeof *f->types);
    f->type_accept = mem_zero(setup->pools_len + 1, sizeof *f->type_accept);
    f->domains = mem_zero(setup->pools_len + 1, sizeof *f->domains);
    o->withdrawn = mem_zero(setup->pools_len + 1, sizeof *o->withdrawn);
    uint32_t *pool_type = mem_zero(setup->pools_len + 1, sizeof *pool_type);
    uint32_t *pool_domain = mem_zero(setup->pools_len + 1, sizeof *pool_domain);
    for (size_t i = 0; i < jobs->shapes.len; i++) f->shares |= jobs->shapes.at[i].share_milli != 0;
    for (size_t i = 0; i < setup->pools_len; i++) {
        const struct pool_setup *p = &setup->pools[i];
        require(p->gpus <= FLEET_GPUS_MOST);
        struct node_type type = {
            .gpu_model = fleet_model(&f->models, p), .gpus = p->gpus,
            .cpu_milli = p->cpu_milli ? p->cpu_milli : UINT32_MAX, .mem_mib = p->mem_mib ? p->mem_mib : UINT32_MAX};
        pool_type[i] = type_put(f, type);
        pool_domain[i] = domain_put(f, p->region, p->tenant);
        o->withdrawn[i] = FLEET_NONE;
        if (p->gpus > f->gpus_most) f->gpus_most = p->gpus;
        if (p->cpu_milli > f->cpu_most) f->cpu_most = p->cpu_milli;
    }
    require(f->models.len <= JOB_MODELS_MOST);
    find_typical(f, jobs);
    for (uint32_t i = 0; i < f->domains_len; i++)
        f->domains[i].model_free_milli = mem_zero(f->models.len + 1, sizeof(uint64_t));
    o->plan = bits_plan(f->nodes_len ? f->nodes_len : 1);
    buckets_rebuild(f, 1024);
    if (f->shares) o->device_free = mem_zero((size_t)f->nodes_len * f->gpus_most + 1, sizeof *o->device_free);
    if (track_kinds) o->kind_count = mem_zero((size_t)f->nodes_len * SHAPE_KINDS + 1, sizeof *o->kind_count);

    uint32_t node = 0;
    for (size_t i = 0; i < setup->nodes_len; i++) {
        const uint32_t pool = setup->nodes[i].pool, type = pool_type[pool], domain = pool_domain[pool];
        const struct node_type *t = &f->types[type];
        struct domain *d = &f->domains[domain];
        struct node_class state = {.domain = domain, .type = type, .whole = t->gpus, .cpu_free = t->cpu_milli,
                                   .mem_free = t->mem_mib};
        const uint32_t id = class_of(f, &state, NULL, FLEET_NONE);
        if (setup->nodes[i].count > 0) domain_type(d, type);
        for (uint32_t k = 0; k < setup->nodes[i].count; k++, node++) {
            f->nodes[node] = (struct node){
                .whole = t->gpus == 64 ? UINT64_MAX : (UINT64_C(1) << t->gpus) - 1, .cpu_free = t->cpu_milli,
                .mem_free = t->mem_mib, .class_id = id, .pool = pool};
            f->node_domain[node] = domain;
            class_add(f, id, node);
            d->nodes++;
            d->capacity_milli += 1000ull * t->gpus;
            d->whole_free += t->gpus;
            if (t->cpu_milli != UINT32_MAX) d->cpu_free_milli += t->cpu_milli;
            if (t->gpus) {
                d->model_free_milli[t->gpu_model] += 1000ull * t->gpus;
                d->models |= f->type_accept[type];
            }
            d->fragmented_milli += f->classes.at[id].fragmented_milli;
            if (f->shares)
                for (uint32_t g = 0; g < t->gpus; g++) o->device_free[(size_t)node * f->gpus_most + g] = 1000;
        }
    }
    for (uint32_t i = 0; i < f->domains_len; i++) f->domains[i].free_milli = f->domains[i].capacity_milli;
    free(pool_type);
    free(pool_domain);
}

void fleet_close(struct fleet *f) {
    struct fleet_private *o = f->own;
    if (o == NULL) return;
    for (size_t i = 0; i < f->classes.len; i++) free(o->own[i].bits);
    for (size_t i = 0; i < o->spare.len; i++) free(o->spare.at[i]);
    for (uint32_t i = 0; i < f->domains_len; i++) {
        free(f->domains[i].model_free_milli);
        free(f->domains[i].live.at);
        free(f->domains[i].types.at);
    }
    names_free(&f->models);
    free((void *)(uintptr_t)f->typical);
    free(o->spare.at);
    free(o->own);
    free(o->buckets);
    free(o->parts);
    free(o->device_free);
    free(o->kind_count);
    free(o->withdrawn);
    free(o);
    free(f->classes.at);
    free(f->nodes);
    free(f->node_domain);
    free(f->types);
    free(f->type_accept);
    free(f->domains);
    *f = (struct fleet){0};
}
