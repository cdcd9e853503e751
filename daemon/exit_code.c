/*
 * The table of mailmirror(1), section EXIT STATUS.
 */
#include "daemon/exit_code.h"

int
exit_code_for(enum imap_error_kind kind)
{
	switch (kind) {
	case IMAP_ERROR_NONE:
		return EX_OK;
	case IMAP_ERROR_NETWORK:
	case IMAP_ERROR_TIMEOUT:
		return EX_UNAVAILABLE;
	case IMAP_ERROR_THROTTLED:
	case IMAP_ERROR_BUSY:
		return EX_TEMPFAIL;
	case IMAP_ERROR_AUTH:
	case IMAP_ERROR_TLS:
	case IMAP_ERROR_PROXY:
		return EX_NOPERM;
	case IMAP_ERROR_UNSUPPORTED:
	case IMAP_ERROR_PROTOCOL:
	case IMAP_ERROR_LIMIT:
		return EX_PROTOCOL;
	case IMAP_ERROR_LOCAL:
		return EX_IOERR;
	case IMAP_ERROR_CONFIG:
		return EX_CONFIG;
	}
	return EX_SOFTWARE;
}
