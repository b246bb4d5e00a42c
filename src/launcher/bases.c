/*
 * Where to unpack, in order: the place that is asked for, root's copy that everybody may use, the user's caches, and
 * last the directories that are there on every system.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launcher.h"

struct search {
  const struct payload *payload;
  char *directory;
  char tried[4096];
};

static bool attempt(struct search *search, const char *base) {
  char reason[PATH_MAX + 64] = "";
  switch (tree_prepare(search->payload, base, search->directory, reason, sizeof reason)) {
    case OUTCOME_READY:
      return true;
    case OUTCOME_DAMAGED:
      fail("this program file is damaged (checksum of its payload): download it again");
    case OUTCOME_UNUSABLE:
      break;
  }
  size_t used = strlen(search->tried);
  snprintf(search->tried + used, sizeof search->tried - used, "%s%s (%s)", used > 0 ? ", " : "", base, reason);
  return false;
}

static bool attempt_in(struct search *search, const char *variable, const char *below) {
  const char *value = getenv(variable);
  char path[PATH_MAX];
  if (value == NULL || value[0] != '/' || value[1] == '\0') return false;
  if ((size_t)snprintf(path, sizeof path, "%s%s", value, below) >= sizeof path) return false;
  return attempt(search, path);
}

static bool attempt_private(struct search *search, const char *parent) {
  char path[64];
  snprintf(path, sizeof path, "%s/k3c-%u", parent, (unsigned)geteuid());
  return attempt(search, path);
}

void bases_prepare(const struct payload *payload, char directory[PATH_MAX]) {
  struct search search = {.payload = payload, .directory = directory};
  bool root = geteuid() == 0;
  if (attempt_in(&search, "K3C_UNPACK_DIR", "") || attempt(&search, "/var/lib/k3c/rt") ||
      (!root && attempt_in(&search, "XDG_CACHE_HOME", "/k3c")) || attempt_in(&search, "HOME", "/.cache/k3c") ||
      (!root && attempt_in(&search, "XDG_RUNTIME_DIR", "/k3c")) || (root && attempt(&search, "/run/k3c-rt")) ||
      attempt_private(&search, "/var/tmp") || attempt_private(&search, "/tmp") || attempt_private(&search, "/dev/shm")) {
    return;
  }
  fail("cannot unpack anywhere, set K3C_UNPACK_DIR to a directory of your own with 300 MB free; tried %s", search.tried);
}
