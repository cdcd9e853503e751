/*
 * The console's output for programs: one JSON text a line, in UTF-8.
 *
 * A command: {"command":"fetch", "type":"OK", "code":null, "arguments":null,
 * "text":"...", "untagged":[...]}; an untagged response: {"name":"FETCH",
 * "number":12, "data":[...]}, and for OK, NO, BAD, BYE and PREAUTH also "code",
 * "arguments" and "text". What is absent is null. Lists are arrays, NIL is
 * null, atoms of digits below 2^53 are numbers, all else is a string, or
 * {"base64":"..."} if it is not UTF-8.
 */
#ifndef DAEMON_CONSOLE_JSON_H
#define DAEMON_CONSOLE_JSON_H

#include <stdio.h>

#include "libclient/imaplib_reply.h"

/* A command's result; NULL command: its line could not be read. */
void console_json_reply(
    FILE *out, const char *command, const struct imaplib_reply *reply);

/* A value of its own: a string, or {"base64":"..."} if it is not UTF-8. */
void console_json_bytes(FILE *out, struct span bytes);

/* IDLE: one response, or all of a reply's as one array. */
void console_json_untagged(FILE *out, const struct imaplib_untagged *untagged);
void console_json_burst(FILE *out, const struct imaplib_reply *reply);

#endif
