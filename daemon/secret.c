/*
 * Secrets: a string of the settings, the first line of a file or credential,
 * or the first line that a command prints. What was read is wiped when the
 * handler has returned.
 */
#include "daemon/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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
	sd_event_source *output; /* of the command */
	sd_event_source *exit; /* of the command: its pidfd */
	sd_event_source *timeout; /* of the command */
	int output_fd;
	int pid_fd;
	pid_t pid; /* 0: no command, or it has been reaped */
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

static void
stop_watching(struct secret *secret)
{
	secret->output = sd_event_source_disable_unref(secret->output);
	secret->exit = sd_event_source_disable_unref(secret->exit);
	secret->timeout = sd_event_source_disable_unref(secret->timeout);
	if (secret->output_fd != -1)
		(void)close(secret->output_fd);
	if (secret->pid_fd != -1)
		(void)close(secret->pid_fd);
	secret->output_fd = -1;
	secret->pid_fd = -1;
}

static int
on_output(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct secret *secret = user;

	(void)events;
	if (read_some(secret, fd) != EAGAIN)
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

/*
 * The command ended. What it printed is in the pipe; its end is not waited
 * for, since a process that it left behind may hold the pipe open.
 */
static int
on_command_exit(sd_event_source *source, int fd, uint32_t events, void *user)
{
	struct secret *secret = user;
	siginfo_t info = {0};

	(void)source;
	(void)fd;
	(void)events;
	(void)read_some(secret, secret->output_fd);
	if (waitid(P_PIDFD, (id_t)secret->pid_fd, &info, WEXITED | WNOHANG) !=
	    0)
		(void)imap_error_set(&secret->error, IMAP_ERROR_LOCAL,
		    "password_command: cannot learn its exit status: %s",
		    strerrordesc_np(errno));
	else if (info.si_pid == 0)
		return 0;
	else if (info.si_code != CLD_EXITED)
		(void)imap_error_set(&secret->error, IMAP_ERROR_AUTH,
		    "password_command was killed by signal %d (%s)",
		    info.si_status, sigdescr_np(info.si_status));
	else if (info.si_status != 0)
		(void)imap_error_set(&secret->error, IMAP_ERROR_AUTH,
		    "password_command failed with exit status %d",
		    info.si_status);
	else
		(void)check_line(secret, "password_command");
	secret->pid = 0;
	stop_watching(secret);
	answer(secret);
	return 0;
}

static int
on_killed(sd_event_source *source, int fd, uint32_t events, void *user)
{
	siginfo_t info = {0};

	(void)events;
	(void)user;
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG) == 0 &&
	    info.si_pid == 0)
		return 0;
	/* floating: this is the loop's own reference */
	sd_event_source_disable_unref(source);
	return 0;
}

/* Kills the command's group and leaves the reaping to the loop. */
static void
kill_command(struct secret *secret)
{
	sd_event_source *reaper = NULL;

	if (secret->pid == 0)
		return;
	(void)kill(-secret->pid, SIGKILL);
	secret->pid = 0;
	secret->exit = sd_event_source_disable_unref(secret->exit);
	if (sd_event_add_io(secret->loop, &reaper, secret->pid_fd, EPOLLIN,
		on_killed, NULL) < 0)
		return;
	(void)sd_event_source_set_io_fd_own(reaper, 1);
	secret->pid_fd = -1;
	(void)sd_event_source_set_floating(reaper, 1);
	sd_event_source_unref(reaper);
}

static int
on_timeout(sd_event_source *source, uint64_t usec, void *user)
{
	struct secret *secret = user;

	(void)source;
	(void)usec;
	(void)imap_error_set(&secret->error, IMAP_ERROR_AUTH,
	    "password_command took longer than 30 s and was killed");
	kill_command(secret);
	stop_watching(secret);
	answer(secret);
	return 0;
}

/* posix_spawn's attributes: a group of its own, no signal blocked or ignored.
 */
static void
init_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none;
	sigset_t all;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawnattr_init(attributes);
	(void)posix_spawnattr_setflags(attributes,
	    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
		POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawnattr_setpgroup(attributes, 0);
	(void)posix_spawnattr_setsigmask(attributes, &none);
	(void)posix_spawnattr_setsigdefault(attributes, &all);
}

/* Starts the command with its output in the pipe; 0 or an errno. */
static int
spawn(const char *command, int output, pid_t *pid)
{
	char shell[] = "sh";
	char option[] = "-c";
	char *copy = mem_copy_string(command);
	char *const arguments[] = {shell, option, copy, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int result;

	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	(void)posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addclosefrom_np(
	    &actions, STDERR_FILENO + 1);
	init_attributes(&attributes);
	result = posix_spawn(
	    pid, "/bin/sh", &actions, &attributes, arguments, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)mem_free_secret(copy);
	return result;
}

/* Watches the command; false and errno if that cannot be. */
static bool
watch_command(struct secret *secret)
{
	int result;

	secret->pid_fd = (int)syscall(SYS_pidfd_open, secret->pid, 0);
	if (secret->pid_fd == -1)
		return false;
	result = sd_event_add_io(secret->loop, &secret->output,
	    secret->output_fd, EPOLLIN, on_output, secret);
	if (result >= 0)
		result = sd_event_add_io(secret->loop, &secret->exit,
		    secret->pid_fd, EPOLLIN, on_command_exit, secret);
	if (result >= 0)
		result =
		    sd_event_add_time_relative(secret->loop, &secret->timeout,
			CLOCK_BOOTTIME, COMMAND_TIMEOUT, 0, on_timeout, secret);
	errno = result < 0 ? -result : 0;
	return result >= 0;
}

static void
run_command(struct secret *secret, const char *command)
{
	int ends[2];
	int result = 0;

	if (pipe2(ends, O_CLOEXEC) == -1) {
		result = errno;
	} else {
		secret->output_fd = ends[0];
		(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
		result = spawn(command, ends[1], &secret->pid);
		if (result != 0)
			secret->pid = 0;
		else if (!watch_command(secret))
			result = errno;
		(void)close(ends[1]);
	}
	if (result == 0)
		return;
	(void)imap_error_set(&secret->error, IMAP_ERROR_LOCAL,
	    "password_command cannot be run: %s", strerrordesc_np(result));
	kill_command(secret);
	stop_watching(secret);
	answer_soon(secret);
}

/* ---- */

struct secret *
secret_fetch(sd_event *loop, const struct settings_secret *source,
    secret_handler *handler, void *user)
{
	struct secret *secret = mem_new(struct secret);

	secret->handler = handler;
	secret->user = user;
	secret->loop = sd_event_ref(loop);
	secret->output_fd = -1;
	secret->pid_fd = -1;
	buf_init(&secret->line, LINE_LIMIT);
	/* all at once, since growing would leave copies behind */
	(void)buf_reserve(&secret->line, LINE_LIMIT);
	if (source->password_command != NULL) {
		run_command(secret, source->password_command);
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
	kill_command(secret);
	stop_watching(secret);
	secret->soon = sd_event_source_disable_unref(secret->soon);
	secret->found = mem_free_secret(secret->found);
	buf_free_secret(&secret->line);
	secret->loop = sd_event_unref(secret->loop);
	return mem_free(secret);
}
