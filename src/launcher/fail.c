#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "launcher.h"

_Noreturn void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  dprintf(STDERR_FILENO, "k3c: ");
  vdprintf(STDERR_FILENO, format, arguments);
  dprintf(STDERR_FILENO, "\n");
  va_end(arguments);
  _exit(EXIT_LAUNCHER);
}
