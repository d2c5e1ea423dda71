/*
 * The FOCUS export (see focus.h): a row of CSV a line of the bill. A row is filled column by column from one
 * table, so that header and rows cannot disagree.
 *
 * A run is a billing account, its measured window the billing and the charge period, a tenant a sub-account,
 * a pool a resource. Costs are amortised: what was paid up front is spread over its term, so billed and
 * effective cost are the same, and so are list and contracted cost, there being no discounts. Rows below zero
 * and those of a site's own supply are adjustments and carbon prices are taxes, which by the specification
 * need no unit price; all others satisfy quantity x unit price = cost.
 */
#include "io/focus.h"

#include "base/num.h"
#include "base/text.h"
#include "base/tick.h"
#include "core/job.h"
#include "io/table.h"

#include <string.h>

static const char issuer[] = "Headroom (simulated)";
static const char method[] = "operational: average intensity, location-based and market-based; embodied: "
                             "linear over life";

/* What the specification calls each kind of charge. */
static const struct service {
    const char *category, *subcategory, *service, *unit;
} kinds[CHARGE_KINDS] = {
    [CHARGE_CAPACITY] = {"Compute", "Other (Compute)", "GPU capacity", "GPU-Hours"},
    [CHARGE_ENERGY] = {"Other", "Other (Other)", "Electricity", "kWh"},
    [CHARGE_CARBON] = {"Other", "Other (Other)", "Carbon price", "kg"},
    [CHARGE_EGRESS] = {"Networking", "Data Transfer", "Data transfer", "GB"},
    [CHARGE_DEMAND] = {"Other", "Other (Other)", "Demand charge", "kW"},
    [CHARGE_SITE] = {"Other", "Other (Other)", "On-site supply", "kWh"},
};
static const char *const uses[CHARGE_USES] = {"jobs", "idle hardware", "sleeping nodes", "booting nodes",
                                              "the site as a whole"};

struct row {
    const struct summary *run;
    const struct charge_line *line;
    const char *charge_category;
    bool usage, reserved;
    double quantity, unit_price; /* of usage */
    const char *unit;
    char start[40], end[40];     /* of the measured window */
};

static bool is(const char *a, const char *b) { return strcmp(a, b) == 0; }

static void open_row(struct row *row, const struct summary *run, const struct charge_line *line) {
    const struct run_info *info = &run->info;
    const int64_t origin_ns = info->origin_unix_ns == JOB_UNKNOWN ? 0 : info->origin_unix_ns;
    const int64_t from_ns = origin_ns + tick_from_seconds(run->measure_from_s);
    *row = (struct row){.run = run, .line = line, .unit = kinds[line->kind].unit};
    tick_format_date(from_ns, row->start);
    tick_format_date(from_ns + tick_from_seconds(run->measured_s), row->end);
    row->charge_category = line->kind == CHARGE_CARBON                  ? "Tax"
                           : line->kind == CHARGE_SITE || line->usd < 0 ? "Adjustment"
                                                                        : "Usage";
    row->usage = is(row->charge_category, "Usage");
    row->reserved = line->kind == CHARGE_CAPACITY && is(line->bought, "reserved");
    /* Hardware without GPUs is charged for in one sum. */
    const bool measured = line->quantity > 0;
    row->quantity = measured ? line->quantity : 1;
    if (!measured) row->unit = "Units";
    row->unit_price = line->usd / row->quantity;
}

/* --- a function a column --- */

static void put_number(FILE *to, double value) {
    char number[32];
    fputs(num_shortest(value, number), to);
}
static void put_text(FILE *to, const char *text) { table_csv_text(to, text); }

static void nothing(FILE *to, const struct row *row) { (void)to, (void)row; }
static void cost(FILE *to, const struct row *row) { put_number(to, row->line->usd); }
static void account_id(FILE *to, const struct row *row) { fprintf(to, "run-%lld", (long long)row->run->run); }
static void account_name(FILE *to, const struct row *row) { put_text(to, summary_title(row->run)); }
static void currency(FILE *to, const struct row *row) { (void)row, put_text(to, "USD"); }
static void period_start(FILE *to, const struct row *row) { put_text(to, row->start); }
static void period_end(FILE *to, const struct row *row) { put_text(to, row->end); }
static void charge_category(FILE *to, const struct row *row) { put_text(to, row->charge_category); }

static void description(FILE *to, const struct row *row) {
    const struct charge_line *line = row->line;
    struct text text;
    text_init(&text);
    text_format(&text, "%s of %s", kinds[line->kind].service, uses[line->use]);
    if (*line->tenant) text_format(&text, " of %s, class %s,", line->tenant, line->class_name);
    if (*line->pool) text_format(&text, " of pool %s", line->pool);
    text_format(&text, " in %s", line->region);
    put_text(to, text.at);
    text_free(&text);
}

static void frequency(FILE *to, const struct row *row) {
    const struct charge_line *line = row->line;
    const bool whatever = line->kind == CHARGE_DEMAND ||
                          (line->kind == CHARGE_CAPACITY && !is(line->bought, "on_demand") &&
                           !is(line->bought, "spot") && !is(line->bought, "several"));
    put_text(to, whatever ? "Recurring" : "Usage-Based");
}

static void discount_category(FILE *to, const struct row *row) {
    if (row->reserved) put_text(to, "Usage");
}
static void discount_id(FILE *to, const struct row *row) {
    if (!row->reserved) return;
    char id[256];
    snprintf(id, sizeof id, "%s/reserved", row->line->region);
    put_text(to, id);
}
static void discount_type(FILE *to, const struct row *row) {
    if (row->reserved) put_text(to, "Reservation");
}
static void discount_quantity(FILE *to, const struct row *row) {
    if (row->reserved) put_number(to, row->quantity);
}
static void discount_unit(FILE *to, const struct row *row) {
    if (row->reserved) put_text(to, row->unit);
}
static void discount_status(FILE *to, const struct row *row) {
    if (row->reserved) put_text(to, row->line->use == CHARGE_JOBS ? "Used" : "Unused");
}

static bool consumed(const struct row *row) {
    return row->usage && !(row->reserved && row->line->use != CHARGE_JOBS);
}
static void consumed_quantity(FILE *to, const struct row *row) {
    if (consumed(row)) put_number(to, row->quantity);
}
static void consumed_unit(FILE *to, const struct row *row) {
    if (consumed(row)) put_text(to, row->unit);
}
static void unit_price(FILE *to, const struct row *row) {
    if (row->usage) put_number(to, row->unit_price);
}

static void pricing_category(FILE *to, const struct row *row) {
    const char *bought = row->line->bought;
    if (!row->usage) return;
    put_text(to, row->reserved                                            ? "Committed"
                 : is(bought, "several")                                  ? "Other"
                 : is(bought, "spot") || row->line->kind == CHARGE_ENERGY ? "Dynamic"
                                                                          : "Standard");
}
static void pricing_quantity(FILE *to, const struct row *row) {
    if (row->usage) put_number(to, row->quantity);
}
static void pricing_unit(FILE *to, const struct row *row) {
    if (row->usage) put_text(to, row->unit);
}
static void provider(FILE *to, const struct row *row) { (void)row, put_text(to, issuer); }
static void region(FILE *to, const struct row *row) { put_text(to, row->line->region); }
static void resource(FILE *to, const struct row *row) { put_text(to, row->line->pool); }
static void resource_type(FILE *to, const struct row *row) {
    if (*row->line->pool) put_text(to, "Pool of nodes");
}
static void service_category(FILE *to, const struct row *row) {
    put_text(to, kinds[row->line->kind].category);
}
static void service_name(FILE *to, const struct row *row) { put_text(to, kinds[row->line->kind].service); }
static void service_subcategory(FILE *to, const struct row *row) {
    put_text(to, kinds[row->line->kind].subcategory);
}

static void put_sku(FILE *to, const struct row *row, bool with_region) {
    const struct charge_line *line = row->line;
    struct text text;
    if (!row->usage) return;
    text_init(&text);
    text_put(&text, charge_kinds[line->kind]);
    if (*line->bought) text_format(&text, "/%s", line->bought);
    if (with_region) text_format(&text, "/%s", line->region);
    put_text(to, text.at);
    text_free(&text);
}
static void sku(FILE *to, const struct row *row) { put_sku(to, row, false); }
static void sku_price(FILE *to, const struct row *row) { put_sku(to, row, true); }
static void sub_account(FILE *to, const struct row *row) { put_text(to, row->line->tenant); }

static void add_tag(struct text *text, const char *key, const char *value) {
    text_format(text, "%s\"%s\":\"", text->len > 1 ? "," : "", key);
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) {
        if (*c == '"' || *c == '\\') text_format(text, "\\%c", *c);
        else if (*c < 0x20) text_format(text, "\\u%04x", *c);
        else text_format(text, "%c", *c);
    }
    text_put(text, "\"");
}
static void tags(FILE *to, const struct row *row) {
    const struct charge_line *line = row->line;
    struct text text;
    text_init(&text);
    text_put(&text, "{");
    add_tag(&text, "scenario", row->run->info.scenario_name);
    add_tag(&text, "use", charge_uses[line->use]);
    if (*line->class_name) add_tag(&text, "class", line->class_name);
    if (*line->bought) add_tag(&text, "bought", line->bought);
    text_put(&text, "}");
    put_text(to, text.at);
    text_free(&text);
}

static void energy(FILE *to, const struct row *row) { put_number(to, row->line->energy_kwh); }
static void co2_location(FILE *to, const struct row *row) { put_number(to, row->line->co2_kg); }
static void co2_market(FILE *to, const struct row *row) { put_number(to, row->line->market_co2_kg); }
static void co2_embodied(FILE *to, const struct row *row) { put_number(to, row->line->embodied_kg); }
static void carbon_method(FILE *to, const struct row *row) { (void)row, put_text(to, method); }

static const struct column {
    const char *name;
    void (*put)(FILE *to, const struct row *row);
} columns[] = {
    {"BilledCost", cost},
    {"BillingAccountId", account_id},
    {"BillingAccountName", account_name},
    {"BillingCurrency", currency},
    {"BillingPeriodEnd", period_end},
    {"BillingPeriodStart", period_start},
    {"ChargeCategory", charge_category},
    {"ChargeClass", nothing}, /* nothing is corrected */
    {"ChargeDescription", description},
    {"ChargeFrequency", frequency},
    {"ChargePeriodEnd", period_end},
    {"ChargePeriodStart", period_start},
    {"CommitmentDiscountCategory", discount_category},
    {"CommitmentDiscountId", discount_id},
    {"CommitmentDiscountName", discount_id},
    {"CommitmentDiscountQuantity", discount_quantity},
    {"CommitmentDiscountStatus", discount_status},
    {"CommitmentDiscountType", discount_type},
    {"CommitmentDiscountUnit", discount_unit},
    {"ConsumedQuantity", consumed_quantity},
    {"ConsumedUnit", consumed_unit},
    {"ContractedCost", cost},
    {"ContractedUnitPrice", unit_price},
    {"EffectiveCost", cost},
    {"InvoiceIssuerName", provider},
    {"ListCost", cost},
    {"ListUnitPrice", unit_price},
    {"PricingCategory", pricing_category},
    {"PricingQuantity", pricing_quantity},
    {"PricingUnit", pricing_unit},
    {"ProviderName", provider},
    {"PublisherName", provider},
    {"RegionId", region},
    {"RegionName", region},
    {"ResourceId", resource},
    {"ResourceName", resource},
    {"ResourceType", resource_type},
    {"ServiceCategory", service_category},
    {"ServiceName", service_name},
    {"ServiceSubcategory", service_subcategory},
    {"SkuId", sku},
    {"SkuPriceId", sku_price},
    {"SubAccountId", sub_account},
    {"SubAccountName", sub_account},
    {"Tags", tags},
    {"x_energy_kwh", energy},
    {"x_co2_location_kg", co2_location},
    {"x_co2_market_kg", co2_market},
    {"x_co2_embodied_kg", co2_embodied},
    {"x_carbon_method", carbon_method},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

void focus_header(FILE *to) {
    for (size_t c = 0; c < COLUMNS; c++) fprintf(to, "%s%s", c ? "," : "", columns[c].name);
    fputs("\r\n", to);
}

void focus_rows(FILE *to, const struct summary *run, const struct charge_line *lines, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct row row;
        open_row(&row, run, &lines[i]);
        for (size_t c = 0; c < COLUMNS; c++) {
            if (c) fputc(',', to);
            columns[c].put(to, &row);
        }
        fputs("\r\n", to);
    }
}
