/*
 * A configuration of sections with options, as it was read.
 */
#include "daemon/import_sections.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "libclient/base/mem.h"

/* FNV-1a, of which the case does not count: most of what is not looked for is
 * passed over without a comparison. */
static uint32_t
hash_of(const char *text)
{
	uint32_t hash = UINT32_C(2166136261);

	for (; *text != '\0'; text++)
		hash = (hash ^ (uint32_t)tolower((unsigned char)*text)) *
		    UINT32_C(16777619);
	return hash;
}

struct import_section *
import_sections_add(struct import_sections *sections, const char *kind,
    const char *name, int line)
{
	struct import_section *section;

	sections->items = mem_resize(
	    sections->items, sections->count + 1, sizeof(*sections->items));
	section = &sections->items[sections->count++];
	*section = (struct import_section){
	    .kind = mem_copy_string(kind),
	    .name = mem_copy_string(name),
	    .line = line,
	    .hash = hash_of(name),
	};
	return section;
}

struct import_option *
import_section_add(struct import_section *section, const char *key, int line)
{
	struct import_option *option;

	section->options = mem_resize(
	    section->options, section->count + 1, sizeof(*section->options));
	option = &section->options[section->count++];
	*option = (struct import_option){
	    .key = mem_copy_string(key),
	    .hash = hash_of(key),
	    .line = line,
	};
	return option;
}

void
import_option_add(struct import_option *option, struct span word)
{
	option->words = mem_resize(
	    (void *)option->words, option->count + 1, sizeof(*option->words));
	option->words[option->count++] = span_to_string(word);
}

static void
free_section(struct import_section *section)
{
	for (uint32_t i = 0; i < section->count; i++) {
		struct import_option *option = &section->options[i];

		for (uint32_t word = 0; word < option->count; word++)
			mem_free_secret(option->words[word]);
		mem_free((void *)option->words);
		mem_free(option->key);
	}
	mem_free(section->options);
	mem_free(section->kind);
	mem_free(section->name);
}

void
import_sections_free(struct import_sections *sections)
{
	for (uint32_t i = 0; i < sections->count; i++)
		free_section(&sections->items[i]);
	sections->items = mem_free(sections->items);
	sections->count = 0;
}

const struct import_section *
import_sections_find(
    const struct import_sections *sections, const char *kind, const char *name)
{
	uint32_t hash = hash_of(name);

	for (uint32_t i = 0; i < sections->count; i++)
		if (sections->items[i].hash == hash &&
		    strcasecmp(sections->items[i].kind, kind) == 0 &&
		    strcmp(sections->items[i].name, name) == 0)
			return &sections->items[i];
	return NULL;
}

const struct import_option *
import_section_find(const struct import_section *section, const char *key)
{
	uint32_t hash = hash_of(key);

	for (uint32_t i = section == NULL ? 0 : section->count; i > 0; i--)
		if (section->options[i - 1].hash == hash &&
		    strcasecmp(section->options[i - 1].key, key) == 0)
			return &section->options[i - 1];
	return NULL;
}

const char *
import_section_text(const struct import_section *section, const char *key)
{
	const struct import_option *option = import_section_find(section, key);

	return option == NULL ? NULL : option->words[0];
}
