/*
 * LLMs, chips and engine profiles by name, from the catalogue: llm_models.csv, accelerators.csv, llm_engines.csv.
 * An engine has a profile for each precision, and its own for chips it was measured on: what one says of FP8 does
 * not hold in 16 bits (docs/validation.md).
 */
#ifndef HEADROOM_IO_LLM_CATALOG_H
#define HEADROOM_IO_LLM_CATALOG_H

#include "base/err.h"
#include "base/mem.h"
#include "core/llm.h"

#include <stdbool.h>
#include <stddef.h>

struct llm_profile { /* a row of llm_engines.csv */
    struct llm_engine engine;
    enum llm_precision precision;
    const char *chip; /* "": any */
};
struct llm_catalog {
    struct llm_model *models;
    struct llm_chip *chips; /* with a 16-bit peak and a bandwidth of memory */
    struct llm_profile *profiles;
    size_t models_len, chips_len, profiles_len;
};

/* Everything lives in the arena. false: findings were added, of the files or that there are none. */
bool llm_catalog_read(struct llm_catalog *catalog, struct arena *arena, struct err *err);
/* The entry of that name; NULL, and a finding at `at` with the nearest name, when there is none. */
const struct llm_model *llm_catalog_model(const struct llm_catalog *catalog, const char *name,
                                          struct place_in_file at, struct err *err);
const struct llm_chip *llm_catalog_chip(const struct llm_catalog *catalog, const char *name, struct place_in_file at,
                                        struct err *err);
/* The engine's profile for this precision: the chip's own, else the one for any chip. */
const struct llm_engine *llm_catalog_engine(const struct llm_catalog *catalog, const char *name,
                                            enum llm_precision precision, const char *chip, struct place_in_file at,
                                            struct err *err);
/* "bf16", "fp8", "fp4". */
bool llm_precision_parse(const char *text, enum llm_precision *precision);
const char *llm_precision_name(enum llm_precision precision);

#endif
