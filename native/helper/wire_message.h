// SPDX-License-Identifier: Apache-2.0
// Messages between agent and helper: numbers as they lie in memory, since both ends run on one
// machine, and texts after their length.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "caller/label.h"
#include "helper/wire.h"

namespace seccompagent {

enum class MessageKind : std::uint32_t {
  start = 1,
  request = 2,
  answer = 3,
  mount_request = 4,
  own_file = 5
};

class MessageWriter {
 public:
  explicit MessageWriter(MessageKind kind) {
    constexpr std::size_t kUsual = 512;
    bytes_.reserve(kUsual);
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
  MessageReader(std::span<const std::byte> bytes, MessageKind kind) : rest_(bytes) {
    if (number<std::uint32_t>() != kWireVersion || number<MessageKind>() != kind) is_ok_ = false;
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
  // Number of things that follow, of at least so many bytes each.
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

void write_groups(MessageWriter& writer, const std::vector<gid_t>& groups);
[[nodiscard]] std::vector<gid_t> read_groups(MessageReader& reader);

void write_own_link(MessageWriter& writer, const OwnLink& link);
[[nodiscard]] OwnLink read_own_link(MessageReader& reader);

// The descriptors of files are sent beside the message.
void write_own_file(MessageWriter& writer, const OwnFile& file);
[[nodiscard]] OwnFile read_own_file(MessageReader& reader);
void write_process(MessageWriter& writer, const CallersProcess& process);
[[nodiscard]] CallersProcess read_process(MessageReader& reader);

void write_label(MessageWriter& writer, const Label& label);
[[nodiscard]] Label read_label(MessageReader& reader);

}  // namespace seccompagent
