// SPDX-License-Identifier: Apache-2.0
// Texts only choose a folder; that nothing leaves it is the kernel's to say, see RESOLVE_BENEATH in
// openat2(2).
#include "files/confinement.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <optional>
#include <string_view>

namespace seccompagent {
namespace {

[[nodiscard]] Result<UniqueFd> open_plain(int base, const std::string& path, std::uint64_t flags,
                                          std::uint64_t resolve) {
  open_how how = {.flags = flags | O_PATH | O_CLOEXEC,
                  .mode = 0,
                  .resolve = resolve | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
  UniqueFd fd(static_cast<int>(syscall(SYS_openat2, base, path.c_str(), &how, sizeof how)));
  if (!fd.is_open()) return fail_errno();
  return fd;
}

// Takes the next name off the front; what means nothing is skipped.
[[nodiscard]] std::string_view take_name(std::string_view& path) {
  for (;;) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    const std::string_view name = path.substr(0, path.find('/'));
    if (name != ".") {
      path.remove_prefix(name.size());
      return name;
    }
    path.remove_prefix(1);
  }
}

// Rest of an absolute path below a folder; `.` for the folder itself.
[[nodiscard]] std::optional<std::string> below(std::string_view path, std::string_view folder) {
  for (;;) {
    const std::string_view wanted = take_name(folder);
    if (wanted.empty()) break;
    if (take_name(path) != wanted) return std::nullopt;
  }
  // slashes at the end stay: the kernel judges them
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  return path.empty() ? "." : std::string(path);
}

[[nodiscard]] bool is_same(int one, int other) {
  struct stat first = {};
  struct stat second = {};
  return fstat(one, &first) == 0 && fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

// By which name the thread's root has what is open. EPERM: by none.
[[nodiscard]] Result<std::string> name_of(const Confinement& confinement, int fd) {
  std::array<char, PATH_MAX> name = {};
  const std::string link = "self/fd/" + std::to_string(fd);
  const ssize_t length = readlinkat(confinement.processes, link.c_str(), name.data(), name.size());
  if (length <= 0 || name.front() != '/' || static_cast<std::size_t>(length) == name.size())
    return fail(EPERM);
  std::string text(name.data(), static_cast<std::size_t>(length));
  // what is elsewhere, removed or covered has a name that something else may have
  const auto found = open_plain(AT_FDCWD, text, O_NOFOLLOW, 0);
  if (!found || !is_same(found->get(), fd)) return fail(EPERM);
  return text;
}

[[nodiscard]] Result<ConfinedPath> from_folder(const Confinement& confinement,
                                               const std::string& path) {
  const std::string* chosen = nullptr;
  std::optional<std::string> rest;
  for (const std::string& folder : confinement.folders) {
    // the outermost one
    if (chosen != nullptr && chosen->size() <= folder.size()) continue;
    auto left = below(path, folder);
    if (!left) continue;
    chosen = &folder;
    rest = std::move(left);
  }
  if (!rest) return fail(EPERM);
  auto folder = open_plain(AT_FDCWD, *chosen, O_DIRECTORY, confinement.resolve & RESOLVE_NO_XDEV);
  // there is a symbolic link in its place
  if (!folder) return fail(folder.error() == Errno{ELOOP} ? EPERM : folder.error().number);
  const int base = folder->get();
  return ConfinedPath{.folder = std::move(*folder), .base = base, .path = std::move(*rest)};
}

[[nodiscard]] bool is_in_folder(const Confinement& confinement, const std::string& name) {
  return std::ranges::any_of(confinement.folders, [&](const std::string& folder) {
    return below(name, folder).has_value();
  });
}

}  // namespace

Result<ConfinedPath> confine(const Confinement& confinement, int base, const std::string& path) {
  constexpr std::uint64_t kFromBase = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
  const std::uint64_t resolve = confinement.resolve;
  if (path.starts_with('/') && (resolve & kFromBase) == 0) return from_folder(confinement, path);
  const auto name = name_of(confinement, base);
  if (!name) return std::unexpected(name.error());
  // the caller's own rules count from its base on
  const bool has_rules = (resolve & (kFromBase | RESOLVE_NO_XDEV)) != 0;
  if (!path.empty() && !has_rules) return from_folder(confinement, *name + "/" + path);
  if (!is_in_folder(confinement, *name)) return fail(EPERM);
  return ConfinedPath{.folder = {}, .base = base, .path = path};
}

}  // namespace seccompagent
