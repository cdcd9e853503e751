/*
 * A list of claims, grown as a scan finds them.
 */
#include "daemon/folder_claims.h"

#include "libclient/base/mem.h"

void
folder_claims_add(struct folder_claims *claims, const struct maildir_file *file)
{
	if (claims->count == claims->size) {
		claims->size = claims->size * 2 + 8;
		claims->items = mem_resize(
		    claims->items, claims->size, sizeof(*claims->items));
	}
	claims->items[claims->count++] = (struct folder_claim){
	    .name = mem_copy_string(file->name),
	    .is_new = file->is_new,
	    .message = file->message,
	};
}

void
folder_claims_free(struct folder_claims *claims)
{
	for (uint32_t i = 0; i < claims->count; i++)
		mem_free(claims->items[i].name);
	mem_free(claims->items);
	*claims = (struct folder_claims){0};
}
