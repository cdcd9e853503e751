/*
 * The setting `proxy`: an URL of scheme, login, host and port. It is never
 * quoted in a problem, for it may hold a password.
 */
#include "conf/settings_private.h"
#include "conf/settings_tools.h"
#include "conf/vault.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	MAX_HOST = 253,
	MAX_SECRET = 255, /* RFC 1929 */
	MAX_DIGITS = 5
};

static int
digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, tolower(c));

	return at == NULL ? -1 : (int)(at - digits);
}

/* What is wrong with a percent-coded text of len bytes, or NULL. */
static const char *
decode(const char *from, size_t len, char out[MAX_SECRET + 1])
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		int byte = (unsigned char)from[i];

		if (byte == '%') {
			if (len - i < 3 || digit_of(from[i + 1]) < 0 ||
			    digit_of(from[i + 2]) < 0)
				return "has a % without two hexadecimal digits";
			byte =
			    digit_of(from[i + 1]) * 16 + digit_of(from[i + 2]);
			i += 2;
		}
		if (byte < 0x20 || byte == 0x7f)
			return "has a control character";
		if (used == MAX_SECRET)
			return "has a user or password of more than 255 bytes";
		out[used++] = (char)byte;
	}
	out[used] = '\0';
	return used == 0 ? "has an empty user or password" : NULL;
}

/* "user:password" of len bytes. */
static const char *
take_login(struct settings_proxy *proxy, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	char decoded[MAX_SECRET + 1];
	const char *wrong;
	size_t user_len;

	if (proxy->is_http)
		return "has a user, which only socks5h takes";
	if (colon == NULL)
		return "has a user without a password";
	user_len = (size_t)(colon - text);
	wrong = decode(text, user_len, decoded);
	if (wrong != NULL)
		return wrong;
	proxy->user = settings_copy(decoded);
	wrong = decode(colon + 1, len - user_len - 1, decoded);
	if (wrong == NULL)
		proxy->password = vault_keep(decoded);
	explicit_bzero(decoded, sizeof(decoded));
	return wrong;
}

static bool
is_name(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isascii(text[i]) ||
		    (!isalnum(text[i]) && strchr("._-", text[i]) == NULL))
			return false;
	return len > 0 && text[0] != '-' && text[0] != '.';
}

/* "host:port" or "[::1]:port", up to the end. */
static const char *
take_place(struct settings_proxy *proxy, const char *text)
{
	const char *colon = strrchr(text, ':');
	const bool is_ipv6 = text[0] == '[';
	char address[sizeof(struct in6_addr)];
	unsigned long port = 0;
	size_t len;

	if (colon == NULL || strchr(colon, ']') != NULL)
		return "has no port";
	if (colon[1] == '\0' || strlen(colon + 1) > MAX_DIGITS ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return "has no port that is a number from 1 to 65535";
	port = strtoul(colon + 1, NULL, 10);
	if (port == 0 || port > UINT16_MAX)
		return "has no port that is a number from 1 to 65535";
	len = (size_t)(colon - text);
	if (len > MAX_HOST || (is_ipv6 && text[len - 1] != ']') ||
	    (!is_ipv6 && !is_name(text, len)))
		return "has no host name or address (IPv6 in brackets)";
	proxy->port = (uint16_t)port;
	proxy->host = settings_format(
	    "%.*s", (int)(is_ipv6 ? len - 2 : len), is_ipv6 ? text + 1 : text);
	if (is_ipv6 && inet_pton(AF_INET6, proxy->host, address) != 1)
		return "has no host name or address (IPv6 in brackets)";
	return NULL;
}

/* What is wrong with the text, or NULL. */
static const char *
take_url(struct settings_proxy *proxy, const char *text)
{
	static const char socks[] = "socks5h://";
	static const char http[] = "http://";
	const char *at;

	proxy->is_http = strncasecmp(text, http, sizeof(http) - 1) == 0;
	if (proxy->is_http)
		text += sizeof(http) - 1;
	else if (strncasecmp(text, socks, sizeof(socks) - 1) == 0)
		text += sizeof(socks) - 1;
	else if (strncasecmp(text, "socks5://", strlen("socks5://")) == 0)
		return "is socks5, which looks up names here";
	else
		return "has another scheme, or none";
	at = strrchr(text, '@');
	if (at != NULL) {
		const char *wrong =
		    take_login(proxy, text, (size_t)(at - text));

		if (wrong != NULL)
			return wrong;
		text = at + 1;
	}
	return take_place(proxy, text);
}

static struct settings_proxy *
drop(struct settings_proxy *proxy)
{
	if (proxy == NULL)
		return NULL;
	if (proxy->user != NULL)
		explicit_bzero(proxy->user, strlen(proxy->user));
	free(proxy->host);
	free(proxy->user);
	proxy->password = vault_drop(proxy->password);
	free(proxy);
	return NULL;
}

static bool
proxy_read(struct settings_reader *reader, const struct settings_row *row,
    const config_setting_t *setting, void *object)
{
	struct settings_proxy **field = settings_field(row, object);
	struct settings_proxy *proxy;
	const char *wrong;
	unsigned mode;

	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		return settings_refuse_type(reader, row, setting);
	proxy = settings_resize(NULL, 1, sizeof(*proxy));
	memset(proxy, 0, sizeof(*proxy));
	wrong = take_url(proxy, config_setting_get_string(setting));
	if (wrong != NULL) {
		drop(proxy);
		return settings_refuse_value(reader, row, setting, "%s", wrong);
	}
	*field = proxy;
	if (proxy->password != NULL &&
	    settings_is_exposed(reader, setting, &mode))
		return settings_refuse(reader, setting, row->name,
		    "has a password in a file that others can read (mode "
		    "%04o); allowed: a file of mode 0600",
		    mode);
	return true;
}

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
proxy_equal(const struct settings_row *row, const void *a, const void *b)
{
	const struct settings_proxy *one =
	    *(struct settings_proxy *const *)settings_const_field(row, a);
	const struct settings_proxy *two =
	    *(struct settings_proxy *const *)settings_const_field(row, b);

	if (one == NULL || two == NULL)
		return one == two;
	return one->is_http == two->is_http && one->port == two->port &&
	    is_same(one->host, two->host) && is_same(one->user, two->user) &&
	    is_same(one->password, two->password);
}

static void
proxy_clear(const struct settings_row *row, void *object)
{
	struct settings_proxy **field = settings_field(row, object);

	*field = drop(*field);
}

const struct settings_type settings_type_proxy = {
    proxy_read, proxy_equal, proxy_clear};
