/* Where an archive's entries go: paths below the one directory that is unpacked to, and the directories that lead there. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

struct destination destination;

static char *cached_path;
static int cached = -1;

/* Without dots and doubled slashes, not beginning with one; empty for the directory itself. Out of it is an error. */
char *clean(const char *name) {
  char *result = allocate(strlen(name) + 1);
  size_t end = 0;
  while (*name != '\0') {
    size_t length = strcspn(name, "/");
    if (length == 2 && name[0] == '.' && name[1] == '.') {
      if (end == 0) fail_as(BAD_ARCHIVE, "\"%s\" is outside of \"%s\"", name, destination.path);
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

char *shown(const char *name) {
  return format_text("%s%s%s", strcmp(destination.path, "/") == 0 ? "" : destination.path, *name == '\0' ? "" : "/", name);
}

void own(int fd, const char *name, uid_t uid, gid_t gid, const char *path) {
  if (destination.options->owner == OWNER_SELF) return;
  if (destination.options->owner == OWNER_ROOT) uid = gid = 0;
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
int open_below(const char *path, bool make) {
  if (*path == '\0') return openat(destination.base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

int parent_of(const char *path) {
  if (cached >= 0 && strcmp(cached_path, path) == 0) return cached;
  if (cached >= 0) close(cached);
  cached = open_below(path, true);
  if (cached < 0) fail_errno("open", shown(path));
  free(cached_path);
  cached_path = format_text("%s", path);
  return cached;
}

char *directory_of(const char *path, const char **name) {
  const char *slash = strrchr(path, '/');
  *name = slash == NULL ? path : slash + 1;
  return slash == NULL ? format_text("%s", "") : format_text("%.*s", (int)(slash - path), path);
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

/* Opens the directory, with all links of its path followed. */
void open_destination(const char *path, const struct unpack_options *options) {
  destination.options = options;
  if (options->parents) make_base(path);
  destination.base = open_in_view(path, O_RDONLY | O_DIRECTORY);
  if (destination.base < 0 && errno == ENOTDIR) fail_as(NOT_DIRECTORY, "extraction point is not a directory");
  if (destination.base < 0) fail_errno("lstat", path);
  destination.path = canonical_path(path);
}
