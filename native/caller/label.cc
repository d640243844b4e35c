// SPDX-License-Identifier: Apache-2.0
// See proc_pid_attr(5).
#include "caller/label.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

constexpr std::string_view kStackSeparator = "//&";

// "docker-default (enforce)" is "docker-default"; of "unconfined" no mode is shown.
[[nodiscard]] std::string_view without_mode(std::string_view label) {
  const std::size_t mode = label.rfind(" (");
  return mode == std::string_view::npos || !label.ends_with(')') ? label : label.substr(0, mode);
}

[[nodiscard]] std::vector<std::string_view> profiles_of(std::string_view label) {
  std::string_view rest = without_mode(label);
  std::vector<std::string_view> profiles;
  for (;;) {
    const std::size_t end = rest.find(kStackSeparator);
    profiles.push_back(rest.substr(0, end));
    if (end == std::string_view::npos) return profiles;
    rest.remove_prefix(end + kStackSeparator.size());
  }
}

// Where the profile that we leave only complains, AppArmor makes up one for a name that nobody
// knows, and that one allows everything.
[[nodiscard]] Result<void> check_profile(const UniqueFd& attribute, std::string_view wanted) {
  std::array<char, 2 * kMaxLabel> text = {};
  const ssize_t length =
      retry_eintr([&] { return pread(attribute.get(), text.data(), text.size(), 0); });
  if (length == -1) return fail_errno();
  const std::string_view file(text.data(), static_cast<std::size_t>(length));
  return is_bound_by(label_in(file), wanted) ? Result<void>() : fail(ENOENT);
}

}  // namespace

const char* attribute_of(LabelModule module) {
  switch (module) {
    case LabelModule::apparmor:
      return "attr/apparmor/current";
    case LabelModule::smack:
      return "attr/smack/current";
    case LabelModule::selinux:
    case LabelModule::none:
      return "attr/current";
  }
  return "";
}

std::string_view label_in(std::string_view file) {
  while (file.ends_with('\0') || file.ends_with('\n')) file.remove_suffix(1);
  return file;
}

std::string change_text(const Label& label) {
  if (label.module != LabelModule::apparmor) return label.text;
  return "changeprofile " + std::string(without_mode(label.text));
}

bool is_bound_by(std::string_view label, std::string_view wanted) {
  const auto profiles = profiles_of(label);
  return std::ranges::all_of(profiles_of(wanted), [&](std::string_view profile) {
    return std::ranges::find(profiles, profile) != profiles.end();
  });
}

Result<void> take_label(int processes, const Label& label) {
  const std::string path = std::string("self/") + attribute_of(label.module);
  // what is read there afterwards has to be open before, since it may be forbidden by then
  const UniqueFd attribute(openat(processes, path.c_str(), O_RDWR | O_CLOEXEC));
  if (!attribute.is_open()) return fail_errno();
  const std::string text = change_text(label);
  const ssize_t written =
      retry_eintr([&] { return write(attribute.get(), text.data(), text.size()); });
  if (written == -1) return fail_errno();
  if (static_cast<std::size_t>(written) != text.size()) return fail(EMSGSIZE);
  return label.module == LabelModule::apparmor ? check_profile(attribute, label.text)
                                               : Result<void>();
}

}  // namespace seccompagent
