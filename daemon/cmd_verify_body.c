/*
 * A file's bytes against the message's, piece by piece, so that memory does
 * not grow with it.
 */
#include "daemon/cmd_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/console.h"
#include "libclient/imaplib_data.h"
#include "libclient/imaplib_message.h"

/* What is asked for at a time. */
#define PIECE ((uint32_t)1 << 22)

/* A file that is read along with what the server sends. */
struct reading {
	FILE *file;
	bool keeps_crlf;
	bool ends_in_cr; /* what came so far: an LF may follow */
	bool is_same;
};

static void
expect(struct reading *reading, char byte)
{
	if (getc_unlocked(reading->file) != (unsigned char)byte)
		reading->is_same = false;
}

/* As landing.h writes it: CRLF becomes LF, and nothing else changes. */
static void
read_along(struct reading *reading, struct span bytes)
{
	for (size_t i = 0; i < bytes.len && reading->is_same; i++) {
		char byte = bytes.at[i];

		if (reading->ends_in_cr && byte != '\n')
			expect(reading, '\r');
		reading->ends_in_cr = byte == '\r' && !reading->keeps_crlf;
		if (!reading->ends_in_cr)
			expect(reading, byte);
	}
}

static void
read_end(struct reading *reading)
{
	if (reading->ends_in_cr)
		expect(reading, '\r');
	if (reading->is_same && getc_unlocked(reading->file) != EOF)
		reading->is_same = false;
}

bool
verify_length(const struct verify *verify, const struct verify_file *file,
    uint64_t *length)
{
	uint64_t size = 0;
	int fd =
	    maildir_open_file(verify->maildir, file->name, file->is_new, &size);
	FILE *stream = NULL;
	int byte;

	if (fd < 0)
		return false;
	*length = size;
	if (verify->settings->line_endings == SETTINGS_LF)
		stream = fdopen(fd, "r");
	if (stream == NULL) {
		(void)close(fd);
		return true;
	}
	while ((byte = getc_unlocked(stream)) != EOF)
		*length += byte == '\n';
	(void)fclose(stream);
	return true;
}

/* The next piece; *got: what came, or *is_known is false. */
static int
ask_piece(const struct verify *verify, uint32_t uid, uint32_t start,
    struct reading *reading, size_t *got, bool *is_known)
{
	struct imaplib_reply reply = {0};
	struct span body = {0};
	char set[16];
	int code = EX_OK;

	(void)snprintf(set, sizeof(set), "%" PRIu32, uid);
	*is_known = false;
	if (imaplib_partial(
		verify->session->client, set, "", start, PIECE, true, &reply)) {
		for (const struct imaplib_untagged *one = reply.untagged;
		     one != NULL && !*is_known; one = one->next)
			*is_known = imaplib_data_body(one, uid, &body);
		/* behind the end there is nothing, however that is said */
		*is_known |= start > 0;
	} else if (reply.type == IMAPLIB_ABORT) {
		(void)fprintf(stderr, "mailmirror: %s: UID %s: %s\n",
		    verify->label, set, reply.error.text);
		code = console_exit_code(&reply, false);
	}
	if (*is_known)
		read_along(reading, body);
	*got = body.len;
	imaplib_reply_free(&reply);
	return code;
}

int
verify_body(const struct verify *verify, const struct verify_file *file,
    bool *is_same, bool *is_known)
{
	uint64_t size = 0;
	int fd =
	    maildir_open_file(verify->maildir, file->name, file->is_new, &size);
	struct reading reading = {
	    .file = fd < 0 ? NULL : fdopen(fd, "r"),
	    .keeps_crlf = verify->settings->line_endings == SETTINGS_CRLF,
	    .is_same = true,
	};
	uint32_t start = 0;
	size_t got = PIECE;
	int code = EX_OK;

	*is_known = reading.file != NULL;
	/* a longer one than was asked for is the whole message */
	while (code == EX_OK && *is_known && reading.is_same && got == PIECE) {
		code = ask_piece(
		    verify, file->uid, start, &reading, &got, is_known);
		start += PIECE;
	}
	if (*is_known)
		read_end(&reading);
	*is_same = reading.is_same;
	if (reading.file != NULL)
		(void)fclose(reading.file);
	else if (fd >= 0)
		(void)close(fd);
	return code;
}
