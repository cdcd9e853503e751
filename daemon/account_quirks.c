/*
 * What kind of server it is, by all that it shows; remembered, for some of it
 * has to be known before the login.
 */
#include "daemon/account_private.h"

#include <string.h>

#include "daemon/quirk.h"
#include "libclient/base/mem.h"

static bool
is_listed(const struct account *account, const char *name)
{
	for (uint32_t i = 0; i < account->disabled_count; i++)
		if (strcmp(account->disabled[i], name) == 0)
			return true;
	return false;
}

/* Connections borrow the list, so it only ever grows, and never moves. */
void
account_use_quirks(struct account *account, uint32_t quirks)
{
	const struct settings_list *set =
	    &account->settings->disable_extensions;
	const char *names[QUIRK_DISABLED_MAX];
	uint32_t count;

	account->quirks |= quirks;
	if (account->disabled == NULL) {
		account->disabled =
		    mem_alloc(((size_t)set->count + QUIRK_DISABLED_MAX) *
			sizeof(*account->disabled));
		for (uint32_t i = 0; i < set->count; i++)
			account->disabled[account->disabled_count++] =
			    set->items[i];
	}
	count = quirk_disabled(account->quirks, names);
	for (uint32_t i = 0; i < count; i++)
		if (!is_listed(account, names[i]) &&
		    account->disabled_count < set->count + QUIRK_DISABLED_MAX)
			account->disabled[account->disabled_count++] = names[i];
}

static void
log_quirks(const struct account *account, uint32_t quirks, const char *server)
{
	for (unsigned bit = 0; bit < QUIRK_COUNT; bit++)
		if ((quirks >> bit & 1) != 0)
			log_info(&account->subject, "%s: quirk %s", server,
			    quirk_name((enum quirk)(1u << bit)));
}

bool
account_note_server(
    struct account *account, const struct connection *connection)
{
	const struct capabilities *offered =
	    imap_capabilities(connection->imap);
	struct quirk_evidence evidence = {
	    .greeting = span_of(imap_greeting(connection->imap)),
	    .id = span_of(imap_server_id(connection->imap)),
	    .capabilities = offered,
	    .host = account->settings->host,
	};
	const char *server = NULL;
	uint32_t quirks = quirks_of(&evidence, &server) & ~account->quirks;
	uint32_t known = account->disabled_count;
	struct capabilities left = *offered;

	if (quirks == 0)
		return true;
	log_quirks(account, quirks, server == NULL ? "server" : server);
	account_use_quirks(account, quirks);
	account_note_facts(account);
	for (uint32_t i = known; i < account->disabled_count; i++)
		capabilities_remove(&left, account->disabled[i]);
	return left.offered == offered->offered &&
	    left.mechanisms == offered->mechanisms;
}
