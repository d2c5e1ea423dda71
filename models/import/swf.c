/*
 * The Standard Workload Format of the Parallel Workloads Archive (Feitelson): a job a line, 18 numbers, -1
 * where something is not known; lines with ; are comments. Fields past the 18th are ignored. Processors
 * become GPUs (allocated, else requested), user, group and queue become user, tenant and class by their
 * numbers, the requested time becomes the estimate.
 *
 * Times are seconds from the header's UnixStartTime; a log without it whose first submit lies past 1980 when
 * read as Unix time is taken to be in Unix time, as some are.
 */
#include "base/num.h"
#include "base/tick.h"
#include "io/import.h"

#include <ctype.h>
#include <string.h>

enum { NUMBER, SUBMIT, WAIT, RUN, ALLOCATED, CPU_TIME, USED_MEMORY, REQUESTED, REQUESTED_TIME,
       REQUESTED_MEMORY, STATUS, USER, GROUP, EXECUTABLE, QUEUE, PARTITION, PRECEDING, THINK_TIME, FIELDS };
#define YEAR_1980_NS (INT64_C(315532800) * TICK_S)

struct swf {
    struct jobs *jobs;
    struct import_report *report;
    int64_t start_unix_ns; /* UnixStartTime, or JOB_UNKNOWN */
};

struct field {
    const char *at;
    size_t len;
};

/* Splits a line at blanks into at most FIELDS fields; returns how many there are. */
static size_t split(const char *line, struct field *fields) {
    size_t count = 0;
    for (const char *at = line; count < FIELDS;) {
        while (isblank((unsigned char)*at)) at++;
        if (!*at) break;
        fields[count].at = at;
        while (*at && !isblank((unsigned char)*at)) at++;
        fields[count].len = (size_t)(at - fields[count].at);
        count++;
    }
    return count;
}

static void read_comment(struct swf *s, const char *line) {
    const char *key = strstr(line, "UnixStartTime:");
    if (!key) return;
    struct field fields[FIELDS];
    int64_t ns;
    if (split(key + strlen("UnixStartTime:"), fields) && num_seconds_ns(fields[0].at, fields[0].len, &ns) &&
        ns > 0 && ns < IMPORT_TIME_MOST)
        s->start_unix_ns = ns;
}

/* Name of a user, group or queue; nothing when it is not known. */
static uint32_t put_name(struct names *names, struct field field) {
    if (field.at[0] == '-') return JOB_NONE;
    return names_put(names, field.at, field.len);
}

static uint16_t put_label(struct names *names, struct field field) {
    char text[32];
    if (field.at[0] == '-' || field.len >= sizeof text) return 0;
    memcpy(text, field.at, field.len);
    text[field.len] = '\0';
    return import_label(names, text);
}

struct values {
    int64_t submit_ns, wait_ns, run_ns, requested_ns, allocated, requested, status;
};

static bool read_values(const char *line, const struct field *f, struct values *v, struct place_in_file at,
                        struct err *err) {
    const struct {
        size_t field;
        const char *name;
        int64_t *into;
        bool time;
    } wanted[] = {{SUBMIT, "submit time", &v->submit_ns, true},
                  {WAIT, "wait time", &v->wait_ns, true},
                  {RUN, "run time", &v->run_ns, true},
                  {REQUESTED_TIME, "requested time", &v->requested_ns, true},
                  {ALLOCATED, "allocated processors", &v->allocated, false},
                  {REQUESTED, "requested processors", &v->requested, false},
                  {STATUS, "status", &v->status, false}};
    bool good = true;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        struct field text = f[wanted[i].field];
        bool number = wanted[i].time ? num_seconds_ns(text.at, text.len, wanted[i].into)
                                     : num_i64(text.at, text.len, wanted[i].into);
        int64_t most = wanted[i].time ? IMPORT_TIME_MOST : IMPORT_GPUS_MOST;
        if (number && *wanted[i].into <= most && *wanted[i].into >= -most) continue;
        at.col = (int)(text.at - line) + 1;
        at.path = wanted[i].name;
        good = err_add(err, at, "'%.*s' is wrong, expected %s", text.len > 48 ? 48 : (int)text.len, text.at,
                       wanted[i].time ? "seconds, or -1" : "a whole number, or -1");
    }
    return good;
}

/* Why a job cannot be used; NULL when it can. */
static const char *unusable(const struct values *v) {
    if (v->status >= 2 && v->status <= 4) return "part of a job that is recorded whole, too (status 2 to 4)";
    if (v->submit_ns < 0) return "no submit time";
    if (v->run_ns < 0) return "no run time";
    if (v->allocated <= 0 && v->requested <= 0) return "no processors";
    return NULL;
}

static void read_line(void *context, const char *file, int number, const char *line, size_t len,
                      struct err *err) {
    (void)len;
    struct swf *s = context;
    struct field f[FIELDS];
    size_t count = split(line, f);
    if (count == 0) return;
    if (f[0].at[0] == ';') {
        read_comment(s, line);
        return;
    }
    s->report->read++;
    struct place_in_file at = {file, number, 0, NULL};
    struct values v;
    if (count < FIELDS) {
        err_add(err, at, "%zu fields, expected 18 or more", count);
        return;
    }
    if (!read_values(line, f, &v, at, err)) return;
    if (unusable(&v)) {
        import_drop(s->report, unusable(&v), file, number);
        return;
    }
    uint32_t gpus = (uint32_t)(v.allocated > 0 ? v.allocated : v.requested), j = jobs_add(s->jobs);
    struct job *job = &s->jobs->at[j];
    job->submit_ns = v.submit_ns;
    job->run_ns = v.run_ns;
    job->estimate_ns = v.requested_ns > 0 ? v.requested_ns : v.run_ns;
    job->shape = jobs_shape(s->jobs, &(struct shape){.gpus = gpus, .models = JOB_ANY_MODEL});
    job->tenant = put_label(&s->jobs->tenants, f[GROUP]);
    job->class_id = put_label(&s->jobs->classes, f[QUEUE]);
    s->jobs->user[j] = put_name(&s->jobs->users, f[USER]);
    if (v.wait_ns >= 0) s->jobs->wait_ns[j] = v.wait_ns;
    s->jobs->has_estimates = s->jobs->has_estimates || v.requested_ns > 0;
    jobs_set_id(s->jobs, j, f[NUMBER].at, f[NUMBER].len);
}

static void set_origin(struct swf *s) {
    int64_t first = INT64_MAX;
    for (size_t j = 0; j < s->jobs->len; j++)
        if (s->jobs->at[j].submit_ns < first) first = s->jobs->at[j].submit_ns;
    if (s->start_unix_ns != JOB_UNKNOWN) {
        s->jobs->origin_unix_ns = s->start_unix_ns;
    } else if (s->jobs->len && first >= YEAR_1980_NS) {
        s->jobs->origin_unix_ns = 0;
        import_note(s->report,
                    "there is no UnixStartTime, and the submit times look like Unix times: taken as such");
    }
}

static bool swf_read(const struct import_call *call, struct jobs *jobs, struct import_report *report,
                     struct err *err) {
    struct swf s = {.jobs = jobs, .report = report, .start_unix_ns = JOB_UNKNOWN};
    size_t found = err->found;
    for (size_t i = 0; i < call->files_len; i++) import_lines(call->files[i], read_line, &s, err);
    set_origin(&s);
    /* Without a single requested time, there is nothing to say about estimates. */
    for (size_t j = 0; j < jobs->len && !jobs->has_estimates; j++) jobs->at[j].estimate_ns = 0;
    return err->found == found;
}

const struct import_format import_swf = {
    .model = {.name = "swf",
              .summary = "Standard Workload Format; processors become GPUs",
              .source = "Parallel Workloads Archive; Chapin et al., JSSPP'99"},
    .columns = JOBS_IDS | JOBS_USER | JOBS_WAIT,
    .read = swf_read,
};
