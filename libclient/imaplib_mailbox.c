/*
 * Commands about mailboxes (RFC 9051 section 6.3).
 */
#include "libclient/imaplib_mailbox.h"

#include "libclient/imaplib_private.h"
#include "libclient/wire/utf7.h"

void
imaplib_add_mailbox(
    struct imaplib *client, struct command *command, const char *mailbox)
{
	struct buf encoded;

	if (client->is_utf8) {
		command_add_mailbox(command, span_of(mailbox));
		return;
	}
	buf_init(&encoded, COMMAND_MAX_ARGUMENT);
	if (!utf7_encode(span_of(mailbox), &encoded))
		command->failed = true;
	command_add_mailbox(command, buf_span(&encoded));
	buf_free(&encoded);
}

/* A command with one mailbox name and perhaps something raw behind it. */
static bool
call(struct imaplib *client, const char *name, const char *mailbox,
    const char *raw, struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, name, &command, reply))
		return false;
	imaplib_add_mailbox(client, &command, mailbox);
	if (raw != NULL)
		command_add_raw(&command, raw);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_select(struct imaplib *client, const char *mailbox, bool is_readonly,
    const char *parameters, struct imaplib_reply *reply)
{
	const char *name = is_readonly ? "EXAMINE" : "SELECT";
	struct command command;
	struct imap_error error = {0};
	bool was_read_only = client->is_read_only;
	bool had_become = client->became_read_only;

	if (!imaplib_begin(client, name, &command, reply))
		return false;
	if (mailbox == NULL || mailbox[0] == '\0')
		mailbox = "INBOX";
	client->is_read_only = is_readonly;
	client->became_read_only = false;
	imaplib_add_mailbox(client, &command, mailbox);
	if (parameters != NULL)
		command_add_raw(&command, parameters);
	/* what was told so far is about another mailbox */
	if (!command.failed)
		imaplib_forget_responses(client);
	(void)imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
	if (reply->type == IMAPLIB_ERROR) {
		client->is_read_only = was_read_only;
		client->became_read_only = had_become;
	}
	if (reply->type == IMAPLIB_NO || reply->type == IMAPLIB_BAD)
		client->state = IMAPLIB_AUTH;
	if (reply->type != IMAPLIB_OK)
		return false;
	client->state = IMAPLIB_SELECTED;
	if (is_readonly || !client->became_read_only)
		return true;
	imap_error_set(
	    &error, IMAP_ERROR_UNSUPPORTED, "%s is not writable", mailbox);
	imaplib_reply_set_error(reply, IMAPLIB_READONLY, &error);
	return false;
}

/* CLOSE and UNSELECT leave the mailbox also when they are refused. */
static bool
leave(struct imaplib *client, const char *name, struct imaplib_reply *reply)
{
	(void)imaplib_call(client, name, NULL, reply);
	if (reply->type == IMAPLIB_OK || reply->type == IMAPLIB_NO ||
	    reply->type == IMAPLIB_BAD)
		client->state = IMAPLIB_AUTH;
	return reply->type == IMAPLIB_OK;
}

bool
imaplib_close(struct imaplib *client, struct imaplib_reply *reply)
{
	return leave(client, "CLOSE", reply);
}

bool
imaplib_unselect(struct imaplib *client, struct imaplib_reply *reply)
{
	return leave(client, "UNSELECT", reply);
}

bool
imaplib_check(struct imaplib *client, struct imaplib_reply *reply)
{
	return imaplib_call(client, "CHECK", NULL, reply);
}

bool
imaplib_create(struct imaplib *client, const char *mailbox, const char *options,
    struct imaplib_reply *reply)
{
	return call(client, "CREATE", mailbox, options, reply);
}

bool
imaplib_delete(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply)
{
	return call(client, "DELETE", mailbox, NULL, reply);
}

bool
imaplib_rename(struct imaplib *client, const char *from, const char *to,
    struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, "RENAME", &command, reply))
		return false;
	imaplib_add_mailbox(client, &command, from);
	imaplib_add_mailbox(client, &command, to);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_subscribe(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply)
{
	return call(client, "SUBSCRIBE", mailbox, NULL, reply);
}

bool
imaplib_unsubscribe(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply)
{
	return call(client, "UNSUBSCRIBE", mailbox, NULL, reply);
}

/* A pattern's letters are encoded as a name's; * and % stay what they are. */
static void
add_pattern(
    struct imaplib *client, struct command *command, const char *pattern)
{
	struct buf encoded;

	buf_init(&encoded, COMMAND_MAX_ARGUMENT);
	if (client->is_utf8)
		command_add_pattern(command, span_of(pattern));
	else if (utf7_encode(span_of(pattern), &encoded))
		command_add_pattern(command, buf_span(&encoded));
	else
		command->failed = true;
	buf_free(&encoded);
}

bool
imaplib_list(struct imaplib *client, const char *reference, const char *pattern,
    const char *selection, const char *returns, struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, "LIST", &command, reply))
		return false;
	if (selection != NULL)
		command_add_raw(&command, selection);
	imaplib_add_mailbox(client, &command, reference);
	add_pattern(client, &command, pattern);
	if (returns != NULL) {
		command_add_raw(&command, "RETURN");
		command_add_raw(&command, returns);
	}
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_lsub(struct imaplib *client, const char *reference, const char *pattern,
    struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, "LSUB", &command, reply))
		return false;
	imaplib_add_mailbox(client, &command, reference);
	add_pattern(client, &command, pattern);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_status(struct imaplib *client, const char *mailbox, const char *items,
    struct imaplib_reply *reply)
{
	return call(client, "STATUS", mailbox, items, reply);
}

bool
imaplib_status_each(struct imaplib *client, const char *const *mailboxes,
    uint32_t count, const char *items, struct imaplib_reply *reply)
{
	struct command command;
	uint64_t last = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (last == 0) {
			if (!imaplib_begin(client, "STATUS", &command, reply))
				return false;
		} else {
			command_begin(&command, "STATUS",
			    session_literals(imap_session(client->imap)));
		}
		imaplib_add_mailbox(client, &command, mailboxes[i]);
		command_add_raw(&command, items);
		if (command_end(&command))
			last = session_command(imap_session(client->imap),
			    &command, PIPELINE_PLAIN);
		else
			command_free(&command);
	}
	if (last == 0)
		return imaplib_refuse(reply, "no mailbox to ask for");
	return imaplib_await(client, last, reply);
}

bool
imaplib_namespace(struct imaplib *client, struct imaplib_reply *reply)
{
	return imaplib_call(client, "NAMESPACE", NULL, reply);
}

bool
imaplib_notify(
    struct imaplib *client, const char *what, struct imaplib_reply *reply)
{
	return imaplib_call(client, "NOTIFY", what, reply);
}
