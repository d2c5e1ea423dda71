/*
 * Jobs side by side on a GPU: by hand; against a fluid simulation of this file's own over random scenarios, which knows
 * nothing of slots, ledgers and closed forms; instances of a MIG device against their geometry; what others measured.
 */
#include "base/rng.h"
#include "base/tick.h"
#include "core/share.h"
#include "support/testing.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct setup setup;
static struct jobs jobs;
enum { CLASSES = 6 };
static struct class_setup classes[CLASSES];
static const char *const names[CLASSES] = {"c0", "c1", "c2", "c3", "c4", "c5"};

static void open_scene(void) {
    testing_setup(&setup);
    jobs_init(&jobs, 0);
    for (size_t i = 0; i < CLASSES; i++) {
        classes[i] = (struct class_setup){.name = names[i], .run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u};
        names_put(&jobs.classes, names[i], strlen(names[i])); /* i + 1: 0 is "default" */
    }
    setup.classes = classes;
    setup.classes_len = CLASSES;
}
static void close_scene(void) {
    jobs_free(&jobs);
    testing_setup_free(&setup);
}
TestSuite(share, .init = open_scene, .fini = close_scene);

static void near(double got, double expected, int line) {
    cr_assert(fabs(got - expected) <= 1e-9 * fmax(1, fabs(expected)), "line %d: %.12g, expected %.12g", line, got,
              expected);
}
#define NEAR(a, b) near(a, b, __LINE__)

static struct pool_setup *pool(uint32_t nodes, struct sharing_setup sharing) {
    struct pool_setup *p = testing_pool(&setup, "a", nodes, 1);
    p->base_w = 100, p->gpu_idle_w = 50, p->gpu_peak_w = 300;
    p->sharing = sharing;
    return p;
}

/* A job of class i that asks for thousandths of a GPU. */
static uint32_t part(double submit_s, double run_s, uint32_t milli, uint16_t class_index) {
    const uint32_t j = testing_job(&jobs, submit_s, run_s, 0);
    const struct shape whole = {.gpus = 1, .models = JOB_ANY_MODEL};
    const struct shape share = {.share_milli = milli, .models = JOB_ANY_MODEL};
    testing_shape(&jobs, milli == 1000 ? &whole : &share);
    jobs.at[j].class_id = (uint16_t)(class_index + 1);
    return j;
}

static struct result run(void) {
    struct result result = testing_run(&setup, &jobs);
    cr_assert(result.ledger_error < 1e-9, "ledger error %g", result.ledger_error);
    return result;
}
static double end_s(const struct result *result, uint32_t job) { return tick_seconds(result->jobs->at[job].end_ns); }

/* ---- by hand ---- */

Test(share, two_who_could_each_fill_the_device_take_turns) {
    pool(1, (struct sharing_setup){.mode = SHARING_TIME_SLICE, .switching = 0.05});
    classes[0].load = (struct load_shares){.compute = 0.4, .busy = 1};
    part(0, 1000, 500, 0);
    part(100, 1000, 500, 0);
    struct result result = run();
    /* 100 s alone; then both at 0.475: 900 s of work take 1894.7 s; the other has 100 s left, alone */
    NEAR(end_s(&result, 0), 100 + 900 / 0.475);
    NEAR(end_s(&result, 1), 100 + 900 / 0.475 + 100);
    NEAR(result.tallies[0].interference_gpu_h * 3600, 0.5 * 2 * (900 / 0.475 - 900));
    NEAR(result.tallies[0].useful_gpu_h * 3600, 0.5 * 2000);
    NEAR(result.tallies[0].rounded_gpu_h, 0);
    result_free(&result);
}

Test(share, who_needs_little_of_the_time_has_it) {
    pool(1, (struct sharing_setup){.mode = SHARING_TIME_SLICE, .switching = 0.1});
    classes[0].load = (struct load_shares){.memory = 0.2};            /* busy 0.2 */
    classes[1].load = (struct load_shares){.compute = 0.5, .busy = 1};
    part(0, 1000, 250, 0);
    part(0, 1000, 250, 1);
    part(0, 1000, 250, 1);
    struct result result = run();
    NEAR(end_s(&result, 0), 1000);            /* 0.2 of 0.9: the others share 0.7 */
    NEAR(end_s(&result, 1), 1000 + 650 / 0.45); /* then 0.9 between two */
    NEAR(end_s(&result, 2), end_s(&result, 1));
    result_free(&result);
}

Test(share, side_by_side_memory_is_the_bottleneck) {
    pool(1, (struct sharing_setup){.mode = SHARING_MPS, .interference = 0.2});
    classes[0].load = (struct load_shares){.memory = 0.75};                /* waits for memory alone */
    classes[1].load = (struct load_shares){.compute = 0.5, .memory = 0.5}; /* half and half */
    part(0, 1000, 500, 0);
    part(0, 1000, 500, 1);
    struct result result = run();
    /* memory 1.25 times what there is; 20 % and 10 % on top */
    NEAR(end_s(&result, 1), 1000 * 1.25 * 1.1);
    NEAR(end_s(&result, 0), 1375 + (1000 - 1375 / 1.5));
    result_free(&result);
}

Test(share, alone_on_a_shared_device_nobody_is_slowed) {
    pool(2, (struct sharing_setup){.mode = SHARING_MPS, .interference = 0.2});
    classes[0].load = (struct load_shares){.memory = 1, .sms = 1};
    part(0, 1000, 600, 0); /* two do not fit on one */
    part(0, 1000, 600, 0);
    struct result result = run();
    NEAR(end_s(&result, 0), 1000);
    NEAR(end_s(&result, 1), 1000);
    NEAR(result.tallies[0].interference_gpu_h, 0);
    result_free(&result);
}

Test(share, instances_are_rounded_up_and_bound_by_their_slices) {
    pool(1, (struct sharing_setup){.mode = SHARING_MIG, .slices = 0x9e});
    classes[0].load = (struct load_shares){.compute = 0.5, .memory = 0.1};
    part(0, 1000, 250, 0); /* 2 of 7 and 2 of 8: 252 thousandths; half of the compute on two sevenths: 1.75 */
    part(0, 1000, 100, 1); /* 1 of 7 and of 8: 126; nothing known of it: it uses what it asks for */
    struct result result = run();
    NEAR(end_s(&result, 0), 1750);
    NEAR(end_s(&result, 1), 1000);
    NEAR(result.tallies[0].held_gpu_h * 3600, 0.252 * 1750 + 0.126 * 1000);
    NEAR(result.tallies[0].rounded_gpu_h * 3600, 0.002 * 1750 + 0.026 * 1000);
    NEAR(result.tallies[0].interference_gpu_h * 3600, 0.252 * 750);
    cr_assert(fabs(result.tallies[0].useful_gpu_h * 3600 - 350) < 1e-4); /* utilisation is a float */
    result_free(&result);
}

Test(share, a_device_of_ones_own) {
    pool(1, (struct sharing_setup){.mode = SHARING_NONE});
    part(0, 1000, 250, 0);
    part(0, 1000, 250, 0);
    struct result result = run();
    NEAR(end_s(&result, 1), 2000);
    NEAR(result.tallies[0].held_gpu_h * 3600, 2000);
    NEAR(result.tallies[0].rounded_gpu_h * 3600, 1500);
    NEAR(result.tallies[0].used_gpu_h * 3600, 500);
    NEAR(result.tallies[0].energy_j, 2000 * (150 + 0.25 * 250));
    result_free(&result);
}

Test(share, parts_that_differ_by_pool_are_refused) {
    pool(1, (struct sharing_setup){.mode = SHARING_MIG, .slices = 0x9e});
    testing_pool(&setup, "b", 1, 1);
    part(0, 1000, 250, 0);
    struct err err;
    err_init(&err);
    cr_assert_not(run_check(&setup, &jobs, &err));
    cr_assert_eq(err.found, 1, "%zu findings", err.found);
    err_free(&err);
}

/* ---- instances of a MIG device ---- */

/* Every set of instances fits by thousandths exactly when it has at most seven compute and eight memory slices. */
Test(share, instances_fit_as_their_slices_do) {
    static const uint32_t sizes[5][2] = {{1, 1}, {2, 2}, {3, 4}, {4, 4}, {7, 8}};
    size_t fitting = 0;
    for (uint32_t set = 0; set < 10 * 6 * 4 * 4 * 3; set++) {
        const uint32_t n[5] = {set % 10, set / 10 % 6, set / 60 % 4, set / 240 % 4, set / 960};
        uint32_t milli = 0, compute = 0, memory = 0;
        for (size_t i = 0; i < 5; i++) {
            milli += n[i] * share_slice_milli(&(struct share_slice){sizes[i][0], sizes[i][1]});
            compute += n[i] * sizes[i][0];
            memory += n[i] * sizes[i][1];
        }
        cr_assert_eq(milli <= 1000, compute <= 7 && memory <= 8, "%u thousandths, %u compute, %u memory slices", milli,
                     compute, memory);
        fitting += milli <= 1000;
    }
    cr_assert_gt(fitting, 30);
}

/* What NVIDIA's guide offers for an A100: the smallest instance with a part of compute and memory. */
Test(share, parts_become_the_smallest_instance) {
    const struct { uint32_t milli, compute; unsigned offered; } cases[] = {
        {1, 1, 0x9e}, {125, 1, 0x9e}, {126, 2, 0x9e}, {142, 2, 0x9e}, {250, 2, 0x9e}, {285, 3, 0x9e}, {428, 3, 0x9e},
        {429, 4, 0x9e}, {500, 4, 0x9e}, {501, 7, 0x9e}, {999, 7, 0x9e}, {100, 3, 0x88}, {300, 7, 0x86}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_eq(share_slice_for(cases[i].offered, cases[i].milli)->compute, cases[i].compute, "%u thousandths",
                     cases[i].milli);
}

/* ---- what others measured ---- */

/* Two vLLM of a 4-billion model on one A100 under MPS (gopebble's case study): time a token +19.5 %, time to first
 * token +1.4 %. Decoding reads the weights for each token and hardly computes; prefill is the other way round. */
Test(share, decoding_suffers_and_prefill_does_not) {
    const struct load_shares decode = {.compute = 0.012, .memory = 0.45}, prefill = {.compute = 0.47, .memory = 0.03};
    const struct load_shares both[] = {decode, decode};
    const double crowd = share_crowd(both, 2);
    const double token = crowd * (1 + 0.2 * share_memory_part(&decode));
    const double first = crowd * (1 + 0.2 * share_memory_part(&prefill));
    cr_expect(fabs(token - 1.195) < 0.005, "time a token x %.3f, measured 1.195", token);
    cr_expect(fabs(first - 1.014) < 0.005, "time to first token x %.3f, measured 1.014", first);
}

/* ---- a fluid simulation of its own ---- */

struct flow {
    double submit_s, left_s, end_s;
    double compute, memory, sms, busy;
    uint32_t milli;
    int device; /* -1: waiting or done */
};

/* Turns: time is handed round in equal rounds until nobody wants more or none is left. */
static void fluid_turns(struct flow *flows, size_t len, int device, double switching, double *paces) {
    double want[64], got[64] = {0};
    size_t who[64], n = 0;
    for (size_t i = 0; i < len; i++)
        if (flows[i].device == device) who[n] = i, want[n++] = flows[i].busy;
    double left = n > 1 ? 1 - switching : 1;
    for (size_t hungry = n; hungry > 0 && left > 1e-15;) {
        const double each = left / (double)hungry;
        hungry = 0;
        for (size_t i = 0; i < n; i++) {
            const double more = fmin(each, want[i] - got[i]);
            got[i] += more;
            left -= more;
            hungry += want[i] - got[i] > 1e-15;
        }
    }
    for (size_t i = 0; i < n; i++) paces[who[i]] = got[i] / want[i];
}

static void fluid_together(struct flow *flows, size_t len, int device, double interference, double *paces) {
    double compute = 0, memory = 0, sms = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (flows[i].device != device) continue;
        compute += flows[i].compute, memory += flows[i].memory, sms += flows[i].sms;
        n++;
    }
    double slow = 1;
    if (compute > slow) slow = compute;
    if (memory > slow) slow = memory;
    if (sms > slow) slow = sms;
    for (size_t i = 0; i < len; i++)
        if (flows[i].device == device) {
            const double m = flows[i].memory / (flows[i].compute + flows[i].memory);
            paces[i] = 1 / (slow * (n > 1 ? 1 + interference * m : 1));
        }
}

/* First come, first served, on the lowest device with room. */
static void fluid_run(struct flow *flows, size_t len, int devices, const struct sharing_setup *with) {
    double now = 0, paces[64];
    size_t arrived = 0, next = 0, done = 0; /* flows are in order of submission */
    int room[8];
    for (int d = 0; d < devices; d++) room[d] = 1000;
    while (done < len) {
        for (; next < arrived; next++) {
            int d = 0;
            while (d < devices && room[d] < (int)flows[next].milli) d++;
            if (d == devices) break;
            flows[next].device = d;
            room[d] -= (int)flows[next].milli;
        }
        for (int d = 0; d < devices; d++) {
            if (with->mode == SHARING_TIME_SLICE) fluid_turns(flows, len, d, with->switching, paces);
            else fluid_together(flows, len, d, with->interference, paces);
        }
        double step = arrived < len ? flows[arrived].submit_s - now : INFINITY;
        size_t first = len;
        for (size_t i = 0; i < len; i++)
            if (flows[i].device >= 0 && flows[i].left_s / paces[i] < step) step = flows[i].left_s / paces[i], first = i;
        for (size_t i = 0; i < len; i++)
            if (flows[i].device >= 0) flows[i].left_s -= step * paces[i];
        now += step;
        if (first == len) {
            arrived++;
            continue;
        }
        flows[first].end_s = now;
        room[flows[first].device] += (int)flows[first].milli;
        flows[first].device = -1;
        done++;
    }
}

static double between(struct rng *rng, double low, double high) { return low + (high - low) * rng_uniform(rng); }

static void random_class(struct rng *rng, struct load_shares *load) {
    *load = (struct load_shares){.compute = between(rng, 0.02, 0.9), .memory = between(rng, 0.02, 0.9)};
    load->sms = rng_uniform(rng) < 0.5 ? between(rng, 0.05, 1) : 0;
    load->busy = rng_uniform(rng) < 0.5 ? between(rng, 0.1, 1) : 0;
}

static size_t random_scene(struct rng *rng, struct flow *flows, struct sharing_setup *with, int *devices) {
    const size_t len = 2 + (size_t)between(rng, 0, 38);
    *devices = 1 + (int)between(rng, 0, 4);
    *with = (struct sharing_setup){.mode = rng_uniform(rng) < 0.5 ? SHARING_TIME_SLICE : SHARING_MPS,
                                   .switching = between(rng, 0, 0.2), .interference = between(rng, 0, 0.5)};
    pool((uint32_t)*devices, *with);
    for (size_t i = 0; i < CLASSES; i++) random_class(rng, &classes[i].load);
    double at = 0;
    for (size_t i = 0; i < len; i++) {
        const uint16_t c = (uint16_t)between(rng, 0, CLASSES);
        const struct load_shares *load = &classes[c].load;
        const uint32_t milli = 50 + (uint32_t)between(rng, 0, 700);
        at += between(rng, 0.001, 150);
        const uint32_t j = part(at, between(rng, 1, 1000), milli, c);
        flows[i] = (struct flow){.submit_s = tick_seconds(jobs.at[j].submit_ns),
                                 .left_s = tick_seconds(jobs.at[j].run_ns), .milli = milli, .device = -1,
                                 .compute = load->compute, .memory = load->memory,
                                 .sms = load->sms > 0 ? load->sms : load->compute,
                                 .busy = load->busy > 0 ? load->busy : fmax(load->compute, load->memory)};
    }
    return len;
}

/* What is held for longer than the work takes at full pace is what sharing cost; work and GPU time are conserved. */
static void conserved(const struct result *result, size_t len) {
    double asked = 0, held = 0;
    for (uint32_t i = 0; i < len; i++) {
        const double milli = shape_gpu_milli(&jobs.shapes.at[jobs.at[i].shape]) / 1e3;
        asked += milli * tick_hours(jobs.at[i].run_ns);
        held += milli * tick_hours(result->jobs->at[i].end_ns - result->jobs->at[i].start_ns);
    }
    const struct tally *t = &result->tallies[0];
    cr_assert(testing_near(t->useful_gpu_h, asked, 1e-9));
    cr_assert(testing_near(t->held_gpu_h, held, 1e-9));
    cr_assert(fabs(t->held_gpu_h - asked - t->interference_gpu_h) < 1e-8 * held);
}

Test(share, random_scenarios_end_as_a_fluid_would) {
    struct rng *rng = rng_open(4, "share", 0);
    double worst = 0, slowed = 0;
    for (int round = 0; round < 300; round++) {
        struct flow flows[64];
        struct sharing_setup with;
        int devices;
        const size_t len = random_scene(rng, flows, &with, &devices);
        fluid_run(flows, len, devices, &with);
        struct result result = run();
        for (uint32_t i = 0; i < len; i++) worst = fmax(worst, fabs(end_s(&result, i) - flows[i].end_s));
        cr_assert(worst < 1e-6, "round %d: %g s apart", round, worst); /* a nanosecond a change of pace */
        conserved(&result, len);
        slowed += result.tallies[0].interference_gpu_h / result.tallies[0].held_gpu_h / 300;
        result_free(&result);
        close_scene();
        open_scene();
    }
    cr_assert(slowed > 0.1, "sharing cost next to nothing");
    printf("300 scenarios: every end within %.1g s; sharing cost %.0f %% of what was held\n", worst, 100 * slowed);
    rng_close(rng);
}

/* Preempted, checkpointed, failed and put back, whatever order: work is conserved, the ledger closes. */
Test(share, work_is_conserved_under_preemption) {
    struct rng *rng = rng_open(5, "share", 0);
    static const char *const orders[] = {"srtf", "las", "fifo"};
    for (int round = 0; round < 60; round++) {
        struct flow flows[64];
        struct sharing_setup with;
        int devices;
        testing_policy(&setup, orders[round % 3], "skip", "best_fit");
        const size_t len = random_scene(rng, flows, &with, &devices);
        struct result result = run();
        double asked = 0;
        for (uint32_t i = 0; i < len; i++)
            asked += shape_gpu_milli(&jobs.shapes.at[jobs.at[i].shape]) / 1e3 * tick_hours(jobs.at[i].run_ns);
        cr_assert_eq(result.tallies[0].finished, len);
        cr_assert(testing_near(result.tallies[0].useful_gpu_h, asked, 1e-9), "round %d", round);
        result_free(&result);
        close_scene();
        open_scene();
    }
    rng_close(rng);
}
