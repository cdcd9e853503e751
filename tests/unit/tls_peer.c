/*
 * The TLS server that tests talk to. What fails here is a broken test, so it
 * aborts; what the client makes fail is kept in the peer.
 */
#include "tests/unit/tls_peer.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "libclient/base/mem.h"

#define DAY 86400L

static void
require(bool is_true)
{
	if (is_true)
		return;
	ERR_print_errors_fp(stderr);
	abort();
}

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	require(extension != NULL);
	require(X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

struct identity
identity_new(const struct identity_plan *plan)
{
	static long serial = 1;
	struct identity identity;
	const struct identity *issuer = plan->issuer;
	const long to = plan->to_days == 0 ? 30 : plan->to_days;
	X509_NAME *name;

	identity.key = plan->rsa_bits > 0
	    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)plan->rsa_bits)
	    : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	identity.cert = X509_new();
	require(identity.key != NULL && identity.cert != NULL);
	if (issuer == NULL)
		issuer = &identity;
	X509_set_version(identity.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(identity.cert), serial++);
	X509_gmtime_adj(
	    X509_getm_notBefore(identity.cert), plan->from_days * DAY - 3600);
	X509_gmtime_adj(X509_getm_notAfter(identity.cert), to * DAY);
	name = X509_get_subject_name(identity.cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)plan->common_name, -1, -1, 0);
	X509_set_issuer_name(
	    identity.cert, X509_get_subject_name(issuer->cert));
	X509_set_pubkey(identity.cert, identity.key);
	add_extension(identity.cert, issuer->cert, NID_basic_constraints,
	    plan->is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (plan->alt_names != NULL)
		add_extension(identity.cert, issuer->cert, NID_subject_alt_name,
		    plan->alt_names);
	require(X509_sign(identity.cert, issuer->key,
		    plan->is_sha1 ? EVP_sha1() : EVP_sha256()) > 0);
	return identity;
}

void
identity_free(struct identity *identity)
{
	X509_free(identity->cert);
	EVP_PKEY_free(identity->key);
}

char *
identity_save(const struct identity *identity, bool with_key)
{
	char *path = mem_copy_string("/tmp/test-pem-XXXXXX");
	const int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	require(file != NULL);
	require(PEM_write_X509(file, identity->cert) == 1);
	if (with_key)
		require(PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0,
			    NULL, NULL) == 1);
	require(fclose(file) == 0);
	return path;
}

void
identity_unsave(char *path)
{
	unlink(path);
	mem_free(path);
}

void
identity_digest(const struct identity *identity, uint8_t digest[32])
{
	unsigned size = 32;

	require(X509_digest(identity->cert, EVP_sha256(), digest, &size) == 1);
}

SSL_CTX *
peer_settings(const struct identity *identity)
{
	SSL_CTX *settings = SSL_CTX_new(TLS_server_method());

	require(settings != NULL);
	/* A server may be as bad as it likes. */
	SSL_CTX_set_security_level(settings, 0);
	SSL_CTX_set_min_proto_version(settings, TLS1_VERSION);
	require(SSL_CTX_use_certificate(settings, identity->cert) == 1);
	require(SSL_CTX_use_PrivateKey(settings, identity->key) == 1);
	SSL_CTX_set_session_id_context(settings, (const unsigned char *)"t", 1);
	return settings;
}

static void *
serve(void *user)
{
	struct peer *peer = user;

	if (peer->preface != NULL)
		require(
		    write(peer->fd, peer->preface, strlen(peer->preface)) > 0);
	if (peer->settings != NULL) {
		peer->ssl = SSL_new(peer->settings);
		SSL_set_fd(peer->ssl, peer->fd);
		peer->is_accepted = SSL_accept(peer->ssl) == 1;
	}
	if (peer->talk != NULL && (peer->ssl == NULL || peer->is_accepted))
		peer->talk(peer);
	if (peer->fd >= 0)
		close(peer->fd);
	SSL_free(peer->ssl);
	peer->ssl = NULL;
	ERR_clear_error();
	OPENSSL_thread_stop();
	return NULL;
}

int
peer_start(struct peer *peer)
{
	int ends[2];
	pthread_t thread;

	signal(SIGPIPE, SIG_IGN);
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	peer->fd = ends[1];
	require(pthread_create(&thread, NULL, serve, peer) == 0);
	peer->thread = thread;
	return ends[0];
}

void
peer_join(struct peer *peer)
{
	pthread_join(peer->thread, NULL);
}

void
peer_wait(struct peer *peer)
{
	char byte;

	while (SSL_read(peer->ssl, &byte, 1) > 0)
		continue;
	SSL_shutdown(peer->ssl);
}

void
peer_greet(struct peer *peer)
{
	/* The client may be gone already: that is its business. */
	(void)SSL_write(peer->ssl, "hello", 5);
	peer_wait(peer);
}
