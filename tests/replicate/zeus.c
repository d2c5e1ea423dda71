/*
 * Power caps against 68 trainings on a V100 (Zeus, NSDI'23): five networks, times of an epoch and watts at power limits
 * of 100 to 250 W. Each is run as a job that draws at work what the training drew without a limit; its slowdown is
 * compared with the one that was measured. Prefill and decode on a capped H100 (Splitwise, ISCA'24).
 */
#include "base/tick.h"
#include "core/seams.h"
#include "support/param.h"
#include "support/published.h"

#include <math.h>
#include <string.h>

enum { LIMITS = 7, TRAININGS_MOST = 100 };
static const double peak_w = 250;
struct training {
    char name[120];
    double epoch_s[LIMITS], watts; /* limits of 100, 125, ..., 250 W; watts: at 250 */
};
struct table {
    struct training at[TRAININGS_MOST];
    size_t len;
};

static bool visit(void *context, const struct csv_row *row, struct err *err) {
    struct table *t = context;
    (void)err;
    if (row->line == 1) return true;
    char name[120];
    snprintf(name, sizeof name, "%s %s %s %s", row->fields[0], row->fields[1], row->fields[2], row->fields[3]);
    size_t i = 0;
    while (i < t->len && strcmp(t->at[i].name, name) != 0) i++;
    if (i == t->len) {
        cr_assert(t->len < TRAININGS_MOST);
        memcpy(t->at[t->len++].name, name, sizeof name);
    }
    const size_t limit = (size_t)((published_number(row, 4) - 100) / 25);
    cr_assert(limit < LIMITS);
    t->at[i].epoch_s[limit] = published_number(row, 5);
    if (limit == LIMITS - 1) t->at[i].watts = published_number(row, 6);
    return true;
}

/* How much longer a job takes under a cap that draws so many watts without one; knows: it is known that it computes. */
static double slowdown(double watts, double level, bool knows, double compute, double memory) {
    struct setup setup;
    struct jobs jobs;
    struct class_setup entry = {.run_below_ns = TICK_NEVER, .wait_ns = -1, .markets = ~0u,
                                .load = {.compute = compute, .memory = memory}};
    testing_setup(&setup);
    jobs_init(&jobs, 0);
    struct pool_setup *pool = testing_pool(&setup, "v100", 1, 1);
    pool->gpu_peak_w = peak_w;
    pool->power = testing_model(&setup.arena, KIND_POWER, "intensity");
    testing_param(pool->power, "p0", watts / peak_w);
    testing_param(pool->power, "pmax", watts / peak_w);
    setup.policy.cap = (struct cap_setup){.when = CAP_ALWAYS, .level = level};
    setup.classes = &entry;
    setup.classes_len = knows;
    const uint32_t job = testing_job(&jobs, 0, 10000, 1);
    if (!knows) jobs.at[job].utilisation = (float)(watts / peak_w); /* 250 W x utilisation */
    struct result result = testing_run(&setup, &jobs);
    const double times = tick_seconds(result.jobs->at[0].end_ns) / 10000;
    result_free(&result);
    jobs_free(&jobs);
    testing_setup_free(&setup);
    return times;
}

/* Mean relative error of an epoch's length over all trainings and limits below 250 W. */
static double mean_error(const struct table *t, bool knows) {
    double sum = 0;
    size_t count = 0;
    for (size_t limit = 0; limit + 1 < LIMITS; limit++) {
        double here = 0;
        for (size_t i = 0; i < t->len; i++) {
            const struct training *x = &t->at[i];
            const double told = slowdown(x->watts, (100 + 25. * (double)limit) / peak_w, knows, 1, 0);
            here += fabs(told * x->epoch_s[LIMITS - 1] / x->epoch_s[limit] - 1);
        }
        printf("%s at %3.0f W: mean error %4.1f %%\n", knows ? "by its own draw" : "by the table alone",
               100 + 25. * (double)limit, 100 * here / (double)t->len);
        sum += here;
        count += t->len;
    }
    return sum / (double)count;
}

Test(zeus, trainings_on_a_capped_v100) {
    static struct table table;
    published_read("hardware/zeus_power_limit_v100.csv", visit, &table);
    cr_assert_eq(table.len, 68);
    const double own = mean_error(&table, true), alone = mean_error(&table, false);
    printf("68 trainings, 6 limits: by their own draw %.1f %%, by the table alone %.1f %%\n", 100 * own, 100 * alone);
    cr_expect(own < 0.047);
    cr_expect(alone < 0.057);
}

/* Splitwise's H100 at half of its power: prompts took 1.30 times as long (mean of five lengths), tokens as long. An
 * H100 draws 0.93 of its peak computing; a decode of Llama-2-70B on eight reads half of the bandwidth and computes
 * 1 %. */
Test(zeus, prefill_and_decode_on_a_capped_h100) {
    static const double free_ms[] = {53.9, 77.9, 136.8, 390.3, 844.9};
    static const double capped_ms[] = {70.0, 101.3, 177.8, 507.4, 1098.4};
    double measured = 0;
    for (size_t i = 0; i < 5; i++) measured += capped_ms[i] / free_ms[i] / 5;
    const double prefill = slowdown(0.933 * peak_w, 0.5, true, 0.6, 0.1);
    const double decode = slowdown(0.65 * peak_w, 0.5, true, 0.01, 0.5);
    printf("prefill x %.3f (measured %.3f), decode x %.3f (measured 1)\n", prefill, measured, decode);
    cr_expect(fabs(prefill / measured - 1) < 0.02);
    cr_expect(fabs(decode - 1) < 0.01);
}
