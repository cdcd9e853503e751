/*
 * The commands of the door: each is encoded, queued, and named by its serial.
 */
#include "libclient/imap.h"
#include "libclient/imap_private.h"
#include "libclient/proto/login.h"
#include "libclient/proto/session.h"

static bool
has(const struct imap *imap, enum capability capability)
{
	return capabilities_have(
	    session_capabilities(imap_session(imap)), capability);
}

static uint64_t
send_kind(struct imap *imap, struct command *command, enum pipeline_kind kind)
{
	(void)command_end(command);
	return imap_queued(
	    imap, session_command(imap_session(imap), command, kind));
}

static uint64_t
send_plain(struct imap *imap, struct command *command)
{
	return send_kind(imap, command, PIPELINE_PLAIN);
}

static uint64_t
send_word(struct imap *imap, const char *word)
{
	struct command command;

	command_begin(&command, word, COMMAND_LITERALS_SYNC);
	return send_plain(imap, &command);
}

static void
begin(struct imap *imap, struct command *command, const char *name)
{
	command_begin(command, name, session_literals(imap_session(imap)));
}

uint64_t
imap_noop(struct imap *imap)
{
	return send_word(imap, "NOOP");
}

uint64_t
imap_capability(struct imap *imap)
{
	return send_word(imap, "CAPABILITY");
}

uint64_t
imap_logout(struct imap *imap)
{
	uint64_t serial = send_word(imap, "LOGOUT");

	if (serial != 0)
		session_expect_end(imap_session(imap));
	return serial;
}

uint64_t
imap_list(struct imap *imap, struct span reference, struct span pattern)
{
	struct command command;

	begin(imap, &command, "LIST");
	command_add_mailbox(&command, reference);
	command_add_pattern(&command, pattern);
	if (has(imap, CAPABILITY_LIST_EXTENDED) &&
	    has(imap, CAPABILITY_SPECIAL_USE))
		command_add_raw(&command, "RETURN (SPECIAL-USE)");
	return send_plain(imap, &command);
}

static const char *const status_names[] = {"MESSAGES", "UIDNEXT", "UIDVALIDITY",
    "UNSEEN", "HIGHESTMODSEQ", "SIZE", "MAILBOXID", "RECENT"};

uint64_t
imap_status(struct imap *imap, struct span mailbox, unsigned items)
{
	struct command command;
	struct buf list;
	uint64_t serial;

	buf_init(&list, 256);
	for (size_t i = 0; i < sizeof(status_names) / sizeof(*status_names);
	     i++)
		if ((items >> i & 1) != 0)
			(void)buf_add_format(&list, "%s%s",
			    buf_len(&list) == 0 ? "(" : " ", status_names[i]);
	if (buf_len(&list) == 0)
		return 0;
	(void)buf_add(&list, ")", 2);
	begin(imap, &command, "STATUS");
	command_add_mailbox(&command, mailbox);
	command_add_raw(&command, buf_span(&list).at);
	serial = send_plain(imap, &command);
	buf_free(&list);
	return serial;
}

static uint64_t
open_mailbox(struct imap *imap, const char *name, struct span mailbox)
{
	struct command command;

	begin(imap, &command, name);
	command_add_mailbox(&command, mailbox);
	(void)command_end(&command);
	return imap_queued(imap, session_select(imap_session(imap), &command));
}

uint64_t
imap_select(struct imap *imap, struct span mailbox)
{
	return open_mailbox(imap, "SELECT", mailbox);
}

uint64_t
imap_examine(struct imap *imap, struct span mailbox)
{
	return open_mailbox(imap, "EXAMINE", mailbox);
}

uint64_t
imap_unselect(struct imap *imap)
{
	return send_word(imap, "UNSELECT");
}

uint64_t
imap_close(struct imap *imap)
{
	return send_word(imap, "CLOSE");
}

uint64_t
imap_uid_fetch(struct imap *imap, const struct uidset *uids, unsigned items)
{
	struct command command;

	begin(imap, &command, "UID FETCH");
	if (uidset_is_empty(uids) ||
	    command_add_uids(&command, uids, 0) < uids->count) {
		command_free(&command);
		return 0;
	}
	command_add_items(&command, items);
	return send_plain(imap, &command);
}

uint64_t
imap_uid_fetch_range(
    struct imap *imap, uint32_t first, uint32_t last, unsigned items)
{
	struct command command;

	begin(imap, &command, "UID FETCH");
	command_add_range(&command, first, last);
	command_add_items(&command, items);
	return send_plain(imap, &command);
}

uint64_t
imap_uid_search_all(struct imap *imap)
{
	return send_word(imap,
	    has(imap, CAPABILITY_ESEARCH) ? "UID SEARCH RETURN (ALL) ALL"
					  : "UID SEARCH ALL");
}

uint64_t
imap_idle(struct imap *imap)
{
	struct command command;

	command_begin(&command, "IDLE", COMMAND_LITERALS_SYNC);
	return send_kind(imap, &command, PIPELINE_IDLE);
}

void
imap_done(struct imap *imap)
{
	session_end_idle(imap_session(imap));
	(void)imap_queued(imap, 0);
}

bool
imap_refusal(struct imap_error *error, const char *what,
    const struct imap_event *event, enum imap_error_kind otherwise)
{
	return login_refusal(
	    error, what, event->state, &event->code, event->text, otherwise);
}
