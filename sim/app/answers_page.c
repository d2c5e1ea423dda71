/*
 * See answers_page.h. Figures are those of the simulation where there is one, with the gap to the arithmetic beside;
 * else the arithmetic's, and the page says so.
 */
#include "app/answers_page.h"

#include "base/text.h"
#include "base/tick.h"
#include "io/table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---- */

/* Four significant digits, thousands marked; the same for all tables here. */
static const char *digits(double value, char buffer[48]) {
    const double size = fabs(value);
    const int decimals = size == 0 || !isfinite(size) ? 0 : (int)fmin(12, fmax(0, 3 - floor(log10(size))));
    return table_number(value, decimals, buffer);
}

static const char *percent(double share, char buffer[48]) {
    if (!isfinite(share)) return "-";
    snprintf(buffer, 48, "%+.1f %%", share * 100);
    return strcmp(buffer, "-0.0 %") == 0 ? "+0.0 %" : buffer;
}

static const char *length(double s, char buffer[48]) {
    if (!isfinite(s)) return "-";
    if (s < 60) return snprintf(buffer, 48, "%.3g s", s), buffer;
    return tick_human(tick_from_seconds(s), buffer);
}

/* What an answer comes to: as simulated where it was. */
struct shown {
    double usd, time_s, energy_j, co2_g;
};
static struct shown shown_of(const struct confirm_case *c) {
    if (c->done) return (struct shown){c->usd.mean, c->time_s.mean, c->energy_j.mean, c->co2_g.mean};
    return (struct shown){c->expected.usd, c->expected.time_s, c->expected.energy_j, c->expected.co2_g};
}

/* ---- the three answers ---- */

struct column {
    const struct answers *a;
    const struct confirm_case *c;
    const struct choice_row *row;
    const struct recommend_offer *offer;
    struct shown v;
    double units;
};
typedef void cell(const struct column *at, struct text *text);

static void put_number(struct text *text, double value) {
    char buffer[48];
    text_put(text, digits(value, buffer));
}
static void put_length(struct text *text, double s) {
    char buffer[48];
    text_put(text, length(s, buffer));
}
static bool serves(const struct answers *a) { return a->space->setup->kind == RECOMMEND_SERVICE; }

static void cell_machine(const struct column *at, struct text *text) {
    text_put(text, at->a->space->setup->machines[at->offer->machine]);
}
static void cell_gpus(const struct column *at, struct text *text) {
    text_format(text, "%u x %u %s", at->row->nodes, at->offer->pool.gpus, at->offer->pool.gpu);
}
static void cell_replicas(const struct column *at, struct text *text) { put_number(text, at->row->replicas); }
static void cell_region(const struct column *at, struct text *text) {
    text_put(text, at->a->space->regions->regions[at->offer->pool.region].name);
}
static void cell_market(const struct column *at, struct text *text) {
    text_put(text, bought_names[at->offer->pool.bought]);
}
static void cell_variant(const struct column *at, struct text *text) {
    const char *label = at->a->space->setup->variants[at->row->variant].label;
    text_put(text, *label ? label : "-");
}
static void cell_cap(const struct column *at, struct text *text) {
    const double cap = at->a->space->setup->caps.at[at->c->config.cap];
    if (cap < 1) text_format(text, "%g", cap);
    else text_put(text, "none");
}
static void cell_checkpoint(const struct column *at, struct text *text) {
    static const char *const kinds[] = {[CHECKPOINT_NONE] = "none", [CHECKPOINT_YOUNG] = "young",
                                        [CHECKPOINT_DALY] = "daly"};
    const struct choice_checkpoint *c = &at->a->space->choice.checkpoints[at->c->config.checkpoint];
    if (c->kind == CHECKPOINT_FIXED) put_length(text, c->every_s);
    else text_put(text, kinds[c->kind]);
}
static void cell_start(const struct column *at, struct text *text) {
    const struct choice_wait *w = &at->a->space->choice.waits[at->c->config.wait];
    put_length(text, at->c->expected.start_s);
    if (w->s > 0) text_format(text, ", for %s", w->on_carbon ? "carbon" : "price");
}
static void cell_usd_unit(const struct column *at, struct text *text) { put_number(text, at->v.usd / at->units); }
static void cell_usd(const struct column *at, struct text *text) { put_number(text, at->v.usd); }
static void cell_usd_day(const struct column *at, struct text *text) {
    put_number(text, serves(at->a) ? at->v.usd : at->v.usd * 86400 / at->v.time_s);
}
static void cell_time(const struct column *at, struct text *text) { put_length(text, at->v.time_s); }
static void cell_kwh_unit(const struct column *at, struct text *text) {
    put_number(text, at->v.energy_j / 3.6e6 / at->units);
}
static void cell_g_unit(const struct column *at, struct text *text) { put_number(text, at->v.co2_g / at->units); }
static void cell_energy(const struct column *at, struct text *text) { put_number(text, at->v.energy_j / 3.6e6); }
static void cell_carbon(const struct column *at, struct text *text) { put_number(text, at->v.co2_g / 1000); }
static void cell_tokens(const struct column *at, struct text *text) {
    put_number(text, at->c->done ? at->c->tokens_per_s : at->units * 1e6 / 86400);
}
static void cell_ttft(const struct column *at, struct text *text) {
    put_length(text, at->c->done ? at->c->ttft_high_s : space_steady(at->a->space, at->row).ttft_s);
}
static void cell_tpot(const struct column *at, struct text *text) {
    put_number(text, 1000 * (at->c->done ? at->c->tpot_high_s : space_steady(at->a->space, at->row).tpot_s));
}
static void cell_met(const struct column *at, struct text *text) {
    if (at->c->done) text_format(text, "%.1f %%", at->c->met * 100);
    else text_put(text, "not simulated");
}
static void cell_failures(const struct column *at, struct text *text) { put_number(text, at->c->expected.failures); }
static void cell_error(const struct column *at, struct text *text) {
    if (isnan(at->row->error)) text_put(text, "not measured here");
    else text_format(text, "%.1f %%", (double)at->row->error * 100);
}
static void gap(struct text *text, const struct confirm_case *c, double simulated, double expected) {
    char buffer[48];
    text_put(text, c->done ? percent(simulated / expected - 1, buffer) : "not simulated");
}
static void cell_usd_gap(const struct column *at, struct text *text) {
    gap(text, at->c, at->c->usd.mean, at->c->expected.usd);
}
static void cell_time_gap(const struct column *at, struct text *text) {
    gap(text, at->c, at->c->time_s.mean, at->c->expected.time_s);
}
static void cell_energy_gap(const struct column *at, struct text *text) {
    gap(text, at->c, at->c->energy_j.mean, at->c->expected.energy_j);
}
static void cell_carbon_gap(const struct column *at, struct text *text) {
    gap(text, at->c, at->c->co2_g.mean, at->c->expected.co2_g);
}
static void cell_holds(const struct column *at, struct text *text) {
    bool held = false;
    for (size_t i = 0; i < ANSWERS; i++) held |= &at->a->cases[at->a->chosen[i]] == at->c && at->a->held[i];
    text_format(text, "%s, %zu run%s", held ? "yes" : "no", at->c->runs, at->c->runs == 1 ? "" : "s");
}

enum when { ALWAYS, SERVING, WORKING, CONFIRMED, SERVING_CONFIRMED };
static const struct line {
    const char *label, *unit; /* unit "work": per unit of work */
    cell *put;
    enum when when;
} lines[] = {
    {"Machine", "", cell_machine, ALWAYS},
    {"Nodes x GPUs", "", cell_gpus, ALWAYS},
    {"Replicas", "", cell_replicas, SERVING},
    {"Region", "", cell_region, ALWAYS},
    {"Market", "", cell_market, ALWAYS},
    {"Variant", "", cell_variant, ALWAYS},
    {"Power cap", "", cell_cap, WORKING},
    {"Checkpoint every", "", cell_checkpoint, WORKING},
    {"Begins after", "", cell_start, WORKING},
    {"Cost", "USD/work", cell_usd_unit, ALWAYS},
    {"  in all", "USD", cell_usd, WORKING},
    {"  a day", "USD/d", cell_usd_day, ALWAYS},
    {"Time per result", "", cell_time, ALWAYS},
    {"Energy", "kWh/work", cell_kwh_unit, ALWAYS},
    {"  in all", "kWh", cell_energy, WORKING},
    {"Emissions, CO2", "g/work", cell_g_unit, ALWAYS},
    {"  in all", "kg", cell_carbon, WORKING},
    {"Output tokens", "tokens/s", cell_tokens, SERVING},
    {"TTFT, at the share", "", cell_ttft, SERVING},
    {"TPOT, at the share", "ms", cell_tpot, SERVING},
    {"Both levels met", "", cell_met, SERVING_CONFIRMED},
    {"Failures expected", "", cell_failures, WORKING},
    {"Speed model's error", "", cell_error, ALWAYS},
    {"Simulated and holds", "", cell_holds, CONFIRMED},
    {"  cost over arithmetic", "", cell_usd_gap, CONFIRMED},
    {"  time", "", cell_time_gap, CONFIRMED},
    {"  energy", "", cell_energy_gap, CONFIRMED},
    {"  emissions", "", cell_carbon_gap, CONFIRMED},
};

static bool applies(const struct answers *a, enum when when, bool confirmed) {
    switch (when) {
    case ALWAYS: return true;
    case SERVING: return serves(a);
    case WORKING: return !serves(a);
    case CONFIRMED: return confirmed;
    case SERVING_CONFIRMED: return confirmed && serves(a);
    }
    return false;
}

static struct column column_of(const struct answers *a, enum answer answer) {
    const struct confirm_case *c = &a->cases[a->chosen[answer]];
    return (struct column){a, c, &a->space->choice.rows[c->config.row], &a->space->setup->offers[c->config.offer],
                           shown_of(c), a->space->units};
}

/* "USD/work" with what the work is called. */
static char *unit_text(const struct answers *a, const char *unit) {
    const char *work = strstr(unit, "/work");
    struct text text;
    text_init(&text);
    text_add(&text, unit, work ? (size_t)(work - unit) + 1 : strlen(unit));
    if (work) text_put(&text, a->space->setup->unit);
    return text_take(&text);
}

static void print_three(FILE *to, const struct answers *a, bool confirmed) {
    struct table *table = table_open("llrrr");
    table_cell(table, "%s", "");
    table_cell(table, "%s", "");
    for (enum answer i = 0; i <= ANSWER_VALUE; i++) table_cell(table, "%s", answer_names[i]);
    for (size_t l = 0; l < sizeof lines / sizeof *lines; l++) {
        if (!applies(a, lines[l].when, confirmed)) continue;
        char *unit = unit_text(a, lines[l].unit);
        table_cell(table, "%s", lines[l].label);
        table_cell(table, "%s", unit);
        free(unit);
        for (enum answer i = 0; i <= ANSWER_VALUE; i++) {
            const struct column at = column_of(a, i);
            struct text text;
            text_init(&text);
            lines[l].put(&at, &text);
            table_cell(table, "%s", text.at);
            text_free(&text);
        }
    }
    table_print(table, to, 1, 0);
    table_close(table);
}

/* ---- how flat ---- */

static void print_trade(FILE *to, const struct answers *a) {
    char x[48], y[48];
    const struct shown cost = shown_of(&a->cases[a->chosen[ANSWER_COST]]);
    const struct shown fast = shown_of(&a->cases[a->chosen[ANSWER_PERFORMANCE]]);
    double least = cost.usd, most = cost.usd;
    for (enum answer i = 0; i <= ANSWER_VALUE; i++) {
        least = fmin(least, shown_of(&a->cases[a->chosen[i]]).usd);
        most = fmax(most, shown_of(&a->cases[a->chosen[i]]).usd);
    }
    fprintf(to,
            "\nThe three answers' cost per %s lies within %s; the fastest takes %s times as long as the cheapest.\n",
            a->space->setup->unit, percent(most / least - 1, x), digits(fast.time_s / cost.time_s, y));
    fprintf(to, "Configurations that keep the floor, at most so much dearer than the cheapest:");
    for (size_t i = 0; i < CHOICE_NEAR; i++)
        fprintf(to, "%s %g %%: %s", i ? "," : "", choice_near[i] * 100, table_number((double)a->survey.near[i], 0, x));
    fprintf(to, ".\n");
}

/* The least cost by what an offer's key is, ascending in the order of first offers. */
typedef const char *group_key(const struct answers *a, size_t offer);
static const char *key_machine(const struct answers *a, size_t offer) {
    return a->space->setup->machines[a->space->setup->offers[offer].machine];
}
static const char *key_region(const struct answers *a, size_t offer) {
    return a->space->regions->regions[a->space->setup->offers[offer].pool.region].name;
}
static const char *key_market(const struct answers *a, size_t offer) {
    return bought_names[a->space->setup->offers[offer].pool.bought];
}

enum { GROUPS_MOST = 12 };
static void print_groups(FILE *to, const struct answers *a, const char *heading, group_key *key) {
    const char *names[GROUPS_MOST];
    double least[GROUPS_MOST];
    size_t len = 0;
    char buffer[48], more[48];
    for (size_t o = 0; o < a->space->choice.offers_len; o++) {
        const char *name = key(a, o);
        size_t g = 0;
        while (g < len && strcmp(names[g], name) != 0) g++;
        if (g == GROUPS_MOST) continue;
        if (g == len) {
            names[len] = name;
            least[len++] = INFINITY;
        }
        least[g] = fmin(least[g], a->survey.offer_usd[o]);
    }
    if (len < 2) return;
    double best = INFINITY;
    for (size_t g = 0; g < len; g++) best = fmin(best, least[g]);
    fprintf(to, "%s:", heading);
    for (size_t g = 0; g < len; g++) {
        if (isinf(least[g])) fprintf(to, "%s %s none keeps the floor", g ? "," : "", names[g]);
        else
            fprintf(to, "%s %s %s (%s)", g ? "," : "", names[g], digits(least[g] / a->space->units, buffer),
                    percent(least[g] / best - 1, more));
    }
    fprintf(to, ".\n");
}

static void print_variants(FILE *to, const struct answers *a) {
    const struct recommend_setup *setup = a->space->setup;
    char buffer[48], more[48];
    double best = INFINITY, worst = -INFINITY;
    size_t first = 0, last = 0;
    for (size_t v = 0; v < setup->variants_len; v++) {
        const double usd = a->survey.variant_usd[v];
        if (usd < best) best = usd, first = v;
        if (!isinf(usd) && usd > worst) worst = usd, last = v;
    }
    if (setup->variants_len < 2 || isinf(best)) return;
    fprintf(to, "Least cost by variant: from %s (%s) to %s (%s, %s).\n", digits(best / a->space->units, buffer),
            setup->variants[first].label, percent(worst / best - 1, more), setup->variants[last].label,
            first == last ? "the only one" : "the dearest");
}

/* ---- by weights ---- */

static void print_weights(FILE *to, const struct answers *a) {
    static const enum answer by[] = {ANSWER_COST, ANSWER_ENERGY, ANSWER_CARBON, ANSWER_WEIGHTED};
    double least[3] = {INFINITY, INFINITY, INFINITY};
    char buffer[48], more[48];
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        const struct shown v = shown_of(&a->cases[a->chosen[by[i]]]);
        least[0] = fmin(least[0], v.usd);
        least[1] = fmin(least[1], v.energy_j);
        least[2] = fmin(least[2], v.co2_g);
    }
    struct table *table = table_open("lrrrrrrl");
    static const char *const headings[] = {"Aware of", "USD", "", "kWh", "", "kg CO2", "", "configuration"};
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++) table_cell(table, "%s", headings[i]);
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        const struct confirm_case *c = &a->cases[a->chosen[by[i]]];
        const struct shown v = shown_of(c);
        const double values[3] = {v.usd, v.energy_j, v.co2_g}, kept[3] = {1, 3.6e6, 1000};
        table_cell(table, "%s", answer_names[by[i]]);
        for (size_t k = 0; k < 3; k++) {
            table_cell(table, "%s", digits(values[k] / kept[k], buffer));
            table_cell(table, "%s", percent(values[k] / least[k] - 1, more));
        }
        table_cell(table, "%s", c->name);
    }
    fprintf(to, "\nBest by each, and what it gives up of the others%s\n",
            serves(a) ? " (a day):" : " (all the work):");
    table_print(table, to, 1, 0);
    table_close(table);
}

/* ---- all together ---- */

static void print_head(FILE *to, const struct answers *a, const char *title) {
    static const char *const kinds[] = {"training", "batch", "service"};
    static const char *const reasons[SPACE_REFUSALS] = {"do not run there (memory, precision, no speed known)",
                                                        "cannot keep the service levels",
                                                        "would be faster than their hardware's peak"};
    char n[48], x[48], y[48];
    const struct space *s = a->space;
    uint64_t refused = 0;
    for (size_t i = 0; i < SPACE_REFUSALS; i++) refused += s->refused[i];
    fprintf(to, "%s: a %s, preset %s\n", title, kinds[s->setup->kind], s->setup->preset);
    fprintf(to, "%s configurations: %zu offers of %zu machines, %zu variants, %zu knobs",
            table_number((double)(s->configurations + refused), 0, n), s->setup->offers_len, s->setup->machines_len,
            s->setup->variants_len, choice_knobs(&s->choice));
    for (size_t i = 0; i < SPACE_REFUSALS; i++)
        if (s->refused[i]) fprintf(to, "; %s %s", table_number((double)s->refused[i], 0, x), reasons[i]);
    fprintf(to, ".\n");
    if (s->setup->left_out) fprintf(to, "%zu variants are left out by their precision.\n", s->setup->left_out);
    fprintf(to, "Of what %zu searches asked, bounds ruled out %.2f %%.\n", a->searches,
            100 * (double)a->counts.ruled_out / (double)(a->counts.ruled_out + a->counts.looked_at));
    if (isfinite(a->floor_s)) fprintf(to, "Floor: a result in %s", length(a->floor_s, x));
    else fprintf(to, "Floor: %s", serves(a) ? "the service levels" : "none");
    fprintf(to, ". Guardrail: %s USD%s.\n", digits(a->guard_usd, y), serves(a) ? " a day" : "");
}

void answers_page(FILE *to, const struct answers *a, const char *title, bool confirmed) {
    print_head(to, a, title);
    fprintf(to, "\n");
    print_three(to, a, confirmed);
    print_trade(to, a);
    fprintf(to, "Least cost by arithmetic, USD/%s, that keeps the floor. ", a->space->setup->unit);
    print_groups(to, a, "By machine", key_machine);
    print_groups(to, a, "By region", key_region);
    print_groups(to, a, "By market", key_market);
    print_variants(to, a);
    print_weights(to, a);
    if (!confirmed) fprintf(to, "\nNone of this was simulated: the figures are the arithmetic's.\n");
    for (enum answer i = 0; confirmed && i < ANSWERS; i++)
        if (!a->held[i])
            fprintf(to, "\nNo candidate of the answer by %s held in simulation: ask for more with "
                        "`recommend.candidates`.\n", answer_names[i]);
}

void answers_none(FILE *to, const struct answers *a, const char *title) {
    char x[48], y[48];
    print_head(to, a, title);
    if (!a->fastest.len) {
        fprintf(to, "\nNo offer has the nodes, or stays up for long enough.\n");
        return;
    }
    fprintf(to, "\nNothing keeps the floor. The fastest of all takes %s; the cheapest of all costs %s USD.\n",
            length(a->fastest.at[0].value, x), digits(a->cheapest.at[0].value, y));
}

static void json_text(FILE *to, const char *text) {
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', to);
        if ((unsigned char)*text >= 0x20) fputc(*text, to);
    }
    fputc('"', to);
}

static void json_number(FILE *to, const char *key, double value) {
    if (isfinite(value)) fprintf(to, ", \"%s\": %.12g", key, value);
    else fprintf(to, ", \"%s\": null", key);
}

static void json_answer(FILE *to, const struct answers *a, enum answer i) {
    const struct column at = column_of(a, i);
    fprintf(to, "    {\"answer\": \"%s\", \"configuration\": ", answer_names[i]);
    json_text(to, at.c->name);
    fprintf(to, ", \"id\": %" PRIu64 ", \"nodes\": %u, \"gpus\": %u, \"simulated\": %s, \"holds\": %s",
            at.c->config.id, at.row->nodes, at.row->nodes * at.offer->pool.gpus, at.c->done ? "true" : "false",
            a->held[i] ? "true" : "false");
    json_number(to, "usd_per_work", at.v.usd / at.units);
    json_number(to, "usd", at.v.usd);
    json_number(to, "usd_per_day", serves(a) ? at.v.usd : at.v.usd * 86400 / at.v.time_s);
    json_number(to, "time_s", at.v.time_s);
    json_number(to, "energy_kwh", at.v.energy_j / 3.6e6);
    json_number(to, "co2_kg", at.v.co2_g / 1000);
    json_number(to, "expected_usd", at.c->expected.usd);
    json_number(to, "expected_time_s", at.c->expected.time_s);
    json_number(to, "expected_energy_kwh", at.c->expected.energy_j / 3.6e6);
    json_number(to, "expected_co2_kg", at.c->expected.co2_g / 1000);
    json_number(to, "speed_error", (double)at.row->error);
    if (serves(a)) {
        json_number(to, "tokens_per_s", at.c->done ? at.c->tokens_per_s : NAN);
        json_number(to, "met_share", at.c->done ? at.c->met : NAN);
    }
    fprintf(to, "}");
}

void answers_json(FILE *to, const struct answers *a, const char *title, bool confirmed) {
    uint64_t refused = 0;
    for (size_t i = 0; i < SPACE_REFUSALS; i++) refused += a->space->refused[i];
    fprintf(to, "{\"scenario\": ");
    json_text(to, title);
    fprintf(to, ", \"unit\": ");
    json_text(to, a->space->setup->unit);
    fprintf(to, ", \"configurations\": %" PRIu64 ", \"refused\": %" PRIu64, a->space->configurations + refused,
            refused);
    json_number(to, "floor_s", a->floor_s);
    json_number(to, "guardrail_usd", a->guard_usd);
    fprintf(to, ", \"confirmed\": %s,\n  \"answers\": [\n", confirmed ? "true" : "false");
    for (enum answer i = 0; a->cases && i < ANSWERS; i++) {
        json_answer(to, a, i);
        fprintf(to, "%s\n", i + 1 < ANSWERS ? "," : "");
    }
    fprintf(to, "  ]}\n");
}
