/*
 * The `policy:` section: which models decide, what the scheduler believes of run times, what jobs may be kept
 * waiting for, and what checkpoints and power caps cost. The tables check one value at a time; what must hold
 * between values, and between the policy and the regions and classes it works on, is checked in
 * policy_finish, once those have been read.
 *
 * Invariant: a policy read without findings has a table of power caps that ascends to a full speed at 1.
 */
#include "core/seams.h"
#include "io/sections.h"
#include "io/units.h"

#include <string.h>

/* --- checkpoints --- */

struct checkpoint_draft {
    const struct yaml_node *every;
    int64_t write_ns, restore_ns;
};
#define AT(member) offsetof(struct checkpoint_draft, member)
static const struct field checkpoint_fields[] = {
    {.param = {.key = "every", .offset = AT(every), .required = true,
               .help = "Work between two checkpoints: a time, or the best one for the job's own failure "
                       "rate by Young's or by Daly's formula."},
     .read = read_node, .form = "a time such as `30 min`, `young` or `daly`"},
    {.param = {.key = "write", .kind = PARAM_TIME, .offset = AT(write_ns), .least = 0, .most = 86400,
               .help = "GPU time that writing one takes; required by `young` and `daly`."}},
    {.param = {.key = "restore", .kind = PARAM_TIME, .offset = AT(restore_ns), .least = 0, .most = 86400,
               .help = "GPU time that going on from one takes, after a failure or an eviction."}},
};
static const struct block checkpoint_block = {.title = "checkpoint", BLOCK_FIELDS(checkpoint_fields),
    .about = "What survives a failed or an evicted node. Without it, such a job starts again from nothing."};
#undef AT

static void every_read(struct reading *r, const struct yaml_node *node, struct checkpoint_setup *checkpoint) {
    static const struct param param = {.kind = PARAM_TIME, .least = 1e-3, .most = 31557600};
    const char *const words[] = {"young", "daly"};
    size_t mark = reading_enter(r, "every");
    bool named = node->kind == YAML_SCALAR;
    if (named && strcmp(node->text, words[0]) == 0) checkpoint->kind = CHECKPOINT_YOUNG;
    else if (named && strcmp(node->text, words[1]) == 0) checkpoint->kind = CHECKPOINT_DALY;
    else if (named && text_nearest(node->text, words, 2))
        reading_unknown(r, node, "interval", words, 2, NULL);
    else if (value_read(r, node, &param, &checkpoint->every_ns)) checkpoint->kind = CHECKPOINT_FIXED;
    reading_leave(r, mark);
}

static void read_checkpoint(struct reading *r, const struct yaml_node *node, const struct field *field,
                            void *into) {
    struct checkpoint_setup *checkpoint = into;
    struct checkpoint_draft draft = {0};
    params_read(r, node, field->block, &draft);
    checkpoint->write_ns = draft.write_ns;
    checkpoint->restore_ns = draft.restore_ns;
    if (!draft.every) return;
    every_read(r, draft.every, checkpoint);
    bool best = checkpoint->kind == CHECKPOINT_YOUNG || checkpoint->kind == CHECKPOINT_DALY;
    const struct yaml_node *write = yaml_get(node, "write");
    if (best && !write) reading_add(r, node, "missing key \"write\", which \"every\" follows from");
    else if (best && draft.write_ns == 0 && write->kind == YAML_SCALAR)
        reading_add_key(r, node, "write", "no best interval when writing costs nothing, expected above 0");
}

/* --- power caps --- */

static const char *const cap_whens[] = {[CAP_NEVER] = "never", [CAP_ALWAYS] = "always", [CAP_PRICE] = "price",
                                        [CAP_CARBON] = "carbon", NULL};
struct cap_draft {
    int when;
    double level;
    const struct yaml_node *above;
    struct numbers caps, speeds;
};
#define AT(member) offsetof(struct cap_draft, member)
static const struct field cap_fields[] = {
    {.param = {.key = "when", .kind = PARAM_CHOICE, .offset = AT(when), .choices = cap_whens,
               .help = "When GPUs are capped at `level`. Regions whose power limit caps use the table "
                       "only."}},
    {.param = {.key = "level", .kind = PARAM_NUMBER, .offset = AT(level), .fallback = 1, .least = 0.01,
               .most = 1,
               .help = "The cap, as a share of a GPU's peak power; required unless `when` is never."}},
    {.param = {.key = "above", .offset = AT(above),
               .help = "GPUs are capped while price or carbon intensity are above it."},
     .read = read_node, .form = "a price or a carbon intensity, by `when`"},
    {.param = {.key = "caps", .kind = PARAM_NUMBERS, .offset = AT(caps), .least = 0.01, .most = 1,
               .help = "Caps that speeds were measured at, ascending to 1; those of a V100 when left out "
                       "(Zeus, NSDI'23)."}},
    {.param = {.key = "speeds", .kind = PARAM_NUMBERS, .offset = AT(speeds), .least = 0.001, .most = 1,
               .help = "Speed at each cap, of the speed without one; interpolated between them."}},
};
static const struct block cap_block = {.title = "cap", BLOCK_FIELDS(cap_fields),
    .about = "GPUs held below their peak power: what that saves, and how much slower they get."};
#undef AT

static void check_full(struct reading *r, const struct yaml_node *map, const char *key,
                       const struct numbers *n) {
    if (n->at[n->len - 1] != 1)
        reading_add_key(r, map, key, "ends at %g, expected 1: no cap is full speed", n->at[n->len - 1]);
}

/* The table of caps and speeds, which must belong together. good: its values are each in range. */
static void cap_table(struct reading *r, const struct yaml_node *map, struct cap_draft *draft, bool good) {
    const struct yaml_node *caps = yaml_get(map, "caps"), *speeds = yaml_get(map, "speeds");
    if (!caps != !speeds)
        reading_add(r, map, "missing key \"%s\" beside \"%s\"", caps ? "speeds" : "caps",
                    caps ? "caps" : "speeds");
    if (!caps || !speeds || !good) return;
    if (draft->caps.len != draft->speeds.len)
        reading_add_key(r, map, "speeds", "%zu speeds for %zu caps, expected as many", draft->speeds.len,
                        draft->caps.len);
    else if (draft->caps.len < 2)
        reading_add_key(r, map, "caps", "a table of %zu, expected at least 2 caps", draft->caps.len);
    else {
        check_ascending(r, map, "caps", &draft->caps, false);
        check_ascending(r, map, "speeds", &draft->speeds, true);
        check_full(r, map, "caps", &draft->caps);
        check_full(r, map, "speeds", &draft->speeds);
    }
}

static void above_read(struct reading *r, const struct yaml_node *map, const struct cap_draft *draft,
                       struct cap_setup *cap) {
    static const struct param params[] = {
        [CAP_PRICE] = {.kind = PARAM_NUMBER, .dim = DIM_ENERGY_PRICE, .least = -1000, .most = 1000},
        [CAP_CARBON] = {.kind = PARAM_NUMBER, .dim = DIM_CARBON, .least = 0, .most = 10000}};
    bool wanted = draft->when == CAP_PRICE || draft->when == CAP_CARBON;
    if (wanted && !draft->above)
        reading_add(r, map, "missing key \"above\", expected such as %s",
                    units_example(params[draft->when].dim));
    if (!draft->above) return;
    size_t mark = reading_enter(r, "above");
    if (wanted) value_read(r, draft->above, &params[draft->when], &cap->above);
    else reading_add(r, draft->above, "a threshold of nothing, expected `when: price` or `when: carbon`");
    reading_leave(r, mark);
}

static void read_cap(struct reading *r, const struct yaml_node *node, const struct field *field, void *into) {
    struct cap_setup *cap = into;
    struct cap_draft draft = {0};
    size_t before = r->err->found;
    params_read(r, node, field->block, &draft);
    if (node->kind != YAML_MAP) return;
    bool good = r->err->found == before;
    cap_table(r, node, &draft, good);
    above_read(r, node, &draft, cap);
    cap->when = (unsigned)draft.when;
    cap->level = draft.level;
    cap->caps = draft.caps;
    cap->speeds = draft.speeds;
    if (draft.when != CAP_NEVER && !yaml_get(node, "level")) reading_add(r, node, "missing key \"level\"");
    double least = draft.caps.len ? draft.caps.at[0] : cap_levels[0];
    if (good && draft.level < least)
        reading_add_key(r, node, "level",
                        "below the lowest cap a speed is known for, expected at least %g", least);
}

/* --- what is shifted on --- */

struct weights {
    double carbon, price;
};
#define AT(member) offsetof(struct weights, member)
static const struct field weight_fields[] = {
    {.param = {.key = "carbon", .kind = PARAM_NUMBER, .offset = AT(carbon), .least = 0, .most = 1e6,
               .help = "Weight of carbon intensity over its mean."}},
    {.param = {.key = "price", .kind = PARAM_NUMBER, .offset = AT(price), .least = 0, .most = 1e6,
               .help = "Weight of the price over its mean."}},
};
static const struct block weights_block = {.title = "shift_on", BLOCK_FIELDS(weight_fields),
    .about = "Both signals, each over its mean over regions and time, times PUE."};
#undef AT

static void read_shift_on(struct reading *r, const struct yaml_node *node, const struct field *field,
                          void *into) {
    static const char *const words[] = {"carbon", "price"};
    struct policy_setup *policy = (struct policy_setup *)((char *)into - field->param.offset);
    struct weights weights = {0};
    size_t before = r->err->found;
    if (node->kind == YAML_MAP) {
        params_read(r, node, field->block, &weights);
        if (r->err->found == before && weights.carbon + weights.price == 0)
            reading_add(r, node, "no weight above 0, expected such as {carbon: 0.7, price: 0.3}");
    } else {
        uint32_t word = name_index(r, node, "signal", words, 2);
        weights = (struct weights){.carbon = word == 0, .price = word == 1};
    }
    policy->shift_carbon = weights.carbon;
    policy->shift_price = weights.price;
}

/* --- estimates and restarts --- */

struct estimate_draft {
    double noisy;
    int64_t class_mean_ns;
};
#define AT(member) offsetof(struct estimate_draft, member)
static const struct field estimate_fields[] = {
    {.param = {.key = "noisy", .kind = PARAM_NUMBER, .offset = AT(noisy), .least = 0, .most = 10,
               .help = "The truth with a lognormal error of this sigma."}},
    {.param = {.key = "class_mean", .kind = PARAM_TIME, .offset = AT(class_mean_ns), .least = 0,
               .most = 86400,
               .help = "Mean run time of the jobs that the same entry of `classes` matches (else of the "
                       "same class), rounded down to whole multiples of this; 0: not rounded. Implies "
                       "`overrun: allow`."}},
};
static const struct block estimate_block = {.title = "estimate", BLOCK_FIELDS(estimate_fields),
    .about = "What the scheduler believes of run times, where a word does not say it: one of these keys."};
#undef AT

static void read_estimate(struct reading *r, const struct yaml_node *node, const struct field *field,
                          void *into) {
    struct policy_setup *policy = (struct policy_setup *)((char *)into - field->param.offset);
    static const char *const words[] = {[ESTIMATE_EXACT] = "exact", [ESTIMATE_USER] = "user",
                                        [ESTIMATE_NOISY] = "noisy", [ESTIMATE_CLASS_MEAN] = "class_mean"};
    if (node->kind == YAML_MAP) {
        struct estimate_draft draft = {0};
        params_read(r, node, field->block, &draft);
        bool noisy = yaml_get(node, "noisy");
        if (noisy == (yaml_get(node, "class_mean") != NULL))
            reading_add(r, node, "expected one of \"noisy\" and \"class_mean\"");
        policy->estimate = noisy ? ESTIMATE_NOISY : ESTIMATE_CLASS_MEAN;
        policy->estimate_error = draft.noisy;
        policy->estimate_tick_ns = draft.class_mean_ns;
        return;
    }
    uint32_t word = name_index(r, node, "estimate", words, sizeof words / sizeof *words);
    if (word == ESTIMATE_NOISY) reading_add(r, node, "no error given, expected such as {noisy: 0.5}");
    else if (word != UINT32_MAX) policy->estimate = word;
}

static void read_restart(struct reading *r, const struct yaml_node *node, const struct field *field,
                         void *into) {
    static const struct param param = {.kind = PARAM_TIME, .least = 0, .most = 86400};
    int64_t *ns = into;
    (void)field;
    if (!value_is(r, node, YAML_LIST, "a list of three times")) return;
    if (node->len != 3)
        reading_add(r, node, "%zu values, expected 3: for 1, 2 to 8, and more GPUs", node->len);
    for (size_t i = 0; i < node->len && i < 3; i++) {
        size_t mark = reading_enter_index(r, i);
        value_read(r, node->items[i].value, &param, &ns[i]);
        reading_leave(r, mark);
    }
}

/* --- the table --- */

#define AT(member) offsetof(struct policy_setup, member)
static const char *const overruns[] = {[OVERRUN_RAISE] = "raise", [OVERRUN_ALLOW] = "allow", NULL};
static const struct field policy_fields[] = {
    {.param = {.key = "order", .offset = AT(order), .text = "fifo", .help = "Who goes next."},
     .read = read_model, .models = KIND_ORDER},
    {.param = {.key = "backfill", .offset = AT(backfill), .text = "none", .help = "Who may overtake."},
     .read = read_model, .models = KIND_BACKFILL},
    {.param = {.key = "place", .offset = AT(place), .text = "best_fit", .help = "Which nodes."},
     .read = read_model, .models = KIND_PLACE},
    {.param = {.key = "route", .offset = AT(route), .text = "home", .help = "Which region, at submit."},
     .read = read_model, .models = KIND_ROUTE},
    {.param = {.key = "shift", .offset = AT(shift), .text = "now",
               .help = "When a job that could start should."},
     .read = read_model, .models = KIND_SHIFT},
    {.param = {.key = "shift_on", .offset = AT(shift_carbon),
               .help = "Which signal shifting goes by, always times PUE; carbon when left out."},
     .read = read_shift_on, .block = &weights_block, .form = "carbon, price, or {carbon: 0.7, price: 0.3}"},
    {.param = {.key = "forecast", .offset = AT(forecast), .text = "perfect",
               .help = "What is known of the signals' future."},
     .read = read_model, .models = KIND_FORECAST},
    {.param = {.key = "wait", .kind = PARAM_TIME, .offset = AT(wait_ns), .least = 0, .most = 31557600,
               .help = "How long shifting may keep a job waiting whose class says nothing."}},
    {.param = {.key = "suspend", .kind = PARAM_TIME, .offset = AT(suspend_ns), .least = 0, .most = 86400,
               .help = "GPU time that suspending a job costs, at the job's power."}},
    {.param = {.key = "resume", .kind = PARAM_TIME, .offset = AT(resume_ns), .least = 0, .most = 86400,
               .help = "GPU time that going on costs a suspended job."}},
    {.param = {.key = "reserved_first", .kind = PARAM_BOOL, .offset = AT(reserved_first),
               .help = "Whether a job that fits free capacity which is paid for anyway (owned, rented, "
                       "reserved) starts at once."}},
    {.param = {.key = "migrate", .kind = PARAM_BOOL, .offset = AT(migrate),
               .help = "Whether a suspended or interrupted job is routed anew."}},
    {.param = {.key = "market", .offset = AT(market), .text = "any",
               .help = "On which purchase a job runs, among those its class may use."},
     .read = read_model, .models = KIND_MARKET},
    {.param = {.key = "resize", .offset = AT(resize), .text = "none",
               .help = "How many GPUs elastic jobs hold (`classes`: `gpus_least`, `gpus_most`) while they run."},
     .read = read_model, .models = KIND_RESIZE},
    {.param = {.key = "resize_every", .kind = PARAM_TIME, .offset = AT(resize_every_ns), .least = 0, .most = 86400,
               .help = "0: decide at arrivals and completions; else at multiples of it."}},
    {.param = {.key = "resize_cost", .kind = PARAM_TIME, .offset = AT(resize_cost_ns), .least = 0, .most = 86400,
               .help = "GPU time that a resize costs before work goes on: a checkpoint written and read."}},
    {.param = {.key = "resize_hold", .kind = PARAM_TIME, .offset = AT(resize_hold_ns), .fallback = 300, .least = 0,
               .most = 31557600,
               .help = "A job that was resized rests for so long, but from making room for jobs that wait."}},
    {.param = {.key = "resize_gain", .kind = PARAM_NUMBER, .offset = AT(resize_gain), .fallback = 0.05, .least = 0,
               .most = 1e6,
               .help = "Running jobs give up GPUs to others that run for a gain of this share of the total value at "
                       "least; to jobs that wait always."}},
    {.param = {.key = "checkpoint", .offset = AT(checkpoint), .help = "What survives a failure."},
     .read = read_checkpoint, .block = &checkpoint_block, .form = "a mapping"},
    {.param = {.key = "cap", .offset = AT(cap), .help = "GPUs held below their peak power."},
     .read = read_cap, .block = &cap_block, .form = "a mapping"},
    {.param = {.key = "scatter", .kind = PARAM_BOOL, .offset = AT(scatter),
               .help = "Whether a job that would fit one node may be split when no node has room."}},
    {.param = {.key = "estimate", .offset = AT(estimate),
               .help = "What the scheduler believes of run times: the truth, the users' estimates, the "
                       "truth with an error, or the mean of the job's class."},
     .read = read_estimate, .block = &estimate_block,
     .form = "exact, user, {noisy: 0.5} or {class_mean: 5 s}"},
    {.param = {.key = "overrun", .kind = PARAM_CHOICE, .offset = AT(overrun), .choices = overruns,
               .help = "Estimates below the run time are raised to it, or left."}},
    {.param = {.key = "round", .kind = PARAM_TIME, .offset = AT(round_ns), .least = 0, .most = 86400,
               .help = "0: act at events; else only at multiples of it."}},
    {.param = {.key = "round_cost", .kind = PARAM_TIME, .offset = AT(round_cost_ns), .least = 0,
               .most = 86400, .help = "GPU time a start costs before work begins, with rounds."}},
    {.param = {.key = "restart", .offset = AT(restart_ns),
               .help = "What a restart after preemption costs a job of 1, of 2 to 8, and of more GPUs."},
     .read = read_restart, .form = "[7 s, 30 s, 60 s]"},
};
const struct block policy_block = {.title = "policy", BLOCK_FIELDS(policy_fields),
    .about = "Who goes next, who may overtake, on which nodes, in which region, when, and on which "
             "purchase. The scheduler acts at events, never on a clock, unless `round` says so."};
#undef AT

/* --- what must hold between values --- */

static bool is_model(const struct chosen *chosen, const char *name) {
    return chosen->model && strcmp(chosen->model->name, name) == 0;
}

/* A class's mean lies above half of its jobs' run times: raising it to each would make it exact. */
static void finish_estimate(struct document *d, const struct yaml_node *map, struct policy_setup *policy) {
    if (policy->estimate != ESTIMATE_CLASS_MEAN) return;
    const struct yaml_node *overrun = yaml_get(map, "overrun");
    if (overrun && policy->overrun == OVERRUN_RAISE)
        reading_add_key(&d->r, map, "overrun",
                        "a class's mean cannot be raised to each run time, expected \"allow\"");
    policy->overrun = OVERRUN_ALLOW;
}

static void check_wait(struct document *d, const struct yaml_node *map, const struct policy_setup *policy) {
    if (!policy->shift.model || is_model(&policy->shift, "now")) return;
    bool waits = policy->wait_ns > 0 || yaml_get(map, "wait");
    for (size_t i = 0; i < d->setup->classes_len; i++) waits = waits || d->setup->classes[i].wait_ns > 0;
    if (waits) return;
    reading_add_key(&d->r, map, "shift",
                    "no job may be kept waiting, expected \"wait\" here or in an entry of \"classes\"");
}

/* A forecast that is read from the scenario needs one in every region, of every signal that counts. */
static void check_given(struct document *d, const struct yaml_node *map, const struct policy_setup *policy) {
    const struct forecast_model *forecast =
        (const struct forecast_model *)(const void *)policy->forecast.model;
    if (!forecast || !forecast->needs_given) return;
    for (size_t i = 0; i < d->setup->regions_len; i++) {
        const struct region_setup *region = &d->setup->regions[i];
        if (!region->name) continue; /* was not read */
        const char *missing = policy->shift_carbon > 0 && !region->carbon_forecast.len ? "carbon_forecast"
                              : policy->shift_price > 0 && !region->price_forecast.len ? "price_forecast"
                                                                                       : NULL;
        if (missing)
            reading_add_key(&d->r, map, "forecast", "needs the key \"%s\" of region \"%s\"", missing,
                            region->name);
    }
}

void policy_finish(struct document *d, const struct yaml_node *map) {
    struct policy_setup *policy = &d->setup->policy;
    if (!map || !yaml_get(map, "shift_on")) policy->shift_carbon = 1;
    if (!map || map->kind != YAML_MAP) return;
    size_t top = reading_enter(&d->r, "policy");
    finish_estimate(d, map, policy);
    check_wait(d, map, policy);
    check_given(d, map, policy);
    reading_leave(&d->r, top);
}
