// SPDX-License-Identifier: Apache-2.0
// Requests to helpers for mounts.
#include <optional>
#include <string>
#include <vector>

#include "helper/wire.h"
#include "helper/wire_message.h"

namespace seccompagent {
namespace {

void write_ids(MessageWriter& writer, const UserIds& ids) {
  for (const std::uint32_t id : {ids.real, ids.effective, ids.saved, ids.fs}) writer.number(id);
}

[[nodiscard]] UserIds read_ids(MessageReader& reader) {
  UserIds ids = {};
  for (std::uint32_t* id : {&ids.real, &ids.effective, &ids.saved, &ids.fs})
    *id = reader.number<std::uint32_t>();
  return ids;
}

void write_credentials(MessageWriter& writer, const Credentials& credentials) {
  write_ids(writer, credentials.uid);
  write_ids(writer, credentials.gid);
  write_groups(writer, credentials.groups);
  writer.number(credentials.effective_capabilities);
  writer.number(std::uint32_t{credentials.umask});
}

[[nodiscard]] Credentials read_credentials(MessageReader& reader) {
  Credentials credentials = {};
  credentials.uid = read_ids(reader);
  credentials.gid = read_ids(reader);
  credentials.groups = read_groups(reader);
  credentials.effective_capabilities = reader.number<std::uint64_t>();
  credentials.umask = reader.number<std::uint32_t>();
  return credentials;
}

void write_mount(MessageWriter& writer, const NewMount& mount) {
  writer.text(mount.type);
  writer.number(static_cast<std::uint32_t>(mount.options.size()));
  for (const auto& [key, value] : mount.options) {
    writer.text(key);
    writer.optional_text(value);
  }
  writer.number(mount.attributes);
}

[[nodiscard]] NewMount read_mount(MessageReader& reader) {
  // the length of a key, and whether there is a value
  constexpr std::size_t kLeastOption = 5;
  NewMount mount = {.type = reader.name(), .options = {}, .attributes = 0};
  mount.options.resize(reader.count(kLeastOption));
  for (auto& [key, value] : mount.options) {
    key = reader.name();
    value = reader.optional_name();
  }
  mount.attributes = reader.number<std::uint32_t>();
  return mount;
}

void write_cover(MessageWriter& writer, const Cover& cover) {
  writer.flag(cover.is_whole);
  writer.flag(cover.is_read_only);
  writer.flag(cover.has_processes_only);
  writer.number(std::int32_t{cover.hidepid});
  writer.optional_text(cover.hidepid_group);
  writer.number(static_cast<std::uint32_t>(cover.masks.size()));
  for (const auto& [path, is_hidden] : cover.masks) {
    writer.text(path);
    writer.flag(is_hidden);
  }
}

[[nodiscard]] Cover read_cover(MessageReader& reader) {
  constexpr std::size_t kLeastMask = 5;
  Cover cover;
  cover.is_whole = reader.flag();
  cover.is_read_only = reader.flag();
  cover.has_processes_only = reader.flag();
  cover.hidepid = reader.number<std::int32_t>();
  cover.hidepid_group = reader.optional_name();
  cover.masks.resize(reader.count(kLeastMask));
  for (auto& [path, is_hidden] : cover.masks) {
    path = reader.name();
    is_hidden = reader.flag();
  }
  return cover;
}

void write_spared(MessageWriter& writer, const Spared& spared) {
  writer.number(spared.root);
  writer.number(static_cast<std::uint32_t>(spared.hiding.size()));
  for (const int id : spared.hiding) writer.number(id);
  writer.number(static_cast<std::uint32_t>(spared.paths.size()));
  for (const std::string& path : spared.paths) writer.text(path);
  writer.number(static_cast<std::uint32_t>(spared.places.size()));
  for (const auto& [mount, below] : spared.places) {
    writer.number(mount);
    writer.text(below);
  }
}

[[nodiscard]] Spared read_spared(MessageReader& reader) {
  constexpr std::size_t kLength = sizeof(std::uint32_t);
  Spared spared = {.root = reader.number<int>()};
  spared.hiding.resize(reader.count(sizeof(int)));
  for (int& id : spared.hiding) id = reader.number<int>();
  spared.paths.resize(reader.count(kLength));
  for (std::string& path : spared.paths) path = reader.name();
  spared.places.resize(reader.count(sizeof(int) + kLength));
  for (auto& [mount, below] : spared.places) {
    mount = reader.number<int>();
    below = reader.name();
  }
  return spared;
}

void write_first(MessageWriter& writer, const FirstMounts& first) {
  writer.number(first.root);
  writer.number(static_cast<std::uint32_t>(first.ids.size()));
  for (const int id : first.ids) writer.number(id);
}

[[nodiscard]] FirstMounts read_first(MessageReader& reader) {
  FirstMounts first = {.root = reader.number<int>()};
  first.ids.resize(reader.count(sizeof(int)));
  for (int& id : first.ids) id = reader.number<int>();
  return first;
}

void write_action(MessageWriter& writer, const HelperMountRequest& request) {
  switch (request.action) {
    case MountAction::mount:
      write_mount(writer, request.mount);
      write_cover(writer, request.masks.proc);
      write_cover(writer, request.masks.sysfs);
      writer.flag(request.may_use_pidns);
      writer.flag(request.has_own_mounts);
      writer.number(request.allowance);
      return;
    case MountAction::cover:
      writer.number(request.allowance);
      return;
    case MountAction::unmount:
      writer.number(request.flags);
      writer.flag(request.spared != nullptr);
      if (request.spared) write_spared(writer, *request.spared);
      write_first(writer, request.first_mounts ? *request.first_mounts : FirstMounts());
      return;
    case MountAction::set_attributes:
      writer.number(request.flags);
      writer.number(request.set);
      writer.number(request.clear);
      writer.flag(request.has_idmap);
  }
}

void read_action(MessageReader& reader, HelperMountRequest& request) {
  switch (request.action) {
    case MountAction::mount:
      request.mount = read_mount(reader);
      request.masks.proc = read_cover(reader);
      request.masks.sysfs = read_cover(reader);
      request.may_use_pidns = reader.flag();
      request.has_own_mounts = reader.flag();
      request.allowance = reader.number<std::uint64_t>();
      return;
    case MountAction::cover:
      request.allowance = reader.number<std::uint64_t>();
      return;
    case MountAction::unmount:
      request.flags = reader.number<std::uint32_t>();
      if (reader.flag()) request.spared = std::make_shared<const Spared>(read_spared(reader));
      request.first_mounts = std::make_shared<const FirstMounts>(read_first(reader));
      return;
    case MountAction::set_attributes:
      request.flags = reader.number<std::uint32_t>();
      request.set = reader.number<std::uint64_t>();
      request.clear = reader.number<std::uint64_t>();
      request.has_idmap = reader.flag();
      return;
  }
  reader.refuse();
}

}  // namespace

std::vector<std::byte> encode(const HelperMountRequest& request) {
  MessageWriter writer(MessageKind::mount_request);
  writer.number(request.action);
  writer.number(request.id);
  writer.number(request.id_valid_request);
  write_credentials(writer, request.credentials);
  write_label(writer, request.label);
  writer.number(request.namespaces);
  writer.text(request.path);
  writer.text(request.proc_path);
  write_action(writer, request);
  return writer.take();
}

Result<HelperMountRequest> decode_mount_request(std::span<const std::byte> message) {
  MessageReader reader(message, MessageKind::mount_request);
  HelperMountRequest request;
  request.action = reader.number<MountAction>();
  request.id = reader.number<std::uint64_t>();
  request.id_valid_request = reader.number<std::uint64_t>();
  request.credentials = read_credentials(reader);
  request.label = read_label(reader);
  request.namespaces = reader.number<std::uint32_t>();
  if ((request.namespaces & ~ForeignNamespaces::kOfMounts) != 0) reader.refuse();
  request.path = reader.name();
  request.proc_path = reader.name();
  read_action(reader, request);
  if (!reader.is_complete()) return fail(EBADMSG);
  return request;
}

}  // namespace seccompagent
