/*
 * What a run was, as a flat list: every key of its scenario with the value it had, so that runs of different
 * sweeps, commands and files can be told apart by what they set. Names, the seed and lists of runs are left
 * out; the policies' models are always there, defaults too. A path is one that --set would take
 * (pools.a100.nodes), but a model's own path is its kind's (policy.order, not policy.order.model).
 */
#ifndef HEADROOM_IO_SETTING_H
#define HEADROOM_IO_SETTING_H

#include "base/mem.h"
#include "io/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct setting_value {
    const char *path, *value;
};
struct setting {
    struct setting_value *at; /* by path, each once; in the reader's arena */
    size_t len;
};

/* Keeps the scenario read last: neighbours mostly share it. Zero it, setting_reader_free at the end. */
struct setting_reader {
    struct arena arena; /* of everything that was read */
    uint64_t hash;
    struct yaml_node *tree;
};
void setting_reader_init(struct setting_reader *reader);
void setting_reader_free(struct setting_reader *reader);
/* own: with what the run itself sets (its `set:` and its policies), not only the scenario and the sweep. */
struct setting setting_read(struct setting_reader *reader, const struct run_info *info, bool own);

/* NULL: there is no such path. */
const char *setting_get(const struct setting *setting, const char *path);
/* Whether path is prefix or below it: policy.order is below policy, policy.orders is not below policy.order. */
bool setting_below(const char *path, const char *prefix);

#endif
