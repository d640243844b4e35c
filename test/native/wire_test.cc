// SPDX-License-Identifier: Apache-2.0
// Tests messages between the agent and its helpers, and the refusal of malformed ones.
#include "helper/wire.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <utility>

#include "check.h"

namespace seccompagent::test {
namespace {

using Bytes = std::vector<std::byte>;

HelperStart some_start() {
  return {.role = HelperRole::files,
          .is_charged_apart = true,
          .cgroups = {false, true},
          .uids = {1, 2, 3, 4},
          .gids = {5, 6, 7, 0xffffffff},
          .groups = {10, 20, 30},
          .namespaces = ForeignNamespaces::kOfFiles,
          .label = {.module = LabelModule::apparmor, .text = "docker-default (enforce)"}};
}

HelperStart start_for_mounts() {
  HelperStart start = {};
  start.role = HelperRole::mounts;
  return start;
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
                   .protects_links = false,
                   .is_followed = false,
                   .max_size = 1ULL << 40 | 5,
                   .room = 100,
                   .resolve = 1ULL << 63 | 8,
                   .is_given = true,
                   .lent = 1ULL << 40,
                   .owner = 9,
                   .second_error = 11,
                   .within = {"/work", "/a b"}},
          .process = {.process = {700, 40}, .thread = {702, 42}},
          .is_final = true,
          .may_be_left = true,
          .may_come_again = true,
          .root_mount = 1ULL << 40 | 6,
          .has_base = true,
          .has_second_base = true,
          .has_same_listener = true};
}

HelperMountRequest some_mount() {
  HelperMountRequest request;
  request.id = 0x1122334455667788;
  request.id_valid_request = 0x40082102;
  request.credentials = {.uid = {1, 2, 3, 4},
                         .gid = {5, 6, 7, 8},
                         .groups = {10, 20},
                         .effective_capabilities = 0x1ffffffffff,
                         .umask = 027};
  request.label = {.module = LabelModule::selinux, .text = "system_u:system_r:container_t:s0"};
  request.namespaces = ForeignNamespaces::kPid | ForeignNamespaces::kCgroup;
  request.path = "a/b";
  request.proc_path = "/proc/self/cwd/a/b";
  request.mount = {.type = "proc",
                   .options = {{"source", "none"}, {"ro", std::nullopt}, {"empty", ""}},
                   .attributes = 0xe};
  request.masks.proc = {.is_whole = true,
                        .is_read_only = false,
                        .has_processes_only = true,
                        .hidepid = 4,
                        .hidepid_group = "77",
                        .masks = {{"kcore", true}, {"sys", false}}};
  request.masks.sysfs = {.is_whole = false, .is_read_only = true};
  request.may_use_pidns = false;
  request.has_own_mounts = true;
  request.allowance = 3;
  return request;
}

HelperMountRequest some_unmount() {
  HelperMountRequest request;
  request.action = MountAction::unmount;
  request.path = "a";
  request.flags = 2;
  request.spared = std::make_shared<const Spared>(Spared{
      .root = 20, .hiding = {21, 22}, .paths = {"", "/a b"}, .places = {{23, ""}, {24, "c/d"}}});
  request.first_mounts =
      std::make_shared<const FirstMounts>(FirstMounts{.root = 20, .ids = {20, 25}});
  return request;
}

HelperMountRequest some_cover() {
  HelperMountRequest request;
  request.action = MountAction::cover;
  request.allowance = 4;
  return request;
}

HelperMountRequest some_change() {
  HelperMountRequest request;
  request.action = MountAction::set_attributes;
  request.flags = 0x8000;
  request.set = 0x1'0000'0001;
  request.clear = 0x2'0000'0002;
  request.has_idmap = true;
  return request;
}

HelperAnswer some_answer() {
  return {.error = 17,
          .is_gone = false,
          .failed_step = "chroot",
          .bytes = std::string("\0\1", 2),
          .held = 11,
          .is_let_go_counted = true,
          .given = 12,
          .is_closed_at_once = true,
          .label_refusal = 13,
          .made = {.place = 1, .amount = 2, .existing = 3, .largest = 4, .is_over = true}};
}

void carries_a_start() {
  const auto read = decode_start(encode(some_start()));
  CHECK(read.has_value());
  CHECK(read->role == HelperRole::files);
  CHECK_EQUAL(read->uids[3], 4U);
  CHECK_EQUAL(read->gids[3], 0xffffffffU);
  CHECK(read->groups == some_start().groups);
  CHECK_EQUAL(read->namespaces, ForeignNamespaces::kOfFiles);
  CHECK(read->label == some_start().label);
}

void carries_a_start_for_mounts() {
  CHECK(VALUE(decode_start(encode(start_for_mounts()))).role == HelperRole::mounts);
}

void carries_mounts() {
  const HelperMountRequest wanted = some_mount();
  const HelperMountRequest read = VALUE(decode_mount_request(encode(wanted)));
  CHECK(read.action == MountAction::mount);
  CHECK_EQUAL(read.id, wanted.id);
  CHECK_EQUAL(read.id_valid_request, wanted.id_valid_request);
  CHECK(read.credentials.uid == wanted.credentials.uid);
  CHECK(read.credentials.gid == wanted.credentials.gid);
  CHECK(read.credentials.groups == wanted.credentials.groups);
  CHECK_EQUAL(read.credentials.effective_capabilities, wanted.credentials.effective_capabilities);
  CHECK_EQUAL(read.credentials.umask, wanted.credentials.umask);
  CHECK(read.label == wanted.label);
  CHECK_EQUAL(read.namespaces, wanted.namespaces);
  CHECK_EQUAL(read.path, "a/b");
  CHECK_EQUAL(read.proc_path, "/proc/self/cwd/a/b");
  CHECK_EQUAL(read.mount.type, "proc");
  CHECK(read.mount.options == wanted.mount.options);
  CHECK_EQUAL(read.mount.attributes, 0xeU);
  CHECK(read.masks.proc == wanted.masks.proc);
  CHECK(read.masks.sysfs == wanted.masks.sysfs);
  CHECK(!read.may_use_pidns);
  CHECK(read.has_own_mounts);
  CHECK_EQUAL(read.allowance, 3U);
}

void carries_changes_of_mounts() {
  const HelperMountRequest unmount = VALUE(decode_mount_request(encode(some_unmount())));
  CHECK(unmount.action == MountAction::unmount);
  CHECK_EQUAL(unmount.path, "a");
  CHECK_EQUAL(unmount.flags, 2U);
  CHECK(unmount.spared != nullptr && *unmount.spared == *some_unmount().spared);
  CHECK(*unmount.first_mounts == *some_unmount().first_mounts);
  const HelperMountRequest change = VALUE(decode_mount_request(encode(some_change())));
  CHECK(change.action == MountAction::set_attributes);
  CHECK_EQUAL(change.flags, 0x8000U);
  CHECK_EQUAL(change.set, 0x1'0000'0001UL);
  CHECK_EQUAL(change.clear, 0x2'0000'0002UL);
  CHECK(change.has_idmap);
  const HelperMountRequest cover = VALUE(decode_mount_request(encode(some_cover())));
  CHECK(cover.action == MountAction::cover);
  CHECK_EQUAL(cover.allowance, 4U);
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
  CHECK(!read->file.protects_links);
  CHECK(!read->file.is_followed);
  CHECK_EQUAL(read->file.room, 100U);
  CHECK_EQUAL(read->file.max_size, 1ULL << 40 | 5);
  CHECK_EQUAL(read->file.resolve, 1ULL << 63 | 8);
  CHECK(read->file.is_given);
  CHECK_EQUAL(read->file.lent, 1ULL << 40);
  CHECK_EQUAL(read->file.owner, 9U);
  CHECK_EQUAL(read->file.second_error, 11);
  CHECK(read->file.within == wanted.file.within);
  CHECK(read->process.process == wanted.process.process);
  CHECK(read->process.thread == wanted.process.thread);
  CHECK(read->is_final);
  CHECK(read->may_be_left);
  CHECK(read->may_come_again);
  CHECK_EQUAL(read->root_mount, 1ULL << 40 | 6);
  CHECK(read->has_base);
  CHECK(read->has_second_base);
  CHECK(read->has_same_listener);
}

void carries_an_answer() {
  const auto read = decode_answer(encode(some_answer()));
  CHECK(read.has_value());
  CHECK_EQUAL(read->error, 17);
  CHECK(read->failed_step == "chroot");
  CHECK(read->bytes == some_answer().bytes);
  CHECK_EQUAL(read->held, 11);
  CHECK(read->is_let_go_counted);
  CHECK_EQUAL(read->given, 12);
  CHECK(read->is_closed_at_once);
  CHECK_EQUAL(read->label_refusal, 13);
  CHECK(read->made == some_answer().made);
  CHECK(!read->wanted.has_value());
}

void carries_a_wanted_file() {
  HelperAnswer answer = some_answer();
  answer.wanted = OwnLink{.name = "fd/12", .is_of_thread = true};
  CHECK(decode_answer(encode(answer))->wanted == answer.wanted);
  // the agent opens it as root
  for (const char* name : {"fd/../../1/root", "/etc/shadow", "cwd/.", "Fd/1"}) {
    answer.wanted = OwnLink{.name = name};
    CHECK_EQUAL(ERROR(decode_answer(encode(answer))), Errno{EBADMSG});
  }
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
  check_length(encode(start_for_mounts()), decode_start);
  check_length(encode(some_mount()), decode_mount_request);
  check_length(encode(some_unmount()), decode_mount_request);
  check_length(encode(some_change()), decode_mount_request);
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
  unknown.file.operation = static_cast<FileOperation>(kFileOperations + 1);
  CHECK_EQUAL(ERROR(decode_request(encode(unknown))), Errno{EBADMSG});
  CHECK_EQUAL(ERROR(decode_mount_request(encode(some_request()))), Errno{EBADMSG});
  HelperStart no_role = some_start();
  no_role.role = static_cast<HelperRole>(3);
  CHECK_EQUAL(ERROR(decode_start(encode(no_role))), Errno{EBADMSG});
  Bytes no_action = encode(some_unmount());
  constexpr std::size_t kActionAt = 8;
  no_action[kActionAt] = std::byte{4};
  CHECK_EQUAL(ERROR(decode_mount_request(no_action)), Errno{EBADMSG});
  HelperMountRequest other_namespace = some_unmount();
  other_namespace.namespaces = ForeignNamespaces::kOfMounts + 1;
  CHECK_EQUAL(ERROR(decode_mount_request(encode(other_namespace))), Errno{EBADMSG});
  HelperMountRequest cut_option = some_mount();
  cut_option.mount.options.push_back({std::string("a\0b", 3), std::nullopt});
  CHECK_EQUAL(ERROR(decode_mount_request(encode(cut_option))), Errno{EBADMSG});
  HelperRequest cut = some_request();
  cut.file.path = std::string("a\0b", 3);
  CHECK_EQUAL(ERROR(decode_request(encode(cut))), Errno{EBADMSG});
  HelperAnswer negative = some_answer();
  negative.error = -1;
  CHECK_EQUAL(ERROR(decode_answer(encode(negative))), Errno{EBADMSG});
}

void refuses_namespaces_that_are_not_entered() {
  for (const std::uint32_t wrong : {ForeignNamespaces::kPid, 128U}) {
    HelperStart start = some_start();
    start.namespaces |= wrong;
    CHECK_EQUAL(ERROR(decode_start(encode(start))), Errno{EBADMSG});
  }
}

HelperStart start_with(Label label) {
  HelperStart start = some_start();
  start.label = std::move(label);
  return start;
}

void takes_labels_that_can_be_taken_on() {
  const std::string longest(kMaxLabel, 'a');
  const Label label = {.module = LabelModule::smack, .text = longest};
  CHECK(VALUE(decode_start(encode(start_with(label)))).label == label);
  CHECK(!VALUE(decode_start(encode(start_with({})))).label.is_foreign());
  for (const Label& wrong :
       {Label{.module = LabelModule::smack, .text = longest + "a"},
        Label{.module = LabelModule::none, .text = "a"},
        Label{.module = LabelModule::apparmor, .text = std::string("a\0b", 3)},
        Label{.module = static_cast<LabelModule>(kLastLabelModule + 1), .text = "a"}}) {
    CHECK_EQUAL(ERROR(decode_start(encode(start_with(wrong)))), Errno{EBADMSG});
    HelperMountRequest request = some_mount();
    request.label = wrong;
    CHECK_EQUAL(ERROR(decode_mount_request(encode(request))), Errno{EBADMSG});
  }
  HelperAnswer negative = some_answer();
  negative.label_refusal = -1;
  CHECK_EQUAL(ERROR(decode_answer(encode(negative))), Errno{EBADMSG});
}

// A message that is read from any bytes is written as these very bytes, or it is refused.
template <typename Decode>
void check_any(const Bytes& bytes, Decode decode) {
  const auto read = decode(bytes);
  if (read) CHECK(encode(*read) == bytes);
}

void bears_any_bytes() {
  std::mt19937 random(7);
  const Bytes seeds[] = {encode(some_start()), encode(start_for_mounts()), encode(some_request()),
                         encode(some_mount()), encode(some_unmount()),     encode(some_change()),
                         encode(some_answer())};
  constexpr int kRounds = 200'000;
  for (int round = 0; round < kRounds; ++round) {
    Bytes bytes = seeds[random() % std::size(seeds)];
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 8));
    check_any(bytes, decode_start);
    check_any(bytes, decode_request);
    check_any(bytes, decode_mount_request);
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
  Bytes into(kMaxMessage);
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
  const std::vector<int> many(kMaxMessageFds + 1, sockets.left.get());
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
    {"wire: a start for mounts arrives as it was", carries_a_start_for_mounts},
    {"wire: a request arrives as it was", carries_a_request},
    {"wire: a mount arrives as it was", carries_mounts},
    {"wire: changes of mounts arrive as they were", carries_changes_of_mounts},
    {"wire: an answer arrives as it was", carries_an_answer},
    {"A3a: wire: a file that is wanted of a caller's process is one of its entry",
     carries_a_wanted_file},
    {"wire: a message that is cut or longer is none", takes_whole_messages_only},
    {"wire: other kinds, versions and values are refused", takes_nothing_else},
    {"A1: wire: a label is one that can be taken on", takes_labels_that_can_be_taken_on},
    {"wire: a start names no namespaces that helpers do not enter",
     refuses_namespaces_that_are_not_entered},
    {"wire: any bytes are read as what they are written as, or refused", bears_any_bytes},
    {"wire: descriptors go along, and stay here", carries_descriptors},
    {"wire: what does not fit is refused", refuses_more_than_fits},
    {"wire: a closed end is told", says_that_the_other_end_is_closed}};

}  // namespace
}  // namespace seccompagent::test

int main(int argc, char** argv) {
  return seccompagent::test::run_cases(seccompagent::test::kCases, argc, argv);
}
