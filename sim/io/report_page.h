/* The report's two pages, for report.c. */
#ifndef HEADROOM_IO_REPORT_PAGE_H
#define HEADROOM_IO_REPORT_PAGE_H

#include "io/summary.h"

struct picture {
    const char *name; /* of the script, and of the files: NAME.svg, NAME-dark.svg, NAME.png */
    const char *title, *caption;
};
/* index.html with the pictures inside, report.md with the PNGs beside it; runs[0] is the baseline. */
void report_html(const char *folder, const char *source, const struct summary *const *runs, size_t count,
                 const struct picture *pictures, size_t pictures_len);
void report_markdown(const char *folder, const char *source, const struct summary *const *runs, size_t count,
                     const struct picture *pictures, size_t pictures_len);

#endif
