/*
 * See sweep.h. A point's index is a number in mixed radix, an axis a digit. Designs keep a double in [0, 1) for each
 * of their points and ranges; what a range makes of it is worked out when the point is wanted.
 *
 * A Latin hypercube (McKay, Beckman and Conover 1979) cuts every range into as many strata of equal probability as
 * there are points and puts one point into each, strata paired at random. A Sobol sequence (Sobol 1967; direction
 * numbers of Bratley and Fox 1988, in GSL) fills the space evenly without chance, whatever its length.
 *
 * Cost of a point: its factors. Memory: 8 bytes a range and point of a design.
 */
#include "io/sweep.h"

#include "base/hash.h"
#include "base/num.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the tables --- */

struct range_draft {
    const struct yaml_node *from, *to;
    int scale;
    bool whole;
    int64_t points;
};
struct design_draft {
    int64_t points;
    const struct yaml_node *ranges;
};
struct sweep_draft {
    int64_t replications;
    const struct yaml_node *grid, *zip, *list, *latin_hypercube, *sobol;
};

enum { LINEAR, LOG };
static const char *const scales[] = {"linear", "log", NULL};

#define AT(member) offsetof(struct range_draft, member)
static const struct field range_fields[] = {
    {.param = {.key = "from", .offset = AT(from), .required = true, .help = "The lowest value, with its unit."},
     .read = read_node, .form = "a number, with its unit if it has one"},
    {.param = {.key = "to", .offset = AT(to), .required = true, .help = "The highest value, in the same unit."},
     .read = read_node, .form = "a number, with its unit if it has one"},
    {.param = {.key = "scale", .kind = PARAM_CHOICE, .offset = AT(scale), .choices = scales,
               .help = "Even steps (linear) or even ratios (log)."}},
    {.param = {.key = "whole", .kind = PARAM_BOOL, .offset = AT(whole),
               .help = "Whole numbers alone, both ends among them."}},
    {.param = {.key = "points", .kind = PARAM_INTEGER, .offset = AT(points), .least = 2, .most = 100000,
               .help = "How many values, both ends among them; in `grid` alone, where it is required."}},
};
static const struct block range_block = {.title = "a range", BLOCK_FIELDS(range_fields),
    .about = "Values between two ends: of `grid`, in place of a list, and of the two designs."};
#undef AT

#define AT(member) offsetof(struct design_draft, member)
static const struct field design_fields[] = {
    {.param = {.key = "points", .kind = PARAM_INTEGER, .offset = AT(points), .least = 1, .most = 1000000,
               .required = true, .help = "How many."}},
    {.param = {.key = "ranges", .offset = AT(ranges), .required = true, .help = "What varies, and how far."},
     .read = read_node, .block = &range_block, .form = "a mapping of paths to ranges"},
};
static const struct block design_block = {.title = "a design", BLOCK_FIELDS(design_fields),
    .about = "Points that fill a space of ranges evenly with far fewer of them than a grid: "
             "`{points: 200, ranges: {load.arrivals.rate: {from: 10 /h, to: 100 /h, scale: log}}}`. "
             "A Latin hypercube has exactly one point in each of the `points` equal parts of every range, paired at "
             "random by the scenario's seed; a Sobol sequence leaves nothing to chance, and its first half is as "
             "even as the whole."};
#undef AT

#define AT(member) offsetof(struct sweep_draft, member)
static const struct field sweep_fields[] = {
    {.param = {.key = "replications", .kind = PARAM_INTEGER, .offset = AT(replications), .fallback = 1, .least = 1,
               .most = SWEEP_REPLICATIONS_MOST,
               .help = "Repetitions of every point with other random draws. The first has the scenario's seed, the "
                       "others seeds made from it and their number: the same at all points (common random numbers)."}},
    {.param = {.key = "grid", .offset = AT(grid),
               .help = "Paths, each with a list of values (or a range): every combination."},
     .read = read_node, .form = "a mapping of paths to lists"},
    {.param = {.key = "zip", .offset = AT(zip),
               .help = "Paths with lists of one length: the first values together, the second ones, and so on."},
     .read = read_node, .form = "a mapping of paths to lists"},
    {.param = {.key = "list", .offset = AT(list), .help = "Points written out, each a mapping of paths to values."},
     .read = read_node, .form = "a list of mappings"},
    {.param = {.key = "latin_hypercube", .offset = AT(latin_hypercube), .help = "A space filled at random, evenly."},
     .read = read_node, .block = &design_block, .form = "a mapping"},
    {.param = {.key = "sobol", .offset = AT(sobol), .help = "A space filled evenly, without chance."},
     .read = read_node, .form = "a mapping, as of latin_hypercube"},
};
const struct block sweep_block = {.title = "sweep", BLOCK_FIELDS(sweep_fields),
    .about = "Many variants of the scenario, for `headroom sweep` (docs/sweep.md); `headroom run` takes no notice of "
             "it. Any path that `--set` takes can vary. What is given is crossed: every point of the grid with every "
             "one of the list, and so on, and each with every run of `runs`. A sweep's value wins over the file's, "
             "the run's and the command line's."};
#undef AT

/* --- axes --- */

struct range {
    double from, to;
    bool log, whole;
    int digits;       /* significant, of its values */
    const char *unit; /* "" for none */
    const struct yaml_node *at; /* where its values stand */
};

/* Settings 0..len-1. Those of a grid or zip are values[path * len + setting], of a list entries[setting], of a
 * design what ranges[path] make of unit[setting * paths_len + path]. */
struct sweep_axis {
    uint64_t len;
    const char **paths;
    size_t paths_len; /* of a list: the most of any entry */
    const struct yaml_node **values, **entries;
    struct range *ranges;
    double *unit;
};

/* A range's value at a share 0..1 of the way. */
static double range_at(const struct range *range, double share) {
    const double to = range->to + (range->whole ? 1 : 0);
    double value = range->log ? range->from * pow(to / range->from, share) : range->from + (to - range->from) * share;
    if (range->whole) value = floor(value);
    return value < range->from ? range->from : value > range->to ? range->to : value;
}

/* Rounded to the range's digits, but the ends stay as they are, and nothing is rounded past them. */
static const struct yaml_node *value_node(const struct range *range, double value, struct arena *arena) {
    char number[32], text[400];
    double rounded;
    snprintf(number, sizeof number, "%.*g", range->digits, value);
    if (!num_f64(number, strlen(number), &rounded)) rounded = value;
    if (value == range->from || rounded < range->from) num_shortest(range->from, number);
    if (value == range->to || rounded > range->to) num_shortest(range->to, number);
    snprintf(text, sizeof text, "%s%s%s", number, *range->unit ? " " : "", range->unit);
    return yaml_scalar(arena, range->at, text);
}

size_t sweep_factors_most(const struct sweep *sweep) {
    size_t most = 0;
    for (size_t i = 0; i < sweep->axes_len; i++) most += sweep->axes[i].paths_len;
    return most;
}

static size_t setting(const struct sweep_axis *axis, uint64_t i, struct arena *arena, struct sweep_value *at) {
    if (axis->entries != NULL) {
        const struct yaml_node *entry = axis->entries[i];
        for (size_t k = 0; k < entry->len; k++)
            at[k] = (struct sweep_value){entry->items[k].key->text, entry->items[k].value};
        return entry->len;
    }
    for (size_t p = 0; p < axis->paths_len; p++)
        at[p] = (struct sweep_value){axis->paths[p],
                                     axis->ranges != NULL
                                         ? value_node(&axis->ranges[p],
                                                      range_at(&axis->ranges[p], axis->unit[i * axis->paths_len + p]),
                                                      arena)
                                         : axis->values[p * axis->len + i]};
    return axis->paths_len;
}

size_t sweep_point(const struct sweep *sweep, uint64_t point, struct arena *arena, struct sweep_value *at) {
    uint64_t rest = sweep->points;
    size_t len = 0;
    for (size_t i = 0; i < sweep->axes_len; i++) {
        rest /= sweep->axes[i].len;
        len += setting(&sweep->axes[i], point / rest % sweep->axes[i].len, arena, at + len);
    }
    return len;
}

uint64_t sweep_seed(uint64_t seed, uint64_t replication) {
    return replication == 0 ? seed : hash_mix(hash_mix(seed) ^ replication) % UINT64_C(1000000000000000);
}

/* --- reading --- */

/* The section on its way into axes. */
struct sweeping {
    struct reading *r;
    struct {
        struct sweep_axis *at;
        size_t len, cap;
    } axes;
    struct {
        const char **at;
        size_t len, cap;
    } paths; /* of all axes */
    uint64_t seed;
};

/* Keys of the file that say what is run, not how it is. */
static bool belongs_to_file(const char *path) {
    static const char *const keys[] = {"version", "name", "about", "include", "runs", "baseline", "sweep"};
    const size_t len = strcspn(path, ".[");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strlen(keys[i]) == len && strncmp(path, keys[i], len) == 0) return true;
    return false;
}

/* A path that an axis sets; none of the first `others` paths, which other axes set, may be the same. */
static void path_check(struct sweeping *s, const struct yaml_node *key, size_t others) {
    for (size_t i = 0; i < others; i++)
        if (strcmp(s->paths.at[i], key->text) == 0) {
            reading_add(s->r, key, "set more than once by the sweep");
            return;
        }
    if (belongs_to_file(key->text))
        reading_add(s->r, key, "a sweep cannot vary this, expected a path of the fleet, the demand or the policy");
}

static void path_take(struct sweeping *s, const struct yaml_node *key) {
    path_check(s, key, s->paths.len);
    *vec_push(&s->paths) = key->text;
}

static struct sweep_axis *axis_new(struct sweeping *s, uint64_t len, size_t paths_len) {
    struct sweep_axis *axis = vec_push(&s->axes);
    *axis = (struct sweep_axis){.len = len, .paths_len = paths_len,
                                .paths = arena_alloc(s->r->arena, paths_len, sizeof *axis->paths)};
    return axis;
}

static bool range_end(struct reading *r, const struct yaml_node *map, const char *key, double *value,
                      const char **unit) {
    const struct yaml_node *node = yaml_get(map, key);
    if (!node) return false; /* told */
    if (node->kind == YAML_SCALAR && num_with_unit(node->text, value, unit)) return true;
    return reading_add_key(r, map, key, "expected a number, found %s", value_shown(node).text);
}

/* Enough digits that a hundredth of a step shows. */
static int digits_for(const struct range *range, uint64_t points) {
    const double step = range->log ? log(range->to / range->from) / (double)points
                                   : (range->to - range->from) / fmax(fabs(range->from), fabs(range->to)) /
                                         (double)points;
    const int digits = (int)ceil(-log10(step / 100));
    return range->whole || digits > 17 ? 17 : digits < 4 ? 4 : digits;
}

/* points: of a design; 0: of a grid, the range's own are given back. */
static bool range_read(struct reading *r, const struct yaml_node *map, struct range *range, uint64_t *points) {
    const size_t before = r->err->found;
    const bool of_grid = *points == 0;
    struct range_draft draft = {0};
    const char *unit_to = "";
    params_read(r, map, &range_block, &draft);
    if (map->kind != YAML_MAP) return false;
    *range = (struct range){.at = map, .log = draft.scale == LOG, .whole = draft.whole, .unit = ""};
    const bool both = range_end(r, map, "from", &range->from, &range->unit) &
                      range_end(r, map, "to", &range->to, &unit_to);
    if (both && strcmp(range->unit, unit_to) != 0)
        reading_add_key(r, map, "to", "another unit than that of \"from\", expected the same");
    else if (both && !(range->from < range->to)) reading_add_key(r, map, "to", "expected more than \"from\"");
    if (both && range->log && !(range->from > 0))
        reading_add_key(r, map, "from", "a log scale begins above 0, found %g", range->from);
    if (both && range->whole && (range->from != floor(range->from) || range->to != floor(range->to)))
        reading_add(r, map, "whole numbers between ends that are not");
    if (strlen(range->unit) > 300) reading_add_key(r, map, "from", "a unit of more than 300 letters");
    if (of_grid && !yaml_get(map, "points")) reading_add(r, map, "missing key \"points\"");
    if (!of_grid && yaml_get(map, "points"))
        reading_add_key(r, map, "points", "belongs to the design, not to one of its ranges");
    if (r->err->found > before) return false;
    if (of_grid) *points = (uint64_t)draft.points;
    range->digits = digits_for(range, *points);
    return true;
}

/* A grid's path with a range: both ends and what lies evenly between. */
static void grid_range(struct sweeping *s, const struct yaml_item *item) {
    struct range range;
    uint64_t points = 0;
    if (!range_read(s->r, item->value, &range, &points)) return;
    if (range.whole && range.to - range.from + 1 < (double)points) {
        reading_add_key(s->r, item->value, "points", "more than the %.0f whole numbers of the range",
                        range.to - range.from + 1);
        return;
    }
    struct sweep_axis *axis = axis_new(s, points, 1);
    axis->paths[0] = item->key->text;
    axis->values = arena_alloc(s->r->arena, points, sizeof *axis->values);
    for (uint64_t i = 0; i < points; i++) {
        const double share = (double)i / (double)(points - 1);
        double value = range.log ? range.from * pow(range.to / range.from, share)
                                 : range.from + (range.to - range.from) * share;
        if (range.whole) value = round(value);
        axis->values[i] = value_node(&range, i + 1 == points ? range.to : value, s->r->arena);
    }
}

static void grid_read(struct sweeping *s, const struct yaml_node *grid) {
    struct reading *r = s->r;
    const size_t top = reading_enter(r, "grid");
    if (value_is(r, grid, YAML_MAP, "a mapping of paths to lists of values") && !grid->len)
        reading_add(r, grid, "empty, expected a path with its values");
    for (size_t i = 0; grid->kind == YAML_MAP && i < grid->len; i++) {
        const struct yaml_item *item = &grid->items[i];
        const struct yaml_node *values = item->value;
        const size_t mark = reading_enter(r, item->key->text);
        path_take(s, item->key);
        if (values->kind == YAML_MAP) grid_range(s, item);
        else if (value_is(r, values, YAML_LIST, "a list of values, or a range") && !values->len)
            reading_add(r, values, "empty, expected a list of values");
        if (values->kind == YAML_LIST && values->len) {
            struct sweep_axis *axis = axis_new(s, values->len, 1);
            axis->paths[0] = item->key->text;
            axis->values = arena_alloc(r->arena, values->len, sizeof *axis->values);
            for (size_t k = 0; k < values->len; k++) axis->values[k] = values->items[k].value;
        }
        reading_leave(r, mark);
    }
    reading_leave(r, top);
}

static void zip_read(struct sweeping *s, const struct yaml_node *zip) {
    struct reading *r = s->r;
    const size_t top = reading_enter(r, "zip"), before = r->err->found;
    if (value_is(r, zip, YAML_MAP, "a mapping of paths to lists of values") && !zip->len)
        reading_add(r, zip, "empty, expected paths with their values");
    for (size_t i = 0; zip->kind == YAML_MAP && i < zip->len; i++) {
        const struct yaml_node *values = zip->items[i].value, *first = zip->items[0].value;
        const size_t mark = reading_enter(r, zip->items[i].key->text);
        path_take(s, zip->items[i].key);
        if (value_is(r, values, YAML_LIST, "a list of values") && !values->len)
            reading_add(r, values, "empty, expected a list of values");
        else if (values->kind == YAML_LIST && first->kind == YAML_LIST && values->len != first->len)
            reading_add(r, values, "%zu values, expected %zu, as of \"%s\"", values->len, first->len,
                        zip->items[0].key->text);
        reading_leave(r, mark);
    }
    reading_leave(r, top);
    if (r->err->found > before) return;
    struct sweep_axis *axis = axis_new(s, zip->items[0].value->len, zip->len);
    axis->values = arena_alloc(r->arena, axis->len * zip->len, sizeof *axis->values);
    for (size_t p = 0; p < zip->len; p++) {
        axis->paths[p] = zip->items[p].key->text;
        for (size_t k = 0; k < axis->len; k++) axis->values[p * axis->len + k] = zip->items[p].value->items[k].value;
    }
}

/* The entries' paths are their own: one may set what another leaves alone, but no other axis may set them. */
static void list_read(struct sweeping *s, const struct yaml_node *list) {
    struct reading *r = s->r;
    const size_t top = reading_enter(r, "list"), before = r->err->found, others = s->paths.len;
    size_t most = 0;
    if (value_is(r, list, YAML_LIST, "a list of mappings of paths to values") && !list->len)
        reading_add(r, list, "empty, expected a list of points");
    for (size_t i = 0; list->kind == YAML_LIST && i < list->len; i++) {
        const struct yaml_node *entry = list->items[i].value;
        const size_t mark = reading_enter_index(r, i);
        if (value_is(r, entry, YAML_MAP, "a mapping of paths to values"))
            for (size_t k = 0; k < entry->len; k++) {
                const size_t inner = reading_enter(r, entry->items[k].key->text);
                path_check(s, entry->items[k].key, others);
                *vec_push(&s->paths) = entry->items[k].key->text;
                reading_leave(r, inner);
            }
        if (entry->len > most) most = entry->len;
        reading_leave(r, mark);
    }
    reading_leave(r, top);
    if (r->err->found > before) return;
    struct sweep_axis *axis = axis_new(s, list->len, most);
    axis->entries = arena_alloc(r->arena, list->len, sizeof *axis->entries);
    for (size_t i = 0; i < list->len; i++) axis->entries[i] = list->items[i].value;
}

/* One point in each of the strata of every range. */
static void fill_latin(struct sweep_axis *axis, uint64_t seed) {
    uint32_t *stratum = mem_alloc(axis->len * sizeof *stratum);
    for (size_t p = 0; p < axis->paths_len; p++) {
        struct rng *rng = rng_open(seed, "latin hypercube", p);
        for (uint32_t i = 0; i < axis->len; i++) stratum[i] = i;
        rng_shuffle(rng, stratum, axis->len);
        for (size_t i = 0; i < axis->len; i++)
            axis->unit[i * axis->paths_len + p] = (stratum[i] + rng_uniform(rng)) / (double)axis->len;
        rng_close(rng);
    }
    free(stratum);
}

static void design_read(struct sweeping *s, const struct yaml_node *node, const char *key) {
    struct reading *r = s->r;
    struct design_draft draft = {0};
    const size_t top = reading_enter(r, key), before = r->err->found;
    params_read(r, node, &design_block, &draft);
    const struct yaml_node *ranges = draft.ranges;
    const size_t inside = reading_enter(r, "ranges");
    if (ranges && value_is(r, ranges, YAML_MAP, "a mapping of paths to ranges") &&
        (!ranges->len || ranges->len > SWEEP_RANGES_MOST))
        reading_add(r, ranges, "%zu ranges, expected 1 to %d", ranges->len, SWEEP_RANGES_MOST);
    const size_t len = ranges && ranges->kind == YAML_MAP ? ranges->len : 0;
    struct range *read = arena_alloc(r->arena, len, sizeof *read);
    uint64_t points = draft.points > 0 ? (uint64_t)draft.points : 1;
    for (size_t i = 0; i < len; i++) {
        const size_t mark = reading_enter(r, ranges->items[i].key->text);
        path_take(s, ranges->items[i].key);
        range_read(r, ranges->items[i].value, &read[i], &points);
        reading_leave(r, mark);
    }
    reading_leave(r, inside);
    reading_leave(r, top);
    if (r->err->found > before) return;
    struct sweep_axis *axis = axis_new(s, points, len);
    axis->ranges = read;
    axis->unit = arena_alloc(r->arena, points * len, sizeof *axis->unit);
    for (size_t i = 0; i < len; i++) axis->paths[i] = ranges->items[i].key->text;
    if (strcmp(key, "sobol") == 0) rng_sobol(axis->unit, points, len);
    else fill_latin(axis, s->seed);
}

/* The number of points, and whether it is within bounds. */
static bool count_points(struct reading *r, const struct yaml_node *node, struct sweep *sweep) {
    sweep->points = 1;
    for (size_t i = 0; i < sweep->axes_len; i++) {
        sweep->points *= sweep->axes[i].len; /* both at most 1e7: no overflow */
        if (sweep->points > SWEEP_POINTS_MOST)
            return reading_add(r, node, "more than %d points", SWEEP_POINTS_MOST);
    }
    return true;
}

struct sweep *sweep_read(struct reading *r, const struct yaml_node *node, uint64_t seed) {
    const size_t top = reading_enter(r, "sweep"), before = r->err->found;
    struct sweep_draft draft = {0};
    struct sweeping s = {.r = r, .seed = seed};
    params_read(r, node, &sweep_block, &draft);
    if (draft.grid) grid_read(&s, draft.grid);
    if (draft.zip) zip_read(&s, draft.zip);
    if (draft.list) list_read(&s, draft.list);
    if (draft.latin_hypercube) design_read(&s, draft.latin_hypercube, "latin_hypercube");
    if (draft.sobol) design_read(&s, draft.sobol, "sobol");
    struct sweep *sweep = arena_alloc(r->arena, 1, sizeof *sweep);
    sweep->replications = (uint64_t)draft.replications;
    sweep->axes_len = s.axes.len;
    sweep->axes = arena_alloc(r->arena, s.axes.len, sizeof *sweep->axes);
    if (s.axes.len) memcpy(sweep->axes, s.axes.at, s.axes.len * sizeof *s.axes.at);
    count_points(r, node, sweep);
    reading_leave(r, top);
    free(s.axes.at);
    free(s.paths.at);
    return r->err->found == before ? sweep : NULL;
}
