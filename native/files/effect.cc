// SPDX-License-Identifier: Apache-2.0
#include "files/effect.h"

#include <fcntl.h>
#include <linux/capability.h>

#include "kernel/unique_fd.h"

namespace seccompagent {
namespace {

// Whoever may not read a file is told no sizes of its attributes, and of some not that they are
// there.
[[nodiscard]] CopyCost weigh_for(const FileTask& task, int file, bool has_content) {
  // it is left to others then
  if (task.held == HeldIds::of_file_systems) return {.is_possible = true};
  const LentCapability lent(1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_SYS_ADMIN);
  return {.bytes = weigh_copy({.file = file,
                               .has_content = has_content,
                               .processes = task.place.processes,
                               .above_root = task.place.above_root}),
          .is_possible = true};
}

}  // namespace

CopyCost copy_cost_of(const FileTask& task, int file, bool has_content) {
  return is_copied_into_memory(file) ? weigh_for(task, file, has_content) : CopyCost{};
}

CopyCost copy_cost_in(const FileTask& task, int directory, const struct statfs* system) {
  return is_copied_into_memory(directory, system) ? weigh_for(task, directory, false) : CopyCost{};
}

CopyCost copy_cost_in(const FileTask& task, const Entry& entry) {
  return copy_cost_in(task, entry.directory, system_of(entry));
}

CopyCost copy_cost_of(const FileTask& task, const Entry& entry) {
  if (!copies_into_memory(entry.directory, system_of(entry))) return {};
  const UniqueFd file(openat(entry.directory, entry.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  CopyCost cost = file.is_open() ? copy_cost_of(task, file.get()) : copy_cost_in(task, entry);
  // what is not there yet may be then
  cost.is_possible = true;
  return cost;
}

Creation creation_of(const Entry& entry, std::size_t text) {
  return {
      .at = entry.directory, .name = entry.name.c_str(), .bytes = text, .system = system_of(entry)};
}

CopyCost whiteout_cost_of(const Entry& entry) {
  constexpr std::uint64_t kHidden = 3072;
  const bool is_made =
      copies_into_memory(entry.directory, system_of(entry)) && is_there(creation_of(entry));
  return {.bytes = is_made ? kHidden : 0};
}

}  // namespace seccompagent
