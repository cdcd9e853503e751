/*
 * LIST and STATUS: in one command where the server has LIST-STATUS (RFC 5819),
 * else LIST and then STATUS of many at a time.
 */
#include "daemon/cmd_listing.h"

#include <stdlib.h>
#include <sysexits.h>

#include "daemon/folder_path.h"
#include "libclient/base/mem.h"
#include "libclient/imaplib_data.h"
#include "libclient/imaplib_mailbox.h"

/* So many STATUS are on their way at a time. */
#define STATUS_AT_ONCE 50

#define DECODED_MAX ((size_t)16 * MAILBOXES_MAX_NAME)

static const char *
status_items(const struct cmd_session *session)
{
	return cmd_session_has(session, CAPABILITY_STATUS_SIZE)
	    ? "(MESSAGES SIZE)"
	    : "(MESSAGES)";
}

/* ---- what came ---- */

static struct cmd_mailbox *
find(struct cmd_listing *listing, struct span bytes)
{
	uint32_t i = spanmap_get(&listing->index, mailboxes_key(bytes));

	return i == SPANMAP_NONE ? NULL : &listing->items[i];
}

/* One that cannot be opened is of no use to the mirror, and shown. */
static void
add(struct cmd_listing *listing, const struct imap_list *list)
{
	const unsigned closed = IMAP_LIST_NOSELECT | IMAP_LIST_NONEXISTENT;
	struct imap_list open = *list;
	struct mailboxes one = {0};

	open.flags &= ~closed;
	if (find(listing, list->mailbox) != NULL ||
	    listing->count >= MAILBOXES_MAX)
		return;
	mailboxes_add(&one, &open);
	if (one.items == NULL)
		return;
	if (listing->items == NULL || listing->count == listing->size) {
		listing->size = listing->size * 2 + 16;
		listing->items = mem_resize(
		    listing->items, listing->size, sizeof(*listing->items));
	}
	listing->items[listing->count] = (struct cmd_mailbox){
	    .mailbox = one.items[0],
	    .cannot_open = (list->flags & closed) != 0,
	};
	/* the strings are ours now */
	one.count = 0;
	mailboxes_free(&one);
	spanmap_put(&listing->index,
	    cmd_listing_bytes(&listing->items[listing->count].mailbox),
	    listing->count);
	listing->count++;
}

static void
take(struct cmd_listing *listing, const struct imaplib_reply *reply)
{
	struct imap_list list;
	struct imap_status status;
	struct buf decoded;

	buf_init(&decoded, DECODED_MAX);
	for (const struct imaplib_untagged *one = reply->untagged; one != NULL;
	     one = one->next) {
		struct cmd_mailbox *mailbox;

		if (imaplib_data_list(one, &decoded, &list))
			add(listing, &list);
		if (!imaplib_data_status(one, &status))
			continue;
		mailbox = find(listing, status.mailbox);
		if (mailbox == NULL)
			continue;
		mailbox->has = status.has;
		mailbox->messages = status.messages;
		mailbox->size = status.size;
	}
	buf_free(&decoded);
}

/* ---- which are mirrored: by the function that the mirror uses ---- */

static void
choose(struct cmd_listing *listing, const struct settings_account *settings)
{
	struct mailboxes chosen = {0};

	for (uint32_t i = 0; i < listing->count; i++) {
		const struct cmd_mailbox *item = &listing->items[i];
		const struct mailbox *mailbox = &item->mailbox;
		struct imap_list list = {
		    .flags = mailbox->flags,
		    .delimiter = mailbox->delimiter,
		    .mailbox = cmd_listing_bytes(mailbox),
		};

		if (mailbox->is_valid)
			list.name = span_of(mailbox->name);
		if (!item->cannot_open)
			mailboxes_add(&chosen, &list);
	}
	mailboxes_choose(&chosen, settings);
	for (uint32_t i = 0; i < listing->count; i++)
		listing->items[i].is_mirrored =
		    mailboxes_find(&chosen,
			cmd_listing_bytes(&listing->items[i].mailbox)) != NULL;
	mailboxes_free(&chosen);
}

/* ---- asking ---- */

/* What LIST is to return besides, or NULL; to be freed. */
static char *
list_returns(const struct cmd_session *session, bool with_status)
{
	bool has_use = cmd_session_has(session, CAPABILITY_SPECIAL_USE) &&
	    cmd_session_has(session, CAPABILITY_LIST_EXTENDED);

	if (with_status)
		return mem_format("(%sSTATUS %s)",
		    has_use ? "SPECIAL-USE " : "", status_items(session));
	return has_use ? mem_copy_string("(SPECIAL-USE)") : NULL;
}

/* *is_refused: by a server that offers what it does not do. */
static int
ask_list(struct cmd_listing *listing, const struct cmd_session *session,
    const char *returns, bool *is_refused)
{
	struct imaplib_reply reply = {0};
	int code = EX_OK;
	bool is_ok =
	    imaplib_list(session->client, "", "*", NULL, returns, &reply);

	if (is_ok)
		take(listing, &reply);
	*is_refused = returns != NULL && reply.type != IMAPLIB_ABORT &&
	    listing->count == 0;
	if (!is_ok && !*is_refused)
		code = cmd_session_fail(session, &reply, false);
	imaplib_reply_free(&reply);
	/* a NO to LIST is one for now */
	return code == EXIT_FAILURE ? EX_TEMPFAIL : code;
}

/* Servers refuse it for a mailbox or another: that one then tells nothing. */
static int
ask_status(struct cmd_listing *listing, const struct cmd_session *session)
{
	const char *names[STATUS_AT_ONCE];
	uint32_t next = 0;

	while (next < listing->count) {
		struct imaplib_reply reply = {0};
		uint32_t count = 0;
		int code = EX_OK;

		for (; next < listing->count && count < STATUS_AT_ONCE;
		     next++) {
			const struct cmd_mailbox *item = &listing->items[next];

			if (!item->cannot_open && item->mailbox.is_valid)
				names[count++] = item->mailbox.name;
		}
		if (count > 0 &&
		    !imaplib_status_each(session->client, names, count,
			status_items(session), &reply) &&
		    reply.type == IMAPLIB_ABORT)
			code = cmd_session_fail(session, &reply, false);
		take(listing, &reply);
		imaplib_reply_free(&reply);
		if (code != EX_OK)
			return code;
	}
	return EX_OK;
}

int
cmd_listing_ask(struct cmd_listing *listing, const struct cmd_session *session,
    bool with_status)
{
	bool has_status =
	    with_status && cmd_session_has(session, CAPABILITY_LIST_STATUS);
	char *returns = list_returns(session, has_status);
	bool is_refused = false;
	int code = ask_list(listing, session, returns, &is_refused);

	mem_free(returns);
	if (is_refused)
		code = ask_list(listing, session, NULL, &is_refused);
	else
		with_status &= !has_status;
	if (code == EX_OK && with_status)
		code = ask_status(listing, session);
	if (code == EX_OK)
		choose(listing, session->account);
	return code;
}

void
cmd_listing_free(struct cmd_listing *listing)
{
	for (uint32_t i = 0; i < listing->count; i++) {
		mem_free(listing->items[i].mailbox.bytes);
		mem_free(listing->items[i].mailbox.name);
	}
	mem_free(listing->items);
	spanmap_free(&listing->index);
	*listing = (struct cmd_listing){0};
}

struct span
cmd_listing_bytes(const struct mailbox *mailbox)
{
	return (struct span){mailbox->bytes, mailbox->bytes_len};
}

char *
cmd_listing_path(struct state *state, const struct settings_account *settings,
    const struct mailbox *mailbox)
{
	const struct folder_mailbox described = {
	    .bytes = cmd_listing_bytes(mailbox),
	    .name = span_of(mailbox->name),
	    .is_valid = mailbox->is_valid,
	    .delimiter = mailbox->delimiter,
	};

	return folder_path_of(state, settings, &described);
}
