/*
 * Pictures through gnuplot, which only this file knows. A plotter is a temporary folder for data and a list
 * of pictures to draw; plot_draw hands the whole list to one gnuplot and removes the folder.
 */
#ifndef HEADROOM_IO_PLOT_H
#define HEADROOM_IO_PLOT_H

#include <stdbool.h>
#include <stdio.h>

struct plot;
/* scripts: the folder with the *.gp files. Trouble with the disk: die. */
struct plot *plot_open(const char *scripts);
void plot_close(struct plot *plot);
/* A data file of the folder, to write; gnuplot scripts find it as data.'NAME'. Close with plot_data_end. */
FILE *plot_data(struct plot *plot, const char *name);
void plot_data_end(FILE *file);
/* Gnuplot variables for the pictures added after: text is quoted. */
void plot_set(struct plot *plot, const char *name, const char *text);
void plot_set_number(struct plot *plot, const char *name, double value);
/* Draws scripts/NAME.gp to STEM.svg, STEM-dark.svg and STEM.png. */
void plot_add(struct plot *plot, const char *name, const char *stem);
/* Runs gnuplot. false: it is missing or failed; *why (free()) says how. */
bool plot_draw(struct plot *plot, char **why);

#endif
