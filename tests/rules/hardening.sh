#!/bin/sh
# The program has what makes an error in it harder to exploit.
#
#	tests/rules/hardening.sh PROGRAM
program=${1:?}
status=0
# what, a pattern that one line must have, and what prints the lines
expect() {
	what=$1 pattern=$2
	shift 2
	if ! "$@" "$program" | grep -qE "$pattern"; then
		echo "$program: no $what"
		status=1
	fi
}
expect PIE '^ *Type: *DYN \(Pos' readelf -hW
expect 'relocations that become read-only' GNU_RELRO readelf -lW
expect 'relocations all made at the start' 'FLAGS_1.* NOW' readelf -dW
expect 'stack that cannot be executed' 'GNU_STACK .* RW +0x' readelf -lW
expect 'guards on the stack' ' __stack_chk_fail@' readelf --dyn-syms -W
expect 'checks of _FORTIFY_SOURCE' ' __[a-z]+_chk@' readelf --dyn-syms -W
if readelf -hW "$program" | grep -q 'Machine:.*X86-64'; then
	expect 'landing pads (-fcf-protection)' endbr64 \
		objdump -d --no-show-raw-insn --disassemble=main
fi
if readelf -dW "$program" | grep -E 'RPATH|RUNPATH|TEXTREL'; then
	status=1
fi
exit $status
