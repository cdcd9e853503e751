/*
 * Lines by libedit, or as read: the C library would keep them in its buffer.
 * There is no history: lines may hold passwords.
 */
#include "daemon/console_input.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <unistd.h>

#include "libclient/base/mem.h"

#define LINES_MAX 67108864
#define PIECE	  4096

struct console_input {
	EditLine *editor; /* NULL: plain lines */
	struct buf lines;
	size_t used; /* bytes of the line that was handed out */
};

static const char *
prompt(EditLine *editor)
{
	(void)editor;
	return "imap> ";
}

struct console_input *
console_input_new(bool is_edited)
{
	struct console_input *input = mem_new(struct console_input);

	buf_init(&input->lines, LINES_MAX);
	if (!is_edited)
		return input;
	/* the editor moves by characters, not by bytes */
	(void)setlocale(LC_CTYPE, "");
	input->editor = el_init("mailmirror", stdin, stdout, stderr);
	if (input->editor == NULL)
		return input;
	(void)el_set(input->editor, EL_PROMPT, prompt);
	(void)el_set(input->editor, EL_EDITOR, "emacs");
	(void)el_set(input->editor, EL_SIGNAL, 1);
	return input;
}

struct console_input *
console_input_free(struct console_input *input)
{
	if (input == NULL)
		return NULL;
	if (input->editor != NULL)
		el_end(input->editor);
	buf_free_secret(&input->lines);
	return mem_free(input);
}

/* Wipes the last line. */
static void
forget_line(struct console_input *input)
{
	if (input->used > 0)
		mem_wipe(input->lines.data + input->lines.start, input->used);
	buf_consume(&input->lines, input->used);
	input->used = 0;
	if (buf_len(&input->lines) == 0)
		buf_free_secret(&input->lines);
}

/* False at the end of the input, or of what a line may take. */
static bool
read_more(struct console_input *input)
{
	char *room = buf_reserve(&input->lines, PIECE);
	ssize_t n;

	if (room == NULL)
		return false;
	do {
		n = read(STDIN_FILENO, room, PIECE);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	buf_grow(&input->lines, (size_t)n);
	return true;
}

static bool
next_read(struct console_input *input, struct span *line)
{
	size_t looked = 0;
	const char *end = NULL;
	bool is_more = true;

	forget_line(input);
	while (end == NULL && is_more) {
		*line = buf_span(&input->lines);
		end = memchr(line->at + looked, '\n', line->len - looked);
		looked = line->len;
		if (end == NULL)
			is_more = read_more(input);
	}
	if (end != NULL)
		line->len = (size_t)(end - line->at) + 1;
	input->used = line->len;
	return line->len > 0;
}

bool
console_input_next(struct console_input *input, struct span *line)
{
	int count = 0;
	const char *text;

	if (input->editor == NULL)
		return next_read(input, line);
	text = el_gets(input->editor, &count);
	if (text == NULL || count <= 0)
		return false;
	*line = (struct span){text, (size_t)count};
	return true;
}
