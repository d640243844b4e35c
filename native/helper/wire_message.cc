// SPDX-License-Identifier: Apache-2.0
#include "helper/wire_message.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace seccompagent {
namespace {

void write_numbers(MessageWriter& writer, const std::vector<pid_t>& numbers) {
  writer.number(static_cast<std::uint32_t>(numbers.size()));
  for (const pid_t number : numbers) writer.number(std::int32_t{number});
}

[[nodiscard]] std::vector<pid_t> read_numbers(MessageReader& reader) {
  std::vector<pid_t> numbers(reader.count(sizeof(std::int32_t)));
  for (pid_t& number : numbers) number = reader.number<std::int32_t>();
  return numbers;
}

[[nodiscard]] bool is_own_link(std::string_view name) {
  constexpr std::array<std::string_view, 3> kPlaces = {"cwd", "root", "exe"};
  constexpr std::string_view kDescriptor = "fd/";
  constexpr std::string_view kNamespace = "ns/";
  if (std::ranges::find(kPlaces, name) != kPlaces.end()) return true;
  if (name.starts_with(kNamespace)) return is_name_of_namespace(name.substr(kNamespace.size()));
  if (!name.starts_with(kDescriptor)) return false;
  const std::string_view number = name.substr(kDescriptor.size());
  return !number.empty() && number.size() <= OwnLink::kMaxDigits &&
         number.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

void write_groups(MessageWriter& writer, const std::vector<gid_t>& groups) {
  writer.number(static_cast<std::uint32_t>(groups.size()));
  for (const gid_t group : groups) writer.number(std::uint32_t{group});
}

std::vector<gid_t> read_groups(MessageReader& reader) {
  std::vector<gid_t> groups(reader.count(sizeof(gid_t)));
  for (gid_t& group : groups) group = reader.number<std::uint32_t>();
  return groups;
}

void write_own_link(MessageWriter& writer, const OwnLink& link) {
  writer.text(link.name);
  writer.flag(link.is_of_thread);
}

OwnLink read_own_link(MessageReader& reader) {
  OwnLink link;
  link.name = reader.name();
  link.is_of_thread = reader.flag();
  // the agent opens it as root
  if (!is_own_link(link.name)) reader.refuse();
  return link;
}

void write_own_file(MessageWriter& writer, const OwnFile& file) {
  write_own_link(writer, file.link);
  writer.number(std::int32_t{file.error});
}

OwnFile read_own_file(MessageReader& reader) {
  OwnFile file;
  file.link = read_own_link(reader);
  file.error = reader.number<std::int32_t>();
  return file;
}

void write_process(MessageWriter& writer, const CallersProcess& process) {
  write_numbers(writer, process.process);
  write_numbers(writer, process.thread);
}

CallersProcess read_process(MessageReader& reader) {
  CallersProcess process;
  process.process = read_numbers(reader);
  process.thread = read_numbers(reader);
  // of each at least the length of its name
  return process;
}

void write_label(MessageWriter& writer, const Label& label) {
  writer.number(label.module);
  writer.text(label.text);
}

Label read_label(MessageReader& reader) {
  const auto module = reader.number<std::uint32_t>();
  Label label = {.module = LabelModule::none, .text = reader.name()};
  if (module > kLastLabelModule || label.text.size() > kMaxLabel ||
      (module == 0 && !label.text.empty())) {
    reader.refuse();
    return {};
  }
  label.module = static_cast<LabelModule>(module);
  return label;
}

}  // namespace seccompagent
