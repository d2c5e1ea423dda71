/*
 * See confirm.h. Nothing of the arithmetic that chose a configuration is used again: the engine gets the pool, the
 * work, checkpoints, the cap and the shifting policy, and charges what happens. Nodes that are paid for always are
 * measured from the start that waiting for better hours arrived at, as what they cost before is not this work's.
 *
 * Invariant: runs are delivered in order, so the database and the means do not depend on threads.
 * Cost: one run a case and replication; a batch has a job an item.
 */
#include "app/confirm.h"

#include "app/batch.h"
#include "app/crew.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/tick.h"
#include "core/service.h"
#include "io/summary.h"
#include "models/registry.h"

#include <math.h>
#include <stdlib.h>

/* More items than this are too many to simulate for an answer at once. */
enum { ITEMS_MOST = 2000000 };

/* One run's own copies of what a configuration changes. */
struct made {
    struct setup setup;
    struct pool_setup pool;
    struct node_run nodes;
    struct service_setup service;
    struct llm_cost cost;
    void *shift_params;
    struct jobs jobs;
    struct scenario_run run;
};

struct work {
    const struct confirm *confirm;
    struct confirm_case *cases;
    size_t *case_of;      /* per task */
    uint64_t *seed_of;
    double (*figures)[4]; /* per task: USD, s, J, g */
    struct err *err;
};

const char *confirm_offer(const struct space *space, const struct choice_config *config) {
    return space->setup->offers[config->offer].pool.name;
}

char *confirm_name(const struct space *space, const struct choice_config *c) {
    const struct choice_space *choice = &space->choice;
    const struct choice_row *row = &choice->rows[c->row];
    const struct choice_checkpoint *checkpoint = &choice->checkpoints[c->checkpoint];
    const struct choice_wait *wait = &choice->waits[c->wait];
    static const char *const kinds[] = {[CHECKPOINT_YOUNG] = "young", [CHECKPOINT_DALY] = "daly"};
    char length[32];
    struct text text;
    text_init(&text);
    text_format(&text, "%u x %s", row->nodes, confirm_offer(space, c));
    if (*space->setup->variants[row->variant].label)
        text_format(&text, ", %s", space->setup->variants[row->variant].label);
    if (space->setup->caps.at[c->cap] < 1) text_format(&text, ", cap %g", space->setup->caps.at[c->cap]);
    if (checkpoint->kind == CHECKPOINT_FIXED)
        text_format(&text, ", checkpoint %s", tick_human(tick_from_seconds(checkpoint->every_s), length));
    else if (checkpoint->kind != CHECKPOINT_NONE) text_format(&text, ", checkpoint %s", kinds[checkpoint->kind]);
    if (wait->s > 0)
        text_format(&text, ", waits %s for %s", tick_human(tick_from_seconds(wait->s), length),
                    wait->on_carbon ? "carbon" : "price");
    return text_take(&text);
}

/* ---- one run ---- */

static void make_policy(const struct space *space, const struct choice_config *c, struct made *made) {
    struct policy_setup *policy = &made->setup.policy;
    const struct choice_checkpoint *checkpoint = &space->choice.checkpoints[c->checkpoint];
    const struct choice_wait *wait = &space->choice.waits[c->wait];
    policy->checkpoint = (struct checkpoint_setup){.kind = (unsigned)checkpoint->kind,
                                                   .every_ns = tick_from_seconds(checkpoint->every_s),
                                                   .write_ns = tick_from_seconds(space->choice.write_s),
                                                   .restore_ns = tick_from_seconds(space->choice.restore_s)};
    const double level = space->setup->caps.at[c->cap];
    policy->cap.when = level < 1 ? CAP_ALWAYS : CAP_NEVER;
    policy->cap.level = level;
    if (!(wait->s > 0) || space->setup->kind != RECOMMEND_TRAINING) return;
    const struct model *window = registry_find(models_registry(), KIND_SHIFT, "lowest_window");
    made->shift_params = mem_zero(1, window->params_size);
    model_fallbacks(window, made->shift_params);
    policy->shift = (struct chosen){window, made->shift_params};
    policy->shift_carbon = wait->on_carbon;
    policy->shift_price = !wait->on_carbon;
    policy->wait_ns = tick_from_seconds(wait->s);
}

/* A training is one job on all GPUs; a batch has a job an item, sent off when the best hours begin. */
static void make_jobs(const struct space *space, const struct confirm_case *c, struct made *made) {
    const struct recommend_setup *setup = space->setup;
    const struct choice_row *row = &space->choice.rows[c->config.row];
    const bool batch = setup->kind == RECOMMEND_BATCH;
    const size_t count = batch ? (size_t)setup->items : 1;
    const uint32_t gpus = batch ? setup->item_gpus : row->nodes * made->pool.gpus;
    jobs_init(&made->jobs, 0);
    made->jobs.origin_unix_ns = made->setup.origin_unix_ns;
    const uint32_t shape = jobs_shape(&made->jobs, &(struct shape){.gpus = gpus, .models = JOB_ANY_MODEL});
    for (size_t i = 0; i < count; i++) {
        const uint32_t added = jobs_add(&made->jobs);
        struct job *job = &made->jobs.at[added];
        job->submit_ns = batch ? tick_from_seconds(c->expected.start_s) : 0;
        job->run_ns = job->estimate_ns = tick_from_seconds(row->piece_s);
        job->shape = shape;
        job->utilisation = (float)setup->utilisation;
    }
}

/* Replicas stand from the beginning: how long they take to start is no part of a steady state. */
static void make_service(const struct confirm *confirm, const struct confirm_case *c, struct made *made) {
    const struct choice_row *row = &confirm->space->choice.rows[c->config.row];
    made->service = *confirm->space->setup->variants[row->variant].service;
    made->cost = made->service.cost[c->config.offer];
    made->service.cost = &made->cost;
    made->service.least = made->service.most = made->service.begin = row->replicas;
    made->service.cold_start_ns = 0;
    made->service.requests = confirm->requests;
    made->pool.sleep.boot_ns = 0;
    made->setup.services = &made->service;
    made->setup.services_len = 1;
}

static struct made *make(const struct confirm *confirm, const struct confirm_case *c, uint64_t seed) {
    const struct space *space = confirm->space;
    const struct choice_row *row = &space->choice.rows[c->config.row];
    struct made *made = mem_zero(1, sizeof *made);
    made->pool = space->setup->offers[c->config.offer].pool;
    made->setup = *confirm->run->setup;
    made->nodes = (struct node_run){0, row->nodes};
    struct setup *setup = &made->setup;
    setup->seed = seed;
    setup->pools = &made->pool;
    setup->nodes = &made->nodes;
    setup->pools_len = setup->nodes_len = 1;
    setup->tenants_len = setup->classes_len = setup->services_len = setup->flows_len = 0;
    setup->services = NULL;
    setup->transfer = (struct transfer_setup){0};
    if (space->setup->kind == RECOMMEND_SERVICE) {
        make_service(confirm, c, made);
        jobs_init(&made->jobs, 0);
        made->jobs.origin_unix_ns = setup->origin_unix_ns;
    } else {
        setup->horizon_ns = setup->measure_to_ns = TICK_NEVER;
        setup->measure_from_ns = bought_elastic(made->pool.bought) ? 0 : tick_from_seconds(c->expected.start_s);
        setup->work_unit = space->setup->unit;
        make_policy(space, &c->config, made);
        make_jobs(space, c, made);
    }
    made->run = (struct scenario_run){.name = c->name, .setup = setup, .overrides = ""};
    made->run.demand.services_len = setup->services_len;
    return made;
}

static void made_free(struct made *made) {
    jobs_free(&made->jobs);
    free(made->shift_params);
    free(made);
}

static bool prepare(void *context, size_t index, struct crew_task *task) {
    struct work *work = context;
    struct made *made = make(work->confirm, &work->cases[work->case_of[index]], work->seed_of[index]);
    task->setup = &made->setup;
    task->jobs = &made->jobs;
    task->own = made;
    return true;
}

/* ---- what came of it ---- */

static double metric(const struct result *result, const char *name) {
    return result_metrics[metric_index(name)].value(&result->tallies[0], result);
}

/* When the last job had ended; INFINITY: one never did. */
static double ended_s(const struct result *result) {
    int64_t last_ns = 0;
    for (size_t i = 0; i < result->jobs->len; i++) {
        const int64_t end_ns = result->jobs->at[i].end_ns;
        if (end_ns == JOB_NOT_YET) return INFINITY;
        if (end_ns > last_ns) last_ns = end_ns;
    }
    return tick_seconds(last_ns);
}

static void read_service(const struct work *work, const struct result *result, struct confirm_case *c,
                         double *figures) {
    const struct service_result *s = &result->services[0];
    const double days = tick_seconds(result->measured_ns) / 86400, runs = (double)c->runs + 1;
    figures[0] /= days;
    figures[2] /= days;
    figures[3] /= days;
    figures[1] = s->e2e.total > 0 ? s->e2e.sum_s / (double)s->e2e.total : INFINITY;
    const double share = work->confirm->space->mix.share;
    c->met += ((s->arrived > 0 ? (double)s->met / (double)s->arrived : 1) - c->met) / runs;
    c->ttft_high_s += (times_quantile(&s->ttft, share) - c->ttft_high_s) / runs;
    c->tpot_high_s += (times_quantile(&s->tpot, share) - c->tpot_high_s) / runs;
    c->tokens_per_s += (s->output_tokens / tick_seconds(result->measured_ns) - c->tokens_per_s) / runs;
}

static void keep(const struct work *work, const struct made *made, const struct crew_task *task) {
    if (!work->confirm->store) return;
    const struct batch_run run = {.run = &made->run, .jobs = (struct jobs *)&made->jobs,
                                  .jobs_hash = made->jobs.len ? jobs_hash(&made->jobs) : work->confirm->requests_hash};
    const struct run_info info = batch_info(work->confirm->scenario, &run, work->confirm->command);
    const int64_t row = store_run_begin(work->confirm->store, &info);
    store_run_finish(work->confirm->store, row, task->setup, &task->result, task->wall_s);
}

static bool deliver(void *context, size_t index, struct crew_task *task) {
    struct work *work = context;
    struct confirm_case *c = &work->cases[work->case_of[index]];
    struct made *made = task->own;
    if (task->refused) {
        c->refused++;
        for (size_t i = 0; i < task->err.kept; i++)
            err_add(work->err, (struct place_in_file){.path = c->name}, "%s", task->err.lines[i]);
    } else {
        double *figures = work->figures[index];
        keep(work, made, task);
        figures[0] = metric(&task->result, "total_usd");
        figures[2] = task->result.tallies[0].energy_j;
        figures[3] = task->result.tallies[0].co2_g;
        if (task->result.services_len) read_service(work, &task->result, c, figures);
        else figures[1] = ended_s(&task->result);
        c->runs++;
    }
    made_free(made);
    return true;
}

static struct confirm_figure figure_of(const struct work *work, size_t from, size_t runs, size_t which) {
    struct confirm_figure f = {0, 0};
    double squares = 0;
    for (size_t i = 0; i < runs; i++) f.mean += work->figures[from + i][which] / (double)runs;
    for (size_t i = 0; i < runs; i++) {
        const double d = work->figures[from + i][which] - f.mean;
        squares += d * d;
    }
    if (runs > 1) f.error = sqrt(squares / (double)(runs - 1) / (double)runs);
    return f;
}

static bool random_case(const struct confirm_case *c) { return c->expected.failures > 0; }

void confirm_cases(const struct confirm *confirm, struct confirm_case *cases, size_t len, struct err *err) {
    const struct recommend_setup *setup = confirm->space->setup;
    const size_t most = len * (confirm->replications > 0 ? confirm->replications : 1);
    struct work work = {.confirm = confirm, .cases = cases, .err = err,
                        .case_of = mem_zero(most, sizeof *work.case_of),
                        .seed_of = mem_zero(most, sizeof *work.seed_of),
                        .figures = mem_zero(most, sizeof *work.figures)};
    size_t tasks = 0;
    size_t *first = mem_zero(len, sizeof *first);
    for (size_t i = 0; i < len; i++) {
        first[i] = tasks;
        cases[i].done = setup->kind != RECOMMEND_BATCH || setup->items <= ITEMS_MOST;
        const size_t runs = !cases[i].done ? 0 : random_case(&cases[i]) ? confirm->replications : 1;
        for (size_t k = 0; k < runs; k++, tasks++) {
            work.case_of[tasks] = i;
            work.seed_of[tasks] = confirm->run->setup->seed + k;
        }
    }
    const struct crew crew = {.tasks = tasks, .threads = crew_threads(confirm->threads, tasks), .prepare = prepare,
                              .deliver = deliver, .context = &work, .progress = confirm->progress};
    crew_run(&crew);
    for (size_t i = 0; i < len; i++) {
        const size_t runs = cases[i].runs;
        cases[i].done &= runs > 0 && cases[i].refused == 0;
        cases[i].usd = figure_of(&work, first[i], runs, 0);
        cases[i].time_s = figure_of(&work, first[i], runs, 1);
        cases[i].energy_j = figure_of(&work, first[i], runs, 2);
        cases[i].co2_g = figure_of(&work, first[i], runs, 3);
    }
    free(first);
    free(work.figures);
    free(work.seed_of);
    free(work.case_of);
}
