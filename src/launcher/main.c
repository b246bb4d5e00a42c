/* The way of every start: hidden modes, front door, unpack (once), exec. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launcher.h"

static bool is_daemon(int argc, char **argv) {
  if (argc < 2) return false;
  if (strcmp(argv[1], "daemon") == 0) return true;
  /* Global options may stand before the command. A wrong guess only opens two sockets that nobody uses. */
  for (int i = 2; argv[1][0] == '-' && i < argc; i++) {
    if (strcmp(argv[i], "daemon") == 0) return true;
  }
  return false;
}

/* A standard stream that the user closed must not become one of our own files. */
static void open_missing_streams(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    /* The lowest free descriptor is this one. In a root without /dev it stays closed. */
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) open("/dev/null", O_RDWR);
  }
}

/*
 * A static program is not touched by these, so ours shall not be either: what they name was built for the host's C library,
 * and one that asks for a newer one than ours would end every start.
 */
static void forget_loader_variables(void) {
  unsetenv("LD_PRELOAD");
  unsetenv("LD_AUDIT");
}

static void export_self(void) {
  char self[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0) return;
  self[length] = '\0';
  /* A replaced file reads "… (deleted)". */
  if (access(self, X_OK) == 0) setenv("K3C_SELF", self, 1);
}

/*
 * Node raises its soft number of open files to the hard one and never takes it back for a child, as Go does: containers would
 * have the daemon's hard limit. child.c gives those that become containers' parents the number that we were started with.
 */
static void export_open_files(void) {
  struct rlimit limit;
  char text[24];
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  snprintf(text, sizeof text, "%llu", (unsigned long long)limit.rlim_cur);
  setenv("K3C_OPEN_FILES", text, 1);
}

/*
 * Node reads the environment files that any argument before a `--` names, in a single executable too: `run --env-file` would
 * be its option as well as ours. main.ts takes the `--` off again.
 */
static char **shielded(int argc, char **argv) {
  char **result = calloc((size_t)argc + 2, sizeof *result);
  if (result == NULL) fail("cannot start: %s", strerror(errno));
  result[0] = argv[0];
  result[1] = "--";
  for (int i = 1; i < argc; i++) result[i + 1] = argv[i];
  return result;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "__child") == 0) child_run(argc - 2, argv + 2);

  open_missing_streams();
  struct payload payload = {.fd = -1};
  payload_open(&payload);
  door_try(&payload, argc, argv);

  char directory[PATH_MAX];
  char program[PATH_MAX + sizeof "/" APP_NAME];
  bases_prepare(&payload, directory);
  strcpy(program, directory);
  strcat(program, "/" APP_NAME);
  forget_loader_variables();
  unsetenv("K3C_SELF");
  unsetenv("K3C_NL_FD");
  unsetenv("K3C_OPEN_FILES");
  export_self();
  if (geteuid() == 0 && is_daemon(argc, argv)) {
    netlink_pass();
    export_open_files();
  }
  execv(program, shielded(argc, argv));
  fail("cannot start %s: %s", program, strerror(errno));
}
