/* The page and the JSON document `headroom recommend` ends with. */
#ifndef HEADROOM_APP_ANSWERS_PAGE_H
#define HEADROOM_APP_ANSWERS_PAGE_H

#include "app/answers.h"

#include <stdio.h>

/* confirmed: answers_confirm simulated its candidates. */
void answers_page(FILE *to, const struct answers *answers, const char *title, bool confirmed);
void answers_json(FILE *to, const struct answers *answers, const char *title, bool confirmed);
/* Why nothing was found. */
void answers_none(FILE *to, const struct answers *answers, const char *title);

#endif
