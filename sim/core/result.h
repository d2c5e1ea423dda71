/*
 * What a run leaves behind, as plain numbers: io/store.c writes it, io/table_page.c prints it.
 *
 * A tally holds the figures of one part of the run: the whole, a region, a tenant, a class or a pool. Each
 * figure is defined in docs/concepts.md; the metric list in result_metrics gives name, unit and help of each
 * once, for the database, the table and the docs.
 */
#ifndef HEADROOM_CORE_RESULT_H
#define HEADROOM_CORE_RESULT_H

#include "base/stats.h"
#include "core/job.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a job waited. The parts add up to the wait, to the nanosecond. */
enum why {
    WHY_HEAD,     /* behind the head of the line */
    WHY_QUOTA,    /* its tenant is at its quota */
    WHY_CAPACITY, /* fewer GPUs (CPUs, for a CPU job) free than it needs */
    WHY_FRAGMENT, /* enough free GPUs, but not where it needs them */
    WHY_MISMATCH, /* enough free GPUs, but not of an accepted model, or without the CPUs or memory */
    WHY_POLICY,   /* it would have fitted; the policy held it back */
    WHY_SHIFT,    /* kept back for a better hour */
    WHY_BOOT,     /* for nodes that are waking up or being rented */
    WHY_POWER,    /* its region is at its power limit */
    WHY_TRANSFER, /* for its data to reach the region */
    WHY_COUNT
};
extern const char *const why_names[WHY_COUNT]; /* "head_of_line", "quota", ... */
extern const char *const why_texts[WHY_COUNT]; /* a phrase for people */

enum part {
    PART_RUN, PART_REGION, PART_TENANT, PART_CLASS, PART_POOL, PART_SERVICE,
    PART_REQUEST_CLASS, PART_REQUEST_REGION, /* of a service that has several: "service/class", "service/region" */
    PART_PIPELINE, PART_COUNT
};
extern const char *const part_names[PART_COUNT];

struct service_result; /* core/service.h */
struct flow_result;    /* core/flow.h */
struct tally {
    enum part part;
    const char *name; /* borrowed */
    /* jobs submitted inside the measured window */
    uint64_t submitted, finished, running, waiting, refused, preemptions;
    uint64_t deadlines, deadlines_met;
    struct stats_summary wait_s, jct_s, slowdown; /* of finished jobs; bounded slowdown, 10 s */
    double why_s[WHY_COUNT];                      /* sums over jobs; of all waiting inside the run */
    /* GPU-hours inside the measured window */
    double capacity_gpu_h, held_gpu_h, used_gpu_h, useful_gpu_h, overhead_gpu_h;
    double fragmented_gpu_h, free_gpu_h;          /* time integrals; run, region and pool only */
    double work;                                  /* units of work its jobs completed; requests are none */
    bool serves;                                  /* some of what it was charged for answered requests */
    /* energy at the meter (facility: IT x PUE) and its split; IT energy apart */
    double energy_j, job_energy_j, idle_energy_j, it_energy_j;
    double energy_usd, job_energy_usd, idle_energy_usd;
    double co2_g, job_co2_g, idle_co2_g;
    double capacity_usd, job_capacity_usd, idle_capacity_usd;
    double peak_w;                                /* highest facility power; run and region only */
    /* How often jobs failed, were evicted (spot), suspended, moved to another region, resized; nodes booted */
    uint64_t failures, evictions, suspensions, migrations, resizes, boots;
    /* Of held: writing and reading checkpoints (part of overhead), and used but lost to failures and evictions */
    double checkpoint_gpu_h, lost_gpu_h;
    double stalled_gpu_h;                         /* of held: at work, but waiting for data */
    double interference_gpu_h;                    /* of held: at work, but slowed by others on the GPU, or a slice */
    double rounded_gpu_h;                         /* of held: more than was asked for, as slices and devices come */
    double lost_energy_j, lost_usd, lost_co2_g;   /* of what jobs were charged (energy and capacity), the lost part */
    /* Energy of nodes asleep and booting (not in idle) */
    double sleep_energy_j, boot_energy_j, sleep_energy_usd, boot_energy_usd, sleep_co2_g, boot_co2_g;
    double embodied_g, job_embodied_g;            /* manufacture, by the hour; not in co2_g */
    double market_co2_g;                          /* the operational emissions again, market-based */
    double carbon_usd, demand_usd, egress_usd, egress_gb;
    /* On-site sun and battery: what the grid gave, and what the site changed against energy_usd and co2_g (below 0:
     * saved); run and region only */
    double grid_j, solar_j, solar_used_j, export_j, battery_loss_j, site_usd, site_co2_g;
    double water_l;
    double price_mean, carbon_mean;               /* over time; run: over regions by energy; USD/kWh, g/kWh */
    double up_gpu_h;                              /* of capacity, on nodes that were up; elastic capacity counts
                                                     only what was up */
    const struct service_result *service;         /* of the run: all services together. NULL: none */
    const struct flow_result *flow;               /* PART_PIPELINE; of the run: all of them together. NULL: none */
};

/* One bin of the decimated series of one region: time averages over the bin. */
struct bin {
    double held_gpus, used_gpus, queued_jobs, queued_gpus, running_jobs;
    double power_w;  /* facility */
    double price_usd_per_kwh, carbon_g_per_kwh, pue;
    double cost_usd_per_h; /* energy + capacity */
};
struct series {
    int64_t start_ns, width_ns;
    size_t bins, regions;
    struct bin *at; /* at[region * bins + i] */
};

/* Optional per-job results (--jobs), parallel to the run's job table. */
struct job_result {
    int64_t why_ns[WHY_COUNT];
    double energy_j, energy_usd, co2_g, capacity_usd;
    int64_t held_ns;  /* wall time it held its GPUs, all segments, whole run */
    uint32_t region, first_node, preemptions;
    uint32_t failures, suspensions;
    int64_t lost_ns; /* wall time at work that was lost */
    uint32_t bought; /* enum bought it ran on last */
};

/* What the jobs of one tenant and class were charged in one region: the finest lines of a bill. */
struct charged {
    uint32_t region, tenant, class_id; /* of the setup, of the jobs' names */
    uint32_t bought;    /* enum bought of the capacity they may use there; BOUGHT_COUNT: of several kinds */
    struct tally tally; /* sums alone: no name, counts or waits */
};

/* Jobs of the measured window by the hour of the week they first started in. */
enum { WEEK_HOURS = 7 * 24 };
struct start_hour {
    uint64_t jobs;
    double gpu_h; /* GPUs asked for x run time */
};

struct result {
    struct tally *tallies; /* PART_RUN first, then by part in the order of their tables */
    size_t tallies_len;
    struct charged *charged; /* by region, tenant, class, bought; all sums are 0 for jobs that never ran */
    size_t charged_len;
    struct start_hour *start_hours; /* [region * WEEK_HOURS + hour]: local time, 0 the first hour of Monday (of
                                       the run, where the calendar is not known) */
    struct service_result *services; /* in the order of the setup, and one more: all together; NULL: none */
    size_t services_len;
    struct service_result *service_parts; /* of services' classes, then of their regions; names are their own */
    size_t service_parts_len;
    struct flow_result *flows; /* pipelines, likewise */
    size_t flows_len;
    struct series series;
    struct jobs *jobs;            /* the run's own: start_ns, end_ns filled. result_free frees the struct, its records
                                     (at) and shapes; columns and names are the trace's, which must outlive it */
    struct job_result *job_results; /* NULL unless asked for */
    char **tenants, **classes;    /* with services: tables of names that jobs points to, with theirs among them */
    int64_t end_ns;               /* last event */
    int64_t makespan_ns;          /* last completion - first submit */
    int64_t measured_ns;          /* length of the measured window actually covered */
    uint64_t events, passes, placements;
    double loop_s;                /* CPU time of the event loop alone */
    double ledger_error;          /* largest relative gap of the ledger's identities, see ledger_check */
    char **warnings;              /* what the reader must know: repeated series, estimates, ... */
    size_t warnings_len;
};
void result_free(struct result *result);

/* The metrics of a tally, in the order tables show them. */
struct metric {
    const char *name;  /* "wait_mean_s" */
    const char *unit;  /* "s" */
    const char *help;  /* one sentence */
    unsigned parts;    /* bit set of enum part it is defined for */
    bool less_is_better, neutral;
    double (*value)(const struct tally *tally, const struct result *result); /* NAN: undefined */
};
extern const struct metric result_metrics[];
extern const size_t result_metrics_len;

#endif
