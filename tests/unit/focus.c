/* The FOCUS export: the rows add up to the run, every column of the specification that must be filled is, and
 * what it says of quantities, prices and commitments holds in every row. */
#include "io/focus.h"

#include "base/mem.h"
#include "base/num.h"
#include "support/sample.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A parsed export: fields[row * columns + column], row 0 the header. */
struct csv {
    struct {
        char **at;
        size_t len, cap;
    } fields;
    size_t columns, rows;
};

/* RFC 4180, by hand. */
static struct csv parse(const char *text) {
    struct csv csv = {0};
    for (const char *c = text; *c;) {
        char *field = mem_alloc(strlen(c) + 1), *to = field;
        const bool quoted = *c == '"';
        c += quoted;
        while (*c && (quoted ? *c != '"' || c[1] == '"' : *c != ',' && *c != '\r')) {
            c += quoted && *c == '"';
            *to++ = *c++;
        }
        *to = '\0';
        c += quoted;
        *vec_push(&csv.fields) = field;
        if (*c == ',') {
            c++;
            continue;
        }
        cr_assert_eq(strncmp(c, "\r\n", 2), 0);
        c += 2;
        csv.rows++;
        if (csv.columns == 0) csv.columns = csv.fields.len;
        cr_assert_eq(csv.fields.len, csv.rows * csv.columns, "row %zu", csv.rows);
    }
    return csv;
}

static void close_csv(struct csv *csv) {
    for (size_t i = 0; i < csv->fields.len; i++) free(csv->fields.at[i]);
    free(csv->fields.at);
}

/* Rows count from 1. */
static const char *field(const struct csv *csv, size_t row, const char *column) {
    for (size_t c = 0; c < csv->columns; c++)
        if (strcmp(csv->fields.at[c], column) == 0) return csv->fields.at[row * csv->columns + c];
    cr_assert_fail("no column %s", column);
    return "";
}

static double number(const struct csv *csv, size_t row, const char *column) {
    const char *text = field(csv, row, column);
    double value = NAN;
    cr_assert(num_f64(text, strlen(text), &value), "%s of row %zu: '%s'", column, row, text);
    return value;
}

static double sum(const struct csv *csv, const char *column) {
    double all = 0;
    for (size_t row = 1; row < csv->rows; row++) all += number(csv, row, column);
    return all;
}

static bool is(const struct csv *csv, size_t row, const char *column, const char *wanted) {
    return strcmp(field(csv, row, column), wanted) == 0;
}

/* The export of the enriched month; the summary is for comparison. */
static struct csv export_of(struct sample *sample, struct summary *run) {
    char *text;
    size_t len;
    summary_of(run, &sample->info, &sample->setup, &sample->result, 1);
    run->run = 7;
    struct charge_lines lines = charge_lines_of(&sample->setup, &sample->result);
    FILE *to = open_memstream(&text, &len);
    focus_header(to);
    focus_rows(to, run, lines.at, lines.len);
    fclose(to);
    struct csv csv = parse(text);
    free(text);
    free(lines.at);
    return csv;
}

static void expect_sum(const struct csv *csv, const char *column, double wanted) {
    const double got = sum(csv, column);
    cr_expect(fabs(got - wanted) <= 1e-9 * fabs(wanted), "%s: %.17g, not %.17g", column, got, wanted);
}

Test(focus, rows_add_up_to_the_run) {
    for (unsigned variant = 0; variant < 6; variant++) {
        struct sample sample;
        struct summary run;
        sample_open(&sample, variant % 3);
        if (variant >= 3) sample_enrich(&sample, variant % 3);
        struct csv csv = export_of(&sample, &run);
        cr_expect_gt(csv.rows, 12);
        expect_sum(&csv, "BilledCost", summary_value(&run, "total_usd"));
        expect_sum(&csv, "EffectiveCost", summary_value(&run, "total_usd"));
        expect_sum(&csv, "x_energy_kwh", summary_value(&run, "energy_kwh"));
        expect_sum(&csv, "x_co2_location_kg",
                   summary_value(&run, "total_co2_kg") - summary_value(&run, "embodied_kg"));
        expect_sum(&csv, "x_co2_embodied_kg", summary_value(&run, "embodied_kg"));
        if (variant >= 3) expect_sum(&csv, "x_co2_market_kg", summary_value(&run, "market_co2_kg"));
        close_csv(&csv);
        summary_free(&run);
        sample_close(&sample);
    }
}

Test(focus, every_row_obeys_the_specification) {
    static const char *const filled[] = {
        "BilledCost",      "BillingAccountId",   "BillingAccountName", "BillingCurrency",  "BillingPeriodEnd",
        "ChargeCategory",  "BillingPeriodStart", "ChargeDescription",  "ChargeFrequency",  "ChargePeriodEnd",
        "ContractedCost",  "ChargePeriodStart",  "EffectiveCost",      "InvoiceIssuerName", "ListCost",
        "ProviderName",    "PublisherName",      "ServiceCategory",    "ServiceName",      "RegionId",
        "x_carbon_method", "ServiceSubcategory", "RegionName",         "Tags"};
    struct sample sample;
    struct summary run;
    sample_open(&sample, 1);
    sample_enrich(&sample, 1);
    sample.setup.pools[1].bought = BOUGHT_RESERVED;
    struct csv csv = export_of(&sample, &run);
    size_t taxes = 0, adjustments = 0;
    for (size_t row = 1; row < csv.rows; row++) {
        for (size_t i = 0; i < sizeof filled / sizeof *filled; i++)
            cr_expect(*field(&csv, row, filled[i]), "row %zu has no %s", row, filled[i]);
        cr_expect(is(&csv, row, "BillingPeriodStart", "2023-03-01T00:00:00Z"));
        cr_expect(is(&csv, row, "ChargePeriodEnd", "2023-03-31T00:00:00Z"));
        const bool usage = is(&csv, row, "ChargeCategory", "Usage");
        taxes += is(&csv, row, "ChargeCategory", "Tax");
        adjustments += is(&csv, row, "ChargeCategory", "Adjustment");
        static const char *const priced[] = {"PricingQuantity", "PricingUnit", "PricingCategory",
                                             "ListUnitPrice",   "SkuPriceId",  "ContractedUnitPrice",
                                             "SkuId"};
        for (size_t i = 0; i < sizeof priced / sizeof *priced; i++)
            cr_expect_eq(*field(&csv, row, priced[i]) != '\0', usage, "row %zu: %s", row, priced[i]);
        const bool committed = is(&csv, row, "PricingCategory", "Committed");
        cr_expect_eq(*field(&csv, row, "CommitmentDiscountId") != '\0', committed);
        cr_expect_eq(*field(&csv, row, "CommitmentDiscountStatus") != '\0', committed);
        if (!usage) continue;
        const double cost = number(&csv, row, "ContractedCost");
        cr_expect(number(&csv, row, "ContractedUnitPrice") >= 0);
        const double quantity = number(&csv, row, "PricingQuantity");
        cr_expect(fabs(quantity * number(&csv, row, "ContractedUnitPrice") - cost) <= 1e-12 * cost);
        cr_expect_eq(*field(&csv, row, "ConsumedQuantity") != '\0',
                     !is(&csv, row, "CommitmentDiscountStatus", "Unused"));
    }
    cr_expect_gt(taxes, 0);
    cr_expect_gt(adjustments, 0);
    close_csv(&csv);
    summary_free(&run);
    sample_close(&sample);
}

/* Idle nodes of a reserved pool are the unused part of the commitment; spot prices move; a carbon price is a
 * tax; jobs that may have used several kinds of capacity are said to. */
Test(focus, capacity_says_how_it_is_bought) {
    struct sample sample;
    struct summary run;
    sample_open(&sample, 0);
    sample_enrich(&sample, 1);
    sample.setup.pools[0].bought = BOUGHT_SPOT;
    sample.setup.pools[1].bought = BOUGHT_RESERVED;
    sample.result.charged[0].bought = BOUGHT_COUNT;
    sample.result.charged[3].bought = BOUGHT_RESERVED;
    struct csv csv = export_of(&sample, &run);
    size_t seen = 0;
    for (size_t row = 1; row < csv.rows; row++) {
        if (!is(&csv, row, "ServiceName", "GPU capacity")) continue;
        if (is(&csv, row, "ResourceId", "a100")) {
            cr_expect(is(&csv, row, "CommitmentDiscountStatus", "Unused"));
            cr_expect(is(&csv, row, "CommitmentDiscountId", "eu-north/reserved"));
            cr_expect(is(&csv, row, "ConsumedQuantity", ""));
            seen |= 1;
        } else if (is(&csv, row, "ResourceId", "h100")) {
            cr_expect(is(&csv, row, "PricingCategory", "Dynamic"));
            cr_expect(is(&csv, row, "ChargeFrequency", "Usage-Based"));
            seen |= 2;
        } else if (is(&csv, row, "SubAccountId", "vision") && is(&csv, row, "RegionId", "us-east")) {
            cr_expect(is(&csv, row, "PricingCategory", "Other"));
            seen |= 4;
        } else if (is(&csv, row, "SubAccountId", "vision")) {
            cr_expect(is(&csv, row, "CommitmentDiscountStatus", "Used"));
            seen |= 8;
        } else {
            cr_expect(is(&csv, row, "PricingCategory", "Standard"));
            cr_expect(is(&csv, row, "ChargeFrequency", "Recurring"));
        }
    }
    cr_expect_eq(seen, 15);
    close_csv(&csv);
    summary_free(&run);
    sample_close(&sample);
}

/* Names with commas, quotes and line ends stay in their field, also inside the tags. */
Test(focus, names_are_quoted) {
    struct sample sample;
    struct summary run;
    sample_open(&sample, 0);
    sample.setup.regions[0].name = "east, \"the\" one";
    sample.info.scenario_name = "a \"month\"\nof two";
    struct csv csv = export_of(&sample, &run);
    cr_expect_str_eq(field(&csv, 1, "RegionId"), "east, \"the\" one");
    const char *tags = field(&csv, 1, "Tags");
    cr_expect_eq(strncmp(tags, "{\"scenario\":\"a \\\"month\\\"\\u000aof two\"", 36), 0, "%s", tags);
    close_csv(&csv);
    summary_free(&run);
    sample_close(&sample);
}

/* Nodes without GPUs have no GPU-hours: their cost is one unit. */
Test(focus, hardware_without_gpus_is_charged_in_one_sum) {
    struct sample sample;
    struct summary run;
    sample_open(&sample, 0);
    sample.result.tallies[sample.result.tallies_len - 1].free_gpu_h = 0;
    struct csv csv = export_of(&sample, &run);
    size_t seen = 0;
    for (size_t row = 1; row < csv.rows; row++) {
        if (!is(&csv, row, "ResourceId", "a100") || !is(&csv, row, "ServiceName", "GPU capacity")) continue;
        cr_expect(is(&csv, row, "PricingQuantity", "1"));
        cr_expect(is(&csv, row, "PricingUnit", "Units"));
        cr_expect_eq(number(&csv, row, "ListUnitPrice"), number(&csv, row, "BilledCost"));
        seen++;
    }
    cr_expect_eq(seen, 1);
    close_csv(&csv);
    summary_free(&run);
    sample_close(&sample);
}
