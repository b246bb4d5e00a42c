/*
 * Paths. Inside a container every one is resolved by one openat2(2) that cannot leave the root, whatever a process of the
 * container swaps meanwhile; magic links of a /proc in there are refused, for they lead to anywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "files.h"

#define MAX_LINKS 40
/* The kernel gives up on a path while somebody renames or mounts elsewhere; it is not the path's fault. */
#define MAX_TRIES 1000

struct view view = {.root = -1, .proc = -1};

/* Like open(2) with O_CLOEXEC. Returns -1 with errno set. */
int open_in_view(const char *path, uint64_t flags) {
  if (view.root < 0) return open(path, (int)flags | O_CLOEXEC);
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  for (int tries = 0;; tries++) {
    long fd = syscall(SYS_openat2, view.root, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR) || tries == MAX_TRIES) return (int)fd;
  }
}

/* Opens what a descriptor (O_PATH too) stands for once more: the very same file, not whatever its name leads to by now. */
int reopen(int fd, int flags) {
  char name[64];
  snprintf(name, sizeof name, "self/fd/%d", fd);
  return openat(view.proc, name, flags | O_CLOEXEC);
}

/* The path of an open file from the root on. */
static char *path_of(int fd) {
  char name[64];
  char path[PATH_MAX];
  snprintf(name, sizeof name, "self/fd/%d", fd);
  ssize_t length = readlinkat(view.proc, name, path, sizeof path - 1);
  if (length < 0) fail_errno("readlink", name);
  path[length] = '\0';
  return format_text("%s", path);
}

static char *canonical(const char *path, int links) {
  int fd = open_in_view(path, O_PATH);
  if (fd >= 0) {
    char *found = path_of(fd);
    close(fd);
    return found;
  }
  if (errno != ENOENT || links > MAX_LINKS) fail_errno("lstat", path);
  char *copy = format_text("%s", path);
  for (size_t end = strlen(copy); end > 1 && copy[end - 1] == '/'; end--) copy[end - 1] = '\0';
  char *slash = strrchr(copy, '/');
  if (slash == NULL || slash[1] == '\0') return format_text("/");
  *slash = '\0';
  const char *base = slash + 1;
  char *parent = canonical(*copy == '\0' ? "/" : copy, links + 1);
  char *whole = format_text("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, base);
  char target[PATH_MAX];
  int link = open_in_view(whole, O_PATH | O_NOFOLLOW);
  ssize_t length = link < 0 ? -1 : readlinkat(link, "", target, sizeof target - 1);
  if (link >= 0) close(link);
  if (length < 0) return whole;
  target[length] = '\0';
  if (*target == '/') return canonical(target, links + 1);
  return canonical(format_text("%s/%s", parent, target), links + 1);
}

/* A path with all links followed, the last one too; what does not exist at its end stays as it is written. */
char *canonical_path(const char *path) {
  return canonical(path, 0);
}

/* Whether what lies there is made up by the kernel while it is read, so that there is nothing to copy. */
bool filesystem_of_kernel(int fd) {
  struct statfs info;
  if (fstatfs(fd, &info) != 0) return false;
  switch ((unsigned long)info.f_type) {
    case PROC_SUPER_MAGIC:
    case SYSFS_MAGIC:
    case CGROUP_SUPER_MAGIC:
    case CGROUP2_SUPER_MAGIC:
    case DEVPTS_SUPER_MAGIC:
    case DEBUGFS_MAGIC:
    case TRACEFS_MAGIC:
    case SECURITYFS_MAGIC:
    case 0x19800202: /* mqueue, not in linux/magic.h */
      return true;
    default:
      return false;
  }
}
