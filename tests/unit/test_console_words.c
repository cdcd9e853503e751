/*
 * daemon/console_words: what a line of the console means, word by word.
 */
#include "daemon/console_words.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "libclient/base/mem.h"

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

/* Words are written one a line, behind a letter for their kind. */
static const struct {
	const char *line;
	const char *words;
} lines[] = {
    {"", ""},
    {"  \t ", ""},
    {"noop", "b noop\n"},
    {"  select \t INBOX  ", "b select\nb INBOX\n"},
    {"select Entw\xc3\xbcrfe", "b select\nb Entw\xc3\xbcrfe\n"},
    /* quotes */
    {"\"a b\"", "q a b\n"},
    {"\"\"", "q \n"},
    {"\"a\\\"b\\\\c\"", "q a\"b\\c\n"},
    {"\"(not a list)\" \"@no file\"", "q (not a list)\nq @no file\n"},
    {"\"NIL\" NIL", "q NIL\nb NIL\n"},
    /* a backslash elsewhere is itself */
    {"\\Seen a\\b \\", "b \\Seen\nb a\\b\nb \\\n"},
    {"\"\\Seen\" \"a\\\\\\b \\\"\"", "q \\Seen\nq a\\\\b \"\n"},
    /* lists are one word, as they are */
    {"(\\Seen $Junk)", "l (\\Seen $Junk)\n"},
    {"()", "l ()\n"},
    {"(a (b (c) d) e)", "l (a (b (c) d) e)\n"},
    {"(\"a)\" b) c", "l (\"a)\" b)\nb c\n"},
    {"(\"\\\")\")", "l (\"\\\")\")\n"},
    {"(BODY.PEEK[HEADER.FIELDS (To From)] UID)",
	"l (BODY.PEEK[HEADER.FIELDS (To From)] UID)\n"},
    {"a(b)c x)", "b a(b)c\nb x)\n"},
    /* files */
    {"append INBOX (\\Seen) \"\" @msg",
	"b append\nb INBOX\nl (\\Seen)\nq \nf msg\n"},
    {"me@example.org", "b me@example.org\n"},
    {"@/a/b@c", "f /a/b@c\n"},
    {"uid fetch 1:* (FLAGS)", "b uid\nb fetch\nb 1:*\nl (FLAGS)\n"},
};

static void
check_words(const struct console_words *words, const char *expected)
{
	static const char kinds[] = {
	    [CONSOLE_WORD_BARE] = 'b',
	    [CONSOLE_WORD_QUOTED] = 'q',
	    [CONSOLE_WORD_LIST] = 'l',
	    [CONSOLE_WORD_FILE] = 'f',
	    [CONSOLE_WORD_ARGUMENT] = 'a',
	};
	struct buf shown;

	buf_init(&shown, 4096);
	for (uint32_t i = 0; i < words->count; i++) {
		const struct console_word *word = &words->items[i];

		ck_assert_uint_eq(strlen(word->text), word->len);
		buf_add_format(
		    &shown, "%c %s\n", kinds[word->kind], word->text);
	}
	buf_add(&shown, "", 1);
	ck_assert_str_eq(buf_span(&shown).at, expected);
	buf_free(&shown);
}

START_TEST(test_a_line_has_these_words)
{
	struct console_words words = {0};
	struct console_words_error error = {0};

	ck_assert(console_words_split(span_of(lines[_i].line), &words, &error));
	check_words(&words, lines[_i].words);
	console_words_free(&words);
}
END_TEST

static const struct {
	const char *line;
	uint32_t column;
	const char *text; /* part of it */
} refused[] = {
    {"select \"INBOX", 8, "quote is not closed"},
    {"\"a\\", 1, "quote is not closed"},
    {"\"a\\\"", 1, "quote is not closed"},
    {"a (\"b\\c\")", 6, "backslash"},
    {"fetch 1 (FLAGS", 9, "parenthesis is not closed"},
    {"fetch 1 (a (b)", 9, "parenthesis is not closed"},
    {"(a \"b)", 4, "quote is not closed"},
    {"\"a\"b", 4, "space is missing"},
    {"(a)(b)", 4, "space is missing"},
    {"a\"b\"", 2, "quote inside a word"},
    {"append @", 8, "file's name"},
};

START_TEST(test_a_bad_line_is_refused_with_its_column)
{
	struct console_words words = {0};
	struct console_words_error error = {0};

	ck_assert(
	    !console_words_split(span_of(refused[_i].line), &words, &error));
	ck_assert_uint_eq(error.column, refused[_i].column);
	ck_assert_ptr_nonnull(strstr(error.text, refused[_i].text));
	ck_assert_uint_eq(words.count, 0);
	console_words_free(&words);
}
END_TEST

START_TEST(test_words_know_their_columns)
{
	struct console_words words = {0};
	struct console_words_error error;

	ck_assert(console_words_split(span_of(" a  \"b\" @c"), &words, &error));
	ck_assert_uint_eq(words.items[0].column, 2);
	ck_assert_uint_eq(words.items[1].column, 5);
	ck_assert_uint_eq(words.items[2].column, 9);
	console_words_free(&words);
}
END_TEST

START_TEST(test_a_word_may_hold_a_nul)
{
	struct console_words words = {0};
	struct console_words_error error;

	ck_assert(
	    console_words_split((struct span){"\"a\0b\"", 5}, &words, &error));
	ck_assert_uint_eq(words.items[0].len, 3);
	ck_assert_mem_eq(words.items[0].text, "a\0b", 4);
	console_words_free(&words);
}
END_TEST

static const struct {
	const char *argument;
	const char *word;
} arguments[] = {
    {"INBOX", "b INBOX\n"},
    {"", "a \n"},
    {"\"\"", "q \n"},
    {"My Folder", "a My Folder\n"},
    {"\"My Folder\"", "q My Folder\n"},
    {"(FLAGS UID)", "l (FLAGS UID)\n"},
    {"(FLAGS", "a (FLAGS\n"},
    {"\"", "a \"\n"},
    {" a", "b a\n"},
    {"@a file", "f a file\n"},
    {"@", "a @\n"},
};

START_TEST(test_an_argument_of_the_command_line_is_one_word)
{
	struct console_words words = {0};

	console_words_add_argument(&words, arguments[_i].argument);
	check_words(&words, arguments[_i].word);
	ck_assert_uint_eq(words.items[0].column, 0);
	console_words_free(&words);
}
END_TEST

static const struct {
	const char *line;
	const char *joined;
} joins[] = {
    {"", ""},
    {"FROM  Smith", "FROM Smith"},
    {"SUBJECT \"a b\"", "SUBJECT \"a b\""},
    {"X \"a\\\"\\\\\" \"\"", "X \"a\\\"\\\\\" \"\""},
    {"OR (FROM \"a b\") SEEN", "OR (FROM \"a b\") SEEN"},
    {"\"ALL\"", "\"ALL\""},
    {"+FLAGS \\Seen", "+FLAGS \\Seen"},
};

START_TEST(test_words_are_joined_in_the_form_of_the_protocol)
{
	struct console_words words = {0};
	struct console_words_error error;
	char *joined;

	ck_assert(console_words_split(span_of(joins[_i].line), &words, &error));
	joined = console_words_join(words.items, words.count);
	ck_assert_str_eq(joined, joins[_i].joined);
	mem_free_secret(joined);
	console_words_free(&words);
}
END_TEST

START_TEST(test_an_argument_alone_is_joined_as_it_is_others_are_quoted)
{
	struct console_words words = {0};
	char *joined;

	console_words_add_argument(&words, "FROM \"a b\" SEEN");
	joined = console_words_join(words.items, words.count);
	ck_assert_str_eq(joined, "FROM \"a b\" SEEN");
	mem_free_secret(joined);
	console_words_add_argument(&words, "");
	joined = console_words_join(words.items, words.count);
	ck_assert_str_eq(joined, "\"FROM \\\"a b\\\" SEEN\" \"\"");
	mem_free_secret(joined);
	console_words_free(&words);
}
END_TEST

START_TEST(test_only_a_bare_word_is_nil)
{
	struct console_words words = {0};
	struct console_words_error error;

	ck_assert(
	    console_words_split(span_of("nil \"NIL\" NILS"), &words, &error));
	ck_assert(console_word_is(&words.items[0], "NIL"));
	ck_assert(!console_word_is(&words.items[1], "NIL"));
	ck_assert(!console_word_is(&words.items[2], "NIL"));
	console_words_free(&words);
}
END_TEST

static const struct {
	const char *text;
	bool is_duration;
	uint64_t microseconds;
} durations[] = {
    {"100ms", true, 100000},
    {"30s", true, 30000000},
    {"29m", true, 1740000000},
    {"2h", true, 7200000000},
    {"30", true, 30000000},
    {"0", true, 0},
    {"", false, 0},
    {"s", false, 0},
    {"-1s", false, 0},
    {"1.5s", false, 0},
    {"3d", false, 0},
    {"99999999999999999999s", false, 0},
    {"9999999999999999h", false, 0},
};

START_TEST(test_durations)
{
	uint64_t microseconds = 0;

	ck_assert(console_words_duration(span_of(durations[_i].text),
		      &microseconds) == durations[_i].is_duration);
	ck_assert_uint_eq(microseconds, durations[_i].microseconds);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("console_words");
	TCase *tests = tcase_create("console_words");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
	    tests, test_a_line_has_these_words, 0, COUNT(lines));
	tcase_add_loop_test(tests, test_a_bad_line_is_refused_with_its_column,
	    0, COUNT(refused));
	tcase_add_test(tests, test_words_know_their_columns);
	tcase_add_test(tests, test_a_word_may_hold_a_nul);
	tcase_add_loop_test(tests,
	    test_an_argument_of_the_command_line_is_one_word, 0,
	    COUNT(arguments));
	tcase_add_loop_test(tests,
	    test_words_are_joined_in_the_form_of_the_protocol, 0, COUNT(joins));
	tcase_add_test(
	    tests, test_an_argument_alone_is_joined_as_it_is_others_are_quoted);
	tcase_add_test(tests, test_only_a_bare_word_is_nil);
	tcase_add_loop_test(tests, test_durations, 0, COUNT(durations));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
