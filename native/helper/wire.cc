// SPDX-License-Identifier: Apache-2.0
#include "helper/wire.h"

#include "helper/wire_message.h"

namespace seccompagent {
namespace {

constexpr std::int32_t kLastErrno = 4095;

}  // namespace

std::vector<std::byte> encode(const HelperStart& start) {
  MessageWriter writer(MessageKind::start);
  writer.number(start.role);
  writer.flag(start.is_charged_apart);
  writer.number(static_cast<std::uint32_t>(start.cgroups.size()));
  for (const bool is_alternative : start.cgroups) writer.flag(is_alternative);
  if (start.role == HelperRole::mounts) return writer.take();
  for (const std::uint32_t id : start.uids) writer.number(id);
  for (const std::uint32_t id : start.gids) writer.number(id);
  write_groups(writer, start.groups);
  writer.number(start.namespaces);
  write_label(writer, start.label);
  return writer.take();
}

Result<HelperStart> decode_start(std::span<const std::byte> message) {
  MessageReader reader(message, MessageKind::start);
  HelperStart start = {};
  start.role = reader.number<HelperRole>();
  start.is_charged_apart = reader.flag();
  const auto cgroups = reader.number<std::uint32_t>();
  if (cgroups > kMaxMessageFds) return fail(EBADMSG);
  for (std::uint32_t at = 0; at < cgroups; ++at) start.cgroups.push_back(reader.flag());
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
  MessageWriter writer(MessageKind::request);
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
  writer.number(file.max_size);
  writer.number(file.room);
  writer.number(file.resolve);
  writer.flag(file.is_given);
  writer.number(file.located);
  writer.number(file.lent);
  writer.number(file.owner);
  writer.number(std::int32_t{file.second_error});
  writer.number(static_cast<std::uint32_t>(file.within.size()));
  for (const std::string& folder : file.within) writer.text(folder);
  write_process(writer, request.process);
  writer.flag(request.is_final);
  writer.flag(request.may_be_left);
  writer.flag(request.may_come_again);
  writer.number(request.root_mount);
  writer.flag(request.has_base);
  writer.flag(request.has_second_base);
  writer.flag(request.has_same_listener);
  return writer.take();
}

Result<HelperRequest> decode_request(std::span<const std::byte> message) {
  MessageReader reader(message, MessageKind::request);
  HelperRequest request = {};
  FileRequest& file = request.file;
  request.id = reader.number<std::uint64_t>();
  request.id_valid_request = reader.number<std::uint64_t>();
  request.capabilities = reader.number<std::uint64_t>();
  request.umask = reader.number<std::uint32_t>();
  const auto operation = reader.number<std::uint32_t>();
  if (operation == 0 || operation > kFileOperations) return fail(EBADMSG);
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
  file.max_size = reader.number<std::uint64_t>();
  file.room = reader.number<std::uint32_t>();
  file.resolve = reader.number<std::uint64_t>();
  file.is_given = reader.flag();
  file.located = reader.number<LocatedAs>();
  if (file.located > LocatedAs::name) reader.refuse();
  file.lent = reader.number<std::uint64_t>();
  file.owner = reader.number<std::uint32_t>();
  file.second_error = reader.number<std::int32_t>();
  // the length of each
  file.within.resize(reader.count(sizeof(std::uint32_t)));
  for (std::string& folder : file.within) folder = reader.name();
  request.process = read_process(reader);
  request.is_final = reader.flag();
  request.may_be_left = reader.flag();
  request.may_come_again = reader.flag();
  request.root_mount = reader.number<std::uint64_t>();
  request.has_base = reader.flag();
  request.has_second_base = reader.flag();
  request.has_same_listener = reader.flag();
  if (!reader.is_complete()) return fail(EBADMSG);
  return request;
}

std::vector<std::byte> encode(const HelperAnswer& answer) {
  MessageWriter writer(MessageKind::answer);
  writer.number(answer.error);
  writer.flag(answer.is_gone);
  writer.text(answer.failed_step);
  writer.text(answer.bytes);
  writer.number(answer.held);
  writer.flag(answer.is_let_go_counted);
  writer.number(answer.given);
  writer.flag(answer.is_closed_at_once);
  writer.flag(answer.is_closed_soon);
  writer.flag(answer.wanted.has_value());
  if (answer.wanted) write_own_link(writer, *answer.wanted);
  writer.number(answer.label_refusal);
  for (const std::uint64_t number :
       {answer.made.place, answer.made.amount, answer.made.existing, answer.made.largest})
    writer.number(number);
  writer.flag(answer.made.is_over);
  writer.flag(answer.is_waiting);
  writer.number(answer.root_mount);
  return writer.take();
}

std::vector<std::byte> encode(const OwnFile& file) {
  MessageWriter writer(MessageKind::own_file);
  write_own_file(writer, file);
  return writer.take();
}

Result<OwnFile> decode_own_file(std::span<const std::byte> message) {
  MessageReader reader(message, MessageKind::own_file);
  OwnFile file = read_own_file(reader);
  if (!reader.is_complete()) return fail(EBADMSG);
  return file;
}

Result<HelperAnswer> decode_answer(std::span<const std::byte> message) {
  MessageReader reader(message, MessageKind::answer);
  HelperAnswer answer;
  answer.error = reader.number<std::int32_t>();
  answer.is_gone = reader.flag();
  answer.failed_step = reader.name();
  answer.bytes = reader.text();
  answer.held = reader.number<std::int32_t>();
  answer.is_let_go_counted = reader.flag();
  answer.given = reader.number<std::int32_t>();
  answer.is_closed_at_once = reader.flag();
  answer.is_closed_soon = reader.flag();
  if (reader.flag()) answer.wanted = read_own_link(reader);
  answer.label_refusal = reader.number<std::int32_t>();
  Made& made = answer.made;
  for (std::uint64_t* number : {&made.place, &made.amount, &made.existing, &made.largest})
    *number = reader.number<std::uint64_t>();
  made.is_over = reader.flag();
  answer.is_waiting = reader.flag();
  answer.root_mount = reader.number<std::uint64_t>();
  for (const std::int32_t error : {answer.error, answer.label_refusal}) {
    if (error < 0 || error > kLastErrno) reader.refuse();
  }
  if (!reader.is_complete()) return fail(EBADMSG);
  return answer;
}

}  // namespace seccompagent
