/*
 * Placement: the scan over live classes that most placement models share, and the splitting of gangs.
 *
 * A gang is first checked to fit as a whole (sums over classes), then claimed node by node, so that nothing
 * ever has to be undone. Cost: one look at each live class for a one-node request, and again for each node
 * of a gang.
 */
#include "core/place.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>

bool place_least(place_score *score, void *state, const struct world *world, uint32_t domain,
                 const struct shape *shape, struct spot *spot) {
    const struct fleet *f = &world->fleet;
    const struct domain *d = &f->domains[domain];
    int64_t best = INT64_MAX;
    struct spot at = {.node = FLEET_NONE};
    for (size_t i = 0; i < d->live.len; i++) {
        const uint32_t id = d->live.at[i];
        const struct node_class *c = &f->classes.at[id];
        if (!class_fits(f, c, shape)) continue;
        uint32_t share_of = 0;
        const int64_t s = score(state, world, c, id, shape, &share_of);
        if (s < best || (s == best && c->least_node < at.node)) {
            best = s;
            at = (struct spot){.node = c->least_node, .share_of = share_of};
        }
    }
    *spot = at;
    return at.node != FLEET_NONE;
}

uint32_t place_best_device(const struct fleet *f, uint32_t class_id, uint32_t share_milli) {
    const struct node_class *c = &f->classes.at[class_id];
    if (c->parts) {
        const uint16_t *parts = fleet_parts(f, class_id);
        for (uint32_t i = c->parts; i > 0; i--)
            if (parts[i - 1] >= share_milli) return parts[i - 1];
    }
    require(c->whole > 0);
    return 1000;
}

uint32_t takes_put(struct takes *takes, struct take take) {
    uint32_t id = takes->unused;
    if (id != FLEET_NONE) {
        takes->unused = takes->at[id].next;
    } else {
        id = (uint32_t)takes->len;
        (void)vec_push(takes);
    }
    takes->at[id] = take;
    return id;
}

void takes_drop(struct takes *takes, uint32_t first) {
    while (first != FLEET_NONE) {
        uint32_t next = takes->at[first].next;
        takes->at[first].next = takes->unused;
        takes->unused = first;
        first = next;
    }
}

/* ---- gangs ---- */

/* Whole GPUs the domain could give the gang now, counted up to what it needs. */
static uint64_t offers(const struct fleet *f, uint32_t domain, const struct shape *s) {
    const struct domain *d = &f->domains[domain];
    uint64_t sum = 0;
    for (size_t i = 0; i < d->live.len && sum < s->gpus; i++) {
        const struct node_class *c = &f->classes.at[d->live.at[i]];
        sum += (uint64_t)class_offer(f, c, s) * c->count;
    }
    return sum;
}

/* The node to take from next, and how many of its GPUs. */
static uint32_t gang_next(const struct fleet *f, uint32_t domain, const struct shape *s, enum gang gang,
                          uint32_t left, uint32_t *gpus) {
    const struct domain *d = &f->domains[domain];
    uint32_t node = FLEET_NONE, best = 0;
    for (size_t i = 0; i < d->live.len; i++) {
        const struct node_class *c = &f->classes.at[d->live.at[i]];
        const uint32_t offer = class_offer(f, c, s);
        if (offer == 0) continue;
        /* rank: larger is better; a last part goes where it leaves least */
        uint32_t rank = 1;
        if (gang == GANG_FEWEST_NODES) rank = offer >= left ? 1000 - offer : offer;
        if (gang == GANG_MOST_NODES) rank = offer;
        if (rank > best || (rank == best && c->least_node < node)) {
            best = rank;
            node = c->least_node;
            *gpus = gang == GANG_MOST_NODES ? 1 : offer < left ? offer : left;
        }
    }
    return node;
}

/* Consolidated gang on one node type: `full` whole free nodes, ids ascending, and a remainder on the next node
 * by free GPUs descending. Returns whether type has them; *remainder_at the node for the remainder. */
static bool whole_nodes(const struct fleet *f, uint32_t domain, const struct shape *s, uint32_t type) {
    const struct domain *d = &f->domains[domain];
    const uint32_t gpus = f->types[type].gpus;
    if (gpus == 0 || !(f->type_accept[type] & s->models)) return false;
    const uint32_t full = s->gpus / gpus, rest = s->gpus % gpus;
    uint64_t free_nodes = 0, others = 0;
    for (size_t i = 0; i < d->live.len; i++) {
        const struct node_class *c = &f->classes.at[d->live.at[i]];
        if (c->type != type) continue;
        const uint32_t offer = class_offer(f, c, s);
        if (c->whole == gpus && offer >= gpus) free_nodes += c->count;
        else if (rest && offer >= rest) others += c->count;
    }
    return free_nodes >= full && (rest == 0 || free_nodes - full + others > 0);
}

static uint32_t whole_nodes_next(const struct fleet *f, uint32_t domain, const struct shape *s, uint32_t type,
                                 uint32_t need) {
    const struct domain *d = &f->domains[domain];
    uint32_t node = FLEET_NONE, most = 0;
    for (size_t i = 0; i < d->live.len; i++) {
        const struct node_class *c = &f->classes.at[d->live.at[i]];
        if (c->type != type || class_offer(f, c, s) < need) continue;
        if (c->whole > most || (c->whole == most && c->least_node < node)) {
            most = c->whole;
            node = c->least_node;
        }
    }
    return node;
}

static uint32_t whole_type(const struct fleet *f, uint32_t domain, const struct shape *s) {
    for (uint32_t t = 0; t < f->types_len; t++)
        if (whole_nodes(f, domain, s, t)) return t;
    return FLEET_NONE;
}

static uint32_t place_gang(struct world *world, struct takes *takes, enum gang gang, uint32_t domain,
                           const struct shape *s) {
    struct fleet *f = &world->fleet;
    uint32_t first = FLEET_NONE, last = FLEET_NONE, left = s->gpus, type = FLEET_NONE;
    if (gang == GANG_WHOLE_NODES && (type = whole_type(f, domain, s)) == FLEET_NONE) return FLEET_NONE;
    if (gang != GANG_WHOLE_NODES && offers(f, domain, s) < s->gpus) return FLEET_NONE;
    while (left > 0) {
        uint32_t gpus = 0, node;
        if (gang == GANG_WHOLE_NODES) {
            gpus = left < f->types[type].gpus ? left : f->types[type].gpus;
            node = whole_nodes_next(f, domain, s, type, gpus);
        } else {
            node = gang_next(f, domain, s, gang, left, &gpus);
        }
        require(node != FLEET_NONE);
        const uint32_t id = takes_put(takes, fleet_claim(f, node, s, gpus, 0));
        if (first == FLEET_NONE) first = id;
        else takes->at[last].next = id;
        last = id;
        left -= gpus;
    }
    return first;
}

/* Whether some empty node of the domain holds the whole request. */
static bool one_node_holds(const struct fleet *f, uint32_t domain, const struct shape *s) {
    const struct domain *d = &f->domains[domain];
    for (size_t i = 0; i < d->types.len; i++)
        if (type_fits(f, d->types.at[i], s)) return true;
    return false;
}

bool place_possible(const struct world *world, const struct place_model *model, uint32_t domain,
                    const struct shape *s) {
    const struct fleet *f = &world->fleet;
    if (one_node_holds(f, domain, s)) return true;
    if (s->gpus < 2) return false;
    uint64_t sum = 0;
    uint64_t *nodes = mem_zero(f->types_len + 1, sizeof *nodes);
    for (uint32_t n = 0; n < f->nodes_len; n++)
        if (f->node_domain[n] == domain) nodes[f->classes.at[f->nodes[n].class_id].type]++;
    bool possible = false;
    for (uint32_t t = 0; t < f->types_len; t++) {
        const struct node_type *type = &f->types[t];
        if (nodes[t] == 0) continue;
        const struct node_class empty = type_empty(f, t);
        const uint32_t offer = class_offer(f, &empty, s);
        sum += offer * nodes[t];
        if (model->gang == GANG_WHOLE_NODES && offer == type->gpus && offer > 0)
            possible |= (s->gpus + type->gpus - 1) / type->gpus <= nodes[t];
    }
    free(nodes);
    return model->gang == GANG_WHOLE_NODES ? possible : sum >= s->gpus;
}

bool place_is_gang(const struct fleet *f, uint32_t domain, const struct shape *s) {
    return s->gpus >= 2 && !one_node_holds(f, domain, s);
}

uint32_t place_job(struct world *world, struct takes *takes, const struct place_model *model, void *state,
                   uint32_t domain, const struct shape *s, bool scatter) {
    struct fleet *f = &world->fleet;
    if (f->domains[domain].free_milli < shape_gpu_milli(s) || f->domains[domain].whole_free < s->gpus)
        return FLEET_NONE;
    struct spot spot; /* no node can hold a gang: choose finds none */
    if (model->choose(state, world, domain, s, &spot))
        return takes_put(takes, fleet_claim(f, spot.node, s, s->gpus, spot.share_of));
    if (s->gpus < 2 || (!scatter && !place_is_gang(f, domain, s))) return FLEET_NONE;
    return place_gang(world, takes, model->gang, domain, s);
}

bool place_would_fit(const struct world *world, const struct place_model *model, uint32_t domain,
                     const struct shape *s, bool scatter) {
    const struct fleet *f = &world->fleet;
    if (f->domains[domain].free_milli < shape_gpu_milli(s) || f->domains[domain].whole_free < s->gpus)
        return false;
    const bool gang = place_is_gang(f, domain, s);
    if (!gang) {
        const struct domain *d = &f->domains[domain];
        for (size_t i = 0; i < d->live.len; i++)
            if (class_fits(f, &f->classes.at[d->live.at[i]], s)) return true;
        if (!scatter || s->gpus < 2) return false;
    }
    if (model->gang == GANG_WHOLE_NODES) return whole_type(f, domain, s) != FLEET_NONE;
    return offers(f, domain, s) >= s->gpus;
}
