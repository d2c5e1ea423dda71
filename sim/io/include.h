/* A YAML file with those it names under `include:` merged under it. */
#ifndef HEADROOM_IO_INCLUDE_H
#define HEADROOM_IO_INCLUDE_H

#include "io/yaml.h"

/* The file's mapping; what only the included files have is added, of several the later one's. Nodes remember the file
 * they came from. NULL, and findings in err: it cannot be read, is no mapping, includes itself, or too much. */
struct yaml_node *include_read(const char *file, struct arena *arena, struct err *err);

#endif
