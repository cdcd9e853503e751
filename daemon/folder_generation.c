/*
 * Another UIDVALIDITY: the old generation's files stay until the new one is
 * the same as the server's, then they go. On the disk lane.
 */
#include "daemon/folder_private.h"

#include <assert.h>
#include <inttypes.h>

#include "libclient/base/mem.h"

struct generation {
	struct folder *folder;
	struct maildir *maildir;
	struct maildir_identity identity;
	struct state_folder row;
	struct folder_claims files; /* to be disowned or removed */
	bool has_old; /* the old claims were valid */
	uint64_t have; /* messages of the new generation */
	struct compare_rules rules;
	bool is_held;
	bool failed;
	struct imap_error error;
};

static struct generation *
generation_new(struct folder *folder)
{
	struct generation *generation = mem_new(struct generation);

	generation->folder = folder;
	generation->maildir = folder->maildir;
	generation->identity = folder->identity;
	generation->row = folder->row;
	folder->jobs++;
	return generation;
}

static void
generation_free(struct generation *generation)
{
	folder_claims_free(&generation->files);
	mem_free(generation);
}

static bool
apply(struct generation *generation, bool forget)
{
	struct state_change change = {
	    .mailbox = folder_mailbox_bytes(generation->folder),
	    .folder = &generation->row,
	    .forget_messages = forget,
	};

	return state_apply(
	    generation->folder->config.state, &change, &generation->error);
}

/* ---- the beginning ---- */

/* Claims of nobody's numbers: any file with a `,U=`. */
static void
claim_found(void *user, const struct maildir_file *file)
{
	struct generation *generation = user;
	struct maildir_message message;
	bool is_ours;

	if (maildir_parse_name(
		file->name, &generation->identity, &message, &is_ours))
		folder_claims_add(&generation->files, file);
}

static bool
disown_all(struct generation *generation)
{
	struct maildir_identity nobody = {.host = ""};

	if (!maildir_scan(generation->maildir, &nobody, claim_found, generation,
		&generation->error))
		return false;
	for (uint32_t i = 0; i < generation->files.count; i++)
		if (!maildir_disown(generation->maildir,
			generation->files.items[i].name,
			generation->files.items[i].is_new, &generation->error))
			return false;
	return true;
}

static void
begin_work(void *data)
{
	struct generation *generation = data;

	generation->failed =
	    (!generation->has_old && !disown_all(generation)) ||
	    !apply(generation, true) ||
	    !maildir_write_uidvalidity(generation->maildir,
		generation->row.uidvalidity, 0, true, &generation->error);
}

static void
begin_done(void *data)
{
	struct generation *generation = data;
	struct folder *folder = generation->folder;
	bool failed = generation->failed;

	folder->jobs--;
	if (failed) {
		folder_fail(folder, &generation->error);
	} else {
		if (generation->files.count > 0)
			log_notice(&folder->subject,
			    "%" PRIu32 " files claimed UIDs that nobody "
			    "vouches for: they are local files now",
			    generation->files.count);
		folder->row = generation->row;
		folder->identity.uidvalidity = generation->row.uidvalidity;
		folder->stale_uidvalidity = generation->row.stale_uidvalidity;
		index_free(&folder->index);
		uidset_clear(&folder->unverified);
		uidset_clear(&folder->missing);
		uidset_clear(&folder->quarantine);
		folder_claims_free(&folder->odd);
		folder->next_uid = 1;
	}
	generation_free(generation);
	folder->config.host->changed(folder->config.host_user, folder);
	watcher_tell(
	    &folder->watcher, failed ? WATCHER_DISK : WATCHER_COMMITTED);
}

void
folder_begin_generation(struct folder *folder, uint32_t uidvalidity)
{
	struct generation *generation = generation_new(folder);

	generation->has_old = folder->identity.uidvalidity != 0;
	if (generation->has_old)
		log_warning(&folder->subject,
		    "the server's UIDVALIDITY changed from %" PRIu32
		    " to %" PRIu32 ": what is here stays until the new "
		    "mailbox is here",
		    folder->identity.uidvalidity, uidvalidity);
	generation->row = (struct state_folder){
	    .uidvalidity = uidvalidity,
	    .stale_uidvalidity = folder->identity.uidvalidity,
	};
	(void)job_submit(
	    folder->config.disk, begin_work, begin_done, generation);
}

/* ---- the end ---- */

static void
stale_found(void *user, const struct maildir_file *file)
{
	struct generation *generation = user;

	if (file->has_uid &&
	    maildir_is_generation(
		file->name, generation->row.stale_uidvalidity))
		folder_claims_add(&generation->files, file);
}

static void
end_work(void *data)
{
	struct generation *generation = data;
	bool ok = maildir_scan(generation->maildir, &generation->identity,
	    stale_found, generation, &generation->error);

	uint64_t count = generation->files.count;

	generation->is_held = count > generation->have &&
	    compare_holds(&generation->rules, count - generation->have, count);
	if (ok && generation->is_held)
		return;
	for (uint32_t i = 0; ok && i < generation->files.count; i++)
		ok = maildir_remove_file(generation->maildir,
		    generation->files.items[i].name,
		    generation->files.items[i].is_new, &generation->error);
	generation->row.stale_uidvalidity = 0;
	generation->failed = !ok || !apply(generation, false);
}

static void
end_done(void *data)
{
	struct generation *generation = data;
	struct folder *folder = generation->folder;

	folder->jobs--;
	if (generation->is_held) {
		folder->is_stale_held = true;
		folder->row.is_held = true;
		log_warning(&folder->subject,
		    "the new mailbox has far fewer messages than the one "
		    "before: the old files stay (delete_guard); to let "
		    "them go: mailmirror sync --accept-deletes %s/%s",
		    folder->config.settings->name, folder->name);
	} else if (generation->failed) {
		log_warning(&folder->subject,
		    "the mailbox's former files could not be removed: %s",
		    generation->error.text);
	} else {
		folder->row.stale_uidvalidity = 0;
		folder->stale_uidvalidity = 0;
		log_notice(&folder->subject,
		    "%" PRIu32 " files of the former UIDVALIDITY removed",
		    generation->files.count);
	}
	generation_free(generation);
	folder->config.host->changed(folder->config.host_user, folder);
}

void
folder_end_generation(struct folder *folder)
{
	struct generation *generation = generation_new(folder);

	assert(folder->stale_uidvalidity != folder->identity.uidvalidity);
	generation->have = folder->index.count;
	generation->rules = folder_rules(folder);
	(void)job_submit(folder->config.disk, end_work, end_done, generation);
}
