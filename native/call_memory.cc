// SPDX-License-Identifier: Apache-2.0
// Reads pointers by the kinds of their arguments.
#include "call_memory.h"

#include <algorithm>

namespace seccompagent {
namespace {

void mix(std::uint64_t& hash, std::uint64_t value) {
  // FNV-1a: whoever finds two calls with one hash deceives nobody but itself
  constexpr std::uint64_t kPrime = 0x100000001b3;
  hash = (hash ^ value) * kPrime;
}

}  // namespace

bool read_call_memory(const CallReading& reading, const Notification& notification,
                      Pointers& pointers, std::span<std::byte> data) {
  const auto& [table, listener, reader] = reading;
  pointers.fill({.length = kNotRead, .offset = 0});
  const SyscallNumber syscall = syscall_number(notification.arch, notification.nr);
  if (!is_in_table(syscall)) return false;
  const std::size_t index = table_index(syscall);
  if (listener.reads[index] == 0) return false;

  std::size_t used = 0;
  for (std::size_t argument = 0; argument < kArguments; ++argument) {
    const ReadKind kind = table[index * kArguments + argument];
    if (kind == ReadKind::nothing) continue;
    auto& pointer = pointers[argument];
    std::uint64_t address = notification.arguments[argument];
    if (syscall.arch == Arch::i386) address &= 0xffffffff;
    if (address == 0) {
      pointer.length = kNull;
      continue;
    }
    const auto room = data.subspan(used, std::min(kPathMax, data.size() - used));
    Result<std::size_t> length = fail(EFAULT);
    switch (kind) {
      case ReadKind::path:
        length = read_string(notification.tid, address, room, Errno{ENAMETOOLONG}, reader);
        break;
      case ReadKind::source:
        length = read_string(notification.tid, address, room, Errno{EINVAL}, reader);
        break;
      case ReadKind::mount_data:
        length = read_mount_data(notification.tid, address, room, reader);
        break;
      case ReadKind::nothing:
        break;
    }
    pointer.offset = static_cast<std::uint32_t>(sizeof(Inbox) + used);
    pointer.length = length ? static_cast<std::int32_t>(*length) : -length.error().number;
    if (length) used += *length;
  }
  return true;
}

std::uint64_t hash_of(const Pointers& pointers, std::span<const std::byte> data) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const Inbox::Pointer& pointer : pointers) {
    mix(hash, static_cast<std::uint32_t>(pointer.length));
    if (pointer.length <= 0) continue;
    const auto bytes =
        data.subspan(pointer.offset - sizeof(Inbox), static_cast<std::size_t>(pointer.length));
    for (const std::byte byte : bytes) mix(hash, std::to_integer<std::uint64_t>(byte));
  }
  return hash;
}

}  // namespace seccompagent
