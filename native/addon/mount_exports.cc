// SPDX-License-Identifier: Apache-2.0
// The exports that act on mounts of a container.
#include "addon/mount_exports.h"

#include <fcntl.h>
#include <linux/capability.h>

#include <span>
#include <string>
#include <utility>

#include "acting/mounting.h"
#include "addon/act_as_caller.h"
#include "addon/exports.h"
#include "addon/file_rules.h"
#include "caller/memory.h"
#include "caller/target.h"
#include "helper/mount_request.h"

namespace seccompagent {
namespace {

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
                                                .cgroups = worker.cgroups(),
                                                .failed_step = failed_step,
                                                .proc_path = start.asked,
                                                .first_mounts = worker.first_mounts()});
                       });
}

}  // namespace

Napi::Value change_mount(const Napi::CallbackInfo& info, Worker& worker, MountOperation operation,
                         MountTexts texts, const OperationNumbers& numbers) {
  auto& path = texts.path;
  if (!path) return number(info.Env(), EINVAL);
  if (const int error = path_error(*path, false); error != 0) return number(info.Env(), error);
  const Start start = start_of(std::move(*path), numbers.dirfd);
  constexpr auto kPinned = Pinned::for_changes_of_mounts;
  if (operation == MountOperation::unmount) {
    const auto spared = texts.spared ? worker.spared(*texts.spared) : nullptr;
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
    const bool has_own_mounts = needs_masks(*request) && !worker.has_mounts_of_first();
    if (masks) return make_mount(mounting, *request, *masks, has_own_mounts);
    return our_failure("look at what the container's first process does not see", masks.error());
  });
}

Napi::Value refuse_pidns(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const bool is_refused = arguments.u32() != 0;
  if (arguments.is_ok()) refuse_pidns_option(is_refused);
  return info.Env().Undefined();
}

}  // namespace seccompagent
