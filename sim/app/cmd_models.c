/*
 * `headroom models`: what a scenario can choose from, printed from the registry and the parameter tables that
 * also parse the scenario.
 */
#include "app/app.h"
#include "app/args.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/scenario.h"
#include "models/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const examples[] = {
    "headroom models",
    "lists every model, by kind",
    "headroom models order",
    "lists one kind: who goes next",
    "headroom models easy",
    "describes one model and its parameters",
    NULL,
};
static const struct args_spec spec = {
    "models",
    "[KIND|NAME]",
    0,
    1,
    "Lists the models a scenario can choose from, all or of one kind, or describes one: what it does, where it "
    "comes from, and its parameters with units, defaults and limits.",
    NULL,
    0,
    examples,
};

/* What a kind decides; in the words of the scenario file. */
static const char *const kind_questions[KIND_COUNT] = {
    [KIND_ORDER] = "who goes next (policy.order)",
    [KIND_BACKFILL] = "who may overtake (policy.backfill)",
    [KIND_PLACE] = "on which node (policy.place)",
    [KIND_ROUTE] = "in which region (policy.route)",
    [KIND_POWER] = "watts at a utilisation (pools: power)",
    [KIND_ARRIVALS] = "when synthetic jobs arrive (load.arrivals)",
    [KIND_DURATIONS] = "how long synthetic jobs run (load: classes: duration)",
    [KIND_SHIFT] = "when a job that could start should (policy.shift)",
    [KIND_FORECAST] = "what is known of price and carbon to come (policy.forecast)",
    [KIND_MARKET] = "owned, reserved, on demand or spot (policy.market)",
    [KIND_LIFETIME] = "times to failure and to repair (pools: faults, regions: outages)",
    [KIND_SPEED] = "how fast work goes on given hardware and scale (classes: speed)",
    [KIND_RESIZE] = "how many GPUs running jobs hold (policy.resize)",
    [KIND_IMPORT] = "trace formats 'headroom import' reads",
};

static void list_kind(const struct registry *registry, int kind) {
    printf("%s: %s\n", kind_names[kind], kind_questions[kind]);
    for (size_t i = 0; i < registry->counts[kind]; i++) {
        const struct model *m = registry->models[kind][i];
        printf("  %-20s %s\n", m->name, m->summary);
    }
}

static void list_all(const struct registry *registry) {
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (registry->counts[kind] == 0) continue;
        list_kind(registry, kind);
        putchar('\n');
    }
    printf("'headroom models NAME' describes one of them.\n");
}

/* A name may be used by several kinds: all of them are meant. Returns how many there were. */
static size_t describe(const struct registry *registry, const char *name) {
    size_t found = 0;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const struct model *m = registry_find(registry, (enum kind)kind, name);
        if (m == NULL) continue;
        if (found++ > 0) putchar('\n');
        scenario_describe_model(stdout, (enum kind)kind, m);
    }
    return found;
}

static int unknown(const struct registry *registry, const char *name) {
    struct args_texts names = {0};
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        *vec_push(&names) = kind_names[kind];
        for (size_t i = 0; i < registry->counts[kind]; i++)
            *vec_push(&names) = registry->models[kind][i]->name;
    }
    const char *nearest = text_nearest(name, names.at, names.len);
    int status =
        nearest != NULL
            ? args_mistake(spec.command, "no kind or model is named '%s'; did you mean '%s'?", name, nearest)
            : args_mistake(spec.command, "no kind or model is named '%s'", name);
    args_free(&names);
    return status;
}

static int show(const struct registry *registry, const char *name) {
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (strcmp(name, kind_names[kind]) != 0) continue;
        list_kind(registry, kind);
        return EXIT_OK;
    }
    return describe(registry, name) > 0 ? EXIT_OK : unknown(registry, name);
}

int cmd_models(int argc, char **argv) {
    struct args_texts operands;
    int status = EXIT_OK;
    if (!args_read(&spec, argc, argv, NULL, &operands, &status)) return status;
    if (operands.len == 0) list_all(models_registry());
    else status = show(models_registry(), operands.at[0]);
    args_free(&operands);
    return status;
}
