/*
 * daemon/state_chunk: what is packed comes back, and nothing else passes.
 */
#include "daemon/state_chunk.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "libclient/base/mem.h"
#include "tests/unit/pace.h"
#include "tests/unit/run_case.h"

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

static struct state_chunk chunk, unpacked;
static struct buf bytes;

static void
set_up(void)
{
	memset(chunk.has, 0, sizeof(chunk.has));
	buf_init(&bytes, STATE_CHUNK_MAX_BYTES);
}

static void
tear_down(void)
{
	buf_free(&bytes);
}

static void
put(const struct state_message *message)
{
	state_chunk_put(&chunk, message);
}

static void
assert_same(const struct state_message *a, const struct state_message *b)
{
	ck_assert_uint_eq(a->uid, b->uid);
	ck_assert_uint_eq(a->flags, b->flags);
	ck_assert_uint_eq(a->size, b->size);
	ck_assert_int_eq(a->date, b->date);
	ck_assert_uint_eq(a->modseq, b->modseq);
	ck_assert(span_equal(a->keywords, b->keywords));
}

/* Packs what was put, and unpacks it again. */
static void
assert_round_trip(uint32_t number)
{
	state_chunk_pack(&chunk, number, &bytes);
	memset(&unpacked, 0xff, sizeof(unpacked));
	ck_assert(state_chunk_unpack(&unpacked, number, buf_span(&bytes)));
	for (uint32_t i = 0; i < STATE_CHUNK_MESSAGES; i++) {
		uint32_t uid = number * STATE_CHUNK_MESSAGES + i;

		ck_assert_int_eq(state_chunk_has(&unpacked, uid),
		    state_chunk_has(&chunk, uid));
		if (state_chunk_has(&chunk, uid))
			assert_same(&unpacked.messages[i], &chunk.messages[i]);
	}
}

static void
ignore(void *user, const struct state_message *message)
{
	(void)user;
	(void)message;
}

/* A copy in memory of just that size, where reading too far is found. */
static bool
is_readable(uint32_t number, const char *at, size_t len)
{
	char *copy = mem_resize(NULL, len == 0 ? 1 : len, 1);
	bool ok;

	memcpy(copy, at, len);
	ok = state_chunk_each(number, (struct span){copy, len}, ignore, NULL);
	mem_free(copy);
	return ok;
}

/* ---- round trips ---- */

static const struct state_message extremes[] = {
    {.uid = 0},
    {.uid = 1, .flags = 1, .size = 1, .date = 1, .modseq = 1},
    {.uid = 255,
	.flags = UINT32_MAX,
	.size = UINT64_MAX,
	.date = INT64_MAX,
	.modseq = UINT64_MAX},
    {.uid = 256, .date = INT64_MIN},
    {.uid = 1000,
	.flags = 1U << 31,
	.size = INT64_MAX,
	.date = -1,
	.modseq = 1ULL << 63},
    {.uid = UINT32_MAX, .modseq = UINT64_MAX, .keywords = {"k", 1}},
    {.uid = UINT32_MAX - 255, .keywords = {"a\0\xff z", 5}},
};

START_TEST(test_extreme_values_come_back)
{
	put(&extremes[_i]);
	assert_round_trip(state_chunk_number(extremes[_i].uid));
}
END_TEST

START_TEST(test_neighbours_may_differ_by_all_that_there_is)
{
	for (uint32_t i = 0; i < STATE_CHUNK_MESSAGES; i++) {
		struct state_message message = extremes[i % COUNT(extremes)];

		message.uid = 0xffffff00 + i;
		put(&message);
	}
	assert_round_trip(0xffffff);
}
END_TEST

START_TEST(test_values_of_every_length_come_back)
{
	uint64_t n = _i == 0 ? 0 : UINT64_MAX >> (64 - _i);
	const struct state_message messages[] = {
	    {.uid = 256 + 7, .flags = (uint32_t)n, .size = n, .modseq = 1},
	    {.uid = 256 + 99, .date = (int64_t)n, .modseq = n},
	    {.uid = 256 + 100, .date = -(int64_t)(n / 2)},
	    {.uid = 256 + 200, .flags = 1, .size = n / 3},
	};

	for (int i = 0; i < COUNT(messages); i++)
		put(&messages[i]);
	assert_round_trip(1);
}
END_TEST

START_TEST(test_a_chunk_of_nothing_is_one)
{
	assert_round_trip(5);
	ck_assert(state_chunk_is_empty(&unpacked));
}
END_TEST

START_TEST(test_the_longest_keywords_of_all_come_back)
{
	char *text = mem_alloc(STATE_CHUNK_KEYWORDS_MAX);
	struct state_message message = {
	    .keywords = {text, STATE_CHUNK_KEYWORDS_MAX}};

	for (; message.uid < STATE_CHUNK_MESSAGES; message.uid++)
		put(&message);
	assert_round_trip(0);
	mem_free(text);
}
END_TEST

START_TEST(test_usual_messages_fit_a_page)
{
	for (uint32_t i = 0; i < STATE_CHUNK_MESSAGES; i++)
		put(&(struct state_message){.uid = i,
		    .flags = 1U << i % 31,
		    .size = 5000000 + i,
		    .date = 1700000000 + i * 86400LL * (i % 7),
		    .modseq = 9000000 + (i * 7919) % 60000});
	assert_round_trip(0);
	ck_assert_uint_lt(buf_len(&bytes), 4000);
}
END_TEST

/* ---- changes ---- */

static const struct removal_case {
	uint32_t first;
	uint32_t last;
	bool had;
	const char *left;
} removal_cases[] = {
    {512, 767, true, ""},
    {513, 766, true, "512 767"},
    {600, 600, true, "512 513 767"},
    {514, 599, false, "512 513 600 767"},
    {601, 767, true, "512 513 600"},
};

START_TEST(test_a_range_is_removed)
{
	const struct removal_case *removal = &removal_cases[_i];
	char left[64] = "";
	size_t len = 0;

	put(&(struct state_message){.uid = 512});
	put(&(struct state_message){.uid = 513});
	put(&(struct state_message){.uid = 600});
	put(&(struct state_message){.uid = 767});
	ck_assert_int_eq(
	    state_chunk_remove(&chunk, removal->first, removal->last),
	    removal->had);
	for (uint32_t uid = 512; uid < 768; uid++)
		if (state_chunk_has(&chunk, uid))
			len += (size_t)snprintf(left + len, sizeof(left) - len,
			    "%s%u", len == 0 ? "" : " ", uid);
	ck_assert_str_eq(left, removal->left);
	ck_assert_int_eq(
	    state_chunk_is_empty(&chunk), removal->left[0] == '\0');
	assert_round_trip(2);
}
END_TEST

/* ---- damage ---- */

static void
put_some(void)
{
	for (int i = 0; i < COUNT(extremes); i++) {
		struct state_message message = extremes[i];

		message.uid = 256 + 30 * (uint32_t)i;
		put(&message);
	}
	state_chunk_pack(&chunk, 1, &bytes);
}

START_TEST(test_what_is_cut_short_anywhere_is_damaged)
{
	put_some();
	ck_assert(is_readable(1, bytes.data, buf_len(&bytes)));
	for (size_t len = 0; len < buf_len(&bytes); len++)
		ck_assert(!is_readable(1, bytes.data, len));
}
END_TEST

START_TEST(test_each_bit_counts)
{
	put_some();
	for (size_t i = 0; i < buf_len(&bytes) * 8; i++) {
		bytes.data[i / 8] = (char)(bytes.data[i / 8] ^ 1 << i % 8);
		ck_assert(!is_readable(1, bytes.data, buf_len(&bytes)));
		bytes.data[i / 8] = (char)(bytes.data[i / 8] ^ 1 << i % 8);
	}
}
END_TEST

START_TEST(test_another_number_s_chunk_is_damaged)
{
	put_some();
	ck_assert(!is_readable(0, bytes.data, buf_len(&bytes)));
	ck_assert(!is_readable(257, bytes.data, buf_len(&bytes)));
}
END_TEST

/* Messages as bytes, behind a beginning as it should be. */
static bool
is_accepted(const char *messages, size_t len)
{
	char packed[1024] = {0};
	uint32_t sum;

	ck_assert_uint_le(12 + len + 8, sizeof(packed));
	packed[4] = 5; /* the lowest MODSEQ */
	memcpy(packed + 12, messages, len);
	sum = state_chunk_sum(3, (struct span){packed + 4, 8 + len + 8});
	for (int i = 0; i < 4; i++)
		packed[i] = (char)(sum >> 8 * i);
	return is_readable(3, packed, 12 + len + 8);
}

static const struct nonsense_case {
	const char *bytes;
	size_t len;
	bool is_accepted;
} nonsense_cases[] = {
    {"", 0, true},
    {"\0\0", 2, true},
    {"\0\0\0\0", 4, true},
    {"\0", 1, false},
    {"\0\0\0", 3, false},
    {"\2\0\xff", 3, true}, /* the last place */
    {"\2\0", 2, false},
    {"\0\0\2\0\xff", 5, false}, /* behind the last place */
    {"\2\0\xff\0\0", 5, false},
    {"\x04\0\1", 3, true}, /* flags */
    {"\x04\0", 2, false},
    {"\x10\0\1\2\3\4", 6, true},
    {"\x14\0\1\2\3\4\1", 7, false}, /* of more than 32 bits */
    {"\xe0\0\1\1\1\1\1\1\1\1", 10, true}, /* size */
    {"\xe0\0\1\1\1\1\1\1\1", 9, false},
    {"\0\x38\xff\xff\xff\xff\xff\xff\xff\xff", 10, false}, /* MODSEQ */
    {"\0\x38\xfb\xff\xff\xff\xff\xff\xff\xff", 10, true},
    {"\0\x40", 2, false}, /* a head's bits that mean nothing */
    {"\0\x80", 2, false},
    {"\1\0\1\0\0\0k", 7, true}, /* keywords */
    {"\1\0\1\0\0\0", 6, false},
    {"\1\0\2\0\0\0k", 7, false},
    {"\1\0\0\0\0\0", 6, false},
    {"\1\0\1\0\0", 5, false},
    {"\1\0\xff\xff\xff\xff", 6, false},
};

START_TEST(test_nonsense_behind_a_good_sum_is_damaged)
{
	const struct nonsense_case *nonsense = &nonsense_cases[_i];

	ck_assert_int_eq(
	    is_accepted(nonsense->bytes, nonsense->len), nonsense->is_accepted);
}
END_TEST

START_TEST(test_more_messages_than_places_are_damaged)
{
	static const char none[2 * STATE_CHUNK_MESSAGES + 2];

	ck_assert(is_accepted(none, 2 * STATE_CHUNK_MESSAGES));
	ck_assert(!is_accepted(none, 2 * STATE_CHUNK_MESSAGES + 2));
}
END_TEST

static void
check_uid(void *user, const struct state_message *message)
{
	uint32_t *next = user;

	ck_assert_uint_ge(message->uid, *next);
	ck_assert_uint_lt(message->uid, 1024);
	*next = message->uid + 1;
}

START_TEST(test_any_bytes_are_refused_or_are_messages_in_order)
{
	uint32_t seed = 1;

	for (int round = 0; round < 50000 / pace(); round++) {
		size_t len = 12 + (size_t)round % 90;
		char *any = mem_resize(NULL, len, 1);
		uint32_t sum, next = 768;

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			/* zeroes make messages that are read further */
			any[i] = (char)(seed >> 30 == 0 ? seed >> 8 : 0);
		}
		sum = state_chunk_sum(3, (struct span){any + 4, len - 4});
		for (int i = 0; i < 4; i++)
			any[i] = (char)(sum >> 8 * i);
		(void)state_chunk_each(
		    3, (struct span){any, len}, check_uid, &next);
		(void)state_chunk_unpack(&unpacked, 3, (struct span){any, len});
		mem_free(any);
	}
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("state_chunk");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(
	    tests, test_extreme_values_come_back, 0, COUNT(extremes));
	tcase_add_test(tests, test_neighbours_may_differ_by_all_that_there_is);
	tcase_add_loop_test(
	    tests, test_values_of_every_length_come_back, 0, 65);
	tcase_add_test(tests, test_a_chunk_of_nothing_is_one);
	tcase_add_test(tests, test_the_longest_keywords_of_all_come_back);
	tcase_add_test(tests, test_usual_messages_fit_a_page);
	tcase_add_loop_test(
	    tests, test_a_range_is_removed, 0, COUNT(removal_cases));
	tcase_add_test(tests, test_what_is_cut_short_anywhere_is_damaged);
	tcase_add_test(tests, test_each_bit_counts);
	tcase_add_test(tests, test_another_number_s_chunk_is_damaged);
	tcase_add_loop_test(tests, test_nonsense_behind_a_good_sum_is_damaged,
	    0, COUNT(nonsense_cases));
	tcase_add_test(tests, test_more_messages_than_places_are_damaged);
	tcase_add_test(
	    tests, test_any_bytes_are_refused_or_are_messages_in_order);
	return run_case("state_chunk", tests);
}
