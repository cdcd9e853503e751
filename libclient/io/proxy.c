/*
 * The two handshakes. Everything that will be said is made at once, so that
 * nothing of the login is kept in another form.
 */
#include "libclient/io/proxy.h"

#include <arpa/inet.h>

#include "libclient/base/mem.h"

enum {
	SOCKS_VERSION = 5,
	SOCKS_LOGIN_VERSION = 1,
	SOCKS_CONNECT = 1,
	SOCKS_NO_LOGIN = 0,
	SOCKS_USER_PASSWORD = 2,
	SOCKS_NONE_ACCEPTED = 255,
	SOCKS_IPV4 = 1,
	SOCKS_NAME = 3,
	SOCKS_IPV6 = 4,
	SOCKS_MAX_TEXT = 255,
	SOCKS_HEAD = 5, /* of a reply: up to a name's length */
	SOCKS_MAX_REPLY = 4 + 1 + SOCKS_MAX_TEXT + 2
};

enum {
	MAX_SAID = 1024,
	MAX_STATUS_LINE = 200, /* of it the rest is not kept */
	MAX_SHOWN = 100,
	HTTP_CODE_AT = 9, /* in "HTTP/1.1 200 OK" */
	HTTP_CODE_LEN = 3,
	HTTP_LOGIN_WANTED = 407
};

enum state {
	CHOOSING, /* SOCKS: the kind of login */
	LOGGING_IN,
	CONNECTING,
	READING_STATUS, /* HTTP */
	READING_FIELDS
};

struct proxy {
	enum state state;
	bool has_login;
	struct buf out;
	struct buf login; /* SOCKS: what is said if the proxy wants it */
	struct buf request; /* SOCKS: the last thing said */
	char in[SOCKS_MAX_REPLY];
	size_t have;
	size_t need;
	struct buf line; /* HTTP: the status line */
	size_t line_len; /* of the present line, without its end */
	size_t total;
};

struct proxy_server *
proxy_server_copy(const struct proxy_server *server)
{
	struct proxy_server *copy;

	if (server == NULL)
		return NULL;
	copy = mem_new(struct proxy_server);
	*copy = *server;
	copy->host = mem_copy_string(server->host);
	copy->user = mem_copy_string(server->user);
	copy->password = mem_copy_string(server->password);
	return copy;
}

struct proxy_server *
proxy_server_free(struct proxy_server *copy)
{
	if (copy == NULL)
		return NULL;
	mem_free((char *)copy->host);
	mem_free_secret((char *)copy->user);
	mem_free_secret((char *)copy->password);
	return mem_free(copy);
}

/* ---- what is said ---- */

static void
add_number(struct buf *out, unsigned number)
{
	const char byte = (char)number;

	(void)buf_add(out, &byte, 1);
}

static void
add_text(struct buf *out, const char *text)
{
	add_number(out, (unsigned)strlen(text));
	(void)buf_add_string(out, text);
}

static void
add_destination(struct buf *out, const char *host, uint16_t port)
{
	char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, address) == 1) {
		add_number(out, SOCKS_IPV4);
		(void)buf_add(out, address, sizeof(struct in_addr));
	} else if (inet_pton(AF_INET6, host, address) == 1) {
		add_number(out, SOCKS_IPV6);
		(void)buf_add(out, address, sizeof(struct in6_addr));
	} else {
		add_number(out, SOCKS_NAME);
		add_text(out, host);
	}
	add_number(out, (unsigned)port >> 8);
	add_number(out, port & 0xff);
}

static void
begin_socks(struct proxy *proxy, const struct proxy_server *server,
    const char *host, uint16_t port)
{
	proxy->state = CHOOSING;
	proxy->need = 2;
	proxy->has_login = server->user != NULL && server->password != NULL;
	add_number(&proxy->out, SOCKS_VERSION);
	add_number(&proxy->out, proxy->has_login ? 2 : 1);
	add_number(&proxy->out, SOCKS_NO_LOGIN);
	if (server->user != NULL && server->password != NULL) {
		add_number(&proxy->out, SOCKS_USER_PASSWORD);
		add_number(&proxy->login, SOCKS_LOGIN_VERSION);
		add_text(&proxy->login, server->user);
		add_text(&proxy->login, server->password);
	}
	add_number(&proxy->request, SOCKS_VERSION);
	add_number(&proxy->request, SOCKS_CONNECT);
	add_number(&proxy->request, 0);
	add_destination(&proxy->request, host, port);
}

static void
begin_http(struct proxy *proxy, const char *host, uint16_t port)
{
	const bool is_ipv6 = strchr(host, ':') != NULL;
	const char *open = is_ipv6 ? "[" : "";
	const char *close = is_ipv6 ? "]" : "";

	proxy->state = READING_STATUS;
	(void)buf_add_format(&proxy->out,
	    "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n\r\n", open, host,
	    close, port, open, host, close, port);
}

/* A text that would not say more than it should. */
static bool
can_be_said(const char *text, bool is_name)
{
	const size_t len = strlen(text);

	for (size_t i = 0; is_name && i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return false;
	return len > 0 && len <= SOCKS_MAX_TEXT;
}

struct proxy *
proxy_new(const struct proxy_server *server, const char *host, uint16_t port,
    struct imap_error *error)
{
	struct proxy *proxy;

	if (!can_be_said(host, true) ||
	    (!server->is_http && server->user != NULL &&
		(!can_be_said(server->user, false) ||
		    !can_be_said(server->password, false)))) {
		imap_error_set(error, IMAP_ERROR_CONFIG,
		    "takes names, users and passwords of 1 to %d bytes",
		    SOCKS_MAX_TEXT);
		return NULL;
	}
	proxy = mem_new(struct proxy);
	buf_init(&proxy->out, MAX_SAID);
	buf_init(&proxy->login, MAX_SAID);
	buf_init(&proxy->request, MAX_SAID);
	buf_init(&proxy->line, MAX_STATUS_LINE);
	if (server->is_http)
		begin_http(proxy, host, port);
	else
		begin_socks(proxy, server, host, port);
	return proxy;
}

struct proxy *
proxy_free(struct proxy *proxy)
{
	if (proxy == NULL)
		return NULL;
	buf_free_secret(&proxy->out);
	buf_free_secret(&proxy->login);
	buf_free_secret(&proxy->request);
	buf_free(&proxy->line);
	return mem_free(proxy);
}

struct span
proxy_take(const struct proxy *proxy)
{
	return buf_span(&proxy->out);
}

void
proxy_taken(struct proxy *proxy, size_t len)
{
	buf_consume(&proxy->out, len);
}

/* ---- SOCKS: what is answered ---- */

static enum proxy_answer
refuse(struct imap_error *error, enum imap_error_kind kind, const char *words)
{
	imap_error_set(error, kind, "%s", words);
	return PROXY_REFUSES;
}

static enum proxy_answer
say(struct proxy *proxy, struct buf *next, enum state state)
{
	(void)buf_add_span(&proxy->out, buf_span(next));
	buf_free_secret(next);
	proxy->state = state;
	proxy->have = 0;
	proxy->need = 2;
	return PROXY_WAITS;
}

static enum proxy_answer
take_choice(struct proxy *proxy, unsigned choice, struct imap_error *error)
{
	if (choice == SOCKS_NO_LOGIN)
		return say(proxy, &proxy->request, CONNECTING);
	if (choice == SOCKS_USER_PASSWORD && proxy->has_login)
		return say(proxy, &proxy->login, LOGGING_IN);
	if (choice != SOCKS_NONE_ACCEPTED)
		return refuse(error, IMAP_ERROR_PROTOCOL,
		    "wants a login that it was not offered");
	return refuse(error, IMAP_ERROR_PROXY,
	    proxy->has_login ? "takes no user and password"
			     : "wants a user and password");
}

static enum proxy_answer
refuse_way(unsigned code, struct imap_error *error)
{
	/* RFC 1928 section 6 */
	static const char *const reasons[] = {NULL, "general failure",
	    "not allowed by its rules", "network unreachable",
	    "host unreachable", "connection refused", "time to live exceeded",
	    "command not supported", "kind of address not supported"};

	if (code < sizeof(reasons) / sizeof(*reasons))
		imap_error_set(
		    error, IMAP_ERROR_NETWORK, "says: %s", reasons[code]);
	else
		imap_error_set(
		    error, IMAP_ERROR_NETWORK, "says: failure number %u", code);
	return PROXY_REFUSES;
}

/* The reply to the request: its code, then as much as its address has. */
static enum proxy_answer
take_reply(struct proxy *proxy, struct imap_error *error)
{
	const unsigned kind = (unsigned char)proxy->in[3];
	const unsigned len = (unsigned char)proxy->in[4];

	if (proxy->in[1] != 0)
		return refuse_way((unsigned char)proxy->in[1], error);
	if (proxy->need > SOCKS_HEAD)
		return PROXY_OPEN;
	if (proxy->need < SOCKS_HEAD)
		proxy->need = SOCKS_HEAD;
	else if (kind == SOCKS_IPV4)
		proxy->need = 4 + sizeof(struct in_addr) + 2;
	else if (kind == SOCKS_IPV6)
		proxy->need = 4 + sizeof(struct in6_addr) + 2;
	else if (kind == SOCKS_NAME)
		proxy->need = SOCKS_HEAD + len + 2;
	else
		return refuse(error, IMAP_ERROR_PROTOCOL,
		    "answers with an unknown kind of address");
	return PROXY_WAITS;
}

static enum proxy_answer
take_socks(struct proxy *proxy, struct imap_error *error)
{
	/* some answer a login with the other version number */
	if (proxy->state != LOGGING_IN && proxy->in[0] != SOCKS_VERSION)
		return refuse(
		    error, IMAP_ERROR_PROTOCOL, "does not speak SOCKS 5");
	if (proxy->state == CHOOSING)
		return take_choice(proxy, (unsigned char)proxy->in[1], error);
	if (proxy->state == CONNECTING)
		return take_reply(proxy, error);
	if (proxy->in[1] != 0)
		return refuse(
		    error, IMAP_ERROR_PROXY, "refuses the user and password");
	return say(proxy, &proxy->request, CONNECTING);
}

static enum proxy_answer
feed_socks(struct proxy *proxy, struct span bytes, size_t *used,
    struct imap_error *error)
{
	enum proxy_answer answer = PROXY_WAITS;

	while (*used < bytes.len && answer == PROXY_WAITS &&
	    buf_len(&proxy->out) == 0) {
		proxy->in[proxy->have++] = bytes.at[(*used)++];
		if (proxy->have == proxy->need)
			answer = take_socks(proxy, error);
	}
	return answer;
}

/* ---- HTTP: what is answered ---- */

/* "HTTP/1.1 200 ...": 200; 0: it is no status line. */
static unsigned
status_of(struct span line)
{
	unsigned long long code = 0;

	if (!span_has_prefix_nocase(line, "HTTP/1.") ||
	    line.len < HTTP_CODE_AT + HTTP_CODE_LEN ||
	    line.at[HTTP_CODE_AT - 1] != ' ' ||
	    !span_to_number(
		(struct span){line.at + HTTP_CODE_AT, HTTP_CODE_LEN}, 999,
		&code))
		return 0;
	return (unsigned)code;
}

static enum proxy_answer
take_status(struct proxy *proxy, struct imap_error *error)
{
	const struct span line = buf_span(&proxy->line);
	const unsigned status = status_of(line);
	char words[MAX_SHOWN * 4 + 8];

	if (status < 100)
		return refuse(error, IMAP_ERROR_PROTOCOL,
		    "does not answer CONNECT as HTTP does");
	proxy->state = READING_FIELDS;
	if (status < 300)
		return PROXY_WAITS;
	imap_error_set(error,
	    status == HTTP_LOGIN_WANTED ? IMAP_ERROR_PROXY : IMAP_ERROR_NETWORK,
	    "says: %s",
	    imap_error_printable(span_from(line, HTTP_CODE_AT), MAX_SHOWN,
		words, sizeof(words)));
	return PROXY_REFUSES;
}

static enum proxy_answer
take_line(struct proxy *proxy, struct imap_error *error)
{
	const bool is_empty = proxy->line_len == 0;

	proxy->line_len = 0;
	if (proxy->state == READING_STATUS)
		return take_status(proxy, error);
	if (!is_empty)
		return PROXY_WAITS;
	if (status_of(buf_span(&proxy->line)) >= 200)
		return PROXY_OPEN;
	/* 1xx: another one follows */
	buf_clear(&proxy->line);
	proxy->state = READING_STATUS;
	return PROXY_WAITS;
}

static enum proxy_answer
feed_http(struct proxy *proxy, struct span bytes, size_t *used,
    struct imap_error *error)
{
	enum proxy_answer answer = PROXY_WAITS;

	while (*used < bytes.len && answer == PROXY_WAITS) {
		const char *byte = &bytes.at[(*used)++];

		if (++proxy->total > PROXY_MAX_HEADER) {
			imap_error_set(error, IMAP_ERROR_LIMIT,
			    "sends a header of more than %d bytes",
			    PROXY_MAX_HEADER);
			return PROXY_REFUSES;
		}
		if (*byte == '\n') {
			answer = take_line(proxy, error);
		} else if (*byte != '\r') {
			proxy->line_len++;
			if (proxy->state == READING_STATUS)
				(void)buf_add(&proxy->line, byte, 1);
		}
	}
	return answer;
}

enum proxy_answer
proxy_feed(struct proxy *proxy, struct span bytes, size_t *used,
    struct imap_error *error)
{
	*used = 0;
	return proxy->state >= READING_STATUS
	    ? feed_http(proxy, bytes, used, error)
	    : feed_socks(proxy, bytes, used, error);
}
