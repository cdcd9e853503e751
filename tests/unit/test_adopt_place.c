/*
 * daemon/adopt_place: where other programs' folders are to be.
 */
#include "daemon/adopt_place.h"

#include <string.h>

#include "libclient/base/mem.h"
#include "tests/unit/run_case.h"

#define NESTED SETTINGS_LAYOUT_NESTED
#define PLUS   SETTINGS_LAYOUT_MAILDIRPP

static const struct place_case {
	enum adopt_tool tool;
	enum settings_layout layout;
	const char *path;
	const char *box; /* NULL: refused */
	const char *to; /* or why */
} place_cases[] = {
    /* SubFolders Verbatim */
    {ADOPT_MBSYNC, NESTED, "INBOX", "INBOX", "INBOX"},
    {ADOPT_MBSYNC, NESTED, "Inbox", "Inbox", "INBOX"},
    {ADOPT_MBSYNC, NESTED, "Arch/2024", "Arch/2024", "Arch/2024"},
    {ADOPT_MBSYNC, NESTED, "a.b/c", "a.b/c", "a.b/c"},
    /* names up to 1.4, and from 1.5 on */
    {ADOPT_MBSYNC, NESTED, "Entw&APw-rfe", "Entw&APw-rfe", "Entw\u00fcrfe"},
    {ADOPT_MBSYNC, NESTED, "Entw\u00fcrfe", "Entw\u00fcrfe", "Entw\u00fcrfe"},
    {ADOPT_MBSYNC, NESTED, "R&D", "R&D", "R&D"},
    {ADOPT_MBSYNC, NESTED, "R&-D/x", "R&-D/x", "R&-D/x"},
    {ADOPT_MBSYNC, NESTED, "x/R&-D", "x/R&-D", "x/R&D"},
    /* what was moved already stays */
    {ADOPT_MBSYNC, NESTED, "100%25", "100%25", "100%25"},
    {ADOPT_MBSYNC, NESTED, "100%", "100%", "100%25"},
    /* Legacy: the parent moves by itself, later */
    {ADOPT_MBSYNC, NESTED, "Arch/.2024", "Arch/2024", "Arch/2024"},
    {ADOPT_MBSYNC, NESTED, "A&-/.b/.c", "A&-/b/c", "A&-/.b/c"},
    /* Maildir++ */
    {ADOPT_MBSYNC, PLUS, "", "INBOX", ""},
    {ADOPT_MBSYNC, PLUS, ".Arch.2024", "Arch/2024", ".Arch.2024"},
    {ADOPT_MBSYNC, PLUS, ".Entw&APw-rfe", "Entw&APw-rfe", ".Entw\u00fcrfe"},
    {ADOPT_MBSYNC, NESTED, ".Arch", NULL, "set layout = \"maildir++\""},
    {ADOPT_MBSYNC, NESTED, "", NULL, "set layout = \"maildir++\""},
    {ADOPT_MBSYNC, PLUS, "Arch", NULL, "set layout = \"nested\""},
    {ADOPT_MBSYNC, NESTED, "INBOX/.Arch", NULL, "and maildir to that INBOX"},
    {ADOPT_MBSYNC, NESTED, "caf\xe9", NULL, "neither UTF-8 nor"},
    /* sep = . and sep = / */
    {ADOPT_OFFLINEIMAP, NESTED, "Arch.2024", "Arch/2024", "Arch/2024"},
    {ADOPT_OFFLINEIMAP, NESTED, "Arch/2024", "Arch/2024", "Arch/2024"},
    {ADOPT_OFFLINEIMAP, PLUS, ".Arch.2024", "Arch/2024", ".Arch.2024"},
};

START_TEST(test_a_folder_has_a_place_or_a_reason)
{
	const struct place_case *test = &place_cases[_i];
	struct adopt_place place;
	struct imap_error error = {0};
	bool is_ok =
	    adopt_place(test->path, test->tool, test->layout, &place, &error);

	ck_assert_msg(
	    is_ok == (test->box != NULL), "%s: %s", test->path, error.text);
	if (is_ok) {
		ck_assert_str_eq(place.box, test->box);
		ck_assert_str_eq(place.path, test->to);
	} else {
		ck_assert_int_eq(error.kind, IMAP_ERROR_CONFIG);
		ck_assert_msg(
		    strstr(error.text, test->to) != NULL, "%s", error.text);
	}
	adopt_place_free(&place);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("adopt_place");

	tcase_add_loop_test(tests, test_a_folder_has_a_place_or_a_reason, 0,
	    sizeof(place_cases) / sizeof(*place_cases));
	return run_case("adopt_place", tests);
}
