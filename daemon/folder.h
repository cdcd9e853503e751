/*
 * One mirrored folder: a mailbox, its Maildir and the watcher between them.
 */
#ifndef DAEMON_FOLDER_H
#define DAEMON_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-event.h>

#include "conf/settings.h"
#include "daemon/hook_news.h"
#include "daemon/mailboxes.h"
#include "daemon/maildir.h"
#include "daemon/state.h"
#include "daemon/watcher.h"
#include "libclient/imap.h"

struct folder;

/* What a folder asks of its account. */
struct folder_host {
	/* It wants a connection: folder_opened() is to follow. */
	void (*want)(void *user, struct folder *folder);
	/* It has no more use for its connection, or waits for none. */
	void (*release)(void *user, struct folder *folder);
	/* A hand (folder_hand.h) has ended, and its connection is free. */
	void (*hand_back)(void *user, struct imap *imap);
	/* The server does not open its mailbox: is it still there? */
	void (*missed)(void *user, struct folder *folder);
	/* A mask of enum quirk: what the server does in its own way. */
	uint32_t (*quirks)(void *user);
	/* Its state changed: for the status, and for who waits for its end. */
	void (*changed)(void *user, struct folder *folder);
	/* Its Maildir changed; *news is emptied. */
	void (*news)(void *user, const struct hook_subject *subject,
	    struct hook_news *news);
	/* How long an IDLE may last: as set, or less, as was learned. */
	uint64_t (*idle_refresh)(void *user);
};

struct folder_config {
	sd_event *loop;
	struct job_lane *disk;
	const struct settings_account *settings;
	struct maildir_root *root;
	struct state *state; /* used on the disk lane */
	const struct folder_host *host;
	void *host_user;
	bool runs_once; /* ends when it is the same as the server's */
	bool accepts_deletes; /* delete_guard is overruled */
};

/* The mailbox as LIST described it; copied. */
struct folder_mailbox {
	struct span bytes; /* as commands take it */
	struct span name; /* for people: UTF-8 */
	bool is_valid; /* the name was valid modified UTF-7 or UTF-8 */
	char delimiter;
	unsigned flags; /* enum imap_list_flag */
};

/* What it did since it was made. */
struct folder_tally {
	uint64_t fetched; /* messages */
	uint64_t removed;
	uint64_t reflagged;
	uint32_t newest; /* UID of the last one fetched */
	int64_t changed_at; /* Unix time; 0: never */
	int64_t checked_at; /* when it was last the same as the server's */
};

/* For status and summary. */
struct folder_report {
	const char *name;
	const char *path; /* NULL: not opened yet */
	enum watcher_state state;
	enum mailbox_watch watch;
	bool is_gone; /* from the server */
	bool is_synced; /* was equal to the server's at least once */
	bool is_held; /* by delete_guard */
	uint32_t messages;
	uint64_t behind; /* messages that are known and not yet here */
	struct folder_tally tally;
	const struct imap_error *error; /* NULL: none */
};

/* How far fetching has come since the folder was made: messages, and bytes,
 * which are a guess where the server does not tell sizes. */
struct folder_progress {
	bool is_known; /* a comparison has told what is to come */
	uint64_t done;
	uint64_t total;
	uint64_t bytes_done;
	uint64_t bytes_total; /* 0: nobody knows */
};

struct folder *folder_new(
    const struct folder_config *config, const struct folder_mailbox *mailbox);

/* Only when folder_is_quiet(); NULL ok; returns NULL. */
struct folder *folder_free(struct folder *folder);

/* Whether it has an IDLE of its own or is polled; before or while it runs. */
void folder_set_idle(struct folder *folder, bool has_idle);
/* The same, and what is said of it: NOTIFY is the account's affair. */
void folder_set_watch(struct folder *folder, enum mailbox_watch watch);
/* The server has it no more, or again: only for who asks. */
void folder_set_gone(struct folder *folder, bool is_gone);

/* Starts it, or has it look again now. */
void folder_wake(struct folder *folder);
/* Wakes it if STATUS, or a part of it, shows what it does not know yet. */
void folder_polled(struct folder *folder, const struct imap_status *status);
/* To open its mailbox once more costs no listing of all messages. */
bool folder_reopens_cheaply(const struct folder *folder);
/* Asks it to give up its connection if it only idles. */
void folder_yield(struct folder *folder);
/* Ends it; folder_is_quiet() comes true once the disk is at rest. */
void folder_stop(struct folder *folder);
bool folder_is_quiet(const struct folder *folder);

/* A connection is its own from now until it releases it. */
void folder_opened(struct folder *folder, struct imap *imap);
/* An event of that connection (IMAP_CLOSED excepted). */
void folder_event(struct folder *folder, const struct imap_event *event);
/* The connection is gone, or none can be had. is_final: do not try again. */
void folder_lost(
    struct folder *folder, const struct imap_error *error, bool is_final);

/* The connection is taken away without a word: the folder is ending. */
void folder_detach(struct folder *folder);

struct folder_report folder_report(const struct folder *folder);
struct folder_progress folder_progress(const struct folder *folder);
struct span folder_mailbox_bytes(const struct folder *folder);

#endif
