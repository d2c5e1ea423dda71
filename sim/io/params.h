/*
 * Reading a YAML tree into structs by tables: one line a key says its kind, unit, range, fallback and
 * meaning. The same tables parse, check with positions, and print the reference. A model's own struct param
 * table is read by the same code.
 */
#ifndef HEADROOM_IO_PARAMS_H
#define HEADROOM_IO_PARAMS_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/model.h"
#include "io/yaml.h"

/* One document being read. */
struct reading {
    struct arena *arena;             /* everything read lands here */
    const struct registry *registry;
    struct err *err;
    struct text path;                /* of the node being read: "pools[0].gpus" */
    bool estimated;                  /* a catalogue's estimate has been read since this was cleared */
};

struct field;
struct block;
typedef void field_read(struct reading *r, const struct yaml_node *node, const struct field *field,
                        void *into);

struct field {
    struct param param;        /* offset: of where `read` writes */
    field_read *read;          /* NULL: a parameter like a model's, by param.kind */
    enum kind models;          /* of read_model; param.text names the fallback */
    const struct block *block; /* of read_block; also what a kept node will be read by, for the reference */
    const char *form;          /* the reference: how a value is written, where no unit says it */
};
/* The keys one mapping may have. */
struct block {
    const char *title, *about; /* for the reference */
    const struct field *fields;
    size_t len;
};
#define BLOCK_FIELDS(array) .fields = (array), .len = sizeof(array) / sizeof *(array)

/* Fills *into from the fallbacks, then from the map; every key that is unknown, missing or wrong is a
 * finding. `into` must be zeroed. */
void params_read(struct reading *r, const struct yaml_node *map, const struct block *block, void *into);

/* What a field may be read by. */
field_read read_block;  /* into a nested struct at the field's offset */
field_read read_node;   /* keeps the node: const struct yaml_node * */
field_read read_nothing; /* somebody else reads it */
field_read read_model;  /* a name, or a mapping with `model:` and its parameters: struct chosen */

/* Where reading stands: enter a key or an element, leave to the returned mark. */
size_t reading_enter(struct reading *r, const char *key);
size_t reading_enter_index(struct reading *r, size_t index);
void reading_leave(struct reading *r, size_t mark);
/* A finding at a node; always false. */
bool reading_add(struct reading *r, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same at a key of a map, or at the map where it has no such key. */
bool reading_add_key(struct reading *r, const struct yaml_node *map, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "unknown WHAT "text"" with the nearest of the known names; where none is near, all of them, or `lister`,
 * the place that lists them, when it is not NULL. */
void reading_unknown(struct reading *r, const struct yaml_node *node, const char *what,
                     const char *const *known, size_t known_len, const char *lister);

/* One value by a parameter's rules (kind, unit, range); false with a finding. */
bool value_read(struct reading *r, const struct yaml_node *node, const struct param *param, void *field);
/* Whether the node is of this kind; a finding otherwise. */
bool value_is(struct reading *r, const struct yaml_node *node, enum yaml_kind kind, const char *expected);
/* A node as a finding shows it: quoted, cut, on one line. */
struct shown {
    char text[80];
};
struct shown value_shown(const struct yaml_node *node);
/* The range and fallback of a parameter as text ("0 to 1"; "" when unbounded). */
void param_range(const struct param *param, struct text *text);
void param_fallback(const struct param *param, struct text *text);

#endif
