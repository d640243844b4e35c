// SPDX-License-Identifier: Apache-2.0
// Tests how paths of settings are held in real containers, and when they can't be.
#include "held_paths.h"

#include <signal.h>
#include <sys/syscall.h>

#include <algorithm>

#include "check.h"
#include "child_starter.h"
#include "container_fixture.h"
#include "helper/mountinfo.h"

namespace seccompagent::test {
namespace {

void set_up() {
  mount_masked_proc();
  CHECK_EQUAL(mount("tmpfs", "/mnt/new", "tmpfs", 0, nullptr), 0);
  CHECK_EQUAL(mkdir("/mnt/new/plain", 0755), 0);
  CHECK_EQUAL(mkdir("/mnt/new/plain/deep", 0755), 0);
  CHECK_EQUAL(mount("tmpfs", "/mnt/new/plain/deep", "tmpfs", 0, nullptr), 0);
  CHECK_EQUAL(symlink("/mnt/new/plain", "/mnt/link"), 0);
  CHECK_EQUAL(symlink("loop", "/mnt/loop"), 0);
}

const Level kLevel = {.namespaces = CLONE_NEWNS | CLONE_NEWPID, .set_up = set_up};

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
  const Container container({kLevel});
  const auto held = held_in(container.pid(), {"/mnt/link", "/mnt/new", "/"});
  for (const char* path : {"/mnt/link", "/mnt/new", "/"}) CHECK_EQUAL(held->error_of(path), 0);
  const std::optional<Spared> spared = held->spared(std::string_view("/mnt/link", 10));
  CHECK(spared.has_value());
  CHECK_EQUAL(spared->root, id_at(container, "/"));
  CHECK(std::ranges::find(spared->hiding, id_at(container, "/proc")) != spared->hiding.end());
  CHECK(spared->paths == std::vector<std::string>{"/mnt/new/plain"});
  const std::vector<HeldPlace> places = {{id_at(container, "/mnt/new"), "plain"},
                                         {id_at(container, "/mnt/new/plain/deep"), ""}};
  CHECK(spared->places == places);
  const auto whole = held->spared(std::string_view("/mnt/new", 9));
  CHECK(whole.has_value());
  CHECK(whole->places.front() == (HeldPlace{id_at(container, "/mnt/new"), ""}));
}

void says_why_paths_are_not_held() {
  const Container container({kLevel});
  const auto held = held_in(container.pid(), {"/none", "/mnt/loop", "/proc/self/root", "/mnt"});
  CHECK_EQUAL(held->error_of("/none"), ENOENT);
  CHECK_EQUAL(held->error_of("/mnt/loop"), ELOOP);
  CHECK(held->error_of("/proc/self/root") != 0);
  CHECK_EQUAL(held->error_of("/mnt"), 0);
  CHECK_EQUAL(held->error_of("/mnt/other"), ESTALE);
  using namespace std::literals;
  CHECK(held->spared("/mnt\0"sv).has_value());
  CHECK(!held->spared("/mnt\0/none\0"sv).has_value());
  CHECK(!held->spared("/mnt/other\0"sv).has_value());
  CHECK(held->spared("").has_value());
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
  CHECK(!held->spared("/mnt\0"sv).has_value());
  CHECK_EQUAL(kill(container.pid(), SIGKILL), 0);
}

void holds_nothing_of_who_is_gone() {
  const auto unknown = HeldPaths::find(0, UniqueFd(), {"/mnt"}, 1);
  CHECK_EQUAL(unknown->error_of("/mnt"), ESRCH);
  CHECK(unknown->spared("").has_value());
  CHECK_EQUAL(unknown->spared("")->root, 0);
}

long unmount_all() {
  if (umount2("/mnt/new/plain/deep", 0) == -1) return errno;
  return umount2("/mnt/new", 0) == -1 ? errno : 0;
}

void keeps_nothing_busy() {
  const Container container({kLevel});
  const auto held = held_in(container.pid(), {"/mnt/link", "/mnt/new"});
  CHECK_EQUAL(held->error_of("/mnt/link"), 0);
  CHECK_EQUAL(container.ask(unmount_all), 0);
}

constexpr Case kCases[] = {
    {"A15: HeldPaths: a path is held as what it leads to, with all that is mounted there",
     holds_what_a_path_leads_to},
    {"A15: HeldPaths: it is said why a path is not held", says_why_paths_are_not_held},
    {"A15: HeldPaths: nothing is held once the container's own program runs",
     holds_nothing_once_its_own_program_runs},
    {"A15: HeldPaths: nothing is held where nobody knows the first process",
     holds_nothing_of_who_is_gone},
    {"HeldPaths: no mount is busy for being held", keeps_nothing_busy}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
