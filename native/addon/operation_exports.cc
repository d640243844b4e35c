// SPDX-License-Identifier: Apache-2.0
// The exports that act on files of a container.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "acting/acting.h"
#include "acting/device_node.h"
#include "acting/handing_over.h"
#include "acting/lending.h"
#include "acting/link_protections.h"
#include "addon/act_as_caller.h"
#include "addon/exports.h"
#include "addon/file_rules.h"
#include "addon/found_paths.h"
#include "addon/mount_exports.h"
#include "caller/caller_state.h"
#include "caller/memory.h"
#include "caller/target.h"
#include "container/held_paths.h"
#include "files/location.h"
#include "process/ending_children.h"

namespace seccompagent {
namespace {

// The limit is the caller's: the process that acts has another one.
[[nodiscard]] Result<void> add_size_limit(FileRequest& request, pid_t tid) {
  if (request.operation != FileOperation::truncate) return {};
  const auto max = CallerState::of(tid).max_file_size();
  if (!max) return std::unexpected(max.error());
  request.max_size = *max;
  return {};
}

struct Asked {
  FileRequest request;
  std::int32_t dirfd;
  std::int32_t second_dirfd;
  bool has_second;
  bool may_be_empty;
  bool needs_open_file;
  // With the Linux capability that it takes.
  bool is_lent = false;
  // A descriptor that the worker keeps, in place of a path; -1: there is a path.
  int kept = -1;
  // The flags are those of an openat2(2), which ignores none.
  bool is_strict = false;
  // The call's answer is what comes of it.
  bool is_final = false;
};

// The file of a descriptor, as a path only: to close a second descriptor of a container's open
// file may take for ever.
[[nodiscard]] UniqueFd path_of(int fd) {
  const std::string link = "/proc/thread-self/fd/" + std::to_string(fd);
  return UniqueFd(open(link.c_str(), O_PATH | O_CLOEXEC));
}

// Nodes that can't be opened where they are get a mount on top of them.
[[nodiscard]] bool may_mount(const FileRequest& request) {
  return request.lent != 0 && request.operation == FileOperation::mknod;
}

[[nodiscard]] FileOutcome act_by_request(const Acting& acting) {
  if (may_mount(acting.request)) return make_device_node(acting);
  const bool is_open = acting.request.operation == FileOperation::open;
  // as the kernel has it: nothing is made or cut for who can have no descriptor of it
  if (is_open && makes_or_empties(acting.request) &&
      CallerState::of(acting.target.call.tid).has_all_descriptors()) {
    return {.outcome = {.answer = EMFILE}, .bytes = {}, .fd = {}};
  }
  if (is_open && !EndingChildren::of_process().await_room(acting.owner.payer, acting.patience))
    return {.outcome = our_failure(kTooManyHang, Errno{EBUSY}), .bytes = {}, .fd = {}};
  FileOutcome done = act_on_file(acting);
  const bool is_lent = acting.request.lent != 0;
  if (is_lent && acting.request.operation == FileOperation::list_xattr)
    done.bytes = shown_names(done.bytes);
  return done;
}

// Of both paths of an operation: what a look-up has found; nullptr: nothing.
struct Found {
  const FoundPath* first = nullptr;
  const FoundPath* second = nullptr;

  [[nodiscard]] bool is_any() const { return first != nullptr || second != nullptr; }
};

// Puts what was found in place of the paths. EOPNOTSUPP: within granted folders, both are looked up
// or none.
[[nodiscard]] Result<Found> use_found(const Worker& worker, FileRequest& request, bool has_second) {
  const auto first = find_found(worker, request, false);
  if (!first) return std::unexpected(first.error());
  const auto second = has_second ? find_found(worker, request, true) : nullptr;
  if (!second) return std::unexpected(second.error());
  const Found found = {.first = *first, .second = *second};
  if (!found.is_any()) return found;
  const bool is_all = found.first != nullptr && (!has_second || found.second != nullptr);
  if (!is_all && !request.within.empty()) return fail(EOPNOTSUPP);
  request.within.clear();
  if (found.first != nullptr) {
    request.located = found.first->as;
    request.path = found.first->name;
  }
  if (found.second != nullptr) request.second_path = found.second->name;
  return found;
}

// Of a path, unless it starts at what was found.
[[nodiscard]] Start start_of(const FoundPath* found, std::string path, int dirfd,
                             std::uint64_t resolve) {
  if (found == nullptr) return start_within(std::move(path), dirfd, resolve);
  return {.dirfd = AT_FDCWD,
          .proc_entry = "",
          .is_of_thread = false,
          .rest = std::move(path),
          .is_from_root = true};
}

// 0 or an errno of ours.
[[nodiscard]] int start_at(const FoundPath* found, UniqueFd& base) {
  if (found == nullptr) return 0;
  base.reset(fcntl(found->opened.get(), F_DUPFD_CLOEXEC, 0));
  return base.is_open() ? 0 : errno;
}

[[nodiscard]] int start_at(const Found& found, Target& target) {
  const int error = start_at(found.first, target.base);
  return error != 0 ? error : start_at(found.second, target.second_base);
}

// The handler is to hear of a file that somebody has made in place of what was to be made.
[[nodiscard]] bool may_change(const FileRequest& request) {
  return request.operation == FileOperation::open && request.located == LocatedAs::name &&
         (request.flags & O_EXCL) == 0;
}

struct Done {
  FileOutcome outcome = {};
  // It is ready to be handed over: nothing is done yet, but that a helper waits for another
  // process.
  bool is_handed = false;
};

Napi::Value act(const Napi::CallbackInfo& info, Worker& worker, Asked asked, Done& done) {
  FileRequest& request = asked.request;
  if (asked.is_lent) {
    const auto lent = lent_capability(request);
    if (!lent) return number(info.Env(), lent.error().number);
    request.lent = *lent;
  }
  if (const int error = early_error(request); error != 0) return number(info.Env(), error);
  if (has_nul(request.name)) return number(info.Env(), EINVAL);
  const bool is_open =
      request.operation == FileOperation::open || request.operation == FileOperation::locate_opened;
  if (const int error = is_open ? open_how_error(request, asked.is_strict) : 0; error != 0)
    return number(info.Env(), error);
  if (const int error = path_error(request.path, asked.may_be_empty); error != 0)
    return number(info.Env(), error);
  // the text of a symbolic link is no path yet
  const bool is_path = asked.has_second && request.operation != FileOperation::symlink;
  request.second_error = asked.has_second ? path_error(request.second_path, false) : 0;
  if (!is_path && request.second_error != 0) return number(info.Env(), request.second_error);
  const auto found = use_found(worker, request, is_path);
  if (!found) return number(info.Env(), found.error().number);
  const Start start = start_of(found->first, std::move(request.path), asked.dirfd, request.resolve);
  request.path = start.rest;
  add_link_protections(request);
  const Start second =
      is_path ? start_of(found->second, std::move(request.second_path), asked.second_dirfd, 0)
              : Start{};
  if (is_path) request.second_path = second.rest;
  const bool may_be_left = asked.is_final && worker.may_leave();
  const Worker::Paths paths = {.start = start,
                               .second = is_path ? &second : nullptr,
                               .needs_open_file = asked.needs_open_file};
  const auto start_at_found = [&](Target& target) { return start_at(*found, target); };
  if (may_be_left && request.within.empty() && !may_change(request) && !worker.may_come_again() &&
      may_hand_over(request) && worker.prepare_hand_over(request, paths, start_at_found)) {
    done.is_handed = true;
    return number(info.Env(), 0);
  }
  return act_as_caller(info, worker,
                       {.start = start,
                        .second = is_path ? &second : nullptr,
                        .pinned = may_mount(request) ? Pinned::for_mounts : Pinned::for_files},
                       [&](Target target, const Patience& patience) {
                         if (asked.needs_open_file && target.is_base_path_only)
                           target.base_error = EBADF;
                         if (asked.kept != -1) {
                           target.base = path_of(asked.kept);
                           target.base_error = target.base.is_open() ? 0 : errno;
                         }
                         if (const int error = start_at(*found, target); error != 0)
                           return our_failure("start at what was found", Errno{error});
                         // it would be looked up in another place
                         if (!request.within.empty() || is_look_up(request.operation)) {
                           const auto is_there = worker.has_root_of_first(target);
                           if (!is_there) return Outcome{.answer = 0, .is_gone = true};
                           const int elsewhere = is_look_up(request.operation) ? EXDEV : EPERM;
                           if (!*is_there) return Outcome{.answer = elsewhere};
                         }
                         if (!worker.may_lend(target)) request.lent = 0;
                         request.owner = target.credentials.uid.fs;
                         if (request.second_error == 0)
                           request.second_error = target.second_base_error;
                         if (const auto added = add_size_limit(request, target.call.tid); !added)
                           return our_failure("read the caller's limits", added.error());
                         if (request.lent != 0 && !is_lent_to_owner(request))
                           return Outcome{.answer = EPERM};
                         const bool is_closed_on_exec = (request.flags & O_CLOEXEC) != 0;
                         done.outcome = act_by_request({.target = target,
                                                        .request = std::move(request),
                                                        .patience = patience,
                                                        .owner = worker.owner(),
                                                        .cgroups = worker.cgroups(),
                                                        .may_be_left = may_be_left,
                                                        .may_come_again = worker.may_come_again()});
                         if (done.outcome.waiting) {
                           worker.prepare_hand_over(std::move(done.outcome.waiting),
                                                    is_closed_on_exec);
                           done.is_handed = true;
                         }
                         return done.outcome.outcome;
                       });
}

[[nodiscard]] bool is_of_open(FileOperation operation) {
  return operation == FileOperation::open || operation == FileOperation::locate_opened;
}

[[nodiscard]] bool is_mount_operation(std::uint32_t operation) {
  switch (static_cast<MountOperation>(operation)) {
    case MountOperation::unmount:
    case MountOperation::set_mount_attributes:
      return true;
  }
  return false;
}

}  // namespace

Napi::Value operate(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::uint32_t operation = arguments.u32();
  const std::span<std::byte> memory = arguments.bytes();
  auto* const numbers = arguments.numbers_of<OperationNumbers>();
  const std::span<std::byte> result = arguments.bytes();
  const std::span<const std::byte> within =
      arguments.has_more() ? arguments.bytes() : std::span<std::byte>();
  if (!arguments.is_ok()) return {};
  const bool is_of_mount = is_mount_operation(operation);
  if (!is_of_mount && (operation == 0 || operation > kAskedOperations))
    return throw_type(info.Env(), "expected the number of an operation");
  const auto path = arguments.range(memory, numbers->path, numbers->path_length);
  const auto second_path =
      arguments.range(memory, numbers->second_path, numbers->second_path_length);
  const auto name = arguments.range(memory, numbers->name, numbers->name_length);
  const auto value = arguments.range(memory, numbers->value, numbers->value_length);
  if (!arguments.is_ok()) return {};
  AttachedWorker* attached = find(info, &State::workers, handle);
  if (attached == nullptr) return {};
  if (is_of_mount) {
    return change_mount(info, *attached->worker, static_cast<MountOperation>(operation),
                        {path, value}, *numbers);
  }
  const std::uint32_t flags = numbers->flags;
  const auto kind = static_cast<FileOperation>(operation);
  const auto of = static_cast<LookedUp>(numbers->first);
  int described = -1;
  if (!path) {
    if (kind != FileOperation::stat) return number(info.Env(), EINVAL);
    described = attached->worker->kept(static_cast<std::uint32_t>(numbers->descriptor));
    if (described == -1) return number(info.Env(), EBADF);
  }
  if ((flags & kOfDescriptor) != 0 && numbers->dirfd == AT_FDCWD) return number(info.Env(), EBADF);
  FileRequest request = {.operation = kind,
                         .path = path.value_or(""),
                         .second_path = second_path.value_or(""),
                         .name = name.value_or(""),
                         .data = value.value_or(""),
                         .flags = own_flags(kind, flags),
                         .mode = numbers->mode,
                         .first = is_look_up(kind) ? 0 : numbers->first,
                         .second = numbers->second,
                         .is_followed = is_followed(kind, flags),
                         .room = static_cast<std::uint32_t>(result.size()),
                         .resolve = wide(numbers->low, numbers->high),
                         .is_given = numbers->is_given != 0,
                         .within = split_paths(within)};
  std::optional<FileRequest> look_up;
  if (is_look_up(kind) && of != LookedUp::neither) look_up = request;
  Done acted;
  const Napi::Value answer =
      act(info, *attached->worker,
          {.request = std::move(request),
           .dirfd = numbers->dirfd,
           .second_dirfd = numbers->second_dirfd,
           .has_second = second_path.has_value(),
           .may_be_empty = described != -1 || (!is_of_open(kind) && (flags & AT_EMPTY_PATH) != 0),
           .needs_open_file = needs_open_file(kind, flags),
           .is_lent = numbers->is_lent != 0,
           .kept = described,
           .is_strict = numbers->is_strict != 0,
           .is_final = numbers->is_final != 0},
          acted);
  FileOutcome& done = acted.outcome;
  const std::size_t length = std::min(done.bytes.size(), result.size());
  std::copy_n(reinterpret_cast<const std::byte*>(done.bytes.data()), length, result.begin());
  numbers->result_length = static_cast<std::uint32_t>(length);
  numbers->descriptor = -1;
  numbers->given = done.given;
  numbers->is_handed = acted.is_handed ? 1 : 0;
  if (done.given >= 0) CallerState::of(attached->worker->tid()).note_turn();
  Worker& worker = *attached->worker;
  if (done.letting_go) worker.note_letting_go(std::move(*done.letting_go));
  if (done.fd.is_open() && look_up) {
    const auto noted = note_found(worker, *look_up, of == LookedUp::second, done);
    if (!noted) return number(info.Env(), noted.error().number);
  } else if (done.fd.is_open() && !is_look_up(kind)) {
    const auto flush = done.is_closed_at_once ? Flush::none : Flush::unknown;
    const auto kept = worker.keep(CallersFd(std::move(done.fd), worker.owner().payer, flush));
    if (!kept) return number(info.Env(), kept.error().number);
    numbers->descriptor = static_cast<std::int32_t>(*kept);
  }
  return answer;
}

Napi::Value count_operation(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  if (!arguments.is_ok()) return {};
  AttachedWorker* attached = find(info, &State::workers, handle);
  if (attached == nullptr) return {};
  if (const auto counted = attached->worker->count_operation(); !counted)
    return throw_errno(info.Env(), "operations of one call", counted.error());
  return info.Env().Undefined();
}

}  // namespace seccompagent
