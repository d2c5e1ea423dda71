/*
 * Tables and numbers for people (see table.h): cells in columns, and values of one metric in one unit with one number
 * of decimals, so that eyes can compare. Exact values are in the JSON, the CSV and the database.
 *
 * Cost: nothing that matters; a page is a few hundred cells.
 */
#include "io/table.h"

#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* --- tables --- */

struct table {
    char *align;
    size_t columns;
    struct {
        char **at;
        size_t len, cap;
    } cells;
};

struct table *table_open(const char *align) {
    struct table *table = mem_zero(1, sizeof *table);
    table->align = mem_text(align);
    table->columns = strlen(align);
    return table;
}

void table_close(struct table *table) {
    for (size_t i = 0; i < table->cells.len; i++) free(table->cells.at[i]);
    free(table->cells.at);
    free(table->align);
    free(table);
}

void table_cell(struct table *table, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *vec_push(&table->cells) = mem_text(text);
}

void table_end_row(struct table *table) {
    while (table->cells.len % table->columns) table_cell(table, "%s", "");
}

/* Characters, not bytes: UTF-8 continuation bytes take no column. */
static size_t columns_of(const char *text) {
    size_t columns = 0;
    for (; *text; text++) columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

static void print_row(const struct table *table, FILE *to, char *const *cells, const size_t *widths,
                      int indent) {
    size_t owed = (size_t)indent; /* blanks are printed before the next text: no line ends in one */
    for (size_t c = 0; c < table->columns; c++) {
        const size_t rest = widths[c] - columns_of(cells[c]);
        if (table->align[c] == 'r') owed += rest;
        if (*cells[c]) {
            fprintf(to, "%*s%s", (int)owed, "", cells[c]);
            owed = 0;
        }
        if (table->align[c] == 'l') owed += rest;
        owed += 2;
    }
    fputc('\n', to);
}

void table_print(const struct table *table, FILE *to, size_t headings, int indent) {
    size_t *widths = mem_zero(table->columns, sizeof *widths), all = 2 * (table->columns - 1);
    for (size_t i = 0; i < table->cells.len; i++) {
        const size_t wide = columns_of(table->cells.at[i]);
        if (wide > widths[i % table->columns]) widths[i % table->columns] = wide;
    }
    for (size_t c = 0; c < table->columns; c++) all += widths[c];
    for (size_t i = 0; i + table->columns <= table->cells.len; i += table->columns) {
        print_row(table, to, table->cells.at + i, widths, indent);
        if (i / table->columns + 1 == headings) {
            fprintf(to, "%*s", indent, "");
            for (size_t c = 0; c < all; c++) fputs("─", to);
            fputc('\n', to);
        }
    }
    free(widths);
}

void table_print_markdown(const struct table *table, FILE *to) {
    for (size_t i = 0; i < table->cells.len; i++) {
        fputs(i % table->columns ? " " : "| ", to);
        for (const char *c = table->cells.at[i]; *c; c++) {
            if (strchr("|\\`*_<", *c)) fputc('\\', to);
            fputc(*c, to);
        }
        fputs(" |", to);
        if ((i + 1) % table->columns) continue;
        fputc('\n', to);
        if (i + 1 != table->columns) continue;
        for (size_t c = 0; c < table->columns; c++) fputs(table->align[c] == 'r' ? "|---:" : "|---", to);
        fputs("|\n", to);
    }
}

void table_latex_text(FILE *to, const char *text) {
    static const struct {
        char from;
        const char *to;
    } others[] = {{'\\', "\\textbackslash{}"}, {'~', "\\textasciitilde{}"}, {'^', "\\textasciicircum{}"},
                  {'<', "$<$"},                {'>', "$>$"}};
    for (; *text; text++) {
        const char *escaped = NULL;
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            if (others[i].from == *text) escaped = others[i].to;
        if (escaped) fputs(escaped, to);
        else fprintf(to, "%s%c", strchr("&%$#_{}", *text) ? "\\" : "", *text);
    }
}

void table_print_latex(const struct table *table, FILE *to) {
    fprintf(to, "\\begin{tabular}{%s}\n\\toprule\n", table->align);
    for (size_t i = 0; i < table->cells.len; i++) {
        if (i % table->columns) fputs(" & ", to);
        table_latex_text(to, table->cells.at[i]);
        if ((i + 1) % table->columns == 0) fputs(" \\\\\n", to);
        if (i + 1 == table->columns) fputs("\\midrule\n", to);
    }
    fputs("\\bottomrule\n\\end{tabular}\n", to);
}

void table_html_text(FILE *to, const char *text) {
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

void table_print_html(const struct table *table, FILE *to, size_t headings) {
    const size_t rows = table->cells.len / table->columns;
    fputs("<table class=\"sorts\"><thead>\n", to);
    for (size_t r = 0; r < rows; r++) {
        fputs("<tr>", to);
        for (size_t c = 0; c < table->columns; c++) {
            const char *tag = r < headings ? "th" : "td";
            fprintf(to, "<%s class=\"%c\">", tag, table->align[c]);
            table_html_text(to, table->cells.at[r * table->columns + c]);
            fprintf(to, "</%s>", tag);
        }
        fputs(r + 1 == headings ? "</tr>\n</thead><tbody>\n" : "</tr>\n", to);
    }
    fputs("</tbody></table>\n", to);
}

/* --- numbers --- */

const char *table_number(double value, int decimals, char buffer[48]) {
    char plain[40];
    if (isnan(value)) return "-";
    if (!(fabs(value) < 1e15)) {
        snprintf(buffer, 48, "%.4g", value);
        return buffer;
    }
    snprintf(plain, sizeof plain, "%.*f", decimals, value);
    const bool minus = *plain == '-', zero = strspn(plain, "-0.") == strlen(plain);
    const char *digits = plain + minus;
    const size_t whole = strcspn(digits, ".");
    char *to = buffer;
    if (minus && !zero) *to++ = '-';
    for (size_t i = 0; digits[i]; i++) {
        if (i && i < whole && (whole - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return buffer;
}

const char *table_scaled(double value, struct table_scale scale, char buffer[48]) {
    return value == 0 ? "0" : table_number(value * scale.factor, scale.decimals, buffer);
}

/* Units that tables enlarge: the first whose `least` the smallest value reaches, in the kept unit. */
static const struct enlarged {
    const char *from, *to;
    double least, factor;
} enlarged[] = {
    {"s", "d", 345600, 1 / 86400.0}, {"s", "h", 7200, 1 / 3600.0}, {"s", "min", 120, 1 / 60.0},
    {"kWh", "GWh", 1e7, 1e-6},       {"kWh", "MWh", 1e4, 1e-3},    {"kW", "MW", 1e4, 1e-3},
    {"kg", "t", 1e4, 1e-3},          {"USD", "M USD", 1e8, 1e-6},  {"GPU-h", "M GPU-h", 1e8, 1e-6},
    {"l", "m³", 1e4, 1e-3},          {"share", "%", 0, 100},
};

struct table_scale table_scale(const struct metric *metric, const double *values, size_t count) {
    struct table_scale scale = {1, 0, ""};
    double least = INFINITY, most = 0;
    text_copy(scale.unit, sizeof scale.unit, metric->unit);
    for (size_t i = 0; i < count; i++) {
        const double size = fabs(values[i]);
        if (size > most) most = size;
        if (size > 0 && size < least) least = size;
    }
    if (most == 0) least = 0;
    for (size_t i = 0; i < sizeof enlarged / sizeof *enlarged; i++) {
        if (strcmp(enlarged[i].from, metric->unit) != 0 || least < enlarged[i].least) continue;
        scale.factor = enlarged[i].factor;
        text_copy(scale.unit, sizeof scale.unit, enlarged[i].to);
        break;
    }
    const bool whole = strcmp(metric->unit, "jobs") == 0 || strcmp(metric->unit, "times") == 0 ||
                       strcmp(metric->unit, "requests") == 0;
    if (strcmp(metric->unit, "share") == 0) scale.decimals = 1;
    else if (!whole && least > 0) { /* three digits of the smallest, but not a tail of them on the largest */
        const int first = (int)floor(log10(least * scale.factor)),
                  last = (int)floor(log10(most * scale.factor));
        scale.decimals = 2 - first;
        if (last + scale.decimals > 5) scale.decimals = 5 - last;
        if (last + scale.decimals < 3) scale.decimals = 3 - last;
        if (scale.decimals < 0) scale.decimals = 0;
        if (scale.decimals > 9) scale.decimals = 9;
    }
    return scale;
}

const char *table_unit(const char *unit, char buffer[48]) {
    const char *work = strstr(unit, "work");
    if (!work) return unit;
    snprintf(buffer, 48, "%.*sunit%s%s", (int)(work - unit), unit, work == unit ? "s" : "", work + 4);
    return buffer;
}
