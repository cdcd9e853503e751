/*
 * How much a folder is to fetch, and how much of that has come: only for who
 * watches it. For the files of a folder.
 */
#ifndef DAEMON_FOLDER_PROGRESS_H
#define DAEMON_FOLDER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "libclient/wire/uidset.h"

struct folder;

/* Counts go on from one comparison to the next; all zero is nothing. */
struct folder_goal {
	bool is_set; /* a comparison has told */
	uint64_t messages; /* that will have come when all has */
	uint64_t messages_before; /* had come when that was found out */
	uint64_t weighed; /* how many of the rest have a known size */
	uint64_t weighed_bytes;
	uint64_t bytes; /* of messages that have come */
	uint64_t bytes_before;
};

/* A comparison wants these fetched. */
void folder_goal_set(struct folder *folder, const struct uidset *fetch);

/* The server told the size of one of them. */
void folder_goal_weigh(struct folder *folder, uint64_t size);
/* Sizes will be told anew. */
void folder_goal_forget_sizes(struct folder *folder);

/* One of them has come, or is not to come. */
void folder_goal_arrive(struct folder *folder, uint64_t size);
void folder_goal_leave_out(struct folder *folder);

#endif
