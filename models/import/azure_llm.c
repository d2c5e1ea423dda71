/*
 * Azure's LLM inference traces of 2023 and 2024: `TIMESTAMP,ContextTokens,GeneratedTokens`, a request a row, dates to
 * the 100 ns, taken as UTC. A request without context or without output cannot be served and is left out.
 */
#include "io/import.h"

enum { TIMESTAMP, CONTEXT, GENERATED, COLUMNS };
static const char *const column_names[] = {"TIMESTAMP", "ContextTokens", "GeneratedTokens"};

struct azure {
    struct request_list *requests;
    struct import_report *report;
};

static void read_request(void *context, struct import_row *row) {
    struct azure *a = context;
    a->report->read++;
    const int64_t arrival_ns = import_date(row, TIMESTAMP);
    const uint64_t prompt = import_whole(row, CONTEXT, REQUESTS_TOKENS_MOST),
                   output = import_whole(row, GENERATED, REQUESTS_TOKENS_MOST);
    if (row->wrong) return;
    if (prompt == 0) import_drop(a->report, "no prompt tokens", row->csv->file, row->csv->line);
    else if (output == 0) import_drop(a->report, "no output tokens", row->csv->file, row->csv->line);
    else request_list_add(a->requests, arrival_ns, (uint32_t)prompt, (uint32_t)output);
}

static const struct import_table requests_table = {column_names, COLUMNS, COLUMNS, read_request};

static bool azure_read(const struct import_call *call, struct request_list *requests, bool *dated,
                       struct import_report *report, struct err *err) {
    struct azure a = {requests, report};
    const size_t found = err->found;
    *dated = true;
    for (size_t i = 0; i < call->files_len; i++) import_csv(call->files[i], &requests_table, &a, err);
    return err->found == found;
}

const struct import_format import_azure_llm = {
    .model = {.name = "azure-llm",
              .summary = "Azure LLM inference traces; requests",
              .source = "AzurePublicDataset; Patel et al. (Splitwise), ISCA'24; Stojkovic et al., HPCA'25"},
    .read_requests = azure_read,
};
