/*
 * Removed, kept or archived. In the archive a keyword has the letter that the
 * archive's own dovecot-keywords gives it.
 */
#include "daemon/folder_expunge.h"

#include "daemon/name.h"
#include "libclient/base/mem.h"

/* index.h: the keywords' bits begin behind the system flags'. */
#define FIRST_KEYWORD 6

char *
folder_archive_path(const struct settings_account *settings)
{
	if (settings->on_expunge != SETTINGS_EXPUNGE_ARCHIVE)
		return NULL;
	return name_to_path(
	    span_of(settings->archive_folder), true, '/', settings->layout);
}

void
folder_expunge_begin(struct folder_expunge *expunge,
    const struct settings_account *settings, const struct keywords *keywords)
{
	expunge->what = settings->on_expunge;
	expunge->path = folder_archive_path(settings);
	if (expunge->path == NULL)
		return;
	for (int i = 0; i < KEYWORDS_MAX; i++)
		if (keywords->names[i] != NULL)
			expunge->keywords.names[i] =
			    mem_copy_string(keywords->names[i]);
}

/* The flags that a message has in the archive. */
static uint32_t
archived_flags(const struct folder_expunge *expunge, struct keywords *archive,
    uint32_t flags)
{
	uint32_t archived = flags & ((1U << FIRST_KEYWORD) - 1);

	for (int i = 0; i < KEYWORDS_MAX; i++)
		if ((flags & 1U << (FIRST_KEYWORD + i)) != 0 &&
		    expunge->keywords.names[i] != NULL)
			archived |= keywords_bit(
			    archive, span_of(expunge->keywords.names[i]));
	return archived;
}

/* The archive is a folder of nobody's mailbox. */
static struct maildir *
open_archive(const struct folder_expunge *expunge, struct maildir_root *root,
    struct state *state, struct imap_error *error)
{
	char *owner = state_path_owner(state, expunge->path);
	struct maildir *archive;

	if (owner != NULL) {
		mem_free(owner);
		imap_error_set(error, IMAP_ERROR_LOCAL,
		    "archive_folder: %s is a mirrored folder; nothing is "
		    "moved or removed",
		    expunge->path);
		return NULL;
	}
	archive = maildir_open(root, expunge->path, error);
	/* nobody else looks after what a killed run left there */
	if (archive != NULL)
		maildir_clean_tmp(archive);
	return archive;
}

/* Letters are explained before names use them. */
static bool
explain_letters(struct maildir *archive, const struct keywords *letters,
    bool is_durable, struct imap_error *error)
{
	char *text;
	bool is_ok;

	if (!letters->has_changed)
		return true;
	text = keywords_text(letters);
	is_ok = keywords_write(archive, text, is_durable, error);
	mem_free(text);
	return is_ok;
}

static bool
archive_all(struct folder_expunge *expunge, struct maildir *archive,
    struct maildir *maildir, const struct maildir_identity *identity,
    const struct maildir_message *messages, uint32_t count, bool is_durable,
    struct imap_error *error)
{
	struct keywords letters = {0};
	bool is_ok;

	if (!keywords_read(&letters, archive, error))
		return false;
	for (uint32_t i = 0; i < count; i++)
		(void)archived_flags(expunge, &letters, messages[i].flags);
	is_ok = explain_letters(archive, &letters, is_durable, error);
	for (uint32_t i = 0; is_ok && i < count; i++)
		is_ok =
		    maildir_release(maildir, identity, &messages[i], archive,
			archived_flags(expunge, &letters, messages[i].flags),
			error);
	keywords_free(&letters);
	return is_ok && (!is_durable || maildir_sync(archive, error));
}

bool
folder_expunge(struct folder_expunge *expunge, struct maildir_root *root,
    struct state *state, struct maildir *maildir,
    const struct maildir_identity *identity,
    const struct maildir_message *messages, uint32_t count, bool is_durable,
    struct imap_error *error)
{
	struct maildir *archive;
	bool is_ok = true;

	if (count == 0)
		return true;
	if (expunge->what == SETTINGS_EXPUNGE_ARCHIVE) {
		archive = open_archive(expunge, root, state, error);
		is_ok = archive != NULL &&
		    archive_all(expunge, archive, maildir, identity, messages,
			count, is_durable, error);
		maildir_close(archive);
		return is_ok;
	}
	for (uint32_t i = 0; is_ok && i < count; i++)
		is_ok = expunge->what == SETTINGS_EXPUNGE_KEEP
		    ? maildir_release(maildir, identity, &messages[i], NULL,
			  messages[i].flags, error)
		    : maildir_remove(maildir, identity, &messages[i], error);
	return is_ok;
}

void
folder_expunge_free(struct folder_expunge *expunge)
{
	mem_free(expunge->path);
	keywords_free(&expunge->keywords);
}
