// SPDX-License-Identifier: Apache-2.0
#include "helper/spared.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "helper/mountinfo.h"

namespace seccompagent {
namespace {

// Without the slashes at its end, so that the root is empty.
[[nodiscard]] std::string_view trimmed(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

[[nodiscard]] bool concerns(std::string_view place, std::string_view path) {
  const std::string_view here = trimmed(place);
  const std::string_view there = trimmed(path);
  return is_at_or_below(here, there) || is_at_or_below(there, here);
}

// By the current name of the place. One whose mount is gone is nowhere.
[[nodiscard]] bool concerns(std::string_view place, const HeldPlace& held, const Mounts& mounts) {
  const auto mount = mounts.find(held.mount);
  if (mount == mounts.end()) return false;
  std::string path(trimmed(mount->second.point));
  if (!held.below.empty()) path += '/' + held.below;
  return concerns(place, path);
}

[[nodiscard]] bool stays(const MountLine& mount, const Mounts& mounts, const Spared& spared) {
  if (spared.paths.empty()) return false;
  const std::string& point = mount.point;
  return !mounts.contains(spared.root) ||
         std::ranges::any_of(spared.paths,
                             [&](const std::string& path) { return concerns(point, path); }) ||
         std::ranges::any_of(spared.places,
                             [&](const HeldPlace& held) { return concerns(point, held, mounts); });
}

// The place of a mount point on the file system that it is on: its device, and the path there.
using PlaceOnDevice = std::pair<std::string_view, std::string>;

// Nothing: its parent is not listed, or was renamed meanwhile.
[[nodiscard]] std::optional<PlaceOnDevice> place_of(const MountLine& mount, const Mounts& mounts) {
  const auto parent = mounts.find(mount.parent);
  if (parent == mounts.end()) return std::nullopt;
  const std::string_view top = trimmed(parent->second.point);
  if (!is_at_or_below(mount.point, top)) return std::nullopt;
  return PlaceOnDevice{parent->second.device,
                       std::string(trimmed(parent->second.root)) + mount.point.substr(top.size())};
}

// Whether what stays goes along, see mount_namespaces(7): what is mounted at the same place of the
// parent's peers, and of those that follow them.
[[nodiscard]] bool takes_along(const MountLine& mount, const Mounts& mounts, const Spared& spared) {
  std::set<PlaceOnDevice> kept;
  for (const auto& [id, other] : mounts) {
    if (!stays(other, mounts, spared)) continue;
    if (auto place = place_of(other, mounts)) kept.insert(std::move(*place));
  }
  const auto meets_one = [&](const MountLine& going) {
    const auto parent = mounts.find(going.parent);
    if (parent == mounts.end() || !parent->second.is_shared) return false;
    const auto place = place_of(going, mounts);
    return !place || kept.contains(*place);
  };
  return meets_one(mount) ||
         std::ranges::any_of(find_below(mounts, mount),
                             [&](const MountLine* below) { return meets_one(*below); });
}

// The file system that a mount is mounted on; empty: that is not listed.
[[nodiscard]] std::string_view device_below(const MountLine& mount, const Mounts& mounts) {
  const auto parent = mounts.find(mount.parent);
  return parent == mounts.end() ? std::string_view() : parent->second.device;
}

}  // namespace

Result<bool> is_spared(std::string_view mountinfo, int id, const Spared& spared) {
  const auto mounts = parse_mounts(mountinfo);
  if (!mounts) return std::unexpected(mounts.error());
  const auto found = mounts->find(id);
  // what is in no list may be anything
  if (found == mounts->end() || stays(found->second, *mounts, spared)) return true;
  return takes_along(found->second, *mounts, spared);
}

Result<bool> is_taken_from_others(std::string_view mountinfo, int id, bool reaches_below) {
  const auto mounts = parse_mounts(mountinfo);
  if (!mounts) return std::unexpected(mounts.error());
  const auto found = mounts->find(id);
  if (found == mounts->end()) return true;
  const auto is_on_shared = [&](const MountLine& mount) {
    const auto parent = mounts->find(mount.parent);
    return parent == mounts->end() || parent->second.is_shared;
  };
  if (is_on_shared(found->second)) return true;
  return reaches_below &&
         std::ranges::any_of(find_below(*mounts, found->second),
                             [&](const MountLine* below) { return is_on_shared(*below); });
}

Result<bool> is_of_first(std::string_view mountinfo, int id, bool reaches_below,
                         const FirstMounts& first) {
  const auto mounts = parse_mounts(mountinfo);
  if (!mounts) return std::unexpected(mounts.error());
  const auto found = mounts->find(id);
  if (found == mounts->end() || !mounts->contains(first.root)) return true;
  const auto was_there = [&](const MountLine& mount) {
    return std::ranges::binary_search(first.ids, mount.id);
  };
  if (was_there(found->second)) return true;
  return reaches_below &&
         std::ranges::any_of(find_below(*mounts, found->second),
                             [&](const MountLine* below) { return was_there(*below); });
}

Result<bool> may_change_places(std::string_view mountinfo, int id, const Spared& spared) {
  const auto mounts = parse_mounts(mountinfo);
  if (!mounts) return std::unexpected(mounts.error());
  const auto found = mounts->find(id);
  if (found == mounts->end()) return true;
  const std::string_view device = device_below(found->second, *mounts);
  const auto root = mounts->find(spared.root);
  // nobody else has the container's own files, and who is in it has its mounts
  if (root != mounts->end() && root->second.device == device) return false;
  return std::ranges::any_of(*mounts, [&](const auto& entry) {
    const MountLine& other = entry.second;
    if (other.id == id || device_below(other, *mounts) != device) return false;
    return is_hiding(other) || stays(other, *mounts, spared);
  });
}

Result<OwnMount> find_own(std::string_view mountinfo, int id, const Spared& spared) {
  const auto mounts = parse_mounts(mountinfo);
  if (!mounts) return std::unexpected(mounts.error());
  const auto found = mounts->find(id);
  if (found == mounts->end() || !mounts->contains(spared.root)) return OwnMount{};
  const MountLine& mount = found->second;
  const auto parent = mounts->find(mount.parent);
  if (!is_hiding(mount) || std::ranges::find(spared.hiding, id) != spared.hiding.end() ||
      parent == mounts->end() || lies_on_hiding(*mounts, parent->second)) {
    return OwnMount{};
  }
  OwnMount own = {.is_own = true};
  for (const MountLine* below : find_below(*mounts, mount)) {
    // what was renamed while this was read is no text to rely on
    if (!below->point.starts_with(mount.point + '/')) return OwnMount{};
    own.below.push_back({below->id, below->point.substr(mount.point.size() + 1)});
  }
  return own;
}

}  // namespace seccompagent
