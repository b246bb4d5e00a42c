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

static const struct unpack_options *options;
static int base;
static char *base_path;
static struct later *directories;
static size_t directory_count;
static char *cached_path;
static int cached = -1;

/* Without dots and doubled slashes, not beginning with one; empty for the directory itself. Out of it is an error. */
static char *clean(const char *name) {
  char *result = allocate(strlen(name) + 1);
  size_t end = 0;
  while (*name != '\0') {
    size_t length = strcspn(name, "/");
    if (length == 2 && name[0] == '.' && name[1] == '.') {
      if (end == 0) fail_as(BAD_ARCHIVE, "\"%s\" is outside of \"%s\"", name, base_path);
      while (end > 0 && result[--end] != '/') continue;
    } else if (length > 0 && !(length == 1 && name[0] == '.')) {
      if (end > 0) result[end++] = '/';
      memcpy(result + end, name, length);
      end += length;
    }
    result[end] = '\0';
    name += length;
    if (*name == '/') name++;
  }
  return result;
}

static char *shown(const char *name) {
  return format_text("%s%s%s", strcmp(base_path, "/") == 0 ? "" : base_path, *name == '\0' ? "" : "/", name);
}

static void own(int fd, const char *name, uid_t uid, gid_t gid, const char *path) {
  if (options->owner == OWNER_SELF) return;
  if (options->owner == OWNER_ROOT) uid = gid = 0;
  if (fchownat(fd, name, uid, gid, AT_SYMLINK_NOFOLLOW | (*name == '\0' ? AT_EMPTY_PATH : 0)) == 0) return;
  /* An ordinary user cannot give files away; what tar and cp do then is right here too. */
  if (errno == EPERM && geteuid() != 0) return;
  fail_errno("lchown", path);
}

static int step(int parent, const char *name, bool make, const char *path) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 || errno != ENOENT || !make) return fd;
  if (mkdirat(parent, name, 0755) != 0 && errno != EEXIST) fail_errno("mkdir", path);
  own(parent, name, 0, 0, path);
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * Opens a directory below the base. In a container links are followed within its root; outside none is, for a link that an
 * archive brought must not lead its next entry elsewhere.
 */
static int open_below(const char *path, bool make) {
  if (*path == '\0') return openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (view.root >= 0) {
    char *whole = shown(path);
    int fd = open_in_view(whole, O_RDONLY | O_DIRECTORY);
    free(whole);
    if (fd >= 0 || errno != ENOENT || !make) return fd;
  }
  char *copy = format_text("%s", path);
  char *slash = strrchr(copy, '/');
  const char *name = slash == NULL ? copy : slash + 1;
  int parent;
  if (slash == NULL) {
    parent = open_below("", make);
  } else {
    *slash = '\0';
    parent = open_below(copy, make);
  }
  int fd = parent < 0 ? -1 : step(parent, name, make, path);
  int error = errno;
  if (parent >= 0) close(parent);
  free(copy);
  errno = error;
  return fd;
}

static int parent_of(const char *path) {
  if (cached >= 0 && strcmp(cached_path, path) == 0) return cached;
  if (cached >= 0) close(cached);
  cached = open_below(path, true);
  if (cached < 0) fail_errno("open", shown(path));
  free(cached_path);
  cached_path = format_text("%s", path);
  return cached;
}

static char *directory_of(const char *path, const char **name) {
  const char *slash = strrchr(path, '/');
  *name = slash == NULL ? path : slash + 1;
  return slash == NULL ? format_text("%s", "") : format_text("%.*s", (int)(slash - path), path);
}

static void attributes_of(int fd, const struct in_entry *entry, const char *path) {
  for (size_t i = 0; i < entry->attribute_count; i++) {
    const struct attribute *attribute = &entry->attributes[i];
    /* Labels and ACLs belong to the file system they come from; a container's file capabilities count outside only with -a. */
    bool user = strncmp(attribute->name, "user.", 5) == 0;
    bool capability = options->owner != OWNER_SELF && strcmp(attribute->name, "security.capability") == 0;
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
  for (size_t i = 0; i < options->shadow_count; i++) {
    size_t length = strlen(options->shadows[i]);
    if (strncmp(path, options->shadows[i], length) == 0 && (path[length] == '/' || path[length] == '\0')) return true;
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
      own(base, "", entry->uid, entry->gid, path);
      remember(relative, base, entry);
    } else {
      fail_as(CONFLICT, "cannot overwrite directory \"%s\" with non-directory \"%s\"", path, base_path);
    }
  } else {
    const char *name;
    char *directory = directory_of(relative, &name);
    int parent = parent_of(directory);
    struct stat info;
    bool exists = fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
    bool mounted = false;
    if (exists && S_ISDIR(info.st_mode) && entry->type != '5')
      fail_as(CONFLICT, "cannot overwrite directory \"%s\" with non-directory \"%s\"", path, base_path);
    if (exists && !S_ISDIR(info.st_mode) && entry->type == '5')
      fail_as(CONFLICT, "cannot overwrite non-directory \"%s\" with directory \"%s\"", path, base_path);
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

static void make_base(const char *path) {
  char *copy = format_text("%s", path);
  for (char *slash = strchr(copy + 1, '/');; slash = strchr(slash + 1, '/')) {
    if (slash != NULL) *slash = '\0';
    int fd = open_in_view(copy, O_PATH | O_DIRECTORY);
    if (fd < 0 && errno == ENOENT) {
      char *last = strrchr(copy, '/');
      char *parent = format_text("%.*s", (int)(last - copy) + 1, copy);
      int directory = open_in_view(parent, O_PATH | O_DIRECTORY);
      if (directory < 0 || (mkdirat(directory, last + 1, 0755) != 0 && errno != EEXIST)) fail_errno("mkdir", copy);
      close(directory);
    } else if (fd >= 0) {
      close(fd);
    }
    if (slash == NULL) break;
    *slash = '/';
  }
  free(copy);
}

void unpack(const char *path, const struct unpack_options *given) {
  options = given;
  if (options->parents) make_base(path);
  base = open_in_view(path, O_RDONLY | O_DIRECTORY);
  if (base < 0 && errno == ENOTDIR) fail_as(NOT_DIRECTORY, "extraction point is not a directory");
  if (base < 0) fail_errno("lstat", path);
  base_path = canonical_path(path);
  /* Whoever feeds us may want to know before it does. */
  out_bytes(base_path, strlen(base_path) + 1);
  out_flush();
  struct in_entry entry;
  while (in_entry(&entry)) {
    unpack_entry(&entry);
    free(entry.attributes);
  }
  finish_directories();
  in_drain();
}
