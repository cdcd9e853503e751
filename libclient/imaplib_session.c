/*
 * Commands about the connection itself, and what is known of it.
 */
#include <stdlib.h>
#include <strings.h>

#include "libclient/base/mem.h"
#include "libclient/imaplib_private.h"

#define LINE_CAP       16384
#define LOGOUT_TIMEOUT UINT64_C(5000000)

/* When so many were never asked for, they are forgotten. */
#define KEPT_MAX 10000

bool
imaplib_capability(struct imaplib *client, struct imaplib_reply *reply)
{
	return imaplib_call(client, "CAPABILITY", NULL, reply);
}

bool
imaplib_noop(struct imaplib *client, struct imaplib_reply *reply)
{
	return imaplib_call(client, "NOOP", NULL, reply);
}

struct imaplib *
imaplib_logout(struct imaplib *client, struct imaplib_reply *reply)
{
	struct imap_error error = {0};
	struct command command;

	imaplib_reply_free(reply);
	if (client->idle != 0) {
		(void)imaplib_refuse(reply, "LOGOUT illegal while in IDLE");
		return client;
	}
	if (!imaplib_begin(client, "LOGOUT", &command, reply))
		return imaplib_shutdown(client);
	(void)command_end(&command);
	session_expect_end(imap_session(client->imap));
	client->reply = reply;
	client->is_done = false;
	client->serial = imap_queued(client->imap,
	    session_command(
		imap_session(client->imap), &command, PIPELINE_PLAIN));
	(void)imaplib_wait(
	    client, &client->is_done, clock_now() + LOGOUT_TIMEOUT);
	client->reply = NULL;
	if (!client->is_done && imaplib_find(reply, "BYE") == NULL) {
		imap_error_set(&error, IMAP_ERROR_TIMEOUT,
		    "the server did not say goodbye");
		imaplib_reply_set_error(reply, IMAPLIB_ABORT,
		    client->error.kind == IMAP_ERROR_NONE ? &error
							  : &client->error);
	}
	return imaplib_shutdown(client);
}

bool
imaplib_starttls(struct imaplib *client, const struct tls_options *tls,
    struct imaplib_reply *reply)
{
	struct tls_options options = *tls;
	struct imap_error error = {0};
	struct tls_context *context;
	struct command command;

	if (client->has_tls) {
		imaplib_reply_free(reply);
		return imaplib_refuse(reply, "TLS session already established");
	}
	if (!imaplib_begin(client, "STARTTLS", &command, reply))
		return false;
	command_free(&command);
	if (!imaplib_has(client, CAPABILITY_STARTTLS))
		return imaplib_refuse(reply, "TLS not supported by server");
	if (session_is_compressed(imap_session(client->imap)))
		return imaplib_refuse(
		    reply, "TLS cannot begin where compression has");
	options.host = client->host;
	context = tls_context_new(&options, &error);
	if (context == NULL) {
		imaplib_reply_set_error(reply, IMAPLIB_ERROR, &error);
		return false;
	}
	imap_set_tls_context(client->imap, context);
	/* of a STARTTLS that was refused */
	tls_context_free(client->tls_context);
	client->tls_context = context;
	client->reply = reply;
	client->is_done = false;
	client->serial = imap_queued(
	    client->imap, session_starttls(imap_session(client->imap)));
	(void)imaplib_wait(client, &client->is_done, UINT64_MAX);
	client->reply = NULL;
	if (client->is_closed)
		return imaplib_abort(client, reply);
	if (reply->type != IMAPLIB_OK)
		return false;
	/* what was said in the clear counts no more */
	client->has_tls = true;
	imaplib_forget_responses(client);
	imaplib_forget_capabilities(client);
	if (!imaplib_learn(client))
		return imaplib_abort(client, reply);
	client->is_confidential = true;
	return true;
}

/* "(" "name" "value" NIL ... ")" of strings that hold no line ends. */
static void
add_id(struct command *command, const char *const *fields, uint32_t count)
{
	struct buf list;

	if (count == 0) {
		command_add_raw(command, "NIL");
		return;
	}
	buf_init(&list, LINE_CAP);
	for (uint32_t i = 0; i < count; i++) {
		(void)buf_add_string(&list, i == 0 ? "(" : " ");
		if (fields[i] == NULL) {
			(void)buf_add_string(&list, "NIL");
			continue;
		}
		(void)buf_add_string(&list, "\"");
		for (const char *c = fields[i]; *c != '\0'; c++) {
			if (*c == '"' || *c == '\\')
				(void)buf_add(&list, "\\", 1);
			(void)buf_add(&list, c, 1);
		}
		(void)buf_add_string(&list, "\"");
	}
	/* what did not fit anywhere lacks its end, too */
	if (count % 2 != 0 || buf_len(&list) > LINE_CAP - 2 ||
	    !buf_add(&list, ")", 2))
		command->failed = true;
	else
		command_add_raw(command, buf_span(&list).at);
	buf_free(&list);
}

bool
imaplib_id(struct imaplib *client, const char *const *fields, uint32_t count,
    struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, "ID", &command, reply))
		return false;
	add_id(&command, fields, count);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

/* The next of words that spaces divide; false: there is none. */
static bool
next_word(struct span *words, struct span *word)
{
	size_t len = 0;

	while (words->len > 0 && words->at[0] == ' ')
		*words = span_from(*words, 1);
	while (len < words->len && words->at[len] != ' ')
		len++;
	*word = (struct span){words->at, len};
	*words = span_from(*words, len);
	return len > 0;
}

static bool
is_offered(const struct imaplib *client, const char *name)
{
	struct span words = span_of(imaplib_get_capability_words(client));
	struct span word;

	while (next_word(&words, &word))
		if (span_equal_nocase(word, name))
			return true;
	return false;
}

/* RFC 5161 section 3.1: only what is offered; some offer it by another name. */
static bool
check_offered(
    struct imaplib *client, const char *names, struct imaplib_reply *reply)
{
	struct span words = span_of(names);
	struct span word;

	if (!imaplib_has(client, CAPABILITY_ENABLE))
		return imaplib_refuse(reply, "server does not support ENABLE");
	while (next_word(&words, &word)) {
		char *name = span_to_string(word);
		bool is_ok = is_offered(client, name) ||
		    (strcasecmp(name, "UTF8=ACCEPT") == 0 &&
			is_offered(client, "UTF8=ONLY")) ||
		    (strcasecmp(name, "CONDSTORE") == 0 &&
			is_offered(client, "QRESYNC"));

		if (!is_ok)
			(void)imaplib_refuse(
			    reply, "server does not support %s", name);
		mem_free(name);
		if (!is_ok)
			return false;
	}
	return true;
}

bool
imaplib_enable(
    struct imaplib *client, const char *capability, struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, "ENABLE", &command, reply))
		return false;
	if (!check_offered(client, capability, reply)) {
		command_free(&command);
		return false;
	}
	command_add_raw(&command, capability);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

bool
imaplib_xatom(struct imaplib *client, const char *name,
    const char *const *arguments, uint32_t count, struct imaplib_reply *reply)
{
	struct command command;
	size_t shown;

	if (!imaplib_begin(client, name, &command, reply))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (arguments[i] != NULL)
			command_add_raw(&command, arguments[i]);
	shown = imaplib_shown_part(&command);
	if (shown < buf_len(&command.bytes)) {
		command.secret_begin = shown;
		command.secret_end = buf_len(&command.bytes);
	}
	if (!imaplib_check_line(client, &command, reply)) {
		command_free(&command);
		return false;
	}
	/* a challenge, for which there is no answer here, is cancelled */
	return imaplib_finish(client, &command,
	    strcasecmp(name, "AUTHENTICATE") == 0 ? PIPELINE_AUTHENTICATE
						  : PIPELINE_PLAIN,
	    reply);
}

/* ---- what was told unasked ---- */

static bool
is_kept(const struct imaplib_untagged *untagged)
{
	static const char *const names[] = {
	    "EXISTS", "RECENT", "EXPUNGE", "VANISHED", "FLAGS", "ENABLED"};

	if (untagged->status != NULL && untagged->status->code.len > 0)
		return true;
	/* of these there may be very many */
	if (span_equal_nocase(untagged->name, "FETCH"))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (span_equal_nocase(untagged->name, names[i]))
			return true;
	return false;
}

void
imaplib_keep(struct imaplib *client, const struct imaplib_reply *reply,
    const struct imap_event *done)
{
	const struct imaplib_untagged *untagged = reply->untagged;
	struct imap_error error = {0};

	for (; untagged != NULL; untagged = untagged->next) {
		if (!is_kept(untagged))
			continue;
		if (client->kept.count == KEPT_MAX)
			imaplib_reply_free(&client->kept);
		(void)imaplib_reply_copy(&client->kept, untagged, &error);
	}
	if (done != NULL && done->code.type != IMAP_CODE_NONE)
		(void)imaplib_reply_add_state(&client->kept, done->state,
		    &done->code, done->text, &error);
}

void
imaplib_forget_responses(struct imaplib *client)
{
	imaplib_reply_free(&client->queue);
	imaplib_reply_free(&client->kept);
}

bool
imaplib_response(
    struct imaplib *client, const char *name, struct imaplib_reply *reply)
{
	struct imap_error error = {0};

	imaplib_reply_free(reply);
	if (!imaplib_reply_take(
		&client->kept, name, UINT32_MAX, reply, &error)) {
		imaplib_reply_set_error(reply, IMAPLIB_ERROR, &error);
		return false;
	}
	return reply->count > 0;
}

bool
imaplib_recent(struct imaplib *client, struct imaplib_reply *reply)
{
	struct imaplib_reply told = {0};
	bool is_ok;

	if (imaplib_response(client, "RECENT", reply))
		return true;
	is_ok = imaplib_noop(client, reply);
	/* this reply has it: it is asked for now */
	(void)imaplib_response(client, "RECENT", &told);
	imaplib_reply_free(&told);
	return is_ok;
}

/* ---- what is known ---- */

enum imaplib_state
imaplib_get_state(const struct imaplib *client)
{
	return client->is_closed ? IMAPLIB_LOGOUT : client->state;
}

enum imaplib_version
imaplib_get_version(const struct imaplib *client)
{
	return client->version;
}

const struct capabilities *
imaplib_get_capabilities(const struct imaplib *client)
{
	return session_capabilities(imap_session(client->imap));
}

const char *
imaplib_get_capability_words(const struct imaplib *client)
{
	return client->words == NULL ? "" : client->words;
}

const char *
imaplib_get_welcome(const struct imaplib *client)
{
	return client->welcome == NULL ? "" : client->welcome;
}

const char *
imaplib_get_host(const struct imaplib *client)
{
	return client->host;
}

uint16_t
imaplib_get_port(const struct imaplib *client)
{
	return client->port;
}

bool
imaplib_is_read_only(const struct imaplib *client)
{
	return client->is_read_only || client->became_read_only;
}

bool
imaplib_is_utf8(const struct imaplib *client)
{
	return client->is_utf8;
}

int
imaplib_get_descriptor(const struct imaplib *client)
{
	return client->is_closed ? -1 : imap_descriptor(client->imap);
}

bool
imaplib_compress(struct imaplib *client, struct imaplib_reply *reply)
{
	struct session *session = imap_session(client->imap);
	struct command command;

	if (!imaplib_begin(client, "COMPRESS", &command, reply))
		return false;
	command_free(&command);
	if (session_is_compressed(session))
		return imaplib_refuse(reply, "compression is on already");
	if (!imaplib_has(client, CAPABILITY_COMPRESS_DEFLATE))
		return imaplib_refuse(
		    reply, "server does not support COMPRESS=DEFLATE");
	return imaplib_await(client, session_compress(session), reply);
}
