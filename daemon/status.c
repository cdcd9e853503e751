/*
 * Counting what the accounts report.
 */
#include "daemon/status.h"

#include <inttypes.h>

#include "libclient/base/buf.h"
#include "libclient/base/mem.h"

#define LINE_CAP 1000

void
status_add(struct status *status, const struct account *account)
{
	struct account_report report = account_report(account);
	const struct folder *folder;

	status->accounts++;
	if (report.error != NULL && status->trouble == NULL) {
		status->trouble_account = report.name;
		status->trouble = report.error->text;
	}
	for (uint32_t i = 0; (folder = account_folder(account, i)) != NULL;
	     i++) {
		struct folder_report own = folder_report(folder);

		status->folders++;
		status->messages += own.messages;
		status->failing += own.error != NULL;
		switch (own.state) {
		case WATCHER_IDLING:
		case WATCHER_SETTLING:
			status->idling++;
			break;
		case WATCHER_RESTING:
			if (own.watch == MAILBOX_NOTIFIED)
				status->notified++;
			else
				status->polled++;
			break;
		case WATCHER_STOPPED:
			break;
		default:
			status->working++;
			break;
		}
	}
}

char *
status_line(const struct status *status)
{
	struct buf line;
	char *text;

	buf_init(&line, LINE_CAP);
	(void)buf_add_format(&line,
	    "watching %" PRIu32 " folders by IDLE, %" PRIu32
	    " by NOTIFY, %" PRIu32 " by polling, %" PRIu32
	    " being synced; %" PRIu64 " messages",
	    status->idling, status->notified, status->polled, status->working,
	    status->messages);
	if (status->failing > 0)
		(void)buf_add_format(
		    &line, "; %" PRIu32 " folders failing", status->failing);
	if (status->trouble != NULL)
		(void)buf_add_format(&line, "; %s: %s", status->trouble_account,
		    status->trouble);
	text = span_to_string(buf_span(&line));
	buf_free(&line);
	return text;
}
