/*
 * Mailbox names to paths: two names are read from the input as a server would
 * send them. Every name has a path that stays inside the Maildir, and no two
 * names have the same.
 */
#include <limits.h>

#include "daemon/name.h"
#include "libclient/wire/utf7.h"
#include "tests/fuzz/fuzz.h"

enum { NAME_CAP = 1 << 20 };

struct name {
	struct buf bytes; /* decoded, or as sent if that is not possible */
	bool is_valid;
};

static struct name
read_name(struct span raw)
{
	struct name name;

	buf_init(&name.bytes, NAME_CAP);
	name.is_valid = utf7_decode(raw, &name.bytes);
	if (!name.is_valid)
		require(buf_add_span(&name.bytes, raw));
	return name;
}

static bool
holds(struct span bytes, char byte)
{
	return bytes.len > 0 && memchr(bytes.at, byte, bytes.len) != NULL;
}

static bool
is_special(struct span component)
{
	return span_equal(component, span_of("cur")) ||
	    span_equal(component, span_of("new")) ||
	    span_equal(component, span_of("tmp"));
}

static void
check_component(struct span component)
{
	require(component.len > 0 && component.len <= NAME_MAX);
	require(component.at[0] != '.' && !is_special(component));
}

static void
check_path(const char *path, enum settings_layout layout)
{
	struct span rest = span_of(path);

	for (size_t i = 0; i < rest.len; i++)
		require(
		    (unsigned char)rest.at[i] >= 0x20 && rest.at[i] != 0x7f);
	if (layout == SETTINGS_LAYOUT_MAILDIRPP) {
		require(rest.len <= NAME_MAX && !holds(rest, '/'));
		require(rest.len == 0 || (rest.len > 1 && rest.at[0] == '.'));
		require(rest.len == 0 || rest.at[1] != '.');
		return;
	}
	while (rest.len > 0) {
		const char *end = memchr(rest.at, '/', rest.len);
		struct span component = rest;

		if (end != NULL)
			component.len = (size_t)(end - rest.at);
		check_component(component);
		require(end == NULL || component.len + 1 < rest.len);
		rest = span_from(rest, component.len + (end == NULL ? 0 : 1));
	}
	require(path[0] != '\0');
}

/* INBOX in front is the same in any case (RFC 9051 section 5.1). */
static void
fold_inbox(struct name *name, char delimiter)
{
	const size_t len = strlen("INBOX");
	const struct span bytes = buf_span(&name->bytes);

	if (span_has_prefix_nocase(bytes, "INBOX") &&
	    (bytes.len == len ||
		(delimiter != '\0' && delimiter != '&' &&
		    bytes.at[len] == delimiter)))
		memcpy(name->bytes.data + name->bytes.start, "INBOX", len);
}

static void
check_pattern(const struct name *name, char delimiter)
{
	const struct span bytes = buf_span(&name->bytes);
	char *pattern = span_to_string(bytes);

	require(name_matches(bytes, delimiter, "*"));
	/* Without wildcards a name is a pattern for itself. */
	require(holds(bytes, '\0') || holds(bytes, '*') || holds(bytes, '%') ||
	    name_matches(bytes, delimiter, pattern));
	mem_free(pattern);
}

static void
check_pair(
    struct name *a, struct name *b, char delimiter, enum settings_layout layout)
{
	char *one =
	    name_to_path(buf_span(&a->bytes), a->is_valid, delimiter, layout);
	char *two =
	    name_to_path(buf_span(&b->bytes), b->is_valid, delimiter, layout);
	char *unique = name_to_unique_path(
	    buf_span(&a->bytes), a->is_valid, delimiter, layout);
	bool is_same;

	check_path(one, layout);
	check_path(two, layout);
	check_path(unique, layout);
	/* A path with a hash in it cannot be another's already. */
	require(strcmp(one, unique) != 0 || strstr(one, "%~") != NULL);
	require(name_paths_collide(one, one));
	(void)name_paths_collide(one, two);
	check_pattern(a, delimiter);
	fold_inbox(a, delimiter);
	fold_inbox(b, delimiter);
	is_same = a->is_valid == b->is_valid &&
	    span_equal(buf_span(&a->bytes), buf_span(&b->bytes));
	require(is_same == (strcmp(one, two) == 0));
	mem_free(one);
	mem_free(two);
	mem_free(unique);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char delimiters[] = "/.\\|^%&\0";
	struct span input = {(const char *)data, size};
	const unsigned choice = take_byte(&input);
	struct name a = read_name(take_text(&input));
	struct name b = read_name(take_text(&input));

	check_pair(&a, &b, delimiters[choice >> 1 & 7],
	    (choice & 1) != 0 ? SETTINGS_LAYOUT_MAILDIRPP
			      : SETTINGS_LAYOUT_NESTED);
	buf_free(&a.bytes);
	buf_free(&b.bytes);
	return 0;
}
