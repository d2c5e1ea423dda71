/* Reading a trace (trace_read) beside libcsv with empty callbacks on the same bytes, in one process: rounds of
 * one after the other, medians. The bound is 90 % of libcsv's speed. */
#include "base/mem.h"
#include "base/text.h"
#include "io/trace.h"

#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9, ROWS = 1200000, BLOCK = 128 * 1024 };
static const double least_share = 0.9;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(double *at) {
    qsort(at, ROUNDS, sizeof *at, by_value);
    return at[ROUNDS / 2];
}

static void no_field(void *field, size_t len, void *context) { (void)field, (void)len, (void)context; }
static void no_row(int end, void *context) { (void)end, (void)context; }

/* libcsv and nothing else: blocks from the file, empty callbacks. */
static double floor_s(const char *path, char *block) {
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
    return now_s() - start;
}

static double trace_s(const char *path) {
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
    if (!file || fwrite(out.at, 1, out.len, file) != out.len || fclose(file) != 0) die("cannot write '%s'", path);
    size_t len = out.len;
    text_free(&out);
    return len;
}

int main(void) {
    char path[] = "/tmp/headroom-bench-XXXXXX";
    int file = mkstemp(path);
    if (file < 0) die("cannot make a temporary file");
    close(file);
    double bytes = (double)write_trace(path);
    char *block = mem_alloc(BLOCK);
    double floors[ROUNDS], traces[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        floors[i] = floor_s(path, block);
        traces[i] = trace_s(path);
    }
    unlink(path);
    free(block);
    double lowest = median(floors), took = median(traces), share = lowest / took;
    printf("| libcsv, empty callbacks | %.0f MB/s, %.1f M rows/s | | |\n", bytes / lowest / 1e6, ROWS / lowest / 1e6);
    printf("| trace_read | %.0f MB/s, %.1f M rows/s | | |\n", bytes / took / 1e6, ROWS / took / 1e6);
    printf("| trace_read / libcsv | %.0f %% | >= %.0f %% | %s |\n", 100 * share, 100 * least_share,
           share >= least_share ? "pass" : "FAIL");
    return share >= least_share ? EXIT_OK : EXIT_FAILED;
}
