// SPDX-License-Identifier: Apache-2.0
#include "files/file_operation.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>

#include <string>

#include "caller/callers_proc.h"
#include "files/attributes.h"
#include "files/confinement.h"
#include "files/extended_attributes.h"
#include "files/file_task.h"
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
  }
  return failure(ENOSYS);
}

// Whether a directory is not made because it is there, also outside of the granted folders.
// Programs make all directories of a path, and have to hear of those that they can see.
[[nodiscard]] bool has_directory(const FileTask& task) {
  const char* const path = task.request.path.c_str();
  const open_how how = {.flags = O_PATH | O_DIRECTORY, .mode = 0, .resolve = 0};
  return task.request.operation == FileOperation::mkdir &&
         open_across(task, task.place.base, path, how).has_value();
}

// In the granted folders only: the same, with paths that start there.
FileAnswer operate_inside(const FileTask& task) {
  FileRequest request = task.request;
  FilePlace place = task.place;
  const Confinement confinement = {
      .folders = task.request.within, .resolve = request.resolve, .processes = place.processes};
  const auto first = confine(confinement, place.base, request.path);
  if (!first) return failure(first.error().number);
  request.path = first->path;
  place.base = first->base;
  Result<ConfinedPath> second;
  if (request.operation == FileOperation::rename || request.operation == FileOperation::link) {
    second = confine(confinement, place.second_base, request.second_path);
    if (!second) return failure(second.error().number);
    request.second_path = second->path;
    place.second_base = second->base;
  }
  const bool is_kept_below = (request.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) != 0;
  return operate({.request = request,
                  .place = place,
                  .held = task.held,
                  .validity = task.validity,
                  .confined = is_kept_below ? 0 : std::uint64_t{RESOLVE_BENEATH}});
}

FileAnswer operate_within(const FileTask& task) {
  FileAnswer answer = operate_inside(task);
  if (answer.error == EPERM && has_directory(task)) answer.error = EEXIST;
  return answer;
}

// Result of the caller's own look-up of a path: 0, or an errno.
[[nodiscard]] int resolve_self(const std::string& all, int entry_error, std::string& path) {
  if (all.empty()) return 0;
  if (leads_to_own(all)) return entry_error;
  path = all;
  return 0;
}

}  // namespace

bool makes_something(const FileRequest& request) {
  // longer names than that are kept outside of the directory entry
  constexpr std::size_t kShortName = 32;
  switch (request.operation) {
    case FileOperation::mkdir:
    case FileOperation::mknod:
    case FileOperation::link:
    case FileOperation::symlink:
    case FileOperation::set_xattr:
      return true;
    case FileOperation::open:
      return (request.flags & (O_CREAT | kTmpfile)) != 0;
    case FileOperation::rename:
      return (request.flags & RENAME_WHITEOUT) != 0 ||
             ((request.flags & RENAME_EXCHANGE) == 0 && request.second_path.size() > kShortName);
    default:
      return false;
  }
}

FileAnswer operate_on_file(const FileRequest& asked, const FilePlace& place, HeldIds held,
                           const Validity& validity) {
  FileRequest request = asked;
  for (const int error :
       {resolve_self(asked.proc_path, asked.entry_error, request.path),
        resolve_self(asked.second_proc_path, asked.second_entry_error, request.second_path)}) {
    if (error != 0) return failure(error);
  }
  const FileTask task = {request, place, held, validity};
  return request.within.empty() ? operate(task) : operate_within(task);
}

}  // namespace seccompagent
