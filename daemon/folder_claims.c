/*
 * A list of claims, grown as a scan finds them.
 */
#include "daemon/folder_claims.h"

#include <stdlib.h>

#include "libclient/base/mem.h"

void
folder_claims_add(struct folder_claims *claims, const struct maildir_file *file)
{
	if (claims->count == claims->size) {
		claims->size = claims->size * 2 + 8;
		claims->items = mem_resize(
		    claims->items, claims->size, sizeof(*claims->items));
	}
	if (claims->sorted == claims->count &&
	    (claims->count == 0 ||
		claims->items[claims->count - 1].message.uid <
		    file->message.uid))
		claims->sorted++;
	claims->items[claims->count++] = (struct folder_claim){
	    .name = mem_copy_string(file->name),
	    .is_new = file->is_new,
	    .message = file->message,
	};
}

void
folder_claims_add_dated(struct folder_claims *claims,
    const struct maildir_message *message, int64_t date_here)
{
	folder_claims_add(claims, &(struct maildir_file){.message = *message});
	claims->items[claims->count - 1].date_here = date_here;
}

void
folder_claims_free(struct folder_claims *claims)
{
	for (uint32_t i = 0; i < claims->count; i++)
		mem_free(claims->items[i].name);
	mem_free(claims->items);
	*claims = (struct folder_claims){0};
}

static int
compare_uids(const void *a, const void *b)
{
	uint32_t left = ((const struct folder_claim *)a)->message.uid;
	uint32_t right = ((const struct folder_claim *)b)->message.uid;

	return left < right ? -1 : left > right;
}

void
folder_claims_sort(struct folder_claims *claims)
{
	if (claims->count > 1)
		qsort(claims->items, claims->count, sizeof(*claims->items),
		    compare_uids);
	claims->sorted = claims->count;
}

struct folder_claim *
folder_claims_find(const struct folder_claims *claims, uint32_t uid)
{
	struct folder_claim key = {.message = {.uid = uid}};
	struct folder_claim *found = claims->sorted == 0
	    ? NULL
	    : bsearch(&key, claims->items, claims->sorted,
		  sizeof(*claims->items), compare_uids);

	for (uint32_t i = claims->sorted; found == NULL && i < claims->count;
	     i++)
		if (claims->items[i].message.uid == uid)
			found = &claims->items[i];
	return found;
}
