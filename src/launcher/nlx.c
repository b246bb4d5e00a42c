/*
 * nlx CMD [ARG...]: opens the netlink sockets as the launcher does for `k3c daemon` and becomes CMD, which finds their
 * numbers in K3C_NL_FD ("NETFILTER,ROUTE", -1 for one that could not be opened). For tests and for running the daemon
 * from source: Node itself cannot open sockets of this family.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define BUFFER_BYTES (4 << 20)

static int open_netlink(int protocol)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = 2 };
	int on = 1, bytes = BUFFER_BYTES;
	int fd = socket(AF_NETLINK, SOCK_RAW, protocol);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, sizeof address)) {
		close(fd);
		return -1;
	}
	/* A kernel that never answers must not hang the daemon. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	/* Explanations in errors, and errors without a copy of the request. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
	/* Whole rulesets go in one datagram, and a thousand acknowledgements come back before the first is read. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	return fd;
}

int main(int argc, char **argv)
{
	char value[32];

	if (argc < 2) {
		fprintf(stderr, "usage: nlx CMD [ARG...]\n");
		return 125;
	}
	snprintf(value, sizeof value, "%d,%d", open_netlink(NETLINK_NETFILTER), open_netlink(NETLINK_ROUTE));
	setenv("K3C_NL_FD", value, 1);
	execvp(argv[1], argv + 1);
	fprintf(stderr, "nlx: %s: %s\n", argv[1], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}
