/*
 * mbsync's `,U=` are its own numbers: taken for the server's they would cost
 * mail. Its state file says what they stand for.
 */
#include "daemon/folder_adopt.h"

#include "daemon/adopt.h"
#include "daemon/folder_private.h"

bool
folder_adopt(const struct folder *folder, struct maildir *maildir,
    uint32_t *uidvalidity, uint32_t *highest_uid, struct imap_error *error)
{
	const struct settings_account *settings = folder->config.settings;
	const struct adopt adopt = {
	    .maildir = maildir,
	    .host = folder->identity.host,
	    .is_crlf = settings->line_endings == SETTINGS_CRLF,
	    .is_durable = settings->fsync,
	};
	struct adopt_report report;
	char text[ADOPT_TEXT_SIZE];

	if (!maildir_has_file(maildir, ".mbsyncstate"))
		return !adopt_is_begun(maildir) ||
		    imap_error_set(error, IMAP_ERROR_LOCAL,
			"%s was being taken over from another program: run "
			"mailmirror adopt again",
			maildir_path(maildir));
	if (!adopt_mbsync(&adopt, &report, error))
		return false;
	*uidvalidity = report.uidvalidity;
	*highest_uid = report.highest_uid;
	log_notice(&folder->subject, "taken over from mbsync: %s",
	    adopt_text(&report, text));
	return true;
}
