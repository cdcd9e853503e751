/*
 * A file first becomes, under its old name, what it should be, and then gets
 * the new one: whichever of the two steps a crash leaves out is done the next
 * time. The new name's date is the file's, until the server tells a better.
 */
#include "daemon/adopt_files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libclient/base/mem.h"

/* Copies that are made durable at once. */
#define WINDOW 256

/* ---- which ---- */

struct scan {
	const struct maildir_identity *identity;
	struct adopt_files *files;
	uint32_t others;
};

static void
file_found(void *user, const struct maildir_file *found)
{
	struct scan *scan = user;
	struct adopt_files *files = scan->files;
	struct adopt_file file = {.is_new = found->is_new};

	if (!maildir_parse_name(
		found->name, scan->identity, &file.message, &file.is_ours)) {
		scan->others++;
		return;
	}
	if (files->count == files->size) {
		files->size = files->size * 2 + 64;
		files->items = mem_resize(
		    files->items, files->size, sizeof(*files->items));
	}
	file.name = mem_copy_string(found->name);
	files->items[files->count++] = file;
}

static int
by_claim(const void *a, const void *b)
{
	const struct adopt_file *left = a, *right = b;

	if (left->message.uid != right->message.uid)
		return left->message.uid < right->message.uid ? -1 : 1;
	return strcmp(left->name, right->name);
}

static int
by_uid(const void *a, const void *b)
{
	const struct adopt_file *left = a, *right = b;

	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	return by_claim(a, b);
}

/* One that a reader moves meanwhile comes twice. */
static void
drop_repeated(struct adopt_files *files)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < files->count; i++) {
		if (kept > 0 &&
		    strcmp(files->items[kept - 1].name, files->items[i].name) ==
			0)
			mem_free(files->items[i].name);
		else
			files->items[kept++] = files->items[i];
	}
	files->count = kept;
}

bool
adopt_files_scan(struct maildir *maildir,
    const struct maildir_identity *identity, struct adopt_files *files,
    uint32_t *others, struct imap_error *error)
{
	struct scan scan = {identity, files, 0};
	struct maildir_identity nobody = {.host = ""};
	bool is_ok = maildir_scan(maildir, &nobody, file_found, &scan, error);

	if (files->count > 1)
		qsort(files->items, files->count, sizeof(*files->items),
		    by_claim);
	drop_repeated(files);
	*others = scan.others;
	return is_ok;
}

void
adopt_files_free(struct adopt_files *files)
{
	for (uint32_t i = 0; i < files->count; i++)
		mem_free(files->items[i].name);
	mem_free(files->items);
	*files = (struct adopt_files){0};
}

void
adopt_files_settle(struct adopt_files *files)
{
	if (files->count > 1)
		qsort(
		    files->items, files->count, sizeof(*files->items), by_uid);
	for (uint32_t i = 0; i < files->count;) {
		uint32_t uid = files->items[i].uid;
		uint32_t end = i + 1;

		while (end < files->count && files->items[end].uid == uid)
			end++;
		for (uint32_t k = i; end - i > 1 && k < end; k++)
			files->items[k].uid = 0;
		i = end;
	}
}

/* ---- taking ---- */

/* Files that are on their way. */
struct window {
	const struct adopt *adopt;
	const struct maildir_identity *identity;
	struct {
		const struct adopt_file *file;
		struct maildir_content content;
		char tmp_name[MAILDIR_TMP_NAME_SIZE]; /* "": it is right */
	} items[WINDOW];
	uint32_t count;
	uint32_t gone;
	bool has_copies;
};

static bool
name_file(const struct window *window, const struct adopt_file *file,
    const struct maildir_content *content, struct imap_error *error)
{
	struct maildir *maildir = window->adopt->maildir;
	struct maildir_message message = {.uid = file->uid,
	    .size = content->size,
	    .date = content->date,
	    .flags = file->message.flags};

	return maildir_dress(maildir, file->name, file->is_new,
		   MAILDIR_DATE_UNKNOWN, error) &&
	    maildir_rename(maildir, window->identity, file->name, file->is_new,
		&message, error);
}

/* A mail reader has moved it: it is found again by who looks next. */
static bool
is_gone(const struct window *window, const struct adopt_file *file)
{
	uint64_t size;
	int fd = maildir_open_file(
	    window->adopt->maildir, file->name, file->is_new, &size);

	if (fd >= 0)
		close(fd);
	return fd < 0;
}

/* What failed, unless it failed for that reason. */
static bool
judge(struct window *window, const struct adopt_file *file,
    const struct imap_error *fault, struct imap_error *error)
{
	if (is_gone(window, file)) {
		window->gone++;
		return true;
	}
	*error = *fault;
	return false;
}

static bool
finish_file(struct window *window, uint32_t i, struct imap_error *error)
{
	struct maildir *maildir = window->adopt->maildir;
	const struct adopt_file *file = window->items[i].file;
	const char *tmp_name = window->items[i].tmp_name;
	struct imap_error fault = {0};

	if ((tmp_name[0] == '\0' ||
		maildir_replace(
		    maildir, tmp_name, file->name, file->is_new, &fault)) &&
	    name_file(window, file, &window->items[i].content, &fault))
		return true;
	if (tmp_name[0] != '\0')
		maildir_remove_tmp(maildir, tmp_name);
	return judge(window, file, &fault, error);
}

static bool
flush(struct window *window, struct imap_error *error)
{
	struct maildir *maildir = window->adopt->maildir;
	bool is_ok = !window->has_copies || !window->adopt->is_durable ||
	    maildir_sync_all(maildir, error);

	for (uint32_t i = 0; i < window->count; i++) {
		if (is_ok)
			is_ok = finish_file(window, i, error);
		else if (window->items[i].tmp_name[0] != '\0')
			maildir_remove_tmp(maildir, window->items[i].tmp_name);
	}
	window->count = 0;
	window->has_copies = false;
	return is_ok;
}

static bool
begin_file(struct window *window, const struct adopt_file *file,
    const struct maildir_form *form, struct imap_error *error)
{
	struct maildir *maildir = window->adopt->maildir;
	struct maildir_content *content = &window->items[window->count].content;
	char *tmp_name = window->items[window->count].tmp_name;
	struct imap_error fault = {0};

	if (!maildir_measure(
		maildir, file->name, file->is_new, form, content)) {
		window->gone++;
		return true;
	}
	tmp_name[0] = '\0';
	if (!content->is_right) {
		if (!maildir_rewrite(maildir, file->name, file->is_new, form,
			content, tmp_name, &fault))
			return judge(window, file, &fault, error);
		window->has_copies = true;
	}
	window->items[window->count++].file = file;
	return window->count < WINDOW || flush(window, error);
}

bool
adopt_files_take(const struct adopt *adopt,
    const struct maildir_identity *identity, const struct maildir_form *form,
    const struct adopt_files *files, uint32_t *gone, struct imap_error *error)
{
	struct window *window = mem_new(struct window);
	bool is_ok = true;

	window->adopt = adopt;
	window->identity = identity;
	for (uint32_t i = 0; is_ok && i < files->count; i++)
		if (files->items[i].uid != 0 && !files->items[i].is_ours)
			is_ok =
			    begin_file(window, &files->items[i], form, error);
	is_ok = is_ok && flush(window, error);
	for (uint32_t i = 0; i < window->count; i++)
		if (window->items[i].tmp_name[0] != '\0')
			maildir_remove_tmp(
			    adopt->maildir, window->items[i].tmp_name);
	*gone = window->gone;
	mem_free(window);
	return is_ok;
}
