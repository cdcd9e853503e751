/*
 * TLS on a connection: versions, resumption, channel bindings, the client's
 * certificate, and peers that do not play along.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/tls_helpers.h"

static const struct {
	int server_min;
	int server_max;
	bool is_tls13_only;
	const char *refusal;
	const char *version; /* what comes of it */
} versions[] = {
    {TLS1_VERSION, TLS1_1_VERSION, false, "does not offer TLS 1.2 or newer",
	NULL},
    {TLS1_VERSION, TLS1_2_VERSION, false, NULL, "TLSv1.2, "},
    {TLS1_VERSION, TLS1_3_VERSION, false, NULL, "TLSv1.3, "},
    {TLS1_VERSION, TLS1_2_VERSION, true, "does not offer TLS 1.3 (", NULL},
    {TLS1_3_VERSION, TLS1_3_VERSION, true, NULL, "TLSv1.3, "},
};

START_TEST(test_tls_version)
{
	struct tls_context *context =
	    make_context(&(struct tls_options){.host = HOST,
		.ca_file = ca_file,
		.is_tls13_only = versions[_i].is_tls13_only});
	SSL_CTX *settings = peer_settings(&good);
	struct visit visit;

	SSL_CTX_set_min_proto_version(settings, versions[_i].server_min);
	SSL_CTX_set_max_proto_version(settings, versions[_i].server_max);
	visit_peer(&visit, context, settings);
	if (versions[_i].version != NULL) {
		ck_assert_msg(visit.is_secured, "%s", visit.error.text);
		ck_assert_int_eq(
		    strncmp(visit.description, versions[_i].version, 9), 0);
	} else {
		ck_assert(!visit.is_secured);
		ck_assert_int_eq(visit.error.kind, IMAP_ERROR_TLS);
		ck_assert_msg(
		    strstr(visit.error.text, versions[_i].refusal) != NULL,
		    "%s", visit.error.text);
	}
	SSL_CTX_free(settings);
	tls_context_free(context);
}
END_TEST

static const int both_versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

START_TEST(test_tls_second_connection_resumes)
{
	struct tls_context *context = make_context(
	    &(struct tls_options){.host = HOST, .ca_file = ca_file});
	struct tls_context *other = make_context(
	    &(struct tls_options){.host = HOST, .ca_file = ca_file});
	SSL_CTX *settings = peer_settings(&good);
	struct visit visit;
	int i;

	SSL_CTX_set_max_proto_version(settings, both_versions[_i]);
	visit_peer(&visit, context, settings);
	ck_assert(visit.is_secured);
	ck_assert_ptr_null(strstr(visit.description, "resumed"));
	for (i = 0; i < 5; i++) {
		visit_peer(&visit, context, settings);
		ck_assert_msg(visit.is_secured, "%s", visit.error.text);
		ck_assert_ptr_nonnull(strstr(visit.description, ", resumed"));
	}
	/* What one context verified is not for another. */
	visit_peer(&visit, other, settings);
	ck_assert(visit.is_secured);
	ck_assert_ptr_null(strstr(visit.description, "resumed"));
	SSL_CTX_free(settings);
	tls_context_free(other);
	tls_context_free(context);
}
END_TEST

static void
greet_and_vanish(struct peer *peer)
{
	SSL_write(peer->ssl, "hello", 5);
	close(peer->fd);
	peer->fd = -1;
}

START_TEST(test_tls_session_of_a_lost_connection_is_resumed)
{
	struct tls_context *context = make_context(
	    &(struct tls_options){.host = HOST, .ca_file = ca_file});
	SSL_CTX *settings = peer_settings(&good);
	struct peer peer = {.settings = settings, .talk = greet_and_vanish};
	struct visit visit;

	SSL_CTX_set_max_proto_version(settings, both_versions[_i]);
	visit_fd(&visit, context, peer_start(&peer));
	peer_join(&peer);
	visit_peer(&visit, context, settings);
	ck_assert_ptr_nonnull(strstr(visit.description, ", resumed"));
	SSL_CTX_free(settings);
	tls_context_free(context);
}
END_TEST

/* Waits for the other side to hang up. */
static void
listen_only(struct peer *peer)
{
	char bytes[512];

	while (read(peer->fd, bytes, sizeof(bytes)) > 0)
		continue;
}

START_TEST(test_tls_peer_that_speaks_no_tls)
{
	struct tls_context *context = make_context(
	    &(struct tls_options){.host = HOST, .ca_file = ca_file});
	struct peer peer = {.talk = listen_only,
	    .preface = "* OK [CAPABILITY IMAP4rev1] ready\r\n"};
	struct visit visit;

	visit_fd(&visit, context, peer_start(&peer));
	peer_join(&peer);
	ck_assert_int_eq(visit.error.kind, IMAP_ERROR_UNSUPPORTED);
	ck_assert_ptr_nonnull(
	    strstr(visit.error.text, HOST ": the server does not speak TLS"));
	tls_context_free(context);
}
END_TEST

START_TEST(test_tls_end_of_file_in_the_handshake_is_network)
{
	struct tls_context *context = make_context(
	    &(struct tls_options){.host = HOST, .ca_file = ca_file});
	struct visit visit;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	shutdown(ends[1], SHUT_WR);
	visit_fd(&visit, context, ends[0]);
	close(ends[1]);
	ck_assert_int_eq(visit.error.kind, IMAP_ERROR_NETWORK);
	ck_assert_str_eq(visit.error.text,
	    HOST ": connection lost during the TLS handshake: "
		 "closed by the peer");
	tls_context_free(context);
}
END_TEST

static void
wait_for_a_byte(struct peer *peer)
{
	char byte;

	/* Closing with the rest unread is a reset for the other side. */
	(void)!read(peer->fd, &byte, 1);
}

START_TEST(test_tls_reset_in_the_handshake_is_network)
{
	struct tls_context *context = make_context(
	    &(struct tls_options){.host = HOST, .ca_file = ca_file});
	struct peer peer = {.talk = wait_for_a_byte};
	struct visit visit;

	visit_fd(&visit, context, peer_start(&peer));
	peer_join(&peer);
	ck_assert_int_eq(visit.error.kind, IMAP_ERROR_NETWORK);
	ck_assert_ptr_nonnull(strstr(visit.error.text, "onnection reset"));
	tls_context_free(context);
}
END_TEST

/* Notes the name that the client asked for. */
static void
note_name(struct peer *peer)
{
	const char *name =
	    SSL_get_servername(peer->ssl, TLSEXT_NAMETYPE_host_name);

	peer->user = mem_copy_string(name == NULL ? "(none)" : name);
	peer_greet(peer);
}

static const char *const server_names[][2] = {
    {HOST, HOST},
    {HOST ".", HOST},
    {"127.0.0.1", "(none)"},
    {"::1", "(none)"},
};

START_TEST(test_tls_server_name_is_sent_for_names_only)
{
	struct identity identity =
	    identity_new(&(struct identity_plan){.issuer = &authority,
		.common_name = "x",
		.alt_names = "DNS:" HOST ", IP:127.0.0.1, IP:::1"});
	struct tls_context *context = make_context(&(struct tls_options){
	    .host = server_names[_i][0], .ca_file = ca_file});
	SSL_CTX *settings = peer_settings(&identity);
	struct peer peer = {.settings = settings, .talk = note_name};
	struct visit visit;

	visit_fd(&visit, context, peer_start(&peer));
	peer_join(&peer);
	ck_assert_str_eq(peer.user, server_names[_i][1]);
	mem_free(peer.user);
	SSL_CTX_free(settings);
	tls_context_free(context);
	identity_free(&identity);
}
END_TEST

/* The server's side of the channel bindings. */
static void
note_bindings(struct peer *peer)
{
	struct visit *theirs = peer->user;

	theirs->exporter_len = 32;
	ck_assert_int_eq(SSL_export_keying_material(peer->ssl,
			     (unsigned char *)theirs->exporter, 32,
			     "EXPORTER-Channel-Binding", 24,
			     (const unsigned char *)"", 0, 1),
	    1);
	theirs->unique_len = SSL_session_reused(peer->ssl)
	    ? SSL_get_finished(peer->ssl, theirs->unique, BINDING_SIZE)
	    : SSL_get_peer_finished(peer->ssl, theirs->unique, BINDING_SIZE);
	peer_greet(peer);
}

START_TEST(test_tls_channel_bindings_are_the_same_on_both_sides)
{
	struct tls_context *context = make_context(
	    &(struct tls_options){.host = HOST, .ca_file = ca_file});
	SSL_CTX *settings = peer_settings(&good);
	struct visit theirs;
	struct visit ours;
	struct peer peer;
	int i;

	SSL_CTX_set_max_proto_version(settings, both_versions[_i]);
	for (i = 0; i < 2; i++) { /* in full, and resumed */
		peer = (struct peer){.settings = settings,
		    .talk = note_bindings,
		    .user = &theirs};
		theirs = (struct visit){.is_closed = false};
		visit_fd(&ours, context, peer_start(&peer));
		peer_join(&peer);
		ck_assert_uint_eq(ours.exporter_len, 32);
		ck_assert_mem_eq(ours.exporter, theirs.exporter, 32);
		if (both_versions[_i] == TLS1_3_VERSION) {
			ck_assert_uint_eq(ours.unique_len, 0);
			continue;
		}
		ck_assert_uint_gt(ours.unique_len, 0);
		ck_assert_uint_eq(ours.unique_len, theirs.unique_len);
		ck_assert_mem_eq(ours.unique, theirs.unique, ours.unique_len);
	}
	SSL_CTX_free(settings);
	tls_context_free(context);
}
END_TEST

START_TEST(test_tls_exporter_needs_extended_master_secret)
{
	struct tls_context *context = make_context(
	    &(struct tls_options){.host = HOST, .ca_file = ca_file});
	SSL_CTX *settings = peer_settings(&good);
	struct visit visit;

	SSL_CTX_set_max_proto_version(settings, TLS1_2_VERSION);
	SSL_CTX_set_options(settings, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	visit_peer(&visit, context, settings);
	ck_assert(visit.is_secured);
	ck_assert_uint_eq(visit.exporter_len, 0);
	ck_assert_uint_gt(visit.unique_len, 0);
	visit_peer(&visit, context, settings);
	ck_assert_ptr_nonnull(strstr(visit.description, ", resumed"));
	ck_assert_uint_eq(visit.unique_len, 0);
	SSL_CTX_free(settings);
	tls_context_free(context);
}
END_TEST

/* A server that insists on a certificate of our authority. */
static SSL_CTX *
demanding_settings(void)
{
	SSL_CTX *settings = peer_settings(&good);

	SSL_CTX_load_verify_file(settings, ca_file);
	SSL_CTX_set_verify(
	    settings, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return settings;
}

START_TEST(test_tls_client_certificate_is_shown)
{
	struct identity client = identity_new(&(struct identity_plan){
	    .issuer = &authority, .common_name = "a client"});
	char *file = identity_save(&client, true);
	SSL_CTX *settings = demanding_settings();
	struct tls_context *context = make_context(&(struct tls_options){
	    .host = HOST, .ca_file = ca_file, .client_cert = file});
	struct visit visit;

	visit_peer(&visit, context, settings);
	ck_assert_msg(visit.is_secured && visit.error.kind == IMAP_ERROR_NONE,
	    "%s", visit.error.text);
	tls_context_free(context);
	SSL_CTX_free(settings);
	identity_unsave(file);
	identity_free(&client);
}
END_TEST

START_TEST(test_tls_lack_of_a_client_certificate_is_explained)
{
	SSL_CTX *settings = demanding_settings();
	struct tls_context *context = make_context(
	    &(struct tls_options){.host = HOST, .ca_file = ca_file});
	struct visit visit;

	SSL_CTX_set_min_proto_version(settings, TLS1_3_VERSION);
	visit_peer(&visit, context, settings);
	ck_assert_int_eq(visit.error.kind, IMAP_ERROR_TLS);
	ck_assert_msg(strstr(visit.error.text, "check tls_client_cert") != NULL,
	    "%s", visit.error.text);
	tls_context_free(context);
	SSL_CTX_free(settings);
}
END_TEST

START_TEST(test_tls_context_freed_early_verifies_nothing)
{
	struct tls_context *context = make_context(
	    &(struct tls_options){.host = HOST, .ca_file = ca_file});
	SSL_CTX *settings = peer_settings(&good);
	struct peer peer = {.settings = settings, .talk = peer_greet};
	struct visit visit = {.is_closed = false};
	const int fd = peer_start(&peer);

	ck_assert_int_ge(sd_event_new(&visit.loop), 0);
	visit.stream = stream_new(visit.loop, fd, fd, &handler, &visit);
	stream_start_tls(visit.stream, context);
	tls_context_free(context);
	while (!visit.is_closed)
		ck_assert_int_gt(sd_event_run(visit.loop, TURN_USEC), 0);
	ck_assert(!visit.is_secured);
	ck_assert_int_eq(visit.error.kind, IMAP_ERROR_TLS);
	stream_free(visit.stream);
	peer_join(&peer);
	sd_event_unref(visit.loop);
	SSL_CTX_free(settings);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, test_tls_version, 0, COUNT(versions));
	tcase_add_loop_test(tcase, test_tls_second_connection_resumes, 0, 2);
	tcase_add_loop_test(
	    tcase, test_tls_session_of_a_lost_connection_is_resumed, 0, 2);
	tcase_add_test(tcase, test_tls_peer_that_speaks_no_tls);
	tcase_add_test(tcase, test_tls_end_of_file_in_the_handshake_is_network);
	tcase_add_test(tcase, test_tls_reset_in_the_handshake_is_network);
	tcase_add_loop_test(tcase, test_tls_server_name_is_sent_for_names_only,
	    0, COUNT(server_names));
	tcase_add_loop_test(
	    tcase, test_tls_channel_bindings_are_the_same_on_both_sides, 0, 2);
	tcase_add_test(tcase, test_tls_exporter_needs_extended_master_secret);
	tcase_add_test(tcase, test_tls_client_certificate_is_shown);
	tcase_add_test(
	    tcase, test_tls_lack_of_a_client_certificate_is_explained);
	tcase_add_test(tcase, test_tls_context_freed_early_verifies_nothing);
}

int
main(void)
{
	Suite *suite = suite_create("tls_link");
	TCase *tcase = tcase_create("tls_link");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup, teardown);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
