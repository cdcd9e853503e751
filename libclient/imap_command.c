/*
 * The commands of the door: each is encoded, queued, and named by its serial.
 */
#include "libclient/imap.h"

#include <inttypes.h>
#include <stdio.h>

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

static const char *const status_names[] = {"MESSAGES", "UIDNEXT", "UIDVALIDITY",
    "UNSEEN", "HIGHESTMODSEQ", "SIZE", "MAILBOXID", "RECENT"};

/* "(MESSAGES UIDNEXT)", NUL-terminated, to out. */
static void
format_status(unsigned items, struct buf *out)
{
	const char *before = "(";

	for (size_t i = 0; i < sizeof(status_names) / sizeof(*status_names);
	     i++) {
		if ((items >> i & 1) == 0)
			continue;
		(void)buf_add_format(out, "%s%s", before, status_names[i]);
		before = " ";
	}
	(void)buf_add(out, ")", 2);
}

static void
begin_list(struct imap *imap, struct command *command, struct span reference,
    struct span pattern)
{
	begin(imap, command, "LIST");
	command_add_mailbox(command, reference);
	command_add_pattern(command, pattern);
}

static bool
has_special_use(const struct imap *imap)
{
	return has(imap, CAPABILITY_LIST_EXTENDED) &&
	    has(imap, CAPABILITY_SPECIAL_USE);
}

uint64_t
imap_list(struct imap *imap, struct span reference, struct span pattern)
{
	struct command command;

	begin_list(imap, &command, reference, pattern);
	if (has_special_use(imap))
		command_add_raw(&command, "RETURN (SPECIAL-USE)");
	return send_plain(imap, &command);
}

uint64_t
imap_list_status(struct imap *imap, struct span reference, struct span pattern,
    unsigned items)
{
	struct command command;
	struct buf options;
	uint64_t serial;

	if (items == 0)
		return 0;
	buf_init(&options, 256);
	(void)buf_add_format(&options, "RETURN (%sSTATUS ",
	    has_special_use(imap) ? "SPECIAL-USE " : "");
	format_status(items, &options);
	begin_list(imap, &command, reference, pattern);
	command_add_raw(&command, buf_span(&options).at);
	command_add_closing(&command);
	serial = send_plain(imap, &command);
	buf_free(&options);
	return serial;
}

uint64_t
imap_status(struct imap *imap, struct span mailbox, unsigned items)
{
	struct command command;
	struct buf list;
	uint64_t serial;

	if (items == 0)
		return 0;
	buf_init(&list, 256);
	format_status(items, &list);
	begin(imap, &command, "STATUS");
	command_add_mailbox(&command, mailbox);
	command_add_raw(&command, buf_span(&list).at);
	serial = send_plain(imap, &command);
	buf_free(&list);
	return serial;
}

uint64_t
imap_notify(struct imap *imap, unsigned events)
{
	static const struct {
		unsigned event;
		const char *words;
	} names[] = {
	    /* RFC 5465 section 5.2: the one never without the other */
	    {IMAP_NOTIFY_MESSAGES, "MessageNew MessageExpunge"},
	    {IMAP_NOTIFY_FLAGS, "FlagChange"},
	    {IMAP_NOTIFY_NAMES, "MailboxName"},
	};
	const char *before = "NOTIFY SET STATUS (personal (";
	struct buf line;
	uint64_t serial;

	if (events == 0)
		return send_word(imap, "NOTIFY NONE");
	buf_init(&line, 256);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if ((events & names[i].event) == 0)
			continue;
		(void)buf_add_format(&line, "%s%s", before, names[i].words);
		before = " ";
	}
	(void)buf_add(&line, "))", 3);
	serial = send_word(imap, buf_span(&line).at);
	buf_free(&line);
	return serial;
}

uint64_t
imap_notify_selected(struct imap *imap, unsigned items)
{
	struct command command;

	command_begin(&command, "NOTIFY", COMMAND_LITERALS_SYNC);
	command_add_raw(&command, "SET (selected (MessageNew");
	if (items != 0)
		command_add_items(&command, items);
	command_add_raw(&command, "MessageExpunge FlagChange))");
	return send_plain(imap, &command);
}

uint64_t
imap_enable(struct imap *imap, const char *words)
{
	struct command command;

	command_begin(&command, "ENABLE", COMMAND_LITERALS_SYNC);
	command_add_raw(&command, words);
	return send_plain(imap, &command);
}

static uint64_t
open_mailbox(struct imap *imap, const char *name, struct span mailbox,
    const struct imap_resync *resync)
{
	struct command command;
	char parameters[64];

	begin(imap, &command, name);
	command_add_mailbox(&command, mailbox);
	if (resync != NULL && resync->modseq == 0)
		command_add_raw(&command, "(CONDSTORE)");
	if (resync != NULL && resync->modseq != 0) {
		(void)snprintf(parameters, sizeof(parameters),
		    "(QRESYNC (%" PRIu32 " %" PRIu64 "))", resync->uidvalidity,
		    resync->modseq);
		command_add_raw(&command, parameters);
	}
	(void)command_end(&command);
	return imap_queued(imap, session_select(imap_session(imap), &command));
}

uint64_t
imap_select(
    struct imap *imap, struct span mailbox, const struct imap_resync *resync)
{
	return open_mailbox(imap, "SELECT", mailbox, resync);
}

uint64_t
imap_examine(
    struct imap *imap, struct span mailbox, const struct imap_resync *resync)
{
	return open_mailbox(imap, "EXAMINE", mailbox, resync);
}

/* There is no mailbox from here on, as before any was opened. */
static uint64_t
leave_mailbox(struct imap *imap, const char *word)
{
	struct command command;

	command_begin(&command, word, COMMAND_LITERALS_SYNC);
	(void)command_end(&command);
	return imap_queued(imap, session_leave(imap_session(imap), &command));
}

uint64_t
imap_unselect(struct imap *imap)
{
	return leave_mailbox(imap, "UNSELECT");
}

uint64_t
imap_close(struct imap *imap)
{
	return leave_mailbox(imap, "CLOSE");
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

static void
begin_fetch(struct imap *imap, struct command *command, uint32_t first,
    uint32_t last, unsigned items)
{
	begin(imap, command, "UID FETCH");
	command_add_range(command, first, last);
	command_add_items(command, items);
}

uint64_t
imap_uid_fetch_range(
    struct imap *imap, uint32_t first, uint32_t last, unsigned items)
{
	struct command command;

	begin_fetch(imap, &command, first, last, items);
	return send_plain(imap, &command);
}

uint64_t
imap_uid_fetch_changed(struct imap *imap, uint32_t first, uint32_t last,
    unsigned items, uint64_t modseq, bool with_vanished)
{
	struct command command;
	char modifiers[64];

	begin_fetch(imap, &command, first, last, items);
	(void)snprintf(modifiers, sizeof(modifiers),
	    "(CHANGEDSINCE %" PRIu64 "%s)", modseq,
	    with_vanished ? " VANISHED" : "");
	command_add_raw(&command, modifiers);
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
