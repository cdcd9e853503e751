/*
 * What the floors below do not know of each other.
 */
#include "daemon/account_proxy.h"

const struct proxy_server *
account_proxy(
    const struct settings_account *settings, struct proxy_server *server)
{
	const struct settings_proxy *proxy = settings->proxy;

	if (proxy == NULL)
		return NULL;
	*server = (struct proxy_server){
	    .is_http = proxy->is_http,
	    .host = proxy->host,
	    .port = proxy->port,
	    .user = proxy->user,
	    .password = proxy->password,
	};
	return server;
}
