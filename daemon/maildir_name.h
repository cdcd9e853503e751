/*
 * File names of messages, pure: mailmirror.conf(5)'s
 * SECONDS.VUIDVALIDITY.HOST,U=UID,S=SIZE[:2,FLAGS].
 */
#ifndef DAEMON_MAILDIR_NAME_H
#define DAEMON_MAILDIR_NAME_H

#include <stdbool.h>
#include <stdint.h>

/* Room for any message file name of ours, and NUL. */
#define MAILDIR_NAME_SIZE 256

/* The same for a file of ours in tmp/. */
#define MAILDIR_TMP_NAME_SIZE 48

/* Room for ":2," with all flags and keywords, and NUL. */
#define MAILDIR_FLAGS_SIZE 40

/*
 * What a message has whose size or date is not known: an index entry that
 * says INDEX_SIZE_LARGE or INDEX_DATE_ODD, a foreign name without them.
 * Its file is then found by its UID.
 */
#define MAILDIR_SIZE_UNKNOWN UINT64_MAX
#define MAILDIR_DATE_UNKNOWN INT64_MIN

/* What is the same for all messages of a folder. */
struct maildir_identity {
	uint32_t uidvalidity;
	const char *host; /* settings' host or account name; / : , and control
			     bytes become _, a long one is cut */
};

/* Everything that a file name says. */
struct maildir_message {
	uint32_t uid;
	uint64_t size; /* or MAILDIR_SIZE_UNKNOWN */
	int64_t date; /* or MAILDIR_DATE_UNKNOWN */
	uint32_t flags; /* index.h's bits */
};

/* "SECONDS.VUIDVALIDITY.HOST,U=UID,S=SIZE" */
void maildir_base_name(const struct maildir_identity *identity,
    const struct maildir_message *message, char out[MAILDIR_NAME_SIZE]);

/* ":2,FLAGS", letters sorted; flags 0 gives ":2,". */
void maildir_flags_suffix(uint32_t flags, char out[MAILDIR_FLAGS_SIZE]);

/*
 * Reads a file name. False if it has no `,U=`, or a malformed one, or two: a
 * local or foreign file. Size and date that it does not say are UNKNOWN;
 * letters that mean nothing to us are ignored. *is_ours: the base is exactly
 * what maildir_base_name() would write for the identity and the message.
 */
bool maildir_parse_name(const char *name,
    const struct maildir_identity *identity, struct maildir_message *message,
    bool *is_ours);

/* True if a name says that its message is of this UIDVALIDITY: ".V123.". */
bool maildir_is_generation(const char *name, uint32_t uidvalidity);

/*
 * Takes every `,U=...` (up to the next comma, colon or end) out of a name;
 * number > 1 is put behind the base, so that the name is another one. False:
 * the name has no `,U=`, or would not fit; out is then undefined.
 */
bool maildir_disowned_name(
    const char *name, unsigned number, char out[MAILDIR_NAME_SIZE]);

#endif
