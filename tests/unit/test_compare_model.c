/*
 * daemon/compare: random mailboxes (fixed seeds) against a model that looks at
 * every UID.
 */
#include "tests/unit/compare_helpers.h"

#define MODEL_SIZE 400

struct model {
	bool on_disk[MODEL_SIZE + 1];
	bool on_server[MODEL_SIZE + 1];
	bool is_skipped[MODEL_SIZE + 1];
	uint32_t disk_flags[MODEL_SIZE + 1];
	uint32_t server_flags[MODEL_SIZE + 1];
};

/* Runs of messages, as they come and go in mailboxes. */
static void
fill(bool *has, int share)
{
	for (int uid = 1; uid <= MODEL_SIZE;) {
		bool is_in = random() % 100 < share;
		int run = 1 + (int)(random() % 12);

		for (; run > 0 && uid <= MODEL_SIZE; run--)
			has[uid++] = is_in;
	}
}

static void
make_model(struct model *model, struct uidset *skip)
{
	fill(model->on_disk, 70);
	fill(model->on_server, 70);
	fill(model->is_skipped, 10);
	for (uint32_t uid = 1; uid <= MODEL_SIZE; uid++) {
		model->disk_flags[uid] = (uint32_t)random() % 3;
		model->server_flags[uid] = (uint32_t)random() % 3;
		if (model->on_disk[uid])
			put(uid, model->disk_flags[uid]);
		if (model->is_skipped[uid])
			uidset_add(skip, uid);
	}
}

/* In any order: a server may list as it likes. */
static void
list_shuffled(const struct model *model)
{
	uint32_t order[MODEL_SIZE];

	for (uint32_t i = 0; i < MODEL_SIZE; i++)
		order[i] = i + 1;
	for (uint32_t i = MODEL_SIZE - 1; i > 0; i--) {
		uint32_t j = (uint32_t)random() % (i + 1);
		uint32_t uid = order[i];

		order[i] = order[j];
		order[j] = uid;
	}
	for (uint32_t i = 0; i < MODEL_SIZE; i++) {
		uint32_t uid = order[i];

		if (!model->on_server[uid])
			continue;
		compare_message(&compare, uid, model->server_flags[uid], 0);
		rules.exists++;
	}
}

static uint32_t
find_reflag(uint32_t uid)
{
	for (uint32_t i = 0; i < compare.plan.reflag_count; i++)
		if (compare.plan.reflags[i].uid == uid)
			return compare.plan.reflags[i].flags;
	return UINT32_MAX;
}

START_TEST(test_random_mailboxes_are_compared_as_the_model_does)
{
	struct model model = {.on_disk = {false}};
	struct uidset skip = {0};
	uint32_t reflags = 0;

	srandom((unsigned)_i);
	make_model(&model, &skip);
	rules.skip = &skip;
	list_shuffled(&model);
	compare_listed(&compare, &rules);
	for (uint32_t uid = 1; uid <= MODEL_SIZE; uid++) {
		bool here = model.on_disk[uid];
		bool there = model.on_server[uid];
		bool differs = here && there &&
		    model.disk_flags[uid] != model.server_flags[uid];

		ck_assert(uidset_contains(&compare.plan.fetch, uid) ==
		    (there && !here && !model.is_skipped[uid]));
		ck_assert(uidset_contains(&compare.plan.remove, uid) ==
		    (here && !there));
		ck_assert_uint_eq(find_reflag(uid),
		    differs ? model.server_flags[uid] : UINT32_MAX);
		reflags += differs;
	}
	ck_assert_uint_eq(compare.plan.reflag_count, reflags);
	ck_assert(!compare.plan.is_doubtful && !compare.plan.is_held);
	uidset_free(&skip);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("compare_model");
	TCase *tests = tcase_create("compare_model");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_random_mailboxes_are_compared_as_the_model_does, 1, 51);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
