/*
 * daemon/landing: pieces become files of tmp/, whatever their borders are and
 * whatever a disk does, and nothing is left behind that nobody wants.
 */
#include "daemon/landing.h"
#include "libclient/base/mem.h"
#include "tests/unit/maildir_helpers.h"

#include <dirent.h>

static struct landing landing;
static struct landing_bodies opened;
static struct maildir_arrival *arrivals;

static void
begin(void)
{
	set_up();
	landing_init(&landing, false);
	landing.maildir = folder;
}

static void
finish(void)
{
	mem_free(arrivals);
	arrivals = NULL;
	landing_drop_all(&landing, &opened);
	landing_free(&landing);
	tear_down();
}

static bool
land(uint32_t id, struct span piece, uint64_t total)
{
	return landing_piece(&landing, &opened, id, piece, total, &error);
}

/* A whole body in one piece. */
static void
land_text(uint32_t id, const char *text)
{
	ck_assert_msg(land(id, span_of(text), strlen(text)), "%s", error.text);
}

static bool
name(uint32_t id, uint32_t uid)
{
	return landing_name(
	    &landing, &opened, id, &(struct maildir_message){.uid = uid});
}

static int
count_entries(const char *path)
{
	DIR *directory = opendir(path);
	int count = 0;

	ck_assert_ptr_nonnull(directory);
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

static int
count_tmp(void)
{
	return count_entries("tmp");
}

static void
assert_bytes(const char *tmp_name, struct span expected)
{
	char path[MAILDIR_NAME_SIZE + 8];
	char *bytes = mem_alloc(expected.len + 2);
	FILE *file;

	snprintf(path, sizeof(path), "tmp/%s", tmp_name);
	file = fopen(path, "re");
	ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
	ck_assert_uint_eq(
	    fread(bytes, 1, expected.len + 1, file), expected.len);
	ck_assert(
	    expected.len == 0 || memcmp(bytes, expected.at, expected.len) == 0);
	fclose(file);
	mem_free(bytes);
}

/* Takes the only arrival and compares its file. */
static void
assert_arrived(struct span expected)
{
	ck_assert_uint_eq(landing_take(&landing, &arrivals), 1);
	assert_bytes(arrivals[0].tmp_name, expected);
	maildir_remove_tmp(folder, arrivals[0].tmp_name);
	mem_free(arrivals);
	arrivals = NULL;
}

/* ---- line endings ---- */

#define BYTES(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}

static const struct {
	struct span sent;
	struct span kept; /* with line_endings = "lf" */
} bodies[] = {
    {BYTES("Subject: x\r\n\r\nHello\r\n"), BYTES("Subject: x\n\nHello\n")},
    {BYTES("a\nb\n"), BYTES("a\nb\n")},
    {BYTES(""), BYTES("")},
    {BYTES("\r\n"), BYTES("\n")},
    {BYTES("\n\r"), BYTES("\n\r")},
    {BYTES("\r"), BYTES("\r")},
    {BYTES("\r\r"), BYTES("\r\r")},
    {BYTES("\r\r\n"), BYTES("\r\n")},
    {BYTES("\r\n\r"), BYTES("\n\r")},
    {BYTES("\r\r\r\n\r\n\r\r"), BYTES("\r\r\n\n\r\r")},
    {BYTES("a\rb\r\nc\r"), BYTES("a\rb\nc\r")},
    {BYTES("\0\r\n\0\r\0\n\r\n\0"), BYTES("\0\n\0\r\0\n\n\0")},
    {BYTES("\xff\xfe\r\n\x80"), BYTES("\xff\xfe\n\x80")},
};

static void
set_mode(bool keeps_crlf)
{
	landing_drop_all(&landing, &opened);
	landing_free(&landing);
	landing_init(&landing, keeps_crlf);
	landing.maildir = folder;
}

/* Three pieces with borders at all places; empty ones are among them. */
static void
try_borders(struct span sent, struct span kept)
{
	uint32_t id = 1;

	for (size_t i = 0; i <= sent.len; i++)
		for (size_t j = i; j <= sent.len; j++, id++) {
			struct span rest = span_from(sent, j);
			struct span middle = span_from(sent, i);

			middle.len = j - i;
			if (i > 0)
				ck_assert(land(
				    id, (struct span){sent.at, i}, sent.len));
			if (middle.len > 0)
				ck_assert(land(id, middle, sent.len));
			if (rest.len > 0 || sent.len == 0)
				ck_assert(land(id, rest, sent.len));
			ck_assert(name(id, 1));
			assert_arrived(kept);
		}
	ck_assert_int_eq(count_tmp(), 0);
}

START_TEST(test_crlf_becomes_lf_wherever_the_borders_are)
{
	try_borders(bodies[_i].sent, bodies[_i].kept);
}
END_TEST

START_TEST(test_bytes_are_kept_where_they_are_wanted)
{
	set_mode(true);
	try_borders(bodies[_i].sent, bodies[_i].sent);
}
END_TEST

/* Larger than any buffer inside, and nothing but line endings and doubt. */
START_TEST(test_a_large_body_is_the_same_in_random_pieces)
{
	static const char letters[] = "\r\r\r\n\n\nx";
	size_t size = 300000, used = 0;
	char *sent = mem_alloc(size), *kept = mem_alloc(size);
	struct span rest = {sent, size};

	srandom((unsigned)_i);
	memset(sent, 'x', size);
	for (size_t i = 0; _i > 0 && i < size; i++)
		sent[i] = letters[(size_t)random() % (sizeof(letters) - 1)];
	for (size_t i = 0; i < size; i++)
		if (sent[i] != '\r' || i + 1 == size || sent[i + 1] != '\n')
			kept[used++] = sent[i];
	while (rest.len > 0) {
		struct span piece = rest;
		size_t most = (size_t)(random() % 70000) + 1;

		if (piece.len > most)
			piece.len = most;
		ck_assert(land(1, piece, size));
		rest = span_from(rest, piece.len);
	}
	ck_assert(name(1, 1));
	assert_arrived((struct span){kept, used});
	mem_free(sent);
	mem_free(kept);
}
END_TEST

/* ---- several bodies ---- */

START_TEST(test_bodies_may_come_interleaved)
{
	for (uint32_t id = 1; id <= LANDING_MAX_BODIES; id++)
		ck_assert(land(id, span_of("one "), 7));
	for (uint32_t id = LANDING_MAX_BODIES; id >= 1; id--)
		ck_assert(land(id, span_of("two"), 7));
	for (uint32_t id = 1; id <= LANDING_MAX_BODIES; id++)
		ck_assert(name(id, id + 10));
	ck_assert_uint_eq(landing.arrival_bytes, 7UL * LANDING_MAX_BODIES);
	ck_assert_uint_eq(
	    landing_take(&landing, &arrivals), LANDING_MAX_BODIES);
	for (uint32_t i = 0; i < LANDING_MAX_BODIES; i++) {
		ck_assert_uint_eq(arrivals[i].message.uid, i + 11);
		assert_bytes(arrivals[i].tmp_name, span_of("one two"));
	}
}
END_TEST

/* Ids are a connection's own: two may be the same. */
START_TEST(test_bodies_of_two_connections_do_not_meet)
{
	struct landing_bodies other = {0};
	struct span text = span_of("other");

	ck_assert(land(1, span_of("one "), 7));
	ck_assert(landing_piece(&landing, &other, 1, text, text.len, &error));
	ck_assert(land(1, span_of("two"), 7));
	landing_drop_all(&landing, &opened);
	ck_assert(!name(1, 7));
	ck_assert(landing_name(
	    &landing, &other, 1, &(struct maildir_message){.uid = 8}));
	assert_arrived(text);
	ck_assert_int_eq(count_tmp(), 0);
}
END_TEST

START_TEST(test_an_arrival_is_what_the_fetch_said)
{
	struct maildir_message message = {
	    .uid = 7, .size = 99, .date = -5, .flags = INDEX_SEEN};

	land_text(3, "Hello\r\n");
	ck_assert(landing_name(&landing, &opened, 3, &message));
	ck_assert_uint_eq(landing_take(&landing, &arrivals), 1);
	ck_assert_uint_eq(arrivals[0].message.uid, 7);
	ck_assert_uint_eq(arrivals[0].message.size, 99);
	ck_assert_int_eq(arrivals[0].message.date, -5);
	ck_assert_uint_eq(arrivals[0].message.flags, INDEX_SEEN);
}
END_TEST

START_TEST(test_many_bodies_one_after_another)
{
	char text[16];

	for (uint32_t i = 1; i <= 100; i++) {
		snprintf(text, sizeof(text), "message %u", i);
		land_text(i, text);
		ck_assert(name(i, i));
	}
	ck_assert_uint_eq(landing_take(&landing, &arrivals), 100);
	for (uint32_t i = 1; i <= 100; i++) {
		snprintf(text, sizeof(text), "message %u", i);
		assert_bytes(arrivals[i - 1].tmp_name, span_of(text));
	}
}
END_TEST

START_TEST(test_what_nobody_names_makes_room)
{
	for (uint32_t id = 1; id <= 10 * LANDING_MAX_BODIES; id++)
		land_text(id, "unasked");
	ck_assert_int_le(count_tmp(), LANDING_MAX_BODIES);
	/* the last one is still there */
	ck_assert(name(10 * LANDING_MAX_BODIES, 1));
	assert_arrived(span_of("unasked"));
}
END_TEST

START_TEST(test_what_nobody_names_can_be_dropped)
{
	land_text(1, "unasked");
	land_text(2, "asked for");
	ck_assert(land(3, span_of("half"), 8));
	landing_drop(&landing, &opened, 1);
	landing_drop(&landing, &opened, 3);
	landing_drop(&landing, &opened, 0);
	landing_drop(&landing, &opened, 99);
	ck_assert_int_eq(count_tmp(), 1);
	ck_assert(!name(1, 1));
	ck_assert(name(2, 2));
	assert_arrived(span_of("asked for"));
}
END_TEST

START_TEST(test_dropping_all_keeps_what_has_arrived)
{
	land_text(1, "named");
	ck_assert(name(1, 1));
	land_text(2, "not named");
	ck_assert(land(3, span_of("half"), 8));
	landing_drop_all(&landing, &opened);
	ck_assert_int_eq(count_tmp(), 1);
	assert_arrived(span_of("named"));
}
END_TEST

START_TEST(test_no_body_has_no_name)
{
	ck_assert(!name(0, 1));
	ck_assert(!name(5, 1));
	ck_assert_uint_eq(landing_take(&landing, &arrivals), 0);
}
END_TEST

START_TEST(test_a_cut_body_does_not_arrive)
{
	ck_assert(land(1, span_of("half"), 8));
	ck_assert(!name(1, 1));
	ck_assert_uint_eq(landing.arrival_count, 0);
	ck_assert_int_eq(count_tmp(), 0);
}
END_TEST

/* ---- the same message again ---- */

START_TEST(test_a_message_lands_once)
{
	land_text(1, "first");
	ck_assert(name(1, 7));
	land_text(2, "second");
	ck_assert(!name(2, 7));
	ck_assert_int_eq(count_tmp(), 1);
	assert_arrived(span_of("first"));
}
END_TEST

START_TEST(test_a_body_is_named_once)
{
	land_text(1, "text");
	ck_assert(name(1, 7));
	ck_assert(!name(1, 8));
	assert_arrived(span_of("text"));
}
END_TEST

START_TEST(test_taking_begins_a_new_batch)
{
	land_text(1, "first");
	ck_assert(name(1, 7));
	assert_arrived(span_of("first"));
	ck_assert_uint_eq(landing_take(&landing, &arrivals), 0);
	ck_assert_uint_eq(landing.arrival_bytes, 0);
	/* whether it is here already is the index's affair */
	land_text(1, "again");
	ck_assert(name(1, 7));
	assert_arrived(span_of("again"));
}
END_TEST

START_TEST(test_a_message_that_landed_has_the_time_of_its_date)
{
	struct maildir_message message = {.uid = 7, .date = 1700000000};
	char path[MAILDIR_TMP_NAME_SIZE + 8];
	struct stat info;

	land_text(1, "dated");
	ck_assert(landing_name(&landing, &opened, 1, &message));
	snprintf(path, sizeof(path), "tmp/%s", landing.arrivals[0].tmp_name);
	ck_assert_int_eq(stat(path, &info), 0);
	ck_assert_int_eq(info.st_mtim.tv_sec, 1700000000);
	ck_assert_int_eq(info.st_mtim.tv_nsec, 0);
	ck_assert(landing.arrivals[0].has_time);
}
END_TEST

/* ---- ends ---- */

START_TEST(test_the_end_leaves_nothing_in_tmp)
{
	land_text(1, "named");
	ck_assert(name(1, 1));
	land_text(2, "not named");
	ck_assert(land(3, span_of("half"), 8));
	landing_drop_all(&landing, &opened);
	landing_free(&landing);
	ck_assert_int_eq(count_tmp(), 0);
	ck_assert_uint_eq(landing.arrival_count, 0);
}
END_TEST

START_TEST(test_no_descriptor_is_left_open)
{
	int before;

	maildir_rest(folder);
	before = count_entries("/proc/self/fd");
	for (uint32_t id = 1; id <= 50; id++) {
		ck_assert(land(id, span_of("half"), 8));
		if (id % 2 == 0)
			ck_assert(land(id, span_of("half"), 8));
		if (id % 3 == 0)
			(void)name(id, id);
	}
	landing_drop_all(&landing, &opened);
	maildir_rest(folder);
	ck_assert_int_eq(count_entries("/proc/self/fd"), before);
}
END_TEST

/*
 * A disk that takes only a little; where mounting is not allowed files may
 * not grow, which is the same at another place.
 */
static const char *
fill_disk(void)
{
	struct rlimit little = {8192, 8192};

	if (mount_small("size=16k,nr_inodes=32")) {
		landing.maildir = folder;
		return strerror(ENOSPC);
	}
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
	return strerror(EFBIG);
}

START_TEST(test_a_full_disk_is_an_error_and_leaves_nothing)
{
	static char piece[4096];
	const char *reason = fill_disk();
	bool ok = true;

	set_mode(_i == 1);
	memset(piece, 'x', sizeof(piece));
	for (int i = 0; ok && i < 64; i++)
		ok = land(
		    1, (struct span){piece, sizeof(piece)}, 64 * sizeof(piece));
	ck_assert(!ok);
	assert_local("", "root/box/tmp", reason);
	ck_assert_int_eq(count_tmp(), 0);
	ck_assert(!name(1, 1));
	/* what fits lands again */
	land_text(2, "small");
	ck_assert(name(2, 2));
	assert_arrived(span_of("small"));
}
END_TEST

START_TEST(test_a_tmp_that_is_gone_is_an_error)
{
	ck_assert_int_eq(rmdir("tmp"), 0);
	ck_assert(!land(1, span_of("text"), 4));
	assert_local("cannot ", "root/box/tmp", strerror(ENOENT));
	ck_assert_int_eq(mkdir("tmp", 0700), 0);
	land_text(1, "text");
	ck_assert(name(1, 1));
	assert_arrived(span_of("text"));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("landing");

	tcase_add_checked_fixture(tests, begin, finish);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests,
	    test_crlf_becomes_lf_wherever_the_borders_are, 0, COUNT(bodies));
	tcase_add_loop_test(
	    tests, test_bytes_are_kept_where_they_are_wanted, 0, COUNT(bodies));
	tcase_add_loop_test(
	    tests, test_a_large_body_is_the_same_in_random_pieces, 0, 6);
	tcase_add_test(tests, test_bodies_may_come_interleaved);
	tcase_add_test(tests, test_bodies_of_two_connections_do_not_meet);
	tcase_add_test(tests, test_an_arrival_is_what_the_fetch_said);
	tcase_add_test(tests, test_many_bodies_one_after_another);
	tcase_add_test(tests, test_what_nobody_names_makes_room);
	tcase_add_test(tests, test_what_nobody_names_can_be_dropped);
	tcase_add_test(tests, test_dropping_all_keeps_what_has_arrived);
	tcase_add_test(tests, test_no_body_has_no_name);
	tcase_add_test(tests, test_a_cut_body_does_not_arrive);
	tcase_add_test(tests, test_a_message_lands_once);
	tcase_add_test(tests, test_a_body_is_named_once);
	tcase_add_test(tests, test_taking_begins_a_new_batch);
	tcase_add_test(
	    tests, test_a_message_that_landed_has_the_time_of_its_date);
	tcase_add_test(tests, test_the_end_leaves_nothing_in_tmp);
	tcase_add_test(tests, test_no_descriptor_is_left_open);
	tcase_add_loop_test(
	    tests, test_a_full_disk_is_an_error_and_leaves_nothing, 0, 2);
	tcase_add_test(tests, test_a_tmp_that_is_gone_is_an_error);
	return run_case("landing", tests);
}
