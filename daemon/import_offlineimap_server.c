/*
 * A remote Repository of offlineimap: the server, TLS and the login.
 */
#include "daemon/import_offlineimap.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/import_account.h"
#include "daemon/import_python.h"
#include "libclient/base/mem.h"

#define MODULE_MAX ((size_t)1 << 20)

static const struct import_option *
find(const struct import_offlineimap *from, const char *key)
{
	return import_section_find(from->remote, key);
}

/* The next item of a list with commas; false: none is left. */
static bool
next_item(const char **list, struct span *item)
{
	*list += strspn(*list, ", \t\n");
	*item = (struct span){*list, strcspn(*list, ",")};
	*list += item->len;
	while (item->len > 0 && isspace((unsigned char)item->at[item->len - 1]))
		item->len--;
	return item->len > 0;
}

/* ---- the server ---- */

static void
read_fingerprint(
    const struct import_offlineimap *from, int line, struct span text)
{
	char *digits = span_to_string(text);
	bool is_hex = true;
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++)
		if (isxdigit((unsigned char)text.at[i]))
			digits[len++] =
			    (char)tolower((unsigned char)text.at[i]);
		else if (text.at[i] != ':')
			is_hex = false;
	if (is_hex && len == 64) {
		digits[len] = '\0';
		(void)import_item(
		    from->account, IMPORT_TLS_FINGERPRINT, line, digits);
	} else {
		import_warn(from->account, IMPORT_TLS_FINGERPRINT, line,
		    "cert_fingerprint: here only SHA-256 counts, which is 64 "
		    "hexadecimal digits; `openssl s_client -connect HOST:993 "
		    "</dev/null | openssl x509 -noout -fingerprint -sha256` "
		    "prints it");
	}
	mem_free(digits);
}

static void
read_certificates(const struct import_offlineimap *from)
{
	const struct import_option *option = find(from, "cert_fingerprint");
	const char *list = option == NULL ? "" : option->words[0];
	struct span item;

	while (option != NULL && next_item(&list, &item))
		read_fingerprint(from, option->line, item);
	option = find(from, "sslcacertfile");
	if (option != NULL && strcmp(option->words[0], "OS-DEFAULT") != 0 &&
	    option->words[0][0] != '\0')
		import_authority(from->account, option->line, option->words[0]);
	option = find(from, "sslclientcert");
	if (option != NULL)
		(void)import_path(from->account, IMPORT_TLS_CLIENT_CERT,
		    option->line, option->words[0]);
	option = find(from, "sslclientkey");
	if (option != NULL &&
	    import_is_set(from->account, IMPORT_TLS_CLIENT_CERT))
		(void)import_path(from->account, IMPORT_TLS_CLIENT_KEY,
		    option->line, option->words[0]);
	option = find(from, "ssl_version");
	if (option != NULL && strcmp(option->words[0], "tls1_3") == 0)
		(void)import_text(
		    from->account, IMPORT_TLS_MIN_VERSION, option->line, "1.3");
	else if (option != NULL && strcmp(option->words[0], "tls1_2") != 0 &&
	    strcmp(option->words[0], "ssl23") != 0)
		import_warn(from->account, IMPORT_TLS_MIN_VERSION, option->line,
		    "ssl_version: here TLS 1.2 and 1.3 are spoken, and nothing "
		    "older");
}

static bool
read_tls(const struct import_offlineimap *from)
{
	const struct import_option *ssl = find(from, "ssl");
	bool has_ssl;
	bool has_starttls;

	if (!import_offlineimap_truth(
		from->import, from->remote, "ssl", true, &has_ssl) ||
	    !import_offlineimap_truth(
		from->import, from->remote, "starttls", true, &has_starttls))
		return false;
	import_tls(from->account, ssl == NULL ? from->remote->line : ssl->line,
	    has_ssl	       ? SETTINGS_TLS_IMPLICIT
		: has_starttls ? SETTINGS_TLS_STARTTLS
			       : SETTINGS_TLS_NONE);
	return true;
}

/* TYPE:HOST:PORT */
static void
read_proxy(const struct import_offlineimap *from)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const struct import_option *option =
	    import_section_find(from->settings, "proxy");
	const char *text = option == NULL ? "" : option->words[0];
	const bool is_socks = strncmp(text, "SOCKS5:", strlen("SOCKS5:")) == 0;
	const char *host = text + strcspn(text, ":");
	unsigned long long port = 0;
	size_t len;
	char *url;

	if (text[0] == '\0')
		return;
	host += *host == ':';
	len = strspn(host, name);
	if ((!is_socks && strncmp(text, "HTTP:", strlen("HTTP:")) != 0) ||
	    strchr("-.:", host[0]) != NULL || host[len] != ':' ||
	    !span_to_number(span_of(host + len + 1), UINT16_MAX, &port) ||
	    port == 0) {
		import_warn(from->account, IMPORT_PROXY, option->line,
		    "proxy: here it is SOCKS 5 or HTTP, as in "
		    "\"socks5h://HOST:PORT\"");
		return;
	}
	url = mem_format("%s://%s", is_socks ? "socks5h" : "http", host);
	(void)import_text(from->account, IMPORT_PROXY, option->line, url);
	mem_free(url);
}

static bool
is_gmail(const struct import_offlineimap *from)
{
	const char *type = import_section_text(from->remote, "type");

	return type != NULL && strcasecmp(type, "Gmail") == 0;
}

static bool
read_host(const struct import_offlineimap *from)
{
	const struct import_option *host = find(from, "remotehost");
	const struct import_option *port = find(from, "remoteport");

	if (host != NULL) {
		if (!import_host(from->account, host->line, host->words[0]))
			return false;
	} else if (is_gmail(from)) {
		(void)import_host(
		    from->account, from->remote->line, "imap.gmail.com");
	} else if (find(from, "remotehosteval") != NULL) {
		(void)import_host(
		    from->account, from->remote->line, "HOST.invalid");
	} else {
		return import_refuse(from->import, from->remote->line,
		    "[%s]: remotehost is missing", from->remote->name);
	}
	if (port != NULL &&
	    !import_port(from->account, port->line, port->words[0]))
		return false;
	read_proxy(from);
	if (!read_tls(from))
		return false;
	read_certificates(from);
	return true;
}

static bool
read_server(const struct import_offlineimap *from)
{
	const struct import_option *tunnel = find(from, "preauthtunnel");

	if (tunnel == NULL)
		tunnel = find(from, "transporttunnel");
	if (tunnel != NULL &&
	    import_command(
		from->account, IMPORT_TUNNEL, tunnel->line, tunnel->words[0]))
		return true;
	return read_host(from);
}

/* ---- the login ---- */

/* All of the pythonfile, or NULL; to be freed. */
static char *
read_module(const struct import_offlineimap *from)
{
	const char *path = import_section_text(from->general, "pythonfile");
	const char *home = getenv("HOME");
	char *full;
	char *text;
	FILE *file;
	size_t len;

	if (path == NULL)
		return NULL;
	full = path[0] == '~' && path[1] == '/' && home != NULL
	    ? mem_format("%s%s", home, path + 1)
	    : mem_copy_string(path);
	file = fopen(full, "re");
	mem_free(full);
	if (file == NULL)
		return NULL;
	text = mem_alloc(MODULE_MAX + 1);
	len = fread(text, 1, MODULE_MAX, file);
	text[len] = '\0';
	(void)fclose(file);
	return text;
}

static void
read_expression(
    const struct import_offlineimap *from, const struct import_option *option)
{
	char *module = read_module(from);
	char *command = import_python_command(option->words[0], module);

	if (command == NULL)
		import_warn(from->account, IMPORT_PASSWORD_COMMAND,
		    option->line,
		    "remotepasseval: what it does in Python was not "
		    "recognised; have a password_command print the password");
	else if (import_command(from->account, IMPORT_PASSWORD_COMMAND,
		     option->line, command))
		import_remark(from->account, IMPORT_PASSWORD_COMMAND,
		    "line %d: what remotepasseval runs", option->line);
	mem_free_secret(command);
	mem_free_secret(module);
}

static void
read_password(const struct import_offlineimap *from)
{
	const struct import_option *option = find(from, "remotepasseval");

	if (option != NULL)
		read_expression(from, option);
	else if ((option = find(from, "remotepass")) != NULL)
		import_password(from->account, option->line);
	else if ((option = find(from, "remotepassfile")) != NULL)
		(void)import_path(from->account, IMPORT_PASSWORD_FILE,
		    option->line, option->words[0]);
}

static void
read_mechanisms(const struct import_offlineimap *from)
{
	static const char *const tokens[] = {"oauth2_refresh_token",
	    "oauth2_refresh_token_eval", "oauth2_access_token",
	    "oauth2_access_token_eval"};
	const struct import_option *option = find(from, "auth_mechanisms");
	const char *list = option == NULL ? "" : option->words[0];
	struct span item;

	while (option != NULL && next_item(&list, &item)) {
		char *name = span_to_string(item);

		import_mechanism(from->account, option->line, name);
		mem_free(name);
	}
	for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
		option = find(from, tokens[i]);
		if (option == NULL)
			continue;
		import_warn(from->account, IMPORT_PASSWORD_COMMAND,
		    option->line,
		    "%s: a program has to fetch tokens; have a "
		    "password_command print an access token",
		    option->key);
		if (find(from, "auth_mechanisms") == NULL)
			import_mechanism(
			    from->account, option->line, "xoauth2");
		return;
	}
}

bool
import_offlineimap_server(const struct import_offlineimap *from)
{
	const struct import_option *user = find(from, "remoteuser");

	if (!read_server(from))
		return false;
	if (user != NULL)
		(void)import_text(
		    from->account, IMPORT_USER, user->line, user->words[0]);
	read_mechanisms(from);
	read_password(from);
	return true;
}
