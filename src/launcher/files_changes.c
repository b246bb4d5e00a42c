/*
 * What differs between a container's tree and its image's: as text for `diff`, as a layer (OCI image-spec, layer.md) for
 * `commit`. The upper directory of an overlay holds all that can differ, so that only it is walked (kernel documentation,
 * filesystems/overlayfs); other snapshots are compared tree against tree.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

static const struct change_options *options;

static int by_name(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

static char **sorted_names(int directory, size_t *count) {
  *count = 0;
  if (directory < 0) return NULL;
  int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = copy < 0 ? NULL : fdopendir(copy);
  if (stream == NULL) fail_errno("open", "directory");
  char **names = NULL;
  for (struct dirent *entry; errno = 0, (entry = readdir(stream)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if ((*count & (*count + 1)) == 0 || names == NULL) {
      names = realloc(names, (*count + 1) * 2 * sizeof *names);
      if (names == NULL) fail_as(IO, "out of memory");
    }
    names[(*count)++] = format_text("%s", entry->d_name);
  }
  if (errno != 0) fail_errno("readdir", "directory");
  closedir(stream);
  if (*count > 0) qsort(names, *count, sizeof *names, by_name);
  return names;
}

static int open_child(int directory, const char *name) {
  if (directory < 0) return -1;
  return openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_whiteout(const struct stat *info) {
  return S_ISCHR(info->st_mode) && info->st_rdev == 0;
}

static bool is_opaque(int directory) {
  char value[2];
  return fgetxattr(directory, "trusted.overlay.opaque", value, sizeof value) > 0 && *value == 'y';
}

static bool same_link(int left, int right, const char *name) {
  char a[PATH_MAX];
  char b[PATH_MAX];
  ssize_t first = readlinkat(left, name, a, sizeof a);
  ssize_t second = readlinkat(right, name, b, sizeof b);
  return first == second && first >= 0 && memcmp(a, b, (size_t)first) == 0;
}

static bool same(int left_at, int right_at, const char *name, const struct stat *left, const struct stat *right) {
  if (left->st_mode != right->st_mode || left->st_uid != right->st_uid || left->st_gid != right->st_gid) return false;
  if (S_ISLNK(left->st_mode)) return same_link(left_at, right_at, name);
  if (S_ISCHR(left->st_mode) || S_ISBLK(left->st_mode)) return left->st_rdev == right->st_rdev;
  if (!S_ISDIR(left->st_mode) && left->st_size != right->st_size) return false;
  return left->st_mtim.tv_sec == right->st_mtim.tv_sec && left->st_mtim.tv_nsec == right->st_mtim.tv_nsec;
}

/* A mount point that the runtime made: there, and empty. */
static bool is_stub(const char *path, int right, const char *name, const struct stat *info) {
  for (size_t i = 0; i < options->stub_count; i++) {
    if (strcmp(options->stubs[i], path) != 0) continue;
    if (S_ISREG(info->st_mode)) return info->st_size == 0;
    if (!S_ISDIR(info->st_mode)) return false;
    size_t count;
    int directory = open_child(right, name);
    char **names = sorted_names(directory, &count);
    bool empty = true;
    for (size_t j = 0; j < count && empty; j++) {
      struct stat child;
      char *below = format_text("%s/%s", path, names[j]);
      empty = fstatat(directory, names[j], &child, AT_SYMLINK_NOFOLLOW) == 0 && is_stub(below, directory, names[j], &child);
      free(below);
    }
    if (directory >= 0) close(directory);
    return empty;
  }
  return false;
}

static void say(char kind, const char *path) {
  if (options->layer) return;
  out_bytes(&kind, 1);
  out_bytes(path, strlen(path) + 1);
}

static void deleted(const char *path) {
  say('D', path);
  if (!options->layer) return;
  static const struct stat nothing;
  const char *slash = strrchr(path, '/');
  char *name = format_text("%.*s.wh.%s", (int)(slash - path), path + 1, slash + 1);
  out_entry(&(struct out_entry){.name = name, .info = &nothing, .fd = -1, .type = '0'});
  free(name);
}

/* An ancestor of what changed that was not written yet: it says so before its first child does. */
struct ancestor {
  struct ancestor *above;
  int parent;
  const char *base;
  const char *path;
  const struct stat *info;
  char kind;
  bool written;
};

static void announce(struct ancestor *ancestor) {
  if (ancestor == NULL || ancestor->written) return;
  announce(ancestor->above);
  ancestor->written = true;
  say(ancestor->kind, ancestor->path);
  if (options->layer) pack_one(ancestor->parent, ancestor->base, ancestor->path + 1, ancestor->info);
}

static bool walk(int left, int right, const char *path, bool opaque, struct ancestor *here);

/* One name that the right side has. Returns whether it was a stub. */
static bool visit(int left, int right, const char *name, const char *path, struct ancestor *above) {
  struct stat now;
  struct stat before;
  if (fstatat(right, name, &now, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    fail_errno("lstat", path);
  }
  bool had = left >= 0 && fstatat(left, name, &before, AT_SYMLINK_NOFOLLOW) == 0;
  if (options->upper >= 0 && is_whiteout(&now)) {
    if (had) {
      announce(above);
      deleted(path);
    }
    return false;
  }
  if (!had && is_stub(path, right, name, &now)) return true;
  /* What is no directory is copied up only to be changed; a directory also for what is in it. */
  bool copied_up = options->upper >= 0 && !S_ISDIR(now.st_mode);
  bool equal = had && !copied_up && same(left, right, name, &before, &now);
  struct ancestor entry = {above, right, name, path, &now, had ? 'C' : 'A', false};
  if (!S_ISDIR(now.st_mode)) {
    if (equal) return false;
    announce(&entry);
    return false;
  }
  int directory = open_child(right, name);
  if (directory < 0) return false;
  int old = had && S_ISDIR(before.st_mode) ? open_child(left, name) : -1;
  bool opaque = options->upper >= 0 && is_opaque(directory);
  if (!had || !S_ISDIR(before.st_mode)) announce(&entry);
  bool stubs = walk(old, directory, path, opaque, &entry);
  /* Making a mount point changes the time of its directory: that alone is none of the container's doing. */
  bool only_time = had && before.st_mode == now.st_mode && before.st_uid == now.st_uid && before.st_gid == now.st_gid;
  if (!equal && !(stubs && only_time)) announce(&entry);
  close(directory);
  if (old >= 0) close(old);
  return false;
}

/* Whether an upper directory has nothing under this name, so that the lower one shows through. */
static bool has(char **names, size_t count, const char *name) {
  return count > 0 && bsearch(&name, names, count, sizeof *names, by_name) != NULL;
}

/* Two directories, in the order of names. Returns whether stubs were passed over. */
static bool walk(int left, int right, const char *path, bool opaque, struct ancestor *here) {
  size_t now_count;
  size_t before_count = 0;
  char **now = sorted_names(right, &now_count);
  char **before = NULL;
  /* Where the lower directory shows through, what the upper one does not have did not change. */
  if (options->upper < 0 || opaque) before = sorted_names(left, &before_count);
  bool stubs = false;
  for (size_t i = 0, j = 0; i < now_count || j < before_count;) {
    int order = i == now_count ? 1 : j == before_count ? -1 : strcmp(now[i], before[j]);
    const char *name = order > 0 ? before[j] : now[i];
    char *child = format_text("%s/%s", path, name);
    if (order <= 0) {
      if (visit(left, right, name, child, here)) stubs = true;
      i++;
    } else if (!has(now, now_count, name)) {
      announce(here);
      deleted(child);
    }
    if (order >= 0) j++;
    free(child);
  }
  for (size_t i = 0; i < now_count; i++) free(now[i]);
  for (size_t j = 0; j < before_count; j++) free(before[j]);
  free(now);
  free(before);
  return stubs;
}

/* For text: KIND PATH NUL for each, parents before what is in them. For a layer: tar, with whiteouts for what is gone. */
void changes(const struct change_options *given) {
  options = given;
  int right = options->upper >= 0 ? options->upper : options->right;
  walk(options->left, right, "", false, NULL);
  if (options->layer) out_end();
  else out_flush();
}
