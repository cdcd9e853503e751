/*
 * Verification of one folder: what the server has, what is here, and how they
 * differ. Blocking; it takes no lock and changes nothing. Only cmd_verify*.c
 * includes it.
 */
#ifndef DAEMON_CMD_VERIFY_H
#define DAEMON_CMD_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/cmd_session.h"
#include "daemon/keywords.h"
#include "daemon/mailboxes.h"
#include "daemon/maildir.h"
#include "daemon/state.h"

/* One that the server has. */
struct verify_message {
	uint32_t uid;
	uint32_t flags; /* index.h's bits */
	uint64_t size; /* RFC822.SIZE */
	bool has_size;
	bool has_flags;
};

/* A file that claims a UID with right, as far as its name goes. */
struct verify_file {
	uint32_t uid;
	uint32_t flags;
	uint64_t size; /* of the name; or MAILDIR_SIZE_UNKNOWN */
	char *name;
	bool is_new;
};

/* In order of UIDs, and of where in the message. */
struct verify_difference {
	uint32_t uid; /* 0: the folder's own */
	char *text;
	char *file; /* is not worth keeping: its name; NULL: none */
	bool is_new;
};

struct verify {
	/* what the caller sets; borrowed */
	const struct cmd_session *session;
	const struct settings_account *settings;
	const struct mailbox *mailbox;
	const char *state_dir;
	const char *label; /* "ACCOUNT/FOLDER", printable */

	struct uidset only; /* empty: all; else these alone are looked at */

	/* what the last look saw */
	uint32_t uidvalidity; /* the server's */
	struct verify_message *messages; /* in order of UIDs */
	uint32_t message_count;
	uint32_t message_size;

	char *path; /* below the root */
	struct maildir_root *root;
	struct maildir *maildir; /* NULL: there is none */
	struct maildir_identity identity; /* uidvalidity 0: UIDs prove nothing
					   */
	struct state_folder row;
	bool has_state;
	struct keywords keywords;
	uint32_t explained; /* the letters that had a meaning before */
	struct uidset too_large; /* withheld, and why */
	struct uidset refused;
	struct verify_file *files; /* in order of UIDs */
	uint32_t file_count;
	uint32_t file_size;

	struct verify_difference *differences;
	uint32_t difference_count;
	uint32_t difference_size;
	uint32_t total; /* messages that the server has */
	uint32_t withheld; /* of them, with good reason not here */
};

/* Each returns EX_OK, or the code to exit with: it was said why on stderr. */

/* What the server has, of .only: .uidvalidity and .messages. After _local():
 * keywords are told by the folder's letters. */
int verify_server(struct verify *verify);
/* What is here; differences of the folder itself are noted. */
int verify_local(struct verify *verify);

/* What a file's message is long with the server's line ends; false: it is not
 * there any more. */
bool verify_length(const struct verify *verify, const struct verify_file *file,
    uint64_t *length);

/* Whether a file has the message's bytes; *is_known: it could be told. */
int verify_body(const struct verify *verify, const struct verify_file *file,
    bool *is_same, bool *is_known);

/*
 * Looks, and looks again at what differs: what is gone then was on its way.
 * Leaves .differences.
 */
int verify_look(struct verify *verify);

/* Takes text, which is freed with the others. */
struct verify_difference *verify_differ(
    struct verify *verify, uint32_t uid, char *text);

/* Frees what a look left; then all that is not borrowed. */
void verify_clear(struct verify *verify);
void verify_free(struct verify *verify);

#endif
