// SPDX-License-Identifier: Apache-2.0
// Tests how labels are read and written; that they are taken on is tested where the kernel has a
// module for them, see test/vm/apparmor.test.ts.
#include "caller/label.h"

#include <fcntl.h>
#include <unistd.h>

#include "caller/caller_label.h"
#include "check.h"
#include "kernel/unique_fd.h"

namespace seccompagent::test {
namespace {

void reads_without_the_end() {
  CHECK_EQUAL(label_in("unconfined\n"), "unconfined");
  CHECK_EQUAL(label_in("docker-default (enforce)\n"), "docker-default (enforce)");
  CHECK_EQUAL(label_in(std::string_view("system_u:system_r:init_t:s0\0", 28)),
              "system_u:system_r:init_t:s0");
  CHECK_EQUAL(label_in("_"), "_");
  CHECK_EQUAL(label_in("\n"), "");
}

void writes_what_the_module_wants() {
  const auto of = [](LabelModule module, const char* text) {
    return change_text({.module = module, .text = text});
  };
  constexpr LabelModule kApparmor = LabelModule::apparmor;
  CHECK_EQUAL(of(kApparmor, "unconfined"), "changeprofile unconfined");
  CHECK_EQUAL(of(kApparmor, "docker-default (enforce)"), "changeprofile docker-default");
  CHECK_EQUAL(of(kApparmor, "/usr/bin/a (b) (complain)"), "changeprofile /usr/bin/a (b)");
  CHECK_EQUAL(of(kApparmor, "a//&b (mixed)"), "changeprofile a//&b");
  CHECK_EQUAL(of(kApparmor, ":lxd:://a (enforce)"), "changeprofile :lxd:://a");
  CHECK_EQUAL(of(LabelModule::smack, "System"), "System");
  CHECK_EQUAL(of(LabelModule::selinux, "a:b:c:s0 (x)"), "a:b:c:s0 (x)");
}

void compares_stacks() {
  CHECK(is_bound_by("a (enforce)", "a (enforce)"));
  CHECK(is_bound_by("b//&a (enforce)", "a (enforce)"));
  CHECK(is_bound_by("b//&a//&unconfined (mixed)", "a//&b (enforce)"));
  CHECK(!is_bound_by("a//null-/bin/b (complain)", "b (enforce)"));
  CHECK(!is_bound_by("a (enforce)", "a//&b (enforce)"));
  CHECK(!is_bound_by("unconfined", "a (enforce)"));
  CHECK(!is_bound_by("ab (enforce)", "a (enforce)"));
}

// Whatever the kernel has: what it does not know can't be taken on.
void is_refused_what_nobody_knows() {
  const UniqueFd processes(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const LabelModule module : {LabelModule::apparmor, LabelModule::smack, LabelModule::selinux})
    CHECK(!take_label(processes.get(), {.module = module, .text = "no such//&label ()"}));
}

void has_no_label_but_its_own() {
  CHECK(!VALUE(foreign_label(gettid())).is_foreign());
  CHECK(!VALUE(foreign_label(getppid())).is_foreign());
}

constexpr Case kCases[] = {
    {"A1: label: what ends it in procfs is no part of it", reads_without_the_end},
    {"A1: label: each module is asked in its own words", writes_what_the_module_wants},
    {"A1: label: a stack is bound by all that it is made of", compares_stacks},
    {"A1: label: one that nobody knows is not taken on", is_refused_what_nobody_knows},
    {"A1: label: our own is nobody's to take on", has_no_label_but_its_own}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
