#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "launcher.h"

#define DOOR_VERSION 1

extern char **environ;

static size_t strings_size(char **strings, uint32_t *count) {
  size_t size = 0;
  for (*count = 0; strings[*count] != NULL; (*count)++) size += strlen(strings[*count]) + 1;
  return size;
}

static uint8_t *put(uint8_t *at, const void *data, size_t size) {
  memcpy(at, data, size);
  return at + size;
}

static uint8_t *put_strings(uint8_t *at, char **strings) {
  for (; *strings != NULL; strings++) at = put(at, *strings, strlen(*strings) + 1);
  return at;
}

uint8_t *door_hello(const struct payload *payload, int argc, char **argv, uint32_t *size) {
  char directory[PATH_MAX];
  if (getcwd(directory, sizeof directory) == NULL) return NULL;

  uint32_t version = DOOR_VERSION, arguments = (uint32_t)argc, variables, counted;
  size_t text = strings_size(argv, &counted) + strings_size(environ, &variables) + strlen(directory) + 1;
  uint8_t *hello = malloc(text + DIGEST_BYTES + 64);
  if (hello == NULL) return NULL;

  uint8_t terminals = (isatty(0) ? 1 : 0) | (isatty(1) ? 2 : 0) | (isatty(2) ? 4 : 0);
  struct winsize window = {0};
  ioctl(terminals & 2 ? 1 : 0, TIOCGWINSZ, &window);
  mode_t mask = umask(0);
  umask(mask);
  uint32_t file_mask = mask;

  uint8_t *at = put(hello, &version, sizeof version);
  at = put(at, payload->digest, DIGEST_BYTES);
  at = put(at, &terminals, sizeof terminals);
  at = put(at, &window.ws_row, sizeof window.ws_row);
  at = put(at, &window.ws_col, sizeof window.ws_col);
  at = put(at, &file_mask, sizeof file_mask);
  at = put(at, &arguments, sizeof arguments);
  at = put(at, &variables, sizeof variables);
  at = put(at, directory, strlen(directory) + 1);
  at = put_strings(at, argv);
  at = put_strings(at, environ);
  *size = (uint32_t)(at - hello);
  return hello;
}
