// SPDX-License-Identifier: Apache-2.0
// See path_resolution(7) and openat2(2). Each name is looked up by the kernel, which judges whether
// the caller may search its directory.
#include "files/path_walk.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "files/file_system_type.h"
#include "files/link_protection.h"
#include "files/lookup.h"
#include "files/process_folder.h"

namespace seccompagent {
namespace {

constexpr std::uint64_t kScoped = RESOLVE_BENEATH | RESOLVE_IN_ROOT;
constexpr std::uint64_t kWithoutLinks = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;

// More than any path has but one that is to take long.
constexpr int kMaxNames = 8192;
// Of names that are `.` in a procfs.
constexpr int kMaxLooks = 64;
// Of a path that is kept below its base, each of whose directories stays open.
constexpr std::size_t kMaxDepth = 256;

[[nodiscard]] Result<std::uint64_t> mount_of(int fd) {
  struct statx found = {};
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &found) == -1) return fail_errno();
  return found.stx_mnt_id;
}

[[nodiscard]] bool are_in_one_mount(int one, int other) {
  const auto first = mount_of(one);
  const auto second = mount_of(other);
  return first && second && *first == *second;
}

[[nodiscard]] Result<std::string> text_of(int link) {
  std::array<char, PATH_MAX> text = {};
  const ssize_t length = readlinkat(link, "", text.data(), text.size());
  if (length == -1) return fail_errno();
  if (length == 0) return fail(ENOENT);
  return std::string(text.data(), static_cast<std::size_t>(length));
}

// A name of a path, and what is behind it.
struct Step {
  std::string name;
  bool is_last;
  bool has_slash;
};

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
    for (int names = 0;; ++names) {
      const Step next = next_step();
      if (next.name.empty()) return finish();
      if (names == kMaxNames) return fail(ELOOP);
      // a name with a slash behind it is a directory's, also of what a link leads to
      if (next.is_last && next.has_slash) flags_ |= O_DIRECTORY;
      if (const auto done = take(next); !done) return std::unexpected(done.error());
    }
  }

 private:
  [[nodiscard]] const CallersProcess& caller() const { return *task_.place.process; }

  // Takes the next name off the rest.
  [[nodiscard]] Step next_step() {
    const std::size_t from = std::min(rest_.find_first_not_of('/', next_), rest_.size());
    const std::size_t until = std::min(rest_.find('/', from), rest_.size());
    next_ = until;
    return {.name = rest_.substr(from, until - from),
            .is_last = rest_.find_first_not_of('/', until) == std::string::npos,
            .has_slash = until != rest_.size()};
  }

  [[nodiscard]] Result<void> start_at_root_if_absolute() {
    if (!rest_.starts_with('/')) return {};
    if ((resolve_ & RESOLVE_BENEATH) != 0) return fail(EXDEV);
    if ((resolve_ & RESOLVE_IN_ROOT) != 0) {
      above_.clear();
      opened_.reset();
      at_ = base_;
      stayed_at_ = -1;
      return {};
    }
    // as the kernel has it: a path that did not start there knows no root to compare with
    if ((resolve_ & RESOLVE_NO_XDEV) != 0 && !starts_at_root_) return fail(EXDEV);
    auto root = open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
    if (!root) return std::unexpected(root.error());
    return go_on_at(std::move(*root));
  }

  // Jumps: to the root, or by a link of a process.
  [[nodiscard]] Result<void> go_on_at(UniqueFd place) {
    const bool is_kept = (resolve_ & RESOLVE_NO_XDEV) != 0 && links_ > 0;
    if (is_kept && !are_in_one_mount(at_, place.get())) return fail(EXDEV);
    go_to(std::move(place));
    return {};
  }

  void go_to(UniqueFd place) {
    if (is_scoped()) above_.push_back(std::move(opened_));
    opened_ = std::move(place);
    at_ = opened_.get();
    stayed_at_ = -1;
  }

  [[nodiscard]] bool is_scoped() const { return (resolve_ & kScoped) != 0; }

  // To where it came from, which is below the base wherever it may be by now.
  [[nodiscard]] Result<void> go_up() {
    const auto searched = open_at(at_, ".", O_PATH | O_DIRECTORY);
    if (!searched) return std::unexpected(searched.error());
    if (above_.empty()) return (resolve_ & RESOLVE_BENEATH) != 0 ? fail(EXDEV) : Result<void>();
    opened_ = std::move(above_.back());
    above_.pop_back();
    stayed_at_ = -1;
    at_ = opened_.is_open() ? opened_.get() : base_;
    return {};
  }

  [[nodiscard]] Result<void> open_next(const std::string& name, std::uint64_t flags) {
    auto next = open_at(at_, name.c_str(), O_PATH | flags, 0, resolve_ & RESOLVE_NO_XDEV);
    if (!next) return std::unexpected(next.error());
    // no step away from the base
    opened_ = std::move(*next);
    at_ = opened_.get();
    stayed_at_ = -1;
    return {};
  }

  // A process may always search it.
  [[nodiscard]] bool is_folder_of_own() const {
    return is_of_processes(at_) && is_folder_of_descriptors(caller(), task_.place.processes, at_);
  }

  // Looking takes longer than all else, and what was found once holds: paths of such names alone
  // are somebody's who wants that to take long.
  [[nodiscard]] Result<void> stay() {
    if (std::exchange(stayed_at_, at_) == at_) return {};
    if (is_of_processes(at_) && ++looks_ > kMaxLooks) return fail(ELOOP);
    if (is_folder_of_own()) return {};
    const auto stayed = open_next(".", O_DIRECTORY);
    stayed_at_ = at_;
    return stayed;
  }

  [[nodiscard]] Result<void> take(const Step& step) {
    if (step.name == ".") return stay();
    if (step.name == ".." && is_scoped()) return go_up();
    if (step.name == "..") return open_next(step.name, O_DIRECTORY);
    if (above_.size() == kMaxDepth) return fail(EOPNOTSUPP);
    const bool is_followed = !step.is_last || step.has_slash || (flags_ & O_NOFOLLOW) == 0;
    // a process may always search the directory of its descriptors
    const auto descriptor = is_of_processes(at_)
                                ? own_descriptor(caller(), task_.place.processes, at_, step.name)
                                : std::nullopt;
    if (descriptor && is_followed) return follow_link_to(*descriptor);
    auto next = open_at(at_, step.name.c_str(), O_PATH | O_NOFOLLOW, 0, resolve_ & RESOLVE_NO_XDEV);
    if (!next) return std::unexpected(next.error());
    const auto found = facts_of(next->get());
    if (!found) return std::unexpected(found.error());
    if (!S_ISLNK(found->type) || !is_followed) {
      go_to(std::move(*next));
      return {};
    }
    if (const int error = following_error(task_, at_, next->get(), step.is_last); error != 0)
      return fail(error);
    if (++links_ > kMaxLinks || (resolve_ & RESOLVE_NO_SYMLINKS) != 0) return fail(ELOOP);
    if (is_of_processes(next->get())) return follow_in_processes(step.name, next->get());
    return follow_text(text_of(next->get()));
  }

  [[nodiscard]] Result<void> follow_text(const Result<std::string>& text) {
    if (!text) return std::unexpected(text.error());
    rest_ = *text + rest_.substr(next_);
    next_ = 0;
    return start_at_root_if_absolute();
  }

  [[nodiscard]] Result<void> follow_in_processes(const std::string& name, int link) {
    // another link is mounted on this one
    if (!are_in_one_mount(at_, link)) return fail(ELOOP);
    const bool is_in_root = is_root_of_processes(at_);
    if (is_in_root && (name == "self" || name == "thread-self")) {
      const auto entry = own_entry(caller(), task_.place.processes, at_, name == "thread-self");
      return follow_text(entry ? Result<std::string>(*entry) : fail(ENOENT));
    }
    // such as `net`
    if (is_in_root) return follow_text(text_of(link));
    const ProcessLink to = process_link(caller(), task_.place.processes, at_, name);
    if (to.kind == ProcessLink::Kind::text) return follow_text(text_of(link));
    // The kernel would judge that as of the caller. But a link is followed by its name, and whoever
    // may mount can put another one there meanwhile, by whose text we would get at what is ours.
    if (to.kind == ProcessLink::Kind::foreign) return fail(ELOOP);
    return follow_own(to.own);
  }

  [[nodiscard]] Result<void> follow_link_to(const OwnLink& link) {
    if (++links_ > kMaxLinks) return fail(ELOOP);
    return follow_own(link);
  }

  [[nodiscard]] Result<void> follow_own(const OwnLink& link) {
    const auto given = std::ranges::find(caller().files, link, &OwnFile::link);
    if (given == caller().files.end()) {
      caller().wanted = link;
      return fail(EUCLEAN);
    }
    if (given->error != 0) return fail(given->error);
    if ((resolve_ & kWithoutLinks) != 0) return fail(ELOOP);
    if (is_scoped()) return fail(EXDEV);
    UniqueFd file(fcntl(given->fd, F_DUPFD_CLOEXEC, 0));
    if (!file.is_open()) return fail_errno();
    return go_on_at(std::move(file));
  }

  [[nodiscard]] Result<UniqueFd> finish() {
    if (!opened_.is_open()) return open_at(at_, ".", O_PATH | O_DIRECTORY);
    const auto found = facts_of(at_);
    if (!found) return std::unexpected(found.error());
    if ((flags_ & O_DIRECTORY) != 0 && !S_ISDIR(found->type)) return fail(ENOTDIR);
    return std::move(opened_);
  }

  const FileTask& task_;
  const int base_;
  // The base, or what is opened.
  int at_;
  UniqueFd opened_;
  // Of a path that is kept below the base: the way to what is opened, from the base on.
  std::vector<UniqueFd> above_;
  std::uint64_t flags_;
  const std::uint64_t resolve_;
  std::string rest_;
  // Offset of the next name in it.
  std::size_t next_ = 0;
  const bool starts_at_root_ = rest_.starts_with('/');
  int links_ = 0;
  // The place in which the last names were `.`; -1: none were.
  int stayed_at_ = -1;
  int looks_ = 0;
};

// Whether a procfs may be the cause that nothing was found.
[[nodiscard]] bool may_be_of_processes(int error) {
  constexpr std::array kErrors = {ENOENT, ELOOP, EACCES, ENOTDIR, EPERM};
  return std::ranges::find(kErrors, error) != kErrors.end();
}

}  // namespace

bool is_to_be_walked(const FileTask& task, int base, const char* path, Result<FileInPlace>& found,
                     std::uint64_t flags, std::uint64_t resolve) {
  if (task.place.process == nullptr) return false;
  if (found && found->facts()) return found->facts()->system == PROC_SUPER_MAGIC;
  if (found) return is_of_processes(found->get());
  if (!may_be_of_processes(found.error().number)) return false;
  const bool starts_at_base = *path != '/' || (resolve & RESOLVE_IN_ROOT) != 0;
  if (starts_at_base && is_of_processes(base)) return true;
  const auto in_one_mount = open_at(base, path, O_PATH | (flags & O_NOFOLLOW), 0,
                                    (resolve & ~std::uint64_t{RESOLVE_CACHED}) | RESOLVE_NO_XDEV);
  return !in_one_mount && in_one_mount.error() == Errno{EXDEV};
}

Result<UniqueFd> walk_path(const FileTask& task, int base, const char* path, std::uint64_t flags,
                           std::uint64_t resolve) {
  return Walk(task, base, path, flags, resolve).run();
}

}  // namespace seccompagent
