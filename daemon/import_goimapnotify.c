/*
 * mailmirror import goimapnotify: JSON, one object or a list of them. It has
 * no Maildir of its own, so that one is chosen, and the program that it calls
 * to fetch mail is no longer needed.
 */
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "daemon/import_account.h"
#include "daemon/import_json.h"
#include "daemon/import_shell.h"
#include "libclient/base/mem.h"

#define COMMAND_MAX ((size_t)4 << 20)

#define EVENT_COUNT (sizeof(events) / sizeof(*events))

/* What commands are run for, and how many messages on_change is told of. */
static const struct {
	const char *key;
	const char *then;
	const char *count;
} events[] = {
    {"onNewMail", "onNewMailPost", "MAILMIRROR_NEW"},
    {"onChangedMail", "onChangedMailPost", "MAILMIRROR_FLAGGED"},
    {"onDeletedMail", "onDeletedMailPost", "MAILMIRROR_REMOVED"},
};

/* Options that have no equivalent here. */
static const struct {
	const char *key;
	const char *note;
} others[] = {
    {"hostCmd", "run it, and write what it prints as host"},
    {"usernameCmd", "run it, and write what it prints as user"},
    {"wait",
	"mailmirror fetches at once, and runs on_change once for a burst; "
	"burst_interval says what that is"},
    {"enableIDCommand", "mailmirror knows itself which servers want ID"},
    {"idleLogoutTimeout", "see idle_refresh"},
};

static const char *const known[] = {"host", "port", "tls", "tlsOptions",
    "username", "alias", "password", "passwordCmd", "xoauth2", "onNewMail",
    "onNewMailPost", "onChangedMail", "onChangedMailPost", "onDeletedMail",
    "onDeletedMailPost", "debug", "boxes", "mailbox", "rejectUnauthorized",
    "starttls"};

/* ---- values ---- */

/* False: refused, as the type is another. */
static bool
check_type(struct import_json *json, struct import_node object, const char *key,
    bool is_fit, const char *what)
{
	struct import_node node = import_node_member(object, key);

	if (node.value == NULL || json_is_null(node.value) || is_fit)
		return true;
	return import_refuse(json->import, import_json_line(json, node.at),
	    "%s: must be %s", key, what);
}

static bool
check_types(struct import_json *json, struct import_node object)
{
	static const char *const strings[] = {"host", "username", "alias",
	    "password", "passwordCmd", "onNewMail", "onNewMailPost",
	    "onChangedMail", "onChangedMailPost", "onDeletedMail",
	    "onDeletedMailPost", "mailbox"};
	static const char *const switches[] = {
	    "tls", "xoauth2", "starttls", "rejectUnauthorized"};

	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		if (!check_type(json, object, strings[i],
			json_is_string(
			    import_node_member(object, strings[i]).value),
			"a string"))
			return false;
	for (size_t i = 0; i < sizeof(switches) / sizeof(*switches); i++)
		if (!check_type(json, object, switches[i],
			json_is_boolean(
			    import_node_member(object, switches[i]).value),
			"true or false"))
			return false;
	return true;
}

static bool
is_known(const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcasecmp(known[i], name) == 0)
			return true;
	return false;
}

static void
warn_of_others(struct import_json *json, struct import_account *account,
    struct import_node object)
{
	const char *at = import_json_first(object.at);
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object.value, name, value)
	{
		int line = import_json_line(json, at);
		const char *note = "is not known here";

		at = import_json_next(import_json_value(at));
		for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
			if (strcasecmp(others[i].key, name) == 0)
				note = others[i].note;
		if (is_known(name) || json_is_false(value) ||
		    (json_is_string(value) && json_string_length(value) == 0))
			continue;
		import_warn(account, IMPORT_OTHER, line, "%s: %s", name, note);
	}
}

/* ---- commands ---- */

/* Says what becomes of a command, of which the rest is left. */
static void
tell_of_command(struct import_account *account, int line, const char *key,
    const char *command, const char *rest)
{
	if (rest != command + strspn(command, " \t\n"))
		import_remark(account, IMPORT_ON_CHANGE,
		    "line %d: mailmirror itself does what the beginning of "
		    "\"%s\" did",
		    line, command);
	if (import_shell_fetches(rest))
		import_warn(account, IMPORT_ON_CHANGE, line,
		    "%s: mailmirror fetches mail itself; take out what does "
		    "it in this command",
		    key);
	if (strstr(rest, "%s") != NULL || strstr(rest, "{{") != NULL)
		import_warn(account, IMPORT_ON_CHANGE, line,
		    "%s: for the name of the folder write "
		    "$MAILMIRROR_FOLDER",
		    key);
}

/* Puts a command behind the one that there is. */
static void
add_second(struct buf *commands, const char *second)
{
	char *first = span_to_string(buf_span(commands));

	buf_clear(commands);
	import_shell_put(commands, first);
	(void)buf_add_string(commands, " && ");
	import_shell_put(commands, second);
	mem_free(first);
}

/*
 * Adds a command, where it is one, behind the others. What a box lacks is the
 * account's, which was told of before.
 */
static void
add_command(struct import_json *json, struct import_account *account,
    struct import_node box, struct import_node above, const char *key,
    struct buf *commands)
{
	const char *command = import_node_string(box, key);
	bool is_own = command != NULL;
	const char *rest;

	if (!is_own)
		command = import_node_string(above, key);
	if (command == NULL || strcasecmp(command, "SKIP") == 0)
		return;
	rest = import_shell_rest(command);
	if (is_own)
		tell_of_command(account,
		    import_json_line(json, import_node_member(box, key).at),
		    key, command, rest);
	if (rest[0] == '\0')
		return;
	if (buf_len(commands) == 0)
		(void)buf_add_string(commands, rest);
	else
		add_second(commands, rest);
}

/* All that there is in one, or NULL. */
static char *
take_text(struct buf *buf)
{
	char *text = buf_len(buf) == 0 ? NULL : span_to_string(buf_span(buf));

	buf_free(buf);
	return text;
}

/* One command for all events; that for new mail alone is run for any. */
static char *
join(char *const commands[EVENT_COUNT])
{
	bool is_alone = true;
	struct buf all;

	for (size_t i = 1; i < EVENT_COUNT; i++)
		is_alone = is_alone && commands[i] == NULL;
	if (is_alone)
		return mem_copy_string(commands[0]);
	buf_init(&all, COMMAND_MAX);
	for (size_t i = 0; i < EVENT_COUNT; i++)
		if (commands[i] != NULL) {
			(void)buf_add_format(&all,
			    "%sif [ \"$%s\" -gt 0 ]; then ",
			    buf_len(&all) == 0 ? "" : "; ", events[i].count);
			import_shell_put(&all, commands[i]);
			(void)buf_add_string(&all, "; fi");
		}
	return take_text(&all);
}

/* What is to run after a change of a box, or NULL; to be freed. */
static char *
command_of(struct import_json *json, struct import_account *account,
    struct import_node box, struct import_node above)
{
	char *commands[EVENT_COUNT];
	char *command;

	for (size_t i = 0; i < EVENT_COUNT; i++) {
		struct buf text;

		buf_init(&text, COMMAND_MAX);
		add_command(json, account, box, above, events[i].key, &text);
		add_command(json, account, box, above, events[i].then, &text);
		commands[i] = take_text(&text);
	}
	command = join(commands);
	for (size_t i = 0; i < EVENT_COUNT; i++)
		mem_free(commands[i]);
	return command;
}

/* ---- boxes ---- */

static const char *
box_name(struct import_node box)
{
	return json_is_string(box.value) ? json_string_value(box.value)
					 : import_node_string(box, "mailbox");
}

/* A command that tells the folders apart. */
static void
add_case(struct buf *cases, const char *name, const char *command)
{
	(void)buf_add_string(cases, " ");
	import_shell_quote(cases, name);
	(void)buf_add_string(cases, ") ");
	import_shell_put(cases, command);
	(void)buf_add_string(cases, ";;");
}

/* True if every box has the same command, or none. */
static bool
is_uniform(const struct import_value *commands)
{
	for (uint32_t i = 1; i < commands->count; i++)
		if (strcmp(commands->items[i], commands->items[0]) != 0)
			return false;
	return true;
}

/* Adds a folder and its command; what it lacks is the account's. */
static bool
read_box(struct import_json *json, struct import_account *account,
    struct import_node box, struct import_node above,
    struct import_value *commands)
{
	int line = import_json_line(json, box.at);
	const char *name = box_name(box);
	const struct import_value *folders = &account->values[IMPORT_FOLDERS];
	uint32_t before = folders->count;
	char *command;

	if (!json_is_string(box.value) && !json_is_object(box.value))
		return import_refuse(json->import, line,
		    "boxes: each must be a name or an object");
	if (name == NULL || name[0] == '\0')
		return import_refuse(
		    json->import, line, "boxes: a name is missing");
	(void)import_item(account, IMPORT_FOLDERS, line, name);
	if (json_is_object(box.value)) {
		if (!check_types(json, box))
			return false;
		warn_of_others(json, account, box);
	}
	command = command_of(json, account, box, above);
	if (folders->count == before) { /* it was there before, or is bad */
		mem_free(command);
		return true;
	}
	if (command == NULL)
		command = mem_copy_string("");
	commands->items = mem_resize((void *)commands->items,
	    commands->count + 1, sizeof(*commands->items));
	commands->items[commands->count++] = command;
	return true;
}

/* One command for all folders, or one that tells them apart. */
static char *
combine(const struct import_value *folders, const struct import_value *commands)
{
	struct buf cases;
	char *command;

	if (is_uniform(commands))
		return mem_copy_string(commands->items[0]);
	buf_init(&cases, COMMAND_MAX);
	(void)buf_add_string(&cases, "case \"$MAILMIRROR_FOLDER\" in");
	for (uint32_t i = 0; i < commands->count; i++)
		if (commands->items[i][0] != '\0')
			add_case(&cases, folders->items[i], commands->items[i]);
	(void)buf_add_string(&cases, " esac");
	command = span_to_string(buf_span(&cases));
	buf_free(&cases);
	return command;
}

static bool
read_boxes(struct import_json *json, struct import_account *account,
    struct import_node object)
{
	struct import_node boxes = import_node_member(object, "boxes");
	struct import_value commands = {0};
	const char *at = import_json_first(boxes.at);
	char *common = command_of(json, account, object, object);
	char *command = NULL;
	bool is_good = check_type(
	    json, object, "boxes", json_is_array(boxes.value), "a list");

	for (size_t i = 0; is_good && i < json_array_size(boxes.value); i++) {
		struct import_node box = {json_array_get(boxes.value, i), at};

		is_good = read_box(json, account, box, object, &commands);
		at = import_json_next(at);
	}
	if (is_good && commands.count == 0) {
		import_remark(account, IMPORT_FOLDERS,
		    "no boxes are named: all that there are");
		(void)import_item(account, IMPORT_FOLDERS, 1, "*");
		command = mem_copy_string(common);
	} else if (is_good) {
		command = combine(&account->values[IMPORT_FOLDERS], &commands);
	}
	if (command != NULL && command[0] != '\0')
		(void)import_command(account, IMPORT_ON_CHANGE,
		    import_json_line(json, boxes.at), command);
	for (uint32_t i = 0; i < commands.count; i++)
		mem_free(commands.items[i]);
	mem_free((void *)commands.items);
	mem_free(command);
	mem_free(common);
	return is_good;
}

/* ---- accounts ---- */

static bool
read_port(struct import_json *json, struct import_account *account,
    struct import_node object)
{
	struct import_node node = import_node_member(object, "port");
	char *text;
	bool is_good;

	if (!check_type(
		json, object, "port", json_is_integer(node.value), "a number"))
		return false;
	if (json_integer_value(node.value) == 0)
		return true;
	text = mem_format("%lld", (long long)json_integer_value(node.value));
	is_good = import_port(account, import_json_line(json, node.at), text);
	mem_free(text);
	return is_good;
}

static bool
read_tls(struct import_json *json, struct import_account *account,
    struct import_node object)
{
	struct import_node options = import_node_member(object, "tlsOptions");
	const char *host = import_get(account, IMPORT_HOST);
	int line = import_json_line(json, import_node_member(object, "tls").at);
	enum settings_tls mode = SETTINGS_TLS_STARTTLS;

	if (!check_type(json, object, "tlsOptions",
		json_is_object(options.value), "an object") ||
	    !check_types(json, options))
		return false;
	warn_of_others(json, account, options);
	if (json_is_false(
		import_node_member(options, "rejectUnauthorized").value))
		import_warn(account, IMPORT_TLS_FINGERPRINT,
		    import_json_line(json,
			import_node_member(options, "rejectUnauthorized").at),
		    "rejectUnauthorized: servers are always verified here; for "
		    "a certificate that no authority signed write its SHA-256 "
		    "as tls_fingerprint");
	if (import_node_is_true(object, "tls") &&
	    !import_node_is_true(options, "starttls"))
		mode = SETTINGS_TLS_IMPLICIT;
	else if (!import_node_is_true(options, "starttls") &&
	    settings_is_loopback(host))
		mode = SETTINGS_TLS_NONE;
	else if (!import_node_is_true(object, "tls") &&
	    !import_node_is_true(options, "starttls"))
		import_warn(account, IMPORT_TLS, line,
		    "tls: without it all can be read on its way; here it is "
		    "STARTTLS");
	import_tls(account, line, mode);
	return true;
}

static void
read_login(struct import_json *json, struct import_account *account,
    struct import_node object)
{
	const char *user = import_node_string(object, "username");
	const char *command = import_node_string(object, "passwordCmd");
	int line = import_json_line(json, object.at);

	if (user != NULL)
		(void)import_text(account, IMPORT_USER, line, user);
	if (import_node_is_true(object, "xoauth2"))
		import_mechanism(account, line, "xoauth2");
	if (command != NULL)
		(void)import_command(
		    account, IMPORT_PASSWORD_COMMAND, line, command);
	else if (import_node_string(object, "password") != NULL)
		import_password(account,
		    import_json_line(
			json, import_node_member(object, "password").at));
}

/* goimapnotify has no Maildir: one is chosen. */
static void
choose_maildir(struct import_account *account, int line)
{
	char *path = mem_format("~/Mail/%s", import_name(account));

	import_remark(account, IMPORT_MAILDIR,
	    "goimapnotify has no Maildir: this one is only a proposal. For the "
	    "one that mbsync or offlineimap has, import its configuration.");
	(void)import_text(account, IMPORT_MAILDIR, line, path);
	mem_free(path);
}

static bool
read_account(struct import_json *json, struct import_node object)
{
	int line = import_json_line(json, object.at);
	struct import_account *account;
	const char *host;
	const char *name;

	if (!json_is_object(object.value))
		return import_refuse(
		    json->import, line, "an account must be an object");
	if (!check_types(json, object))
		return false;
	if (import_node_member(object, "host").value == NULL &&
	    import_node_member(object, "hostCmd").value == NULL)
		return import_refuse(json->import, line,
		    "host is missing: this is no account of goimapnotify");
	host = import_node_string(object, "host");
	name = import_node_string(object, "alias");
	if (name == NULL)
		name = import_node_string(object, "username");
	account = import_add(json->import,
	    name != NULL       ? name
		: host != NULL ? host
			       : "account",
	    line);
	if (host == NULL) {
		import_warn(account, IMPORT_HOST, line,
		    "the host does not stand there; write it here");
		host = "HOST.invalid";
	}
	if (!import_host(account,
		import_json_line(json, import_node_member(object, "host").at),
		host))
		return false;
	if (!read_port(json, account, object) ||
	    !read_tls(json, account, object))
		return false;
	read_login(json, account, object);
	choose_maildir(account, line);
	if (!read_boxes(json, account, object))
		return false;
	warn_of_others(json, account, object);
	import_complete(account, line);
	return true;
}

static bool
read_accounts(struct import_json *json, struct import_node list)
{
	const char *at = import_json_first(list.at);
	size_t count = json_array_size(list.value);

	if (!json_is_array(list.value) || count == 0)
		return import_refuse(json->import,
		    import_json_line(json, list.at), "there is no account");
	for (size_t i = 0; i < count; i++) {
		struct import_node account = {
		    json_array_get(list.value, i), at};

		if (!read_account(json, account))
			return false;
		at = import_json_next(at);
	}
	import_separate(json->import);
	return true;
}

static bool
translate(struct import_json *json, struct import_node root)
{
	struct import_node list = root;

	if (json_is_object(root.value))
		list = import_node_member(root, "configurations");
	if (list.value != NULL)
		return read_accounts(json, list);
	return read_account(json, root);
}

bool
import_goimapnotify(struct import *import, const char *text)
{
	struct import_json json;
	struct import_node root;
	json_t *value = import_json_read(&json, import, text, &root);
	bool is_good = value != NULL && translate(&json, root);

	json_decref(value);
	return is_good;
}
