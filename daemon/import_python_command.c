/*
 * The command behind remotepasseval = get_pass("work"): a call of
 * subprocess.check_output() or the like in a function of pythonfile, of which
 * the first line is taken. A function that has anything else in it is left
 * alone.
 */
#include "daemon/import_python.h"

#include <string.h>

#include "daemon/import_shell.h"
#include "libclient/base/mem.h"

#define COMMAND_MAX ((size_t)1 << 16)
#define VALUES_MAX  16

/* A variable; its text is what the shell is to see. */
struct variable {
	const char *name;
	char *text;
};

struct scope {
	struct variable items[VALUES_MAX];
	uint32_t count;
};

/* Names that may stand in a function of which only the command counts. */
static const char *const harmless[] = {"return", "import", "from", "def",
    "subprocess", "os", "shlex", "keyring", "check_output", "getoutput", "run",
    "Popen", "PIPE", "popen", "system", "get_password", "communicate", "stdout",
    "stderr", "DEVNULL", "read", "readline", "strip", "rstrip", "split",
    "splitlines", "decode", "format", "str", "shell", "text", "encoding",
    "capture_output", "universal_newlines", "check", "stdin", "True", "False",
    "None", "sys", "lambda", "0", "1"};
static const char *const runners[] = {
    "check_output", "getoutput", "run", "Popen", "popen", "system"};

static bool
is_one_of(const char *text, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(text, list[i]) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(text, list) \
	is_one_of(text, list, sizeof(list) / sizeof(*(list)))

static const char *
lookup(const struct scope *scope, const char *name)
{
	for (uint32_t i = scope->count; i > 0; i--)
		if (strcmp(scope->items[i - 1].name, name) == 0)
			return scope->items[i - 1].text;
	return NULL;
}

/* Takes over the text. */
static bool
bind(struct scope *scope, const char *name, char *text)
{
	if (scope->count == VALUES_MAX) {
		mem_free_secret(text);
		return false;
	}
	scope->items[scope->count++] = (struct variable){name, text};
	return true;
}

static void
free_scope(struct scope *scope)
{
	for (uint32_t i = 0; i < scope->count; i++)
		mem_free_secret(scope->items[i].text);
	scope->count = 0;
}

/* ---- strings ---- */

static bool read_expression(
    const struct import_token **at, const struct scope *scope, struct buf *out);

/* An f-string, of which the parts in braces are variables. */
static bool
add_format(struct buf *out, const char *text, const struct scope *scope)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "{}");
		const char *value;
		char *name;

		(void)buf_add(out, text, len);
		text += len;
		if (*text == '\0')
			return true;
		len = strcspn(text, "}");
		if (text[0] == '}' || text[len] == '\0')
			return false;
		name = mem_format("%.*s", (int)len - 1, text + 1);
		value = lookup(scope, name);
		mem_free(name);
		if (value == NULL)
			return false;
		(void)buf_add_string(out, value);
		text += len + 1;
	}
	return true;
}

/* Puts a value in the place of the first mark, which is "%s" or "{}". */
static bool
substitute(struct buf *text, size_t start, const char *mark, struct span value)
{
	char *whole = span_to_string(span_from(buf_span(text), start));
	char *place = strstr(whole, mark);

	if (place != NULL) {
		buf_truncate(text, start);
		(void)buf_add(text, whole, (size_t)(place - whole));
		(void)buf_add_span(text, value);
		(void)buf_add_string(text, place + strlen(mark));
	}
	mem_free_secret(whole);
	return place != NULL;
}

/* One value, or several in parentheses, for the marks in the text. */
static bool
fill_in(const struct import_token **at, const struct scope *scope,
    struct buf *text, size_t start, const char *mark)
{
	bool has_more = import_token_is(*at, "(");
	bool is_good = true;

	*at += has_more;
	do {
		struct buf value;

		buf_init(&value, COMMAND_MAX);
		is_good = read_expression(at, scope, &value) &&
		    substitute(text, start, mark, buf_span(&value));
		buf_free_secret(&value);
		if (has_more && import_token_is(*at, ","))
			++*at;
		else if (has_more && import_token_is(*at, ")"))
			has_more = false, ++*at;
		else if (has_more)
			is_good = false;
	} while (is_good && has_more);
	return is_good;
}

/* "a" "b", f"{a}", a, shlex.split(a), with .format(...) and .split() */
static bool
read_operand(
    const struct import_token **at, const struct scope *scope, struct buf *out)
{
	size_t start = buf_len(out);
	const char *value;

	if (import_token_is(*at, "shlex") && import_token_is(*at + 1, ".") &&
	    import_token_is(*at + 2, "split") &&
	    import_token_is(*at + 3, "(")) {
		*at += 4;
		if (!read_expression(at, scope, out) ||
		    !import_token_is(*at, ")"))
			return false;
		++*at;
		return true;
	}
	if ((*at)->kind == IMPORT_TOKEN_NAME) {
		value = lookup(scope, (*at)++->text);
		if (value == NULL || !buf_add_string(out, value))
			return false;
	} else if ((*at)->kind == IMPORT_TOKEN_FORMAT) {
		if (!add_format(out, (*at)++->text, scope))
			return false;
	} else if ((*at)->kind != IMPORT_TOKEN_STRING) {
		return false;
	}
	while ((*at)->kind == IMPORT_TOKEN_STRING)
		(void)buf_add_string(out, (*at)++->text);
	if (import_token_is(*at, ".") && import_token_is(*at + 1, "format")) {
		*at += 2;
		return fill_in(at, scope, out, start, "{}");
	}
	if (import_token_is(*at, ".") && import_token_is(*at + 1, "split") &&
	    import_token_is(*at + 2, "(") && import_token_is(*at + 3, ")"))
		*at += 4;
	return true;
}

static bool
read_expression(
    const struct import_token **at, const struct scope *scope, struct buf *out)
{
	size_t start = buf_len(out);

	if (!read_operand(at, scope, out))
		return false;
	while (true) {
		if (import_token_is(*at, "%")) {
			++*at;
			if (!fill_in(at, scope, out, start, "%s"))
				return false;
		} else if (import_token_is(*at, "+")) {
			++*at;
			start = buf_len(out);
			if (!read_operand(at, scope, out))
				return false;
		} else {
			return true;
		}
	}
}

/* ["pass", "show", a], as words of the shell's. */
static bool
read_words(
    const struct import_token **at, const struct scope *scope, struct buf *out)
{
	bool is_good = true;

	for (++*at; is_good && !import_token_is(*at, "]");) {
		struct buf word;
		char *text;

		buf_init(&word, COMMAND_MAX);
		is_good = read_expression(at, scope, &word);
		text = span_to_string(buf_span(&word));
		buf_free_secret(&word);
		if (buf_len(out) > 0)
			(void)buf_add_string(out, " ");
		import_shell_word(out, text);
		mem_free_secret(text);
		if (import_token_is(*at, ","))
			++*at;
		else if (!import_token_is(*at, "]"))
			is_good = false;
	}
	*at += is_good;
	return is_good;
}

/* What the shell is to see of a string or of a list of words, or NULL. */
static char *
read_value(const struct import_token **at, const struct scope *scope)
{
	char *text = NULL;
	struct buf out;
	bool is_good;

	buf_init(&out, COMMAND_MAX);
	is_good = import_token_is(*at, "[") ? read_words(at, scope, &out)
					    : read_expression(at, scope, &out);
	if (is_good)
		text = span_to_string(buf_span(&out));
	buf_free_secret(&out);
	return text;
}

/* ---- statements ---- */

/* keyring.get_password("service", "user"), as keyring(1) does it. */
static char *
read_keyring(const struct import_token **at, const struct scope *scope)
{
	struct buf out;
	char *service = read_value(at, scope);
	char *user = NULL;
	char *command = NULL;

	if (service != NULL && import_token_is(*at, ",")) {
		++*at;
		user = read_value(at, scope);
	}
	if (user != NULL) {
		buf_init(&out, COMMAND_MAX);
		(void)buf_add_string(&out, "keyring get ");
		import_shell_word(&out, service);
		(void)buf_add_string(&out, " ");
		import_shell_word(&out, user);
		command = span_to_string(buf_span(&out));
		buf_free_secret(&out);
	}
	mem_free_secret(service);
	mem_free_secret(user);
	return command;
}

/* True if all that is there serves to get a command's first line. */
static bool
is_harmless(const struct import_token *at, const struct import_token *end,
    const struct scope *scope)
{
	for (const struct import_token *begin = at; at < end; at++) {
		if (at->kind == IMPORT_TOKEN_SIGN &&
		    strchr("().,[]=+%:-", at->text[0]) == NULL)
			return false;
		if (at->kind != IMPORT_TOKEN_NAME)
			continue;
		if (!IS_ONE_OF(at->text, harmless) &&
		    lookup(scope, at->text) == NULL)
			return false;
		/* a line that is not the first: [1], [-1], but not [:-1] */
		if (strcmp(at->text, "1") == 0 &&
		    !(at - begin >= 2 && import_token_is(at - 1, "-") &&
			import_token_is(at - 2, ":")))
			return false;
	}
	return true;
}

/* The one command that the statements run, or NULL. */
static char *
read_statements(const struct import_token *begin,
    const struct import_token *end, struct scope *scope)
{
	char *command = NULL;
	const struct import_token *at = begin;
	bool is_good = true;

	while (at < end && is_good) {
		const struct import_token *next = at + 1;
		char *text = NULL;

		if (at->kind == IMPORT_TOKEN_NAME &&
		    import_token_is(next, "(")) {
			next = at + 2;
			if (IS_ONE_OF(at->text, runners))
				text = read_value(&next, scope);
			else if (strcmp(at->text, "get_password") == 0)
				text = read_keyring(&next, scope);
			is_good = text == NULL || command == NULL;
			if (is_good && text != NULL)
				command = text;
			else
				mem_free_secret(text);
		} else if (at->kind == IMPORT_TOKEN_NAME &&
		    import_token_is(next, "=") &&
		    !IS_ONE_OF(at->text, harmless)) {
			next = at + 2;
			text = read_value(&next, scope);
			if (text == NULL) { /* what the command gave */
				text = mem_copy_string("");
				next = at + 2;
			}
			is_good = bind(scope, at->text, text);
		}
		at = next;
	}
	if (is_good && at <= end && is_harmless(begin, end, scope))
		return command;
	return mem_free_secret(command);
}

/* ---- functions ---- */

/* The text of the function's parameters and body; empty: there is none. */
static struct span
find_function(const char *module, const char *name)
{
	char *head = mem_format("def %s(", name);
	const char *begin = module;
	const char *end;

	while (begin != NULL && strncmp(begin, head, strlen(head)) != 0) {
		begin = strchr(begin, '\n');
		begin = begin == NULL ? NULL : begin + 1;
	}
	if (begin == NULL) {
		mem_free(head);
		return span_of("");
	}
	begin += strlen(head);
	mem_free(head);
	end = begin;
	do {
		end += strcspn(end, "\n");
		end += *end == '\n';
	} while (*end != '\0' && strchr(" \t\n\r", *end) != NULL);
	return (struct span){begin, (size_t)(end - begin)};
}

/* Gives the parameters, up to ")", the values of the call. */
static bool
bind_parameters(const struct import_token **parameter,
    const struct import_token *argument, struct scope *scope)
{
	const struct scope nothing = {0};

	while ((*parameter)->kind == IMPORT_TOKEN_NAME) {
		char *value = read_value(&argument, &nothing);

		if (value == NULL || !bind(scope, (*parameter)++->text, value))
			return false;
		if (import_token_is(argument, ","))
			argument++;
		if (import_token_is(*parameter, ","))
			++*parameter;
	}
	return import_token_is((*parameter)++, ")") &&
	    import_token_is((*parameter)++, ":") &&
	    import_token_is(argument, ")") &&
	    argument[1].kind == IMPORT_TOKEN_END;
}

/* The command that the function runs for name(arguments...). */
static char *
read_function(const struct import_token *call, const char *module)
{
	struct import_tokens tokens = {0};
	struct scope scope = {0};
	char *command = NULL;
	const struct import_token *body;

	if (import_python_read(find_function(module, call[0].text), &tokens)) {
		body = tokens.items;
		if (bind_parameters(&body, call + 2, &scope))
			command = read_statements(
			    body, tokens.items + tokens.count - 1, &scope);
	}
	free_scope(&scope);
	import_python_free(&tokens);
	return command;
}

static char *
read_direct(const struct import_tokens *tokens)
{
	struct scope scope = {0};
	char *command = read_statements(
	    tokens->items, tokens->items + tokens->count - 1, &scope);

	free_scope(&scope);
	return command;
}

char *
import_python_command(const char *expression, const char *module)
{
	struct import_tokens tokens = {0};
	const struct import_token *call;
	char *command = NULL;

	if (import_python_read(span_of(expression), &tokens)) {
		call = tokens.items;
		if (module != NULL && call->kind == IMPORT_TOKEN_NAME &&
		    import_token_is(call + 1, "("))
			command = read_function(call, module);
		if (command == NULL)
			command = read_direct(&tokens);
	}
	import_python_free(&tokens);
	return command;
}
