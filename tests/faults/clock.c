/* The wall clock of a process, moved by the seconds that stand in the file KHO_CLOCK; the monotonic one is left alone, as by a
   machine whose clock is set. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t moved(void) {
  static volatile int64_t *seconds;
  if (!seconds) {
    const char *path = getenv("KHO_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    void *there = mmap(0, sizeof *seconds, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (there == MAP_FAILED) return 0;
    seconds = there;
  }
  return *seconds;
}

int clock_gettime(clockid_t clock, struct timespec *told) {
  int failed = (int)syscall(SYS_clock_gettime, clock, told);
  if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) told->tv_sec += moved();
  return failed;
}

int gettimeofday(struct timeval *restrict told, void *restrict zone) {
  int failed = (int)syscall(SYS_gettimeofday, told, zone);
  if (!failed && told) told->tv_sec += moved();
  return failed;
}

time_t time(time_t *told) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (told) *told = now.tv_sec;
  return now.tv_sec;
}
