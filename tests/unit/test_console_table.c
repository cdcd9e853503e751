/*
 * daemon/console_table: every command of imaplib is there, and the table holds
 * together.
 */
#include "daemon/console_table.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

/* imaplib's methods, module functions that make sense here, and what it does
 * by xatom() or uid() alone. */
static const char *const names[] = {
    "append",
    "authenticate",
    "capability",
    "check",
    "close",
    "copy",
    "create",
    "debug",
    "delete",
    "deleteacl",
    "enable",
    "examine",
    "expunge",
    "fetch",
    "getacl",
    "getannotation",
    "getquota",
    "getquotaroot",
    "id",
    "idle",
    "list",
    "login",
    "login_cram_md5",
    "login_plain",
    "logout",
    "lsub",
    "move",
    "myrights",
    "namespace",
    "noop",
    "partial",
    "print_log",
    "proxyauth",
    "recent",
    "rename",
    "response",
    "search",
    "select",
    "setacl",
    "setannotation",
    "setquota",
    "shutdown",
    "sort",
    "starttls",
    "status",
    "store",
    "subscribe",
    "thread",
    "uid",
    "unselect",
    "unsubscribe",
    "xatom",
    "Internaldate2tuple",
    "Time2Internaldate",
    "Int2AP",
    "ParseFlags",
    "compress",
    "getmetadata",
    "listrights",
    "notify",
    "setmetadata",
    "unauthenticate",
    "help",
    "quit",
};

START_TEST(test_a_name_of_imaplib_is_a_command)
{
	ck_assert_ptr_nonnull(console_table_find(span_of(names[_i])));
}
END_TEST

START_TEST(test_names_have_no_case_and_no_prefixes)
{
	ck_assert_ptr_eq(console_table_find(span_of("FETCH")),
	    console_table_find(span_of("fetch")));
	ck_assert_ptr_null(console_table_find(span_of("fetc")));
	ck_assert_ptr_null(console_table_find(span_of("")));
}
END_TEST

START_TEST(test_every_row_is_complete)
{
	for (const struct console_command *row = console_table;
	     row->name != NULL; row++) {
		int ways = (row->none != NULL) + (row->one != NULL) +
		    (row->two != NULL) + (row->three != NULL) +
		    (row->run != NULL);

		ck_assert_ptr_eq(console_table_find(span_of(row->name)), row);
		ck_assert_int_eq(ways, 1);
		ck_assert_uint_le(row->min, row->max);
		ck_assert_uint_gt(strlen(row->help), 0);
		ck_assert((row->max == 0) == (strlen(row->words) == 0));
	}
}
END_TEST

static const char *const uid_names[] = {"fetch", "store", "copy", "move",
    "expunge", "search", "sort", "thread", "partial"};

START_TEST(test_commands_on_messages_have_a_uid_form)
{
	ck_assert(console_table_find(span_of(uid_names[_i]))->has_uid);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("console_table");
	TCase *tests = tcase_create("console_table");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
	    tests, test_a_name_of_imaplib_is_a_command, 0, COUNT(names));
	tcase_add_test(tests, test_names_have_no_case_and_no_prefixes);
	tcase_add_test(tests, test_every_row_is_complete);
	tcase_add_loop_test(tests, test_commands_on_messages_have_a_uid_form, 0,
	    COUNT(uid_names));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
