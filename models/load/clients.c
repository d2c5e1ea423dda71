/*
 * Synthetic requests of a population of clients, after ServeGen (Xiang et al., NSDI 2026): what comes to a service is
 * the sum of what its clients send, a few of whom send most of it, each in bursts of its own, of lengths of its own,
 * some in conversations whose prompts grow turn by turn.
 *
 * Rates are Zipf's: the i-th client's is proportional to i^-skew. A client begins conversations as a renewal process
 * whose gaps are gamma or Weibull distributed (ServeGen finds either better than exponential ones) with the coefficient
 * of variation asked for, and which is in equilibrium at time 0: the first gap is a uniform part of a gap drawn by
 * length (Cox 1962). The day's shape bends time: gaps are drawn in operational time, whose rate is constant. A
 * conversation has a geometric number of turns with exponential times between them; a turn's prompt is all that was
 * said before and a new message. Lengths are lognormal about medians that are lognormal over clients.
 *
 * What is not ServeGen's, for want of its data: lengths without its Pareto tail, and the same variation and spread
 * for all clients.
 *
 * Invariant: arrivals ascend and lie in 0..until_ns; a client's requests do not depend on how many others there are.
 * Cost: O(n log n) for n requests; a random stream a client.
 */
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/tick.h"
#include "core/load.h"
#include "core/service.h"

#include <math.h>
#include <stdlib.h>

enum { HOURS = 24, BLOCK_TOKENS = 512 };

struct talk { /* one request, before it has its place */
    struct request_row row;
    uint32_t conversation, turn;
};
struct talks {
    struct talk *at;
    size_t len, cap;
};

/* ---- gaps ---- */

struct gaps {
    bool weibull;
    double shape, scale; /* of a mean of 1 */
};

static double weibull_cv2(double shape) { return exp(lgamma(1 + 2 / shape) - 2 * lgamma(1 + 1 / shape)) - 1; }

static struct gaps gaps_of(const struct clients_load *clients) {
    const double cv2 = clients->cv * clients->cv;
    if (clients->gaps == GAPS_GAMMA) return (struct gaps){.shape = 1 / cv2, .scale = cv2};
    double low = 0.05, high = 200; /* the variation falls as the shape grows */
    for (int i = 0; i < 200; i++) {
        const double middle = sqrt(low * high);
        if (weibull_cv2(middle) > cv2) low = middle;
        else high = middle;
    }
    return (struct gaps){true, low, 1 / tgamma(1 + 1 / low)};
}

static double draw_gap(const struct gaps *gaps, struct rng *rng) {
    return gaps->weibull ? rng_weibull(rng, gaps->scale, gaps->shape) : rng_gamma(rng, gaps->shape, gaps->scale);
}

/* From a moment like any other to the next event: part of a gap that is as likely to be met as it is long. */
static double draw_first(const struct gaps *gaps, struct rng *rng) {
    const double part = rng_uniform(rng);
    if (!gaps->weibull) return part * rng_gamma(rng, gaps->shape + 1, gaps->scale);
    return part * gaps->scale * pow(rng_gamma(rng, 1 + 1 / gaps->shape, 1), 1 / gaps->shape);
}

/* ---- the day ---- */

/* Operational time: `upto[h]` hours of it have passed at hour h of a local day, 24 in a whole one. */
struct day {
    double upto[HOURS + 1];
    double begin_h; /* local hours of time 0, from a midnight on */
};

static struct day day_of(const struct request_load *load) {
    struct day day = {{0}, 0};
    double sum = 0;
    require(load->daily.len == 0 || load->daily.len == HOURS);
    for (size_t i = 0; i < load->daily.len; i++) sum += load->daily.at[i];
    for (size_t i = 0; i < HOURS; i++)
        day.upto[i + 1] = day.upto[i] + (load->daily.len ? load->daily.at[i] * HOURS / sum : 1);
    const int64_t of_day = (load->origin_unix_ns + load->utc_offset_ns) % TICK_DAY;
    day.begin_h = tick_hours(of_day < 0 ? of_day + TICK_DAY : of_day);
    return day;
}

static double operational_h(const struct day *day, double local_h) {
    const double days = floor(local_h / HOURS), of_day = local_h - days * HOURS;
    const size_t hour = of_day < HOURS - 1 ? (size_t)of_day : HOURS - 1;
    return days * HOURS + day->upto[hour] + (of_day - (double)hour) * (day->upto[hour + 1] - day->upto[hour]);
}

static double local_h(const struct day *day, double operational) {
    const double days = floor(operational / HOURS), of_day = operational - days * HOURS;
    size_t hour = 0;
    while (hour < HOURS - 1 && day->upto[hour + 1] <= of_day) hour++;
    const double rate = day->upto[hour + 1] - day->upto[hour];
    return days * HOURS + (double)hour + (rate > 0 ? fmin((of_day - day->upto[hour]) / rate, 1) : 0);
}

/* ---- conversations ---- */

struct client {
    uint32_t number;       /* from 1 on */
    uint16_t class_id;
    struct tokens_load prompt, output;
    double conversations_per_h;
    struct rng *rng;
};

static uint32_t draw_tokens(const struct tokens_load *tokens, struct rng *rng) {
    return (uint32_t)fmin(fmax(round(rng_lognormal(rng, log(tokens->median), tokens->sigma)), 1), tokens->most);
}

static void converse(const struct request_load *load, const struct client *client, double begin_ns, uint32_t id,
                     struct talks *talks) {
    const struct clients_load *c = &load->clients;
    double at_ns = begin_ns, said = 0;
    for (uint32_t turn = 0; turn == 0 || rng_uniform(client->rng) * c->turns >= 1; turn++) {
        if (turn) at_ns += rng_exponential(client->rng, (double)c->think_ns);
        if (at_ns >= (double)load->until_ns) return;
        const double message = draw_tokens(&client->prompt, client->rng);
        const uint32_t output = draw_tokens(&client->output, client->rng);
        const uint32_t prompt = (uint32_t)fmin(said + message, client->prompt.most);
        said = (double)prompt + output;
        if (at_ns < 0) continue; /* it began before time 0 */
        if (talks->len >= UINT32_MAX - 1) die("a service asks for more than %u requests", UINT32_MAX - 1);
        *vec_push(talks) = (struct talk){
            .row = {.arrival_ns = (int64_t)at_ns, .prompt = prompt, .output = output, .class_id = client->class_id,
                    .session = c->turns > 1 ? id + 1 : client->number},
            .conversation = id, .turn = turn};
    }
}

/* Conversations from long enough before time 0 that it makes no difference when they began. */
static void talk(const struct request_load *load, const struct client *client, const struct day *day,
                 const struct gaps *gaps, uint32_t *conversations, struct talks *talks) {
    const double before_h = load->clients.turns > 1 ? 12 * load->clients.turns * tick_hours(load->clients.think_ns) : 0;
    const double mean = 1 / client->conversations_per_h;
    double at = operational_h(day, day->begin_h - before_h) + mean * draw_first(gaps, client->rng);
    for (;; at += mean * draw_gap(gaps, client->rng)) {
        const double at_ns = (local_h(day, at) - day->begin_h) * (double)TICK_HOUR;
        if (at_ns >= (double)load->until_ns) return;
        converse(load, client, at_ns, (*conversations)++, talks);
    }
}

/* ---- all clients ---- */

static struct client draw_client(const struct request_load *load, struct rng *rng, uint32_t number, double share) {
    const struct clients_load *c = &load->clients;
    struct client client = {.number = number, .prompt = load->prompt, .output = load->output,
                            .conversations_per_h = load->rate_per_h * share / c->turns};
    double sum = 0, at = rng_uniform(rng);
    for (size_t i = 0; i < load->classes_len; i++) sum += load->classes[i].weight;
    for (size_t i = 0; i < load->classes_len && client.class_id == 0; i++) {
        at -= load->classes[i].weight / sum;
        if (at >= 0 && i + 1 < load->classes_len) continue;
        client.class_id = (uint16_t)(i + 1);
        client.prompt = load->classes[i].prompt;
        client.output = load->classes[i].output;
    }
    client.prompt.median *= rng_lognormal(rng, 0, c->spread);
    client.output.median *= rng_lognormal(rng, 0, c->spread);
    return client;
}

static int by_arrival(const void *a, const void *b) {
    const struct talk *const x = a, *const y = b;
    if (x->row.arrival_ns != y->row.arrival_ns) return x->row.arrival_ns < y->row.arrival_ns ? -1 : 1;
    if (x->conversation != y->conversation) return x->conversation < y->conversation ? -1 : 1;
    return x->turn < y->turn ? -1 : x->turn > y->turn;
}

/* What turns of a conversation have in common: the hash of a block is its conversation's and its number. */
static void fill_blocks(const struct talks *talks, struct requests *requests) {
    size_t hashes = 0;
    requests->blocks = mem_alloc((talks->len + 1) * sizeof *requests->blocks);
    requests->blocks_len = mem_alloc((talks->len + 1) * sizeof *requests->blocks_len);
    for (size_t i = 0; i < talks->len; i++)
        hashes += requests->blocks_len[i] = talks->at[i].row.prompt / BLOCK_TOKENS;
    requests->hashes = mem_alloc((hashes + 1) * sizeof *requests->hashes);
    hashes = 0;
    for (size_t i = 0; i < talks->len; i++) {
        requests->blocks[i] = requests->hashes + hashes;
        for (uint32_t b = 0; b < requests->blocks_len[i]; b++)
            requests->hashes[hashes++] = hash_mix((uint64_t)talks->at[i].conversation << 32 | b);
    }
}

void load_clients(const struct request_load *load, uint64_t seed, uint64_t index, struct requests *requests) {
    const struct clients_load *c = &load->clients;
    const struct gaps gaps = gaps_of(c);
    const struct day day = day_of(load);
    struct talks talks = {0};
    uint32_t conversations = 0;
    double all = 0;
    for (uint32_t i = 1; i <= c->count; i++) all += pow(i, -c->skew);
    for (uint32_t i = 1; i <= c->count; i++) {
        struct rng *rng = rng_open(seed, "clients", index << 32 | i);
        struct client client = draw_client(load, rng, i, pow(i, -c->skew) / all);
        client.rng = rng;
        talk(load, &client, &day, &gaps, &conversations, &talks);
        rng_close(rng);
    }
    if (talks.len) qsort(talks.at, talks.len, sizeof *talks.at, by_arrival);
    *requests = (struct requests){.len = talks.len, .classes_len = load->classes_len + 1};
    requests->at = mem_alloc((talks.len + 1) * sizeof *requests->at);
    for (size_t i = 0; i < talks.len; i++) requests->at[i] = talks.at[i].row;
    if (c->turns > 1 && talks.len) fill_blocks(&talks, requests);
    requests->classes = mem_alloc(requests->classes_len * sizeof *requests->classes);
    requests->classes[0] = mem_text("");
    for (size_t i = 0; i < load->classes_len; i++) requests->classes[i + 1] = mem_text(load->classes[i].name);
    free(talks.at);
}
