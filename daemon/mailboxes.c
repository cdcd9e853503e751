/*
 * LIST's answers against the patterns of the configuration.
 */
#include "daemon/mailboxes.h"

#include <stdlib.h>
#include <strings.h>

#include "daemon/name.h"
#include "libclient/base/mem.h"

static const struct {
	const char *name;
	unsigned flag;
} special_uses[] = {
    {"\\All", IMAP_LIST_ALL},
    {"\\Archive", IMAP_LIST_ARCHIVE},
    {"\\Drafts", IMAP_LIST_DRAFTS},
    {"\\Flagged", IMAP_LIST_FLAGGED},
    {"\\Important", IMAP_LIST_IMPORTANT},
    {"\\Junk", IMAP_LIST_JUNK},
    {"\\Sent", IMAP_LIST_SENT},
    {"\\Trash", IMAP_LIST_TRASH},
};

struct mailbox *
mailboxes_find(struct mailboxes *list, struct span bytes)
{
	uint32_t i = spanmap_get(&list->index, bytes);

	return i == SPANMAP_NONE ? NULL : &list->items[i];
}

static void
note_place(struct mailboxes *list, uint32_t i)
{
	const struct mailbox *mailbox = &list->items[i];

	spanmap_put(
	    &list->index, (struct span){mailbox->bytes, mailbox->bytes_len}, i);
}

/* A name that a command can carry. */
static bool
is_usable(struct span bytes)
{
	return bytes.len > 0 && bytes.len <= MAILBOXES_MAX_NAME &&
	    memchr(bytes.at, '\0', bytes.len) == NULL &&
	    memchr(bytes.at, '\r', bytes.len) == NULL &&
	    memchr(bytes.at, '\n', bytes.len) == NULL;
}

struct span
mailboxes_key(struct span bytes)
{
	return span_equal_nocase(bytes, "INBOX") ? span_of("INBOX") : bytes;
}

void
mailboxes_add(struct mailboxes *all, const struct imap_list *list)
{
	const struct span key = mailboxes_key(list->mailbox);
	struct mailbox *mailbox;

	if ((list->flags & (IMAP_LIST_NOSELECT | IMAP_LIST_NONEXISTENT)) != 0 ||
	    !is_usable(key) || spanmap_get(&all->index, key) != SPANMAP_NONE)
		return;
	if (all->count >= MAILBOXES_MAX ||
	    all->bytes + key.len > MAILBOXES_MAX_BYTES) {
		all->is_cut = true;
		return;
	}
	if (all->count == all->size) {
		all->size = all->size * 2 + 16;
		all->items =
		    mem_resize(all->items, all->size, sizeof(*all->items));
	}
	all->bytes += key.len;
	mailbox = &all->items[all->count++];
	*mailbox = (struct mailbox){
	    .bytes = span_to_string(key),
	    .bytes_len = key.len,
	    .is_valid = list->name.len > 0,
	    .delimiter = list->delimiter,
	    .flags = list->flags,
	};
	if (mailbox->is_valid) {
		mailbox->name = span_to_string(list->name);
	} else {
		mailbox->name = mem_alloc(512);
		imap_error_printable(list->mailbox, 120, mailbox->name, 512);
	}
	note_place(all, all->count - 1);
}

static bool
matches(const struct mailbox *mailbox, const char *pattern)
{
	if (pattern[0] != '\\')
		return name_matches(
		    span_of(mailbox->name), mailbox->delimiter, pattern);
	for (size_t i = 0; i < sizeof(special_uses) / sizeof(*special_uses);
	     i++)
		if (strcasecmp(pattern, special_uses[i].name) == 0)
			return (mailbox->flags & special_uses[i].flag) != 0;
	return false;
}

/* The index of the first pattern that matches, or the list's length. */
static uint32_t
first_match(const struct mailbox *mailbox, const struct settings_list *list)
{
	uint32_t i = 0;

	while (i < list->count && !matches(mailbox, list->items[i]))
		i++;
	return i;
}

const char *
mailboxes_special_use(unsigned flags, uint32_t i)
{
	for (size_t use = 0; use < sizeof(special_uses) / sizeof(*special_uses);
	     use++)
		if ((flags & special_uses[use].flag) != 0 && i-- == 0)
			return special_uses[use].name;
	return NULL;
}

static void
mailbox_free(struct mailbox *mailbox)
{
	mem_free(mailbox->bytes);
	mem_free(mailbox->name);
}

static bool
is_inbox(const struct mailbox *mailbox)
{
	return strcasecmp(mailbox->name, "INBOX") == 0;
}

bool
mailboxes_is_named(const struct mailbox *mailbox, const char *name)
{
	return strcasecmp(name, "INBOX") == 0
	    ? is_inbox(mailbox)
	    : strcmp(name, mailbox->name) == 0;
}

static int
compare_order(const void *a, const void *b)
{
	const struct mailbox *left = a;
	const struct mailbox *right = b;

	if (left->order != right->order)
		return left->order < right->order ? -1 : 1;
	/* what is most waited for comes first */
	if (is_inbox(left) != is_inbox(right))
		return is_inbox(left) ? -1 : 1;
	return strcmp(left->name, right->name);
}

void
mailboxes_choose(struct mailboxes *all, const struct settings_account *settings)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < all->count; i++) {
		struct mailbox *mailbox = &all->items[i];

		mailbox->order = first_match(mailbox, &settings->folders);
		if (mailbox->order == settings->folders.count ||
		    first_match(mailbox, &settings->exclude) <
			settings->exclude.count)
			mailbox_free(mailbox);
		else
			all->items[kept++] = *mailbox;
	}
	all->count = kept;
	if (kept > 1)
		qsort(all->items, kept, sizeof(*all->items), compare_order);
	spanmap_free(&all->index);
	for (uint32_t i = 0; i < kept; i++)
		note_place(all, i);
}

void
mailboxes_assign_watch(struct mailboxes *chosen,
    const struct settings_account *settings, struct mailboxes_push push)
{
	/* the watching connection and the fetching one */
	uint32_t taken = push.has_notify ? 2 : 0;
	uint32_t idles = push.has_idle && push.connections > taken
	    ? push.connections - taken
	    : 0;
	bool is_first = true;

	for (uint32_t i = 0; i < chosen->count; i++) {
		struct mailbox *mailbox = &chosen->items[i];
		bool is_notified = push.has_notify && !mailbox->is_unnotified;

		mailbox->is_watched = settings->watch.count == 0 ||
		    first_match(mailbox, &settings->watch) <
			settings->watch.count;
		mailbox->watch = MAILBOX_POLLED;
		if (!mailbox->is_watched)
			continue;
		if (idles > 0 && (is_first || !is_notified)) {
			mailbox->watch = MAILBOX_IDLED;
			idles--;
		} else if (is_notified) {
			mailbox->watch = MAILBOX_NOTIFIED;
		}
		is_first = false;
	}
}

const char *
mailbox_watch_name(enum mailbox_watch watch)
{
	static const char *const names[] = {"poll", "IDLE", "NOTIFY"};

	return names[watch];
}

void
mailboxes_free(struct mailboxes *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		mailbox_free(&list->items[i]);
	mem_free(list->items);
	spanmap_free(&list->index);
	*list = (struct mailboxes){0};
}
