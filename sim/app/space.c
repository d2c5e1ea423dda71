/*
 * See space.h. Rows are made by asking the speed model, or the steady state of a replica, once for each variant,
 * machine and number of nodes; everything else of a configuration is arithmetic on a row, an offer and a knob
 * (core/choice.h).
 *
 * Guard: a row whose work would take less than FLOPs over the peak of its GPUs is refused where FLOPs are known;
 * models of first principles (roofline, LLM steps) hold that and bytes over bandwidth by themselves, always asserted.
 * Cost: rows x one evaluation of the speed model (about 0.1 us).
 */
#include "app/space.h"

#include "base/mem.h"
#include "base/tick.h"
#include "core/seams.h"
#include "io/llm_catalog.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- signals ---- */

static struct choice_signal flat(double value) { return (struct choice_signal){.least = value}; }

/* average: runs see the mean over all time. */
static struct choice_signal signal_of(struct arena *arena, const struct steps *steps, bool average) {
    if (steps->len == 1) return flat(steps->value[0]);
    const struct signal *signal = signal_open(arena, steps);
    if (average) return flat(signal_average(signal));
    double least = steps->value[0];
    for (size_t i = 1; i < steps->len; i++) least = fmin(least, steps->value[i]);
    return (struct choice_signal){signal, least};
}

/* What a region's offers have in common. */
struct place {
    struct choice_signal usd_per_kwh, g_per_kwh, pue;
    const struct signal *shift_price, *shift_carbon;
};

static void place_open(struct arena *arena, const struct region_setup *region, bool average, struct place *place) {
    bool approximate = false; /* prices an hour apart are what an answer needs */
    const struct steps taxed =
        steps_combine(arena, &region->price, 1, &region->carbon, region->carbon_usd_per_kg / 1000, &approximate);
    const struct steps usd = steps_product(arena, &taxed, &region->pue, &approximate);
    const struct steps price = steps_product(arena, &region->price, &region->pue, &approximate);
    const struct steps g = steps_product(arena, &region->carbon, &region->pue, &approximate);
    place->usd_per_kwh = signal_of(arena, &usd, average);
    place->g_per_kwh = signal_of(arena, &g, average);
    place->pue = signal_of(arena, &region->pue, average);
    place->shift_price = price.len > 1 ? signal_open(arena, &price) : NULL;
    place->shift_carbon = g.len > 1 ? signal_open(arena, &g) : NULL;
}

/* ---- machines and offers ---- */

static double repair_s(const struct pool_setup *pool) {
    const struct lifetime_model *model = (const struct lifetime_model *)(const void *)pool->faults.repair.model;
    return model ? model->mean_s(pool->faults.repair.params) : 0;
}

static struct choice_offer offer_of(struct space *space, const struct recommend_offer *from,
                                    const struct place *place) {
    const struct pool_setup *pool = &from->pool;
    const struct recommend_setup *setup = space->setup;
    const bool elastic = bought_elastic(pool->bought), service = setup->kind == RECOMMEND_SERVICE;
    const bool warned = tick_seconds(pool->spot_notice_ns) >= setup->write_s && pool->spot_notice_ns > 0;
    const double boot_s = tick_seconds(pool->sleep.boot_ns);
    struct choice_offer offer = {
        .machine = from->machine,
        .usd_per_node_h = pool->usd_per_node_h,
        .usd_per_kwh = place->usd_per_kwh,
        .g_per_kwh = place->g_per_kwh,
        .pue = place->pue,
        .elastic = elastic,
        .billing_s = tick_seconds(pool->billing_ns),
        .least_s = tick_seconds(pool->billing_least_ns),
        .boot_s = elastic && !service ? boot_s : 0,
        .failures_per_h = pool_failures_per_h(pool),
        .warned_per_h = warned ? pool->spot_hazard_per_h : 0,
        .away_s = elastic ? boot_s : repair_s(pool),
        .nodes_most = from->nodes,
        .shift_price = place->shift_price,
        .shift_carbon = place->shift_carbon};
    if (pool->spot_usd_per_node_h.len) {
        offer.rent = signal_of(&space->arena, &pool->spot_usd_per_node_h, service);
        offer.usd_per_node_h = offer.rent.least;
    }
    const double cold_s = service ? tick_seconds(setup->variants[0].service->cold_start_ns) : 0;
    offer.up_share = 1 / (1 + offer.failures_per_h / 3600 * (offer.away_s + cold_s));
    return offer;
}

static void machine_powers(const struct recommend_setup *setup, const struct cap_setup *table,
                           const struct pool_setup *pool, struct choice_machine *machine) {
    const struct power_model *power = (const struct power_model *)(const void *)pool->power.model;
    const double range_w = pool->gpu_peak_w - pool->gpu_idle_w;
    const double busy_w = range_w * power->share(pool->power.params, setup->utilisation);
    machine->idle_w = pool->base_w + pool->gpus * pool->gpu_idle_w;
    for (size_t i = 0; i < setup->caps.len; i++) {
        const double capped_w = setup->caps.at[i] * pool->gpu_peak_w - pool->gpu_idle_w;
        const bool slows = setup->caps.at[i] < 1 && busy_w > capped_w;
        machine->beyond_w[i] = slows ? fmax(0, capped_w) : busy_w;
        machine->cap_speed[i] = slows ? cap_speed(table, setup->caps.at[i]) : 1;
    }
}

static void offers_open(struct space *space, const struct setup *regions) {
    const struct recommend_setup *setup = space->setup;
    struct choice_space *c = &space->choice;
    struct place *places = arena_alloc(&space->arena, regions->regions_len, sizeof *places);
    for (size_t r = 0; r < regions->regions_len; r++)
        place_open(&space->arena, &regions->regions[r], setup->kind == RECOMMEND_SERVICE, &places[r]);
    c->machines = arena_alloc(&space->arena, setup->machines_len, sizeof *c->machines);
    c->offers = arena_alloc(&space->arena, setup->offers_len, sizeof *c->offers);
    c->machines_len = setup->machines_len;
    c->offers_len = setup->offers_len;
    for (size_t i = 0; i < setup->offers_len; i++) {
        const struct recommend_offer *from = &setup->offers[i];
        struct choice_machine *m = &c->machines[from->machine];
        c->offers[i] = offer_of(space, from, &places[from->pool.region]);
        if (m->offers_len++ > 0) continue;
        m->first_offer = i;
        machine_powers(setup, &regions->policy.cap, &from->pool, m);
    }
}

/* ---- rows ---- */

struct rows {
    struct space *space;
    struct {
        struct choice_row *at;
        size_t len, cap;
    } rows;
    const struct llm_catalog *chips; /* for the guard; NULL: none was found */
    uint64_t refused[SPACE_REFUSALS]; /* rows of the machine at hand */
};

/* The highest dense peak of the chip; INFINITY where it is not known. */
static double peak_flops(const struct rows *rows, const char *chip) {
    for (size_t i = 0; rows->chips && i < rows->chips->chips_len; i++) {
        const struct llm_chip *c = &rows->chips->chips[i];
        if (strcmp(c->name, chip) == 0) return fmax(c->flops_bf16, fmax(c->flops_fp8, c->flops_fp4));
    }
    return INFINITY;
}

/* A training, or an item, on so many GPUs; 0: refused. */
static double piece_s(struct rows *rows, const struct recommend_variant *variant, const struct pool_setup *pool,
                      uint32_t gpus, uint32_t nodes, float *error) {
    const struct recommend_setup *setup = rows->space->setup;
    const struct speed_model *model = (const struct speed_model *)(const void *)variant->speed.model;
    const struct scale scale = {.chip = pool->gpu, .gpus = gpus, .nodes = nodes, .share = 1};
    const double per_s = model->per_s(variant->speed.params, &scale);
    if (!(per_s > 0)) return rows->refused[SPACE_NO_SPEED]++, 0;
    if (setup->flops > 0 && per_s * setup->flops > gpus * peak_flops(rows, pool->gpu))
        return rows->refused[SPACE_TOO_FAST]++, 0;
    *error = (float)model->error(variant->speed.params, &scale);
    return setup->work / per_s;
}

static void training_row(struct rows *rows, uint32_t machine, size_t variant, const struct pool_setup *pool,
                         uint32_t nodes) {
    struct choice_row row = {.machine = (uint16_t)machine, .variant = (uint16_t)variant, .nodes = nodes, .pieces = 1,
                             .busy_gpus = (double)nodes * pool->gpus, .beyond_w = -1};
    row.piece_s = piece_s(rows, &rows->space->setup->variants[variant], pool, nodes * pool->gpus, nodes, &row.error);
    if (row.piece_s > 0) *vec_push(&rows->rows) = row;
}

/* More nodes than items keep busy only cost: those rows are not made. */
static void batch_row(struct rows *rows, uint32_t machine, size_t variant, const struct pool_setup *pool,
                      uint32_t nodes) {
    const struct recommend_setup *setup = rows->space->setup;
    const uint32_t each = pool->gpus / setup->item_gpus;
    if (each == 0) {
        rows->refused[SPACE_NO_SPEED]++;
        return;
    }
    if ((double)(nodes - 1) * each >= setup->items) return;
    struct choice_row row = {.machine = (uint16_t)machine, .variant = (uint16_t)variant, .nodes = nodes, .beyond_w = -1,
                             .replicas = nodes * each};
    row.piece_s = piece_s(rows, &setup->variants[variant], pool, setup->item_gpus, 1, &row.error);
    row.pieces = ceil(setup->items / row.replicas);
    row.busy_gpus = setup->items / row.pieces * setup->item_gpus;
    if (row.piece_s > 0) *vec_push(&rows->rows) = row;
}

static const double day_s = 86400;

/* most_per_s: what one replica answers within its levels. */
static void service_row(struct rows *rows, uint32_t machine, size_t variant, const struct pool_setup *pool,
                        const struct llm_cost *cost, double most_per_s, uint32_t nodes) {
    const struct space *space = rows->space;
    const struct service_setup *service = space->setup->variants[variant].service;
    const uint32_t replicas = nodes * (pool->gpus / service->tensor_parallel);
    struct choice_row row = {.machine = (uint16_t)machine, .variant = (uint16_t)variant, .nodes = nodes,
                             .piece_s = day_s, .pieces = 1, .replicas = replicas, .error = (float)cost->error,
                             .busy_gpus = (double)replicas * cost->gpus,
                             .needs_up = most_per_s > 0 ? space->mix.per_s / (most_per_s * replicas) : INFINITY};
    struct steady steady;
    if (row.needs_up > 1 || !steady_of(cost, &space->mix, service->max_seqs, service->chunk_tokens,
                                       space->mix.per_s / replicas, &steady)) {
        rows->refused[SPACE_LEVELS]++;
        return;
    }
    row.beyond_w = fmax(0, steady.watts / cost->gpus - pool->gpu_idle_w);
    row.latency_s = steady.ttft_mean_s + fmax(0, space->mix.output - 1) * steady.step_s;
    *vec_push(&rows->rows) = row;
}

static void variant_rows(struct rows *rows, uint32_t machine, size_t variant) {
    const struct space *space = rows->space;
    const struct recommend_setup *setup = space->setup;
    const struct choice_machine *m = &space->choice.machines[machine];
    const struct pool_setup *pool = &setup->offers[m->first_offer].pool;
    const struct llm_cost *cost = NULL;
    double most_per_s = 0;
    uint32_t most = 0;
    for (size_t i = 0; i < m->offers_len; i++)
        most = setup->offers[m->first_offer + i].nodes > most ? setup->offers[m->first_offer + i].nodes : most;
    if (setup->kind == RECOMMEND_SERVICE) {
        const struct service_setup *service = setup->variants[variant].service;
        cost = &service->cost[m->first_offer];
        if (cost->gpus) most_per_s = steady_most_per_s(cost, &space->mix, service->max_seqs, service->chunk_tokens);
    }
    const size_t counts = setup->node_counts.len ? setup->node_counts.len : most;
    for (size_t i = 0; i < counts; i++) {
        const uint32_t nodes = setup->node_counts.len ? (uint32_t)setup->node_counts.at[i] : (uint32_t)i + 1;
        if (nodes > most) continue;
        if (setup->kind == RECOMMEND_TRAINING) training_row(rows, machine, variant, pool, nodes);
        else if (setup->kind == RECOMMEND_BATCH) batch_row(rows, machine, variant, pool, nodes);
        else if (cost->gpus == 0) rows->refused[SPACE_NO_SPEED]++;
        else service_row(rows, machine, variant, pool, cost, most_per_s, nodes);
    }
}

static void rows_open(struct space *space, const struct llm_catalog *chips) {
    struct rows rows = {.space = space, .chips = chips};
    struct choice_space *c = &space->choice;
    for (uint32_t m = 0; m < c->machines_len; m++) {
        struct choice_machine *machine = &c->machines[m];
        machine->first_row = rows.rows.len;
        for (size_t v = 0; v < space->setup->variants_len && machine->offers_len; v++) variant_rows(&rows, m, v);
        machine->rows_len = rows.rows.len - machine->first_row;
        for (size_t i = 0; i < SPACE_REFUSALS; i++) {
            space->refused[i] += rows.refused[i] * machine->offers_len * choice_knobs(c);
            rows.refused[i] = 0;
        }
    }
    c->rows = rows.rows.at;
    c->rows_len = rows.rows.len;
}

/* ---- all together ---- */

struct steady space_steady(const struct space *space, const struct choice_row *row) {
    const struct recommend_setup *setup = space->setup;
    const struct service_setup *service = setup->variants[row->variant].service;
    const struct llm_cost *cost = &service->cost[space->choice.machines[row->machine].first_offer];
    struct steady steady;
    require(steady_of(cost, &space->mix, service->max_seqs, service->chunk_tokens, space->mix.per_s / row->replicas,
                      &steady));
    return steady;
}

bool space_open(struct space *space, const struct scenario_run *run, const struct requests *requests, double seconds,
                const char *file, struct err *err) {
    const struct recommend_setup *setup = run->recommend;
    *space = (struct space){.setup = setup, .regions = run->setup};
    arena_init(&space->arena);
    space->choice = (struct choice_space){
        .caps_len = setup->caps.len, .checkpoints = setup->checkpoints, .checkpoints_len = setup->checkpoints_len,
        .waits = setup->waits, .waits_len = setup->waits_len, .write_s = setup->write_s,
        .restore_s = setup->restore_s, .gang = setup->kind == RECOMMEND_TRAINING,
        .value_exponent = setup->value_exponent};
    const double pieces = setup->kind == RECOMMEND_BATCH ? setup->items : 1;
    space->units = pieces * setup->work / setup->unit_size;
    if (setup->kind == RECOMMEND_SERVICE) {
        steady_mix_of(&space->mix, requests, seconds, setup->share);
        space->mix.ttft_s = tick_seconds(setup->variants[0].service->slo_ttft_ns);
        space->mix.tpot_s = tick_seconds(setup->variants[0].service->slo_tpot_ns);
        space->units = space->mix.per_s * space->mix.output * day_s / 1e6;
    }
    struct llm_catalog chips;
    const size_t found = err->found;
    const bool known = setup->flops > 0 && llm_catalog_read(&chips, &space->arena, err);
    offers_open(space, run->setup);
    rows_open(space, known ? &chips : NULL);
    space->configurations = choice_number(&space->choice);
    if (space->choice.rows_len == 0)
        err_add(err, (struct place_in_file){.file = file, .path = "recommend"},
                "no configuration can run it: %llu are refused because the model does not run there (memory, "
                "precision, accelerators without a speed), %llu because they do not keep the service levels, %llu "
                "because they would be faster than their hardware",
                (unsigned long long)space->refused[SPACE_NO_SPEED], (unsigned long long)space->refused[SPACE_LEVELS],
                (unsigned long long)space->refused[SPACE_TOO_FAST]);
    return err->found == found;
}

void space_close(struct space *space) {
    free(space->choice.rows);
    arena_free(&space->arena);
}
