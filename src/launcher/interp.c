/*
 * Points PT_INTERP of the unpacked program at the loader beside it. The kernel reads that string by file offset, so it
 * may lie behind the program's last byte: nothing inside the file moves. Started this way (and not through
 * `ld.so --library-path`), process.execPath and /proc/self/exe name the program and not the loader.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launcher.h"

size_t interp_size(const char *directory) { return strlen(directory) + sizeof "/" LOADER_NAME; }

int interp_set(int fd, uint64_t size, const char *directory) {
  Elf64_Ehdr header;
  if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header) return -1;
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64) {
    errno = ENOEXEC;
    return -1;
  }
  for (int i = 0; i < header.e_phnum; i++) {
    off_t at = (off_t)(header.e_phoff + (uint64_t)i * header.e_phentsize);
    Elf64_Phdr segment;
    if (pread(fd, &segment, sizeof segment, at) != (ssize_t)sizeof segment) return -1;
    if (segment.p_type != PT_INTERP) continue;
    char loader[PATH_MAX + sizeof "/" LOADER_NAME];
    size_t length = (size_t)snprintf(loader, sizeof loader, "%s/" LOADER_NAME, directory) + 1;
    segment.p_offset = size;
    segment.p_filesz = length;
    segment.p_memsz = length;
    if (pwrite(fd, loader, length, (off_t)size) != (ssize_t)length) return -1;
    return pwrite(fd, &segment, sizeof segment, at) == (ssize_t)sizeof segment ? 0 : -1;
  }
  errno = ENOEXEC;
  return -1;
}
