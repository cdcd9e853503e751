/*
 * A connection as blocking calls: a private loop turns until the reply is
 * there. Everything that comes goes to the call that waits, or to a queue.
 */
#include "libclient/imaplib.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "libclient/base/mem.h"
#include "libclient/imaplib_helper.h"
#include "libclient/imaplib_private.h"
#include "libclient/wire/base64.h"

#define DEFAULT_TIMEOUT UINT64_C(60000000)
#define ANSWER_CAP	65536

bool
imaplib_has(const struct imaplib *client, enum capability capability)
{
	return capabilities_have(
	    session_capabilities(imap_session(client->imap)), capability);
}

/* ---- events ---- */

static void
copy_words(char **to, struct span words)
{
	mem_free(*to);
	*to = span_to_string(words);
	for (char *c = *to; *c != '\0'; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
}

static void
note_code(struct imaplib *client, const struct imap_code *code)
{
	if (code->type == IMAP_CODE_CAPABILITY)
		copy_words(&client->words, code->arguments);
	else if (code->type == IMAP_CODE_READ_ONLY && !client->is_read_only)
		client->became_read_only = true;
	else if (code->type == IMAP_CODE_READ_WRITE)
		client->became_read_only = false;
}

static void
note_enabled(struct imaplib *client, struct span words)
{
	while (words.len > 0) {
		size_t len = 0;

		while (len < words.len && words.at[len] != ' ')
			len++;
		if (span_equal_nocase(
			(struct span){words.at, len}, "UTF8=ACCEPT") ||
		    span_equal_nocase(
			(struct span){words.at, len}, "IMAP4REV2"))
			client->is_utf8 = true;
		words = span_from(words, len + (len < words.len));
	}
}

static void
take_data(struct imaplib *client, const struct imap_event *event)
{
	const struct imap_data *data = event->data;
	struct imaplib_reply *target =
	    client->reply == NULL ? &client->queue : client->reply;

	if (data->type == IMAP_DATA_CAPABILITY)
		copy_words(&client->words, data->words);
	else if (data->type == IMAP_DATA_ENABLED)
		note_enabled(client, data->words);
	else if (data->type == IMAP_DATA_STATE)
		note_code(client, &data->state.code);
	if (data->type == IMAP_DATA_STATE &&
	    data->state.code.type == IMAP_CODE_NONE &&
	    span_equal_nocase(event->raw->text, ""))
		return;
	if (imaplib_reply_add(target, event->raw, &client->error) == NULL)
		client->is_closed = true;
}

/* The answer of one of our mechanisms, or of the caller's; false: cancel. */
static bool
answer_challenge(struct imaplib *client, struct span text, struct buf *line)
{
	struct buf decoded;
	struct buf answer;
	bool is_ok;

	if (client->is_cancelled)
		return false;
	if (client->sasl != NULL)
		return sasl_step(client->sasl, text, line, &client->refusal);
	if (client->initial.at != NULL) {
		/* what SASL-IR would have sent */
		is_ok = base64_encode(client->initial, line);
		client->initial = (struct span){0};
		return is_ok;
	}
	buf_init(&decoded, ANSWER_CAP);
	buf_init(&answer, ANSWER_CAP);
	is_ok = client->authenticator != NULL &&
	    base64_decode(text, &decoded) &&
	    client->authenticator(
		client->authenticator_user, buf_span(&decoded), &answer) &&
	    base64_encode(buf_span(&answer), line);
	buf_free_secret(&decoded);
	buf_free_secret(&answer);
	return is_ok;
}

static void
take_challenge(struct imaplib *client, struct span text)
{
	struct session *session = imap_session(client->imap);
	struct buf line;

	buf_init(&line, (size_t)2 * ANSWER_CAP);
	if (answer_challenge(client, text, &line)) {
		session_answer(session, buf_span(&line));
	} else {
		client->is_cancelled = true;
		session_answer(session, span_of("*"));
	}
	buf_free_secret(&line);
}

static void
take_done(struct imaplib *client, const struct imap_event *event)
{
	note_code(client, &event->code);
	if (event->serial == client->idle) {
		client->is_idle_ended = true;
		imaplib_reply_set_state(&client->idle_reply, event->state,
		    &event->code, event->text);
	}
	if (event->serial != client->serial)
		return;
	if (client->reply != NULL) {
		imaplib_reply_set_state(
		    client->reply, event->state, &event->code, event->text);
		imaplib_keep(client, client->reply, event);
	}
	client->is_done = true;
}

static void
on_event(struct imap *imap, const struct imap_event *event, void *user)
{
	struct imaplib *client = user;

	(void)imap;
	switch (event->type) {
	case IMAP_READY:
		client->is_ready = true;
		break;
	case IMAP_CHALLENGE:
		take_challenge(client, event->text);
		break;
	case IMAP_BODY:
		if (!imaplib_reply_add_body(
			client->reply == NULL ? &client->queue : client->reply,
			event->body.id, event->body.piece, event->body.total,
			&client->error))
			client->is_closed = true;
		break;
	case IMAP_DATA:
		take_data(client, event);
		break;
	case IMAP_IDLING:
		client->is_idle_open = event->serial == client->idle;
		break;
	case IMAP_DONE:
		take_done(client, event);
		break;
	case IMAP_CLOSED:
		client->is_closed = true;
		if (client->error.kind == IMAP_ERROR_NONE)
			client->error = *event->error;
		break;
	}
}

/* ---- waiting ---- */

static int
on_alarm(sd_event_source *source, uint64_t at, void *user)
{
	struct imaplib *client = user;

	(void)source;
	(void)at;
	client->has_rung = true;
	return 0;
}

void
imaplib_turn(struct imaplib *client, uint64_t until)
{
	client->has_rung = false;
	if (until != UINT64_MAX) {
		(void)sd_event_source_set_time(client->alarm, until);
		(void)sd_event_source_set_enabled(
		    client->alarm, SD_EVENT_ONESHOT);
	}
	(void)sd_event_run(client->loop, UINT64_MAX);
	(void)sd_event_source_set_enabled(client->alarm, SD_EVENT_OFF);
}

bool
imaplib_wait(struct imaplib *client, const bool *condition, uint64_t until)
{
	client->has_rung = false;
	while (!*condition && !client->is_closed && !client->has_rung)
		imaplib_turn(client, until);
	return *condition || client->is_closed;
}

bool
imaplib_abort(struct imaplib *client, struct imaplib_reply *reply)
{
	client->state = IMAPLIB_LOGOUT;
	imaplib_reply_set_error(reply, IMAPLIB_ABORT, &client->error);
	imaplib_say(client, 1, "abort: %s", client->error.text);
	return false;
}

/* ---- a call ---- */

bool
imaplib_refuse(struct imaplib_reply *reply, const char *format, ...)
{
	struct imap_error error = {0};
	char text[300];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	imap_error_set(&error, IMAP_ERROR_UNSUPPORTED, "%s", text);
	imaplib_reply_set_error(reply, IMAPLIB_ERROR, &error);
	return false;
}

bool
imaplib_begin(struct imaplib *client, const char *name, struct command *command,
    struct imaplib_reply *reply)
{
	imaplib_reply_free(reply);
	if (client->is_closed)
		return imaplib_abort(client, reply);
	if (client->idle != 0)
		return imaplib_refuse(
		    reply, "command %s illegal while in IDLE", name);
	if (!imaplib_check_legal(client, span_of(name), reply))
		return false;
	command_begin(
	    command, name, session_literals(imap_session(client->imap)));
	return true;
}

bool
imaplib_finish(struct imaplib *client, struct command *command,
    enum pipeline_kind kind, struct imaplib_reply *reply)
{
	if (!command_end(command)) {
		command_free(command);
		return imaplib_refuse(
		    reply, "an argument is too long, or holds CR, LF or NUL");
	}
	return imaplib_await(client,
	    session_command(imap_session(client->imap), command, kind), reply);
}

bool
imaplib_await(
    struct imaplib *client, uint64_t serial, struct imaplib_reply *reply)
{
	client->reply = reply;
	client->is_done = false;
	client->serial = imap_queued(client->imap, serial);
	(void)imaplib_wait(client, &client->is_done, UINT64_MAX);
	client->reply = NULL;
	client->serial = 0;
	if (!client->is_done)
		return imaplib_abort(client, reply);
	if (reply->type == IMAPLIB_NO || reply->type == IMAPLIB_BAD)
		imaplib_say(client, 1, "%s %.*s",
		    imaplib_type_name(reply->type), (int)reply->text.len,
		    reply->text.at);
	return reply->type == IMAPLIB_OK;
}

bool
imaplib_call(struct imaplib *client, const char *name, const char *raw,
    struct imaplib_reply *reply)
{
	struct command command;

	if (!imaplib_begin(client, name, &command, reply))
		return false;
	if (raw != NULL)
		command_add_raw(&command, raw);
	return imaplib_finish(client, &command, PIPELINE_PLAIN, reply);
}

/* ---- capabilities ---- */

void
imaplib_forget_capabilities(struct imaplib *client)
{
	client->words = mem_free(client->words);
}

bool
imaplib_learn(struct imaplib *client)
{
	struct imaplib_reply reply = {0};
	bool is_ok = client->words != NULL ||
	    imaplib_call(client, "CAPABILITY", NULL, &reply);

	imaplib_reply_free(&reply);
	return is_ok && client->words != NULL;
}

static bool
set_version(struct imaplib *client)
{
	if (imaplib_has(client, CAPABILITY_IMAP4REV1))
		client->version = IMAPLIB_IMAP4REV1;
	else if (imaplib_has(client, CAPABILITY_IMAP4REV2))
		client->version = IMAPLIB_IMAP4REV2;
	else if (client->words != NULL &&
	    (strcmp(client->words, "IMAP4") == 0 ||
		strncmp(client->words, "IMAP4 ", 6) == 0 ||
		strstr(client->words, " IMAP4 ") != NULL))
		client->version = IMAPLIB_IMAP4;
	else
		return false;
	return true;
}

/* ---- connecting ---- */

static struct tls_context *
make_context(const struct tls_options *given, const char *host,
    struct imaplib_reply *reply)
{
	struct tls_options options = *given;
	struct imap_error error = {0};
	struct tls_context *context;

	options.host = host;
	context = tls_context_new(&options, &error);
	if (context == NULL)
		imaplib_reply_set_error(reply, IMAPLIB_ERROR, &error);
	return context;
}

/* Names that only begin as a loopback address does may be anywhere. */
static bool
is_loopback(const char *host)
{
	unsigned char bytes[4];

	return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	    (inet_pton(AF_INET, host, bytes) == 1 && bytes[0] == 127);
}

static void
dial(struct imaplib *client, const struct imaplib_options *options)
{
	struct imap_endpoint endpoint = {
	    .host = client->host,
	    .port = client->port,
	    .tunnel = options->command,
	    .proxy = options->proxy,
	    .tls = options->has_tls ? IMAP_TLS_IMPLICIT : IMAP_TLS_NONE,
	    .tls_context = client->tls_context,
	    .names = client->names,
	    .user = "",
	    .trace = &client->trace,
	    .is_manual = true,
	    .timeout = client->timeout,
	};

	client->imap = imap_new(client->loop, &endpoint, on_event, client);
}

/* The greeting, then the capabilities. */
static bool
greet(struct imaplib *client, struct imaplib_reply *reply)
{
	const struct imaplib_untagged *greeting;

	client->reply = reply;
	(void)imaplib_wait(client, &client->is_ready, UINT64_MAX);
	client->reply = NULL;
	if (client->is_closed)
		return imaplib_abort(client, reply);
	greeting = reply->untagged;
	if (greeting != NULL) {
		client->welcome = span_to_string(greeting->status == NULL
			? span_of("")
			: greeting->status->text);
		client->state = span_equal_nocase(greeting->name, "PREAUTH")
		    ? IMAPLIB_AUTH
		    : IMAPLIB_NONAUTH;
	}
	reply->type = IMAPLIB_OK;
	if (!imaplib_learn(client))
		return client->is_closed
		    ? imaplib_abort(client, reply)
		    : imaplib_refuse(reply, "no CAPABILITY response");
	if (!set_version(client))
		return imaplib_refuse(reply, "server not IMAP4 compliant");
	imaplib_say(client, 3, "capabilities: %s", client->words);
	return true;
}

struct imaplib *
imaplib_open(const struct imaplib_options *options, struct imaplib_reply *reply)
{
	struct imaplib *client = mem_new(struct imaplib);
	const char *host = options->host;

	imaplib_reply_free(reply);
	if (host == NULL || host[0] == '\0')
		host = "localhost";
	client->host = mem_copy_string(host);
	client->has_tls = options->has_tls;
	client->port = options->port;
	if (client->port == 0)
		client->port =
		    options->has_tls ? IMAPLIB_SSL_PORT : IMAPLIB_PORT;
	client->timeout =
	    options->timeout == 0 ? DEFAULT_TIMEOUT : options->timeout;
	client->is_confidential = options->has_tls ||
	    options->command != NULL ||
	    (options->proxy == NULL && is_loopback(host));
	client->state = IMAPLIB_NONAUTH;
	imaplib_trace_start(client, options);
	if (sd_event_new(&client->loop) < 0) {
		(void)imaplib_refuse(reply, "no event loop to be had");
		return imaplib_shutdown(client);
	}
	(void)sd_event_add_time(client->loop, &client->alarm, CLOCK_BOOTTIME, 0,
	    1000, on_alarm, client);
	(void)sd_event_source_set_enabled(client->alarm, SD_EVENT_OFF);
	client->names = job_lane_new(client->loop, "names");
	if (client->names == NULL) {
		(void)imaplib_refuse(reply, "no thread to be had");
		return imaplib_shutdown(client);
	}
	if (options->has_tls && options->command == NULL) {
		client->tls_context =
		    make_context(&options->tls, client->host, reply);
		if (client->tls_context == NULL)
			return imaplib_shutdown(client);
	}
	dial(client, options);
	return greet(client, reply) ? client : imaplib_shutdown(client);
}

struct imaplib *
imaplib_shutdown(struct imaplib *client)
{
	if (client == NULL)
		return NULL;
	client->imap = imap_free(client->imap);
	client->names = job_lane_free(client->names);
	client->tls_context = tls_context_free(client->tls_context);
	client->alarm = sd_event_source_disable_unref(client->alarm);
	client->loop = sd_event_unref(client->loop);
	imaplib_reply_free(&client->queue);
	imaplib_reply_free(&client->kept);
	imaplib_reply_free(&client->idle_reply);
	imaplib_trace_free(client);
	mem_free(client->host);
	mem_free(client->welcome);
	mem_free(client->words);
	return mem_free(client);
}
