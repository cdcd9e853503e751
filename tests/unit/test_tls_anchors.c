/*
 * Where the system's trust anchors are read one by one, and where all at once.
 */
#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libclient/io/tls_private.h"
#include "tests/unit/run_case.h"

static char top[] = "/tmp/mailmirror-anchors-XXXXXX";
static const char *const names[] = {"certs/5ed36f99.0", "certs/ca.crt",
    "certs/5ed36f9.0", "certs/5ed36f99.pem", "cert.pem", "certs",
    "other/ca.crt", "other"};

static const char *
path(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *out = paths[next++ % 4];

	(void)snprintf(out, PATH_MAX, "%s/%s", top, name);
	return out;
}

static void
make(const char *name)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
}

static void
begin(void)
{
	memcpy(top + strlen(top) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(top));
	ck_assert_int_eq(mkdir(path("certs"), 0700), 0);
	ck_assert_int_eq(mkdir(path("other"), 0700), 0);
}

static void
end(void)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (unlink(path(names[i])) < 0)
			(void)rmdir(path(names[i]));
	ck_assert_int_eq(rmdir(top), 0);
}

static bool
are_hashed(const char *file)
{
	return tls_anchors_are_hashed(path(file), path("certs"));
}

START_TEST(test_a_hashed_directory_with_the_file_in_it_is_enough)
{
	make("certs/5ed36f99.0");
	make("certs/ca.crt");
	ck_assert(are_hashed("certs/ca.crt"));
	ck_assert_int_eq(symlink("certs/ca.crt", path("cert.pem")), 0);
	ck_assert(are_hashed("cert.pem"));
}
END_TEST

START_TEST(test_a_hashed_directory_alone_is_enough)
{
	make("certs/5ed36f99.0");
	ck_assert(are_hashed("cert.pem"));
}
END_TEST

START_TEST(test_a_directory_without_hashes_is_not)
{
	make("certs/ca.crt");
	make("certs/5ed36f9.0");
	make("certs/5ed36f99.pem");
	ck_assert(!are_hashed("certs/ca.crt"));
}
END_TEST

START_TEST(test_a_file_elsewhere_may_have_more)
{
	make("certs/5ed36f99.0");
	make("other/ca.crt");
	make("cert.pem");
	ck_assert(!are_hashed("other/ca.crt"));
	ck_assert(!are_hashed("cert.pem"));
}
END_TEST

START_TEST(test_no_directory_is_none)
{
	make("other/ca.crt");
	ck_assert(!tls_anchors_are_hashed(path("other/ca.crt"), path("none")));
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("tls_anchors");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(
	    tests, test_a_hashed_directory_with_the_file_in_it_is_enough);
	tcase_add_test(tests, test_a_hashed_directory_alone_is_enough);
	tcase_add_test(tests, test_a_directory_without_hashes_is_not);
	tcase_add_test(tests, test_a_file_elsewhere_may_have_more);
	tcase_add_test(tests, test_no_directory_is_none);
	return run_case("tls_anchors", tests);
}
