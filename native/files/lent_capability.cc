// SPDX-License-Identifier: Apache-2.0
// Raw system calls throughout: those of libc change all threads of the process.
#include "files/lent_capability.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace seccompagent {
namespace {

struct CapabilityWords {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
};

[[nodiscard]] Result<CapabilityWords> capability_words() {
  CapabilityWords words;
  if (syscall(SYS_capget, &words.header, words.data) == -1) return fail_errno();
  return words;
}

[[nodiscard]] std::uint64_t effective_in(const CapabilityWords& words) {
  return std::uint64_t{words.data[0].effective} | std::uint64_t{words.data[1].effective} << 32;
}

}  // namespace

bool is_effective(unsigned capability) {
  const auto words = capability_words();
  return words && ((effective_in(*words) >> capability) & 1) != 0;
}

Result<bool> set_effective(std::uint64_t wanted) {
  auto words = capability_words();
  if (!words) return std::unexpected(words.error());
  const std::uint64_t before = effective_in(*words);
  for (unsigned half = 0; half < 2; ++half) {
    auto& data = words->data[half];
    data.effective = static_cast<std::uint32_t>(wanted >> (32 * half)) & data.permitted;
  }
  // which takes a fourth of setting them
  if (effective_in(*words) == before) return false;
  if (syscall(SYS_capset, &words->header, words->data) == -1) return fail_errno();
  return true;
}

Result<std::uint64_t> permitted_capabilities() {
  const auto words = capability_words();
  if (!words) return std::unexpected(words.error());
  return std::uint64_t{words->data[0].permitted} | std::uint64_t{words->data[1].permitted} << 32;
}

LentCapability::LentCapability(std::uint64_t capability) {
  if (capability == 0) return;
  const auto words = capability_words();
  if (!words) return;
  before_ = effective_in(*words);
  is_lent_ = set_effective(before_ | capability).has_value();
}

LentCapability::~LentCapability() {
  if (!is_lent_) return;
  const int error = errno;
  if (!set_effective(before_)) std::abort();
  errno = error;
}

}  // namespace seccompagent
