/*
 * k3c-cni: the CNI plugin that containerd calls for every pod (CNI specification 1.0). It decides nothing: what it is told goes
 * to the daemon, over the socket that K3C_CNI_SOCKET names, and what the daemon answers is its own output and exit code.
 *
 *   to the daemon    NAME=value NUL … NUL, then all of standard input, then the end of the stream
 *   from it          one byte, the exit code, then standard output until the end of the stream
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* A daemon that does not answer for so long never will. */
#define PATIENCE_SECONDS 60

static const char *const told[] = {"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"};

/* The specification's "try again later" (section 5, error 11). */
static int give_up(const char *what) {
  printf("{\"cniVersion\":\"1.0.0\",\"code\":11,\"msg\":\"the k3c daemon does not answer its network plugin: %s\"}\n", what);
  return 1;
}

static int write_all(int fd, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t n = write(fd, bytes, count);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    bytes += n;
    count -= (size_t)n;
  }
  return 0;
}

/* The next bytes of a stream; 0 at its end. */
static ssize_t read_some(int fd, char *buffer, size_t size) {
  ssize_t n;
  do n = read(fd, buffer, size);
  while (n < 0 && errno == EINTR);
  return n;
}

static int open_daemon(void) {
  const char *path = getenv("K3C_CNI_SOCKET");
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (path == NULL || strlen(path) >= sizeof address.sun_path) {
    errno = path == NULL ? ENOENT : ENAMETOOLONG;
    return -1;
  }
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
  /* Connecting waits, too, where many others do: as long as sending may. */
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
      connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    return -1;
  return fd;
}

static int tell(int daemon, char *buffer, size_t size) {
  for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
    const char *value = getenv(told[i]);
    if (value == NULL) continue;
    if (write_all(daemon, told[i], strlen(told[i])) != 0 || write_all(daemon, "=", 1) != 0 ||
        write_all(daemon, value, strlen(value) + 1) != 0)
      return -1;
  }
  if (write_all(daemon, "", 1) != 0) return -1;
  ssize_t n;
  while ((n = read_some(STDIN_FILENO, buffer, size)) > 0)
    if (write_all(daemon, buffer, (size_t)n) != 0) return -1;
  return n < 0 ? -1 : shutdown(daemon, SHUT_WR);
}

int main(void) {
  static char buffer[1 << 16];
  /* A daemon that goes away is told of, and no reason to die without a word. */
  signal(SIGPIPE, SIG_IGN);
  int daemon = open_daemon();
  if (daemon < 0 || tell(daemon, buffer, sizeof buffer) != 0) return give_up(strerror(errno));
  char code;
  ssize_t n = read_some(daemon, &code, 1);
  if (n != 1) return give_up(n < 0 ? strerror(errno) : "it went away");
  while ((n = read_some(daemon, buffer, sizeof buffer)) > 0)
    if (write_all(STDOUT_FILENO, buffer, (size_t)n) != 0) return 1;
  return n < 0 ? 1 : code;
}
