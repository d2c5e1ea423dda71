/*
 * What a comparison is by (see compare.h): the key, chosen or named; what is left beside it; and the groups it
 * makes, with their labels and the baseline. A group's label is made of its values of the key's paths, the
 * models of policies first. Cost: runs x paths in which they differ.
 */
#include "io/compare_intake.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* The policies, in the order labels name them. */
static const char *const policies[] = {"policy.order", "policy.backfill", "policy.place",   "policy.route",
                                       "policy.shift", "policy.market",   "policy.forecast"};
enum { POLICIES = sizeof policies / sizeof *policies };

/* --- the key --- */

static bool titles_differ(const struct intake *in) {
    for (size_t r = 1; r < in->len; r++)
        if (!same(in->runs[r].title, in->runs[0].title)) return true;
    return false;
}

static bool some_below(const struct texts *paths, const char *prefix) {
    for (size_t i = 0; i < paths->len; i++)
        if (setting_below(paths->at[i], prefix)) return true;
    return false;
}

static bool find_key(struct intake *in) {
    const char *by = in->wish->by;
    if (!by) {
        by = titles_differ(in) ? "run" : some_below(&in->varying, "policy") ? "policy" : NULL;
        if (!by && in->varying.len == 1) by = in->varying.at[0];
        if (!by && in->varying.len == 0) return intake_refuse(in, "the runs are all alike, but for their seeds");
        if (!by) {
            char *paths = texts_listed(&in->varying, 8);
            intake_refuse(in, "the runs differ in %s: name one with --by", paths);
            free(paths);
            return false;
        }
    }
    in->c->by = arena_text(&in->c->arena, by);
    in->by_run = same(by, "run");
    in->prefix = in->c->by;
    for (size_t i = 0; i < POLICIES; i++)
        if (same(by, policies[i] + strlen("policy."))) in->prefix = policies[i];
    if (in->by_run || some_below(&in->varying, in->prefix)) return true;

    for (size_t i = 0; i < in->runs[0].own.len; i++)
        if (setting_below(in->runs[0].own.at[i].path, in->prefix))
            return intake_refuse(in, "--by %s: all runs have the same", by);
    struct texts known = {0};
    static const char *const words[] = {"run", "policy", "order", "backfill", "place", "route", "shift",
                                        "market", "forecast"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) *vec_push(&known) = words[i];
    for (size_t i = 0; i < in->varying.len; i++) *vec_push(&known) = in->varying.at[i];
    const char *nearest = text_nearest(by, known.at, known.len);
    char *paths = texts_listed(&in->varying, 8);
    intake_refuse(in,
            "--by %s: neither run, policy, one of its models, nor a path of the scenario in which runs "
            "differ (%s)%s%s%s",
            by, paths, nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    free(paths);
    free(known.at);
    return false;
}

static bool is_policy(const char *path) {
    for (size_t i = 0; i < POLICIES; i++)
        if (same(path, policies[i])) return true;
    return false;
}

static void add_to_label(struct text *label, const struct intake *in, const struct taken *run,
                         const char *path) {
    const char *value = setting_get(&run->own, path);
    const bool whole = same(path, in->prefix) || is_policy(path);
    if (!value && !whole) return;
    if (!whole) {
        const char *tail = path + strlen(in->prefix);
        text_format(label, "%s%s=%s", label->len ? "/" : "", tail + (*tail == '.'), value);
    } else {
        text_format(label, "%s%s", label->len ? "/" : "", value ? value : "default");
    }
}

static const char *label_of(struct intake *in, const struct taken *run) {
    struct text label;
    text_init(&label);
    if (in->by_run) {
        if (in->several_scenarios && *run->name) text_format(&label, "%s: ", run->scenario);
        text_put(&label, run->title);
    } else {
        for (size_t i = 0; i < POLICIES; i++)
            if (setting_below(policies[i], in->prefix) &&
                (same(policies[i], in->prefix) || texts_have(&in->varying, policies[i])))
                add_to_label(&label, in, run, policies[i]);
        for (size_t i = 0; i < in->varying.len; i++)
            if (setting_below(in->varying.at[i], in->prefix) && !is_policy(in->varying.at[i]))
                add_to_label(&label, in, run, in->varying.at[i]);
    }
    const char *kept = arena_text(&in->c->arena, label.len ? label.at : "default");
    text_free(&label);
    return kept;
}

/* What is neither the key nor the seed. By run, what a run sets belongs to it; and between scenarios of
 * several names, everything but the sweep's factors does. */
static void find_rests(struct intake *in) {
    const struct texts *paths = in->by_run ? &in->varying_base : &in->varying;
    for (size_t i = 0; i < paths->len && !(in->by_run && in->several_scenarios); i++)
        if (in->by_run || !setting_below(paths->at[i], in->prefix)) *vec_push(&in->rest) = paths->at[i];
    for (size_t r = 0; r < in->len; r++) {
        struct taken *run = &in->runs[r];
        run->rest = in->by_run && in->several_scenarios ? run->factors : HASH_START;
        for (size_t i = 0; i < in->rest.len; i++)
            run->rest = texts_hash(run->rest, setting_get(in->by_run ? &run->base : &run->own, in->rest.at[i]));
    }
}

/* --- groups --- */

static bool number_of(const char *text, double *number) {
    const char *unit;
    return num_with_unit(text, number, &unit);
}

static int by_number(const void *a, const void *b) {
    double x = 0, y = 0;
    number_of(((const struct compare_group *)a)->label, &x);
    number_of(((const struct compare_group *)b)->label, &y);
    return (x > y) - (x < y);
}

static size_t group_named(const struct compare *c, const char *label) {
    size_t g = 0;
    while (g < c->groups_len && !same(c->groups[g].label, label)) g++;
    return g;
}

/* In the order of their first runs; numbers in theirs. */
static void find_groups(struct intake *in) {
    struct compare *c = in->c;
    struct {
        struct compare_group *at;
        size_t len, cap;
    } groups = {0};
    bool numbers = true;
    for (size_t r = 0; r < in->len; r++) {
        double number;
        in->runs[r].label = label_of(in, &in->runs[r]);
        size_t g = groups.len; /* neighbours are alike, and so are the newest groups */
        while (g > 0 && !same(groups.at[g - 1].label, in->runs[r].label)) g--;
        if (g > 0) continue;
        *vec_push(&groups) = (struct compare_group){.label = in->runs[r].label};
        numbers &= number_of(in->runs[r].label, &number);
    }
    if (numbers) qsort(groups.at, groups.len, sizeof *groups.at, by_number);
    c->groups = arena_alloc(&c->arena, groups.len, sizeof *c->groups);
    memcpy(c->groups, groups.at, groups.len * sizeof *groups.at);
    c->groups_len = groups.len;
    free(groups.at);
}

/* Whether one of the label's parts is the name. */
static bool has_part(const char *label, const char *name) {
    const size_t len = strlen(name);
    for (const char *at = label; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (strcspn(at, "/") == len && strncmp(at, name, len) == 0) return true;
    }
    return false;
}

/* The group of that label; of runs of that name; or with that part in its label, where only one has it. */
static size_t baseline_named(const struct intake *in, const char *name) {
    const struct compare *c = in->c;
    size_t found = group_named(c, name), parts = 0;
    for (size_t r = 0; r < in->len && found == c->groups_len; r++)
        if (same(in->runs[r].name, name)) found = group_named(c, in->runs[r].label);
    if (found < c->groups_len) return found;
    for (size_t g = 0; g < c->groups_len; g++) {
        if (!has_part(c->groups[g].label, name)) continue;
        found = g;
        parts++;
    }
    return parts == 1 ? found : c->groups_len;
}

static bool find_baseline(struct intake *in) {
    struct compare *c = in->c;
    size_t base = c->groups_len;
    if (in->wish->baseline) {
        base = baseline_named(in, in->wish->baseline);
        if (base == c->groups_len) {
            struct texts labels = {0};
            for (size_t g = 0; g < c->groups_len; g++) *vec_push(&labels) = c->groups[g].label;
            const char *nearest = text_nearest(in->wish->baseline, labels.at, labels.len);
            char *all = texts_listed(&labels, 8);
            intake_refuse(in,
                    "--baseline %s: there is no such group, or more than one; the groups are %s%s%s%s",
                    in->wish->baseline, all, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                    nearest ? "'?" : "");
            free(all);
            free(labels.at);
            return false;
        }
    }
    for (size_t r = 0; r < in->len && base == c->groups_len; r++)
        if (*in->runs[r].baseline && same(in->runs[r].name, in->runs[r].baseline))
            base = group_named(c, in->runs[r].label);
    if (base == c->groups_len) base = 0;
    const struct compare_group first = c->groups[base];
    memmove(c->groups + 1, c->groups, base * sizeof *c->groups);
    c->groups[0] = first;
    for (size_t r = 0; r < in->len; r++) in->runs[r].group = group_named(c, in->runs[r].label);
    return true;
}

/* --- for compare.c --- */

bool intake_key(struct intake *in) {
    if (!find_key(in)) return false;
    find_rests(in);
    return true;
}

bool intake_groups(struct intake *in) {
    find_groups(in);
    return find_baseline(in);
}
