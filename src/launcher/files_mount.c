/* The file system of a volume, mounted for the daemon: a server may not answer for minutes, and a process can be ended. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "files.h"

/* mount(2) applies propagation, and what else a bind mount is to have, only to a mount that is there. */
void mount_volume(char **arguments) {
  const char *device = arguments[0], *target = arguments[1], *type = arguments[2], *data = arguments[5];
  unsigned long flags = strtoul(arguments[3], NULL, 10), propagation = strtoul(arguments[4], NULL, 10);
  unsigned long beside = flags & ~(unsigned long)(MS_BIND | MS_REC);
  if (mount(device, target, type, flags, *data == '\0' ? NULL : data) != 0) fail_errno("mount", device);
  if ((flags & MS_BIND) == 0) beside = 0;
  if ((propagation != 0 && mount(NULL, target, NULL, propagation, NULL) != 0) ||
      (beside != 0 && mount(NULL, target, NULL, beside | MS_BIND | MS_REMOUNT, NULL) != 0)) {
    int error = errno;
    umount2(target, MNT_DETACH);
    errno = error;
    fail_errno("mount", device);
  }
}
