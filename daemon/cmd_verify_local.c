/*
 * What is here: the Maildir's files by their names, and what the state
 * database says of messages that are not here with good reason. A running
 * daemon may be changing all of it.
 */
#include "daemon/cmd_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/cmd_listing.h"
#include "daemon/exit_code.h"
#include "daemon/folder_path.h"
#include "libclient/base/mem.h"

static int
fail(const struct verify *verify, const struct imap_error *error)
{
	(void)fprintf(
	    stderr, "mailmirror: %s: %s\n", verify->label, error->text);
	return exit_code_for(error->kind);
}

/* ---- the state database ---- */

static void
row_found(void *user, const struct state_message *row)
{
	struct verify *verify = user;

	if (row->keywords.len > 0)
		(void)keywords_rest_put(
		    &verify->keywords.rest, row->uid, row->keywords);
}

static void
withheld_found(void *user, const struct state_withheld *item)
{
	struct verify *verify = user;

	uidset_add(
	    item->size > 0 ? &verify->too_large : &verify->refused, item->uid);
}

static bool
read_state(struct verify *verify, struct state *state, struct imap_error *error)
{
	struct span bytes = cmd_listing_bytes(verify->mailbox);

	verify->has_state = state != NULL;
	verify->row = (struct state_folder){0};
	return state == NULL ||
	    (state_load_folder(state, bytes, &verify->row, error) &&
		state_load_messages(state, bytes, row_found, verify, error) &&
		state_load_withheld(
		    state, bytes, withheld_found, verify, error));
}

/* ---- the Maildir ---- */

static void
file_found(void *user, const struct maildir_file *found)
{
	struct verify *verify = user;

	if (!found->has_uid ||
	    !maildir_is_generation(found->name, verify->identity.uidvalidity) ||
	    (!uidset_is_empty(&verify->only) &&
		!uidset_contains(&verify->only, found->message.uid)))
		return;
	if (verify->file_count == verify->file_size) {
		verify->file_size = verify->file_size * 2 + 64;
		verify->files = mem_resize(
		    verify->files, verify->file_size, sizeof(*verify->files));
	}
	verify->files[verify->file_count++] = (struct verify_file){
	    .uid = found->message.uid,
	    .flags = found->message.flags,
	    .size = found->message.size,
	    .name = mem_copy_string(found->name),
	    .is_new = found->is_new,
	};
}

static int
compare_files(const void *a, const void *b)
{
	const struct verify_file *left = a;
	const struct verify_file *right = b;

	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	return strcmp(left->name, right->name);
}

static bool
read_maildir(struct verify *verify, struct imap_error *error)
{
	const struct settings_account *settings = verify->settings;
	uint32_t highest;

	verify->root = maildir_root_view(settings->maildir, error);
	verify->maildir = verify->root == NULL
	    ? NULL
	    : maildir_view(verify->root, verify->path, error);
	if (verify->maildir == NULL)
		return error->kind == IMAP_ERROR_NONE;
	verify->identity =
	    (struct maildir_identity){.host = folder_host_of(settings)};
	if (!maildir_read_uidvalidity(verify->maildir,
		&verify->identity.uidvalidity, &highest, error))
		verify->identity.uidvalidity = 0;
	if (error->kind != IMAP_ERROR_NONE ||
	    !keywords_read(&verify->keywords, verify->maildir, error))
		return false;
	verify->explained = keywords_bits(&verify->keywords);
	if (!maildir_scan(
		verify->maildir, &verify->identity, file_found, verify, error))
		return false;
	if (verify->file_count > 1)
		qsort(verify->files, verify->file_count, sizeof(*verify->files),
		    compare_files);
	return true;
}

int
verify_local(struct verify *verify)
{
	struct imap_error error = {0};
	struct state *state =
	    state_view(verify->state_dir, verify->settings->name, &error);
	bool is_ok = error.kind == IMAP_ERROR_NONE;

	if (is_ok)
		verify->path =
		    cmd_listing_path(state, verify->settings, verify->mailbox);
	/* the file first: it empties what is known of keywords */
	is_ok = is_ok && read_maildir(verify, &error) &&
	    read_state(verify, state, &error);
	(void)state_close(state);
	return is_ok ? EX_OK : fail(verify, &error);
}
