/*
 * What conf/vault.h promises: a secret is there for its owner alone, and gone
 * when it is dropped.
 */
#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/vault.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const size_t lengths[] = {0, 1, 30, 4095, 4096, 65536};

static char *
keep(size_t length)
{
	char *secret = malloc(length + 1);
	char *kept;

	memset(secret, 's', length);
	secret[length] = '\0';
	kept = vault_keep(secret);
	ck_assert_ptr_ne(kept, secret);
	ck_assert_str_eq(kept, secret);
	free(secret);
	return kept;
}

START_TEST(test_a_secret_of_any_length_is_copied_and_unmapped_when_dropped)
{
	size_t length = lengths[_i];
	char *kept = keep(length);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *last = kept + length / page * page;
	unsigned char state;

	ck_assert_int_eq(mincore(last, page, &state), 0);
	ck_assert_ptr_null(vault_drop(kept));
	ck_assert_int_eq(mincore(kept, page, &state), -1);
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_int_eq(mincore(last, page, &state), -1);
	ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

START_TEST(test_a_child_finds_nothing)
{
	char *kept = keep(4096);
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(kept[0] == '\0' && kept[4096] == '\0' ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(kept[0], 's');
	(void)vault_drop(kept);
}
END_TEST

/* The kernel's flags of the area that begins there, as proc(5) has them. */
static void
read_flags(const char *kept, char *flags, size_t size)
{
	FILE *areas = fopen("/proc/self/smaps", "r");
	char line[512];
	bool is_there = false;
	uintptr_t begin;
	char *end;

	flags[0] = '\0';
	ck_assert_ptr_nonnull(areas);
	while (fgets(line, sizeof(line), areas) != NULL) {
		begin = strtoul(line, &end, 16);
		if (*end == '-')
			is_there = begin == (uintptr_t)kept;
		if (is_there && strncmp(line, "VmFlags:", 8) == 0)
			(void)snprintf(flags, size, "%s", line);
	}
	(void)fclose(areas);
}

START_TEST(test_no_core_dump_has_it)
{
	char *kept = keep(30);
	char flags[512];

	read_flags(kept, flags, sizeof(flags));
	ck_assert_msg(strstr(flags, " dd") != NULL, "flags: %s", flags);
	(void)vault_drop(kept);
}
END_TEST

START_TEST(test_nothing_can_be_dropped)
{
	ck_assert_ptr_null(vault_drop(NULL));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("vault");
	Suite *suite = suite_create("vault");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests,
	    test_a_secret_of_any_length_is_copied_and_unmapped_when_dropped, 0,
	    LENGTH(lengths));
	tcase_add_test(tests, test_a_child_finds_nothing);
	tcase_add_test(tests, test_no_core_dump_has_it);
	tcase_add_test(tests, test_nothing_can_be_dropped);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
