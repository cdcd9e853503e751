/*
 * Counting messages and remembering codes (RFC 9051 section 7).
 */
#include "libclient/proto/selected.h"

#include <string.h>

static void
note_mailboxid(struct imap_mailbox *mailbox, struct span id)
{
	if (id.len >= sizeof(mailbox->mailboxid))
		return;
	memcpy(mailbox->mailboxid, id.at, id.len);
	mailbox->mailboxid[id.len] = '\0';
}

void
selected_note_code(struct imap_mailbox *mailbox, const struct imap_code *code)
{
	switch (code->type) {
	case IMAP_CODE_CLOSED:
		/* what came so far was of the mailbox before this one */
		*mailbox = (struct imap_mailbox){0};
		break;
	case IMAP_CODE_UIDVALIDITY:
		mailbox->uidvalidity = (uint32_t)code->number;
		break;
	case IMAP_CODE_UIDNEXT:
		mailbox->uidnext = (uint32_t)code->number;
		break;
	case IMAP_CODE_HIGHESTMODSEQ:
		mailbox->highestmodseq = code->number;
		break;
	case IMAP_CODE_NOMODSEQ:
		mailbox->highestmodseq = 0;
		break;
	case IMAP_CODE_READ_ONLY:
		mailbox->is_read_only = true;
		break;
	case IMAP_CODE_READ_WRITE:
		mailbox->is_read_only = false;
		break;
	case IMAP_CODE_MAILBOXID:
		note_mailboxid(mailbox, code->arguments);
		break;
	default:
		break;
	}
}

void
selected_note_data(struct imap_mailbox *mailbox, const struct imap_data *data)
{
	uint64_t gone = 0;

	switch (data->type) {
	case IMAP_DATA_EXISTS:
		mailbox->exists = data->count;
		return;
	case IMAP_DATA_EXPUNGE:
		gone = 1;
		break;
	case IMAP_DATA_VANISHED:
		if (!data->vanished.earlier)
			gone = uidset_count(data->vanished.uids);
		break;
	default:
		break;
	}
	mailbox->exists =
	    gone > mailbox->exists ? 0 : mailbox->exists - (uint32_t)gone;
}
