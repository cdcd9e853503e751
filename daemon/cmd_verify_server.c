/*
 * What the server has: EXAMINE, the UIDs, and then flags and sizes of some
 * thousands at a time, so that no reply grows with the mailbox.
 */
#include "daemon/cmd_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "daemon/console.h"
#include "libclient/base/mem.h"
#include "libclient/imaplib_data.h"
#include "libclient/imaplib_mailbox.h"
#include "libclient/imaplib_message.h"

/* Messages that one command asks for, and the bytes of their set. */
#define MESSAGES_AT_ONCE 5000
#define SET_MAX		 4000

/* Keywords of one message; more are not compared. */
#define MESSAGE_KEYWORDS_MAX 512

static int
fail(const struct verify *verify, const struct imaplib_reply *reply)
{
	char text[sizeof(reply->error.text)];
	int code = console_exit_code(reply, false);

	(void)fprintf(stderr, "mailmirror: %s: %s: %s\n", verify->label,
	    imaplib_type_name(reply->type),
	    imap_error_printable(
		reply->text, sizeof(text) / 4, text, sizeof(text)));
	/* a NO to opening a mailbox: it may be opened later */
	return code == EXIT_FAILURE ? EX_TEMPFAIL : code;
}

/* ---- opening ---- */

static int
examine(struct verify *verify)
{
	struct imaplib_reply reply = {0};
	unsigned long long number = 0;
	int code = EX_OK;

	verify->uidvalidity = 0;
	if (!verify->mailbox->is_valid) {
		(void)fprintf(stderr,
		    "mailmirror: %s: its name is no modified UTF-7: it cannot "
		    "be opened here\n",
		    verify->label);
		return EX_PROTOCOL;
	}
	if (!imaplib_select(verify->session->client, verify->mailbox->name,
		true, NULL, &reply))
		code = fail(verify, &reply);
	for (const struct imaplib_untagged *one = reply.untagged; one != NULL;
	     one = one->next)
		if (one->status != NULL &&
		    span_equal_nocase(one->status->code, "UIDVALIDITY") &&
		    span_to_number(one->status->arguments, UINT32_MAX, &number))
			verify->uidvalidity = (uint32_t)number;
	imaplib_reply_free(&reply);
	if (code == EX_OK && verify->uidvalidity == 0) {
		(void)fprintf(stderr,
		    "mailmirror: %s: the server tells no UIDVALIDITY\n",
		    verify->label);
		code = EX_PROTOCOL;
	}
	return code;
}

/* ---- which ---- */

static int
search(struct verify *verify, struct uidset *uids)
{
	struct imaplib *client = verify->session->client;
	bool has_esearch = cmd_session_has(verify->session, CAPABILITY_ESEARCH);
	struct imaplib_reply reply = {0};
	int code = EX_OK;

	if (imaplib_search(client, NULL, has_esearch ? "(ALL)" : NULL, "ALL",
		true, &reply)) {
		for (const struct imaplib_untagged *one = reply.untagged;
		     one != NULL; one = one->next)
			(void)imaplib_data_search(one, uids);
	} else if (reply.type == IMAPLIB_ABORT) {
		code = fail(verify, &reply);
	} else {
		/* servers there are whose SEARCH fails */
		uidset_add_range(uids, 1, UINT32_MAX);
	}
	imaplib_reply_free(&reply);
	return code;
}

/* ---- what they are ---- */

static void
add_message(struct verify *verify, const struct imap_fetch *fetch)
{
	struct verify_message *message;

	if (verify->message_count == verify->message_size) {
		verify->message_size = verify->message_size * 2 + 64;
		verify->messages = mem_resize(verify->messages,
		    verify->message_size, sizeof(*verify->messages));
	}
	message = &verify->messages[verify->message_count++];
	*message = (struct verify_message){
	    .uid = fetch->uid,
	    .size = fetch->size,
	    .has_size = fetch->has_size,
	    .has_flags = fetch->has_flags,
	};
	if (fetch->has_flags)
		message->flags = keywords_take_flags(
		    &verify->keywords, fetch->uid, &fetch->flags);
}

static int
fetch(struct verify *verify, const struct uidset *uids, const char *set)
{
	struct span keywords[MESSAGE_KEYWORDS_MAX];
	struct imaplib_reply reply = {0};
	struct imap_fetch told;
	int code = EX_OK;

	if (!imaplib_fetch(verify->session->client, set, "(FLAGS RFC822.SIZE)",
		NULL, true, &reply))
		code = fail(verify, &reply);
	for (const struct imaplib_untagged *one = reply.untagged; one != NULL;
	     one = one->next)
		/* of others there may be news, unasked */
		if (imaplib_data_fetch(
			one, keywords, MESSAGE_KEYWORDS_MAX, &told) &&
		    uidset_contains(uids, told.uid))
			add_message(verify, &told);
	imaplib_reply_free(&reply);
	return code;
}

static int
compare_messages(const void *a, const void *b)
{
	const struct verify_message *left = a;
	const struct verify_message *right = b;

	return left->uid < right->uid ? -1 : left->uid > right->uid;
}

/* One a UID: of what was told twice each part counts once. */
static void
order_messages(struct verify *verify)
{
	struct verify_message *all = verify->messages;
	uint32_t kept = 0;

	if (verify->message_count > 1)
		qsort(
		    all, verify->message_count, sizeof(*all), compare_messages);
	for (uint32_t i = 0; i < verify->message_count; i++) {
		struct verify_message *last = kept == 0 ? NULL : &all[kept - 1];

		if (last == NULL || last->uid != all[i].uid) {
			all[kept++] = all[i];
			continue;
		}
		if (all[i].has_flags)
			last->flags = all[i].flags;
		if (all[i].has_size)
			last->size = all[i].size;
		last->has_flags |= all[i].has_flags;
		last->has_size |= all[i].has_size;
	}
	verify->message_count = kept;
}

/* Some thousands of the set, in as many commands as their ranges need. */
static int
fetch_some(struct verify *verify, const struct uidset *uids)
{
	struct buf set;
	uint32_t done = 0;
	int code = EX_OK;

	buf_init(&set, SET_MAX + 1);
	while (code == EX_OK && done < uids->count) {
		buf_clear(&set);
		done += uidset_format(uids, done, SET_MAX, &set);
		(void)buf_add(&set, "", 1);
		code = fetch(verify, uids, buf_span(&set).at);
	}
	buf_free(&set);
	return code;
}

int
verify_server(struct verify *verify)
{
	struct uidset left = {0};
	struct uidset some = {0};
	int code = examine(verify);

	if (code == EX_OK && uidset_is_empty(&verify->only))
		code = search(verify, &left);
	else if (code == EX_OK)
		uidset_copy(&left, &verify->only);
	/* a set without end is one command's affair */
	if (code == EX_OK && uidset_count(&left) == UINT32_MAX)
		code = fetch_some(verify, &left);
	else
		while (code == EX_OK && !uidset_is_empty(&left)) {
			uidset_clear(&some);
			uidset_take_last(&left, MESSAGES_AT_ONCE, &some);
			code = fetch_some(verify, &some);
		}
	uidset_free(&left);
	uidset_free(&some);
	if (code == EX_OK)
		order_messages(verify);
	return code;
}
