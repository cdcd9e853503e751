/*
 * File names of messages: SECONDS.VUIDVALIDITY.HOST,U=UID,S=SIZE[:2,FLAGS].
 * Written for ours, read for anybody's: mail readers rename and copy files.
 */
#include "daemon/maildir_name.h"

#include <string.h>

#include "daemon/index.h"
#include "libclient/base/buf.h"

/* The letters of enum index_flag's bits, from bit 0 on. */
static const char flag_letters[] = "DFPRST";
#define FLAG_COUNT	  6
#define FIRST_KEYWORD_BIT 6

/* Keeps base and flags within NAME_MAX. */
#define BASE_MAX (MAILDIR_NAME_SIZE - MAILDIR_FLAGS_SIZE)

static bool
is_utf8_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Writes at most room bytes of the host, cut between characters. */
static size_t
write_host(const char *host, char *out, size_t room)
{
	size_t len = strlen(host);

	if (len > room) {
		len = room;
		while (len > 0 && is_utf8_continuation(host[len]))
			len--;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)host[i];
		bool is_special = byte < 0x20 || byte == 0x7f || byte == '/' ||
		    byte == ':' || byte == ',';

		out[i] = host[i];
		if (is_special)
			out[i] = '_';
	}
	return len;
}

/* Decimal digits, without snprintf(): a scan writes the name of each file. */
static size_t
write_number(uint64_t number, char *out)
{
	char digits[20];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	memcpy(out, digits + first, sizeof(digits) - first);
	return sizeof(digits) - first;
}

/* Without its NUL. */
static size_t
write_text(const char *text, char *out)
{
	size_t len = 0;

	for (; text[len] != '\0'; len++)
		out[len] = text[len];
	return len;
}

static size_t
write_date(int64_t date, char *out)
{
	if (date >= 0)
		return write_number((uint64_t)date, out);
	*out = '-';
	return 1 + write_number(-(uint64_t)date, out + 1);
}

void
maildir_base_name(const struct maildir_identity *identity,
    const struct maildir_message *message, char out[MAILDIR_NAME_SIZE])
{
	char tail[64];
	size_t tail_len = write_text(",U=", tail);
	size_t len;

	tail_len += write_number(message->uid, tail + tail_len);
	tail_len += write_text(",S=", tail + tail_len);
	tail_len += write_number(message->size, tail + tail_len);

	len = write_date(message->date, out);
	len += write_text(".V", out + len);
	len += write_number(identity->uidvalidity, out + len);
	out[len++] = '.';
	len += write_host(identity->host, out + len, BASE_MAX - len - tail_len);
	memcpy(out + len, tail, tail_len);
	out[len + tail_len] = '\0';
}

void
maildir_flags_suffix(uint32_t flags, char out[MAILDIR_FLAGS_SIZE])
{
	size_t len = 3;

	memcpy(out, ":2,", len);
	for (unsigned bit = 0; bit < 32; bit++) {
		if ((flags & (UINT32_C(1) << bit)) == 0)
			continue;
		if (bit < FLAG_COUNT)
			out[len++] = flag_letters[bit];
		else
			out[len++] = (char)('a' + (bit - FIRST_KEYWORD_BIT));
	}
	out[len] = '\0';
}

/* What stands behind `,X=` up to a comma or the end of the base. */
static struct span
field_value(struct span base, char letter)
{
	const char *end = base.at + base.len;
	const char *comma = memchr(base.at, ',', base.len);

	while (comma != NULL) {
		const char *next =
		    memchr(comma + 1, ',', (size_t)(end - comma - 1));

		if (end - comma >= 3 && comma[1] == letter && comma[2] == '=')
			return (struct span){comma + 3,
			    (size_t)((next == NULL ? end : next) - comma - 3)};
		comma = next;
	}
	return (struct span){NULL, 0};
}

/* A decimal number with a sign, up to the first full stop. */
static int64_t
parse_date(struct span base)
{
	const char *stop = memchr(base.at, '.', base.len);
	struct span digits = {base.at, 0};
	unsigned long long seconds;
	bool is_negative;

	if (stop == NULL)
		return MAILDIR_DATE_UNKNOWN;
	digits.len = (size_t)(stop - base.at);
	is_negative = digits.len > 0 && digits.at[0] == '-';
	if (is_negative)
		digits = span_from(digits, 1);
	if (!span_to_number(digits, INT64_MAX, &seconds))
		return MAILDIR_DATE_UNKNOWN;
	return is_negative ? -(int64_t)seconds : (int64_t)seconds;
}

static uint32_t
parse_flags(const char *suffix)
{
	uint32_t flags = 0;

	if (strncmp(suffix, ":2,", 3) != 0)
		return 0;
	/* Behind a further comma stand things of some other program. */
	for (suffix += 3; *suffix != '\0' && *suffix != ','; suffix++) {
		const char *letter = strchr(flag_letters, *suffix);

		if (letter != NULL)
			flags |= UINT32_C(1) << (letter - flag_letters);
		else if (*suffix >= 'a' && *suffix <= 'z')
			flags |= UINT32_C(1)
			    << (FIRST_KEYWORD_BIT + (*suffix - 'a'));
	}
	return flags;
}

/* ---- names that we wrote ---- */

/* A host of up to this length is never cut. */
#define WHOLE_HOST 64

/* A number as write_number() writes it. */
static bool
take_number(const char **at, uint64_t *number)
{
	const char *digit = *at;
	uint64_t value = 0;

	for (; *digit >= '0' && *digit <= '9'; digit++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *digit - '0', &value))
			return false;
	if (digit == *at || (**at == '0' && digit != *at + 1))
		return false;
	*at = digit;
	*number = value;
	return true;
}

static bool
take_text(const char **at, const char *text, size_t len)
{
	if (strncmp(*at, text, len) != 0)
		return false;
	*at += len;
	return true;
}

static bool
take_host(const char **at, const char *host)
{
	char written[WHOLE_HOST];
	size_t len = strlen(host);

	return len <= WHOLE_HOST &&
	    take_text(at, written, write_host(host, written, WHOLE_HOST));
}

/*
 * In one pass, for a scan meets little else. False: it is to be looked at more
 * closely.
 */
static bool
parse_ours(const char *name, const struct maildir_identity *identity,
    struct maildir_message *message)
{
	bool is_negative = *name == '-';
	const char *at = name + is_negative;
	uint64_t date, uidvalidity, uid, size;

	if (!take_number(&at, &date) || date > INT64_MAX ||
	    (is_negative && date == 0) || !take_text(&at, ".V", 2) ||
	    !take_number(&at, &uidvalidity) ||
	    uidvalidity != identity->uidvalidity || !take_text(&at, ".", 1) ||
	    !take_host(&at, identity->host) || !take_text(&at, ",U=", 3) ||
	    !take_number(&at, &uid) || uid == 0 || uid > UINT32_MAX ||
	    !take_text(&at, ",S=", 3) || !take_number(&at, &size) ||
	    (*at != '\0' && *at != ':'))
		return false;
	*message = (struct maildir_message){.uid = (uint32_t)uid,
	    .size = size,
	    .date = is_negative ? -(int64_t)date : (int64_t)date,
	    .flags = parse_flags(at)};
	return true;
}

bool
maildir_parse_name(const char *name, const struct maildir_identity *identity,
    struct maildir_message *message, bool *is_ours)
{
	struct span base, value;
	struct maildir_message parsed;
	unsigned long long number;
	char expected[MAILDIR_NAME_SIZE];

	*is_ours = parse_ours(name, identity, message);
	if (*is_ours)
		return true;
	base = (struct span){name, strcspn(name, ":")};
	value = field_value(base, 'U');
	if (value.at == NULL || !span_to_number(value, UINT32_MAX, &number) ||
	    number == 0)
		return false;
	/* Two claims are none. */
	if (field_value((struct span){value.at,
			    (size_t)(base.at + base.len - value.at)},
		'U')
		.at != NULL)
		return false;
	parsed.uid = (uint32_t)number;
	parsed.size = MAILDIR_SIZE_UNKNOWN;
	value = field_value(base, 'S');
	if (span_to_number(value, UINT64_MAX, &number))
		parsed.size = number;
	parsed.date = parse_date(base);
	parsed.flags = parse_flags(name + base.len);
	maildir_base_name(identity, &parsed, expected);
	*is_ours = span_equal(base, span_of(expected));
	*message = parsed;
	return true;
}

bool
maildir_is_generation(const char *name, uint32_t uidvalidity)
{
	struct span base = {name, strcspn(name, ":")};
	struct span value;
	unsigned long long number;
	size_t at = strcspn(name, ".");

	if (at + 2 >= base.len || name[at + 1] != 'V')
		return false;
	value = span_from(base, at + 2);
	value.len = strcspn(value.at, ".:");
	return span_to_number(value, UINT32_MAX, &number) &&
	    number == uidvalidity;
}

bool
maildir_disowned_name(
    const char *name, unsigned number, char out[MAILDIR_NAME_SIZE])
{
	size_t base_len = strcspn(name, ":"), i = 0;
	bool has_claim = false;
	struct buf text;
	bool fits = true;

	buf_init(&text, MAILDIR_NAME_SIZE);
	while (i < base_len) {
		if (strncmp(name + i, ",U=", 3) == 0) {
			has_claim = true;
			i += 3;
			i += strcspn(name + i, ",:");
			continue;
		}
		fits = buf_add(&text, name + i++, 1) && fits;
	}
	/* A name must not be empty nor begin with what follows the base. */
	if (buf_len(&text) == 0)
		fits = buf_add_string(&text, "local") && fits;
	if (number > 1)
		fits = buf_add_format(&text, ",%u", number) && fits;
	fits = buf_add(&text, name + base_len, strlen(name + base_len) + 1) &&
	    fits;
	if (has_claim && fits)
		memcpy(out, buf_span(&text).at, buf_len(&text));
	buf_free(&text);
	return has_claim && fits;
}
