/*
 * models.def, expanded into one array a kind. The list is read once to declare every model under its kind's
 * type, and once a kind to pick that kind's lines; the NULL at each end keeps an empty kind a valid array.
 * Everything here is constant: adding a model changes no code.
 */
#include "models/registry.h"

#include "core/seams.h"

/* An importer lives in io's terms; all that matters here is that it begins with a struct model. */
struct import_format;

#define TYPE_ORDER struct order_model
#define TYPE_BACKFILL struct backfill_model
#define TYPE_PLACE struct place_model
#define TYPE_ROUTE struct route_model
#define TYPE_POWER struct power_model
#define TYPE_ARRIVALS struct arrivals_model
#define TYPE_DURATIONS struct durations_model
#define TYPE_IMPORT struct import_format
#define MODEL(KIND, symbol) extern const TYPE_##KIND symbol;
#include "models/models.def"
#undef MODEL

#define MODEL(KIND, symbol) PICK_##KIND(symbol)
#define TAKE(symbol) (const struct model *)&symbol,
#define LEAVE(symbol)

#define PICK_ORDER LEAVE
#define PICK_BACKFILL LEAVE
#define PICK_PLACE LEAVE
#define PICK_ROUTE LEAVE
#define PICK_POWER LEAVE
#define PICK_ARRIVALS LEAVE
#define PICK_DURATIONS LEAVE
#define PICK_IMPORT LEAVE

#undef PICK_ORDER
#define PICK_ORDER TAKE
static const struct model *const orders[] = {
#include "models/models.def"
    NULL};
#undef PICK_ORDER
#define PICK_ORDER LEAVE

#undef PICK_BACKFILL
#define PICK_BACKFILL TAKE
static const struct model *const backfills[] = {
#include "models/models.def"
    NULL};
#undef PICK_BACKFILL
#define PICK_BACKFILL LEAVE

#undef PICK_PLACE
#define PICK_PLACE TAKE
static const struct model *const places[] = {
#include "models/models.def"
    NULL};
#undef PICK_PLACE
#define PICK_PLACE LEAVE

#undef PICK_ROUTE
#define PICK_ROUTE TAKE
static const struct model *const routes[] = {
#include "models/models.def"
    NULL};
#undef PICK_ROUTE
#define PICK_ROUTE LEAVE

#undef PICK_POWER
#define PICK_POWER TAKE
static const struct model *const powers[] = {
#include "models/models.def"
    NULL};
#undef PICK_POWER
#define PICK_POWER LEAVE

#undef PICK_ARRIVALS
#define PICK_ARRIVALS TAKE
static const struct model *const arrivals[] = {
#include "models/models.def"
    NULL};
#undef PICK_ARRIVALS
#define PICK_ARRIVALS LEAVE

#undef PICK_DURATIONS
#define PICK_DURATIONS TAKE
static const struct model *const durations[] = {
#include "models/models.def"
    NULL};
#undef PICK_DURATIONS
#define PICK_DURATIONS LEAVE

#undef PICK_IMPORT
#define PICK_IMPORT TAKE
static const struct model *const imports[] = {
#include "models/models.def"
    NULL};

#define COUNT(array) (sizeof(array) / sizeof *(array) - 1)

static const struct registry registry = {
    .models = {[KIND_ORDER] = orders, [KIND_BACKFILL] = backfills, [KIND_PLACE] = places,
               [KIND_ROUTE] = routes, [KIND_POWER] = powers, [KIND_ARRIVALS] = arrivals,
               [KIND_DURATIONS] = durations, [KIND_IMPORT] = imports},
    .counts = {[KIND_ORDER] = COUNT(orders), [KIND_BACKFILL] = COUNT(backfills), [KIND_PLACE] = COUNT(places),
               [KIND_ROUTE] = COUNT(routes), [KIND_POWER] = COUNT(powers), [KIND_ARRIVALS] = COUNT(arrivals),
               [KIND_DURATIONS] = COUNT(durations), [KIND_IMPORT] = COUNT(imports)},
};

const struct registry *models_registry(void) {
    return &registry;
}
