/*
 * Names of message files, as mail readers and people make them: what is read of
 * one can be written and read again, and one that is taken its claim away has
 * none.
 */
#include <limits.h>

#include "daemon/maildir_name.h"
#include "tests/fuzz/fuzz.h"

static bool
is_same(const struct maildir_message *one, const struct maildir_message *other)
{
	return one->uid == other->uid && one->size == other->size &&
	    one->date == other->date && one->flags == other->flags;
}

/* What we would call the file is ours and says the same. */
static void
check_written(const char *name, const struct maildir_identity *identity,
    const struct maildir_message *message, bool is_ours)
{
	char written[MAILDIR_NAME_SIZE];
	struct maildir_message again = {0};
	size_t base_len;
	bool is_known = false;

	maildir_base_name(identity, message, written);
	base_len = strlen(written);
	require(base_len + MAILDIR_FLAGS_SIZE <= MAILDIR_NAME_SIZE);
	require(strpbrk(written, "/:") == NULL);
	require(is_ours ==
	    (strcspn(name, ":") == base_len &&
		memcmp(name, written, base_len) == 0));
	require(maildir_is_generation(written, identity->uidvalidity) ||
	    message->date == MAILDIR_DATE_UNKNOWN);
	maildir_flags_suffix(message->flags, written + base_len);
	if (message->date == MAILDIR_DATE_UNKNOWN)
		return;
	require(maildir_parse_name(written, identity, &again, &is_known));
	require(is_known && is_same(message, &again));
}

static void
check_disowned(const char *name, const struct maildir_identity *identity)
{
	char first[MAILDIR_NAME_SIZE];
	char second[MAILDIR_NAME_SIZE];
	struct maildir_message message;
	bool is_ours;

	if (!maildir_disowned_name(name, 1, first))
		return;
	require(strlen(first) <= NAME_MAX);
	require(first[0] != '\0' && first[0] != ':');
	require(strcmp(first + strcspn(first, ":"),
		    name + strcspn(name, ":")) == 0);
	require(!maildir_parse_name(first, identity, &message, &is_ours));
	require(!maildir_disowned_name(first, 1, second));
	if (maildir_disowned_name(name, 2, second))
		require(strcmp(first, second) != 0);
}

/* In memory of its own, so that a read beyond it is seen. */
static char *
take_name(struct span *input)
{
	struct span text = take_text(input);

	if (text.len > NAME_MAX)
		text.len = NAME_MAX;
	return span_to_string(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	struct maildir_identity identity = {.uidvalidity = take_byte(&input)};
	char *host = take_name(&input);
	char *name = take_name(&input);
	struct maildir_message message = {0};
	bool is_ours = false;

	identity.host = host;
	if (maildir_parse_name(name, &identity, &message, &is_ours)) {
		require(message.uid > 0);
		check_written(name, &identity, &message, is_ours);
	} else {
		require(!is_ours);
	}
	check_disowned(name, &identity);
	mem_free(host);
	mem_free(name);
	return 0;
}
