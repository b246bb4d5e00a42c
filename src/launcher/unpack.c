/*
 * Unpacks the segments in parallel. Each is read with pread (a mapped file that shrinks meanwhile would kill us),
 * hashed as it is read, and written at its place with pwrite. Nothing is trusted before all of them are right.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "launcher.h"

#define MAX_THREADS 4
#define BUFFER_SIZE (1u << 20)

struct job {
  const struct payload *payload;
  int *files;
  atomic_uint next;
  /* The first error: an errno of the directory, or damage of the payload. */
  atomic_int error;
  atomic_bool damaged;
};

static int write_all(int fd, const uint8_t *data, size_t size, uint64_t offset) {
  while (size > 0) {
    ssize_t written = pwrite(fd, data, size, (off_t)offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -1;
    data += written;
    size -= (size_t)written;
    offset += (uint64_t)written;
  }
  return 0;
}

static bool stopped(struct job *job) { return atomic_load(&job->damaged) || atomic_load(&job->error) != 0; }

/* Decompresses what `input` holds; false on damage or a failed write. `done` counts the bytes of this segment. */
static bool drain(struct job *job, const struct payload_segment *segment, ZSTD_DCtx *context, ZSTD_inBuffer *input,
                  uint8_t *buffer, uint64_t *done, size_t *hint) {
  bool full = true;
  while (input->pos < input->size || full) {
    ZSTD_outBuffer output = {buffer, BUFFER_SIZE, 0};
    *hint = ZSTD_decompressStream(context, &output, input);
    if (ZSTD_isError(*hint) || output.pos > segment->size - *done) {
      atomic_store(&job->damaged, true);
      return false;
    }
    if (write_all(job->files[segment->file], buffer, output.pos, segment->file_offset + *done) != 0) {
      atomic_store(&job->error, errno);
      return false;
    }
    *done += output.pos;
    full = output.pos == BUFFER_SIZE;
    if (*hint == 0) break;
  }
  return true;
}

static void unpack_segment(struct job *job, const struct payload_segment *segment, ZSTD_DCtx *context, uint8_t *packed,
                           uint8_t *buffer) {
  struct sha256 hash;
  uint8_t digest[DIGEST_BYTES];
  uint64_t read = 0, done = 0;
  size_t hint = 1;
  sha256_start(&hash);
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  while (read < segment->packed_size && !stopped(job)) {
    size_t want = segment->packed_size - read < BUFFER_SIZE ? (size_t)(segment->packed_size - read) : BUFFER_SIZE;
    ssize_t got = pread(job->payload->fd, packed, want, (off_t)(segment->offset + read));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || (hint == 0 && read > 0)) {
      atomic_store(&job->damaged, true);
      return;
    }
    read += (uint64_t)got;
    sha256_add(&hash, packed, (size_t)got);
    ZSTD_inBuffer input = {packed, (size_t)got, 0};
    if (!drain(job, segment, context, &input, buffer, &done, &hint)) return;
    if (input.pos != input.size) atomic_store(&job->damaged, true);
  }
  if (stopped(job)) return;
  sha256_finish(&hash, digest);
  if (hint != 0 || done != segment->size || memcmp(digest, segment->sha256, DIGEST_BYTES) != 0) {
    atomic_store(&job->damaged, true);
  }
}

static void *work(void *argument) {
  struct job *job = argument;
  ZSTD_DCtx *context = ZSTD_createDCtx();
  uint8_t *packed = malloc(BUFFER_SIZE), *buffer = malloc(BUFFER_SIZE);
  if (context == NULL || packed == NULL || buffer == NULL) atomic_store(&job->error, ENOMEM);
  while (!stopped(job)) {
    unsigned i = atomic_fetch_add(&job->next, 1);
    if (i >= job->payload->segment_count) break;
    unpack_segment(job, &job->payload->segments[i], context, packed, buffer);
  }
  ZSTD_freeDCtx(context);
  free(packed);
  free(buffer);
  return NULL;
}

static void run_workers(struct job *job) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  pthread_t threads[MAX_THREADS];
  int started = 0;
  /* This thread works too; a thread that cannot be started only makes it slower. */
  while (started < MAX_THREADS - 1 && started < processors - 1) {
    if (pthread_create(&threads[started], NULL, work, job) != 0) break;
    started++;
  }
  work(job);
  for (int i = 0; i < started; i++) pthread_join(threads[i], NULL);
}

static int open_files(const struct payload *payload, int into, int *files) {
  for (uint32_t i = 0; i < payload->file_count; i++) {
    /* Readable too: interp_set reads the program headers back. */
    files[i] = openat(into, payload->files[i].name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (files[i] < 0) return -1;
  }
  return 0;
}

static int finish_files(const struct payload *payload, int *files, const char *directory) {
  for (uint32_t i = 0; i < payload->file_count; i++) {
    const struct payload_file *file = &payload->files[i];
    if (strcmp(file->name, APP_NAME) == 0 && interp_set(files[i], file->size, directory) != 0) return -1;
    if (fchmod(files[i], file->mode) != 0 || fsync(files[i]) != 0) return -1;
  }
  return 0;
}

enum outcome unpack(const struct payload *payload, int into, const char *directory, char *reason, size_t reason_size) {
  int *files = malloc(payload->file_count * sizeof *files);
  if (files == NULL) fail("out of memory");
  for (uint32_t i = 0; i < payload->file_count; i++) files[i] = -1;

  struct job job = {.payload = payload, .files = files};
  if (open_files(payload, into, files) != 0) {
    job.error = errno;
  } else {
    run_workers(&job);
    if (!stopped(&job) && finish_files(payload, files, directory) != 0) job.error = errno != 0 ? errno : EIO;
  }
  for (uint32_t i = 0; i < payload->file_count; i++) {
    if (files[i] >= 0 && close(files[i]) != 0 && job.error == 0) job.error = errno;
  }
  free(files);
  if (job.damaged) return OUTCOME_DAMAGED;
  if (job.error == 0) return OUTCOME_READY;
  snprintf(reason, reason_size, "%s", strerror(job.error));
  return OUTCOME_UNUSABLE;
}
