/*
 * What one setting says about another: what is missing, what contradicts
 * itself, and what two accounts may not share.
 */
#include "conf/settings_private.h"
#include "conf/settings_tools.h"

#include <string.h>

static bool
is_set(const struct settings_reader *reader, const char *name)
{
	return settings_origin(reader, name) != NULL;
}

/* One for all accounts means nothing to those that have a tunnel. */
static void
check_proxy(struct settings_reader *reader, const config_setting_t *group,
    const struct settings_account *account)
{
	const config_setting_t *proxy = settings_origin(reader, "proxy");
	const config_setting_t *tunnel = settings_origin(reader, "tunnel");

	if (proxy == NULL)
		return;
	if (tunnel != NULL &&
	    (config_setting_parent(proxy) == group ||
		config_setting_parent(tunnel) != group))
		(void)settings_refuse(reader, proxy, "proxy",
		    "cannot be combined with tunnel; allowed: one of the two");
	if (account->host != NULL && strchr(account->host, '%') != NULL)
		(void)settings_refuse(reader, settings_origin(reader, "host"),
		    "host",
		    "the zone of an address means nothing to a proxy; "
		    "allowed: a host name or an address without \"%%\"");
}

static void
check_server(struct settings_reader *reader, const config_setting_t *group,
    const struct settings_account *account)
{
	char quoted[80];

	if (is_set(reader, "host") && is_set(reader, "tunnel"))
		(void)settings_refuse(reader, settings_origin(reader, "tunnel"),
		    "tunnel",
		    "cannot be combined with host; allowed: one of the two");
	else if (!is_set(reader, "host") && !is_set(reader, "tunnel"))
		(void)settings_refuse(reader, group, "host",
		    "missing; allowed: a host name or address, or a tunnel "
		    "instead of it");
	if (account->tls == SETTINGS_TLS_NONE && account->host != NULL &&
	    !account->allow_plaintext && !settings_is_near(account))
		(void)settings_refuse(reader, settings_origin(reader, "tls"),
		    "tls",
		    "\"none\" leaves the connection to %s%s unprotected; "
		    "allowed: a loopback host%s, or allow_plaintext = true",
		    settings_quote(account->host, quoted, sizeof(quoted)),
		    account->proxy == NULL ? "" : " behind the proxy",
		    account->proxy == NULL ? "" : " without a proxy");
	if (is_set(reader, "tls_client_key") &&
	    !is_set(reader, "tls_client_cert"))
		(void)settings_refuse(reader,
		    settings_origin(reader, "tls_client_key"), "tls_client_key",
		    "tls_client_cert is missing; allowed: both, or a "
		    "certificate file with the key in it");
}

/* True if logging in can succeed without a secret. */
static bool
can_do_without_secret(const struct settings_reader *reader,
    const struct settings_account *account)
{
	/* A tunnel may be logged in from the start (PREAUTH). */
	if (is_set(reader, "tunnel"))
		return true;
	for (uint32_t i = 0; i < account->auth.count; i++)
		if (strcmp(account->auth.items[i], "external") == 0 ||
		    strcmp(account->auth.items[i], "anonymous") == 0)
			return true;
	return account->auth.count == 0 && is_set(reader, "tls_client_cert");
}

static void
check_secret(struct settings_reader *reader, const config_setting_t *group,
    const struct settings_account *account)
{
	static const char *const sources[] = {
	    "password", "password_file", "password_command", "credential"};
	const char *first = NULL;

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (!is_set(reader, sources[i]))
			continue;
		if (first == NULL)
			first = sources[i];
		else
			(void)settings_refuse(reader,
			    settings_origin(reader, sources[i]), sources[i],
			    "cannot be combined with %s; allowed: one source "
			    "of the secret",
			    first);
	}
	if (can_do_without_secret(reader, account))
		return;
	if (first == NULL)
		(void)settings_refuse(reader, group, "password_command",
		    "missing; allowed: one of password, password_file, "
		    "password_command and credential");
	if (!is_set(reader, "user"))
		(void)settings_refuse(
		    reader, group, "user", "missing; allowed: the login name");
}

void
settings_check_account(struct settings_reader *reader,
    const config_setting_t *group, const struct settings_account *account)
{
	if (!is_set(reader, "name"))
		(void)settings_refuse(reader, group, "name",
		    "missing; allowed: letters, digits, \".\", \"_\" and "
		    "\"-\", unlike every other account's");
	if (!is_set(reader, "maildir"))
		(void)settings_refuse(reader, group, "maildir",
		    "missing; allowed: a path that no other account has");
	check_server(reader, group, account);
	check_proxy(reader, group, account);
	check_secret(reader, group, account);
	if (account->on_expunge == SETTINGS_EXPUNGE_ARCHIVE &&
	    !is_set(reader, "archive_folder"))
		(void)settings_refuse(reader,
		    settings_origin(reader, "on_expunge"), "on_expunge",
		    "archive_folder is missing; allowed: both, or \"delete\" "
		    "or \"keep\"");
}

static void
check_pair(struct settings_reader *reader,
    const struct settings_account *account,
    const struct settings_account *earlier)
{
	char quoted[80];

	if (account->name != NULL && earlier->name != NULL &&
	    strcmp(account->name, earlier->name) == 0)
		(void)settings_refuse(reader, settings_origin(reader, "name"),
		    "name",
		    "the account of line %d has this name, too; allowed: one "
		    "that no other account has",
		    earlier->line);
	if (account->maildir != NULL && earlier->maildir != NULL &&
	    strcmp(account->maildir, earlier->maildir) == 0)
		(void)settings_refuse(reader,
		    settings_origin(reader, "maildir"), "maildir",
		    "the account of line %d has %s, too; allowed: a path that "
		    "no other account has",
		    earlier->line,
		    settings_quote(account->maildir, quoted, sizeof(quoted)));
}

void
settings_check_unique(struct settings_reader *reader,
    const struct settings *settings, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++)
		check_pair(
		    reader, &settings->accounts[index], &settings->accounts[i]);
}
