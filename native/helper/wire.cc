// SPDX-License-Identifier: Apache-2.0
// Numbers as they lie in memory: both ends run on one machine. Texts after their length.
#include "wire.h"

#include <sys/socket.h>

#include <cstring>
#include <type_traits>
#include <utility>

namespace seccompagent {
namespace {

enum class Kind : std::uint32_t { start = 1, request = 2, answer = 3 };

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
  void refuse() { is_ok_ = false; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  // Everything was there, and nothing more.
  [[nodiscard]] bool is_complete() const { return is_ok_ && rest_.empty(); }

 private:
  std::span<const std::byte> rest_;
  bool is_ok_ = true;
};

}  // namespace

std::vector<std::byte> encode(const HelperStart& start) {
  MessageWriter writer(Kind::start);
  for (const std::uint32_t id : start.uids) writer.number(id);
  for (const std::uint32_t id : start.gids) writer.number(id);
  writer.number(static_cast<std::uint32_t>(start.groups.size()));
  for (const gid_t group : start.groups) writer.number(std::uint32_t{group});
  writer.number(static_cast<std::uint8_t>(start.has_user_namespace));
  return writer.take();
}

Result<HelperStart> decode_start(std::span<const std::byte> message) {
  MessageReader reader(message, Kind::start);
  HelperStart start = {};
  for (std::uint32_t& id : start.uids) id = reader.number<std::uint32_t>();
  for (std::uint32_t& id : start.gids) id = reader.number<std::uint32_t>();
  const auto groups = reader.number<std::uint32_t>();
  if (groups > reader.left() / sizeof(gid_t)) return fail(EBADMSG);
  for (std::uint32_t index = 0; index < groups; ++index)
    start.groups.push_back(reader.number<std::uint32_t>());
  start.has_user_namespace = reader.flag();
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
  writer.number(static_cast<std::uint8_t>(file.is_followed));
  writer.number(file.room);
  writer.number(file.resolve);
  writer.number(file.lent);
  writer.number(file.owner);
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
  file.is_followed = reader.flag();
  file.room = reader.number<std::uint32_t>();
  file.resolve = reader.number<std::uint64_t>();
  file.lent = reader.number<std::uint64_t>();
  file.owner = reader.number<std::uint32_t>();
  if (!reader.is_complete()) return fail(EBADMSG);
  return request;
}

std::vector<std::byte> encode(const HelperAnswer& answer) {
  MessageWriter writer(Kind::answer);
  writer.number(answer.error);
  writer.number(static_cast<std::uint8_t>(answer.is_gone));
  writer.text(answer.failed_step);
  writer.text(answer.bytes);
  writer.number(static_cast<std::uint8_t>(answer.has_fd));
  return writer.take();
}

Result<HelperAnswer> decode_answer(std::span<const std::byte> message) {
  MessageReader reader(message, Kind::answer);
  HelperAnswer answer;
  answer.error = reader.number<std::int32_t>();
  if (answer.error < 0 || answer.error > 4095) reader.refuse();
  answer.is_gone = reader.flag();
  answer.failed_step = reader.name();
  answer.bytes = reader.text();
  answer.has_fd = reader.flag();
  if (!reader.is_complete()) return fail(EBADMSG);
  return answer;
}

Result<void> send_message(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  if (fds.size() > kMostMessageFds) return fail(EINVAL);
  iovec data = {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(kMostMessageFds * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  if (retry_eintr([&] { return sendmsg(socket, &message, MSG_NOSIGNAL); }) == -1)
    return fail_errno();
  return {};
}

Result<ReceivedMessage> receive_message(int socket, std::span<std::byte> into) {
  iovec data = {.iov_base = into.data(), .iov_len = into.size()};
  alignas(cmsghdr) std::byte control[CMSG_SPACE(kMostMessageFds * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t length = retry_eintr([&] { return recvmsg(socket, &message, MSG_CMSG_CLOEXEC); });
  if (length == -1) return fail_errno();
  ReceivedMessage received = {.length = static_cast<std::size_t>(length), .fds = {}};
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t index = 0; index < count; ++index) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + index * sizeof fd, sizeof fd);
      received.fds.emplace_back(fd);
    }
  }
  if (length == 0) return fail(EPIPE);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return fail(EMSGSIZE);
  return received;
}

}  // namespace seccompagent
