/*
 * nlx CMD [ARG...]: opens the netlink sockets as the launcher does for `k3c daemon`, and becomes CMD. For tests, and for
 * a daemon run from source: no launcher has opened the sockets there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher.h"

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: nlx CMD [ARG...]\n");
    return EXIT_LAUNCHER;
  }
  netlink_pass();
  execvp(argv[1], argv + 1);
  int error = errno;
  fprintf(stderr, "nlx: %s: %s\n", argv[1], strerror(error));
  return error == ENOENT ? 127 : 126;
}
