/*
 * What conf/scrub.h promises, with the C library's own memory and not a
 * sanitiser's: what was freed between the two calls is found nowhere.
 */
#include "conf/scrub.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/run_case.h"

#define LARGEST ((size_t)5000)

static const char word[] = "qvoo-hlsrj-dbqu-ml-";

/* How often the word stands in the heap. */
static size_t
count_in_heap(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t begin = 0, end = 0, count = 0;
	char line[200];
	char *copy, *at;
	int memory;

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, "[heap]") != NULL) {
			begin = strtoul(line, &at, 16);
			end = strtoul(at + 1, NULL, 16);
		}
	(void)fclose(maps);
	ck_assert_uint_lt(begin, end);
	copy = mmap(NULL, end - begin, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(copy, MAP_FAILED);
	memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(pread(memory, copy, end - begin, (off_t)begin),
	    (ssize_t)(end - begin));
	(void)close(memory);
	for (at = copy; (at = memmem(at, end - begin - (size_t)(at - copy),
			     word, sizeof(word) - 1)) != NULL;
	     at++)
		count++;
	(void)munmap(copy, end - begin);
	return count;
}

/* The word, over and over, in as many bytes. */
static void
fill(char *block, size_t size)
{
	for (size_t i = 0; i < size; i++)
		block[i] = word[i % (sizeof(word) - 1)];
}

/* As a library does that reads a file: blocks of all sizes, two of each. */
static void
use_memory(void)
{
	char *blocks[2 * LARGEST / 16];
	size_t count = 0;

	for (size_t size = 24; size < LARGEST; size += 32, count += 2)
		for (size_t i = 0; i < 2; i++) {
			blocks[count + i] = malloc(size);
			fill(blocks[count + i], size);
		}
	while (count-- > 0)
		free(blocks[count]);
}

/* ... and a text that grows, and leaves copies behind. */
static void
use_growing_memory(void)
{
	char *text = NULL;

	for (size_t size = 100; size < 20 * LARGEST; size += size / 2) {
		char *beside = malloc(40);

		text = realloc(text, size);
		fill(text, size);
		free(beside);
	}
	free(text);
}

START_TEST(test_what_was_freed_between_the_calls_is_gone)
{
	scrub_begin();
	use_memory();
	use_growing_memory();
	scrub_end();
	ck_assert_uint_eq(count_in_heap(), 0);
}
END_TEST

START_TEST(test_it_is_gone_again_the_next_time)
{
	for (int i = 0; i < 3; i++) {
		scrub_begin();
		use_memory();
		scrub_end();
	}
	ck_assert_uint_eq(count_in_heap(), 0);
}
END_TEST

START_TEST(test_what_is_in_use_is_left_alone)
{
	char *block = malloc(LARGEST);
	char expected[LARGEST];

	fill(expected, LARGEST);
	fill(block, LARGEST);
	scrub_begin();
	use_memory();
	scrub_end();
	ck_assert_mem_eq(block, expected, LARGEST);
	memset(block, 0, LARGEST);
	free(block);
	ck_assert_uint_eq(count_in_heap(), 0);
}
END_TEST

/* Last: it leaves the word behind. */
START_TEST(test_without_it_all_would_be_found)
{
	scrub_begin();
	scrub_end();
	use_memory();
	ck_assert_uint_gt(count_in_heap(), 100);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("scrub");

	tcase_add_test(tests, test_what_was_freed_between_the_calls_is_gone);
	tcase_add_test(tests, test_it_is_gone_again_the_next_time);
	tcase_add_test(tests, test_what_is_in_use_is_left_alone);
	tcase_add_test(tests, test_without_it_all_would_be_found);
	return run_case("scrub", tests);
}
