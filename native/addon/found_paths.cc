// SPDX-License-Identifier: Apache-2.0
#include "addon/found_paths.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "files/location.h"

namespace seccompagent {
namespace {

// Of an open: those that decide what its path means. O_TMPFILE holds O_DIRECTORY.
constexpr std::uint32_t kMeaning = O_CREAT | O_EXCL | O_NOFOLLOW | O_TMPFILE;

[[nodiscard]] PathMeaning meaning_of_file(bool is_followed) {
  return {.look_up = FileOperation::locate_file,
          .flags = is_followed ? 0U : std::uint32_t{AT_SYMLINK_NOFOLLOW}};
}

// Whether what is wrong with its path is no more than that it was looked up otherwise.
[[nodiscard]] bool only_reads(FileOperation operation) {
  switch (operation) {
    case FileOperation::stat:
    case FileOperation::read_link:
    case FileOperation::get_xattr:
    case FileOperation::list_xattr:
      return true;
    default:
      return false;
  }
}

}  // namespace

PathMeaning meaning_of(const FileRequest& request, bool is_second) {
  switch (request.operation) {
    case FileOperation::mkdir:
    case FileOperation::mknod:
    case FileOperation::symlink:
    case FileOperation::rename:
    case FileOperation::unlink:
    case FileOperation::undo_mknod:
    case FileOperation::locate_name:
      return {.look_up = FileOperation::locate_name};
    case FileOperation::link:
      if (is_second) return {.look_up = FileOperation::locate_name};
      return meaning_of_file(request.is_followed);
    case FileOperation::open:
    case FileOperation::locate_opened:
      return {.look_up = FileOperation::locate_opened,
              .flags = request.flags & kMeaning,
              .resolve = request.resolve};
    default:
      return meaning_of_file(request.is_followed);
  }
}

Result<const FoundPath*> find_found(const Worker& worker, const FileRequest& request,
                                    bool is_second) {
  const FoundPath* const found =
      worker.found_path(is_second ? request.second_path : request.path, is_second);
  if (found == nullptr || is_look_up(request.operation)) return nullptr;
  if (found->meaning != meaning_of(request, is_second)) {
    if (only_reads(request.operation)) return nullptr;
    return fail(EOPNOTSUPP);
  }
  if (request.within.empty()) return found;
  // another handler's: it is to be looked up for this one
  if (found->within != request.within) return nullptr;
  if (found->is_granted) return found;
  // programs make all directories of a path, and have to hear of those that they can see
  const bool is_made = request.operation == FileOperation::mkdir && found->is_folder;
  return fail(is_made ? EEXIST : EPERM);
}

Result<void> note_found(Worker& worker, const FileRequest& request, bool is_second,
                        FileOutcome& done) {
  const std::string& bytes = done.bytes;
  FileStatus status = {};
  FileLocation location = {};
  if (bytes.size() < sizeof status + sizeof location) return fail(EBADMSG);
  std::memcpy(&status, bytes.data(), sizeof status);
  std::memcpy(&location, bytes.data() + sizeof status, sizeof location);
  return worker.note_found({.path = request.path,
                            .is_second = is_second,
                            .meaning = meaning_of(request, is_second),
                            .as = static_cast<LocatedAs>(location.as),
                            .is_there = location.is_there != 0,
                            .is_folder = S_ISDIR(static_cast<mode_t>(status.mode)),
                            .name = bytes.substr(bytes.size() - location.name_length),
                            .opened = std::move(done.fd),
                            .within = request.within,
                            .is_granted = location.is_granted != 0});
}

}  // namespace seccompagent
