/*
 * daemon/quirk: who is known by what, what that costs, and where each row of
 * the catalogue of servers' oddities is held: by a transcript of its lines, or
 * by a test of the place that bears it.
 */
#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/compare.h"
#include "daemon/quirk.h"
#include "libclient/base/mem.h"
#include "libclient/wire/command.h"

#define LENGTH(table) ((int)(sizeof(table) / sizeof((table)[0])))

#define COURIER	 (QUIRK_SELECT | QUIRK_NO_UIDNEXT)
#define YANDEX	 (QUIRK_NO_SEARCH | QUIRK_SHORT_IDLE)
#define YAHOO	 (QUIRK_SHORT_LINES | QUIRK_WANTS_UIDONLY)
#define ICLOUD	 (QUIRK_ASK_CAPABILITY | QUIRK_NO_VANISHED)
#define EXCHANGE (QUIRK_SIZES_LIE | QUIRK_SHORT_IDLE)

/* ---- who is known by what ---- */

static const struct {
	const char *greeting;
	uint32_t quirks;
	const char *server;
} greetings[] = {
    {"Courier-IMAP ready. Copyright 1998-2021 Double Precision, Inc.", COURIER,
	"Courier"},
    {"Coremail System IMap Server Ready(163com[10774b260cc7a37d26d71b52404d])",
	QUIRK_ID_FIRST, "Coremail"},
    {"QQMail IMAP4Server ready", QUIRK_NO_SEARCH, "QQ Mail"},
    {"Yandex IMAP4rev1 at sas1-3d2f.qloud-c.yandex.net:993 ready to talk",
	YANDEX, "Yandex"},
    {"[192.0.2.1] IMAP4rev1 2007e.404 at Mon, 2 Mar 2020 10:00:00 +0100 (CET)",
	QUIRK_SHORT_LINES, "UW-IMAP"},
    {"Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 "
     "(mail.example.org) ready.",
	EXCHANGE | QUIRK_NO_NAMESPACE, "Exchange 2003"},
    {"The Microsoft Exchange IMAP4 service is ready. [TABOAFAAUgAyADYA]",
	EXCHANGE, "Exchange"},
    {"ProtonMail Bridge", QUIRK_PLAIN_LIST, "ProtonMail Bridge"},
    {"Proton Mail Bridge 03.10.00 - gluon session ID 1", QUIRK_PLAIN_LIST,
	"ProtonMail Bridge"},
    {"WildDuck ready for requests from 192.0.2.1", QUIRK_SIZES_LIE, "WildDuck"},
    {"IMAP4rev1 Server GreenMail v1.6.3 ready", QUIRK_SIZES_LIE, "GreenMail"},
    {"IMAPrev1", QUIRK_SIZES_LIE, "hMailServer"},
    {"IMAP4rev1 DavMail 6.0.1-3390 server ready",
	QUIRK_SIZES_LIE | QUIRK_SLOW_SIZE, "DavMail"},
    {"IMAP4 Server (Zoho Mail IMAP4rev1 Server version 1.0)", QUIRK_NO_MODSEQ,
	"Zoho"},
    {"IMAP4rev1 SmarterMail", QUIRK_NO_MODSEQ, "SmarterMail"},
    {"imap4rev1 smartermail", QUIRK_NO_MODSEQ, "SmarterMail"},
    {"Dovecot (Debian) ready.", 0, NULL},
    {"Gimap ready for requests from 192.0.2.1 ab1mb123456789abc", 0, NULL},
    {"mail.example.org Cyrus IMAP 3.6.1 server ready", 0, NULL},
    {"", 0, NULL},
};

static void
assert_quirks(
    const struct quirk_evidence *evidence, uint32_t quirks, const char *server)
{
	const char *found = "nothing was said";

	ck_assert_uint_eq(quirks_of(evidence, &found), quirks);
	if (server == NULL)
		ck_assert_ptr_null(found);
	else
		ck_assert_str_eq(found, server);
}

START_TEST(test_a_server_is_known_by_its_greeting)
{
	assert_quirks(&(struct quirk_evidence){.greeting = span_of(
						   greetings[_i].greeting)},
	    greetings[_i].quirks, greetings[_i].server);
}
END_TEST

static const struct {
	const char *host;
	uint32_t quirks;
	const char *server;
} hosts[] = {
    {"imap.163.com", QUIRK_ID_FIRST, "Coremail"},
    {"imap.126.com", QUIRK_ID_FIRST, "Coremail"},
    {"imap.yeah.net", QUIRK_ID_FIRST, "Coremail"},
    {"imap.qq.com", QUIRK_NO_SEARCH, "QQ Mail"},
    {"imap.exmail.qq.com", QUIRK_NO_SEARCH, "QQ Mail"},
    {"imap.yandex.ru", YANDEX, "Yandex"},
    {"imap.mail.yahoo.com", YAHOO, "Yahoo"},
    {"IMAP.AOL.COM", YAHOO, "Yahoo"},
    {"imap.aol.com.", YAHOO, "Yahoo"},
    {"aol.com", YAHOO, "Yahoo"},
    {"imap.mail.me.com", ICLOUD, "iCloud"},
    {"outlook.office365.com", EXCHANGE, "Exchange"},
    {"imap.strato.de", QUIRK_PLAIN_LIST, "strato"},
    {"imap.zoho.eu", QUIRK_NO_MODSEQ, "Zoho"},
    {"imap.acme.com", 0, NULL}, /* me.com is not a domain above it */
    {"aol.com.example.org", 0, NULL},
    {"com", 0, NULL},
    {".", 0, NULL},
    {"", 0, NULL},
    {NULL, 0, NULL},
};

START_TEST(test_a_server_is_known_by_its_domain)
{
	assert_quirks(&(struct quirk_evidence){.host = hosts[_i].host},
	    hosts[_i].quirks, hosts[_i].server);
}
END_TEST

static const struct {
	const char *id;
	uint32_t quirks;
	const char *server;
} ids[] = {
    {"(\"vendor\" \"Yahoo! Inc.\" \"support-url\" \"http://help.yahoo.com/\" "
     "\"name\" \"Y!IMAP\" \"host\" \"imap406.mail.ne1.yahoo.com\")",
	YAHOO, "Yahoo"},
    {"(\"name\" \"Coremail Imap\" \"vendor\" \"Mailtech\" \"TransID\" \"a(b\")",
	QUIRK_ID_FIRST, "Coremail"},
    {"(\"TransID\" \"a(\\\"b)\" \"NAME\" \"coremail imap\")", QUIRK_ID_FIRST,
	"Coremail"},
    {"(\"name\" \"Microsoft.Exchange.Imap4.Imap4Server\" \"version\" "
     "\"15.20\")",
	EXCHANGE, "Exchange"},
    {"(\"version\" NIL \"name\" \"SmarterMail\")", QUIRK_NO_MODSEQ,
	"SmarterMail"},
    /* not what a field of another name holds */
    {"(\"support-url\" \"Y!IMAP\" \"name\" \"other\")", 0, NULL},
    {"(\"other\" \"name\" \"Y!IMAP\" \"x\")", 0, NULL},
    {"(\"name\" \"Dovecot\")", 0, NULL},
    {"(\"name\" \"Y!IMAP", 0, NULL},
    {"(\"name\" \"Y!IMAP\\", 0, NULL},
    {"(\"name\"", 0, NULL},
    {"(\"name\" )", 0, NULL},
    {"()", 0, NULL},
    {"NIL", 0, NULL},
    {"", 0, NULL},
};

START_TEST(test_a_server_is_known_by_its_id)
{
	/* no byte behind it may be read */
	const struct span id = span_of(ids[_i].id);
	char *copy = mem_resize(NULL, id.len + 1, 1);

	memcpy(copy, id.at, id.len);
	copy = mem_resize(copy, id.len == 0 ? 1 : id.len, 1);
	assert_quirks(&(struct quirk_evidence){.id = {copy, id.len}},
	    ids[_i].quirks, ids[_i].server);
	mem_free(copy);
}
END_TEST

/* Yahoo's HIGHESTMODSEQ stands still, and it does not offer CONDSTORE. */
START_TEST(test_mod_sequences_count_for_who_offers_condstore)
{
	struct capabilities offered = {0};
	const struct quirk_evidence evidence = {.capabilities = &offered};

	assert_quirks(&evidence, 0, NULL);
	capabilities_parse(&offered, span_of("IMAP4rev1 IDLE"));
	assert_quirks(&evidence, QUIRK_NO_MODSEQ, NULL);
	capabilities_parse(&offered, span_of("IMAP4rev1 CONDSTORE"));
	assert_quirks(&evidence, 0, NULL);
	capabilities_parse(&offered, span_of("IMAP4rev1 QRESYNC"));
	assert_quirks(&evidence, 0, NULL);
}
END_TEST

START_TEST(test_evidence_adds_up)
{
	struct capabilities offered;

	capabilities_parse(&offered, span_of("IMAP4rev1"));
	assert_quirks(&(struct quirk_evidence){.greeting = span_of("IMAPrev1"),
			  .id = span_of("(\"name\" \"Courier\")"),
			  .capabilities = &offered,
			  .host = "imap.aol.com"},
	    COURIER | YAHOO | QUIRK_SIZES_LIE | QUIRK_NO_MODSEQ, "Courier");
}
END_TEST

START_TEST(test_every_quirk_is_somebodys)
{
	uint32_t quirks = QUIRK_NO_MODSEQ;

	for (int i = 0; i < LENGTH(greetings); i++)
		quirks |= greetings[i].quirks;
	for (int i = 0; i < LENGTH(hosts); i++)
		quirks |= hosts[i].quirks;
	ck_assert_uint_eq(quirks, (1U << QUIRK_COUNT) - 1);
}
END_TEST

/* ---- what it costs ---- */

static const struct {
	uint32_t quirks;
	const char *offered;
	const char *left;
} costs[] = {
    {0, "CONDSTORE QRESYNC IDLE ID", "CONDSTORE QRESYNC IDLE ID"},
    {ICLOUD, "CONDSTORE QRESYNC IDLE", "CONDSTORE IDLE"},
    {QUIRK_NO_MODSEQ, "CONDSTORE QRESYNC IDLE", "IDLE"},
    {QUIRK_NO_MODSEQ | QUIRK_NO_VANISHED, "QRESYNC IDLE", "IDLE"},
    {QUIRK_PLAIN_LIST, "LIST-EXTENDED LIST-STATUS SPECIAL-USE", "SPECIAL-USE"},
    {QUIRK_NO_SEARCH, "ESEARCH UIDPLUS", "UIDPLUS"},
    {QUIRK_NO_NAMESPACE, "NAMESPACE IDLE", "IDLE"},
    {QUIRK_SLOW_SIZE, "STATUS=SIZE IDLE", "IDLE"},
    {QUIRK_SELECT | QUIRK_ID_FIRST | QUIRK_SHORT_LINES, "ID IDLE", "ID IDLE"},
};

START_TEST(test_quirks_cost_capabilities)
{
	const char *names[QUIRK_DISABLED_MAX];
	struct capabilities offered;
	struct capabilities left;
	uint32_t count = quirk_disabled(costs[_i].quirks, names);

	capabilities_parse(&offered, span_of(costs[_i].offered));
	capabilities_parse(&left, span_of(costs[_i].left));
	while (count > 0)
		capabilities_remove(&offered, names[--count]);
	ck_assert_uint_eq(offered.offered, left.offered);
}
END_TEST

START_TEST(test_what_quirks_cost_is_known_by_name_and_named_once)
{
	const char *names[QUIRK_DISABLED_MAX];
	const uint32_t count = quirk_disabled(UINT32_MAX, names);
	struct capabilities known;

	ck_assert_uint_gt(count, 0);
	for (uint32_t i = 0; i < count; i++) {
		capabilities_parse(&known, span_of(names[i]));
		ck_assert_msg(known.offered != 0, "%s", names[i]);
		for (uint32_t j = 0; j < i; j++)
			ck_assert_str_ne(names[i], names[j]);
	}
}
END_TEST

START_TEST(test_quirks_have_names)
{
	for (unsigned i = 0; i < QUIRK_COUNT; i++)
		ck_assert_ptr_nonnull(quirk_name((enum quirk)(1U << i)));
	ck_assert_str_eq(quirk_name(QUIRK_SELECT), "select");
	ck_assert_str_eq(quirk_name(QUIRK_NO_NAMESPACE), "no-namespace");
}
END_TEST

/* ---- rules that are held elsewhere, as seen from the catalogue ---- */

/* Exchange, WildDuck: what was fetched is not fetched again, whatever the
 * server says of it now. */
START_TEST(test_a_message_that_changed_is_not_fetched_again)
{
	struct index disk = {0};
	struct compare compare = {0};
	const struct compare_rules rules = {.exists = 1};

	index_put(&disk, &(struct index_entry){.uid = 7, .size = 100});
	compare_begin(&compare, &disk);
	compare_message(&compare, 7, INDEX_FLAGGED, 0);
	compare_listed(&compare, &rules);
	ck_assert(uidset_is_empty(&compare.plan.fetch));
	ck_assert(uidset_is_empty(&compare.plan.remove));
	ck_assert_uint_eq(compare.plan.reflag_count, 1);
	compare_free(&compare);
	index_free(&disk);
}
END_TEST

/* Cyrus: 1:26183 vanished, 5393 exist and the disk has as many. */
START_TEST(test_vanished_is_not_believed_against_the_count)
{
	struct index disk = {0};
	struct compare compare = {0};
	struct uidset vanished = {0};
	const struct compare_rules rules = {.exists = 5393};

	for (uint32_t uid = 20000; uid < 25393; uid++)
		index_put(&disk, &(struct index_entry){.uid = uid});
	ck_assert(uidset_parse(&vanished, span_of("1:26183,26185")));
	compare_begin(&compare, &disk);
	compare_changed(&compare, &vanished, &rules);
	ck_assert(compare.plan.is_doubtful);
	ck_assert(uidset_is_empty(&compare.plan.remove));
	uidset_free(&vanished);
	compare_free(&compare);
	index_free(&disk);
}
END_TEST

/* QQ and hMailServer refuse sets that fall; mailo.com never answers `*`. */
START_TEST(test_sets_rise_and_name_no_star)
{
	struct uidset uids = {0};
	struct command command;

	for (uint32_t i = 0; i < 5; i++)
		uidset_add(&uids, 9 - 2 * i);
	command_begin(&command, "UID FETCH", COMMAND_LITERALS_SYNC);
	(void)command_add_uids(&command, &uids, 0);
	ck_assert(span_equal(
	    buf_span(&command.bytes), span_of("UID FETCH 1,3,5,7,9")));
	command_free(&command);
	command_begin(&command, "UID FETCH", COMMAND_LITERALS_SYNC);
	command_add_range(&command, 7, UINT32_MAX);
	ck_assert(span_equal(
	    buf_span(&command.bytes), span_of("UID FETCH 7:4294967295")));
	command_free(&command);
	uidset_free(&uids);
}
END_TEST

/* ---- where each row of the catalogue is held ---- */

#define ROWS 73

/* Beside the transcripts, which have the row's number in front. */
static const struct {
	unsigned row;
	const char *file;
	const char *test;
} holders[] = {
    {2, "unit/test_throttle.c", "IMAP_CODE_THROTTLED"},
    {3, "unit/test_throttle.c", "command or bandwidth limits"},
    {4, "unit/test_throttle.c", "Too many simultaneous connections"},
    {6, "unit/test_tls_link.c", "test_tls_server_name_is_sent_for_names_only"},
    {6, "unit/test_stream_tls.c",
	"test_stream_end_without_close_notify_is_not_clean"},
    {12, "unit/test_throttle.c", "authenticated but not connected"},
    {13, "unit/test_throttle.c", "92415 milliseconds"},
    {14, "unit/test_throttle.c", "AccessTokenExpired"},
    {19, "e2e/test_hard_cases.py",
	"test_an_ok_without_it_ends_with_76_and_all_others"},
    {21, "unit/test_quirk.c",
	"test_a_message_that_changed_is_not_fetched_again"},
    {24, "unit/test_quirk.c", "Microsoft Exchange Server 2003"},
    {27, "unit/test_throttle.c", "Rate limit hit."},
    {28, "unit/test_throttle.c", "IMAP_CODE_SERVERBUG"},
    {29, "unit/test_quirk.c", "QUIRK_WANTS_UIDONLY"},
    {30, "unit/test_quirk.c",
	"test_mod_sequences_count_for_who_offers_condstore"},
    {31, "unit/test_quirk.c", "imap.mail.yahoo.com"},
    {32, "unit/test_command.c",
	"test_command_items_always_ask_for_the_uid_and_never_set_seen"},
    {33, "unit/test_quirk.c", "imap.mail.me.com"},
    {36, "unit/test_throttle.c", "Service temporarily unavailable"},
    {37, "unit/test_quirk.c", "Coremail System"},
    {38, "unit/test_quirk.c", "test_sets_rise_and_name_no_star"},
    {41, "unit/test_throttle.c", "Backend error"},
    {44, "unit/test_quirk.c", "Proton Mail Bridge"},
    {44, "unit/test_tls.c", "test_tls_pin_stands_in_for_chain_date_and_name"},
    {47, "unit/test_quirk.c", "Courier-IMAP ready"},
    {49, "unit/test_quirk.c",
	"test_vanished_is_not_believed_against_the_count"},
    {50, "unit/test_command.c", "test_command_range_ascends"},
    {52, "unit/test_throttle.c", "Maximum number of connections"},
    {53, "unit/test_command.c", "test_command_refuses_what_is_too_long"},
    {54, "unit/test_quirk.c", "IMAPrev1"},
    {55, "unit/test_throttle.c", "storage limit has been exceeded"},
    {57, "unit/test_quirk.c", "SmarterMail"},
    {58, "unit/test_quirk.c", "QUIRK_SLOW_SIZE"},
    {60, "unit/test_throttle.c", "Server shutting down."},
    {62, "unit/test_quirk.c",
	"test_a_message_that_changed_is_not_fetched_again"},
    {65, "unit/test_mailboxes.c", "test_what_cannot_be_opened_is_left_out"},
    {66, "unit/test_quirk.c", "test_sets_rise_and_name_no_star"},
    {67, "unit/test_quirk.c", "imap.strato.de"},
    {70, "unit/test_mailboxes.c", "test_what_cannot_be_opened_is_left_out"},
    {73, "unit/test_settings.c", "tls_min_version"},
    {73, "unit/test_tls_link.c", "test_tls_version"},
};

/* Fails unless the file is there and holds the words. */
static void
assert_holds(const char *file, const char *words)
{
	char path[500];
	static char text[1 << 20];
	FILE *stream;
	size_t len;

	ck_assert_int_lt(
	    snprintf(path, sizeof(path), TESTS_DIR "/%s", file), 500);
	stream = fopen(path, "r");
	ck_assert_msg(stream != NULL, "%s cannot be opened", path);
	len = fread(text, 1, sizeof(text) - 1, stream);
	fclose(stream);
	text[len] = '\0';
	ck_assert_msg(
	    strstr(text, words) != NULL, "%s: no \"%s\"", path, words);
}

START_TEST(test_every_row_of_the_catalogue_is_held)
{
	static const char folder[] = TESTS_DIR "/transcripts/quirks/";
	bool is_held[ROWS + 1] = {false};
	glob_t files;

	ck_assert_int_eq(
	    glob(TESTS_DIR "/transcripts/quirks/*.imap", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		const char *name = files.gl_pathv[i] + sizeof(folder) - 1;
		unsigned long long row = 0;

		ck_assert_msg(
		    span_to_number((struct span){name, 2}, ROWS, &row) &&
			row > 0 && name[2] == '-',
		    "%s: which row?", name);
		is_held[row] = true;
	}
	globfree(&files);
	for (int i = 0; i < LENGTH(holders); i++) {
		ck_assert_uint_ge(holders[i].row, 1);
		ck_assert_uint_le(holders[i].row, ROWS);
		assert_holds(holders[i].file, holders[i].test);
		is_held[holders[i].row] = true;
	}
	for (unsigned row = 1; row <= ROWS; row++)
		ck_assert_msg(is_held[row], "row %u is held by nothing", row);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("quirk");
	TCase *tests = tcase_create("quirk");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, test_a_server_is_known_by_its_greeting, 0,
	    LENGTH(greetings));
	tcase_add_loop_test(
	    tests, test_a_server_is_known_by_its_domain, 0, LENGTH(hosts));
	tcase_add_loop_test(
	    tests, test_a_server_is_known_by_its_id, 0, LENGTH(ids));
	tcase_add_test(
	    tests, test_mod_sequences_count_for_who_offers_condstore);
	tcase_add_test(tests, test_evidence_adds_up);
	tcase_add_test(tests, test_every_quirk_is_somebodys);
	tcase_add_loop_test(
	    tests, test_quirks_cost_capabilities, 0, LENGTH(costs));
	tcase_add_test(
	    tests, test_what_quirks_cost_is_known_by_name_and_named_once);
	tcase_add_test(tests, test_quirks_have_names);
	tcase_add_test(tests, test_a_message_that_changed_is_not_fetched_again);
	tcase_add_test(tests, test_vanished_is_not_believed_against_the_count);
	tcase_add_test(tests, test_sets_rise_and_name_no_star);
	tcase_add_test(tests, test_every_row_of_the_catalogue_is_held);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
