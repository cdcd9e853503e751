/*
 * INI files: "key = value" or "key: value", values that go on in indented
 * lines, comments in lines of their own, %(option)s.
 */
#include "daemon/import_ini.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "libclient/base/mem.h"

#define VALUE_MAX    ((size_t)1 << 20)
#define EXPANDED_MAX ((size_t)1 << 20) /* all options of a section */
#define DEPTH_MAX    10 /* Python's */

/* One file while it is read. */
struct reading {
	struct import *import;
	struct import_sections *sections;
	int line;
	size_t section; /* its place, from 1; 0: none yet */
	size_t indent; /* of the last option */
	bool is_in_value;
	struct buf more; /* lines of that option behind its first */
};

static struct span
trim(struct span text)
{
	while (text.len > 0 && isspace((unsigned char)text.at[0]))
		text = span_from(text, 1);
	while (text.len > 0 && isspace((unsigned char)text.at[text.len - 1]))
		text.len--;
	return text;
}

static struct import_section *
current(const struct reading *reading)
{
	return &reading->sections->items[reading->section - 1];
}

/* Gives the last option the lines that its value goes on in. */
static void
end_value(struct reading *reading)
{
	struct import_section *section;
	struct import_option *option;
	char *value;

	reading->is_in_value = false;
	if (buf_len(&reading->more) == 0)
		return;
	section = current(reading);
	option = &section->options[section->count - 1];
	value = option->words[0];
	option->words[0] = mem_format("%s%.*s", value,
	    (int)buf_len(&reading->more), buf_span(&reading->more).at);
	mem_free_secret(value);
	buf_clear(&reading->more);
}

static bool
begin_section(struct reading *reading, struct span text)
{
	struct import_sections *sections = reading->sections;
	const char *end = memchr(text.at, ']', text.len);
	const struct import_section *old;
	char *name;

	if (end == NULL)
		return import_refuse(reading->import, reading->line,
		    "\"]\" is missing behind a section's name");
	name = span_to_string(
	    (struct span){text.at + 1, (size_t)(end - text.at) - 1});
	old = import_sections_find(sections, "", name);
	if (old != NULL) {
		import_warn_all(reading->import, reading->line,
		    "[%s] stands there twice; here both count", name);
		reading->section = (size_t)(old - sections->items) + 1;
	} else {
		(void)import_sections_add(sections, "", name, reading->line);
		reading->section = sections->count;
	}
	mem_free(name);
	return true;
}

static bool
add_option(struct reading *reading, struct span text)
{
	struct import_option *option;
	size_t len = 0;
	char *key;

	while (len < text.len && strchr("=:", text.at[len]) == NULL)
		len++;
	if (len == text.len || len == 0)
		return import_refuse(reading->import, reading->line,
		    "this is neither [section] nor option = value");
	key = span_to_string(trim((struct span){text.at, len}));
	for (char *c = key; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (import_section_find(current(reading), key) != NULL)
		import_warn_all(reading->import, reading->line,
		    "%s stands there twice; the last one counts", key);
	option = import_section_add(current(reading), key, reading->line);
	import_option_add(option, trim(span_from(text, len + 1)));
	reading->is_in_value = true;
	mem_free(key);
	return true;
}

static bool
read_line(struct reading *reading, struct span line)
{
	struct span text = trim(line);
	size_t indent = (size_t)(text.at - line.at);

	if (text.len == 0 || text.at[0] == '#' || text.at[0] == ';')
		return true;
	if (reading->is_in_value && indent > reading->indent) {
		(void)buf_add_string(&reading->more, "\n");
		(void)buf_add_span(&reading->more, text);
		return true;
	}
	end_value(reading);
	reading->indent = indent;
	if (text.at[0] == '[')
		return begin_section(reading, text);
	if (reading->section == 0)
		return import_refuse(reading->import, reading->line,
		    "an option stands in front of the first [section]");
	return add_option(reading, text);
}

bool
import_ini_parse(
    struct import *import, const char *text, struct import_sections *sections)
{
	struct reading reading = {.import = import, .sections = sections};
	bool is_good = true;

	buf_init(&reading.more, VALUE_MAX);
	while (*text != '\0' && is_good) {
		size_t len = strcspn(text, "\n");

		reading.line++;
		is_good = read_line(&reading, (struct span){text, len});
		text += len + (text[len] == '\n');
	}
	end_value(&reading);
	buf_free_secret(&reading.more);
	return is_good;
}

/* ---- %(option)s ---- */

/* Options of a section that is expanded. */
struct expansion {
	struct import *import;
	const struct import_section *section;
	const struct import_section *defaults;
	int line;
	size_t size; /* of all options so far */
};

static bool expand(const struct expansion *expansion, const char *text,
    int depth, struct buf *out);

static bool
expand_name(const struct expansion *expansion, struct span span, int depth,
    struct buf *out)
{
	char *name = span_to_string(span);
	const struct import_option *option =
	    import_section_find(expansion->section, name);
	bool is_good = false;

	if (option == NULL)
		option = import_section_find(expansion->defaults, name);
	if (option == NULL)
		(void)import_refuse(expansion->import, expansion->line,
		    "there is no option %s for %%(%s)s", name, name);
	else if (depth == DEPTH_MAX)
		(void)import_refuse(expansion->import, expansion->line,
		    "%%(%s)s contains itself", name);
	else
		is_good = expand(expansion, option->words[0], depth + 1, out);
	mem_free(name);
	return is_good;
}

static bool
expand(const struct expansion *expansion, const char *text, int depth,
    struct buf *out)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "%");
		const char *end;

		if (!buf_add(out, text, len))
			return import_refuse(expansion->import, expansion->line,
			    "with all %%(option)s its section becomes longer "
			    "than 1 MiB");
		text += len;
		if (*text == '\0')
			return true;
		if (text[1] == '%') {
			(void)buf_add_string(out, "%");
			text += 2;
			continue;
		}
		end = strstr(text, ")s");
		if (text[1] != '(' || end == NULL)
			return import_refuse(expansion->import, expansion->line,
			    "\"%%\" has to be written \"%%%%\", if it is not "
			    "%%(option)s");
		if (!expand_name(expansion,
			(struct span){text + 2, (size_t)(end - text) - 2},
			depth, out))
			return false;
		text = end + 2;
	}
	return true;
}

static bool
expand_options(struct expansion *expansion,
    const struct import_section *options, struct import_section *out)
{
	for (uint32_t i = 0; i < options->count; i++) {
		const struct import_option *option = &options->options[i];
		struct import_option *copy;
		struct buf value;
		bool is_good;

		if (import_section_find(options, option->key) != option)
			continue;
		buf_init(&value, EXPANDED_MAX - expansion->size);
		expansion->line = option->line;
		is_good = expand(expansion, option->words[0], 0, &value);
		expansion->size += buf_len(&value);
		copy = import_section_add(out, option->key, option->line);
		import_option_add(copy, buf_span(&value));
		buf_free_secret(&value);
		if (!is_good)
			return false;
	}
	return true;
}

bool
import_ini_expand(struct import *import, const struct import_sections *sections,
    const char *name, struct import_sections *out)
{
	static const struct import_section none = {0};
	const struct import_section *defaults =
	    import_sections_find(sections, "", "DEFAULT");
	const struct import_section *section =
	    import_sections_find(sections, "", name);
	struct expansion expansion = {.import = import,
	    .section = section == NULL ? &none : section,
	    .defaults = defaults == NULL ? &none : defaults};
	struct import_section *copy = import_sections_add(
	    out, "", name, section == NULL ? 1 : section->line);

	return expand_options(&expansion, expansion.defaults, copy) &&
	    expand_options(&expansion, expansion.section, copy);
}
