// SPDX-License-Identifier: Apache-2.0
// See path_resolution(7) and openat2(2). Each name is looked up by the kernel, which judges whether
// the caller may search its directory.
#include "files/path_walk.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "files/file_system_type.h"
#include "files/link_protection.h"
#include "files/lookup.h"
#include "files/process_folder.h"

namespace seccompagent {
namespace {

constexpr std::uint64_t kScoped = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
constexpr std::uint64_t kWithoutMagic = kScoped | RESOLVE_NO_MAGICLINKS;

struct Identity {
  dev_t device;
  ino_t inode;
  std::uint64_t mount;

  friend bool operator==(const Identity&, const Identity&) = default;
};

[[nodiscard]] Result<Identity> identity_of(int fd) {
  struct statx found = {};
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &found) == -1)
    return fail_errno();
  return Identity{.device = makedev(found.stx_dev_major, found.stx_dev_minor),
                  .inode = found.stx_ino,
                  .mount = found.stx_mnt_id};
}

[[nodiscard]] Result<std::string> text_of(int link) {
  std::array<char, PATH_MAX> text = {};
  const ssize_t length = readlinkat(link, "", text.data(), text.size());
  if (length == -1) return fail_errno();
  if (length == 0) return fail(ENOENT);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

class Walk {
 public:
  Walk(const FileTask& task, int base, std::string path, std::uint64_t flags, std::uint64_t resolve)
      : task_(task),
        base_(base),
        at_(base),
        flags_(flags),
        resolve_(resolve),
        rest_(std::move(path)) {}

  [[nodiscard]] Result<UniqueFd> run() {
    if (const auto started = start_at_root_if_absolute(); !started)
      return std::unexpected(started.error());
    for (;;) {
      const std::string_view name = next_name();
      if (name.empty()) return finish();
      const std::string own(name);
      // a name with a slash behind it is a directory's, also of what a link leads to
      const bool is_last = rest_.find_first_not_of('/') == std::string::npos;
      const bool has_slash = !rest_.empty();
      if (is_last && has_slash) flags_ |= O_DIRECTORY;
      if (const auto done = step(own, is_last, has_slash); !done)
        return std::unexpected(done.error());
    }
  }

 private:
  // Takes the next name off the rest.
  [[nodiscard]] std::string_view next_name() {
    taken_ = std::move(rest_);
    std::string_view left = taken_;
    left.remove_prefix(std::min(left.find_first_not_of('/'), left.size()));
    const std::string_view name = left.substr(0, left.find('/'));
    rest_ = std::string(left.substr(name.size()));
    return name;
  }

  [[nodiscard]] Result<void> start_at_root_if_absolute() {
    if (!rest_.starts_with('/')) return {};
    // as the kernel has it: a path that did not start there knows no root to compare with
    const bool is_unknown = (resolve_ & RESOLVE_NO_XDEV) != 0 && !starts_at_root_;
    if ((resolve_ & RESOLVE_BENEATH) != 0 || is_unknown) return fail(EXDEV);
    if ((resolve_ & RESOLVE_IN_ROOT) != 0) {
      opened_.reset();
      at_ = base_;
      return {};
    }
    auto root = open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
    if (!root) return std::unexpected(root.error());
    return go_on_at(std::move(*root));
  }

  // Jumps: to the root, or by a link of a process.
  [[nodiscard]] Result<void> go_on_at(UniqueFd place) {
    if ((resolve_ & RESOLVE_NO_XDEV) != 0 && links_ > 0) {
      const auto before = identity_of(at_);
      const auto after = identity_of(place.get());
      if (!before || !after || before->mount != after->mount) return fail(EXDEV);
    }
    go_to(std::move(place));
    parent_.reset();
    return {};
  }

  void go_to(UniqueFd place) {
    opened_ = std::move(place);
    at_ = opened_.get();
  }

  [[nodiscard]] Result<void> go_up() {
    if ((resolve_ & kScoped) != 0) {
      const auto base = identity_of(base_);
      const auto at = identity_of(at_);
      if (!base || !at) return fail(EXDEV);
      if (*base == *at) return (resolve_ & RESOLVE_IN_ROOT) != 0 ? Result<void>() : fail(EXDEV);
    }
    return open_next("..", O_DIRECTORY);
  }

  [[nodiscard]] Result<void> open_next(const std::string& name, std::uint64_t flags) {
    auto next = open_at(at_, name.c_str(), O_PATH | flags, 0, resolve_ & RESOLVE_NO_XDEV);
    if (!next) return std::unexpected(next.error());
    go_to(std::move(*next));
    return {};
  }

  [[nodiscard]] Result<void> step(const std::string& name, bool is_last, bool has_slash) {
    if (name == "..") return go_up();
    if (name == ".") return open_next(".", O_DIRECTORY);
    const bool is_in_root = is_root_of_processes(at_);
    const bool is_followed = !is_last || has_slash || (flags_ & O_NOFOLLOW) == 0;
    // a process may always search the directory of its descriptors
    const auto descriptor = own_descriptor(caller(), task_.place.processes, at_, name);
    if (descriptor && is_followed) return follow_link_to(*descriptor);
    auto next = open_at(at_, name.c_str(), O_PATH | O_NOFOLLOW, 0, resolve_ & RESOLVE_NO_XDEV);
    if (!next) return std::unexpected(next.error());
    struct stat found = {};
    if (fstat(next->get(), &found) == -1) return fail_errno();
    if (!S_ISLNK(found.st_mode) || !is_followed) {
      parent_ = UniqueFd(fcntl(at_, F_DUPFD_CLOEXEC, 0));
      if (!parent_.is_open()) return fail_errno();
      go_to(std::move(*next));
      return {};
    }
    if (++links_ > kMaxLinks || (resolve_ & RESOLVE_NO_SYMLINKS) != 0) return fail(ELOOP);
    if (const int error = following_error(task_, at_, next->get(), is_last); error != 0)
      return fail(error);
    return is_of_processes(at_) ? follow_in_processes(name, next->get(), is_in_root)
                                : follow_text(text_of(next->get()));
  }

  [[nodiscard]] Result<void> follow_text(const Result<std::string>& text) {
    if (!text) return std::unexpected(text.error());
    rest_ = *text + rest_;
    return start_at_root_if_absolute();
  }

  [[nodiscard]] Result<void> follow_in_processes(const std::string& name, int link,
                                                 bool is_in_root) {
    if (is_in_root && (name == "self" || name == "thread-self")) {
      const auto entry = own_entry(caller(), task_.place.processes, at_, name == "thread-self");
      return follow_text(entry ? Result<std::string>(*entry) : fail(ENOENT));
    }
    const ProcessLink to = process_link(caller(), at_, name);
    if (to.kind == ProcessLink::Kind::text) return follow_text(text_of(link));
    if ((resolve_ & kWithoutMagic) != 0) return fail(ELOOP);
    return to.kind == ProcessLink::Kind::own ? follow_own(to.own) : follow_foreign(name);
  }

  [[nodiscard]] Result<void> follow_link_to(const OwnLink& link) {
    constexpr std::uint64_t kWithout = kWithoutMagic | RESOLVE_NO_SYMLINKS;
    if (++links_ > kMaxLinks || (resolve_ & kWithout) != 0) return fail(ELOOP);
    return follow_own(link);
  }

  [[nodiscard]] const CallersProcess& caller() const { return *task_.place.process; }

  // Nobody but a process itself may look at all of its entry, and this one is not the caller.
  [[nodiscard]] bool is_ours(int directory) const {
    return is_of_processes(directory) && is_of_this_process(task_.place.processes, directory);
  }

  [[nodiscard]] Result<void> follow_foreign(const std::string& name) {
    if (is_ours(at_)) return fail(EACCES);
    UniqueFd file(openat(at_, name.c_str(), O_PATH | O_CLOEXEC));
    if (!file.is_open()) return fail_errno();
    return go_on_at(std::move(file));
  }

  [[nodiscard]] Result<void> follow_own(const OwnLink& link) {
    const auto given = std::ranges::find(caller().files, link, &OwnFile::link);
    if (given == caller().files.end()) {
      caller().wanted = link;
      return fail(EUCLEAN);
    }
    if (given->error != 0) return fail(given->error);
    UniqueFd file(fcntl(given->fd, F_DUPFD_CLOEXEC, 0));
    if (!file.is_open()) return fail_errno();
    return go_on_at(std::move(file));
  }

  [[nodiscard]] Result<UniqueFd> finish() {
    if (!opened_.is_open()) return open_at(at_, ".", O_PATH | O_DIRECTORY);
    struct stat found = {};
    if (fstat(at_, &found) == -1) return fail_errno();
    if ((flags_ & O_DIRECTORY) != 0 && !S_ISDIR(found.st_mode)) return fail(ENOTDIR);
    const int directory = S_ISDIR(found.st_mode) ? at_ : parent_.get();
    if (directory >= 0 && is_ours(directory)) return fail(EACCES);
    return std::move(opened_);
  }

  const FileTask& task_;
  const int base_;
  // The base, or what is opened.
  int at_;
  UniqueFd opened_;
  // Where the last name was found; closed where a link of a process has led.
  UniqueFd parent_;
  std::uint64_t flags_;
  const std::uint64_t resolve_;
  std::string taken_;
  std::string rest_;
  const bool starts_at_root_ = rest_.starts_with('/');
  int links_ = 0;
};

// Whether a procfs may be the cause that nothing was found.
[[nodiscard]] bool may_be_of_processes(int error) {
  constexpr std::array kErrors = {ENOENT, ELOOP, EACCES, ENOTDIR, EPERM};
  return std::ranges::find(kErrors, error) != kErrors.end();
}

}  // namespace

bool is_to_be_walked(const FileTask& task, int base, const char* path,
                     const Result<UniqueFd>& found, std::uint64_t flags, std::uint64_t resolve) {
  if (task.place.process == nullptr || (resolve & RESOLVE_CACHED) != 0) return false;
  if (found) return is_of_processes(found->get());
  if (!may_be_of_processes(found.error().number)) return false;
  if (*path != '/' && is_of_processes(base)) return true;
  const auto in_one_mount =
      open_at(base, path, O_PATH | (flags & O_NOFOLLOW), 0, resolve | RESOLVE_NO_XDEV);
  return !in_one_mount && in_one_mount.error() == Errno{EXDEV};
}

Result<UniqueFd> walk_path(const FileTask& task, int base, const char* path, std::uint64_t flags,
                           std::uint64_t resolve) {
  return Walk(task, base, path, flags, resolve).run();
}

}  // namespace seccompagent
