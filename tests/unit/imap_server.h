/*
 * For tests of libclient/imap: a server on loopback and a thread of its own,
 * that follows a script. Its steps, up to NULL:
 *	"> line"	says the line; an @ at its front is the tag of the
 *			oldest command that was not replied to
 *	">> bytes"	says just that
 *	"< command"	reads a line: a tag, and what must begin so
 *	"<- line"	reads a line without a tag
 *	"<< n"		one segment must hold n lines; the next reads take them
 *	"deflate line"	says the line, and in the same segment what is said
 *			next; from there on all is deflated, both ways
 *	"pause"		says nothing for 100 ms
 *	"tls"		does its part of a handshake
 *	"drip line"	says the line every 20 ms until the client leaves
 *	"wait"		until the client leaves, which may not say anything more
 * After the last step it hangs up.
 */
#ifndef TESTS_UNIT_IMAP_SERVER_H
#define TESTS_UNIT_IMAP_SERVER_H

#include <pthread.h>
#include <stdint.h>

#include "libclient/base/buf.h"
#include "libclient/io/zpipe.h"
#include "tests/unit/tls_peer.h"

/* Steps of a greeting and a login. */
#define GREETING "> * OK [CAPABILITY IMAP4rev1 IDLE SASL-IR AUTH=PLAIN] hi"
#define PLAIN	 "AUTHENTICATE PLAIN AGZyZWQAc2VjcmV0"
#define LOGIN	 GREETING, "< " PLAIN, "> @ OK [CAPABILITY IMAP4rev1 IDLE] hi"

struct server {
	const char *const *script;
	SSL_CTX *settings; /* for "tls" */
	int listener;
	int fd;
	uint16_t port;
	SSL *ssl;
	pthread_t thread;
	struct buf in;
	struct buf out; /* waits for what is said next */
	struct buf packed; /* came, and is not inflated yet */
	struct zpipe *zpipe; /* NULL: nothing is deflated */
	char tags[8][40];
	unsigned tag_first;
	unsigned tag_end;
	char complaint[200]; /* what went not as scripted */
};

/* Listens at server->port of 127.0.0.1; aborts if it cannot. */
void server_listen(struct server *server);

/* Follows the script, with the first client that comes. */
void server_start(struct server *server, const char *const *script);

/* Waits for its end; nobody need have come. Its complaint is then there. */
void server_join(struct server *server);

/* Also after server_listen() alone. */
void server_free(struct server *server);

#endif
