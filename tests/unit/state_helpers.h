/*
 * What the tests of daemon/state share: a database in a directory of its own.
 */
#ifndef TESTS_UNIT_STATE_HELPERS_H
#define TESTS_UNIT_STATE_HELPERS_H

#include <check.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/state.h"
#include "libclient/base/mem.h"
#include "tests/unit/run_case.h"

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static char top[] = "/tmp/mailmirror-test-XXXXXX";
static struct state *state;
static struct imap_error error;
static char *note;

static inline void
open_state(bool is_durable)
{
	state = state_open("dir/state", "me", is_durable, &note, &error);
	ck_assert_msg(state != NULL, "%s", error.text);
}

static inline void
reopen(void)
{
	state = state_close(state);
	note = mem_free(note);
	open_state(true);
	ck_assert_ptr_null(note);
}

static inline void
set_up(void)
{
	error = (struct imap_error){.kind = IMAP_ERROR_NONE};
	memcpy(strrchr(top, '-') + 1, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(chdir(top), 0);
	open_state(true);
}

static inline int
remove_entry(
    const char *path, const struct stat *info, int type, struct FTW *place)
{
	(void)info;
	(void)type;
	(void)place;
	return remove(path);
}

static inline void
tear_down(void)
{
	state = state_close(state);
	note = mem_free(note);
	ck_assert_int_eq(chdir("/"), 0);
	nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline mode_t
mode_of(const char *path)
{
	struct stat info;

	ck_assert_msg(lstat(path, &info) == 0, "%s is missing", path);
	return info.st_mode & 07777;
}

static inline void
apply(const struct state_change *change)
{
	ck_assert_msg(state_apply(state, change, &error), "%s", error.text);
}

/* Puts messages without flags. */
static inline void
put_uids(const char *mailbox, const uint32_t *uids, uint32_t count)
{
	struct state_message *messages =
	    mem_resize(NULL, count + 1, sizeof(*messages));
	struct state_change change = {
	    .mailbox = span_of(mailbox), .put = messages, .put_count = count};

	for (uint32_t i = 0; i < count; i++)
		messages[i] = (struct state_message){.uid = uids[i]};
	apply(&change);
	mem_free(messages);
}

struct listing {
	char text[512];
	size_t len;
	uint32_t count;
	struct state_message last;
	char keywords[16]; /* of the last one */
};

/* Bytes made printable enough to be compared. */
static inline const char *
string_of(struct span bytes)
{
	static char text[16];

	ck_assert_uint_lt(bytes.len, sizeof(text));
	for (size_t i = 0; i < bytes.len; i++)
		text[i] = bytes.at[i] == '\0' ? '0' : bytes.at[i];
	text[bytes.len] = '\0';
	return text;
}

static inline void
list_message(void *user, const struct state_message *message)
{
	struct listing *listing = user;

	if (listing->len < sizeof(listing->text) - 16)
		listing->len += (size_t)snprintf(listing->text + listing->len,
		    sizeof(listing->text) - listing->len, "%s%u",
		    listing->count == 0 ? "" : " ", message->uid);
	listing->count++;
	listing->last = *message;
	memcpy(listing->keywords, string_of(message->keywords), 16);
}

static inline struct listing
list(const char *mailbox)
{
	struct listing listing = {.len = 0};

	ck_assert_msg(state_load_messages(state, span_of(mailbox), list_message,
			  &listing, &error),
	    "%s", error.text);
	return listing;
}

#define assert_uids(mailbox, expected) \
	ck_assert_str_eq(list(mailbox).text, expected)

#endif
