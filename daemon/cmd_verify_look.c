/*
 * The comparison. A file of the wrong size is not wrong yet: servers there are
 * whose RFC822.SIZE is not what they send, so its bytes decide.
 */
#include "daemon/cmd_verify.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "libclient/base/mem.h"

/* Looks at what differs: by itself, and where a daemon is at work, which is
 * waited for in between. */
#define LOOKS	     2
#define LOOKS_IN_USE 6

/* Of a message's flags in words. */
#define FLAGS_MAX 8192

struct verify_difference *
verify_differ(struct verify *verify, uint32_t uid, char *text)
{
	struct verify_difference *difference;

	if (verify->difference_count == verify->difference_size) {
		verify->difference_size = verify->difference_size * 2 + 16;
		verify->differences = mem_resize(verify->differences,
		    verify->difference_size, sizeof(*verify->differences));
	}
	difference = &verify->differences[verify->difference_count++];
	*difference = (struct verify_difference){.uid = uid, .text = text};
	return difference;
}

static void
free_differences(struct verify_difference *differences, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		mem_free(differences[i].text);
		mem_free(differences[i].file);
	}
	mem_free(differences);
}

void
verify_clear(struct verify *verify)
{
	verify->messages = mem_free(verify->messages);
	verify->message_count = 0;
	verify->message_size = 0;
	for (uint32_t i = 0; i < verify->file_count; i++)
		mem_free(verify->files[i].name);
	verify->files = mem_free(verify->files);
	verify->file_count = 0;
	verify->file_size = 0;
	keywords_free(&verify->keywords);
	uidset_free(&verify->too_large);
	uidset_free(&verify->refused);
	verify->maildir = maildir_close(verify->maildir);
	verify->root = maildir_root_close(verify->root);
	verify->path = mem_free(verify->path);
	free_differences(verify->differences, verify->difference_count);
	verify->differences = NULL;
	verify->difference_count = 0;
	verify->difference_size = 0;
}

void
verify_free(struct verify *verify)
{
	verify_clear(verify);
	uidset_free(&verify->only);
}

/* ---- flags ---- */

static void
add_word(struct buf *text, const char *word)
{
	(void)buf_add_format(text, "%s%s", buf_len(text) > 1 ? " " : "", word);
}

/* "(\Seen $Junk)"; a letter that nobody explains is shown as it is. */
static void
format_flags(const struct verify *verify, uint32_t flags, uint32_t explained,
    struct buf *text)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} system_flags[] = {{INDEX_REPLIED, "\\Answered"},
	    {INDEX_TRASHED, "\\Deleted"}, {INDEX_DRAFT, "\\Draft"},
	    {INDEX_FLAGGED, "\\Flagged"}, {INDEX_PASSED, "$Forwarded"},
	    {INDEX_SEEN, "\\Seen"}};
	const size_t count = sizeof(system_flags) / sizeof(*system_flags);

	(void)buf_add_string(text, "(");
	for (size_t i = 0; i < count; i++)
		if ((flags & system_flags[i].bit) != 0)
			add_word(text, system_flags[i].name);
	for (unsigned i = 0; i < KEYWORDS_MAX; i++) {
		uint32_t bit = UINT32_C(1) << (count + i);
		char word[4 * KEYWORDS_MAX_LENGTH] = {(char)('a' + i)};

		if ((flags & bit) == 0)
			continue;
		if ((explained & bit) != 0)
			imap_error_printable(span_of(verify->keywords.names[i]),
			    KEYWORDS_MAX_LENGTH, word, sizeof(word));
		add_word(text, word);
	}
	(void)buf_add(text, ")", 2);
}

static void
compare_flags(struct verify *verify, const struct verify_message *message,
    const struct verify_file *file)
{
	struct buf here, there;

	if (!message->has_flags)
		return;
	if (file->flags != message->flags ||
	    (file->flags & ~verify->explained) != 0) {
		buf_init(&here, FLAGS_MAX);
		buf_init(&there, FLAGS_MAX);
		format_flags(verify, file->flags, verify->explained, &here);
		format_flags(verify, message->flags, UINT32_MAX, &there);
		(void)verify_differ(verify, message->uid,
		    mem_format("%s here, %s on the server", buf_span(&here).at,
			buf_span(&there).at));
		buf_free(&here);
		buf_free(&there);
	}
	/* these are in the state database alone */
	if (verify->has_state && !verify->keywords.is_full &&
	    keywords_rest_find(&verify->keywords.news, message->uid) != NULL)
		(void)verify_differ(verify, message->uid,
		    mem_copy_string("keywords without a letter are not the "
				    "server's"));
}

/* ---- bytes ---- */

static void
differ_in_file(
    struct verify *verify, const struct verify_file *file, char *text)
{
	struct verify_difference *difference =
	    verify_differ(verify, file->uid, text);

	difference->file = mem_copy_string(file->name);
	difference->is_new = file->is_new;
}

/* What says another size was never this message: it becomes a local file, which
 * the pass sees to. */
static void
differ_in_body(struct verify *verify, const struct verify_file *file,
    uint64_t here, uint64_t there, bool is_named)
{
	char *text = mem_format("its file is not the message: %" PRIu64
				" bytes here, %" PRIu64 " on the server",
	    here, there);

	if (is_named)
		differ_in_file(verify, file, text);
	else
		(void)verify_differ(verify, file->uid, text);
}

static int
compare_size(struct verify *verify, const struct verify_message *message,
    const struct verify_file *file)
{
	bool is_named =
	    file->size == MAILDIR_SIZE_UNKNOWN || file->size == message->size;
	bool is_same = false;
	bool is_known = false;
	uint64_t length = 0;
	int code;

	if (!message->has_size)
		return EX_OK;
	if (!verify_length(verify, file, &length)) {
		(void)verify_differ(verify, message->uid,
		    mem_copy_string("its file is gone again"));
		return EX_OK;
	}
	if (length == message->size && is_named)
		return EX_OK;
	code = verify_body(verify, file, &is_same, &is_known);
	if (code == EX_OK && is_known && is_same && length == message->size)
		differ_in_file(verify, file,
		    mem_format("its name says %" PRIu64
			       " bytes, the server %" PRIu64,
			file->size, message->size));
	if (code != EX_OK || (is_known && is_same))
		return code;
	if (is_known)
		differ_in_body(verify, file, length, message->size, is_named);
	else
		(void)verify_differ(verify, message->uid,
		    mem_format("%" PRIu64 " bytes here, %" PRIu64
			       " on the server, which does not give it",
			length, message->size));
	return EX_OK;
}

/* ---- one message, one folder ---- */

static bool
is_withheld(const struct verify *verify, const struct verify_message *message)
{
	uint64_t max_size = verify->settings->max_size;

	return uidset_contains(&verify->too_large, message->uid) ||
	    uidset_contains(&verify->refused, message->uid) ||
	    (max_size > 0 && message->has_size && message->size > max_size);
}

static int
compare_message(struct verify *verify, const struct verify_message *message,
    const struct verify_file *files, uint32_t count)
{
	if (count == 0 && is_withheld(verify, message)) {
		verify->withheld++;
		return EX_OK;
	}
	if (count == 0) {
		(void)verify_differ(verify, message->uid,
		    mem_copy_string("on the server, and not here"));
		return EX_OK;
	}
	if (count > 1) {
		(void)verify_differ(verify, message->uid,
		    mem_format("%" PRIu32 " files claim it", count));
		return EX_OK;
	}
	compare_flags(verify, message, &files[0]);
	return compare_size(verify, message, &files[0]);
}

/* Both lists are in order of UIDs. */
static int
compare_messages(struct verify *verify)
{
	const struct verify_file *files = verify->files;
	uint32_t next = 0;
	int code = EX_OK;

	for (uint32_t i = 0; code == EX_OK && i <= verify->message_count; i++) {
		const struct verify_message *message =
		    i < verify->message_count ? &verify->messages[i] : NULL;
		uint32_t first;

		for (; next < verify->file_count &&
		     (message == NULL || files[next].uid < message->uid);
		     next++)
			(void)verify_differ(verify, files[next].uid,
			    mem_format("here, and not on the server%s",
				verify->row.is_held ? ": held by delete_guard"
						    : ""));
		first = next;
		while (message != NULL && next < verify->file_count &&
		    files[next].uid == message->uid)
			next++;
		if (message != NULL)
			code = compare_message(
			    verify, message, &files[first], next - first);
	}
	return code;
}

static int
look_once(struct verify *verify)
{
	uint32_t here;
	int code;

	verify_clear(verify);
	verify->withheld = 0;
	code = verify_local(verify);
	if (code == EX_OK)
		code = verify_server(verify);
	if (code != EX_OK)
		return code;
	here = verify->identity.uidvalidity;
	if (verify->maildir == NULL)
		(void)verify_differ(
		    verify, 0, mem_copy_string("there is no Maildir here"));
	else if (here == 0)
		(void)verify_differ(verify, 0,
		    mem_copy_string("there is no .uidvalidity of mailmirror's "
				    "here: the names prove nothing"));
	else if (here != verify->uidvalidity)
		(void)verify_differ(verify, 0,
		    mem_format("UIDVALIDITY is %" PRIu32 " here, %" PRIu32
			       " on the server",
			here, verify->uidvalidity));
	else
		return compare_messages(verify);
	return EX_OK;
}

/* ---- again ---- */

/* Those that were told before, in the same words. */
static void
keep_told(struct verify *verify, const struct verify_difference *before,
    uint32_t count)
{
	uint32_t kept = 0;
	uint32_t first = 0;

	for (uint32_t i = 0; i < verify->difference_count; i++) {
		struct verify_difference *now = &verify->differences[i];
		bool is_told = false;

		while (first < count && before[first].uid < now->uid)
			first++;
		for (uint32_t j = first;
		     j < count && before[j].uid == now->uid && !is_told; j++)
			is_told = strcmp(before[j].text, now->text) == 0;
		if (is_told) {
			verify->differences[kept++] = *now;
			continue;
		}
		mem_free(now->text);
		mem_free(now->file);
	}
	verify->difference_count = kept;
}

static int
look_again(struct verify *verify)
{
	struct verify_difference *before = verify->differences;
	uint32_t count = verify->difference_count;
	int code;

	verify->differences = NULL;
	verify->difference_count = 0;
	verify->difference_size = 0;
	uidset_clear(&verify->only);
	/* a folder's own difference is the first; then all is looked at */
	for (uint32_t i = 0; before[0].uid != 0 && i < count; i++)
		uidset_add(&verify->only, before[i].uid);
	code = look_once(verify);
	keep_told(verify, before, count);
	free_differences(before, count);
	return code;
}

int
verify_look(struct verify *verify)
{
	static const struct timespec pause = {.tv_sec = 1};
	uint32_t withheld;
	int code;

	uidset_clear(&verify->only);
	code = look_once(verify);
	verify->total = verify->message_count;
	withheld = verify->withheld;
	for (int i = 1; code == EX_OK && verify->difference_count > 0; i++) {
		bool is_in_use = verify->root != NULL &&
		    maildir_root_is_in_use(verify->root);

		if (i >= (is_in_use ? LOOKS_IN_USE : LOOKS))
			break;
		if (is_in_use)
			(void)nanosleep(&pause, NULL);
		code = look_again(verify);
	}
	verify->withheld = withheld;
	return code;
}
