/*
 * Microsoft Philly, as filtered for the Sia artifact: `timestamp,duration,num_gpus,gpu_time,cluster`, one job
 * a row, in any order. The dates are local time without a zone and are taken as UTC. Durations are cut to
 * whole seconds, as the published replays do. `cluster` is the job's virtual cluster and becomes its tenant.
 */
#include "base/tick.h"
#include "io/import.h"

#include <stddef.h>

struct philly_params {
    const char *vcs;
};
static const struct param philly_params[] = {
    {.key = "vcs", .kind = PARAM_TEXT, .offset = offsetof(struct philly_params, vcs),
     .help = "CSV whose first column lists the virtual clusters to keep; jobs of others are left out."},
};

enum { TIMESTAMP, DURATION, GPUS, CLUSTER, COLUMNS };
static const char *const column_names[] = {"timestamp", "duration", "num_gpus", "cluster"};

struct philly {
    struct jobs *jobs;
    struct import_report *report;
    struct names vcs; /* to keep */
    bool only_vcs, past_header;
    uint64_t fractions;
};

static bool read_vc(void *context, const struct csv_row *row, struct err *err) {
    (void)err;
    struct philly *p = context;
    if (p->past_header && row->len[0]) names_put(&p->vcs, row->fields[0], row->len[0]);
    p->past_header = true;
    return true;
}

static void read_job(void *context, struct import_row *row) {
    struct philly *p = context;
    p->report->read++;
    int64_t submit_ns = import_date(row, TIMESTAMP), run_ns = import_seconds(row, DURATION);
    uint64_t gpus = import_whole(row, GPUS, IMPORT_GPUS_MOST);
    const char *cluster = import_text(row, CLUSTER);
    if (!cluster[0]) import_wrong(row, CLUSTER, "a virtual cluster's name");
    if (row->wrong) return;
    if (gpus == 0) {
        import_drop(p->report, "no GPUs", row->csv->file, row->csv->line);
    } else if (p->only_vcs && names_find(&p->vcs, cluster) == UINT32_MAX) {
        import_drop(p->report, "a virtual cluster that is not listed", row->csv->file, row->csv->line);
    } else {
        uint32_t j = jobs_add(p->jobs);
        struct job *job = &p->jobs->at[j];
        job->submit_ns = submit_ns;
        job->run_ns = run_ns - run_ns % TICK_S;
        job->shape = jobs_shape(p->jobs, &(struct shape){.gpus = (uint32_t)gpus, .models = JOB_ANY_MODEL});
        job->tenant = import_label(&p->jobs->tenants, cluster);
        p->fractions += run_ns % TICK_S != 0;
    }
}

static const struct import_table jobs_table = {column_names, COLUMNS, COLUMNS, read_job};

static bool philly_read(const struct import_call *call, struct jobs *jobs, struct import_report *report,
                        struct err *err) {
    const struct philly_params *params = call->params;
    struct philly p = {.jobs = jobs, .report = report, .only_vcs = params->vcs};
    size_t found = err->found;
    jobs->origin_unix_ns = 0;
    if (params->vcs) csv_read(params->vcs, read_vc, &p, NULL, err);
    for (size_t i = 0; i < call->files_len; i++) import_csv(call->files[i], &jobs_table, &p, err);
    if (p.fractions)
        import_note(report, "%llu durations had fractions of a second, which were cut off",
                    (unsigned long long)p.fractions);
    names_free(&p.vcs);
    return err->found == found;
}

const struct import_format import_philly = {
    .model = {.name = "philly",
              .summary = "Microsoft Philly, the filtered CSV; the virtual cluster becomes the tenant",
              .source = "msr-fiddle/philly-traces; Jeon et al., ATC'19",
              .params_size = sizeof(struct philly_params),
              .params = philly_params,
              .params_count = sizeof philly_params / sizeof philly_params[0]},
    .read = philly_read,
};
