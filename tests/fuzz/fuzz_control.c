/*
 * The control socket of any bytes from a peer, in any pieces: each line is
 * answered by one JSON object that says whether it went well, orders come
 * with targets that are strings, and who closes is gone.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/control.h"
#include "daemon/log.h"
#include "tests/fuzz/folder.h"

static const struct sockaddr_un address = {
    .sun_family = AF_UNIX, .sun_path = "control"};
static sd_event *loop;
static struct control *control;

static json_t *
status(void *user)
{
	(void)user;
	return json_pack("{s:i}", "version", 1);
}

static bool
order(void *user, const char *command, const json_t *targets, int *code,
    struct imap_error *error)
{
	const json_t *target;
	size_t i;

	(void)user;
	require(json_is_array(targets));
	json_array_foreach(targets, i, target) require(json_is_string(target));
	if (json_array_size(targets) == 0)
		return true;
	*code = 64;
	return imap_error_set(
	    error, IMAP_ERROR_CONFIG, "%s: no such target", command);
}

static void
close_control(void)
{
	(void)control_free(control);
	(void)sd_event_unref(loop);
	require(access(address.sun_path, F_OK) != 0);
}

static void
open_control(void)
{
	static const struct control_ops ops = {status, order};
	struct imap_error error = {0};

	log_set_level(SETTINGS_LOG_ERROR);
	(void)enter_folder();
	require(sd_event_new(&loop) >= 0);
	control = control_new(loop, address.sun_path, &ops, NULL, &error);
	require(control != NULL);
	require(atexit(close_control) == 0);
}

static void
run_loop(void)
{
	while (sd_event_run(loop, 0) > 0)
		continue;
}

/* Whole lines, of which each is an answer; returns their number. */
static size_t
check_answers(struct buf *answers)
{
	size_t count = 0;
	struct span have = buf_span(answers);
	const char *end;

	while (
	    have.len > 0 && (end = memchr(have.at, '\n', have.len)) != NULL) {
		json_t *answer =
		    json_loadb(have.at, (size_t)(end - have.at), 0, NULL);

		require(json_is_object(answer));
		require(json_is_boolean(json_object_get(answer, "ok")));
		require(json_is_true(json_object_get(answer, "ok")) ||
		    json_is_string(json_object_get(answer, "error")));
		json_decref(answer);
		count++;
		have = span_from(have, (size_t)(end - have.at) + 1);
	}
	require(have.len == 0);
	return count;
}

/* Reads what there is; false: it was closed. */
static bool
receive(int fd, struct buf *answers)
{
	char bytes[4096];
	ssize_t len;

	while ((len = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		require(buf_add(answers, bytes, (size_t)len));
	return len < 0;
}

static void
talk(int fd, struct splitter *splitter)
{
	size_t lines = 0, len;
	bool is_open = true;
	struct buf answers;
	char *bytes;

	buf_init(&answers, (size_t)1 << 30);
	while (is_open && (bytes = split(splitter, &len)) != NULL) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		for (size_t i = 0; i < len; i++)
			lines += bytes[i] == '\n';
		(void)mem_free(bytes);
		if (sent != (ssize_t)len)
			break;
		run_loop();
		is_open = receive(fd, &answers);
	}
	require(check_answers(&answers) <= lines);
	if (is_open)
		require(check_answers(&answers) == lines);
	buf_free(&answers);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	unsigned way = take_byte(&input);
	struct splitter splitter = splitter_of(input, way);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (control == NULL)
		open_control();
	require(fd >= 0);
	require(connect(fd, (const struct sockaddr *)&address,
		    sizeof(address)) == 0);
	run_loop();
	talk(fd, &splitter);
	control_changed(control);
	require(close(fd) == 0);
	run_loop();
	return 0;
}
