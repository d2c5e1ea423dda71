/* What an imported trace is, in words and tables on stdout: what was left out, the load it offers, and that
 * load against a fleet. */
#ifndef HEADROOM_APP_LOAD_REPORT_H
#define HEADROOM_APP_LOAD_REPORT_H

#include "core/setup.h"
#include "core/survey.h"
#include "io/import.h"

void load_report(const char *format, const struct jobs *jobs, const struct import_report *report);
/* Requests: how many a second, and how large. */
void load_report_requests(const char *format, const struct requests *requests, const struct import_report *report);
/* What comes to each service of a setup, and what a replica has room for. */
void load_report_services(const struct setup *setup);
/* What the stages of the run's pipelines take and can do. */
void load_report_pipelines(const struct setup *setup);
/* The load against a fleet, region by region and GPU model by GPU model, and the jobs it could never hold. */
void load_report_survey(const struct setup *setup, const struct jobs *jobs, const struct survey *survey);
/* Against the fleet of a setup, which came from `file`; what does not go together becomes a finding. */
void load_report_fleet(const struct setup *setup, const char *file, const struct jobs *jobs, struct err *err);

#endif
