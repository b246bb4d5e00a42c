/*
 * k3c-files [OPTION…] ROLE [ARG…]: see README.md. The roles: stat PATH, pack PATH NAME, unpack PATH, changes, layer, volume. README.md says what each prints.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "files.h"

struct request {
  long pid;
  const char *id;
  bool bare;
  /* Of what diff compares with: the image's layers, relative to the working directory. */
  const char *image;
  const char *image_at;
  const char *upper_path;
  struct layers layers;
  struct unpack_options unpack;
  const char *stubs[64];
  const char *shadows[256];
  struct mount_request mounts[256];
  size_t stub_count;
};

static void push(const char **list, size_t *count, size_t most, const char *value) {
  if (*count == most) fail_as(IO, "too many options");
  list[(*count)++] = value;
}

/* KEY=VALUE; returns false at the first argument that is none. */
static bool take_option(struct request *request, const char *argument) {
  const char *equals = strchr(argument, '=');
  if (equals == NULL) return false;
  size_t length = (size_t)(equals - argument);
  const char *value = equals + 1;
#define IS(name) (length == sizeof(name) - 1 && strncmp(argument, name, length) == 0)
  if (IS("pid")) request->pid = strtol(value, NULL, 10);
  else if (IS("id")) request->id = value;
  else if (IS("bare")) request->bare = true;
  else if (IS("directory")) {
    if (chdir(value) != 0) fail_errno("chdir", value);
  } else if (IS("at")) request->layers.at = value;
  else if (IS("lower")) request->layers.lower = value;
  else if (IS("upper")) request->layers.upper = value;
  else if (IS("work")) request->layers.work = value;
  else if (IS("source")) request->layers.source = value;
  else if (IS("more")) request->layers.more = value;
  else if (IS("image")) request->image = value;
  else if (IS("image-at")) request->image_at = value;
  else if (IS("changed")) request->upper_path = value;
  else if (IS("owner")) {
    request->unpack.owner = strcmp(value, "keep") == 0 ? OWNER_KEEP : strcmp(value, "root") == 0 ? OWNER_ROOT : OWNER_SELF;
  } else if (IS("parents")) request->unpack.parents = true;
  else if (IS("shadow")) push(request->shadows, &request->unpack.shadow_count, 256, value);
  else if (IS("stub")) push(request->stubs, &request->stub_count, 64, value);
  else fail_as(IO, "unknown option %s", argument);
#undef IS
  return true;
}

static int open_root(struct request *request) {
  if (request->pid > 0) return enter_process(request->pid, request->id, request->bare);
  if (request->layers.lower == NULL && request->layers.source == NULL) return -1;
  private_mounts();
  return mount_layers(&request->layers);
}

static void compare(struct request *request, bool layer) {
  private_mounts();
  struct layers image = {.at = request->image_at, .lower = request->image};
  struct change_options options = {.upper = -1, .left = -1, .right = -1, .layer = layer};
  if (request->image != NULL) options.left = mount_layers(&image);
  if (request->upper_path != NULL) options.upper = open(request->upper_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  else if (request->pid > 0) options.right = enter_process(request->pid, request->id, true);
  else options.right = mount_layers(&request->layers);
  if (options.upper < 0 && options.right < 0) fail_errno("open", request->upper_path);
  options.stubs = request->stubs;
  options.stub_count = request->stub_count;
  changes(&options);
}

int main(int argc, char **argv) {
  /* Whoever reads our output or writes our input is our parent: without it there is nothing left to do. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  umask(0);
  /* A parent that is Node gave us sockets, which hold less than one of our writes. */
  int size = 1 << 20;
  if (setsockopt(STDOUT_FILENO, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
    (void)setsockopt(STDOUT_FILENO, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  static struct request request;
  view.proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int at = 1;
  for (; at < argc; at++) {
    if (strcmp(argv[at], "mount") == 0 && argc - at > 3) {
      if (request.layers.mount_count == 256) fail_as(IO, "too many mounts");
      request.mounts[request.layers.mount_count++] =
          (struct mount_request){argv[at + 2], argv[at + 3], strcmp(argv[at + 1], "ro") == 0};
      at += 3;
    } else if (!take_option(&request, argv[at])) {
      break;
    }
  }
  request.layers.mounts = request.mounts;
  request.unpack.shadows = request.shadows;
  int left = argc - at;
  const char *role = left > 0 ? argv[at] : "";
  if (strcmp(role, "changes") == 0 || strcmp(role, "layer") == 0) {
    compare(&request, strcmp(role, "layer") == 0);
    return 0;
  }
  if (strcmp(role, "volume") == 0 && left == 7) {
    mount_volume(argv + at + 1);
    return 0;
  }
  int root = open_root(&request);
  if (root >= 0) {
    confine(root);
    drop_capabilities();
  }
  if (strcmp(role, "stat") == 0 && left == 2) describe(argv[at + 1]);
  else if (strcmp(role, "pack") == 0 && left == 3) pack(argv[at + 1], argv[at + 2]);
  else if (strcmp(role, "unpack") == 0 && left == 2) unpack(argv[at + 1], &request.unpack);
  else fail_as(IO, "usage: k3c-files [OPTION...] stat PATH | pack PATH NAME | unpack PATH | changes | layer | volume");
  return 0;
}
