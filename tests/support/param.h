/* Sets one parameter of a chosen model by its key, in the unit it is kept in (times in seconds). */
#ifndef HEADROOM_TESTS_SUPPORT_PARAM_H
#define HEADROOM_TESTS_SUPPORT_PARAM_H

#include "base/err.h"
#include "base/tick.h"
#include "core/model.h"

#include <string.h>

static inline void testing_param(struct chosen chosen, const char *key, double value) {
    for (size_t i = 0; i < chosen.model->params_count; i++) {
        const struct param *p = &chosen.model->params[i];
        if (strcmp(p->key, key) != 0) continue;
        void *field = (char *)chosen.params + p->offset;
        if (p->kind == PARAM_TIME) *(int64_t *)field = tick_from_seconds(value);
        else if (p->kind == PARAM_NUMBER) *(double *)field = value;
        else die("'%s' of %s is neither a number nor a time", key, chosen.model->name);
        return;
    }
    die("%s has no parameter '%s'", chosen.model->name, key);
}

#endif
