/* tar out: ustar headers with pax records (POSIX.1-2017, pax) where they do not do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"

#define BLOCK 512
#define BUFFER (1 << 20)
#define MAX_OCTAL_ID 07777777u
#define MAX_OCTAL_SIZE 077777777777ull

static uint8_t buffer[BUFFER];
static size_t filled;

void out_flush(void) {
  for (size_t at = 0; at < filled;) {
    ssize_t written = write(STDOUT_FILENO, buffer + at, filled - at);
    if (written < 0) {
      if (errno == EINTR) continue;
      fail_as(IO, "write: %s", strerror(errno));
    }
    at += (size_t)written;
  }
  filled = 0;
}

void out_bytes(const void *data, size_t size) {
  const uint8_t *from = data;
  while (size > 0) {
    if (filled == BUFFER) out_flush();
    size_t part = size < BUFFER - filled ? size : BUFFER - filled;
    memcpy(buffer + filled, from, part);
    filled += part;
    from += part;
    size -= part;
  }
}

static void out_zeros(uint64_t size) {
  static const uint8_t zeros[64 << 10];
  while (size > 0) {
    size_t part = size < sizeof zeros ? (size_t)size : sizeof zeros;
    out_bytes(zeros, part);
    size -= part;
  }
}

static void pad(uint64_t size) {
  out_zeros((BLOCK - size % BLOCK) % BLOCK);
}

void out_end(void) {
  out_zeros(2 * BLOCK);
  out_flush();
}

struct text {
  char *data;
  size_t size;
};

static void append(struct text *text, const void *data, size_t size) {
  text->data = realloc(text->data, text->size + size + 1);
  if (text->data == NULL) fail_as(IO, "out of memory");
  memcpy(text->data + text->size, data, size);
  text->size += size;
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static void record(struct text *records, const char *key, const void *value, size_t size) {
  size_t rest = strlen(key) + size + 3;
  size_t length = rest + 1;
  for (size_t digits = 1;; digits++) {
    length = rest + digits;
    char number[32];
    if ((size_t)snprintf(number, sizeof number, "%zu", length) == digits) break;
  }
  char *head = format_text("%zu %s=", length, key);
  append(records, head, strlen(head));
  free(head);
  append(records, value, size);
  append(records, "\n", 1);
}

static void text_record(struct text *records, const char *key, const char *value) {
  record(records, key, value, strlen(value));
}

/* user.* and file capabilities; the others belong to the file system they lie on (labels, ACLs, overlay's marks). */
static bool carried(const char *name) {
  return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0;
}

static void attribute_records(struct text *records, int fd) {
  char names[65536];
  ssize_t length = flistxattr(fd, names, sizeof names);
  for (const char *name = names; length > 0 && name < names + length; name += strlen(name) + 1) {
    if (!carried(name)) continue;
    static char value[65536];
    ssize_t size = fgetxattr(fd, name, value, sizeof value);
    if (size < 0) continue;
    char *key = format_text("SCHILY.xattr.%s", name);
    record(records, key, value, (size_t)size);
    free(key);
  }
}

static void octal(char *field, size_t width, uint64_t value) {
  for (size_t at = width - 1; at-- > 0; value >>= 3) field[at] = (char)('0' + (value & 7));
}

static void header(const char *name, const char *link, char type, mode_t mode, uint64_t uid, uint64_t gid, uint64_t size,
                   int64_t modified, dev_t device) {
  char block[BLOCK] = "";
  strncpy(block, name, 100);
  octal(block + 100, 8, mode & 07777);
  octal(block + 108, 8, uid <= MAX_OCTAL_ID ? uid : 0);
  octal(block + 116, 8, gid <= MAX_OCTAL_ID ? gid : 0);
  octal(block + 124, 12, size <= MAX_OCTAL_SIZE ? size : 0);
  octal(block + 136, 12, modified >= 0 && (uint64_t)modified <= MAX_OCTAL_SIZE ? (uint64_t)modified : 0);
  memset(block + 148, ' ', 8);
  block[156] = type;
  if (link != NULL) strncpy(block + 157, link, 100);
  memcpy(block + 257, "ustar\00000", 8);
  if (type == '3' || type == '4') {
    octal(block + 329, 8, major(device));
    octal(block + 337, 8, minor(device));
  }
  unsigned sum = 0;
  for (size_t i = 0; i < BLOCK; i++) sum += (uint8_t)block[i];
  snprintf(block + 148, 8, "%06o", sum);
  out_bytes(block, BLOCK);
}

/* A file that shrinks while it is read is filled up with zeros, one that grows is cut: the header is out already. */
static void data_of(int fd, uint64_t size) {
  uint64_t left = size;
  while (left > 0) {
    if (filled == BUFFER) out_flush();
    size_t room = BUFFER - filled;
    ssize_t got = read(fd, buffer + filled, left < room ? (size_t)left : room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_as(IO, "read: %s", strerror(errno));
    if (got == 0) break;
    filled += (size_t)got;
    left -= (uint64_t)got;
  }
  out_zeros(left);
  pad(size);
}

/* One entry, with the data of its descriptor when it is a regular file. */
void out_entry(const struct out_entry *entry) {
  const struct stat *info = entry->info;
  struct text records = {0};
  char number[64];
  uint64_t size = entry->type == '0' ? (uint64_t)info->st_size : 0;
  char *name = format_text("%s%s", entry->name, entry->type == '5' && entry->name[strlen(entry->name) - 1] != '/' ? "/" : "");
  if (strlen(name) > 100) text_record(&records, "path", name);
  if (entry->link != NULL && strlen(entry->link) > 100) text_record(&records, "linkpath", entry->link);
  if (size > MAX_OCTAL_SIZE) {
    snprintf(number, sizeof number, "%llu", (unsigned long long)size);
    text_record(&records, "size", number);
  }
  if (info->st_uid > MAX_OCTAL_ID) {
    snprintf(number, sizeof number, "%u", info->st_uid);
    text_record(&records, "uid", number);
  }
  if (info->st_gid > MAX_OCTAL_ID) {
    snprintf(number, sizeof number, "%u", info->st_gid);
    text_record(&records, "gid", number);
  }
  int64_t modified = info->st_mtim.tv_sec;
  if (modified < 0) {
    snprintf(number, sizeof number, "%lld", (long long)modified);
    text_record(&records, "mtime", number);
  } else if (info->st_mtim.tv_nsec != 0) {
    snprintf(number, sizeof number, "%lld.%09ld", (long long)modified, info->st_mtim.tv_nsec);
    text_record(&records, "mtime", number);
  }
  if (entry->fd >= 0) attribute_records(&records, entry->fd);
  if (records.size > 0) {
    header("././@PaxHeader", NULL, 'x', 0644, 0, 0, records.size, 0, 0);
    out_bytes(records.data, records.size);
    pad(records.size);
    free(records.data);
  }
  header(name, entry->link, entry->type, info->st_mode, info->st_uid, info->st_gid, size, modified, info->st_rdev);
  free(name);
  if (size > 0) data_of(entry->fd, size);
}
