/*
 * What goes over the pair, a message a packet: orders and their answers. Both
 * ends are the same program.
 */
#ifndef DAEMON_RUNNER_PRIVATE_H
#define DAEMON_RUNNER_PRIVATE_H

#include <stdint.h>
#include <sys/socket.h>

#include "daemon/child.h"

/* The longest command that can be executed is shorter. */
#define RUNNER_ORDER_MAX ((size_t)160 * 1024)

/*
 * In front of the command and the variables, each with its NUL; stdin comes
 * beside it, if there is one. No command: the one with this id is to be
 * stopped.
 */
struct runner_order {
	uint64_t timeout;
	uint64_t grace;
	uint64_t output_limit;
	uint32_t id;
	uint32_t strings; /* how many there are */
	uint32_t merges_errors;
	uint32_t hurries; /* the end has to be told of */
};

/* Room for one descriptor beside a message. */
union runner_descriptor {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

/* In front of the output. */
struct runner_answer {
	uint32_t id;
	int32_t end; /* enum child_end */
	int32_t number;
};

/* The helper's life; fd: its end of the pair, out of the way of stdio. */
_Noreturn void runner_serve(int fd);

#endif
