/*
 * The report in Markdown: report.md, with the PNGs beside it, for wikis and code hosts. The same in the same order as
 * the page for the browser (report_html.c), but for what only a browser can do. And what both pages share.
 */
#include "io/report_page.h"

#include "base/err.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/table.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- for both pages --- */

char *report_path(const struct page *page, const char *name, const char *ending) {
    struct text path;
    text_init(&path);
    text_format(&path, "%s/%s%s", page->folder, name, ending);
    return text_take(&path);
}

FILE *report_open(const struct page *page, const char *name) {
    char *path = report_path(page, name, "");
    FILE *file = fopen(path, "w");
    if (!file) die("cannot write '%s': %s", path, strerror(errno));
    free(path);
    return file;
}

void report_close(const struct page *page, FILE *file) {
    const bool failed = ferror(file);
    if (fclose(file) != 0 || failed) die("cannot write the report into '%s': %s", page->folder, strerror(errno));
}

const char *const report_part_titles[PART_COUNT] = {
    [PART_REGION] = "Regions", [PART_TENANT] = "Tenants", [PART_CLASS] = "Classes", [PART_POOL] = "Pools",
    [PART_SERVICE] = "Services", [PART_REQUEST_CLASS] = "Classes of requests",
    [PART_REQUEST_REGION] = "Regions of users", [PART_PIPELINE] = "Pipelines"};

bool report_has_parts(const struct page *page, enum part part) {
    size_t count;
    summary_parts(page->runs[0], part, &count);
    return count > 1;
}

void report_parts(const struct page *page, FILE *to, enum part part, enum table_form form) {
    struct summary *runs = mem_alloc(page->count * sizeof *runs);
    for (size_t i = 0; i < page->count; i++) runs[i] = *page->runs[i];
    table_parts(to, runs, page->count, part, form);
    free(runs);
}

void report_fleet(const struct page *page, FILE *to, enum table_form form) {
    static const char *const titles[] = {"pool", "region", "bought", "nodes", "GPU", "GPUs a node", "USD/node-h"};
    struct table *table = table_open("lllrlrr");
    char number[48];
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_cell(table, "%s", titles[i]);
    for (size_t i = 0; i < page->pools_len; i++) {
        const struct store_pool *p = &page->pools[i];
        table_cell(table, "%s", p->name);
        table_cell(table, "%s", p->region);
        table_cell(table, "%s", p->bought);
        table_cell(table, "%s", table_number((double)p->nodes, 0, number));
        table_cell(table, "%s", *p->gpu ? p->gpu : "none");
        table_cell(table, "%u", p->gpus_per_node);
        table_cell(table, "%s%s", table_number(p->usd_per_node_h, 2, number), p->estimated ? " (estimate)" : "");
    }
    if (form == TABLE_HTML) table_print_html(table, to, 1);
    else table_print(table, to, 1, 0);
    table_close(table);
}

/* --- the page --- */

struct writing {
    const struct page *page;
    FILE *to;
};

/* Text inside a table cell: no bars. */
static void put_cell(FILE *to, const char *text) {
    for (; *text; text++) {
        if (*text == '|') fputc('\\', to);
        fputc(*text, to);
    }
}

static void put_row(void *context, const struct table_line *line) {
    const struct writing *w = context;
    if (line->section) {
        fprintf(w->to, "| **%s** | |", line->section);
        for (size_t i = 0; i < line->count; i++) fputs(i ? " | |" : " |", w->to);
        fputc('\n', w->to);
    }
    fprintf(w->to, "| %s%s | ", line->sub ? "&emsp;" : "", line->label);
    put_cell(w->to, line->unit);
    fputs(" |", w->to);
    for (size_t i = 0; i < line->count; i++) {
        fprintf(w->to, " %s |", line->cells[i].value);
        if (i) fprintf(w->to, " %s |", line->cells[i].change);
    }
    fputc('\n', w->to);
}

static void put_table(struct writing *w) {
    const struct page *page = w->page;
    fputs("| | unit |", w->to);
    for (size_t i = 0; i < page->count; i++) {
        fputc(' ', w->to);
        put_cell(w->to, summary_title(page->runs[i]));
        fputs(i ? " | change |" : " |", w->to);
    }
    fputs("\n|---|---|", w->to);
    for (size_t i = 0; i < page->count; i++) fputs(i ? "---:|---:|" : "---:|", w->to);
    fputc('\n', w->to);
    table_lines(page->runs, page->count, put_row, w);
}

static void put_head(const struct writing *w) {
    const struct page *page = w->page;
    const struct summary *first = page->runs[0];
    char span[32], *heading = summary_heading(page->runs, page->count), *demand = table_demand(first);
    fprintf(w->to, "# %s\n\n%s, %s measured, seed %" PRIu64 ". A unit of work is one %s.\n\n", heading, demand,
            tick_human(tick_from_seconds(first->measured_s), span), first->info.seed, first->work_unit);
    free(heading);
    free(demand);
    for (size_t i = 0; i < page->count; i++) {
        char *policy = summary_policy(page->runs[i], i > 0);
        fprintf(w->to, "- **%s**%s: %s\n", summary_title(page->runs[i]),
                page->count > 1 && !i ? " (baseline)" : "", policy);
        free(policy);
    }
}

static void put_foot(const struct writing *w) {
    const struct page *page = w->page;
    const struct run_info *info = &page->runs[0]->info;
    size_t notes_len;
    const char **notes = summary_notes(page->runs, page->count, &notes_len);
    for (size_t i = 0; i < notes_len; i++) {
        char *whose = summary_whose(page->runs, page->count, notes[i]);
        fprintf(w->to, "\nNote: %s%s\n", whose, notes[i]);
        free(whose);
    }
    free(notes);
    fprintf(w->to, "\nheadroom %s, `%s`, results in `%s`\n", info->version, info->command, page->source);
}

static void put_sources(const struct writing *w) {
    const struct sources *sources = w->page->sources;
    for (size_t i = 0; i < sources->len; i++) {
        const struct source *s = &sources->at[i];
        fprintf(w->to, "%s- %s `%s`: %s%s%s\n", i ? "" : "\nSources of the catalogue's figures:\n\n", s->kind, s->name,
                s->source, *s->estimates ? "; estimates: " : "", s->estimates);
    }
}

void report_markdown(const struct page *page) {
    struct writing w = {page, report_open(page, "report.md")};
    put_head(&w);
    fputs("\n## Summary\n\n", w.to);
    for (size_t i = 0; i < page->words_len; i++)
        fprintf(w.to, "- **%s.** %s\n", page->words[i].subject, page->words[i].text);
    if (page->compare) {
        fputc('\n', w.to);
        compare_print(page->compare, COMPARE_MARKDOWN, w.to);
        fprintf(w.to, "That is over %zu runs. All that follows is of one run of each group, %zu in all.\n", page->asked,
                page->count);
    }
    for (size_t i = 0; i < page->pictures_len; i++)
        fprintf(w.to, "\n## %s\n\n![%s](%s.png)\n\n%s\n", page->pictures[i].title, page->pictures[i].title,
                page->pictures[i].name, page->pictures[i].caption);
    fputs("\n## All figures\n\n", w.to);
    put_table(&w);
    for (int part = PART_REGION; part < PART_COUNT; part++) {
        if (!report_has_parts(page, (enum part)part)) continue;
        fprintf(w.to, "\n## %s\n\n```\n", report_part_titles[part]);
        report_parts(page, w.to, (enum part)part, TABLE_TEXT);
        fputs("```\n", w.to);
    }
    fputs("\n## Assumptions\n", w.to);
    if (page->pools_len) {
        fputs("\n```\n", w.to);
        report_fleet(page, w.to, TABLE_TEXT);
        fputs("```\n", w.to);
    }
    put_sources(&w);
    put_foot(&w);
    report_close(page, w.to);
}
