/*
 * Data in words, for the lines of conversations that begin with = DATA: what
 * LIST, STATUS and the lists of words say, and the lesser items of a FETCH.
 */
#include <inttypes.h>

#include "tests/unit/conversation.h"

static void
say_keywords(struct buf *told, const struct imap_flags *flags)
{
	for (uint32_t i = 0; i < flags->keyword_count; i++) {
		buf_add_string(told, i == 0 ? " keywords=" : ",");
		buf_add_span(told, flags->keywords[i]);
	}
}

void
conversation_say_items(struct buf *told, const struct imap_fetch *fetch)
{
	say_keywords(told, &fetch->flags);
	if (fetch->has_size)
		buf_add_format(told, " size=%" PRIu64, fetch->size);
	if (fetch->modseq != 0)
		buf_add_format(told, " modseq=%" PRIu64, fetch->modseq);
	if (fetch->has_internaldate)
		buf_add_format(told, " date=%" PRId64, fetch->internaldate);
}

static void
say_list(struct buf *told, const struct imap_list *list)
{
	static const char *const names[] = {"Noselect", "NonExistent",
	    "Noinferiors", "HasChildren", "HasNoChildren", "Subscribed", "All",
	    "Archive", "Drafts", "Flagged", "Junk", "Sent", "Trash",
	    "Important"};
	const char *before = " (";

	buf_add_string(told, " LIST ");
	buf_add_span(told, list->mailbox);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((list->flags >> i & 1) == 0)
			continue;
		buf_add_format(told, "%s%s", before, names[i]);
		before = " ";
	}
	buf_add_string(told, list->flags == 0 ? "" : ")");
	if (list->delimiter == '\0')
		buf_add_string(told, " flat");
	else
		buf_add_format(told, " delimiter=%c", list->delimiter);
	if (span_equal(list->mailbox, list->name))
		return;
	buf_add_string(told, " name=");
	buf_add_span(told, list->name);
}

static void
say_status(struct buf *told, const struct imap_status *status)
{
	const struct {
		const char *name;
		uint64_t value;
	} items[] = {
	    {"messages", status->messages},
	    {"uidnext", status->uidnext},
	    {"uidvalidity", status->uidvalidity},
	    {"unseen", status->unseen},
	    {"modseq", status->highestmodseq},
	    {"size", status->size},
	};

	buf_add_string(told, " STATUS ");
	buf_add_span(told, status->mailbox);
	for (unsigned i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		if ((status->has >> i & 1) != 0)
			buf_add_format(told, " %s=%" PRIu64, items[i].name,
			    items[i].value);
}

static void
say_words(struct buf *told, const char *name, struct span words)
{
	buf_add_format(told, " %s%s", name, words.len == 0 ? "" : " ");
	buf_add_span(told, words);
}

void
conversation_say_data(struct buf *told, const struct imap_data *data)
{
	switch (data->type) {
	case IMAP_DATA_RECENT:
		buf_add_format(told, " RECENT %" PRIu32, data->count);
		break;
	case IMAP_DATA_LIST:
		say_list(told, &data->list);
		break;
	case IMAP_DATA_STATUS:
		say_status(told, &data->status);
		break;
	case IMAP_DATA_FLAGS:
		buf_add_string(told, " FLAGS");
		if (data->flags.flags != 0)
			buf_add_format(told, " flags=%x", data->flags.flags);
		say_keywords(told, &data->flags);
		break;
	case IMAP_DATA_CAPABILITY:
		say_words(told, "CAPABILITY", data->words);
		break;
	case IMAP_DATA_ENABLED:
		say_words(told, "ENABLED", data->words);
		break;
	case IMAP_DATA_ID:
		say_words(told, "ID", data->words);
		break;
	default:
		buf_add_format(told, " type %d", (int)data->type);
	}
}
