/*
 * The report for the browser: index.html, one file that needs no other and asks nothing of the network. Pictures are
 * inside it as SVG, light and dark, and the page shows the one that suits; on paper, the light one. In order: what the
 * figures say in words, key figures, the runs against each other, over time, where money, energy and waiting go, all
 * figures, parts, assumptions with their sources, and how to run it again. A few lines of script sort a table when its
 * heading is clicked (or Enter pressed on it); without script the page is whole.
 *
 * gnuplot names things inside an SVG alike in every picture; in one page every name may stand once, so each picture's
 * get a prefix.
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

/* What is asked first. */
static const struct {
    const char *metric, *title;
} keys[] = {
    {"work", "Work completed"},
    {"requests", "Requests answered"},
    {"wait_mean_s", "Mean wait"},
    {"jct_mean_s", "Mean completion time"},
    {"goodput_share", "Requests within limits"},
    {"useful_utilisation", "Useful utilisation"},
    {"energy_kwh", "Energy"},
    {"co2_kg", "Emissions, CO₂"},
    {"total_usd", "Total cost"},
    {"usd_per_work", "Cost per unit of work"},
    {"usd_per_mtok", "Cost per million tokens"},
    {"items", "Items through"},
    {"usd_per_mitem", "Cost per million items"},
    {"work_per_kwh", "Work per kWh"},
};
enum { KEYS = sizeof keys / sizeof *keys };

static const struct chapter {
    const char *id, *title, *pictures[4];
} chapters[] = {
    {"comparison", "Comparison", {"efficiency", "service", "pareto", "waterfall"}},
    {"time", "Over time", {"timeline", "power", "starts"}},
    {"breakdown", "Where money, capacity and time go", {"cost", "capacity", "why", "waits"}},
};
enum { CHAPTERS = sizeof chapters / sizeof *chapters };

static const char style[] =
    ":root{color-scheme:light dark;--paper:#fff;--page:#f4f6f8;--ink:#1f252b;--soft:#57626d;--line:#dfe4e8;"
    "--good:#00785a;--bad:#b34700;--link:#0062a3}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#16191d;--page:#0e1013;--ink:#e6e8eb;--soft:#a3acb5;"
    "--line:#2c3238;--good:#35c396;--bad:#f58a4b;--link:#7dbde8}.light{display:none}}\n"
    "@media not (prefers-color-scheme:dark){.dark{display:none}}\n"
    "*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif}\n"
    "main{max-width:1040px;margin:0 auto;padding:32px 20px 64px}h1{font-size:28px;line-height:1.2;margin:0 0 4px}"
    "h2{font-size:20px;margin:48px 0 12px}h3{font-size:16px;margin:28px 0 8px}p{margin:4px 0}"
    ".soft{color:var(--soft)}a{color:var(--link)}nav{margin:16px 0;font-size:14px}nav a{margin-right:16px;"
    "white-space:nowrap}\n"
    ".words{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:14px 18px;margin:0}"
    ".words div{margin:6px 0;display:grid;grid-template-columns:130px 1fr;gap:0 12px}.words dt{font-weight:600}"
    ".words dd{margin:0}@media(max-width:600px){.words div{grid-template-columns:1fr}}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(228px,1fr));gap:12px;margin-top:16px}\n"
    ".tile,figure,.sheet{background:var(--paper);border:1px solid var(--line);border-radius:8px}\n"
    ".tile{padding:14px 16px}.tile h3{margin:0;font-size:13px;font-weight:500;color:var(--soft)}"
    ".tile .big{font-size:26px;font-weight:600;line-height:1.3;white-space:nowrap}.tile .big "
    "small{font-size:14px;font-weight:400;color:var(--soft)}\n"
    ".tile table{width:100%;font-size:13px;border-collapse:collapse}.tile td{padding:1px 0}"
    ".tile td+td{text-align:right;padding-left:8px;white-space:nowrap}\n"
    "figure{margin:16px 0;padding:12px;break-inside:avoid}figure svg{width:100%;height:auto;display:block}"
    "figcaption{color:var(--soft);font-size:14px;padding:6px 12px 4px}\n"
    ".sheet{overflow-x:auto;padding:8px 16px}.sheet table{border-collapse:collapse;width:100%;font-size:14px;"
    "font-variant-numeric:tabular-nums}\n"
    ".sheet th,.sheet td{padding:3px 10px 3px 0;text-align:right;white-space:nowrap}"
    ".sheet .l,.figures th:first-child,.figures td:first-child,.figures td:nth-child(2){text-align:left}"
    ".sheet .wide{white-space:normal;text-align:left}.sheet thead tr:last-child th{border-bottom:1px solid "
    "var(--line)}.sheet .section td{font-weight:600;padding-top:14px}.sheet .sub td:first-child{padding-left:18px}"
    ".sheet th{font-weight:600;vertical-align:bottom}.sorts th{white-space:normal;min-width:4.5em}"
    ".sheet .unit{color:var(--soft)}\n"
    ".good{color:var(--good)}.bad{color:var(--bad)}th[aria-sort]{cursor:pointer}"
    "th[aria-sort=ascending]::after{content:' ▲'}th[aria-sort=descending]::after{content:' ▼'}\n"
    "pre{font:12.5px/1.45 ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;margin:8px 0;overflow-x:auto}"
    "summary{cursor:pointer}code{font-size:.92em}\n"
    "@media print{:root{--paper:#fff;--page:#fff;--ink:#000;--soft:#444;--line:#bbb;--good:#005c44;--bad:#8f3900}"
    ".light{display:block}.dark,nav{display:none}main{max-width:none;padding:0}body{font-size:12px}"
    "h2,h3{break-after:avoid}.sheet{overflow:visible}tr{break-inside:avoid}}\n";

/* Rows move in the table's body alone; cells compare as numbers where both are, and what is no number goes last. */
static const char script[] =
    "<script>\n"
    "(function () {\n"
    "  function number(text) {\n"
    "    var plain = text.replace(/[,\\s]/g, '');\n"
    "    return /^[-+]?[0-9.]/.test(plain) ? parseFloat(plain) : NaN;\n"
    "  }\n"
    "  function sort(table, column, up) {\n"
    "    var body = table.tBodies[0], rows = Array.prototype.slice.call(body.rows);\n"
    "    rows.map(function (row, i) { return [row, row.cells[column].textContent, i]; })\n"
    "      .sort(function (a, b) {\n"
    "        var x = number(a[1]), y = number(b[1]), by;\n"
    "        if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;\n"
    "        by = isNaN(x) ? a[1].localeCompare(b[1]) : x - y;\n"
    "        return (up ? by : -by) || a[2] - b[2];\n"
    "      }).forEach(function (entry) { body.appendChild(entry[0]); });\n"
    "  }\n"
    "  document.querySelectorAll('table.sorts').forEach(function (table) {\n"
    "    var heads = table.tHead.rows[0].cells;\n"
    "    Array.prototype.forEach.call(heads, function (head, column) {\n"
    "      function act() {\n"
    "        var up = head.getAttribute('aria-sort') !== 'ascending';\n"
    "        Array.prototype.forEach.call(heads, function (h) { h.setAttribute('aria-sort', 'none'); });\n"
    "        head.setAttribute('aria-sort', up ? 'ascending' : 'descending');\n"
    "        sort(table, column, up);\n"
    "      }\n"
    "      if (!head.textContent) return;\n"
    "      head.setAttribute('aria-sort', 'none');\n"
    "      head.setAttribute('tabindex', '0');\n"
    "      head.addEventListener('click', act);\n"
    "      head.addEventListener('keydown', function (e) { if (e.key === 'Enter') act(); });\n"
    "    });\n"
    "  });\n"
    "  window.addEventListener('beforeprint', function () {\n"
    "    document.querySelectorAll('details').forEach(function (d) { d.open = true; });\n"
    "  });\n"
    "})();\n"
    "</script>\n";

/* What the visitors of table_lines are handed. */
struct writing {
    const struct page *page;
    FILE *to;
};

/* --- pictures --- */

/* Names stand after id=' or id=", after '# or "# in references, and after url(#. */
static size_t before_name(const char *at) {
    static const char *const openings[] = {"id='", "id=\"", "href='#", "href=\"#", "url(#"};
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
        if (strncmp(at, openings[i], strlen(openings[i])) == 0) return strlen(openings[i]);
    return 0;
}

/* From the <svg on, names prefixed; gnuplot's own title and description, which a pointer would show, left out. */
static void put_svg(FILE *to, const char *svg, const char *prefix, const char *title) {
    const char *at = strstr(svg, "<svg");
    require(at != NULL);
    fputs("<svg role=\"img\" aria-label=\"", to);
    table_html_text(to, title);
    fputs("\"", to);
    for (at += 4; *at;) {
        const char *end = NULL;
        if (strncmp(at, "<title>", 7) == 0) end = strstr(at, "</title>"), end = end ? end + 8 : NULL;
        if (strncmp(at, "<desc>", 6) == 0) end = strstr(at, "</desc>"), end = end ? end + 7 : NULL;
        if (end) {
            at = end;
            continue;
        }
        const size_t opening = before_name(at);
        if (opening) {
            fprintf(to, "%.*s%s", (int)opening, at, prefix);
            at += opening;
        } else fputc(*at++, to);
    }
}

static char *read_picture(const struct page *page, const char *name, const char *ending) {
    char *path = report_path(page, name, ending), *text = NULL;
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) die("cannot read '%s': %s", path, strerror(errno));
    const long size = ftell(file);
    rewind(file);
    text = mem_alloc((size_t)size + 1);
    text[fread(text, 1, (size_t)size, file)] = '\0';
    fclose(file);
    free(path);
    return text;
}

static void put_figure(const struct page *page, FILE *to, const struct picture *picture) {
    static const char *const forms[2][2] = {{"light", ".svg"}, {"dark", "-dark.svg"}};
    fprintf(to, "<figure id=\"picture-%s\">", picture->name);
    for (size_t i = 0; i < 2; i++) {
        char prefix[64], *svg = read_picture(page, picture->name, forms[i][1]);
        snprintf(prefix, sizeof prefix, "%s-%s-", picture->name, forms[i][0]);
        fprintf(to, "<div class=\"%s\">", forms[i][0]);
        put_svg(to, svg, prefix, picture->title);
        fputs("</div>\n", to);
        free(svg);
    }
    fprintf(to, "<figcaption>%s</figcaption></figure>\n", picture->caption);
}

static const struct picture *picture_named(const struct page *page, const char *name) {
    for (size_t i = 0; name && i < page->pictures_len; i++)
        if (strcmp(page->pictures[i].name, name) == 0) return &page->pictures[i];
    return NULL;
}

static bool has_pictures(const struct page *page, const struct chapter *chapter) {
    for (size_t i = 0; i < 4; i++)
        if (picture_named(page, chapter->pictures[i])) return true;
    return false;
}

/* --- key figures --- */

static const char *class_of(enum table_verdict verdict) {
    return verdict == TABLE_BETTER ? "good" : verdict == TABLE_WORSE ? "bad" : "soft";
}

/* The other runs of a tile, a line each. */
static void put_tile_runs(const struct writing *w, const struct table_line *line) {
    fputs("<table>", w->to);
    for (size_t i = 1; i < line->count; i++) {
        fputs("<tr><td>", w->to);
        table_html_text(w->to, summary_title(w->page->runs[i]));
        fprintf(w->to, "</td><td>%s</td><td class=\"%s\">%s</td></tr>", line->cells[i].value,
                class_of(line->cells[i].verdict), line->cells[i].change);
    }
    fputs("</table>", w->to);
}

static void put_tile(void *context, const struct table_line *line) {
    const struct writing *w = context;
    size_t k = 0;
    while (k < KEYS && strcmp(keys[k].metric, line->metric->name) != 0) k++;
    if (k == KEYS) return;
    fprintf(w->to, "<div class=\"tile\"><h3>%s", keys[k].title);
    if (line->count > 1) fputs(", ", w->to), table_html_text(w->to, summary_title(w->page->runs[0]));
    fprintf(w->to, "</h3><div class=\"big\">%s <small>", line->cells[0].value);
    table_html_text(w->to, line->unit);
    fputs("</small></div>", w->to);
    if (line->count > 1) put_tile_runs(w, line);
    fputs("</div>\n", w->to);
}

/* --- tables --- */

static void put_row(void *context, const struct table_line *line) {
    const struct writing *w = context;
    if (line->section)
        fprintf(w->to, "<tr class=\"section\"><td colspan=\"%zu\">%s</td></tr>\n", 2 + 2 * line->count, line->section);
    fprintf(w->to, "<tr%s><td>%s</td><td class=\"unit\">", line->sub ? " class=\"sub\"" : "", line->label);
    table_html_text(w->to, line->unit);
    fputs("</td>", w->to);
    for (size_t i = 0; i < line->count; i++) {
        fprintf(w->to, "<td>%s</td>", line->cells[i].value);
        if (i) fprintf(w->to, "<td class=\"%s\">%s</td>", class_of(line->cells[i].verdict), line->cells[i].change);
    }
    if (line->count == 1) fprintf(w->to, "<td class=\"soft\">%s</td>", line->share);
    fputs("</tr>\n", w->to);
}

static void put_figures(struct writing *w) {
    const struct page *page = w->page;
    fputs("<h2 id=\"figures\">All figures</h2>\n<div class=\"sheet figures\"><table><thead><tr><th></th><th></th>",
          w->to);
    for (size_t i = 0; i < page->count; i++) {
        fputs("<th>", w->to);
        if (page->count > 1) table_html_text(w->to, summary_title(page->runs[i]));
        fputs(i ? "</th><th>change</th>" : "</th>", w->to);
    }
    fputs(page->count == 1 ? "<th></th></tr></thead><tbody>\n" : "</tr></thead><tbody>\n", w->to);
    table_lines(page->runs, page->count, put_row, w);
    fputs("</tbody></table></div>\n", w->to);
}

/* A row a run: the columns are the key figures that some run has. */
static void put_runs(const struct writing *w) {
    const struct page *page = w->page;
    struct table_scale scales[KEYS];
    size_t shown[KEYS], columns = 0;
    char align[KEYS + 2] = "l", text[48];
    double *values = mem_alloc(page->count * sizeof *values);
    for (size_t k = 0; k < KEYS; k++) {
        bool said = false;
        for (size_t i = 0; i < page->count; i++) {
            values[i] = summary_value(page->runs[i], keys[k].metric);
            said |= !isnan(values[i]);
        }
        if (!said) continue;
        scales[columns] = table_scale(&result_metrics[metric_index(keys[k].metric)], values, page->count);
        shown[columns++] = k;
        align[columns] = 'r';
    }
    free(values);
    align[columns + 1] = '\0';
    struct table *table = table_open(align);
    table_cell(table, "Run");
    for (size_t c = 0; c < columns; c++) table_cell(table, "%s", keys[shown[c]].title);
    table_end_row(table);
    table_cell(table, "%s", "");
    for (size_t c = 0; c < columns; c++) table_cell(table, "%s", table_unit(scales[c].unit, text));
    table_end_row(table);
    for (size_t i = 0; i < page->count; i++) {
        table_cell(table, "%s", summary_title(page->runs[i]));
        for (size_t c = 0; c < columns; c++)
            table_cell(table, "%s",
                       table_scaled(summary_value(page->runs[i], keys[shown[c]].metric), scales[c], text));
    }
    fputs("<div class=\"sheet\">", w->to);
    table_print_html(table, w->to, 2);
    fputs("</div>\n", w->to);
    table_close(table);
}

/* What all runs say together, and that what is drawn below are single ones of them. */
static void put_replications(const struct writing *w) {
    compare_print(w->page->compare, COMPARE_HTML, w->to);
    fprintf(w->to,
            "<p class=\"soft\">That is over %zu runs. All that follows is of one run of each group, %zu in all.</p>\n",
            w->page->asked, w->page->count);
}

static void put_parts(const struct writing *w) {
    bool opened = false;
    for (int part = PART_REGION; part < PART_COUNT; part++) {
        if (!report_has_parts(w->page, (enum part)part)) continue;
        if (!opened) fputs("<h2 id=\"parts\">By part</h2>\n", w->to);
        opened = true;
        fprintf(w->to, "<h3>%s</h3>\n<div class=\"sheet\">", report_part_titles[part]);
        report_parts(w->page, w->to, (enum part)part, TABLE_HTML);
        fputs("</div>\n", w->to);
    }
}

/* --- beginning and end --- */

static void put_nav(const struct writing *w) {
    bool parts = false;
    for (int part = PART_REGION; part < PART_COUNT; part++) parts |= report_has_parts(w->page, (enum part)part);
    fputs("<nav aria-label=\"Chapters\"><a href=\"#summary\">Summary</a>", w->to);
    for (size_t i = 0; i < CHAPTERS; i++)
        if (has_pictures(w->page, &chapters[i]) || (i == 0 && (w->page->count > 1 || w->page->compare)))
            fprintf(w->to, "<a href=\"#%s\">%s</a>", chapters[i].id, chapters[i].title);
    fputs("<a href=\"#figures\">All figures</a>", w->to);
    if (parts) fputs("<a href=\"#parts\">By part</a>", w->to);
    fputs("<a href=\"#assumptions\">Assumptions</a><a href=\"#again\">Run it again</a></nav>\n", w->to);
}

static void put_head(const struct writing *w) {
    const struct page *page = w->page;
    const struct summary *first = page->runs[0];
    char span[32], *heading = summary_heading(page->runs, page->count), *demand = table_demand(first);
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          w->to);
    table_html_text(w->to, heading);
    fprintf(w->to, "</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n%s</style></head><body><main>\n<h1>",
            style);
    table_html_text(w->to, heading);
    fputs("</h1>\n<p class=\"soft\">", w->to);
    table_html_text(w->to, demand);
    free(heading);
    free(demand);
    fprintf(w->to, "; %s measured; seed %" PRIu64 "; a unit of work is one ",
            tick_human(tick_from_seconds(first->measured_s), span), first->info.seed);
    table_html_text(w->to, first->work_unit);
    fputs("</p>\n", w->to);
    put_nav(w);
}

static void put_words(const struct writing *w) {
    fputs("<h2 id=\"summary\">Summary</h2>\n<dl class=\"words\">\n", w->to);
    for (size_t i = 0; i < w->page->words_len; i++) {
        fprintf(w->to, "<div><dt>%s</dt><dd>", w->page->words[i].subject);
        table_html_text(w->to, w->page->words[i].text);
        fputs("</dd></div>\n", w->to);
    }
    fputs("</dl>\n", w->to);
}

static void put_sources(const struct writing *w) {
    const struct sources *sources = w->page->sources;
    if (sources->len == 0) return;
    fputs("<h3>Figures from the catalogue, and their sources</h3>\n<div class=\"sheet\"><table><tbody>\n", w->to);
    for (size_t i = 0; i < sources->len; i++) {
        const struct source *s = &sources->at[i];
        fprintf(w->to, "<tr><td class=\"l\">%s</td><td class=\"l\">", s->kind);
        table_html_text(w->to, s->name);
        fputs("</td><td class=\"wide\">", w->to);
        table_html_text(w->to, s->source);
        if (*s->estimates) fputs(" <span class=\"bad\">Estimates: ", w->to), table_html_text(w->to, s->estimates);
        fputs(*s->estimates ? "</span></td></tr>\n" : "</td></tr>\n", w->to);
    }
    fputs("</tbody></table></div>\n", w->to);
}

static void put_assumptions(const struct writing *w) {
    const struct page *page = w->page;
    size_t notes_len;
    const char **notes = summary_notes(page->runs, page->count, &notes_len);
    fputs("<h2 id=\"assumptions\">Assumptions</h2>\n", w->to);
    for (size_t i = 0; i < notes_len; i++) {
        char *whose = summary_whose(page->runs, page->count, notes[i]);
        fputs("<p class=\"note\"><strong>Note:</strong> ", w->to);
        table_html_text(w->to, whose);
        table_html_text(w->to, notes[i]);
        free(whose);
        fputs("</p>\n", w->to);
    }
    free(notes);
    fputs("<h3>Policies</h3>\n", w->to);
    for (size_t i = 0; i < page->count; i++) {
        char *policy = summary_policy(page->runs[i], i > 0);
        fputs("<p><strong>", w->to);
        table_html_text(w->to, summary_title(page->runs[i]));
        fputs(page->count > 1 && !i ? "</strong> (baseline): " : "</strong>: ", w->to);
        table_html_text(w->to, policy);
        fputs("</p>\n", w->to);
        free(policy);
    }
    if (page->pools_len) {
        fputs("<h3>Fleet</h3>\n<div class=\"sheet\">", w->to);
        report_fleet(page, w->to, TABLE_HTML);
        fputs("</div>\n", w->to);
    }
    put_sources(w);
}

static void put_again(const struct writing *w) {
    const struct run_info *info = &w->page->runs[0]->info;
    fputs("<h2 id=\"again\">Run it again</h2>\n<p>The same scenario, seed and version give the same figures, byte for "
          "byte.</p>\n<pre>",
          w->to);
    table_html_text(w->to, info->command);
    fprintf(w->to, "</pre>\n<p class=\"soft\">headroom %s; results in <code>", info->version);
    table_html_text(w->to, w->page->source);
    fprintf(w->to, "</code>; scenario %016" PRIx64 ", demand %016" PRIx64 "</p>\n", info->scenario_hash,
            info->trace_hash);
    fputs("<details><summary>The scenario, whole: save it as a file to run it</summary><pre>", w->to);
    table_html_text(w->to, info->scenario_text);
    fputs("</pre></details>\n", w->to);
}

void report_html(const struct page *page) {
    struct writing w = {page, report_open(page, "index.html")};
    put_head(&w);
    put_words(&w);
    fputs("<div class=\"tiles\">\n", w.to);
    table_lines(page->runs, page->count, put_tile, &w);
    fputs("</div>\n", w.to);
    for (size_t i = 0; i < CHAPTERS; i++) {
        const bool runs = i == 0 && page->count > 1;
        if (!runs && !(i == 0 && page->compare) && !has_pictures(page, &chapters[i])) continue;
        fprintf(w.to, "<h2 id=\"%s\">%s</h2>\n", chapters[i].id, chapters[i].title);
        if (i == 0 && page->compare) put_replications(&w);
        if (runs) put_runs(&w);
        for (size_t k = 0; k < 4; k++) {
            const struct picture *picture = picture_named(page, chapters[i].pictures[k]);
            if (picture) put_figure(page, w.to, picture);
        }
    }
    put_figures(&w);
    put_parts(&w);
    put_assumptions(&w);
    put_again(&w);
    fprintf(w.to, "</main>\n%s</body></html>\n", script);
    report_close(page, w.to);
}
