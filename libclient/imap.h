/*
 * The door of libclient: one IMAP connection on an event loop. It never
 * blocks and never logs. All calls come from the loop's thread. (RFC 9051,
 * RFC 2177, RFC 4959, RFC 7162; imaplib's IMAP4, IMAP4_SSL and IMAP4_stream.)
 */
#ifndef LIBCLIENT_IMAP_H
#define LIBCLIENT_IMAP_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "libclient/base/buf.h"
#include "libclient/base/imap_error.h"
#include "libclient/io/clock.h"
#include "libclient/io/job.h"
#include "libclient/io/proxy.h"
#include "libclient/io/tls.h"
#include "libclient/proto/event.h"
#include "libclient/proto/trace.h"
#include "libclient/wire/command.h"
#include "libclient/wire/uidset.h"

enum imap_tls {
	IMAP_TLS_IMPLICIT, /* from the first byte (port 993) */
	IMAP_TLS_STARTTLS, /* after STARTTLS, and never without (port 143) */
	IMAP_TLS_NONE
};

/* Whom to talk to and as whom. Copied by imap_new(), pointers excepted where
 * said. */
struct imap_endpoint {
	const char *host; /* name or address; also with a tunnel: its name */
	uint16_t port;
	const char *tunnel; /* a shell command instead of a socket, or NULL */
	/* whom to ask for the way to host, or NULL; not used with a tunnel */
	const struct proxy_server *proxy;
	enum imap_tls tls; /* not used with a tunnel */
	struct tls_context *tls_context; /* borrowed; NULL without TLS */
	struct job_lane *names; /* borrowed; not used with a tunnel */

	const char *user;
	const char *secret; /* wiped from the connection once logged in */
	bool is_token; /* the secret is an OAuth access token */
	uint32_t mechanisms; /* that may be used: 1u << enum mechanism */
	bool is_loopback; /* cleartext mechanisms are safe without TLS */

	const char *const *disabled; /* borrowed: capabilities to ignore */
	uint32_t disabled_count;
	const char *enable; /* borrowed: what to ENABLE if offered, or NULL */
	bool asks_capability; /* after the login, whatever was told unasked */
	bool forces_id; /* ID is sent although it is not offered */
	/* borrowed until imap_new() returns: imap_capabilities() of the last
	 * session with this server, which saves round trips; or NULL */
	const struct capabilities *known;
	/* borrowed: told of the protocol's lines, secrets left out; or NULL */
	const struct trace *trace;
	/* No login: commands are the owner's own (imaplib.h). */
	bool is_manual;
	uint64_t timeout; /* microseconds: connecting; the longest silence
			   * while a reply is due */
};

struct imap;

/*
 * Told of each event, always from the loop. The event and everything it
 * points to are borrowed until it returns. It may call any imap_ function,
 * imap_free() included.
 */
typedef void imap_handler(
    struct imap *imap, const struct imap_event *event, void *user);

/*
 * Connects, secures and logs in; then tells IMAP_READY, or IMAP_CLOSED with
 * the reason. Cannot fail inside the call.
 */
struct imap *imap_new(sd_event *loop, const struct imap_endpoint *endpoint,
    imap_handler *handler, void *user);

/* Drops the connection at once, with everything in flight. NULL ok. */
struct imap *imap_free(struct imap *imap);

/*
 * Commands. Each returns its serial, which IMAP_DONE will name, or 0 if it
 * cannot be sent: not READY, or an argument that would inject a command.
 * Commands of one turn of the loop leave in one write. A command behind an
 * open IDLE ends that IDLE by itself.
 */
uint64_t imap_noop(struct imap *imap);
uint64_t imap_capability(struct imap *imap);
/* After it an end of the connection is expected (imaplib: logout). */
uint64_t imap_logout(struct imap *imap);

/* LIST reference pattern; RETURN (SPECIAL-USE) where offered with
 * LIST-EXTENDED. Patterns are in the server's encoding. */
uint64_t imap_list(
    struct imap *imap, struct span reference, struct span pattern);

/* The same with STATUS of each mailbox (RFC 5819, needs LIST-STATUS); items:
 * enum imap_status_item. */
uint64_t imap_list_status(struct imap *imap, struct span reference,
    struct span pattern, unsigned items);

/* STATUS; mailbox: bytes as LIST gave them; items: enum imap_status_item. */
uint64_t imap_status(struct imap *imap, struct span mailbox, unsigned items);

/* What NOTIFY may tell of a mailbox that is not selected. */
enum imap_notify_event {
	IMAP_NOTIFY_MESSAGES = 1 << 0, /* new and expunged ones: STATUS */
	IMAP_NOTIFY_FLAGS = 1 << 1, /* needs IMAP_NOTIFY_MESSAGES; STATUS,
				     * where the server has CONDSTORE */
	IMAP_NOTIFY_NAMES = 1 << 2 /* created, renamed, deleted: LIST */
};

/*
 * NOTIFY SET (RFC 5465) for all of the user's own mailboxes: STATUS of each at
 * once, and from then on of the one in which something happens. events: of
 * enum imap_notify_event; 0: NOTIFY NONE, which Dovecot 2.3 wants before it is
 * set anew, or it tells nothing any more.
 */
uint64_t imap_notify(struct imap *imap, unsigned events);

/*
 * NOTIFY SET for the selected mailbox alone: a new message comes by itself, as
 * a FETCH with these items, behind its EXISTS; expunges and flags are told as
 * ever. items 0: the EXISTS alone, as without NOTIFY; after NOTIFY NONE, or a
 * SET about others, the server says nothing of it (RFC 5465 section 3.1). It
 * goes on for what is selected next.
 */
uint64_t imap_notify_selected(struct imap *imap, unsigned items);

/* ENABLE words (RFC 5161), as in "QRESYNC". */
uint64_t imap_enable(struct imap *imap, const char *words);

/* What SELECT is asked to tell beyond the mailbox (RFC 7162). */
struct imap_resync {
	uint32_t uidvalidity; /* with modseq: of the last visit */
	uint64_t modseq; /* all changes since then (QRESYNC, needs it ENABLEd);
			  * 0: none, only that MODSEQs are wanted (CONDSTORE) */
};

/* SELECT and EXAMINE (which never changes the mailbox). resync: NULL: plain. */
uint64_t imap_select(
    struct imap *imap, struct span mailbox, const struct imap_resync *resync);
uint64_t imap_examine(
    struct imap *imap, struct span mailbox, const struct imap_resync *resync);

/* UNSELECT where offered; CLOSE, which expunges a SELECTed mailbox. */
uint64_t imap_unselect(struct imap *imap);
uint64_t imap_close(struct imap *imap);

/*
 * UID FETCH of a set that fits one command line (COMMAND_MAX_LINE; a longer
 * one gives 0), or of all from first to last; items: enum imap_fetch_item.
 */
uint64_t imap_uid_fetch(
    struct imap *imap, const struct uidset *uids, unsigned items);
uint64_t imap_uid_fetch_range(
    struct imap *imap, uint32_t first, uint32_t last, unsigned items);

/* The same of those of first to last that changed after modseq, and, where
 * QRESYNC is ENABLEd, as VANISHED (EARLIER) of those that went (RFC 7162). */
uint64_t imap_uid_fetch_changed(struct imap *imap, uint32_t first,
    uint32_t last, unsigned items, uint64_t modseq, bool with_vanished);

/* UID SEARCH ALL, as ESEARCH where offered: the mailbox's UIDs. */
uint64_t imap_uid_search_all(struct imap *imap);

/* IDLE: IMAP_IDLING when it is open, IMAP_DONE when it ended. */
uint64_t imap_idle(struct imap *imap);
/* Ends an open IDLE although no command follows; at once, or as soon as it
 * is open. (imaplib: leaving the Idler's context) */
void imap_done(struct imap *imap);

/*
 * COMPRESS DEFLATE (RFC 4978): after an OK both directions are deflated, after
 * a NO nothing has changed. What is queued behind it waits for its reply, so it
 * costs a round trip. It may be asked for before READY, too: UINT64_MAX is
 * returned, the login asks as its last step, where the server offers it, and
 * READY follows, whatever the answer was; no IMAP_DONE tells of it. 0: not
 * offered, asked for already, or the connection has ended.
 */
uint64_t imap_compress(struct imap *imap);

/* True once the server agreed to compress. */
bool imap_is_compressed(const struct imap *imap);

/*
 * The refusal that an IMAP_DONE with NO or BAD tells, as an error for people:
 * its kind follows from the response code, or is otherwise. what: "EXAMINE".
 * Returns false.
 */
bool imap_refusal(struct imap_error *error, const char *what,
    const struct imap_event *event, enum imap_error_kind otherwise);

/* What the server offers, and the selected mailbox as last described. */
const struct capabilities *imap_capabilities(const struct imap *imap);
const struct imap_mailbox *imap_mailbox(const struct imap *imap);

/*
 * Whether the peer still lives: a byte has to come within so many
 * microseconds, if a reply is due then; else the connection ends (TIMEOUT). To
 * be called behind a command that makes the server speak.
 */
void imap_hurry(struct imap *imap, uint64_t usec);

/* True if the connection is lost, as far as this machine can know: its address
 * is gone, or what was sent some time ago has not been acknowledged. */
bool imap_is_stranded(const struct imap *imap);

/* How long the server had been silent when that was asked for to which no
 * reply has come; 0: none is due. Also once the connection has ended. */
uint64_t imap_silence(const struct imap *imap);

/* Who the server says it is: its greeting's text, and what it answered to ID
 * (a list as sent); cut to some words, "" while unknown. */
const char *imap_greeting(const struct imap *imap);
const char *imap_server_id(const struct imap *imap);

/*
 * True if commands are accepted because imap_endpoint.known allows it, and the
 * server has not answered the login yet. A connection that ends then says that
 * it is to be forgotten.
 */
bool imap_is_early(const struct imap *imap);

bool imap_is_ready(const struct imap *imap);
bool imap_is_idling(const struct imap *imap);

/* True if no reply is due: what is asked next is answered next. */
bool imap_is_quiet(const struct imap *imap);

/* Bytes on the wire; "TLSv1.3, ..." or "". */
uint64_t imap_bytes_in(const struct imap *imap);
uint64_t imap_bytes_out(const struct imap *imap);
const char *imap_tls_description(const struct imap *imap);

#endif
