/*
 * Recorded spot markets replayed: with a job for every node at any time, interruptions, node-hours and what they
 * cost equal what is counted on the recording itself. Node i is on offer at a tick where more than i nodes are,
 * because the lowest nodes are rented first and the highest taken back first.
 */
#include "support/testing.h"

#include "base/mem.h"
#include "base/tick.h"
#include "io/gz.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const files[] = {"spot/us-east-1a_v100_1.json.gz", "spot/us-east-2a_v100_1.json.gz",
                                    "spot/us-west-2a_v100_16node.json.gz", "spot/us-west-2b_v100_1.json.gz"};
enum { FILES = sizeof files / sizeof *files };

struct recording {
    double gap_s;
    struct { uint32_t *at; size_t len, cap; } nodes; /* on offer at each tick */
    uint32_t most;
};

static char *read_all(const char *path) {
    struct { char *at; size_t len, cap; } text = {0};
    struct gz *gz = gz_open(path);
    const char *why;
    cr_assert(gz, "cannot open %s", path);
    for (long got = 1; got > 0;) {
        text.at = vec_reserve(text.at, &text.cap, text.len + 65537, 1);
        got = gz_read(gz, text.at + text.len, 65536, &why);
        cr_assert_geq(got, 0, "%s", path);
        text.len += (size_t)got;
    }
    gz_close(gz);
    text.at[text.len] = '\0';
    return text.at;
}

/* {"metadata": {"gap_seconds": 195}, "data": [0, 1, ...]} */
static struct recording read_recording(const char *path) {
    struct recording r = {0};
    char *text = read_all(path);
    const char *gap = strstr(text, "\"gap_seconds\":"), *at = strstr(text, "\"data\": [");
    cr_assert(gap && at, "%s is not a recording", path);
    r.gap_s = strtod(gap + strlen("\"gap_seconds\":"), NULL);
    at += strlen("\"data\": [");
    for (char *after; *at && *at != ']'; at = after + strspn(after, ", ")) {
        const unsigned long nodes = strtoul(at, &after, 10);
        cr_assert(after > at, "%s: not a number at '%.20s'", path, at);
        *vec_push(&r.nodes) = (uint32_t)nodes;
        if (nodes > r.most) r.most = (uint32_t)nodes;
    }
    cr_assert_gt(r.nodes.len, 1000);
    free(text);
    return r;
}

struct counted {
    uint64_t interruptions;
    double up_h;
};

/* Each node's spells on offer: it is up `boot` later and, when it is taken back, `notice` longer; at the
 * recording's end it is cut. */
static struct counted count(const struct recording *r, double boot_s, double notice_s) {
    struct counted c = {0};
    const size_t end = r->nodes.len;
    for (uint32_t node = 0; node < r->most; node++)
        for (size_t from = 0, to; from < end; from = to) {
            to = from + 1;
            if (r->nodes.at[from] <= node) continue;
            while (to < end && r->nodes.at[to] > node) to++;
            const double spell_s = (double)(to - from) * r->gap_s + (to < end ? notice_s : 0);
            c.interruptions += to < end;
            c.up_h += (spell_s - boot_s) / 3600;
        }
    return c;
}

static struct result replay(struct setup *setup, struct jobs *jobs, const struct recording *r, double boot_s,
                            double notice_s) {
    testing_setup(setup);
    struct pool_setup *pool = testing_pool(setup, "spot", r->most, 1);
    pool->bought = BOUGHT_SPOT;
    pool->usd_per_node_h = 1;
    pool->sleep.after_ns = pool->sleep.boot_ns = tick_from_seconds(boot_s);
    pool->spot_notice_ns = tick_from_seconds(notice_s);
    pool->spot_nodes = (struct steps){.len = r->nodes.len, .source = "recorded"};
    pool->spot_nodes.at_ns = arena_alloc(&setup->arena, r->nodes.len, sizeof(int64_t));
    pool->spot_nodes.value = arena_alloc(&setup->arena, r->nodes.len, sizeof(double));
    for (size_t i = 0; i < r->nodes.len; i++) {
        pool->spot_nodes.at_ns[i] = tick_from_seconds((double)i * r->gap_s);
        pool->spot_nodes.value[i] = r->nodes.at[i];
    }
    setup->horizon_ns = tick_from_seconds((double)r->nodes.len * r->gap_s);
    jobs_init(jobs, 0);
    for (uint32_t i = 0; i < r->most; i++) testing_job(jobs, 0, 1e9, 1);
    return testing_run(setup, jobs);
}

static void expect_counted(const char *file, double boot_s, double notice_s) {
    const char *path = testing_data(file);
    if (path == NULL) cr_skip_test("the shared data is not here");
    struct recording r = read_recording(path);
    struct setup setup;
    struct jobs jobs;
    struct result result = replay(&setup, &jobs, &r, boot_s, notice_s);
    const struct counted c = count(&r, boot_s, notice_s);
    const struct tally *run = testing_tally(&result, PART_RUN, NULL);
    cr_log_info("%s: %llu interruptions, %.6g node-hours", file, (unsigned long long)c.interruptions, c.up_h);
    cr_expect_eq(run->evictions, c.interruptions, "%s: %llu interruptions, counted %llu", file,
                 (unsigned long long)run->evictions, (unsigned long long)c.interruptions);
    cr_expect(testing_near(run->capacity_gpu_h, c.up_h, 1e-12), "%s: %.15g node-hours, counted %.15g", file,
              run->capacity_gpu_h, c.up_h);
    cr_expect(testing_near(run->held_gpu_h, c.up_h, 1e-12), "%s: some node was up without a job", file);
    cr_expect(testing_near(run->capacity_usd, c.up_h, 1e-12), "%s: billed %.15g USD", file, run->capacity_usd);
    cr_expect_lt(result.ledger_error, 1e-9);
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    free(r.nodes.at);
}

Test(spot, interruptions_and_hours_are_those_counted) {
    for (size_t i = 0; i < FILES; i++) expect_counted(files[i], 0, 0);
}

Test(spot, nodes_that_boot_and_get_notice) {
    for (size_t i = 0; i < FILES; i++) expect_counted(files[i], 60, 120);
}
