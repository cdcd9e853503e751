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
    "  folders ACCOUNT            the server's mailboxes, and where they go\n"
    "       --json                one JSON object for each\n"
    "  verify [ACCOUNT[/FOLDER]...]\n"
    "                             compare the server and the Maildirs\n"
    "       --repair              and mend the Maildirs\n"
    "  status                     what the running daemon is doing\n"
    "       --json, --prometheus  for programs\n"
    "       --follow              again whenever something changes\n"
    "  sync-now [ACCOUNT[/FOLDER]...]\n"
    "                             have the daemon look at once\n"
    "  pause ACCOUNT..., resume ACCOUNT..., reload\n"
    "                             tell the running daemon\n"
    "  adopt mbsync|offlineimap ACCOUNT\n"
    "                             take over its Maildir without a download\n"
    "       --from STATE          where its state is, if it is elsewhere\n"
    "       --dry-run             only say what would be done\n"
    "  export mbsync ACCOUNT      the way back; prints an mbsyncrc\n"
    "  import mbsync|offlineimap|goimapnotify FILE\n"
    "                             print its configuration as ours\n"
    "  imap ACCOUNT [COMMAND ...] an IMAP console; commands also from stdin\n"
    "       --host H [--port P]   a server instead of an account\n"
    "       --tls MODE            implicit, starttls or none\n"
    "       --user U, --password-file F\n"
    "       --json                one JSON object for each command\n"
    "\n"
    "options:\n"
    "  -c, --config FILE          the configuration (mailmirror.conf(5))\n"
    "  -v, --verbose              say more; may be repeated\n"
    "  -q, --quiet                only what is wrong; twice: only errors\n"
    "  -h, --help                 show this\n"
    "      --version              show the version\n";

enum long_option {
	OPTION_VERSION = 256,
	OPTION_HOST,
	OPTION_PORT,
	OPTION_TLS,
	OPTION_USER,
	OPTION_PASSWORD_FILE,
	OPTION_FROM,
	OPTION_FLAG /* and above it, by the flag's place */
};

#define FLAG_OPTION(flag) (OPTION_FLAG + __builtin_ctz(flag))

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"verbose", no_argument, NULL, 'v'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"host", required_argument, NULL, OPTION_HOST},
    {"port", required_argument, NULL, OPTION_PORT},
    {"tls", required_argument, NULL, OPTION_TLS},
    {"user", required_argument, NULL, OPTION_USER},
    {"password-file", required_argument, NULL, OPTION_PASSWORD_FILE},
    {"offline", no_argument, NULL, FLAG_OPTION(CMD_OFFLINE)},
    {"accept-deletes", no_argument, NULL, FLAG_OPTION(CMD_ACCEPT_DELETES)},
    {"json", no_argument, NULL, FLAG_OPTION(CMD_JSON)},
    {"repair", no_argument, NULL, FLAG_OPTION(CMD_REPAIR)},
    {"follow", no_argument, NULL, FLAG_OPTION(CMD_FOLLOW)},
    {"prometheus", no_argument, NULL, FLAG_OPTION(CMD_PROMETHEUS)},
    {"from", required_argument, NULL, OPTION_FROM},
    {"dry-run", no_argument, NULL, FLAG_OPTION(CMD_DRY_RUN)},
    {NULL, 0, NULL, 0},
};

#define ANY_NUMBER UINT32_MAX

static const struct command {
	const char *name;
	int (*run)(const struct options *options);
	uint32_t least; /* words behind it */
	uint32_t most;
	unsigned flags; /* that it takes */
	bool takes_imap;
} commands[] = {
    {"run", cmd_run, 0, 0, 0, false},
    {"sync", cmd_sync, 0, ANY_NUMBER, CMD_ACCEPT_DELETES, false},
    {"check", cmd_check, 0, ANY_NUMBER, CMD_OFFLINE, false},
    {"adopt", cmd_adopt, 2, 2, CMD_DRY_RUN, false},
    {"export", cmd_export, 2, 2, 0, false},
    {"folders", cmd_folders, 1, 1, CMD_JSON, false},
    {"verify", cmd_verify, 0, ANY_NUMBER, CMD_REPAIR, false},
    {"imap", cmd_imap, 0, ANY_NUMBER, CMD_JSON, true},
    {"import", cmd_import, 0, 2, 0, false},
    {"status", cmd_status, 0, 0, CMD_JSON | CMD_FOLLOW | CMD_PROMETHEUS, false},
    {"sync-now", cmd_sync_now, 0, ANY_NUMBER, 0, false},
    {"pause", cmd_pause, 1, ANY_NUMBER, 0, false},
    {"resume", cmd_resume, 1, ANY_NUMBER, 0, false},
    {"reload", cmd_reload, 0, 0, 0, false},
};

void
cmd_set_log_level(
    const struct options *options, const struct settings *settings)
{
	int level = (int)settings->log_level;
	int most = SETTINGS_LOG_NOTICE + options->verbosity;

	/* one -q leaves what is wrong, whatever the settings say */
	if (options->verbosity >= 0)
		level += options->verbosity;
	else if (level > most)
		level = most;
	if (level < SETTINGS_LOG_ERROR)
		level = SETTINGS_LOG_ERROR;
	if (level > SETTINGS_LOG_TRACE)
		level = SETTINGS_LOG_TRACE;
	log_set_level((enum settings_log_level)level);
}

struct settings *
cmd_load_settings(const struct options *options)
{
	struct settings_problems problems;
	char *file = settings_find(options->config);
	struct settings *settings = settings_load(file, &problems);

	for (uint32_t i = 0; i < problems.count; i++)
		(void)fprintf(stderr, "%s\n", problems.items[i].text);
	settings_problems_free(&problems);
	mem_free(file);
	if (settings == NULL)
		return NULL;
	cmd_set_log_level(options, settings);
	return settings;
}

struct runner *
cmd_start_runner(void)
{
	struct imap_error error;
	struct runner *runner = runner_start(&error);

	if (runner == NULL)
		log_error(NULL, "%s", error.text);
	return runner;
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
	    imap->user != NULL || imap->password_file != NULL;
}

/* The name of an option that is none of the command's, or NULL. */
static const char *
stray_option(const struct command *command, const struct options *options)
{
	unsigned strays = options->flags & ~command->flags;

	for (size_t i = 0; strays != 0 && long_options[i].name != NULL; i++)
		if (long_options[i].val == FLAG_OPTION(strays))
			return long_options[i].name;
	return NULL;
}

static int
refuse_option(const char *name)
{
	char *option = mem_format("--%s", name);
	int code = refuse("this command has no option", option);

	mem_free(option);
	return code;
}

static int
run_command(const char *name, const struct options *options)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const struct command *command = &commands[i];
		const char *stray;

		if (strcmp(command->name, name) != 0)
			continue;
		if (options->word_count > command->most)
			return refuse("unexpected argument",
			    options->words[command->most]);
		if (options->word_count < command->least)
			return refuse("an ACCOUNT is missing behind", name);
		stray = stray_option(command, options);
		if (stray != NULL)
			return refuse_option(stray);
		if (has_imap_options(&options->imap) && !command->takes_imap)
			return refuse("--host, --port, --tls, --user and "
				      "--password-file belong to imap",
			    NULL);
		if (options->from != NULL && command->run != cmd_adopt)
			return refuse("--from belongs to adopt", NULL);
		return command->run(options);
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
	case OPTION_FROM:
		options->from = optarg;
		return true;
	default:
		if (option < OPTION_FLAG)
			return read_imap_option(option, &options->imap);
		options->flags |= 1U << (option - OPTION_FLAG);
		return true;
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
