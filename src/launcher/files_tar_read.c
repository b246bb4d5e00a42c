/* tar in: ustar, GNU's long names and large numbers, pax records. Sparse files of GNU are refused, not misread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "files.h"

#define BLOCK 512
#define BUFFER (1 << 20)
#define MAX_HEADER_DATA (8u << 20)

static uint8_t buffer[BUFFER];
static size_t from;
static size_t to;
static bool ended;

static void fill(void) {
  if (from > 0) {
    memmove(buffer, buffer + from, to - from);
    to -= from;
    from = 0;
  }
  while (!ended && to < BLOCK) {
    ssize_t got = read(STDIN_FILENO, buffer + to, BUFFER - to);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_as(IO, "read: %s", strerror(errno));
    if (got == 0) ended = true;
    to += (size_t)got;
  }
}

static _Noreturn void cut_off(void) {
  fail_as(BAD_ARCHIVE, "unexpected EOF");
}

/* Up to `most` bytes that lie in the buffer; they are used up. */
size_t in_data(const uint8_t **data, size_t most) {
  if (from == to) {
    from = to = 0;
    fill();
  }
  if (from == to) cut_off();
  size_t size = to - from < most ? to - from : most;
  *data = buffer + from;
  from += size;
  return size;
}

void in_skip(uint64_t size) {
  const uint8_t *ignored;
  while (size > 0) size -= in_data(&ignored, size < BUFFER ? (size_t)size : BUFFER);
}

static uint64_t padding(uint64_t size) {
  return (BLOCK - size % BLOCK) % BLOCK;
}

/* Whoever writes must not be stopped by what stands behind the archive's end. */
void in_drain(void) {
  while (!ended) {
    from = to = 0;
    fill();
  }
}

static uint64_t number(const uint8_t *field, size_t width) {
  if (field[0] & 0x80) {
    /* GNU: big-endian, the first byte's high bit set; negative ones (0xff) are times before 1970. */
    uint64_t value = field[0] == 0xff ? ~0ull : field[0] & 0x3f;
    for (size_t i = 1; i < width; i++) value = value << 8 | field[i];
    return value;
  }
  uint64_t value = 0;
  size_t i = 0;
  while (i < width && (field[i] == ' ' || field[i] == '\0')) i++;
  for (; i < width && field[i] != ' ' && field[i] != '\0'; i++) {
    if (field[i] < '0' || field[i] > '7') fail_as(BAD_ARCHIVE, "archive/tar: invalid tar header");
    value = value << 3 | (uint64_t)(field[i] - '0');
  }
  return value;
}

static bool all_zero(const uint8_t *block) {
  for (size_t i = 0; i < BLOCK; i++)
    if (block[i] != 0) return false;
  return true;
}

static bool next_block(uint8_t block[BLOCK]) {
  if (to - from < BLOCK) fill();
  if (to == from) return false;
  if (to - from < BLOCK) cut_off();
  memcpy(block, buffer + from, BLOCK);
  from += BLOCK;
  return true;
}

static void check_sum(const uint8_t *block) {
  unsigned sum = 8 * ' ';
  int old = 8 * ' ';
  for (size_t i = 0; i < BLOCK; i++) {
    if (i >= 148 && i < 156) continue;
    sum += block[i];
    old += (int8_t)block[i];
  }
  uint64_t said = number(block + 148, 8);
  if (said != sum && said != (uint64_t)(unsigned)old) fail_as(BAD_ARCHIVE, "archive/tar: invalid tar header");
}

static char *read_text(uint64_t size) {
  if (size > MAX_HEADER_DATA) fail_as(BAD_ARCHIVE, "archive/tar: header field too long");
  char *text = allocate((size_t)size + 1);
  for (size_t at = 0; at < size;) {
    const uint8_t *data;
    size_t got = in_data(&data, (size_t)size - at);
    memcpy(text + at, data, got);
    at += got;
  }
  in_skip(padding(size));
  return text;
}

static void parse_time(const char *value, struct timespec *time) {
  char *end;
  time->tv_sec = strtoll(value, &end, 10);
  time->tv_nsec = 0;
  if (*end != '.') return;
  long scale = 100000000;
  for (end++; *end >= '0' && *end <= '9' && scale > 0; end++, scale /= 10) time->tv_nsec += (*end - '0') * scale;
  if (*value == '-' && time->tv_nsec > 0) {
    time->tv_sec -= 1;
    time->tv_nsec = 1000000000 - time->tv_nsec;
  }
}

/* What pax records said of the entry that follows them. */
struct extended {
  char *path;
  char *link;
  char *size;
  char *uid;
  char *gid;
  char *mtime;
  struct attribute *attributes;
  size_t attribute_count;
};

static void take_record(struct extended *extended, char *key, char *value, size_t size) {
  if (strcmp(key, "path") == 0) extended->path = value;
  else if (strcmp(key, "linkpath") == 0) extended->link = value;
  else if (strcmp(key, "size") == 0) extended->size = value;
  else if (strcmp(key, "uid") == 0) extended->uid = value;
  else if (strcmp(key, "gid") == 0) extended->gid = value;
  else if (strcmp(key, "mtime") == 0) extended->mtime = value;
  else if (strncmp(key, "GNU.sparse.", 11) == 0)
    fail_as(BAD_ARCHIVE, "the archive has sparse files, which are not supported: make it without --sparse");
  else if (strncmp(key, "SCHILY.xattr.", 13) == 0) {
    size_t count = ++extended->attribute_count;
    extended->attributes = realloc(extended->attributes, count * sizeof *extended->attributes);
    if (extended->attributes == NULL) fail_as(IO, "out of memory");
    extended->attributes[count - 1] = (struct attribute){key + 13, value, size};
  }
}

static void parse_records(struct extended *extended, char *text, size_t size) {
  for (size_t at = 0; at < size;) {
    char *end;
    size_t length = strtoull(text + at, &end, 10);
    size_t head = (size_t)(end - (text + at)) + 1;
    if (*end != ' ' || length <= head || length > size - at || text[at + length - 1] != '\n')
      fail_as(BAD_ARCHIVE, "archive/tar: invalid tar header");
    text[at + length - 1] = '\0';
    char *key = end + 1;
    char *equals = memchr(key, '=', length - head);
    if (equals == NULL) fail_as(BAD_ARCHIVE, "archive/tar: invalid tar header");
    *equals = '\0';
    take_record(extended, key, equals + 1, (size_t)(text + at + length - 1 - (equals + 1)));
    at += length;
  }
}

static char *field_text(const uint8_t *field, size_t width) {
  return format_text("%.*s", (int)strnlen((const char *)field, width), (const char *)field);
}

static char *name_of(const uint8_t *block) {
  char *name = field_text(block, 100);
  bool posix = memcmp(block + 257, "ustar\0", 6) == 0;
  if (!posix || block[345] == '\0') return name;
  char *prefix = field_text(block + 345, 155);
  char *whole = format_text("%s/%s", prefix, name);
  free(prefix);
  free(name);
  return whole;
}

/*
 * The next entry; its data, `size` bytes and then padding up to 512, follows in the stream. False at the end. What an entry
 * points to is never freed: an archive that is too large for that is too large for its own header fields.
 */
bool in_entry(struct in_entry *entry) {
  struct extended extended = {0};
  uint8_t block[BLOCK];
  for (;;) {
    if (!next_block(block) || all_zero(block)) return false;
    check_sum(block);
    uint64_t size = number(block + 124, 12);
    char type = (char)block[156];
    if (type == 'x') {
      char *text = read_text(size);
      parse_records(&extended, text, (size_t)size);
    } else if (type == 'g') {
      /* Of every later entry: nothing that matters here. */
      free(read_text(size));
    } else if (type == 'L') {
      extended.path = read_text(size);
    } else if (type == 'K') {
      extended.link = read_text(size);
    } else if (type == 'S') {
      fail_as(BAD_ARCHIVE, "the archive has sparse files, which are not supported: make it without --sparse");
    } else {
      memset(entry, 0, sizeof *entry);
      entry->type = type == '\0' || type == '7' ? '0' : type;
      entry->name = extended.path == NULL ? name_of(block) : extended.path;
      entry->link = extended.link == NULL ? field_text(block + 157, 100) : extended.link;
      entry->size = extended.size == NULL ? size : strtoull(extended.size, NULL, 10);
      entry->mode = (mode_t)(number(block + 100, 8) & 07777);
      entry->uid = (uid_t)(extended.uid == NULL ? number(block + 108, 8) : strtoull(extended.uid, NULL, 10));
      entry->gid = (gid_t)(extended.gid == NULL ? number(block + 116, 8) : strtoull(extended.gid, NULL, 10));
      entry->modified.tv_sec = (time_t)number(block + 136, 12);
      if (extended.mtime != NULL) parse_time(extended.mtime, &entry->modified);
      entry->attributes = extended.attributes;
      entry->attribute_count = extended.attribute_count;
      if (type == '3' || type == '4')
        entry->device = makedev((unsigned)number(block + 329, 8), (unsigned)number(block + 337, 8));
      /* Only regular files have data; old tars mark a directory by its name. */
      size_t length = strlen(entry->name);
      if (entry->type == '0' && length > 0 && entry->name[length - 1] == '/') entry->type = '5';
      /* Some tars give a link the size of its file, or a directory that of its old contents, and no data (Go, archive/tar). */
      if (entry->type >= '1' && entry->type <= '6') entry->size = 0;
      return true;
    }
  }
}
