// SPDX-License-Identifier: Apache-2.0
// The protocol between the agent and a helper: messages of a SOCK_SEQPACKET socket. Both are built
// together; the version detects a mistake in that.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "caller/label.h"
#include "caller/target.h"
#include "files/file_operation.h"
#include "helper/masks.h"
#include "helper/new_mount.h"
#include "helper/spared.h"
#include "kernel/made.h"
#include "kernel/message.h"
#include "kernel/result.h"
#include "kernel/unique_fd.h"

namespace seccompagent {

inline constexpr std::uint32_t kWireVersion = 18;
// Two paths, also as they were asked for, a name and a value, as long as the kernel takes them, and
// what goes with them: folders of a grant, which have at most 8 KiB together.
inline constexpr std::size_t kMaxMessage = 96UL * 1024;
// Files of the caller's process that a path may lead through.
inline constexpr std::size_t kMaxOwnFiles = 8;
// With the name of a link.
inline constexpr std::size_t kMaxOwnFileMessage = 128;
// The helper's end of the socket.
inline constexpr int kHelperSocket = 3;

// The task of a helper for all its life.
enum class HelperRole : std::uint32_t {
  // On files, as one caller.
  files = 1,
  // On mounts, as root, for all callers of a container.
  mounts = 2,
};

// Namespaces of a caller that are not ours: bits, in the order in which their descriptors come.
struct ForeignNamespaces {
  static constexpr std::uint32_t kMount = 1;
  static constexpr std::uint32_t kUser = 2;
  static constexpr std::uint32_t kPid = 4;
  static constexpr std::uint32_t kNet = 8;
  static constexpr std::uint32_t kIpc = 16;
  static constexpr std::uint32_t kCgroup = 32;
  static constexpr std::uint32_t kUts = 64;
  static constexpr std::uint32_t kOfMounts = kMount | kUser | kPid | kNet | kIpc | kCgroup;
  // Of helpers that act on files.
  static constexpr std::uint32_t kOfFiles = kMount | kUser | kNet | kIpc | kCgroup | kUts;
};

// Identity of a helper for all its life; comes first. A helper for files has the ids of a caller
// and is in its namespaces, whose descriptors come along where they are not ours. Helpers for
// mounts get a file in which all of them have their locks. Last comes, for mounts or a caller with
// a label, a descriptor that the helper and its children hold as long as any of them lives; for
// files and a caller without one, the memory of a Completion.
struct HelperStart {
  HelperRole role;
  // Its memory is charged to its container, and not to the agent.
  bool is_charged_apart;
  // Of the lists that come along as the first descriptors, see ActingCgroups::open_lists: which are
  // alternatives.
  std::vector<bool> cgroups;
  std::uint32_t uids[4];
  std::uint32_t gids[4];
  std::vector<gid_t> groups;
  std::uint32_t namespaces;
  Label label = {};
};

// With the descriptors of the listener, unless the helper has it; the root, unless it is the
// helper's own; the base, unless that is the root; and so the second one.
struct HelperRequest {
  std::uint64_t id;
  std::uint64_t id_valid_request;
  std::uint64_t capabilities;
  std::uint32_t umask;
  FileRequest file;
  CallersProcess process = {};
  // The helper answers the call, see FinalAnswer.
  bool is_final = false;
  // The agent waits for it, unless it has to wait for another process: then the helper answers the
  // call once it is told to go on, see HelperAnswer::is_waiting.
  bool may_be_left = false;
  // Of what may be left: a signal may take the call back, so the helper reports what came of it.
  bool may_come_again = false;
  // Of what is final: the mount whose root the helper's root has to be; 0: the root comes along.
  std::uint64_t root_mount = 0;
  bool has_base = false;
  bool has_second_base = false;
  // As in the request before.
  bool has_same_listener = false;
};

enum class MountAction : std::uint32_t { mount = 1, unmount = 2, set_attributes = 3, cover = 4 };

// With the descriptors of the listener, the root and the base, of namespaces, and of the user
// namespace of an id mapping, or of the file system of a cover.
struct HelperMountRequest {
  MountAction action = MountAction::mount;
  std::uint64_t id = 0;
  std::uint64_t id_valid_request = 0;
  Credentials credentials = {};
  Label label = {};
  std::uint32_t namespaces = 0;
  std::string path = {};
  // See MountPlace.
  std::string proc_path = {};
  // Of a mount: what it is, what the container's first process does not see of proc and sysfs, and
  // ways to make a proc, see MountPlace.
  NewMount mount = {};
  Masks masks = {};
  bool may_use_pidns = true;
  bool has_own_mounts = false;
  // Of a mount and a cover: how many mounts the container may have more.
  std::uint64_t allowance = Made::kUntold;
  // Of the others: those of umount2(2) and mount_setattr(2).
  std::uint32_t flags = 0;
  // Of an unmount: see MountMaker::unmount and MountPlace.
  std::shared_ptr<const Spared> spared = {};
  std::shared_ptr<const FirstMounts> first_mounts = {};
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
  bool has_idmap = false;
};

struct HelperAnswer {
  std::int32_t error = 0;
  bool is_gone = false;
  // The helper's own failure.
  std::string failed_step;
  std::string bytes;
  // The helper's number of what the agent is to take, which answers by a byte; the helper closes
  // its own then, and answers again. -1: there is nothing, or it is closed.
  std::int32_t held = -1;
  // It does not answer again, but counts, see Completion::let_go.
  bool is_let_go_counted = false;
  // The number by which the caller has got it; -1: it has not.
  std::int32_t given = -1;
  // Of that one, see FileAnswer.
  bool is_closed_at_once = false;
  bool is_closed_soon = false;
  // See FileAnswer.
  std::optional<OwnLink> wanted = std::nullopt;
  // See Outcome.
  std::int32_t label_refusal = 0;
  Made made = {};
  // It is not done: it begins to wait for another process, see Validity.
  bool is_waiting = false;
  // Of a start: the mount whose root the helper is at then; 0: nobody knows.
  std::uint64_t root_mount = 0;
};

// EBADMSG from what reads: it is none of ours.
[[nodiscard]] std::vector<std::byte> encode(const HelperStart& start);
[[nodiscard]] std::vector<std::byte> encode(const HelperRequest& request);
[[nodiscard]] std::vector<std::byte> encode(const HelperMountRequest& request);
[[nodiscard]] std::vector<std::byte> encode(const HelperAnswer& answer);
[[nodiscard]] std::vector<std::byte> encode(const OwnFile& file);
[[nodiscard]] Result<HelperStart> decode_start(std::span<const std::byte> message);
[[nodiscard]] Result<HelperRequest> decode_request(std::span<const std::byte> message);
[[nodiscard]] Result<HelperMountRequest> decode_mount_request(std::span<const std::byte> message);
[[nodiscard]] Result<HelperAnswer> decode_answer(std::span<const std::byte> message);
// Without its descriptor.
[[nodiscard]] Result<OwnFile> decode_own_file(std::span<const std::byte> message);

}  // namespace seccompagent
