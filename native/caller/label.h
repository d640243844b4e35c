// SPDX-License-Identifier: Apache-2.0
// Labels: the subject of a thread for a security module of the kernel, beside its ids. A profile of
// AppArmor, a context of SELinux or a label of Smack; the kernel lets one of these be active.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kernel/result.h"

namespace seccompagent {

enum class LabelModule : std::uint32_t { none = 0, apparmor = 1, smack = 2, selinux = 3 };
inline constexpr std::uint32_t kLastLabelModule = 3;

// Of a caller. With no module it is judged as we are, since the label is our own or nobody has one.
struct Label {
  LabelModule module = LabelModule::none;
  // As /proc shows it, without what ends it there.
  std::string text = {};

  [[nodiscard]] bool is_foreign() const { return module != LabelModule::none; }
  friend bool operator==(const Label&, const Label&) = default;
};

// With what is written in front of it a label has to fit into a page: the kernel cuts the rest off.
inline constexpr std::size_t kMaxLabel = 4000;

// File of a label in a thread's entry of procfs.
[[nodiscard]] const char* attribute_of(LabelModule module);

// The label in what such a file says, whose end some modules mark.
[[nodiscard]] std::string_view label_in(std::string_view file);

// Text that a thread writes there to get this label. AppArmor shows the mode of a profile behind
// its name, and wants to hear the name.
[[nodiscard]] std::string change_text(const Label& label);

// Whether whoever has one label of AppArmor's is bound by all that the other one is made of: by
// more, where the kernel has put a profile on top of ours.
[[nodiscard]] bool is_bound_by(std::string_view label, std::string_view wanted);

// The calling process, which has one thread, is judged by this label from now on. `processes`: our
// own procfs. Any error is the kernel's refusal, and then nothing may be done for the caller.
[[nodiscard]] Result<void> take_label(int processes, const Label& label);

}  // namespace seccompagent
