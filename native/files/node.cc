// SPDX-License-Identifier: Apache-2.0
#include "files/node.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "files/device.h"
#include "files/effect.h"
#include "files/lent_capability.h"
#include "files/lookup.h"

namespace seccompagent {
namespace {

// Opening such a device does nothing, and with power over all modes only the file system refuses
// it.
[[nodiscard]] bool can_be_opened(const FileTask& task, int node) {
  struct statfs system = {};
  if (fstatfs(node, &system) == 0 && (system.f_flags & ST_NODEV) != 0) return false;
  const LentCapability lent(1ULL << CAP_DAC_OVERRIDE);
  return by_path(task, node, [](const char* path) -> long {
           constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
           const UniqueFd opened(openat(AT_FDCWD, path, kFlags));
           return opened.is_open() || errno != EACCES ? 0 : -1;
         }) == 0;
}

// Adds what is to be covered, and what covers it has to look like.
void add_covered(FileAnswer& made, UniqueFd file, const struct stat& found) {
  const NodeLook look = {.uid = found.st_uid, .gid = found.st_gid, .mode = found.st_mode & 0777};
  made.bytes.assign(reinterpret_cast<const char*>(&look), sizeof look);
  made.fd = std::move(file);
}

// Adds the node that was just made where nobody can open it. All of this asks the file system,
// which may never answer: whoever acts has a deadline.
void add_unopenable(const FileTask& task, const Entry& entry, FileAnswer& made) {
  const FileRequest& request = task.request;
  auto node = open_at(entry.directory, entry.name.c_str(), O_PATH | O_NOFOLLOW);
  struct stat found = {};
  // whoever has put something else into its place has what it wanted
  if (!node || fstat(node->get(), &found) == -1 || !S_ISCHR(found.st_mode) ||
      found.st_rdev != makedev(request.first, request.second) || can_be_opened(task, node->get()))
    return;
  add_covered(made, std::move(*node), found);
}

// Removes what was made, unless something else has its name by now; 0, or an errno. The one who
// could put something else into the directory meanwhile could remove it, too.
[[nodiscard]] int remove_made(const Entry& entry, int file) {
  const char* name = entry.name.c_str();
  struct stat made = {};
  struct stat found = {};
  if (fstat(file, &made) == -1 ||
      fstatat(entry.directory, name, &found, AT_SYMLINK_NOFOLLOW) == -1) {
    return errno;
  }
  const bool is_same = made.st_dev == found.st_dev && made.st_ino == found.st_ino;
  if (!is_same) return ENOENT;
  return unlinkat(entry.directory, name, 0) == -1 ? errno : 0;
}

[[nodiscard]] bool can_lend(std::uint64_t capability) {
  const auto permitted = permitted_capabilities();
  return permitted && (*permitted & capability) == capability;
}

// An overlay makes files with the power of who has mounted it, which in a container is too little
// for a node, and others know no nodes at all. There, an empty file is what is covered; its
// descriptor is that of this very file, whatever has its name by now.
[[nodiscard]] FileAnswer make_covered_file(const FileTask& task, const Entry& entry) {
  UniqueFd made_file;
  auto made = perform(task, [&]() -> long {
    constexpr int kFlags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    made_file.reset(openat(entry.directory, entry.name.c_str(), kFlags, task.request.mode & 0777));
    return made_file.is_open() ? 0 : -1;
  });
  if (made.error != 0 || made.is_gone || !made_file.is_open()) return made;
  UniqueFd file;
  // what is opened for reading would be closed by who must not wait for the file system
  const long opened = by_path(task, made_file.get(), [&file](const char* path) -> long {
    file.reset(openat(AT_FDCWD, path, O_PATH | O_CLOEXEC));
    return file.is_open() ? 0 : -1;
  });
  struct stat found = {};
  if (opened == -1 || fstat(file.get(), &found) == -1) {
    const int error = errno;
    (void)remove_made(entry, made_file.get());
    return failure(error);
  }
  add_covered(made, std::move(file), found);
  return made;
}

// Of which rules of cgroups tell; not so of what hides a name in an overlay.
[[nodiscard]] bool is_device(const FileRequest& request) {
  const bool is_whiteout = S_ISCHR(request.mode) && request.first == 0 && request.second == 0;
  return (S_ISCHR(request.mode) || S_ISBLK(request.mode)) && !is_whiteout;
}

}  // namespace

FileAnswer make_node(const FileTask& task) {
  const FileRequest& request = task.request;
  const auto entry = find_entry(task, task.place.base, request.path);
  if (!entry) return failure(entry.error().number);
  std::optional<CgroupHold> hold;
  if (is_device(request)) {
    hold.emplace(task);
    if (!hold->is_here()) return failure(EINTR);
    if (!may_act_on_device(task)) return failure(EOPNOTSUPP);
  }
  auto made = perform(task, [&] {
    return mknodat(entry->directory, entry->name.c_str(), request.mode,
                   makedev(request.first, request.second));
  });
  if (request.lent == 0 || made.is_gone) return made;
  // whoever has nothing to lend could not make the node that covers it either
  if (made.error == EPERM && can_lend(request.lent)) return make_covered_file(task, *entry);
  if (made.error == 0) add_unopenable(task, *entry, made);
  return made;
}

FileAnswer undo_mknod(const FileTask& task) {
  const auto entry = find_entry(task, task.place.base, task.request.path);
  return failure(entry ? remove_made(*entry, task.place.second_base) : entry.error().number);
}

}  // namespace seccompagent
