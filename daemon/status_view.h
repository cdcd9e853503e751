/*
 * Views of the status (daemon/status_json.h) for people and for Prometheus.
 */
#ifndef DAEMON_STATUS_VIEW_H
#define DAEMON_STATUS_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

/* A table of accounts and folders, no line wider than the width (0: as wide as
 * it gets). */
void status_view_table(const json_t *status, time_t now, unsigned width,
    bool has_colour, FILE *out);

/* Prometheus' text exposition format. */
void status_view_metrics(const json_t *status, FILE *out);

#endif
