/*
 * Secrets on pages of their own. Whoever has the pointer may read them like any
 * string; the length is found by the NUL.
 */
#include "conf/vault.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What the secret takes, in whole pages. */
static size_t
room_for(const char *secret)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (strlen(secret) / page + 1) * page;
}

char *
vault_keep(const char *secret)
{
	size_t size = room_for(secret);
	char *kept = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (kept == MAP_FAILED)
		abort();
	/* a kernel may lack one of them; the others still hold */
	(void)madvise(kept, size, MADV_DONTDUMP);
	(void)madvise(kept, size, MADV_WIPEONFORK);
	(void)mlock(kept, size);
	return memcpy(kept, secret, strlen(secret) + 1);
}

char *
vault_drop(char *secret)
{
	size_t size;

	if (secret == NULL)
		return NULL;
	size = room_for(secret);
	explicit_bzero(secret, size);
	(void)munmap(secret, size);
	return NULL;
}
