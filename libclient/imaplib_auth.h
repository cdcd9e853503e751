/*
 * Authentication. Secrets go only over connections that nobody else can read:
 * TLS, a loopback address, a tunnel.
 */
#ifndef LIBCLIENT_IMAPLIB_AUTH_H
#define LIBCLIENT_IMAPLIB_AUTH_H

#include "libclient/imaplib.h"

/* LOGIN; the password always quoted or a literal. (login) */
bool imaplib_login(struct imaplib *client, const char *user,
    const char *password, struct imaplib_reply *reply);

/* AUTHENTICATE CRAM-MD5, PLAIN. (login_cram_md5, login_plain) */
bool imaplib_login_cram_md5(struct imaplib *client, const char *user,
    const char *password, struct imaplib_reply *reply);
bool imaplib_login_plain(struct imaplib *client, const char *user,
    const char *password, struct imaplib_reply *reply);

/*
 * Answers one challenge (decoded): appends the answer's bytes to *answer and
 * returns true; false cancels the exchange with "*".
 */
typedef bool imaplib_authenticator(
    void *user, struct span challenge, struct buf *answer);

/* AUTHENTICATE with the caller's own mechanism. initial: an initial response
 * (sent with SASL-IR, else to the first challenge), or an empty span with NULL
 * .at: none. (authenticate) */
bool imaplib_authenticate(struct imaplib *client, const char *mechanism,
    struct span initial, imaplib_authenticator *authenticator, void *user,
    struct imaplib_reply *reply);

/* AUTHENTICATE with one of our mechanisms ("SCRAM-SHA-256", ...); NULL: the
 * strongest that server and secret allow, LOGIN at last. */
bool imaplib_authenticate_as(struct imaplib *client, const char *mechanism,
    const char *user, const char *secret, struct imaplib_reply *reply);

/* PROXYAUTH user; UNAUTHENTICATE (RFC 8437). (proxyauth) */
bool imaplib_proxyauth(
    struct imaplib *client, const char *user, struct imaplib_reply *reply);
bool imaplib_unauthenticate(
    struct imaplib *client, struct imaplib_reply *reply);

#endif
