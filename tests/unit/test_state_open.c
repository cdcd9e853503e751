/*
 * daemon/state_open: private files, and a database that is no good is put
 * aside.
 */
#include "tests/unit/state_helpers.h"

/* ---- files ---- */

START_TEST(test_the_files_are_private_whatever_the_umask)
{
	static const char *const files[] = {
	    "wide/deep/a.db", "wide/deep/a.db-wal", "wide/deep/a.db-shm"};
	struct state *other;

	umask(_i == 0 ? 0 : 0277);
	other = state_open("wide/deep", "a", true, &note, &error);
	ck_assert_msg(other != NULL, "%s", error.text);
	ck_assert_uint_eq(mode_of("wide"), 0700);
	ck_assert_uint_eq(mode_of("wide/deep"), 0700);
	for (int i = 0; i < COUNT(files); i++)
		ck_assert_uint_eq(mode_of(files[i]), 0600);
	state_close(other);
}
END_TEST

START_TEST(test_a_directory_that_cannot_be_made_is_an_error)
{
	FILE *file = fopen("file", "we");

	fclose(file);
	ck_assert_ptr_null(state_open("file", "a", true, &note, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	ck_assert_ptr_null(note);
}
END_TEST

START_TEST(test_a_directory_in_the_files_place_is_an_error)
{
	ck_assert_int_eq(mkdir("dir/state/b.db", 0700), 0);
	ck_assert_ptr_null(state_open("dir/state", "b", true, &note, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	ck_assert_ptr_nonnull(strstr(error.text, "dir/state/b.db"));
	ck_assert_ptr_null(note);
}
END_TEST

/* ---- no good ---- */

static void
run_sql(const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open("dir/state/me.db", &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static void
overwrite(long offset, size_t len)
{
	FILE *file = fopen("dir/state/me.db", "r+e");

	ck_assert_int_eq(fseek(file, offset, SEEK_SET), 0);
	for (size_t i = 0; i < len; i++)
		putc(0x5a, file);
	ck_assert_int_eq(fclose(file), 0);
}

static void
be_garbage(void)
{
	ck_assert_int_eq(truncate("dir/state/me.db", 0), 0);
	overwrite(0, 5000);
}

static void
be_short(void)
{
	ck_assert_int_eq(truncate("dir/state/me.db", 5000), 0);
}

static void
be_damaged_inside(void)
{
	overwrite(4096L * 5, 20000);
}

static void
be_newer(void)
{
	run_sql("PRAGMA user_version = 1000");
}

static void
be_foreign(void)
{
	run_sql("PRAGMA application_id = 1");
}

static void
be_anybodys(void)
{
	run_sql("PRAGMA application_id = 0; PRAGMA user_version = 0");
}

static void
lack_a_table(void)
{
	run_sql("DROP TABLE chunk");
}

static void
lack_a_column(void)
{
	run_sql("ALTER TABLE folder DROP COLUMN is_gone");
}

/* What SQLite's own check does not see. */
static void
have_a_short_chunk(void)
{
	run_sql("UPDATE chunk SET data = substr(data, 1, length(data) - 1)"
		" WHERE id % 256 = 3");
}

static void
have_a_changed_chunk(void)
{
	run_sql("UPDATE chunk SET data = CAST(substr(data, 1, 50) || x'55' ||"
		" substr(data, 52) AS BLOB) WHERE id % 256 = 3");
}

static void
have_an_empty_chunk(void)
{
	run_sql("UPDATE chunk SET data = x'' WHERE id % 256 = 3");
}

static void
have_a_chunk_astray(void)
{
	run_sql("UPDATE chunk SET id = id + 100 WHERE id % 256 = 3");
}

static void
have_a_strange_folder(void)
{
	run_sql("UPDATE folder SET id = 1 << 62");
}

static const struct unsound_case {
	void (*spoil)(void);
	const char *why;
} unsound_cases[] = {
    {be_garbage, "file is not a database"},
    {be_short, "malformed"},
    {be_damaged_inside, "damaged"},
    {be_newer, "newer version"},
    {be_foreign, "another program's"},
    {be_anybodys, "another program's"},
    {lack_a_table, "no such table"},
    {lack_a_column, "no such column"},
    {have_a_short_chunk, "damaged"},
    {have_a_changed_chunk, "damaged"},
    {have_an_empty_chunk, "damaged"},
    {have_a_chunk_astray, "damaged"},
    {have_a_strange_folder, "damaged"},
};

START_TEST(test_what_is_no_good_is_put_aside)
{
	static uint32_t uids[3000];

	for (uint32_t i = 0; i < 3000; i++)
		uids[i] = i + 1;
	put_uids("A", uids, 3000);
	state = state_close(state);
	unsound_cases[_i].spoil();
	open_state(true);
	ck_assert_ptr_nonnull(note);
	ck_assert_msg(strstr(note, unsound_cases[_i].why) != NULL, "%s", note);
	ck_assert_ptr_nonnull(strstr(note, "dir/state/me.db.broken"));
	ck_assert_uint_eq(mode_of("dir/state/me.db.broken"), 0600);
	ck_assert_uint_eq(mode_of("dir/state/me.db"), 0600);
	assert_uids("A", "");
	put_uids("A", (uint32_t[]){1}, 1);
	reopen();
	assert_uids("A", "1");
}
END_TEST

START_TEST(test_the_log_is_put_aside_with_its_database)
{
	static const char *const leftovers[] = {"dir/state/me.db-wal",
	    "dir/state/me.db.broken-wal", "dir/state/me.db.broken-shm"};

	state = state_close(state);
	be_garbage();
	for (int i = 0; i < COUNT(leftovers); i++) {
		FILE *file = fopen(leftovers[i], "we");

		fputs(leftovers[i], file);
		fclose(file);
	}
	open_state(true);
	ck_assert_ptr_nonnull(note);
	/* An older one's files must not be taken for this one's. */
	ck_assert_int_ne(access("dir/state/me.db.broken-shm", F_OK), 0);
	put_uids("A", (uint32_t[]){1}, 1);
	assert_uids("A", "1");
}
END_TEST

START_TEST(test_an_empty_file_becomes_a_database)
{
	state = state_close(state);
	ck_assert_int_eq(truncate("dir/state/me.db", 0), 0);
	open_state(true);
	ck_assert_ptr_null(note);
	put_uids("A", (uint32_t[]){1}, 1);
	assert_uids("A", "1");
}
END_TEST

/* As the first version wrote it. */
static const char version_1[] =
    "CREATE TABLE folder (id INTEGER PRIMARY KEY,"
    " mailbox BLOB NOT NULL UNIQUE, path TEXT UNIQUE,"
    " uidvalidity INTEGER NOT NULL DEFAULT 0,"
    " uidnext INTEGER NOT NULL DEFAULT 0,"
    " highestmodseq INTEGER NOT NULL DEFAULT 0,"
    " is_held INTEGER NOT NULL DEFAULT 0,"
    " is_gone INTEGER NOT NULL DEFAULT 0,"
    " stale_uidvalidity INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE message (folder INTEGER NOT NULL, uid INTEGER NOT NULL,"
    " flags INTEGER NOT NULL, size INTEGER NOT NULL, date INTEGER NOT NULL,"
    " modseq INTEGER NOT NULL, PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
    "CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
    " WITHOUT ROWID;"
    "INSERT INTO folder (id, mailbox, path, uidvalidity)"
    " VALUES (1, CAST('A' AS BLOB), 'a', 7);"
    "INSERT INTO message VALUES (1, 5, 16, 1000, 2000, 3);"
    "PRAGMA application_id = 1296918898;"
    "PRAGMA user_version = 1;";

START_TEST(test_an_older_database_keeps_what_it_knew)
{
	struct state_folder folder;

	state = state_close(state);
	ck_assert_int_eq(unlink("dir/state/me.db"), 0);
	run_sql(version_1);
	open_state(true);
	ck_assert_ptr_null(note);
	ck_assert(state_load_folder(state, span_of("A"), &folder, &error));
	ck_assert_uint_eq(folder.uidvalidity, 7);
	ck_assert_int_eq(folder.last_full, 0);
	ck_assert_str_eq(folder.mailboxid, "");
	assert_uids("A", "5");
	ck_assert_uint_eq(list("A").last.size, 1000);
	put_uids("A", (uint32_t[]){6}, 1);
	reopen();
	assert_uids("A", "5 6");
}
END_TEST

/* What the third version had more; a row a message. */
static const char version_3[] =
    "ALTER TABLE message ADD COLUMN emailid BLOB;"
    "ALTER TABLE message ADD COLUMN keywords TEXT;"
    "CREATE INDEX message_emailid ON message (emailid)"
    " WHERE emailid IS NOT NULL;"
    "ALTER TABLE folder ADD COLUMN last_full INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE folder ADD COLUMN mailboxid BLOB;"
    "CREATE TABLE withheld (folder INTEGER NOT NULL, uid INTEGER NOT NULL,"
    " size INTEGER NOT NULL, tries INTEGER NOT NULL,"
    " next_try INTEGER NOT NULL, PRIMARY KEY (folder, uid)) WITHOUT ROWID;"
    "ALTER TABLE folder ADD COLUMN new_ns INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE folder ADD COLUMN cur_ns INTEGER NOT NULL DEFAULT 0;"
    "INSERT INTO folder (id, mailbox, path, uidvalidity)"
    " VALUES (2, CAST('B' AS BLOB), 'b', 8), (3, CAST('C' AS BLOB), 'c', 9);"
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    " WHERE i < 3000) INSERT INTO message (folder, uid, flags, size, date,"
    " modseq) SELECT 3, i * 3, i, i * 1000, -i, -1 FROM n;"
    "INSERT INTO message VALUES"
    " (1, 255, 1, 2, 3, 4, x'4d31', NULL),"
    " (1, 256, 4294967295, -1, -2, 5, NULL, 'x y'),"
    " (1, 4294967295, 16, 1001, 2001, 0, x'4d32', 'z'),"
    " (-2, 7, 8, 9, 10, 11, x'4d33', NULL),"
    /* what cannot be */
    " (2, 0, 1, 1, 1, 1, NULL, NULL),"
    " (2, 4294967296, 1, 1, 1, 1, NULL, NULL),"
    " (9223372036854775807, 1, 1, 1, 1, 1, NULL, NULL);"
    "PRAGMA user_version = 3;";

static void
note_place(void *user, const struct state_place *place)
{
	*(uint32_t *)user = place->uid;
}

static void
assert_found(const char *emailid, uint32_t expected)
{
	uint32_t uid = 0;

	ck_assert(state_find_emailid(
	    state, span_of(emailid), note_place, &uid, &error));
	ck_assert_uint_eq(uid, expected);
}

START_TEST(test_a_row_a_message_becomes_chunks)
{
	struct listing listing;
	uint32_t retired = 0;
	bool all;

	state = state_close(state);
	ck_assert_int_eq(unlink("dir/state/me.db"), 0);
	run_sql(version_1);
	run_sql(version_3);
	open_state(true);
	ck_assert_ptr_null(note);
	reopen();
	assert_uids("A", "5 255 256 4294967295");
	listing = list("A");
	ck_assert_str_eq(listing.keywords, "z");
	ck_assert_uint_eq(listing.last.flags, 16);
	ck_assert_uint_eq(listing.last.size, 1001);
	ck_assert_int_eq(listing.last.date, 2001);
	ck_assert_uint_eq(listing.last.modseq, 0);
	assert_uids("B", "");
	listing = list("C");
	ck_assert_uint_eq(listing.count, 3000);
	ck_assert_uint_eq(listing.last.uid, 9000);
	ck_assert_uint_eq(listing.last.size, 3000000);
	ck_assert_int_eq(listing.last.date, -3000);
	ck_assert_uint_eq(listing.last.modseq, UINT64_MAX);
	assert_found("M1", 255);
	assert_found("M2", 4294967295);
	assert_found("M3", 0);
	ck_assert(state_has_retired(state, span_of("B"), &all, &error));
	ck_assert(all);
	ck_assert(state_find_retired(
	    state, span_of("B"), span_of("M3"), note_place, &retired, &error));
	ck_assert_uint_eq(retired, 7);
}
END_TEST

START_TEST(test_damage_while_it_is_open_is_an_error_and_found_by_the_next)
{
	struct listing listing = {.len = 0};
	struct state_message message = {.uid = 2};
	struct state_change change = {
	    .mailbox = span_of("A"), .put = &message, .put_count = 1};

	put_uids("A", (uint32_t[]){1}, 1);
	run_sql("UPDATE chunk SET data = x'00'");
	ck_assert(!state_load_messages(
	    state, span_of("A"), list_message, &listing, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_LOCAL);
	ck_assert_str_eq(error.text,
	    "cannot read dir/state/me.db: its messages are damaged");
	error = (struct imap_error){0};
	ck_assert(!state_apply(state, &change, &error));
	ck_assert_str_eq(error.text,
	    "cannot write dir/state/me.db: its messages are damaged");
	state = state_close(state);
	open_state(true);
	ck_assert_ptr_nonnull(note);
	assert_uids("A", "");
}
END_TEST

START_TEST(test_a_database_in_use_is_not_put_aside)
{
	sqlite3 *other;

	state = state_close(state);
	ck_assert_int_eq(sqlite3_open("dir/state/me.db", &other), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(other,
			     "PRAGMA locking_mode = EXCLUSIVE;"
			     "BEGIN EXCLUSIVE",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	ck_assert_ptr_null(state_open("dir/state", "me", true, &note, &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_BUSY);
	ck_assert_ptr_null(note);
	sqlite3_close(other);
	open_state(true);
	ck_assert_ptr_null(note);
}
END_TEST

/* ---- looking on ---- */

START_TEST(test_another_ones_database_can_be_looked_at)
{
	struct state *view;
	char *path;

	ck_assert(state_set_path(state, span_of("A"), "Lists/a", &error));
	view = state_view("dir/state", "me", &error);
	ck_assert_msg(view != NULL, "%s", error.text);
	path = state_path(view, span_of("A"));
	ck_assert_str_eq(path, "Lists/a");
	mem_free(path);
	ck_assert(!state_set_path(view, span_of("B"), "b", &error));
	/* which its owner still may */
	ck_assert(state_set_path(state, span_of("C"), "c", NULL));
	state_close(view);
}
END_TEST

START_TEST(test_looking_makes_nothing)
{
	state = state_close(state);
	ck_assert_ptr_null(state_view("dir/state", "other", &error));
	ck_assert_ptr_null(state_view("dir/nothing", "me", &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_NONE);
	ck_assert_int_ne(access("dir/nothing", F_OK), 0);
	ck_assert_int_ne(access("dir/state/other.db", F_OK), 0);
	run_sql("PRAGMA application_id = 1");
	ck_assert_ptr_null(state_view("dir/state", "me", &error));
	ck_assert_int_eq(error.kind, IMAP_ERROR_NONE);
	ck_assert_int_eq(access("dir/state/me.db", F_OK), 0);
	ck_assert_int_ne(access("dir/state/me.db.broken", F_OK), 0);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("state_open");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(
	    tests, test_the_files_are_private_whatever_the_umask, 0, 2);
	tcase_add_test(tests, test_a_directory_that_cannot_be_made_is_an_error);
	tcase_add_test(tests, test_a_directory_in_the_files_place_is_an_error);
	tcase_add_loop_test(
	    tests, test_what_is_no_good_is_put_aside, 0, COUNT(unsound_cases));
	tcase_add_test(tests, test_the_log_is_put_aside_with_its_database);
	tcase_add_test(tests, test_an_empty_file_becomes_a_database);
	tcase_add_test(tests, test_an_older_database_keeps_what_it_knew);
	tcase_add_test(tests, test_a_row_a_message_becomes_chunks);
	tcase_add_test(tests,
	    test_damage_while_it_is_open_is_an_error_and_found_by_the_next);
	tcase_add_test(tests, test_a_database_in_use_is_not_put_aside);
	tcase_add_test(tests, test_another_ones_database_can_be_looked_at);
	tcase_add_test(tests, test_looking_makes_nothing);
	return run_case("state_open", tests);
}
