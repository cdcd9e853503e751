/*
 * libconfig copies the text of a file, and each string, several times and has
 * no hook for its memory. The C library can overwrite what is freed
 * (M_PERTURB), all but the few small blocks that it keeps for the thread: those
 * are taken once more, and wiped.
 */
#include "conf/scrub.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__

#define SMALLEST 24 /* bytes that a block has */
#define LARGEST	 1032 /* of those that a thread keeps */
#define STEP	 16
#define KEPT	 7 /* of each size */

#define PATTERN 0x55

static void
wash_blocks(size_t size)
{
	char *blocks[KEPT];

	for (size_t i = 0; i < KEPT; i++) {
		blocks[i] = malloc(size);
		if (blocks[i] != NULL)
			explicit_bzero(blocks[i], size);
	}
	for (size_t i = 0; i < KEPT; i++)
		free(blocks[i]);
}

void
scrub_begin(void)
{
	(void)mallopt(M_PERTURB, PATTERN);
}

void
scrub_end(void)
{
	for (size_t size = SMALLEST; size <= LARGEST; size += STEP)
		wash_blocks(size);
	(void)mallopt(M_PERTURB, 0);
}

#else

void
scrub_begin(void)
{
}

void
scrub_end(void)
{
}

#endif
