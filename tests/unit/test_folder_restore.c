/*
 * daemon/folder_restore: what somebody did to a folder's files is put back.
 */
#include "daemon/folder_restore.h"

#include "libclient/base/mem.h"
#include "tests/unit/maildir_helpers.h"

/* Files of UID 1 to 3 as agreed: new, seen, flagged. */
#define ONE   "new/5.V7.host,U=1,S=1"
#define TWO   "cur/5.V7.host,U=2,S=1:2,S"
#define THREE "cur/5.V7.host,U=3,S=1:2,F"

static const struct index_entry entries[] = {
    {1, 1, 5, 0}, {2, 1, 5, INDEX_SEEN}, {3, 1, 5, INDEX_FLAGGED}};

static const struct restore_case {
	const char *what;
	/* from, to; NULL: it is removed, or a copy of TWO is made */
	const char *steps[2];
	struct folder_sighting sighting;
	const char *after;
	const char *lost;
} restore_cases[] = {
    {"nothing happened", {NULL}, {2, 0, 0, false, false},
	"cur/5.V7.host,U=2,S=1:2,S cur/5.V7.host,U=3,S=1:2,F " ONE, ""},
    {"a flag was set", {TWO, "cur/5.V7.host,U=2,S=1:2,RS"},
	{2, INDEX_SEEN | INDEX_REPLIED, 0, true, false},
	"cur/5.V7.host,U=2,S=1:2,S cur/5.V7.host,U=3,S=1:2,F " ONE, ""},
    {"a flag was set, and nobody saw which",
	{TWO, "cur/5.V7.host,U=2,S=1:2,RS"}, {2, INDEX_SEEN, 0, false, false},
	"cur/5.V7.host,U=2,S=1:2,S cur/5.V7.host,U=3,S=1:2,F " ONE, ""},
    {"moved to cur/ is the reader's right", {ONE, "cur/5.V7.host,U=1,S=1:2,"},
	{1, 0, 0, true, false},
	"cur/5.V7.host,U=1,S=1:2, cur/5.V7.host,U=2,S=1:2,S "
	"cur/5.V7.host,U=3,S=1:2,F",
	""},
    {"moved to cur/ with a flag is put back there",
	{ONE, "cur/5.V7.host,U=1,S=1:2,S"}, {1, INDEX_SEEN, 0, true, false},
	"cur/5.V7.host,U=1,S=1:2, cur/5.V7.host,U=2,S=1:2,S "
	"cur/5.V7.host,U=3,S=1:2,F",
	""},
    {"removed", {TWO, NULL}, {2, INDEX_SEEN, 0, false, false},
	"cur/5.V7.host,U=3,S=1:2,F " ONE, "2"},
    {"renamed by somebody who keeps the claim",
	{TWO, "cur/9.V7.other,U=2,S=1,X:2,"}, {2, 0, 0, true, true},
	"cur/5.V7.host,U=2,S=1:2,S cur/5.V7.host,U=3,S=1:2,F " ONE, ""},
    {"a copy with other flags is removed", {NULL, "cur/5.V7.host,U=2,S=1:2,T"},
	{2, INDEX_TRASHED, 0, true, false},
	"cur/5.V7.host,U=2,S=1:2,S cur/5.V7.host,U=3,S=1:2,F " ONE, ""},
    {"another file with the claim becomes a local one",
	{"other", "cur/5.V7.host,U=2,S=1:2,T"},
	{2, INDEX_TRASHED, 0, true, false},
	"cur/5.V7.host,S=1:2,T cur/5.V7.host,U=2,S=1:2,S "
	"cur/5.V7.host,U=3,S=1:2,F " ONE,
	""},
    {"a claim to what is not here becomes a local file",
	{"other", "cur/5.V7.host,U=9,S=1:2,T"},
	{9, INDEX_TRASHED, 0, true, false},
	"cur/5.V7.host,S=1:2,T cur/5.V7.host,U=2,S=1:2,S "
	"cur/5.V7.host,U=3,S=1:2,F " ONE,
	""},
    {"a claim of another folder becomes a local file",
	{"other", "cur/5.V8.host,U=2,S=1:2,T"}, {2, 0, 0, true, true},
	"cur/5.V7.host,U=2,S=1:2,S cur/5.V7.host,U=3,S=1:2,F "
	"cur/5.V8.host,S=1:2,T " ONE,
	""},
};

static struct folder_restore
begin(void)
{
	struct folder_restore restore = {
	    .maildir = folder, .identity = identity};

	return restore;
}

static void
make_all(void)
{
	write_file(ONE, "1");
	write_file(TWO, "2");
	write_file(THREE, "3");
	write_file("other", "x");
}

static void
do_step(const char *from, const char *to)
{
	if (to == NULL)
		ck_assert_int_eq(unlink(from), 0);
	else if (from == NULL)
		write_file(to, "2");
	else
		ck_assert_int_eq(rename(from, to), 0);
}

static void
assert_restored(
    struct folder_restore *restore, const char *after, const char *lost)
{
	struct uidset expected = {0};

	ck_assert_msg(folder_restore(restore, &error), "%s", error.text);
	if (*lost != '\0')
		ck_assert(uidset_parse(&expected, span_of(lost)));
	ck_assert(uidset_equal(&restore->lost, &expected));
	assert_messages(after);
	uidset_free(&expected);
	folder_restore_free(restore);
}

START_TEST(test_what_was_seen_is_put_back)
{
	const struct restore_case *test = &restore_cases[_i / 2];
	bool is_all = _i % 2 == 1;
	struct folder_restore restore = begin();

	make_all();
	ck_assert_ptr_nonnull(test->what);
	if (test->steps[0] != NULL || test->steps[1] != NULL)
		do_step(test->steps[0], test->steps[1]);
	restore.is_all = is_all;
	if (!is_all) {
		restore.sightings =
		    mem_resize(NULL, 1, sizeof(*restore.sightings));
		restore.sightings[0] = test->sighting;
		restore.sighting_count = 1;
	}
	for (int i = 0; i < 3; i++)
		if (is_all || entries[i].uid == test->sighting.uid)
			index_put(&restore.expected, &entries[i]);
	assert_restored(&restore, test->after, test->lost);
}
END_TEST

START_TEST(test_a_whole_folder_that_is_gone_is_lost)
{
	struct folder_restore restore = begin();

	restore.is_all = true;
	for (int i = 0; i < 3; i++)
		index_put(&restore.expected, &entries[i]);
	assert_restored(&restore, "", "1:3");
}
END_TEST

START_TEST(test_what_waits_for_the_server_is_left_alone)
{
	struct folder_restore restore = begin();

	write_file("cur/5.V7.host,U=2,S=1:2,T", "2");
	restore.is_all = true;
	uidset_add(&restore.ignored, 2);
	assert_restored(&restore, "cur/5.V7.host,U=2,S=1:2,T", "");
}
END_TEST

START_TEST(test_the_generation_before_is_left_alone)
{
	struct folder_restore restore = begin();

	write_file("cur/5.V6.host,U=2,S=1:2,T", "2");
	restore.is_all = true;
	restore.stale_uidvalidity = 6;
	assert_restored(&restore, "cur/5.V6.host,U=2,S=1:2,T", "");
}
END_TEST

START_TEST(test_ten_thousand_removed_files_cost_one_look)
{
	struct folder_restore restore = begin();

	restore.sightings = mem_resize(NULL, 10000, sizeof(*restore.sightings));
	restore.sighting_count = 10000;
	for (uint32_t i = 0; i < 10000; i++) {
		struct index_entry entry = {i + 1, 1, 5, 0};
		char path[64];

		restore.sightings[i] = (struct folder_sighting){.uid = i + 1};
		index_put(&restore.expected, &entry);
		snprintf(path, sizeof(path), "cur/local-%u", i);
		write_file(path, "");
	}
	ck_assert(folder_restore(&restore, &error));
	ck_assert_uint_eq(uidset_count(&restore.lost), 10000);
	folder_restore_free(&restore);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("folder_restore");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 20);
	tcase_add_loop_test(tests, test_what_was_seen_is_put_back, 0,
	    2 * (int)(sizeof(restore_cases) / sizeof(*restore_cases)));
	tcase_add_test(tests, test_a_whole_folder_that_is_gone_is_lost);
	tcase_add_test(tests, test_what_waits_for_the_server_is_left_alone);
	tcase_add_test(tests, test_the_generation_before_is_left_alone);
	tcase_add_test(tests, test_ten_thousand_removed_files_cost_one_look);
	return run_case("folder_restore", tests);
}
