/*
 * To whom the door is opened: root's socket, root behind it, and one who sees the files that we see. The daemon reads and
 * writes the paths of a command where it lives itself, so from inside a container, a chroot or `ip netns exec` the
 * command would meet other files there.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "launcher.h"

/* Whether /proc/PID/NAME is the same object for that process as for us. From another pid namespace its pid reads 0. */
static bool same(pid_t pid, const char *name) {
  char path[64];
  struct stat theirs, own;
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  if (stat(path, &theirs) != 0) return false;
  snprintf(path, sizeof path, "/proc/self/%s", name);
  return stat(path, &own) == 0 && theirs.st_dev == own.st_dev && theirs.st_ino == own.st_ino;
}

int door_connect(const char *path) {
  struct stat status;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode) || status.st_uid != 0) return -1;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
      getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid != 0 || !same(peer.pid, "ns/mnt") ||
      !same(peer.pid, "root")) {
    close(fd);
    return -1;
  }
  return fd;
}
