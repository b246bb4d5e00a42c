/*
 * k3c-files: reads and writes files of containers and of the user as tar. README.md has the roles and the reasons; each
 * files_*.c holds one step. One thread, one job, one exit: state of the process is state of the job.
 */
#ifndef K3C_FILES_H
#define K3C_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Where paths begin. root < 0: at the process's own root, with no rules but the kernel's. */
struct view {
  int root;
  /* The host's /proc, opened before any root was entered. */
  int proc;
};
extern struct view view;

/* Kinds of failure that callers tell apart; `io` is everything else. */
#define NOT_FOUND "not-found"
#define NOT_DIRECTORY "not-directory"
#define CONFLICT "conflict"
#define READ_ONLY "read-only"
#define BAD_ARCHIVE "bad-archive"
#define GONE "gone"
#define IO "io"

/* files_fail.c: KIND, a tab, one sentence, a newline on stderr; exit 1. `fail_errno` names path and errno in Go's words. */
_Noreturn void fail_as(const char *kind, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void fail_errno(const char *call, const char *path);
void *allocate(size_t size);
char *format_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* files_path.c */
int open_in_view(const char *path, uint64_t flags);
int reopen(int fd, int flags);
char *canonical_path(const char *path);
bool filesystem_of_kernel(int fd);

/* files_root.c */
struct mount_request {
  const char *source;
  const char *target;
  bool read_only;
};
struct layers {
  const char *at;
  const char *lower;
  const char *upper;
  const char *work;
  const char *source;
  const char *more;
  const struct mount_request *mounts;
  size_t mount_count;
};
int enter_process(long pid, const char *id, bool bare);
int mount_layers(const struct layers *layers);
void private_mounts(void);
void confine(int root);
void drop_capabilities(void);

/* files_tar_write.c */
struct out_entry {
  const char *name;
  const char *link;
  const struct stat *info;
  /* A descriptor to read attributes and data from; -1: none. */
  int fd;
  char type;
};
void out_entry(const struct out_entry *entry);
void out_bytes(const void *data, size_t size);
void out_end(void);
void out_flush(void);

/* files_links.c: names of files with several links. */
const char *first_name(const struct stat *info, const char *name);

/* files_pack.c */
void pack(const char *path, const char *name);
void pack_tree(int parent, const char *base, const char *name, const struct stat *info);
void pack_one(int parent, const char *base, const char *name, const struct stat *info);
void describe(const char *path);

/* files_tar_read.c */
struct attribute {
  char *name;
  char *value;
  size_t size;
};
struct in_entry {
  char *name;
  char *link;
  char type;
  mode_t mode;
  uid_t uid;
  gid_t gid;
  uint64_t size;
  struct timespec modified;
  dev_t device;
  struct attribute *attributes;
  size_t attribute_count;
};
bool in_entry(struct in_entry *entry);
size_t in_data(const uint8_t **data, size_t most);
void in_skip(uint64_t size);
void in_drain(void);

/* files_unpack.c */
enum owner { OWNER_ROOT, OWNER_KEEP, OWNER_SELF };
struct unpack_options {
  enum owner owner;
  /* Make the directory to unpack to where it is missing. */
  bool parents;
  /* Paths in the view that nothing is written to or below. */
  const char *const *shadows;
  size_t shadow_count;
};
void unpack(const char *path, const struct unpack_options *options);

/* files_destination.c */
struct destination {
  const struct unpack_options *options;
  int base;
  /* Of the base, all links followed. */
  char *path;
};
extern struct destination destination;
void open_destination(const char *path, const struct unpack_options *options);
char *clean(const char *name);
char *shown(const char *name);
void own(int fd, const char *name, uid_t uid, gid_t gid, const char *path);
int open_below(const char *path, bool make);
int parent_of(const char *path);
char *directory_of(const char *path, const char **name);

/* files_changes.c */
struct change_options {
  /* The upper directory of an overlay: all that can differ. Absent: both trees are walked. */
  int upper;
  int left;
  int right;
  bool layer;
  /* Mount points that the runtime makes in every container: not changes while they are empty. */
  const char *const *stubs;
  size_t stub_count;
};
void changes(const struct change_options *options);

/* files_mount.c: DEVICE TARGET TYPE FLAGS PROPAGATION DATA, the numbers those of mount(2). */
void mount_volume(char **arguments);

#endif
