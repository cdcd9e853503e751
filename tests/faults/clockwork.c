/*
 * Preloaded into the program under test: sets its clocks. A FIFO brings two
 * numbers of nanoseconds at a time, and from then on CLOCK_REALTIME and
 * CLOCK_BOOTTIME are ahead of the machine's by so much. To wake up from a
 * sleep is to have the second one jump while CLOCK_MONOTONIC does not: timers
 * on it that are due by then end at once, as the kernel's do.
 *
 * CLOCKWORK_FIFO  where the numbers come from
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND	   INT64_C(1000000000)
#define TIMERS_MAX 64

struct setting {
	int64_t realtime;
	int64_t boottime;
};

/* What a timer on CLOCK_BOOTTIME was set to, as the program sees it. */
struct timer {
	int fd;
	struct itimerspec set;
};

static struct setting setting;
static struct timer timers[TIMERS_MAX];
static unsigned timer_count;
static int told_of_steps = -1; /* TFD_TIMER_CANCEL_ON_SET */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int fifo;

/* The next definition of a function, which is libc's. */
#define REAL(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

static void
shift(struct timespec *time, int64_t by)
{
	int64_t all = time->tv_sec * SECOND + time->tv_nsec + by;

	/* 0 would disarm a timer, and below it is an error */
	if (all < 1)
		all = 1;
	time->tv_sec = all / SECOND;
	time->tv_nsec = all % SECOND;
}

static int
arm(const struct timer *timer)
{
	struct itimerspec real = timer->set;

	if (real.it_value.tv_sec != 0 || real.it_value.tv_nsec != 0)
		shift(&real.it_value, -setting.boottime);
	return REAL(timerfd_settime)(timer->fd, TFD_TIMER_ABSTIME, &real, NULL);
}

static void *
listen_to_fifo(void *user)
{
	static const struct itimerspec at_once = {.it_value.tv_nsec = 1};
	struct setting next;

	(void)user;
	while (read(fifo, &next, sizeof(next)) == sizeof(next)) {
		bool is_step = next.realtime != setting.realtime;

		(void)pthread_mutex_lock(&lock);
		setting = next;
		for (unsigned i = 0; i < timer_count; i++)
			(void)arm(&timers[i]);
		if (told_of_steps >= 0 && is_step)
			(void)REAL(timerfd_settime)(
			    told_of_steps, 0, &at_once, NULL);
		(void)pthread_mutex_unlock(&lock);
	}
	return NULL;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("CLOCKWORK_FIFO");
	sigset_t all, old;
	pthread_t thread;

	/* read and write: it has no end, and opening it does not wait */
	fifo = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	if (fifo < 0 ||
	    read(fifo, &setting, sizeof(setting)) != sizeof(setting) ||
	    pthread_create(&thread, NULL, listen_to_fifo, NULL) != 0)
		_exit(126);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)unsetenv("CLOCKWORK_FIFO");
	(void)unsetenv("LD_PRELOAD");
}

/* ---- the clocks ---- */

int
clock_gettime(clockid_t clock, struct timespec *time)
{
	int result = REAL(clock_gettime)(clock, time);

	if (result != 0)
		return result;
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		shift(time, setting.realtime);
	else if (clock == CLOCK_BOOTTIME || clock == CLOCK_BOOTTIME_ALARM)
		shift(time, setting.boottime);
	return 0;
}

time_t
time(time_t *out)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

int
gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
	return 0;
}

/* ---- timers ---- */

int
timerfd_create(clockid_t clock, int flags)
{
	int fd = REAL(timerfd_create)(clock, flags);

	(void)pthread_mutex_lock(&lock);
	if (fd >= 0 && clock == CLOCK_BOOTTIME && timer_count < TIMERS_MAX)
		timers[timer_count++] = (struct timer){.fd = fd};
	(void)pthread_mutex_unlock(&lock);
	return fd;
}

int
timerfd_settime(
    int fd, int flags, const struct itimerspec *set, struct itimerspec *old)
{
	int result;
	unsigned i = 0;

	(void)pthread_mutex_lock(&lock);
	if ((flags & TFD_TIMER_CANCEL_ON_SET) != 0)
		told_of_steps = fd;
	while (i < timer_count && timers[i].fd != fd)
		i++;
	if (i == timer_count || (flags & TFD_TIMER_ABSTIME) == 0) {
		result = REAL(timerfd_settime)(fd, flags, set, old);
	} else {
		timers[i].set = *set;
		result = arm(&timers[i]);
	}
	(void)pthread_mutex_unlock(&lock);
	return result;
}
