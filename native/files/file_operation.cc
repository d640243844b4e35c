// SPDX-License-Identifier: Apache-2.0
#include "files/file_operation.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>

#include <string>
#include <utility>

#include "caller/path_start.h"
#include "files/attributes.h"
#include "files/confinement.h"
#include "files/extended_attributes.h"
#include "files/file_task.h"
#include "files/location.h"
#include "files/lookup.h"
#include "files/naming.h"
#include "files/node.h"
#include "files/opening.h"
#include "files/size.h"
#include "files/times.h"

namespace seccompagent {
namespace {

FileAnswer operate(const FileTask& task) {
  switch (task.request.operation) {
    case FileOperation::mkdir:
      return make_directory(task);
    case FileOperation::mknod:
      return make_node(task);
    case FileOperation::open:
      return open_file(task);
    case FileOperation::chmod:
      return change_mode(task);
    case FileOperation::chown:
      return change_owner(task);
    case FileOperation::rename:
      return rename_file(task);
    case FileOperation::link:
      return link_file(task);
    case FileOperation::symlink:
      return make_symlink(task);
    case FileOperation::undo_mknod:
      return undo_mknod(task);
    case FileOperation::unlink:
      return remove_file(task);
    case FileOperation::stat:
      return read_status(task);
    case FileOperation::get_xattr:
      return get_xattr(task);
    case FileOperation::set_xattr:
      return set_xattr(task);
    case FileOperation::list_xattr:
      return list_xattr(task);
    case FileOperation::remove_xattr:
      return remove_xattr(task);
    case FileOperation::read_link:
      return read_link(task);
    case FileOperation::truncate:
      return change_size(task);
    case FileOperation::set_times:
      return change_times(task);
    case FileOperation::locate_name:
    case FileOperation::locate_file:
    case FileOperation::locate_opened:
      return locate(task);
  }
  return failure(ENOSYS);
}

// Whether a directory is not made because it is there, also outside of the granted folders.
// Programs make all directories of a path, and have to hear of those that they can see.
[[nodiscard]] bool has_directory(const FileTask& task) {
  const char* const path = task.request.path.c_str();
  return task.request.operation == FileOperation::mkdir &&
         open_at(task.place.base, path, O_PATH | O_DIRECTORY).has_value();
}

// Whether the last name of its path is meant, also where that is a symbolic link.
[[nodiscard]] bool means_the_name(const FileRequest& request) {
  switch (request.operation) {
    case FileOperation::mkdir:
    case FileOperation::mknod:
    case FileOperation::symlink:
    case FileOperation::rename:
    case FileOperation::unlink:
    case FileOperation::undo_mknod:
    case FileOperation::locate_name:
      return true;
    case FileOperation::open:
    case FileOperation::locate_opened:
      return (request.flags & O_NOFOLLOW) != 0 || (request.flags & O_EXCL) != 0;
    default:
      return !request.is_followed;
  }
}

// A path that leads to something that the caller has open starts there: its own name may be in a
// granted folder.
struct OwnStart {
  // Closed: the path starts elsewhere.
  UniqueFd file;
  std::string rest;
};

[[nodiscard]] Result<OwnStart> own_start_of(const FileTask& task, const std::string& path,
                                            bool is_name_meant) {
  Start start = start_of(path, AT_FDCWD);
  // what the caller forbids, or has start elsewhere, the kernel judges
  const bool is_judged = (task.request.resolve & ~std::uint64_t{RESOLVE_CACHED}) != 0;
  if (start.proc_entry.empty() || is_judged) return OwnStart{.file = {}, .rest = path};
  if (task.place.process == nullptr) return fail(ENOTSUP);
  // a name in procfs
  if (start.rest.empty() && is_name_meant) return fail(EPERM);
  const std::string entry =
      (start.is_of_thread ? "/proc/thread-self/" : "/proc/self/") + start.proc_entry;
  auto file = open_in_place(task, AT_FDCWD, entry.c_str(), O_PATH);
  if (!file) return std::unexpected(file.error());
  return OwnStart{.file = std::move(*file), .rest = std::move(start.rest)};
}

// In the granted folders only: the same, with paths that start there.
FileAnswer operate_inside(const FileTask& task) {
  FileRequest request = task.request;
  FilePlace place = task.place;
  const auto own = own_start_of(task, request.path, means_the_name(request));
  if (!own) return failure(own.error().number);
  if (own->file.is_open()) place.base = own->file.get();
  request.path = own->rest;
  const Confinement confinement = {
      .folders = task.request.within, .resolve = request.resolve, .processes = place.processes};
  const auto first = confine(confinement, place.base, request.path);
  if (!first) return failure(first.error().number);
  request.path = first->path;
  place.base = first->base;
  Result<ConfinedPath> second;
  Result<OwnStart> second_own;
  if (request.operation == FileOperation::rename || request.operation == FileOperation::link) {
    second_own = own_start_of(task, request.second_path, true);
    if (!second_own) return failure(second_own.error().number);
    if (second_own->file.is_open()) place.second_base = second_own->file.get();
    request.second_path = second_own->rest;
    second = confine(confinement, place.second_base, request.second_path);
    if (!second) return failure(second.error().number);
    request.second_path = second->path;
    place.second_base = second->base;
  }
  const bool is_kept_below = (request.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0;
  return operate({.request = request,
                  .place = place,
                  .validity = task.validity,
                  .confined = is_kept_below ? 0 : std::uint64_t{RESOLVE_BENEATH}});
}

FileAnswer operate_within(const FileTask& task) {
  FileAnswer answer = operate_inside(task);
  if (answer.error == EPERM && has_directory(task)) answer.error = EEXIST;
  return answer;
}

// A look-up goes everywhere, and tells what is in the granted folders.
FileAnswer locate_within(const FileTask& task) {
  FileAnswer found = locate(task);
  if (found.error == 0 && are_one_place(found, operate_inside(task))) note_granted(found);
  return found;
}

FileAnswer operate_as_granted(const FileTask& task) {
  if (task.request.within.empty()) return operate(task);
  return is_look_up(task.request.operation) ? locate_within(task) : operate_within(task);
}

}  // namespace

FileAnswer operate_on_file(const FileRequest& request, const FilePlace& place,
                           const Validity& validity) {
  const FileTask task = {request, place, validity};
  FileAnswer answer = operate_as_granted(task);
  if (place.process != nullptr) answer.wanted = place.process->wanted;
  return answer;
}

}  // namespace seccompagent
