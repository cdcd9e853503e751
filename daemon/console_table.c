/*
 * The table of commands, and what handlers share.
 */
#include "daemon/console_table.h"

#include <stdarg.h>

#include "daemon/console_handlers.h"
#include "libclient/base/mem.h"
#include "libclient/imaplib_auth.h"
#include "libclient/imaplib_mailbox.h"
#include "libclient/imaplib_rights.h"

#define MANY UINT32_MAX

const struct console_command console_table[] = {
    /* connections */
    {"capability", 0, 0, "", "what the server offers",
	.none = imaplib_capability},
    {"noop", 0, 0, "", "nothing, but what is new comes with it",
	.none = imaplib_noop},
    {"id", 0, MANY, "[NIL | NAME VALUE...]", "who is talking to whom",
	.run = console_id},
    {"enable", 1, MANY, "CAPABILITY...", "turn extensions on",
	.run = console_enable},
    {"compress", 0, 0, "", "COMPRESS=DEFLATE", .none = imaplib_compress},
    {"starttls", 0, 0, "", "go on with TLS", .run = console_starttls},
    {"xatom", 1, MANY, "NAME [WORD...]", "any command, as it is written",
	.run = console_xatom},
    {"response", 1, 1, "NAME", "untagged data that came with earlier replies",
	.run = console_response},
    {"logout", 0, 0, "", "end the connection", .run = console_logout},
    {"shutdown", 0, 0, "", "end it without a word", .run = console_shutdown},

    /* authentication */
    {"login", 0, 2, "[USER [PASSWORD]]", "log in by LOGIN",
	.run = console_login, .is_login = true},
    {"login_cram_md5", 0, 2, "[USER [PASSWORD]]", "log in by CRAM-MD5",
	.run = console_login_cram_md5, .is_login = true},
    {"login_plain", 0, 2, "[USER [PASSWORD]]", "log in by PLAIN",
	.run = console_login_plain, .is_login = true},
    {"authenticate", 1, 3, "MECHANISM [USER [SECRET]]", "log in by a mechanism",
	.run = console_authenticate, .is_login = true},
    {"proxyauth", 1, 1, "USER", "go on as another user",
	.one = imaplib_proxyauth},
    {"unauthenticate", 0, 0, "", "log out and stay connected",
	.none = imaplib_unauthenticate},

    /* mailboxes */
    {"select", 0, 3, "[MAILBOX [readonly] [(PARAMETERS)]]", "open a mailbox",
	.run = console_select},
    {"examine", 0, 2, "[MAILBOX [(PARAMETERS)]]", "open it for reading",
	.run = console_examine},
    {"close", 0, 0, "", "expunge and close", .none = imaplib_close},
    {"unselect", 0, 0, "", "close only", .none = imaplib_unselect},
    {"check", 0, 0, "", "a checkpoint", .none = imaplib_check},
    {"recent", 0, 0, "", "how many messages are recent",
	.none = imaplib_recent},
    {"create", 1, 2, "MAILBOX [(OPTIONS)]", "make a mailbox",
	.two = imaplib_create},
    {"delete", 1, 1, "MAILBOX", "remove a mailbox", .one = imaplib_delete},
    {"rename", 2, 2, "MAILBOX MAILBOX", "rename a mailbox",
	.two = imaplib_rename},
    {"subscribe", 1, 1, "MAILBOX", "subscribe to it", .one = imaplib_subscribe},
    {"unsubscribe", 1, 1, "MAILBOX", "the opposite",
	.one = imaplib_unsubscribe},
    {"list", 0, 5, "[(SELECTION)] [REFERENCE [PATTERN]] [RETURN (OPTIONS)]",
	"the mailboxes", .run = console_list},
    {"lsub", 0, 2, "[REFERENCE [PATTERN]]", "the subscribed ones",
	.run = console_lsub},
    {"status", 2, 2, "MAILBOX (ITEMS)", "numbers of a mailbox",
	.two = imaplib_status},
    {"namespace", 0, 0, "", "where mailboxes live", .none = imaplib_namespace},
    {"notify", 1, MANY, "NONE | SET (EVENTS)...", "what to be told of",
	.run = console_notify},

    /* messages */
    {"fetch", 2, 3, "SET ITEMS [(MODIFIERS)]", "data of messages",
	.run = console_fetch, .has_uid = true},
    {"partial", 4, 4, "SET PART START LENGTH", "bytes of a part of them",
	.run = console_partial, .has_uid = true},
    {"store", 3, MANY, "SET [(UNCHANGEDSINCE N)] [+-]FLAGS[.SILENT] FLAGS",
	"change flags", .run = console_store, .has_uid = true},
    {"copy", 2, 2, "SET MAILBOX", "copy messages", .run = console_copy,
	.has_uid = true},
    {"move", 2, 2, "SET MAILBOX", "move messages", .run = console_move,
	.has_uid = true},
    {"append", 2, MANY, "MAILBOX [FLAGS DATE] MESSAGE...", "add messages",
	.run = console_append, .has_bytes = true},
    {"expunge", 0, 1, "[UIDS]", "remove what is \\Deleted",
	.run = console_expunge, .has_uid = true},
    {"search", 1, MANY, "[RETURN (OPTIONS)] [CHARSET NAME] CRITERIA...",
	"find messages", .run = console_search, .has_uid = true},
    {"sort", 3, MANY, "(ORDER) CHARSET CRITERIA...", "find and sort them",
	.run = console_sort, .has_uid = true},
    {"thread", 3, MANY, "ALGORITHM CHARSET CRITERIA...", "find conversations",
	.run = console_thread, .has_uid = true},
    {"uid", 1, MANY, "COMMAND WORD...", "a command with UIDs for numbers",
	.run = console_uid},
    {"idle", 0, 4, "[DURATION] [burst [INTERVAL [MOST]]]",
	"wait for what happens", .run = console_idle},

    /* rights, quotas, metadata */
    {"getacl", 1, 1, "MAILBOX", "who may do what", .one = imaplib_getacl},
    {"setacl", 3, 3, "MAILBOX WHO RIGHTS", "grant rights",
	.three = imaplib_setacl},
    {"deleteacl", 2, 2, "MAILBOX WHO", "revoke them", .two = imaplib_deleteacl},
    {"listrights", 2, 2, "MAILBOX WHO", "what may be granted",
	.two = imaplib_listrights},
    {"myrights", 1, 1, "MAILBOX", "one's own rights", .one = imaplib_myrights},
    {"getquota", 1, 1, "ROOT", "a quota", .one = imaplib_getquota},
    {"getquotaroot", 1, 1, "MAILBOX", "a mailbox's quotas",
	.one = imaplib_getquotaroot},
    {"setquota", 2, 2, "ROOT (LIMITS)", "set a quota", .two = imaplib_setquota},
    {"getannotation", 3, 3, "MAILBOX ENTRY ATTRIBUTE", "ANNOTATEMORE",
	.three = imaplib_getannotation},
    {"setannotation", 3, 3, "MAILBOX ENTRY (VALUES)", "ANNOTATEMORE",
	.three = imaplib_setannotation},
    {"getmetadata", 2, MANY, "[(OPTIONS)] MAILBOX ENTRY...",
	"entries of a mailbox, or \"\"", .run = console_getmetadata},
    {"setmetadata", 3, 3, "MAILBOX ENTRY VALUE", "set one, or remove it: NIL",
	.run = console_setmetadata, .has_bytes = true},

    /* without the server */
    {"debug", 1, 1, "LEVEL", "say on stderr what is sent and comes: 0 to 5",
	.run = console_debug},
    {"print_log", 0, 0, "", "the last lines of it", .run = console_print_log},
    {"state", 0, 0, "", "what is known of the connection",
	.run = console_state},
    {"internaldate2tuple", 1, MANY, "RESPONSE", "INTERNALDATE to seconds",
	.run = console_internaldate_to_time, .is_local = true},
    {"time2internaldate", 1, 2, "SECONDS [+HHMM]", "and back",
	.run = console_time_to_internaldate, .is_local = true},
    {"int2ap", 1, 1, "NUMBER", "a number in letters A to P",
	.run = console_int_to_ap, .is_local = true},
    {"parseflags", 1, MANY, "RESPONSE", "the flags in FLAGS (...)",
	.run = console_parse_flags, .is_local = true},
    {"help", 0, 1, "[COMMAND]", "this", .run = console_help, .is_local = true},
    {"quit", 0, 0, "", "log out and end", .run = console_quit,
	.is_local = true},
    {.name = NULL},
};

const struct console_command *
console_table_find(struct span name)
{
	for (const struct console_command *row = console_table;
	     row->name != NULL; row++)
		if (span_equal_nocase(name, row->name))
			return row;
	return NULL;
}

void
console_refuse(struct console_call *call, enum imap_error_kind kind,
    const char *format, ...)
{
	struct imaplib_reply *reply = call->reply;
	va_list arguments;
	char text[sizeof(reply->error.text)];

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	reply->type = IMAPLIB_ERROR;
	(void)imap_error_set(&reply->error, kind, "%s", text);
	reply->text = span_of(reply->error.text);
}

void
console_answer(struct console_call *call)
{
	call->reply->type = IMAPLIB_OK;
	call->reply->text = buf_span(&call->console->lines);
}

const char *
console_argument(const struct console_call *call, uint32_t i)
{
	return i < call->count ? call->words[i].text : NULL;
}

bool
console_is_list(const struct console_call *call, uint32_t i)
{
	const char *text = console_argument(call, i);

	return text != NULL &&
	    (call->words[i].kind == CONSOLE_WORD_LIST ||
		(call->words[i].kind == CONSOLE_WORD_FILE && text[0] == '('));
}

char *
console_rest(const struct console_call *call, uint32_t from)
{
	return console_words_join(call->words + from, call->count - from);
}
