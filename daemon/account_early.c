/*
 * What saves round trips at the next start: which capabilities the server had
 * last time, so that commands go out with the login; and the INBOX, which is
 * opened before LIST has told that it is still there.
 */
#include "daemon/account_private.h"

#include <strings.h>

#include "libclient/base/mem.h"

/* The mask means something else in another version of the table. */
#define FORM CAPABILITY_COUNT

bool
account_known(const struct account *account, struct capabilities *known)
{
	*known = (struct capabilities){
	    .offered = (uint64_t)account->facts[FACT_KNOWN], .known = true};
	return account->facts[FACT_KNOWN_FORM] == FORM;
}

void
account_note_known(struct account *account, const struct imap *imap)
{
	const struct capabilities *offered = imap_capabilities(imap);
	struct capabilities known;

	if (!offered->known || imap_is_early(imap) ||
	    (account_known(account, &known) &&
		known.offered == offered->offered))
		return;
	account->facts[FACT_KNOWN_FORM] = FORM;
	account->facts[FACT_KNOWN] = (int64_t)offered->offered;
	account_note_facts(account);
}

void
account_forget_known(struct account *account)
{
	account->facts[FACT_KNOWN_FORM] = 0;
	account_note_facts(account);
}

/* ---- the INBOX ---- */

static bool
is_inbox(const struct remembered *remembered)
{
	return remembered->mailbox_len == 5 && remembered->path != NULL &&
	    strncasecmp(remembered->mailbox, "INBOX", 5) == 0;
}

/* The bytes of its name, as its rows have them; empty: there are none. */
static struct span
remembered_inbox(const struct account *account)
{
	for (uint32_t i = 0; i < account->remembered.count; i++)
		if (is_inbox(&account->remembered.items[i]))
			return (struct span){
			    account->remembered.items[i].mailbox,
			    account->remembered.items[i].mailbox_len};
	return span_of("");
}

static bool
offers_idle(const struct account *account, const struct imap *imap)
{
	struct capabilities known;

	if (imap != NULL)
		return capabilities_have(
		    imap_capabilities(imap), CAPABILITY_IDLE);
	return account_known(account, &known) &&
	    capabilities_have(&known, CAPABILITY_IDLE);
}

/* True if the settings and who asked choose it, and it will keep the
 * connection: a pass does, and an IDLE of its own. */
static bool
has_place(const struct account *account, struct span inbox)
{
	const struct imap_list list = {
	    .delimiter = '/', .mailbox = inbox, .name = inbox};
	struct mailboxes one = {0};
	bool is_so;

	mailboxes_add(&one, &list);
	mailboxes_choose(&one, account->settings);
	mailboxes_assign_watch(&one, account->settings,
	    (struct mailboxes_push){
		.connections = account->limit, .has_idle = true});
	is_so = one.count == 1 &&
	    (account->config.mode == ACCOUNT_RUNS
		    ? one.items[0].watch == MAILBOX_IDLED
		    : account_selects(account, &one.items[0]));
	mailboxes_free(&one);
	return is_so;
}

void
account_begin_early(struct account *account, const struct imap *imap)
{
	struct folder_mailbox described = {
	    .bytes = remembered_inbox(account),
	    .name = span_of("INBOX"),
	    .is_valid = true,
	    .delimiter = '/',
	};

	if (imap != NULL && described.bytes.len == 0)
		described.bytes = span_of("INBOX");
	if (account->config.mode == ACCOUNT_CHECKS || account->seat_count > 0 ||
	    account->is_listed || described.bytes.len == 0 ||
	    (account->config.mode == ACCOUNT_RUNS &&
		!offers_idle(account, imap)) ||
	    !has_place(account, described.bytes))
		return;
	account->early = account_add_seat(account, &described);
	account_index_seats(account);
	folder_set_watch(account->early->folder, MAILBOX_IDLED);
	folder_wake(account->early->folder);
}
