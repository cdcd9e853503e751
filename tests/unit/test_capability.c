/*
 * What libclient/wire/capability.h promises: words of real servers to bits.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "libclient/wire/capability.h"

#define BIT(capability) (UINT64_C(1) << (capability))

static struct capabilities
parsed(const char *words)
{
	struct capabilities set;

	/* What was in it before must not stay. */
	memset(&set, 0xff, sizeof(set));
	set.known = false;
	capabilities_parse(&set, span_of(words));
	return set;
}

static const struct {
	const char *words;
	uint64_t offered;
	uint32_t mechanisms;
} servers[] = {
    {"", 0, 0},
    {"IMAP4rev1", BIT(CAPABILITY_IMAP4REV1), 0},
    {"imap4REV1 Idle auth=Plain",
	BIT(CAPABILITY_IMAP4REV1) | BIT(CAPABILITY_IDLE),
	1U << MECHANISM_PLAIN},
    /* Gmail before login */
    {"IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 "
     "XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN "
     "AUTH=OAUTHBEARER",
	BIT(CAPABILITY_IMAP4REV1) | BIT(CAPABILITY_UNSELECT) |
	    BIT(CAPABILITY_IDLE) | BIT(CAPABILITY_NAMESPACE) |
	    BIT(CAPABILITY_ID) | BIT(CAPABILITY_X_GM_EXT_1) |
	    BIT(CAPABILITY_SASL_IR),
	1U << MECHANISM_XOAUTH2 | 1U << MECHANISM_PLAIN |
	    1U << MECHANISM_OAUTHBEARER},
    /* Exchange */
    {"IMAP4 IMAP4rev1 IDLE NAMESPACE LITERAL+ UIDPLUS MOVE",
	BIT(CAPABILITY_IMAP4REV1) | BIT(CAPABILITY_IDLE) |
	    BIT(CAPABILITY_NAMESPACE) | BIT(CAPABILITY_LITERAL_PLUS) |
	    BIT(CAPABILITY_UIDPLUS) | BIT(CAPABILITY_MOVE),
	0},
    /* Dovecot before STARTTLS */
    {"IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS "
     "LOGINDISABLED",
	BIT(CAPABILITY_IMAP4REV1) | BIT(CAPABILITY_SASL_IR) |
	    BIT(CAPABILITY_ID) | BIT(CAPABILITY_ENABLE) | BIT(CAPABILITY_IDLE) |
	    BIT(CAPABILITY_LITERAL_PLUS) | BIT(CAPABILITY_STARTTLS) |
	    BIT(CAPABILITY_LOGINDISABLED),
	0},
    /* QQ: a space at the end; SmarterMail: two in between */
    {" IMAP4rev1  IDLE ", BIT(CAPABILITY_IMAP4REV1) | BIT(CAPABILITY_IDLE), 0},
    /* a name's beginning or end is not the name */
    {"IDLED XIDLE UID AUTH= AUTH=PLAI AUTHPLAIN =PLAIN LITERAL COMPRESS "
     "STATUS=SIZE2 PLAIN",
	0, 0},
    {"XLIST STATUS=SIZE COMPRESS=DEFLATE UTF8=ACCEPT OBJECTID UIDONLY NOTIFY",
	BIT(CAPABILITY_STATUS_SIZE) | BIT(CAPABILITY_COMPRESS_DEFLATE) |
	    BIT(CAPABILITY_UTF8_ACCEPT) | BIT(CAPABILITY_OBJECTID) |
	    BIT(CAPABILITY_UIDONLY) | BIT(CAPABILITY_NOTIFY),
	0},
    {"QRESYNC", BIT(CAPABILITY_QRESYNC) | BIT(CAPABILITY_CONDSTORE), 0},
    {"CONDSTORE", BIT(CAPABILITY_CONDSTORE), 0},
    {"IMAP4rev2",
	BIT(CAPABILITY_IMAP4REV2) | BIT(CAPABILITY_ENABLE) |
	    BIT(CAPABILITY_IDLE) | BIT(CAPABILITY_SASL_IR) |
	    BIT(CAPABILITY_NAMESPACE) | BIT(CAPABILITY_UNSELECT) |
	    BIT(CAPABILITY_UIDPLUS) | BIT(CAPABILITY_ESEARCH) |
	    BIT(CAPABILITY_LIST_EXTENDED) | BIT(CAPABILITY_LIST_STATUS) |
	    BIT(CAPABILITY_SPECIAL_USE) | BIT(CAPABILITY_STATUS_SIZE) |
	    BIT(CAPABILITY_LITERAL_MINUS) | BIT(CAPABILITY_MOVE),
	0},
    {"AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1-PLUS "
     "AUTH=SCRAM-SHA-1 AUTH=CRAM-MD5 AUTH=LOGIN AUTH=EXTERNAL AUTH=ANONYMOUS "
     "AUTH=GSSAPI AUTH=NTLM",
	0,
	1U << MECHANISM_SCRAM_SHA_256_PLUS | 1U << MECHANISM_SCRAM_SHA_256 |
	    1U << MECHANISM_SCRAM_SHA_1_PLUS | 1U << MECHANISM_SCRAM_SHA_1 |
	    1U << MECHANISM_CRAM_MD5 | 1U << MECHANISM_LOGIN |
	    1U << MECHANISM_EXTERNAL | 1U << MECHANISM_ANONYMOUS},
};

START_TEST(test_capabilities_parse)
{
	struct capabilities set = parsed(servers[_i].words);

	ck_assert(set.known);
	ck_assert_uint_eq(set.offered, servers[_i].offered);
	ck_assert_uint_eq(set.mechanisms, servers[_i].mechanisms);
}
END_TEST

START_TEST(test_capabilities_have)
{
	struct capabilities set = parsed("IDLE X-GM-EXT-1");

	ck_assert(capabilities_have(&set, CAPABILITY_IDLE));
	ck_assert(capabilities_have(&set, CAPABILITY_X_GM_EXT_1));
	ck_assert(!capabilities_have(&set, CAPABILITY_IMAP4REV1));
}
END_TEST

START_TEST(test_capabilities_of_all_names_are_all_bits)
{
	struct capabilities set;
	struct capabilities alone;
	struct buf words;
	unsigned i;

	buf_init(&words, 4096);
	for (i = 0; i < CAPABILITY_COUNT; i++) {
		alone = parsed(capability_name((enum capability)i));
		ck_assert(capabilities_have(&alone, (enum capability)i));
		buf_add_format(
		    &words, "%s ", capability_name((enum capability)i));
	}
	for (i = 0; i < MECHANISM_COUNT; i++)
		buf_add_format(
		    &words, "AUTH=%s ", mechanism_name((enum mechanism)i));
	capabilities_parse(&set, buf_span(&words));
	ck_assert_uint_eq(set.offered, BIT(CAPABILITY_COUNT) - 1);
	ck_assert_uint_eq(set.mechanisms, (1U << MECHANISM_COUNT) - 1);
	buf_free(&words);
}
END_TEST

START_TEST(test_capabilities_remove_takes_one_out)
{
	struct capabilities set = parsed("IMAP4rev1 QRESYNC AUTH=PLAIN "
					 "AUTH=LOGIN COMPRESS=DEFLATE");

	capabilities_remove(&set, "qresync");
	capabilities_remove(&set, "AUTH=plain");
	capabilities_remove(&set, "COMPRESS=DEFLATE");
	capabilities_remove(&set, "IDLE");
	capabilities_remove(&set, "NO-SUCH-THING");
	capabilities_remove(&set, "AUTH=NO-SUCH-THING");
	capabilities_remove(&set, "");
	ck_assert_uint_eq(
	    set.offered, BIT(CAPABILITY_IMAP4REV1) | BIT(CAPABILITY_CONDSTORE));
	ck_assert_uint_eq(set.mechanisms, 1U << MECHANISM_LOGIN);
	ck_assert(set.known);
}
END_TEST

START_TEST(test_mechanism_names_lead_back)
{
	unsigned i;

	for (i = 0; i < MECHANISM_COUNT; i++)
		ck_assert_uint_eq(
		    mechanism_from_name(mechanism_name((enum mechanism)i)), i);
	ck_assert_uint_eq(
	    mechanism_from_name("scram-sha-256"), MECHANISM_SCRAM_SHA_256);
	ck_assert_uint_eq(mechanism_from_name("GSSAPI"), MECHANISM_COUNT);
	ck_assert_uint_eq(mechanism_from_name(""), MECHANISM_COUNT);
}
END_TEST

int
main(void)
{
	TCase *tests = tcase_create("capability");
	Suite *suite = suite_create("capability");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tests, test_capabilities_parse, 0,
	    (int)(sizeof(servers) / sizeof(servers[0])));
	tcase_add_test(tests, test_capabilities_have);
	tcase_add_test(tests, test_capabilities_of_all_names_are_all_bits);
	tcase_add_test(tests, test_capabilities_remove_takes_one_out);
	tcase_add_test(tests, test_mechanism_names_lead_back);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
