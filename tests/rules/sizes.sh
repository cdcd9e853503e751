#!/bin/sh
# Files of at most 600 lines, headers of 150 (imap.h, the door, excepted),
# functions of 60.
files=$(find daemon libclient conf tests -name '*.c' -o -name '*.h')
[ -n "$files" ] || exit 1
# shellcheck disable=SC2086
awk '
function over(what, n, limit) {
	printf "%s:%d: %s has %d lines, limit %d\n", file, line, what, n, limit
	failed = 1
}
function finish() {
	if (file == "")
		return
	limit = 600
	if (file ~ /\.h$/ && file !~ /libclient\/imap\.h$/)
		limit = 150
	if (line > limit)
		over("file", line, limit)
}
FNR == 1 { finish(); file = FILENAME; begin = 0 }
{ line = FNR }
/^\{/ { begin = FNR }
/^\}/ {
	if (begin && FNR - begin - 1 > 60)
		over("function", FNR - begin - 1, 60)
	begin = 0
}
END { finish(); exit failed }
' $files
