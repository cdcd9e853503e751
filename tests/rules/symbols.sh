#!/bin/sh
# The floors below the sockets do no I/O and know no clock: what their archives
# leave undefined proves it. $1: the build directory.
calls='read|write|pread|pwrite|open|openat|close|recv|recvfrom|recvmsg'
calls="$calls|send|sendto|sendmsg|socket|connect|poll|select|getaddrinfo"
calls="$calls|time|clock_gettime|gettimeofday|localtime_r|mktime|getenv"
calls="$calls|printf|fprintf|vfprintf|dprintf|puts|fputs|fputc|fwrite|perror"
calls="$calls|(SSL|EVP|BIO|X509)_[A-Za-z_0-9]*|inflate|deflate|sd_[a-z_]*"
calls="$calls|pthread_create|fork|exit|syslog"
status=0
for archive in base/libclient_base wire/libclient_wire proto/libclient_proto; do
	file=$1/libclient/$archive.a
	if [ ! -e "$file" ]; then
		echo "$file is not built"
		status=1
		continue
	fi
	if nm -u "$file" | grep -wE "U (__)?($calls)(_chk|64|@.*)?\$"; then
		echo "undefined in $file"
		status=1
	fi
done
exit $status
