/*
 * The reference surface: what Python's imaplib does, as blocking calls in C.
 * One object is one connection. Each call sends one command and waits for its
 * reply; what the server says meanwhile is in the reply, in order, sequence
 * numbers included. For consoles, tests and scripts; the mirror uses imap.h.
 *
 * Groups: imaplib_auth.h, imaplib_mailbox.h, imaplib_message.h,
 * imaplib_rights.h, imaplib_idle.h, imaplib_helper.h.
 */
#ifndef LIBCLIENT_IMAPLIB_H
#define LIBCLIENT_IMAPLIB_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/imap.h"
#include "libclient/imaplib_reply.h"

/* imaplib: IMAP4.state */
enum imaplib_state {
	IMAPLIB_NONAUTH,
	IMAPLIB_AUTH,
	IMAPLIB_SELECTED,
	IMAPLIB_LOGOUT
};

/* imaplib: PROTOCOL_VERSION */
enum imaplib_version { IMAPLIB_IMAP4, IMAPLIB_IMAP4REV1, IMAPLIB_IMAP4REV2 };

/* Where to connect. All pointers are borrowed for the call alone. */
struct imaplib_options {
	const char *host; /* NULL or "": localhost */
	uint16_t port; /* 0: 143, or 993 with TLS */
	const char *command; /* IMAP4_stream: a shell command, or NULL */
	const struct proxy_server *proxy; /* by way of it, or NULL */
	bool has_tls; /* IMAP4_SSL: from the first byte */
	struct tls_options tls; /* its .host is filled in from .host */
	uint64_t timeout; /* microseconds; 0: a minute. For connecting, and
			   * the longest silence while a reply is due */
	int debug; /* imaplib: Debug, 0 to 5 */
	/* Told of each traced line (a NUL-terminated one); NULL: none. */
	void (*trace)(void *user, const char *line);
	void *trace_user;
};

struct imaplib;

/*
 * Connects, reads the greeting and asks for the capabilities. NULL, and the
 * reply's type ABORT (or ERROR) with words, when that fails. The reply has
 * the greeting. (imaplib: IMAP4(), IMAP4_SSL(), IMAP4_stream())
 */
struct imaplib *imaplib_open(
    const struct imaplib_options *options, struct imaplib_reply *reply);

/* Drops the connection without a word. NULL ok; returns NULL. (shutdown) */
struct imaplib *imaplib_shutdown(struct imaplib *client);

/* LOGOUT, waiting at most 5 s, then imaplib_shutdown(). (logout, `with`) */
struct imaplib *imaplib_logout(
    struct imaplib *client, struct imaplib_reply *reply);

/* STARTTLS and the handshake; capabilities are asked anew. (starttls) */
bool imaplib_starttls(struct imaplib *client, const struct tls_options *tls,
    struct imaplib_reply *reply);

/* COMPRESS DEFLATE (RFC 4978). */
bool imaplib_compress(struct imaplib *client, struct imaplib_reply *reply);

bool imaplib_capability(struct imaplib *client, struct imaplib_reply *reply);
bool imaplib_noop(struct imaplib *client, struct imaplib_reply *reply);

/* ID; fields: name, value, name, value ... count strings, NULL values are NIL;
 * count 0: NIL. */
bool imaplib_id(struct imaplib *client, const char *const *fields,
    uint32_t count, struct imaplib_reply *reply);

/* ENABLE of one or more, divided by spaces; refused here unless the server
 * offers ENABLE and each of them. (enable) */
bool imaplib_enable(struct imaplib *client, const char *capability,
    struct imaplib_reply *reply);

/*
 * Any command, its arguments already in the protocol's form and checked for CR,
 * LF and NUL; an unknown name is legal in the present state. What the functions
 * themselves refuse is refused: LOGIN in the clear, STORE or UID STORE of what
 * became read-only. IDLE, STARTTLS and COMPRESS are not for it. (xatom)
 */
bool imaplib_xatom(struct imaplib *client, const char *name,
    const char *const *arguments, uint32_t count, struct imaplib_reply *reply);

/*
 * What earlier replies told unasked and nobody asked for yet: EXISTS, RECENT,
 * EXPUNGE, VANISHED, FLAGS or ENABLED by name, a response code by its own, that
 * of a tagged response, too; moved into *reply. Selecting forgets it, as it
 * does what is beyond the last thousands. False: there is none. (response)
 */
bool imaplib_response(
    struct imaplib *client, const char *name, struct imaplib_reply *reply);

/* RECENT as last told, else NOOP first. (recent) */
bool imaplib_recent(struct imaplib *client, struct imaplib_reply *reply);

/* ---- what is known (imaplib: attributes) ---- */

enum imaplib_state imaplib_get_state(const struct imaplib *client);
enum imaplib_version imaplib_get_version(const struct imaplib *client);
const struct capabilities *imaplib_get_capabilities(
    const struct imaplib *client);
/* The words of CAPABILITY as sent, upper-cased. */
const char *imaplib_get_capability_words(const struct imaplib *client);
const char *imaplib_get_welcome(const struct imaplib *client);
const char *imaplib_get_host(const struct imaplib *client);
uint16_t imaplib_get_port(const struct imaplib *client);
bool imaplib_is_read_only(const struct imaplib *client);
bool imaplib_is_utf8(const struct imaplib *client);
/* The socket, or a tunnel's reading end; -1 once closed. (socket, fileno) */
int imaplib_get_descriptor(const struct imaplib *client);

void imaplib_set_debug(struct imaplib *client, int level);
/* The last ten traced lines, oldest first. (print_log) */
void imaplib_print_log(const struct imaplib *client,
    void (*print)(void *user, const char *line), void *user);

#endif
