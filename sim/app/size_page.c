/*
 * The page `headroom size` ends with, its JSON, and its rows in the database: the answer with its margins, what binds,
 * what the next smaller fleets miss, the best by each objective side by side, the runner-ups, and the cases.
 *
 * Cost: fleets tried x targets.
 */
#include "app/size_page.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "io/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNNER_UPS_MOST = 5 };
static const char *const words[SIZING_OBJECTIVES] = {"cheapest", "least energy", "greenest", "fewest nodes"};
static const char *const verdict_names[] = {"undecided", "holds", "fails"};

/* --- what is said --- */

static const struct fleet_test *answer_of(const struct search *search) { return search->best[search->sizing->least]; }

/* How far a figure stays from its limit, as a share of the limit; below 0: it misses it. NAN: the limit is 0. */
static double margin(const struct verdict_target *rule, const struct verdict_of *of) {
    const double gap = rule->at_most ? rule->limit - of->mean : of->mean - rule->limit;
    return rule->limit != 0 ? gap / fabs(rule->limit) : NAN;
}

static void put_share(struct table *table, double share) {
    if (isnan(share)) table_cell(table, "-");
    else table_cell(table, "%.0f %%", 100 * share);
}

/* The target that comes nearest to its limit; LATTICE_NONE: all limits are 0. */
static size_t binding(const struct search *search, const struct verdict_of *verdicts, double *share) {
    size_t nearest = LATTICE_NONE;
    *share = NAN;
    for (size_t t = 0; t < search->sizing->targets_len; t++) {
        const double m = margin(&search->sizing->targets[t].rule, &verdicts[t]);
        if (isnan(m) || m >= *share) continue; /* false for the first */
        *share = m;
        nearest = t;
    }
    return nearest;
}

/* "fails wait_p95_s at most 600 (1,234)", of a test that does not hold; free(). */
static char *why_not(const struct search *search, const struct fleet_test *test) {
    const struct sizing *sizing = search->sizing;
    struct text text;
    char number[32];
    text_init(&text);
    if (test->tested == TESTED_IMPOSSIBLE && test->base.why)
        text_format(&text, "cannot be built: %s", test->base.why);
    for (size_t t = 0; t < sizing->targets_len && test->base.run; t++)
        if (test->verdicts[t].verdict != VERDICT_HOLDS)
            text_format(&text, "%s%s (%s)", text.len ? "; " : "misses ", sizing->targets[t].text,
                        num_human(test->verdicts[t].mean, number));
    for (size_t c = 0; c < sizing->cases_len && !text.len; c++)
        for (size_t t = 0; t < sizing->targets_len && test->cases[c].done; t++)
            if (test->case_verdicts[c * sizing->targets_len + t].verdict != VERDICT_HOLDS)
                text_format(&text, "%sin case %s: %s (%s)", text.len ? "; " : "misses ", sizing->cases[c].name,
                            sizing->targets[t].text,
                            num_human(test->case_verdicts[c * sizing->targets_len + t].mean, number));
    if (!text.len) text_put(&text, "cannot be built in a required case");
    return text_take(&text);
}

/* Which objectives it is the best of; free(). */
static char *role_of(const struct search *search, const struct fleet_test *test) {
    struct text text;
    text_init(&text);
    if (test == answer_of(search)) text_put(&text, "answer");
    for (size_t o = 0; o < SIZING_OBJECTIVES; o++)
        if (search->best[o] == test) text_format(&text, "%s%s", text.len ? ", " : "", words[o]);
    return text_take(&text);
}

/* What the reader must know; free(). "" when there is nothing. */
static char *note_of(const struct search *search) {
    struct text text;
    text_init(&text);
    if (search->contradicted) {
        char *small = search_name(search, search->smaller->point);
        char *large = search_name(search, search->larger->point);
        text_format(&text,
                    "More did not always help: %s holds, %s does not. The search relies on it; 'search: enumerate' "
                    "does not.",
                    small, large);
        free(small);
        free(large);
    }
    if (search->worse)
        text_format(&text,
                    "%sLarger fleets do worse by '%s': the search relies on more never hurting; 'search: enumerate' "
                    "does not.",
                    text.len ? " " : "", search->worse->text);
    if (search->cheaper_above)
        text_format(&text,
                    "%sA larger fleet was cheaper than a smaller one where more was taken to cost no less; 'grows: "
                        "false' makes the search try them all.", text.len ? " " : "");
    size_t undecided = 0;
    for (size_t i = 0; i < search->tests.len; i++) undecided += search->tests.at[i]->tested == TESTED_UNDECIDED;
    if (undecided)
        text_format(&text, "%s%zu of the fleets could not be decided with %zu replications and count as not holding.",
                    text.len ? " " : "", undecided, search->sizing->rule.most);
    if (search->sizing->rule.most == 1)
        text_format(&text, "%sOne replication a fleet: no confidence is stated.", text.len ? " " : "");
    return text_take(&text);
}

/* --- the page --- */

static void put_number(struct table *table, double value, double half, int decimals) {
    char a[48], b[48];
    if (half > 0 && isfinite(half))
        table_cell(table, "%s ± %s", table_number(value, decimals, a), table_number(half, decimals, b));
    else table_cell(table, "%s", table_number(value, decimals, a));
}

static int decimals_for(double value) {
    return !(fabs(value) < 100) ? 0 : fabs(value) < 1 ? 4 : 2;
}

static void print_levels(FILE *to, const struct search *search, const struct fleet_test *test) {
    const struct sizing *sizing = search->sizing;
    struct table *table = table_open("lrrrrr");
    fprintf(to, "\nTargets, each with %g %% confidence\n", 100 * sizing->rule.confidence);
    const char *const heads[] = {"", "mean", "bounds", "limit", "margin", "replications"};
    for (size_t i = 0; i < 6; i++) table_cell(table, "%s", heads[i]);
    for (size_t t = 0; t < sizing->targets_len; t++) {
        const struct sizing_target *target = &sizing->targets[t];
        const struct verdict_of *of = &test->verdicts[t];
        const int decimals = decimals_for(target->rule.limit);
        char a[48], b[48];
        table_cell(table, "%s", target->text);
        table_cell(table, "%s", table_number(of->mean, decimals, a));
        table_cell(table, "%s to %s", table_number(of->least, decimals_for(of->least), a),
                   table_number(of->most, decimals_for(of->most), b));
        table_cell(table, "%s", table_number(target->rule.limit, decimals, a));
        put_share(table, margin(&target->rule, of));
        table_cell(table, "%zu", test->base.done);
    }
    table_print(table, to, 1, 2);
    table_close(table);
}

static void print_below(FILE *to, const struct search *search, const struct fleet_test *test) {
    const char *head = "\nWhy not less\n";
    for (size_t a = 0; a < search->sizing->axes_len; a++) {
        const struct fleet_test *below = search_below(search, test->point, a);
        if (below == NULL) continue;
        char *name = search_name(search, below->point), *why = why_not(search, below);
        fprintf(to, "%s  %s %s\n", head, name, why);
        head = "";
        free(name);
        free(why);
    }
}

static void print_row(struct table *table, const struct search *search, const char *role,
                      const struct fleet_test *test) {
    char *name = search_name(search, test->point);
    table_cell(table, "%s", role);
    table_cell(table, "%s", name);
    for (size_t o = 0; o < SIZING_NODES; o++) put_number(table, test->objective[o], test->half[o], 0);
    put_number(table, test->objective[SIZING_NODES], 0, 0);
    free(name);
}

static void print_side_by_side(FILE *to, const struct search *search) {
    size_t len;
    const enum sizing_objective by = search->sizing->least;
    const struct fleet_test **holding = search_holding(search, by, &len);
    struct table *table = table_open("llrrrr");
    fprintf(to, "\nSide by side, over %s h measured\n", num_human(answer_of(search)->hours, (char[32]){0}));
    const char *const heads[] = {"", "fleet", "USD", "kWh", "kg CO2", "nodes"};
    for (size_t i = 0; i < 6; i++) table_cell(table, "%s", heads[i]);
    print_row(table, search, words[by], answer_of(search));
    for (size_t o = 0; o < SIZING_OBJECTIVES; o++)
        if (o != by && search->best[o]) print_row(table, search, words[o], search->best[o]);
    for (size_t i = 1; i < len && i <= RUNNER_UPS_MOST; i++) {
        char role[32];
        snprintf(role, sizeof role, "runner-up %zu", i);
        print_row(table, search, role, holding[i]);
    }
    table_print(table, to, 1, 2);
    table_close(table);
    free(holding);
}

/* How a case went for the answer. */
static enum tested case_tested(const struct search *search, const struct fleet_test *test, size_t c) {
    const struct sizing *sizing = search->sizing;
    enum tested tested = test->cases[c].run ? TESTED_HOLDS : TESTED_IMPOSSIBLE;
    for (size_t t = 0; t < sizing->targets_len && test->cases[c].run; t++) {
        const enum verdict verdict = test->case_verdicts[c * sizing->targets_len + t].verdict;
        if (verdict == VERDICT_FAILS) return TESTED_FAILS;
        if (verdict == VERDICT_OPEN) tested = TESTED_UNDECIDED;
    }
    return tested;
}

static double case_usd(const struct trial *trial) {
    double sum = 0;
    for (size_t r = 0; r < trial->done; r++) sum += trial->objectives[SIZING_OBJECTIVES * r + SIZING_USD];
    return sum / (double)trial->done;
}

static void print_cases(FILE *to, const struct search *search, const struct fleet_test *test) {
    const struct sizing *sizing = search->sizing;
    if (sizing->cases_len == 0) return;
    struct table *table = table_open("lllrr");
    fprintf(to, "\nThe answer in each case\n");
    const char *const heads[] = {"", "", "verdict", "USD", "binding target's margin"};
    for (size_t i = 0; i < 5; i++) table_cell(table, "%s", heads[i]);
    for (size_t c = 0; c < sizing->cases_len; c++) {
        char number[48];
        const bool run = test->cases[c].done > 0;
        double share = NAN;
        if (run) binding(search, &test->case_verdicts[c * sizing->targets_len], &share);
        table_cell(table, "%s", sizing->cases[c].name);
        table_cell(table, "%s", sizing->cases[c].required ? "required" : "tried");
        table_cell(table, "%s", tested_names[case_tested(search, test, c)]);
        table_cell(table, "%s", run ? table_number(case_usd(&test->cases[c]), 0, number) : "-");
        put_share(table, share);
    }
    table_print(table, to, 1, 2);
    table_close(table);
}

static void print_effort(FILE *to, const struct search *search, const char *results) {
    char *note = note_of(search), a[48], b[48], c[48];
    fprintf(to, "\nTried %s of %s fleets (%.1f %%) in %s runs", table_number((double)search->tests.len, 0, a),
            table_number((double)search->sizing->points, 0, b),
            100 * (double)search->tests.len / (double)search->sizing->points,
            table_number((double)search->trials->runs, 0, c));
    if (results) fprintf(to, ", kept in %s", results);
    fprintf(to, ".\n");
    if (*note) fprintf(to, "%s\n", note);
    free(note);
}

/* Nothing holds: what the largest fleets miss. */
static void print_none(FILE *to, const struct search *search) {
    fprintf(to, "no fleet of the choice keeps the targets\n\nWhat was tried\n");
    for (size_t i = 0; i < search->tests.len && i < RUNNER_UPS_MOST; i++) {
        char *name = search_name(search, search->tests.at[i]->point), *why = why_not(search, search->tests.at[i]);
        fprintf(to, "  %s %s\n", name, why);
        free(name);
        free(why);
    }
}

void size_page(FILE *to, const struct search *search, const char *results) {
    const struct fleet_test *answer = answer_of(search);
    fprintf(to, "%s: ", search->trials->scenario->name);
    if (answer == NULL) {
        print_none(to, search);
    } else {
        char *name = search_name(search, answer->point);
        double share;
        const size_t nearest = binding(search, answer->verdicts, &share);
        fprintf(to, "%s\nthe fleet with least %s that keeps its targets", name,
                sizing_objectives[search->sizing->least]);
        if (nearest != LATTICE_NONE)
            fprintf(to, "; nearest to its limit is %s, with %.0f %% to spare",
                    search->sizing->targets[nearest].text, 100 * share);
        fputc('\n', to);
        free(name);
        print_levels(to, search, answer);
        print_below(to, search, answer);
        print_side_by_side(to, search);
        print_cases(to, search, answer);
    }
    print_effort(to, search, results);
}

/* --- JSON --- */

static void json_pair(FILE *to, const char *before, const char *key, double value) {
    fprintf(to, "%s\"%s\": ", before, key);
    table_json_number(to, value);
}

static void json_fleet(FILE *to, const struct search *search, const struct fleet_test *test) {
    const struct sizing *sizing = search->sizing;
    char *role = role_of(search, test);
    fprintf(to, "    {\"point\": %" PRIu64 ", \"values\": {", test->base.number);
    for (size_t a = 0; a < sizing->axes_len; a++) {
        fputs(a ? ", " : "", to);
        table_json_text(to, sizing->axes[a].path);
        fputs(": ", to);
        table_json_text(to, sizing->axes[a].texts[lattice_at(&search->lattice, test->point, a)]);
    }
    fprintf(to, "}, \"verdict\": \"%s\", \"role\": \"%s\", \"replications\": %zu", tested_names[test->tested], role,
            test->base.done);
    free(role);
    for (size_t o = 0; o < SIZING_OBJECTIVES && test->base.done; o++)
        json_pair(to, ", ", sizing_objectives[o], test->objective[o]);
    fprintf(to, ", \"targets\": [");
    for (size_t t = 0; t < sizing->targets_len && test->base.done; t++) {
        const struct verdict_of *of = &test->verdicts[t];
        fprintf(to, "%s{\"target\": ", t ? ", " : "");
        table_json_text(to, sizing->targets[t].text);
        json_pair(to, ", ", "mean", of->mean);
        json_pair(to, ", ", "least", of->least);
        json_pair(to, ", ", "most", of->most);
        json_pair(to, ", ", "margin", margin(&sizing->targets[t].rule, of));
        fprintf(to, ", \"verdict\": \"%s\"}", verdict_names[of->verdict]);
    }
    fputs("]}", to);
}

void size_json(FILE *to, const struct search *search) {
    const struct sizing *sizing = search->sizing;
    const struct fleet_test *answer = answer_of(search);
    char *note = note_of(search);
    fputs("{\n  \"scenario\": ", to);
    table_json_text(to, search->trials->scenario->name);
    fprintf(to, ",\n  \"least\": \"%s\",\n  \"confidence\": %g,\n", sizing_objectives[sizing->least],
            sizing->rule.confidence);
    fprintf(to, "  \"fleets\": %zu,\n  \"tried\": %zu,\n  \"runs\": %zu", sizing->points, search->tests.len,
            search->trials->runs);
    fprintf(to, ",\n  \"answer\": ");
    if (answer) fprintf(to, "%" PRIu64, answer->base.number);
    else fputs("null", to);
    fprintf(to, ",\n  \"cases\": {");
    for (size_t c = 0; answer && c < sizing->cases_len; c++) {
        fputs(c ? ", " : "", to);
        table_json_text(to, sizing->cases[c].name);
        fprintf(to, ": \"%s\"", tested_names[case_tested(search, answer, c)]);
    }
    fprintf(to, "},\n  \"note\": ");
    table_json_text(to, note);
    fprintf(to, ",\n  \"tests\": [\n");
    for (size_t i = 0; i < search->tests.len; i++) {
        if (i) fputs(",\n", to);
        json_fleet(to, search, search->tests.at[i]);
    }
    fputs("\n  ]\n}\n", to);
    free(note);
}

/* --- the database --- */

static void add_levels(const struct search *search, const struct fleet_test *test, const char *in,
                       const struct verdict_of *verdicts, struct store_level *levels, size_t *len) {
    for (size_t t = 0; t < search->sizing->targets_len; t++)
        levels[(*len)++] = (struct store_level){.point = test->base.number,
                                                .in = in,
                                                .target = search->sizing->targets[t].text,
                                                .verdict = verdict_names[verdicts[t].verdict],
                                                .mean = verdicts[t].mean,
                                                .least = verdicts[t].least,
                                                .most = verdicts[t].most};
}

void size_store(const struct search *search) {
    const struct sizing *sizing = search->sizing;
    const size_t len = search->tests.len;
    struct store_fleet *fleets = mem_zero(len, sizeof *fleets);
    struct store_level *levels = mem_zero(len * (1 + sizing->cases_len) * sizing->targets_len, sizeof *levels);
    char **texts = mem_zero(2 * len, sizeof *texts), *note = note_of(search);
    size_t levels_len = 0;
    for (size_t i = 0; i < len; i++) {
        const struct fleet_test *test = search->tests.at[i];
        const bool run = test->base.done > 0;
        texts[2 * i] = search_name(search, test->point);
        texts[2 * i + 1] = role_of(search, test);
        fleets[i] = (struct store_fleet){.point = test->base.number,
                                         .name = texts[2 * i],
                                         .verdict = tested_names[test->tested],
                                         .role = texts[2 * i + 1],
                                         .replications = test->base.done,
                                         .nodes = run ? test->objective[SIZING_NODES] : NAN,
                                         .usd = run ? test->objective[SIZING_USD] : NAN,
                                         .kwh = run ? test->objective[SIZING_KWH] : NAN,
                                         .co2_kg = run ? test->objective[SIZING_CO2] : NAN};
        if (run) add_levels(search, test, "", test->verdicts, levels, &levels_len);
        for (size_t c = 0; c < sizing->cases_len; c++)
            if (test->cases[c].done)
                add_levels(search, test, sizing->cases[c].name, &test->case_verdicts[c * sizing->targets_len], levels,
                           &levels_len);
    }
    const struct store_size size = {.objective = sizing_objectives[sizing->least],
                                    .note = note,
                                    .confidence = sizing->rule.confidence,
                                    .replications_least = sizing->rule.least,
                                    .replications_most = sizing->rule.most,
                                    .points = sizing->points,
                                    .runs = search->trials->runs,
                                    .fleets = fleets,
                                    .fleets_len = len,
                                    .levels = levels,
                                    .levels_len = levels_len};
    store_size(search->trials->store, &size);
    for (size_t i = 0; i < 2 * len; i++) free(texts[i]);
    free(texts);
    free(note);
    free(levels);
    free(fleets);
}
