/*
 * .uidvalidity tells how far it came: as the other program wrote it, then
 * "adopting" and its first line while there are names of both kinds, which
 * mbsync refuses to read, then ours.
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
#include "daemon/adopt_state.h"
#include "daemon/mbsync_state.h"
#include "daemon/name.h"
#include "libclient/base/mem.h"
#include "libclient/wire/utf7.h"

#define STATE_NAME ".mbsyncstate"
#define BEGUN	   "adopting\n"

/* How often files are looked for that mail readers move meanwhile. */
#define ATTEMPTS 4

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
	uint32_t here_uidvalidity; /* what .uidvalidity has, or had */
	unsigned attempt;
	uint32_t gone; /* files that were not there any more */
};

/* *uidvalidity: what .uidvalidity had before. */
static bool
read_begun(struct maildir *maildir, uint32_t *uidvalidity)
{
	char text[64];
	unsigned long long number = 0;
	struct span left = {text,
	    maildir_read_file(
		maildir, ".uidvalidity", text, sizeof(text), NULL)};

	if (left.len <= strlen(BEGUN) ||
	    memcmp(left.at, BEGUN, strlen(BEGUN)) != 0)
		return false;
	left = span_from(left, strlen(BEGUN));
	left.len--; /* the line's end */
	(void)span_to_number(left, UINT32_MAX, &number);
	*uidvalidity = (uint32_t)number;
	return true;
}

bool
adopt_is_begun(struct maildir *maildir)
{
	uint32_t uidvalidity;

	return read_begun(maildir, &uidvalidity);
}

/* ---- what both have in common ---- */

static bool
begin(const struct adoption *adoption, struct imap_error *error)
{
	char text[64];
	int len;

	if (adoption->is_begun)
		return true;
	len = snprintf(text, sizeof(text), BEGUN "%" PRIu32 "\n",
	    adoption->here_uidvalidity);
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
replace_state(
    const struct adopt *adopt, struct span text, struct imap_error *error)
{
	if (adopt->state != NULL)
		return adopt_replace_state(adopt->state, text, error);
	return maildir_replace_file(
	    adopt->maildir, STATE_NAME, text, adopt->is_durable, error);
}

/* mbsync is not to go on with what is ours. */
static bool
part(struct adoption *adoption, struct imap_error *error)
{
	struct mbsync_state *state = &adoption->state;
	struct buf text;
	bool is_ok;

	if (state->near_uidvalidity != adoption->identity.uidvalidity)
		return true;
	state->near_uidvalidity = mbsync_state_other(state->near_uidvalidity);
	buf_init(&text, STATE_MAX);
	is_ok = mbsync_state_format(state, &text) &&
	    replace_state(adoption->adopt, buf_span(&text), error);
	buf_free(&text);
	return is_ok;
}

static bool
is_to_be_repeated(const struct adoption *adoption)
{
	return adoption->gone > 0 && adoption->attempt < ATTEMPTS;
}

static bool
end(struct adoption *adoption, struct imap_error *error)
{
	adoption->attempt++;
	if (is_to_be_repeated(adoption))
		return true;
	return part(adoption, error) &&
	    maildir_write_uidvalidity(adoption->adopt->maildir,
		adoption->identity.uidvalidity, adoption->report->highest_uid,
		adoption->adopt->is_durable, error);
}

static bool
take(struct adoption *adoption, struct imap_error *error)
{
	const struct adopt *adopt = adoption->adopt;

	if (adopt->is_dry)
		return true;
	return disown_old(adoption, error) && begin(adoption, error) &&
	    maildir_dress_folder(adopt->maildir, error) &&
	    adopt_files_take(adopt, &adoption->identity, &adoption->form,
		&adoption->files, &adoption->gone, error) &&
	    (!adopt->is_durable || maildir_sync(adopt->maildir, error)) &&
	    end(adoption, error);
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
	adoption->here_uidvalidity = uidvalidity;
	adoption->is_begun =
	    read_begun(adopt->maildir, &adoption->here_uidvalidity);
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
	uint32_t here = adoption->here_uidvalidity;

	if (here == adoption->state.near_uidvalidity ||
	    /* we came as far as part() */
	    (adoption->is_begun &&
		mbsync_state_other(here) == adoption->state.near_uidvalidity) ||
	    (here == 0 && adoption->files.count == 0 &&
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
	    maildir_path(maildir), here, adoption->state.near_uidvalidity);
}

static bool
take_mbsync(struct adoption *adoption, struct imap_error *error)
{
	struct maildir *maildir = adoption->adopt->maildir;
	struct imap_error unreadable = {0};
	uint32_t others = 0, highest;

	if (!adoption->is_begun)
		(void)maildir_read_uidvalidity(maildir,
		    &adoption->here_uidvalidity, &highest, &unreadable);
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
	do {
		is_ok = is_ok &&
		    parse_and_take(&adoption, path, adopt, report, error);
		adopt_files_free(&adoption.files);
		mbsync_state_free(&adoption.state);
	} while (is_ok && is_to_be_repeated(&adoption));
	adopt_unlock(lock, lock_fd);
	mem_free(numbers);
	mem_free(lock);
	mem_free(path);
	return is_ok;
}

/* ---- offlineimap ---- */

#define FMD5 ",FMD5="

/* Those that the folder's own files have: of its name with either separator,
 * and in modified UTF-7. */
enum { HASHES = 4 };

struct hashes {
	char text[HASHES][NAME_MD5_SIZE];
};

static void
hash_box(const char *box, char *dotted, char *nested)
{
	char *flat = mem_copy_string(box);

	name_md5(span_of(box), nested);
	for (char *at = flat; *at != '\0'; at++)
		if (*at == '/')
			*at = '.';
	name_md5(span_of(flat), dotted);
	mem_free(flat);
}

static void
make_hashes(const char *box, struct hashes *hashes)
{
	struct buf text;
	char *coded;

	hash_box(box, hashes->text[0], hashes->text[1]);
	buf_init(&text, STATE_MAX);
	(void)utf7_encode(span_of(box), &text);
	coded = span_to_string(buf_span(&text));
	hash_box(coded, hashes->text[2], hashes->text[3]);
	mem_free(coded);
	buf_free(&text);
}

static bool
has_own_hash(const struct adopt_file *file, const struct hashes *hashes)
{
	const char *hash = strstr(file->name, FMD5);

	for (size_t i = 0; hash != NULL && i < HASHES; i++)
		if (strncmp(hash + strlen(FMD5), hashes->text[i],
			NAME_MD5_SIZE - 1) == 0)
			return true;
	return false;
}

static bool
take_offlineimap(struct adoption *adoption, struct imap_error *error)
{
	const struct adopt *adopt = adoption->adopt;
	struct adopt_files *files = &adoption->files;
	struct hashes hashes = {0};
	uint32_t others = 0;

	if (!adopt_files_scan(
		adopt->maildir, &adoption->identity, files, &others, error))
		return false;
	make_hashes(adopt->box, &hashes);
	for (uint32_t i = 0; i < files->count; i++) {
		struct adopt_file *file = &files->items[i];

		if ((file->is_ours && adoption->is_begun) ||
		    has_own_hash(file, &hashes))
			file->uid = file->message.uid;
	}
	adopt_files_settle(files);
	count_files(adoption, others);
	return take(adoption, error);
}

bool
adopt_offlineimap(const struct adopt *adopt, struct adopt_report *report,
    struct imap_error *error)
{
	struct adoption adoption = {0};
	bool is_ok;

	do {
		init(&adoption, adopt, report, adopt->uidvalidity);
		is_ok = take_offlineimap(&adoption, error);
		adopt_files_free(&adoption.files);
	} while (is_ok && is_to_be_repeated(&adoption));
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
