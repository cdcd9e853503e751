/*
 * .uidvalidity tells how far it came: as the other program wrote it, then with
 * a third line "adopting" while there are names of both kinds, then ours.
 */
#include "daemon/adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/adopt_files.h"
#include "daemon/adopt_lock.h"
#include "daemon/mbsync_state.h"
#include "libclient/base/mem.h"

#define STATE_NAME ".mbsyncstate"

/* Files of 10 million messages are about half of it. */
#define STATE_MAX ((size_t)512 << 20)

/* One folder's taking over. */
struct adoption {
	const struct adopt *adopt;
	struct adopt_report *report;
	struct maildir_identity identity;
	struct maildir_form form;
	struct adopt_files files;
	bool is_begun; /* by a run that was interrupted */
	struct mbsync_state state;
	uint32_t here_uidvalidity; /* what .uidvalidity has */
	uint32_t here_highest;
};

bool
adopt_is_begun(struct maildir *maildir)
{
	char text[128];
	size_t len = maildir_read_file(
	    maildir, ".uidvalidity", text, sizeof(text) - 1, NULL);

	text[len] = '\0';
	return strstr(text, "\nadopting\n") != NULL;
}

/* ---- what both have in common ---- */

static bool
begin(const struct adoption *adoption, struct imap_error *error)
{
	char text[64];
	int len;

	if (adoption->is_begun)
		return true;
	len =
	    snprintf(text, sizeof(text), "%" PRIu32 "\n%" PRIu32 "\nadopting\n",
		adoption->here_uidvalidity, adoption->here_highest);
	return maildir_replace_file(adoption->adopt->maildir, ".uidvalidity",
	    (struct span){text, (size_t)len}, adoption->adopt->is_durable,
	    error);
}

/* Names of ours that are older than this adoption prove nothing. */
static bool
disown_old(const struct adoption *adoption, struct imap_error *error)
{
	for (uint32_t i = 0; i < adoption->files.count; i++) {
		const struct adopt_file *file = &adoption->files.items[i];

		if (file->is_ours && file->uid == 0 &&
		    !maildir_disown(adoption->adopt->maildir, file->name,
			file->is_new, error))
			return false;
	}
	return true;
}

static void
count_files(struct adoption *adoption, uint32_t others)
{
	struct adopt_report *report = adoption->report;

	report->local = others;
	for (uint32_t i = 0; i < adoption->files.count; i++) {
		uint32_t uid = adoption->files.items[i].uid;

		if (uid == 0)
			report->local++;
		else
			report->taken++;
		if (uid > report->highest_uid)
			report->highest_uid = uid;
	}
}

static bool
take(const struct adoption *adoption, struct imap_error *error)
{
	const struct adopt *adopt = adoption->adopt;

	if (adopt->is_dry)
		return true;
	return disown_old(adoption, error) && begin(adoption, error) &&
	    maildir_dress_folder(adopt->maildir, error) &&
	    adopt_files_take(adopt, &adoption->identity, &adoption->form,
		&adoption->files, error) &&
	    (!adopt->is_durable || maildir_sync(adopt->maildir, error)) &&
	    maildir_write_uidvalidity(adopt->maildir,
		adoption->identity.uidvalidity, adoption->report->highest_uid,
		adopt->is_durable, error);
}

static void
init(struct adoption *adoption, const struct adopt *adopt,
    struct adopt_report *report, uint32_t uidvalidity)
{
	adoption->adopt = adopt;
	adoption->report = report;
	adoption->identity.uidvalidity = uidvalidity;
	adoption->identity.host = adopt->host;
	adoption->form.is_crlf = adopt->is_crlf;
	adoption->is_begun = adopt_is_begun(adopt->maildir);
	*report = (struct adopt_report){.uidvalidity = uidvalidity};
}

/* ---- mbsync ---- */

/* The UID that a file's own number stands for; 0: none is certain. */
static uint32_t
far_uid(const struct adoption *adoption, const struct adopt_file *file)
{
	const struct mbsync_record *record;

	if (file->is_ours && adoption->is_begun)
		return file->message.uid;
	record = mbsync_state_find(&adoption->state, file->message.uid);
	if (record == NULL || record->is_placeholder ||
	    (file->is_ours && record->far != file->message.uid))
		return 0;
	return record->far;
}

static void
count_missing(struct adoption *adoption)
{
	struct adopt_report *report = adoption->report;
	uint32_t paired = 0;

	for (uint32_t i = 0; i < adoption->state.count; i++) {
		const struct mbsync_record *record =
		    &adoption->state.records[i];

		if (record->is_placeholder && record->far != 0)
			report->placeholders++;
		else if (record->far != 0 && record->near != 0)
			paired++;
	}
	if (paired > report->taken)
		report->missing = paired - report->taken;
}

static bool
is_of_one_making(const struct adoption *adoption, struct imap_error *error)
{
	struct maildir *maildir = adoption->adopt->maildir;

	if (adoption->here_uidvalidity == adoption->state.near_uidvalidity ||
	    (adoption->here_uidvalidity == 0 && adoption->files.count == 0 &&
		adoption->state.count == 0))
		return true;
	if (maildir_has_file(maildir, ".isyncuidmap.db"))
		return imap_error_set(error, IMAP_ERROR_LOCAL,
		    "%s has mbsync's UIDs in .isyncuidmap.db: run `mdconvert "
		    "-n` on it, then again; nothing was touched",
		    maildir_path(maildir));
	return imap_error_set(error, IMAP_ERROR_LOCAL,
	    "%s is kept by mbsync, and its .uidvalidity (%" PRIu32
	    ") is not of its state file (%" PRIu32
	    "): run mbsync once, or remove the state file to have all "
	    "downloaded; nothing was touched",
	    maildir_path(maildir), adoption->here_uidvalidity,
	    adoption->state.near_uidvalidity);
}

static bool
take_mbsync(struct adoption *adoption, struct imap_error *error)
{
	struct maildir *maildir = adoption->adopt->maildir;
	struct imap_error unreadable = {0};
	uint32_t others = 0;

	(void)maildir_read_uidvalidity(maildir, &adoption->here_uidvalidity,
	    &adoption->here_highest, &unreadable);
	if (unreadable.kind != IMAP_ERROR_NONE) {
		*error = unreadable;
		return false;
	}
	if (!adopt_files_scan(maildir, &adoption->identity, &adoption->files,
		&others, error) ||
	    !is_of_one_making(adoption, error))
		return false;
	mbsync_state_sort(&adoption->state);
	for (uint32_t i = 0; i < adoption->files.count; i++)
		adoption->files.items[i].uid =
		    far_uid(adoption, &adoption->files.items[i]);
	adopt_files_settle(&adoption->files);
	adoption->report->highest_uid = adoption->state.max_pulled_uid;
	count_files(adoption, others);
	count_missing(adoption);
	return take(adoption, error);
}

static bool
read_state(const char *path, struct buf *text, struct imap_error *error)
{
	/* a link would lead out of the Maildir; a pipe would hold us up */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	bool is_ok = file != NULL;
	char *room;
	size_t len;

	while (is_ok) {
		room = buf_reserve(text, BUFSIZ);
		len = room == NULL ? 0 : fread(room, 1, BUFSIZ, file);
		buf_grow(text, len);
		is_ok = room != NULL && ferror(file) == 0;
		if (len == 0)
			break;
	}
	if (file != NULL)
		(void)fclose(file);
	return is_ok ||
	    imap_error_set(error, IMAP_ERROR_LOCAL, "cannot read %s: %s", path,
		strerror(errno));
}

/* It wrote half of what it did: its next run knows the rest. */
static bool
was_interrupted(const char *path)
{
	char *journal = mem_format("%s.journal", path);
	char *next = mem_format("%s.new", path);
	bool has_both = access(journal, F_OK) == 0 && access(next, F_OK) == 0;

	mem_free(journal);
	mem_free(next);
	return has_both;
}

static bool
parse_and_take(struct adoption *adoption, const char *path,
    const struct adopt *adopt, struct adopt_report *report,
    struct imap_error *error)
{
	struct imap_error fault = {0};
	struct buf text;
	bool is_ok;

	if (was_interrupted(path))
		return imap_error_set(error, IMAP_ERROR_LOCAL,
		    "mbsync was interrupted (%s.journal): run it once more, "
		    "then again; nothing was touched",
		    path);
	buf_init(&text, STATE_MAX);
	is_ok = read_state(path, &text, error);
	if (is_ok &&
	    !mbsync_state_parse(buf_span(&text), &adoption->state, &fault)) {
		imap_error_set(error, IMAP_ERROR_LOCAL,
		    "%s cannot be taken over: %s; nothing was touched", path,
		    fault.text);
		is_ok = false;
	}
	buf_free(&text);
	init(adoption, adopt, report, adoption->state.far_uidvalidity);
	adoption->form.drops_tuid = true;
	return is_ok && take_mbsync(adoption, error);
}

bool
adopt_mbsync(const struct adopt *adopt, struct adopt_report *report,
    struct imap_error *error)
{
	struct adoption adoption = {0};
	const char *folder = maildir_path(adopt->maildir);
	char *path = adopt->state == NULL ? mem_format("%s/" STATE_NAME, folder)
					  : mem_copy_string(adopt->state);
	char *lock = mem_format("%s.lock", path);
	char *numbers = mem_format("%s/.uidvalidity", folder);
	int lock_fd = -1;
	bool is_ok = adopt_is_free(numbers, error);

	if (is_ok && adopt->is_dry)
		is_ok = adopt_is_free(lock, error);
	else if (is_ok)
		is_ok = (lock_fd = adopt_lock(lock, error)) >= 0;
	is_ok = is_ok && parse_and_take(&adoption, path, adopt, report, error);
	adopt_unlock(lock, lock_fd);
	adopt_files_free(&adoption.files);
	mbsync_state_free(&adoption.state);
	mem_free(numbers);
	mem_free(lock);
	mem_free(path);
	return is_ok;
}

/* ---- offlineimap ---- */

#define FMD5	 ",FMD5="
#define FMD5_LEN 32

/* The hash of the folder's name that a file's name has, or NULL. */
static const char *
folder_hash(const struct adopt_file *file)
{
	const char *hash = strstr(file->name, FMD5);

	if (hash == NULL)
		return NULL;
	hash += strlen(FMD5);
	return strspn(hash, "0123456789abcdef") >= FMD5_LEN ? hash : NULL;
}

/* The one that most files have: of a name that only its configuration knows. */
static const char *
usual_hash(const struct adopt_files *files)
{
	const char *usual = NULL;
	uint32_t votes = 0;

	/* Boyer and Moore's: a majority, if there is one */
	for (uint32_t i = 0; i < files->count; i++) {
		const char *hash = folder_hash(&files->items[i]);

		if (hash == NULL)
			continue;
		if (votes == 0)
			usual = hash;
		if (strncmp(usual, hash, FMD5_LEN) == 0)
			votes++;
		else
			votes--;
	}
	return usual;
}

bool
adopt_offlineimap(const struct adopt *adopt, struct adopt_report *report,
    struct imap_error *error)
{
	struct adoption adoption = {0};
	struct adopt_files *files = &adoption.files;
	uint32_t others = 0;
	const char *usual;
	bool is_ok;

	init(&adoption, adopt, report, adopt->uidvalidity);
	adoption.here_uidvalidity = adopt->uidvalidity;
	is_ok = adopt_files_scan(
	    adopt->maildir, &adoption.identity, files, &others, error);
	usual = usual_hash(files);
	for (uint32_t i = 0; is_ok && i < files->count; i++) {
		struct adopt_file *file = &files->items[i];
		const char *hash = folder_hash(file);

		if ((file->is_ours && adoption.is_begun) ||
		    (hash != NULL && strncmp(usual, hash, FMD5_LEN) == 0))
			file->uid = file->message.uid;
	}
	if (is_ok) {
		adopt_files_settle(files);
		count_files(&adoption, others);
		is_ok = take(&adoption, error);
	}
	adopt_files_free(files);
	return is_ok;
}

/* ---- words ---- */

const char *
adopt_text(const struct adopt_report *report, char out[ADOPT_TEXT_SIZE])
{
	int len = snprintf(out, ADOPT_TEXT_SIZE,
	    "%" PRIu32 " files are taken over", report->taken);

	if (report->local > 0)
		len += snprintf(out + len, ADOPT_TEXT_SIZE - (size_t)len,
		    ", %" PRIu32 " that nothing vouches for stay as local "
		    "files",
		    report->local);
	if (report->placeholders > 0)
		len += snprintf(out + len, ADOPT_TEXT_SIZE - (size_t)len,
		    ", %" PRIu32 " placeholders are downloaded",
		    report->placeholders);
	if (report->missing > 0)
		(void)snprintf(out + len, ADOPT_TEXT_SIZE - (size_t)len,
		    ", %" PRIu32 " messages without a file are downloaded",
		    report->missing);
	return out;
}
