/*
 * The job lists of GAIA (ASPLOS'24), drawn from Alibaba's PAI trace: `arrival_time,length,cpus` in seconds
 * or, in the year-long list, in hours, from the start of the list. A resource unit becomes a GPU or, on
 * demand, a CPU core. The published simulation cuts times to whole ticks of 5 s: that is an option, off by
 * default.
 */
#include "base/num.h"
#include "base/tick.h"
#include "io/import.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

struct gaia_params {
    int unit, as;
    int64_t tick_ns;
};
enum { UNIT_S, UNIT_H };
enum { AS_GPUS, AS_CPUS };
static const char *const unit_names[] = {"s", "h", NULL};
static const char *const as_names[] = {"gpus", "cpus", NULL};
static const struct param gaia_params[] = {
    {.key = "unit",
     .kind = PARAM_CHOICE,
     .offset = offsetof(struct gaia_params, unit),
     .choices = unit_names,
     .help = "Unit of arrival_time and length: s (pai_1k) or h (pai-100k)."},
    {.key = "as",
     .kind = PARAM_CHOICE,
     .offset = offsetof(struct gaia_params, as),
     .choices = as_names,
     .help = "What a resource unit becomes: gpus or cpus."},
    {.key = "tick",
     .kind = PARAM_TIME,
     .offset = offsetof(struct gaia_params, tick_ns),
     .least = 0,
     .most = 86400,
     .help = "Cut arrivals and lengths to whole ticks of this length; 0 s keeps them."},
};

enum { ARRIVAL, LENGTH, UNITS, COLUMNS };
static const char *const column_names[] = {"arrival_time", "length", "cpus"};

struct gaia {
    struct jobs *jobs;
    struct import_report *report;
    const struct gaia_params *params;
};

/* A time in the file's unit. Hours are fractions that stand for seconds only nearly: nearest nanosecond. */
static int64_t read_time(const struct gaia *g, struct import_row *row, size_t i) {
    int64_t ns;
    double hours;
    if (g->params->unit == UNIT_S) {
        ns = import_seconds(row, i);
    } else {
        const char *text = import_text(row, i);
        if (!num_f64(text, strlen(text), &hours) || hours < 0 || hours * 3.6e12 > (double)IMPORT_TIME_MOST) {
            import_wrong(row, i, "hours from 0 to 555,555 (63 years)");
            return 0;
        }
        ns = tick_from_seconds(hours * 3600);
    }
    return g->params->tick_ns > 0 ? ns - ns % g->params->tick_ns : ns;
}

static void read_job(void *context, struct import_row *row) {
    struct gaia *g = context;
    g->report->read++;
    int64_t submit_ns = read_time(g, row, ARRIVAL), run_ns = read_time(g, row, LENGTH);
    uint32_t units = (uint32_t)import_whole(row, UNITS, IMPORT_GPUS_MOST);
    if (row->wrong) return;
    if (units == 0) {
        import_drop(g->report, "no resource units", row->csv->file, row->csv->line);
        return;
    }
    struct shape shape = {.models = JOB_ANY_MODEL};
    if (g->params->as == AS_GPUS) shape.gpus = units;
    else shape.cpu_milli = units * 1000;
    uint32_t j = jobs_add(g->jobs);
    struct job *job = &g->jobs->at[j];
    job->submit_ns = submit_ns;
    job->run_ns = run_ns;
    job->shape = jobs_shape(g->jobs, &shape);
}

static const struct import_table jobs_table = {column_names, COLUMNS, COLUMNS, read_job};

static bool gaia_read(const struct import_call *call, struct jobs *jobs, struct import_report *report,
                      struct err *err) {
    struct gaia g = {.jobs = jobs, .report = report, .params = call->params};
    size_t found = err->found;
    for (size_t i = 0; i < call->files_len; i++) import_csv(call->files[i], &jobs_table, &g, err);
    return err->found == found;
}

const struct import_format import_gaia = {
    .model = {.name = "gaia",
              .summary = "GAIA's job lists from Alibaba PAI: arrival, length, resource units",
              .source = "umassos/GAIA; Hanafy et al., ASPLOS'24",
              .params_size = sizeof(struct gaia_params),
              .params = gaia_params,
              .params_count = sizeof gaia_params / sizeof gaia_params[0]},
    .read = gaia_read,
};
