/*
 * Sizes are told for some messages and not for others: those of the rest are
 * taken to be like them.
 */
#include "daemon/folder_progress.h"

#include "daemon/folder_private.h"

static uint64_t
count_done(const struct folder *folder)
{
	return folder->tally.fetched + uidset_count(&folder->arriving);
}

void
folder_goal_set(struct folder *folder, const struct uidset *fetch)
{
	struct folder_goal *goal = &folder->absent.goal;

	goal->is_set = true;
	goal->messages_before = count_done(folder);
	goal->messages = goal->messages_before + uidset_count(fetch);
	goal->bytes_before = goal->bytes;
}

void
folder_goal_weigh(struct folder *folder, uint64_t size)
{
	folder->absent.goal.weighed++;
	folder->absent.goal.weighed_bytes += size;
}

void
folder_goal_forget_sizes(struct folder *folder)
{
	folder->absent.goal.weighed = 0;
	folder->absent.goal.weighed_bytes = 0;
}

void
folder_goal_arrive(struct folder *folder, uint64_t size)
{
	folder->absent.goal.bytes += size;
}

void
folder_goal_leave_out(struct folder *folder)
{
	if (folder->absent.goal.messages > 0)
		folder->absent.goal.messages--;
}

/* The bytes of all that the last comparison wants; 0: nobody can say. */
static uint64_t
expected_bytes(const struct folder_goal *goal, uint64_t done)
{
	uint64_t count = goal->messages - goal->messages_before;
	uint64_t unweighed, mean = 0;

	if (goal->weighed > 0)
		mean = goal->weighed_bytes / goal->weighed;
	else if (done > 0)
		mean = goal->bytes / done;
	/* a server that says it twice */
	if (goal->weighed > count)
		return count * mean;
	unweighed = count - goal->weighed;
	return goal->weighed_bytes + unweighed * mean;
}

struct folder_progress
folder_progress(const struct folder *folder)
{
	const struct folder_goal *goal = &folder->absent.goal;
	uint64_t done = count_done(folder), expected, came;
	struct folder_progress progress = {
	    .is_known = goal->is_set || folder->is_synced,
	    .done = done,
	    .total = done,
	    .bytes_done = goal->bytes + folder_flow_received(&folder->flow) +
		folder_hands_received(folder),
	};

	progress.bytes_total = progress.bytes_done;
	if (goal->messages <= done)
		return progress;
	progress.total = goal->messages;
	expected = expected_bytes(goal, done);
	came = progress.bytes_done - goal->bytes_before;
	if (expected == 0)
		progress.bytes_total = 0;
	else if (expected > came)
		progress.bytes_total += expected - came;
	return progress;
}
