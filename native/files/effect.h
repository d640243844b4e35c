// SPDX-License-Identifier: Apache-2.0
// Effects of operations: only while the notification is there, and within the container's limits of
// memory, for what is made and for what an overlay copies.
#pragma once

#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "files/file_size_limit.h"
#include "files/file_task.h"
#include "files/lookup.h"
#include "files/memory_file_system.h"
#include "files/overlay.h"
#include "files/overlay_copy.h"
#include "files/thread_role.h"

namespace seccompagent {

// Performs the effect, unless the notification went away; afterwards the kernel's answer.
template <typename Effect>
[[nodiscard]] FileAnswer perform(const FileTask& task, Effect effect) {
  if (task.validity.is_gone()) return gone();
  const LentCapability lent(task.request.lent);
  return failure(effect() == -1 ? errno : 0);
}

// Performs an effect that makes something in a directory or a file, within the place's allowance.
// Beyond it nothing is tried, also where the name is taken: it may be free by then.
template <typename Effect>
[[nodiscard]] FileAnswer perform_creation(const FileTask& task, const Creation& creation,
                                          Effect effect) {
  Made made = weigh(creation);
  if (made.amount > task.place.allowance || task.place.is_full) {
    if (is_there(creation)) return failure(EEXIST);
    made.is_over = true;
    FileAnswer over = failure(ENOSPC);
    over.made = made;
    return over;
  }
  FileAnswer done = perform(task, effect);
  if (done.error == 0 && !done.is_gone) done.made = made;
  return done;
}

// How much an overlay may copy into memory before a change.
struct CopyCost {
  std::uint64_t bytes = 0;
  // The overlay may copy more than that: a name may stand for another file by then.
  bool is_possible = false;

  void add(const CopyCost& other) {
    bytes += other.bytes;
    is_possible |= other.is_possible;
  }
};

[[nodiscard]] CopyCost copy_cost_of(const FileTask& task, int file, bool has_content = true);

// Of a change in a directory.
[[nodiscard]] CopyCost copy_cost_in(const FileTask& task, int directory,
                                    const struct statfs* system);
[[nodiscard]] CopyCost copy_cost_in(const FileTask& task, const Entry& entry);

// Of a change of the entry's file, with its directory, which is copied as well.
[[nodiscard]] CopyCost copy_cost_of(const FileTask& task, const Entry& entry);

// `text`: of a symbolic link, the length of its text.
[[nodiscard]] Creation creation_of(const Entry& entry, std::size_t text = 0);

// Of the whiteout that an overlay makes in memory where a name of a lower layer is removed.
[[nodiscard]] CopyCost whiteout_cost_of(const Entry& entry);

// Performs a change that an overlay may have to copy files for: the kernel keeps the limit,
// whichever file a name stands for by then.
template <typename Change>
[[nodiscard]] FileAnswer perform_change(const FileTask& task, const CopyCost& cost, Change change) {
  if (cost.bytes == 0 && !cost.is_possible) return change();
  if (task.held == HeldIds::of_file_systems) return failure(ENOTSUP);
  FileAnswer done = failure(ENOSPC);
  if (cost.bytes <= task.place.copy_room) {
    const FileSizeLimit limit(task.place.copy_room);
    done = limit.is_set() ? change() : failure(errno);
    if (done.error == EFBIG) done.error = ENOSPC;
  }
  done.copied = cost.bytes;
  return done;
}

// Makes something in a directory, which an overlay may have to copy.
template <typename Effect>
[[nodiscard]] FileAnswer create_in_directory(const FileTask& task, Creation creation,
                                             Effect effect) {
  struct statfs asked = {};
  if (creation.system == nullptr && fstatfs(creation.at, &asked) == 0) creation.system = &asked;
  const CopyCost cost = copy_cost_in(task, creation.at, creation.system);
  if (cost.bytes > task.place.copy_room && is_there(creation)) return failure(EEXIST);
  return perform_change(task, cost, [&] { return perform_creation(task, creation, effect); });
}

// The kernel's own, see xattr(7).
inline constexpr std::size_t kMaxXattr = 65536;

// Reads as many bytes as the request has room for; room 0 asks for the size alone.
template <typename Get>
[[nodiscard]] FileAnswer read_bytes(const FileTask& task, Get get) {
  std::string bytes(std::min<std::size_t>(task.request.room, kMaxXattr), '\0');
  const LentCapability lent(task.request.lent);
  const long got = get(bytes.data(), bytes.size());
  if (got == -1) return failure(errno);
  FileAnswer answer;
  if (!bytes.empty()) bytes.resize(static_cast<std::size_t>(got));
  answer.bytes = std::move(bytes);
  return answer;
}

}  // namespace seccompagent
