/*
 * Cost lines in the columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification (focus.finops.org), so
 * that what was simulated can be read by the tools that read cloud bills. Energy and emissions stand beside the
 * cost in x_ columns. docs/results.md says how the columns are filled.
 */
#ifndef HEADROOM_IO_FOCUS_H
#define HEADROOM_IO_FOCUS_H

#include "io/charge.h"
#include "io/summary.h"

#include <stdio.h>

/* RFC 4180. The BilledCost of a run's rows adds up to its total_usd. */
void focus_header(FILE *to);
void focus_rows(FILE *to, const struct summary *run, const struct charge_line *lines, size_t count);

#endif
