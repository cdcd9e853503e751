/*
 * mailmirror: the command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "daemon/cmd.h"
#include "daemon/log.h"
#include "libclient/base/mem.h"

static const char usage[] =
    "usage: mailmirror COMMAND [-c FILE] [-v] [-q] [ARGUMENT...]\n"
    "\n"
    "Keeps local Maildirs identical to IMAP mailboxes, by push.\n"
    "\n"
    "commands:\n"
    "  run                        mirror until SIGTERM (the daemon)\n"
    "  sync [ACCOUNT[/FOLDER]...] mirror once and exit\n"
    "       --accept-deletes      remove what delete_guard held back\n"
    "  check [ACCOUNT...]         check the configuration, log in, list\n"
    "       --offline             check the configuration only\n"
    "\n"
    "options:\n"
    "  -c, --config FILE          the configuration (mailmirror.conf(5))\n"
    "  -v, --verbose              say more; may be repeated\n"
    "  -q, --quiet                say less; may be repeated\n"
    "  -h, --help                 show this\n"
    "      --version              show the version\n";

enum long_option { OPTION_VERSION = 256, OPTION_OFFLINE, OPTION_ACCEPT };

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"offline", no_argument, NULL, OPTION_OFFLINE},
    {"accept-deletes", no_argument, NULL, OPTION_ACCEPT},
    {NULL, 0, NULL, 0},
};

static const struct {
	const char *name;
	int (*run)(const struct options *options);
	bool takes_words;
	bool takes_offline;
	bool takes_accept_deletes;
} commands[] = {
    {"run", cmd_run, false, false, false},
    {"sync", cmd_sync, true, false, true},
    {"check", cmd_check, true, true, false},
};

struct settings *
cmd_load_settings(const struct options *options)
{
	struct settings_problems problems;
	char *file = settings_find(options->config);
	struct settings *settings = settings_load(file, &problems);
	int level;

	for (uint32_t i = 0; i < problems.count; i++)
		(void)fprintf(stderr, "%s\n", problems.items[i].text);
	settings_problems_free(&problems);
	mem_free(file);
	if (settings == NULL)
		return NULL;
	level = (int)settings->log_level + options->verbosity;
	if (level < SETTINGS_LOG_ERROR)
		level = SETTINGS_LOG_ERROR;
	if (level > SETTINGS_LOG_TRACE)
		level = SETTINGS_LOG_TRACE;
	log_set_level((enum settings_log_level)level);
	return settings;
}

static int
refuse(const char *what, const char *word)
{
	(void)fprintf(stderr, "mailmirror: %s%s%s%s\n%s", what,
	    word == NULL ? "" : " \"", word == NULL ? "" : word,
	    word == NULL ? "" : "\"", usage);
	return EX_USAGE;
}

static int
run_command(const char *name, const struct options *options)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		if (options->word_count > 0 && !commands[i].takes_words)
			return refuse("unexpected argument", options->words[0]);
		if (options->is_offline && !commands[i].takes_offline)
			return refuse("--offline belongs to check", NULL);
		if (options->accepts_deletes &&
		    !commands[i].takes_accept_deletes)
			return refuse("--accept-deletes belongs to sync", NULL);
		return commands[i].run(options);
	}
	return refuse("unknown command", name);
}

/* Mail and passwords are in this memory: no core dumps, no other's files. */
static void
close_up(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)umask(077);
	/* back-off's jitter; no secret depends on it */
	srandom((unsigned)(time(NULL) ^ getpid()));
}

int
main(int argc, char **argv)
{
	struct options options = {0};
	int option;

	close_up();
	while ((option = getopt_long(
		    argc, argv, "c:vqh", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.config = optarg;
			break;
		case 'v':
			options.verbosity++;
			break;
		case 'q':
			options.verbosity--;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return EX_OK;
		case OPTION_VERSION:
			(void)puts("mailmirror " MAILMIRROR_VERSION);
			return EX_OK;
		case OPTION_OFFLINE:
			options.is_offline = true;
			break;
		case OPTION_ACCEPT:
			options.accepts_deletes = true;
			break;
		default:
			(void)fputs(usage, stderr);
			return EX_USAGE;
		}
	}
	if (optind == argc)
		return refuse("a command is missing", NULL);
	options.words = argv + optind + 1;
	options.word_count = (uint32_t)(argc - optind - 1);
	return run_command(argv[optind], &options);
}
