/*
 * The static launcher in front of k3c's payload. Each .c file holds one step; README.md tells the whole way and the
 * formats. All sizes are bytes, all integers on disk and on the wire are little-endian.
 */
#ifndef K3C_LAUNCHER_H
#define K3C_LAUNCHER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* docker's exit code for "k3c itself failed, the command did not run". */
#define EXIT_LAUNCHER 125
#define DIGEST_BYTES 32
/* A directory is named by the first half of the digest, in hex. */
#define DIRECTORY_NAME_BYTES 33
#define FILE_NAME_BYTES 64
#define APP_NAME "k3c"
#define LOADER_NAME "ld-linux-x86-64.so.2"

/* A file that the payload unpacks to. */
struct payload_file {
  uint32_t mode;
  uint64_t size;
  char name[FILE_NAME_BYTES];
};

/* One zstd frame: where it lies in our own file, and which part of which unpacked file it holds. */
struct payload_segment {
  uint64_t offset;
  uint64_t packed_size;
  uint32_t file;
  uint64_t file_offset;
  uint64_t size;
  uint8_t sha256[DIGEST_BYTES];
};

struct payload {
  int fd;
  uint8_t digest[DIGEST_BYTES];
  char directory[DIRECTORY_NAME_BYTES];
  uint32_t file_count;
  struct payload_file *files;
  uint32_t segment_count;
  struct payload_segment *segments;
};

/* How an attempt at one directory ended. */
enum outcome { OUTCOME_READY, OUTCOME_UNUSABLE, OUTCOME_DAMAGED };

/* fail.c: one sentence on stderr, then exit 125. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* sha256.c */
struct sha256 {
  uint32_t state[8];
  uint64_t length;
  uint8_t block[64];
  size_t filled;
  bool accelerated;
};
void sha256_start(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
void sha256_finish(struct sha256 *hash, uint8_t digest[DIGEST_BYTES]);

/* sha256_x86.c: whether this processor has instructions for it, and a number of 64-byte blocks through them. */
bool sha256_x86_available(void);
void sha256_x86_compress(uint32_t state[8], const uint32_t constants[64], const uint8_t *data, size_t blocks);

/* payload.c: reads and checks the index behind our own program; ends the process when it is damaged. */
void payload_open(struct payload *payload);

/* interp.c: how many bytes interp_set appends for this directory, and the patch itself (0, or -1 with errno). */
size_t interp_size(const char *directory);
int interp_set(int fd, uint64_t size, const char *directory);

/* unpack.c: writes all files into the empty directory `into`; `directory` is the path they will be used under. */
enum outcome unpack(const struct payload *payload, int into, const char *directory, char *reason, size_t reason_size);

/* trust.c: could anybody but root and ourselves have written here? An explanation goes to reason. */
bool trusted_path(const char *path, char *reason, size_t reason_size);
bool trusted_tree(const struct payload *payload, int base, const char *directory);

/* tree.c: makes the payload's tree exist under base; directory receives its path. */
enum outcome tree_prepare(const struct payload *payload, const char *base, char directory[PATH_MAX], char *reason,
                          size_t reason_size);

/* bases.c: tries the base directories in order; ends the process when none can be used. */
void bases_prepare(const struct payload *payload, char directory[PATH_MAX]);

/* netlink.c: opens the daemon's netlink sockets and names them in K3C_NL_FD. */
void netlink_pass(void);

/* child.c: `PARENT SIGNAL COMMAND ARGS…`: becomes COMMAND, which gets SIGNAL when PARENT dies. */
_Noreturn void child_run(int argc, char **argv);

/* own_root.c: is our root another one than our mount namespace's? Our root is that one afterwards. */
bool own_root_missing(void);
/* `LINK ARGS…`: becomes the program LINK.program, in a mount namespace whose root is our root. */
#define OWN_ROOT_PROGRAM ".program"
_Noreturn void own_root_run(char **argv);

/* door.c: runs the command inside the warm daemon. Returns only when our own program has to do it. */
void door_try(const struct payload *payload, int argc, char **argv);

/* door_connect.c: a connection to the daemon behind that socket, -1 where none does our commands. */
int door_connect(const char *path);

/* door_queue.c: frames waiting for the daemon. Never blocks. */
struct door_queue {
  int fd;
  uint8_t *data;
  size_t size;
  size_t capacity;
};
int door_queue_flush(struct door_queue *queue);
int door_queue_frame(struct door_queue *queue, uint8_t type, const void *data, uint32_t size);

/* door_hello.c: the first frame, malloc'd. */
uint8_t *door_hello(const struct payload *payload, int argc, char **argv, uint32_t *size);

#endif
