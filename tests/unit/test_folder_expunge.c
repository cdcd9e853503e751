/*
 * daemon/folder_expunge: what becomes of what the server no longer has.
 */
#include "daemon/folder_expunge.h"

#include "libclient/base/mem.h"
#include "tests/unit/maildir_helpers.h"

#define BASE "5.V7.host,U=2,S=1"

static struct state *state;
static struct settings_account settings = {.archive_folder = (char *)"Old/A"};
static struct keywords keywords;
static const struct maildir_message message = {
    2, 1, 5, INDEX_SEEN | UINT32_C(1) << 7};

static void
set_up_state(void)
{
	char *note;

	set_up();
	state = state_open("../../state", "me", false, &note, &error);
	ck_assert_ptr_nonnull(state);
	ck_assert_uint_eq(keywords_bit(&keywords, span_of("first")), 1U << 6);
	ck_assert_uint_eq(keywords_bit(&keywords, span_of("second")), 1U << 7);
	write_file("cur/" BASE ":2,Sb", "x");
}

static void
tear_down_state(void)
{
	state = state_close(state);
	keywords_free(&keywords);
	tear_down();
}

static bool
expunge(enum settings_on_expunge what, enum settings_layout layout)
{
	struct folder_expunge expunge = {0};
	bool is_ok;

	settings.on_expunge = what;
	settings.layout = layout;
	folder_expunge_begin(&expunge, &settings, &keywords);
	is_ok = folder_expunge(&expunge, root, state, folder, &identity,
	    &message, 1, true, &error);
	folder_expunge_free(&expunge);
	return is_ok;
}

START_TEST(test_deleted)
{
	ck_assert(expunge(SETTINGS_EXPUNGE_DELETE, SETTINGS_LAYOUT_NESTED));
	assert_messages("");
}
END_TEST

START_TEST(test_kept_as_a_local_file)
{
	ck_assert(expunge(SETTINGS_EXPUNGE_KEEP, SETTINGS_LAYOUT_NESTED));
	assert_messages("cur/5.V7.host,S=1:2,Sb");
}
END_TEST

static const char *const archives[] = {"../Old/A", "../.Old.A"};

START_TEST(test_archived_with_the_archives_own_letters)
{
	char path[128];

	ck_assert_msg(
	    expunge(SETTINGS_EXPUNGE_ARCHIVE,
		_i == 0 ? SETTINGS_LAYOUT_NESTED : SETTINGS_LAYOUT_MAILDIRPP),
	    "%s", error.text);
	assert_messages("");
	ck_assert_uint_eq(mode_of(archives[_i]), 0700);
	snprintf(path, sizeof(path), "%s/dovecot-keywords", archives[_i]);
	assert_content(path, "0 second\n");
	snprintf(path, sizeof(path), "%s/cur/5.V7.host,S=1:2,Sa", archives[_i]);
	assert_content(path, "x");
}
END_TEST

/* A crash after the files and before the rows. */
START_TEST(test_done_again_it_changes_nothing)
{
	static const enum settings_on_expunge all[] = {SETTINGS_EXPUNGE_DELETE,
	    SETTINGS_EXPUNGE_KEEP, SETTINGS_EXPUNGE_ARCHIVE};

	ck_assert(expunge(all[_i], SETTINGS_LAYOUT_NESTED));
	ck_assert(expunge(all[_i], SETTINGS_LAYOUT_NESTED));
	if (_i == 2) {
		folder = maildir_close(folder);
		folder = maildir_open(root, "Old/A", &error);
	}
	assert_messages(_i == 0 ? ""
		: _i == 1	? "cur/5.V7.host,S=1:2,Sb"
				: "cur/5.V7.host,S=1:2,Sa");
}
END_TEST

START_TEST(test_a_mirrored_folder_is_no_archive)
{
	ck_assert(state_set_path(state, span_of("Old/A"), "Old/A", &error));
	ck_assert(!expunge(SETTINGS_EXPUNGE_ARCHIVE, SETTINGS_LAYOUT_NESTED));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	assert_messages("cur/" BASE ":2,Sb");
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("folder_expunge");

	tcase_add_checked_fixture(tests, set_up_state, tear_down_state);
	tcase_add_test(tests, test_deleted);
	tcase_add_test(tests, test_kept_as_a_local_file);
	tcase_add_loop_test(
	    tests, test_archived_with_the_archives_own_letters, 0, 2);
	tcase_add_loop_test(tests, test_done_again_it_changes_nothing, 0, 3);
	tcase_add_test(tests, test_a_mirrored_folder_is_no_archive);
	return run_case("folder_expunge", tests);
}
