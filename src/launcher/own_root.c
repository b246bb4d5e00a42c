/*
 * A daemon in a chroot. A mount namespace has a root of its own, and a chroot does not change it: whoever enters a container's
 * namespace that was made below a chroot, as `runc exec` does, comes out in the machine's root instead of the container's.
 * So there runc is started in a mount namespace whose root is the chroot's.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/stat.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launcher.h"

#define EXIT_NOT_EXECUTABLE 126

/* Which mount and which directory of it; an old kernel does not tell the mount. */
struct place {
  uint64_t mount;
  uint64_t inode;
  uint32_t major;
  uint32_t minor;
};

static bool root_place(struct place *place) {
  struct statx info;
  memset(&info, 0, sizeof info);
  if (syscall(SYS_statx, AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &info) != 0) return false;
  *place = (struct place){.mount = (info.stx_mask & STATX_MNT_ID) ? info.stx_mnt_id : 0,
                          .inode = info.stx_ino,
                          .major = info.stx_dev_major,
                          .minor = info.stx_dev_minor};
  return true;
}

/* Root and working directory become those of our mount namespace. */
static bool enter_namespace_root(void) {
  int fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  int result = setns(fd, CLONE_NEWNS);
  close(fd);
  return result == 0;
}

bool own_root_missing(void) {
  struct place own, top;
  if (!root_place(&own) || !enter_namespace_root() || !root_place(&top)) return false;
  return memcmp(&own, &top, sizeof own) != 0;
}

static void check(int result, const char *what) {
  if (result != 0) fail("runc in a chroot: %s: %s", what, strerror(errno));
}

/* Mounts of the machine still come in; ours do not get out. */
static void make_own_root(void) {
  char directory[PATH_MAX], working[PATH_MAX];
  if (getcwd(working, sizeof working) == NULL) strcpy(working, "/");
  check(chdir("/"), "chdir");
  check(unshare(CLONE_NEWNS), "unshare");
  /* The kernel has moved root and working directory into the new namespace, but no open file. */
  int root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0 || !enter_namespace_root()) check(-1, "enter the mount namespace");
  check(fchdir(root), "chdir");
  close(root);
  check(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "mount");
  if (getcwd(directory, sizeof directory) == NULL) check(-1, "getcwd");
  check(mount(directory, directory, NULL, MS_BIND | MS_REC, NULL), "bind");
  check(chdir(directory), "chdir");
  check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
  check(umount2(".", MNT_DETACH), "umount");
  check(chdir("/"), "chdir");
  /* One that was removed meanwhile: runc's paths are absolute. */
  if (chdir(working) != 0) check(chdir("/"), "chdir");
}

_Noreturn void own_root_run(char **argv) {
  char program[PATH_MAX];
  int size = snprintf(program, sizeof program, "%s" OWN_ROOT_PROGRAM, argv[0]);
  if (size < 0 || (size_t)size >= sizeof program) fail("runc in a chroot: its path is too long");
  make_own_root();
  execv(program, argv);
  dprintf(STDERR_FILENO, "k3c: %s: %s\n", program, strerror(errno));
  _exit(EXIT_NOT_EXECUTABLE);
}
