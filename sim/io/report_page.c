/*
 * The report's two pages (see report_page.h). index.html is one file that needs no other: the pictures are
 * inside it in base64, light and dark, and the browser takes the one that suits. report.md shows the PNGs
 * beside it. Both say the same in the same order: key figures, pictures, the table of the terminal's page,
 * parts, notes.
 */
#include "io/report_page.h"

#include "base/err.h"
#include "base/text.h"
#include "base/tick.h"
#include "io/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is asked first. */
static const struct {
    const char *metric, *title;
} keys[] = {
    {"work", "Work completed"},
    {"wait_mean_s", "Mean wait"},
    {"jct_mean_s", "Mean completion time"},
    {"useful_utilisation", "Useful utilisation"},
    {"energy_kwh", "Energy"},
    {"co2_kg", "Emissions, CO₂"},
    {"total_usd", "Total cost"},
    {"work_per_usd", "Work per dollar"},
};
enum { KEYS = sizeof keys / sizeof *keys };

struct page {
    FILE *to;
    const struct summary *const *runs;
    size_t count;
};

static char *path_of(const char *folder, const char *name, const char *ending) {
    struct text path;
    text_init(&path);
    text_format(&path, "%s/%s%s", folder, name, ending);
    return text_take(&path);
}

static FILE *open_page(const char *folder, const char *name) {
    char *path = path_of(folder, name, "");
    FILE *file = fopen(path, "w");
    if (!file) die("cannot write '%s': %s", path, strerror(errno));
    free(path);
    return file;
}

static void close_page(FILE *file, const char *folder) {
    const bool failed = ferror(file);
    if (fclose(file) != 0 || failed) die("cannot write the report into '%s': %s", folder, strerror(errno));
}

/* --- HTML --- */

static void put_html(FILE *to, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '&': fputs("&amp;", to); break;
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '"': fputs("&quot;", to); break;
        default: fputc(*text, to);
        }
    }
}

static const char style[] =
    ":root{color-scheme:light dark;--paper:#fff;--page:#f4f6f8;--ink:#1f252b;--soft:#57626d;--line:#dfe4e8;"
    "--good:#00785a;--bad:#b34700}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#16191d;--page:#0e1013;--ink:#e6e8eb;--soft:#a3acb5;"
    "--line:#2c3238;--good:#35c396;--bad:#f58a4b}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}\n"
    "main{max-width:1040px;margin:0 auto;padding:32px 20px 64px}h1{font-size:28px;line-height:1.2;margin:0 0 "
    "4px}"
    "h2{font-size:18px;margin:40px 0 12px}p{margin:4px 0}.soft{color:var(--soft)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(228px,1fr));gap:12px;margin-top:24px}"
    "\n"
    ".tile,figure,.sheet{background:var(--paper);border:1px solid var(--line);border-radius:8px}\n"
    ".tile{padding:14px 16px}.tile h3{margin:0;font-size:13px;font-weight:500;color:var(--soft)}"
    ".tile .big{font-size:26px;font-weight:600;line-height:1.3;white-space:nowrap}.tile .big "
    "small{font-size:14px;font-weight:400;"
    "color:var(--soft)}\n"
    ".tile table{width:100%;font-size:13px;border-collapse:collapse}.tile td{padding:1px 0}"
    ".tile td+td{text-align:right;padding-left:8px;white-space:nowrap}\n"
    "figure{margin:16px 0;padding:12px}figure img{width:100%;height:auto;display:block}"
    "figcaption{color:var(--soft);font-size:14px;padding:6px 12px 4px}\n"
    ".sheet{overflow-x:auto;padding:8px 16px}.sheet table{border-collapse:collapse;width:100%;font-size:14px;"
    "font-variant-numeric:tabular-nums}\n"
    ".sheet th,.sheet td{padding:3px 10px 3px 0;text-align:right;white-space:nowrap}"
    ".sheet th:first-child,.sheet td:first-child,.sheet td:nth-child(2){text-align:left}"
    ".sheet thead th{border-bottom:1px solid var(--line);position:sticky;top:0}"
    ".sheet .section td{font-weight:600;padding-top:14px}.sheet .sub td:first-child{padding-left:18px}\n"
    ".sheet .unit{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}\n"
    "pre{font:12.5px/1.45 ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;margin:8px 0}\n"
    "footer{margin-top:40px;font-size:13px;color:var(--soft)}code{font-size:.92em}\n";

static void put_base64(FILE *to, FILE *from) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char three[3];
    for (size_t len; (len = fread(three, 1, 3, from)) > 0;) {
        for (size_t i = len; i < 3; i++) three[i] = 0;
        const unsigned bits = (unsigned)three[0] << 16 | (unsigned)three[1] << 8 | three[2];
        for (size_t i = 0; i < 4; i++) fputc(i <= len ? letters[bits >> (18 - 6 * i) & 63] : '=', to);
    }
}

static void put_svg(FILE *to, const char *folder, const char *name, const char *ending) {
    char *path = path_of(folder, name, ending);
    FILE *svg = fopen(path, "rb");
    if (!svg) die("cannot read '%s': %s", path, strerror(errno));
    fputs("data:image/svg+xml;base64,", to);
    put_base64(to, svg);
    fclose(svg);
    free(path);
}

static const char *class_of(enum table_verdict verdict) {
    return verdict == TABLE_BETTER ? "good" : verdict == TABLE_WORSE ? "bad" : "soft";
}

/* The other runs of a tile, a line each. */
static void put_tile_runs(const struct page *page, const struct table_line *line) {
    fputs("<table>", page->to);
    for (size_t i = 1; i < line->count; i++) {
        fputs("<tr><td>", page->to);
        put_html(page->to, summary_title(page->runs[i]));
        fprintf(page->to, "</td><td>%s</td><td class=\"%s\">%s</td></tr>", line->cells[i].value,
                class_of(line->cells[i].verdict), line->cells[i].change);
    }
    fputs("</table>", page->to);
}

static void put_tile(void *context, const struct table_line *line) {
    const struct page *page = context;
    size_t k = 0;
    while (k < KEYS && strcmp(keys[k].metric, line->metric->name) != 0) k++;
    if (k == KEYS) return;
    fprintf(page->to, "<div class=\"tile\"><h3>%s", keys[k].title);
    if (page->count > 1) fputs(", ", page->to), put_html(page->to, summary_title(page->runs[0]));
    fprintf(page->to, "</h3><div class=\"big\">%s <small>", line->cells[0].value);
    put_html(page->to, line->unit);
    fputs("</small></div>", page->to);
    if (line->count > 1) put_tile_runs(page, line);
    fputs("</div>\n", page->to);
}

static void put_row(void *context, const struct table_line *line) {
    const struct page *page = context;
    if (line->section)
        fprintf(page->to, "<tr class=\"section\"><td colspan=\"%zu\">%s</td></tr>\n", 2 + 2 * line->count,
                line->section);
    fprintf(page->to, "<tr%s><td>%s</td><td class=\"unit\">", line->sub ? " class=\"sub\"" : "", line->label);
    put_html(page->to, line->unit);
    fputs("</td>", page->to);
    for (size_t i = 0; i < line->count; i++) {
        fprintf(page->to, "<td>%s</td>", line->cells[i].value);
        if (i)
            fprintf(page->to, "<td class=\"%s\">%s</td>", class_of(line->cells[i].verdict),
                    line->cells[i].change);
    }
    if (line->count == 1) fprintf(page->to, "<td class=\"soft\">%s</td>", line->share);
    fputs("</tr>\n", page->to);
}

static void put_head(const struct page *page) {
    const struct summary *first = page->runs[0];
    char span[32], *heading = summary_heading(page->runs, page->count), *demand = table_demand(first);
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          page->to);
    put_html(page->to, heading);
    fprintf(page->to, "</title>\n<style>\n%s</style></head><body><main>\n<h1>", style);
    put_html(page->to, heading);
    fputs("</h1>\n<p class=\"soft\">", page->to);
    put_html(page->to, demand);
    free(heading);
    free(demand);
    fprintf(page->to, "; %s measured; seed %" PRIu64 "; a unit of work is one ",
            tick_human(tick_from_seconds(first->measured_s), span), first->info.seed);
    put_html(page->to, first->work_unit);
    fputs("</p>\n", page->to);
    for (size_t i = 0; i < page->count; i++) {
        char *policy = summary_policy(page->runs[i], i > 0);
        fputs("<p class=\"soft\"><strong>", page->to);
        put_html(page->to, summary_title(page->runs[i]));
        fputs(page->count > 1 && !i ? "</strong> (baseline): " : "</strong>: ", page->to);
        put_html(page->to, policy);
        fputs("</p>\n", page->to);
        free(policy);
    }
}

static void put_figure(FILE *to, const char *folder, const struct picture *picture) {
    fputs("<figure><picture><source media=\"(prefers-color-scheme: dark)\" srcset=\"", to);
    put_svg(to, folder, picture->name, "-dark.svg");
    fprintf(to, "\"><img alt=\"%s\" src=\"", picture->title);
    put_svg(to, folder, picture->name, ".svg");
    fprintf(to, "\"></picture><figcaption>%s</figcaption></figure>\n", picture->caption);
}

static void put_table(struct page *page) {
    fputs("<h2>All figures</h2>\n<div class=\"sheet\"><table><thead><tr><th></th><th></th>", page->to);
    for (size_t i = 0; i < page->count; i++) {
        fputs("<th>", page->to);
        if (page->count > 1) put_html(page->to, summary_title(page->runs[i]));
        fputs(i ? "</th><th>change</th>" : "</th>", page->to);
    }
    fputs(page->count == 1 ? "<th></th></tr></thead><tbody>\n" : "</tr></thead><tbody>\n", page->to);
    table_lines(page->runs, page->count, put_row, page);
    fputs("</tbody></table></div>\n", page->to);
}

/* The parts as the terminal shows them. */
static char *parts_text(const struct page *page, enum part part) {
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    if (!to) die("out of memory");
    struct summary *runs = mem_alloc(page->count * sizeof *runs);
    for (size_t i = 0; i < page->count; i++) runs[i] = *page->runs[i];
    table_parts(to, runs, page->count, part);
    free(runs);
    fclose(to);
    return text;
}

static bool has_parts(const struct page *page, enum part part) {
    size_t count;
    summary_parts(page->runs[0], part, &count);
    return count > 1;
}

static const char *const part_titles[PART_COUNT] = {
    [PART_REGION] = "Regions", [PART_TENANT] = "Tenants", [PART_CLASS] = "Classes", [PART_POOL] = "Pools",
    [PART_SERVICE] = "Services", [PART_REQUEST_CLASS] = "Classes of requests",
    [PART_REQUEST_REGION] = "Regions of users"};

static void put_foot(const struct page *page, const char *source) {
    const struct run_info *info = &page->runs[0]->info;
    size_t notes_len;
    const char **notes = summary_notes(page->runs, page->count, &notes_len);
    fputs("<footer>\n", page->to);
    for (size_t i = 0; i < notes_len; i++) {
        char *whose = summary_whose(page->runs, page->count, notes[i]);
        fputs("<p>Note: ", page->to);
        put_html(page->to, whose);
        put_html(page->to, notes[i]);
        free(whose);
        fputs("</p>\n", page->to);
    }
    free(notes);
    fprintf(page->to, "<p>headroom %s, <code>", info->version);
    put_html(page->to, info->command);
    fputs("</code>, results in <code>", page->to);
    put_html(page->to, source);
    fprintf(page->to,
            "</code>, scenario %016" PRIx64 ", trace %016" PRIx64 "</p>\n</footer></main></body></html>\n",
            info->scenario_hash, info->trace_hash);
}

void report_html(const char *folder, const char *source, const struct summary *const *runs, size_t count,
                 const struct picture *pictures, size_t pictures_len) {
    struct page page = {open_page(folder, "index.html"), runs, count};
    put_head(&page);
    fputs("<div class=\"tiles\">\n", page.to);
    table_lines(runs, count, put_tile, &page);
    fputs("</div>\n", page.to);
    for (size_t i = 0; i < pictures_len; i++) put_figure(page.to, folder, &pictures[i]);
    put_table(&page);
    for (int part = PART_REGION; part < PART_COUNT; part++) {
        if (!has_parts(&page, (enum part)part)) continue;
        char *text = parts_text(&page, (enum part)part);
        fprintf(page.to, "<h2>%s</h2>\n<div class=\"sheet\"><pre>", part_titles[part]);
        put_html(page.to, text);
        fputs("</pre></div>\n", page.to);
        free(text);
    }
    put_foot(&page, source);
    close_page(page.to, folder);
}

/* --- Markdown --- */

/* Text inside a table cell: no bars. */
static void put_cell(FILE *to, const char *text) {
    for (; *text; text++) {
        if (*text == '|') fputc('\\', to);
        fputc(*text, to);
    }
}

static void put_markdown_row(void *context, const struct table_line *line) {
    const struct page *page = context;
    if (line->section) {
        fprintf(page->to, "| **%s** | |", line->section);
        for (size_t i = 0; i < line->count; i++) fputs(i ? " | |" : " |", page->to);
        fputc('\n', page->to);
    }
    fprintf(page->to, "| %s%s | ", line->sub ? "&emsp;" : "", line->label);
    put_cell(page->to, line->unit);
    fputs(" |", page->to);
    for (size_t i = 0; i < line->count; i++) {
        fprintf(page->to, " %s |", line->cells[i].value);
        if (i) fprintf(page->to, " %s |", line->cells[i].change);
    }
    fputc('\n', page->to);
}

static void put_markdown_table(struct page *page) {
    fputs("| | unit |", page->to);
    for (size_t i = 0; i < page->count; i++) {
        fputc(' ', page->to);
        put_cell(page->to, summary_title(page->runs[i]));
        fputs(i ? " | change |" : " |", page->to);
    }
    fputs("\n|---|---|", page->to);
    for (size_t i = 0; i < page->count; i++) fputs(i ? "---:|---:|" : "---:|", page->to);
    fputc('\n', page->to);
    table_lines(page->runs, page->count, put_markdown_row, page);
}

static void put_markdown_head(const struct page *page) {
    const struct summary *first = page->runs[0];
    char span[32], *heading = summary_heading(page->runs, page->count), *demand = table_demand(first);
    fprintf(page->to, "# %s\n\n%s, %s measured, seed %" PRIu64 ". A unit of work is one %s.\n\n", heading, demand,
            tick_human(tick_from_seconds(first->measured_s), span), first->info.seed, first->work_unit);
    free(heading);
    free(demand);
    for (size_t i = 0; i < page->count; i++) {
        char *policy = summary_policy(page->runs[i], i > 0);
        fprintf(page->to, "- **%s**%s: %s\n", summary_title(page->runs[i]),
                page->count > 1 && !i ? " (baseline)" : "", policy);
        free(policy);
    }
}

static void put_markdown_foot(const struct page *page, const char *source) {
    const struct run_info *info = &page->runs[0]->info;
    size_t notes_len;
    const char **notes = summary_notes(page->runs, page->count, &notes_len);
    for (size_t i = 0; i < notes_len; i++) {
        char *whose = summary_whose(page->runs, page->count, notes[i]);
        fprintf(page->to, "\nNote: %s%s\n", whose, notes[i]);
        free(whose);
    }
    free(notes);
    fprintf(page->to, "\nheadroom %s, `%s`, results in `%s`\n", info->version, info->command, source);
}

void report_markdown(const char *folder, const char *source, const struct summary *const *runs, size_t count,
                     const struct picture *pictures, size_t pictures_len) {
    struct page page = {open_page(folder, "report.md"), runs, count};
    put_markdown_head(&page);
    for (size_t i = 0; i < pictures_len; i++)
        fprintf(page.to, "\n## %s\n\n![%s](%s.png)\n\n%s\n", pictures[i].title, pictures[i].title,
                pictures[i].name, pictures[i].caption);
    fputs("\n## All figures\n\n", page.to);
    put_markdown_table(&page);
    for (int part = PART_REGION; part < PART_COUNT; part++) {
        if (!has_parts(&page, (enum part)part)) continue;
        char *text = parts_text(&page, (enum part)part);
        fprintf(page.to, "\n## %s\n\n```\n%s```\n", part_titles[part], text);
        free(text);
    }
    put_markdown_foot(&page, source);
    close_page(page.to, folder);
}
