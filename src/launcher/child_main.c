/*
 * The same as `k3c __child`, as a program of its own beside the unpacked one: it is there when k3c's file is replaced. Under
 * another name, of a link that has its program beside it, it starts that program in a root of its own; `--in-chroot` tells
 * whether that is needed.
 */
#include <string.h>
#include <unistd.h>

#include "launcher.h"

int main(int argc, char **argv) {
  const char *slash = strrchr(argv[0], '/');
  if (strcmp(slash == NULL ? argv[0] : slash + 1, "k3c-child") != 0) own_root_run(argv);
  if (argc == 2 && strcmp(argv[1], "--in-chroot") == 0) _exit(own_root_missing() ? 0 : 1);
  child_run(argc - 1, argv + 1);
}
