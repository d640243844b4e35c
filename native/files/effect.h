// SPDX-License-Identifier: Apache-2.0
// Effects of operations: only while the notification is there.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>

#include "files/file_task.h"
#include "files/lent_capability.h"

namespace seccompagent {

// Performs the effect, unless the notification went away; afterwards the kernel's answer.
template <typename Effect>
[[nodiscard]] FileAnswer perform(const FileTask& task, Effect effect) {
  if (task.validity.is_gone()) return gone();
  const LentCapability lent(task.request.lent);
  return failure(effect() == -1 ? errno : 0);
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
