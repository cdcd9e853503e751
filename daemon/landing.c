/*
 * Pieces to files. A body is written as it comes, so that memory does not
 * grow with messages; nothing here makes a message visible.
 */
#include "daemon/landing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libclient/base/mem.h"

#define SCRATCH 65536

/* As long as most lines of mail (RFC 5322 section 2.1.1) with their end. */
#define LINE 80

/* From this size on, the disk begins to write a body before the commit. */
#define EARLY_WRITE_OUT 262144

void
landing_init(struct landing *landing, bool keeps_crlf)
{
	*landing = (struct landing){.keeps_crlf = keeps_crlf};
}

static void
close_body(struct landing_body *body)
{
	if (body->fd >= 0)
		(void)close(body->fd);
	*body = (struct landing_body){0};
}

static void
drop_body(struct landing *landing, struct landing_body *body)
{
	if (body->id == 0)
		return;
	maildir_remove_tmp(landing->maildir, body->tmp_name);
	close_body(body);
}

void
landing_drop_all(struct landing *landing, struct landing_bodies *bodies)
{
	for (int i = 0; i < LANDING_MAX_BODIES; i++)
		drop_body(landing, &bodies->items[i]);
}

void
landing_free(struct landing *landing)
{
	for (uint32_t i = 0; i < landing->arrival_count; i++)
		maildir_remove_tmp(
		    landing->maildir, landing->arrivals[i].tmp_name);
	mem_free(landing->arrivals);
	mem_free(landing->scratch);
	uidset_free(&landing->landed);
	landing_init(landing, landing->keeps_crlf);
}

static struct landing_body *
find_body(struct landing_bodies *bodies, uint32_t id)
{
	for (int i = 0; i < LANDING_MAX_BODIES; i++)
		if (bodies->items[i].id == id)
			return &bodies->items[i];
	return NULL;
}

static bool
disk_error(
    const struct landing *landing, const char *what, struct imap_error *error)
{
	return imap_error_set(error, IMAP_ERROR_LOCAL, "%s/tmp: %s: %s",
	    maildir_path(landing->maildir), what, strerror(errno));
}

static bool
write_all(struct landing *landing, int fd, struct span bytes,
    struct imap_error *error)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.at, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return disk_error(landing, "write", error);
		bytes = span_from(bytes, (size_t)n);
	}
	return true;
}

/*
 * Copies the first bytes; what follows them in out may be overwritten. Most
 * lines are short, and a copy of a known length is no call.
 */
static void
copy_line(char *out, struct span bytes, size_t len)
{
	if (len <= LINE && bytes.len >= LINE)
		memcpy(out, bytes.at, LINE);
	else
		memcpy(out, bytes.at, len);
}

/* Writes with CRLF made LF; a CR at the end waits for what follows it. */
static bool
write_lf(struct landing *landing, struct landing_body *body, struct span bytes,
    struct imap_error *error)
{
	size_t used = 0;

	if (landing->scratch == NULL)
		landing->scratch = mem_alloc(SCRATCH);
	while (bytes.len > 0) {
		const char *cr;
		size_t run;

		if (used > SCRATCH / 2) {
			if (!write_all(landing, body->fd,
				(struct span){landing->scratch, used}, error))
				return false;
			used = 0;
		}
		if (body->ends_in_cr) {
			body->ends_in_cr = false;
			if (bytes.at[0] != '\n')
				landing->scratch[used++] = '\r';
		}
		run = bytes.len < SCRATCH / 2 - 1 ? bytes.len : SCRATCH / 2 - 1;
		cr = memchr(bytes.at, '\r', run);
		if (cr != NULL) {
			run = (size_t)(cr - bytes.at);
			body->ends_in_cr = true;
		}
		copy_line(landing->scratch + used, bytes, run);
		used += run;
		bytes = span_from(bytes, run + (cr != NULL));
	}
	return write_all(
	    landing, body->fd, (struct span){landing->scratch, used}, error);
}

/* The body is all there, but for its time, which it does not tell. */
static bool
finish_body(struct landing *landing, struct landing_body *body,
    struct imap_error *error)
{
	if (body->ends_in_cr &&
	    !write_all(landing, body->fd, span_of("\r"), error))
		return false;
	body->ends_in_cr = false;
	if (body->total >= EARLY_WRITE_OUT)
		(void)sync_file_range(body->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return true;
}

bool
landing_piece(struct landing *landing, struct landing_bodies *bodies,
    uint32_t id, struct span piece, uint64_t total, struct imap_error *error)
{
	struct landing_body *body = find_body(bodies, id);
	bool ok;

	if (body == NULL) {
		body = find_body(bodies, 0);
		if (body == NULL) {
			/* nobody named the others: they are not wanted */
			landing_drop_all(landing, bodies);
			body = &bodies->items[0];
		}
		body->fd =
		    maildir_create_tmp(landing->maildir, body->tmp_name, error);
		if (body->fd < 0)
			return false;
		body->id = id;
		body->total = total;
	}
	body->received += piece.len;
	if (landing->keeps_crlf)
		ok = write_all(landing, body->fd, piece, error);
	else
		ok = write_lf(landing, body, piece, error);
	if (ok && body->received >= body->total)
		ok = finish_body(landing, body, error);
	if (!ok)
		drop_body(landing, body);
	return ok;
}

static struct maildir_arrival *
add_arrival(struct landing *landing)
{
	if (landing->arrival_count == landing->arrival_size) {
		landing->arrival_size = landing->arrival_size * 2 + 16;
		landing->arrivals = mem_resize(landing->arrivals,
		    landing->arrival_size, sizeof(*landing->arrivals));
	}
	landing->arrivals[landing->arrival_count].modseq = 0;
	return &landing->arrivals[landing->arrival_count++];
}

void
landing_add(struct landing *landing, const struct maildir_arrival *arrival)
{
	*add_arrival(landing) = *arrival;
	uidset_add(&landing->landed, arrival->message.uid);
}

void
landing_note_emailid(struct landing *landing, struct span emailid)
{
	struct maildir_arrival *arrival;

	if (landing->arrival_count == 0 ||
	    emailid.len >= MAILDIR_EMAILID_SIZE || emailid.len == 0)
		return;
	arrival = &landing->arrivals[landing->arrival_count - 1];
	memcpy(arrival->emailid, emailid.at, emailid.len);
	arrival->emailid[emailid.len] = '\0';
}

void
landing_note_modseq(struct landing *landing, uint64_t modseq)
{
	if (landing->arrival_count > 0)
		landing->arrivals[landing->arrival_count - 1].modseq = modseq;
}

/* Its time while it is open: by its name that would take longer. */
static bool
set_time(const struct landing_body *body, int64_t date)
{
	struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT}, maildir_time(date)};

	return futimens(body->fd, times) == 0;
}

/* False if the disk took the body only to lose it, as a remote one may. */
static bool
close_whole(struct landing_body *body)
{
	int fd = body->fd;

	body->fd = -1;
	return close(fd) == 0;
}

bool
landing_name(struct landing *landing, struct landing_bodies *bodies,
    uint32_t id, const struct maildir_message *message)
{
	struct landing_body *body = id == 0 ? NULL : find_body(bodies, id);
	struct maildir_arrival *arrival;
	bool has_time;

	if (body == NULL)
		return false;
	if (body->received != body->total ||
	    uidset_contains(&landing->landed, message->uid)) {
		drop_body(landing, body);
		return false;
	}
	has_time = set_time(body, message->date);
	if (!close_whole(body)) {
		drop_body(landing, body);
		return false;
	}
	arrival = add_arrival(landing);
	arrival->message = *message;
	arrival->has_time = has_time;
	arrival->emailid[0] = '\0';
	memcpy(arrival->tmp_name, body->tmp_name, sizeof(arrival->tmp_name));
	uidset_add(&landing->landed, message->uid);
	landing->arrival_bytes += body->total;
	close_body(body);
	return true;
}

void
landing_drop(
    struct landing *landing, struct landing_bodies *bodies, uint32_t id)
{
	struct landing_body *body = id == 0 ? NULL : find_body(bodies, id);

	if (body != NULL)
		drop_body(landing, body);
}

uint32_t
landing_take(struct landing *landing, struct maildir_arrival **arrivals)
{
	uint32_t count = landing->arrival_count;

	*arrivals = landing->arrivals;
	landing->arrivals = NULL;
	landing->arrival_count = 0;
	landing->arrival_size = 0;
	landing->arrival_bytes = 0;
	uidset_free(&landing->landed);
	return count;
}
