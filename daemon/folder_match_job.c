/*
 * Files that are messages which the server has under another UID or in
 * another folder. Nothing here is visible to anybody: what is found lands in
 * tmp/, and a run that is killed finds it again.
 */
#include "daemon/folder_match_job.h"

#include <string.h>

#include "daemon/maildir_link.h"
#include "libclient/base/mem.h"

/* ---- by Message-ID or header, among the old generation's files ---- */

/* What the file is recognised by; 0: it cannot be told. */
static uint64_t
text_key(struct match_job *job, const struct maildir_file *file)
{
	struct span header;
	uint64_t key;
	ssize_t len = maildir_read_front(job->maildir, file->name, file->is_new,
	    job->header, IDENTITY_HEADER_MAX);

	if (len < 0 ||
	    !identity_header((struct span){job->header, (size_t)len},
		len < IDENTITY_HEADER_MAX, &header))
		return 0;
	key = identity_message_id_key(header);
	return key != 0 ? key : identity_header_key(header);
}

static void
candidate_found(void *user, const struct maildir_file *file)
{
	struct match_job *job = user;
	const struct maildir_message *message = &file->message;
	struct identity_candidate candidate;

	if (!file->is_ours || atomic_load(&job->is_abandoned) ||
	    message->size >= INDEX_SIZE_LARGE || message->date < 0 ||
	    message->date >= INDEX_DATE_ODD)
		return;
	candidate = (struct identity_candidate){.uid = message->uid,
	    .size = (uint32_t)message->size,
	    .date = (uint32_t)message->date,
	    .flags = message->flags};
	if (!identity_may_match(&job->takers, candidate.size, candidate.date))
		return;
	candidate.key = text_key(job, file);
	identity_offer(&job->takers, &candidate);
}

static void
scan(struct match_job *job)
{
	struct maildir_identity stale = job->identity;

	stale.uidvalidity = job->stale;
	job->header = mem_alloc(IDENTITY_HEADER_MAX);
	job->takers.ignores_size = job->ignores_size;
	identity_sort(&job->takers);
	(void)maildir_scan(
	    job->maildir, &stale, candidate_found, job, &job->error);
	job->ambiguous = identity_settle(&job->takers);
	job->header = mem_free(job->header);
}

static void
link_taker(struct match_job *job, const struct identity_taker *taker)
{
	struct maildir_identity stale = job->identity;
	struct maildir_arrival *arrival = &job->arrivals[job->arrival_count];
	struct maildir_message old = {.uid = taker->from_uid,
	    .size = taker->from_size,
	    .date = taker->date,
	    .flags = taker->from_flags};

	stale.uidvalidity = job->stale;
	arrival->message = (struct maildir_message){.uid = taker->uid,
	    .size = taker->size,
	    .date = taker->date,
	    .flags = taker->flags};
	if (maildir_link(job->maildir, &stale, &old, job->maildir, true,
		arrival->tmp_name))
		job->arrival_count++;
}

static void
link_takers(struct match_job *job)
{
	job->arrivals =
	    mem_alloc((job->takers.count + 1) * sizeof(*job->arrivals));
	for (uint32_t i = 0; i < job->takers.count; i++)
		if (!atomic_load(&job->is_abandoned))
			link_taker(job, &job->takers.items[i]);
}

/* ---- by EMAILID, wherever it is ---- */

/* The folder of that path, or NULL: it is not there. */
static struct maildir *
open_folder(struct match_job *job, const char *path)
{
	if (strcmp(path, job->path) == 0)
		return job->maildir;
	if (job->other != NULL && strcmp(path, job->other_path) == 0)
		return job->other;
	job->other = maildir_close(job->other);
	mem_free(job->other_path);
	job->other_path = mem_copy_string(path);
	/* opening makes what is missing */
	if (maildir_exists(job->root, path))
		job->other = maildir_open(job->root, path, NULL);
	return job->other;
}

static void
link_place(struct match_job *job, struct maildir *from, uint32_t uidvalidity,
    const struct state_place *place)
{
	struct maildir_arrival *arrival = job->arrival;
	struct maildir_identity identity = job->identity;
	struct maildir_message message = {.uid = place->uid,
	    .size = place->size,
	    .date = place->date,
	    .flags = place->flags};

	if (arrival->tmp_name[0] != '\0' || from == NULL ||
	    (!job->ignores_size && place->size != arrival->message.size))
		return;
	identity.uidvalidity = uidvalidity;
	if (!maildir_link(from, &identity, &message, job->maildir,
		place->date == arrival->message.date, arrival->tmp_name))
		arrival->tmp_name[0] = '\0';
}

static void
retired_found(void *user, const struct state_place *place)
{
	struct match_job *job = user;

	link_place(job, job->maildir, job->stale, place);
}

static void
place_found(void *user, const struct state_place *place)
{
	struct match_job *job = user;

	if (job->arrival->tmp_name[0] == '\0')
		link_place(job, open_folder(job, place->path),
		    place->uidvalidity, place);
}

/*
 * Whoever has one EMAILID has the same bytes (RFC 8474), so the first file
 * will do, and for several messages, too.
 */
static void
look(struct match_job *job)
{
	for (uint32_t i = 0; i < job->arrival_count; i++) {
		struct span emailid = span_of(job->arrivals[i].emailid);

		if (atomic_load(&job->is_abandoned))
			return;
		job->arrival = &job->arrivals[i];
		if (job->stale != 0 &&
		    !state_find_retired(job->state, job->mailbox, emailid,
			retired_found, job, &job->error))
			return;
		if (job->arrival->tmp_name[0] == '\0' &&
		    !state_find_emailid(
			job->state, emailid, place_found, job, &job->error))
			return;
	}
}

void
match_job_work(void *data)
{
	struct match_job *job = data;

	switch (job->work) {
	case MATCH_SCAN:
		scan(job);
		break;
	case MATCH_LINK:
		link_takers(job);
		break;
	case MATCH_LOOK:
		look(job);
		break;
	}
	job->other = maildir_close(job->other);
	job->other_path = mem_free(job->other_path);
}

void
match_job_free(struct match_job *job)
{
	for (uint32_t i = 0; i < job->arrival_count; i++)
		if (job->arrivals[i].tmp_name[0] != '\0')
			maildir_remove_tmp(
			    job->maildir, job->arrivals[i].tmp_name);
	mem_free(job->arrivals);
	identity_free(&job->takers);
	mem_free(job);
}
