/*
 * For tests of TLS: certificates made on the spot, and a server on a thread
 * of its own at the other end of a socketpair.
 */
#ifndef TESTS_UNIT_TLS_PEER_H
#define TESTS_UNIT_TLS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

struct identity {
	X509 *cert;
	EVP_PKEY *key;
};

struct identity_plan {
	const struct identity *issuer; /* NULL: signed by itself */
	const char *common_name;
	const char *alt_names; /* "DNS:a,IP:b"; NULL: none */
	long from_days;
	long to_days; /* both from now; 0: 30 */
	bool is_authority;
	int rsa_bits; /* 0: an elliptic curve key */
	bool is_sha1;
};

struct identity identity_new(const struct identity_plan *plan);
void identity_free(struct identity *identity);

/* The certificate, and the key too if with_key, as PEM in a new file. */
char *identity_save(const struct identity *identity, bool with_key);
void identity_digest(const struct identity *identity, uint8_t digest[32]);

/* Removes the file and frees its name. */
void identity_unsave(char *path);

/* A server's settings; lives longer than its peers. */
SSL_CTX *peer_settings(const struct identity *identity);

struct peer {
	/* In: what it does once TLS is there, on its thread. */
	SSL_CTX *settings; /* NULL: no handshake */
	void (*talk)(struct peer *peer);
	void *user;
	const char *preface; /* sent before the handshake */
	/* Out. */
	int fd; /* the server's end; talk may close it and set it to -1 */
	SSL *ssl;
	bool is_accepted; /* the handshake succeeded */
	unsigned long thread;
};

/* Starts it and returns the client's end of the socketpair. */
int peer_start(struct peer *peer);

/* Waits for its end. */
void peer_join(struct peer *peer);

/* For talk: says hello and waits for the end, properly. */
void peer_greet(struct peer *peer);

/* For talk: waits for the end. */
void peer_wait(struct peer *peer);

#endif
