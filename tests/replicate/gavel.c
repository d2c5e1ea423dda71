/*
 * Gavel's measured throughputs (Narayanan et al., OSDI 2020), read as they were published: for every job type
 * one `table` over V100, P100 and K80 at 1 to 8 GPUs, on few nodes and spread. The table must give every
 * published number to the bit, and a run of jobs of many steps on each must end when steps / throughput says,
 * to a tick.
 *
 * The file is JSON: {"v100": {"('ResNet-18 (batch size 16)', 1)": {"null": steps/s alone, "(other)": [pair],
 * ...}}}; the reader below knows as much of JSON as that takes, and ends the test at anything else.
 */
#include "support/speed.h"
#include "support/published.h"
#include "support/testing.h"

#include "base/mem.h"
#include "base/num.h"
#include "base/tick.h"
#include "io/gz.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

enum { CHIPS = 3, COUNTS = 4, TYPES_MOST = 64, STEPS = 1000003 };
static const char *const chips[CHIPS] = {"v100", "p100", "k80"};
static const double counts[COUNTS] = {1, 2, 4, 8};

struct type {
    char name[48];
    double together[CHIPS * COUNTS], apart[CHIPS * COUNTS]; /* 0: not measured */
};
struct throughputs {
    struct type at[TYPES_MOST];
    size_t len, cells;
};

/* ---- reading ---- */

struct json {
    const char *at;
};
static void blanks(struct json *j) { j->at += strspn(j->at, " \t\r\n"); }
static bool next_is(struct json *j, char c) {
    blanks(j);
    if (*j->at != c) return false;
    j->at++;
    return true;
}
static void expect(struct json *j, char c) {
    cr_assert(next_is(j, c), "expected '%c' at \"%.20s\"", c, j->at);
}

static void string(struct json *j, char *to, size_t size) {
    expect(j, '"');
    const size_t len = strcspn(j->at, "\"\\");
    cr_assert(j->at[len] == '"' && len < size, "a text that this reader does not know: %.40s", j->at);
    memcpy(to, j->at, len);
    to[len] = '\0';
    j->at += len + 1;
}
static double number(struct json *j) {
    blanks(j);
    const size_t len = strspn(j->at, "+-.0123456789eE");
    double value = 0;
    cr_assert(num_f64(j->at, len, &value), "not a number: %.20s", j->at);
    j->at += len;
    return value;
}
static void skip_pair(struct json *j) {
    expect(j, '[');
    do number(j);
    while (next_is(j, ','));
    expect(j, ']');
}

/* "('ResNet-18 (batch size 16)', 4)": the type, and the column of its GPU count. */
static struct type *type_of(struct throughputs *t, const char *key, size_t *column) {
    const char *end = strstr(key, "', ");
    cr_assert(strncmp(key, "('", 2) == 0 && end, "an unknown job: %s", key);
    double gpus = 0;
    cr_assert(num_f64(end + 3, strcspn(end + 3, ")"), &gpus));
    for (*column = 0; *column < COUNTS && counts[*column] != gpus;) ++*column;
    cr_assert(*column < COUNTS, "%g GPUs", gpus);
    char name[48] = "";
    memcpy(name, key + 2, (size_t)(end - key) - 2);
    size_t i = 0;
    while (i < t->len && strcmp(t->at[i].name, name) != 0) i++;
    cr_assert(i < TYPES_MOST);
    if (i == t->len) memcpy(t->at[t->len++].name, name, sizeof name);
    return &t->at[i];
}

static void read_chip(struct json *j, struct throughputs *t, size_t chip, bool apart) {
    char key[96];
    expect(j, '{');
    do {
        string(j, key, sizeof key);
        size_t column;
        struct type *type = type_of(t, key, &column);
        expect(j, ':');
        expect(j, '{');
        do {
            string(j, key, sizeof key);
            expect(j, ':');
            if (strcmp(key, "null") != 0) {
                skip_pair(j);
                continue;
            }
            (apart ? type->apart : type->together)[chip * COUNTS + column] = number(j);
            t->cells++;
        } while (next_is(j, ','));
        expect(j, '}');
    } while (next_is(j, ','));
    expect(j, '}');
}

static struct throughputs *read_throughputs(const char *path) {
    struct gz *gz = gz_open(path);
    cr_assert(gz);
    struct text text;
    text_init(&text);
    char bytes[65536];
    const char *why = NULL;
    for (long got; (got = gz_read(gz, bytes, sizeof bytes, &why)) != 0; text_add(&text, bytes, (size_t)got))
        cr_assert(got > 0, "%s", why);
    gz_close(gz);
    struct throughputs *t = mem_zero(1, sizeof *t);
    struct json j = {text.at};
    char key[96];
    expect(&j, '{');
    do {
        string(&j, key, sizeof key);
        expect(&j, ':');
        char *tail = strstr(key, "_unconsolidated");
        if (tail) *tail = '\0';
        size_t chip = 0;
        while (chip < CHIPS && strcmp(chips[chip], key) != 0) chip++;
        cr_assert(chip < CHIPS, "unknown chip %s", key);
        read_chip(&j, t, chip, tail != NULL);
    } while (next_is(&j, ','));
    expect(&j, '}');
    text_free(&text);
    return t;
}

/* ---- the model ---- */

static void put_rates(struct text *yaml, const char *key, const double *rates) {
    char buffer[32];
    text_format(yaml, ", %s: [", key);
    for (size_t i = 0; i < CHIPS * COUNTS; i++)
        text_format(yaml, "%s%s", i ? ", " : "", num_shortest(rates[i], buffer));
    text_put(yaml, "]");
}

static struct chosen table_of(struct arena *arena, const struct type *type) {
    struct text yaml;
    text_init(&yaml);
    text_put(&yaml, "{model: table, chips: v100; p100; k80, gpus: [1, 2, 4, 8], node_gpus: 4");
    put_rates(&yaml, "rates", type->together);
    put_rates(&yaml, "rates_apart", type->apart);
    text_put(&yaml, "}");
    const struct chosen chosen = testing_speed(arena, yaml.at);
    text_free(&yaml);
    return chosen;
}

/* As few nodes of 4 GPUs as there can be, or a GPU on each. */
static struct scale scale_of(size_t chip, size_t column, bool apart) {
    const uint32_t gpus = (uint32_t)counts[column];
    return (struct scale){.chip = chips[chip], .gpus = gpus, .nodes = apart ? gpus : (gpus + 3) / 4,
                          .share = 1};
}

/* A job a throughput, all on one fleet with room for all: none waits, each ends after steps / throughput. */
static void run_jobs(const double *rates, size_t count) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    testing_pool(&setup, "a", (uint32_t)count, 1);
    jobs_init(&jobs, 0);
    for (size_t i = 0; i < count; i++) testing_job(&jobs, 0, STEPS / rates[i], 1);
    struct result result = testing_run(&setup, &jobs);
    for (size_t i = 0; i < count; i++) {
        const int64_t took_ns = result.jobs->at[i].end_ns - result.jobs->at[i].start_ns;
        cr_expect(took_ns == tick_from_seconds(STEPS / rates[i]), "job %zu took %g s", i,
                  tick_seconds(took_ns));
        /* To a tick, as far as doubles tell seconds apart. */
        cr_expect(fabs((double)took_ns - STEPS / rates[i] * 1e9) <= fmax(1, 4e-16 * (double)took_ns));
    }
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}

Test(gavel, steps_over_throughput, .timeout = 120) {
    const char *path = published_path("jobs/gavel/simulation_throughputs.json.gz");
    struct throughputs *t = read_throughputs(path);
    cr_expect_eq(t->cells, 83 * 5 + 77, "%zu throughputs", t->cells);
    struct arena arena;
    arena_init(&arena);
    double *rates = mem_zero(t->cells, sizeof *rates);
    size_t running = 0, holes = 0;
    for (size_t i = 0; i < t->len; i++) {
        const struct chosen table = table_of(&arena, &t->at[i]);
        for (size_t cell = 0; cell < 2 * CHIPS * COUNTS; cell++) {
            const bool apart = cell % 2;
            const size_t chip = cell / 2 / COUNTS, column = cell / 2 % COUNTS;
            if (apart && column == 0) continue; /* one GPU is never apart */
            const struct scale scale = scale_of(chip, column, apart);
            const double *published = apart ? t->at[i].apart : t->at[i].together;
            const double per_s = testing_per_s(table, scale);
            cr_expect(per_s == published[chip * COUNTS + column], "%s on %g %s: %.17g, published %.17g",
                      t->at[i].name,
                      counts[column], chips[chip], per_s, published[chip * COUNTS + column]);
            cr_expect(isnan(testing_speed_model(table)->error(table.params, &scale)) == (per_s == 0));
            if (per_s > 0 && running < t->cells) rates[running++] = per_s;
            holes += per_s == 0;
        }
    }
    printf("%zu job types, %zu throughputs run, %zu holes\n", t->len, running, holes);
    cr_expect(running > 380);
    run_jobs(rates, running);
    free(rates);
    free(t);
    arena_free(&arena);
}

/* The engine's own way there: jobs whose run times were recorded on V100s, put on each chip by themselves, on
 * nodes of 4 GPUs or, to have them apart, of 1. What they take is the recorded time times the ratio of two
 * published numbers, so its rounding is, too. */
static size_t run_type(struct arena *arena, const struct type *type, bool apart) {
    struct setup setup;
    struct jobs jobs;
    testing_setup(&setup);
    testing_policy(&setup, "fifo", "none", "consolidate"); /* eight GPUs on two nodes, not on three */
    struct class_setup class = {.run_below_ns = TICK_NEVER, .wait_ns = -1,
                                .markets = (1u << BOUGHT_COUNT) - 1,
                                .speed = table_of(arena, type), .speed_gpu = chips[0]};
    setup.classes = &class;
    setup.classes_len = 1;
    jobs_init(&jobs, 0);
    double expected_ns[CHIPS * COUNTS], rounding_ns[CHIPS * COUNTS];
    size_t len = 0;
    for (size_t cell = 0; cell < CHIPS * COUNTS; cell++) {
        const size_t chip = cell / COUNTS, column = cell % COUNTS;
        if (column == 0) testing_pool(&setup, chips[chip], apart ? 15 : 5, apart ? 1 : 4)->gpu = chips[chip];
        const double there = type->together[column], here = apart ? type->apart[cell] : type->together[cell];
        if (there == 0 || here == 0 || (apart && column == 0)) continue; /* one GPU is never apart */
        testing_job(&jobs, 0, STEPS / there, (uint32_t)counts[column]);
        const uint32_t model = names_put(&jobs.models, chips[chip], strlen(chips[chip]));
        const struct shape shape = {.gpus = (uint32_t)counts[column], .models = UINT64_C(1) << model};
        testing_shape(&jobs, &shape);
        expected_ns[len] = STEPS / here * 1e9;
        rounding_ns[len] = chip == 0 && !apart ? 1 : 1 + there / here + 1e-15 * expected_ns[len];
        len++;
    }
    if (len > 0) {
        struct result result = testing_run(&setup, &jobs);
        for (size_t i = 0; i < len; i++) {
            const double took_ns = (double)(result.jobs->at[i].end_ns - result.jobs->at[i].start_ns);
            cr_expect(result.jobs->at[i].start_ns == 0, "%s waits", type->name);
            cr_expect(fabs(took_ns - expected_ns[i]) <= rounding_ns[i], "%s %zu: %.17g ns, expected %.17g",
                      type->name, i, took_ns, expected_ns[i]);
        }
        result_free(&result);
    }
    jobs_free(&jobs);
    testing_setup_free(&setup);
    return len;
}

Test(gavel, through_the_engine, .timeout = 120) {
    const char *path = published_path("jobs/gavel/simulation_throughputs.json.gz");
    struct throughputs *t = read_throughputs(path);
    struct arena arena;
    arena_init(&arena);
    size_t ran = 0;
    for (size_t i = 0; i < t->len; i++) {
        ran += run_type(&arena, &t->at[i], false);
        ran += run_type(&arena, &t->at[i], true);
    }
    printf("%zu jobs of V100 times ran on every chip and placement\n", ran);
    cr_expect(ran > 380);
    arena_free(&arena);
    free(t);
}
