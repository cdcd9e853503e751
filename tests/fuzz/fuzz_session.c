/*
 * A server says anything at all to a session that logs in, by itself or by its
 * owner's commands, and then works through a script of commands. The first
 * bytes choose how it logs in and how the rest is cut. No secret may leave
 * before TLS where TLS is wanted, nor be traced, nothing may stand between
 * COMPRESS and its answer, and what is told must hold together.
 */
#include <gsasl.h>

#include "libclient/proto/session.h"
#include "libclient/wire/frame.h"
#include "tests/fuzz/fuzz.h"

#define NONCE	 "fyko+d2lbbFgONRv9qkxdawL" /* the transcripts' one */
#define SECRET	 "secret"
#define RESPONSE "AGZyZWQAc2VjcmV0" /* PLAIN's */

/* Takes the place of libgsasl's: the same input, the same run. */
int
gsasl_nonce(char *data, size_t datalen)
{
	char *nonce = NULL;
	size_t len = 0;

	require(
	    gsasl_base64_from(NONCE, strlen(NONCE), &nonce, &len) == GSASL_OK);
	require(len == datalen);
	memcpy(data, nonce, len);
	gsasl_free(nonce);
	return GSASL_OK;
}

/* What the owner does, one after the other, as commands end. */
static const struct {
	const char *command;
	enum pipeline_kind kind;
	bool is_pipelined; /* given together with the one before it */
} script[] = {
    /* only if the session does not log in by itself */
    {"STARTTLS", PIPELINE_ALONE, false},
    {"AUTHENTICATE PLAIN", PIPELINE_AUTHENTICATE, false},
    /* always; passed over if the server does not offer it */
    {"COMPRESS", PIPELINE_ALONE, false},
    {"EXAMINE", PIPELINE_PLAIN, true},
    {"UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[])", PIPELINE_PLAIN, false},
    {"UID SEARCH RETURN (ALL) ALL", PIPELINE_PLAIN, true},
    {"IDLE", PIPELINE_IDLE, true},
    {"LIST", PIPELINE_PLAIN, false},
    {"IDLE", PIPELINE_IDLE, false},
    {"UID FETCH 1:* (UID FLAGS)", PIPELINE_PLAIN, true},
    {"LOGOUT", PIPELINE_PLAIN, false},
};

#define SCRIPT_LENGTH (sizeof(script) / sizeof(script[0]))
#define SCRIPT_LOGIN  2 /* its first entries */

struct run {
	struct session *session;
	bool is_manual;
	bool may_show_secret;
	bool is_closed;
	size_t done; /* entries of the script */
	unsigned told; /* events since the IDLE opened */
	uint32_t body;
	uint64_t body_len;
	uint64_t last_serial;
	uint64_t compress; /* serial */
	bool is_asking; /* COMPRESS left, and was not answered */
	bool is_deflated;
};

static bool
holds(struct span bytes, const char *text)
{
	return memmem(bytes.at, bytes.len, text, strlen(text)) != NULL;
}

/* A name that needs a literal, which is synchronising unless LITERAL+. */
static void
add_arguments(struct command *command, const char *name)
{
	static const char odd[] = "Entw\xc3\xbcrfe";

	if (strcmp(name, "LIST") == 0) {
		command_add_astring(command, span_of(""));
		command_add_pattern(command, span_of("*"));
		command_add_astring(command, span_of(odd));
	} else if (strcmp(name, "EXAMINE") == 0) {
		command_add_mailbox(command, span_of("Sent \"Mail\""));
	}
}

static bool
is_next(const struct run *run, const char *name)
{
	return strcmp(script[run->done].command, name) == 0;
}

/* A second one is refused, be it asked for by the owner or by the login. */
static void
compress(struct run *run)
{
	const bool is_offered =
	    capabilities_have(session_capabilities(run->session),
		CAPABILITY_COMPRESS_DEFLATE) &&
	    !session_is_compressed(run->session);

	run->compress = session_compress(run->session);
	require((run->compress != 0) == is_offered);
	require(session_compress(run->session) == 0);
	if (run->compress > run->last_serial)
		run->last_serial = run->compress;
	run->done++;
}

static void
act(struct run *run)
{
	struct command command;
	uint64_t serial;

	if (is_next(run, "COMPRESS"))
		compress(run);
	do {
		const char *name = script[run->done].command;

		command_begin(&command, name, session_literals(run->session));
		add_arguments(&command, name);
		require(command_end(&command));
		if (strcmp(name, "LOGOUT") == 0)
			session_expect_end(run->session);
		if (script[run->done].kind == PIPELINE_ALONE) {
			command_free(&command);
			serial = session_starttls(run->session);
		} else if (strcmp(name, "EXAMINE") == 0)
			serial = session_select(run->session, &command);
		else
			serial = session_command(
			    run->session, &command, script[run->done].kind);
		require(serial > 0 && serial > run->last_serial);
		run->last_serial = serial;
		run->done++;
	} while (run->done < SCRIPT_LENGTH && script[run->done].is_pipelined);
}

static void
note_body(struct run *run, const struct imap_event *event)
{
	if (event->body.id != run->body) {
		run->body = event->body.id;
		run->body_len = 0;
	}
	require(run->body != 0);
	require(event->body.piece.len > 0 || event->body.total == 0);
	run->body_len += event->body.piece.len;
	require(run->body_len <= event->body.total);
}

static void
check_raw(const struct run *run, const struct frame_view *raw)
{
	require(raw == NULL || run->is_manual);
	for (uint32_t i = 0; raw != NULL && i < raw->literal_count; i++)
		require(raw->literals[i].at <= raw->text.len);
	if (raw != NULL)
		(void)holds(raw->text, SECRET); /* reads all of it */
}

static void
note_event(struct run *run, const struct imap_event *event)
{
	require(!run->is_closed);
	check_raw(run, event->raw);
	switch (event->type) {
	case IMAP_READY:
		run->is_asking = false; /* the login's */
		require(session_is_ready(run->session) && run->done == 0);
		run->done = run->is_manual ? 0 : SCRIPT_LOGIN;
		act(run);
		break;
	case IMAP_DONE:
		run->is_asking &= event->serial != run->compress;
		require(event->serial > 0 && event->serial <= run->last_serial);
		require(event->state <= IMAP_STATE_BAD);
		if (run->done < SCRIPT_LENGTH &&
		    !script[run->done].is_pipelined)
			act(run);
		break;
	case IMAP_BODY:
		note_body(run, event);
		break;
	case IMAP_DATA:
		require(event->data != NULL);
		require(event->data->type != IMAP_DATA_FETCH ||
		    !event->data->fetch.has_body || run->is_manual ||
		    event->data->fetch.body != 0);
		break;
	case IMAP_CHALLENGE:
		require(run->is_manual);
		session_answer(run->session,
		    span_of(event->text.len % 5 == 4 ? "*" : RESPONSE));
		break;
	case IMAP_IDLING:
		run->told = 0;
		break;
	case IMAP_CLOSED:
		require(event->error != NULL);
		run->is_closed = true;
		break;
	default:
		break;
	}
	if (session_is_idling(run->session) && ++run->told > 3)
		session_end_idle(run->session);
}

/* COMPRESS is the last of what is written with it. */
static void
note_question(struct run *run, struct span out)
{
	static const char question[] = " COMPRESS DEFLATE\r\n";
	const size_t len = strlen(question);

	if (!holds(out, question))
		return;
	require(span_equal(span_from(out, out.len - len), span_of(question)));
	require(!session_is_compressed(run->session));
	run->is_asking = true;
}

/* All that is to be written, some of it at a time. */
static void
write_out(struct run *run)
{
	struct span out;

	require(!run->is_asking || session_take(run->session).len == 0);
	while ((out = session_take(run->session)).len > 0) {
		note_question(run, out);
		require(run->may_show_secret ||
		    (!holds(out, " LOGIN ") && !holds(out, " AUTHENTICATE ") &&
			!holds(out, SECRET)));
		session_taken(run->session, 1 + out.len / 2);
	}
}

static void
drain(struct run *run)
{
	struct imap_event event;

	do {
		if (session_want(run->session) == SESSION_WANT_TLS) {
			run->may_show_secret = true;
			session_secured(run->session,
			    span_of("0123456789abcdef"), span_of(""));
		}
		while (session_next(run->session, &event))
			note_event(run, &event);
		write_out(run);
	} while (session_want(run->session) == SESSION_WANT_TLS);
}

/* A piece, and what of it stood behind an agreement: as if it were inflated. */
static void
feed(struct run *run, const char *bytes, size_t len)
{
	struct span rest;
	char *inflated;

	session_feed(run->session, (struct span){bytes, len});
	drain(run);
	if (session_want(run->session) != SESSION_WANT_DEFLATE)
		return;
	require(!run->is_deflated && session_is_compressed(run->session));
	run->is_deflated = true;
	rest = session_deflated(run->session);
	require(rest.len <= len && rest.at == bytes + len - rest.len);
	require(rest.len == len || rest.at[-1] == '\n');
	inflated = mem_resize(NULL, rest.len + 1, 1);
	memcpy(inflated, rest.at, rest.len);
	session_feed(run->session, (struct span){inflated, rest.len});
	drain(run);
	require(session_want(run->session) != SESSION_WANT_DEFLATE);
	mem_free(inflated);
}

/* Our own lines; what the server says may look like anything. */
static void
check_line(void *user, bool is_ours, const char *line)
{
	const struct span text = span_of(line);

	(void)user;
	for (size_t i = 0; i < text.len; i++)
		require((unsigned char)text.at[i] >= ' ');
	require(!is_ours ||
	    (!holds(text, SECRET) && !holds(text, RESPONSE) &&
		!holds(text, "c2VjcmV0")));
}

/* How the owner logs in. */
static struct session_config
choose_config(struct span *input, struct frame_limits *limits)
{
	static const char *const disabled[] = {"LITERAL+"};
	struct session_config config = {.limits = limits};
	struct login_config *login = &config.login;
	const unsigned choice = take_byte(input);
	unsigned more;

	login->accepts_preauth = (choice & 1) != 0;
	login->needs_starttls = (choice & 2) != 0;
	login->is_confidential = (choice & 6) == 0;
	login->credentials.is_token = (choice & 8) != 0;
	login->enable = (choice & 16) != 0 ? "QRESYNC" : NULL;
	login->id = (choice & 32) != 0 ? "(\"name\" \"x\")" : NULL;
	login->disabled = disabled;
	login->disabled_count = (choice & 64) != 0;
	login->credentials.user = span_of("fred");
	login->credentials.secret = span_of(SECRET);
	login->credentials.host = span_of("imap.example.org");
	login->credentials.port = 143;
	*limits = frame_default_limits;
	if ((choice & 128) != 0)
		limits->inline_literal = 8;
	login->mechanisms = take_byte(input);
	more = take_byte(input);
	login->mechanisms |= (more << 8) & ((1U << MECHANISM_COUNT) - 1);
	config.trace.line = (more & 32) != 0 ? check_line : NULL;
	config.is_manual = (more & 64) != 0;
	login->compress = (more & 128) != 0;
	return config;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct imap_error lost = {
	    .kind = IMAP_ERROR_NETWORK, .text = "closed by the peer"};
	struct span input = {(const char *)data, size};
	struct frame_limits limits;
	const struct session_config config = choose_config(&input, &limits);
	struct run run = {.is_manual = config.is_manual,
	    .may_show_secret = config.is_manual || !config.login.needs_starttls,
	    .session = session_new(&config)};
	const unsigned way = take_byte(&input);
	struct splitter splitter = splitter_of(input, way);
	char *bytes;
	size_t len = 0;

	drain(&run);
	while ((bytes = split(&splitter, &len)) != NULL) {
		feed(&run, bytes, len);
		mem_free(bytes);
	}
	session_closed(run.session, &lost);
	drain(&run);
	require(run.is_closed);
	require(session_want(run.session) == SESSION_WANT_CLOSE);
	session_free(run.session);
	return 0;
}
