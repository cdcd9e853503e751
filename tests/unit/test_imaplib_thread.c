/*
 * What imaplib_thread_tree() promises: the tree that a THREAD response means
 * (RFC 5256 section 4), or nothing.
 */
#include <stdlib.h>

#include "imaplib_lines.h"
#include "libclient/imaplib_message.h"

static struct imaplib_reply reply;

static void
set_up(void)
{
	reply = (struct imaplib_reply){0};
}

static void
tear_down(void)
{
	imaplib_reply_free(&reply);
}

/* "parent[child child[...]]", by the links alone. Static. */
static const char *
tree_text(const struct imaplib_thread_node *node)
{
	static char text[2048];
	size_t len = 0;

	text[0] = '\0';
	while (node != NULL) {
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%u", node->number);
		if (node->child != NULL) {
			ck_assert_ptr_eq(node->child->parent, node);
			text[len++] = '[';
			node = node->child;
			continue;
		}
		while (node != NULL && node->sibling == NULL) {
			node = node->parent;
			if (node != NULL)
				text[len++] = ']';
		}
		if (node != NULL) {
			text[len++] = ' ';
			node = node->sibling;
		}
	}
	text[len] = '\0';
	return text;
}

static const struct {
	const char *line;
	const char *tree;
} threads[] = {
    {"* THREAD (2)(3 6 (4 23)(44 7 96))", "2 3[6[4[23] 44[7[96]]]]"},
    {"* THREAD ((3)(5))", "0[3 5]"},
    {"* THREAD (166)(172)(174 (175)(176)(178))(194 195)(196 (197)(198))",
	"166 172 174[175 176 178] 194[195] 196[197 198]"},
    {"* THREAD (1 (2 (3)(4))(5))", "1[2[3 4] 5]"},
    {"* THREAD ((1)(2 (3)(4))) (5)", "0[1 2[3 4]] 5"},
    {"* thread ( 2 )  (3  4)", "2 3[4]"},
    {"* THREAD (4294967295)", "4294967295"},
};

START_TEST(test_a_response_is_a_tree)
{
	add_line(&reply, threads[_i].line);
	ck_assert_str_eq(
	    tree_text(imaplib_thread_tree(&reply)), threads[_i].tree);
}
END_TEST

static const char *const broken[] = {
    "* THREAD",
    "* THREAD 1 2",
    "* THREAD ()",
    "* THREAD (1 ())",
    "* THREAD (1",
    "* THREAD (1))",
    "* THREAD (0)",
    "* THREAD (4294967296)",
    "* THREAD (1 x)",
    "* THREAD (1 \"2\")",
    "* THREAD (1 NIL)",
    "* THREAD (1 (2) 3)",
    "* SEARCH 1",
};

START_TEST(test_a_broken_response_is_no_tree)
{
	add_line(&reply, broken[_i]);
	ck_assert_ptr_null(imaplib_thread_tree(&reply));
}
END_TEST

START_TEST(test_an_empty_reply_has_no_tree)
{
	ck_assert_ptr_null(imaplib_thread_tree(&reply));
}
END_TEST

/* "(1 (2 (3 ...": each message is one list deeper. */
static char *
branches(unsigned depth)
{
	struct buf buf;
	char *line;

	buf_init(&buf, 16U << 20);
	buf_add_string(&buf, "* THREAD ");
	for (unsigned i = 1; i <= depth; i++)
		buf_add_format(&buf, "(%u ", i);
	for (unsigned i = 1; i <= depth; i++)
		buf_add_string(&buf, ")");
	line = span_to_string(buf_span(&buf));
	buf_free(&buf);
	return line;
}

START_TEST(test_threads_may_branch_deeper_than_values_nest)
{
	static const unsigned depths[] = {32, 33, 1000};
	char *line = branches(depths[_i]);
	const struct imaplib_thread_node *node;
	unsigned depth = 0;

	add_line(&reply, line);
	mem_free(line);
	for (node = imaplib_thread_tree(&reply); node != NULL;
	     node = node->child)
		ck_assert_uint_eq(node->number, ++depth);
	ck_assert_uint_eq(depth, depths[_i]);
}
END_TEST

START_TEST(test_a_depth_bomb_is_no_tree)
{
	static const unsigned depths[] = {1001, 50000};
	char *line = branches(depths[_i]);

	add_line(&reply, line);
	mem_free(line);
	ck_assert_ptr_null(imaplib_thread_tree(&reply));
}
END_TEST

START_TEST(test_parentheses_alone_are_no_tree)
{
	char *line = mem_alloc(500010);

	memcpy(line, "* THREAD ", 9);
	memset(line + 9, '(', 500000);
	add_line(&reply, line);
	mem_free(line);
	ck_assert_ptr_null(imaplib_thread_tree(&reply));
}
END_TEST

START_TEST(test_a_long_thread_is_a_chain)
{
	struct buf buf;
	char *line;
	const struct imaplib_thread_node *node;
	unsigned depth = 0;

	buf_init(&buf, 1U << 20);
	buf_add_string(&buf, "* THREAD (");
	for (unsigned i = 1; i <= 50000; i++)
		buf_add_format(&buf, "%u ", i);
	buf_add_string(&buf, ")");
	line = span_to_string(buf_span(&buf));
	buf_free(&buf);
	add_line(&reply, line);
	mem_free(line);
	for (node = imaplib_thread_tree(&reply); node != NULL;
	     node = node->child)
		depth++;
	ck_assert_uint_eq(depth, 50000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("imaplib_thread");
	TCase *tests = tcase_create("imaplib_thread");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_loop_test(
	    tests, test_a_response_is_a_tree, 0, LENGTH(threads));
	tcase_add_loop_test(
	    tests, test_a_broken_response_is_no_tree, 0, LENGTH(broken));
	tcase_add_test(tests, test_an_empty_reply_has_no_tree);
	tcase_add_loop_test(
	    tests, test_threads_may_branch_deeper_than_values_nest, 0, 3);
	tcase_add_loop_test(tests, test_a_depth_bomb_is_no_tree, 0, 2);
	tcase_add_test(tests, test_parentheses_alone_are_no_tree);
	tcase_add_test(tests, test_a_long_thread_is_a_chain);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
