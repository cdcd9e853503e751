/*
 * The helper process: it runs commands for the daemon, which itself may then
 * be forbidden to. It is forked before there is anything to be kept from it,
 * and has no descriptors but standard error and its end of a socket pair.
 */
#ifndef DAEMON_RUNNER_H
#define DAEMON_RUNNER_H

#include <stdbool.h>
#include <sys/types.h>

#include <systemd/sd-event.h>

#include "daemon/child.h"
#include "libclient/base/imap_error.h"

struct runner;
struct runner_task;

/* Why the helper went, in words; nothing can be run any more. */
typedef void runner_lost(void *user, const char *why);

/*
 * Forks the helper: before threads, secrets and descriptors. It ends when the
 * daemon does, however that is, and kills the commands that run then. NULL and
 * *error: LOCAL.
 */
struct runner *runner_start(struct imap_error *error);

/* From now on answers come from the loop, and lost is called once if the
 * helper goes. False and *error: LOCAL. */
bool runner_attach(struct runner *runner, sd_event *loop, runner_lost *lost,
    void *user, struct imap_error *error);

/* Ends the helper; its tasks are freed before. NULL ok; returns NULL. */
struct runner *runner_free(struct runner *runner);

/*
 * As child_start(), in the helper; a helper that went answers CHILD_NOT_RUN.
 */
struct runner_task *runner_run(struct runner *runner,
    const struct child_order *order, child_handler *handler, void *user);

/* As child_hurry(): what it answers is the handler's. */
void runner_hurry(struct runner_task *task, uint64_t grace);

/* Kills the command's group and says nothing; NULL ok; returns NULL. */
struct runner_task *runner_cancel(struct runner_task *task);

#endif
