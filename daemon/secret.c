/*
 * Secrets: a string of the settings, the first line of a file or credential,
 * or the first line that a command prints. What was read is wiped when the
 * handler has returned.
 */
#include "daemon/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/child.h"
#include "libclient/base/buf.h"
#include "libclient/base/mem.h"

#define LINE_LIMIT	65536
#define COMMAND_TIMEOUT UINT64_C(30000000)

struct secret {
	secret_handler *handler;
	void *user;
	struct buf line; /* the first line as far as it has come */
	char *found; /* the secret, or NULL and the error */
	bool is_line_complete;
	bool is_too_long;
	struct imap_error error;

	sd_event *loop;
	sd_event_source *soon; /* the answer is known, and due */
	struct child *child; /* the command, if it is ours */
	struct runner_task *task; /* the command, if the helper runs it */
};

/* ---- the answer ---- */

/* Checks the line; false and the error if it is no secret. */
static bool
check_line(struct secret *secret, const char *origin)
{
	struct span line = buf_span(&secret->line);

	if (secret->is_too_long)
		return imap_error_set(&secret->error, IMAP_ERROR_AUTH,
		    "%s: the first line is longer than 64 KiB", origin);
	while (line.len > 0 && line.at[line.len - 1] == '\r')
		line.len--;
	if (line.len == 0)
		return imap_error_set(&secret->error, IMAP_ERROR_AUTH,
		    "%s: the first line is empty", origin);
	if (memchr(line.at, '\0', line.len) != NULL)
		return imap_error_set(&secret->error, IMAP_ERROR_AUTH,
		    "%s: the first line has a NUL byte", origin);
	secret->found = span_to_string(line);
	return true;
}

/* Calls the handler, which may free the secret. */
static void
answer(struct secret *secret)
{
	char *found = secret->found;
	struct imap_error error = secret->error;

	secret->found = NULL;
	buf_free_secret(&secret->line);
	secret->handler(secret->user, found, found == NULL ? &error : NULL);
	(void)mem_free_secret(found);
}

static int
on_soon(sd_event_source *source, void *user)
{
	(void)source;
	answer(user);
	return 0;
}

/* The answer from the loop, not from within secret_fetch(). */
static void
answer_soon(struct secret *secret)
{
	if (sd_event_add_defer(secret->loop, &secret->soon, on_soon, secret) <
	    0)
		abort(); /* out of memory: there is no other reason */
}

/* ---- a line ---- */

/* Takes bytes of the first line; what is behind it is dropped. */
static void
take_bytes(struct secret *secret, const char *bytes, size_t length)
{
	const char *end = memchr(bytes, '\n', length);

	if (secret->is_line_complete)
		return;
	if (end != NULL) {
		length = (size_t)(end - bytes);
		secret->is_line_complete = true;
	}
	if (buf_len(&secret->line) + length > LINE_LIMIT) {
		secret->is_too_long = true;
		secret->is_line_complete = true;
		return;
	}
	(void)buf_add(&secret->line, bytes, length);
}

/* Reads what is there: 0 at the end, or the errno of read(2). */
static int
read_some(struct secret *secret, int fd)
{
	char bytes[4096];
	int result;
	ssize_t n;

	do {
		n = read(fd, bytes, sizeof(bytes));
		if (n > 0)
			take_bytes(secret, bytes, (size_t)n);
	} while (n > 0 || (n == -1 && errno == EINTR));
	result = n == 0 ? 0 : errno;
	explicit_bzero(bytes, sizeof(bytes));
	return result;
}

/* ---- files ---- */

static void
read_file(struct secret *secret, const char *path, const char *origin)
{
	/* O_NONBLOCK: a FIFO that nobody writes must not stop the loop */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int result = errno;

	if (fd != -1) {
		result = read_some(secret, fd);
		(void)close(fd);
	}
	if (result != 0 && result != EAGAIN)
		(void)imap_error_set(&secret->error, IMAP_ERROR_AUTH,
		    "%s: cannot read %s: %s", origin, path,
		    strerrordesc_np(result));
	else
		(void)check_line(secret, origin);
	answer_soon(secret);
}

static void
read_credential(struct secret *secret, const char *name)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char *path;

	if (directory == NULL) {
		(void)imap_error_set(&secret->error, IMAP_ERROR_CONFIG,
		    "credential: $CREDENTIALS_DIRECTORY is not set; the unit "
		    "needs LoadCredential=%s",
		    name);
		answer_soon(secret);
		return;
	}
	path = mem_format("%s/%s", directory, name);
	read_file(secret, path, "credential");
	(void)mem_free(path);
}

/* ---- commands ---- */

/* The error of a command that gave no secret. */
static void
set_error(struct secret *secret, const struct child_report *report)
{
	struct imap_error *error = &secret->error;

	switch (report->end) {
	case CHILD_EXITED:
		(void)imap_error_set(error, IMAP_ERROR_AUTH,
		    "password_command failed with exit status %d",
		    report->number);
		break;
	case CHILD_SIGNALLED:
		(void)imap_error_set(error, IMAP_ERROR_AUTH,
		    "password_command was killed by signal %d (%s)",
		    report->number, sigdescr_np(report->number));
		break;
	case CHILD_LATE:
		(void)imap_error_set(error, IMAP_ERROR_AUTH,
		    "password_command took longer than 30 s and was killed");
		break;
	case CHILD_NOT_RUN:
		(void)imap_error_set(error, IMAP_ERROR_LOCAL,
		    "password_command cannot be run: %s",
		    strerrordesc_np(report->number));
		break;
	case CHILD_LOST:
		(void)imap_error_set(error, IMAP_ERROR_LOCAL,
		    "password_command: cannot learn its exit status: %s",
		    strerrordesc_np(report->number));
		break;
	}
}

static void
on_ended(void *user, const struct child_report *report)
{
	struct secret *secret = user;

	/* they end with this call */
	secret->child = NULL;
	secret->task = NULL;
	if (report->end == CHILD_EXITED && report->number == 0) {
		take_bytes(secret, report->output.at, report->output.len);
		(void)check_line(secret, "password_command");
	} else {
		set_error(secret, report);
	}
	answer(secret);
}

static void
run_command(struct secret *secret, struct runner *runner, const char *command)
{
	struct child_order order = {
	    .command = command,
	    /* one byte more shows a line that is too long */
	    .output_limit = LINE_LIMIT + 1,
	    .timeout = COMMAND_TIMEOUT,
	};

	if (runner == NULL)
		secret->child =
		    child_start(secret->loop, &order, on_ended, secret);
	else
		secret->task = runner_run(runner, &order, on_ended, secret);
}

/* ---- */

struct secret *
secret_fetch(sd_event *loop, struct runner *runner,
    const struct settings_secret *source, secret_handler *handler, void *user)
{
	struct secret *secret = mem_new(struct secret);

	secret->handler = handler;
	secret->user = user;
	secret->loop = sd_event_ref(loop);
	buf_init(&secret->line, LINE_LIMIT);
	/* all at once, since growing would leave copies behind */
	(void)buf_reserve(&secret->line, LINE_LIMIT);
	if (source->password_command != NULL) {
		run_command(secret, runner, source->password_command);
	} else if (source->password_file != NULL) {
		read_file(secret, source->password_file, "password_file");
	} else if (source->credential != NULL) {
		read_credential(secret, source->credential);
	} else {
		secret->found = mem_copy_string(
		    source->password == NULL ? "" : source->password);
		answer_soon(secret);
	}
	return secret;
}

struct secret *
secret_free(struct secret *secret)
{
	if (secret == NULL)
		return NULL;
	secret->child = child_free(secret->child);
	secret->task = runner_cancel(secret->task);
	secret->soon = sd_event_source_disable_unref(secret->soon);
	secret->found = mem_free_secret(secret->found);
	buf_free_secret(&secret->line);
	secret->loop = sd_event_unref(secret->loop);
	return mem_free(secret);
}
