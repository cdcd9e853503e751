#!/bin/sh
# README.md shows the watcher's table as daemon/watcher.c has it. Otherwise
# prints a diff, whose "+" lines are what README.md should say. $1: build dir.
source=daemon/watcher.c
rows=$(tr '\n\t' '  ' <$source | sed 's,/\*[^*]*\*/,,g; s/  */ /g' | grep -oE \
	'row anywhere\[|\[WATCHER_[A-Z]+\] = (\{|ROW\( ?[A-Z_]+, [A-Z]+)' |
	sed -E 's/row anywhere.*/STATE all but STOPPED, if not said above/
		s/\[WATCHER_([A-Z]+)\] = \{/STATE \1/
		s/\[WATCHER_([A-Z]+)\] = ROW\( ?([A-Z_]+), /\1 \2 /')
[ "$(echo "$rows" | grep -vc STATE)" = "$(grep -c '= ROW(' $source)" ] || {
	echo "$source: not all rows were understood"
	exit 1
}
table=$(echo "$rows" | awk '
	function finish() {
		for (i = 1; i <= count; i++)
			line = line (i > 1 ? "; " : " ") events[i] cells[i]
		if (line != "")
			print line " |"
		count = 0
	}
	BEGIN { print "| State | events: *action*, next state |\n| --- | --- |" }
	/^STATE/ {
		finish()
		line = "| " substr($0, 7) " |"
		next
	}
	{
		sub(/_/, " ", $2)
		cell = ": *" tolower($2) "*, " $3
		for (i = 1; i <= count && cells[i] != cell; i++)
			continue
		events[i] = i > count ? $1 : events[i] ", " $1
		cells[i] = cell
		count = i > count ? i : count
	}
	END { finish() }')
begin='watcher table: begin' end='watcher table: end'
sed -n "/<!-- $begin -->/,/<!-- $end -->/{/^|/p}" README.md >"${1:?}/table.shown"
echo "$table" | diff -u "$1/table.shown" -
