/*
 * Mailbox names to paths: each rule of mailmirror.conf(5), that no two names
 * share a path, and the LIST patterns.
 */
#include "daemon/name.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "libclient/base/mem.h"

#define NESTED	     SETTINGS_LAYOUT_NESTED
#define FLAT	     SETTINGS_LAYOUT_MAILDIRPP
#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))
#define A50	     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A200	     A50 A50 A50 A50
#define A180	     A50 A50 A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *name;
	char delimiter;
	bool is_valid;
	const char *nested;
	const char *flat;
} paths[] = {
    {"Lists/c", '/', true, "Lists/c", ".Lists.c"},
    {"Lists.c", '.', true, "Lists/c", ".Lists.c"},
    {"Lists.c", '/', true, "Lists.c", ".Lists%2Ec"},
    {"a/b", '.', true, "a%2Fb", ".a%2Fb"},
    {"a/b", '\0', true, "a%2Fb", ".a%2Fb"},
    {"a\\b", '\\', true, "a/b", ".a.b"},
    /* INBOX in any case, alone or first */
    {"INBOX", '/', true, "INBOX", ""},
    {"inBox", '/', true, "INBOX", ""},
    {"Inbox/c", '/', true, "INBOX/c", ".INBOX.c"},
    {"a/inbox", '/', true, "a/inbox", ".a.inbox"},
    {"Inboxes", '/', true, "Inboxes", ".Inboxes"},
    /* what is escaped */
    {"100%", '/', true, "100%25", ".100%25"},
    {"a\x01\n\x7f", '/', true, "a%01%0A%7F", ".a%01%0A%7F"},
    {".hidden/..", '/', true, "%2Ehidden/%2E.", ".%2Ehidden.%2E%2E"},
    {"a.b", '/', true, "a.b", ".a%2Eb"},
    {"cur", '/', true, "%63ur", ".%63ur"},
    {"dovecot-keywords", '/', true, "%64ovecot-keywords",
	".%64ovecot-keywords"},
    {"a/new/tmp", '/', true, "a/%6Eew/%74mp", ".a.%6Eew.%74mp"},
    {"current", '/', true, "current", ".current"},
    {"Entw\xc3\xbcrfe", '/', true, "Entw\xc3\xbcrfe", ".Entw\xc3\xbcrfe"},
    {"a & b", '/', true, "a & b", ".a & b"},
    /* invalid names */
    {"Entw\xfcrfe", '/', false, "Entw%FCrfe", ".Entw%FCrfe"},
    {"a&b", '/', false, "a%26b", ".a%26b"},
    /* delimiters by which one could be taken for a valid name */
    {"a&b", '&', false, "a%26b", ".a%26b"},
    {"a&b", '&', true, "a&b", ".a&b"},
    {"a\xc3\xbc", '\xc3', true, "a\xc3\xbc", ".a\xc3\xbc"},
    /* empty components */
    {"", '/', true, "%", ".%"},
    {"a//b", '/', true, "a/%/b", ".a.%.b"},
    {"/a/", '/', true, "%/a/%", ".%.a.%"},
    /* up to 200 bytes a component stays whole */
    {A200, '/', true, A200, "." A200},
    {A200 "/" A50, '/', true, A200 "/" A50, "." A200 "." A50},
};

START_TEST(test_name_becomes_a_path)
{
	char *nested = name_to_path(span_of(paths[_i].name), paths[_i].is_valid,
	    paths[_i].delimiter, NESTED);
	char *flat = name_to_path(span_of(paths[_i].name), paths[_i].is_valid,
	    paths[_i].delimiter, FLAT);

	ck_assert_str_eq(nested, paths[_i].nested);
	ck_assert_str_eq(flat, paths[_i].flat);
	mem_free(nested);
	mem_free(flat);
}
END_TEST

START_TEST(test_name_may_hold_nul)
{
	char *path = name_to_path((struct span){"a\0b", 3}, true, '/', NESTED);

	ck_assert_str_eq(path, "a%00b");
	mem_free(path);
}
END_TEST

/* "%~" and 16 hex digits of the text's SHA-256 */
static const char *
suffix(const char *text)
{
	static char out[20];
	unsigned char digest[32];

	EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL);
	snprintf(out, sizeof(out), "%%~");
	for (int i = 0; i < 8; i++)
		snprintf(out + 2 + 2 * i, 3, "%02x", digest[i]);
	return out;
}

static const struct {
	const char *name;
	const char *front; /* of the path, up to the suffix */
	const char *hashed;
	const char *back;
	enum settings_layout layout;
} cuts[] = {
    {A200 "a", A180 "aa", A200 "a", "", NESTED},
    {"x/" A200 "a/y", "x/" A180 "aa", A200 "a", "/y", NESTED},
    /* never within a character, nor within an escape */
    {A180 "a\xc3\xbc" A50, A180 "a", A180 "a\xc3\xbc" A50, "", NESTED},
    {A180 "\xc3\xbc" A50, A180 "\xc3\xbc", A180 "\xc3\xbc" A50, "", NESTED},
    {A180 "a\x01" A50, A180 "a", A180 "a%01" A50, "", NESTED},
    {A180 "\x01" A50, A180, A180 "%01" A50, "", NESTED},
    /* what is joined by dots is one file name */
    {A200 "/" A200, "." A180 "a", "." A200 "." A200, "", FLAT},
};

START_TEST(test_name_too_long_is_cut_and_hashed)
{
	char *path =
	    name_to_path(span_of(cuts[_i].name), true, '/', cuts[_i].layout);
	char *expected = mem_format(
	    "%s%s%s", cuts[_i].front, suffix(cuts[_i].hashed), cuts[_i].back);

	ck_assert_str_eq(path, expected);
	mem_free(path);
	mem_free(expected);
}
END_TEST

START_TEST(test_name_hash_is_sha256)
{
	char *path = name_to_unique_path(span_of("abc"), true, '/', NESTED);

	/* FIPS 180-2, appendix B.1 */
	ck_assert_str_eq(path, "abc%~ba7816bf8f01cfea");
	mem_free(path);
}
END_TEST

START_TEST(test_name_unique_path_ends_in_the_names_hash)
{
	static const struct {
		const char *name;
		enum settings_layout layout;
		const char *front;
	} unique[] = {
	    {"Lists/C", NESTED, "Lists/C"},
	    {"Lists/C", FLAT, ".Lists.C"},
	    {"inbox", NESTED, "INBOX"},
	    {"inbox", FLAT, ".INBOX"},
	    {"x/" A200, NESTED, "x/" A180 "aa"},
	};
	char *path = name_to_unique_path(
	    span_of(unique[_i].name), true, '/', unique[_i].layout);
	char *expected =
	    mem_format("%s%s", unique[_i].front, suffix(unique[_i].name));

	ck_assert_str_eq(path, expected);
	mem_free(path);
	mem_free(expected);
}
END_TEST

/* All names of up to four of these bytes, valid or not, have their own path. */
START_TEST(test_name_no_two_share_a_path)
{
	static const char bytes[] = "/.%&a\x01\xff";
	enum settings_layout layout = _i == 0 ? NESTED : FLAT;
	char *seen[2 * 7 * 7 * 7 * 7 + 1000];
	int count = 0;

	for (int number = 1; number < 8 * 8 * 8 * 8; number++) {
		char name[8] = "";
		bool is_good = true;
		int length = 0;

		for (int rest = number; rest > 0; rest /= 8) {
			is_good = is_good && rest % 8 != 0;
			name[length++] = bytes[(rest + 7) % 8];
		}
		if (!is_good)
			continue;
		for (int is_valid = 0; is_valid < 2; is_valid++) {
			/* what can make a name invalid, or forbids it */
			if (is_valid != 0 ? strchr(name, '\xff') != NULL
					  : strpbrk(name, "&\xff") == NULL)
				continue;
			seen[count++] = name_to_path(
			    span_of(name), is_valid != 0, '/', layout);
		}
	}
	ck_assert_int_gt(count, 2000);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(seen[i], seen[j]) == 0)
				ck_abort_msg("%s twice", seen[i]);
	while (count > 0)
		mem_free(seen[--count]);
}
END_TEST

static const struct {
	const char *a;
	const char *b;
	bool collide;
} pairs[] = {
    {"Lists/c", "Lists/c", true},
    {"Lists/c", "lists/C", true},
    {"Lists/c", "Lists/d", false},
    {"Lists", "Lists/c", false},
    {"\xc3\x84pfel", "\xc3\xa4pfel", true}, /* Latin */
    {"\xd0\x9f\xd0\xb0", "\xd0\xbf\xd0\x90", true}, /* Cyrillic */
    {"\xcf\x83", "\xcf\x82", true}, /* sigmas */
    {"\xc3\x84pfel", "\xc3\x96pfel", false},
    {"\xc3\x84", "\xc3\x84x", false},
    {"\xff", "\xff", true},
    {"\xff\xc3\x84", "\xfe\xc3\xa4", false},
    {"", "", true},
    {"", "a", false},
};

START_TEST(test_name_paths_collide_when_only_case_differs)
{
	ck_assert(
	    name_paths_collide(pairs[_i].a, pairs[_i].b) == pairs[_i].collide);
	ck_assert(
	    name_paths_collide(pairs[_i].b, pairs[_i].a) == pairs[_i].collide);
}
END_TEST

static const struct {
	const char *name;
	char delimiter;
	const char *pattern;
	bool is_match;
} patterns[] = {
    {"Lists", '/', "Lists", true},
    {"Lists", '/', "lists", false},
    {"Lists", '/', "Lists/", false},
    {"Lists/c", '/', "Lists", false},
    {"Lists/c", '/', "Lists/*", true},
    {"Lists/c/d", '/', "Lists/*", true},
    {"Lists", '/', "Lists/*", false},
    {"Lists", '/', "Lists*", true},
    {"Lists/c", '/', "Lists/%", true},
    {"Lists/c/d", '/', "Lists/%", false},
    {"Lists/c/d", '/', "Lists/%/d", true},
    {"Lists/c/d", '/', "%/%/%", true},
    {"Lists/c/d", '/', "%/%", false},
    {"Lists.c", '/', "%", true},
    {"Lists.c", '.', "%", false},
    {"a/b", '\0', "%", true},
    {"", '/', "*", true},
    {"", '/', "%", true},
    {"", '/', "", true},
    {"a", '/', "", false},
    {"abcabcabd", '/', "*abd", true},
    {"abcabcabd", '/', "%abd", true},
    {"abcabcabd", '/', "*b*b*b*", true},
    {"abcabcabd", '/', "*b*b*b*b*", false},
    /* a `%` that runs into the delimiter falls back on the `*` before it */
    {"a/x/a/b", '/', "*a/%", true},
    {"a/x/a/b/c", '/', "*a/%", false},
    {"x/yb/zc", '/', "*%c", true},
    {"x/yb/zc", '/', "%*c", true},
    /* INBOX */
    {"INBOX", '/', "INBOX", true},
    {"Inbox", '/', "INBOX", true},
    {"INBOX", '/', "inbox", true},
    {"inbox", '/', "IN*", true},
    {"inbox/c", '/', "INBOX/%", true},
    {"INBOX/c", '/', "inbox*", true},
    {"inbox/c", '/', "INBOX/C", false},
    {"inboxes", '/', "INBOX*", false},
    {"a/inbox", '/', "a/INBOX", false},
    /* bytes above 127 are like others */
    {"Entw\xc3\xbcrfe", '/', "Entw\xc3\xbc%", true},
};

START_TEST(test_name_matches_patterns)
{
	if (name_matches(span_of(patterns[_i].name), patterns[_i].delimiter,
		patterns[_i].pattern) != patterns[_i].is_match)
		ck_abort_msg(
		    "%s on %s", patterns[_i].pattern, patterns[_i].name);
}
END_TEST

START_TEST(test_name_matches_takes_time_in_proportion)
{
	char name[4001];
	char pattern[201];
	clock_t start = clock();

	memset(name, 'a', 4000);
	name[4000] = '\0';
	for (int i = 0; i < 200; i += 2)
		memcpy(pattern + i, i % 4 == 0 ? "*a" : "%a", 2);
	pattern[199] = 'b';
	pattern[200] = '\0';
	ck_assert(!name_matches(span_of(name), '/', pattern));
	ck_assert_int_lt((clock() - start) / CLOCKS_PER_SEC, 1);
}
END_TEST

static Suite *
name_suite(void)
{
	Suite *suite = suite_create("name");
	TCase *tests = tcase_create("name");

	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, test_name_becomes_a_path, 0, COUNT(paths));
	tcase_add_test(tests, test_name_may_hold_nul);
	tcase_add_loop_test(
	    tests, test_name_too_long_is_cut_and_hashed, 0, COUNT(cuts));
	tcase_add_test(tests, test_name_hash_is_sha256);
	tcase_add_loop_test(
	    tests, test_name_unique_path_ends_in_the_names_hash, 0, 5);
	tcase_add_loop_test(tests, test_name_no_two_share_a_path, 0, 2);
	tcase_add_loop_test(tests,
	    test_name_paths_collide_when_only_case_differs, 0, COUNT(pairs));
	tcase_add_loop_test(
	    tests, test_name_matches_patterns, 0, COUNT(patterns));
	tcase_add_test(tests, test_name_matches_takes_time_in_proportion);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(name_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
