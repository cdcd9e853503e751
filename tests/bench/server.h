/*
 * What the two halves of bench_server share: server.c moves bytes,
 * server_imap.c knows the protocol.
 */
#ifndef TESTS_BENCH_SERVER_H
#define TESTS_BENCH_SERVER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPABILITIES                                                  \
	"IMAP4rev1 SASL-IR LITERAL+ ID ENABLE IDLE UNSELECT UIDPLUS " \
	"CONDSTORE QRESYNC ESEARCH AUTH=PLAIN"

struct text {
	char *at;
	size_t len;
	size_t size;
};

/* A FETCH that is being answered: the rest of its set. */
struct answer {
	char tag[32];
	char *set; /* owned; NULL without one */
	const char *rest;
	uint32_t next;
	uint32_t last;
	bool flags;
	bool modseq;
	bool date;
	bool size;
	bool body;
};

struct peer {
	int fd;
	SSL *ssl;
	struct text in;
	struct text out;
	size_t sent; /* of out */
	struct answer answer;
	uint32_t messages; /* of the selected mailbox */
	uint32_t events;
	char idle_tag[32];
	bool is_idling;
	bool is_leaving;
};

struct server {
	int epoll;
	SSL_CTX *context;
	uint32_t folders;
	uint32_t messages;
	uint32_t connections;
	uint32_t idling;
};

extern struct server server;

/* Room for so many bytes more. */
void text_reserve(struct text *text, size_t more);
void text_free(struct text *text);
void reply(struct peer *peer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds to the output what is due: more of an answer, or the next command's. */
void peer_continue(struct peer *peer);

#endif
