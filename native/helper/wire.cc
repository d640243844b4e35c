// SPDX-License-Identifier: Apache-2.0
// Numbers as they lie in memory: both ends run on one machine. Texts after their length.
#include "helper/wire.h"

#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

namespace seccompagent {
namespace {

constexpr std::int32_t kLastErrno = 4095;

enum class Kind : std::uint32_t { start = 1, request = 2, answer = 3, mount_request = 4 };

class MessageWriter {
 public:
  explicit MessageWriter(Kind kind) {
    number(kWireVersion);
    number(kind);
  }
  template <typename T>
  void number(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
  }
  void text(const std::string& text) {
    number(static_cast<std::uint32_t>(text.size()));
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    bytes_.insert(bytes_.end(), bytes, bytes + text.size());
  }
  void flag(bool value) { number(static_cast<std::uint8_t>(value)); }
  void optional_text(const std::optional<std::string>& value) {
    flag(value.has_value());
    if (value) text(*value);
  }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// After the first thing that is not there everything reads as empty.
class MessageReader {
 public:
  MessageReader(std::span<const std::byte> bytes, Kind kind) : rest_(bytes) {
    if (number<std::uint32_t>() != kWireVersion || number<Kind>() != kind) is_ok_ = false;
  }
  template <typename T>
  [[nodiscard]] T number() {
    static_assert(std::is_trivially_copyable_v<T>);
    T value = {};
    if (rest_.size() < sizeof value) {
      is_ok_ = false;
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_ = rest_.subspan(sizeof value);
    return value;
  }
  // Not `number<bool>`: other bytes than 0 and 1 are no bool.
  [[nodiscard]] bool flag() {
    const auto value = number<std::uint8_t>();
    if (value > 1) is_ok_ = false;
    return value == 1;
  }
  [[nodiscard]] std::string text() {
    const auto length = number<std::uint32_t>();
    if (length > rest_.size()) {
      is_ok_ = false;
      return {};
    }
    std::string text(reinterpret_cast<const char*>(rest_.data()), length);
    rest_ = rest_.subspan(length);
    return text;
  }
  // A path or a name: what the kernel would take for shorter than it is.
  [[nodiscard]] std::string name() {
    std::string name = text();
    if (name.find('\0') != std::string::npos) is_ok_ = false;
    return name;
  }
  [[nodiscard]] std::optional<std::string> optional_name() {
    if (!flag()) return std::nullopt;
    return name();
  }
  // How many things follow, of at least so many bytes each.
  [[nodiscard]] std::uint32_t count(std::size_t size) {
    const auto many = number<std::uint32_t>();
    if (many <= rest_.size() / size) return many;
    is_ok_ = false;
    return 0;
  }
  void refuse() { is_ok_ = false; }
  // Everything was there, and nothing more.
  [[nodiscard]] bool is_complete() const { return is_ok_ && rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
  bool is_ok_ = true;
};

void write_ids(MessageWriter& writer, const UserIds& ids) {
  for (const std::uint32_t id : {ids.real, ids.effective, ids.saved, ids.fs}) writer.number(id);
}

[[nodiscard]] UserIds read_ids(MessageReader& reader) {
  UserIds ids = {};
  for (std::uint32_t* id : {&ids.real, &ids.effective, &ids.saved, &ids.fs})
    *id = reader.number<std::uint32_t>();
  return ids;
}

void write_groups(MessageWriter& writer, const std::vector<gid_t>& groups) {
  writer.number(static_cast<std::uint32_t>(groups.size()));
  for (const gid_t group : groups) writer.number(std::uint32_t{group});
}

[[nodiscard]] std::vector<gid_t> read_groups(MessageReader& reader) {
  std::vector<gid_t> groups(reader.count(sizeof(gid_t)));
  for (gid_t& group : groups) group = reader.number<std::uint32_t>();
  return groups;
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

void write_label(MessageWriter& writer, const Label& label) {
  writer.number(label.module);
  writer.text(label.text);
}

[[nodiscard]] Label read_label(MessageReader& reader) {
  const auto module = reader.number<std::uint32_t>();
  Label label = {.module = LabelModule::none, .text = reader.name()};
  if (module > kLastLabelModule || label.text.size() > kMostLabel ||
      (module == 0 && !label.text.empty())) {
    reader.refuse();
    return {};
  }
  label.module = static_cast<LabelModule>(module);
  return label;
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
      writer.flag(request.spared.has_value());
      if (request.spared) write_spared(writer, *request.spared);
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
      if (reader.flag()) request.spared = read_spared(reader);
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

std::vector<std::byte> encode(const HelperStart& start) {
  MessageWriter writer(Kind::start);
  writer.number(start.role);
  if (start.role == HelperRole::mounts) return writer.take();
  for (const std::uint32_t id : start.uids) writer.number(id);
  for (const std::uint32_t id : start.gids) writer.number(id);
  write_groups(writer, start.groups);
  writer.number(start.namespaces);
  write_label(writer, start.label);
  return writer.take();
}

Result<HelperStart> decode_start(std::span<const std::byte> message) {
  MessageReader reader(message, Kind::start);
  HelperStart start = {};
  start.role = reader.number<HelperRole>();
  if (start.role == HelperRole::files) {
    for (std::uint32_t& id : start.uids) id = reader.number<std::uint32_t>();
    for (std::uint32_t& id : start.gids) id = reader.number<std::uint32_t>();
    start.groups = read_groups(reader);
    start.namespaces = reader.number<std::uint32_t>();
    start.label = read_label(reader);
    if ((start.namespaces & ~ForeignNamespaces::kOfFiles) != 0) reader.refuse();
  } else if (start.role != HelperRole::mounts) {
    reader.refuse();
  }
  if (!reader.is_complete()) return fail(EBADMSG);
  return start;
}

std::vector<std::byte> encode(const HelperRequest& request) {
  const FileRequest& file = request.file;
  MessageWriter writer(Kind::request);
  writer.number(request.id);
  writer.number(request.id_valid_request);
  writer.number(request.capabilities);
  writer.number(request.umask);
  writer.number(file.operation);
  writer.text(file.path);
  writer.text(file.second_path);
  writer.text(file.name);
  writer.text(file.data);
  writer.number(file.flags);
  writer.number(file.mode);
  writer.number(file.first);
  writer.number(file.second);
  writer.flag(file.protects_links);
  writer.flag(file.is_followed);
  writer.number(file.room);
  writer.number(file.resolve);
  writer.flag(file.is_given);
  writer.number(file.lent);
  writer.number(file.owner);
  writer.number(static_cast<std::uint32_t>(file.within.size()));
  for (const std::string& folder : file.within) writer.text(folder);
  writer.text(file.proc_path);
  writer.text(file.second_proc_path);
  writer.number(file.entry_error);
  writer.number(file.second_entry_error);
  writer.number(request.allowance);
  writer.number(request.copy_room);
  writer.flag(request.is_full);
  return writer.take();
}

Result<HelperRequest> decode_request(std::span<const std::byte> message) {
  MessageReader reader(message, Kind::request);
  HelperRequest request = {};
  FileRequest& file = request.file;
  request.id = reader.number<std::uint64_t>();
  request.id_valid_request = reader.number<std::uint64_t>();
  request.capabilities = reader.number<std::uint64_t>();
  request.umask = reader.number<std::uint32_t>();
  const auto operation = reader.number<std::uint32_t>();
  if (operation == 0 || operation > kLastFileOperation) return fail(EBADMSG);
  file.operation = static_cast<FileOperation>(operation);
  file.path = reader.name();
  file.second_path = reader.name();
  file.name = reader.name();
  file.data = reader.text();
  file.flags = reader.number<std::uint32_t>();
  file.mode = reader.number<std::uint32_t>();
  file.first = reader.number<std::uint32_t>();
  file.second = reader.number<std::uint32_t>();
  file.protects_links = reader.flag();
  file.is_followed = reader.flag();
  file.room = reader.number<std::uint32_t>();
  file.resolve = reader.number<std::uint64_t>();
  file.is_given = reader.flag();
  file.lent = reader.number<std::uint64_t>();
  file.owner = reader.number<std::uint32_t>();
  // the length of each
  file.within.resize(reader.count(sizeof(std::uint32_t)));
  for (std::string& folder : file.within) folder = reader.name();
  file.proc_path = reader.name();
  file.second_proc_path = reader.name();
  file.entry_error = reader.number<std::int32_t>();
  file.second_entry_error = reader.number<std::int32_t>();
  request.allowance = reader.number<std::uint64_t>();
  request.copy_room = reader.number<std::uint64_t>();
  request.is_full = reader.flag();
  if (!reader.is_complete()) return fail(EBADMSG);
  return request;
}

std::vector<std::byte> encode(const HelperMountRequest& request) {
  MessageWriter writer(Kind::mount_request);
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
  MessageReader reader(message, Kind::mount_request);
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

std::vector<std::byte> encode(const HelperAnswer& answer) {
  MessageWriter writer(Kind::answer);
  writer.number(answer.error);
  writer.flag(answer.is_gone);
  writer.text(answer.failed_step);
  writer.text(answer.bytes);
  writer.number(answer.held);
  writer.number(answer.given);
  writer.flag(answer.is_closed_at_once);
  writer.number(answer.label_refusal);
  for (const std::uint64_t number :
       {answer.made.place, answer.made.amount, answer.made.existing, answer.made.largest})
    writer.number(number);
  writer.flag(answer.made.is_over);
  writer.number(answer.copied);
  return writer.take();
}

Result<HelperAnswer> decode_answer(std::span<const std::byte> message) {
  MessageReader reader(message, Kind::answer);
  HelperAnswer answer;
  answer.error = reader.number<std::int32_t>();
  answer.is_gone = reader.flag();
  answer.failed_step = reader.name();
  answer.bytes = reader.text();
  answer.held = reader.number<std::int32_t>();
  answer.given = reader.number<std::int32_t>();
  answer.is_closed_at_once = reader.flag();
  answer.label_refusal = reader.number<std::int32_t>();
  Made& made = answer.made;
  for (std::uint64_t* number : {&made.place, &made.amount, &made.existing, &made.largest})
    *number = reader.number<std::uint64_t>();
  made.is_over = reader.flag();
  answer.copied = reader.number<std::uint64_t>();
  for (const std::int32_t error : {answer.error, answer.label_refusal}) {
    if (error < 0 || error > kLastErrno) reader.refuse();
  }
  if (!reader.is_complete()) return fail(EBADMSG);
  return answer;
}

}  // namespace seccompagent
