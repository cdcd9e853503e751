/*
 * Rights, quotas, annotations and metadata.
 */
#include "libclient/imaplib_rights.h"

#include "libclient/imaplib_private.h"

/* A command about a mailbox with further astrings. */
static bool
call(struct imaplib *client, const char *name, const char *mailbox,
    const char *first, const char *second, struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, name, &command, reply))
		return false;
	imaplib_add_mailbox(client, &command, mailbox);
	if (first != NULL)
		command_add_astring(&command, span_of(first));
	if (second != NULL)
		command_add_astring(&command, span_of(second));
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_getacl(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply)
{
	return call(client, "GETACL", mailbox, NULL, NULL, reply);
}

bool
imaplib_setacl(struct imaplib *client, const char *mailbox, const char *who,
    const char *rights, struct imaplib_reply *reply)
{
	return call(client, "SETACL", mailbox, who, rights, reply);
}

bool
imaplib_deleteacl(struct imaplib *client, const char *mailbox, const char *who,
    struct imaplib_reply *reply)
{
	return call(client, "DELETEACL", mailbox, who, NULL, reply);
}

bool
imaplib_listrights(struct imaplib *client, const char *mailbox, const char *who,
    struct imaplib_reply *reply)
{
	return call(client, "LISTRIGHTS", mailbox, who, NULL, reply);
}

bool
imaplib_myrights(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply)
{
	return call(client, "MYRIGHTS", mailbox, NULL, NULL, reply);
}

/* A quota root is no mailbox: its name is not encoded. */
static bool
call_root(struct imaplib *client, const char *name, const char *root,
    const char *raw, struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, name, &command, reply))
		return false;
	command_add_astring(&command, span_of(root));
	if (raw != NULL)
		command_add_raw(&command, raw);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_getquota(
    struct imaplib *client, const char *root, struct imaplib_reply *reply)
{
	return call_root(client, "GETQUOTA", root, NULL, reply);
}

bool
imaplib_getquotaroot(
    struct imaplib *client, const char *mailbox, struct imaplib_reply *reply)
{
	return call(client, "GETQUOTAROOT", mailbox, NULL, NULL, reply);
}

bool
imaplib_setquota(struct imaplib *client, const char *root, const char *limits,
    struct imaplib_reply *reply)
{
	return call_root(client, "SETQUOTA", root, limits, reply);
}

/* Its entries and attributes are strings or lists of them, never atoms. */
static void
add_strings(struct command *command, const char *text)
{
	if (text[0] == '(')
		command_add_raw(command, text);
	else
		command_add_string(command, span_of(text));
}

bool
imaplib_getannotation(struct imaplib *client, const char *mailbox,
    const char *entry, const char *attribute, struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, "GETANNOTATION", &command, reply))
		return false;
	imaplib_add_mailbox(client, &command, mailbox);
	add_strings(&command, entry);
	add_strings(&command, attribute);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_setannotation(struct imaplib *client, const char *mailbox,
    const char *entry, const char *values, struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, "SETANNOTATION", &command, reply))
		return false;
	imaplib_add_mailbox(client, &command, mailbox);
	add_strings(&command, entry);
	command_add_raw(&command, values);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_getmetadata(struct imaplib *client, const char *mailbox,
    const char *options, const char *const *entries, uint32_t count,
    struct imaplib_reply *reply)
{
	struct command command;
	struct buf list;

	if (!imaplib_begin(client, "GETMETADATA", &command, reply))
		return false;
	if (options != NULL)
		command_add_raw(&command, options);
	imaplib_add_mailbox(client, &command, mailbox);
	buf_init(&list, COMMAND_MAX_LINE);
	for (uint32_t i = 0; i < count; i++)
		if (!buf_add_format(
			&list, "%s%s", i == 0 ? "(" : " ", entries[i]))
			command.failed = true;
	if (count == 0 || !buf_add(&list, ")", 2))
		command.failed = true;
	else
		command_add_raw(&command, buf_span(&list).at);
	buf_free(&list);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

/* A value may have lines, and as a literal8 NUL bytes (RFC 5464 section 5). */
static void
add_value(struct command *command, struct span value)
{
	bool has_lines = false;
	bool has_nul = false;

	for (size_t i = 0; i < value.len; i++) {
		has_nul = has_nul || value.at[i] == '\0';
		has_lines =
		    has_lines || value.at[i] == '\r' || value.at[i] == '\n';
	}
	if (has_lines || has_nul)
		command_add_message(command, value, has_nul);
	else
		command_add_string(command, value);
}

bool
imaplib_setmetadata(struct imaplib *client, const char *mailbox,
    const char *entry, const struct span *value, struct imaplib_reply *reply)
{
	struct command command;
	struct buf raw;

	if (!imaplib_begin(client, "SETMETADATA", &command, reply))
		return false;
	imaplib_add_mailbox(client, &command, mailbox);
	buf_init(&raw, COMMAND_MAX_LINE);
	if (!buf_add_format(
		&raw, "(%s%s", entry, value == NULL ? " NIL)" : "") ||
	    !buf_add(&raw, "", 1))
		command.failed = true;
	else
		command_add_raw(&command, buf_span(&raw).at);
	buf_free(&raw);
	if (value != NULL) {
		add_value(&command, *value);
		command_add_closing(&command);
	}
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}
