/*
 * Models by name, and their parameters' fallbacks. A registry is a plain array a kind, searched in order:
 * there are tens of models and a look-up happens once a run.
 */
#include "core/model.h"

#include "base/tick.h"

#include <string.h>

const char *const kind_names[KIND_COUNT] = {
    [KIND_ORDER] = "order",       [KIND_BACKFILL] = "backfill",   [KIND_PLACE] = "place",
    [KIND_ROUTE] = "route",       [KIND_POWER] = "power",         [KIND_ARRIVALS] = "arrivals",
    [KIND_DURATIONS] = "durations", [KIND_IMPORT] = "import",
    [KIND_SHIFT] = "shift",       [KIND_FORECAST] = "forecast",   [KIND_MARKET] = "market",
    [KIND_LIFETIME] = "lifetime", [KIND_SPEED] = "speed",
    [KIND_RESIZE] = "resize",
};

const struct model *registry_find(const struct registry *registry, enum kind kind, const char *name) {
    for (size_t i = 0; i < registry->counts[kind]; i++)
        if (strcmp(registry->models[kind][i]->name, name) == 0) return registry->models[kind][i];
    return NULL;
}

void model_fallbacks(const struct model *model, void *params) {
    for (size_t i = 0; i < model->params_count; i++) {
        const struct param *p = &model->params[i];
        void *field = (char *)params + p->offset;
        switch (p->kind) {
        case PARAM_NUMBER: *(double *)field = p->fallback; break;
        case PARAM_INTEGER: *(int64_t *)field = (int64_t)p->fallback; break;
        case PARAM_TIME: *(int64_t *)field = tick_from_seconds(p->fallback); break;
        case PARAM_BOOL: *(bool *)field = p->fallback != 0; break;
        case PARAM_CHOICE: *(int *)field = (int)p->fallback; break;
        case PARAM_TEXT: *(const char **)field = p->text; break;
        case PARAM_NUMBERS: *(struct numbers *)field = (struct numbers){0}; break;
        }
    }
}
