/*
 * Tokens to typed responses (RFC 9051 section 7, lenient where real servers
 * are: see tests/transcripts).
 */
#ifndef LIBCLIENT_WIRE_RESPONSE_H
#define LIBCLIENT_WIRE_RESPONSE_H

#include "libclient/base/arena.h"
#include "libclient/wire/data.h"
#include "libclient/wire/frame.h"

enum response_type {
	RESPONSE_TAGGED, /* .tag, .data.state */
	RESPONSE_UNTAGGED, /* .data */
	RESPONSE_CONTINUATION, /* .text: what follows the + */
	RESPONSE_JUNK /* cannot be understood; .text is all of it */
};

struct response {
	enum response_type type;
	struct span tag;
	struct span text;
	struct imap_data data; /* tagged: IMAP_DATA_STATE */
	uint32_t sequence; /* the number in front of EXPUNGE and FETCH */
	struct uidset uids; /* owned: what .data's uids point to */
};

/*
 * Parses a frame. What the response points to lives in the view, in the arena
 * and in *response itself, which is overwritten, must not be copied and is to
 * be freed before the next one. A line that breaks the grammar is
 * RESPONSE_JUNK; the framing is intact, so the caller may go on. Never fails
 * otherwise; a FETCH whose items are partly unknown keeps what is known and
 * skips the rest; a FETCH whose list is broken, or that has two different
 * UIDs, is JUNK; a STATUS keeps what stood before a broken item. An ESEARCH
 * without UID (it holds sequence numbers) is IMAP_DATA_OTHER. Exchange's
 * "Server Unavailable." is an untagged BYE.
 *
 * A BODY[] small enough to be inline is in *body (borrowed), with
 * response->data.fetch.has_body set and .body 0: the session hands it on as
 * pieces. For any other response *body is empty.
 */
void response_parse(struct response *response, const struct frame_view *view,
    struct arena *arena, struct span *body);

/*
 * Instead of response_parse(), for those who read the frame themselves: true
 * for an untagged FETCH, which is told from the others by its front alone;
 * .data.fetch is then empty.
 */
bool response_skim(struct response *response, const struct frame_view *view);

/* Frees response->uids. */
void response_free(struct response *response);

/* The enum imap_flag of a name in any case; 0: it is a keyword. */
unsigned response_flag(struct span name);
/* The enum imap_list_flag of an attribute of LIST; 0: one of no interest. */
unsigned response_list_flag(struct span name);

/* "OK", "NO", ... and "READ-ONLY", ... as the protocol writes them. */
const char *imap_state_name(enum imap_state state);
const char *imap_code_name(enum imap_code_type type);
/* OTHER: a code that is not known here. */
enum imap_code_type imap_code_from_name(struct span name);

#endif
