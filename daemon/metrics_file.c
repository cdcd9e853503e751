/*
 * A file beside it, then a rename.
 */
#include "daemon/metrics_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/status_view.h"
#include "libclient/base/mem.h"

static FILE *
create(const char *path)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	FILE *file = fd < 0 || fchmod(fd, 0644) < 0 ? NULL : fdopen(fd, "w");

	if (file == NULL && fd >= 0)
		close(fd);
	return file;
}

bool
metrics_file_write(
    const char *path, const json_t *status, struct imap_error *error)
{
	char *beside = mem_format("%s.tmp", path);
	FILE *file = create(beside);
	bool ok = file != NULL;

	if (ok) {
		status_view_metrics(status, file);
		ok = ferror(file) == 0;
		ok = fclose(file) == 0 && ok;
	}
	ok = (ok && rename(beside, path) == 0) ||
	    imap_error_set(error, IMAP_ERROR_LOCAL,
		"metrics_file: cannot write %s: %s", path, strerror(errno));
	if (!ok)
		(void)unlink(beside);
	mem_free(beside);
	return ok;
}
