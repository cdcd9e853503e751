/*
 * The metrics in a file, for node_exporter's textfile collector.
 */
#ifndef DAEMON_METRICS_FILE_H
#define DAEMON_METRICS_FILE_H

#include <jansson.h>
#include <stdbool.h>

#include "libclient/base/imap_error.h"

/* Replaces the file (0644) by rename, so that no reader sees half of it. */
bool metrics_file_write(
    const char *path, const json_t *status, struct imap_error *error);

#endif
