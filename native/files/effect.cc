// SPDX-License-Identifier: Apache-2.0
#include "files/effect.h"

#include <fcntl.h>
#include <linux/capability.h>

#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

// Whoever may not read a file is told no sizes of its attributes, and of some not that they are
// there.
[[nodiscard]] Copying weigh_for(const Doing& doing, int file, bool has_content) {
  // it is left to others then
  if (doing.held == HeldIds::of_file_systems) return {.is_possible = true};
  const LentCapability lent(1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_SYS_ADMIN);
  return {.bytes = weigh_copy({.file = file,
                               .has_content = has_content,
                               .processes = doing.place.processes,
                               .above_root = doing.place.above_root}),
          .is_possible = true};
}

}  // namespace

Copying copying_of(const Doing& doing, int file, bool has_content) {
  return is_copied_into_memory(file) ? weigh_for(doing, file, has_content) : Copying{};
}

Copying copying_in(const Doing& doing, int directory, const struct statfs* system) {
  return is_copied_into_memory(directory, system) ? weigh_for(doing, directory, false) : Copying{};
}

Copying copying_in(const Doing& doing, const Entry& entry) {
  return copying_in(doing, entry.directory, system_of(entry));
}

Copying copying_of(const Doing& doing, const Entry& entry) {
  if (!copies_into_memory(entry.directory, system_of(entry))) return {};
  const UniqueFd file(openat(entry.directory, entry.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  Copying copying = file.is_open() ? copying_of(doing, file.get()) : copying_in(doing, entry);
  // what is not there yet may be then
  copying.is_possible = true;
  return copying;
}

Making making_of(const Entry& entry, std::size_t text) {
  return {
      .at = entry.directory, .name = entry.name.c_str(), .bytes = text, .system = system_of(entry)};
}

Copying hiding_of(const Entry& entry) {
  constexpr std::uint64_t kHidden = 3072;
  const bool is_made =
      copies_into_memory(entry.directory, system_of(entry)) && is_there(making_of(entry));
  return {.bytes = is_made ? kHidden : 0};
}

}  // namespace seccompagent
