/*
 * The state file first: while .uidvalidity is ours, mbsync's is nobody's.
 */
#include "daemon/adopt_export.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/adopt_lock.h"
#include "daemon/mbsync_state.h"
#include "libclient/base/mem.h"

/* A record has at most so many bytes. */
#define RECORD_MAX 32
#define HEADER_MAX 256

static void
file_found(void *user, const struct maildir_file *file)
{
	struct mbsync_state *state = user;
	const struct mbsync_record record = {.far = file->message.uid,
	    .near = file->message.uid,
	    .flags = file->message.flags};

	if (file->is_ours)
		mbsync_state_add(state, &record);
}

/* A file that is being moved is found twice. */
static void
drop_repeated(struct mbsync_state *state)
{
	uint32_t kept = 0;

	mbsync_state_sort(state);
	for (uint32_t i = 0; i < state->count; i++)
		if (kept == 0 ||
		    state->records[kept - 1].near != state->records[i].near)
			state->records[kept++] = state->records[i];
	state->count = kept;
}

static bool
write_files(struct maildir *maildir, const struct mbsync_state *state,
    bool is_durable, struct imap_error *error)
{
	char numbers[64];
	struct buf text;
	bool is_ok;
	int len;

	len = snprintf(numbers, sizeof(numbers), "%" PRIu32 "\n%" PRIu32 "\n",
	    state->near_uidvalidity, state->max_pushed_uid);
	buf_init(&text, HEADER_MAX + (size_t)state->count * RECORD_MAX);
	is_ok = mbsync_state_format(state, &text) &&
	    maildir_replace_file(
		maildir, ".mbsyncstate", buf_span(&text), is_durable, error) &&
	    maildir_replace_file(maildir, ".uidvalidity",
		(struct span){numbers, (size_t)len}, is_durable, error);
	buf_free(&text);
	return is_ok;
}

/* What an earlier run of mbsync would still add to the state is not of it. */
static bool
remove_companion(const char *folder, const char *name, struct imap_error *error)
{
	char *path = mem_format("%s/%s", folder, name);
	bool is_ok = unlink(path) == 0 || errno == ENOENT;

	if (!is_ok)
		imap_error_set(error, IMAP_ERROR_LOCAL, "cannot remove %s: %s",
		    path, strerror(errno));
	mem_free(path);
	return is_ok;
}

static bool export(struct maildir *maildir, const char *host, bool is_durable,
    struct mbsync_state *state, struct imap_error *error)
{
	const char *folder = maildir_path(maildir);
	struct maildir_identity identity = {.host = host};
	uint32_t highest;

	if (!maildir_read_uidvalidity(
		maildir, &identity.uidvalidity, &highest, error))
		return imap_error_set(
		    error, IMAP_ERROR_LOCAL, "%s is not mirrored", folder);
	if (!maildir_scan(maildir, &identity, file_found, state, error))
		return false;
	drop_repeated(state);
	if (state->count > 0 && state->records[state->count - 1].near > highest)
		highest = state->records[state->count - 1].near;
	state->far_uidvalidity = identity.uidvalidity;
	state->near_uidvalidity = identity.uidvalidity;
	state->max_pulled_uid = highest;
	state->max_pushed_uid = highest;
	return remove_companion(folder, ".mbsyncstate.journal", error) &&
	    remove_companion(folder, ".mbsyncstate.new", error) &&
	    write_files(maildir, state, is_durable, error);
}

bool
adopt_export(struct maildir *maildir, const char *host, bool is_durable,
    uint32_t *count, struct imap_error *error)
{
	struct mbsync_state state = {0};
	char *lock = mem_format("%s/.mbsyncstate.lock", maildir_path(maildir));
	int lock_fd = adopt_lock(lock, error);
	bool is_ok =
	    lock_fd >= 0 && export(maildir, host, is_durable, &state, error);

	adopt_unlock(lock, lock_fd);
	*count = state.count;
	mbsync_state_free(&state);
	mem_free(lock);
	return is_ok;
}
