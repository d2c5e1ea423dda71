/* `headroom version`: what results are marked with. */
#include "app/app.h"
#include "app/args.h"

#include <stdio.h>

static const char *const examples[] = {
    "headroom version",
    "prints one line, such as \"headroom 0.1.0\"",
    NULL,
};
static const struct args_spec spec = {
    "version", "", 0,        0, "Prints the version of the program. Every run in a results file carries it.",
    NULL,      0,  examples,
};

int cmd_version(int argc, char **argv) {
    struct args_texts operands;
    int status;
    if (!args_read(&spec, argc, argv, NULL, &operands, &status)) return status;
    printf("headroom %s\n", HEADROOM_VERSION);
    args_free(&operands);
    return 0;
}
