/*
 * Lanes: work runs elsewhere and in order, completions run here and in order,
 * and what is given up is dropped.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "libclient/io/job.h"

enum { MANY = 200, TURN_USEC = 10000000 };

static sd_event *loop;
static struct job_lane *lane;
static int worked[MANY];
static int worked_count;
static int done[MANY];
static int done_count;
static int dropped[MANY];
static int dropped_count;
static sem_t begun;
static sem_t may_end;
static pthread_t loop_thread;
static pthread_t work_thread;

static void
setup(void)
{
	ck_assert_int_ge(sd_event_new(&loop), 0);
	lane = job_lane_new(loop, "test-lane");
	sem_init(&begun, 0, 0);
	sem_init(&may_end, 0, 0);
	loop_thread = pthread_self();
	worked_count = done_count = dropped_count = 0;
}

static void
teardown(void)
{
	lane = job_lane_free(lane);
	loop = sd_event_unref(loop);
	sem_destroy(&begun);
	sem_destroy(&may_end);
}

static void
work(void *data)
{
	work_thread = pthread_self();
	worked[worked_count++] = *(int *)data;
}

static void
work_until_told(void *data)
{
	sem_post(&begun);
	sem_wait(&may_end);
	work(data);
}

static void
note_done(void *data)
{
	ck_assert(pthread_equal(pthread_self(), loop_thread));
	done[done_count++] = *(int *)data;
}

static void
note_dropped(void *data)
{
	ck_assert(pthread_equal(pthread_self(), loop_thread));
	dropped[dropped_count++] = *(int *)data;
}

static void
run_until(const int *count, int wanted)
{
	while (*count < wanted)
		ck_assert_int_gt(sd_event_run(loop, TURN_USEC), 0);
}

START_TEST(test_job_works_elsewhere_and_completes_here)
{
	int data = 7;

	job_submit(lane, work, note_done, &data);
	ck_assert_int_eq(done_count, 0);
	run_until(&done_count, 1);
	ck_assert_int_eq(done[0], 7);
	ck_assert_int_eq(worked[0], 7);
	ck_assert(!pthread_equal(work_thread, loop_thread));
}
END_TEST

START_TEST(test_job_many_keep_their_order)
{
	int data[MANY];
	int i;

	for (i = 0; i < MANY; i++) {
		data[i] = i;
		job_submit(lane, work, note_done, &data[i]);
	}
	run_until(&done_count, MANY);
	for (i = 0; i < MANY; i++) {
		ck_assert_int_eq(worked[i], i);
		ck_assert_int_eq(done[i], i);
	}
}
END_TEST

static void
submit_another(void *data)
{
	note_done(data);
	if (done_count < 3)
		job_submit(lane, work, submit_another, data);
}

START_TEST(test_job_completion_may_submit)
{
	int data = 1;

	job_submit(lane, work, submit_another, &data);
	run_until(&done_count, 3);
	ck_assert_int_eq(worked_count, 3);
}
END_TEST

/* {cancelled while it runs, skip its work, works, is dropped} */
static const struct {
	bool is_begun;
	bool is_skipped;
	int works;
} cancels[] = {
    {true, true, 1}, {true, false, 1}, {false, false, 1}, {false, true, 0}};

START_TEST(test_job_cancelled_is_dropped_and_never_done)
{
	int first = 1;
	int second = 2;
	struct job *running;
	struct job *waiting;

	running = job_submit(lane, work_until_told,
	    cancels[_i].is_begun ? note_done : NULL, &first);
	waiting = cancels[_i].is_begun
	    ? NULL
	    : job_submit(lane, work, note_done, &second);
	sem_wait(&begun);
	job_cancel(cancels[_i].is_begun ? running : waiting, note_dropped,
	    cancels[_i].is_skipped);
	ck_assert_int_eq(dropped_count, 0);
	sem_post(&may_end);
	run_until(&dropped_count, 1);
	ck_assert_int_eq(done_count, 0);
	ck_assert_int_eq(dropped[0], cancels[_i].is_begun ? 1 : 2);
	ck_assert_int_eq(
	    worked_count, cancels[_i].works + (cancels[_i].is_begun ? 0 : 1));
}
END_TEST

static struct job *cancelled_inside;

static void
cancel_the_other(void *data)
{
	note_done(data);
	job_cancel(cancelled_inside, note_dropped, true);
}

START_TEST(test_job_cancel_from_a_completion)
{
	int first = 1;
	int second = 2;

	job_submit(lane, work, cancel_the_other, &first);
	cancelled_inside = job_submit(lane, work, note_done, &second);
	run_until(&dropped_count, 1);
	ck_assert_int_eq(done_count, 1);
	ck_assert_int_eq(dropped[0], 2);
}
END_TEST

START_TEST(test_job_cancel_takes_null)
{
	job_cancel(NULL, note_dropped, true);
	ck_assert_ptr_null(job_lane_free(NULL));
}
END_TEST

START_TEST(test_job_lane_free_finishes_the_queue_and_is_silent)
{
	int data[3] = {1, 2, 3};
	struct job *given_up;

	job_submit(lane, work_until_told, note_done, &data[0]);
	job_submit(lane, work, note_done, &data[1]);
	given_up = job_submit(lane, work, note_done, &data[2]);
	job_cancel(given_up, note_dropped, false);
	sem_wait(&begun);
	sem_post(&may_end);
	lane = job_lane_free(lane);
	ck_assert_int_eq(worked_count, 3);
	ck_assert_int_eq(done_count, 0);
	ck_assert_int_eq(dropped_count, 1);
	ck_assert_int_eq(sd_event_run(loop, 0), 0);
}
END_TEST

static void
free_lane(void *data)
{
	note_done(data);
	lane = job_lane_free(lane);
}

START_TEST(test_job_lane_free_from_a_completion)
{
	int data[2] = {1, 2};

	job_submit(lane, work, free_lane, &data[0]);
	job_submit(lane, work, note_done, &data[1]);
	run_until(&done_count, 1);
	ck_assert_ptr_null(lane);
	ck_assert_int_eq(worked_count, 2);
	ck_assert_int_eq(sd_event_run(loop, 0), 0);
	ck_assert_int_eq(done_count, 1);
}
END_TEST

static sigset_t seen_mask;
static char seen_name[16];

static void
look_around(void *data)
{
	(void)data;
	pthread_sigmask(SIG_SETMASK, NULL, &seen_mask);
	pthread_getname_np(pthread_self(), seen_name, sizeof(seen_name));
}

/* ---- wide lanes ---- */

static void
hang(void *data)
{
	(void)data;
	sem_post(&begun);
	sem_wait(&may_end);
}

static void
work_quietly(void *data)
{
	(void)data;
}

START_TEST(test_job_that_hangs_holds_up_nobody_in_a_wide_lane)
{
	enum { WIDTH = 4, ROUNDS = 50 };
	static int numbers[ROUNDS + WIDTH];

	job_lane_free(lane);
	lane = job_lane_new_wide(loop, "test-wide", WIDTH);
	for (int i = 0; i < WIDTH - 1; i++) {
		numbers[i] = i;
		job_submit(lane, hang, note_done, &numbers[i]);
	}
	for (int i = WIDTH - 1; i < ROUNDS; i++) {
		numbers[i] = i;
		job_submit(lane, work_quietly, note_done, &numbers[i]);
	}
	run_until(&done_count, ROUNDS - (WIDTH - 1));
	for (int i = 0; i < done_count; i++)
		ck_assert_int_ge(done[i], WIDTH - 1);
	for (int i = 0; i < WIDTH - 1; i++)
		sem_post(&may_end);
	run_until(&done_count, ROUNDS);
}
END_TEST

START_TEST(test_job_lane_free_waits_for_all_threads_of_a_wide_lane)
{
	static int numbers[8];

	job_lane_free(lane);
	lane = job_lane_new_wide(loop, "test-wide", 3);
	for (int i = 0; i < 8; i++)
		job_submit(lane, hang, note_done, &numbers[i]);
	for (int i = 0; i < 3; i++)
		sem_wait(&begun);
	/* no more than that at a time */
	ck_assert_int_ne(sem_trywait(&begun), 0);
	for (int i = 0; i < 8; i++)
		sem_post(&may_end);
	lane = job_lane_free(lane);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(sem_trywait(&begun), 0);
	ck_assert_int_eq(done_count, 0);
}
END_TEST

START_TEST(test_job_lane_without_a_descriptor_is_none)
{
	struct rlimit before, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){0, before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_ptr_null(job_lane_new(loop, "none"));
	ck_assert_int_eq(errno, EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

START_TEST(test_job_thread_has_a_name_and_takes_no_signals)
{
	int data = 0;

	job_submit(lane, look_around, note_done, &data);
	run_until(&done_count, 1);
	ck_assert_str_eq(seen_name, "test-lane");
	ck_assert_int_eq(sigismember(&seen_mask, SIGTERM), 1);
	ck_assert_int_eq(sigismember(&seen_mask, SIGCHLD), 1);
	ck_assert_int_eq(sigismember(&seen_mask, SIGHUP), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("job");
	TCase *tcase = tcase_create("job");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_job_works_elsewhere_and_completes_here);
	tcase_add_test(tcase, test_job_many_keep_their_order);
	tcase_add_test(tcase, test_job_completion_may_submit);
	tcase_add_loop_test(tcase, test_job_cancelled_is_dropped_and_never_done,
	    0, sizeof(cancels) / sizeof(cancels[0]));
	tcase_add_test(tcase, test_job_cancel_from_a_completion);
	tcase_add_test(tcase, test_job_cancel_takes_null);
	tcase_add_test(
	    tcase, test_job_lane_free_finishes_the_queue_and_is_silent);
	tcase_add_test(tcase, test_job_lane_free_from_a_completion);
	tcase_add_test(
	    tcase, test_job_that_hangs_holds_up_nobody_in_a_wide_lane);
	tcase_add_test(
	    tcase, test_job_lane_free_waits_for_all_threads_of_a_wide_lane);
	tcase_add_test(tcase, test_job_lane_without_a_descriptor_is_none);
	tcase_add_test(tcase, test_job_thread_has_a_name_and_takes_no_signals);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
