/*
 * Runs a command that must not outlive its parent. The signal is bound to the parent's thread that forked us: in Node
 * that is the main thread as long as no worker thread spawns.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launcher.h"

#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127

static long number(const char *text, const char *what) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || value <= 0) fail("__child: %s is not a %s", text, what);
  return value;
}

/* See export_open_files in main.c. A limit that was lowered meanwhile stays as low. */
static void restore_open_files(void) {
  const char *text = getenv("K3C_OPEN_FILES");
  if (text == NULL) return;
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  unsigned long long soft = strtoull(text, NULL, 10);
  if (soft > 0 && soft < limit.rlim_cur) {
    limit.rlim_cur = soft;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  unsetenv("K3C_OPEN_FILES");
}

_Noreturn void child_run(int argc, char **argv) {
  if (argc < 3) fail("__child: usage: PARENT-PID SIGNAL-NUMBER COMMAND [ARG...]");
  long parent = number(argv[0], "process id");
  long signal_number = number(argv[1], "signal number");
  if (prctl(PR_SET_PDEATHSIG, signal_number) != 0) fail("__child: signal %ld: %s", signal_number, strerror(errno));
  /* The parent may have died before the line above. */
  if (getppid() != parent) _exit(128 + SIGTERM);
  restore_open_files();
  execvp(argv[2], argv + 2);
  int error = errno;
  dprintf(STDERR_FILENO, "k3c: %s: %s\n", argv[2], strerror(error));
  _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE);
}
