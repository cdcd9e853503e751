/*
 * libclient/imaplib: extensions that few servers have. What is sent for them,
 * and the answers that their RFCs show, as values.
 */
#include <stdio.h>

#include "libclient/base/mem.h"
#include "libclient/imaplib_mailbox.h"
#include "libclient/imaplib_message.h"
#include "tests/unit/imaplib_client.h"
#include "tests/unit/imaplib_text.h"

#define CALL(name, ...)                       \
	static bool name(void)                \
	{                                     \
		return imaplib_##__VA_ARGS__; \
	}

static const char *const client_id[] = {"name", "x", "version", NULL};

CALL(fetch_ids, fetch(client, "1", "EMAILID THREADID", NULL, false, &reply))
CALL(status_id, status(client, "foo", "(MAILBOXID)", &reply))
CALL(create_foo, create(client, "foo", NULL, &reply))
CALL(create_sent, create(client, "MySent", "(USE (\\Sent))", &reply))
CALL(fetch_saved, fetch(client, "1:2", "SAVEDATE", NULL, true, &reply))
CALL(search_saved,
    search(client, NULL, NULL, "SAVEDSINCE 28-Dec-2014", true, &reply))
CALL(fetch_preview,
    fetch(client, "1:2", "(PREVIEW (LAZY))", NULL, false, &reply))
CALL(fetch_uidonly, fetch(client, "25900:26600", "FLAGS", NULL, true, &reply))
CALL(store_uidonly, store(client, "25900", "+FLAGS", "\\Seen", 0, true, &reply))
CALL(fetch_numbers, fetch(client, "1", "FLAGS", NULL, false, &reply))
CALL(search_part,
    search(client, NULL, "(PARTIAL -1:-100)", "UNDELETED UNKEYWORD $Junk", true,
	&reply))
CALL(fetch_part,
    fetch(client, "25900:26600", "UID FLAGS", "(PARTIAL -1:-30)", true, &reply))
CALL(search_slow, search(client, NULL, NULL, "TEXT x", true, &reply))
CALL(fetch_many, fetch(client, "1:*", "UID FLAGS", NULL, true, &reply))
CALL(copy_many, copy(client, "1:*", "Drafts", true, &reply))
CALL(notify_set,
    notify(client,
	"SET STATUS (selected (MessageNew (UID) MessageExpunge)) "
	"(subtree Lists (MessageNew))",
	&reply))
CALL(notify_wrong, notify(client, "SET (selected (Xyz))", &reply))
CALL(say_id, id(client, client_id, 4, &reply))
CALL(search_save, search(client, NULL, "(SAVE COUNT)", "ALL", false, &reply))
CALL(fetch_saved_result, fetch(client, "$", "UID", NULL, false, &reply))
CALL(fetch_changed,
    fetch(
	client, "1:*", "FLAGS", "(CHANGEDSINCE 12345 VANISHED)", true, &reply))
CALL(select_resync,
    select(client, "INBOX", false,
	"(QRESYNC (67890007 20050715194045000 41,43:211,214:541))", &reply))
CALL(store_unchanged,
    store(client, "7,5,9", "+FLAGS.SILENT", "\\Deleted", UINT64_C(320162338),
	false, &reply))
CALL(list_special,
    list(client, "", "%", "(SPECIAL-USE)", "(SPECIAL-USE)", &reply))
CALL(list_status,
    list(client, "", "%", NULL, "(STATUS (MESSAGES UNSEEN))", &reply))
CALL(fetch_binary,
    fetch(client, "1", "(BINARY.SIZE[1] BINARY.PEEK[1])", NULL, false, &reply))

/*
 * What is sent; up to two responses and the tagged one; then what is shown of
 * the last response: its name and number (0: none), its values, or its code
 * with arguments; and of the tagged one its code with arguments.
 */
static const struct {
	const char *rfc;
	bool (*call)(void);
	const char *sent;
	const char *said[3];
	const char *name;
	uint32_t number;
	const char *shown;
	const char *code;
} rows[] = {
    {"8474", fetch_ids, "< FETCH 1 (EMAILID THREADID)\r\n",
	{"> * 1 FETCH (EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9))",
	    "> @ OK done"},
	"FETCH", 1, "(EMAILID (M6d99ac3275bb4e) THREADID (T64b478a75b7ea9))",
	""},
    {"8474", fetch_ids, "< FETCH 1 (EMAILID THREADID)\r\n",
	{"> * 1 FETCH (EMAILID (M00000001) THREADID NIL)", "> @ OK done"},
	"FETCH", 1, "(EMAILID (M00000001) THREADID NIL)", ""},
    {"8474", status_id, "< STATUS foo (MAILBOXID)\r\n",
	{"> * STATUS foo (MAILBOXID (F2212ea87-6097-4256-9d51-71338625))",
	    "> @ OK done"},
	"STATUS", 0, "foo (MAILBOXID (F2212ea87-6097-4256-9d51-71338625))", ""},
    {"8474", create_foo, "< CREATE foo\r\n",
	{"> * OK x", "> @ OK [MAILBOXID (F2212ea87)] Completed"}, "OK", 0, " ",
	"MAILBOXID F2212ea87"},
    {"6154", create_sent, "< CREATE MySent (USE (\\Sent))\r\n",
	{"> * OK x", "> @ NO [USEATTR] \\All not supported"}, "OK", 0, " ",
	"USEATTR "},
    {"6154", list_special,
	"< LIST (SPECIAL-USE) \"\" % RETURN (SPECIAL-USE)\r\n",
	{"> * LIST (\\Sent) \"/\" SentMail", "> @ OK done"}, "LIST", 0,
	"(\\Sent) '/' SentMail", ""},
    {"5819", list_status, "< LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN))\r\n",
	{"> * LIST () \".\" \"INBOX\"",
	    "> * STATUS \"INBOX\" (MESSAGES 17 UNSEEN 16)", "> @ OK done"},
	"STATUS", 0, "'INBOX' (MESSAGES 17 UNSEEN 16)", ""},
    {"8514", fetch_saved, "< UID FETCH 1:2 (SAVEDATE)\r\n",
	{"> * 1 FETCH (SAVEDATE NIL UID 1)",
	    "> * 2 FETCH (UID 2 SAVEDATE \"01-Jan-2015 10:10:10 +0000\")",
	    "> @ OK done"},
	"FETCH", 2, "(UID 2 SAVEDATE '01-Jan-2015 10:10:10 +0000')", ""},
    {"8514", search_saved, "< UID SEARCH SAVEDSINCE 28-Dec-2014\r\n",
	{"> * SEARCH 4 5", "> @ OK done"}, "SEARCH", 0, "4 5", ""},
    {"8970", fetch_preview, "< FETCH 1:2 (PREVIEW (LAZY))\r\n",
	{"> * 1 FETCH (PREVIEW \"Preview text!\")", "> * 2 FETCH (PREVIEW NIL)",
	    "> @ OK done"},
	"FETCH", 2, "(PREVIEW NIL)", ""},
    {"9586", fetch_uidonly, "< UID FETCH 25900:26600 (FLAGS)\r\n",
	{"> * 25900 UIDFETCH (FLAGS (\\Seen))",
	    "> * 25992 UIDFETCH (MODSEQ (2) FLAGS (\\Flagged \\Seen))",
	    "> @ OK done"},
	"UIDFETCH", 25992, "(MODSEQ (2) FLAGS (\\Flagged \\Seen))", ""},
    {"9586", store_uidonly, "< UID STORE 25900 +FLAGS (\\Seen)\r\n",
	{"> * VANISHED 405,407,410,425", "> @ OK done"}, "VANISHED", 0,
	"405,407,410,425", ""},
    {"9586", fetch_numbers, "< FETCH 1 (FLAGS)\r\n",
	{"> * OK x", "> @ BAD [UIDREQUIRED] Message numbers are not allowed"},
	"OK", 0, " ", "UIDREQUIRED "},
    {"9394", search_part,
	"< UID SEARCH RETURN (PARTIAL -1:-100) UNDELETED UNKEYWORD $Junk\r\n",
	{"> * ESEARCH (TAG \"A01\") UID PARTIAL (-1:-100 200:250,252:300)",
	    "> @ OK done"},
	"ESEARCH", 0, "(TAG 'A01') UID PARTIAL (-1:-100 200:250,252:300)", ""},
    {"9394", search_part,
	"< UID SEARCH RETURN (PARTIAL -1:-100) UNDELETED UNKEYWORD $Junk\r\n",
	{"> * ESEARCH (TAG \"A02\") UID PARTIAL (-1:-100 NIL)", "> @ OK done"},
	"ESEARCH", 0, "(TAG 'A02') UID PARTIAL (-1:-100 NIL)", ""},
    {"9394", fetch_part,
	"< UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-30)\r\n",
	{"> * 12888 FETCH (FLAGS (\\Seen) UID 25996)", "> @ OK done"}, "FETCH",
	12888, "(FLAGS (\\Seen) UID 25996)", ""},
    {"9585", search_slow, "< UID SEARCH TEXT x\r\n",
	{"> * OK [INPROGRESS (\"A001\" 454 1000)] Processed 45%",
	    "> * SEARCH 447 735", "> @ OK Search completed"},
	"SEARCH", 0, "447 735", ""},
    {"9585", search_slow, "< UID SEARCH TEXT x\r\n",
	{"> * OK [INPROGRESS] Hang in there...",
	    "> * OK [INPROGRESS (\"A001\" NIL NIL)] Still alive", "> @ OK x"},
	"OK", 0, "INPROGRESS (\"A001\" NIL NIL)", ""},
    {"9738", fetch_many, "< UID FETCH 1:* (UID FLAGS)\r\n",
	{"> * 23221 FETCH (UID 302 FLAGS ())",
	    "> @ OK [MESSAGELIMIT 1000 23221] FETCH completed partially"},
	"FETCH", 23221, "(UID 302 FLAGS ())", "MESSAGELIMIT 1000 23221"},
    {"9738", copy_many, "< UID COPY 1:* Drafts\r\n",
	{"> * OK x", "> @ NO [MESSAGELIMIT 1000] Too many messages to copy"},
	"OK", 0, " ", "MESSAGELIMIT 1000"},
    {"5465", notify_set,
	"< NOTIFY SET STATUS (selected (MessageNew (UID) MessageExpunge)) "
	"(subtree Lists (MessageNew))\r\n",
	{"> * STATUS Lists/im2000 (UIDVALIDITY 901 MESSAGES 118)",
	    "> * STATUS Lists/lemonade (UIDVALIDITY 4 UIDNEXT 9999)",
	    "> @ OK done"},
	"STATUS", 0, "Lists/lemonade (UIDVALIDITY 4 UIDNEXT 9999)", ""},
    {"5465", notify_wrong, "< NOTIFY SET (selected (Xyz))\r\n",
	{"> * OK [NOTIFICATIONOVERFLOW] too much",
	    "> @ NO [BADEVENT (MessageNew MessageExpunge)] Unsupported"},
	"OK", 0, "NOTIFICATIONOVERFLOW ",
	"BADEVENT (MessageNew MessageExpunge)"},
    {"2971", say_id, "< ID (\"name\" \"x\" \"version\" NIL)\r\n",
	{"> * ID (\"name\" \"Cyrus\" \"version\" \"1.5\" \"os\" NIL)",
	    "> @ OK done"},
	"ID", 0, "('name' 'Cyrus' 'version' '1.5' 'os' NIL)", ""},
    {"5182", search_save, "< SEARCH RETURN (SAVE COUNT) ALL\r\n",
	{"> * ESEARCH (TAG \"A\") COUNT 3", "> @ NO [NOTSAVED] no"}, "ESEARCH",
	0, "(TAG 'A') COUNT 3", "NOTSAVED "},
    {"5182", fetch_saved_result, "< FETCH $ (UID)\r\n",
	{"> * 2 FETCH (UID 9)", "> @ OK done"}, "FETCH", 2, "(UID 9)", ""},
    {"7162", fetch_changed,
	"< UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345 VANISHED)\r\n",
	{"> * 1 FETCH (UID 4 MODSEQ (65402) FLAGS (\\Seen))",
	    "> * VANISHED (EARLIER) 300:310,405", "> @ OK done"},
	"VANISHED", 0, "(EARLIER) 300:310,405", ""},
    {"7162", select_resync,
	"< SELECT INBOX (QRESYNC (67890007 20050715194045000 "
	"41,43:211,214:541))\r\n",
	{"> * OK [CLOSED] Previous mailbox closed", "> * VANISHED (EARLIER) 41",
	    "> @ OK [READ-WRITE] mailbox selected"},
	"VANISHED", 0, "(EARLIER) 41", "READ-WRITE "},
    {"7162", store_unchanged,
	"< STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT "
	"(\\Deleted)\r\n",
	{"> * 5 FETCH (MODSEQ (320162350))",
	    "> @ OK [MODIFIED 7,9] Conditional STORE failed"},
	"FETCH", 5, "(MODSEQ (320162350))", "MODIFIED 7,9"},
    {"3516", fetch_binary, "< FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])\r\n",
	{"> * 1 FETCH (BINARY.SIZE[1] 3 BINARY[1] ~{3}\r\na b)", "> @ OK x"},
	"FETCH", 1, "(BINARY.SIZE[1] 3 BINARY[1] 'a b')", ""},
};

static const char *
joined(struct span code, struct span arguments)
{
	static char text[300];

	(void)snprintf(text, sizeof(text), "%.*s %.*s", (int)code.len, code.at,
	    (int)arguments.len, arguments.at);
	return text;
}

START_TEST(test_what_is_sent_and_what_is_shown)
{
	const char *const script[] = {PREAUTH(""), SELECTED, rows[_i].sent,
	    rows[_i].said[0], rows[_i].said[1],
	    rows[_i].said[2] == NULL ? "wait" : rows[_i].said[2], "wait", NULL};
	const struct imaplib_untagged *last;

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	(void)rows[_i].call();
	ck_assert_msg(reply.untagged != NULL, "RFC %s: %s", rows[_i].rfc,
	    reply.error.text);
	for (last = reply.untagged; last->next != NULL;)
		last = last->next;
	assert_span(last->name, rows[_i].name);
	ck_assert_uint_eq(last->number, rows[_i].number);
	ck_assert_str_eq(last->status == NULL
		? values_text(last->data)
		: joined(last->status->code, last->status->arguments),
	    rows[_i].shown);
	ck_assert_str_eq(
	    reply.code.len == 0 ? "" : joined(reply.code, reply.arguments),
	    rows[_i].code);
	leave();
}
END_TEST

/* ---- ENABLE ---- */

static const char *const enables[][2] = {
    {"< ENABLE UIDONLY\r\n", "UIDONLY"},
    {"< ENABLE CONDSTORE QRESYNC\r\n", "CONDSTORE QRESYNC"},
    {"< ENABLE IMAP4rev2\r\n", "IMAP4rev2"},
    {"< ENABLE UTF8=ACCEPT\r\n", "UTF8=ACCEPT"},
};

START_TEST(test_what_is_enabled_is_what_the_server_says)
{
	const char *const script[] = {
	    PREAUTH(" ENABLE UIDONLY QRESYNC imap4rev2 UTF8=ONLY"),
	    enables[_i][0], "> * ENABLED", "> @ OK done", enables[_i][0],
	    "> * ENABLED IMAP4rev2 X UTF8=ACCEPT", "> @ OK done", "wait", NULL};

	open_to(script);
	ck_assert(imaplib_enable(client, enables[_i][1], &reply));
	ck_assert_ptr_null(reply.untagged->data);
	ck_assert(!imaplib_is_utf8(client));
	ck_assert(imaplib_enable(client, enables[_i][1], &reply));
	ck_assert_str_eq(
	    values_text(reply.untagged->data), "IMAP4rev2 X UTF8=ACCEPT");
	ck_assert(imaplib_is_utf8(client));
	leave();
}
END_TEST

static const char *const not_offered[] = {"UTF8=ACCEPT", "QRESYNC",
    "CONDSTORE QRESYNC", "IMAP4rev2", "CONDSTOR", "CONDSTORES"};

START_TEST(test_what_is_not_offered_is_not_enabled)
{
	static const char *const script[] = {
	    PREAUTH(" ENABLE CONDSTORE"), "wait", NULL};

	open_to(script);
	ck_assert(!imaplib_enable(client, not_offered[_i], &reply));
	ck_assert_int_eq(reply.type, IMAPLIB_ERROR);
	leave();
}
END_TEST

/* ---- literals that need no permission ---- */

static const struct {
	const char *capability;
	size_t size;
	const char *line;
	bool waits;
} literals[] = {
    {"", 1, "< APPEND x {1}\r\n", true},
    {" LITERAL+", 1, "< APPEND x {1+}\r\n", false},
    {" LITERAL+", 4097, "< APPEND x {4097+}\r\n", false},
    {" LITERAL-", 4096, "< APPEND x {4096+}\r\n", false},
    {" LITERAL-", 4097, "< APPEND x {4097}\r\n", true},
};

START_TEST(test_a_literal_waits_unless_the_server_needs_not_be_asked)
{
	static char text[5000];
	char *hello = mem_format(PREAUTH("%s"), literals[_i].capability);
	char *line = mem_format("<- %.*s\r\n", (int)literals[_i].size,
	    (const char *)memset(text, 'a', sizeof(text)));
	const char *const waiting[] = {
	    hello, literals[_i].line, "> +", line, "> @ OK x", "wait", NULL};
	const char *const plain[] = {
	    hello, literals[_i].line, line, "> @ OK x", "wait", NULL};
	const struct imaplib_append message = {
	    .message = {text, literals[_i].size}};

	open_to(literals[_i].waits ? waiting : plain);
	ck_assert(imaplib_append(client, "x", &message, 1, &reply));
	leave();
	mem_free(line);
	mem_free(hello);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("imaplib_extensions");

	tcase_add_loop_test(
	    tests, test_what_is_sent_and_what_is_shown, 0, COUNT(rows));
	tcase_add_loop_test(tests, test_what_is_enabled_is_what_the_server_says,
	    0, COUNT(enables));
	tcase_add_loop_test(tests, test_what_is_not_offered_is_not_enabled, 0,
	    COUNT(not_offered));
	tcase_add_loop_test(tests,
	    test_a_literal_waits_unless_the_server_needs_not_be_asked, 0,
	    COUNT(literals));
	return run_suite("imaplib_extensions", tests);
}
