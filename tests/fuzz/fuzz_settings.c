/*
 * Configuration files of any bytes: settings or problems, never both; every
 * problem is one line that names the file, and what is read twice is the same.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/settings.h"
#include "tests/fuzz/folder.h"

#define FILE_NAME "mailmirror.conf"

/* libconfig 1.5 forgets the string that it was reading at a syntax error. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:strbuf_append\nleak:libconfig_yy\n";
}

static void
write_file(const uint8_t *data, size_t size)
{
	int fd = open(FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)close(fd);
}

static void
check_problems(const struct settings_problems *problems)
{
	for (uint32_t i = 0; i < problems->count; i++) {
		const char *text = problems->items[i].text;

		require(strchr(text, ':') != NULL);
		for (; *text != '\0'; text++)
			require((unsigned char)*text >= 0x20 && *text != 0x7f);
	}
}

static void
check_settings(const struct settings *one)
{
	struct settings_problems problems;
	struct settings *other = settings_load(FILE_NAME, &problems);

	require(other != NULL);
	require(one->account_count > 0);
	require(one->account_count == other->account_count);
	for (uint32_t i = 0; i < one->account_count; i++) {
		const struct settings_account *account = &one->accounts[i];

		require(account->maildir != NULL);
		require((account->host == NULL) == (account->tunnel != NULL));
		require(account->delete_guard <= 100);
		require(settings_account(one, account->name) == account);
		require(settings_account_equal(account, &other->accounts[i]));
	}
	settings_problems_free(&problems);
	(void)settings_free(other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings_problems problems;
	struct settings *settings;

	(void)enter_folder();
	write_file(data, size);
	settings = settings_load(FILE_NAME, &problems);
	require((settings == NULL) == (problems.count > 0));
	check_problems(&problems);
	if (settings != NULL)
		check_settings(settings);
	settings_problems_free(&problems);
	(void)settings_free(settings);
	return 0;
}
