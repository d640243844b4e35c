// SPDX-License-Identifier: Apache-2.0
#include "helper/wire_message.h"

namespace seccompagent {

void write_groups(MessageWriter& writer, const std::vector<gid_t>& groups) {
  writer.number(static_cast<std::uint32_t>(groups.size()));
  for (const gid_t group : groups) writer.number(std::uint32_t{group});
}

std::vector<gid_t> read_groups(MessageReader& reader) {
  std::vector<gid_t> groups(reader.count(sizeof(gid_t)));
  for (gid_t& group : groups) group = reader.number<std::uint32_t>();
  return groups;
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
