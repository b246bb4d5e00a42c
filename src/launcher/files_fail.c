#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

static _Noreturn void say(const char *kind, const char *format, va_list arguments) {
  char *text = NULL;
  if (vasprintf(&text, format, arguments) < 0) _exit(1);
  dprintf(STDERR_FILENO, "%s\t%s\n", kind, text);
  _exit(1);
}

_Noreturn void fail_as(const char *kind, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  say(kind, format, arguments);
}

/* Go's words for the usual ones: docker's users know them. */
static const char *reason(int error) {
  switch (error) {
    case ENOENT: return "no such file or directory";
    case EACCES: return "permission denied";
    case EPERM: return "operation not permitted";
    case ENOTDIR: return "not a directory";
    case EISDIR: return "is a directory";
    case EEXIST: return "file exists";
    case ENOSPC: return "no space left on device";
    case EROFS: return "read-only file system";
    case ELOOP: return "too many levels of symbolic links";
    case ENOSYS: return "function not implemented (Linux 5.6 or newer is needed)";
    default: return strerror(error);
  }
}

_Noreturn void fail_errno(const char *call, const char *path) {
  int error = errno;
  const char *kind = error == ENOENT ? NOT_FOUND : error == ENOTDIR ? NOT_DIRECTORY : error == EROFS ? READ_ONLY : IO;
  fail_as(kind, "%s %s: %s", call, path, reason(error));
}

void *allocate(size_t size) {
  void *memory = calloc(1, size == 0 ? 1 : size);
  if (memory == NULL) fail_as(IO, "out of memory");
  return memory;
}

char *format_text(const char *format, ...) {
  va_list arguments;
  char *text = NULL;
  va_start(arguments, format);
  if (vasprintf(&text, format, arguments) < 0) fail_as(IO, "out of memory");
  va_end(arguments);
  return text;
}
