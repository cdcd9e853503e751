/*
 * Questions about hosts and accounts that the settings answer.
 */
#include "conf/settings.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

bool
settings_is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return (ntohl(v4.s_addr) >> 24) == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return strcasecmp(host, "localhost") == 0;
}

bool
settings_is_near(const struct settings_account *account)
{
	return account->tunnel == NULL && account->proxy == NULL &&
	    account->host != NULL && settings_is_loopback(account->host);
}

bool
settings_is_host_in(const char *host, const char *domain)
{
	const size_t wanted = strlen(domain);
	size_t len = strlen(host);

	if (len > 0 && host[len - 1] == '.')
		len--;
	return len >= wanted &&
	    strncasecmp(host + len - wanted, domain, wanted) == 0 &&
	    (len == wanted || host[len - wanted - 1] == '.');
}

bool
settings_wants_token(const struct settings_account *account)
{
	for (uint32_t i = 0; i < account->auth.count; i++)
		if (strcmp(account->auth.items[i], "xoauth2") != 0 &&
		    strcmp(account->auth.items[i], "oauthbearer") != 0)
			return false;
	return !account->is_auth_auto && account->auth.count > 0;
}
