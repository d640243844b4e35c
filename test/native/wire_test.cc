// SPDX-License-Identifier: Apache-2.0
// What the agent and its helpers say to each other, and what neither takes for it.
#include "helper/wire.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "check.h"

namespace seccompagent::test {
namespace {

using Bytes = std::vector<std::byte>;

HelperStart some_start() {
  return {.uids = {1, 2, 3, 4},
          .gids = {5, 6, 7, 0xffffffff},
          .groups = {10, 20, 30},
          .has_user_namespace = true};
}

HelperRequest some_request() {
  return {.id = 0x1122334455667788,
          .id_valid_request = 0x40082102,
          .capabilities = 0x1ffffffffff,
          .umask = 027,
          .file = {.operation = FileOperation::set_xattr,
                   .path = "a/b",
                   .second_path = "",
                   .name = "user.x",
                   .data = std::string("a\0b", 3),
                   .flags = 1,
                   .mode = 0644,
                   .first = 7,
                   .second = 8,
                   .is_followed = false,
                   .room = 100,
                   .resolve = 1ULL << 63 | 8,
                   .lent = 1ULL << 40,
                   .owner = 9}};
}

HelperAnswer some_answer() {
  return {.error = 17,
          .is_gone = false,
          .failed_step = "chroot",
          .bytes = std::string("\0\1", 2),
          .has_fd = true};
}

void carries_a_start() {
  const auto read = decode_start(encode(some_start()));
  CHECK(read.has_value());
  CHECK_EQUAL(read->uids[3], 4U);
  CHECK_EQUAL(read->gids[3], 0xffffffffU);
  CHECK(read->groups == some_start().groups);
  CHECK(read->has_user_namespace);
}

void carries_a_request() {
  const HelperRequest wanted = some_request();
  const auto read = decode_request(encode(wanted));
  CHECK(read.has_value());
  CHECK_EQUAL(read->id, wanted.id);
  CHECK_EQUAL(read->id_valid_request, wanted.id_valid_request);
  CHECK_EQUAL(read->capabilities, wanted.capabilities);
  CHECK_EQUAL(read->umask, wanted.umask);
  CHECK(read->file.operation == FileOperation::set_xattr);
  CHECK(read->file.path == wanted.file.path);
  CHECK(read->file.name == wanted.file.name);
  CHECK(read->file.data == wanted.file.data);
  CHECK_EQUAL(read->file.second, 8U);
  CHECK(!read->file.is_followed);
  CHECK_EQUAL(read->file.room, 100U);
  CHECK_EQUAL(read->file.resolve, 1ULL << 63 | 8);
  CHECK_EQUAL(read->file.lent, 1ULL << 40);
  CHECK_EQUAL(read->file.owner, 9U);
}

void carries_an_answer() {
  const auto read = decode_answer(encode(some_answer()));
  CHECK(read.has_value());
  CHECK_EQUAL(read->error, 17);
  CHECK(read->failed_step == "chroot");
  CHECK(read->bytes == some_answer().bytes);
  CHECK(read->has_fd);
}

// Cut anywhere, or longer than it is, a message is none.
template <typename Decode>
void check_length(const Bytes& whole, Decode decode) {
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK_EQUAL(ERROR(decode(std::span(whole).first(length))), Errno{EBADMSG});
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  CHECK_EQUAL(ERROR(decode(longer)), Errno{EBADMSG});
}

void takes_whole_messages_only() {
  check_length(encode(some_start()), decode_start);
  check_length(encode(some_request()), decode_request);
  check_length(encode(some_answer()), decode_answer);
}

void takes_nothing_else() {
  CHECK_EQUAL(ERROR(decode_request(encode(some_start()))), Errno{EBADMSG});
  CHECK_EQUAL(ERROR(decode_answer(encode(some_request()))), Errno{EBADMSG});
  Bytes other_version = encode(some_answer());
  other_version[0] = std::byte{kWireVersion + 1};
  CHECK_EQUAL(ERROR(decode_answer(other_version)), Errno{EBADMSG});
  HelperRequest unknown = some_request();
  unknown.file.operation = static_cast<FileOperation>(kLastFileOperation + 1);
  CHECK_EQUAL(ERROR(decode_request(encode(unknown))), Errno{EBADMSG});
  HelperRequest cut = some_request();
  cut.file.path = std::string("a\0b", 3);
  CHECK_EQUAL(ERROR(decode_request(encode(cut))), Errno{EBADMSG});
  HelperAnswer negative = some_answer();
  negative.error = -1;
  CHECK_EQUAL(ERROR(decode_answer(encode(negative))), Errno{EBADMSG});
}

// What is read of any bytes is written as these very bytes, or it is refused.
template <typename Decode>
void check_any(const Bytes& bytes, Decode decode) {
  const auto read = decode(bytes);
  if (read) CHECK(encode(*read) == bytes);
}

void bears_any_bytes() {
  std::mt19937 random(7);
  const Bytes seeds[] = {encode(some_start()), encode(some_request()), encode(some_answer())};
  constexpr int kRounds = 200'000;
  for (int round = 0; round < kRounds; ++round) {
    Bytes bytes = seeds[random() % 3];
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 8));
    check_any(bytes, decode_start);
    check_any(bytes, decode_request);
    check_any(bytes, decode_answer);
  }
}

struct Sockets {
  UniqueFd left;
  UniqueFd right;
};

Sockets make_sockets() {
  int ends[2];
  CHECK_EQUAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void carries_descriptors() {
  const Sockets sockets = make_sockets();
  const UniqueFd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int fds[] = {file.get(), file.get()};
  CHECK(send_message(sockets.left.get(), encode(some_answer()), fds).has_value());
  Bytes into(kMostMessage);
  const auto received = receive_message(sockets.right.get(), into);
  CHECK(received.has_value());
  CHECK_EQUAL(received->fds.size(), 2U);
  for (const UniqueFd& fd : received->fds)
    CHECK_EQUAL(fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  CHECK(decode_answer(std::span(into).first(received->length)).has_value());
}

void refuses_more_than_fits() {
  const Sockets sockets = make_sockets();
  CHECK(send_message(sockets.left.get(), Bytes(100), {}).has_value());
  Bytes into(99);
  CHECK_EQUAL(ERROR(receive_message(sockets.right.get(), into)), Errno{EMSGSIZE});
  const std::vector<int> many(kMostMessageFds + 1, sockets.left.get());
  CHECK_EQUAL(ERROR(send_message(sockets.left.get(), Bytes(1), many)), Errno{EINVAL});
}

void says_that_the_other_end_is_closed() {
  Sockets sockets = make_sockets();
  sockets.left.reset();
  Bytes into(10);
  CHECK_EQUAL(ERROR(receive_message(sockets.right.get(), into)), Errno{EPIPE});
  CHECK_EQUAL(ERROR(send_message(sockets.right.get(), into, {})), Errno{EPIPE});
}

constexpr Case kCases[] = {
    {"wire: a start arrives as it was", carries_a_start},
    {"wire: a request arrives as it was", carries_a_request},
    {"wire: an answer arrives as it was", carries_an_answer},
    {"wire: a message that is cut or longer is none", takes_whole_messages_only},
    {"wire: other kinds, versions and values are refused", takes_nothing_else},
    {"wire: any bytes are read as what they are written as, or refused", bears_any_bytes},
    {"wire: descriptors go along, and stay here", carries_descriptors},
    {"wire: what does not fit is refused", refuses_more_than_fits},
    {"wire: a closed end is told", says_that_the_other_end_is_closed}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
