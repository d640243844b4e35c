// SPDX-License-Identifier: Apache-2.0
#include "files/opening.h"

#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "files/device.h"
#include "files/effect.h"
#include "files/file_system_type.h"
#include "files/link_protection.h"
#include "files/lookup.h"
#include "files/process_folder.h"

namespace seccompagent {
namespace {

// Of a file of a procfs. Whoever opens one is asked for its rights alone, unless it is the process
// that the file is about; but the largest number of a process is that of our own pid namespace.
[[nodiscard]] bool is_opened_for_others(const FileTask& task, const FileFacts& found, int file) {
  const auto others = others_processes(file, task.place);
  if (!others) return false;
  const int access = static_cast<int>(task.request.flags) & O_ACCMODE;
  return access == O_RDONLY || !is_largest_number(*others, task.place.processes, found);
}

// Of a file that was found: 0, or why it is not opened for others.
[[nodiscard]] int opening_error(const FileTask& task, const FileFacts& found, int file) {
  // with O_NOFOLLOW, and as the kernel has it
  if (S_ISLNK(found.type)) return ELOOP;
  if (found.system == PROC_SUPER_MAGIC)
    return is_opened_for_others(task, found, file) ? 0 : EOPNOTSUPP;
  if (!S_ISCHR(found.type) && !S_ISBLK(found.type)) return 0;
  return device_error(task, found);
}

// Errno of the kernel with O_CREAT for an existing file: 0, or an errno.
[[nodiscard]] int existing_error(std::uint64_t flags, const FileFacts& found) {
  if ((flags & O_EXCL) != 0) return EEXIST;
  return S_ISDIR(found.type) ? EISDIR : 0;
}

[[nodiscard]] Result<UniqueFd> open_again(const FileTask& task, int file, int flags) {
  const long fd = by_path(task, file, [&](const char* path) -> long { return open(path, flags); });
  if (fd == -1) return fail_errno();
  return UniqueFd(static_cast<int>(fd));
}

// At a FIFO, see fifo(7).
[[nodiscard]] bool is_to_wait(int flags) {
  return (flags & O_NONBLOCK) == 0 && (flags & O_ACCMODE) != O_RDWR;
}

// Its other end may be open, which the kernel tells a writer alone without letting it wait.
[[nodiscard]] Result<UniqueFd> open_fifo(const FileTask& task, int file, int flags) {
  if ((flags & O_ACCMODE) == O_WRONLY) {
    auto opened = open_again(task, file, flags | O_NONBLOCK);
    if (!opened && opened.error() != Errno{ENXIO}) return opened;
    const int now = opened ? fcntl(opened->get(), F_GETFL) : -1;
    if (opened && now != -1 && fcntl(opened->get(), F_SETFL, now & ~O_NONBLOCK) == 0) return opened;
  }
  task.validity.note_wait();
  return open_again(task, file, flags);
}

struct OpenedFile {
  UniqueFd fd;
  FileFacts facts;
};

// The found file is opened, whatever its name leads to by now.
[[nodiscard]] Result<OpenedFile> open_found(const FileTask& task, int file,
                                            const Result<FileFacts>& found, std::uint64_t flags) {
  if (!found) return std::unexpected(found.error());
  if ((flags & O_CREAT) != 0) {
    if (const int error = existing_error(flags, *found); error != 0) return fail(error);
  }
  std::optional<CgroupHold> hold;
  if (S_ISCHR(found->type) || S_ISBLK(found->type)) {
    hold.emplace(task);
    if (!hold->is_here()) return fail(EINTR);
  }
  if (const int error = opening_error(task, *found, file); error != 0) return fail(error);
  // without O_CREAT, O_EXCL claims a block device
  const std::uint64_t of_names = O_CREAT | O_NOFOLLOW | ((flags & O_CREAT) != 0 ? O_EXCL : 0);
  const int own = static_cast<int>((flags & ~of_names) | O_CLOEXEC);
  if (may_wait(*found)) task.validity.note_wait();
  const bool is_waiting_fifo = S_ISFIFO(found->type) && is_to_wait(own);
  auto fd = is_waiting_fifo ? open_fifo(task, file, own) : open_again(task, file, own);
  if (!fd) return std::unexpected(fd.error());
  return OpenedFile{.fd = std::move(*fd), .facts = *found};
}

// Opening a directory changes nothing, so it needs no look before. Nothing: it is to be found
// first, as in a procfs, which has other directories for each who looks.
[[nodiscard]] std::optional<Result<OpenedFile>> open_directory(const FileTask& task,
                                                               const char* path,
                                                               std::uint64_t flags) {
  auto found = open_unwalked(task, task.place.base, path, flags, task.request.resolve);
  if (!found) return std::nullopt;
  if (!*found) return std::unexpected(found->error());
  const auto facts = (*found)->facts();
  if (!facts || facts->system == PROC_SUPER_MAGIC) return std::nullopt;
  return OpenedFile{.fd = std::move(**found).take(), .facts = *facts};
}

// No number tells whether the caller owns it. But the kernel knows, and whoever does not may not
// have O_NOATIME.
[[nodiscard]] Result<OpenedFile> open_for_owner(const FileTask& task, int file,
                                                std::uint64_t flags) {
  auto opened = open_found(task, file, facts_of(file), flags | O_NOATIME);
  if (!opened) return fail(opened.error() == Errno{EPERM} ? EACCES : opened.error().number);
  if ((flags & O_NOATIME) != 0) return opened;
  const int now = fcntl(opened->fd.get(), F_GETFL);
  if (now == -1 || fcntl(opened->fd.get(), F_SETFL, now & ~O_NOATIME) == -1) return fail_errno();
  return opened;
}

// The answer with a file, of which nothing is known yet if it was made.
[[nodiscard]] FileAnswer answer_with(FileAnswer answer, UniqueFd fd, Result<FileFacts> facts) {
  answer.fd = std::move(fd);
  if (!facts) return answer;
  // devices and the like are not closed by the file system that they are in
  const bool is_files = S_ISREG(facts->type) || S_ISDIR(facts->type);
  answer.is_closed_at_once = S_ISFIFO(facts->type) || (is_files && closes_at_once(facts->system));
  // a union asks its layers
  answer.is_closed_soon =
      answer.is_closed_at_once || !is_files || facts->system == OVERLAYFS_SUPER_MAGIC;
  return answer;
}

[[nodiscard]] FileAnswer answer_with(Result<OpenedFile> opened) {
  if (!opened) return failure(opened.error().number);
  return answer_with(failure(0), std::move(opened->fd), opened->facts);
}

[[nodiscard]] FileAnswer answer_with_new(FileAnswer made, UniqueFd fd) {
  if (!fd.is_open()) return made;
  const auto facts = facts_of(fd.get());
  return answer_with(std::move(made), std::move(fd), facts);
}

// O_TMPFILE, in the directory that was found: whether it may be searched is asked by its file
// system alone, as the kernel has it.
[[nodiscard]] FileAnswer open_unnamed(const FileTask& task, std::uint64_t flags) {
  const FileRequest& request = task.request;
  UniqueFd found;
  // without a path, what the base is: the kernel says what is no directory
  if (!request.path.empty()) {
    auto opened = open_in_place(task, task.place.base, request.path.c_str(),
                                O_PATH | O_DIRECTORY | (flags & O_NOFOLLOW), 0, request.resolve);
    if (!opened) return failure(opened.error().number);
    found = std::move(*opened);
  }
  const int directory = found.is_open() ? found.get() : task.place.base;
  const int own = static_cast<int>((flags & ~std::uint64_t{O_NOFOLLOW}) | O_CLOEXEC);
  UniqueFd opened;
  auto made = perform(task, [&]() -> long {
    return by_path(task, directory, [&](const char* path) -> long {
      opened.reset(open(path, own, static_cast<mode_t>(request.mode & 07777)));
      return opened.is_open() ? 0 : -1;
    });
  });
  return answer_with_new(std::move(made), std::move(opened));
}

// A name that nothing had.
[[nodiscard]] FileAnswer open_new(const FileTask& task, const std::string& path,
                                  std::uint64_t flags) {
  const FileRequest& request = task.request;
  const auto entry = find_entry(task, task.place.base, path, request.resolve);
  if (!entry) return failure(entry.error().number);
  const std::uint64_t only_new = (flags & O_CREAT) != 0 ? O_EXCL : 0;
  UniqueFd opened;
  auto made = perform(task, [&]() -> long {
    auto fd = open_in_place(task, entry->directory, entry->name.c_str(), flags | only_new,
                            request.mode & 07777, request.resolve);
    if (fd) opened = std::move(*fd);
    if (!fd) errno = fd.error().number;
    return fd ? 0 : -1;
  });
  return answer_with_new(std::move(made), std::move(opened));
}

[[nodiscard]] FileAnswer open_any(const FileTask& task, std::uint64_t flags) {
  std::string path = task.request.path;
  // as Linux has it since 6.4: before, it made a file
  if ((flags & O_CREAT) != 0 && (flags & O_DIRECTORY) != 0) return failure(EINVAL);
  const std::uint64_t resolve = task.request.resolve;
  // as the kernel has it: what has to be made is not in any cache
  const bool is_cached = (resolve & RESOLVE_CACHED) != 0;
  if (is_cached && (flags & (O_CREAT | O_TRUNC | kTmpfile)) != 0) return failure(EAGAIN);
  if ((flags & kTmpfile) != 0) return open_unnamed(task, flags);
  const int base = task.place.base;
  if (task.request.located == LocatedAs::name) return open_new(task, path, flags | O_EXCL);
  if (task.request.located == LocatedAs::owners_file)
    return answer_with(open_for_owner(task, base, flags));
  if (path.empty()) return answer_with(open_found(task, base, facts_of(base), flags));
  const bool may_make = (flags & O_CREAT) != 0;
  if ((flags & (O_DIRECTORY | O_PATH)) == O_DIRECTORY) {
    if (auto opened = open_directory(task, path.c_str(), flags))
      return answer_with(std::move(*opened));
  }
  const bool is_exclusive = may_make && (flags & O_EXCL) != 0;
  const std::uint64_t finding =
      O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY)) | (is_exclusive ? O_NOFOLLOW : 0);
  for (int links = 0; links <= kMaxLinks; ++links) {
    if (may_make && is_name_of_directory(path)) return refuse_directory(task, path);
    auto found = find_in_place(task, base, path.c_str(), finding, resolve);
    if (found && may_make) {
      const auto free = find_unprotected(task, path, std::move(*found).take());
      if (free) {
        const int file = free->opened.get();
        return answer_with(free->is_for_owner ? open_for_owner(task, file, flags)
                                              : open_found(task, file, facts_of(file), flags));
      }
      found = std::unexpected(free.error());
    }
    if (found) return answer_with(open_found(task, found->get(), found->facts(), flags));
    if (found.error() != Errno{ENOENT} || !may_make) return failure(found.error().number);
    auto made = open_new(task, path, flags);
    if (made.error != EEXIST || is_exclusive) return made;
    // somebody else has made it, or it is a link that leads nowhere: the file is made there
    if ((flags & O_NOFOLLOW) != 0) continue;
    auto next = behind_link(task, path);
    if (!next) return failure(next.error().number);
    path = std::move(*next);
  }
  return failure(ELOOP);
}

}  // namespace

bool is_name_of_directory(const std::string& path) {
  if (!path.ends_with('/')) return false;
  const std::size_t end = path.find_last_not_of('/') + 1;
  const std::string_view rest = std::string_view(path).substr(0, end);
  const std::string_view name = rest.substr(rest.rfind('/') + 1);
  return !name.empty() && name != "." && name != "..";
}

FileAnswer refuse_directory(const FileTask& task, const std::string& path) {
  const auto entry = find_entry(task, task.place.base, path, task.request.resolve);
  if (!entry) return failure(entry.error().number);
  // who may not search it hears nothing of names in it
  const auto searched = open_at(entry->directory, ".", O_PATH);
  return failure(searched ? EISDIR : searched.error().number);
}

FileAnswer open_file(const FileTask& task) {
  if (task.validity.is_gone()) return gone();
  // the flags that the kernel's open(2) would ignore, openat2(2) refuses
  constexpr std::uint64_t kKnown = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND |
                                   O_NONBLOCK | O_DSYNC | O_ASYNC | O_DIRECT | O_LARGEFILE |
                                   O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_SYNC | O_PATH | O_TMPFILE;
  std::uint64_t flags = task.request.flags & kKnown;
  // of a path alone nothing else counts; and a terminal must not become ours
  if ((flags & O_PATH) != 0) {
    flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  } else {
    flags |= O_NOCTTY;
  }
  return open_any(task, flags);
}

}  // namespace seccompagent
