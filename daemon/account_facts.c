/*
 * What was learned about a server outlives the process: each fact is a number,
 * kept under its own name and the server's.
 */
#include "daemon/account_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/quirk.h"
#include "libclient/base/mem.h"

#define SECOND UINT64_C(1000000)

/* A refusal may be an old version's: after this it is tried again. */
#define REFUSAL_LASTS INT64_C(604800)

/* An idle time that was too long once doubles again each so often. */
#define IDLE_DOUBLES INT64_C(604800)
#define IDLE_LEAST   (60 * SECOND)

/* Silences shorter than this were not ended for being silent. */
#define SILENCE_LEAST (90 * SECOND)

static const char *const names[] = {
    [FACT_NO_LIST_STATUS] = "no-list-status",
    [FACT_NO_NOTIFY] = "no-notify",
    [FACT_IDLE] = "idle-seconds",
    [FACT_IDLE_SINCE] = "idle-since",
    [FACT_QUIRKS] = "quirks",
    [FACT_KNOWN_FORM] = "known-form",
    [FACT_KNOWN] = "known",
};

static char *
name_of(const struct settings_account *settings, enum fact fact)
{
	return mem_format("%s %s:%u", names[fact],
	    settings->host == NULL ? "tunnel" : settings->host,
	    (unsigned)settings->port);
}

void
account_load_facts(struct state *state, const struct settings_account *settings,
    int64_t facts[FACT_COUNT])
{
	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		char *name = name_of(settings, fact);
		char *text = state_get_fact(state, name);

		facts[fact] = text == NULL ? 0 : strtoll(text, NULL, 10);
		mem_free(text);
		mem_free(name);
	}
}

static bool
still_holds(int64_t since)
{
	int64_t now = (int64_t)time(NULL);

	return since != 0 && since <= now && now - since < REFUSAL_LASTS;
}

void
account_use_facts(struct account *account)
{
	int64_t now = (int64_t)time(NULL);
	int64_t since = account->facts[FACT_IDLE_SINCE];
	int64_t seconds = account->facts[FACT_IDLE];

	account->no_list_status =
	    still_holds(account->facts[FACT_NO_LIST_STATUS]);
	account->no_notify = still_holds(account->facts[FACT_NO_NOTIFY]);
	account_use_quirks(account, (uint32_t)account->facts[FACT_QUIRKS]);
	account->idle_limit = 0;
	if (seconds <= 0 || seconds > 86400 || since > now)
		return;
	for (; now - since >= IDLE_DOUBLES && seconds <= 86400;
	     since += IDLE_DOUBLES)
		seconds *= 2;
	account->idle_limit = (uint64_t)seconds * SECOND;
}

/* ---- writing ---- */

struct saving {
	struct account *account;
	int64_t facts[FACT_COUNT];
};

static void
save_work(void *data)
{
	struct saving *saving = data;
	const struct account *account = saving->account;
	struct imap_error error = {0};

	/* what cannot be remembered is learned again */
	for (enum fact fact = 0; fact < FACT_COUNT; fact++) {
		char *name = name_of(account->settings, fact);
		char text[32];

		(void)snprintf(
		    text, sizeof(text), "%" PRId64, saving->facts[fact]);
		(void)state_set_fact(account->state, name,
		    saving->facts[fact] == 0 ? NULL : text, &error);
		mem_free(name);
	}
}

static void
save_done(void *data)
{
	struct saving *saving = data;

	saving->account->jobs--;
	account_changed(saving->account);
	mem_free(saving);
}

static void
save(struct account *account)
{
	struct saving *saving;

	if (account->state == NULL)
		return;
	saving = mem_new(struct saving);
	saving->account = account;
	memcpy(saving->facts, account->facts, sizeof(saving->facts));
	account->jobs++;
	(void)job_submit(account->config.disk, save_work, save_done, saving);
}

static void
note_refusal(struct account *account, enum fact fact, bool is_so)
{
	if (is_so && !still_holds(account->facts[fact]))
		account->facts[fact] = (int64_t)time(NULL);
}

void
account_note_facts(struct account *account)
{
	note_refusal(account, FACT_NO_LIST_STATUS, account->no_list_status);
	note_refusal(account, FACT_NO_NOTIFY, account->no_notify);
	account->facts[FACT_QUIRKS] = account->quirks;
	save(account);
}

/* ---- the idle time ---- */

uint64_t
account_idle_refresh(const struct account *account)
{
	uint64_t most = account->settings->idle_refresh;

	if ((account->quirks & QUIRK_SHORT_IDLE) != 0 && QUIRK_IDLE_MAX < most)
		most = QUIRK_IDLE_MAX;
	return account->idle_limit != 0 && account->idle_limit < most
	    ? account->idle_limit
	    : most;
}

void
account_learn_silence(struct account *account, uint64_t silence)
{
	uint64_t next = silence / 2 < IDLE_LEAST ? IDLE_LEAST : silence / 2;

	if (silence < SILENCE_LEAST || next >= account_idle_refresh(account))
		return;
	account->idle_limit = next;
	account->facts[FACT_IDLE] = (int64_t)(next / SECOND);
	account->facts[FACT_IDLE_SINCE] = (int64_t)time(NULL);
	log_notice(&account->subject,
	    "the connection died in a silence of %" PRIu64
	    " s: IDLE is renewed every %" PRIu64 " s from now on",
	    silence / SECOND, next / SECOND);
	save(account);
}
