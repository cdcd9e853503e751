/*
 * A child process that speaks the protocol on its stdin and stdout.
 */
#ifndef LIBCLIENT_IO_TUNNEL_H
#define LIBCLIENT_IO_TUNNEL_H

#include <stdbool.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "libclient/base/imap_error.h"

struct tunnel;

/*
 * Runs `/bin/sh -c command` in a process group of its own, signals and mask
 * reset, all descriptors but 0-2 closed, stderr inherited. *read_fd and
 * *write_fd are the caller's to close. NULL and *error (LOCAL) on failure.
 */
struct tunnel *tunnel_new(sd_event *loop, const char *command, int *read_fd,
    int *write_fd, struct imap_error *error);

/*
 * Ends the process: SIGTERM to its group, SIGKILL 2 s later if it is still
 * there, reaped by the loop without blocking; what is left of its group when it
 * has ended is killed, and so is all of it if the loop is freed before.
 * NULL ok; returns NULL.
 */
struct tunnel *tunnel_free(struct tunnel *tunnel);

#endif
