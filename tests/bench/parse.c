/*
 * How fast recorded responses are understood:
 *
 *   parse typed|reply FILE ROUNDS
 *
 * prints for each round the processor time in seconds that all of FILE took,
 * fed in pieces as they come from a connection. typed: events of a session;
 * reply: trees of values in a reply, as imaplib.h gives them.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libclient/imaplib_values.h"
#include "libclient/proto/session.h"

/* What a stream reads at once. */
#define PIECE ((size_t)65536)

struct run {
	struct session *session;
	struct imaplib_reply *reply; /* NULL: typed */
	bool is_ready;
	bool is_done;
	uint32_t messages; /* FETCH responses with a UID, or in the reply */
	uint64_t octets; /* of bodies */
	struct imap_error error;
};

static void
add_to_reply(struct run *run, const struct imap_event *event)
{
	if (event->type == IMAP_BODY) {
		run->octets += event->body.piece.len;
		if (!imaplib_reply_add_body(run->reply, event->body.id,
			event->body.piece, event->body.total, &run->error))
			errx(1, "%s", run->error.text);
		return;
	}
	if (imaplib_reply_add(run->reply, event->raw, &run->error) == NULL)
		errx(1, "%s", run->error.text);
	run->messages++;
}

static void
take_typed(struct run *run, const struct imap_event *event)
{
	if (event->type == IMAP_BODY)
		run->octets += event->body.piece.len;
	else if (event->data->type == IMAP_DATA_FETCH &&
	    event->data->fetch.uid != 0)
		run->messages++;
}

static void
feed(struct run *run, struct span bytes)
{
	struct imap_event event;

	session_feed(run->session, bytes);
	while (session_next(run->session, &event)) {
		switch (event.type) {
		case IMAP_READY:
			run->is_ready = true;
			break;
		case IMAP_DONE:
			run->is_done = true;
			break;
		case IMAP_DATA:
		case IMAP_BODY:
			if (!run->is_ready || run->reply == NULL)
				take_typed(run, &event);
			else
				add_to_reply(run, &event);
			break;
		case IMAP_CLOSED:
			errx(1, "%s", event.error->text);
		default:
			break;
		}
	}
}

/* The tag that the session gave to the command; its bytes count as sent. */
static struct span
send_command(struct run *run, char tag[64])
{
	struct command command;
	struct span sent;
	size_t len = 0;

	command_begin(&command, "UID FETCH", COMMAND_LITERALS_SYNC);
	command_add_raw(&command, "1:* (UID)");
	(void)command_end(&command);
	if (session_command(run->session, &command, PIPELINE_PLAIN) == 0)
		errx(1, "the session takes no command");
	sent = session_take(run->session);
	while (len < sent.len && len < 60 && sent.at[len] != ' ')
		len++;
	memcpy(tag, sent.at, len);
	memcpy(tag + len, " OK\r\n", 6);
	session_taken(run->session, sent.len);
	return (struct span){tag, len + 5};
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double
parse(struct span recorded, bool is_typed, struct run *run)
{
	const struct session_config config = {
	    .login = {.accepts_preauth = true, .is_confidential = true},
	    .is_manual = !is_typed,
	};
	struct imaplib_reply reply = {0};
	struct span ending;
	char tag[64];
	double begin;

	*run = (struct run){.reply = is_typed ? NULL : &reply};
	run->session = session_new(&config);
	feed(run, span_of("* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n"));
	if (!run->is_ready)
		errx(1, "the session is not ready");
	run->messages = 0;
	ending = send_command(run, tag);
	begin = now();
	while (recorded.len > 0) {
		size_t len = recorded.len < PIECE ? recorded.len : PIECE;

		feed(run, (struct span){recorded.at, len});
		recorded = span_from(recorded, len);
	}
	feed(run, ending);
	begin = now() - begin;
	if (!run->is_done)
		errx(1, "the command did not end");
	session_free(run->session);
	imaplib_reply_free(&reply);
	return begin;
}

/* All of a file, in memory before anything is measured. */
static struct span
map_file(const char *name)
{
	struct stat status;
	void *bytes = MAP_FAILED;
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &status) == 0)
		bytes = mmap(NULL, (size_t)status.st_size, PROT_READ,
		    MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (bytes == MAP_FAILED)
		err(1, "%s", name);
	close(fd);
	return (struct span){bytes, (size_t)status.st_size};
}

int
main(int argc, char **argv)
{
	struct span recorded;
	struct run run;
	double seconds;
	long round;

	if (argc != 4)
		errx(2, "usage: parse typed|reply FILE ROUNDS");
	recorded = map_file(argv[2]);
	for (round = strtol(argv[3], NULL, 10); round > 0; round--) {
		seconds = parse(recorded, strcmp(argv[1], "typed") == 0, &run);
		printf("%.6f %u %llu\n", seconds, run.messages,
		    (unsigned long long)run.octets);
	}
	return 0;
}
