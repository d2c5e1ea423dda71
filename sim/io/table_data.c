/*
 * Runs for machines (see table.h): JSON and CSV, with every metric of every part, exactly.
 */
#include "io/table.h"

#include "base/num.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void table_json_text(FILE *to, const char *text) {
    fputc('"', to);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') fprintf(to, "\\%c", *c);
        else if (*c < 0x20) fprintf(to, "\\u%04x", *c);
        else fputc(*c, to);
    }
    fputc('"', to);
}

void table_json_number(FILE *to, double value) {
    char number[32];
    fputs(isfinite(value) ? num_shortest(value, number) : "null", to);
}

static void json_metrics(FILE *to, const struct summary_part *part, const char *indent) {
    const char *comma = "";
    fputc('{', to);
    for (size_t m = 0; m < result_metrics_len; m++) {
        if (!(result_metrics[m].parts >> part->part & 1)) continue;
        fprintf(to, "%s\n%s  \"%s\": ", comma, indent, result_metrics[m].name);
        table_json_number(to, part->value[m]);
        comma = ",";
    }
    fprintf(to, "\n%s}", indent);
}

static void json_parts(FILE *to, const struct summary *run, enum part part) {
    size_t count;
    const struct summary_part *parts = summary_parts(run, part, &count);
    fprintf(to, ",\n      \"%s\": {", part_names[part]);
    for (size_t i = 0; i < count; i++) {
        fprintf(to, "%s\n        ", i ? "," : "");
        table_json_text(to, parts[i].name);
        fputs(": ", to);
        json_metrics(to, &parts[i], "        ");
    }
    fputs(count ? "\n      }" : "}", to);
}

static void json_run(FILE *to, const struct summary *run) {
    const struct run_info *info = &run->info;
    const struct {
        const char *key, *text;
    } texts[] = {
        {"scenario", info->scenario_name},
        {"scenario_file", info->scenario_file},
        {"name", info->run_name},
        {"baseline", info->baseline},
        {"overrides", info->overrides},
        {"trace", info->trace},
        {"order", info->order},
        {"backfill", info->backfill},
        {"place", info->place},
        {"route", info->route},
        {"shift", info->shift},
        {"forecast", info->forecast},
        {"market", info->market},
        {"version", info->version},
        {"command", info->command},
        {"work_unit", run->work_unit},
    };
    fprintf(to, "    {\n      \"run_id\": %" PRId64 ",\n      \"batch_id\": %" PRId64 ",\n", run->run,
            run->batch);
    fprintf(to, "      \"complete\": %s,\n", run->complete ? "true" : "false");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fprintf(to, "      \"%s\": ", texts[i].key);
        table_json_text(to, texts[i].text);
        fputs(",\n", to);
    }
    fprintf(to, "      \"scenario_hash\": \"%016" PRIx64 "\",\n      \"trace_hash\": \"%016" PRIx64 "\",\n",
            info->scenario_hash, info->trace_hash);
    fprintf(to,
            "      \"seed\": %" PRIu64 ",\n      \"jobs\": %" PRIu64 ",\n      \"events\": %" PRIu64 ",\n",
            info->seed, run->jobs, run->events);
    fputs("      \"measured_s\": ", to), table_json_number(to, run->measured_s);
    fputs(",\n      \"wall_s\": ", to), table_json_number(to, run->wall_s);
    fputs(",\n      \"loop_s\": ", to), table_json_number(to, run->loop_s);
    if (run->parts_len) fputs(",\n      \"metrics\": ", to), json_metrics(to, &run->parts[0], "      ");
    for (int part = PART_REGION; part < PART_COUNT; part++) json_parts(to, run, (enum part)part);
    fputs(",\n      \"warnings\": [", to);
    for (size_t i = 0; i < run->warnings_len; i++) {
        fprintf(to, "%s\n        ", i ? "," : "");
        table_json_text(to, run->warnings[i]);
    }
    fprintf(to, "%s]\n    }", run->warnings_len ? "\n      " : "");
}

void table_json(FILE *to, const struct summary *runs, size_t count) {
    fputs("{\n  \"runs\": [\n", to);
    for (size_t i = 0; i < count; i++) {
        if (i) fputs(",\n", to);
        json_run(to, &runs[i]);
    }
    fputs("\n  ]\n}\n", to);
}

void table_csv_text(FILE *to, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, to);
        return;
    }
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"') fputc('"', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

void table_csv(FILE *to, const struct summary *runs, size_t count, unsigned parts) {
    char number[32];
    fputs("run_id,run,part,name", to);
    for (size_t m = 0; m < result_metrics_len; m++) fprintf(to, ",%s", result_metrics[m].name);
    fputs("\r\n", to);
    for (size_t r = 0; r < count; r++) {
        for (size_t p = 0; p < runs[r].parts_len; p++) {
            const struct summary_part *part = &runs[r].parts[p];
            if (!(parts >> part->part & 1)) continue;
            fprintf(to, "%" PRId64 ",", runs[r].run);
            table_csv_text(to, summary_title(&runs[r]));
            fprintf(to, ",%s,", part_names[part->part]);
            table_csv_text(to, part->name);
            for (size_t m = 0; m < result_metrics_len; m++)
                fprintf(to, ",%s", isfinite(part->value[m]) ? num_shortest(part->value[m], number) : "");
            fputs("\r\n", to);
        }
    }
}
