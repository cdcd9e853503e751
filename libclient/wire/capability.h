/*
 * The capabilities that we act on, in one table of names.
 */
#ifndef LIBCLIENT_WIRE_CAPABILITY_H
#define LIBCLIENT_WIRE_CAPABILITY_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/base/buf.h"

enum capability {
	CAPABILITY_IMAP4REV1,
	CAPABILITY_IMAP4REV2,
	CAPABILITY_STARTTLS,
	CAPABILITY_LOGINDISABLED,
	CAPABILITY_SASL_IR,
	CAPABILITY_ENABLE,
	CAPABILITY_ID,
	CAPABILITY_IDLE,
	CAPABILITY_NAMESPACE,
	CAPABILITY_UNSELECT,
	CAPABILITY_UIDPLUS,
	CAPABILITY_LITERAL_PLUS,
	CAPABILITY_LITERAL_MINUS,
	CAPABILITY_CONDSTORE,
	CAPABILITY_QRESYNC,
	CAPABILITY_ESEARCH,
	CAPABILITY_LIST_EXTENDED,
	CAPABILITY_LIST_STATUS,
	CAPABILITY_SPECIAL_USE,
	CAPABILITY_STATUS_SIZE,
	CAPABILITY_NOTIFY,
	CAPABILITY_COMPRESS_DEFLATE,
	CAPABILITY_OBJECTID,
	CAPABILITY_UTF8_ACCEPT,
	CAPABILITY_UIDONLY,
	CAPABILITY_MOVE,
	CAPABILITY_X_GM_EXT_1,
	CAPABILITY_COUNT
};

/* SASL mechanisms, strongest first: a set is a mask of 1u << mechanism. */
enum mechanism {
	MECHANISM_EXTERNAL,
	MECHANISM_SCRAM_SHA_256_PLUS,
	MECHANISM_SCRAM_SHA_1_PLUS,
	MECHANISM_SCRAM_SHA_256,
	MECHANISM_SCRAM_SHA_1,
	MECHANISM_OAUTHBEARER,
	MECHANISM_XOAUTH2,
	MECHANISM_CRAM_MD5,
	MECHANISM_PLAIN,
	MECHANISM_LOGIN,
	MECHANISM_ANONYMOUS,
	MECHANISM_COUNT
};

/* What a server offers: masks of 1 << capability and 1 << mechanism. */
struct capabilities {
	uint64_t offered;
	uint32_t mechanisms;
	bool known; /* the server has told */
};

static inline bool
capabilities_have(const struct capabilities *set, enum capability capability)
{
	return (set->offered >> capability & 1) != 0;
}

/*
 * Replaces *set by what the words of a CAPABILITY response name, split at
 * spaces, any case, unknown ones skipped. QRESYNC implies CONDSTORE, IMAP4REV2
 * implies what RFC 9051 made part of it (ENABLE, IDLE, SASL-IR, NAMESPACE,
 * UNSELECT, UIDPLUS, ESEARCH, LIST-EXTENDED, LIST-STATUS, SPECIAL-USE,
 * STATUS=SIZE, LITERAL-, MOVE). X-GM-EXT-1 too is a plain name.
 */
void capabilities_parse(struct capabilities *set, struct span words);

/* Takes one capability ("QRESYNC", "AUTH=PLAIN", any case) out of *set. */
void capabilities_remove(struct capabilities *set, const char *name);

/* IMAP's name of it ("LITERAL+"); a mechanism's ("SCRAM-SHA-256-PLUS"). */
const char *capability_name(enum capability capability);
const char *mechanism_name(enum mechanism mechanism);

/* The mechanism of that name, any case; MECHANISM_COUNT if there is none. */
enum mechanism mechanism_from_name(const char *name);

#endif
