/*
 * base64: RFC 4648's vectors, and what is not base64.
 */
#include <check.h>
#include <stdlib.h>

#include "libclient/wire/base64.h"

static struct buf out;

static void
set_up(void)
{
	buf_init(&out, 1000);
}

static void
tear_down(void)
{
	buf_free(&out);
}

static const struct {
	const char *bytes;
	const char *text;
} vectors[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};

START_TEST(test_known_answers_both_ways)
{
	ck_assert(base64_encode(span_of(vectors[_i].bytes), &out));
	ck_assert(span_equal(buf_span(&out), span_of(vectors[_i].text)));
	buf_clear(&out);
	ck_assert(base64_decode(span_of(vectors[_i].text), &out));
	ck_assert(span_equal(buf_span(&out), span_of(vectors[_i].bytes)));
}
END_TEST

START_TEST(test_every_byte_comes_back)
{
	char bytes[256];
	struct buf text;

	buf_init(&text, 1000);
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	ck_assert(base64_encode((struct span){bytes, 256}, &text));
	ck_assert(base64_decode(buf_span(&text), &out));
	ck_assert(span_equal(buf_span(&out), (struct span){bytes, 256}));
	buf_free(&text);
}
END_TEST

static const char *const wrong[] = {"A", "AA", "AAA",
    "AAAA=", "====", "A===", "AA=A", "AAA!", "AA==AAAA", " AAA", "AAA\n",
    "AAAA\r\n"};

START_TEST(test_anything_else_is_refused_and_adds_nothing)
{
	ck_assert(buf_add_string(&out, "before"));
	ck_assert(!base64_decode(span_of(wrong[_i]), &out));
	ck_assert(span_equal(buf_span(&out), span_of("before")));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base64");
	TCase *tests = tcase_create("base64");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, test_known_answers_both_ways, 0,
	    sizeof(vectors) / sizeof(*vectors));
	tcase_add_test(tests, test_every_byte_comes_back);
	tcase_add_loop_test(tests,
	    test_anything_else_is_refused_and_adds_nothing, 0,
	    sizeof(wrong) / sizeof(*wrong));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
