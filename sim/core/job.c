/*
 * The job table: growing columns, interned names and shapes, the stable sort by submit time.
 *
 * Names and shapes are found by open addressing (linear probing, at most half full) over tables that keep the
 * order of first appearance. The sort orders (submit, row) pairs with qsort, a total order and hence stable,
 * and moves the rows in place along the cycles of the permutation, so that its extra memory is the pairs.
 *
 * The content hash mixes, for each job in order, words that do not depend on how shapes and names happen to
 * be numbered: the same jobs written out and read again have the same hash.
 *
 * Cost: add, put and shape O(1) expected; sort O(n) when sorted, else O(n log n) and 16 bytes a job for its
 * duration. 64 bytes a job, and 4 or 8 more for each optional column.
 */
#include "core/job.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 16 };
static const uint32_t empty_slot = UINT32_MAX;

/* --- names --- */

void names_init(struct names *names) { *names = (struct names){0}; }

void names_free(struct names *names) {
    for (size_t i = 0; i < names->len; i++) free(names->at[i]);
    free(names->at);
    free(names->slots);
    names_init(names);
}

static uint32_t *slots_new(size_t count) {
    uint32_t *slots = mem_alloc(count * sizeof *slots);
    for (size_t i = 0; i < count; i++) slots[i] = empty_slot;
    return slots;
}

/* The slot that holds text, or the empty one where it belongs. */
static size_t names_slot(const struct names *names, const char *text, size_t len) {
    size_t mask = names->slots_len - 1;
    size_t slot = (size_t)hash_mix(hash_bytes(HASH_START, text, len)) & mask;
    for (;; slot = (slot + 1) & mask) {
        uint32_t index = names->slots[slot];
        if (index == empty_slot) return slot;
        const char *name = names->at[index];
        if (strncmp(name, text, len) == 0 && name[len] == '\0') return slot;
    }
}

static void names_rehash(struct names *names) {
    free(names->slots);
    names->slots_len = names->slots_len ? 2 * names->slots_len : SLOTS_FIRST;
    names->slots = slots_new(names->slots_len);
    for (size_t i = 0; i < names->len; i++)
        names->slots[names_slot(names, names->at[i], strlen(names->at[i]))] = (uint32_t)i;
}

uint32_t names_put(struct names *names, const char *text, size_t len) {
    if (2 * (names->len + 1) > names->slots_len) names_rehash(names);
    size_t slot = names_slot(names, text, len);
    if (names->slots[slot] != empty_slot) return names->slots[slot];
    require(names->len < UINT32_MAX);
    char *copy = mem_alloc(len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    names->slots[slot] = (uint32_t)names->len;
    *vec_push(names) = copy;
    return names->slots[slot];
}

uint32_t names_find(const struct names *names, const char *text) {
    return names->slots_len ? names->slots[names_slot(names, text, strlen(text))] : UINT32_MAX;
}

/* --- the table --- */

/* Makes the columns as long as the table's capacity. Capacity grows by doubling; fresh pages of a large block
 * cost no memory until they are used. */
static void columns_resize(struct jobs *jobs) {
#define RESIZE(column) \
    if (jobs->column) jobs->column = mem_grow(jobs->column, jobs->cap, sizeof *jobs->column)
    RESIZE(id_at);
    RESIZE(priority);
    RESIZE(deadline_ns);
    RESIZE(work);
    RESIZE(user);
    RESIZE(wait_ns);
#undef RESIZE
}

void jobs_init(struct jobs *jobs, unsigned columns) {
    *jobs = (struct jobs){.cap = 16, .origin_unix_ns = JOB_UNKNOWN};
    jobs->at = mem_alloc(jobs->cap * sizeof *jobs->at);
    if (columns & JOBS_IDS) {
        jobs->id_at = mem_alloc(1);
        /* Offset 0 is the empty text of jobs without an id. */
        jobs->ids = vec_reserve(NULL, &jobs->ids_cap, 1, 1);
        jobs->ids[jobs->ids_len++] = '\0';
    }
    if (columns & JOBS_PRIORITY) jobs->priority = mem_alloc(1);
    if (columns & JOBS_DEADLINE) jobs->deadline_ns = mem_alloc(1);
    if (columns & JOBS_WORK) jobs->work = mem_alloc(1);
    if (columns & JOBS_USER) jobs->user = mem_alloc(1);
    if (columns & JOBS_WAIT) jobs->wait_ns = mem_alloc(1);
    columns_resize(jobs);
    names_put(&jobs->tenants, "default", 7);
    names_put(&jobs->classes, "default", 7);
}

void jobs_free(struct jobs *jobs) {
    free(jobs->at);
    free(jobs->shapes.at);
    free(jobs->shape_slots);
    names_free(&jobs->tenants);
    names_free(&jobs->classes);
    names_free(&jobs->users);
    names_free(&jobs->models);
    free(jobs->id_at);
    free(jobs->priority);
    free(jobs->deadline_ns);
    free(jobs->work);
    free(jobs->user);
    free(jobs->wait_ns);
    free(jobs->ids);
    *jobs = (struct jobs){0};
}

/* The words are multiplied apart, which the processor does side by side. */
static uint64_t shape_hash(const struct shape *s) {
    uint64_t devices = ((uint64_t)s->gpus << 32 | s->share_milli) * UINT64_C(0xff51afd7ed558ccd);
    uint64_t host = ((uint64_t)s->cpu_milli << 32 | s->mem_mib) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash_mix(devices + (host ^ host >> 32) + s->models * UINT64_C(0x9fb21c651e98df25));
}

static bool shape_same(const struct shape *a, const struct shape *b) {
    return a->gpus == b->gpus && a->share_milli == b->share_milli && a->cpu_milli == b->cpu_milli &&
           a->mem_mib == b->mem_mib && a->models == b->models;
}

static size_t shapes_slot(const struct jobs *jobs, const struct shape *shape) {
    size_t mask = jobs->shape_slots_len - 1;
    size_t slot = (size_t)shape_hash(shape) & mask;
    while (jobs->shape_slots[slot] != empty_slot &&
           !shape_same(&jobs->shapes.at[jobs->shape_slots[slot]], shape))
        slot = (slot + 1) & mask;
    return slot;
}

static void shapes_rehash(struct jobs *jobs) {
    free(jobs->shape_slots);
    jobs->shape_slots_len = jobs->shape_slots_len ? 2 * jobs->shape_slots_len : SLOTS_FIRST;
    jobs->shape_slots = slots_new(jobs->shape_slots_len);
    for (size_t i = 0; i < jobs->shapes.len; i++)
        jobs->shape_slots[shapes_slot(jobs, &jobs->shapes.at[i])] = (uint32_t)i;
}

uint32_t jobs_shape(struct jobs *jobs, const struct shape *shape) {
    require(shape->share_milli < 1000 && (shape->share_milli == 0 || shape->gpus == 0));
    if (2 * (jobs->shapes.len + 1) > jobs->shape_slots_len) shapes_rehash(jobs);
    size_t slot = shapes_slot(jobs, shape);
    if (jobs->shape_slots[slot] == empty_slot) {
        jobs->shape_slots[slot] = (uint32_t)jobs->shapes.len;
        *vec_push(&jobs->shapes) = *shape;
    }
    return jobs->shape_slots[slot];
}

uint32_t jobs_add(struct jobs *jobs) {
    require(jobs->len < JOB_NONE);
    if (jobs->len == jobs->cap) {
        jobs->at = vec_reserve(jobs->at, &jobs->cap, jobs->len + 1, sizeof *jobs->at);
        columns_resize(jobs);
    }
    uint32_t j = (uint32_t)jobs->len++;
    jobs->at[j] = (struct job){
        .start_ns = JOB_NOT_YET, .end_ns = JOB_NOT_YET, .next = JOB_NONE, .utilisation = 1.0F};
    if (jobs->id_at) jobs->id_at[j] = 0;
    if (jobs->priority) jobs->priority[j] = 0;
    if (jobs->deadline_ns) jobs->deadline_ns[j] = JOB_UNKNOWN;
    if (jobs->work) jobs->work[j] = NAN;
    if (jobs->user) jobs->user[j] = JOB_NONE;
    if (jobs->wait_ns) jobs->wait_ns[j] = JOB_UNKNOWN;
    return j;
}

void jobs_set_id(struct jobs *jobs, uint32_t j, const char *id, size_t len) {
    require(jobs->id_at && j < jobs->len);
    if (jobs->ids_len + len + 1 > UINT32_MAX) die("the job ids take more than 4 GiB");
    jobs->ids = vec_reserve(jobs->ids, &jobs->ids_cap, jobs->ids_len + len + 1, 1);
    jobs->id_at[j] = (uint32_t)jobs->ids_len;
    memcpy(jobs->ids + jobs->ids_len, id, len);
    jobs->ids_len += len;
    jobs->ids[jobs->ids_len++] = '\0';
}

const char *jobs_id(const struct jobs *jobs, uint32_t j) {
    return jobs->id_at ? jobs->ids + jobs->id_at[j] : "";
}

size_t jobs_duplicate_ids(const struct jobs *jobs, void (*visit)(void *context, uint32_t job, uint32_t first),
                          void *context) {
    if (!jobs->id_at) return 0;
    size_t slots_len = SLOTS_FIRST, found = 0;
    while (slots_len < 2 * jobs->len) slots_len *= 2;
    uint32_t *slots = slots_new(slots_len);
    for (uint32_t j = 0; j < jobs->len; j++) {
        const char *id = jobs_id(jobs, j);
        if (!id[0]) continue;
        size_t slot = (size_t)hash_mix(hash_bytes(HASH_START, id, strlen(id))) & (slots_len - 1);
        while (slots[slot] != empty_slot && strcmp(jobs_id(jobs, slots[slot]), id) != 0)
            slot = (slot + 1) & (slots_len - 1);
        if (slots[slot] == empty_slot) {
            slots[slot] = j;
            continue;
        }
        found++;
        if (visit) visit(context, j, slots[slot]);
    }
    free(slots);
    return found;
}

/* --- moving rows --- */

static void row_move(struct jobs *jobs, size_t to, size_t from) {
    jobs->at[to] = jobs->at[from];
    if (jobs->id_at) jobs->id_at[to] = jobs->id_at[from];
    if (jobs->priority) jobs->priority[to] = jobs->priority[from];
    if (jobs->deadline_ns) jobs->deadline_ns[to] = jobs->deadline_ns[from];
    if (jobs->work) jobs->work[to] = jobs->work[from];
    if (jobs->user) jobs->user[to] = jobs->user[from];
    if (jobs->wait_ns) jobs->wait_ns[to] = jobs->wait_ns[from];
}

void jobs_filter(struct jobs *jobs, const bool *keep) {
    size_t kept = 0;
    for (size_t j = 0; j < jobs->len; j++) {
        if (!keep[j]) continue;
        if (kept != j) row_move(jobs, kept, j);
        kept++;
    }
    jobs->len = kept;
}

struct sort_pair {
    int64_t submit_ns;
    uint32_t row;
};

static int pair_compare(const void *left, const void *right) {
    const struct sort_pair *a = left, *b = right;
    if (a->submit_ns != b->submit_ns) return a->submit_ns < b->submit_ns ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* Brings row pairs[k].row to k for every k, along the cycles; a row past the end holds the one displaced. */
static void rows_permute(struct jobs *jobs, struct sort_pair *pairs) {
    size_t len = jobs->len, spare = jobs_add(jobs);
    for (size_t start = 0; start < len; start++) {
        if (pairs[start].row == start) continue;
        row_move(jobs, spare, start);
        size_t to = start;
        while (pairs[to].row != start) {
            size_t from = pairs[to].row;
            row_move(jobs, to, from);
            pairs[to].row = (uint32_t)to;
            to = from;
        }
        row_move(jobs, to, spare);
        pairs[to].row = (uint32_t)to;
    }
    jobs->len = len;
}

void jobs_sort(struct jobs *jobs) {
    bool sorted = true;
    for (size_t j = 1; j < jobs->len && sorted; j++)
        sorted = jobs->at[j - 1].submit_ns <= jobs->at[j].submit_ns;
    if (sorted) return;
    struct sort_pair *pairs = mem_alloc(jobs->len * sizeof *pairs);
    for (size_t j = 0; j < jobs->len; j++) pairs[j] = (struct sort_pair){jobs->at[j].submit_ns, (uint32_t)j};
    qsort(pairs, jobs->len, sizeof *pairs, pair_compare);
    rows_permute(jobs, pairs);
    free(pairs);
}

/* --- the content hash --- */

static uint64_t text_hash(const char *text) { return hash_bytes(HASH_START, text, strlen(text)); }

static uint64_t *names_hashes(const struct names *names) {
    uint64_t *hashes = mem_alloc(names->len * sizeof *hashes);
    for (size_t i = 0; i < names->len; i++) hashes[i] = text_hash(names->at[i]);
    return hashes;
}

/* A shape's hash with the names of its models in place of their numbers. */
static uint64_t *shapes_hashes(const struct jobs *jobs) {
    uint64_t *hashes = mem_alloc(jobs->shapes.len * sizeof *hashes);
    for (size_t i = 0; i < jobs->shapes.len; i++) {
        struct shape named = jobs->shapes.at[i];
        if (named.models != JOB_ANY_MODEL) {
            uint64_t set = named.models;
            named.models = 0;
            for (uint32_t m = 0; set; m++, set >>= 1)
                if (set & 1) named.models += hash_mix(text_hash(jobs->models.at[m]));
        }
        hashes[i] = shape_hash(&named);
    }
    return hashes;
}

static uint64_t columns_hash(const struct jobs *jobs, size_t j, const uint64_t *users) {
    uint64_t sum = 0, bits;
    if (jobs->id_at) sum += hash_mix(text_hash(jobs_id(jobs, (uint32_t)j)));
    if (jobs->priority) sum += hash_mix((uint64_t)jobs->priority[j] ^ UINT64_C(0x1) << 60);
    if (jobs->deadline_ns) sum += hash_mix((uint64_t)jobs->deadline_ns[j] ^ UINT64_C(0x2) << 60);
    if (jobs->work) {
        memcpy(&bits, &jobs->work[j], sizeof bits);
        sum += hash_mix(isnan(jobs->work[j]) ? 1 : bits ^ UINT64_C(0x3) << 60);
    }
    if (jobs->user && jobs->user[j] != JOB_NONE) sum += hash_mix(users[jobs->user[j]] ^ UINT64_C(0x4) << 60);
    if (jobs->wait_ns) sum += hash_mix((uint64_t)jobs->wait_ns[j] ^ UINT64_C(0x5) << 60);
    return sum;
}

/* The words of a job are mixed apart, which the processor does side by side, and then chained job to job. */
uint64_t jobs_hash(const struct jobs *jobs) {
    uint64_t *shapes = shapes_hashes(jobs);
    uint64_t *tenants = names_hashes(&jobs->tenants), *classes = names_hashes(&jobs->classes);
    uint64_t *users = names_hashes(&jobs->users);
    uint64_t hash = HASH_START ^ (uint64_t)jobs->origin_unix_ns;
    for (size_t j = 0; j < jobs->len; j++) {
        const struct job *job = &jobs->at[j];
        uint32_t utilisation;
        memcpy(&utilisation, &job->utilisation, sizeof utilisation);
        uint64_t sum = hash_mix((uint64_t)job->submit_ns) + hash_mix(~(uint64_t)job->run_ns) +
                       hash_mix((uint64_t)job->estimate_ns ^ (uint64_t)utilisation << 32) +
                       shapes[job->shape] + hash_mix(tenants[job->tenant]) +
                       hash_mix(~classes[job->class_id]) + columns_hash(jobs, j, users);
        hash = (hash ^ sum) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    free(shapes);
    free(tenants);
    free(classes);
    free(users);
    return hash_mix(hash ^ (uint64_t)jobs->len);
}
