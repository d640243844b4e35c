// SPDX-License-Identifier: Apache-2.0
#include "files/location.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "files/attributes.h"
#include "files/lent_capability.h"
#include "files/link_protection.h"
#include "files/lookup.h"
#include "files/opening.h"
#include "kernel/border.h"
#include "kernel/root_mount.h"

namespace seccompagent {
namespace {

// What was found.
struct Place {
  LocatedAs as = LocatedAs::file;
  // See LocatedAs.
  UniqueFd opened;
  // The file, if it is there and not what is opened.
  UniqueFd file = {};
  // With its slashes; empty: the file itself is opened.
  std::string name = {};

  [[nodiscard]] bool is_there() const { return as != LocatedAs::name || file.is_open(); }
  [[nodiscard]] int found() const { return file.is_open() ? file.get() : opened.get(); }
};

[[nodiscard]] std::string_view without_slashes(std::string_view name) {
  const std::size_t end = name.find_last_not_of('/');
  return end == std::string_view::npos ? name : name.substr(0, end + 1);
}

// Names that stand for what has another one.
[[nodiscard]] bool is_no_name(std::string_view name) {
  return name == "." || name == ".." || name.starts_with('/');
}

[[nodiscard]] Result<UniqueFd> opened_or_copy(UniqueFd opened, int fd) {
  if (opened.is_open()) return opened;
  // of an absolute path
  if (fd < 0) return open_at(AT_FDCWD, "/", O_PATH | O_DIRECTORY);
  UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.is_open()) return fail_errno();
  return copy;
}

// A name, whatever it leads to.
[[nodiscard]] Result<Place> find_name(const FileTask& task, const std::string& path) {
  auto entry = find_entry(task, task.place.base, path, task.request.resolve);
  if (!entry) return std::unexpected(entry.error());
  auto folder = opened_or_copy(std::move(entry->opened), entry->directory);
  if (!folder) return std::unexpected(folder.error());
  Place place = {.as = LocatedAs::name, .opened = std::move(*folder), .name = entry->name};
  const std::string name(without_slashes(place.name));
  auto file = open_at(place.opened.get(), name.c_str(), O_PATH | O_NOFOLLOW);
  if (!file && file.error() != Errno{ENOENT}) return std::unexpected(file.error());
  if (file) place.file = std::move(*file);
  return place;
}

[[nodiscard]] Result<Place> find_itself(const FileTask& task) {
  const FileRequest& request = task.request;
  const std::uint64_t follow = request.is_followed ? 0 : O_NOFOLLOW;
  auto opened = request.path.empty()
                    ? opened_or_copy({}, task.place.base)
                    : open_in_place(task, task.place.base, request.path.c_str(), O_PATH | follow);
  if (!opened) return std::unexpected(opened.error());
  return Place{.as = LocatedAs::file, .opened = std::move(*opened)};
}

// What is there, where an open may make it.
[[nodiscard]] Result<Place> find_free(const FileTask& task, const std::string& path,
                                      UniqueFd found) {
  auto free = find_unprotected(task, path, std::move(found));
  if (!free) return std::unexpected(free.error());
  return Place{.as = free->is_for_owner ? LocatedAs::owners_file : LocatedAs::file,
               .opened = std::move(free->opened)};
}

// What an open takes or makes, see open_file.
[[nodiscard]] Result<Place> find_to_open(const FileTask& task) {
  const FileRequest& request = task.request;
  const std::uint64_t flags = request.flags;
  const bool may_make = (flags & O_CREAT) != 0;
  const bool is_unnamed = (flags & kTmpfile) != 0;
  const bool is_exclusive = may_make && (flags & O_EXCL) != 0;
  if (may_make && (flags & O_DIRECTORY) != 0) return fail(EINVAL);
  const std::uint64_t kept = is_unnamed ? O_NOFOLLOW : O_NOFOLLOW | O_DIRECTORY;
  const std::uint64_t finding = O_PATH | (flags & kept) | (is_unnamed ? O_DIRECTORY : 0);
  std::string path = request.path;
  for (int links = 0; links <= kMaxLinks; ++links) {
    if (may_make && is_name_of_directory(path)) return fail(refuse_directory(task, path).error);
    if (is_exclusive) return find_name(task, path);
    auto found = find_in_place(task, task.place.base, path.c_str(), finding, request.resolve);
    if (found && !may_make) return Place{.opened = std::move(*found).take()};
    if (found) {
      auto free = find_free(task, path, std::move(*found).take());
      if (free || free.error() != Errno{ENOENT}) return free;
    } else if (found.error() != Errno{ENOENT} || !may_make) {
      return std::unexpected(found.error());
    }
    auto name = find_name(task, path);
    if (!name || !name->is_there()) return name;
    // somebody else has made it, or it is a link that leads nowhere: the file is made there
    if ((flags & O_NOFOLLOW) != 0) continue;
    auto next = behind_link(task, path);
    if (!next) return std::unexpected(next.error());
    path = std::move(*next);
  }
  return fail(ELOOP);
}

[[nodiscard]] Result<Place> find_place(const FileTask& task) {
  switch (task.request.operation) {
    case FileOperation::locate_name:
      return find_name(task, task.request.path);
    case FileOperation::locate_opened:
      return find_to_open(task);
    default:
      return find_itself(task);
  }
}

struct Identity {
  std::uint64_t mount;
  bool is_mount_point;
  std::uint64_t inode;
  std::uint64_t device;
  std::uint32_t links;
};

[[nodiscard]] Result<Identity> identity_of(int fd) {
  constexpr unsigned kWanted = STATX_INO | STATX_NLINK | STATX_MNT_ID | kUniqueMount;
  struct statx found = {};
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kWanted, &found) == -1) return fail_errno();
  return Identity{.mount = found.stx_mnt_id,
                  .is_mount_point = (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0,
                  .inode = found.stx_ino,
                  .device = std::uint64_t{found.stx_dev_major} << 32 | found.stx_dev_minor,
                  .links = found.stx_nlink};
}

// The caller has it open, or starts there: whether it may search the folders above counts for
// neither.
[[nodiscard]] Result<UniqueFd> open_text(const std::string& path) {
  constexpr std::uint64_t kFlags = O_PATH | O_NOFOLLOW;
  auto there = open_at(AT_FDCWD, path.c_str(), kFlags, 0, RESOLVE_NO_SYMLINKS);
  if (there || there.error() != Errno{EACCES}) return there;
  const LentCapability lent(1ULL << CAP_DAC_READ_SEARCH);
  return open_at(AT_FDCWD, path.c_str(), kFlags, 0, RESOLVE_NO_SYMLINKS);
}

// The kernel's text for it, which says of what was removed only that it was, and of what is outside
// of the root nothing: so the text has to lead to it.
[[nodiscard]] Result<std::string> path_of(const FileTask& task, int fd) {
  std::array<char, PATH_MAX> text = {};
  const std::string link = "self/fd/" + std::to_string(fd);
  const ssize_t length = readlinkat(task.place.processes, link.c_str(), text.data(), text.size());
  if (length == -1) return fail_errno();
  if (static_cast<std::size_t>(length) == text.size()) return fail(ENAMETOOLONG);
  std::string path(text.data(), static_cast<std::size_t>(length));
  const auto wanted = identity_of(fd);
  if (!wanted) return std::unexpected(wanted.error());
  Result<UniqueFd> there = fail(ENOENT);
  if (path.starts_with('/')) there = open_text(path);
  // links of a process, of which nobody but it may know whose they are
  if (there) {
    const auto found = identity_of(there->get());
    const bool is_it = found && found->mount == wanted->mount && found->inode == wanted->inode &&
                       found->device == wanted->device;
    if (is_it) return path;
  } else if (there.error() == Errno{EACCES}) {
    return fail(EACCES);
  }
  const bool has_no_name =
      !path.starts_with('/') || (path.ends_with(" (deleted)") && wanted->links == 0);
  return has_no_name ? Result<std::string>(std::string()) : fail(EXDEV);
}

[[nodiscard]] Result<std::string> path_of(const FileTask& task, const Place& place) {
  const std::string_view name = without_slashes(place.name);
  if (place.as != LocatedAs::name || is_no_name(name)) return path_of(task, place.found());
  auto folder = path_of(task, place.opened.get());
  // nothing is made there any more
  if (folder && folder->empty()) return fail(ENOENT);
  if (!folder) return folder;
  if (*folder != "/") folder->push_back('/');
  return folder->append(name);
}

// Written bytes go to whoever reads there, and change nothing of the folder that has its name.
[[nodiscard]] bool is_special(int fd) {
  struct stat found = {};
  if (fstat(fd, &found) == -1) return false;
  return !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode) && !S_ISLNK(found.st_mode);
}

// Of what is there.
[[nodiscard]] FileAnswer status_of(const FileTask& task, int fd) {
  FileRequest request = task.request;
  request.path.clear();
  request.lent = 0;
  const FilePlace place = {.base = fd, .second_base = -1, .processes = task.place.processes};
  return read_status({.request = request, .place = place, .validity = task.validity});
}

[[nodiscard]] FileAnswer answer_of(const FileTask& task, Place place) {
  auto path = path_of(task, place);
  const bool is_of_open = task.request.operation == FileOperation::locate_opened;
  if (!path && is_of_open && is_special(place.found())) path = std::string();
  if (!path) return failure(path.error().number);
  const auto identity = identity_of(place.found());
  if (!identity) return failure(identity.error().number);
  FileAnswer answer = failure(0);
  answer.bytes.assign(sizeof(FileStatus), '\0');
  if (place.is_there()) answer = status_of(task, place.found());
  if (answer.error != 0) return answer;
  const FileLocation location = {
      .mount = identity->mount,
      .is_there = place.is_there() ? 1U : 0U,
      .is_mount_point = place.is_there() && identity->is_mount_point ? 1U : 0U,
      .is_granted = 0,
      .as = static_cast<std::uint64_t>(place.as),
      .path_length = path->size(),
      .name_length = place.name.size()};
  answer.bytes.append(reinterpret_cast<const char*>(&location), sizeof location);
  answer.bytes.append(*path);
  answer.bytes.append(place.name);
  answer.fd = std::move(place.opened);
  answer.is_closed_at_once = true;
  return answer;
}

[[nodiscard]] FileLocation location_of(const FileAnswer& answer) {
  FileLocation location = {};
  std::memcpy(&location, answer.bytes.data() + sizeof(FileStatus), sizeof location);
  return location;
}

}  // namespace

FileAnswer locate(const FileTask& task) {
  const LentCapability lent(task.request.lent);
  auto place = find_place(task);
  if (!place) return failure(place.error().number);
  return answer_of(task, std::move(*place));
}

bool are_one_place(const FileAnswer& one, const FileAnswer& other) {
  if (one.error != 0 || other.error != 0) return false;
  const auto first = identity_of(one.fd.get());
  const auto second = identity_of(other.fd.get());
  const FileLocation a = location_of(one);
  const FileLocation b = location_of(other);
  constexpr std::size_t kTexts = sizeof(FileStatus) + sizeof(FileLocation);
  return first && second && first->mount == second->mount && first->inode == second->inode &&
         first->device == second->device && a.as == b.as && a.is_there == b.is_there &&
         one.bytes.substr(kTexts) == other.bytes.substr(kTexts);
}

void note_granted(FileAnswer& found) {
  FileLocation location = location_of(found);
  location.is_granted = 1;
  std::memcpy(found.bytes.data() + sizeof(FileStatus), &location, sizeof location);
}

}  // namespace seccompagent
