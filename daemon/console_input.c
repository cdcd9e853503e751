/*
 * Lines by libedit or by getline(). There is no history: lines may hold
 * passwords.
 */
#include "daemon/console_input.h"

#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "libclient/base/mem.h"

struct console_input {
	EditLine *editor; /* NULL: plain lines */
	char *line;
	size_t size;
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

static void
wipe(struct console_input *input)
{
	if (input->line != NULL)
		mem_wipe(input->line, input->size);
}

struct console_input *
console_input_free(struct console_input *input)
{
	if (input == NULL)
		return NULL;
	if (input->editor != NULL)
		el_end(input->editor);
	wipe(input);
	free(input->line);
	return mem_free(input);
}

bool
console_input_next(struct console_input *input, struct span *line)
{
	ssize_t len;

	if (input->editor != NULL) {
		int count = 0;
		const char *text = el_gets(input->editor, &count);

		if (text == NULL || count <= 0)
			return false;
		*line = (struct span){text, (size_t)count};
		return true;
	}
	wipe(input);
	len = getline(&input->line, &input->size, stdin);
	if (len <= 0)
		return false;
	*line = (struct span){input->line, (size_t)len};
	return true;
}
