/*
 * daemon/console_message: what the words of a command on messages become, in
 * front of a server that follows a script.
 */
#include "daemon/console.h"
#include "libclient/imaplib_mailbox.h"
#include "tests/unit/console_reply.h"
#include "tests/unit/imaplib_client.h"

/* A line, and what is sent for it. */
static const struct {
	const char *line;
	const char *sent;
} sent[] = {
    {"fetch 1:* (FLAGS)", "< FETCH 1:* (FLAGS)\r\n"},
    {"fetch 1 FLAGS", "< FETCH 1 (FLAGS)\r\n"},
    {"uid fetch 1:* (FLAGS) (CHANGEDSINCE 5)",
	"< UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5)\r\n"},
    {"FETCH 1 fast", "< FETCH 1 fast\r\n"},
    {"fetch 1 BODY.PEEK[HEADER.FIELDS (TO)]", NULL},
    {"fetch 1 \"BODY[HEADER.FIELDS (TO)]\"",
	"< FETCH 1 (BODY[HEADER.FIELDS (TO)])\r\n"},
    {"partial 2 TEXT 5 10", "< FETCH 2 (BODY.PEEK[TEXT]<5.10>)\r\n"},
    {"uid partial 2 \"\" 0 4294967295",
	"< UID FETCH 2 (BODY.PEEK[]<0.4294967295>)\r\n"},
    {"partial 2 TEXT five 10", NULL},
    {"partial 2 TEXT 5 4294967296", NULL},
    {"store 1 +FLAGS \\Seen", "< STORE 1 +FLAGS (\\Seen)\r\n"},
    {"store 1 +FLAGS \\Seen \\Draft", "< STORE 1 +FLAGS (\\Seen \\Draft)\r\n"},
    {"uid store 1 FLAGS.SILENT ()", "< UID STORE 1 FLAGS.SILENT ()\r\n"},
    {"store 1 (unchangedsince 77) -FLAGS (\\Seen)",
	"< STORE 1 (UNCHANGEDSINCE 77) -FLAGS (\\Seen)\r\n"},
    {"store 1 (UNCHANGEDSINCE 0) FLAGS ()", NULL},
    {"store 1 (UNCHANGEDSINCE x) FLAGS ()", NULL},
    {"store 1 (CHANGEDSINCE 5) FLAGS ()", NULL},
    {"store 1 (UNCHANGEDSINCE 5) FLAGS", NULL},
    {"copy 1:3 \"a \\\"b\\\"\"", "< COPY 1:3 \"a \\\"b\\\"\"\r\n"},
    {"uid copy $ Gr\303\266\303\237e", "< UID COPY $ Gr&APYA3w-e\r\n"},
    {"move 1 x", "< MOVE 1 x\r\n"},
    {"uid move 1 x\\y", "< UID MOVE 1 \"x\\\\y\"\r\n"},
    {"expunge", "< EXPUNGE\r\n"},
    {"expunge 3:5", "< UID EXPUNGE 3:5\r\n"},
    {"uid expunge 3:5", "< UID EXPUNGE 3:5\r\n"},
    {"uid expunge", NULL},
    {"search ALL", "< SEARCH ALL\r\n"},
    {"search NIL SUBJECT \"a b\"", "< SEARCH SUBJECT \"a b\"\r\n"},
    {"uid search RETURN (MIN COUNT) CHARSET UTF-8 OR SEEN (FROM x)",
	"< UID SEARCH RETURN (MIN COUNT) CHARSET UTF-8 OR SEEN (FROM x)\r\n"},
    {"search CHARSET UTF-8", NULL},
    {"search RETURN (ALL)", NULL},
    {"search NIL", NULL},
    {"sort (REVERSE DATE) UTF-8 SUBJECT \"a b\"",
	"< SORT (REVERSE DATE) UTF-8 SUBJECT \"a b\"\r\n"},
    {"uid sort DATE US-ASCII ALL", "< UID SORT (DATE) US-ASCII ALL\r\n"},
    {"uid thread REFERENCES UTF-8 UNDELETED",
	"< UID THREAD REFERENCES UTF-8 UNDELETED\r\n"},
    {"uid copy 1", NULL},
    {"uid frobnicate 1", NULL},
    {"uid replace 1 x", "< UID REPLACE 1 x\r\n"},
    {"xatom UID SORT RETURN (COUNT) (DATE) UTF-8 ALL",
	"< UID SORT RETURN (COUNT) (DATE) UTF-8 ALL\r\n"},
    {"append x a b", NULL},
    {"append x () yesterday m", NULL},
};

START_TEST(test_words_become_a_command)
{
	const char *const script[] = {PREAUTH(""), SELECTED,
	    sent[_i].sent == NULL ? "< NOOP\r\n" : sent[_i].sent, "> @ OK done",
	    "wait", NULL};
	struct console console;
	struct printed printed;

	open_to(script);
	ck_assert(imaplib_select(client, NULL, false, NULL, &reply));
	console_init(&console);
	console.client = client;
	console.out = printed_open(&printed);
	console_run_line(&console, span_of(sent[_i].line));
	if (sent[_i].sent == NULL)
		console_run_line(&console, span_of("noop"));
	(void)printed_close(&printed);
	ck_assert_msg(strncmp(printed.text,
			  sent[_i].sent == NULL ? "ERROR" : "OK", 2) == 0,
	    "%s", printed.text);
	ck_assert_int_eq(console.code, sent[_i].sent == NULL ? 64 : 0);
	free(printed.text);
	console.client = NULL;
	console_free(&console);
	leave();
}
END_TEST

/* A line, the first line that is sent, and the message with what follows. */
static const struct {
	const char *line;
	const char *sent[4];
} appends[] = {
    {"append x m", {"< APPEND x {1+}\r\n", "<- m\r\n", "> @ OK x"}},
    {"append x NIL NIL m", {"< APPEND x {1+}\r\n", "<- m\r\n", "> @ OK x"}},
    {"append x \"\" \"\" \"two words\"",
	{"< APPEND x {9+}\r\n", "<- two words\r\n", "> @ OK x"}},
    {"append \"a b\" (\\Seen) \"17-Jul-1996 02:44:25 -0700\" m",
	{"< APPEND \"a b\" (\\Seen) \"17-Jul-1996 02:44:25 -0700\" {1+}\r\n",
	    "<- m\r\n", "> @ OK x"}},
    {"append x (\\Seen) NIL m () NIL n",
	{"< APPEND x (\\Seen) {1+}\r\n", "<- m () {1+}\r\n", "<- n\r\n",
	    "> @ OK x"}},
};

START_TEST(test_append_has_one_word_or_three_for_a_message)
{
	const char *const script[] = {PREAUTH(" LITERAL+ MULTIAPPEND"),
	    appends[_i].sent[0], appends[_i].sent[1], appends[_i].sent[2],
	    appends[_i].sent[3] == NULL ? "wait" : appends[_i].sent[3], "wait",
	    NULL};
	struct console console;
	struct printed printed;

	open_to(script);
	console_init(&console);
	console.client = client;
	console.out = printed_open(&printed);
	console_run_line(&console, span_of(appends[_i].line));
	ck_assert_str_eq(printed_close(&printed), "OK x\n");
	free(printed.text);
	console.client = NULL;
	console_free(&console);
	leave();
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("console_message");

	tcase_add_loop_test(tests, test_words_become_a_command, 0, COUNT(sent));
	tcase_add_loop_test(tests,
	    test_append_has_one_word_or_three_for_a_message, 0, COUNT(appends));
	return run_suite("console_message", tests);
}
