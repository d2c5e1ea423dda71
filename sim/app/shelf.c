/*
 * See shelf.h. A good is the jobs of a run or the requests of one service. Whoever asks first for a good reads it,
 * outside the lock; others who ask for the same meanwhile wait for it. Goods are found by comparing what they were
 * read from, which belongs to the point that asked first: a good therefore keeps that point.
 *
 * Invariant, under the lock: a point is freed when neither its task nor a good has it, a good when nobody has it and
 * there is no room. Cost: a comparison with each good on the shelf, at most GOODS_MOST that nobody has, for each run.
 */
#include "app/shelf.h"

#include "app/demand.h"
#include "base/hash.h"
#include "base/mem.h"
#include "core/seams.h"

#include <pthread.h>
#include <stdlib.h>

/* What nobody has just now is kept up to these. */
enum { GOODS_MOST = 64 };
static const size_t bytes_most = (size_t)256 << 20;

struct point {
    struct shelf_run lent; /* first: what others see of it */
    struct scenario_run run;
    size_t holders;
    struct good **goods; /* its jobs, then the requests of its services */
    size_t goods_len;
};

struct good {
    struct point *key;
    size_t service; /* index; SIZE_MAX: these are jobs */
    struct jobs jobs;
    struct requests requests;
    uint64_t hash;
    bool ready, bad;  /* bad: its reader found mistakes; whoever waits for it reads it anew, for findings of its own */
    size_t users;
    uint64_t left_at; /* when the last user left */
};

struct shelf {
    const struct scenario *scenario;
    struct {
        struct good **at;
        size_t len, cap;
    } goods;
    uint64_t clock, readings;
    pthread_mutex_t lock;
    pthread_cond_t arrived;
};

static void release_point(struct point *point) {
    if (--point->holders > 0) return;
    scenario_point_close(&point->run);
    free(point->goods);
    free(point);
}

/* --- goods, under the lock --- */

static bool is_jobs(const struct good *good) { return good->service == SIZE_MAX; }

static bool same_good(const struct good *good, const struct point *point, size_t service) {
    if (good->service == SIZE_MAX || service == SIZE_MAX)
        return good->service == service && batch_same_demand(&good->key->run, &point->run);
    const struct scenario_run *a = &good->key->run, *b = &point->run;
    return batch_same_requests(&a->demand.services[good->service], a->setup->seed, good->service,
                               &b->demand.services[service], b->setup->seed, service);
}

static size_t bytes_of(const struct good *good) {
    return is_jobs(good) ? good->jobs.len * (sizeof(struct job) + 64)
                         : good->requests.len * (sizeof(struct request_row) + 64);
}

static void discard(struct shelf *shelf, size_t i) {
    struct good *good = shelf->goods.at[i];
    shelf->goods.at[i] = shelf->goods.at[--shelf->goods.len];
    if (is_jobs(good)) jobs_free(&good->jobs);
    else requests_free(&good->requests);
    release_point(good->key);
    free(good);
}

/* Discards goods that nobody has, the longest unused first, until the rest fit. */
static void make_room(struct shelf *shelf) {
    for (;;) {
        size_t idle = 0, bytes = 0, oldest = SIZE_MAX;
        for (size_t i = 0; i < shelf->goods.len; i++) {
            const struct good *good = shelf->goods.at[i];
            if (good->users > 0) continue;
            idle++;
            bytes += bytes_of(good);
            if (oldest == SIZE_MAX || good->left_at < shelf->goods.at[oldest]->left_at) oldest = i;
        }
        if (idle == 0 || (idle <= GOODS_MOST && bytes <= bytes_most)) return;
        discard(shelf, oldest);
    }
}

static struct good *find(const struct shelf *shelf, const struct point *point, size_t service) {
    for (size_t i = 0; i < shelf->goods.len; i++)
        if (!shelf->goods.at[i]->bad && same_good(shelf->goods.at[i], point, service)) return shelf->goods.at[i];
    return NULL;
}

/* --- reading --- */

static bool read_good(struct good *good, struct err *err) {
    struct scenario_run *run = &good->key->run;
    if (is_jobs(good)) {
        if (!demand_read(&run->demand, run->setup, &good->jobs, err)) return false;
        good->hash = jobs_hash(&good->jobs);
        return true;
    }
    const struct service_demand *demand = &run->demand.services[good->service];
    if (demand->file == NULL) load_requests(demand->load, run->setup->seed, good->service, &good->requests);
    else if (!requests_read(demand->file, &good->requests, err)) return false;
    good->hash = requests_hash(&good->requests);
    return true;
}

/* The good, read now if nobody has yet. NULL: findings. Called and left under the lock. */
static struct good *take_good(struct shelf *shelf, struct point *point, size_t service, struct err *err) {
    struct good *good;
    while ((good = find(shelf, point, service)) != NULL && !good->ready)
        pthread_cond_wait(&shelf->arrived, &shelf->lock);
    if (good != NULL) {
        good->users++;
        return good;
    }
    good = mem_zero(1, sizeof *good);
    *good = (struct good){.key = point, .service = service, .users = 1};
    point->holders++;
    *vec_push(&shelf->goods) = good;
    pthread_mutex_unlock(&shelf->lock);
    const bool read = read_good(good, err);
    pthread_mutex_lock(&shelf->lock);
    shelf->readings++;
    good->ready = true;
    good->bad = !read;
    if (!read) good->users--;
    pthread_cond_broadcast(&shelf->arrived);
    return read ? good : NULL;
}

/* --- points --- */

static bool stock(struct shelf *shelf, struct point *point, struct err *err) {
    struct demand *demand = &point->run.demand;
    struct batch_run *batch = &point->lent.batch;
    point->goods = mem_zero(1 + demand->services_len, sizeof *point->goods);
    for (size_t i = 0; i <= demand->services_len; i++) {
        struct good *good = take_good(shelf, point, i == 0 ? SIZE_MAX : i - 1, err);
        if (good == NULL) return false;
        point->goods[point->goods_len++] = good;
        if (i == 0) {
            batch->jobs = &good->jobs;
            batch->jobs_hash = good->hash;
        } else {
            demand->services[i - 1].service->requests = &good->requests;
            batch->jobs_hash = hash_mix(batch->jobs_hash ^ good->hash);
        }
    }
    return true;
}

/* Under the lock. */
static void put_back(struct shelf *shelf, struct point *point) {
    shelf->clock++;
    for (size_t i = 0; i < point->goods_len; i++)
        if (--point->goods[i]->users == 0) point->goods[i]->left_at = shelf->clock;
    release_point(point);
    make_room(shelf);
}

struct shelf_run *shelf_take(struct shelf *shelf, size_t run, uint64_t index, uint64_t replication, struct err *err) {
    struct point *point = mem_zero(1, sizeof *point);
    point->holders = 1;
    point->lent.batch.run = &point->run;
    const bool read = scenario_point_open(shelf->scenario, run, index, replication, &point->run, err);
    pthread_mutex_lock(&shelf->lock);
    const bool ready = read && stock(shelf, point, err);
    if (!ready) put_back(shelf, point);
    pthread_mutex_unlock(&shelf->lock);
    return ready ? &point->lent : NULL;
}

void shelf_return(struct shelf *shelf, struct shelf_run *run) {
    pthread_mutex_lock(&shelf->lock);
    put_back(shelf, (struct point *)run);
    pthread_mutex_unlock(&shelf->lock);
}

uint64_t shelf_readings(const struct shelf *shelf) { return shelf->readings; }

struct shelf *shelf_open(const struct scenario *scenario) {
    struct shelf *shelf = mem_zero(1, sizeof *shelf);
    shelf->scenario = scenario;
    pthread_mutex_init(&shelf->lock, NULL);
    pthread_cond_init(&shelf->arrived, NULL);
    return shelf;
}

void shelf_close(struct shelf *shelf) {
    while (shelf->goods.len) discard(shelf, 0);
    free(shelf->goods.at);
    pthread_cond_destroy(&shelf->arrived);
    pthread_mutex_destroy(&shelf->lock);
    free(shelf);
}
