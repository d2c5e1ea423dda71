/*
 * Alibaba's GPU cluster of 2023 (clusterdata, openb): a list of pods, in seconds from its start, and a list
 * of nodes. A pod asks for CPUs, memory and no GPU, a share of one (gpu_milli) or several whole ones;
 * gpu_spec names the models it accepts, qos becomes its class. How long a pod runs is taken as the time from
 * its creation to its deletion. With --nodes and --nodes-out the node list is converted, too, to the node
 * table a scenario's pools read.
 */
#include "base/tick.h"
#include "io/import.h"

#include <stddef.h>
#include <string.h>

struct openb_params {
    const char *nodes, *nodes_out;
};
static const struct param openb_params[] = {
    {.key = "nodes", .kind = PARAM_TEXT, .offset = offsetof(struct openb_params, nodes),
     .help = "The node list to convert: sn,cpu_milli,memory_mib,gpu,model."},
    {.key = "nodes_out", .kind = PARAM_TEXT, .offset = offsetof(struct openb_params, nodes_out),
     .help = "Where to write it, as name,gpu,gpus,cpus,memory_mib."},
};

enum { NAME, CPU, MEMORY, GPUS, GPU_MILLI, SPEC, CREATED, DELETED, QOS, PHASE, POD_COLUMNS };
static const char *const pod_names[] = {"name",     "cpu_milli",     "memory_mib",    "num_gpu", "gpu_milli",
                                        "gpu_spec", "creation_time", "deletion_time", "qos",     "pod_phase"};
enum { NODE_NAME, NODE_CPU, NODE_MEMORY, NODE_GPUS, NODE_MODEL, NODE_COLUMNS };
static const char *const node_names[] = {"sn", "cpu_milli", "memory_mib", "gpu", "model"};

struct openb {
    struct jobs *jobs;
    struct import_report *report;
    struct text nodes; /* the node table being written */
    uint64_t pending;
};

/* "V100M16|V100M32" to a set of models; empty: any. */
static uint64_t read_models(struct names *models, struct import_row *row) {
    uint64_t set = 0;
    for (const char *at = import_text(row, SPEC); *at;) {
        size_t len = strcspn(at, "|");
        uint32_t index = len ? names_put(models, at, len) : JOB_MODELS_MOST;
        if (index >= JOB_MODELS_MOST) {
            import_wrong(row, SPEC, "names of GPU models with | between them, at most 64 in all");
            return JOB_ANY_MODEL;
        }
        set |= UINT64_C(1) << index;
        at += len + (at[len] == '|');
    }
    return set ? set : JOB_ANY_MODEL;
}

static struct shape read_shape(struct openb *o, struct import_row *row) {
    struct shape shape = {.gpus = (uint32_t)import_whole(row, GPUS, IMPORT_GPUS_MOST),
                          .cpu_milli = (uint32_t)import_whole(row, CPU, UINT32_MAX - 1),
                          .mem_mib = (uint32_t)import_whole(row, MEMORY, UINT32_MAX - 1)};
    uint64_t milli = import_whole(row, GPU_MILLI, 1000);
    if (shape.gpus > 1 && milli < 1000)
        import_wrong(row, GPU_MILLI, "1000, because a share is of one GPU only");
    if (shape.gpus == 1 && milli == 0) import_wrong(row, GPU_MILLI, "a share from 1 to 1000");
    if (shape.gpus == 1 && milli < 1000) {
        shape.gpus = 0;
        shape.share_milli = (uint32_t)milli;
    }
    shape.models = read_models(&o->jobs->models, row);
    return shape;
}

static void read_pod(void *context, struct import_row *row) {
    struct openb *o = context;
    o->report->read++;
    struct shape shape = read_shape(o, row);
    int64_t created_ns = import_seconds(row, CREATED), deleted_ns = 0;
    bool ended = import_text(row, DELETED)[0];
    if (ended) deleted_ns = import_seconds(row, DELETED);
    if (row->wrong) return;
    if (!ended || deleted_ns < created_ns) {
        import_drop(o->report, ended ? "deleted before it was created" : "never deleted", row->csv->file,
                    row->csv->line);
        return;
    }
    uint32_t j = jobs_add(o->jobs);
    struct job *job = &o->jobs->at[j];
    job->submit_ns = created_ns;
    job->run_ns = deleted_ns - created_ns;
    job->shape = jobs_shape(o->jobs, &shape);
    job->class_id = import_label(&o->jobs->classes, import_text(row, QOS));
    jobs_set_id(o->jobs, j, import_text(row, NAME), strlen(import_text(row, NAME)));
    o->pending += strcmp(import_text(row, PHASE), "Pending") == 0;
}

static void read_node(void *context, struct import_row *row) {
    struct openb *o = context;
    uint64_t cpu_milli = import_whole(row, NODE_CPU, UINT32_MAX - 1);
    uint64_t mem_mib = import_whole(row, NODE_MEMORY, UINT32_MAX - 1);
    uint64_t gpus = import_whole(row, NODE_GPUS, 64);
    if (row->wrong) return;
    csv_put(&o->nodes, import_text(row, NODE_NAME));
    text_put(&o->nodes, ",");
    csv_put(&o->nodes, import_text(row, NODE_MODEL));
    text_format(&o->nodes, ",%u,%u", (unsigned)gpus, (unsigned)(cpu_milli / 1000));
    if (cpu_milli % 1000) text_format(&o->nodes, ".%03u", (unsigned)(cpu_milli % 1000));
    text_format(&o->nodes, ",%u\n", (unsigned)mem_mib);
}

static const struct import_table pods_table = {pod_names, POD_COLUMNS, QOS, read_pod};
static const struct import_table nodes_table = {node_names, NODE_COLUMNS, NODE_COLUMNS, read_node};

static bool openb_read(const struct import_call *call, struct jobs *jobs, struct import_report *report,
                       struct err *err) {
    const struct openb_params *params = call->params;
    struct openb o = {.jobs = jobs, .report = report};
    size_t found = err->found;
    if (!params->nodes != !params->nodes_out)
        err_add(err, (struct place_in_file){0}, "--nodes and --nodes-out belong together");
    for (size_t i = 0; i < call->files_len; i++) import_csv(call->files[i], &pods_table, &o, err);
    if (o.pending)
        import_note(report,
                    "%llu pods were never scheduled (Pending); their time from creation to deletion is taken "
                    "as their duration all the same",
                    (unsigned long long)o.pending);
    text_init(&o.nodes);
    text_put(&o.nodes, "name,gpu,gpus,cpus,memory_mib\n");
    if (params->nodes && import_csv(params->nodes, &nodes_table, &o, err) && params->nodes_out &&
        err->found == found)
        import_write(params->nodes_out, &o.nodes, err);
    text_free(&o.nodes);
    return err->found == found;
}

const struct import_format import_openb = {
    .model = {.name = "openb",
              .summary = "Alibaba GPU cluster 2023: pods with shares of GPUs, and the node list",
              .source = "alibaba/clusterdata, cluster-trace-gpu-v2023; Weng et al., ATC'23",
              .params_size = sizeof(struct openb_params),
              .params = openb_params,
              .params_count = sizeof openb_params / sizeof openb_params[0]},
    .columns = JOBS_IDS,
    .read = openb_read,
};
