/*
 * Jobs keep the GPUs they asked for, elastic or not: what resizing is compared against.
 */
#include "core/seams.h"

const struct resize_model resize_none = {
    .model = {.name = "none", .summary = "jobs keep the GPUs they asked for", .source = ""},
};
