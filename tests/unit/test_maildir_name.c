/*
 * daemon/maildir_name: what is written is read back, and names of others are
 * read as far as they say something.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/index.h"
#include "daemon/maildir_name.h"

#define LONG_64 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct maildir_identity identity = {7, "imap.example.org"};

/* ---- both directions ---- */

static const struct round_trip_case {
	struct maildir_message message;
	const char *base;
	const char *suffix;
} round_trip_cases[] = {
    {{1, 0, 0, 0}, "0.V7.imap.example.org,U=1,S=0", ":2,"},
    {{42, 1234, 1700000000, INDEX_SEEN},
	"1700000000.V7.imap.example.org,U=42,S=1234", ":2,S"},
    {{UINT32_MAX, UINT32_MAX + 1ULL, -86400, INDEX_FLAGGED | INDEX_SEEN},
	"-86400.V7.imap.example.org,U=4294967295,S=4294967296", ":2,FS"},
    {{3, 18446744073709551614ULL, INT64_MAX, 0x3f},
	"9223372036854775807.V7.imap.example.org,U=3,S=18446744073709551614",
	":2,DFPRST"},
    {{3, 5, INT64_MIN + 1, INDEX_TRASHED | 1 << 6 | 1U << 31},
	"-9223372036854775807.V7.imap.example.org,U=3,S=5", ":2,Taz"},
    {{9, 9, 9, UINT32_MAX}, "9.V7.imap.example.org,U=9,S=9",
	":2,DFPRSTabcdefghijklmnopqrstuvwxyz"},
};

START_TEST(test_a_message_becomes_a_name)
{
	const struct round_trip_case *test = &round_trip_cases[_i];
	char base[MAILDIR_NAME_SIZE], suffix[MAILDIR_FLAGS_SIZE];

	maildir_base_name(&identity, &test->message, base);
	maildir_flags_suffix(test->message.flags, suffix);
	ck_assert_str_eq(base, test->base);
	ck_assert_str_eq(suffix, test->suffix);
}
END_TEST

START_TEST(test_a_name_becomes_the_message_again)
{
	const struct round_trip_case *test = &round_trip_cases[_i];
	char name[2 * MAILDIR_NAME_SIZE];
	struct maildir_message message;
	bool is_ours = false;

	snprintf(name, sizeof(name), "%s%s", test->base, test->suffix);
	ck_assert(maildir_parse_name(name, &identity, &message, &is_ours));
	ck_assert(is_ours);
	ck_assert_uint_eq(message.uid, test->message.uid);
	ck_assert_uint_eq(message.size, test->message.size);
	ck_assert_int_eq(message.date, test->message.date);
	ck_assert_uint_eq(message.flags, test->message.flags);
}
END_TEST

START_TEST(test_a_name_without_flags_is_ours_too)
{
	struct maildir_message message;
	bool is_ours = false;

	ck_assert(maildir_parse_name(
	    "5.V7.imap.example.org,U=6,S=7", &identity, &message, &is_ours));
	ck_assert(is_ours);
	ck_assert_uint_eq(message.flags, 0);
}
END_TEST

/* ---- the host ---- */

static const struct host_case {
	const char *host;
	const char *written;
} host_cases[] = {
    {"mail", "mail"},
    {"[2001:db8::1]", "[2001_db8__1]"},
    {"a/b/../c", "a_b_.._c"},
    {"x,U=1,S=2", "x_U=1_S=2"},
    {"tab\tnl\ndel\x7f", "tab_nl_del_"},
    {"b\xc3\xbcro", "b\xc3\xbcro"},
};

START_TEST(test_a_host_cannot_break_out_of_its_field)
{
	const struct host_case *test = &host_cases[_i];
	struct maildir_identity special = {1, test->host};
	struct maildir_message message = {.uid = 2, .size = 3, .date = 4};
	struct maildir_message parsed;
	char name[MAILDIR_NAME_SIZE], expected[MAILDIR_NAME_SIZE];
	bool is_ours = false;

	maildir_base_name(&special, &message, name);
	snprintf(expected, sizeof(expected), "4.V1.%s,U=2,S=3", test->written);
	ck_assert_str_eq(name, expected);
	ck_assert(maildir_parse_name(name, &special, &parsed, &is_ours));
	ck_assert(is_ours);
}
END_TEST

START_TEST(test_a_long_host_is_cut_so_that_all_flags_fit)
{
	static const char host[] = LONG_64 LONG_64 LONG_64 LONG_64;
	struct maildir_identity special = {UINT32_MAX, host};
	struct maildir_message message = {
	    UINT32_MAX, UINT64_MAX - 1, INT64_MIN + 1, UINT32_MAX};
	struct maildir_message parsed;
	char name[2 * MAILDIR_NAME_SIZE];
	bool is_ours = false;

	maildir_base_name(&special, &message, name);
	maildir_flags_suffix(message.flags, name + strlen(name));
	ck_assert_uint_le(strlen(name), 255);
	ck_assert(maildir_parse_name(name, &special, &parsed, &is_ours));
	ck_assert(is_ours);
	ck_assert_uint_eq(parsed.size, message.size);
	ck_assert_uint_eq(parsed.flags, message.flags);
}
END_TEST

START_TEST(test_a_host_is_not_cut_within_a_character)
{
	char host[300];
	struct maildir_identity special = {1, host};
	struct maildir_message message = {.uid = 1};
	char name[MAILDIR_NAME_SIZE];
	size_t len = 0;

	/* Three bytes a character; one of the three offsets must be cut. */
	for (int i = 0; i < _i; i++)
		host[len++] = 'x';
	while (len + 3 < sizeof(host)) {
		memcpy(host + len, "\xe2\x82\xac", 3);
		len += 3;
	}
	host[len] = '\0';
	maildir_base_name(&special, &message, name);
	ck_assert_uint_eq(
	    (strcspn(name, ",") - strlen("0.V1.") - (size_t)_i) % 3, 0);
}
END_TEST

/* ---- names of others ---- */

static const struct foreign_case {
	const char *name;
	bool has_uid;
	bool is_ours;
	struct maildir_message message;
} foreign_cases[] = {
    /* local files */
    {"1700000000.M1P2.host", false, false, {0}},
    {"1700000000.M1P2.host:2,S", false, false, {0}},
    {"1700000000.M1P2.host,S=77:2,S", false, false, {0}},
    {"x:2,S,U=5", false, false, {0}},
    {"", false, false, {0}},
    /* malformed claims, and two of them */
    {"1.V7.imap.example.org,U=,S=2", false, false, {0}},
    {"1.V7.imap.example.org,U=0,S=2", false, false, {0}},
    {"1.V7.imap.example.org,U=-1,S=2", false, false, {0}},
    {"1.V7.imap.example.org,U=4294967296,S=2", false, false, {0}},
    {"1.V7.imap.example.org,U=5x,S=2", false, false, {0}},
    {"1.V7.imap.example.org,U=5,S=2,U=5", false, false, {0}},
    /* claims in names that are not ours */
    {"1700000000.M1P2.host,U=5:2,S", true, false,
	{5, MAILDIR_SIZE_UNKNOWN, 1700000000, INDEX_SEEN}},
    {"cur,U=5,FMD5=d41d8cd98f00b204e9800998ecf8427e:2,", true, false,
	{5, MAILDIR_SIZE_UNKNOWN, MAILDIR_DATE_UNKNOWN, 0}},
    {"1.V7.imap.example.org,U=5,S=", true, false,
	{5, MAILDIR_SIZE_UNKNOWN, 1, 0}},
    {"1.V7.imap.example.org,U=5,S=99999999999999999999", true, false,
	{5, MAILDIR_SIZE_UNKNOWN, 1, 0}},
    {"1.V7.imap.example.org,S=2,U=5", true, false, {5, 2, 1, 0}},
    {"1.V7.imap.example.org,U=05,S=2", true, false, {5, 2, 1, 0}},
    {"+1.V7.imap.example.org,U=5,S=2", true, false,
	{5, 2, MAILDIR_DATE_UNKNOWN, 0}},
    {"01.V7.imap.example.org,U=5,S=2", true, false, {5, 2, 1, 0}},
    {"-0.V7.imap.example.org,U=5,S=2", true, false, {5, 2, 0, 0}},
    {"1.V8.imap.example.org,U=5,S=2", true, false, {5, 2, 1, 0}},
    {"1.V7.imap.example.com,U=5,S=2", true, false, {5, 2, 1, 0}},
    {"1.V7.imap.example.org,U=5,S=2,W=3", true, false, {5, 2, 1, 0}},
    /* what mail readers do behind the colon */
    {"1.V7.imap.example.org,U=5,S=2:2,SF", true, true,
	{5, 2, 1, INDEX_SEEN | INDEX_FLAGGED}},
    {"1.V7.imap.example.org,U=5,S=2:2,SSS", true, true, {5, 2, 1, INDEX_SEEN}},
    {"1.V7.imap.example.org,U=5,S=2:2,AXSZ", true, true, {5, 2, 1, INDEX_SEEN}},
    {"1.V7.imap.example.org,U=5,S=2:2,bS", true, true,
	{5, 2, 1, INDEX_SEEN | 1 << 7}},
    {"1.V7.imap.example.org,U=5,S=2:2,S,FD", true, true, {5, 2, 1, INDEX_SEEN}},
    {"1.V7.imap.example.org,U=5,S=2:2", true, true, {5, 2, 1, 0}},
    {"1.V7.imap.example.org,U=5,S=2:", true, true, {5, 2, 1, 0}},
    {"1.V7.imap.example.org,U=5,S=2:1,S", true, true, {5, 2, 1, 0}},
    {"1.V7.imap.example.org,U=5,S=2:2,S:2,F", true, true,
	{5, 2, 1, INDEX_SEEN}},
};

START_TEST(test_a_foreign_name_is_read_as_far_as_it_goes)
{
	const struct foreign_case *test = &foreign_cases[_i];
	struct maildir_message message = {99, 99, 99, 99};
	bool is_ours = false;

	ck_assert_msg(maildir_parse_name(test->name, &identity, &message,
			  &is_ours) == test->has_uid,
	    "%s", test->name);
	if (!test->has_uid) {
		ck_assert_uint_eq(message.uid, 99);
		return;
	}
	ck_assert_msg(is_ours == test->is_ours, "%s", test->name);
	ck_assert_uint_eq(message.uid, test->message.uid);
	ck_assert_uint_eq(message.size, test->message.size);
	ck_assert_int_eq(message.date, test->message.date);
	ck_assert_msg(message.flags == test->message.flags, "%s: %x",
	    test->name, message.flags);
}
END_TEST

/* ---- disowning ---- */

static const struct disown_case {
	const char *name;
	unsigned number;
	const char *local; /* NULL: there is nothing to take out */
} disown_cases[] = {
    {"1.V7.h,U=5,S=2:2,S", 1, "1.V7.h,S=2:2,S"},
    {"1.V7.h,U=5,S=2", 1, "1.V7.h,S=2"},
    {"1.V7.h,U=5:2,S", 1, "1.V7.h:2,S"},
    {"1.V7.h,U=5", 1, "1.V7.h"},
    {"1.V7.h,U=garbage.x,S=2:2,", 1, "1.V7.h,S=2:2,"},
    {"1.V7.h,U=1,U=2,U=3", 1, "1.V7.h"},
    {"1.V7.h,U=5,S=2:2,S", 2, "1.V7.h,S=2,2:2,S"},
    {"1.V7.h,U=5", 17, "1.V7.h,17"},
    {",U=5", 1, "local"},
    {",U=5:2,S", 2, "local,2:2,S"},
    {"1.M2.h:2,S", 1, NULL},
    {"1.M2.h:2,S,U=5", 1, NULL},
};

START_TEST(test_a_claim_is_taken_out_of_a_name)
{
	const struct disown_case *test = &disown_cases[_i];
	char local[MAILDIR_NAME_SIZE];
	struct maildir_message message;
	bool is_ours;

	ck_assert(maildir_disowned_name(test->name, test->number, local) ==
	    (test->local != NULL));
	if (test->local == NULL)
		return;
	ck_assert_str_eq(local, test->local);
	ck_assert(!maildir_parse_name(local, &identity, &message, &is_ours));
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

/* ---- the generation ---- */

static const struct {
	const char *name;
	uint32_t uidvalidity;
	bool is_of_it;
} generations[] = {
    {"1.V7.host,U=1,S=2", 7, true},
    {"1.V7.host,U=1,S=2:2,S", 7, true},
    {"-1.V7.host,U=1,S=2", 7, true},
    {"1.V4294967295.host,U=1", UINT32_MAX, true},
    /* whoever lost its claim is still known by its birth */
    {"1.V7.host,S=2:2,S", 7, true},
    {"1.V7.host", 7, true},
    {"1.V8.host,U=1,S=2", 7, false},
    {"1.V77.host,U=1,S=2", 7, false},
    {"1.V7x.host", 7, false},
    {"1.V7,U=1", 7, false},
    {"1.Vx.host", 7, false},
    {"1.V.host", 7, false},
    {"1.V", 7, false},
    {"1.v7.host", 7, false},
    {"1.M5P6V7.host,U=1", 7, false},
    {"1.host.V7.x", 7, false},
    {"1.V4294967303.host", 7, false},
    {"1:2,.V7.", 7, false},
    {"V7.host", 7, false},
    {"1", 7, false},
    {"", 7, false},
    {".V7.host", 7, true},
};

START_TEST(test_a_name_tells_its_generation)
{
	ck_assert_msg(
	    maildir_is_generation(generations[_i].name,
		generations[_i].uidvalidity) == generations[_i].is_of_it,
	    "%s", generations[_i].name);
}
END_TEST

START_TEST(test_a_name_of_ours_is_of_its_generation)
{
	struct maildir_identity host = {7, "V8.host"};
	struct maildir_message message = {.uid = 1, .date = _i - 1};
	char name[MAILDIR_NAME_SIZE];

	maildir_base_name(&host, &message, name);
	ck_assert(maildir_is_generation(name, 7));
	ck_assert(!maildir_is_generation(name, 8));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("maildir_name");
	TCase *tests = tcase_create("maildir_name");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
	    tests, test_a_message_becomes_a_name, 0, COUNT(round_trip_cases));
	tcase_add_loop_test(tests, test_a_name_becomes_the_message_again, 0,
	    COUNT(round_trip_cases));
	tcase_add_test(tests, test_a_name_without_flags_is_ours_too);
	tcase_add_loop_test(tests, test_a_host_cannot_break_out_of_its_field, 0,
	    COUNT(host_cases));
	tcase_add_test(tests, test_a_long_host_is_cut_so_that_all_flags_fit);
	tcase_add_loop_test(
	    tests, test_a_host_is_not_cut_within_a_character, 0, 3);
	tcase_add_loop_test(tests,
	    test_a_foreign_name_is_read_as_far_as_it_goes, 0,
	    COUNT(foreign_cases));
	tcase_add_loop_test(
	    tests, test_a_claim_is_taken_out_of_a_name, 0, COUNT(disown_cases));
	tcase_add_loop_test(tests, test_a_name_tells_its_generation, 0,
	    (int)(sizeof(generations) / sizeof(*generations)));
	tcase_add_loop_test(
	    tests, test_a_name_of_ours_is_of_its_generation, 0, 3);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
