/*
 * `headroom merge`: the files of a sweep's shards become the file an undivided sweep would have written. What is
 * refused and why is io/store_merge.c's to say.
 */
#include "app/app.h"
#include "app/args.h"
#include "base/err.h"
#include "io/store.h"

#include <inttypes.h>
#include <stdio.h>

struct merge_args {
    bool partial, quiet;
};
static const struct args_option options[] = {
    {0, "partial", NULL, ARGS_SWITCH, offsetof(struct merge_args, partial),
     .help = "write what there is, even when some of the sweep's runs are in none of the files"},
    {'q', "quiet", NULL, ARGS_SWITCH, offsetof(struct merge_args, quiet), .help = "do not print what was done"},
};
static const char *const examples[] = {
    "headroom merge sweep.db part-*.db",
    "joins the files of all shards",
    "headroom merge --partial sweep.db part-1.db part-4.db",
    "looks at what is there while other shards are at work; merging again later adds them",
    NULL,
};
static const struct args_spec spec = {
    "merge",
    "OUTPUT FILE...",
    2,
    SIZE_MAX,
    "Joins results of `headroom sweep --shard` into one file, the same, byte for byte, as of a sweep that was not "
    "divided.\n\n"
    "What OUTPUT already has stays in it, so a merge can be repeated. Files of another scenario, other options or "
    "another version are refused, and so are files that disagree about a run, and files that leave runs out; OUTPUT "
    "then stays as it was.",
    options,
    sizeof options / sizeof *options,
    examples,
};

int cmd_merge(int argc, char **argv) {
    struct merge_args args = {0};
    struct args_texts operands;
    struct store_merged merged;
    struct err err;
    int status;
    if (!args_read(&spec, argc, argv, &args, &operands, &status)) return status;
    err_init(&err);
    if (store_merge(operands.at[0], operands.at + 1, operands.len - 1, args.partial, &merged, &err) && !args.quiet) {
        printf("%" PRIu64 " of %" PRIu64 " runs in %s", merged.done, merged.runs, operands.at[0]);
        if (merged.done < merged.runs)
            printf("; the first that is missing is point %" PRIu64 ", replication %" PRIu64, merged.missing_point,
                   merged.missing_replication);
        printf(".\n");
    }
    err_print(&err, stderr);
    status = err.found > 0 ? EXIT_BAD_INPUT : EXIT_OK;
    err_free(&err);
    args_free(&operands);
    return status;
}
