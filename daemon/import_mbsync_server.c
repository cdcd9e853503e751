/*
 * An IMAPStore and its IMAPAccount: the server, TLS and the login.
 */
#include "daemon/import_mbsync.h"

#include <string.h>
#include <strings.h>

#include "daemon/import_account.h"

/* An option of the store, or of the account that it names. */
static const struct import_option *
find(const struct import_section *server[2], const char *key)
{
	const struct import_option *option =
	    import_section_find(server[0], key);

	return option != NULL ? option : import_section_find(server[1], key);
}

static bool
is_said(const struct import_section *server[2], const char *key, bool said)
{
	const struct import_option *option = find(server, key);
	bool is_true = false;

	return option != NULL && import_truth(option->words[0], &is_true) &&
	    is_true == said;
}

static bool
read_tls(struct import_account *account, const struct import_section *server[2],
    bool is_imaps)
{
	const struct import_option *type = find(server, "TLSType");
	enum settings_tls mode = SETTINGS_TLS_STARTTLS;
	int line = type == NULL ? server[0]->line : type->line;

	if (is_imaps || is_said(server, "UseIMAPS", true))
		mode = SETTINGS_TLS_IMPLICIT;
	else if (type == NULL && is_said(server, "RequireSSL", false))
		import_remark(account, IMPORT_TLS,
		    "RequireSSL no: here there is no connection without TLS");
	if (type == NULL) {
		import_tls(account, line, mode);
		return true;
	}
	if (strcasecmp(type->words[0], "None") == 0)
		mode = SETTINGS_TLS_NONE;
	else if (strcasecmp(type->words[0], "STARTTLS") == 0)
		mode = SETTINGS_TLS_STARTTLS;
	else if (strcasecmp(type->words[0], "IMAPS") == 0)
		mode = SETTINGS_TLS_IMPLICIT;
	else
		return import_refuse(account->import, line,
		    "TLSType: \"%s\" is unknown", type->words[0]);
	import_tls(account, line, mode);
	return true;
}

/* "TLSv1.2 TLSv1.3", or "+1.2 -1.0" since 1.5. */
static void
read_versions(
    struct import_account *account, const struct import_option *option)
{
	bool has_two = false;
	bool has_three = false;
	bool has_old = false;

	for (uint32_t i = 0; option != NULL && i < option->count; i++) {
		const char *word = option->words[i];
		const char *version = word + (strchr("+-", word[0]) != NULL);
		bool is_in = word[0] != '-';

		if (i == 0 && version != word)
			has_two = has_three = true;
		if (strncasecmp(version, "TLSv", 4) == 0)
			version += 4;
		if (strcmp(version, "1.2") == 0)
			has_two = is_in;
		else if (strcmp(version, "1.3") == 0)
			has_three = is_in;
		else
			has_old = has_old || is_in;
	}
	if (option == NULL)
		return;
	if (has_three && !has_two)
		(void)import_text(
		    account, IMPORT_TLS_MIN_VERSION, option->line, "1.3");
	if (!has_three)
		import_remark(account, IMPORT_TLS_MIN_VERSION,
		    "TLS 1.3 is spoken, too, if the server can");
	if (has_old)
		import_warn(account, IMPORT_TLS_MIN_VERSION, option->line,
		    "%s: here TLS 1.2 and 1.3 are spoken, and nothing older",
		    option->key);
}

static void
read_certificates(
    struct import_account *account, const struct import_section *server[2])
{
	const struct import_option *option = find(server, "CertificateFile");

	if (option != NULL)
		import_authority(account, option->line, option->words[0]);
	option = find(server, "ClientCertificate");
	if (option != NULL)
		(void)import_path(account, IMPORT_TLS_CLIENT_CERT, option->line,
		    option->words[0]);
	option = find(server, "ClientKey");
	if (option != NULL && !import_is_set(account, IMPORT_TLS_CLIENT_CERT))
		import_warn(account, IMPORT_TLS_CLIENT_KEY, option->line,
		    "ClientKey without ClientCertificate has no effect");
	else if (option != NULL)
		(void)import_path(account, IMPORT_TLS_CLIENT_KEY, option->line,
		    option->words[0]);
	if (is_said(server, "SystemCertificates", false))
		import_warn(account, IMPORT_TLS_CA_FILE,
		    find(server, "SystemCertificates")->line,
		    "the system's authorities are always trusted here; "
		    "tls_fingerprint trusts one certificate alone");
	read_versions(account, find(server, "TLSVersions"));
}

/* What is behind "imap:" or "imaps:", which old versions had. */
static const char *
host_name(const char *host, bool *is_imaps)
{
	*is_imaps = strncasecmp(host, "imaps:", 6) == 0;
	if (*is_imaps)
		return host + 6;
	return strncasecmp(host, "imap:", 5) == 0 ? host + 5 : host;
}

static bool
read_server(
    struct import_account *account, const struct import_section *server[2])
{
	const struct import_option *tunnel = find(server, "Tunnel");
	const struct import_option *host = find(server, "Host");
	const struct import_option *port = find(server, "Port");
	const struct import_option *type = find(server, "TLSType");
	bool is_imaps = false;

	if (tunnel != NULL) {
		if (type != NULL && strcasecmp(type->words[0], "None") != 0)
			import_warn(account, IMPORT_TUNNEL, type->line,
			    "%s: there is no TLS in a tunnel", type->key);
		if (import_command(
			account, IMPORT_TUNNEL, tunnel->line, tunnel->words[0]))
			return true;
	}
	if (host == NULL)
		return import_refuse(account->import, server[0]->line,
		    "IMAPStore %s has neither Host nor Tunnel",
		    server[0]->name);
	if (!import_host(
		account, host->line, host_name(host->words[0], &is_imaps)))
		return false;
	if (port != NULL && !import_port(account, port->line, port->words[0]))
		return false;
	if (!read_tls(account, server, is_imaps))
		return false;
	read_certificates(account, server);
	return true;
}

static bool
read_timeout(struct import_account *account, const struct import_option *option)
{
	unsigned long long seconds = 0;

	if (option == NULL)
		return true;
	if (!span_to_number(span_of(option->words[0]), INT32_MAX, &seconds))
		return import_refuse(account->import, option->line,
		    "Timeout: \"%s\" is no number of seconds",
		    option->words[0]);
	if (seconds == 0)
		import_warn(account, IMPORT_TIMEOUT, option->line,
		    "there is always a timeout here");
	else
		import_seconds(
		    account, IMPORT_TIMEOUT, option->line, seconds, 1, 86400);
	return true;
}

static bool
is_capability(const char *text)
{
	bool is_good = text[0] != '\0';

	for (; *text != '\0'; text++)
		is_good = is_good && (unsigned char)*text > 0x20 &&
		    (unsigned char)*text < 0x7f;
	return is_good;
}

static void
read_login(
    struct import_account *account, const struct import_section *server[2])
{
	const struct import_option *option = find(server, "User");

	if (option != NULL)
		(void)import_text(
		    account, IMPORT_USER, option->line, option->words[0]);
	option = find(server, "AuthMechs");
	for (uint32_t i = 0; option != NULL && i < option->count; i++)
		if (strcmp(option->words[i], "*") == 0) {
			import_unset(account, IMPORT_AUTH);
			break;
		} else {
			import_mechanism(
			    account, option->line, option->words[i]);
		}
	if (is_said(server, "RequireCRAM", true))
		(void)import_item(account, IMPORT_AUTH,
		    find(server, "RequireCRAM")->line, "cram-md5");
	option = find(server, "PassCmd");
	if (option != NULL)
		(void)import_command(account, IMPORT_PASSWORD_COMMAND,
		    option->line,
		    option->words[0] + (option->words[0][0] == '+'));
	else if (find(server, "Pass") != NULL)
		import_password(account, find(server, "Pass")->line);
	option = find(server, "DisableExtensions");
	for (uint32_t i = 0; option != NULL && i < option->count; i++)
		if (is_capability(option->words[i]))
			(void)import_item(account, IMPORT_DISABLE_EXTENSIONS,
			    option->line, option->words[i]);
		else
			import_warn(account, IMPORT_DISABLE_EXTENSIONS,
			    option->line, "\"%s\" is no capability",
			    option->words[i]);
}

bool
import_mbsync_server(
    struct import_account *account, const struct import_section *server[2])
{
	if (!read_server(account, server) ||
	    !read_timeout(account, find(server, "Timeout")))
		return false;
	read_login(account, server);
	return true;
}
