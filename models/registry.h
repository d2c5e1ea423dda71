/* Every model of models.def, by kind. */
#ifndef HEADROOM_MODELS_REGISTRY_H
#define HEADROOM_MODELS_REGISTRY_H

#include "core/model.h"

const struct registry *models_registry(void);

#endif
