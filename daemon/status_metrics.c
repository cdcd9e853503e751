/*
 * The status in Prometheus' text exposition format: a family at a time, as it
 * wants them.
 */
#include "daemon/status_view.h"

#include "libclient/base/buf.h"

enum kind { GAUGE, COUNTER };

struct family {
	const char *name;
	const char *help;
	enum kind kind;
	const char *key;
};

static const struct family account_families[] = {
    {"mailmirror_account_connections", "Open connections.", GAUGE,
	"connections"},
    {"mailmirror_account_reconnects_total",
	"Connections that were lost and made again.", COUNTER, "reconnects"},
    {"mailmirror_account_received_bytes_total",
	"Bytes received from the server.", COUNTER, "bytes"},
    {"mailmirror_account_paused", "1 if the account is paused.", GAUGE,
	"paused"},
    {"mailmirror_account_failing", "1 if the account has an error.", GAUGE,
	"error"},
};

static const struct family folder_families[] = {
    {"mailmirror_folder_messages", "Messages in the Maildir.", GAUGE,
	"messages"},
    {"mailmirror_folder_missing_messages",
	"Messages that are known and not yet in the Maildir.", GAUGE, "behind"},
    {"mailmirror_folder_fetched_messages_total", "Messages that came.", COUNTER,
	"fetched"},
    {"mailmirror_folder_removed_messages_total", "Messages that went.", COUNTER,
	"removed"},
    {"mailmirror_folder_reflagged_messages_total",
	"Messages whose flags changed.", COUNTER, "reflagged"},
    {"mailmirror_folder_last_change_timestamp_seconds",
	"When the folder last changed.", GAUGE, "last_change"},
    {"mailmirror_folder_last_check_timestamp_seconds",
	"When the folder was last the same as the server's.", GAUGE,
	"last_check"},
    {"mailmirror_folder_held", "1 if delete_guard holds the folder.", GAUGE,
	"held"},
    {"mailmirror_folder_gone", "1 if it is gone from the server.", GAUGE,
	"gone"},
    {"mailmirror_folder_failing", "1 if the folder has an error.", GAUGE,
	"error"},
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* A label's value. */
static void
put_label(const char *name, const char *value, FILE *out)
{
	(void)fprintf(out, "%s=\"", name);
	for (const char *at = value == NULL ? "" : value; *at != '\0'; at++) {
		if (*at == '\n')
			(void)fputs("\\n", out);
		else if (*at == '"' || *at == '\\')
			(void)fprintf(out, "\\%c", *at);
		else
			(void)fputc(*at, out);
	}
	(void)fputc('"', out);
}

static void
put_heading(const struct family *family, FILE *out)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", family->name,
	    family->help, family->name,
	    family->kind == GAUGE ? "gauge" : "counter");
}

/* Numbers as they are, truths and texts as 1, nothing as no line at all where
 * it is a time. */
static bool
number_of(const json_t *value, bool is_truth, json_int_t *number)
{
	if (json_is_integer(value)) {
		*number = json_integer_value(value);
		return true;
	}
	*number = json_is_true(value) || json_is_string(value);
	return is_truth || !json_is_null(value);
}

static void
put_sample(const struct family *family, const json_t *object,
    const char *account, const char *folder, FILE *out)
{
	bool is_truth = span_equal(span_of(family->key), span_of("error"));
	json_int_t number;

	if (!number_of(json_object_get(object, family->key), is_truth, &number))
		return;
	(void)fprintf(out, "%s{", family->name);
	put_label("account", account, out);
	if (folder != NULL) {
		(void)fputc(',', out);
		put_label("folder", folder, out);
	}
	(void)fprintf(out, "} %" JSON_INTEGER_FORMAT "\n", number);
}

static const char *
name_of(const json_t *object)
{
	return json_string_value(json_object_get(object, "name"));
}

void
status_view_metrics(const json_t *status, FILE *out)
{
	const json_t *accounts = json_object_get(status, "accounts");
	const json_t *account, *folder;
	size_t a, f;

	(void)fprintf(out,
	    "# HELP mailmirror_info The running version.\n"
	    "# TYPE mailmirror_info gauge\nmailmirror_info{");
	put_label("version",
	    json_string_value(json_object_get(status, "version")), out);
	(void)fprintf(out,
	    "} 1\n"
	    "# HELP mailmirror_start_time_seconds When the daemon began.\n"
	    "# TYPE mailmirror_start_time_seconds gauge\n"
	    "mailmirror_start_time_seconds %" JSON_INTEGER_FORMAT "\n",
	    json_integer_value(json_object_get(status, "since")));
	for (size_t i = 0; i < COUNT(account_families); i++) {
		put_heading(&account_families[i], out);
		json_array_foreach(accounts, a, account) put_sample(
		    &account_families[i], account, name_of(account), NULL, out);
	}
	for (size_t i = 0; i < COUNT(folder_families); i++) {
		put_heading(&folder_families[i], out);
		json_array_foreach(accounts, a, account) json_array_foreach(
		    json_object_get(account, "folders"), f, folder)
		    put_sample(&folder_families[i], folder, name_of(account),
			name_of(folder), out);
	}
}
