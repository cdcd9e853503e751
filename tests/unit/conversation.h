/*
 * Conversations: what a client and a server say to each other, as files. A line
 * that begins with
 *	#	is a comment,
 *	!	sets the session up, before anything else: preauth, starttls,
 *		cleartext, token, compress, ask-capability, force-id, both
 *		(bodies inline and streamed), longest N, mechanisms AUTH=...,
 *		known (what was offered last time behind the login), or one of
 *		secret, enable, id, disable,
 *	S:	is the server's: \r \n \\ and \0 are escapes, CRLF is added
 *		unless the line ends in a backslash; S*n: is n such lines; S~:
 *		is compressed, in a way of these tests (conversation_flip()),
 *		and is read so behind the event DEFLATED,
 *	C:	is what the client must have written by now,
 *	>	is what its owner does: secured, compress, done, end; or asks:
 *		due, want, idling, mailbox; or else a command,
 *	=	is an event that must have been told before the next > or C:.
 * A1 at the front of a line stands for the first command's tag, and so on. A
 * line of C: or = that ends in "..." goes on with anything. Lines of the
 * server with no C: or > between them are one segment.
 */
#ifndef TESTS_UNIT_CONVERSATION_H
#define TESTS_UNIT_CONVERSATION_H

#include "libclient/base/buf.h"
#include "libclient/proto/session.h"
#include "libclient/wire/frame.h"

#define MAX_STEPS 100

/* Takes the place of deflating and of inflating: no byte stays what it was. */
void conversation_flip(char *bytes, size_t len);

struct conversation {
	const char *path; /* for what is said of faults */
	struct session_config config;
	struct frame_limits limits;
	bool is_for_both; /* with bodies inline, and with bodies streamed */
	char *word; /* that a setting keeps */
	unsigned step_count;
	struct step {
		char kind;
		struct buf text;
	} steps[MAX_STEPS];
};

/* Reads a file; exits the test if it cannot be read. */
void conversation_load(struct conversation *talk, const char *path);
void conversation_free(struct conversation *talk);

/* What data says, in the words of lines that begin with "= DATA"; of a FETCH
 * the lesser items. */
void conversation_say_data(struct buf *told, const struct imap_data *data);
void conversation_say_items(struct buf *told, const struct imap_fetch *fetch);

/* One holding of a conversation. */
struct run {
	const struct conversation *talk;
	struct session *session;
	size_t split; /* bytes of the server's before a segment ends */
	bool is_bytewise;
	bool is_deflated; /* DEFLATED was told: what comes is compressed */
	size_t cut; /* bytes of the server's before the connection breaks */
	size_t fed;
	struct buf sent; /* by the client, and not yet expected */
	struct buf told; /* events, a line each */
	size_t compared; /* of them */
	struct buf body; /* that comes in pieces */
	uint32_t body_id;
	uint64_t body_total;
	bool is_in_body;
	bool is_closed;
};

/* Begins one holding: nothing is said so far, nothing is split or cut. */
void run_begin(struct run *run, const struct conversation *talk);
void run_free(struct run *run);

/* Bytes of the server's, in one segment unless the run splits them. */
void run_feed(struct run *run, struct span bytes);

/* The connection breaks. */
void run_break_off(struct run *run);

/* Says all of it; fails the test at what is not as the file expects it. */
void run_hold(struct run *run);

/*
 * Says it up to the run's cut, where the connection breaks; what was told is
 * then a front part of what is told without a cut, and IMAP_CLOSED.
 */
void run_hold_and_cut(struct run *run, struct span told);

#endif
