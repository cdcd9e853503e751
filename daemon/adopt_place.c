/*
 * A path's levels tell by their first byte which scheme it is of: a leading '.'
 * is Maildir++ at the top and Legacy below.
 */
#include "daemon/adopt_place.h"

#include <string.h>

#include "daemon/name.h"
#include "libclient/base/buf.h"
#include "libclient/base/mem.h"
#include "libclient/wire/utf7.h"

#define BOX_MAX 8192

/* What stands behind the last slash, if there is one. */
static struct span
parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (struct span){path, slash == NULL ? 0 : (size_t)(slash - path)};
}

/* Adds a level, or several that full stops separate. */
static bool
add_level(struct buf *box, struct span level, bool has_stops)
{
	bool fits = buf_len(box) == 0 || buf_add(box, "/", 1);

	for (size_t i = 0; fits && i < level.len; i++)
		fits = buf_add(box,
		    has_stops && level.at[i] == '.' ? "/" : level.at + i, 1);
	return fits;
}

static bool
add_levels(struct buf *box, struct span path, enum adopt_tool tool)
{
	bool is_first = true, fits = true;

	while (fits && path.len > 0) {
		const char *slash = memchr(path.at, '/', path.len);
		size_t len =
		    slash == NULL ? path.len : (size_t)(slash - path.at);
		struct span level = {path.at, len};
		bool has_stops = tool == ADOPT_OFFLINEIMAP ||
		    (is_first && level.len > 0 && level.at[0] == '.');

		if (level.len > 0 && level.at[0] == '.')
			level = span_from(level, 1);
		fits = add_level(box, level, has_stops);
		is_first = false;
		path = span_from(path, len + (slash != NULL));
	}
	return fits;
}

/* What has no form of modified UTF-7 is UTF-8 already. */
static char *
decode(struct span box)
{
	struct buf name;
	char *decoded;

	if (memchr(box.at, '&', box.len) == NULL && utf7_is_utf8(box))
		return span_to_string(box);
	buf_init(&name, BOX_MAX);
	decoded = utf7_decode(box, &name) ? span_to_string(buf_span(&name))
	    : utf7_is_utf8(box)		  ? span_to_string(box)
					  : NULL;
	buf_free(&name);
	return decoded;
}

/* Where a mailbox is to be, or NULL: its name cannot be read. */
static char *
path_of(struct span levels, enum adopt_tool tool, enum settings_layout layout)
{
	struct buf box;
	char *name, *path = NULL;

	if (levels.len == 0)
		return mem_copy_string("");
	buf_init(&box, BOX_MAX);
	name = add_levels(&box, levels, tool) ? decode(buf_span(&box)) : NULL;
	if (name != NULL)
		path = name_to_path(span_of(name), true, '/', layout);
	mem_free(name);
	buf_free(&box);
	return path;
}

/* An escape of ours: the folder was moved here before. */
static bool
has_escape(const char *path)
{
	static const char digits[] = "0123456789ABCDEFabcdef";
	const char *at = path;

	while ((at = strchr(at, '%')) != NULL) {
		at++;
		if (at[0] != '\0' && strchr(digits, at[0]) != NULL &&
		    at[1] != '\0' && strchr(digits, at[1]) != NULL)
			return true;
	}
	return false;
}

/* What does not fit the layout that is configured. */
static bool
suits(const char *path, enum settings_layout layout, struct imap_error *error)
{
	bool is_plus = path[0] == '\0' || path[0] == '.';

	if (layout == SETTINGS_LAYOUT_NESTED && is_plus)
		return imap_error_set(error, IMAP_ERROR_CONFIG,
		    "folder \"%s\" is laid out as Maildir++: set layout = "
		    "\"maildir++\"; nothing was touched",
		    path);
	if (layout == SETTINGS_LAYOUT_MAILDIRPP && !is_plus)
		return imap_error_set(error, IMAP_ERROR_CONFIG,
		    "folder \"%s\" is not laid out as Maildir++: set layout = "
		    "\"nested\"; nothing was touched",
		    path);
	if (strncasecmp(path, "INBOX/.", strlen("INBOX/.")) == 0)
		return imap_error_set(error, IMAP_ERROR_CONFIG,
		    "folder \"%s\" is Maildir++ in INBOX: set layout = "
		    "\"maildir++\" and maildir to that INBOX; nothing was "
		    "touched",
		    path);
	return true;
}

bool
adopt_place(const char *path, enum adopt_tool tool, enum settings_layout layout,
    struct adopt_place *place, struct imap_error *error)
{
	struct span parent = parent_of(path);
	char *whole, *above;
	struct buf box;

	*place = (struct adopt_place){0};
	if (!suits(path, layout, error))
		return false;
	if (path[0] == '\0') {
		place->box = mem_copy_string("INBOX");
		place->path = mem_copy_string("");
		return true;
	}
	whole = path_of(span_of(path), tool, layout);
	above = path_of(parent, tool, layout);
	buf_init(&box, BOX_MAX);
	if (whole != NULL && above != NULL &&
	    add_levels(&box, span_of(path), tool)) {
		place->box = span_to_string(buf_span(&box));
		place->path = has_escape(path) ? mem_copy_string(path)
		    : parent.len == 0 || layout != SETTINGS_LAYOUT_NESTED
		    ? mem_copy_string(whole)
		    : mem_format("%.*s/%s", (int)parent.len, parent.at,
			  whole + strlen(above) + 1);
	}
	buf_free(&box);
	mem_free(whole);
	mem_free(above);
	return place->path != NULL ||
	    imap_error_set(error, IMAP_ERROR_CONFIG,
		"folder \"%s\" has a name that is neither UTF-8 nor modified "
		"UTF-7: rename it; nothing was touched",
		path);
}

void
adopt_place_free(struct adopt_place *place)
{
	place->box = mem_free(place->box);
	place->path = mem_free(place->path);
}
