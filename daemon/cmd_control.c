/*
 * mailmirror status, sync-now, pause, resume, reload: what is asked of the
 * running daemon.
 */
#include "daemon/cmd.h"

#include <locale.h>
#include <stdio.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "daemon/control_client.h"
#include "daemon/exit_code.h"
#include "daemon/status_view.h"
#include "daemon/terminal.h"

/* Begins at the top of an empty screen. */
static const char clear_screen[] = "\033[H\033[2J";

struct asking {
	const struct options *options;
	bool is_terminal;
	int code;
};

/* What the daemon refuses is said, with the exit code that it names. */
static bool
is_refused(struct asking *asking, const json_t *line)
{
	if (json_is_true(json_object_get(line, "ok")))
		return false;
	(void)fprintf(stderr, "mailmirror: %s\n",
	    json_string_value(json_object_get(line, "error")));
	asking->code = (int)json_integer_value(json_object_get(line, "code"));
	return true;
}

static int
ask(const struct options *options, json_t *request,
    bool (*reply)(void *user, const json_t *line), struct asking *asking)
{
	struct settings *settings = cmd_load_settings(options);
	struct imap_error error = {0};

	if (settings == NULL) {
		json_decref(request);
		return EX_CONFIG;
	}
	if (!control_ask(
		settings->control_socket, request, reply, asking, &error)) {
		(void)fprintf(stderr, "mailmirror: %s\n", error.text);
		asking->code = exit_code_for(error.kind);
	}
	settings_free(settings);
	return asking->code;
}

/* ---- status ---- */

static bool
show_status(void *user, const json_t *line)
{
	struct asking *asking = user;
	const struct options *options = asking->options;
	const json_t *status = json_object_get(line, "status");
	unsigned width = 0, height;

	if (is_refused(asking, line))
		return false;
	if ((options->flags & CMD_JSON) != 0) {
		(void)json_dumpf(status, stdout, JSON_COMPACT);
		(void)fputc('\n', stdout);
	} else if ((options->flags & CMD_PROMETHEUS) != 0) {
		status_view_metrics(status, stdout);
	} else {
		if ((options->flags & CMD_FOLLOW) != 0 && asking->is_terminal)
			(void)fputs(clear_screen, stdout);
		(void)terminal_size(STDOUT_FILENO, &width, &height);
		status_view_table(status, time(NULL), width,
		    asking->is_terminal && terminal_wants_colour(), stdout);
	}
	/* nobody reads it any more */
	if (fflush(stdout) != 0)
		return false;
	return (options->flags & CMD_FOLLOW) != 0;
}

int
cmd_status(const struct options *options)
{
	struct asking asking = {
	    .options = options, .is_terminal = isatty(STDOUT_FILENO) == 1};

	/* for the width of characters */
	(void)setlocale(LC_CTYPE, "");
	return ask(options,
	    json_pack("{s:s, s:b}", "command", "status", "follow",
		(options->flags & CMD_FOLLOW) != 0),
	    show_status, &asking);
}

/* ---- orders ---- */

static bool
take_answer(void *user, const json_t *line)
{
	(void)is_refused(user, line);
	return false;
}

static int
tell(const struct options *options, const char *command)
{
	struct asking asking = {.options = options};
	json_t *targets = json_array();

	for (uint32_t i = 0; i < options->word_count; i++)
		(void)json_array_append_new(
		    targets, json_string(options->words[i]));
	return ask(options,
	    json_pack("{s:s, s:o}", "command", command, "targets", targets),
	    take_answer, &asking);
}

int
cmd_sync_now(const struct options *options)
{
	return tell(options, "sync-now");
}

int
cmd_pause(const struct options *options)
{
	return tell(options, "pause");
}

int
cmd_resume(const struct options *options)
{
	return tell(options, "resume");
}

int
cmd_reload(const struct options *options)
{
	return tell(options, "reload");
}
