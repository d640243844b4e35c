// SPDX-License-Identifier: Apache-2.0
// Makes calls that return something through a pointer, and tells what came of the memory behind it:
// `WHAT ANSWER, N of M bytes`, of which all others must be as they were.
//
// usage: result-caller [-s SOCKET [-m METADATA] [-b BUNDLE] [-k]] MODE...
// Without -s it is in a container already. MODE is sysinfo, getxattr SIZE, edge, read-only,
// slow, or storm CALLS: signals all the while, whose handler looks at the memory as well.
#define _GNU_SOURCE
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/xattr.h>

#include "container.h"

enum { LIFE_SECONDS = 150, GUARD = 64, MOST = 65536, BEFORE = 0x11, WRITTEN = 0x5a };

static unsigned char room[GUARD + MOST + GUARD];
static unsigned char *const result = room + GUARD;

static size_t count_in(const unsigned char *bytes, size_t size, unsigned char wanted) {
  size_t found = 0;
  for (size_t i = 0; i < size; i++) found += bytes[i] == wanted;
  return found;
}

static void tell(const char *what, long answer, size_t size) {
  const char *name = answer_name(answer == -1 ? errno : 0);
  const size_t written = count_in(result, size, WRITTEN);
  const size_t untouched = count_in(room, sizeof room, BEFORE);
  printf("%s %s, %zu of %zu bytes%s\n", what, name, written, size,
         written + untouched == sizeof room ? "" : ", and others");
  fflush(stdout);
}

static long ask_sysinfo(void *into) { return syscall(SYS_sysinfo, into); }

static long ask_attribute(const char *path, void *into, size_t size) {
  return syscall(SYS_getxattr, path, "user.x", into, size);
}

// A result that ends at the end of what is there, or beyond it.
static void use_edge(void) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  unsigned char *pages =
      mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED || munmap(pages + page, page) < 0) fail("map a page");
  long answer = ask_sysinfo(pages + page - sizeof(struct sysinfo));
  printf("last bytes %s\n", answer_name(answer == -1 ? errno : 0));
  answer = ask_sysinfo(pages + page - sizeof(struct sysinfo) + 1);
  printf("one too few %s\n", answer_name(answer == -1 ? errno : 0));
  answer = ask_sysinfo(NULL);
  printf("null %s\n", answer_name(answer == -1 ? errno : 0));
  answer = ask_sysinfo((void *)-8L);
  printf("end of all %s\n", answer_name(answer == -1 ? errno : 0));
}

// Memory that the caller may not write itself is written by nobody.
static void use_read_only(void) {
  unsigned char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) fail("map a page");
  const long answer = ask_sysinfo(page);
  printf("read-only %s, %zu bytes are as they were\n", answer_name(answer == -1 ? errno : 0),
         count_in(page, 4096, 0));
}

static atomic_ulong signals, torn;

static void look(int signal) {
  (void)signal;
  const int error = errno;
  const size_t size = sizeof(struct sysinfo);
  const size_t written = count_in(result, size, WRITTEN);
  atomic_fetch_add(&signals, 1);
  if (written != 0 && written != size) atomic_fetch_add(&torn, 1);
  errno = error;
}

static void use_storm(int calls) {
  const struct sigaction action = {.sa_handler = look, .sa_flags = SA_RESTART};
  const struct itimerval often = {{0, 500}, {0, 500}};
  if (sigaction(SIGALRM, &action, NULL) < 0 || setitimer(ITIMER_REAL, &often, NULL) < 0)
    fail("send signals");
  int whole = 0;
  for (int i = 0; i < calls; i++) {
    memset(result, BEFORE, sizeof(struct sysinfo));
    const long answer = ask_sysinfo(result);
    whole +=
        answer == 0 && count_in(result, sizeof(struct sysinfo), WRITTEN) == sizeof(struct sysinfo);
  }
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  printf("storm %d of %d whole, torn %lu, %s signals\n", whole, calls, atomic_load(&torn),
         atomic_load(&signals) >= (unsigned long)calls ? "many" : "few");
}

int main(int argc, char **argv) {
  static const long numbers[] = {SYS_sysinfo, SYS_getxattr};
  struct container container = {0};
  for (int letter; (letter = getopt(argc, argv, "+s:m:b:k")) != -1;) {
    if (letter == 's')
      container.socket = optarg;
    else if (letter == 'm')
      container.metadata = optarg;
    else if (letter == 'b')
      container.bundle = optarg;
    else if (letter == 'k')
      container.wait_killable = true;
    else
      return 2;
  }
  alarm(LIFE_SECONDS);
  memset(room, BEFORE, sizeof room);
  if (container.socket != NULL)
    close(enter_container(&container, numbers, sizeof numbers / sizeof *numbers));
  for (int i = optind; i < argc; i++) {
    const char *mode = argv[i];
    memset(room, BEFORE, sizeof room);
    if (strcmp(mode, "sysinfo") == 0) {
      tell(mode, ask_sysinfo(result), sizeof(struct sysinfo));
    } else if (strcmp(mode, "getxattr") == 0 && i + 1 < argc) {
      const size_t size = strtoul(argv[++i], NULL, 10);
      if (size > MOST) return 2;
      tell(mode, ask_attribute("x", result, size), size);
    } else if (strcmp(mode, "slow") == 0) {
      tell(mode, ask_attribute("slow", result, 8), 8);
    } else if (strcmp(mode, "edge") == 0) {
      use_edge();
    } else if (strcmp(mode, "read-only") == 0) {
      use_read_only();
    } else if (strcmp(mode, "storm") == 0 && i + 1 < argc) {
      use_storm(atoi(argv[++i]));
    } else {
      return 2;
    }
  }
  return 0;
}
