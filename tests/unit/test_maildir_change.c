/*
 * daemon/maildir_change: flags, removal and names of files that mail readers
 * rename as well.
 */
#include "tests/unit/maildir_helpers.h"

/* The message of all tests; other files differ from it in one thing. */
#define BASE "5.V7.host,U=2,S=3"
static const struct maildir_message message = {2, 3, 5, 0};

static void
write_all(const char *const paths[3])
{
	for (int i = 0; i < 3 && paths[i] != NULL; i++)
		write_file(paths[i], paths[i]);
}

/* ---- flags ---- */

static const struct flags_case {
	const char *files[3];
	uint32_t known; /* what the index has */
	uint32_t flags;
	const char *after;
} flags_cases[] = {
    /* where the index has them */
    {{"new/" BASE}, 0, INDEX_SEEN, "cur/" BASE ":2,S"},
    {{"cur/" BASE ":2,S"}, INDEX_SEEN, INDEX_SEEN | INDEX_DRAFT,
	"cur/" BASE ":2,DS"},
    {{"cur/" BASE ":2,S"}, INDEX_SEEN, 0, "cur/" BASE ":2,"},
    {{"cur/" BASE ":2,"}, 0, INDEX_FLAGGED, "cur/" BASE ":2,F"},
    {{"new/" BASE}, 0, 0, "new/" BASE},
    {{"cur/" BASE ":2,S"}, INDEX_SEEN, INDEX_SEEN, "cur/" BASE ":2,S"},
    {{"cur/" BASE ":2,Sa"}, INDEX_SEEN | 1 << 6, 1U << 31, "cur/" BASE ":2,z"},
    /* a mail reader has moved it meanwhile */
    {{"cur/" BASE ":2,S"}, 0, INDEX_FLAGGED, "cur/" BASE ":2,F"},
    {{"cur/" BASE ":2,SF"}, INDEX_SEEN, INDEX_SEEN, "cur/" BASE ":2,S"},
    {{"cur/" BASE}, 0, INDEX_SEEN, "cur/" BASE ":2,S"},
    {{"new/" BASE ":2,S"}, INDEX_SEEN, INDEX_SEEN, "cur/" BASE ":2,S"},
    {{"new/" BASE ":2,S"}, INDEX_SEEN, 0, "new/" BASE},
    {{"new/" BASE}, INDEX_SEEN, INDEX_SEEN, "cur/" BASE ":2,S"},
    /* neighbours stay as they are */
    {{"cur/5.V7.host,U=1,S=3:2,", "cur/" BASE ":2,S",
	 "cur/5.V7.host,U=22,S=3:2,"},
	0, INDEX_FLAGGED,
	"cur/5.V7.host,U=1,S=3:2, cur/" BASE ":2,F cur/5.V7.host,U=22,S=3:2,"},
};

START_TEST(test_flags_are_changed_wherever_the_file_is)
{
	const struct flags_case *test = &flags_cases[_i];
	struct maildir_message known = message;
	bool is_missing = true;

	known.flags = test->known;
	write_all(test->files);
	ck_assert_msg(maildir_set_flags(folder, &identity, &known, test->flags,
			  &is_missing, &error),
	    "%s", error.text);
	ck_assert(!is_missing);
	assert_messages(test->after);
}
END_TEST

START_TEST(test_a_message_of_unknown_size_or_date_is_found_by_its_uid)
{
	static const struct maildir_message unknown[] = {
	    {2, MAILDIR_SIZE_UNKNOWN, 5, INDEX_SEEN},
	    {2, 3, MAILDIR_DATE_UNKNOWN, INDEX_SEEN},
	    {2, MAILDIR_SIZE_UNKNOWN, MAILDIR_DATE_UNKNOWN, 0},
	};
	bool is_missing = true;

	write_file("cur/" BASE ":2,S", "");
	write_file("cur/6.V7.host,U=3,S=3:2,S", "");
	ck_assert(maildir_set_flags(folder, &identity, &unknown[_i],
	    INDEX_REPLIED, &is_missing, &error));
	ck_assert(!is_missing);
	assert_messages("cur/" BASE ":2,R cur/6.V7.host,U=3,S=3:2,S");
	ck_assert(maildir_remove(folder, &identity, &unknown[_i], &error));
	assert_messages("cur/6.V7.host,U=3,S=3:2,S");
}
END_TEST

/* None of these is the message's file, whatever their U= says. */
static const char *const strangers[] = {
    "cur/5.V7.host,U=1,S=3:2,",
    "cur/5.V7.host,U=22,S=3:2,",
    "cur/5.V7.host,U=2,S=4:2,",
    "cur/6.V7.host,U=2,S=3:2,",
    "cur/5.V8.host,U=2,S=3:2,",
    "cur/5.V7.elsewhere,U=2,S=3:2,",
    "cur/1700000000.M1P2.laptop,U=2,S=3:2,",
    "new/5.V7.host,U=2",
    "tmp/" BASE,
};

START_TEST(test_a_strangers_claim_is_not_the_message)
{
	bool is_missing = false;

	write_file(strangers[_i], "mine");
	ck_assert(maildir_set_flags(
	    folder, &identity, &message, INDEX_SEEN, &is_missing, &error));
	ck_assert(is_missing);
	ck_assert(maildir_remove(folder, &identity, &message, &error));
	assert_content(strangers[_i], "mine");
}
END_TEST

START_TEST(test_a_link_is_not_the_message)
{
	bool is_missing = false;

	ck_assert_int_eq(symlink("/etc/passwd", "new/" BASE), 0);
	ck_assert_int_eq(symlink("/etc/passwd", "cur/" BASE ":2,"), 0);
	ck_assert(maildir_set_flags(
	    folder, &identity, &message, INDEX_SEEN, &is_missing, &error));
	ck_assert(is_missing);
	ck_assert(maildir_remove(folder, &identity, &message, &error));
	ck_assert(exists("new/" BASE));
}
END_TEST

START_TEST(test_flags_that_cannot_be_changed_are_an_error)
{
	bool is_missing = false;

	write_file("new/" BASE, "");
	ck_assert_int_eq(mkdir("cur/" BASE ":2,S", 0700), 0);
	ck_assert(!maildir_set_flags(
	    folder, &identity, &message, INDEX_SEEN, &is_missing, &error));
	assert_local("cannot change the flags of", "root/box/new/" BASE,
	    "Is a directory");
}
END_TEST

/* ---- letting go ---- */

static const struct release_case {
	const char *files[3];
	uint32_t flags; /* it leaves with */
	const char *kept;
	const char *archived;
} release_cases[] = {
    {{"new/" BASE}, 0, "new/5.V7.host,S=3", "new/5.V7.host,S=3"},
    {{"cur/" BASE ":2,"}, 0, "cur/5.V7.host,S=3:2,", "cur/5.V7.host,S=3:2,"},
    {{"cur/" BASE ":2,"}, INDEX_SEEN, "cur/5.V7.host,S=3:2,S",
	"cur/5.V7.host,S=3:2,S"},
    /* moved by a reader */
    {{"cur/" BASE ":2,FS"}, INDEX_SEEN, "cur/5.V7.host,S=3:2,S",
	"cur/5.V7.host,S=3:2,S"},
    {{NULL}, 0, "", ""},
};

START_TEST(test_a_released_file_is_a_local_one_here_or_elsewhere)
{
	const struct release_case *test = &release_cases[_i / 2];
	bool is_archived = _i % 2 == 1;
	struct maildir *to =
	    is_archived ? maildir_open(root, "Old", &error) : NULL;

	write_all(test->files);
	ck_assert_msg(maildir_release(
			  folder, &identity, &message, to, test->flags, &error),
	    "%s", error.text);
	if (is_archived) {
		assert_messages("");
		folder = maildir_close(folder);
		folder = to;
	}
	assert_messages(is_archived ? test->archived : test->kept);
}
END_TEST

START_TEST(test_a_released_file_replaces_no_other)
{
	struct maildir *to = maildir_open(root, "Old", &error);

	write_file("cur/" BASE ":2,S", "a");
	write_file("../Old/cur/5.V7.host,S=3:2,S", "b");
	ck_assert_msg(maildir_release(
			  folder, &identity, &message, to, INDEX_SEEN, &error),
	    "%s", error.text);
	assert_messages("");
	assert_content("../Old/cur/5.V7.host,S=3:2,S", "b");
	maildir_close(folder);
	folder = to;
	assert_messages("cur/5.V7.host,S=3,2:2,S cur/5.V7.host,S=3:2,S");
}
END_TEST

/* ---- removal ---- */

static const char *const removable[] = {"new/" BASE, "cur/" BASE ":2,",
    "cur/" BASE, "cur/" BASE ":2,FRS", "new/" BASE ":2,S"};

START_TEST(test_a_message_is_removed_wherever_its_file_is)
{
	write_file(removable[_i], "");
	write_file("cur/5.V7.host,U=22,S=3:2,", "");
	ck_assert(maildir_remove(folder, &identity, &message, &error));
	assert_messages("cur/5.V7.host,U=22,S=3:2,");
	ck_assert(maildir_remove(folder, &identity, &message, &error));
}
END_TEST

START_TEST(test_a_file_is_removed_by_name)
{
	write_file("new/a", "");
	write_file("cur/a", "");
	ck_assert(maildir_remove_file(folder, "a", true, &error));
	assert_messages("cur/a");
	ck_assert(maildir_remove_file(folder, "a", true, &error));
	ck_assert(maildir_remove_file(folder, "a", false, &error));
	assert_messages("");
	ck_assert_int_eq(mkdir("cur/b", 0700), 0);
	ck_assert(!maildir_remove_file(folder, "b", false, &error));
	assert_local("cannot remove", "root/box/cur/b", "Is a directory");
}
END_TEST

/* ---- names ---- */

static const struct disown_case {
	const char *files[3]; /* the first one is disowned */
	const char *after;
} disown_cases[] = {
    {{"cur/" BASE ":2,S"}, "cur/5.V7.host,S=3:2,S"},
    {{"new/" BASE}, "new/5.V7.host,S=3"},
    {{"new/" BASE, "cur/5.V7.host,S=3"}, "cur/5.V7.host,S=3 new/5.V7.host,S=3"},
    {{"cur/" BASE ":2,S", "cur/5.V7.host,S=3:2,S"},
	"cur/5.V7.host,S=3,2:2,S cur/5.V7.host,S=3:2,S"},
    {{"cur/" BASE ":2,", "cur/5.V7.host,S=3:2,", "cur/5.V7.host,S=3,2:2,"},
	"cur/5.V7.host,S=3,2:2, cur/5.V7.host,S=3,3:2, cur/5.V7.host,S=3:2,"},
    {{"cur/local:2,"}, "cur/local:2,"},
};

START_TEST(test_a_disowned_file_never_replaces_another)
{
	const struct disown_case *test = &disown_cases[_i];
	const char *path = test->files[0];

	write_all(test->files);
	ck_assert_msg(maildir_disown(folder, path + 4, path[0] == 'n', &error),
	    "%s", error.text);
	assert_messages(test->after);
	for (int i = 1; i < 3 && test->files[i] != NULL; i++)
		assert_content(test->files[i], test->files[i]);
}
END_TEST

START_TEST(test_a_file_that_is_gone_is_disowned)
{
	ck_assert(maildir_disown(folder, BASE, true, &error));
	assert_messages("");
}
END_TEST

static const struct rename_case {
	const char *from;
	uint32_t flags;
	const char *after;
} rename_cases[] = {
    {"new/123.M1.laptop,U=2,S=3", 0, "new/" BASE},
    {"new/123.M1.laptop,U=2,S=3", INDEX_SEEN, "cur/" BASE ":2,S"},
    {"cur/123.M1.laptop,U=2,S=3:2,F", INDEX_SEEN, "cur/" BASE ":2,S"},
    {"cur/123.M1.laptop,U=2,S=3:2,F", 0, "cur/" BASE ":2,"},
    {"cur/" BASE ":2,S", INDEX_SEEN, "cur/" BASE ":2,S"},
    {"cur/" BASE ":2,Q", 0, "cur/" BASE ":2,"},
    {"cur/" BASE, 0, "cur/" BASE ":2,"},
    {"new/" BASE ":2,", 0, "new/" BASE},
    {"new/no claim at all", 0, "new/" BASE},
};

START_TEST(test_a_rightful_file_gets_its_name)
{
	const struct rename_case *test = &rename_cases[_i];
	struct maildir_message wanted = message;

	wanted.flags = test->flags;
	write_file(test->from, "");
	ck_assert_msg(maildir_rename(folder, &identity, test->from + 4,
			  test->from[0] == 'n', &wanted, &error),
	    "%s", error.text);
	assert_messages(test->after);
}
END_TEST

START_TEST(test_a_renamed_file_never_replaces_another)
{
	write_file("new/123.M1.laptop,U=2,S=3", "copy");
	write_file("new/" BASE, "rightful");
	ck_assert(!maildir_rename(folder, &identity, "123.M1.laptop,U=2,S=3",
	    true, &message, &error));
	assert_local("cannot rename", "root/box/new/123.M1.laptop,U=2,S=3",
	    "File exists");
	assert_content("new/" BASE, "rightful");
	assert_content("new/123.M1.laptop,U=2,S=3", "copy");
}
END_TEST

START_TEST(test_a_file_that_is_gone_cannot_be_renamed)
{
	ck_assert(!maildir_rename(
	    folder, &identity, "x,U=2", false, &message, &error));
	assert_local("cannot rename", "root/box/cur/x,U=2", "No such file");
}
END_TEST

/* ---- content ---- */

/* A file of some bytes, the one at the offset changed (-1: none). */
static void
write_bytes(const char *path, size_t size, long changed)
{
	FILE *file = fopen(path, "we");

	for (size_t i = 0; i < size; i++)
		putc((int)(i % 251) ^ ((long)i == changed), file);
	ck_assert_int_eq(fclose(file), 0);
}

static const struct content_case {
	size_t size_a;
	size_t size_b;
	long changed;
	bool is_same;
} content_cases[] = {
    {0, 0, -1, true},
    {1, 1, -1, true},
    {1, 1, 0, false},
    {1, 0, -1, false},
    {16384, 16384, -1, true},
    {16384, 16384, 16383, false},
    {16385, 16385, 16384, false},
    {100000, 100000, -1, true},
    {100000, 100000, 99999, false},
    {100000, 99999, -1, false},
};

START_TEST(test_content_is_compared_byte_for_byte)
{
	const struct content_case *test = &content_cases[_i];

	write_bytes("new/a", test->size_a, -1);
	write_bytes("cur/b", test->size_b, test->changed);
	ck_assert(maildir_same_content(folder, "a", true, "b", false) ==
	    test->is_same);
	ck_assert(maildir_same_content(folder, "b", false, "a", true) ==
	    test->is_same);
}
END_TEST

START_TEST(test_what_is_no_file_has_no_content)
{
	write_file("new/a", "");
	ck_assert_int_eq(symlink("a", "new/link"), 0);
	ck_assert_int_eq(mkfifo("new/fifo", 0600), 0);
	ck_assert(!maildir_same_content(folder, "a", true, "a", false));
	ck_assert(!maildir_same_content(folder, "a", true, "link", true));
	ck_assert(!maildir_same_content(folder, "fifo", true, "a", true));
	ck_assert(maildir_same_content(folder, "a", true, "a", true));
}
END_TEST

/* ---- claims ---- */

static const struct {
	const char *files[3];
	const char *except;
	const char *found; /* NULL: none */
} claims[] = {
    {{"new/1.V7.host,U=5,S=3"}, NULL, "new/1.V7.host,U=5,S=3"},
    {{"cur/1.V7.host,U=5,S=3:2,S"}, NULL, "cur/1.V7.host,U=5,S=3:2,S"},
    /* whatever else its name says */
    {{"cur/foreign,U=5"}, NULL, "cur/foreign,U=5"},
    {{"cur/1.V99.elsewhere,U=5,FMD5=0:2,"}, NULL,
	"cur/1.V99.elsewhere,U=5,FMD5=0:2,"},
    /* other UIDs, no UID, two of them */
    {{"new/a,U=55", "cur/b,U=4", "cur/c"}, NULL, NULL},
    {{"cur/a,U=5,U=5"}, NULL, NULL},
    {{NULL}, NULL, NULL},
    /* other than the one that is known */
    {{"new/a,U=5"}, "a,U=5", NULL},
    {{"new/a,U=5", "cur/b,U=5:2,S"}, "a,U=5", "cur/b,U=5:2,S"},
    {{"new/a,U=5", "cur/b,U=5:2,S"}, "b,U=5:2,S", "new/a,U=5"},
    {{"cur/a,U=5:2,", "cur/a,U=5:2,S"}, "a,U=5:2,", "cur/a,U=5:2,S"},
};

START_TEST(test_a_claim_is_found_in_new_and_cur)
{
	char name[MAILDIR_NAME_SIZE], path[MAILDIR_NAME_SIZE + 8];
	bool is_new = false, is_found;

	for (int i = 0; i < 3 && claims[_i].files[i] != NULL; i++)
		write_file(claims[_i].files[i], "");
	is_found =
	    maildir_find_claim(folder, 5, claims[_i].except, name, &is_new);
	ck_assert(is_found == (claims[_i].found != NULL));
	if (!is_found)
		return;
	snprintf(path, sizeof(path), "%s/%s", is_new ? "new" : "cur", name);
	ck_assert_str_eq(path, claims[_i].found);
}
END_TEST

START_TEST(test_only_files_claim)
{
	char name[MAILDIR_NAME_SIZE];
	bool is_new;

	ck_assert_int_eq(mkdir("new/a,U=5", 0700), 0);
	ck_assert_int_eq(symlink("x", "cur/b,U=5"), 0);
	write_file("cur/.c,U=5", "");
	write_file("tmp/d,U=5", "");
	ck_assert(!maildir_find_claim(folder, 5, NULL, name, &is_new));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("maildir_change");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(tests, test_flags_are_changed_wherever_the_file_is,
	    0, COUNT(flags_cases));
	tcase_add_loop_test(tests,
	    test_a_message_of_unknown_size_or_date_is_found_by_its_uid, 0, 3);
	tcase_add_loop_test(tests, test_a_strangers_claim_is_not_the_message, 0,
	    COUNT(strangers));
	tcase_add_test(tests, test_a_link_is_not_the_message);
	tcase_add_test(tests, test_flags_that_cannot_be_changed_are_an_error);
	tcase_add_loop_test(tests,
	    test_a_message_is_removed_wherever_its_file_is, 0,
	    COUNT(removable));
	tcase_add_test(tests, test_a_file_is_removed_by_name);
	tcase_add_loop_test(tests, test_a_disowned_file_never_replaces_another,
	    0, COUNT(disown_cases));
	tcase_add_test(tests, test_a_file_that_is_gone_is_disowned);
	tcase_add_loop_test(
	    tests, test_a_rightful_file_gets_its_name, 0, COUNT(rename_cases));
	tcase_add_test(tests, test_a_renamed_file_never_replaces_another);
	tcase_add_test(tests, test_a_file_that_is_gone_cannot_be_renamed);
	tcase_add_loop_test(tests, test_content_is_compared_byte_for_byte, 0,
	    COUNT(content_cases));
	tcase_add_test(tests, test_what_is_no_file_has_no_content);
	tcase_add_loop_test(
	    tests, test_a_claim_is_found_in_new_and_cur, 0, COUNT(claims));
	tcase_add_test(tests, test_only_files_claim);
	tcase_add_loop_test(tests,
	    test_a_released_file_is_a_local_one_here_or_elsewhere, 0,
	    2 * (int)(sizeof(release_cases) / sizeof(release_cases[0])));
	tcase_add_test(tests, test_a_released_file_replaces_no_other);
	return run_case("maildir_change", tests);
}
