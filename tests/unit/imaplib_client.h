/*
 * For tests of libclient/imaplib: one blocking client against a server that
 * follows a script (see imap_server.h).
 */
#ifndef TESTS_UNIT_IMAPLIB_CLIENT_H
#define TESTS_UNIT_IMAPLIB_CLIENT_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "libclient/imaplib.h"
#include "libclient/io/clock.h"
#include "tests/unit/imap_server.h"

#define MSEC UINT64_C(1000)

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* The first line, with capabilities. */
#define HELLO(words)   "> * OK [CAPABILITY IMAP4rev1" words "] hi"
#define PREAUTH(words) "> * PREAUTH [CAPABILITY IMAP4rev1" words "] hi"

/* Steps of a SELECT. */
#define SELECTED \
	"< SELECT INBOX\r\n", "> * 3 EXISTS", "> @ OK [READ-WRITE] done"

static struct server server;
static struct imaplib_options options;
static struct imaplib *client;
static struct imaplib_reply reply;

static inline void
setup(void)
{
	server = (struct server){.fd = -1};
	server_listen(&server);
	options = (struct imaplib_options){
	    .host = "127.0.0.1", .port = server.port, .timeout = 20000 * MSEC};
	client = NULL;
	reply = (struct imaplib_reply){0};
}

static inline void
teardown(void)
{
	client = imaplib_shutdown(client);
	imaplib_reply_free(&reply);
	server_free(&server);
}

/* Connects to a server with that script, whether that succeeds or not. */
static inline void
try_to(const char *const *script)
{
	server_start(&server, script);
	client = imaplib_open(&options, &reply);
}

static inline void
open_to(const char *const *script)
{
	try_to(script);
	ck_assert_msg(client != NULL, "%s", reply.error.text);
	ck_assert_int_eq(reply.type, IMAPLIB_OK);
}

/* The client leaves, the server was content. */
static inline void
leave(void)
{
	client = imaplib_shutdown(client);
	server_join(&server);
	ck_assert_str_eq(server.complaint, "");
}

static inline void
assert_span(struct span span, const char *text)
{
	ck_assert_uint_eq(span.len, strlen(text));
	ck_assert_mem_eq(span.at, text, span.len);
}

/* The names of what a reply has: "EXISTS,OK". */
static inline void
assert_names(const char *names)
{
	const struct imaplib_untagged *untagged = reply.untagged;
	struct buf got;

	buf_init(&got, 65536);
	for (; untagged != NULL; untagged = untagged->next) {
		ck_assert(buf_add(&got, untagged->name.at, untagged->name.len));
		ck_assert(
		    buf_add_string(&got, untagged->next == NULL ? "" : ","));
	}
	assert_span(buf_span(&got), names);
	buf_free(&got);
}

static inline int
run_suite(const char *name, TCase *tests)
{
	Suite *suite = suite_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
