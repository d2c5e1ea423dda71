/*
 * Synthetic clients against closed forms: the mean rate, Zipf's shares, the variation of gaps (gamma and Weibull), what
 * renewal theory says of counts in equilibrium, the day's shape, lengths over clients, and conversations whose prompts
 * repeat what was said.
 */
#include "core/load.h"
#include "core/service.h"
#include "io/requests.h"
#include "support/testing.h"

#include "base/mem.h"
#include "base/tick.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

static struct request_load load_of(uint32_t clients, double rate_per_h, double hours) {
    return (struct request_load){.rate_per_h = rate_per_h, .burst_ratio = 1, .prompt = {500, 0.7, 1e6},
                                 .output = {100, 0.6, 1e6}, .until_ns = (int64_t)(hours * (double)TICK_HOUR),
                                 .clients = {.count = clients, .cv = 2, .turns = 1, .think_ns = 100 * TICK_S}};
}

static void expect_order(const struct requests *r, const struct request_load *load) {
    for (size_t i = 0; i < r->len; i++) {
        cr_assert(r->at[i].arrival_ns >= 0 && r->at[i].arrival_ns < load->until_ns);
        cr_assert(i == 0 || r->at[i].arrival_ns >= r->at[i - 1].arrival_ns);
        cr_assert(r->at[i].prompt > 0 && r->at[i].output > 0);
    }
}

/* The client with the smallest number sends the most. 40 clients: the first five send sum i^-s to 5 over that to 40. */
static void shares(double skew) {
    struct request_load load = load_of(40, 4000, 100);
    struct requests r;
    double count[41] = {0}, all = 0, top = 0, top_count = 0;
    load.clients.skew = skew;
    load_clients(&load, 3, 0, &r);
    expect_order(&r, &load);
    for (size_t i = 0; i < r.len; i++) {
        cr_assert(r.at[i].session >= 1 && r.at[i].session <= 40);
        count[r.at[i].session]++;
    }
    for (int i = 1; i <= 40; i++) all += pow(i, -skew);
    /* Counts of a renewal process in equilibrium have cv^2 times a Poisson process's variance, in the long run. */
    for (int i = 1; i <= 40; i++) {
        const double mean = 400000 * pow(i, -skew) / all, sd = 2 * sqrt(mean);
        if (i <= 5) top += mean, top_count += count[i];
        if (mean > 300) cr_expect_lt(fabs(count[i] - mean), 4.5 * sd, "client %d: %g, not %g", i, count[i], mean);
    }
    cr_expect(testing_near(top_count / (double)r.len, top / 400000, 0.02));
    cr_expect_lt(fabs((double)r.len - 400000), 4 * 2 * sqrt(400000));
    requests_free(&r);
}
Test(clients, zipf) { shares(1.2); }
Test(clients, zipf_steep) { shares(2); }
Test(clients, all_alike) { shares(0); }

/* Gaps of one client: their mean and variation. */
static void gaps(int kind, double cv) {
    struct request_load load = load_of(1, 3600, 60);
    struct requests r;
    double sum = 0, squares = 0;
    load.clients.gaps = kind;
    load.clients.cv = cv;
    load_clients(&load, 11, 2, &r);
    expect_order(&r, &load);
    for (size_t i = 1; i < r.len; i++) {
        const double gap_s = tick_seconds(r.at[i].arrival_ns - r.at[i - 1].arrival_ns);
        sum += gap_s;
        squares += gap_s * gap_s;
    }
    const double n = (double)r.len - 1, mean = sum / n, sd = sqrt(squares / n - mean * mean);
    cr_expect_lt(fabs(mean - 1), 4 * cv / sqrt(n), "%g s", mean);
    cr_expect(testing_near(sd / mean, cv, 0.06), "cv %g, not %g", sd / mean, cv);
    requests_free(&r);
}
Test(clients, gamma_gaps) { gaps(GAPS_GAMMA, 3), gaps(GAPS_GAMMA, 1), gaps(GAPS_GAMMA, 0.5); }
Test(clients, weibull_gaps) { gaps(GAPS_WEIBULL, 2.5), gaps(GAPS_WEIBULL, 1), gaps(GAPS_WEIBULL, 0.4); }

/* In equilibrium the first moments are like any others: over many clients, as many come in the first tenth of a mean
 * gap as in any. A process that begins with a gap, or with an event, would show here most of all. */
static void equilibrium(int kind, double cv) {
    enum { CLIENTS = 40000 };
    struct request_load load = load_of(CLIENTS, CLIENTS, 2);
    struct requests r;
    double first = 0;
    load.clients.skew = 0;
    load.clients.gaps = kind;
    load.clients.cv = cv;
    load_clients(&load, 5, 0, &r);
    for (size_t i = 0; i < r.len; i++) first += r.at[i].arrival_ns < TICK_HOUR / 10;
    /* A client's count in so short a time varies by less than in the long run, but in bursts. */
    cr_expect_lt(fabs(first - CLIENTS / 10.0), 5 * fmax(cv, 1) * sqrt(CLIENTS / 10.0), "%g", first);
    cr_expect_lt(fabs((double)r.len - 2.0 * CLIENTS), 5 * fmax(cv, 1) * sqrt(2.0 * CLIENTS), "%zu", r.len);
    requests_free(&r);
}
Test(clients, equilibrium) {
    equilibrium(GAPS_GAMMA, 3);
    equilibrium(GAPS_GAMMA, 0.3);
    equilibrium(GAPS_WEIBULL, 2);
    equilibrium(GAPS_WEIBULL, 0.3);
}

/* Hours of a local day that is five hours behind, from 7 in the morning UTC on. */
Test(clients, days) {
    static double daily[24] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1};
    struct request_load load = load_of(200, 2000, 240);
    struct requests r;
    double count[24] = {0}, sum = 0;
    load.daily = (struct numbers){daily, 24};
    load.origin_unix_ns = 7 * TICK_HOUR;
    load.utc_offset_ns = -5 * TICK_HOUR;
    load.clients.cv = 1.5;
    load_clients(&load, 8, 0, &r);
    expect_order(&r, &load);
    for (int h = 0; h < 24; h++) sum += daily[h];
    for (size_t i = 0; i < r.len; i++) count[(r.at[i].arrival_ns / TICK_HOUR + 2) % 24]++;
    cr_expect_eq(count[0], 0);
    for (int h = 1; h < 24; h++) {
        const double mean = 2000 * 240 * daily[h] / sum;
        cr_expect_lt(fabs(count[h] - mean), 5 * 1.5 * sqrt(mean), "hour %d: %g, not %g", h, count[h], mean);
    }
    requests_free(&r);
}

/* Clients' medians spread about the load's; within a client, lengths do. */
Test(clients, lengths) {
    enum { CLIENTS = 2000 };
    struct request_load load = load_of(CLIENTS, 100000, 2);
    struct requests r;
    static double sum[CLIENTS + 1], count[CLIENTS + 1];
    double mean = 0, squares = 0, clients = 0;
    load.clients.spread = 0.5;
    load.prompt.median = 5000;
    load_clients(&load, 2, 0, &r);
    for (size_t i = 0; i < r.len; i++) {
        sum[r.at[i].session] += log(r.at[i].prompt);
        count[r.at[i].session]++;
    }
    for (int i = 1; i <= CLIENTS; i++) {
        if (count[i] < 20) continue;
        mean += sum[i] / count[i];
        squares += sum[i] / count[i] * sum[i] / count[i] - 0.7 * 0.7 / count[i];
        clients++;
    }
    mean /= clients;
    cr_expect_gt(clients, 1000);
    cr_expect_lt(fabs(mean - log(5000)), 4 * 0.53 / sqrt(clients), "%g", exp(mean));
    cr_expect(testing_near(sqrt(squares / clients - mean * mean), 0.5, 0.08));
    requests_free(&r);
}

/* Conversations of four turns on average: as many requests as asked for, each prompt what was said before and more, and
 * its blocks those of the turn before and more. */
Test(clients, conversations) {
    struct request_load load = load_of(100, 5000, 48);
    struct requests r;
    load.clients.turns = 4;
    load.clients.cv = 1;
    load_clients(&load, 6, 0, &r);
    expect_order(&r, &load);
    /* Conversations are a Poisson process: counts vary by E[turns^2] / E[turns] = 2 x 4 - 1 times a Poisson's. */
    cr_expect_lt(fabs((double)r.len - 240000), 4 * sqrt(7 * 240000.0), "%zu", r.len);
    uint32_t sessions = 0;
    for (size_t i = 0; i < r.len; i++)
        if (r.at[i].session > sessions) sessions = r.at[i].session;
    uint32_t *last = mem_zero(sessions + 1, sizeof *last), *turns = mem_zero(sessions + 1, sizeof *turns);
    double gap_s = 0, gaps_len = 0, whole = 0, all = 0;
    for (uint32_t i = 0; i < r.len; i++) {
        const uint32_t s = r.at[i].session, before = last[s];
        if (turns[s]++) {
            cr_assert(r.at[i].prompt > r.at[before].prompt + r.at[before].output);
            cr_assert(r.blocks_len[i] == r.at[i].prompt / 512 && r.blocks_len[before] <= r.blocks_len[i]);
            for (uint32_t b = 0; b < r.blocks_len[before]; b++) cr_assert_eq(r.blocks[before][b], r.blocks[i][b]);
            gap_s += tick_seconds(r.at[i].arrival_ns - r.at[before].arrival_ns);
            gaps_len++;
        }
        last[s] = i;
    }
    cr_expect(testing_near(gap_s / gaps_len, 100, 0.02), "%g s", gap_s / gaps_len);
    for (uint32_t s = 1; s <= sessions; s++) {
        if (turns[s] == 0 || r.at[last[s]].arrival_ns > 40 * TICK_HOUR) continue;
        whole += turns[s];
        all++;
    }
    cr_expect(testing_near(whole / all, 4, 0.02), "%g turns", whole / all);
    free(last);
    free(turns);
    requests_free(&r);
}

/* All of a client's requests are of one class, with that class's lengths; and the same seed draws the same. */
Test(clients, classes_belong_to_clients) {
    struct request_load load = load_of(300, 3000, 20);
    struct request_load_class classes[2] = {{"chat", 3, {100, 0.1, 1000}, {100, 0.1, 1000}},
                                            {"batch", 1, {9000, 0.1, 20000}, {10, 0.1, 1000}}};
    struct requests r, again;
    uint16_t class[301] = {0};
    double chats = 0;
    load.classes = classes;
    load.classes_len = 2;
    load_clients(&load, 4, 1, &r);
    load_clients(&load, 4, 1, &again);
    cr_expect_eq(requests_hash(&r), requests_hash(&again));
    for (size_t i = 0; i < r.len; i++) {
        const uint32_t who = r.at[i].session;
        cr_assert(class[who] == 0 || class[who] == r.at[i].class_id);
        class[who] = r.at[i].class_id;
        cr_assert((r.at[i].class_id == 2) == (r.at[i].prompt > 1500));
    }
    for (int i = 1; i <= 300; i++) chats += class[i] == 1;
    cr_expect(fabs(chats - 225) < 4 * sqrt(300 * 0.75 * 0.25), "%g", chats);
    requests_free(&r);
    requests_free(&again);
}
