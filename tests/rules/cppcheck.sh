#!/bin/sh
# cppcheck finds nothing in the program. Its own view of each file is one: that
# of the defines that the build has.
exec cppcheck --quiet --error-exitcode=1 --inline-suppr --max-configs=1 \
	--enable=warning,performance,portability -j "$(nproc)" -I. \
	-D_GNU_SOURCE -DMAILMIRROR_VERSION='""' \
	-D'json_array_foreach(a, i, value)=while ((value = json_next(a, i = 0)))' \
	-D'json_object_foreach(a, key, value)=while ((value = json_next(a, &key)))' \
	daemon libclient conf
