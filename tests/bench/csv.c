/*
 * Reading a trace (trace_read) beside libcsv with empty callbacks on the same bytes, in one process: rounds
 * of one after the other, medians. The bound is 90 % of libcsv's speed.
 *
 * trace_read keeps two processors at work: libcsv on one, numbers on the other. Where the two share one core,
 * as they do in many virtual machines, everything takes twice as long while both work, libcsv on its own too.
 * So libcsv is also timed with a second copy of itself at work on the other processor. Where that costs it
 * little, the processors are cores, and the bound holds against libcsv alone; else against libcsv beside its
 * copy. Both ratios are printed.
 */
#include "base/mem.h"
#include "base/stats.h"
#include "base/text.h"
#include "io/trace.h"

#include <csv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A round times each kind RUNS times in a row, after WARM more that do not count: a processor that was idle
 * is slow at first. */
enum { ROUNDS = 3, WARM = 3, RUNS = 5, TIMES = ROUNDS * RUNS, ROWS = 1200000, BLOCK = 128 * 1024 };
static const double least_share = 0.9;
/* A copy on the other processor may cost libcsv so much before the two count as one core. */
static const double apart_most = 1.3;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void no_field(void *field, size_t len, void *context) { (void)field, (void)len, (void)context; }
static void no_row(int end, void *context) { (void)end, (void)context; }

/* libcsv and nothing else: blocks from the file, empty callbacks. */
static double floor_s(char *path) {
    char *block = mem_alloc(BLOCK);
    double start = now_s();
    FILE *file = fopen(path, "rb");
    if (!file) die("cannot open '%s'", path);
    setvbuf(file, NULL, _IONBF, 0);
    struct csv_parser parser;
    csv_init(&parser, 0);
    for (size_t got; (got = fread(block, 1, BLOCK, file)) > 0;)
        if (csv_parse(&parser, block, got, no_field, no_row, NULL) != got) die("libcsv stopped");
    csv_fini(&parser, no_field, no_row, NULL);
    csv_free(&parser);
    fclose(file);
    double took = now_s() - start;
    free(block);
    return took;
}

static void *run_copy(void *path) {
    floor_s(path);
    return NULL;
}

/* The same while a copy does the same. */
static double paired_s(char *path) {
    pthread_t copy;
    if (pthread_create(&copy, NULL, run_copy, path) != 0) die("cannot start a thread");
    double took = floor_s(path);
    pthread_join(copy, NULL);
    return took;
}

static double trace_s(char *path) {
    double start = now_s();
    struct jobs jobs;
    struct err err;
    err_init(&err);
    if (!trace_read(path, 0, &jobs, &err)) {
        err_print(&err, stderr);
        exit(EXIT_FAILED);
    }
    if (jobs.len != ROWS) die("%zu jobs", jobs.len);
    double took = now_s() - start;
    jobs_free(&jobs);
    err_free(&err);
    return took;
}

/* A trace as an import writes it: seven columns, numbers of ordinary length. */
static size_t write_trace(const char *path) {
    struct text out;
    text_init(&out);
    text_put(&out, "submit_s,duration_s,gpus,cpus,memory_mib,tenant,estimate_s\n");
    uint32_t state = 1;
    double submit = 0;
    for (int i = 0; i < ROWS; i++) {
        state = state * 1664525U + 1013904223U;
        submit += (double)(state >> 24) / 100;
        text_format(&out, "%.2f,%u.%03u,%u,%u,%u,team-%u,%u\n", submit, state >> 14, state >> 4 & 511,
                    1U << (state >> 30), 4U << (state >> 30), 16384U << (state >> 30), state >> 9 & 15,
                    ((state >> 26) + 1) * 3600);
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(out.at, 1, out.len, file) != out.len || fclose(file) != 0)
        die("cannot write '%s'", path);
    size_t len = out.len;
    text_free(&out);
    return len;
}

static void time_runs(double (*run_s)(char *path), char *path, double *times) {
    for (int i = 0; i < WARM; i++) run_s(path);
    for (int i = 0; i < RUNS; i++) times[i] = run_s(path);
}

static void print_speed(const char *what, double bytes, double took_s) {
    printf("| %s | %.0f MB/s, %.1f M rows/s | | |\n", what, bytes / took_s / 1e6, ROWS / took_s / 1e6);
}

int main(void) {
    char path[] = "/tmp/headroom-bench-XXXXXX";
    int file = mkstemp(path);
    if (file < 0) die("cannot make a temporary file");
    close(file);
    double bytes = (double)write_trace(path);
    double alone[TIMES], paired[TIMES], traces[TIMES];
    for (size_t i = 0; i < ROUNDS; i++) {
        time_runs(floor_s, path, alone + i * RUNS);
        time_runs(paired_s, path, paired + i * RUNS);
        time_runs(trace_s, path, traces + i * RUNS);
    }
    unlink(path);
    double alone_s = stats_quantile(alone, TIMES, 0.5), beside_s = stats_quantile(paired, TIMES, 0.5);
    double took_s = stats_quantile(traces, TIMES, 0.5);
    bool cores = beside_s <= apart_most * alone_s;
    double share = (cores ? alone_s : beside_s) / took_s;
    print_speed("libcsv, empty callbacks", bytes, alone_s);
    print_speed("libcsv, empty callbacks, beside a copy of itself", bytes, beside_s);
    print_speed("trace_read", bytes, took_s);
    printf("| trace_read / libcsv alone | %.0f %% | | |\n", 100 * alone_s / took_s);
    printf("| trace_read / libcsv (%s) | %.0f %% | >= %.0f %% | %s |\n",
           cores ? "alone" : "beside its copy: the processors share a core", 100 * share, 100 * least_share,
           share >= least_share ? "pass" : "FAIL");
    return share >= least_share ? EXIT_OK : EXIT_FAILED;
}
