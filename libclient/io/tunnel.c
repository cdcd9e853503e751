/*
 * The tunnel's process. While the tunnel lives its child is never waited for:
 * a child that died stays as a zombie, so its number cannot be given to a
 * stranger before tunnel_free() has signalled the group. Afterwards a pidfd
 * and a timer belong to the loop; when the loop goes first, they take the
 * child with them.
 */
#include "libclient/io/tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libclient/base/mem.h"

#define GRACE_USEC    UINT64_C(2000000)
#define ACCURACY_USEC UINT64_C(100000)

enum { FIRST_FREE_FD = 3 }; /* the ones below are the child's own */

struct tunnel {
	sd_event *loop;
	pid_t pid; /* also its process group */
	sd_event_source *exited;
	sd_event_source *grace; /* the loop's own: it owns the tunnel */
};

/* A pipe whose ends are out of the way of the child's 0, 1 and 2. */
static bool
open_pipe(int ends[2])
{
	int low[2];

	if (pipe2(low, O_CLOEXEC) < 0)
		return false;
	ends[0] = fcntl(low[0], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	ends[1] = fcntl(low[1], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	close(low[0]);
	close(low[1]);
	if (ends[0] >= 0 && ends[1] >= 0)
		return true;
	if (ends[0] >= 0)
		close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	errno = EMFILE;
	return false;
}

/*
 * posix_spawn() and not fork(): lanes have threads, and a fork of a process
 * of many gigabytes is slow. Returns an errno.
 */
static int
spawn_shell(const char *command, int in, int out, pid_t *pid)
{
	char *argv[] = {"sh", "-c", NULL, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t set;
	int error;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(&attributes, &set);
	sigfillset(&set);
	posix_spawnattr_setsigdefault(&attributes, &set);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
		POSIX_SPAWN_SETPGROUP);
	error = posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(
		    &files, out, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_addclosefrom_np(
		    &files, FIRST_FREE_FD);
	argv[2] = mem_copy_string(command);
	if (error == 0)
		error = posix_spawn(
		    pid, "/bin/sh", &files, &attributes, argv, environ);
	mem_free(argv[2]);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

struct tunnel *
tunnel_new(sd_event *loop, const char *command, int *read_fd, int *write_fd,
    struct imap_error *error)
{
	struct tunnel *tunnel;
	int to_child[2];
	int from_child[2];
	pid_t pid = 0;
	int fault;

	if (!open_pipe(to_child)) {
		imap_error_set(error, IMAP_ERROR_LOCAL,
		    "tunnel: cannot open a pipe: %s", strerrordesc_np(errno));
		return NULL;
	}
	if (!open_pipe(from_child)) {
		imap_error_set(error, IMAP_ERROR_LOCAL,
		    "tunnel: cannot open a pipe: %s", strerrordesc_np(errno));
		close(to_child[0]);
		close(to_child[1]);
		return NULL;
	}
	fault = spawn_shell(command, to_child[0], from_child[1], &pid);
	close(to_child[0]);
	close(from_child[1]);
	if (fault != 0) {
		imap_error_set(error, IMAP_ERROR_LOCAL,
		    "tunnel: cannot run /bin/sh: %s", strerrordesc_np(fault));
		close(to_child[1]);
		close(from_child[0]);
		return NULL;
	}
	tunnel = mem_new(struct tunnel);
	tunnel->loop = loop;
	tunnel->pid = pid;
	*read_fd = from_child[0];
	*write_fd = to_child[1];
	return tunnel;
}

/*
 * Kills what is left of the group and reaps the child, whose zombie has kept
 * the group's number until here. Runs when the timer goes: by end(), or with
 * a loop that ends early, and only then it may wait, for a SIGKILL to be
 * obeyed.
 */
static void
on_grace_destroyed(void *user)
{
	struct tunnel *tunnel = user;

	(void)kill(-tunnel->pid, SIGKILL);
	while (waitpid(tunnel->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	sd_event_source_unref(tunnel->exited);
	mem_free(tunnel);
}

static int
on_exited(sd_event_source *source, int fd, uint32_t revents, void *user)
{
	struct tunnel *tunnel = user;

	(void)fd;
	(void)revents;
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	(void)sd_event_source_set_floating(source, 0);
	/* The loop's reference was the last: this ends the tunnel. */
	(void)sd_event_source_set_floating(tunnel->grace, 0);
	return 0;
}

static int
on_grace_over(sd_event_source *source, uint64_t usec, void *user)
{
	struct tunnel *tunnel = user;

	(void)source;
	(void)usec;
	(void)kill(-tunnel->pid, SIGKILL);
	return 0;
}

/*
 * Gives the tunnel to the loop: floating sources do not keep a loop alive,
 * and tell when it goes. False if the loop cannot watch the child.
 */
static bool
watch(struct tunnel *tunnel)
{
	int pidfd = pidfd_open(tunnel->pid, 0);

	if (pidfd < 0)
		return false;
	if (sd_event_add_io(tunnel->loop, &tunnel->exited, pidfd, EPOLLIN,
		on_exited, tunnel) < 0) {
		close(pidfd);
		return false;
	}
	(void)sd_event_source_set_io_fd_own(tunnel->exited, 1);
	if (sd_event_add_time_relative(tunnel->loop, &tunnel->grace,
		CLOCK_BOOTTIME, GRACE_USEC, ACCURACY_USEC, on_grace_over,
		tunnel) < 0) {
		(void)sd_event_source_set_enabled(tunnel->exited, SD_EVENT_OFF);
		return false;
	}
	(void)sd_event_source_set_floating(tunnel->exited, 1);
	(void)sd_event_source_set_destroy_callback(
	    tunnel->grace, on_grace_destroyed);
	(void)sd_event_source_set_floating(tunnel->grace, 1);
	sd_event_source_unref(tunnel->grace);
	return true;
}

struct tunnel *
tunnel_free(struct tunnel *tunnel)
{
	if (tunnel == NULL)
		return NULL;
	(void)kill(-tunnel->pid, SIGTERM);
	/* A stopped process cannot even end itself. */
	(void)kill(-tunnel->pid, SIGCONT);
	if (!watch(tunnel))
		on_grace_destroyed(tunnel);
	return NULL;
}
