/* Roots: the mount namespace of a running container, or the layers of one that does not run, mounted for us alone. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"

#define OPEN_TREE_CLONE_FLAG 1u
#define RECURSIVE 0x8000u
#define EMPTY_PATH 0x1000u
#define MOVE_FROM_EMPTY 4u
#define MOVE_TO_EMPTY 0x40u

#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#endif

static int clone_tree(const char *path, unsigned flags) {
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE_FLAG | (unsigned)O_CLOEXEC | flags);
  if (tree < 0) fail_errno("open_tree", path);
  return tree;
}

/*
 * The root of a container's process, as its mount namespace has it: not where the process may have moved its own root to.
 * All is read through one descriptor of /proc/PID, so that a number that is given to another process meanwhile is found out.
 * bare: without what is mounted on it.
 */
int enter_process(long pid, const char *id, bool bare) {
  char *name = format_text("%ld", pid);
  int process = openat(view.proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  char cgroups[8192] = "";
  int file = process < 0 ? -1 : openat(process, "cgroup", O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? -1 : read(file, cgroups, sizeof cgroups - 1);
  int space = process < 0 ? -1 : openat(process, "ns/mnt", O_RDONLY | O_CLOEXEC);
  if (length < 0 || space < 0 || strstr(cgroups, id) == NULL) fail_as(GONE, "process %ld has ended", pid);
  if (setns(space, CLONE_NEWNS) != 0) fail_errno("setns", name);
  if (bare) return clone_tree("/", 0);
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) fail_errno("open", "/");
  return root;
}

/* The root of a chroot is no mount that could be made private: that is done in the root of our mount namespace, and then we go back. */
static void private_mounts_of_chroot(void) {
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int working = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int space = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (root < 0 || working < 0 || space < 0) fail_errno("open", "/");
  if (setns(space, CLONE_NEWNS) != 0) fail_errno("setns", "mounts");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) fail_errno("mount", "/");
  if (fchdir(root) != 0 || chroot(".") != 0 || fchdir(working) != 0) fail_errno("chroot", "/");
  close(root);
  close(working);
  close(space);
}

void private_mounts(void) {
  if (unshare(CLONE_NEWNS) != 0) fail_errno("unshare", "mounts");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) return;
  if (errno != EINVAL) fail_errno("mount", "/");
  private_mounts_of_chroot();
}

/* Makes a mount point that is not there: docker does so in a container that never ran. */
static int make_target(const char *target, mode_t type) {
  char *path = format_text("%s", target);
  for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
    if (slash != NULL) *slash = '\0';
    int fd = open_in_view(path, O_PATH);
    if (fd < 0) {
      const char *base = strrchr(path, '/') + 1;
      char *parent = format_text("%.*s", (int)(base - path), path);
      int directory = open_in_view(parent, O_PATH | O_DIRECTORY);
      if (directory < 0) fail_errno("open", parent);
      if (slash != NULL || S_ISDIR(type)) {
        if (mkdirat(directory, base, 0755) != 0 && errno != EEXIST) fail_errno("mkdir", path);
      } else if (mknodat(directory, base, S_IFREG | 0644, 0) != 0 && errno != EEXIST) {
        fail_errno("open", path);
      }
      close(directory);
      free(parent);
    } else {
      close(fd);
    }
    if (slash == NULL) break;
    *slash = '/';
  }
  int fd = open_in_view(target, O_PATH);
  if (fd < 0) fail_errno("open", target);
  return fd;
}

static void attach(const struct mount_request *request, int tree) {
  struct stat info;
  if (fstat(tree, &info) != 0) fail_errno("stat", request->source);
  int target = make_target(request->target, info.st_mode);
  if (syscall(SYS_move_mount, tree, "", target, "", MOVE_FROM_EMPTY | MOVE_TO_EMPTY) != 0)
    fail_errno("mount", request->target);
  close(target);
  if (!request->read_only) return;
  char at[64];
  snprintf(at, sizeof at, "/proc/self/fd/%d", tree);
  if (mount(NULL, at, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) != 0) fail_errno("mount", request->target);
}

static int open_directory(const char *path) {
  int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail_errno("open", path);
  return fd;
}

/*
 * Mounts layers; private_mounts() was called. Paths of lower, upper and work are relative to the working directory, for the
 * data of mount(2) is one page. Without an upper directory a throw-away one takes what mount points need. Returns the root.
 */
int mount_layers(const struct layers *layers) {
  int *trees = allocate(layers->mount_count * sizeof *trees);
  for (size_t i = 0; i < layers->mount_count; i++) trees[i] = clone_tree(layers->mounts[i].source, RECURSIVE);
  int root;
  if (layers->source != NULL) {
    root = clone_tree(layers->source, RECURSIVE);
  } else {
    char *at = format_text("%s", layers->at);
    char *upper = format_text("%s", layers->upper == NULL ? "" : layers->upper);
    char *work = format_text("%s", layers->work == NULL ? "" : layers->work);
    if (layers->upper == NULL) {
      if (mount("k3c-files", at, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") != 0) fail_errno("mount", at);
      upper = format_text("%s/upper", at);
      work = format_text("%s/work", at);
      at = format_text("%s/root", at);
      if (mkdir(upper, 0755) != 0 || mkdir(work, 0755) != 0 || mkdir(at, 0755) != 0) fail_errno("mkdir", at);
      /* The directory of the upper layer is the root's: it looks like the uppermost lower one. */
      size_t length = strcspn(layers->lower, ":");
      char *first = format_text("%.*s", (int)length, layers->lower);
      struct stat info;
      if (stat(first, &info) == 0 && (chown(upper, info.st_uid, info.st_gid) != 0 || chmod(upper, info.st_mode & 07777) != 0))
        fail_errno("chmod", upper);
      struct timespec times[2] = {info.st_atim, info.st_mtim};
      utimensat(AT_FDCWD, upper, times, 0);
    }
    const char *more = layers->more == NULL ? "" : layers->more;
    char *data = format_text("lowerdir=%s,upperdir=%s,workdir=%s%s%s", layers->lower, upper, work, *more ? "," : "", more);
    if (mount("overlay", at, "overlay", 0, data) != 0) fail_errno("mount", at);
    root = open_directory(at);
  }
  struct view before = view;
  view.root = root;
  for (size_t i = 0; i < layers->mount_count; i++) attach(&layers->mounts[i], trees[i]);
  view = before;
  free(trees);
  return root;
}

/* From here on no path leads out of the root. */
void confine(int root) {
  view.root = root;
  if (fchdir(root) != 0 || chroot(".") != 0) fail_errno("chroot", "container");
}

/* Keeps what files need; what could lead out of a root, or into other processes, goes. */
void drop_capabilities(void) {
  const unsigned kept[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_MKNOD, CAP_SETFCAP};
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct have[2] = {{0}, {0}};
  struct __user_cap_data_struct want[2] = {{0}, {0}};
  if (syscall(SYS_capget, &header, have) != 0) fail_errno("capget", "k3c-files");
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    uint32_t bit = have[kept[i] / 32].permitted & (1u << (kept[i] % 32));
    want[kept[i] / 32].effective |= bit;
    want[kept[i] / 32].permitted |= bit;
  }
  if (syscall(SYS_capset, &header, want) != 0) fail_errno("capset", "k3c-files");
}
