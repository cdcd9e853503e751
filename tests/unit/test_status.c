/*
 * daemon/status: the line that people read in systemctl status.
 */
#include <check.h>
#include <stdlib.h>

#include "daemon/status.h"
#include "libclient/base/mem.h"

static const struct {
	struct status status;
	const char *line;
} cases[] = {
    {{0},
	"watching 0 folders by IDLE, 0 by NOTIFY, 0 by polling, 0 being "
	"synced; "
	"0 messages"},
    {{.idling = 12, .notified = 4, .polled = 3, .working = 1, .messages = 5120},
	"watching 12 folders by IDLE, 4 by NOTIFY, 3 by polling, 1 being "
	"synced; "
	"5120 messages"},
    {{.messages = UINT64_C(5000000000), .failing = 2},
	"watching 0 folders by IDLE, 0 by NOTIFY, 0 by polling, 0 being "
	"synced; "
	"5000000000 messages; 2 folders failing"},
    {{.trouble_account = "work", .trouble = "refused"},
	"watching 0 folders by IDLE, 0 by NOTIFY, 0 by polling, 0 being "
	"synced; "
	"0 messages; work: refused"},
};

#define CASES (int)(sizeof(cases) / sizeof(*cases))

START_TEST(test_the_line_says_what_is_there)
{
	char *line = status_line(&cases[_i].status);

	ck_assert_str_eq(line, cases[_i].line);
	mem_free(line);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("status");
	TCase *tests = tcase_create("status");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tests, test_the_line_says_what_is_there, 0, CASES);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
