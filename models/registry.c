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
#define TYPE_SHIFT struct shift_model
#define TYPE_FORECAST struct forecast_model
#define TYPE_MARKET struct market_model
#define TYPE_LIFETIME struct lifetime_model
#define TYPE_SPEED struct speed_model
#define TYPE_RESIZE struct resize_model
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
#define PICK_SHIFT LEAVE
#define PICK_FORECAST LEAVE
#define PICK_MARKET LEAVE
#define PICK_LIFETIME LEAVE
#define PICK_SPEED LEAVE
#define PICK_RESIZE LEAVE

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
#undef PICK_IMPORT
#define PICK_IMPORT LEAVE

#undef PICK_SHIFT
#define PICK_SHIFT TAKE
static const struct model *const shifts[] = {
#include "models/models.def"
    NULL};
#undef PICK_SHIFT
#define PICK_SHIFT LEAVE

#undef PICK_FORECAST
#define PICK_FORECAST TAKE
static const struct model *const forecasts[] = {
#include "models/models.def"
    NULL};
#undef PICK_FORECAST
#define PICK_FORECAST LEAVE

#undef PICK_MARKET
#define PICK_MARKET TAKE
static const struct model *const markets[] = {
#include "models/models.def"
    NULL};
#undef PICK_MARKET
#define PICK_MARKET LEAVE

#undef PICK_LIFETIME
#define PICK_LIFETIME TAKE
static const struct model *const lifetimes[] = {
#include "models/models.def"
    NULL};
#undef PICK_LIFETIME
#define PICK_LIFETIME LEAVE

#undef PICK_SPEED
#define PICK_SPEED TAKE
static const struct model *const speeds[] = {
#include "models/models.def"
    NULL};
#undef PICK_SPEED
#define PICK_SPEED LEAVE

#undef PICK_RESIZE
#define PICK_RESIZE TAKE
static const struct model *const resizes[] = {
#include "models/models.def"
    NULL};

#define COUNT(array) (sizeof(array) / sizeof *(array) - 1)
#define ROW(kind, array) .models[kind] = array, .counts[kind] = COUNT(array)

static const struct registry registry = {
    ROW(KIND_ORDER, orders),
    ROW(KIND_BACKFILL, backfills),
    ROW(KIND_PLACE, places),
    ROW(KIND_ROUTE, routes),
    ROW(KIND_POWER, powers),
    ROW(KIND_ARRIVALS, arrivals),
    ROW(KIND_DURATIONS, durations),
    ROW(KIND_IMPORT, imports),
    ROW(KIND_SHIFT, shifts),
    ROW(KIND_FORECAST, forecasts),
    ROW(KIND_MARKET, markets),
    ROW(KIND_LIFETIME, lifetimes),
    ROW(KIND_SPEED, speeds),
    ROW(KIND_RESIZE, resizes),
};

const struct registry *models_registry(void) {
    return &registry;
}
