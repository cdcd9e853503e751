/*
 * The walk over values, and the characters that are shown as they are.
 */
#include "daemon/console_value.h"

#include "libclient/base/mem.h"

static void
enter(struct console_walk *walk, const struct imaplib_value *list)
{
	if (walk->depth == walk->size) {
		walk->size = walk->size == 0 ? 8 : walk->size * 2;
		walk->lists =
		    mem_resize(walk->lists, walk->size, sizeof(void *));
	}
	walk->lists[walk->depth++] = list;
	walk->next = list->first;
	walk->is_first = true;
}

enum console_step
console_walk_step(struct console_walk *walk, const struct imaplib_value **value,
    bool *is_first)
{
	const struct imaplib_value *next = walk->next;

	if (next == NULL && walk->depth == 0) {
		walk->lists = mem_free(walk->lists);
		walk->size = 0;
		return CONSOLE_STEP_END;
	}
	if (next == NULL) {
		walk->next = walk->lists[--walk->depth]->next;
		walk->is_first = false;
		return CONSOLE_STEP_CLOSE;
	}
	*value = next;
	*is_first = walk->is_first;
	if (next->kind == IMAPLIB_LIST) {
		enter(walk, next);
		return CONSOLE_STEP_OPEN;
	}
	walk->next = next->next;
	walk->is_first = false;
	return CONSOLE_STEP_VALUE;
}

bool
console_value_is_plain(uint32_t code)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} hidden[] = {
	    {0x00, 0x1f},
	    {0x7f, 0x9f}, /* DEL and C1 */
	    {0x061c, 0x061c},
	    {0x200e, 0x200f}, /* direction marks */
	    {0x2028, 0x202e}, /* separators, embeddings and overrides */
	    {0x2066, 0x2069}, /* isolates */
	    {0xfeff, 0xfeff},
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (code >= hidden[i].first && code <= hidden[i].last)
			return false;
	return true;
}
