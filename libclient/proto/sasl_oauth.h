/*
 * The messages of XOAUTH2 (Google's and Microsoft's documents) and OAUTHBEARER
 * (RFC 7628 section 3.1), which libgsasl does not have.
 */
#ifndef LIBCLIENT_PROTO_SASL_OAUTH_H
#define LIBCLIENT_PROTO_SASL_OAUTH_H

#include "libclient/base/imap_error.h"
#include "libclient/proto/sasl.h"

/*
 * The one message that carries the token, to be freed with mem_free_secret().
 * NULL and *error (AUTH) when a credential cannot be written in it.
 */
char *sasl_oauth_message(enum mechanism mechanism,
    const struct sasl_credentials *credentials, struct imap_error *error);

#endif
