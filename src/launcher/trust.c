/*
 * What we execute must be written by root or by ourselves alone. Checked on every start, for the tree, for its base and
 * for every directory above: who can rename one of those decides what we run.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher.h"

static bool ours(const struct stat *status) { return status->st_uid == 0 || status->st_uid == geteuid(); }

static bool trusted_directory(const char *path, bool base, char *reason, size_t reason_size) {
  struct stat status;
  if (lstat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
    snprintf(reason, reason_size, "%s is not a directory", path);
    return false;
  }
  if (!ours(&status)) {
    snprintf(reason, reason_size, "%s belongs to another user", path);
    return false;
  }
  /* A sticky directory above (/tmp) lets nobody rename what is not theirs. */
  if ((status.st_mode & 022) != 0 && (base || (status.st_mode & S_ISVTX) == 0)) {
    snprintf(reason, reason_size, "others may write to %s", path);
    return false;
  }
  return true;
}

bool trusted_path(const char *path, char *reason, size_t reason_size) {
  char part[PATH_MAX];
  if (strlen(path) >= sizeof part) return false;
  strcpy(part, path);
  if (!trusted_directory("/", false, reason, reason_size)) return false;
  for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (!trusted_directory(part, false, reason, reason_size)) return false;
    *slash = '/';
  }
  return trusted_directory(part, true, reason, reason_size);
}

bool trusted_tree(const struct payload *payload, int base, const char *directory) {
  int tree = openat(base, payload->directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (tree < 0) return false;
  struct stat status;
  bool good = fstat(tree, &status) == 0 && ours(&status) && (status.st_mode & 022) == 0;
  for (uint32_t i = 0; good && i < payload->file_count; i++) {
    const struct payload_file *file = &payload->files[i];
    uint64_t size = file->size + (strcmp(file->name, APP_NAME) == 0 ? interp_size(directory) : 0);
    /* Sizes catch what a cleaner of old files or a crash of the machine did to the tree. */
    good = fstatat(tree, file->name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode) && ours(&status) &&
           (status.st_mode & 07777) == file->mode && (uint64_t)status.st_size == size;
  }
  close(tree);
  return good;
}
