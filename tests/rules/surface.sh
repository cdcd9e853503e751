#!/bin/sh
# What a user can say and be told (commands, options, settings, exit codes) is
# the same in the program, its --help, the manual pages, the example and
# tests/rules/surface.txt, where each has a test. $1: the build directory.
program=${1:?}/daemon/mailmirror
work=$1/surface
page1=daemon/mailmirror.1 page5=conf/mailmirror.conf.5
status=0

complain() {
	echo "$*"
	status=1
}
# same WHAT FILE FILE: two lists, named as their files are
same() {
	[ -s "$work/$2" ] || complain "$1: none in $2"
	comm -23 "$work/$2" "$work/$3" >"$work/only"
	comm -13 "$work/$2" "$work/$3" >"$work/missing"
	while read -r line; do
		complain "$1 $line: in $2, but not in $3"
	done <"$work/only"
	while read -r line; do
		complain "$1 $line: in $3, but not in $2"
	done <"$work/missing"
}
# list NAME: the words of stdin as that list
list() {
	tr -s ' ,|\t' '\n' | sed '/^$/d' | sort -u >"$work/$1"
}
section() {
	sed -n "/^\.Sh $1\$/,/^\.Sh /p" "$2"
}
entries() { # of a page's lists: .It MACRO ...
	sed -n "s/^\.It $1 //p" | sed 's/ Ns = Ns \(Ar\|Cm\) [^,]*//g'
}

[ -x "$program" ] || complain "$program is not built"
rm -rf "$work" && mkdir "$work" || exit 1
"$program" --help >"$work/help" || complain 'no --help'

# a command and its function, in whichever table
cat daemon/*.c | grep -oE '\{"[a-z-]+", cmd_[a-z_]+,' | cut -d'"' -f2 |
	list commands.program
conf/completions/complete "$program" '' | cut -f1 | list commands.help
section DESCRIPTION $page1 | entries Cm | list commands.page
section SYNOPSIS $page1 | sed -n '/^\.Nm/{n;s/^\.Cm //p}' |
	list commands.synopsis

cat daemon/*.c | grep -oE '"[a-z-]+", (no|required|optional)_argument' |
	sed 's/"\([^"]*\)".*/--\1/' | list options.program
grep -oE -- '--[a-z][a-z-]*' "$work/help" | list options.help
section DESCRIPTION $page1 | entries Fl | tr -s ' ' '\n' |
	sed -n 's/^-[a-z]/-&/p' | list options.page
# of each command, by --help and by the SYNOPSIS
conf/completions/complete "$program" run - | cut -f1 | sort >"$work/all"
while read -r name; do
	conf/completions/complete "$program" "$name" - | cut -f1 | sort |
		comm -23 - "$work/all" | sed "s/^/$name:/"
done <"$work/commands.help" | list command-options.help
section SYNOPSIS $page1 | awk '
	/^\.Cm/ && begins { sub(/^\.Cm /, ""); n = split($0, names, / [|,] /) }
	/ -[a-z]/ {
		for (i = 1; i <= NF; i++)
			for (j = 1; $i ~ /^-[a-z]/ && j <= n; j++)
				print names[j] ":-" $i
	}
	{ begins = /^\.Nm/ }
	begins { n = 0 }' | list command-options.synopsis

sed -n 's/^\t{"\([a-z_]*\)", &settings_type.*/\1/p' conf/settings_table.c |
	list settings.program
cat $page5 | entries Ic | sed 's/ Ic / /g' | tr ' ' '\n' |
	grep -vxE 'defaults|accounts' | list settings.page
grep -oE '^[ #]*[a-z_]+ =' conf/examples/mailmirror.conf | tr -d '# =' |
	grep -vxE 'defaults|accounts' | list settings.example

names=$(cat daemon/*.c | grep -oE '\bEX_[A-Z]+\b' | sort -u)
for name in $names; do
	sed -n "s/^#define[ \t]*$name[ \t]*\([0-9]*\).*/\1/p" \
		/usr/include/sysexits.h
done | { cat && echo 1; } | list codes.program # 1: no sysexit, but a NO
section 'EXIT STATUS' $page1 | sed -n 's/^\.It //p' | list codes.page

for kind in command option setting code; do
	sed -n "s/^$kind \([^ ]*\) .*/\1/p" tests/rules/surface.txt |
		list ${kind}s.tests
done
same command commands.program commands.help
same command commands.program commands.page
same command commands.program commands.synopsis
same command commands.program commands.tests
same option options.program options.help
same option options.program options.page
same option options.program options.tests
same option command-options.help command-options.synopsis
same setting settings.program settings.page
same setting settings.program settings.example
same setting settings.program settings.tests
same 'exit code' codes.program codes.page
same 'exit code' codes.program codes.tests

# Commands alone need not be mentioned: a test may leave `run` to the lab.
while read -r kind what file test; do
	case $kind in '#'* | '') continue ;; esac
	grep -qE "(def $test\(|START_TEST\($test\))" "tests/$file" ||
		complain "$kind $what: tests/$file has no $test"
	[ "$kind" = command ] || grep -qwF -e "$what" "tests/$file" ||
		complain "$kind $what: not mentioned in tests/$file"
done <tests/rules/surface.txt
exit $status
