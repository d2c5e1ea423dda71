/* How many nodes waiting jobs need, counted by hand. */
#include "core/supply.h"

#include "support/testing.h"

#include <criterion/criterion.h>

static struct setup setup;
static struct jobs jobs;
static struct fleet fleet;

/* Types 0: 8 GPUs, 64 cores; 1: 4 GPUs of another model; 2: 32 cores. */
static void begin(void) {
    testing_setup(&setup);
    testing_pool(&setup, "big", 1, 8)->cpu_milli = 64000;
    testing_pool(&setup, "small", 1, 4)->gpu = "other";
    testing_pool(&setup, "cores", 1, 0)->cpu_milli = 32000;
    jobs_init(&jobs, 0);
    testing_job(&jobs, 0, 1, 0);
    testing_shape(&jobs, &(struct shape){.share_milli = 400, .models = JOB_ANY_MODEL});
    fleet_open(&fleet, &setup, &jobs, false);
}
static void end(void) {
    fleet_close(&fleet);
    jobs_free(&jobs);
    testing_setup_free(&setup);
}
TestSuite(supply, .init = begin, .fini = end);

static struct supply of(uint32_t type, double nodes) {
    return (struct supply){
        .state = type_empty(&fleet, type), .class_id = FLEET_NONE, .nodes = nodes, .had = nodes};
}
static uint32_t take(struct supply *at, size_t len, struct shape shape, uint32_t count) {
    if (shape.models == 0) shape.models = JOB_ANY_MODEL;
    return supply_take(&fleet, at, len, &shape, false, GANG_FEWEST_NODES, count);
}
static uint32_t take_gangs(struct supply *at, size_t len, uint32_t gpus, enum gang gang, uint32_t count) {
    const struct shape shape = {.gpus = gpus, .models = JOB_ANY_MODEL};
    return supply_take(&fleet, at, len, &shape, true, gang, count);
}

Test(supply, jobs_take_parts_of_nodes_in_order) {
    struct supply at[] = {of(0, 2), of(0, 5)};
    cr_expect_eq(take(at, 2, (struct shape){.gpus = 3}, 5), 5); /* two fit a node: two and a half nodes */
    cr_expect_eq(supply_taken(&at[0]), 2);
    cr_expect_eq(supply_taken(&at[1]), 1);
    cr_expect_eq(take(at, 2, (struct shape){.gpus = 4}, 1), 1); /* in the other half */
    cr_expect_eq(supply_taken(&at[1]), 1);
    cr_expect_eq(take(at, 2, (struct shape){.gpus = 8}, 9), 4); /* what is left */
    cr_expect_eq(supply_taken(&at[1]), 5);
}

Test(supply, thirds_add_up) {
    struct supply at[] = {of(0, 1)};
    for (int i = 0; i < 3; i++) cr_expect_eq(take(at, 1, (struct shape){.cpu_milli = 20000}, 1), 1);
    cr_expect_eq(supply_taken(&at[0]), 1);
    cr_expect_eq(take(at, 1, (struct shape){.cpu_milli = 20000}, 1), 0);
}

Test(supply, every_resource_and_model_limits) {
    struct supply at[] = {of(0, 10), of(1, 10), of(2, 10)};
    cr_expect_eq(take(at, 1, (struct shape){.gpus = 1, .cpu_milli = 32000}, 99), 20);
    struct supply more[] = {of(0, 10), of(1, 10), of(2, 10)};
    cr_expect_eq(take(more, 3, (struct shape){.gpus = 4, .models = fleet.type_accept[1]}, 99), 10);
    cr_expect_eq(supply_taken(&more[0]), 0);
    cr_expect_eq(take(more, 3, (struct shape){.share_milli = 400}, 1), 1); /* two fit a device, sixteen a node */
    cr_expect_float_eq(more[0].nodes, 10 - 1 / 16.0, 1e-12);
    cr_expect_eq(take(&more[2], 1, (struct shape){.gpus = 1}, 1), 0);
    cr_expect_eq(take(&more[2], 1, (struct shape){.cpu_milli = 16000}, 99), 20);
}

Test(supply, gangs_are_served_whole) {
    struct supply at[] = {of(0, 3), of(1, 1)};
    cr_expect_eq(take_gangs(at, 2, 12, GANG_FEWEST_NODES, 5), 2); /* 28 GPUs */
    cr_expect_eq(supply_taken(&at[0]), 3);
    cr_expect_eq(supply_taken(&at[1]), 0);
    struct supply few[] = {of(0, 1), of(1, 1)};
    cr_expect_eq(take_gangs(few, 2, 16, GANG_FEWEST_NODES, 1), 0); /* nothing is woken for a part of it */
    cr_expect_eq(supply_taken(&few[0]), 0);
}

Test(supply, consolidated_gangs_stay_on_one_type) {
    struct supply at[] = {of(0, 1), of(1, 3), of(0, 2)};
    cr_expect_eq(take_gangs(at, 3, 16, GANG_WHOLE_NODES, 1), 1);
    cr_expect_eq(supply_taken(&at[0]), 1);
    cr_expect_eq(supply_taken(&at[1]), 0);
    cr_expect_eq(supply_taken(&at[2]), 1);
    cr_expect_eq(take_gangs(at, 3, 12, GANG_WHOLE_NODES, 2), 1); /* three small ones; one big one is too few */
    cr_expect_eq(supply_taken(&at[1]), 3);
}

Test(supply, what_a_type_serves) {
    const struct shape one = {.gpus = 8, .models = JOB_ANY_MODEL}, gang = {.gpus = 12, .models = JOB_ANY_MODEL};
    const struct shape cores = {.cpu_milli = 40000, .models = JOB_ANY_MODEL};
    const struct shape other = {.gpus = 1, .models = fleet.type_accept[1]};
    cr_expect(supply_serves(&fleet, 0, &one, false));
    cr_expect_not(supply_serves(&fleet, 1, &one, false));
    cr_expect(supply_serves(&fleet, 1, &gang, true));
    cr_expect_not(supply_serves(&fleet, 2, &gang, true));
    cr_expect_not(supply_serves(&fleet, 0, &other, false));
    cr_expect(supply_serves(&fleet, 0, &cores, false));
    cr_expect_not(supply_serves(&fleet, 2, &cores, false));
}
