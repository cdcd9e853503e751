#!/bin/sh
# The manual pages are well formed.
pages=$(find daemon conf systemd -name '*.[1-9]')
[ -n "$pages" ] || exit 1
# shellcheck disable=SC2086
exec mandoc -T lint -W warning $pages
