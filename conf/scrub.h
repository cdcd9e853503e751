/*
 * What a library frees without wiping it, passwords among it, is overwritten
 * between the two calls, on the thread that makes them.
 */
#ifndef CONF_SCRUB_H
#define CONF_SCRUB_H

void scrub_begin(void);
void scrub_end(void);

#endif
