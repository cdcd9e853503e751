/*
 * What the tests of libclient/proto/sasl share: steps of an exchange that must
 * succeed or fail.
 */
#ifndef TESTS_UNIT_SASL_HELPERS_H
#define TESTS_UNIT_SASL_HELPERS_H

#include <check.h>
#include <gsasl.h>
#include <stdlib.h>

#include "libclient/base/mem.h"
#include "libclient/proto/sasl.h"

#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))
#define BYTES(string) ((struct span){(string), sizeof(string) - 1})

static inline struct sasl *
start(enum mechanism mechanism, const struct sasl_credentials *credentials)
{
	struct imap_error error = {0};
	struct sasl *sasl = sasl_new(mechanism, credentials, &error);

	ck_assert_msg(sasl != NULL, "%s", error.text);
	return sasl;
}

/* base64 of a string, to be freed with gsasl_free() */
static inline char *
encode(struct span text)
{
	char *base64 = NULL;

	ck_assert_int_eq(
	    gsasl_base64_to(text.at, text.len, &base64, NULL), GSASL_OK);
	return base64;
}

/* A step that must succeed with this base64. */
static inline void
step_raw(struct sasl *sasl, const char *challenge, const char *answer)
{
	struct imap_error error = {0};
	struct buf out;
	char *text;

	buf_init(&out, 65536);
	ck_assert_msg(sasl_step(sasl, span_of(challenge), &out, &error), "%s",
	    error.text);
	text = span_to_string(buf_span(&out));
	ck_assert_str_eq(text, answer);
	mem_free(text);
	buf_free(&out);
}

/* A step that must succeed; both are given decoded. */
static inline void
step(struct sasl *sasl, const char *challenge, const char *answer)
{
	char *in = encode(span_of(challenge));
	char *out = encode(span_of(answer));

	step_raw(sasl, in, out);
	gsasl_free(in);
	gsasl_free(out);
}

/* A step that must fail, answer nothing, and be the last. */
static inline struct imap_error
refuse_raw(struct sasl *sasl, struct span challenge)
{
	struct imap_error error = {0};
	struct imap_error later = {0};
	struct buf out;

	buf_init(&out, 65536);
	ck_assert(!sasl_step(sasl, challenge, &out, &error));
	ck_assert_int_ne(error.kind, IMAP_ERROR_NONE);
	ck_assert(!sasl_is_complete(sasl));
	ck_assert(!sasl_step(sasl, span_of(""), &out, &later));
	ck_assert_uint_eq(buf_len(&out), 0);
	buf_free(&out);
	return error;
}

static inline struct imap_error
refuse(struct sasl *sasl, struct span challenge)
{
	char *in = encode(challenge);
	struct imap_error error = refuse_raw(sasl, span_of(in));

	gsasl_free(in);
	return error;
}

static inline enum imap_error_kind
refusal_to_start(
    enum mechanism mechanism, const struct sasl_credentials *credentials)
{
	struct imap_error error = {0};

	ck_assert_ptr_null(sasl_new(mechanism, credentials, &error));
	return error.kind;
}

/* Runs the suite and frees it: what main() returns. */
static inline int
run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
