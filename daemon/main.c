/*
 * mailmirror: the command line.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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
    "  imap ACCOUNT [COMMAND ...] an IMAP console; commands also from stdin\n"
    "       --host H [--port P]   a server instead of an account\n"
    "       --tls MODE            implicit, starttls or none\n"
    "       --user U, --password-file F\n"
    "       --json                one JSON object for each command\n"
    "\n"
    "options:\n"
    "  -c, --config FILE          the configuration (mailmirror.conf(5))\n"
    "  -v, --verbose              say more; may be repeated\n"
    "  -q, --quiet                say less; may be repeated\n"
    "  -h, --help                 show this\n"
    "      --version              show the version\n";

enum long_option {
	OPTION_VERSION = 256,
	OPTION_OFFLINE,
	OPTION_ACCEPT,
	OPTION_HOST,
	OPTION_PORT,
	OPTION_TLS,
	OPTION_USER,
	OPTION_PASSWORD_FILE,
	OPTION_JSON
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"offline", no_argument, NULL, OPTION_OFFLINE},
    {"accept-deletes", no_argument, NULL, OPTION_ACCEPT},
    {"host", required_argument, NULL, OPTION_HOST},
    {"port", required_argument, NULL, OPTION_PORT},
    {"tls", required_argument, NULL, OPTION_TLS},
    {"user", required_argument, NULL, OPTION_USER},
    {"password-file", required_argument, NULL, OPTION_PASSWORD_FILE},
    {"json", no_argument, NULL, OPTION_JSON},
    {NULL, 0, NULL, 0},
};

static const struct {
	const char *name;
	int (*run)(const struct options *options);
	bool takes_words;
	bool takes_offline;
	bool takes_accept_deletes;
	bool takes_imap;
} commands[] = {
    {"run", cmd_run, false, false, false, false},
    {"sync", cmd_sync, true, false, true, false},
    {"check", cmd_check, true, true, false, false},
    {"imap", cmd_imap, true, false, false, true},
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

static bool
has_imap_options(const struct imap_options *imap)
{
	return imap->host != NULL || imap->port != NULL || imap->tls != NULL ||
	    imap->user != NULL || imap->password_file != NULL || imap->is_json;
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
		if (has_imap_options(&options->imap) && !commands[i].takes_imap)
			return refuse(
			    "--host, --port, --tls, --user, --password-file "
			    "and --json belong to imap",
			    NULL);
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

static bool
read_imap_option(int option, struct imap_options *imap)
{
	switch (option) {
	case OPTION_HOST:
		imap->host = optarg;
		return true;
	case OPTION_PORT:
		imap->port = optarg;
		return true;
	case OPTION_TLS:
		imap->tls = optarg;
		return true;
	case OPTION_USER:
		imap->user = optarg;
		return true;
	case OPTION_PASSWORD_FILE:
		imap->password_file = optarg;
		return true;
	case OPTION_JSON:
		imap->is_json = true;
		return true;
	default:
		return false;
	}
}

static bool
read_option(int option, struct options *options)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return true;
	case 'v':
		options->verbosity++;
		return true;
	case 'q':
		options->verbosity--;
		return true;
	case OPTION_OFFLINE:
		options->is_offline = true;
		return true;
	case OPTION_ACCEPT:
		options->accepts_deletes = true;
		return true;
	default:
		return read_imap_option(option, &options->imap);
	}
}

/* The words of an IMAP command may begin with '-': behind the first of them
 * there are no options. */
static bool
ends_options(char *const *words, uint32_t count, const struct options *options)
{
	return strcmp(words[0], "imap") == 0 &&
	    count >= (options->imap.host == NULL ? 3 : 2);
}

/*
 * Options stand anywhere; words get what is none. Returns -1, or the code to
 * exit with at once.
 */
static int
read_command_line(int argc, char **argv, struct options *options, char **words,
    uint32_t *count)
{
	int option;

	while ((option = getopt_long(
		    argc, argv, "-c:vqh", long_options, NULL)) != -1) {
		if (option == 1) {
			words[(*count)++] = optarg;
			if (ends_options(words, *count, options))
				break;
		} else if (option == 'h') {
			(void)fputs(usage, stdout);
			return EX_OK;
		} else if (option == OPTION_VERSION) {
			(void)puts("mailmirror " MAILMIRROR_VERSION);
			return EX_OK;
		} else if (!read_option(option, options)) {
			(void)fputs(usage, stderr);
			return EX_USAGE;
		}
	}
	while (optind < argc)
		words[(*count)++] = argv[optind++];
	return -1;
}

/* A folder takes two descriptors, and there may be thousands of them. */
static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int
main(int argc, char **argv)
{
	struct options options = {0};
	char **words = mem_alloc(sizeof(*words) * ((size_t)argc + 1));
	uint32_t count = 0;
	int code;

	close_up();
	raise_descriptors();
	code = read_command_line(argc, argv, &options, words, &count);
	if (code == -1 && count == 0)
		code = refuse("a command is missing", NULL);
	if (code == -1) {
		options.words = words + 1;
		options.word_count = count - 1;
		code = run_command(words[0], &options);
	}
	(void)mem_free(words);
	return code;
}
