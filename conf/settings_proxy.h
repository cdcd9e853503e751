/*
 * The setting `proxy`, taken apart; a part of conf/settings.h.
 */
#ifndef CONF_SETTINGS_PROXY_H
#define CONF_SETTINGS_PROXY_H

#include <stdbool.h>
#include <stdint.h>

struct settings_proxy {
	bool is_http; /* CONNECT; else SOCKS 5 */
	char *host; /* without brackets */
	uint16_t port;
	char *user; /* NULL: no login; decoded */
	char *password; /* in the vault; set if user is */
};

#endif
