/*
 * The `recommend:` section: what it becomes, what presets fill in, and its mistakes, each with its place. The base is a
 * scenario that comes with the program; tests override parts of it.
 */
#include "support/sample.h"

#include "base/err.h"
#include "base/text.h"
#include "io/recommend.h"
#include "io/scenario.h"
#include "models/registry.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static struct scenario scenario;
static struct err err;

static bool open_with(const char *name, const char *const *sets, size_t len) {
    static char catalog[2048], file[2048], relative[128];
    static const char *const dirs[] = {catalog};
    snprintf(relative, sizeof relative, "scenarios/%s.yaml", name);
    text_copy(catalog, sizeof catalog, sample_source("models/catalog"));
    text_copy(file, sizeof file, sample_source(relative));
    scenario_catalog_dirs(dirs, 1);
    err_init(&err);
    return scenario_open(&scenario, file, models_registry(), sets, len, &err);
}

static const struct recommend_setup *good(const char *name, const char *const *sets, size_t len) {
    cr_assert(open_with(name, sets, len), "%s", err.found ? err.lines[0] : "");
    return scenario.runs[0].recommend;
}

static void dismiss(void) {
    scenario_close(&scenario);
    err_free(&err);
}

Test(recommend, offers_are_pools_in_each_region_and_market) {
    const struct recommend_setup *r = good("three-objectives", NULL, 0);
    cr_assert_eq(r->kind, RECOMMEND_TRAINING);
    cr_assert_eq(r->offers_len, 3 * 3 + 3 * 2);
    cr_assert_eq(r->machines_len, 2);
    cr_assert_str_eq(r->offers[0].pool.name, "h100/mid-atlantic/owned");
    cr_assert_str_eq(r->offers[14].pool.name, "b200/germany/spot");
    cr_assert_eq(r->offers[14].machine, 1);
    cr_assert_eq(r->offers[14].nodes, 128);
    cr_assert_float_eq(r->offers[14].pool.usd_per_node_h, 8 * 2.6, 1e-9);
    cr_assert_float_eq(r->offers[14].pool.spot_hazard_per_h, 0.02, 1e-12);
    /* Owned: the annuity over five years at 8 %, over the share of the time it is at work. */
    cr_assert_float_eq(r->offers[0].pool.usd_per_node_h, cost_owned_usd_per_h(300000, 5, 0.08) / 0.7, 1e-9);
    dismiss();
}

Test(recommend, variants_are_all_combinations_and_presets_leave_precisions_out) {
    const char *const fp4[] = {"recommend.training.vary.precision=[bf16, fp8, fp4]"};
    const struct recommend_setup *r = good("three-objectives", fp4, 1);
    cr_assert_eq(r->variants_len, 3 * 4 * 2 * 2);
    cr_assert_eq(r->left_out, 3 * 4 * 2);
    cr_assert_str_eq(r->variants[0].label, "tensor 2, stages 1, bf16, batch 512");
    cr_assert_str_eq(r->variants[47].label, "tensor 8, stages 8, fp8, batch 1024");
    dismiss();
}

Test(recommend, presets_fill_in_and_are_overridden) {
    const char *const develop[] = {"recommend.preset=develop"};
    const char *const production[] = {"recommend.preset=production"};
    const char *const own[] = {"recommend.preset=production", "recommend.floor={time: 2 d}",
                               "recommend.guardrail={cost: 5 kUSD}", "recommend.markets=[spot]"};
    const struct recommend_setup *r = good("three-objectives", develop, 1);
    cr_assert_eq(r->limits.share, 0.05);
    cr_assert_eq(r->limits.factor, 1.25);
    cr_assert_eq(r->offers_len, 15);
    dismiss();
    r = good("three-objectives", production, 1);
    cr_assert_eq(r->limits.share, 0.5);
    cr_assert_eq(r->offers_len, 9, "spot in production");
    dismiss();
    r = good("three-objectives", own, 4);
    cr_assert_eq(r->limits.time_s, 2 * 86400);
    cr_assert_eq(r->limits.usd, 5000);
    cr_assert_eq(r->offers_len, 6);
    dismiss();
}

Test(recommend, a_wait_of_nothing_is_one_knob) {
    const struct recommend_setup *r = good("three-objectives", NULL, 0);
    cr_assert_eq(r->waits_len, 1 + 2 * 2); /* 0; 12 h and 24 h, each for price and for carbon */
    cr_assert_eq(r->checkpoints_len, 3);
    cr_assert_eq(r->checkpoints[2].kind, CHECKPOINT_DALY);
    cr_assert_eq(r->checkpoints[1].every_s, 1800);
    dismiss();
}

Test(recommend, a_service_is_fitted_to_every_offer) {
    const struct recommend_setup *r = good("chat-on-what", NULL, 0);
    cr_assert_eq(r->kind, RECOMMEND_SERVICE);
    cr_assert_eq(r->variants_len, 3 * 4 * 3);
    cr_assert_not_null(r->demand);
    for (size_t v = 0; v < r->variants_len; v++)
        for (size_t o = 0; o < r->offers_len; o++) {
            const bool t4 = strcmp(r->offers[o].pool.gpu, "T4") == 0;
            const bool fp4 = strstr(r->variants[v].label, "fp4") != NULL;
            const bool fits = r->variants[v].service->cost[o].gpus > 0;
            if (t4 || (fp4 && strcmp(r->offers[o].pool.gpu, "B200-SXM-180") != 0)) cr_assert(!fits);
        }
    cr_assert_eq(scenario.runs[0].setup->pools_len, 0, "the offers became the scenario's pools");
    dismiss();
}

/* Each mistake is found, once, and names its place. */
Test(recommend, mistakes_have_places) {
    static const struct {
        const char *scenario, *set, *path, *says;
    } wrong[] = {
        {"three-objectives", "recommend.preset=devlop", "recommend.preset", "did you mean \"develop\""},
        {"three-objectives", "recommend.training=null", "recommend", "expected one of \"training\""},
        {"three-objectives", "recommend.batch={items: 3, speed: amdahl}", "recommend", "expected one of \"training\""},
        {"three-objectives", "recommend.training.work=null", "recommend.training", "missing key \"work\""},
        {"three-objectives", "recommend.training.speed.parameters=x", "recommend.training.speed.parameters", "number"},
        {"three-objectives", "recommend.training.vary.tensr=[1]", "recommend.training.speed", "tensr"},
        {"three-objectives", "recommend.training.vary.tensor=4", "recommend.training.vary.tensor", "a list"},
        {"three-objectives", "recommend.training.vary.precision=[fp9]", "recommend.training", "none of them"},
        {"three-objectives", "recommend.offers=[]", "recommend.offers", "no offers"},
        {"three-objectives", "recommend.offers[0].gpus=none", "recommend.offers[0].gpus", "whole number"},
        {"three-objectives", "recommend.offers[0].cost=owned", "recommend.offers[0].cost", "ways to pay"},
        {"three-objectives", "recommend.offers[0].cost={spott: {price: 1 USD/h}}", "recommend.offers[0].cost", "spott"},
        {"three-objectives", "recommend.offers[0].regions=[nowhere]", "recommend.offers[0].regions[0]", "nowhere"},
        {"three-objectives", "recommend.offers[1].name=h100", "recommend.offers[1]", "duplicate name"},
        {"three-objectives", "recommend.markets=[free]", "recommend.offers", "nothing is offered"},
        {"three-objectives", "recommend.markets=[borrowed]", "recommend.markets[0]", "borrowed"},
        {"three-objectives", "recommend.checkpoint.every=daly", "recommend.checkpoint.every", "a list"},
        {"three-objectives", "recommend.checkpoint.write=null", "recommend.checkpoint", "missing key \"write\""},
        {"three-objectives", "recommend.caps=[0.1]", "recommend.caps[0]", "0.4"},
        {"three-objectives", "recommend.floor={time: 1 d, share: 0.5}", "recommend", "expected one"},
        {"three-objectives", "recommend.weights={cost: 0, energy: 0, carbon: 0}", "recommend.weights", "no weight"},
        {"chat-on-what", "recommend.caps=[1, 0.8]", "recommend.caps", "of a service"},
        {"chat-on-what", "recommend.service.replicas=4", "recommend.service.replicas", "not for a recommended"},
        {"chat-on-what", "recommend.service.model=Llama-3.1-70", "recommend.service.model", "Llama-3.1-70B"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect(!open_with(wrong[i].scenario, &wrong[i].set, 1), "%s was accepted", wrong[i].set);
        const size_t most = strstr(wrong[i].set, "spott") ? 2 : 1; /* and that no way to pay is left */
        cr_expect_leq(err.found, most, "%s: %zu findings", wrong[i].set, err.found);
        const char *line = err.found ? err.lines[0] : "";
        cr_expect(strstr(line, wrong[i].path) && strstr(line, wrong[i].says), "%s: %s", wrong[i].set, line);
        dismiss();
    }
}
