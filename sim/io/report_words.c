/*
 * The report's summary in words (see report_page.h): which run is best at cost, energy, emissions, speed and service
 * levels, by how much, whether one is best at all of them, how busy the GPUs were, and why jobs waited. Over
 * replications, which group leads, and whether that is more than chance. Each sentence
 * follows from the figures of the page alone; a figure that is not defined for every run is not spoken of.
 *
 * Runs within a tenth of a per cent of each other count as the same.
 */
#include "io/report_page.h"

#include "base/mem.h"
#include "base/text.h"
#include "io/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct words {
    struct word_line *at;
    size_t len, cap;
};

static void say(struct words *words, const char *subject, struct text *text) {
    *vec_push(words) = (struct word_line){subject, text_take(text)};
    text_free(text);
}

/* --- figures as text --- */

static double value_of(const struct summary *run, const char *metric) { return summary_value(run, metric); }

static bool defined(const struct summary *const *runs, size_t count, const char *metric) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(value_of(runs[i], metric))) return false;
    return true;
}

/* "3.60 USD/unit", all runs in one unit and with one number of decimals. */
static const char *shown(const struct summary *const *runs, size_t count, const char *metric, size_t i,
                         char buffer[96]) {
    char number[48], unit[48];
    double *values = mem_alloc(count * sizeof *values);
    for (size_t k = 0; k < count; k++) values[k] = value_of(runs[k], metric);
    const struct table_scale scale = table_scale(&result_metrics[metric_index(metric)], values, count);
    snprintf(buffer, 96, "%s %s", table_scaled(values[i], scale, number), table_unit(scale.unit, unit));
    free(values);
    return buffer;
}

/* "4.0 %" or "4.0 % to 31 %" */
static void put_span(struct text *text, double least, double most) {
    if (most - least < 5e-4) text_format(text, "%.1f %%", 100 * most);
    else text_format(text, "%.1f %% to %.1f %%", 100 * least, 100 * most);
}

/* --- best at one thing --- */

static const struct goal {
    const char *subject, *goal, *metrics[4]; /* the first that all runs have */
    const char *best;                 /* NAME ... VALUE */
} goals[] = {
    {"Cost", "cost", {"usd_per_work", "usd_per_mtok", "usd_per_mitem", "total_usd"}, "costs least"},
    {"Energy", "energy", {"kwh_per_work", "j_per_token", "kwh_per_mitem", "energy_kwh"}, "uses least energy"},
    {"Emissions", "emissions", {"g_per_work", "g_per_mtok", "g_per_mitem", "total_co2_kg"}, "emits least"},
    {"Speed", "speed", {"jct_mean_s"}, "completes jobs soonest"},
    {"Service levels", "service levels", {"goodput_share"}, "answers most requests within their limits"},
    {"Deadlines", "deadlines", {"deadlines_met_share"}, "meets most deadlines"},
};
enum { GOALS = sizeof goals / sizeof *goals };
enum { NOBODY = -1 };

/* What a token or an item costs is not what the run costs where something else came, too. */
static bool speaks_for(const char *metric, const struct summary *run) {
    const bool jobs = value_of(run, "jobs_submitted") > 0, requests = value_of(run, "requests") > 0;
    const bool items = value_of(run, "items") > 0;
    if (strstr(metric, "tok")) return !jobs && !items;
    if (strstr(metric, "mitem")) return !jobs && !requests;
    return true;
}

static const char *metric_of(const struct goal *goal, const struct summary *const *runs, size_t count) {
    for (size_t i = 0; i < 4 && goal->metrics[i]; i++)
        if (speaks_for(goal->metrics[i], runs[0]) && defined(runs, count, goal->metrics[i])) return goal->metrics[i];
    return NULL;
}

/* The best run; NOBODY where all are the same. */
static int best_of(const struct summary *const *runs, size_t count, const char *metric) {
    const bool less = result_metrics[metric_index(metric)].less_is_better;
    size_t best = 0, worst = 0;
    for (size_t i = 1; i < count; i++) {
        const double v = value_of(runs[i], metric);
        if (less ? v < value_of(runs[best], metric) : v > value_of(runs[best], metric)) best = i;
        if (less ? v > value_of(runs[worst], metric) : v < value_of(runs[worst], metric)) worst = i;
    }
    const double a = value_of(runs[best], metric), b = value_of(runs[worst], metric);
    return fabs(a - b) <= 1e-3 * fmax(fabs(a), fabs(b)) ? NOBODY : (int)best;
}

/* How far the others lie from the best one. */
static void put_others(struct text *text, const struct summary *const *runs, size_t count, const char *metric,
                       size_t best) {
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == best) continue;
        const double away = fabs(value_of(runs[i], metric) / value_of(runs[best], metric) - 1);
        least = fmin(least, away), most = fmax(most, away);
    }
    if (!isfinite(most)) return;
    if (count == 2) text_format(text, "; “%s” is ", summary_title(runs[1 - best]));
    else text_put(text, "; the others are ");
    put_span(text, least, most);
    text_put(text, result_metrics[metric_index(metric)].less_is_better ? " above it" : " below it");
}

static void say_goal(struct words *words, const struct goal *goal, const struct summary *const *runs, size_t count) {
    const char *metric = metric_of(goal, runs, count);
    if (!metric) return;
    char a[96], b[96];
    struct text text;
    text_init(&text);
    const int best = best_of(runs, count, metric);
    if (best == NOBODY) {
        text_format(&text, "All runs are the same: %s.", shown(runs, count, metric, 0, a));
        say(words, goal->subject, &text);
        return;
    }
    text_format(&text, "“%s” %s: %s", summary_title(runs[best]), goal->best,
                shown(runs, count, metric, (size_t)best, a));
    if (best == 0) {
        put_others(&text, runs, count, metric, 0);
    } else {
        const double change = value_of(runs[best], metric) / value_of(runs[0], metric) - 1;
        text_format(&text, ", against %s of “%s”", shown(runs, count, metric, 0, b), summary_title(runs[0]));
        if (isfinite(change)) text_format(&text, " (%+.1f %%)", 100 * change);
    }
    text_put(&text, ".");
    say(words, goal->subject, &text);
}

/* Whether all goals ask for the same run: each run that is best at something, and at what. */
static void say_conflict(struct words *words, const struct summary *const *runs, size_t count) {
    int best[GOALS], winners = 0;
    struct text text;
    text_init(&text);
    for (size_t g = 0; g < GOALS; g++) {
        const char *metric = metric_of(&goals[g], runs, count);
        best[g] = metric ? best_of(runs, count, metric) : NOBODY;
    }
    for (size_t i = 0; i < count; i++) {
        bool first = true;
        for (size_t g = 0; g < GOALS; g++) {
            if (best[g] != (int)i) continue;
            if (first) text_format(&text, "%s“%s” is best at ", winners++ ? "; " : "", summary_title(runs[i]));
            text_format(&text, "%s%s", first ? "" : ", ", goals[g].goal);
            first = false;
        }
    }
    if (winners > 1) text_put(&text, ": the goals conflict, and somebody must choose.");
    else if (winners == 1) text_put(&text, "; no other goal asks for another run.");
    if (winners) say(words, "Trade-off", &text);
    else text_free(&text);
}

/* --- how busy, why waiting --- */

static void say_use(struct words *words, const struct summary *const *runs, size_t count) {
    if (!defined(runs, count, "utilisation") || !defined(runs, count, "useful_utilisation")) return;
    double held[2] = {INFINITY, 0}, useful[2] = {INFINITY, 0};
    for (size_t i = 0; i < count; i++) {
        const double h = value_of(runs[i], "utilisation"), u = value_of(runs[i], "useful_utilisation");
        held[0] = fmin(held[0], h), held[1] = fmax(held[1], h);
        useful[0] = fmin(useful[0], u), useful[1] = fmax(useful[1], u);
    }
    struct text text;
    text_init(&text);
    text_put(&text, "GPUs are held ");
    put_span(&text, held[0], held[1]);
    text_put(&text, " of the time they are paid for, and do work that counts in ");
    put_span(&text, useful[0], useful[1]);
    text_put(&text, count > 1 ? ", over the runs." : ".");
    say(words, "Use", &text);
}

static void say_waiting(struct words *words, const struct summary *run) {
    const double all_h = value_of(run, "wait_all_h");
    if (!(all_h > 0) || !isfinite(value_of(run, "wait_mean_s"))) return;
    char metric[64], mean[96];
    int largest = 0;
    double most_h = 0;
    for (int why = 0; why < WHY_COUNT; why++) {
        snprintf(metric, sizeof metric, "wait_%s_h", why_names[why]);
        const double hours = value_of(run, metric);
        if (hours > most_h) most_h = hours, largest = why;
    }
    struct text text;
    text_init(&text);
    text_format(&text, "In “%s” a job waits %s on average; the main reason, with %.0f %% of all waiting: %s.",
                summary_title(run), shown(&run, 1, "wait_mean_s", 0, mean), 100 * most_h / all_h, why_texts[largest]);
    say(words, "Why they wait", &text);
}

static void say_run(struct words *words, const struct summary *run) {
    static const struct {
        const char *subject, *metric, *before;
    } lines[] = {{"Cost", "total_usd", "The run costs "},
                 {"Cost of work", "usd_per_work", "A unit of work costs "},
                 {"Cost of tokens", "usd_per_mtok", "A million output tokens cost "},
                 {"Cost of items", "usd_per_mitem", "A million items cost "},
                 {"Energy", "energy_kwh", "It takes "},
                 {"Emissions", "total_co2_kg", "It emits "},
                 {"Speed", "jct_mean_s", "A job is done after "},
                 {"Service levels", "goodput_share", "Of the requests, these kept their limits: "}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char a[96];
        if (!isfinite(value_of(run, lines[i].metric))) continue;
        struct text text;
        text_init(&text);
        text_format(&text, "%s%s.", lines[i].before, shown(&run, 1, lines[i].metric, 0, a));
        say(words, lines[i].subject, &text);
    }
}

/* --- over replications --- */

static const struct {
    const char *metric, *subject;
} subjects[] = {{"total_usd", "Cost"},          {"usd_per_work", "Cost of work"}, {"usd_per_mtok", "Cost of tokens"},
                {"energy_kwh", "Energy"},       {"total_co2_kg", "Emissions"},    {"co2_kg", "Emissions"},
                {"wait_mean_s", "Waiting"},     {"jct_mean_s", "Speed"},          {"goodput_share", "Service levels"},
                {"deadlines_met_share", "Deadlines"}};

/* How sure it is that the group that leads in a metric is the best. */
static void say_lead(struct words *words, const struct compare *c, size_t metric) {
    const struct compare_metric *m = &c->metrics[metric];
    const char *subject = NULL;
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++)
        if (strcmp(subjects[i].metric, m->metric->name) == 0) subject = subjects[i].subject;
    if (!subject || m->lead == c->groups_len || !isfinite(m->p)) return;
    const struct infer_mean *lead = &compare_cell(c, metric, m->lead)->own, *base = &compare_cell(c, metric, 0)->own;
    const double values[] = {lead->mean, lead->t.low, lead->t.high, base->mean};
    const struct table_scale scale = table_scale(m->metric, values, 4);
    char number[4][48], unit[48];
    struct text text;
    text_init(&text);
    text_format(&text, "“%s” leads with a mean of %s %s (%.4g %% interval %s to %s)", c->groups[m->lead].label,
                table_scaled(values[0], scale, number[0]), table_unit(scale.unit, unit), 100 * c->level,
                table_scaled(values[1], scale, number[1]), table_scaled(values[2], scale, number[2]));
    if (m->lead)
        text_format(&text, ", against %s of “%s”", table_scaled(values[3], scale, number[3]), c->groups[0].label);
    if (m->won)
        text_format(&text, "; that is more than chance (p %s%.3f).", m->p < 5e-4 ? "< " : "= ", fmax(m->p, 1e-3));
    else text_format(&text, "; that may be chance (p = %.2f).", m->p);
    say(words, subject, &text);
}

struct word_line *report_words(const struct summary *const *runs, size_t count, const struct compare *compare,
                              size_t *len) {
    struct words words = {0};
    const bool means = compare && compare_replicated(compare);
    for (size_t m = 0; means && m < compare->metrics_len; m++) say_lead(&words, compare, m);
    if (count == 1 && !means) say_run(&words, runs[0]);
    for (size_t g = 0; !means && count > 1 && g < GOALS; g++) say_goal(&words, &goals[g], runs, count);
    if (!means && count > 1) say_conflict(&words, runs, count);
    say_use(&words, runs, count);
    for (size_t i = 0; i < count && i < 2; i++) say_waiting(&words, runs[i]);
    size_t notes_len;
    const char **notes = summary_notes(runs, count, &notes_len);
    if (notes_len) {
        struct text text;
        text_init(&text);
        text_format(&text, "%zu note%s on models, estimates or data qualif%s these figures; see the assumptions.",
                    notes_len, notes_len > 1 ? "s" : "", notes_len > 1 ? "y" : "ies");
        say(&words, "Caution", &text);
    }
    free(notes);
    *len = words.len;
    return words.at;
}

void report_words_free(struct word_line *words, size_t len) {
    for (size_t i = 0; i < len; i++) free(words[i].text);
    free(words);
}
