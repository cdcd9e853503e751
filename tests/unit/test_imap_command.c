/*
 * libclient/imap: how the door's commands are written, and that what another
 * session has learned saves a round trip.
 */
#include "tests/unit/imap_helpers.h"

#define AFTER                                                      \
	"[CAPABILITY IMAP4rev1 IDLE QRESYNC ENABLE LIST-EXTENDED " \
	"SPECIAL-USE LIST-STATUS ESEARCH]"

static uint64_t
resync(struct imap *imap)
{
	const struct imap_resync since = {.uidvalidity = 7, .modseq = 123456};

	return imap_examine(imap, span_of("INBOX"), &since);
}

static uint64_t
condstore(struct imap *imap)
{
	const struct imap_resync since = {.uidvalidity = 7};

	return imap_select(imap, span_of("a b"), &since);
}

static uint64_t
changed(struct imap *imap)
{
	return imap_uid_fetch_changed(imap, 1, UINT32_MAX,
	    IMAP_FETCH_FLAGS | IMAP_FETCH_MODSEQ, 99, true);
}

static uint64_t
changed_alone(struct imap *imap)
{
	return imap_uid_fetch_changed(imap, 5, 9, IMAP_FETCH_FLAGS, 99, false);
}

static uint64_t
identity_items(struct imap *imap)
{
	return imap_uid_fetch_range(imap, 1, 2,
	    IMAP_FETCH_MESSAGE_ID | IMAP_FETCH_HEADER | IMAP_FETCH_EMAILID);
}

static uint64_t
list_status(struct imap *imap)
{
	return imap_list_status(imap, span_of(""), span_of("*"),
	    IMAP_STATUS_MESSAGES | IMAP_STATUS_HIGHESTMODSEQ);
}

static uint64_t
list(struct imap *imap)
{
	return imap_list(imap, span_of(""), span_of("%"));
}

static uint64_t
enable(struct imap *imap)
{
	return imap_enable(imap, "QRESYNC");
}

static uint64_t
notify_selected(struct imap *imap)
{
	return imap_notify_selected(imap, IMAP_FETCH_FLAGS | IMAP_FETCH_BODY);
}

static uint64_t
notify_as_without(struct imap *imap)
{
	return imap_notify_selected(imap, 0);
}

static uint64_t
notify_all(struct imap *imap)
{
	return imap_notify(
	    imap, IMAP_NOTIFY_MESSAGES | IMAP_NOTIFY_FLAGS | IMAP_NOTIFY_NAMES);
}

static uint64_t
notify_messages(struct imap *imap)
{
	return imap_notify(imap, IMAP_NOTIFY_MESSAGES);
}

static uint64_t
notify_none(struct imap *imap)
{
	return imap_notify(imap, 0);
}

static const struct {
	uint64_t (*send)(struct imap *imap);
	const char *line;
} commands[] = {
    {resync, "< EXAMINE INBOX (QRESYNC (7 123456))"},
    {condstore, "< SELECT \"a b\" (CONDSTORE)"},
    {changed,
	"< UID FETCH 1:4294967295 (UID FLAGS MODSEQ) "
	"(CHANGEDSINCE 99 VANISHED)"},
    {changed_alone, "< UID FETCH 5:9 (UID FLAGS) (CHANGEDSINCE 99)"},
    {identity_items,
	"< UID FETCH 1:2 (UID EMAILID "
	"BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)] BODY.PEEK[HEADER])"},
    {list_status,
	"< LIST \"\" * RETURN (SPECIAL-USE STATUS (MESSAGES HIGHESTMODSEQ))"},
    {list, "< LIST \"\" % RETURN (SPECIAL-USE)"},
    {imap_uid_search_all, "< UID SEARCH RETURN (ALL) ALL"},
    {enable, "< ENABLE QRESYNC"},
    {notify_all,
	"< NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange "
	"MailboxName))"},
    {notify_messages,
	"< NOTIFY SET STATUS (personal (MessageNew MessageExpunge))"},
    {notify_none, "< NOTIFY NONE"},
    {imap_unselect, "< UNSELECT"},
    {imap_close, "< CLOSE"},
    {notify_selected,
	"< NOTIFY SET (selected (MessageNew (UID FLAGS BODY.PEEK[]) "
	"MessageExpunge FlagChange))"},
    {notify_as_without,
	"< NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))"},
};

START_TEST(test_a_command_is_written)
{
	const char *const script[] = {GREETING, "< " PLAIN,
	    "> @ OK " AFTER " hi", commands[_i].line, "> @ OK done", "wait",
	    NULL};

	open_to(script);
	run_until("R");
	ck_assert_uint_eq(commands[_i].send(seen.imap), 2);
	run_until("Ro");
	leave();
}
END_TEST

static void
examine(const struct imap_event *event)
{
	if (event->type == IMAP_READY) {
		ck_assert(imap_is_early(seen.imap));
		ck_assert_uint_ne(
		    imap_examine(seen.imap, span_of("INBOX"), NULL), 0);
	}
}

START_TEST(test_what_was_known_is_asked_for_with_the_login)
{
	static const char *const script[] = {GREETING, "<< 2", "< " PLAIN,
	    "< EXAMINE INBOX", "> @ OK [CAPABILITY IMAP4rev1 MOVE] hi",
	    "> @ OK done", "wait", NULL};
	struct capabilities known;

	capabilities_parse(&known, span_of("IMAP4rev1 IDLE"));
	endpoint.known = &known;
	seen.act = examine;
	open_to(script);
	run_until("Ro");
	ck_assert(!imap_is_early(seen.imap));
	known = *imap_capabilities(seen.imap);
	ck_assert(capabilities_have(&known, CAPABILITY_MOVE));
	ck_assert(!capabilities_have(&known, CAPABILITY_IDLE));
	leave();
}
END_TEST

START_TEST(test_who_a_server_is_can_be_seen)
{
	static const char *const script[] = {LOGIN, "wait", NULL};

	open_to(script);
	run_until("R");
	ck_assert(!imap_is_early(seen.imap));
	ck_assert(
	    capabilities_have(imap_capabilities(seen.imap), CAPABILITY_IDLE));
	ck_assert_str_eq(imap_greeting(seen.imap), "hi");
	ck_assert_str_eq(imap_server_id(seen.imap), "");
	leave();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("imap_command");
	TCase *tests = tcase_create("imap_command");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 40);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, test_a_command_is_written, 0,
	    (int)(sizeof(commands) / sizeof(*commands)));
	tcase_add_test(tests, test_what_was_known_is_asked_for_with_the_login);
	tcase_add_test(tests, test_who_a_server_is_can_be_seen);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
