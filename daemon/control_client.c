/*
 * One connection, one request.
 */
#include "daemon/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Where the unit of the whole machine has it. */
static const char system_path[] = "/run/mailmirror/control";

/* -1 and errno. */
static int
connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (path == NULL || strlen(path) >= sizeof(address.sun_path)) {
		errno = path == NULL ? ENOENT : ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) <
		0) {
		int why = errno;

		close(fd);
		errno = why;
		return -1;
	}
	return fd;
}

static int
find_daemon(const char *path, struct imap_error *error)
{
	int fd = connect_to(path);
	int why = errno;

	if (fd >= 0)
		return fd;
	if (why == ENOENT || why == ECONNREFUSED) {
		fd = connect_to(system_path);
		if (fd >= 0)
			return fd;
	}
	imap_error_set(error, IMAP_ERROR_NETWORK,
	    "no daemon answers at %s: %s; is \"mailmirror run\" running, with "
	    "this configuration?",
	    path == NULL ? system_path : path, strerror(why));
	return -1;
}

static bool
send_request(FILE *stream, const json_t *request)
{
	return json_dumpf(request, stream, JSON_COMPACT) == 0 &&
	    fputc('\n', stream) != EOF && fflush(stream) == 0;
}

/* False: it is not what a daemon says. */
static bool
read_replies(FILE *stream, bool (*reply)(void *user, const json_t *line),
    void *user, struct imap_error *error)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	bool goes_on = true;
	bool ok = true;

	while (ok && goes_on && (len = getline(&line, &size, stream)) > 0) {
		json_t *value = json_loadb(line, (size_t)len, 0, NULL);

		ok = value != NULL;
		goes_on = ok && reply(user, value);
		json_decref(value);
	}
	free(line);
	if (!ok)
		return imap_error_set(error, IMAP_ERROR_PROTOCOL,
		    "the daemon's answer is no JSON: is it another version?");
	return !goes_on ||
	    imap_error_set(
		error, IMAP_ERROR_NETWORK, "the daemon has ended meanwhile");
}

bool
control_ask(const char *path, json_t *request,
    bool (*reply)(void *user, const json_t *line), void *user,
    struct imap_error *error)
{
	int fd = find_daemon(path, error);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "r+");
	bool ok = stream != NULL;

	if (fd >= 0 && stream == NULL) {
		imap_error_set(error, IMAP_ERROR_LOCAL,
		    "cannot use the control socket: %s", strerror(errno));
		close(fd);
	}
	if (ok && !send_request(stream, request))
		ok = imap_error_set(error, IMAP_ERROR_NETWORK,
		    "cannot ask the daemon: %s", strerror(errno));
	ok = ok && read_replies(stream, reply, user, error);
	if (stream != NULL)
		(void)fclose(stream);
	json_decref(request);
	return ok;
}
