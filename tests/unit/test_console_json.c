/*
 * daemon/console_json: a reply as one line of JSON.
 */
#include "daemon/console_json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "libclient/base/mem.h"
#include "tests/unit/console_reply.h"

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))
#define LIST                                  \
	"{\"name\":\"LIST\",\"number\":null," \
	"\"data\":[[\"\\\\Noselect\",[]],null,\"a\\\"\\\\b\"]}"
#define FETCH                                                                \
	"{\"name\":\"FETCH\",\"number\":12,\"data\":[[\"UID\",4,\"BODY[]\"," \
	"\"a\\r\\n\\t\\u001b[31m\\u0000\\u007f\\u202e\xc3\xbc\"]]}"
#define STATUS                                              \
	"{\"name\":\"OK\",\"number\":null,\"data\":[],"     \
	"\"code\":\"HIGHESTMODSEQ\",\"arguments\":\"715\"," \
	"\"text\":\"Highest\"}"

START_TEST(test_a_reply_is_one_line)
{
	struct printed printed;

	console_json_reply(printed_open(&printed), "uid fetch", &full_reply);
	ck_assert_str_eq(printed_close(&printed),
	    "{\"command\":\"uid fetch\",\"type\":\"OK\",\"code\":null,"
	    "\"arguments\":null,\"text\":\"done\",\"untagged\":[" LIST "," FETCH
	    "," STATUS "]}\n");
	free(printed.text);
}
END_TEST

START_TEST(test_an_unreadable_line_has_no_command)
{
	static const struct imaplib_reply reply = {
	    .type = IMAPLIB_ERROR, .text = BYTES("column 3: x")};
	struct printed printed;

	console_json_reply(printed_open(&printed), NULL, &reply);
	ck_assert_str_eq(printed_close(&printed),
	    "{\"command\":null,\"type\":\"ERROR\",\"code\":null,"
	    "\"arguments\":null,\"text\":\"column 3: x\",\"untagged\":[]}\n");
	free(printed.text);
}
END_TEST

START_TEST(test_a_code_and_its_arguments)
{
	static const struct imaplib_reply reply = {
	    .type = IMAPLIB_NO,
	    .code = BYTES("APPENDUID"),
	    .arguments = BYTES("1 2"),
	    .text = BYTES(""),
	};
	struct printed printed;

	console_json_reply(printed_open(&printed), "append", &reply);
	ck_assert_str_eq(printed_close(&printed),
	    "{\"command\":\"append\",\"type\":\"NO\",\"code\":\"APPENDUID\","
	    "\"arguments\":\"1 2\",\"text\":\"\",\"untagged\":[]}\n");
	free(printed.text);
}
END_TEST

static const struct {
	struct imaplib_value value;
	const char *json;
} values[] = {
    {ATOM("0", NULL), "0"},
    {ATOM("4294967295", NULL), "4294967295"},
    {ATOM("9007199254740991", NULL), "9007199254740991"},
    /* 2^53 and more would lose digits in a double */
    {ATOM("9007199254740992", NULL), "\"9007199254740992\""},
    {ATOM("99999999999999999999", NULL), "\"99999999999999999999\""},
    {ATOM("007", NULL), "\"007\""},
    {ATOM("-1", NULL), "\"-1\""},
    {ATOM("1:3", NULL), "\"1:3\""},
    {STRING("4", NULL), "\"4\""},
    {STRING("NIL", NULL), "\"NIL\""},
    {STRING("", NULL), "\"\""},
    {STRING("\xf0\x9f\x93\xa7", NULL), "\"\xf0\x9f\x93\xa7\""},
    {STRING("\xc2\x85", NULL), "\"\\u0085\""},
    /* what is not UTF-8 */
    {STRING("\xff", NULL), "{\"base64\":\"/w==\"}"},
    {STRING("a\xff", NULL), "{\"base64\":\"Yf8=\"}"},
    {STRING("a\xff\xfe", NULL), "{\"base64\":\"Yf/+\"}"},
    {STRING("\xed\xa0\x80", NULL), "{\"base64\":\"7aCA\"}"},
    {STRING("Entw\xfcrfe\0", NULL), "{\"base64\":\"RW50d/xyZmUA\"}"},
};

START_TEST(test_a_value)
{
	struct imaplib_untagged untagged = {
	    .name = BYTES("X"), .data = &values[_i].value};
	struct printed printed;
	char *expected =
	    mem_format("{\"name\":\"X\",\"number\":null,\"data\":[%s]}\n",
		values[_i].json);

	console_json_untagged(printed_open(&printed), &untagged);
	ck_assert_str_eq(printed_close(&printed), expected);
	free(printed.text);
	mem_free(expected);
}
END_TEST

START_TEST(test_a_burst_is_one_array)
{
	struct imaplib_untagged second = exists_response;
	struct imaplib_untagged first = exists_response;
	struct imaplib_reply reply = {.untagged = &first, .count = 2};
	struct printed printed;

	first.next = &second;
	second.number = 4;
	console_json_burst(printed_open(&printed), &reply);
	ck_assert_str_eq(printed_close(&printed),
	    "[{\"name\":\"EXISTS\",\"number\":3,\"data\":[]},"
	    "{\"name\":\"EXISTS\",\"number\":4,\"data\":[]}]\n");
	free(printed.text);
}
END_TEST

START_TEST(test_nesting_costs_no_stack)
{
	enum { DEPTH = 200000 };
	struct imaplib_value *lists = mem_alloc(DEPTH * sizeof(*lists));
	struct imaplib_untagged untagged = {.name = BYTES("X"), .data = lists};
	struct printed printed;

	for (size_t i = 0; i < DEPTH; i++) {
		lists[i].kind = IMAPLIB_LIST;
		lists[i].first = i + 1 < DEPTH ? &lists[i + 1] : NULL;
	}
	console_json_untagged(printed_open(&printed), &untagged);
	ck_assert_uint_eq(strlen(printed_close(&printed)),
	    strlen("{\"name\":\"X\",\"number\":null,\"data\":[]}\n") +
		2 * (size_t)DEPTH);
	free(printed.text);
	mem_free(lists);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("console_json");
	TCase *tests = tcase_create("console_json");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, test_a_reply_is_one_line);
	tcase_add_test(tests, test_an_unreadable_line_has_no_command);
	tcase_add_test(tests, test_a_code_and_its_arguments);
	tcase_add_loop_test(tests, test_a_value, 0, COUNT(values));
	tcase_add_test(tests, test_a_burst_is_one_array);
	tcase_add_test(tests, test_nesting_costs_no_stack);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
