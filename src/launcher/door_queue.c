/*
 * Frames to the daemon. A blocking write would deadlock: the daemon may itself be blocked on what we have not read yet.
 * So a frame is queued, and as much as the socket takes is sent at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "launcher.h"

#define HEADER_BYTES 5

int door_queue_flush(struct door_queue *queue) {
  size_t sent = 0;
  while (sent < queue->size) {
    ssize_t written = send(queue->fd, queue->data + sent, queue->size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) return -1;
    sent += (size_t)written;
  }
  memmove(queue->data, queue->data + sent, queue->size - sent);
  queue->size -= sent;
  return 0;
}

int door_queue_frame(struct door_queue *queue, uint8_t type, const void *data, uint32_t size) {
  size_t needed = queue->size + HEADER_BYTES + size;
  if (needed > queue->capacity) {
    size_t capacity = needed + (64 << 10);
    uint8_t *larger = realloc(queue->data, capacity);
    if (larger == NULL) return -1;
    queue->data = larger;
    queue->capacity = capacity;
  }
  uint8_t *next = queue->data + queue->size;
  next[0] = type;
  memcpy(next + 1, &size, sizeof size);
  if (size > 0) memcpy(next + HEADER_BYTES, data, size);
  queue->size = needed;
  return door_queue_flush(queue);
}
