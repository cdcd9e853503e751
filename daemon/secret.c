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
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/child.h"
#include "libclient/base/buf.h"
#include "libclient/base/mem.h"

#define LINE_LIMIT	65536
#define COMMAND_TIMEOUT UINT64_C(30000000)
#define COMPLAINTS_SIZE 65536
#define SHOWN_MAX	120 /* bytes of them */
#define SHOWN_SIZE	(4 * SHOWN_MAX + 8)

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
	int complaints; /* what it says on standard error; -1: not known */
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

/*
 * A file in memory, which grows no further, for what the command says on
 * standard error; -1: it says it on ours.
 */
static int
open_complaints(void)
{
	int fd =
	    memfd_create("password_command", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return -1;
	if (ftruncate(fd, COMPLAINTS_SIZE) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* Their first line, which is a person's to read; "" if there is none. */
static void
first_complaint(const struct secret *secret, char out[SHOWN_SIZE])
{
	char bytes[SHOWN_MAX + 1] = "";
	ssize_t n = secret->complaints == -1
	    ? 0
	    : pread(secret->complaints, bytes, SHOWN_MAX, 0);

	bytes[n > 0 ? n : 0] = '\0';
	(void)imap_error_printable((struct span){bytes, strcspn(bytes, "\r\n")},
	    SHOWN_MAX, out, SHOWN_SIZE);
}

/* The error of a command that gave no secret. */
static void
set_error(struct secret *secret, const struct child_report *report)
{
	char complaint[SHOWN_SIZE];
	bool is_ours =
	    report->end == CHILD_NOT_RUN || report->end == CHILD_LOST;
	char *end = report->end == CHILD_LATE
	    ? mem_copy_string("took longer than 30 s and was killed")
	    : child_describe(report);

	first_complaint(secret, complaint);
	(void)imap_error_set(&secret->error,
	    is_ours ? IMAP_ERROR_LOCAL : IMAP_ERROR_AUTH,
	    "password_command %s%s%s%s", end,
	    complaint[0] == '\0' ? "" : " (it says: ", complaint,
	    complaint[0] == '\0' ? "" : ")");
	(void)mem_free(end);
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

/* Its standard error comes to it in standard input's place. */
static void
run_command(struct secret *secret, struct runner *runner, const char *command)
{
	int complaints = secret->complaints = open_complaints();
	char *wrapped = mem_format(
	    "%s%s", complaints == -1 ? "" : "exec 2>&0 </dev/null; ", command);
	struct child_order order = {
	    .command = wrapped,
	    .input = complaints == -1 ? 0 : complaints,
	    /* one byte more shows a line that is too long */
	    .output_limit = LINE_LIMIT + 1,
	    .timeout = COMMAND_TIMEOUT,
	};

	if (runner == NULL)
		secret->child =
		    child_start(secret->loop, &order, on_ended, secret);
	else
		secret->task = runner_run(runner, &order, on_ended, secret);
	(void)mem_free_secret(wrapped);
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
	secret->complaints = -1;
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
	if (secret->complaints != -1)
		(void)close(secret->complaints);
	secret->found = mem_free_secret(secret->found);
	buf_free_secret(&secret->line);
	secret->loop = sd_event_unref(secret->loop);
	return mem_free(secret);
}
