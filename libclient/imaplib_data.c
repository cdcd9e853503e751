/*
 * Trees of values as typed data (RFC 9051 section 7). What is not understood
 * is passed over: a reply is not worth less for it.
 */
#include "libclient/imaplib_data.h"

#include <string.h>

#include "libclient/wire/response.h"
#include "libclient/wire/utf7.h"

static bool
is_text(const struct imaplib_value *value)
{
	return value != NULL &&
	    (value->kind == IMAPLIB_ATOM || value->kind == IMAPLIB_STRING);
}

static bool
is_list(const struct imaplib_value *value)
{
	return value != NULL && value->kind == IMAPLIB_LIST;
}

/* ---- mailboxes ---- */

bool
imaplib_data_list(const struct imaplib_untagged *untagged, struct buf *decoded,
    struct imap_list *list)
{
	const struct imaplib_value *attributes = untagged->data;
	const struct imaplib_value *delimiter =
	    attributes == NULL ? NULL : attributes->next;
	const struct imaplib_value *name =
	    delimiter == NULL ? NULL : delimiter->next;

	if (!span_equal_nocase(untagged->name, "LIST") ||
	    !is_list(attributes) || !is_text(name))
		return false;
	*list = (struct imap_list){.mailbox = name->bytes};
	for (const struct imaplib_value *one = attributes->first; one != NULL;
	     one = one->next)
		if (is_text(one))
			list->flags |= response_list_flag(one->bytes);
	if (is_text(delimiter) && delimiter->bytes.len == 1)
		list->delimiter = delimiter->bytes.at[0];
	buf_clear(decoded);
	if (utf7_decode(name->bytes, decoded))
		list->name = buf_span(decoded);
	return true;
}

bool
imaplib_data_status(
    const struct imaplib_untagged *untagged, struct imap_status *status)
{
	const struct imaplib_value *name = untagged->data;
	unsigned long long n = 0;

	if (!span_equal_nocase(untagged->name, "STATUS") || !is_text(name) ||
	    !is_list(name->next))
		return false;
	*status = (struct imap_status){.mailbox = name->bytes};
	for (const struct imaplib_value *item = name->next->first;
	     item != NULL && item->next != NULL; item = item->next->next) {
		if (!is_text(item) || !is_text(item->next))
			continue;
		if (span_equal_nocase(item->bytes, "MESSAGES") &&
		    span_to_number(item->next->bytes, UINT32_MAX, &n)) {
			status->messages = (uint32_t)n;
			status->has |= IMAP_STATUS_MESSAGES;
		} else if (span_equal_nocase(item->bytes, "SIZE") &&
		    span_to_number(item->next->bytes, INT64_MAX, &n)) {
			status->size = n;
			status->has |= IMAP_STATUS_SIZE;
		}
	}
	return true;
}

/* ---- messages ---- */

static void
read_flags(const struct imaplib_value *list, struct span *keywords,
    uint32_t max, struct imap_fetch *fetch)
{
	struct imap_flags *flags = &fetch->flags;

	*flags = (struct imap_flags){.keywords = keywords};
	fetch->has_flags = true;
	for (const struct imaplib_value *one = list->first; one != NULL;
	     one = one->next) {
		unsigned flag = is_text(one) ? response_flag(one->bytes) : 0;

		flags->flags |= flag;
		if (flag == 0 && is_text(one) && one->bytes.len > 0 &&
		    flags->keyword_count < max)
			keywords[flags->keyword_count++] = one->bytes;
	}
}

/* The first item of a FETCH, or NULL. */
static const struct imaplib_value *
first_item(const struct imaplib_untagged *untagged)
{
	if (!span_equal_nocase(untagged->name, "FETCH") ||
	    !is_list(untagged->data))
		return NULL;
	return untagged->data->first;
}

bool
imaplib_data_fetch(const struct imaplib_untagged *untagged,
    struct span *keywords, uint32_t max, struct imap_fetch *fetch)
{
	unsigned long long n = 0;

	*fetch = (struct imap_fetch){0};
	for (const struct imaplib_value *item = first_item(untagged);
	     item != NULL && item->next != NULL; item = item->next->next) {
		const struct imaplib_value *value = item->next;

		if (!is_text(item))
			continue;
		if (span_equal_nocase(item->bytes, "FLAGS") && is_list(value)) {
			read_flags(value, keywords, max, fetch);
		} else if (span_equal_nocase(item->bytes, "UID") &&
		    is_text(value) &&
		    span_to_number(value->bytes, UINT32_MAX, &n)) {
			fetch->uid = (uint32_t)n;
		} else if (span_equal_nocase(item->bytes, "RFC822.SIZE") &&
		    is_text(value) &&
		    span_to_number(value->bytes, INT64_MAX, &n)) {
			fetch->size = n;
			fetch->has_size = true;
		}
	}
	return fetch->uid != 0;
}

bool
imaplib_data_body(
    const struct imaplib_untagged *untagged, uint32_t uid, struct span *body)
{
	struct imap_fetch fetch;

	if (!imaplib_data_fetch(untagged, NULL, 0, &fetch) || fetch.uid != uid)
		return false;
	for (const struct imaplib_value *item = first_item(untagged);
	     item != NULL && item->next != NULL; item = item->next->next) {
		if (!is_text(item) ||
		    !span_has_prefix_nocase(item->bytes, "BODY["))
			continue;
		if (item->next->kind != IMAPLIB_STRING)
			return false;
		*body = item->next->bytes;
		return true;
	}
	return false;
}

/* ---- what was found ---- */

bool
imaplib_data_search(
    const struct imaplib_untagged *untagged, struct uidset *found)
{
	const struct imaplib_value *value = untagged->data;
	unsigned long long n = 0;

	if (span_equal_nocase(untagged->name, "ESEARCH")) {
		while (value != NULL && value->next != NULL &&
		    !(value->kind == IMAPLIB_ATOM &&
			span_equal_nocase(value->bytes, "ALL")))
			value = value->next;
		/* without ALL there is nothing */
		return value == NULL || value->next == NULL ||
		    (is_text(value->next) &&
			uidset_parse(found, value->next->bytes));
	}
	if (!span_equal_nocase(untagged->name, "SEARCH"))
		return false;
	for (; value != NULL; value = value->next) {
		if (value->kind == IMAPLIB_LIST)
			continue; /* (MODSEQ n) */
		if (!is_text(value) ||
		    !span_to_number(value->bytes, UINT32_MAX, &n))
			return false;
		uidset_add(found, (uint32_t)n);
	}
	return true;
}
