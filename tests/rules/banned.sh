#!/bin/sh
# Functions that no file may call, and words that no file may hold.
functions='strtok|sscanf|atoi|atol|strcpy|strcat|sprintf|gets|alloca'
# Server bytes are no C strings: the grammar must not search them.
searches='strstr|strcasestr|strchr|strrchr|strpbrk|strcspn'
words='TODO|FIXME|XXX'
status=0
[ -n "$(find daemon libclient conf -name '*.c')" ] || status=1
grep -rnE --include='*.[ch]' "(^|[^_a-z])($functions) ?\(" \
	daemon libclient conf && status=1
grep -rnE --include='*.[ch]' "(^|[^_a-z])($searches) ?\(" \
	libclient/wire && status=1
grep -rnwE --include='*.[ch]' --include='*.py' --include='*.txt' "$words" \
	daemon libclient conf systemd tests && status=1
exit $status
