/*
 * The front door: root's commands run inside the warm daemon, which spares the start of a Node process. We carry its
 * streams, signals and terminal. The frames are written down in README.md.
 *
 * The daemon first accepts, and starts only after our GO: whatever goes wrong before GO, our own program does the
 * command, and it is never done twice.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "launcher.h"

#define DEFAULT_ADDRESS "/run/k3c/k3c.sock"
#define SOCKET_NAME "/k3c.sock"
#define ACCEPT_TIMEOUT_MS 1000
#define HEADER_BYTES 5
#define CHUNK_BYTES (256 << 10)
#define STDIN_CHUNK_BYTES (64 << 10)

enum to_daemon { HELLO = 0, STDIN = 1, STDIN_END = 2, SIGNAL = 3, WINDOW = 4, GO = 5 };
enum from_daemon { STDOUT = 1, STDERR = 2, EXIT = 3, WANT = 4, RAW = 5, DECLINE = 6, ACCEPT = 7 };

struct door {
  struct door_queue queue;
  int signals;
  uint64_t wanted;
  bool input_ended;
  bool raw;
  struct termios terminal;
  /* A signal that waits in the queue because the daemon does not read. */
  uint32_t unsent_signal;
  uint8_t buffer[CHUNK_BYTES];
};

static void terminal_restore(struct door *door) {
  if (door->raw) tcsetattr(STDIN_FILENO, TCSADRAIN, &door->terminal);
  door->raw = false;
}

static _Noreturn void leave(struct door *door, int code) {
  terminal_restore(door);
  _exit(code);
}

static _Noreturn void lost(struct door *door) {
  terminal_restore(door);
  fail("the daemon went away before the command had ended");
}

static void terminal_raw(struct door *door, bool on) {
  if (!on) {
    terminal_restore(door);
    return;
  }
  if (door->raw || tcgetattr(STDIN_FILENO, &door->terminal) != 0) return;
  struct termios raw = door->terminal;
  cfmakeraw(&raw);
  door->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static bool read_exactly(int fd, void *into, size_t size) {
  for (uint8_t *next = into; size > 0;) {
    ssize_t got = read(fd, next, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    next += got;
    size -= (size_t)got;
  }
  return true;
}

/* Our reader went away: end as any program does that writes into a closed pipe. */
static _Noreturn void output_closed(struct door *door, int error) {
  terminal_restore(door);
  /* A socket whose reader left bytes unread is reset, not closed. */
  if (error != EPIPE && error != ECONNRESET) fail("cannot write the command's output: %s", strerror(error));
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  signal(SIGPIPE, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &pipe_signal, NULL);
  raise(SIGPIPE);
  _exit(128 + SIGPIPE);
}

static void on_signal(struct door *door) {
  struct signalfd_siginfo info;
  if (read(door->signals, &info, sizeof info) != (ssize_t)sizeof info) return;
  if (info.ssi_signo == SIGWINCH) {
    struct winsize window = {0};
    uint16_t size[2];
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &window) != 0) return;
    size[0] = window.ws_row;
    size[1] = window.ws_col;
    if (door_queue_frame(&door->queue, WINDOW, size, sizeof size) != 0) lost(door);
    return;
  }
  /* A daemon that took neither the first nor the second request to end is stuck: the user must get out. */
  if (door->queue.size > 0 && door->unsent_signal == info.ssi_signo) leave(door, 128 + (int)info.ssi_signo);
  if (door_queue_frame(&door->queue, SIGNAL, &info.ssi_signo, sizeof info.ssi_signo) != 0) lost(door);
  door->unsent_signal = door->queue.size > 0 ? info.ssi_signo : 0;
}

static void on_input(struct door *door) {
  size_t size = door->wanted < STDIN_CHUNK_BYTES ? (size_t)door->wanted : STDIN_CHUNK_BYTES;
  ssize_t got = read(STDIN_FILENO, door->buffer, size);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got > 0) {
    door->wanted -= (uint64_t)got;
    if (door_queue_frame(&door->queue, STDIN, door->buffer, (uint32_t)got) != 0) lost(door);
    return;
  }
  /* An unreadable stdin (a closed one, a terminal of another session) is an empty one. */
  door->input_ended = true;
  if (door_queue_frame(&door->queue, STDIN_END, NULL, 0) != 0) lost(door);
}

static void write_output(struct door *door, int fd, const uint8_t *data, size_t size) {
  while (size > 0) {
    ssize_t written = write(fd, data, size);
    if (written >= 0) {
      data += written;
      size -= (size_t)written;
    } else if (errno == EAGAIN) {
      struct pollfd writable[2] = {{fd, POLLOUT, 0}, {door->signals, POLLIN, 0}};
      poll(writable, 2, -1);
      if (writable[1].revents != 0) on_signal(door);
    } else if (errno != EINTR) {
      output_closed(door, errno);
    }
  }
}

static void on_frame(struct door *door) {
  uint8_t header[HEADER_BYTES];
  uint32_t size, value = 0;
  if (!read_exactly(door->queue.fd, header, sizeof header)) lost(door);
  memcpy(&size, header + 1, sizeof size);
  if (header[0] == STDOUT || header[0] == STDERR) {
    while (size > 0) {
      ssize_t got = read(door->queue.fd, door->buffer, size < CHUNK_BYTES ? size : CHUNK_BYTES);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) lost(door);
      write_output(door, header[0] == STDOUT ? STDOUT_FILENO : STDERR_FILENO, door->buffer, (size_t)got);
      size -= (uint32_t)got;
    }
    return;
  }
  if (size != sizeof value || !read_exactly(door->queue.fd, &value, sizeof value)) lost(door);
  if (header[0] == EXIT) leave(door, (int)(value & 255));
  if (header[0] == WANT) door->wanted += value;
  if (header[0] == RAW) terminal_raw(door, value != 0);
}

static _Noreturn void carry(struct door *door) {
  for (;;) {
    /* New input only when the daemon has taken the old: what it never asks for stays for the next reader. */
    bool reading = door->wanted > 0 && !door->input_ended && door->queue.size == 0;
    struct pollfd waiting[3] = {
        {door->queue.fd, POLLIN | (door->queue.size > 0 ? POLLOUT : 0), 0},
        {door->signals, POLLIN, 0},
        {reading ? STDIN_FILENO : -1, POLLIN, 0},
    };
    if (poll(waiting, 3, -1) < 0) {
      if (errno == EINTR) continue;
      lost(door);
    }
    if (waiting[1].revents != 0) on_signal(door);
    if (waiting[2].revents != 0) on_input(door);
    if (waiting[0].revents & POLLOUT) door_queue_flush(&door->queue);
    if (waiting[0].revents & ~POLLOUT) on_frame(door);
  }
}

/* True when the daemon has accepted, in time. */
static bool accepted(struct door_queue *queue) {
  for (;;) {
    struct pollfd waiting = {queue->fd, POLLIN | (queue->size > 0 ? POLLOUT : 0), 0};
    int ready = poll(&waiting, 1, ACCEPT_TIMEOUT_MS);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    if ((waiting.revents & POLLOUT) && door_queue_flush(queue) != 0) return false;
    if ((waiting.revents & ~POLLOUT) == 0) continue;
    uint8_t header[HEADER_BYTES];
    return queue->size == 0 && read_exactly(queue->fd, header, sizeof header) && header[0] == ACCEPT;
  }
}

static bool door_wanted(int argc, char **argv) {
  if (geteuid() != 0 || getuid() != 0 || argc < 2) return false;
  /* Options before the command (--address, --version) and hidden commands are for our own program. */
  return argv[1][0] != '-' && strncmp(argv[1], "__", 2) != 0 && strcmp(argv[1], "daemon") != 0;
}

/* The door stands beside the daemon's socket: DIR/k3c.sock has DIR/door.sock. False when there is none to knock at. */
static bool door_path(char path[PATH_MAX]) {
  const char *place = getenv("K3C_DOOR");
  if (place != NULL && strcmp(place, "off") == 0) return false;
  if (place != NULL && place[0] == '/') return snprintf(path, PATH_MAX, "%s", place) < PATH_MAX;
  const char *address = getenv("K3C_ADDRESS");
  if (address == NULL || address[0] == '\0') address = DEFAULT_ADDRESS;
  if (strncmp(address, "unix://", 7) == 0) address += 7;
  size_t length = strlen(address), name = sizeof SOCKET_NAME - 1;
  if (address[0] != '/' || length < name || strcmp(address + length - name, SOCKET_NAME) != 0) return false;
  return snprintf(path, PATH_MAX, "%.*s/door.sock", (int)(length - name), address) < PATH_MAX;
}

void door_try(const struct payload *payload, int argc, char **argv) {
  char path[PATH_MAX];
  if (!door_wanted(argc, argv) || !door_path(path)) return;
  struct door *door = calloc(1, sizeof *door);
  if (door == NULL) return;
  door->queue.fd = door_connect(path);
  if (door->queue.fd < 0) return;

  uint32_t size;
  uint8_t *hello = door_hello(payload, argc, argv, &size);
  bool open = hello != NULL && door_queue_frame(&door->queue, HELLO, hello, size) == 0 && accepted(&door->queue);
  free(hello);
  if (open) {
    /* From here on signals are the daemon's; before, they end us as they end any program. */
    static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGUSR1, SIGUSR2};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++) sigaddset(&set, forwarded[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    door->signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (door->signals < 0 || door_queue_frame(&door->queue, GO, NULL, 0) != 0) lost(door);
    carry(door);
  }
  close(door->queue.fd);
  free(door->queue.data);
  free(door);
}
