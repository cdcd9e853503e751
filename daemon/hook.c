/*
 * From a change to its command: it waits for the burst, then for its turn, is
 * listed on the disk lane, and runs.
 */
#include "daemon/hook.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "daemon/hook_list.h"
#include "daemon/log.h"
#include "libclient/base/mem.h"
#include "libclient/burst.h"
#include "libclient/io/clock.h"

/* What is kept of a command's output, for the log. */
#define OUTPUT_MAX 8192

/* A folder that never comes to rest: so many times the longest burst, since
 * what follows a first arrival is a burst of its own. */
#define BURSTS 2

/* How soon a list that could not be written is tried again. */
#define LIST_AGAIN UINT64_C(60000000)

/* When the program ends: what is left to a command, and to its end. */
#define STOP_TIME  UINT64_C(1500000)
#define STOP_GRACE UINT64_C(1000000)

/* A folder that changed. */
struct concern {
	struct concern *next;
	char *name;
	char *path;
	char *host;
	struct hook_news news;
	struct burst burst;
	bool is_busy;
	uint64_t not_before; /* 0: any time will do */
};

struct hook {
	struct hook_config config;
	char *account;
	char *command;
	char *state_dir;
	uint64_t interval;
	uint64_t max_wait;
	struct concern *waiting;
	struct concern *current; /* it is listed, or its command runs */
	struct listing *listing; /* its job, until that is done */
	struct job *job;
	struct runner_task *task;
	sd_event_source *timer; /* the next one is due, or `current` is */
	bool is_flushed;
	bool is_stopped;
};

/* What the disk lane needs and gives; borrows from the concern. */
struct listing {
	struct hook *hook; /* NULL: it was freed */
	struct concern *concern;
	struct hook_list list;
	char *state_dir;
	int file; /* 0: there is nothing to be listed */
	uint32_t count;
	struct imap_error error;
};

static void look(struct hook *hook);

/* ---- folders ---- */

static struct concern *
free_concern(struct concern *concern)
{
	if (concern == NULL)
		return NULL;
	hook_news_free(&concern->news);
	mem_free(concern->name);
	mem_free(concern->path);
	mem_free(concern->host);
	return mem_free(concern);
}

static struct concern *
find_concern(const struct hook *hook, const char *path)
{
	struct concern *concern = hook->waiting;

	while (concern != NULL && strcmp(concern->path, path) != 0)
		concern = concern->next;
	return concern;
}

static void
take_concern(struct hook *hook, struct concern *concern)
{
	struct concern **link = &hook->waiting;

	while (*link != concern)
		link = &(*link)->next;
	*link = concern->next;
	concern->next = NULL;
}

static struct concern *
add_concern(struct hook *hook, const struct hook_subject *subject)
{
	struct concern *concern = mem_new(struct concern);

	concern->name = mem_copy_string(subject->name);
	concern->path = mem_copy_string(subject->path);
	concern->host = mem_copy_string(subject->host);
	concern->next = hook->waiting;
	hook->waiting = concern;
	return concern;
}

static uint64_t
due_at(const struct hook *hook, const struct concern *concern)
{
	struct burst burst = concern->burst;
	uint64_t at;

	if (hook->is_flushed)
		return 0;
	burst.interval = concern->is_busy ? UINT32_MAX : hook->interval;
	burst.max_wait = BURSTS * hook->max_wait;
	at = burst_end(&burst);
	return at > concern->not_before ? at : concern->not_before;
}

/* The one that is due first, or NULL. */
static struct concern *
first_due(const struct hook *hook)
{
	struct concern *first = hook->waiting;

	for (struct concern *other = first; other != NULL; other = other->next)
		if (due_at(hook, other) < due_at(hook, first))
			first = other;
	return first;
}

/* ---- the end of a command ---- */

static void
finish(struct hook *hook)
{
	hook->current = free_concern(hook->current);
	look(hook);
}

static void
log_output(const struct log_subject *subject, struct span output, bool is_bad)
{
	while (output.len > 0) {
		const char *end = memchr(output.at, '\n', output.len);
		size_t len =
		    end == NULL ? output.len : (size_t)(end - output.at);

		if (len > 0 && is_bad)
			log_warning(
			    subject, "on_change: %.*s", (int)len, output.at);
		else if (len > 0)
			log_debug(
			    subject, "on_change: %.*s", (int)len, output.at);
		output = span_from(output, len + (end != NULL));
	}
}

static void
on_ended(void *user, const struct child_report *report)
{
	struct hook *hook = user;
	struct log_subject subject = {
	    .account = hook->account, .folder = hook->current->name};
	bool is_bad = report->end != CHILD_EXITED || report->number != 0;
	char *end = is_bad ? child_describe(report) : NULL;

	hook->task = NULL; /* it ends with this call */
	if (is_bad && hook->is_stopped)
		log_info(&subject, "on_change %s: ending", end);
	else if (is_bad)
		log_warning(&subject, "on_change %s", end);
	else
		log_debug(&subject, "on_change has ended");
	log_output(&subject, report->output, is_bad && !hook->is_stopped);
	(void)mem_free(end);
	finish(hook);
}

/* ---- its beginning ---- */

/* Its variables; those without a value are between systemd and us, and lead to
 * our secrets. To be freed, with the first six. */
enum { OWN_VARIABLES = 6 };

static void
make_variables(const struct hook *hook, const struct listing *listing,
    char *own[OWN_VARIABLES])
{
	const struct concern *concern = hook->current;

	own[0] = mem_format("MAILMIRROR_ACCOUNT=%s", hook->account);
	own[1] = mem_format("MAILMIRROR_FOLDER=%s", concern->name);
	own[2] = mem_format("MAILMIRROR_PATH=%s", concern->path);
	own[3] = mem_format("MAILMIRROR_NEW=%" PRIu32, listing->count);
	own[4] = mem_format("MAILMIRROR_REMOVED=%" PRIu64,
	    uidset_count(&concern->news.removed));
	own[5] = mem_format("MAILMIRROR_FLAGGED=%" PRIu64,
	    uidset_count(&concern->news.reflagged));
}

static void
run(struct hook *hook, const struct listing *listing)
{
	char *own[OWN_VARIABLES];
	const char *variables[] = {NULL, NULL, NULL, NULL, NULL, NULL,
	    "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_PID",
	    "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
	    NULL};
	struct child_order order = {
	    .command = hook->command,
	    .variables = variables,
	    .input = listing->file,
	    .merges_errors = true,
	    .output_limit = OUTPUT_MAX,
	    .timeout = hook->config.timeout,
	    .grace = hook->config.grace,
	};

	make_variables(hook, listing, own);
	memcpy(variables, own, sizeof(own));
	hook->task = runner_run(hook->config.runner, &order, on_ended, hook);
	for (int i = 0; i < OWN_VARIABLES; i++)
		mem_free(own[i]);
}

static void
free_listing(void *data)
{
	struct listing *listing = data;

	if (listing->file > 0)
		(void)close(listing->file);
	if (listing->hook == NULL)
		(void)free_concern(listing->concern);
	mem_free(listing->state_dir);
	mem_free(listing);
}

static void
work_listing(void *data)
{
	struct listing *listing = data;

	if (!uidset_is_empty(listing->list.uids))
		listing->file = hook_list_write(
		    &listing->list, &listing->count, &listing->error);
}

/* What could not be listed waits, with what changes until then. */
static void
put_back(struct hook *hook)
{
	struct concern *concern = hook->current;
	struct concern *later = find_concern(hook, concern->path);

	hook->current = NULL;
	if (later != NULL) {
		take_concern(hook, later);
		hook_news_follow(&concern->news, &later->news);
		(void)free_concern(later);
	}
	concern->not_before = clock_now() + LIST_AGAIN;
	concern->is_busy = false;
	concern->next = hook->waiting;
	hook->waiting = concern;
}

static bool
has_news(const struct hook *hook, const struct listing *listing)
{
	const struct hook_news *news = &hook->current->news;

	return listing->count > 0 || news->has_moved ||
	    !uidset_is_empty(&news->removed) ||
	    !uidset_is_empty(&news->reflagged);
}

static void
on_listed(void *data)
{
	struct listing *listing = data;
	struct hook *hook = listing->hook;
	struct log_subject subject = {
	    .account = hook->account, .folder = hook->current->name};

	hook->job = NULL;
	hook->listing = NULL;
	if (listing->file == -1) {
		log_warning(&subject, "%s", listing->error.text);
		if (!hook->is_flushed && !hook->is_stopped)
			put_back(hook);
	} else if (!hook->is_stopped && hook->command != NULL &&
	    has_news(hook, listing)) {
		run(hook, listing);
	}
	free_listing(listing);
	if (hook->task == NULL)
		finish(hook);
}

static void
begin(struct hook *hook, struct concern *concern)
{
	struct listing *listing = mem_new(struct listing);

	take_concern(hook, concern);
	hook->current = concern;
	hook->listing = listing;
	listing->hook = hook;
	listing->concern = concern;
	listing->state_dir = mem_copy_string(hook->state_dir);
	listing->list = (struct hook_list){
	    .path = concern->path,
	    .directory = listing->state_dir,
	    .identity = {.uidvalidity = concern->news.uidvalidity,
		.host = concern->host},
	    .uids = &concern->news.arrived,
	    .known = concern->news.known,
	    .known_count =
		concern->news.knows_all ? concern->news.known_count : 0,
	};
	hook->job =
	    job_submit(hook->config.disk, work_listing, on_listed, listing);
}

/* ---- whose turn it is ---- */

static void
arm(struct hook *hook, uint64_t at)
{
	(void)sd_event_source_set_time(hook->timer, at);
	(void)sd_event_source_set_enabled(hook->timer, SD_EVENT_ONESHOT);
}

static void
look(struct hook *hook)
{
	struct concern *concern = first_due(hook);

	if (hook->current != NULL)
		return;
	(void)sd_event_source_set_enabled(hook->timer, SD_EVENT_OFF);
	if (concern != NULL)
		arm(hook, due_at(hook, concern));
	else
		hook->config.idle(hook->config.user);
}

static int
on_timer(sd_event_source *source, uint64_t at, void *user)
{
	struct hook *hook = user;

	(void)source;
	(void)at;
	if (hook->task != NULL)
		runner_hurry(hook->task, STOP_GRACE);
	else if (hook->current == NULL && hook->waiting != NULL)
		begin(hook, first_due(hook));
	return 0;
}

/* ---- */

void
hook_note(struct hook *hook, const struct hook_subject *subject,
    struct hook_news *news)
{
	struct concern *concern;

	if (hook == NULL || hook->command == NULL || hook->is_stopped) {
		hook_news_free(news);
		return;
	}
	concern = find_concern(hook, subject->path);
	if (concern == NULL)
		concern = add_concern(hook, subject);
	hook_news_follow(&concern->news, news);
	burst_note(&concern->burst, clock_now());
	concern->is_busy = true;
	look(hook);
}

void
hook_note_rest(struct hook *hook, const char *name, bool is_at_rest)
{
	if (hook == NULL || hook->waiting == NULL)
		return;
	for (struct concern *concern = hook->waiting; concern != NULL;
	     concern = concern->next)
		if (strcmp(concern->name, name) == 0)
			concern->is_busy = !is_at_rest;
	look(hook);
}

void
hook_flush(struct hook *hook)
{
	if (hook == NULL || hook->is_flushed)
		return;
	hook->is_flushed = true;
	look(hook);
}

static void
forget_waiting(struct hook *hook)
{
	struct concern *concern;

	while ((concern = hook->waiting) != NULL) {
		hook->waiting = concern->next;
		(void)free_concern(concern);
	}
}

void
hook_stop(struct hook *hook)
{
	struct log_subject subject = {0};

	if (hook == NULL || hook->is_stopped)
		return;
	subject.account = hook->account;
	hook->is_stopped = true;
	for (const struct concern *concern = hook->waiting; concern != NULL;
	     concern = concern->next) {
		subject.folder = concern->name;
		log_info(&subject, "on_change is not run any more: ending");
	}
	forget_waiting(hook);
	if (hook->task != NULL)
		arm(hook, clock_now() + STOP_TIME);
	else
		look(hook);
}

bool
hook_is_idle(const struct hook *hook)
{
	return hook == NULL || (hook->current == NULL && hook->waiting == NULL);
}

const char *
hook_account(const struct hook *hook)
{
	return hook->account;
}

/* ---- life ---- */

void
hook_configure(struct hook *hook, const struct hook_settings *settings)
{
	mem_free(hook->command);
	mem_free(hook->state_dir);
	hook->command = settings->command == NULL
	    ? NULL
	    : mem_copy_string(settings->command);
	hook->state_dir = mem_copy_string(settings->state_dir);
	hook->interval = settings->burst_interval;
	hook->max_wait = settings->burst_max_wait;
	hook->is_flushed = false;
	if (hook->command == NULL)
		forget_waiting(hook);
	look(hook);
}

struct hook *
hook_new(const struct hook_config *config)
{
	struct hook *hook = mem_new(struct hook);

	hook->config = *config;
	hook->account = mem_copy_string(config->account);
	(void)sd_event_add_time(config->loop, &hook->timer, CLOCK_BOOTTIME, 0,
	    1000, on_timer, hook);
	(void)sd_event_source_set_enabled(hook->timer, SD_EVENT_OFF);
	return hook;
}

struct hook *
hook_free(struct hook *hook)
{
	if (hook == NULL)
		return NULL;
	hook->timer = sd_event_source_disable_unref(hook->timer);
	hook->task = runner_cancel(hook->task);
	if (hook->job != NULL) {
		hook->listing->hook = NULL;
		hook->current = NULL;
		job_cancel(hook->job, free_listing, true);
	}
	hook->current = free_concern(hook->current);
	forget_waiting(hook);
	mem_free(hook->account);
	mem_free(hook->command);
	mem_free(hook->state_dir);
	return mem_free(hook);
}
