/*
 * A speed model from the text a scenario would have, catalogue included:
 *
 *   const struct chosen gpt3 = testing_speed(&arena, "{model: amdahl, curve: gpt3-v3.1}");
 *   testing_per_s(gpt3, (struct scale){.chip = "H100-SXM5-80", .gpus = 512, .nodes = 64, .share = 1});
 *
 * Findings end the test.
 */
#ifndef HEADROOM_TESTS_SUPPORT_SPEED_H
#define HEADROOM_TESTS_SUPPORT_SPEED_H

#include "base/err.h"
#include "core/seams.h"
#include "io/scenario.h"
#include "io/speeds.h"
#include "models/registry.h"

#include "support/sample.h"

#include <string.h>

/* The finding, if any, is left in err. */
static inline struct chosen testing_speed_try(struct arena *arena, const char *yaml, struct err *err) {
    static const char *folder;
    folder = arena_text(arena, sample_source("models/catalog"));
    scenario_catalog_dirs(&folder, 1);
    struct catalog catalog;
    catalog_init(&catalog, arena, err);
    struct reading r = {.arena = arena, .registry = models_registry(), .err = err};
    text_init(&r.path);
    text_put(&r.path, "speed");
    struct chosen chosen = {0};
    const struct field field = {.param = {.key = "speed"}, .read = read_model, .models = KIND_SPEED};
    const struct yaml_node *given = yaml_parse(yaml, strlen(yaml), "test", true, arena, err);
    if (given) read_model(&r, speeds_with_catalog(&catalog, &r, given), &field, &chosen);
    text_free(&r.path);
    return chosen;
}

static inline struct chosen testing_speed(struct arena *arena, const char *yaml) {
    struct err err;
    err_init(&err);
    const struct chosen chosen = testing_speed_try(arena, yaml, &err);
    if (err.found) {
        err_print(&err, stderr);
        die("the speed model is not accepted: %s", yaml);
    }
    err_free(&err);
    return chosen;
}

static inline const struct speed_model *testing_speed_model(struct chosen chosen) {
    return (const struct speed_model *)chosen.model;
}
static inline double testing_per_s(struct chosen chosen, struct scale scale) {
    return testing_speed_model(chosen)->per_s(chosen.params, &scale);
}

#endif
