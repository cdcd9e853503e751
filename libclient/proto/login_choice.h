/*
 * Which ways to log in the settings, the server and the connection allow.
 */
#ifndef LIBCLIENT_PROTO_LOGIN_CHOICE_H
#define LIBCLIENT_PROTO_LOGIN_CHOICE_H

#include "libclient/proto/login.h"

/* A mask of 1u << enum mechanism. */
uint32_t login_choices(const struct login_config *config,
    const struct capabilities *offered,
    const struct sasl_credentials *credentials);

/* The LOGIN command does for AUTH=PLAIN and AUTH=LOGIN if they are absent. */
bool login_choice_command(
    const struct login_config *config, const struct capabilities *offered);

/* Says that there is no way, and what there would be. Returns false. */
bool login_choice_failure(const struct login_config *config,
    const struct capabilities *offered, struct imap_error *error);

#endif
