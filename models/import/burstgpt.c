/*
 * BurstGPT: `Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type`, a request a row, times in seconds
 * from the trace's own zero. Its releases differ in columns: a session is read where there is one. Model and log
 * type become the class ("ChatGPT, Conversation log"). A failed request has no response tokens and is left out.
 */
#include "io/import.h"

#include "base/text.h"

#include <string.h>

enum { TIMESTAMP, PROMPT, OUTPUT, MODEL, LOG_TYPE, SESSION, COLUMNS };
static const char *const column_names[] = {"Timestamp", "Request tokens", "Response tokens",
                                           "Model",     "Log Type",       "Session ID"};

struct burstgpt {
    struct request_list *requests;
    struct import_report *report;
    struct text class_name;
};

static void name_class(struct burstgpt *b, const char *model, const char *log_type) {
    text_clear(&b->class_name);
    text_format(&b->class_name, "%s%s%s", model, *model && *log_type ? ", " : "", log_type);
    request_list_class(b->requests, b->class_name.at, b->class_name.len);
}

static void read_request(void *context, struct import_row *row) {
    struct burstgpt *b = context;
    b->report->read++;
    const int64_t arrival_ns = import_seconds(row, TIMESTAMP);
    const uint64_t prompt = import_whole(row, PROMPT, REQUESTS_TOKENS_MOST),
                   output = import_whole(row, OUTPUT, REQUESTS_TOKENS_MOST);
    const char *session = import_text(row, SESSION);
    if (row->wrong) return;
    if (prompt == 0) {
        import_drop(b->report, "no prompt tokens", row->csv->file, row->csv->line);
    } else if (output == 0) {
        import_drop(b->report, "no output tokens: it failed", row->csv->file, row->csv->line);
    } else {
        request_list_add(b->requests, arrival_ns, (uint32_t)prompt, (uint32_t)output);
        name_class(b, import_text(row, MODEL), import_text(row, LOG_TYPE));
        if (*session) request_list_session(b->requests, session, strlen(session));
    }
}

static const struct import_table requests_table = {column_names, COLUMNS, MODEL, read_request};

static bool burstgpt_read(const struct import_call *call, struct request_list *requests, bool *dated,
                          struct import_report *report, struct err *err) {
    struct burstgpt b = {requests, report, {0}};
    const size_t found = err->found;
    *dated = false;
    for (size_t i = 0; i < call->files_len; i++) import_csv(call->files[i], &requests_table, &b, err);
    text_free(&b.class_name);
    return err->found == found;
}

const struct import_format import_burstgpt = {
    .model = {.name = "burstgpt",
              .summary = "BurstGPT; requests, model and log type become the class",
              .source = "HPMLL/BurstGPT; Wang et al., KDD'25"},
    .read_requests = burstgpt_read,
};
