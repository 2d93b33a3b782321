// Holds a process at its flushes, for flushes.test.ts: LD_PRELOAD it, and name a folder in FLUSH_GATE.
// While FLUSH_GATE/hold-NAME exists, fdatasync ("data"), or a write to a file that was opened with O_DSYNC
// ("meta"), makes the file FLUSH_GATE/held-NAME and waits.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static void gate(const char *name) {
  const char *folder = getenv("FLUSH_GATE");
  char hold[4096], held[4096];
  if (!folder) return;
  snprintf(hold, sizeof hold, "%s/hold-%s", folder, name);
  snprintf(held, sizeof held, "%s/held-%s", folder, name);
  if (access(hold, F_OK)) return;
  close(open(held, O_CREAT | O_WRONLY, 0600));
  while (!access(hold, F_OK)) usleep(1000);
  unlink(held);
}

int fdatasync(int fd) {
  gate("data");
  return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
  int flags = fcntl(fd, F_GETFL);
  if (flags != -1 && flags & O_DSYNC) gate("meta");
  return ((ssize_t (*)(int, const void *, size_t, off_t)) dlsym(RTLD_NEXT, "pwrite"))(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
  return pwrite(fd, bytes, size, at);
}
