/* The database's schema as SQL statements, NULL at the end; io/store.c runs it, docs/results.md explains it.
 */
#ifndef HEADROOM_IO_STORE_SCHEMA_H
#define HEADROOM_IO_STORE_SCHEMA_H

extern const char *const store_tables[]; /* created once */
extern const char *const store_views[];  /* dropped and made again whenever metrics were added */

#endif
