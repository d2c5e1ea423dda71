/*
 * Exact integration, see ledger.h. A region's signals are read by cursors that only move forward; between two
 * changes of any of them flows are linear, so the present flow is base + rate x (now - segment start): errors
 * do not build up with the number of events.
 */
#include "core/ledger.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/tick.h"

#include <stdlib.h>

static double ns_to_s(int64_t ns) { return (double)ns / 1e9; }

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The line through the points, level beyond its ends. */
static double between(const struct numbers *xs, const struct numbers *ys, double x) {
    size_t above = 0;
    while (above < xs->len && xs->at[above] <= x) above++;
    if (above == 0) return ys->at[0];
    if (above == xs->len) return ys->at[above - 1];
    const double part = (x - xs->at[above - 1]) / (xs->at[above] - xs->at[above - 1]);
    return ys->at[above - 1] * (1 - part) + ys->at[above] * part;
}

static double pue_at(const struct region_account *r, double it_w) {
    if (!r->by_load) return r->pue.value;
    return r->pue.value + between(&r->setup->pue_load, &r->setup->pue_add, it_w / r->full_w);
}

/* A segment begins: until when it lasts, and what a watt costs in it. 1 kWh = 3.6e6 J. */
static void segment_begin(struct region_account *r) {
    const double pue = pue_at(r, r->it_w);
    r->pue_now = pue;
    r->load_w = r->it_w;
    r->next_ns = least(r->price.next_ns, least(r->carbon.next_ns, r->pue.next_ns));
    r->per_ns = (struct flow){pue / 1e9, pue * r->price.value / 3.6e15, pue * r->carbon.value / 3.6e15};
}

double ledger_facility_w(const struct region_account *r, double it_w) { return it_w * pue_at(r, it_w); }

static struct flow flow_at(const struct region_account *r, int64_t now_ns) {
    const double ns = (double)(now_ns - r->segment_ns);
    return (struct flow){.pue_s = r->base.pue_s + r->per_ns.pue_s * ns, .usd = r->base.usd + r->per_ns.usd * ns,
                         .g = r->base.g + r->per_ns.g * ns};
}

static void segment_end(struct region_account *r, int64_t at_ns) {
    const double s = ns_to_s(at_ns - r->segment_ns);
    r->base = flow_at(r, at_ns);
    r->price_s += r->price.value * s;
    r->carbon_s += r->carbon.value * s;
    r->segment_ns = at_ns;
}

static void site_follow(struct region_account *r, int64_t now_ns) {
    site_advance(r->site, now_ns, r->it_w * r->pue_now, r->price.value, r->carbon.value);
}

void region_move(struct region_account *r, int64_t now_ns) {
    if (r->by_load && r->it_w != r->load_w && now_ns > r->settled_ns) { /* it changed when last settled */
        segment_end(r, r->settled_ns);
        segment_begin(r);
    }
    while (r->next_ns <= now_ns) {
        const double watts = r->it_w * r->pue_now;
        if (watts > r->peak_w) r->peak_w = watts;
        if (r->site) site_follow(r, r->next_ns);
        segment_end(r, r->next_ns);
        if (r->price.next_ns == r->segment_ns) cursor_step(&r->price);
        if (r->carbon.next_ns == r->segment_ns) cursor_step(&r->carbon);
        if (r->pue.next_ns == r->segment_ns) cursor_step(&r->pue);
        segment_begin(r);
    }
    r->now = flow_at(r, now_ns);
    r->now_ns = now_ns;
}

static void charge_add(struct charge *to, double watts, const struct flow *from, const struct flow *until) {
    to->j += watts * (until->pue_s - from->pue_s);
    to->usd += watts * (until->usd - from->usd);
    to->g += watts * (until->g - from->g);
}

void region_settle(struct region_account *r, int64_t now_ns) {
    if (now_ns == r->settled_ns) return;
    region_advance(r, now_ns);
    const double ns = (double)(now_ns - r->settled_ns), watts = r->it_w * r->pue_now;
    if (watts > r->peak_w && now_ns > r->segment_ns) r->peak_w = watts;
    if (r->site) site_follow(r, now_ns);
    charge_add(&r->total.meter, r->it_w, &r->settled, &r->now);
    r->total.it_j += r->it_w * (ns * 1e-9);
    r->total.used += r->used_milli * ns;
    r->total.fragmented += r->fragmented_milli * ns;
    r->settled = r->now;
    r->settled_ns = now_ns;
}

struct charge region_lump(struct region_account *r, int64_t now_ns, double it_j) {
    region_settle(r, now_ns);
    const struct charge c = {it_j * r->per_ns.pue_s * 1e9, it_j * r->per_ns.usd * 1e9, it_j * r->per_ns.g * 1e9};
    r->total.meter.j += c.j;
    r->total.meter.usd += c.usd;
    r->total.meter.g += c.g;
    r->total.it_j += it_j;
    if (r->site) site_lump(r->site, c.j, c.usd, c.g);
    return c;
}

void region_read(struct region_account *r, int64_t now_ns) {
    region_settle(r, now_ns);
    const double s = ns_to_s(now_ns - r->segment_ns);
    r->total.price_s = r->price_s + r->price.value * s;
    r->total.carbon_s = r->carbon_s + r->carbon.value * s;
    r->total.pue_s = r->now.pue_s;
    if (r->site) r->total.site = site_read(r->site);
    for (int i = 0; i < GAUGE_COUNT; i++) r->total.gauge[i] = tide_total(&r->gauge[i], now_ns);
}

void pool_settle(struct ledger *l, uint32_t pool, int64_t now_ns) {
    struct pool_account *p = &l->pools[pool];
    if (now_ns == p->settled_ns) return;
    struct region_account *r = &l->regions[p->region];
    region_advance(r, now_ns);
    if (l->open) charge_add(&p->idle, p->idle_w, &p->settled, &r->now);
    p->settled = r->now;
    p->settled_ns = now_ns;
}

void ledger_open(struct ledger *l, const struct setup *setup) {
    *l = (struct ledger){.setup = setup};
    l->regions = mem_zero(setup->regions_len + 1, sizeof *l->regions);
    l->pools = mem_zero(setup->pools_len + 1, sizeof *l->pools);
    for (size_t i = 0; i < setup->regions_len; i++) {
        struct region_account *r = &l->regions[i];
        r->setup = &setup->regions[i];
        cursor_open(&r->price, &r->setup->price);
        cursor_open(&r->carbon, &r->setup->carbon);
        cursor_open(&r->pue, &r->setup->pue);
        r->site = site_open(r->setup, setup->origin_unix_ns);
    }
    for (size_t i = 0; i < setup->pools_len; i++) {
        const struct pool_setup *p = &setup->pools[i];
        l->pools[i] = (struct pool_account){
            .region = p->region, .node_static_w = p->base_w + p->gpus * p->gpu_idle_w,
            .share_per_milli = p->gpus ? 1 / (1000.0 * p->gpus) : p->cpu_milli ? 1.0 / p->cpu_milli : 0,
            .node_usd_per_ns = p->usd_per_node_h / 3.6e12,
            .busy_w_per_milli = (p->gpu_peak_w - p->gpu_idle_w) / 1000};
    }
    for (size_t i = 0; i < setup->nodes_len; i++) {
        const struct pool_setup *p = &setup->pools[setup->nodes[i].pool];
        const double watts = setup->nodes[i].count * (p->base_w + p->gpus * p->gpu_idle_w);
        l->pools[setup->nodes[i].pool].idle_w += watts;
        l->regions[p->region].it_w += watts;
        l->regions[p->region].full_w += setup->nodes[i].count * (p->base_w + p->gpus * p->gpu_peak_w);
    }
    for (size_t i = 0; i < setup->regions_len; i++) {
        struct region_account *r = &l->regions[i];
        r->by_load = r->setup->pue_load.len > 0 && r->full_w > 0; /* without power there is no load */
        segment_begin(r);
    }
}

void ledger_close(struct ledger *l) {
    for (size_t i = 0; l->regions && i < l->setup->regions_len; i++) site_close(l->regions[i].site);
    free(l->regions);
    free(l->pools);
}

static void settle_all(struct ledger *l, int64_t now_ns) {
    for (uint32_t i = 0; i < l->setup->regions_len; i++) region_read(&l->regions[i], now_ns);
    for (uint32_t i = 0; i < l->setup->pools_len; i++) pool_settle(l, i, now_ns);
}

void ledger_open_window(struct ledger *l, int64_t now_ns) {
    settle_all(l, now_ns);
    for (uint32_t i = 0; i < l->setup->regions_len; i++) {
        l->regions[i].opened = l->regions[i].total;
        l->regions[i].peak_w = 0;
    }
    for (uint32_t i = 0; i < l->setup->pools_len; i++) l->pools[i].held = -tide_total(&l->pools[i].holds, now_ns);
    l->open = l->was_open = true;
    l->opened_ns = l->closed_ns = now_ns;
}

void ledger_close_window(struct ledger *l, int64_t now_ns) {
    settle_all(l, now_ns);
    if (!l->open) return;
    for (uint32_t i = 0; i < l->setup->regions_len; i++) {
        l->regions[i].closed = l->regions[i].total;
        l->regions[i].window_peak_w = l->regions[i].peak_w;
    }
    for (uint32_t i = 0; i < l->setup->pools_len; i++) l->pools[i].held += tide_total(&l->pools[i].holds, now_ns);
    l->open = false;
    l->closed_ns = now_ns;
}
