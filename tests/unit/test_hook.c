/*
 * daemon/hook with a real helper: turns, lists and ends of commands. What they
 * print is in files of the test's directory.
 */
#include "daemon/hook.h"

#include <sys/stat.h>

#include "daemon/index.h"
#include "tests/unit/child_helpers.h"

static struct runner *runner;
static struct job_lane *lane;
static struct hook *hook;

static void
on_lost(void *user, const char *why)
{
	(void)user;
	ck_abort_msg("%s", why);
}

static void
on_idle(void *user)
{
	(void)user;
}

static void
configure(const char *command, const char *state_dir)
{
	struct hook_settings settings = {
	    .command = command,
	    .state_dir = state_dir,
	    .burst_max_wait = SECOND,
	};

	hook_configure(hook, &settings);
}

static void
set_up(void)
{
	struct imap_error error;
	struct hook_config config = {
	    .account = "main",
	    .timeout = SECOND,
	    .grace = SECOND,
	    .idle = on_idle,
	};

	begin();
	runner = runner_start(&error);
	ck_assert(runner_attach(runner, loop, on_lost, NULL, &error));
	lane = job_lane_new(loop, "disk");
	config.loop = loop;
	config.disk = lane;
	config.runner = runner;
	hook = hook_new(&config);
	ck_assert_int_eq(system("mkdir -p mail/new mail/cur; mkfifo gate"), 0);
}

static void
tear_down(void)
{
	hook = hook_free(hook);
	lane = job_lane_free(lane);
	runner = runner_free(runner);
	end();
}

/* A message, with a file in this place or (NULL) without. */
static struct maildir_message
message(unsigned uid, const char *place, const char *suffix)
{
	char name[200];

	(void)snprintf(name, sizeof(name), "%s/1000.V7.host,U=%u,S=10%s",
	    place == NULL ? "" : place, uid, suffix);
	if (place != NULL)
		ck_assert_int_ge(
		    close(open(name, O_WRONLY | O_CREAT, 0600)), 0);
	return (struct maildir_message){.uid = uid, .size = 10, .date = 1000};
}

static void
note_news(const char *folder, struct hook_news *news)
{
	char path[100];
	struct hook_subject subject = {
	    .name = folder, .path = path, .host = "host"};

	(void)snprintf(path, sizeof(path), "%s/%s", top, folder);
	news->uidvalidity = 7;
	hook_note(hook, &subject, news);
	hook_note_rest(hook, folder, true);
}

static void
note_flags(const char *folder)
{
	struct hook_news news = {0};

	uidset_add(&news.reflagged, 1);
	note_news(folder, &news);
}

static void
wait_idle(void)
{
	for (int i = 0; i < 600 && !hook_is_idle(hook); i++)
		ck_assert_int_ge(sd_event_run(loop, 100000), 0);
	ck_assert(hook_is_idle(hook));
}

static void
expect_text(const char *name, const char *wanted)
{
	char text[8000];

	read_text(name, text, sizeof(text));
	ck_assert_str_eq(text, wanted);
}

START_TEST(test_hook_lists_files_as_they_are_named_now)
{
	struct hook_news news = {0};
	struct maildir_message flagged = message(2, "mail/cur", ":2,F");
	char wanted[400];

	flagged.flags = INDEX_FLAGGED;
	configure("cat >list; echo $MAILMIRROR_NEW >>list", top);
	hook_news_arrived(
	    &news, &(struct maildir_message){.uid = 1, 10, 1000, 0});
	(void)message(1, "mail/new", "");
	hook_news_arrived(&news, &flagged);
	if (_i == 1) {
		/* a mail reader has seen the first one: others are looked at */
		struct maildir_message other = message(3, "mail/new", "");

		hook_news_arrived(&news, &other);
		ck_assert_int_eq(
		    system("mv mail/new/*U=3* mail/cur/*U=2* ."), 0);
		ck_assert_int_eq(
		    system("mv *U=2* mail/cur/1000.V7.host,U=2,S=10:2,FS"), 0);
	}
	note_news("mail", &news);
	wait_idle();
	(void)snprintf(wanted, sizeof(wanted),
	    "%s/mail/new/1000.V7.host,U=1,S=10\n"
	    "%s/mail/cur/1000.V7.host,U=2,S=10:2,F%s\n2\n",
	    top, top, _i == 1 ? "S" : "");
	expect_text("list", wanted);
}
END_TEST

START_TEST(test_hook_lists_more_messages_than_it_knows)
{
	struct hook_news news = {0};

	configure(
	    "sort | uniq | wc -l >list; echo $MAILMIRROR_NEW >>list", top);
	for (unsigned uid = 1; uid <= 1000; uid++) {
		struct maildir_message one = message(uid, "mail/new", "");

		if (uid % 2 == 0)
			hook_news_arrived(&news, &one);
	}
	note_news("mail", &news);
	wait_idle();
	expect_text("list", "500\n500\n");
}
END_TEST

START_TEST(test_hook_is_silent_about_what_is_gone)
{
	struct hook_news news = {0};
	struct maildir_message gone = message(1, NULL, "");

	configure("echo >run", top);
	hook_news_arrived(&news, &gone);
	note_news("mail", &news);
	wait_idle();
	ck_assert_int_ne(access("run", F_OK), 0);
}
END_TEST

START_TEST(test_hook_sums_up_what_changes_while_a_command_runs)
{
	char text[10];
	FILE *gate;

	configure("echo $MAILMIRROR_FOLDER >>runs; echo >begun; [ ! -p gate ] "
		  "|| read x <gate",
	    top);
	note_flags("a");
	read_text("begun", text, sizeof(text));
	for (int i = 0; i < 5; i++)
		note_flags("a");
	note_flags("b");
	ck_assert_int_eq(rename("gate", "way"), 0);
	gate = fopen("way", "w");
	ck_assert_int_ge(fprintf(gate, "\n"), 0);
	ck_assert_int_eq(fclose(gate), 0);
	wait_idle();
	expect_text("runs", "a\na\nb\n");
}
END_TEST

START_TEST(test_hook_kills_what_is_late_and_goes_on)
{
	configure("[ -e pids ] && echo >next || { " STUBBORN "; }", top);
	note_flags("a");
	note_flags("b");
	wait_idle();
	expect_gone();
	expect_text("next", "\n");
}
END_TEST

START_TEST(test_hook_waits_for_a_folder_to_rest_but_not_for_ever)
{
	struct hook_news news = {.has_moved = true};
	struct hook_subject subject = {
	    .name = "a", .path = "/a", .host = "host"};

	configure("echo $MAILMIRROR_NEW$MAILMIRROR_FLAGGED >run", top);
	hook_note(hook, &subject, &news);
	(void)sd_event_run(loop, 100000);
	ck_assert(!hook_is_idle(hook));
	wait_idle();
	expect_text("run", "00\n");
}
END_TEST

START_TEST(test_hook_without_a_list_does_not_run)
{
	struct hook_news news = {0};
	struct maildir_message one = message(1, "mail/new", "");

	configure("echo >run", "/nowhere");
	hook_news_arrived(&news, &one);
	note_news("mail", &news);
	for (int i = 0; i < 5; i++)
		(void)sd_event_run(loop, 100000);
	ck_assert(!hook_is_idle(hook)); /* it is tried again */
	hook_flush(hook);
	wait_idle();
	ck_assert_int_ne(access("run", F_OK), 0);
}
END_TEST

START_TEST(test_hook_that_is_stopped_ends_what_runs_and_begins_nothing)
{
	char text[40];

	configure(STUBBORN, top);
	note_flags("a");
	read_text("pids", text, sizeof(text));
	note_flags("b");
	ck_assert_int_eq(rename("pids", "pids.a"), 0);
	hook_stop(hook);
	note_flags("c");
	wait_idle();
	ck_assert_int_ne(access("pids", F_OK), 0);
	ck_assert_int_eq(rename("pids.a", "pids"), 0);
	expect_gone();
}
END_TEST

START_TEST(test_hook_may_be_freed_at_any_time)
{
	char text[40];

	configure(STUBBORN, top);
	note_flags("a");
	note_flags("b");
	if (_i == 1)
		(void)sd_event_run(loop, 0); /* it is being listed */
	if (_i == 2)
		read_text("pids", text, sizeof(text));
	hook = hook_free(hook);
	if (_i == 2)
		expect_gone();
}
END_TEST

START_TEST(test_hook_without_a_command_forgets)
{
	configure(NULL, top);
	note_flags("a");
	ck_assert(hook_is_idle(hook));
	ck_assert(hook_is_idle(NULL));
	hook_note_rest(NULL, "a", true);
	hook_flush(NULL);
	hook_stop(NULL);
	ck_assert_ptr_null(hook_free(NULL));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("hook");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_hook_lists_files_as_they_are_named_now, 0, 2);
	tcase_add_test(tests, test_hook_lists_more_messages_than_it_knows);
	tcase_add_test(tests, test_hook_is_silent_about_what_is_gone);
	tcase_add_test(
	    tests, test_hook_sums_up_what_changes_while_a_command_runs);
	tcase_add_test(tests, test_hook_kills_what_is_late_and_goes_on);
	tcase_add_test(
	    tests, test_hook_waits_for_a_folder_to_rest_but_not_for_ever);
	tcase_add_test(tests, test_hook_without_a_list_does_not_run);
	tcase_add_test(
	    tests, test_hook_that_is_stopped_ends_what_runs_and_begins_nothing);
	tcase_add_loop_test(tests, test_hook_may_be_freed_at_any_time, 0, 3);
	tcase_add_test(tests, test_hook_without_a_command_forgets);
	return run_case("hook", tests);
}
