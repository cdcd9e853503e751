/*
 * What the tests of daemon/compare share: a disk, a comparison and its rules.
 */
#ifndef TESTS_UNIT_COMPARE_HELPERS_H
#define TESTS_UNIT_COMPARE_HELPERS_H

#include <check.h>
#include <stdlib.h>

#include "daemon/compare.h"

static struct index disk;
static struct compare compare;
static struct compare_rules rules;

static inline void
set_up(void)
{
	disk = (struct index){0};
	compare = (struct compare){0};
	rules = (struct compare_rules){.exists = 0};
	compare_begin(&compare, &disk);
}

static inline void
tear_down(void)
{
	compare_free(&compare);
	index_free(&disk);
}

static inline void
put(uint32_t uid, uint32_t flags)
{
	struct index_entry entry = {.uid = uid, .flags = flags};

	index_put(&disk, &entry);
}

#endif
