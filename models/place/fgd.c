/*
 * Fragmentation gradient descent (FGD, Weng et al., ATC 2023): the node, and for a share the device, on
 * which the request makes expected fragmentation grow least.
 *
 * Fragmentation of a node is the GPU thousandths free on it that a typical request cannot use, averaged
 * over the typical requests of the trace (fleet_fragmentation). The score is 100 x sigmoid(decrease /
 * 1000), cut to whole points before comparing, as the authors' simulator does: near equals go to the lowest
 * node, and among the devices of a node to the fullest (there: to the lowest-numbered).
 *
 * A score depends on the node's state and the request alone, and from one placement to the next nearly all
 * states stay, so each recent request remembers its score for every class. An entry is one word, valid
 * while it names the class's serial.
 * Cost: one look a live class; for a class not seen by this request yet, one fragmentation a distinct
 * device (typical requests x devices each). Memory: 8 bytes a class and request remembered.
 */
#include "core/seams.h"

#include "base/err.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MOST = 256 };

/* What a request's scores depend on: its shape but for the accepted models. */
struct request {
    uint32_t gpus, share_milli, cpu_milli, mem_mib;
    /* By class: serial << 17 | share_of << 7 | score; 0: not yet. */
    struct { uint64_t *at; size_t len, cap; } seen;
};

struct fgd {
    struct request *requests; /* REQUESTS_MOST; the oldest is forgotten when another comes */
    uint32_t len, oldest;
    struct request *now;      /* of the choice being made */
};

static void open(void *raw, const void *params, const struct world *world) {
    (void)params, (void)world;
    struct fgd *fgd = raw;
    fgd->requests = mem_zero(REQUESTS_MOST, sizeof *fgd->requests);
}

static void close(void *raw) {
    struct fgd *fgd = raw;
    for (uint32_t i = 0; i < fgd->len; i++) free(fgd->requests[i].seen.at);
    free(fgd->requests);
}

static struct request *request_of(struct fgd *fgd, const struct shape *s) {
    for (uint32_t i = 0; i < fgd->len; i++) {
        struct request *r = &fgd->requests[i];
        if (r->gpus == s->gpus && r->share_milli == s->share_milli && r->cpu_milli == s->cpu_milli &&
            r->mem_mib == s->mem_mib)
            return r;
    }
    struct request *r = &fgd->requests[fgd->len < REQUESTS_MOST ? fgd->len++ : fgd->oldest++ % REQUESTS_MOST];
    free(r->seen.at);
    *r = (struct request){.gpus = s->gpus, .share_milli = s->share_milli, .cpu_milli = s->cpu_milli,
                          .mem_mib = s->mem_mib};
    return r;
}

/* A node's state once the request is on it; for a share, on a device with `from` thousandths free. */
static double fragmentation_after(const struct fleet *fleet, const struct node_class *node,
                                  const uint16_t *parts, const struct shape *s, uint32_t from) {
    uint16_t after[FLEET_GPUS_MOST];
    const uint32_t left = from - s->share_milli;
    uint32_t len = 0;
    /* the device's old free part leaves the list, the new one enters */
    bool taken = from == 1000, put = left == 0;
    for (uint32_t i = 0; s->share_milli && i < node->parts; i++) {
        if (!taken && parts[i] == from) {
            taken = true;
            continue;
        }
        if (!put && parts[i] < left) {
            after[len++] = (uint16_t)left;
            put = true;
        }
        after[len++] = parts[i];
    }
    if (s->share_milli && !put) after[len++] = (uint16_t)left;
    return fleet_fragmentation(fleet, node->type, node->whole - (s->share_milli ? from == 1000 : s->gpus),
                               s->share_milli ? after : parts, s->share_milli ? len : node->parts,
                               node->cpu_free == UINT32_MAX ? UINT32_MAX : node->cpu_free - s->cpu_milli,
                               node->mem_free == UINT32_MAX ? UINT32_MAX : node->mem_free - s->mem_mib);
}

static uint32_t points(double decrease_milli) {
    return (uint32_t)(100.0 / (1.0 + exp(-decrease_milli / 1000)));
}

/* The best device for a share is tried from the fullest to a wholly free one. */
static uint64_t evaluate(const struct fleet *fleet, const struct node_class *node, uint32_t class_id,
                         const struct shape *s) {
    const uint16_t *parts = node->parts ? fleet_parts(fleet, class_id) : NULL;
    const double before = node->fragmented_milli;
    if (s->share_milli == 0) return points(before - fragmentation_after(fleet, node, parts, s, 0));
    uint32_t best = 0, best_of = 0, last = 0;
    for (uint32_t i = node->parts + 1; i-- > 0;) {
        const uint32_t from = i > 0 ? parts[i - 1] : 1000;
        if (from < s->share_milli || from == last || (from == 1000 && node->whole == 0)) continue;
        last = from;
        const uint32_t p = points(before - fragmentation_after(fleet, node, parts, s, from));
        if (best_of == 0 || p > best) {
            best = p;
            best_of = from;
        }
    }
    require(best_of != 0);
    return (uint64_t)best_of << 7 | best;
}

static int64_t score(void *raw, const struct world *world, const struct node_class *node, uint32_t class_id,
                     const struct shape *shape, uint32_t *share_of) {
    const struct fgd *fgd = raw;
    uint64_t *seen = &fgd->now->seen.at[class_id];
    if (*seen >> 17 != node->serial)
        *seen = node->serial << 17 | evaluate(&world->fleet, node, class_id, shape);
    *share_of = (uint32_t)(*seen >> 7) & 1023;
    return -(int64_t)(*seen & 127);
}

static bool choose(void *raw, const struct world *world, uint32_t domain, const struct shape *shape,
                   struct spot *spot) {
    struct fgd *fgd = raw;
    struct request *r = fgd->now = request_of(fgd, shape);
    const size_t classes = world->fleet.classes.len;
    if (r->seen.len < classes) {
        r->seen.at = vec_reserve(r->seen.at, &r->seen.cap, classes, sizeof *r->seen.at);
        memset(r->seen.at + r->seen.len, 0, (classes - r->seen.len) * sizeof *r->seen.at);
        r->seen.len = classes;
    }
    return place_least(score, fgd, world, domain, shape, spot);
}

const struct place_model place_fgd = {
    .model = {.name = "fgd",
              .summary = "the node and device where expected fragmentation grows least",
              .source = "FGD, Weng et al., ATC 2023",
              .state_size = sizeof(struct fgd)},
    .open = open,
    .choose = choose,
    .close = close,
    .gang = GANG_FEWEST_NODES,
};
