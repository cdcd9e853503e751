#!/bin/sh
# A file includes its own floor and those below it, never above or sideways,
# and only the libraries that its room may know.
base='libclient/base/'
wire="$base|libclient/wire/"
proto="$wire|libclient/proto/"
io="$base|libclient/io/"
d0='libclient/|conf/(settings|vault)\.h|daemon/(log|advice|mbsync_state|name|spanmap|compare|window|index|identity|exit_code|terminal)'
d1="$d0|daemon/(adopt|offlineimap|maildir|state|secret|child|runner|sandbox|mailboxes|keywords|withheld|quirk|throttle)"
d2="$d1|daemon/(landing|watcher|folder|heartbeat|hook|netwatch|notify)"
d3="$d2|daemon/(account|status|control|metrics|progress)"
console="$d1|daemon/console" # beside d2: blocking, not for the daemon
import="$d0|daemon/import" # beside d1: pure but for files
d4="$d3|daemon/(console|import|engine|cmd|main)"
ours='(libclient|daemon|conf)/'
libraries='gsasl|openssl|systemd|sqlite3|libconfig|zlib|jansson'
outside='unistd|fcntl|time|poll|sys/|netdb' # descriptors and clocks
status=0
# room FILES HEADERS FORBIDDEN: patterns of files, of the project's headers
# that they may include, and of the system's that they may not.
room() {
	files=$(find daemon libclient conf -name '*.[ch]' | grep -E "^($1)") ||
		{ echo "no file is like $1"; status=1; return; }
	# shellcheck disable=SC2086
	grep -nE "^#include (\"$ours|<)" $files |
		grep -vE "#include \"($2)" | grep -E "include (\"|<($3))" &&
		status=1
}
without() { echo "$libraries" | sed -E "s,\|($1),,g; s,^($1)\|,,"; }

room 'libclient/base/' "$base" "$libraries|$outside"
room 'libclient/wire/' "$wire" "$libraries|$outside"
room 'libclient/proto/' "$proto" "$(without gsasl)|$outside"
room 'libclient/io/' "$io" "$(without 'openssl|systemd|zlib')"
room 'libclient/[a-z_]*\.' 'libclient/' "$(without systemd)"
room 'conf/' 'conf/' "$(without libconfig)"
room 'daemon/log_journal' "$d0" "$(without systemd)"
room 'daemon/(log\.|advice|mbsync_state|name|spanmap|compare|window|index|identity|exit_code|terminal)' "$d0" "$(without openssl)"
room 'daemon/(quirk|throttle)' "$d1" "$libraries|$outside"
room 'daemon/(adopt|offlineimap|maildir|state|secret|child|runner|sandbox|mailbox|keywords|withheld)' "$d1" "$(without 'systemd|sqlite3')"
room 'daemon/(landing|watcher|folder|heartbeat|hook|netwatch|notify)' "$d2" "$(without systemd)"
room 'daemon/(account|status|control|metrics|progress)' "$d3" "$(without 'systemd|jansson')"
room 'daemon/import' "$import" "$(without jansson)"
room 'daemon/console' "$console" "$(without systemd)"
room 'daemon/' "$d4" "$(without 'systemd|sqlite3|openssl|jansson')"
exit $status
