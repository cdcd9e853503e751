/*
 * The console's output for people: the responses as the protocol writes them,
 * one a line, then the result. Strings are in quotes; what a terminal should
 * not get is \r, \n, \t or \xHH.
 */
#ifndef DAEMON_CONSOLE_TEXT_H
#define DAEMON_CONSOLE_TEXT_H

#include <stdio.h>

#include "libclient/imaplib_reply.h"

/* "* 3 EXISTS", then "OK [READ-WRITE] done". */
void console_text_reply(FILE *out, const struct imaplib_reply *reply);

/* IDLE: one response, or all of a reply's as one line, separated by "; ". */
void console_text_untagged(FILE *out, const struct imaplib_untagged *untagged);
void console_text_burst(FILE *out, const struct imaplib_reply *reply);

#endif
