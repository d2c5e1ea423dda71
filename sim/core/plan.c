/*
 * When to buy what (see plan.h), exactly: which fleet each period uses is searched by branch and bound, and given
 * that, each kind's purchases are a minimum-cost flow.
 *
 * Purchases of one kind. Let b(s) be bought in period s; those of s - life + 1 .. s stand in period s. The cheapest b
 * with standing(t) >= need(t) for all t is a linear programme whose rows have their ones in consecutive columns, so
 * it is a flow and its optimum is whole. Subtract from each row the one before: node t gets need(t) - need(t - 1)
 * (it gives that much into the flow, or takes it out), a purchase is an arc from s to s + life (or the end) at its
 * price, and what stands beyond the need is an arc from t + 1 back to t for nothing. A cut between t and t + 1 then
 * says: standing(t) - surplus(t) = need(t). Costs are not negative, so shortest augmenting paths (Bellman-Ford, at
 * most periods + 1 nodes) end at the optimum (Ford & Fulkerson; Busacker & Gowen 1960).
 *
 * Which fleets. Running costs and purchases only rise with what is needed, so the cost of the periods decided so far,
 * with no need in the others, and the least running costs of these, bound every completion from below: a branch that
 * reaches the best plan is cut. Periods are decided from the last: where demand grows it needs most, and what it
 * makes one buy mostly serves the others. Every combination is either looked at or cut by a bound, so the plan is the
 * best; of equals the first in the order of fleets.
 *
 * Cost: product of the fleets a period in the worst case, times kinds x (nodes bought x periods^3); a few thousand
 * looks in practice.
 */
#include "core/plan.h"

#include "base/err.h"

#include <math.h>
#include <string.h>

/* --- purchases of one kind --- */

struct arc {
    size_t from, to;
    double usd;
    int64_t flow; /* without limit; so much may be taken back */
};
enum { NODES_MOST = PLAN_PERIODS_MOST + 1, ARCS_MOST = 2 * PLAN_PERIODS_MOST };

struct flows {
    size_t nodes, arcs_len;
    struct arc arcs[ARCS_MOST];
    int64_t gives[NODES_MOST]; /* what a node still has to send (> 0) or to get (< 0) */
};

/* The cheapest path from a node that gives; its arcs, backwards, as 2 x arc + (1: against it). false: none. */
static bool shortest(const struct flows *f, size_t from, double *usd, int *by) {
    for (size_t n = 0; n < f->nodes; n++) {
        usd[n] = n == from ? 0 : INFINITY;
        by[n] = -1;
    }
    bool moved = true;
    for (size_t round = 0; round < f->nodes && moved; round++) {
        moved = false;
        for (size_t a = 0; a < f->arcs_len; a++) {
            const struct arc *arc = &f->arcs[a];
            if (usd[arc->from] + arc->usd < usd[arc->to] - 1e-9) {
                usd[arc->to] = usd[arc->from] + arc->usd;
                by[arc->to] = (int)(2 * a);
                moved = true;
            }
            if (arc->flow > 0 && usd[arc->to] - arc->usd < usd[arc->from] - 1e-9) {
                usd[arc->from] = usd[arc->to] - arc->usd;
                by[arc->from] = (int)(2 * a + 1);
                moved = true;
            }
        }
    }
    for (size_t n = 0; n < f->nodes; n++)
        if (f->gives[n] < 0 && usd[n] < INFINITY) return true;
    return false;
}

/* Sends as much as goes along the path to `to`. */
static void send(struct flows *f, size_t from, size_t to, const int *by) {
    int64_t most = f->gives[from] < -f->gives[to] ? f->gives[from] : -f->gives[to];
    for (size_t n = to; n != from;) {
        const struct arc *arc = &f->arcs[by[n] / 2];
        if (by[n] % 2 == 1 && arc->flow < most) most = arc->flow;
        n = by[n] % 2 == 1 ? arc->to : arc->from;
    }
    for (size_t n = to; n != from;) {
        struct arc *arc = &f->arcs[by[n] / 2];
        const bool against = by[n] % 2 == 1;
        arc->flow += against ? -most : most;
        n = against ? arc->to : arc->from;
    }
    f->gives[from] -= most;
    f->gives[to] += most;
}

static bool settle(struct flows *f) {
    double usd[NODES_MOST];
    int by[NODES_MOST];
    for (size_t from = 0; from < f->nodes; from++)
        while (f->gives[from] > 0) {
            if (!shortest(f, from, usd, by)) return false;
            size_t to = f->nodes;
            for (size_t n = 0; n < f->nodes; n++)
                if (f->gives[n] < 0 && (to == f->nodes || usd[n] < usd[to])) to = n;
            if (usd[to] == INFINITY) return false;
            send(f, from, to, by);
        }
    return true;
}

double plan_cover(const struct plan_kind *kind, size_t periods, const uint32_t *need, uint32_t *bought) {
    struct flows f = {.nodes = periods + 1};
    int64_t before = 0;
    for (size_t t = 0; t < periods; t++) {
        const int64_t wanted = need[t] > kind->standing[t] ? (int64_t)need[t] - kind->standing[t] : 0;
        const size_t end = t + kind->life < periods ? t + kind->life : periods;
        f.gives[t] = wanted - before;
        before = wanted;
        if (bought) bought[t] = 0;
        if (kind->price_usd[t] < INFINITY) f.arcs[f.arcs_len++] = (struct arc){t, end, kind->price_usd[t], 0};
        f.arcs[f.arcs_len++] = (struct arc){t + 1, t, 0, 0};
    }
    f.gives[periods] = -before;
    if (!settle(&f)) return INFINITY;
    double usd = 0;
    for (size_t a = 0; a < f.arcs_len; a++) {
        const struct arc *arc = &f.arcs[a];
        if (arc->to <= arc->from || arc->flow == 0) continue;
        usd += arc->usd * (double)arc->flow;
        if (bought) bought[arc->from] = (uint32_t)arc->flow;
    }
    return usd;
}

/* --- which fleets --- */

struct planning {
    const struct plan_setup *setup;
    double running_least[PLAN_PERIODS_MOST + 1]; /* of all periods before this one together */
    uint32_t need[PLAN_KINDS_MOST][PLAN_PERIODS_MOST];
    size_t fleet[PLAN_PERIODS_MOST];
    struct plan best;
};

static double purchases(const struct planning *p) {
    double usd = 0;
    for (size_t k = 0; k < p->setup->kinds && usd < INFINITY; k++)
        usd += plan_cover(&p->setup->kind[k], p->setup->periods, p->need[k], NULL);
    return usd;
}

static void keep(struct planning *p, double usd) {
    p->best.usd = usd;
    memcpy(p->best.fleet, p->fleet, sizeof p->fleet);
    for (size_t k = 0; k < p->setup->kinds; k++)
        plan_cover(&p->setup->kind[k], p->setup->periods, p->need[k], p->best.bought[k]);
}

/* Decides period `left` - 1 and those before it. running: of the periods after. */
static void decide(struct planning *p, size_t left, double running) {
    const size_t t = left - 1;
    const struct plan_period *period = &p->setup->period[t];
    for (size_t i = 0; i < period->fleets_len; i++) {
        const struct plan_fleet *fleet = &period->fleets[i];
        for (size_t k = 0; k < p->setup->kinds; k++) p->need[k][t] = fleet->nodes[k];
        p->fleet[t] = i;
        p->best.looked_at++;
        const double so_far = running + fleet->running_usd;
        const double least = so_far + p->running_least[t] + purchases(p);
        if (least < p->best.usd) {
            if (t > 0) decide(p, t, so_far);
            else keep(p, least);
        }
    }
    for (size_t k = 0; k < p->setup->kinds; k++) p->need[k][t] = 0;
}

struct plan plan_solve(const struct plan_setup *setup) {
    require(setup->periods >= 1 && setup->periods <= PLAN_PERIODS_MOST && setup->kinds <= PLAN_KINDS_MOST);
    struct planning p = {.setup = setup, .best = {.usd = INFINITY}};
    for (size_t t = 0; t < setup->periods; t++) {
        double least = INFINITY;
        for (size_t i = 0; i < setup->period[t].fleets_len; i++)
            least = fmin(least, setup->period[t].fleets[i].running_usd);
        p.running_least[t + 1] = p.running_least[t] + least;
    }
    decide(&p, setup->periods, 0);
    return p.best;
}
