/*
 * Where the tests of Maildirs are: a root in a directory of its own and one
 * folder in it, which is their working directory; and how they are run.
 */
#ifndef TESTS_UNIT_MAILDIR_PLACE_H
#define TESTS_UNIT_MAILDIR_PLACE_H

#include <check.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/maildir.h"

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

/* Where everything is; the tests' working directory. */
static char top[] = "/tmp/mailmirror-test-XXXXXX";
static struct maildir_root *root;
static struct maildir *folder;
static struct imap_error error;
static const struct maildir_identity identity = {7, "host"};

static inline void
open_all(void)
{
	ck_assert_int_eq(chdir(top), 0);
	root = maildir_root_open("root", &error);
	ck_assert_msg(root != NULL, "%s", error.text);
	folder = maildir_open(root, "box", &error);
	ck_assert_msg(folder != NULL, "%s", error.text);
	ck_assert_int_eq(chdir("root/box"), 0);
}

static inline void
set_up(void)
{
	error = (struct imap_error){.kind = IMAP_ERROR_NONE};
	memcpy(strrchr(top, '-') + 1, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(top));
	open_all();
}

static inline int
remove_entry(
    const char *path, const struct stat *info, int type, struct FTW *place)
{
	(void)info;
	(void)type;
	(void)place;
	return remove(path);
}

static inline void
tear_down(void)
{
	folder = maildir_close(folder);
	root = maildir_root_close(root);
	ck_assert_int_eq(chdir(top), 0);
	(void)umount2("root/box", MNT_DETACH);
	ck_assert_int_eq(chdir("/"), 0);
	nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/*
 * Puts a small file system of its own in the folder's place, for this process
 * alone, and opens everything again: descriptors keep the old view. False
 * where we may not.
 */
static inline bool
mount_small(const char *options)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", ".", "tmpfs", 0, options) < 0)
		return false;
	folder = maildir_close(folder);
	root = maildir_root_close(root);
	open_all();
	return true;
}

/* Runs a suite of one case with the fixture. */
static inline int
run_case(const char *name, TCase *tests)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
