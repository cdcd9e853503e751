/*
 * The handlers of console_table.c, by the file that has them.
 */
#ifndef DAEMON_CONSOLE_HANDLERS_H
#define DAEMON_CONSOLE_HANDLERS_H

#include "daemon/console_table.h"

/* console_session.c */
void console_authenticate(struct console_call *call);
void console_enable(struct console_call *call);
void console_id(struct console_call *call);
void console_login(struct console_call *call);
void console_login_cram_md5(struct console_call *call);
void console_login_plain(struct console_call *call);
void console_logout(struct console_call *call);
void console_response(struct console_call *call);
void console_shutdown(struct console_call *call);
void console_starttls(struct console_call *call);
void console_xatom(struct console_call *call);

/* console_mailbox.c */
void console_examine(struct console_call *call);
void console_getmetadata(struct console_call *call);
void console_list(struct console_call *call);
void console_lsub(struct console_call *call);
void console_notify(struct console_call *call);
void console_select(struct console_call *call);
void console_setmetadata(struct console_call *call);

/* console_message.c */
void console_append(struct console_call *call);
void console_copy(struct console_call *call);
void console_expunge(struct console_call *call);
void console_fetch(struct console_call *call);
void console_move(struct console_call *call);
void console_partial(struct console_call *call);
void console_search(struct console_call *call);
void console_sort(struct console_call *call);
void console_store(struct console_call *call);
void console_thread(struct console_call *call);
void console_uid(struct console_call *call);

/* console_idle.c */
void console_idle(struct console_call *call);

/* console_local.c */
void console_debug(struct console_call *call);
void console_help(struct console_call *call);
void console_int_to_ap(struct console_call *call);
void console_internaldate_to_time(struct console_call *call);
void console_parse_flags(struct console_call *call);
void console_print_log(struct console_call *call);
void console_quit(struct console_call *call);
void console_state(struct console_call *call);
void console_time_to_internaldate(struct console_call *call);

#endif
