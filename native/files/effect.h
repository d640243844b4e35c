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

#include "files/file_task.h"
#include "files/lookup.h"
#include "files/memory_file_system.h"
#include "files/thread_role.h"

namespace seccompagent {

// Right before the effect; afterwards what the kernel says of it.
template <typename Effect>
[[nodiscard]] FileAnswer have_effect(const Doing& doing, Effect effect) {
  if (doing.validity.is_gone()) return gone();
  const LentCapability lent(doing.request.lent);
  return refusal(effect() == -1 ? errno : 0);
}

// The same of what makes something in a directory, or in a file. What is more than the caller may
// have is not even tried where the name is taken: it may be free by then.
template <typename Effect>
[[nodiscard]] FileAnswer have_made(const Doing& doing, const Making& making, Effect effect) {
  Made made = weigh(making);
  if (made.amount > doing.place.allowance || doing.place.is_full) {
    if (is_there(making)) return refusal(EEXIST);
    made.is_over = true;
    FileAnswer over = refusal(ENOSPC);
    over.made = made;
    return over;
  }
  FileAnswer done = have_effect(doing, effect);
  if (done.error == 0 && !done.is_gone) done.made = made;
  return done;
}

// What an overlay may copy before something is changed.
struct Copying {
  std::uint64_t bytes = 0;
  // Also something that nobody has weighed, as where a name may stand for something else by then.
  bool is_possible = false;

  void add(const Copying& other) {
    bytes += other.bytes;
    is_possible |= other.is_possible;
  }
};

[[nodiscard]] Copying copying_of(const Doing& doing, int file, bool has_content = true);

// Of a directory in which something changes.
[[nodiscard]] Copying copying_in(const Doing& doing, int directory, const struct statfs* system);
[[nodiscard]] Copying copying_in(const Doing& doing, const Entry& entry);

// With the directory, which is copied as well.
[[nodiscard]] Copying copying_of(const Doing& doing, const Entry& entry);

// A name in a directory, and what it stands for; of a symbolic link, the length of its text.
[[nodiscard]] Making making_of(const Entry& entry, std::size_t text = 0);

// What an overlay makes in memory where a name of a lower layer goes.
[[nodiscard]] Copying hiding_of(const Entry& entry);

// The same of what changes files: whoever does it has the kernel keep the limit.
template <typename Change>
[[nodiscard]] FileAnswer have_changed(const Doing& doing, const Copying& copying, Change change) {
  if (copying.bytes == 0 && !copying.is_possible) return change();
  if (doing.held == HeldIds::of_file_systems) return refusal(ENOTSUP);
  FileAnswer done = refusal(ENOSPC);
  if (copying.bytes <= doing.place.copy_room) {
    const CopyLimit limit(doing.place.copy_room);
    done = change();
    if (done.error == EFBIG) done.error = ENOSPC;
  }
  done.copied = copying.bytes;
  return done;
}

// The same of what makes something in a directory, which an overlay may have to copy.
template <typename Effect>
[[nodiscard]] FileAnswer have_added(const Doing& doing, Making making, Effect effect) {
  struct statfs asked = {};
  if (making.system == nullptr && fstatfs(making.at, &asked) == 0) making.system = &asked;
  const Copying copying = copying_in(doing, making.at, making.system);
  if (copying.bytes > doing.place.copy_room && is_there(making)) return refusal(EEXIST);
  return have_changed(doing, copying, [&] { return have_made(doing, making, effect); });
}

// The kernel's own, see xattr(7).
inline constexpr std::size_t kMostXattr = 65536;

// What the kernel gives into a buffer of at most so many bytes; 0 asks for the size alone.
template <typename Get>
[[nodiscard]] FileAnswer have_bytes(const Doing& doing, Get get) {
  std::string bytes(std::min<std::size_t>(doing.request.room, kMostXattr), '\0');
  const LentCapability lent(doing.request.lent);
  const long got = get(bytes.data(), bytes.size());
  if (got == -1) return refusal(errno);
  FileAnswer answer;
  if (!bytes.empty()) bytes.resize(static_cast<std::size_t>(got));
  answer.bytes = std::move(bytes);
  return answer;
}

}  // namespace seccompagent
