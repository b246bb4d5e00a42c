/* Files with several links: the second name of one is a link to the first. */
#include <stdlib.h>

#include "files.h"

struct known {
  dev_t device;
  ino_t inode;
  char *name;
};

static struct known *table;
static size_t slots;
static size_t used;

static struct known *slot_of(struct known *in, size_t size, dev_t device, ino_t inode) {
  for (size_t at = (inode * 0x9e3779b97f4a7c15ull ^ device) % size;; at = (at + 1) % size) {
    if (in[at].name == NULL || (in[at].inode == inode && in[at].device == device)) return &in[at];
  }
}

static void grow(void) {
  size_t size = slots == 0 ? 1024 : slots * 2;
  struct known *larger = allocate(size * sizeof *larger);
  for (size_t i = 0; i < slots; i++) {
    if (table[i].name != NULL) *slot_of(larger, size, table[i].device, table[i].inode) = table[i];
  }
  free(table);
  table = larger;
  slots = size;
}

/* The name that a file was written under before; NULL, and remembered under this one, when there was none. */
const char *first_name(const struct stat *info, const char *name) {
  if (info->st_nlink < 2) return NULL;
  if (used * 2 >= slots) grow();
  struct known *slot = slot_of(table, slots, info->st_dev, info->st_ino);
  if (slot->name != NULL) return slot->name;
  *slot = (struct known){info->st_dev, info->st_ino, format_text("%s", name)};
  used++;
  return NULL;
}
