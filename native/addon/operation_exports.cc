// SPDX-License-Identifier: Apache-2.0
// The exports that act inside a container.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
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
#include "acting/lending.h"
#include "acting/mounting.h"
#include "addon/addon_state.h"
#include "addon/exports.h"
#include "caller/caller_state.h"
#include "caller/memory.h"
#include "caller/target.h"
#include "container/held_paths.h"
#include "helper/mount_request.h"
#include "process/ending_children.h"

namespace seccompagent {
namespace {

// How often an operation begins anew, because its notification went away before the effect.
constexpr int kTries = 5;

// The errno for the caller, or -1 when the notification is gone. `label`: the caller's.
Napi::Value outcome_value(Napi::Env env, const Outcome& outcome, const std::string& label) {
  if (outcome.label_refusal != 0)
    return throw_label_refusal(env, label, Errno{outcome.label_refusal});
  if (outcome.failed_step != nullptr)
    return throw_errno(env, outcome.failed_step, Errno{outcome.failure});
  return number(env, outcome.is_gone ? -1 : outcome.answer);
}

// Where an operation's paths start.
struct Place {
  const Start& start;
  const Start* second;
  Pinned pinned;
};

template <typename Operation>
Outcome try_as_caller(Worker& worker, const Place& place, Operation operation, std::string& label) {
  const auto call = worker.current();
  if (!call) return our_failure("act without a call", call.error());
  auto target = pin_target(*call, place.start, place.pinned, place.second);
  if (target) {
    label = target->label.text;
    return operation(std::move(*target), worker.patience());
  }
  if (target.error() != Errno{ESRCH}) return our_failure("pin the caller", target.error());
  Outcome gone;
  gone.is_gone = true;
  return gone;
}

template <typename Operation>
Napi::Value act_as_caller(const Napi::CallbackInfo& info, Worker& worker, const Place& place,
                          Operation operation) {
  // others must not wait for what the container's file system takes
  if (const auto begun = worker.begin_operation(); !begun)
    return throw_errno(info.Env(), "operations of one call", begun.error());
  std::string label;
  Outcome outcome = try_as_caller(worker, place, operation, label);
  // A signal may take the call back at any time, and it comes again at once: nothing was done.
  for (int tries = kTries; outcome.is_gone && tries > 0 && worker.await_restart(); --tries)
    outcome = try_as_caller(worker, place, operation, label);
  using Effect = Worker::Effect;
  const Effect effect = outcome.failed_step != nullptr ? Effect::unknown : Effect::done;
  if (outcome.answer == ETIMEDOUT) worker.lose_patience();
  worker.end_operation(outcome.is_gone ? Effect::none : effect);
  return outcome_value(info.Env(), outcome, label);
}

[[nodiscard]] bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

// What the arguments of a path are, see path_resolution(7).
[[nodiscard]] int path_error(const std::string& path, bool may_be_empty) {
  if (has_nul(path)) return EINVAL;
  if (path.empty() && !may_be_empty) return ENOENT;
  return path.size() >= kPathMax ? ENAMETOOLONG : 0;
}

[[nodiscard]] bool is_followed(FileOperation operation, std::uint32_t flags) {
  switch (operation) {
    case FileOperation::link:
      return (flags & AT_SYMLINK_FOLLOW) != 0;
    case FileOperation::read_link:
      return false;
    default:
      return (flags & AT_SYMLINK_NOFOLLOW) == 0;
  }
}

// What the kernel has against a way to open, before it looks at any path. open(2) ignores what it
// does not know, and some flags exclude each other all the same.
[[nodiscard]] int open_how_error(const FileRequest& request, bool is_strict) {
  open_how how = {.flags = request.flags, .mode = request.mode, .resolve = request.resolve};
  if (!is_strict) {
    const bool is_path_only = (request.flags & O_PATH) != 0;
    constexpr std::uint32_t kExclusive = O_ACCMODE | O_CREAT | O_TMPFILE;
    how = {.flags = is_path_only ? O_PATH : request.flags & kExclusive, .mode = 0, .resolve = 0};
  }
  // of all ways that there are, an empty path comes to ENOENT
  const long opened = syscall(SYS_openat2, AT_FDCWD, "", &how, sizeof how);
  return opened == -1 && errno != ENOENT ? errno : 0;
}

// Where a path starts of which openat2(2) was told how to resolve it. What forbids links forbids
// those of procfs, whose place is thus not looked for: the kernel refuses them.
[[nodiscard]] Start start_within(std::string path, int dirfd, std::uint64_t resolve,
                                 bool is_led_on) {
  if ((resolve & ~std::uint64_t{RESOLVE_CACHED}) == 0)
    return start_behind_links(std::move(path), dirfd, is_led_on);
  const bool is_from_root = path.starts_with('/') && (resolve & RESOLVE_IN_ROOT) == 0;
  return {is_from_root ? AT_FDCWD : dirfd, "", false, std::move(path), is_from_root};
}

// Whether a path is refused for a link of procfs that means something to the caller only.
[[nodiscard]] bool has_forbidden_link(const std::string& path, std::uint64_t resolve) {
  constexpr std::uint64_t kOthers =
      RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
  const bool is_by_this_alone = (resolve & RESOLVE_NO_MAGICLINKS) != 0 && (resolve & kOthers) == 0;
  return is_by_this_alone && !start_of(path, AT_FDCWD).proc_entry.empty();
}

// Of the call's flags, those that the operation's own system call knows.
[[nodiscard]] std::uint32_t own_flags(FileOperation operation, std::uint32_t flags) {
  constexpr std::uint32_t kXattrFlags = 3;
  return operation == FileOperation::set_xattr ? flags & kXattrFlags : flags & ~kOfDescriptor;
}

// Whether a descriptor that stands for a path only is none for this call.
[[nodiscard]] bool needs_open_file(FileOperation operation, std::uint32_t flags) {
  switch (operation) {
    case FileOperation::get_xattr:
    case FileOperation::set_xattr:
    case FileOperation::list_xattr:
    case FileOperation::remove_xattr:
      return true;
    default:
      return (flags & kOfDescriptor) != 0;
  }
}

// Of a path that ends at an entry of /proc/self that is there, such as /proc/self/fd/3: what the
// kernel says to who means the entry itself. 0: what it leads to is meant.
[[nodiscard]] int entry_error(const FileRequest& request) {
  switch (request.operation) {
    case FileOperation::mkdir:
    case FileOperation::mknod:
    case FileOperation::symlink:
      return EEXIST;
    case FileOperation::rename:
      return EXDEV;
    case FileOperation::unlink:
      return EPERM;
    case FileOperation::link:
      return request.is_followed ? 0 : EXDEV;
    case FileOperation::open:
      return (request.flags & O_NOFOLLOW) != 0 ? ELOOP : 0;
    case FileOperation::chown:
      return request.is_followed ? 0 : EPERM;
    case FileOperation::chmod:
    case FileOperation::get_xattr:
    case FileOperation::set_xattr:
    case FileOperation::list_xattr:
    case FileOperation::remove_xattr:
      return request.is_followed ? 0 : EOPNOTSUPP;
    case FileOperation::stat:
    case FileOperation::read_link:
    case FileOperation::undo_mknod:
      return 0;
  }
  return 0;
}

// Whether what the last link of a path leads to is meant, also where that is such an entry.
[[nodiscard]] bool is_led_on(const FileRequest& request) {
  const bool is_open = request.operation == FileOperation::open;
  return (is_open || request.is_followed) && entry_error(request) == 0;
}

[[nodiscard]] bool is_entry(const Start& start) {
  return !start.proc_entry.empty() && start.rest.empty();
}

// Whether an entry of /proc/self counts is seen by who acts, and so is what is the matter with it:
// in its place, there is a base in any case.
void leave_to_look_up(const Start& start, int own_error, const UniqueFd& root, UniqueFd& base,
                      int& base_error, std::int32_t& entry_error) {
  if (start.proc_entry.empty()) return;
  entry_error = base_error != 0 ? base_error : own_error;
  if (base.is_open()) return;
  base.reset(fcntl(root.get(), F_DUPFD_CLOEXEC, 0));
  base_error = base.is_open() ? 0 : errno;
}

// A protection of /proc/sys/fs, which is read for each call: its file stays open.
class Protection {
 public:
  explicit Protection(const char* path) : file_(open(path, O_RDONLY | O_CLOEXEC)) {}

  // 0 where there is none.
  [[nodiscard]] std::uint32_t level() const {
    char digit = '0';
    const bool is_read = retry_eintr([&] { return pread(file_.get(), &digit, 1, 0); }) == 1;
    return is_read ? static_cast<std::uint32_t>(digit - '0') : 0;
  }

 private:
  UniqueFd file_;
};

// What is opened with O_CREAT is opened under the system's protections, which callers can't read.
void add_protections(FileRequest& request) {
  if (request.operation != FileOperation::open || (request.flags & O_CREAT) == 0) return;
  static const Protection regular("/proc/sys/fs/protected_regular");
  static const Protection fifos("/proc/sys/fs/protected_fifos");
  static const Protection links("/proc/sys/fs/protected_symlinks");
  request.first = regular.level();
  request.second = fifos.level();
  request.protects_links = links.level() != 0;
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
};

// What a descriptor leads to, as a path only: to close a second descriptor of a container's open
// file may take for ever.
[[nodiscard]] UniqueFd path_of(int fd) {
  const std::string link = "/proc/thread-self/fd/" + std::to_string(fd);
  return UniqueFd(open(link.c_str(), O_PATH | O_CLOEXEC));
}

// Nodes that can't be opened where they are get a mount on top of them.
[[nodiscard]] bool may_mount(const FileRequest& request) {
  return request.lent != 0 && request.operation == FileOperation::mknod;
}

// Of an open: on the file itself.
[[nodiscard]] bool has_effect(const FileRequest& request) {
  return (request.flags & O_TRUNC) != 0 || makes_something(request);
}

[[nodiscard]] FileOutcome act_by_request(const Acting& acting) {
  if (may_mount(acting.request)) return make_device_node(acting);
  const bool is_open = acting.request.operation == FileOperation::open;
  // as the kernel has it: nothing is made or cut for who can have no descriptor of it
  if (is_open && has_effect(acting.request) &&
      CallerState::of(acting.target.call.tid).has_all_descriptors()) {
    return {.outcome = {.answer = EMFILE}, .bytes = {}, .fd = {}};
  }
  if (is_open && !EndingChildren::of_process().await_room(acting.owner.payer, acting.patience))
    return {.outcome = our_failure(kTooManyHang, Errno{EBUSY}), .bytes = {}, .fd = {}};
  if (acting.request.lent == 0) return act_on_file(acting);
  FileOutcome done = act_with_power(acting);
  if (acting.request.operation == FileOperation::list_xattr) done.bytes = shown_names(done.bytes);
  return done;
}

Napi::Value act(const Napi::CallbackInfo& info, Worker& worker, Asked asked, FileOutcome& done) {
  FileRequest& request = asked.request;
  if (asked.is_lent) {
    const auto lent = lent_capability(request);
    if (!lent) return number(info.Env(), lent.error().number);
    request.lent = *lent;
  }
  if (has_nul(request.name)) return number(info.Env(), EINVAL);
  const bool is_open = request.operation == FileOperation::open;
  if (const int error = is_open ? open_how_error(request, asked.is_strict) : 0; error != 0)
    return number(info.Env(), error);
  if (const int error = path_error(request.path, asked.may_be_empty); error != 0)
    return number(info.Env(), error);
  if (const int error = asked.has_second ? path_error(request.second_path, false) : 0; error != 0)
    return number(info.Env(), error);
  if (has_forbidden_link(request.path, request.resolve)) return number(info.Env(), ELOOP);
  const Start start =
      start_within(std::move(request.path), asked.dirfd, request.resolve, is_led_on(request));
  const int own_error = is_entry(start) ? entry_error(request) : 0;
  request.path = start.rest;
  request.proc_path = start.asked;
  // the text of a symbolic link is no path yet
  add_protections(request);
  const bool is_path = asked.has_second && request.operation != FileOperation::symlink;
  const Start second =
      is_path ? start_behind_links(std::move(request.second_path), asked.second_dirfd, false)
              : Start{};
  // a name in procfs, which link and rename have no use for
  const int new_error = is_path && is_entry(second) ? EXDEV : 0;
  if (is_path) request.second_path = second.rest;
  request.second_proc_path = second.asked;
  return act_as_caller(info, worker,
                       {.start = start,
                        .second = is_path ? &second : nullptr,
                        .pinned = may_mount(request) ? Pinned::for_mounts : Pinned::for_files},
                       [&](Target target, const Patience& patience) {
                         if (asked.needs_open_file && target.is_base_path_only)
                           target.base_error = EBADF;
                         leave_to_look_up(start, own_error, target.root, target.base,
                                          target.base_error, request.entry_error);
                         leave_to_look_up(second, new_error, target.root, target.second_base,
                                          target.second_base_error, request.second_entry_error);
                         if (asked.kept != -1) {
                           target.base = path_of(asked.kept);
                           target.base_error = target.base.is_open() ? 0 : errno;
                         }
                         if (!worker.may_lend(target)) request.lent = 0;
                         request.owner = target.credentials.uid.fs;
                         if (request.lent != 0 && !is_lent_to_owner(request))
                           return Outcome{.answer = EPERM};
                         done = act_by_request({.target = target,
                                                .request = request,
                                                .patience = patience,
                                                .actor = worker.actor(),
                                                .owner = worker.owner()});
                         return done.outcome;
                       });
}

[[nodiscard]] std::uint64_t wide(std::uint32_t low, std::uint32_t high) {
  return low | std::uint64_t{high} << 32;
}

[[nodiscard]] bool is_mount_operation(std::uint32_t operation) {
  switch (static_cast<MountOperation>(operation)) {
    case MountOperation::unmount:
    case MountOperation::set_mount_attributes:
      return true;
  }
  return false;
}

[[nodiscard]] bool has_sys_admin(const Target& target) {
  return (target.credentials.effective_capabilities & 1ULL << CAP_SYS_ADMIN) != 0;
}

// Does something to a mount that is there.
template <typename Change>
Napi::Value act_on_mount(const Napi::CallbackInfo& info, Worker& worker, const Start& start,
                         Pinned pinned, Change change) {
  std::string failed_step;
  return act_as_caller(info, worker, {.start = start, .second = nullptr, .pinned = pinned},
                       [&](const Target& target, const Patience& patience) {
                         if (!has_sys_admin(target) && !worker.may_lend(target))
                           return Outcome{.answer = EPERM};
                         return change(Mounting{.target = target,
                                                .patience = patience,
                                                .owner = worker.owner(),
                                                .failed_step = failed_step,
                                                .proc_path = start.asked});
                       });
}

struct MountTexts {
  std::optional<std::string> path;
  // Of an unmount: paths of settings, each with a NUL behind it.
  std::optional<std::string> spared;
};

Napi::Value change_mount(const Napi::CallbackInfo& info, Worker& worker, MountOperation operation,
                         MountTexts texts, const OperationNumbers& numbers) {
  auto& path = texts.path;
  if (!path) return number(info.Env(), EINVAL);
  if (const int error = path_error(*path, false); error != 0) return number(info.Env(), error);
  const Start start = start_of(std::move(*path), numbers.dirfd);
  constexpr auto kPinned = Pinned::for_changes_of_mounts;
  if (operation == MountOperation::unmount) {
    const auto spared = texts.spared ? worker.spared(*texts.spared) : std::nullopt;
    // what can't be found must not be taken away
    if (texts.spared && !spared) return number(info.Env(), EPERM);
    return act_on_mount(info, worker, start, kPinned, [&](const Mounting& mounting) {
      return unmount(mounting, start.rest, numbers.flags, spared);
    });
  }
  const std::int32_t descriptor = numbers.descriptor;
  const MountChange change = {
      .set = wide(numbers.first, numbers.second),
      .clear = wide(numbers.low, numbers.high),
      .is_recursive = (numbers.flags & AT_RECURSIVE) != 0,
      .user_namespace = descriptor < 0 ? -1 : worker.kept(static_cast<std::uint32_t>(descriptor))};
  if (descriptor >= 0 && change.user_namespace < 0) return number(info.Env(), EBADF);
  return act_on_mount(info, worker, start, kPinned, [&](const Mounting& mounting) {
    return set_mount_attributes(mounting, start.rest, change);
  });
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
  int described = -1;
  if (!path) {
    if (kind != FileOperation::stat) return number(info.Env(), EINVAL);
    described = attached->worker->kept(static_cast<std::uint32_t>(numbers->descriptor));
    if (described == -1) return number(info.Env(), EBADF);
  }
  if ((flags & kOfDescriptor) != 0 && numbers->dirfd == AT_FDCWD) return number(info.Env(), EBADF);
  FileOutcome done;
  const Napi::Value answer = act(info, *attached->worker,
                                 {.request = {.operation = kind,
                                              .path = path.value_or(""),
                                              .second_path = second_path.value_or(""),
                                              .name = name.value_or(""),
                                              .data = value.value_or(""),
                                              .flags = own_flags(kind, flags),
                                              .mode = numbers->mode,
                                              .first = numbers->first,
                                              .second = numbers->second,
                                              .is_followed = is_followed(kind, flags),
                                              .room = static_cast<std::uint32_t>(result.size()),
                                              .resolve = wide(numbers->low, numbers->high),
                                              .is_given = numbers->is_given != 0,
                                              .within = split_paths(within)},
                                  .dirfd = numbers->dirfd,
                                  .second_dirfd = numbers->second_dirfd,
                                  .has_second = second_path.has_value(),
                                  .may_be_empty = described != -1 || (flags & AT_EMPTY_PATH) != 0,
                                  .needs_open_file = needs_open_file(kind, flags),
                                  .is_lent = numbers->is_lent != 0,
                                  .kept = described,
                                  .is_strict = numbers->is_strict != 0},
                                 done);
  const std::size_t length = std::min(done.bytes.size(), result.size());
  std::copy_n(reinterpret_cast<const std::byte*>(done.bytes.data()), length, result.begin());
  numbers->result_length = static_cast<std::uint32_t>(length);
  numbers->descriptor = -1;
  numbers->given = done.given;
  if (done.given >= 0) CallerState::of(attached->worker->tid()).note_turn();
  if (done.fd.is_open()) {
    Worker& worker = *attached->worker;
    const auto flush = done.is_closed_at_once ? Flush::none : Flush::unknown;
    const auto kept = worker.keep(CallersFd(std::move(done.fd), worker.owner().payer, flush));
    if (!kept) return number(info.Env(), kept.error().number);
    numbers->descriptor = static_cast<std::int32_t>(*kept);
  }
  return answer;
}

Napi::Value mount_as_caller(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::uint32_t handle = arguments.u32();
  const std::span<std::byte> memory = arguments.bytes();
  const auto* const numbers = arguments.numbers_of<MountNumbers>();
  if (!arguments.is_ok()) return {};
  auto target = arguments.range(memory, numbers->target, numbers->target_length);
  auto type = arguments.range(memory, numbers->type, numbers->type_length);
  MountArguments wanted = {
      .source = arguments.range(memory, numbers->source, numbers->source_length),
      .target = target.value_or(""),
      .type = type.value_or(""),
      .flags = wide(numbers->flags_low, numbers->flags_high),
      .data = arguments.range(memory, numbers->data, numbers->data_length)};
  if (!arguments.is_ok()) return {};
  if (!target || !type || has_nul(*target) || has_nul(*type) ||
      has_nul(wanted.source.value_or("")) || has_nul(wanted.data.value_or(""))) {
    return number(info.Env(), EINVAL);
  }
  if (target->empty()) return number(info.Env(), ENOENT);
  if (target->size() >= kPathMax) return number(info.Env(), ENAMETOOLONG);
  const Start start = start_of(std::move(*target), AT_FDCWD);
  wanted.target = start.rest;
  auto request = parse_mount(std::move(wanted));
  if (!request) return number(info.Env(), request.error().number);
  AttachedWorker* attached = find(info, &State::workers, handle);
  if (attached == nullptr) return {};
  Worker& worker = *attached->worker;
  const Pinned pinned = request->type == "proc" ? Pinned::for_proc : Pinned::for_mounts;
  return act_on_mount(info, worker, start, pinned, [&](const Mounting& mounting) {
    const auto masks = needs_masks(*request) ? worker.container_masks() : Masks{};
    const bool has_own_mounts =
        needs_masks(*request) && !worker.has_mounts_of_first(mounting.target.mount_namespace);
    if (masks) return make_mount(mounting, *request, *masks, has_own_mounts);
    return our_failure("look at what the container's first process does not see", masks.error());
  });
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

Napi::Value refuse_pidns(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const bool is_refused = arguments.u32() != 0;
  if (arguments.is_ok()) refuse_pidns_option(is_refused);
  return info.Env().Undefined();
}

}  // namespace seccompagent
