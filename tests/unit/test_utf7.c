/*
 * What libclient/wire/utf7.h promises: mailbox names in modified UTF-7, in
 * the canonical form only.
 */
#include <check.h>
#include <stdlib.h>

#include "libclient/wire/utf7.h"
#include "tests/unit/pace.h"

static const struct {
	const char *utf7;
	const char *utf8;
} names[] = {
    {"", ""},
    {"INBOX", "INBOX"},
    {" !~%*\"\\/.#", " !~%*\"\\/.#"},
    {"&-", "&"},
    {"&-&-", "&&"},
    {"A&-B", "A&B"},
    {"-", "-"},
    {"Entw&APw-rfe", "Entw\xc3\xbcrfe"},
    {"&AOk-", "\xc3\xa9"},
    {"&AOkA6Q-", "\xc3\xa9\xc3\xa9"},
    {"&AOkA6QDp-", "\xc3\xa9\xc3\xa9\xc3\xa9"},
    {"&AOk--", "\xc3\xa9-"},
    {"&AOk-&-", "\xc3\xa9&"},
    {"&-&AOk-", "&\xc3\xa9"},
    {"&AOk-x&AOk-", "\xc3\xa9x\xc3\xa9"},
    /* RFC 3501 section 5.1.3 */
    {"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
	"~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/"
	"\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
    /* Gmail's Russian folder of sent mail */
    {"[Gmail]/&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-",
	"[Gmail]/\xd0\x9e\xd1\x82\xd0\xbf\xd1\x80\xd0\xb0\xd0\xb2\xd0\xbb"
	"\xd0\xb5\xd0\xbd\xd0\xbd\xd1\x8b\xd0\xb5"},
    /* control characters are legal, but only encoded */
    {"a&AAE-z", "a\x01z"},
    {"&AAk-", "\t"},
    {"&AH8-", "\x7f"},
    {"&AIA-", "\xc2\x80"},
    /* the ends of the planes */
    {"&B,8-", "\xdf\xbf"},
    {"&CAA-", "\xe0\xa0\x80"},
    {"&1,,gAA-", "\xed\x9f\xbf\xee\x80\x80"},
    {"&,,8-", "\xef\xbf\xbf"},
    {"&2ADcAA-", "\xf0\x90\x80\x80"},
    {"&2,,f,w-", "\xf4\x8f\xbf\xbf"},
    {"&2D3c5w-", "\xf0\x9f\x93\xa7"},
    {"&2D3c59g93Oc-", "\xf0\x9f\x93\xa7\xf0\x9f\x93\xa7"},
};

START_TEST(test_utf7_decode)
{
	struct buf out;

	buf_init(&out, 1000);
	ck_assert(buf_add_string(&out, "kept "));
	ck_assert(utf7_decode(span_of(names[_i].utf7), &out));
	buf_consume(&out, 5);
	ck_assert(span_equal(buf_span(&out), span_of(names[_i].utf8)));
	buf_free(&out);
}
END_TEST

START_TEST(test_utf7_encode)
{
	struct buf out;

	buf_init(&out, 1000);
	ck_assert(buf_add_string(&out, "kept "));
	ck_assert(utf7_encode(span_of(names[_i].utf8), &out));
	buf_consume(&out, 5);
	ck_assert_msg(span_equal(buf_span(&out), span_of(names[_i].utf7)),
	    "is %.*s", (int)buf_len(&out), buf_span(&out).at);
	buf_free(&out);
}
END_TEST

static const struct {
	const char *name;
	const char *fault;
} undecodable[] = {
    {"caf\xc3\xa9", "8-bit"},
    {"\xff", "8-bit"},
    {"a\tb", "control"},
    {"a\r\nb", "control"},
    {"\x7f", "control"},
    {"&", "not ended"},
    {"a&AOk", "not ended"},
    {"&AOk b", "not ended"},
    {"&A-", "no whole unit"},
    {"&AO-", "no whole unit"},
    {"&AOl-", "padding not zero"},
    {"&AOkA6R-", "padding not zero"},
    {"&AOkA-", "a digit too many"},
    {"&AOkAAA-", "an encoded NUL"},
    {"&AAA-", "an encoded NUL"},
    {"&AOk=-", "not base64"},
    {"&AO k-", "not base64"},
    {"&U/BTFw-", "not base64: / is a comma here"},
    {"&&AOk--", "not base64"},
    {"&AGE-", "an encoded a"},
    {"&AOkAYQ-", "an encoded a"},
    {"&ACY-", "an encoded &"},
    {"&ACA-", "an encoded space"},
    {"&AH4-", "an encoded ~"},
    {"&AOk-&AOk-", "adjacent shifts"},
    {"&2D0-", "high surrogate alone"},
    {"&3Oc-", "low surrogate alone"},
    {"&2D3YPQ-", "two high surrogates"},
    {"&3OfYPQ-", "surrogates swapped"},
    {"&2D0A6Q-", "high surrogate and a letter"},
    {"&2D0-&3Oc-", "a pair torn apart"},
};

START_TEST(test_utf7_decode_refuses)
{
	struct buf out;

	buf_init(&out, 1000);
	ck_assert(buf_add_string(&out, "kept"));
	ck_assert_msg(!utf7_decode(span_of(undecodable[_i].name), &out), "%s",
	    undecodable[_i].fault);
	ck_assert(span_equal(buf_span(&out), span_of("kept")));
	buf_free(&out);
}
END_TEST

static const char *const unencodable[] = {
    "\x80",
    "caf\xe9",
    "x\xc3",
    "\xc0\xaf",
    "\xe0\x80\xaf",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\xc3\xa9\xff",
};

START_TEST(test_utf7_encode_refuses_what_is_not_utf8)
{
	struct buf out;

	buf_init(&out, 1000);
	ck_assert(buf_add_string(&out, "kept"));
	ck_assert(!utf7_encode(span_of(unencodable[_i]), &out));
	ck_assert(!utf7_is_utf8(span_of(unencodable[_i])));
	ck_assert(span_equal(buf_span(&out), span_of("kept")));
	buf_free(&out);
}
END_TEST

START_TEST(test_utf7_refuses_nul)
{
	struct span name = {"a\0b", 3};
	struct buf out;

	buf_init(&out, 1000);
	ck_assert(!utf7_encode(name, &out));
	ck_assert(!utf7_decode(name, &out));
	ck_assert(!utf7_is_utf8(name));
	ck_assert_uint_eq(buf_len(&out), 0);
	buf_free(&out);
}
END_TEST

START_TEST(test_utf7_leaves_out_as_it_was_when_the_cap_is_passed)
{
	struct buf out;

	buf_init(&out, 8);
	ck_assert(buf_add_string(&out, "1234"));
	ck_assert(!utf7_encode(span_of("\xc3\xa9"), &out)); /* &AOk- */
	ck_assert(!utf7_decode(span_of("ab&2D3c5w-"), &out));
	ck_assert(span_equal(buf_span(&out), span_of("1234")));
	ck_assert(utf7_decode(span_of("&2D3c5w-"), &out));
	ck_assert_uint_eq(buf_len(&out), 8);
	buf_free(&out);
}
END_TEST

START_TEST(test_utf7_is_utf8)
{
	ck_assert(utf7_is_utf8(span_of("")));
	ck_assert(utf7_is_utf8(span_of("plain \x01")));
	ck_assert(
	    utf7_is_utf8(span_of("\xc3\xa9\xe2\x82\xac\xf0\x9f\x93\xa7")));
	ck_assert(!utf7_is_utf8(span_of("\xe2\x82")));
}
END_TEST

/* Any character survives, beside any other. */
START_TEST(test_utf7_decodes_what_it_encodes)
{
	static const char *const pieces[] = {"a", "&", "-", ",", "\t", "\x7f",
	    "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\xa7", "/", " "};
	struct buf name;
	struct buf encoded;
	struct buf decoded;
	int turn;
	int n;

	srand(1);
	buf_init(&name, 1000);
	buf_init(&encoded, 1000);
	buf_init(&decoded, 1000);
	for (turn = 0; turn < 5000; turn++) {
		buf_clear(&name);
		buf_clear(&encoded);
		buf_clear(&decoded);
		for (n = rand() % 12; n > 0; n--)
			ck_assert(buf_add_string(&name, pieces[rand() % 11]));
		ck_assert(utf7_encode(buf_span(&name), &encoded));
		ck_assert(utf7_decode(buf_span(&encoded), &decoded));
		ck_assert(span_equal(buf_span(&name), buf_span(&decoded)));
	}
	buf_free(&name);
	buf_free(&encoded);
	buf_free(&decoded);
}
END_TEST

/* One mailbox has one name: whatever is decoded encodes to the same bytes. */
START_TEST(test_utf7_decodes_only_the_canonical_form)
{
	static const char alphabet[] = "&&&---AAA26DOkcgYQ,=a3";
	struct buf encoded;
	struct buf decoded;
	char name[12];
	size_t len;
	size_t i;
	int turn;
	int valid = 0;

	srand(2);
	buf_init(&encoded, 1000);
	buf_init(&decoded, 1000);
	for (turn = 0; turn < 200000 / pace(); turn++) {
		len = (size_t)rand() % sizeof(name);
		for (i = 0; i < len; i++)
			name[i] =
			    alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
		buf_clear(&encoded);
		buf_clear(&decoded);
		if (!utf7_decode((struct span){name, len}, &decoded))
			continue;
		valid++;
		if (!utf7_is_utf8(buf_span(&decoded)) ||
		    !utf7_encode(buf_span(&decoded), &encoded) ||
		    !span_equal(buf_span(&encoded), (struct span){name, len}))
			ck_abort_msg("%.*s", (int)len, name);
	}
	ck_assert_int_gt(valid, 1000 / pace());
	buf_free(&encoded);
	buf_free(&decoded);
}
END_TEST

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

int
main(void)
{
	TCase *tests = tcase_create("utf7");
	Suite *suite = suite_create("utf7");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 20);
	tcase_add_loop_test(tests, test_utf7_decode, 0, LENGTH(names));
	tcase_add_loop_test(tests, test_utf7_encode, 0, LENGTH(names));
	tcase_add_loop_test(
	    tests, test_utf7_decode_refuses, 0, LENGTH(undecodable));
	tcase_add_loop_test(tests, test_utf7_encode_refuses_what_is_not_utf8, 0,
	    LENGTH(unencodable));
	tcase_add_test(tests, test_utf7_refuses_nul);
	tcase_add_test(
	    tests, test_utf7_leaves_out_as_it_was_when_the_cap_is_passed);
	tcase_add_test(tests, test_utf7_is_utf8);
	tcase_add_test(tests, test_utf7_decodes_what_it_encodes);
	tcase_add_test(tests, test_utf7_decodes_only_the_canonical_form);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
