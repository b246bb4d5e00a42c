/*
 * Trees to tar. Every step is taken from an open directory by one name without following it, so that nothing that changes
 * meanwhile leads the walk elsewhere.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

static int by_name(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

static char **names_in(int directory, const char *path, size_t *count) {
  DIR *stream = fdopendir(directory);
  if (stream == NULL) fail_errno("open", path);
  char **names = NULL;
  size_t capacity = 0;
  *count = 0;
  for (struct dirent *entry; errno = 0, (entry = readdir(stream)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (*count == capacity) {
      capacity = capacity == 0 ? 64 : capacity * 2;
      names = realloc(names, capacity * sizeof *names);
      if (names == NULL) fail_as(IO, "out of memory");
    }
    names[(*count)++] = format_text("%s", entry->d_name);
  }
  if (errno != 0) fail_errno("readdir", path);
  closedir(stream);
  if (*count > 0) qsort(names, *count, sizeof *names, by_name);
  return names;
}

static void children(int directory, const char *name) {
  size_t count;
  int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) fail_errno("open", name);
  char **names = names_in(copy, name, &count);
  for (size_t i = 0; i < count; i++) {
    struct stat info;
    if (fstatat(directory, names[i], &info, AT_SYMLINK_NOFOLLOW) == 0) {
      char *path = *name == '\0' ? format_text("%s", names[i])
                                 : format_text("%s%s%s", name, name[strlen(name) - 1] == '/' ? "" : "/", names[i]);
      pack_tree(directory, names[i], path, &info);
      free(path);
    } else if (errno != ENOENT) {
      /* One that was removed meanwhile is not there to be copied. */
      fail_errno("lstat", names[i]);
    }
    free(names[i]);
  }
  free(names);
}

static void pack_file(int fd, const char *name, struct stat *info) {
  const char *first = first_name(info, name);
  struct out_entry entry = {.name = name, .link = first, .info = info, .fd = first == NULL ? fd : -1, .type = first == NULL ? '0' : '1'};
  out_entry(&entry);
}

static void pack_link(int parent, const char *base, const char *name, const struct stat *info) {
  char target[PATH_MAX];
  ssize_t length = readlinkat(parent, base, target, sizeof target - 1);
  if (length < 0) {
    if (errno == ENOENT || errno == EINVAL) return;
    fail_errno("readlink", name);
  }
  target[length] = '\0';
  const char *first = first_name(info, name);
  out_entry(&(struct out_entry){.name = name, .link = first == NULL ? target : first, .info = info, .fd = -1, .type = first == NULL ? '2' : '1'});
}

/* One entry, without what is below it. Sockets are left out: tar has none. */
void pack_one(int parent, const char *base, const char *name, const struct stat *info) {
  if (S_ISREG(info->st_mode)) {
    struct stat now;
    int fd = openat(parent, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP)) return;
    if (fd < 0) fail_errno("open", name);
    if (fstat(fd, &now) != 0) fail_errno("stat", name);
    if (S_ISREG(now.st_mode)) pack_file(fd, name, &now);
    close(fd);
    return;
  }
  if (S_ISDIR(info->st_mode)) {
    int fd = openat(parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) fail_errno("open", name);
    out_entry(&(struct out_entry){.name = name, .info = info, .fd = fd, .type = '5'});
    close(fd);
    return;
  }
  if (S_ISLNK(info->st_mode)) return pack_link(parent, base, name, info);
  if (S_ISSOCK(info->st_mode)) return;
  const char *first = first_name(info, name);
  char type = S_ISCHR(info->st_mode) ? '3' : S_ISBLK(info->st_mode) ? '4' : '6';
  out_entry(&(struct out_entry){.name = name, .link = first, .info = info, .fd = -1, .type = first == NULL ? type : '1'});
}

/* What a container sees at /dev is made for it at every start: the directory is copied, its contents are not. */
static bool belongs_to_runtime(int directory, const struct stat *info) {
  if (view.root < 0) return false;
  if (filesystem_of_kernel(directory)) return true;
  struct stat dev;
  struct stat top;
  int fd = open_in_view("/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  bool same = fd >= 0 && fstat(fd, &dev) == 0 && fstat(view.root, &top) == 0 && dev.st_dev != top.st_dev &&
              dev.st_dev == info->st_dev && dev.st_ino == info->st_ino;
  if (fd >= 0) close(fd);
  return same;
}

void pack_tree(int parent, const char *base, const char *name, const struct stat *info) {
  if (!S_ISDIR(info->st_mode)) return pack_one(parent, base, name, info);
  int directory = openat(parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory < 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return;
    fail_errno("open", name);
  }
  struct stat now;
  if (fstat(directory, &now) != 0) fail_errno("stat", name);
  out_entry(&(struct out_entry){.name = name, .info = &now, .fd = directory, .type = '5'});
  struct stat above;
  bool crossed = fstat(parent, &above) == 0 && above.st_dev != now.st_dev;
  if (!crossed || !belongs_to_runtime(directory, &now)) children(directory, name);
  close(directory);
}

static int open_source(const char *path, struct stat *info) {
  int fd = open_in_view(path, O_PATH | O_NOFOLLOW);
  if (fd < 0 || fstat(fd, info) != 0) fail_errno("lstat", path);
  return fd;
}

/* Mode, size and time in text, then where a link leads to, with all links followed; each ends with NUL. */
static void description(const char *path, const struct stat *info) {
  char *link = S_ISLNK(info->st_mode) ? canonical_path(path) : format_text("%s", "");
  char *text = format_text("%o %llu %lld %ld", info->st_mode, (unsigned long long)info->st_size,
                           (long long)info->st_mtim.tv_sec, info->st_mtim.tv_nsec);
  out_bytes(text, strlen(text) + 1);
  out_bytes(link, strlen(link) + 1);
}

void describe(const char *path) {
  struct stat info;
  open_source(path, &info);
  description(path, &info);
  out_flush();
}

/*
 * One file or tree; the last part of the path is followed only where a slash or a dot after it says so. An empty name stands
 * for what is in the directory, without the directory itself.
 */
void pack(const char *path, const char *name) {
  struct stat info;
  int fd = open_source(path, &info);
  description(path, &info);
  if (view.root >= 0 && filesystem_of_kernel(fd))
    fail_as(NOT_FOUND, "%s is made up by the kernel and cannot be copied: read it in the container", path);
  if (S_ISDIR(info.st_mode)) {
    int directory = reopen(fd, O_RDONLY | O_DIRECTORY);
    if (directory < 0) fail_errno("open", path);
    if (*name != '\0') out_entry(&(struct out_entry){.name = name, .info = &info, .fd = directory, .type = '5'});
    children(directory, name);
  } else if (S_ISREG(info.st_mode)) {
    int file = reopen(fd, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (file < 0) fail_errno("open", path);
    pack_file(file, name, &info);
  } else if (S_ISLNK(info.st_mode)) {
    pack_link(fd, "", name, &info);
  } else if (S_ISSOCK(info.st_mode)) {
    fail_as(IO, "%s is a socket, which cannot be copied", path);
  } else {
    char type = S_ISCHR(info.st_mode) ? '3' : S_ISBLK(info.st_mode) ? '4' : '6';
    out_entry(&(struct out_entry){.name = name, .info = &info, .fd = -1, .type = type});
  }
  out_end();
}
