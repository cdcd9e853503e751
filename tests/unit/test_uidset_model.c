/*
 * Every operation of libclient/wire/uidset.h, in random order (fixed seeds),
 * compared with a bitmap, which is slow and obviously right.
 */
#include <check.h>
#include <stdlib.h>

#include "libclient/wire/uidset.h"

/* Sorted, disjoint and not adjacent. */
static void
assert_well_formed(const struct uidset *set)
{
	uint64_t behind = 0;
	uint32_t i;
	bool ok = set->count <= set->size;

	for (i = 0; i < set->count && ok; i++) {
		ok = set->ranges[i].first > behind &&
		    set->ranges[i].last >= set->ranges[i].first;
		behind = (uint64_t)set->ranges[i].last + 1;
	}
	ck_assert(ok);
}

/*
 * The model: 256 UIDs, half at the lowest end, half at the highest, where
 * arithmetic overflows.
 */
#define MODEL_SIZE 256

struct model {
	bool has[MODEL_SIZE];
};

static uint32_t
model_uid(int i)
{
	return i < MODEL_SIZE / 2 ? (uint32_t)i + 1
				  : UINT32_MAX - (uint32_t)(MODEL_SIZE - 1 - i);
}

static void
assert_same(const struct uidset *set, const struct model *model)
{
	uint64_t count = 0;
	bool ok = true;
	int i;

	assert_well_formed(set);
	for (i = 0; i < MODEL_SIZE; i++) {
		ok = ok && uidset_contains(set, model_uid(i)) == model->has[i];
		count += model->has[i];
	}
	ck_assert(ok);
	ck_assert_uint_eq(uidset_count(set), count);
}

static void
add_some(struct uidset *set, struct model *model)
{
	int pieces = rand() % 30;
	int first;
	int len;

	while (pieces-- > 0) {
		first = rand() % MODEL_SIZE;
		len = rand() % 8;
		if (rand() % 10 == 0)
			len = rand() % (MODEL_SIZE / 2);
		/* Not over the gap in the middle. */
		if (first < MODEL_SIZE / 2 && first + len >= MODEL_SIZE / 2)
			len = MODEL_SIZE / 2 - 1 - first;
		if (first + len >= MODEL_SIZE)
			len = MODEL_SIZE - 1 - first;
		if (rand() % 2 == 0)
			uidset_add_range(
			    set, model_uid(first), model_uid(first + len));
		else
			uidset_add_range(
			    set, model_uid(first + len), model_uid(first));
		for (; len >= 0; len--)
			model->has[first + len] = true;
	}
}

static void
add_or_remove_one(struct uidset *set, struct model *model)
{
	int i = rand() % MODEL_SIZE;

	model->has[i] = rand() % 2 == 0;
	if (model->has[i])
		uidset_add(set, model_uid(i));
	else
		uidset_remove(set, model_uid(i));
}

static void
combine(struct uidset *set, struct model *model, int how)
{
	struct uidset other = {0};
	struct model mask = {0};
	int i;

	add_some(&other, &mask);
	if (how == 0)
		uidset_union(set, &other);
	else if (how == 1)
		uidset_minus(set, &other);
	else
		uidset_intersect(set, &other);
	for (i = 0; i < MODEL_SIZE; i++) {
		if (how == 0)
			model->has[i] = model->has[i] || mask.has[i];
		else if (how == 1)
			model->has[i] = model->has[i] && !mask.has[i];
		else
			model->has[i] = model->has[i] && mask.has[i];
	}
	assert_same(&other, &mask);
	uidset_free(&other);
}

static void
take_some(struct uidset *set, struct model *model)
{
	struct uidset taken = {0};
	struct model high = {0};
	int n = rand() % 40;
	int left = n;
	int i;

	uidset_take_last(set, (uint64_t)n, &taken);
	for (i = MODEL_SIZE - 1; i >= 0 && left > 0; i--) {
		if (!model->has[i])
			continue;
		model->has[i] = false;
		high.has[i] = true;
		left--;
	}
	assert_same(&taken, &high);
	uidset_free(&taken);
}

/* What is written, in pieces of any size, is read as the same set. */
static void
write_and_read(const struct uidset *set)
{
	struct uidset again = {0};
	struct buf text;
	uint32_t begin = 0;
	uint32_t n;
	size_t max_bytes = 21 + (size_t)rand() % 100;

	buf_init(&text, max_bytes);
	while (begin < set->count) {
		n = uidset_format(set, begin, max_bytes, &text);
		ck_assert_uint_gt(n, 0);
		begin += n;
		ck_assert(uidset_parse(&again, buf_span(&text)));
		buf_clear(&text);
	}
	ck_assert(uidset_equal(set, &again));
	buf_free(&text);
	uidset_free(&again);
}

/* Any order, any overlap: the model's UIDs as a text, shuffled. */
static void
read_shuffled(const struct uidset *set, const struct model *model)
{
	struct uidset again = {0};
	struct buf text;
	int start = rand() % MODEL_SIZE;
	int i;
	int at;

	buf_init(&text, 1 << 16);
	for (i = 0; i < MODEL_SIZE; i++) {
		at = (start + i * 37) % MODEL_SIZE;
		if (model->has[at])
			ck_assert(buf_add_format(&text, "%s%u",
			    buf_len(&text) == 0 ? "" : ",", model_uid(at)));
	}
	if (buf_len(&text) > 0)
		ck_assert(uidset_parse(&again, buf_span(&text)));
	ck_assert(uidset_equal(set, &again));
	buf_free(&text);
	uidset_free(&again);
}

START_TEST(test_uidset_behaves_as_a_bitmap)
{
	struct uidset set = {0};
	struct model model = {0};
	int turn;
	int choice;

	srand((unsigned)_i);
	for (turn = 0; turn < 400; turn++) {
		choice = rand() % 8;
		if (choice == 0)
			add_some(&set, &model);
		else if (choice <= 3)
			combine(&set, &model, choice - 1);
		else if (choice == 4)
			take_some(&set, &model);
		else
			add_or_remove_one(&set, &model);
		assert_same(&set, &model);
		write_and_read(&set);
		read_shuffled(&set, &model);
	}
	uidset_free(&set);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("uidset_model");
	Suite *suite = suite_create("uidset_model");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, test_uidset_behaves_as_a_bitmap, 0, 8);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
