/*
 * Node can read and write a netlink socket that it inherits, but cannot open one. The sockets answer every request with
 * an acknowledgement that says what was wrong, and a reader never waits longer than two seconds.
 */
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "launcher.h"

#define BUFFER_BYTES (4 << 20)

static int open_netlink(int protocol) {
  int fd = socket(AF_NETLINK, SOCK_RAW, protocol);
  if (fd < 0) return -1;
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
    close(fd);
    return -1;
  }
  struct timeval timeout = {.tv_sec = 2};
  int one = 1, size = BUFFER_BYTES;
  /* Each of these makes errors clearer or dumps larger; an old kernel that lacks one still works. */
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof one);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
  return fd;
}

void netlink_pass(void) {
  char value[32];
  /* -1 says that the kernel has no such family; the daemon then says what it cannot do. */
  snprintf(value, sizeof value, "%d,%d", open_netlink(NETLINK_NETFILTER), open_netlink(NETLINK_ROUTE));
  setenv("K3C_NL_FD", value, 1);
}
