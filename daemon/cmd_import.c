/*
 * mailmirror import: another program's configuration in our syntax.
 */
#include "daemon/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "daemon/import.h"
#include "libclient/base/mem.h"

#define FILE_MAX ((size_t)256 << 10) /* some things are quadratic */
#define OUT_MAX	 ((size_t)16 << 20)

static const struct format {
	const char *name;
	import_reader *read;
} formats[] = {
    {"mbsync", import_mbsync},
    {"offlineimap", import_offlineimap},
    {"goimapnotify", import_goimapnotify},
};

static const struct format *
find_format(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

static bool
read_all(struct import *import, FILE *file, struct buf *text)
{
	char *room = buf_reserve(text, FILE_MAX + 1);
	size_t n = fread(room, 1, FILE_MAX + 1, file);

	buf_grow(text, n);
	if (ferror(file))
		return import_refuse(
		    import, 1, "cannot be read: %s", strerrordesc_np(errno));
	if (n > FILE_MAX)
		return import_refuse(import, 1,
		    "is larger than 256 KiB: is it the right file? If it is, "
		    "import it in parts");
	return true;
}

/* The text has nothing but lines; a byte order mark is dropped. */
static bool
check_text(struct import *import, struct buf *text)
{
	struct span span = buf_span(text);
	int line = 1;

	for (size_t i = 0; i < span.len; i++) {
		unsigned char c = (unsigned char)span.at[i];

		line += c == '\n';
		if (c < 0x20 && c != '\n' && c != '\t' && c != '\r' &&
		    c != '\f')
			return import_refuse(import, line,
			    "there is a control byte 0x%02x; this is no text "
			    "file",
			    c);
	}
	if (span.len >= 3 && memcmp(span.at, "\xef\xbb\xbf", 3) == 0)
		buf_consume(text, 3);
	return buf_add(text, "", 1);
}

/* Reads the file and translates it; false, and problems, if that fails. */
static bool
translate(struct import *import, const struct format *format, struct buf *out)
{
	FILE *file = fopen(import->file, "re");
	struct buf text;
	bool is_good;

	if (file == NULL)
		return import_refuse(
		    import, 1, "cannot be read: %s", strerrordesc_np(errno));
	(void)setvbuf(file, NULL, _IONBF, 0); /* no copy of the passwords */
	buf_init(&text, FILE_MAX + 2);
	is_good = read_all(import, file, &text) && check_text(import, &text) &&
	    format->read(import, buf_span(&text).at);
	(void)fclose(file);
	buf_free_secret(&text);
	if (!is_good)
		return false;
	import_write(import, out);
	if (buf_len(out) >= OUT_MAX - 4096)
		return import_refuse(import, 1, "becomes larger than 16 MiB");
	return true;
}

static int
print(const struct buf *out)
{
	struct span text = buf_span(out);

	if (fwrite(text.at, 1, text.len, stdout) == text.len &&
	    fflush(stdout) == 0)
		return EX_OK;
	(void)fprintf(stderr,
	    "mailmirror: cannot write to standard output: %s\n",
	    strerrordesc_np(errno));
	return EX_IOERR;
}

int
cmd_import(const struct options *options)
{
	const struct format *format;
	struct import import;
	struct span problems;
	struct buf out;
	int code = EX_CONFIG;

	format =
	    options->word_count == 2 ? find_format(options->words[0]) : NULL;
	if (format == NULL) {
		(void)fputs("mailmirror: import takes a program and its "
			    "configuration file: import mbsync FILE, import "
			    "offlineimap FILE or import goimapnotify FILE\n",
		    stderr);
		return EX_USAGE;
	}
	import_init(&import, format->name, options->words[1]);
	buf_init(&out, OUT_MAX);
	if (translate(&import, format, &out))
		code = print(&out);
	problems = buf_span(&import.problems);
	(void)fwrite(problems.at, 1, problems.len, stderr);
	buf_free(&out);
	import_free(&import);
	return code;
}
