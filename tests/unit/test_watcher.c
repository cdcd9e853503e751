/*
 * daemon/watcher: what must hold of the table whatever its rows are, and how
 * it is stepped. The folder is a recorder that does nothing.
 */
#include <check.h>
#include <stdlib.h>

#include "daemon/watcher.h"

/* ---- the recorder ---- */

#define RECORDS 4096

/* What an action does when it is its turn. */
struct answer {
	enum watcher_event told[2 * WATCHER_QUEUE]; /* from inside */
	uint32_t told_count;
	enum watcher_event returned;
};

static struct watcher watcher;
static struct answer answers[WATCHER_ACTION_COUNT];
static enum watcher_action acted[RECORDS];
static uint32_t acted_count;
static enum watcher_event seen[RECORDS]; /* by entered() */
static uint32_t seen_count;
static enum watcher_state entered_state;
static bool is_acting;

static enum watcher_event
act(enum watcher_action action)
{
	struct answer answer = answers[action];

	ck_assert(!is_acting);
	ck_assert_uint_lt(acted_count, RECORDS);
	ck_assert_int_eq(watcher.state, entered_state);
	is_acting = true;
	acted[acted_count++] = action;
	answers[action] = (struct answer){.returned = WATCHER_NONE};
	for (uint32_t i = 0; i < answer.told_count; i++)
		watcher_tell(&watcher, answer.told[i]);
	is_acting = false;
	return answer.returned;
}

#define ACT(name)                                        \
	static enum watcher_event act_##name(void *user) \
	{                                                \
		ck_assert_ptr_eq(user, &watcher);        \
		return act(WATCHER_ACT_##name);          \
	}
ACT(NOTHING)
ACT(OPEN)
ACT(QUEUE)
ACT(EXAMINE)
ACT(ASK)
ACT(JUDGE)
ACT(FETCH)
ACT(LAND)
ACT(COMMIT)
ACT(IDLE)
ACT(SETTLE)
ACT(LEAVE)
ACT(YIELD)
ACT(RELEASE)
ACT(BACK_OFF)
ACT(NOTE_LOST)
ACT(NOTE_STOP)
ACT(CLOSE)
#undef ACT

static void
entered(void *user, enum watcher_state from, enum watcher_state to,
    enum watcher_event event)
{
	ck_assert_ptr_eq(user, &watcher);
	ck_assert_int_eq(from, entered_state);
	ck_assert_uint_lt(seen_count, RECORDS);
	entered_state = to;
	seen[seen_count++] = event;
}

static const struct watcher_ops recorder = {
    .act = {act_NOTHING, act_OPEN, act_QUEUE, act_EXAMINE, act_ASK, act_JUDGE,
	act_FETCH, act_LAND, act_COMMIT, act_IDLE, act_SETTLE, act_LEAVE,
	act_YIELD, act_RELEASE, act_BACK_OFF, act_NOTE_LOST, act_NOTE_STOP,
	act_CLOSE},
    .entered = entered,
};

/* A watcher in a state, and a recorder that remembers nothing. */
static void
put(enum watcher_state state)
{
	watcher = (struct watcher){
	    .ops = &recorder, .user = &watcher, .state = state};
	entered_state = state;
	acted_count = 0;
	seen_count = 0;
	for (int i = 0; i < WATCHER_ACTION_COUNT; i++)
		answers[i] = (struct answer){.returned = WATCHER_NONE};
}

static void
returns(enum watcher_action action, enum watcher_event event)
{
	answers[action].returned = event;
}

static void
tells(enum watcher_action action, enum watcher_event event)
{
	answers[action].told[answers[action].told_count++] = event;
}

/* ---- the table ---- */

/* Whether a state is reached from another by any events at all. */
static bool
is_reached(enum watcher_state from, enum watcher_state to)
{
	bool reached[WATCHER_STATE_COUNT] = {false};
	bool grows = true;

	reached[from] = true;
	while (grows) {
		grows = false;
		for (int s = 0; s < WATCHER_STATE_COUNT; s++)
			for (int e = 1; reached[s] && e < WATCHER_EVENT_COUNT;
			     e++) {
				struct watcher_row row = watcher_row(s, e);

				if (!row.is_listed || reached[row.next])
					continue;
				reached[row.next] = true;
				grows = true;
			}
	}
	return reached[to];
}

START_TEST(test_every_state_reaches_idling_and_stopped)
{
	ck_assert_msg(is_reached(_i, WATCHER_IDLING), "%s does not idle",
	    watcher_state_name(_i));
	ck_assert_msg(is_reached(_i, WATCHER_STOPPED), "%s does not stop",
	    watcher_state_name(_i));
}
END_TEST

START_TEST(test_every_state_is_reached_from_stopped)
{
	ck_assert_msg(is_reached(WATCHER_STOPPED, _i), "%s is never entered",
	    watcher_state_name(_i));
}
END_TEST

START_TEST(test_every_action_has_a_row)
{
	bool has_row = false;

	for (int s = 0; s < WATCHER_STATE_COUNT; s++)
		for (int e = 0; e < WATCHER_EVENT_COUNT; e++) {
			struct watcher_row row = watcher_row(s, e);

			has_row |= row.is_listed && (int)row.action == _i;
		}
	ck_assert_msg(has_row, "nobody does action %d", _i);
}
END_TEST

START_TEST(test_none_is_no_event)
{
	for (int s = 0; s < WATCHER_STATE_COUNT; s++)
		ck_assert(!watcher_row(s, WATCHER_NONE).is_listed);
}
END_TEST

START_TEST(test_only_the_disk_ends_a_commit)
{
	struct watcher_row row = watcher_row(WATCHER_COMMITTING, _i);
	bool is_disk = _i == WATCHER_COMMITTED || _i == WATCHER_DISK;

	ck_assert_msg(
	    !row.is_listed || (row.next != WATCHER_COMMITTING) == is_disk, "%s",
	    watcher_event_name(_i));
}
END_TEST

START_TEST(test_what_cannot_end_a_commit_is_noted)
{
	ck_assert_int_eq(watcher_row(WATCHER_COMMITTING, WATCHER_LOST).action,
	    WATCHER_ACT_NOTE_LOST);
	ck_assert_int_eq(watcher_row(WATCHER_COMMITTING, WATCHER_STOP).action,
	    WATCHER_ACT_NOTE_STOP);
	ck_assert_int_eq(
	    watcher_row(WATCHER_COMMITTING, WATCHER_TIMEOUT).action,
	    WATCHER_ACT_NOTHING);
}
END_TEST

START_TEST(test_only_waking_leaves_stopped)
{
	for (int e = 0; e < WATCHER_EVENT_COUNT; e++)
		ck_assert_msg(watcher_row(WATCHER_STOPPED, e).is_listed ==
			(e == WATCHER_WAKE),
		    "%s", watcher_event_name(e));
}
END_TEST

/* In every state but those two a lost connection is met by a rest, and a stop
 * by the end. */
START_TEST(test_loss_and_stop_hold_everywhere)
{
	struct watcher_row lost = watcher_row(_i, WATCHER_LOST);
	struct watcher_row stop = watcher_row(_i, WATCHER_STOP);

	if (_i == WATCHER_STOPPED || _i == WATCHER_COMMITTING)
		return;
	ck_assert(lost.is_listed && stop.is_listed);
	ck_assert_int_eq(lost.action, WATCHER_ACT_BACK_OFF);
	ck_assert_int_eq(lost.next, WATCHER_RESTING);
	ck_assert_int_eq(stop.action, WATCHER_ACT_CLOSE);
	ck_assert_int_eq(stop.next, WATCHER_STOPPED);
}
END_TEST

START_TEST(test_a_failing_disk_is_met_by_a_rest)
{
	struct watcher_row row = watcher_row(_i, WATCHER_DISK);

	if (_i == WATCHER_STOPPED)
		return;
	ck_assert(row.is_listed);
	ck_assert_int_eq(row.action, WATCHER_ACT_BACK_OFF);
	ck_assert_int_eq(row.next, WATCHER_RESTING);
}
END_TEST

START_TEST(test_names_are_those_of_the_enums)
{
	ck_assert_str_eq(watcher_state_name(WATCHER_STOPPED), "STOPPED");
	ck_assert_str_eq(watcher_state_name(WATCHER_COMMITTING), "COMMITTING");
	ck_assert_str_eq(watcher_state_name(WATCHER_LEAVING), "LEAVING");
	ck_assert_str_eq(watcher_event_name(WATCHER_NONE), "NONE");
	ck_assert_str_eq(watcher_event_name(WATCHER_FETCHED), "FETCHED");
	ck_assert_str_eq(watcher_event_name(WATCHER_STOP), "STOP");
}
END_TEST

/* ---- stepping ---- */

START_TEST(test_it_starts_stopped)
{
	watcher = (struct watcher){.ops = &recorder};
	ck_assert_int_eq(watcher.state, WATCHER_STOPPED);
}
END_TEST

/* Each cell: one action if it is listed, nothing at all if it is not. */
START_TEST(test_an_event_does_its_action_once_or_nothing)
{
	enum watcher_state state = _i / WATCHER_EVENT_COUNT;
	enum watcher_event event = _i % WATCHER_EVENT_COUNT;
	struct watcher_row row = watcher_row(state, event);

	put(state);
	watcher_tell(&watcher, event);
	ck_assert_uint_eq(acted_count, row.is_listed);
	ck_assert_uint_eq(seen_count, row.is_listed);
	ck_assert_int_eq(watcher.state, row.is_listed ? row.next : state);
	if (row.is_listed)
		ck_assert_int_eq(acted[0], row.action);
}
END_TEST

START_TEST(test_what_an_action_knows_is_the_next_event)
{
	put(WATCHER_SELECTING);
	returns(WATCHER_ACT_ASK, WATCHER_SAME);
	returns(WATCHER_ACT_IDLE, WATCHER_POLLED);
	watcher_tell(&watcher, WATCHER_OK);
	ck_assert_int_eq(watcher.state, WATCHER_RESTING);
	ck_assert_uint_eq(acted_count, 3);
	ck_assert_int_eq(acted[0], WATCHER_ACT_ASK);
	ck_assert_int_eq(acted[1], WATCHER_ACT_IDLE);
	ck_assert_int_eq(acted[2], WATCHER_ACT_RELEASE);
}
END_TEST

START_TEST(test_what_is_told_inside_an_action_waits_until_it_returned)
{
	put(WATCHER_COMPARING);
	/* act() fails the test if an action runs inside another */
	tells(WATCHER_ACT_JUDGE, WATCHER_LOST);
	returns(WATCHER_ACT_JUDGE, WATCHER_FETCHED);
	watcher_tell(&watcher, WATCHER_OK);
	/* what the action returned comes first, so the loss is only noted */
	ck_assert_int_eq(watcher.state, WATCHER_COMMITTING);
	ck_assert_uint_eq(acted_count, 3);
	ck_assert_int_eq(acted[1], WATCHER_ACT_COMMIT);
	ck_assert_int_eq(acted[2], WATCHER_ACT_NOTE_LOST);
}
END_TEST

START_TEST(test_waiting_events_keep_their_order)
{
	put(WATCHER_IDLING);
	tells(WATCHER_ACT_SETTLE, WATCHER_TIMEOUT);
	tells(WATCHER_ACT_SETTLE, WATCHER_OK);
	tells(WATCHER_ACT_SETTLE, WATCHER_STOP);
	watcher_tell(&watcher, WATCHER_CHANGED);
	ck_assert_int_eq(watcher.state, WATCHER_STOPPED);
	ck_assert_uint_eq(acted_count, 4);
	ck_assert_int_eq(acted[1], WATCHER_ACT_ASK);
	ck_assert_int_eq(acted[2], WATCHER_ACT_JUDGE);
	ck_assert_int_eq(acted[3], WATCHER_ACT_CLOSE);
}
END_TEST

START_TEST(test_a_waiting_events_action_may_tell_again)
{
	put(WATCHER_IDLING);
	tells(WATCHER_ACT_LEAVE, WATCHER_LOST);
	tells(WATCHER_ACT_BACK_OFF, WATCHER_WAKE);
	watcher_tell(&watcher, WATCHER_TIMEOUT);
	ck_assert_int_eq(watcher.state, WATCHER_OPENING);
	ck_assert_uint_eq(acted_count, 3);
	/* and nothing is left over for the next time */
	watcher_tell(&watcher, WATCHER_PREPARED);
	ck_assert_uint_eq(acted_count, 4);
	ck_assert_int_eq(acted[3], WATCHER_ACT_QUEUE);
}
END_TEST

START_TEST(test_the_queue_holds_what_it_says)
{
	put(WATCHER_IDLING);
	for (int i = 0; i < 2 * WATCHER_QUEUE; i++)
		tells(WATCHER_ACT_SETTLE, WATCHER_CHANGED);
	watcher_tell(&watcher, WATCHER_CHANGED);
	ck_assert_uint_eq(acted_count, 1 + WATCHER_QUEUE);
}
END_TEST

/* Any events in any order: the state is always what the table says. */
START_TEST(test_random_events_follow_the_table)
{
	enum watcher_state state = WATCHER_STOPPED;
	uint32_t expected = 0;

	srandom((unsigned)_i);
	put(state);
	for (int i = 0; i < RECORDS / 2; i++) {
		enum watcher_event event =
		    (unsigned)random() % WATCHER_EVENT_COUNT;
		struct watcher_row row = watcher_row(state, event);

		watcher_tell(&watcher, event);
		if (row.is_listed) {
			state = row.next;
			ck_assert_int_eq(acted[expected++], row.action);
		}
		ck_assert_uint_eq(acted_count, expected);
		ck_assert_int_eq(watcher.state, state);
	}
}
END_TEST

START_TEST(test_a_mailbox_that_was_replaced_is_opened_again)
{
	static const enum watcher_state states[] = {WATCHER_COMPARING,
	    WATCHER_IDLING, WATCHER_SETTLING, WATCHER_LEAVING};

	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
		put(states[i]);
		watcher_tell(&watcher, WATCHER_AGAIN);
		ck_assert_int_eq(watcher.state, WATCHER_SELECTING);
		ck_assert_uint_eq(acted_count, 1);
	}
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("watcher");
	Suite *suite = suite_create("watcher");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tests, test_every_state_reaches_idling_and_stopped,
	    0, WATCHER_STATE_COUNT);
	tcase_add_loop_test(tests, test_every_state_is_reached_from_stopped, 0,
	    WATCHER_STATE_COUNT);
	tcase_add_loop_test(
	    tests, test_every_action_has_a_row, 0, WATCHER_ACTION_COUNT);
	tcase_add_test(tests, test_none_is_no_event);
	tcase_add_loop_test(
	    tests, test_only_the_disk_ends_a_commit, 0, WATCHER_EVENT_COUNT);
	tcase_add_test(tests, test_what_cannot_end_a_commit_is_noted);
	tcase_add_test(tests, test_only_waking_leaves_stopped);
	tcase_add_loop_test(
	    tests, test_loss_and_stop_hold_everywhere, 0, WATCHER_STATE_COUNT);
	tcase_add_loop_test(tests, test_a_failing_disk_is_met_by_a_rest, 0,
	    WATCHER_STATE_COUNT);
	tcase_add_test(tests, test_names_are_those_of_the_enums);
	tcase_add_test(tests, test_it_starts_stopped);
	tcase_add_loop_test(tests,
	    test_an_event_does_its_action_once_or_nothing, 0,
	    WATCHER_STATE_COUNT * WATCHER_EVENT_COUNT);
	tcase_add_test(tests, test_what_an_action_knows_is_the_next_event);
	tcase_add_test(
	    tests, test_what_is_told_inside_an_action_waits_until_it_returned);
	tcase_add_test(tests, test_waiting_events_keep_their_order);
	tcase_add_test(tests, test_a_waiting_events_action_may_tell_again);
	tcase_add_test(tests, test_a_mailbox_that_was_replaced_is_opened_again);
	tcase_add_test(tests, test_the_queue_holds_what_it_says);
	tcase_add_loop_test(tests, test_random_events_follow_the_table, 1, 9);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
