#!/bin/sh
# .clang-format decides, nobody argues.
files=$(find daemon libclient conf tests -name '*.c' -o -name '*.h')
[ -n "$files" ] || exit 1
# shellcheck disable=SC2086
exec clang-format --dry-run -Werror $files
