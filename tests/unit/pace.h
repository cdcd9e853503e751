/*
 * For tests that try very many cases, one after the other: where each takes
 * long (valgrind), one in $TEST_PACE is tried.
 */
#ifndef TESTS_UNIT_PACE_H
#define TESTS_UNIT_PACE_H

#include <stdlib.h>

/* 1, or how many cases are passed over at a time. */
static inline int
pace(void)
{
	const char *text = getenv("TEST_PACE");
	int step = text == NULL ? 1 : atoi(text);

	return step < 1 ? 1 : step;
}

#endif
