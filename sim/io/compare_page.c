/*
 * A comparison as a page (see compare.h): text for the terminal, Markdown, LaTeX, HTML. All are the same
 * sentences and tables; only how they are set differs. A metric's numbers share one unit; a difference has
 * decimals of its own, since it may be far smaller than the means.
 */
#include "io/compare.h"

#include "base/mem.h"
#include "base/text.h"
#include "io/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>

const char *const compare_formats[COMPARE_FORMATS] = {"text", "csv", "markdown", "latex", "json"};

struct page {
    const struct compare *c;
    enum compare_format format;
    FILE *to;
};

/* --- setting --- */

static void put_text(const struct page *p, const char *text) {
    if (p->format == COMPARE_LATEX) table_latex_text(p->to, text);
    else if (p->format == COMPARE_HTML) table_html_text(p->to, text);
    else fputs(text, p->to);
}

static void put_heading(const struct page *p, int depth, const char *text) {
    static const char *const latex[] = {"\\section*{", "\\subsection*{"};
    if (p->format == COMPARE_MARKDOWN) fputs(depth ? "### " : "## ", p->to);
    if (p->format == COMPARE_LATEX) fputs(latex[depth], p->to);
    if (p->format == COMPARE_HTML) fputs("<h3>", p->to);
    put_text(p, text);
    fputs(p->format == COMPARE_LATEX ? "}\n" : p->format == COMPARE_HTML ? "</h3>\n" : "\n", p->to);
    if (p->format == COMPARE_MARKDOWN) fputc('\n', p->to);
}

static void put_line(const struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put_line(const struct page *p, const char *format, ...) {
    struct text text;
    va_list args;
    text_init(&text);
    va_start(args, format);
    text_format_list(&text, format, args);
    va_end(args);
    if (p->format == COMPARE_HTML) fputs("<p>", p->to);
    put_text(p, text.at);
    fputs(p->format == COMPARE_HTML ? "</p>\n" : p->format == COMPARE_TEXT ? "\n" : "\n\n", p->to);
    text_free(&text);
}

static void put_table(const struct page *p, struct table *table) {
    switch (p->format) {
    case COMPARE_MARKDOWN: table_print_markdown(table, p->to); break;
    case COMPARE_LATEX: table_print_latex(table, p->to); break;
    case COMPARE_HTML:
        fputs("<div class=\"sheet\">", p->to);
        table_print_html(table, p->to, 1);
        fputs("</div>", p->to);
        break;
    default: table_print(table, p->to, 1, 2);
    }
    if (p->format != COMPARE_TEXT) fputc('\n', p->to);
    table_close(table);
}

/* --- numbers --- */

static double half(struct infer_span span) { return (span.high - span.low) / 2; }

/* Decimals that show `size` with two digits, at least the scale's and at most five more. */
static int decimals_for(double size, const struct table_scale *scale) {
    if (!(size > 0) || !isfinite(size)) return scale->decimals;
    const int wanted = 1 - (int)floor(log10(size * scale->factor));
    if (wanted <= scale->decimals) return scale->decimals;
    return wanted < scale->decimals + 5 ? wanted : scale->decimals + 5;
}

struct compare_scales compare_scales(const struct compare *c, size_t metric) {
    double *means = mem_alloc((c->groups_len + 1) * sizeof *means);
    double least_half = INFINITY, most = 0, largest = 0;
    for (size_t g = 0; g < c->groups_len; g++) {
        const struct compare_cell *cell = compare_cell(c, metric, g);
        means[g] = isnan(cell->own.mean) ? 0 : cell->own.mean;
        if (half(cell->own.t) > 0) least_half = fmin(least_half, half(cell->own.t));
        largest = fmax(largest, fabs(means[g]));
        most = fmax(most, isnan(cell->difference) ? 0 : fabs(cell->difference));
    }
    struct compare_scales scales;
    scales.mean = scales.change = table_scale(c->metrics[metric].metric, means, c->groups_len);
    /* A group that hardly varies must not give all the others a tail of digits. */
    scales.mean.decimals = decimals_for(fmax(least_half, 1e-4 * largest), &scales.mean);
    scales.change.decimals = decimals_for(most / 10, &scales.change);
    free(means);
    return scales;
}

static void put_number(struct table *table, double value, struct table_scale scale, bool sign) {
    char number[48];
    table_cell(table, "%s%s", sign && value > 0 ? "+" : "", table_scaled(value, scale, number));
}

static void put_span(struct table *table, struct infer_span span, struct table_scale scale) {
    char low[48], high[48];
    if (isnan(span.low)) table_cell(table, "-");
    else
        table_cell(table, "%s to %s", table_scaled(span.low, scale, low), table_scaled(span.high, scale, high));
}

static void put_share(struct table *table, double share) {
    char number[48];
    if (isnan(share)) table_cell(table, "-");
    else table_cell(table, "%s%s %%", share > 0 ? "+" : "", table_number(100 * share, 1, number));
}

static void put_chance(struct table *table, double p) {
    if (isnan(p)) table_cell(table, "-");
    else if (p < 0.0005) table_cell(table, "<0.001");
    else table_cell(table, "%.3f", p);
}

/* --- a metric --- */

/* What there is to show of it. */
struct shown {
    bool spans, boots, tests, change_boots;
};

static struct shown shown_of(const struct compare *c, size_t metric) {
    struct shown shown = {0};
    for (size_t g = 0; g < c->groups_len; g++) {
        const struct compare_cell *cell = compare_cell(c, metric, g);
        shown.spans |= !isnan(cell->own.t.low);
        shown.boots |= !isnan(cell->own.boot.low);
        shown.tests |= !isnan(cell->p);
        shown.change_boots |= !isnan(cell->boot.low);
    }
    return shown;
}

static void put_level(struct table *table, const struct compare *c) {
    table_cell(table, "%.4g %% interval", 100 * c->level);
}

/* Without intervals the differences stand beside the means. */
static void put_plain(const struct page *p, size_t metric, const struct compare_scales *scales) {
    struct table *table = table_open("lrrr");
    static const char *const titles[] = {"group", "mean", "difference", "relative"};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) table_cell(table, "%s", titles[i]);
    for (size_t g = 0; g < p->c->groups_len; g++) {
        const struct compare_cell *cell = compare_cell(p->c, metric, g);
        table_cell(table, "%s", p->c->groups[g].label);
        put_number(table, cell->own.mean, scales->mean, false);
        if (g > 0) {
            put_number(table, cell->difference, scales->change, true);
            put_share(table, cell->relative);
        }
        table_end_row(table);
    }
    put_table(p, table);
}

static void put_means(const struct page *p, size_t metric, const struct compare_scales *scales,
                      struct shown shown) {
    const struct compare *c = p->c;
    struct table *table = table_open(shown.boots ? "lrrrr" : "lrrr");
    table_cell(table, "group"), table_cell(table, "replications"), table_cell(table, "mean");
    put_level(table, c);
    if (shown.boots) table_cell(table, "bootstrap");
    for (size_t g = 0; g < c->groups_len; g++) {
        const struct compare_cell *cell = compare_cell(c, metric, g);
        table_cell(table, "%s", c->groups[g].label);
        table_cell(table, "%zu", cell->own.count);
        put_number(table, cell->own.mean, scales->mean, false);
        put_span(table, cell->own.t, scales->mean);
        if (shown.boots) put_span(table, cell->own.boot, scales->mean);
    }
    put_table(p, table);
}

static void put_changes(const struct page *p, size_t metric, const struct compare_scales *scales,
                        struct shown shown) {
    const struct compare *c = p->c;
    struct table *table = table_open(shown.change_boots ? "lrrrrrrrrl" : "lrrrrrrrl");
    table_cell(table, "to %s", c->groups[0].label);
    table_cell(table, "pairs"), table_cell(table, "difference"), table_cell(table, "relative");
    put_level(table, c);
    if (shown.change_boots) table_cell(table, "bootstrap");
    static const char *const tests[] = {"p", "Wilcoxon", "Holm", "verdict"};
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) table_cell(table, "%s", tests[i]);
    for (size_t g = 1; g < c->groups_len; g++) {
        const struct compare_cell *cell = compare_cell(c, metric, g);
        table_cell(table, "%s", c->groups[g].label);
        if (cell->paired) table_cell(table, "%zu", cell->pairs);
        else table_cell(table, "none");
        put_number(table, cell->difference, scales->change, true);
        put_share(table, cell->relative);
        put_span(table, cell->t, scales->change);
        if (shown.change_boots) put_span(table, cell->boot, scales->change);
        put_chance(table, cell->p), put_chance(table, cell->p_wilcoxon), put_chance(table, cell->p_holm);
        table_cell(table, "%s", compare_verdicts[cell->verdict]);
    }
    put_table(p, table);
}

static void put_winner(const struct page *p, const struct compare_metric *m) {
    const struct compare *c = p->c;
    if (m->lead == c->groups_len || isnan(m->p)) return;
    const char *lead = c->groups[m->lead].label;
    if (m->won && m->p < 0.0005) put_line(p, "Winner: %s (p < 0.001).", lead);
    else if (m->won) put_line(p, "Winner: %s (p = %.3f).", lead, m->p);
    else if (m->p < 1) put_line(p, "No significant winner; %s leads (p = %.3f).", lead, m->p);
    else put_line(p, "No significant winner.");
}

static void put_metric(const struct page *p, size_t metric) {
    const struct compare *c = p->c;
    const struct compare_metric *m = &c->metrics[metric];
    const struct compare_scales scales = compare_scales(c, metric);
    const struct shown shown = shown_of(c, metric);
    char heading[128], unit[48];
    snprintf(heading, sizeof heading, "%s, %s%s", m->metric->name, table_unit(scales.mean.unit, unit),
             m->metric->neutral          ? ""
             : m->metric->less_is_better ? "; less is better"
                                         : "; more is better");
    if (p->format == COMPARE_TEXT) fputc('\n', p->to);
    put_heading(p, 1, heading);
    if (p->format != COMPARE_TEXT) put_line(p, "%s", m->metric->help);
    if (!shown.spans) {
        put_plain(p, metric, &scales);
    } else {
        put_means(p, metric, &scales, shown);
        if (p->format == COMPARE_TEXT) fputc('\n', p->to);
        put_changes(p, metric, &scales, shown);
    }
    put_winner(p, m);
}

/* --- the page --- */

static void put_opening(const struct page *p) {
    const struct compare *c = p->c;
    struct text heading;
    text_init(&heading);
    text_format(&heading, "%s: %zu groups by %s, baseline %s", c->title, c->groups_len, c->by,
                c->groups[0].label);
    put_heading(p, 0, heading.at);
    text_free(&heading);
    if (c->tests) {
        put_line(p, "Intervals: Student's t and bootstrap (BCa). Differences: between runs of the same "
                    "seed, else of means.");
        put_line(p, "Better, worse: p at most %.4g after Holm's correction over %zu test%s; p of the "
                    "paired t.",
                 1 - c->level, c->tests, c->tests == 1 ? "" : "s");
    }
    for (size_t i = 0; i < c->notes_len; i++) put_line(p, "Note: %s.", c->notes[i]);
}

static void put_front(const struct page *p) {
    const struct compare *c = p->c;
    struct text text;
    if (c->pareto_len < 2) return;
    text_init(&text);
    text_put(&text, "Pareto front of ");
    for (size_t i = 0; i < c->pareto_len; i++)
        text_format(&text, "%s%s", i ? ", " : "", c->metrics[c->pareto[i]].metric->name);
    text_put(&text, " (no other group's means are at least as good in all and better in one): ");
    for (size_t g = 0, found = 0; g < c->groups_len; g++)
        if (c->groups[g].efficient) text_format(&text, "%s%s", found++ ? "; " : "", c->groups[g].label);
    if (p->format == COMPARE_TEXT) fputc('\n', p->to);
    put_line(p, "%s.", text.at);
    text_free(&text);
}

void compare_print(const struct compare *c, enum compare_format format, FILE *to) {
    const struct page page = {c, format, to};
    if (format == COMPARE_JSON) {
        compare_json(c, to);
    } else if (format == COMPARE_CSV) {
        compare_csv(c, to);
    } else {
        if (format == COMPARE_LATEX) fputs("% \\usepackage{booktabs}\n", to);
        put_opening(&page);
        for (size_t m = 0; m < c->metrics_len; m++) put_metric(&page, m);
        put_front(&page);
    }
}
