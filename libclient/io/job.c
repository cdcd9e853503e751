/*
 * A helper lane: a thread, or several, that work a queue, and an eventfd by
 * which they tell the loop that something is finished. The lane's mutex guards
 * the two queues and the skip marks; done, drop and the lane's flags belong to
 * the loop's thread alone.
 */
#include "libclient/io/job.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "libclient/base/mem.h"

enum { THREAD_NAME_SIZE = 16 }; /* the kernel's, with its NUL */

struct job {
	struct job *next;
	struct job_lane *lane;
	void (*work)(void *data);
	void (*done)(void *data); /* NULL once cancelled */
	void (*drop)(void *data);
	void *data;
	bool is_skipped; /* under the lane's mutex */
};

struct queue {
	struct job *first;
	struct job **end;
};

struct job_lane {
	pthread_t thread; /* the first */
	char name[THREAD_NAME_SIZE];
	unsigned width; /* threads at most */
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	pthread_cond_t ended; /* no thread is left but the first */
	unsigned extra; /* threads beside the first; under the mutex */
	unsigned due; /* threads that will take a job; under the mutex */
	unsigned queued; /* jobs that wait; under the mutex */
	struct queue waiting; /* under the mutex */
	struct queue finished; /* under the mutex */
	bool is_ending; /* under the mutex */
	int eventfd;
	sd_event_source *source;
	struct queue completing; /* being told to their owners */
	bool is_completing;
	bool is_freed; /* inside a completion */
};

static void
queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void
queue_add(struct queue *queue, struct job *job)
{
	job->next = NULL;
	*queue->end = job;
	queue->end = &job->next;
}

static struct job *
queue_take(struct queue *queue)
{
	struct job *job = queue->first;

	if (job == NULL)
		return NULL;
	queue->first = job->next;
	if (queue->first == NULL)
		queue->end = &queue->first;
	return job;
}

/* Appends everything that is in more, and empties it. */
static void
queue_append(struct queue *queue, struct queue *more)
{
	if (more->first == NULL)
		return;
	*queue->end = more->first;
	queue->end = more->end;
	queue_init(more);
}

static void
tell_loop(struct job_lane *lane)
{
	const uint64_t one = 1;

	/* It can only fail when the counter is full: then the loop knows. */
	(void)!write(lane->eventfd, &one, sizeof(one));
}

/* Works until there is nothing to do; under the mutex. */
static void
work_off(struct job_lane *lane)
{
	struct job *job;
	bool is_first;

	while ((job = queue_take(&lane->waiting)) != NULL) {
		lane->queued--;
		if (!job->is_skipped) {
			pthread_mutex_unlock(&lane->mutex);
			job->work(job->data);
			pthread_mutex_lock(&lane->mutex);
		}
		is_first = lane->finished.first == NULL;
		queue_add(&lane->finished, job);
		if (is_first)
			tell_loop(lane);
	}
}

static void *
run_lane(void *user)
{
	struct job_lane *lane = user;

	(void)pthread_setname_np(pthread_self(), lane->name);
	pthread_mutex_lock(&lane->mutex);
	for (;;) {
		lane->due++;
		while (lane->waiting.first == NULL && !lane->is_ending)
			pthread_cond_wait(&lane->wake, &lane->mutex);
		lane->due--;
		if (lane->waiting.first == NULL)
			break;
		work_off(lane);
	}
	pthread_mutex_unlock(&lane->mutex);
	return NULL;
}

static void *
run_extra(void *user)
{
	struct job_lane *lane = user;

	(void)pthread_setname_np(pthread_self(), lane->name);
	pthread_mutex_lock(&lane->mutex);
	lane->due--;
	work_off(lane);
	if (--lane->extra == 0)
		pthread_cond_signal(&lane->ended);
	pthread_mutex_unlock(&lane->mutex);
	return NULL;
}

static void
complete(struct job *job)
{
	void (*tell)(void *) = job->done != NULL ? job->done : job->drop;
	void *data = job->data;

	/* Freed first: the job ends with this call, whatever happens in it. */
	mem_free(job);
	if (tell != NULL)
		tell(data);
}

static void
destroy_lane(struct job_lane *lane)
{
	pthread_cond_destroy(&lane->wake);
	pthread_cond_destroy(&lane->ended);
	pthread_mutex_destroy(&lane->mutex);
	mem_free(lane);
}

static int
on_finished(sd_event_source *source, int fd, uint32_t revents, void *user)
{
	struct job_lane *lane = user;
	struct job *job;
	uint64_t count;

	(void)source;
	(void)revents;
	(void)!read(fd, &count, sizeof(count));
	pthread_mutex_lock(&lane->mutex);
	queue_append(&lane->completing, &lane->finished);
	pthread_mutex_unlock(&lane->mutex);

	lane->is_completing = true;
	while ((job = queue_take(&lane->completing)) != NULL)
		complete(job);
	lane->is_completing = false;
	if (lane->is_freed)
		destroy_lane(lane);
	return 0;
}

/* Starts a thread that no signal reaches. */
static bool
start_thread(struct job_lane *lane, void *(*run)(void *), pthread_t *thread)
{
	sigset_t all;
	sigset_t before;
	int fault;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	fault = pthread_create(thread, NULL, run, lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return fault == 0;
}

/* One more, if a job would else have to wait; under the mutex. */
static void
start_extra(struct job_lane *lane)
{
	pthread_t thread;

	if (lane->queued <= lane->due || lane->extra + 1 >= lane->width ||
	    !start_thread(lane, run_extra, &thread))
		return;
	(void)pthread_detach(thread);
	lane->extra++;
	lane->due++;
}

struct job_lane *
job_lane_new(sd_event *loop, const char *name)
{
	return job_lane_new_wide(loop, name, 1);
}

struct job_lane *
job_lane_new_wide(sd_event *loop, const char *name, unsigned threads)
{
	struct job_lane *lane = mem_new(struct job_lane);
	int result;

	(void)snprintf(lane->name, sizeof(lane->name), "%s", name);
	lane->width = threads;
	queue_init(&lane->waiting);
	queue_init(&lane->finished);
	queue_init(&lane->completing);
	if (pthread_mutex_init(&lane->mutex, NULL) != 0 ||
	    pthread_cond_init(&lane->wake, NULL) != 0 ||
	    pthread_cond_init(&lane->ended, NULL) != 0)
		abort();
	lane->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	result = lane->eventfd < 0
	    ? -errno
	    : sd_event_add_io(loop, &lane->source, lane->eventfd, EPOLLIN,
		  on_finished, lane);
	if (result >= 0 && !start_thread(lane, run_lane, &lane->thread))
		result = -EAGAIN;
	if (result >= 0)
		return lane;
	lane->source = sd_event_source_disable_unref(lane->source);
	if (lane->eventfd >= 0)
		close(lane->eventfd);
	destroy_lane(lane);
	errno = -result;
	return NULL;
}

struct job_lane *
job_lane_free(struct job_lane *lane)
{
	struct job *job;

	if (lane == NULL)
		return NULL;
	pthread_mutex_lock(&lane->mutex);
	lane->is_ending = true;
	pthread_cond_signal(&lane->wake);
	pthread_mutex_unlock(&lane->mutex);
	pthread_join(lane->thread, NULL);
	pthread_mutex_lock(&lane->mutex);
	while (lane->extra > 0)
		pthread_cond_wait(&lane->ended, &lane->mutex);
	pthread_mutex_unlock(&lane->mutex);

	lane->source = sd_event_source_disable_unref(lane->source);
	close(lane->eventfd);
	queue_append(&lane->completing, &lane->finished);
	while ((job = queue_take(&lane->completing)) != NULL) {
		job->done = NULL;
		complete(job);
	}
	if (lane->is_completing)
		lane->is_freed = true;
	else
		destroy_lane(lane);
	return NULL;
}

struct job *
job_submit(struct job_lane *lane, void (*work)(void *data),
    void (*done)(void *data), void *data)
{
	struct job *job = mem_new(struct job);

	job->lane = lane;
	job->work = work;
	job->done = done;
	job->data = data;
	pthread_mutex_lock(&lane->mutex);
	assert(!lane->is_ending);
	queue_add(&lane->waiting, job);
	lane->queued++;
	pthread_cond_signal(&lane->wake);
	start_extra(lane);
	pthread_mutex_unlock(&lane->mutex);
	return job;
}

void
job_cancel(struct job *job, void (*drop)(void *data), bool skip_work)
{
	if (job == NULL)
		return;
	job->done = NULL;
	job->drop = drop;
	if (!skip_work)
		return;
	pthread_mutex_lock(&job->lane->mutex);
	job->is_skipped = true;
	pthread_mutex_unlock(&job->lane->mutex);
}
