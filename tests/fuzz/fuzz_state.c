/*
 * State databases that are damaged: the input is a file, or changes bytes of a
 * sound one. It is opened or put aside for a new one, and whatever stands in it
 * can be asked for.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/state.h"
#include "tests/fuzz/folder.h"

#define DATABASE "me.db"

enum { IS_FILE = 1, SOUND_MAX = 1 << 20 };

static char *sound;
static size_t sound_len;

static void
remove_files(void)
{
	static const char *const names[] = {DATABASE, DATABASE "-wal",
	    DATABASE "-shm", DATABASE ".broken", DATABASE ".broken-wal",
	    DATABASE ".broken-shm"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(names[i]);
}

static void
forget_sound(void)
{
	mem_free(sound);
}

static void
fill(struct state *state)
{
	const struct state_folder row = {.uidvalidity = 7, .uidnext = 9};
	struct state_message messages[3] = {
	    {.uid = 1, .size = 100, .emailid = span_of("one")},
	    {.uid = 2, .size = 200, .keywords = span_of("$Forwarded")},
	    {.uid = 300, .size = 300, .modseq = 5, .flags = 3}};
	const struct state_withheld withheld = {.uid = 4, .size = 1};
	struct state_change change = {.mailbox = span_of("INBOX"),
	    .folder = &row,
	    .put = messages,
	    .put_count = 3,
	    .withheld = &withheld,
	    .withheld_count = 1};
	struct imap_error error;

	require(state_set_path(state, change.mailbox, "INBOX", &error));
	require(state_apply(state, &change, &error));
	require(state_set_fact(state, "name", "value", &error));
}

static void
make_sound(void)
{
	struct imap_error error;
	struct state *state;
	char *note;
	ssize_t n;
	int fd;

	(void)enter_folder();
	require(atexit(forget_sound) == 0);
	state = state_open(".", "me", false, &note, &error);
	require(state != NULL && note == NULL);
	fill(state);
	state_close(state);
	sound = mem_resize(NULL, SOUND_MAX, 1);
	fd = open(DATABASE, O_RDONLY);
	n = read(fd, sound, SOUND_MAX);
	require(fd >= 0 && n > 0 && n < SOUND_MAX);
	sound_len = (size_t)n;
	(void)close(fd);
}

static void
write_file(struct span bytes)
{
	int fd = open(DATABASE, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	require(
	    fd >= 0 && write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len);
	(void)close(fd);
}

/* Page, place in it and byte, and so on. */
static void
write_changed(struct span input)
{
	char *bytes = mem_resize(NULL, sound_len, 1);

	memcpy(bytes, sound, sound_len);
	while (input.len > 0) {
		size_t at = (size_t)take_byte(&input) << 12;

		at |= (size_t)take_byte(&input) << 8;
		at |= take_byte(&input);
		bytes[at % sound_len] = (char)take_byte(&input);
	}
	write_file((struct span){bytes, sound_len});
	mem_free(bytes);
}

static void
message_found(void *user, const struct state_message *message)
{
	(void)user;
	require(message->uid > 0);
}

static void
withheld_found(void *user, const struct state_withheld *withheld)
{
	(void)user;
	(void)withheld;
}

static void
place_found(void *user, const struct state_place *place)
{
	(void)user;
	require(place->path != NULL);
}

static void
folder_found(void *user, struct span mailbox, const char *path,
    const struct state_folder *row)
{
	(void)path;
	(void)row;
	/* The mailboxes' names; a statement is being read. */
	require(buf_add_span(user, mailbox));
}

static void
use(struct state *state)
{
	struct span inbox = span_of("INBOX");
	struct imap_error error;
	struct state_folder row;
	struct buf names;

	buf_init(&names, SOUND_MAX);
	(void)state_each_folder(state, folder_found, &names, &error);
	(void)state_load_folder(state, inbox, &row, &error);
	(void)state_load_messages(state, inbox, message_found, NULL, &error);
	(void)state_load_withheld(state, inbox, withheld_found, NULL, &error);
	(void)state_find_emailid(
	    state, span_of("one"), place_found, NULL, &error);
	mem_free(state_path(state, inbox));
	mem_free(state_path_owner(state, "INBOX"));
	mem_free(state_get_fact(state, "name"));
	(void)state_forget_folder(state, inbox, &error);
	buf_free(&names);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	struct imap_error error = {.kind = IMAP_ERROR_NONE};
	struct state *state;
	char *note;

	if (sound == NULL)
		make_sound();
	remove_files();
	if ((take_byte(&input) & IS_FILE) != 0)
		write_file(input);
	else
		write_changed(input);
	state = state_open(".", "me", false, &note, &error);
	require((state == NULL) == (error.kind != IMAP_ERROR_NONE));
	require((note != NULL) == (access(DATABASE ".broken", F_OK) == 0) ||
	    state == NULL);
	if (state != NULL)
		use(state);
	state_close(state);
	mem_free(note);
	return 0;
}
