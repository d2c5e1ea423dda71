/* What a search for a fleet found, for people, for programs and for the database. */
#ifndef HEADROOM_APP_SIZE_PAGE_H
#define HEADROOM_APP_SIZE_PAGE_H

#include "app/search.h"

#include <stdio.h>

void size_page(FILE *to, const struct search *search, const char *results);
void size_json(FILE *to, const struct search *search);
void size_store(const struct search *search);

#endif
