/*
 * A proxy that says anything: what is made of it does not depend on how it is
 * cut, takes no more than it may, and ends in words that can be shown.
 */
#include "libclient/io/proxy.h"
#include "tests/fuzz/fuzz.h"

static const struct proxy_server servers[] = {
    {.host = "p", .port = 1080},
    {.host = "p", .port = 1080, .user = "me", .password = "secret"},
    {.is_http = true, .host = "p", .port = 8080},
};

static const char *const hosts[] = {
    "imap.example.org", "192.0.2.1", "2001:db8::1"};

struct outcome {
	enum proxy_answer answer;
	size_t total;
	struct imap_error error;
};

/* What must hold after each call: how far it went, and why no further. */
static void
check(const struct outcome *outcome, const struct proxy *proxy,
    struct span bytes, size_t used)
{
	const char *text = outcome->error.text;

	require(used <= bytes.len);
	if (outcome->answer == PROXY_WAITS)
		require(used == bytes.len || proxy_take(proxy).len > 0);
	require((outcome->answer == PROXY_REFUSES) ==
	    (outcome->error.kind != IMAP_ERROR_NONE));
	require((outcome->answer == PROXY_REFUSES) == (*text != '\0'));
	for (; *text != '\0'; text++)
		require((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void
feed(struct outcome *outcome, struct proxy *proxy, struct span bytes)
{
	size_t used = 0;

	do {
		proxy_taken(proxy, proxy_take(proxy).len);
		outcome->answer =
		    proxy_feed(proxy, bytes, &used, &outcome->error);
		check(outcome, proxy, bytes, used);
		outcome->total += used;
		bytes = span_from(bytes, used);
	} while (outcome->answer == PROXY_WAITS && bytes.len > 0);
}

static struct outcome
run(unsigned choice, struct span input, unsigned way)
{
	const struct proxy_server *server = &servers[choice % 3];
	struct splitter splitter = splitter_of(input, way);
	struct outcome outcome = {.answer = PROXY_WAITS};
	struct proxy *proxy =
	    proxy_new(server, hosts[choice / 3 % 3], 993, &outcome.error);
	char *bytes;
	size_t len;

	require(proxy != NULL);
	while (outcome.answer == PROXY_WAITS &&
	    (bytes = split(&splitter, &len)) != NULL) {
		feed(&outcome, proxy, (struct span){bytes, len});
		mem_free(bytes);
	}
	require(!server->is_http || outcome.total <= PROXY_MAX_HEADER + 1);
	require(server->is_http || outcome.total <= 2 + 2 + 262);
	require(proxy_free(proxy) == NULL);
	return outcome;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = {(const char *)data, size};
	const unsigned choice = take_byte(&input);
	const unsigned way = take_byte(&input);
	const struct outcome whole = run(choice, input, 0);
	const struct outcome parts = run(choice, input, way);

	require(whole.answer == parts.answer);
	require(whole.total == parts.total);
	require(whole.error.kind == parts.error.kind);
	require(strcmp(whole.error.text, parts.error.text) == 0);
	return 0;
}
