// SPDX-License-Identifier: Apache-2.0
#include "files/naming.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

#include "caller/callers_proc.h"
#include "files/effect.h"
#include "files/lookup.h"

namespace seccompagent {
namespace {

// What the caller has open. Of a file that has no name yet, or none that can be reached, the kernel
// asks who has opened it, which nobody is but the caller; but whoever has a procfs may have it by
// its entry there, see linkat(2).
[[nodiscard]] long link_opened(const Doing& doing, const Entry& to) {
  const long linked = linkat(doing.place.base, "", to.directory, to.name.c_str(), AT_EMPTY_PATH);
  if (linked == 0 || errno != ENOENT) return linked;
  if (!has_callers_proc()) {
    errno = ENOENT;
    return -1;
  }
  return by_path(doing, doing.place.base, [&](const char* path) {
    return linkat(AT_FDCWD, path, to.directory, to.name.c_str(), AT_SYMLINK_FOLLOW);
  });
}

}  // namespace

FileAnswer make_directory(const Doing& doing) {
  const auto entry = entry_of(doing, doing.place.base, doing.request.path);
  if (!entry) return refusal(entry.error().number);
  return have_added(doing, making_of(*entry), [&] {
    return mkdirat(entry->directory, entry->name.c_str(), doing.request.mode);
  });
}

FileAnswer rename_file(const Doing& doing) {
  const FileRequest& request = doing.request;
  const auto from = entry_of(doing, doing.place.base, request.path);
  if (!from) return refusal(from.error().number);
  const auto to = entry_of(doing, doing.place.second_base, request.second_path);
  if (!to) return refusal(to.error().number);
  const auto effect = [&] {
    return syscall(SYS_renameat2, from->directory, from->name.c_str(), to->directory,
                   to->name.c_str(), request.flags);
  };
  Making making = making_of(*to);
  // what has the new name is no obstacle otherwise
  if ((request.flags & RENAME_NOREPLACE) == 0) making.name = nullptr;
  Copying copying = copying_of(doing, *from);
  const bool is_exchange = (request.flags & RENAME_EXCHANGE) != 0;
  copying.add(is_exchange ? copying_of(doing, *to) : copying_in(doing, *to));
  if (!is_exchange) copying.add(hiding_of(*from));
  return have_changed(doing, copying, [&] {
    return makes_something(request) ? have_made(doing, making, effect) : have_effect(doing, effect);
  });
}

FileAnswer link_file(const Doing& doing) {
  const FileRequest& request = doing.request;
  const auto to = entry_of(doing, doing.place.second_base, request.second_path);
  if (!to) return refusal(to.error().number);
  const bool is_opened = request.path.empty() && request.proc_path.empty();
  const auto have_link = [&](Copying copying, auto link) {
    copying.add(copying_in(doing, *to));
    return have_changed(doing, copying, [&] { return have_made(doing, making_of(*to), link); });
  };
  if (is_opened) {
    return have_link(copying_of(doing, doing.place.base), [&] { return link_opened(doing, *to); });
  }
  if (request.is_followed) {
    const auto from = find_file(doing);
    if (!from) return refusal(from.error().number);
    return have_link(copying_of(doing, from->fd), [&] {
      return by_path(doing, from->fd, [&](const char* path) {
        return linkat(AT_FDCWD, path, to->directory, to->name.c_str(), AT_SYMLINK_FOLLOW);
      });
    });
  }
  const auto from = entry_of(doing, doing.place.base, request.path);
  if (!from) return refusal(from.error().number);
  return have_link(copying_of(doing, *from), [&] {
    return linkat(from->directory, from->name.c_str(), to->directory, to->name.c_str(), 0);
  });
}

FileAnswer make_symlink(const Doing& doing) {
  const auto entry = entry_of(doing, doing.place.base, doing.request.path);
  if (!entry) return refusal(entry.error().number);
  return have_added(doing, making_of(*entry, doing.request.second_path.size()), [&] {
    return symlinkat(doing.request.second_path.c_str(), entry->directory, entry->name.c_str());
  });
}

FileAnswer remove_file(const Doing& doing) {
  const auto entry = entry_of(doing, doing.place.base, doing.request.path);
  if (!entry) return refusal(entry.error().number);
  Copying copying = copying_in(doing, *entry);
  copying.add(hiding_of(*entry));
  return have_changed(doing, copying, [&] {
    return have_effect(doing, [&] {
      return unlinkat(entry->directory, entry->name.c_str(),
                      static_cast<int>(doing.request.flags & AT_REMOVEDIR));
    });
  });
}

}  // namespace seccompagent
