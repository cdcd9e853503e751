/*
 * The accounts that another program's configuration becomes, and our
 * configuration file that says the same.
 */
#include "daemon/import.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libclient/base/imap_error.h"
#include "libclient/base/mem.h"
#include "libclient/wire/utf7.h"

#define TEXT_MAX ((size_t)16 << 20)
#define NAME_LEN 190 /* and room for what makes it unlike others */
#define COLUMNS	 78

static const char *const setting_names[IMPORT_SETTINGS] = {
    [IMPORT_NAME] = "name",
    [IMPORT_HOST] = "host",
    [IMPORT_PORT] = "port",
    [IMPORT_TUNNEL] = "tunnel",
    [IMPORT_TLS] = "tls",
    [IMPORT_ALLOW_PLAINTEXT] = "allow_plaintext",
    [IMPORT_TLS_CA_FILE] = "tls_ca_file",
    [IMPORT_TLS_FINGERPRINT] = "tls_fingerprint",
    [IMPORT_TLS_CLIENT_CERT] = "tls_client_cert",
    [IMPORT_TLS_CLIENT_KEY] = "tls_client_key",
    [IMPORT_TLS_MIN_VERSION] = "tls_min_version",
    [IMPORT_PROXY] = "proxy",
    [IMPORT_USER] = "user",
    [IMPORT_PASSWORD_FILE] = "password_file",
    [IMPORT_PASSWORD_COMMAND] = "password_command",
    [IMPORT_AUTH] = "auth",
    [IMPORT_MAILDIR] = "maildir",
    [IMPORT_LAYOUT] = "layout",
    [IMPORT_FOLDERS] = "folders",
    [IMPORT_EXCLUDE] = "exclude",
    [IMPORT_WATCH] = "watch",
    [IMPORT_MAX_CONNECTIONS] = "max_connections",
    [IMPORT_POLL_INTERVAL] = "poll_interval",
    [IMPORT_IDLE_REFRESH] = "idle_refresh",
    [IMPORT_TIMEOUT] = "timeout",
    [IMPORT_DISABLE_EXTENSIONS] = "disable_extensions",
    [IMPORT_ON_EXPUNGE] = "on_expunge",
    [IMPORT_MAX_SIZE] = "max_size",
    [IMPORT_COMPRESS] = "compress",
    [IMPORT_FSYNC] = "fsync",
    [IMPORT_ON_CHANGE] = "on_change",
};

void
import_init(struct import *import, const char *tool, const char *file)
{
	*import = (struct import){.tool = tool, .file = file};
	buf_init(&import->remarks, TEXT_MAX);
	buf_init(&import->problems, TEXT_MAX);
}

void
import_unset(struct import_account *account, enum import_setting setting)
{
	struct import_value *value = &account->values[setting];

	for (uint32_t i = 0; i < value->count; i++)
		mem_free(value->items[i]);
	value->items = mem_free((void *)value->items);
	value->count = 0;
	value->is_list = false;
	value->is_bare = false;
}

void
import_free(struct import *import)
{
	for (uint32_t i = 0; i < import->count; i++) {
		struct import_account *account = import->accounts[i];

		for (unsigned setting = 0; setting < IMPORT_SETTINGS;
		     setting++) {
			import_unset(account, setting);
			buf_free(&account->values[setting].remarks);
		}
		mem_free(account);
	}
	import->accounts = mem_free((void *)import->accounts);
	buf_free(&import->remarks);
	buf_free(&import->problems);
}

/* ---- settings ---- */

bool
import_is_set(const struct import_account *account, enum import_setting setting)
{
	return account->values[setting].count > 0;
}

const char *
import_get(const struct import_account *account, enum import_setting setting)
{
	const struct import_value *value = &account->values[setting];

	return value->count == 0 ? NULL : value->items[0];
}

const char *
import_name(const struct import_account *account)
{
	return import_get(account, IMPORT_NAME);
}

static void
add_item(struct import_account *account, enum import_setting setting,
    const char *text)
{
	struct import_value *value = &account->values[setting];

	value->items =
	    mem_resize(value->items, value->count + 1, sizeof(*value->items));
	value->items[value->count++] = mem_copy_string(text);
}

static const char *
what_is_wrong(const char *text, bool is_command)
{
	if (text[0] == '\0')
		return "is empty";
	if (!utf7_is_utf8(span_of(text)))
		return "is not UTF-8";
	for (; *text != '\0' && !is_command; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return "has a control character";
	return NULL;
}

/* False, and a warning, if the text cannot be the setting's. */
static bool
is_fit(struct import_account *account, enum import_setting setting, int line,
    const char *text, bool is_command)
{
	const char *wrong = what_is_wrong(text, is_command);

	if (wrong != NULL)
		import_warn(account, setting, line, "what would be %s here %s",
		    setting_names[setting], wrong);
	return wrong == NULL;
}

bool
import_text(struct import_account *account, enum import_setting setting,
    int line, const char *text)
{
	if (!is_fit(account, setting, line, text, false))
		return false;
	import_unset(account, setting);
	add_item(account, setting, text);
	return true;
}

bool
import_command(struct import_account *account, enum import_setting setting,
    int line, const char *text)
{
	if (!is_fit(account, setting, line, text, true))
		return false;
	import_unset(account, setting);
	add_item(account, setting, text);
	return true;
}

bool
import_item(struct import_account *account, enum import_setting setting,
    int line, const char *text)
{
	struct import_value *value = &account->values[setting];

	if (!is_fit(account, setting, line, text, false))
		return false;
	for (uint32_t i = 0; i < value->count; i++)
		if (strcmp(value->items[i], text) == 0)
			return true;
	value->is_list = true;
	add_item(account, setting, text);
	return true;
}

static void
set_bare(struct import_account *account, enum import_setting setting,
    const char *text)
{
	import_unset(account, setting);
	add_item(account, setting, text);
	account->values[setting].is_bare = true;
}

void
import_bare(
    struct import_account *account, enum import_setting setting, uint64_t n)
{
	/* libconfig cuts what is larger, unless there is an L */
	char *text = mem_format("%" PRIu64 "%s", n, n > INT32_MAX ? "L" : "");

	set_bare(account, setting, text);
	mem_free(text);
}

void
import_bool(
    struct import_account *account, enum import_setting setting, bool is_true)
{
	set_bare(account, setting, is_true ? "true" : "false");
}

/* ---- accounts ---- */

static bool
is_taken(const struct import *import, const char *name)
{
	for (uint32_t i = 0; i < import->count; i++) {
		const char *taken = import_name(import->accounts[i]);

		if (taken != NULL && strcmp(taken, name) == 0)
			return true;
	}
	return false;
}

/* How many accounts have the name with a number. */
static uint32_t
count_numbered(const struct import *import, const char *name)
{
	size_t len = strlen(name);
	uint32_t count = 0;

	for (uint32_t i = 0; i < import->count; i++) {
		const char *taken = import_name(import->accounts[i]);

		count += strncmp(taken, name, len) == 0 && taken[len] == '-' &&
		    isdigit((unsigned char)taken[len + 1]);
	}
	return count;
}

/* The name with "_" for what may not be in it. */
static char *
fitting_name(const char *name)
{
	char *fitting = mem_format("%.*s", NAME_LEN, name);

	for (char *c = fitting; *c != '\0'; c++)
		if (!isascii(*c) || (!isalnum(*c) && strchr("._-", *c) == NULL))
			*c = '_';
	if (fitting[0] != '\0')
		return fitting;
	mem_free(fitting);
	return mem_copy_string("account");
}

struct import_account *
import_add(struct import *import, const char *name, int line)
{
	struct import_account *account = mem_new(struct import_account);
	char *fitting = fitting_name(name);
	char *unique = mem_copy_string(fitting);
	uint32_t n = 2;

	if (is_taken(import, unique))
		n += count_numbered(import, fitting);
	for (; is_taken(import, unique); n++) {
		mem_free(unique);
		unique = mem_format("%s-%" PRIu32, fitting, n);
	}
	account->import = import;
	for (int setting = 0; setting < IMPORT_SETTINGS; setting++)
		buf_init(&account->values[setting].remarks, TEXT_MAX);
	(void)import_text(account, IMPORT_NAME, line, unique);
	if (strcmp(unique, name) != 0)
		import_remark(account, IMPORT_NAME, "there: %s", name);
	import->accounts = mem_resize((void *)import->accounts,
	    import->count + 1, sizeof(struct import_account *));
	import->accounts[import->count++] = account;
	mem_free(unique);
	mem_free(fitting);
	return account;
}

/* ---- remarks and problems ---- */

/* Adds a line of which nothing can be more than a line. */
static void
add_line(struct buf *buf, const char *text)
{
	size_t size = strlen(text) * 4 + 16;
	char *printable = mem_alloc(size);

	(void)buf_add_format(buf, "%s\n",
	    imap_error_printable(span_of(text), SIZE_MAX, printable, size));
	mem_free(printable);
}

static char *format_text(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

static char *
format_text(const char *format, va_list arguments)
{
	char text[2048];

	(void)vsnprintf(text, sizeof(text), format, arguments);
	return mem_copy_string(text);
}

static void
add_problem(struct import *import, int line, const char *text)
{
	char *problem = mem_format("%s:%d: %s", import->file, line, text);

	add_line(&import->problems, problem);
	mem_free(problem);
}

void
import_remark(struct import_account *account, enum import_setting setting,
    const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_text(format, arguments);
	va_end(arguments);
	add_line(&account->values[setting].remarks, text);
	mem_free(text);
}

void
import_warn(struct import_account *account, enum import_setting setting,
    int line, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_text(format, arguments);
	va_end(arguments);
	import_remark(account, setting, "line %d: %s", line, text);
	add_problem(account->import, line, text);
	mem_free(text);
}

void
import_warn_all(struct import *import, int line, const char *format, ...)
{
	va_list arguments;
	char *text;
	char *remark;

	va_start(arguments, format);
	text = format_text(format, arguments);
	va_end(arguments);
	remark = mem_format("line %d: %s", line, text);
	add_line(&import->remarks, remark);
	add_problem(import, line, text);
	mem_free(remark);
	mem_free(text);
}

bool
import_refuse(struct import *import, int line, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_text(format, arguments);
	va_end(arguments);
	add_problem(import, line, text);
	mem_free(text);
	return false;
}

/* ---- writing ---- */

/* A comment of as many lines as the text needs. */
static void
write_comment(struct buf *out, const char *indent, struct span text)
{
	size_t column = 0;

	while (text.len > 0) {
		const char *space = memchr(text.at, ' ', text.len);
		size_t len =
		    space == NULL ? text.len : (size_t)(space - text.at);

		if (column > 0 && column + 1 + len > COLUMNS) {
			(void)buf_add_string(out, "\n");
			column = 0;
		}
		if (column == 0) {
			(void)buf_add_format(out, "%s#", indent);
			column = strlen(indent) + 1;
		}
		(void)buf_add_format(out, " %.*s", (int)len, text.at);
		column += 1 + len;
		text = span_from(text, len + (space == NULL ? 0 : 1));
	}
	(void)buf_add_string(out, "\n");
}

static void
write_remarks(struct buf *out, const char *indent, const struct buf *remarks)
{
	struct span text = buf_span(remarks);

	while (text.len > 0) {
		const char *end = memchr(text.at, '\n', text.len);
		size_t len = (size_t)(end - text.at);

		write_comment(out, indent, (struct span){text.at, len});
		text = span_from(text, len + 1);
	}
}

/* As libconfig reads it; what a terminal would obey is in hexadecimal. */
static void
write_string(struct buf *out, const char *string)
{
	struct span text = span_of(string);
	uint32_t code;

	(void)buf_add_string(out, "\"");
	while (text.len > 0) {
		char c = text.at[0];
		size_t len = span_utf8(text, &code);
		char shown[24];

		len = len == 0 ? 1 : len;
		if (c == '"' || c == '\\')
			(void)buf_add_format(out, "\\%c", c);
		else if (c == '\n')
			(void)buf_add_string(out, "\\n");
		else
			(void)buf_add_string(out,
			    imap_error_printable((struct span){text.at, len},
				len, shown, sizeof(shown)));
		text = span_from(text, len);
	}
	(void)buf_add_string(out, "\"");
}

static void
write_value(struct buf *out, const struct import_value *value)
{
	if (value->is_list)
		(void)buf_add_string(out, "[ ");
	for (uint32_t i = 0; i < value->count; i++) {
		if (i > 0)
			(void)buf_add_string(out, ", ");
		if (value->is_bare)
			(void)buf_add_string(out, value->items[i]);
		else
			write_string(out, value->items[i]);
	}
	if (value->is_list)
		(void)buf_add_string(out, " ]");
}

static void
write_account(struct buf *out, const struct import_account *account)
{
	(void)buf_add_string(out, "  {\n");
	for (int setting = 0; setting < IMPORT_SETTINGS; setting++) {
		const struct import_value *value = &account->values[setting];

		write_remarks(out, "    ", &value->remarks);
		if (value->count == 0)
			continue;
		(void)buf_add_format(out, "    %s = ", setting_names[setting]);
		write_value(out, value);
		(void)buf_add_string(out, ";\n");
	}
	(void)buf_add_string(out, "  }");
}

void
import_write(const struct import *import, struct buf *out)
{
	struct buf title;

	buf_init(&title, TEXT_MAX);
	{
		char *text = mem_format("mailmirror's configuration, made from "
					"that of %s, %s. `mailmirror check` "
					"tries it.",
		    import->tool, import->file);

		add_line(&title, text);
		mem_free(text);
	}
	write_remarks(out, "", &title);
	buf_free(&title);
	write_remarks(out, "", &import->remarks);
	(void)buf_add_string(out, "\naccounts = (\n");
	for (uint32_t i = 0; i < import->count; i++) {
		write_account(out, import->accounts[i]);
		(void)buf_add_string(out, i + 1 < import->count ? ",\n" : "\n");
	}
	(void)buf_add_string(out, ");\n");
}
