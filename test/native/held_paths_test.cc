// SPDX-License-Identifier: Apache-2.0
// Tests how paths of settings are held in real containers, and when they can't be.
#include "container/held_paths.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "check.h"
#include "container_fixture.h"
#include "fuse_file_system.h"
#include "helper/mountinfo.h"
#include "kernel/clock.h"
#include "process/child_starter.h"
#include "process/ending_children.h"

namespace seccompagent::test {
namespace {

void set_up() {
  mount_masked_proc();
  CHECK_EQUAL(mount("tmpfs", "/mnt/new", "tmpfs", 0, nullptr), 0);
  CHECK_EQUAL(mkdir("/mnt/new/plain", 0755), 0);
  CHECK_EQUAL(mkdir("/mnt/new/plain/deep", 0755), 0);
  CHECK_EQUAL(mount("tmpfs", "/mnt/new/plain/deep", "tmpfs", 0, nullptr), 0);
}

const Level kLevel = {.namespaces = CLONE_NEWNS | CLONE_NEWPID, .set_up = set_up};

// In a root that is a mount of its own, as a runtime makes one, with a volume that others have,
// too.
void set_up_root() {
  CHECK_EQUAL(mount("tmpfs", "/mnt", "tmpfs", 0, "mode=0755"), 0);
  for (const char* folder : {"/mnt/proc", "/mnt/new", "/mnt/volume", "/mnt/var", "/mnt/none"})
    CHECK_EQUAL(mkdir(folder, 0755), 0);
  CHECK_EQUAL(mount("proc", "/mnt/proc", "proc", 0, nullptr), 0);
  for (const char* place : {"/mnt/new", "/mnt/volume"})
    CHECK_EQUAL(mount("tmpfs", place, "tmpfs", 0, nullptr), 0);
  for (const char* folder :
       {"/mnt/new/plain", "/mnt/new/plain/deep", "/mnt/volume/plain", "/mnt/volume/empty"})
    CHECK_EQUAL(mkdir(folder, 0755), 0);
  for (const char* place : {"/mnt/new/plain/deep", "/mnt/volume/plain"})
    CHECK_EQUAL(mount("tmpfs", place, "tmpfs", 0, nullptr), 0);
  CHECK_EQUAL(symlink("/new/plain", "/mnt/link"), 0);
  CHECK_EQUAL(symlink("..//var/../link/./deep", "/mnt/var/other"), 0);
  CHECK_EQUAL(symlink("loop", "/mnt/loop"), 0);
  CHECK_EQUAL(symlink("/new", "/mnt/volume/link"), 0);
  CHECK_EQUAL(symlink("plain", "/mnt/volume/near"), 0);
  CHECK_EQUAL(chroot("/mnt"), 0);
  CHECK_EQUAL(chdir("/"), 0);
}

const Level kRootLevel = {.namespaces = CLONE_NEWNS | CLONE_NEWPID, .set_up = set_up_root};

UniqueFd pidfd_of(pid_t pid) {
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  CHECK(pidfd.is_open());
  return pidfd;
}

std::shared_ptr<const HeldPaths> held_in(pid_t pid, const std::vector<std::string>& paths) {
  CHECK(ChildStarter::of_process().start().has_value());
  return HeldPaths::find(pid, pidfd_of(pid), paths, 1);
}

int id_at(const Container& container, std::string_view point) {
  const std::string text = container.mountinfo(0);
  const auto mounts = VALUE(parse_mounts(text));
  const MountLine* top = find_top(mounts, point);
  CHECK(top != nullptr);
  return top->id;
}

void holds_what_a_path_leads_to() {
  const Container container({kRootLevel});
  const auto held = held_in(container.pid(), {"/link", "/new", "/", "/var/other/", "/volume"});
  for (const char* path : {"/link", "/new", "/", "/var/other/", "/volume"})
    CHECK_EQUAL(Errno{held->error_of(path)}, Errno{0});
  using namespace std::literals;
  const auto spared = held->spared("/link\0"sv);
  CHECK(spared != nullptr);
  CHECK_EQUAL(spared->root, id_at(container, "/"));
  CHECK(std::ranges::find(spared->hiding, id_at(container, "/proc")) != spared->hiding.end());
  CHECK(spared->paths == std::vector<std::string>{"/new/plain"});
  const std::vector<HeldPlace> places = {{id_at(container, "/new"), "plain"},
                                         {id_at(container, "/new/plain/deep"), ""}};
  CHECK(spared->places == places);
  const auto whole = held->spared("/new\0"sv);
  CHECK(whole != nullptr);
  CHECK(whole->places.front() == (HeldPlace{id_at(container, "/new"), ""}));
  const auto around = held->spared("/var/other/\0"sv);
  CHECK(around != nullptr);
  CHECK(around->places.front() == (HeldPlace{id_at(container, "/new/plain/deep"), ""}));
}

void says_why_paths_are_not_held() {
  const Container container({kRootLevel});
  const std::string long_path(10'000, '/');
  const std::string long_name = '/' + std::string(256, 'a');
  const auto held = held_in(container.pid(),
                            {"/absent", "/loop", "/proc/self/root", "/new", long_path, long_name});
  for (const std::string& path : {long_path, long_name})
    CHECK_EQUAL(Errno{held->error_of(path)}, Errno{ENAMETOOLONG});
  CHECK_EQUAL(Errno{held->error_of("/absent")}, Errno{ENOENT});
  CHECK_EQUAL(Errno{held->error_of("/loop")}, Errno{ELOOP});
  CHECK(held->error_of("/proc/self/root") != 0);
  CHECK_EQUAL(held->error_of("/new"), 0);
  CHECK_EQUAL(Errno{held->error_of("/other")}, Errno{ESTALE});
  using namespace std::literals;
  CHECK(held->spared("/new\0"sv) != nullptr);
  CHECK(held->spared("/new\0/absent\0"sv) == nullptr);
  CHECK(held->spared("/other\0"sv) == nullptr);
  CHECK(held->spared("") != nullptr);
}

// Whoever has the volume may have put them there a moment ago, and takes them away afterwards.
void holds_nothing_that_others_may_have_put_there() {
  const Container container({kRootLevel});
  const auto held = held_in(container.pid(), {"/volume/link", "/volume/near", "/volume/link/plain",
                                              "/volume/empty", "/none", "/volume/plain"});
  for (const char* path : {"/volume/link", "/volume/near", "/volume/link/plain"})
    CHECK_EQUAL(Errno{held->error_of(path)}, Errno{ELOOP});
  for (const char* path : {"/volume/empty", "/none"})
    CHECK_EQUAL(Errno{held->error_of(path)}, Errno{EINVAL});
  CHECK_EQUAL(held->error_of("/volume/plain"), 0);
}

long run_own_program() { return execl("/bin/sleep", "sleep", "60", nullptr); }

// Until its memory is the new program's, which the kernel tells last.
void await_program(pid_t pid) {
  const std::string name = "/proc/" + std::to_string(pid) + "/comm";
  while (contents(name) != "sleep\n") sched_yield();
}

void holds_nothing_once_its_own_program_runs() {
  const Container container({kLevel});
  container.tell(run_own_program);
  await_program(container.pid());
  const auto held = held_in(container.pid(), {"/mnt"});
  CHECK_EQUAL(held->error_of("/mnt"), EALREADY);
  using namespace std::literals;
  CHECK(held->spared("/mnt\0"sv) == nullptr);
  CHECK_EQUAL(kill(container.pid(), SIGKILL), 0);
}

void holds_nothing_of_who_is_gone() {
  const auto unknown = HeldPaths::find(0, UniqueFd(), {"/mnt"}, 1);
  CHECK_EQUAL(unknown->error_of("/mnt"), ESRCH);
  CHECK(unknown->spared("") != nullptr);
  CHECK_EQUAL(unknown->spared("")->root, 0);
}

// A child that can't be killed stays for each look that a file system does not answer.
void looks_no_more_for_whom_too_many_hang() {
  constexpr Payer kHanging = payer_of_arrival(7, 0);
  constexpr Payer kOther = payer_of_arrival(8, 0);
  constexpr std::size_t kMax = EndingChildren::kMaxHanging;
  CHECK(ChildStarter::of_process().start().has_value());
  EndingChildren::of_process().start();
  const FuseFileSystem system;
  // once it is asked, nobody who waits can be killed
  std::atomic<bool> is_over = false;
  std::thread reading([&] {
    while (!is_over.load()) {
      if (system.has_question(100)) (void)system.next_question();
    }
  });
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pause();
  }
  const auto error_of = [&](const std::string& path, Payer payer) {
    return HeldPaths::find(pid, pidfd_of(pid), {path}, payer)->error_of(path);
  };
  std::size_t hanging = 0;
  // whether the last ones hang is seen a moment later
  constexpr std::size_t kFewMore = 2;
  while (hanging <= kMax + kFewMore && error_of(system.file(), kHanging) == ETIMEDOUT) ++hanging;
  CHECK(hanging >= kMax && hanging <= kMax + kFewMore);
  CHECK_EQUAL(error_of("/tmp", kHanging), EBUSY);
  CHECK(error_of("/tmp", kOther) != EBUSY);
  CHECK_EQUAL(EndingChildren::of_process().count(), hanging);
  is_over.store(true);
  reading.join();
  system.abort();
  while (EndingChildren::of_process().count() != 0) pause_for(kMillisecond);
  CHECK(error_of("/tmp", kHanging) != EBUSY);
  kill(pid, SIGKILL);
}

void looks_paths_up_without_searching() {
  std::vector<std::string> paths;
  constexpr int kMany = 200'000;
  for (int number = 0; number < kMany; ++number) paths.push_back("/" + std::to_string(number));
  const auto held = HeldPaths::find(0, UniqueFd(), paths, 1);
  const auto began = now();
  for (const std::string& path : paths) CHECK_EQUAL(held->error_of(path), ESRCH);
  // each beside each other would be a minute
  CHECK(now() - began < 10 * kSecond);
}

long unmount_all() {
  if (umount2("/mnt/new/plain/deep", 0) == -1) return errno;
  return umount2("/mnt/new", 0) == -1 ? errno : 0;
}

void keeps_nothing_busy() {
  const Container container({kLevel});
  const auto held = held_in(container.pid(), {"/mnt/new/plain", "/mnt/new"});
  CHECK_EQUAL(held->error_of("/mnt/new/plain"), 0);
  CHECK_EQUAL(container.ask(unmount_all), 0);
}

long mount_many() {
  CHECK_EQUAL(mkdir("/new/many", 0755), 0);
  for (int number = 0; number < 2000; ++number) {
    if (mount("/new/plain", "/new/many", nullptr, MS_BIND, nullptr) == -1) return errno;
  }
  return 0;
}

// As many ways to write one place as the settings of a container may have paths.
std::vector<std::string> spellings_of(const std::string& path) {
  constexpr unsigned kBits = 8;
  std::vector<std::string> all;
  for (unsigned number = 0; number < 1U << kBits; ++number) {
    std::string spelling = path;
    for (unsigned bit = 0; bit < kBits; ++bit) spelling += (number >> bit & 1) == 0 ? "//" : "/.";
    all.push_back(std::move(spelling));
  }
  return all;
}

void keeps_a_place_once_however_it_is_written() {
  const Container container({kRootLevel});
  CHECK_EQUAL(container.ask(mount_many), 0);
  const auto one = held_in(container.pid(), {"/new"});
  const auto all = spellings_of("/new");
  const auto held = held_in(container.pid(), all);
  std::string asked;
  for (const std::string& path : all) {
    CHECK_EQUAL(Errno{held->error_of(path)}, Errno{0});
    asked += path + '\0';
  }
  CHECK_EQUAL(held->bytes(), one->bytes());
  const auto spared = held->spared(asked);
  using namespace std::literals;
  CHECK(spared != nullptr && *spared == *one->spared("/new\0"sv));
  // not made again for each unmount
  CHECK(held->spared(asked) == spared);
}

long mount_too_many() {
  for (int times = 0; times < 5; ++times) {
    for (int number = 0; number < 2000; ++number) {
      if (mount("/new/plain", "/new/plain", nullptr, MS_BIND, nullptr) == -1) return errno;
    }
  }
  return 0;
}

void keeps_no_more_than_it_may() {
  const Container container({kRootLevel});
  CHECK_EQUAL(container.ask(mount_too_many), 0);
  const auto held = held_in(container.pid(), {"/new", "/volume/plain", "/new//", "/new/plain"});
  CHECK_EQUAL(held->error_of("/volume/plain"), 0);
  for (const char* path : {"/new", "/new//", "/new/plain"})
    CHECK_EQUAL(Errno{held->error_of(path)}, Errno{E2BIG});
  const auto none = held_in(container.pid(), {});
  CHECK(held->bytes() <= none->bytes() + 2 * HeldPaths::kMaxBytes);
  using namespace std::literals;
  CHECK(held->spared("/new\0"sv) == nullptr);
}

// They go along with each unmount, in a message of bounded size.
void thousands_of_first_mounts_are_not_kept() {
  constexpr int kMost = 8192;
  Mounts mounts;
  const auto add = [&](int id) {
    MountLine line = {};
    line.id = id;
    line.parent = 1;
    line.point = id == 1 ? "/" : "/m";
    mounts.emplace(id, std::move(line));
  };
  for (int id = 1; id <= kMost; ++id) add(id);
  const auto few = HeldPaths::of_mounts(mounts)->first_mounts();
  CHECK(few != nullptr);
  CHECK_EQUAL(few->ids.size(), mounts.size());
  add(kMost + 1);
  CHECK(HeldPaths::of_mounts(mounts)->first_mounts() == nullptr);
}

constexpr Case kCases[] = {
    {"held paths: thousands of first mounts are not kept", thousands_of_first_mounts_are_not_kept},
    {"A5: held paths: who has too many looks that hang gets no other",
     looks_no_more_for_whom_too_many_hang},
    {"A15: HeldPaths: a path is held as what it leads to, with all that is mounted there",
     holds_what_a_path_leads_to},
    {"A15: HeldPaths: it is said why a path is not held", says_why_paths_are_not_held},
    {"A15, A16: HeldPaths: no link on a volume is followed, and nothing is held where nothing is "
     "mounted",
     holds_nothing_that_others_may_have_put_there},
    {"A15: HeldPaths: nothing is held once the container's own program runs",
     holds_nothing_once_its_own_program_runs},
    {"A15: HeldPaths: nothing is held where nobody knows the first process",
     holds_nothing_of_who_is_gone},
    {"A5: HeldPaths: however many paths there are, what is wrong with one is known at once",
     looks_paths_up_without_searching},
    {"A2: HeldPaths: a place is kept once, however often and in whichever ways it is named",
     keeps_a_place_once_however_it_is_written},
    {"A2: HeldPaths: of more mounts than may be kept, nothing is held", keeps_no_more_than_it_may},
    {"HeldPaths: no mount is busy for being held", keeps_nothing_busy}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
