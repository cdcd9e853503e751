/*
 * A folder's outside: what the account tells it, and what its connection's
 * events mean to the watcher.
 */
#include "daemon/folder_private.h"

#include <string.h>
#include <time.h>

#include "libclient/base/mem.h"

/* An IDLE that ends sooner did not work; after so many it is given up. */
#define IDLE_AT_LEAST UINT64_C(5000000)
#define IDLE_ATTEMPTS 3

/* Bursts are timed by it (sd-event's default is a quarter of a second). */
#define TIMER_ACCURACY 1000

struct span
folder_mailbox_span(const struct folder *folder)
{
	return (struct span){folder->mailbox, folder->mailbox_len};
}

struct span
folder_mailbox_bytes(const struct folder *folder)
{
	return folder_mailbox_span(folder);
}

static int
on_timer(sd_event_source *source, uint64_t at, void *user)
{
	struct folder *folder = user;

	(void)source;
	(void)at;
	watcher_tell(&folder->watcher, WATCHER_TIMEOUT);
	return 0;
}

void
folder_arm(struct folder *folder, uint64_t at)
{
	if (at == 0) {
		(void)sd_event_source_set_enabled(folder->timer, SD_EVENT_OFF);
		return;
	}
	(void)sd_event_source_set_time(folder->timer, at);
	(void)sd_event_source_set_enabled(folder->timer, SD_EVENT_ONESHOT);
}

struct folder *
folder_new(
    const struct folder_config *config, const struct folder_mailbox *mailbox)
{
	struct folder *folder = mem_new(struct folder);
	const struct settings_account *settings = config->settings;

	folder->config = *config;
	folder->mailbox = span_to_string(mailbox->bytes);
	folder->mailbox_len = mailbox->bytes.len;
	folder->name = span_to_string(mailbox->name);
	folder->is_valid = mailbox->is_valid;
	folder->delimiter = mailbox->delimiter;
	folder->list_flags = mailbox->flags;
	folder->subject.account = settings->name;
	folder->subject.folder = folder->name;
	folder->watcher.ops = &folder_ops;
	folder->watcher.user = folder;
	folder->identity.host =
	    settings->host == NULL || settings->tunnel != NULL ? settings->name
							       : settings->host;
	folder->burst.interval = settings->burst_interval;
	folder->burst.max_wait = settings->burst_max_wait;
	landing_init(&folder->landing, settings->line_endings == SETTINGS_CRLF);
	(void)sd_event_add_time(config->loop, &folder->timer, CLOCK_BOOTTIME, 0,
	    TIMER_ACCURACY, on_timer, folder);
	(void)sd_event_source_set_enabled(folder->timer, SD_EVENT_OFF);
	return folder;
}

void
folder_unprepare(struct folder *folder)
{
	folder->is_prepared = false;
	if (folder->maildir != NULL)
		landing_free(&folder->landing);
	folder->maildir = maildir_close(folder->maildir);
	index_free(&folder->index);
	keywords_free(&folder->keywords);
	folder_claims_free(&folder->odd);
	uidset_free(&folder->unverified);
	uidset_free(&folder->arriving);
	folder->path = mem_free(folder->path);
}

struct folder *
folder_free(struct folder *folder)
{
	if (folder == NULL)
		return NULL;
	folder->timer = sd_event_source_disable_unref(folder->timer);
	folder_unprepare(folder);
	compare_free(&folder->compare);
	uidset_free(&folder->vanished);
	uidset_free(&folder->verified);
	uidset_free(&folder->refuted);
	uidset_free(&folder->wanted);
	uidset_free(&folder->missing);
	uidset_free(&folder->quarantine);
	for (int i = 0; i < FOLDER_WINDOWS; i++)
		uidset_free(&folder->windows[i].uids);
	mem_free(folder->mailbox);
	mem_free(folder->name);
	return mem_free(folder);
}

/* ---- what the account tells ---- */

void
folder_set_idle(struct folder *folder, bool has_idle)
{
	if (folder->has_idle == has_idle)
		return;
	folder->has_idle = has_idle;
	if (has_idle && folder->watcher.state == WATCHER_RESTING &&
	    folder->failures == 0)
		folder_wake(folder);
	if (!has_idle)
		watcher_tell(&folder->watcher, WATCHER_POLLED);
}

void
folder_wake(struct folder *folder)
{
	watcher_tell(&folder->watcher, WATCHER_WAKE);
}

void
folder_polled(struct folder *folder, const struct imap_status *status)
{
	bool is_known = folder->is_synced &&
	    (status->has & IMAP_STATUS_MESSAGES) != 0 &&
	    (int64_t)status->messages == folder_expected(folder) &&
	    (status->has & IMAP_STATUS_UIDVALIDITY) != 0 &&
	    status->uidvalidity == folder->identity.uidvalidity &&
	    (status->has & IMAP_STATUS_UIDNEXT) != 0 &&
	    status->uidnext == folder->row.uidnext;

	/* without a MODSEQ, changed flags do not show here */
	if (is_known && (status->has & IMAP_STATUS_HIGHESTMODSEQ) != 0 &&
	    status->highestmodseq != 0 &&
	    status->highestmodseq == folder->row.highestmodseq)
		return;
	if (folder->watcher.state == WATCHER_RESTING && folder->failures > 0)
		return;
	folder_wake(folder);
}

void
folder_yield(struct folder *folder)
{
	watcher_tell(&folder->watcher, WATCHER_YIELD);
}

void
folder_stop(struct folder *folder)
{
	watcher_tell(&folder->watcher, WATCHER_STOP);
}

bool
folder_is_quiet(const struct folder *folder)
{
	return folder->watcher.state == WATCHER_STOPPED && folder->jobs == 0;
}

void
folder_opened(struct folder *folder, struct imap *imap)
{
	folder->imap = imap;
	watcher_tell(&folder->watcher, WATCHER_OPENED);
}

void
folder_fail(struct folder *folder, const struct imap_error *error)
{
	bool is_news = folder->error.kind != error->kind ||
	    strcmp(folder->error.text, error->text) != 0;

	folder->error = *error;
	log_line(is_news ? SETTINGS_LOG_WARNING : SETTINGS_LOG_DEBUG,
	    &folder->subject, "%s", error->text);
}

void
folder_lost(
    struct folder *folder, const struct imap_error *error, bool is_final)
{
	folder->imap = NULL;
	folder->is_final = is_final;
	folder_fail(folder, error);
	watcher_tell(&folder->watcher, WATCHER_LOST);
}

void
folder_detach(struct folder *folder)
{
	folder->imap = NULL;
}

struct folder_report
folder_report(const struct folder *folder)
{
	return (struct folder_report){
	    .name = folder->name,
	    .path = folder->path,
	    .state = folder->watcher.state,
	    .has_idle = folder->has_idle,
	    .is_synced = folder->is_synced,
	    .is_held = folder->row.is_held,
	    .messages = folder->index.count,
	    .fetched = folder->fetched,
	    .removed = folder->removed,
	    .reflagged = folder->reflagged,
	    .error =
		folder->error.kind == IMAP_ERROR_NONE ? NULL : &folder->error,
	};
}

/* ---- what the connection tells ---- */

/* Index flag bits of a FLAGS list; new keywords get letters. */
static uint32_t
flag_bits(struct folder *folder, const struct imap_flags *flags)
{
	static const struct {
		unsigned imap;
		uint32_t index;
	} pairs[] = {
	    {IMAP_FLAG_DRAFT, INDEX_DRAFT},
	    {IMAP_FLAG_FLAGGED, INDEX_FLAGGED},
	    {IMAP_FLAG_FORWARDED, INDEX_PASSED},
	    {IMAP_FLAG_ANSWERED, INDEX_REPLIED},
	    {IMAP_FLAG_SEEN, INDEX_SEEN},
	    {IMAP_FLAG_DELETED, INDEX_TRASHED},
	};
	uint32_t bits = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if ((flags->flags & pairs[i].imap) != 0)
			bits |= pairs[i].index;
	for (uint32_t i = 0; i < flags->keyword_count; i++)
		bits |= keywords_bit(&folder->keywords, flags->keywords[i]);
	return bits;
}

int64_t
folder_expected(const struct folder *folder)
{
	return (int64_t)folder->index.count +
	    (int64_t)uidset_count(&folder->quarantine) + folder->unexplained;
}

/* Something happened in the mailbox that only a question explains. */
static void
hint(struct folder *folder, enum watcher_event event)
{
	if (folder->watcher.state == WATCHER_IDLING)
		folder_arm(folder,
		    clock_now() + folder->config.settings->idle_refresh);
	watcher_tell(&folder->watcher, event);
}

static void
note_exists(struct folder *folder, uint32_t count)
{
	uint64_t now = clock_now();
	bool was_quiet = now - folder->last_arrival >
	    folder->config.settings->burst_interval;

	if ((int64_t)count <= folder_expected(folder))
		return;
	folder->last_arrival = now;
	hint(folder, was_quiet ? WATCHER_ARRIVED : WATCHER_CHANGED);
}

/* The date in a name is only right if it is the server's. */
static void
correct_date(struct folder *folder, struct index_entry *entry,
    const struct imap_fetch *fetch)
{
	struct maildir_message message = folder_message(entry);
	struct folder_claim *claim = NULL;

	message.date = fetch->internaldate;
	message.size = fetch->size;
	for (uint32_t i = 0; i < folder->odd.count; i++)
		if (folder->odd.items[i].message.uid == entry->uid)
			claim = &folder->odd.items[i];
	if (claim != NULL) {
		message.flags = claim->message.flags;
		claim->message = message;
	} else if (entry->date != folder_entry(&message).date) {
		/* without a name: it is found by its UID */
		folder_claims_add(
		    &folder->odd, &(struct maildir_file){.message = message});
	}
	entry->date = folder_entry(&message).date;
}

/* A file that claims the UID: is it the server's message? */
static void
verify(struct folder *folder, const struct imap_fetch *fetch)
{
	struct index_entry *entry;
	bool is_right;

	if (!uidset_contains(&folder->unverified, fetch->uid) ||
	    !fetch->has_size)
		return;
	entry = index_find(&folder->index, fetch->uid);
	is_right = entry != NULL &&
	    (uint64_t)entry->size ==
		(fetch->size < INDEX_SIZE_LARGE ? fetch->size
						: INDEX_SIZE_LARGE);
	uidset_add(is_right ? &folder->verified : &folder->refuted, fetch->uid);
	if (is_right && fetch->has_internaldate)
		correct_date(folder, entry, fetch);
}

static bool
is_asked_for(const struct folder *folder, uint32_t uid)
{
	if (folder->serial_bodies != 0 && uid >= folder->bodies_from)
		return true;
	for (int i = 0; i < FOLDER_WINDOWS; i++)
		if (folder->windows[i].serial != 0 &&
		    uidset_contains(&folder->windows[i].uids, uid))
			return true;
	return false;
}

static void
take_body(struct folder *folder, const struct imap_fetch *fetch)
{
	struct maildir_message message = {
	    .uid = fetch->uid,
	    .size = fetch->has_size ? fetch->size : fetch->body_size,
	    .date = fetch->has_internaldate ? fetch->internaldate
					    : (int64_t)time(NULL),
	    .flags = flag_bits(folder, &fetch->flags),
	};

	if (fetch->uid == 0 || fetch->body_is_nil ||
	    !is_asked_for(folder, fetch->uid) ||
	    uidset_contains(&folder->arriving, fetch->uid) ||
	    index_find(&folder->index, fetch->uid) != NULL) {
		landing_drop(&folder->landing, fetch->body);
		return;
	}
	if (!landing_name(&folder->landing, fetch->body, &message))
		return;
	uidset_add(&folder->arriving, fetch->uid);
	uidset_remove(&folder->missing, fetch->uid);
	if (fetch->uid >= folder->next_uid && fetch->uid < UINT32_MAX)
		folder->next_uid = fetch->uid + 1;
	if (folder->landing.arrival_count >= FOLDER_WINDOW ||
	    folder->landing.arrival_bytes >= FOLDER_BATCH_BYTES)
		(void)folder_commit(folder, false);
}

/* A listing of far more than exists would only fill the memory. */
static bool
is_flood(struct folder *folder)
{
	uint64_t limit = 2 * (uint64_t)imap_mailbox(folder->imap)->exists +
	    FOLDER_LISTING_SLACK;
	struct imap_error error = {0};

	if (++folder->listed <= limit)
		return false;
	imap_error_set(&error, IMAP_ERROR_LIMIT,
	    "the server lists far more messages than it says exist");
	folder_fail(folder, &error);
	watcher_tell(&folder->watcher, WATCHER_LOST);
	return true;
}

static void
take_fetch(struct folder *folder, const struct imap_fetch *fetch)
{
	if (fetch->has_body || fetch->body_is_nil) {
		take_body(folder, fetch);
		if (!folder->is_listing || !fetch->has_flags || fetch->uid == 0)
			return;
	}
	if (fetch->uid == 0) {
		folder->needs_listing = true;
		hint(folder, WATCHER_CHANGED);
		return;
	}
	if (!fetch->has_flags)
		return;
	if (folder->is_listing) {
		if (is_flood(folder))
			return;
		compare_message(&folder->compare, fetch->uid,
		    flag_bits(folder, &fetch->flags));
		verify(folder, fetch);
		if (fetch->uid >= folder->next_uid && fetch->uid < UINT32_MAX &&
		    folder->serial_bodies == 0)
			folder->next_uid = fetch->uid + 1;
		return;
	}
	/* a batch on its way to the disk may be about the same message */
	if (uidset_contains(&folder->arriving, fetch->uid) ||
	    folder->commits > 0)
		folder->needs_listing = true;
	else
		compare_flags(&folder->compare, fetch->uid,
		    flag_bits(folder, &fetch->flags));
	hint(folder, WATCHER_CHANGED);
}

/* Only what is here can vanish from here; the rest is not worth keeping. */
static void
note_vanished(struct folder *folder, const struct uidset *uids)
{
	struct uidset ours = {0};

	index_uids(&folder->index, &ours);
	uidset_union(&ours, &folder->arriving);
	uidset_intersect(&ours, uids);
	uidset_union(&folder->vanished, &ours);
	uidset_free(&ours);
}

static void
take_data(struct folder *folder, const struct imap_data *data)
{
	if (folder->serial_examine != 0)
		return; /* about the mailbox before, or said again by OK */
	switch (data->type) {
	case IMAP_DATA_EXISTS:
		note_exists(folder, data->count);
		break;
	case IMAP_DATA_EXPUNGE:
		folder->needs_listing = true;
		hint(folder, WATCHER_CHANGED);
		break;
	case IMAP_DATA_VANISHED:
		note_vanished(folder, data->vanished.uids);
		hint(folder, WATCHER_CHANGED);
		break;
	case IMAP_DATA_FETCH:
		take_fetch(folder, &data->fetch);
		break;
	default:
		if (folder->watcher.state == WATCHER_IDLING)
			hint(folder, WATCHER_NONE);
		break;
	}
}

static void
take_piece(struct folder *folder, const struct imap_event *event)
{
	struct imap_error error = {0};

	if (folder->maildir == NULL || folder->serial_examine != 0)
		return;
	if (landing_piece(&folder->landing, event->body.id, event->body.piece,
		event->body.total, &error))
		return;
	folder_fail(folder, &error);
	watcher_tell(&folder->watcher, WATCHER_DISK);
}

/* A command's end, as an error for people. */
static void
note_refusal(struct folder *folder, const struct imap_event *event,
    const char *what, enum imap_error_kind kind)
{
	struct imap_error error = {0};

	imap_refusal(&error, what, event, kind);
	folder_fail(folder, &error);
}

/* Messages that a window asked for and did not get. */
static void
close_window(struct folder *folder, struct folder_window *window)
{
	struct uidset lacking = {0};
	struct uidset have = {0};

	uidset_give(&lacking, &window->uids);
	window->serial = 0;
	uidset_minus(&lacking, &folder->arriving);
	index_uids(&folder->index, &have);
	uidset_minus(&lacking, &have);
	uidset_free(&have);
	for (uint32_t i = 0; i < lacking.count; i++)
		for (uint64_t uid = lacking.ranges[i].first;
		     uid <= lacking.ranges[i].last; uid++)
			if (uidset_contains(&folder->missing, (uint32_t)uid))
				uidset_add(&folder->quarantine, (uint32_t)uid);
	uidset_union(&folder->missing, &lacking);
	uidset_free(&lacking);
	if (!uidset_is_empty(&folder->missing))
		folder->needs_listing = true;
	landing_drop_all(&folder->landing);
}

static bool
take_window_end(struct folder *folder, const struct imap_event *event)
{
	for (int i = 0; i < FOLDER_WINDOWS; i++) {
		if (folder->windows[i].serial != event->serial)
			continue;
		if (event->state != IMAP_STATE_OK)
			note_refusal(
			    folder, event, "UID FETCH", IMAP_ERROR_PROTOCOL);
		close_window(folder, &folder->windows[i]);
		watcher_tell(&folder->watcher,
		    event->state == IMAP_STATE_OK ? WATCHER_OK : WATCHER_NO);
		return true;
	}
	return false;
}

void
folder_note_idle_end(struct folder *folder)
{
	if (folder->serial_idle != 0 &&
	    clock_now() - folder->idle_began >= IDLE_AT_LEAST)
		folder->idle_failures = 0;
}

/* The server ended IDLE by itself, or refused it. */
static void
take_idle_end(struct folder *folder, bool is_ok)
{
	bool is_early = clock_now() - folder->idle_began < IDLE_AT_LEAST;

	folder->serial_idle = 0;
	folder->idle_failures =
	    !is_ok || is_early ? folder->idle_failures + 1 : 0;
	if (folder->idle_failures < IDLE_ATTEMPTS) {
		watcher_tell(&folder->watcher, WATCHER_ENDED);
		return;
	}
	log_warning(&folder->subject,
	    "the server does not stay in IDLE: polling instead");
	folder_set_idle(folder, false);
}

static void
take_done(struct folder *folder, const struct imap_event *event)
{
	bool is_ok = event->state == IMAP_STATE_OK;

	if (event->serial == folder->serial_examine) {
		folder->serial_examine = 0;
		if (!is_ok)
			note_refusal(
			    folder, event, "EXAMINE", IMAP_ERROR_THROTTLED);
		watcher_tell(&folder->watcher, is_ok ? WATCHER_OK : WATCHER_NO);
		return;
	}
	if (event->serial == folder->serial_bodies) {
		folder->serial_bodies = 0;
		folder->last_arrival = clock_now();
		if (!is_ok)
			note_refusal(
			    folder, event, "UID FETCH", IMAP_ERROR_PROTOCOL);
		landing_drop_all(&folder->landing);
		/* told with the question that went in the same flight */
		if (folder->serial_question == 0)
			watcher_tell(
			    &folder->watcher, is_ok ? WATCHER_OK : WATCHER_NO);
		return;
	}
	if (event->serial == folder->serial_question) {
		folder->serial_question = 0;
		folder->has_listing = folder->is_listing && is_ok;
		folder->is_listing = false;
		if (!is_ok)
			note_refusal(folder, event, "the mailbox's listing",
			    IMAP_ERROR_PROTOCOL);
		watcher_tell(&folder->watcher, is_ok ? WATCHER_OK : WATCHER_NO);
		return;
	}
	if (event->serial == folder->serial_idle) {
		take_idle_end(folder, is_ok);
		return;
	}
	(void)take_window_end(folder, event);
}

void
folder_event(struct folder *folder, const struct imap_event *event)
{
	switch (event->type) {
	case IMAP_DATA:
		take_data(folder, event->data);
		break;
	case IMAP_BODY:
		take_piece(folder, event);
		break;
	case IMAP_DONE:
		take_done(folder, event);
		break;
	default:
		break;
	}
}
