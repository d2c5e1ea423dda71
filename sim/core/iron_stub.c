/* Stands in until iron.c comes: remove this file with it. */
#include "core/iron.h"
#include "core/engine.h"
#include <stddef.h>
struct iron *iron_open(struct sched *s) { (void)s; return NULL; }
void iron_close(struct iron *i) { (void)i; }
void iron_begin(struct sched *s) { (void)s; }
void iron_event(struct sched *s) { (void)s; }
void iron_placed(struct sched *s, uint32_t a, uint32_t b) { (void)s; (void)a; (void)b; }
void iron_releasing(struct sched *s, uint32_t a, uint32_t b) { (void)s; (void)a; (void)b; }
void iron_released(struct sched *s, uint32_t a) { (void)s; (void)a; }
bool iron_want(struct sched *s, uint32_t d) { (void)s; (void)d; return false; }
double iron_failures_per_h(const struct sched *s, uint32_t t) { (void)s; (void)t; return 0; }
void iron_open_window(struct sched *s) { (void)s; }
void iron_close_window(struct sched *s) { (void)s; }
struct iron_totals iron_read(const struct iron *i, uint32_t p) { (void)i; (void)p; return (struct iron_totals){0}; }
