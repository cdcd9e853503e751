/*
 * Helper lanes: one thread each, for what can block (disk, name look-ups).
 * Completions run on the loop, in the order of submission; those of a wide
 * lane, as the work ends.
 */
#ifndef LIBCLIENT_IO_JOB_H
#define LIBCLIENT_IO_JOB_H

#include <stdbool.h>

#include <systemd/sd-event.h>

struct job_lane;
struct job;

/*
 * Starts a lane whose completions run on the loop; the thread blocks all
 * signals and is called name (at most 15 characters). NULL and errno if there
 * is no thread or no descriptor to be had.
 */
struct job_lane *job_lane_new(sd_event *loop, const char *name);

/*
 * The same with up to so many threads at a time, so that a job that takes long
 * holds up nobody; those beyond the first live while there is work for them.
 */
struct job_lane *job_lane_new_wide(
    sd_event *loop, const char *name, unsigned threads);

/*
 * Ends the lane: running jobs are waited for, queued ones are run to their
 * end too, no completion is delivered any more; only what was cancelled is
 * still dropped. Owners go first: afterwards there is no job to cancel. May be
 * called from a completion. NULL ok; returns NULL.
 */
struct job_lane *job_lane_free(struct job_lane *lane);

/*
 * Runs work(data) on the lane's thread, then done(data) on the loop. data
 * belongs to the job until then. Never completes inside the call.
 */
struct job *job_submit(struct job_lane *lane, void (*work)(void *data),
    void (*done)(void *data), void *data);

/*
 * The owner goes away: done is not called; instead drop(data) is, on the
 * loop, after the work ended (work that has not begun is skipped, if
 * skip_work is true). NULL job is ignored.
 */
void job_cancel(struct job *job, void (*drop)(void *data), bool skip_work);

#endif
