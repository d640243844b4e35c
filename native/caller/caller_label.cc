// SPDX-License-Identifier: Apache-2.0
// The active security module is found by its answer about our own thread: /sys/kernel/security is
// not mounted everywhere.
#include "caller/caller_label.h"

#include <unistd.h>

#include <string>

#include "caller/caller_state.h"

namespace seccompagent {
namespace {

[[nodiscard]] Result<Label> find_own_label() {
  CallerState us(gettid());
  for (const LabelModule module :
       {LabelModule::apparmor, LabelModule::smack, LabelModule::selinux}) {
    const auto file = us.read_label(attribute_of(module));
    if (file) {
      const std::string_view text = label_in(*file);
      if (!text.empty()) return Label{.module = module, .text = std::string(text)};
    } else if (file.error() != Errno{ENOENT} && file.error() != Errno{EINVAL}) {
      // neither unknown to this kernel nor inactive: nobody knows how callers are judged
      return std::unexpected(file.error());
    }
  }
  return Label{};
}

// Neither the module nor our label changes while we run.
[[nodiscard]] const Result<Label>& own_label() {
  static const Result<Label> own = find_own_label();
  return own;
}

}  // namespace

Result<Label> foreign_label(pid_t tid) {
  const Result<Label>& own = own_label();
  if (!own || !own->is_foreign()) return own;
  const auto file = CallerState::of(tid).read_label(attribute_of(own->module));
  if (!file) return std::unexpected(file.error());
  const std::string_view text = label_in(*file);
  if (text == own->text) return Label{};
  if (text.size() > kMaxLabel) return fail(E2BIG);
  return Label{.module = own->module, .text = std::string(text)};
}

}  // namespace seccompagent
