/* tar to files, below one directory, by docker's rules for what may replace what. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

/* What a directory gets when everything in it is written: a mode without the right to write, a time that writing changes. */
struct later {
  char *path;
  mode_t mode;
  struct timespec modified;
  dev_t device;
  ino_t inode;
};

static struct later *directories;
static size_t directory_count;

static void attributes_of(int fd, const struct in_entry *entry, const char *path) {
  for (size_t i = 0; i < entry->attribute_count; i++) {
    const struct attribute *attribute = &entry->attributes[i];
    /* Labels and ACLs belong to the file system they come from; a container's file capabilities count outside only with -a. */
    bool user = strncmp(attribute->name, "user.", 5) == 0;
    bool capability = destination.options->owner != OWNER_SELF && strcmp(attribute->name, "security.capability") == 0;
    if (!user && !capability) continue;
    if (fsetxattr(fd, attribute->name, attribute->value, attribute->size, 0) == 0) continue;
    if (errno == ENOTSUP || errno == EPERM) continue;
    fail_errno("lsetxattr", path);
  }
}

static void times_of(int fd, const struct timespec *modified) {
  struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, *modified};
  /* A time that the file system cannot hold is no reason to refuse the file. */
  (void)futimens(fd, times);
}

static void write_data(int fd, uint64_t size, const char *path) {
  uint64_t padding = (512 - size % 512) % 512;
  while (size > 0) {
    const uint8_t *data;
    size_t got = in_data(&data, size < (1u << 20) ? (size_t)size : 1u << 20);
    size -= got;
    while (got > 0) {
      ssize_t written = write(fd, data, got);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_errno("write", path);
      data += written;
      got -= (size_t)written;
    }
  }
  in_skip(padding);
}

/* Set-id bits speak for the owner that the archive names: somebody else gets the file without them. */
static mode_t mode_of(int fd, const struct in_entry *entry) {
  struct stat info;
  if ((entry->mode & (S_ISUID | S_ISGID)) == 0 || fstat(fd, &info) != 0) return entry->mode & ~(mode_t)(S_ISUID | S_ISGID);
  return entry->mode & ~(mode_t)((info.st_uid == entry->uid ? 0 : S_ISUID) | (info.st_gid == entry->gid ? 0 : S_ISGID));
}

/* A file that something is mounted on cannot be replaced; its content can. */
static int create(int parent, const char *name, const struct in_entry *entry, bool mounted) {
  int flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (mounted ? O_TRUNC : O_CREAT | O_EXCL);
  return openat(parent, name, flags, entry->mode & 0700);
}

static void unpack_file(int parent, const char *name, const struct in_entry *entry, const char *path, bool mounted) {
  int fd = create(parent, name, entry, mounted);
  if (fd < 0) fail_errno("open", path);
  write_data(fd, entry->size, path);
  if (!mounted) {
    own(fd, "", entry->uid, entry->gid, path);
    if (fchmod(fd, mode_of(fd, entry)) != 0 && errno != EPERM) fail_errno("chmod", path);
  }
  attributes_of(fd, entry, path);
  times_of(fd, &entry->modified);
  if (close(fd) != 0) fail_errno("close", path);
}

static void remember(const char *relative, int fd, const struct in_entry *entry) {
  struct stat info;
  if (fstat(fd, &info) != 0) fail_errno("stat", relative);
  if ((directory_count & (directory_count + 1)) == 0 || directories == NULL) {
    directories = realloc(directories, (directory_count + 1) * 2 * sizeof *directories);
    if (directories == NULL) fail_as(IO, "out of memory");
  }
  directories[directory_count++] =
      (struct later){format_text("%s", relative), entry->mode, entry->modified, info.st_dev, info.st_ino};
}

static void unpack_directory(int parent, const char *name, const struct in_entry *entry, const char *relative, bool exists) {
  if (!exists && mkdirat(parent, name, (entry->mode & 0700) | 0700) != 0) fail_errno("mkdir", shown(relative));
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) fail_errno("open", shown(relative));
  own(fd, "", entry->uid, entry->gid, relative);
  attributes_of(fd, entry, relative);
  remember(relative, fd, entry);
  close(fd);
}

static void unpack_other(int parent, const char *name, const struct in_entry *entry, const char *path) {
  int done;
  if (entry->type == '1') {
    char *target = clean(entry->link);
    const char *last;
    char *directory = directory_of(target, &last);
    int from = open_below(directory, false);
    done = from < 0 ? -1 : linkat(from, last, parent, name, 0);
    if (done != 0) fail_errno("link", path);
    close(from);
    free(directory);
    free(target);
    return;
  }
  if (entry->type == '2') {
    done = symlinkat(entry->link, parent, name);
  } else {
    mode_t type = entry->type == '3' ? S_IFCHR : entry->type == '4' ? S_IFBLK : S_IFIFO;
    done = mknodat(parent, name, type | entry->mode, entry->device);
  }
  if (done != 0) fail_errno(entry->type == '2' ? "symlink" : "mknod", path);
  own(parent, name, entry->uid, entry->gid, path);
  /* chown took set-id bits away; nobody but us writes through a name that is none of a link. */
  struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, entry->modified};
  (void)utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW);
}

static bool shadowed(const char *path) {
  for (size_t i = 0; i < destination.options->shadow_count; i++) {
    size_t length = strlen(destination.options->shadows[i]);
    if (strncmp(path, destination.options->shadows[i], length) == 0 && (path[length] == '/' || path[length] == '\0')) return true;
  }
  return false;
}

static void unpack_entry(const struct in_entry *entry) {
  char *relative = clean(entry->name);
  char *path = shown(relative);
  uint64_t data = entry->type == '0' ? 0 : entry->size + (512 - entry->size % 512) % 512;
  if (entry->type < '0' || entry->type > '6' || shadowed(path)) {
    in_skip(entry->size + (512 - entry->size % 512) % 512);
  } else if (*relative == '\0') {
    if (entry->type == '5') {
      own(destination.base, "", entry->uid, entry->gid, path);
      remember(relative, destination.base, entry);
    } else {
      fail_as(CONFLICT, "cannot overwrite directory \"%s\" with non-directory \"%s\"", path, destination.path);
    }
  } else {
    const char *name;
    char *directory = directory_of(relative, &name);
    int parent = parent_of(directory);
    struct stat info;
    bool exists = fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
    bool mounted = false;
    if (exists && S_ISDIR(info.st_mode) && entry->type != '5')
      fail_as(CONFLICT, "cannot overwrite directory \"%s\" with non-directory \"%s\"", path, destination.path);
    if (exists && !S_ISDIR(info.st_mode) && entry->type == '5')
      fail_as(CONFLICT, "cannot overwrite non-directory \"%s\" with directory \"%s\"", path, destination.path);
    if (exists && entry->type != '5' && unlinkat(parent, name, 0) != 0 && errno != ENOENT) {
      mounted = errno == EBUSY && entry->type == '0' && S_ISREG(info.st_mode);
      if (!mounted) fail_errno("remove", path);
    }
    if (entry->type == '0') unpack_file(parent, name, entry, path, mounted);
    else if (entry->type == '5') unpack_directory(parent, name, entry, relative, exists);
    else unpack_other(parent, name, entry, path);
    free(directory);
    in_skip(data);
  }
  free(relative);
  free(path);
}

/* Only the very directory that was made: another one that was moved to its name keeps its mode. */
static void finish_directories(void) {
  for (size_t i = directory_count; i-- > 0;) {
    const struct later *later = &directories[i];
    struct stat info;
    int fd = open_below(later->path, false);
    if (fd < 0) continue;
    if (fstat(fd, &info) == 0 && info.st_dev == later->device && info.st_ino == later->inode) {
      if (fchmod(fd, later->mode) != 0 && errno != EPERM) fail_errno("chmod", shown(later->path));
      times_of(fd, &later->modified);
    }
    close(fd);
  }
}

void unpack(const char *path, const struct unpack_options *options) {
  open_destination(path, options);
  /* Whoever feeds us may want to know before it does. */
  out_bytes(destination.path, strlen(destination.path) + 1);
  out_flush();
  struct in_entry entry;
  while (in_entry(&entry)) {
    unpack_entry(&entry);
    free(entry.attributes);
  }
  finish_directories();
  in_drain();
}
