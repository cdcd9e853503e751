/*
 * What the configurations of all programs have in common.
 */
#include "daemon/import_account.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "libclient/base/mem.h"
#include "libclient/wire/utf7.h"

#define NAME_MAX_BYTES ((size_t)4 << 20)

bool
import_truth(const char *text, bool *is_true)
{
	static const char *const words[] = {
	    "no", "yes", "false", "true", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(text, words[i]) == 0) {
			*is_true = i % 2 == 1;
			return true;
		}
	return false;
}

bool
import_host(struct import_account *account, int line, const char *host)
{
	size_t len = strlen(host);
	bool is_good =
	    len > 0 && len <= 253 && host[0] != '-' && host[0] != '.';

	for (size_t i = 0; i < len; i++)
		if (!isascii(host[i]) ||
		    (!isalnum(host[i]) && strchr("._-:%", host[i]) == NULL))
			is_good = false;
	if (!is_good)
		return import_refuse(account->import, line,
		    "\"%s\" is no host name or address", host);
	return import_text(account, IMPORT_HOST, line, host);
}

bool
import_port(struct import_account *account, int line, const char *port)
{
	unsigned long long number = 0;

	if (!span_to_number(span_of(port), 65535, &number) || number == 0)
		return import_refuse(account->import, line,
		    "\"%s\" is no port; allowed: 1 to 65535", port);
	import_bare(account, IMPORT_PORT, number);
	return true;
}

void
import_tls(struct import_account *account, int line, enum settings_tls mode)
{
	static const char *const modes[] = {"implicit", "starttls", "none"};
	const char *host = import_get(account, IMPORT_HOST);

	(void)import_text(account, IMPORT_TLS, line, modes[mode]);
	if (mode != SETTINGS_TLS_NONE || host == NULL ||
	    (settings_is_loopback(host) &&
		!import_is_set(account, IMPORT_PROXY)))
		return;
	import_warn(account, IMPORT_ALLOW_PLAINTEXT, line,
	    "without TLS all mail can be read on its way, and mailmirror sends "
	    "no password; use tls = \"implicit\" or \"starttls\" if the server "
	    "can");
	import_bool(account, IMPORT_ALLOW_PLAINTEXT, true);
}

/* Their variables as ours, "$NAME" as "${NAME}". */
static char *
with_braces(const char *path)
{
	struct buf out;
	char *text;

	buf_init(&out, NAME_MAX_BYTES);
	while (*path != '\0') {
		size_t len = strcspn(path, "$");
		size_t name = 0;

		(void)buf_add(&out, path, len);
		path += len;
		if (*path == '\0')
			break;
		while (isalnum((unsigned char)path[1 + name]) ||
		    path[1 + name] == '_')
			name++;
		if (name > 0)
			(void)buf_add_format(
			    &out, "${%.*s}", (int)name, path + 1);
		else
			(void)buf_add_string(&out, "$");
		path += 1 + name;
	}
	text = span_to_string(buf_span(&out));
	buf_free(&out);
	return text;
}

bool
import_path(struct import_account *account, enum import_setting setting,
    int line, const char *path)
{
	char *ours;
	bool is_set;

	if (path[0] == '~' && path[1] != '/' && path[1] != '\0') {
		import_warn(account, setting, line,
		    "%s: write the home directory in full; of \"~\" only \"~\" "
		    "itself and \"~/...\" are known",
		    path);
		path += strspn(path, "~");
	}
	ours = account->import->has_variables ? with_braces(path)
					      : mem_copy_string(path);
	if (!account->import->has_variables && strstr(ours, "${") != NULL)
		import_warn(account, setting, line,
		    "%s: here \"${NAME}\" is a variable's value; give the "
		    "directory another name",
		    ours);
	is_set = import_text(account, setting, line, ours);
	if (is_set && strchr("/~$", ours[0]) == NULL)
		import_warn(account, setting, line,
		    "%s is relative; here that begins at the folder of "
		    "mailmirror's configuration file",
		    ours);
	mem_free(ours);
	return is_set;
}

void
import_authority(struct import_account *account, int line, const char *path)
{
	static const char *const systems[] = {
	    "/etc/ssl/certs/ca-certificates.crt",
	    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	    "/etc/ssl/cert.pem", "/etc/ssl/certs/ca-bundle.crt",
	    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"};

	for (size_t i = 0; i < sizeof(systems) / sizeof(*systems); i++)
		if (strcmp(path, systems[i]) == 0)
			return;
	if (import_path(account, IMPORT_TLS_CA_FILE, line, path))
		import_remark(account, IMPORT_TLS_CA_FILE,
		    "An authority, beside the system's own. If it is the "
		    "server's own certificate, use tls_fingerprint.");
}

void
import_seconds(struct import_account *account, enum import_setting setting,
    int line, uint64_t seconds, uint64_t least, uint64_t most)
{
	char *text;

	if (seconds < least || seconds > most) {
		import_warn(account, setting, line,
		    "%" PRIu64 " seconds are too %s here; from %" PRIu64
		    " to %" PRIu64,
		    seconds, seconds < least ? "few" : "many", least, most);
		seconds = seconds < least ? least : most;
	}
	text = seconds % 60 == 0 ? mem_format("%" PRIu64 "m", seconds / 60)
				 : mem_format("%" PRIu64 "s", seconds);
	(void)import_text(account, setting, line, text);
	mem_free(text);
}

void
import_mechanism(struct import_account *account, int line, const char *name)
{
	static const char *const known[] = {"scram-sha-256-plus",
	    "scram-sha-256", "scram-sha-1", "cram-md5", "plain", "login",
	    "xoauth2", "oauthbearer", "external", "anonymous"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcasecmp(known[i], name) == 0) {
			(void)import_item(account, IMPORT_AUTH, line, known[i]);
			return;
		}
	import_warn(account, IMPORT_AUTH, line,
	    "mailmirror does not have the mechanism %s", name);
}

/* Where a secret is to be put that is not printed. */
static void
set_password_file(struct import_account *account, int line)
{
	char *path = mem_format(
	    "~/.config/mailmirror/%s.password", import_name(account));

	(void)import_text(account, IMPORT_PASSWORD_FILE, line, path);
	mem_free(path);
}

void
import_password(struct import_account *account, int line)
{
	import_warn(account, IMPORT_PASSWORD_FILE, line,
	    "the password is not copied; write it to this file, of mode 0600, "
	    "or better have a password_command print it, such as \"pass show "
	    "mail/%s\"",
	    import_name(account));
	set_password_file(account, line);
}

static bool
needs_secret(const struct import_account *account)
{
	const struct import_value *auth = &account->values[IMPORT_AUTH];

	for (uint32_t i = 0; i < auth->count; i++)
		if (strcmp(auth->items[i], "external") == 0 ||
		    strcmp(auth->items[i], "anonymous") == 0)
			return false;
	return !import_is_set(account, IMPORT_TUNNEL) &&
	    !(auth->count == 0 &&
		import_is_set(account, IMPORT_TLS_CLIENT_CERT));
}

void
import_complete(struct import_account *account, int line)
{
	if (!needs_secret(account))
		return;
	if (!import_is_set(account, IMPORT_USER)) {
		import_warn(account, IMPORT_USER, line,
		    "the login name does not stand there; write it here");
		(void)import_text(account, IMPORT_USER, line, "LOGIN-NAME");
	}
	if (import_is_set(account, IMPORT_PASSWORD_FILE) ||
	    import_is_set(account, IMPORT_PASSWORD_COMMAND))
		return;
	import_warn(account, IMPORT_PASSWORD_FILE, line,
	    "there is no password to be taken over; write it to this file, of "
	    "mode 0600, or better have a password_command print it, such as "
	    "\"pass show mail/%s\"",
	    import_name(account));
	set_password_file(account, line);
}

/* Whether two paths are the same but for their slashes. */
static bool
is_same_path(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0') {
		size_t more_a = strspn(a, "/");
		size_t more_b = strspn(b, "/");

		if (more_a > 0 && more_b > 0 && a[more_a] != '\0' &&
		    b[more_b] != '\0') {
			a += more_a;
			b += more_b;
		} else if (a[more_a] == '\0' && b[more_b] == '\0') {
			return true;
		} else if (*a++ != *b++) {
			return false;
		}
	}
	return true;
}

static bool
has_maildir_of_another(const struct import *import, uint32_t index)
{
	const char *path = import_get(import->accounts[index], IMPORT_MAILDIR);

	for (uint32_t i = 0; i < import->count && path != NULL; i++) {
		const char *other =
		    import_get(import->accounts[i], IMPORT_MAILDIR);

		if (i != index && other != NULL && is_same_path(path, other))
			return true;
	}
	return false;
}

void
import_separate(struct import *import)
{
	for (uint32_t i = 1; i < import->count; i++) {
		struct import_account *account = import->accounts[i];
		char *path;

		while (has_maildir_of_another(import, i)) {
			const char *shared =
			    import_get(account, IMPORT_MAILDIR);

			path = mem_format("%s%s%s", shared,
			    shared[strlen(shared) - 1] == '/' ? "" : "/",
			    import_name(account));
			import_warn(account, IMPORT_MAILDIR, 1,
			    "%s is another account's, too; here every account "
			    "has a Maildir of its own",
			    shared);
			(void)import_text(account, IMPORT_MAILDIR, 1, path);
			mem_free(path);
		}
	}
}

char *
import_mailbox(const char *name)
{
	struct buf out;
	char *text;

	buf_init(&out, NAME_MAX_BYTES);
	if (strchr(name, '&') == NULL || !utf7_decode(span_of(name), &out)) {
		buf_clear(&out);
		(void)buf_add_string(&out, name);
	}
	text = span_to_string(buf_span(&out));
	buf_free(&out);
	return text;
}
