/*
 * One tree per digest under a base: `.lock-DIGEST` is held while `.tmp-DIGEST` is filled, which then becomes DIGEST in
 * one rename. The kernel frees the lock of a killed holder, so whoever gets it owns the leftovers and removes them.
 * A daemon shares the lock of its tree while it runs; whoever removes a tree (bundle/sweep.ts) removes the lock file with it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "launcher.h"

static mode_t directory_mode(void) { return geteuid() == 0 ? 0755 : 0700; }

static void remove_tree(int base, const char *name) {
  int directory = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (directory < 0) {
    unlinkat(base, name, 0);
    return;
  }
  DIR *entries = fdopendir(directory);
  if (entries == NULL) {
    close(directory);
    return;
  }
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) unlinkat(directory, entry->d_name, 0);
  }
  closedir(entries);
  unlinkat(base, name, AT_REMOVEDIR);
}

static int make_directories(const char *path) {
  char part[PATH_MAX];
  if (strlen(path) >= sizeof part) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(part, path);
  for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    /* A parent that cannot be made shows in the last mkdir. */
    mkdir(part, 0755);
    *slash = '/';
  }
  return mkdir(part, directory_mode()) == 0 || errno == EEXIST ? 0 : -1;
}

static uint64_t unpacked_size(const struct payload *payload) {
  uint64_t size = 0;
  for (uint32_t i = 0; i < payload->file_count; i++) size += payload->files[i].size;
  return size;
}

/* Fills the tree; the caller holds the lock. */
static enum outcome fill(const struct payload *payload, int base, const char *directory, char *reason, size_t reason_size) {
  char temporary[DIRECTORY_NAME_BYTES + 8];
  snprintf(temporary, sizeof temporary, ".tmp-%s", payload->directory);
  remove_tree(base, temporary);
  struct statvfs space;
  if (fstatvfs(base, &space) == 0 && (uint64_t)space.f_bavail * space.f_frsize < unpacked_size(payload)) {
    snprintf(reason, reason_size, "only %llu MB free", (unsigned long long)space.f_bavail * space.f_frsize >> 20);
    return OUTCOME_UNUSABLE;
  }
  if (mkdirat(base, temporary, directory_mode()) != 0) {
    snprintf(reason, reason_size, "%s", strerror(errno));
    return OUTCOME_UNUSABLE;
  }
  int into = openat(base, temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  enum outcome outcome = OUTCOME_UNUSABLE;
  snprintf(reason, reason_size, "cannot make a directory");
  if (into >= 0) {
    /* The umask must not decide who may read what root unpacks for all. */
    fchmod(into, directory_mode());
    outcome = unpack(payload, into, directory, reason, reason_size);
    if (outcome == OUTCOME_READY && fsync(into) != 0) outcome = OUTCOME_UNUSABLE;
    close(into);
  }
  if (outcome == OUTCOME_READY) {
    remove_tree(base, payload->directory);
    if (renameat(base, temporary, base, payload->directory) != 0 || fsync(base) != 0) {
      snprintf(reason, reason_size, "%s", strerror(errno));
      outcome = OUTCOME_UNUSABLE;
    }
  }
  if (outcome != OUTCOME_READY) remove_tree(base, temporary);
  return outcome;
}

/* The lock file that is there when its lock is ours: another may have been removed while we waited. */
static int open_locked(int base, const char *name, char *reason, size_t reason_size) {
  for (;;) {
    int lock = openat(base, name, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) {
      snprintf(reason, reason_size, "%s", strerror(errno));
      return -1;
    }
    while (flock(lock, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      snprintf(reason, reason_size, "cannot lock: %s", strerror(errno));
      close(lock);
      return -1;
    }
    struct stat held;
    if (fstat(lock, &held) == 0 && held.st_nlink > 0) return lock;
    close(lock);
  }
}

static enum outcome fill_locked(const struct payload *payload, int base, const char *directory, char *reason, size_t reason_size) {
  struct statvfs flags;
  if (fstatvfs(base, &flags) == 0 && (flags.f_flag & ST_NOEXEC) != 0) {
    snprintf(reason, reason_size, "mounted noexec");
    return OUTCOME_UNUSABLE;
  }
  char name[DIRECTORY_NAME_BYTES + 8];
  snprintf(name, sizeof name, ".lock-%s", payload->directory);
  int lock = open_locked(base, name, reason, reason_size);
  if (lock < 0) return OUTCOME_UNUSABLE;
  enum outcome outcome = trusted_tree(payload, base, directory) ? OUTCOME_READY : fill(payload, base, directory, reason, reason_size);
  close(lock);
  return outcome;
}

enum outcome tree_prepare(const struct payload *payload, const char *wanted, char directory[PATH_MAX], char *reason,
                          size_t reason_size) {
  char resolved[PATH_MAX];
  if (realpath(wanted, resolved) == NULL && (errno != ENOENT || make_directories(wanted) != 0 || realpath(wanted, resolved) == NULL)) {
    snprintf(reason, reason_size, "%s", strerror(errno));
    return OUTCOME_UNUSABLE;
  }
  if (!trusted_path(resolved, reason, reason_size)) return OUTCOME_UNUSABLE;
  if (strlen(resolved) + DIRECTORY_NAME_BYTES + sizeof "/" + sizeof "/" LOADER_NAME > PATH_MAX) {
    snprintf(reason, reason_size, "its path is too long");
    return OUTCOME_UNUSABLE;
  }
  int base = open(resolved, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (base < 0) {
    snprintf(reason, reason_size, "%s", strerror(errno));
    return OUTCOME_UNUSABLE;
  }
  sprintf(directory, "%s/%s", resolved, payload->directory);
  enum outcome outcome = trusted_tree(payload, base, directory) ? OUTCOME_READY : fill_locked(payload, base, directory, reason, reason_size);
  close(base);
  return outcome;
}
