/*
 * The payload behind our own program: frames, index, trailer (formats in README.md). The index holds no absolute
 * offset, so that its SHA-256, which names the unpacked directory, depends on the content alone and not on the launcher.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher.h"

#define MAGIC "K3CPAY02"
#define MAX_INDEX (1u << 20)

struct trailer {
  char magic[8];
  uint64_t index_offset;
  uint32_t index_size;
  uint32_t reserved;
  uint8_t digest[DIGEST_BYTES];
} __attribute__((packed));

/* What is left of the index; every take is checked against its end. */
struct reader {
  const uint8_t *next;
  size_t left;
};

static _Noreturn void damaged(const char *what) {
  fail("this program file is damaged (%s): download it again", what);
}

static void take(struct reader *reader, void *into, size_t size) {
  if (size > reader->left) damaged("payload index cut short");
  memcpy(into, reader->next, size);
  reader->next += size;
  reader->left -= size;
}

static void read_all(int fd, void *into, size_t size, uint64_t offset) {
  uint8_t *next = into;
  while (size > 0) {
    ssize_t got = pread(fd, next, size, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read this program file: %s", strerror(errno));
    if (got == 0) damaged("cut short");
    next += got;
    size -= (size_t)got;
    offset += (uint64_t)got;
  }
}

static void read_files(struct payload *payload, struct reader *index) {
  payload->files = calloc(payload->file_count, sizeof *payload->files);
  if (payload->files == NULL) fail("out of memory");
  for (uint32_t i = 0; i < payload->file_count; i++) {
    struct payload_file *file = &payload->files[i];
    uint16_t length;
    take(index, &file->mode, sizeof file->mode);
    take(index, &file->size, sizeof file->size);
    take(index, &length, sizeof length);
    if (length == 0 || length >= FILE_NAME_BYTES) damaged("file name in the payload index");
    take(index, file->name, length);
    if (memchr(file->name, '/', length) != NULL || file->name[0] == '.') damaged("file name in the payload index");
  }
}

static void read_segments(struct payload *payload, struct reader *index, uint64_t index_offset) {
  payload->segments = calloc(payload->segment_count, sizeof *payload->segments);
  if (payload->segments == NULL) fail("out of memory");
  uint64_t packed = 0;
  for (uint32_t i = 0; i < payload->segment_count; i++) {
    struct payload_segment *segment = &payload->segments[i];
    take(index, &segment->file, sizeof segment->file);
    take(index, &segment->file_offset, sizeof segment->file_offset);
    take(index, &segment->size, sizeof segment->size);
    take(index, &segment->packed_size, sizeof segment->packed_size);
    take(index, segment->sha256, sizeof segment->sha256);
    if (segment->file >= payload->file_count) damaged("payload index");
    uint64_t file_size = payload->files[segment->file].size;
    if (segment->file_offset > file_size || segment->size > file_size - segment->file_offset) damaged("payload index");
    if (segment->packed_size > index_offset - packed) damaged("payload index");
    packed += segment->packed_size;
  }
  uint64_t offset = index_offset - packed;
  for (uint32_t i = 0; i < payload->segment_count; i++) {
    payload->segments[i].offset = offset;
    offset += payload->segments[i].packed_size;
  }
}

void payload_open(struct payload *payload) {
  payload->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (payload->fd < 0) fail("k3c needs /proc: cannot open /proc/self/exe: %s", strerror(errno));
  struct stat status;
  if (fstat(payload->fd, &status) != 0) fail("cannot read this program file: %s", strerror(errno));

  struct trailer trailer;
  uint64_t size = (uint64_t)status.st_size;
  if (size < sizeof trailer) damaged("cut short");
  read_all(payload->fd, &trailer, sizeof trailer, size - sizeof trailer);
  if (memcmp(trailer.magic, MAGIC, sizeof trailer.magic) != 0) damaged("cut short: no payload trailer");
  if (trailer.index_size > MAX_INDEX || trailer.index_offset > size ||
      trailer.index_offset + trailer.index_size + sizeof trailer != size) {
    damaged("payload trailer");
  }

  uint8_t *data = malloc(trailer.index_size + 1);
  if (data == NULL) fail("out of memory");
  read_all(payload->fd, data, trailer.index_size, trailer.index_offset);
  struct sha256 hash;
  sha256_start(&hash);
  sha256_add(&hash, data, trailer.index_size);
  sha256_finish(&hash, payload->digest);
  if (memcmp(payload->digest, trailer.digest, DIGEST_BYTES) != 0) damaged("payload index checksum");
  for (int i = 0; i < DIRECTORY_NAME_BYTES / 2; i++) sprintf(payload->directory + 2 * i, "%02x", payload->digest[i]);

  struct reader index = {data, trailer.index_size};
  take(&index, &payload->file_count, sizeof payload->file_count);
  take(&index, &payload->segment_count, sizeof payload->segment_count);
  if (payload->file_count > 1024 || payload->segment_count > 65536) damaged("payload index");
  read_files(payload, &index);
  read_segments(payload, &index, trailer.index_offset);
  free(data);
}
