/*
 * PID 1 of a container that asked for --init: starts the command, passes signals on to it, reaps every orphan, and ends
 * with the command's exit status (128+n when a signal ended it). Usage: init COMMAND [ARG ...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int run_command(char **command, const sigset_t *mask) {
  sigprocmask(SIG_SETMASK, mask, 0);
  if (setpgid(0, 0) == 0 && isatty(STDIN_FILENO)) {
    /* The command owns the terminal; without this SIGTTOU would stop it as soon as it writes terminal settings. */
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(STDIN_FILENO, getpid());
    signal(SIGTTOU, SIG_DFL);
  }
  execvp(command[0], command);
  int code = errno == ENOENT ? 127 : 126;
  fprintf(stderr, "init: %s: %s\n", command[0], strerror(errno));
  return code;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fputs("usage: init COMMAND [ARG ...]\n", stderr);
    return 125;
  }
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  pid_t child = fork();
  if (child < 0) {
    perror("init: fork");
    return 125;
  }
  if (child == 0) _exit(run_command(argv + 1, &before));
  for (;;) {
    int received = sigwaitinfo(&all, 0);
    if (received < 0) continue;
    if (received != SIGCHLD) {
      kill(-child, received);
      continue;
    }
    int status;
    pid_t ended;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended == child) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
  }
}
