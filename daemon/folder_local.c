/*
 * inotify tells which names come and go. Those that the index has, or that a
 * commit has made by the time the burst ends, are our own doing and cost
 * nothing more; the rest is put back on the disk lane, and bodies that are
 * gone are fetched again.
 */
#include "daemon/folder_local.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "daemon/folder_private.h"
#include "daemon/folder_restore.h"
#include "libclient/base/mem.h"

/* While the disk is busy with our own changes, it is looked again so often. */
#define BUSY_WAIT UINT64_C(20000)

/* Sightings kept; when there are more, every file is looked at. */
#define SIGHTINGS_MAX 262144

#define FILE_EVENTS \
	(IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR)
#define GONE_EVENTS	 (IN_DELETE_SELF | IN_MOVE_SELF)
#define DIRECTORY_EVENTS (IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR)

enum watched { WATCHED_FOLDER, WATCHED_NEW, WATCHED_CUR, WATCHED_COUNT };

struct folder_local {
	struct folder *folder;
	sd_event_source *watches[WATCHED_COUNT];
	sd_event_source *timer;
	struct burst burst;
	struct folder_sighting *sightings; /* as they came */
	uint32_t count;
	uint32_t size;
	bool must_scan; /* sightings do not tell all */
	bool is_gone; /* a directory is */
};

/* One look at the disk. */
struct local_job {
	struct folder *folder;
	struct folder_restore restore;
	bool failed;
	struct imap_error error;
};

/* ---- noticing ---- */

static void
note(struct folder_local *local)
{
	burst_note(&local->burst, clock_now());
	(void)sd_event_source_set_time(local->timer, burst_end(&local->burst));
	(void)sd_event_source_set_enabled(local->timer, SD_EVENT_ONESHOT);
}

static void
add_sighting(struct folder_local *local, const struct folder_sighting *sighting)
{
	if (local->count >= SIGHTINGS_MAX) {
		local->must_scan = true;
		local->count = 0;
	}
	if (local->count == local->size) {
		local->size = local->size * 2 + 16;
		local->sightings = mem_resize(
		    local->sightings, local->size, sizeof(*local->sightings));
	}
	local->sightings[local->count] = *sighting;
	local->sightings[local->count].order = local->count;
	local->count++;
}

/* True if it is as the index says. */
static bool
agrees(struct folder *folder, const struct folder_sighting *sighting)
{
	const struct index_entry *entry =
	    index_find(&folder->index, sighting->uid);

	if (sighting->is_strange)
		return false;
	if (!sighting->is_present)
		return entry == NULL ||
		    uidset_contains(&folder->absent.restore, sighting->uid);
	return entry == NULL ? uidset_contains(&folder->arriving, sighting->uid)
			     : entry->flags == sighting->flags;
}

/* What an event says of a message; false: nothing. */
static bool
see(struct folder *folder, const struct inotify_event *event, bool is_new,
    struct folder_sighting *sighting)
{
	bool is_present = (event->mask & (IN_MOVED_TO | IN_CREATE)) != 0;
	struct maildir_message message;
	const struct index_entry *entry;
	struct index_entry own;
	bool is_ours;

	if (event->len == 0 || event->name[0] == '.' ||
	    (event->mask & IN_ISDIR) != 0 ||
	    !maildir_parse_name(
		event->name, &folder->identity, &message, &is_ours) ||
	    (folder->stale_uidvalidity != 0 &&
		maildir_is_generation(event->name, folder->stale_uidvalidity)))
		return false;
	own = folder_entry(&message);
	entry = index_find(&folder->index, own.uid);
	*sighting = (struct folder_sighting){.uid = own.uid,
	    .flags = own.flags,
	    .is_present = is_present,
	    .is_strange = !is_ours || (is_new && own.flags != 0) ||
		(entry != NULL &&
		    (entry->size != own.size || entry->date != own.date))};
	/* a name that the index does not have may go */
	return is_present ||
	    (!sighting->is_strange && entry != NULL &&
		entry->flags == own.flags);
}

static int
on_file(sd_event_source *source, const struct inotify_event *event, void *user)
{
	struct folder_local *local = user;
	struct folder_sighting sighting;

	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		local->must_scan = true;
		note(local);
		return 0;
	}
	if ((event->mask & GONE_EVENTS) != 0) {
		local->is_gone = true;
		note(local);
		return 0;
	}
	if (!see(local->folder, event, source == local->watches[WATCHED_NEW],
		&sighting) ||
	    (local->count == 0 && agrees(local->folder, &sighting)))
		return 0;
	add_sighting(local, &sighting);
	note(local);
	return 0;
}

static int
on_directory(
    sd_event_source *source, const struct inotify_event *event, void *user)
{
	struct folder_local *local = user;

	(void)source;
	if ((event->mask & GONE_EVENTS) == 0 &&
	    (event->len == 0 ||
		(strcmp(event->name, "cur") != 0 &&
		    strcmp(event->name, "new") != 0)))
		return 0;
	local->is_gone = true;
	note(local);
	return 0;
}

/* ---- judging ---- */

/* By UID; what was seen last of one is behind the rest, and counts. */
static int
compare_sightings(const void *a, const void *b)
{
	const struct folder_sighting *left = a, *right = b;

	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	return left->order < right->order ? -1 : left->order > right->order;
}

/* Keeps the last word about each message, if it is not as the index says. */
static void
settle(struct folder_local *local)
{
	struct folder *folder = local->folder;
	uint32_t kept = 0;

	if (local->count > 1)
		qsort(local->sightings, local->count, sizeof(*local->sightings),
		    compare_sightings);
	for (uint32_t i = 0; i < local->count; i++) {
		const struct folder_sighting *sighting = &local->sightings[i];

		if (i + 1 < local->count && sighting[1].uid == sighting->uid)
			continue;
		/* these wait for the server's word */
		if (uidset_contains(&folder->unverified, sighting->uid))
			continue;
		if (!agrees(folder, sighting)) {
			local->sightings[kept++] = *sighting;
			continue;
		}
		/* it came back by itself */
		if (sighting->is_present)
			uidset_remove(&folder->absent.restore, sighting->uid);
	}
	local->count = kept;
}

/* ---- putting back ---- */

static void
job_work(void *data)
{
	struct local_job *job = data;

	job->failed = !folder_restore(&job->restore, &job->error);
}

static void
job_free(struct local_job *job)
{
	folder_restore_free(&job->restore);
	mem_free(job);
}

static void
report(const struct folder *folder, const struct folder_restore *restore)
{
	uint64_t lost = uidset_count(&restore->lost);

	if (restore->put_back + restore->removed + restore->disowned + lost ==
	    0)
		return;
	log_line(SETTINGS_LOG_NOTICE, LOG_EVENT_LOCAL_CHANGE, &folder->subject,
	    "changed here by somebody: %" PRIu32 " files are put back, "
	    "%" PRIu64 " are fetched again, %" PRIu32 " copies are removed, "
	    "%" PRIu32 " are local files now",
	    restore->put_back, lost, restore->removed, restore->disowned);
}

/* Bodies that are gone are asked for, unless a failure has it wait. */
static void
ask_for_lost(struct folder *folder)
{
	if (uidset_is_empty(&folder->absent.restore) ||
	    (folder->watcher.state == WATCHER_RESTING && folder->failures > 0))
		return;
	watcher_tell(&folder->watcher, WATCHER_LOCAL);
}

static void
job_done(void *data)
{
	struct local_job *job = data;
	struct folder *folder = job->folder;
	struct folder_restore *restore = &job->restore;
	bool failed = job->failed;

	folder_end_job(folder);
	if (failed) {
		folder_fail(folder, &job->error);
	} else if (restore->identity.uidvalidity ==
	    folder->identity.uidvalidity) {
		report(folder, restore);
		uidset_minus(&folder->absent.restore, &restore->found);
		index_intersect(
		    &folder->index, &restore->lost, &folder->absent.restore);
	}
	job_free(job);
	if (failed)
		watcher_tell(&folder->watcher, WATCHER_DISK);
	else if (folder->watcher.state == WATCHER_OPENING)
		/* it may have waited for the disk to be at rest */
		watcher_tell(&folder->watcher, WATCHER_COMMITTED);
	else
		ask_for_lost(folder);
	folder->config.host->changed(folder->config.host_user, folder);
}

/* Copies of what the index has of the messages in question. */
static void
copy_expected(const struct folder_local *local, struct index *expected)
{
	struct index *index = &local->folder->index;
	struct index_cursor cursor = {0};
	struct index_entry entry;

	while (local->must_scan && index_next(index, &cursor, &entry))
		if (!uidset_contains(&local->folder->unverified, entry.uid))
			index_put(expected, &entry);
	if (local->must_scan)
		return;
	for (uint32_t i = 0; i < local->count; i++) {
		const struct index_entry *found =
		    index_find(index, local->sightings[i].uid);

		if (found != NULL)
			index_put(expected, found);
	}
}

static void
put_back(struct folder_local *local)
{
	struct folder *folder = local->folder;
	struct local_job *job = mem_new(struct local_job);

	job->folder = folder;
	job->restore.maildir = folder->maildir;
	job->restore.identity = folder->identity;
	job->restore.stale_uidvalidity = folder->stale_uidvalidity;
	job->restore.is_all = local->must_scan;
	uidset_copy(&job->restore.ignored, &folder->unverified);
	copy_expected(local, &job->restore.expected);
	if (!local->must_scan) {
		job->restore.sightings = local->sightings;
		job->restore.sighting_count = local->count;
		local->sightings = NULL;
		local->size = 0;
	}
	local->count = 0;
	local->must_scan = false;
	folder->jobs++;
	(void)job_submit(folder->config.disk, job_work, job_done, job);
}

/* The folder is opened anew, as after any failure of the disk. */
static void
open_anew(struct folder *folder)
{
	struct imap_error error = {0};

	imap_error_set(&error, IMAP_ERROR_LOCAL,
	    "%s was removed or moved away: it is made anew",
	    maildir_path(folder->maildir));
	folder->local->is_gone = false;
	folder_fail(folder, &error);
	watcher_tell(&folder->watcher, WATCHER_DISK);
}

static int
on_quiet(sd_event_source *source, uint64_t at, void *user)
{
	struct folder_local *local = user;
	struct folder *folder = local->folder;

	(void)at;
	if (folder->watcher.state == WATCHER_STOPPED || !folder->is_prepared)
		return 0;
	if (folder->jobs > 0) {
		(void)sd_event_source_set_time(source, clock_now() + BUSY_WAIT);
		(void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
		return 0;
	}
	burst_reset(&local->burst);
	if (local->is_gone) {
		open_anew(folder);
		return 0;
	}
	settle(local);
	if (local->count > 0 || local->must_scan)
		put_back(local);
	else
		ask_for_lost(folder);
	return 0;
}

/* ---- watching ---- */

static int
add_watch(struct folder_local *local, enum watched which)
{
	static const char *const directories[] = {NULL, "new", "cur"};
	struct folder *folder = local->folder;
	int fd = maildir_open_watched(folder->maildir, directories[which]);
	int result;

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return -errno;
	if (fd < 0) {
		local->is_gone = true;
		return 0;
	}
	result = sd_event_add_inotify_fd(folder->config.loop,
	    &local->watches[which], fd,
	    (which == WATCHED_FOLDER ? DIRECTORY_EVENTS : FILE_EVENTS) |
		GONE_EVENTS,
	    which == WATCHED_FOLDER ? on_directory : on_file, local);
	close(fd);
	return result;
}

static void
drop_watches(struct folder_local *local)
{
	for (int i = 0; i < WATCHED_COUNT; i++)
		local->watches[i] =
		    sd_event_source_disable_unref(local->watches[i]);
}

void
folder_local_begin(struct folder *folder, const struct maildir_stamp *scanned)
{
	struct folder_local *local;
	int result = 0;

	folder_local_end(folder);
	if (folder->config.runs_once)
		return;
	local = mem_new(struct folder_local);
	folder->local = local;
	local->folder = folder;
	local->burst.interval = folder->config.settings->burst_interval;
	local->burst.max_wait = folder->config.settings->burst_max_wait;
	(void)sd_event_add_time(folder->config.loop, &local->timer,
	    CLOCK_BOOTTIME, 0, 1000, on_quiet, local);
	(void)sd_event_source_set_enabled(local->timer, SD_EVENT_OFF);
	for (int i = 0; result >= 0 && i < WATCHED_COUNT; i++)
		result = add_watch(local, (enum watched)i);
	if (result < 0) {
		/* one of them alone would tell half the truth */
		drop_watches(local);
		log_notice(&folder->subject,
		    "its files cannot be watched (%s): what somebody changes "
		    "here is put back at the next start%s",
		    result == -ENOSPC ? "no more are allowed"
				      : strerror(-result),
		    result == -ENOSPC || result == -EMFILE
			? "; raise fs.inotify.max_user_watches and "
			  "max_user_instances (sysctl)"
			: "");
		return;
	}
	/* what happened between the scan and the watches */
	local->must_scan = !maildir_stamp_is(folder->maildir, scanned);
	if (local->must_scan || local->is_gone)
		note(local);
}

void
folder_local_end(struct folder *folder)
{
	struct folder_local *local = folder->local;

	if (local == NULL)
		return;
	drop_watches(local);
	local->timer = sd_event_source_disable_unref(local->timer);
	mem_free(local->sightings);
	folder->local = mem_free(local);
}
