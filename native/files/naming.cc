// SPDX-License-Identifier: Apache-2.0
#include "files/naming.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caller/callers_proc.h"
#include "files/effect.h"
#include "files/lookup.h"
#include "files/process_folder.h"

namespace seccompagent {
namespace {

// A file that the caller has open. Of a file that has no name yet, or none that can be reached, the
// kernel asks who has opened it, which nobody is but the caller; but whoever has a procfs may have
// it by its entry there, see linkat(2).
[[nodiscard]] long link_opened(const FileTask& task, const Entry& to) {
  const long linked = linkat(task.place.base, "", to.directory, to.name.c_str(), AT_EMPTY_PATH);
  if (linked == 0 || errno != ENOENT) return linked;
  if (!has_callers_proc()) {
    errno = ENOENT;
    return -1;
  }
  return by_path(task, task.place.base, [&](const char* path) {
    return linkat(AT_FDCWD, path, to.directory, to.name.c_str(), AT_SYMLINK_FOLLOW);
  });
}

// A process may do anything in the directory of its descriptors, where no file system lets it.
[[nodiscard]] bool is_refused_own(const FileTask& task, int error, const Entry& entry) {
  const CallersProcess* caller = task.place.process;
  return error == EACCES && caller != nullptr &&
         is_folder_of_descriptors(*caller, task.place.processes, entry.directory);
}

}  // namespace

FileAnswer make_directory(const FileTask& task) {
  const auto entry = find_entry(task, task.place.base, task.request.path);
  if (!entry) return failure(entry.error().number);
  return perform(task,
                 [&] { return mkdirat(entry->directory, entry->name.c_str(), task.request.mode); });
}

namespace {

// Of the request's second path; `first`: of the first one, whose directory may have to be searched
// for it. What is wrong with that comes before what is wrong with the second one.
[[nodiscard]] Result<Entry> second_entry(const FileTask& task, const Entry* first) {
  const int known = task.request.second_error;
  auto second = known != 0 ? Result<Entry>(fail(known))
                           : find_entry(task, task.place.second_base, task.request.second_path);
  if (second || first == nullptr) return second;
  const char* const there = first->name.starts_with('/') ? "/." : ".";
  if (const auto searched = open_at(first->directory, there, O_PATH); !searched)
    return std::unexpected(searched.error());
  return second;
}

}  // namespace

FileAnswer rename_file(const FileTask& task) {
  const FileRequest& request = task.request;
  const auto from = find_entry(task, task.place.base, request.path);
  if (!from) return failure(from.error().number);
  const auto to = second_entry(task, &*from);
  if (!to) return failure(to.error().number);
  return perform(task, [&] {
    return syscall(SYS_renameat2, from->directory, from->name.c_str(), to->directory,
                   to->name.c_str(), request.flags);
  });
}

FileAnswer link_file(const FileTask& task) {
  const FileRequest& request = task.request;
  const bool is_located = request.located == LocatedAs::file;
  if (request.path.empty() && !is_located) {
    const auto to = second_entry(task, nullptr);
    if (!to) return failure(to.error().number);
    return perform(task, [&] { return link_opened(task, *to); });
  }
  // what there is no name of comes before what is wrong with the new one
  const auto file = find_file(task);
  if (!file && (request.is_followed || is_located)) return failure(file.error().number);
  if (request.is_followed || is_located) {
    const auto to = second_entry(task, nullptr);
    if (!to) return failure(to.error().number);
    return perform(task, [&] {
      return by_path(task, file->fd, [&](const char* path) {
        return linkat(AT_FDCWD, path, to->directory, to->name.c_str(), AT_SYMLINK_FOLLOW);
      });
    });
  }
  const auto from = find_entry(task, task.place.base, request.path);
  if (!from) return failure(from.error().number);
  const bool is_refused = !file && is_refused_own(task, file.error().number, *from);
  if (!file && !is_refused) return failure(file.error().number);
  const auto to = second_entry(task, nullptr);
  if (!to) return failure(to.error().number);
  // that is another file system
  if (is_refused) return failure(EXDEV);
  return perform(task, [&] {
    return linkat(from->directory, from->name.c_str(), to->directory, to->name.c_str(), 0);
  });
}

FileAnswer make_symlink(const FileTask& task) {
  const auto entry = find_entry(task, task.place.base, task.request.path);
  if (!entry) return failure(entry.error().number);
  return perform(task, [&] {
    return symlinkat(task.request.second_path.c_str(), entry->directory, entry->name.c_str());
  });
}

FileAnswer remove_file(const FileTask& task) {
  const auto entry = find_entry(task, task.place.base, task.request.path);
  if (!entry) return failure(entry.error().number);
  FileAnswer done = perform(task, [&] {
    return unlinkat(entry->directory, entry->name.c_str(),
                    static_cast<int>(task.request.flags & AT_REMOVEDIR));
  });
  const bool is_of_directory = (task.request.flags & AT_REMOVEDIR) != 0;
  if (is_refused_own(task, done.error, *entry)) done.error = is_of_directory ? ENOTDIR : EPERM;
  return done;
}

}  // namespace seccompagent
