/*
 * What the file system takes for a Maildir's files, whoever writes them:
 *
 *   place DIRECTORY SIZES
 *
 * makes a file of so many octets for each line of SIZES: in DIRECTORY/tmp,
 * with a time of its own, renamed into DIRECTORY/cur.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In pieces no larger than this. */
#define PIECE ((size_t)65536)

/* Makes the directory below the current one, and opens it. */
static int
make(const char *name)
{
	int fd = -1;

	if (mkdir(name, 0700) != 0 ||
	    (fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err(1, "%s", name);
	return fd;
}

static void
place(int tmp, int cur, unsigned number, size_t size)
{
	static const struct timespec times[2] = {
	    {.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	static char text[PIECE];
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "1000000000.%u_1.a.host.example,U=%u:2,S",
	    number, number);
	fd = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		err(1, "%s", name);
	while (size > 0) {
		ssize_t done = write(fd, text, size < PIECE ? size : PIECE);

		if (done <= 0)
			err(1, "%s", name);
		size -= (size_t)done;
	}
	if (futimens(fd, times) != 0 || close(fd) != 0 ||
	    renameat(tmp, name, cur, name) != 0)
		err(1, "%s", name);
}

static void
place_all(FILE *sizes)
{
	int tmp = make("tmp");
	int cur = make("cur");
	unsigned number = 0;
	char line[32];

	while (fgets(line, sizeof(line), sizes) != NULL)
		place(tmp, cur, ++number, strtoul(line, NULL, 10));
	if (ferror(sizes))
		err(1, "the sizes");
	close(cur);
	close(tmp);
}

int
main(int argc, char **argv)
{
	FILE *sizes;

	if (argc != 3)
		errx(2, "usage: place DIRECTORY SIZES");
	sizes = fopen(argv[2], "re");
	if (sizes == NULL)
		err(1, "%s", argv[2]);
	if (chdir(argv[1]) != 0)
		err(1, "%s", argv[1]);
	place_all(sizes);
	fclose(sizes);
	return 0;
}
