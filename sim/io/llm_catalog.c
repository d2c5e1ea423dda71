/*
 * See llm_catalog.h. A table lists its columns: where a cell goes in the entry, in which unit the file writes it,
 * and what an empty cell means. Entries are filled in the order of the file; a lookup walks them, since there are a
 * few dozen.
 */
#include "io/llm_catalog.h"

#include "base/num.h"
#include "base/text.h"
#include "io/catalog.h"
#include "io/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum cell { CELL_SKIP, CELL_TEXT, CELL_NUMBER, CELL_COUNT, CELL_PRECISION };
struct column {
    const char *name;
    enum cell cell;
    size_t offset;
    double unit;   /* a cell times this is what the entry holds */
    double empty;  /* INFINITY: the cell must not be empty */
};
#define MUST INFINITY

#define MODEL(field, when_empty) CELL_NUMBER, offsetof(struct llm_model, field), 1, when_empty
static const struct column model_columns[] = {
    {"name", CELL_TEXT, offsetof(struct llm_model, name), 1, MUST},
    {"layers", MODEL(layers, MUST)}, {"hidden", MODEL(hidden, MUST)}, {"heads", MODEL(heads, MUST)},
    {"kv_heads", MODEL(kv_heads, MUST)}, {"head_dim", MODEL(head_dim, MUST)}, {"ffn", MODEL(ffn, MUST)},
    {"vocab", MODEL(vocab, MUST)}, {"experts", MODEL(experts, 0)}, {"experts_active", MODEL(experts_active, 0)},
    {"expert_ffn", MODEL(expert_ffn, 0)}, {"shared_ffn", MODEL(shared_ffn, 0)},
    {"source", CELL_SKIP, 0, 1, 0}, {NULL, CELL_SKIP, 0, 1, 0}};

#define CHIP(field, unit, when_empty) CELL_NUMBER, offsetof(struct llm_chip, field), unit, when_empty
static const struct column chip_columns[] = {
    {"name", CELL_TEXT, offsetof(struct llm_chip, name), 1, MUST}, {"vendor", CELL_SKIP, 0, 1, 0},
    {"memory_gb", CHIP(mem_bytes, 1e9, 0)}, {"memory_gb_per_s", CHIP(mem_bytes_per_s, 1e9, 0)},
    {"bf16_tflops", CHIP(flops_bf16, 1e12, 0)}, {"gpu_idle_w", CHIP(idle_w, 1, MUST)},
    {"gpu_peak_w", CHIP(tdp_w, 1, MUST)}, {"fp8_tflops", CHIP(flops_fp8, 1e12, 0)},
    {"fp4_tflops", CHIP(flops_fp4, 1e12, 0)}, {"link_gb_per_s", CHIP(link_bytes_per_s, 1e9, 0)},
    {"loaded_idle_w", CHIP(loaded_idle_w, 1, 0)}, {"power_p0", CHIP(power.p0, 1, NAN)},
    {"power_kc", CHIP(power.kc, 1, NAN)}, {"power_km", CHIP(power.km, 1, NAN)},
    {"power_pmax", CHIP(power.pmax, 1, NAN)}, {"estimates", CELL_SKIP, 0, 1, 0},
    {"source", CELL_SKIP, 0, 1, 0}, {NULL, CELL_SKIP, 0, 1, 0}};

#define ENGINE(field, unit, when_empty) CELL_NUMBER, offsetof(struct llm_profile, engine.field), unit, when_empty
static const struct column engine_columns[] = {
    {"name", CELL_TEXT, offsetof(struct llm_profile, engine.name), 1, MUST},
    {"precision", CELL_PRECISION, offsetof(struct llm_profile, precision), 1, MUST},
    {"chip", CELL_TEXT, offsetof(struct llm_profile, chip), 1, 0},
    {"ec", ENGINE(ec, 1, MUST)}, {"em", ENGINE(em, 1, MUST)}, {"ekv", ENGINE(ekv, 1, MUST)},
    {"ea", ENGINE(ea, 1, MUST)}, {"all_reduce_us", ENGINE(all_reduce_s, 1e-6, MUST)},
    {"link_efficiency", ENGINE(link_efficiency, 1, MUST)}, {"step_ms", ENGINE(step_s, 1e-3, MUST)},
    {"layer_us", ENGINE(layer_s, 1e-6, MUST)}, {"seq_us", ENGINE(seq_s, 1e-6, MUST)},
    {"first_token_ms", ENGINE(first_token_s, 1e-3, MUST)}, {"host_ms", ENGINE(host_s, 1e-3, MUST)},
    {"kv_share", ENGINE(kv_share, 1, MUST)}, {"reserve_gb", ENGINE(reserve_bytes, 1e9, MUST)},
    {"max_seqs", CELL_COUNT, offsetof(struct llm_profile, engine.max_seqs), 1, MUST},
    {"chunk_tokens", CELL_COUNT, offsetof(struct llm_profile, engine.chunk_tokens), 1, MUST},
    {"error_tpot", ENGINE(error_tpot, 1, NAN)}, {"error_ttft", ENGINE(error_ttft, 1, NAN)},
    {"parameters_least_b", ENGINE(parameters_least, 1e9, 0)}, {"parameters_most_b", ENGINE(parameters_most, 1e9, 0)},
    {"source", CELL_SKIP, 0, 1, 0}, {NULL, CELL_SKIP, 0, 1, 0}};

static const char *const precisions[LLM_PRECISIONS] = {[LLM_BF16] = "bf16", [LLM_FP8] = "fp8", [LLM_FP4] = "fp4"};
bool llm_precision_parse(const char *text, enum llm_precision *precision) {
    for (size_t p = 0; p < LLM_PRECISIONS; p++)
        if (strcmp(text, precisions[p]) == 0) return *precision = (enum llm_precision)p, true;
    return false;
}
const char *llm_precision_name(enum llm_precision precision) { return precisions[precision]; }

enum { COLUMNS_MOST = 32 };
struct filling {
    struct arena *arena;
    const struct column *known;
    const struct column *columns[COLUMNS_MOST]; /* of the file, in its order */
    size_t columns_len, size;                   /* size: of an entry */
    struct {
        char *at;
        size_t len, cap;
    } entries;
};

static bool read_header(struct filling *f, const struct csv_row *row, struct err *err) {
    if (row->count > COLUMNS_MOST) return err_add(err, csv_place(row, 0), "more than %d columns", COLUMNS_MOST);
    for (size_t i = 0; i < row->count; i++) {
        const struct column *c = f->known;
        while (c->name && strcmp(c->name, row->fields[i]) != 0) c++;
        if (!c->name) return err_add(err, csv_place(row, i), "unknown column \"%s\"", row->fields[i]);
        f->columns[f->columns_len++] = c;
    }
    for (const struct column *c = f->known; c->name; c++) {
        size_t i = 0;
        while (i < f->columns_len && f->columns[i] != c) i++;
        if (i == f->columns_len) return err_add(err, csv_place(row, row->count), "no column \"%s\"", c->name);
    }
    return true;
}

static void read_cell(struct filling *f, const struct csv_row *row, size_t i, char *entry, struct err *err) {
    const struct column *c = f->columns[i];
    const char *text = row->fields[i];
    double number = c->empty;
    if (c->cell == CELL_SKIP) return;
    if (!row->len[i] && isinf(c->empty)) {
        err_add(err, csv_place(row, i), "%s: empty", c->name);
    } else if (c->cell == CELL_TEXT) {
        *(const char **)(entry + c->offset) = arena_text(f->arena, text);
    } else if (c->cell == CELL_PRECISION) {
        if (!llm_precision_parse(text, (enum llm_precision *)(entry + c->offset)))
            err_add(err, csv_place(row, i), "%s: \"%s\", expected bf16, fp8 or fp4", c->name, text);
    } else if (row->len[i] && (!num_f64(text, row->len[i], &number) || number < 0)) {
        err_add(err, csv_place(row, i), "%s: \"%s\", expected a number of at least 0", c->name, text);
    } else if (c->cell == CELL_NUMBER) {
        *(double *)(entry + c->offset) = row->len[i] ? number * c->unit : number;
    } else if (number < 1 || number > UINT32_MAX || number != floor(number)) {
        err_add(err, csv_place(row, i), "%s: \"%s\", expected a whole number of at least 1", c->name, text);
    } else {
        *(uint32_t *)(entry + c->offset) = (uint32_t)number;
    }
}

static bool read_row(void *context, const struct csv_row *row, struct err *err) {
    struct filling *f = context;
    if (!f->columns_len) return read_header(f, row, err);
    if (row->count != f->columns_len) {
        err_add(err, csv_place(row, 0), "%zu fields, expected %zu", row->count, f->columns_len);
        return true;
    }
    f->entries.at = vec_reserve(f->entries.at, &f->entries.cap, (f->entries.len + 1) * f->size, 1);
    char *entry = f->entries.at + f->entries.len++ * f->size;
    memset(entry, 0, f->size);
    for (size_t i = 0; i < row->count; i++) read_cell(f, row, i, entry, err);
    return true;
}

/* The entries of a file, in the arena; NULL: findings were added. */
static void *read_table(struct arena *arena, const char *name, const struct column *known, size_t size, size_t *len,
                        struct err *err) {
    const char *file = catalog_find(arena, name);
    struct filling f = {.arena = arena, .known = known, .size = size};
    size_t before = err->found;
    if (!file) err_add(err, (struct place_in_file){.file = name}, "the catalogue has no such file");
    else csv_read(file, read_row, &f, NULL, err);
    void *entries = arena_alloc(arena, f.entries.len + 1, size);
    if (f.entries.len) memcpy(entries, f.entries.at, f.entries.len * size);
    *len = f.entries.len;
    free(f.entries.at);
    return err->found == before ? entries : NULL;
}

/* A chip whose power was never fitted takes the joint fit of those that were. Chips that no LLM can run on go. */
static void settle_chips(struct llm_catalog *catalog) {
    size_t kept = 0;
    for (size_t i = 0; i < catalog->chips_len; i++) {
        struct llm_chip *chip = &catalog->chips[i];
        const struct power_fit *fit = &chip->power;
        chip->power_fitted = !isnan(fit->p0 + fit->kc + fit->km + fit->pmax);
        if (!chip->power_fitted) chip->power = power_joint;
        if (chip->loaded_idle_w <= 0) chip->loaded_idle_w = chip->idle_w;
        if (chip->mem_bytes > 0 && chip->mem_bytes_per_s > 0 && chip->flops_bf16 > 0) catalog->chips[kept++] = *chip;
    }
    catalog->chips_len = kept;
}

bool llm_catalog_read(struct llm_catalog *catalog, struct arena *arena, struct err *err) {
    *catalog = (struct llm_catalog){0};
    catalog->models = read_table(arena, "llm_models.csv", model_columns, sizeof *catalog->models,
                                 &catalog->models_len, err);
    catalog->chips = read_table(arena, "accelerators.csv", chip_columns, sizeof *catalog->chips,
                                &catalog->chips_len, err);
    catalog->profiles = read_table(arena, "llm_engines.csv", engine_columns, sizeof *catalog->profiles,
                                   &catalog->profiles_len, err);
    if (!catalog->models || !catalog->chips || !catalog->profiles) return false;
    settle_chips(catalog);
    return true;
}

static void add_unknown(struct err *err, struct place_in_file at, const char *what, const char *name,
                        const char *const *names, size_t count) {
    const char *near = text_nearest(name, names, count);
    if (near) err_add(err, at, "unknown %s \"%s\", did you mean \"%s\"?", what, name, near);
    else err_add(err, at, "unknown %s \"%s\", expected one of the catalogue", what, name);
}

/* Entry i of the table, whose first member is its name. */
static const void *find(const void *table, size_t len, size_t size, const char *name, const char *what,
                        struct place_in_file at, struct err *err) {
    const char **names = mem_alloc((len + 1) * sizeof *names);
    const void *found = NULL;
    for (size_t i = 0; i < len; i++) {
        const void *entry = (const char *)table + i * size;
        memcpy(&names[i], entry, sizeof *names);
        if (!found && strcmp(names[i], name) == 0) found = entry;
    }
    if (!found) add_unknown(err, at, what, name, names, len);
    free(names);
    return found;
}

const struct llm_model *llm_catalog_model(const struct llm_catalog *catalog, const char *name,
                                          struct place_in_file at, struct err *err) {
    return find(catalog->models, catalog->models_len, sizeof *catalog->models, name, "LLM", at, err);
}

const struct llm_chip *llm_catalog_chip(const struct llm_catalog *catalog, const char *name, struct place_in_file at,
                                        struct err *err) {
    return find(catalog->chips, catalog->chips_len, sizeof *catalog->chips, name, "accelerator", at, err);
}

const struct llm_engine *llm_catalog_engine(const struct llm_catalog *catalog, const char *name,
                                            enum llm_precision precision, const char *chip, struct place_in_file at,
                                            struct err *err) {
    const struct llm_engine *any = NULL;
    if (!find(catalog->profiles, catalog->profiles_len, sizeof *catalog->profiles, name, "engine", at, err))
        return NULL;
    for (size_t i = 0; i < catalog->profiles_len; i++) {
        const struct llm_profile *p = &catalog->profiles[i];
        if (p->precision != precision || strcmp(p->engine.name, name) != 0) continue;
        if (strcmp(p->chip, chip) == 0) return &p->engine;
        if (!p->chip[0]) any = &p->engine;
    }
    if (!any) err_add(err, at, "engine \"%s\" has no profile for %s", name, llm_precision_name(precision));
    return any;
}
