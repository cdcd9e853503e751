/*
 * What is known to be on the server and is not here: when it is asked for, and
 * what the log says of it.
 */
#include "daemon/folder_private.h"

#include <inttypes.h>
#include <time.h>

#include "libclient/base/mem.h"

/* So few are fetched without asking for their sizes. */
#define UNWEIGHED_MOST 32

/* Sizes are asked for in time, so that fetching does not wait for them: so
 * many messages a connection. */
#define WEIGHED_LEAST (UINT64_C(2) * WINDOW_MESSAGES)

bool
folder_has_absent(struct folder *folder)
{
	struct folder_absent *absent = &folder->absent;
	struct uidset due = {0};
	bool has_some;

	if (absent->withheld.count == 0)
		return !uidset_is_empty(&absent->restore);
	withheld_due(&absent->withheld, time(NULL),
	    folder->config.settings->max_size, &due);
	uidset_minus(&due, &folder->arriving);
	has_some = !uidset_is_empty(&due) || !uidset_is_empty(&absent->restore);
	uidset_free(&due);
	return has_some;
}

void
folder_add_absent(struct folder *folder)
{
	struct folder_absent *absent = &folder->absent;
	struct uidset *fetch = &folder->compare.plan.fetch;

	uidset_union(fetch, &absent->restore);
	if (absent->withheld.count > 0)
		withheld_due(&absent->withheld, time(NULL),
		    folder->config.settings->max_size, fetch);
}

void
folder_note_skipped(struct folder *folder)
{
	struct folder_absent *absent = &folder->absent;

	uidset_clear(&absent->skip);
	withheld_rest(&absent->withheld, time(NULL),
	    folder->config.settings->max_size, &absent->skip);
}

void
folder_refused(struct folder *folder, uint32_t uid)
{
	struct folder_absent *absent = &folder->absent;
	struct uidset gone = {0};

	withheld_refuse(&absent->withheld, uid, time(NULL));
	absent->is_told = false;
	if (!uidset_contains(&absent->restore, uid))
		return;
	/* it is counted among the withheld from now on */
	uidset_add(&gone, uid);
	index_remove(&folder->index, &gone);
	uidset_remove(&absent->restore, uid);
	uidset_free(&gone);
}

static void
note_large(struct folder *folder)
{
	struct folder_absent *absent = &folder->absent;

	if (absent->withheld.too_large == absent->told_large)
		return;
	absent->told_large = absent->withheld.too_large;
	if (absent->told_large > 0)
		log_notice(&folder->subject,
		    "%" PRIu32 " messages are larger than max_size and are "
		    "not downloaded",
		    absent->told_large);
}

bool
folder_note_absent(struct folder *folder)
{
	struct folder_absent *absent = &folder->absent;
	struct imap_error error = {0};
	struct uidset refused = {0};
	struct log_subject subject = folder->subject;
	struct buf text;

	note_large(folder);
	withheld_refused(&absent->withheld, &refused);
	if (uidset_is_empty(&refused) ||
	    (absent->is_told && !folder->config.runs_once)) {
		uidset_free(&refused);
		return true;
	}
	absent->is_told = true;
	buf_init(&text, 256);
	(void)uidset_format(&refused, 0, 100, &text);
	(void)buf_add(&text, "", 1);
	imap_error_set(&error, IMAP_ERROR_PROTOCOL,
	    "the server lists UID %s but does not give the message",
	    buf_span(&text).at);
	buf_free(&text);
	if (uidset_count(&refused) == 1)
		subject.uid = uidset_first(&refused);
	uidset_free(&refused);
	if (folder->config.runs_once) {
		folder_fail(folder, &error);
		return false;
	}
	log_line(SETTINGS_LOG_WARNING, LOG_EVENT_WITHHELD, &subject,
	    "%s; it is asked for again by and by", error.text);
	return true;
}

bool
folder_has_keyword_news(struct folder *folder)
{
	const struct keywords_rest *news = &folder->keywords.news;

	if (folder->keywords.is_full && !folder->absent.is_keyword_told) {
		folder->absent.is_keyword_told = true;
		log_warning(&folder->subject,
		    "the messages have more keywords than can be kept: some "
		    "are left out");
	}
	if (folder->keywords.has_changed)
		return true;
	for (uint32_t i = 0; i < news->count; i++)
		if (index_find(&folder->index, news->items[i].uid) != NULL &&
		    !uidset_contains(&folder->arriving, news->items[i].uid))
			return true;
	return false;
}

/* ---- sizes ---- */

void
folder_forget_weights(struct folder *folder)
{
	folder->absent.serial_sizes = 0;
	uidset_free(&folder->absent.weighing);
	uidset_free(&folder->absent.unweighed);
	window_sizes_free(&folder->absent.sizes);
}

void
folder_want(struct folder *folder, struct uidset *uids)
{
	bool is_weighed = folder->absent.lists_sizes;

	folder->absent.lists_sizes = false;
	if (folder->config.settings->max_size == 0 &&
	    (is_weighed || uidset_count(uids) < UNWEIGHED_MOST)) {
		uidset_give(&folder->wanted, uids);
		return;
	}
	uidset_free(&folder->wanted);
	uidset_give(&folder->absent.unweighed, uids);
}

bool
folder_weigh(struct folder *folder)
{
	struct folder_absent *absent = &folder->absent;

	if (uidset_is_empty(&folder->wanted) && absent->serial_sizes == 0)
		window_sizes_free(&absent->sizes);
	if (absent->serial_sizes == 0 && !uidset_is_empty(&absent->unweighed) &&
	    uidset_count(&folder->wanted) <
		WEIGHED_LEAST * (folder->hand_count + 1)) {
		window_take_many(&absent->unweighed, folder_line_max(folder),
		    &absent->weighing);
		absent->serial_sizes = imap_uid_fetch(
		    folder->imap, &absent->weighing, IMAP_FETCH_SIZE);
	}
	return absent->serial_sizes != 0 && uidset_is_empty(&folder->wanted);
}

void
folder_take_weight(struct folder *folder, const struct imap_fetch *fetch)
{
	struct folder_absent *absent = &folder->absent;

	if (absent->serial_sizes == 0 || !fetch->has_size ||
	    !uidset_contains(&absent->weighing, fetch->uid))
		return;
	uidset_remove(&absent->weighing, fetch->uid);
	if (folder->config.settings->max_size == 0 ||
	    fetch->size <= folder->config.settings->max_size) {
		window_note(&absent->sizes, fetch->uid, fetch->size);
		folder_goal_weigh(folder, fetch->size);
		uidset_add(&folder->wanted, fetch->uid);
		return;
	}
	/* what is here already is never too large */
	if (index_find(&folder->index, fetch->uid) != NULL) {
		uidset_add(&folder->wanted, fetch->uid);
	} else {
		withheld_too_large(&absent->withheld, fetch->uid, fetch->size);
		folder_goal_leave_out(folder);
	}
}

bool
folder_take_weights_end(struct folder *folder, uint64_t serial)
{
	struct folder_absent *absent = &folder->absent;

	if (serial == 0 || serial != absent->serial_sizes)
		return false;
	absent->serial_sizes = 0;
	/* no word of them: the bodies will tell */
	uidset_union(&folder->wanted, &absent->weighing);
	uidset_free(&absent->weighing);
	folder_match_begin(folder);
	return true;
}
